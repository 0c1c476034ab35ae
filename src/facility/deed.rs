//! What finished calls did that the kernel keeps no account of, each told by the facility that owns the call.

/// Which handle a deed was done through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Through {
    /// A descriptor of the actor's.
    Descriptor(i32),
    /// An address in its memory.
    Address(u64),
    /// An id of this facility's.
    Id(i32),
}

/// Whose a lock is: with what it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The process: any close of the file by it ends the lock.
    Process,
    /// The open file description, with all who share it.
    Description,
    /// The task that took it.
    Task,
}

/// The bytes of a lock: from the first to the last, `None` for all that may ever come.
pub type Extent = (u64, Option<u64>);

/// What a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It asked for a lock, and has it if it succeeded.
    Lock {
        /// What it is a lock of.
        on: Through,
        /// Whose it is.
        owner: Owner,
        /// Which bytes; all of them for what has none.
        extent: Extent,
        /// The lock in words: `flock`, `0..10`; empty where the object is one lock.
        what: String,
    },
    /// It gave back what it held of these bytes.
    Unlock {
        /// Of what.
        on: Through,
        /// Whose it was.
        owner: Owner,
        /// Which bytes.
        extent: Extent,
    },
    /// It closed a descriptor.
    Close(i32),
    /// It took so many units of a semaphore, or gave them back if that is negative.
    Units(Through, i64),
    /// It set a semaphore, or a set of them, to new values: what was taken before counts no longer.
    Reset(Through),
}

//! What the records of actors tell and the kernel keeps no account of.

use serde::{Deserialize, Serialize};

/// Something that follows from calls which actors reported. It is only as whole as their records: what ran freely may
/// have been dropped from a ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fact {
    /// An actor took a lock and has not given it back.
    Took {
        /// Who took it.
        actor: String,
        /// The object that it is a lock of.
        object: String,
        /// Which lock, in words: `flock`, `0..10`; empty where an object is one lock.
        what: String,
    },
    /// An actor asked for a lock while it held another.
    Order {
        /// Who.
        actor: String,
        /// The one that it held, in words: `f 0..10`.
        first: String,
        /// The one that it asked for.
        then: String,
    },
    /// An actor lost a lock because it closed another descriptor of the same file.
    Lost {
        /// Who.
        actor: String,
        /// The file.
        object: String,
        /// Which bytes were locked: `0..10`.
        what: String,
        /// The call that did it: `close(4)`; `alice.t1's close(4)` where another thread of its process made it.
        call: String,
    },
    /// An actor took units of a semaphore, or added some.
    Units {
        /// Who.
        actor: String,
        /// The semaphore.
        object: String,
        /// How many it took more than it gave back; negative if it gave more than it took.
        units: i64,
    },
    /// Signals were sent while the same one was pending already, and left no trace.
    Merged {
        /// To whom.
        actor: String,
        /// Which signal: `SIGUSR1`.
        signal: String,
        /// How many were lost so.
        lost: u64,
    },
}

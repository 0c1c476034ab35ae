//! File locks by number, as an actor takes them.

use nix::errno::Errno;

/// A command of fcntl(2) on record locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockCommand {
    /// F_SETLK: locks or unlocks, or fails at once.
    Set,
    /// F_SETLKW: locks or unlocks, and waits.
    SetWait,
    /// F_GETLK: asks which lock would be in the way.
    Get,
    /// F_OFD_SETLK: as [`Self::Set`], owned by the open file description.
    OfdSet,
    /// F_OFD_SETLKW.
    OfdSetWait,
    /// F_OFD_GETLK.
    OfdGet,
}

impl LockCommand {
    /// The number that fcntl(2) takes.
    pub const fn number(self) -> i32 {
        match self {
            Self::Set => libc::F_SETLK,
            Self::SetWait => libc::F_SETLKW,
            Self::Get => libc::F_GETLK,
            Self::OfdSet => libc::F_OFD_SETLK,
            Self::OfdSetWait => libc::F_OFD_SETLKW,
            Self::OfdGet => libc::F_OFD_GETLK,
        }
    }

    /// The command of this number.
    pub const fn from_number(number: i32) -> Option<Self> {
        match number {
            libc::F_SETLK => Some(Self::Set),
            libc::F_SETLKW => Some(Self::SetWait),
            libc::F_GETLK => Some(Self::Get),
            libc::F_OFD_SETLK => Some(Self::OfdSet),
            libc::F_OFD_SETLKW => Some(Self::OfdSetWait),
            libc::F_OFD_GETLK => Some(Self::OfdGet),
            _ => None,
        }
    }
}

/// A record lock: `struct flock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordLock {
    /// `F_RDLCK`, `F_WRLCK` or `F_UNLCK`.
    pub kind: i32,
    /// Where `start` counts from: `SEEK_SET`, `SEEK_CUR`, `SEEK_END`.
    pub whence: i32,
    /// First byte.
    pub start: i64,
    /// How many bytes; 0 means to the end, however far that moves.
    pub len: i64,
    /// Who is in the way, as an answer of `Get`; -1 for an OFD lock. 0 in a question.
    pub pid: i32,
}

impl RecordLock {
    /// A lock on bytes counted from the file's start.
    pub const fn new(kind: i32, start: i64, len: i64) -> Self {
        Self { kind, whence: libc::SEEK_SET, start, len, pid: 0 }
    }

    /// From the memory of a process that sleeps in fcntl: its third argument points to these bytes.
    pub fn from_memory(bytes: &[u8; size_of::<libc::flock>()]) -> Self {
        // SAFETY: any bytes are valid for a struct of integers, and read_unaligned asks for no alignment.
        let raw: libc::flock = unsafe { bytes.as_ptr().cast::<libc::flock>().read_unaligned() };
        Self::from_raw(&raw)
    }

    const fn from_raw(raw: &libc::flock) -> Self {
        Self {
            kind: raw.l_type as i32,
            whence: raw.l_whence as i32,
            start: raw.l_start,
            len: raw.l_len,
            pid: raw.l_pid,
        }
    }
}

/// The size of `struct flock` in bytes.
pub const FLOCK_SIZE: usize = size_of::<libc::flock>();

/// Locks, unlocks or asks, see fcntl_locking(2). What comes back is the lock that is in the way for the asking
/// commands (its kind F_UNLCK if there is none), and the request itself for the others.
///
/// # Errors
/// EAGAIN or EACCES if another lock is in the way, EDEADLK, EINTR, EBADF, ENOLCK.
pub fn fcntl_lock(fd: i32, command: LockCommand, lock: RecordLock) -> Result<RecordLock, Errno> {
    let mut raw = libc::flock {
        l_type: lock.kind as libc::c_short,
        l_whence: lock.whence as libc::c_short,
        l_start: lock.start,
        l_len: lock.len,
        l_pid: 0,
    };
    // SAFETY: all these commands take a struct flock, which is ours.
    Errno::result(unsafe { libc::fcntl(fd, command.number(), &raw mut raw) })?;
    Ok(RecordLock::from_raw(&raw))
}

/// Locks or unlocks an open file description, see flock(2); `operation` as there.
pub fn flock(fd: i32, operation: i32) -> Result<(), Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::flock(fd, operation) }).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::kernel::process::How;
    use crate::kernel::testing::in_child;

    #[test]
    fn a_process_owns_its_record_locks() {
        let file = crate::kernel::testing::scratch_file("records");
        let fd = file.as_raw_fd();
        let whole = RecordLock::new(libc::F_WRLCK, 0, 0);
        fcntl_lock(fd, LockCommand::Set, RecordLock::new(libc::F_WRLCK, 10, 90)).unwrap();
        assert_eq!(fcntl_lock(fd, LockCommand::Get, whole).unwrap().kind, libc::F_UNLCK, "its own is not in its way");
        let parent = std::process::id() as i32;
        let how = in_child(|| {
            let found = fcntl_lock(fd, LockCommand::Get, whole);
            let expected = RecordLock { pid: parent, ..RecordLock::new(libc::F_WRLCK, 10, 90) };
            let taken = fcntl_lock(fd, LockCommand::Set, whole);
            let beside = fcntl_lock(fd, LockCommand::SetWait, RecordLock::new(libc::F_RDLCK, 0, 10));
            let fine = found == Ok(expected) && taken == Err(Errno::EAGAIN) && beside.is_ok();
            i32::from(!fine)
        });
        assert_eq!(how, How::Exited(0));
        assert_eq!(fcntl_lock(-1, LockCommand::Set, whole), Err(Errno::EBADF));
    }

    #[test]
    fn a_description_owns_ofd_locks_and_flock() {
        let file = crate::kernel::testing::scratch_file("descriptions");
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let other = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        let (one, two) = (file.as_raw_fd(), other.as_raw_fd());
        let lock = RecordLock::new(libc::F_WRLCK, 0, 4);
        fcntl_lock(one, LockCommand::OfdSet, lock).unwrap();
        assert_eq!(fcntl_lock(two, LockCommand::OfdSet, lock), Err(Errno::EAGAIN));
        assert_eq!(fcntl_lock(two, LockCommand::OfdGet, lock), Ok(RecordLock { pid: -1, ..lock }));
        flock(one, libc::LOCK_EX).unwrap();
        assert_eq!(flock(two, libc::LOCK_SH | libc::LOCK_NB), Err(Errno::EWOULDBLOCK));
        flock(one, libc::LOCK_UN).unwrap();
        assert_eq!(flock(two, libc::LOCK_SH | libc::LOCK_NB), Ok(()));
        assert_eq!(flock(one, 0), Err(Errno::EINVAL));
    }

    #[test]
    fn commands_and_their_memory() {
        for command in [LockCommand::Set, LockCommand::SetWait, LockCommand::Get, LockCommand::OfdSetWait] {
            assert_eq!(LockCommand::from_number(command.number()), Some(command));
        }
        assert_eq!(LockCommand::from_number(libc::F_GETFL), None);
        let mut bytes = [0; FLOCK_SIZE];
        bytes[0] = libc::F_WRLCK as u8;
        bytes[8] = 50;
        bytes[16] = 20;
        assert_eq!(RecordLock::from_memory(&bytes), RecordLock::new(libc::F_WRLCK, 50, 20));
    }
}

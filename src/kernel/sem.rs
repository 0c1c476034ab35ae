//! POSIX semaphores by address, as an actor uses them, see sem_overview(7). What lies at a bad address is found out
//! by SIGSEGV, as in any C program.

use std::ffi::CStr;

use nix::errno::Errno;

use super::clock::{realtime_ns, timespec};

/// The size of a `sem_t` in bytes; it must lie at a multiple of 8.
pub const SEM_SIZE: usize = size_of::<libc::sem_t>();

const fn at(address: u64) -> *mut libc::sem_t {
    address as *mut libc::sem_t
}

/// Whether the words of a `sem_t` are those of glibc from 2.21 on: the value, how many wait, whether it is shared.
pub fn layout_is_known() -> bool {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: takes nothing.
        let version = unsafe { libc::gnu_get_libc_version() };
        // SAFETY: glibc's constant, a C string.
        let version = unsafe { CStr::from_ptr(version) };
        version.to_str().is_ok_and(since_2_21)
    }
    #[cfg(not(target_env = "gnu"))]
    false
}

#[cfg(any(test, target_env = "gnu"))]
fn since_2_21(version: &str) -> bool {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    (parts.next(), parts.next()) >= (Some(2), Some(21))
}

/// Opens a named semaphore and gives its address, see sem_open(3). `mode` and `value` count only where it is created.
pub fn sem_open(name: &CStr, flags: i32, mode: u32, value: u32) -> Result<u64, Errno> {
    // SAFETY: the name is a C string.
    let sem = unsafe { libc::sem_open(name.as_ptr(), flags, mode, value) };
    if sem == libc::SEM_FAILED { Err(Errno::last()) } else { Ok(sem as u64) }
}

/// Closes a named semaphore: unmaps it when it has been closed as often as opened, see sem_close(3).
pub fn sem_close(address: u64) -> Result<(), Errno> {
    // SAFETY: glibc looks the address up among those that it has opened, and refuses others.
    Errno::result(unsafe { libc::sem_close(at(address)) }).map(drop)
}

/// Removes a semaphore's name, see sem_unlink(3).
pub fn sem_unlink(name: &CStr) -> Result<(), Errno> {
    // SAFETY: the name is a C string.
    Errno::result(unsafe { libc::sem_unlink(name.as_ptr()) }).map(drop)
}

/// Makes a semaphore in memory, see sem_init(3).
pub fn sem_init(address: u64, shared: bool, value: u32) -> Result<(), Errno> {
    // SAFETY: overwrites memory that the actor's learner chose.
    Errno::result(unsafe { libc::sem_init(at(address), i32::from(shared), value) }).map(drop)
}

/// Ends the use of a semaphore in memory, see sem_destroy(3).
pub fn sem_destroy(address: u64) -> Result<(), Errno> {
    // SAFETY: works on memory that the actor's learner chose.
    Errno::result(unsafe { libc::sem_destroy(at(address)) }).map(drop)
}

/// Adds 1 and wakes a waiter, see sem_post(3).
pub fn sem_post(address: u64) -> Result<(), Errno> {
    // SAFETY: works on memory that the actor's learner chose.
    Errno::result(unsafe { libc::sem_post(at(address)) }).map(drop)
}

/// Subtracts 1, waiting while it is 0, see sem_wait(3).
pub fn sem_wait(address: u64) -> Result<(), Errno> {
    // SAFETY: works on memory that the actor's learner chose.
    Errno::result(unsafe { libc::sem_wait(at(address)) }).map(drop)
}

/// Subtracts 1, or fails with EAGAIN while it is 0, see sem_trywait(3).
pub fn sem_trywait(address: u64) -> Result<(), Errno> {
    // SAFETY: works on memory that the actor's learner chose.
    Errno::result(unsafe { libc::sem_trywait(at(address)) }).map(drop)
}

/// Subtracts 1, waiting at most `limit_ns` while it is 0, see sem_timedwait(3).
pub fn sem_timedwait(address: u64, limit_ns: u64) -> Result<(), Errno> {
    let until = timespec(realtime_ns().saturating_add(limit_ns));
    // SAFETY: works on memory that the actor's learner chose; the time is ours.
    Errno::result(unsafe { libc::sem_timedwait(at(address), &raw const until) }).map(drop)
}

/// The value, see sem_getvalue(3).
pub fn sem_getvalue(address: u64) -> Result<i32, Errno> {
    let mut value = 0;
    // SAFETY: reads memory that the actor's learner chose; the value is ours.
    Errno::result(unsafe { libc::sem_getvalue(at(address), &raw mut value) })?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::memory::{mmap, munmap};
    use crate::kernel::process::{How, waitpid};
    use crate::kernel::testing::start;

    #[test]
    fn the_layout_goes_by_the_version() {
        for (version, known) in
            [("2.36", true), ("2.21", true), ("2.20", false), ("3.0", true), ("1.9.9", false), ("", false)]
        {
            assert_eq!(since_2_21(version), known, "{version}");
        }
    }

    #[test]
    fn an_unnamed_one_works_between_processes() {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let page = mmap(0, 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0).unwrap();
        let (here, there) = (page, page + 64);
        for sem in [here, there] {
            sem_init(sem, true, 0).unwrap();
        }
        let pid = start(|| {
            let woken = sem_timedwait(here, 20_000_000_000);
            i32::from(woken.is_err() || sem_post(there).is_err())
        });
        sem_post(here).unwrap();
        let answered = sem_timedwait(there, 20_000_000_000);
        assert_eq!(waitpid(pid, 0), Ok(Some((pid, How::Exited(0)))));
        assert_eq!(answered, Ok(()));
        assert_eq!(sem_trywait(here), Err(Errno::EAGAIN));
        assert_eq!(sem_timedwait(here, 1_000_000), Err(Errno::ETIMEDOUT));
        sem_post(here).unwrap();
        sem_wait(here).unwrap();
        assert_eq!(sem_getvalue(here), Ok(0));
        assert_eq!(sem_init(here, true, u32::MAX), Err(Errno::EINVAL));
        sem_init(here, true, i32::MAX as u32).unwrap();
        assert_eq!(sem_post(here), Err(Errno::EOVERFLOW));
        sem_destroy(here).unwrap();
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn a_named_one_has_one_address_a_process() {
        let name = std::ffi::CString::new(format!("/ipclab-test-sem-{}", std::process::id())).unwrap();
        assert_eq!(sem_open(&name, 0, 0, 0), Err(Errno::ENOENT));
        let sem = sem_open(&name, libc::O_CREAT | libc::O_EXCL, 0o600, 3).unwrap();
        let again = sem_open(&name, 0, 0, 0);
        sem_unlink(&name).unwrap();
        assert_eq!(again, Ok(sem));
        assert_eq!(sem_getvalue(sem), Ok(3));
        assert_eq!(sem_unlink(&name), Err(Errno::ENOENT));
        for _ in 0..2 {
            sem_close(sem).unwrap();
        }
        assert_eq!(sem_close(sem), Err(Errno::EINVAL));
    }
}

//! What POSIX threads synchronize by, at addresses, as an actor uses it: see pthreads(7). Each object lies in memory
//! that the actor's learner chose, so what lies at a bad address is found out by SIGSEGV, as in any C program. These
//! functions give their error as a number and leave errno alone; here it is the error of the result.

use std::ffi::CStr;

use nix::errno::Errno;

use super::clock::{monotonic_ns, realtime_ns, timespec};

/// Bytes that a mutex takes.
pub const MUTEX_SIZE: usize = size_of::<libc::pthread_mutex_t>();
/// Bytes that a condition variable takes.
pub const COND_SIZE: usize = size_of::<libc::pthread_cond_t>();
/// Bytes that a read-write lock takes.
pub const RWLOCK_SIZE: usize = size_of::<libc::pthread_rwlock_t>();
/// Bytes that a barrier takes.
pub const BARRIER_SIZE: usize = size_of::<libc::pthread_barrier_t>();
/// Bytes that a spin lock takes.
pub const SPIN_SIZE: usize = size_of::<libc::pthread_spinlock_t>();
/// Bytes that the attributes of any of them take at most.
pub const ATTR_SIZE: usize = 8;

/// Constants of pthread.h that libc lacks.
pub const PTHREAD_PRIO_NONE: i32 = 0;
/// See pthread_mutexattr_setprotocol(3p).
pub const PTHREAD_PRIO_INHERIT: i32 = 1;
/// See pthread_mutexattr_setprotocol(3p).
pub const PTHREAD_PRIO_PROTECT: i32 = 2;
/// See pthread_mutexattr_setrobust(3).
pub const PTHREAD_MUTEX_STALLED: i32 = 0;
/// See pthread_mutexattr_setrobust(3).
pub const PTHREAD_MUTEX_ROBUST: i32 = 1;
/// See pthread_mutexattr_setpshared(3).
pub const PTHREAD_PROCESS_PRIVATE: i32 = 0;
/// See pthread_mutexattr_setpshared(3).
pub const PTHREAD_PROCESS_SHARED: i32 = 1;
/// What pthread_barrier_wait(3p) returns to one of those who have met.
pub const PTHREAD_BARRIER_SERIAL_THREAD: i32 = -1;
/// See pthread_rwlockattr_setkind_np(3).
pub const PTHREAD_RWLOCK_PREFER_READER_NP: i32 = 0;
/// See pthread_rwlockattr_setkind_np(3).
pub const PTHREAD_RWLOCK_PREFER_WRITER_NP: i32 = 1;
/// See pthread_rwlockattr_setkind_np(3).
pub const PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP: i32 = 2;
/// What a free spin lock holds.
pub const SPIN_FREE: u32 = if cfg!(target_arch = "x86_64") { 1 } else { 0 };

/// The version of glibc that this process runs on; `None` on another C library.
pub fn glibc_version() -> Option<(u32, u32)> {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: takes nothing.
        let version = unsafe { libc::gnu_get_libc_version() };
        // SAFETY: glibc's constant, a C string.
        let version = unsafe { CStr::from_ptr(version) };
        parsed(version)
    }
    #[cfg(not(target_env = "gnu"))]
    None
}

#[cfg(any(test, target_env = "gnu"))]
fn parsed(version: &CStr) -> Option<(u32, u32)> {
    let mut parts = version.to_str().ok()?.split('.').map_while(|part| part.parse().ok());
    Some((parts.next()?, parts.next()?))
}

/// Functions of pthread.h that libc lacks.
mod missing {
    use std::ffi::c_int;

    unsafe extern "C" {
        pub(super) fn pthread_rwlock_timedrdlock(
            lock: *mut libc::pthread_rwlock_t,
            until: *const libc::timespec,
        ) -> c_int;
        pub(super) fn pthread_rwlock_timedwrlock(
            lock: *mut libc::pthread_rwlock_t,
            until: *const libc::timespec,
        ) -> c_int;
        pub(super) fn pthread_mutexattr_setprioceiling(attr: *mut libc::pthread_mutexattr_t, ceiling: c_int) -> c_int;
        pub(super) fn pthread_mutex_setprioceiling(
            mutex: *mut libc::pthread_mutex_t,
            ceiling: c_int,
            old: *mut c_int,
        ) -> c_int;
        pub(super) fn pthread_mutex_getprioceiling(mutex: *const libc::pthread_mutex_t, ceiling: *mut c_int) -> c_int;
    }
}

fn done(error: i32) -> Result<(), Errno> {
    if error == 0 { Ok(()) } else { Err(Errno::from_raw(error)) }
}

/// Functions of one address.
macro_rules! by_address {
    ($($(#[$doc:meta])* $name:ident: $type:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(address: u64) -> Result<(), Errno> {
            // SAFETY: works on memory that the actor's learner chose.
            done(unsafe { libc::$name(address as *mut libc::$type) })
        }
    )*};
}

/// Functions of the address of attributes and a constant.
macro_rules! set_attribute {
    ($($(#[$doc:meta])* $name:ident: $type:ident of $room:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(address: u64, value: i32) -> Result<(), Errno> {
            // SAFETY: works on memory that the actor's learner chose.
            done(unsafe { $room::$name(address as *mut libc::$type, value) })
        }
    )*};
}

/// Functions that make an object at an address, with attributes at another or none.
macro_rules! initialize {
    ($($(#[$doc:meta])* $name:ident: $type:ident, $attr:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(address: u64, attributes: u64) -> Result<(), Errno> {
            // SAFETY: works on memory that the actor's learner chose; no attributes are NULL.
            done(unsafe { libc::$name(address as *mut libc::$type, attributes as *const libc::$attr) })
        }
    )*};
}

/// Functions that wait at an address for so many nanoseconds at most.
macro_rules! within {
    ($($(#[$doc:meta])* $name:ident: $type:ident of $room:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(address: u64, limit_ns: u64) -> Result<(), Errno> {
            let until = timespec(realtime_ns().saturating_add(limit_ns));
            // SAFETY: works on memory that the actor's learner chose; the time is ours.
            done(unsafe { $room::$name(address as *mut libc::$type, &raw const until) })
        }
    )*};
}

by_address! {
    /// See pthread_mutexattr_init(3p).
    pthread_mutexattr_init: pthread_mutexattr_t;
    /// See pthread_mutexattr_destroy(3p).
    pthread_mutexattr_destroy: pthread_mutexattr_t;
    /// See pthread_mutex_lock(3p).
    pthread_mutex_lock: pthread_mutex_t;
    /// See pthread_mutex_trylock(3p).
    pthread_mutex_trylock: pthread_mutex_t;
    /// See pthread_mutex_unlock(3p).
    pthread_mutex_unlock: pthread_mutex_t;
    /// See pthread_mutex_consistent(3).
    pthread_mutex_consistent: pthread_mutex_t;
    /// See pthread_mutex_destroy(3p).
    pthread_mutex_destroy: pthread_mutex_t;
    /// See pthread_condattr_init(3p).
    pthread_condattr_init: pthread_condattr_t;
    /// See pthread_condattr_destroy(3p).
    pthread_condattr_destroy: pthread_condattr_t;
    /// See pthread_cond_signal(3p).
    pthread_cond_signal: pthread_cond_t;
    /// See pthread_cond_broadcast(3p).
    pthread_cond_broadcast: pthread_cond_t;
    /// See pthread_cond_destroy(3p).
    pthread_cond_destroy: pthread_cond_t;
    /// See pthread_rwlockattr_init(3p).
    pthread_rwlockattr_init: pthread_rwlockattr_t;
    /// See pthread_rwlockattr_destroy(3p).
    pthread_rwlockattr_destroy: pthread_rwlockattr_t;
    /// See pthread_rwlock_rdlock(3p).
    pthread_rwlock_rdlock: pthread_rwlock_t;
    /// See pthread_rwlock_tryrdlock(3p).
    pthread_rwlock_tryrdlock: pthread_rwlock_t;
    /// See pthread_rwlock_wrlock(3p).
    pthread_rwlock_wrlock: pthread_rwlock_t;
    /// See pthread_rwlock_trywrlock(3p).
    pthread_rwlock_trywrlock: pthread_rwlock_t;
    /// See pthread_rwlock_unlock(3p).
    pthread_rwlock_unlock: pthread_rwlock_t;
    /// See pthread_rwlock_destroy(3p).
    pthread_rwlock_destroy: pthread_rwlock_t;
    /// See pthread_barrierattr_init(3p).
    pthread_barrierattr_init: pthread_barrierattr_t;
    /// See pthread_barrierattr_destroy(3p).
    pthread_barrierattr_destroy: pthread_barrierattr_t;
    /// See pthread_barrier_destroy(3p).
    pthread_barrier_destroy: pthread_barrier_t;
    /// See pthread_spin_lock(3).
    pthread_spin_lock: pthread_spinlock_t;
    /// See pthread_spin_trylock(3).
    pthread_spin_trylock: pthread_spinlock_t;
    /// See pthread_spin_unlock(3).
    pthread_spin_unlock: pthread_spinlock_t;
    /// See pthread_spin_destroy(3).
    pthread_spin_destroy: pthread_spinlock_t;
}

set_attribute! {
    /// See pthread_mutexattr_settype(3p).
    pthread_mutexattr_settype: pthread_mutexattr_t of libc;
    /// See pthread_mutexattr_setrobust(3).
    pthread_mutexattr_setrobust: pthread_mutexattr_t of libc;
    /// See pthread_mutexattr_setprotocol(3p).
    pthread_mutexattr_setprotocol: pthread_mutexattr_t of libc;
    /// See pthread_mutexattr_setprioceiling(3p).
    pthread_mutexattr_setprioceiling: pthread_mutexattr_t of missing;
    /// See pthread_mutexattr_setpshared(3).
    pthread_mutexattr_setpshared: pthread_mutexattr_t of libc;
    /// See pthread_condattr_setpshared(3p).
    pthread_condattr_setpshared: pthread_condattr_t of libc;
    /// See pthread_condattr_setclock(3p).
    pthread_condattr_setclock: pthread_condattr_t of libc;
    /// See pthread_rwlockattr_setpshared(3p).
    pthread_rwlockattr_setpshared: pthread_rwlockattr_t of libc;
    /// See pthread_rwlockattr_setkind_np(3).
    pthread_rwlockattr_setkind_np: pthread_rwlockattr_t of libc;
    /// See pthread_barrierattr_setpshared(3p).
    pthread_barrierattr_setpshared: pthread_barrierattr_t of libc;
    /// See pthread_spin_init(3).
    pthread_spin_init: pthread_spinlock_t of libc;
}

initialize! {
    /// See pthread_mutex_init(3p).
    pthread_mutex_init: pthread_mutex_t, pthread_mutexattr_t;
    /// See pthread_cond_init(3p).
    pthread_cond_init: pthread_cond_t, pthread_condattr_t;
    /// See pthread_rwlock_init(3p).
    pthread_rwlock_init: pthread_rwlock_t, pthread_rwlockattr_t;
}

within! {
    /// See pthread_mutex_timedlock(3p).
    pthread_mutex_timedlock: pthread_mutex_t of libc;
    /// See pthread_rwlock_timedrdlock(3p).
    pthread_rwlock_timedrdlock: pthread_rwlock_t of missing;
    /// See pthread_rwlock_timedwrlock(3p).
    pthread_rwlock_timedwrlock: pthread_rwlock_t of missing;
}

/// Lets the mutex go, sleeps until it is signalled, and takes the mutex again, see pthread_cond_wait(3p).
pub fn pthread_cond_wait(cond: u64, mutex: u64) -> Result<(), Errno> {
    // SAFETY: works on memory that the actor's learner chose.
    done(unsafe { libc::pthread_cond_wait(cond as *mut libc::pthread_cond_t, mutex as *mut libc::pthread_mutex_t) })
}

/// The same for `limit_ns` at most. `monotonic` is whether the condition variable goes by CLOCK_MONOTONIC, as
/// pthread_condattr_setclock(3p) sets it, and not by CLOCK_REALTIME. See pthread_cond_timedwait(3p).
pub fn pthread_cond_timedwait(cond: u64, mutex: u64, limit_ns: u64, monotonic: bool) -> Result<(), Errno> {
    let now = if monotonic { monotonic_ns() } else { realtime_ns() };
    let until = timespec(now.saturating_add(limit_ns));
    let (cond, mutex) = (cond as *mut libc::pthread_cond_t, mutex as *mut libc::pthread_mutex_t);
    // SAFETY: works on memory that the actor's learner chose; the time is ours.
    done(unsafe { libc::pthread_cond_timedwait(cond, mutex, &raw const until) })
}

/// The priority ceiling of a mutex that protects priority, see pthread_mutex_getprioceiling(3p).
pub fn pthread_mutex_getprioceiling(mutex: u64) -> Result<i32, Errno> {
    let mut ceiling = 0;
    // SAFETY: reads memory that the actor's learner chose; the number is ours.
    let told =
        unsafe { missing::pthread_mutex_getprioceiling(mutex as *const libc::pthread_mutex_t, &raw mut ceiling) };
    done(told).map(|()| ceiling)
}

/// Locks the mutex, sets its ceiling and lets it go; what the ceiling was. See pthread_mutex_setprioceiling(3p).
pub fn pthread_mutex_setprioceiling(mutex: u64, ceiling: i32) -> Result<i32, Errno> {
    let mut old = 0;
    // SAFETY: works on memory that the actor's learner chose; the number is ours.
    let told =
        unsafe { missing::pthread_mutex_setprioceiling(mutex as *mut libc::pthread_mutex_t, ceiling, &raw mut old) };
    done(told).map(|()| old)
}

/// Makes a barrier for so many, see pthread_barrier_init(3p).
pub fn pthread_barrier_init(barrier: u64, attributes: u64, count: u32) -> Result<(), Errno> {
    let attributes = attributes as *const libc::pthread_barrierattr_t;
    // SAFETY: works on memory that the actor's learner chose; no attributes are NULL.
    done(unsafe { libc::pthread_barrier_init(barrier as *mut libc::pthread_barrier_t, attributes, count) })
}

/// Waits until as many have come as it was made for; whether this is the one who is told apart from the others. See
/// pthread_barrier_wait(3p).
pub fn pthread_barrier_wait(barrier: u64) -> Result<bool, Errno> {
    // SAFETY: works on memory that the actor's learner chose.
    let told = unsafe { libc::pthread_barrier_wait(barrier as *mut libc::pthread_barrier_t) };
    if told == PTHREAD_BARRIER_SERIAL_THREAD { Ok(true) } else { done(told).map(|()| false) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::memory::{Width, load, mmap, munmap};
    use crate::kernel::process::{How, waitpid};
    use crate::kernel::testing::start;

    fn shared_page() -> u64 {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        mmap(0, 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0).unwrap()
    }

    /// A mutex for processes at `page`, whose attributes lie behind it.
    fn mutex(page: u64, set: impl Fn(u64)) {
        let attributes = page + 2048;
        pthread_mutexattr_init(attributes).unwrap();
        pthread_mutexattr_setpshared(attributes, PTHREAD_PROCESS_SHARED).unwrap();
        set(attributes);
        pthread_mutex_init(page, attributes).unwrap();
        pthread_mutexattr_destroy(attributes).unwrap();
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(parsed(c"2.36"), Some((2, 36)));
        assert_eq!(parsed(c"2.41.9000"), Some((2, 41)));
        assert_eq!(parsed(c"musl"), None);
    }

    #[test]
    fn types_of_mutexes_differ() {
        let page = shared_page();
        mutex(page, |attributes| pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_ERRORCHECK).unwrap());
        assert_eq!(pthread_mutex_unlock(page), Err(Errno::EPERM));
        pthread_mutex_lock(page).unwrap();
        assert_eq!(pthread_mutex_lock(page), Err(Errno::EDEADLK));
        assert_eq!(pthread_mutex_trylock(page), Err(Errno::EBUSY));
        assert_eq!(pthread_mutex_destroy(page), Err(Errno::EBUSY));
        assert_eq!(pthread_mutex_consistent(page), Err(Errno::EINVAL), "not robust");
        pthread_mutex_unlock(page).unwrap();
        mutex(page, |attributes| pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_RECURSIVE).unwrap());
        pthread_mutex_lock(page).unwrap();
        pthread_mutex_lock(page).unwrap();
        pthread_mutex_unlock(page).unwrap();
        pthread_mutex_unlock(page).unwrap();
        pthread_mutex_destroy(page).unwrap();
        pthread_mutexattr_init(page).unwrap();
        assert_eq!(pthread_mutexattr_settype(page, 77), Err(Errno::EINVAL));
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn the_death_of_an_owner_is_told() {
        let page = shared_page();
        mutex(page, |attributes| {
            pthread_mutexattr_setrobust(attributes, PTHREAD_MUTEX_ROBUST).unwrap();
            pthread_mutexattr_setprotocol(attributes, PTHREAD_PRIO_INHERIT).unwrap();
        });
        for repaired in [true, false] {
            let pid = start(|| i32::from(pthread_mutex_lock(page).is_err()));
            assert_eq!(waitpid(pid, 0), Ok(Some((pid, How::Exited(0)))));
            assert_eq!(pthread_mutex_timedlock(page, 1_000_000), Err(Errno::EOWNERDEAD));
            if repaired {
                pthread_mutex_consistent(page).unwrap();
            }
            pthread_mutex_unlock(page).unwrap();
        }
        assert_eq!(pthread_mutex_lock(page), Err(Errno::ENOTRECOVERABLE));
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn a_ceiling_is_for_realtime_threads() {
        let page = shared_page();
        mutex(page, |attributes| {
            pthread_mutexattr_setprotocol(attributes, PTHREAD_PRIO_PROTECT).unwrap();
            assert_eq!(pthread_mutexattr_setprioceiling(attributes, 0), Err(Errno::EINVAL));
            assert_eq!(pthread_mutexattr_setprioceiling(attributes, 100), Err(Errno::EINVAL));
            pthread_mutexattr_setprioceiling(attributes, 50).unwrap();
        });
        assert_eq!(pthread_mutex_getprioceiling(page), Ok(50));
        assert_eq!(load(page, Width::W32, false), 50 << 19, "where glibc keeps it");
        let refused = |told| matches!(told, Err(Errno::EINVAL | Errno::EPERM));
        assert!(refused(pthread_mutex_lock(page)), "a thread of SCHED_OTHER has no priority to raise");
        assert!(pthread_mutex_setprioceiling(page, 20).is_err() || pthread_mutex_getprioceiling(page) == Ok(20));
        mutex(page, |_| ());
        assert_eq!(pthread_mutex_getprioceiling(page), Err(Errno::EINVAL));
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn a_condition_variable_goes_by_its_clock() {
        let page = shared_page();
        let cond = page + 64;
        mutex(page, |_| ());
        let attributes = page + 2048;
        pthread_condattr_init(attributes).unwrap();
        assert_eq!(pthread_condattr_setclock(attributes, libc::CLOCK_PROCESS_CPUTIME_ID), Err(Errno::EINVAL));
        pthread_condattr_setclock(attributes, libc::CLOCK_MONOTONIC).unwrap();
        pthread_cond_init(cond, attributes).unwrap();
        pthread_mutex_lock(page).unwrap();
        let before = monotonic_ns();
        assert_eq!(pthread_cond_timedwait(cond, page, 5_000_000, true), Err(Errno::ETIMEDOUT));
        assert!((5_000_000..20_000_000_000).contains(&(monotonic_ns() - before)));
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn a_signalled_sleeper_has_the_mutex_again() {
        let page = shared_page();
        let (cond, flag) = (page + 64, page + 128);
        mutex(page, |_| ());
        let attributes = page + 2048;
        pthread_condattr_init(attributes).unwrap();
        pthread_condattr_setpshared(attributes, PTHREAD_PROCESS_SHARED).unwrap();
        pthread_cond_init(cond, attributes).unwrap();
        pthread_condattr_destroy(attributes).unwrap();
        pthread_mutex_lock(page).unwrap();
        assert_eq!(pthread_cond_timedwait(cond, page, 1_000_000, false), Err(Errno::ETIMEDOUT));
        let pid = start(|| {
            let locked = pthread_mutex_lock(page);
            crate::kernel::memory::store(flag, Width::W32, 1);
            let signalled = pthread_cond_signal(cond).and_then(|()| pthread_cond_broadcast(cond));
            i32::from(locked.and(signalled).and_then(|()| pthread_mutex_unlock(page)).is_err())
        });
        while load(flag, Width::W32, false) == 0 {
            pthread_cond_wait(cond, page).unwrap();
        }
        pthread_mutex_unlock(page).unwrap();
        assert_eq!(waitpid(pid, 0), Ok(Some((pid, How::Exited(0)))));
        pthread_cond_destroy(cond).unwrap();
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn readers_share_and_writers_do_not() {
        let page = shared_page();
        let attributes = page + 2048;
        pthread_rwlockattr_init(attributes).unwrap();
        pthread_rwlockattr_setpshared(attributes, PTHREAD_PROCESS_SHARED).unwrap();
        pthread_rwlockattr_setkind_np(attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP).unwrap();
        pthread_rwlock_init(page, attributes).unwrap();
        pthread_rwlockattr_destroy(attributes).unwrap();
        pthread_rwlock_rdlock(page).unwrap();
        pthread_rwlock_tryrdlock(page).unwrap();
        assert_eq!(pthread_rwlock_trywrlock(page), Err(Errno::EBUSY));
        assert_eq!(pthread_rwlock_timedwrlock(page, 1_000_000), Err(Errno::ETIMEDOUT));
        pthread_rwlock_unlock(page).unwrap();
        pthread_rwlock_unlock(page).unwrap();
        pthread_rwlock_wrlock(page).unwrap();
        assert_eq!(pthread_rwlock_timedrdlock(page, 1_000_000), Err(Errno::EDEADLK), "it has the lock for writing");
        pthread_rwlock_unlock(page).unwrap();
        pthread_rwlock_destroy(page).unwrap();
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn a_barrier_tells_one_of_those_who_meet() {
        let page = shared_page();
        let attributes = page + 2048;
        pthread_barrierattr_init(attributes).unwrap();
        pthread_barrierattr_setpshared(attributes, PTHREAD_PROCESS_SHARED).unwrap();
        assert_eq!(pthread_barrier_init(page, attributes, 0), Err(Errno::EINVAL));
        pthread_barrier_init(page, attributes, 2).unwrap();
        pthread_barrierattr_destroy(attributes).unwrap();
        let pid = start(|| pthread_barrier_wait(page).map_or(9, i32::from));
        let told = pthread_barrier_wait(page).unwrap();
        assert_eq!(waitpid(pid, 0), Ok(Some((pid, How::Exited(i32::from(!told))))));
        pthread_barrier_destroy(page).unwrap();
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn a_spin_lock_is_one_word() {
        let page = shared_page();
        pthread_spin_init(page, PTHREAD_PROCESS_SHARED).unwrap();
        assert_eq!(load(page, Width::W32, false), i64::from(SPIN_FREE));
        pthread_spin_lock(page).unwrap();
        assert_ne!(load(page, Width::W32, false), i64::from(SPIN_FREE));
        assert_eq!(pthread_spin_trylock(page), Err(Errno::EBUSY));
        pthread_spin_unlock(page).unwrap();
        pthread_spin_trylock(page).unwrap();
        pthread_spin_destroy(page).unwrap();
        munmap(page, 4096).unwrap();
    }
}

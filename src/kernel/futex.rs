//! Futexes between processes, see futex(2).

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use nix::errno::Errno;

use super::clock::{monotonic_ns, timespec};

/// Sleeps while `word` holds `expected`, at most for `timeout`. Never uses the private form, so the word may lie in
/// memory shared between processes.
///
/// # Errors
/// EAGAIN if the word does not hold `expected`, ETIMEDOUT, EINTR after a signal.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> Result<(), Errno> {
    let timeout = timeout.map(|t| timespec(u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)));
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the word is alive for the call, and the timeout is null or lives in this frame.
    let ret = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, timeout) };
    Errno::result(ret).map(drop)
}

/// Wakes up to `count` sleepers on `word` and says how many there were.
pub fn wake(word: &AtomicU32, count: i32) -> usize {
    // SAFETY: FUTEX_WAKE only takes the address of the word, which is alive.
    let ret = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
    usize::try_from(ret).unwrap_or(0)
}

/// Sleeps on the word at an address, or wakes who sleeps there, as an actor asks for it: see futex(2). The kernel judges
/// the address.
pub fn by_address(address: u64, operation: i32, val: u32, timeout_ns: Option<u64>) -> Result<i64, Errno> {
    let timeout = timeout_ns.map(timespec);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: waiting and waking read no more than the word, and the timeout is null or lives in this frame.
    Errno::result(unsafe { libc::syscall(libc::SYS_futex, address, operation, val, timeout) })
}

/// A word of memory as futex_waitv(2) takes it: struct futex_waitv of linux/futex.h.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiter {
    /// What the word must hold.
    pub val: u64,
    /// Its address.
    pub uaddr: u64,
    /// Its size, FUTEX2_SIZE_U32, and FUTEX2_PRIVATE.
    pub flags: u32,
    reserved: u32,
}

/// Most words that one call may name (FUTEX_WAITV_MAX).
pub const WAITV_MAX: usize = 128;

impl Waiter {
    /// How many bytes it has in memory.
    pub const SIZE: usize = size_of::<Self>();

    /// A word of 32 bits, with flags beside its size.
    pub const fn new(uaddr: u64, val: u64, flags: u32) -> Self {
        Self { val, uaddr, flags: libc::FUTEX2_SIZE_U32 as u32 | flags, reserved: 0 }
    }

    /// From its bytes in memory; `None` if there are too few.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let long = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let int = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        Some(Self { val: long(0)?, uaddr: long(8)?, flags: int(16)?, reserved: int(20)? })
    }
}

/// Sleeps while all of these words hold their values, for `limit_ns` at most, and tells which of them woke it, by its
/// place: futex_waitv(2), Linux 5.16 (see Documentation/userspace-api/futex2.rst). The kernel judges the addresses.
///
/// # Errors
/// EAGAIN if a word holds something else, ETIMEDOUT, EINTR, EFAULT, EINVAL for no words or too many; ENOSYS.
pub fn waitv(words: &[Waiter], limit_ns: Option<u64>) -> Result<i64, Errno> {
    let until = limit_ns.map(|ns| timespec(monotonic_ns().saturating_add(ns)));
    let until = until.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let (count, clock) = (words.len(), libc::CLOCK_MONOTONIC);
    // SAFETY: the kernel reads that many structures and the time, which live in this frame and the caller's, and no more
    // than the words that these name.
    Errno::result(unsafe { libc::syscall(libc::SYS_futex_waitv, words.as_ptr(), count, 0, until, clock) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_kernels_to_judge() {
        let word = AtomicU32::new(7);
        let address = word.as_ptr() as u64;
        assert_eq!(by_address(address, libc::FUTEX_WAIT, 6, None), Err(Errno::EAGAIN));
        assert_eq!(by_address(address, libc::FUTEX_WAIT, 7, Some(1_000_000)), Err(Errno::ETIMEDOUT));
        assert_eq!(by_address(address, libc::FUTEX_WAKE, 1, None), Ok(0));
        assert_eq!(by_address(address + 1, libc::FUTEX_WAIT, 7, None), Err(Errno::EINVAL));
        assert_eq!(by_address(8, libc::FUTEX_WAIT, 7, None), Err(Errno::EFAULT));
    }

    #[test]
    fn one_of_several_words_wakes() {
        let words = [AtomicU32::new(1), AtomicU32::new(2)];
        let waiter = |index: usize, val| Waiter::new(words[index].as_ptr() as u64, val, 0);
        let asleep = [waiter(0, 1), waiter(1, 2)];
        match waitv(&asleep, Some(1_000_000)) {
            // Before 5.16.
            Err(Errno::ENOSYS) => return,
            told => assert_eq!(told, Err(Errno::ETIMEDOUT)),
        }
        assert_eq!(waitv(&[waiter(0, 1), waiter(1, 7)], None), Err(Errno::EAGAIN));
        assert_eq!(waitv(&[], None), Err(Errno::EINVAL));
        assert_eq!(waitv(&[Waiter::new(8, 0, 0)], None), Err(Errno::EFAULT));
        let told = std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| waitv(&asleep, Some(20_000_000_000)));
            while wake(&words[1], 1) == 0 && !sleeper.is_finished() {
                std::thread::yield_now();
            }
            sleeper.join()
        });
        assert_eq!(told.ok(), Some(Ok(1)));
        let bytes = [&2_u64.to_ne_bytes()[..], &77_u64.to_ne_bytes(), &130_u32.to_ne_bytes(), &[0; 4]].concat();
        assert_eq!(Waiter::from_bytes(&bytes), Some(Waiter::new(77, 2, libc::FUTEX2_PRIVATE as u32)));
    }

    #[test]
    fn wait_says_why_it_does_not_sleep() {
        let word = AtomicU32::new(1);
        assert_eq!(wait(&word, 0, None), Err(Errno::EAGAIN));
        assert_eq!(wait(&word, 1, Some(Duration::from_millis(1))), Err(Errno::ETIMEDOUT));
        assert_eq!(wake(&word, 1), 0);
    }
}

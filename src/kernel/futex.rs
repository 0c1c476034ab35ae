//! Futexes between processes, see futex(2).

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use nix::errno::Errno;

use super::clock::timespec;

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
    fn wait_says_why_it_does_not_sleep() {
        let word = AtomicU32::new(1);
        assert_eq!(wait(&word, 0, None), Err(Errno::EAGAIN));
        assert_eq!(wait(&word, 1, Some(Duration::from_millis(1))), Err(Errno::ETIMEDOUT));
        assert_eq!(wake(&word, 1), 0);
    }
}

//! Clocks.

use nix::time::ClockId;

const NS_PER_S: u64 = 1_000_000_000;

/// CLOCK_MONOTONIC in ns: the clock of all reports. See clock_gettime(2); through the vDSO it costs some 20 ns.
#[inline]
pub fn monotonic_ns() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// CLOCK_REALTIME in ns since the epoch: the clock of the timed calls of mqueues and semaphores.
#[inline]
pub fn realtime_ns() -> u64 {
    read(ClockId::CLOCK_REALTIME)
}

fn read(clock: ClockId) -> u64 {
    // Neither clock can be missing on Linux, and the pointer is nix's own.
    clock.now().map_or(0, |t| t.tv_sec() as u64 * NS_PER_S + t.tv_nsec() as u64)
}

/// A time in ns as the kernel takes it.
pub(crate) const fn timespec(ns: u64) -> libc::timespec {
    libc::timespec { tv_sec: (ns / NS_PER_S) as libc::time_t, tv_nsec: (ns % NS_PER_S) as libc::c_long }
}

/// A time of the kernel's in ns; negative times count as 0.
pub(crate) const fn from_timespec(t: &libc::timespec) -> u64 {
    if t.tv_sec < 0 { 0 } else { t.tv_sec as u64 * NS_PER_S + t.tv_nsec as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_forward() {
        let first = monotonic_ns();
        assert!(first > 0);
        assert!(monotonic_ns() >= first);
        assert!(realtime_ns() > 1_600_000_000 * NS_PER_S);
    }

    #[test]
    fn converts_both_ways() {
        for ns in [0, 1, 999_999_999, 1_000_000_000, 1_500_000_001] {
            assert_eq!(from_timespec(&timespec(ns)), ns);
        }
    }
}

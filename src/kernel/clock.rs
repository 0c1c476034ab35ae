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

/// How many minutes the wall clock of this machine's time zone is ahead of UTC at a time, given in seconds since the
/// epoch; 0 where nobody knows. See localtime_r(3).
pub fn minutes_east(seconds: i64) -> i32 {
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to memory of ours that lives through the call, and it keeps neither; all zeroes is a
    // valid `tm`. It reads the environment's TZ, as std's getters do; nobody in this program sets a variable.
    let found = unsafe { libc::localtime_r(&raw const seconds, parts.as_mut_ptr()) };
    if found.is_null() {
        return 0;
    }
    // SAFETY: it was zeroed, and the call has succeeded.
    let parts = unsafe { parts.assume_init() };
    i32::try_from(parts.tm_gmtoff / 60).unwrap_or(0)
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
    fn a_time_zone_is_less_than_a_day_wide() {
        assert!(minutes_east(1_800_000_000).abs() <= 14 * 60 + 30);
        assert_eq!(minutes_east(i64::MAX), 0, "a year that no calendar holds");
    }

    #[test]
    fn converts_both_ways() {
        for ns in [0, 1, 999_999_999, 1_000_000_000, 1_500_000_001] {
            assert_eq!(from_timespec(&timespec(ns)), ns);
        }
    }
}

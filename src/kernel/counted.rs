//! Descriptors that stand for a counter, a timer or signals: eventfd(2), timerfd_create(2), signalfd(2); by number, as
//! an actor uses them. They are read and written with [`super::fd`].

use nix::errno::Errno;

use super::clock::{from_timespec, timespec};
use super::signal::raw_set;

/// A new counter, see eventfd(2).
pub fn eventfd(initial: u32, flags: i32) -> Result<i32, Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::eventfd(initial, flags) })
}

/// A new timer, disarmed, see timerfd_create(2).
pub fn timerfd_create(clock: i32, flags: i32) -> Result<i32, Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::timerfd_create(clock, flags) })
}

/// What a timer is set to, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timer {
    /// Until it goes off next; 0 if it is disarmed.
    pub value: u64,
    /// Between that and each further time; 0 if there is none.
    pub interval: u64,
}

impl Timer {
    const fn raw(self) -> libc::itimerspec {
        libc::itimerspec { it_interval: timespec(self.interval), it_value: timespec(self.value) }
    }

    const fn from_raw(raw: &libc::itimerspec) -> Self {
        Self { value: from_timespec(&raw.it_value), interval: from_timespec(&raw.it_interval) }
    }
}

/// Arms or disarms a timer, and gives what it was set to, see timerfd_settime(2).
pub fn timerfd_settime(fd: i32, flags: i32, timer: Timer) -> Result<Timer, Errno> {
    let (new, mut old) = (timer.raw(), Timer::default().raw());
    // SAFETY: both structures are ours.
    Errno::result(unsafe { libc::timerfd_settime(fd, flags, &raw const new, &raw mut old) })?;
    Ok(Timer::from_raw(&old))
}

/// What is left of a timer's time, see timerfd_gettime(2).
pub fn timerfd_gettime(fd: i32) -> Result<Timer, Errno> {
    let mut now = Timer::default().raw();
    // SAFETY: the structure is ours.
    Errno::result(unsafe { libc::timerfd_gettime(fd, &raw mut now) })?;
    Ok(Timer::from_raw(&now))
}

/// A descriptor from which signals are read, or with `fd` not -1 the set of that one changed, see signalfd(2).
pub fn signalfd(fd: i32, set: u64, flags: i32) -> Result<i32, Errno> {
    let set = raw_set(set);
    // SAFETY: the set is ours.
    Errno::result(unsafe { libc::signalfd(fd, &raw const set, flags) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fd;

    #[test]
    fn counts_add_up() {
        let counter = eventfd(3, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC).unwrap();
        fd::write(counter, &4_u64.to_ne_bytes()).unwrap();
        let mut read = [0; 8];
        assert_eq!(fd::read(counter, &mut read), Ok(8));
        assert_eq!(u64::from_ne_bytes(read), 7);
        assert_eq!(fd::read(counter, &mut read), Err(Errno::EAGAIN));
        assert_eq!(eventfd(0, 0x1000_0000), Err(Errno::EINVAL));
        fd::close(counter).unwrap();
    }

    #[test]
    fn a_timer_is_armed_and_disarmed() {
        let timer = timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC).unwrap();
        let set = Timer { value: 60_000_000_000, interval: 1_000_000 };
        assert_eq!(timerfd_settime(timer, 0, set), Ok(Timer::default()));
        let left = timerfd_gettime(timer).unwrap();
        assert!(left.value > 0 && left.value <= set.value && left.interval == set.interval, "{left:?}");
        assert_eq!(timerfd_settime(timer, 0, Timer::default()).map(|old| old.interval), Ok(set.interval));
        assert_eq!(timerfd_gettime(timer), Ok(Timer::default()));
        fd::close(timer).unwrap();
        assert_eq!(timerfd_gettime(-1), Err(Errno::EBADF));
        assert_eq!(timerfd_create(-1, 0), Err(Errno::EINVAL));
    }

    #[test]
    fn a_set_can_be_changed() {
        let fd = signalfd(-1, 1 << (libc::SIGUSR1 - 1), libc::SFD_CLOEXEC).unwrap();
        let mask = || {
            let info = crate::kernel::proc::fdinfo(std::process::id() as i32, fd).unwrap();
            info.others.iter().find(|(key, _)| key == "sigmask").map(|(_, value)| value.clone())
        };
        assert_eq!(mask().as_deref(), Some("0000000000000200"));
        assert_eq!(signalfd(fd, 1 << (libc::SIGUSR2 - 1), 0), Ok(fd));
        assert_eq!(mask().as_deref(), Some("0000000000000800"));
        fd::close(fd).unwrap();
    }
}

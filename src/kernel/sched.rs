//! Scheduling of tasks, see sched(7): policies, niceness, and the processor time of a thread. Targets are ids of tasks.

use nix::errno::Errno;

/// Sets policy and realtime priority of a task, see sched_setscheduler(2).
///
/// # Errors
/// EPERM beyond RLIMIT_RTPRIO, EINVAL for a priority that the policy does not have, ESRCH.
pub fn set_scheduler(tid: i32, policy: i32, priority: i32) -> Result<(), Errno> {
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: the parameters live in this frame.
    Errno::result(unsafe { libc::sched_setscheduler(tid, policy, &raw const parameters) }).map(drop)
}

/// The policy of a task, see sched_getscheduler(2).
pub fn scheduler(tid: i32) -> Result<i32, Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::sched_getscheduler(tid) })
}

/// Sets the niceness of one task, see setpriority(2) with PRIO_PROCESS: on Linux each thread has its own.
///
/// # Errors
/// EACCES if it is lowered without the right to, ESRCH.
pub fn set_priority(tid: i32, nice: i32) -> Result<(), Errno> {
    // SAFETY: takes integers.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, tid as libc::id_t, nice) }).map(drop)
}

/// On which processor the caller runs just now, see sched_getcpu(3).
pub fn current_cpu() -> Result<i32, Errno> {
    // SAFETY: takes nothing.
    Errno::result(unsafe { libc::sched_getcpu() })
}

/// The highest realtime priority that a process without rights may take: RLIMIT_RTPRIO, 0 for none.
pub fn realtime_limit() -> u64 {
    nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_RTPRIO).map_or(0, |(soft, _)| soft)
}

/// The realtime priority of the caller, 0 if its policy has none, see sched_getparam(2).
///
/// # Errors
/// None that is documented for the caller itself.
pub fn own_priority() -> Result<i32, Errno> {
    let mut parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameters live in this frame.
    Errno::result(unsafe { libc::sched_getparam(0, &raw mut parameters) })?;
    Ok(parameters.sched_priority)
}

/// The highest realtime priority that a child of the caller may take without rights: RLIMIT_RTPRIO allows it, or it is
/// born with it, since who has one may lower it, see sched(7).
pub fn realtime_reach() -> u64 {
    realtime_limit().max(own_priority().map_or(0, |own| own.max(0) as u64))
}

/// Keeps the processor busy until this thread has used so much time of it, in ns, or `stop` says so; gives what it used.
pub fn spin(ns: u64, stop: impl Fn() -> bool) -> u64 {
    let start = used();
    loop {
        for _ in 0..2000 {
            std::hint::spin_loop();
        }
        let done = used().saturating_sub(start);
        if done >= ns || stop() {
            return done;
        }
    }
}

/// The processor time that this thread has used, in ns.
fn used() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::Task;
    use crate::kernel::process::How;
    use crate::kernel::testing::in_child;

    #[test]
    fn what_is_set_shows_in_procfs() {
        let how = in_child(|| {
            let us = std::process::id() as i32;
            let task = Task::open(us).unwrap();
            let before = task.scheduling().unwrap();
            set_scheduler(us, libc::SCHED_BATCH, 0).unwrap();
            set_priority(us, before.nice as i32 + 1).unwrap();
            let after = task.scheduling().unwrap();
            i32::from(after.policy != libc::SCHED_BATCH || scheduler(us) != Ok(libc::SCHED_BATCH))
                | i32::from(after.nice != before.nice + 1) << 1
                | i32::from(set_scheduler(us, libc::SCHED_FIFO, 0) != Err(Errno::EINVAL)) << 2
                | i32::from(current_cpu().is_err()) << 3
                | i32::from(own_priority() != Ok(0) || realtime_reach() != realtime_limit()) << 4
        });
        assert_eq!(how, How::Exited(0));
    }

    #[test]
    fn a_spin_uses_what_it_says_and_can_be_stopped() {
        let how = in_child(|| {
            let used = spin(5_000_000, || false);
            let stopped = spin(u64::MAX, || true);
            i32::from(!(5_000_000..1_000_000_000).contains(&used)) | i32::from(stopped > 1_000_000_000) << 1
        });
        assert_eq!(how, How::Exited(0));
    }
}

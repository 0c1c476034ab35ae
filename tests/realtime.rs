//! Realtime policies where they are permitted: a stage whose processes are born with one. The thread that opens stages
//! hands its policy on, so this is a program of its own.

mod common;

use common::both;

/// Who is born with a realtime priority may lower it and not raise it: a stage that is opened by one that has it.
#[test]
fn a_realtime_priority_is_inherited_and_may_be_lowered() {
    use ipclab::kernel::sched;
    if sched::set_scheduler(0, libc::SCHED_FIFO, 20).is_err() {
        let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_RTPRIO).map(|(soft, _)| soft);
        common::left_out(&format!("no realtime priority without CAP_SYS_NICE, and RLIMIT_RTPRIO is {limit:?}"));
        return;
    }
    both(|play| {
        assert!(play.stage().info().capabilities.iter().any(|word| word == "realtime"));
        play.run("spawn alice\nalice: sched_getscheduler alice\nexpect alice policy SCHED_FIFO 20\nalice: sched_setscheduler alice SCHED_FIFO 10");
        play.run(
            "expect alice returned 0\nexpect alice policy SCHED_FIFO 10\nalice: fork bob\nbob: sched_getscheduler bob",
        );
        play.run("expect bob policy SCHED_FIFO 10\nalice: sched_setscheduler alice SCHED_RR 10");
        play.run("alice: sched_setscheduler bob SCHED_FIFO 30\nexpect alice failed EPERM");
        // A mutex runs its owner at its ceiling, which may not be above what the owner may have.
        play.run("alice: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\nalice: pthread_mutexattr_init m as attr");
        play.run("alice: pthread_mutexattr_setprotocol attr PTHREAD_PRIO_PROTECT\nalice: pthread_mutexattr_setprioceiling attr 10");
        play.run("alice: sched_setscheduler alice SCHED_FIFO 10\nalice: pthread_mutex_init m+64 attr as l");
        play.run(
            "alice: pthread_mutex_lock l\nexpect l owner alice\nexpect l prioceiling 10\nalice: pthread_mutex_unlock l",
        );
        play.run("expect l unlocked\nalice: sched_setscheduler alice SCHED_OTHER 0\nexpect alice policy SCHED_OTHER 0");
    });
}

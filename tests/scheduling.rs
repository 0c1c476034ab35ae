//! Who runs where and when, on real stages.

mod common;

use common::{Play, both};
use ipclab::model::{Evidence, Scheduling};
use ipclab::stage::Outcome;

#[track_caller]
fn scheduling(play: &Play, who: &str) -> Scheduling {
    play.snapshot().actor(who).and_then(|actor| actor.scheduling.clone()).unwrap_or_else(|| panic!("{who} shows none"))
}

/// With which these tests run: all on stage begin with it.
fn our_nice() -> i64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold spaces: the 19th field of proc(5).
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().nth(16).and_then(|nice| nice.parse().ok()).unwrap_or(i64::MAX)
}

#[test]
fn each_task_has_an_affinity_a_policy_and_a_niceness_of_its_own() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pthread_create t1
alice.t1: sched_setaffinity alice.t1 0
expect alice.t1 affinity 0
alice.t1: sched_getcpu -> $cpu
expect alice.t1 $cpu == 0
alice.t1: sched_getaffinity alice.t1 -> $count
expect alice.t1 $count == 1
alice: sched_getscheduler alice
expect alice policy SCHED_OTHER 0
alice: sched_setscheduler alice.t1 SCHED_BATCH
expect alice.t1 policy SCHED_BATCH
expect alice policy SCHED_OTHER
alice: setpriority alice.t1 19
alice: setpriority alice.t1 18
expect alice failed EACCES
alice: sched_setscheduler alice SCHED_FIFO 0
expect alice failed EINVAL
# What a task has goes to those whom it makes.
alice.t1: fork bob
bob: sched_getscheduler bob
expect bob policy SCHED_BATCH
expect bob affinity 0
",
        );
        assert_eq!((scheduling(play, "alice.t1").nice, scheduling(play, "alice").nice), (19, our_nice()));
        let (thread, process) = (scheduling(play, "alice.t1"), scheduling(play, "alice"));
        assert!(thread.voluntary > 0 && process.cpu_ns > 0, "{thread:?} {process:?}");
        assert_eq!(play.snapshot().normal(), play.look_again().normal());
    });
}

#[test]
fn realtime_is_had_where_it_is_permitted_and_refused_with_the_reason_elsewhere() {
    both(|play| {
        let permitted = play.stage().info().capabilities.iter().any(|c| c == "realtime");
        play.run("spawn alice\nalice: sched_setscheduler alice SCHED_FIFO 1");
        if permitted {
            play.run("expect alice policy SCHED_FIFO 1");
            return;
        }
        play.run("expect alice failed EPERM\nexpect alice policy SCHED_OTHER 0");
        let last = play.snapshot().actor("alice").and_then(|a| a.last.clone()).and_then(|call| call.meaning);
        assert!(last.as_deref().is_some_and(|words| words.contains("RLIMIT_RTPRIO")), "{last:?}");
    });
}

#[test]
fn a_spin_runs_beside_others_until_it_is_done_or_cancelled() {
    both(|play| {
        play.run("spawn alice\nalice: pthread_create t1");
        let outcome = play.line("alice.t1: spin 10s").outcome;
        assert_eq!(outcome, Outcome::Running(vec!["alice.t1".to_owned()]));
        play.run("expect alice.t1 running\nalice: getpid\nexpect alice idle");
        assert!(play.refused("alice.t1: getpid").contains("running"));
        play.run("cancel alice.t1\nexpect alice.t1 idle\nalice: spin 1ms\nexpect alice idle");
        assert!(play.last("alice").ends_with("used"), "{}", play.last("alice"));
        assert!(play.refused("alice: spin 11s").contains("SPIN_MAX"));
        let (spun, idle) = (scheduling(play, "alice.t1").cpu_ns, scheduling(play, "alice").cpu_ns);
        assert!(spun > 1_000_000 && idle > 1_000_000, "{spun} {idle}");
    });
}

#[test]
fn who_was_asleep_at_a_mark_and_has_run_since_is_counted_even_if_it_sleeps_again() {
    both(|play| {
        let count = |play: &mut Play, n: u32| match play.line(&format!("expect woken {n} since mark")).outcome {
            Outcome::Checked(verdict) => verdict,
            other => panic!("{other:?}"),
        };
        play.run(
            r"
spawn alice
alice: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
alice: pthread_mutexattr_init m+512 as attr
alice: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED
alice: pthread_mutex_init m+64 attr as l
alice: pthread_condattr_init m+520 as cattr
alice: pthread_condattr_setpshared cattr PTHREAD_PROCESS_SHARED
alice: pthread_cond_init m+128 cattr as c
alice: fork bob
alice: fork carol
bob: pthread_mutex_lock l
bob: pthread_cond_wait c l
carol: pthread_mutex_lock l
carol: pthread_cond_wait c l
alice: pthread_mutex_lock l
",
        );
        let none = count(play, 0);
        assert!(!none.met && none.seen.contains("no mark"), "{none:?}");
        // Those who were awake at the mark are not counted, and looking at sleepers wakes nobody.
        play.run("mark\nalice: getpid\nexpect woken 0 since mark\nexpect woken 0 since mark");
        // Bob comes from the condition variable to the mutex: still asleep in the same call, and he has run.
        play.run("alice: pthread_cond_signal c\nexpect bob blocked in pthread_cond_wait on l");
        let one = count(play, 1);
        assert!(one.met && one.seen.ends_with(": bob") && one.evidence == Evidence::Kernel, "{one:?}");
        assert!(!count(play, 0).met && !count(play, 2).met);
        // The dead have run; a mark begins anew.
        play.run("alice: kill carol SIGKILL\nexpect woken 2 since mark\nmark\nexpect woken 0 since mark");
        play.run("alice: pthread_mutex_unlock l\nexpect woken 1 since mark");
    });
}

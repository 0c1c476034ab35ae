//! Mutexes and what else threads synchronize by, between processes on real stages.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;

use common::{Play, both};
use ipclab::facility::undefined;
use ipclab::model::Evidence;
use ipclab::script::parse_line;

/// Alice and bob, who share a page, with attributes at `attr` for what processes share.
const PAGE: &str = r"
spawn alice
alice: shm_open board O_CREAT|O_RDWR
alice: ftruncate board 4096
alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m
";

/// With a mutex of the type and other attributes of these lines.
fn mutex(settings: &str) -> String {
    format!(
        "{PAGE}alice: pthread_mutexattr_init m+512 as attr\n\
         alice: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED\n{settings}\n\
         alice: pthread_mutex_init m+64 attr as l\nalice: pthread_mutexattr_destroy attr\nalice: fork bob\n"
    )
}

/// What is said to be undefined of a statement before it is handed to the stage.
fn said(play: &Play, line: &str) -> Option<String> {
    let statement = parse_line(line, ipclab::facility::registry()).unwrap();
    undefined(&statement, play.snapshot())
}

#[test]
fn a_normal_mutex_has_an_owner_and_waiters() {
    both(|play| {
        play.run(&mutex(""));
        play.run(
            r"
expect l unlocked
expect l owner nobody
alice: pthread_mutex_lock l
expect l locked
expect l owner alice
bob: pthread_mutex_trylock l
expect bob failed EBUSY
bob: pthread_mutex_lock l
expect bob blocked in pthread_mutex_lock on l
expect l waiters bob
alice: fork carol
carol: pthread_mutex_timedlock l 60s
expect l waiters bob carol
expect not deadlock alice bob
alice: pthread_mutex_unlock l
expect bob returned 0 from pthread_mutex_lock
expect l owner bob
expect l waiters carol
bob: pthread_mutex_unlock l
expect carol returned 0 from pthread_mutex_timedlock
expect l owner carol
carol: pthread_mutex_unlock l
expect l unlocked
",
        );
        let l = play.object("l");
        assert_eq!((l.identifier.as_str(), l.int("pshared")), ("/board+64", Some(1)));
        assert_eq!(l.value("type").as_text(), Some("PTHREAD_MUTEX_NORMAL"));
        assert_eq!((l.evidence("owner"), l.evidence("maker")), (Evidence::Kernel, Evidence::Reported));
        assert_eq!(play.last("alice"), "pthread_mutex_unlock(l) = 0");
        play.run("alice: pthread_mutex_destroy l\nexpect gone l");
    });
}

#[test]
fn a_second_lock_goes_by_the_type() {
    both(|play| {
        play.run(&mutex("alice: pthread_mutexattr_settype attr PTHREAD_MUTEX_ERRORCHECK"));
        play.run("alice: pthread_mutex_lock l\nalice: pthread_mutex_lock l\nexpect alice failed EDEADLK");
        assert_eq!(play.last("alice"), "pthread_mutex_lock(l) = 35 EDEADLK (Resource deadlock would occur)");
        play.run("expect alice $ret == EDEADLK\nbob: pthread_mutex_unlock l\nexpect bob failed EPERM");
        play.run("alice: pthread_mutex_destroy l\nexpect alice failed EBUSY\nexpect l owner alice");
    });
    both(|play| {
        play.run(&mutex("alice: pthread_mutexattr_settype attr PTHREAD_MUTEX_RECURSIVE"));
        play.run("alice: pthread_mutex_lock l\nalice: pthread_mutex_lock l\nexpect l count 2");
        play.run("alice: pthread_mutex_unlock l\nexpect l count 1\nexpect l owner alice");
        play.run("alice: pthread_mutex_unlock l\nexpect l unlocked\nexpect l count 0");
    });
    both(|play| {
        play.run(&mutex(""));
        play.run("alice: pthread_mutex_lock l\nalice: pthread_mutex_lock l");
        play.run("expect alice blocked in pthread_mutex_lock on l\nexpect deadlock alice\nexpect l owner alice");
    });
}

#[test]
fn the_death_of_an_owner() {
    both(|play| {
        play.run(&mutex(""));
        play.run("bob: pthread_mutex_lock l\nalice: pthread_mutex_lock l");
        play.run("bob: kill bob SIGKILL\nexpect bob killed by SIGKILL");
        play.run("expect alice blocked in pthread_mutex_lock on l\nexpect l owner bob\nexpect l state locked");
        let note = play.object("l").field("state").unwrap().note.clone().unwrap();
        assert!(note.starts_with("bob is dead"), "{note}");
        assert!(play.object("l").holding("lock").is_empty(), "a dead owner holds nothing");
    });
    for settings in ["", "\nalice: pthread_mutexattr_setprotocol attr PTHREAD_PRIO_INHERIT"] {
        both(|play| {
            play.run(&mutex(&format!("alice: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_ROBUST{settings}")));
            play.run(
                r"
alice: fork carol
bob: pthread_mutex_lock l
expect l owner bob
alice: pthread_mutex_lock l
expect alice blocked in pthread_mutex_lock on l
expect l waiters alice
bob: exit 0
expect alice failed EOWNERDEAD from pthread_mutex_lock
expect l owner alice
expect l state inconsistent
expect l locked
alice: pthread_mutex_consistent l
expect l state locked
alice: pthread_mutex_unlock l
expect l state free
carol: pthread_mutex_lock l
carol: exit 0
expect l state owner-died
expect l owner carol
expect l unlocked
alice: pthread_mutex_trylock l
expect alice failed EOWNERDEAD
alice: pthread_mutex_unlock l
expect l state not-recoverable
alice: pthread_mutex_lock l
expect alice failed ENOTRECOVERABLE
alice: pthread_mutex_consistent l
expect alice failed EINVAL
alice: pthread_mutex_destroy l
expect gone l
",
            );
        });
    }
}

#[test]
fn a_lock_order_turned_round() {
    both(|play| {
        play.run(&mutex(""));
        play.run(
            r"
alice: pthread_mutexattr_init m+520 as attr
alice: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED
alice: pthread_mutex_init m+104 attr as k
alice: pthread_mutex_lock l
bob: pthread_mutex_lock m+104
alice: pthread_mutex_lock k
expect not deadlock alice
bob: pthread_mutex_lock l
expect bob blocked in pthread_mutex_lock on l
expect alice blocked in pthread_mutex_lock on k
expect deadlock alice bob
",
        );
    });
    // With inheritance the kernel sees the cycle, and glibc then parks the caller on a word of its stack for ever.
    both(|play| {
        play.run(&mutex("alice: pthread_mutexattr_setprotocol attr PTHREAD_PRIO_INHERIT"));
        play.run(
            r"
alice: pthread_mutexattr_init m+520 as attr
alice: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED
alice: pthread_mutexattr_setprotocol attr PTHREAD_PRIO_INHERIT
alice: pthread_mutex_init m+104 attr as k
alice: pthread_mutex_lock l
bob: pthread_mutex_lock m+104
alice: pthread_mutex_lock k
expect alice blocked in pthread_mutex_lock on k
bob: pthread_mutex_lock l
expect bob blocked in pthread_mutex_lock on l
expect deadlock alice bob
expect l owner alice
expect k owner bob
",
        );
        let k = play.object("k");
        assert_eq!(k.value("protocol").as_text(), Some("PTHREAD_PRIO_INHERIT"));
        assert!(k.value("word").as_text().unwrap().ends_with("|FUTEX_WAITERS"));
    });
}

#[test]
fn a_mutex_in_private_memory() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: mmap 4096 PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as m
alice: pthread_mutex_init m+64 as l
alice: pthread_mutex_lock l
expect l owner alice
alice: pthread_mutex_lock l
expect alice blocked in pthread_mutex_lock on l
expect l waiters alice
",
        );
        assert_eq!(play.object("l").int("pshared"), Some(0));
        assert!(play.object("l").identifier.starts_with("private memory at "));
    });
}

#[test]
fn what_is_undefined_is_said_before() {
    both(|play| {
        play.run(&mutex(""));
        assert_eq!(said(play, "bob: pthread_mutex_lock l"), None);
        assert_eq!(said(play, "bob: pthread_mutex_unlock l").unwrap(), "undefined by POSIX: l is not locked");
        play.run("alice: pthread_mutex_lock l");
        assert_eq!(said(play, "alice: pthread_mutex_unlock l"), None);
        let why = said(play, "bob: pthread_mutex_unlock m+64").unwrap();
        assert_eq!(why, "undefined by POSIX: l was locked by alice, and does not check who unlocks it");
        assert_eq!(said(play, "alice: pthread_mutex_destroy l").unwrap(), "undefined by POSIX: l is not free");
        assert!(said(play, "bob: pthread_mutex_init m+64").unwrap().contains("l is there already"));
        assert!(said(play, "bob: pthread_mutex_lock m+128").unwrap().contains("no mutex was initialized at m+128"));
        // What it does here: glibc lets it go.
        play.run("program bob\npthread_mutex_unlock l\nend");
        assert!(said(play, "step bob").unwrap().contains("l was locked by alice"));
        play.run("step bob\nexpect bob returned 0 from pthread_mutex_unlock\nexpect l owner nobody");
        play.run("alice: pthread_mutex_destroy l");
        assert!(said(play, "alice: pthread_mutex_lock m+64").unwrap().contains("no mutex"));
        play.run("alice: pthread_mutex_lock m+64\nexpect alice failed EINVAL");
        play.run("alice: pthread_mutex_init m+64 as p");
        assert_eq!(said(play, "alice: pthread_mutex_lock p"), None);
        assert!(said(play, "bob: pthread_mutex_lock m+64").unwrap().contains("private to the process of alice"));
    });
    // A run is judged by what nothing in it has changed before.
    both(|play| {
        play.run(&mutex(""));
        let why = said(play, "repeat 3 alice: pthread_mutex_unlock l").unwrap();
        assert!(why.contains("l is not locked"), "{why}");
        for (run, undefined) in [
            ("repeat 3 alice\npthread_mutex_lock l\npthread_mutex_unlock m+64\nend", false),
            ("repeat 3 alice\npthread_mutex_unlock l\npthread_mutex_lock l\nend", true),
            ("repeat 3 alice\nload $x m[200]\npthread_mutex_unlock m+64\nend", true),
        ] {
            assert_eq!(said(play, run).is_some(), undefined, "{run}");
        }
        play.run("program alice\npthread_mutex_unlock l\nend\nprogram bob\ngetpid\nend");
        assert!(said(play, "go alice bob").unwrap().contains("l is not locked"));
        play.run("program bob\npthread_mutex_lock m+64\npthread_mutex_unlock m+64\nend");
        assert_eq!(said(play, "go alice bob"), None, "bob may have locked it by then");
        assert!(said(play, "go alice").is_some());
    });
    // Types that check are not undefined.
    both(|play| {
        play.run(&mutex("alice: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_ROBUST"));
        play.run("alice: pthread_mutex_lock l");
        assert_eq!(said(play, "bob: pthread_mutex_unlock l"), None);
        play.run("bob: pthread_mutex_unlock l\nexpect bob failed EPERM");
    });
}

#[test]
fn bad_addresses_and_values() {
    both(|play| {
        play.run(&mutex(""));
        assert!(play.refused("alice: pthread_mutex_lock m+3").contains("a multiple of 8"));
        assert!(play.refused("alice: pthread_mutexattr_init m+1 as a").contains("a multiple of 4"));
        play.run("alice: fork beyond\nbeyond: pthread_mutex_lock m+8192\nexpect beyond killed by SIGSEGV");
        play.run("alice: ftruncate board 0\nbob: pthread_mutex_lock l\nexpect bob killed by SIGBUS");
        assert_eq!(play.object("l").evidence("state"), Evidence::Hidden);
    });
}

/// What is said of the result of a statement's call.
fn meant(play: &mut Play, line: &str) -> String {
    play.line(line).calls.iter().rev().find_map(|call| call.meaning.clone()).unwrap_or_default()
}

/// A ceiling is told by its words; to lock such a mutex takes a realtime priority.
#[test]
fn a_mutex_with_a_ceiling() {
    both(|play| {
        play.run(&mutex(
            "alice: pthread_mutexattr_setprotocol attr PTHREAD_PRIO_PROTECT\nalice: pthread_mutexattr_setprioceiling attr 20",
        ));
        assert_eq!(play.int("l", "prioceiling"), 20);
        assert_eq!(play.object("l").value("protocol").as_text(), Some("PTHREAD_PRIO_PROTECT"));
        play.run("expect l unlocked\nalice: pthread_mutex_getprioceiling l -> $n\nexpect alice $n == 20");
        let why = meant(play, "alice: pthread_mutex_lock l");
        assert!(why.contains("SCHED_FIFO"), "{why}");
        play.run("expect l unlocked");
        for wrong in ["0", "100", "-1", "4294967316"] {
            let why = meant(play, &format!("alice: pthread_mutexattr_setprioceiling attr {wrong}"));
            assert!(why.contains("1 to 99"), "{why}");
        }
        let permitted = play.stage().info().capabilities.iter().any(|c| c == "realtime");
        if permitted {
            play.run("alice: sched_setscheduler alice SCHED_FIFO 5\nalice: pthread_mutex_lock l\nexpect l owner alice");
            play.run("expect alice policy SCHED_FIFO 20\nbob: sched_setscheduler bob SCHED_FIFO 5");
            play.run("bob: pthread_mutex_lock m+64\nexpect bob blocked in pthread_mutex_lock on l");
            play.run("alice: pthread_mutex_unlock l\nexpect l owner bob\nbob: pthread_mutex_unlock m+64");
            play.run(
                "alice: pthread_mutex_setprioceiling l 30 -> $old\nexpect alice $old == 20\nexpect l prioceiling 30",
            );
        }
    });
}

#[test]
fn a_condition_variable_goes_by_the_clock_that_it_was_made_for() {
    both(|play| {
        play.run(&mutex(""));
        play.run(
            "alice: pthread_condattr_init m+520 as cattr\nalice: pthread_condattr_setpshared cattr PTHREAD_PROCESS_SHARED\n\
             alice: pthread_cond_init m+128 cattr as r\nexpect r clock CLOCK_REALTIME\n\
             alice: pthread_condattr_setclock cattr CLOCK_MONOTONIC\nalice: pthread_cond_init m+192 cattr as c\n\
             expect c clock CLOCK_MONOTONIC",
        );
        for cond in ["m+128", "m+192"] {
            play.run(&format!("bob: pthread_mutex_lock m+64\nbob: pthread_cond_timedwait {cond} m+64 30s"));
            let sleep = play.snapshot().actor("bob").unwrap().sleep().unwrap().clone();
            let limit = sleep.deadline_ns.unwrap() - sleep.since_ns;
            assert!((29_000_000_000..=30_000_000_000).contains(&limit), "{cond}: {limit}");
            let name = if cond == "m+128" { "r" } else { "c" };
            play.run(&format!(
                "alice: pthread_cond_signal {name}\nexpect bob returned 0\nbob: pthread_cond_timedwait {cond} m+64 20ms"
            ));
            play.run("await bob\nexpect bob failed ETIMEDOUT\nbob: pthread_mutex_unlock m+64");
        }
    });
}

/// With a mutex `l` at m+64 and a condition variable `c` at m+128.
fn condition() -> String {
    format!(
        "{}alice: pthread_condattr_init m+520 as cattr\n\
         alice: pthread_condattr_setpshared cattr PTHREAD_PROCESS_SHARED\n\
         alice: pthread_cond_init m+128 cattr as c\n",
        mutex("")
    )
}

#[test]
fn a_condition_variable_wakes_who_waits_now() {
    both(|play| {
        play.run(&condition());
        play.run(
            r"
expect c nwaiters 0
alice: pthread_cond_signal c
bob: pthread_mutex_lock l
bob: pthread_cond_wait m+128 l
expect bob blocked in pthread_cond_wait on c
expect c waiters bob
expect c nwaiters 1
expect l owner nobody
alice: pthread_mutex_lock l
alice: pthread_cond_signal c
expect bob blocked in pthread_cond_wait on l
expect c waiters 0
expect l waiters bob
alice: pthread_mutex_unlock l
expect bob returned 0 from pthread_cond_wait
expect l owner bob
bob: pthread_cond_timedwait m+128 l 10ms
await bob
expect bob failed ETIMEDOUT
expect l owner bob
bob: pthread_mutex_unlock l
",
        );
        assert_eq!(play.object("c").int("pshared"), Some(1));
        let sleep_on_l = "bob: pthread_mutex_lock l\nbob: pthread_cond_timedwait m+128 l 60s";
        play.run(&format!(
            "{sleep_on_l}\nalice: fork carol\ncarol: pthread_mutex_lock l\ncarol: pthread_cond_wait c l"
        ));
        play.run("expect c waiters bob carol\nalice: pthread_cond_broadcast c\nexpect c waiters 0");
        // Both want the mutex: one of them has it.
        let l = play.object("l");
        assert_eq!((l.waiters.len(), l.holding("lock").len()), (1, 1), "{l:#?}");
        assert_eq!(l.waiters[0].direction, "lock");
    });
}

#[test]
fn what_is_undefined_of_a_condition_variable() {
    both(|play| {
        play.run(&condition());
        assert_eq!(said(play, "bob: pthread_cond_wait m+128 l").unwrap(), "undefined by POSIX: l is not locked");
        play.run("alice: pthread_mutex_lock l");
        assert!(said(play, "bob: pthread_cond_wait m+128 m+64").unwrap().ends_with("l is locked by alice"));
        assert!(said(play, "bob: pthread_cond_wait m+128 m+1024").unwrap().contains("no mutex was initialized"));
        assert_eq!(said(play, "alice: pthread_cond_wait c l"), None);
        play.run("alice: pthread_cond_wait c l");
        assert!(said(play, "bob: pthread_cond_destroy m+128").unwrap().ends_with("somebody waits on c"));
        // glibc waits until it is left.
        play.run("bob: pthread_cond_destroy m+128\nexpect bob blocked in pthread_cond_destroy on c");
        assert!(said(play, "bob: pthread_cond_signal m+256").unwrap().contains("no condition variable"));
    });
}

/// With a read-write lock `r` of a kind at m+192.
fn rwlock(kind: &str) -> String {
    format!(
        "{PAGE}alice: pthread_rwlockattr_init m+528 as rattr\n\
         alice: pthread_rwlockattr_setpshared rattr PTHREAD_PROCESS_SHARED\n\
         alice: pthread_rwlockattr_setkind_np rattr {kind}\n\
         alice: pthread_rwlock_init m+192 rattr as r\nalice: fork bob\nalice: fork carol\n"
    )
}

#[test]
fn readers_and_writers() {
    both(|play| {
        play.run(&rwlock("PTHREAD_RWLOCK_PREFER_READER_NP"));
        play.run(
            r"
expect r state free
alice: pthread_rwlock_rdlock r
bob: pthread_rwlock_tryrdlock r
expect r state read-locked
expect r readers 2
expect r reading bob alice
carol: pthread_rwlock_trywrlock r
expect carol failed EBUSY
carol: pthread_rwlock_wrlock r
expect carol blocked in pthread_rwlock_wrlock on r
expect r state read-locked
alice: pthread_rwlock_timedrdlock r 60s
expect alice returned 0 from pthread_rwlock_timedrdlock
expect r readers 3
alice: pthread_rwlock_unlock r
bob: pthread_rwlock_unlock r
expect r reading alice
expect carol blocked
alice: pthread_rwlock_unlock r
expect carol returned 0 from pthread_rwlock_wrlock
expect r state write-locked
expect r owner carol
expect r readers 0
bob: pthread_rwlock_rdlock r
expect bob blocked in pthread_rwlock_rdlock on r
carol: pthread_rwlock_rdlock r
expect carol failed EDEADLK
carol: pthread_rwlock_unlock r
expect bob returned 0 from pthread_rwlock_rdlock
expect r reading bob
",
        );
        let r = play.object("r");
        assert_eq!((r.evidence("owner"), r.evidence("reading")), (Evidence::Kernel, Evidence::Mirror));
        assert_eq!(said(play, "bob: pthread_rwlock_unlock r"), None);
        assert!(said(play, "alice: pthread_rwlock_unlock r").unwrap().ends_with("r is not locked by alice"));
        assert!(said(play, "alice: pthread_rwlock_destroy r").unwrap().ends_with("r is locked"));
        play.run("bob: exit 0\nalice: pthread_rwlock_timedwrlock r 10ms\nawait alice\nexpect alice failed ETIMEDOUT");
        play.run("expect r readers 1\nexpect r reading bob");
    });
    both(|play| {
        play.run(&rwlock("PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP"));
        play.run("alice: pthread_rwlock_rdlock r\ncarol: pthread_rwlock_wrlock r\nbob: pthread_rwlock_rdlock r");
        play.run("expect r waiters carol bob\nexpect r reading alice");
        assert_eq!(play.object("r").waiters[0].direction, "lock for writing");
        assert_eq!(play.object("r").waiters[1].direction, "lock for reading");
        play.run("alice: pthread_rwlock_unlock r\nexpect r owner carol\nexpect r waiters bob");
        play.run("carol: exit 0\nexpect r state write-locked\nexpect r owner carol\nexpect bob blocked");
        let note = play.object("r").field("state").unwrap().note.clone().unwrap();
        assert!(note.starts_with("carol is dead"), "{note}");
    });
}

#[test]
fn a_barrier_holds_back_until_all_have_come() {
    both(|play| {
        play.run(PAGE);
        play.run(
            r"
alice: pthread_barrierattr_init m+536 as battr
alice: pthread_barrierattr_setpshared battr PTHREAD_PROCESS_SHARED
alice: pthread_barrier_init m+256 0 battr as none
expect alice failed EINVAL
alice: pthread_barrier_init m+256 3 battr as b
alice: fork bob
alice: fork carol
expect b needed 3
alice: pthread_barrier_wait b
expect b arrived 1
bob: pthread_barrier_wait b
expect alice blocked in pthread_barrier_wait on b
expect b arrived 2
expect b waiters alice bob
",
        );
        assert!(said(play, "carol: pthread_barrier_destroy b").unwrap().ends_with("somebody waits at b"));
        play.run("carol: pthread_barrier_wait b\nexpect alice idle\nexpect bob idle\nexpect b arrived 0");
        let told = ["alice", "bob", "carol"].map(|who| play.last(who).ends_with("= PTHREAD_BARRIER_SERIAL_THREAD"));
        assert_eq!(told.iter().filter(|told| **told).count(), 1, "{told:?}");
        play.run("alice: pthread_barrier_destroy b\nexpect gone b");
    });
}

#[test]
fn who_waits_for_a_spin_lock_runs() {
    both(|play| {
        play.run(PAGE);
        play.run(
            r"
alice: pthread_spin_init m+320 PTHREAD_PROCESS_SHARED as s
alice: fork bob
expect s state free
expect s owner nobody
alice: pthread_spin_lock s
expect s state locked
expect s owner alice
bob: pthread_spin_trylock s
expect bob failed EBUSY
",
        );
        assert_eq!(play.object("s").evidence("owner"), Evidence::Mirror);
        assert!(said(play, "alice: pthread_spin_lock s").unwrap().ends_with("alice has s already"));
        assert!(said(play, "bob: pthread_spin_unlock s").unwrap().ends_with("s is locked by alice"));
        play.run("alice: pthread_spin_unlock s\nexpect s state free");
        // One that waits is running, to be let go on by another.
        play.run("bob: pthread_spin_lock s");
        let report = play.line("repeat forever alice: pthread_spin_lock s");
        assert!(matches!(report.outcome, ipclab::stage::Outcome::Running(_)), "{:?}", report.outcome);
        play.run("expect alice running\nexpect not alice blocked\nexpect s waiters 0\ncancel alice\nbob: pthread_spin_unlock s");
        play.run("await alice");
    });
}

#[test]
fn a_bare_futex_is_a_word_and_a_queue() {
    both(|play| {
        play.run(PAGE);
        play.run(
            r"
alice: fork bob
alice: store m[96] 7
bob: futex m+384 FUTEX_WAIT 6
expect bob failed EAGAIN
bob: futex m+384 FUTEX_WAIT 7
expect bob blocked in futex
",
        );
        let sleep = play.snapshot().actor("bob").unwrap().sleep().unwrap().clone();
        assert_eq!((sleep.object.as_deref(), sleep.direction.as_ref()), (Some("futex#1"), "be woken"));
        play.run(
            r"
alice: store m[96] 8
expect bob blocked
alice: futex m+384 FUTEX_WAKE 1 as w
expect alice returned 1
expect bob returned 0
expect w word 8
alice: futex w FUTEX_WAKE 1
expect alice returned 0
bob: futex m+384 FUTEX_WAIT 8 timeout=10ms
await bob
expect bob failed ETIMEDOUT
bob: futex m+385 FUTEX_WAIT 8
expect bob failed EINVAL
bob: futex m+40000 FUTEX_WAIT 0
expect bob failed EFAULT
bob: futex m+384 FUTEX_WAIT_PRIVATE 8
expect w waiters bob
alice: futex w FUTEX_WAKE 9
expect alice returned 0
expect bob blocked in futex on w
",
        );
        assert_eq!(play.object("w").identifier, "/board+384");
    });
}

#[test]
fn atomics_have_orders() {
    both(|play| {
        play.run(PAGE);
        play.run(
            r"
alice: atomic_store m[0] 5 memory_order_release
expect board[0] == 5
alice: atomic_load m[0] memory_order_acquire -> $x
expect alice $x == 5
alice: atomic_exchange m[0] 6 -> $old
expect alice $old == 5
alice: set $seen 5
alice: atomic_compare_exchange_strong m[0] $seen 9 -> $done
expect alice $done == 0
expect alice $seen == 6
alice: atomic_compare_exchange_strong m[0] $seen 9 memory_order_acq_rel memory_order_acquire -> $done
expect alice $done == 1
expect board[0] == 9
alice: atomic_fetch_add m:u8[0] 255 memory_order_relaxed -> $old
expect board[0] == 8
",
        );
        assert_eq!(play.last("alice"), "atomic_fetch_add(m:u8[0], 255, memory_order_relaxed) = 9");
        assert!(play.refused("alice: atomic_exchange m[0..4] 1").contains("no integer"));
        assert!(play.refused("alice: atomic_compare_exchange_strong m[0] $none 1").contains("no $none"));
        play.run("alice: fork past\npast: atomic_load m[2048] -> $x\nexpect past killed by SIGSEGV");
    });
}

#[test]
fn what_is_wrong_is_found() {
    both(|play| {
        play.run(&mutex(""));
        play.run("alice: pthread_mutex_init m+104 attr as k\nalice: pthread_mutex_lock l\nalice: pthread_mutex_lock k");
        play.run("alice: pthread_mutex_unlock k\nalice: pthread_mutex_unlock l\nexpect not suspicious lock-order");
        play.run("bob: pthread_mutex_lock m+104\nbob: pthread_mutex_lock l\nexpect suspicious lock-order alice bob");
        play.run("bob: pthread_mutex_unlock l\nalice: pthread_mutex_lock l\nalice: pthread_mutex_lock k");
        play.run("bob: pthread_mutex_lock l\nexpect certain lock-order alice bob\nexpect deadlock alice bob");
    });
    both(|play| {
        play.run(&mutex(""));
        play.run("bob: pthread_mutex_lock l\nbob: exit 0\nalice: pthread_mutex_lock l\nexpect certain orphaned-lock");
    });
    both(|play| {
        play.run(&rwlock("PTHREAD_RWLOCK_PREFER_READER_NP"));
        play.run("alice: pthread_rwlock_rdlock r\nbob: pthread_rwlock_rdlock r\nalice: pthread_rwlock_wrlock r");
        // Both readers must leave, and one of them waits for that herself.
        play.run("expect alice blocked in pthread_rwlock_wrlock on r\nexpect deadlock alice");
    });
    both(|play| {
        play.run(&rwlock("PTHREAD_RWLOCK_PREFER_READER_NP"));
        play.run("bob: pthread_rwlock_wrlock r\nbob: exit 0\nalice: pthread_rwlock_rdlock r");
        play.run("expect certain orphaned-lock alice bob");
    });
}

#[test]
fn threads_of_one_process_need_no_shared_memory() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: mmap 4096 PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as m
alice: pthread_mutex_init m+64 as l
alice: pthread_cond_init m+128 as c
alice: pthread_create t1
alice.t1: pthread_mutex_lock l
expect l owner alice.t1
alice: pthread_mutex_lock l
expect l waiters alice
",
        );
        assert_eq!(said(play, "alice.t1: pthread_cond_wait c l"), None, "a thread of the same process may");
        assert_eq!(play.object("l").field("state").unwrap().note, None, "a thread is alive");
        play.run(
            r"
alice.t1: pthread_cond_wait c l
expect l owner alice
expect c waiters alice.t1
alice: pthread_cond_signal c
expect alice.t1 blocked in pthread_cond_wait on l
alice: pthread_mutex_unlock l
expect alice.t1 returned 0 from pthread_cond_wait
expect l owner alice.t1
",
        );
    });
}

#[test]
fn an_assertion_of_the_library_is_explained() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
alice: pthread_mutexattr_init m+512 as a
alice: pthread_mutexattr_setpshared a PTHREAD_PROCESS_SHARED
alice: pthread_mutexattr_setprotocol a PTHREAD_PRIO_INHERIT
alice: pthread_mutex_init m+64 a as x
alice: fork bob
alice: fork carol
bob: pthread_mutex_lock x
carol: pthread_mutex_lock x
",
        );
        let report = play.line("alice: kill bob SIGKILL");
        let told: Vec<&str> = report.calls.iter().filter_map(|call| call.meaning.as_deref()).collect();
        assert!(told.iter().any(|why| why.starts_with("an assertion of glibc has failed")), "{:#?}", report.calls);
        play.run("expect carol killed by SIGABRT\n");
    });
}

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

//! Each way to sleep on a futex: object, direction and owner as the stage names them, held against the system call, its
//! address and the words that are seen from outside.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;
#[expect(dead_code, unused_imports, reason = "only mappings, memory and system calls are looked at here")]
mod outside;

use common::Play;
use ipclab::model::Object;

/// The lines that lead to a sleep, who sleeps in which call, on which object, in which direction.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// A page that a, b and c share, with attributes for what is shared.
const PAGE: &str = "spawn a\na: shm_open board O_CREAT|O_RDWR\na: ftruncate board 4096\n\
    a: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m\n\
    a: pthread_mutexattr_init m+512 as attr\na: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED\n\
    a: pthread_condattr_init m+520 as cattr\na: pthread_condattr_setpshared cattr PTHREAD_PROCESS_SHARED\n\
    a: pthread_rwlockattr_init m+528 as rattr\na: pthread_rwlockattr_setpshared rattr PTHREAD_PROCESS_SHARED\n\
    a: pthread_barrierattr_init m+536 as battr\na: pthread_barrierattr_setpshared battr PTHREAD_PROCESS_SHARED\n\
    a: fork b\na: fork c";

const LOCK: &str = "lock";
const READ: &str = "lock for reading";
const WRITE: &str = "lock for writing";

const ROWS: &[Row] = &[
    (
        "a: pthread_mutex_init m+64 attr as l\na: pthread_mutex_lock l\nb: pthread_mutex_lock m+64",
        "b",
        "pthread_mutex_lock",
        "l",
        LOCK,
    ),
    (
        "a: pthread_mutex_init m+64 as l\na: pthread_mutex_lock l\na: pthread_mutex_lock l",
        "a",
        "pthread_mutex_lock",
        "l",
        LOCK,
    ),
    (
        "a: pthread_mutex_init m+64 attr as l\na: pthread_mutex_lock l\nb: pthread_mutex_timedlock m+64 60s",
        "b",
        "pthread_mutex_timedlock",
        "l",
        LOCK,
    ),
    (
        "a: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_ROBUST\na: pthread_mutex_init m+64 attr as l\n\
         b: pthread_mutex_lock m+64\nc: pthread_mutex_lock m+64",
        "c",
        "pthread_mutex_lock",
        "l",
        LOCK,
    ),
    (
        "a: pthread_mutexattr_setprotocol attr PTHREAD_PRIO_INHERIT\na: pthread_mutex_init m+64 attr as l\n\
         b: pthread_mutex_lock m+64\nc: pthread_mutex_lock m+64",
        "c",
        "pthread_mutex_lock",
        "l",
        LOCK,
    ),
    (
        "a: pthread_mutexattr_setprotocol attr PTHREAD_PRIO_INHERIT\na: pthread_mutex_init m+64 attr as l\n\
         b: pthread_mutex_lock m+64\nc: pthread_mutex_timedlock m+64 60s",
        "c",
        "pthread_mutex_timedlock",
        "l",
        LOCK,
    ),
    (
        "a: pthread_mutex_init m+64 attr as l\na: pthread_cond_init m+128 cattr as c1\na: pthread_mutex_lock l\n\
         a: pthread_cond_wait c1 l",
        "a",
        "pthread_cond_wait",
        "c1",
        "be signalled",
    ),
    (
        "a: pthread_mutex_init m+64 attr as l\na: pthread_cond_init m+128 cattr as c1\nb: pthread_mutex_lock m+64\n\
         b: pthread_cond_timedwait m+128 m+64 60s",
        "b",
        "pthread_cond_timedwait",
        "c1",
        "be signalled",
    ),
    // Signalled, with the mutex in other hands.
    (
        "a: pthread_mutex_init m+64 attr as l\na: pthread_cond_init m+128 cattr as c1\nb: pthread_mutex_lock m+64\n\
         b: pthread_cond_wait m+128 m+64\na: pthread_mutex_lock l\na: pthread_cond_broadcast c1",
        "b",
        "pthread_cond_wait",
        "l",
        LOCK,
    ),
    // The one who ends it waits until all have left, for as long as one of them is asleep in it.
    (
        "a: pthread_mutex_init m+64 attr as l\na: pthread_cond_init m+128 cattr as c1\nb: pthread_mutex_lock m+64\n\
         b: pthread_cond_wait m+128 m+64\na: pthread_cond_destroy c1",
        "a",
        "pthread_cond_destroy",
        "c1",
        "see it left",
    ),
    (
        "a: pthread_rwlock_init m+192 rattr as r\na: pthread_rwlock_rdlock r\nb: pthread_rwlock_wrlock m+192",
        "b",
        "pthread_rwlock_wrlock",
        "r",
        WRITE,
    ),
    (
        "a: pthread_rwlock_init m+192 rattr as r\na: pthread_rwlock_wrlock r\nb: pthread_rwlock_wrlock m+192",
        "b",
        "pthread_rwlock_wrlock",
        "r",
        WRITE,
    ),
    (
        "a: pthread_rwlock_init m+192 rattr as r\na: pthread_rwlock_wrlock r\nb: pthread_rwlock_timedwrlock m+192 60s",
        "b",
        "pthread_rwlock_timedwrlock",
        "r",
        WRITE,
    ),
    (
        "a: pthread_rwlock_init m+192 rattr as r\na: pthread_rwlock_wrlock r\nb: pthread_rwlock_rdlock m+192",
        "b",
        "pthread_rwlock_rdlock",
        "r",
        READ,
    ),
    (
        "a: pthread_rwlock_init m+192 rattr as r\na: pthread_rwlock_wrlock r\nb: pthread_rwlock_timedrdlock m+192 60s",
        "b",
        "pthread_rwlock_timedrdlock",
        "r",
        READ,
    ),
    // Behind a writer that waits.
    (
        "a: pthread_rwlockattr_setkind_np rattr PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP\n\
         a: pthread_rwlock_init m+192 rattr as r\na: pthread_rwlock_rdlock r\nb: pthread_rwlock_wrlock m+192\n\
         c: pthread_rwlock_rdlock m+192",
        "c",
        "pthread_rwlock_rdlock",
        "r",
        READ,
    ),
    (
        "a: pthread_barrier_init m+256 2 battr as w\nb: pthread_barrier_wait m+256",
        "b",
        "pthread_barrier_wait",
        "w",
        "meet the others",
    ),
    ("a: futex m+384 FUTEX_WAKE 1 as f\nb: futex m+384 FUTEX_WAIT 0", "b", "futex", "f", "be woken"),
    (
        "a: futex m+384 FUTEX_WAKE 1 as f\nb: futex m+384 FUTEX_WAIT_PRIVATE 0 timeout=60s",
        "b",
        "futex",
        "f",
        "be woken",
    ),
];

/// One sleep on several words: each of them has the sleeper, and the one that is woken is told.
#[test]
fn a_sleep_on_several_words_is_on_all_of_them() {
    for shared in [false, true] {
        let mut play = Play::open(shared);
        play.run(PAGE);
        play.run(
            "a: futex m+1024 FUTEX_WAKE 1 as v\na: futex m+1028 FUTEX_WAKE 1 as w\nb: futex_waitv m+1024:0 m+1028:0",
        );
        if play.last("b").contains("ENOSYS") {
            common::left_out("this kernel has no futex_waitv (Linux 5.16)");
            return;
        }
        let sleep = play.snapshot().actor("b").unwrap().sleep().unwrap().clone();
        assert_eq!((sleep.object.as_deref(), &*sleep.also), (Some("v"), &["w".to_owned()][..]));
        assert_eq!(sleep.direction, "be woken");
        let processes = outside::descendants(play.stage().process());
        let (nr, args) = outside::syscall(processes[&play.snapshot().actor("b").unwrap().pid].pid).unwrap();
        assert_eq!((nr, sleep.syscall, args[1]), (libc::SYS_futex_waitv, libc::SYS_futex_waitv, 2));
        for name in ["v", "w"] {
            assert_eq!(play.object(name).waiters.iter().map(|w| w.actor.as_str()).collect::<Vec<_>>(), ["b"], "{name}");
        }
        play.run("expect b blocked in futex_waitv on w\na: futex w FUTEX_WAKE 1\nexpect b returned 1 from futex_waitv");
        play.run("a: store m[256] 5\nb: futex_waitv m+1024:0 m+1028:0\nexpect b failed EAGAIN from futex_waitv");
        play.run("b: futex_waitv m+1024:5 m+1028:0 timeout=1ms\nawait b\nexpect b failed ETIMEDOUT");
        play.run("a: futex m+3000 FUTEX_WAKE 1\na: pthread_mutex_init m+3008 attr");
        assert!(play.snapshot().objects.iter().all(|object| !object.name.is_empty()), "{:#?}", play.snapshot().objects);
        // Words that nobody has named are found by who sleeps on them.
        play.run("c: futex_waitv m+2048:0 m+2052:0 timeout=60s");
        let sleep = play.snapshot().actor("c").unwrap().sleep().unwrap().clone();
        assert!(sleep.object.is_some() && sleep.also.len() == 1 && sleep.deadline_ns.is_some(), "{sleep:?}");
    }
}

/// Bytes of an object of that facility.
fn size(facility: &str) -> u64 {
    match facility {
        "mutex" => 40,
        "cond" => 48,
        "rwlock" => 56,
        "barrier" => 32,
        "futex" => 4,
        other => panic!("{other}"),
    }
}

/// The owner that the words name, as they are seen from outside: by glibc's layout of 64-bit machines.
fn owner(object: &Object, memory: &[u8]) -> Option<u32> {
    let word = |at: usize| u32::from_ne_bytes(memory[at..at + 4].try_into().unwrap());
    match object.facility() {
        "mutex" if word(16) & 0x30 != 0 => Some(word(0) & 0x3fff_ffff),
        "mutex" => Some(if word(0) == 0 { 0 } else { word(8) }),
        "rwlock" if word(0) & 3 == 3 => Some(word(24)),
        "rwlock" => Some(0),
        _ => None,
    }
}

#[test]
fn each_sleep_on_a_futex_is_named() {
    for shared in [false, true] {
        for (script, who, verb, name, direction) in ROWS {
            let mut play = Play::open(shared);
            play.run(PAGE);
            play.run(script);
            let seen = play.snapshot();
            let actor = seen.actor(who).unwrap();
            let sleep = actor.sleep().unwrap_or_else(|| panic!("{script}\n{:?}", actor.state));
            let told = (sleep.verb.as_ref(), sleep.object.as_deref(), sleep.direction.as_ref());
            assert_eq!(told, (*verb, Some(*name), *direction), "{script}");
            assert_eq!(sleep.deadline_ns.is_some(), script.lines().last().unwrap().contains("60s"), "{script}");
            assert!(seen.settled, "{script}");
            let object = play.object(name);
            assert!(object.waiters.iter().any(|w| w.actor == *who && w.direction == *direction), "{object:#?}");
            let processes = outside::descendants(play.stage().process());
            let pid = processes[&actor.pid].pid;
            let (nr, args) = outside::syscall(pid).unwrap();
            assert_eq!((nr, sleep.syscall), (libc::SYS_futex, libc::SYS_futex), "{script}");
            let map = outside::maps(pid).into_iter().find(|m| (m.start..m.end).contains(&args[0])).unwrap();
            assert_eq!((map.dev, map.ino), (object.key.dev, object.key.ino), "{script}");
            let begins = object.key.offset;
            let at = map.offset + args[0] - map.start;
            assert!((begins..begins + size(object.facility())).contains(&at), "{script}: {at} in {begins}");
            let memory = outside::memory(pid, map.start + begins - map.offset, size(object.facility()) as usize);
            if let Some(tid) = owner(object, &memory) {
                let named = seen.actors.iter().find(|a| a.pid as u32 == tid).map_or("nobody", |a| a.name.as_str());
                assert_eq!(object.value("owner").as_text(), Some(named), "{script}");
            }
        }
    }
}

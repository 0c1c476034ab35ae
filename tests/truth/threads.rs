//! A random walk of threads and of what they synchronize by. After each step every word of every object, and who sleeps
//! on it, is compared with what lies in the process' memory and in /proc; and the same walk unobserved gives each call
//! the same result.

use std::collections::BTreeMap;
use std::fs;

use ipclab::facility;
use ipclab::model::{ActorState, Object, Snapshot};
use ipclab::script::parse;

use super::common::Play;
use super::outside;

/// Everything lies in one shared page at these offsets. Mutexes tell of an error instead of doing what is undefined.
const STAGE: &str = "spawn a
a: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
a: pthread_mutexattr_init m+512 as attr
a: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED
a: pthread_mutexattr_settype attr PTHREAD_MUTEX_ERRORCHECK
a: pthread_mutex_init m+64 attr as l
a: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_ROBUST
a: pthread_mutex_init m+104 attr as k
a: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_STALLED
a: pthread_mutexattr_settype attr PTHREAD_MUTEX_RECURSIVE
a: pthread_mutex_init m+144 attr as n
a: pthread_condattr_init m+520 as cattr
a: pthread_condattr_setpshared cattr PTHREAD_PROCESS_SHARED
a: pthread_cond_init m+192 cattr as c
a: pthread_rwlockattr_init m+528 as rattr
a: pthread_rwlockattr_setpshared rattr PTHREAD_PROCESS_SHARED
a: pthread_rwlock_init m+256 rattr as r
a: pthread_barrierattr_init m+536 as battr
a: pthread_barrierattr_setpshared battr PTHREAD_PROCESS_SHARED
a: pthread_barrier_init m+320 3 battr as w
a: pthread_spin_init m+384 PTHREAD_PROCESS_SHARED as s
a: pthread_create t1
a: pthread_create t2
a: fork b
b: pthread_create t1";

/// `@` is an actor, `#` a mutex.
const STEPS: &[&str] = &[
    "@: pthread_mutex_lock #",
    "@: pthread_mutex_lock #",
    "@: pthread_mutex_trylock #",
    "@: pthread_mutex_unlock #",
    "@: pthread_mutex_unlock #",
    "@: pthread_mutex_unlock #",
    "@: pthread_mutex_consistent k",
    "@: pthread_cond_wait c l",
    "@: pthread_cond_wait c l",
    "@: pthread_cond_signal c",
    "@: pthread_cond_signal c",
    "@: pthread_cond_broadcast c",
    "@: pthread_rwlock_rdlock r",
    "@: pthread_rwlock_rdlock r",
    "@: pthread_rwlock_tryrdlock r",
    "@: pthread_rwlock_wrlock r",
    "@: pthread_rwlock_trywrlock r",
    "@: pthread_rwlock_unlock r",
    "@: pthread_rwlock_unlock r",
    "@: pthread_barrier_wait w",
    "@: pthread_spin_trylock s",
    "@: pthread_spin_trylock s",
    "@: pthread_spin_unlock s",
    "@: atomic_fetch_add m[0] 3",
    "@: load $x m[0]",
    "@: pthread_create t3",
    "@: pthread_exit 7",
    "@: pthread_join a.t3 -> $left",
];

const ACTORS: &[&str] = &["a", "a.t1", "a.t2", "a.t3", "b", "b.t1", "b.t3"];

/// Whether the step may be taken: no undefined behaviour, and no race of several for one lock, whose winner is anybody's
/// guess. Both walks judge by what they see themselves, which is the same.
fn may(line: &str, seen: &Snapshot) -> bool {
    let (statements, diagnostics) = parse(line, facility::registry());
    assert!(diagnostics.is_empty(), "{line}: {diagnostics:?}");
    let waiting = |name: &str| seen.object(name).map_or(0, |object| object.waiters.len());
    let race =
        line.contains("cond_broadcast") && waiting("c") > 1 || line.contains("rwlock_unlock") && waiting("r") > 1;
    // The first thread's end is another test's matter, and a joined or dead one has no more to say.
    let first = line.starts_with("a: pthread_exit") || line.starts_with("b: pthread_exit");
    !race && !first && statements.iter().all(|statement| facility::undefined(statement, seen).is_none())
}

/// The threads of a stage as /proc shows them: their number there, by the number that each has in its own namespace.
fn tasks(stage: i32) -> BTreeMap<i32, String> {
    let mut all = BTreeMap::new();
    for process in outside::descendants(stage).values() {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/task", process.pid)) else { continue };
        for entry in entries.flatten() {
            let Ok(text) = fs::read_to_string(entry.path().join("status")) else { continue };
            let line = text.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
            let inner = line.split_whitespace().last().unwrap().parse().unwrap();
            all.insert(inner, entry.path().to_str().unwrap().to_owned());
        }
    }
    all
}

fn check(stage: i32, seen: &Snapshot) {
    let tasks = tasks(stage);
    let mapping = |name: &str| {
        let actor = seen.actor(name).filter(|actor| actor.alive())?;
        Some((actor, actor.mappings.iter().find(|m| m.shared)?.start))
    };
    let (reader, base) = ["a", "b"].iter().find_map(|name| mapping(name)).unwrap();
    let pid: i32 = tasks[&reader.pid].split('/').nth(2).unwrap().parse().unwrap();
    let page = outside::memory(pid, base, 4096);
    let word = |at: usize| u32::from_ne_bytes(page[at..at + 4].try_into().unwrap());
    let name = |tid: u32| {
        let owner = seen.actors.iter().rev().find(|actor| actor.tid as u32 == tid);
        // Of one that is dead another may have the name by now.
        let number = || if tid == 0 { "nobody".to_owned() } else { format!("pid {tid}") };
        owner.map_or_else(number, |owner| owner.name.clone())
    };
    // Who sleeps on a word of the page, and where.
    let mut asleep: Vec<(String, usize)> = Vec::new();
    for actor in seen.actors.iter().filter(|actor| actor.alive()) {
        let task = &tasks[&actor.tid];
        let text = fs::read_to_string(format!("{task}/syscall")).unwrap();
        let numbers: Vec<&str> = text.split_whitespace().collect();
        let blocked = numbers[0].parse() == Ok(libc::SYS_futex);
        assert_eq!(actor.sleep().is_some(), blocked, "{}: {text}", actor.name);
        let start = seen
            .actor(actor.thread_of.as_ref().unwrap_or(&actor.name))
            .and_then(|first| first.mappings.iter().find(|m| m.shared));
        if let (true, Some(start)) = (blocked, start) {
            let at = u64::from_str_radix(numbers[1].trim_start_matches("0x"), 16).unwrap();
            asleep.push((actor.name.clone(), at.wrapping_sub(start.start) as usize));
        }
    }
    for object in seen.objects.iter().filter(|object| object.facility() != "shm") {
        let at = object.key.offset as usize;
        let length = facility::by_id(object.facility()).unwrap().size() as usize;
        let mut told: Vec<&str> = object.waiters.iter().map(|waiter| waiter.actor.as_str()).collect();
        let here = |(_, place): &&(String, usize)| (at..at + length).contains(place);
        let mut there: Vec<&str> = asleep.iter().filter(here).map(|(actor, _)| actor.as_str()).collect();
        told.sort_unstable();
        there.sort_unstable();
        assert_eq!(told, there, "who waits for {}", object.name);
        words(object, |offset| word(at + offset), &name, there.len());
    }
}

/// The words of one object, as nptl of glibc lays them out.
fn words(object: &Object, word: impl Fn(usize) -> u32, name: &dyn Fn(u32) -> String, waiting: usize) {
    let text = |field: &str| object.value(field).as_text().unwrap_or_else(|| panic!("{field} of {object:?}"));
    let int = |field: &str| object.int(field).unwrap_or_else(|| panic!("{field} of {object:?}"));
    match object.facility() {
        "mutex" => {
            let (lock, owner) = (word(0), word(8));
            assert_eq!(text("state") == "free", lock & libc::FUTEX_TID_MASK == 0 && owner == 0, "{lock:#x} {object:?}");
            if text("state") == "locked" {
                // pthread_mutex_consistent writes down its caller as the owner, whoever that is; the lock knows better.
                let owner = if object.name == "k" { lock & libc::FUTEX_TID_MASK } else { owner };
                assert_eq!(text("owner"), name(owner), "{object:?}");
            }
            // Of a robust one the upper bits are words of their own.
            let shown = if object.name == "k" { lock & libc::FUTEX_TID_MASK } else { lock };
            assert_eq!(text("word").split('|').next(), Some(shown.to_string().as_str()), "{object:?}");
            if object.name == "n" {
                assert_eq!(int("count"), i64::from(word(4)), "{object:?}");
            }
        }
        "cond" => {
            let references = if ipclab::kernel::pthread::glibc_version() >= Some((2, 41)) { 28 } else { 36 };
            // Who was killed while it waited is counted for ever.
            assert_eq!(int("nwaiters"), i64::from(word(references) >> 3), "{object:?}");
            assert!(int("nwaiters") >= waiting as i64, "{object:?}");
        }
        "rwlock" => {
            // While somebody writes (the two lowest bits) the count is of those who wait to read.
            let readers = if word(0) & 3 == 3 { 0 } else { word(0) >> 3 };
            assert_eq!(int("readers"), i64::from(readers), "{object:?}");
            assert_eq!(text("owner"), name(word(24)), "{object:?}");
            assert_eq!(text("word"), format!("{:#x}", word(0)), "{object:?}");
        }
        "barrier" => {
            assert_eq!((int("arrived"), int("needed")), (i64::from(word(0) - word(4)), 3), "{object:?}");
            assert!(int("arrived") >= waiting as i64, "{object:?}");
        }
        "spin" => assert_eq!(text("state") == "locked", word(0) != ipclab::kernel::pthread::SPIN_FREE, "{object:?}"),
        other => panic!("{other} is not compared"),
    }
}

/// Walks, and gives what each statement came to: who made which call, with which result.
fn walk(seed: u64, steps: usize, shared: bool, observed: bool, lines: &mut Vec<String>) -> Vec<String> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut pick = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % n
    };
    let mut play = Play::open(shared);
    play.run(STAGE);
    play.stage().observe(observed);
    let mut told = Vec::new();
    for step in 0..steps {
        if observed {
            let idle = |name: &&str| play.snapshot().actor(name).is_some_and(|a| a.state == ActorState::Idle);
            let idle: Vec<&str> = ACTORS.iter().copied().filter(idle).collect();
            if idle.is_empty() {
                break;
            }
            let actor = idle[pick(idle.len())];
            let line = STEPS[pick(STEPS.len())].replacen('@', actor, 1).replacen('#', ["l", "k", "n"][pick(3)], 1);
            let line = if step == steps / 2 { format!("{actor}: kill b SIGKILL") } else { line };
            lines.push(if may(&line, play.snapshot()) { line } else { "a: load $x m[0]".to_owned() });
        }
        let Some(line) = lines.get(step) else { break };
        let report = play.line(line);
        let result = |call: &ipclab::model::Call| {
            let ret = call.ret().filter(|_| !matches!(call.verb.as_str(), "pthread_create" | "fork"));
            format!("{} {} {ret:?} {:?}", call.actor, call.verb, call.errno())
        };
        let mut calls: Vec<String> = report.calls.iter().map(result).collect();
        // Of those that are woken together anybody may be the first to return.
        calls.sort_unstable();
        told.push(format!("{line}: {calls:?}"));
        if observed {
            let checked = std::panic::catch_unwind(|| check(play.stage().process(), &report.snapshot));
            assert!(checked.is_ok(), "seed {seed}, shared {shared}:\n{}", lines.join("\n"));
        }
    }
    told
}

#[test]
fn random_walks_of_threads() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let (rounds, first): (u64, u64) = (number("IPCLAB_ROUNDS"), number("IPCLAB_SEED"));
    for seed in first..first + 4 * rounds {
        let (mut lines, shared) = (Vec::new(), seed % 2 == 0);
        let observed = walk(seed, 100, shared, true, &mut lines);
        let unobserved = walk(seed, 100, shared, false, &mut lines);
        for (step, (one, other)) in observed.iter().zip(&unobserved).enumerate() {
            assert_eq!(one, other, "seed {seed}, shared {shared}\n{}", lines[..=step].join("\n"));
        }
        assert_eq!(observed.len(), unobserved.len(), "seed {seed}, shared {shared}");
    }
}

//! What the map offers can be done, and what the comparison says comes out.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use ipclab::atlas::{self, swap};
use ipclab::claim::{self, Verdict};
use ipclab::facility::registry;
use ipclab::lesson::Pack;
use ipclab::stage::{Options, Outcome, Stage};

fn options(shared: bool) -> Options {
    Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared }
}

#[test]
fn every_leaf_can_be_played() {
    for shared in [false, true] {
        for leaf in atlas::leaves() {
            let mut stage = Stage::open(&options(shared)).unwrap();
            let capable = stage.info().capabilities.contains(&leaf.needs);
            if !leaf.needs.is_empty() && !capable {
                stage.close();
                continue;
            }
            for statement in leaf.play() {
                let report = stage.run(&statement).unwrap();
                assert_eq!(report.outcome, Outcome::Settled, "{}, shared {shared}: {statement}", leaf.id);
            }
            stage.close();
        }
    }
}

#[test]
fn the_lessons_of_the_map_exist() {
    let pack = Pack::embedded(registry()).unwrap();
    for leaf in atlas::leaves() {
        for id in &leaf.lessons {
            assert!(pack.lesson(id).is_some(), "{}: no lesson is {id}", leaf.id);
        }
    }
}

/// Every answer of the comparison comes out on this machine, and no counter-run does.
fn every_answer(shared: bool) {
    let info = Stage::open(&options(shared)).expect("a stage can be opened").info().clone();
    let never = AtomicBool::new(false);
    let mut done = BTreeSet::new();
    for cell in atlas::cells() {
        let Some(experiment) = cell.experiment() else { continue };
        let experiment = experiment.expect("it can be read");
        // Some answers are shown by the same experiment.
        if !done.insert(format!("{experiment:?}")) {
            continue;
        }
        let key = cell.key();
        let finding = claim::run(&experiment, &options(shared), &never, &mut |_| {});
        match finding.expect("a stage can be opened").verdict {
            Verdict::Holds => {}
            Verdict::NotHere(why) => {
                // What is lacking is what the stage says that it lacks.
                let words = why.split("this stage lacks ").nth(1).unwrap_or_else(|| panic!("{key}: {why}"));
                let words = words.split(" (").next().unwrap_or_default();
                let there = words.split(", ").find(|word| info.capabilities.iter().any(|c| c == word));
                assert_eq!(there, None, "{key}: {why}");
            }
            other => panic!("{key}, shared {shared}: {other:#?}"),
        }
    }
}

#[test]
fn every_answer_of_the_comparison_is_shown() {
    every_answer(false);
}

#[test]
fn every_answer_of_the_comparison_is_shown_in_shared_mode() {
    every_answer(true);
}

/// What breaks when a scenario is swapped: the number of each statement that does, with what was seen on both.
fn swapped(text: &str, to: &str, shared: bool) -> Vec<(usize, String)> {
    let (statements, wrong) = ipclab::script::parse(text, registry());
    assert!(wrong.is_empty(), "{wrong:?}");
    let plan = swap::plan(&statements, to).expect("it can be swapped");
    let never = AtomicBool::new(false);
    let (mut number, mut breaks) = (0, Vec::new());
    let ran = swap::compare(&plan, &options(shared), &never, &mut |pair| {
        number += 1;
        if pair.breaks() {
            let differs = pair.differs.iter().map(|(here, there)| format!("{here} / {there}"));
            breaks.push((number, pair.nothing.clone().into_iter().chain(differs).collect::<Vec<_>>().join("; ")));
        }
    });
    ran.expect("stages can be opened");
    breaks
}

const TWO_WRITES: &str = "spawn alice\nalice: pipe p\nalice: fork bob\nalice: write p \"one\"\nalice: write p \"two\"\n\
                          bob: read p 100\nbob: read p 100\n";

#[test]
fn a_swap_shows_what_breaks_and_nothing_else() {
    for shared in [false, true] {
        assert_eq!(swapped(TWO_WRITES, "fifo", shared), []);
        assert_eq!(swapped(TWO_WRITES, "unix-stream", shared), []);
        let queue = swapped(TWO_WRITES, "sysv-queue", shared);
        let expected =
            [(6, "bob got \"onetwo\" / bob got \"one\"".to_owned()), (7, "bob sleeps / bob got \"two\"".to_owned())];
        assert_eq!(queue, expected);
        let memory = swapped(TWO_WRITES, "anonymous-mapping", shared);
        assert_eq!(memory[0].0, 6);
        assert!(memory[0].1.starts_with("bob got \"onetwo\" / bob got \"two"), "{memory:?}");
        let ended = format!("{TWO_WRITES}alice: close p.w\nbob: close p.w\n");
        assert!(swapped(&ended, "sysv-queue", shared).last().unwrap().1.contains("no end to close"));
    }
}

#[test]
fn a_dead_holder_is_what_tells_locks_apart() {
    let text = "spawn alice\nalice: sem_open s O_CREAT 0600 value=1\nalice: fork bob\nalice: sem_wait s\n\
                bob: kill alice SIGKILL\nbob: sem_trywait s\n";
    assert_eq!(swapped(text, "sysv-semaphore", false), []);
    let record = swapped(text, "record-lock", false);
    assert_eq!(record, [(6, "bob failed with EAGAIN / bob goes on".to_owned())]);
}

/// A connection, or a socket that is bound, both of whose sides go to a child.
fn inherited(kind: &str) -> String {
    let lines: Vec<String> = swap::scenario(kind).iter().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

#[test]
fn a_swap_away_from_the_network_shows_what_was_of_the_network() {
    let stage = Stage::open(&options(false)).expect("a stage can be opened");
    let isolated = stage.info().capabilities.iter().any(|word| word == "isolated");
    stage.close();
    if !isolated {
        return;
    }
    // A stream stays a stream, and its boundaries come with messages.
    assert_eq!(swapped(&inherited("tcp"), "unix-stream", false), []);
    let messages = swapped(&inherited("tcp"), "unix-seqpacket", false);
    assert!(messages[0].1.contains("bob got \"onetwo\" / bob got \"one\""), "{messages:?}");
    // Nobody learns that there is nobody any more.
    let queue = swapped(&inherited("udp"), "posix-queue", false);
    assert!(queue.iter().all(|(_, why)| why.contains("no end to close")) && !queue.is_empty(), "{queue:?}");
    let stream = swapped(&inherited("udp"), "pipe", false);
    assert!(stream[0].1.contains("bob got \"one\" / bob got \"onetwo\""), "{stream:?}");
    // Who is no relative finds what has a name, and nothing else.
    let apart = "spawn bob\nbob: socket b AF_INET SOCK_DGRAM\nbob: bind b 127.0.0.1:5000\nspawn alice\n\
                 alice: socket a AF_INET SOCK_DGRAM\nalice: sendto a \"one\" 127.0.0.1:5000\nbob: recvfrom b 100\n";
    assert_eq!(swapped(apart, "sysv-queue", false), []);
    let pair = swapped(apart, "unix-datagram", false);
    assert!(pair[0].0 == 5 && pair[0].1.contains("only who inherits it has it"), "{pair:?}");
    // What nobody takes is lost without a word, where a local sender would sleep.
    let flood = "spawn alice\nalice: socket b AF_INET SOCK_DGRAM\nalice: setsockopt b SOL_SOCKET SO_RCVBUF 4096\n\
                 alice: bind b 127.0.0.1:5000\nalice: socket a AF_INET SOCK_DGRAM\nalice: connect a 127.0.0.1:5000\n\
                 repeat 1000 alice: send a \"x\"\n";
    let flood = swapped(flood, "unix-datagram", false);
    assert!(flood.iter().any(|(_, why)| why == "alice goes on / alice sleeps"), "{flood:?}");
}

#[test]
fn a_swap_of_a_mutex_shows_whose_a_lock_is() {
    for shared in [false, true] {
        let text = "spawn alice\nalice: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\n\
                    alice: pthread_mutexattr_init m+512 as a\nalice: pthread_mutexattr_setpshared a PTHREAD_PROCESS_SHARED\n\
                    alice: pthread_mutex_init m+64 a as l\nalice: fork bob\nalice: pthread_mutex_lock l\n\
                    bob: pthread_mutex_lock l\nspawn carol\ncarol: kill alice SIGKILL\n";
        assert_eq!(swapped(text, "posix-semaphore", shared), []);
        assert_eq!(swapped(text, "record-lock", shared), [(10, "bob sleeps / bob goes on".to_owned())]);
        assert_eq!(swapped(text, "description-lock", shared)[0], (8, "bob sleeps / bob goes on".to_owned()));
        // Threads of one process are one owner of a record lock.
        let threads = "spawn alice\nalice: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\n\
                       alice: pthread_mutex_init m+64 as l\nalice: pthread_create t1\nalice: pthread_mutex_lock l\n\
                       alice.t1: pthread_mutex_lock l\n";
        assert_eq!(swapped(threads, "posix-semaphore", shared), []);
        assert_eq!(swapped(threads, "record-lock", shared), [(6, "alice.t1 sleeps / alice.t1 goes on".to_owned())]);
    }
}

#[test]
fn the_small_scenario_of_each_facility_can_be_swapped_for_each_that_does_the_same() {
    for leaf in atlas::leaves().iter().filter(|leaf| swap::kind_of(&leaf.play()) == Some(leaf.id.as_str())) {
        for to in swap::swaps_of(&leaf.id) {
            let plan = swap::plan(&leaf.play(), to).unwrap_or_else(|why| panic!("{} to {to}: {why}", leaf.id));
            assert_eq!((plan.from, plan.to), (leaf.id.as_str(), to));
        }
    }
}

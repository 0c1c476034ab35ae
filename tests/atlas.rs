//! What the map offers can be done, and what the comparison says comes out.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use ipclab::atlas;
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

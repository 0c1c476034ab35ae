//! What the map offers can be done: its scenarios run, its lessons exist.

mod common;

use ipclab::atlas;
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

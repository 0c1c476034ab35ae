//! Each claim is shown on this kernel, and each experiment would notice if it were not so.

mod common;

use std::sync::atomic::AtomicBool;

use ipclab::claim::{self, Verdict};
use ipclab::facility::registry;
use ipclab::lesson::Pack;
use ipclab::stage::Options;

fn options(shared: bool) -> Options {
    Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared }
}

fn verdicts(shared: bool) -> Vec<(&'static str, Verdict)> {
    let never = AtomicBool::new(false);
    claim::order()
        .into_iter()
        .map(|id| {
            let text = claim::source(id).expect("each claim has an experiment");
            let experiment = claim::parse(text, registry()).expect("the experiment can be read");
            let finding = claim::run(&experiment, &options(shared), &never, &mut |_| {});
            (id, finding.expect("a stage can be opened").verdict)
        })
        .collect()
}

#[test]
fn every_claim_holds_and_no_counter_run_does() {
    for shared in [false, true] {
        let info = ipclab::stage::Stage::open(&options(shared)).unwrap().info().clone();
        for (id, verdict) in verdicts(shared) {
            match verdict {
                Verdict::Holds => {}
                // What is lacking is what the stage says that it lacks, and the reason is given.
                Verdict::NotHere(why) => {
                    assert!(why.contains("this stage lacks"), "{id}: {why}");
                    let lacks =
                        ["hosts", "isolated", "mqueue"].into_iter().find(|word| why.contains(&format!("lacks {word}")));
                    let word = lacks.unwrap_or_else(|| panic!("{id}: {why}"));
                    assert!(!info.capabilities.iter().any(|c| c == word), "{id}: {why}");
                }
                other => panic!("{id}, shared {shared}: {other:#?}"),
            }
        }
    }
}

#[test]
fn a_counter_run_that_shows_the_same_is_noticed() {
    let text = "== alice is idle\ncounter: bob is there too\nspawn alice\n+ spawn bob\nexpect alice idle\n";
    let experiment = claim::parse(text, registry()).unwrap();
    let never = AtomicBool::new(false);
    let finding = claim::run(&experiment, &options(false), &never, &mut |_| {}).unwrap();
    assert!(matches!(finding.verdict, Verdict::Differs { statement: None, .. }), "{finding:?}");
    let text = "== alice sleeps\ncounter: bob is there too\nspawn alice\n+ spawn bob\nexpect alice blocked\n";
    let finding = claim::run(&claim::parse(text, registry()).unwrap(), &options(false), &never, &mut |_| {}).unwrap();
    let Verdict::Differs { statement: Some(at), seen, .. } = finding.verdict else { panic!("{finding:?}") };
    assert_eq!((at.as_str(), seen.contains("idle")), ("expect alice blocked", true), "{seen}");
}

#[test]
fn every_claim_is_proved_by_a_lesson() {
    let pack = Pack::embedded(registry()).unwrap();
    let proved: Vec<&String> = pack.lessons.iter().flat_map(|lesson| &lesson.front.claims).collect();
    for id in claim::order() {
        assert!(proved.iter().any(|p| *p == id), "no lesson proves {id}");
    }
}

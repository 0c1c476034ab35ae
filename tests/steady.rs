//! Same statements, same snapshots: also with one processor that others keep busy.
//!
//! `IPCLAB_ROUNDS=50 taskset -c 0 cargo test --test steady`, beside a few busy loops, is the hard form of it.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;
mod scripts;

use common::Play;
use ipclab::model::Snapshot;
use ipclab::stage::Outcome;

fn play(name: &str, shared: bool) -> Vec<(String, Outcome, Snapshot)> {
    let mut play = Play::open(shared);
    let report = |line: String| {
        let report = play.line(&line);
        (line, report.outcome, report.snapshot.normal())
    };
    scripts::statements(name).into_iter().map(report).collect()
}

#[test]
fn the_same_statements_give_the_same_snapshots() {
    let rounds: usize = std::env::var("IPCLAB_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for (name, _) in scripts::SCRIPTS {
        if *name == "strangers" && !nix::unistd::geteuid().is_root() {
            common::left_out("strangers, whom only root can make");
            continue;
        }
        for shared in [false, true] {
            let first = play(name, shared);
            for round in 0..rounds {
                for (before, now) in first.iter().zip(play(name, shared)) {
                    assert_eq!(*before, now, "{name}, shared {shared}, round {round}");
                }
            }
        }
    }
}

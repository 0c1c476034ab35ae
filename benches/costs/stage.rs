//! Opening a stage until its first actor can take an order, and many of them in a row.

use std::time::Instant;

use anyhow::bail;

use super::bare::Bare;
use super::measure::{RUNS, bar, line, median, ratios, spread};
use super::scene::{open, play};

/// Opens of one run.
const OPENS: usize = 9;

pub(super) fn run() -> anyhow::Result<()> {
    let mut bare = Bare::start()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    one()?;
    for _ in 0..RUNS {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..OPENS {
            a.push(one()?);
            b.push(bare.stage()? / 1e6);
        }
        ours.push(median(&a));
        theirs.push(median(&b));
    }
    line("open until an actor takes orders", spread(&ours, " ms"));
    line("bare unshare, mounts, forks", spread(&theirs, " ms"));
    bar("ratio", &ratios(&ours, &theirs), 3.0);
    in_a_row()
}

fn one() -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut stage = open()?;
    play(&mut stage, "spawn alice")?;
    let took = start.elapsed().as_nanos() as f64 / 1e6;
    stage.close();
    Ok(took)
}

/// What grows when something is left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    descriptors: usize,
    threads: usize,
    children: usize,
    mounts: usize,
    resident_kb: u64,
}

fn room() -> anyhow::Result<Room> {
    let entries = |path: &str| std::fs::read_dir(path).map_or(0, Iterator::count);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|rest| rest.split_ascii_whitespace().next()).and_then(|kb| kb.parse().ok());
    Ok(Room {
        descriptors: entries("/proc/self/fd"),
        threads: entries("/proc/self/task"),
        children: ipclab::kernel::proc::children(std::process::id() as i32)?.len(),
        mounts: std::fs::read_to_string("/proc/self/mountinfo")?.lines().count(),
        resident_kb: resident.unwrap_or(0),
    })
}

fn in_a_row() -> anyhow::Result<()> {
    let count = std::env::var("IPCLAB_OPENS").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    // What is made once is made in the first few.
    for _ in 0..20 {
        one()?;
    }
    let before = room()?;
    for _ in 0..count {
        one()?;
    }
    let after = room()?;
    line(format!("before {count} stages in a row"), format!("{before:?}"));
    line("after them", format!("{after:?}"));
    let same = Room { resident_kb: before.resident_kb, ..after } == before;
    if !same || after.resident_kb > before.resident_kb + 1024 {
        bail!("something was left behind");
    }
    Ok(())
}

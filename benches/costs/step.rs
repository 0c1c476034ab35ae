//! One statement, from being handed to the stage until its snapshot is back: a write that wakes a sleeping reader.

use std::time::Instant;

use ipclab::stage::Stage;

use super::bare::Bare;
use super::measure::{RUNS, bar, line, micros, percentile, ratios, spread};
use super::scene::{populated, statement};

/// Statements of one run.
const STEPS: usize = 300;

pub(super) fn run() -> anyhow::Result<()> {
    let mut bare = Bare::start()?;
    let (mut small, mut large) = (populated(2, 1)?, populated(10, 20)?);
    let mut p50: [Vec<f64>; 3] = Default::default();
    let mut p99: [Vec<f64>; 3] = Default::default();
    steps(&mut small, 50)?;
    steps(&mut large, 50)?;
    bare.trips(50)?;
    for _ in 0..RUNS {
        let bare: Vec<f64> = bare.trips(STEPS)?.iter().map(|ns| ns / 1e3).collect();
        for (place, took) in [steps(&mut small, STEPS)?, steps(&mut large, STEPS)?, bare].iter().enumerate() {
            p50[place].push(percentile(took, 0.5));
            p99[place].push(percentile(took, 0.99));
        }
    }
    for (what, place) in [("2 actors, 1 object", 0), ("10 actors, 20 objects", 1), ("bare order, call, reply", 2)] {
        line(format!("{what}: p50"), spread(&p50[place], " us"));
        line(format!("{what}: p99"), spread(&p99[place], " us"));
    }
    bar("2 actors, 1 object, to bare", &ratios(&p50[0], &p50[2]), 4.0);
    bar("10 actors, 20 objects, to 2 and 1", &ratios(&p50[1], &p50[0]), 3.0);
    Ok(())
}

fn steps(stage: &mut Stage, count: usize) -> anyhow::Result<Vec<f64>> {
    let (read, write) = (statement("bob: read p 100")?, statement("alice: write p \"x\"")?);
    let mut took = Vec::new();
    for _ in 0..count {
        stage.run(&read)?;
        let start = Instant::now();
        let report = stage.run(&write)?;
        took.push(micros(start.elapsed()));
        anyhow::ensure!(report.ok() && report.calls.len() == 2, "{report:?}");
    }
    Ok(took)
}

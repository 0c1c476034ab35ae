//! One statement, from being handed to the stage until its snapshot is back: a write that wakes a sleeping reader.

use std::time::Instant;

use ipclab::stage::Stage;

use super::bare::Bare;
use super::measure::{RUNS, bar, line, micros, percentile, ratios, spread};
use super::scene::{populated, statement, threaded, transferring};

/// Statements of one run.
const STEPS: usize = 300;

pub(super) fn run() -> anyhow::Result<()> {
    let mut bare = Bare::start()?;
    let (mut small, mut large, mut transfer) = (populated(2, 1)?, populated(10, 20)?, transferring()?);
    let mut threads = threaded(10, 20)?;
    let mut p50: [Vec<f64>; 6] = Default::default();
    let mut p99: [Vec<f64>; 6] = Default::default();
    steps(&mut small, 50)?;
    steps(&mut large, 50)?;
    steps(&mut transfer, 50)?;
    steps(&mut threads, 50)?;
    let micros = |ns: Vec<f64>| ns.iter().map(|ns| ns / 1e3).collect::<Vec<f64>>();
    for _ in 0..RUNS {
        let runs = [
            steps(&mut small, STEPS)?,
            steps(&mut large, STEPS)?,
            micros(bare.trips(STEPS, false)?),
            micros(bare.trips(STEPS, true)?),
            steps(&mut transfer, STEPS)?,
            steps(&mut threads, STEPS)?,
        ];
        for (place, took) in runs.iter().enumerate() {
            p50[place].push(percentile(took, 0.5));
            p99[place].push(percentile(took, 0.99));
        }
    }
    let rows = [
        "2 actors, 1 object",
        "10 actors, 20 objects",
        "bare order, call, reply",
        "the same on two processors",
        "10 actors, 20 objects of data transfer",
        "10 actors, 4 of them threads, 20 objects",
    ];
    for (what, (p50, p99)) in rows.iter().zip(p50.iter().zip(&p99)) {
        line(format!("{what}: p50"), spread(p50, " us"));
        line(format!("{what}: p99"), spread(p99, " us"));
    }
    bar("2 actors, 1 object, to bare", &ratios(&p50[0], &p50[2]), 4.0);
    bar("2 actors, 1 object, to bare on two processors", &ratios(&p50[0], &p50[3]), 4.0);
    bar("10 actors, 20 objects, to 2 and 1", &ratios(&p50[1], &p50[0]), 3.0);
    bar("10 actors, 20 objects of data transfer, to 2 and 1", &ratios(&p50[4], &p50[0]), 3.0);
    bar("10 actors, 4 of them threads, 20 objects, to 2 and 1", &ratios(&p50[5], &p50[0]), 3.0);
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

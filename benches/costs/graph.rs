//! Processor time of a face for the graph of who waits for whom and for all that is wrong, worked out of one snapshot.

use std::hint::black_box;
use std::time::Instant;

use ipclab::diagnosis::{Forest, diagnose, graph};
use ipclab::model::Snapshot;

use super::measure::{RUNS, bar, line, median, ratios, spread};
use super::scene::{next_refresh, open, play};

/// Graphs of one run.
const GRAPHS: u32 = 20;

pub(super) fn run() -> anyhow::Result<()> {
    let rings = [ring(10, 20)?, ring(200, 400)?];
    let mut took: [Vec<f64>; 2] = Default::default();
    let crowd = crowd(200)?;
    let mut crowded = Vec::new();
    for _ in 0..RUNS {
        for (snapshot, took) in rings.iter().zip(&mut took) {
            took.push(milliseconds(snapshot));
        }
        crowded.push(milliseconds(&crowd));
    }
    line("a ring of 10 actors, 20 objects", spread(&took[0], " ms"));
    line("a ring of 200 actors, 400 objects", spread(&took[1], " ms"));
    bar("the larger to the smaller", &ratios(&took[1], &took[0]), 20.0);
    // What a look at 200 actors may cost at most by the row of looks: 20 times half a millisecond.
    let met = if median(&crowded) <= 10.0 { "" } else { "  MORE" };
    line("200 actors asleep on one pipe that all could fill", format!("{}, at most 10{met}", spread(&crowded, " ms")));
    Ok(())
}

fn milliseconds(snapshot: &Snapshot) -> f64 {
    let start = Instant::now();
    for _ in 0..GRAPHS {
        let graph = graph(black_box(snapshot));
        black_box((diagnose(snapshot, &graph), Forest::of(&graph).rows.len()));
    }
    start.elapsed().as_nanos() as f64 / f64::from(GRAPHS) / 1e6
}

/// So many actors, each of which holds a lock and waits for that of the next, with pipes beside.
fn ring(actors: usize, objects: usize) -> anyhow::Result<Snapshot> {
    let mut stage = open()?;
    for n in 0..actors {
        play(
            &mut stage,
            &format!("spawn a{n}\na{n}: open f{n} \"f{n}\" O_RDWR|O_CREAT 0666\na{n}: flock f{n} LOCK_EX"),
        )?;
        for more in 1..objects / actors {
            play(&mut stage, &format!("a{n}: pipe p{n}x{more}"))?;
        }
    }
    for n in 0..actors {
        let next = (n + 1) % actors;
        play(&mut stage, &format!("a{n}: open g \"f{next}\" O_RDWR as g\na{n}: flock g LOCK_EX"))?;
    }
    next_refresh(&mut stage)
}

/// So many actors that all read one pipe, of which each holds both ends.
fn crowd(actors: usize) -> anyhow::Result<Snapshot> {
    let mut stage = open()?;
    play(&mut stage, "spawn a0\na0: pipe p")?;
    for n in 1..actors {
        play(&mut stage, &format!("a0: fork a{n}\na{n}: read p.r 1"))?;
    }
    play(&mut stage, "a0: read p.r 1")?;
    next_refresh(&mut stage)
}

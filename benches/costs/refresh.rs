//! Processor time of the director for one full look at a settled stage.

use super::measure::{RUNS, bar, cpu_ns, line, median, ratios, spread};
use super::scene::{director, next_refresh, populated, queued, threaded, transferring};

/// Looks of one run.
const LOOKS: u32 = 50;

pub(super) fn run() -> anyhow::Result<()> {
    let mut stages =
        [populated(10, 20)?, populated(200, 400)?, transferring()?, queued(100)?, queued(10_000)?, threaded(10, 20)?];
    let mut cpu: [Vec<f64>; 6] = Default::default();
    for _ in 0..RUNS {
        for (stage, cpu) in stages.iter_mut().zip(&mut cpu) {
            let director = director(stage)?;
            let before = cpu_ns(director);
            for _ in 0..LOOKS {
                next_refresh(stage)?;
            }
            cpu.push((cpu_ns(director) - before) as f64 / f64::from(LOOKS) / 1e6);
        }
    }
    let met = if median(&cpu[0]) <= 0.5 { "" } else { "  MORE" };
    line("10 actors, 20 objects", format!("{}, at most 0.5{met}", spread(&cpu[0], " ms")));
    let met = if median(&cpu[2]) <= 0.5 { "" } else { "  MORE" };
    line("the same of data transfer", format!("{}, at most 0.5{met}", spread(&cpu[2], " ms")));
    let met = if median(&cpu[5]) <= 0.5 { "" } else { "  MORE" };
    line("10 actors, 4 of them threads, 20 objects", format!("{}, at most 0.5{met}", spread(&cpu[5], " ms")));
    line("a queue of 100 messages", spread(&cpu[3], " ms"));
    line("a queue of 10,000 messages, whose ends are shown", spread(&cpu[4], " ms"));
    line("200 actors, 400 objects", spread(&cpu[1], " ms"));
    bar("the larger to the smaller", &ratios(&cpu[1], &cpu[0]), 20.0);
    Ok(())
}

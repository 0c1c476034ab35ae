//! What a free-running actor loses by reporting its calls: processor time of ping-pong over two pipes, both ends on one
//! processor, where the time that passes is the sum of what the two take.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::bare::Bare;
use super::measure::{RUNS, bar, cpu_ns, line, ratios, spread};
use super::scene::{director, open, play, statement};

const ROUNDS: u64 = 20_000;

pub(super) fn run() -> anyhow::Result<()> {
    let mut bare = Bare::start()?;
    let mut stage = open()?;
    play(&mut stage, "spawn alice\nalice: pipe ping\nalice: pipe pong\nalice: fork bob")?;
    play(&mut stage, "program alice\nwrite ping \"x\"\nread pong 1\nend")?;
    play(&mut stage, "program bob\nread ping 1\nwrite pong \"x\"\nend")?;
    let mut one = CpuSet::new();
    one.set(0)?;
    let mut pinned = Vec::new();
    let alice = ipclab::kernel::proc::children(director(&stage)?)?;
    for pid in
        alice.iter().flat_map(|pid| [vec![*pid], ipclab::kernel::proc::children(*pid).unwrap_or_default()].concat())
    {
        sched_setaffinity(Pid::from_raw(pid), &one)?;
        pinned.push(pid);
    }
    anyhow::ensure!(pinned.len() == 2, "{pinned:?} were pinned");
    let go = statement(&format!("go alice bob times={ROUNDS}"))?;
    let mut rows: [Vec<f64>; 3] = Default::default();
    for _ in 0..RUNS {
        rows[0].push(bare.ping_pong(ROUNDS, false)? / 1e3 / ROUNDS as f64);
        rows[1].push(bare.ping_pong(ROUNDS, true)? / 1e3 / ROUNDS as f64);
        let spent = || pinned.iter().map(|pid| cpu_ns(*pid)).sum::<u64>();
        let before = spent();
        let report = stage.run(&go)?;
        rows[2].push((spent() - before) as f64 / 1e3 / ROUNDS as f64);
        anyhow::ensure!(report.ok(), "{:?}", report.outcome);
    }
    for (what, row) in ["plain loop", "the loop with records", "the actors of a stage"].iter().zip(&rows) {
        line(format!("{what}: one round"), spread(row, " us"));
    }
    bar("records to plain", &ratios(&rows[1], &rows[0]), 1.1);
    bar("actors to plain", &ratios(&rows[2], &rows[0]), 1.1);
    Ok(())
}

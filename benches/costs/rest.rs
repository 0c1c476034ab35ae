//! A settled stage with a sleeping reader: nobody runs.

use ipclab::kernel::proc::{Task, children};

use super::measure::{cpu_ns, line};
use super::scene::{director, next_refresh, play, populated};

/// How long it is watched, in ms.
const WATCHED: u64 = 3000;

pub(super) fn run() -> anyhow::Result<()> {
    let mut stage = populated(10, 20)?;
    play(&mut stage, "bob: read p 1")?;
    let director = director(&stage)?;
    let mut all = vec![director];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        all.extend(children(*pid)?);
        next += 1;
    }
    let woken = || all.iter().filter_map(|pid| Task::open(*pid).ok()?.switches()).sum::<u64>();
    let cpu = || all.iter().map(|pid| cpu_ns(*pid)).sum::<u64>();
    let (woken_before, cpu_before) = (woken(), cpu());
    ipclab::kernel::process::nanosleep(WATCHED * 1_000_000).ok();
    let (woken, cpu) = (woken() - woken_before, cpu() - cpu_before);
    let seconds = WATCHED as f64 / 1e3;
    line(format!("wake-ups of {} processes", all.len()), format!("{:.2} a second, at most 2", woken as f64 / seconds));
    line("processor time", format!("{:.4} %, at most 0.1", cpu as f64 / 1e7 / seconds));
    next_refresh(&mut stage).map(drop)
}

//! Stages with so many actors and objects on them.

use std::time::Duration;

use anyhow::{Context, bail};
use ipclab::facility;
use ipclab::script::{Statement, parse};
use ipclab::stage::{Options, Report, Stage, StageEvent};

pub(super) fn open() -> anyhow::Result<Stage> {
    let shared = std::env::var_os("IPCLAB_BENCH_SHARED").is_some();
    Ok(Stage::open(&Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared })?)
}

pub(super) fn statements(text: &str) -> anyhow::Result<Vec<Statement>> {
    let (statements, diagnostics) = parse(text, facility::registry());
    match diagnostics.first() {
        Some(wrong) => bail!("{wrong:?} in {text}"),
        None => Ok(statements),
    }
}

pub(super) fn statement(text: &str) -> anyhow::Result<Statement> {
    statements(text)?.pop().context("no statement")
}

/// Carries out all lines; each must come out well.
pub(super) fn play(stage: &mut Stage, text: &str) -> anyhow::Result<Option<Report>> {
    let mut last = None;
    for statement in statements(text)? {
        let report = stage.run(&statement)?;
        if !report.ok() {
            bail!("{statement}: {:?}", report.outcome);
        }
        last = Some(report);
    }
    Ok(last)
}

/// A writer and a reader of one pipe, and so many more that sleep or idle in pairs around objects of all kinds.
pub(super) fn populated(actors: usize, objects: usize) -> anyhow::Result<Stage> {
    let mut stage = open()?;
    play(&mut stage, "spawn alice\nalice: pipe p\nalice: fork bob")?;
    let mut made = 1;
    for pair in 1..actors / 2 {
        let (one, other) = (format!("one{pair}"), format!("other{pair}"));
        play(&mut stage, &format!("spawn {one}"))?;
        let share = (objects - made).div_ceil(actors / 2 - pair);
        for _ in 0..share {
            play(&mut stage, &object(made, &one))?;
            made += 1;
        }
        play(&mut stage, &format!("{one}: fork {other}"))?;
    }
    let snapshot = next_refresh(&mut stage)?;
    if (snapshot.actors.len(), snapshot.objects.len()) != (actors, objects) {
        bail!("{} actors and {} objects were found", snapshot.actors.len(), snapshot.objects.len());
    }
    Ok(stage)
}

/// Lines by which an actor makes the object of this number: half of them pipes, the rest of all kinds.
fn object(n: usize, actor: &str) -> String {
    match n % 8 {
        1 => {
            format!("{actor}: mq_open q{n} O_CREAT|O_RDWR 0600 maxmsg=2 msgsize=64\n{actor}: mq_send q{n} \"hello\" 1")
        }
        2 => format!(
            "{actor}: shm_open m{n} O_CREAT|O_RDWR 0600\n{actor}: ftruncate m{n} 4096\n\
             {actor}: mmap m{n} 4096 PROT_READ|PROT_WRITE MAP_SHARED as mem{n}"
        ),
        3 => format!("{actor}: sem_open s{n} O_CREAT 0600 value=1"),
        4 => format!("{actor}: open f{n} \"f{n}\" O_CREAT|O_RDWR 0600\n{actor}: flock f{n} LOCK_EX"),
        _ => format!("{actor}: pipe p{n}\n{actor}: write p{n} \"hello\""),
    }
}

/// Asks for a full look and waits for it.
pub(super) fn next_refresh(stage: &mut Stage) -> anyhow::Result<ipclab::model::Snapshot> {
    stage.refresh();
    loop {
        match stage.next_event(Duration::from_secs(20)) {
            Some(StageEvent::Refreshed { snapshot, .. }) => return Ok(*snapshot),
            Some(StageEvent::Lost(why)) => bail!("{why}"),
            Some(StageEvent::Ended(_)) => {}
            None => bail!("no look within 20 s"),
        }
    }
}

/// The pid of a stage's director, as we see it.
pub(super) fn director(stage: &Stage) -> anyhow::Result<i32> {
    let children = ipclab::kernel::proc::children(stage.process())?;
    children.first().copied().context("the stage has no director")
}

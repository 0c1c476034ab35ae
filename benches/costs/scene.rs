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
    pairs(actors, objects, |one, other| format!("{one}: fork {other}"))
}

/// The same where the second of each pair is a thread of the first.
pub(super) fn threaded(actors: usize, objects: usize) -> anyhow::Result<Stage> {
    pairs(actors, objects, |one, _other| format!("{one}: pthread_create t1"))
}

fn pairs(actors: usize, objects: usize, second: impl Fn(&str, &str) -> String) -> anyhow::Result<Stage> {
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
        play(&mut stage, &second(&one, &other))?;
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

/// The same with 10 actors and 20 objects of data transfer: sockets, System V queues, a terminal, and what watches many
/// descriptors. A shared stage has UNIX sockets where another has those of the Internet.
pub(super) fn transferring() -> anyhow::Result<Stage> {
    let mut stage = open()?;
    play(&mut stage, "spawn alice\nalice: pipe p\nalice: fork bob")?;
    let internet = stage.info().capabilities.iter().any(|word| word == "isolated");
    let sockets = if internet {
        "one3: socket l AF_INET SOCK_STREAM\none3: bind l 127.0.0.1:5000\none3: listen l 3\n\
         one3: socket c AF_INET SOCK_STREAM\none3: connect c 127.0.0.1:5000\none3: accept l as a\none3: send c \"hello\"\n\
         one3: socket u AF_INET SOCK_DGRAM\none3: bind u 127.0.0.1:5000\none3: sendto u \"hello\" 127.0.0.1:5000"
    } else {
        "one3: socket l AF_UNIX SOCK_STREAM\none3: bind l unix:@l\none3: listen l 3\none3: socket c AF_UNIX SOCK_STREAM\n\
         one3: connect c unix:@l\none3: accept l as a\none3: send c \"hello\"\none3: socket u AF_UNIX SOCK_DGRAM\n\
         one3: bind u unix:@u\none3: sendto u \"hello\" unix:@u"
    };
    let shares = [
        "one1: socketpair s AF_UNIX SOCK_STREAM\none1: socketpair d AF_UNIX SOCK_DGRAM\none1: send s.0 \"hello\"\n\
         repeat 20 one1: send d.0 \"hello\"",
        "one2: msgget q1 IPC_CREAT\none2: msgget q2 IPC_CREAT\nrepeat 20 one2: msgsnd q1 \"hello\"\none2: msgsnd q2 \"hello\"\n\
         one2: posix_openpt t O_RDWR|O_NOCTTY\none2: unlockpt t.m\none2: ioctl t.m TIOCGPTPEER O_RDWR|O_NOCTTY\n\
         one2: write t.m \"hello\\n\"\none2: eventfd e 3\none2: epoll_create1 ep\n\
         one2: epoll_ctl ep EPOLL_CTL_ADD t.s EPOLLIN\none2: epoll_ctl ep EPOLL_CTL_ADD e EPOLLIN",
        sockets,
        "one4: socketpair r AF_UNIX SOCK_SEQPACKET\none4: send r.0 \"hello\"\none4: timerfd_create t1 CLOCK_MONOTONIC\n\
         one4: sigprocmask SIG_BLOCK SIGUSR1\none4: signalfd g SIGUSR1\none4: msgget q3 IPC_CREAT\none4: epoll_create1 ep2\n\
         one4: epoll_ctl ep2 EPOLL_CTL_ADD r.1 EPOLLIN|EPOLLET",
    ];
    for (place, share) in shares.iter().enumerate() {
        let pair = place + 1;
        play(&mut stage, &format!("spawn one{pair}"))?;
        play(&mut stage, share)?;
        play(&mut stage, &format!("one{pair}: fork other{pair}"))?;
    }
    let snapshot = play(&mut stage, "alice: getpid")?.context("no report")?.snapshot;
    let found = (snapshot.actors.len(), snapshot.objects.len());
    anyhow::ensure!(found == (10, 20), "{} actors and {} objects were found", found.0, found.1);
    next_refresh(&mut stage)?;
    Ok(stage)
}

/// A System V queue of so many messages.
pub(super) fn queued(messages: usize) -> anyhow::Result<Stage> {
    let mut stage = open()?;
    play(&mut stage, &format!("spawn alice\nalice: msgget q IPC_CREAT\nrepeat {messages} alice: msgsnd q \"x\""))?;
    Ok(stage)
}

/// Asks for a full look and waits for it.
pub(super) fn next_refresh(stage: &mut Stage) -> anyhow::Result<ipclab::model::Snapshot> {
    stage.refresh();
    loop {
        match stage.next_event(Duration::from_secs(20)) {
            Some(StageEvent::Refreshed { snapshot, .. }) => return Ok(*snapshot),
            Some(StageEvent::Lost(why)) => bail!("{why}"),
            Some(StageEvent::Ended(_) | StageEvent::Meanwhile(_)) => {}
            None => bail!("no look within 20 s"),
        }
    }
}

/// The pid of a stage's director, as we see it.
pub(super) fn director(stage: &Stage) -> anyhow::Result<i32> {
    let children = ipclab::kernel::proc::children(stage.process())?;
    children.first().copied().context("the stage has no director")
}

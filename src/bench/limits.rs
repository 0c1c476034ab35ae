//! The machine's limits: what any facility is made of, and can't be faster than.

use std::hint::{black_box, spin_loop};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sched::sched_yield;
use nix::unistd::{getppid, pipe};

use super::control::Control;
use super::figures::{Limit, Spread};
use super::machine::Machine;
use super::pair::{self, Ended};
use super::transport::{Side, Trouble};
use crate::kernel::clock::monotonic_ns;
use crate::kernel::letter::Letter;
use crate::kernel::shared::Shared;
use crate::kernel::{Errno, fd, futex};

/// How often each is measured.
const RUNS: usize = 9;
/// How long one run takes, in ns, at the least.
const RUN_NS: u64 = 4_000_000;
/// How long all of one limit may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is larger than the caches of most machines.
const BEYOND: usize = 64 << 20;

type Body = fn(&Control, Side) -> Result<(), Trouble>;

struct Question {
    id: &'static str,
    title: &'static str,
    rate: bool,
    /// Whether the other process is on another processor.
    across: bool,
    body: Body,
}

const fn time(id: &'static str, title: &'static str, body: Body) -> Question {
    Question { id, title, rate: false, across: false, body }
}

const fn rate(id: &'static str, title: &'static str, body: Body) -> Question {
    Question { id, title, rate: true, across: false, body }
}

const QUESTIONS: &[Question] = &[
    time("clock", "reading the clock (no system call)", |control, side| {
        alone(control, side, || {
            black_box(monotonic_ns());
            Ok(())
        })
    }),
    time("system-call", "a system call (getppid)", |control, side| {
        alone(control, side, || {
            black_box(getppid());
            Ok(())
        })
    }),
    time("pipe-alone", "write and read 1 byte of a pipe, one process", |control, side| {
        let (read, write) = pipe().map_err(|errno| Trouble::new("pipe", errno))?;
        let mut byte = [7];
        alone(control, side, || {
            fd::write(write.as_raw_fd(), &byte).and_then(|_| fd::read(read.as_raw_fd(), &mut byte)).map(drop)
        })
    }),
    time("futex-wake", "futex wake, nobody asleep", |control, side| {
        alone(control, side, || {
            futex::wake(control.proof(), 1);
            Ok(())
        })
    }),
    time("switch", "a switch between two processes, on one core", switch),
    Question {
        id: "cache-line",
        title: "a cache line to another core and back",
        rate: false,
        across: true,
        body: cache_line,
    },
    time("first-touch", "the first touch of a page of shared memory", |control, side| {
        const PAGES: usize = 256;
        runs(control, side, || {
            let pages = Untouched::new(PAGES)?;
            let begin = monotonic_ns();
            pages.touch();
            Ok((monotonic_ns() - begin) as f64 / PAGES as f64)
        })
    }),
    rate("copy-4k", "memory copy, 4 KiB at a time", |control, side| copy(control, side, 4 << 10)),
    rate("copy-64k", "memory copy, 64 KiB at a time", |control, side| copy(control, side, 64 << 10)),
    rate("copy-1m", "memory copy, 1 MiB at a time", |control, side| copy(control, side, 1 << 20)),
    rate("copy-64m", "memory copy, 64 MiB, beyond the caches", |control, side| copy(control, side, BEYOND)),
];

/// How many limits there are.
pub(super) const COUNT: usize = QUESTIONS.len();

/// Measures one of the limits.
pub(super) fn measure(
    index: usize,
    control: &Control,
    machine: &Machine,
    stop: BorrowedFd<'_>,
) -> Result<Limit, Ended> {
    let question = &QUESTIONS[index];
    let figures = match (question.across, machine.cpus) {
        (true, (_, None)) => Err(ONE.to_owned()),
        (across, (first, second)) => {
            let cpus = if across { [first, second.unwrap_or(first)] } else { [first; 2] };
            control.clear();
            match pair::run(control, cpus, stop, PATIENCE, |side, _peer| (question.body)(control, side)) {
                Ok(()) => Ok(figures(control)),
                Err(Ended::Asked) => return Err(Ended::Asked),
                Err(Ended::Trouble(Trouble(why))) => Err(why),
            }
        }
    };
    Ok(Limit { id: question.id.to_owned(), title: question.title.to_owned(), rate: question.rate, figures })
}

/// Why nothing is measured across cores where there is one.
pub(super) const ONE: &str = "this process may use one processor only";

fn figures(control: &Control) -> Spread {
    let mut values: Vec<f64> =
        (0..RUNS).map(|run| f64::from_bits(control.figure(run).load(Ordering::Acquire))).collect();
    Spread::of(&mut values).unwrap_or(Spread { low: 0.0, median: 0.0, high: 0.0 })
}

/// Of the one that asks: so many runs, each with its figure, after one that is not counted.
fn runs(control: &Control, side: Side, mut run: impl FnMut() -> Result<f64, Errno>) -> Result<(), Trouble> {
    if side == Side::Answers {
        return Ok(());
    }
    let mut once = || run().map_err(|errno| Trouble::new("a call to be measured", errno));
    once()?;
    for index in 0..RUNS {
        control.figure(index).store(once()?.to_bits(), Ordering::Release);
    }
    Ok(())
}

/// What one process does again and again. Batches are timed, since the clock takes as long as many of these; so
/// single ones may have taken longer than any figure.
fn alone(control: &Control, side: Side, mut what: impl FnMut() -> Result<(), Errno>) -> Result<(), Trouble> {
    let mut batch = 64_u64;
    runs(control, side, || {
        loop {
            let begin = monotonic_ns();
            for _ in 0..batch {
                what()?;
            }
            let took = monotonic_ns() - begin;
            if took >= RUN_NS {
                return Ok(took as f64 / batch as f64);
            }
            batch *= 2;
        }
    })
}

fn copy(control: &Control, side: Side, size: usize) -> Result<(), Trouble> {
    if side == Side::Answers {
        return Ok(());
    }
    let letter = || Letter::new(size).map_err(|errno| Trouble::new("mmap", errno));
    let (from, mut to) = (letter()?, letter()?);
    let times = (RUN_NS as usize * 8 / size).max(1);
    runs(control, side, || {
        let begin = monotonic_ns();
        for _ in 0..times {
            to.copy_from(&from);
        }
        Ok(size as f64 * times as f64 * 1e9 / (monotonic_ns() - begin).max(1) as f64)
    })
}

/// Two on one processor that give it up in turn: half the time for a yield of each is a switch and the call.
fn switch(control: &Control, side: Side) -> Result<(), Trouble> {
    const YIELDS: u64 = 2000;
    if side == Side::Answers {
        while control.target().load(Ordering::Acquire) == 0 {
            let _ = sched_yield();
        }
        return Ok(());
    }
    runs(control, side, || {
        let begin = monotonic_ns();
        for _ in 0..YIELDS {
            sched_yield()?;
        }
        Ok((monotonic_ns() - begin) as f64 / (2 * YIELDS) as f64)
    })?;
    control.target().store(1, Ordering::Release);
    Ok(())
}

/// A word of shared memory that each in turn makes larger by one.
fn cache_line(control: &Control, side: Side) -> Result<(), Trouble> {
    const TRIPS: u64 = 20_000;
    let word = control.target();
    let turn = |value: u64| {
        while word.load(Ordering::Acquire) != value {
            spin_loop();
        }
        word.store(value + 1, Ordering::Release);
    };
    let all = TRIPS * (RUNS as u64 + 1);
    if side == Side::Answers {
        (0..all).for_each(|trip| turn(2 * trip + 1));
        return Ok(());
    }
    let mut trip = 0;
    runs(control, side, || {
        let begin = monotonic_ns();
        for _ in 0..TRIPS {
            turn(2 * trip);
            trip += 1;
        }
        Ok((monotonic_ns() - begin) as f64 / TRIPS as f64)
    })
}

/// Shared memory of which no page is there yet.
struct Untouched(Shared, usize);

impl Untouched {
    fn new(pages: usize) -> Result<Self, Errno> {
        Ok(Self(Shared::untouched(pages * Self::page())?, pages))
    }

    fn page() -> usize {
        nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |size| size as usize)
    }

    fn touch(&self) {
        let page = Self::page();
        (0..self.1).for_each(|index| self.0.word32(index * page).store(1, Ordering::Relaxed));
    }
}

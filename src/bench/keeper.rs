//! The process that keeps the measuring room: it makes the objects, starts the two processes of each measurement, and
//! tells what came out. A process of its own, since only one without other threads may fork and go on.

use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;

use super::control::Control;
use super::figures::{Latency, Load, Outcome, Run, Throughput};
use super::limits;
use super::machine::{Machine, Since};
use super::pair::{self, Ended};
use super::plan::{Kind, Placement, Plan, Step};
use super::rounds::{BURST, LOST, TIMED};
use super::session::Event;
use super::transport::{Trouble, subject};
use crate::kernel::process::{Fork, How, die_with_parent, exit_now, fork, waitpid};

/// The hidden subcommand.
pub(super) const HIDDEN: &str = "__bench";

/// How long a measurement may take beyond many times its budget.
const PATIENCE: Duration = Duration::from_secs(20);

/// The keeper's life: a plan is one line of standard input, events are lines of standard output. Ends when there is no
/// more to measure, or when standard input is closed.
///
/// Where it is allowed the keeper has System V objects and POSIX queues of its own: the kernel takes them back with it, even
/// if it is killed. Elsewhere they are the machine's, and what it removes itself goes.
pub(super) fn keep() -> ExitCode {
    let _ = nix::unistd::setsid();
    let keeper = std::process::id() as i32;
    if unshare(CloneFlags::CLONE_NEWIPC).is_ok() {
        return measure();
    }
    // An ordinary user needs a user namespace for that, out of which there is no way back if a later step fails. So
    // another process tries; if it can't, we are still where we were.
    match fork() {
        Ok(Fork::Child) => {
            let alive = || die_with_parent(Signal::SIGKILL, keeper).unwrap_or(false);
            if own_objects().is_err() || !alive() {
                exit_now(REFUSED);
            }
            measure()
        }
        Ok(Fork::Parent(pid)) => match waitpid(pid, 0) {
            Ok(Some((_, How::Exited(0)))) => ExitCode::SUCCESS,
            Ok(Some((_, How::Exited(REFUSED)))) => measure(),
            _ => ExitCode::FAILURE,
        },
        Err(_) => measure(),
    }
}

/// The status of a process that could not have objects of its own.
const REFUSED: i32 = 100;

/// Enters a user and an IPC namespace, as who we are.
fn own_objects() -> io::Result<()> {
    let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWIPC)?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
}

fn measure() -> ExitCode {
    let mut line = String::new();
    let plan = io::stdin().lock().read_line(&mut line).ok().and_then(|_| serde_json::from_str::<Plan>(&line).ok());
    let Some(plan) = plan else {
        let _ = writeln!(io::stderr(), "this subcommand is the program's own, and not to be called by hand");
        return ExitCode::from(2);
    };
    let begin = Since::now();
    let (whole, told) = match Keeper::new(plan).map(|keeper| keeper.measure()) {
        Ok(result) => (result.is_ok(), Ok(())),
        Err(Trouble(why)) => (false, tell(&Event::Failed(why))),
    };
    let over = told.and_then(|()| tell(&Event::Over { load: begin.load(), whole }));
    if over.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(event: &Event) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, event)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Why no more is measured.
struct Stopped;

impl From<io::Error> for Stopped {
    /// Nobody reads any more.
    fn from(_: io::Error) -> Self {
        Self
    }
}

struct Keeper {
    plan: Plan,
    control: Control,
    machine: Machine,
}

impl Keeper {
    fn new(plan: Plan) -> Result<Self, Trouble> {
        Ok(Self { plan, control: Control::new()?, machine: Machine::here() })
    }

    fn measure(&self) -> Result<(), Stopped> {
        let steps = self.plan.steps();
        let limits = if self.plan.limits { limits::COUNT } else { 0 };
        tell(&Event::Begun { machine: self.machine.clone(), of: limits + steps.len() })?;
        let stop = io::stdin();
        for index in 0..limits {
            match limits::measure(index, &self.control, &self.machine, stop.as_fd()) {
                Ok(limit) => tell(&Event::Limit(limit))?,
                Err(_) => return Err(Stopped),
            }
        }
        for step in steps {
            tell(&Event::Now(step.clone()))?;
            let since = Since::now();
            let outcome = match self.step(&step) {
                Ok(outcome) => outcome,
                Err(Ended::Trouble(Trouble(why))) => Outcome::Not(why),
                Err(Ended::Asked) => return Err(Stopped),
            };
            let load = if matches!(outcome, Outcome::Not(_)) { Load::default() } else { since.load() };
            tell(&Event::Run(Run { step, outcome, load }))?;
        }
        Ok(())
    }

    fn step(&self, step: &Step) -> Result<Outcome, Ended> {
        let cpus = match (step.placement, self.machine.cpus) {
            (Placement::SameCore, (first, _)) => [first; 2],
            (Placement::Across, (first, Some(second))) => [first, second],
            (Placement::Across, (_, None)) => return Err(Trouble(limits::ONE.to_owned()).into()),
        };
        let unknown = || Trouble(format!("there is no facility {}", step.facility));
        let subject = subject(&step.facility).ok_or_else(unknown)?;
        let control = &self.control;
        control.clear();
        let mut life = subject.prepare(step, control, self.plan.budget_ns)?;
        let limit = PATIENCE + 20 * Duration::from_nanos(self.plan.budget_ns);
        pair::run(control, cpus, io::stdin().as_fd(), limit, &mut life)?;
        drop(life);
        let switches = control.switches();
        let timed = control.figure(TIMED).load(Ordering::Acquire) as usize;
        let none = || Trouble("it came to no figures".to_owned());
        match step.kind {
            Kind::RoundTrip | Kind::OneWay => {
                let samples = control.samples().iter().take(timed);
                let mut samples: Vec<u32> = samples.map(|sample| sample.load(Ordering::Relaxed)).collect();
                Ok(Outcome::Latency(Latency::of(&mut samples, switches).ok_or_else(none)?))
            }
            Kind::Throughput => {
                let figure = |index: usize| control.figure(index).load(Ordering::Acquire);
                let burst = |burst: usize| (figure(BURST + 2 * burst), figure(BURST + 2 * burst + 1));
                let bursts: Vec<(u64, u64)> = (0..timed).map(burst).collect();
                let through = Throughput::of(&bursts, step.size, figure(LOST), switches);
                Ok(Outcome::Throughput(through.ok_or_else(none)?))
            }
        }
    }
}

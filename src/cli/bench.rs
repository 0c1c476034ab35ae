//! `ipclab bench`: what each facility costs on this machine.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::{BAD_INPUT, CANCELLED, FAILED};
use crate::bench::{Entry, Event, History, Limit, Load, Measuring, Next, Outcome, Placement, Plan, Run, Spread};
use crate::plain::words::ascii;
use crate::plain::{bench as tables, json};
use crate::stage::Options;

/// What to measure, and how to tell of it.
pub(super) struct Bench<'a> {
    /// Ids of facilities, or what groups of them begin with; all if there are none.
    pub(super) facilities: &'a [String],
    /// Sizes, as they were typed.
    pub(super) sizes: Option<&'a str>,
    /// Only on one core.
    pub(super) same_core: bool,
    /// Only on two.
    pub(super) across: bool,
    /// A first impression only.
    pub(super) quick: bool,
    /// Lines of JSON instead of tables.
    pub(super) json: bool,
    /// Only ASCII.
    pub(super) ascii: bool,
    /// The program's own path.
    pub(super) stage: &'a Options,
}

impl Bench<'_> {
    fn plan(&self) -> Result<Plan, String> {
        let mut plan = Plan::new(self.quick);
        plan.only(self.facilities)?;
        if let Some(sizes) = self.sizes {
            plan.with_sizes(sizes)?;
        }
        if self.same_core != self.across {
            plan.placements = vec![if self.across { Placement::Across } else { Placement::SameCore }];
        }
        Ok(plan)
    }

    fn letters(&self, text: String) -> String {
        if self.ascii { ascii(&text.replace('µ', "u")) } else { text }
    }

    /// Tells what was measured before.
    pub(super) fn history(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
        let history = History::load();
        if let Some(notice) = history.notice() {
            writeln!(err, "note: {notice}")?;
        }
        if self.json {
            for entry in history.entries() {
                tell_entry(entry, out)?;
            }
        } else {
            write!(out, "{}", self.letters(tables::history(&history)))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Measures. Figures go to `out`, progress and what prevents it to `err`. `asked`: has something to read when the user
    /// wants to stop.
    pub(super) fn run(&self, asked: &UnixStream, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
        let plan = match self.plan() {
            Ok(plan) => plan,
            Err(wrong) => {
                writeln!(err, "error: {wrong}")?;
                return Ok(BAD_INPUT.into());
            }
        };
        let mut history = History::load();
        if let Some(notice) = history.notice() {
            writeln!(err, "note: {notice}")?;
        }
        let mut measuring = Measuring::start(&self.stage.launcher, &plan)?;
        let mut progress = Progress { terminal: io::stderr().is_terminal(), done: 0, of: 0, last: String::new() };
        let (mut entry, mut stopped, mut whole) = (None::<Entry>, false, false);
        loop {
            let event = match measuring.next((!stopped).then(|| asked.as_fd())) {
                Next::Event(event) => *event,
                Next::Asked => {
                    stopped = true;
                    measuring.stopper().stop();
                    continue;
                }
                Next::Ended => break,
            };
            progress.show(&event, err)?;
            if self.json {
                tell(&event, out)?;
            }
            match (event, &mut entry) {
                (Event::Begun { machine, .. }, _) => {
                    entry = Some(Entry { machine, load: Load::default(), limits: Vec::new(), runs: Vec::new() });
                }
                (Event::Limit(limit), Some(entry)) => entry.limits.push(limit),
                (Event::Run(run), Some(entry)) => entry.runs.push(run),
                (Event::Over { load, whole: all }, Some(entry)) => {
                    entry.load = load;
                    whole = all;
                }
                (Event::Failed(why), _) => writeln!(err, "error: {why}")?,
                (Event::Now(_) | Event::Limit(_) | Event::Run(_) | Event::Over { .. }, _) => {}
            }
        }
        drop(measuring);
        progress.clear(err)?;
        if let Some(entry) = entry.filter(|entry| !entry.runs.is_empty() || !entry.limits.is_empty()) {
            if !self.json {
                write!(out, "{}", self.letters(tables::tables(&entry, &history)))?;
                out.flush()?;
            }
            if let Err(why) = history.add(entry) {
                writeln!(err, "note: {why}")?;
            }
        }
        Ok(if stopped {
            writeln!(err, "cancelled; {} of {} were measured", progress.done, progress.of)?;
            CANCELLED.into()
        } else if whole {
            ExitCode::SUCCESS
        } else {
            writeln!(err, "error: the measuring ended before its end")?;
            FAILED.into()
        })
    }
}

/// How far it is: a line that is written over again on a terminal, elsewhere a line for each facility.
struct Progress {
    terminal: bool,
    done: usize,
    of: usize,
    last: String,
}

impl Progress {
    fn show(&mut self, event: &Event, err: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Begun { of, .. } => {
                self.of = *of;
                self.line("the machine's limits", err)
            }
            Event::Limit(_) | Event::Run(_) => {
                self.done += 1;
                Ok(())
            }
            Event::Now(step) if self.terminal => self.line(&tables::now(step), err),
            Event::Now(step) if step.facility != self.last => {
                self.last.clone_from(&step.facility);
                self.line(&step.facility, err)
            }
            Event::Now(_) | Event::Failed(_) | Event::Over { .. } => Ok(()),
        }
    }

    fn line(&self, what: &str, err: &mut dyn Write) -> io::Result<()> {
        let (done, of) = (self.done, self.of);
        if self.terminal {
            write!(err, "\r\x1b[K[{done}/{of}] {what}")?;
        } else {
            writeln!(err, "[{done}/{of}] {what}")?;
        }
        err.flush()
    }

    fn clear(&self, err: &mut dyn Write) -> io::Result<()> {
        if self.terminal { write!(err, "\r\x1b[K").and_then(|()| err.flush()) } else { Ok(()) }
    }
}

fn tell(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    let line = match event {
        Event::Begun { machine, of } => json::line("machine", &machine_keys(machine, Some(*of))),
        Event::Limit(limit) => json::line("limit", &limit_keys(limit)),
        Event::Run(run) => json::line("measured", &run_keys(run)),
        Event::Over { load, whole } => {
            json::line("measured all", &json!({ "whole": whole, "foreign": load.foreign, "steal": load.steal }))
        }
        Event::Now(_) | Event::Failed(_) => return Ok(()),
    };
    writeln!(out, "{line}")?;
    out.flush()
}

fn tell_entry(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", json::line("machine", &machine_keys(&entry.machine, None)))?;
    entry.limits.iter().try_for_each(|limit| writeln!(out, "{}", json::line("limit", &limit_keys(limit))))?;
    entry.runs.iter().try_for_each(|run| writeln!(out, "{}", json::line("measured", &run_keys(run))))
}

fn machine_keys(machine: &crate::bench::Machine, of: Option<usize>) -> Json {
    json!({
        "kernel": machine.kernel,
        "processor": machine.processor,
        "processors": machine.processors,
        "virtual": machine.is_virtual,
        "cpus": [Some(machine.cpus.0), machine.cpus.1],
        "siblings": machine.siblings,
        "when": machine.when,
        "of": of,
    })
}

fn limit_keys(limit: &Limit) -> Json {
    let (figures, why) = match &limit.figures {
        Ok(Spread { low, median, high }) => (json!({ "low": low, "median": median, "high": high }), None),
        Err(why) => (Json::Null, Some(why)),
    };
    let unit = if limit.rate { "bytes/s" } else { "ns" };
    json!({ "limit": limit.id, "title": limit.title, "unit": unit, "figures": figures, "why": why })
}

fn run_keys(run: &Run) -> Json {
    let (latency, throughput, why) = match &run.outcome {
        Outcome::Latency(l) => (json!(l), Json::Null, Json::Null),
        Outcome::Throughput(t) => (Json::Null, json!(t), Json::Null),
        Outcome::Not(why) => (Json::Null, Json::Null, json!(why)),
    };
    json!({
        "facility": run.step.facility,
        "kind": run.step.kind,
        "placement": run.step.placement,
        "size": run.step.size,
        "latency": latency,
        "throughput": throughput,
        "why": why,
        "foreign": run.load.foreign,
        "steal": run.load.steal,
    })
}

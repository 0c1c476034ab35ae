//! What a stage tells its face.

use serde::{Deserialize, Serialize};

use crate::model::{Call, Evidence, Mode, Snapshot};

/// What a stage is, told once when it has opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageInfo {
    /// How far it is apart from the rest of the machine.
    pub mode: Mode,
    /// In shared mode, why it is not isolated; a sentence.
    pub why_shared: Option<String>,
    /// The kernel's release, such as `6.18.0`.
    pub kernel: String,
    /// What it can do, by the words that lessons ask for in `requires`: `isolated`, `stranger`, `mqueue`,
    /// `hosts`.
    pub capabilities: Vec<String>,
    /// The uid that actors have if nothing else is asked for.
    pub uid: u32,
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every task is idle, asleep, stopped or dead.
    Settled,
    /// Somebody still ran at the deadline; their names.
    Running(Vec<String>),
    /// It was not carried out: the reason, and what to do.
    Refused {
        /// A sentence's worth without a full stop: `bob is asleep in read(3, …, 100) on p, for 2.1 s now`.
        why: String,
        /// The nearest right thing.
        help: Option<String>,
    },
    /// An expectation, with what was seen.
    Checked(Verdict),
    /// An `await` reached its limit, or was cancelled.
    TimedOut(String),
}

/// Whether an expectation is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it is.
    pub met: bool,
    /// What was expected, in words.
    pub expected: String,
    /// What was seen, in words.
    pub seen: String,
    /// How it is known.
    pub evidence: Evidence,
}

/// The end of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The number that `submit` gave.
    pub id: u64,
    /// The statement as printed.
    pub statement: String,
    /// Calls that were entered or finished since the last report or refresh, in order of time. A call may come
    /// twice: entered, and later returned; actor and seq tell that it is the same.
    pub calls: Vec<Call>,
    /// How it ended.
    pub outcome: Outcome,
    /// What the kernel says afterwards.
    pub snapshot: Snapshot,
}

/// What a stage tells its face as it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageEvent {
    /// A statement has ended.
    Ended(Box<Report>),
    /// Something changed while no statement ended: an actor was killed from outside, or runs freely.
    Refreshed {
        /// Calls since the last report or refresh.
        calls: Vec<Call>,
        /// What the kernel says now.
        snapshot: Box<Snapshot>,
        /// What happened, if it was not asked for: `bob was killed by SIGKILL`.
        news: Vec<String>,
    },
    /// A statement takes its time, because somebody runs: what the kernel says meanwhile. When it comes depends on the
    /// clock, so what is told without being looked at leaves it out.
    Meanwhile(Box<Snapshot>),
    /// The director is gone, and all of the stage with it; the reason.
    Lost(String),
}

impl Report {
    /// Whether it ended as a statement should: settled, still running, or an expectation that is met.
    pub const fn ok(&self) -> bool {
        match &self.outcome {
            Outcome::Settled | Outcome::Running(_) => true,
            Outcome::Refused { .. } | Outcome::TimedOut(_) => false,
            Outcome::Checked(verdict) => verdict.met,
        }
    }
}

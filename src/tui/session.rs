//! What a face knows of one stage: what was said, what came of it, what the kernel says now.

use std::path::Path;

use super::link::{FromStage, ToStage};
use super::transcript::Transcript;
use crate::lesson::capture;
use crate::model::Snapshot;
use crate::script::{Body, Statement};
use crate::stage::{Report, StageInfo, Timeline};

/// How far a stage is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    /// It is being opened.
    Opening,
    /// It takes statements.
    Open(Box<StageInfo>),
    /// It could not be opened, or is gone.
    Gone(String),
}

/// One stage as the face knows it.
#[derive(Debug)]
pub(super) struct Session {
    /// The stage's number.
    pub(super) stage: u64,
    /// How far it is.
    pub(super) state: State,
    /// What the kernel says.
    pub(super) now: Snapshot,
    /// What it said when the statement before ended.
    pub(super) before: Snapshot,
    /// What was said and done.
    pub(super) transcript: Transcript,
    /// What was carried out, to be run again.
    timeline: Timeline,
    /// Statements that have not ended: number and statement.
    waiting: Vec<(u64, Statement)>,
    /// The replay that is on its way.
    replay: Option<Replay>,
}

/// A replay: statements that are run again, and compared with the first time.
#[derive(Debug)]
struct Replay {
    first: Timeline,
    left: usize,
    difference: Option<String>,
}

/// A statement that has ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    /// Its number.
    pub(super) id: u64,
    /// The statement.
    pub(super) statement: Statement,
    /// How it ended.
    pub(super) report: Box<Report>,
}

/// What a face may want to know of an event.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Happened {
    /// Nothing that needs words.
    Nothing,
    /// The stage is open.
    Opened,
    /// Something changed while no statement ended.
    Refreshed,
    /// A statement has ended.
    Ended(Ended),
    /// A replay has come to its end; what differs from the first time.
    Replayed(Option<String>),
    /// The stage could not be opened, or is gone.
    Gone(String),
}

impl Session {
    /// A session on a stage that is to be opened.
    pub(super) fn open(stage: u64, orders: &mut Vec<ToStage>) -> Self {
        orders.push(ToStage::Open(stage));
        Self {
            stage,
            state: State::Opening,
            now: Snapshot::empty(),
            before: Snapshot::empty(),
            transcript: Transcript::default(),
            timeline: Timeline::default(),
            waiting: Vec::new(),
            replay: None,
        }
    }

    /// Hands a statement to the stage; `id` is new.
    pub(super) fn say(&mut self, id: u64, statement: Statement, orders: &mut Vec<ToStage>) {
        self.waiting.push((id, statement.clone()));
        if self.waiting.len() == 1 {
            self.begin();
        }
        orders.push(ToStage::Submit(self.stage, id, Box::new(statement)));
    }

    /// Tells in the transcript that it is the turn of the first statement that waits.
    fn begin(&mut self) {
        if let Some((id, statement)) = self.waiting.first() {
            self.transcript.said(*id, statement.to_string(), c_of(statement));
            if let Some(why) = crate::facility::undefined(statement, &self.now) {
                self.transcript.undefined(why);
            }
        }
    }

    /// A session on a new stage that runs the same statements up to the one before the last, or all of them if this
    /// stage is gone.
    pub(super) fn step_back(&self, stage: u64, next_id: &mut u64, orders: &mut Vec<ToStage>) -> Option<Self> {
        let mut first = self.timeline.clone();
        // A stage that was lost is run again as far as it had come.
        let lost = matches!(self.state, State::Gone(_));
        let kept = first.len().checked_sub(usize::from(!lost))?;
        first.truncate(kept);
        let mut session = Self::open(stage, orders);
        for statement in first.statements() {
            *next_id += 1;
            session.say(*next_id, statement, orders);
        }
        session.replay = Some(Replay { first, left: kept, difference: None });
        Some(session)
    }

    /// Writes what was played as a lesson to a new file.
    pub(super) fn save_lesson(&self, file: &Path) -> Result<(), String> {
        capture::save(&self.timeline, file)
    }

    /// Whether a statement has not ended yet.
    pub(super) fn busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether there is a statement to step back over.
    pub(super) fn can_step_back(&self) -> bool {
        !self.timeline.is_empty() && self.waiting.is_empty()
    }

    /// How many statements have ended.
    pub(super) const fn done(&self) -> usize {
        self.timeline.len()
    }

    /// What was carried out.
    pub(super) fn statements(&self) -> Vec<Statement> {
        self.timeline.statements().collect()
    }

    /// The session as a script.
    pub(super) fn script(&self) -> String {
        let mut script = String::new();
        for statement in self.timeline.statements() {
            script.push_str(&statement.to_string());
            script.push('\n');
        }
        script
    }

    /// Learns what the stage said.
    pub(super) fn learn(&mut self, said: FromStage) -> Happened {
        match said {
            FromStage::Opened(info) => {
                self.state = State::Open(info);
                if self.replay.as_ref().is_some_and(|r| r.left == 0) {
                    self.replay = None;
                    return Happened::Replayed(None);
                }
                Happened::Opened
            }
            FromStage::Failed(why) | FromStage::Lost(why) => {
                self.state = State::Gone(why.clone());
                self.waiting.clear();
                self.transcript.news(why.clone());
                Happened::Gone(why)
            }
            FromStage::Refreshed { calls, snapshot, news } => {
                for call in calls {
                    self.transcript.call(call);
                }
                for text in news {
                    self.transcript.news(text);
                }
                self.now = *snapshot;
                Happened::Refreshed
            }
            FromStage::Ended(id, report) => self.ended(id, report),
        }
    }

    fn ended(&mut self, id: u64, report: Box<Report>) -> Happened {
        for call in report.calls.iter().cloned() {
            self.transcript.call(call);
        }
        self.transcript.ended(id, &report.outcome);
        self.before = std::mem::replace(&mut self.now, report.snapshot.clone());
        let Some(at) = self.waiting.iter().position(|(own, _)| *own == id) else { return Happened::Nothing };
        let (_, statement) = self.waiting.remove(at);
        self.timeline.note(&statement, &report);
        self.begin();
        let Some(replay) = &mut self.replay else { return Happened::Ended(Ended { id, statement, report }) };
        let index = replay.first.len() - replay.left;
        if replay.difference.is_none() {
            replay.difference = replay.first.differs(index, &report.snapshot);
        }
        replay.left = replay.left.saturating_sub(1);
        if replay.left > 0 {
            return Happened::Nothing;
        }
        let difference = replay.difference.take();
        self.replay = None;
        Happened::Replayed(difference)
    }

    /// Closes the stage.
    pub(super) fn close(&self, orders: &mut Vec<ToStage>) {
        orders.push(ToStage::Close(self.stage));
    }
}

/// How a statement reads in C, if it is a call.
fn c_of(statement: &Statement) -> Option<String> {
    let Body::Order { call, .. } = &statement.body else { return None };
    let (_, spec) = crate::facility::registry().call(&call.verb)?;
    Some(crate::script::c_line(call, spec))
}

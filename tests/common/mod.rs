//! A stage for tests: scripts that run line by line, each of which must come out well.

#![allow(dead_code, reason = "each test program uses the part of this that it needs")]

use std::time::Duration;

use ipclab::facility;
use ipclab::model::{Object, Snapshot};
use ipclab::script::{Statement, parse};
use ipclab::stage::{Options, Outcome, Report, Stage, StageEvent};

/// An open stage, with what it last said.
pub(crate) struct Play {
    stage: Stage,
    snapshot: Snapshot,
}

fn statements(text: &str) -> Vec<Statement> {
    let (statements, diagnostics) = parse(text, facility::registry());
    assert!(diagnostics.is_empty(), "{text}\n{diagnostics:#?}");
    statements
}

impl Play {
    /// A stage as isolated as this machine lets it be, or a shared one.
    pub(crate) fn open(shared: bool) -> Self {
        let options = Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared };
        let stage = Stage::open(&options).unwrap_or_else(|error| panic!("no stage: {error}"));
        Self { stage, snapshot: Snapshot::empty() }
    }

    /// The stage itself.
    pub(crate) const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Carries out one statement, however it ends.
    pub(crate) fn line(&mut self, text: &str) -> Report {
        let [statement] = &statements(text)[..] else { panic!("one statement was expected: {text}") };
        let report = self.stage.run(statement).unwrap_or_else(|lost| panic!("{text}: {lost}"));
        self.snapshot = report.snapshot.clone();
        report
    }

    /// Carries out statements, each of which must end well.
    #[track_caller]
    pub(crate) fn run(&mut self, script: &str) {
        for statement in &statements(script) {
            let report = self.stage.run(statement).unwrap_or_else(|lost| panic!("{statement}: {lost}"));
            let mode = self.stage.info().mode;
            assert!(report.ok(), "{statement} ({mode:?})\n{:#?}\n{:#?}", report.outcome, report.snapshot);
            self.snapshot = report.snapshot;
        }
    }

    /// Carries out a statement that must be refused, and gives the reason.
    #[track_caller]
    pub(crate) fn refused(&mut self, text: &str) -> String {
        match self.line(text).outcome {
            Outcome::Refused { why, .. } => why,
            other => panic!("{text} was not refused: {other:?}"),
        }
    }

    /// What the kernel says now, everything read anew.
    pub(crate) fn look_again(&mut self) -> Snapshot {
        self.stage.refresh();
        loop {
            match self.stage.next_event(Duration::from_secs(60)) {
                // One from before the last statement answers an older question.
                Some(StageEvent::Refreshed { snapshot, .. }) if snapshot.at_ns > self.snapshot.at_ns => {
                    return *snapshot;
                }
                Some(StageEvent::Lost(why)) => panic!("{why}"),
                Some(StageEvent::Refreshed { .. } | StageEvent::Meanwhile(_) | StageEvent::Ended(_)) => {}
                None => panic!("no look within a minute"),
            }
        }
    }

    /// The next event that is there, or comes in time.
    pub(crate) fn next_event(&mut self, limit: Duration) -> Option<StageEvent> {
        self.stage.next_event(limit)
    }

    /// Whether it has namespaces of its own.
    pub(crate) fn mode(&self) -> ipclab::model::Mode {
        self.stage.info().mode
    }

    /// What the kernel said last.
    pub(crate) const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// An object on stage.
    #[track_caller]
    pub(crate) fn object(&self, name: &str) -> &Object {
        self.snapshot.object(name).unwrap_or_else(|| panic!("no {name} on stage: {:#?}", self.snapshot.objects))
    }

    /// An integer field of an object.
    #[track_caller]
    pub(crate) fn int(&self, name: &str, field: &str) -> i64 {
        let object = self.object(name);
        object.int(field).unwrap_or_else(|| panic!("{name} has no number {field}: {:#?}", object.fields))
    }

    /// The last call of an actor as the transcript shows it: `read(3, "x", 1) = 1`.
    #[track_caller]
    pub(crate) fn last(&self, actor: &str) -> String {
        let actor = self.snapshot.actor(actor).unwrap_or_else(|| panic!("no {actor}"));
        let call = actor.last.as_ref().unwrap_or_else(|| panic!("{} has made no call", actor.name));
        let ipclab::model::CallState::Returned { shown, .. } = &call.state else { panic!("{call:?}") };
        format!("{}({}) = {shown}", call.verb, call.args)
    }
}

/// Says what a test leaves out on this machine, and why.
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
pub(crate) fn left_out(why: &str) {
    eprintln!("left out: {why}");
}

/// Plays a scenario on a stage as isolated as can be had, and on a shared one.
pub(crate) fn both(scenario: impl Fn(&mut Play)) {
    for shared in [false, true] {
        scenario(&mut Play::open(shared));
    }
}

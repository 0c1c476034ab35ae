//! A stage as its face holds it.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::inbox::Inbox;
use super::launch::{self, Child, Launched, OpenError, Options};
use super::wire::{Answer, Framer, Frames, Request};
use super::{Report, StageEvent, StageInfo};
use crate::script::Statement;

/// The director is gone, and all of the stage with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stage is lost: {0}")]
pub struct Lost(pub String);

/// A stage. Dropping it ends all of its processes.
#[derive(Debug)]
pub struct Stage {
    info: StageInfo,
    /// Requests go out from any thread that holds the stage.
    wire: Mutex<UnixStream>,
    next: AtomicU64,
    /// Where events are fetched from, unless a thread gives them away.
    inbox: Option<Mutex<Inbox>>,
    /// Events that came while `run` waited for another.
    waiting: VecDeque<StageEvent>,
    child: Child,
}

impl Stage {
    /// Opens a stage whose events are fetched with [`Stage::run`] and [`Stage::next_event`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let (mut stage, inbox) = Self::opened(options)?;
        stage.inbox = Some(Mutex::new(inbox));
        Ok(stage)
    }

    /// Opens a stage whose events are given to `sink`, in a thread of the stage's own.
    pub fn open_with(options: &Options, sink: impl Fn(StageEvent) + Send + 'static) -> Result<Self, OpenError> {
        let (stage, mut inbox) = Self::opened(options)?;
        std::thread::Builder::new()
            .name("stage".to_owned())
            .spawn(move || {
                while let Some(event) = inbox.next(None) {
                    sink(event);
                }
            })
            .map_err(|source| OpenError::Resources { what: "thread", source })?;
        Ok(stage)
    }

    fn opened(options: &Options) -> Result<(Self, Inbox), OpenError> {
        let Launched { wire, mut child } = launch::launch(options)?;
        let mut reader = wire.try_clone().map_err(|source| OpenError::Resources { what: "descriptor", source })?;
        let mut frames = Frames::default();
        let info = loop {
            match frames.next::<Answer>() {
                Ok(Some(Answer::Open(info))) => break *info,
                Ok(None) if frames.fill(&mut reader).unwrap_or(false) => {}
                Ok(Some(Answer::Event(_)) | None) | Err(_) => {
                    let words = child.last_words();
                    return Err(OpenError::Ended(words.unwrap_or_else(|| "it said nothing".to_owned())));
                }
            }
        };
        let next = AtomicU64::new(1);
        let stage = Self { info, wire: Mutex::new(wire), next, inbox: None, waiting: VecDeque::new(), child };
        Ok((stage, Inbox::new(reader, frames)))
    }

    /// What it is.
    pub const fn info(&self) -> &StageInfo {
        &self.info
    }

    /// Hands a statement to the stage and returns at once with its number; a [`StageEvent::Ended`] with this number
    /// comes when it has ended. Statements are carried out one after the other.
    pub fn submit(&self, statement: &Statement) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.ask(&Request::Run { id, statement: statement.clone() });
        id
    }

    /// Stops what runs freely before its next call, gives up an `await`, and forgets what was submitted and has not
    /// begun.
    pub fn cancel(&self) {
        self.ask(&Request::Cancel);
    }

    /// Asks for a look at everything; a [`StageEvent::Refreshed`] answers.
    pub fn refresh(&self) {
        self.ask(&Request::Refresh);
    }

    /// Has the stage read its objects (as it does from the start), or leave them alone: to see that reading them changes
    /// nothing for the actors.
    pub fn observe(&self, observing: bool) {
        self.ask(&Request::Observe(observing));
    }

    /// A stage that is lost says so through its events; a request that can't be sent adds nothing.
    fn ask(&self, request: &Request) {
        if let Some(Ok(mut inbox)) = self.inbox.as_ref().map(Mutex::lock)
            && inbox.make_room().is_err()
        {
            return;
        }
        if let Ok(mut wire) = self.wire.lock() {
            let _ = Framer::default().write(&mut *wire, request);
        }
    }

    /// Carries out a statement and waits for its end. Only for stages opened with [`Stage::open`].
    pub fn run(&mut self, statement: &Statement) -> Result<Report, Lost> {
        let id = self.submit(statement);
        loop {
            match self.receive(None) {
                Some(StageEvent::Ended(report)) if report.id == id => return Ok(*report),
                Some(StageEvent::Lost(why)) => return Err(Lost(why)),
                Some(StageEvent::Meanwhile(_)) => {}
                Some(other) => self.waiting.push_back(other),
                None => return Err(Lost("this stage gives its events to somebody else".to_owned())),
            }
        }
    }

    /// The next event; `None` when there is none within `timeout`.
    pub fn next_event(&mut self, timeout: Duration) -> Option<StageEvent> {
        self.waiting.pop_front().or_else(|| self.receive(Some(timeout)))
    }

    fn receive(&self, timeout: Option<Duration>) -> Option<StageEvent> {
        self.inbox.as_ref()?.lock().ok()?.next(timeout)
    }

    /// The process that was started for this stage: the parent of its pid 1, or its reaper.
    pub fn process(&self) -> i32 {
        self.child.pid()
    }

    /// Ends the stage and returns once nothing is left of it; so does dropping it.
    pub fn close(mut self) {
        self.child.end();
    }
}

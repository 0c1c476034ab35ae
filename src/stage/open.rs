//! A stage as its face holds it.

use std::collections::VecDeque;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::launch::{self, Child, Launched, OpenError, Options};
use super::wire::{self, Answer, Request};
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
    /// Events, where the stage was opened with a channel of its own.
    events: Option<Mutex<Receiver<StageEvent>>>,
    /// Events that came while `run` waited for another.
    waiting: VecDeque<StageEvent>,
    child: Child,
}

impl Stage {
    /// Opens a stage whose events are fetched with [`Stage::run`] and [`Stage::next_event`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let (sender, receiver) = channel();
        // The receiver may be gone: the stage was dropped, and nobody wants to know.
        let mut stage = Self::open_with(options, move |event| drop(sender.send(event)))?;
        stage.events = Some(Mutex::new(receiver));
        Ok(stage)
    }

    /// Opens a stage whose events are given to `sink`, in a thread of the stage's own.
    pub fn open_with(options: &Options, sink: impl Fn(StageEvent) + Send + 'static) -> Result<Self, OpenError> {
        let Launched { wire, mut child } = launch::launch(options)?;
        let missing = |what| move |source| OpenError::Resources { what, source };
        let mut reader = BufReader::new(wire.try_clone().map_err(missing("descriptor"))?);
        let info = match wire::read_frame::<Answer>(&mut reader) {
            Ok(Some(Answer::Open(info))) => *info,
            Ok(Some(Answer::Event(_)) | None) | Err(_) => {
                let words = child.last_words();
                return Err(OpenError::Ended(words.unwrap_or_else(|| "it said nothing".to_owned())));
            }
        };
        std::thread::Builder::new()
            .name("stage".to_owned())
            .spawn(move || {
                loop {
                    match wire::read_frame::<Answer>(&mut reader) {
                        Ok(Some(Answer::Event(event))) => sink(*event),
                        Ok(Some(Answer::Open(_))) => {}
                        Ok(None) => return sink(StageEvent::Lost("its director has ended".to_owned())),
                        Err(error) => return sink(StageEvent::Lost(error.to_string())),
                    }
                }
            })
            .map_err(missing("thread"))?;
        Ok(Self {
            info,
            wire: Mutex::new(wire),
            next: AtomicU64::new(1),
            events: None,
            waiting: VecDeque::new(),
            child,
        })
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
        if let Ok(mut wire) = self.wire.lock() {
            let _ = wire::write_frame(&mut *wire, request);
        }
    }

    /// Carries out a statement and waits for its end. Only for stages opened with [`Stage::open`].
    pub fn run(&mut self, statement: &Statement) -> Result<Report, Lost> {
        let id = self.submit(statement);
        loop {
            match self.receive(None) {
                Some(StageEvent::Ended(report)) if report.id == id => return Ok(*report),
                Some(StageEvent::Lost(why)) => return Err(Lost(why)),
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
        let events = self.events.as_ref()?.lock().ok()?;
        match timeout {
            None => events.recv().ok(),
            Some(timeout) => events.recv_timeout(timeout).ok(),
        }
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

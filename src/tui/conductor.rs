//! The thread that holds the stages: it opens them, hands statements on, and lets what they say come in as events.
//!
//! Stages die with the thread that opened them, so this thread lives as long as the face.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

use super::event::Event;
use super::link::{FromStage, ToStage};
use super::measure::room;
use super::work::{self, Said};
use crate::stage::{Options, Stage, StageEvent};

/// The way to the thread that holds the stages.
#[derive(Debug)]
pub(super) struct Conductor {
    orders: Option<Sender<ToStage>>,
    /// How stages for experiments are opened, and where what they show is told.
    options: Options,
    events: Sender<Event>,
    /// Disconnected once the thread has closed its stages.
    closed: Receiver<()>,
}

/// How long leaving waits for the stages to close.
const PATIENCE: Duration = Duration::from_secs(6);

/// Numbers of the stage's for numbers of ours.
type Numbers = Arc<Mutex<HashMap<u64, u64>>>;

struct Held {
    stage: Stage,
    numbers: Numbers,
}

impl Conductor {
    /// Starts the thread.
    pub(super) fn start(launcher: PathBuf, shared: bool, events: Sender<Event>) -> anyhow::Result<Self> {
        let (sender, receiver) = channel();
        let (closing, closed) = channel();
        let options = Options { launcher, shared };
        let (own, told) = (options.clone(), events.clone());
        std::thread::Builder::new()
            .name("stages".to_owned())
            .spawn(move || {
                conduct(&receiver, &own, &told);
                drop(closing);
            })
            .context("the thread that holds the stages can't be started")?;
        Ok(Self { orders: Some(sender), options, events, closed })
    }

    /// Hands an order on. Never waits.
    pub(super) fn send(&self, order: ToStage) {
        if let Some(orders) = &self.orders {
            // Where the thread is gone its panic was told already.
            let _ = orders.send(order);
        }
    }

    /// Begins with experiments, on stages of their own. Never waits.
    pub(super) fn begin(&self, order: work::Order) {
        let number = order.number;
        if let Err(error) = work::begin(order, self.options.clone(), self.events.clone()) {
            for said in [Said::Failed(format!("no thread for it can be started: {error}")), Said::Ended] {
                let _ = self.events.send(Event::Work(number, said));
            }
        }
    }
}

impl Conductor {
    /// Begins to measure, in a process of its own. Never waits.
    pub(super) fn measure(&self, order: room::Order) {
        let number = order.number;
        if let Err(error) = room::begin(order, self.options.launcher.clone(), self.events.clone()) {
            let said = room::Said::Failed(format!("no thread for it can be started: {error}"));
            let _ = self.events.send(Event::Measure(number, said));
        }
    }
}

impl Drop for Conductor {
    fn drop(&mut self) {
        self.orders = None;
        // Leaving must not hang on a stage: what is left of it ends with this process, by the kernel's doing.
        let _ = self.closed.recv_timeout(PATIENCE);
    }
}

fn conduct(orders: &Receiver<ToStage>, options: &Options, events: &Sender<Event>) {
    let mut stages: HashMap<u64, Held> = HashMap::new();
    while let Ok(order) = orders.recv() {
        match order {
            ToStage::Open(number) => match open(number, options, events) {
                Ok(held) => {
                    let info = Box::new(held.stage.info().clone());
                    let _ = events.send(Event::Stage(number, FromStage::Opened(info)));
                    stages.insert(number, held);
                }
                Err(why) => _ = events.send(Event::Stage(number, FromStage::Failed(why))),
            },
            ToStage::Submit(number, id, statement) => {
                if let Some(held) = stages.get(&number) {
                    // Held over the submission, so that no answer is looked up before its number is known.
                    let mut numbers = held.numbers.lock().unwrap_or_else(PoisonError::into_inner);
                    let own = held.stage.submit(&statement);
                    numbers.insert(own, id);
                }
            }
            ToStage::Cancel(number) => {
                if let Some(held) = stages.get(&number) {
                    held.stage.cancel();
                }
            }
            ToStage::Refresh(number) => {
                if let Some(held) = stages.get(&number) {
                    held.stage.refresh();
                }
            }
            ToStage::Close(number) => drop(stages.remove(&number)),
        }
    }
    for (_, held) in stages.drain() {
        held.stage.close();
    }
}

fn open(number: u64, options: &Options, events: &Sender<Event>) -> Result<Held, String> {
    let numbers = Numbers::default();
    let (known, events) = (Arc::clone(&numbers), events.clone());
    let sink = move |event| {
        let said = match event {
            StageEvent::Ended(report) => {
                let id = known.lock().unwrap_or_else(PoisonError::into_inner).remove(&report.id);
                FromStage::Ended(id.unwrap_or(0), report)
            }
            StageEvent::Refreshed { calls, snapshot, news } => FromStage::Refreshed { calls, snapshot, news },
            StageEvent::Meanwhile(snapshot) => FromStage::Refreshed { calls: Vec::new(), snapshot, news: Vec::new() },
            StageEvent::Lost(why) => FromStage::Lost(why),
        };
        let _ = events.send(Event::Stage(number, said));
    };
    let stage = Stage::open_with(options, sink).map_err(|error| error.to_string())?;
    Ok(Held { stage, numbers })
}

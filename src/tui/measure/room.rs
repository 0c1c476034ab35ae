//! The thread in which something is measured: it reads what the keeper tells, and keeps it at the end.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use crate::bench::{self, Entry, History, Load, Measuring, Next, Plan, Stop};
use crate::tui::event::Event;

/// Something to be measured.
#[derive(Debug)]
pub(in crate::tui) struct Order {
    /// What is said of it carries this number.
    pub(in crate::tui) number: u64,
    /// What.
    pub(in crate::tui) plan: Plan,
}

/// What is said of a measuring.
#[derive(Debug)]
pub enum Said {
    /// It has begun, and is ended by this.
    Begun(Stop),
    /// The keeper tells something.
    Told(Box<bench::Event>),
    /// It is over, or was cancelled: the history with it, and why it is not kept if it is not.
    Over(Box<History>, Option<String>),
    /// It could not begin.
    Failed(String),
}

/// Begins to measure; what is said of it comes in as events.
pub(in crate::tui) fn begin(order: Order, launcher: PathBuf, events: Sender<Event>) -> std::io::Result<()> {
    // Two at once would measure each other.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let measure = move || {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let say = |said| _ = events.send(Event::Measure(order.number, said));
        let mut measuring = match Measuring::start(&launcher, &order.plan) {
            Ok(measuring) => measuring,
            Err(error) => return say(Said::Failed(format!("nothing can be measured: {error}"))),
        };
        say(Said::Begun(measuring.stopper()));
        let mut entry = None;
        while let Next::Event(event) = measuring.next(None) {
            keep(&mut entry, &event);
            say(Said::Told(event));
        }
        // Nothing is left of it when the history has it.
        drop(measuring);
        let mut history = History::load();
        let kept = entry.filter(|entry: &Entry| !entry.runs.is_empty()).map_or(Ok(()), |entry| history.add(entry));
        say(Said::Over(Box::new(history), kept.err()));
    };
    std::thread::Builder::new().name("measuring".to_owned()).spawn(measure).map(drop)
}

fn keep(entry: &mut Option<Entry>, event: &bench::Event) {
    match (event, entry) {
        (bench::Event::Begun { machine, .. }, entry) => {
            let machine = machine.clone();
            *entry = Some(Entry { machine, load: Load::default(), limits: Vec::new(), runs: Vec::new() });
        }
        (bench::Event::Limit(limit), Some(entry)) => entry.limits.push(limit.clone()),
        (bench::Event::Run(run), Some(entry)) => entry.runs.push(run.clone()),
        (bench::Event::Over { load, .. }, Some(entry)) => entry.load = *load,
        _ => {}
    }
}

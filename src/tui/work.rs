//! What takes longer than a frame and has a stage of its own: experiments. Each order is carried out by a thread of its
//! own, since a stage dies with the thread that opened it, and speaks by events.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;

use super::event::Event;
use crate::claim::{self, Doing, Experiment, Finding};
use crate::stage::Options;

/// An experiment to be run, by the name under which its finding is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// The id of a claim, or the name of a cell.
    pub key: String,
    /// What to run.
    pub experiment: Experiment,
}

/// Something to be done.
#[derive(Debug)]
pub(super) struct Order {
    /// What is said of it carries this number.
    pub(super) number: u64,
    /// One after the other.
    pub(super) jobs: Vec<Job>,
    /// Set when it is to be given up.
    pub(super) cancelled: Arc<AtomicBool>,
}

/// What is said of an order.
#[derive(Debug)]
pub enum Said {
    /// A part of an experiment, or its counter-run, has begun.
    Doing {
        /// Whose experiment.
        key: String,
        /// Which part, from 1.
        part: usize,
        /// Of how many.
        of: usize,
        /// Whether it is the counter-run.
        counter: bool,
    },
    /// An experiment has come to its end.
    Found(String, Box<Finding>),
    /// No stage could be opened: why, and what to do.
    Failed(String),
    /// All is done, or given up.
    Ended,
}

/// Begins to carry it out; what is said of it comes in as events.
pub(super) fn begin(order: Order, options: Options, events: Sender<Event>) -> std::io::Result<()> {
    let carry_out = move || {
        let say = |said| _ = events.send(Event::Work(order.number, said));
        for job in &order.jobs {
            let (of, mut part) = (job.experiment.parts.len(), 0);
            let mut watch = |doing: Doing<'_>| {
                let counter = matches!(doing, Doing::Counter(_));
                part += usize::from(!counter);
                say(Said::Doing { key: job.key.clone(), part, of, counter });
            };
            match claim::run(&job.experiment, &options, &order.cancelled, &mut watch) {
                Ok(finding) => say(Said::Found(job.key.clone(), Box::new(finding))),
                Err(error) => {
                    say(Said::Failed(error.to_string()));
                    break;
                }
            }
            if order.cancelled.load(std::sync::atomic::Ordering::Relaxed) {
                break;
            }
        }
        say(Said::Ended);
    };
    std::thread::Builder::new().name("experiments".to_owned()).spawn(carry_out).map(drop)
}

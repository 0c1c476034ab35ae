//! What takes longer than a frame and has a stage of its own: experiments. Each order is carried out by a thread of its
//! own, since a stage dies with the thread that opened it, and speaks by events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use super::event::Event;
use crate::atlas::swap::{Pair, Plan, compare};
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
    /// What it is.
    pub(super) what: What,
    /// Set when it is to be given up.
    pub(super) cancelled: Arc<AtomicBool>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum What {
    /// Run experiments, one after the other.
    Prove(Vec<Job>),
    /// Run a scenario on two facilities.
    Swap(Box<Plan>),
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
    /// A statement has ended on both facilities.
    Swapped(Box<Pair>),
    /// No stage could be opened: why, and what to do.
    Failed(String),
    /// All is done, or given up.
    Ended,
}

/// Begins to carry it out; what is said of it comes in as events.
pub(super) fn begin(order: Order, options: Options, events: Sender<Event>) -> std::io::Result<()> {
    let carry_out = move || {
        let say = |said| _ = events.send(Event::Work(order.number, said));
        match &order.what {
            What::Prove(jobs) => prove(jobs, &options, &order.cancelled, &say),
            What::Swap(plan) => {
                let mut tell = |pair| say(Said::Swapped(Box::new(pair)));
                if let Err(error) = compare(plan, &options, &order.cancelled, &mut tell) {
                    say(Said::Failed(error.to_string()));
                }
            }
        }
        say(Said::Ended);
    };
    std::thread::Builder::new().name("experiments".to_owned()).spawn(carry_out).map(drop)
}

fn prove(jobs: &[Job], options: &Options, cancelled: &AtomicBool, say: &dyn Fn(Said)) {
    for job in jobs {
        let (of, mut part) = (job.experiment.parts.len(), 0);
        let mut watch = |doing: Doing<'_>| {
            let counter = matches!(doing, Doing::Counter(_));
            part += usize::from(!counter);
            say(Said::Doing { key: job.key.clone(), part, of, counter });
        };
        match claim::run(&job.experiment, options, cancelled, &mut watch) {
            Ok(finding) => say(Said::Found(job.key.clone(), Box::new(finding))),
            Err(error) => return say(Said::Failed(error.to_string())),
        }
        if cancelled.load(Ordering::Relaxed) {
            return;
        }
    }
}

//! Running an experiment and its counter-runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Experiment, Part};
use crate::model::Evidence;
use crate::script::Statement;
use crate::stage::{Lost, OpenError, Options, Outcome, Stage};

/// How the experiment of a claim came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub verdict: Verdict,
    /// What each part has shown, as far as it came.
    pub shown: Vec<Shown>,
    /// How long it took, counter-runs included.
    pub took: Duration,
}

/// Whether a claim holds on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All parts came out as claimed, and no counter-run did.
    Holds,
    /// Something else was seen here: which part, at which statement, what was expected and what was seen.
    Differs {
        /// What the part should have shown.
        part: String,
        /// The statement that came out otherwise; none if it is the counter-run, which met all expectations.
        statement: Option<String>,
        /// What was expected, in words.
        expected: String,
        /// What was seen, in words.
        seen: String,
    },
    /// This machine lacks what the experiment needs; what, and why.
    NotHere(String),
    /// It was given up before its end.
    Cancelled,
}

/// What one part has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The part.
    pub shows: String,
    /// The expectations that were met.
    pub met: Vec<Met>,
    /// What the counter-run did otherwise, and which expectation it did not meet.
    pub counter: Option<(String, String)>,
}

/// An expectation that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The expectation as printed.
    pub expectation: String,
    /// What was seen, in words.
    pub seen: String,
    /// How it is known.
    pub evidence: Evidence,
}

/// What is being run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing<'a> {
    /// A part.
    Part(&'a Part),
    /// Its counter-run.
    Counter(&'a Part),
}

/// How a list of statements came out.
enum Course {
    Met(Vec<Met>),
    /// At this statement something else was seen.
    Otherwise {
        statement: String,
        expected: String,
        seen: String,
        checked: bool,
    },
    Cancelled,
}

/// Runs an experiment on stages of its own. `watch` hears what is done; `cancelled` is looked at between statements.
///
/// # Errors
/// No stage could be opened.
pub fn run(
    experiment: &Experiment,
    options: &Options,
    cancelled: &AtomicBool,
    watch: &mut dyn FnMut(Doing<'_>),
) -> Result<Finding, OpenError> {
    let begun = Instant::now();
    let mut shown = Vec::new();
    let verdict = verdict(experiment, options, cancelled, watch, &mut shown)?;
    Ok(Finding { verdict, shown, took: begun.elapsed() })
}

fn verdict(
    experiment: &Experiment,
    options: &Options,
    cancelled: &AtomicBool,
    watch: &mut dyn FnMut(Doing<'_>),
    shown: &mut Vec<Shown>,
) -> Result<Verdict, OpenError> {
    let mut lacking = None;
    for part in &experiment.parts {
        let mut stage = Stage::open(options)?;
        if let Some(why) = lacks(part, &stage) {
            // What can be shown is shown; the rest is said.
            lacking.get_or_insert(why);
            continue;
        }
        watch(Doing::Part(part));
        let met = match course(&mut stage, &part.run, cancelled) {
            Course::Met(met) => met,
            Course::Cancelled => return Ok(Verdict::Cancelled),
            Course::Otherwise { statement, expected, seen, .. } => {
                let part = part.shows.clone();
                return Ok(Verdict::Differs { part, statement: Some(statement), expected, seen });
            }
        };
        stage.close();
        watch(Doing::Counter(part));
        let mut stage = Stage::open(options)?;
        let counter = match course(&mut stage, &part.counter, cancelled) {
            Course::Cancelled => return Ok(Verdict::Cancelled),
            Course::Otherwise { statement, seen, checked: true, .. } => format!("`{statement}` does not hold: {seen}"),
            Course::Otherwise { statement, expected, seen, checked: false } => {
                let part = format!("{} (counter-run: {})", part.shows, part.counter_is);
                return Ok(Verdict::Differs { part, statement: Some(statement), expected, seen });
            }
            Course::Met(_) => {
                return Ok(Verdict::Differs {
                    part: part.shows.clone(),
                    statement: None,
                    expected: format!("that it comes out otherwise where {}", part.counter_is),
                    seen: "the same".to_owned(),
                });
            }
        };
        stage.close();
        shown.push(Shown { shows: part.shows.clone(), met, counter: Some((part.counter_is.clone(), counter)) });
    }
    Ok(lacking.map_or(Verdict::Holds, Verdict::NotHere))
}

/// Why a stage can't hold a part, if it can't.
fn lacks(part: &Part, stage: &Stage) -> Option<String> {
    let info = stage.info();
    let lacking: Vec<&str> =
        part.requires.iter().map(String::as_str).filter(|word| !info.capabilities.iter().any(|c| c == word)).collect();
    let why = info.why_shared.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    (!lacking.is_empty()).then(|| format!("{}: this stage lacks {}{why}", part.shows, lacking.join(", ")))
}

fn course(stage: &mut Stage, statements: &[Statement], cancelled: &AtomicBool) -> Course {
    let mut met = Vec::new();
    for statement in statements {
        if cancelled.load(Ordering::Relaxed) {
            return Course::Cancelled;
        }
        let otherwise = |expected: String, seen: String, checked| Course::Otherwise {
            statement: statement.to_string(),
            expected,
            seen,
            checked,
        };
        let report = match stage.run(statement) {
            Ok(report) => report,
            Err(Lost(why)) => return otherwise("that the stage lasts".to_owned(), why, false),
        };
        match report.outcome {
            Outcome::Settled => {}
            Outcome::Checked(verdict) if verdict.met => {
                let expectation = report.statement;
                met.push(Met { expectation, seen: verdict.seen, evidence: verdict.evidence });
            }
            Outcome::Checked(verdict) => return otherwise(verdict.expected, verdict.seen, true),
            Outcome::Running(actors) => {
                return otherwise("that all settles".to_owned(), format!("{} still ran", actors.join(", ")), false);
            }
            Outcome::Refused { why, .. } => return otherwise("that it is carried out".to_owned(), why, false),
            Outcome::TimedOut(why) => return otherwise("that it ends".to_owned(), why, false),
        }
    }
    Course::Met(met)
}

//! Running lessons headless: the test of the lessons.
//!
//! The start must not meet the goals, the solution must, each prediction must come out as marked, refutations must
//! hold, every hint must once fit, and nothing may be left behind.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::leftovers::Traces;
use super::session::{decide, holds};
use super::{Hint, Item, LeftOut, Lesson, Prediction, Run, Step};
use crate::model::Snapshot;
use crate::script::{Expectation, Span, Statement};
use crate::stage::{Lost, OpenError, Options, Outcome, Report, Stage, judge};

/// How a lesson came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The lesson's id.
    pub id: String,
    /// Whether it passed.
    pub verdict: Verdict,
    /// The steps for which the stage was not enough.
    pub left_out: Vec<LeftOut>,
    /// How many statements were run.
    pub statements: usize,
    /// How long it took.
    pub took: Duration,
}

/// Whether a lesson passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It did.
    Passed,
    /// It could not be run on this machine; the reason.
    Skipped(String),
    /// It did not.
    Failed(Vec<Failure>),
    /// It was given up before its end.
    Cancelled,
}

/// One thing that did not come out as the lesson says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where in the lesson's source.
    pub span: Span,
    /// What failed; lower case, no full stop.
    pub what: String,
    /// What was expected, in words, if that says more.
    pub expected: Option<String>,
    /// What was seen, in words.
    pub seen: Option<String>,
}

/// What a runner tells while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing<'a> {
    /// A step has begun.
    Step(&'a Step),
    /// A statement is about to be run.
    Statement(&'a Statement),
}

/// Runs a lesson on stages of its own. `watch` hears what is done; `cancelled` is looked at between statements.
pub fn run(
    lesson: &Lesson,
    options: &Options,
    cancelled: &AtomicBool,
    watch: &mut dyn FnMut(Doing<'_>),
) -> Result<Checked, OpenError> {
    let begun = Instant::now();
    let before = Traces::look();
    let stage = Stage::open(options)?;
    let lacking = lacks(lesson, &stage);
    let mut fitting = lesson.clone();
    let left_out = fitting.fit(&stage.info().capabilities);
    stage.close();
    let lesson = &fitting;
    let mut runner = Runner { lesson, options, cancelled, watch, failures: Vec::new(), statements: 0 };
    let verdict = match lacking {
        Some(why) => Verdict::Skipped(why),
        None => match runner.lesson() {
            Ok(()) => {
                for left in Traces::look().since(&before) {
                    runner.fail(Span::new(0, 3), format!("{left} was left behind"), None, None);
                }
                if runner.failures.is_empty() { Verdict::Passed } else { Verdict::Failed(runner.failures) }
            }
            Err(Stop::Cancelled) => Verdict::Cancelled,
            Err(Stop::Open(error)) => return Err(error),
        },
    };
    Ok(Checked { id: lesson.id().to_owned(), verdict, left_out, statements: runner.statements, took: begun.elapsed() })
}

/// Why a stage can't hold a lesson, if it can't.
pub fn lacks(lesson: &Lesson, stage: &Stage) -> Option<String> {
    let info = stage.info();
    let lacking: Vec<&str> = lesson
        .front
        .requires
        .iter()
        .map(String::as_str)
        .filter(|word| !info.capabilities.iter().any(|c| c == word))
        .collect();
    if lacking.is_empty() {
        return None;
    }
    // What else a stage lacks, it lacks in either mode.
    let apart = lacking.iter().any(|word| matches!(*word, "isolated" | "hosts" | "stranger"));
    let why = info.why_shared.as_ref().filter(|_| apart).map(|why| format!(" ({why})")).unwrap_or_default();
    Some(format!("this stage lacks {}{why}; `ipclab doctor` tells more", lacking.join(", ")))
}

enum Stop {
    Cancelled,
    Open(OpenError),
}

impl From<OpenError> for Stop {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

struct Runner<'a> {
    lesson: &'a Lesson,
    options: &'a Options,
    cancelled: &'a AtomicBool,
    watch: &'a mut dyn FnMut(Doing<'_>),
    failures: Vec<Failure>,
    statements: usize,
}

impl Runner<'_> {
    fn fail(&mut self, span: Span, what: impl Into<String>, expected: Option<String>, seen: Option<String>) {
        self.failures.push(Failure { span, what: what.into(), expected, seen });
    }

    fn lesson(&mut self) -> Result<(), Stop> {
        let mut stage = Stage::open(self.options)?;
        let mut snapshot = Snapshot::empty();
        for (index, step) in self.lesson.steps.iter().enumerate() {
            (self.watch)(Doing::Step(step));
            let mut asked: Option<&Prediction> = None;
            for (at, item) in step.items.iter().enumerate() {
                match item {
                    // What it comes to is this machine's, and decides nothing.
                    Item::Prose(_) | Item::Measure(_) => {}
                    Item::Predict(prediction) => asked = Some(prediction),
                    Item::Run(run) => {
                        if run.fresh {
                            stage.close();
                            stage = Stage::open(self.options)?;
                            snapshot = Snapshot::empty();
                        }
                        if !self.statements(&mut stage, &run.statements, &mut snapshot, &mut |_| {})? {
                            return Ok(());
                        }
                        if let Some(prediction) = asked.take() {
                            self.prediction(prediction, &snapshot);
                        }
                    }
                    Item::Refute(refutation) => {
                        let course = self.lesson.course(index, at);
                        self.aside(&course, &refutation.run)?;
                    }
                }
            }
            if !step.goals.is_empty() && !self.goals(index, step, &mut stage, &mut snapshot)? {
                return Ok(());
            }
        }
        stage.close();
        Ok(())
    }

    /// Runs statements; `false` if the stage was lost.
    fn statements(
        &mut self,
        stage: &mut Stage,
        statements: &[Statement],
        snapshot: &mut Snapshot,
        each: &mut dyn FnMut(&Snapshot),
    ) -> Result<bool, Stop> {
        for statement in statements {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Stop::Cancelled);
            }
            (self.watch)(Doing::Statement(statement));
            self.statements += 1;
            match stage.run(statement) {
                Ok(report) => {
                    self.judge_report(statement, &report);
                    *snapshot = report.snapshot;
                    each(snapshot);
                }
                Err(Lost(why)) => {
                    self.fail(statement.span, "the stage was lost", None, Some(why));
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn judge_report(&mut self, statement: &Statement, report: &Report) {
        let (expected, seen) = match &report.outcome {
            Outcome::Settled => return,
            Outcome::Checked(verdict) if verdict.met => return,
            Outcome::Checked(verdict) => (Some(verdict.expected.clone()), verdict.seen.clone()),
            Outcome::Running(actors) => {
                (Some("that all settles".to_owned()), format!("{} still ran", actors.join(", ")))
            }
            Outcome::Refused { why, .. } => (Some("that it is carried out".to_owned()), why.clone()),
            Outcome::TimedOut(why) => (Some("that it ends".to_owned()), why.clone()),
        };
        self.fail(statement.span, format!("`{}` came out otherwise", report.statement), expected, Some(seen));
    }

    fn prediction(&mut self, prediction: &Prediction, snapshot: &Snapshot) {
        let right = prediction.right();
        if decide(prediction, snapshot) == Some(right) {
            return;
        }
        for (index, choice) in prediction.choices.iter().enumerate() {
            let verdict = judge(&choice.predicate, snapshot);
            let letter = Prediction::letter(index);
            if verdict.met != (index == right) {
                let what = if verdict.met {
                    format!("choice {letter} of `{}` holds and is not marked as right", prediction.id)
                } else {
                    format!("choice {letter} of `{}` is marked as right and does not hold", prediction.id)
                };
                self.fail(choice.predicate.span, what, Some(verdict.expected), Some(verdict.seen));
            }
        }
    }

    /// Runs statements on a stage of their own, behind the course so far.
    fn aside(&mut self, course: &[Statement], run: &Run) -> Result<(), Stop> {
        let mut stage = Stage::open(self.options)?;
        let mut snapshot = Snapshot::empty();
        let known = self.failures.len();
        let there = self.statements(&mut stage, course, &mut snapshot, &mut |_| {})?;
        // What fails here has failed before, at its own place.
        self.failures.truncate(known);
        if there {
            self.statements(&mut stage, &run.statements, &mut snapshot, &mut |_| {})?;
        }
        stage.close();
        Ok(())
    }

    /// The start must fail, the solution must pass; `false` if the stage was lost.
    fn goals(&mut self, at: usize, step: &Step, stage: &mut Stage, snapshot: &mut Snapshot) -> Result<bool, Stop> {
        for goal in &step.goals {
            if holds(&goal.claims, snapshot) {
                self.fail(
                    goal.span,
                    format!("the goal `{}` is met before the learner has done anything", goal.id),
                    None,
                    None,
                );
            }
        }
        let mut met: BTreeSet<usize> = BTreeSet::new();
        let mut moments = Moments::of(&step.hints);
        let Some(solve) = &step.solve else { return Ok(true) };
        let mut done = solve.statements.iter();
        moments.look("at the beginning", snapshot);
        let mut look = |snapshot: &Snapshot| {
            met.extend(step.goals.iter().enumerate().filter(|(_, g)| holds(&g.claims, snapshot)).map(|(i, _)| i));
            if let Some(statement) = done.next() {
                moments.look(&format!("after `{statement}`"), snapshot);
            }
        };
        let there = self.statements(stage, &solve.statements, snapshot, &mut look)?;
        for goal in step.goals.iter().enumerate().filter(|(i, _)| !met.contains(i)).map(|(_, g)| g) {
            let missing = goal.claims.iter().map(|c| judge(c, snapshot)).find(|v| !v.met);
            let (expected, seen) = missing.map_or((None, None), |v| (Some(v.expected), Some(v.seen)));
            let what =
                format!("the solution does not meet the goal `{}` of line {}", goal.id, self.lesson.line(goal.span));
            self.fail(solve.span, what, expected, seen);
        }
        if there {
            self.hints(at, step, &mut moments)?;
        }
        Ok(there)
    }

    /// Every hint must fit some moment. One that fits none on the way of the solution speaks to a wrong turn: it is
    /// looked for after each statement of the solution given alone.
    fn hints(&mut self, at: usize, step: &Step, moments: &mut Moments<'_>) -> Result<(), Stop> {
        let Some(solve) = &step.solve else { return Ok(()) };
        for statement in &solve.statements {
            if moments.unfit().next().is_none() {
                return Ok(());
            }
            let mut stage = Stage::open(self.options)?;
            let mut course = self.lesson.course(at, step.items.len());
            course.push(statement.clone());
            let mut snapshot = Snapshot::empty();
            let known = self.failures.len();
            self.statements(&mut stage, &course, &mut snapshot, &mut |_| {})?;
            self.failures.truncate(known);
            stage.close();
            moments.look(&format!("after `{statement}` alone"), &snapshot);
        }
        for (when, seen) in moments.unfit() {
            let what = "this hint fits no moment that the solution or a part of it comes to";
            self.fail(when.span, what, None, Some(seen));
        }
        Ok(())
    }
}

/// The moments that hints could speak to, and how each looked to a hint that it did not fit.
struct Moments<'a> {
    hints: &'a [Hint],
    /// By hint, until it fits: what was seen, and at which moments.
    seen: Vec<Option<Vec<(String, Vec<String>)>>>,
}

impl<'a> Moments<'a> {
    fn of(hints: &'a [Hint]) -> Self {
        let seen = hints.iter().map(|hint| hint.when.as_ref().map(|_| Vec::new())).collect();
        Self { hints, seen }
    }

    fn look(&mut self, moment: &str, snapshot: &Snapshot) {
        for (hint, seen) in self.hints.iter().zip(&mut self.seen) {
            let (Some(when), Some(all)) = (&hint.when, seen.as_mut()) else { continue };
            let verdict = judge(when, snapshot);
            if verdict.met {
                *seen = None;
            } else if let Some((_, moments)) = all.iter_mut().find(|(words, _)| *words == verdict.seen) {
                moments.push(moment.to_owned());
            } else {
                all.push((verdict.seen, vec![moment.to_owned()]));
            }
        }
    }

    /// The hints that fit none so far: what they ask for, and what there was instead.
    fn unfit(&self) -> impl Iterator<Item = (&'a Expectation, String)> {
        self.hints.iter().zip(&self.seen).filter_map(|(hint, seen)| {
            let words = seen.as_ref()?.iter().map(|(seen, moments)| format!("{seen} ({})", moments.join(", ")));
            Some((hint.when.as_ref()?, words.collect::<Vec<_>>().join("; ")))
        })
    }
}

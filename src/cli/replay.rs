//! `ipclab replay`: runs again what somebody has exported.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::line::Global;
use super::{BAD_INPUT, CANCELLED, FAILED, NO_STAGE, interrupt, progress};
use crate::atlas;
use crate::claim::{self as claims, Verdict};
use crate::facility::registry;
use crate::lesson::record::{Answer, Outcome};
use crate::lesson::transfer::{Asked, Reached, Transfer, claim, statements};
use crate::model::Snapshot;
use crate::plain::{json, progress as told, words};
use crate::script::{self, Expectation, Statement};
use crate::stage::{Lost, OpenError, Options, Stage, judge};

/// Why it goes no further.
enum Stop {
    Open(OpenError),
    Lost(Lost),
    Cancelled,
}

/// `ipclab replay FILE`.
pub(super) fn run(options: &Global, file: &Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let Some((_, text, transfer)) = progress::transferred(file, err)? else { return Ok(BAD_INPUT.into()) };
    let (cancelled, _bytes) = interrupt::catch()?;
    let stage = options.stage();
    let mut replay = Replay {
        text: &text,
        transfer: &transfer,
        stage: &stage,
        cancelled: &cancelled,
        json: options.json,
        same: 0,
        other: 0,
        skipped: 0,
    };
    match replay.all(out)? {
        Ok(()) => {}
        Err(Stop::Cancelled) => return Ok(CANCELLED.into()),
        Err(Stop::Open(error)) => {
            writeln!(err, "error: {error}")?;
            return Ok(NO_STAGE.into());
        }
        Err(Stop::Lost(error)) => {
            writeln!(err, "error: {error}")?;
            return Ok(NO_STAGE.into());
        }
    }
    let Replay { same, other, skipped, .. } = replay;
    if options.json {
        let line = json!({ "as_then": same, "otherwise": other, "skipped": skipped });
        writeln!(out, "{}", json::line("replayed", &line))?;
    } else if same + other + skipped == 0 {
        writeln!(out, "nothing in it can be run: it holds no predictions, no ways to goals, and no proofs")?;
    } else {
        let left = if skipped == 0 { String::new() } else { format!(", {skipped} left out") };
        writeln!(out, "{same} came out as then, {other} otherwise{left}")?;
    }
    Ok(if other > 0 { FAILED.into() } else { ExitCode::SUCCESS })
}

struct Replay<'a> {
    text: &'a str,
    transfer: &'a Transfer,
    stage: &'a Options,
    cancelled: &'a AtomicBool,
    json: bool,
    same: usize,
    other: usize,
    skipped: usize,
}

impl Replay<'_> {
    fn all(&mut self, out: &mut dyn Write) -> io::Result<Result<(), Stop>> {
        for asked in &self.transfer.questions {
            if let Err(stop) = self.question(asked, out)? {
                return Ok(Err(stop));
            }
        }
        for (lesson, record) in &self.transfer.lessons {
            for (step, ways) in &record.solved {
                for way in ways {
                    if let Err(stop) = self.way(lesson, step, way, out)? {
                        return Ok(Err(stop));
                    }
                }
            }
        }
        for (cell, kernels) in &self.transfer.shown() {
            if let Err(stop) = self.proof(cell, kernels, out)? {
                return Ok(Err(stop));
            }
        }
        Ok(Ok(()))
    }

    /// Runs the experiment of a cell of the comparison that was proved.
    fn proof(&mut self, key: &str, kernels: &[String], out: &mut dyn Write) -> io::Result<Result<(), Stop>> {
        let experiment = atlas::cells().find(|cell| cell.key() == key).and_then(|cell| cell.experiment()?.ok());
        let verdict = match experiment {
            None => None,
            Some(experiment) => match claims::run(&experiment, self.stage, self.cancelled, &mut |_| {}) {
                Ok(finding) => Some(finding.verdict),
                Err(error) => return Ok(Err(Stop::Open(error))),
            },
        };
        let (same, here) = match &verdict {
            Some(Verdict::Cancelled) => return Ok(Err(Stop::Cancelled)),
            Some(Verdict::Holds) => (Some(true), "so it is here too".to_owned()),
            Some(Verdict::Differs { expected, seen, .. }) => {
                (Some(false), format!("here it comes out otherwise: expected {expected}, seen {seen}"))
            }
            Some(Verdict::NotHere(why)) => (None, format!("left out: {why}")),
            None => (None, "left out: this ipclab does not ask it".to_owned()),
        };
        match same {
            Some(same) => self.count(same),
            None => self.skipped += 1,
        }
        if self.json {
            let line = json!({ "cell": key, "kernels": kernels, "as_then": same, "here": here });
            writeln!(out, "{}", json::line("proved", &line))?;
        } else {
            let text = format!("{key}: you have proved it on {}; {here}", kernels.join(", "));
            write!(out, "{}", words::fold(&text, "", "  "))?;
        }
        out.flush()?;
        Ok(Ok(()))
    }

    /// Runs what decides a question, and holds every answer that was given against it.
    fn question(&mut self, asked: &Asked, out: &mut dyn Write) -> io::Result<Result<(), Stop>> {
        // Read before; a file that changes meanwhile was read whole.
        let Ok(run) = statements(self.text, &asked.statements) else { return Ok(Ok(())) };
        let seen = match self.run(&run, &asked.requires, &mut |_| {}) {
            Ok(Some(seen)) => seen,
            Ok(None) => return self.left_out(&asked.lesson, &asked.prediction, out).map(Ok),
            Err(stop) => return Ok(Err(stop)),
        };
        let held: Vec<bool> = asked
            .choices
            .iter()
            .map(|c| claim(self.text, &c.claim).is_ok_and(|claim| judge(&claim, &seen).met))
            .collect();
        let decided = held.iter().filter(|met| **met).count() == 1;
        let outcome = |answer: &Answer| {
            let place = asked.choices.iter().position(|c| c.text == answer.text)?;
            Some(match (decided, held[place]) {
                (false, _) => Outcome::Undecided,
                (true, true) => Outcome::Right,
                (true, false) => Outcome::Wrong,
            })
        };
        let answers = self.transfer.lessons.get(&asked.lesson).and_then(|l| l.predictions.get(&asked.prediction));
        let answers: Vec<&Answer> = answers.into_iter().flatten().collect();
        let here = asked.choices.iter().zip(&held).find(|(_, met)| **met && decided).map(|(c, _)| c.text.as_str());
        let same = answers.iter().all(|a| outcome(a).is_none_or(|o| o == a.outcome));
        self.count(same);
        if self.json {
            let line = json!({
                "lesson": asked.lesson, "prediction": asked.prediction, "held": here, "as_then": same,
                "answers": answers.iter().map(|a| json!({
                    "text": a.text, "then": told::word(a.outcome), "here": outcome(a).map(told::word),
                })).collect::<Vec<_>>(),
            });
            return writeln!(out, "{}", json::line("predicted", &line)).map(Ok);
        }
        let mut text = words::fold(&format!("{}: {}", asked.lesson, asked.question), "", "  ");
        for answer in answers {
            let here = match outcome(answer) {
                None => "the choices no longer hold these words",
                Some(o) if o == answer.outcome => "so it is here too",
                Some(Outcome::Right) => "here it holds",
                Some(Outcome::Wrong) => "here it comes out otherwise",
                Some(Outcome::Undecided) => "here no choice holds, or several",
            };
            text.push_str(&words::fold(&format!("{}: {here}", told::said(answer)), "  ", "    "));
        }
        if let Some(here) = here {
            text.push_str(&words::fold(&format!("What happens here: {here}."), "  ", "    "));
        }
        writeln!(out, "{text}")?;
        out.flush()?;
        Ok(Ok(()))
    }

    /// Runs a way to the goals of a step; each must be reached at some moment.
    fn way(&mut self, lesson: &str, step: &str, way: &str, out: &mut dyn Write) -> io::Result<Result<(), Stop>> {
        let (run, wrong) = script::parse(way, registry());
        let goals: Vec<&Reached> =
            self.transfer.goals.iter().filter(|g| g.lesson == lesson && g.step == step).collect();
        let claims: Vec<Vec<Expectation>> =
            goals.iter().map(|g| g.claims.iter().filter_map(|c| claim(self.text, c).ok()).collect()).collect();
        let requires = goals.first().map(|g| g.requires.clone()).unwrap_or_default();
        let mut met = vec![false; goals.len()];
        let ran = self.run(&run, &requires, &mut |seen| {
            for (met, claims) in met.iter_mut().zip(&claims) {
                *met |= !claims.is_empty() && claims.iter().all(|claim| judge(claim, seen).met);
            }
        });
        match ran {
            Ok(Some(_)) => {}
            Ok(None) => return self.left_out(lesson, step, out).map(Ok),
            Err(stop) => return Ok(Err(stop)),
        }
        let same = wrong.is_empty() && met.iter().all(|met| *met);
        self.count(same);
        if self.json {
            let goals: Vec<_> = goals.iter().zip(&met).map(|(g, met)| json!({ "goal": g.goal, "met": met })).collect();
            let line = json!({ "lesson": lesson, "step": step, "statements": way, "as_then": same, "goals": goals });
            return writeln!(out, "{}", json::line("way", &line)).map(Ok);
        }
        let mut text = format!("{lesson}, {step}: your way, in {} statements\n", run.len());
        for (goal, met) in goals.iter().zip(&met) {
            let here = if *met { "reached here too" } else { "not reached here" };
            text.push_str(&words::fold(&format!("{}: {here}", goal.goal), "  ", "    "));
        }
        writeln!(out, "{text}")?;
        out.flush()?;
        Ok(Ok(()))
    }

    fn left_out(&mut self, lesson: &str, what: &str, out: &mut dyn Write) -> io::Result<()> {
        self.skipped += 1;
        if self.json {
            return writeln!(out, "{}", json::line("skipped", &json!({ "lesson": lesson, "what": what })));
        }
        writeln!(out, "{lesson}, {what}: left out: this stage lacks what it needs; `ipclab doctor` tells more\n")
    }

    const fn count(&mut self, same: bool) {
        if same {
            self.same += 1;
        } else {
            self.other += 1;
        }
    }

    /// Runs statements on a stage of their own. `None`: it lacks what they need.
    fn run(
        &self,
        statements: &[Statement],
        requires: &[String],
        each: &mut dyn FnMut(&Snapshot),
    ) -> Result<Option<Snapshot>, Stop> {
        let mut stage = Stage::open(self.stage).map_err(Stop::Open)?;
        if requires.iter().any(|word| !stage.info().capabilities.contains(word)) {
            stage.close();
            return Ok(None);
        }
        let mut seen = Snapshot::empty();
        for statement in statements {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Stop::Cancelled);
            }
            seen = stage.run(statement).map_err(Stop::Lost)?.snapshot;
            each(&seen);
        }
        stage.close();
        Ok(Some(seen))
    }
}

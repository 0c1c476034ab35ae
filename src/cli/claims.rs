//! `ipclab claims`: shows on this machine what is said about IPC.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::{BAD_INPUT, CANCELLED, FAILED, NO_STAGE};
use crate::claim::{self, Finding, Verdict};
use crate::facility::registry;
use crate::plain::diagnose::diagnose;
use crate::plain::json;
use crate::script::nearest;
use crate::stage::Options;

/// Which claims to run, and how to tell of them.
pub(super) struct Claims<'a> {
    /// Their ids; all if there are none.
    pub(super) ids: &'a [String],
    /// Whether to tell what was seen, not only the verdict.
    pub(super) verbose: bool,
    /// Lines of JSON instead of text.
    pub(super) json: bool,
    /// How to open stages.
    pub(super) stage: &'a Options,
    /// Set when the user wants to stop.
    pub(super) cancelled: &'a AtomicBool,
}

impl Claims<'_> {
    /// Runs them. What is found goes to `out`, what prevents it to `err`.
    pub(super) fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
        let ids: Vec<&str> =
            if self.ids.is_empty() { claim::order() } else { self.ids.iter().map(String::as_str).collect() };
        for id in &ids {
            if claim::title(id).is_none() {
                let near = nearest(id, claim::order());
                let help = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                writeln!(err, "error: there is no claim {id}{help}")?;
                return Ok(BAD_INPUT.into());
            }
        }
        let (mut holds, mut differs, mut not_here, mut took) = (0, 0, 0, Duration::ZERO);
        for id in ids {
            if self.cancelled.load(Ordering::Relaxed) {
                return Ok(CANCELLED.into());
            }
            let text = claim::source(id).unwrap_or_default();
            let experiment = match claim::parse(text, registry()) {
                Ok(experiment) => experiment,
                Err(wrong) => {
                    write!(err, "{}", diagnose(&format!("{id}.ipc"), text, &wrong))?;
                    return Ok(BAD_INPUT.into());
                }
            };
            let finding = match claim::run(&experiment, self.stage, self.cancelled, &mut |_| {}) {
                Ok(finding) => finding,
                Err(error) => {
                    writeln!(err, "error: {error}")?;
                    return Ok(NO_STAGE.into());
                }
            };
            match finding.verdict {
                Verdict::Holds => holds += 1,
                Verdict::Differs { .. } => differs += 1,
                Verdict::NotHere(_) => not_here += 1,
                Verdict::Cancelled => return Ok(CANCELLED.into()),
            }
            took += finding.took;
            if self.json {
                json_line(id, &finding, out)?;
            } else {
                self.tell(id, &finding, out)?;
            }
            out.flush()?;
        }
        if !self.json {
            let mut parts = vec![format!("{holds} hold")];
            parts.extend((differs > 0).then(|| format!("{differs} differ here")));
            parts.extend((not_here > 0).then(|| format!("{not_here} cannot be shown here")));
            writeln!(out, "\n{}; {:.1} s", parts.join(", "), took.as_secs_f64())?;
        }
        Ok(if differs > 0 { FAILED.into() } else { ExitCode::SUCCESS })
    }

    fn tell(&self, id: &str, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let title = claim::title(id).unwrap_or_default();
        let ms = finding.took.as_millis();
        writeln!(out, "{id:<4}{:<22}{title} ({ms} ms)", word(&finding.verdict))?;
        match &finding.verdict {
            Verdict::Differs { part, statement, expected, seen } => {
                writeln!(out, "      {part}")?;
                if let Some(statement) = statement {
                    writeln!(out, "      at:       {statement}")?;
                }
                writeln!(out, "      expected: {expected}\n      seen:     {seen}")?;
            }
            Verdict::NotHere(why) => writeln!(out, "      {why}")?,
            Verdict::Holds | Verdict::Cancelled => {}
        }
        if !self.verbose {
            return Ok(());
        }
        for shown in &finding.shown {
            writeln!(out, "      {}", shown.shows)?;
            for met in &shown.met {
                writeln!(out, "        {}: {} [{}]", met.expectation, met.seen, met.evidence.mark())?;
            }
            if let Some((counter, seen)) = &shown.counter {
                writeln!(out, "        counter-run, {counter}: {seen}")?;
            }
        }
        Ok(())
    }
}

fn json_line(id: &str, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let mut line = json!({
        "id": id,
        "says": claim::title(id),
    });
    found(&mut line, finding);
    writeln!(out, "{}", json::line("claim", &line))
}

/// What was found, put into a line of JSON.
pub(super) fn found(line: &mut serde_json::Value, finding: &Finding) {
    let shown = finding.shown.iter().map(|shown| {
        json!({
            "part": shown.shows,
            "met": shown.met.iter().map(|met| json!({
                "expectation": met.expectation, "seen": met.seen, "evidence": met.evidence,
            })).collect::<Vec<_>>(),
            "counter": shown.counter.as_ref().map(|(is, seen)| json!({ "is": is, "seen": seen })),
        })
    });
    line["verdict"] = json!(word(&finding.verdict));
    line["ms"] = json!(finding.took.as_secs_f64() * 1e3);
    line["shown"] = json!(shown.collect::<Vec<_>>());
    match &finding.verdict {
        Verdict::Differs { part, statement, expected, seen } => {
            line["differs"] = json!({ "part": part, "at": statement, "expected": expected, "seen": seen });
        }
        Verdict::NotHere(why) => line["lacks"] = json!(why),
        Verdict::Holds | Verdict::Cancelled => {}
    }
}

pub(super) const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Differs { .. } => "differs here",
        Verdict::NotHere(_) => "cannot be shown here",
        Verdict::Cancelled => "cancelled",
    }
}

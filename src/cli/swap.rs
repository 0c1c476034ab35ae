//! `ipclab swap`: a scenario on another facility, and what breaks there.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::line::Global;
use super::linear::{Script, script_or_tell};
use super::{BAD_INPUT, CANCELLED, FAILED, NO_STAGE};
use crate::atlas::swap::{Pair, Side, compare, plan, title};
use crate::model::{Call, CallState};
use crate::plain::json;

/// How wide each of the two columns is.
const COLUMN: usize = 50;

/// Runs the script in `file` on both, and tells what differs.
pub(super) fn swap(
    options: &Global,
    file: &Path,
    to: &str,
    cancelled: &AtomicBool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let Some(Script { statements, .. }) = script_or_tell(options, file, out, err)? else {
        return Ok(BAD_INPUT.into());
    };
    let plan = match plan(&statements, to) {
        Ok(plan) => plan,
        Err(why) => {
            writeln!(err, "error: {why}")?;
            return Ok(BAD_INPUT.into());
        }
    };
    if !options.json {
        writeln!(out, "    {:COLUMN$} {}\n", title(plan.from), title(plan.to))?;
    }
    let (mut number, mut first, mut broken, mut failed) = (0, None, 0, Ok(()));
    let ran = compare(&plan, &options.stage(), cancelled, &mut |pair| {
        number += 1;
        if pair.breaks() {
            first.get_or_insert(number);
            broken += 1;
        }
        if failed.is_ok() {
            failed = if options.json { json_line(number, &pair, out) } else { tell(number, &pair, out) };
        }
    });
    failed?;
    if let Err(error) = ran {
        writeln!(err, "error: {error}")?;
        return Ok(NO_STAGE.into());
    }
    if cancelled.load(Ordering::Relaxed) {
        return Ok(CANCELLED.into());
    }
    if !options.json {
        match first {
            None => writeln!(out, "\nNothing breaks: all comes out the same.")?,
            Some(first) => {
                writeln!(out, "\n{broken} of {number} statements come out otherwise, the first is {first}.")?;
            }
        }
    }
    Ok(if first.is_some() { FAILED.into() } else { ExitCode::SUCCESS })
}

fn tell(number: usize, pair: &Pair, out: &mut dyn Write) -> io::Result<()> {
    let sign = if pair.breaks() { "!" } else { " " };
    let (here, there) = (lines(&pair.source), lines(&pair.other));
    for row in 0..here.len().max(there.len()) {
        let (left, right) = (here.get(row).map_or("", String::as_str), there.get(row).map_or("", String::as_str));
        let mark = if row == 0 { format!("{sign}{number:<3}") } else { "    ".to_owned() };
        writeln!(out, "{}", format!("{mark}{:COLUMN$} {}", clip(left), clip(right)).trim_end())?;
    }
    if let Some(why) = &pair.nothing {
        writeln!(out, "      no counterpart: {why}")?;
    }
    if !pair.lost.is_empty() {
        writeln!(out, "      lost: {}", pair.lost.join(", "))?;
    }
    for (here, there) in &pair.differs {
        writeln!(out, "      {here}; there {there}")?;
    }
    Ok(())
}

/// What a side is told by: its statements, each followed by nothing, then its calls.
fn lines(side: &Side) -> Vec<String> {
    let calls = side.calls.iter().map(|call| format!("  {}", told(call)));
    let wrong = side.wrong.iter().map(|why| format!("  {why}"));
    side.statements.iter().cloned().chain(calls).chain(wrong).collect()
}

/// A call as the transcript has it.
fn told(call: &Call) -> String {
    let result = match &call.state {
        CallState::Entered => "...".to_owned(),
        CallState::Returned { shown, .. } => format!("= {shown}"),
    };
    format!("{} {}({}) {result}", call.actor, call.verb, call.args)
}

fn clip(text: &str) -> String {
    if text.chars().count() <= COLUMN {
        return text.to_owned();
    }
    text.chars().take(COLUMN - 3).chain("...".chars()).collect()
}

fn json_line(number: usize, pair: &Pair, out: &mut dyn Write) -> io::Result<()> {
    let side = |side: &Side| json!({ "statements": side.statements, "calls": side.calls, "wrong": side.wrong });
    let line = json!({
        "number": number,
        "here": side(&pair.source),
        "there": side(&pair.other),
        "no_counterpart": pair.nothing,
        "lost": pair.lost,
        "differs": pair.differs.iter().map(|(here, there)| json!({ "here": here, "there": there })).collect::<Vec<_>>(),
    });
    writeln!(out, "{}", json::line("swapped", &line))
}

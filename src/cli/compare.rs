//! `ipclab compare`: the comparison of all facilities, and the experiments behind it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::claims::{found, word};
use super::{BAD_INPUT, CANCELLED, FAILED, NO_STAGE, map};
use crate::atlas::{self, Cell, Leaf};
use crate::claim::{self, Verdict};
use crate::lesson::proofs::Proofs;
use crate::plain::json;
use crate::stage::Options;

/// What to compare, and how to tell of it.
pub(super) struct Compare<'a> {
    /// Ids of the map; all rows if there are none.
    pub(super) ids: &'a [String],
    /// Whether to run the experiments.
    pub(super) prove: bool,
    /// Lines of JSON instead of text.
    pub(super) json: bool,
    /// How to open stages.
    pub(super) stage: &'a Options,
    /// Set when the user wants to stop.
    pub(super) cancelled: &'a AtomicBool,
}

/// How many facilities stand side by side in the table.
const BESIDE: usize = 5;

impl Compare<'_> {
    /// Tells the table, or what its experiments show.
    pub(super) fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
        let mut rows: Vec<&'static Leaf> = Vec::new();
        for id in self.ids {
            let Some(leaf) = map::find(id, err)? else { return Ok(BAD_INPUT.into()) };
            if !atlas::table_rows().iter().any(|row| row.id == leaf.id) {
                writeln!(err, "error: {} stands around the facilities and is not compared", leaf.title)?;
                return Ok(BAD_INPUT.into());
            }
            rows.push(leaf);
        }
        if rows.is_empty() {
            rows = atlas::table_rows().to_vec();
        }
        if self.prove {
            return self.prove(&rows, out, err);
        }
        let proofs = Proofs::load();
        if self.json {
            for cell in cells(&rows) {
                let mut line = as_value(&cell);
                line["proved_on"] = json!(proofs.kernel(&cell.key()));
                writeln!(out, "{}", json::line("cell", &line))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        for rows in rows.chunks(BESIDE) {
            table(rows, &proofs, out)?;
        }
        writeln!(out, "* shown on this machine; `ipclab compare --prove` shows all").map(|()| ExitCode::SUCCESS)
    }

    fn prove(&self, rows: &[&'static Leaf], out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
        let mut proofs = Proofs::load();
        if let Some(notice) = proofs.notice() {
            writeln!(err, "{notice}")?;
        }
        let (mut holds, mut differs, mut not_here) = (0, 0, 0);
        for cell in cells(rows) {
            let experiment = match cell.experiment() {
                None => continue,
                Some(Ok(experiment)) => experiment,
                Some(Err(wrong)) => {
                    writeln!(err, "error: {wrong}")?;
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
                Verdict::Holds => {
                    holds += 1;
                    if let Err(why) = proofs.add(&cell.key()) {
                        writeln!(err, "{why}")?;
                    }
                }
                Verdict::Differs { .. } => differs += 1,
                Verdict::NotHere(_) => not_here += 1,
                Verdict::Cancelled => return Ok(CANCELLED.into()),
            }
            if self.json {
                let mut line = as_value(&cell);
                found(&mut line, &finding);
                writeln!(out, "{}", json::line("cell", &line))?;
            } else {
                let (key, answer) = (cell.key(), cell.answer());
                writeln!(out, "{key:<32}{answer:<14}{:<22}{}", word(&finding.verdict), cell.shows().join("; "))?;
                match &finding.verdict {
                    Verdict::Differs { part, statement, expected, seen } => {
                        let at = statement.as_deref().unwrap_or(part);
                        writeln!(out, "      at {at}: expected {expected}, seen {seen}")?;
                    }
                    Verdict::NotHere(why) => writeln!(out, "      {why}")?,
                    Verdict::Holds | Verdict::Cancelled => {}
                }
            }
            out.flush()?;
            if self.cancelled.load(Ordering::Relaxed) {
                return Ok(CANCELLED.into());
            }
        }
        if !self.json {
            writeln!(out, "\n{holds} shown, {differs} differ here, {not_here} cannot be shown here")?;
        }
        Ok(if differs > 0 { FAILED.into() } else { ExitCode::SUCCESS })
    }
}

fn cells(rows: &[&'static Leaf]) -> impl Iterator<Item = Cell> {
    rows.iter().flat_map(|row| atlas::columns().iter().filter_map(|column| atlas::cell(row, column)))
}

fn table(rows: &[&'static Leaf], proofs: &Proofs, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{:<22}", "")?;
    for row in rows {
        write!(out, "{:<18}", row.id)?;
    }
    writeln!(out)?;
    for column in atlas::columns() {
        write!(out, "{:<22}", column.title)?;
        for cell in rows.iter().filter_map(|row| atlas::cell(row, column)) {
            let mark = if proofs.kernel(&cell.key()).is_some() { "*" } else { "" };
            write!(out, "{:<18}", format!("{}{mark}", cell.answer()))?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

fn as_value(cell: &Cell) -> serde_json::Value {
    json!({
        "row": cell.row.id,
        "column": cell.column.id,
        "answer": cell.answer(),
        "why_not": cell.why_not(),
        "shows": cell.shows(),
    })
}

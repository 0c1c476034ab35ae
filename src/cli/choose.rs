//! `ipclab choose`: what to take for what is needed, and why.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use super::BAD_INPUT;
use crate::atlas::choose::{self, Candidate, Need, Reason};
use crate::plain::json;
use crate::script::nearest;

/// Tells what fits, with its reasons, and why the others fell out.
pub(super) fn choose(ids: &[String], as_json: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let mut needs: Vec<&'static Need> = Vec::new();
    for id in ids.iter().map(|id| id.trim()).filter(|id| !id.is_empty()) {
        let Some(need) = choose::need(id) else {
            let near = nearest(id, choose::needs().iter().map(|need| need.id.as_str()));
            let help = near
                .map_or_else(|| "; `ipclab choose` lists them".to_owned(), |near| format!("; did you mean {near}?"));
            writeln!(err, "error: there is no need {id}{help}")?;
            return Ok(BAD_INPUT.into());
        };
        if !needs.iter().any(|known| known.id == need.id) {
            needs.push(need);
        }
    }
    if needs.is_empty() && !as_json {
        for need in choose::needs() {
            writeln!(out, "{:<14}{}", need.id, need.asks)?;
        }
        writeln!(out, "\n`ipclab choose --need messages,strangers` tells what fits.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let all = choose::choose(&needs);
    if as_json {
        for candidate in &all {
            writeln!(out, "{}", json::line("candidate", &as_value(candidate)))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (fit, out_of_it): (Vec<&Candidate>, Vec<&Candidate>) = all.iter().partition(|candidate| candidate.fits());
    if fit.is_empty() {
        writeln!(out, "Nothing does all of that.")?;
    }
    for candidate in fit {
        writeln!(out, "{} ({})", candidate.leaf.title, candidate.leaf.id)?;
        for reason in &candidate.reasons {
            tell(reason, out)?;
        }
    }
    writeln!(out, "\nThe others fall out:")?;
    for candidate in out_of_it {
        let first = candidate.reasons.iter().find(|reason| !reason.met);
        let (need, words) = first.map_or(("", ""), |reason| (reason.need.id.as_str(), reason.words.as_str()));
        let more = match candidate.lacks() {
            0 | 1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        writeln!(out, "  {:<26}{need}: {words}{more}", candidate.leaf.title)?;
    }
    writeln!(out, "\n`ipclab compare ID --prove` and `ipclab claims ID` show the reasons.").map(|()| ExitCode::SUCCESS)
}

fn tell(reason: &Reason, out: &mut dyn Write) -> io::Result<()> {
    let by = reason.key.as_ref().map(|key| format!(" [{key}]")).unwrap_or_default();
    writeln!(out, "  {:<14}{}{by}", reason.need.id, reason.words)
}

fn as_value(candidate: &Candidate) -> serde_json::Value {
    json!({
        "id": candidate.leaf.id,
        "title": candidate.leaf.title,
        "fits": candidate.fits(),
        "reasons": candidate.reasons.iter().map(|reason| json!({
            "need": reason.need.id, "met": reason.met, "words": reason.words, "shown_by": reason.key,
        })).collect::<Vec<_>>(),
    })
}

//! `ipclab doctor`: what works on this machine, what does not, why, and what to do about it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::kernel::probe::{Outcome, Probe, all};
use crate::stage::{Options, Stage, probe};

/// The exit status when no stage can be opened in any mode.
const NO_STAGE: u8 = 3;

/// How a stage fares here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Stages {
    /// Whether one can be opened at all.
    opens: bool,
    /// The mode that one opens in unless another is asked for.
    mode: Option<&'static str>,
}

/// Looks at everything that ipclab uses, and writes one line for each; with `json`, one object for each.
///
/// # Errors
/// Those of writing.
pub fn doctor(launcher: &Path, out: &mut dyn Write, json: bool) -> io::Result<ExitCode> {
    let (isolated, shared) = stages(launcher);
    let stages = Stages {
        opens: isolated.outcome == Outcome::Works || shared.outcome == Outcome::Works,
        mode: match (&isolated.outcome, &shared.outcome) {
            (Outcome::Works, _) => Some("isolated"),
            (_, Outcome::Works) => Some("shared"),
            _ => None,
        },
    };
    let mut probes = vec![isolated, shared];
    probes.extend(all());
    if json {
        for probe in &probes {
            serde_json::to_writer(&mut *out, &serde_json::json!({ "version": 1, "probe": probe }))?;
            writeln!(out)?;
        }
        serde_json::to_writer(&mut *out, &serde_json::json!({ "version": 1, "stages": stages }))?;
        writeln!(out)?;
    } else {
        for probe in &probes {
            write!(out, "{}", line(probe))?;
        }
        writeln!(out, "\n{}", summary(&stages, &probes))?;
    }
    Ok(if stages.opens { ExitCode::SUCCESS } else { ExitCode::from(NO_STAGE) })
}

/// Opens a stage of each kind for a moment.
fn stages(launcher: &Path) -> (Probe, Probe) {
    const ISOLATED: &str = "isolated stage";
    const SHARED: &str = "shared stage";
    let said = |name, outcome, why, remedy| Probe { name, outcome, why, remedy };
    let shared = match Stage::open(&Options { launcher: launcher.to_owned(), shared: true }) {
        Ok(_) => said(SHARED, Outcome::Works, None, None),
        Err(error) => said(SHARED, Outcome::Missing, Some(error.to_string()), None),
    };
    let lesser = if shared.outcome == Outcome::Works {
        Outcome::Degraded { to: "stages open in shared mode".to_owned() }
    } else {
        Outcome::Missing
    };
    let isolated = match probe::isolation(launcher) {
        Ok(Ok(())) => said(ISOLATED, Outcome::Works, None, None),
        Ok(Err(refused)) => {
            let why = format!("{}; to {} fails with {}", refused.why, refused.step, refused.errno);
            said(ISOLATED, lesser, Some(why), Some(refused.help))
        }
        Err(error) => said(ISOLATED, lesser, Some(error.to_string()), None),
    };
    (isolated, shared)
}

/// One probe for a person: glyph, name and figure in one line, and what else there is to say indented below.
fn line(probe: &Probe) -> String {
    let name = probe.name;
    let why = probe.why.as_deref();
    let (word, first) = match &probe.outcome {
        Outcome::Works => ("works   ", why.map(|why| format!(": {why}"))),
        Outcome::Degraded { to } => ("degraded", Some(format!(": {to}"))),
        Outcome::Missing => ("missing ", None),
    };
    let mut line = format!("{word}  {name}{}\n", first.unwrap_or_default());
    let mut below = |label: &str, text: &str| line.extend(["          ", label, ": ", text, "\n"]);
    if probe.outcome != Outcome::Works {
        if let Some(why) = why {
            below("why", why);
        }
        if let Some(remedy) = &probe.remedy {
            below("do", remedy);
        }
    }
    line
}

fn summary(stages: &Stages, probes: &[Probe]) -> String {
    let wanting = probes.iter().filter(|probe| probe.outcome == Outcome::Missing).count();
    let stage = match stages.mode {
        Some("isolated") => "Stages open isolated.",
        Some(_) => "Stages open in shared mode; the same lessons run.",
        None => return "No stage can be opened.".to_owned(),
    };
    match wanting {
        0 => stage.to_owned(),
        1 => format!("{stage} One feature is missing."),
        n => format!("{stage} {n} features are missing."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(outcome: Outcome, why: Option<&str>, remedy: Option<&str>) -> Probe {
        Probe { name: "thing", outcome, why: why.map(str::to_owned), remedy: remedy.map(str::to_owned) }
    }

    #[test]
    fn says_each_thing_once() {
        let degraded = Outcome::Degraded { to: "less".to_owned() };
        for (given, said) in [
            (probe(Outcome::Works, None, None), "works     thing\n"),
            (probe(Outcome::Works, Some("version 7"), None), "works     thing: version 7\n"),
            (
                probe(degraded, Some("old"), Some("renew it")),
                "degraded  thing: less\n          why: old\n          do: renew it\n",
            ),
            (probe(Outcome::Missing, Some("gone"), None), "missing   thing\n          why: gone\n"),
        ] {
            assert_eq!(line(&given), said);
        }
    }

    #[test]
    fn sums_up() {
        let missing = [probe(Outcome::Missing, None, None), probe(Outcome::Works, None, None)];
        let shared = Stages { opens: true, mode: Some("shared") };
        let said = "Stages open in shared mode; the same lessons run. One feature is missing.";
        assert_eq!(summary(&shared, &missing), said);
        assert_eq!(summary(&Stages { opens: false, mode: None }, &missing), "No stage can be opened.");
    }
}

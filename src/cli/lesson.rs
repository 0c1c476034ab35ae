//! `ipclab lesson`: what authors need.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::line::{Global, LessonCommand};
use super::linear::{Script, script_or_tell};
use super::{BAD_INPUT, CANCELLED, FAILED, NO_STAGE, interrupt, linear};
use crate::claim;
use crate::facility::registry;
use crate::lesson::capture::{self, Played};
use crate::lesson::runner::{self, Verdict};
use crate::lesson::{Prediction, as_id, is_id, write_new};
use crate::plain::diagnose::{diagnose, failure};
use crate::plain::json as lines;
use crate::script::{Diagnostic, Statement};
use crate::stage::{Lost, OpenError, Options, Outcome, Stage, Timeline};

/// A lesson that can be checked at once.
const SKELETON: &str = include_str!("../../assets/skeleton.md");

/// `ipclab lesson`, all but `check`.
pub(super) fn run(
    options: &Global,
    command: &LessonCommand,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    match command {
        LessonCommand::New { name, dir } => new(name, dir, out, err),
        LessonCommand::Record { file, id } => record(options, file, id.as_deref(), out, err),
        LessonCommand::Coverage => coverage(options, out, err),
        LessonCommand::Check(_) => Ok(ExitCode::SUCCESS),
    }
}

fn bad(why: &str, err: &mut dyn Write) -> io::Result<ExitCode> {
    writeln!(err, "error: {why}")?;
    Ok(BAD_INPUT.into())
}

fn checked_id(word: &str) -> Result<(), String> {
    if is_id(word) {
        return Ok(());
    }
    let near = as_id(word);
    let help = if near.is_empty() { String::new() } else { format!("; {near} would do") };
    Err(format!("{word} can't be an id, expected small letters, digits and hyphens, a letter first{help}"))
}

fn new(name: &str, dir: &Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let name = name.strip_suffix(".md").unwrap_or(name);
    if let Err(why) = checked_id(name) {
        return bad(&why, err);
    }
    let file = dir.join(format!("{name}.md"));
    let written = std::fs::create_dir_all(dir)
        .map_err(|error| format!("{} can't be made: {error}", dir.display()))
        .and_then(|()| write_new(&file, &SKELETON.replacen("NAME", name, 1)));
    if let Err(why) = written {
        return bad(&why, err);
    }
    writeln!(out, "{} is ready: write what is marked TODO, with", file.display())?;
    writeln!(out, "`ipclab lesson check --watch {}` beside it", file.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Why there is no record.
enum Stop {
    Open(OpenError),
    Lost(Lost),
    Cancelled,
    /// A statement was refused: where and why.
    Refused(Diagnostic),
}

fn record(
    options: &Global,
    file: &Path,
    id: Option<&str>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let Some(Script { name, source, statements }) = script_or_tell(options, file, out, err)? else {
        return Ok(BAD_INPUT.into());
    };
    let id = match id {
        Some(id) => id.to_owned(),
        None if file == Path::new("-") => "recorded".to_owned(),
        None => as_id(&file.file_stem().unwrap_or_default().to_string_lossy()),
    };
    if let Err(why) = checked_id(&id) {
        return bad(&why, err);
    }
    let (cancelled, _bytes) = interrupt::catch()?;
    let stage = options.stage();
    let timeline = match play(&statements, &stage, &cancelled) {
        Ok(timeline) => timeline,
        Err(Stop::Open(error)) => {
            writeln!(err, "error: {error}")?;
            return Ok(NO_STAGE.into());
        }
        Err(Stop::Lost(error)) => {
            writeln!(err, "error: {error}")?;
            return Ok(NO_STAGE.into());
        }
        Err(Stop::Cancelled) => return Ok(CANCELLED.into()),
        Err(Stop::Refused(why)) => {
            write!(err, "{}", diagnose(&name, &source, &[why]))?;
            return Ok(FAILED.into());
        }
    };
    let played = capture::with_comments(capture::played(&timeline), &source, &statements);
    let text = match sound(&id, played, &stage, &cancelled, err)? {
        Ok(text) => text,
        Err(code) => return Ok(code),
    };
    write!(out, "{text}")?;
    writeln!(err, "{}; `ipclab lesson check --watch FILE` names them", capture::remains(&text))?;
    Ok(ExitCode::SUCCESS)
}

fn play(statements: &[Statement], options: &Options, cancelled: &AtomicBool) -> Result<Timeline, Stop> {
    let mut stage = Stage::open(options).map_err(Stop::Open)?;
    let mut timeline = Timeline::default();
    for statement in statements {
        if cancelled.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        let report = stage.run(statement).map_err(Stop::Lost)?;
        if let Outcome::Refused { why, help } = report.outcome {
            return Err(Stop::Refused(Diagnostic { help, ..Diagnostic::error(statement.span, why) }));
        }
        timeline.note(statement, &report);
    }
    stage.close();
    Ok(timeline)
}

/// The lesson, run once more: what comes out otherwise the second time was chance, and is left out.
fn sound(
    id: &str,
    mut played: Vec<Played>,
    options: &Options,
    cancelled: &AtomicBool,
    err: &mut dyn Write,
) -> io::Result<Result<String, ExitCode>> {
    loop {
        let Some(text) = capture::lesson(id, &played) else {
            let why = "nothing of this can be predicted: no statement changed something that could be claimed";
            return bad(why, err).map(Err);
        };
        let (lesson, wrong) = crate::lesson::parse(&text, registry());
        let Some(lesson) = lesson else {
            // Statements that can be given can be written; this would be a defect of ours, and is told as it is.
            write!(err, "{}", diagnose("lesson", &text, &wrong))?;
            return Ok(Err(FAILED.into()));
        };
        let failures = match runner::run(&lesson, options, cancelled, &mut |_| {}) {
            Ok(checked) => match checked.verdict {
                Verdict::Passed | Verdict::Skipped(_) => return Ok(Ok(text)),
                Verdict::Cancelled => return Ok(Err(CANCELLED.into())),
                Verdict::Failed(failures) => failures,
            },
            Err(error) => {
                writeln!(err, "error: {error}")?;
                return Ok(Err(NO_STAGE.into()));
            }
        };
        let mut left_out = false;
        for failed in &failures {
            let line = lesson.text(failed.span);
            let predicted = |p: &&Prediction| p.span.start <= failed.span.start && failed.span.start < p.span.end;
            let claim = match lesson.predictions().find(predicted) {
                Some(prediction) => lesson.text(prediction.choices[prediction.right()].predicate.span),
                None => line.strip_prefix("expect ").unwrap_or(line),
            };
            for played in &mut played {
                if let Played::Statement { claims, .. } = played
                    && claims.iter().any(|c| c == claim)
                {
                    claims.retain(|c| c != claim);
                    left_out = true;
                    writeln!(err, "left out, for it came out otherwise the second time: {claim}")?;
                }
            }
        }
        if !left_out {
            for failed in &failures {
                let notes: Vec<String> = failed.seen.iter().map(|seen| format!("seen: {seen}")).collect();
                write!(err, "{}", failure("lesson", &text, failed.span, &failed.what, &notes))?;
            }
            return Ok(Err(FAILED.into()));
        }
    }
}

fn coverage(options: &Global, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let Some(pack) = linear::pack_or_tell(options, None, err)? else { return Ok(BAD_INPUT.into()) };
    let mut proved: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for lesson in &pack.lessons {
        for id in &lesson.front.claims {
            proved.entry(id).or_default().push(lesson.id());
            if claim::title(id).is_none() {
                unknown.push((lesson.id(), id.as_str()));
            }
        }
    }
    let order = claim::order();
    // To prove every claim is the business of the program's own lessons; another pack proves what it says it does.
    let course = pack.folder.is_none();
    let without = |id: &&str| !proved.contains_key(id);
    let unproved: Vec<&str> = order.iter().copied().filter(without).collect();
    let counts = |id: &&str| course || proved.contains_key(id);
    let untried: Vec<&str> = order.iter().copied().filter(counts).filter(|id| claim::source(id).is_none()).collect();
    let missing: &[&str] = if course { &unproved } else { &[] };
    if options.json {
        let line = json!({
            "claims": order.iter().map(|id| json!({
                "claim": id, "lessons": proved.get(id).cloned().unwrap_or_default(),
                "experiment": claim::source(id).is_some(),
            })).collect::<Vec<_>>(),
            "lessons": pack.lessons.iter().map(|l| json!({ "lesson": l.id(), "claims": l.front.claims })).collect::<Vec<_>>(),
            "pack": pack.folder, "without_lesson": missing, "without_experiment": untried,
            "unknown": unknown.iter().map(|(lesson, id)| json!({ "lesson": lesson, "claim": id })).collect::<Vec<_>>(),
        });
        writeln!(out, "{}", lines::line("coverage", &line))?;
    } else {
        for lesson in &pack.lessons {
            writeln!(out, "{:<22} {}", lesson.id(), lesson.front.claims.join(" "))?;
        }
        let covered = order.len() - unproved.len();
        if course {
            writeln!(out, "\n{covered} of {} claims have a lesson", order.len())?;
        } else {
            writeln!(
                out,
                "\n{covered} of {} claims have a lesson here; only those of this pack count, the others are left to the course",
                order.len()
            )?;
        }
        for (ids, what) in [(missing, "no lesson proves"), (&untried, "there is no experiment for")] {
            for id in ids {
                writeln!(out, "{what} {id}: {}", claim::title(id).unwrap_or_default())?;
            }
        }
        for (lesson, id) in &unknown {
            let near = crate::script::nearest(id, order.iter().copied());
            let help = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            writeln!(out, "{}: there is no claim {id}{help}", pack.file(lesson))?;
        }
    }
    let gap = !missing.is_empty() || !untried.is_empty() || !unknown.is_empty();
    Ok(if !pack.bad.is_empty() {
        BAD_INPUT.into()
    } else if gap {
        FAILED.into()
    } else {
        ExitCode::SUCCESS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_becomes_the_nearest_id() {
        for (word, id) in
            [("pipe-eof", "pipe-eof"), ("Pipe EOF", "pipe-eof"), ("2 pipes!", "pipes"), ("--", ""), ("a_b.c", "a-b-c")]
        {
            assert_eq!(as_id(word), id);
            assert!(id.is_empty() || is_id(id));
        }
        assert!(checked_id("Pipe EOF").unwrap_err().ends_with("pipe-eof would do"));
    }

    #[test]
    fn the_skeleton_is_a_lesson_that_lacks_only_words() {
        let (lesson, wrong) = crate::lesson::parse(SKELETON.replacen("NAME", "own", 1).as_str(), registry());
        assert_eq!(wrong, []);
        let lesson = lesson.unwrap();
        let found = crate::lesson::lint::lint(&lesson, registry());
        assert!(found.len() > 10 && found.iter().all(|d| d.message.starts_with("still to be written")), "{found:#?}");
        assert_eq!(lesson.front.claims, ["X4"]);
    }
}

//! `ipclab check`: lints lessons and runs them headless.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::junit::{self, Case};
use super::progress::plural;
use super::{BAD_INPUT, CANCELLED, FAILED, NO_STAGE};
use crate::facility::registry;
use crate::lesson::places::lopsided;
use crate::lesson::runner::{Checked, Doing, Failure, Verdict};
use crate::lesson::{BadLesson, Lesson, Pack, PackError, as_id, lint, runner, shuffle};
use crate::plain::diagnose::{diagnose, failure, place};
use crate::script::{Diagnostic, Severity, Span};
use crate::stage::Options;

/// What to check, and how to tell it.
pub(super) struct Check<'a> {
    /// Folders, lesson files, or ids of lessons in the binary; all lessons of the binary if nothing is given.
    pub(super) paths: &'a [&'a Path],
    /// Lines of JSON instead of text.
    pub(super) json: bool,
    /// By which number to start actors in another order.
    pub(super) shuffle: Option<u64>,
    /// Where to write JUnit XML.
    pub(super) junit: Option<&'a Path>,
    /// How to open stages.
    pub(super) stage: &'a Options,
    /// Set when the user wants to stop.
    pub(super) cancelled: &'a AtomicBool,
}

impl Check<'_> {
    /// Checks. What is found goes to `out`, what prevents the checking to `err`.
    pub(super) fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
        let packs: Result<Vec<Pack>, Unfound> = match self.paths {
            [] => Pack::embedded(registry()).map(|pack| vec![pack]).map_err(Unfound::from),
            paths => paths.iter().map(|path| Self::pack(path)).collect(),
        };
        let packs = match packs {
            Ok(packs) => packs,
            Err(Unfound::Pack(PackError::Wrong(bad))) => {
                write!(err, "{}", diagnose(&bad.file, &bad.source, &bad.diagnostics))?;
                return Ok(BAD_INPUT.into());
            }
            Err(Unfound::Pack(error)) => {
                writeln!(err, "error: {error}")?;
                return Ok(BAD_INPUT.into());
            }
            Err(Unfound::Name(message)) => {
                writeln!(err, "error: {message}")?;
                return Ok(BAD_INPUT.into());
            }
        };
        let mut tally = Tally::default();
        for pack in &packs {
            for bad in &pack.bad {
                self.bad(bad, out, &mut tally)?;
            }
            self.notes(pack, out)?;
        }
        for (pack, lesson) in packs.iter().flat_map(|pack| pack.lessons.iter().map(move |lesson| (pack, lesson))) {
            if self.cancelled.load(Ordering::Relaxed) {
                tally.cancelled = true;
                break;
            }
            if let Err(error) = self.lesson(pack, lesson, out, &mut tally)? {
                writeln!(err, "error: {error}")?;
                return Ok(NO_STAGE.into());
            }
        }
        self.summary(&packs, &tally, out)?;
        if let Some(file) = self.junit
            && let Err(error) = std::fs::write(file, junit::document(&tally.cases))
        {
            writeln!(err, "error: {}: {error}", file.display())?;
            return Ok(BAD_INPUT.into());
        }
        Ok(if tally.cancelled {
            CANCELLED.into()
        } else if tally.bad > 0 {
            BAD_INPUT.into()
        } else if tally.failed > 0 {
            FAILED.into()
        } else {
            ExitCode::SUCCESS
        })
    }

    fn pack(path: &Path) -> Result<Pack, Unfound> {
        if path.is_dir() {
            return Ok(Pack::open(path, registry())?);
        }
        if path.exists() {
            return Ok(Pack::single(path, registry())?);
        }
        let mut pack = Pack::embedded(registry())?;
        let word = path.to_string_lossy();
        if pack.lesson(&word).is_none() {
            let help = pack.nearest(&word).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return Err(Unfound::Name(format!("{word} is neither a file, nor a folder, nor the id of a lesson{help}")));
        }
        pack.lessons.retain(|l| l.id() == word);
        pack.bad.clear();
        Ok(pack)
    }

    fn bad(&self, bad: &BadLesson, out: &mut dyn Write, tally: &mut Tally) -> io::Result<()> {
        tally.bad += 1;
        let text = diagnose(&bad.file, &bad.source, &bad.diagnostics);
        let first = bad.diagnostics.first().map(|d| d.message.clone()).unwrap_or_default();
        tally.case(String::new(), bad.file.clone(), Duration::ZERO, junit::Result::Error(first, text.clone()));
        if self.json {
            let diagnostics: Vec<_> = bad.diagnostics.iter().map(|d| diagnostic(&bad.source, d)).collect();
            return writeln!(
                out,
                "{}",
                json!({ "version": 1, "event": "bad", "file": bad.file, "diagnostics": diagnostics })
            );
        }
        write!(out, "{text}")
    }

    /// What is said of a pack as a whole. Nothing of it makes the pack bad.
    fn notes(&self, pack: &Pack, out: &mut dyn Write) -> io::Result<()> {
        let lopsided = lopsided(&pack.lessons).map(|found| {
            let (message, help) = found.words();
            let diagnostic = Diagnostic::error(Span::new(0, 0), message).help(help);
            let file = match (&pack.lessons[..], &pack.folder) {
                ([one], _) => pack.file(one.id()),
                (_, Some(folder)) => folder.display().to_string(),
                (_, None) => "lessons".to_owned(),
            };
            let diagnostics = vec![Diagnostic { severity: Severity::Warning, ..diagnostic }];
            BadLesson { file, source: String::new(), diagnostics }
        });
        for BadLesson { file, source, diagnostics } in pack.notes.iter().chain(&lopsided) {
            if self.json {
                let diagnostics: Vec<_> = diagnostics.iter().map(|d| diagnostic(source, d)).collect();
                let line = json!({ "version": 1, "event": "noted", "file": file, "diagnostics": diagnostics });
                writeln!(out, "{line}")?;
            } else {
                write!(out, "{}", diagnose(file, source, diagnostics))?;
            }
        }
        Ok(())
    }

    fn lesson(
        &self,
        pack: &Pack,
        lesson: &Lesson,
        out: &mut dyn Write,
        tally: &mut Tally,
    ) -> io::Result<Result<(), crate::stage::OpenError>> {
        let file = pack.file(lesson.id());
        let mut found: Vec<Diagnostic> = misnamed(pack, &file, lesson).into_iter().collect();
        found.extend(lint::lint(lesson, registry()));
        let unwritten = found.iter().filter(|d| d.message.starts_with(lint::UNWRITTEN)).count();
        if unwritten > 0 {
            tally.unfinished.push((lesson.id().to_owned(), unwritten));
        }
        if !found.is_empty() {
            if self.json {
                let diagnostics: Vec<_> = found.iter().map(|d| diagnostic(&lesson.source, d)).collect();
                writeln!(
                    out,
                    "{}",
                    json!({ "version": 1, "event": "linted", "lesson": lesson.id(), "diagnostics": diagnostics })
                )?;
            } else {
                write!(out, "{}", diagnose(&file, &lesson.source, &found))?;
            }
        }
        let wrong: Vec<&Diagnostic> = found.iter().filter(|d| d.severity == Severity::Error).collect();
        if let Some(first) = wrong.first() {
            tally.bad += 1;
            let text = diagnose(&file, &lesson.source, &found);
            let result = junit::Result::Error(first.message.clone(), text);
            tally.case(lesson.front.unit.clone(), lesson.id().to_owned(), Duration::ZERO, result);
            return Ok(Ok(()));
        }
        let progress = !self.json && io::stdout().is_terminal();
        if !self.json {
            write!(out, "{} ", lesson.id())?;
            out.flush()?;
        }
        let mut told = Ok(());
        let mut run = lesson.clone();
        if let Some(seed) = self.shuffle {
            shuffle::shuffle(&mut run, seed);
        }
        let checked = runner::run(&run, self.stage, self.cancelled, &mut |doing| {
            if progress && matches!(doing, Doing::Step(_)) && told.is_ok() {
                told = write!(out, ".").and_then(|()| out.flush());
            }
        });
        told?;
        if progress {
            // The dots were there for whoever waited.
            write!(out, "\r\x1b[K{} ", lesson.id())?;
        }
        match checked {
            Ok(checked) => self.checked(&file, lesson, &checked, out, tally).map(Ok),
            Err(error) => {
                if !self.json {
                    writeln!(out)?;
                }
                Ok(Err(error))
            }
        }
    }

    fn checked(
        &self,
        file: &str,
        lesson: &Lesson,
        checked: &Checked,
        out: &mut dyn Write,
        tally: &mut Tally,
    ) -> io::Result<()> {
        let seconds = checked.took.as_secs_f64();
        let (word, result, text) = match &checked.verdict {
            Verdict::Passed => {
                tally.passed += 1;
                let left = checked.left_out.iter().fold(String::new(), |all, left| all + "  " + &left.words() + "\n");
                let count = plural(checked.statements, "statement");
                let text = format!("ok: {count} in {seconds:.1} s\n{left}");
                ("passed", junit::Result::Passed, text)
            }
            Verdict::Skipped(why) => {
                tally.skipped += 1;
                ("skipped", junit::Result::Skipped(why.clone()), format!("skipped: {why}\n"))
            }
            Verdict::Failed(failures) => {
                tally.failed += 1;
                let text: String = failures.iter().map(|f| told(file, lesson, f)).collect();
                let first = failures.first().map(|f| f.what.clone()).unwrap_or_default();
                ("failed", junit::Result::Failed(first, text.clone()), format!("FAILED\n{text}"))
            }
            Verdict::Cancelled => {
                tally.cancelled = true;
                ("cancelled", junit::Result::Skipped("cancelled".to_owned()), "cancelled\n".to_owned())
            }
        };
        tally.case(lesson.front.unit.clone(), lesson.id().to_owned(), checked.took, result);
        if !self.json {
            return write!(out, "{text}");
        }
        let failures: Vec<_> = if let Verdict::Failed(failures) = &checked.verdict {
            failures
                .iter()
                .map(|f| {
                    let (line, column) = place(&lesson.source, f.span.start);
                    json!({ "line": line, "column": column, "what": f.what, "expected": f.expected, "seen": f.seen })
                })
                .collect()
        } else {
            Vec::new()
        };
        let why = if let Verdict::Skipped(why) = &checked.verdict { Some(why) } else { None };
        let ms = checked.took.as_millis() as u64;
        let line = json!({
            "version": 1, "event": "checked", "lesson": checked.id, "verdict": word, "why": why, "failures": failures,
            "left_out": checked.left_out, "statements": checked.statements, "ms": ms,
        });
        writeln!(out, "{line}")
    }

    fn summary(&self, packs: &[Pack], tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        let Tally { passed, failed, skipped, bad, .. } = tally;
        if self.json {
            let uncovered = lint::uncovered(packs.iter().flat_map(|pack| &pack.lessons));
            let line = json!({
                "version": 1, "event": "summary", "passed": passed, "failed": failed, "skipped": skipped, "bad": bad,
                "cancelled": tally.cancelled, "uncovered": uncovered,
            });
            return writeln!(out, "{line}");
        }
        for (lesson, count) in &tally.unfinished {
            writeln!(out, "unfinished: {lesson}, with {count} TODO")?;
        }
        let mut parts = vec![format!("{passed} passed")];
        for (count, word) in [(failed, "failed"), (skipped, "skipped"), (bad, "can't be used")] {
            if *count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        writeln!(out, "{}", parts.join(", "))
    }
}

enum Unfound {
    Pack(PackError),
    Name(String),
}

impl From<PackError> for Unfound {
    fn from(error: PackError) -> Self {
        Self::Pack(error)
    }
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    bad: usize,
    cancelled: bool,
    /// Lessons with something still to be written, and how much.
    unfinished: Vec<(String, usize)>,
    cases: Vec<Case>,
}

impl Tally {
    fn case(&mut self, unit: String, name: String, took: Duration, result: junit::Result) {
        self.cases.push(Case { unit, name, took, result });
    }
}

/// Whether a lesson of a folder is called otherwise than its file.
fn misnamed(pack: &Pack, file: &str, lesson: &Lesson) -> Option<Diagnostic> {
    let name = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if pack.folder.is_none() || name == lesson.id() {
        return None;
    }
    let at = lesson.source.find("\nid").map_or(0, |n| n + 1);
    let line = lesson.source[at..].find('\n').map_or(at, |n| at + n);
    let help = format!("`id = \"{}\"`, or call the file {}.md", as_id(&name), lesson.id());
    let message = format!("the id is `{}`, and the file is called {name}.md", lesson.id());
    Some(Diagnostic::error(Span::new(at, line), message).help(help))
}

fn told(file: &str, lesson: &Lesson, failed: &Failure) -> String {
    let mut notes = Vec::new();
    notes.extend(failed.expected.as_ref().map(|e| format!("expected: {e}")));
    notes.extend(failed.seen.as_ref().map(|s| format!("seen: {s}")));
    failure(file, &lesson.source, failed.span, &failed.what, &notes)
}

fn diagnostic(source: &str, d: &Diagnostic) -> serde_json::Value {
    let (line, column) = place(source, d.span.start);
    let severity = if d.severity == Severity::Error { "error" } else { "warning" };
    json!({ "line": line, "column": column, "severity": severity, "message": d.message, "help": d.help })
}

//! Scripts and play, line by line.

use super::commands::PLAY;
use super::desk::{Desk, Stop, Typed, refused};
use super::diagnose::{Places, diagnose};
use super::save::Script;
use super::{json, save, tell, waits};
use crate::facility::registry;
use crate::script::{self, Diagnostic, Severity, Statement};

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ended {
    /// Expectations that were not met, and waits that took too long.
    pub failed: usize,
    /// Statements that were refused.
    pub refused: usize,
}

/// A script's statements, or all that is wrong with it.
pub fn read(source: &str) -> Result<Vec<Statement>, Vec<Diagnostic>> {
    let (statements, diagnostics) = script::parse(source, registry());
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(diagnostics);
    }
    Ok(statements)
}

/// Runs a script on the desk's stage. `source` is where its statements stand, `name` what its reader knows it by.
pub fn run(desk: &mut Desk<'_>, name: &str, source: &str, statements: &[Statement]) -> Result<Ended, Stop> {
    let mut ended = Ended::default();
    let mut places = Places::new(name, source);
    for statement in statements {
        let at = places.at(statement.span.start);
        if !desk.json() {
            let text = source.get(statement.span.start..statement.span.end).unwrap_or_default().trim();
            desk.say(&format!("{text}\n"))?;
        }
        let report = desk.run_at(statement, Some(&at), false)?;
        if desk.interrupted() {
            return Err(Stop::Cancelled);
        }
        if refused(&report) {
            ended.refused += 1;
        } else if !report.ok() {
            ended.failed += 1;
        }
    }
    Ok(ended)
}

const HELP: &str = "\
A line is a statement: `spawn alice`, `alice: pipe p`, `alice: write p \"hi\"`.
/help WORD tells what a call or word does, /words lists them.
/show tells all that is on stage, /waits who waits for whom and what is wrong.
/undo steps back. /reset empties the stage.
/save FILE writes down what was run, as a lesson if the name ends in .md; without a
name it goes to the script that the play began with. /quit leaves.
";

/// Lets somebody play until they have enough. The desk's stage is open, and has run `script`, if that began it.
pub fn play(desk: &mut Desk<'_>, prompt: bool, mut script: Option<Script>) -> Result<(), Stop> {
    let mut text = String::new();
    loop {
        let shown = match (prompt, text.is_empty()) {
            (false, _) => "",
            (true, true) => "> ",
            (true, false) => "… ",
        };
        let line = match desk.ask(shown) {
            Ok(Typed::Line(line)) => line,
            Ok(Typed::End) => return Ok(()),
            Err(Stop::Lost(why)) => {
                recover(desk, &why)?;
                continue;
            }
            Err(stop) => return Err(stop),
        };
        desk.echo(prompt, &line)?;
        let read = if text.is_empty() { PLAY.read(&line) } else { None };
        match read {
            None => {}
            Some(Ok(("/quit", _))) => return Ok(()),
            Some(Ok((word, rest))) => {
                command(desk, word, rest, &mut script)?;
                continue;
            }
            Some(Err(why)) => {
                wrong(desk, &format!("{why}\n"))?;
                continue;
            }
        }
        text.push_str(&line);
        text.push('\n');
        if script::incomplete(&text) {
            continue;
        }
        let source = std::mem::take(&mut text);
        match one(desk, &source) {
            Err(Stop::Lost(why)) => recover(desk, &why)?,
            other => other?,
        }
    }
}

/// Runs what was typed, or tells what is wrong with it.
pub(super) fn one(desk: &mut Desk<'_>, source: &str) -> Result<(), Stop> {
    let (statements, mut diagnostics) = script::parse(source, registry());
    if !diagnostics.is_empty() {
        PLAY.amend(source, &mut diagnostics);
        mistaken(desk, source, &diagnostics)?;
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Ok(());
        }
    }
    for statement in &statements {
        desk.run(statement, false)?;
        if desk.calm() {
            return wrong(desk, "cancelled\n");
        }
    }
    Ok(())
}

/// Tells that something is wrong.
pub(super) fn wrong(desk: &mut Desk<'_>, text: &str) -> Result<(), Stop> {
    if desk.json() { desk.line(&json::wrong(text, "", &[])) } else { desk.say(text) }
}

/// Tells what is wrong with what was typed.
pub(super) fn mistaken(desk: &mut Desk<'_>, source: &str, diagnostics: &[Diagnostic]) -> Result<(), Stop> {
    let text = diagnose("line", source, diagnostics);
    if desk.json() { desk.line(&json::wrong(&text, source, diagnostics)) } else { desk.say(&text) }
}

/// Opens the stage again after it was lost, as it was.
fn recover(desk: &mut Desk<'_>, why: &str) -> Result<(), Stop> {
    wrong(desk, &format!("the stage is lost: {why}; it is opened again, and all is run again\n"))?;
    let statements: Vec<Statement> = desk.timeline().statements().collect();
    again(desk, &statements)
}

fn again(desk: &mut Desk<'_>, statements: &[Statement]) -> Result<(), Stop> {
    let before = desk.timeline().clone();
    desk.open()?;
    for (index, statement) in statements.iter().enumerate() {
        let report = desk.run(statement, true)?;
        if let Some(differs) = before.differs(index, &report.snapshot) {
            wrong(desk, &format!("after `{}` something differs: {differs}\n", report.statement))?;
        }
    }
    Ok(())
}

/// Carries out a command of this face.
fn command(desk: &mut Desk<'_>, word: &str, rest: &str, script: &mut Option<Script>) -> Result<(), Stop> {
    match word {
        "/help" if rest.is_empty() => tell_text(desk, HELP),
        "/help" => tell_text(desk, &tell::help(rest)),
        "/words" => tell_text(desk, &words()),
        "/show" => {
            let text = tell::stage(desk.seen());
            tell_text(desk, &text)
        }
        "/waits" => {
            let text = waits::all(desk.looks());
            tell_text(desk, &text)
        }
        "/undo" => {
            let mut statements: Vec<Statement> = desk.timeline().statements().collect();
            let Some(last) = statements.pop() else { return tell_text(desk, "nothing was run yet\n") };
            again(desk, &statements)?;
            let text = format!("undone: {last}\n{}", tell::stage(desk.seen()));
            tell_text(desk, &text)
        }
        "/reset" => {
            desk.open()?;
            tell_text(desk, "the stage is empty\n")
        }
        // The only one that is left.
        _ => match save::save(rest, desk.timeline(), script) {
            Ok(said) => tell_text(desk, &format!("{said}\n")),
            Err(why) => wrong(desk, &format!("not saved: {why}\n")),
        },
    }
}

/// Tells something that was asked for; in JSON it is a line like all others.
pub(super) fn tell_text(desk: &mut Desk<'_>, text: &str) -> Result<(), Stop> {
    if desk.json() { desk.line(&json::line("told", &serde_json::json!({ "text": text }))) } else { desk.say(text) }
}

fn words() -> String {
    let mut out = String::new();
    let stage: Vec<&str> = script::STAGE_WORDS.iter().map(|w| w.word).collect();
    out.push_str(&super::words::fold(&format!("the stage: {}", stage.join(" ")), "", "  "));
    for chapter in &registry().chapters {
        let calls: Vec<&str> = chapter.calls.iter().map(|c| c.name).collect();
        out.push_str(&super::words::fold(&format!("{}: {}", chapter.title, calls.join(" ")), "", "  "));
    }
    out
}

//! `ipclab progress` and `ipclab review`.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use super::line::{Global, ProgressCommand};
use super::{BAD_INPUT, FAILED, linear};
use crate::lesson::account::{self, Account, Due};
use crate::lesson::progress::Progress;
use crate::lesson::proofs::Proofs;
use crate::lesson::transfer::{self, Transfer, Wrong};
use crate::lesson::{Pack, runner, write_new};
use crate::plain::desk::Stop;
use crate::plain::learn::{self, Left};
use crate::plain::{json, progress as told};
use crate::script::nearest;

/// `ipclab progress`.
pub(super) fn run(
    options: &Global,
    command: Option<&ProgressCommand>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let Some((pack, mut progress)) = ready(options, err)? else { return Ok(BAD_INPUT.into()) };
    match command {
        None | Some(ProgressCommand::Show { lesson: None }) => {
            let account = Account::new(&pack, &progress);
            let go_on = account::go_on(&pack, &progress);
            if options.json {
                writeln!(out, "{}", told::line(&account, go_on.as_ref()))?;
            } else {
                write!(out, "{}", told::text(&account, go_on.as_ref()))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(ProgressCommand::Show { lesson: Some(id) }) => {
            let mut account = Account::new(&pack, &progress);
            let Some(lesson) = account.lessons.iter().find(|l| l.id == *id) else { return unknown(&pack, id, err) };
            if options.json {
                account.lessons.retain(|l| l.id == *id);
                writeln!(out, "{}", told::line(&account, None))?;
            } else {
                write!(out, "{}", told::lesson(lesson, &account))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(ProgressCommand::Reset { ids, yes, .. }) => reset(&pack, &mut progress, ids, *yes, out, err),
        Some(ProgressCommand::Undo) => match progress.take_back() {
            Ok(Some(ids)) if ids.is_empty() => writeln!(out, "all of it was there already").map(|()| ExitCode::SUCCESS),
            Ok(Some(ids)) => writeln!(out, "brought back: {}", ids.join(", ")).map(|()| ExitCode::SUCCESS),
            Ok(None) => writeln!(out, "there is nothing to bring back").map(|()| ExitCode::SUCCESS),
            Err(why) => failed(&why, err),
        },
        Some(ProgressCommand::Export { file }) => {
            let proofs = Proofs::load();
            if let Some(notice) = proofs.notice() {
                writeln!(err, "{notice}")?;
            }
            let text = transfer::export(&pack, &progress, &proofs);
            if file.as_os_str() == "-" {
                write!(out, "{text}")?;
                return Ok(ExitCode::SUCCESS);
            }
            if let Err(why) = write_new(file, &text) {
                writeln!(err, "error: {why}")?;
                return Ok(BAD_INPUT.into());
            }
            let what = transfer::summary(&progress, &proofs);
            writeln!(out, "{}: {what}", file.display()).map(|()| ExitCode::SUCCESS)
        }
        Some(ProgressCommand::Import { file, yes }) => import(&mut progress, file, *yes, out, err),
    }
}

/// A file that was exported, with its name and text; `None` if it can't be used, which was told.
pub(super) fn transferred(file: &Path, err: &mut dyn Write) -> io::Result<Option<(String, String, Transfer)>> {
    let (name, text) = match linear::source(file) {
        Ok(read) => read,
        Err(why) => {
            writeln!(err, "error: {why}")?;
            return Ok(None);
        }
    };
    match transfer::read(&text) {
        Ok(transfer) => Ok(Some((name, text, transfer))),
        Err(Wrong { line, message, help }) => {
            let help = help.map(|help| format!("; {help}")).unwrap_or_default();
            writeln!(err, "error: {name}:{line}: {message}{help}")?;
            Ok(None)
        }
    }
}

fn import(
    progress: &mut Progress,
    file: &Path,
    yes: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let Some((_, _, transfer)) = transferred(file, err)? else { return Ok(BAD_INPUT.into()) };
    if !progress.is_kept() {
        return failed("progress is off, so nothing can be imported", err);
    }
    let mut proofs = Proofs::load();
    let changes = transfer::changes(progress, &proofs, &transfer);
    if changes.is_empty() {
        writeln!(out, "all of it is known already")?;
        return Ok(ExitCode::SUCCESS);
    }
    for change in &changes {
        writeln!(out, "{change}")?;
    }
    if !yes && !agreed("Lay this beside your own?", out, err)? {
        return Ok(BAD_INPUT.into());
    }
    match transfer::lay(progress, &mut proofs, &transfer) {
        Ok(()) => writeln!(out, "imported: {}", plural(changes.len(), "change")).map(|()| ExitCode::SUCCESS),
        Err(why) => failed(&why, err),
    }
}

/// The pack and the progress that are meant, with their complaints told; `None` if there is no pack.
pub(super) fn ready(options: &Global, err: &mut dyn Write) -> io::Result<Option<(Pack, Progress)>> {
    let Some(pack) = linear::pack_or_tell(options, None, err)? else { return Ok(None) };
    let progress = Progress::load();
    if let Some(notice) = progress.notice() {
        writeln!(err, "{notice}")?;
    }
    Ok(Some((pack, progress)))
}

pub(super) fn plural(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

fn unknown(pack: &Pack, id: &str, err: &mut dyn Write) -> io::Result<ExitCode> {
    let help = pack.nearest(id).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    writeln!(err, "error: there is no lesson {id}{help}")?;
    Ok(BAD_INPUT.into())
}

fn failed(why: &str, err: &mut dyn Write) -> io::Result<ExitCode> {
    writeln!(err, "error: {why}")?;
    Ok(FAILED.into())
}

fn reset(
    pack: &Pack,
    progress: &mut Progress,
    lessons: &[String],
    yes: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    for id in lessons {
        // Also what is of another pack may be forgotten.
        if progress.lesson(id).is_none() {
            if pack.lesson(id).is_some() {
                writeln!(err, "error: nothing is known of {id}")?;
                return Ok(BAD_INPUT.into());
            }
            let near = nearest(id, progress.lessons().keys().map(String::as_str));
            return match near {
                Some(near) => {
                    writeln!(err, "error: there is no lesson {id}; did you mean {near}?")?;
                    Ok(BAD_INPUT.into())
                }
                None => unknown(pack, id, err),
            };
        }
    }
    if !progress.is_kept() {
        return failed("nothing is kept, so there is nothing to forget", err);
    }
    if progress.lessons().is_empty() {
        writeln!(out, "nothing has been done yet")?;
        return Ok(ExitCode::SUCCESS);
    }
    let what = match lessons {
        [] => format!("all that was done in {} lessons", progress.lessons().len()),
        [one] => format!("all that was done in {one}"),
        many => format!("all that was done in {}", many.join(", ")),
    };
    if !yes && !agreed(&format!("Forget {what}?"), out, err)? {
        return Ok(BAD_INPUT.into());
    }
    let ids: Vec<&str> = lessons.iter().map(String::as_str).collect();
    match progress.forget(&ids) {
        Ok(gone) => {
            writeln!(out, "forgotten: {}", gone.lessons.into_keys().collect::<Vec<_>>().join(", "))?;
            if let Some(backup) = gone.backup {
                writeln!(out, "`ipclab progress undo` brings it back; it is kept as {}", backup.display())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => failed(&why, err),
    }
}

/// Asks whether to do something. Where nobody can be asked it is not done, and that is said.
pub(super) fn agreed(question: &str, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        writeln!(err, "error: {question} Nobody is there to be asked; `--yes` says so")?;
        return Ok(false);
    }
    write!(out, "{question} y for yes: ")?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let yes = matches!(line.trim(), "y" | "Y" | "yes");
    if !yes {
        writeln!(out, "nothing was changed")?;
    }
    Ok(yes)
}

/// `ipclab review`, in lines.
pub(super) fn review(options: &Global, all: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let Some((pack, mut progress)) = ready(options, err)? else { return Ok(BAD_INPUT.into()) };
    let account = Account::new(&pack, &progress);
    let due = if all { account.waiting() } else { account.due() };
    if due.is_empty() {
        let text = match account.waiting().first() {
            Some(first) => format!("Nothing is due; the next question {}.", told::when(first, &account)),
            None => "Nothing is to be asked again: all predictions came out as foreseen, or none was made.".to_owned(),
        };
        if options.json {
            writeln!(out, "{}", json::line("reviewed", &serde_json::json!({ "asked": 0, "right": 0, "due": 0 })))?;
        } else {
            writeln!(out, "{text}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let all_due = due.len();
    linear::at_desk(options, out, err, |desk| {
        let prompt = io::stdin().is_terminal() && !desk.json();
        let (mut asked, mut right) = (0, 0);
        for (number, due) in due.iter().enumerate() {
            let Some(question) = due.question(&pack, number + 1, all_due) else { continue };
            if !question.lesson.front.requires.is_empty() {
                desk.open()?;
                if let Some(why) = desk.stage().and_then(|stage| runner::lacks(&question.lesson, stage)) {
                    if !desk.json() {
                        desk.say(&format!("\n{}: left out: {why}\n", question.lesson.front.title))?;
                    }
                    continue;
                }
            }
            let before = answers(&progress, due);
            let left = learn::review(desk, &question, &mut progress, prompt)?;
            if answers(&progress, due) > before {
                asked += 1;
                right += usize::from(was_right(&progress, due));
            }
            if left == Left::Early {
                break;
            }
        }
        tell_end(desk, asked, right, due.len())?;
        desk.close();
        Ok(ExitCode::SUCCESS)
    })
}

fn answers(progress: &Progress, due: &Due) -> usize {
    progress.lesson(&due.lesson).and_then(|l| l.predictions.get(&due.prediction)).map_or(0, Vec::len)
}

fn was_right(progress: &Progress, due: &Due) -> bool {
    let last = progress.lesson(&due.lesson).and_then(|l| l.predictions.get(&due.prediction)?.last());
    last.is_some_and(|a| a.outcome == crate::lesson::record::Outcome::Right)
}

fn tell_end(desk: &mut crate::plain::desk::Desk<'_>, asked: usize, right: usize, due: usize) -> Result<(), Stop> {
    if desk.json() {
        let line = json::line("reviewed", &serde_json::json!({ "asked": asked, "right": right, "due": due - asked }));
        return desk.line(&line);
    }
    let left = match due - asked {
        0 => String::new(),
        n => format!(" {n} more are due."),
    };
    desk.say(&format!("\n{right} of {asked} came out as you said.{left}\n"))
}

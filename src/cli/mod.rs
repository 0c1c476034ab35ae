//! The command line: it chooses a face.

mod bench;
mod check;
mod choose;
mod claims;
mod compare;
pub mod doctor;
mod interrupt;
mod junit;
mod lesson;
mod line;
mod linear;
mod man;
mod map;
mod output;
mod progress;
mod replay;
mod swap;
mod watch;

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::stage::Options;
use crate::tui;
use line::{Command, LessonCommand, Line};

/// An expectation or lesson failed, or a statement of a script was refused.
const FAILED: u8 = 1;
/// What was given is wrong.
const BAD_INPUT: u8 = 2;
/// No stage could be opened.
const NO_STAGE: u8 = 3;
/// The user stopped it.
const CANCELLED: u8 = 130;

/// Does what the command line says and gives the exit status: 0 fine, 1 an expectation or lesson failed or a statement was
/// refused, 2 bad input, 3 no stage could be opened, 130 cancelled.
pub fn main(args: &[OsString]) -> ExitCode {
    let line = match Line::try_parse_from(std::iter::once(OsString::from("ipclab")).chain(args.iter().cloned())) {
        Ok(line) => line,
        Err(error) => {
            // Help and version go to stdout and are fine; nobody is there to hear of another failed print.
            let printed = error.print().and_then(|()| io::stdout().flush());
            if printed.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
                return output::die_of_sigpipe();
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(BAD_INPUT));
        }
    };
    let (mut out, mut err) = (output::Output::new(), io::stderr());
    match dispatch(&line, &mut out, &mut err).and_then(|code| out.flush().map(|()| code)) {
        // Whoever read our output has enough of it: a verdict that they did not hear is no success.
        _ if out.abandoned => output::die_of_sigpipe(),
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn dispatch(line: &Line, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    match &line.command {
        Some(Command::Check(args) | Command::Lesson { command: LessonCommand::Check(args) }) => {
            let (cancelled, bytes) = interrupt::catch()?;
            // What escapes a stage comes to us, and is found.
            let _ = nix::sys::prctl::set_child_subreaper(true);
            let stage = line.options.stage();
            let mut paths: Vec<&Path> = args.paths.iter().map(PathBuf::as_path).collect();
            if paths.is_empty() {
                paths.extend(line.options.lessons.as_deref());
            }
            let check = check::Check {
                paths: &paths,
                json: line.options.json,
                junit: args.junit.as_deref(),
                shuffle: args.shuffle,
                stage: &stage,
                cancelled: &cancelled,
            };
            if args.watch { watch::run(&check, &bytes, out, err) } else { check.run(out, err) }
        }
        Some(Command::Lesson { command }) => lesson::run(&line.options, command, out, err),
        Some(Command::Progress { command }) => progress::run(&line.options, command.as_ref(), out, err),
        Some(Command::Replay { file }) => replay::run(&line.options, file, out, err),
        Some(Command::Review { all }) if line.options.linear() => progress::review(&line.options, *all, out, err),
        Some(Command::Review { all }) => terminal(line, tui::Start::Review { all: *all }, None, err),
        Some(Command::Claims { ids, verbose }) => {
            let (cancelled, _bytes) = interrupt::catch()?;
            let stage = line.options.stage();
            let claims = claims::Claims {
                ids,
                verbose: *verbose,
                json: line.options.json,
                stage: &stage,
                cancelled: &cancelled,
            };
            claims.run(out, err)
        }
        Some(Command::Map { facility }) => map::map(facility.as_deref(), line.options.json, out, err),
        Some(Command::Compare { facilities, prove }) => {
            let (cancelled, _bytes) = interrupt::catch()?;
            let stage = line.options.stage();
            let compare = compare::Compare {
                ids: facilities,
                prove: *prove,
                json: line.options.json,
                stage: &stage,
                cancelled: &cancelled,
            };
            compare.run(out, err)
        }
        Some(Command::Bench { facilities, sizes, same_core, across, quick, history }) => {
            let stage = line.options.stage();
            let bench = bench::Bench {
                facilities,
                sizes: sizes.as_deref(),
                same_core: *same_core,
                across: *across,
                quick: *quick,
                json: line.options.json,
                ascii: line.options.ascii,
                stage: &stage,
            };
            if *history {
                return bench.history(out, err);
            }
            let (_cancelled, asked) = interrupt::catch()?;
            bench.run(&asked, out, err)
        }
        Some(Command::Swap { file, to }) => {
            let (cancelled, _bytes) = interrupt::catch()?;
            swap::swap(&line.options, file, to, &cancelled, out, err)
        }
        Some(Command::Choose { need }) => choose::choose(need, line.options.json, out, err),
        Some(Command::Doctor) => doctor::doctor(&line.options.stage().launcher, out, line.options.json),
        Some(Command::Completions { shell }) => {
            // Into memory first: the generator takes a reader that has gone away for a defect.
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Line::command(), "ipclab", &mut text);
            out.write_all(&text).map(|()| ExitCode::SUCCESS)
        }
        Some(Command::Man { words }) => man::man(words, out, err),
        Some(Command::Reference) => {
            write!(out, "{}", crate::script::reference(crate::facility::registry()))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Run { file }) => linear::run(&line.options, file, out, err),
        Some(Command::Play { file }) if line.options.linear() => linear::play(&line.options, file.as_deref(), out, err),
        Some(Command::Learn { lesson }) if !line.options.linear() => learn(line, lesson.as_deref(), err),
        Some(Command::Pictures { directory, check }) => {
            pictures(&line.options.stage().launcher, directory, *check, err)
        }
        Some(Command::Learn { lesson }) => linear::learn(&line.options, lesson.as_deref(), out, err),
        None if line.options.linear() => linear::play(&line.options, None, out, err),
        Some(Command::Play { file }) => terminal(line, tui::Start::Play(file.clone()), None, err),
        None => terminal(line, tui::Start::FirstMinute, None, err),
    }
}

/// The terminal program, with the lessons that the options and the word for a lesson mean.
fn terminal(line: &Line, start: tui::Start, lesson: Option<&str>, err: &mut dyn Write) -> io::Result<ExitCode> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let which = if io::stdin().is_terminal() { "standard output" } else { "standard input" };
        writeln!(
            err,
            "error: {which} is not a terminal; `ipclab --plain` needs none, `ipclab run FILE` runs a script"
        )?;
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let Options { launcher, shared } = line.options.stage();
    // The program's own can wait; of others the learner may have to be told what is wrong with them.
    let others = line.options.lessons.is_some() || lesson.is_some_and(|word| Path::new(word).is_file());
    let pack = if others { linear::pack_or_tell(&line.options, lesson, err)? } else { None };
    if others && pack.is_none() {
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let options = tui::Options { launcher, shared, start, palette: None, ascii: line.options.ascii, pack };
    Ok(tui::run(options).map_or_else(|error| tui::tell(&error), tui::Ending::leave))
}

/// A lesson, or the list of them, in the terminal program.
fn learn(line: &Line, lesson: Option<&str>, err: &mut dyn Write) -> io::Result<ExitCode> {
    let id = match lesson {
        None => None,
        Some(word) => match linear::lesson_or_tell(&line.options, word, err)? {
            Some(id) => Some(id),
            None => return Ok(ExitCode::from(BAD_INPUT)),
        },
    };
    terminal(line, tui::Start::Learn(id), lesson, err)
}

/// Draws the screens for the documentation, or checks those that are there.
fn pictures(launcher: &Path, directory: &Path, check: bool, err: &mut dyn Write) -> io::Result<ExitCode> {
    match tui::pictures(launcher, directory, check) {
        Ok(differ) if check && !differ.is_empty() => {
            for path in differ {
                writeln!(
                    err,
                    "{} is not what the program shows; `ipclab pictures DIRECTORY` draws it",
                    path.display()
                )?;
            }
            Ok(ExitCode::from(FAILED))
        }
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            writeln!(err, "error: {error:#}")?;
            Ok(ExitCode::from(FAILED))
        }
    }
}

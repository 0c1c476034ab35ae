//! The command line: it chooses a face.

mod check;
pub mod doctor;
mod interrupt;
mod junit;
mod line;
mod linear;

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::stage::Options;
use crate::tui;
use line::{Command, Line};

/// An expectation or lesson failed.
const FAILED: u8 = 1;
/// What was given is wrong.
const BAD_INPUT: u8 = 2;
/// No stage could be opened.
const NO_STAGE: u8 = 3;
/// The user stopped it.
const CANCELLED: u8 = 130;

/// Does what the command line says and gives the exit status: 0 fine, 1 an expectation or lesson failed, 2 bad input,
/// 3 no stage could be opened, 130 cancelled.
pub fn main(args: &[OsString]) -> ExitCode {
    let line = match Line::try_parse_from(std::iter::once(OsString::from("ipclab")).chain(args.iter().cloned())) {
        Ok(line) => line,
        Err(error) => {
            // Help and version go to stdout and are fine; nobody is there to hear of a failed print.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(BAD_INPUT));
        }
    };
    let (mut out, mut err) = (io::stdout(), io::stderr());
    match dispatch(&line, &mut out, &mut err).and_then(|code| out.flush().map(|()| code)) {
        Ok(code) => code,
        // Whoever read our output has enough of it.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn dispatch(line: &Line, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    match &line.command {
        Some(Command::Check { path, junit }) => {
            let (cancelled, _bytes) = interrupt::catch()?;
            // What escapes a stage comes to us, and is found.
            let _ = nix::sys::prctl::set_child_subreaper(true);
            let stage = line.options.stage();
            let check = check::Check {
                path: path.as_deref(),
                json: line.options.json,
                junit: junit.as_deref(),
                stage: &stage,
                cancelled: &cancelled,
            };
            check.run(out, err)
        }
        Some(Command::Doctor) => doctor::doctor(&line.options.stage().launcher, out, line.options.json),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Line::command(), "ipclab", out);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Man) => clap_mangen::Man::new(Line::command()).render(out).map(|()| ExitCode::SUCCESS),
        Some(Command::Reference) => {
            write!(out, "{}", crate::script::reference(crate::facility::registry()))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Run { file }) => linear::run(&line.options, file, out, err),
        Some(Command::Play { file }) if line.options.linear() => linear::play(&line.options, file.as_deref(), out, err),
        Some(Command::Learn { lesson }) => linear::learn(&line.options, lesson.as_deref(), out, err),
        None if line.options.linear() => linear::play(&line.options, None, out, err),
        Some(Command::Play { file }) => terminal(line, tui::Start::Play(file.clone()), err),
        None => terminal(line, tui::Start::FirstMinute, err),
    }
}

/// The terminal program.
fn terminal(line: &Line, start: tui::Start, err: &mut dyn Write) -> io::Result<ExitCode> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let which = if io::stdin().is_terminal() { "standard output" } else { "standard input" };
        writeln!(
            err,
            "error: {which} is not a terminal; `ipclab --plain` needs none, `ipclab run FILE` runs a script"
        )?;
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let Options { launcher, shared } = line.options.stage();
    let options = tui::Options { launcher, shared, start, palette: None, ascii: line.options.ascii };
    Ok(tui::run(options).map_or_else(|error| tui::tell(&error), tui::Ending::leave))
}

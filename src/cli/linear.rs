//! The linear faces: `run`, and `play` and `learn` with `--plain` or `--json`.

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use super::line::Global;
use super::{BAD_INPUT, CANCELLED, FAILED, NO_STAGE, interrupt};
use crate::facility::registry;
use crate::lesson::account;
use crate::lesson::progress::Progress;
use crate::lesson::{BadLesson, Lesson, Pack, PackError};
use crate::plain::desk::{Desk, Setup, Stop};
use crate::plain::diagnose::{Places, diagnose};
use crate::plain::script::Ended;
use crate::plain::{json, learn as face, progress as told, save, script, words};
use crate::script::Statement;

/// The largest script in bytes.
const SCRIPT_MAX: u64 = 16 << 20;

/// `ipclab run FILE`.
pub(super) fn run(options: &Global, file: &Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let Some(Script { name, source, statements }) = script_or_tell(options, file, out, err)? else {
        return Ok(BAD_INPUT.into());
    };
    at_desk(options, out, err, |desk| {
        desk.open()?;
        let ended = script::run(desk, &name, &source, &statements)?;
        desk.close();
        Ok(if ended == Ended::default() { ExitCode::SUCCESS } else { FAILED.into() })
    })
}

/// `ipclab play [FILE]`, in lines.
pub(super) fn play(
    options: &Global,
    file: Option<&Path>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let read = match file.map(|file| script_or_tell(options, file, out, err)).transpose()? {
        Some(None) => return Ok(BAD_INPUT.into()),
        Some(read) => read,
        None => None,
    };
    at_desk(options, out, err, |desk| {
        let prompt = io::stdin().is_terminal();
        desk.open()?;
        let mut opened = None;
        if let Some(Script { name, source, statements }) = &read {
            script::run(desk, name, source, statements)?;
            let ran = desk.timeline().statements().collect();
            let script = |file: &Path| save::Script { file: file.to_owned(), source: source.clone(), ran };
            opened = file.filter(|file| *file != Path::new("-")).map(script);
        }
        if prompt && !desk.json() {
            desk.say("Type a statement, such as `spawn alice`; /help tells more, /quit leaves.\n")?;
        }
        script::play(desk, prompt, opened)?;
        desk.close();
        Ok(ExitCode::SUCCESS)
    })
}

/// `ipclab learn [LESSON]`, in lines.
pub(super) fn learn(
    options: &Global,
    lesson: Option<&str>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let Some(pack) = pack_or_tell(options, lesson, err)? else { return Ok(BAD_INPUT.into()) };
    let mut progress = Progress::load();
    if let Some(notice) = progress.notice() {
        writeln!(err, "{notice}")?;
    }
    let Some(word) = lesson else {
        write!(out, "{}", face::list(&pack, &progress))?;
        if let Some(go_on) = account::go_on(&pack, &progress) {
            write!(out, "\n{}", words::fold(&format!("{}.", told::place(&go_on)), "", ""))?;
            writeln!(out, "`ipclab learn --plain {}` goes on there.", go_on.lesson)?;
        }
        writeln!(out, "\n`ipclab learn --plain LESSON` begins one.")?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(lesson) = find(&pack, word, err)? else { return Ok(BAD_INPUT.into()) };
    at_desk(options, out, err, |desk| {
        let prompt = io::stdin().is_terminal() && !desk.json();
        let from = progress.lesson(lesson.id()).filter(|l| !l.done).and_then(|l| l.step.clone());
        face::learn(desk, lesson, &mut progress, from.as_deref(), prompt)?;
        desk.close();
        Ok(ExitCode::SUCCESS)
    })
}

/// The pack that is meant; `None` if there is none, which was told. Bad lessons in it are told and hide no others.
pub(super) fn pack_or_tell(options: &Global, lesson: Option<&str>, err: &mut dyn Write) -> io::Result<Option<Pack>> {
    let pack = match pack(options, lesson) {
        Ok(pack) => pack,
        Err(PackError::Wrong(bad)) => {
            write!(err, "{}", diagnose(&bad.file, &bad.source, &bad.diagnostics))?;
            return Ok(None);
        }
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(None);
        }
    };
    for BadLesson { file, source, diagnostics } in pack.bad.iter().chain(&pack.notes) {
        write!(err, "{}", diagnose(file, source, diagnostics))?;
    }
    Ok(Some(pack))
}

/// The id of the lesson that a word means; `None` if there is none, which was told.
pub(super) fn lesson_or_tell(options: &Global, word: &str, err: &mut dyn Write) -> io::Result<Option<String>> {
    let Some(pack) = pack_or_tell(options, Some(word), err)? else { return Ok(None) };
    Ok(find(&pack, word, err)?.map(|lesson| lesson.id().to_owned()))
}

/// The lesson that a word means: its id or its file.
fn find<'a>(pack: &'a Pack, word: &str, err: &mut dyn Write) -> io::Result<Option<&'a Lesson>> {
    let found = if Path::new(word).is_file() { pack.lessons.first() } else { pack.lesson(word) };
    // That a file can't be used was told with its place.
    if found.is_none() && (pack.bad.is_empty() || !Path::new(word).is_file()) {
        let help = pack
            .nearest(word)
            .map_or_else(|| "`ipclab learn --plain` lists them".to_owned(), |near| format!("did you mean {near}?"));
        let help = if Path::new(word).is_dir() {
            format!("{word} is a folder: `ipclab learn --pack {word}` opens it as a pack")
        } else {
            help
        };
        writeln!(err, "error: there is no lesson {word}; {help}")?;
    }
    Ok(found)
}

/// The pack that is meant: that of a lesson file, of the folder in the options, or the program's own.
fn pack(options: &Global, lesson: Option<&str>) -> Result<Pack, PackError> {
    match (lesson.map(Path::new).filter(|path| path.is_file()), &options.lessons) {
        (Some(file), _) => Pack::single(file, registry()),
        (None, Some(folder)) => Pack::open(folder, registry()),
        (None, None) => Pack::embedded(registry()),
    }
}

/// A script that was read.
pub(super) struct Script {
    /// The name that its reader knows it by.
    pub(super) name: String,
    /// Its text.
    pub(super) source: String,
    /// What it says.
    pub(super) statements: Vec<Statement>,
}

/// The script in a file; `None` if it can't be used, which was told: in words to `err`, and where lines of JSON are wanted
/// also by one to `out` for each mistake.
pub(super) fn script_or_tell(
    options: &Global,
    file: &Path,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Option<Script>> {
    let (name, source) = match source(file) {
        Ok(read) => read,
        Err(unread) => {
            writeln!(err, "error: {unread}")?;
            if options.json {
                writeln!(out, "{}", json::unreadable(&unread.name, unread.line, &unread.why))?;
            }
            return Ok(None);
        }
    };
    match script::read(&source) {
        Ok(statements) => Ok(Some(Script { name, source, statements })),
        Err(mistakes) => {
            write!(err, "{}", diagnose(&name, &source, &mistakes))?;
            let mut places = Places::new(&name, &source);
            for mistake in mistakes.iter().filter(|_| options.json) {
                writeln!(out, "{}", json::mistake(&places.at(mistake.span.start), mistake))?;
            }
            Ok(None)
        }
    }
}

/// A text that can't be read.
pub(super) struct Unread {
    /// The name that its reader knows it by.
    name: String,
    /// In which line, if that is known.
    line: Option<usize>,
    /// Why.
    why: String,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.why)
    }
}

/// A text with the name that its reader knows it by.
pub(super) fn source(file: &Path) -> Result<(String, String), Unread> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let opened: io::Result<Box<dyn Read>> = if file == Path::new("-") {
        Ok(Box::new(io::stdin()))
    } else {
        std::fs::File::open(file).map(|f| Box::new(f) as Box<dyn Read>)
    };
    let mut bytes = Vec::new();
    if let Err(error) = opened.and_then(|input| input.take(SCRIPT_MAX + 1).read_to_end(&mut bytes)) {
        return Err(Unread { name, line: None, why: error.to_string() });
    }
    if bytes.len() as u64 > SCRIPT_MAX {
        let why = format!("longer than SCRIPT_MAX, {SCRIPT_MAX} bytes");
        return Err(Unread { name, line: None, why });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let right = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let line = right.matches('\n').count() + 1;
            Err(Unread { name, line: Some(line), why: format!("line {line} is not UTF-8 text") })
        }
    }
}

/// Sits down at a desk, and turns what stops the work into an exit status.
pub(super) fn at_desk(
    options: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
    work: impl FnOnce(&mut Desk<'_>) -> Result<ExitCode, Stop>,
) -> io::Result<ExitCode> {
    let (interrupted, bytes) = interrupt::catch()?;
    let setup = Setup { stage: options.stage(), json: options.json, ascii: options.ascii, interrupted };
    let mut desk = Desk::new(out, setup, bytes)?;
    match work(&mut desk) {
        Ok(code) => Ok(code),
        Err(Stop::Output(error)) => Err(error),
        Err(Stop::Cancelled) => Ok(CANCELLED.into()),
        Err(stop @ (Stop::Open(_) | Stop::Lost(_))) => {
            writeln!(err, "error: {stop}")?;
            Ok(NO_STAGE.into())
        }
    }
}

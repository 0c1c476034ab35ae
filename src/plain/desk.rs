//! Where a linear face sits: one stage at a time, the lines that somebody types, and Ctrl-C, in one queue.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::diagnose::Where;
use super::{json, tell, waits};
use crate::diagnosis::Looks;
use crate::model::{Finding, Snapshot};
use crate::script::{STATEMENT_MAX, Statement};
use crate::stage::{OpenError, Options, Outcome, Report, Stage, StageEvent, Timeline};

/// The longest line that is taken from standard input, in bytes.
const LINE_MAX: u64 = STATEMENT_MAX as u64;

/// Something that a linear face has to heed.
enum Heard {
    Stage(u64, StageEvent),
    Interrupt,
    Line(String),
    /// Standard input is at its end, or can't be read; in words.
    End(Option<String>),
}

/// Why a face can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Standard output is gone or can't be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    /// No stage could be opened.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// The stage was lost; why.
    #[error("the stage is lost: {0}")]
    Lost(String),
    /// The user has had enough.
    #[error("cancelled")]
    Cancelled,
}

/// What the user typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// There is nothing more to come.
    End,
}

/// How a linear face opens stages, and how it tells what it sees.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How to open a stage.
    pub stage: Options,
    /// Lines of JSON instead of text.
    pub json: bool,
    /// Only ASCII in lines of text.
    pub ascii: bool,
    /// Set by Ctrl-C, and by nothing else.
    pub interrupted: Arc<AtomicBool>,
}

/// The desk.
pub struct Desk<'o> {
    out: &'o mut dyn Write,
    setup: Setup,
    sender: Sender<Heard>,
    receiver: Receiver<Heard>,
    lines: VecDeque<Typed>,
    listening: bool,
    stage: Option<Stage>,
    number: u64,
    seen: Snapshot,
    looks: Looks,
    /// What was told to be wrong.
    told: Vec<Finding>,
    timeline: Timeline,
    /// Whether Ctrl-C was heard while a statement ran.
    cancelled: bool,
    /// Whether a Ctrl-C that has been heeded is still to be heard.
    owed: bool,
    /// Not read, as long as the face does not ask.
    stdin: Option<Box<dyn Read + Send>>,
}

impl<'o> Desk<'o> {
    /// A desk without a stage. `interrupts` gets a byte for each Ctrl-C.
    pub fn new(out: &'o mut dyn Write, setup: Setup, interrupts: UnixStream) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let heard = sender.clone();
        std::thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
            let mut byte = [0];
            while (&interrupts).read_exact(&mut byte).is_ok() && heard.send(Heard::Interrupt).is_ok() {}
        })?;
        Ok(Self {
            out,
            setup,
            sender,
            receiver,
            lines: VecDeque::new(),
            listening: false,
            stage: None,
            number: 0,
            seen: Snapshot::empty(),
            looks: Looks::default(),
            told: Vec::new(),
            timeline: Timeline::default(),
            cancelled: false,
            owed: false,
            stdin: Some(Box::new(io::stdin())),
        })
    }

    /// Whether it tells in JSON.
    pub const fn json(&self) -> bool {
        self.setup.json
    }

    /// What the stage said last.
    pub const fn seen(&self) -> &Snapshot {
        &self.seen
    }

    /// The stage.
    pub const fn stage(&self) -> Option<&Stage> {
        self.stage.as_ref()
    }

    /// Who waits for whom, and what is wrong, as the last looks have seen it.
    pub const fn looks(&self) -> &Looks {
        &self.looks
    }

    /// Looks who waits for whom, once more if something new was found, and tells what that is.
    fn look(&mut self, quiet: bool) -> Result<(), Stop> {
        if self.looks.take(&self.seen) {
            self.second_look()?;
        }
        let findings = self.looks.findings();
        let known =
            |old: &[Finding], new: &Finding| old.iter().any(|old| old.agrees(new) && old.certainty == new.certainty);
        let fresh: Vec<&Finding> = findings.iter().filter(|new| !known(&self.told, new)).collect();
        let changed = !fresh.is_empty() || findings.len() != self.told.len();
        if self.setup.json && changed {
            let line = json::diagnosis(self.number, &findings, self.looks.agree());
            self.line(&line)?;
        } else if !self.setup.json && !quiet && !fresh.is_empty() {
            let text: String = fresh.into_iter().map(waits::in_short).collect();
            self.say(&text)?;
        }
        self.told = findings;
        Ok(())
    }

    fn second_look(&mut self) -> Result<(), Stop> {
        let Some(stage) = &self.stage else { return Ok(()) };
        stage.refresh();
        loop {
            match self.receiver.recv() {
                Ok(Heard::Stage(number, StageEvent::Refreshed { calls, snapshot, news })) if number == self.number => {
                    self.looks.take(&snapshot);
                    // What only looks again has nothing to tell.
                    if calls.is_empty() && news.is_empty() {
                        self.seen = *snapshot;
                        return Ok(());
                    }
                    return self.heard(number, StageEvent::Refreshed { calls, snapshot, news });
                }
                Ok(Heard::Stage(number, event)) => self.heard(number, event)?,
                Ok(Heard::Interrupt) if std::mem::take(&mut self.owed) => {}
                Ok(Heard::Interrupt) => {
                    self.cancelled = true;
                    return Ok(());
                }
                Ok(Heard::Line(line)) => self.lines.push_back(Typed::Line(line)),
                Ok(Heard::End(why)) => self.ended(why)?,
                Err(_) => return Err(Stop::Lost("nobody speaks any more".to_owned())),
            }
        }
    }

    /// What was run on the stage.
    pub const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// By which path our own program is started again.
    pub fn launcher(&self) -> &std::path::Path {
        &self.setup.stage.launcher
    }

    /// Whether somebody has pressed Ctrl-C.
    pub fn interrupted(&self) -> bool {
        self.setup.interrupted.load(Ordering::Relaxed)
    }

    /// Takes a Ctrl-C that has cancelled a statement as done with; the next one counts anew. True if there was one.
    pub fn calm(&mut self) -> bool {
        let pressed = self.setup.interrupted.swap(false, Ordering::Relaxed);
        let heard = std::mem::take(&mut self.cancelled);
        self.owed = pressed && !heard;
        pressed
    }

    /// Writes text, and makes sure that it is seen.
    pub fn say(&mut self, text: &str) -> Result<(), Stop> {
        if self.setup.ascii && !text.is_ascii() {
            self.out.write_all(super::words::ascii(text).as_bytes())?;
        } else {
            self.out.write_all(text.as_bytes())?;
        }
        self.out.flush()?;
        Ok(())
    }

    /// Writes a line of JSON.
    pub fn line(&mut self, line: &str) -> Result<(), Stop> {
        writeln!(self.out, "{line}")?;
        self.out.flush()?;
        Ok(())
    }

    /// Opens an empty stage in place of the one before.
    pub fn open(&mut self) -> Result<(), Stop> {
        self.close();
        self.number += 1;
        let number = self.number;
        let sender = self.sender.clone();
        // The desk may be gone when the last event comes.
        let stage = Stage::open_with(&self.setup.stage, move |event| drop(sender.send(Heard::Stage(number, event))))?;
        if self.setup.json {
            let line = json::opened(number, stage.info());
            self.line(&line)?;
        } else if let Some(why) = stage.info().why_shared.clone().filter(|_| number == 1) {
            self.say(&super::words::fold(&format!("This stage is shared: {why}."), "", ""))?;
        }
        self.stage = Some(stage);
        self.seen = Snapshot::empty();
        self.looks = Looks::default();
        self.told.clear();
        self.timeline = Timeline::default();
        Ok(())
    }

    /// What the open stage is; `None` if there is none.
    pub fn info(&self) -> Option<&crate::stage::StageInfo> {
        self.stage.as_ref().map(Stage::info)
    }

    /// Why the open stage can't hold a lesson, if it can't.
    pub fn lacks(&self, lesson: &crate::lesson::Lesson) -> Option<String> {
        self.stage.as_ref().and_then(|stage| crate::lesson::runner::lacks(lesson, stage))
    }

    /// Ends the stage, if there is one.
    pub fn close(&mut self) {
        if let Some(stage) = self.stage.take() {
            stage.close();
        }
    }

    /// Runs a statement and waits for its end. `quiet`: nothing is told but what goes wrong.
    pub fn run(&mut self, statement: &Statement, quiet: bool) -> Result<Report, Stop> {
        self.run_at(statement, None, quiet)
    }

    /// The same, of a statement that stands in a script: what goes wrong is told with its place.
    pub fn run_at(&mut self, statement: &Statement, at: Option<&Where>, quiet: bool) -> Result<Report, Stop> {
        if let Some(why) = crate::facility::undefined(statement, &self.seen).filter(|_| !quiet) {
            if self.setup.json {
                let line = json::undefined(self.number, &statement.to_string(), &why);
                self.line(&line)?;
            } else {
                self.say(&super::words::fold(&why, "  ", "  "))?;
            }
        }
        let Some(stage) = &self.stage else { return Err(Stop::Lost("there is none".to_owned())) };
        let id = stage.submit(statement);
        loop {
            match self.receiver.recv() {
                Ok(Heard::Stage(number, StageEvent::Ended(report))) if number == self.number && report.id == id => {
                    self.timeline.note(statement, &report);
                    if self.setup.json {
                        let line = json::ended(number, &report, at);
                        self.line(&line)?;
                    } else if !quiet {
                        let mut text = tell::report(&report, &self.seen);
                        if let Some(at) = at.filter(|_| !report.ok()) {
                            text.push_str(&format!("  --> {at}\n"));
                        }
                        self.say(&text)?;
                    } else if !report.ok() {
                        let text = format!("  {}\n{}", report.statement, tell::outcome(&report.outcome));
                        self.say(&text)?;
                    }
                    self.seen = report.snapshot.clone();
                    self.look(quiet)?;
                    return Ok(*report);
                }
                Ok(Heard::Stage(number, event)) => self.heard(number, event)?,
                Ok(Heard::Interrupt) if std::mem::take(&mut self.owed) => {}
                Ok(Heard::Interrupt) => {
                    self.cancelled = true;
                    if let Some(stage) = &self.stage {
                        stage.cancel();
                    }
                }
                Ok(Heard::Line(line)) => self.lines.push_back(Typed::Line(line)),
                Ok(Heard::End(why)) => self.ended(why)?,
                Err(_) => return Err(Stop::Lost("nobody speaks any more".to_owned())),
            }
        }
    }

    /// Tells what was typed, where it does not stand there anyway.
    pub fn echo(&mut self, typed_here: bool, line: &str) -> Result<(), Stop> {
        if typed_here || self.setup.json || line.trim().is_empty() {
            return Ok(());
        }
        self.say(&format!("> {line}\n"))
    }

    /// Waits for a line that somebody types, and tells meanwhile what happens on stage.
    pub fn ask(&mut self, prompt: &str) -> Result<Typed, Stop> {
        self.listen()?;
        if !self.setup.json && !prompt.is_empty() {
            self.say(prompt)?;
        }
        loop {
            if let Some(typed) = self.lines.pop_front() {
                return Ok(typed);
            }
            match self.receiver.recv() {
                Ok(Heard::Stage(number, event)) => self.heard(number, event)?,
                Ok(Heard::Interrupt) if std::mem::take(&mut self.owed) => {}
                Ok(Heard::Interrupt) => return Err(Stop::Cancelled),
                Ok(Heard::Line(line)) => return Ok(Typed::Line(line)),
                Ok(Heard::End(why)) => self.ended(why)?,
                Err(_) => return Ok(Typed::End),
            }
        }
    }

    /// What happens on stage while no statement of ours ends.
    fn heard(&mut self, number: u64, event: StageEvent) -> Result<(), Stop> {
        if number != self.number {
            return Ok(()); // of a stage that is gone
        }
        match event {
            StageEvent::Ended(report) => self.seen = report.snapshot,
            StageEvent::Refreshed { calls, snapshot, news } => {
                if self.setup.json {
                    let line = json::refreshed(number, &calls, &snapshot, &news);
                    self.line(&line)?;
                } else {
                    let mut text = tell::news(&news);
                    text.push_str(&tell::calls(&calls));
                    text.push_str(&tell::changes(&self.seen, &snapshot));
                    if !text.is_empty() {
                        self.say(&text)?;
                    }
                }
                self.seen = *snapshot;
                self.looks.take(&self.seen);
            }
            StageEvent::Meanwhile(_) => {}
            StageEvent::Lost(why) => {
                self.stage = None;
                if self.setup.json {
                    let line = json::lost(number, &why);
                    self.line(&line)?;
                }
                return Err(Stop::Lost(why));
            }
        }
        Ok(())
    }

    fn ended(&mut self, why: Option<String>) -> Result<(), Stop> {
        self.lines.push_back(Typed::End);
        match why {
            Some(why) if !self.setup.json => self.say(&format!("standard input: {why}\n")),
            _ => Ok(()),
        }
    }

    /// Begins to read lines. Nobody reads standard input before somebody is asked.
    fn listen(&mut self) -> Result<(), Stop> {
        if std::mem::replace(&mut self.listening, true) {
            return Ok(());
        }
        let Some(stdin) = self.stdin.take() else { return Ok(()) };
        let sender = self.sender.clone();
        std::thread::Builder::new().name("stdin".to_owned()).spawn(move || read_lines(stdin, &sender))?;
        Ok(())
    }
}

fn read_lines(stdin: Box<dyn Read + Send>, sender: &Sender<Heard>) {
    let mut input = io::BufReader::new(stdin);
    loop {
        let mut line = Vec::new();
        let heard = match input.by_ref().take(LINE_MAX + 1).read_until(b'\n', &mut line) {
            Ok(0) => Heard::End(None),
            Ok(_) if line.len() as u64 > LINE_MAX => {
                Heard::End(Some(format!("a line is longer than {LINE_MAX} bytes")))
            }
            Ok(_) => Heard::Line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()),
            Err(error) => Heard::End(Some(error.to_string())),
        };
        let end = matches!(heard, Heard::End(_));
        if sender.send(heard).is_err() || end {
            return;
        }
    }
}

/// Whether a report is one of a statement that was refused.
pub(super) const fn refused(report: &Report) -> bool {
    matches!(report.outcome, Outcome::Refused { .. })
}

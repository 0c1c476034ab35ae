//! The loop: events in, orders out, and a frame when something has changed.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use super::app::{App, Dirty, Effect, Ending, Opening};
use super::conductor::Conductor;
use super::config;
use super::editor::Editor;
use super::event::{Event, Events};
use super::glyphs::locale_is_utf8;
use super::keys::Keymap;
use super::lessons::{Lessons, Shelf};
use super::pace::Pace;
use super::terminal::{self, FrameWriter, Guard};
use super::theme::{Palette, Theme};
use super::{Options, Start};
use crate::lesson::Pack;
use crate::lesson::progress::Progress;
use crate::lesson::proofs::Proofs;

/// The longest that events are taken in before a frame is drawn.
const DRAIN: Duration = Duration::from_millis(10);

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs the terminal face until the user leaves or a signal ends it.
pub(super) fn run(options: Options) -> anyhow::Result<Ending> {
    let no_color = variable("NO_COLOR").is_some_and(|v| !v.is_empty()) || variable("TERM").is_some_and(|t| t == "dumb");
    let ascii = options.ascii || !locale_is_utf8(variable);
    let palette = if no_color { Palette::Mono } else { options.palette.unwrap_or(Palette::Ansi) };
    let mut theme = Theme::new(palette, ascii);
    let mut keys = Keymap::default();
    let mut complaints = Vec::new();
    if let Some(directory) = config::directory(variable) {
        complaints = config::load(&directory, &mut theme, &mut keys);
    }
    if let Some(palette) = options.palette.filter(|_| !no_color)
        && theme.palette != palette
    {
        theme = Theme::new(palette, ascii);
    }
    let progress = Progress::load();
    let begun = !progress.lessons().is_empty() || super::first::is_remembered();
    let lessons = match options.pack {
        Some(pack) => Lessons::new(pack, progress).into(),
        None => Shelf::fill(|| Some(Lessons::new(Pack::embedded(crate::facility::registry()).ok()?, progress)))?,
    };
    let opening = match options.start {
        Start::FirstMinute if begun => Opening::Menu,
        Start::FirstMinute => Opening::First,
        Start::Menu => Opening::Menu,
        Start::Learn(id) => Opening::Learn(id),
        Start::Review { all } => Opening::Review(all),
        Start::Play(None) => Opening::Play(None),
        Start::Play(Some(path)) => Opening::Play(Some(Editor::open(path).map_err(anyhow::Error::msg)?)),
    };
    let messages = complaints.iter().map(ToString::to_string).collect();

    // The library beneath has its own idea of NO_COLOR, which takes attributes away with the colours.
    ratatui::crossterm::style::force_color_output(true);
    let events = Events::new();
    let panics = std::sync::Mutex::new(events.sender());
    terminal::hook_panics(move |words| {
        if let Ok(sender) = panics.lock() {
            let _ = sender.send(Event::Panic(words));
        }
    });
    let guard = Guard::take()?;
    events.watch_signals()?;
    events.read_input()?;
    let conductor = Conductor::start(options.launcher, options.shared, events.sender())?;
    let mut face = Face::new(guard)?;
    let app = App::new(theme, keys, messages, lessons, opening, face.area()?);
    let mut app = app.with_proofs(Proofs::load());
    let ending = turn(&mut app, &mut face, &events, &conductor);
    // The terminal first: ending the stage may take a moment, and nothing shall be painted over what the shell says.
    drop(face);
    drop(conductor);
    ending
}

/// The terminal as it is drawn on.
struct Face {
    guard: Guard,
    writer: FrameWriter,
    terminal: Terminal<CrosstermBackend<FrameWriter>>,
}

impl Face {
    fn new(guard: Guard) -> anyhow::Result<Self> {
        let writer = FrameWriter::default();
        let terminal =
            Terminal::new(CrosstermBackend::new(writer.clone())).context("the terminal can't be drawn on")?;
        Ok(Self { guard, writer, terminal })
    }

    /// Forgets what is on the terminal, so that all of it is drawn anew.
    fn forget(&mut self) -> anyhow::Result<()> {
        self.terminal = Terminal::new(CrosstermBackend::new(self.writer.clone()))?;
        terminal::write_all(b"\x1b[2J\x1b[H")?;
        Ok(())
    }

    fn area(&self) -> io::Result<Rect> {
        let size = self.terminal.size()?;
        Ok(Rect::new(0, 0, size.width, size.height))
    }

    fn draw(&mut self, app: &mut App) -> anyhow::Result<()> {
        self.terminal.draw(|frame| {
            let area = frame.area();
            if let Some(cursor) = app.render(area, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        self.writer.send().context("the terminal can't be written")?;
        Ok(())
    }

    /// Does to the terminal what the program asks for.
    fn apply(&mut self, effect: Effect) -> anyhow::Result<bool> {
        match effect {
            Effect::Suspend => return self.suspend(),
            Effect::Copy(text) => terminal::write_all(format!("\x1b]52;c;{}\x07", base64(text.as_bytes())).as_bytes())?,
            Effect::Mouse(on) => self.guard.mouse(on)?,
            Effect::FirstMinuteOver => super::first::remember(),
            Effect::Redraw => {
                self.forget()?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn suspend(&mut self) -> anyhow::Result<bool> {
        if !self.guard.stop()? {
            return Ok(false);
        }
        self.forget()?;
        Ok(true)
    }
}

fn turn(app: &mut App, face: &mut Face, events: &Events, conductor: &Conductor) -> anyhow::Result<Ending> {
    let mut pace = Pace::default();
    loop {
        for order in app.out.orders.drain(..) {
            conductor.send(order);
        }
        for order in app.out.works.drain(..) {
            conductor.begin(order);
        }
        for order in app.out.measures.drain(..) {
            conductor.measure(order);
        }
        for effect in std::mem::take(&mut app.out.effects) {
            if effect == Effect::Suspend && app.stop_others {
                app.stop_others = false;
                terminal::request_stop()?;
                continue;
            }
            if face.apply(effect)? {
                app.resize(face.area()?);
            }
        }
        if let Some(ending) = app.ending.take() {
            return Ok(ending);
        }
        let due = match app.dirty {
            Dirty::No => None,
            Dirty::Now => Some(Duration::ZERO),
            Dirty::Soon => Some(pace.due(Instant::now())),
        };
        if due.is_some_and(|due| due.is_zero()) {
            face.draw(app)?;
            app.dirty = Dirty::No;
            pace.drawn(Instant::now());
            continue;
        }
        let receiver = events.receiver();
        let first = match due {
            None => receiver.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some(due) => receiver.recv_timeout(due),
        };
        match first {
            Ok(event) => handle(app, face, event)?,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("all threads that report events are gone"),
        }
        let begun = Instant::now();
        while app.ending.is_none() && app.out.effects.is_empty() && begun.elapsed() < DRAIN {
            match receiver.try_recv() {
                Ok(event) => handle(app, face, event)?,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
    }
}

fn handle(app: &mut App, face: &Face, event: Event) -> anyhow::Result<()> {
    fault(&event)?;
    if matches!(event, Event::Resize) {
        app.resize(face.area()?);
    }
    app.handle(event);
    Ok(())
}

/// In debug builds F12 breaks something, so that tests can see how the terminal is given back.
fn fault(event: &Event) -> anyhow::Result<()> {
    use ratatui::crossterm::event::{Event as Input, KeyCode};
    if !cfg!(debug_assertions) || !matches!(event, Event::Input(Input::Key(key)) if key.code == KeyCode::F(12)) {
        return Ok(());
    }
    match variable("IPCLAB_FAULT").as_deref() {
        Some("error") => anyhow::bail!("an error that a test asked for"),
        Some("panic") => panic!("a panic that a test asked for"),
        Some("worker") => {
            let worker = std::thread::Builder::new().name("worker".to_owned());
            let _ = worker.spawn(|| panic!("a panic that a test asked for"))?.join();
        }
        _ => {}
    }
    Ok(())
}

/// The text form of bytes that terminals take for their clipboard.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let sextet = (n >> (18 - 6 * i) & 63) as usize;
            out.push(if i <= chunk.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_pads_as_the_standard_says() {
        let cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let coded = cases.map(|t| base64(t.as_bytes()));
        assert_eq!(coded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}

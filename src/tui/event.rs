//! All that can happen to the terminal program, as one closed list, and the threads that report it.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use anyhow::Context as _;
use ratatui::crossterm::event as input;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::terminal;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A key, a paste or the mouse.
    Input(input::Event),
    /// The terminal can no longer be read.
    InputEnded,
    /// The terminal may have another size.
    Resize,
    /// A signal that asks to end or to stop.
    Signal(i32),
    /// The stage that carries this number has something to say.
    Stage(u64, super::link::FromStage),
    /// What is said of the experiments that carry this number.
    Work(u64, super::work::Said),
    /// What is said of the measuring that carries this number.
    Measure(u64, super::measure::room::Said),
    /// A thread that does not hold the terminal has panicked.
    Panic(String),
}

/// The channel of events with the threads that feed it.
#[derive(Debug)]
pub struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
}

impl Events {
    /// A channel that nothing feeds yet.
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver }
    }

    /// Another way in.
    pub fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }

    /// The way out.
    pub const fn receiver(&self) -> &Receiver<Event> {
        &self.receiver
    }

    /// Starts to watch for signals. A second signal of those that end the program, before the first was obeyed, ends
    /// it from the watching thread: the loop may hang in a write to a terminal that takes nothing.
    pub fn watch_signals(&self) -> anyhow::Result<()> {
        let mut signals =
            Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGWINCH]).context("signals can't be watched")?;
        let sender = self.sender();
        let mut asked = false;
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    let event = match signal {
                        SIGWINCH => Event::Resize,
                        SIGTSTP => Event::Signal(signal),
                        _ if asked => return die(signal),
                        _ => {
                            asked = true;
                            Event::Signal(signal)
                        }
                    };
                    if sender.send(event).is_err() {
                        return;
                    }
                }
            })
            .context("the thread that watches signals can't be started")?;
        Ok(())
    }

    /// Starts to read the terminal. The thread blocks in the read and looks at no clock.
    pub fn read_input(&self) -> anyhow::Result<()> {
        let sender = self.sender();
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || {
                super::input::read(|event| sender.send(Event::Input(event)).is_ok());
                let _ = sender.send(Event::InputEnded);
            })
            .context("the thread that reads the terminal can't be started")?;
        Ok(())
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives the terminal back and lets `signal` do what it does to a program that doesn't handle it.
pub fn die(signal: i32) {
    terminal::restore();
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

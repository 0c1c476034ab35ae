//! The terminal face.
//!
//! [`run`] takes the terminal, opens stages and draws what they say until the user leaves. It never waits for a stage
//! while it holds the screen. The view is a function of what stages said and of what was typed; the loop draws it when
//! something has changed, and at rest nothing happens at all.

mod app;
mod atlas;
mod came;
mod carry;
mod conductor;
pub mod config;
mod desk;
mod editor;
pub mod event;
mod first;
#[cfg(test)]
mod fixtures;
mod gallery;
pub mod glyphs;
mod help;
mod input;
pub mod keys;
mod layout;
mod learner;
mod lesson;
mod lessons;
pub mod link;
mod measure;
mod menu;
mod pace;
mod panes;
mod picture;
mod progress;
mod prompt;
mod prose;
mod run;
mod session;
mod stage_view;
mod strip;
#[cfg(test)]
mod sweep;
pub mod terminal;
mod text;
pub mod theme;
mod transcript;
mod waits;
mod wires;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

pub use app::Ending;
pub use gallery::pictures;

/// With which screen to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The live pipe; the menu for those who have gone through it, or begun a lesson.
    FirstMinute,
    /// The menu.
    Menu,
    /// The list of lessons, or the lesson with that id.
    Learn(Option<String>),
    /// The questions that are due again, one after the other.
    Review {
        /// Also those that are not due yet.
        all: bool,
    },
    /// A stage, with a script in the editor if one is named.
    Play(Option<PathBuf>),
}

/// How to run the terminal face.
#[derive(Debug)]
pub struct Options {
    /// The binary that stages are made of.
    pub launcher: PathBuf,
    /// Open stages in shared mode even where they could be isolated.
    pub shared: bool,
    /// The first screen.
    pub start: Start,
    /// The palette; the terminal's own colours if none is named.
    pub palette: Option<theme::Palette>,
    /// Only ASCII on the screen.
    pub ascii: bool,
    /// The lessons; those of the program if none are given.
    pub pack: Option<crate::lesson::Pack>,
}

/// Runs the terminal face. An error is one of ours or of the terminal's: [`terminal::TakeError`] where the terminal
/// could not be taken, for which the exit status is 2.
pub fn run(options: Options) -> anyhow::Result<Ending> {
    run::run(options)
}

/// Tells on stderr why the face could not do its work, and gives the exit status: 2 where there was no terminal, else 1.
#[expect(clippy::print_stderr, reason = "the terminal has been given back, and this is for whoever called")]
pub fn tell(error: &anyhow::Error) -> ExitCode {
    eprintln!("ipclab: {error:#}");
    ExitCode::from(if error.is::<terminal::TakeError>() { 2 } else { 1 })
}

impl Ending {
    /// Ends the process as it should after this ending: where a signal asked for it, by that signal.
    pub fn leave(self) -> ExitCode {
        match self {
            Self::Left => ExitCode::SUCCESS,
            Self::Signal(signal) => {
                event::die(signal);
                ExitCode::from(128u8.wrapping_add(signal as u8))
            }
            Self::Failed(why) => tell(&anyhow::Error::msg(why)),
        }
    }
}

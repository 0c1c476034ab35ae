//! What there is to choose from, as screens: the map.

mod lab;
mod map;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;

use super::app::Out;
use super::keys::{Action, Context};
use super::lessons::Lessons;
use super::theme::Theme;
use super::work::Said;
use crate::script::Statement;
use lab::Lab;
use map::MapView;

/// Which of the screens is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum View {
    /// The taxonomy.
    #[default]
    Map,
}

/// What a screen wants from the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing more.
    Stay,
    /// Back to where one came from.
    Leave,
    /// These statements on a stage in Play; what they are.
    Play(Vec<Statement>, String),
    /// The lesson of that id.
    Lesson(String),
}

/// The screens, with what experiments have shown.
#[derive(Debug, Default)]
pub(super) struct Atlas {
    view: View,
    map: MapView,
    lab: Lab,
}

/// What a screen may look at besides itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    /// The styles.
    pub(super) theme: &'a Theme,
    /// The lessons, if there are any.
    pub(super) lessons: Option<&'a Lessons>,
}

impl Atlas {
    /// Goes to one of the screens.
    pub(super) const fn show(&mut self, view: View) {
        self.view = view;
    }

    /// In which context keys are pressed.
    pub(super) const fn context(&self) -> Context {
        match self.view {
            View::Map if self.map.typing => Context::Field,
            View::Map => Context::Map,
        }
    }

    /// What the screen is called.
    pub(super) const fn title(&self) -> &'static str {
        match self.view {
            View::Map => "Map",
        }
    }

    /// What stands at the right of the header.
    pub(super) fn status(&self, theme: &Theme) -> Vec<Span<'static>> {
        self.lab.status(theme)
    }

    /// A key that no action took.
    pub(super) fn key(&mut self, key: KeyEvent) {
        match self.view {
            View::Map => self.map.key(key),
        }
    }

    /// Pasted text.
    pub(super) fn paste(&mut self, text: &str) {
        match self.view {
            View::Map => self.map.paste(text),
        }
    }

    /// What a key means here.
    pub(super) fn act(&mut self, action: Action, out: &mut Out) -> Wish {
        if action == Action::Cancel && self.context() != Context::Field && self.lab.cancel(out) {
            return Wish::Stay;
        }
        match self.view {
            View::Map => self.map.act(action, &mut self.lab, out),
        }
    }

    /// Learns what is said of experiments.
    pub(super) fn learn(&mut self, number: u64, said: Said, out: &mut Out) {
        self.lab.learn(number, said, out);
    }

    /// Whether experiments are being run.
    pub(super) const fn is_busy(&self) -> bool {
        self.lab.is_busy()
    }

    /// Draws the screen; gives the cursor's place.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, sight: Sight<'_>) -> Option<Position> {
        match self.view {
            View::Map => self.map.render(area, buffer, &self.lab, sight),
        }
    }
}

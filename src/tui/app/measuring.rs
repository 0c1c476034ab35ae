//! The screen Measure in the program.

use ratatui::buffer::Buffer;

use super::{App, Dirty, Screen};
use crate::bench::History;
use crate::tui::keys::Action;
use crate::tui::layout::{self, Parts};
use crate::tui::measure::{Measure, Wish, room};
use crate::tui::theme::Theme;

impl App {
    /// Goes to the measuring room, with this history if it was not there yet.
    pub(super) fn go_measure(&mut self, history: impl FnOnce() -> History) {
        self.measure.get_or_insert_with(|| Measure::new(history()));
        self.screen = Screen::Measure;
    }

    /// Goes there from a stage, a lesson or the map, and back to it afterwards.
    pub(super) fn measure_aside(&mut self) {
        let from = self.screen;
        self.go_measure(History::load);
        self.back = Some(from);
        if let (Screen::Atlas, Some(measure)) = (from, &mut self.measure) {
            measure.choose(self.atlas.chosen());
        }
    }

    pub(super) fn act_in_measure(&mut self, action: Action) {
        let Some(measure) = &mut self.measure else { return };
        if measure.act(action, &mut self.out) == Wish::Stay {
            return;
        }
        if !self.timeless {
            self.atlas.measured(measure.history());
        }
        match self.way_back(Screen::Menu) {
            Screen::Menu => self.go_menu(),
            screen => self.screen = screen,
        }
    }

    /// Learns what is said of a measuring.
    pub(super) fn measured(&mut self, number: u64, said: room::Said) {
        self.dirty = self.dirty.max(Dirty::Soon);
        let lesson = self.lesson.as_mut().filter(|lesson| lesson.measures(number));
        if let (Some(lesson), Some(lessons)) = (lesson, self.lessons.open()) {
            lesson.measured(said, &mut lessons.progress, &mut self.out);
        } else if let Some(measure) = self.measure.as_mut().filter(|measure| measure.measures(number)) {
            measure.learn(said, &mut self.out);
        } else if let room::Said::Begun(stop) = said {
            // Whoever asked for it has gone.
            stop.stop();
        }
    }

    pub(super) fn render_measure(&self, parts: Parts, buffer: &mut Buffer, theme: &Theme) {
        let Some(measure) = &self.measure else { return };
        layout::header(parts.header, buffer, theme, "Measure", measure.status(theme));
        let keys = [Action::Measure, Action::MeasureQuick].map(|action| self.keys.label(action, self.ascii));
        measure.render(parts.body, buffer, theme, &keys);
    }
}

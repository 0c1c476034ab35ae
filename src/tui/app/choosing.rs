//! The way from what may be chosen from to what was chosen: a stage, a lesson.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use super::{App, Notice, Screen};
use crate::bench::History;
use crate::script::Statement;
use crate::tui::atlas;
use crate::tui::keys::Action;
use crate::tui::layout::{self, Parts};
use crate::tui::theme::Theme;

impl App {
    /// Goes to one of the screens of what may be chosen from.
    pub(super) fn go_atlas(&mut self, view: atlas::View) {
        let _ = self.lessons.open();
        // Pictures show a machine that nobody has measured.
        if !self.timeless {
            self.atlas.measured(&History::load());
        }
        self.atlas.show(view);
        self.screen = Screen::Atlas;
    }

    pub(super) fn act_in_atlas(&mut self, action: Action) {
        match self.atlas.act(action, &mut self.out) {
            atlas::Wish::Stay => {}
            atlas::Wish::Leave => self.screen = self.way_back(Screen::Menu),
            atlas::Wish::Lesson(id) => {
                self.go_learn(Some(&id));
                self.back = Some(Screen::Atlas);
            }
            atlas::Wish::Play(statements, what) => self.play_with(statements, &what),
        }
    }

    /// Shows what was done on the stage at hand on another facility too.
    pub(super) fn swap_stage(&mut self) {
        let statements = self.shown_desk().map(|desk| desk.session.statements()).unwrap_or_default();
        if self.atlas.swap_with(statements, &mut self.out) {
            self.back = Some(self.screen);
            self.screen = Screen::Atlas;
        }
    }

    /// Where to go from a stage or a lesson: back to where it was opened from, if that was not the usual place.
    pub(super) fn way_back(&mut self, usual: Screen) -> Screen {
        self.back.take().unwrap_or(usual)
    }

    /// Makes the stage of Play ready with these statements. What a learner has done there is not thrown away unasked.
    fn play_with(&mut self, statements: Vec<Statement>, what: &str) {
        let kept = self.play.as_ref().map_or(0, |desk| desk.session.done());
        if kept > 0 && !std::mem::take(&mut self.replace_play) {
            self.replace_play = true;
            let words = format!("{kept} statements stand in Play; once more begins there anew with: {what}");
            self.out.notice(Notice::warning(words));
            return;
        }
        self.go_play(None);
        self.back = Some(Screen::Atlas);
        if let Some(desk) = &mut self.play {
            desk.restart_with(statements, &mut self.out);
        }
    }

    /// Draws what may be chosen from; gives the cursor's place.
    pub(super) fn render_atlas(&self, parts: Parts, buffer: &mut Buffer, theme: &Theme) -> Option<Position> {
        layout::header(parts.header, buffer, theme, self.atlas.title(), self.atlas.status(theme));
        let sight = atlas::Sight { theme, lessons: self.lessons.opened() };
        self.atlas.render(parts.body, buffer, sight)
    }
}

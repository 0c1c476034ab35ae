//! The way to lessons and through them, to what was done, and through the questions that are due.

use ratatui::crossterm::event::KeyCode;
use ratatui::text::Span;

use super::super::desk::Place;
use super::super::keys::{Chord, Context};
use super::super::lesson::Wish as InLesson;
use super::super::progress::{ProgressView, Wish};
use super::super::theme::Role;
use super::{Action, App, LessonView, Notice, Screen};
use crate::lesson::Lesson;

impl App {
    /// Shows the menu, with where the learner goes on.
    pub(super) fn go_menu(&mut self) {
        self.screen = Screen::Menu;
        if let Some(lessons) = self.lessons.open() {
            self.menu.learn(lessons.go_on().as_ref(), lessons.account().due().len());
        }
    }

    /// Opens the lesson at which the learner was.
    pub(super) fn go_on(&mut self) {
        let Some(lessons) = self.lessons.open() else { return };
        let Some(go_on) = lessons.go_on() else { return };
        lessons.choose(&go_on.lesson);
        self.go_learn(Some(&go_on.lesson));
    }

    /// Shows what was done.
    pub(super) fn go_progress(&mut self) {
        let Some(lessons) = self.lessons.open() else {
            self.out.notice(Notice::error("there are no lessons"));
            return;
        };
        match &mut self.progress {
            Some(view) => view.learn(lessons),
            None => self.progress = Some(ProgressView::new(lessons)),
        }
        self.screen = Screen::Progress;
    }

    /// Asks the questions that are due, or all that ever will be, one after the other.
    pub(super) fn go_review(&mut self, all: bool) {
        self.go_progress();
        if let Some(view) = &mut self.progress
            && view.ask(all, &mut self.out)
        {
            self.next_question();
        }
    }

    /// Asks the next question, or shows what was done when there is none.
    pub(super) fn next_question(&mut self) {
        if let Some(lesson) = self.lesson.take() {
            lesson.desk.close(&mut self.out);
        }
        let (Some(view), Some(lessons)) = (&mut self.progress, self.lessons.open()) else { return };
        while let Some((due, number, of)) = view.next() {
            if let Some(question) = due.question(&lessons.pack, number, of) {
                self.lesson = Some(LessonView::review(question, &mut lessons.progress, &mut self.out));
                self.screen = Screen::Lesson;
                return;
            }
        }
        self.go_progress();
        self.out.notice(Notice::good("these were all the questions that were due"));
    }

    pub(super) fn act_in_progress(&mut self, action: Action) {
        let (Some(view), Some(lessons)) = (&mut self.progress, self.lessons.open()) else { return };
        match view.act(action, lessons, &mut self.atlas.proofs, &mut self.out) {
            Wish::Stay => {}
            Wish::Back => self.go_menu(),
            Wish::Learn(id) => {
                lessons.choose(&id);
                self.go_learn(Some(&id));
            }
            Wish::Review => self.go_review(false),
        }
    }

    pub(super) fn go_learn(&mut self, id: Option<&str>) {
        let Some(lessons) = self.lessons.open() else {
            self.out.notice(Notice::error("there are no lessons"));
            return;
        };
        self.screen = Screen::Lessons;
        let Some(id) = id else { return };
        if let Some(lesson) = lessons.pack.lesson(id).cloned() {
            self.go_lesson(lesson);
        }
    }

    pub(super) fn go_lesson(&mut self, lesson: Lesson) {
        self.leave_lesson();
        let Some(lessons) = self.lessons.open() else { return };
        self.lesson = Some(LessonView::open(lesson, &mut lessons.progress, &mut self.out));
        self.screen = Screen::Lesson;
    }

    pub(super) fn leave_lesson(&mut self) {
        if let Some(lesson) = self.lesson.take() {
            lesson.desk.close(&mut self.out);
        }
        self.screen = self.way_back(Screen::Lessons);
    }

    /// What a key means in a lesson beside its words: what leads on leads on from anywhere, typing aside.
    pub(super) fn leads_on(&self, context: Context, chord: Chord, action: Option<Action>) -> Option<Action> {
        let Some(lesson) = self.lesson.as_ref().filter(|_| self.screen == Screen::Lesson) else { return action };
        let letter = matches!(chord.code, KeyCode::Char(_));
        let next = letter && self.keys.action(Context::Lesson, chord) == Some(Action::Next);
        match context {
            Context::Stage if action.is_none() && next => Some(Action::Next),
            Context::Transcript if next && !lesson.desk.searches() => Some(Action::Next),
            Context::Prompt if action == Some(Action::Run) && lesson.goes_on() && lesson.desk.prompt.is_clear() => {
                Some(Action::Next)
            }
            _ => action,
        }
    }

    /// The key that leads on for one who is at the stage, and has reached the goal.
    pub(super) fn key_that_leads_on(&self) -> Option<String> {
        let lesson = self.lesson.as_ref().filter(|l| self.screen == Screen::Lesson && l.desk.place != Place::Prose);
        lesson.filter(|_| self.page.is_none())?.leads_on(&self.keys, self.ascii)
    }

    /// What stands before the keys of the screen: that the goal is reached, and what leads on.
    pub(super) fn lead(&self) -> Vec<Span<'static>> {
        let Some(key) = self.key_that_leads_on() else { return Vec::new() };
        let (theme, glyphs) = (&self.theme, self.theme.glyphs);
        vec![
            Span::styled(format!(" {} done {} ", glyphs.yes, glyphs.dot), theme.style(Role::Good)),
            Span::styled(key, theme.style(Role::Key)),
            Span::styled(" goes on ", theme.style(Role::Good)),
        ]
    }

    pub(super) fn act_in_lesson(&mut self, action: Action, wide: bool) {
        let (Some(view), Some(lessons)) = (&mut self.lesson, self.lessons.open()) else { return };
        if action == Action::Detail {
            self.show_detail();
            return;
        }
        match view.act(action, &mut lessons.progress, &mut self.out) {
            Some(InLesson::Stay) => {}
            Some(InLesson::Next) if view.question.is_some() => self.next_question(),
            Some(InLesson::Next) => {
                let id = view.id().to_owned();
                let more = lessons.choose_after(&id);
                self.leave_lesson();
                self.out.notice(Notice::good(if more {
                    "done; the next one is chosen"
                } else {
                    "done; that was the last"
                }));
            }
            None => {
                if !view.desk.act(action, true, wide, &mut self.out) && action == Action::Cancel {
                    if view.desk.place == Place::Prose {
                        let reviewed = view.question.is_some();
                        self.leave_lesson();
                        if reviewed {
                            self.go_progress();
                        }
                    } else {
                        view.desk.place = Place::Prose;
                    }
                }
            }
        }
    }
}

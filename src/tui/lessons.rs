//! The list of lessons, with what has been done of them.

use std::thread::JoinHandle;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::layout;
use super::text;
use super::theme::{Role, Theme};
use crate::lesson::account::{self, Account, Whereabouts};
use crate::lesson::progress::Progress;
use crate::lesson::record::{Answer, Outcome};
use crate::lesson::{Lesson, Pack};

/// Where the lessons are, or will be: reading them takes longer than drawing the first frame.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    ready: Option<Lessons>,
    coming: Option<JoinHandle<Option<Lessons>>>,
}

impl Shelf {
    /// One that `read` fills, in a thread of its own.
    pub(super) fn fill(read: impl FnOnce() -> Option<Lessons> + Send + 'static) -> std::io::Result<Self> {
        let coming = std::thread::Builder::new().name("lessons".to_owned()).spawn(read)?;
        Ok(Self { ready: None, coming: Some(coming) })
    }

    /// The lessons, waited for if they are still being read; `None` if there are none.
    pub(super) fn open(&mut self) -> Option<&mut Lessons> {
        if let Some(coming) = self.coming.take() {
            self.ready = coming.join().ok().flatten();
        }
        self.ready.as_mut()
    }

    /// The lessons, if they have been asked for before.
    pub(super) const fn opened(&self) -> Option<&Lessons> {
        self.ready.as_ref()
    }
}

impl From<Lessons> for Shelf {
    fn from(lessons: Lessons) -> Self {
        Self { ready: Some(lessons), coming: None }
    }
}

/// All lessons, the learner's progress, and which one is chosen.
#[derive(Debug)]
pub(super) struct Lessons {
    /// The lessons.
    pub(super) pack: Pack,
    /// What has been done.
    pub(super) progress: Progress,
    at: usize,
}

impl Lessons {
    /// The list, with the lesson chosen at which the learner was, else the first that is not done.
    pub(super) fn new(pack: Pack, progress: Progress) -> Self {
        let mut lessons = Self { pack, progress, at: 0 };
        lessons.at = lessons.order().iter().position(|l| !lessons.is_done(l)).unwrap_or(0);
        if let Some(go_on) = lessons.go_on() {
            lessons.choose(&go_on.lesson);
        }
        lessons
    }

    /// Where the learner goes on.
    pub(super) fn go_on(&self) -> Option<Whereabouts> {
        account::go_on(&self.pack, &self.progress)
    }

    /// What the learner has done.
    pub(super) fn account(&self) -> Account {
        Account::new(&self.pack, &self.progress)
    }

    /// Chooses the lesson with that id.
    pub(super) fn choose(&mut self, id: &str) {
        self.at = self.order().iter().position(|l| l.id() == id).unwrap_or(self.at);
    }

    /// In the order of the units.
    fn order(&self) -> Vec<&Lesson> {
        self.pack.units.iter().flat_map(|u| u.lessons.iter().filter_map(|id| self.pack.lesson(id))).collect()
    }

    fn is_done(&self, lesson: &Lesson) -> bool {
        self.progress.lesson(lesson.id()).is_some_and(|l| l.done)
    }

    /// Goes up or down, around.
    pub(super) fn step(&mut self, by: isize) {
        let count = self.order().len().max(1);
        self.at = (self.at as isize + by).rem_euclid(count as isize) as usize;
    }

    /// Goes up or down by so many, not beyond the ends.
    pub(super) fn leap(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.order().len().saturating_sub(1));
    }

    /// The chosen lesson.
    pub(super) fn chosen(&self) -> Option<Lesson> {
        self.order().get(self.at).map(|l| (*l).clone())
    }

    /// Chooses the lesson after the one with that id, if there is one; whether there is.
    pub(super) fn choose_after(&mut self, id: &str) -> bool {
        let order = self.order();
        let next = order.iter().position(|l| l.id() == id).map_or(0, |i| i + 1);
        let found = next < order.len();
        if found {
            self.at = next;
        }
        found
    }

    /// Draws the list, and what the chosen lesson is about.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        let area = layout::inset(area, if area.width > 90 { 4 } else { 2 }, u16::from(area.height > 20));
        let about = self.about(area, theme);
        let (mut top, below) = if area.width >= 100 {
            let (left, right) = layout::left(area, area.width / 2);
            (left, layout::left(right, 3).1)
        } else {
            layout::bottom(area, (about.len() as u16).min(area.height / 2))
        };
        top.width = top.width.saturating_sub(1);
        let mark;
        (top, mark) = layout::bottom(top, 1);
        let mut lines: Vec<(Line<'static>, Option<usize>)> = Vec::new();
        let mut number = 0;
        for unit in &self.pack.units {
            let own: Vec<&Lesson> = unit.lessons.iter().filter_map(|id| self.pack.lesson(id)).collect();
            if own.is_empty() {
                continue;
            }
            if !lines.is_empty() {
                lines.push((Line::default(), None));
            }
            lines.push((Line::from(Span::styled(unit.title.clone(), theme.style(Role::Heading))), None));
            for lesson in own {
                lines.push((self.line(lesson, number, usize::from(top.width), theme), Some(number)));
                number += 1;
            }
        }
        for bad in &self.pack.bad {
            let first = bad.diagnostics.first().map_or("", |d| d.message.as_str());
            let words = format!("{} {}: {first}", theme.glyphs.no, bad.file);
            let words = text::clip(&words, usize::from(top.width), theme.glyphs.more);
            lines.push((Line::from(Span::styled(words, theme.style(Role::Error))), None));
        }
        let chosen = lines.iter().position(|(_, lesson)| *lesson == Some(self.at)).unwrap_or(0);
        let rows = usize::from(top.height);
        // The last row that is shown is not the chosen one, unless there is nothing below it.
        let first = (chosen + 2).min(lines.len()).saturating_sub(rows);
        let count = |lines: &[(Line<'_>, Option<usize>)]| lines.iter().filter(|(_, lesson)| lesson.is_some()).count();
        let (above, below_these) = (count(&lines[..first]), count(lines.get(first + rows..).unwrap_or_default()));
        let told: Vec<String> = [(above, "above"), (below_these, "below")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, place)| format!("{count} {place}"))
            .collect();
        if !told.is_empty() {
            let words = format!("{} {}", theme.glyphs.more, told.join(&format!(" {} ", theme.glyphs.dot)));
            let right = vec![Span::styled(words, theme.style(Role::Warning))];
            let line = text::spread(Vec::new(), right, usize::from(mark.width), theme.glyphs.more);
            layout::line_at(mark, 0, buffer, &line);
        }
        for (y, (line, _)) in lines.into_iter().skip(first).take(usize::from(top.height)).enumerate() {
            layout::line_at(top, y as u16, buffer, &line);
        }
        for (y, line) in about.iter().take(usize::from(below.height)).enumerate() {
            layout::line_at(below, y as u16, buffer, line);
        }
    }

    fn line(&self, lesson: &Lesson, number: usize, width: usize, theme: &Theme) -> Line<'static> {
        let chosen = number == self.at;
        let glyphs = theme.glyphs;
        let record = self.progress.lesson(lesson.id());
        let (mark, role) = match record {
            Some(r) if r.done => (glyphs.yes, Role::Good),
            Some(r) if r.step.is_some() => (glyphs.begun, Role::Running),
            _ => (glyphs.open, Role::Dim),
        };
        let style = theme.style(if chosen { Role::Selection } else { Role::Text });
        let left = vec![
            Span::styled(
                if chosen { format!("{} ", glyphs.chosen) } else { "  ".to_owned() },
                theme.style(Role::Accent),
            ),
            Span::styled(format!("{mark} "), theme.style(role)),
            Span::styled(format!("{:>2} ", number + 1), theme.style(Role::Dim)),
            Span::styled(lesson.front.title.clone(), style),
        ];
        let par = lesson.front.par.map(|par| format!("par {par} {} ", glyphs.dot)).unwrap_or_default();
        let right = vec![Span::styled(format!("{par}{} min", lesson.front.minutes), theme.style(Role::Dim))];
        text::spread(left, right, width, glyphs.more)
    }

    fn about(&self, area: Rect, theme: &Theme) -> Vec<Line<'static>> {
        let width = usize::from(if area.width >= 100 { area.width / 2 - 3 } else { area.width });
        let order = self.order();
        let Some(lesson) = order.get(self.at) else { return Vec::new() };
        let mut lines = Vec::new();
        let mut say = |role: Role, words: &str| {
            for line in text::wrap(words, width) {
                lines.push(Line::from(Span::styled(line, theme.style(role))));
            }
        };
        say(Role::Title, &lesson.front.title);
        // Before that it would give away what is to be predicted.
        if self.is_done(lesson) {
            say(Role::Dim, &format!("Many believe: {}.", lesson.front.misconception));
        }
        if area.width >= 100 {
            say(Role::Text, "");
        }
        for objective in &lesson.front.objectives {
            say(Role::Text, &format!("{} {objective}", theme.glyphs.dot));
        }
        let predictions = lesson.predictions().count();
        let goals = lesson.goals().count();
        say(
            Role::Dim,
            &format!(
                "{}, {}; read on in {}",
                number(predictions, "prediction"),
                number(goals, "goal"),
                lesson.front.read.join(", ")
            ),
        );
        if let Some(record) = self.progress.lesson(lesson.id()) {
            let first = |answers: &Vec<Answer>| answers.first().is_some_and(|a| a.outcome == Outcome::Right);
            let right = record.predictions.values().filter(|answers| first(answers)).count();
            let met = record.goals.len();
            say(Role::Good, &format!("so far {right} of {predictions} predicted right, {met} of {goals} goals met"));
        }
        if let Some(notice) = self.progress.notice().filter(|n| !n.is_empty()) {
            say(Role::Warning, notice);
        }
        lines
    }
}

/// `1 goal`, `2 goals`.
fn number(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

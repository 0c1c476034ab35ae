//! What the learner has done: the lessons with how each prediction came out, and what is due again.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::app::{Notice, Out};
use super::carry::Carry;
use super::keys::{Action, Context, Keymap};
use super::layout;
use super::lessons::Lessons;
use super::prompt::LineEdit;
use super::text;
use super::theme::{Role, Theme};
use crate::lesson::account::{Account, Due, LessonAccount, PredictionAccount, State, Whereabouts};
use crate::lesson::proofs::Proofs;
use crate::lesson::record::{self, Outcome};
use crate::plain::progress as told;

/// What the screen must do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    Stay,
    /// Leave it.
    Back,
    /// Open the lesson with that id.
    Learn(String),
    /// Ask what is due.
    Review,
}

/// What is to be forgotten if the same key comes once more.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    One(String),
    All,
}

/// The screen.
#[derive(Debug)]
pub(super) struct ProgressView {
    account: Account,
    go_on: Option<Whereabouts>,
    at: usize,
    /// Lines by which the words on the chosen lesson are scrolled.
    scroll: usize,
    asked: Option<Asked>,
    /// What was forgotten last, where no file keeps it.
    forgotten: Option<record::Lessons>,
    /// What is asked before something goes into a file, or comes from one.
    carry: Option<Carry>,
    /// Questions that are still to be asked in this round, and how many it had.
    round: VecDeque<Due>,
    of: usize,
}

impl ProgressView {
    /// The account of what was done so far.
    pub(super) fn new(lessons: &Lessons) -> Self {
        let mut view = Self {
            account: lessons.account(),
            go_on: lessons.go_on(),
            at: 0,
            scroll: 0,
            asked: None,
            forgotten: None,
            carry: None,
            round: VecDeque::new(),
            of: 0,
        };
        let here = view.go_on.as_ref().and_then(|w| view.account.lessons.iter().position(|l| l.id == w.lesson));
        view.at = here.unwrap_or(0);
        view
    }

    /// Learns what was done since.
    pub(super) fn learn(&mut self, lessons: &Lessons) {
        (self.account, self.go_on) = (lessons.account(), lessons.go_on());
        self.asked = None;
        self.scroll = 0;
    }

    /// Another key was pressed than the one that was asked for.
    pub(super) fn calm(&mut self) {
        self.asked = None;
    }

    /// Begins a round of the questions that are due, or of all that ever will be; false if there is none, which is
    /// said.
    pub(super) fn ask(&mut self, all: bool, out: &mut Out) -> bool {
        let waiting = self.account.waiting();
        self.round = if all { waiting.clone() } else { self.account.due() }.into();
        self.of = self.round.len();
        if self.of == 0 {
            out.notice(match waiting.first() {
                Some(first) => {
                    Notice::good(format!("nothing is due; the next question {}", told::when(first, &self.account)))
                }
                None => Notice::good("nothing is to be asked again"),
            });
        }
        self.of > 0
    }

    /// The next question of the round, its number from 1, and how many it has.
    pub(super) fn next(&mut self) -> Option<(Due, usize, usize)> {
        let due = self.round.pop_front()?;
        Some((due, self.of - self.round.len(), self.of))
    }

    /// In which context keys are pressed.
    pub(super) const fn context(&self) -> Context {
        if self.carry.is_some() { Context::Field } else { Context::Progress }
    }

    fn typed(&mut self) -> Option<&mut LineEdit> {
        self.carry.as_mut()?.line()
    }

    /// A key that is no action.
    pub(super) fn key(&mut self, key: KeyEvent) {
        self.typed().map(|line| line.key(key));
    }

    /// What was pasted.
    pub(super) fn paste(&mut self, text: &str) {
        self.typed().map(|line| line.insert(text));
    }

    /// What a key means here.
    pub(super) fn act(&mut self, action: Action, lessons: &mut Lessons, proofs: &mut Proofs, out: &mut Out) -> Wish {
        if let Some(carry) = self.carry.take() {
            self.carry = carry.act(action, lessons, proofs, out);
            if self.carry.is_none() {
                self.learn(lessons);
            }
            return Wish::Stay;
        }
        let asked = self.asked.take();
        let count = self.account.lessons.len().max(1);
        match action {
            Action::Up | Action::Down => {
                self.at = (self.at + if action == Action::Up { count - 1 } else { 1 }) % count;
                self.scroll = 0;
            }
            Action::PageUp => self.scroll = self.scroll.saturating_sub(5),
            Action::PageDown => self.scroll += 5,
            Action::Cancel => return Wish::Back,
            Action::Review => return Wish::Review,
            Action::Choose => {
                if let Some(lesson) = self.chosen() {
                    return Wish::Learn(lesson.id.clone());
                }
            }
            Action::Forget => {
                let Some(lesson) = self.chosen() else { return Wish::Stay };
                let (id, title) = (lesson.id.clone(), lesson.title.clone());
                if lessons.progress.lesson(&id).is_none() {
                    out.notice(Notice::warning("nothing of this lesson is known"));
                } else if asked == Some(Asked::One(id.clone())) {
                    self.forget(&[&id], lessons, out);
                } else {
                    out.notice(Notice::warning(format!(
                        "once more forgets what you did in \u{201c}{title}\u{201d}; any other key keeps it"
                    )));
                    self.asked = Some(Asked::One(id));
                }
            }
            Action::ForgetAll if asked == Some(Asked::All) => self.forget(&[], lessons, out),
            Action::ForgetAll if lessons.progress.lessons().is_empty() => {
                out.notice(Notice::warning("nothing has been done yet"));
            }
            Action::ForgetAll => {
                let words = "once more forgets all that you did in all lessons; any other key keeps it";
                out.notice(Notice::warning(words));
                self.asked = Some(Asked::All);
            }
            Action::TakeBack => self.take_back(lessons, out),
            Action::Export => self.carry = Some(Carry::export()),
            Action::Import => self.carry = Some(Carry::import()),
            _ => {}
        }
        Wish::Stay
    }

    fn forget(&mut self, ids: &[&str], lessons: &mut Lessons, out: &mut Out) {
        match lessons.progress.forget(ids) {
            Ok(gone) => {
                self.forgotten = gone.backup.is_none().then_some(gone.lessons);
                out.notice(Notice::good("forgotten; u brings it back"));
            }
            Err(why) => out.notice(Notice::error(why)),
        }
        self.learn(lessons);
    }

    fn take_back(&mut self, lessons: &mut Lessons, out: &mut Out) {
        let back = match self.forgotten.take() {
            Some(gone) => lessons.progress.merge(&gone).map(|()| Some(gone.into_keys().collect())),
            None => lessons.progress.take_back(),
        };
        match back {
            Ok(Some(ids)) => out.notice(Notice::good(format!("brought back: {}", ids.join(", ")))),
            Ok(None) => out.notice(Notice::warning("there is nothing to bring back")),
            Err(why) => out.notice(Notice::error(why)),
        }
        self.learn(lessons);
    }

    fn chosen(&self) -> Option<&LessonAccount> {
        self.account.lessons.get(self.at)
    }

    /// Draws the screen; gives the cursor's place where something is typed.
    pub(super) fn render(
        &mut self,
        area: Rect,
        buffer: &mut Buffer,
        theme: &Theme,
        keys: &Keymap,
        ascii: bool,
    ) -> Option<Position> {
        self.account(area, buffer, theme, keys, ascii);
        self.carry.as_ref()?.render(area, buffer, theme, keys, ascii)
    }

    fn account(&mut self, area: Rect, buffer: &mut Buffer, theme: &Theme, keys: &Keymap, ascii: bool) {
        let wide = area.width >= layout::WIDE;
        let area = layout::inset(area, if area.width > 90 { 4 } else { 2 }, u16::from(area.height > 20));
        let head = self.head(usize::from(area.width), theme, keys, ascii);
        for (y, line) in head.iter().enumerate() {
            layout::line_at(area, y as u16, buffer, line);
        }
        let used = (head.len() as u16 + 1).min(area.height);
        let body = Rect { y: area.y + used, height: area.height - used, ..area };
        let (list, about) = if wide {
            let (left, right) = layout::left(body, body.width / 2);
            (Rect { width: left.width.saturating_sub(2), ..left }, layout::left(right, 1).1)
        } else {
            layout::bottom(body, (body.height / 2).min(9))
        };
        let signs = [
            (theme.glyphs.yes, "foreseen", Role::Good),
            (theme.glyphs.no, "otherwise", Role::Warning),
            ("+", "put right", Role::Good),
            (theme.glyphs.dot, "not asked", Role::Dim),
        ];
        let legend = signs.into_iter().flat_map(|(sign, words, role)| {
            let words = Span::styled(format!(" {words}  "), theme.style(Role::Dim));
            [Span::styled(sign, theme.style(role)), words]
        });
        let legend = text::spread(Vec::new(), legend.collect(), usize::from(list.width) + 2, theme.glyphs.more);
        layout::line_at(Rect { y: body.y.saturating_sub(1), ..list }, 0, buffer, &legend);
        let first = (self.at + 2).saturating_sub(usize::from(list.height));
        let first = first.min(self.account.lessons.len().saturating_sub(usize::from(list.height)));
        for (y, (number, lesson)) in
            self.account.lessons.iter().enumerate().skip(first).take(usize::from(list.height)).enumerate()
        {
            let line = self.line(lesson, number == self.at, usize::from(list.width), theme);
            layout::line_at(list, y as u16, buffer, &line);
        }
        let Some(lesson) = self.chosen() else { return };
        let title = vec![Span::styled(lesson.title.clone(), theme.style(Role::Heading))];
        layout::rule(about, buffer, theme, title, false);
        let about = Rect { y: about.y + 1, height: about.height.saturating_sub(1), ..about };
        let lines = self.about(lesson, usize::from(about.width), theme);
        // Where not all fits, the last row tells so.
        let rows = usize::from(about.height);
        let rows = if lines.len() > rows { rows.saturating_sub(1) } else { rows };
        let most = lines.len().saturating_sub(rows);
        let scroll = self.scroll.min(most);
        for (y, line) in lines.iter().skip(scroll).take(rows).enumerate() {
            layout::line_at(about, y as u16, buffer, line);
        }
        if scroll < most && about.height > 0 {
            let plural = if most - scroll == 1 { "" } else { "s" };
            let words = format!(" {} more line{plural}: {} ", most - scroll, keys.label(Action::PageDown, ascii));
            let x = about.right().saturating_sub(text::width(&words) as u16);
            buffer.set_stringn(x, about.bottom() - 1, words, usize::from(about.width), theme.style(Role::Dim));
        }
        self.scroll = scroll;
    }

    /// The sums.
    fn head(&self, width: usize, theme: &Theme, keys: &Keymap, ascii: bool) -> Vec<Line<'static>> {
        let tally = self.account.tally();
        let (done, all) = (self.account.done(), self.account.lessons.len());
        let columns = (width / 3).clamp(8, 40);
        let words = |role, words: String| Span::styled(words, theme.style(role));
        let mut lines = vec![Line::from(
            [words(Role::Dim, "lessons      ".to_owned())]
                .into_iter()
                .chain(bar(&[(done, Role::Good)], all, columns, theme))
                .chain([words(Role::Text, format!("  {done} of {all} done"))])
                .collect::<Vec<_>>(),
        )];
        let asked = tally.right + tally.wrong;
        let mut tries = vec![words(Role::Dim, "predictions  ".to_owned())];
        tries.extend(bar(&[(tally.right, Role::Good), (tally.mended, Role::Warning)], asked.max(1), columns, theme));
        tries.push(words(
            Role::Text,
            if asked == 0 {
                "  none made yet".to_owned()
            } else {
                format!("  {} of {asked} foreseen, {} put right since", tally.right, tally.mended)
            },
        ));
        lines.push(Line::from(text::clip_spans(tries, width, theme.glyphs.more)));
        let due = self.account.due().len();
        let again = match (due, self.account.waiting().first()) {
            (0, None) => words(Role::Dim, "nothing is to be asked again".to_owned()),
            (0, Some(first)) => {
                words(Role::Text, format!("nothing is due; the next question {}", told::when(first, &self.account)))
            }
            (1, _) => {
                words(Role::Accent, format!("one question is due: {} asks it", keys.label(Action::Review, ascii)))
            }
            (n, _) => {
                words(Role::Accent, format!("{n} questions are due: {} asks them", keys.label(Action::Review, ascii)))
            }
        };
        lines.push(Line::from(vec![words(Role::Dim, "again        ".to_owned()), again]));
        if let Some(go_on) = &self.go_on {
            let place = match &go_on.step {
                Some((number, of, _)) => format!("{}, step {number} of {of}", go_on.title),
                None => go_on.title.clone(),
            };
            let spans = vec![words(Role::Dim, "go on        ".to_owned()), words(Role::Text, place)];
            lines.push(Line::from(text::clip_spans(spans, width, theme.glyphs.more)));
        }
        lines
    }

    fn line(&self, lesson: &LessonAccount, chosen: bool, width: usize, theme: &Theme) -> Line<'static> {
        let glyphs = theme.glyphs;
        let (mark, role) = match lesson.state {
            State::Done => (glyphs.yes, Role::Good),
            State::Begun(..) => (glyphs.begun, Role::Running),
            State::New => (glyphs.open, Role::Dim),
        };
        let new = lesson.state == State::New && lesson.predictions.iter().all(|p| p.answers.is_empty());
        let style = theme.style(match (chosen, new) {
            (true, _) => Role::Selection,
            (false, true) => Role::Dim,
            (false, false) => Role::Text,
        });
        let left = vec![
            Span::styled(
                if chosen { format!("{} ", glyphs.chosen) } else { "  ".to_owned() },
                theme.style(Role::Accent),
            ),
            Span::styled(format!("{mark} "), theme.style(role)),
            Span::styled(lesson.title.clone(), style),
        ];
        let today = self.account.today;
        let due = lesson.predictions.iter().filter(|p| p.standing.is_some_and(|s| s.due <= today)).count();
        let mut right = Vec::new();
        if due > 0 {
            right.push(Span::styled(format!("{due} due "), theme.style(Role::Accent)));
        }
        right.extend(lesson.predictions.iter().map(|p| sign(p, theme)));
        text::spread(left, right, width, glyphs.more)
    }

    /// Each prediction of the chosen lesson: what was said, and what came of it.
    fn about(&self, lesson: &LessonAccount, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let mut say = |role: Role, first: Span<'static>, words: &str| {
            let indent = text::width(&first.content);
            for (i, line) in text::wrap(words, width.saturating_sub(indent)).into_iter().enumerate() {
                let lead = if i == 0 { first.clone() } else { Span::raw(" ".repeat(indent)) };
                lines.push(Line::from(vec![lead, Span::styled(line, theme.style(role))]));
            }
        };
        let (met, of) = lesson.goals;
        let mut sums = match &lesson.state {
            State::New => "not begun".to_owned(),
            State::Begun(number, of, title) => format!("step {number} of {of}, {title}"),
            State::Done => "done".to_owned(),
        };
        if lesson.state != State::New {
            let hints = if lesson.hints == 1 { "1 hint".to_owned() } else { format!("{} hints", lesson.hints) };
            sums = format!("{sums}; {met} of {of} goals, {hints}");
        }
        if let Some(last) = lesson.last {
            sums = format!("{sums}; last on {last}");
        }
        say(Role::Dim, Span::raw(""), &sums);
        for prediction in lesson.predictions.iter().filter(|p| !p.answers.is_empty()) {
            let mark = sign(prediction, theme);
            let indent = || Span::raw("  ");
            say(Role::Text, Span::styled(format!("{} ", mark.content), mark.style), &prediction.question);
            for answer in &prediction.answers {
                let role = if answer.outcome == Outcome::Right { Role::Good } else { Role::Warning };
                say(role, indent(), &told::said(answer));
            }
            if prediction.answers.iter().any(|a| a.outcome == Outcome::Wrong) {
                say(Role::Text, indent(), &format!("what happens: {}", prediction.right));
            }
            if let Some(overlooked) = &prediction.overlooked {
                say(Role::Dim, indent(), overlooked);
            }
            if let Some(standing) = prediction.standing {
                let days = standing.due.since(self.account.today);
                let when = match days {
                    ..=0 => "due now".to_owned(),
                    1 => "again tomorrow".to_owned(),
                    days => format!("again in {days} days"),
                };
                say(Role::Accent, indent(), &format!("box {} of 4, {when}", standing.number));
            }
        }
        lines
    }
}

/// How a prediction came out at the first try, and whether it was put right since.
fn sign(prediction: &PredictionAccount, theme: &Theme) -> Span<'static> {
    let glyphs = theme.glyphs;
    let last = prediction.answers.last().map(|a| a.outcome);
    let (mark, role) = match (prediction.answers.first().map(|a| a.outcome), last) {
        (None, _) => (glyphs.dot, Role::Dim),
        (Some(Outcome::Right), _) => (glyphs.yes, Role::Good),
        (Some(Outcome::Wrong), Some(Outcome::Right)) => ("+", Role::Good),
        (Some(Outcome::Wrong), _) => (glyphs.no, Role::Warning),
        (Some(Outcome::Undecided), _) => ("?", Role::Warning),
    };
    Span::styled(mark, theme.style(role))
}

/// A bar of so many columns, with shares of a whole.
fn bar(shares: &[(usize, Role)], whole: usize, columns: usize, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let (mut before, mut drawn) = (0, 0);
    for (share, role) in shares {
        before += share;
        // What is there is seen, however little it is.
        let until = (before * columns / whole.max(1)).max(drawn + usize::from(*share > 0)).min(columns);
        spans.push(Span::styled(theme.glyphs.full.repeat(until - drawn), theme.style(*role)));
        drawn = until;
    }
    spans.push(Span::styled(theme.glyphs.hole.repeat(columns - drawn), theme.style(Role::Dim)));
    spans
}

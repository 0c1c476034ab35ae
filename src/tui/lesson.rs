//! A lesson on screen: its words at the left, its stage at the right.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::app::{Notice, Out};
use super::came::Came;
use super::desk::{Desk, Look, Place, Prose};
use super::keys::{Action, Keymap};
use super::layout;
use super::link::FromStage;
use super::measure::room::Said;
use super::measure::{Heard, Running};
use super::prose;
use super::session::{Ended, Happened, State};
use super::text::{self, clip_spans};
use super::theme::{Role, Theme};
use crate::lesson::progress::Progress;
use crate::lesson::review::{Question, note};
use crate::lesson::session::{Answered, Ask, News, Order, Part, Rung, Session};
use crate::lesson::{Goal, Lesson, Prediction, Run};
use crate::plain::learn::score;

/// A lesson that a learner goes through.
#[derive(Debug)]
pub(super) struct LessonView {
    session: Session,
    /// The question that is asked again, if this is a review of one.
    pub(super) question: Option<Question>,
    /// Its stage.
    pub(super) desk: Desk,
    /// The number of the statement that the lesson has under way.
    flying: Option<(u64, usize)>,
    /// Whether the lesson waits for a stage to be open.
    opening: bool,
    /// How many parts of the page had been read when something was added.
    read: usize,
    /// Lines by which the learner has scrolled from there.
    scroll: i32,
    /// Rows of the page, and how many lines of it lie below them.
    rows: i32,
    below: i32,
    /// Whether words and stage stood side by side when they were drawn last.
    wide: bool,
    /// Why the stage can't hold the lesson, if it can't.
    unfit: Option<String>,
    /// What is being measured for it.
    measuring: Option<Running>,
    /// What came of the statements of the step, by where they stand in the lesson's source.
    came: BTreeMap<usize, Came>,
}

/// What the screen must do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    Stay,
    /// The lesson is over.
    Next,
}

impl LessonView {
    /// Opens a lesson where the learner left it.
    pub(super) fn open(lesson: Lesson, progress: &mut Progress, out: &mut Out) -> Self {
        let from = progress.lesson(lesson.id()).filter(|l| !l.done).and_then(|l| l.step.clone());
        Self::begin(Session::new(lesson, from.as_deref()), None, progress, out)
    }

    /// Asks a question again.
    pub(super) fn review(question: Question, progress: &mut Progress, out: &mut Out) -> Self {
        Self::begin(question.begin(), Some(question), progress, out)
    }

    fn begin(session: Session, question: Option<Question>, progress: &mut Progress, out: &mut Out) -> Self {
        let desk = Desk::open(out, Place::Prose);
        let mut view = Self {
            session,
            question,
            desk,
            flying: None,
            opening: true,
            read: 0,
            scroll: 0,
            rows: 0,
            below: 0,
            wide: true,
            unfit: None,
            measuring: None,
            came: BTreeMap::new(),
        };
        view.news(progress, out);
        view
    }

    /// The lesson's id.
    pub(super) fn id(&self) -> &str {
        self.session.lesson().id()
    }

    /// Its title, and how far it is.
    pub(super) fn title(&self) -> (&str, String) {
        let lesson = self.session.lesson();
        let far = match self.question {
            Some(_) => String::new(),
            None => format!(" ({} of {})", self.session.position() + 1, lesson.steps.len()),
        };
        (&lesson.front.title, far)
    }

    /// Whether the goals of the step are behind the learner, and something is still to come.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.session.ask(), Ask::Step(_) | Ask::End | Ask::Over)
    }

    /// Which key leads on where the focus is; none while something stands at the prompt.
    pub(super) fn leads_on(&self, keys: &Keymap, ascii: bool) -> Option<String> {
        let action = match self.desk.place {
            Place::Prompt if !self.desk.prompt.is_clear() => return None,
            Place::Prompt => Action::Run,
            Place::Prose | Place::Stage | Place::Transcript | Place::Editor => Action::Next,
        };
        self.goes_on().then(|| keys.label(action, ascii))
    }

    /// Hands the lesson's next order to the stage, if it has one.
    fn drive(&mut self, progress: &mut Progress, out: &mut Out) {
        self.news(progress, out);
        while !self.opening
            && let Some(order) = self.session.next_order()
        {
            match order {
                Order::Open => {
                    self.desk.restart(Vec::new(), out);
                    self.opening = true;
                }
                Order::Measure(measure) => self.measuring = Some(Running::begin(measure.plan, out)),
                Order::Submit { statement, .. } => {
                    let span = statement.span.start;
                    self.flying = Some((self.desk.say(statement, out), span));
                }
            }
        }
    }

    fn news(&mut self, progress: &mut Progress, out: &mut Out) {
        for news in self.session.take_news() {
            if let Err(why) = note(progress, &self.session, self.question.as_ref(), &news) {
                out.notice(Notice::warning(why));
            }
            let lesson = self.session.lesson();
            match &news {
                News::Step(_) => {
                    (self.read, self.scroll) = (0, 0);
                    self.came.clear();
                }
                News::Met(id) => {
                    let words = lesson.goals().find(|g| g.id == *id).map_or_else(String::new, goal_words);
                    out.notice(Notice::good(format!("done: {words}")));
                }
                News::Differs { span, .. } => out.notice(Notice::error(format!(
                    "this came out otherwise than the lesson says: {}",
                    lesson.text(*span)
                ))),
                News::Scored { took, par } => out.notice(Notice::good(score(*took, *par))),
                News::LeftOut(steps) => {
                    for left in steps {
                        out.notice(Notice::warning(format!("{}; `ipclab doctor` says why", left.words())));
                    }
                }
                News::Restored => out.notice(Notice::good("the stage is set as the lesson wants it")),
                // Whoever is at the stage finds the explanation at the top when the words come back.
                News::Done(_) if self.desk.place != Place::Prose => {
                    (self.read, self.scroll) = (self.session.page().len().saturating_sub(1), 0);
                }
                News::Revealed { .. } | News::Done(_) | News::Helped(_) | News::Over => {}
            }
        }
    }

    /// Learns what a stage said.
    pub(super) fn learn(&mut self, stage: u64, said: FromStage, progress: &mut Progress, out: &mut Out) {
        match self.desk.learn(stage, said, out) {
            Happened::Opened => {
                if let State::Open(info) = &self.desk.session.state {
                    let front = &self.session.lesson().front;
                    let lacks: Vec<&str> =
                        front.requires.iter().filter(|r| !info.capabilities.contains(r)).map(String::as_str).collect();
                    if !lacks.is_empty() {
                        let words = format!("this stage lacks what the lesson needs: {}", lacks.join(", "));
                        let words = format!("{words}; `ipclab doctor` says why");
                        out.notice(Notice::error(words.clone()));
                        self.unfit = Some(words);
                        return;
                    }
                    if self.question.is_none() {
                        let capabilities = info.capabilities.clone();
                        self.session.fit(&capabilities);
                    }
                }
                self.opening = false;
                self.session.opened();
            }
            Happened::Ended(Ended { id, statement, report }) if self.flying.is_some_and(|(own, _)| own == id) => {
                self.flying = None;
                self.came.insert(statement.span.start, Came::of(&statement, &report));
                self.session.ended(&report);
            }
            Happened::Ended(Ended { statement, report, .. }) => self.session.typed(&statement, &report),
            Happened::Refreshed => self.session.refreshed(&self.desk.session.now),
            Happened::Gone(_) => {
                self.opening = false;
                self.flying = None;
                self.session.lost();
            }
            Happened::Nothing | Happened::Replayed(_) => {}
        }
        self.drive(progress, out);
    }

    /// Whether what is said of the measuring with that number is for it.
    pub(super) fn measures(&self, number: u64) -> bool {
        self.measuring.as_ref().is_some_and(|running| running.is(number))
    }

    /// Learns what is said of its measuring.
    pub(super) fn measured(&mut self, said: Said, progress: &mut Progress, out: &mut Out) {
        let Some(running) = &mut self.measuring else { return };
        if let Heard::More = running.hear(said, out) {
            return;
        }
        let figures = running.entry().and_then(|entry| Some(self.session.measuring()?.tables(entry)));
        self.measuring = None;
        self.session.measured(figures.unwrap_or_default());
        self.drive(progress, out);
    }

    /// What a key means in the lesson; `None` if it means nothing to it.
    pub(super) fn act(&mut self, action: Action, progress: &mut Progress, out: &mut Out) -> Option<Wish> {
        let answer = match action {
            Action::Answer1 => Some(0),
            Action::Answer2 => Some(1),
            Action::Answer3 => Some(2),
            Action::Answer4 => Some(3),
            Action::Answer5 => Some(4),
            Action::Answer6 => Some(5),
            _ => None,
        };
        let parts = self.session.page().len();
        match action {
            // Nothing goes on out of sight.
            Action::Next if self.desk.place != Place::Prose && !self.wide => self.desk.place = Place::Prose,
            // What is to be read comes before what is to be done.
            Action::Next if self.below > 0 => {
                self.desk.place = Place::Prose;
                self.scroll += (self.rows - 2).max(1);
            }
            Action::Next if matches!(self.session.ask(), Ask::Over) => return Some(Wish::Next),
            // A review goes on with the next question.
            Action::Next if self.unfit.is_some() && self.question.is_some() => return Some(Wish::Next),
            Action::Next => match self.session.ask() {
                Ask::Goals => out.notice(Notice::warning("first reach the goals: `:` types a statement, h hints")),
                Ask::Answer(_) => out.notice(Notice::warning("first predict: choose a number")),
                Ask::End => {
                    self.session.go_on();
                    self.drive(progress, out);
                    return Some(Wish::Next);
                }
                _ => self.go_on(parts),
            },
            Action::Cancel if self.measuring.is_some() => {
                if let Some(running) = &mut self.measuring {
                    running.cancel(out);
                }
            }
            Action::Skip => self.session.skip(),
            Action::Hint => {
                if matches!(self.session.hint(), None | Some(Rung::Solution(_))) {
                    out.notice(Notice::warning("that is all the help there is; S runs the solution"));
                }
                self.read(parts);
            }
            Action::Solve => {
                self.session.solve();
                self.read(parts);
            }
            Action::StepBefore if self.question.is_some() => out.notice(Notice::warning("a review has one step")),
            Action::StepBefore => self.session.back(),
            Action::Reset | Action::Undo if self.desk.place == Place::Prose => self.session.restore(),
            Action::Up if self.desk.place == Place::Prose => self.scroll -= 1,
            Action::Down if self.desk.place == Place::Prose => self.scroll += 1,
            Action::PageUp if self.desk.place == Place::Prose => self.scroll -= 10,
            Action::PageDown if self.desk.place == Place::Prose => self.scroll += 10,
            Action::Top if self.desk.place == Place::Prose => self.scroll = -10_000,
            Action::Bottom if self.desk.place == Place::Prose => self.scroll = 10_000,
            Action::Undo | Action::Reset | Action::RunAll => {
                out.notice(Notice::warning("in a lesson, R in the column of words sets the stage as it wants it"));
            }
            _ => match answer {
                Some(choice) => {
                    if self.session.answer(choice) {
                        self.read(parts.saturating_sub(1));
                    }
                }
                None => return None,
            },
        }
        self.drive(progress, out);
        Some(Wish::Stay)
    }

    fn go_on(&mut self, parts: usize) {
        if self.session.off_path() {
            self.session.restore();
        }
        self.session.go_on();
        self.read(parts);
    }

    /// What was on the page has been read.
    const fn read(&mut self, parts: usize) {
        self.read = parts;
        self.scroll = 0;
    }

    /// Draws the lesson; gives the cursor's place.
    pub(super) fn render(
        &mut self,
        area: Rect,
        buffer: &mut Buffer,
        look: Look<'_>,
        keys: &Keymap,
        ascii: bool,
    ) -> Option<Position> {
        let columns = usize::from(layout::prose_width(area).saturating_sub(4));
        self.wide = area.width >= layout::WIDE;
        let (lines, starts) = self.page(columns, look, keys, ascii);
        // Before the first part stand the title, and in the first step what the lesson is about.
        let start = |part: usize| if part == 0 { 0 } else { starts.get(part).copied().unwrap_or(lines.len()) };
        let from = start(self.read);
        let answered = matches!(self.session.page().get(self.read), Some(Part::Prediction(_, Some(_))));
        let run = Some(start(self.read + 1)).filter(|_| answered && !self.wide && self.read + 1 < starts.len());
        let scroll = std::cell::Cell::new(self.scroll);
        let (rows_of, below) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let draw = |area: Rect, buffer: &mut Buffer, focused: bool| {
            let mut inner = layout::inset(area, 2, 1);
            // Where there is no room for the question as well, what came of it is what there is to see.
            let whole = lines.len() <= from.saturating_sub(1) + usize::from(inner.height);
            let from = run.filter(|_| !whole).unwrap_or(from);
            // A line or two are not worth a key: the margins make room for them.
            let left = lines.len().saturating_sub(from.saturating_sub(1) + usize::from(inner.height));
            if (1..=2).contains(&left) {
                inner = layout::inset(area, 2, 0);
            }
            let rows = usize::from(inner.height);
            let most = lines.len().saturating_sub(rows);
            // What is new begins at the top if it is long; else the end is shown.
            let at = from.saturating_sub(1).min(most) as i32;
            let top = (at + scroll.get()).clamp(0, most as i32);
            scroll.set(top - at);
            rows_of.set(rows as i32);
            below.set(most as i32 - top);
            for (y, line) in lines.iter().skip(top as usize).take(rows).enumerate() {
                layout::line_at(inner, y as u16, buffer, line);
            }
            let theme = look.theme;
            let style = theme.style(if focused { Role::Focus } else { Role::Border });
            if (top as usize) < most {
                let more = lines.len() - rows - top as usize;
                let s = if more == 1 { "" } else { "s" };
                let words = format!(" {more} more line{s}: {} ", keys.label(Action::Next, ascii));
                let x = area.x + area.width.saturating_sub(text::width(&words) as u16 + 1);
                buffer.set_stringn(x, area.bottom().saturating_sub(1), words, usize::from(area.width), style);
            }
        };
        let prose = Prose { draw: &draw, rows: lines.len() as u16 + 2, task: self.task(area, look.theme, keys, ascii) };
        let cursor = self.desk.render(area, buffer, look, Some(prose));
        self.scroll = scroll.get();
        self.rows = rows_of.get();
        self.below = below.get();
        cursor
    }

    /// The page as lines, and at which line each part begins.
    fn page(&self, width: usize, look: Look<'_>, keys: &Keymap, ascii: bool) -> (Vec<Line<'static>>, Vec<usize>) {
        let theme = look.theme;
        let mut lines = Vec::new();
        let mut starts = Vec::new();
        let lesson = self.session.lesson();
        if self.session.position() == 0 {
            lines.extend(prose::blocks(&lesson.opening, width, theme));
            lines.push(Line::default());
        }
        for line in text::wrap(&self.session.step().title, width) {
            lines.push(Line::from(Span::styled(line, theme.style(Role::Heading))));
        }
        let mut goals = false;
        // What came of a prediction is told after the statements that decided it.
        let mut told: Option<(&Prediction, Answered)> = None;
        for part in self.session.page() {
            // Goals stand in a list of their own, without air between them.
            let air = !(goals && matches!(part, Part::Goal(..)));
            goals = matches!(part, Part::Goal(..));
            if air {
                lines.push(Line::default());
            }
            starts.push(lines.len());
            self.part(part, width, look, keys, ascii, &mut lines);
            match part {
                Part::Prediction(prediction, Some(answered)) => told = Some((prediction, answered)),
                Part::Run(_) => {
                    if let Some((prediction, answered)) = told.take() {
                        revealed(prediction, answered, width, theme, !self.wide, &mut lines);
                    }
                }
                _ => {}
            }
        }
        lines.push(Line::default());
        self.ask(width, theme, keys, ascii, &mut lines);
        (lines, starts)
    }

    fn part(
        &self,
        part: Part<'_>,
        width: usize,
        look: Look<'_>,
        keys: &Keymap,
        ascii: bool,
        lines: &mut Vec<Line<'static>>,
    ) {
        let theme = look.theme;
        let glyphs = theme.glyphs;
        match part {
            Part::Prose(blocks) => lines.extend(prose::blocks(blocks, width, theme)),
            Part::Run(run) => self.run(run, width, look, lines),
            Part::Refutation(refutation) => {
                let words = "Let us see what became of that belief:";
                lines.push(Line::from(Span::styled(words, theme.style(Role::Dim))));
                self.run(&refutation.run, width, look, lines);
            }
            Part::Measured(blocks) => lines.extend(prose::blocks(blocks, width, theme)),
            Part::Prediction(prediction, answered) => {
                Self::prediction(prediction, answered, width, theme, keys, ascii, lines);
            }
            Part::Goal(goal, met) => {
                let (mark, role) = if met { (glyphs.yes, Role::Good) } else { (glyphs.open, Role::Accent) };
                for (i, line) in text::wrap(&goal_words(goal), width.saturating_sub(2)).into_iter().enumerate() {
                    let mark = if i == 0 { mark } else { " " };
                    lines.push(Line::from(vec![
                        Span::styled(format!("{mark} "), theme.style(role)),
                        Span::styled(line, theme.style(if met { Role::Dim } else { Role::Text })),
                    ]));
                }
            }
            Part::Hint(hint) => {
                for (i, line) in prose::blocks(&hint.text, width.saturating_sub(6), theme).into_iter().enumerate() {
                    let mark = if i == 0 { "Hint: " } else { "      " };
                    let mut spans = vec![Span::styled(mark, theme.style(Role::Warning))];
                    spans.extend(line.spans);
                    lines.push(Line::from(spans));
                }
            }
            Part::Solution(run) => {
                lines.push(Line::from(Span::styled("The solution:", theme.style(Role::Warning))));
                self.run(run, width, look, lines);
            }
            Part::Explain(blocks) => lines.extend(prose::blocks(blocks, width, theme)),
        }
    }

    /// Statements, each with what came of it if it was run.
    fn run(&self, run: &Run, width: usize, look: Look<'_>, lines: &mut Vec<Line<'static>>) {
        let theme = look.theme;
        for statement in &run.statements {
            for line in statement.to_string().lines() {
                let spans = vec![
                    Span::styled(format!("  {} ", theme.glyphs.prompt), theme.style(Role::Dim)),
                    Span::styled(line.to_owned(), theme.style(Role::Code)),
                ];
                lines.push(Line::from(clip_spans(spans, width, theme.glyphs.more)));
            }
            let came = match (self.came.get(&statement.span.start), self.flying) {
                (_, Some((_, span))) if span == statement.span.start => {
                    vec![Span::styled(theme.glyphs.running, theme.style(Role::Running))]
                }
                (Some(came), _) => came.spans(theme, look.timeless),
                (None, _) => continue,
            };
            let told = text::line_width(&came);
            match lines.last_mut() {
                Some(line) if text::line_width(&line.spans) + 2 + told <= width => {
                    line.spans.push(Span::raw("  "));
                    line.spans.extend(came);
                }
                _ => lines.extend(text::wrap_spans(&came, width.saturating_sub(6)).into_iter().map(|spans| {
                    let indent = std::iter::once(Span::raw("      "));
                    Line::from(indent.chain(spans).collect::<Vec<_>>())
                })),
            }
        }
    }

    /// What is to be done, and the hint that was given last, for a screen on which the words are not in sight.
    fn task(&self, area: Rect, theme: &Theme, keys: &Keymap, ascii: bool) -> Vec<Line<'static>> {
        let width = usize::from(area.width).saturating_sub(2);
        let mut lines = Vec::new();
        let mut say = |mark: &str, mark_role, words: &str, role| {
            let mark = format!(" {mark} ");
            let indent = " ".repeat(text::width(&mark));
            let room = width.saturating_sub(indent.len());
            let told = text::wrap_spans(&[Span::styled(words.to_owned(), theme.style(role))], room);
            for (y, line) in text::cut(told, 2, room, theme).into_iter().enumerate() {
                let first = if y == 0 { mark.clone() } else { indent.clone() };
                let mut spans = vec![Span::styled(first, theme.style(mark_role))];
                spans.extend(line.spans);
                lines.push(Line::from(spans));
            }
        };
        let glyphs = theme.glyphs;
        if self.goes_on() {
            let key = self.leads_on(keys, ascii).map(|key| format!(" {} {key} goes on", glyphs.dot));
            say(glyphs.yes, Role::Good, &format!("done{}", key.unwrap_or_default()), Role::Good);
            return lines;
        }
        if self.session.ask() != Ask::Goals {
            return lines;
        }
        if let Some((goal, _)) = self.session.goals().iter().find(|(_, met)| !met) {
            say(glyphs.open, Role::Accent, &format!("goal: {}", goal_words(goal)), Role::Text);
        }
        let hint = self.session.page().into_iter().rev().find_map(|part| match part {
            Part::Hint(hint) => Some(hint),
            _ => None,
        });
        if let Some(hint) = hint {
            let words: Vec<String> = prose::blocks(&hint.text, 10_000, theme).iter().map(ToString::to_string).collect();
            say("Hint:", Role::Warning, &words.join(" "), Role::Text);
        }
        lines
    }

    fn prediction(
        prediction: &Prediction,
        answered: Option<Answered>,
        width: usize,
        theme: &Theme,
        keys: &Keymap,
        ascii: bool,
        lines: &mut Vec<Line<'static>>,
    ) {
        let glyphs = theme.glyphs;
        lines.extend(prose::blocks(&prediction.question, width, theme));
        lines.push(Line::default());
        let decided = answered.and_then(|a| a.decided);
        let actions =
            [Action::Answer1, Action::Answer2, Action::Answer3, Action::Answer4, Action::Answer5, Action::Answer6];
        for (i, choice) in prediction.choices.iter().enumerate() {
            let chosen = answered.is_some_and(|a| a.chosen == i);
            let held = decided == Some(Some(i));
            let (mark, role) = match (decided, chosen, held) {
                (Some(_), _, true) => (glyphs.yes.to_owned(), Role::Good),
                (Some(_), true, false) => (glyphs.no.to_owned(), Role::Error),
                (None, true, _) => (glyphs.chosen.to_owned(), Role::Accent),
                _ if answered.is_some() => (" ".to_owned(), Role::Dim),
                _ => (actions.get(i).map_or_else(String::new, |a| keys.label(*a, ascii)), Role::Key),
            };
            let base = theme.style(if answered.is_some() && !chosen && !held { Role::Dim } else { Role::Text });
            for (y, line) in prose::inlines(&choice.text, width.saturating_sub(5), theme, base).into_iter().enumerate()
            {
                let mark = if y == 0 { format!("  {mark}  ") } else { "     ".to_owned() };
                let mut spans = vec![Span::styled(mark, theme.style(role))];
                spans.extend(line.spans);
                lines.push(Line::from(spans));
            }
        }
    }

    /// What the lesson waits for, as the last line of the page.
    fn ask(&self, width: usize, theme: &Theme, keys: &Keymap, ascii: bool, lines: &mut Vec<Line<'static>>) {
        let key = |action| keys.label(action, ascii);
        let (next, hint) = (key(Action::Next), key(Action::Hint));
        let (role, words) = match self.session.ask() {
            _ if self.unfit.is_some() => (Role::Error, self.unfit.clone().unwrap_or_default()),
            Ask::Busy => match &self.measuring {
                Some(running) => (Role::Running, format!("{}   {}  stop", running.words(), key(Action::Cancel))),
                None => (Role::Running, "statements are being run".to_owned()),
            },
            Ask::Measure(measure) => {
                let (seconds, skip) = (measure.seconds(), key(Action::Skip));
                (Role::Accent, format!("{next}  measure it here, in about {seconds} s   {skip}  skip"))
            }
            Ask::Run(run) if run.statements.len() == 1 => (Role::Accent, format!("{next}  run this statement")),
            Ask::Run(_) => (Role::Accent, format!("{next}  run these statements")),
            Ask::Refute(_) => {
                (Role::Accent, format!("{next}  put your belief to the test   {}  skip", key(Action::Skip)))
            }
            Ask::Answer(_) => (Role::Accent, "What do you predict? Choose a number.".to_owned()),
            Ask::Goals => (
                Role::Accent,
                format!("{}  type a statement   {hint}  hint   {}  solution", key(Action::Command), key(Action::Solve)),
            ),
            Ask::Step(step) => (Role::Accent, format!("{next}  go on: {}", step.title)),
            Ask::End => (Role::Accent, format!("{next}  finish the lesson")),
            Ask::Over => (Role::Good, format!("{} The lesson is done.  {next}  go on", theme.glyphs.yes)),
        };
        let read = &self.session.lesson().front.read;
        if matches!(self.session.ask(), Ask::End | Ask::Over) && !read.is_empty() {
            let on = format!("To read on: {}", read.join(", "));
            lines.extend(
                text::wrap(&on, width).into_iter().map(|l| Line::from(Span::styled(l, theme.style(Role::Dim)))),
            );
            lines.push(Line::default());
        }
        for line in text::wrap(&words, width) {
            lines.push(Line::from(Span::styled(line, theme.style(role))));
        }
    }
}

/// A goal as it is read. Its text is plain; what stands between backticks is told apart in prose by its colour.
fn goal_words(goal: &Goal) -> String {
    goal.text.replace('`', "")
}

/// What came of a prediction, and what its belief overlooked; with the choices in words where they may be out of sight.
fn revealed(
    prediction: &Prediction,
    answered: Answered,
    width: usize,
    theme: &Theme,
    choices: bool,
    lines: &mut Vec<Line<'static>>,
) {
    let Some(held) = answered.decided else { return };
    lines.push(Line::default());
    let (role, words) = match held {
        Some(held) if held == answered.chosen => (Role::Good, "You predicted it."),
        Some(_) => (Role::Warning, "It came out otherwise than you predicted."),
        None => (Role::Warning, "Your kernel does something that none of the answers foresaw."),
    };
    lines.push(Line::from(Span::styled(words, theme.style(role))));
    let shown = [Some(answered.chosen), held.filter(|h| *h != answered.chosen)];
    for (i, choice) in shown.into_iter().flatten().filter_map(|i| Some((i, prediction.choices.get(i)?))) {
        if choices {
            let right = held == Some(i);
            let (mark, role) = if right { (theme.glyphs.yes, Role::Good) } else { (theme.glyphs.no, Role::Error) };
            let mark = Span::styled(format!("{mark} "), theme.style(role));
            let indent = Span::raw("  ");
            for (y, line) in prose::inlines(&choice.text, width.saturating_sub(2), theme, theme.style(Role::Text))
                .into_iter()
                .enumerate()
            {
                let mut spans = vec![if y == 0 { mark.clone() } else { indent.clone() }];
                spans.extend(line.spans);
                lines.push(Line::from(spans));
            }
            for line in prose::inlines(&choice.answer, width.saturating_sub(2), theme, theme.style(Role::Dim)) {
                let mut spans = vec![indent.clone()];
                spans.extend(line.spans);
                lines.push(Line::from(spans));
            }
            continue;
        }
        lines.push(Line::default());
        lines.extend(prose::inlines(&choice.answer, width, theme, theme.style(Role::Text)));
    }
}

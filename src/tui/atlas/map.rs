//! The map: the taxonomy at the left, the card of what is chosen at the right.

use std::cell::Cell;
use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::lab::{self, Lab, State};
use super::{Sight, Wish};
use crate::atlas::{Leaf, Property, Row, leaves, rows};
use crate::claim::{self, Verdict};
use crate::facility::registry;
use crate::tui::app::{Notice, Out};
use crate::tui::keys::Action;
use crate::tui::layout;
use crate::tui::prompt::LineEdit;
use crate::tui::text::{self, clip_spans};
use crate::tui::theme::{Role, Theme};
use crate::tui::work::Job;

/// The map's state.
#[derive(Debug, Default)]
pub(super) struct MapView {
    /// Which leaf is chosen, among all.
    at: usize,
    /// The chosen entry of its card; `None` while the tree has the keys.
    entry: Option<usize>,
    /// By how many lines the card was scrolled beyond what the chosen entry asks for.
    scroll: Cell<i32>,
    word: LineEdit,
    /// Whether the word to find is being typed.
    pub(super) typing: bool,
}

/// What was measured, by the ids of leaves.
type Costs = BTreeMap<&'static str, String>;

/// What a card offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Play,
    Lesson(&'static str),
    Claim(&'static str),
}

/// What the card of a leaf offers, in the order in which it stands there.
fn entries(leaf: &'static Leaf) -> Vec<Entry> {
    let lessons = leaf.lessons.iter().map(|id| Entry::Lesson(id));
    let claims = leaf.claims.iter().map(|id| Entry::Claim(id));
    std::iter::once(Entry::Play).chain(lessons).chain(claims).collect()
}

/// The job that shows a claim.
fn job(id: &str) -> Option<Job> {
    let experiment = claim::parse(claim::source(id)?, registry()).ok()?;
    Some(Job { key: id.to_owned(), experiment })
}

impl MapView {
    /// Chooses the leaf of that id.
    pub(super) fn show(&mut self, id: &str) {
        if let Some(at) = leaves().iter().position(|leaf| leaf.id == id) {
            self.word.set("");
            self.go(at);
        }
    }

    /// What is chosen.
    pub(super) fn leaf(&self) -> Option<&'static Leaf> {
        leaves().get(self.at)
    }

    /// The places of the leaves that are shown.
    fn shown(&self) -> Vec<usize> {
        let place = |row| if let Row::Leaf(_, place, _) = row { Some(place) } else { None };
        rows(self.word.text()).into_iter().filter_map(place).collect()
    }

    /// Chooses a leaf that is shown.
    fn settle(&mut self) {
        let shown = self.shown();
        if !shown.contains(&self.at)
            && let Some(first) = shown.first()
        {
            self.go(*first);
        }
    }

    fn go(&mut self, at: usize) {
        self.at = at;
        self.entry = None;
        self.scroll.set(0);
    }

    /// A key that is typed into the word to find.
    pub(super) fn key(&mut self, key: KeyEvent) {
        self.word.key(key);
        self.settle();
    }

    /// Pasted text.
    pub(super) fn paste(&mut self, text: &str) {
        if self.typing {
            self.word.insert(text);
            self.settle();
        }
    }

    /// What a key means here.
    pub(super) fn act(&mut self, action: Action, lab: &mut Lab, out: &mut Out) -> Wish {
        let Some(leaf) = self.leaf() else { return Wish::Leave };
        if self.typing {
            match action {
                Action::Accept => self.typing = false,
                Action::Cancel => {
                    self.typing = false;
                    self.word.set("");
                }
                _ => {}
            }
            return Wish::Stay;
        }
        match action {
            Action::Find => {
                self.typing = true;
                self.entry = None;
            }
            Action::Up => self.step(-1),
            Action::Down => self.step(1),
            Action::PageUp => self.scroll.set(self.scroll.get() - 8),
            Action::PageDown => self.scroll.set(self.scroll.get() + 8),
            Action::Top | Action::Bottom => {
                let shown = self.shown();
                let end = if action == Action::Top { shown.first() } else { shown.last() };
                if let Some(end) = end {
                    self.go(*end);
                }
            }
            Action::Pane | Action::PaneBack => {
                self.entry = if self.entry.is_some() { None } else { Some(0) };
                self.scroll.set(0);
            }
            Action::Right => self.entry = self.entry.or(Some(0)),
            Action::Left => self.entry = None,
            Action::Choose => match self.entry.and_then(|at| entries(leaf).get(at).copied()) {
                None => self.entry = Some(0),
                Some(Entry::Play) => return Self::play(leaf),
                Some(Entry::Lesson(id)) => return Wish::Lesson(id.to_owned()),
                Some(Entry::Claim(id)) => lab.prove(job(id).into_iter().collect(), out),
            },
            Action::PlayIt => return Self::play(leaf),
            Action::Prove => {
                let jobs: Vec<Job> = leaf.claims.iter().filter_map(|id| job(id)).collect();
                if jobs.is_empty() {
                    out.notice(Notice::warning("no claim speaks of it"));
                }
                lab.prove(jobs, out);
            }
            Action::Cancel if self.entry.is_some() => self.entry = None,
            Action::Cancel if !self.word.text().is_empty() => self.word.set(""),
            Action::Cancel => return Wish::Leave,
            _ => {}
        }
        Wish::Stay
    }

    fn play(leaf: &'static Leaf) -> Wish {
        Wish::Play(leaf.play(), leaf.title.clone())
    }

    fn step(&mut self, by: isize) {
        self.scroll.set(0);
        if let Some(entry) = &mut self.entry {
            let count = leaves().get(self.at).map_or(1, |leaf| entries(leaf).len());
            *entry = entry.saturating_add_signed(by).min(count.saturating_sub(1));
            return;
        }
        let shown = self.shown();
        let Some(now) = shown.iter().position(|place| *place == self.at) else { return };
        if let Some(next) = shown.get((now as isize + by).rem_euclid(shown.len() as isize) as usize) {
            self.go(*next);
        }
    }

    /// Draws the screen; gives the cursor's place.
    pub(super) fn render(
        &self,
        area: Rect,
        buffer: &mut Buffer,
        lab: &Lab,
        costs: &Costs,
        sight: Sight<'_>,
    ) -> Option<Position> {
        let theme = sight.theme;
        let wide = area.width >= layout::WIDE;
        if area.width < 64 {
            // One column at a time.
            if self.entry.is_some() {
                self.card(layout::inset(area, 1, 0), buffer, lab, costs, sight);
                return None;
            }
            return self.tree(layout::inset(area, 1, 0), buffer, lab, theme);
        }
        let (left, right) = layout::left(area, if wide { (area.width * 2 / 5).min(52) } else { 34 });
        for y in area.top()..area.bottom() {
            buffer.set_string(right.x, y, theme.glyphs.wire[5], theme.style(Role::Border));
        }
        let cursor = self.tree(layout::inset(left, 1, u16::from(wide)), buffer, lab, theme);
        let mut right = layout::left(right, 2).1;
        right.width = right.width.saturating_sub(1);
        self.card(layout::inset(right, 0, u16::from(wide)), buffer, lab, costs, sight);
        cursor
    }

    fn tree(&self, area: Rect, buffer: &mut Buffer, lab: &Lab, theme: &Theme) -> Option<Position> {
        let (mut area, mut cursor) = (area, None);
        if self.typing || !self.word.text().is_empty() {
            let (rest, foot) = layout::bottom(area, 1);
            area = rest;
            let words = "find: ";
            buffer.set_stringn(foot.x, foot.y, words, usize::from(foot.width), theme.style(Role::Accent));
            let (_, field) = layout::left(foot, words.len() as u16);
            let place = self.word.render(field, buffer, theme.style(Role::Code)).0;
            cursor = self.typing.then_some(place);
        }
        let width = usize::from(area.width);
        let rows = rows(self.word.text());
        let chosen =
            rows.iter().position(|row| matches!(row, Row::Leaf(_, place, _) if *place == self.at)).unwrap_or(0);
        // Some of what comes next is seen too, and at the end all of it.
        let height = usize::from(area.height);
        let first = (chosen + 3).saturating_sub(height).min(rows.len().saturating_sub(height));
        // The branches of the first leaves are not scrolled away alone.
        let first = if chosen + 3 <= height { 0 } else { first };
        for (y, row) in rows.iter().skip(first).take(height).enumerate() {
            let line = match row {
                Row::Branch(depth, title) => {
                    let role = if *depth == 0 { Role::Heading } else { Role::Dim };
                    let more = if first > 0 && y == 0 { theme.glyphs.more } else { "" };
                    Line::from(vec![
                        Span::raw(" ".repeat(2 * depth + 1)),
                        Span::styled((*title).to_owned(), theme.style(role)),
                        Span::styled(more.to_owned(), theme.style(Role::Dim)),
                    ])
                }
                Row::Leaf(depth, place, leaf) => {
                    let here = *place == self.at;
                    let style = match (here, self.entry) {
                        (true, None) => Role::Selection,
                        (true, Some(_)) => Role::Title,
                        (false, _) => Role::Text,
                    };
                    let sign = if here { theme.glyphs.chosen } else { " " };
                    let left = vec![
                        Span::raw(" ".repeat((2 * depth).saturating_sub(1))),
                        Span::styled(format!("{sign} "), theme.style(Role::Accent)),
                        Span::styled(leaf.title.clone(), theme.style(style)),
                    ];
                    text::spread(left, tally(leaf, lab, theme), width, theme.glyphs.more)
                }
            };
            layout::line_at(area, y as u16, buffer, &Line::from(clip_spans(line.spans, width, theme.glyphs.more)));
        }
        if rows.is_empty() {
            let words = Span::styled("nothing is called so", theme.style(Role::Dim));
            layout::line_at(area, 0, buffer, &Line::from(words));
        }
        cursor
    }

    fn card(&self, area: Rect, buffer: &mut Buffer, lab: &Lab, costs: &Costs, sight: Sight<'_>) {
        let Some(leaf) = self.leaf().filter(|_| area.width > 0) else { return };
        let width = usize::from(area.width);
        let cost = match costs.get(leaf.id.as_str()) {
            Some(cost) => cost.clone(),
            None if leaf.measured.is_empty() => "not measured: only what carries messages is".to_owned(),
            None => "not measured yet: m goes where it is".to_owned(),
        };
        let card = Card::of(leaf, self.entry, lab, &cost, sight, width);
        // Where not all of it is seen the last row says so.
        let height = usize::from(area.height);
        let height = if card.lines.len() > height { height.saturating_sub(1) } else { height };
        let most = card.lines.len().saturating_sub(height);
        // So that what was chosen, and what is told beneath it, is seen.
        let first = card.until.saturating_sub(height).min(card.from);
        let asked = first;
        let first = asked.saturating_add_signed(self.scroll.get() as isize).min(most);
        self.scroll.set(first as i32 - asked as i32);
        for (y, line) in card.lines.iter().skip(first).take(height).enumerate() {
            layout::line_at(area, y as u16, buffer, line);
        }
        let below = card.lines.len().saturating_sub(first + height);
        let words = match (first, below) {
            (0, 0) => return,
            (0, below) => format!("{below} lines below"),
            (above, 0) => format!("{above} lines above"),
            (above, below) => format!("{above} lines above, {below} below"),
        };
        let words = vec![Span::styled(words, sight.theme.style(Role::Dim))];
        layout::line_at(area, height as u16, buffer, &text::spread(Vec::new(), words, width, sight.theme.glyphs.more));
    }
}

/// How many of a leaf's claims were shown: nothing as long as none was.
fn tally(leaf: &Leaf, lab: &Lab, theme: &Theme) -> Vec<Span<'static>> {
    let holds = |id: &&String| matches!(lab.state(id), State::Found(finding) if finding.verdict == Verdict::Holds);
    let shown = leaf.claims.iter().filter(holds).count();
    let role = if shown == leaf.claims.len() { Role::Good } else { Role::Dim };
    if shown == 0 {
        Vec::new()
    } else {
        vec![Span::styled(format!("{shown}/{}", leaf.claims.len()), theme.style(role))]
    }
}

/// The lines of a card, and which of them belong to the chosen entry.
struct Card {
    lines: Vec<Line<'static>>,
    from: usize,
    until: usize,
}

impl Card {
    fn of(leaf: &'static Leaf, chosen: Option<usize>, lab: &Lab, cost: &str, sight: Sight<'_>, width: usize) -> Self {
        let theme = sight.theme;
        let mut card = Self { lines: Vec::new(), from: 0, until: 0 };
        card.wrapped(&leaf.title, width, Role::Title, theme);
        card.wrapped(leaf.what(), width, Role::Text, theme);
        card.lines.push(Line::default());
        for property in Property::ALL {
            card.labelled(property.word(), leaf.property(property), width, Role::Value, theme);
        }
        card.labelled("calls", &leaf.calls.join(" "), width, Role::Code, theme);
        card.labelled("manual", &leaf.manual().join(" "), width, Role::Text, theme);
        card.labelled("cost", cost, width, Role::Value, theme);
        let mut heading = "";
        for (at, entry) in entries(leaf).into_iter().enumerate() {
            let (head, mark, words, right) = match entry {
                Entry::Play => {
                    let needs = if leaf.needs.is_empty() { String::new() } else { format!("needs {}", leaf.needs) };
                    ("", Span::styled(theme.glyphs.running, theme.style(Role::Accent)), "Play it".to_owned(), needs)
                }
                Entry::Lesson(id) => {
                    let lesson = sight.lessons.and_then(|l| l.pack.lesson(id));
                    let done = sight.lessons.and_then(|l| l.progress.lesson(id)).is_some_and(|record| record.done);
                    let (glyph, role) =
                        if done { (theme.glyphs.yes, Role::Good) } else { (theme.glyphs.open, Role::Dim) };
                    let title = lesson.map_or_else(|| id.to_owned(), |l| l.front.title.clone());
                    let minutes = lesson.map(|l| format!("{} min", l.front.minutes)).unwrap_or_default();
                    ("Lessons", Span::styled(glyph, theme.style(role)), title, minutes)
                }
                Entry::Claim(id) => {
                    let title = claim::title(id).unwrap_or_default().to_owned();
                    ("Claims", lab::mark(lab.state(id), theme), title, id.to_owned())
                }
            };
            if head != heading || at == 0 {
                card.lines.push(Line::default());
            }
            if head != heading {
                heading = head;
                card.wrapped(head, width, Role::Heading, theme);
            }
            let here = chosen == Some(at);
            let from = card.lines.len();
            card.entry(here, mark, &words, right, width, theme);
            if let Entry::Claim(id) = entry
                && (here || matches!(lab.state(id), State::Runs(..)))
            {
                let told = lab::told(lab.state(id), width.saturating_sub(4), theme);
                card.lines.extend(told.into_iter().map(|line| indented(4, line)));
            }
            if here {
                (card.from, card.until) = (from, card.lines.len());
            }
        }
        card
    }

    fn wrapped(&mut self, words: &str, width: usize, role: Role, theme: &Theme) {
        let style = theme.style(role);
        self.lines.extend(text::wrap(words, width).into_iter().map(|line| Line::from(Span::styled(line, style))));
    }

    fn labelled(&mut self, label: &str, words: &str, width: usize, role: Role, theme: &Theme) {
        const LABEL: usize = 12;
        for (i, line) in text::wrap(words, width.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            self.lines.push(Line::from(vec![
                Span::styled(format!("{label:LABEL$}"), theme.style(Role::Dim)),
                Span::styled(line, theme.style(role)),
            ]));
        }
    }

    /// One entry; in full if it is chosen, else in one line.
    fn entry(&mut self, here: bool, mark: Span<'static>, words: &str, right: String, width: usize, theme: &Theme) {
        let sign = if here { theme.glyphs.chosen } else { " " };
        let style = theme.style(if here { Role::Selection } else { Role::Text });
        let room = width.saturating_sub(5 + text::width(&right));
        let all = text::wrap(words, room);
        let shown = if here { all } else { vec![text::clip(words, room, theme.glyphs.more)] };
        for (i, line) in shown.into_iter().enumerate() {
            let first = i == 0;
            let left = vec![
                Span::styled(format!("{} ", if first { sign } else { " " }), theme.style(Role::Accent)),
                if first { mark.clone() } else { Span::raw(" ") },
                Span::raw(" "),
                Span::styled(line, style),
            ];
            let right = if first { vec![Span::styled(right.clone(), theme.style(Role::Dim))] } else { Vec::new() };
            self.lines.push(text::spread(left, right, width, theme.glyphs.more));
        }
    }
}

fn indented(by: usize, line: Line<'static>) -> Line<'static> {
    let mut spans = vec![Span::raw(" ".repeat(by))];
    spans.extend(line.spans);
    Line::from(spans)
}

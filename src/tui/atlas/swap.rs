//! Facility swap: a scenario beside itself on another facility.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Wish;
use crate::atlas::swap::{Pair, Side, plan, swaps, title};
use crate::model::CallState;
use crate::script::Statement;
use crate::tui::app::{Notice, Out};
use crate::tui::keys::Action;
use crate::tui::layout;
use crate::tui::text::{self, clip_spans};
use crate::tui::theme::{Role, Theme};
use crate::tui::work::{Order, Said, What};

/// The state of a swap.
#[derive(Debug, Default)]
pub(super) struct Swap {
    statements: Vec<Statement>,
    /// What takes the place of what.
    targets: Vec<(&'static str, &'static str)>,
    target: usize,
    pairs: Vec<Pair>,
    /// Which statement has the cursor.
    at: usize,
    running: Option<(u64, Arc<AtomicBool>)>,
    /// The first line that is shown.
    scroll: Cell<usize>,
}

impl Swap {
    /// Takes a scenario; whether there is something to swap in it.
    pub(super) fn open(&mut self, statements: Vec<Statement>) -> bool {
        let targets = swaps(&statements);
        if targets.is_empty() {
            return false;
        }
        *self = Self { statements, targets, ..Self::default() };
        true
    }

    /// Whether it runs.
    pub(super) const fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Whether that run is its own.
    pub(super) fn owns(&self, number: u64) -> bool {
        self.running.as_ref().is_some_and(|(own, _)| *own == number)
    }

    /// What a key means here.
    pub(super) fn act(&mut self, action: Action, out: &mut Out) -> Wish {
        let count = self.targets.len().max(1);
        match action {
            Action::Left | Action::Right if self.running.is_none() => {
                let by = if action == Action::Left { count - 1 } else { 1 };
                self.target = (self.target + by) % count;
                self.pairs.clear();
                self.at = 0;
            }
            Action::RunSwap => self.run(out),
            Action::Up => self.at = self.at.saturating_sub(1),
            Action::Down => self.at = (self.at + 1).min(self.pairs.len().saturating_sub(1)),
            Action::Top => self.at = 0,
            Action::Bottom => self.at = self.pairs.len().saturating_sub(1),
            Action::Cancel => {
                let Some((_, cancelled)) = &self.running else { return Wish::Leave };
                cancelled.store(true, Ordering::Relaxed);
                out.notice(Notice::warning("cancelled: it stops before the next statement"));
            }
            _ => {}
        }
        Wish::Stay
    }

    fn run(&mut self, out: &mut Out) {
        let Some((_, to)) = self.targets.get(self.target).filter(|_| self.running.is_none()) else { return };
        match plan(&self.statements, to) {
            Ok(plan) => {
                let (number, cancelled) = (out.next_stage(), Arc::new(AtomicBool::new(false)));
                self.pairs.clear();
                self.at = 0;
                self.running = Some((number, Arc::clone(&cancelled)));
                out.works.push(Order { number, what: What::Swap(Box::new(plan)), cancelled });
            }
            Err(why) => out.notice(Notice::error(why.to_string())),
        }
    }

    /// Learns what is said of the run.
    pub(super) fn learn(&mut self, said: Said, out: &mut Out) {
        match said {
            Said::Swapped(pair) => self.pairs.push(*pair),
            Said::Failed(why) => out.notice(Notice::error(why)),
            Said::Ended => {
                self.running = None;
                match self.pairs.iter().position(Pair::breaks) {
                    Some(first) => self.at = first,
                    None => out.notice(Notice::good("nothing breaks: all comes out the same")),
                }
            }
            Said::Doing { .. } | Said::Found(..) => {}
        }
    }

    /// Draws the screen.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        let area = layout::inset(area, 1, 0);
        let (from, to) = self.targets.get(self.target).copied().unwrap_or_default();
        let broken = self.pairs.iter().filter(|pair| pair.breaks()).count();
        let state = match (&self.running, self.pairs.is_empty()) {
            (Some(_), _) => format!("statement {} of {}", self.pairs.len() + 1, self.statements.len()),
            (None, true) => format!("{} of {} to swap to", self.target + 1, self.targets.len()),
            (None, false) if broken == 0 => "nothing breaks".to_owned(),
            (None, false) => format!("{broken} of {} come out otherwise", self.pairs.len()),
        };
        let half = usize::from(area.width / 2).saturating_sub(3);
        let head =
            |words: &str, role: Role| vec![Span::styled(text::clip(words, half, theme.glyphs.more), theme.style(role))];
        let left = beside(head(title(from), Role::Title), half);
        let arrows = format!("{} {} {}", theme.glyphs.left, title(to), theme.glyphs.right);
        let mut spans = left;
        spans.push(Span::raw("     "));
        spans.extend(head(&arrows, Role::Selection));
        layout::line_at(area, 0, buffer, &Line::from(clip_spans(spans, usize::from(area.width), theme.glyphs.more)));
        let role = if broken > 0 { Role::Warning } else { Role::Dim };
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        layout::rule(below, buffer, theme, vec![Span::styled(state, theme.style(role))], false);
        let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
        if self.pairs.is_empty() {
            self.scenario(body, buffer, theme);
            return;
        }
        let mut lines = Vec::new();
        let mut chosen = 0..0;
        for (at, pair) in self.pairs.iter().enumerate() {
            let from = lines.len();
            pair_lines(&mut lines, pair, at == self.at, half, theme);
            if at == self.at {
                chosen = from..lines.len();
            }
        }
        let height = usize::from(body.height);
        let most = lines.len().saturating_sub(height);
        // What is chosen is seen, with a little of what comes before it.
        let mut first = self.scroll.get().min(most);
        if chosen.end > first + height {
            first = chosen.end - height;
        }
        if chosen.start < first + 2 {
            first = chosen.start.saturating_sub(2);
        }
        self.scroll.set(first.min(most));
        for (y, line) in lines.iter().skip(self.scroll.get()).take(height).enumerate() {
            layout::line_at(body, y as u16, buffer, line);
        }
    }

    /// The scenario as long as it was not run.
    fn scenario(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        for (y, statement) in self.statements.iter().take(usize::from(area.height)).enumerate() {
            let words = text::clip(&statement.to_string(), usize::from(area.width), theme.glyphs.more);
            layout::line_at(area, y as u16, buffer, &Line::from(Span::styled(words, theme.style(Role::Code))));
        }
    }
}

/// Spans filled up with blanks to a width.
fn beside(spans: Vec<Span<'static>>, width: usize) -> Vec<Span<'static>> {
    let blank = width.saturating_sub(text::line_width(&spans));
    let mut spans = spans;
    spans.push(Span::raw(" ".repeat(blank)));
    spans
}

/// One statement on both sides, what it did there, and what differs.
fn pair_lines(lines: &mut Vec<Line<'static>>, pair: &Pair, here: bool, half: usize, theme: &Theme) {
    let (left, right) = (side_lines(&pair.source, half, theme), side_lines(&pair.other, half, theme));
    let (mark, role) = if pair.breaks() { (theme.glyphs.no, Role::Warning) } else { (theme.glyphs.yes, Role::Good) };
    for row in 0..left.len().max(right.len()).max(1) {
        let sign = if here && row == 0 { theme.glyphs.chosen } else { " " };
        let mut spans = vec![
            Span::styled(sign, theme.style(Role::Accent)),
            if row == 0 { Span::styled(mark, theme.style(role)) } else { Span::raw(" ") },
            Span::raw(" "),
        ];
        let side = |side: &[Vec<Span<'static>>]| side.get(row).cloned().unwrap_or_default();
        spans.extend(beside(side(&left), half));
        spans.push(Span::raw("  "));
        spans.extend(side(&right));
        lines.push(Line::from(spans));
    }
    let mut say = |role: Role, words: String| {
        for line in text::wrap(&words, 2 * half) {
            lines.push(Line::from(vec![Span::raw("    "), Span::styled(line, theme.style(role))]));
        }
    };
    if let Some(why) = &pair.nothing {
        say(Role::Warning, format!("no counterpart: {why}"));
    }
    if !pair.lost.is_empty() {
        say(Role::Dim, format!("lost: {}", pair.lost.join(", ")));
    }
    for (one, other) in &pair.differs {
        say(Role::Warning, format!("here {one}; there {other}"));
    }
}

fn side_lines(side: &Side, half: usize, theme: &Theme) -> Vec<Vec<Span<'static>>> {
    let line = |indent: &str, words: &str, role: Role| {
        let words = format!("{indent}{words}");
        vec![Span::styled(text::clip(&words, half, theme.glyphs.more), theme.style(role))]
    };
    let mut lines: Vec<Vec<Span<'static>>> =
        side.statements.iter().map(|statement| line("", statement, Role::Code)).collect();
    for call in &side.calls {
        let result = match &call.state {
            CallState::Entered => theme.glyphs.more.to_owned(),
            CallState::Returned { shown, .. } => format!("= {shown}"),
        };
        // The result is what one looks for: where there is no room the arguments make some.
        let head = format!("{} {}", call.actor, call.verb);
        let room = half.saturating_sub(text::width(&head) + text::width(&result) + 5);
        let args = text::clip(&call.args, room, theme.glyphs.more);
        lines.push(line("  ", &format!("{head}({args}) {result}"), Role::Dim));
    }
    if let Some(wrong) = &side.wrong {
        lines.push(line("  ", wrong, Role::Warning));
    }
    lines
}

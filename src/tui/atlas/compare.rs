//! The comparison: a table to walk, and beneath it what is known of the chosen answer.

use std::cell::Cell as Kept;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Wish;
use super::lab::{self, Lab, State};
use crate::atlas::{Cell, Column, Leaf, cell, cells, columns, table_rows};
use crate::claim::Verdict;
use crate::lesson::proofs::{self, Proofs};
use crate::tui::app::{Notice, Out};
use crate::tui::keys::Action;
use crate::tui::layout;
use crate::tui::text::{self, clip_spans};
use crate::tui::theme::{Role, Theme};
use crate::tui::work::Job;

/// How wide the column of names is, and each column of answers.
const NAMES: u16 = 25;
const ANSWERS: u16 = 15;

/// The state of the table.
#[derive(Debug, Default)]
pub(super) struct Table {
    row: usize,
    column: usize,
    /// The first line of what is told beneath that is shown.
    scroll: Kept<usize>,
}

fn job(cell: &Cell) -> Option<Job> {
    Some(Job { key: cell.key(), experiment: cell.experiment()?.ok()? })
}

impl Table {
    /// The chosen row.
    pub(super) fn row(&self) -> Option<&'static Leaf> {
        table_rows().get(self.row).copied()
    }

    fn column(&self) -> Option<&'static Column> {
        columns().get(self.column)
    }

    fn cell(&self) -> Option<Cell> {
        cell(self.row()?, self.column()?)
    }

    /// Chooses the row of that id; whether there is one.
    pub(super) fn show(&mut self, id: &str) -> bool {
        let found = table_rows().iter().position(|row| row.id == id);
        self.row = found.unwrap_or(self.row);
        found.is_some()
    }

    /// What a key means here.
    pub(super) fn act(&mut self, action: Action, lab: &mut Lab, out: &mut Out) -> Wish {
        let (rows, wide) = (table_rows().len(), columns().len());
        let before = (self.row, self.column);
        match action {
            Action::Up => self.row = self.row.saturating_sub(1),
            Action::Down => self.row = (self.row + 1).min(rows.saturating_sub(1)),
            Action::Left => self.column = self.column.saturating_sub(1),
            Action::Right => self.column = (self.column + 1).min(wide.saturating_sub(1)),
            Action::Top => self.row = 0,
            Action::Bottom => self.row = rows.saturating_sub(1),
            Action::PageUp => self.scroll.set(self.scroll.get().saturating_sub(4)),
            Action::PageDown => self.scroll.set(self.scroll.get() + 4),
            Action::ProveIt => match self.cell().map(|cell| (cell, job(&cell))) {
                Some((_, Some(job))) => lab.prove(vec![job], out),
                Some((cell, None)) => {
                    out.notice(Notice::warning(format!("nothing to prove: {}", cell.why_not().unwrap_or_default())));
                }
                None => {}
            },
            Action::ProveRow => {
                let own = cells().filter(|cell| self.row().is_some_and(|row| row.id == cell.row.id));
                lab.prove(own.filter_map(|cell| job(&cell)).collect(), out);
            }
            Action::ProveColumn => {
                let own = cells().filter(|cell| self.column().is_some_and(|column| column.id == cell.column.id));
                lab.prove(own.filter_map(|cell| job(&cell)).collect(), out);
            }
            Action::ProveAll => lab.prove(cells().filter_map(|cell| job(&cell)).collect(), out),
            Action::Cancel => return Wish::Leave,
            _ => {}
        }
        if before != (self.row, self.column) {
            self.scroll.set(0);
        }
        Wish::Stay
    }

    /// Draws the screen.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, lab: &Lab, proofs: &Proofs, theme: &Theme) {
        let beneath = (area.height * 2 / 5).clamp(4, 17);
        let (top, below) = layout::bottom(area, beneath);
        self.table(layout::inset(top, 1, 0), buffer, lab, proofs, theme);
        self.beneath(below, buffer, lab, proofs, theme);
    }

    fn table(&self, area: Rect, buffer: &mut Buffer, lab: &Lab, proofs: &Proofs, theme: &Theme) {
        let names = NAMES.min(area.width / 2);
        let (left, right) = layout::left(area, names);
        let shown = usize::from((right.width / ANSWERS).max(1));
        // The chosen column is seen, with one before and one behind it where there is room.
        let spare = usize::from(shown > 2);
        let first = (self.column + 1 + spare).saturating_sub(shown).min(columns().len().saturating_sub(shown));
        let first = first.min(self.column.saturating_sub(spare));
        let heads = 2;
        for (i, column) in columns().iter().enumerate().skip(first).take(shown) {
            let x = right.x + (i - first) as u16 * ANSWERS;
            let place = Rect { x, width: ANSWERS.min(right.right().saturating_sub(x)), ..right };
            let role = if i == self.column { Role::Title } else { Role::Dim };
            let words = text::wrap(&column.title, usize::from(ANSWERS) - 3);
            let above = usize::from(words.len() == 1);
            for (y, line) in words.into_iter().enumerate().take(heads) {
                layout::line_at(place, (y + above) as u16, buffer, &Line::from(Span::styled(line, theme.style(role))));
            }
        }
        let more = |n: usize, sign: &str| if n > 0 { format!("{sign}{n} ") } else { String::new() };
        let hidden = columns().len().saturating_sub(first + shown);
        let words = format!("{}{}", more(first, theme.glyphs.left), more(hidden, theme.glyphs.right));
        layout::line_at(left, 1, buffer, &Line::from(Span::styled(words, theme.style(Role::Dim))));

        let height = usize::from(area.height).saturating_sub(heads);
        let top = (self.row + 2).saturating_sub(height).min(table_rows().len().saturating_sub(height));
        for (y, (index, row)) in table_rows().iter().enumerate().skip(top).take(height).enumerate() {
            let y = (y + heads) as u16;
            let here = index == self.row;
            let sign = if here { theme.glyphs.chosen } else { " " };
            let name = vec![
                Span::styled(format!("{sign} "), theme.style(Role::Accent)),
                Span::styled(row.title.clone(), theme.style(if here { Role::Title } else { Role::Text })),
            ];
            let name = clip_spans(name, usize::from(names).saturating_sub(1), theme.glyphs.more);
            layout::line_at(left, y, buffer, &Line::from(name));
            for (i, column) in columns().iter().enumerate().skip(first).take(shown) {
                let Some(cell) = cell(row, column) else { continue };
                let x = right.x + (i - first) as u16 * ANSWERS;
                let place = Rect { x, width: ANSWERS.min(right.right().saturating_sub(x)), ..right };
                let style = match (here && i == self.column, cell.answer()) {
                    (true, _) => Role::Selection,
                    (false, "-") => Role::Dim,
                    (false, _) => Role::Text,
                };
                let spans = vec![
                    lab::kept_mark(&cell.key(), lab, proofs, theme),
                    Span::raw(" "),
                    Span::styled(cell.answer(), theme.style(style)),
                ];
                let spans = clip_spans(spans, usize::from(place.width), theme.glyphs.more);
                layout::line_at(place, y, buffer, &Line::from(spans));
            }
        }
    }

    fn beneath(&self, area: Rect, buffer: &mut Buffer, lab: &Lab, proofs: &Proofs, theme: &Theme) {
        let Some(cell) = self.cell() else { return };
        let proved = cells().filter(|cell| is_proved(cell, lab, proofs)).count();
        let all = cells().filter(|cell| cell.why_not().is_none()).count();
        let title = vec![
            Span::styled(cell.row.title.clone(), theme.style(Role::Title)),
            Span::styled(format!(" {} {}: ", theme.glyphs.dot, cell.column.title), theme.style(Role::Dim)),
            Span::styled(cell.answer(), theme.style(Role::Value)),
            Span::styled(format!(" {} {proved} of {all} proved", theme.glyphs.dot), theme.style(Role::Dim)),
        ];
        layout::rule(area, buffer, theme, title, false);
        let area = layout::inset(Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, 1, 0);
        let wide = area.width >= layout::WIDE;
        let (left, right) = if wide { layout::left(area, area.width / 2) } else { (area, area) };
        let width = usize::from(left.width).saturating_sub(usize::from(wide) * 2);
        let mut lines = told(&cell, lab, proofs, width, theme);
        let script = script(&cell, width, theme);
        if wide {
            for (y, line) in script.iter().take(usize::from(right.height)).enumerate() {
                layout::line_at(right, y as u16, buffer, line);
            }
        } else {
            lines.extend(script);
        }
        let height = usize::from(left.height);
        let most = lines.len().saturating_sub(height);
        self.scroll.set(self.scroll.get().min(most));
        for (y, line) in lines.iter().skip(self.scroll.get()).take(height).enumerate() {
            layout::line_at(left, y as u16, buffer, line);
        }
        if self.scroll.get() < most && height > 1 {
            let words = format!(" {} {} more lines ", theme.glyphs.more, most - self.scroll.get());
            let x = left.x + (width as u16).saturating_sub(text::width(&words) as u16);
            buffer.set_string(x, left.bottom() - 1, &words, theme.style(Role::Dim));
        }
    }
}

fn is_proved(cell: &Cell, lab: &Lab, proofs: &Proofs) -> bool {
    let key = cell.key();
    matches!(lab.state(&key), State::Found(finding) if finding.verdict == Verdict::Holds)
        || proofs.kernel(&key).is_some()
}

/// What is known of a cell: the question, what shows the answer, and what was seen.
fn told(cell: &Cell, lab: &Lab, proofs: &Proofs, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut say = |role: Role, words: &str| {
        lines
            .extend(text::wrap(words, width).into_iter().map(|line| Line::from(Span::styled(line, theme.style(role)))));
    };
    say(Role::Dim, &format!("Asked: {}.", cell.column.asks));
    if let Some(why) = cell.why_not() {
        say(Role::Text, &format!("The question does not arise: {why}."));
        return lines;
    }
    let key = cell.key();
    match lab.state(&key) {
        State::Unknown => {
            for shows in cell.shows() {
                say(Role::Text, &format!("{} {shows}", theme.glyphs.dot));
            }
            match proofs.kernel(&key) {
                Some(kernel) if kernel == proofs::kernel() => say(Role::Good, "You have proved it on this kernel."),
                Some(kernel) => say(Role::Warning, &format!("You have proved it on another kernel, {kernel}.")),
                None => {}
            }
        }
        state => lines.extend(lab::told(state, width, theme)),
    }
    lines
}

/// The statements of an experiment, those of only one of its two runs marked.
fn script(cell: &Cell, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(Ok(text)) = cell.text() else { return Vec::new() };
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("requires:")) {
        let (role, line) = if let Some(words) = line.strip_prefix("== ") {
            (Role::Dim, format!("# {words}"))
        } else if let Some(words) = line.strip_prefix("counter:") {
            (Role::Dim, format!("# +, in the counter-run:{words}"))
        } else if line.starts_with("+ ") {
            (Role::Warning, line.to_owned())
        } else if line.starts_with("- ") {
            (Role::Code, line.to_owned())
        } else {
            (Role::Code, format!("  {line}"))
        };
        let spans = vec![Span::styled(line, theme.style(role))];
        lines.push(Line::from(clip_spans(spans, width, theme.glyphs.more)));
    }
    lines
}

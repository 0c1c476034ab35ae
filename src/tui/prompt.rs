//! The prompt: one line with history, completion and what is wrong with it.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar as _;

use super::text::{self, clip};
use super::theme::{Role, Theme};
use crate::model::Snapshot;
use crate::script::{Diagnostic, Registry, STATEMENT_MAX};

/// One way to complete the word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// What takes the word's place.
    pub(super) text: String,
    /// One line of doc.
    pub(super) doc: String,
}

/// What completion offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// The bytes of the line that the candidates stand for.
    pub(super) span: Range<usize>,
    /// In the order in which they are offered.
    pub(super) candidates: Vec<Candidate>,
    /// The chosen one, if one was chosen.
    chosen: Option<usize>,
    /// The word as it was typed.
    typed: String,
}

/// A line that is being typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LineEdit {
    text: String,
    /// Where the cursor is, in bytes, at the edge of a character.
    cursor: usize,
}

impl LineEdit {
    /// What was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The byte at which the cursor is.
    pub(super) const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Puts a text in place of the line, with the cursor at its end.
    pub(super) fn set(&mut self, text: impl Into<String>) {
        self.text = text.into();
        self.cursor = self.text.len();
    }

    /// Puts characters at the cursor, without those that no line can hold; whether all of them fitted.
    pub(super) fn insert(&mut self, text: &str) -> bool {
        let clean: String = text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect();
        if self.text.len() + clean.len() > STATEMENT_MAX {
            return false;
        }
        self.text.insert_str(self.cursor, &clean);
        self.cursor += clean.len();
        true
    }

    /// Puts a text in place of a range of bytes.
    fn replace(&mut self, range: Range<usize>, text: &str) {
        self.text.replace_range(range.clone(), text);
        self.cursor = range.start + text.len();
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].chars().next_back().map_or(self.cursor, |c| self.cursor - c.len_utf8())
    }

    fn after(&self) -> usize {
        self.text[self.cursor..].chars().next().map_or(self.cursor, |c| self.cursor + c.len_utf8())
    }

    fn word_before(&self) -> usize {
        let head = self.text[..self.cursor].trim_end();
        head.rfind(char::is_whitespace).map_or(0, |i| i + 1)
    }

    fn word_after(&self) -> usize {
        let tail = &self.text[self.cursor..];
        let blank = tail.len() - tail.trim_start().len();
        tail[blank..].find(char::is_whitespace).map_or(self.text.len(), |i| self.cursor + blank + i)
    }

    /// Edits the line as a shell's would; whether the key meant anything.
    pub(super) fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.text.len(),
            KeyCode::Char('u') if control => self.replace(0..self.cursor, ""),
            KeyCode::Char('k') if control => self.text.truncate(self.cursor),
            KeyCode::Char('w') if control => self.replace(self.word_before()..self.cursor, ""),
            KeyCode::Char('d') if control => self.text.replace_range(self.cursor..self.after(), ""),
            KeyCode::Char('b') if alt => self.cursor = self.word_before(),
            KeyCode::Char('f') if alt => self.cursor = self.word_after(),
            KeyCode::Left if control || alt => self.cursor = self.word_before(),
            KeyCode::Right if control || alt => self.cursor = self.word_after(),
            KeyCode::Char('h') if control => self.replace(self.before()..self.cursor, ""),
            KeyCode::Char(c) if !control && !alt => return self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Backspace if alt => self.replace(self.word_before()..self.cursor, ""),
            KeyCode::Backspace => self.replace(self.before()..self.cursor, ""),
            KeyCode::Delete => self.text.replace_range(self.cursor..self.after(), ""),
            _ => return false,
        }
        true
    }

    /// How many columns of the line are left out at the left so that the cursor is in a row of that width.
    pub(super) fn skipped(&self, width: usize) -> usize {
        text::width(&self.text[..self.cursor]).saturating_sub(width.saturating_sub(1))
    }

    /// Draws the part of the line around the cursor in one row; gives the cursor's place.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, style: ratatui::style::Style) -> (Position, usize) {
        let area = area.intersection(buffer.area);
        let room = usize::from(area.width).saturating_sub(1);
        let at = text::width(&self.text[..self.cursor]);
        let skip = self.skipped(usize::from(area.width));
        let (mut column, mut x) = (0, 0);
        let mut shown = String::new();
        for c in self.text.chars() {
            let w = c.width().unwrap_or(0);
            if column >= skip {
                if x + w > room {
                    break;
                }
                x += w;
                shown.push(c);
            }
            column += w;
        }
        if !area.is_empty() {
            buffer.set_string(area.x, area.y, shown, style);
        }
        (Position::new(area.x + (at - skip) as u16, area.y), skip)
    }
}

/// Lines kept in the history.
const HISTORY: usize = 1000;

/// The prompt of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// The line.
    pub(super) line: LineEdit,
    /// Lines of a block whose `end` is to come.
    pub(super) block: Vec<String>,
    /// What is wrong with what was entered last.
    pub(super) errors: Vec<Diagnostic>,
    /// What completion offers.
    pub(super) offer: Option<Offer>,
    history: Vec<String>,
    /// The place in the history, and the line that was left for it.
    recalled: Option<(usize, String)>,
}

impl Prompt {
    /// A key that no action took; whether it meant anything.
    pub(super) fn key(&mut self, key: KeyEvent) -> bool {
        let meant = self.line.key(key);
        if meant {
            self.touched();
        }
        meant
    }

    /// Forgets what belonged to the line as it was.
    fn touched(&mut self) {
        self.offer = None;
        self.errors.clear();
        self.recalled = None;
    }

    /// Puts a text in at the cursor; whether it fitted.
    pub(super) fn paste(&mut self, text: &str) -> bool {
        self.touched();
        self.line.insert(text)
    }

    /// Whether there is anything to clear.
    pub(super) fn is_clear(&self) -> bool {
        self.line.text.is_empty() && self.block.is_empty() && self.errors.is_empty() && self.offer.is_none()
    }

    /// Clears the line and the block.
    pub(super) fn clear(&mut self) {
        self.touched();
        self.line.set("");
        self.block.clear();
    }

    /// The lines of the block and the line itself as one text, and where the cursor is in it.
    pub(super) fn whole(&self) -> (String, usize) {
        let mut text = String::new();
        for line in &self.block {
            text.push_str(line);
            text.push('\n');
        }
        let cursor = text.len() + self.line.cursor;
        text.push_str(&self.line.text);
        (text, cursor)
    }

    /// Keeps a line in the history.
    pub(super) fn remember(&mut self, line: &str) {
        if self.history.last().is_none_or(|last| last != line) && !line.trim().is_empty() {
            if self.history.len() == HISTORY {
                self.history.remove(0);
            }
            self.history.push(line.to_owned());
        }
    }

    /// Goes through the history, back or forth.
    pub(super) fn recall(&mut self, older: bool) {
        let (at, draft) = match self.recalled.take() {
            Some((at, draft)) => (at, draft),
            None => (self.history.len(), self.line.text.clone()),
        };
        let to = if older { at.saturating_sub(1) } else { (at + 1).min(self.history.len()) };
        self.touched();
        match self.history.get(to) {
            Some(line) => {
                self.line.set(line.clone());
                self.recalled = Some((to, draft));
            }
            None => self.line.set(draft),
        }
    }

    /// Takes an offer: one that is alone is taken at once, of several the part that they share.
    pub(super) fn offer(&mut self, span: Range<usize>, candidates: Vec<Candidate>) {
        let Some(first) = candidates.first() else { return };
        let typed = self.line.text.get(span.clone()).unwrap_or_default().to_owned();
        if candidates.len() == 1 {
            let text = first.text.clone();
            self.touched();
            self.line.replace(span, &text);
            return;
        }
        let mut shared = first.text.clone();
        for candidate in &candidates {
            while !candidate.text.starts_with(&shared) {
                shared.pop();
            }
        }
        self.touched();
        let mut span = span;
        if shared.len() > typed.len() && shared.starts_with(&typed) {
            self.line.replace(span.clone(), &shared);
            span.end = span.start + shared.len();
        }
        let typed = self.line.text.get(span.clone()).unwrap_or_default().to_owned();
        self.offer = Some(Offer { span, candidates, chosen: None, typed });
    }

    /// Goes to the next candidate, or back.
    pub(super) fn cycle(&mut self, forward: bool) {
        let Some(mut offer) = self.offer.take() else { return };
        let count = offer.candidates.len();
        let next = match (offer.chosen, forward) {
            (None, true) => Some(0),
            (None, false) => count.checked_sub(1),
            (Some(i), true) => (i + 1 < count).then_some(i + 1),
            (Some(i), false) => i.checked_sub(1),
        };
        let text = next.and_then(|i| offer.candidates.get(i)).map_or(offer.typed.clone(), |c| c.text.clone());
        self.line.replace(offer.span.clone(), &text);
        offer.span.end = offer.span.start + text.len();
        offer.chosen = next;
        self.offer = Some(offer);
    }
}

/// What the call at the cursor takes: its usage with the argument at the cursor marked, then what that is for.
pub(super) fn hint(text: &str, cursor: usize, registry: &Registry, theme: &Theme) -> Vec<Span<'static>> {
    let Some(signature) = crate::script::help_for(text, cursor, registry) else { return Vec::new() };
    let (code, dim) = (theme.style(Role::Code), theme.style(Role::Dim));
    let Some((active, arg)) = signature.active_arg.and_then(|i| signature.args.get(i).map(|a| (i, a))) else {
        return vec![
            Span::styled(signature.usage, code),
            Span::styled(format!("  {}  {}", signature.doc, signature.man), dim),
        ];
    };
    let mut spans = vec![Span::styled(signature.name.clone(), code)];
    for (i, other) in signature.args.iter().enumerate() {
        let style = if i == active { theme.style(Role::Accent) } else { code };
        spans.push(Span::raw(" "));
        spans.push(Span::styled(other.text.clone(), style));
    }
    spans.push(Span::styled(format!("  {}: {}", arg.doc, arg.takes), dim));
    spans
}

/// What POSIX leaves undefined in what was typed, if it is a whole statement by now.
pub(super) fn warning(text: &str, now: &Snapshot, registry: &Registry, theme: &Theme) -> Option<Vec<Span<'static>>> {
    let statement = crate::script::parse_line(text, registry).ok()?;
    let why = crate::facility::undefined(&statement, now)?;
    Some(vec![Span::styled(format!("{} {why}", theme.glyphs.caret), theme.style(Role::Warning))])
}

/// How many rows may be said of a line.
const SAID: usize = 3;

/// What is said of the line, as lines of at most `width` columns: carets under the place of an error and what is wrong,
/// else `hint`.
pub(super) fn said(prompt: &Prompt, hint: &[Span<'static>], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    match prompt.errors.first() {
        Some(error) => complaint(error, &prompt.line, width, theme),
        None => text::cut(text::wrap_spans(hint, width), SAID, width, theme),
    }
}

/// Draws the prompt in one row and what is said of it in the rows below; gives the cursor's place.
pub(super) fn render(
    area: Rect,
    buffer: &mut Buffer,
    prompt: &Prompt,
    said: &[Line<'static>],
    theme: &Theme,
    focused: bool,
) -> Position {
    let area = area.intersection(buffer.area);
    let sign = if prompt.block.is_empty() { theme.glyphs.prompt } else { theme.glyphs.more };
    let role = if focused { Role::Accent } else { Role::Dim };
    buffer.set_stringn(area.x, area.y, format!("{sign} "), usize::from(area.width), theme.style(role));
    let row = Rect { x: area.x + 2.min(area.width), width: area.width.saturating_sub(2), height: 1, ..area };
    let (cursor, _) = prompt.line.render(row, buffer, theme.style(Role::Text));
    if prompt.line.text.is_empty() && prompt.errors.is_empty() {
        let words =
            if prompt.block.is_empty() { "a statement, such as  spawn alice" } else { "a line of the block, or  end" };
        buffer.set_stringn(row.x, row.y, words, usize::from(row.width), theme.style(Role::Dim));
    }
    let below = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..row };
    for (y, line) in said.iter().enumerate() {
        super::layout::line_at(below, y as u16, buffer, line);
    }
    cursor
}

/// Carets under the place, and beside or below them what is wrong.
fn complaint(error: &Diagnostic, edit: &LineEdit, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let line = edit.text();
    let skip = edit.skipped(room);
    let at = text::width(line.get(..error.span.start.min(line.len())).unwrap_or(line)).saturating_sub(skip);
    let long = text::width(line.get(error.span.start..error.span.end.min(line.len())).unwrap_or_default()).clamp(1, 40);
    let mut words = error.message.clone();
    if let Some(help) = &error.help {
        words.push_str("; ");
        words.push_str(help);
    }
    let style = theme.style(Role::Error);
    let at = at.min(room.saturating_sub(1));
    let carets = theme.glyphs.caret.repeat(long.min(room - at));
    if text::width(&words) < at && at + long + 1 + text::width(&words) > room {
        // On the left there is room for all of it.
        let pad = " ".repeat(at - text::width(&words) - 1);
        return vec![Line::from(Span::styled(format!("{pad}{words} {carets}"), style))];
    }
    let first = Span::styled(format!("{}{carets}", " ".repeat(at)), style);
    let beside = room.saturating_sub(at + long + 1);
    let whole = text::wrap(&words, beside);
    if whole.len() <= 1 || beside >= 24 && whole.len() <= SAID {
        // Under each other behind the carets.
        let pad = " ".repeat(at + long + 1);
        return whole
            .into_iter()
            .enumerate()
            .map(|(i, words)| match i {
                0 => Line::from(vec![first.clone(), Span::styled(format!(" {words}"), style)]),
                _ => Line::from(Span::styled(format!("{pad}{words}"), style)),
            })
            .collect();
    }
    let mut lines = vec![Line::from(first)];
    let words = text::wrap_spans(&[Span::styled(words, style)], room);
    lines.extend(text::cut(words, SAID - 1, room, theme));
    lines
}

/// Draws what completion offers, above the prompt.
pub(super) fn popup(above: Rect, buffer: &mut Buffer, offer: &Offer, theme: &Theme) {
    let above = above.intersection(buffer.area);
    let rows = offer.candidates.len().min(8).min(usize::from(above.height.saturating_sub(2)));
    let texts = offer.candidates.iter().map(|c| text::width(&c.text)).max().unwrap_or(0).min(28);
    let docs = offer.candidates.iter().map(|c| text::width(&c.doc)).max().unwrap_or(0).min(60);
    let width = (texts + docs + 6).min(usize::from(above.width)) as u16;
    if rows == 0 || width < 8 {
        return;
    }
    let height = rows as u16 + 2;
    let indent = (text::width(&offer.typed) as u16 + 2).min(above.width - width);
    let area = Rect::new(above.x + indent, above.bottom() - height, width, height);
    let inner = super::layout::window(area, buffer, theme, "");
    let first = offer.chosen.map_or(0, |c| (c + 1).saturating_sub(rows));
    for (y, (i, candidate)) in offer.candidates.iter().enumerate().skip(first).take(rows).enumerate() {
        let chosen = offer.chosen == Some(i);
        let (name, doc) = if chosen { (Role::Selection, Role::Selection) } else { (Role::Code, Role::Dim) };
        let label = clip(&candidate.text, texts, theme.glyphs.more);
        let pad = " ".repeat(texts.saturating_sub(text::width(&label)) + 2);
        let spans = vec![
            Span::styled(label, theme.style(name)),
            Span::styled(pad, theme.style(name)),
            Span::styled(candidate.doc.clone(), theme.style(doc)),
        ];
        let line = text::spread(spans, Vec::new(), usize::from(inner.width), theme.glyphs.more);
        buffer.set_line(inner.x, inner.y + y as u16, &line, inner.width);
    }
}

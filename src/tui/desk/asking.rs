//! The lowest rows of a desk: the prompt, or the field that asks for a file, a word, or keys for a terminal.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{Asks, Desk, Editor, Look, Notice, Out, Place};
use crate::tui::layout;
use crate::tui::prompt::{self, LineEdit};
use crate::tui::text;
use crate::tui::theme::Role;

/// From this height on, what is said of a line that is typed has a row of its own below it.
const ROOMY: u16 = 18;

impl Desk {
    pub(super) fn ask(&mut self, asks: Asks, text: &str) {
        let mut line = LineEdit::default();
        line.set(text);
        self.field = Some((asks, line));
    }

    pub(super) fn accept(&mut self, out: &mut Out) {
        let Some((asks, line)) = self.field.take() else { return };
        let typed = line.text().trim().to_owned();
        match asks {
            Asks::Find => {
                self.view.word = typed;
                if !self.view.word.is_empty() && !self.view.find(&self.session.transcript, false) {
                    out.notice(Notice::warning("not found"));
                }
            }
            Asks::Open if !typed.is_empty() => match Editor::open(typed.into()) {
                Ok(editor) => self.edit(editor),
                Err(why) => out.notice(Notice::error(why)),
            },
            Asks::Save => self.save_as(&typed, out),
            Asks::Open => {}
            Asks::Keys(name) => {
                let keys = self.line_for(&name, line.text());
                let left = if self.send_keys(&name, &keys, out) { "" } else { line.text() };
                self.ask(Asks::Keys(name), left);
            }
        }
    }

    /// What is said below the prompt of what stands in it, wrapped.
    fn said(&self, width: u16, look: Look<'_>) -> Vec<Line<'static>> {
        let theme = look.theme;
        if self.place != Place::Prompt && self.prompt.errors.is_empty() {
            return Vec::new();
        }
        let (text, cursor) = self.prompt.whole();
        let hint = prompt::warning(&text, &self.session.now, look.registry, theme)
            .unwrap_or_else(|| prompt::hint(&text, cursor, look.registry, theme));
        prompt::said(&self.prompt, &hint, usize::from(width), theme)
    }

    /// How many rows the prompt and what is said of it have, in an area as high and wide as this one.
    pub(super) fn bottom_rows(&self, area: Rect, look: Look<'_>) -> u16 {
        let below = if self.field.is_some() { 1 } else { self.said(area.width.saturating_sub(4), look).len() as u16 };
        let typing = self.place == Place::Prompt && !self.prompt.line.text().is_empty();
        match area.height {
            // What is wrong is said even where there is hardly room for it.
            0..ROOMY if self.prompt.errors.is_empty() => 1,
            0..ROOMY => 1 + below.min(2),
            // Beside the words of a lesson there is nothing to type.
            _ if self.place == Place::Prose && area.width < layout::WIDE => 1,
            // What is said changes with each word: where it may need two rows it has them, so that nothing jumps.
            _ if typing && area.width < layout::WIDE => 1 + below.max(2),
            _ => 1 + below.max(1),
        }
    }

    /// The prompt, or the field that asks for something.
    pub(super) fn bottom(&self, area: Rect, buffer: &mut Buffer, look: Look<'_>) -> Option<Position> {
        let theme = look.theme;
        let area = layout::inset(area, 1, 0);
        if let Some((asks, line)) = &self.field {
            let (words, help) = match asks {
                Asks::Open => ("open script: ".to_owned(), here("a name counts from")),
                Asks::Save if self.editor.is_blank() => (
                    "save the session as: ".to_owned(),
                    here("a name that ends in .md makes it a lesson, any other a script; it counts from"),
                ),
                Asks::Save => ("save script as: ".to_owned(), here("a name counts from")),
                Asks::Find => ("find: ".to_owned(), String::new()),
                Asks::Keys(name) => (self.caption(name), String::new()),
            };
            buffer.set_stringn(area.x, area.y, &words, usize::from(area.width), theme.style(Role::Accent));
            let help = text::clip(&help, usize::from(area.width), theme.glyphs.more);
            layout::line_at(area, 1, buffer, &Line::from(Span::styled(help, theme.style(Role::Dim))));
            let (_, row) = layout::left(Rect { height: area.height.min(1), ..area }, words.len() as u16);
            return Some(line.render(row, buffer, theme.style(Role::Text)).0);
        }
        let focused = self.place == Place::Prompt;
        let said = self.said(area.width.saturating_sub(2), look);
        let cursor = prompt::render(area, buffer, &self.prompt, &said, theme, focused);
        focused.then_some(cursor)
    }
}

/// From which directory a file's name counts.
fn here(words: &str) -> String {
    std::env::current_dir().map_or_else(|_| String::new(), |path| format!("{words} {}", path.display()))
}

//! Carrying what was done to another ipclab and back: a file whose name is asked for, and what it would change.

use std::path::{Path, PathBuf};

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::app::{Notice, Out};
use super::keys::{Action, Keymap};
use super::layout;
use super::lessons::Lessons;
use super::prompt::LineEdit;
use super::text;
use super::theme::{Role, Theme};
use crate::lesson::proofs::Proofs;
use crate::lesson::transfer::{self, Transfer};
use crate::lesson::write_new;

/// What is asked.
#[derive(Debug)]
pub(super) enum Carry {
    /// Into which file what was done is written; and why the last one would not do.
    Export(LineEdit, Option<String>),
    /// From which file what was done is read; the same.
    Import(LineEdit, Option<String>),
    /// Whether what a file changes is wanted: the file, and the changes in words.
    Agree(PathBuf, Box<Transfer>, Vec<String>),
}

impl Carry {
    /// Asks for a new file.
    pub(super) fn export() -> Self {
        let mut line = LineEdit::default();
        line.set("ipclab-progress.txt");
        Self::Export(line, None)
    }

    /// Asks for a file that was exported.
    pub(super) fn import() -> Self {
        Self::Import(LineEdit::default(), None)
    }

    /// The line that is typed.
    pub(super) fn line(&mut self) -> Option<&mut LineEdit> {
        match self {
            Self::Export(line, _) | Self::Import(line, _) => Some(line),
            Self::Agree(..) => None,
        }
    }

    /// What a key means; what is asked then, if something still is.
    pub(super) fn act(self, action: Action, lessons: &mut Lessons, proofs: &mut Proofs, out: &mut Out) -> Option<Self> {
        if action != Action::Accept {
            return (action != Action::Cancel).then_some(self);
        }
        match self {
            Self::Export(line, _) => {
                let name = line.text().trim();
                if name.is_empty() {
                    return None;
                }
                let text = transfer::export(&lessons.pack, &lessons.progress, proofs);
                match write_new(Path::new(name), &text) {
                    Ok(()) => {
                        let what = transfer::summary(&lessons.progress, proofs);
                        out.notice(Notice::good(format!("{name}: {what}")));
                        None
                    }
                    Err(why) => Some(Self::Export(line, Some(why))),
                }
            }
            Self::Import(line, _) => {
                let name = line.text().trim();
                if name.is_empty() {
                    return None;
                }
                match transfer::open(Path::new(name)) {
                    Err(why) => Some(Self::Import(line, Some(why))),
                    Ok(transfer) => {
                        let changes = transfer::changes(&lessons.progress, proofs, &transfer);
                        if changes.is_empty() {
                            out.notice(Notice::good("all of it is known already"));
                            return None;
                        }
                        Some(Self::Agree(name.into(), Box::new(transfer), changes))
                    }
                }
            }
            Self::Agree(_, transfer, changes) => {
                out.notice(match transfer::lay(&mut lessons.progress, proofs, &transfer) {
                    Ok(()) => {
                        let what = if changes.len() == 1 {
                            "1 change".to_owned()
                        } else {
                            format!("{} changes", changes.len())
                        };
                        Notice::good(format!("imported: {what}"))
                    }
                    Err(why) => Notice::error(why),
                });
                None
            }
        }
    }

    /// Draws it over the screen; gives the cursor's place.
    pub(super) fn render(
        &self,
        area: Rect,
        buffer: &mut Buffer,
        theme: &Theme,
        keys: &Keymap,
        ascii: bool,
    ) -> Option<Position> {
        let [accept, cancel] = [Action::Accept, Action::Cancel].map(|action| keys.label(action, ascii));
        let (title, words, changes) = match self {
            Self::Export(..) => (
                "Export",
                format!(
                    "Writes all that you did into a new file, which another ipclab can import, and run again with `ipclab replay`. {accept} writes it, {cancel} leaves it."
                ),
                &[][..],
            ),
            Self::Import(..) => (
                "Import",
                format!(
                    "Reads what an ipclab has exported, and shows what it would change; nothing of yours is lost. {accept} reads it, {cancel} leaves it."
                ),
                &[][..],
            ),
            Self::Agree(file, _, changes) => (
                "Import",
                format!("This is new in {}. {accept} lays it beside your own, {cancel} leaves it.", file.display()),
                &changes[..],
            ),
        };
        let width = area.width.saturating_sub(4).min(76);
        let room = usize::from(width.saturating_sub(4));
        let words = text::wrap(&words, room);
        let most = usize::from(area.height).saturating_sub(words.len() + 4).max(1);
        let mut lines: Vec<Line<'_>> = Vec::new();
        let shown = if changes.len() > most { most - 1 } else { changes.len() };
        for change in &changes[..shown] {
            let change = text::clip(change, room, theme.glyphs.more);
            lines.push(Line::from(Span::styled(change, theme.style(Role::Text))));
        }
        if shown < changes.len() {
            let more = format!("and {} more", changes.len() - shown);
            lines.push(Line::from(Span::styled(more, theme.style(Role::Dim))));
        }
        if let Self::Export(_, Some(why)) | Self::Import(_, Some(why)) = self {
            // The row of the file comes first.
            lines.push(Line::default());
            let why = text::wrap(why, room).into_iter();
            lines.extend(why.map(|line| Line::from(Span::styled(line, theme.style(Role::Error)))));
        }
        let rows = words.len() + 1 + lines.len().max(1);
        let height = (rows as u16 + 2).min(area.height);
        let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
        let inner = layout::window(Rect { x, y, width, height }, buffer, theme, title);
        for (y, line) in words.into_iter().enumerate() {
            layout::line_at(inner, y as u16, buffer, &Line::from(Span::styled(line, theme.style(Role::Dim))));
        }
        let below = rows - lines.len().max(1);
        for (y, line) in lines.iter().enumerate() {
            layout::line_at(inner, (below + y) as u16, buffer, line);
        }
        let (Self::Export(line, _) | Self::Import(line, _)) = self else { return None };
        let row = Rect { y: inner.y + below as u16, height: 1, ..inner }.intersection(inner);
        let label = "file: ";
        buffer.set_stringn(row.x, row.y, label, usize::from(row.width), theme.style(Role::Accent));
        let (_, field) = layout::left(row, label.len() as u16);
        Some(line.render(field, buffer, theme.style(Role::Code)).0)
    }
}

//! The script editor: statements in a file, run line by line or all at once.

use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_textarea::{CursorMove, TextArea};

use super::layout;
use super::text;
use super::theme::{Role, Theme};
use crate::script::{Diagnostic, Registry, Statement, incomplete, parse};

/// A script on the screen.
#[derive(Debug)]
pub(super) struct Editor {
    area: TextArea<'static>,
    /// The file that it came from or went to.
    pub(super) path: Option<PathBuf>,
    /// What is wrong with it, as far as it was run.
    errors: Vec<Diagnostic>,
    /// Whether any of it was run.
    ran: bool,
    /// Whether it differs from the file.
    pub(super) changed: bool,
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.lines().map(str::to_owned).collect());
    area.set_cursor_line_style(Style::new());
    area.set_tab_length(2);
    area
}

/// The longest script that is opened, in bytes.
const LONGEST: u64 = 1 << 20;

impl Editor {
    /// An empty script.
    pub(super) fn new() -> Self {
        Self::with("", None)
    }

    fn with(text: &str, path: Option<PathBuf>) -> Self {
        Self { area: area(text), path, errors: Vec::new(), ran: false, changed: false }
    }

    /// Puts another text in place of the script, which is to be saved.
    pub(super) fn hold(&mut self, text: &str) {
        self.area = area(text);
        self.errors.clear();
        self.changed = true;
    }

    /// Opens a file.
    pub(super) fn open(path: PathBuf) -> Result<Self, String> {
        let tell = |error: std::io::Error| format!("{} can't be opened: {error}", path.display());
        let size = std::fs::metadata(&path).map_err(tell)?.len();
        if size > LONGEST {
            return Err(format!("{} has {size} bytes, a script may have {LONGEST}", path.display()));
        }
        let text = std::fs::read_to_string(&path).map_err(tell)?;
        Ok(Self::with(&text, Some(path)))
    }

    /// Writes the script to a file.
    pub(super) fn save(&mut self, path: PathBuf) -> Result<(), String> {
        std::fs::write(&path, self.text()).map_err(|error| format!("{} can't be written: {error}", path.display()))?;
        self.path = Some(path);
        self.changed = false;
        Ok(())
    }

    /// The script.
    pub(super) fn text(&self) -> String {
        let mut text = self.area.lines().join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// How many rows it would like to have.
    pub(super) fn rows(&self) -> u16 {
        (self.area.lines().len() + self.errors.len() + 2).min(usize::from(u16::MAX)) as u16
    }

    /// Whether nothing was written.
    pub(super) fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|l| l.trim().is_empty())
    }

    /// Puts text in at the cursor.
    pub(super) fn paste(&mut self, text: &str) -> bool {
        if text.len() as u64 > LONGEST {
            return false;
        }
        let clean: String = text.replace("\r\n", "\n").replace('\r', "\n");
        let clean: String = clean.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
        self.changed |= self.area.insert_str(clean);
        self.errors.clear();
        true
    }

    /// A key that no action took.
    pub(super) fn key(&mut self, key: KeyEvent) {
        if self.area.input(key) {
            self.changed = true;
            self.errors.clear();
        }
    }

    /// The statement at the cursor, a whole block if it begins one; goes to the line after it.
    pub(super) fn line(&mut self, registry: &Registry) -> Vec<Statement> {
        let row = self.area.cursor().0;
        let lines = self.area.lines();
        let mut end = row + 1;
        let mut text = lines.get(row).cloned().unwrap_or_default();
        while incomplete(&text) && end < lines.len() {
            text.push('\n');
            text.push_str(&lines[end]);
            end += 1;
        }
        let (statements, errors) = parse(&text, registry);
        let before: usize = lines[..row].iter().map(|l| l.len() + 1).sum();
        self.errors = errors;
        for error in &mut self.errors {
            error.span.start += before;
            error.span.end += before;
        }
        if self.errors.is_empty() {
            self.ran = true;
            self.area.move_cursor(CursorMove::Jump(end.min(self.area.lines().len()) as u16, 0));
            return statements;
        }
        self.show_error();
        Vec::new()
    }

    /// All statements, if nothing is wrong with any.
    pub(super) fn all(&mut self, registry: &Registry) -> Option<Vec<Statement>> {
        let (statements, errors) = parse(&self.text(), registry);
        self.errors = errors;
        if self.errors.is_empty() {
            self.ran = true;
            return Some(statements);
        }
        self.show_error();
        None
    }

    /// Line and column, from 0, of a byte of the script.
    fn place(&self, byte: usize) -> (usize, usize) {
        let mut left = byte;
        for (row, line) in self.area.lines().iter().enumerate() {
            if left <= line.len() {
                return (row, line.get(..left).map_or(0, |head| head.chars().count()));
            }
            left -= line.len() + 1;
        }
        (self.area.lines().len().saturating_sub(1), 0)
    }

    fn show_error(&mut self) {
        if let Some(error) = self.errors.first() {
            let (row, column) = self.place(error.span.start);
            self.area.move_cursor(CursorMove::Jump(row as u16, column as u16));
        }
    }

    /// Draws the script, and below it what is wrong. While nothing of it was run the title says so, with the key that
    /// runs it.
    pub(super) fn render(&mut self, area: Rect, buffer: &mut Buffer, theme: &Theme, focused: bool, key: &str) {
        let name = self.path.as_ref().map_or_else(|| "new script".to_owned(), |p| p.display().to_string());
        let mut title = vec![
            Span::styled("script ", theme.style(Role::Dim)),
            Span::styled(text::clip(&name, usize::from(area.width / 2), theme.glyphs.more), theme.style(Role::Title)),
        ];
        if self.changed {
            title.push(Span::styled(" changed", theme.style(Role::Warning)));
        }
        if !self.ran && !self.is_blank() {
            title.push(Span::styled(format!(" {} not run yet: ", theme.glyphs.dot), theme.style(Role::Warning)));
            title.push(Span::styled(key.to_owned(), theme.style(Role::Key)));
            title.push(Span::styled(" runs it all", theme.style(Role::Warning)));
        }
        layout::rule(area, buffer, theme, title, focused);
        let rest = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
        let told = self.errors.len().min(usize::from(rest.height / 3)) as u16;
        let (rest, below) = layout::bottom(rest, told);
        self.area.set_style(theme.style(Role::Text));
        self.area.set_line_number_style(theme.style(Role::Hole));
        let cursor = if focused { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        self.area.set_cursor_style(cursor);
        self.area.set_selection_style(theme.style(Role::Selection));
        if rest.width > 6 && rest.height > 0 {
            (&self.area).render(rest, buffer);
        }
        for (y, error) in self.errors.iter().take(usize::from(told)).enumerate() {
            let (row, column) = self.place(error.span.start);
            let mut words = format!("{}:{} {}", row + 1, column + 1, error.message);
            if let Some(help) = &error.help {
                words.push_str("; ");
                words.push_str(help);
            }
            let words = text::clip(&words, usize::from(below.width), theme.glyphs.more);
            layout::line_at(below, y as u16, buffer, &Line::from(Span::styled(words, theme.style(Role::Error))));
        }
    }
}

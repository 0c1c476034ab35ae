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
        // A mistake takes some two rows, and how many they are one.
        (self.area.lines().len() + self.errors.len() * 2 + 3).min(usize::from(u16::MAX)) as u16
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
        let (before, name) = match &self.path {
            Some(path) => ("script ", path.display().to_string()),
            None => ("", "new script".to_owned()),
        };
        let name = text::clip(&name, usize::from(area.width / 2), theme.glyphs.more);
        let mut title =
            vec![Span::styled(before, theme.style(Role::Dim)), Span::styled(name, theme.style(Role::Title))];
        if self.changed {
            title.push(Span::styled(" changed", theme.style(Role::Warning)));
        }
        if !self.ran && !self.is_blank() {
            // In a narrow column the key is what counts.
            let room = usize::from(area.width).saturating_sub(text::line_width(&title) + text::width(key) + 5);
            let words = if room < 26 { String::new() } else { " not run yet:".to_owned() };
            let (dot, warning) = (theme.glyphs.dot, theme.style(Role::Warning));
            title.push(Span::styled(format!(" {dot}{words} "), warning));
            title.push(Span::styled(key.to_owned(), theme.style(Role::Key)));
            title.push(Span::styled(" runs it all", warning));
        }
        layout::rule(area, buffer, theme, title, focused);
        let rest = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
        // The line in which the first is stays in sight; what the script does not need is theirs.
        let spare = usize::from(rest.height).saturating_sub(self.area.lines().len() + 1) as u16;
        let most = rest.height.saturating_sub(3).min((rest.height / 2).max(spare));
        let told = self.told(usize::from(rest.width), usize::from(most), theme);
        let (rest, below) = layout::bottom(rest, told.len() as u16);
        self.area.set_style(theme.style(Role::Text));
        self.area.set_line_number_style(theme.style(Role::Hole));
        let cursor = if focused { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        self.area.set_cursor_style(cursor);
        self.area.set_selection_style(theme.style(Role::Selection));
        if rest.width > 6 && rest.height > 0 {
            (&self.area).render(rest, buffer);
        }
        self.mark_errors(rest, buffer, theme);
        for (y, line) in told.iter().enumerate() {
            layout::line_at(below, y as u16, buffer, line);
        }
    }

    /// What is wrong, in at most so many rows: how much it is, and as many mistakes as there is room for, beginning with
    /// the line of the cursor, each with its place and wrapped.
    fn told(&self, width: usize, rows: usize, theme: &Theme) -> Vec<Line<'static>> {
        let count = self.errors.len();
        if count == 0 || rows == 0 {
            return Vec::new();
        }
        let style = theme.style(Role::Error);
        let here = self.area.cursor().0;
        let first = self.errors.iter().position(|e| self.place(e.span.start).0 >= here).unwrap_or(0);
        let mut lines: Vec<Line<'static>> = Vec::new();
        let mut told = 0;
        for error in self.errors[first..].iter().chain(&self.errors[..first]) {
            let (row, column) = self.place(error.span.start);
            let place = format!("{}:{} ", row + 1, column + 1);
            let indent = text::width(&place);
            let room = width.saturating_sub(indent).max(1);
            let mut words = text::wrap(&error.message, room);
            let helps = error.help.iter().flat_map(|help| text::wrap(help, room));
            let message = words.len();
            words.extend(helps);
            // A line is kept for how many are left out.
            let kept = usize::from(count > 1);
            if told > 0 && lines.len() + words.len() + kept > rows {
                break;
            }
            words.truncate(rows.saturating_sub(kept).max(1));
            for (i, words) in words.into_iter().enumerate() {
                let lead = if i == 0 { place.clone() } else { " ".repeat(indent) };
                let role = if i < message { style } else { theme.style(Role::Text) };
                lines.push(Line::from(vec![
                    Span::styled(lead, theme.style(if i == 0 { Role::Title } else { Role::Text })),
                    Span::styled(words, role),
                ]));
            }
            told += 1;
        }
        if count > 1 && lines.len() < rows {
            let words = match count - told {
                0 => format!("{count} mistakes, nothing was run"),
                left => format!("{count} mistakes, nothing was run; {left} not shown"),
            };
            lines.insert(0, Line::from(Span::styled(text::clip(&words, width, theme.glyphs.more), style)));
        }
        lines
    }

    /// Marks the numbers of the lines in which something is wrong, as far as they are in sight.
    fn mark_errors(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        let top = usize::from(self.area.scroll_offset().0);
        let numbers = self.area.line_number_width().min(area.width);
        for error in &self.errors {
            let Some(row) = self.place(error.span.start).0.checked_sub(top) else { continue };
            if row < usize::from(area.height) {
                let place = Rect { y: area.y + row as u16, width: numbers, height: 1, ..area };
                buffer.set_style(place, theme.style(Role::Error).add_modifier(Modifier::REVERSED));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Palette;

    const SCRIPT: &str =
        "spawn alice\nalice: wirte p 1\nalice: sem_open \"/turn\"\nspwan bob\nalice: setsockopt s IP_TTL 3\n";

    fn drawn(editor: &mut Editor, width: u16, height: u16) -> String {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        editor.render(area, &mut buffer, &Theme::new(Palette::Mono, false), true, "F5");
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn mistakes_can_be_read_in_a_narrow_column() {
        let mut editor = Editor::with(SCRIPT, None);
        assert_eq!(editor.all(crate::facility::registry()), None);
        let seen = drawn(&mut editor, 46, 34);
        for part in [
            "4 mistakes, nothing was run\n",
            "2:8 unknown call `wirte`\n    did you mean `write`?\n",
            "     a name stands without quotes and without\n     the slash: `turn`",
            "4:1 unknown statement `spwan`",
        ] {
            assert!(seen.contains(part), "{part}\n{seen}");
        }
        // Where there is no room for all, those from the cursor on are told.
        let seen = drawn(&mut editor, 46, 14);
        assert!(seen.contains("2:8 unknown call") && seen.contains("2 not shown"), "{seen}");
        assert!(seen.contains(" 2 alice: wirte"), "the line itself is in sight\n{seen}");
        editor.area.move_cursor(CursorMove::Jump(3, 0));
        let seen = drawn(&mut editor, 46, 14);
        assert!(seen.contains("4:1 unknown statement") && !seen.contains("2:8 unknown"), "{seen}");
        for height in 0..14 {
            drawn(&mut editor, 46, height);
            drawn(&mut editor, height, 20);
        }
    }
}

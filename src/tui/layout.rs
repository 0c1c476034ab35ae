//! Where things stand: header, body, line of keys, and boxes laid over them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget};

use super::text::{self, clip_spans, spread};
use super::theme::{Role, Theme};

/// The least size in which a screen can be drawn.
pub(super) const LEAST: (u16, u16) = (40, 12);
/// From this width on, prose and stage stand side by side.
pub(super) const WIDE: u16 = 100;

/// How many columns prose or a script has beside a stage in that area.
pub(super) fn prose_width(area: Rect) -> u16 {
    if area.width >= WIDE { (area.width * 2 / 5).clamp(40, 76) } else { area.width }
}

/// The parts of every screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    /// One line on top.
    pub(super) header: Rect,
    /// What is left.
    pub(super) body: Rect,
    /// One line at the bottom.
    pub(super) keys: Rect,
}

/// Divides a screen.
pub(super) fn parts(area: Rect) -> Parts {
    let header = Rect { height: area.height.min(1), ..area };
    let keys = Rect { y: area.bottom().saturating_sub(1).max(area.y), height: u16::from(area.height > 1), ..area };
    let body =
        Rect { y: area.y + header.height, height: area.height.saturating_sub(header.height + keys.height), ..area };
    Parts { header, body, keys }
}

/// Cuts rows off the bottom: what is left, and the rows.
pub(super) fn bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let rest = Rect { height: area.height - rows, ..area };
    (rest, Rect { y: rest.bottom(), height: rows, ..area })
}

/// Cuts columns off the left: the columns, and what is left.
pub(super) fn left(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect { width: columns, ..area }, Rect { x: area.x + columns, width: area.width - columns, ..area })
}

/// The area without so many columns at both sides and rows at both ends.
pub(super) fn inset(area: Rect, columns: u16, rows: u16) -> Rect {
    let (columns, rows) = (columns.min(area.width / 2), rows.min(area.height / 2));
    Rect::new(area.x + columns, area.y + rows, area.width - 2 * columns, area.height - 2 * rows)
}

/// An area of that size in the middle, or as much of it as there is.
pub(super) fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

/// Draws the header: the screen's name at the left, the stage's state at the right.
pub(super) fn header(area: Rect, buffer: &mut Buffer, theme: &Theme, screen: &str, right: Vec<Span<'static>>) {
    header_of(area, buffer, theme, (screen, ""), right);
}

/// The same with words behind the name, for which the name is cut where there is no room for both.
pub(super) fn header_of(
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
    (screen, tail): (&str, &str),
    right: Vec<Span<'static>>,
) {
    let mut spans = vec![Span::styled(" ipclab", theme.style(Role::Accent))];
    let width = usize::from(area.width.saturating_sub(1));
    if !screen.is_empty() {
        spans.push(Span::styled(format!(" {} ", theme.glyphs.dot), theme.style(Role::Dim)));
        let others = text::line_width(&spans) + text::width(tail) + text::line_width(&right) + 1;
        let room = if tail.is_empty() { width } else { width.saturating_sub(others).max(4) };
        spans.push(Span::styled(text::clip(screen, room, theme.glyphs.more), theme.style(Role::Title)));
        spans.push(Span::styled(tail.to_owned(), theme.style(Role::Title)));
    }
    let line = spread(spans, right, width, theme.glyphs.more);
    line_at(area, 0, buffer, &line);
}

/// Draws keys with what they do behind `line`, as many as fit; the others are left to the help.
pub(super) fn pairs<K: AsRef<str>>(
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
    mut line: Vec<Span<'static>>,
    pairs: Vec<(K, &str)>,
) {
    let room = usize::from(area.width.saturating_sub(1));
    for (key, word) in pairs {
        let key = key.as_ref();
        let pair = [
            Span::styled(format!(" {key}"), theme.style(Role::Key)),
            Span::styled(format!(" {word} "), theme.style(Role::Dim)),
        ];
        if text::line_width(&line) + text::line_width(&pair) > room {
            break;
        }
        line.extend(pair);
    }
    line_at(area, 0, buffer, &Line::from(line));
}

/// Draws one line in a row of the area, if there is such a row.
pub(super) fn line_at(area: Rect, row: u16, buffer: &mut Buffer, line: &Line<'_>) {
    let area = area.intersection(buffer.area);
    if row < area.height {
        buffer.set_line(area.x, area.y + row, line, area.width);
    }
}

/// A rule with a title, as wide as the area.
pub(super) fn rule(area: Rect, buffer: &mut Buffer, theme: &Theme, title: Vec<Span<'static>>, focused: bool) {
    let style = theme.style(if focused { Role::Focus } else { Role::Border });
    let rule = theme.glyphs.rule;
    let mut spans = Vec::new();
    if !title.is_empty() {
        spans.push(Span::styled(format!("{rule}{rule} "), style));
        spans.extend(title);
        spans.push(Span::raw(" "));
    }
    let mut spans = clip_spans(spans, usize::from(area.width), theme.glyphs.more);
    let left = usize::from(area.width).saturating_sub(text::line_width(&spans));
    spans.push(Span::styled(rule.repeat(left), style));
    line_at(area, 0, buffer, &Line::from(spans));
}

/// Clears an area and draws a frame around it; gives what is inside.
pub(super) fn window(area: Rect, buffer: &mut Buffer, theme: &Theme, title: &str) -> Rect {
    let area = area.intersection(buffer.area);
    Clear.render(area, buffer);
    buffer.set_style(area, theme.ground);
    let mut block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_set(theme.glyphs.frame)
        .border_style(theme.style(Role::Focus))
        .padding(Padding::horizontal(1));
    if !title.is_empty() {
        block = block.title(Line::from(Span::styled(format!(" {title} "), theme.style(Role::Title))));
    }
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// Says that the terminal is too small, in as much of a sentence as fits.
pub(super) fn too_small(area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let words = format!(
        "This terminal has {} columns and {} rows. ipclab needs {} and {}.",
        area.width, area.height, LEAST.0, LEAST.1
    );
    let lines = text::wrap(&words, usize::from(area.width));
    let top = usize::from(area.height).saturating_sub(lines.len()) / 2;
    for (y, line) in lines.into_iter().take(usize::from(area.height)).enumerate() {
        line_at(area, (top + y) as u16, buffer, &Line::from(Span::styled(line, theme.style(Role::Text))));
    }
}

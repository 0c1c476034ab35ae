//! The stage in a few rows: below the words of a lesson or a script where the screen is too narrow for both side by side.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::layout;
use super::panes::{self, Sight};
use super::text;
use super::theme::Role;
use crate::model::{Actor, Object};

/// The stage as lines, so many that they fit in `rows` if that can be; and how many objects had no room at all.
pub(super) fn lines(sight: Sight<'_>, width: usize, rows: usize) -> (Vec<Line<'static>>, usize) {
    let mut lines = actors(sight, width);
    // What has changed is what there is to see.
    let same = |o: &&Object| sight.before.is_some_and(|before| before.object(&o.name) == Some(*o));
    let mut objects: Vec<&Object> = sight.now.objects.iter().collect();
    objects.sort_by_key(same);
    let mut hidden = 0;
    for (i, object) in objects.iter().enumerate() {
        let left = rows.saturating_sub(lines.len());
        // The others want a row each.
        let later = (objects.len() - i - 1).min(left.saturating_sub(1));
        let own = left - later;
        let mut pane = self::object(object, sight, width, false);
        if pane.len() > own {
            let short = self::object(object, sight, width, true);
            // A bar without its caption says nothing: all of it, or the short form.
            pane = if short.len() <= own { short } else { short.into_iter().take(own).collect() };
        }
        hidden += usize::from(pane.is_empty());
        lines.append(&mut pane);
    }
    (lines, hidden)
}

/// How many rows the stage would like to have, with the rule above it; none while nothing is on it.
pub(super) fn wanted(sight: Sight<'_>, width: usize) -> u16 {
    if sight.now.actors.is_empty() && sight.now.objects.is_empty() {
        return 0;
    }
    lines(sight, width, usize::from(u16::MAX)).0.len() as u16 + 1
}

/// What each actor does, several beside each other where they have room.
fn actors(sight: Sight<'_>, width: usize) -> Vec<Line<'static>> {
    let across = (width / 36).clamp(1, sight.now.actors.len().max(1));
    let column = width / across;
    let names = sight.now.actors.iter().map(|a| text::width(&a.name)).max().unwrap_or(0).min(12);
    let row = |actors: &[Actor]| {
        let mut spans = Vec::new();
        for (i, actor) in actors.iter().enumerate() {
            let last = i + 1 == across;
            let name = text::clip(&actor.name, names, sight.theme.glyphs.more);
            let pad = " ".repeat(names - text::width(&name) + 1);
            let room = (column - usize::from(!last) * 2).saturating_sub(names + 1);
            let state = panes::card(actor, sight, room, true).into_iter().next().unwrap_or_default();
            let used = text::line_width(&state.spans);
            spans.push(Span::styled(name, sight.hue(&actor.name)));
            spans.push(Span::raw(pad));
            spans.extend(state.spans);
            spans.push(Span::raw(" ".repeat(room.saturating_sub(used) + usize::from(!last) * 2)));
        }
        Line::from(spans)
    };
    sight.now.actors.chunks(across).map(row).collect()
}

/// An object's pane without its frame, its name at the left.
fn object(object: &Object, sight: Sight<'_>, width: usize, compact: bool) -> Vec<Line<'static>> {
    let theme = sight.theme;
    let kind = Span::styled(format!("{} ", object.facility()), theme.style(Role::Dim));
    let name = Span::styled(object.name.clone(), theme.style(Role::Title));
    let label = text::clip_spans(vec![kind, name], width / 3, theme.glyphs.more);
    let indent = text::line_width(&label) + 2;
    let mut lines = Vec::new();
    for (y, line) in panes::lines(object, sight, width.saturating_sub(indent), compact).into_iter().enumerate() {
        let mut spans = if y == 0 { label.clone() } else { vec![Span::raw(" ".repeat(indent - 2))] };
        spans.push(Span::raw("  "));
        spans.extend(line.spans);
        lines.push(Line::from(spans));
    }
    if lines.is_empty() {
        lines.push(Line::from(label));
    }
    lines
}

/// Draws the stage below a rule that says how to see all of it; first stands what is wrong, if something is.
pub(super) fn render(
    area: Rect,
    buffer: &mut Buffer,
    sight: Sight<'_>,
    trouble: Option<Vec<Span<'static>>>,
    key: Option<String>,
) {
    let theme = sight.theme;
    let dim = theme.style(Role::Dim);
    let (rule, mut rest) =
        (Rect { height: area.height.min(1), ..area }, layout::bottom(area, area.height.saturating_sub(1)).1);
    rest = layout::inset(rest, 1, 0);
    if let Some(trouble) = trouble.filter(|_| rest.height > 1) {
        let line = text::clip_spans(trouble, usize::from(rest.width), theme.glyphs.more);
        layout::line_at(rest, 0, buffer, &Line::from(line));
        rest = Rect { y: rest.y + 1, height: rest.height - 1, ..rest };
    }
    let (lines, hidden) = lines(sight, usize::from(rest.width), usize::from(rest.height));
    let mut title = vec![Span::styled("the stage", dim)];
    let hidden = hidden + lines.len().saturating_sub(usize::from(rest.height));
    if hidden > 0 {
        title.push(Span::styled(format!(" {} {hidden} more", theme.glyphs.dot), theme.style(Role::Warning)));
    }
    if let Some(key) = key {
        title.push(Span::styled(format!(" {} ", theme.glyphs.dot), dim));
        title.push(Span::styled(key, theme.style(Role::Key)));
        title.push(Span::styled(" shows all of it", dim));
    }
    layout::rule(rule, buffer, theme, title, false);
    for (y, line) in lines.iter().enumerate() {
        layout::line_at(rest, y as u16, buffer, line);
    }
}

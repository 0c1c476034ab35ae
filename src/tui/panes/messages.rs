//! The messages of a queue, one a line, for all facilities that keep them apart.

use ratatui::style::Style;
use ratatui::text::Span;

use super::Painter;
use crate::model::{Evidence, Value};
use crate::tui::text;
use crate::tui::theme::Role;

/// Messages that are shown from either end of a longer queue; those between are counted.
pub(super) const ENDS: usize = 4;

/// Draws the field `queue` in the order of its list: its ends, and how many are between. `lead` makes what stands before
/// a message, of its place and its value.
pub(super) fn draw(painter: &mut Painter<'_>, lead: impl Fn(&Painter<'_>, usize, &Value, Style) -> Vec<Span<'static>>) {
    let object = painter.object;
    let evidence = object.evidence("queue");
    let list = object.value("queue").as_list();
    let before = painter.before.map(|b| b.value("queue").as_list());
    let (head, tail) =
        if list.len() > 2 * ENDS { (&list[..ENDS], &list[list.len() - ENDS..]) } else { (list, &list[list.len()..]) };
    // What stands for messages that were not read is no message itself.
    let counted = |m: &Value| m.part("left out").and_then(Value::as_int).unwrap_or(1);
    let between: i64 = list[head.len()..list.len() - tail.len()].iter().map(counted).sum();
    for (place, message) in head.iter().enumerate() {
        let new = before.is_some_and(|b| !b.contains(message));
        one(painter, place, message, new, evidence, &lead);
    }
    if between > 0 {
        let spans = vec![painter.dim(format!("  {} {between} more", painter.more()))];
        painter.row(spans, Some(evidence));
    }
    for (place, message) in tail.iter().enumerate() {
        let new = before.is_some_and(|b| !b.contains(message));
        one(painter, list.len() - tail.len() + place, message, new, evidence, &lead);
    }
    if evidence == Evidence::Hidden && object.field("queue").is_some() {
        let spans = vec![Span::styled("contents hidden", painter.style(Role::Hidden))];
        painter.row(spans, Some(evidence));
    }
    painter.note("queue");
}

fn one(
    painter: &mut Painter<'_>,
    place: usize,
    message: &Value,
    new: bool,
    evidence: Evidence,
    lead: impl Fn(&Painter<'_>, usize, &Value, Style) -> Vec<Span<'static>>,
) {
    let style = painter.style(if new { Role::Changed } else { Role::Value });
    let from = message.part("from").and_then(Value::as_text).unwrap_or_default().to_owned();
    let mut spans = lead(painter, place, message, style);
    let tail = if from.is_empty() { 0 } else { text::width(&from) + 3 };
    let room = painter.room().saturating_sub(text::line_width(&spans) + tail + 2);
    if let Some((data, total)) = message.part("data").and_then(Value::as_bytes) {
        let (data, shown) = text::bytes(data, room, style, painter.sight.theme);
        spans.push(painter.dim("\""));
        spans.extend(data);
        spans.push(painter.dim(if (shown as u64) < total { painter.more() } else { "\"" }));
    }
    if !from.is_empty() {
        spans.push(painter.dim(format!(" {} ", painter.sight.theme.glyphs.left)));
        // An actor, or an address.
        spans.push(Span::styled(from.clone(), painter.sight.hue(&from)));
    }
    painter.row(spans, Some(evidence));
}

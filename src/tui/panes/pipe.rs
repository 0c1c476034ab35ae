//! Pipes and FIFOs: the bytes, and the slots that hold them.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::Object;
use crate::tui::text;
use crate::tui::theme::Role;

const FIELDS: &[&str] = &[
    "holds",
    "bytes",
    "capacity",
    "slots",
    "slots used",
    "slot bytes",
    "readers",
    "writers",
    "in flight",
    "packet",
    "mode",
];

pub(super) static PIPE: Pane = Pane { facility: "pipe", fields: FIELDS, draw, brief, roles: &["write", "read"] };
pub(super) static FIFO: Pane = Pane { facility: "fifo", fields: FIELDS, draw, brief, roles: &["write", "read"] };

fn brief(object: &Object) -> String {
    let int = |name| object.int(name).map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{} of {} bytes · {} of {} slots", int("bytes"), int("capacity"), int("slots used"), int("slots"))
}

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    painter.tape("holds", true);
    slots(painter);
    let spans = vec![painter.int("bytes"), painter.dim(" of "), painter.int("capacity"), painter.dim(" bytes")];
    painter.row(spans, Some(object.evidence("bytes")));
    // The kernel's counts are told where they differ from the holders that can be named.
    let differs = |word, role| object.int(word).is_some_and(|n| n != object.holding(role).len() as i64);
    if differs("readers", "read") || differs("writers", "write") {
        let spans = vec![
            painter.dim("open for writing "),
            painter.int("writers"),
            painter.dim(", for reading "),
            painter.int("readers"),
        ];
        painter.row(spans, Some(object.evidence("readers")));
    }
    if let Some(end) = object.value("in flight").as_text() {
        let spans = vec![painter.dim("in flight "), Span::styled(end.to_owned(), painter.value_style("in flight"))];
        painter.row(spans, Some(object.evidence("in flight")));
    }
    if let Some(mode) = object.value("mode").as_text() {
        let spans = vec![painter.dim("mode "), Span::styled(mode.to_owned(), painter.value_style("mode"))];
        painter.row(spans, Some(object.evidence("mode")));
    }
    if object.int("packet").is_some_and(|n| n != 0) || object.value("packet").as_text().is_some_and(|t| t == "yes") {
        let spans = vec![painter.dim("packet mode: a read takes one write")];
        painter.row(spans, Some(object.evidence("packet")));
    }
}

/// One place a slot, filled as far as the slot is.
fn slots(painter: &mut Painter<'_>) {
    let object = painter.object;
    let (Some(slots), Some(capacity)) = (object.int("slots"), object.int("capacity")) else { return };
    let sizes = object.value("slot bytes").as_list();
    let room = painter.room() as i64;
    if slots <= 0 || room < 4 || object.field("slot bytes").is_none() {
        return;
    }
    let glyphs = painter.sight.theme.glyphs;
    let page = (capacity / slots).max(1);
    let count = vec![painter.dim(" slots "), painter.int("slots used"), painter.dim(" of "), painter.int("slots")];
    let room = (room - text::line_width(&count) as i64).max(0);
    let gap = usize::from(slots * 2 <= room);
    let shown = slots.min(room);
    let before = painter.before.map(|b| b.value("slot bytes").as_list()).unwrap_or_default();
    let mut spans = Vec::new();
    for i in 0..shown as usize {
        let size = sizes.get(i).and_then(crate::model::Value::as_int).unwrap_or(0);
        let eighths = if size <= 0 { 0 } else { (size * 8).div_euclid(page).clamp(1, 8) };
        let changed = painter.before.is_some() && before.get(i) != sizes.get(i);
        let role = match (eighths, changed) {
            (0, _) => Role::Hole,
            (_, true) => Role::Changed,
            _ => Role::Bar,
        };
        spans.push(Span::styled(glyphs.fill[eighths as usize], painter.style(role)));
        spans.push(Span::raw(" ".repeat(gap)));
    }
    if shown < slots {
        spans.clear();
    }
    spans.extend(count);
    painter.row(spans, Some(object.evidence("slot bytes")));
}

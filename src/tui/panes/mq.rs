//! POSIX message queues: the messages in the order in which they will be received, and who waits.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::{Object, Value};
use crate::tui::text;
use crate::tui::theme::Role;

pub(super) static PANE: Pane = Pane {
    facility: "mq",
    fields: &["queue", "messages", "maxmsg", "msgsize", "bytes", "notify", "mode"],
    draw,
    brief,
    roles: &[],
};

fn brief(object: &Object) -> String {
    let int = |name| object.int(name).map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{} of {} messages", int("messages"), int("maxmsg"))
}

/// Messages that are shown one a line; more are counted.
const SHOWN: usize = 8;

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let mut spans = vec![painter.int("messages"), painter.dim(" of "), painter.int("maxmsg"), painter.dim(" messages")];
    if object.field("bytes").is_some() {
        spans.extend([painter.between(), painter.int("bytes"), painter.dim(" bytes")]);
    }
    painter.row(spans, Some(object.evidence("messages")));
    if object.field("msgsize").is_some() {
        let spans = vec![painter.dim("each up to "), painter.int("msgsize"), painter.dim(" bytes")];
        let mut spans = spans;
        spans.extend(painter.mode());
        painter.row(spans, Some(object.evidence("msgsize")));
    }
    queue(painter);
    if let Some(notify) = super::plain(object.value("notify")) {
        let spans = vec![painter.dim("notifies "), Span::styled(notify, painter.value_style("notify"))];
        painter.row(spans, Some(object.evidence("notify")));
    }
}

fn queue(painter: &mut Painter<'_>) {
    let object = painter.object;
    let evidence = object.evidence("queue");
    let messages = object.value("queue").as_list();
    let before = painter.before.map(|b| b.value("queue").as_list());
    for (i, message) in messages.iter().take(SHOWN).enumerate() {
        let new = before.is_some_and(|b| !b.contains(message));
        let style = painter.style(if new { Role::Changed } else { Role::Value });
        let mut spans = vec![
            painter.dim(if i == 0 { painter.sight.theme.glyphs.chosen } else { " " }),
            painter.dim(" prio "),
            Span::styled(message.part("priority").and_then(Value::as_int).unwrap_or(0).to_string(), style),
            Span::raw("  "),
        ];
        let from = message.part("from").and_then(Value::as_text).unwrap_or_default().to_owned();
        let tail = if from.is_empty() { 0 } else { text::width(&from) + 3 };
        let left = painter.room().saturating_sub(text::line_width(&spans) + tail + 2);
        if let Some((data, total)) = message.part("data").and_then(Value::as_bytes) {
            let (data, shown) = text::bytes(data, left, style, painter.sight.theme);
            spans.push(painter.dim("\""));
            spans.extend(data);
            spans.push(painter.dim(if (shown as u64) < total { painter.more() } else { "\"" }));
        }
        if !from.is_empty() {
            let hue = painter.sight.hue(&from);
            spans.extend([painter.dim(format!(" {} ", painter.sight.theme.glyphs.left)), Span::styled(from, hue)]);
        }
        painter.row(spans, Some(evidence));
    }
    if messages.len() > SHOWN {
        let spans = vec![painter.dim(format!("  {} {} more", painter.more(), messages.len() - SHOWN))];
        painter.row(spans, Some(evidence));
    }
    if messages.is_empty() && object.int("messages") == Some(0) {
        let spans = vec![painter.dim("empty")];
        painter.line(spans);
    }
    painter.note("queue");
}

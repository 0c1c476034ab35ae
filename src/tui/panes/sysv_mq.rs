//! System V message queues: the messages in order of arrival, each with its type, and who did something last.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::{Object, Value};
use crate::tui::text;
use crate::tui::theme::Role;

pub(super) static PANE: Pane = Pane {
    facility: "sysv-mq",
    fields: &["queue", "messages", "bytes", "qbytes", "lspid", "lrpid", "stime", "rtime", "ctime", "mode", "uid"],
    roles: &["id"],
    draw,
    brief,
};

fn brief(object: &Object) -> String {
    let int = |name| object.int(name).map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{} messages, {} of {} bytes", int("messages"), int("bytes"), int("qbytes"))
}

/// Messages that are shown one a line; more are counted.
const SHOWN: usize = 8;

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let spans = vec![
        painter.int("messages"),
        painter.dim(" messages"),
        painter.between(),
        painter.int("bytes"),
        painter.dim(" of "),
        painter.int("qbytes"),
        painter.dim(" bytes"),
    ];
    painter.row_with_mode(spans, object.evidence("messages"));
    queue(painter);
    let mut spans = Vec::new();
    for (field, words) in [("lspid", "last sent "), ("lrpid", "received ")] {
        let Some(who) = object.value(field).as_text().filter(|who| *who != "nobody") else { continue };
        if !spans.is_empty() {
            spans.push(painter.between());
        }
        spans.extend([painter.dim(words), Span::styled(who.to_owned(), painter.sight.hue(who))]);
    }
    if !spans.is_empty() {
        painter.row(spans, Some(object.evidence("lspid")));
    }
}

fn queue(painter: &mut Painter<'_>) {
    let object = painter.object;
    let evidence = object.evidence("queue");
    let messages = object.value("queue").as_list();
    let before = painter.before.map(|b| b.value("queue").as_list());
    let left_out: i64 = messages.iter().filter_map(|m| m.part("left out")?.as_int()).sum();
    let left_out_of_sight = messages.len().saturating_sub(SHOWN) as i64;
    for message in messages.iter().filter(|m| m.part("type").is_some()).take(SHOWN) {
        let new = before.is_some_and(|b| !b.contains(message));
        let style = painter.style(if new { Role::Changed } else { Role::Value });
        let kind = message.part("type").and_then(Value::as_int).unwrap_or(0);
        let mut spans = vec![painter.dim(" type "), Span::styled(format!("{kind:<3}"), style), Span::raw(" ")];
        let left = painter.room().saturating_sub(text::line_width(&spans) + 2);
        if let Some((data, total)) = message.part("data").and_then(Value::as_bytes) {
            let (data, shown) = text::bytes(data, left, style, painter.sight.theme);
            spans.push(painter.dim("\""));
            spans.extend(data);
            spans.push(painter.dim(if (shown as u64) < total { painter.more() } else { "\"" }));
        }
        painter.row(spans, Some(evidence));
    }
    if left_out_of_sight > 0 {
        // The element that says how many are left out is no message itself.
        let more = left_out_of_sight + left_out - i64::from(left_out > 0);
        let spans = vec![painter.dim(format!(" {} {more} more", painter.more()))];
        painter.row(spans, Some(evidence));
    }
    if messages.is_empty() && object.int("messages") == Some(0) {
        let spans = vec![painter.dim("empty")];
        painter.line(spans);
    }
    if messages.is_empty() && object.value("queue") == &Value::Nothing {
        let spans = vec![Span::styled("contents hidden", painter.style(Role::Hidden))];
        painter.row(spans, Some(evidence));
    }
    painter.note("queue");
}

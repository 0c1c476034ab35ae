//! POSIX message queues: the messages in the order in which they will be received, and who waits.

use ratatui::text::Span;

use super::{Painter, Pane, messages};
use crate::model::{Object, Value};

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
    messages::draw(painter, |painter, place, message, style| {
        vec![
            painter.dim(if place == 0 { painter.sight.theme.glyphs.chosen } else { " " }),
            painter.dim(" prio "),
            Span::styled(message.part("priority").and_then(Value::as_int).unwrap_or(0).to_string(), style),
            Span::raw("  "),
        ]
    });
    if object.int("messages") == Some(0) {
        let spans = vec![painter.dim("empty")];
        painter.line(spans);
    }
}

//! System V message queues: the messages in order of arrival, each with its type, and who did something last.

use ratatui::text::Span;

use super::{Painter, Pane, messages};
use crate::model::{Object, Value};

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
    messages::draw(painter, |painter, _, message, style| {
        let kind = message.part("type").and_then(Value::as_int).unwrap_or(0);
        vec![painter.dim(" type "), Span::styled(format!("{kind:<3}"), style), Span::raw(" ")]
    });
    if object.int("messages") == Some(0) {
        let spans = vec![painter.dim("empty")];
        painter.line(spans);
    }
}

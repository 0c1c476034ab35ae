//! Sockets of every family, in one manner: the queue that can be received, the other direction with the peer's queue,
//! and for a listener the connections that wait.

use ratatui::text::Span;

use super::{Painter, plain};
use crate::model::{Evidence, Object, Value};
use crate::tui::text;
use crate::tui::theme::Role;

/// What is drawn here; more of a socket follows in the general manner.
pub(super) const FIELDS: &[&str] = &[
    "type",
    "state",
    "peer",
    "bytes",
    "holds",
    "messages",
    "queue",
    "incoming",
    "outgoing",
    "error",
    "waiting",
    "backlog",
    "connecting",
    "descriptors",
    "in flight",
    "charged",
    "sndbuf",
    "unsent",
    "received",
    "rcvbuf",
    "dropped",
    "groups",
    "credentials",
];

/// Messages that are shown one a line from either end; those between are counted.
const ENDS: usize = 4;

fn word<'a>(object: &'a Object, field: &str) -> &'a str {
    object.value(field).as_text().unwrap_or_default()
}

fn number(object: &Object, field: &str) -> String {
    object.int(field).map_or_else(|| "?".to_owned(), |n| n.to_string())
}

pub(super) fn brief(object: &Object) -> String {
    let state = word(object, "state");
    if object.field("backlog").is_some() {
        return format!("listening · {} of {} wait", number(object, "waiting"), number(object, "backlog"));
    }
    let what = if object.field("queue").is_some() {
        format!("{} messages", number(object, "messages"))
    } else {
        format!("{} bytes", number(object, "bytes"))
    };
    if state.is_empty() { what } else { format!("{state} · {what}") }
}

pub(super) fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    head(painter);
    if object.field("backlog").is_some() {
        return listener(painter);
    }
    if object.field("error").is_some() {
        let spans = vec![Span::styled("an error waits for the next call", painter.style(Role::Error))];
        painter.row(spans, Some(object.evidence("error")));
    }
    if object.field("queue").is_some() {
        let spans = vec![
            painter.dim("in  "),
            painter.int("messages"),
            painter.dim(" messages of "),
            painter.int("bytes"),
            painter.dim(" bytes"),
        ];
        painter.row(spans, Some(object.evidence("messages")));
        queue(painter, object, "queue");
    } else if object.field("holds").is_some() {
        let mut spans = vec![painter.dim("in  "), painter.int("bytes"), painter.dim(" bytes wait to be received")];
        if word(object, "incoming") == "ended" {
            spans.push(painter.dim(", then the end"));
        }
        painter.row(spans, Some(object.evidence("bytes")));
        painter.tape("holds", true);
    }
    carried(painter);
    outgoing(painter);
    for (field, before, behind) in
        [("dropped", "", " datagrams dropped: they came while there was no room"), ("received", "charged ", "")]
    {
        if object.int(field).is_some_and(|n| n != 0) {
            let mut spans = vec![painter.dim(before), painter.int(field), painter.dim(behind)];
            if field == "received" {
                spans.extend([painter.dim(" of "), painter.int("rcvbuf"), painter.dim(" for receiving")]);
            }
            painter.row(spans, Some(object.evidence(field)));
        }
    }
    if let Some(groups) = plain(object.value("groups")).filter(|g| !g.is_empty()) {
        let spans = vec![painter.dim("member of "), Span::styled(groups, painter.value_style("groups"))];
        painter.row(spans, Some(object.evidence("groups")));
    }
}

fn head(painter: &mut Painter<'_>) {
    let object = painter.object;
    let mut spans = Vec::new();
    for field in ["type", "state"] {
        if !word(object, field).is_empty() {
            if !spans.is_empty() {
                spans.push(painter.between());
            }
            spans.push(Span::styled(word(object, field).to_owned(), painter.value_style(field)));
        }
    }
    if !word(object, "peer").is_empty() {
        spans.extend([
            painter.dim(" with "),
            Span::styled(word(object, "peer").to_owned(), painter.value_style("peer")),
        ]);
    }
    if !spans.is_empty() {
        painter.row(spans, Some(Evidence::Kernel));
        painter.note("state");
    }
}

fn listener(painter: &mut Painter<'_>) {
    let object = painter.object;
    let spans =
        vec![painter.int("waiting"), painter.dim(" wait to be accepted, the backlog is "), painter.int("backlog")];
    painter.row(spans, Some(object.evidence("waiting")));
    let list = object.value("connecting").as_list();
    for who in list.iter().take(2 * ENDS) {
        let who = plain(who).unwrap_or_default();
        let spans = vec![painter.dim("  "), Span::styled(who, painter.value_style("connecting"))];
        painter.row(spans, Some(object.evidence("connecting")));
    }
    if list.len() > 2 * ENDS {
        let spans = vec![painter.dim(format!("  {} {} more", painter.more(), list.len() - 2 * ENDS))];
        painter.line(spans);
    }
}

/// The messages of a queue, in the order in which they will be received: its ends, and how many are between.
fn queue(painter: &mut Painter<'_>, object: &Object, field: &str) {
    let evidence = object.evidence(field);
    let list = object.value(field).as_list();
    let before = painter.before.map(|b| b.value(field).as_list());
    let left_out = |m: &Value| m.part("left out").and_then(Value::as_int);
    let (head, tail) =
        if list.len() > 2 * ENDS { (&list[..ENDS], &list[list.len() - ENDS..]) } else { (list, &list[list.len()..]) };
    let between: i64 = list
        .get(head.len()..list.len() - tail.len())
        .unwrap_or_default()
        .iter()
        .map(|m| left_out(m).unwrap_or(1))
        .sum();
    for message in head {
        let new = before.is_some_and(|b| !b.contains(message));
        one(painter, message, new, evidence);
    }
    if between > 0 {
        let spans = vec![painter.dim(format!("  {} {between} more", painter.more()))];
        painter.row(spans, Some(evidence));
    }
    for message in tail {
        let new = before.is_some_and(|b| !b.contains(message));
        one(painter, message, new, evidence);
    }
    painter.note("messages");
}

fn one(painter: &mut Painter<'_>, message: &Value, new: bool, evidence: Evidence) {
    let style = painter.style(if new { Role::Changed } else { Role::Value });
    let from = message.part("from").and_then(Value::as_text).unwrap_or_default().to_owned();
    let mut spans = vec![painter.dim("  ")];
    let tail = if from.is_empty() { 0 } else { text::width(&from) + 3 };
    let room = painter.room().saturating_sub(tail + 4);
    if let Some((data, total)) = message.part("data").and_then(Value::as_bytes) {
        let (data, shown) = text::bytes(data, room, style, painter.sight.theme);
        spans.push(painter.dim("\""));
        spans.extend(data);
        spans.push(painter.dim(if (shown as u64) < total { painter.more() } else { "\"" }));
    }
    if !from.is_empty() {
        spans.push(painter.dim(format!(" {} {from}", painter.sight.theme.glyphs.left)));
    }
    painter.row(spans, Some(evidence));
}

/// Descriptors that lie in the queue.
fn carried(painter: &mut Painter<'_>) {
    let object = painter.object;
    if object.int("descriptors").is_none_or(|n| n == 0) {
        return;
    }
    let mut spans = vec![painter.int("descriptors"), painter.dim(" on the way:")];
    for one in object.value("in flight").as_list() {
        let part = |name| one.part(name).and_then(Value::as_text).unwrap_or_default().to_owned();
        spans.push(Span::styled(format!(" {}", part("to")), painter.value_style("in flight")));
        spans.push(painter.dim(format!(" to {}", part("access"))));
    }
    painter.row(spans, Some(object.evidence("descriptors")));
    painter.note("in flight");
}

/// The other direction: what the peer has not received yet, and what that costs here.
fn outgoing(painter: &mut Painter<'_>) {
    let object = painter.object;
    let peer = painter.sight.now.object(word(object, "peer"));
    let ended = word(object, "outgoing") == "ended";
    if let Some(peer) = peer {
        let (count, unit) = if peer.field("queue").is_some() { ("messages", " messages") } else { ("bytes", " bytes") };
        let mut spans = vec![
            painter.dim("out "),
            Span::styled(number(peer, count), painter.style(Role::Value)),
            painter.dim(format!("{unit} wait at {}", peer.name)),
        ];
        if ended {
            spans.push(painter.dim(", then the end"));
        }
        painter.row(spans, Some(peer.evidence(count)));
    } else if ended {
        let spans = vec![painter.dim("out ended")];
        painter.row(spans, Some(object.evidence("outgoing")));
    }
    if object.int("unsent").is_some_and(|n| n != 0) {
        let spans =
            vec![painter.dim("    "), painter.int("unsent"), painter.dim(" bytes not sent yet: the peer has no room")];
        painter.row(spans, Some(object.evidence("unsent")));
    }
    if object.int("charged").is_some_and(|n| n != 0) {
        let spans = vec![
            painter.dim("    charged "),
            painter.int("charged"),
            painter.dim(" of "),
            painter.int("sndbuf"),
            painter.dim(" for sending"),
        ];
        painter.row(spans, Some(object.evidence("charged")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Field, Snapshot};
    use crate::tui::fixtures::object;
    use crate::tui::panes::{Sight, lines};

    fn words(fields: &[(&str, &str)]) -> Vec<Field> {
        fields.iter().map(|(n, v)| Field::new(n, Value::Text((*v).to_owned()), Evidence::Kernel)).collect()
    }

    fn drawn(object: &Object, all: Vec<Object>) -> Vec<String> {
        let now = Snapshot { objects: all, ..Snapshot::empty() };
        let theme = crate::tui::theme::Theme::new(crate::tui::theme::Palette::Dark, false);
        let sight = Sight { now: &now, before: None, theme: &theme, timeless: true, stuck: &[] };
        let line = |line: &ratatui::text::Line<'_>| line.spans.iter().map(|s| s.content.as_ref()).collect::<String>();
        lines(object, sight, 50, false).iter().map(|l| line(l).trim_end().to_owned()).collect()
    }

    fn end(name: &str, peer: &str, ino: u64, text: &str) -> Object {
        let mut fields = words(&[("type", "stream"), ("state", "connected"), ("peer", peer), ("incoming", "open")]);
        fields.push(Field::kernel_int("bytes", text.len() as i64));
        let holds = Value::Bytes { bytes: text.as_bytes().to_vec(), total: text.len() as u64 };
        fields.push(Field::new("holds", holds, Evidence::Kernel));
        object("unix", name, "none", ino, fields)
    }

    #[test]
    fn both_directions_of_a_stream() {
        let (a, b) = (end("s.0", "s.1", 1, "hi"), end("s.1", "s.0", 2, "hello"));
        let seen = drawn(&a, vec![a.clone(), b]);
        let has = |text: &str| seen.iter().any(|line| line.contains(text) && line.ends_with('K'));
        assert!(has("stream · connected with s.1"), "{seen:#?}");
        assert!(has("in  2 bytes wait to be received") && has("out 5 bytes wait at s.1"), "{seen:#?}");
    }

    #[test]
    fn a_long_queue_shows_its_ends() {
        let message = |n: usize| {
            let bytes = format!("message {n}").into_bytes();
            let total = bytes.len() as u64;
            Value::Record(vec![("data".to_owned(), Value::Bytes { bytes, total })])
        };
        let mut list: Vec<Value> = (0..16).map(message).collect();
        list.push(Value::Record(vec![("left out".to_owned(), Value::Int(968))]));
        list.extend((984..1000).map(message));
        let mut fields = words(&[("type", "datagram"), ("state", "unconnected")]);
        fields.push(Field::kernel_int("messages", 1000));
        fields.push(Field::kernel_int("bytes", 11000));
        fields.push(Field::new("queue", Value::List(list), Evidence::Kernel));
        fields.push(Field::kernel_int("dropped", 7));
        let r = object("udp", "r", "127.0.0.1:5000", 3, fields);
        let seen = drawn(&r, vec![r.clone()]);
        let at = |text: &str| seen.iter().position(|line| line.contains(text));
        let order =
            [at("1000 messages of 11000"), at("message 3"), at("992 more"), at("message 996"), at("7 datagrams")];
        assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{seen:#?}");
        assert!(at("message 4").is_none() && at("message 995").is_none(), "{seen:#?}");
    }

    #[test]
    fn a_listener_names_those_who_wait() {
        let mut fields = words(&[("type", "stream"), ("state", "listening")]);
        fields.push(Field::kernel_int("waiting", 1));
        fields.push(Field::kernel_int("backlog", 5));
        fields.push(Field::new("connecting", Value::List(vec![Value::Text("c".to_owned())]), Evidence::Kernel));
        let l = object("unix", "l", "unix:srv", 4, fields);
        let seen = drawn(&l, vec![l.clone()]);
        assert!(
            seen[1].starts_with("1 wait to be accepted, the backlog is 5") && seen[2].trim_start().starts_with('c'),
            "{seen:#?}"
        );
        assert_eq!(brief(&l), "listening · 1 of 5 wait");
    }
}

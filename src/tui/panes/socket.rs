//! Sockets of every family, in one manner: the queue that can be received, the other direction with the peer's queue,
//! and for a listener the connections that wait.

use ratatui::text::Span;

use super::messages::{self, ENDS};
use super::{Painter, plain};
use crate::model::{Evidence, Object, Value};
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

fn word<'a>(object: &'a Object, field: &str) -> &'a str {
    object.value(field).as_text().unwrap_or_default()
}

fn number(object: &Object, field: &str) -> String {
    object.int(field).map_or_else(|| "?".to_owned(), |n| n.to_string())
}

pub(super) fn brief(object: &Object) -> String {
    let state = word(object, "state");
    if object.field("backlog").is_some() {
        let who: Vec<String> = object.value("connecting").as_list().iter().filter_map(plain).collect();
        let who = if who.is_empty() { String::new() } else { format!(": {}", who.join(" ")) };
        return format!("listening · {} of {} wait{who}", number(object, "waiting"), number(object, "backlog"));
    }
    let what = if object.field("queue").is_some() {
        format!("{} messages", number(object, "messages"))
    } else {
        format!("{} bytes", number(object, "bytes"))
    };
    let carried = object.int("descriptors").filter(|n| *n != 0);
    let what =
        carried.map_or_else(|| what.clone(), |n| format!("{what}, {n} descriptor{}", if n == 1 { "" } else { "s" }));
    let peer = Some(word(object, "peer")).filter(|peer| !peer.is_empty() && !peer.contains(' '));
    let with = peer.map(|peer| format!(" with {peer}")).unwrap_or_default();
    if state.is_empty() { what } else { format!("{state}{with} · {what}") }
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
        messages::draw(painter, |painter, _, _, _| vec![painter.dim("  ")]);
        painter.note("messages");
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
    for (field, before, behind) in [("dropped", "", " dropped: there was no room"), ("received", "receive buffer ", "")]
    {
        if object.int(field).is_some_and(|n| n != 0) {
            let mut spans = vec![painter.dim(before), painter.int(field), painter.dim(behind)];
            if field == "received" {
                spans.extend([painter.dim(" of "), painter.int("rcvbuf")]);
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
        // TCP has no other type.
        let plain = field == "type" && object.facility() == "tcp" && object.field("state").is_some();
        if !word(object, field).is_empty() && !plain {
            if !spans.is_empty() {
                spans.push(painter.between());
            }
            spans.push(Span::styled(word(object, field).to_owned(), painter.value_style(field)));
        }
    }
    if !word(object, "peer").is_empty() {
        let nobody = word(object, "peer") == "not accepted yet";
        spans.extend([
            if nobody { painter.between() } else { painter.dim(" with ") },
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
    let spans = vec![
        painter.int("waiting"),
        painter.dim(" to be accepted"),
        painter.between(),
        painter.dim("backlog "),
        painter.int("backlog"),
    ];
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

/// Descriptors that lie in the queue.
fn carried(painter: &mut Painter<'_>) {
    let object = painter.object;
    if object.int("descriptors").is_none_or(|n| n == 0) {
        return;
    }
    let mut spans = vec![painter.int("descriptors"), painter.dim(" on the way:")];
    for (place, one) in object.value("in flight").as_list().iter().enumerate() {
        let part = |name| one.part(name).and_then(Value::as_text).unwrap_or_default().to_owned();
        let verb = match part("access").as_str() {
            "read" => "to read",
            "write" => "to write",
            _ => "for both",
        };
        spans.push(painter.dim(if place == 0 { " " } else { ", " }));
        spans.push(Span::styled(part("to"), painter.value_style("in flight")));
        spans.push(painter.dim(format!(" {verb}")));
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
        let spans =
            vec![painter.dim("    send buffer "), painter.int("charged"), painter.dim(" of "), painter.int("sndbuf")];
        painter.row(spans, Some(object.evidence("charged")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Field, Snapshot};
    use crate::tui::fixtures::object;
    use crate::tui::panes::{Sight, lines};

    fn words(fields: &[(&'static str, &str)]) -> Vec<Field> {
        fields.iter().map(|(n, v)| Field::new(*n, Value::Text((*v).to_owned()), Evidence::Kernel)).collect()
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
        assert_eq!(brief(&a), "connected with s.1 · 2 bytes");
        assert!(has("in  2 bytes wait to be received") && has("out 5 bytes wait at s.1"), "{seen:#?}");
    }

    #[test]
    fn a_long_queue_shows_its_ends() {
        let message = |n: usize| {
            let bytes = format!("message {n}").into_bytes();
            let total = bytes.len() as u64;
            Value::Record(vec![("data".into(), Value::Bytes { bytes, total })])
        };
        let mut list: Vec<Value> = (0..16).map(message).collect();
        list.push(Value::Record(vec![("left out".into(), Value::Int(968))]));
        list.extend((984..1000).map(message));
        let mut fields = words(&[("type", "datagram"), ("state", "unconnected")]);
        fields.push(Field::kernel_int("messages", 1000));
        fields.push(Field::kernel_int("bytes", 11000));
        fields.push(Field::new("queue", Value::List(list), Evidence::Kernel));
        fields.push(Field::kernel_int("dropped", 7));
        let r = object("udp", "r", "127.0.0.1:5000", 3, fields);
        let seen = drawn(&r, vec![r.clone()]);
        let at = |text: &str| seen.iter().position(|line| line.contains(text));
        let order = [at("1000 messages of 11000"), at("message 3"), at("992 more"), at("message 996"), at("7 dropped")];
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
            seen[1].starts_with("1 to be accepted · backlog 5") && seen[2].trim_start().starts_with('c'),
            "{seen:#?}"
        );
        assert_eq!(brief(&l), "listening · 1 of 5 wait: c");
    }
}

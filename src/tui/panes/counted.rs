//! What stands behind a descriptor as a number: event counters, timers, signals.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::{Object, Value};
use crate::tui::text;
use crate::tui::theme::Role;

pub(super) static EVENTFD: Pane =
    Pane { facility: "eventfd", fields: &["count", "semaphore"], draw: eventfd, brief: eventfd_brief, roles: &[] };
pub(super) static TIMERFD: Pane = Pane {
    facility: "timerfd",
    fields: &["ticks", "armed", "remaining time", "interval", "clock"],
    draw: timerfd,
    brief: timerfd_brief,
    roles: &[],
};
pub(super) static SIGNALFD: Pane = Pane {
    facility: "signalfd",
    fields: &["signals", "unread", "waiting", "taken"],
    draw: signalfd,
    brief: signalfd_brief,
    roles: &[],
};

/// Tokens that are drawn; more are only counted.
const TOKENS: i64 = 12;

fn shown(object: &Object, field: &str) -> String {
    super::plain(object.value(field)).unwrap_or_else(|| "?".to_owned())
}

fn eventfd_brief(object: &Object) -> String {
    format!("count {}", shown(object, "count"))
}

fn eventfd(painter: &mut Painter<'_>) {
    let object = painter.object;
    let glyphs = painter.sight.theme.glyphs;
    let count = Span::styled(shown(object, "count"), painter.value_style("count"));
    let mut spans = vec![painter.dim("count "), count, Span::raw("  ")];
    match object.int("count") {
        Some(0) => spans.push(painter.dim(format!("{} the next read sleeps", glyphs.open))),
        Some(n) if n > 0 => {
            let tokens = vec![glyphs.token; n.min(TOKENS) as usize].join(" ");
            spans.push(Span::styled(tokens, painter.style(Role::Bar)));
            if n > TOKENS {
                spans.push(painter.dim(format!(" {}", glyphs.more)));
            }
        }
        _ => {}
    }
    painter.row(spans, Some(object.evidence("count")));
    painter.note("count");
    if let Some(semaphore) = object.value("semaphore").as_text() {
        let takes = if semaphore == "yes" { "a read takes 1: a semaphore" } else { "a read takes all of it" };
        let spans = vec![painter.dim(takes)];
        painter.row(spans, Some(object.evidence("semaphore")));
    }
}

fn timerfd_brief(object: &Object) -> String {
    let armed = if object.value("armed").as_text() == Some("yes") { "armed" } else { "disarmed" };
    format!("{armed}, {} ticks", shown(object, "ticks"))
}

fn timerfd(painter: &mut Painter<'_>) {
    let object = painter.object;
    let evidence = object.evidence("armed");
    let mut spans = match object.value("armed").as_text() {
        Some("yes") => vec![Span::styled("armed", painter.value_style("armed"))],
        Some(_) => vec![Span::styled("disarmed", painter.value_style("armed"))],
        None => vec![Span::styled("hidden", painter.style(Role::Hidden))],
    };
    if let Some(left @ 1..) = object.int("remaining time")
        && !painter.sight.timeless
    {
        spans.push(painter.dim(format!(", goes off in {}", text::age(left as u64))));
    }
    painter.row(spans, Some(evidence));
    let spans = vec![painter.int("ticks"), painter.dim(" ticks that nobody has read")];
    painter.row(spans, Some(object.evidence("ticks")));
    let interval = shown(object, "interval");
    let again = if interval == "0ns" { "once".to_owned() } else { format!("again each {interval}") };
    let spans = vec![painter.dim(format!("{again}, by {}", shown(object, "clock")))];
    painter.row(spans, Some(object.evidence("interval")));
    painter.note("armed");
}

fn signalfd_brief(object: &Object) -> String {
    format!("{} unread", shown(object, "unread"))
}

fn signalfd(painter: &mut Painter<'_>) {
    let object = painter.object;
    let signals = Span::styled(shown(object, "signals"), painter.value_style("signals"));
    let spans = vec![painter.dim("reads "), signals];
    painter.row(spans, Some(object.evidence("signals")));
    let waiting = object.value("waiting").as_list();
    if waiting.is_empty() {
        let spans = vec![painter.dim("none is pending")];
        painter.row(spans, Some(object.evidence("waiting")));
    }
    for one in waiting {
        let part = |name: &str| one.part(name).and_then(Value::as_text).unwrap_or_default().to_owned();
        let actor = part("actor");
        let hue = painter.sight.hue(&actor);
        let spans = vec![
            painter.dim("pending for "),
            Span::styled(actor, hue),
            painter.dim(": "),
            Span::styled(part("signals"), painter.value_style("waiting")),
        ];
        painter.row(spans, Some(object.evidence("waiting")));
    }
    if let Some(taken) = object.value("taken").as_text() {
        let spans = vec![painter.dim("last read "), Span::styled(taken.to_owned(), painter.value_style("taken"))];
        painter.row(spans, Some(object.evidence("taken")));
    }
    painter.note("signals");
}

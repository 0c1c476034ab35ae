//! epoll instances: what each descriptor of the list is asked, whether it is ready, and whether a wait would tell.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::{Object, Value};
use crate::tui::text;
use crate::tui::theme::Role;

pub(super) static PANE: Pane =
    Pane { facility: "epoll", fields: &["watches", "ready", "tells", "interest"], draw, brief, roles: &[] };

fn brief(object: &Object) -> String {
    let int = |name| object.int(name).map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{} of {} ready", int("ready"), int("watches"))
}

/// Descriptors that are shown; more are counted.
const SHOWN: usize = 12;

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let spans = vec![
        painter.dim("watches "),
        painter.int("watches"),
        painter.between(),
        painter.int("ready"),
        painter.dim(" to tell of"),
    ];
    painter.row(spans, Some(object.evidence("ready")));
    let tells = match object.value("tells").as_text() {
        Some("yes") => "a wait would return at once",
        Some(_) => "a wait would sleep",
        None => "whether a wait would sleep is hidden",
    };
    let spans = vec![Span::styled(tells, painter.value_style("tells"))];
    painter.row(spans, Some(object.evidence("tells")));
    let interests = object.value("interest").as_list();
    for interest in interests.iter().take(SHOWN) {
        draw_interest(painter, interest);
    }
    if interests.len() > SHOWN {
        let spans = vec![painter.dim(format!("  {} {} more", painter.more(), interests.len() - SHOWN))];
        painter.line(spans);
    }
    painter.note("ready");
    painter.note("tells");
    if object.waiters.len() > 1 {
        let names: Vec<&str> = object.waiters.iter().map(|waiter| waiter.actor.as_str()).collect();
        let spans = vec![painter.dim(format!("an event wakes one of {}", names.join(", ")))];
        painter.line(spans);
    }
}

fn draw_interest(painter: &mut Painter<'_>, interest: &Value) {
    let before = painter.before.map(|b| b.value("interest").as_list());
    let changed = before.is_some_and(|b| !b.contains(interest));
    let value = painter.style(if changed { Role::Changed } else { Role::Value });
    let part = |name: &str| interest.part(name).and_then(Value::as_text).unwrap_or_default().to_owned();
    let fd = interest.part("fd").and_then(Value::as_int).unwrap_or(-1);
    let (events, ready, told) = (part("events"), part("ready"), part("told"));
    let glyphs = painter.sight.theme.glyphs;
    let on = if part("on").is_empty() { "?".to_owned() } else { part("on") };
    let mark = if told == "yes" { glyphs.chosen } else { " " };
    let spans = vec![
        Span::styled(format!("{mark} "), painter.style(Role::Accent)),
        painter.dim(format!("{fd}{}", glyphs.right)),
        Span::styled(format!("{on} "), value),
        painter.dim("asks "),
        Span::styled(events.clone(), value),
    ];
    painter.row(spans, None);
    let edge = events.split('|').any(|name| name == "EPOLLET");
    let asks =
        events.split('|').any(|name| !matches!(name, "EPOLLET" | "EPOLLONESHOT" | "EPOLLEXCLUSIVE" | "EPOLLWAKEUP"));
    let is = if ready == "0" { "not ready".to_owned() } else { format!("ready {ready}") };
    let words = match told.as_str() {
        "yes" => "to be told",
        "no" if !asks => "told once, now silent",
        "no" if ready == "0" => "",
        "no" if edge => "told already",
        "no" => "",
        _ => "told or not: hidden",
    };
    let mut spans = vec![painter.dim("    "), Span::styled(is, value)];
    if !words.is_empty() {
        spans.extend([painter.between(), painter.dim(words)]);
    }
    if text::line_width(&spans) <= painter.width {
        painter.line(spans);
    } else {
        painter.line(vec![painter.dim("    "), spans.swap_remove(1)]);
        painter.line(vec![painter.dim(format!("    {words}"))]);
    }
}

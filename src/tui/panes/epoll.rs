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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, Field, Snapshot};
    use crate::tui::fixtures::{object, waiter};
    use crate::tui::panes::{Sight, lines};

    fn drawn(object: &Object, width: usize) -> Vec<String> {
        let now = Snapshot { objects: vec![object.clone()], ..Snapshot::empty() };
        let theme = crate::tui::theme::Theme::new(crate::tui::theme::Palette::Dark, false);
        let sight = Sight { now: &now, before: None, theme: &theme, timeless: true, stuck: &[] };
        let line = |line: &ratatui::text::Line<'_>| line.spans.iter().map(|s| s.content.as_ref()).collect::<String>();
        lines(object, sight, width, false).iter().map(|l| line(l).trim_end().to_owned()).collect()
    }

    fn interest(fd: i64, on: &str, events: &str, ready: &str, told: &str) -> Value {
        let text = |text: &str| Value::Text(text.to_owned());
        Value::Record(vec![
            ("fd".into(), Value::Int(fd)),
            ("on".into(), text(on)),
            ("events".into(), text(events)),
            ("ready".into(), text(ready)),
            ("told".into(), text(told)),
        ])
    }

    fn epoll() -> Object {
        let list = vec![
            interest(3, "p", "EPOLLIN|EPOLLET", "EPOLLIN", "no"),
            interest(5, "q", "EPOLLIN", "EPOLLIN|EPOLLHUP", "yes"),
            interest(6, "e", "EPOLLONESHOT", "0", "no"),
            interest(7, "", "EPOLLOUT", "0", "?"),
        ];
        let fields = vec![
            Field::kernel_int("watches", 4),
            Field::hidden("ready", "several edges"),
            Field::new("tells", Value::Text("yes".to_owned()), Evidence::Kernel),
            Field::new("interest", Value::List(list), Evidence::Kernel),
        ];
        let mut object = object("epoll", "ep", "none", 1, fields);
        object.waiters = vec![waiter("bob", "epoll_wait", "be told"), waiter("carol", "epoll_wait", "be told")];
        object
    }

    #[test]
    fn interest_stands_against_readiness() {
        let seen = drawn(&epoll(), 60);
        let has = |text: &str| seen.iter().any(|line| line.contains(text));
        for text in [
            "watches 4",
            "a wait would return at once",
            "3→p asks EPOLLIN|EPOLLET",
            "ready EPOLLIN · told already",
            "5→q asks EPOLLIN",
            "ready EPOLLIN|EPOLLHUP · to be told",
            "told once, now silent",
            "7→? asks EPOLLOUT",
            "several edges",
            "an event wakes one of bob, carol",
        ] {
            assert!(has(text), "{text}: {seen:#?}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_pane() {
        let object = epoll();
        for width in 0..70 {
            assert!(drawn(&object, width).iter().all(|line| text::width(line) <= width), "{width}");
        }
    }
}

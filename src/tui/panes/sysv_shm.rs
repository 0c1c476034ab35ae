//! System V shared memory: the grid of all shared memory, how often it is attached, and whether it is to go.

use ratatui::text::Span;

use super::{Painter, Pane, shm, views};
use crate::model::Object;
use crate::tui::theme::Role;

pub(super) static PANE: Pane = Pane {
    facility: "sysv-shm",
    fields: &[
        "memory", "size", "nattch", "removed", "locked", "cpid", "lpid", "atime", "dtime", "ctime", "mode", "uid",
        "views",
    ],
    roles: &["id"],
    draw,
    brief,
};

fn brief(object: &Object) -> String {
    let int = |name| object.int(name).map_or_else(|| "?".to_owned(), |n| n.to_string());
    let times = if object.int("nattch") == Some(1) { "time" } else { "times" };
    let removed = if object.value("removed").as_text() == Some("yes") { "removed, " } else { "" };
    format!("{removed}{} bytes, attached {} {times}", int("size"), int("nattch"))
}

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let yes = |field: &str| object.value(field).as_text() == Some("yes");
    let mut spans = vec![
        painter.int("size"),
        painter.dim(" bytes"),
        painter.between(),
        painter.dim("attached "),
        painter.int("nattch"),
        painter.dim(if object.int("nattch") == Some(1) { " time" } else { " times" }),
    ];
    if yes("locked") {
        spans.extend([painter.between(), painter.dim("locked in memory")]);
    }
    painter.row_with_mode(spans, object.evidence("size"));
    if yes("removed") {
        let spans = vec![Span::styled("removed: stays while attached", painter.style(Role::Changed))];
        painter.row(spans, Some(object.evidence("removed")));
    }
    shm::contents(painter);
    views::draw(painter);
    let mut spans = Vec::new();
    for (field, words) in [("cpid", "made by "), ("lpid", "last by ")] {
        let Some(who) = object.value(field).as_text().filter(|who| *who != "nobody") else { continue };
        if !spans.is_empty() {
            spans.push(painter.between());
        }
        spans.extend([painter.dim(words), Span::styled(who.to_owned(), painter.sight.hue(who))]);
    }
    if !spans.is_empty() {
        painter.row(spans, Some(object.evidence("cpid")));
    }
}

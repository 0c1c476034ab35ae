//! Sets of System V semaphores: for each its value, a token for each unit of it and who waits, and what a death undoes.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::{Evidence, Object, Value};
use crate::tui::theme::Role;

pub(super) static PANE: Pane = Pane {
    facility: "sysv-sem",
    fields: &[
        "values", "value", "semncnt", "semzcnt", "sempid", "nsems", "waits", "undo", "otime", "ctime", "mode", "uid",
    ],
    roles: &["id"],
    draw,
    brief,
};

fn brief(object: &Object) -> String {
    let values: Vec<String> =
        object.value("values").as_list().iter().filter_map(|v| v.as_int().map(|n| n.to_string())).collect();
    if values.is_empty() { "values hidden".to_owned() } else { format!("values {}", values.join(" ")) }
}

/// Semaphores that are drawn; more are counted.
const SHOWN: usize = 8;
/// Tokens that are drawn for one; more are only counted.
const TOKENS: i64 = 8;

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    if object.value("values") == &Value::Nothing {
        let spans = vec![Span::styled("values hidden", painter.style(Role::Hidden))];
        painter.row(spans, Some(object.evidence("values")));
    }
    let values = object.value("values").as_list();
    for index in 0..values.len().min(SHOWN) {
        semaphore(painter, index);
    }
    if values.len() > SHOWN {
        let count = object.int("nsems").unwrap_or(values.len() as i64) - SHOWN as i64;
        let spans = vec![painter.dim(format!("{} {count} more", painter.more()))];
        painter.row(spans, Some(object.evidence("values")));
    }
    painter.note("values");
    if let Some(nsems) = object.int("nsems") {
        let mut spans =
            vec![painter.dim(if nsems == 1 { "1 semaphore".to_owned() } else { format!("{nsems} semaphores") })];
        spans.extend(painter.mode());
        painter.row(spans, Some(object.evidence("nsems")));
    }
    if object.int("otime") == Some(0) {
        let spans = vec![painter.dim("no semop has succeeded yet")];
        painter.row(spans, Some(object.evidence("otime")));
    }
    for wait in object.value("waits").as_list() {
        let text = |name| wait.part(name).and_then(Value::as_text).unwrap_or_default().to_owned();
        let actor = text("actor");
        let hue = painter.sight.hue(&actor);
        let spans = vec![Span::styled(actor, hue), painter.dim(" wants "), Span::raw(text("operations"))];
        painter.row(spans, Some(object.evidence("waits")));
    }
    undo(painter);
}

fn at<'a>(object: &'a Object, field: &str, index: usize) -> Option<&'a Value> {
    object.value(field).as_list().get(index)
}

fn semaphore(painter: &mut Painter<'_>, index: usize) {
    let object = painter.object;
    let glyphs = painter.sight.theme.glyphs;
    let int = |field: &str| at(object, field, index).and_then(Value::as_int).unwrap_or(0);
    let value = int("values");
    let before = painter.before.and_then(|b| at(b, "values", index)).and_then(Value::as_int);
    let role = if before.is_some_and(|before| before != value) { Role::Changed } else { Role::Value };
    let mut spans =
        vec![painter.dim(format!("[{index}] ")), Span::styled(value.to_string(), painter.style(role)), Span::raw(" ")];
    if value > 0 {
        let tokens = vec![glyphs.token; value.min(TOKENS) as usize].join(" ");
        spans.push(Span::styled(tokens, painter.style(Role::Bar)));
        if value > TOKENS {
            spans.push(painter.dim(format!(" {}", glyphs.more)));
        }
    }
    for (field, words) in [("semncnt", "for more"), ("semzcnt", "for 0")] {
        let count = int(field);
        if count > 0 {
            spans.push(painter.between());
            spans.push(Span::styled(format!("{count} {words}"), painter.style(Role::Asleep)));
        }
    }
    if let Some(who) = at(object, "sempid", index).and_then(Value::as_text).filter(|who| *who != "nobody") {
        spans.extend([painter.between(), painter.dim("last "), Span::styled(who.to_owned(), painter.sight.hue(who))]);
    }
    painter.row(spans, Some(object.evidence("values")));
}

fn undo(painter: &mut Painter<'_>) {
    let object = painter.object;
    for entry in object.value("undo").as_list() {
        let actor = entry.part("actor").and_then(Value::as_text).unwrap_or_default().to_owned();
        let int = |name| entry.part(name).and_then(Value::as_int).unwrap_or(0);
        let hue = painter.sight.hue(&actor);
        let spans = vec![
            painter.dim("the death of "),
            Span::styled(actor, hue),
            painter.dim(format!(" adds {} to [{}]", int("adds"), int("semaphore"))),
        ];
        painter.row(spans, Some(object.evidence("undo")));
    }
    if object.evidence("undo") == Evidence::Hidden {
        let spans = vec![Span::styled("what deaths undo is hidden", painter.style(Role::Hidden))];
        painter.row(spans, Some(Evidence::Hidden));
        painter.note("undo");
    }
}

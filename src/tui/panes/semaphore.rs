//! POSIX semaphores: the value, a token for each unit of it, and the waiters in order.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::{Evidence, Fact, Object};
use crate::tui::theme::Role;

pub(super) static PANE: Pane = Pane {
    facility: "semaphore",
    fields: &["value", "named", "waiting", "nwaiters", "pshared", "mode"],
    draw,
    brief,
    roles: &[],
};

fn brief(object: &Object) -> String {
    format!("value {}", object.int("value").map_or_else(|| "?".to_owned(), |n| n.to_string()))
}

/// Tokens that are drawn; more are only counted.
const TOKENS: i64 = 12;

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let glyphs = painter.sight.theme.glyphs;
    let mut spans = vec![painter.dim("value "), painter.int("value"), Span::raw("  ")];
    match object.int("value") {
        Some(0) => spans.push(painter.dim(format!("{} the next one sleeps", glyphs.open))),
        Some(n) if n > 0 => {
            let tokens = vec![glyphs.token; n.min(TOKENS) as usize].join(" ");
            spans.push(Span::styled(tokens, painter.style(Role::Bar)));
            if n > TOKENS {
                spans.push(painter.dim(format!(" {}", glyphs.more)));
            }
        }
        _ => {}
    }
    painter.row(spans, Some(object.evidence("value")));
    painter.note("value");
    let mut words = match object.value("named").as_text() {
        Some("no") => "unnamed".to_owned(),
        Some("yes") => "named".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    match object.int("pshared") {
        Some(0) => words.push_str(", for one process"),
        Some(_) => words.push_str(", process-shared"),
        None => {}
    }
    let mut spans = vec![painter.dim(words)];
    spans.extend(painter.mode());
    painter.row(spans, Some(object.evidence("named")));
    takers(painter);
    // The word counts those who are gone too, so it is told only where it differs.
    if object.int("nwaiters").is_some_and(|n| Some(n) != object.int("waiting")) {
        let spans = vec![painter.dim("nwaiters "), painter.int("nwaiters"), painter.dim(" in its word")];
        painter.row(spans, Some(object.evidence("nwaiters")));
        painter.note("nwaiters");
    }
}

/// Who has taken more than given back, by what they reported: the semaphore itself knows nobody.
fn takers(painter: &mut Painter<'_>) {
    let (object, now) = (painter.object, painter.sight.now);
    for fact in &now.facts {
        let Fact::Units { actor, object: of, units } = fact else { continue };
        if *of != object.name || *units == 0 {
            continue;
        }
        let dead = now.actor(actor).is_none_or(|actor| !actor.alive());
        let words = if *units > 0 { format!(" took {units}") } else { format!(" gave {}", -units) };
        let mut spans = vec![Span::styled(actor.clone(), painter.sight.hue(actor)), painter.dim(words)];
        if dead && *units > 0 {
            spans.push(Span::styled(", and is dead: it stays taken", painter.style(Role::Changed)));
        }
        painter.row(spans, Some(Evidence::Reported));
    }
}

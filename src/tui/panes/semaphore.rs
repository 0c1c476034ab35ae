//! POSIX semaphores: the value, a token for each unit of it, and the waiters in order.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::Object;
use crate::tui::theme::Role;

pub(super) static PANE: Pane = Pane { facility: "semaphore", fields: &["value", "named"], draw, brief };

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
        Some(0) => spans.push(painter.dim(format!("{} the next to wait will sleep", glyphs.open))),
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
    if let Some(named) = object.value("named").as_text().filter(|n| !n.is_empty()) {
        let spans = vec![painter.dim(named)];
        painter.row(spans, Some(object.evidence("named")));
    }
}

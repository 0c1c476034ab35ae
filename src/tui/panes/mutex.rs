//! Mutexes: whether one is locked, by whom, what its type makes of that, and the word that decides it.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::Object;
use crate::tui::theme::Role;

pub(super) static PANE: Pane = Pane {
    facility: "mutex",
    fields: &["state", "owner", "count", "type", "robust", "protocol", "prioceiling", "pshared", "word", "maker"],
    draw,
    brief,
    roles: &[],
};

fn brief(object: &Object) -> String {
    match (object.value("state").as_text(), object.value("owner").as_text()) {
        (None, _) => "words hidden".to_owned(),
        (Some(state), None | Some("nobody")) => state.to_owned(),
        (Some(state), Some(owner)) => format!("{state}, owner {owner}"),
    }
}

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let glyphs = painter.sight.theme.glyphs;
    let state = object.value("state").as_text();
    let owner = object.value("owner").as_text().filter(|owner| *owner != "nobody");
    let mut spans = match state {
        None => vec![Span::styled("state hidden", painter.style(Role::Hidden))],
        Some("free") => {
            vec![painter.dim(format!("{} ", glyphs.open)), Span::styled("free", painter.value_style("state"))]
        }
        Some("locked") => vec![
            Span::styled(format!("{} ", glyphs.token), painter.style(Role::Bar)),
            Span::styled("locked", painter.value_style("state")),
        ],
        Some(other) => vec![
            Span::styled(format!("{} ", glyphs.token), painter.style(Role::Error)),
            Span::styled(other.replace('-', " "), painter.style(Role::Error)),
        ],
    };
    if let Some(owner) = owner {
        let verb = if state == Some("owner-died") { " was " } else { " by " };
        spans.extend([painter.dim(verb), Span::styled(owner.to_owned(), painter.sight.hue(owner))]);
        if let Some(count) = object.int("count").filter(|count| *count > 1) {
            spans.push(painter.dim(format!(", {count} times")));
        }
    }
    painter.row(spans, Some(object.evidence("state")));
    painter.note("state");
    let mut words = Vec::new();
    words.extend(object.value("type").as_text().map(|kind| {
        kind.trim_start_matches("PTHREAD_MUTEX_")
            .trim_end_matches("_NP")
            .to_lowercase()
            .replace("errorcheck", "error-checking")
    }));
    words.extend((object.int("robust") == Some(1)).then(|| "robust".to_owned()));
    let inherits = object.value("protocol").as_text() == Some("PTHREAD_PRIO_INHERIT");
    words.extend(inherits.then(|| "lends priority".to_owned()));
    words.extend(object.int("prioceiling").map(|ceiling| format!("ceiling {ceiling}")));
    words.extend(object.int("pshared").map(|n| if n == 0 { "for one process" } else { "process-shared" }.to_owned()));
    if !words.is_empty() {
        let spans = vec![painter.dim(words.join(", "))];
        painter.row(spans, Some(object.evidence("type")));
    }
    if let Some(word) = object.value("word").as_text() {
        let spans = vec![painter.dim("word "), Span::styled(word.to_owned(), painter.value_style("word"))];
        painter.row(spans, Some(object.evidence("word")));
    }
}

//! Anonymous private memory: one mapping as it was made, and what became of it in each process that has it.

use ratatui::text::Span;

use super::{Painter, Pane, views};
use crate::model::Object;
use crate::tui::theme::Role;

const FIELDS: &[&str] = &["size", "mapped", "descent", "views"];

pub(super) static PANE: Pane = Pane { facility: "memory", fields: FIELDS, draw, brief, roles: &[] };

/// So many steps of its descent are told; more are counted.
const SHOWN: usize = 4;

fn brief(object: &Object) -> String {
    let size = object.int("size").map_or_else(|| "?".to_owned(), |n| n.to_string());
    let own = object.value("views").as_list().iter().filter(|view| view.part("copied").is_some()).count();
    let parted = if own > 0 { format!(" · {own} parted") } else { String::new() };
    format!("{size} bytes, private{parted}")
}

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let spans = vec![painter.int("size"), painter.dim(" bytes, private")];
    painter.row(spans, Some(object.evidence("size")));
    match object.value("descent").as_text() {
        Some(words) => {
            let all: Vec<&str> = words.split(", ").flat_map(|one| one.split("; ")).collect();
            for one in all.iter().take(SHOWN) {
                let spans = vec![Span::styled((*one).to_owned(), painter.value_style("descent"))];
                painter.row(spans, Some(object.evidence("descent")));
            }
            if all.len() > SHOWN {
                let spans = vec![painter.dim(format!("{} {} forks more", painter.more(), all.len() - SHOWN))];
                painter.row(spans, Some(object.evidence("descent")));
            }
        }
        None => {
            let spans = vec![Span::styled("origin hidden", painter.style(Role::Hidden))];
            painter.row(spans, Some(object.evidence("descent")));
            painter.note("descent");
        }
    }
    views::draw(painter);
}

//! One object through the eyes of all who have mapped it: where each sees it, and what a private mapping has of its own.

use ratatui::text::Span;

use super::Painter;
use crate::model::Value;
use crate::tui::text;
use crate::tui::theme::Role;

/// Views that are drawn; more are counted.
const SHOWN: usize = 8;

pub(super) fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let views = object.value("views").as_list();
    let evidence = Some(object.evidence("views"));
    let before = painter.before.map(|b| b.value("views").as_list());
    for view in views.iter().take(SHOWN) {
        let text = |part: &str| view.part(part).and_then(Value::as_text).unwrap_or_default().to_owned();
        let (actor, at) = (text("actor"), text("at"));
        let new = before.is_some_and(|before| !before.contains(view));
        let place = painter.style(if new { Role::Changed } else { Role::Value });
        let hue = painter.sight.hue(&actor);
        let mut spans = vec![Span::styled(actor.clone(), hue), Span::raw(" ")];
        if let Some(name) = variable(painter, &actor, &at) {
            spans.push(Span::styled(format!("{name} "), place));
        }
        spans.push(Span::styled(at, place));
        let access = match text("access").as_str() {
            "read+write" => "rw",
            "read-only" => "r-",
            "write-only" => "-w",
            _ => "--",
        };
        spans.push(painter.dim(format!(" {access} {}", text("kind"))));
        if let Some(from) = view.part("from").and_then(Value::as_int).filter(|from| *from > 0) {
            spans.push(painter.dim(format!(" from {from}")));
        }
        painter.row(spans, evidence);
        if view.part("hidden").is_some() {
            let spans = vec![painter.dim(format!("  what it has of its own is hidden: {}", text("hidden")))];
            painter.row(spans, Some(crate::model::Evidence::Hidden));
        }
        let whose: Vec<(&str, String)> = [("own ", text("own")), ("with relatives ", text("shared"))]
            .into_iter()
            .filter(|(_, ranges)| !ranges.is_empty())
            .collect();
        for (what, ranges) in whose {
            let spans = vec![painter.dim(format!("  {what}")), Span::styled(ranges, place)];
            painter.row(spans, evidence);
        }
        if view.part("copied").is_some() && view.part("own").is_none() {
            let spans = vec![painter.dim("  parted in "), Span::styled(text("copied"), place)];
            painter.row(spans, evidence);
        }
        if let Some((bytes, total)) = view.part("sees").and_then(Value::as_bytes) {
            let from = view.part("sees from").and_then(Value::as_int);
            let mut spans = match from.filter(|_| view.part("differs").is_none()) {
                Some(from) => vec![painter.dim(format!("  sees from {from} "))],
                None => vec![painter.dim("  sees at "), Span::styled(text("differs"), place), Span::raw(" ")],
            };
            let room = painter.room().saturating_sub(text::line_width(&spans) + 3);
            let style = painter.style(Role::Code);
            let (shown, count) = text::bytes(bytes, room, style, painter.sight.theme);
            spans.extend(shown);
            if (count as u64) < total {
                spans.push(painter.dim(painter.more()));
            }
            painter.row(spans, evidence);
        }
    }
    if views.len() > SHOWN {
        let spans = vec![painter.dim(format!("{} {} views more", painter.more(), views.len() - SHOWN))];
        painter.row(spans, evidence);
    }
}

/// What an actor calls an address.
fn variable(painter: &Painter<'_>, actor: &str, at: &str) -> Option<String> {
    let mapping = |m: &&crate::model::Mapping| format!("{:#x}", m.start) == at;
    painter.sight.now.actor(actor)?.mappings.iter().find(mapping)?.names.first().cloned()
}

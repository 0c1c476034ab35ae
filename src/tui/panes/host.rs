//! Hosts: their addresses, the lines to others, and who lives there.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::{Object, Value};
use crate::tui::theme::Role;

/// The role in which a host's pane tells of who lives there.
pub(in crate::tui) const HOME: &str = "home of";

pub(super) static PANE: Pane =
    Pane { facility: "host", fields: &["addresses", "up", "down"], roles: &[HOME], draw, brief };

fn texts<'a>(object: &'a Object, field: &str) -> impl Iterator<Item = &'a str> {
    object.value(field).as_list().iter().filter_map(Value::as_text)
}

fn brief(object: &Object) -> String {
    let address = texts(object, "addresses").next().unwrap_or("no address");
    match texts(object, "down").collect::<Vec<_>>().join(", ") {
        cut if cut.is_empty() => address.to_owned(),
        cut => format!("{address}, no line to {cut}"),
    }
}

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let mut spans = Vec::new();
    for address in texts(object, "addresses") {
        if !spans.is_empty() {
            spans.push(painter.between());
        }
        spans.push(Span::styled(address.to_owned(), painter.value_style("addresses")));
    }
    painter.row(spans, Some(object.evidence("addresses")));
    let glyphs = painter.sight.theme.glyphs;
    let rule = glyphs.rule.repeat(2);
    for (field, middle, role, words) in
        [("up", glyphs.rule, Role::Good, "carries"), ("down", glyphs.no, Role::Error, "is cut")]
    {
        for other in texts(object, field) {
            let style = painter.style(role);
            let spans = vec![
                Span::styled(format!("{rule}{middle}{rule}"), style),
                painter.dim(" the line to "),
                Span::styled(other.to_owned(), painter.style(Role::Value)),
                Span::styled(format!(" {words}"), style),
            ];
            painter.row(spans, Some(object.evidence(field)));
        }
    }
    for field in ["addresses", "up", "down"] {
        painter.note(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, Field, Snapshot};
    use crate::tui::fixtures::object;
    use crate::tui::panes::{Sight, lines};

    #[test]
    fn lines_carry_or_are_cut() {
        let list = |name: &'static str, texts: &[&str]| {
            let list = texts.iter().map(|t| Value::Text((*t).to_owned())).collect();
            Field::new(name, Value::List(list), Evidence::Kernel)
        };
        let fields =
            vec![list("addresses", &["10.0.0.1/24", "fd00::1/64"]), list("up", &["north"]), list("down", &["west"])];
        let east = object("host", "east", "none", 0, fields);
        let now = Snapshot::empty();
        let theme = crate::tui::theme::Theme::new(crate::tui::theme::Palette::Dark, true);
        let sight = Sight { now: &now, before: None, theme: &theme, timeless: true, stuck: &[] };
        let line = |line: &ratatui::text::Line<'_>| line.spans.iter().map(|s| s.content.as_ref()).collect::<String>();
        let seen: Vec<String> = lines(&east, sight, 40, false).iter().map(line).collect();
        let has = |text: &str| seen.iter().any(|line| line.contains(text));
        assert!(has("10.0.0.1/24") && has("the line to north carries") && has("the line to west is cut"), "{seen:#?}");
        assert!(has("home of nobody") && !has("holds"), "{seen:#?}");
        assert_eq!(brief(&east), "10.0.0.1/24, no line to west");
    }
}

//! A snapshot that is pinned: what came after is held against it, however many statements that takes.

use ratatui::text::{Line, Span};

use super::{Desk, Look};
use crate::model::{Field, Snapshot, Value};
use crate::tui::app::{Notice, Out};
use crate::tui::keys::{Action, Context};
use crate::tui::panes::plain;
use crate::tui::stage_view::Focus;
use crate::tui::text;
use crate::tui::theme::Role;

/// What was pinned.
#[derive(Debug)]
pub(super) struct Pin {
    pub(super) snapshot: Snapshot,
    /// How many statements had ended.
    after: usize,
}

impl Desk {
    /// Pins what is on stage now, or lets go of what is pinned.
    pub(super) fn pin(&mut self, out: &mut Out) {
        if self.pin.take().is_some() {
            out.notice(Notice::good("let go: what is marked has changed with the last statement"));
            return;
        }
        let after = self.session.done();
        self.pin = Some(Pin { snapshot: self.session.now.clone(), after });
        out.notice(Notice::good("pinned: what changes from here on is marked, until you let go"));
    }

    /// Since when changes are marked, and what has come and gone since.
    pub(super) fn pinned(&self, look: Look<'_>) -> Option<Vec<Span<'static>>> {
        let pin = self.pin.as_ref()?;
        let theme = look.theme;
        let dim = |words: String| Span::styled(words, theme.style(Role::Dim));
        let when = match pin.after {
            0 => "the empty stage".to_owned(),
            after => format!("statement {after}"),
        };
        let mut spans = vec![Span::styled(format!(" compared with {when}"), theme.style(Role::Accent))];
        let (was, now) = (names(&pin.snapshot), names(&self.session.now));
        let only = |these: &[&str], those: &[&str]| {
            these.iter().filter(|name| !those.contains(name)).copied().collect::<Vec<_>>().join(", ")
        };
        for (words, list, role) in [("new", only(&now, &was), Role::Good), ("gone", only(&was, &now), Role::Warning)] {
            if !list.is_empty() {
                spans.push(dim(format!(" {} {words} ", theme.glyphs.dot)));
                spans.push(Span::styled(list, theme.style(role)));
            }
        }
        if let Some((keys, ascii)) = look.keys.filter(|_| self.context() == Context::Stage) {
            spans.push(dim(format!(" {} ", theme.glyphs.dot)));
            spans.push(Span::styled(keys.label(Action::Pin, ascii), theme.style(Role::Key)));
            spans.push(dim(" lets go".to_owned()));
        }
        Some(spans)
    }

    /// What was otherwise of what has the focus when the snapshot was pinned.
    pub(super) fn compared(&self, look: Look<'_>, width: usize) -> Vec<Line<'static>> {
        let Some(pin) = &self.pin else { return Vec::new() };
        let (dim, changed) = (look.theme.style(Role::Dim), look.theme.style(Role::Changed));
        let told = match &self.stage.focus {
            Some(Focus::Object(name)) => match (pin.snapshot.object(name), self.session.now.object(name)) {
                (None, _) => vec!["not on stage yet".to_owned()],
                (Some(was), Some(now)) if was.key == now.key => differing(&was.fields, &now.fields),
                (Some(_), _) => vec!["another object had this name".to_owned()],
            },
            Some(Focus::Actor(name)) => match (pin.snapshot.actor(name), self.session.now.actor(name)) {
                (None, _) => vec!["not on stage yet".to_owned()],
                (Some(was), Some(now)) if was != now => {
                    vec![crate::stage::describe(was, &pin.snapshot), format!("{} calls finished", was.finished)]
                }
                _ => Vec::new(),
            },
            None => return Vec::new(),
        };
        let mut lines = vec![Line::from(Span::styled(format!("at statement {}:", pin.after), dim))];
        if told.is_empty() {
            lines.push(Span::styled("  all as it is now", dim).into());
        }
        let clip = |words: String| text::clip(&words, width.saturating_sub(2), look.theme.glyphs.more);
        lines.extend(told.into_iter().map(|words| Line::from(Span::styled(format!("  {}", clip(words)), changed))));
        lines
    }
}

/// The names of all that is on stage: the living, and the objects.
fn names(snapshot: &Snapshot) -> Vec<&str> {
    let actors = snapshot.actors.iter().filter(|actor| actor.alive()).map(|actor| actor.name.as_str());
    actors.chain(snapshot.objects.iter().map(|object| object.name.as_str())).collect()
}

/// What the fields said that say something else now.
fn differing(was: &[Field], now: &[Field]) -> Vec<String> {
    let other = |field: &&Field| now.iter().find(|f| f.name == field.name).is_none_or(|f| f.value != field.value);
    was.iter()
        .filter(other)
        .map(|field| match (plain(&field.value), &field.value) {
            (Some(words), _) => format!("{}: {words}", field.name),
            (None, Value::List(all)) => format!("{}: {} entries", field.name, all.len()),
            (None, _) => format!("{}: not known", field.name),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Evidence;

    #[test]
    fn only_what_differs_is_told_as_it_was() {
        let field = |name: &'static str, value: i64| Field::new(name, Value::Int(value), Evidence::Kernel);
        let was = [field("bytes", 5), field("capacity", 65536), field("gone", 1)];
        let now = [field("bytes", 0), field("capacity", 65536)];
        assert_eq!(differing(&was, &now), ["bytes: 5", "gone: 1"]);
        assert_eq!(differing(&now, &now), Vec::<String>::new());
    }
}

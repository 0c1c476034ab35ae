//! What the prompt offers while a statement is typed: completions and the call's signature.

use std::ops::Range;

use ratatui::text::Span;

use super::help::signature;
use super::prompt::Candidate;
use super::theme::{Role, Theme};
use crate::model::Snapshot;
use crate::script::{Registry, STAGE_WORDS};

/// The ways to complete the word at the cursor.
pub(super) fn complete(
    line: &str,
    cursor: usize,
    block: &[String],
    registry: &Registry,
    now: &Snapshot,
) -> (Range<usize>, Vec<Candidate>) {
    let head = &line[..cursor];
    let start = head.rfind(|c: char| c.is_whitespace() || matches!(c, '|' | '(')).map_or(0, |i| i + 1);
    let word = &head[start..];
    let before = head[..start].trim_end();
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut add = |text: String, doc: &str| {
        if text.starts_with(word) && text != word && !candidates.iter().any(|c| c.text == text) {
            candidates.push(Candidate { text, doc: doc.to_owned() });
        }
    };
    let verb = if block.is_empty() { before.ends_with(':') } else { before.is_empty() };
    if verb {
        for call in registry.calls() {
            add(format!("{} ", call.name), call.doc);
        }
    } else if before.is_empty() {
        for word in STAGE_WORDS {
            add(format!("{} ", word.word), word.doc);
        }
        for actor in &now.actors {
            add(format!("{}: ", actor.name), "an order to this actor");
        }
    } else {
        for object in &now.objects {
            add(object.name.clone(), object.facility());
        }
        for actor in &now.actors {
            for descriptor in &actor.descriptors {
                for name in &descriptor.names {
                    add(name.clone(), "a descriptor");
                }
            }
            add(actor.name.clone(), "an actor");
        }
    }
    (start..cursor, candidates)
}

/// The signature of the call that is being typed.
pub(super) fn hint(line: &str, registry: &Registry, theme: &Theme) -> Vec<Span<'static>> {
    let (code, dim) = (theme.style(Role::Code), theme.style(Role::Dim));
    if let Some((_, order)) = line.split_once(':')
        && let Some(verb) = order.split_whitespace().next()
        && let Some((_, call)) = registry.call(verb)
    {
        return vec![Span::styled(signature(call), code), Span::styled(format!("  {}  {}", call.doc, call.man), dim)];
    }
    let first = line.split_whitespace().next().unwrap_or_default();
    if let Some(word) = STAGE_WORDS.iter().find(|w| w.word == first) {
        return vec![Span::styled(word.usage, code), Span::styled(format!("  {}", word.doc), dim)];
    }
    Vec::new()
}

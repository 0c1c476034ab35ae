//! What came of a statement of a lesson, told where the statement stands.

use ratatui::text::Span;

use super::theme::{Role, Theme};
use super::transcript;
use crate::model::{Call, CallState};
use crate::script::{Body, Statement};
use crate::stage::{Outcome, Report};

/// What came of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Came {
    outcome: Outcome,
    /// The last call that it made.
    last: Option<Call>,
}

impl Came {
    /// What the stage reported of it.
    pub(super) fn of(statement: &Statement, report: &Report) -> Self {
        let last = match &statement.body {
            Body::Order { actor, .. } | Body::Step { actor } | Body::Repeat { actor, .. } => {
                report.calls.iter().rev().find(|call| call.actor == *actor).cloned()
            }
            _ => None,
        };
        Self { outcome: report.outcome.clone(), last }
    }

    /// It in a few words: a value, a mark, or why not.
    pub(super) fn spans(&self, theme: &Theme, timeless: bool) -> Vec<Span<'static>> {
        let mut spans = match (&self.outcome, &self.last) {
            (Outcome::Settled, Some(call)) => vec![result(call, theme, timeless)],
            (Outcome::Settled, None) => vec![Span::styled(theme.glyphs.yes, theme.style(Role::Good))],
            (outcome, _) => transcript::ending(outcome, theme),
        };
        if let Some(first) = spans.first_mut() {
            first.content = first.content.trim_start().to_owned().into();
        }
        spans
    }
}

/// What a call returned, or that it sleeps.
fn result(call: &Call, theme: &Theme, timeless: bool) -> Span<'static> {
    let glyphs = theme.glyphs;
    match &call.state {
        CallState::Entered if call.meaning.is_some() => {
            Span::styled(format!("{} never returned", glyphs.dead), theme.style(Role::Error))
        }
        CallState::Entered => {
            Span::styled(format!("{}{}", glyphs.asleep, transcript::entered(call)), theme.style(Role::Asleep))
        }
        CallState::Returned { shown, errno, .. } => {
            let shown = if timeless { transcript::without_addresses(shown) } else { shown.clone() };
            let role = if errno.is_some() { Role::Error } else { Role::Value };
            Span::styled(format!("= {shown}"), theme.style(role))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, Snapshot};
    use crate::stage::Verdict;
    use crate::tui::theme::Palette;

    fn told(line: &str, calls: Vec<Call>, outcome: Outcome) -> String {
        let statement = crate::script::parse_line(line, crate::facility::registry()).unwrap();
        let report = Report { id: 1, statement: line.to_owned(), calls, outcome, snapshot: Snapshot::empty() };
        let theme = Theme::new(Palette::Mono, false);
        Came::of(&statement, &report).spans(&theme, true).iter().map(|s| s.content.to_string()).collect()
    }

    fn call(actor: &str, state: CallState) -> Call {
        Call {
            actor: actor.to_owned(),
            order: 1,
            seq: 0,
            verb: "write".to_owned(),
            args: String::new(),
            on: None,
            entered_ns: 0,
            state,
            syscall: true,
            meaning: None,
        }
    }

    #[test]
    fn a_value_a_sleep_a_tick_and_a_cross() {
        let one = CallState::Returned { ret: 1, errno: None, shown: "1".to_owned(), data: None, at_ns: 1 };
        let calls = vec![call("alice", one), call("bob", CallState::Entered)];
        let line = "alice: write p \"x\"";
        assert_eq!(told(line, calls.clone(), Outcome::Settled), "= 1", "not what bob does");
        assert_eq!(told("repeat 3 bob: write p \"x\"", calls, Outcome::Settled), "◌ asleep");
        assert_eq!(told("spawn alice", Vec::new(), Outcome::Settled), "✓");
        let (expected, seen) = ("p bytes 16".to_owned(), "p bytes 16".to_owned());
        let verdict = Verdict { met: true, expected, seen, evidence: Evidence::Kernel };
        assert_eq!(told("expect p bytes 16", Vec::new(), Outcome::Checked(verdict.clone())), "✓ p bytes 16 K");
        let verdict = Verdict { met: false, seen: "p bytes 3".to_owned(), ..verdict };
        let told = told("expect p bytes 16", Vec::new(), Outcome::Checked(verdict));
        assert_eq!(told, "✗ expected p bytes 16, seen p bytes 3 K");
    }
}

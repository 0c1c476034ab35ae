//! Who waits for whom on a desk's stage, and what is wrong there.

use super::{Desk, Look, Out, Place};
use crate::diagnosis::Looks;
use crate::model::{Certainty, Finding};
use crate::tui::keys::{Action, Keymap};
use crate::tui::link::ToStage;
use crate::tui::theme::{Role, Theme};
use crate::tui::waits;
use ratatui::text::{Line, Span};

impl Desk {
    /// Looks who waits for whom. What is found is looked at twice before it is called certain.
    pub(super) fn look_who_waits(&mut self, out: &mut Out) {
        self.looking = self.looks.take(&self.session.now);
        self.stuck = self.looks.graph().cycles.concat();
        if self.looking {
            out.orders.push(ToStage::Refresh(self.session.stage));
        }
    }

    /// Begins anew, on another stage.
    pub(super) fn forget_looks(&mut self) {
        self.looks = Looks::default();
        self.stuck.clear();
        self.looking = false;
    }

    /// The worst of what is wrong in one line, and the key that tells the rest.
    pub(super) fn trouble(&self, theme: &Theme, keys: Option<(&Keymap, bool)>) -> Option<Vec<Span<'static>>> {
        let findings = self.looks.findings();
        // A zombie and a merged signal hold nobody up: they are told where somebody looks.
        let stops = |finding: &&Finding| finding.certainty == Certainty::Certain || !finding.since_ns.is_empty();
        let worst = findings.iter().find(stops)?;
        let (glyph, role) = match worst.certainty {
            Certainty::Certain => (theme.glyphs.no, Role::Error),
            Certainty::Suspicious => ("?", Role::Warning),
        };
        let mut spans = vec![Span::styled(format!(" {glyph} {}", worst.kind.title), theme.style(role))];
        if worst.certainty == Certainty::Suspicious {
            spans.push(Span::styled(" (suspicious)", theme.style(role)));
        }
        let more = findings.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if let Some((keys, ascii)) = keys {
            let types = matches!(self.place, Place::Prompt | Place::Editor);
            let key = keys.label(if types { Action::WaitsHere } else { Action::Waits }, ascii);
            spans.push(Span::styled(format!("{more} {} ", theme.glyphs.dot), theme.style(Role::Dim)));
            spans.push(Span::styled(key, theme.style(Role::Key)));
            spans.push(Span::styled(" why", theme.style(Role::Dim)));
        }
        spans.push(Span::styled(format!(" {} {}", theme.glyphs.dot, worst.words), theme.style(Role::Text)));
        Some(spans)
    }

    /// The view of who waits for whom.
    pub(in crate::tui) fn waits(&self, look: Look<'_>, width: usize) -> Vec<Line<'static>> {
        waits::lines(&self.looks, self.sight(look), width)
    }
}

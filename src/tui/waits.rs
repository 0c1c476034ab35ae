//! The view of who waits for whom: what is wrong in words, then the cycles as rings, then everybody else as trees.

use ratatui::text::{Line, Span};

use super::panes::{Sight, mark};
use super::text::{self, clip_spans};
use super::theme::Role;
use crate::diagnosis::{Forest, Looks, Row};
use crate::model::{ActorState, Certainty, Finding, Wait};

/// The lines of the view, each at most `width` columns wide.
pub(super) fn lines(looks: &Looks, sight: Sight<'_>, width: usize) -> Vec<Line<'static>> {
    let view = View { sight, width };
    let mut lines = Vec::new();
    let forest = Forest::of(looks.graph());
    for cycle in &forest.cycles {
        view.ring(cycle, &mut lines);
    }
    for finding in looks.findings() {
        view.finding(&finding, looks.agree(), &mut lines);
    }
    if looks.is_empty() && !forest.is_empty() {
        let head = Span::styled(format!("{} ", sight.theme.glyphs.yes), sight.theme.style(Role::Good));
        view.wrapped(head, looks.all_clear(), Role::Good, &mut lines);
        lines.push(Line::default());
    }
    if forest.is_empty() {
        lines.push(Span::styled("Nobody is asleep in a call.", sight.theme.style(Role::Dim)).into());
        return lines;
    }
    for row in &forest.rows {
        view.row(row, &mut lines);
    }
    lines
}

/// So many of those who could end a wait are named.
const FEW: usize = 3;

#[derive(Clone, Copy)]
struct View<'a> {
    sight: Sight<'a>,
    width: usize,
}

impl View<'_> {
    fn clip(self, spans: Vec<Span<'static>>) -> Line<'static> {
        Line::from(clip_spans(spans, self.width, self.sight.theme.glyphs.more))
    }

    fn finding(self, finding: &Finding, agree: bool, lines: &mut Vec<Line<'static>>) {
        let theme = self.sight.theme;
        let (glyph, role) = match finding.certainty {
            Certainty::Certain => (theme.glyphs.no, Role::Error),
            Certainty::Suspicious => ("?", Role::Warning),
        };
        let mut words = finding.certainty.word().to_owned();
        if !agree {
            words.push_str(", seen once so far");
        }
        lines.push(self.clip(vec![
            Span::styled(format!("{glyph} {}", finding.kind.title), theme.style(role)),
            Span::styled(format!(" {} {words}", theme.glyphs.dot), theme.style(Role::Dim)),
        ]));
        self.wrapped(Span::raw("  "), &finding.words, Role::Text, lines);
        for known in &finding.known {
            let mark = mark(known.evidence, theme);
            let source = if known.evidence == crate::model::Evidence::Reported { "from our records: " } else { "" };
            let head = Span::styled(format!("  {} ", mark.content), mark.style);
            self.wrapped(head, &format!("{source}{}", known.words), Role::Dim, lines);
        }
        let head = Span::styled(format!("  {} ", theme.glyphs.right), theme.style(Role::Accent));
        self.wrapped(head, &finding.next, Role::Accent, lines);
        lines.push(Line::default());
    }

    /// A text behind a head, the lines after the first as far to the right.
    fn wrapped(self, head: Span<'static>, words: &str, role: Role, lines: &mut Vec<Line<'static>>) {
        let indent = text::width(&head.content);
        let mut head = Some(head);
        for line in text::wrap(words, self.width.saturating_sub(indent)) {
            let head = head.take().unwrap_or_else(|| Span::raw(" ".repeat(indent)));
            lines.push(Line::from(vec![head, Span::styled(line, self.sight.theme.style(role))]));
        }
    }

    /// A cycle as a ring: the last waits for the first.
    fn ring(self, waits: &[&Wait], lines: &mut Vec<Line<'static>>) {
        let theme = self.sight.theme;
        let (wire, style) = (&theme.glyphs.wire, theme.style(Role::Error));
        for (place, wait) in waits.iter().enumerate() {
            let head = match place {
                0 => format!("{}{}{} ", wire[6], wire[10], theme.glyphs.heads[0]),
                _ => format!("{}   ", wire[5]),
            };
            let mut spans = vec![Span::styled(head, style)];
            spans.extend(self.who(&[&wait.waiter]));
            spans.extend(self.waits(wait));
            spans.push(Span::styled(format!(" {}{} ", wire[10], theme.glyphs.heads[0]), style));
            let needs = wait.needs();
            for (place, name) in needs.iter().take(FEW).enumerate() {
                if place > 0 {
                    spans.push(Span::styled(" or ", theme.style(Role::Dim)));
                }
                spans.push(Span::styled((*name).to_owned(), self.sight.hue(name)));
            }
            if let Some(more) = needs.len().checked_sub(FEW).filter(|more| *more > 0) {
                spans.push(Span::styled(format!(" or {more} more"), theme.style(Role::Dim)));
            }
            lines.push(self.since(spans, wait));
        }
        lines.push(Line::from(Span::styled(format!("{}{}{}", wire[3], wire[10].repeat(3), wire[9]), style)));
        lines.push(Line::default());
    }

    fn row(self, row: &Row<'_>, lines: &mut Vec<Line<'static>>) {
        let theme = self.sight.theme;
        let dim = theme.style(Role::Dim);
        if row.wait.is_none() {
            if !lines.is_empty() && lines.last().is_some_and(|line| !line.spans.is_empty()) {
                lines.push(Line::default());
            }
            lines.push(match row.who.first() {
                Some(name) => self.clip(self.who(&[name])),
                None => self.clip(vec![Span::styled("these wait for nobody in particular:", dim)]),
            });
            return;
        }
        let Some(wait) = row.wait else { return };
        let mut spans = vec![Span::styled(self.branches(&row.last, false), dim)];
        let indent = text::width(&self.branches(&row.last, true));
        if row.who.len() > 1 {
            spans.push(Span::styled(format!("{} {} ", theme.glyphs.asleep, row.who.len()), theme.style(Role::Asleep)));
        } else {
            spans.extend(self.who(&row.who));
        }
        spans.extend(self.waits(wait));
        if !row.others.is_empty() {
            let shown = row.others.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            let more = row.others.len().saturating_sub(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let lead = if row.last.is_empty() { ", for" } else { ", or for" };
            spans.push(Span::styled(format!("{lead} {shown}{more}"), dim));
        }
        if row.who.len() == 1 {
            lines.push(self.since(spans, wait));
            return;
        }
        lines.push(self.clip(spans));
        for names in text::wrap(&row.who.join(" "), self.width.saturating_sub(indent + 2)) {
            let mut spans = vec![Span::styled(format!("{}  ", self.branches(&row.last, true)), dim)];
            for (place, name) in names.split(' ').enumerate() {
                let gap = if place == 0 { "" } else { " " };
                spans.push(Span::styled(format!("{gap}{name}"), self.sight.hue(name)));
            }
            lines.push(self.clip(spans));
        }
    }

    /// The branches that lead to a row; for the lines below it if `on`. What is too deep to be drawn says how deep it is.
    fn branches(self, last: &[bool], on: bool) -> String {
        let wire = &self.sight.theme.glyphs.wire;
        let most = (self.width / 6).max(2);
        let mut out = String::new();
        let hidden = last.len().saturating_sub(most);
        if hidden > 0 {
            out.push_str(&format!("{hidden}{} ", self.sight.theme.glyphs.more));
        }
        let shown = &last[hidden..];
        for (place, last) in shown.iter().enumerate() {
            let own = place + 1 == shown.len() && !on;
            out.push_str(match (own, last) {
                (true, true) => wire[3],
                (true, false) => wire[7],
                (false, true) => " ",
                (false, false) => wire[5],
            });
            out.push_str(if own { wire[10] } else { " " });
            out.push(' ');
        }
        out
    }

    /// Somebody with the glyph and word of the state.
    fn who(self, names: &[&str]) -> Vec<Span<'static>> {
        let theme = self.sight.theme;
        let mut spans = Vec::new();
        for name in names {
            let (glyph, role, word) = match self.sight.now.actor(name).map(|actor| &actor.state) {
                Some(ActorState::Idle) => (theme.glyphs.idle, Role::Idle, " is idle"),
                Some(ActorState::Asleep(_)) => (theme.glyphs.asleep, Role::Asleep, ""),
                Some(ActorState::Running { .. }) => (theme.glyphs.running, Role::Running, " runs"),
                Some(ActorState::Stopped { .. }) => (theme.glyphs.stopped, Role::Stopped, " is stopped"),
                Some(ActorState::Zombie(_)) => (theme.glyphs.zombie, Role::Dead, " has ended"),
                Some(ActorState::Dead(_)) => (theme.glyphs.dead, Role::Dead, " has ended"),
                None => (theme.glyphs.open, Role::Dim, " is not one of ours"),
            };
            spans.push(Span::styled(format!("{glyph} "), theme.style(role)));
            spans.push(Span::styled((*name).to_owned(), self.sight.hue(name)));
            spans.push(Span::styled(word, theme.style(Role::Dim)));
        }
        spans
    }

    fn waits(self, wait: &Wait) -> Vec<Span<'static>> {
        let theme = self.sight.theme;
        let mut spans = vec![
            Span::styled(" in ", theme.style(Role::Dim)),
            Span::styled(wait.verb.clone(), theme.style(Role::Code)),
        ];
        let word = if wait.object.is_some() { " on " } else { " for " };
        spans.push(Span::styled(word, theme.style(Role::Dim)));
        spans.push(Span::styled(wait.on().to_owned(), theme.style(Role::Value)));
        if wait.timed {
            spans.push(Span::styled(", not for ever", theme.style(Role::Dim)));
        }
        spans
    }

    /// A row with the time since when, where there is room.
    fn since(self, spans: Vec<Span<'static>>, wait: &Wait) -> Line<'static> {
        let theme = self.sight.theme;
        let mut right = vec![mark(crate::model::Evidence::Kernel, theme)];
        if !self.sight.timeless && self.width >= 60 {
            let since = format!("since {} s ", text::moment(wait.since_ns));
            right.insert(0, Span::styled(since, theme.style(Role::Dim)));
        }
        text::spread(spans, right, self.width, theme.glyphs.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, Field, Object, Snapshot};
    use crate::tui::fixtures;
    use crate::tui::theme::{Palette, Theme};

    fn drawn(now: &Snapshot, looked: usize, width: usize, ascii: bool) -> Vec<String> {
        let mut looks = Looks::default();
        for look in 0..looked {
            looks.take(&Snapshot { at_ns: now.at_ns + look as u64, ..now.clone() });
        }
        let theme = Theme::new(Palette::Mono, ascii);
        let sight = Sight { now, before: None, theme: &theme, timeless: true, stuck: &[] };
        let lines = lines(&looks, sight, width);
        assert!(lines.iter().all(|line| line.width() <= width), "{lines:#?}");
        lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect()
    }

    #[test]
    fn an_empty_stage_and_a_healthy_one() {
        assert_eq!(drawn(&Snapshot::empty(), 2, 76, false), ["Nobody is asleep in a call."]);
        let lines = drawn(&fixtures::pipe_with_sleeper(), 2, 76, false);
        assert!(lines[0].contains("Nobody waits in vain"), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("╰─ ◌ bob in read on p")), "{lines:#?}");
    }

    fn own_end() -> Snapshot {
        let mut now = fixtures::pipe_with_sleeper();
        now.actors.remove(0);
        for holder in &mut now.objects[0].holders {
            holder.actor = "bob".to_owned();
        }
        now
    }

    #[test]
    fn a_finding_says_how_it_is_known_and_what_to_do() {
        for ascii in [false, true] {
            let lines = drawn(&own_end(), 2, 76, ascii).join("\n");
            assert!(lines.contains("Reader holds its own write end") && lines.contains("certain"), "{lines}");
            assert!(lines.contains("bob is asleep in read on p") && lines.contains("should close"), "{lines}");
            assert_eq!(lines.is_ascii(), ascii, "{lines}");
        }
        let once = drawn(&own_end(), 1, 76, false).join("\n");
        assert!(once.contains("suspicious, seen once so far"), "{once}");
    }

    #[test]
    fn two_hundred_can_be_read_at_any_width() {
        let mut now = fixtures::pipe_with_sleeper();
        let bob = now.actors.remove(1);
        let pipe: Object = now.objects[0].clone();
        now.actors.extend((0..199).map(|n| Actor { name: format!("a{n}"), ..bob.clone() }));
        let waiters = (0..199).map(|n| crate::model::Waiter { actor: format!("a{n}"), ..pipe.waiters[0].clone() });
        now.objects[0].waiters = waiters.collect();
        now.objects[0].fields = vec![Field::kernel_int("bytes", 0)];
        for width in [36, 76, 116] {
            let lines = drawn(&now, 2, width, false);
            assert!(lines.len() < 40, "{}", lines.len());
            let all = lines.join(" ");
            assert!((0..199).all(|n| all.contains(&format!("a{n}"))), "everybody is named");
        }
    }
}

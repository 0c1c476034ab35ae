//! The chooser: what is needed at the left; what fits, and why the others fell out, at the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::lab::{self, Lab};
use super::{Sight, Wish};
use crate::atlas::Leaf;
use crate::atlas::choose::{Candidate, Need, Reason, choose, experiment, needs};
use crate::lesson::proofs::Proofs;
use crate::tui::app::{Notice, Out};
use crate::tui::keys::Action;
use crate::tui::layout;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::work::Job;

/// The chooser's state.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    /// Which question has the cursor.
    at: usize,
    /// What is needed, in the order in which it was said.
    needs: Vec<&'static Need>,
    /// What was needed before each answer.
    before: Vec<Vec<&'static Need>>,
    /// Which facility has the cursor; `None` while the questions have the keys.
    candidate: Option<usize>,
}

impl Chooser {
    fn candidates(&self) -> Vec<Candidate> {
        choose(&self.needs)
    }

    /// The facility that has the cursor, or the first.
    pub(super) fn leaf(&self) -> Option<&'static Leaf> {
        self.candidates().get(self.candidate.unwrap_or(0)).map(|candidate| candidate.leaf)
    }

    /// What a key means here.
    pub(super) fn act(&mut self, action: Action, lab: &mut Lab, out: &mut Out) -> Wish {
        match action {
            Action::Up | Action::Down => {
                let (at, most) = match &mut self.candidate {
                    Some(at) => (at, choose(&[]).len()),
                    None => (&mut self.at, needs().len()),
                };
                *at = at.saturating_add_signed(if action == Action::Up { -1 } else { 1 }).min(most.saturating_sub(1));
            }
            Action::Pane | Action::PaneBack => {
                self.candidate = if self.candidate.is_some() { None } else { Some(0) };
            }
            Action::Right => self.candidate = self.candidate.or(Some(0)),
            Action::Left => self.candidate = None,
            Action::NeedIt if self.candidate.is_none() => {
                let Some(need) = needs().get(self.at) else { return Wish::Stay };
                self.before.push(self.needs.clone());
                let had = self.needs.len();
                self.needs.retain(|known| known.id != need.id);
                if self.needs.len() == had {
                    self.needs.push(need);
                }
            }
            Action::Undo => match self.before.pop() {
                Some(before) => self.needs = before,
                None => out.notice(Notice::warning("nothing was answered yet")),
            },
            Action::NeedIt | Action::ProveReasons => {
                let candidates = self.candidates();
                let Some(candidate) = candidates.get(self.candidate.unwrap_or(0)) else { return Wish::Stay };
                let mut jobs: Vec<Job> = Vec::new();
                for key in candidate.reasons.iter().filter_map(|reason| reason.key.as_ref()) {
                    if let Some(experiment) = experiment(key).filter(|_| !jobs.iter().any(|job| job.key == *key)) {
                        jobs.push(Job { key: key.clone(), experiment });
                    }
                }
                if jobs.is_empty() {
                    out.notice(Notice::warning("answer a question first: there is no reason to show yet"));
                }
                lab.prove(jobs, out);
            }
            Action::Cancel if self.candidate.is_some() => self.candidate = None,
            Action::Cancel => return Wish::Leave,
            _ => {}
        }
        Wish::Stay
    }

    /// Draws the screen.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, lab: &Lab, proofs: &Proofs, sight: Sight<'_>) {
        let theme = sight.theme;
        if area.width < 64 {
            if self.candidate.is_some() {
                self.fits(layout::inset(area, 1, 0), buffer, lab, proofs, theme);
            } else {
                self.questions(layout::inset(area, 1, 0), buffer, theme);
            }
            return;
        }
        let (left, right) = layout::left(area, (area.width * 2 / 5).clamp(34, 56));
        for y in area.top()..area.bottom() {
            buffer.set_string(right.x, y, theme.glyphs.wire[5], theme.style(Role::Border));
        }
        let above = u16::from(area.height > 30);
        self.questions(layout::inset(left, 1, above), buffer, theme);
        let mut right = layout::left(right, 2).1;
        right.width = right.width.saturating_sub(1);
        self.fits(layout::inset(right, 0, above), buffer, lab, proofs, theme);
    }

    fn questions(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        let width = usize::from(area.width);
        let mut lines = vec![Line::from(Span::styled("What do you need?", theme.style(Role::Heading)))];
        let mut chosen = 0..0;
        for (at, need) in needs().iter().enumerate() {
            let here = at == self.at;
            let said = self.needs.iter().any(|known| known.id == need.id);
            let (mark, role) = if said { (theme.glyphs.yes, Role::Good) } else { (theme.glyphs.open, Role::Dim) };
            let style = match (here, self.candidate, said) {
                (true, None, _) => Role::Selection,
                (_, _, true) => Role::Title,
                _ => Role::Text,
            };
            let from = lines.len();
            let room = width.saturating_sub(4);
            let mut words = vec![text::clip(&need.short, room, theme.glyphs.more)];
            if here {
                words.extend(text::wrap(&need.asks, room));
            }
            for (i, words) in words.into_iter().enumerate() {
                let first = i == 0;
                lines.push(Line::from(vec![
                    Span::styled(if here && first { theme.glyphs.chosen } else { " " }, theme.style(Role::Accent)),
                    Span::raw(" "),
                    Span::styled(if first { mark } else { " " }, theme.style(role)),
                    Span::raw(" "),
                    Span::styled(words, theme.style(if first { style } else { Role::Dim })),
                ]));
            }
            if here {
                chosen = from..lines.len();
            }
        }
        draw(area, buffer, &lines, chosen);
    }

    fn fits(&self, area: Rect, buffer: &mut Buffer, lab: &Lab, proofs: &Proofs, theme: &Theme) {
        let width = usize::from(area.width);
        let candidates = self.candidates();
        let fit = candidates.iter().filter(|candidate| candidate.fits()).count();
        let mut lines = Vec::new();
        let mut chosen = 0..0;
        let words = match (self.needs.is_empty(), fit) {
            (true, _) => "Nothing is needed yet, and all would do".to_owned(),
            (false, 0) => "Nothing does all of that".to_owned(),
            (false, 1) => "One does all of that".to_owned(),
            (false, fit) => format!("{fit} do all of that"),
        };
        lines.push(Line::from(Span::styled(words, theme.style(Role::Heading))));
        for (at, candidate) in candidates.iter().enumerate() {
            if at == fit && !self.needs.is_empty() {
                lines.push(Line::default());
                lines.push(Line::from(Span::styled("The others fall out", theme.style(Role::Heading))));
            }
            let here = self.candidate == Some(at);
            let from = lines.len();
            let (sign, fits) = (if here { theme.glyphs.chosen } else { " " }, candidate.fits());
            let style = match (here, fits) {
                (true, _) => Role::Selection,
                (false, true) => Role::Title,
                (false, false) => Role::Text,
            };
            let title = vec![
                Span::styled(format!("{sign} "), theme.style(Role::Accent)),
                Span::styled(candidate.leaf.title.clone(), theme.style(style)),
            ];
            // All reasons of what fits, as long as it is not a crowd, and of what has the cursor; of the others the first
            // that speaks against it.
            let told: Vec<&Reason> =
                if here || (fits && fit <= 3) { candidate.reasons.iter().collect() } else { Vec::new() };
            if !fits && !here {
                let against = candidate.reasons.iter().find(|reason| !reason.met);
                let words = against.map(|reason| format!(": {}", reason.words)).unwrap_or_default();
                let mut spans = title;
                spans.push(Span::styled(words, theme.style(Role::Dim)));
                lines.push(Line::from(text::clip_spans(spans, width, theme.glyphs.more)));
                continue;
            }
            lines.push(Line::from(text::clip_spans(title, width, theme.glyphs.more)));
            for reason in told {
                lines.extend(reason_lines(reason, lab, proofs, width, theme));
            }
            if here {
                chosen = from..lines.len();
            }
        }
        draw(area, buffer, &lines, chosen);
    }
}

/// Why a need is met, or not, with a tick where that was shown.
fn reason_lines(reason: &Reason, lab: &Lab, proofs: &Proofs, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mark = match (&reason.key, reason.met) {
        (Some(key), _) => lab::kept_mark(key, lab, proofs, theme),
        (None, _) => Span::raw(" "),
    };
    let sign = if reason.met { "" } else { "not: " };
    let words = format!("{sign}{}", reason.words);
    let role = if reason.met { Role::Text } else { Role::Warning };
    let head = format!("{}: ", reason.need.short);
    let room = width.saturating_sub(6);
    let mut lines = Vec::new();
    for (i, line) in text::wrap(&format!("{head}{words}"), room).into_iter().enumerate() {
        let first = i == 0;
        lines.push(Line::from(vec![
            Span::raw("    "),
            if first { mark.clone() } else { Span::raw(" ") },
            Span::raw(" "),
            Span::styled(line, theme.style(role)),
        ]));
    }
    lines
}

/// Draws lines so that the chosen ones are seen.
fn draw(area: Rect, buffer: &mut Buffer, lines: &[Line<'static>], chosen: std::ops::Range<usize>) {
    let height = usize::from(area.height);
    let most = lines.len().saturating_sub(height);
    let first = (chosen.end + 1).saturating_sub(height).min(chosen.start).min(most);
    for (y, line) in lines.iter().skip(first).take(height).enumerate() {
        layout::line_at(area, y as u16, buffer, line);
    }
}

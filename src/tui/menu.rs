//! The menu.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::layout;
use super::text;
use super::theme::{Role, Theme};
use crate::lesson::account::Whereabouts;

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Where the learner was.
    GoOn,
    /// The live pipe of the start.
    First,
    /// Lessons.
    Learn,
    /// A stage of one's own.
    Play,
    /// The map of all facilities.
    Map,
    /// The comparison of all facilities.
    Compare,
    /// The chooser.
    Choose,
    /// What each facility costs here.
    Measure,
    /// What the learner has done.
    Progress,
    /// Help.
    Help,
    /// Out.
    Quit,
}

const ENTRIES: [(Entry, &str, &str); 10] = [
    (Entry::Learn, "Learn", "lessons: predict what happens, then watch the kernel do it"),
    (Entry::Play, "Play", "a stage of your own: give orders to processes, watch the kernel"),
    (Entry::Map, "Map", "every facility in its place, its card, its claims run here"),
    (Entry::Compare, "Compare", "all facilities in one table, and a proof for each answer"),
    (Entry::Choose, "Choose", "say what you need; what fits, why, and why the others do not"),
    (Entry::Measure, "Measure", "what each facility costs on this machine, beside its limits"),
    (Entry::Progress, "Progress", "where you were, what you predicted, and what is due again"),
    (Entry::Help, "Help", "every call and predicate of the language, with examples"),
    (Entry::First, "First minute", "the live pipe again"),
    (Entry::Quit, "Quit", "the stage ends, and nothing of it is left"),
];

/// The menu's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Menu {
    at: usize,
    go_on: Option<String>,
    due: usize,
}

impl Menu {
    /// Learns where the learner goes on, and how many questions are due.
    pub(super) fn learn(&mut self, go_on: Option<&Whereabouts>, due: usize) {
        let words = go_on.map(|w| match &w.step {
            Some((number, of, _)) => format!("{}, step {number} of {of}", w.title),
            None => w.title.clone(),
        });
        match (&self.go_on, &words) {
            // Whoever had chosen something else finds it chosen again.
            (None, Some(_)) if self.at > 0 => self.at += 1,
            (Some(_), None) => self.at = self.at.saturating_sub(1),
            _ => {}
        }
        (self.go_on, self.due) = (words, due);
    }

    fn entries(&self) -> Vec<(Entry, &'static str, String)> {
        let mut entries = Vec::new();
        entries.extend(self.go_on.clone().map(|words| (Entry::GoOn, "Go on", words)));
        entries.extend(ENTRIES.iter().map(|(entry, name, words)| {
            let words = match (entry, self.due) {
                (Entry::Progress, 1) => "one question is due again".to_owned(),
                (Entry::Progress, 2..) => format!("{} questions are due again", self.due),
                _ => (*words).to_owned(),
            };
            (*entry, *name, words)
        }));
        entries
    }

    /// Goes up or down, around.
    pub(super) fn step(&mut self, by: isize) {
        self.at = (self.at as isize + by).rem_euclid(self.entries().len() as isize) as usize;
    }

    /// The chosen entry.
    pub(super) fn chosen(&self) -> Entry {
        self.entries().get(self.at).map_or(Entry::Quit, |(entry, ..)| *entry)
    }

    /// Draws the menu.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        let entries = self.entries();
        let width = area.width.saturating_sub(4).min(80);
        let banner = if area.height >= 18 { 7 } else { 2 };
        let height = banner + entries.len() as u16 * if area.height >= 24 { 2 } else { 1 };
        let place = layout::centered(area, width, height);
        if banner == 7 {
            picture(place, buffer, theme);
        } else {
            let words = "Interprocess communication, live";
            layout::line_at(place, 0, buffer, &Line::from(Span::styled(words, theme.style(Role::Title))));
        }
        let step = if area.height >= 24 { 2 } else { 1 };
        for (i, (_, name, words)) in entries.iter().enumerate() {
            let chosen = i == self.at;
            let sign = if chosen { theme.glyphs.chosen } else { " " };
            let style = theme.style(if chosen { Role::Selection } else { Role::Title });
            let spans = vec![
                Span::styled(format!("{sign} "), theme.style(Role::Accent)),
                Span::styled(format!(" {name:13}"), style),
                Span::styled(format!(" {words}"), theme.style(if chosen { Role::Text } else { Role::Dim })),
            ];
            let line = Line::from(text::clip_spans(spans, usize::from(place.width), theme.glyphs.more));
            layout::line_at(place, banner + i as u16 * step, buffer, &line);
        }
    }
}

/// What the program is about, as it will look.
fn picture(area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let frame = &theme.glyphs.frame;
    let heads = theme.glyphs.heads;
    let level = theme.glyphs.wire[10];
    let row = |left: &str, fill: &str, right: &str, n: usize| format!("{left}{}{right}", fill.repeat(n));
    let top = |n| row(frame.top_left, frame.horizontal_top, frame.top_right, n);
    let low = |n| row(frame.bottom_left, frame.horizontal_bottom, frame.bottom_right, n);
    let border = theme.style(Role::Border);
    let wire = format!("{}{}", level.repeat(5), heads[0]);
    let side = |s: &'static str| Span::styled(s, border);
    let joint = theme.glyphs.joint;
    let blank = "      ";
    let at = |words: &str, style: Style| Span::styled(words.to_owned(), style);
    let tape = format!(" ipclab{} ", theme.glyphs.hole.repeat(10));
    let lines = [
        vec![at(&top(9), border), Span::raw(blank), at(&top(18), border), Span::raw(blank), at(&top(9), border)],
        vec![
            side(frame.vertical_left),
            at("  write  ", theme.hue(0)),
            at(joint[0], theme.hue(0)),
            at(&wire, theme.hue(0)),
            at(joint[1], theme.hue(0)),
            at(&tape, theme.style(Role::Bar)),
            at(joint[0], theme.hue(1)),
            at(&wire, theme.hue(1)),
            at(joint[1], theme.hue(1)),
            at("  read   ", theme.hue(1)),
            side(frame.vertical_right),
        ],
        vec![at(&low(9), border), Span::raw(blank), at(&low(18), border), Span::raw(blank), at(&low(9), border)],
    ];
    let whole = area;
    let indent = area.width.saturating_sub(54) / 2;
    let area = Rect { x: area.x + indent, width: area.width - indent, ..area };
    for (y, spans) in lines.into_iter().enumerate() {
        layout::line_at(area, y as u16, buffer, &Line::from(spans));
    }
    let words = "Interprocess communication, live: real processes, real kernel objects";
    let words = text::clip(words, usize::from(whole.width), theme.glyphs.more);
    let indent = (usize::from(whole.width).saturating_sub(text::width(&words)) / 2) as u16;
    let area = Rect { x: whole.x + indent, width: whole.width - indent, ..whole };
    layout::line_at(area, 4, buffer, &Line::from(Span::styled(words, theme.style(Role::Dim))));
}

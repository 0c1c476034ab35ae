//! The transcript: what was said on stage and what came of it, in the manner of strace.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::panes::Sight;
use super::text::{self, clip_spans};
use super::theme::{Role, Theme};
use crate::model::{Call, CallState, UNNUMBERED};
use crate::stage::Outcome;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A statement, with how it ended if it has.
    Statement {
        /// The number that the stage gave it.
        id: u64,
        /// As it was said.
        text: String,
        /// How it reads in C, if it is a call.
        c: Option<String>,
        /// How it ended.
        outcome: Option<Outcome>,
    },
    /// A call that was entered, and may have returned at once.
    Call(Call),
    /// A call that had been shown asleep has returned.
    Resumed(Call),
    /// What the result of the actor's call above means.
    Meaning(String, String),
    /// Calls of an actor that were made and not told.
    LeftOut(String, u64),
    /// Something that nobody ordered.
    News(String),
    /// What POSIX leaves undefined in the statement before.
    Undefined(String),
}

/// The entries kept; older ones are dropped and counted.
const KEPT: usize = 2_000;

/// What was said and done, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Transcript {
    entries: VecDeque<Entry>,
    dropped: u64,
    /// The last position seen of each actor.
    seen: Vec<(String, u64)>,
}

impl Transcript {
    fn push(&mut self, entry: Entry) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(entry);
    }

    /// Adds a statement that was handed to the stage.
    pub(super) fn said(&mut self, id: u64, text: String, c: Option<String>) {
        // A block is told by its first line.
        let text = match text.split_once('\n') {
            Some((first, rest)) => format!("{first} ({} lines)", rest.lines().count() + 1),
            None => text,
        };
        self.push(Entry::Statement { id, text, c, outcome: None });
    }

    /// Tells how a statement ended.
    pub(super) fn ended(&mut self, id: u64, how: &Outcome) {
        for entry in self.entries.iter_mut().rev() {
            if let Entry::Statement { id: own, outcome, .. } = entry
                && *own == id
            {
                *outcome = Some(how.clone());
                return;
            }
        }
    }

    /// Adds something that nobody ordered.
    pub(super) fn news(&mut self, text: String) {
        self.push(Entry::News(text));
    }

    /// Tells that the statement which was just said is undefined.
    pub(super) fn undefined(&mut self, why: String) {
        self.push(Entry::Undefined(why));
    }

    /// Adds a call, or tells that one which was seen entered has returned; and what that means.
    pub(super) fn call(&mut self, call: Call) {
        let meaning = call.meaning.clone().map(|words| Entry::Meaning(call.actor.clone(), words));
        let (length, dropped) = (self.entries.len(), self.dropped);
        self.add(call);
        let told = (self.entries.len(), self.dropped) != (length, dropped);
        if let (Some(meaning), true) = (meaning, told) {
            self.push(meaning);
        }
    }

    fn add(&mut self, call: Call) {
        if call.seq == UNNUMBERED {
            return self.push(Entry::Call(call));
        }
        let next = if let Some((_, seen)) = self.seen.iter_mut().find(|(actor, _)| *actor == call.actor) {
            let next = *seen + 1;
            *seen = (*seen).max(call.seq);
            next
        } else {
            self.seen.push((call.actor.clone(), call.seq));
            call.seq
        };
        if call.seq > next {
            self.push(Entry::LeftOut(call.actor.clone(), call.seq - next));
        }
        let asleep = call.seq < next
            && self.entries.iter().rev().take(4096).any(|e| {
                matches!(e, Entry::Call(c) if c.actor == call.actor && c.seq == call.seq && c.state == CallState::Entered)
            });
        if asleep {
            // Again as entered it is told only where there is something to say of its end.
            if call.state != CallState::Entered || call.meaning.is_some() {
                self.push(Entry::Resumed(call));
            }
        } else if call.seq >= next {
            self.push(Entry::Call(call));
        }
    }

    /// Why the last statement was refused, if it was.
    pub(super) fn refused(&self) -> Option<String> {
        self.entries
            .iter()
            .rev()
            .find_map(|e| match e {
                Entry::Statement { outcome: Some(outcome), .. } => Some(outcome),
                _ => None,
            })
            .and_then(|outcome| match outcome {
                Outcome::Refused { why, .. } => Some(why.clone()),
                _ => None,
            })
    }

    /// How many older entries were dropped.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries that a view shows, with their places.
    fn shown<'a>(&'a self, view: &'a View) -> impl DoubleEndedIterator<Item = (usize, &'a Entry)> {
        self.entries.iter().enumerate().filter(|(_, e)| match (&view.actor, e) {
            (None, _) | (_, Entry::News(_) | Entry::Undefined(_)) => true,
            (Some(actor), Entry::Call(c) | Entry::Resumed(c)) => c.actor == *actor,
            (Some(actor), Entry::LeftOut(a, _) | Entry::Meaning(a, _)) => a == actor,
            (Some(actor), Entry::Statement { text, .. }) => text.starts_with(&format!("{actor}:")),
        })
    }
}

/// What the view of a transcript remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    /// The chosen entry; `None` follows the end.
    pub(super) at: Option<usize>,
    /// Only this actor's.
    pub(super) actor: Option<String>,
    /// The word that is looked for.
    pub(super) word: String,
}

impl View {
    /// Moves the choice by that many shown entries.
    pub(super) fn step(&mut self, transcript: &Transcript, by: isize) {
        let places: Vec<usize> = transcript.shown(self).map(|(i, _)| i).collect();
        let Some(last) = places.len().checked_sub(1) else { return };
        let now = self.at.map_or(last, |at| places.partition_point(|p| *p < at).min(last));
        let to = now.saturating_add_signed(by).min(last);
        self.at = (to < last || by < 0 && to == last && last > 0 && now != last).then(|| places[to]);
    }

    /// Goes to the next entry with the word, forward or back; whether there is one.
    pub(super) fn find(&mut self, transcript: &Transcript, forward: bool) -> bool {
        if self.word.is_empty() {
            return false;
        }
        let word = self.word.to_lowercase();
        let hits: Vec<usize> =
            transcript.shown(self).filter(|(_, e)| plain(e).to_lowercase().contains(&word)).map(|(i, _)| i).collect();
        let at = self.at.unwrap_or(transcript.len());
        let next = if forward {
            hits.iter().find(|i| **i > at).or_else(|| hits.first())
        } else {
            hits.iter().rev().find(|i| **i < at).or_else(|| hits.last())
        };
        self.at = next.copied().or(self.at);
        next.is_some()
    }

    /// The chosen entry as text, to be copied.
    pub(super) fn chosen(&self, transcript: &Transcript) -> Option<String> {
        match self.at {
            Some(at) => transcript.entries.get(at).map(plain),
            None => transcript.shown(self).next_back().map(|(_, e)| plain(e)),
        }
    }
}

/// An entry as plain text, in the manner of strace.
fn plain(entry: &Entry) -> String {
    match entry {
        Entry::Statement { text, .. } => text.clone(),
        Entry::Call(call) => format!("{} {}({}){}", call.actor, call.verb, call.args, result(call)),
        Entry::Resumed(call) => format!("{} ... {}{}{}", call.actor, call.verb, resumed(call), result(call)),
        Entry::LeftOut(actor, count) => format!("{actor}: {count} calls left out"),
        Entry::Meaning(_, text) | Entry::News(text) | Entry::Undefined(text) => text.clone(),
    }
}

/// What stands behind a call that has not returned. One that never sleeps will not return.
pub(super) fn entered(call: &Call) -> &'static str {
    let sleeps = crate::facility::registry().call(&call.verb).is_none_or(|(_, spec)| !spec.sleeps.is_empty());
    if sleeps { " asleep" } else { " = ?" }
}

/// How a call goes on that was told as asleep.
fn resumed(call: &Call) -> &'static str {
    if call.state == CallState::Entered { "" } else { " resumed" }
}

fn result(call: &Call) -> String {
    match &call.state {
        // What an entered call means is known only when it has ended its actor.
        CallState::Entered if call.meaning.is_some() => " never returned".to_owned(),
        CallState::Entered => entered(call).to_owned(),
        CallState::Returned { shown, .. } => format!(" = {shown}"),
    }
}

/// Draws the end of the transcript, or the part around the chosen entry.
pub(super) fn render(
    area: Rect,
    buffer: &mut Buffer,
    transcript: &Transcript,
    view: &View,
    sight: Sight<'_>,
    focused: bool,
) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let rows = usize::from(area.height);
    let before: Vec<(usize, &Entry)> =
        transcript.shown(view).rev().filter(|(i, _)| view.at.is_none_or(|at| *i <= at)).take(rows).collect();
    let mut window: Vec<(usize, &Entry)> = before.into_iter().rev().collect();
    if let Some(at) = view.at {
        // A third of the window lies below the choice.
        let after: Vec<_> = transcript.shown(view).filter(|(i, _)| *i > at).take(rows / 3).collect();
        window.extend(after);
        let excess = window.len().saturating_sub(rows);
        window.drain(..excess);
    }
    let width = usize::from(area.width);
    let last = transcript.shown(view).next_back().map(|(i, _)| i);
    let mut told: Vec<(usize, Vec<Line<'static>>)> = Vec::new();
    for (place, entry) in window {
        let mut lines = wrapped(entry, sight, width);
        let chosen = focused && view.at.or(last) == Some(place);
        let found = !view.word.is_empty() && plain(entry).to_lowercase().contains(&view.word.to_lowercase());
        for line in &mut lines {
            if chosen {
                line.style = sight.theme.style(Role::Selection);
                line.spans.iter_mut().for_each(|span| span.style = sight.theme.style(Role::Selection));
            } else if found {
                let underlined = ratatui::style::Modifier::UNDERLINED;
                line.spans.iter_mut().for_each(|span| span.style = span.style.add_modifier(underlined));
            }
        }
        told.push((place, lines));
    }
    // What takes several rows takes them from the oldest, but not from the chosen one.
    let count = |told: &[(usize, Vec<Line<'static>>)]| told.iter().map(|(_, lines)| lines.len()).sum::<usize>();
    while count(&told) > rows && told.first().is_some_and(|(place, _)| view.at.is_none_or(|at| *place < at)) {
        told.remove(0);
    }
    for (y, line) in told.iter().flat_map(|(_, lines)| lines).take(rows).enumerate() {
        buffer.set_line(area.x, area.y + y as u16, line, area.width);
    }
}

/// Columns that actors' names have.
fn names(sight: Sight<'_>) -> usize {
    sight.now.actors.iter().map(|a| text::width(&a.name)).max().unwrap_or(0).clamp(5, 12)
}

/// The most rows that an entry has in the list.
const ROWS: usize = 3;

/// An entry as lines. What is said in words is read to its end; a call is one line.
fn wrapped(entry: &Entry, sight: Sight<'_>, width: usize) -> Vec<Line<'static>> {
    let spans = spans(entry, sight, names(sight), width);
    let words = match entry {
        Entry::Statement { outcome, .. } => outcome.as_ref().is_some_and(|o| *o != Outcome::Settled),
        Entry::Meaning(..) | Entry::News(_) | Entry::Undefined(_) => true,
        Entry::Call(_) | Entry::Resumed(_) | Entry::LeftOut(..) => false,
    };
    if !words || text::line_width(&spans) <= width || width < 24 {
        return vec![Line::from(clip_spans(spans, width, sight.theme.glyphs.more))];
    }
    let mut lines = text::cut(text::wrap_spans(&spans, width - 4), ROWS, width - 4, sight.theme);
    for line in lines.iter_mut().skip(1) {
        line.spans.insert(0, Span::raw("    "));
    }
    lines
}

/// The chosen entry, else the last one, to its end.
pub(super) fn whole(transcript: &Transcript, view: &View, sight: Sight<'_>, width: usize) -> Vec<Line<'static>> {
    let last = || transcript.shown(view).next_back().map(|(_, entry)| entry);
    let Some(entry) = view.at.and_then(|at| transcript.entries.get(at)).or_else(last) else { return Vec::new() };
    let mut lines: Vec<Line<'static>> =
        text::wrap_spans(&spans(entry, sight, names(sight), 0), width).into_iter().map(Line::from).collect();
    if let Entry::Statement { c: Some(c), .. } = entry {
        lines.push(Line::default());
        let said = Span::styled(format!("in C: {c}"), sight.theme.style(Role::Dim));
        lines.extend(text::wrap_spans(&[said], width).into_iter().map(Line::from));
    }
    lines
}

fn spans(entry: &Entry, sight: Sight<'_>, names: usize, width: usize) -> Vec<Span<'static>> {
    let theme = sight.theme;
    let dim = theme.style(Role::Dim);
    let when = |ns: u64| if sight.timeless { String::new() } else { format!("{} ", text::clock(ns)) };
    let actor = |name: &str| {
        let shown = text::clip(name, names, theme.glyphs.more);
        let pad = " ".repeat(names.saturating_sub(text::width(&shown)) + 2);
        [Span::styled(shown, sight.hue(name)), Span::raw(pad)]
    };
    match entry {
        Entry::Statement { text, c, outcome, .. } => {
            let mut spans = vec![
                Span::styled(format!("{} ", theme.glyphs.prompt), theme.style(Role::Accent)),
                Span::styled(text.clone(), theme.style(Role::Code)),
            ];
            let tail = outcome.as_ref().map(|o| ending(o, theme)).unwrap_or_default();
            if let Some(c) = c.as_ref().filter(|_| tail.is_empty()) {
                // The same in C stands at the right edge, where there is room for it.
                let blank = width.saturating_sub(text::line_width(&spans) + text::width(c));
                if blank >= 4 {
                    spans.push(Span::raw(" ".repeat(blank)));
                    spans.push(Span::styled(c.clone(), dim.add_modifier(ratatui::style::Modifier::ITALIC)));
                }
            }
            spans.extend(tail);
            spans
        }
        Entry::Call(call) | Entry::Resumed(call) => {
            let again = matches!(entry, Entry::Resumed(_));
            let at = match (&call.state, again) {
                (CallState::Returned { at_ns, .. }, true) => *at_ns,
                _ => call.entered_ns,
            };
            let mut spans = vec![Span::styled(format!("  {}", when(at)), dim)];
            spans.extend(actor(&call.actor));
            let verb = theme.style(Role::Title);
            let known = |words: &str| if sight.timeless { without_addresses(words) } else { words.to_owned() };
            if again {
                spans.push(Span::styled(format!("{} ", theme.glyphs.more), dim));
                spans.push(Span::styled(call.verb.clone(), verb));
                spans.push(Span::styled(resumed(call), dim));
            } else {
                spans.push(Span::styled(call.verb.clone(), verb));
                spans.push(Span::styled(format!("({})", known(&call.args)), theme.style(Role::Text)));
            }
            let result = match &call.state {
                CallState::Entered if call.meaning.is_some() => {
                    Span::styled(" never returned", theme.style(Role::Error))
                }
                CallState::Entered => Span::styled(entered(call), theme.style(Role::Asleep)),
                CallState::Returned { shown, errno, .. } => {
                    let role = if errno.is_some() { Role::Error } else { Role::Value };
                    Span::styled(format!(" = {}", known(shown)), theme.style(role))
                }
            };
            // Results stand in one column where there is room, as strace has them.
            let column = if sight.timeless { 46 } else { 56 };
            let used = text::line_width(&spans);
            if used < column && column + text::width(&result.content) <= width {
                spans.push(Span::raw(" ".repeat(column - used)));
            }
            spans.push(result);
            spans
        }
        Entry::Meaning(_, text) => {
            let clock = if sight.timeless { 0 } else { text::width(&text::clock(0)) + 1 };
            vec![Span::raw(" ".repeat(2 + clock + names + 2)), Span::styled(text.clone(), dim)]
        }
        Entry::LeftOut(name, count) => {
            let mut spans = vec![Span::styled("  ", dim)];
            spans.extend(actor(name));
            spans.push(Span::styled(
                format!("{} {count} calls left out", theme.glyphs.more),
                theme.style(Role::Warning),
            ));
            spans
        }
        Entry::News(text) => {
            vec![Span::styled(format!("{} {text}", theme.glyphs.changed), theme.style(Role::Warning))]
        }
        Entry::Undefined(text) => {
            vec![Span::styled(format!("  {} {text}", theme.glyphs.caret), theme.style(Role::Warning))]
        }
    }
}

/// How a statement ended, where that is not plain from the calls.
pub(super) fn ending(outcome: &Outcome, theme: &Theme) -> Vec<Span<'static>> {
    let glyphs = theme.glyphs;
    match outcome {
        Outcome::Settled => Vec::new(),
        Outcome::Running(names) => {
            vec![Span::styled(
                format!("  {} {} still running", glyphs.running, names.join(", ")),
                theme.style(Role::Running),
            )]
        }
        Outcome::Refused { why, help } => {
            let mut spans = vec![Span::styled(format!("  {} {why}", glyphs.no), theme.style(Role::Error))];
            if let Some(help) = help {
                spans.push(Span::styled(format!("; {help}"), theme.style(Role::Dim)));
            }
            spans
        }
        Outcome::Checked(verdict) if verdict.met => {
            vec![
                Span::styled(format!("  {} ", glyphs.yes), theme.style(Role::Good)),
                Span::styled(verdict.seen.clone(), theme.style(Role::Dim)),
                Span::raw(" "),
                super::panes::mark(verdict.evidence, theme),
            ]
        }
        Outcome::Checked(verdict) => vec![
            Span::styled(
                format!("  {} expected {}, seen {} ", glyphs.no, verdict.expected, verdict.seen),
                theme.style(Role::Error),
            ),
            super::panes::mark(verdict.evidence, theme),
        ],
        Outcome::TimedOut(why) => vec![Span::styled(format!("  {} {why}", glyphs.no), theme.style(Role::Warning))],
    }
}

/// The words without addresses, which differ from run to run.
pub(super) fn without_addresses(words: &str) -> String {
    let mut out = String::new();
    let mut rest = words;
    while let Some(at) = rest.find("0x") {
        let (head, tail) = rest.split_at(at);
        let digits = tail[2..].bytes().take_while(u8::is_ascii_hexdigit).count();
        out.push_str(head);
        out.push_str(if digits > 6 { "0x…" } else { &tail[..2 + digits] });
        rest = &tail[2 + digits..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(actor: &str, seq: u64, returned: bool) -> Call {
        let state = if returned {
            CallState::Returned { ret: 0, errno: None, shown: "0".into(), data: None, at_ns: seq + 1 }
        } else {
            CallState::Entered
        };
        let (actor, verb) = (actor.to_owned(), "read".to_owned());
        Call {
            actor,
            order: 0,
            seq,
            verb,
            args: "3".into(),
            on: None,
            entered_ns: seq,
            state,
            syscall: true,
            meaning: None,
        }
    }

    fn kinds(transcript: &Transcript) -> Vec<String> {
        transcript.entries.iter().map(plain).collect()
    }

    #[test]
    fn a_call_that_ended_its_actor_is_not_told_to_sleep() {
        let mut t = Transcript::default();
        t.call(Call { meaning: Some("nothing is mapped there".into()), ..call("bob", 0, false) });
        assert_eq!(kinds(&t), ["bob read(3) never returned", "nothing is mapped there"]);
    }

    #[test]
    fn a_sleeper_that_its_call_has_ended_is_told_again() {
        let mut t = Transcript::default();
        t.call(call("bob", 0, false));
        t.call(Call { meaning: Some("an assertion has failed".into()), ..call("bob", 0, false) });
        t.call(call("bob", 0, false));
        assert_eq!(kinds(&t), ["bob read(3) asleep", "bob ... read never returned", "an assertion has failed"]);
    }

    #[test]
    fn what_slept_is_told_to_have_resumed() {
        let mut t = Transcript::default();
        for call in [call("bob", 0, true), call("bob", 1, false), call("bob", 1, false), call("bob", 1, true)] {
            t.call(call);
        }
        assert_eq!(kinds(&t), ["bob read(3) = 0", "bob read(3) asleep", "bob ... read resumed = 0"]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut t = Transcript::default();
        t.call(call("bob", 0, true));
        t.call(call("alice", 7, true));
        t.call(call("bob", 5, true));
        assert_eq!(kinds(&t), ["bob read(3) = 0", "alice read(3) = 0", "bob: 4 calls left out", "bob read(3) = 0"]);
    }

    #[test]
    fn older_entries_are_dropped_and_counted() {
        let mut t = Transcript::default();
        for seq in 0..KEPT as u64 + 5 {
            t.call(call("bob", seq, true));
        }
        assert_eq!((t.len(), t.dropped()), (KEPT, 5));
    }

    #[test]
    fn choosing_and_finding() {
        let mut t = Transcript::default();
        t.said(1, "alice: pipe p".into(), None);
        t.call(call("alice", 0, true));
        t.said(2, "bob: read p".into(), None);
        t.call(call("bob", 0, true));
        let mut view = View::default();
        view.step(&t, -1);
        assert_eq!(view.chosen(&t).as_deref(), Some("bob: read p"));
        view.step(&t, -10);
        assert_eq!(view.at, Some(0));
        view.step(&t, 100);
        assert_eq!(view.at, None, "at the end it follows again");
        view.word = "PIPE".into();
        assert!(view.find(&t, false));
        assert_eq!(view.at, Some(0));
        let filtered = View { actor: Some("bob".into()), ..View::default() };
        assert_eq!(t.shown(&filtered).map(|(i, _)| i).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn addresses_are_no_part_of_the_normal_form() {
        assert_eq!(without_addresses("0x7f0012345678, 0x41, 3 0x"), "0x…, 0x41, 3 0x");
    }
}

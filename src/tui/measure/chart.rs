//! The chart: a row for each facility on one logarithmic scale, the machine's limits on the same, and what to beware of.

use ratatui::text::{Line, Span};

use super::Measure;
use super::scale::Scale;
use crate::bench::words::{bytes, rate, ratio, time};
use crate::bench::{ALL, Kind, Outcome, Placement, Run, Subject, Where, pitfalls};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// Columns of names.
const NAME: usize = 15;
/// Columns of a figure, and of how it compares with the last time.
const FIGURE: usize = 10;
const BEFORE: usize = 7;

/// What a row shows: the value that counts, and how far the worst go.
struct Bar {
    value: f64,
    worst: f64,
}

fn bar(run: &Run) -> Option<Bar> {
    match &run.outcome {
        Outcome::Latency(l) => Some(Bar { value: l.p50 as f64, worst: l.p99 as f64 }),
        Outcome::Throughput(t) => Some(Bar { value: t.median, worst: t.high }),
        Outcome::Not(_) => None,
    }
}

/// The limits that stand beside figures of this kind: the limit's id, and its name here.
fn limits(kind: Kind, placement: Placement, size: u64) -> Vec<(&'static str, &'static str)> {
    match (kind, placement) {
        (Kind::Throughput, _) => {
            let near = match size {
                0..=8192 => ("copy-4k", "copy of 4 KiB"),
                8193..=300_000 => ("copy-64k", "copy of 64 KiB"),
                _ => ("copy-1m", "copy of 1 MiB"),
            };
            vec![near, ("copy-64m", "copy of 64 MiB")]
        }
        (_, Placement::SameCore) => {
            vec![("system-call", "a system call"), ("pipe-alone", "pipe, alone"), ("switch", "a switch")]
        }
        (_, Placement::Across) => {
            vec![("system-call", "a system call"), ("pipe-alone", "pipe, alone"), ("cache-line", "a cache line")]
        }
    }
}

/// The lines of the chart.
pub(super) fn lines(
    view: &Measure,
    width: usize,
    height: usize,
    theme: &Theme,
    keys: &[String; 2],
) -> Vec<Line<'static>> {
    let mut lines = vec![title(view, width, theme)];
    if view.newest().is_none() {
        lines.push(Line::default());
        lines.extend(invitation(width, theme, keys));
        return lines;
    }
    let columns = width.saturating_sub(NAME + FIGURE + BEFORE + 2);
    let limits = limits(view.kind, view.placement, view.size);
    let limits: Vec<(&str, f64)> = limits.into_iter().filter_map(|(id, name)| Some((name, view.limit(id)?))).collect();
    let bars = ALL.iter().filter_map(|subject| bar(view.run(subject, view.kind)?.1));
    let bars: Vec<Bar> = bars.collect();
    // One that was interrupted for long must not press all others together: its bar goes off the scale.
    let most = 3.0 * bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let values = bars.iter().flat_map(|bar| [bar.value, bar.worst.min(most)]);
    let Some(scale) = Scale::of(values.chain(limits.iter().map(|(_, value)| *value)), columns) else {
        lines.push(Line::from(Span::styled("nothing of this was measured", theme.style(Role::Dim))));
        return lines;
    };
    let words = if view.kind == Kind::Throughput { rate } else { time };
    for (index, subject) in ALL.iter().enumerate() {
        lines.push(row(view, subject, index == view.at, &scale, columns, theme));
    }
    let worst = if view.kind == Kind::Throughput { "max" } else { "p99" };
    let legend = format!(" {} p50 {} {worst}", theme.glyphs.full, theme.glyphs.wanted);
    let below = format!("{legend:<NAME$} {}", scale.line(words));
    lines.push(Line::from(Span::styled(text::clip(&below, width, ""), theme.style(Role::Dim))));
    let disturbed = |subject: &Subject| view.run(subject, view.kind).is_some_and(|(_, run)| run.load.is_busy());
    if ALL.iter().any(disturbed) && lines.len() < height {
        let words = " ! others used the processor meanwhile: the figure may be too high";
        let words = if view.kind == Kind::Throughput { words.replace("high", "low") } else { words.to_owned() };
        let words = text::clip(&words, width, theme.glyphs.more);
        lines.push(Line::from(Span::styled(words, theme.style(Role::Warning))));
    }
    if lines.len() + limits.len() <= height {
        for (name, value) in limits {
            lines.push(limit(name, value, &scale, columns, words(value), theme));
        }
    }
    // Room for a blank line and a sentence.
    let mut rest = beware(view, width, theme).into_iter();
    if height > lines.len() + 3 {
        lines.push(Line::default());
        let room = height - lines.len();
        for block in rest.by_ref() {
            if lines.len() + block.len() > height || block.len() > room {
                break;
            }
            lines.extend(block);
        }
    }
    lines
}

/// What is shown, and what the keys would turn it to.
fn title(view: &Measure, width: usize, theme: &Theme) -> Line<'static> {
    let size = if view.kind == Kind::OneWay { view.sizes().first().copied().unwrap_or(1) } else { view.size };
    let words = |kind: Kind| match kind {
        Kind::RoundTrip => "Round trip",
        Kind::OneWay => "One way",
        Kind::Throughput => "Throughput",
    };
    let mut spans = Vec::new();
    for kind in [Kind::RoundTrip, Kind::OneWay, Kind::Throughput] {
        let style = theme.style(if kind == view.kind { Role::Selection } else { Role::Dim });
        spans.push(Span::styled(format!(" {} ", words(kind)), style));
    }
    let right = vec![Span::styled(
        format!("{} {} {}", bytes(size), theme.glyphs.dot, view.placement.words()),
        theme.style(Role::Title),
    )];
    text::spread(spans, right, width, theme.glyphs.more)
}

fn row(view: &Measure, subject: &Subject, chosen: bool, scale: &Scale, columns: usize, theme: &Theme) -> Line<'static> {
    let glyphs = theme.glyphs;
    let sign = if chosen { glyphs.chosen } else { " " };
    let style = theme.style(if chosen { Role::Selection } else { Role::Text });
    let mut spans = vec![
        Span::styled(sign, theme.style(Role::Accent)),
        Span::styled(format!("{:<width$}", subject.id, width = NAME - 1), style),
        Span::raw(" "),
    ];
    let run = view.run(subject, view.kind);
    match run.and_then(|(entry, run)| Some((entry, run, bar(run)?))) {
        Some((entry, run, bar)) => {
            let (full, worst) = (scale.place(bar.value), scale.place(bar.worst));
            let role = if subject.copies { Role::Bar } else { Role::Good };
            let tail = worst.saturating_sub(full);
            spans.push(Span::styled(glyphs.full.repeat(full), theme.style(role)));
            let off = usize::from(scale.is_beyond(bar.worst) && tail > 0);
            spans.push(Span::styled(glyphs.wanted.repeat(tail - off), theme.style(Role::Dim)));
            spans.push(Span::styled(glyphs.right.repeat(off), theme.style(Role::Dim)));
            spans.push(Span::raw(" ".repeat(columns - full - tail)));
            // What was measured this time stands out from what is older.
            let new = if view.newest().is_some_and(|n| std::ptr::eq(n, entry)) { Role::Value } else { Role::Dim };
            let figure = if view.kind == Kind::Throughput { rate(bar.value) } else { time(bar.value) };
            spans.push(Span::styled(format!("{figure:>FIGURE$}"), theme.style(new)));
            let before = view.before(&run.step).and_then(|outcome| match outcome {
                Outcome::Latency(l) => Some(ratio(bar.value, l.p50 as f64)),
                Outcome::Throughput(t) => Some(ratio(bar.value, t.median)),
                Outcome::Not(_) => None,
            });
            let before = before.unwrap_or_default();
            spans.push(Span::styled(format!("{before:>width$}", width = BEFORE - 1), theme.style(Role::Dim)));
            let busy = if run.load.is_busy() { "!" } else { " " };
            spans.push(Span::styled(busy, theme.style(Role::Warning)));
        }
        None => {
            let words = match run.map(|(_, run)| &run.outcome) {
                Some(Outcome::Not(_)) => "not here",
                _ if view.is_to_come(subject) => "to come",
                _ => "not measured",
            };
            spans.push(Span::styled(words, theme.style(Role::Dim)));
        }
    }
    Line::from(text::clip_spans(spans, NAME + 1 + columns + FIGURE + BEFORE, glyphs.more))
}

fn limit(name: &str, value: f64, scale: &Scale, columns: usize, figure: String, theme: &Theme) -> Line<'static> {
    let at = scale.place(value);
    let mark = theme.glyphs.fill[8];
    let line = format!("{}{mark}", theme.glyphs.dash.repeat(at.saturating_sub(1)));
    Line::from(vec![
        Span::styled(format!(" {:<width$} ", text::clip(name, NAME - 1, ""), width = NAME - 1), theme.style(Role::Dim)),
        Span::styled(format!("{line:<columns$}"), theme.style(Role::Reported)),
        Span::styled(format!("{figure:>FIGURE$}"), theme.style(Role::Dim)),
    ])
}

/// What this screen is, as long as it has nothing to show.
fn invitation(width: usize, theme: &Theme, [all, quick]: &[String; 2]) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut say = |words: &str, role: Role| {
        lines.extend(text::wrap(words, width).into_iter().map(|l| Line::from(Span::styled(l, theme.style(role)))));
        lines.push(Line::default());
    };
    say("What does a message cost on this machine, by each of sixteen ways?", Role::Title);
    say(
        "Two real processes, each held on its processor, send each other messages of 1 byte to 1 MiB: a hundred thousand \
         round trips each, one way by a clock that both read, and as many bytes as go through. Beside them stand the \
         limits of the machine: a system call, a switch, a cache line between cores, memory copy.",
        Role::Text,
    );
    say(
        &format!(
            "{all} measures all of it, in about a minute and a half; {quick} gives a first impression in ten seconds."
        ),
        Role::Text,
    );
    say("Esc stops it at any time, and what was measured until then stays. Let nothing else run meanwhile.", Role::Dim);
    lines
}

/// What one may be deceived by here, each as a block of lines.
fn beware(view: &Measure, width: usize, theme: &Theme) -> Vec<Vec<Line<'static>>> {
    let places: &[Where] = match (view.kind, view.placement) {
        (Kind::Throughput, _) => &[Where::Throughput, Where::Limits],
        (_, Placement::Across) => &[Where::Across, Where::Latency, Where::Everywhere],
        (_, Placement::SameCore) => &[Where::Latency, Where::Everywhere, Where::Limits],
    };
    places.iter().flat_map(|place| pitfalls(*place)).map(|pitfall| said(pitfall, width, theme)).collect()
}

/// A pitfall in lines.
pub(super) fn said(pitfall: &crate::bench::Pitfall, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let title = format!("{}. ", pitfall.title);
    let whole = text::wrap(&format!("{title}{}", pitfall.words), width);
    let mut lines = Vec::new();
    for (index, line) in whole.into_iter().enumerate() {
        lines.push(match line.strip_prefix(&title).filter(|_| index == 0) {
            Some(rest) => Line::from(vec![
                Span::styled(title.clone(), theme.style(Role::Warning)),
                Span::styled(rest.to_owned(), theme.style(Role::Dim)),
            ]),
            None => Line::from(Span::styled(line, theme.style(Role::Dim))),
        });
    }
    lines
}

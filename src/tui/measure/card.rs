//! The card of one facility: the distribution of its times, and how it goes over sizes.

use ratatui::text::{Line, Span};

use super::chart::said;
use super::scale::Scale;
use super::{Measure, load};
use crate::bench::words::{bytes, moment, pace, rate, share, size, time};
use crate::bench::{Kind, Latency, Outcome, Run, Step, Throughput, Where, next_bucket, pitfalls};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// Rows of a histogram.
const ROWS: usize = 5;

/// Its title.
pub(super) fn title(view: &Measure) -> String {
    format!("{}, {}", view.chosen().title, view.placement.words())
}

/// Its lines.
pub(super) fn lines(view: &Measure, width: usize, height: usize, theme: &Theme) -> Vec<Line<'static>> {
    let dim = |words: String| Line::from(Span::styled(words, theme.style(Role::Dim)));
    let subject = view.chosen();
    let mut lines: Vec<Line<'static>> = text::wrap(subject.about, width).into_iter().map(dim).collect();
    let Some(newest) = view.newest() else { return lines };
    lines.push(Line::default());
    match view.run(subject, view.kind) {
        Some((entry, run)) => {
            lines.extend(outcome(run, width, theme));
            if !std::ptr::eq(entry, newest) {
                lines.push(dim(text::clip(&format!("on {} UTC", moment(entry.machine.when)), width, "")));
            }
        }
        None => lines.push(dim("not measured".to_owned())),
    }
    let sizes = over_sizes(view, width, theme);
    if !sizes.is_empty() {
        lines.push(Line::default());
        lines.extend(sizes);
    }
    let place = if view.kind == Kind::Throughput { Where::Throughput } else { Where::Tail };
    for pitfall in pitfalls(place) {
        let block = said(pitfall, width, theme);
        if lines.len() + 1 + block.len() > height {
            continue;
        }
        lines.push(Line::default());
        lines.extend(block);
    }
    lines
}

fn outcome(run: &Run, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = match &run.outcome {
        Outcome::Latency(l) => latency(run.step.kind, l, width, theme),
        Outcome::Throughput(t) => throughput(t, run.step.size, width, theme),
        Outcome::Not(why) => {
            let words = text::wrap(&format!("not measured: {why}"), width);
            return words.into_iter().map(|l| Line::from(Span::styled(l, theme.style(Role::Warning)))).collect();
        }
    };
    let role = if run.load.is_busy() { Role::Warning } else { Role::Dim };
    let words = format!("meanwhile {}", load(&run.load));
    lines.push(Line::from(Span::styled(text::clip(&words, width, theme.glyphs.more), theme.style(role))));
    lines
}

/// Pairs of a name and a figure, beside each other as far as there is room.
fn figures(pairs: &[(&str, String)], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    const EACH: usize = 17;
    let a_line = (width / EACH).max(1);
    pairs
        .chunks(a_line)
        .map(|chunk| {
            let spans = chunk.iter().flat_map(|(name, figure)| {
                let room = EACH - 7;
                [
                    Span::styled(format!("{name:<6}"), theme.style(Role::Dim)),
                    Span::styled(format!("{figure:<room$} "), theme.style(Role::Value)),
                ]
            });
            Line::from(text::clip_spans(spans.collect(), width, theme.glyphs.more))
        })
        .collect()
}

fn latency(kind: Kind, l: &Latency, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let ns = |ns: u64| time(ns as f64);
    let heading = format!("{} times, {}", l.rounds, kind.words());
    let mut lines = vec![Line::from(Span::styled(heading, theme.style(Role::Heading)))];
    lines.extend(histogram(l, width, theme));
    let pairs = [
        ("p50", ns(l.p50)),
        ("p90", ns(l.p90)),
        ("p99", ns(l.p99)),
        ("p99.9", ns(l.p999)),
        ("max", ns(l.max)),
        ("least", ns(l.min)),
    ];
    lines.extend(figures(&pairs, width, theme));
    for words in [
        format!("the slowest hundredth took {} of all the time", share(l.tail)),
        format!("{:.1} switches each time", l.switches),
    ] {
        let words = text::clip(&words, width, theme.glyphs.more);
        lines.push(Line::from(Span::styled(words, theme.style(Role::Text))));
    }
    lines
}

/// How many took how long, on a logarithmic scale from the least to the longest; what is there is seen, be it ever so few.
fn histogram(l: &Latency, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let columns = width.min(72);
    let ends = [l.min as f64, l.max as f64];
    let Some(scale) = Scale::of(ends, columns) else { return Vec::new() };
    let mut counts = vec![0_u64; columns];
    for (start, count) in &l.histogram {
        let middle = (*start + next_bucket(*start)) as f64 / 2.0;
        counts[scale.place(middle).saturating_sub(1)] += count;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let eighths: Vec<usize> = counts
        .iter()
        .map(|count| match count {
            0 => 0,
            count => ((count * 8 * ROWS as u64).div_ceil(most) as usize).max(1),
        })
        .collect();
    let median = scale.place(l.p50 as f64).saturating_sub(1);
    let mut lines = Vec::new();
    for row in (0..ROWS).rev() {
        let spans = eighths.iter().enumerate().map(|(column, eighths)| {
            let here = eighths.saturating_sub(row * 8).min(8);
            let glyph = if here == 0 { " " } else { theme.glyphs.fill[here] };
            Span::styled(glyph, theme.style(if column == median { Role::Accent } else { Role::Bar }))
        });
        lines.push(Line::from(spans.collect::<Vec<_>>()));
    }
    lines.push(Line::from(Span::styled(scale.line(time), theme.style(Role::Dim))));
    lines
}

fn throughput(t: &Throughput, message: u64, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let heading = format!("{} messages of {} came", t.messages, bytes(message));
    let mut lines = vec![Line::from(Span::styled(heading, theme.style(Role::Heading)))];
    let pairs = [
        ("least", rate(t.low)),
        ("median", format!(" {}", rate(t.median))),
        ("most", rate(t.high)),
        ("", pace(t.median / message.max(1) as f64)),
    ];
    lines.extend(figures(&pairs, width, theme));
    if t.lost > 0 {
        let words = format!("{} were lost, {} of all: they count for nothing", t.lost, share(t.loss()));
        lines.push(Line::from(Span::styled(text::clip(&words, width, theme.glyphs.more), theme.style(Role::Warning))));
    }
    lines.push(Line::from(Span::styled(format!("{:.2} switches a message", t.switches), theme.style(Role::Text))));
    lines
}

/// Both figures of each size, and a bar for what goes through.
fn over_sizes(view: &Measure, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let subject = view.chosen();
    let of = |kind: Kind, size: u64| {
        let step = Step { facility: subject.id.to_owned(), kind, placement: view.placement, size };
        view.runs(step).next().map(|(_, run)| &run.outcome)
    };
    let runs = view.entries().flat_map(|entry| &entry.runs);
    let mut sizes: Vec<u64> = runs.filter(|run| run.step.facility == subject.id).map(|run| run.step.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let through = |bytes: u64| match of(Kind::Throughput, bytes) {
        Some(Outcome::Throughput(t)) => Some(t.median),
        _ => None,
    };
    let columns = width.saturating_sub(28);
    let copy = view.limit("copy-64k");
    let Some(scale) = Scale::of(sizes.iter().filter_map(|bytes| through(*bytes)).chain(copy), columns.max(1)) else {
        return Vec::new();
    };
    let heading = format!("{:<6}{:>10} {:>10}", "bytes", "round trip", "throughput");
    let mut lines = vec![Line::from(Span::styled(heading, theme.style(Role::Heading)))];
    for bytes in sizes {
        let trip = match of(Kind::RoundTrip, bytes) {
            Some(Outcome::Latency(l)) => time(l.p50 as f64),
            _ => "-".to_owned(),
        };
        let rated = through(bytes);
        let bar = rated.map_or(0, |rated| scale.place(rated)).min(columns);
        let role = if bytes == view.size { Role::Accent } else { Role::Dim };
        let spans = vec![
            Span::styled(format!("{:<6}", size(bytes)), theme.style(role)),
            Span::styled(
                format!("{trip:>10} {:>10} ", rated.map_or_else(|| "-".to_owned(), rate)),
                theme.style(Role::Value),
            ),
            Span::styled(theme.glyphs.full.repeat(bar), theme.style(Role::Bar)),
        ];
        lines.push(Line::from(text::clip_spans(spans, width, theme.glyphs.more)));
    }
    if let Some(copy) = copy {
        let line = theme.glyphs.dash.repeat(scale.place(copy).min(columns));
        let spans = vec![
            Span::styled(format!("{:<16} {:>10} ", "copy alone", rate(copy)), theme.style(Role::Dim)),
            Span::styled(line, theme.style(Role::Reported)),
        ];
        lines.push(Line::from(text::clip_spans(spans, width, theme.glyphs.more)));
    }
    lines
}

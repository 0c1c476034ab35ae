//! What the measuring room has found, as tables of text.

use std::collections::BTreeMap;

use super::words::fold;
use crate::bench::words::{bytes, moment, rate, ratio, share, size, time};
use crate::bench::{
    Entry, History, Kind, Latency, Outcome, Placement, Run, Step, Throughput, Where, pitfalls, subject,
};

/// Columns of the first column.
const NAME: usize = 14;
/// Columns of a time.
const TIME: usize = 8;
/// Columns of a rate.
const CELL: usize = 10;
/// How many earlier times stand beside each other.
const TIMES: usize = 6;

/// All that was measured, what could not be and why, and what to beware of.
pub fn tables(entry: &Entry, before: &History) -> String {
    let mut text = head(entry);
    text += &limits(entry);
    let placements = Placement::ALL.into_iter().filter(|p| entry.runs.iter().any(|run| run.step.placement == *p));
    let placements: Vec<Placement> = placements.collect();
    for placement in &placements {
        text += &latencies(entry, before, *placement);
    }
    for placement in &placements {
        text += &over_sizes(entry, *placement, Kind::RoundTrip);
        text += &over_sizes(entry, *placement, Kind::Throughput);
    }
    text + &reasons(entry) + &warnings(entry, &placements)
}

/// What was measured on, and what else it did.
fn head(entry: &Entry) -> String {
    let mut text = format!("{}\n", entry.machine.words());
    let told = |share_of: Option<f64>| share_of.map_or_else(|| "an unknown share".to_owned(), share);
    text += &format!(
        "{} UTC; meanwhile others used {} of the processors, and {} was stolen by the hypervisor\n",
        moment(entry.machine.when),
        told(entry.load.foreign),
        told(entry.load.steal)
    );
    if entry.machine.siblings {
        text += "the two processors are hardware threads of one core: there is no second core to use\n";
    }
    text
}

fn limits(entry: &Entry) -> String {
    if entry.limits.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{:<50}{:>CELL$}{:>CELL$}{:>CELL$}\n", "The machine's limits", "least", "median", "most");
    for limit in &entry.limits {
        let words = |value: f64| if limit.rate { rate(value) } else { time(value) };
        text += &match &limit.figures {
            Ok(f) => {
                let [low, median, high] = [f.low, f.median, f.high].map(words);
                format!("{:<50}{low:>CELL$}{median:>CELL$}{high:>CELL$}\n", limit.title)
            }
            Err(why) => format!("{:<50}{why}\n", limit.title),
        };
    }
    text
}

/// The facilities of a table, in the order in which they were measured.
fn facilities(entry: &Entry, placement: Placement) -> Vec<&str> {
    let mut ids: Vec<&str> = Vec::new();
    for run in entry.runs.iter().filter(|run| run.step.placement == placement) {
        if !ids.contains(&run.step.facility.as_str()) {
            ids.push(&run.step.facility);
        }
    }
    ids
}

fn find<'a>(entry: &'a Entry, facility: &str, placement: Placement, kind: Kind, size: u64) -> Option<&'a Run> {
    let step = Step { facility: facility.to_owned(), kind, placement, size };
    entry.runs.iter().find(|run| run.step == step)
}

/// Percentiles of the smallest size that was measured.
fn latencies(entry: &Entry, before: &History, placement: Placement) -> String {
    let sizes = entry.runs.iter().filter(|run| run.step.placement == placement).map(|run| run.step.size);
    let Some(least) = sizes.min() else { return String::new() };
    let mut text = format!("\nLatency of {}, {}\n", bytes(least), placement.words());
    text += &format!("{:<NAME$}{:>TIME$}  {}\n{:<NAME$}", "", "one way", "round trip", "");
    let names = ["p50", "p50", "p90", "p99", "p99.9", "max", "switch", "before"];
    text.extend(names.map(|name| format!("{name:>TIME$}")));
    text.push('\n');
    for id in facilities(entry, placement) {
        let Some(run) = find(entry, id, placement, Kind::RoundTrip, least) else { continue };
        let one_way = find(entry, id, placement, Kind::OneWay, least);
        let one_way = one_way.and_then(latency).map_or_else(|| "-".to_owned(), |l| time(l.p50 as f64));
        text += &format!("{id:<NAME$}{one_way:>TIME$}");
        match &run.outcome {
            Outcome::Latency(l) => {
                for ns in [l.p50, l.p90, l.p99, l.p999, l.max] {
                    text += &format!("{:>TIME$}", time(ns as f64));
                }
                let last = before.last(&run.step).and_then(|(_, outcome)| match outcome {
                    Outcome::Latency(before) => Some(ratio(l.p50 as f64, before.p50 as f64)),
                    _ => None,
                });
                text += &format!("{:>TIME$.1}{:>TIME$}", l.switches, last.unwrap_or_default());
            }
            _ => text += &format!("{:>TIME$}", "-"),
        }
        text += mark(run);
        text.push('\n');
    }
    text
}

const fn latency(run: &Run) -> Option<&Latency> {
    if let Outcome::Latency(latency) = &run.outcome { Some(latency) } else { None }
}

/// A mark where others used much of the machine.
fn mark(run: &Run) -> &'static str {
    if run.load.is_busy() { " !" } else { "" }
}

/// One figure for each size.
fn over_sizes(entry: &Entry, placement: Placement, kind: Kind) -> String {
    let mut sizes: Vec<u64> = entry
        .runs
        .iter()
        .filter(|run| run.step.placement == placement && run.step.kind == kind)
        .map(|run| run.step.size)
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    // Of one size the percentiles have been told already.
    if sizes.len() < if kind == Kind::RoundTrip { 2 } else { 1 } {
        return String::new();
    }
    let title = match kind {
        Kind::Throughput => "Throughput",
        _ => "Round trip, p50",
    };
    let mut text = format!("\n{title}, {}; bytes of a message:\n{:<NAME$}", placement.words(), "");
    text.extend(sizes.iter().map(|bytes| format!("{:>CELL$}", size(*bytes))));
    text.push('\n');
    for id in facilities(entry, placement) {
        text += &format!("{id:<NAME$}");
        for bytes in &sizes {
            let cell = find(entry, id, placement, kind, *bytes).map(|run| match &run.outcome {
                Outcome::Latency(l) => time(l.p50 as f64),
                Outcome::Throughput(t) => rate(t.median),
                Outcome::Not(_) => "-".to_owned(),
            });
            text += &format!("{:>CELL$}", cell.unwrap_or_default());
        }
        text.push('\n');
        text += &losses(entry, id, placement, kind);
    }
    text
}

/// What was lost on the way, below the row that it is about.
fn losses(entry: &Entry, id: &str, placement: Placement, kind: Kind) -> String {
    let lost: Vec<String> = entry
        .runs
        .iter()
        .filter(|run| run.step.facility == id && run.step.placement == placement && run.step.kind == kind)
        .filter_map(|run| match &run.outcome {
            Outcome::Throughput(t @ Throughput { lost: 1.., .. }) => {
                Some(format!("{} of those of {}", share(t.loss()), bytes(run.step.size)))
            }
            _ => None,
        })
        .collect();
    if lost.is_empty() { String::new() } else { format!("{:<NAME$}lost, and not counted: {}\n", "", lost.join(", ")) }
}

/// What could not be measured, each reason once.
fn reasons(entry: &Entry) -> String {
    let mut reasons: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for run in &entry.runs {
        if let Outcome::Not(why) = &run.outcome {
            reasons.entry((&run.step.facility, why)).or_default().push(run.step.size);
        }
    }
    let mut text = String::new();
    for ((facility, why), mut sizes) in reasons {
        sizes.sort_unstable();
        sizes.dedup();
        let sizes: Vec<String> = sizes.into_iter().map(bytes).collect();
        text += &fold(&format!("{facility} with {}: {why}", sizes.join(", ")), "- ", "  ");
    }
    if text.is_empty() { text } else { format!("\nNot measured\n{text}") }
}

/// What a reader of these tables may be deceived by.
fn warnings(entry: &Entry, placements: &[Placement]) -> String {
    let mut places = vec![Where::Everywhere, Where::Latency];
    places.extend(placements.contains(&Placement::Across).then_some(Where::Across));
    places.extend([Where::Tail, Where::Throughput]);
    places.extend((!entry.limits.is_empty()).then_some(Where::Limits));
    if entry.runs.is_empty() {
        return String::new();
    }
    let mut text = "\nBeware\n".to_owned();
    for pitfall in places.into_iter().flat_map(pitfalls) {
        text += &fold(&format!("{}. {}", pitfall.title, pitfall.words), "- ", "  ");
    }
    text
}

/// The history of this machine: the last times beside each other, the newest last.
pub fn history(history: &History) -> String {
    let entries = history.entries();
    if entries.is_empty() {
        return "nothing has been measured on this machine yet; `ipclab bench` does\n".to_owned();
    }
    let entries = &entries[entries.len().saturating_sub(TIMES)..];
    let mut text = String::new();
    for (number, entry) in (1..).zip(entries) {
        let m = &entry.machine;
        let busy = if entry.load.is_busy() { ", under load" } else { "" };
        text += &format!("{number}  {} UTC  {}{busy}\n", moment(m.when), m.words());
    }
    for (placement, kind, size) in [
        (Placement::SameCore, Kind::RoundTrip, 1),
        (Placement::Across, Kind::RoundTrip, 1),
        (Placement::SameCore, Kind::Throughput, 65_536),
        (Placement::Across, Kind::Throughput, 65_536),
    ] {
        text += &beside(entries, placement, kind, size);
    }
    text
}

fn beside(entries: &[Entry], placement: Placement, kind: Kind, size: u64) -> String {
    let cell = |entry: &Entry, id: &str| match find(entry, id, placement, kind, size).map(|run| &run.outcome) {
        Some(Outcome::Latency(l)) => time(l.p50 as f64),
        Some(Outcome::Throughput(t)) => rate(t.median),
        _ => String::new(),
    };
    let mut text = String::new();
    for subject in crate::bench::ALL {
        let cells: Vec<String> = entries.iter().map(|entry| cell(entry, subject.id)).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            text += &format!("{:<NAME$}", subject.id);
            text.extend(cells.iter().map(|cell| format!("{cell:>CELL$}")));
            text.push('\n');
        }
    }
    if text.is_empty() {
        return text;
    }
    let what = if kind == Kind::Throughput { "Throughput" } else { "Round trip, p50" };
    let numbers: Vec<String> = (1..=entries.len()).map(|number| format!("{number:>CELL$}")).collect();
    format!("\n{what}, {}, {}\n{:<NAME$}{}\n{text}", bytes(size), placement.words(), "", numbers.concat())
}

/// What is being measured, for a line of progress.
pub fn now(step: &Step) -> String {
    let title = subject(&step.facility).map_or(step.facility.as_str(), |subject| subject.title);
    format!("{title}, {}, {}, {}", step.placement.words(), step.kind.words(), bytes(step.size))
}

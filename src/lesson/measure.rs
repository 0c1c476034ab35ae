//! `measure`: a place in a lesson at which something is measured on the learner's machine, and its figures as tables.

use std::ops::Range;

use super::prose::{self, Align, Block, Inline, Table};
use super::text::{Text, lines, span, trimmed};
use crate::bench::words::{bytes, moment, rate, share, time};
use crate::bench::{Entry, Kind, Outcome, Placement, Plan, Step};
use crate::script::Span;

/// What one measurement takes with all that belongs to it, beyond its budget, in ns.
const AROUND_NS: u64 = 25_000_000;

/// Something to be measured where it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Where the text between the fences stands.
    pub span: Span,
    /// Which facilities and sizes.
    pub plan: Plan,
}

impl Measure {
    /// About how long it takes, in seconds.
    pub fn seconds(&self) -> u64 {
        (self.plan.steps().len() as u64 * (self.plan.budget_ns + AROUND_NS)).div_ceil(1_000_000_000)
    }

    /// The figures: times of the least size, rates of the largest; what is missing was not measured.
    pub fn tables(&self, entry: &Entry) -> Vec<Block> {
        let sizes = &self.plan.sizes;
        let kinds = [(Kind::RoundTrip, sizes.first()), (Kind::Throughput, sizes.last())];
        let mut blocks = Vec::new();
        for (kind, size) in kinds.into_iter().filter_map(|(kind, size)| Some((kind, *size?))) {
            if let Some(table) = self.table(entry, kind, size) {
                let about = if kind == Kind::RoundTrip { ", the median and what one in a hundred exceeds" } else { "" };
                let heading = format!("**{}**, {}{about}:", kind.words(), bytes(size));
                blocks.extend([Block::Paragraph(words(&heading)), Block::Table(table)]);
            }
        }
        let others = entry.load.foreign.map_or_else(|| "an unknown share".to_owned(), share);
        let at = moment(entry.machine.when);
        blocks.push(Block::Paragraph(words(&if blocks.is_empty() {
            "Nothing was measured.".to_owned()
        } else {
            format!("{}; {at} UTC, and others used {others} of the processors meanwhile.", entry.machine.words())
        })));
        blocks
    }

    fn table(&self, entry: &Entry, kind: Kind, size: u64) -> Option<Table> {
        let of = |facility: &str, placement: Placement| {
            let step = Step { facility: facility.to_owned(), kind, placement, size };
            entry.runs.iter().find(|run| run.step == step).map(|run| &run.outcome)
        };
        let placements = || self.plan.placements.iter().copied();
        let measured = |facility: &&String| placements().any(|placement| of(facility, placement).is_some());
        let rows: Vec<_> = self.plan.facilities.iter().filter(measured).collect();
        if rows.is_empty() {
            return None;
        }
        let head = std::iter::once(Vec::new()).chain(placements().map(|p| words(p.words()))).collect();
        let row = |name: &str, facility: &str, figure: fn(Option<&Outcome>) -> String| {
            let cells = placements().map(|placement| words(&figure(of(facility, placement))));
            std::iter::once(words(name)).chain(cells).collect::<Vec<_>>()
        };
        let rows = rows.into_iter().flat_map(|facility| {
            let tail = (kind == Kind::RoundTrip).then(|| row("its p99", facility, tail));
            std::iter::once(row(facility, facility, figure)).chain(tail)
        });
        let right = std::iter::repeat_n(Align::Right, self.plan.placements.len());
        Some(Table { columns: std::iter::once(Align::Left).chain(right).collect(), head, rows: rows.collect() })
    }
}

fn figure(outcome: Option<&Outcome>) -> String {
    match outcome {
        Some(Outcome::Latency(l)) => time(l.p50 as f64),
        Some(Outcome::Throughput(t)) => rate(t.median),
        Some(Outcome::Not(_)) | None => "-".to_owned(),
    }
}

fn tail(outcome: Option<&Outcome>) -> String {
    if let Some(Outcome::Latency(l)) = outcome { time(l.p99 as f64) } else { "-".to_owned() }
}

fn words(text: &str) -> Vec<Inline> {
    prose::inlines(text)
}

/// Reads what stands in the fence: ids of facilities, and perhaps a line `sizes 1,64K`.
pub(super) fn read(text: &mut Text<'_>, body: &Range<usize>) -> Option<Measure> {
    let mut plan = Plan::new(true);
    plan.limits = false;
    let mut named = Vec::new();
    let mut wrong = false;
    for (at, line) in lines(text.source, body.clone()) {
        let at = trimmed(text.source, at);
        let said = match line.trim().split_once(char::is_whitespace) {
            Some(("sizes", sizes)) => plan.with_sizes(sizes),
            _ => {
                let ids: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                named.extend(ids.iter().cloned());
                plan.clone().only(&ids)
            }
        };
        if let Err(why) = said {
            wrong = true;
            text.error(&at, why, Some("ids of `ipclab bench`, and a line such as `sizes 1,64K`".to_owned()));
        }
    }
    if !wrong && named.is_empty() {
        let at = trimmed(text.source, body.clone());
        text.error(&at, "nothing to measure", Some("name facilities, such as `pipe shm-spin`".to_owned()));
        wrong = true;
    }
    if wrong || plan.only(&named).is_err() {
        return None;
    }
    Some(Measure { span: span(body), plan })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Load, Machine, Run};
    use crate::facility::registry;

    fn measure(source: &str) -> Result<Measure, String> {
        let mut text = Text::new(source, registry());
        let measure = read(&mut text, &(0..source.len()));
        measure.ok_or_else(|| text.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn facilities_and_sizes_are_read_and_what_is_wrong_is_said() {
        let read = measure("shm-spin pipe\nsizes 4K,1\n").unwrap();
        assert_eq!((read.plan.facilities.join(" "), read.plan.sizes.clone()), ("pipe shm-spin".into(), vec![1, 4096]));
        assert!(!read.plan.limits && (1..5).contains(&read.seconds()), "{}", read.seconds());
        for (source, said) in [
            ("pip\n", "did you mean pipe?"),
            ("pipe\nsizes 0\n", "is no size of a message"),
            ("sizes 1\n", "nothing to measure"),
        ] {
            let error = measure(source).unwrap_err();
            assert!(error.contains(said), "{source}: {error}");
        }
    }

    #[test]
    fn what_was_measured_is_in_the_tables_and_what_was_not_is_not() {
        let measure = measure("pipe shm-spin\n").unwrap();
        let mut entry = Entry { machine: Machine::here(), load: Load::default(), limits: Vec::new(), runs: Vec::new() };
        assert_eq!(measure.tables(&entry), [Block::Paragraph(words("Nothing was measured."))]);
        let step =
            |facility: &str, placement| Step { facility: facility.into(), kind: Kind::RoundTrip, placement, size: 1 };
        let not = |step| Run { step, load: Load::default(), outcome: Outcome::Not("lost".into()) };
        entry.runs.push(not(step("pipe", Placement::SameCore)));
        let blocks = measure.tables(&entry);
        let [Block::Paragraph(heading), Block::Table(table), Block::Paragraph(_)] = &blocks[..] else {
            panic!("{blocks:?}")
        };
        assert_eq!((table.rows.len(), table.head.len()), (2, 3));
        assert_eq!(prose::plain(&table.rows[0][1]), "-");
        assert_eq!(prose::plain(heading), "round trip, 1 byte, the median and what one in a hundred exceeds:");
    }
}

//! What a facility costs on this machine: the last figures of the measuring room.

use std::collections::BTreeMap;

use crate::atlas::leaves;
use crate::bench::words;
use crate::bench::{History, Kind, Outcome, Placement, Step};

/// The figures by the ids of leaves, in words; nothing where nothing was measured.
pub(super) fn costs(history: &History) -> BTreeMap<&'static str, String> {
    let mut costs = BTreeMap::new();
    for leaf in leaves().iter().filter(|leaf| !leaf.measured.is_empty()) {
        let told = |kind, size| {
            Placement::ALL.into_iter().find_map(|placement| {
                let step = Step { facility: leaf.measured.clone(), kind, placement, size };
                let figure = match history.last(&step)?.1 {
                    Outcome::Latency(latency) => words::time(latency.p50 as f64),
                    Outcome::Throughput(throughput) => words::rate(throughput.median),
                    Outcome::Not(_) => return None,
                };
                Some(format!("{} {figure} ({}, {})", kind.words(), words::bytes(size), placement.words()))
            })
        };
        let figures = [told(Kind::RoundTrip, 1), told(Kind::Throughput, 65_536)].into_iter().flatten();
        let figures: Vec<String> = figures.collect();
        if !figures.is_empty() {
            costs.insert(leaf.id.as_str(), figures.join("; "));
        }
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench;

    #[test]
    fn what_is_measured_is_a_subject_of_the_measuring_room() {
        for leaf in leaves().iter().filter(|leaf| !leaf.measured.is_empty()) {
            assert!(bench::subject(&leaf.measured).is_some(), "{}: {}", leaf.id, leaf.measured);
        }
        for subject in bench::ALL {
            assert!(leaves().iter().any(|leaf| leaf.measured == subject.id), "{} is on no card", subject.id);
        }
        assert!(costs(&History::of(b"")).is_empty());
    }
}

//! What a facility costs on this machine: the last figures of the measuring room, in words.

use std::collections::BTreeMap;

use crate::atlas::{Leaf, leaves};
use crate::bench::{Entry, History, Kind, Outcome, Placement, Step, words};

/// The figures by the ids of leaves, in words; nothing where nothing was measured.
pub fn costs(history: &History) -> BTreeMap<&'static str, String> {
    leaves().iter().filter_map(|leaf| Some((leaf.id.as_str(), cost(leaf, history)?))).collect()
}

/// A message there and back, and how much goes through; on one core and across two; on what kernel, and when.
pub fn cost(leaf: &Leaf, history: &History) -> Option<String> {
    let mut newest: Option<&Entry> = None;
    let mut told = |kind, size| {
        let mut figures = Vec::new();
        for placement in Placement::ALL {
            let step = Step { facility: leaf.measured.clone(), kind, placement, size };
            let Some((entry, outcome)) = history.last(&step) else { continue };
            let figure = match outcome {
                Outcome::Latency(latency) => words::time(latency.p50 as f64),
                Outcome::Throughput(throughput) => words::rate(throughput.median),
                Outcome::Not(_) => continue,
            };
            figures.push(format!("{figure} {}", placement.words()));
            if newest.is_none_or(|newest| newest.machine.when < entry.machine.when) {
                newest = Some(entry);
            }
        }
        (!figures.is_empty()).then(|| format!("{} of {} {}", kind.words(), words::bytes(size), figures.join(", ")))
    };
    let figures: Vec<String> =
        [told(Kind::RoundTrip, 1), told(Kind::Throughput, 65_536)].into_iter().flatten().collect();
    let machine = &newest?.machine;
    Some(format!("{}; medians, Linux {}, {} UTC", figures.join("; "), machine.kernel, words::moment(machine.when)))
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

    #[test]
    fn what_was_measured_is_told_with_where_and_when() {
        let history = History::of(include_bytes!("../../assets/measured.json"));
        let pipe = cost(crate::atlas::leaf("pipe").unwrap(), &history).unwrap();
        for part in
            ["round trip of 1 byte ", " same core, ", " across cores; throughput of 64 KiB ", "; medians, Linux "]
        {
            assert!(pipe.contains(part), "{part}: {pipe}");
        }
        assert_eq!(cost(crate::atlas::leaf("mutex").unwrap(), &history), None);
    }
}

//! The claims that this program makes about IPC, and the experiments that show them on the machine at hand.
//!
//! An experiment is a file of statements in `assets/experiments`, named by its claim. Each part of it has a counter-run:
//! the same expectations, with the one thing changed that they are about. It must not meet them all, or the experiment
//! would show nothing.

mod embedded;
mod experiment;
mod runner;

pub use experiment::{Experiment, Part, Wrong, parse};
pub use runner::{Doing, Finding, Met, Shown, Verdict, run};

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// All claims by id, each with what it says. An id never changes.
pub fn all() -> &'static BTreeMap<String, String> {
    static CLAIMS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    CLAIMS.get_or_init(|| toml::from_str(include_str!("../../assets/claims.toml")).unwrap_or_default())
}

/// What a claim says.
pub fn title(id: &str) -> Option<&'static str> {
    all().get(id).map(String::as_str)
}

/// The text of a claim's experiment.
pub fn source(id: &str) -> Option<&'static str> {
    embedded::FILES.iter().find(|(name, _)| *name == id).map(|(_, text)| *text)
}

/// The ids in the order in which they are told: by chapter, then by number.
pub fn order() -> Vec<&'static str> {
    let chapter = |id: &str| "TDBMPGSYFNX".find(id.get(..1).unwrap_or_default()).unwrap_or(usize::MAX);
    let number = |id: &str| id.get(1..).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(u32::MAX);
    let mut ids: Vec<&str> = all().keys().map(String::as_str).collect();
    ids.sort_by_key(|id| (chapter(id), number(id)));
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read() {
        assert!(title("X4").unwrap().contains("last write end"));
        assert!(all().len() > 50);
        assert_eq!((order()[0], *order().last().unwrap()), ("T1", "X12"));
    }

    #[test]
    fn every_claim_has_its_experiment_and_every_experiment_its_claim() {
        let have: Vec<&str> = embedded::FILES.iter().map(|(id, _)| *id).collect();
        let lacking: Vec<&str> = order().into_iter().filter(|id| !have.contains(id)).collect();
        assert!(lacking.is_empty(), "without experiment: {lacking:?}");
        assert!(have.iter().all(|id| title(id).is_some()), "without claim");
    }

    #[test]
    fn every_experiment_can_be_read_and_has_a_counter_run_with_the_same_checks() {
        for id in order() {
            let Some(text) = source(id) else { continue };
            let experiment =
                parse(text, crate::facility::registry()).unwrap_or_else(|wrong| panic!("{id}: {wrong:#?}"));
            for part in &experiment.parts {
                let checks = |statements: &[crate::script::Statement]| -> Vec<String> {
                    let checks = statements.iter().filter(|s| matches!(s.body, crate::script::Body::Expect(_)));
                    checks.map(ToString::to_string).collect()
                };
                assert_eq!(checks(&part.run), checks(&part.counter), "{id}, {}", part.shows);
                assert!(!checks(&part.run).is_empty(), "{id}, {}: no expectation", part.shows);
                let text = |statements: &[crate::script::Statement]| -> Vec<String> {
                    statements.iter().map(ToString::to_string).collect()
                };
                assert_ne!(text(&part.run), text(&part.counter), "{id}, {}: the counter-run is the same", part.shows);
            }
        }
    }
}

//! The chooser: who needs this gets that, with a reason for each need and an experiment for each reason; and is told why
//! the others fell out.

use std::sync::OnceLock;

use serde::Deserialize;

use super::{Cell, Leaf, cell, column, leaf, table_rows};
use crate::claim::{self, Experiment};
use crate::facility::registry;

/// Something that one may need: `assets/choose.toml` has one entry each.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Its id, which never changes.
    pub id: String,
    /// The same in a few words.
    pub short: String,
    /// The question, whose answer yes makes it a need.
    pub asks: String,
    #[serde(default)]
    column: String,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(default)]
    rows: Vec<String>,
    #[serde(default)]
    claim: String,
}

/// Why a facility meets a need, or does not.
#[derive(Debug, Clone)]
pub struct Reason {
    /// The need.
    pub need: &'static Need,
    /// Whether it is met.
    pub met: bool,
    /// In words: a clause.
    pub words: String,
    /// Under which name the proof of it is kept: that of a cell, or the id of a claim.
    pub key: Option<String>,
}

/// A facility with what speaks for it and against it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The facility.
    pub leaf: &'static Leaf,
    /// A reason for each need, in the order in which they were named.
    pub reasons: Vec<Reason>,
}

impl Candidate {
    /// Whether it meets all needs.
    pub fn fits(&self) -> bool {
        self.reasons.iter().all(|reason| reason.met)
    }

    /// How many needs it does not meet.
    pub fn lacks(&self) -> usize {
        self.reasons.iter().filter(|reason| !reason.met).count()
    }
}

impl Need {
    fn cell(&self, leaf: &'static Leaf) -> Option<Cell> {
        cell(leaf, column(&self.column)?)
    }

    /// What speaks for or against a facility.
    pub fn reason(&'static self, leaf: &'static Leaf) -> Reason {
        let Some(cell) = self.cell(leaf) else {
            let met = self.rows.contains(&leaf.id);
            let title = claim::title(&self.claim).unwrap_or_default();
            let words = if met { title.to_owned() } else { "it is not for that".to_owned() };
            return Reason { need: self, met, words, key: met.then(|| self.claim.clone()) };
        };
        let met = self.answers.iter().any(|answer| answer == cell.answer());
        let shows = cell.shows().join("; ");
        // What speaks for it says enough; what speaks against it is an answer that was not asked for.
        let words = if met || cell.why_not().is_some() { shows } else { format!("{}: {shows}", cell.answer()) };
        Reason { need: self, met, words, key: cell.why_not().is_none().then(|| cell.key()) }
    }
}

/// All needs, in the order in which they are asked.
pub fn needs() -> &'static [Need] {
    #[derive(Deserialize)]
    struct Needs {
        needs: Vec<Need>,
    }
    static NEEDS: OnceLock<Vec<Need>> = OnceLock::new();
    NEEDS.get_or_init(|| {
        toml::from_str(include_str!("../../assets/choose.toml")).map_or_else(|_| Vec::new(), |all: Needs| all.needs)
    })
}

/// The need of that id.
pub fn need(id: &str) -> Option<&'static Need> {
    needs().iter().find(|need| need.id == id)
}

/// All facilities that are compared, those that meet the most needs first, else in the order of the map.
pub fn choose(needs: &[&'static Need]) -> Vec<Candidate> {
    let candidate = |leaf: &&'static Leaf| {
        let leaf = *leaf;
        Candidate { leaf, reasons: needs.iter().map(|need| need.reason(leaf)).collect() }
    };
    let mut all: Vec<Candidate> = table_rows().iter().map(candidate).collect();
    all.sort_by_key(Candidate::lacks);
    all
}

/// The experiment behind a reason, by the name under which its proof is kept.
pub fn experiment(key: &str) -> Option<Experiment> {
    let Some((row, of)) = key.split_once('/') else { return claim::parse(claim::source(key)?, registry()).ok() };
    cell(leaf(row)?, column(of)?)?.experiment()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atlas::{columns, leaves};

    fn chosen(ids: &[&str]) -> Vec<&'static str> {
        let needs: Vec<&Need> = ids.iter().map(|id| need(id).unwrap()).collect();
        choose(&needs).iter().filter(|c| c.fits()).map(|c| c.leaf.id.as_str()).collect()
    }

    #[test]
    fn every_need_can_be_met_and_not_met_and_each_met_one_has_its_experiment() {
        for need in needs() {
            assert!(need.asks.ends_with('?') && !need.short.is_empty(), "{}", need.id);
            assert_eq!(need.column.is_empty(), need.answers.is_empty(), "{}", need.id);
            assert_eq!(need.rows.is_empty(), need.claim.is_empty(), "{}", need.id);
            assert_ne!(need.column.is_empty(), need.rows.is_empty(), "{}: one of the two", need.id);
            for id in &need.rows {
                assert!(leaves().iter().any(|leaf| leaf.id == *id), "{}: {id}", need.id);
            }
            for answer in &need.answers {
                let column = columns().iter().find(|c| c.id == need.column).unwrap();
                let there = table_rows().iter().any(|row| cell(row, column).is_some_and(|c| c.answer() == answer));
                assert!(there, "{}: nothing answers {answer}", need.id);
            }
            let reasons: Vec<Reason> = table_rows().iter().map(|row| need.reason(row)).collect();
            assert!(reasons.iter().any(|r| r.met) && reasons.iter().any(|r| !r.met), "{}", need.id);
            for reason in reasons.iter().filter(|r| r.met) {
                assert!(experiment(reason.key.as_deref().unwrap()).is_some(), "{}", need.id);
            }
        }
        let ids: std::collections::BTreeSet<&str> = needs().iter().map(|n| n.id.as_str()).collect();
        assert_eq!(ids.len(), needs().len());
    }

    #[test]
    fn the_choice_is_what_the_comparison_says() {
        assert_eq!(chosen(&["messages", "network"]), ["udp"]);
        assert_eq!(chosen(&["messages", "priorities", "poll"]), ["posix-queue"], "signals carry no such message");
        assert_eq!(chosen(&["descriptors", "stream"]), ["unix-stream"]);
        assert_eq!(chosen(&["no-copies", "strangers", "outlives"]), ["posix-shm", "sysv-shm", "file-mapping"]);
        assert_eq!(chosen(&["file", "death"]), ["record-lock", "description-lock"]);
        assert_eq!(chosen(&["counting"]), ["posix-semaphore", "sysv-semaphore"]);
        assert_eq!(chosen(&["terminal", "network"]), [""; 0]);
        assert_eq!(chosen(&[]).len(), table_rows().len());
    }
}

//! Looks on end: nothing is called certain before two of them agree.

use super::{diagnose, graph};
use crate::model::{Certainty, Finding, Snapshot, Wait, WaitGraph};

/// What the last look has found, and what of it the one before had found too.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    graph: WaitGraph,
    findings: Vec<Finding>,
    /// For each finding, whether the look before agrees.
    agreed: Vec<bool>,
    /// When the last look was.
    at_ns: u64,
}

impl Looks {
    /// Takes in one more look. True if another one is wanted: something was found that only this one has seen. Where
    /// something runs, the looks that follow by themselves will do.
    pub fn take(&mut self, snapshot: &Snapshot) -> bool {
        // The same look taken twice is still one.
        if snapshot.at_ns != 0 && snapshot.at_ns == self.at_ns {
            return false;
        }
        self.at_ns = snapshot.at_ns;
        let graph = graph(snapshot);
        let findings = diagnose(snapshot, &graph);
        self.agreed = findings.iter().map(|new| self.findings.iter().any(|old| old.agrees(new))).collect();
        self.graph = graph;
        self.findings = findings;
        snapshot.settled && self.agreed.contains(&false)
    }

    /// Who waits for whom, as the last look has seen it.
    pub const fn graph(&self) -> &WaitGraph {
        &self.graph
    }

    /// Whether the last two looks agree in everything that was found.
    pub fn agree(&self) -> bool {
        !self.agreed.contains(&false)
    }

    /// What was found. What only one look has seen is suspicious at most.
    pub fn findings(&self) -> Vec<Finding> {
        let one = |(finding, agreed): (&Finding, &bool)| {
            let certainty = if *agreed { finding.certainty } else { Certainty::Suspicious };
            Finding { certainty, ..finding.clone() }
        };
        self.findings.iter().zip(&self.agreed).map(one).collect()
    }

    /// What is said where nothing was found and somebody waits. Who waits for nobody in particular has its hope in those
    /// who are awake.
    pub fn all_clear(&self) -> &'static str {
        let anybody = |wait: &Wait| wait.need.groups.is_empty() && wait.object.is_some() && !wait.timed;
        if self.graph.waits.iter().any(anybody) {
            "Nobody waits in vain, as far as can be seen: who is idle or runs may still act."
        } else {
            "Nobody waits in vain, as far as can be seen."
        }
    }

    /// Whether nothing was found.
    pub const fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::testing::{pipe, reader, stage};

    #[test]
    fn one_look_suspects_and_two_are_certain() {
        let now = stage(vec![reader("bob", "p", 5)], vec![pipe("p", &[("bob", "read"), ("bob", "write")], 0)]);
        let mut looks = Looks::default();
        assert!(looks.take(&now), "a second look is wanted");
        assert!(looks.findings().iter().all(|f| f.certainty == Certainty::Suspicious) && !looks.is_empty());
        assert!(!looks.take(&now));
        assert_eq!(looks.findings()[0].certainty, Certainty::Certain);
        // Another sleep on the same object is another matter.
        let later = stage(vec![reader("bob", "p", 9)], now.objects.clone());
        assert!(looks.take(&later) && !looks.agree());
        assert!(looks.findings().iter().all(|f| f.certainty == Certainty::Suspicious));
        assert!(!looks.take(&Snapshot::empty()) && looks.is_empty() && looks.agree());
    }

    #[test]
    fn what_runs_is_not_waited_for() {
        let mut now = stage(vec![reader("bob", "p", 5)], vec![pipe("p", &[("bob", "read"), ("bob", "write")], 0)]);
        now.settled = false;
        let mut looks = Looks::default();
        assert!(!looks.take(&now) && !looks.agree());
        assert!(!looks.take(&now) && looks.agree());
    }
}

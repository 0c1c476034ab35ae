//! Who waits for whom: the edges between sleeping actors and those who could wake them.

use super::{Object, Snapshot};

/// One actor that waits, and those of whom any one could let it go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Who waits.
    pub waiter: String,
    /// On which object.
    pub object: String,
    /// Who could end the wait: any one of them.
    pub needs: Vec<String>,
}

/// The wait-for graph of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitGraph {
    /// One entry for each actor asleep on an object; several for one that any of several objects could wake.
    pub waits: Vec<Wait>,
}

impl WaitGraph {
    /// The graph of `snapshot`. `wakers(object, waiter, direction)` tells who could wake a waiter.
    pub fn of(snapshot: &Snapshot, wakers: impl Fn(&Object, &str, &str) -> Vec<String>) -> Self {
        let waits = snapshot
            .objects
            .iter()
            .flat_map(|object| object.waiters.iter().map(move |waiter| (object, waiter)))
            .map(|(object, waiter)| Wait {
                waiter: waiter.actor.clone(),
                object: object.name.clone(),
                needs: wakers(object, &waiter.actor, &waiter.direction),
            })
            .collect();
        Self { waits }
    }

    /// The actors that only each other could wake: each waits, somebody could wake it, and all who could are in the
    /// same plight. Who waits for nobody at all is not among them: that is no cycle.
    pub fn stuck(&self) -> Vec<String> {
        let mut stuck: Vec<&Wait> = self.waits.iter().filter(|w| !w.needs.is_empty()).collect();
        loop {
            let names: Vec<&str> = stuck.iter().map(|w| w.waiter.as_str()).collect();
            // Whoever waits for any of several objects is free as soon as one of them can wake it, or nobody knows who
            // could.
            let free: Vec<&str> = self
                .waits
                .iter()
                .filter(|w| w.needs.is_empty() || w.needs.iter().any(|n| !names.contains(&n.as_str())))
                .map(|w| w.waiter.as_str())
                .collect();
            let before = stuck.len();
            stuck.retain(|w| !free.contains(&w.waiter.as_str()));
            if stuck.len() == before {
                let mut names: Vec<String> = stuck.iter().map(|w| w.waiter.clone()).collect();
                names.dedup();
                return names;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> WaitGraph {
        let waits = edges.iter().map(|(waiter, needs)| Wait {
            waiter: (*waiter).to_owned(),
            object: "o".to_owned(),
            needs: needs.iter().map(ToString::to_string).collect(),
        });
        WaitGraph { waits: waits.collect() }
    }

    #[test]
    fn a_cycle_is_stuck() {
        assert_eq!(graph(&[("a", &["b"]), ("b", &["a"])]).stuck(), ["a", "b"]);
    }

    #[test]
    fn one_who_is_awake_frees_the_chain() {
        assert!(graph(&[("a", &["b"]), ("b", &["a", "c"])]).stuck().is_empty());
        assert!(graph(&[("a", &["b"]), ("b", &["c"])]).stuck().is_empty());
    }

    #[test]
    fn a_reader_that_holds_the_only_write_end_waits_for_itself() {
        assert_eq!(graph(&[("a", &["a"])]).stuck(), ["a"]);
    }

    #[test]
    fn one_way_out_of_several_is_enough() {
        let several: &[(&str, &[&str])] = &[("a", &["b"]), ("a", &["c"]), ("b", &["a"])];
        assert!(graph(several).stuck().is_empty(), "c can wake a");
        assert_eq!(graph(&[("a", &["b"]), ("a", &["b"]), ("b", &["a"])]).stuck(), ["a", "b"]);
        assert!(graph(&[("a", &["b"]), ("a", &[]), ("b", &["a"])]).stuck().is_empty(), "a signal could wake a");
    }

    #[test]
    fn who_waits_for_nobody_is_in_no_cycle() {
        assert!(graph(&[("a", &[])]).stuck().is_empty());
    }
}

//! The wait-for graph in an order in which it can be read: the cycles, then who waits behind whom, as trees.

use std::collections::{HashMap, HashSet};

use crate::model::{Wait, WaitGraph};

/// So many who wait alike are told in one row, by their names.
const ALIKE: usize = 4;

/// A row of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// For each level above and its own, whether it is the last of its siblings. Empty for a root.
    pub last: Vec<bool>,
    /// Who waits: one, or several who wait alike. For a root, whom they wait for; empty: nobody in particular.
    pub who: Vec<&'a str>,
    /// What they wait for; `None` for a root.
    pub wait: Option<&'a Wait>,
    /// Who else could end it, beside the one above.
    pub others: Vec<&'a str>,
}

/// The graph in reading order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forest<'a> {
    /// The waits of each cycle, in the order in which one waits for the next.
    pub cycles: Vec<Vec<&'a Wait>>,
    /// Everybody else who waits, below the one who could end it.
    pub rows: Vec<Row<'a>>,
}

impl<'a> Forest<'a> {
    /// The forest of a graph.
    pub fn of(graph: &'a WaitGraph) -> Self {
        let mut of_actor: HashMap<&str, Vec<&Wait>> = HashMap::new();
        for wait in &graph.waits {
            of_actor.entry(&wait.waiter).or_default().push(wait);
        }
        let cycle = |names: &'a Vec<String>| names.iter().flat_map(|n| of_actor[n.as_str()].iter().copied()).collect();
        let cycles: Vec<Vec<&Wait>> = graph.cycles.iter().map(cycle).collect();
        let circling: HashSet<&str> = graph.cycles.iter().flatten().map(String::as_str).collect();
        // Each stands below the first who could end its wait, and below nobody a second time.
        let mut below: HashMap<&str, Vec<&Wait>> = HashMap::new();
        let mut roots: Vec<&str> = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for wait in graph.waits.iter().filter(|wait| !circling.contains(wait.waiter.as_str())) {
            if !seen.insert(&wait.waiter) {
                continue;
            }
            let all = of_actor[wait.waiter.as_str()].iter();
            let above = all.flat_map(|wait| wait.need.groups.iter().flatten()).find(|name| **name != wait.waiter);
            let above = above.map_or("", String::as_str);
            below.entry(above).or_default().push(wait);
            if !roots.contains(&above) && (!of_actor.contains_key(above) || circling.contains(above)) {
                roots.push(above);
            }
        }
        // Whom nobody in particular could wake comes last.
        roots.sort_by_key(|root| root.is_empty());
        let mut forest = Self { cycles, rows: Vec::new() };
        let mut told: HashSet<&str> = HashSet::new();
        for root in roots {
            forest.tree(root, &below, &mut told);
        }
        // Who waits in a ring that somebody outside can break hangs below no root.
        for wait in graph.waits.iter().filter(|wait| !circling.contains(wait.waiter.as_str())) {
            if !told.contains(wait.waiter.as_str()) {
                told.insert(&wait.waiter);
                let others = wait.needs();
                forest.rows.push(Row { last: Vec::new(), who: vec![&wait.waiter], wait: Some(wait), others });
                forest.children(&wait.waiter, &below, &mut told, &[]);
            }
        }
        forest
    }

    /// Whether nobody waits.
    pub const fn is_empty(&self) -> bool {
        self.cycles.is_empty() && self.rows.is_empty()
    }

    fn tree(&mut self, root: &'a str, below: &HashMap<&'a str, Vec<&'a Wait>>, told: &mut HashSet<&'a str>) {
        let who = if root.is_empty() { Vec::new() } else { vec![root] };
        self.rows.push(Row { last: Vec::new(), who, wait: None, others: Vec::new() });
        self.children(root, below, told, &[]);
    }

    /// The rows below one, without recursion: a chain of waits may be long.
    fn children(
        &mut self,
        of: &'a str,
        below: &HashMap<&'a str, Vec<&'a Wait>>,
        told: &mut HashSet<&'a str>,
        last: &[bool],
    ) {
        let mut to_do: Vec<(Vec<bool>, Vec<&'a Wait>)> = Vec::new();
        let push = |of: &str, last: &[bool], told: &HashSet<&str>, to_do: &mut Vec<(Vec<bool>, Vec<&'a Wait>)>| {
            let waits = below.get(of).map_or(&[][..], Vec::as_slice).iter().copied();
            let groups = alike(waits.filter(|wait| !told.contains(wait.waiter.as_str())), below);
            let count = groups.len();
            for (place, group) in groups.into_iter().enumerate().rev() {
                to_do.push(([last, &[place + 1 == count]].concat(), group));
            }
        };
        push(of, last, told, &mut to_do);
        while let Some((last, group)) = to_do.pop() {
            let first = group[0];
            let above = first.need.groups.iter().flatten().find(|name| **name != first.waiter);
            let above = above.map(String::as_str);
            let others = first.needs().into_iter();
            let others = others.filter(|name| Some(*name) != above && *name != first.waiter).collect();
            let who: Vec<&str> = group.iter().map(|wait| wait.waiter.as_str()).collect();
            told.extend(&who);
            self.rows.push(Row { last: last.clone(), who: who.clone(), wait: Some(first), others });
            if let [one] = who[..] {
                push(one, &last, told, &mut to_do);
            }
        }
    }
}

/// Waits one by one, and those together that are many and differ only in who waits.
fn alike<'a>(waits: impl Iterator<Item = &'a Wait>, below: &HashMap<&'a str, Vec<&'a Wait>>) -> Vec<Vec<&'a Wait>> {
    let mut groups: Vec<Vec<&Wait>> = Vec::new();
    let mut places: HashMap<(&str, Option<&str>, &[Vec<String>]), usize> = HashMap::new();
    for wait in waits {
        // Somebody whom others wait for stands alone.
        let key = (wait.verb.as_str(), wait.object.as_deref(), wait.need.groups.as_slice());
        let leaf = !below.contains_key(wait.waiter.as_str());
        match places.get(&key).filter(|_| leaf) {
            Some(place) => groups[*place].push(wait),
            None => {
                if leaf {
                    places.insert(key, groups.len());
                }
                groups.push(vec![wait]);
            }
        }
    }
    let apart = |group: Vec<&'a Wait>| match group.len() {
        ALIKE.. => vec![group],
        _ => group.into_iter().map(|wait| vec![wait]).collect::<Vec<_>>(),
    };
    groups.into_iter().flat_map(apart).collect()
}

#[cfg(test)]
mod tests {
    use super::super::graph;
    use super::super::testing::*;
    use super::*;
    use crate::model::Snapshot;

    fn told(now: &Snapshot) -> Vec<String> {
        let graph = graph(now);
        let forest = Forest::of(&graph);
        let cycles = forest.cycles.iter().map(|waits| {
            let names: Vec<&str> = waits.iter().map(|wait| wait.waiter.as_str()).collect();
            format!("cycle {}", names.join(" "))
        });
        let rows = forest.rows.iter().map(|row| {
            let bars: String = row.last.iter().map(|last| if *last { '`' } else { '|' }).collect();
            let on = row.wait.map(|wait| format!(" {} on {}", wait.verb, wait.on())).unwrap_or_default();
            let others = if row.others.is_empty() { String::new() } else { format!(" or {}", row.others.join(" ")) };
            format!("{bars}{}{on}{others}", row.who.join(" "))
        });
        cycles.chain(rows).collect()
    }

    #[test]
    fn who_waits_stands_below_whom() {
        let flock = |name: &str, on: &str| sleeper(name, "flock", Some(on), "lock", 1);
        let actors = vec![
            actor("alice"),
            reader("bob", "p", 1),
            flock("carol", "f"),
            flock("dora", "g"),
            sleeper("eve", "pause", None, "signal", 1),
        ];
        let objects = vec![
            pipe("p", &[("alice", "write"), ("zed", "write"), ("bob", "read")], 0),
            file("f", vec![lock("bob", &["carol"])]),
            file("g", vec![lock("alice", &["dora"])]),
        ];
        let rows =
            ["alice", "|bob read on p or zed", "|`carol flock on f", "`dora flock on g", "", "`eve pause on a signal"];
        assert_eq!(told(&stage(actors, objects)), rows);
    }

    #[test]
    fn cycles_come_first_and_others_behind_them() {
        let flock = |name: &str, on: &str| sleeper(name, "flock", Some(on), "lock", 1);
        let objects = vec![file("f", vec![lock("alice", &["bob", "carol"])]), file("g", vec![lock("bob", &["alice"])])];
        let now = stage(vec![flock("alice", "g"), flock("bob", "f"), flock("carol", "f")], objects);
        assert_eq!(told(&now), ["cycle alice bob", "alice", "`carol flock on f"]);
    }

    #[test]
    fn many_alike_are_one_row() {
        let names: Vec<String> = (0..200).map(|n| format!("a{n}")).collect();
        let readers = names.iter().map(|name| reader(name, "p", 1)).collect();
        let now = stage(readers, vec![pipe("p", &[("writer", "write")], 0)]);
        let rows = told(&now);
        assert_eq!((rows.len(), rows[1].split(' ').count()), (2, 200 + 3));
    }

    #[test]
    fn a_ring_with_a_way_out_is_told_too() {
        let actors = vec![reader("alice", "p", 1), reader("bob", "q", 1)];
        let ends = |one: &'static str| [(one, "write"), ("zed", "write")];
        let now = stage(actors, vec![pipe("p", &ends("bob"), 0), pipe("q", &ends("alice"), 0)]);
        assert_eq!(told(&now), ["alice read on p or bob zed", "`bob read on q or zed"]);
    }

    #[test]
    fn a_long_chain_is_told() {
        let names: Vec<String> = (0..3000).map(|n| format!("a{n}")).collect();
        let waits: Vec<Wait> = names
            .windows(2)
            .map(|pair| Wait {
                waiter: pair[0].clone(),
                verb: "flock".to_owned(),
                object: None,
                direction: "lock".to_owned(),
                since_ns: 0,
                timed: false,
                need: crate::model::Need { groups: vec![vec![pair[1].clone()]], sure: true, end: None },
            })
            .collect();
        let graph = WaitGraph::from_waits(waits);
        assert_eq!(Forest::of(&graph).rows.len(), 3000);
    }
}

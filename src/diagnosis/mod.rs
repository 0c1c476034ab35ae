//! What is wrong on a stage, and who waits for whom: worked out of snapshots alone.
//!
//! One file a kind of finding, and a line in `RULES`. A rule looks at the graph, at fields by their names, and at
//! what our records tell; which facility an object is of it never asks. Pure: the same snapshot, the same findings.

mod dead_holder;
mod deadlock;
mod forest;
mod held_write_end;
mod lock_order;
mod looks;
mod lost_lock;
mod merged_signal;
mod nobody_comes;
mod nobody_reads;
mod orphaned_lock;
mod own_write_end;
mod stopped;
#[cfg(test)]
mod testing;
mod words;
mod zombie;

pub use forest::{Forest, Row};
pub use looks::Looks;

use std::collections::{HashMap, HashSet};

use crate::facility;
use crate::model::{Actor, ActorState, Finding, Need, Object, Plight, Snapshot, Wait, WaitGraph, kind};
use crate::script::process_of;

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// The stage.
    now: &'a Snapshot,
    /// Who waits for whom.
    graph: &'a WaitGraph,
    /// Who sleeps on though nobody on stage is bound to wake it.
    forsaken: &'a HashSet<&'a str>,
    /// Who is stopped, and by which signal.
    stopped: &'a HashMap<&'a str, &'a str>,
}

/// How findings of one kind are found.
struct Rule {
    /// The word of its [`Kind`](crate::model::Kind).
    kind: &'static str,
    find: fn(Sight<'_>) -> Vec<Finding>,
}

/// One for each of [`KINDS`](crate::model::KINDS), in the same order.
const RULES: &[Rule] = &[
    Rule { kind: deadlock::KIND, find: deadlock::find },
    Rule { kind: own_write_end::KIND, find: own_write_end::find },
    Rule { kind: held_write_end::KIND, find: held_write_end::find },
    Rule { kind: nobody_reads::KIND, find: nobody_reads::find },
    Rule { kind: stopped::KIND, find: stopped::find },
    Rule { kind: nobody_comes::KIND, find: nobody_comes::find },
    Rule { kind: lock_order::KIND, find: lock_order::find },
    Rule { kind: lost_lock::KIND, find: lost_lock::find },
    Rule { kind: orphaned_lock::KIND, find: orphaned_lock::find },
    Rule { kind: dead_holder::KIND, find: dead_holder::find },
    Rule { kind: zombie::KIND, find: zombie::find },
    Rule { kind: merged_signal::KIND, find: merged_signal::find },
];

/// The wait-for graph of a snapshot.
pub fn graph(snapshot: &Snapshot) -> WaitGraph {
    WaitGraph::of(snapshot, |actor, sleep, object, direction| {
        let called = facility::of_verb(&sleep.verb);
        let Some(object) = object else {
            let wakers = called.map(|f| f.wakers_of_call(sleep, actor, snapshot)).unwrap_or_default();
            let groups = if wakers.is_empty() { Vec::new() } else { vec![wakers] };
            return Need { groups, sure: true, end: None };
        };
        let Some(facility) = facility::by_id(object.facility()) else { return Need::default() };
        // One of several things may come from anywhere, so what all of them hang on proves little.
        let any = !sleep.also.is_empty() || called.is_some_and(facility::Facility::waits_for_any);
        let mut groups = facility.groups(object, &actor.name, direction, snapshot);
        // A word in memory names the task that owns it. All else belongs to a process, and any of its threads can use it.
        if object.field("owner").is_none() {
            for group in &mut groups {
                with_threads(group, snapshot);
            }
        }
        let end = facility.other_end(object, &actor.name, direction, snapshot);
        Need { groups, sure: !any && facility.only_they(object, direction, snapshot), end }
    })
}

/// Adds to the members of a group all who share the process of one of them.
fn with_threads(group: &mut Vec<String>, snapshot: &Snapshot) {
    let process = |actor: &'_ Actor| actor.thread_of.clone().unwrap_or_else(|| actor.name.clone());
    for actor in snapshot.actors.iter().filter(|actor| actor.alive()) {
        let Some(first) = &actor.thread_of else { continue };
        let shares = snapshot.actors.iter().any(|other| process(other) == *first && group.contains(&other.name));
        if shares && !group.contains(&actor.name) {
            group.push(actor.name.clone());
        }
    }
    let threads = snapshot.actors.iter().filter(|actor| actor.thread_of.is_some() && group.contains(&actor.name));
    let firsts: Vec<String> = threads.filter_map(|actor| actor.thread_of.clone()).collect();
    for first in firsts {
        if !group.contains(&first) {
            group.push(first);
        }
    }
}

/// All that is wrong in a snapshot, or looks so: first what holds up those who are asleep, what is certain before what is
/// suspicious, and each in the order of the kinds. `graph` is its graph.
pub fn diagnose(snapshot: &Snapshot, graph: &WaitGraph) -> Vec<Finding> {
    // Whoever is awake may do anything, but hardly sends a signal to wake whom nobody waits for, or who is stopped.
    let stopped: HashMap<&str, &str> = snapshot.actors.iter().filter_map(stopped::signal).collect();
    let halted = |actor: &Actor| stopped.contains_key(actor.name.as_str());
    let awake = snapshot.actors.iter().any(|actor| actor.alive() && actor.sleep().is_none() && !halted(actor));
    let timed = graph.waits.iter().any(|wait| wait.timed || wait.direction == "time");
    // A timer goes off by itself, and who tells what else is read or polled without having ends?
    let by_itself =
        |wait: &Wait| matches!(wait.direction.as_str(), "read" | "write" | "be told") && wait.need.end.is_none();
    let comes =
        |wait: &Wait| wait.direction == "time" || by_itself(wait) || (awake || timed) && wait.direction != "signal";
    let names: Vec<&str> = stopped.keys().copied().collect();
    let forsaken = graph.without_hope(&names, comes);
    let sight = Sight { now: snapshot, graph, forsaken: &forsaken, stopped: &stopped };
    let found = |rule: &Rule| {
        let found = (rule.find)(sight);
        debug_assert!(found.iter().all(|finding| finding.kind.word == rule.kind), "a rule finds what it is for");
        found
    };
    let mut all: Vec<Finding> = RULES.iter().flat_map(found).collect();
    all.sort_by_key(|finding| (finding.since_ns.is_empty(), std::cmp::Reverse(finding.certainty)));
    all
}

impl<'a> Sight<'a> {
    /// A finding of that kind about nobody yet; `words` and `next` are what it says.
    fn finding(word: &str, words: String, next: String) -> Finding {
        // Every rule's word is one of the list's; a test compares them.
        let kind = kind(word).unwrap_or(&crate::model::KINDS[0]);
        Finding {
            kind,
            certainty: crate::model::Certainty::Suspicious,
            who: Vec::new(),
            on: Vec::new(),
            words,
            known: Vec::new(),
            next,
            since_ns: Vec::new(),
        }
    }

    /// The object that a wait is on.
    fn object(self, wait: &Wait) -> Option<&'a Object> {
        wait.object.as_deref().and_then(|name| self.now.object(name))
    }

    /// Whether an actor is asleep for good, and whether that is sure.
    fn stuck(self, actor: &str) -> Option<bool> {
        match self.graph.plight(actor)? {
            Plight::Waits => None,
            Plight::Behind { sure } | Plight::Cycle { sure } => Some(sure),
        }
    }

    /// Whether somebody of that name was on stage and has ended.
    fn ended(self, actor: &str) -> bool {
        self.now.actor(actor).is_some_and(|actor| !actor.alive())
    }

    /// Whether no thread of an actor's process lives any more.
    fn process_ended(self, actor: &str) -> bool {
        let same = |other: &&Actor| process_of(&other.name) == process_of(actor);
        let mut all = self.now.actors.iter().filter(same).peekable();
        all.peek().is_some() && all.all(|actor| !actor.alive())
    }

    /// What an actor does, in a few words: `is asleep in read on p`.
    fn does(self, actor: &str) -> String {
        match self.now.actor(actor) {
            Some(Actor { state, .. }) => match state {
                ActorState::Asleep(sleep) => {
                    let on = sleep.on().map(|on| format!(" on {on}")).unwrap_or_default();
                    format!("is asleep in {}{on}", sleep.verb)
                }
                ActorState::Idle => "is idle".to_owned(),
                ActorState::Running { .. } => "runs".to_owned(),
                ActorState::Stopped { signal } => format!("is stopped by {signal}"),
                ActorState::Zombie(_) | ActorState::Dead(_) => "has ended".to_owned(),
            },
            None => "is not on stage".to_owned(),
        }
    }
}

/// So many names are told one by one, and so many members of a cycle with what is known of them.
const FEW: usize = 16;

/// Names in words: `alice`, `alice and bob`, `alice, bob and carol`. Of many the first few.
fn listed<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        many if many.len() > FEW => {
            let first: Vec<&str> = many[..FEW].iter().map(AsRef::as_ref).collect();
            format!("{} and {} more", first.join(", "), many.len() - FEW)
        }
        [] => "nobody".to_owned(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KINDS;

    #[test]
    fn there_is_a_rule_for_each_kind() {
        let rules: Vec<&str> = RULES.iter().map(|rule| rule.kind).collect();
        assert_eq!(rules, KINDS.iter().map(|kind| kind.word).collect::<Vec<_>>());
        for kind in KINDS {
            assert!(kind.title.starts_with(char::is_uppercase) && !kind.doc.ends_with('.'), "{}", kind.word);
        }
    }

    #[test]
    fn an_empty_stage_has_no_trouble() {
        assert_eq!(diagnose(&Snapshot::empty(), &WaitGraph::default()), []);
    }

    #[test]
    fn a_thread_can_write_what_its_process_has_open() {
        use testing::{actor, pipe, reader, stage};
        let thread = |actor: Actor| Actor { thread_of: Some("bob".to_owned()), ..actor };
        let ends = || vec![pipe("p", &[("bob", "read"), ("bob", "write")], 0)];
        let awake = stage(vec![reader("bob", "p", 1), thread(actor("bob.t1"))], ends());
        assert_eq!(testing::found("own-write-end", &awake), [""; 0]);
        let turned = stage(vec![actor("bob"), thread(reader("bob.t1", "p", 1))], ends());
        assert_eq!(testing::found("own-write-end", &turned), [""; 0]);
        let both = stage(vec![reader("bob", "p", 1), thread(reader("bob.t1", "p", 1))], ends());
        assert_eq!(testing::found("own-write-end", &both), ["certain bob bob.t1 on p"]);
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!((listed::<&str>(&[]), listed(&["a"])), ("nobody".to_owned(), "a".to_owned()));
        assert!(listed(&["a"; 200]).ends_with(", a and 184 more"));
        assert_eq!((listed(&["a", "b"]), listed(&["a", "b", "c"])), ("a and b".to_owned(), "a, b and c".to_owned()));
    }
}

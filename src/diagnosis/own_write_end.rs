//! A reader that waits for an end of file which it holds back itself.

use std::collections::HashSet;

use super::{FEW, Sight, listed};
use crate::model::{Certainty, Finding, Known, Wait};

pub(super) const KIND: &str = "own-write-end";

/// Whether an actor's wait is one of this kind.
pub(super) fn explains(sight: Sight<'_>, actor: &str) -> bool {
    sight.graph.of_actor(actor).any(|wait| fits(sight, wait))
}

/// It reads, is one of those who could write, and nobody who could is awake.
fn fits(sight: Sight<'_>, wait: &Wait) -> bool {
    let reads = matches!(wait.direction.as_str(), "read" | "receive");
    reads && sight.stuck(&wait.waiter).is_some() && wait.needs_one(&wait.waiter)
}

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    let mut by_object: Vec<Vec<&Wait>> = Vec::new();
    for wait in sight.graph.waits.iter().filter(|wait| fits(sight, wait)) {
        match by_object.iter_mut().find(|waits| waits[0].object == wait.object) {
            Some(waits) => waits.push(wait),
            None => by_object.push(vec![wait]),
        }
    }
    by_object.iter().map(|waits| of(sight, waits)).collect()
}

/// Those who wait so on one object.
fn of(sight: Sight<'_>, waits: &[&Wait]) -> Finding {
    let wait = waits[0];
    let waiters: Vec<&str> = waits.iter().map(|wait| wait.waiter.as_str()).collect();
    let themselves: HashSet<&str> = waiters.iter().copied().collect();
    let others: Vec<&str> = wait.needs().into_iter().filter(|name| !themselves.contains(name)).collect();
    let (all, on, one) = (listed(&waiters), wait.on(), waiters.len() == 1);
    let words = match (&others[..], one) {
        ([], true) => {
            format!("{all} waits in {} on {on}, and the only one who could write is {all} itself", wait.verb)
        }
        ([], false) => {
            format!("{all} wait in {} on {on}, and all who could write are they themselves", wait.verb)
        }
        (others, _) => format!(
            "{all} {} in {} on {on} with a write end of {} own open, and {}, who could write too, {} as well",
            if one { "waits" } else { "wait" },
            wait.verb,
            if one { "its" } else { "their" },
            listed(others),
            if others.len() == 1 { "is asleep" } else { "are asleep" }
        ),
    };
    let end = |wait: &Wait| own_end(sight, wait).unwrap_or_else(|| "its own end to write to".to_owned());
    let who = if one { all } else { "each of them".to_owned() };
    let which = if one { end(wait) } else { "its own write end".to_owned() };
    let next = format!("{who} should close {which} before it reads: end of file comes when the last writer is gone");
    let mut finding = Sight::finding(KIND, words, next);
    let sure = waiters.iter().all(|waiter| sight.stuck(waiter) == Some(true));
    finding.certainty = if sure { Certainty::Certain } else { Certainty::Suspicious };
    finding.who = waiters.iter().map(ToString::to_string).collect();
    finding.on = wait.object.iter().cloned().collect();
    finding.since_ns = waits.iter().map(|wait| wait.since_ns).collect();
    for wait in waits.iter().take(FEW) {
        let waiter = &wait.waiter;
        finding.known.push(Known::kernel(format!("{waiter} {}", sight.does(waiter))));
        finding.known.push(Known::kernel(format!("{waiter} has {} open", end(wait))));
    }
    for other in others.into_iter().take(FEW) {
        finding.known.push(Known::kernel(format!("{other} {}", sight.does(other))));
    }
    if !sure {
        let may = "somebody else may still come to write: by a name, or by a descriptor on its way";
        finding.known.push(Known::kernel(may));
    }
    finding
}

/// The descriptors by which the waiter could write: `p.w (4)`.
fn own_end(sight: Sight<'_>, wait: &Wait) -> Option<String> {
    let actor = sight.now.actor(&wait.waiter)?;
    let on = wait.object.as_deref();
    let writes = actor.descriptors.iter().filter(|d| d.object.as_deref() == on && d.access.writes());
    let ends: Vec<String> = writes
        .map(|d| match d.names.first() {
            Some(name) => format!("{name} (descriptor {})", d.fd),
            None => format!("descriptor {}", d.fd),
        })
        .collect();
    (!ends.is_empty()).then(|| listed(&ends))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Field;

    #[test]
    fn a_reader_with_the_only_write_end() {
        let now = stage(vec![reader("bob", "p", 1)], vec![pipe("p", &[("bob", "read"), ("bob", "write")], 0)]);
        assert_eq!(found(KIND, &now), ["certain bob on p"]);
        assert_eq!(found("deadlock", &now), [""; 0], "it has a finding of its own");
    }

    #[test]
    fn many_who_read_one_pipe_are_told_together() {
        let ends = [("bob", "read"), ("bob", "write"), ("carol", "read"), ("carol", "write")];
        let now = stage(vec![reader("bob", "p", 1), reader("carol", "p", 2)], vec![pipe("p", &ends, 0)]);
        assert_eq!(found(KIND, &now), ["certain bob carol on p"]);
        let words = &super::super::diagnose(&now, &super::super::graph(&now))[1].words;
        assert_eq!(words, "bob and carol wait in read on p, and all who could write are they themselves");
    }

    #[test]
    fn its_parent_waits_for_it() {
        let pipe = pipe("p", &[("child", "read"), ("child", "write"), ("parent", "write")], 0);
        let now = stage(vec![waiting_parent("parent"), child_of("parent", reader("child", "p", 1))], vec![pipe]);
        assert_eq!(found(KIND, &now), ["certain child on p"]);
    }

    #[test]
    fn while_another_can_write_it_is_normal() {
        let both = [("bob", "read"), ("bob", "write"), ("alice", "write")];
        let now = stage(vec![actor("alice"), reader("bob", "p", 1)], vec![pipe("p", &both, 0)]);
        assert_eq!(found(KIND, &now), [""; 0]);
        let closed = [("bob", "read"), ("alice", "write")];
        let now = stage(vec![actor("alice"), reader("bob", "p", 1)], vec![pipe("p", &closed, 0)]);
        assert_eq!(found(KIND, &now), [""; 0]);
        // Somebody who is not ours.
        let foreign = [("bob", "write"), ("pid 77", "write")];
        assert_eq!(found(KIND, &stage(vec![reader("bob", "p", 1)], vec![pipe("p", &foreign, 0)])), [""; 0]);
    }

    #[test]
    fn what_may_come_from_elsewhere_makes_it_suspicious() {
        // A FIFO has a name.
        let fifo = object("fifo", "box", &[("bob", "read+write")], Vec::new());
        assert_eq!(found(KIND, &stage(vec![reader("bob", "box", 1)], vec![fifo])), ["suspicious bob on box"]);
        // A descriptor lies in a socket's queue.
        let socket = object("unix", "s.0", &[("carol", "read+write")], vec![Field::kernel_int("descriptors", 1)]);
        let pipe = pipe("p", &[("bob", "read"), ("bob", "write")], 0);
        let now = stage(vec![reader("bob", "p", 1), actor("carol")], vec![pipe, socket]);
        assert_eq!(found(KIND, &now), ["suspicious bob on p"]);
    }
}

//! A reader that waits for an end of file which it holds back itself.

use super::{Sight, listed};
use crate::model::{Certainty, Finding, Known, Wait};

pub(super) const KIND: &str = "own-write-end";

/// Whether an actor's wait is one of this kind.
pub(super) fn explains(sight: Sight<'_>, actor: &str) -> bool {
    sight.graph.of_actor(actor).any(|wait| fits(sight, wait))
}

/// It reads, is one of those who could write, and nobody who could is awake.
fn fits(sight: Sight<'_>, wait: &Wait) -> bool {
    let reads = matches!(wait.direction.as_str(), "read" | "receive");
    reads && wait.needs().contains(&wait.waiter.as_str()) && sight.stuck(&wait.waiter).is_some()
}

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    sight.graph.waits.iter().filter(|wait| fits(sight, wait)).map(|wait| of(sight, wait)).collect()
}

fn of(sight: Sight<'_>, wait: &Wait) -> Finding {
    let (waiter, on) = (&wait.waiter, wait.on());
    let others: Vec<&str> = wait.needs().into_iter().filter(|name| name != waiter).collect();
    let words = if others.is_empty() {
        format!("{waiter} waits in {} on {on}, and the only one who could write is {waiter} itself", wait.verb)
    } else {
        format!(
            "{waiter} waits in {} on {on} with a write end of its own open, and {}, who could write too, {} as well",
            wait.verb,
            listed(&others),
            if others.len() == 1 { "is asleep" } else { "are asleep" }
        )
    };
    let end = own_end(sight, wait).unwrap_or_else(|| "its own end to write to".to_owned());
    let mut finding = Sight::finding(
        KIND,
        words,
        format!("{waiter} should close {end} before it reads: end of file comes when the last writer is gone"),
    );
    let sure = sight.stuck(waiter) == Some(true);
    finding.certainty = if sure { Certainty::Certain } else { Certainty::Suspicious };
    finding.who = vec![waiter.clone()];
    finding.on = wait.object.iter().cloned().collect();
    finding.since_ns = vec![wait.since_ns];
    finding.known.push(Known::kernel(format!("{waiter} {}", sight.does(waiter))));
    finding.known.push(Known::kernel(format!("{waiter} has {end} open")));
    for other in others {
        finding.known.push(Known::kernel(format!("{other} {}", sight.does(other))));
    }
    if !sure {
        finding
            .known
            .push(Known::kernel("somebody else may still come to write: by a name, or by a descriptor on its way"));
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

//! A reader that waits for an end of file which it holds back itself.

use std::collections::HashSet;

use super::{FEW, Sight, listed};
use crate::model::{Certainty, Finding, Known, Wait};
use crate::script::process_of;

pub(super) const KIND: &str = "own-write-end";

/// Whether an actor's wait is one of this kind.
pub(super) fn explains(sight: Sight<'_>, actor: &str) -> bool {
    sight.graph.of_actor(actor).any(|wait| fits(sight, wait))
}

/// It reads where an end of file could come, has the end to write to itself, and nobody who has it is going to write:
/// the others read so too, or wait for somebody to end. Who sleeps in anything else may have meant to write after that.
fn fits(sight: Sight<'_>, wait: &Wait) -> bool {
    reads(sight, wait)
        && wait.others().iter().all(|name| {
            let mut waits = sight.graph.of_actor(name);
            waits.all(|other| awaits_an_end(other) || other.object == wait.object && reads(sight, other))
        })
}

fn reads(sight: Sight<'_>, wait: &Wait) -> bool {
    Sight::may_end(wait) && sight.stuck(&wait.waiter).is_some() && wait.needs_one(&wait.waiter)
}

/// Whether somebody's end is what it waits for.
pub(super) fn awaits_an_end(wait: &Wait) -> bool {
    matches!(wait.direction.as_str(), "child" | "join")
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
    let could = sight.deed(wait);
    let words = match (&others[..], one) {
        ([], true) => {
            format!("{all} waits in {} on {on}, and the only one who could {could} is {all} itself", wait.verb)
        }
        ([], false) => {
            format!("{all} wait in {} on {on}, and all who could {could} are they themselves", wait.verb)
        }
        (others, _) => format!(
            "{all} {} in {} on {on}, and besides {} only {} could {could}, who {} for somebody to end",
            if one { "waits" } else { "wait" },
            wait.verb,
            if one { "itself" } else { "themselves" },
            listed(others),
            if others.len() == 1 { "waits" } else { "wait" }
        ),
    };
    let end = |name: &str| sight.ends_of(name, wait).unwrap_or_else(|| "its own end to write to".to_owned());
    // Threads have their descriptors in common.
    let mut seen = HashSet::new();
    let closers = waiters.iter().chain(&others).copied().filter(|name| seen.insert(process_of(name)));
    let closers: Vec<&str> = closers.take(FEW).collect();
    let each: Vec<String> = closers.iter().map(|name| format!("{name} should close {}", end(name))).collect();
    let before = if closers.len() == 1 { "before it reads" } else { "before they sleep" };
    let last = if wait.need.end.as_ref().is_some_and(|end| end.object != on) {
        "the last descriptor of the other end is closed"
    } else {
        "the last writer is gone"
    };
    let next = format!("{} {before}: end of file comes when {last}", listed(&each));
    let mut finding = Sight::finding(KIND, words, next);
    let sure = waiters.iter().all(|waiter| sight.stuck(waiter) == Some(true));
    finding.certainty = if sure { Certainty::Certain } else { Certainty::Suspicious };
    finding.who = waiters.iter().map(ToString::to_string).collect();
    finding.on = wait.object.iter().cloned().collect();
    finding.since_ns = waits.iter().map(|wait| wait.since_ns).collect();
    for name in closers {
        finding.known.push(Known::kernel(format!("{name} {}", sight.does(name))));
        finding.known.push(Known::kernel(format!("{name} has {} open", end(name))));
    }
    if !sure {
        let may = "somebody else may still come to write: by a name, or by a descriptor on its way";
        finding.known.push(Known::kernel(may));
    }
    finding
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
        let words = &super::super::diagnose(&now, &super::super::graph(&now))[0].words;
        assert_eq!(words, "bob and carol wait in read on p, and all who could write to p are they themselves");
    }

    #[test]
    fn its_parent_waits_for_it() {
        let pipe = pipe("p", &[("child", "read"), ("child", "write"), ("parent", "write")], 0);
        let now = stage(vec![waiting_parent("parent"), child_of("parent", reader("child", "p", 1))], vec![pipe]);
        assert_eq!(found(KIND, &now), ["certain child on p"]);
    }

    #[test]
    fn who_asks_and_waits_for_an_answer_has_a_deadlock_and_no_end_of_file_to_wait_for() {
        let ends = [("client", "read"), ("client", "write"), ("server", "read"), ("server", "write")];
        let actors = vec![reader("client", "ans", 1), reader("server", "req", 2)];
        let now = stage(actors, vec![pipe("ans", &ends, 0), pipe("req", &ends, 0)]);
        assert_eq!(found(KIND, &now), [""; 0], "closing it would not help");
        assert_eq!(found("deadlock", &now), ["certain client server on ans req"]);
    }

    #[test]
    fn what_has_no_end_of_file_is_not_read_in_vain_for_that() {
        let counter = object("eventfd", "e", &[("bob", "read+write")], Vec::new());
        let now = stage(vec![reader("bob", "e", 1)], vec![counter]);
        assert_eq!((found(KIND, &now), found("deadlock", &now)), (Vec::new(), vec!["certain bob on e".to_owned()]));
        let queue = object("mq", "q", &[("a", "read+write"), ("b", "read+write")], Vec::new());
        let b = child_of("a", sleeper("b", "mq_receive", Some("q"), "receive", 1));
        let now = stage(vec![waiting_parent("a"), b], vec![queue]);
        assert_eq!((found(KIND, &now), found("deadlock", &now)), (Vec::new(), vec!["suspicious a b on q".to_owned()]));
    }

    /// Both ends of a pair of sockets, that of the reader with the number 3.
    fn pair(kind: &'static str, far: &[(&'static str, &'static str)]) -> Vec<crate::model::Object> {
        let text = |name: &'static str, value: &str| {
            Field::new(name, crate::model::Value::Text(value.to_owned()), crate::model::Evidence::Kernel)
        };
        let end = |name: &'static str, peer: &'static str, holders: &[(&str, &'static str)]| {
            let fields = vec![text("type", kind), text("peer", peer), Field::kernel_int("descriptors", 0)];
            object("unix", name, holders, fields)
        };
        vec![end("t.0", "t.1", &[("bob", "read+write")]), end("t.1", "t.0", far)]
    }

    #[test]
    fn of_two_sockets_it_is_the_peer() {
        let both = [("bob", "read+write")];
        let open = |fd: i32, names: &[&str], object: &str| crate::model::Descriptor {
            fd,
            names: names.iter().map(ToString::to_string).collect(),
            object: Some(object.to_owned()),
            access: crate::model::Access::Both,
            flags: Vec::new(),
            offset: 0,
        };
        let mut bob = sleeper("bob", "recv", Some("t.0"), "receive", 1);
        // The number once was that of another socket's end.
        bob.descriptors = vec![open(3, &["t.0"], "t.0"), open(5, &["s.1", "t.1"], "t.1")];
        let now = stage(vec![bob.clone()], pair("stream", &both));
        assert_eq!(found(KIND, &now), ["certain bob on t.0"]);
        let finding = &super::super::diagnose(&now, &super::super::graph(&now))[0];
        assert!(finding.next.starts_with("bob should close t.1 (descriptor 5) before it reads"), "{}", finding.next);
        assert!(finding.words.ends_with("the only one who could send on t.1 is bob itself"), "{}", finding.words);
        let now = stage(vec![bob.clone(), actor("carol")], pair("seqpacket", &[both[0], ("carol", "read+write")]));
        assert_eq!(found(KIND, &now), [""; 0], "carol may send");
        let now = stage(vec![bob.clone()], pair("datagram", &both));
        assert_eq!((found(KIND, &now), found("deadlock", &now)), (Vec::new(), vec!["certain bob on t.0".to_owned()]));
        // Who has the end that it reads from can shut it down.
        let mut shared = pair("stream", &both);
        let carols = crate::model::Holder { actor: "carol".to_owned(), ..shared[0].holders[0].clone() };
        shared[0].holders.push(carols);
        assert_eq!(found(KIND, &stage(vec![bob, actor("carol")], shared)), ["suspicious bob on t.0"]);
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

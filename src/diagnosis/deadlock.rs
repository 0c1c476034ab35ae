//! A cycle of waits.

use std::collections::HashMap;

use super::{FEW, Sight, listed, own_write_end};
use crate::model::{Certainty, Finding, Known, Plight, Wait};

pub(super) const KIND: &str = "deadlock";

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    let cycles = sight.graph.cycles.iter();
    // Who waits for itself alone as a reader has a finding of its own.
    cycles.filter(|cycle| cycle.len() > 1 || !own_write_end::explains(sight, &cycle[0])).map(|c| of(sight, c)).collect()
}

fn of(sight: Sight<'_>, cycle: &[String]) -> Finding {
    let mut of_actor: HashMap<&str, Vec<&Wait>> = HashMap::new();
    for wait in &sight.graph.waits {
        of_actor.entry(&wait.waiter).or_default().push(wait);
    }
    let waits: Vec<&Wait> = cycle.iter().flat_map(|name| of_actor[name.as_str()].iter().copied()).collect();
    let sure = cycle.iter().all(|name| sight.graph.plight(name) == Some(Plight::Cycle { sure: true }));
    let words = if let [one] = cycle {
        format!("{one} waits for itself in {} on {}", waits[0].verb, waits[0].on())
    } else {
        let told = waits.iter().take(FEW);
        let mut each: Vec<String> =
            told.map(|wait| format!("{} for {} on {}", wait.waiter, wait.needs_in_words(), wait.on())).collect();
        if waits.len() > FEW {
            each.push("and so on".to_owned());
        }
        format!("{} wait for each other: {}", listed(cycle), each.join("; "))
    };
    let mut finding = Sight::finding(KIND, words, next(cycle, &waits));
    finding.certainty = if sure { Certainty::Certain } else { Certainty::Suspicious };
    finding.who = cycle.to_vec();
    for (place, wait) in waits.into_iter().enumerate() {
        if place < FEW {
            finding.known.push(Known::kernel(format!("{} {}", wait.waiter, sight.does(&wait.waiter))));
            finding.known.push(who_could(wait));
        }
        finding.since_ns.push(wait.since_ns);
        if let Some(object) = wait.object.as_ref().filter(|name| !finding.on.contains(name)) {
            finding.on.push(object.clone());
        }
    }
    finding
}

/// Who could end a wait, and whether nobody else could.
fn who_could(wait: &Wait) -> Known {
    let (waiter, needs) = (&wait.waiter, wait.needs_in_words());
    if wait.direction.starts_with("lock") {
        return Known::kernel(format!("{needs} holds the lock that {waiter} asks for on {}", wait.on()));
    }
    if wait.direction == "join" {
        return Known::kernel(format!("{needs} is the thread that {waiter} joins, and has not ended"));
    }
    if wait.object.is_none() {
        return Known::kernel(format!("{needs} is a child of {waiter} and has not ended"));
    }
    if wait.need.sure {
        return Known::kernel(format!(
            "nobody but {needs} can let {waiter} go on: the other end of {} is open nowhere else",
            wait.on()
        ));
    }
    Known::kernel(format!(
        "as far as can be seen, {needs} can let {waiter} go on, and nobody else has {} open",
        wait.on()
    ))
}

fn next(cycle: &[String], waits: &[&Wait]) -> String {
    let locks = waits.iter().filter(|wait| wait.direction.starts_with("lock")).count();
    let first = &cycle[0];
    let suspected = !waits.iter().all(|wait| wait.need.sure);
    if cycle.len() == 1 {
        return format!(
            "{first} must give back what it holds before it asks for it again; a signal or its death ends this"
        );
    }
    if locks == waits.len() {
        return "end one of them, or let one ask with a call that does not wait and give back what it holds; \
                in the program, take the locks in one order everywhere"
            .to_owned();
    }
    if let Some(parent) =
        waits.iter().find(|wait| wait.object.is_none() && matches!(wait.direction.as_str(), "child" | "join"))
    {
        let child = parent.needs_in_words();
        return format!("{} should serve {child} first, and wait for its end only after that", parent.waiter);
    }
    if locks > 0 {
        let holder = waits.iter().find(|wait| !wait.direction.starts_with("lock")).map_or(first, |wait| &wait.waiter);
        return format!("{holder} should not sleep while it holds a lock: let it give the lock back before it waits");
    }
    let more = if suspected { ", unless somebody else comes along" } else { "" };
    format!(
        "one of them must act before it waits: {first} would have to do its part first{more}; ending one frees the rest"
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Snapshot;

    fn two_locks() -> Snapshot {
        let actors =
            vec![sleeper("alice", "flock", Some("g"), "lock", 1), sleeper("bob", "flock", Some("f"), "lock", 2)];
        stage(actors, vec![file("f", vec![lock("alice", &["bob"])]), file("g", vec![lock("bob", &["alice"])])])
    }

    #[test]
    fn two_who_hold_what_the_other_wants() {
        assert_eq!(found(KIND, &two_locks()), ["certain alice bob on g f"]);
    }

    #[test]
    fn a_lock_and_a_pipe() {
        let actors = vec![reader("alice", "p", 1), sleeper("bob", "flock", Some("f"), "lock", 2)];
        let pipe = pipe("p", &[("alice", "read"), ("bob", "write")], 0);
        let now = stage(actors, vec![pipe, file("f", vec![lock("alice", &["bob"])])]);
        assert_eq!(found(KIND, &now), ["certain alice bob on p f"]);
        let finding = &super::super::diagnose(&now, &super::super::graph(&now))[0];
        assert!(finding.next.starts_with("alice should not sleep while it holds a lock"), "{}", finding.next);
    }

    #[test]
    fn what_is_no_deadlock() {
        // The other one is awake.
        let mut now = two_locks();
        now.actors[1] = actor("bob");
        now.objects[0].waiters.clear();
        assert_eq!(found(KIND, &now), [""; 0]);
        // A third one can still write.
        let actors = vec![reader("alice", "p", 1), reader("bob", "q", 1), actor("carol")];
        let pipes = vec![pipe("p", &[("bob", "write"), ("carol", "write")], 0), pipe("q", &[("alice", "write")], 0)];
        assert_eq!(found(KIND, &stage(actors, pipes)), [""; 0]);
        // A call that gives up by itself.
        let mut now = two_locks();
        if let crate::model::ActorState::Asleep(sleep) = &mut now.actors[0].state {
            sleep.deadline_ns = Some(9);
        }
        assert_eq!(found(KIND, &now), [""; 0]);
    }

    #[test]
    fn semaphores_are_only_suspected() {
        let actors = vec![
            sleeper("alice", "sem_wait", Some("s"), "decrease", 1),
            sleeper("bob", "sem_wait", Some("t"), "decrease", 1),
        ];
        let sem = |name| object("semaphore", name, &[("alice", "map"), ("bob", "map")], Vec::new());
        assert_eq!(found(KIND, &stage(actors, vec![sem("s"), sem("t")])), ["suspicious alice bob on s t"]);
    }

    #[test]
    fn somebody_in_the_way_of_its_own_lock() {
        let now = stage(
            vec![sleeper("alice", "flock", Some("f"), "lock", 1)],
            vec![file("f", vec![lock("alice", &["alice"])])],
        );
        assert_eq!(found(KIND, &now), ["certain alice on f"]);
    }

    #[test]
    fn a_parent_that_waits_before_it_reads() {
        let child = child_of("parent", writer("child", "p"));
        let pipe = pipe("p", &[("parent", "read"), ("child", "write")], 65536);
        let now = stage(vec![waiting_parent("parent"), child], vec![pipe]);
        assert_eq!(found(KIND, &now), ["certain parent child on p"]);
    }
}

//! A cycle of waits.

use std::collections::{HashMap, HashSet};

use super::own_write_end::awaits_an_end;
use super::{FEW, Sight, listed, lock_order, own_write_end};
use crate::model::{Certainty, Finding, Known, Plight, Wait};
use crate::script::process_of;

pub(super) const KIND: &str = "deadlock";

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    // Those who hold back an end of file from themselves have a finding of their own.
    let told = |cycle: &&Vec<String>| !cycle.iter().all(|name| own_write_end::explains(sight, name));
    sight.graph.cycles.iter().filter(told).map(|cycle| of(sight, cycle)).collect()
}

fn of(sight: Sight<'_>, cycle: &[String]) -> Finding {
    let mut of_actor: HashMap<&str, Vec<&Wait>> = HashMap::new();
    for wait in &sight.graph.waits {
        of_actor.entry(&wait.waiter).or_default().push(wait);
    }
    let waits: Vec<&Wait> = cycle.iter().flat_map(|name| of_actor[name.as_str()].iter().copied()).collect();
    let sure = cycle.iter().all(|name| sight.graph.plight(name) == Some(Plight::Cycle { sure: true }));
    let words = if let [one] = cycle {
        alone(sight, one, waits[0])
    } else {
        let told = waits.iter().take(FEW);
        let one = |wait: &&Wait| format!("{} for {} to {}", wait.waiter, wait.needs_in_words(), sight.deed(wait));
        let mut each: Vec<String> = told.map(one).collect();
        if waits.len() > FEW {
            each.push("and so on".to_owned());
        }
        format!("{} wait for each other: {}", listed(cycle), each.join("; "))
    };
    let mut finding = Sight::finding(KIND, words, next(sight, cycle, &waits));
    finding.certainty = if sure { Certainty::Certain } else { Certainty::Suspicious };
    finding.who = cycle.to_vec();
    for (place, wait) in waits.into_iter().enumerate() {
        if place < FEW {
            finding.known.push(Known::kernel(format!("{} {}", wait.waiter, sight.does(&wait.waiter))));
            finding.known.push(who_could(sight, wait));
            finding.known.extend(own_end(sight, wait));
        }
        finding.since_ns.push(wait.since_ns);
        if let Some(object) = wait.object.as_ref().filter(|name| !finding.on.contains(name)) {
            finding.on.push(object.clone());
        }
    }
    finding
}

fn locks(wait: &Wait) -> bool {
    wait.direction.starts_with("lock")
}

/// What is wrong with one who waits for itself.
fn alone(sight: Sight<'_>, one: &str, wait: &Wait) -> String {
    let (verb, on, others) = (&wait.verb, wait.on(), wait.others());
    if locks(wait) {
        return format!("{one} waits for itself in {verb} on {on}");
    }
    let deed = sight.deed(wait);
    match &others[..] {
        [] => format!("{one} waits in {verb} on {on}, and the only one who could {deed} is {one} itself"),
        [other] => format!("{one} waits in {verb} on {on}, and but itself only {other} could {deed}, who is stuck too"),
        _ => {
            let others = listed(&others);
            format!("{one} waits in {verb} on {on}, and but itself only {others} could {deed}, who are stuck too")
        }
    }
}

/// Who could end a wait, and whether nobody else could.
fn who_could(sight: Sight<'_>, wait: &Wait) -> Known {
    let (waiter, on, others) = (&wait.waiter, wait.on(), wait.others());
    let needs = if others.is_empty() { waiter.clone() } else { wait.needs_in_words() };
    if locks(wait) {
        return Known::kernel(format!("{needs} holds the lock that {waiter} asks for on {on}"));
    }
    if wait.direction == "join" {
        return Known::kernel(format!("{needs} is the thread that {waiter} joins, and has not ended"));
    }
    if wait.object.is_none() {
        let is = if others.len() == 1 { "is a child" } else { "are the children" };
        let has = if others.len() == 1 { "has" } else { "have" };
        return Known::kernel(format!("{needs} {is} of {waiter} and {has} not ended"));
    }
    let itself = match (others.is_empty(), wait.needs_one(waiter)) {
        (false, true) => format!(", and {waiter} itself,"),
        _ => String::new(),
    };
    let deed = sight.deed(wait);
    if wait.need.sure {
        let open = match &wait.need.end {
            Some(end) if end.closes || end.object != on => format!("the other end of {on} is open nowhere else"),
            _ => format!("{on} is open nowhere else"),
        };
        return Known::kernel(format!("nobody but {needs}{itself} can {deed}: {open}"));
    }
    Known::kernel(format!("as far as can be seen, {needs}{itself} can {deed}, and nobody else"))
}

/// That a reader keeps back by itself what would come if the others ended.
fn own_end(sight: Sight<'_>, wait: &Wait) -> Option<Known> {
    let keeps = Sight::may_end(wait) && wait.needs_one(&wait.waiter) && !wait.others().is_empty();
    let end = sight.ends_of(&wait.waiter, wait).filter(|_| keeps)?;
    let waiter = &wait.waiter;
    Some(Known::kernel(format!("{waiter} has {end} open too: even if the others ended, no end of file would come")))
}

fn next(sight: Sight<'_>, cycle: &[String], waits: &[&Wait]) -> String {
    let count = waits.iter().filter(|wait| locks(wait)).count();
    let first = &cycle[0];
    // What is a word in memory is not given back for the dead.
    let in_memory = |wait: &&&Wait| sight.object(wait).is_some_and(|object| object.field("owner").is_some());
    let stays = waits.iter().filter(|wait| locks(wait)).any(|wait| in_memory(&wait));
    if cycle.len() == 1 {
        let wait = waits[0];
        if !locks(wait) {
            let deed = sight.deed(wait);
            let endless = if Sight::endless(wait) {
                format!("; no end of file ends this, as {} has none", wait.on())
            } else {
                String::new()
            };
            return format!("somebody else must {deed}, or {first} before it waits{endless}");
        }
        let way_out = if stays {
            format!("now only its death ends this, and {} stays locked then", wait.on())
        } else {
            "now a signal with a handler ends this, or its death".to_owned()
        };
        return format!("{first} must give back what it holds before it asks for it again; {way_out}");
    }
    if count == waits.len() && waits.iter().all(|wait| lock_order::asks_for_more(sight, wait)) {
        return "each has the lock for reading and wants it for writing, which none gets while the others read: one of \
                them must give its own back; in the program, take it for writing at once where that may be wanted"
            .to_owned();
    }
    if count == waits.len() {
        let now = if stays {
            "let one ask with a call that does not wait, or not for ever, and give back what it holds if that fails: \
             ending one now does not help, as nobody unlocks for the dead"
        } else {
            "end one of them, or let one ask with a call that does not wait and give back what it holds"
        };
        return format!("{now}; in the program, take the locks in one order everywhere");
    }
    // Whom another one of them waits for, and what for.
    let asked = |name: &str| waits.iter().copied().find(|wait| wait.waiter != name && wait.needs_one(name));
    if waits.iter().all(|wait| awaits_an_end(wait)) {
        return "none of them ends before another one has: one of them must end without waiting for the next"
            .to_owned();
    }
    if let Some(parent) = waits.iter().find(|wait| wait.object.is_none() && awaits_an_end(wait))
        && let Some(asked) = asked(&parent.waiter)
    {
        let (waiter, child, deed) = (&parent.waiter, parent.needs_in_words(), sight.deed(asked));
        let first = format!("{waiter} should {deed} first, and wait for the end of {child} only after that");
        if Sight::endless(asked) {
            return format!("{first}; no end of file ends {}'s wait, as {} has none", asked.waiter, asked.on());
        }
        // Where all who could write only wait for others to end, the end of file may be what is wanted.
        let idle = |name: &&str| *name == asked.waiter || sight.graph.of_actor(name).all(awaits_an_end);
        if !Sight::may_end(asked) || !asked.needs().iter().all(idle) {
            return first;
        }
        let close = |name: &&str| Some(format!("{name} closes {}", sight.ends_of(name, asked)?));
        // Threads have their descriptors in common.
        let mut seen = HashSet::new();
        let needs = asked.needs().into_iter().filter(|name| seen.insert(process_of(name)));
        let all: Option<Vec<String>> = needs.collect::<Vec<_>>().iter().map(close).collect();
        return match all {
            Some(all) => format!("{first}; or, for an end of file, {} before they sleep", listed(&all)),
            None => first,
        };
    }
    if let Some(lock) = waits.iter().find(|wait| locks(wait)) {
        let sleeps = |name: &&str| waits.iter().any(|wait| wait.waiter == *name && !locks(wait));
        let holder = lock.others().into_iter().find(sleeps).unwrap_or(first);
        return format!("{holder} should not sleep while it holds a lock: let it give the lock back before it waits");
    }
    let more = if waits.iter().all(|wait| wait.need.sure) { "" } else { ", unless somebody else comes along" };
    let does = match asked(first) {
        Some(asked) => {
            format!("{first} should {}, which {} waits for, before it waits itself", sight.deed(asked), asked.waiter)
        }
        None => format!("{first} would have to do its part first"),
    };
    // Whoever is left reads an end of file then.
    let frees = waits.iter().all(|wait| Sight::may_end(wait) && wait.needs().len() == 1);
    let frees = if frees { "; ending one frees the rest" } else { "" };
    format!("one of them must act before it waits: {does}{more}{frees}")
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

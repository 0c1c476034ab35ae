//! Sleepers whose wait could be ended by somebody whom a signal has stopped.

use super::{FEW, Sight, listed};
use crate::model::{Actor, ActorState, Finding, Known, Plight, Wait};

pub(super) const KIND: &str = "waits-for-stopped";

/// Whether an actor's wait is one of this kind.
pub(super) fn explains(sight: Sight<'_>, actor: &str) -> bool {
    sight.graph.of_actor(actor).any(|wait| stopped(sight, wait).is_some())
}

/// Of those who must act for a wait to end, the ones who are stopped, if nobody could act in their place.
fn stopped<'a>(sight: Sight<'a>, wait: &'a Wait) -> Option<Vec<&'a str>> {
    let waiter = wait.waiter.as_str();
    if sight.stopped.is_empty()
        || wait.timed
        || sight.graph.plight(waiter) != Some(Plight::Waits)
        || !sight.forsaken.contains(waiter)
    {
        return None;
    }
    let held = |group: &&Vec<String>| group.iter().all(|name| name == waiter || sight.forsaken.contains(name.as_str()));
    let names = wait.need.groups.iter().filter(held).flatten().map(String::as_str);
    let mut stopped: Vec<&str> = names.filter(|name| sight.stopped.contains_key(name)).collect();
    stopped.sort_unstable();
    stopped.dedup();
    (!stopped.is_empty()).then_some(stopped)
}

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    let mut alike: Vec<(Vec<&Wait>, Vec<&str>)> = Vec::new();
    for (wait, by) in sight.graph.waits.iter().filter_map(|wait| Some((wait, stopped(sight, wait)?))) {
        let same = |(waits, others): &&mut (Vec<&Wait>, Vec<&str>)| {
            (&waits[0].object, &waits[0].verb, &**others) == (&wait.object, &wait.verb, &by[..])
        };
        match alike.iter_mut().find(same) {
            Some((waits, _)) => waits.push(wait),
            None => alike.push((vec![wait], by)),
        }
    }
    alike.iter().map(|(waits, by)| of(sight, waits, by)).collect()
}

fn of(sight: Sight<'_>, waits: &[&Wait], by: &[&str]) -> Finding {
    let wait = waits[0];
    let waiters: Vec<&str> = waits.iter().map(|wait| wait.waiter.as_str()).collect();
    let (all, who, deed) = (listed(&waiters), listed(by), sight.deed(wait));
    let (is, does) = if by.len() == 1 { ("is", "does") } else { ("are", "do") };
    let signal = by.iter().find_map(|name| sight.stopped.get(name)).unwrap_or(&"a signal");
    let place = if wait.object.is_some() { "on" } else { "for" };
    let words = format!(
        "{all} {} in {} {place} {}, and {who}, who could {deed}, {is} stopped by {signal} and {does} nothing before SIGCONT",
        if waiters.len() == 1 { "waits" } else { "wait" },
        wait.verb,
        wait.on(),
    );
    let each: Vec<String> = by.iter().take(FEW).map(|name| format!("kill {name} SIGCONT")).collect();
    let next = format!(
        "{} lets {who} go on; who is stopped keeps its locks and has its descriptors open, and only its end gives them \
         back otherwise: kill {} SIGKILL reaches it as it is",
        listed(&each),
        by[0]
    );
    let mut finding = Sight::finding(KIND, words, next);
    finding.who = waiters.iter().chain(by).map(ToString::to_string).collect();
    finding.on = wait.object.iter().cloned().collect();
    finding.since_ns = waits.iter().map(|wait| wait.since_ns).collect();
    let others: Vec<&str> =
        wait.others().into_iter().filter(|name| !by.contains(name) && !waiters.contains(name)).collect();
    for name in waiters.iter().chain(by).chain(&others).take(FEW) {
        finding.known.push(Known::kernel(format!("{name} {}", sight.does(name))));
    }
    finding
}

/// The name and the signal of an actor that is stopped.
pub(super) fn signal(actor: &Actor) -> Option<(&str, &str)> {
    match &actor.state {
        ActorState::Stopped { signal } => Some((&actor.name, signal)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn halted(name: &str) -> Actor {
        Actor { state: ActorState::Stopped { signal: "SIGSTOP".to_owned() }, ..actor(name) }
    }

    const ENDS: [(&str, &str); 2] = [("alice", "read"), ("bob", "write")];

    #[test]
    fn who_is_stopped_does_not_write() {
        // Others may be awake: they have no end to write to.
        let now = stage(vec![reader("alice", "p", 1), halted("bob"), actor("carol")], vec![pipe("p", &ENDS, 0)]);
        assert_eq!(found(KIND, &now), ["suspicious alice bob on p"]);
        let finding = &super::super::diagnose(&now, &super::super::graph(&now))[0];
        assert!(finding.words.contains("bob, who could write to p, is stopped by SIGSTOP"), "{}", finding.words);
        assert!(finding.next.starts_with("kill bob SIGCONT lets bob go on"), "{}", finding.next);
        for other in ["held-write-end", "nobody-comes", "deadlock"] {
            assert_eq!(found(other, &now), [""; 0], "{other}");
        }
    }

    #[test]
    fn who_is_stopped_reads_nothing_and_unlocks_nothing() {
        let full = pipe("p", &[("alice", "write"), ("bob", "read")], 65536);
        let now = stage(vec![writer("alice", "p"), halted("bob")], vec![full]);
        assert_eq!((found(KIND, &now).len(), found("nobody-reads", &now).len()), (1, 0));
        let locker = |name: &str| sleeper(name, "flock", Some("f"), "lock", 1);
        let held = || vec![file("f", vec![lock("bob", &["alice", "carol"])])];
        let now = stage(vec![locker("alice"), locker("carol"), halted("bob")], held());
        assert_eq!(found(KIND, &now), ["suspicious alice carol bob on f"]);
    }

    #[test]
    fn somebody_else_may_do_it() {
        let ends = [ENDS[0], ENDS[1], ("carol", "write")];
        let with = |carol| stage(vec![reader("alice", "p", 1), halted("bob"), carol], vec![pipe("p", &ends, 0)]);
        assert_eq!(found(KIND, &with(actor("carol"))), [""; 0]);
        assert_eq!(found(KIND, &with(sleeper("carol", "pause", None, "signal", 1))), ["suspicious alice bob on p"]);
        assert_eq!(found(KIND, &with(sleeper("carol", "nanosleep", None, "time", 1))), [""; 0]);
        let mut timed = with(halted("carol"));
        assert_eq!(found(KIND, &timed), ["suspicious alice bob carol on p"]);
        if let ActorState::Asleep(sleep) = &mut timed.actors[0].state {
            sleep.deadline_ns = Some(9);
        }
        assert_eq!(found(KIND, &timed), [""; 0]);
    }

    #[test]
    fn who_is_stopped_is_not_awake() {
        // Nobody is going to open the other end, and bob could not.
        let opener = sleeper("alice", "open", Some("x"), "open", 1);
        let now = stage(vec![opener, halted("bob")], vec![object("fifo", "x", &[], Vec::new())]);
        assert_eq!(found("nobody-comes", &now), ["suspicious alice on x"]);
        let words = &super::super::diagnose(&now, &super::super::graph(&now))[0].words;
        assert!(words.ends_with("everybody on stage is asleep or stopped, or has ended"), "{words}");
    }
}

//! Sleepers on a stage where everybody is asleep, and none of them by mutual fault.

use super::{Sight, held_write_end, listed, stopped};
use crate::model::{Finding, Known, Plight, Wait};

pub(super) const KIND: &str = "nobody-comes";

/// It waits for somebody to do something, and there is nobody who is awake or will wake by itself. Who waits for a signal,
/// or for a child, waits for what others are found to hang on.
fn fits(sight: Sight<'_>, wait: &Wait) -> bool {
    let waits =
        sight.graph.plight(&wait.waiter) == Some(Plight::Waits) && sight.forsaken.contains(wait.waiter.as_str());
    let told = held_write_end::explains(sight, &wait.waiter) || stopped::explains(sight, &wait.waiter);
    waits && wait.object.is_some() && !told
}

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    // Who is idle can be ordered to come.
    if sight.now.actors.iter().any(|actor| actor.alive() && !sight.forsaken.contains(actor.name.as_str())) {
        return Vec::new();
    }
    let mut alike: Vec<Vec<&Wait>> = Vec::new();
    for wait in sight.graph.waits.iter().filter(|wait| fits(sight, wait)) {
        let same = |waits: &&mut Vec<&Wait>| (&waits[0].object, &waits[0].verb) == (&wait.object, &wait.verb);
        match alike.iter_mut().find(same) {
            Some(waits) => waits.push(wait),
            None => alike.push(vec![wait]),
        }
    }
    alike.iter().map(|waits| of(sight, waits)).collect()
}

fn of(sight: Sight<'_>, waits: &[&Wait]) -> Finding {
    let (wait, on) = (waits[0], waits[0].on());
    let waiters: Vec<&str> = waits.iter().map(|wait| wait.waiter.as_str()).collect();
    let (all, deed) = (listed(&waiters), sight.deed(wait));
    let others: Vec<&str> = wait.others().into_iter().filter(|name| !waiters.contains(name)).collect();
    let why = match &others[..] {
        [] => {
            let how = if sight.stopped.is_empty() { "asleep" } else { "asleep or stopped" };
            format!("everybody on stage is {how}, or has ended")
        }
        [one] => format!("{one}, who could, {}", sight.does(one)),
        many => format!("{}, who could, are asleep as well", listed(many)),
    };
    let verb = if waiters.len() == 1 { "waits" } else { "wait" };
    let words = format!("{all} {verb} in {} on {on} for somebody to {deed}, and {why}", wait.verb);
    let why = match wait.direction.as_str() {
        "open" => {
            "; processes that open several FIFOs must open them in the same order, or with O_RDWR or O_NONBLOCK, which \
             do not wait"
        }
        "be signalled" => {
            "; a signal that nobody waited for has left no trace, so wait only after a look, with the mutex held, that \
             what you wait for is not there yet"
        }
        _ => "",
    };
    let next = if wait.need.sure && !others.is_empty() {
        let who = listed(&others);
        format!(
            "nobody but {who} can {deed}: wake {who} with a signal; in the program, {deed} before such a sleep{why}"
        )
    } else {
        format!("somebody must {deed}: spawn an actor for it, or wake one who can with a signal{why}")
    };
    let mut finding = Sight::finding(KIND, words, next);
    finding.who = waiters.iter().map(ToString::to_string).collect();
    finding.on = wait.object.iter().cloned().collect();
    finding.since_ns = waits.iter().map(|wait| wait.since_ns).collect();
    for name in waiters.iter().chain(&others).take(super::FEW) {
        finding.known.push(Known::kernel(format!("{name} {}", sight.does(name))));
    }
    finding
        .known
        .push(Known::kernel("nobody on stage is awake, and no call that somebody sleeps in gives up by itself"));
    finding
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::{Actor, ActorState};

    fn opener(name: &str, fifo: &str) -> Actor {
        let mut actor = sleeper(name, "open", Some(fifo), "open", 1);
        if let ActorState::Asleep(sleep) = &mut actor.state {
            sleep.args = format!("\"{fifo}\", O_WRONLY");
        }
        actor
    }

    fn fifo(name: &str) -> crate::model::Object {
        object("fifo", name, &[], Vec::new())
    }

    #[test]
    fn two_fifos_opened_the_wrong_way_round() {
        let now = stage(vec![opener("p", "x"), opener("q", "y")], vec![fifo("x"), fifo("y")]);
        assert_eq!(found(KIND, &now), ["suspicious p on x", "suspicious q on y"]);
        let words = &super::super::diagnose(&now, &super::super::graph(&now))[0].words;
        assert!(words.contains("for somebody to open x for reading"), "{words}");
    }

    #[test]
    fn who_is_idle_may_be_ordered_to_come() {
        for other in [actor("q"), sleeper("q", "nanosleep", None, "time", 1)] {
            assert_eq!(found(KIND, &stage(vec![opener("p", "x"), other], vec![fifo("x")])), [""; 0]);
        }
        assert_eq!(found(KIND, &stage(vec![opener("p", "x"), dead("q")], vec![fifo("x")])), ["suspicious p on x"]);
    }

    #[test]
    fn a_signal_that_came_too_early() {
        let alice = sleeper("alice", "pthread_cond_wait", Some("c"), "be signalled", 1);
        let bob = sleeper("bob", "pause", None, "signal", 1);
        let cond = || object("cond", "c", &[("alice", "map"), ("bob", "map")], Vec::new());
        let now = stage(vec![alice.clone(), bob], vec![cond()]);
        assert_eq!(found(KIND, &now), ["suspicious alice on c"]);
        assert_eq!(found(KIND, &stage(vec![alice, actor("bob")], vec![cond()])), [""; 0]);
    }
}

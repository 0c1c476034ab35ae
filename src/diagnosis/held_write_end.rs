//! A reader that waits for an end of file which somebody holds back who sleeps in something else.

use super::{FEW, Sight, listed, stopped};
use crate::model::{Finding, Known, Plight, Wait};

pub(super) const KIND: &str = "held-write-end";

/// Whether an actor's wait is one of this kind.
pub(super) fn explains(sight: Sight<'_>, actor: &str) -> bool {
    sight.graph.of_actor(actor).any(|wait| fits(sight, wait))
}

/// It reads where an end of file could come, and all the others who hold it back sleep where nobody on stage is bound to
/// wake them: for a signal, or for somebody who is not there.
fn fits(sight: Sight<'_>, wait: &Wait) -> bool {
    let alone = sight.graph.of_actor(&wait.waiter).count() == 1;
    if !alone || !Sight::may_end(wait) || sight.graph.plight(&wait.waiter) != Some(Plight::Waits) {
        return false;
    }
    let others = wait.others();
    let asleep = !stopped::explains(sight, &wait.waiter);
    asleep && !others.is_empty() && others.iter().all(|name| sight.forsaken.contains(name))
}

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    sight.graph.waits.iter().filter(|wait| fits(sight, wait)).map(|wait| of(sight, wait)).collect()
}

fn of(sight: Sight<'_>, wait: &Wait) -> Finding {
    let (waiter, on, others) = (&wait.waiter, wait.on(), wait.others());
    let told = &others[..others.len().min(FEW)];
    let end = |name: &str| sight.ends_of(name, wait).unwrap_or_else(|| "an end to write to".to_owned());
    let held: Vec<String> = told.iter().map(|name| format!("{name} still has {} open", end(name))).collect();
    let more = others.len() - told.len();
    let more = if more > 0 { format!(", and {more} more have one") } else { String::new() };
    let last = if others.len() == 1 { "it closes that" } else { "all of them close these" };
    let own = if wait.needs_one(waiter) { format!(", and {waiter} its own") } else { String::new() };
    let words = format!(
        "{waiter} waits in {} on {on}, and {}{more}: there is no end of file before {last}{own}",
        wait.verb,
        held.join("; ")
    );
    let close: Vec<String> = told.iter().map(|name| format!("{name} should close {}", end(name))).collect();
    let own = match sight.ends_of(waiter, wait).filter(|_| wait.needs_one(waiter)) {
        Some(end) => format!(", and {waiter} {end}"),
        None => String::new(),
    };
    let next = format!(
        "if nothing is to be written any more, {}{own}: in a program right after the fork, which copies whatever is open; \
         now {} asleep, and a signal that ends {} closes it too",
        close.join(", "),
        if others.len() == 1 { format!("{} is", others[0]) } else { "they are".to_owned() },
        if others.len() == 1 { "it" } else { "them" },
    );
    let mut finding = Sight::finding(KIND, words, next);
    finding.who = std::iter::once(waiter.clone()).chain(others.iter().map(ToString::to_string)).collect();
    finding.on = vec![on.to_owned()];
    finding.since_ns = vec![wait.since_ns];
    finding.known.push(Known::kernel(format!("{waiter} {}", sight.does(waiter))));
    for name in told {
        finding.known.push(Known::kernel(format!("{name} {}", sight.does(name))));
        finding.known.push(Known::kernel(format!("{name} has {} open", end(name))));
        let parent = sight.now.actor(name).and_then(|actor| actor.parent.as_deref());
        if let Some(parent) = parent.filter(|parent| sight.process_ended(parent)) {
            let words = format!("{name} was forked by {parent}, which has ended: a fork copies whatever is open");
            finding.known.push(Known::records(words));
        }
    }
    finding.known.push(Known::kernel(format!("{} could still write, if woken", listed(told))));
    finding
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::{Actor, ActorState, Death};

    const ENDS: [(&str, &str); 2] = [("alice", "read"), ("carol", "write")];

    fn paused(name: &str) -> Actor {
        sleeper(name, "pause", None, "signal", 1)
    }

    #[test]
    fn a_grandchild_that_was_forgotten() {
        let bob = Actor { state: ActorState::Zombie(Death::Exited(0)), ..child_of("alice", actor("bob")) };
        let actors = vec![reader("alice", "p", 2), bob, child_of("bob", paused("carol"))];
        let now = stage(actors, vec![pipe("p", &ENDS, 0)]);
        assert_eq!(found(KIND, &now), ["suspicious alice carol on p"]);
        let all = super::super::diagnose(&now, &super::super::graph(&now));
        let kinds: Vec<&str> = all.iter().map(|finding| finding.kind.word).collect();
        assert_eq!(kinds, [KIND, "zombie"], "who sleeps comes first");
        assert!(all[0].known.iter().any(|known| known.words.contains("forked by bob")), "{:#?}", all[0]);
    }

    #[test]
    fn who_is_awake_or_will_be_may_write() {
        let with = |carol| stage(vec![reader("alice", "p", 2), carol], vec![pipe("p", &ENDS, 0)]);
        assert_eq!(found(KIND, &with(actor("carol"))), [""; 0]);
        assert_eq!(found(KIND, &with(sleeper("carol", "nanosleep", None, "time", 1))), [""; 0]);
        // A line of two pipes, at whose head somebody is awake.
        let ends = [("carol", "read"), ("dora", "write")];
        let line = |dora| {
            let actors = vec![reader("alice", "p", 2), reader("carol", "q", 1), dora];
            stage(actors, vec![pipe("p", &ENDS, 0), pipe("q", &ends, 0)])
        };
        assert_eq!(found(KIND, &line(actor("dora"))), [""; 0]);
        let both = ["suspicious alice carol on p", "suspicious carol dora on q"];
        assert_eq!(found(KIND, &line(paused("dora"))), both);
    }

    #[test]
    fn where_no_end_of_file_comes_nobody_holds_it_back() {
        let queue = object("mq", "q", &[("alice", "read"), ("carol", "read+write")], Vec::new());
        let alice = sleeper("alice", "mq_receive", Some("q"), "receive", 1);
        assert_eq!(found(KIND, &stage(vec![alice, paused("carol")], vec![queue])), [""; 0]);
    }
}

//! Locks that are taken in one order here and in another there.

use super::{Sight, listed};
use crate::model::{Certainty, Fact, Finding, Known, Plight, Value, Wait};
use crate::script::process_of;

pub(super) const KIND: &str = "lock-order";

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sight.graph.cycles.iter().filter_map(|cycle| asleep(sight, cycle)).collect();
    // What has come to a deadlock need not be suspected too.
    let told: Vec<Vec<String>> = findings.iter().map(|f| f.who.clone()).collect();
    findings.extend(recorded(sight).filter(|f| !told.iter().any(|who| f.who.iter().all(|name| who.contains(name)))));
    findings
}

/// A cycle of waits for locks: each has one and wants the next one's.
fn asleep(sight: Sight<'_>, cycle: &[String]) -> Option<Finding> {
    let waits: Vec<_> = cycle.iter().filter_map(|name| sight.graph.of_actor(name).next()).collect();
    let asks = |wait: &&Wait| wait.direction.starts_with("lock") && !asks_for_more(sight, wait);
    if cycle.len() < 2 || !waits.iter().all(asks) {
        return None;
    }
    let words = format!("{} each hold a lock that the one before asks for", listed(cycle));
    let next = "give the locks an order, such as that of their names or offsets, and let everybody take them in it; \
                who needs one that comes earlier gives back the later ones first";
    let mut finding = Sight::finding(KIND, words, next.to_owned());
    let sure = cycle.iter().all(|name| sight.graph.plight(name) == Some(Plight::Cycle { sure: true }));
    finding.certainty = if sure { Certainty::Certain } else { Certainty::Suspicious };
    finding.who = cycle.to_vec();
    for wait in &waits {
        let holds = format!("{} holds what {} asks for on {}", wait.needs_in_words(), wait.waiter, wait.on());
        finding.known.push(Known::kernel(holds));
        finding.since_ns.push(wait.since_ns);
        if let Some(object) = wait.object.as_ref().filter(|name| !finding.on.contains(name)) {
            finding.on.push(object.clone());
        }
    }
    for fact in &sight.now.facts {
        if let Fact::Took { actor, object, what } = fact
            && cycle.contains(actor)
        {
            finding.known.push(Known::records(format!("{actor} has taken {}", named(object, what))));
        }
    }
    Some(finding)
}

/// Whether it asks for more of what it has, as two readers do who both want to write: they took no two locks.
pub(super) fn asks_for_more(sight: Sight<'_>, wait: &Wait) -> bool {
    let Some(object) = sight.object(wait) else { return false };
    let waiter = process_of(&wait.waiter);
    let text = |value: &Value, part: &str| value.part(part).and_then(Value::as_text).map(str::to_owned);
    let span = |value: &Value| {
        let number = |part: &str| value.part(part).and_then(Value::as_int);
        (number("start").unwrap_or(0), number("end").unwrap_or(i64::MAX))
    };
    let locks = object.value("locks").as_list();
    let waits = locks.iter().filter_map(|lock| lock.part("waits")).flat_map(Value::as_list);
    let asked: Vec<&Value> = waits.filter(|value| text(value, "actor").as_deref() == Some(&wait.waiter)).collect();
    let owns = |lock: &&Value| {
        text(lock, "owner").is_some_and(|owners| owners.split(", ").any(|owner| process_of(owner) == waiter))
    };
    // A lock of a whole file and one of a range are two, which do not meet.
    let meets = |lock: &Value| {
        let (from, to) = span(lock);
        asked.iter().any(|wait| text(wait, "kind") == text(lock, "kind") && span(wait).0 < to && from < span(wait).1)
    };
    let reads = object.value("reading").as_list().iter().any(|name| name.as_text() == Some(&wait.waiter));
    reads || locks.iter().filter(owns).any(meets)
}

fn named(object: &str, what: &str) -> String {
    if what.is_empty() { object.to_owned() } else { format!("{object} {what}") }
}

/// Two who took the same two locks in different orders, at whatever times. They need not have met.
fn recorded(sight: Sight<'_>) -> impl Iterator<Item = Finding> {
    let orders = sight.now.facts.iter().filter_map(|fact| match fact {
        Fact::Order { actor, first, then } => Some((actor, first, then)),
        _ => None,
    });
    let orders: Vec<(&String, &String, &String)> = orders.collect();
    let mut pairs = Vec::new();
    for (place, (one, first, then)) in orders.iter().enumerate() {
        let turned = orders[place + 1..].iter().find(|(other, f, t)| other != one && f == then && t == first);
        if let Some((other, ..)) = turned {
            pairs.push((*one, *other, *first, *then));
        }
    }
    pairs.into_iter().map(|(one, other, first, then)| {
        let words = format!("{one} took {first} before {then}, {other} the other way round: one day they will meet");
        let next = format!("let both take {first} before {then}, or both the other way round");
        let mut finding = Sight::finding(KIND, words, next);
        finding.who = vec![one.clone(), other.clone()];
        for lock in [first, then] {
            let object = lock.split(' ').next().unwrap_or(lock).to_owned();
            if !finding.on.contains(&object) {
                finding.on.push(object);
            }
        }
        for (who, held, asked) in [(one, first, then), (other, then, first)] {
            finding.known.push(Known::records(format!("{who} asked for {asked} while it held {held}")));
        }
        finding
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Snapshot;

    fn order(actor: &str, first: &str, then: &str) -> Fact {
        Fact::Order { actor: actor.to_owned(), first: first.to_owned(), then: then.to_owned() }
    }

    fn with(facts: Vec<Fact>) -> Snapshot {
        Snapshot { facts, ..stage(vec![actor("alice"), actor("bob")], Vec::new()) }
    }

    #[test]
    fn each_sleeps_on_the_others_lock() {
        let actors =
            vec![sleeper("alice", "flock", Some("g"), "lock", 1), sleeper("bob", "flock", Some("f"), "lock", 2)];
        let files = vec![file("f", vec![lock("alice", &["bob"])]), file("g", vec![lock("bob", &["alice"])])];
        let mut now = stage(actors, files);
        assert_eq!(found(KIND, &now), ["certain alice bob on g f"]);
        now.facts = vec![order("alice", "f", "g"), order("bob", "g", "f")];
        assert_eq!(found(KIND, &now), ["certain alice bob on g f"], "once is enough");
    }

    #[test]
    fn orders_that_have_not_met_are_suspicious() {
        let now = with(vec![order("alice", "f 0..10", "g flock"), order("bob", "g flock", "f 0..10")]);
        assert_eq!(found(KIND, &now), ["suspicious alice bob on f g"]);
    }

    #[test]
    fn one_order_or_one_actor_is_normal() {
        assert_eq!(found(KIND, &with(vec![order("alice", "f", "g"), order("bob", "f", "g")])), [""; 0]);
        assert_eq!(found(KIND, &with(vec![order("alice", "f", "g"), order("alice", "g", "f")])), [""; 0]);
    }

    #[test]
    fn a_lock_and_a_pipe_have_no_order() {
        let actors = vec![reader("alice", "p", 1), sleeper("bob", "flock", Some("f"), "lock", 2)];
        let pipe = pipe("p", &[("alice", "read"), ("bob", "write")], 0);
        assert_eq!(found(KIND, &stage(actors, vec![pipe, file("f", vec![lock("alice", &["bob"])])])), [""; 0]);
    }
}

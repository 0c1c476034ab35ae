//! Semaphores that were taken from by somebody who then died.

use super::{Sight, listed};
use crate::model::{Fact, Finding, Known, Object};

pub(super) const KIND: &str = "dead-holder";

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    sight.now.objects.iter().filter_map(|object| of(sight, object)).collect()
}

fn of(sight: Sight<'_>, object: &Object) -> Option<Finding> {
    let waiters: Vec<&str> =
        object.waiters.iter().filter(|w| w.direction == "decrease").map(|w| w.actor.as_str()).collect();
    let first = object.waiters.iter().find(|w| w.direction == "decrease")?;
    let units = |fact: &'_ Fact| match fact {
        Fact::Units { object: of, units, .. } if *of == object.name => Some(*units),
        _ => None,
    };
    // What others have added need not come back: a queue of jobs is worked off by those who take and never give.
    let missing: i64 = sight.now.facts.iter().filter_map(units).sum();
    let holders: Vec<(&str, i64)> = sight
        .now
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Units { actor, .. } => Some((actor.as_str(), units(fact).filter(|n| *n > 0)?)),
            _ => None,
        })
        .collect();
    if missing <= 0 || holders.is_empty() || !holders.iter().all(|(actor, _)| sight.ended(actor)) {
        return None;
    }
    let (name, dead): (&str, Vec<&str>) = (&object.name, holders.iter().map(|(actor, _)| *actor).collect());
    let words = format!(
        "{} {} for {name}, and {}, who took from it last, died without giving back",
        listed(&waiters),
        if waiters.len() == 1 { "waits" } else { "wait" },
        listed(&dead)
    );
    let next = format!(
        "a semaphore has no owner, so nobody gives back for the dead: somebody must post {name}, after a look at what \
         {} left half done; a System V semaphore with SEM_UNDO, a lock of a file or a robust mutex would have told",
        listed(&dead)
    );
    let mut finding = Sight::finding(KIND, words, next);
    finding.who = waiters.iter().chain(&dead).map(ToString::to_string).collect();
    finding.on = vec![name.to_owned()];
    finding.since_ns = vec![first.since_ns];
    finding.known = holders
        .iter()
        .map(|(actor, units)| {
            let times = if *units == 1 { String::new() } else { format!(" {units} times") };
            Known::records(format!("{actor} took from {name}{times} and did not give back"))
        })
        .collect();
    finding.known.push(Known::kernel(format!("{} ended", listed(&dead))));
    finding.known.push(Known::kernel(format!(
        "{} {} asleep on it",
        listed(&waiters),
        if waiters.len() == 1 { "is" } else { "are" }
    )));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::{Actor, Snapshot};

    fn with(actors: Vec<Actor>, units: &[(&str, i64)]) -> Snapshot {
        let fact = |(actor, units): &(&str, i64)| Fact::Units {
            actor: (*actor).to_owned(),
            object: "s".to_owned(),
            units: *units,
        };
        let semaphore = object("semaphore", "s", &[("bob", "map")], Vec::new());
        Snapshot { facts: units.iter().map(fact).collect(), ..stage(actors, vec![semaphore]) }
    }

    fn waiter(name: &str) -> Actor {
        sleeper(name, "sem_wait", Some("s"), "decrease", 1)
    }

    #[test]
    fn the_last_holder_is_dead() {
        let now = with(vec![dead("alice"), waiter("bob")], &[("alice", 1)]);
        assert_eq!(found(KIND, &now), ["suspicious bob alice on s"]);
    }

    #[test]
    fn a_living_holder_may_give_back() {
        let now = with(vec![dead("alice"), actor("carol"), waiter("bob")], &[("alice", 1), ("carol", 1)]);
        assert_eq!(found(KIND, &now), [""; 0]);
    }

    #[test]
    fn who_took_what_another_made_owes_nothing() {
        let now = with(vec![dead("worker"), actor("maker"), waiter("bob")], &[("worker", 3), ("maker", -3)]);
        assert_eq!(found(KIND, &now), [""; 0]);
    }

    #[test]
    fn without_a_waiter_nobody_suffers() {
        assert_eq!(found(KIND, &with(vec![dead("alice"), actor("bob")], &[("alice", 1)])), [""; 0]);
    }
}

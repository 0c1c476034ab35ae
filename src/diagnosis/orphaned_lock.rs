//! Locks whose taker has ended.

use super::{Sight, listed};
use crate::model::{Certainty, Fact, Finding, Known, Object, Value};

pub(super) const KIND: &str = "orphaned-lock";

/// The locks of an object: the kind of each, and who holds it.
pub(super) fn owners(object: &Object) -> impl Iterator<Item = (&str, Vec<&str>)> {
    object.value("locks").as_list().iter().filter_map(|lock| {
        let text = |part: &str| lock.part(part).and_then(Value::as_text);
        Some((text("kind")?, text("owner")?.split(", ").collect()))
    })
}

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    let inherited = sight.now.facts.iter().filter_map(|fact| inherited(sight, fact));
    let in_memory = |object| owned_by_the_dead(sight, object).or_else(|| read_by_the_dead(sight, object));
    inherited.chain(sight.now.objects.iter().filter_map(in_memory)).collect()
}

/// A lock that goes with an open file description, which others have inherited: it outlives who took it.
fn inherited(sight: Sight<'_>, fact: &Fact) -> Option<Finding> {
    let Fact::Took { actor: taker, object, .. } = fact else { return None };
    if !sight.ended(taker) {
        return None;
    }
    let file = sight.now.object(object)?;
    let took = |name: &&str| {
        let fits = |fact: &Fact| matches!(fact, Fact::Took { actor, object: o, .. } if actor == name && o == object);
        sight.now.facts.iter().any(fits)
    };
    // Whoever holds it must have it from somebody: nobody of them has taken a lock here.
    let (kind, heirs) = owners(file).find(|(kind, names)| *kind != "posix" && !names.iter().any(took))?;
    let words = format!(
        "{taker} took the {kind} lock on {object} and has ended; {} still {} it, with the descriptor that it inherited",
        listed(&heirs),
        if heirs.len() == 1 { "holds" } else { "hold" }
    );
    let next = format!(
        "{} must close that descriptor, or unlock through it; in the program, open such a file with O_CLOEXEC and close \
         it in children that don't need it",
        listed(&heirs)
    );
    let mut finding = Sight::finding(KIND, words, next);
    finding.certainty = Certainty::Certain;
    finding.who = std::iter::once(taker.as_str()).chain(heirs.iter().copied()).map(str::to_owned).collect();
    finding.on = vec![object.clone()];
    finding.known = vec![
        Known::records(format!("{taker} took it, and gave nothing back")),
        Known::kernel(format!("{taker} has ended")),
        Known::kernel(format!("{} has it by a descriptor of the same open file description", listed(&heirs))),
    ];
    tell_waiters(file, &mut finding);
    Some(finding)
}

/// A lock that is a word in memory, and names somebody who is no more.
fn owned_by_the_dead(sight: Sight<'_>, object: &Object) -> Option<Finding> {
    let owner = object.value("owner").as_text()?;
    let held = sight.ended(owner) && object.waiters.iter().any(|waiter| waiter.direction.starts_with("lock"));
    if !held {
        return None;
    }
    let name = &object.name;
    let words = format!("{owner} ended while it held {name}, and nobody else may give it back");
    let next =
        format!("nobody can give {name} back for {owner}, and those who wait now wait for ever; {}", robust(object));
    let mut finding = Sight::finding(KIND, words, next);
    finding.certainty = Certainty::Certain;
    finding.who = object.waiters.iter().map(|w| w.actor.clone()).chain([owner.to_owned()]).collect();
    finding.on = vec![name.clone()];
    finding.known =
        vec![Known { words: format!("{name} names {owner} as its owner"), evidence: object.evidence("owner") }];
    finding.known.push(Known::kernel(format!("{owner} has ended")));
    tell_waiters(object, &mut finding);
    Some(finding)
}

/// A lock in memory that counts its readers, one of whom is no more. The count names nobody, so it is our records that do.
fn read_by_the_dead(sight: Sight<'_>, object: &Object) -> Option<Finding> {
    let count = object.int("readers")?;
    let mut dead: Vec<&str> = object.value("reading").as_list().iter().filter_map(Value::as_text).collect();
    dead.retain(|reader| sight.ended(reader));
    dead.sort_unstable();
    dead.dedup();
    let waits = object.waiters.iter().any(|waiter| waiter.direction.starts_with("lock"));
    if dead.is_empty() || !waits {
        return None;
    }
    let (name, readers, have) = (&object.name, listed(&dead), if dead.len() == 1 { "has" } else { "have" });
    let words = format!("{readers} ended while reading under {name}, and nobody else may give that back");
    let next = format!(
        "nobody can give {name} back for {readers}: whoever wants it for writing now waits for ever, and readers that \
         let a writer go first do too; {}",
        robust(object)
    );
    let mut finding = Sight::finding(KIND, words, next);
    finding.who = object.waiters.iter().map(|w| w.actor.as_str()).chain(dead).map(str::to_owned).collect();
    finding.on = vec![name.clone()];
    finding.known = vec![
        Known { words: format!("{name} counts {count} locked for reading"), evidence: object.evidence("readers") },
        Known {
            words: format!("{readers} locked it for reading and did not unlock: the count alone names nobody"),
            evidence: object.evidence("reading"),
        },
        Known::kernel(format!("{readers} {have} ended")),
    ];
    tell_waiters(object, &mut finding);
    Some(finding)
}

/// What would have told the next one.
fn robust(object: &Object) -> &'static str {
    if object.field("readers").is_some() {
        "no read-write lock can be robust: where holders may die, use a mutex that is (PTHREAD_MUTEX_ROBUST), or a lock on \
         a file, which goes with its holder"
    } else {
        "a mutex that is robust (PTHREAD_MUTEX_ROBUST) gives EOWNERDEAD to the next one, who repairs the data and calls \
         pthread_mutex_consistent"
    }
}

fn tell_waiters(object: &Object, finding: &mut Finding) {
    let waiters: Vec<&str> = object.waiters.iter().map(|w| w.actor.as_str()).collect();
    if !waiters.is_empty() {
        let wait = if waiters.len() == 1 { "waits" } else { "wait" };
        finding.known.push(Known::kernel(format!("{} {wait} for it", listed(&waiters))));
    }
    finding.since_ns = object.waiters.iter().map(|w| w.since_ns).collect();
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::{Field, Snapshot};

    fn took(actor: &str) -> Fact {
        Fact::Took { actor: actor.to_owned(), object: "f".to_owned(), what: "flock".to_owned() }
    }

    fn with(facts: Vec<Fact>, actors: Vec<crate::model::Actor>, owner: &str) -> Snapshot {
        Snapshot { facts, ..stage(actors, vec![file("f", vec![lock(owner, &[])])]) }
    }

    #[test]
    fn a_child_keeps_the_lock_of_its_dead_parent() {
        let now = with(vec![took("alice")], vec![dead("alice"), actor("bob")], "bob");
        assert_eq!(found(KIND, &now), ["certain alice bob on f"]);
    }

    #[test]
    fn a_lock_of_the_living_is_no_orphan() {
        let shared = with(vec![took("alice")], vec![actor("alice"), actor("bob")], "alice, bob");
        assert_eq!(found(KIND, &shared), [""; 0]);
        // The dead one's lock has gone with it, and another has taken its own.
        let taken = with(vec![took("alice"), took("bob")], vec![dead("alice"), actor("bob")], "bob");
        assert_eq!(found(KIND, &taken), [""; 0]);
    }

    #[test]
    fn a_mutex_of_the_dead() {
        let mutex = |owner: &str| {
            let owner = Field::new("owner", Value::Text(owner.to_owned()), crate::model::Evidence::Kernel);
            object("mutex", "m", &[], vec![owner])
        };
        let actors = || vec![dead("alice"), actor("carol"), sleeper("bob", "pthread_mutex_lock", Some("m"), "lock", 1)];
        assert_eq!(found(KIND, &stage(actors(), vec![mutex("alice")])), ["certain bob alice on m"]);
        assert_eq!(found(KIND, &stage(actors(), vec![mutex("carol")])), [""; 0]);
        assert_eq!(found(KIND, &stage(vec![dead("alice")], vec![mutex("alice")])), [""; 0], "nobody waits");
    }

    #[test]
    fn a_reader_that_is_no_more() {
        let text = |name: &str| Value::Text(name.to_owned());
        let lock = |reading: Value| {
            let reading = Field::new("reading", reading, crate::model::Evidence::Mirror);
            let owner = Field::new("owner", text("nobody"), crate::model::Evidence::Kernel);
            vec![object("rwlock", "r", &[], vec![Field::kernel_int("readers", 1), owner, reading])]
        };
        let carol = || sleeper("carol", "pthread_rwlock_wrlock", Some("r"), "lock for writing", 1);
        let by = |name: &str| lock(Value::List(vec![text(name)]));
        let now = stage(vec![dead("alice"), actor("bob"), carol()], by("alice"));
        assert_eq!(found(KIND, &now), ["suspicious carol alice on r"], "names come from our records");
        let finding = &super::super::diagnose(&now, &super::super::graph(&now))[0];
        assert!(finding.next.contains("no read-write lock can be robust"), "{}", finding.next);
        assert!(finding.known.iter().any(|known| known.evidence == crate::model::Evidence::Mirror), "{finding:#?}");
        assert_eq!(found(KIND, &stage(vec![dead("alice"), actor("bob"), carol()], by("bob"))), [""; 0]);
        assert_eq!(
            found(KIND, &stage(vec![dead("alice"), carol()], lock(Value::Nothing))),
            [""; 0],
            "nobody knows who"
        );
        assert_eq!(found(KIND, &stage(vec![dead("alice"), actor("bob")], by("alice"))), [""; 0], "nobody waits");
    }
}

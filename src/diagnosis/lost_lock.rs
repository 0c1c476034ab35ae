//! Record locks that went with the close of another descriptor.

use super::{Sight, orphaned_lock::owners};
use crate::model::{Certainty, Fact, Finding, Known};

pub(super) const KIND: &str = "lost-lock";

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    sight.now.facts.iter().filter_map(|fact| of(sight, fact)).collect()
}

fn of(sight: Sight<'_>, fact: &Fact) -> Option<Finding> {
    let Fact::Lost { actor, object, what, call } = fact else { return None };
    let file = sight.now.object(object)?;
    // It has died, or has taken a lock again.
    if sight.ended(actor) || owners(file).any(|(_, names)| names.contains(&actor.as_str())) {
        return None;
    }
    let words =
        format!("{actor} has lost its lock on {object} {what}: {call} closed another descriptor of the same file");
    let next = format!(
        "open the file once in a process and keep that descriptor; or lock with F_OFD_SETLK or flock, which go with the \
         descriptor and not with the process; now {actor} must lock again, and check what it wrote meanwhile"
    );
    let mut finding = Sight::finding(KIND, words, next);
    finding.certainty = Certainty::Certain;
    finding.who = vec![actor.clone()];
    finding.on = vec![object.clone()];
    finding.known = vec![
        Known::records(format!("{actor} took the lock on {object} {what} and has not given it back")),
        Known::records(format!("after that it called {call}, of a descriptor that led to {object} too")),
        Known::kernel(format!("there is no lock of {actor}'s on {object}")),
    ];
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Snapshot;

    fn lost(actors: Vec<crate::model::Actor>, locks: Vec<crate::model::Value>) -> Snapshot {
        let fact = Fact::Lost {
            actor: "alice".to_owned(),
            object: "f".to_owned(),
            what: "0..10".to_owned(),
            call: "close(4)".to_owned(),
        };
        Snapshot { facts: vec![fact], ..stage(actors, vec![file("f", locks)]) }
    }

    #[test]
    fn the_lock_is_gone() {
        assert_eq!(found(KIND, &lost(vec![actor("alice")], Vec::new())), ["certain alice on f"]);
        let others = lost(vec![actor("alice"), actor("bob")], vec![lock("bob", &[])]);
        assert_eq!(found(KIND, &others), ["certain alice on f"]);
    }

    #[test]
    fn what_the_kernel_still_has_is_not_lost() {
        assert_eq!(found(KIND, &lost(vec![actor("alice")], vec![lock("alice", &[])])), [""; 0]);
        assert_eq!(found(KIND, &lost(vec![dead("alice")], Vec::new())), [""; 0]);
    }
}

//! Record locks that went with the close of another descriptor.

use super::{Sight, orphaned_lock::owners};
use crate::model::{Certainty, Fact, Finding, Known};
use crate::script::process_of;

pub(super) const KIND: &str = "lost-lock";

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    sight.now.facts.iter().filter_map(|fact| of(sight, fact)).collect()
}

fn of(sight: Sight<'_>, fact: &Fact) -> Option<Finding> {
    let Fact::Lost { actor, object, what, call } = fact else { return None };
    let file = sight.now.object(object)?;
    // Such a lock is the process', whichever of its threads took it. It has died, or has taken a lock again.
    let own = |name: &&str| process_of(name) == process_of(actor);
    if sight.process_ended(actor) || owners(file).any(|(_, names)| names.iter().any(&own)) {
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
        Known::records(format!("after that came {call}, of a descriptor that led to {object} too")),
        Known::kernel(format!("there is no lock of {}'s on {object}", process_of(actor))),
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

    #[test]
    fn it_is_the_process_lock_whichever_thread_took_it() {
        let by_thread = |actors, locks| {
            let mut now = lost(actors, locks);
            if let Some(Fact::Lost { actor, .. }) = now.facts.first_mut() {
                *actor = "alice.t1".to_owned();
            }
            now
        };
        let both = || vec![actor("alice"), actor("alice.t1")];
        assert_eq!(found(KIND, &by_thread(both(), Vec::new())), ["certain alice.t1 on f"]);
        assert_eq!(found(KIND, &by_thread(both(), vec![lock("alice", &[])])), [""; 0], "the kernel names the process");
        let ended = by_thread(vec![actor("alice"), dead("alice.t1")], Vec::new());
        assert_eq!(found(KIND, &ended), ["certain alice.t1 on f"], "the thread has ended, and the process has not");
    }
}

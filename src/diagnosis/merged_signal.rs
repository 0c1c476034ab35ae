//! Standard signals that came twice and arrive once.

use super::Sight;
use crate::model::{Certainty, Fact, Finding, Known};

pub(super) const KIND: &str = "merged-signal";

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    sight.now.facts.iter().filter_map(|fact| of(sight, fact)).collect()
}

fn of(sight: Sight<'_>, fact: &Fact) -> Option<Finding> {
    let Fact::Merged { actor, signal, lost } = fact else { return None };
    let target = sight.now.actor(actor).filter(|target| target.alive())?;
    let pending = target.signals.as_ref().is_some_and(|signals| signals.pending(signal).next().is_some());
    let times = if *lost == 1 { "once more".to_owned() } else { format!("{lost} more times") };
    let words =
        format!("{signal} was sent to {actor} {times} while it was pending there already, and that left no trace");
    let next = format!(
        "take {signal} as \u{201c}look again\u{201d} and not as a count: let the handler do all that is to be done; or send a \
         realtime signal, such as SIGRTMIN, which queues"
    );
    let mut finding = Sight::finding(KIND, words, next);
    finding.certainty = Certainty::Certain;
    finding.who = vec![actor.clone()];
    finding.known = vec![Known::records(format!("{signal} was sent {times} before {actor} could take the one before"))];
    finding.known.push(Known::kernel(if pending {
        format!("{signal} is pending at {actor}: one bit, whatever the number")
    } else {
        format!("{signal} is no longer pending at {actor}")
    }));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Snapshot;

    #[test]
    fn a_signal_that_was_pending_already() {
        let fact = Fact::Merged { actor: "bob".to_owned(), signal: "SIGUSR1".to_owned(), lost: 2 };
        let with = |bob| Snapshot { facts: vec![fact.clone()], ..stage(vec![bob], Vec::new()) };
        assert_eq!(found(KIND, &with(actor("bob"))), ["certain bob"]);
        assert_eq!(found(KIND, &with(dead("bob"))), [""; 0]);
        assert_eq!(found(KIND, &stage(vec![actor("bob")], Vec::new())), [""; 0]);
    }
}

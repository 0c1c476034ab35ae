//! The dead whom nobody has waited for.

use super::Sight;
use crate::model::{Actor, ActorState, Certainty, Death, Finding, Known};
use crate::script::process_of;

pub(super) const KIND: &str = "zombie";

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    sight.now.actors.iter().filter_map(|actor| of(sight, actor)).collect()
}

fn of(sight: Sight<'_>, child: &Actor) -> Option<Finding> {
    // A thread that nobody has joined is no zombie, nor is a process that goes on without its first thread.
    let ActorState::Zombie(Death::Exited(_) | Death::Killed(_)) = child.state else { return None };
    // A child is the process', whichever of its threads made it, and any of them may wait for it.
    let parent = child.parent.as_deref().filter(|parent| !sight.process_ended(parent))?;
    let process = process_of(parent);
    let living = |name: &&str| sight.now.actor(name).is_some_and(Actor::alive);
    let threads = sight.now.actors.iter().map(|actor| actor.name.as_str()).filter(|name| process_of(name) == process);
    let parent = &[parent, process].into_iter().chain(threads).find(living)?.to_owned();
    let child = &child.name;
    let words =
        format!("{child} has ended and {parent}, its parent, has not waited for it: it keeps its pid until then");
    let next = format!(
        "{parent} should call waitpid for each child that ends, in a loop with WNOHANG where it handles SIGCHLD, since \
         several deaths may come as one signal; or ignore SIGCHLD, then nobody becomes a zombie"
    );
    let mut finding = Sight::finding(KIND, words, next);
    finding.certainty = Certainty::Certain;
    finding.who = vec![child.clone(), parent.clone()];
    finding.known = vec![
        Known::kernel(format!("{child} is in state Z")),
        Known::kernel(format!("{parent}, its parent, {}", sight.does(parent))),
    ];
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn a_dead_child_of_the_living() {
        let zombie = Actor { state: ActorState::Zombie(Death::Exited(0)), ..child_of("alice", actor("bob")) };
        let now = stage(vec![actor("alice"), zombie.clone()], Vec::new());
        assert_eq!(found(KIND, &now), ["certain bob alice"]);
        let thread = Actor { parent: Some("alice.t1".to_owned()), ..zombie.clone() };
        let of_thread = stage(vec![actor("alice"), dead("alice.t1"), thread], Vec::new());
        assert_eq!(found(KIND, &of_thread), ["certain bob alice"], "the thread that made it has ended");
        let gone = stage(vec![actor("alice"), child_of("alice", dead("bob"))], Vec::new());
        assert_eq!(found(KIND, &gone), [""; 0]);
        assert_eq!(found(KIND, &stage(vec![dead("alice"), zombie], Vec::new())), [""; 0], "a new parent will wait");
    }
}

//! Starting actors in another order: whoever relies on who came first relies on luck.
//!
//! Neighbouring statements that only start actors (`spawn`, or `fork` by one and the same actor) may be given in any
//! order. A lesson must come out the same in all of them.

use super::{Item, Lesson};
use crate::script::{Body, Statement};

/// The lesson with neighbouring starts in an order that follows from the seed.
pub fn shuffle(lesson: &mut Lesson, seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for step in &mut lesson.steps {
        for item in &mut step.items {
            match item {
                Item::Run(run) => starts(&mut run.statements, &mut state),
                Item::Refute(refutation) => starts(&mut refutation.run.statements, &mut state),
                Item::Prose(_) | Item::Predict(_) | Item::Measure(_) => {}
            }
        }
        if let Some(solve) = &mut step.solve {
            starts(&mut solve.statements, &mut state);
        }
    }
}

fn starts(statements: &mut [Statement], state: &mut u64) {
    let mut rest = statements;
    while let Some(first) = rest.first() {
        let by = starter(first);
        let alike = rest.iter().take_while(|s| by.is_some() && starter(s) == by).count().max(1);
        let (group, behind) = rest.split_at_mut(alike);
        for last in (1..group.len()).rev() {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            group.swap(last, ((*state >> 11) % (last as u64 + 1)) as usize);
        }
        rest = behind;
    }
}

/// Who starts an actor by this statement and does nothing else: the stage (an empty name), or an actor that forks.
fn starter(statement: &Statement) -> Option<String> {
    match &statement.body {
        Body::Spawn { .. } => Some(String::new()),
        Body::Order { actor, call, .. } if call.verb == "fork" => Some(actor.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_neighbours_that_start_actors_change_places() {
        let text = "spawn a\nspawn b\nspawn c\na: pipe p\na: fork d\na: fork e\nb: fork f\nspawn g\na: close p.r\n";
        let (was, wrong) = crate::script::parse(text, crate::facility::registry());
        assert_eq!(wrong, []);
        let mut orders = std::collections::BTreeSet::new();
        for seed in 0..40 {
            let (mut now, mut state) = (was.clone(), seed * 2 + 1);
            starts(&mut now, &mut state);
            let names = |s: &[Statement]| s.iter().map(ToString::to_string).collect::<Vec<_>>();
            let mut sorted = (names(&now), names(&was));
            for group in [0..3, 4..6] {
                sorted.0[group.clone()].sort();
                sorted.1[group].sort();
            }
            assert_eq!(sorted.0, sorted.1, "nothing leaves its group");
            orders.insert(names(&now));
        }
        assert_eq!(orders.len(), 12, "every order of three and of two comes");
    }
}

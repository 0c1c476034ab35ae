//! Whether statements have to do with a claim at all: whether they touch what its experiment touches.

use std::collections::BTreeSet;

use super::leaves;
use crate::claim::{parse, source};
use crate::facility::registry;
use crate::script::{Body, Claim, Statement};

/// Calls that nearly every text makes, whatever it is about.
const COMMON: [&str; 10] = ["fork", "exit", "waitpid", "set", "add", "open", "close", "read", "write", "dup"];

/// The calls that statements make, and `deadlock` where they expect one.
pub fn touched(statements: &[Statement]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for statement in statements {
        match &statement.body {
            Body::Order { call, .. } => {
                all.insert(call.verb.clone());
            }
            Body::Program { body, .. } | Body::Repeat { body, .. } => all.extend(body.iter().map(|c| c.verb.clone())),
            Body::Expect(expectation) if speaks_of_deadlock(&expectation.claim) => {
                all.insert("deadlock".to_owned());
            }
            _ => {}
        }
    }
    all
}

/// Whether a claim of a text is that there is a deadlock, or that there is none.
pub fn speaks_of_deadlock(claim: &Claim) -> bool {
    match claim {
        Claim::Not(inner) => speaks_of_deadlock(inner),
        Claim::Deadlock(_) => true,
        _ => false,
    }
}

/// What a text about a claim touches at least one of: the calls of its experiment and of the facilities on whose cards it
/// stands, without those that every text makes. Empty where the claim is unknown.
pub fn about(claim: &str) -> BTreeSet<String> {
    let Some(experiment) = source(claim).and_then(|text| parse(text, registry()).ok()) else { return BTreeSet::new() };
    let mut all: BTreeSet<String> = experiment.parts.iter().flat_map(|part| touched(&part.run)).collect();
    for leaf in leaves().iter().filter(|leaf| leaf.claims.iter().any(|id| id == claim)) {
        all.extend(leaf.calls.iter().cloned());
    }
    all.retain(|call| !COMMON.contains(&call.as_str()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_claim_is_about_something_and_not_about_everything() {
        for id in crate::claim::order() {
            assert!(!about(id).is_empty(), "{id}");
        }
        assert!(about("N1").contains("socket") && !about("N1").contains("pipe"));
        assert!(about("X4").contains("pipe") && !about("X4").contains("read"));
        assert!(about("X10").contains("deadlock") && about("X99").is_empty());
    }
}

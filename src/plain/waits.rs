//! Who waits for whom, and what is wrong, as lines of text.

use std::fmt::Write as _;

use super::words::fold;
use crate::diagnosis::{Forest, Looks};
use crate::model::{Finding, Plight, Wait, WaitGraph};

/// Everything: what is wrong with how it is known, then each wait.
pub fn all(looks: &Looks) -> String {
    let mut out = String::new();
    for finding in looks.findings() {
        out.push_str(&in_full(&finding));
        out.push('\n');
    }
    if !looks.agree() {
        out.push_str("Only one look has seen this so far; nothing is certain before two agree.\n\n");
    }
    out.push_str(&graph(looks.graph()));
    if looks.is_empty() && !looks.graph().waits.is_empty() {
        let _ = writeln!(out, "{}", looks.all_clear());
    }
    out
}

/// A finding in two paragraphs: what it is, and the next useful step.
pub fn in_short(finding: &Finding) -> String {
    let head = format!("{}, {}: {}.", finding.kind.title, finding.certainty.word(), finding.words);
    fold(&head, "  ", "    ") + &fold(&format!("Next: {}.", finding.next), "    ", "    ")
}

fn in_full(finding: &Finding) -> String {
    let mut out = fold(&format!("{}, {}: {}.", finding.kind.title, finding.certainty.word(), finding.words), "", "  ");
    for known in &finding.known {
        out.push_str(&fold(&format!("{}: {}.", capital(known.source()), known.words), "  ", "    "));
    }
    out.push_str(&fold(&format!("Next: {}.", finding.next), "  ", "    "));
    out
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Each wait in a sentence, cycles first; many who wait alike in one.
fn graph(graph: &WaitGraph) -> String {
    let forest = Forest::of(graph);
    if forest.is_empty() {
        return "Nobody is asleep in a call.\n".to_owned();
    }
    let mut out = String::new();
    for (number, cycle) in forest.cycles.iter().enumerate() {
        let _ = writeln!(out, "Cycle {}:", number + 1);
        for wait in cycle {
            out.push_str(&fold(&sentence(&[&wait.waiter], wait, graph), "  ", "    "));
        }
    }
    for row in &forest.rows {
        if let Some(wait) = row.wait {
            out.push_str(&fold(&sentence(&row.who, wait, graph), "", "  "));
        }
    }
    out
}

/// `bob waits in read on p, for alice.`
fn sentence(who: &[&str], wait: &Wait, graph: &WaitGraph) -> String {
    let (names, verb) = match who {
        [one] => ((*one).to_owned(), "waits"),
        many => (format!("{} actors ({})", many.len(), many.join(" ")), "wait"),
    };
    let needs = wait.needs_in_words();
    let what = match (&wait.object, wait.direction.as_str()) {
        (None, "child" | "join") if !needs.is_empty() => format!("for {needs} to end"),
        (object, _) => {
            let place = if object.is_some() { "on" } else { "for" };
            let needs = if needs.is_empty() { "nobody in particular" } else { &needs };
            format!("{place} {}, for {needs}", wait.on())
        }
    };
    let timed = if wait.timed { ", and gives up after some time" } else { "" };
    let forlorn = wait.need.groups.iter().any(Vec::is_empty);
    let plight = match graph.plight(&wait.waiter) {
        Some(Plight::Behind { .. }) if forlorn => ": in vain, as the dead give nothing back",
        Some(Plight::Behind { sure: true }) => ": in vain, as those are stuck",
        Some(Plight::Behind { sure: false }) => ": perhaps in vain, as those seem to be stuck",
        Some(Plight::Cycle { .. } | Plight::Waits) | None => "",
    };
    format!("{names} {verb} in {} {what}{timed}{plight}.", wait.verb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Need;

    fn wait(waiter: &str, verb: &str, object: Option<&str>, needs: &[&str]) -> Wait {
        let groups = if needs.is_empty() { Vec::new() } else { vec![needs.iter().map(ToString::to_string).collect()] };
        Wait {
            waiter: waiter.to_owned(),
            verb: verb.to_owned(),
            object: object.map(str::to_owned),
            direction: if object.is_some() { "lock" } else { "signal" }.to_owned(),
            since_ns: 1,
            timed: false,
            need: Need { groups, sure: true, end: None },
        }
    }

    #[test]
    fn waits_read_as_sentences() {
        let told = graph(&WaitGraph::from_waits(vec![
            wait("alice", "flock", Some("g"), &["bob"]),
            wait("bob", "flock", Some("f"), &["alice"]),
            wait("carol", "flock", Some("f"), &["alice"]),
            wait("dora", "flock", Some("h"), &["eve", "finn"]),
            wait("eve", "pause", None, &[]),
        ]));
        let lines = [
            "Cycle 1:",
            "  alice waits in flock on g, for bob.",
            "  bob waits in flock on f, for alice.",
            "carol waits in flock on f, for alice: in vain, as those are stuck.",
            "eve waits in pause for a signal, for nobody in particular.",
            "dora waits in flock on h, for eve or finn.",
        ];
        for line in lines {
            assert!(told.lines().any(|told| told == line), "{line}\n{told}");
        }
        assert_eq!(told.lines().count(), lines.len());
        assert_eq!(graph(&WaitGraph::default()), "Nobody is asleep in a call.\n");
    }
}

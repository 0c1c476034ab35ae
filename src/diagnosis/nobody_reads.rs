//! A writer that waits for room which nobody is going to make.

use super::{Sight, listed};
use crate::model::{Certainty, Finding, Known, Wait};

pub(super) const KIND: &str = "nobody-reads";

/// It wants to write, and all who could make room are itself, or asleep in something that no clock ends.
fn fits(sight: Sight<'_>, wait: &Wait) -> bool {
    let writes = matches!(wait.direction.as_str(), "write" | "send") && wait.object.is_some() && !wait.timed;
    let asleep = |name: &&str| {
        let mut waits = sight.graph.of_actor(name).peekable();
        waits.peek().is_some() && waits.all(|other| !other.timed && !matches!(&*other.direction, "time" | "signal"))
    };
    let needs = wait.needs();
    writes && !needs.is_empty() && needs.iter().all(|name| *name == wait.waiter || asleep(name))
}

pub(super) fn find(sight: Sight<'_>) -> Vec<Finding> {
    sight.graph.waits.iter().filter(|wait| fits(sight, wait)).map(|wait| of(sight, wait)).collect()
}

fn of(sight: Sight<'_>, wait: &Wait) -> Finding {
    let (waiter, on) = (&wait.waiter, wait.on());
    let readers: Vec<&str> = wait.needs().into_iter().filter(|name| name != waiter).collect();
    let why = if readers.is_empty() {
        format!("the only one who could {} is {waiter} itself", sight.deed(wait))
    } else {
        let one = |name: &&str| format!("{name} {}", sight.does(name));
        readers.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    let first = readers.first().copied().unwrap_or(waiter);
    let deed = sight.deed(wait);
    let ends = wait.need.end.as_ref().is_some_and(|end| end.closes);
    let to_its_end = if ends { " to the end of file" } else { "" };
    let next = match sight.graph.of_actor(first).next() {
        Some(other) if other.direction == "child" => {
            format!("{first} should {deed}{to_its_end} before it waits for {waiter} in {}", other.verb)
        }
        Some(other) if first != waiter => format!(
            "{first} should {deed} too, before or while it waits in {}: with poll, or with a thread for each; \
             or {waiter} should write less",
            other.verb
        ),
        _ => format!("{waiter} should {deed} before it writes more than fits, or let another process do that"),
    };
    let words = format!("{waiter} waits in {} on {on}, where there is no room, and {why}", wait.verb);
    let mut finding = Sight::finding(KIND, words, next);
    let sure = sight.stuck(waiter) == Some(true);
    finding.certainty = if sure { Certainty::Certain } else { Certainty::Suspicious };
    finding.who = std::iter::once(waiter.clone()).chain(readers.iter().map(ToString::to_string)).collect();
    finding.on = vec![on.to_owned()];
    finding.since_ns = vec![wait.since_ns];
    finding.known.push(Known::kernel(format!("{waiter} {}", sight.does(waiter))));
    if let Some((held, room)) = sight.object(wait).and_then(|o| Some((o.int("bytes")?, o.int("capacity")?))) {
        finding.known.push(Known::kernel(format!("{on} holds {held} of at most {room} bytes")));
    }
    let itself = readers.is_empty();
    let only = if itself { vec![waiter.as_str()] } else { readers };
    finding.known.push(Known::kernel(format!("{} could {deed}, and nobody else", listed(&only))));
    if !sure {
        finding.known.push(Known::kernel(if itself {
            "somebody else may still come to read: by a name, or by a descriptor on its way"
        } else {
            "what they wait for may still come, and then they may read"
        }));
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const ENDS: [(&str, &str); 2] = [("child", "write"), ("parent", "read")];

    #[test]
    fn the_reader_waits_for_the_writer_to_end() {
        let child = child_of("parent", writer("child", "p"));
        let now = stage(vec![waiting_parent("parent"), child], vec![pipe("p", &ENDS, 65536)]);
        assert_eq!(found(KIND, &now), ["certain child parent on p"]);
    }

    #[test]
    fn the_reader_reads_the_other_pipe() {
        let out = pipe("out", &[("child", "write"), ("parent", "read")], 0);
        let actors = vec![reader("parent", "out", 1), writer("child", "err")];
        let now = stage(actors, vec![out, pipe("err", &ENDS, 65536)]);
        assert_eq!(found(KIND, &now), ["certain child parent on err"]);
    }

    #[test]
    fn the_writer_is_the_only_reader() {
        let now = stage(vec![writer("bob", "p")], vec![pipe("p", &[("bob", "read"), ("bob", "write")], 65536)]);
        assert_eq!(found(KIND, &now), ["certain bob on p"]);
    }

    #[test]
    fn a_reader_that_waits_for_somebody_awake_is_suspicious() {
        let other = pipe("q", &[("parent", "read"), ("dora", "write")], 0);
        let actors = vec![reader("parent", "q", 1), writer("child", "p"), actor("dora")];
        assert_eq!(found(KIND, &stage(actors, vec![pipe("p", &ENDS, 65536), other])), ["suspicious child parent on p"]);
    }

    #[test]
    fn a_reader_that_is_awake_or_soon_will_be_is_normal() {
        let now = stage(vec![actor("parent"), writer("child", "p")], vec![pipe("p", &ENDS, 65536)]);
        assert_eq!(found(KIND, &now), [""; 0]);
        let slow = sleeper("parent", "nanosleep", None, "time", 1);
        assert_eq!(found(KIND, &stage(vec![slow, writer("child", "p")], vec![pipe("p", &ENDS, 65536)])), [""; 0]);
    }
}

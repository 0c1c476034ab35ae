//! What would end a wait, in words.

use super::Sight;
use crate::model::Wait;
use crate::script::process_of;

impl Sight<'_> {
    /// What somebody has to do for a wait to end, behind `to`: `write to p`, `unlock f`.
    pub(super) fn deed(self, wait: &Wait) -> String {
        let on = wait.on();
        let end = wait.need.end.as_ref().map(|end| end.object.as_str());
        let place = end.unwrap_or(on);
        // Data go to a queue, but from one socket to the other.
        let through = end.is_some_and(|end| end != on);
        match wait.direction.as_str() {
            "read" | "receive" | "write" | "send" if self.unmet(wait) => format!("accept the connection of {on}"),
            "read" => format!("write to {place}"),
            "receive" if through => format!("send on {place}"),
            "receive" => format!("send to {place}"),
            "write" => format!("read from {place}"),
            "send" if through => format!("receive on {place}"),
            "send" => format!("receive from {place}"),
            "accept" => format!("connect to {on}"),
            "connect" => format!("accept it at {place}"),
            "open" => {
                let args = self.now.actor(&wait.waiter).and_then(|actor| actor.sleep()).map(|sleep| &*sleep.args);
                match args {
                    Some(args) if args.contains("O_WRONLY") => format!("open {on} for reading"),
                    Some(args) if args.contains("O_RDONLY") => format!("open {on} for writing"),
                    _ => format!("open the other end of {on}"),
                }
            }
            "decrease" => format!("increase {on}"),
            "see zero" => format!("bring {on} to zero"),
            "be signalled" => format!("signal {on}"),
            "be woken" => format!("wake it at {on}"),
            "meet the others" => format!("come to {on}"),
            "see it left" => format!("leave {on}"),
            "child" | "join" => "end".to_owned(),
            lock if lock.starts_with("lock") => format!("unlock {on}"),
            _ => format!("do what it waits for on {on}"),
        }
    }

    /// Whether it waits on a connection that nobody has accepted.
    fn unmet(self, wait: &Wait) -> bool {
        let peer = self.object(wait).and_then(|object| object.value("peer").as_text());
        wait.need.end.is_none() && peer.is_some()
    }

    /// The descriptors by which an actor could write to what a reader waits on: `p.w (descriptor 4)`.
    pub(super) fn ends_of(self, actor: &str, wait: &Wait) -> Option<String> {
        let end = wait.need.end.as_ref()?;
        let actor = self.now.actor(process_of(actor))?;
        let on = Some(end.object.as_str());
        let writes = actor.descriptors.iter().filter(|d| d.object.as_deref() == on && d.access.writes());
        let ends: Vec<String> = writes
            .map(|d| match name_of(&d.names, &end.object) {
                Some(name) => format!("{name} (descriptor {})", d.fd),
                None => format!("descriptor {}", d.fd),
            })
            .collect();
        (!ends.is_empty()).then(|| super::listed(&ends))
    }

    /// Whether the waiter reads where an end of file can come.
    pub(super) fn may_end(wait: &Wait) -> bool {
        let reads = matches!(wait.direction.as_str(), "read" | "receive");
        reads && wait.need.end.as_ref().is_some_and(|end| end.closes)
    }

    /// Whether it waits for data where no end of file ever comes.
    pub(super) fn endless(wait: &Wait) -> bool {
        match (wait.direction.as_str(), &wait.need.end) {
            ("read" | "receive", Some(end)) => !end.closes,
            (direction, None) => direction == "receive",
            _ => false,
        }
    }
}

/// Of the names that an actor has for a number, the one that it got with the object. A name is not unbound by close(2),
/// so the number may have come to a name by what it was before: `s.1` to an end of `t`.
fn name_of<'a>(names: &'a [String], object: &str) -> Option<&'a str> {
    let of_it = |name: &&String| name.strip_prefix(object).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let free = |name: &&String| !name.contains('.');
    let mut free = names.iter().filter(free);
    let only = free.next().filter(|_| free.next().is_none());
    names.iter().find(of_it).or(only).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_what_is_there_now() {
        let best = |names: &[&str], object| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            name_of(&names, object).map(str::to_owned)
        };
        let table: &[(&[&str], &str, Option<&str>)] = &[
            (&["s.1", "t.1"], "t.1", Some("t.1")),
            (&["s.1"], "t.1", None),
            (&["p.w"], "p", Some("p.w")),
            (&["pp.w", "p.w"], "p", Some("p.w")),
            (&["w2"], "p", Some("w2")),
            (&["a", "b"], "p", None),
            (&["s.1", "b"], "box", Some("b")),
            (&[], "p", None),
        ];
        for (names, object, wanted) in table {
            assert_eq!(best(names, object).as_deref(), *wanted, "{names:?} {object}");
        }
    }
}

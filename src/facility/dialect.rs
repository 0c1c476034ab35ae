//! How the same thing is done with different facilities: what a scenario on one of them becomes on another.
//!
//! Each facility tells its own ways ([`Facility::dialects`](super::Facility::dialects)) as statements with places to
//! be filled: `{a}` is who does it, `{o}` the object's name, `{h}` the name by which an actor has it, `{data}` what is
//! sent, `{len}` its length in bytes, `{n}` how much is asked for, `{port}` a port that nobody else has.

/// Something that is done with a facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// Make one, ready to be used by whoever inherits it.
    Make,
    /// Find one by its name, as one who did not inherit it.
    Join,
    /// Hand data over.
    Send,
    /// Take data, and wait for some if there are none.
    Receive,
    /// Take data, and fail if there are none.
    TryReceive,
    /// Hand data over the other way, by the one who receives.
    SendBack,
    /// Take what was handed over the other way.
    ReceiveBack,
    /// Wait until there is something to take, in a call that can watch other things too.
    Watch,
    /// Ask for a signal when there is something to take.
    Notify,
    /// Say that no more will be sent: close the end for it.
    EndSend,
    /// Say that no more will be sent, and go on taking what comes the other way.
    HalfClose,
    /// Close the end for taking.
    EndReceive,
    /// Take the lock or a unit, and wait while there is none.
    Take,
    /// The same, and fail instead of waiting.
    TryTake,
    /// Give it back.
    Give,
    /// Remove its name, or the object itself.
    Remove,
}

impl Op {
    /// All of them with the words by which they are called.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Make, "make"),
        (Self::Join, "join"),
        (Self::Send, "send"),
        (Self::Receive, "receive"),
        (Self::TryReceive, "try-receive"),
        (Self::SendBack, "send-back"),
        (Self::ReceiveBack, "receive-back"),
        (Self::Watch, "watch"),
        (Self::Notify, "notify"),
        (Self::EndSend, "end-send"),
        (Self::HalfClose, "half-close"),
        (Self::EndReceive, "end-receive"),
        (Self::Take, "take"),
        (Self::TryTake, "try-take"),
        (Self::Give, "give"),
        (Self::Remove, "remove"),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(op, _)| *op == self).map_or("", |(_, word)| word)
    }

    /// The one of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(op, _)| *op)
    }
}

/// How things are done with one kind of a facility.
#[derive(Debug)]
pub struct Dialect {
    /// The kind: an id of the map, such as `unix-datagram`.
    pub kind: &'static str,
    /// By what name an actor has the object called `{o}`: often the same.
    pub handle: &'static str,
    /// The statements for each thing that can be done with it. What is not there can't be done.
    pub ways: &'static [(Op, &'static [&'static str])],
}

/// How a scenario that was written by hand speaks of a kind whose ways take more than one name: the dialect calls a
/// connection's sockets `{o}l` and `{o}c`, an author calls them as they like, and may do the same with another call.
#[derive(Debug)]
pub struct Parts {
    /// The kind of the dialect.
    pub kind: &'static str,
    /// What stands behind `{o}` in the names of its parts, and what each is to the object. Other names that the ways of
    /// making have are nobody's part: memory in which a lock lies holds other things too.
    pub ends: &'static [(&'static str, Tie)],
    /// Other ways to do something, which are read and never written.
    pub also: &'static [(Op, &'static str)],
}

/// What a part is to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// It is of one object, which is all that it leads to.
    Own,
    /// It helps to make one, and then others: the attributes of a lock.
    Lent,
}

/// What is put in the places of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fill<'a> {
    /// `{a}`
    pub actor: &'a str,
    /// `{o}`
    pub object: &'a str,
    /// `{data}`
    pub data: &'a str,
    /// `{len}`: `None` where the length is not known beforehand.
    pub len: Option<usize>,
    /// `{n}`
    pub count: &'a str,
    /// `{port}`
    pub port: u16,
}

impl Dialect {
    /// The statements for something, as they stand in the table; `None` if it can't be done.
    pub fn way(&self, op: Op) -> Option<&'static [&'static str]> {
        self.ways.iter().find(|(own, _)| *own == op).map(|(_, lines)| *lines)
    }

    /// By what name an actor has the object.
    pub fn handle(&self, object: &str) -> String {
        self.handle.replace("{o}", object)
    }

    /// The statements for something, filled; `None` if it can't be done, or not with data of unknown length.
    pub fn filled(&self, op: Op, fill: &Fill<'_>) -> Option<Vec<String>> {
        let lines = self.way(op)?;
        let handle = self.handle(fill.object);
        let filled = |line: &&str| {
            if line.contains("{len}") && fill.len.is_none() {
                return None;
            }
            let len = fill.len.unwrap_or_default().to_string();
            Some(
                line.replace("{a}", fill.actor)
                    .replace("{o}", fill.object)
                    .replace("{h}", &handle)
                    .replace("{len}", &len)
                    .replace("{n}", fill.count)
                    .replace("{port}", &fill.port.to_string())
                    .replace("{data}", fill.data),
            )
        };
        lines.iter().map(filled).collect()
    }
}

/// The dialects of all facilities.
pub fn dialects() -> impl Iterator<Item = &'static Dialect> {
    super::ALL.iter().flat_map(|facility| facility.dialects())
}

/// The dialect of that kind.
pub fn dialect(kind: &str) -> Option<&'static Dialect> {
    dialects().find(|dialect| dialect.kind == kind)
}

/// The parts of what is of that kind; `None` where one name is all that it takes.
pub fn parts(kind: &str) -> Option<&'static Parts> {
    super::ALL.iter().flat_map(|facility| facility.parts()).find(|parts| parts.kind == kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facility::registry;
    use crate::script::parse;

    #[test]
    fn every_way_is_made_of_statements_that_can_be_read() {
        let fill = Fill { actor: "alice", object: "it", data: "\"one\"", len: Some(3), count: "100", port: 5000 };
        let mut kinds = BTreeSet::new();
        for dialect in dialects() {
            assert!(kinds.insert(dialect.kind), "{} twice", dialect.kind);
            assert!(dialect.way(Op::Make).is_some(), "{}", dialect.kind);
            for (op, _) in dialect.ways {
                for line in dialect.filled(*op, &fill).unwrap() {
                    let (statements, wrong) = parse(&line, registry());
                    assert!(wrong.is_empty(), "{}: {line}: {wrong:?}", dialect.kind);
                    assert_eq!(statements.len(), 1);
                    assert_eq!(statements[0].to_string(), line, "{}: as it is printed", dialect.kind);
                }
            }
        }
        assert!(kinds.len() > 15);
    }

    #[test]
    fn parts_are_named_in_the_ways_and_what_is_also_done_can_be_read() {
        let fill = Fill { actor: "alice", object: "it", data: "\"one\"", len: Some(3), count: "100", port: 5000 };
        for parts in super::super::ALL.iter().flat_map(|facility| facility.parts()) {
            let dialect = dialect(parts.kind).unwrap();
            let made = dialect.way(Op::Make).unwrap().join("\n");
            for (end, _) in parts.ends {
                assert!(made.contains(&format!("{{o}}{end}")), "{}: {end}", parts.kind);
            }
            for (op, line) in parts.also {
                assert_ne!(*op, Op::Make, "{}: what makes it is a way of its own", parts.kind);
                let line = line.replace("{a}", fill.actor).replace("{h}", fill.object).replace("{o}", fill.object);
                let line = line.replace("{n}", fill.count).replace("{port}", "5000").replace("{data}", fill.data);
                let (_, wrong) = parse(&line, registry());
                assert!(wrong.is_empty(), "{}: {line}: {wrong:?}", parts.kind);
            }
        }
    }

    #[test]
    fn what_can_not_be_filled_is_not() {
        let shm = dialect("posix-shm").unwrap();
        let fill = Fill { actor: "alice", object: "board", data: "$x", ..Fill::default() };
        assert_eq!(shm.filled(Op::Send, &fill), None);
        assert_eq!(dialect("pipe").unwrap().filled(Op::Join, &fill), None);
    }
}

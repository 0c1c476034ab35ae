//! A stage is its list of statements. Stepping back opens a new stage and runs the list up to the step before; what
//! is seen then must equal what was seen the first time, in normal form.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Lost, Outcome, Report, Stage};
use crate::model::{Actor, ActorState, Snapshot};
use crate::script::Statement;

/// The statements that were carried out, with what was seen after each.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    statement: Statement,
    /// `None` where something ran freely: no two runs are alike then.
    seen: Option<Seen>,
}

/// A snapshot, packed: hours of play hold thousands. What is as it was after the statement before lies there already.
#[derive(Debug, Clone)]
struct Seen {
    actors: Vec<Arc<[u8]>>,
    objects: Vec<Arc<[u8]>>,
    /// All else.
    rest: Arc<[u8]>,
}

impl Seen {
    /// `None` if there is nothing that could be packed, which no snapshot is.
    fn pack(snapshot: Snapshot, before: Option<&Self>) -> Option<Self> {
        let Snapshot { actors, objects, .. } = &snapshot;
        let (actors_before, objects_before) = before.map_or((&[][..], &[][..]), |b| (&b.actors[..], &b.objects[..]));
        let actors = actors.iter().map(|actor| packed(actor, actors_before)).collect::<Option<_>>()?;
        let objects = objects.iter().map(|object| packed(object, objects_before)).collect::<Option<_>>()?;
        let rest = Snapshot { actors: Vec::new(), objects: Vec::new(), ..snapshot };
        Some(Self { actors, objects, rest: packed(&rest, before.map(|b| &b.rest))? })
    }

    fn unpack(&self) -> Option<Snapshot> {
        let actors = self.actors.iter().map(unpacked).collect::<Option<_>>()?;
        let objects = self.objects.iter().map(unpacked).collect::<Option<_>>()?;
        Some(Snapshot { actors, objects, ..unpacked(&self.rest)? })
    }
}

/// As bytes; those of `before` if they are the same.
fn packed<'a>(part: &impl Serialize, before: impl IntoIterator<Item = &'a Arc<[u8]>>) -> Option<Arc<[u8]>> {
    let bytes = postcard::to_stdvec(part).ok()?;
    Some(before.into_iter().find(|known| ***known == bytes[..]).map_or_else(|| bytes.into(), Arc::clone))
}

fn unpacked<T: DeserializeOwned>(bytes: &Arc<[u8]>) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

/// What came of running a list again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rerun {
    /// The reports of all statements that ran.
    pub reports: Vec<Report>,
    /// Statements after which something else was seen than the first time: place in the list, and in words what.
    pub differences: Vec<(usize, String)>,
}

impl Timeline {
    /// Notes a statement that has been carried out. One that was refused changed nothing and is not noted.
    pub fn note(&mut self, statement: &Statement, report: &Report) {
        if !matches!(report.outcome, Outcome::Refused { .. }) {
            let before = self.steps.last().and_then(|step| step.seen.as_ref());
            let seen = comparable(&report.snapshot).and_then(|seen| Seen::pack(seen, before));
            self.steps.push(Step { statement: statement.clone(), seen });
        }
    }

    /// How many statements it holds.
    pub const fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The statements, in order.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.steps.iter().map(|s| &s.statement)
    }

    /// The statements, in order, each with what was seen after it in normal form; `None` where no two runs are alike.
    pub fn steps(&self) -> impl Iterator<Item = (&Statement, Option<Snapshot>)> {
        self.steps.iter().map(|s| (&s.statement, s.seen.as_ref().and_then(Seen::unpack)))
    }

    /// Forgets all but the first `length` statements.
    pub fn truncate(&mut self, length: usize) {
        self.steps.truncate(length);
    }

    /// Compares what was seen now after the statement at `index` with the first time. `None`: nothing differs.
    pub fn differs(&self, index: usize, now: &Snapshot) -> Option<String> {
        let before = self.steps.get(index)?.seen.as_ref()?.unpack()?;
        difference(&before, &comparable(now)?)
    }

    /// Runs the first `length` statements on a fresh stage, and compares each with the first time.
    pub fn rerun(&self, stage: &mut Stage, length: usize) -> Result<Rerun, Lost> {
        let mut rerun = Rerun::default();
        for (index, step) in self.steps.iter().take(length).enumerate() {
            let report = stage.run(&step.statement)?;
            rerun.differences.extend(self.differs(index, &report.snapshot).map(|what| (index, what)));
            rerun.reports.push(report);
        }
        Ok(rerun)
    }
}

/// The normal form, where the same statements must give the same.
fn comparable(snapshot: &Snapshot) -> Option<Snapshot> {
    let timed = |a: &crate::model::Actor| a.sleep().is_some_and(|s| s.deadline_ns.is_some());
    let free = |a: &crate::model::Actor| matches!(a.state, ActorState::Running { .. });
    // A timed call may have given up by now, or not: that is the clock's doing.
    (!snapshot.actors.iter().any(|a| free(a) || timed(a))).then(|| snapshot.normal())
}

/// The first part of a card that differs.
fn part(before: &Actor, now: &Actor) -> &'static str {
    let parts = [
        ("state", before.state != now.state),
        ("descriptors", before.descriptors != now.descriptors),
        ("mappings", before.mappings != now.mappings),
        ("variables", before.variables != now.variables),
        ("standard output", before.stdout != now.stdout),
        ("groups", before.job != now.job),
        ("signals", before.signals != now.signals),
        ("scheduling", before.scheduling != now.scheduling),
        ("last call", before.last != now.last),
        ("count of calls", before.finished != now.finished),
    ];
    parts.iter().find(|(_, differs)| *differs).map_or("other parts", |(name, _)| name)
}

/// The first thing in which two snapshots in normal form differ.
fn difference(before: &Snapshot, now: &Snapshot) -> Option<String> {
    if before == now {
        return None;
    }
    for actor in &before.actors {
        match now.actor(&actor.name) {
            None => return Some(format!("{} is not on stage this time", actor.name)),
            Some(other) if other != actor => {
                let (first, second) = (super::describe(actor, before), super::describe(other, now));
                return Some(if first == second {
                    format!("{}'s card differs in its {}", actor.name, part(actor, other))
                } else {
                    format!("the first time {first}; now {second}")
                });
            }
            Some(_) => {}
        }
    }
    for object in &before.objects {
        match now.object(&object.name) {
            None => return Some(format!("{} is not on stage this time", object.name)),
            Some(other) if other != object => {
                let field = object.fields.iter().find(|f| other.field(&f.name) != Some(f));
                return Some(match field {
                    Some(field) => format!(
                        "{} of {} was {} the first time, and is {} now",
                        field.name,
                        object.name,
                        super::in_words(&field.value),
                        super::in_words(other.value(&field.name))
                    ),
                    None => format!("who holds {} or waits for it differs", object.name),
                });
            }
            Some(_) => {}
        }
    }
    Some("there is more on stage this time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, Field, Object, ObjectKey, Value};

    fn stage(bytes: i64) -> Snapshot {
        let object = |name: &str, ino, fields| Object {
            name: name.to_owned(),
            key: ObjectKey { facility: "pipe".into(), dev: 1, ino, offset: 0 },
            identifier: "none".to_owned(),
            fields,
            holders: Vec::new(),
            waiters: Vec::new(),
        };
        let holds = Value::Record(vec![("of".into(), Value::Bytes { bytes: b"hello".to_vec(), total: 9 })]);
        let fields = vec![Field::kernel_int("bytes", bytes), Field::new("holds", holds, Evidence::Mirror).noted("so")];
        Snapshot { objects: vec![object("p", 1, fields), object("q", 2, Vec::new())], at_ns: 7, ..Snapshot::empty() }
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed_and_shares_what_stayed() {
        let first = Seen::pack(stage(1), None).unwrap();
        let second = Seen::pack(stage(2), Some(&first)).unwrap();
        assert_eq!((first.unpack(), second.unpack()), (Some(stage(1)), Some(stage(2))));
        let shared = |a: &[Arc<[u8]>], b: &[Arc<[u8]>]| a.iter().zip(b).map(|(a, b)| Arc::ptr_eq(a, b)).collect();
        let of: Vec<bool> = shared(&first.objects, &second.objects);
        assert_eq!((of, Arc::ptr_eq(&first.rest, &second.rest)), (vec![false, true], true));
    }
}

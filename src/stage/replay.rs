//! A stage is its list of statements. Stepping back opens a new stage and runs the list up to the step before; what
//! is seen then must equal what was seen the first time, in normal form.

use std::collections::HashSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Lost, Outcome, Report, Stage};
use crate::model::{Actor, ActorState, Snapshot};
use crate::script::Statement;

/// The statements that were carried out, with what was seen after each. All of it is packed: hours of play hold thousands.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    steps: Vec<Step>,
    /// What was seen, each sight once: a stage comes back to what it was before.
    sights: HashSet<Arc<Seen>>,
    /// The parts of all sights, each once.
    parts: HashSet<Arc<[u8]>>,
}

#[derive(Debug, Clone)]
struct Step {
    statement: Box<[u8]>,
    /// `None` where something ran freely: no two runs are alike then.
    seen: Option<Arc<Seen>>,
}

impl Step {
    fn statement(&self) -> Option<Statement> {
        unpacked(&self.statement)
    }
}

/// A snapshot in parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Seen {
    actors: Box<[Arc<[u8]>]>,
    objects: Box<[Arc<[u8]>]>,
    /// All else.
    rest: Arc<[u8]>,
}

impl Seen {
    fn unpack(&self) -> Option<Snapshot> {
        let actors = self.actors.iter().map(|part| unpacked(part)).collect::<Option<_>>()?;
        let objects = self.objects.iter().map(|part| unpacked(part)).collect::<Option<_>>()?;
        Some(Snapshot { actors, objects, ..unpacked(&self.rest)? })
    }
}

/// The same thing for all that are alike.
fn one<T: Eq + std::hash::Hash + ?Sized>(known: &mut HashSet<Arc<T>>, thing: Arc<T>) -> Arc<T> {
    if let Some(same) = known.get(&thing) {
        return Arc::clone(same);
    }
    known.insert(Arc::clone(&thing));
    thing
}

fn unpacked<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
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
            let seen = comparable(&report.snapshot).and_then(|seen| self.pack(seen));
            // What went over the wire to the stage can be packed.
            let statement = postcard::to_stdvec(statement).ok();
            self.steps.extend(statement.map(|bytes| Step { statement: bytes.into(), seen }));
        }
    }

    /// `None` if there is nothing that could be packed, which no snapshot is.
    fn pack(&mut self, snapshot: Snapshot) -> Option<Arc<Seen>> {
        let Self { parts, sights, .. } = self;
        let mut part = |bytes: postcard::Result<Vec<u8>>| Some(one(parts, bytes.ok()?.into()));
        let actors = snapshot.actors.iter().map(|actor| part(postcard::to_stdvec(actor))).collect::<Option<_>>()?;
        let objects = snapshot.objects.iter().map(|object| part(postcard::to_stdvec(object))).collect::<Option<_>>()?;
        let rest = Snapshot { actors: Vec::new(), objects: Vec::new(), ..snapshot };
        Some(one(sights, Arc::new(Seen { actors, objects, rest: part(postcard::to_stdvec(&rest))? })))
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
    pub fn statements(&self) -> impl Iterator<Item = Statement> {
        self.steps.iter().filter_map(Step::statement)
    }

    /// The statements, in order, each with what was seen after it in normal form; `None` where no two runs are alike.
    pub fn steps(&self) -> impl Iterator<Item = (Statement, Option<Snapshot>)> {
        self.steps.iter().filter_map(|s| Some((s.statement()?, s.seen.as_ref().and_then(|seen| seen.unpack()))))
    }

    /// Forgets all but the first `length` statements.
    pub fn truncate(&mut self, length: usize) {
        self.steps.truncate(length);
        self.sights.retain(|seen| Arc::strong_count(seen) > 1);
        self.parts.retain(|part| Arc::strong_count(part) > 1);
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
            let Some(statement) = step.statement() else { continue };
            let report = stage.run(&statement)?;
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
    fn what_is_unpacked_is_what_was_packed_and_is_kept_once() {
        let mut timeline = Timeline::default();
        let sights = [1, 2, 1].map(|bytes| timeline.pack(stage(bytes)).unwrap());
        assert_eq!(sights.each_ref().map(|seen| seen.unpack()), [1, 2, 1].map(|bytes| Some(stage(bytes))));
        assert!(Arc::ptr_eq(&sights[0], &sights[2]), "the stage has come back to what it was");
        let shared = |a: &Seen, b: &Seen| a.objects.iter().zip(&b.objects).map(|(a, b)| Arc::ptr_eq(a, b)).collect();
        let of: Vec<bool> = shared(&sights[0], &sights[1]);
        assert_eq!((of, Arc::ptr_eq(&sights[0].rest, &sights[1].rest)), (vec![false, true], true));
        drop(sights);
        timeline.truncate(0);
        assert!(timeline.sights.is_empty() && timeline.parts.is_empty(), "what was forgotten is kept nowhere");
    }
}

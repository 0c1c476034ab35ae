//! A stage is its list of statements. Stepping back opens a new stage and runs the list up to the step before; what
//! is seen then must equal what was seen the first time, in normal form.

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
    seen: Option<Snapshot>,
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
            self.steps.push(Step { statement: statement.clone(), seen: comparable(&report.snapshot) });
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
    pub fn steps(&self) -> impl Iterator<Item = (&Statement, Option<&Snapshot>)> {
        self.steps.iter().map(|s| (&s.statement, s.seen.as_ref()))
    }

    /// Forgets all but the first `length` statements.
    pub fn truncate(&mut self, length: usize) {
        self.steps.truncate(length);
    }

    /// Compares what was seen now after the statement at `index` with the first time. `None`: nothing differs.
    pub fn differs(&self, index: usize, now: &Snapshot) -> Option<String> {
        let before = self.steps.get(index)?.seen.as_ref()?;
        difference(before, &comparable(now)?)
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

//! What POSIX leaves undefined, said before it is done: a face asks when a statement is typed, and again when it is
//! handed to the stage. What the call then does is what this machine makes of it, and no promise.

use crate::model::{Actor, Object, Snapshot};
use crate::script::{ArgValue, Body, CallExpr, Data, Statement};

/// A call that an actor is about to make.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// Who will make it.
    pub actor: &'a str,
    /// The call.
    pub call: &'a CallExpr,
    /// What is on stage.
    pub snapshot: &'a Snapshot,
}

/// What lies where an argument leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place<'a> {
    /// This object.
    Object(&'a Object),
    /// None of that facility; the place as it was written.
    Nothing(String),
    /// It can't be told.
    Unknown,
}

impl<'a> Intent<'a> {
    /// The object of a facility at the address that an argument names.
    pub fn place(&self, arg: &str, facility: &str) -> Place<'a> {
        let Some(value) = self.value(arg) else { return Place::Unknown };
        let Some(actor) = self.snapshot.actor(self.actor) else { return Place::Unknown };
        let of_name = |name: &str| self.snapshot.object(name).filter(|o| o.facility() == facility);
        let (base, plus) = match value {
            ArgValue::Name(name) => match of_name(name) {
                Some(object) => return Place::Object(object),
                None => (name, 0),
            },
            ArgValue::Address(base, plus) => match plus.eval(&super::Machine) {
                Ok(Data::Int(plus)) => (base, plus),
                _ => return Place::Unknown,
            },
            _ => return Place::Unknown,
        };
        let Some((dev, ino, offset)) = self.lies_in(actor, base) else { return Place::Unknown };
        let offset = offset.wrapping_add_signed(plus);
        let here = |o: &&Object| o.facility() == facility && (o.key.dev, o.key.ino, o.key.offset) == (dev, ino, offset);
        let found = self.snapshot.objects.iter().find(here);
        found.map_or_else(|| Place::Nothing(value.to_string()), Place::Object)
    }

    fn value(&self, arg: &str) -> Option<&'a ArgValue> {
        self.call.args.iter().find(|a| a.name == arg).map(|a| &a.value)
    }

    /// Device, inode and offset of what a name of shared memory stands for.
    fn lies_in(&self, actor: &Actor, name: &str) -> Option<(u64, u64, u64)> {
        // The name of something inside a mapping stands for its place there.
        if let Some(object) = self.snapshot.object(name)
            && super::by_id(object.facility()).is_some_and(|f| f.size() > 0)
        {
            return Some((object.key.dev, object.key.ino, object.key.offset));
        }
        // The first name of a mapping stands for its start; others may stand for places in it.
        let mapping = actor.mappings.iter().find(|m| m.shared && m.names.first().is_some_and(|n| n == name))?;
        let object = self.snapshot.object(mapping.object.as_ref()?)?;
        Some((object.key.dev, object.key.ino, mapping.offset))
    }
}

/// What POSIX leaves undefined in a statement on a stage as it is, in words.
pub fn undefined(statement: &Statement, snapshot: &Snapshot) -> Option<String> {
    let of = |actor: &str, call: &CallExpr| {
        let facility = super::of_verb(&call.verb)?;
        let why = facility.undefined(&call.verb, &Intent { actor, call, snapshot })?;
        Some(format!("undefined by POSIX: {why}"))
    };
    match &statement.body {
        Body::Order { actor, call } => of(actor, call),
        Body::Step { actor } => {
            let program = snapshot.actor(actor)?.program.as_ref()?;
            let line = format!("{actor}: {}", program.lines.get(program.next)?);
            match crate::script::parse_line(&line, super::registry()).ok()?.body {
                Body::Order { actor, call } => of(&actor, &call),
                _ => None,
            }
        }
        _ => None,
    }
}

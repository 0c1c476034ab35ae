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
        if let ArgValue::Name(name) = value
            && let Some(object) = of_name(name)
        {
            return Place::Object(object);
        }
        let Some((dev, ino, offset)) = self.leads_to(actor, value) else {
            // The name of a place in memory outlives what was there.
            let left = |name: &String| {
                let inner = actor.mappings.iter().any(|m| m.shared && m.names.iter().skip(1).any(|n| n == name));
                let another = |o: &Object| o.name == *name || o.name.starts_with(&format!("{name}#"));
                inner && !self.snapshot.objects.iter().any(another)
            };
            return match value {
                ArgValue::Name(name) if left(name) => Place::Nothing(name.clone()),
                _ => Place::Unknown,
            };
        };
        let here = |o: &&Object| o.facility() == facility && (o.key.dev, o.key.ino, o.key.offset) == (dev, ino, offset);
        let found = self.snapshot.objects.iter().find(here);
        found.map_or_else(|| Place::Nothing(value.to_string()), Place::Object)
    }

    /// Device, inode and offset of what a name or an address stands for.
    fn leads_to(&self, actor: &Actor, value: &ArgValue) -> Option<(u64, u64, u64)> {
        let (base, plus) = match value {
            ArgValue::Name(name) => (name, 0),
            ArgValue::Address(base, plus) => match plus.eval(&super::Machine) {
                Ok(Data::Int(plus)) => (base, plus),
                _ => return None,
            },
            _ => return None,
        };
        let (dev, ino, offset) = self.lies_in(actor, base)?;
        Some((dev, ino, offset.wrapping_add_signed(plus)))
    }

    /// What the call's arguments name, each thing in one way whatever it is called.
    fn touches(&self) -> Vec<String> {
        let actor = self.snapshot.actor(self.actor);
        let one = |value: &ArgValue| match actor.and_then(|actor| self.leads_to(actor, value)) {
            Some((dev, ino, offset)) => format!("{dev}:{ino}+{offset}"),
            None => value.to_string(),
        };
        self.call.args.iter().map(|arg| one(&arg.value)).collect()
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
///
/// Of a run of several calls each is judged that names nothing which a call before it has named, or one of an actor that
/// runs beside it: what the others will meet is not known yet.
pub fn undefined(statement: &Statement, snapshot: &Snapshot) -> Option<String> {
    let program = |actor: &str, all: bool| {
        let program = snapshot.actor(actor)?.program.as_ref()?;
        let lines = program.lines.iter().skip(program.next).take(if all { usize::MAX } else { 1 });
        let parsed = lines.filter_map(|line| {
            match crate::script::parse_line(&format!("{actor}: {line}"), super::registry()).ok()?.body {
                Body::Order { call, .. } => Some(call),
                _ => None,
            }
        });
        Some(parsed.collect::<Vec<CallExpr>>())
    };
    match &statement.body {
        Body::Order { actor, call } => first_undefined(actor, std::slice::from_ref(call), Vec::new(), snapshot),
        Body::Step { actor } => first_undefined(actor, &program(actor, false)?, Vec::new(), snapshot),
        Body::Repeat { actor, body, .. } => first_undefined(actor, body, Vec::new(), snapshot),
        Body::Go { actors, .. } => {
            let all: Vec<(&String, Vec<CallExpr>)> =
                actors.iter().map(|actor| (actor, program(actor, true).unwrap_or_default())).collect();
            all.iter().find_map(|(actor, body)| {
                let beside = all.iter().filter(|(other, _)| other != actor).flat_map(|(other, body)| {
                    body.iter().flat_map(move |call| Intent { actor: other.as_str(), call, snapshot }.touches())
                });
                first_undefined(actor, body, beside.collect(), snapshot)
            })
        }
        _ => None,
    }
}

fn first_undefined(actor: &str, body: &[CallExpr], mut named: Vec<String>, snapshot: &Snapshot) -> Option<String> {
    body.iter().find_map(|call| {
        let intent = Intent { actor, call, snapshot };
        let touches = intent.touches();
        let fresh = !touches.iter().any(|one| named.contains(one));
        named.extend(touches);
        let why = super::of_verb(&call.verb).filter(|_| fresh)?.undefined(&call.verb, &intent)?;
        Some(format!("undefined by POSIX: {why}"))
    })
}

//! What is on stage, as far as completion needs it.

use super::{ArgKind, ArgValue, Body, CallExpr, Expr, Makes, Registry, Statement};
use crate::model::{ActorState, Snapshot};

/// Names that can be offered. It is made from a snapshot, or learnt from statements that have not run yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scene {
    /// Actors, in order of birth.
    pub actors: Vec<SceneActor>,
    /// Objects, in order of first sight.
    pub objects: Vec<SceneObject>,
    /// Its hosts, each with an address if one is known.
    pub hosts: Vec<(String, String)>,
}

/// An actor and what it can name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SceneActor {
    /// Its name.
    pub name: String,
    /// What it does, in a few words.
    pub state: String,
    /// Whether it has not ended.
    pub alive: bool,
    /// Its descriptor variables.
    pub descriptors: Vec<SceneDescriptor>,
    /// Its variables that stand for addresses.
    pub mappings: Vec<String>,
    /// Its `$` variables, without `$`, and their values as the language prints them.
    pub variables: Vec<(String, String)>,
}

/// A descriptor variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SceneDescriptor {
    /// Its name: `p.r`.
    pub name: String,
    /// Whether it can be read from.
    pub reads: bool,
    /// Whether it can be written to.
    pub writes: bool,
    /// The object that it leads to.
    pub object: Option<String>,
}

/// An object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SceneObject {
    /// Its name.
    pub name: String,
    /// The id of its facility, which is the id of its chapter in the registry.
    pub facility: String,
    /// Its path or name as the manual means it; empty if it has none.
    pub identifier: String,
    /// The names of its fields.
    pub fields: Vec<String>,
}

impl Scene {
    /// The names that a snapshot shows.
    pub fn of(snapshot: &Snapshot) -> Self {
        let actors = snapshot.actors.iter().map(|actor| {
            // What a process holds stands on the card of its first actor.
            let process = actor.thread_of.as_deref().and_then(|of| snapshot.actor(of)).unwrap_or(actor);
            let descriptors = process.descriptors.iter().flat_map(|d| {
                d.names.iter().map(|name| SceneDescriptor {
                    name: name.clone(),
                    reads: d.access.reads(),
                    writes: d.access.writes(),
                    object: d.object.clone(),
                })
            });
            SceneActor {
                name: actor.name.clone(),
                state: state(&actor.state),
                alive: actor.alive(),
                descriptors: descriptors.collect(),
                mappings: process.mappings.iter().flat_map(|m| m.names.iter().cloned()).collect(),
                variables: actor.variables.clone(),
            }
        });
        let objects = snapshot.objects.iter().map(|object| SceneObject {
            name: object.name.clone(),
            facility: object.facility().to_owned(),
            identifier: if object.identifier == "none" { String::new() } else { object.identifier.clone() },
            fields: object.fields.iter().map(|f| f.name.to_string()).collect(),
        });
        let hosts =
            snapshot.hosts.iter().map(|host| (host.name.clone(), host.address().unwrap_or_default().to_owned()));
        Self { actors: actors.collect(), objects: objects.collect(), hosts: hosts.collect() }
    }

    /// The actor of that name.
    pub fn actor(&self, name: &str) -> Option<&SceneActor> {
        self.actors.iter().find(|a| a.name == name)
    }

    /// The object of that name.
    pub fn object(&self, name: &str) -> Option<&SceneObject> {
        self.objects.iter().find(|o| o.name == name)
    }

    /// Adds the names that a statement will bring once it runs, as far as they can be told from its text.
    pub fn learn(&mut self, statement: &Statement, registry: &Registry) {
        match &statement.body {
            Body::Spawn { name, .. } => self.add_actor(name, None),
            Body::Host { name } if !self.hosts.iter().any(|(host, _)| host == name) => {
                self.hosts.push((name.clone(), String::new()));
            }
            Body::Order { actor, call } => self.learn_call(actor, call, registry),
            Body::Program { actor, body } | Body::Repeat { actor, body, .. } => {
                for call in body {
                    self.learn_call(actor, call, registry);
                }
            }
            _ => {}
        }
    }

    fn add_actor(&mut self, name: &str, like: Option<&str>) {
        if self.actor(name).is_none() {
            let parent = like.and_then(|parent| self.actor(parent)).cloned().unwrap_or_default();
            self.actors.push(SceneActor { name: name.to_owned(), state: String::new(), alive: true, ..parent });
        }
    }

    fn learn_call(&mut self, by: &str, call: &CallExpr, registry: &Registry) {
        let Some((_, spec)) = registry.call(&call.verb) else { return };
        let given = |wanted: fn(ArgKind) -> bool| {
            let place = spec.args.iter().find(|a| wanted(a.kind))?;
            match &call.args.iter().find(|a| a.name == place.name)?.value {
                ArgValue::Name(name) => Some(name.clone()),
                ArgValue::Expr(Expr::Var(name)) => Some(name.clone()),
                _ => None,
            }
        };
        if let Some(child) = given(|k| k == ArgKind::NewActor) {
            let child = if spec.makes == Makes::Thread { format!("{}.{child}", process_of(by)) } else { child };
            self.add_actor(&child, Some(by));
        }
        let named = given(|k| matches!(k, ArgKind::NewName | ArgKind::ObjectName));
        if let Some(name) = &named
            && spec.makes != Makes::Nothing
            && self.object(name).is_none()
        {
            let chapter = registry.chapters.iter().find(|c| c.calls.iter().any(|s| s.name == spec.name));
            let facility = chapter.map_or("", |c| c.id).to_owned();
            self.objects.push(SceneObject { name: name.clone(), facility, ..SceneObject::default() });
        }
        let Some(actor) = self.actors.iter_mut().find(|a| a.name == by) else { return };
        let mut descriptor = |name: String, reads: bool, writes: bool| {
            if !actor.descriptors.iter().any(|d| d.name == name) {
                actor.descriptors.push(SceneDescriptor { name, reads, writes, object: named.clone() });
            }
        };
        match (spec.makes, call.bind.clone().or_else(|| named.clone())) {
            (Makes::Ends(first, second), Some(name)) => {
                for end in [first, second] {
                    descriptor(format!("{name}.{end}"), end != "w", end != "r");
                }
            }
            (Makes::Descriptor, Some(name)) => descriptor(name, true, true),
            (Makes::Memory, Some(name)) if !actor.mappings.contains(&name) => actor.mappings.push(name),
            _ => {}
        }
        for variable in call.into.clone().into_iter().chain(given(|k| k == ArgKind::Variable)) {
            if !actor.variables.iter().any(|(n, _)| *n == variable) {
                actor.variables.push((variable, String::new()));
            }
        }
    }
}

/// The name of a thread's process: that of the actor itself if it was the first one.
pub fn process_of(actor: &str) -> &str {
    actor.split_once('.').map_or(actor, |(process, _)| process)
}

fn state(state: &ActorState) -> String {
    match state {
        ActorState::Idle => "idle".to_owned(),
        ActorState::Asleep(sleep) => match sleep.on() {
            Some(object) => format!("asleep in {} on {object}", sleep.verb),
            None => format!("asleep in {}", sleep.verb),
        },
        ActorState::Running { .. } => "running".to_owned(),
        ActorState::Stopped { .. } => "stopped".to_owned(),
        ActorState::Zombie(_) | ActorState::Dead(_) => "ended".to_owned(),
    }
}

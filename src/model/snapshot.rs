//! What the kernel says of all actors and objects at one moment.

use serde::{Deserialize, Serialize};

use super::{Actor, Fact, Field, Object};

/// How far a stage is apart from the rest of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In namespaces of its own; the kernel removes all of it when the stage ends.
    Isolated,
    /// In a directory of its own, with names that carry a tag; a reaper removes what is left.
    Shared,
}

/// A machine within the machine: network, IPC and mount namespaces of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// What its own network tells: `addresses`, a list of texts such as `10.0.0.1/24`; `up` and `down`, lists of the
    /// hosts whose line to this one carries, or does not.
    pub fields: Vec<Field>,
}

impl Host {
    /// A field's texts; none if there is no such field, or it is hidden.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let field = self.fields.iter().find(|f| f.name == name);
        field.map_or(&[][..], |f| f.value.as_list()).iter().filter_map(super::Value::as_text)
    }

    /// Its first address, without the length of the network's part.
    pub fn address(&self) -> Option<&str> {
        self.texts("addresses").next().map(|address| address.split('/').next().unwrap_or(address))
    }
}

/// All actors and objects at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken, in ns since the stage opened.
    pub at_ns: u64,
    /// Whether every task was idle, asleep, stopped or dead.
    pub settled: bool,
    /// In order of birth.
    pub actors: Vec<Actor>,
    /// In order of first sight.
    pub objects: Vec<Object>,
    /// Machines within the machine, in order of birth.
    pub hosts: Vec<Host>,
    /// What the records of actors tell and the kernel keeps no account of.
    pub facts: Vec<Fact>,
    /// System calls that actors reported since the last `mark`, if there was one.
    pub syscalls_since_mark: Option<u64>,
    /// Accesses to memory since then during each of which the kernel would have stopped a system call, and had none to
    /// stop; 0 if it can't vouch for all that was no call.
    pub vouched_since_mark: u64,
    /// Who was asleep in a call at the last `mark` and has run since, if there was one, in order of birth: the kernel
    /// counts how often a task has been given a processor.
    pub woken_since_mark: Option<Vec<String>>,
}

impl Snapshot {
    /// A stage on which nothing is.
    pub const fn empty() -> Self {
        Self {
            at_ns: 0,
            settled: true,
            actors: Vec::new(),
            objects: Vec::new(),
            hosts: Vec::new(),
            facts: Vec::new(),
            syscalls_since_mark: None,
            vouched_since_mark: 0,
            woken_since_mark: None,
        }
    }

    /// An actor by name.
    pub fn actor(&self, name: &str) -> Option<&Actor> {
        self.actors.iter().find(|a| a.name == name)
    }

    /// Whether an actor lives in a session with several process groups: with only one it need not be told.
    pub fn has_jobs(&self, actor: &Actor) -> bool {
        let other = |a: &Actor| a.job.session == actor.job.session && a.job.group != actor.job.group;
        actor.alive() && self.actors.iter().any(|a| a.alive() && other(a))
    }

    /// An object by name.
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.objects.iter().find(|o| o.name == name)
    }

    /// A host by name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|h| h.name == name)
    }

    /// All names that are taken on stage, of actors, objects and hosts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let actors = self.actors.iter().map(|a| a.name.as_str());
        actors.chain(self.objects.iter().map(|o| o.name.as_str())).chain(self.hosts.iter().map(|h| h.name.as_str()))
    }
}

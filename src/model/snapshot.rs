//! What the kernel says of all actors and objects at one moment.

use serde::{Deserialize, Serialize};

use super::{Actor, Object};

/// How far a stage is apart from the rest of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In namespaces of its own; the kernel removes all of it when the stage ends.
    Isolated,
    /// In a directory of its own, with names that carry a tag; a reaper removes what is left.
    Shared,
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
    /// System calls that actors reported since the last `mark`, if there was one.
    pub syscalls_since_mark: Option<u64>,
}

impl Snapshot {
    /// A stage on which nothing is.
    pub const fn empty() -> Self {
        Self { at_ns: 0, settled: true, actors: Vec::new(), objects: Vec::new(), syscalls_since_mark: None }
    }

    /// An actor by name.
    pub fn actor(&self, name: &str) -> Option<&Actor> {
        self.actors.iter().find(|a| a.name == name)
    }

    /// An object by name.
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.objects.iter().find(|o| o.name == name)
    }

    /// All names that are taken on stage, of actors and of objects.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.actors.iter().map(|a| a.name.as_str()).chain(self.objects.iter().map(|o| o.name.as_str()))
    }
}

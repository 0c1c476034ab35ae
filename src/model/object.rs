//! Kernel objects of a facility.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::{Evidence, Field, Value, Word};

/// What the kernel knows an object by. Never the inode alone, and never a name: two FIFOs on two file systems may
/// share a number, and a name may lead elsewhere by now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The facility's id, such as `pipe`.
    pub facility: Word,
    /// Device number of the file system that holds it; the pid for memory of one process; for an id the number of
    /// the host that it is of, 0 on the stage's own ground.
    pub dev: u64,
    /// Inode number; the address for memory of one process; the id.
    pub ino: u64,
    /// Byte offset within the file, for objects that live inside one.
    pub offset: u64,
}

impl ObjectKey {
    /// That of an object which the kernel knows by an id.
    pub fn of_id(facility: impl Into<Word>, id: i32) -> Self {
        Self { facility: facility.into(), dev: 0, ino: u64::from(id.cast_unsigned()), offset: 0 }
    }

    /// The same at a place, 0 the stage's own ground: ids of different hosts are different, all else is told apart by
    /// its device.
    #[must_use]
    pub fn at(mut self, place: usize) -> Self {
        if self.dev == 0 {
            self.dev = place as u64;
        }
        self
    }
}

/// By its numbers alone: they tell nearly all apart, and a look at a full stage asks thousands of times.
impl Hash for ObjectKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.dev, self.ino, self.offset).hash(state);
    }
}

/// An object at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Our name for it, unique in a snapshot: `p`; `pipe#2` for one that the learner did not name.
    pub name: String,
    /// What the kernel knows it by.
    pub key: ObjectKey,
    /// Its identifier as the manual means it: a path, a POSIX name, or `none`.
    pub identifier: String,
    /// What was read of it.
    pub fields: Vec<Field>,
    /// Who holds a handle on it.
    pub holders: Vec<Holder>,
    /// Who sleeps on it, in the kernel's order where the kernel tells one, else by time of entry.
    pub waiters: Vec<Waiter>,
}

/// One handle that an actor holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who.
    pub actor: String,
    /// What the handle is for: `read`, `write`, `read+write`, `map`, `lock`.
    pub role: Word,
    /// The handle itself: `3`, `0x7f…`.
    pub handle: String,
}

/// One actor that sleeps on the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiter {
    /// Who.
    pub actor: String,
    /// The call in which it sleeps.
    pub verb: Word,
    /// What it waits to do.
    pub direction: Word,
    /// Since when, in ns since the stage opened.
    pub since_ns: u64,
}

impl Object {
    /// The id of its facility.
    pub fn facility(&self) -> &str {
        &self.key.facility
    }

    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The value of a field; [`Value::Nothing`] if there is none of that name.
    pub fn value(&self, name: &str) -> &Value {
        self.field(name).map_or(&Value::Nothing, |f| &f.value)
    }

    /// An integer field.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.value(name).as_int()
    }

    /// How a field is known; hidden if there is none of that name.
    pub fn evidence(&self, name: &str) -> Evidence {
        self.field(name).map_or(Evidence::Hidden, |f| f.evidence)
    }

    /// The actors that hold it in a role that contains `word`, each once.
    pub fn holding(&self, word: &str) -> Vec<&str> {
        let mut seen = HashSet::new();
        let holders = self.holders.iter().filter(|h| h.role.contains(word)).map(|h| h.actor.as_str());
        holders.filter(|actor| seen.insert(*actor)).collect()
    }
}

//! An actor's names and variables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::perform::Refusal;
use crate::model::Stdout;
use crate::script::Data;

/// Most bytes that the `$` variables of one actor may take together, and most names that it may have: after each call
/// that changes them they are told in one message.
pub const VARIABLES_MAX: usize = 64 << 10;
/// See [`VARIABLES_MAX`].
pub const NAMES_MAX: usize = 1000;
/// What a name stands for in one actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    /// A descriptor; the number stays bound after a close.
    Descriptor(i32),
    /// Memory at an address, of so many bytes.
    Memory(u64, u64),
    /// An id, with the place of its facility in [`ALL`](super::ALL): each facility counts its own.
    Id(u8, i32),
}

/// The names and variables of an actor. They are its own: a fork copies them as it copies memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// What names stand for: `p.r`, `q`, `m`.
    pub bound: BTreeMap<String, Bound>,
    /// The `$` variables, by name without `$`.
    pub variables: BTreeMap<String, Data>,
    /// What the C library's standard output holds back, once it has been used: memory, so a fork copies it too.
    pub stdout: Option<Stdout>,
}

/// What the threads of a process have in common of their names: all but the variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// See [`Names::bound`].
    pub bound: BTreeMap<String, Bound>,
    /// See [`Names::stdout`].
    pub stdout: Option<Stdout>,
}

impl Names {
    /// What it has in common with other threads.
    pub fn shared(&self) -> Shared {
        Shared { bound: self.bound.clone(), stdout: self.stdout.clone() }
    }

    /// Whether a variable may take so many bytes.
    pub fn room(&self, variable: &str, bytes: usize) -> Result<(), Refusal> {
        /// For the names and numbers of a few, so that one can be as large as the limit says.
        const SLACK: usize = 1024;
        if bytes == 0 && self.variables.contains_key(variable) {
            return Ok(());
        }
        let size = |name: &str, data: usize| name.len() + data + size_of::<i64>();
        let others = self.variables.iter().filter(|(name, _)| *name != variable).map(|(name, value)| match value {
            Data::Int(_) => size(name, 0),
            Data::Bytes(bytes) => size(name, bytes.len()),
        });
        if others.sum::<usize>() + size(variable, bytes) <= VARIABLES_MAX + SLACK {
            return Ok(());
        }
        Err(Refusal::new(format!(
            "${variable} would take {bytes} bytes; the variables of an actor may take {VARIABLES_MAX} together \
             (VARIABLES_MAX)"
        )))
    }

    /// Whether one more name may be bound.
    pub fn another(&self) -> Result<(), Refusal> {
        if self.bound.len() < NAMES_MAX {
            return Ok(());
        }
        Err(Refusal::new(format!("an actor may have {NAMES_MAX} names (NAMES_MAX)")))
    }

    /// Sets `$ret` and `$errno`, in place where they exist: this runs after every call.
    pub(super) fn set_result(&mut self, ret: i64, errno: i32) {
        for (name, value) in [("ret", ret), ("errno", i64::from(errno))] {
            if let Some(slot) = self.variables.get_mut(name) {
                *slot = Data::Int(value);
            } else {
                self.variables.insert(name.to_owned(), Data::Int(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_actor_holds_has_limits_with_names() {
        let mut names = Names::default();
        let data = |n: usize| Data::Bytes(vec![b'x'; n]);
        assert_eq!(names.room("x", VARIABLES_MAX), Ok(()));
        names.variables.insert("x".to_owned(), data(VARIABLES_MAX));
        names.set_result(0, 0);
        assert_eq!(names.room("x", VARIABLES_MAX), Ok(()), "in place of what it holds");
        assert_eq!(names.room("x", 0), Ok(()));
        assert!(names.room("y", 2000).unwrap_err().why.contains("VARIABLES_MAX"));
        for n in 0..NAMES_MAX {
            assert_eq!(names.another(), Ok(()), "{n}");
            names.bound.insert(format!("m{n}"), Bound::Descriptor(3));
        }
        assert!(names.another().unwrap_err().why.contains("NAMES_MAX"));
    }
}

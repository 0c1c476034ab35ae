//! What a process holds: its descriptors and mappings, as they were read last.

use std::collections::BTreeMap;

use super::table::Table;
use crate::facility::look::{Handle, Kept};
use crate::kernel::proc::{FdInfo, Maps};
use crate::model::ObjectKey;

/// The handles of one process, and when they were read.
#[derive(Debug)]
pub(super) struct Held {
    pub table: Table,
    pub maps: Maps,
    pub switches: Option<u64>,
    /// How many orders and calls it had been through: one that has not slept since the last look has the same count of
    /// switches, though it ran.
    pub rounds: (u64, u64),
    pub handles: Vec<Claimed>,
    pub mappings: Mappings,
}

/// What must be read again of a process' mappings. Only its own calls make and end mappings: where none has been made
/// that could, there are no others than at the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mappings {
    /// Nothing.
    Known,
    /// What those that are known are now.
    Again,
    /// All.
    Stale,
}

impl Kept for BTreeMap<i32, Held> {
    fn fdinfo(&self, pid: i32, fd: i32) -> Option<FdInfo> {
        self.get(&pid)?.table.info(fd)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub handle: Handle,
    pub key: Option<ObjectKey>,
}

//! What a process holds: its descriptors and mappings, as they were read last.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use super::member::{Member, Posture};
use super::table::Table;
use crate::facility::look::{Handle, Kept};
use crate::kernel::proc::{FdInfo, KeptStatus, Maps, Status};
use crate::model::ObjectKey;

/// The handles of one process, and when they were read.
#[derive(Debug)]
pub(super) struct Held {
    pub table: Table,
    pub maps: Maps,
    pub seen: Option<Activity>,
    /// Whether it is to be read again though it has not run.
    pub again: bool,
    pub handles: Vec<Claimed>,
    pub mappings: Mappings,
    pub status_file: Option<KeptStatus>,
    /// What it said in this look.
    pub status: RefCell<Option<Status>>,
}

impl Held {
    /// What /proc tells of the first thread; read once a look.
    pub(super) fn status(&self) -> Option<Status> {
        let mut status = self.status.borrow_mut();
        if status.is_none() {
            *status = self.status_file.as_ref().and_then(KeptStatus::read);
        }
        status.clone()
    }
}

/// How far each thread of a process had come when it was looked at: its id, how often it was given a processor, and how
/// many orders and calls it had been through; one that has not slept since has the same count of switches, though it ran.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Activity(Vec<(i32, u64, (u64, u64))>);

impl Activity {
    /// Of the process of these threads. `None` where it can't be known: one that runs at this moment may go on without
    /// another switch.
    pub(super) fn of(threads: &[&Member]) -> Option<Self> {
        let one = |m: &&Member| Some((m.thread.tid, m.switches()?, m.rounds()));
        threads.iter().map(one).collect::<Option<_>>().map(Self)
    }

    /// Whether it is that of a single thread.
    pub(super) fn is_of_one(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether one of these threads runs.
    pub(super) fn runs(threads: &[&Member]) -> bool {
        threads.iter().any(|m| m.posture == Posture::Running)
    }
}

/// The living members by their processes.
pub(super) fn by_process(members: &[Member]) -> HashMap<i32, Vec<&Member>> {
    let mut all: HashMap<i32, Vec<&Member>> = HashMap::new();
    for member in members.iter().filter(|m| m.alive()) {
        all.entry(member.pid).or_default().push(member);
    }
    all
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

    fn status(&self, pid: i32) -> Option<Status> {
        self.get(&pid)?.status()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub handle: Handle,
    pub key: Option<ObjectKey>,
}

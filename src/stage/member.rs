//! What the director knows of one actor.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use super::mail::Mail;
use crate::facility;
use crate::facility::look;
use crate::facility::perform::{Bound, Names, Shared, Thread};
use crate::kernel::arena::{Entered, Reader, Slot};
use crate::kernel::proc::{Stat, Task};
use crate::model::{Call, Death, ObjectKey};
use crate::script::CallExpr;

/// An actor, from its birth to the reuse of its name.
#[derive(Debug)]
pub(super) struct Member {
    pub name: String,
    /// Its process.
    pub pid: i32,
    /// Itself, as the kernel and its process know it.
    pub thread: Thread,
    /// The actor that was the first of its process, if it is not that one.
    pub thread_of: Option<String>,
    /// Whether another thread has joined it.
    pub joined: bool,
    /// Whether a call has asked or said how it is scheduled.
    pub scheduled: bool,
    /// What it knows itself of what the threads of its process have in common, once there are several. `names` is what
    /// all of them know together.
    pub own: Option<Shared>,
    pub uid: u32,
    /// The actor that forked it; `None` if the director did.
    pub parent: Option<String>,
    /// The place of the host on which it lives, 0 for the stage's own ground.
    pub place: usize,
    /// Its control socket; closed once it has ended.
    pub socket: Option<OwnedFd>,
    /// Kept open: reading is several times dearer with an open each time.
    pub task: Task,
    pub slot: Slot,
    pub reader: Reader,
    /// How many calls it has finished, and how many records its ring had to drop, when it ended: its slot is another's
    /// by now.
    pub tally: Option<(u64, u64)>,
    /// How many orders it was given.
    pub orders: u64,
    /// The order that it has not answered.
    pub busy: Option<Busy>,
    pub fate: Fate,
    /// When its end was noticed, CLOCK_MONOTONIC in ns.
    pub ended_ns: Option<u64>,
    pub names: Names,
    pub program: Option<Held>,
    pub last: Option<Call>,
    /// The sequence number of the call that the face knows as entered.
    pub told_entered: Option<u64>,
    /// How many records its ring had dropped when it was last emptied.
    pub dropped: u64,
    /// How often it had entered the kernel then.
    pub entered: crate::kernel::arena::Entered,
    /// How often its handler has run, by signal; lowest number first.
    pub handled: Vec<(String, u64)>,
    /// The flags of the actions that it has set, by signal, lowest number first.
    pub actions: Vec<(i32, String)>,
    /// When its handlers ran, CLOCK_MONOTONIC in ns, oldest first.
    pub ran: VecDeque<u64>,
    /// What was sent to it and it has not taken.
    pub mail: Mail,
    /// What the last look found; only valid while the stage is settled.
    pub posture: Posture,
    /// What /proc said of it in the pass over everyone that has just found the stage settled or not.
    pub stat: Option<Stat>,
    /// How often it had been given a processor when it was last found to wait for an order.
    pub rested: Option<u64>,
    /// Whether it was given an order since the stage was last settled.
    pub stirred: bool,
    /// The signal of its last stop, where the kernel told it: it does so only until a parent has waited for the stop.
    pub stopped_by: Option<i32>,
    /// The system call of its last confirmed sleep: after a stop the kernel shows 219 (restart_syscall) in its place.
    pub slept_in: Option<i64>,
    /// The switch count of the sleep in which the last `mark` found it.
    pub slept_at_mark: Option<u64>,
}

/// Whether it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Alive,
    Zombie(Death),
    Dead(Death),
}

/// An order under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Busy {
    pub order: u32,
    /// A `repeat` or `go`.
    pub free: bool,
    /// It keeps a processor busy, until cancelled.
    pub spins: bool,
    /// Its statement has ended as running: nobody waits for it to settle any more.
    pub let_go: bool,
}

/// A program that is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub body: Vec<CallExpr>,
    pub next: usize,
}

/// What a look at a task found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Posture {
    /// It waits for an order.
    Idle,
    /// It is asleep in the call of its verb.
    Asleep(Asleep),
    /// A signal has stopped it.
    Stopped,
    /// Anything else.
    Running,
}

/// A sleep as the kernel shows it, with the actor's own record of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asleep {
    /// The number of the system call that the call is in, 219 resolved.
    pub syscall: i64,
    pub args: [u64; 6],
    /// Place of the matching entry among the specification's sleeps.
    pub way: usize,
    pub verb: u16,
    pub seq: u64,
    /// The switch count at both looks.
    pub switches: u64,
}

impl Member {
    /// A member for a task that has come to life: the first of its process, until told otherwise.
    pub(super) fn new(name: &str, pid: i32, uid: u32, place: usize, socket: OwnedFd, task: Task, slot: Slot) -> Self {
        Self {
            name: name.to_owned(),
            pid,
            thread: Thread { tid: pid, ..Thread::default() },
            thread_of: None,
            joined: false,
            scheduled: false,
            own: None,
            uid,
            parent: None,
            place,
            socket: Some(socket),
            task,
            reader: slot.reader(),
            slot,
            orders: 0,
            busy: None,
            fate: Fate::Alive,
            ended_ns: None,
            names: Names::default(),
            program: None,
            last: None,
            told_entered: None,
            dropped: 0,
            entered: Entered::default(),
            handled: Vec::new(),
            actions: Vec::new(),
            ran: VecDeque::new(),
            mail: Mail::default(),
            tally: None,
            posture: Posture::Running,
            stat: None,
            rested: None,
            stirred: true,
            stopped_by: None,
            slept_in: None,
            slept_at_mark: None,
        }
    }

    pub(super) const fn alive(&self) -> bool {
        matches!(self.fate, Fate::Alive)
    }

    /// Notes the sleep that it is in, if it sleeps, at a `mark`.
    pub(super) fn mark(&mut self) {
        self.slept_at_mark = match &self.posture {
            Posture::Asleep(asleep) => self.task.switches().filter(|now| *now == asleep.switches),
            _ => None,
        };
    }

    /// Whether it was asleep at the last `mark` and has run since; the dead have.
    pub(super) fn woken_since_mark(&self) -> bool {
        self.slept_at_mark.is_some_and(|then| self.task.switches() != Some(then))
    }

    /// Whether it was the first of its process.
    pub(super) const fn leads(&self) -> bool {
        self.thread_of.is_none()
    }

    /// The name of its process: that of its first actor.
    pub(super) fn process(&self) -> &str {
        self.thread_of.as_deref().unwrap_or(&self.name)
    }

    /// How many calls it has finished, and how many of their records its ring had to drop.
    pub(super) fn tally(&self) -> (u64, u64) {
        self.tally.unwrap_or_else(|| (self.reader.finished(), self.reader.dropped()))
    }

    /// How often it has been given a processor, as the pass that has just been made found it, or else as the kernel says.
    pub(super) fn switches(&self) -> Option<u64> {
        let found = match &self.posture {
            Posture::Idle => self.rested,
            Posture::Asleep(asleep) => Some(asleep.switches),
            Posture::Stopped | Posture::Running => None,
        };
        self.stat.and(found).or_else(|| self.task.switches())
    }

    /// How many orders it was given, and how many calls it has finished.
    pub(super) fn rounds(&self) -> (u64, u64) {
        (self.orders, self.tally().0)
    }

    /// Whether its statement has ended while it still ran.
    pub(super) fn let_go(&self) -> bool {
        self.busy.as_ref().is_some_and(|b| b.let_go)
    }
}

/// How a member sleeps, with the time of entry.
pub(super) fn sleeper(member: &Member) -> Option<(u64, look::Asleep)> {
    let Posture::Asleep(asleep) = &member.posture else { return None };
    let since = member.reader.in_flight()?.entered_ns;
    Some((since, look::Asleep { actor: member.name.clone(), pid: member.pid, nr: asleep.syscall, args: asleep.args }))
}

/// What an actor knows by an id, with its name for it.
pub(super) fn known_ids(member: &Member) -> impl Iterator<Item = (ObjectKey, String, String)> {
    member.names.bound.iter().filter_map(|(name, bound)| {
        let Bound::Id(place, id) = bound else { return None };
        let facility = facility::ALL.get(usize::from(*place))?.card().id;
        Some((ObjectKey::of_id(facility, *id).at(member.place), member.name.clone(), name.clone()))
    })
}

//! An account of what actors reported and the kernel forgets: which locks they took in which order, what they took from
//! semaphores, and how many signals met one that was pending, by the count that [`mail`](super::mail) keeps. It is as
//! whole as their records are.

use std::collections::BTreeMap;

use super::member::Member;
use super::scan::Scene;
use crate::facility::deed::{Deed, Extent, Owner, Through};
use crate::facility::{self};
use crate::kernel::arena::Record;
use crate::model::{Fact, ObjectKey, Snapshot};

/// Most orders of two locks that are kept, and most locks and losses: what comes first is forgotten first.
const KEPT: usize = 64;

/// The account.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    held: Vec<Held>,
    orders: Vec<Order>,
    lost: Vec<Lost>,
    /// Units of semaphores that an actor took more than it gave, by the semaphore.
    units: BTreeMap<(ObjectKey, String), i64>,
    /// The same since the last look, by process and what the call named: what that is costs too much for each call.
    fresh_units: BTreeMap<(i32, &'static str, Through), Fresh>,
    merged: Vec<Merged>,
}

#[derive(Debug, Clone, PartialEq)]
struct Held {
    actor: String,
    pid: i32,
    key: ObjectKey,
    on: Through,
    owner: Owner,
    extent: Extent,
    what: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    actor: String,
    first: (ObjectKey, String),
    then: (ObjectKey, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lost {
    actor: String,
    pid: i32,
    key: ObjectKey,
    what: String,
    call: String,
}

#[derive(Debug, Clone, Default)]
struct Fresh {
    actor: String,
    units: i64,
    /// Whether the semaphore was set to a new value before that.
    reset: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Merged {
    pid: i32,
    actor: String,
    signal: String,
    /// How many were lost while one was pending that has been taken.
    before: u64,
    /// How many since one is pending that still is.
    now: u64,
}

fn overlap(one: Extent, other: Extent) -> bool {
    one.1.is_none_or(|end| other.0 <= end) && other.1.is_none_or(|end| one.0 <= end)
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() >= KEPT {
        list.remove(0);
    }
    list.push(item);
}

impl Ledger {
    /// Takes in a finished call. Handles mean what they meant at the last look: what a call has closed is still known.
    pub(super) fn note(&mut self, member: &Member, record: &Record, verb: &'static str, scene: &Scene) {
        let Some(deed) = facility::deed(record) else { return };
        let key = |on: Through| match on {
            Through::Descriptor(fd) => scene.behind(member.pid, fd).cloned(),
            Through::Address(address) => scene.at_address(member.pid, address),
            Through::Id(id) => facility::of_verb(verb).map(|f| ObjectKey::of_id(f.card().id, id).at(member.place)),
        };
        // Whoever is told that the last owner died owns the lock all the same.
        let got = matches!(record.errno, 0 | libc::EOWNERDEAD);
        match deed {
            Deed::Lock { on, owner, extent, what } => {
                let Some(key) = key(on) else { return };
                let actor = member.name.clone();
                self.lock(Held { actor, pid: member.pid, key, on, owner, extent, what }, got);
            }
            Deed::Unlock { on, owner, extent } => {
                if let Some(key) = key(on) {
                    self.unlock(member, &key, owner, extent);
                }
            }
            Deed::Close(fd) => {
                if let Some(key) = scene.behind(member.pid, fd) {
                    self.close(member, fd, key, verb);
                }
            }
            Deed::Units(on, units) => {
                let fresh = self.fresh(member, verb, on);
                fresh.units += units;
            }
            Deed::Reset(on) => {
                let fresh = self.fresh(member, verb, on);
                (fresh.units, fresh.reset) = (0, true);
            }
        }
    }

    fn fresh(&mut self, member: &Member, verb: &'static str, on: Through) -> &mut Fresh {
        // Ids of different facilities are different; all its calls are one facility's.
        let facility = facility::of_verb(verb).map_or("", |f| f.card().id);
        let fresh = self.fresh_units.entry((member.pid, facility, on)).or_default();
        fresh.actor.clone_from(&member.name);
        fresh
    }

    fn lock(&mut self, new: Held, got: bool) {
        let label = |held: &Held| (held.key.clone(), held.what.clone());
        for first in self.held.iter().filter(|held| held.pid == new.pid && held.actor == new.actor) {
            let order = Order { actor: new.actor.clone(), first: label(first), then: label(&new) };
            let same = first.key == new.key && overlap(first.extent, new.extent) && first.owner == new.owner;
            if !same && !self.orders.contains(&order) {
                push(&mut self.orders, order);
            }
        }
        if !got {
            return;
        }
        // What goes with a process is the process', whichever of its threads took it.
        let same = |actor: &str, pid: i32| actor == new.actor || new.owner == Owner::Process && pid == new.pid;
        self.lost.retain(|lost| !same(&lost.actor, lost.pid) || lost.key != new.key);
        // The same owner's lock of the same bytes is converted, not taken twice.
        self.held.retain(|held| {
            !same(&held.actor, held.pid)
                || held.key != new.key
                || held.owner != new.owner
                || !overlap(held.extent, new.extent)
                || (held.owner == Owner::Description && held.on != new.on)
        });
        push(&mut self.held, new);
    }

    fn unlock(&mut self, member: &Member, key: &ObjectKey, owner: Owner, extent: Extent) {
        let of = |held: &Held| held.key == *key && held.owner == owner && overlap(held.extent, extent);
        let own = self.held.iter().any(|held| of(held) && held.pid == member.pid);
        // What goes with a description may be given back by whoever shares it.
        let shared = owner == Owner::Description && !own;
        self.held.retain(|held| !of(held) || !shared && held.pid != member.pid);
    }

    fn close(&mut self, member: &Member, fd: i32, key: &ObjectKey, verb: &str) {
        let owned = |held: &Held| held.pid == member.pid && held.owner == Owner::Process && held.key == *key;
        for held in self.held.iter().filter(|held| owned(held) && held.on != Through::Descriptor(fd)) {
            let lost = Lost {
                actor: held.actor.clone(),
                key: key.clone(),
                what: held.what.clone(),
                pid: held.pid,
                call: if held.actor == member.name {
                    format!("{verb}({fd})")
                } else {
                    format!("{}'s {verb}({fd})", member.name)
                },
            };
            if !self.lost.contains(&lost) {
                push(&mut self.lost, lost);
            }
        }
        self.held.retain(|held| !owned(held));
    }

    /// A process has ended: what was its own is gone, and what went with its descriptions may live on with others.
    pub(super) fn left(&mut self, pid: i32) {
        self.held.retain(|held| held.pid != pid || held.owner != Owner::Process);
        self.merged.retain(|merged| merged.pid != pid);
    }

    /// Takes in what a look has seen, and adds to it what follows from the account.
    pub(super) fn complete(&mut self, snapshot: &mut Snapshot, scene: &Scene) {
        for ((pid, facility, on), fresh) in std::mem::take(&mut self.fresh_units) {
            let place = snapshot.actor(&fresh.actor).and_then(|a| a.host.as_deref());
            let place = place.and_then(|host| scene.hosts.place(host)).unwrap_or(0);
            let key = match on {
                Through::Descriptor(fd) => scene.behind(pid, fd).cloned(),
                Through::Address(address) => scene.at_address(pid, address),
                Through::Id(id) => Some(ObjectKey::of_id(facility, id).at(place)),
            };
            let Some(key) = key else { continue };
            if fresh.reset {
                self.units.retain(|(of, _), _| *of != key);
            }
            *self.units.entry((key, fresh.actor)).or_default() += fresh.units;
        }
        self.merge(snapshot);
        let name = |key: &ObjectKey| scene.name_of(key).map(str::to_owned);
        let known = |key: &ObjectKey| scene.name_of(key).is_some();
        self.held.retain(|held| known(&held.key));
        self.orders.retain(|order| known(&order.first.0) && known(&order.then.0));
        self.lost.retain(|lost| known(&lost.key));
        self.units.retain(|(key, _), units| *units != 0 && known(key));
        let label = |(key, what): &(ObjectKey, String)| {
            let name = name(key).unwrap_or_default();
            if what.is_empty() { name } else { format!("{name} {what}") }
        };
        let facts = &mut snapshot.facts;
        facts.extend(self.held.iter().filter_map(|held| {
            let (actor, what) = (held.actor.clone(), held.what.clone());
            Some(Fact::Took { actor, object: name(&held.key)?, what })
        }));
        facts.extend(self.orders.iter().map(|order| Fact::Order {
            actor: order.actor.clone(),
            first: label(&order.first),
            then: label(&order.then),
        }));
        facts.extend(self.lost.iter().filter_map(|lost| {
            let (actor, what, call) = (lost.actor.clone(), lost.what.clone(), lost.call.clone());
            Some(Fact::Lost { actor, object: name(&lost.key)?, what, call })
        }));
        facts.extend(self.units.iter().filter_map(|((key, actor), units)| {
            Some(Fact::Units { actor: actor.clone(), object: name(key)?, units: *units })
        }));
        facts.extend(self.merged.iter().filter_map(|merged| {
            let alive = snapshot.actors.iter().any(|actor| actor.alive() && actor.name == merged.actor);
            let (actor, signal, lost) = (merged.actor.clone(), merged.signal.clone(), merged.before + merged.now);
            alive.then_some(Fact::Merged { actor, signal, lost })
        }));
    }

    /// Keeps how many signals of each kind have left no trace, beyond the moment at which the one that did was taken.
    fn merge(&mut self, snapshot: &Snapshot) {
        for actor in snapshot.actors.iter().filter(|actor| actor.alive()) {
            let pending = actor.signals.iter().flat_map(|signals| &signals.pending).filter(|p| !p.queues);
            let mut lost: BTreeMap<&str, u64> = BTreeMap::new();
            for one in pending {
                *lost.entry(&one.signal).or_default() += one.lost();
            }
            for merged in self.merged.iter_mut().filter(|merged| merged.actor == actor.name && merged.pid == actor.pid)
            {
                let now = lost.remove(merged.signal.as_str()).unwrap_or(0);
                if now < merged.now {
                    merged.before += merged.now;
                }
                merged.now = now;
            }
            for (signal, now) in lost.into_iter().filter(|(_, now)| *now > 0) {
                let (name, signal) = (actor.name.clone(), signal.to_owned());
                push(&mut self.merged, Merged { pid: actor.pid, actor: name, signal, before: 0, now });
            }
        }
    }
}

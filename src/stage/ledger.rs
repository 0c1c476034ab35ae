//! An account of what actors reported and the kernel forgets: which locks they took in which order, what they took from
//! semaphores, which signals were sent. It is as whole as their records are.

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
    /// Signals that were sent since the last look: to which process, how many.
    sent: BTreeMap<(i32, i32), u64>,
    merged: Vec<Merged>,
    /// What was seen at the last look of those who have been sent signals: pending, and calls finished.
    pending: BTreeMap<i32, Pending>,
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
    signal: String,
    lost: u64,
}

#[derive(Debug, Clone, Default)]
struct Pending {
    signals: Vec<String>,
    finished: u64,
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
            Deed::Signal { pid, signal } if signal < libc::SIGRTMIN() => {
                *self.sent.entry((pid, signal)).or_default() += 1;
            }
            Deed::Signal { .. } => {}
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
        self.lost.retain(|lost| lost.actor != new.actor || lost.key != new.key);
        // The same actor's lock of the same bytes is converted, not taken twice.
        self.held.retain(|held| {
            held.actor != new.actor
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
                call: format!("{verb}({fd})"),
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
        self.pending.remove(&pid);
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
            let actor = snapshot.actors.iter().find(|actor| actor.alive() && actor.pid == merged.pid)?;
            Some(Fact::Merged { actor: actor.name.clone(), signal: merged.signal.clone(), lost: merged.lost })
        }));
    }

    /// Works out which of the signals that were sent since the last look met one that was pending. Who has made calls
    /// meanwhile may have taken some: nothing is said then.
    fn merge(&mut self, snapshot: &Snapshot) {
        for ((pid, number), times) in std::mem::take(&mut self.sent) {
            let Some(target) = snapshot.actors.iter().find(|actor| actor.alive() && actor.pid == pid) else { continue };
            let signal = facility::signal_name(number);
            let is_pending = target.signals.as_ref().is_some_and(|signals| signals.pending(&signal).next().is_some());
            let before = self.pending.get(&pid);
            let was_pending = before.is_some_and(|before| before.signals.contains(&signal));
            let took_none = before.is_none_or(|before| before.finished == target.finished);
            let lost = times - u64::from(!was_pending);
            if !is_pending || !took_none || lost == 0 {
                continue;
            }
            match self.merged.iter_mut().find(|merged| merged.pid == pid && merged.signal == signal) {
                Some(merged) => merged.lost += lost,
                None => push(&mut self.merged, Merged { pid, signal, lost }),
            }
        }
        for actor in snapshot.actors.iter().filter(|actor| actor.alive()) {
            let Some(signals) = &actor.signals else {
                self.pending.remove(&actor.pid);
                continue;
            };
            let seen = Pending {
                signals: signals.pending.iter().map(|p| p.signal.clone()).collect(),
                finished: actor.finished,
            };
            self.pending.insert(actor.pid, seen);
        }
    }
}

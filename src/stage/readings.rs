//! What was read of objects and is still true: nothing has happened since that could have changed it.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::handles::role;
use crate::facility::look::{Found, HandleKind, Look};
use crate::facility::{self, ChangedBy, Facility, Reading};
use crate::kernel::watch::Changes;
use crate::model::{Holder, Object, ObjectKey, Waiter};
use crate::script::{CallSpec, Makes};

/// Readings that are kept from look to look.
#[derive(Debug, Default)]
pub(super) struct Readings {
    kept: HashMap<ObjectKey, Kept>,
    /// The facilities of which somebody may have changed an object since the last look.
    stirred: HashSet<&'static str>,
    /// Whether somebody may have changed any object of those that only their own kind's callers can change.
    all_stirred: bool,
}

#[derive(Debug)]
struct Kept {
    by: ChangedBy,
    /// The name of its file, if it has one.
    file: Option<OsString>,
    reading: Reading,
}

impl Readings {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// Notes that a call was made.
    pub(super) fn stir(&mut self, spec: &CallSpec) {
        let owner = facility::of_verb(spec.name);
        // What is opened may be anything.
        self.all_stirred |= spec.makes == Makes::Descriptor || owner.is_some_and(Facility::changes_all);
        self.stirred.extend(owner.map(|owner| owner.card().id));
    }

    /// Notes that somebody ran who holds an object of a facility.
    pub(super) fn stir_kind(&mut self, facility: Option<&'static dyn Facility>) {
        if let Some(ChangedBy::Kind(kind)) = facility.map(Facility::changed_by) {
            self.stirred.insert(kind);
        }
    }

    /// Whether anything was done since the last look that can set data in motion in objects in which the kernel moves
    /// them by itself.
    pub(super) fn anything_late(&self) -> bool {
        let stirred = |f: &&'static dyn Facility| match f.changed_by() {
            ChangedBy::Kind(kind) => self.stirred.contains(kind),
            ChangedBy::Anyone | ChangedBy::Holders => true,
        };
        self.all_stirred || facility::ALL.iter().filter(|f| f.moves_late()).any(stirred)
    }

    /// Notes that something happened of which it is not known what it changed: somebody died, or calls were made whose
    /// records are lost.
    pub(super) const fn stir_all(&mut self) {
        self.all_stirred = true;
    }

    /// Forgets what may have changed: those of `touched` files, by device and inode, were held by somebody who ran.
    pub(super) fn settle(&mut self, touched: &HashSet<(u64, u64)>, changes: &Changes) {
        let Self { kept, stirred, all_stirred } = self;
        kept.retain(|key, Kept { by, file, .. }| {
            let opened = file.as_ref().is_some_and(|file| changes.opened(file));
            let stirred = matches!(by, ChangedBy::Kind(kind) if *all_stirred || stirred.contains(kind));
            !opened && !stirred && !touched.contains(&(key.dev, key.ino))
        });
        stirred.clear();
        *all_stirred = false;
    }

    /// Forgets the objects that are gone.
    pub(super) fn retain(&mut self, exists: impl Fn(&ObjectKey) -> bool) {
        self.kept.retain(|key, _| exists(key));
    }

    /// What is known of an object, or else what a look finds.
    pub(super) fn read(&mut self, item: &Found<'_>, look: &mut Look<'_>) -> Reading {
        if let Some(kept) = self.kept.get(&item.key) {
            return kept.reading.clone();
        }
        let Some(facility) = facility::by_id(&item.key.facility) else { return Reading::default() };
        let reading = facility.read(item, look);
        if let Some(by) = keeps(facility, item, look).filter(|_| !reading.fleeting) {
            let file = item.path.as_deref().and_then(|path| Path::new(path).file_name()).map(OsStr::to_owned);
            self.kept.insert(item.key.clone(), Kept { by, file, reading: reading.clone() });
        }
        reading
    }
}

/// Whose doings end what a reading of this object says, if that can be told. On a stage with a tag others than its actors
/// can reach what has a name.
fn keeps(facility: &dyn Facility, item: &Found<'_>, look: &Look<'_>) -> Option<ChangedBy> {
    // By its handles it is known who the holders are; a mapping of private memory is no handle on the object.
    let held = item.handles.iter().all(|h| (h.dev, h.ino) == (item.key.dev, item.key.ino));
    match facility.changed_by() {
        ChangedBy::Anyone => None,
        ChangedBy::Holders => (held && !item.handles.is_empty()).then_some(ChangedBy::Holders),
        by @ ChangedBy::Kind(_) => (look.tag.is_empty() && !look.running).then_some(by),
    }
}

/// An object with what is known of it, its holders and its waiters.
pub(super) fn object(
    item: &Found<'_>,
    look: &mut Look<'_>,
    readings: &mut Readings,
    waiters: &[(ObjectKey, Waiter)],
) -> Object {
    let Reading { identifier, fields, holders, queue, .. } = readings.read(item, look);
    let mut all: Vec<Holder> = item
        .handles
        .iter()
        .filter_map(|handle| {
            let actor = look.actor(handle.pid)?.to_owned();
            let (role, handle) = match &handle.kind {
                HandleKind::Descriptor { fd, flags, .. } => {
                    let own = facility::by_id(&item.key.facility).and_then(|f| f.role(handle));
                    (own.unwrap_or_else(|| role(*flags)), fd.to_string())
                }
                HandleKind::Mapping { start, perms, .. } => {
                    (if perms.contains('w') { "map" } else { "map read-only" }, format!("{start:#x}"))
                }
            };
            Some(Holder { actor, role: role.into(), handle })
        })
        .collect();
    all.extend(holders);
    all.extend(look.knowers.iter().filter(|(key, ..)| *key == item.key).map(|(_, actor, name)| Holder {
        actor: actor.clone(),
        role: "id".into(),
        handle: name.clone(),
    }));
    let mut waiters: Vec<Waiter> = waiters.iter().filter(|(k, _)| *k == item.key).map(|(_, w)| w.clone()).collect();
    waiters.sort_by_key(|w| {
        let place = queue.as_ref().and_then(|q| q.iter().position(|name| *name == w.actor));
        (place.unwrap_or(usize::MAX), w.since_ns)
    });
    Object { name: item.name.clone(), key: item.key.clone(), identifier, fields, holders: all, waiters }
}

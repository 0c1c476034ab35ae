//! Objects in which the kernel moves data by itself, such as terminals: whether any are under way.

use super::{Activity, Claimed, Found, Look, Member, ObjectKey, Scene, Scratch, held};
use crate::facility::{self, Facility};

impl Scene {
    /// Whether data may be under way inside one of them: not if none were, and nobody has done anything since who could
    /// have sent some.
    pub(in crate::stage) fn moves(&self, members: &[Member]) -> bool {
        let rests = self.at_rest && !self.readings.anything_late() && !self.late_holder_ran(members);
        !rests && self.held.values().flat_map(|held| &held.handles).any(|claimed| late(claimed).is_some())
    }

    /// Whether data are under way inside one of them.
    pub(in crate::stage) fn in_flight(&mut self) -> bool {
        let Some(mut scratch) = self.scratch.take().or_else(|| Scratch::new().ok()) else { return false };
        let mut notes = std::mem::take(&mut self.notes);
        let mut diags = std::mem::take(&mut self.diags);
        let mut found: Vec<(&'static dyn Facility, Found<'_>)> = Vec::new();
        for claimed in self.held.values().flat_map(|held| &held.handles) {
            let Some((facility, key)) = late(claimed) else { continue };
            let place = found.iter().position(|(_, item)| item.key == *key).unwrap_or_else(|| {
                let item = Found { key: key.clone(), name: String::new(), path: None, handles: Vec::new() };
                found.push((facility, item));
                found.len() - 1
            });
            found[place].1.handles.push(&claimed.handle);
        }
        let mut visit = self.hosts.visitor();
        let mut look = Look {
            directory: &self.directory,
            tag: &self.tag,
            shm_dev: self.shm_dev,
            mqueue: self.mqueue.as_deref(),
            actors: &[],
            everyone: &[],
            ids: &self.ids,
            knowers: &[],
            asleep: &[],
            pidfds: &self.pidfds,
            kept: &self.held,
            scratch: &mut scratch,
            notes: &mut notes,
            names: &[],
            running: false,
            inet: Vec::new(),
            packets_queued: None,
            diags: &mut diags,
            place: 0,
            lock_table: None,
            on_stage: &[],
        };
        // Each is asked: that brings in what is under way, and another may wait for it.
        let flying = found
            .iter()
            .filter(|(facility, item)| {
                let place = item.handles.first().map_or(0, |handle| self.place(handle.pid));
                self.turn(&mut visit, &mut look, place);
                facility.in_flight(item, &mut look)
            })
            .count();
        drop(visit);
        drop(found);
        self.notes = notes;
        self.diags = diags;
        self.scratch = Some(scratch);
        self.at_rest = flying == 0;
        flying > 0
    }

    /// Whether a process has run since the last look that holds an object in which the kernel moves data by itself.
    fn late_holder_ran(&self, members: &[Member]) -> bool {
        held::by_process(members).iter().any(|(pid, threads)| {
            let holder = self.held.get(pid).filter(|held| held.handles.iter().any(|c| late(c).is_some()));
            holder.is_some_and(|held| held.seen.is_none() || held.seen != Activity::of(threads))
        })
    }
}

/// The facility of an object in which the kernel moves data by itself, and the object.
fn late(claimed: &Claimed) -> Option<(&'static dyn Facility, &ObjectKey)> {
    let key = claimed.key.as_ref()?;
    facility::by_id(&key.facility).filter(|facility| facility.moves_late()).map(|facility| (facility, key))
}

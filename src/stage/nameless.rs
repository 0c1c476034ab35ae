//! Descriptors of what has no inode of its own: eventfd, timerfd, signalfd, epoll. All of them share one, so which lead
//! to the same thing the kernel is asked by kcmp(2), and each thing gets a number of ours, the same as long as it lives.

use std::cmp::Ordering;

use crate::facility::look::{Handle, HandleKind};
use crate::kernel::borrow;

/// Where a descriptor stands: its process and its number there.
pub(super) type Place = (i32, i32);

/// How /proc names all that has no inode of its own.
pub(super) const LINK: &str = "anon_inode:";

/// The things that are known.
#[derive(Debug, Default)]
pub(super) struct Nameless {
    last: u64,
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    number: u64,
    /// How /proc names its kind: `anon_inode:[eventfd]`.
    link: String,
    /// Where descriptors of it stood at the last look.
    places: Vec<Place>,
}

/// Where a handle stands, if it leads to something without an inode of its own.
pub(super) fn place(handle: &Handle) -> Option<Place> {
    match handle.kind {
        HandleKind::Descriptor { fd, .. } if handle.link.starts_with(LINK) => Some((handle.pid, fd)),
        HandleKind::Descriptor { .. } | HandleKind::Mapping { .. } => None,
    }
}

impl Nameless {
    /// A call has made this number mean something new.
    pub(super) fn forget(&mut self, place: Place) {
        for known in &mut self.known {
            known.places.retain(|p| *p != place);
        }
    }

    /// A process has ended; its pid may be another's soon.
    pub(super) fn leave(&mut self, pid: i32) {
        for known in &mut self.known {
            known.places.retain(|(p, _)| *p != pid);
        }
    }

    /// The number of what stands at a place that a call has just filled.
    pub(super) fn identify(&mut self, place: Place, link: &str) -> u64 {
        self.forget(place);
        let same = |known: &Known| known.link == link && known.places.iter().any(|other| same(*other, place));
        if let Some(known) = self.known.iter_mut().find(|known| same(known)) {
            known.places.push(place);
            return known.number;
        }
        self.last += 1;
        self.known.push(Known { number: self.last, link: link.to_owned(), places: vec![place] });
        self.last
    }

    /// The numbers of all that stands on stage, in the order given. Those of processes that have not run (`false`) are
    /// as they were; for each of the others the kernel is asked.
    pub(super) fn tell_apart(&mut self, places: &[(Place, &str, bool)]) -> Vec<u64> {
        let before: Vec<Option<u64>> = places
            .iter()
            .map(|(place, link, _)| {
                self.known.iter().find(|k| k.link == *link && k.places.contains(place)).map(|k| k.number)
            })
            .collect();
        // What nobody holds any more is gone, and its number with it.
        for known in &mut self.known {
            known.places.retain(|place| places.iter().any(|(p, link, _)| p == place && *link == known.link));
        }
        self.known.retain(|known| !known.places.is_empty());
        let mut numbers = Vec::with_capacity(places.len());
        let mut alike: Vec<(Place, Place)> = Vec::new();
        for ((place, link, fresh), before) in places.iter().zip(before) {
            let known = before.and_then(|number| self.known.iter().find(|known| known.number == number));
            // Where it was before, it is most likely still; one other place tells.
            let other = known.and_then(|known| known.places.iter().find(|p| *p != place)).filter(|_| *fresh);
            let stays =
                known.is_some() && other.is_none_or(|other| alike.contains(&(*place, *other)) || same(*other, *place));
            alike.extend(other.filter(|_| stays).map(|other| (*other, *place)));
            numbers.push(match before {
                Some(number) if stays => number,
                _ => self.identify(*place, link),
            });
        }
        numbers
    }
}

/// Whether two descriptors share one open file description. A kernel without that call says no: then each counts as a
/// thing of its own.
fn same(one: Place, other: Place) -> bool {
    one == other || borrow::kcmp_file(one, other) == Ok(Ordering::Equal)
}

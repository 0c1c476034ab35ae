//! Objects inside memory, where no /proc file tells of them: the stage knows of them by the calls that make them.

use crate::facility;
use crate::model::ObjectKey;

/// Those that are, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Inside {
    keys: Vec<ObjectKey>,
}

/// Where an address leads: device, inode and offset of what is mapped there, or the memory of one process alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub dev: u64,
    pub ino: u64,
    pub offset: u64,
}

impl Place {
    /// The key of an object that begins here.
    pub(super) fn key(self, facility: &'static str) -> ObjectKey {
        ObjectKey { facility: facility.into(), dev: self.dev, ino: self.ino, offset: self.offset }
    }

    /// What tells two objects of one memory apart, and that memory. Of private memory the address stands in the inode.
    const fn parts(key: &ObjectKey, private: bool) -> ((u64, u64), u64) {
        if private { ((key.dev, 0), key.ino) } else { ((key.dev, key.ino), key.offset) }
    }
}

fn size(key: &ObjectKey) -> u64 {
    facility::by_id(&key.facility).map_or(0, facility::Facility::size).max(1)
}

impl Inside {
    /// An object begins. Its bytes are no longer those of others that lay there.
    pub(super) fn begins(&mut self, key: &ObjectKey, private: bool) {
        let ((memory, from), length) = (Place::parts(key, private), size(key));
        self.keys.retain(|other| {
            let (own, at) = Place::parts(other, private);
            own != memory || at >= from + length || from >= at + size(other) || other == key
        });
        if !self.keys.contains(key) {
            self.keys.push(key.clone());
        }
    }

    /// An object has ended.
    pub(super) fn ends(&mut self, key: &ObjectKey) {
        self.keys.retain(|other| other != key);
    }

    /// The object that covers a place.
    pub(super) fn at(&self, place: Place, private: bool) -> Option<&ObjectKey> {
        let wanted = place.key("");
        let (memory, at) = Place::parts(&wanted, private);
        self.keys.iter().rfind(|key| {
            let (own, from) = Place::parts(key, private);
            own == memory && (from..from + size(key)).contains(&at)
        })
    }

    pub(super) fn keys(&self) -> &[ObjectKey] {
        &self.keys
    }

    /// Forgets those of which `is_there` says that they are gone.
    pub(super) fn retain(&mut self, is_there: impl Fn(&ObjectKey) -> bool) {
        self.keys.retain(|key| is_there(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: u64) -> Place {
        Place { dev: 25, ino: 7, offset }
    }

    #[test]
    fn each_covers_its_own_bytes() {
        let mut inside = Inside::default();
        let (mutex, semaphore) = (place(64).key("mutex"), place(104).key("semaphore"));
        inside.begins(&semaphore, false);
        inside.begins(&mutex, false);
        let at = |inside: &Inside, offset| inside.at(place(offset), false).map(|key| key.facility.clone());
        assert_eq!(at(&inside, 63), None);
        assert_eq!(at(&inside, 64).as_deref(), Some("mutex"));
        assert_eq!(at(&inside, 103).as_deref(), Some("mutex"));
        assert_eq!(at(&inside, 104).as_deref(), Some("semaphore"));
        assert_eq!(inside.at(Place { ino: 8, ..place(64) }, false), None);
        inside.begins(&place(80).key("semaphore"), false);
        assert_eq!(at(&inside, 64), None, "its last bytes are another's");
        assert_eq!(at(&inside, 104).as_deref(), Some("semaphore"));
        inside.ends(&place(80).key("semaphore"));
        assert_eq!(at(&inside, 84), None);
    }

    #[test]
    fn private_memory_goes_by_its_address() {
        let mut inside = Inside::default();
        let private = |pid: u64, address: u64| Place { dev: pid, ino: address, offset: 0 };
        inside.begins(&private(5, 0x1000).key("mutex"), true);
        inside.begins(&private(5, 0x1040).key("mutex"), true);
        assert_eq!(inside.keys().len(), 2);
        assert_eq!(inside.at(private(5, 0x1044), true).map(|key| key.ino), Some(0x1040));
        assert_eq!(inside.at(private(6, 0x1044), true), None);
    }
}

//! Our names of objects.

use std::collections::HashMap;

use crate::model::ObjectKey;

/// The objects that are known, in order of first sight, each with its name.
#[derive(Debug, Default)]
pub(super) struct Known {
    all: Vec<(ObjectKey, String)>,
    places: HashMap<ObjectKey, usize>,
}

impl Known {
    pub(super) fn name_of(&self, key: &ObjectKey) -> Option<&str> {
        self.place(key).map(|place| self.all[place].1.as_str())
    }

    /// Where it stands in the order of first sight.
    pub(super) fn place(&self, key: &ObjectKey) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// All of them with their names.
    pub(super) fn all(&self) -> &[(ObjectKey, String)] {
        &self.all
    }

    /// Whether an object has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all.iter().any(|(_, n)| n == name)
    }

    /// Whether an object is an end of something with this name: `s.0` is one of `s`.
    pub(super) fn has_end(&self, name: &str) -> bool {
        self.all.iter().any(|(_, n)| n.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    pub(super) fn keys(&self) -> impl DoubleEndedIterator<Item = &ObjectKey> {
        self.all.iter().map(|(key, _)| key)
    }

    /// Gives an object its name; it comes last, as if it had not been known before.
    pub(super) fn name(&mut self, key: ObjectKey, name: String) {
        if self.place(&key).is_some() {
            self.retain(|known| *known != key);
        }
        self.places.insert(key.clone(), self.all.len());
        self.all.push((key, name));
    }

    /// Forgets all others.
    pub(super) fn retain(&mut self, wanted: impl Fn(&ObjectKey) -> bool) {
        let before = self.all.len();
        self.all.retain(|(key, _)| wanted(key));
        if self.all.len() != before {
            self.places = self.all.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
        }
    }
}

/// The first of `stem#from`, `stem#(from+1)`, ... that is not taken.
pub(super) fn numbered(stem: &str, from: usize, taken: impl Fn(&str) -> bool) -> String {
    let mut number = from;
    loop {
        let name = format!("{stem}#{number}");
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_names_through_coming_and_going() {
        let key = |ino| ObjectKey { facility: "pipe".into(), dev: 1, ino, offset: 0 };
        let mut known = Known::default();
        for (ino, name) in [(5, "p"), (3, "q"), (9, "r")] {
            known.name(key(ino), name.to_owned());
        }
        assert_eq!((known.name_of(&key(3)), known.place(&key(9)), known.has("p")), (Some("q"), Some(2), true));
        known.retain(|k| k.ino != 3);
        assert_eq!((known.name_of(&key(3)), known.place(&key(9)), known.has("q")), (None, Some(1), false));
        known.name(key(5), "other".to_owned());
        assert_eq!(known.keys().map(|k| k.ino).collect::<Vec<_>>(), [9, 5]);
        assert_eq!((known.name_of(&key(5)), known.place(&key(5))), (Some("other"), Some(1)));
    }
}

//! The map: every facility, and each variant that behaves in its own way, in its place in the taxonomy.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::facility::{self, Card, registry};
use crate::script::{self, CallSpec, Statement};

/// A place in the taxonomy where something stands: `assets/map.toml` has one entry each.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Its id, which never changes: `unix-datagram`.
    pub id: String,
    /// What it is called: `UNIX datagram socket`.
    pub title: String,
    /// The ids of the facilities that it is made of; the first one's card is its own where it says nothing else.
    pub of: Vec<String>,
    /// The branches that lead to it, from the root.
    pub at: Vec<String>,
    /// The calls that it is used by, by the names that the registry has.
    pub calls: Vec<String>,
    /// The ids of lessons about it.
    pub lessons: Vec<String>,
    /// The ids of claims whose experiments show it.
    pub claims: Vec<String>,
    /// What a stage must be capable of to hold it; empty: nothing.
    #[serde(default)]
    pub needs: String,
    /// What the measuring room calls it, or what it is used with there; empty: it is not measured.
    #[serde(default)]
    pub measured: String,
    play: String,
    what: Option<String>,
    identifier: Option<String>,
    handle: Option<String>,
    persistence: Option<String>,
    access: Option<String>,
    blocking: Option<String>,
    boundaries: Option<String>,
    manual: Option<Vec<String>>,
}

/// What a card tells of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// What identifies it between processes.
    Identifier,
    /// What a process holds.
    Handle,
    /// How long it lives.
    Persistence,
    /// Who may use it.
    Access,
    /// When it blocks.
    Blocking,
    /// Whether it keeps messages apart.
    Boundaries,
}

impl Property {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 6] =
        [Self::Identifier, Self::Handle, Self::Persistence, Self::Access, Self::Blocking, Self::Boundaries];

    /// One word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Handle => "handle",
            Self::Persistence => "persistence",
            Self::Access => "access",
            Self::Blocking => "blocking",
            Self::Boundaries => "boundaries",
        }
    }
}

impl Leaf {
    fn card(&self) -> Option<&'static Card> {
        self.of.first().and_then(|id| facility::by_id(id)).map(facility::Facility::card)
    }

    /// One sentence.
    pub fn what(&self) -> &str {
        self.what.as_deref().or_else(|| self.card().map(|c| c.what)).unwrap_or_default()
    }

    /// A fragment about one of its properties.
    pub fn property(&self, property: Property) -> &str {
        let (own, of_card): (_, fn(&Card) -> &str) = match property {
            Property::Identifier => (&self.identifier, |c| c.identifier),
            Property::Handle => (&self.handle, |c| c.handle),
            Property::Persistence => (&self.persistence, |c| c.persistence),
            Property::Access => (&self.access, |c| c.access),
            Property::Blocking => (&self.blocking, |c| c.blocking),
            Property::Boundaries => (&self.boundaries, |c| c.boundaries),
        };
        own.as_deref().or_else(|| self.card().map(of_card)).unwrap_or_default()
    }

    /// Manual pages to read on.
    pub fn manual(&self) -> Vec<&str> {
        match &self.manual {
            Some(own) => own.iter().map(String::as_str).collect(),
            None => self.card().map(|c| c.manual.to_vec()).unwrap_or_default(),
        }
    }

    /// What the registry knows of its calls.
    pub fn specs(&self) -> impl Iterator<Item = &'static CallSpec> {
        self.calls.iter().filter_map(|name| registry().call(name)).map(|(_, spec)| spec)
    }

    /// The statements that make a stage ready to try it.
    pub fn play(&self) -> Vec<Statement> {
        script::parse(&self.play, registry()).0
    }

    /// The same as text.
    pub fn play_text(&self) -> &str {
        self.play.trim_start()
    }

    /// Whether a word is found in what it is called, where it stands, or among its calls. Case does not count.
    pub fn fits(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&word);
        has(&self.title) || has(&self.id) || self.at.iter().any(|b| has(b)) || self.calls.iter().any(|c| has(c))
    }
}

/// All leaves, in the order of the map: those of one branch stand together.
pub fn leaves() -> &'static [Leaf] {
    #[derive(Deserialize)]
    struct Map {
        leaves: Vec<Leaf>,
    }
    static LEAVES: OnceLock<Vec<Leaf>> = OnceLock::new();
    LEAVES.get_or_init(|| {
        toml::from_str(include_str!("../../assets/map.toml")).map_or_else(|_| Vec::new(), |map: Map| map.leaves)
    })
}

/// The leaf of that id.
pub fn leaf(id: &str) -> Option<&'static Leaf> {
    leaves().iter().find(|leaf| leaf.id == id)
}

/// A row of the map, drawn as a tree.
#[derive(Debug, Clone, Copy)]
pub enum Row {
    /// A branch, and how deep it stands.
    Branch(usize, &'static str),
    /// A leaf, how deep it stands, and its place among all leaves.
    Leaf(usize, usize, &'static Leaf),
}

/// The map as a tree; only leaves that fit the word, if one is given, with the branches that lead to them.
pub fn rows(word: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut before: &[String] = &[];
    for (place, leaf) in leaves().iter().enumerate().filter(|(_, leaf)| word.is_empty() || leaf.fits(word)) {
        let same = before.iter().zip(&leaf.at).take_while(|(a, b)| a == b).count();
        rows.extend(leaf.at.iter().enumerate().skip(same).map(|(depth, branch)| Row::Branch(depth, branch)));
        rows.push(Row::Leaf(leaf.at.len(), place, leaf));
        before = &leaf.at;
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::claim;

    #[test]
    fn the_map_can_be_read_and_every_facility_has_a_leaf() {
        let map: toml::Table = toml::from_str(include_str!("../../assets/map.toml")).unwrap();
        assert_eq!(map["leaves"].as_array().unwrap().len(), leaves().len(), "an entry that is no leaf");
        let ids: BTreeSet<&str> = leaves().iter().map(|l| l.id.as_str()).collect();
        assert_eq!(ids.len(), leaves().len(), "an id twice");
        for facility in facility::ALL {
            let id = facility.card().id;
            assert!(leaves().iter().any(|l| l.of.iter().any(|of| of == id)), "{id} has no leaf");
        }
    }

    #[test]
    fn what_a_leaf_names_exists_and_nothing_is_left_unsaid() {
        for leaf in leaves() {
            let id = &leaf.id;
            assert!(!leaf.of.is_empty() && leaf.of.iter().all(|f| facility::by_id(f).is_some()), "{id}: {:?}", leaf.of);
            assert!(!leaf.at.is_empty() && leaf.what().ends_with('.'), "{id}");
            for property in Property::ALL {
                assert!(!leaf.property(property).is_empty(), "{id}: {}", property.word());
            }
            assert!(!leaf.calls.is_empty(), "{id}");
            for call in &leaf.calls {
                assert!(registry().call(call).is_some(), "{id}: no call is {call}");
            }
            assert!(!leaf.manual().is_empty(), "{id}");
            for page in leaf.manual() {
                assert!(page.ends_with(')') && page.contains('('), "{id}: {page} has no section");
            }
            assert!(leaf.claims.iter().all(|c| claim::title(c).is_some()), "{id}: {:?}", leaf.claims);
            let (statements, wrong) = script::parse(&leaf.play, registry());
            assert!(wrong.is_empty() && statements.len() > 2, "{id}: {wrong:#?}");
        }
    }

    #[test]
    fn every_call_of_a_leaf_is_used_by_the_facility_or_stands_on_it() {
        // A call that belongs to another facility altogether would be a slip.
        let common = ["descriptor", "memory", "socket", "process", "poll", "signal", "mutex"];
        for leaf in leaves() {
            for call in &leaf.calls {
                let owner = facility::of_verb(call).unwrap().card().id;
                assert!(
                    leaf.of.iter().any(|f| f == owner) || common.contains(&owner),
                    "{}: {call} belongs to {owner}",
                    leaf.id
                );
            }
        }
    }

    #[test]
    fn the_tree_has_each_branch_once() {
        let mut seen = BTreeSet::new();
        let mut path: Vec<&str> = Vec::new();
        for row in rows("") {
            if let Row::Branch(depth, title) = row {
                path.truncate(depth);
                path.push(title);
                assert!(seen.insert(path.join("/")), "{path:?} stands twice");
            }
        }
        assert_eq!(path.first(), Some(&"around them"));
    }

    #[test]
    fn a_word_finds_what_it_should() {
        let found = |word: &str| -> Vec<&str> {
            let rows = rows(word);
            rows.iter()
                .filter_map(|row| if let Row::Leaf(.., leaf) = row { Some(leaf.id.as_str()) } else { None })
                .collect()
        };
        assert_eq!(found("UDP"), ["udp"]);
        assert_eq!(found("msgsnd"), ["sysv-queue"]);
        assert!(found("shared memory").len() == 4 && found("nonesuch").is_empty());
        assert_eq!(found("").len(), leaves().len());
    }
}

//! What is wrong on a stage, in words: each finding says how it is known and what would resolve it.

use super::Evidence;

/// Whether a finding can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It looks so, and something that can't be seen may still end it.
    Suspicious,
    /// What is known leaves no other way.
    Certain,
}

impl Certainty {
    /// Both with their words.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Suspicious, "suspicious"), (Self::Certain, "certain")];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suspicious => "suspicious",
            Self::Certain => "certain",
        }
    }
}

/// A kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The word by which `expect` asks for it: `own-write-end`.
    pub word: &'static str,
    /// Its title: `Reader holds its own write end`.
    pub title: &'static str,
    /// When it is found. A fragment without a full stop.
    pub doc: &'static str,
}

/// All kinds, in the order in which they are told.
pub const KINDS: &[Kind] = &[
    Kind {
        word: "deadlock",
        title: "Deadlock",
        doc: "Each of these actors waits for another of them, and nobody else could end it",
    },
    Kind {
        word: "own-write-end",
        title: "Reader holds its own write end",
        doc: "It waits for data or end of file, and the only write end left is its own",
    },
    Kind {
        word: "held-write-end",
        title: "No end of file: others hold the write end",
        doc: "It waits for data or end of file, and all who have the end to write to are asleep, with nobody to wake them",
    },
    Kind {
        word: "nobody-reads",
        title: "Full, and nobody reads",
        doc: "It waits to write, and all who could make room are asleep in something else",
    },
    Kind {
        word: "waits-for-stopped",
        title: "Waits for a stopped process",
        doc: "It waits for somebody to act whom a signal has stopped, and nobody else is awake who could",
    },
    Kind {
        word: "nobody-comes",
        title: "Nobody is awake to end it",
        doc: "It waits for somebody on stage to do something, and everybody on stage is asleep or has ended",
    },
    Kind {
        word: "lock-order",
        title: "Locks taken in opposite orders",
        doc: "One took these locks in one order, another the other way round",
    },
    Kind {
        word: "lost-lock",
        title: "Lock lost by an unrelated close",
        doc: "It closed another descriptor of a file, and with it went its record locks",
    },
    Kind {
        word: "orphaned-lock",
        title: "Orphaned lock",
        doc: "Who took this lock has ended, and the lock is still held",
    },
    Kind {
        word: "dead-holder",
        title: "Semaphore whose last holder is dead",
        doc: "Somebody waits for a semaphore, and all who took from it ended without giving back",
    },
    Kind { word: "zombie", title: "Zombie", doc: "It has ended, and its parent has not waited for it" },
    Kind {
        word: "merged-signal",
        title: "Signal lost by merging",
        doc: "A standard signal was sent again while the same one was still pending",
    },
];

/// The kind with that word.
pub fn kind(word: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.word == word)
}

/// One thing that is known, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What, in a sentence without a full stop.
    pub words: String,
    /// How.
    pub evidence: Evidence,
}

impl Known {
    /// Read from the kernel.
    pub fn kernel(words: impl Into<String>) -> Self {
        Self { words: words.into(), evidence: Evidence::Kernel }
    }

    /// From our records of what actors did, and not from the kernel.
    pub fn records(words: impl Into<String>) -> Self {
        Self { words: words.into(), evidence: Evidence::Reported }
    }

    /// Where it comes from, in words.
    pub const fn source(&self) -> &'static str {
        match self.evidence {
            Evidence::Kernel => "the kernel says",
            Evidence::Reported => "our records say",
            Evidence::Mirror => "our mirror says",
            Evidence::Hidden => "nobody can say",
        }
    }
}

/// Something that is wrong, or looks so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of which kind.
    pub kind: &'static Kind,
    /// How sure it is.
    pub certainty: Certainty,
    /// The actors that it is about, the one that suffers first.
    pub who: Vec<String>,
    /// The objects that it is about.
    pub on: Vec<String>,
    /// What is wrong, in a sentence without a full stop.
    pub words: String,
    /// What makes us think so.
    pub known: Vec<Known>,
    /// What would resolve it: the next step of somebody whose program hangs so.
    pub next: String,
    /// When the sleeps that it is about began, in ns since the stage opened: tells a finding from the next one alike.
    pub since_ns: Vec<u64>,
}

impl Finding {
    /// Whether both say the same of the same moment's waits.
    pub fn agrees(&self, other: &Self) -> bool {
        (self.kind.word, &self.who, &self.on, &self.since_ns)
            == (other.kind.word, &other.who, &other.on, &other.since_ns)
    }
}

//! Mutexes of POSIX threads: normal, error-checking and recursive ones, robust and priority-inheriting ones, for one
//! process or for several.

mod calls;

use std::cell::Cell;

use super::deed::Deed;
use super::dialect::{Dialect, Op, Parts, Tie};
use super::look::{Found, Look, Reported};
use super::perform::{Performer, Refusal};
use super::pthread::{self as common, Owner, aligned, make};
use super::show::Shown;
use super::table::saturated;
use super::undefined::{Intent, Place};
use super::{Card, ChangedBy, Facility, Inside, Judged, Reading};
use crate::kernel::arena::Record;
use crate::kernel::pthread;
use crate::model::{Evidence, Field, Object, Snapshot, Value};
use crate::script::{ArgValue, CallSpec, Cmp, Data, PredicateArg, PredicateSpec};

/// Mutexes.
#[derive(Debug)]
pub(super) struct Mutex;

/// Its id.
pub(super) const ID: &str = "mutex";

static CARD: Card = Card {
    id: ID,
    title: "Mutexes",
    family: "synchronization / mutex",
    what: "A lock that has one owner at a time, and that only its owner may let go.",
    identifier: "an address in memory, shared for several processes",
    handle: "address",
    persistence: "as long as its memory",
    access: "whoever has its memory mapped for writing",
    blocking: "pthread_mutex_lock while another owns it; a normal one also while the caller does",
    boundaries: "none: it carries no data",
    manual: &[
        "pthread_mutex_lock(3p)",
        "pthread_mutex_init(3p)",
        "pthread_mutexattr_settype(3p)",
        "pthread_mutexattr_setrobust(3)",
        "pthread_mutexattr_setprotocol(3p)",
        "futex(2)",
    ],
};

const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec { word: "locked", args: &[], doc: "Somebody owns it", example: "expect l locked" },
    PredicateSpec { word: "unlocked", args: &[], doc: "Nobody owns it", example: "expect l unlocked" },
    PredicateSpec {
        word: "owner",
        args: &[PredicateArg::Actors],
        doc: "Who has locked it, be it dead; or nobody",
        example: "expect l owner alice",
    },
    PredicateSpec {
        word: "state",
        args: &[PredicateArg::Word],
        doc: "It is free, locked, owner-died, inconsistent or not-recoverable",
        example: "expect l state inconsistent",
    },
    PredicateSpec {
        word: "count",
        args: &[PredicateArg::Number],
        doc: "How often its owner has locked it, if it is recursive",
        example: "expect l count 2",
    },
    PredicateSpec {
        word: "prioceiling",
        args: &[PredicateArg::Number],
        doc: "With which priority its owners run, if its protocol is PTHREAD_PRIO_PROTECT",
        example: "expect l prioceiling 20",
    },
];

const NO_CEILING: &str = "its protocol is not PTHREAD_PRIO_PROTECT: it has no ceiling";

/// Those that a ceiling concerns.
const LOCKS: &[&str] =
    &["pthread_mutex_lock", "pthread_mutex_trylock", "pthread_mutex_timedlock", "pthread_mutex_setprioceiling"];

const UNLOCK: &str = "pthread_mutex_unlock";

/// What whoever sleeps on one waits to do.
const LOCK: &str = "lock";

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "mutex",
    handle: "{o}",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as {o}m",
                "{a}: pthread_mutexattr_init {o}m+512 as {o}a",
                "{a}: pthread_mutexattr_setpshared {o}a PTHREAD_PROCESS_SHARED",
                "{a}: pthread_mutex_init {o}m+64 {o}a as {h}",
            ],
        ),
        (Op::Take, &["{a}: pthread_mutex_lock {h}"]),
        (Op::TryTake, &["{a}: pthread_mutex_trylock {h}"]),
        (Op::Give, &["{a}: pthread_mutex_unlock {h}"]),
        (Op::Remove, &["{a}: pthread_mutex_destroy {h}"]),
    ],
}];

static PARTS: &[Parts] = &[Parts { kind: "mutex", ends: &[("a", Tie::Lent)], also: &[] }];

impl Facility for Mutex {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn dialects(&self) -> &'static [Dialect] {
        DIALECTS
    }

    fn parts(&self) -> &'static [Parts] {
        PARTS
    }

    fn calls(&self) -> &'static [CallSpec] {
        calls::CALLS
    }

    fn predicates(&self) -> &'static [PredicateSpec] {
        PREDICATES
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        if verb.starts_with("pthread_mutexattr_") {
            return on_attributes(verb, performer);
        }
        let address = aligned(performer, "mutex", 8, "a pthread_mutex_t")?;
        let made = match verb {
            "pthread_mutex_init" => {
                let attributes = performer.int("attr", 0);
                make(performer, [address as i64, attributes, 0], None, || {
                    pthread::pthread_mutex_init(address, attributes as u64).map(|()| 0)
                })
            }
            "pthread_mutex_timedlock" => {
                let limit = performer.int("limit", 0).max(0);
                make(performer, [address as i64, limit, 0], Some(limit), || {
                    pthread::pthread_mutex_timedlock(address, limit as u64).map(|()| 0)
                })
            }
            "pthread_mutex_getprioceiling" | "pthread_mutex_setprioceiling" => {
                ceiling(verb, performer, address);
                return Ok(());
            }
            _ => {
                let call = match verb {
                    "pthread_mutex_lock" => pthread::pthread_mutex_lock,
                    "pthread_mutex_trylock" => pthread::pthread_mutex_trylock,
                    "pthread_mutex_unlock" => pthread::pthread_mutex_unlock,
                    "pthread_mutex_consistent" => pthread::pthread_mutex_consistent,
                    _ => pthread::pthread_mutex_destroy,
                };
                make(performer, [address as i64, 0, 0], None, || call(address).map(|()| 0))
            }
        };
        if made.is_ok() {
            common::begun_or_ended(self, verb, performer, address);
        }
        Ok(())
    }

    fn show(&self, _verb: &str, record: &Record) -> Shown {
        common::show(record)
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("pthread_mutex_unlock", libc::EPERM) => "this mutex checks who unlocks it, and the caller does not own it",
            (_, libc::EOWNERDEAD) => {
                "the caller owns it now; the owner before died, and may have left the data half done"
            }
            (_, libc::ENOTRECOVERABLE) => {
                "somebody unlocked it without pthread_mutex_consistent after an owner's death: nobody can lock it again"
            }
            (_, libc::EDEADLK) => "the caller owns it already, and would wait for itself",
            ("pthread_mutex_consistent", libc::EINVAL) => "there is nothing to repair, or it is not robust",
            ("pthread_mutexattr_setprioceiling", libc::EINVAL) => "a ceiling is a priority of SCHED_FIFO, 1 to 99",
            ("pthread_mutexattr_setprotocol", libc::ENOTSUP) => "the C library does not know this protocol",
            ("pthread_mutex_getprioceiling", libc::EINVAL) => NO_CEILING,
            ("pthread_mutex_setprioceiling", libc::EINVAL) => {
                "it has no ceiling, or this is no priority of SCHED_FIFO, 1 to 99"
            }
            (_, libc::EPERM) if LOCKS.contains(&verb) => {
                "to lock it is to run at its ceiling, and that takes a realtime priority which the caller may not have"
            }
            (_, libc::EINVAL) if LOCKS.contains(&verb) => {
                "it was destroyed, or it has a ceiling: who locks it runs at that, and must be scheduled by SCHED_FIFO or \
                 SCHED_RR, with a priority that is not above it"
            }
            (_, libc::EBUSY) if verb == "pthread_mutex_destroy" => "somebody owns it",
            (_, libc::EBUSY) => "somebody owns it, and trylock does not wait",
            (_, libc::ETIMEDOUT) => "the time is up, and its owner has not let it go",
            (_, libc::EAGAIN) => "its owner has locked it as often as can be counted",
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn killed_in(&self, verb: &str, signal: &str) -> Option<&'static str> {
        // The assertions of nptl/pthread_mutex_lock.c, behind FUTEX_LOCK_PI.
        (verb.ends_with("lock") && signal == "SIGABRT").then_some(
            "an assertion of glibc has failed: with PTHREAD_PRIO_INHERIT the kernel tells that the owner died, which \
             glibc expects of robust mutexes alone, or that waiting would close a cycle, which it expects of normal ones \
             alone",
        )
    }

    fn inside(&self, verb: &str) -> Inside {
        match verb {
            "pthread_mutex_init" => Inside::Begins,
            "pthread_mutex_destroy" => Inside::Ends,
            _ => Inside::Nothing,
        }
    }

    fn size(&self) -> u64 {
        pthread::MUTEX_SIZE as u64
    }

    fn waits_to(&self) -> Option<&'static str> {
        Some(LOCK)
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let mut reading = Reading { identifier: common::identifier(found, look), ..Reading::default() };
        match common::words::<10>(found, look).map(|words| Words::parse(&words)) {
            Ok(words) => {
                let owner = Owner::of(words.owner, look);
                reading.holders.extend(owner.holder());
                reading.fields = fields(&words, &owner);
            }
            Err(why) => {
                reading.fields.extend(["state", "owner"].map(|name| Field::hidden(name, why)));
                let raw = common::raw::<10>(found, look).map(|words| common::word("word", format!("{:#x}", words[0])));
                reading.fields.extend(raw);
            }
        }
        reading.fields.extend(common::maker(&found.key, look));
        reading
    }

    fn hears_of_memory(&self) -> bool {
        true
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        if self.inside(call.spec.name) == Inside::Begins {
            *note = common::made_by(call.actor);
        }
    }

    fn check(&self, word: &str, _args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        let wanted = match word {
            "locked" => true,
            "unlocked" => false,
            _ => return None,
        };
        let state = object.value("state").as_text();
        let owner = object.value("owner").as_text().unwrap_or("nobody");
        Some(Judged {
            met: state.is_some_and(|state| ["locked", "inconsistent"].contains(&state) == wanted),
            seen: state.map_or_else(|| "its words are hidden".to_owned(), |state| format!("{state}, owner {owner}")),
            field: "state",
        })
    }

    fn wakers(&self, object: &Object, _waiter: &str, _direction: &str, snapshot: &Snapshot) -> Vec<String> {
        common::alone(object.value("owner").as_text(), snapshot)
    }

    fn groups(&self, object: &Object, _waiter: &str, _direction: &str, _snapshot: &Snapshot) -> Vec<Vec<String>> {
        // The dead unlock nothing, and who waits for them waits for ever.
        let owner = object.value("owner").as_text().filter(|owner| *owner != "nobody");
        owner.map(|owner| vec![vec![owner.to_owned()]]).unwrap_or_default()
    }

    fn accounted(&self) -> &'static [&'static str] {
        &["pthread_mutex_lock", "pthread_mutex_trylock", "pthread_mutex_timedlock", UNLOCK]
    }

    fn deed(&self, verb: &str, record: &Record) -> Option<Deed> {
        common::lock_deed(verb, UNLOCK, record)
    }

    fn undefined(&self, verb: &str, intent: &Intent<'_>) -> Option<String> {
        if verb.starts_with("pthread_mutexattr_") {
            return None;
        }
        common::misused(intent, "mutex", CARD.id, "mutex", verb == "pthread_mutex_init").or_else(|| {
            let Place::Object(mutex) = intent.place("mutex", CARD.id) else { return None };
            let (name, state) = (&mutex.name, mutex.value("state").as_text()?);
            let owner = mutex.value("owner").as_text()?;
            match verb {
                "pthread_mutex_destroy" if state != "free" && state != "not-recoverable" => {
                    Some(format!("{name} is not free"))
                }
                "pthread_mutex_destroy" if !mutex.waiters.is_empty() => Some(format!("somebody waits for {name}")),
                "pthread_mutex_unlock" if checks(mutex) || owner == intent.actor => None,
                "pthread_mutex_unlock" if owner == "nobody" => Some(format!("{name} is not locked")),
                "pthread_mutex_unlock" => {
                    Some(format!("{name} was locked by {owner}, and does not check who unlocks it"))
                }
                _ => None,
            }
        })
    }
}

/// Whether an unlock by somebody else fails, rather than being undefined.
pub(super) fn checks(mutex: &Object) -> bool {
    let normal = |kind: &str| ["PTHREAD_MUTEX_NORMAL", "PTHREAD_MUTEX_ADAPTIVE_NP"].contains(&kind);
    mutex.int("robust") == Some(1) || mutex.value("type").as_text().is_none_or(|kind| !normal(kind))
}

fn on_attributes(verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let address = aligned(performer, "attr", 4, "a pthread_mutexattr_t")?;
    let set: fn(u64, i32) -> Result<(), nix::errno::Errno> = match verb {
        "pthread_mutexattr_init" => |address, _| pthread::pthread_mutexattr_init(address),
        "pthread_mutexattr_destroy" => |address, _| pthread::pthread_mutexattr_destroy(address),
        "pthread_mutexattr_settype" => pthread::pthread_mutexattr_settype,
        "pthread_mutexattr_setrobust" => pthread::pthread_mutexattr_setrobust,
        "pthread_mutexattr_setprotocol" => pthread::pthread_mutexattr_setprotocol,
        "pthread_mutexattr_setprioceiling" => pthread::pthread_mutexattr_setprioceiling,
        _ => pthread::pthread_mutexattr_setpshared,
    };
    common::attribute(performer, address, set);
    Ok(())
}

/// Tells or sets the ceiling, and gives what it was.
fn ceiling(verb: &str, performer: &mut Performer<'_>, address: u64) {
    let new = performer.has("prioceiling").then(|| saturated(performer.int("prioceiling", 0)));
    let told = Cell::new(0);
    let made = make(performer, [address as i64, new.unwrap_or(0).into(), 0], None, || {
        let ceiling = match (verb, new) {
            ("pthread_mutex_setprioceiling", Some(new)) => pthread::pthread_mutex_setprioceiling(address, new)?,
            _ => pthread::pthread_mutex_getprioceiling(address)?,
        };
        told.set(ceiling);
        Ok(0)
    });
    if made.is_ok() {
        performer.deliver(Data::Int(told.get().into()));
    }
}

/// What glibc keeps in the words of a mutex, and the kernel heeds in the first one of robust and of priority-inheriting
/// ones: see `struct __pthread_mutex_s` in glibc, and "robust futexes" in the kernel's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words {
    word: u32,
    count: u32,
    /// The task that owns it; 0 for none.
    owner: u32,
    state: &'static str,
    kind: u32,
}

/// Bits of the kind, from glibc's `pthreadP.h`.
const ROBUST: u32 = 0x10;
const INHERIT: u32 = 0x20;
const PROTECT: u32 = 0x40;
const PSHARED: u32 = 0x80;
/// The ceiling stands above so many bits of the first word of one that protects priority.
const CEILING_SHIFT: u32 = 19;
/// What glibc puts in place of the owner of one that its dead owner has left behind, and of one that is lost.
const INCONSISTENT: u32 = 0x7fff_ffff;
const NOT_RECOVERABLE: u32 = 0x7fff_fffe;

impl Words {
    fn parse(words: &[u32; 10]) -> Self {
        let [word, count, owner, _, kind, ..] = *words;
        // There the kernel goes by the word; the owner beside it may be an old one.
        let (owner, state) = if kind & (ROBUST | INHERIT) != 0 {
            match (word & libc::FUTEX_TID_MASK, owner) {
                (0, NOT_RECOVERABLE) => (0, "not-recoverable"),
                (0, dead) if word & libc::FUTEX_OWNER_DIED != 0 => (dead, "owner-died"),
                (0, _) => (0, "free"),
                (tid, INCONSISTENT) => (tid, "inconsistent"),
                (tid, _) => (tid, "locked"),
            }
        } else if kind & PROTECT != 0 && word & ((1 << CEILING_SHIFT) - 1) == 0 || word == 0 {
            (0, "free")
        } else {
            (owner, "locked")
        };
        Self { word, count, owner, state, kind }
    }

    const fn kind(&self) -> &'static str {
        match self.kind & 3 {
            0 => "PTHREAD_MUTEX_NORMAL",
            1 => "PTHREAD_MUTEX_RECURSIVE",
            2 => "PTHREAD_MUTEX_ERRORCHECK",
            _ => "PTHREAD_MUTEX_ADAPTIVE_NP",
        }
    }

    const fn has(&self, bit: u32) -> bool {
        self.kind & bit != 0
    }

    /// The priority with which its owners run, where it has one.
    fn ceiling(&self) -> Option<u32> {
        self.has(PROTECT).then_some(self.word >> CEILING_SHIFT)
    }

    /// The first word, by what it means.
    fn word(&self) -> String {
        let word = self.word;
        if let Some(ceiling) = self.ceiling() {
            return format!("{ceiling}<<{CEILING_SHIFT}|{}", word & ((1 << CEILING_SHIFT) - 1));
        }
        if !self.has(ROBUST | INHERIT) {
            return word.to_string();
        }
        let mut parts = vec![(word & libc::FUTEX_TID_MASK).to_string()];
        parts.extend((word & libc::FUTEX_WAITERS != 0).then(|| "FUTEX_WAITERS".to_owned()));
        parts.extend((word & libc::FUTEX_OWNER_DIED != 0).then(|| "FUTEX_OWNER_DIED".to_owned()));
        parts.join("|")
    }
}

fn fields(words: &Words, owner: &Owner) -> Vec<Field> {
    let robust = words.has(ROBUST);
    let left = words.owner != 0 && !owner.alive && words.state == "locked";
    let state = common::word("state", words.state);
    let state = match words.state {
        "locked" if left && !robust => {
            state.noted(format!("{} is dead, and the mutex is not robust: it stays locked for ever", owner.name))
        }
        "owner-died" => state.noted("whoever locks it next is told, EOWNERDEAD, and owns it"),
        "inconsistent" => state.noted("until pthread_mutex_consistent; an unlock before that loses it for ever"),
        "not-recoverable" => state.noted("nobody can lock it any more; it can only be destroyed"),
        _ => state,
    };
    let shared = Field::kernel_int("pshared", i64::from(words.has(PSHARED)));
    let protocol = match (words.has(INHERIT), words.has(PROTECT)) {
        (true, _) => "PTHREAD_PRIO_INHERIT",
        (_, true) => "PTHREAD_PRIO_PROTECT",
        _ => "PTHREAD_PRIO_NONE",
    };
    let mut fields = vec![
        state,
        common::word("owner", owner.name.clone()),
        common::word("type", words.kind()),
        Field::kernel_int("robust", i64::from(robust)),
        common::word("protocol", protocol),
        // A robust one has that bit in any case.
        if robust {
            Field { evidence: Evidence::Kernel, ..shared }.noted("glibc says so of each robust one")
        } else {
            shared
        },
        common::word("word", words.word()),
    ];
    if words.kind() == "PTHREAD_MUTEX_RECURSIVE" {
        fields.insert(2, Field::kernel_int("count", words.count.into()));
    }
    if let Some(ceiling) = words.ceiling() {
        fields.insert(fields.len() - 2, Field::kernel_int("prioceiling", ceiling.into()));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(word: u32, owner: u32, kind: u32) -> (&'static str, u32) {
        let words = Words::parse(&[word, 0, owner, 0, kind, 0, 0, 0, 0, 0]);
        (words.state, words.owner)
    }

    #[test]
    fn the_words_of_glibc() {
        let (waiters, died) = (libc::FUTEX_WAITERS, libc::FUTEX_OWNER_DIED);
        for (seen, wanted) in [
            (parse(0, 0, 0x280), ("free", 0)),
            (parse(0, 77, 0x280), ("free", 0)),
            (parse(1, 77, 0x280), ("locked", 77)),
            (parse(2, 77, 0x82), ("locked", 77)),
            (parse(77, 77, 0x90), ("locked", 77)),
            (parse(0x4d | waiters, 0, 0x90), ("locked", 77)),
            (parse(died, 77, 0x90), ("owner-died", 77)),
            (parse(waiters | died, 77, 0x90), ("owner-died", 77)),
            (parse(78, INCONSISTENT, 0x90), ("inconsistent", 78)),
            (parse(0, NOT_RECOVERABLE, 0x90), ("not-recoverable", 0)),
            // An old owner beside the word of one with priority inheritance.
            (parse(0x4e | waiters, 77, 0x20), ("locked", 78)),
        ] {
            assert_eq!(seen, wanted);
        }
        let words = |word, kind| Words::parse(&[word, 2, 77, 0, kind, 0, 0, 0, 0, 0]);
        assert_eq!(words(2, 0x280).word(), "2");
        assert_eq!(words(0x4d | waiters | died, 0x90).word(), "77|FUTEX_WAITERS|FUTEX_OWNER_DIED");
        assert_eq!(words(20 << 19 | 2, 0x40).word(), "20<<19|2");
        assert_eq!([parse(20 << 19, 0, 0x40), parse(20 << 19 | 1, 77, 0x40)], [("free", 0), ("locked", 77)]);
        assert_eq!(words(1, 0x81).kind(), "PTHREAD_MUTEX_RECURSIVE");
        assert_eq!(words(1, 0x82).kind(), "PTHREAD_MUTEX_ERRORCHECK");
    }

    #[test]
    fn a_dead_owner_is_told() {
        let owner = |alive| Owner { name: "alice".to_owned(), alive };
        let note = |word, kind, alive| {
            let words = Words::parse(&[word, 0, 77, 0, kind, 0, 0, 0, 0, 0]);
            fields(&words, &owner(alive)).swap_remove(0).note.unwrap_or_default()
        };
        assert_eq!(note(1, 0x280, true), "");
        assert!(note(1, 0x280, false).contains("alice is dead"));
        assert!(note(libc::FUTEX_OWNER_DIED, 0x90, false).contains("EOWNERDEAD"));
        assert!(owner(true).holder().is_some() && owner(false).holder().is_none());
    }
}

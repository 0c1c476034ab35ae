//! Read-write locks of POSIX threads, of both preferences.

mod calls;

use super::deed::Deed;
use super::dialect::{Dialect, Op, Parts, Tie};
use super::look::{Found, Look, Reported};
use super::perform::{Performer, Refusal};
use super::pthread::{self as common, Owner, aligned, make};
use super::show::Shown;
use super::undefined::{Intent, Place};
use super::{Card, Facility, Inside, Judged, Reading};
use crate::kernel::arena::Record;
use crate::kernel::pthread;
use crate::model::{Evidence, Field, Object, Snapshot, Value};
use crate::script::{ArgValue, CallSpec, Cmp, PredicateArg, PredicateSpec};

/// Read-write locks.
#[derive(Debug)]
pub(super) struct RwLock;

static CARD: Card = Card {
    id: "rwlock",
    title: "Read-write locks",
    family: "synchronization / read-write lock",
    what: "A lock that any number may share for reading, or one may have for writing.",
    identifier: "an address in memory, shared for several processes",
    handle: "address",
    persistence: "as long as its memory",
    access: "whoever has its memory mapped for writing",
    blocking: "while a writer has it; a writer also while readers do; readers behind a writer, by the kind",
    boundaries: "none: it carries no data",
    manual: &["pthread_rwlock_rdlock(3p)", "pthread_rwlock_wrlock(3p)", "pthread_rwlockattr_setkind_np(3)"],
};

const UNLOCK: &str = "pthread_rwlock_unlock";

const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "state",
        args: &[PredicateArg::Word],
        doc: "It is free, read-locked or write-locked",
        example: "expect r state read-locked",
    },
    PredicateSpec {
        word: "readers",
        args: &[PredicateArg::Number],
        doc: "How often it is locked for reading",
        example: "expect r readers 2",
    },
    PredicateSpec {
        word: "reading",
        args: &[PredicateArg::Actors],
        doc: "These have it locked for reading, and nobody else",
        example: "expect r reading alice bob",
    },
    PredicateSpec {
        word: "owner",
        args: &[PredicateArg::Actors],
        doc: "Who has it locked for writing; or nobody",
        example: "expect r owner carol",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "rwlock",
    handle: "{o}",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as {o}m",
                "{a}: pthread_rwlockattr_init {o}m+512 as {o}a",
                "{a}: pthread_rwlockattr_setpshared {o}a PTHREAD_PROCESS_SHARED",
                "{a}: pthread_rwlock_init {o}m+64 {o}a as {h}",
            ],
        ),
        (Op::Take, &["{a}: pthread_rwlock_wrlock {h}"]),
        (Op::TryTake, &["{a}: pthread_rwlock_trywrlock {h}"]),
        (Op::Give, &["{a}: pthread_rwlock_unlock {h}"]),
        (Op::Remove, &["{a}: pthread_rwlock_destroy {h}"]),
    ],
}];

static PARTS: &[Parts] = &[Parts { kind: "rwlock", ends: &[("a", Tie::Lent)], also: &[] }];

impl Facility for RwLock {
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
        if verb.starts_with("pthread_rwlockattr_") {
            let address = aligned(performer, "attr", 4, "a pthread_rwlockattr_t")?;
            common::attribute(
                performer,
                address,
                match verb {
                    "pthread_rwlockattr_init" => |address, _| pthread::pthread_rwlockattr_init(address),
                    "pthread_rwlockattr_destroy" => |address, _| pthread::pthread_rwlockattr_destroy(address),
                    "pthread_rwlockattr_setkind_np" => pthread::pthread_rwlockattr_setkind_np,
                    _ => pthread::pthread_rwlockattr_setpshared,
                },
            );
            return Ok(());
        }
        let address = aligned(performer, "rwlock", 8, "a pthread_rwlock_t")?;
        let made = match verb {
            "pthread_rwlock_init" => {
                let attributes = performer.int("attr", 0);
                make(performer, [address as i64, attributes, 0], None, || {
                    pthread::pthread_rwlock_init(address, attributes as u64).map(|()| 0)
                })
            }
            "pthread_rwlock_timedrdlock" | "pthread_rwlock_timedwrlock" => {
                let limit = performer.int("limit", 0).max(0);
                let call = if verb == "pthread_rwlock_timedrdlock" {
                    pthread::pthread_rwlock_timedrdlock
                } else {
                    pthread::pthread_rwlock_timedwrlock
                };
                make(performer, [address as i64, limit, 0], Some(limit), || call(address, limit as u64).map(|()| 0))
            }
            _ => {
                let call = match verb {
                    "pthread_rwlock_rdlock" => pthread::pthread_rwlock_rdlock,
                    "pthread_rwlock_tryrdlock" => pthread::pthread_rwlock_tryrdlock,
                    "pthread_rwlock_wrlock" => pthread::pthread_rwlock_wrlock,
                    "pthread_rwlock_trywrlock" => pthread::pthread_rwlock_trywrlock,
                    "pthread_rwlock_unlock" => pthread::pthread_rwlock_unlock,
                    _ => pthread::pthread_rwlock_destroy,
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

    fn means(&self, _verb: &str, record: &Record) -> Option<String> {
        (record.errno == libc::EDEADLK)
            .then(|| "the caller has it locked for writing, and would wait for itself".to_owned())
    }

    fn inside(&self, verb: &str) -> Inside {
        match verb {
            "pthread_rwlock_init" => Inside::Begins,
            "pthread_rwlock_destroy" => Inside::Ends,
            _ => Inside::Nothing,
        }
    }

    fn size(&self) -> u64 {
        pthread::RWLOCK_SIZE as u64
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let mut reading = Reading { identifier: common::identifier(found, look), ..Reading::default() };
        match common::words::<14>(found, look).map(|words| Words::parse(&words)) {
            Ok(words) => {
                let owner = Owner::of(words.writer, look);
                if words.readers == 0 {
                    forget_readers(look.notes.get_mut(&found.key));
                }
                let readers = readers(look.note(&found.key));
                reading.holders.extend(owner.holder());
                reading.fields = fields(&words, &owner, &readers);
            }
            Err(why) => reading.fields.extend(["state", "readers", "owner"].map(|name| Field::hidden(name, why))),
        }
        reading.fields.extend(common::maker(&found.key, look));
        reading
    }

    fn hears_of_memory(&self) -> bool {
        true
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        match call.spec.name {
            "pthread_rwlock_init" => *note = common::made_by(call.actor),
            "pthread_rwlock_rdlock" | "pthread_rwlock_tryrdlock" | "pthread_rwlock_timedrdlock" => {
                list(note).push(Value::Text(call.actor.to_owned()));
            }
            "pthread_rwlock_unlock" => {
                let list = list(note);
                if let Some(at) = list.iter().position(|name| name.as_text() == Some(call.actor)) {
                    list.remove(at);
                }
            }
            _ => {}
        }
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        if word != "reading" {
            return None;
        }
        let Value::List(list) = object.value("reading") else {
            let note = object.field("reading").and_then(|f| f.note.clone());
            return Some(Judged { met: false, seen: note.unwrap_or_default(), field: "reading" });
        };
        let mut seen: Vec<&str> = list.iter().filter_map(Value::as_text).collect();
        let mut wanted: Vec<&str> = args
            .iter()
            .filter_map(|arg| if let ArgValue::Name(name) = arg { Some(name.as_str()) } else { None })
            .collect();
        let words = if seen.is_empty() { "nobody reads".to_owned() } else { format!("{} read", seen.join(", ")) };
        seen.sort_unstable();
        wanted.sort_unstable();
        Some(Judged { met: seen == wanted, seen: words, field: "reading" })
    }

    fn wakers(&self, object: &Object, waiter: &str, _direction: &str, snapshot: &Snapshot) -> Vec<String> {
        match (object.value("state").as_text(), object.value("reading")) {
            (Some("write-locked"), _) => common::alone(object.value("owner").as_text(), snapshot),
            (_, Value::List(list)) if !list.is_empty() => {
                let mut names: Vec<String> =
                    list.iter().flat_map(|name| common::alone(name.as_text(), snapshot)).collect();
                names.dedup();
                names
            }
            _ => common::others(object, waiter, snapshot),
        }
    }

    fn groups(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<Vec<String>> {
        // Each reader must leave before a writer has it; the dead leave nothing, and who waits for them waits for ever.
        let mut names: Vec<&str> = object.value("reading").as_list().iter().filter_map(Value::as_text).collect();
        names.extend(object.value("owner").as_text().filter(|owner| *owner != "nobody"));
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            let wakers = self.wakers(object, waiter, direction, snapshot);
            return if wakers.is_empty() { Vec::new() } else { vec![wakers] };
        }
        names.into_iter().map(|name| vec![name.to_owned()]).collect()
    }

    fn only_they(&self, object: &Object, _direction: &str, _snapshot: &Snapshot) -> bool {
        // Who reads is known by name, or a writer is named by the words.
        object.value("state").as_text() == Some("write-locked") || matches!(object.value("reading"), Value::List(_))
    }

    fn accounted(&self) -> &'static [&'static str] {
        &[
            "pthread_rwlock_rdlock",
            "pthread_rwlock_tryrdlock",
            "pthread_rwlock_timedrdlock",
            "pthread_rwlock_wrlock",
            "pthread_rwlock_trywrlock",
            "pthread_rwlock_timedwrlock",
            UNLOCK,
        ]
    }

    fn deed(&self, verb: &str, record: &Record) -> Option<Deed> {
        common::lock_deed(verb, UNLOCK, record)
    }

    fn undefined(&self, verb: &str, intent: &Intent<'_>) -> Option<String> {
        if verb.starts_with("pthread_rwlockattr_") {
            return None;
        }
        common::misused(intent, "rwlock", CARD.id, "read-write lock", verb == "pthread_rwlock_init").or_else(|| {
            let Place::Object(lock) = intent.place("rwlock", CARD.id) else { return None };
            let (name, state) = (&lock.name, lock.value("state").as_text()?);
            let reads = |actor: &str| match lock.value("reading") {
                Value::List(list) => list.iter().any(|name| name.as_text() == Some(actor)),
                _ => true,
            };
            match (verb, state) {
                ("pthread_rwlock_destroy", "read-locked" | "write-locked") => Some(format!("{name} is locked")),
                ("pthread_rwlock_unlock", "free") => Some(format!("{name} is not locked")),
                ("pthread_rwlock_unlock", "write-locked") if lock.value("owner").as_text() != Some(intent.actor) => {
                    Some(format!("{name} is locked by {}", lock.value("owner").as_text()?))
                }
                ("pthread_rwlock_unlock", "read-locked") if !reads(intent.actor) => {
                    Some(format!("{name} is not locked by {}", intent.actor))
                }
                _ => None,
            }
        })
    }
}

/// What glibc keeps in the words of a read-write lock: see `struct __pthread_rwlock_arch_t`, and the comment at the head
/// of `nptl/pthread_rwlock_common.c`.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    state: &'static str,
    readers: u32,
    /// The task that has it for writing; 0 for none.
    writer: u32,
    shared: bool,
    kind: u32,
    word: u32,
}

/// Bits of the first word; above them the readers are counted.
const WRITE_PHASE: u32 = 1;
const WRITE_LOCKED: u32 = 2;

impl Words {
    const fn parse(words: &[u32; 14]) -> Self {
        let word = words[0];
        let count = word >> 3;
        // In a phase of writing, the readers that are counted wait for the next phase.
        let (state, readers, writer) = match (word & WRITE_PHASE != 0, word & WRITE_LOCKED != 0) {
            (true, true) => ("write-locked", 0, words[6]),
            (true, false) => ("free", 0, 0),
            (false, _) if count > 0 => ("read-locked", count, 0),
            (false, _) => ("free", 0, 0),
        };
        Self { state, readers, writer, shared: words[7] != 0, kind: words[12], word }
    }

    const fn kind(&self) -> &'static str {
        match self.kind {
            0 => "PTHREAD_RWLOCK_PREFER_READER_NP",
            1 => "PTHREAD_RWLOCK_PREFER_WRITER_NP",
            _ => "PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP",
        }
    }
}

fn fields(words: &Words, owner: &Owner, readers: &[Value]) -> Vec<Field> {
    let state = common::word("state", words.state);
    let left = words.writer != 0 && !owner.alive;
    // In the words readers are a number; their names are what they have said themselves.
    let reading = if readers.len() == words.readers as usize {
        Field::new("reading", Value::List(readers.to_vec()), Evidence::Mirror)
    } else {
        Field::hidden(
            "reading",
            "the words count readers without naming them, and the reports do not add up to the count",
        )
    };
    vec![
        if left { state.noted(format!("{} is dead: it stays locked for ever", owner.name)) } else { state },
        common::word("owner", owner.name.clone()),
        Field::kernel_int("readers", words.readers.into()),
        reading,
        common::word("kind", words.kind()),
        Field::kernel_int("pshared", words.shared.into()),
        common::word("word", format!("{:#x}", words.word)),
    ]
}

/// The names of readers in a note.
fn readers(note: &Value) -> Vec<Value> {
    note.part("readers").map(|list| list.as_list().to_vec()).unwrap_or_default()
}

fn list(note: &mut Value) -> &mut Vec<Value> {
    if !matches!(note, Value::Record(_)) {
        *note = Value::Record(Vec::new());
    }
    let Value::Record(parts) = note else { unreachable!("it is a record by now") };
    let at = parts.iter().position(|(name, _)| name == "readers").unwrap_or_else(|| {
        parts.push(("readers".into(), Value::List(Vec::new())));
        parts.len() - 1
    });
    let (_, Value::List(list)) = &mut parts[at] else { unreachable!("readers are a list") };
    list
}

/// Nobody reads: whatever was reported or missed before does not matter any more.
fn forget_readers(note: Option<&mut Value>) {
    if let Some(note) = note.filter(|note| note.part("readers").is_some()) {
        list(note).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_glibc() {
        let parse = |word: u32, writer: u32| {
            let mut words = [0; 14];
            (words[0], words[6], words[7], words[12]) = (word, writer, 1, 2);
            Words::parse(&words)
        };
        let seen = |word, writer| {
            let words = parse(word, writer);
            (words.state, words.readers, words.writer)
        };
        assert_eq!(seen(0, 0), ("free", 0, 0));
        assert_eq!(seen(0x10, 0), ("read-locked", 2, 0));
        assert_eq!(seen(0x10 | WRITE_LOCKED, 0), ("read-locked", 2, 0), "a writer waits");
        assert_eq!(seen(3, 77), ("write-locked", 0, 77));
        assert_eq!(seen(3 | 8, 77), ("write-locked", 0, 77), "a reader waits");
        assert_eq!(seen(1, 77), ("free", 0, 0), "as the last writer left it");
        assert_eq!(parse(0, 0).kind(), "PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP");
        assert!(parse(0, 0).shared);
    }

    #[test]
    fn names_of_readers_are_shown_where_they_add_up() {
        let mut note = common::made_by("alice");
        list(&mut note).push(Value::Text("bob".to_owned()));
        let words = Words { state: "read-locked", readers: 1, writer: 0, shared: true, kind: 0, word: 8 };
        let nobody = Owner { name: "nobody".to_owned(), alive: false };
        let reading = |words: &Words, note: &Value| fields(words, &nobody, &readers(note)).swap_remove(3);
        assert_eq!(reading(&words, &note).evidence, Evidence::Mirror);
        assert_eq!(reading(&Words { readers: 2, ..words }, &note).evidence, Evidence::Hidden);
        forget_readers(Some(&mut note));
        assert_eq!((readers(&note).len(), note.part("maker").and_then(Value::as_text)), (0, Some("alice")));
    }
}

//! Spin locks of POSIX threads: a lock for which nobody sleeps.

use super::deed::Deed;
use super::dialect::{Dialect, Op};
use super::look::{Found, Look, Reported};
use super::perform::{Performer, Refusal};
use super::pthread::{self as common, PSHARED, aligned, make};
use super::show::Shown;
use super::table::{CALL, required};
use super::undefined::{Intent, Place};
use super::{Card, Facility, Inside, Reading};
use crate::kernel::arena::Record;
use crate::kernel::pthread;
use crate::model::{Evidence, Field, Object, Snapshot, Value};
use crate::script::{ArgKind, ArgSpec, CallSpec, Makes, PredicateArg, PredicateSpec};

/// Spin locks.
#[derive(Debug)]
pub(super) struct Spin;

static CARD: Card = Card {
    id: "spin",
    title: "Spin locks",
    family: "synchronization / spin lock",
    what: "A lock of one word: who finds it taken looks again and again, and never sleeps.",
    identifier: "an address in memory, shared for several processes",
    handle: "address",
    persistence: "as long as its memory",
    access: "whoever has its memory mapped for writing",
    blocking: "never in the kernel: who waits runs, and uses up its processor",
    boundaries: "none: it carries no data",
    manual: &["pthread_spin_lock(3)", "pthread_spin_init(3)"],
};

const LOCK: ArgSpec = required("lock", ArgKind::Address, "the lock: its name, or m+64");

const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "pthread_spin_init",
        args: &[
            required("lock", ArgKind::Address, "where it shall lie, a multiple of 4"),
            required("pshared", ArgKind::Constant(PSHARED), "who may use it"),
        ],
        doc: "Makes a spin lock in memory",
        man: "pthread_spin_init(3)",
        c: "pthread_spin_init({?as {as} = ?}{lock}, {pshared})",
        makes: Makes::Memory,
        undefined: "there is one already that was not destroyed",
        example: "alice: pthread_spin_init m+320 PTHREAD_PROCESS_SHARED as s",
        ..CALL
    },
    CallSpec {
        name: "pthread_spin_lock",
        args: &[LOCK],
        doc: "Locks a spin lock, and runs in a circle while another has it",
        man: "pthread_spin_lock(3)",
        c: "pthread_spin_lock({lock})",
        undefined: "the caller has it already, or it was not made or is destroyed",
        example: "alice: pthread_spin_lock s",
        ..CALL
    },
    CallSpec {
        name: "pthread_spin_trylock",
        args: &[LOCK],
        doc: "Locks a spin lock, or fails with EBUSY while another has it",
        man: "pthread_spin_trylock(3)",
        c: "pthread_spin_trylock({lock})",
        undefined: "it was not made or is destroyed",
        example: "bob: pthread_spin_trylock s",
        ..CALL
    },
    CallSpec {
        name: "pthread_spin_unlock",
        args: &[LOCK],
        doc: "Lets a spin lock go",
        man: "pthread_spin_unlock(3)",
        c: "pthread_spin_unlock({lock})",
        undefined: "the caller does not have it",
        example: "alice: pthread_spin_unlock s",
        ..CALL
    },
    CallSpec {
        name: "pthread_spin_destroy",
        args: &[LOCK],
        doc: "Ends the use of a spin lock",
        man: "pthread_spin_destroy(3)",
        c: "pthread_spin_destroy({lock})",
        undefined: "somebody has it",
        example: "alice: pthread_spin_destroy s",
        ..CALL
    },
];

const UNLOCK: &str = "pthread_spin_unlock";

const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "state",
        args: &[PredicateArg::Word],
        doc: "It is free or locked",
        example: "expect s state locked",
    },
    PredicateSpec {
        word: "owner",
        args: &[PredicateArg::Actors],
        doc: "Who said last that it has locked it; or nobody",
        example: "expect s owner alice",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "spin",
    handle: "{o}",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as {o}m",
                "{a}: pthread_spin_init {o}m+64 PTHREAD_PROCESS_SHARED as {h}",
            ],
        ),
        (Op::TryTake, &["{a}: pthread_spin_trylock {h}"]),
        (Op::Give, &["{a}: pthread_spin_unlock {h}"]),
        (Op::Remove, &["{a}: pthread_spin_destroy {h}"]),
    ],
}];

impl Facility for Spin {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn dialects(&self) -> &'static [Dialect] {
        DIALECTS
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn predicates(&self) -> &'static [PredicateSpec] {
        PREDICATES
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        let address = aligned(performer, "lock", 4, "a pthread_spinlock_t")?;
        let made = if verb == "pthread_spin_init" {
            let pshared = performer.int("pshared", 0);
            make(performer, [address as i64, pshared, 0], None, || {
                pthread::pthread_spin_init(address, pshared as i32).map(|()| 0)
            })
        } else {
            let call = match verb {
                "pthread_spin_lock" => pthread::pthread_spin_lock,
                "pthread_spin_trylock" => pthread::pthread_spin_trylock,
                "pthread_spin_unlock" => pthread::pthread_spin_unlock,
                _ => pthread::pthread_spin_destroy,
            };
            make(performer, [address as i64, 0, 0], None, || call(address).map(|()| 0))
        };
        if made.is_ok() {
            common::begun_or_ended(self, verb, performer, address);
        }
        Ok(())
    }

    fn show(&self, _verb: &str, record: &Record) -> Shown {
        common::show(record)
    }

    fn inside(&self, verb: &str) -> Inside {
        match verb {
            "pthread_spin_init" => Inside::Begins,
            "pthread_spin_destroy" => Inside::Ends,
            _ => Inside::Nothing,
        }
    }

    fn size(&self) -> u64 {
        pthread::SPIN_SIZE as u64
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let mut reading = Reading { identifier: common::identifier(found, look), ..Reading::default() };
        reading.fields = match common::words::<1>(found, look) {
            Ok([word]) => {
                let free = word == pthread::SPIN_FREE;
                let said = look.note(&found.key).part("owner").and_then(Value::as_text);
                let owner = match (free, said) {
                    (true, _) => common::word("owner", "nobody"),
                    (false, Some(name)) => Field::new("owner", Value::Text(name.to_owned()), Evidence::Mirror),
                    (false, None) => {
                        Field::hidden("owner", "the word says that it is taken, and nobody has said by whom")
                    }
                };
                let word = common::word("word", (word as i32).to_string());
                vec![common::word("state", if free { "free" } else { "locked" }), owner, word]
            }
            Err(why) => ["state", "owner"].map(|name| Field::hidden(name, why)).to_vec(),
        };
        reading.fields.extend(common::maker(&found.key, look));
        reading
    }

    fn hears_of_memory(&self) -> bool {
        true
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        let set = |note: &mut Value, owner: Option<&str>| {
            let mut parts = if let Value::Record(parts) = note { std::mem::take(parts) } else { Vec::new() };
            parts.retain(|(name, _)| name != "owner");
            parts.extend(owner.map(|owner| ("owner".into(), Value::Text(owner.to_owned()))));
            *note = Value::Record(parts);
        };
        match call.spec.name {
            "pthread_spin_init" => *note = common::made_by(call.actor),
            "pthread_spin_lock" | "pthread_spin_trylock" => set(note, Some(call.actor)),
            "pthread_spin_unlock" => set(note, None),
            _ => {}
        }
    }

    fn wakers(&self, object: &Object, waiter: &str, _direction: &str, snapshot: &Snapshot) -> Vec<String> {
        common::others(object, waiter, snapshot)
    }

    fn accounted(&self) -> &'static [&'static str] {
        &["pthread_spin_lock", "pthread_spin_trylock", UNLOCK]
    }

    fn deed(&self, verb: &str, record: &Record) -> Option<Deed> {
        common::lock_deed(verb, UNLOCK, record)
    }

    fn undefined(&self, verb: &str, intent: &Intent<'_>) -> Option<String> {
        common::misused(intent, "lock", CARD.id, "spin lock", verb == "pthread_spin_init").or_else(|| {
            let Place::Object(lock) = intent.place("lock", CARD.id) else { return None };
            let (name, state) = (&lock.name, lock.value("state").as_text()?);
            let owner = lock.value("owner").as_text();
            match verb {
                "pthread_spin_lock" if owner == Some(intent.actor) => {
                    Some(format!("{} has {name} already", intent.actor))
                }
                "pthread_spin_unlock" if state == "free" => Some(format!("{name} is not locked")),
                "pthread_spin_unlock" if owner.is_some_and(|owner| owner != intent.actor) => {
                    Some(format!("{name} is locked by {}", owner.unwrap_or_default()))
                }
                "pthread_spin_destroy" if state == "locked" => Some(format!("{name} is locked")),
                _ => None,
            }
        })
    }
}

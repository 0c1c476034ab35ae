//! Condition variables of POSIX threads: a place to sleep until another says that something may have changed.

use super::dialect::{Dialect, Op};
use super::look::{Found, Look, Reported};
use super::perform::{Performer, Refusal};
use super::pthread::{self as common, ATTR, NO_ATTR, PSHARED, aligned, make};
use super::show::Shown;
use super::table::{CALL, required};
use super::undefined::{Intent, Place};
use super::{Card, ChangedBy, Facility, Inside, Reading, mutex};
use crate::kernel::arena::Record;
use crate::kernel::memory::{self, Width};
use crate::kernel::pthread;
use crate::model::{Field, Object, Snapshot, Value};
use crate::script::{ArgKind, ArgSpec, CallSpec, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn};

/// Condition variables.
#[derive(Debug)]
pub(super) struct Cond;

static CARD: Card = Card {
    id: "cond",
    title: "Condition variables",
    family: "synchronization / condition variable",
    what: "A place to sleep, with a mutex let go meanwhile, until another signals; it remembers nothing.",
    identifier: "an address in memory, shared for several processes",
    handle: "address",
    persistence: "as long as its memory",
    access: "whoever has its memory mapped for writing",
    blocking: "pthread_cond_wait until it is signalled, then until the mutex is free",
    boundaries: "none: it carries no data",
    manual: &["pthread_cond_wait(3p)", "pthread_cond_signal(3p)", "pthread_cond_init(3p)"],
};

const COND: ArgSpec = required("cond", ArgKind::Address, "the condition variable: its name, or m+64");
const MUTEX: ArgSpec = required("mutex", ArgKind::Address, "the mutex that guards the condition; the caller owns it");

/// The clocks that POSIX allows here.
const CLOCKS: &[(&str, i64)] =
    &[("CLOCK_REALTIME", libc::CLOCK_REALTIME as i64), ("CLOCK_MONOTONIC", libc::CLOCK_MONOTONIC as i64)];

/// glibc sleeps on the words of two groups of waiters; the mutex names itself when it is slept on.
const SLEEPS: &[Sleeps] = &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: "be signalled" }];

const NOT_OWNED: &str = "the caller does not own the mutex, or others wait with another one";

const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "pthread_condattr_init",
        args: &[ATTR],
        doc: "Makes attributes in memory: those of a condition variable for one process",
        man: "pthread_condattr_init(3p)",
        c: "pthread_condattr_init({?as {as} = ?}{attr})",
        makes: Makes::Memory,
        example: "alice: pthread_condattr_init m+520 as cattr",
        ..CALL
    },
    CallSpec {
        name: "pthread_condattr_setpshared",
        args: &[ATTR, required("pshared", ArgKind::Constant(PSHARED), "who may use it")],
        doc: "Has several processes share the condition variables that are made with these attributes",
        man: "pthread_condattr_setpshared(3p)",
        c: "pthread_condattr_setpshared({attr}, {pshared})",
        example: "alice: pthread_condattr_setpshared cattr PTHREAD_PROCESS_SHARED",
        ..CALL
    },
    CallSpec {
        name: "pthread_condattr_setclock",
        args: &[ATTR, required("clock_id", ArgKind::Constant(CLOCKS), "by which clock its timed waits end")],
        doc: "Has timed waits go by that clock; nobody can set CLOCK_MONOTONIC",
        man: "pthread_condattr_setclock(3p)",
        c: "pthread_condattr_setclock({attr}, {clock_id})",
        example: "alice: pthread_condattr_setclock cattr CLOCK_MONOTONIC",
        ..CALL
    },
    CallSpec {
        name: "pthread_condattr_destroy",
        args: &[ATTR],
        doc: "Ends the use of attributes",
        man: "pthread_condattr_destroy(3p)",
        c: "pthread_condattr_destroy({attr})",
        example: "alice: pthread_condattr_destroy cattr",
        ..CALL
    },
    CallSpec {
        name: "pthread_cond_init",
        args: &[required("cond", ArgKind::Address, "where it shall lie, a multiple of 8"), NO_ATTR],
        doc: "Makes a condition variable in memory",
        man: "pthread_cond_init(3p)",
        c: "pthread_cond_init({?as {as} = ?}{cond}, {attr=NULL})",
        makes: Makes::Memory,
        undefined: "there is one already that was not destroyed",
        example: "alice: pthread_cond_init m+128 cattr as c",
        ..CALL
    },
    CallSpec {
        name: "pthread_cond_wait",
        args: &[COND, MUTEX],
        doc: "Lets the mutex go and sleeps, in one step, until it is signalled; then locks the mutex again",
        man: "pthread_cond_wait(3p)",
        c: "pthread_cond_wait({cond}, {mutex})",
        sleeps: SLEEPS,
        undefined: NOT_OWNED,
        example: "bob: pthread_cond_wait c l",
        ..CALL
    },
    CallSpec {
        name: "pthread_cond_timedwait",
        args: &[
            COND,
            MUTEX,
            required("limit", ArgKind::Duration, "how long from now; C wants the moment when it ends, by its clock"),
        ],
        doc: "The same for so long at most; the mutex is locked again in any case",
        man: "pthread_cond_timedwait(3p)",
        c: "pthread_cond_timedwait({cond}, {mutex}, &deadline /* now + {limit} */)",
        sleeps: SLEEPS,
        undefined: NOT_OWNED,
        example: "bob: pthread_cond_timedwait c l 500ms",
        ..CALL
    },
    CallSpec {
        name: "pthread_cond_signal",
        args: &[COND],
        doc: "Wakes at least one of those who wait; nobody, if nobody waits now",
        man: "pthread_cond_signal(3p)",
        c: "pthread_cond_signal({cond})",
        undefined: "it was not made or is destroyed, or is private to another process",
        example: "alice: pthread_cond_signal c",
        ..CALL
    },
    CallSpec {
        name: "pthread_cond_broadcast",
        args: &[COND],
        doc: "Wakes all who wait now",
        man: "pthread_cond_broadcast(3p)",
        c: "pthread_cond_broadcast({cond})",
        undefined: "it was not made or is destroyed, or is private to another process",
        example: "alice: pthread_cond_broadcast c",
        ..CALL
    },
    CallSpec {
        name: "pthread_cond_destroy",
        args: &[COND],
        doc: "Ends the use of a condition variable",
        man: "pthread_cond_destroy(3p)",
        c: "pthread_cond_destroy({cond})",
        // glibc waits until all who were woken have left.
        sleeps: &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: "see it left" }],
        undefined: "somebody waits on it",
        example: "alice: pthread_cond_destroy c",
        ..CALL
    },
];

const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "nwaiters",
        args: &[PredicateArg::Number],
        doc: "How many glibc has counted as waiting",
        example: "expect c nwaiters 1",
    },
    PredicateSpec {
        word: "clock",
        args: &[PredicateArg::Word],
        doc: "By which clock its timed waits end",
        example: "expect c clock CLOCK_MONOTONIC",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "condition",
    handle: "{o}",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as {o}m",
                "{a}: pthread_mutexattr_init {o}m+512 as {o}a",
                "{a}: pthread_mutexattr_setpshared {o}a PTHREAD_PROCESS_SHARED",
                "{a}: pthread_mutex_init {o}m+64 {o}a as {o}l",
                "{a}: pthread_condattr_init {o}m+576 as {o}ca",
                "{a}: pthread_condattr_setpshared {o}ca PTHREAD_PROCESS_SHARED",
                "{a}: pthread_cond_init {o}m+128 {o}ca as {h}",
            ],
        ),
        (Op::Remove, &["{a}: pthread_cond_destroy {h}"]),
    ],
}];

impl Facility for Cond {
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
        if verb.starts_with("pthread_condattr_") {
            let address = aligned(performer, "attr", 4, "a pthread_condattr_t")?;
            common::attribute(
                performer,
                address,
                match verb {
                    "pthread_condattr_init" => |address, _| pthread::pthread_condattr_init(address),
                    "pthread_condattr_destroy" => |address, _| pthread::pthread_condattr_destroy(address),
                    "pthread_condattr_setclock" => pthread::pthread_condattr_setclock,
                    _ => pthread::pthread_condattr_setpshared,
                },
            );
            return Ok(());
        }
        let cond = aligned(performer, "cond", 8, "a pthread_cond_t")?;
        let mutex = aligned(performer, "mutex", 8, "a pthread_mutex_t")?;
        let args = [cond as i64, mutex as i64, 0];
        let made = match verb {
            "pthread_cond_init" => {
                let attributes = performer.int("attr", 0);
                make(performer, [cond as i64, attributes, 0], None, || {
                    pthread::pthread_cond_init(cond, attributes as u64).map(|()| 0)
                })
            }
            "pthread_cond_wait" => make(performer, args, None, || pthread::pthread_cond_wait(cond, mutex).map(|()| 0)),
            "pthread_cond_timedwait" => {
                let limit = performer.int("limit", 0).max(0);
                make(performer, [cond as i64, mutex as i64, limit], Some(limit), || {
                    pthread::pthread_cond_timedwait(cond, mutex, limit as u64, monotonic(cond)).map(|()| 0)
                })
            }
            _ => {
                let call = match verb {
                    "pthread_cond_signal" => pthread::pthread_cond_signal,
                    "pthread_cond_broadcast" => pthread::pthread_cond_broadcast,
                    _ => pthread::pthread_cond_destroy,
                };
                make(performer, [cond as i64, 0, 0], None, || call(cond).map(|()| 0))
            }
        };
        if made.is_ok() {
            common::begun_or_ended(self, verb, performer, cond);
        }
        Ok(())
    }

    fn show(&self, _verb: &str, record: &Record) -> Shown {
        common::show(record)
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("pthread_cond_wait" | "pthread_cond_timedwait", libc::EPERM) => "the caller does not own the mutex",
            ("pthread_cond_timedwait", libc::ETIMEDOUT) => {
                "nobody has signalled in time; the caller owns the mutex again"
            }
            (_, libc::EOWNERDEAD) => "woken, and told that the mutex's owner before died; the caller owns it now",
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn inside(&self, verb: &str) -> Inside {
        match verb {
            "pthread_cond_init" => Inside::Begins,
            "pthread_cond_destroy" => Inside::Ends,
            _ => Inside::Nothing,
        }
    }

    fn size(&self) -> u64 {
        pthread::COND_SIZE as u64
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let words = common::version().and_then(|version| Ok(Words::parse(&common::words::<12>(found, look)?, version)));
        let mut fields = match words {
            Ok(words) => vec![
                Field::kernel_int("nwaiters", words.waiters.into())
                    .noted("the count by which glibc decides to wake; it stays too high when a waiter is killed"),
                Field::kernel_int("pshared", words.shared.into()),
                common::word("clock", if words.monotonic { "CLOCK_MONOTONIC" } else { "CLOCK_REALTIME" }),
            ],
            Err(why) => ["nwaiters", "clock"].map(|name| Field::hidden(name, why)).into(),
        };
        fields.extend(common::maker(&found.key, look));
        Reading { identifier: common::identifier(found, look), fields, ..Reading::default() }
    }

    fn hears_of_memory(&self) -> bool {
        true
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        if self.inside(call.spec.name) == Inside::Begins {
            *note = common::made_by(call.actor);
        }
    }

    fn wakers(&self, object: &Object, waiter: &str, _direction: &str, snapshot: &Snapshot) -> Vec<String> {
        common::others(object, waiter, snapshot)
    }

    fn undefined(&self, verb: &str, intent: &Intent<'_>) -> Option<String> {
        if verb.starts_with("pthread_condattr_") {
            return None;
        }
        let begins = verb == "pthread_cond_init";
        common::misused(intent, "cond", CARD.id, "condition variable", begins).or_else(|| match verb {
            "pthread_cond_wait" | "pthread_cond_timedwait" => unowned(intent),
            "pthread_cond_destroy" => {
                let Place::Object(cond) = intent.place("cond", CARD.id) else { return None };
                (!cond.waiters.is_empty()).then(|| format!("somebody waits on {}", cond.name))
            }
            _ => None,
        })
    }
}

/// Why the mutex that shall be let go is none that the caller owns.
fn unowned(intent: &Intent<'_>) -> Option<String> {
    match intent.place("mutex", mutex::ID) {
        Place::Object(mutex) => {
            let owner = mutex.value("owner").as_text()?;
            let wrong = owner != intent.actor && !mutex::checks(mutex);
            wrong.then(|| match owner {
                "nobody" => format!("{} is not locked", mutex.name),
                owner => format!("{} is locked by {owner}", mutex.name),
            })
        }
        Place::Nothing(at) => Some(format!("no mutex was initialized at {at}, or it was destroyed")),
        Place::Unknown => None,
    }
}

/// What glibc keeps in the words of a condition variable: see `struct __pthread_cond_s`. Since 2.41 two words are gone
/// that stood before the one which counts references.
struct Words {
    waiters: u32,
    shared: bool,
    monotonic: bool,
}

/// Which of the words counts references.
const fn references(version: (u32, u32)) -> usize {
    if version.0 > 2 || version.1 >= 41 { 7 } else { 9 }
}

impl Words {
    fn parse(words: &[u32; 12], version: (u32, u32)) -> Self {
        let references = words[references(version)];
        Self { waiters: references >> 3, shared: references & 1 != 0, monotonic: references & 2 != 0 }
    }
}

/// Whether the condition variable at an address of the caller's own goes by CLOCK_MONOTONIC: a C program knows by which
/// clock it has to say when its wait ends. Where its words are not known it is taken for one without attributes.
fn monotonic(cond: u64) -> bool {
    let at = common::version().map(|version| cond + 4 * references(version) as u64);
    at.is_ok_and(|at| memory::load(at, Width::W32, false) & 2 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_glibc() {
        let mut words = [0; 12];
        words[9] = 2 << 3 | 1;
        let before = Words::parse(&words, (2, 40));
        assert_eq!((before.waiters, before.shared), (2, true));
        words = [0; 12];
        words[7] = 1 << 3 | 4 | 2;
        let since = Words::parse(&words, (2, 41));
        assert_eq!((since.waiters, since.shared), (1, false));
        assert_eq!([before.monotonic, since.monotonic], [false, true]);
    }
}

//! Barriers of POSIX threads: nobody goes on before all have come.

use super::dialect::{Dialect, Op};
use super::look::{Found, Look, Reported};
use super::perform::{Performer, Refusal};
use super::pthread::{self as common, ATTR, NO_ATTR, PSHARED, aligned, make};
use super::show::{self, Shown};
use super::table::{CALL, required};
use super::undefined::{Intent, Place};
use super::{Card, ChangedBy, Facility, Inside, Reading};
use crate::kernel::arena::Record;
use crate::kernel::pthread;
use crate::model::{Field, Object, Snapshot, Value};
use crate::script::{ArgKind, ArgSpec, CallSpec, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn};

/// Barriers.
#[derive(Debug)]
pub(super) struct Barrier;

static CARD: Card = Card {
    id: "barrier",
    title: "Barriers",
    family: "synchronization / barrier",
    what: "A place at which so many must meet before any of them goes on.",
    identifier: "an address in memory, shared for several processes",
    handle: "address",
    persistence: "as long as its memory",
    access: "whoever has its memory mapped for writing",
    blocking: "pthread_barrier_wait until as many have come as it was made for",
    boundaries: "none: it carries no data",
    manual: &["pthread_barrier_wait(3p)", "pthread_barrier_init(3p)"],
};

const BARRIER: ArgSpec = required("barrier", ArgKind::Address, "the barrier: its name, or m+64");

const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "pthread_barrierattr_init",
        args: &[ATTR],
        doc: "Makes attributes in memory: those of a barrier for one process",
        man: "pthread_barrierattr_init(3p)",
        c: "pthread_barrierattr_init({?as {as} = ?}{attr})",
        makes: Makes::Memory,
        example: "alice: pthread_barrierattr_init m+536 as battr",
        ..CALL
    },
    CallSpec {
        name: "pthread_barrierattr_setpshared",
        args: &[ATTR, required("pshared", ArgKind::Constant(PSHARED), "who may use it")],
        doc: "Has several processes share the barriers that are made with these attributes",
        man: "pthread_barrierattr_setpshared(3p)",
        c: "pthread_barrierattr_setpshared({attr}, {pshared})",
        example: "alice: pthread_barrierattr_setpshared battr PTHREAD_PROCESS_SHARED",
        ..CALL
    },
    CallSpec {
        name: "pthread_barrierattr_destroy",
        args: &[ATTR],
        doc: "Ends the use of attributes",
        man: "pthread_barrierattr_destroy(3p)",
        c: "pthread_barrierattr_destroy({attr})",
        example: "alice: pthread_barrierattr_destroy battr",
        ..CALL
    },
    CallSpec {
        name: "pthread_barrier_init",
        args: &[
            required("barrier", ArgKind::Address, "where it shall lie, a multiple of 8"),
            required("count", ArgKind::Count, "how many must come"),
            NO_ATTR,
        ],
        doc: "Makes a barrier in memory",
        man: "pthread_barrier_init(3p)",
        c: "pthread_barrier_init({?as {as} = ?}{barrier}, {attr=NULL}, {count})",
        makes: Makes::Memory,
        undefined: "there is one already that was not destroyed",
        example: "alice: pthread_barrier_init m+256 3 battr as b",
        ..CALL
    },
    CallSpec {
        name: "pthread_barrier_wait",
        args: &[BARRIER],
        doc: "Waits until all have come; one of them gets PTHREAD_BARRIER_SERIAL_THREAD, the others 0",
        man: "pthread_barrier_wait(3p)",
        c: "pthread_barrier_wait({barrier})",
        sleeps: &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: "meet the others" }],
        undefined: "it was not made or is destroyed, or is private to another process",
        example: "alice: pthread_barrier_wait b",
        ..CALL
    },
    CallSpec {
        name: "pthread_barrier_destroy",
        args: &[BARRIER],
        doc: "Ends the use of a barrier",
        man: "pthread_barrier_destroy(3p)",
        c: "pthread_barrier_destroy({barrier})",
        // glibc waits until all who have met have left.
        sleeps: &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: "see it left" }],
        undefined: "somebody waits at it",
        example: "alice: pthread_barrier_destroy b",
        ..CALL
    },
];

const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "arrived",
        args: &[PredicateArg::Number],
        doc: "How many have come and wait for the others",
        example: "expect b arrived 2",
    },
    PredicateSpec {
        word: "needed",
        args: &[PredicateArg::Number],
        doc: "How many must come",
        example: "expect b needed 3",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "barrier",
    handle: "{o}",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as {o}m",
                "{a}: pthread_barrierattr_init {o}m+512 as {o}a",
                "{a}: pthread_barrierattr_setpshared {o}a PTHREAD_PROCESS_SHARED",
                "{a}: pthread_barrier_init {o}m+64 2 {o}a as {h}",
            ],
        ),
        (Op::Remove, &["{a}: pthread_barrier_destroy {h}"]),
    ],
}];

impl Facility for Barrier {
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
        if verb.starts_with("pthread_barrierattr_") {
            let address = aligned(performer, "attr", 4, "a pthread_barrierattr_t")?;
            common::attribute(
                performer,
                address,
                match verb {
                    "pthread_barrierattr_init" => |address, _| pthread::pthread_barrierattr_init(address),
                    "pthread_barrierattr_destroy" => |address, _| pthread::pthread_barrierattr_destroy(address),
                    _ => pthread::pthread_barrierattr_setpshared,
                },
            );
            return Ok(());
        }
        let address = aligned(performer, "barrier", 8, "a pthread_barrier_t")?;
        let made = match verb {
            "pthread_barrier_init" => {
                let (attributes, count) = (performer.int("attr", 0), performer.int("count", 0));
                // C takes an unsigned int: what does not fit stays too large.
                let wanted = u32::try_from(count).unwrap_or(u32::MAX);
                make(performer, [address as i64, attributes, count], None, || {
                    pthread::pthread_barrier_init(address, attributes as u64, wanted).map(|()| 0)
                })
            }
            "pthread_barrier_wait" => make(performer, [address as i64, 0, 0], None, || {
                let serial = i64::from(pthread::PTHREAD_BARRIER_SERIAL_THREAD);
                pthread::pthread_barrier_wait(address).map(|told| if told { serial } else { 0 })
            }),
            _ => {
                make(performer, [address as i64, 0, 0], None, || pthread::pthread_barrier_destroy(address).map(|()| 0))
            }
        };
        if made.is_ok() {
            common::begun_or_ended(self, verb, performer, address);
        }
        Ok(())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let told = i64::from(pthread::PTHREAD_BARRIER_SERIAL_THREAD);
        let serial = verb == "pthread_barrier_wait" && show::returned(record) && record.ret == told;
        let shown = common::show(record);
        if serial { Shown { result: Some("PTHREAD_BARRIER_SERIAL_THREAD".to_owned()), ..shown } } else { shown }
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let wrong = verb == "pthread_barrier_init" && record.errno == libc::EINVAL;
        wrong.then(|| "a barrier is for 1 thread at least, and for no more than an int can count".to_owned())
    }

    fn killed_in(&self, verb: &str, signal: &str) -> Option<&'static str> {
        (verb == "pthread_barrier_wait" && signal == "SIGFPE").then_some(
            "glibc divides by the number that must come, which is 0 in memory where no barrier was made: the processor \
             refuses to",
        )
    }

    fn inside(&self, verb: &str) -> Inside {
        match verb {
            "pthread_barrier_init" => Inside::Begins,
            "pthread_barrier_destroy" => Inside::Ends,
            _ => Inside::Nothing,
        }
    }

    fn size(&self) -> u64 {
        pthread::BARRIER_SIZE as u64
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let mut fields = match common::words::<5>(found, look) {
            // How many have come in all, how many of them have met, how many must, whether processes share it.
            Ok([came, met, needed, shared, _left]) => vec![
                Field::kernel_int("arrived", came.wrapping_sub(met).into()),
                Field::kernel_int("needed", needed.into()),
                Field::kernel_int("pshared", i64::from(shared != 0)),
            ],
            Err(why) => ["arrived", "needed"].map(|name| Field::hidden(name, why)).to_vec(),
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
        let mut others = common::others(object, waiter, snapshot);
        // Who is there already does not come again.
        others.retain(|name| !object.waiters.iter().any(|waiter| waiter.actor == *name));
        others
    }

    fn undefined(&self, verb: &str, intent: &Intent<'_>) -> Option<String> {
        if verb.starts_with("pthread_barrierattr_") {
            return None;
        }
        common::misused(intent, "barrier", CARD.id, "barrier", verb == "pthread_barrier_init").or_else(|| {
            let Place::Object(barrier) = intent.place("barrier", CARD.id) else { return None };
            let waited_for = verb == "pthread_barrier_destroy" && !barrier.waiters.is_empty();
            waited_for.then(|| format!("somebody waits at {}", barrier.name))
        })
    }
}

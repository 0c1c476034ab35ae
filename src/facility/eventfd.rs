//! Counters behind a descriptor. The kernel tells the count in fdinfo, so nothing is taken out to see it.

use std::cell::Cell;

use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, Look};
use super::perform::{Making, Performer, Refusal};
use super::show::{self, Shown, returned};
use super::table::{CALL, optional, required};
use super::unix::descriptors_travel;
use super::{Card, ChangedBy, Facility, Judged, Reading, nameless};
use crate::kernel::arena::Record;
use crate::kernel::{counted, fd};
use crate::model::{Evidence, Field, Object, ObjectKey, OtherEnd, Snapshot, Value};
use crate::script::{
    ArgKind, ArgSpec, ArgValue, CallSpec, Cmp, Data, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn, Wants,
};

/// Event counters.
#[derive(Debug)]
pub(super) struct EventFd;

static CARD: Card = Card {
    id: "eventfd",
    title: "Event counters",
    family: "synchronization / counter behind a descriptor",
    what: "A 64-bit counter behind a descriptor: writes add to it, a read takes all of it, and it can be polled.",
    identifier: "none",
    handle: "descriptor",
    persistence: "process",
    access: "whoever inherits or is passed the descriptor",
    blocking: "a read while the count is 0; a write that would take it to its maximum of 2^64 - 1",
    boundaries: "none: what was added by several writes is one number",
    manual: &["eventfd(2)"],
};

const FLAGS: &[(&str, i64)] = &[
    ("EFD_CLOEXEC", libc::EFD_CLOEXEC as i64),
    ("EFD_NONBLOCK", libc::EFD_NONBLOCK as i64),
    ("EFD_SEMAPHORE", libc::EFD_SEMAPHORE as i64),
];

const FD: ArgSpec = required("fd", ArgKind::Descriptor(Wants::Any), "which counter");

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "eventfd",
        args: &[
            required("name", ArgKind::NewName, "what the descriptor shall be called"),
            required("initval", ArgKind::Count, "its first count"),
            optional("flags", ArgKind::Flags(FLAGS), "with EFD_SEMAPHORE a read takes 1, not all"),
        ],
        doc: "Makes a counter behind a descriptor",
        man: "eventfd(2)",
        c: "{name} = eventfd({initval}, {flags=0})",
        makes: Makes::Descriptor,
        example: "alice: eventfd e 0 EFD_SEMAPHORE",
        ..CALL
    },
    CallSpec {
        name: "eventfd_write",
        args: &[FD, required("value", ArgKind::Int, "what to add; -1, the largest there is, can't be added")],
        doc: "Adds to the count: a write of 8 bytes",
        man: "eventfd(2)",
        c: "eventfd_write({fd}, {value})",
        sleeps: &[Sleeps { syscall: libc::SYS_write, on: WaitsOn::Descriptor(0), direction: "write" }],
        example: "alice: eventfd_write e 3",
        ..CALL
    },
    CallSpec {
        name: "eventfd_read",
        args: &[FD],
        doc: "Takes the count, or 1 of it from a semaphore, and waits while it is 0: a read of 8 bytes",
        man: "eventfd(2)",
        c: "eventfd_read({fd}, &value)",
        gives: true,
        sleeps: &[Sleeps { syscall: libc::SYS_read, on: WaitsOn::Descriptor(0), direction: "read" }],
        example: "bob: eventfd_read e -> $count",
        ..CALL
    },
];

static PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "count",
        args: &[PredicateArg::Number],
        doc: "What its count is",
        example: "expect e count 7",
    },
    PredicateSpec { word: "semaphore", args: &[], doc: "A read takes 1 of the count", example: "expect e semaphore" },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "eventfd",
    handle: "{o}",
    ways: &[
        (Op::Make, &["{a}: eventfd {h} 1"]),
        (Op::Watch, &["{a}: poll {h}:POLLIN"]),
        (Op::Take, &["{a}: eventfd_read {h}"]),
        (Op::Give, &["{a}: eventfd_write {h} 1"]),
    ],
}];

impl Facility for EventFd {
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
        match verb {
            "eventfd" => {
                let (initial, flags) = (performer.int("initval", 0), performer.int("flags", 0));
                let initial = u32::try_from(initial)
                    .map_err(|_large| Refusal::new(format!("initval is an unsigned int, and {initial} is none")))?;
                let making = Making::new([initial.into(), flags, 0, 0, 0, 0]);
                nameless::make(performer, making, || counted::eventfd(initial, flags as i32));
            }
            "eventfd_write" => {
                let (fd, value) = (performer.fd("fd"), performer.int("value", 0));
                let making = Making::new([fd.into(), value, 0, 0, 0, 0]);
                let _ = performer.call(making, || fd::write(fd, &value.to_ne_bytes()).map(|_whole| 0));
            }
            "eventfd_read" => {
                let fd = performer.fd("fd");
                let value = Cell::new([0; 8]);
                let result = performer.call_then(
                    Making::new([fd.into(), 0, 0, 0, 0, 0]),
                    || {
                        let mut bytes = [0; 8];
                        fd::read(fd, &mut bytes)?;
                        value.set(bytes);
                        Ok(0)
                    },
                    |record| record.args[1] = i64::from_ne_bytes(value.get()),
                );
                if result.is_ok() {
                    performer.deliver(Data::Int(i64::from_ne_bytes(value.get())));
                }
            }
            _ => return Err(Refusal::new(format!("{verb} is no call on event counters"))),
        }
        Ok(())
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("eventfd", libc::EINVAL) => "these are not its flags",
            ("eventfd_read", errno) => on_count("read", errno)?,
            ("eventfd_write", errno) => on_count("write", errno)?,
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn means_on(&self, verb: &str, record: &Record, _handle: &Handle) -> Option<&'static str> {
        on_count(verb, record.errno)
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [a, b, ..] = record.args;
        Shown::args(match verb {
            "eventfd" => format!("{a}, {}", show::flags(b, FLAGS, None)),
            "eventfd_read" if returned(record) && record.errno == 0 => format!("{a}, [{}]", b as u64),
            "eventfd_read" => format!("{a}, …"),
            _ => format!("{a}, {}", b as u64),
        })
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        nameless::claim(handle, CARD.id, "eventfd")
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let fields = match nameless::fdinfo(found, look) {
            Ok(others) => fields(&others),
            Err(why) => ["count", "semaphore"].iter().map(|name| Field::hidden(*name, &why)).collect(),
        };
        Reading { identifier: "none".to_owned(), fields, ..Reading::default() }
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn check(&self, word: &str, _args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        (word == "semaphore").then(|| {
            let seen = object.value("semaphore").as_text().unwrap_or_default();
            Judged { met: seen == "yes", seen: format!("semaphore: {seen}"), field: "semaphore" }
        })
    }

    fn only_they(&self, _object: &Object, _direction: &str, snapshot: &Snapshot) -> bool {
        !descriptors_travel(snapshot)
    }

    fn other_end(&self, object: &Object, _waiter: &str, _direction: &str, _snapshot: &Snapshot) -> Option<OtherEnd> {
        Some(OtherEnd { object: object.name.clone(), closes: false })
    }

    fn wakers(&self, object: &Object, _waiter: &str, _direction: &str, _snapshot: &Snapshot) -> Vec<String> {
        // Whoever holds it can both add and take, the waiter's other threads and children too.
        object.holding("write").into_iter().map(str::to_owned).collect()
    }
}

/// What the error of a read or write of a counter means; see read(2) and write(2) in eventfd(2).
const fn on_count(verb: &str, errno: i32) -> Option<&'static str> {
    Some(match (verb.as_bytes(), errno) {
        (b"read", libc::EAGAIN) => "the count is 0, and with EFD_NONBLOCK the call does not wait",
        (b"write", libc::EAGAIN) => {
            "the count would go beyond 2^64 - 2, its maximum, and with EFD_NONBLOCK the call does not wait"
        }
        (b"read", libc::EINVAL) => "a count is 8 bytes: there must be room for as many",
        (b"write", libc::EINVAL) => "what is added is 8 bytes, and 2^64 - 1 can't be added",
        _ => return None,
    })
}

fn fields(others: &[(String, String)]) -> Vec<Field> {
    let told = |key: &str| others.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    // The only number in fdinfo that is hexadecimal without saying so, beside those of epoll.
    let count = told("eventfd-count").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let count = match count.map(|n| (n, i64::try_from(n))) {
        Some((_, Ok(n))) => Field::kernel_int("count", n),
        Some((n, Err(_large))) => Field::new("count", Value::Text(n.to_string()), Evidence::Kernel),
        None => Field::hidden("count", "the kernel does not tell it in fdinfo"),
    };
    let semaphore = match told("eventfd-semaphore") {
        Some(flag) => {
            let word = if flag == "0" { "no" } else { "yes" };
            Field::new("semaphore", Value::Text(word.to_owned()), Evidence::Kernel)
        }
        None => Field::hidden("semaphore", "the kernel does not tell it in fdinfo"),
    };
    vec![count, semaphore]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_hexadecimal() {
        let told = |count: &str| {
            let others = [("eventfd-count", count), ("eventfd-id", "3"), ("eventfd-semaphore", "1")];
            fields(&others.map(|(key, value)| (key.to_owned(), value.to_owned())))
        };
        assert_eq!(told("10")[0], Field::kernel_int("count", 16));
        assert_eq!(told("fffffffffffffffe")[0].value, Value::Text("18446744073709551614".to_owned()));
        assert_eq!(told("0")[1].value, Value::Text("yes".to_owned()));
        assert_eq!(fields(&[])[0].evidence, Evidence::Hidden);
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let shown = |verb: &str, args: [i64; 6], returned_ns: u64| {
            EventFd.show(verb, &Record { args, entered_ns: 1, returned_ns, ..Record::default() }).args
        };
        assert_eq!(shown("eventfd", [3, 1, 0, 0, 0, 0], 2), "3, EFD_SEMAPHORE");
        assert_eq!(shown("eventfd_write", [4, -2, 0, 0, 0, 0], 2), "4, 18446744073709551614");
        assert_eq!(shown("eventfd_read", [4, 7, 0, 0, 0, 0], 2), "4, [7]");
        assert_eq!(shown("eventfd_read", [4, 0, 0, 0, 0, 0], 0), "4, …");
    }
}

//! Timers behind a descriptor. The kernel tells time left and ticks in fdinfo.

use std::cell::Cell;

use super::look::{Found, Ground, Handle, Look};
use super::perform::{Making, Performer, Refusal};
use super::process::duration;
use super::show::{self, Shown, returned};
use super::table::{CALL, keyed, optional, required};
use super::{Card, Facility, Judged, Reading, nameless};
use crate::kernel::arena::Record;
use crate::kernel::counted::{self, Timer};
use crate::model::{Evidence, Field, Object, ObjectKey, Value};
use crate::script::{ArgKind, ArgSpec, ArgValue, CallSpec, Cmp, Data, Makes, PredicateArg, PredicateSpec, Wants};

/// Timers.
#[derive(Debug)]
pub(super) struct TimerFd;

static CARD: Card = Card {
    id: "timerfd",
    title: "Timers behind a descriptor",
    family: "synchronization / time behind a descriptor",
    what: "A timer whose expirations are read as a number, and can be polled beside other descriptors.",
    identifier: "none",
    handle: "descriptor",
    persistence: "process",
    access: "whoever inherits or is passed the descriptor",
    blocking: "a read until the timer has gone off since the last read",
    boundaries: "none: expirations that nobody has read are counted together",
    manual: &["timerfd_create(2)", "timer_create(2)", "clock_gettime(2)"],
};

const CLOCKS: &[(&str, i64)] = &[
    ("CLOCK_REALTIME", libc::CLOCK_REALTIME as i64),
    ("CLOCK_MONOTONIC", libc::CLOCK_MONOTONIC as i64),
    ("CLOCK_BOOTTIME", libc::CLOCK_BOOTTIME as i64),
];
const FLAGS: &[(&str, i64)] = &[("TFD_CLOEXEC", libc::TFD_CLOEXEC as i64), ("TFD_NONBLOCK", libc::TFD_NONBLOCK as i64)];
const SET_FLAGS: &[(&str, i64)] = &[
    ("TFD_TIMER_ABSTIME", libc::TFD_TIMER_ABSTIME as i64),
    ("TFD_TIMER_CANCEL_ON_SET", libc::TFD_TIMER_CANCEL_ON_SET as i64),
];

const FD: ArgSpec = required("fd", ArgKind::Descriptor(Wants::Any), "which timer");

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "timerfd_create",
        args: &[
            required("name", ArgKind::NewName, "what the descriptor shall be called"),
            required("clockid", ArgKind::Constant(CLOCKS), "the clock that it goes by"),
            optional("flags", ArgKind::Flags(FLAGS), "how the descriptor behaves"),
        ],
        doc: "Makes a timer behind a descriptor, disarmed",
        man: "timerfd_create(2)",
        c: "{name} = timerfd_create({clockid}, {flags=0})",
        makes: Makes::Descriptor,
        example: "alice: timerfd_create t CLOCK_MONOTONIC TFD_NONBLOCK",
        ..CALL
    },
    CallSpec {
        name: "timerfd_settime",
        args: &[
            FD,
            required("value", ArgKind::Duration, "when it goes off, counted from now; 0 disarms it"),
            optional(
                "flags",
                ArgKind::Flags(SET_FLAGS),
                "with TFD_TIMER_ABSTIME the time counts from the clock's zero",
            ),
            keyed("interval", ArgKind::Duration, "after how long it goes off again, and again"),
        ],
        doc: "Arms or disarms a timer",
        man: "timerfd_settime(2)",
        c: "timerfd_settime({fd}, {flags=0}, &(struct itimerspec){ .it_value = { {value.timespec} }, \
            .it_interval = { {interval.timespec=0} } }, NULL)",
        example: "alice: timerfd_settime t 500ms interval=1s",
        ..CALL
    },
    CallSpec {
        name: "timerfd_gettime",
        args: &[FD],
        doc: "Tells how long until it goes off, in ns to a variable",
        man: "timerfd_gettime(2)",
        c: "timerfd_gettime({fd}, &left)",
        gives: true,
        example: "alice: timerfd_gettime t -> $left",
        ..CALL
    },
];

static PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "ticks",
        args: &[PredicateArg::Number],
        doc: "How often it has gone off since the last read",
        example: "expect t ticks 1",
    },
    PredicateSpec { word: "armed", args: &[], doc: "It will go off", example: "expect t armed" },
];

impl Facility for TimerFd {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn predicates(&self) -> &'static [PredicateSpec] {
        PREDICATES
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "timerfd_create" => {
                let (clock, flags) = (performer.int("clockid", 0), performer.int("flags", 0));
                let making = Making::new([clock, flags, 0, 0, 0, 0]);
                nameless::make(performer, making, || counted::timerfd_create(clock as i32, flags as i32));
            }
            "timerfd_settime" => {
                let (fd, flags) = (performer.fd("fd"), performer.int("flags", 0));
                let (value, interval) = (performer.int("value", 0), performer.int("interval", 0));
                let (Ok(first), Ok(again)) = (u64::try_from(value), u64::try_from(interval)) else {
                    return Err(Refusal::new("a timer's times can't be negative"));
                };
                let making = Making::new([fd.into(), flags, value, interval, 0, 0]);
                let timer = Timer { value: first, interval: again };
                let _ = performer.call(making, || counted::timerfd_settime(fd, flags as i32, timer).map(|_old| 0));
            }
            "timerfd_gettime" => {
                let fd = performer.fd("fd");
                let left = Cell::new(Timer::default());
                let result = performer.call_then(
                    Making::new([fd.into(), 0, 0, 0, 0, 0]),
                    || counted::timerfd_gettime(fd).map(|timer| left.set(timer)).map(|()| 0),
                    |record| {
                        (record.args[2], record.args[3]) = (left.get().value as i64, left.get().interval as i64);
                    },
                );
                if result.is_ok() {
                    performer.deliver(Data::Int(left.get().value as i64));
                }
            }
            _ => return Err(Refusal::new(format!("{verb} is no call on timers"))),
        }
        Ok(())
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("timerfd_create", libc::EINVAL) => "a timer can't go by this clock, or these are not its flags",
            ("timerfd_create", libc::EPERM) => "an alarm that wakes the machine takes a privilege, which no actor has",
            ("timerfd_settime", libc::ECANCELED) => CLOCK_WAS_SET,
            ("timerfd_settime" | "timerfd_gettime", libc::EINVAL) => {
                "this descriptor leads to no timer, or the flags do not fit"
            }
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn means_on(&self, verb: &str, record: &Record, _handle: &Handle) -> Option<&'static str> {
        Some(match (verb, record.errno) {
            ("read", libc::EAGAIN) => "it has not gone off since, and with TFD_NONBLOCK the call does not wait",
            ("read", libc::EINVAL) => "how often it went off is 8 bytes: there must be room for as many",
            ("read", libc::ECANCELED) => CLOCK_WAS_SET,
            ("write", libc::EINVAL) => "nobody writes to a timer: timerfd_settime arms it",
            _ => return None,
        })
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [fd, flags, value, interval, ..] = record.args;
        let timer = || format!("{{it_interval={}, it_value={}}}", duration(interval), duration(value));
        Shown::args(match verb {
            "timerfd_create" => {
                format!("{}, {}", show::constant(fd, CLOCKS), show::flags(flags, FLAGS, None))
            }
            "timerfd_settime" => format!("{fd}, {}, {}, NULL", show::flags(flags, SET_FLAGS, None), timer()),
            _ if returned(record) && record.errno == 0 => format!("{fd}, {}", timer()),
            _ => format!("{fd}, …"),
        })
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        nameless::claim(handle, CARD.id, "timerfd")
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let fields = match nameless::fdinfo(found, look) {
            Ok(others) => fields(&others),
            Err(why) => NAMES.iter().map(|name| Field::hidden(*name, &why)).collect(),
        };
        Reading { identifier: "none".to_owned(), fields, ..Reading::default() }
    }

    fn check(&self, word: &str, _args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        (word == "armed").then(|| {
            let seen = object.value("armed").as_text().unwrap_or_default();
            Judged { met: seen == "yes", seen: format!("armed: {seen}"), field: "armed" }
        })
    }
}

const CLOCK_WAS_SET: &str = "somebody has set the clock, and TFD_TIMER_CANCEL_ON_SET asked to be told";

const NAMES: [&str; 5] = ["ticks", "armed", "remaining time", "interval", "clock"];

fn fields(others: &[(String, String)]) -> Vec<Field> {
    let told = |key: &str| others.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    let number = |key: &str| told(key).and_then(|digits| digits.parse::<i64>().ok());
    let (Some(ticks), Some(clock), Some(value), Some(interval)) =
        (number("ticks"), number("clockid"), told("it_value").and_then(pair), told("it_interval").and_then(pair))
    else {
        return NAMES.iter().map(|name| Field::hidden(*name, "the kernel does not tell it in fdinfo")).collect();
    };
    let text = |name: &'static str, text: &str| Field::new(name, Value::Text(text.to_owned()), Evidence::Kernel);
    vec![
        Field::kernel_int("ticks", ticks),
        text("armed", if value == 0 { "no" } else { "yes" }),
        Field::kernel_int("remaining time", value).noted("in ns"),
        text("interval", &duration(interval)),
        text("clock", &show::constant(clock, CLOCKS)),
    ]
}

/// `(1, 500000000)` in ns.
fn pair(text: &str) -> Option<i64> {
    let (seconds, ns) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    let (seconds, ns): (i64, i64) = (seconds.trim().parse().ok()?, ns.trim().parse().ok()?);
    Some(seconds.saturating_mul(1_000_000_000).saturating_add(ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_fdinfo_tells() {
        let others = [
            ("clockid", "1"),
            ("ticks", "2"),
            ("settime flags", "00"),
            ("it_value", "(0, 49406829)"),
            ("it_interval", "(1, 0)"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let fields = fields(&others);
        let words: Vec<String> = fields.iter().map(|f| format!("{} {:?}", f.name, f.value)).collect();
        assert_eq!(
            words,
            [
                "ticks Int(2)",
                "armed Text(\"yes\")",
                "remaining time Int(49406829)",
                "interval Text(\"1s\")",
                "clock Text(\"CLOCK_MONOTONIC\")"
            ]
        );
        assert!(super::fields(&others[1..]).iter().all(|f| f.evidence == Evidence::Hidden));
        assert_eq!(pair("(x, 1)"), None);
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let shown = |verb: &str, args: [i64; 6]| {
            TimerFd.show(verb, &Record { args, entered_ns: 1, returned_ns: 2, ..Record::default() }).args
        };
        assert_eq!(shown("timerfd_create", [1, 0, 0, 0, 0, 0]), "CLOCK_MONOTONIC, 0");
        assert_eq!(
            shown("timerfd_settime", [3, 1, 500_000_000, 0, 0, 0]),
            "3, TFD_TIMER_ABSTIME, {it_interval=0ns, it_value=500ms}, NULL"
        );
        assert_eq!(shown("timerfd_gettime", [3, 0, 7, 0, 0, 0]), "3, {it_interval=0ns, it_value=7ns}");
    }
}

//! Signals that are read from a descriptor instead of being handled.
//!
//! A read or a poll looks at the signals of whoever reads, so the stage does neither: it compares the set in fdinfo with
//! the pending signals of each holder.

use super::look::{Found, Ground, Handle, Look, Reported};
use super::perform::{Bound, Making, Performer, Refusal};
use super::show::{self, Shown, returned};
use super::signal::{self, SignalDeed, set_names};
use super::table::{CALL, keyed, optional, required};
use super::{Card, Facility, Reading, nameless};
use crate::kernel::arena::Record;
use crate::kernel::counted;
use crate::model::{Evidence, Field, ObjectKey, Value};
use crate::script::{ArgKind, CallSpec, Makes, PredicateArg, PredicateSpec, Wants};

/// Signals behind a descriptor.
#[derive(Debug)]
pub(super) struct SignalFd;

static CARD: Card = Card {
    id: "signalfd",
    title: "Signals behind a descriptor",
    family: "signal / read from a descriptor",
    what: "A descriptor from which a process reads the signals that it has blocked, one structure of 128 bytes each.",
    identifier: "none",
    handle: "descriptor",
    persistence: "process",
    access: "whoever inherits or is passed the descriptor; each reads signals of its own",
    blocking: "a read until a signal of the set is pending for the reader",
    boundaries: "kept: one structure a signal",
    manual: &["signalfd(2)", "sigprocmask(2)", "signal(7)"],
};

const FLAGS: &[(&str, i64)] = &[("SFD_CLOEXEC", libc::SFD_CLOEXEC as i64), ("SFD_NONBLOCK", libc::SFD_NONBLOCK as i64)];

static CALLS: &[CallSpec] = &[CallSpec {
    name: "signalfd",
    args: &[
        required("name", ArgKind::ObjectName, "what the descriptor shall be called"),
        required("mask", ArgKind::Signals, "which signals; they must be blocked, or they are handled as ever"),
        optional("flags", ArgKind::Flags(FLAGS), "how the descriptor behaves"),
        keyed("fd", ArgKind::Descriptor(Wants::Any), "one that exists, to change its set"),
    ],
    doc: "Makes a descriptor from which signals are read, 128 bytes each",
    man: "signalfd(2)",
    c: "{name} = signalfd({fd=-1}, &mask /* {mask} */, {flags=0})",
    makes: Makes::Descriptor,
    example: "bob: signalfd s SIGUSR1|SIGRTMIN+1",
    ..CALL
}];

static PREDICATES: &[PredicateSpec] = &[PredicateSpec {
    word: "unread",
    args: &[PredicateArg::Number],
    doc: "How many different signals wait to be read from it, counted for each of its holders",
    example: "expect s unread 1",
}];

impl Facility for SignalFd {
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
        if verb != "signalfd" {
            return Err(Refusal::new(format!("{verb} is no call on signals behind a descriptor")));
        }
        let (mask, flags, fd) = (performer.int("mask", 0), performer.int("flags", 0), performer.int("fd", -1));
        let making = Making::new([fd, mask, flags, 0, 0, 0]);
        if fd < 0 {
            nameless::make(performer, making, || counted::signalfd(-1, mask as u64, flags as i32));
        } else if let Ok(same) =
            performer.call(making, || counted::signalfd(fd as i32, mask as u64, flags as i32).map(i64::from))
        {
            // The name stands for what there was before, with another set.
            performer.bind(performer.name("name"), "", Bound::Descriptor(same as i32));
        }
        Ok(())
    }

    fn means(&self, _verb: &str, record: &Record) -> Option<String> {
        (record.errno == libc::EINVAL)
            .then(|| "fd= leads to no such descriptor of signals, or these are not its flags".to_owned())
    }

    fn means_on(&self, verb: &str, record: &Record, _handle: &Handle) -> Option<&'static str> {
        Some(match (verb, record.errno) {
            ("read", libc::EAGAIN) => {
                "none of its signals is pending for the reader, and with SFD_NONBLOCK the call does not wait"
            }
            ("read", libc::EINVAL) => "a signal is told in 128 bytes: there must be room for one at least",
            ("write", libc::EINVAL) => "nobody writes to it: kill and sigqueue send signals",
            _ => return None,
        })
    }

    fn show(&self, _verb: &str, record: &Record) -> Shown {
        let [fd, mask, flags, ..] = record.args;
        Shown::args(format!("{fd}, {}, {}", signal::set(mask as u64), show::flags(flags, FLAGS, None)))
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        nameless::claim(handle, CARD.id, "signalfd")
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let fields = match nameless::fdinfo(found, look) {
            Ok(others) => fields(found, &others, look),
            Err(why) => ["signals", "unread", "waiting"].iter().map(|name| Field::hidden(*name, &why)).collect(),
        };
        Reading { identifier: "none".to_owned(), fields, ..Reading::default() }
    }

    fn signal_calls(&self) -> &'static [&'static str] {
        &["read"]
    }

    fn signal_deed(&self, verb: &str, record: &Record) -> Option<SignalDeed> {
        if verb != "read" {
            return None;
        }
        match record.ret / size_of::<libc::signalfd_siginfo>() as i64 {
            0 => None,
            1 => first(record.bytes()).map(|[signal, ..]| SignalDeed::Took(signal)),
            _ => Some(SignalDeed::TookSeveral),
        }
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        if call.spec.name != "read" || !returned(call.record) || call.record.errno != 0 {
            return;
        }
        if let Some(words) = first(call.record.bytes()) {
            *note = Value::List(words.iter().map(|word| Value::Int((*word).into())).collect());
        }
    }
}

fn fields(found: &Found<'_>, others: &[(String, String)], look: &Look<'_>) -> Vec<Field> {
    let mask = others.iter().find(|(key, _)| key == "sigmask").and_then(|(_, set)| u64::from_str_radix(set, 16).ok());
    let Some(mask) = mask else {
        let why = "the kernel does not tell the set in fdinfo";
        return ["signals", "unread", "waiting"].iter().map(|name| Field::hidden(*name, why)).collect();
    };
    let mut pids: Vec<i32> = found.handles.iter().map(|handle| handle.pid).collect();
    pids.dedup();
    let waiting: Vec<(String, Vec<String>)> = pids
        .iter()
        .filter_map(|pid| {
            let status = look.status(*pid)?;
            Some((look.actor(*pid)?.to_owned(), set_names((status.pending | status.shared_pending) & mask)))
        })
        .filter(|(_, signals)| !signals.is_empty())
        .collect();
    let count = waiting.iter().map(|(_, signals)| signals.len() as i64).sum();
    let waiting = waiting.into_iter().map(|(actor, signals)| {
        Value::Record(vec![("actor".into(), Value::Text(actor)), ("signals".into(), Value::Text(signals.join("|")))])
    });
    let names = set_names(mask);
    let names = if names.is_empty() { "none".to_owned() } else { names.join("|") };
    let mut fields = vec![
        Field::new("signals", Value::Text(names), Evidence::Kernel),
        Field::kernel_int("unread", count),
        Field::new("waiting", Value::List(waiting.collect()), Evidence::Kernel),
    ];
    if let [number, code, pid, value] = look.note(&found.key).as_list() {
        let [number, code, pid, value] = [number, code, pid, value].map(|n| n.as_int().unwrap_or(0) as i32);
        let text = taken(number, code, &look.who(pid), value);
        fields.push(Field::new("taken", Value::Text(text), Evidence::Reported));
    }
    fields
}

/// The first signal in what was read: number, code, pid of the sender, value. See signalfd(2) for the structure.
fn first(bytes: &[u8]) -> Option<[i32; 4]> {
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes);
    Some([word(0)?, word(8)?, word(12)?, word(44)?])
}

/// A signal that was read, in words.
fn taken(number: i32, code: i32, sender: &str, value: i32) -> String {
    let mut parts = vec![format!("si_code={}", signal::code_name(number, code))];
    if code <= 0 && code != libc::SI_SIGIO {
        parts.push(format!("from {sender}"));
    }
    if matches!(code, libc::SI_QUEUE | libc::SI_MESGQ) {
        parts.push(format!("si_value={value}"));
    }
    format!("{} {{{}}}", super::signal_name(number), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_structure() {
        let mut bytes = [0_u8; 64];
        for (at, word) in [(0, libc::SIGUSR1), (8, libc::SI_QUEUE), (12, 7), (44, 42)] {
            bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
        }
        assert_eq!(first(&bytes), Some([libc::SIGUSR1, libc::SI_QUEUE, 7, 42]));
        assert_eq!(first(&bytes[..40]), None);
        let text = taken(libc::SIGUSR1, libc::SI_QUEUE, "alice", 42);
        assert_eq!(text, "SIGUSR1 {si_code=SI_QUEUE, from alice, si_value=42}");
    }

    #[test]
    fn shows_the_set() {
        let args = [-1, 1 << 9 | 1 << 11, i64::from(libc::SFD_NONBLOCK), 0, 0, 0];
        let record = Record { args, entered_ns: 1, returned_ns: 2, ret: 3, ..Record::default() };
        assert_eq!(SignalFd.show("signalfd", &record).args, "-1, [SIGUSR1 SIGUSR2], SFD_NONBLOCK");
    }
}

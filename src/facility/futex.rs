//! Futexes as they are: a word of memory, and the kernel's queue of those who sleep until somebody says that it may have
//! changed. All locks of POSIX threads stand on it.

use super::dialect::{Dialect, Op};
use super::look::{Found, Look};
use super::perform::{Bound, Given, Making, Performer, Refusal};
use super::pthread as common;
use super::show::{self, Shown};
use super::table::{CALL, keyed, required};
use super::{Card, ChangedBy, Facility, Inside, Reading};
use crate::kernel::arena::Record;
use crate::kernel::futex;
use crate::model::{Field, Object, Snapshot};
use crate::script::{ArgKind, CallSpec, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn};

/// Futexes.
#[derive(Debug)]
pub(super) struct Futex;

static CARD: Card = Card {
    id: "futex",
    title: "Futexes",
    family: "synchronization / futex",
    what: "A word of memory that its users agree on, and a queue in the kernel for who wants to sleep on it.",
    identifier: "the word's place in what is mapped, or its address in one process",
    handle: "address",
    persistence: "the queue as long as somebody sleeps in it; the word as long as its memory",
    access: "whoever can read the word",
    blocking: "FUTEX_WAIT while the word holds the value that the caller names",
    boundaries: "none: it carries no data",
    manual: &["futex(2)", "futex(7)"],
};

const OPERATIONS: &[(&str, i64)] = &[
    ("FUTEX_WAIT", libc::FUTEX_WAIT as i64),
    ("FUTEX_WAKE", libc::FUTEX_WAKE as i64),
    ("FUTEX_WAIT_PRIVATE", (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as i64),
    ("FUTEX_WAKE_PRIVATE", (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as i64),
];

/// FUTEX2_SIZE_U32 always stands beside it.
const WORD_FLAGS: &[(&str, i64)] = &[("FUTEX2_PRIVATE", libc::FUTEX2_PRIVATE as i64)];

const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "futex",
        args: &[
            required("uaddr", ArgKind::Address, "the word: an address in a mapping, a multiple of 4"),
            required(
                "futex_op",
                ArgKind::Constant(OPERATIONS),
                "whether to sleep or to wake; _PRIVATE ones stay in one process",
            ),
            required("val", ArgKind::Count, "to sleep: what the word must hold; to wake: how many at most"),
            keyed("timeout", ArgKind::Duration, "how long to sleep at most"),
        ],
        doc: "Sleeps while a word holds a value, or wakes who sleeps on it",
        man: "futex(2)",
        c: "syscall(SYS_futex, {?as {as} = ?}{uaddr}, {futex_op}, {val}, {!timeout NULL!}{?timeout &(struct timespec){ {timeout.timespec} }?})",
        makes: Makes::Memory,
        sleeps: &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: "be woken" }],
        example: "bob: futex m+384 FUTEX_WAIT 0",
        ..CALL
    },
    CallSpec {
        name: "futex_waitv",
        args: &[
            required("waiters", ArgKind::Words(WORD_FLAGS), "the words, and what each must hold"),
            keyed("timeout", ArgKind::Duration, "how long from now to sleep at most; C wants the moment when it ends"),
        ],
        doc: "Sleeps while several words hold their values, until one of them is woken, and tells which by its place, from 0",
        man: "futex_waitv(2)",
        c: "syscall(SYS_futex_waitv, (struct futex_waitv[]){ {waiters} }, {waiters.len}, 0, \
        {!timeout NULL!}{?timeout &deadline /* now + {timeout} */?}, CLOCK_MONOTONIC)",
        sleeps: &[Sleeps { syscall: libc::SYS_futex_waitv, on: WaitsOn::Words, direction: "be woken" }],
        example: "bob: futex_waitv m+384:0 m+388:7",
        ..CALL
    },
];

const PREDICATES: &[PredicateSpec] = &[PredicateSpec {
    word: "word",
    args: &[PredicateArg::Number],
    doc: "What the word holds",
    example: "expect w word 0",
}];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "futex",
    handle: "{o}",
    ways: &[(Op::Make, &["{a}: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as {o}m"])],
}];

impl Facility for Futex {
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
        if verb == "futex_waitv" {
            waitv(performer);
            return Ok(());
        }
        let address = performer.int("uaddr", 0) as u64;
        let (operation, val) = (performer.int("futex_op", 0), performer.int("val", 0));
        let limit = performer.has("timeout").then(|| performer.int("timeout", 0).max(0));
        let written = performer.expr.args.iter().find(|arg| arg.name == "uaddr").map(|arg| arg.value.to_string());
        let args = [address as i64, operation, val, limit.unwrap_or(-1), 0, 0];
        let text = written.unwrap_or_default();
        let making = Making::new(args).data(text.as_bytes());
        let waits = operation & !i64::from(libc::FUTEX_PRIVATE_FLAG) == i64::from(libc::FUTEX_WAIT);
        let making = limit.filter(|_| waits).map_or(making, |ns| making.within(ns));
        // C takes an unsigned int.
        let made = performer
            .call(making, || futex::by_address(address, operation as i32, val as u32, limit.map(|ns| ns as u64)));
        if made.is_ok() {
            let name = performer.expr.bind.clone().unwrap_or_default();
            performer.made_inside(&name, Bound::Memory(address, self.size()));
        }
        Ok(())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        if verb == "futex_waitv" {
            return show_waitv(record);
        }
        let [_, operation, val, limit, ..] = record.args;
        let word = String::from_utf8_lossy(record.bytes());
        let limit = if limit < 0 { "NULL".to_owned() } else { crate::script::Expr::Duration(limit).to_string() };
        let operation_shown = show::constant(operation, OPERATIONS);
        let waits = operation_shown.starts_with("FUTEX_WAIT");
        Shown::args(format!(
            "{word}, {operation_shown}, {val}{}",
            if waits { format!(", {limit}") } else { String::new() }
        ))
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        if verb == "futex_waitv" {
            return means_waitv(record);
        }
        let wakes = record.args[1] & !i64::from(libc::FUTEX_PRIVATE_FLAG) == i64::from(libc::FUTEX_WAKE);
        match record.errno {
            libc::EAGAIN => Some("the word does not hold that value, so there is nothing to wait for".to_owned()),
            libc::ETIMEDOUT => Some("the time is up, and nobody has woken the word".to_owned()),
            libc::EINVAL => Some("the address is no multiple of 4".to_owned()),
            libc::EFAULT => Some("nothing is mapped at this address".to_owned()),
            0 if wakes && record.ret == 0 => {
                Some("nobody slept on it, and nothing remembers that it was said".to_owned())
            }
            _ => None,
        }
    }

    fn inside(&self, _verb: &str) -> Inside {
        Inside::Word
    }

    fn size(&self) -> u64 {
        4
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let field = match common::raw::<1>(found, look) {
            Ok([word]) => Field::kernel_int("word", word.into()),
            Err(why) => Field::hidden("word", why),
        };
        Reading { identifier: common::identifier(found, look), fields: vec![field], ..Reading::default() }
    }

    fn wakers(&self, object: &Object, waiter: &str, _direction: &str, snapshot: &Snapshot) -> Vec<String> {
        common::others(object, waiter, snapshot)
    }
}

fn waitv(performer: &mut Performer<'_>) {
    let given = if let Some(Given::Words(words)) = performer.given("waiters") { words.as_slice() } else { &[] };
    // C takes an unsigned int.
    let words: Vec<futex::Waiter> = given
        .iter()
        .map(|(address, val, flags)| futex::Waiter::new(*address, u64::from(*val as u32), *flags as u32))
        .collect();
    let limit = performer.has("timeout").then(|| performer.int("timeout", 0).max(0));
    let written = performer.expr.args.iter().find(|arg| arg.name == "waiters").map(|arg| arg.value.to_string());
    let text = written.unwrap_or_default();
    let making = Making::new([0, words.len() as i64, 0, limit.unwrap_or(-1), 0, 0]).data(text.as_bytes());
    let making = limit.map_or(making, |ns| making.within(ns));
    let _ = performer.call(making, || futex::waitv(&words, limit.map(|ns| ns as u64)));
}

/// The words as they were written: `[m+64:0 w:7], 2, 0, NULL, CLOCK_MONOTONIC`.
fn show_waitv(record: &Record) -> Shown {
    let [_, count, _, limit, ..] = record.args;
    let more = if record.data_len as usize > record.bytes().len() { "…" } else { "" };
    let words = String::from_utf8_lossy(record.bytes());
    let limit = if limit < 0 { "NULL".to_owned() } else { format!("now + {}", crate::script::Expr::Duration(limit)) };
    Shown::args(format!("[{words}{more}], {count}, 0, {limit}, CLOCK_MONOTONIC"))
}

fn means_waitv(record: &Record) -> Option<String> {
    let words = match record.errno {
        0 => {
            return Some(format!(
                "word {} of the list was woken, counted from 0; others may have been too",
                record.ret
            ));
        }
        libc::EAGAIN => "one of the words does not hold its value, so there is nothing to wait for",
        libc::ETIMEDOUT => "the time is up, and nobody has woken any of the words",
        libc::EINVAL => "an address is no multiple of 4, or these are more than 128 words",
        libc::EFAULT => "nothing is mapped at one of the addresses",
        libc::ENOSYS => "this kernel is older than Linux 5.16, which brought the call",
        _ => return None,
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_strace() {
        let mut record = Record { args: [0x1000, 0, 5, -1, 0, 0], ..Record::default() };
        record.set_data(b"m+128");
        assert_eq!(Futex.show("futex", &record).args, "m+128, FUTEX_WAIT, 5, NULL");
        record.args = [0x1000, 128, 5, 500_000_000, 0, 0];
        assert_eq!(Futex.show("futex", &record).args, "m+128, FUTEX_WAIT_PRIVATE, 5, 500ms");
        record.args = [0x1000, 1, 2, -1, 0, 0];
        assert_eq!(Futex.show("futex", &record).args, "m+128, FUTEX_WAKE, 2");
        record.returned_ns = 1;
        assert!(Futex.means("futex", &record).unwrap().contains("nobody slept"));
        assert_eq!(Futex.means("futex", &Record { ret: 1, ..record }), None);
        let mut several = Record { args: [0, 2, 0, 500_000_000, 0, 0], returned_ns: 1, ret: 1, ..Record::default() };
        several.set_data(b"m+128:5 w:7");
        let shown = Futex.show("futex_waitv", &several).args;
        assert_eq!(shown, "[m+128:5 w:7], 2, 0, now + 500ms, CLOCK_MONOTONIC");
        assert!(Futex.means("futex_waitv", &several).unwrap().starts_with("word 1 of the list"));
    }
}

//! Waiting for one of several descriptors: select(2) and poll(2), with their kin that take a mask of signals.

use std::cell::RefCell;

use nix::errno::Errno;

use super::perform::{Given, Making, Performer, Refusal};
use super::process::duration;
use super::show::{self, Shown, returned};
use super::signal;
use super::table::{CALL, keyed, required};
use super::{Card, Facility};
use crate::kernel::arena::Record;
use crate::kernel::ready::{self, FdSet, FdSets, Polled};
use crate::script::{ArgKind, ArgSpec, CallSpec, Data, Sleeps, WaitsOn};

/// The chapter of poll and select.
#[derive(Debug)]
pub(super) struct Polling;

static CARD: Card = Card {
    id: "poll",
    title: "Select and poll",
    family: "waiting for many descriptors",
    what: "One call that waits until any of several descriptors is ready, and says which; the list is handed over anew \
           each time.",
    identifier: "none",
    handle: "descriptors",
    persistence: "the call",
    access: "whoever holds the descriptors",
    blocking: "until one is ready, a signal handler has run, or the time is up",
    boundaries: "none: it moves no data",
    manual: &["poll(2)", "select(2)", "select_tut(2)", "epoll(7)"],
};

const EVENTS: &[(&str, i64)] = &[
    ("POLLIN", libc::POLLIN as i64),
    ("POLLOUT", libc::POLLOUT as i64),
    ("POLLPRI", libc::POLLPRI as i64),
    ("POLLRDHUP", libc::POLLRDHUP as i64),
];
/// What the kernel may answer beside what was asked.
const REVENTS: &[(&str, i64)] = &[
    ("POLLIN", libc::POLLIN as i64),
    ("POLLPRI", libc::POLLPRI as i64),
    ("POLLOUT", libc::POLLOUT as i64),
    ("POLLERR", libc::POLLERR as i64),
    ("POLLHUP", libc::POLLHUP as i64),
    ("POLLNVAL", libc::POLLNVAL as i64),
    ("POLLRDNORM", libc::POLLRDNORM as i64),
    ("POLLRDBAND", libc::POLLRDBAND as i64),
    ("POLLWRNORM", libc::POLLWRNORM as i64),
    ("POLLWRBAND", libc::POLLWRBAND as i64),
    ("POLLMSG", 0x400),
    ("POLLRDHUP", libc::POLLRDHUP as i64),
];
/// The sets of select(2), as bits.
const SETS: &[(&str, i64)] = &[("readfds", 1), ("writefds", 2), ("exceptfds", 4)];

/// Events of poll(2) as C writes them.
pub(super) fn events(bits: i64) -> String {
    show::flags(bits, REVENTS, None)
}

const FDS: ArgSpec = required("fds", ArgKind::Interests(EVENTS), "which, and what is asked of each");
const IN_SETS: ArgSpec = required("fds", ArgKind::Interests(SETS), "which, and the sets that each is put in");
const TIMEOUT: ArgSpec = keyed("timeout", ArgKind::Duration, "how long to wait at most; 0 only looks");
const MASK: ArgSpec = keyed("sigmask", ArgKind::Signals, "what is blocked meanwhile, in place of the present mask");

const POLLS: &[Sleeps] = &[
    #[cfg(target_arch = "x86_64")]
    Sleeps { syscall: libc::SYS_poll, on: WaitsOn::Polled, direction: "be told" },
    Sleeps { syscall: libc::SYS_ppoll, on: WaitsOn::Polled, direction: "be told" },
];
const SELECTS: &[Sleeps] = &[
    #[cfg(target_arch = "x86_64")]
    Sleeps { syscall: libc::SYS_select, on: WaitsOn::Selected, direction: "be told" },
    Sleeps { syscall: libc::SYS_pselect6, on: WaitsOn::Selected, direction: "be told" },
];

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "poll",
        args: &[FDS, TIMEOUT],
        doc: "Waits until one of several descriptors is ready; the first that is goes to a variable",
        man: "poll(2)",
        c: "poll((struct pollfd[]){ {fds} }, {fds.count}, {timeout.ms=-1})",
        gives: true,
        sleeps: POLLS,
        example: "bob: poll p.r:POLLIN q.r:POLLIN timeout=500ms",
        ..CALL
    },
    CallSpec {
        name: "ppoll",
        args: &[FDS, TIMEOUT, MASK],
        doc: "The same with another mask of signals while it waits, set and put back in one step",
        man: "poll(2)",
        c: "ppoll((struct pollfd[]){ {fds} }, {fds.count}, {?timeout &(struct timespec){ {timeout.timespec} }?}\
            {!timeout NULL!}, {?sigmask &mask /* {sigmask} */?}{!sigmask NULL!})",
        gives: true,
        sleeps: POLLS,
        example: "bob: ppoll p.r:POLLIN timeout=500ms sigmask=SIGUSR1",
        ..CALL
    },
    CallSpec {
        name: "select",
        args: &[IN_SETS, TIMEOUT],
        doc: "Waits until one of the descriptors in three sets is ready; the first that is goes to a variable",
        man: "select(2)",
        c: "select(nfds, {fds.readfds}, {fds.writefds}, {fds.exceptfds}, \
            {?timeout &(struct timeval){ {timeout.timeval} }?}{!timeout NULL!})",
        gives: true,
        sleeps: SELECTS,
        example: "bob: select p.r:readfds q.w:writefds timeout=500ms",
        ..CALL
    },
    CallSpec {
        name: "pselect",
        args: &[IN_SETS, TIMEOUT, MASK],
        doc: "The same with another mask of signals while it waits, set and put back in one step",
        man: "select(2)",
        c: "pselect(nfds, {fds.readfds}, {fds.writefds}, {fds.exceptfds}, \
            {?timeout &(struct timespec){ {timeout.timespec} }?}{!timeout NULL!}, \
            {?sigmask &mask /* {sigmask} */?}{!sigmask NULL!})",
        gives: true,
        sleeps: SELECTS,
        example: "bob: pselect p.r:readfds sigmask=SIGUSR1",
        ..CALL
    },
];

impl Facility for Polling {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        let Some(Given::Interests(interests)) = performer.given("fds") else { return Ok(()) };
        let timeout = performer.has("timeout").then(|| performer.int("timeout", 0));
        if timeout.is_some_and(|ns| ns < 0) {
            return Err(Refusal::new("a time to wait can't be negative").help("without a timeout it waits for ever"));
        }
        let mask = performer.has("sigmask").then(|| performer.int("sigmask", 0) as u64);
        match verb {
            "poll" | "ppoll" => {
                poll(performer, interests, timeout, mask);
                Ok(())
            }
            "select" | "pselect" => select(performer, interests, timeout, mask),
            _ => Err(Refusal::new(format!("{verb} is no call that waits for descriptors"))),
        }
    }

    fn waits_for_any(&self) -> bool {
        true
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("poll" | "ppoll", 0) => return not_open(&entries(record).0),
            ("poll" | "ppoll", libc::EINVAL) => {
                "these are more than the caller may have open (RLIMIT_NOFILE), or that is no time to wait"
            }
            ("select" | "pselect", libc::EBADF) => {
                "one of them is no open descriptor, and select then tells of none; poll would say POLLNVAL of that one"
            }
            ("select" | "pselect", libc::EINVAL) => {
                "a number is larger than the caller may have open, or that is no time to wait"
            }
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        if verb.ends_with("poll") { show_poll(verb, record) } else { show_select(verb, record) }
    }
}

/// What POLLNVAL says, which is no error of the call.
fn not_open(entries: &[Polled]) -> Option<String> {
    let bad: Vec<String> =
        entries.iter().filter(|e| e.revents & libc::POLLNVAL != 0).map(|e| e.fd.to_string()).collect();
    match bad.as_slice() {
        [] => None,
        [one] => Some(format!("{one} is no open descriptor: that counts as ready")),
        several => Some(format!("{} are no open descriptors: that counts as ready", several.join(", "))),
    }
}

/// What goes into a record of each descriptor: eight bytes, with the number, what is asked and what came of it.
fn pack(entries: &[Polled]) -> Vec<u8> {
    let bytes = |e: &Polled| {
        let ([a, b, c, d], [e1, e2], [r1, r2]) = (e.fd.to_ne_bytes(), e.events.to_ne_bytes(), e.revents.to_ne_bytes());
        [a, b, c, d, e1, e2, r1, r2]
    };
    entries.iter().flat_map(bytes).collect()
}

fn unpack(record: &Record) -> Vec<Polled> {
    let entry = |b: &[u8]| Polled {
        fd: i32::from_ne_bytes([b[0], b[1], b[2], b[3]]),
        events: i16::from_ne_bytes([b[4], b[5]]),
        revents: i16::from_ne_bytes([b[6], b[7]]),
    };
    record.bytes().chunks_exact(8).map(entry).collect()
}

/// Makes the call on entries that it fills, and delivers the number of the first that is ready.
fn make(
    performer: &mut Performer<'_>,
    entries: Vec<Polled>,
    args: [i64; 6],
    timeout: Option<i64>,
    call: impl FnOnce(&mut [Polled]) -> Result<i64, Errno>,
) {
    let before = pack(&entries);
    let entries = RefCell::new(entries);
    let making = Making::new(args).data(&before);
    let making = timeout.map_or(making, |ns| making.within(ns));
    let result = performer.call_then(
        making,
        || call(&mut entries.borrow_mut()),
        |record| record.set_data(&pack(&entries.borrow())),
    );
    if result.is_ok() {
        let first = entries.borrow().iter().find(|entry| entry.revents != 0).map_or(-1, |entry| entry.fd);
        performer.deliver(Data::Int(first.into()));
    }
}

fn poll(performer: &mut Performer<'_>, interests: &[(i32, i64)], timeout: Option<i64>, mask: Option<u64>) {
    let entry = |(fd, events): &(i32, i64)| Polled { fd: *fd, events: *events as i16, revents: 0 };
    let entries: Vec<Polled> = interests.iter().map(entry).collect();
    let plain = performer.spec.name == "poll";
    let args = [0, entries.len() as i64, timeout.unwrap_or(-1), mask.map_or(0, |m| m as i64), mask.is_some().into(), 0];
    make(performer, entries, args, timeout, |entries| {
        if plain {
            ready::poll(entries, milliseconds(timeout))
        } else {
            ready::ppoll(entries, timeout.map(|ns| ns as u64), mask)
        }
    });
}

/// A timeout as poll(2) and epoll_wait(2) take it, rounded up: who asks for a little waits for a little.
pub(super) fn milliseconds(timeout: Option<i64>) -> i32 {
    timeout.map_or(-1, |ns| {
        i32::try_from(ns.max(0) as u64 / 1_000_000 + u64::from(ns % 1_000_000 != 0)).unwrap_or(i32::MAX)
    })
}

fn select(
    performer: &mut Performer<'_>,
    interests: &[(i32, i64)],
    timeout: Option<i64>,
    mask: Option<u64>,
) -> Result<(), Refusal> {
    let mut sets: FdSets = [None; 3];
    for (fd, bits) in interests {
        for (set, (name, bit)) in sets.iter_mut().zip(SETS) {
            if bits & bit != 0 && !set.get_or_insert_with(FdSet::default).add(*fd) {
                return Err(Refusal::new(format!("descriptor {fd} has no place in {name}"))
                    .help(format!("a set holds 0 to {} (FD_SETSIZE); C would write beyond it", libc::FD_SETSIZE - 1)));
            }
        }
    }
    let entry = |(fd, bits): &(i32, i64)| Polled { fd: *fd, events: *bits as i16, revents: 0 };
    let entries: Vec<Polled> = interests.iter().map(entry).collect();
    let nfds = interests.iter().map(|(fd, _)| fd + 1).max().unwrap_or(0);
    let plain = performer.spec.name == "select";
    let args = [nfds.into(), 0, timeout.unwrap_or(-1), mask.map_or(0, |m| m as i64), mask.is_some().into(), 0];
    make(performer, entries, args, timeout, |entries| {
        let timeout = timeout.map(|ns| ns as u64);
        let count = if plain {
            ready::select(nfds, &mut sets, timeout)?
        } else {
            ready::pselect(nfds, &mut sets, timeout, mask)?
        };
        for entry in entries {
            let has = |index: usize| sets[index].as_ref().is_some_and(|set| set.has(entry.fd));
            let bits = (0..3).filter(|index| entry.events & 1 << index != 0 && has(*index));
            entry.revents = bits.fold(0, |all, index| all | 1 << index);
        }
        Ok(count)
    });
    Ok(())
}

fn mask_shown(record: &Record) -> String {
    if record.args[4] == 0 { "NULL".to_owned() } else { signal::set(record.args[3] as u64) }
}

/// The entries that a record has room for, and how many there are in all.
fn entries(record: &Record) -> (Vec<Polled>, &'static str) {
    let entries = unpack(record);
    let more = if record.data_len as usize > entries.len() * 8 { ", …" } else { "" };
    (entries, more)
}

fn show_poll(verb: &str, record: &Record) -> Shown {
    let (entries, more) = entries(record);
    let asked: Vec<String> = entries
        .iter()
        .map(|e| format!("{{fd={}, events={}}}", e.fd, show::flags(e.events.into(), EVENTS, None)))
        .collect();
    let [_, count, timeout, ..] = record.args;
    let tail = match (verb, timeout) {
        ("poll", _) => milliseconds((timeout >= 0).then_some(timeout)).to_string(),
        (_, -1) => format!("NULL, {}", mask_shown(record)),
        _ => format!("{}, {}", duration(timeout), mask_shown(record)),
    };
    let told = |e: &Polled| format!("{{fd={}, revents={}}}", e.fd, events(e.revents.into()));
    let ready: Vec<String> = entries.iter().filter(|e| e.revents != 0).map(told).collect();
    let result = (returned(record) && record.errno == 0).then(|| match record.ret {
        0 => "0 (Timeout)".to_owned(),
        n => format!("{n} ([{}{more}])", ready.join(", ")),
    });
    Shown { args: format!("[{}{more}], {count}, {tail}", asked.join(", ")), result }
}

fn show_select(verb: &str, record: &Record) -> Shown {
    let (entries, more) = entries(record);
    let members = |pick: &dyn Fn(&Polled) -> i16, bit: i64| {
        let has = |e: &&Polled| i64::from(pick(e)) & bit != 0;
        entries.iter().filter(has).map(|e| e.fd.to_string()).collect::<Vec<_>>()
    };
    let sets: Vec<String> = SETS
        .iter()
        .map(|(_, bit)| match members(&|e| e.events, *bit) {
            none if none.is_empty() => "NULL".to_owned(),
            some => format!("[{}{more}]", some.join(" ")),
        })
        .collect();
    let [nfds, _, timeout, ..] = record.args;
    let limit = if timeout < 0 { "NULL".to_owned() } else { duration(timeout) };
    let tail = if verb == "select" { limit } else { format!("{limit}, {}", mask_shown(record)) };
    let result = (returned(record) && record.errno == 0).then(|| {
        let names = ["in", "out", "except"];
        let told = names.iter().zip(SETS).filter_map(|(name, (_, bit))| {
            let ready = members(&|e| e.revents, *bit);
            (!ready.is_empty()).then(|| format!("{name} [{}]", ready.join(" ")))
        });
        match record.ret {
            0 => "0 (Timeout)".to_owned(),
            n => format!("{n} ({})", told.collect::<Vec<_>>().join(", ")),
        }
    });
    Shown { args: format!("{nfds}, {}, {tail}", sets.join(", ")), result }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(args: [i64; 6], entries: &[(i32, i16, i16)], ret: i64) -> Record {
        let entries: Vec<Polled> = entries
            .iter()
            .map(|(fd, events, revents)| Polled { fd: *fd, events: *events, revents: *revents })
            .collect();
        let mut record = Record { args, ret, entered_ns: 1, returned_ns: 2, ..Record::default() };
        record.set_data(&pack(&entries));
        record
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let shown = |verb: &str, record: &Record| {
            let Shown { args, result } = Polling.show(verb, record);
            format!("{verb}({args}) = {}", result.unwrap_or_else(|| show::result(record)))
        };
        let two = [(3, libc::POLLIN, libc::POLLIN | libc::POLLHUP), (5, libc::POLLOUT, 0)];
        assert_eq!(
            shown("poll", &record([0, 2, 1_500_000, 0, 0, 0], &two, 1)),
            "poll([{fd=3, events=POLLIN}, {fd=5, events=POLLOUT}], 2, 2) = 1 ([{fd=3, revents=POLLIN|POLLHUP}])"
        );
        let none = [(3, libc::POLLIN, 0)];
        assert_eq!(
            shown("ppoll", &record([0, 1, 0, 1 << 9, 1, 0], &none, 0)),
            "ppoll([{fd=3, events=POLLIN}], 1, 0ns, [SIGUSR1]) = 0 (Timeout)"
        );
        assert_eq!(
            shown("select", &record([6, 0, -1, 0, 0, 0], &[(3, 1, 1), (5, 3, 2)], 2)),
            "select(6, [3 5], [5], NULL, NULL) = 2 (in [3], out [5])"
        );
        assert_eq!(
            shown("pselect", &record([4, 0, 500_000_000, 0, 0, 0], &none, 0)),
            "pselect(4, [3], NULL, NULL, 500ms, NULL) = 0 (Timeout)"
        );
        let mut failed = record([0, 1, -1, 0, 0, 0], &none, -1);
        failed.errno = libc::EINTR;
        assert_eq!(shown("poll", &failed), "poll([{fd=3, events=POLLIN}], 1, -1) = -1 EINTR (Interrupted system call)");
    }

    #[test]
    fn many_are_cut_and_counted() {
        let many: Vec<_> = (0..20).map(|fd| (fd, libc::POLLIN, 0)).collect();
        let shown = Polling.show("poll", &record([0, 20, -1, 0, 0, 0], &many, 0));
        assert!(shown.args.ends_with("{fd=7, events=POLLIN}, …], 20, -1"), "{}", shown.args);
    }

    #[test]
    fn a_little_time_is_not_none() {
        assert_eq!([None, Some(0), Some(1), Some(1_000_000), Some(1_000_001)].map(milliseconds), [-1, 0, 1, 1, 2]);
        assert_eq!(milliseconds(Some(i64::MAX)), i32::MAX);
    }
}

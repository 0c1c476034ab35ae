//! epoll instances: a list of interests that the kernel keeps, and which of them it would tell of now.
//!
//! The list stands in fdinfo. What each entry leads to the kernel is asked by kcmp(2), since the number in it may mean
//! something else by now. Whether a descriptor is ready, and whether the instance has anything to tell, is asked by a
//! poll without waiting of borrowed descriptors, which takes nothing out; epoll_wait(2) would.

mod means;

use std::cell::RefCell;

use nix::errno::Errno;

use super::look::{Found, Ground, Handle, HandleKind, Look};
use super::perform::{Making, Performer, Refusal};
use super::poll::milliseconds;
use super::show::{self, Shown, returned};
use super::table::{CALL, keyed, optional, required, saturated};
use super::{Card, Facility, Judged, Reading, by_id, nameless, signal};
use crate::kernel::arena::Record;
use crate::kernel::ready;
use crate::model::{Evidence, Field, Object, ObjectKey, Snapshot, Value};
use crate::script::{
    ArgKind, ArgSpec, ArgValue, CallSpec, Cmp, Data, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn, Wants,
};

/// epoll.
#[derive(Debug)]
pub(super) struct Epoll;

static CARD: Card = Card {
    id: "epoll",
    title: "epoll",
    family: "waiting for many descriptors",
    what: "A list of descriptors that the kernel keeps; a wait tells which are ready, or with EPOLLET which have become so.",
    identifier: "none",
    handle: "descriptor",
    persistence: "process; an entry goes when the last descriptor of its open file description is closed",
    access: "whoever inherits or is passed the descriptor",
    blocking: "epoll_wait until a descriptor of the list is ready, a handler has run, or the time is up",
    boundaries: "none: it moves no data",
    manual: &["epoll(7)", "epoll_create(2)", "epoll_ctl(2)", "epoll_wait(2)"],
};

const CREATE_FLAGS: &[(&str, i64)] = &[("EPOLL_CLOEXEC", libc::EPOLL_CLOEXEC as i64)];
const OPS: &[(&str, i64)] = &[
    ("EPOLL_CTL_ADD", libc::EPOLL_CTL_ADD as i64),
    ("EPOLL_CTL_MOD", libc::EPOLL_CTL_MOD as i64),
    ("EPOLL_CTL_DEL", libc::EPOLL_CTL_DEL as i64),
];
const EVENTS: &[(&str, i64)] = &[
    ("EPOLLIN", libc::EPOLLIN as i64),
    ("EPOLLOUT", libc::EPOLLOUT as i64),
    ("EPOLLPRI", libc::EPOLLPRI as i64),
    ("EPOLLRDHUP", libc::EPOLLRDHUP as i64),
    ("EPOLLET", libc::EPOLLET as u32 as i64),
    ("EPOLLONESHOT", libc::EPOLLONESHOT as i64),
    ("EPOLLEXCLUSIVE", libc::EPOLLEXCLUSIVE as i64),
];
/// What the kernel may tell beside what was asked. Whoever watches is told of these two always.
const TOLD: &[(&str, i64)] = &[
    ("EPOLLIN", libc::EPOLLIN as i64),
    ("EPOLLPRI", libc::EPOLLPRI as i64),
    ("EPOLLOUT", libc::EPOLLOUT as i64),
    ("EPOLLERR", libc::EPOLLERR as i64),
    ("EPOLLHUP", libc::EPOLLHUP as i64),
    ("EPOLLRDHUP", libc::EPOLLRDHUP as i64),
    ("EPOLLET", libc::EPOLLET as u32 as i64),
    ("EPOLLONESHOT", libc::EPOLLONESHOT as i64),
    ("EPOLLEXCLUSIVE", libc::EPOLLEXCLUSIVE as i64),
    ("EPOLLWAKEUP", libc::EPOLLWAKEUP as i64),
];

const ALWAYS: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
/// How an entry is told, rather than what it asks for.
const MANNERS: u32 = (libc::EPOLLET | libc::EPOLLONESHOT | libc::EPOLLEXCLUSIVE | libc::EPOLLWAKEUP) as u32;

const EPFD: ArgSpec = required("epfd", ArgKind::Descriptor(Wants::Any), "which instance");
const MAX: ArgSpec = optional("maxevents", ArgKind::Int, "of how many descriptors at most it tells; 8 if not given");
const TIMEOUT: ArgSpec = keyed("timeout", ArgKind::Duration, "how long to wait at most; 0 only looks");

const SLEEPS: &[Sleeps] = &[
    #[cfg(target_arch = "x86_64")]
    Sleeps { syscall: libc::SYS_epoll_wait, on: WaitsOn::Descriptor(0), direction: "be told" },
    Sleeps { syscall: libc::SYS_epoll_pwait, on: WaitsOn::Descriptor(0), direction: "be told" },
];

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "epoll_create1",
        args: &[
            required("name", ArgKind::NewName, "what the descriptor shall be called"),
            optional("flags", ArgKind::Flags(CREATE_FLAGS), "how the descriptor behaves"),
        ],
        doc: "Makes an epoll instance that watches nothing yet",
        man: "epoll_create1(2)",
        c: "{name} = epoll_create1({flags=0})",
        makes: Makes::Descriptor,
        example: "bob: epoll_create1 ep EPOLL_CLOEXEC",
        ..CALL
    },
    CallSpec {
        name: "epoll_ctl",
        args: &[
            EPFD,
            required("op", ArgKind::Constant(OPS), "whether it is added, changed or taken off"),
            required("fd", ArgKind::Descriptor(Wants::Any), "which descriptor"),
            optional("events", ArgKind::Flags(EVENTS), "what is asked, and how it is told"),
            keyed("data", ArgKind::Int, "what is given back with an event; the descriptor's number if not given"),
        ],
        doc: "Changes the list of interests",
        man: "epoll_ctl(2)",
        c: "epoll_ctl({epfd}, {op}, {fd}, {?events &(struct epoll_event){ {events}, { {data=@fd} } }?}{!events NULL!})",
        example: "bob: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN|EPOLLET",
        ..CALL
    },
    CallSpec {
        name: "epoll_wait",
        args: &[EPFD, MAX, TIMEOUT],
        doc: "Waits until the list has something to tell; the data of the first event goes to a variable",
        man: "epoll_wait(2)",
        c: "epoll_wait({epfd}, events, {maxevents=8}, {timeout.ms=-1})",
        gives: true,
        sleeps: SLEEPS,
        example: "bob: epoll_wait ep timeout=500ms -> $fd",
        ..CALL
    },
    CallSpec {
        name: "epoll_pwait",
        args: &[
            EPFD,
            MAX,
            TIMEOUT,
            keyed("sigmask", ArgKind::Signals, "what is blocked meanwhile, in place of the present mask"),
        ],
        doc: "The same with another mask of signals while it waits, set and put back in one step",
        man: "epoll_wait(2)",
        c: "epoll_pwait({epfd}, events, {maxevents=8}, {timeout.ms=-1}, \
            {?sigmask &mask /* {sigmask} */?}{!sigmask NULL!})",
        gives: true,
        sleeps: SLEEPS,
        example: "bob: epoll_pwait ep sigmask=SIGUSR1",
        ..CALL
    },
];

static PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "watches",
        args: &[PredicateArg::Number],
        doc: "How many descriptors are in its list",
        example: "expect ep watches 2",
    },
    PredicateSpec {
        word: "ready",
        args: &[PredicateArg::Number],
        doc: "Of how many descriptors the next wait would tell",
        example: "expect ep ready 1",
    },
    PredicateSpec { word: "tells", args: &[], doc: "The next wait would return at once", example: "expect ep tells" },
];

impl Facility for Epoll {
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
            "epoll_create1" => {
                let flags = performer.int("flags", 0);
                let making = Making::new([flags, 0, 0, 0, 0, 0]);
                nameless::make(performer, making, || ready::epoll_create1(flags as i32));
            }
            "epoll_ctl" => {
                let (epfd, op, fd) = (performer.fd("epfd"), performer.int("op", 0), performer.fd("fd"));
                let data = performer.int("data", fd.into());
                let events = performer.has("events").then(|| performer.int("events", 0));
                let making =
                    Making::new([epfd.into(), op, fd.into(), events.unwrap_or(0), data, events.is_some().into()]);
                let event = events.map(|events| (events as u32, data as u64));
                let _ = performer.call(making, || ready::epoll_ctl(epfd, op as i32, fd, event).map(|()| 0));
            }
            "epoll_wait" | "epoll_pwait" => return wait(performer),
            _ => return Err(Refusal::new(format!("{verb} is no call on epoll instances"))),
        }
        Ok(())
    }

    fn waits_for_any(&self) -> bool {
        true
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        means::means(verb, record)
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [epfd, op, fd, events, data, given] = record.args;
        match verb {
            "epoll_create1" => Shown::args(show::flags(epfd, CREATE_FLAGS, None)),
            "epoll_ctl" => {
                let event = if given == 0 {
                    "NULL".to_owned()
                } else {
                    format!("{{events={}, data={data}}}", names(events as u32))
                };
                Shown::args(format!("{epfd}, {}, {fd}, {event}", show::constant(op, OPS)))
            }
            _ => show_wait(verb, record),
        }
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        nameless::claim(handle, CARD.id, "eventpoll")
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let fields = match nameless::fdinfo(found, look) {
            Ok(others) => fields(found, &entries(&others), look),
            Err(why) => NAMES.iter().map(|name| Field::hidden(*name, &why)).collect(),
        };
        Reading { identifier: "none".to_owned(), fields, ..Reading::default() }
    }

    fn check(&self, word: &str, _args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        (word == "tells").then(|| {
            let seen = object.value("tells").as_text().unwrap_or("nobody knows").to_owned();
            Judged { met: seen == "yes", seen: format!("a wait would return at once: {seen}"), field: "tells" }
        })
    }

    fn wakers(&self, object: &Object, waiter: &str, _direction: &str, snapshot: &Snapshot) -> Vec<String> {
        // Whoever makes one of the descriptors ready, or has the list and can add to it.
        let mut all: Vec<String> =
            object.holding("write").into_iter().filter(|name| *name != waiter).map(str::to_owned).collect();
        for interest in object.value("interest").as_list() {
            let part = |name: &str| interest.part(name).and_then(Value::as_text).unwrap_or_default();
            let Some(target) = snapshot.object(part("on")) else { return Vec::new() };
            let Some(facility) = by_id(target.facility()) else { return Vec::new() };
            for (event, direction) in [("EPOLLIN", "read"), ("EPOLLOUT", "write")] {
                if !part("events").split('|').any(|name| name == event) {
                    continue;
                }
                let wakers = facility.wakers(target, waiter, direction, snapshot);
                if wakers.is_empty() {
                    return Vec::new();
                }
                all.extend(wakers);
            }
        }
        all.sort();
        all.dedup();
        all
    }
}

fn names(events: u32) -> String {
    show::flags(events.into(), TOLD, None)
}

fn wait(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (epfd, max) = (performer.fd("epfd"), performer.int("maxevents", 8));
    let timeout = performer.has("timeout").then(|| performer.int("timeout", 0));
    if timeout.is_some_and(|ns| ns < 0) {
        return Err(Refusal::new("a time to wait can't be negative").help("without a timeout it waits for ever"));
    }
    let mask = (performer.spec.name == "epoll_pwait")
        .then(|| if performer.has("sigmask") { Some(performer.int("sigmask", 0) as u64) } else { None });
    let given = mask.flatten();
    let max = saturated(max);
    let args = [
        epfd.into(),
        0,
        max.into(),
        timeout.unwrap_or(-1),
        given.map_or(0, |mask| mask as i64),
        given.is_some().into(),
    ];
    let told: RefCell<Vec<(u32, u64)>> = RefCell::default();
    let making = Making::new(args);
    let making = timeout.map_or(making, |ns| making.within(ns));
    let result = performer.call_then(
        making,
        || {
            let events = ready::epoll_wait(epfd, max, milliseconds(timeout), given)?;
            let count = events.len() as i64;
            *told.borrow_mut() = events;
            Ok(count)
        },
        |record| record.set_data(&pack(&told.borrow())),
    );
    if result.is_ok() {
        let first = told.borrow().first().map_or(-1, |(_, data)| *data as i64);
        performer.deliver(Data::Int(first));
    }
    Ok(())
}

/// What goes into a record of each event: twelve bytes, as the kernel packs them on x86-64.
fn pack(events: &[(u32, u64)]) -> Vec<u8> {
    events.iter().flat_map(|(events, data)| [&events.to_ne_bytes()[..], &data.to_ne_bytes()].concat()).collect()
}

fn show_wait(verb: &str, record: &Record) -> Shown {
    let [epfd, _, max, timeout, mask, masked] = record.args;
    let event = |b: &[u8]| {
        let events = u32::from_ne_bytes([b[0], b[1], b[2], b[3]]);
        let data = b[4..12].try_into().map_or(0, i64::from_ne_bytes);
        format!("{{events={}, data={data}}}", names(events))
    };
    let events: Vec<String> = record.bytes().chunks_exact(12).map(event).collect();
    let more = if record.ret as usize > events.len() { ", …" } else { "" };
    let done = returned(record) && record.errno == 0;
    let events = if done { format!("[{}{more}]", events.join(", ")) } else { "…".to_owned() };
    let limit = milliseconds((timeout >= 0).then_some(timeout));
    let tail = match verb {
        "epoll_pwait" if masked != 0 => format!(", {}", signal::set(mask as u64)),
        "epoll_pwait" => ", NULL".to_owned(),
        _ => String::new(),
    };
    Shown::args(format!("{epfd}, {events}, {max}, {limit}{tail}"))
}

/// One line of the list, as fdinfo has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// The number under which it was added.
    fd: i32,
    events: u32,
    data: u64,
    /// The inode and device of the file, since 4.18 or so.
    file: Option<(u64, u64)>,
    /// How many entries of the same number stand before it.
    nth: u32,
}

/// `tfd:        5 events:       19 data:                5  pos:0 ino:57 sdev:d`, of which the first key is taken off.
fn entries(others: &[(String, String)]) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for (_, line) in others.iter().filter(|(key, _)| key == "tfd") {
        let spaced = line.replace(':', ": ");
        let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
        let after = |key: &str| words.iter().position(|w| *w == key).and_then(|at| words.get(at + 1)).copied();
        let hex = |key: &str| after(key).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(fd) = words.first().and_then(|digits| digits.parse().ok()) else { continue };
        let (Some(events), Some(data)) = (hex("events:"), hex("data:")) else { continue };
        // The kernel's own form of a device number: 20 bits of minor.
        let dev = |sdev: u64| libc::makedev((sdev >> 20) as u32, (sdev & 0xf_ffff) as u32);
        let file = hex("ino:").zip(hex("sdev:").map(dev));
        let nth = all.iter().filter(|entry| entry.fd == fd).count() as u32;
        all.push(Entry { fd, events: events as u32, data, file, nth });
    }
    all
}

/// What an entry was found to be.
struct Seen {
    /// Our name of the object, if somebody on stage holds it.
    on: Option<String>,
    /// Who holds the very description, by which numbers: `bob 5`.
    by: Vec<String>,
    /// What it is ready for, of what was asked; the reason if that can't be known.
    ready: Result<u32, String>,
    /// Whether it stands for signals, of which a look by another process tells nothing.
    signals: bool,
}

fn resolve(found: &Found<'_>, entry: &Entry, look: &Look<'_>) -> Seen {
    let mut seen = Seen { on: None, by: Vec::new(), ready: Err("nobody on stage holds it".to_owned()), signals: false };
    let Some(epoll) = found.descriptor(|_| true) else { return seen };
    for item in look.on_stage {
        // The handles of what has no inode of its own are all on one description: one answer is for all.
        let mut of_all = None;
        for handle in &item.handles {
            let HandleKind::Descriptor { fd, .. } = handle.kind else { continue };
            let nameless = handle.link.starts_with(nameless::LINK);
            let near = entry.file.is_none_or(|(ino, dev)| {
                if nameless { dev == handle.dev } else { (ino, dev) == (handle.ino, handle.dev) }
            });
            if !near {
                continue;
            }
            let ask = || match ready::epoll_watches(epoll, entry.fd, entry.nth, (handle.pid, fd)) {
                // Without that call, the inode says what it is where it has one.
                Err(Errno::ENOSYS) => !nameless && entry.file.is_some(),
                answer => answer == Ok(true),
            };
            let same = of_all.unwrap_or_else(ask);
            of_all = nameless.then_some(same);
            if !same {
                continue;
            }
            seen.on = Some(item.name.clone());
            seen.by.push(format!("{} {fd}", look.actor(handle.pid).unwrap_or("?")));
            if seen.ready.is_err() {
                seen.signals = handle.link.contains("signalfd");
                seen.ready = readiness(item, handle, fd, entry, look);
            }
        }
    }
    seen
}

fn readiness(item: &Found<'_>, handle: &Handle, fd: i32, entry: &Entry, look: &Look<'_>) -> Result<u32, String> {
    if handle.link.contains("signalfd") {
        // A poll of ours would look at our own signals.
        let holders: Vec<i32> = item.handles.iter().map(|handle| handle.pid).collect();
        let others = nameless::fdinfo(item, look)?;
        let mask =
            others.iter().find(|(key, _)| key == "sigmask").and_then(|(_, set)| u64::from_str_radix(set, 16).ok());
        let mask = mask.ok_or("the kernel does not tell the set of signals")?;
        let pending =
            |pid: &i32| crate::kernel::proc::status(*pid).is_ok_and(|s| (s.pending | s.shared_pending) & mask != 0);
        let ready = holders.iter().any(pending);
        return Ok(if ready { entry.events & libc::EPOLLIN as u32 } else { 0 });
    }
    let asked = entry.events & !MANNERS;
    let borrowed = look.borrow(handle.pid, fd).map_err(|error| error.to_string())?;
    let answer = ready::readiness(&borrowed, asked as i16).map_err(|errno| errno.desc().to_owned())?;
    Ok(u32::from(answer as u16) & (asked | ALWAYS))
}

const NAMES: [&str; 4] = ["watches", "ready", "tells", "interest"];

/// Whether a wait would tell of an entry: `None` where nobody can know.
fn told(entry: &Entry, seen: &Seen, tells: Option<bool>, edges: usize, levels: usize) -> Option<bool> {
    let asked = entry.events & !MANNERS;
    match seen.ready {
        // After it has been told once, an entry with EPOLLONESHOT asks for nothing until it is changed.
        _ if asked & !ALWAYS == 0 && entry.events & libc::EPOLLONESHOT as u32 != 0 => Some(false),
        Ok(0) => Some(false),
        Ok(_) if entry.events & libc::EPOLLET as u32 == 0 => Some(true),
        // An edge is told once. If nothing else is ready, the instance says whether this one still is to be told.
        Ok(_) => match tells {
            Some(false) => Some(false),
            Some(true) if edges == 1 && levels == 0 => Some(true),
            _ => None,
        },
        Err(_) => None,
    }
}

fn fields(found: &Found<'_>, entries: &[Entry], look: &Look<'_>) -> Vec<Field> {
    // The kernel lists them by the addresses of its own structures.
    let mut all: Vec<(Entry, Seen)> = entries.iter().map(|entry| (*entry, resolve(found, entry, look))).collect();
    all.sort_by(|(a, x), (b, y)| (a.fd, &x.on).cmp(&(b.fd, &y.on)));
    let (entries, seen): (Vec<Entry>, Vec<Seen>) = all.into_iter().unzip();
    let tells = if seen.iter().any(|seen| seen.signals) {
        // A poll would look at our own signals, and take the entry for one that is not ready.
        Err("it watches signals, and a look from another process would disturb that".to_owned())
    } else {
        let (pid, fd) = found.descriptor(|_| true).unwrap_or((0, -1));
        look.borrow(pid, fd)
            .map_err(|error| error.to_string())
            .and_then(|epfd| ready::readiness(&epfd, libc::POLLIN).map_err(|errno| errno.desc().to_owned()))
            .map(|answer| answer & libc::POLLIN != 0)
    };
    let is_ready = |seen: &Seen| matches!(seen.ready, Ok(1..));
    let edge = |entry: &Entry| entry.events & libc::EPOLLET as u32 != 0;
    let count = |wanted: bool| entries.iter().zip(&seen).filter(|(e, s)| edge(e) == wanted && is_ready(s)).count();
    let (edges, levels) = (count(true), count(false));
    let told: Vec<Option<bool>> = entries
        .iter()
        .zip(&seen)
        .map(|(entry, seen)| told(entry, seen, tells.as_ref().ok().copied(), edges, levels))
        .collect();
    let list = entries.iter().zip(&seen).zip(&told).map(|((entry, seen), told)| interest(entry, seen, *told)).collect();
    vec![
        Field::kernel_int("watches", entries.len() as i64),
        if told.iter().all(Option::is_some) {
            Field::kernel_int("ready", told.iter().filter(|told| **told == Some(true)).count() as i64)
        } else {
            Field::hidden("ready", &why_unknown(&seen, tells.as_ref().err()))
        },
        match tells {
            Ok(tells) => Field::new("tells", text(if tells { "yes" } else { "no" }), Evidence::Kernel),
            Err(why) => Field::hidden("tells", &why),
        },
        Field::new("interest", Value::List(list), Evidence::Kernel),
    ]
}

/// Why nobody can say how many entries a wait would tell of.
fn why_unknown(seen: &[Seen], tells: Option<&String>) -> String {
    match (seen.iter().find_map(|seen| seen.ready.as_ref().err()), tells) {
        (Some(why), _) => format!("of something that is watched it can't be known: {why}"),
        (None, Some(why)) => why.clone(),
        _ => "an edge is ready beside something else, and the kernel does not say whether it is still to be told"
            .to_owned(),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn interest(entry: &Entry, seen: &Seen, told: Option<bool>) -> Value {
    let part = |name: &'static str, value: Value| (name.into(), value);
    let told = match told {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    };
    let mut parts = vec![
        part("fd", Value::Int(entry.fd.into())),
        part("on", seen.on.as_deref().map_or(Value::Nothing, text)),
        // The kernel adds to what was asked the two of which everybody is told.
        part("events", text(&names(entry.events & !ALWAYS))),
        match &seen.ready {
            Ok(ready) => part("ready", text(&names(*ready))),
            Err(why) => part("ready", text(&format!("? {why}"))),
        },
        part("told", text(told)),
        part("by", text(&seen.by.join(", "))),
    ];
    if entry.data != entry.fd as u64 {
        parts.push(part("data", Value::Int(entry.data as i64)));
    }
    Value::Record(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(lines: &[&str]) -> Vec<(String, String)> {
        lines.iter().map(|line| ("tfd".to_owned(), (*line).to_owned())).collect()
    }

    #[test]
    fn reads_the_list() {
        let lines = [
            "       5 events: 80000001 data:                5  pos:0 ino:57 sdev:d",
            "       5 events:       19 data: ffffffffffffffff  pos:0 ino:1a sdev:1b00003",
            "       7 events: 40000000 data:                7",
            "nonsense",
        ];
        let entries = entries(&others(&lines));
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].file, Some((0x57, libc::makedev(0, 13))));
        assert_eq!(names(entries[0].events), "EPOLLIN|EPOLLET");
        assert_eq!((entries[1].nth, entries[1].data), (1, u64::MAX));
        assert_eq!(entries[1].file, Some((0x1a, libc::makedev(27, 3))));
        assert_eq!((entries[2].fd, entries[2].file, names(entries[2].events)), (7, None, "EPOLLONESHOT".to_owned()));
    }

    #[test]
    fn what_a_wait_would_tell_of() {
        let entry = |events: i32| Entry { fd: 3, events: events as u32, data: 3, file: None, nth: 0 };
        let seen = |ready: u32| Seen { on: None, by: Vec::new(), ready: Ok(ready), signals: false };
        let (level, edge) = (entry(libc::EPOLLIN), entry(libc::EPOLLIN | libc::EPOLLET));
        let (ready, not) = (seen(libc::EPOLLIN as u32), seen(0));
        assert_eq!(told(&level, &ready, Some(true), 0, 1), Some(true));
        assert_eq!(told(&level, &not, Some(false), 0, 0), Some(false));
        assert_eq!(told(&edge, &ready, Some(true), 1, 0), Some(true), "it alone can be what there is to tell");
        assert_eq!(told(&edge, &ready, Some(false), 1, 0), Some(false), "it has been told already");
        assert_eq!(told(&edge, &ready, Some(true), 1, 1), None, "the other may be what there is to tell");
        assert_eq!(told(&edge, &ready, None, 1, 0), None);
        let spent = entry(libc::EPOLLONESHOT);
        assert_eq!(told(&spent, &seen(libc::EPOLLHUP as u32), Some(true), 0, 0), Some(false));
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let shown = |verb: &str, args: [i64; 6], data: &[u8], ret: i64| {
            let mut record = Record { args, ret, entered_ns: 1, returned_ns: 2, ..Record::default() };
            record.set_data(data);
            Epoll.show(verb, &record).args
        };
        assert_eq!(shown("epoll_create1", [0; 6], b"", 3), "0");
        let edge = i64::from((libc::EPOLLIN | libc::EPOLLET) as u32);
        assert_eq!(
            shown("epoll_ctl", [4, 1, 3, edge, 3, 1], b"", 0),
            "4, EPOLL_CTL_ADD, 3, {events=EPOLLIN|EPOLLET, data=3}"
        );
        assert_eq!(shown("epoll_ctl", [4, 2, 3, 0, 3, 0], b"", 0), "4, EPOLL_CTL_DEL, 3, NULL");
        let events = pack(&[(libc::EPOLLIN as u32, 3), (libc::EPOLLHUP as u32, 5)]);
        assert_eq!(
            shown("epoll_wait", [4, 0, 8, 500_000_000, 0, 0], &events, 2),
            "4, [{events=EPOLLIN, data=3}, {events=EPOLLHUP, data=5}], 8, 500"
        );
        assert_eq!(shown("epoll_pwait", [4, 0, 8, -1, 1 << 9, 1], b"", 0), "4, [], 8, -1, [SIGUSR1]");
        let asleep = Record { args: [4, 0, 8, -1, 0, 0], entered_ns: 1, ..Record::default() };
        assert_eq!(Epoll.show("epoll_wait", &asleep).args, "4, …, 8, -1");
    }
}

//! Pipes: a byte stream between processes of one family.
//!
//! What a pipe holds is copied by tee(2), in one atomic step that takes nothing out, through a borrowed read end that
//! is closed before anybody runs again. See pipe(7) and, for the slots, fs/pipe.c in the kernel's sources.

use std::cell::Cell;
use std::os::fd::OwnedFd;

use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, HandleKind, Look};
use super::perform::{Bound, Making, Performer, Refusal};
use super::quantities::page_size;
use super::show::{self, Shown, returned};
use super::table::{CALL, required};
use super::unix::descriptors_travel;
use super::{Card, ChangedBy, Facility, Judged, Reading, judge};
use crate::kernel::arena::Record;
use crate::kernel::{SysError, fd, pipe, ready};
use crate::model::{Evidence, Field, Object, ObjectKey, OtherEnd, Snapshot, Value};
use crate::script::{ArgKind, ArgValue, CallSpec, Cmp, Makes, PredicateArg, PredicateSpec};

/// The pipe.
#[derive(Debug)]
pub(super) struct Pipe;

/// How much of what a pipe holds goes into a snapshot, in bytes.
const HEAD: usize = 64 << 10;

static CARD: Card = Card {
    id: "pipe",
    title: "Pipes",
    family: "communication / data transfer / byte stream",
    what: "A stream of bytes from its write end to its read end, kept by the kernel in a ring of pages.",
    identifier: "none",
    handle: "descriptor",
    persistence: "process",
    access: "whoever inherits or is passed an end",
    blocking: "read while it is empty and has a writer; write while it is full and has a reader",
    boundaries: "none; packets with O_DIRECT",
    manual: &["pipe(2)", "pipe(7)", "fcntl(2)"],
};

const PIPE_FLAGS: &[(&str, i64)] = &[
    ("O_CLOEXEC", libc::O_CLOEXEC as i64),
    ("O_NONBLOCK", libc::O_NONBLOCK as i64),
    ("O_DIRECT", libc::O_DIRECT as i64),
];

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "pipe",
        args: &[required("pipefd", ArgKind::NewName, "what the pipe shall be called: its ends are NAME.r and NAME.w")],
        doc: "Makes a pipe: a read end and a write end",
        man: "pipe(2)",
        c: "pipe({pipefd})",
        makes: Makes::Ends("r", "w"),
        example: "alice: pipe p",
        ..CALL
    },
    CallSpec {
        name: "pipe2",
        args: &[
            required("pipefd", ArgKind::NewName, "what the pipe shall be called: its ends are NAME.r and NAME.w"),
            required("flags", ArgKind::Flags(PIPE_FLAGS), "O_DIRECT keeps each write apart as a packet"),
        ],
        doc: "Makes a pipe with flags on both ends",
        man: "pipe2(2)",
        c: "pipe2({pipefd}, {flags})",
        makes: Makes::Ends("r", "w"),
        example: "alice: pipe2 p O_NONBLOCK|O_CLOEXEC",
        ..CALL
    },
];

/// The predicates of whatever is a pipe inside: pipes and FIFOs.
pub(super) static PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "bytes",
        args: &[PredicateArg::Number],
        doc: "How many bytes are in it",
        example: "expect p bytes 5",
    },
    PredicateSpec {
        word: "capacity",
        args: &[PredicateArg::Number],
        doc: "How many bytes it can hold at most",
        example: "expect p capacity 65536",
    },
    PredicateSpec {
        word: "slots",
        args: &[PredicateArg::Number],
        doc: "How many slots it has, each for at most a page",
        example: "expect p slots 16",
    },
    PredicateSpec {
        word: "readers",
        args: &[PredicateArg::Number],
        doc: "How many descriptors can read from it",
        example: "expect p readers 1",
    },
    PredicateSpec {
        word: "writers",
        args: &[PredicateArg::Number],
        doc: "How many descriptors can write to it",
        example: "expect p writers 0",
    },
    PredicateSpec {
        word: "holds",
        args: &[PredicateArg::Data],
        doc: "The bytes in it are exactly these",
        example: "expect p holds \"hello\"",
    },
    PredicateSpec {
        word: "eof",
        args: &[],
        doc: "A read would give end of file: it is empty and has no writer",
        example: "expect p eof",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "pipe",
    handle: "{o}",
    ways: &[
        (Op::Make, &["{a}: pipe {h}"]),
        (Op::Send, &["{a}: write {h}.w {data}"]),
        (Op::Receive, &["{a}: read {h}.r {n}"]),
        (Op::TryReceive, &["{a}: fcntl {h}.r F_SETFL O_NONBLOCK", "{a}: read {h}.r {n}"]),
        (Op::Watch, &["{a}: poll {h}.r:POLLIN"]),
        (Op::Notify, &["{a}: fcntl {h}.r F_SETOWN {a}", "{a}: fcntl {h}.r F_SETFL O_ASYNC"]),
        (Op::EndSend, &["{a}: close {h}.w"]),
        (Op::EndReceive, &["{a}: close {h}.r"]),
    ],
}];

impl Facility for Pipe {
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

    fn perform(&self, _verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        let (name, flags) = (performer.name("pipefd"), performer.int("flags", 0));
        let ends = Cell::new((0, 0));
        let made = performer.call_then(
            Making::new([0, 0, flags, 0, 0, 0]),
            || fd::pipe2(flags as i32).map(|made| ends.set(made)).map(|()| 0),
            |record| (record.args[0], record.args[1]) = (ends.get().0.into(), ends.get().1.into()),
        );
        if made.is_ok() {
            for (end, fd) in [("r", ends.get().0), ("w", ends.get().1)] {
                performer.bind(&format!("{name}.{end}"), name, Bound::Descriptor(fd));
            }
        }
        Ok(())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [r, w, flags, ..] = record.args;
        let ends = if returned(record) && record.errno == 0 { format!("[{r}, {w}]") } else { "…".to_owned() };
        Shown::args(match verb {
            "pipe2" => format!("{ends}, {}", show::flags(flags, PIPE_FLAGS, None)),
            _ => ends,
        })
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        // Only pipes of the kernel's own file system are called so; a FIFO's link is a path.
        (is_fifo(handle) && handle.link.starts_with("pipe:[")).then(|| key(CARD.id, handle))
    }

    fn means_on(&self, verb: &str, record: &Record, _handle: &Handle) -> Option<&'static str> {
        moved(verb, record)
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        reading("none".to_owned(), fields(found, look))
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        check(word, args, object)
    }

    fn only_they(&self, _object: &Object, direction: &str, snapshot: &Snapshot) -> bool {
        matches!(direction, "read" | "write") && !descriptors_travel(snapshot)
    }

    fn other_end(&self, object: &Object, _waiter: &str, direction: &str, _snapshot: &Snapshot) -> Option<OtherEnd> {
        other_end(object, direction)
    }

    fn wakers(&self, object: &Object, _waiter: &str, direction: &str, _snapshot: &Snapshot) -> Vec<String> {
        wakers(object, direction)
    }
}

/// What the error of a read or write of a pipe means, see pipe(7) and fifo(7).
pub(super) const fn moved(verb: &str, record: &Record) -> Option<&'static str> {
    Some(match (verb.as_bytes(), record.errno) {
        (b"read", libc::EAGAIN) => "it is empty and has a writer, and with O_NONBLOCK the call does not wait",
        (b"write", libc::EAGAIN) => {
            "there is no room (up to PIPE_BUF bytes go whole or not at all), and with O_NONBLOCK the call does not wait"
        }
        (b"read", libc::EBADF) => "this end is not open for reading",
        (b"write", libc::EBADF) => "this end is not open for writing",
        _ => return None,
    })
}

/// Whether a handle is a descriptor of a pipe or FIFO.
pub(super) fn is_fifo(handle: &Handle) -> bool {
    matches!(handle.kind, HandleKind::Descriptor { mode, .. } if mode & libc::S_IFMT == libc::S_IFIFO)
}

pub(super) fn key(facility: &'static str, handle: &Handle) -> ObjectKey {
    ObjectKey { facility: facility.into(), dev: handle.dev, ino: handle.ino, offset: 0 }
}

pub(super) fn check(word: &str, args: &[ArgValue], object: &Object) -> Option<Judged> {
    match word {
        "holds" => Some(judge::holds("holds", args, object)),
        "eof" => {
            let (bytes, writers) = (object.int("bytes"), object.int("writers"));
            let count = |n: Option<i64>, one: &str| match n {
                Some(1) => format!("1 {one}"),
                Some(n) => format!("{n} {one}s"),
                None => format!("an unknown number of {one}s"),
            };
            let travels = object.value(IN_FLIGHT).as_text() == Some(WRITE_END);
            let mut seen = format!("{} and {}", count(bytes, "byte"), count(writers, "writer"));
            if travels {
                seen.push_str(", and a write end in flight");
            }
            Some(Judged { met: bytes == Some(0) && writers == Some(0) && !travels, seen, field: "writers" })
        }
        _ => None,
    }
}

/// A reader is woken by who can write (or close the last write end), a writer by who can read. Who opens a FIFO can be
/// woken by anybody who opens the other end: nobody in particular.
pub(super) fn wakers(object: &Object, direction: &str) -> Vec<String> {
    let word = match direction {
        "read" => "write",
        "write" => "read",
        _ => return Vec::new(),
    };
    object.holding(word).into_iter().map(str::to_owned).collect()
}

/// A reader gets an end of file when the last descriptor that can write is closed.
pub(super) fn other_end(object: &Object, direction: &str) -> Option<OtherEnd> {
    matches!(direction, "read" | "write").then(|| OtherEnd { object: object.name.clone(), closes: true })
}

/// How many descriptors may read, how many may write, and whether one of the latter writes packets.
fn ends(found: &Found<'_>) -> (i64, i64, bool) {
    let mut ends = (0, 0, false);
    for handle in &found.handles {
        let HandleKind::Descriptor { flags, .. } = handle.kind else { continue };
        if flags & libc::O_PATH != 0 {
            continue;
        }
        let access = flags & libc::O_ACCMODE;
        ends.0 += i64::from(access != libc::O_WRONLY);
        ends.1 += i64::from(access != libc::O_RDONLY);
        ends.2 |= access != libc::O_RDONLY && flags & libc::O_DIRECT != 0;
    }
    ends
}

const IN_FLIGHT: &str = "in flight";
const WRITE_END: &str = "a write end";
const READ_END: &str = "a read end";

/// What could be read through one borrowed end.
struct Inside {
    bytes: i64,
    capacity: i64,
    contents: Result<pipe::Contents, String>,
    /// The end that the kernel knows of, and no process holds.
    in_flight: Option<&'static str>,
}

/// What was read, with whether it may change by somebody who holds no end: by who takes the one in flight.
pub(super) fn reading(identifier: String, fields: Vec<Field>) -> Reading {
    let fleeting = fields.iter().any(|field| field.name == IN_FLIGHT);
    Reading { identifier, fields, fleeting, ..Reading::default() }
}

fn inside(found: &Found<'_>, look: &mut Look<'_>) -> Option<Result<Inside, SysError>> {
    let reads = found.readable();
    let (pid, fd) = reads.or_else(|| found.descriptor(|flags| flags & libc::O_PATH == 0))?;
    Some(look.borrow(pid, fd).and_then(|end| {
        let mut inside = through(&end, reads.is_some(), look)?;
        inside.in_flight = in_flight(&end, found, &inside, look);
        Ok(inside)
    }))
}

/// The end that no process holds though the kernel counts it, since it lies in a socket's queue. Where a reader asks, that
/// is told by what a read would get; of a FIFO that is not empty the kernel does not tell it.
fn in_flight(end: &OwnedFd, found: &Found<'_>, inside: &Inside, look: &mut Look<'_>) -> Option<&'static str> {
    match ends(found) {
        (0, 1.., _) => {
            let told = ready::readiness(end, libc::POLLOUT).ok()?;
            (told & libc::POLLERR == 0).then_some(READ_END)
        }
        (1.., 0, _) => {
            let writer = match &inside.contents {
                _ if inside.bytes == 0 => look.scratch.contents(end).ok()?.has_writer,
                Ok(contents) => contents.has_writer && found.key.facility == CARD.id,
                Err(_) => false,
            };
            writer.then_some(WRITE_END)
        }
        _ => None,
    }
}

fn through(end: &OwnedFd, reads: bool, look: &mut Look<'_>) -> Result<Inside, SysError> {
    let on = |call, errno| SysError::new(call, "pipe", errno);
    let capacity = pipe::capacity(end).map_err(|errno| on("fcntl", errno))?;
    let bytes = pipe::fionread(end).map_err(|errno| on("ioctl", errno))?;
    let contents = if bytes == 0 {
        Ok(pipe::Contents::default())
    } else if !reads {
        Err("only write ends are open, and a copy can be had through a read end alone".to_owned())
    } else {
        look.scratch
            .fit(capacity)
            .and_then(|()| look.scratch.contents(end))
            .map_err(|errno| format!("no scratch pipe of {capacity} bytes could be had to copy it: {errno:?}"))
    };
    Ok(Inside { bytes: bytes as i64, capacity: capacity as i64, contents, in_flight: None })
}

/// Everything about the ring of pages, the same for pipes and FIFOs.
pub(super) fn fields(found: &Found<'_>, look: &mut Look<'_>) -> Vec<Field> {
    let (readers, writers, packets) = ends(found);
    let mut flies = None;
    let mut fields = match inside(found, look) {
        Some(Ok(inside)) => {
            flies = inside.in_flight;
            ring(inside)
        }
        Some(Err(error)) => ["bytes", "capacity", "slots", "slots used", "slot bytes", "holds"]
            .iter()
            .map(|name| Field::hidden(*name, &error.to_string()))
            .collect(),
        None => {
            let contents = Ok(pipe::Contents::default());
            let mut none = ring(Inside { bytes: 0, capacity: 0, contents, in_flight: None });
            for field in &mut none {
                field.note = Some("nobody has it open, so the kernel keeps no buffer for it".to_owned());
            }
            none
        }
    };
    fields.push(Field::kernel_int("readers", readers));
    fields.push(Field::kernel_int("writers", writers));
    if let Some(end) = flies {
        let so =
            if end == WRITE_END { "whoever reads waits for it" } else { "whoever writes is not told of a broken pipe" };
        let field = Field::new(IN_FLIGHT, Value::Text(end.to_owned()), Evidence::Kernel);
        fields.push(field.noted(format!("no process holds it, it lies in a socket's queue, and {so}")));
    }
    let packet = if packets { "yes" } else { "no" };
    fields.push(Field::new("packet", Value::Text(packet.to_owned()), Evidence::Kernel));
    fields
}

fn ring(inside: Inside) -> Vec<Field> {
    let mut fields = vec![
        Field::kernel_int("bytes", inside.bytes),
        Field::kernel_int("capacity", inside.capacity),
        Field::kernel_int("slots", inside.capacity / page_size()),
    ];
    match inside.contents {
        Ok(contents) => {
            let slots = contents.slots.iter().map(|n| Value::Int(*n as i64)).collect();
            let mut bytes = contents.bytes;
            let total = bytes.len() as u64;
            bytes.truncate(HEAD);
            fields.push(Field::kernel_int("slots used", contents.slots.len() as i64));
            fields.push(Field::new("slot bytes", Value::List(slots), Evidence::Kernel));
            fields.push(Field::new("holds", Value::Bytes { bytes, total }, Evidence::Kernel));
        }
        Err(why) => fields.extend(["slots used", "slot bytes", "holds"].iter().map(|name| Field::hidden(*name, &why))),
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Holder;

    fn handle(flags: i32, link: &str, kind: u32) -> Handle {
        let kind = HandleKind::Descriptor { fd: 3, mode: kind | 0o600, flags, offset: 0 };
        Handle { pid: 2, dev: 14, ino: 99, link: link.to_owned(), kind }
    }

    #[test]
    fn claims_pipes_and_nothing_else() {
        let ground = Ground { directory: std::path::Path::new("/stage"), shm_dev: 0 };
        let claim = |h: &Handle| Pipe.claim(h, &ground);
        let key = claim(&handle(0, "pipe:[99]", libc::S_IFIFO)).unwrap();
        assert_eq!((key.facility.as_ref(), key.dev, key.ino, key.offset), ("pipe", 14, 99, 0));
        assert_eq!(claim(&handle(0, "/stage/box", libc::S_IFIFO)), None, "a FIFO");
        assert_eq!(claim(&handle(0, "/stage/pipe:[99]", libc::S_IFREG)), None, "a file");
    }

    #[test]
    fn counts_ends_by_access() {
        let key = ObjectKey { facility: "pipe".into(), dev: 14, ino: 99, offset: 0 };
        let handles: Vec<Handle> = [
            libc::O_RDONLY,
            libc::O_RDONLY | libc::O_NONBLOCK,
            libc::O_WRONLY | libc::O_DIRECT,
            libc::O_RDWR,
            libc::O_PATH,
        ]
        .map(|flags| handle(flags, "pipe:[99]", libc::S_IFIFO))
        .to_vec();
        let found = Found { key, name: "p".into(), path: None, handles: handles.iter().collect() };
        assert_eq!(ends(&found), (3, 2, true));
    }

    #[test]
    fn the_slots_and_bytes_add_up() {
        let contents = pipe::Contents { bytes: b"hello".to_vec(), slots: vec![2, 3], has_writer: true };
        let page = page_size();
        let fields = ring(Inside { bytes: 5, capacity: 16 * page, contents: Ok(contents), in_flight: None });
        let names: Vec<&str> = fields.iter().map(|f| f.name.as_ref()).collect();
        assert_eq!(names, ["bytes", "capacity", "slots", "slots used", "slot bytes", "holds"]);
        assert_eq!(fields[2].value, Value::Int(16));
        assert_eq!(fields[4].value, Value::List(vec![Value::Int(2), Value::Int(3)]));
        let hidden = ring(Inside { bytes: 5, capacity: page, contents: Err("why".into()), in_flight: None });
        assert!(hidden[3..].iter().all(|f| f.evidence == Evidence::Hidden && f.note.as_deref() == Some("why")));
    }

    #[test]
    fn judges_what_it_holds_and_its_end() {
        let object = |bytes: &[u8], total: u64, writers: i64| Object {
            name: "p".into(),
            key: ObjectKey { facility: "pipe".into(), dev: 14, ino: 99, offset: 0 },
            identifier: "none".into(),
            fields: vec![
                Field::kernel_int("bytes", total as i64),
                Field::new("holds", Value::Bytes { bytes: bytes.to_vec(), total }, Evidence::Kernel),
                Field::kernel_int("writers", writers),
            ],
            holders: vec![
                Holder { actor: "alice".into(), role: "write".into(), handle: "4".into() },
                Holder { actor: "bob".into(), role: "read".into(), handle: "3".into() },
            ],
            waiters: vec![],
        };
        let data = |text: &[u8]| [ArgValue::Expr(crate::script::Expr::Text(text.to_vec()))];
        let holds = |text: &[u8], object: &Object| check("holds", &data(text), object).unwrap();
        assert!(holds(b"hello", &object(b"hello", 5, 1)).met);
        let no = holds(b"hello", &object(b"hello there", 11, 1));
        assert!(!no.met && no.seen == "\"hello there\"", "{no:?}");
        assert!(!holds(b"he", &object(b"he", 100_000, 1)).met, "the head alone is not all of it");
        assert_eq!(holds(b"x", &object(b"", 0, 1)).seen, "nothing in it");
        let eof = |object: &Object| check("eof", &[], object).unwrap();
        assert!(eof(&object(b"", 0, 0)).met);
        assert_eq!(eof(&object(b"x", 1, 2)).seen, "1 byte and 2 writers");
        assert!(!eof(&object(b"", 0, 1)).met && !eof(&object(b"x", 1, 0)).met);
        assert_eq!(check("bytes", &[], &object(b"", 0, 0)), None);
        assert_eq!(wakers(&object(b"", 0, 1), "read"), ["alice"]);
        assert_eq!(wakers(&object(b"", 0, 1), "write"), ["bob"]);
        assert!(wakers(&object(b"", 0, 1), "open").is_empty());
    }

    #[test]
    fn shows_the_ends_once_they_exist() {
        let entered = Record { args: [0, 0, libc::O_NONBLOCK.into(), 0, 0, 0], entered_ns: 1, ..Record::default() };
        assert_eq!(Pipe.show("pipe2", &entered).args, "…, O_NONBLOCK");
        let done = Record { args: [3, 4, libc::O_NONBLOCK.into(), 0, 0, 0], returned_ns: 2, ..entered };
        assert_eq!(Pipe.show("pipe2", &done).args, "[3, 4], O_NONBLOCK");
        assert_eq!(Pipe.show("pipe", &done).args, "[3, 4]");
    }
}

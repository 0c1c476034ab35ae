//! Mappings, and plain access to memory: what a program does with memory once it is mapped.
//!
//! A load or store is one access of the machine and no system call, so a race is a real race, and an
//! address that leads nowhere ends the actor with the machine's own SIGSEGV or SIGBUS.

mod private;

use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, Look};
use super::perform::{Body, Bound, Given, Making, Names, Performer, Refusal};
use super::quantities::page_size;
use super::show::{self, Shown};
use super::table::{CALL, c, keyed, optional, required};
use super::{Card, ChangedBy, Facility, Judged, Reading, views};
use crate::kernel::arena::Record;
use crate::kernel::memory::{self, Width};
use crate::model::{Object, ObjectKey};
use crate::script::{ArgKind, ArgValue, CallSpec, Cmp, Data, IntType, Makes, PredicateArg, PredicateSpec, Wants};

/// Mappings and plain memory access.
#[derive(Debug)]
pub(super) struct Memory;

static CARD: Card = Card {
    id: "memory",
    title: "Memory",
    family: "mappings and plain memory access",
    what: "Pages of an object or of nothing laid into the address space of a process, used by loads and stores.",
    identifier: "none",
    handle: "address",
    persistence: "process",
    access: "the protection of the mapping, within what its descriptor was opened for",
    blocking: "never: a load or store does not enter the kernel",
    boundaries: "none: bytes at addresses",
    manual: &["mmap(2)", "munmap(2)", "mprotect(2)", "msync(2)"],
};

const PROT: &[(&str, i64)] = &[
    ("PROT_NONE", c(libc::PROT_NONE)),
    ("PROT_READ", c(libc::PROT_READ)),
    ("PROT_WRITE", c(libc::PROT_WRITE)),
    ("PROT_EXEC", c(libc::PROT_EXEC)),
];

/// No MAP_FIXED: it would tear out what the actor itself stands on.
const MAP: &[(&str, i64)] = &[
    ("MAP_SHARED", c(libc::MAP_SHARED)),
    ("MAP_PRIVATE", c(libc::MAP_PRIVATE)),
    ("MAP_ANONYMOUS", c(libc::MAP_ANONYMOUS)),
    ("MAP_NORESERVE", c(libc::MAP_NORESERVE)),
    ("MAP_POPULATE", c(libc::MAP_POPULATE)),
];

const MS: &[(&str, i64)] =
    &[("MS_SYNC", c(libc::MS_SYNC)), ("MS_ASYNC", c(libc::MS_ASYNC)), ("MS_INVALIDATE", c(libc::MS_INVALIDATE))];

const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "mmap",
        args: &[
            optional("fd", ArgKind::Descriptor(Wants::Any), "what to map; left out with MAP_ANONYMOUS"),
            required("length", ArgKind::Count, "how many bytes"),
            required("prot", ArgKind::Flags(PROT), "what may be done with the pages"),
            required("flags", ArgKind::Flags(MAP), "whether others see what is stored"),
            keyed("offset", ArgKind::Int, "where in the object to begin, a multiple of the page size"),
        ],
        doc: "Lays an object, or fresh memory, into the address space",
        man: "mmap(2)",
        c: "mmap(NULL, {length}, {prot}, {flags}, {fd=-1}, {offset=0})",
        makes: Makes::Memory,
        example: "alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m",
        ..CALL
    },
    CallSpec {
        name: "munmap",
        args: &[
            required("addr", ArgKind::Address, "where to begin"),
            optional("length", ArgKind::Count, "how many bytes; left out, to the end of the mapping"),
        ],
        doc: "Takes pages out of the address space",
        man: "munmap(2)",
        c: "munmap({addr}, {length=length})",
        example: "alice: munmap m",
        ..CALL
    },
    CallSpec {
        name: "mprotect",
        args: &[
            required("addr", ArgKind::Address, "where to begin"),
            required("length", ArgKind::Count, "how many bytes"),
            required("prot", ArgKind::Flags(PROT), "what may be done from now on"),
        ],
        doc: "Changes what may be done with pages",
        man: "mprotect(2)",
        c: "mprotect({addr}, {length}, {prot})",
        example: "alice: mprotect m 4096 PROT_READ",
        ..CALL
    },
    CallSpec {
        name: "msync",
        args: &[
            required("addr", ArgKind::Address, "where to begin"),
            required("length", ArgKind::Count, "how many bytes"),
            required("flags", ArgKind::Flags(MS), "whether to wait"),
        ],
        doc: "Writes changed pages back to their file",
        man: "msync(2)",
        c: "msync({addr}, {length}, {flags})",
        example: "alice: msync m 4096 MS_SYNC",
        ..CALL
    },
    CallSpec {
        name: "load",
        args: &[
            required("var", ArgKind::Variable, "takes the value"),
            required("place", ArgKind::Place, "where from: an integer, or a slice of bytes"),
        ],
        doc: "Loads an integer or bytes from memory: no system call",
        man: "mmap(2)",
        c: "{var} = {place}",
        syscall: false,
        example: "alice: load $x m[0]",
        ..CALL
    },
    CallSpec {
        name: "store",
        args: &[
            required("place", ArgKind::Place, "where to: an integer, or a slice of bytes"),
            required("value", ArgKind::Value, "what: a number, or data for a slice"),
        ],
        doc: "Stores an integer or bytes in memory: no system call",
        man: "mmap(2)",
        c: "{place} = {value}",
        syscall: false,
        example: "alice: store m[0] 1",
        ..CALL
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[
    Dialect {
        kind: "file-mapping",
        handle: "{o}m",
        ways: &[
            (
                Op::Make,
                &[
                    "{a}: open {o}f \"{o}\" O_RDWR|O_CREAT 0600",
                    "{a}: ftruncate {o}f pagesize",
                    "{a}: mmap {o}f pagesize PROT_READ|PROT_WRITE MAP_SHARED as {h}",
                ],
            ),
            (
                Op::Join,
                &["{a}: open {o}f \"{o}\" O_RDWR", "{a}: mmap {o}f pagesize PROT_READ|PROT_WRITE MAP_SHARED as {h}"],
            ),
            (Op::Send, &["{a}: store {h}[0..{len}] {data}"]),
            (Op::Receive, &["{a}: load $got {h}[0..{n}]"]),
            (Op::TryReceive, &["{a}: load $got {h}[0..{n}]"]),
            (Op::Remove, &["{a}: unlink \"{o}\""]),
        ],
    },
    Dialect {
        kind: "anonymous-mapping",
        handle: "{o}",
        ways: &[
            (Op::Make, &["{a}: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as {h}"]),
            (Op::Send, &["{a}: store {h}[0..{len}] {data}"]),
            (Op::Receive, &["{a}: load $got {h}[0..{n}]"]),
            (Op::TryReceive, &["{a}: load $got {h}[0..{n}]"]),
        ],
    },
];

/// What can be asked of private memory: what it has in common with other objects in memory.
const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "size",
        args: &[PredicateArg::Number],
        doc: "How many bytes it has, as far as it is mapped",
        example: "expect own size 4096",
    },
    PredicateSpec {
        word: "mapped",
        args: &[PredicateArg::Number],
        doc: "How many mappings there are of it",
        example: "expect own mapped 2",
    },
    views::PARTED,
];

impl Facility for Memory {
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

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        private::key(handle, &CARD)
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        private::read(found, look)
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        (word == "parted").then(|| views::check(args, object))
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "mmap" => {
                map(performer);
                Ok(())
            }
            "load" => load(performer),
            "store" => store(performer),
            _ => on_pages(verb, performer),
        }
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("mmap", libc::EACCES) => "the descriptor was not opened for what the mapping asks for",
            ("mmap", libc::EPERM) => "a seal forbids it",
            ("mmap", libc::ENODEV) => "what the descriptor leads to can't be mapped",
            ("mmap", libc::EINVAL) => {
                "a length of 0, an offset that is no multiple of the page size, or neither MAP_SHARED nor MAP_PRIVATE"
            }
            ("mprotect" | "msync", libc::ENOMEM) => "nothing is mapped there",
            ("mprotect", libc::EACCES) => "the object was not opened for that",
            ("munmap" | "mprotect" | "msync", libc::EINVAL) => {
                "the address is no multiple of the page size, or the flags exclude each other"
            }
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [a, b, third, fourth, fd, offset] = record.args;
        match verb {
            "mmap" => Shown {
                args: format!(
                    "{}, {b}, {}, {}, {fd}, {offset}",
                    address(a),
                    prot(third),
                    show::flags(fourth, MAP, None)
                ),
                result: (show::returned(record) && record.errno == 0).then(|| format!("{:#x}", record.ret)),
            },
            "munmap" => Shown::args(format!("{a:#x}, {b}")),
            "mprotect" => Shown::args(format!("{a:#x}, {b}, {}", prot(third))),
            "msync" => Shown::args(format!("{a:#x}, {b}, {}", show::flags(third, MS, None))),
            _ => access(verb, record),
        }
    }
}

/// What a finished call has done to the address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// The first address.
    pub start: u64,
    /// The one behind the last, at a page's end.
    pub end: u64,
    /// Whether anonymous private memory is there now.
    pub private: bool,
}

/// What a finished call has laid into the address space, or taken out of it.
pub(crate) fn mapped(verb: &str, record: &Record) -> Option<Mapped> {
    let [first, length, _, flags, ..] = record.args;
    let (start, private) = match verb {
        _ if record.errno != 0 => return None,
        "mmap" => (record.ret, flags & c(libc::MAP_PRIVATE) != 0 && flags & c(libc::MAP_ANONYMOUS) != 0),
        "munmap" => (first, false),
        _ => return None,
    };
    Some(Mapped { start: start as u64, end: start as u64 + round_up(length as u64), private })
}

fn prot(value: i64) -> String {
    if value == 0 { "PROT_NONE".to_owned() } else { show::flags(value, PROT, None) }
}

fn address(value: i64) -> String {
    if value == 0 { "NULL".to_owned() } else { format!("{value:#x}") }
}

/// Where the first mapping of a process is asked for: far from all that the loader, the allocator and libc use, in
/// every address space that the two machines have (39 bits on the smallest).
const FIRST: u64 = 64 << 30;
/// Processes begin this far apart, so that the same object lies at different addresses in different processes.
const APART: u64 = 4 << 30;
/// Mappings begin at multiples of this, so that an access beyond one reaches no other.
const GAP: u64 = 16 << 20;

/// The hint that mmap(2) gets instead of NULL. With NULL a learner's mapping would lie wall to wall with the actor's
/// own memory: a stray store would change that instead of ending in SIGSEGV, and addresses would differ each time. The
/// actor's slot tells it apart from others: unlike its pid it is the same whenever the same statements run.
fn hint(slot: u32, names: &Names) -> u64 {
    let first = FIRST + u64::from(slot % 64) * APART;
    let end = names.bound.values().filter_map(|bound| match bound {
        Bound::Memory(start, length) if (first..first + APART).contains(start) => Some(start + length),
        _ => None,
    });
    end.max().map_or(first, |end| (end / GAP + 1) * GAP)
}

/// A place where nothing is mapped and the next mapping of so many bytes would lie.
pub(super) fn free_place(body: &Body, length: u64) -> Option<u64> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let place = memory::mmap(hint(body.slot, &body.names), length, libc::PROT_NONE, flags, -1, 0).ok()?;
    memory::munmap(place, length).ok().map(|()| place)
}

fn map(performer: &mut Performer<'_>) {
    let length = performer.int("length", 0);
    let prot = performer.int("prot", 0);
    let flags = performer.int("flags", 0);
    let fd = performer.fd("fd");
    let offset = performer.int("offset", 0);
    let hint = hint(performer.body.slot, &performer.body.names);
    let making = Making::new([hint as i64, length, prot, flags, fd.into(), offset]);
    let made = performer.call(making, || {
        memory::mmap(hint, length as u64, prot as i32, flags as i32, fd, offset).map(|address| address as i64)
    });
    if let Ok(address) = made {
        let anonymous = flags & c(libc::MAP_ANONYMOUS) != 0;
        let object = if anonymous { performer.expr.bind.clone().unwrap_or_default() } else { String::new() };
        performer.bind("", &object, Bound::Memory(address as u64, length as u64));
    }
}

/// The calls on pages of a mapping: munmap, mprotect, msync.
fn on_pages(verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let address = performer.int("addr", 0) as u64;
    let room = room(address, &performer.body.names)
        .ok_or_else(|| Refusal::new(format!("{address:#x} lies in no mapping that has a name")))?;
    let length = performer.int("length", room as i64);
    if length as u64 > round_up(room) {
        return Err(Refusal::new(format!("{verb} of {length} bytes, and the mapping has {room} from there on"))
            .help("what lies beyond it belongs to the actor itself"));
    }
    let third = performer.int(if verb == "msync" { "flags" } else { "prot" }, 0);
    let making = Making::new([address as i64, length, third, 0, 0, 0]);
    let (length, third) = (length as u64, third as i32);
    // The errno is recorded; there is nothing else to do with it.
    let _ = performer.call(making, || {
        match verb {
            "munmap" => memory::munmap(address, length),
            "mprotect" => memory::mprotect(address, length, third),
            _ => memory::msync(address, length, third),
        }
        .map(|()| 0)
    });
    Ok(())
}

/// How many bytes the mapping has from `address` on; the longest answer where several names cover it.
fn room(address: u64, names: &Names) -> Option<u64> {
    names
        .bound
        .values()
        .filter_map(|bound| match bound {
            Bound::Memory(start, length) if *start <= address && address < start + length => {
                Some(start + length - address)
            }
            _ => None,
        })
        .max()
}

fn round_up(length: u64) -> u64 {
    length.next_multiple_of(page_size() as u64)
}

/// What an access is recorded as: index and value as numbers, the type or the length of a slice, and the name.
pub(super) struct Access {
    pub address: u64,
    pub ty: IntType,
    pub width: Width,
    pub slice: Option<u64>,
    index: i64,
    name: [i64; 3],
}

const SLICE: i64 = 8;

impl Access {
    pub(super) fn of(performer: &Performer<'_>) -> Result<Self, Refusal> {
        let written = performer.expr.args.iter().find_map(|arg| match &arg.value {
            ArgValue::Place(place) => Some(place),
            _ => None,
        });
        let (Some(place), Some(&Given::Place { address, ty, slice })) = (written, performer.given("place")) else {
            return Err(Refusal::new("a place in memory is needed").help("such as m[0] or m[0..5]"));
        };
        let base = match performer.body.names.bound.get(&place.base) {
            Some(Bound::Memory(base, _)) => *base,
            _ => 0,
        };
        let index = (address.wrapping_sub(base) as i64) / ty.size() as i64;
        let width = match ty {
            IntType::I8 | IntType::U8 => Width::W8,
            IntType::I16 | IntType::U16 => Width::W16,
            IntType::I32 | IntType::U32 => Width::W32,
            IntType::I64 | IntType::U64 => Width::W64,
        };
        Ok(Self { address, ty, width, slice, index, name: show::pack(&place.base) })
    }

    pub(super) const fn signed(&self) -> bool {
        matches!(self.ty, IntType::I8 | IntType::I16 | IntType::I32 | IntType::I64)
    }

    pub(super) fn making(&self, value: i64) -> Making<'static> {
        let kind = match self.slice {
            Some(length) => SLICE + length as i64,
            None => IntType::ALL.iter().position(|(ty, _)| *ty == self.ty).unwrap_or(0) as i64,
        };
        let [n0, n1, n2] = self.name;
        Making::new([self.index, kind, value, n0, n1, n2])
    }
}

fn load(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let access = Access::of(performer)?;
    let variable = performer.name("var").to_owned();
    performer.body.names.room(&variable, access.slice.unwrap_or(0) as usize)?;
    let data = match access.slice {
        Some(length) => {
            // Room is made before: to allocate may take a system call.
            let room = vec![0; length as usize];
            Data::Bytes(performer.machine_bytes(access.making(0), room, |to| memory::copy_out(access.address, to)))
        }
        None => Data::Int(
            performer.machine(access.making(0), || memory::load(access.address, access.width, access.signed())),
        ),
    };
    performer.body.names.variables.insert(variable, data);
    Ok(())
}

fn store(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let access = Access::of(performer)?;
    match (access.slice, performer.given("value")) {
        (Some(length), Some(Given::Bytes(bytes))) => {
            if bytes.len() as u64 > length {
                return Err(Refusal::new(format!("{} bytes do not fit in a slice of {length}", bytes.len())));
            }
            performer.machine(access.making(0).data(bytes), || {
                memory::copy_in(access.address, bytes);
                bytes.len() as i64
            });
        }
        (None, Some(Given::Int(value))) => {
            let value = narrowed(*value, access.ty);
            performer.machine(access.making(value), || {
                memory::store(access.address, access.width, value);
                value
            });
        }
        (Some(_), _) => {
            return Err(
                Refusal::new("a slice takes data, and this is a number").help("one integer is m[0], a byte m:u8[0]")
            );
        }
        (None, _) => {
            return Err(
                Refusal::new("an integer takes a number, and this is data").help("bytes go to a slice: m[0..5]")
            );
        }
    }
    Ok(())
}

/// What is left of a value in a variable of that type, sign and all.
pub(super) fn narrowed(value: i64, ty: IntType) -> i64 {
    match ty {
        IntType::I8 => i64::from(value as i8),
        IntType::U8 => i64::from(value as u8),
        IntType::I16 => i64::from(value as i16),
        IntType::U16 => i64::from(value as u16),
        IntType::I32 => i64::from(value as i32),
        IntType::U32 => i64::from(value as u32),
        IntType::I64 | IntType::U64 => value,
    }
}

/// The place of an access: `m[0]`. What stands above the lower half of the second argument is no part of its type.
pub(super) fn place(record: &Record) -> String {
    let [index, kind, _, n0, n1, n2] = record.args;
    let (name, kind) = (show::unpack([n0, n1, n2]), kind & 0xffff_ffff);
    match IntType::ALL.get(kind as usize) {
        Some((IntType::I32, _)) => format!("{name}[{index}]"),
        Some((_, ty)) => format!("{name}:{ty}[{index}]"),
        None => format!("{name}[{index}..{}]", index + (kind - SLICE)),
    }
}

/// How an access reads: `m[0]`, with what goes in.
fn access(verb: &str, record: &Record) -> Shown {
    let [_, kind, value, ..] = record.args;
    let place = place(record);
    let slice = kind >= SLICE;
    let args = match verb {
        "load" => place,
        "store" if slice => format!("{place}, {}", show::data(record)),
        _ => format!("{place}, {value}"),
    };
    let result = (verb == "load" && slice && show::returned(record)).then(|| show::data(record));
    Shown { args, result }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn shown(verb: &str, args: [i64; 6], ret: i64) -> String {
        let record = Record { args, ret, returned_ns: 1, ..Record::default() };
        let shown = Memory.show(verb, &record);
        format!("{verb}({}) = {}", shown.args, shown.result.unwrap_or_else(|| show::result(&record)))
    }

    #[test]
    fn reads_like_strace() {
        let rw = c(libc::PROT_READ | libc::PROT_WRITE);
        let [n0, n1, n2] = show::pack("m");
        let cases = [
            (
                shown("mmap", [0x10_0000_0000, 4096, rw, c(libc::MAP_SHARED), 3, 0], 0x10_0000_0000),
                "mmap(0x1000000000, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x1000000000",
            ),
            (
                shown("mmap", [0, 1, 0, c(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS), -1, 0], 0x2000),
                "mmap(NULL, 1, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x2000",
            ),
            (shown("munmap", [0x1000, 4096, 0, 0, 0, 0], 0), "munmap(0x1000, 4096) = 0"),
            (shown("mprotect", [0x1000, 4096, 1, 0, 0, 0], 0), "mprotect(0x1000, 4096, PROT_READ) = 0"),
            (shown("msync", [0x1000, 4096, c(libc::MS_SYNC), 0, 0, 0], 0), "msync(0x1000, 4096, MS_SYNC) = 0"),
            (shown("load", [3, 4, 0, n0, n1, n2], -7), "load(m[3]) = -7"),
            (shown("store", [0, 1, 255, n0, n1, n2], 255), "store(m:u8[0], 255) = 255"),
        ];
        for (seen, wanted) in cases {
            assert_eq!(seen, wanted);
        }
        let mut record = Record { args: [2, SLICE + 5, 0, n0, n1, n2], ret: 5, ..Record::default() };
        record.set_data(b"hello");
        assert_eq!(Memory.show("store", &record), Shown::args("m[2..7], \"hello\"".to_owned()));
        assert_eq!(Memory.show("load", &record), Shown::args("m[2..7]".to_owned()), "on its way");
        record.returned_ns = 1;
        assert_eq!(Memory.show("load", &record).result.as_deref(), Some("\"hello\""));
    }

    #[test]
    fn names_are_packed_and_come_back() {
        for name in ["", "m", "board", "exactly_24_bytes_of_name"] {
            assert_eq!(show::unpack(show::pack(name)), name);
        }
        assert_eq!(show::unpack(show::pack("a_name_of_thirty_two_bytes_in_all")), "a_name_of_thirty_two_…");
        assert_eq!(show::unpack(show::pack("ééééééééééééé")), "éééééééééé…");
    }

    #[test]
    fn values_are_cut_to_their_type() {
        let cases = [
            (IntType::U8, 256, 0),
            (IntType::I8, 255, -1),
            (IntType::U16, -1, 0xffff),
            (IntType::I32, 1 << 31, -(1 << 31)),
            (IntType::U32, -1, 0xffff_ffff),
            (IntType::I64, i64::MIN, i64::MIN),
        ];
        for (ty, value, left) in cases {
            assert_eq!(narrowed(value, ty), left, "{value} as {ty}");
        }
    }

    #[test]
    fn mappings_lie_apart() {
        let mut names = Names::default();
        assert_eq!(hint(64, &names), FIRST);
        assert_ne!(hint(64, &names), hint(65, &names));
        names.bound = BTreeMap::from([
            ("m".to_owned(), Bound::Memory(FIRST, 4096)),
            ("far".to_owned(), Bound::Memory(0x7f00_0000_0000, 4096)),
            ("p.r".to_owned(), Bound::Descriptor(3)),
        ]);
        assert_eq!(hint(64, &names), FIRST + GAP);
        assert_eq!(hint(65, &names), FIRST + APART);
        assert_eq!(room(FIRST + 96, &names), Some(4000));
        assert_eq!(room(FIRST + 4096, &names), None);
    }
}

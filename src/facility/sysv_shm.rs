//! System V shared memory: segments that outlive those who made them, until they are removed.
//!
//! To attach a segment only to read it would change what it counts, so its bytes are read through the mapping of an
//! actor that has it attached. Where nobody has, nobody can know them without a trace.

use std::cell::Cell;

use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, HandleKind, Look};
use super::memory::free_place;
use super::perform::{Bound, Making, Performer, Refusal};
use super::quantities::page_size;
use super::show::{self, Shown, returned};
use super::sysv::{self as common, GET_FLAGS, KEY, MODE, NAME, SET_GID, SET_MODE, SET_UID};
use super::table::{self, CALL, c, keyed, number, optional, required};
use super::{Card, Facility, Judged, Left, Reading, shm, views};
use crate::kernel::arena::Record;
use crate::kernel::sysv::{self, Kind, SHM_DEST, SHM_LOCKED, Segment};
use crate::model::{Evidence, Field, Object, ObjectKey, Value};
use crate::script::{ArgKind, ArgSpec, ArgValue, CallSpec, Cmp, Data, Makes, PredicateArg, PredicateSpec};

/// The System V shared memory segment.
#[derive(Debug)]
pub(super) struct SysvSegment;

static CARD: Card = Card {
    id: "sysv-shm",
    title: "System V shared memory",
    family: "communication / shared memory",
    what: "Pages that each process attaches to its memory: what one stores, the others load, without any call.",
    identifier: "key",
    handle: "id, then address",
    persistence: "kernel: until it is removed and nobody has it attached",
    access: "permissions of the segment, checked when it is attached",
    blocking: "never: it needs another facility to wait for each other",
    boundaries: "none: bytes at addresses",
    manual: &["sysvipc(7)", "shmget(2)", "shmop(2)", "shmctl(2)"],
};

/// How much of a segment is read.
const HEAD: u64 = 64 << 10;

/// No SHM_REMAP: it would tear out what the actor itself stands on.
const ATTACH_FLAGS: &[(&str, i64)] = &[("SHM_RDONLY", c(libc::SHM_RDONLY)), ("SHM_RND", c(libc::SHM_RND))];
const COMMANDS: &[(&str, i64)] = &[
    ("IPC_STAT", c(libc::IPC_STAT)),
    ("IPC_SET", c(libc::IPC_SET)),
    ("IPC_RMID", c(libc::IPC_RMID)),
    ("SHM_LOCK", c(libc::SHM_LOCK)),
    ("SHM_UNLOCK", c(libc::SHM_UNLOCK)),
];

const ID: ArgSpec = required("shmid", ArgKind::Id, "which segment");

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "shmget",
        args: &[
            NAME,
            optional("size", ArgKind::Count, "how many bytes a new segment has; 0 will do for one that exists"),
            optional("shmflg", ArgKind::Flags(GET_FLAGS), "whether to make it"),
            MODE,
            KEY,
        ],
        doc: "Gets the id of a segment by its key, or makes the segment, filled with zeros",
        man: "shmget(2)",
        c: "{name} = shmget({?key {key}?}{!key key_{name}!}, {size=0}, \
            {?shmflg {shmflg}|{mode=0600}?}{!shmflg {mode=0}!})",
        makes: Makes::Id,
        example: "alice: shmget board 4096 IPC_CREAT 0600",
        ..CALL
    },
    CallSpec {
        name: "shmat",
        args: &[
            ID,
            optional("shmflg", ArgKind::Flags(ATTACH_FLAGS), "whether it may only be read, or addr be rounded down"),
            keyed("addr", ArgKind::Int, "where, a multiple of the page size; left out, any free place"),
        ],
        doc: "Attaches a segment to the address space, and gives its address",
        man: "shmop(2)",
        c: "shmat({shmid}, {?addr (void *){addr}?}{!addr NULL!}, {shmflg=0})",
        makes: Makes::Memory,
        gives: true,
        example: "alice: shmat board SHM_RDONLY as m",
        ..CALL
    },
    CallSpec {
        name: "shmdt",
        args: &[required("shmaddr", ArgKind::Address, "where it begins")],
        doc: "Detaches a segment from the address space; the segment stays",
        man: "shmop(2)",
        c: "shmdt({shmaddr})",
        example: "alice: shmdt m",
        ..CALL
    },
    CallSpec {
        name: "shmctl",
        args: &[
            ID,
            required("cmd", ArgKind::Constant(COMMANDS), "tell about it, change it or remove it"),
            SET_MODE,
            SET_UID,
            SET_GID,
        ],
        doc: "Tells about a segment (and gives how often it is attached), changes it, or has it removed when the last \
              process detaches it",
        man: "shmctl(2)",
        c: "{?mode ds.shm_perm.mode = {mode}; ?}{?uid ds.shm_perm.uid = {uid}; ?}{?gid ds.shm_perm.gid = {gid}; ?}\
            shmctl({shmid}, {cmd}, &ds)",
        gives: true,
        example: "alice: shmctl board IPC_RMID",
        ..CALL
    },
];

static PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "holds",
        args: &[PredicateArg::Data],
        doc: "Its memory begins with these bytes",
        example: "expect board holds \"hello\"",
    },
    number("size", "How many bytes it has", "expect board size 4096"),
    number("nattch", "How many times it is attached", "expect board nattch 2"),
    PredicateSpec {
        word: "removed",
        args: &[],
        doc: "It goes when the last process detaches it",
        example: "expect board removed",
    },
    PredicateSpec {
        word: "cpid",
        args: &[PredicateArg::Actors],
        doc: "Who made it",
        example: "expect board cpid alice",
    },
    PredicateSpec {
        word: "lpid",
        args: &[PredicateArg::Actors],
        doc: "Who attached or detached it last",
        example: "expect board lpid bob",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "sysv-shm",
    handle: "{o}m",
    ways: &[
        (Op::Make, &["{a}: shmget {o} pagesize IPC_CREAT", "{a}: shmat {o} as {h}"]),
        (Op::Join, &["{a}: shmget {o} pagesize", "{a}: shmat {o} as {h}"]),
        (Op::Send, &["{a}: store {h}[0..{len}] {data}"]),
        (Op::Receive, &["{a}: load $got {h}[0..{n}]"]),
        (Op::TryReceive, &["{a}: load $got {h}[0..{n}]"]),
        (Op::Remove, &["{a}: shmctl {o} IPC_RMID"]),
    ],
}];

impl Facility for SysvSegment {
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
            "shmget" => {
                let size = performer.int("size", 0);
                return common::get(performer, "shmflg", size, |key, flags| sysv::shmget(key, size as usize, flags));
            }
            "shmat" => attach(performer),
            "shmdt" => {
                let address = performer.int("shmaddr", 0);
                let making = Making::new([address, 0, 0, 0, 0, 0]);
                let _ = performer.call(making, || sysv::shmdt(address as u64).map(|()| 0));
            }
            "shmctl" => control(performer),
            _ => return Err(Refusal::new(format!("{verb} is no call on System V shared memory"))),
        }
        Ok(())
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("shmdt", libc::EINVAL) => "no attachment begins at that address",
            ("shmat", libc::EINVAL) if record.args[1] != 0 => {
                "no such id, the address is no multiple of SHMLBA, or something is mapped there already"
            }
            ("shmat", libc::EACCES) => "the mode of the segment forbids it; SHM_RDONLY asks for less",
            ("shmget", libc::EINVAL) => "the segment there is smaller than was asked for, or the size is out of range",
            (_, libc::EIDRM | libc::EINVAL) => {
                "no segment has this id: it was removed, and the last who had it attached has gone"
            }
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [id, second, third, fourth, fifth, sixth] = record.args;
        let done = returned(record) && record.errno == 0;
        let board = common::shown_id(id);
        Shown::args(match verb {
            "shmget" => return common::show_get(record, true),
            "shmat" => {
                let address = if second == 0 { "NULL".to_owned() } else { format!("{second:#x}") };
                return Shown {
                    args: format!("{board}, {address}, {}", show::flags(third, ATTACH_FLAGS, None)),
                    result: done.then(|| format!("{:#x}", record.ret)),
                };
            }
            "shmdt" => format!("{id:#x}"),
            _ => match second as i32 {
                libc::IPC_STAT if done => {
                    format!("{board}, IPC_STAT, {{shm_segsz={third}, shm_nattch={fourth}, mode={}}}", show_mode(fifth))
                }
                libc::IPC_STAT => format!("{board}, IPC_STAT, …"),
                libc::IPC_SET => format!("{board}, IPC_SET, {}", common::show_change([-1, fourth, fifth, sixth])),
                _ => format!("{board}, {}, NULL", show::constant(second, COMMANDS)),
            },
        })
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        // The name is that of the key at the time when it was made; the inode is the id.
        let mapping = matches!(handle.kind, HandleKind::Mapping { .. });
        (mapping && handle.link.starts_with("/SYSV")).then(|| ObjectKey::of_id(CARD.id, handle.ino as i32))
    }

    fn numbered(&self, look: &mut Look<'_>) -> Vec<ObjectKey> {
        let all = || sysv::segments().into_iter().map(|segment| segment.id).collect();
        common::numbered(CARD.id, look, all, |id| sysv::segment_of(id).is_some())
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let id = common::id_of(&found.key);
        let Some(segment) = sysv::segment_of(id) else {
            return Reading { identifier: format!("id {id}"), ..Reading::default() };
        };
        let flag = |bit: u32| Value::Text(if segment.permissions.mode & bit == 0 { "no" } else { "yes" }.to_owned());
        let mut fields = vec![
            memory(&segment, found, look),
            Field::kernel_int("size", segment.size as i64),
            Field::kernel_int("nattch", segment.nattch as i64),
            Field::new("removed", flag(SHM_DEST), Evidence::Kernel),
            Field::new("locked", flag(SHM_LOCKED), Evidence::Kernel),
            Field::new("cpid", Value::Text(look.who(segment.cpid)), Evidence::Kernel),
            Field::new("lpid", Value::Text(look.who(segment.lpid)), Evidence::Kernel),
            Field::kernel_int("atime", segment.atime),
            Field::kernel_int("dtime", segment.dtime),
            Field::kernel_int("ctime", segment.ctime),
        ];
        fields.extend(views::views(found, look, None));
        fields.extend(common::permission_fields(&segment.permissions));
        Reading { identifier: common::identifier(&segment.permissions, id), fields, ..Reading::default() }
    }

    fn remove_left(&self, left: &Left) -> usize {
        common::remove_left(Kind::Segments, CARD.id, left)
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        match word {
            "holds" => Some(shm::begins("memory", args, object)),
            "removed" => {
                let met = object.value("removed").as_text() == Some("yes");
                let seen = if met { "it goes with the last who detaches it" } else { "nobody has removed it" };
                Some(Judged { met, seen: seen.to_owned(), field: "removed" })
            }
            _ => None,
        }
    }
}

fn attach(performer: &mut Performer<'_>) {
    let (id, flags) = (performer.int("shmid", -1), performer.int("shmflg", 0));
    let size = sysv::segment_stat(id as i32).map_or(0, |segment| segment.size);
    // Where the learner names no place, one far from what the actor itself stands on, as for mmap.
    let address = if performer.has("addr") {
        performer.int("addr", 0) as u64
    } else if size == 0 {
        0
    } else {
        free_place(performer.body, size).unwrap_or(0)
    };
    let making = Making::new([id, address as i64, flags, size as i64, 0, 0]);
    let made = performer.call(making, || sysv::shmat(id as i32, address, flags as i32).map(|at| at as i64));
    if let Ok(at) = made {
        // It may be attached though its size may not be asked for.
        let length = if size == 0 { page_size() as u64 } else { size };
        performer.bind("", "", Bound::Memory(at as u64, length));
        performer.deliver(Data::Int(at));
    }
}

fn control(performer: &mut Performer<'_>) {
    let (id, command) = (performer.int("shmid", -1), performer.int("cmd", 0));
    let change = common::change(performer);
    let told = Cell::new(Segment::default());
    let [_, mode, uid, gid] = if command as i32 == libc::IPC_SET { common::recorded(change) } else { [0; 4] };
    let result = performer.call_then(
        Making::new([id, command, 0, mode, uid, gid]),
        || {
            let id = id as i32;
            match command as i32 {
                libc::IPC_STAT => sysv::segment_stat(id).map(|segment| told.set(segment)),
                libc::IPC_SET => sysv::segment_set(id, change),
                libc::SHM_LOCK => sysv::segment_lock(id, true),
                libc::SHM_UNLOCK => sysv::segment_lock(id, false),
                _ => sysv::remove(Kind::Segments, id),
            }
            .map(|()| 0)
        },
        |record| {
            if command as i32 == libc::IPC_STAT {
                let segment = told.get();
                let mode = i64::from(segment.permissions.mode);
                record.args[2..5].copy_from_slice(&[segment.size as i64, segment.nattch as i64, mode]);
            }
        },
    );
    if result.is_ok() && command as i32 == libc::IPC_STAT {
        performer.deliver(Data::Int(told.get().nattch as i64));
    }
}

/// Permissions with the flags that stand beyond them.
fn show_mode(mode: i64) -> String {
    let flags = [("SHM_DEST", SHM_DEST), ("SHM_LOCKED", SHM_LOCKED)];
    let set = flags.iter().filter(|(_, bit)| mode & i64::from(*bit) != 0).map(|(name, _)| format!("{name}|"));
    set.collect::<String>() + &table::mode(mode & 0o777)
}

fn memory(segment: &Segment, found: &Found<'_>, look: &Look<'_>) -> Field {
    if segment.nattch == 0 {
        return Field::hidden("memory", "nobody has it attached, and to attach it would change its counters");
    }
    let length = segment.size.min(HEAD) as usize;
    let bytes = found.mapped_at(0).and_then(|(pid, address)| look.memory(pid, address, length).ok());
    match bytes {
        Some(bytes) => Field::new("memory", Value::Bytes { bytes, total: segment.size }, Evidence::Kernel),
        None => Field::hidden("memory", "nobody on stage has it attached for reading"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(verb: &str, args: &[i64], ret: i64) -> (String, Option<String>) {
        let mut six = [0; 6];
        six[..args.len()].copy_from_slice(args);
        let record = Record { args: six, ret, entered_ns: 1, returned_ns: 2, ..Record::default() };
        let shown = SysvSegment.show(verb, &record);
        (shown.args, shown.result)
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let at = |args: &[i64]| shown("shmat", args, 0x10_0000_0000);
        assert_eq!(at(&[5, 0, 0]), ("5<id>, NULL, 0".to_owned(), Some("0x1000000000".to_owned())));
        assert_eq!(at(&[5, 0x1000, c(libc::SHM_RDONLY)]).0, "5<id>, 0x1000, SHM_RDONLY");
        assert_eq!(shown("shmdt", &[0x1000], 0).0, "0x1000");
        let rows: &[(&[i64], &str)] = &[
            (&[5, c(libc::IPC_RMID)], "5<id>, IPC_RMID, NULL"),
            (&[5, c(libc::SHM_LOCK)], "5<id>, SHM_LOCK, NULL"),
            (&[5, c(libc::IPC_SET), 0, 0o640, -1, -1], "5<id>, IPC_SET, {mode=0640}"),
            (
                &[5, c(libc::IPC_STAT), 4096, 2, i64::from(SHM_DEST) | 0o600],
                "5<id>, IPC_STAT, {shm_segsz=4096, shm_nattch=2, mode=SHM_DEST|0600}",
            ),
        ];
        for (args, expected) in rows {
            assert_eq!(shown("shmctl", args, 0).0, *expected);
        }
    }

    #[test]
    fn mappings_of_segments_are_known_by_their_id() {
        let ground = Ground { directory: std::path::Path::new("/stage"), shm_dev: 25 };
        let kind = HandleKind::Mapping { start: 0x1000, end: 0x2000, offset: 0, perms: "rw-s".to_owned() };
        let handle = |link: &str| Handle { pid: 2, dev: 1, ino: 32773, link: link.to_owned(), kind: kind.clone() };
        let claimed = SysvSegment.claim(&handle("/SYSV00005eed (deleted)"), &ground);
        assert_eq!(claimed, Some(ObjectKey::of_id(CARD.id, 32773)));
        assert_eq!(SysvSegment.claim(&handle("/dev/zero (deleted)"), &ground), None);
    }
}

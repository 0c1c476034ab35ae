//! POSIX semaphores: named ones, and unnamed ones inside shared memory.

use super::deed::{Deed, Through};
use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, HandleKind, Look};
use super::perform::{Bound, Making, Performer, Refusal};
use super::shm::{SHM, files, head, identifier, open, posix};
use super::show::{self, Shown};
use super::table::{self, CALL, c, optional, required};
use super::undefined::{Intent, Place};
use super::{Card, ChangedBy, Facility, Inside, Reading};
use crate::kernel::arena::Record;
use crate::kernel::sem;
use crate::model::{Evidence, Field, Object, ObjectKey, Snapshot, Value};
use crate::script::{ArgKind, CallSpec, Data, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn};

/// POSIX semaphores.
#[derive(Debug)]
pub(super) struct Semaphore;

static CARD: Card = Card {
    id: "semaphore",
    title: "Semaphores",
    family: "synchronization / semaphore",
    what: "A number that nobody can take below 0: who would must wait until another adds to it.",
    identifier: "name, or an address in shared memory",
    handle: "address",
    persistence: "kernel for a named one, until it is unlinked and closed; else as long as its memory",
    access: "the mode of the named object, or of the memory it lies in",
    blocking: "sem_wait while the value is 0; sem_timedwait for so long at most",
    boundaries: "none: it carries a count, no data",
    manual: &["sem_overview(7)", "sem_open(3)", "sem_init(3)", "sem_post(3)", "sem_wait(3)"],
};

/// The flags that sem_open(3) heeds; it always opens for reading and writing.
const FLAGS: &[(&str, i64)] = &[("O_CREAT", c(libc::O_CREAT)), ("O_EXCL", c(libc::O_EXCL))];

const SEM: crate::script::ArgSpec = required("sem", ArgKind::Address, "the semaphore: its name, or m+64");

/// glibc sleeps on the word of the value.
const SLEEPS: &[Sleeps] = &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: "decrease" }];

const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "sem_open",
        args: &[
            required("name", ArgKind::ObjectName, "the semaphore, with or without the slash that C wants"),
            optional("oflag", ArgKind::Flags(FLAGS), "whether to make it"),
            optional("mode", ArgKind::Mode, "permissions of a new one; left out, 0600"),
            table::keyed("value", ArgKind::Count, "value of a new one; left out, 0"),
        ],
        doc: "Opens a named semaphore, or makes it",
        man: "sem_open(3)",
        c: "{name} = sem_open(\"/{name}\", {oflag=0}{?oflag , {mode=0600}, {value=0}?})",
        makes: Makes::Memory,
        example: "alice: sem_open s O_CREAT 0600 value=1",
        ..CALL
    },
    CallSpec {
        name: "sem_init",
        args: &[
            required("sem", ArgKind::Address, "where it shall lie: an address in a mapping, a multiple of 8"),
            required("pshared", ArgKind::Int, "1 if processes share it, 0 if only threads do"),
            required("value", ArgKind::Count, "its first value"),
        ],
        doc: "Makes an unnamed semaphore in memory",
        man: "sem_init(3)",
        c: "sem_init({?as {as} = ?}{sem}, {pshared}, {value})",
        makes: Makes::Memory,
        example: "alice: sem_init m+64 1 3 as s",
        ..CALL
    },
    CallSpec {
        name: "sem_post",
        args: &[SEM],
        doc: "Adds 1, and wakes one who waits",
        man: "sem_post(3)",
        c: "sem_post({sem})",
        example: "alice: sem_post s",
        ..CALL
    },
    CallSpec {
        name: "sem_wait",
        args: &[SEM],
        doc: "Takes 1 away, and waits while there is none",
        man: "sem_wait(3)",
        c: "sem_wait({sem})",
        sleeps: SLEEPS,
        example: "bob: sem_wait s",
        ..CALL
    },
    CallSpec {
        name: "sem_trywait",
        args: &[SEM],
        doc: "Takes 1 away, or fails with EAGAIN if there is none",
        man: "sem_trywait(3)",
        c: "sem_trywait({sem})",
        example: "bob: sem_trywait s",
        ..CALL
    },
    CallSpec {
        name: "sem_timedwait",
        args: &[SEM, required("limit", ArgKind::Duration, "how long from now; C wants the time of day when it ends")],
        doc: "Takes 1 away, and waits at most for so long while there is none",
        man: "sem_timedwait(3)",
        c: "sem_timedwait({sem}, &deadline /* now + {limit} */)",
        sleeps: SLEEPS,
        example: "bob: sem_timedwait s 500ms",
        ..CALL
    },
    CallSpec {
        name: "sem_getvalue",
        args: &[SEM],
        doc: "Reads the value, which may have changed by then",
        man: "sem_getvalue(3)",
        c: "sem_getvalue({sem}, &value)",
        gives: true,
        example: "bob: sem_getvalue s -> $value",
        ..CALL
    },
    CallSpec {
        name: "sem_close",
        args: &[SEM],
        doc: "Closes a named semaphore",
        man: "sem_close(3)",
        c: "sem_close({sem})",
        example: "bob: sem_close s",
        ..CALL
    },
    CallSpec {
        name: "sem_unlink",
        args: &[required("name", ArgKind::ObjectName, "the semaphore")],
        doc: "Takes a semaphore's name away; those who have it open keep it",
        man: "sem_unlink(3)",
        c: "sem_unlink(\"/{name}\")",
        example: "alice: sem_unlink s",
        ..CALL
    },
    CallSpec {
        name: "sem_destroy",
        args: &[SEM],
        doc: "Ends the use of an unnamed semaphore",
        man: "sem_destroy(3)",
        c: "sem_destroy({sem})",
        example: "alice: sem_destroy s",
        ..CALL
    },
];

const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "pshared",
        args: &[PredicateArg::Number],
        doc: "1 if processes share it, 0 if only threads do",
        example: "expect s pshared 1",
    },
    PredicateSpec {
        word: "nwaiters",
        args: &[PredicateArg::Number],
        doc: "How many glibc has counted as waiting",
        example: "expect s nwaiters 1",
    },
    PredicateSpec {
        word: "value",
        args: &[PredicateArg::Number],
        doc: "What the number is",
        example: "expect s value 0",
    },
    PredicateSpec {
        word: "waiting",
        args: &[PredicateArg::Number],
        doc: "How many sleep on it",
        example: "expect s waiting 1",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "posix-semaphore",
    handle: "{o}",
    ways: &[
        (Op::Make, &["{a}: sem_open {h} O_CREAT 0600 value=1"]),
        (Op::Join, &["{a}: sem_open {h}"]),
        (Op::Take, &["{a}: sem_wait {h}"]),
        (Op::TryTake, &["{a}: sem_trywait {h}"]),
        (Op::Give, &["{a}: sem_post {h}"]),
        (Op::Remove, &["{a}: sem_unlink {o}"]),
    ],
}];

impl Facility for Semaphore {
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
            "sem_open" => sem_open(performer),
            "sem_unlink" => {
                let plain = performer.name("name");
                let name = performer.posix_name(plain)?;
                let making = Making::new([0; 6]).data(plain.as_bytes());
                // The errno is recorded; there is nothing else to do with it.
                let _ = performer.call(making, || sem::sem_unlink(&name).map(|()| 0));
                Ok(())
            }
            "sem_init" => sem_init(performer),
            _ => on_address(verb, performer),
        }
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("sem_trywait", libc::EAGAIN) => "the value is 0, and the call does not wait",
            ("sem_timedwait", libc::ETIMEDOUT) => "the time is up, and nobody has posted",
            ("sem_post", libc::EOVERFLOW) => "the value is SEM_VALUE_MAX already",
            ("sem_open" | "sem_init", libc::EINVAL) => "the value is larger than SEM_VALUE_MAX, or the name is none",
            ("sem_open", libc::ENOENT) => "no semaphore has this name, and O_CREAT was not asked for",
            ("sem_open", libc::EEXIST) => "there is such a semaphore already, and O_EXCL wants a new one",
            ("sem_open", libc::EACCES) => "there is such a semaphore, and its mode does not let the caller open it",
            ("sem_unlink", libc::ENOENT) => "no semaphore has this name",
            ("sem_unlink", libc::EACCES | libc::EPERM) => "only the semaphore's owner may take its name away",
            ("sem_open" | "sem_unlink", libc::ENAMETOOLONG) => "a semaphore's name has at most 251 bytes",
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn undefined(&self, verb: &str, intent: &Intent<'_>) -> Option<String> {
        match intent.place("sem", CARD.id) {
            Place::Nothing(at) if !matches!(verb, "sem_init" | "sem_open" | "sem_unlink") => {
                Some(format!("no semaphore was initialized at {at}, or it was destroyed"))
            }
            Place::Object(object) if verb == "sem_destroy" && !object.waiters.is_empty() => {
                Some(format!("somebody waits for {}", object.name))
            }
            _ => None,
        }
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [address, second, third, n0, n1, n2] = record.args;
        let name = || match show::unpack([n0, n1, n2]) {
            name if name.is_empty() => format!("{address:#x}"),
            name => name,
        };
        match verb {
            "sem_open" => Shown {
                args: format!("{}, {}, {}, {n0}", posix(record), show::flags(second, FLAGS, None), table::mode(third)),
                result: (show::returned(record) && record.errno == 0).then(|| format!("{:#x}", record.ret)),
            },
            "sem_unlink" => Shown::args(posix(record)),
            "sem_init" => Shown::args(format!("{}, {second}, {third}", name())),
            "sem_timedwait" => Shown::args(format!("{}, now + {}", name(), crate::script::Expr::Duration(second))),
            "sem_getvalue" if !show::returned(record) => Shown::args(format!("{}, …", name())),
            "sem_getvalue" => Shown::args(format!("{}, [{second}]", name())),
            _ => Shown::args(name()),
        }
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        let semaphore = handle.link.strip_prefix(SHM)?.starts_with("sem.");
        semaphore.then(|| key(handle.dev, handle.ino))
    }

    fn inside(&self, verb: &str) -> Inside {
        match verb {
            "sem_init" => Inside::Begins,
            "sem_destroy" => Inside::Ends,
            _ => Inside::Nothing,
        }
    }

    fn size(&self) -> u64 {
        sem::SEM_SIZE as u64
    }

    fn named(&self, look: &mut Look<'_>) -> Vec<Found<'static>> {
        files(look.tag, is_semaphore)
            .into_iter()
            .map(|(name, path, stat)| Found {
                key: key(stat.st_dev, stat.st_ino),
                name,
                path: Some(path),
                handles: Vec::new(),
            })
            .collect()
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let named = found.path.is_some() || found.handles.iter().any(|h| h.link.starts_with("/dev/shm/sem."));
        let mut fields = Vec::new();
        match words(found, look) {
            Ok(words) => fields.extend([
                Field::kernel_int("value", words.value.into()),
                Field::kernel_int("waiting", waiting(found, look) as i64),
                Field::kernel_int("nwaiters", words.waiters.into())
                    .noted("the word by which glibc decides to wake; it stays too high when a waiter is killed"),
                Field::kernel_int("pshared", words.shared.into()),
            ]),
            Err(why) => {
                fields.extend([Field::hidden("value", why), Field::kernel_int("waiting", waiting(found, look) as i64)]);
            }
        }
        fields.push(Field::new("named", Value::Text(if named { "yes" } else { "no" }.to_owned()), Evidence::Kernel));
        if !named {
            let base = identifier(found, look.tag);
            return Reading { identifier: format!("{base}+{}", found.key.offset), fields, ..Reading::default() };
        }
        // A semaphore is made under another name and linked: what /proc says of its maker's mapping is that name.
        let stat = found.path.as_deref().and_then(|path| nix::sys::stat::lstat(path).ok());
        let stat = stat.filter(|stat| (stat.st_dev, stat.st_ino) == (found.key.dev, found.key.ino));
        if let Some(stat) = &stat {
            fields.push(Field::new("mode", Value::Text(table::mode(stat.st_mode.into())), Evidence::Kernel));
        }
        let identifier = stat.map_or_else(|| "unlinked".to_owned(), |_| identifier(found, look.tag));
        Reading { identifier, fields, ..Reading::default() }
    }

    fn accounted(&self) -> &'static [&'static str] {
        &["sem_init", "sem_post", "sem_wait", "sem_trywait", "sem_timedwait"]
    }

    fn deed(&self, verb: &str, record: &Record) -> Option<Deed> {
        let on = Through::Address(record.args[0] as u64);
        (record.errno == 0).then_some(match verb {
            "sem_init" => Deed::Reset(on),
            "sem_post" => Deed::Units(on, -1),
            _ => Deed::Units(on, 1),
        })
    }

    fn wakers(&self, object: &Object, waiter: &str, _direction: &str, snapshot: &Snapshot) -> Vec<String> {
        super::pthread::others(object, waiter, snapshot)
    }
}

fn key(dev: u64, ino: u64) -> ObjectKey {
    ObjectKey { facility: CARD.id.into(), dev, ino, offset: 0 }
}

fn is_semaphore(file: &str) -> bool {
    file.starts_with("sem.")
}

/// The argument as written, for the record; numbers tell a reader little.
fn written(performer: &Performer<'_>) -> [i64; 3] {
    let value = performer.expr.args.iter().find(|arg| arg.name == "sem").map(|arg| &arg.value);
    show::pack(&value.map(ToString::to_string).unwrap_or_default())
}

fn sem_open(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let plain = performer.name("name");
    let name = performer.posix_name(plain)?;
    let (flags, mode) = (performer.int("oflag", 0), performer.int("mode", 0o600));
    let value = performer.int("value", 0);
    let making = Making::new([0, flags, mode, value, 0, 0]).data(plain.as_bytes());
    let opened = performer.call(making, || {
        sem::sem_open(&name, flags as i32, mode as u32, unsigned(value)).map(|address| address as i64)
    });
    if let Ok(address) = opened {
        let plain = plain.trim_start_matches('/');
        performer.bind(plain, plain, Bound::Memory(address as u64, sem::SEM_SIZE as u64));
    }
    Ok(())
}

/// What C makes an unsigned int of; too large a value stays too large.
fn unsigned(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn sem_init(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let address = aligned(performer)?;
    let (shared, value) = (performer.int("pshared", 0), performer.int("value", 0));
    let [n0, n1, n2] = written(performer);
    let making = Making::new([address as i64, shared, value, n0, n1, n2]);
    if performer.call(making, || sem::sem_init(address, shared != 0, unsigned(value)).map(|()| 0)).is_ok() {
        let object = performer.expr.bind.clone().unwrap_or_default();
        performer.made_inside(&object, Bound::Memory(address, sem::SEM_SIZE as u64));
    }
    Ok(())
}

fn aligned(performer: &Performer<'_>) -> Result<u64, Refusal> {
    let address = performer.int("sem", 0) as u64;
    if address.is_multiple_of(8) {
        return Ok(address);
    }
    Err(Refusal::new("a sem_t lies at a multiple of 8 bytes").help("such as m+64"))
}

/// The calls on a semaphore that exists.
fn on_address(verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let address = aligned(performer)?;
    let [n0, n1, n2] = written(performer);
    let plain = Making::new([address as i64, 0, 0, n0, n1, n2]);
    // The errno is recorded; there is nothing else to do with it.
    let _ = match verb {
        "sem_post" => performer.call(plain, || sem::sem_post(address).map(|()| 0)),
        "sem_wait" => performer.call(plain, || sem::sem_wait(address).map(|()| 0)),
        "sem_trywait" => performer.call(plain, || sem::sem_trywait(address).map(|()| 0)),
        "sem_timedwait" => {
            let limit = performer.int("limit", 0);
            let making = Making::new([address as i64, limit, 0, n0, n1, n2]).within(limit);
            performer.call(making, || sem::sem_timedwait(address, limit.max(0) as u64).map(|()| 0))
        }
        "sem_getvalue" => {
            let value = std::cell::Cell::new(0);
            let read = performer.call_then(
                plain,
                || sem::sem_getvalue(address).map(|seen| value.set(seen.into())).map(|()| 0),
                |record| record.args[1] = value.get(),
            );
            if read.is_ok() {
                performer.deliver(Data::Int(value.get()));
            }
            read
        }
        "sem_close" => performer.call(plain, || sem::sem_close(address).map(|()| 0)),
        _ => {
            let ended = performer.call(plain, || sem::sem_destroy(address).map(|()| 0));
            if ended.is_ok() {
                performer.made_inside("", Bound::Memory(address, 0));
            }
            ended
        }
    };
    Ok(())
}

/// What glibc keeps in a sem_t on 64-bit machines since 2.21: the value, how many wait, and whether it is shared.
struct Words {
    value: u32,
    waiters: u32,
    shared: bool,
}

impl Words {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        Some(Self { value: word(0)?, waiters: word(4)?, shared: word(8)? != 0 })
    }
}

fn words(found: &Found<'_>, look: &Look<'_>) -> Result<Words, &'static str> {
    if !sem::layout_is_known() {
        return Err("this C library keeps a semaphore in another way");
    }
    let in_memory = found.place().and_then(|(pid, address)| look.memory(pid, address, sem::SEM_SIZE).ok());
    let bytes = in_memory.or_else(|| {
        let file = open(found, look)?;
        head(&file, found.key.offset + sem::SEM_SIZE as u64)?.get(found.key.offset as usize..).map(<[u8]>::to_vec)
    });
    bytes.and_then(|bytes| Words::parse(&bytes)).ok_or("no actor has it mapped for reading")
}

/// How many sleep on it: those whose futex address leads to it, whatever its words say.
fn waiting(found: &Found<'_>, look: &Look<'_>) -> usize {
    look.asleep.iter().filter(|a| a.nr == libc::SYS_futex && leads_here(found, a.pid, a.args[0])).count()
}

fn leads_here(found: &Found<'_>, pid: i32, address: u64) -> bool {
    found.handles.iter().any(|h| match h.kind {
        HandleKind::Mapping { start, end, offset, .. } => {
            let private = pid as u64 == found.key.dev && address == found.key.ino;
            let shared = offset + address.saturating_sub(start) == found.key.offset;
            h.pid == pid && (start..end).contains(&address) && (shared || private)
        }
        HandleKind::Descriptor { .. } => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(verb: &str, record: &Record) -> String {
        let shown = Semaphore.show(verb, record);
        format!("{verb}({}) = {}", shown.args, shown.result.unwrap_or_else(|| show::result(record)))
    }

    #[test]
    fn reads_like_strace() {
        let mut record = Record {
            args: [0, c(libc::O_CREAT | libc::O_EXCL), 0o600, 3, 0, 0],
            ret: 0x7f00_0000_1000,
            returned_ns: 1,
            ..Record::default()
        };
        record.set_data(b"s");
        assert_eq!(shown("sem_open", &record), "sem_open(\"/s\", O_CREAT|O_EXCL, 0600, 3) = 0x7f0000001000");
        assert_eq!(shown("sem_unlink", &Record { ret: 0, ..record }), "sem_unlink(\"/s\") = 0");

        let [n0, n1, n2] = show::pack("m+64");
        let record = Record { args: [0x1040, 1, 3, n0, n1, n2], returned_ns: 1, ..Record::default() };
        assert_eq!(shown("sem_init", &record), "sem_init(m+64, 1, 3) = 0");
        assert_eq!(shown("sem_getvalue", &record), "sem_getvalue(m+64, [1]) = 0");
        assert_eq!(Semaphore.show("sem_getvalue", &Record { returned_ns: 0, ..record }).args, "m+64, …");
        let timed = Record { args: [0x1040, 500_000_000, 0, n0, n1, n2], ret: -1, errno: libc::ETIMEDOUT, ..record };
        assert_eq!(
            shown("sem_timedwait", &timed),
            "sem_timedwait(m+64, now + 500ms) = -1 ETIMEDOUT (Connection timed out)"
        );
        assert_eq!(
            Semaphore.show("sem_post", &Record { args: [0x100_0040, 0, 0, 0, 0, 0], ..record }).args,
            "0x1000040"
        );
    }

    #[test]
    fn the_words_of_glibc() {
        let three_wait = [0_u32, 3, 0x80, 0].map(u32::to_le_bytes).concat();
        let words = Words::parse(&three_wait).unwrap();
        assert_eq!((words.value, words.waiters, words.shared), (0, 3, true));
        assert!(!Words::parse(&[0; 32]).unwrap().shared);
        assert!(Words::parse(&[0; 11]).is_none());
    }

    fn mapping(pid: i32, start: u64, offset: u64, link: &str) -> Handle {
        let kind = HandleKind::Mapping { start, end: start + 4096, offset, perms: "rw-s".to_owned() };
        Handle { pid, dev: 25, ino: 7, link: link.to_owned(), kind }
    }

    #[test]
    fn named_ones_are_found_by_their_file() {
        let ground = Ground { directory: std::path::Path::new("/stage"), shm_dev: 25 };
        let claimed = |link: &str| Semaphore.claim(&mapping(2, 0x1000, 0, link), &ground);
        assert_eq!(claimed("/dev/shm/sem.ZZb7cE (deleted)"), Some(key(25, 7)));
        assert_eq!(claimed("/dev/shm/sem.s"), Some(key(25, 7)));
        assert_eq!(claimed("/dev/shm/board"), None);
        assert_eq!(claimed("/stage/sem.s"), None);
    }

    #[test]
    fn an_address_leads_to_one_semaphore() {
        let handles = [mapping(2, 0x1000, 0, "/dev/shm/board"), mapping(3, 0x9000, 4096, "/dev/shm/board")];
        let at = |offset| Found {
            key: ObjectKey { offset, ..key(25, 7) },
            name: "s".to_owned(),
            path: None,
            handles: handles.iter().collect(),
        };
        assert!(leads_here(&at(64), 2, 0x1040));
        assert!(!leads_here(&at(64), 3, 0x9040), "the second page");
        assert!(leads_here(&at(4096 + 64), 3, 0x9040));
        assert!(!leads_here(&at(64), 4, 0x1040), "another process");
        assert!(!leads_here(&at(64), 2, 0x1048));
    }
}

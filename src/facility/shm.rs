//! POSIX shared memory, and every other mapping that several processes share.

use std::os::fd::{IntoRawFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{FileStat, Mode};

use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, HandleKind, Look};
use super::perform::{Bound, Making, Performer, Refusal};
use super::show::{self, Shown};
use super::table::{self, CALL, OPEN_FLAGS, optional, required};
use super::{Card, ChangedBy, Facility, Judged, Reading, judge, views};
use crate::kernel::arena::Record;
use crate::kernel::memory::{shm_open, shm_unlink};
use crate::model::{Evidence, Field, Object, ObjectKey, Value};
use crate::script::{ArgKind, ArgValue, CallSpec, Cmp, Makes, PredicateArg, PredicateSpec};

/// POSIX shared memory and shared mappings.
#[derive(Debug)]
pub(super) struct Shm;

/// How much of a segment is read.
const HEAD: u64 = 64 << 10;
/// Where the segments are files, see shm_overview(7).
pub(super) const SHM: &str = "/dev/shm/";
const DELETED: &str = " (deleted)";

static CARD: Card = Card {
    id: "shm",
    title: "Shared memory",
    family: "communication / shared memory",
    what: "The same pages laid into several processes: what one stores, the others load, without any call.",
    identifier: "name",
    handle: "descriptor, then address",
    persistence: "kernel: until it is unlinked and nobody has it open or mapped",
    access: "the mode of the object, checked when it is opened",
    blocking: "never: it needs another facility to wait for each other",
    boundaries: "none: bytes at addresses",
    manual: &["shm_overview(7)", "shm_open(3)", "mmap(2)", "ftruncate(2)"],
};

const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "shm_open",
        args: &[
            required("name", ArgKind::ObjectName, "the object, with or without the slash that C wants"),
            required("oflag", ArgKind::Flags(OPEN_FLAGS), "how to open it"),
            optional("mode", ArgKind::Mode, "permissions of a new one; left out, 0600"),
        ],
        doc: "Opens a shared memory object, or makes one of 0 bytes",
        man: "shm_open(3)",
        c: "{name} = shm_open(\"/{name}\", {oflag}, {mode=0600})",
        makes: Makes::Descriptor,
        example: "alice: shm_open board O_CREAT|O_RDWR 0600",
        ..CALL
    },
    CallSpec {
        name: "shm_unlink",
        args: &[required("name", ArgKind::ObjectName, "the object")],
        doc: "Takes a shared memory object's name away; those who have it keep it",
        man: "shm_unlink(3)",
        c: "shm_unlink(\"/{name}\")",
        example: "alice: shm_unlink board",
        ..CALL
    },
    CallSpec {
        name: "memfd_create",
        args: &[
            required("name", ArgKind::ObjectName, "what /proc shall call it; nobody can open it by that"),
            optional("flags", ArgKind::Flags(MEMFD_FLAGS), "whether it may be sealed"),
        ],
        doc: "Makes memory of 0 bytes that has a descriptor and no name: others get it by inheriting or being sent it",
        man: "memfd_create(2)",
        c: "{name} = memfd_create(\"{name}\", {flags=0})",
        makes: Makes::Descriptor,
        example: "alice: memfd_create board MFD_ALLOW_SEALING",
        ..CALL
    },
];

const fn c(value: u32) -> i64 {
    value as i64
}

const MEMFD_FLAGS: &[(&str, i64)] =
    &[("MFD_CLOEXEC", c(libc::MFD_CLOEXEC)), ("MFD_ALLOW_SEALING", c(libc::MFD_ALLOW_SEALING))];

/// What F_ADD_SEALS forbids from then on, see fcntl(2).
pub(super) const SEALS: &[(&str, i64)] = &[
    ("F_SEAL_SEAL", libc::F_SEAL_SEAL as i64),
    ("F_SEAL_SHRINK", libc::F_SEAL_SHRINK as i64),
    ("F_SEAL_GROW", libc::F_SEAL_GROW as i64),
    ("F_SEAL_WRITE", libc::F_SEAL_WRITE as i64),
    ("F_SEAL_FUTURE_WRITE", libc::F_SEAL_FUTURE_WRITE as i64),
];

const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "holds",
        args: &[PredicateArg::Data],
        doc: "Its memory begins with these bytes",
        example: "expect board holds \"hello\"",
    },
    PredicateSpec {
        word: "size",
        args: &[PredicateArg::Number],
        doc: "How many bytes it has",
        example: "expect board size 4096",
    },
    PredicateSpec {
        word: "mapped",
        args: &[PredicateArg::Number],
        doc: "How many mappings there are of it",
        example: "expect board mapped 2",
    },
    PredicateSpec {
        word: "seals",
        args: &[PredicateArg::Data],
        doc: "What can't be done to it any more: `none`, or seals with | between them",
        example: "expect board seals \"F_SEAL_WRITE\"",
    },
    views::PARTED,
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "posix-shm",
    handle: "{o}m",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: shm_open {o} O_RDWR|O_CREAT 0600",
                "{a}: ftruncate {o} pagesize",
                "{a}: mmap {o} pagesize PROT_READ|PROT_WRITE MAP_SHARED as {h}",
            ],
        ),
        (Op::Join, &["{a}: shm_open {o} O_RDWR", "{a}: mmap {o} pagesize PROT_READ|PROT_WRITE MAP_SHARED as {h}"]),
        (Op::Send, &["{a}: store {h}[0..{len}] {data}"]),
        (Op::Receive, &["{a}: load $got {h}[0..{n}]"]),
        (Op::TryReceive, &["{a}: load $got {h}[0..{n}]"]),
        (Op::Remove, &["{a}: shm_unlink {o}"]),
    ],
}];

impl Facility for Shm {
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
        let plain = performer.name("name");
        if verb == "memfd_create" {
            return memfd(plain, performer);
        }
        let name = performer.posix_name(plain)?;
        if verb == "shm_unlink" {
            // The errno is recorded; there is nothing else to do with it.
            let _ = performer.call(Making::new([0; 6]).data(plain.as_bytes()), || shm_unlink(&name).map(|()| 0));
            return Ok(());
        }
        let flags = performer.int("oflag", 0);
        let mode = performer.int("mode", 0o600);
        let making = Making::new([0, flags, mode, 0, 0, 0]).data(plain.as_bytes());
        let opened = performer.call(making, || shm_open(&name, flags as i32, mode as u32).map(i64::from));
        if let Ok(fd) = opened {
            let plain = plain.trim_start_matches('/');
            performer.bind(plain, plain, Bound::Descriptor(fd as i32));
        }
        Ok(())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let name = posix(record);
        let [_, flags, mode, ..] = record.args;
        Shown::args(match verb {
            "shm_open" => format!("{name}, {}, {}", table::open_flags(flags), table::mode(mode)),
            "memfd_create" => format!("{}, {}", show::data(record), show::flags(flags, MEMFD_FLAGS, None)),
            _ => name,
        })
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("shm_open", libc::ENOENT) => "no memory has this name, and O_CREAT was not asked for",
            ("shm_open", libc::EEXIST) => "there is such memory already, and O_EXCL wants a new one",
            ("shm_open", libc::EACCES) => "there is such memory, and its mode does not let the caller open it so",
            ("shm_open", libc::EINVAL) => "this is no name of memory, or these flags do not go together",
            ("shm_unlink", libc::ENOENT) => "no memory has this name",
            ("shm_unlink", libc::EACCES | libc::EPERM) => "only the memory's owner may take its name away",
            ("shm_open" | "shm_unlink", libc::ENAMETOOLONG) => "the name of shared memory has at most 255 bytes",
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        let link = handle.link.as_str();
        let segment = link.strip_prefix(SHM).is_some_and(|name| !name.starts_with("sem."));
        let memfd = link.starts_with("/memfd:") && !link.starts_with("/memfd:ipclab-");
        let anonymous = link == "/dev/zero (deleted)";
        let regular = match handle.kind {
            HandleKind::Descriptor { mode, .. } => mode & libc::S_IFMT == libc::S_IFREG,
            HandleKind::Mapping { .. } => true,
        };
        (regular && (segment || memfd || anonymous)).then(|| key(handle.dev, handle.ino))
    }

    fn named(&self, look: &mut Look<'_>) -> Vec<Found<'static>> {
        files(look.tag, |name| !name.starts_with("sem."))
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
        let mapped = found.handles.iter().filter(|h| matches!(h.kind, HandleKind::Mapping { .. })).count();
        let file = open(found, look);
        let stat = file.as_ref().and_then(|file| nix::sys::stat::fstat(file).ok());
        let mut fields = Vec::new();
        let size = if let Some(stat) = &stat {
            fields.push(Field::kernel_int("size", stat.st_size));
            stat.st_size as u64
        } else {
            let extent = extent(found);
            fields.push(
                Field::kernel_int("size", extent as i64)
                    .noted("the extent of its mappings: no name and no readable descriptor leads to it any more"),
            );
            extent
        };
        let bytes = memory(found, look, file.as_ref(), size);
        let views = views::views(found, look, bytes.as_deref());
        fields.push(match bytes {
            Some(bytes) => Field::new("memory", Value::Bytes { bytes, total: size }, Evidence::Kernel),
            None => Field::hidden("memory", "nobody on stage can read it"),
        });
        fields.push(Field::kernel_int("mapped", mapped as i64));
        fields.push(Field::new("kind", Value::Text(kind(found).to_owned()), Evidence::Kernel));
        fields.extend(views);
        fields.extend(file.as_ref().filter(|_| kind(found) == "memfd").and_then(seals));
        if let Some(stat) = stat {
            fields.push(Field::new("mode", Value::Text(table::mode(stat.st_mode.into())), Evidence::Kernel));
        }
        Reading { identifier: identifier(found, look.tag), fields, ..Reading::default() }
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        match word {
            "holds" => Some(begins("memory", args, object)),
            "parted" => Some(views::check(args, object)),
            _ => None,
        }
    }
}

fn memfd(plain: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let flags = performer.int("flags", 0);
    let name = std::ffi::CString::new(plain).map_err(|_nul| Refusal::new("a name can't hold a NUL byte"))?;
    let making = Making::new([0, flags, 0, 0, 0, 0]).data(plain.as_bytes());
    let made = performer.call(making, || {
        memfd_create(name.as_c_str(), MFdFlags::from_bits_retain(flags as u32)).map(|fd| fd.into_raw_fd().into())
    });
    if let Ok(fd) = made {
        performer.bind(plain, plain, Bound::Descriptor(fd as i32));
    }
    Ok(())
}

fn seals(file: &OwnedFd) -> Option<Field> {
    let seals = nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_GET_SEALS).ok()?;
    Some(Field::new("seals", Value::Text(shown_seals(seals.into())), Evidence::Kernel))
}

/// Seals in words: `F_SEAL_SHRINK|F_SEAL_WRITE`, or `none`.
pub(super) fn shown_seals(seals: i64) -> String {
    if seals == 0 { "none".to_owned() } else { show::flags(seals, SEALS, None) }
}

fn key(dev: u64, ino: u64) -> ObjectKey {
    ObjectKey { facility: CARD.id.into(), dev, ino, offset: 0 }
}

/// The name that a record of a call on a POSIX name carries, as C writes it.
pub(super) fn posix(record: &Record) -> String {
    let name = record.bytes().strip_prefix(b"/").unwrap_or(record.bytes());
    show::text(&[b"/", name].concat(), name.len() as u64 + 1, 64)
}

/// The regular files of /dev/shm that belong to the stage and pass: the learner's name, path and stat of each, by name.
pub(super) fn files(tag: &str, wanted: impl Fn(&str) -> bool) -> Vec<(String, String, FileStat)> {
    let Ok(directory) = std::fs::read_dir(SHM) else { return Vec::new() };
    let mut files: Vec<_> = directory
        .filter_map(|entry| {
            let file = entry.ok()?.file_name().into_string().ok()?;
            let name = without_tag(&file, tag).filter(|_| wanted(&file))?;
            let path = format!("{SHM}{file}");
            let stat = nix::sys::stat::lstat(path.as_str()).ok()?;
            (stat.st_mode & libc::S_IFMT == libc::S_IFREG).then_some((name, path, stat))
        })
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

/// What the learner calls a file of /dev/shm; `None` if it is not the stage's.
fn without_tag(file: &str, tag: &str) -> Option<String> {
    let semaphore = file.strip_prefix("sem.");
    semaphore.unwrap_or(file).strip_prefix(tag).map(str::to_owned)
}

/// The name with its slash, as the learner gave it; what /proc says for an object that never had one.
pub(super) fn identifier(found: &Found<'_>, tag: &str) -> String {
    let link = found.path.as_deref().or_else(|| found.handles.first().map(|h| h.link.as_str())).unwrap_or_default();
    match link.strip_prefix(SHM) {
        Some(file) => {
            let (file, gone) = file.strip_suffix(DELETED).map_or((file, ""), |file| (file, DELETED));
            format!("/{}{gone}", without_tag(file, tag).unwrap_or_else(|| file.to_owned()))
        }
        None if link == "/dev/zero (deleted)" => "anonymous".to_owned(),
        None => link.strip_suffix(DELETED).unwrap_or(link).to_owned(),
    }
}

/// The object itself, to be read and closed at once: a borrowed descriptor, or its name if that still leads to it.
pub(super) fn open(found: &Found<'_>, look: &Look<'_>) -> Option<OwnedFd> {
    if let Some(file) = found.readable().and_then(|(pid, fd)| look.borrow(pid, fd).ok()) {
        return Some(file);
    }
    let links = found.handles.iter().map(|h| h.link.as_str());
    found.path.as_deref().into_iter().chain(links).filter(|link| link.starts_with('/')).find_map(|path| {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let stat = nix::sys::stat::lstat(path).ok()?;
        let same = (stat.st_dev, stat.st_ino) == (found.key.dev, found.key.ino);
        // What stands under the name now may be a FIFO, and to open one is to be its reader.
        let regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
        if same && regular { nix::fcntl::open(path, flags, Mode::empty()).ok() } else { None }
    })
}

/// The first `most` bytes of a file.
pub(super) fn head(file: &OwnedFd, most: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; most as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match nix::sys::uio::pread(file, &mut bytes[filled..], filled as i64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(filled);
    Some(bytes)
}

/// How it came to be: its link tells.
fn kind(found: &Found<'_>) -> &'static str {
    match found.handles.first().map(|h| h.link.as_str()) {
        Some(link) if link.starts_with("/memfd:") => "memfd",
        Some("/dev/zero (deleted)") => "anonymous",
        _ => "POSIX",
    }
}

/// How far the mappings of an object reach.
fn extent(found: &Found<'_>) -> u64 {
    let ends = found.handles.iter().map(|h| match h.kind {
        HandleKind::Mapping { start, end, offset, .. } => offset + (end - start),
        HandleKind::Descriptor { .. } => 0,
    });
    ends.max().unwrap_or(0)
}

fn memory(found: &Found<'_>, look: &Look<'_>, file: Option<&OwnedFd>, size: u64) -> Option<Vec<u8>> {
    let most = size.min(HEAD);
    if most == 0 {
        return Some(Vec::new());
    }
    if let Some(bytes) = file.and_then(|file| head(file, most)) {
        return Some(bytes);
    }
    // A private mapping shows its owner's copies, not the object.
    let shared: Vec<&Handle> = found
        .handles
        .iter()
        .copied()
        .filter(|h| matches!(&h.kind, HandleKind::Mapping { perms, .. } if perms.ends_with('s')))
        .collect();
    let shared = Found { key: found.key.clone(), name: String::new(), path: None, handles: shared };
    let (pid, address) = shared.mapped_at(0)?;
    look.memory(pid, address, most as usize).ok()
}

/// Whether a field of bytes begins with the data at `args[0]`.
pub(super) fn begins(field: &'static str, args: &[ArgValue], object: &Object) -> Judged {
    let wanted = match judge::data(args, 0) {
        Ok(wanted) => wanted,
        Err(why) => return Judged { met: false, seen: why, field },
    };
    match object.value(field).as_bytes() {
        Some((bytes, total)) => {
            let head = &bytes[..bytes.len().min(wanted.len())];
            Judged { met: head == wanted, seen: judge::shown(head, total.min(head.len() as u64)), field }
        }
        None => Judged { met: false, seen: "nothing that could be read".to_owned(), field },
    }
}

//! Regular files of the stage's directory, and the locks on them.

mod join;
mod lease;

use super::deed::{Deed, Owner, Through};
use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, HandleKind, Look};
use super::perform::{Given, Making, Performer, Refusal};
use super::shm::{head, open};
use super::show::{self, Shown};
use super::table::{self, CALL, c, required};
use super::{Card, ChangedBy, Facility, Judged, Reading, judge, views};
use crate::kernel::arena::Record;
use crate::kernel::borrow;
use crate::kernel::lock::{self, FLOCK_SIZE, LockCommand, RecordLock};
use crate::kernel::proc::{LockEntry, LockKind};
use crate::model::{Evidence, Field, Holder, Object, ObjectKey, Snapshot, Value};
use crate::script::{ArgKind, ArgValue, CallSpec, Cmp, Data, PredicateArg, PredicateSpec, Sleeps, WaitsOn, Wants};
use join::{Lock, Seen, Wait, join, range};
pub(super) use lease::{LEASE_COMMANDS, fcntl_lease, is_lease_command, show_lease};

/// Regular files and their locks.
#[derive(Debug)]
pub(super) struct FileLock;

/// How much of a file is read.
const HEAD: u64 = 4 << 10;

static CARD: Card = Card {
    id: "file",
    title: "Files and file locks",
    family: "synchronization / file lock; communication / data transfer / file",
    what: "Bytes under a path, and locks on them that only those heed who ask for them too.",
    identifier: "path",
    handle: "descriptor",
    persistence: "file system for the bytes; a lock goes with its owner at the latest",
    access: "the mode of the file; a read lock needs a readable descriptor, a write lock a writable one",
    blocking: "flock and F_SETLKW while a lock of another owner is in the way; open while somebody has a lease on it",
    boundaries: "none: bytes at offsets",
    manual: &["flock(2)", "fcntl_locking(2)", "open(2)"],
};

const OPERATIONS: &[(&str, i64)] = &[
    ("LOCK_SH", c(libc::LOCK_SH)),
    ("LOCK_EX", c(libc::LOCK_EX)),
    ("LOCK_UN", c(libc::LOCK_UN)),
    ("LOCK_NB", c(libc::LOCK_NB)),
];

/// The commands of fcntl(2) on record locks.
pub(super) const LOCK_COMMANDS: &[(&str, i64)] = &[
    ("F_GETLK", c(libc::F_GETLK)),
    ("F_SETLK", c(libc::F_SETLK)),
    ("F_SETLKW", c(libc::F_SETLKW)),
    ("F_OFD_GETLK", c(libc::F_OFD_GETLK)),
    ("F_OFD_SETLK", c(libc::F_OFD_SETLK)),
    ("F_OFD_SETLKW", c(libc::F_OFD_SETLKW)),
];

/// Whether a command of fcntl(2) is one of them.
pub(super) fn is_lock_command(cmd: i64) -> bool {
    LOCK_COMMANDS.iter().any(|(_, number)| *number == cmd)
}

/// What a record lock may be.
pub(super) const LOCK_TYPES: &[(&str, i64)] =
    &[("F_RDLCK", libc::F_RDLCK as i64), ("F_WRLCK", libc::F_WRLCK as i64), ("F_UNLCK", libc::F_UNLCK as i64)];

/// How fcntl(2) shows while it waits for a lock.
pub(super) const LOCK_SLEEPS: Sleeps =
    Sleeps { syscall: libc::SYS_fcntl, on: WaitsOn::Descriptor(0), direction: "lock" };

const CALLS: &[CallSpec] = &[CallSpec {
    name: "flock",
    args: &[
        required("fd", ArgKind::Descriptor(Wants::Any), "the file"),
        required("operation", ArgKind::Flags(OPERATIONS), "LOCK_SH, LOCK_EX or LOCK_UN, and LOCK_NB not to wait"),
    ],
    doc: "Locks or unlocks a whole file for an open file description",
    man: "flock(2)",
    c: "flock({fd}, {operation})",
    sleeps: &[Sleeps { syscall: libc::SYS_flock, on: WaitsOn::Descriptor(0), direction: "lock" }],
    example: "alice: flock f LOCK_EX",
    ..CALL
}];

const LOCK_ARGS: &[PredicateArg] = &[PredicateArg::Range, PredicateArg::By];

const PREDICATES: &[PredicateSpec] = &[
    PredicateSpec { word: "locked", args: &[], doc: "Somebody holds a lock on it", example: "expect f locked" },
    PredicateSpec { word: "unlocked", args: &[], doc: "Nobody holds a lock on it", example: "expect f unlocked" },
    PredicateSpec {
        word: "write-locked",
        args: LOCK_ARGS,
        doc: "All of these bytes are locked against all others, by that actor",
        example: "expect f write-locked 0..100 by alice",
    },
    PredicateSpec {
        word: "read-locked",
        args: LOCK_ARGS,
        doc: "All of these bytes are locked against writers, by that actor",
        example: "expect f read-locked 0..100 by bob",
    },
    PredicateSpec {
        word: "size",
        args: &[PredicateArg::Number],
        doc: "How many bytes it has",
        example: "expect f size 5",
    },
    PredicateSpec {
        word: "holds",
        args: &[PredicateArg::Data],
        doc: "Its bytes are exactly these",
        example: "expect f holds \"hello\"",
    },
    PredicateSpec {
        word: "leased",
        args: &[PredicateArg::By],
        doc: "That actor has a lease on it, or somebody has",
        example: "expect f leased by alice",
    },
    PredicateSpec {
        word: "breaking",
        args: &[],
        doc: "Whoever has a lease on it has been told to give it up",
        example: "expect f breaking",
    },
    views::PARTED,
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[
    Dialect {
        kind: "record-lock",
        handle: "{o}f",
        ways: &[
            (Op::Make, &["{a}: open {h} \"{o}\" O_RDWR|O_CREAT 0600"]),
            (Op::Join, &["{a}: open {h} \"{o}\" O_RDWR"]),
            (Op::Take, &["{a}: fcntl {h} F_SETLKW F_WRLCK"]),
            (Op::TryTake, &["{a}: fcntl {h} F_SETLK F_WRLCK"]),
            (Op::Give, &["{a}: fcntl {h} F_SETLK F_UNLCK"]),
            (Op::Remove, &["{a}: unlink \"{o}\""]),
        ],
    },
    Dialect {
        kind: "description-lock",
        handle: "{o}f",
        ways: &[
            (Op::Make, &["{a}: open {h} \"{o}\" O_RDWR|O_CREAT 0600"]),
            (Op::Join, &["{a}: open {h} \"{o}\" O_RDWR"]),
            (Op::Take, &["{a}: flock {h} LOCK_EX"]),
            (Op::TryTake, &["{a}: flock {h} LOCK_EX|LOCK_NB"]),
            (Op::Give, &["{a}: flock {h} LOCK_UN"]),
            (Op::Remove, &["{a}: unlink \"{o}\""]),
        ],
    },
];

impl Facility for FileLock {
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
        let (fd, operation) = (performer.fd("fd"), performer.int("operation", 0));
        let making = Making::new([fd.into(), operation, 0, 0, 0, 0]);
        // The errno is recorded; there is nothing else to do with it.
        let _ = performer.call(making, || lock::flock(fd, operation as i32).map(|()| 0));
        Ok(())
    }

    fn means(&self, _verb: &str, record: &Record) -> Option<String> {
        let words = match record.errno {
            libc::EWOULDBLOCK => "another open file description has a lock on it",
            libc::EINVAL => "the operation is LOCK_SH, LOCK_EX or LOCK_UN",
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn show(&self, _verb: &str, record: &Record) -> Shown {
        Shown::args(format!("{}, {}", record.args[0], show::flags(record.args[1], OPERATIONS, None)))
    }

    fn claim(&self, handle: &Handle, ground: &Ground<'_>) -> Option<ObjectKey> {
        let regular = match handle.kind {
            HandleKind::Descriptor { mode, .. } => mode & libc::S_IFMT == libc::S_IFREG,
            HandleKind::Mapping { .. } => true,
        };
        (regular && ground.within(&handle.link).is_some()).then(|| key(handle.dev, handle.ino))
    }

    fn named(&self, look: &mut Look<'_>) -> Vec<Found<'static>> {
        let Ok(directory) = std::fs::read_dir(look.directory) else { return Vec::new() };
        let mut files: Vec<Found<'static>> = directory
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                let path = look.directory.join(&name);
                let stat = nix::sys::stat::lstat(&path).ok()?;
                let regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
                regular.then(|| Found {
                    key: key(stat.st_dev, stat.st_ino),
                    path: path.to_str().map(str::to_owned),
                    name,
                    handles: Vec::new(),
                })
            })
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let leased = lease::leased(found, look);
        let mut fields = contents(found, look, leased);
        let locks = locks(found, look);
        let held = |lock: &Lock| {
            let handle = format!("{} {}", join::kind_word(lock.kind), range(lock.start, lock.end));
            let owners = lock.owners.clone();
            let role = if lock.kind == LockKind::Lease { "lease" } else { "lock" };
            owners.into_iter().map(move |actor| Holder { actor, role: role.into(), handle: handle.clone() })
        };
        let holders = locks.iter().flat_map(held).collect();
        let queue: Vec<String> = locks.iter().flat_map(|lock| &lock.waits).map(|wait| wait.actor.clone()).collect();
        let values = locks.iter().map(Lock::value).collect();
        fields.insert(2, Field::new("locks", Value::List(values), Evidence::Kernel));
        let bytes = fields.iter().find_map(|f| f.value.as_bytes()).map(|(bytes, _)| bytes);
        fields.extend(views::views(found, look, bytes));
        let ground = Ground { directory: look.directory, shm_dev: look.shm_dev };
        let links = found.handles.iter().map(|h| h.link.as_str());
        let path = found.path.as_deref().into_iter().chain(links).find_map(|link| ground.within(link));
        Reading {
            identifier: path.unwrap_or_default().to_owned(),
            fields,
            holders,
            queue: (!queue.is_empty()).then_some(queue),
            // It is broken by whoever would open the file, and in the end by the clock.
            fleeting: leased,
        }
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        match word {
            "holds" => Some(judge::holds("holds", args, object)),
            "parted" => Some(views::check(args, object)),
            "locked" | "unlocked" | "write-locked" | "read-locked" | "leased" | "breaking" => {
                let locks: Vec<Lock> = object.value("locks").as_list().iter().filter_map(Lock::from_value).collect();
                let words: Vec<String> = locks.iter().map(Lock::in_words).collect();
                let seen = if words.is_empty() { "no lock on it".to_owned() } else { words.join("; ") };
                Some(match judged(word, args, &locks) {
                    Ok(met) => Judged { met, seen, field: "locks" },
                    Err(why) => Judged { met: false, seen: why, field: "locks" },
                })
            }
            _ => None,
        }
    }

    fn only_they(&self, _object: &Object, direction: &str, snapshot: &Snapshot) -> bool {
        // Who is sent a descriptor can unlock what was locked through it.
        direction == "lock" && !super::unix::descriptors_travel(snapshot)
    }

    fn wakers(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<String> {
        // Who waits behind a lock of its own, taken through another description, is its own waker: nobody else can.
        let mut names: Vec<String> = Vec::new();
        for owner in self.groups(object, waiter, direction, snapshot).into_iter().flatten() {
            if !names.contains(&owner) {
                names.push(owner);
            }
        }
        names
    }

    fn groups(&self, object: &Object, waiter: &str, _direction: &str, _snapshot: &Snapshot) -> Vec<Vec<String>> {
        let locks: Vec<Lock> = object.value("locks").as_list().iter().filter_map(Lock::from_value).collect();
        let Some(wait) = locks.iter().flat_map(|lock| &lock.waits).find(|wait| wait.actor == waiter) else {
            return Vec::new();
        };
        locks.iter().filter(|lock| lock.stops(wait)).map(|lock| lock.owners.clone()).collect()
    }

    fn accounted(&self) -> &'static [&'static str] {
        &["flock"]
    }

    fn deed(&self, _verb: &str, record: &Record) -> Option<Deed> {
        let [fd, operation, ..] = record.args;
        let (on, owner, extent) = (Through::Descriptor(fd as i32), Owner::Description, (0, None));
        let operation = operation as i32 & !libc::LOCK_NB;
        if operation == libc::LOCK_UN {
            return (record.errno == 0).then_some(Deed::Unlock { on, owner, extent });
        }
        Some(Deed::Lock { on, owner, extent, what: "flock".to_owned() })
    }
}

/// What a command of fcntl(2) on record locks did.
pub(super) fn lock_deed(record: &Record) -> Option<Deed> {
    let [fd, cmd, kind, start, len, _] = record.args;
    let owner = match LockCommand::from_number(cmd as i32)? {
        LockCommand::Set | LockCommand::SetWait => Owner::Process,
        LockCommand::OfdSet | LockCommand::OfdSetWait => Owner::Description,
        LockCommand::Get | LockCommand::OfdGet => return None,
    };
    let on = Through::Descriptor(fd as i32);
    let start = start as u64;
    let extent = (start, (len > 0).then(|| start.saturating_add(len as u64 - 1)));
    if kind == i64::from(libc::F_UNLCK) {
        return (record.errno == 0).then_some(Deed::Unlock { on, owner, extent });
    }
    Some(Deed::Lock { on, owner, extent, what: range(extent.0, extent.1) })
}

fn key(dev: u64, ino: u64) -> ObjectKey {
    ObjectKey { facility: CARD.id.into(), dev, ino, offset: 0 }
}

/// Size, head and mode.
fn contents(found: &Found<'_>, look: &Look<'_>, leased: bool) -> Vec<Field> {
    // To open it by its name would break the lease.
    let borrowed = || found.readable().and_then(|(pid, fd)| look.borrow(pid, fd).ok());
    let file = if leased { borrowed() } else { open(found, look) };
    let unreadable = || {
        let (pid, fd) = found.descriptor(|_| true)?;
        look.borrow(pid, fd).ok()
    };
    let stat = match &file {
        Some(file) => nix::sys::stat::fstat(file).ok(),
        None => unreadable().and_then(|file| nix::sys::stat::fstat(file).ok()),
    };
    let Some(stat) = stat else {
        let why = "no name and no descriptor leads to it any more";
        return vec![Field::hidden("size", why), Field::hidden("holds", why)];
    };
    let holds = match file.and_then(|file| head(&file, HEAD.min(stat.st_size as u64))) {
        Some(bytes) => Field::new("holds", Value::Bytes { bytes, total: stat.st_size as u64 }, Evidence::Kernel),
        None if leased => {
            Field::hidden("holds", "nobody has it open for reading, and to open it would break the lease")
        }
        None => Field::hidden("holds", "nobody on stage has it open for reading, and it has no name"),
    };
    let mode = Field::new("mode", Value::Text(table::mode(stat.st_mode.into())), Evidence::Kernel);
    vec![Field::kernel_int("size", stat.st_size), holds, mode]
}

fn locks(found: &Found<'_>, look: &mut Look<'_>) -> Vec<Lock> {
    let file = (found.key.dev, found.key.ino);
    let here: Vec<LockEntry> = look.locks().iter().filter(|l| (l.dev(), l.ino) == file).cloned().collect();
    let descriptors: Vec<(i32, i32)> = found
        .handles
        .iter()
        .filter_map(|h| match h.kind {
            HandleKind::Descriptor { fd, .. } => Some((h.pid, fd)),
            HandleKind::Mapping { .. } => None,
        })
        .collect();
    let name = |pid: i32| look.actor(pid).map_or_else(|| format!("pid {pid}"), str::to_owned);
    let mut seen: Vec<Seen> = Vec::new();
    let mut descriptions: Vec<(i32, i32)> = Vec::new();
    for &(pid, fd) in &descriptors {
        let lines = look.fdinfo(pid, fd).map(|info| info.locks).unwrap_or_default();
        if lines.is_empty() {
            continue;
        }
        let same = |other: &(i32, i32)| borrow::kcmp_file((pid, fd), *other) == Ok(std::cmp::Ordering::Equal);
        let description = descriptions.iter().position(same).unwrap_or_else(|| {
            descriptions.push((pid, fd));
            descriptions.len() - 1
        });
        seen.extend(lines.into_iter().map(|line| Seen { owner: name(pid), description, line }));
    }
    let mut asleep: Vec<Wait> = look
        .asleep
        .iter()
        .filter(|a| descriptors.contains(&(a.pid, a.args[0] as i32)))
        .filter_map(|a| match a.nr {
            libc::SYS_flock => {
                let write = a.args[1] as i32 & libc::LOCK_EX != 0;
                Some(Wait::flock(&a.actor, write))
            }
            libc::SYS_fcntl => {
                let kind = match LockCommand::from_number(a.args[1] as i32)? {
                    LockCommand::SetWait => LockKind::Posix,
                    LockCommand::OfdSetWait => LockKind::Ofd,
                    _ => return None,
                };
                let bytes: [u8; FLOCK_SIZE] = look.memory(a.pid, a.args[2], FLOCK_SIZE).ok()?.try_into().ok()?;
                Some(Wait::record(&a.actor, kind, RecordLock::from_memory(&bytes)))
            }
            _ => None,
        })
        .collect();
    if here.iter().any(|line| line.kind == LockKind::Lease) {
        asleep.extend(lease::openers(found, look));
    }
    join(&here, &seen, &asleep, name)
}

/// Whether a claim about locks holds; why it can't be judged.
fn judged(word: &str, args: &[ArgValue], locks: &[Lock]) -> Result<bool, String> {
    let mut by = None;
    let mut wanted = None;
    for arg in args {
        match arg {
            ArgValue::By(actor) => by = Some(actor),
            ArgValue::Range(from, to) => {
                wanted = Some((judge::int(from)?, to.as_ref().map(judge::int).transpose()?));
            }
            _ => return Err("a range such as 0..100, or `by` and an actor, was expected".to_owned()),
        }
    }
    let write = word == "write-locked";
    let fitting: Vec<&Lock> = match word {
        "locked" | "unlocked" => {
            let locked = locks.iter().any(|lock| lock.kind != LockKind::Lease);
            return Ok(locked == (word == "locked"));
        }
        "leased" => {
            let mut leases = locks.iter().filter(|lock| lock.kind == LockKind::Lease);
            return Ok(leases.any(|lock| by.is_none_or(|by| lock.owners.contains(by))));
        }
        "breaking" => return Ok(locks.iter().any(|lock| !lock.breaking.is_empty())),
        _ => locks
            .iter()
            .filter(|l| l.kind != LockKind::Lease && l.write == write && by.is_none_or(|by| l.owners.contains(by)))
            .collect(),
    };
    Ok(match wanted {
        None => !fitting.is_empty(),
        Some((from, to)) => covered(&fitting, from as u64, to.map(|to| to as u64)),
    })
}

/// Whether the locks, which are in order of their first bytes, leave no byte of the range out.
fn covered(locks: &[&Lock], from: u64, to: Option<u64>) -> bool {
    let mut next = from;
    for lock in locks.iter().filter(|lock| lock.end.is_none_or(|end| end >= from)) {
        if to.is_some_and(|to| next >= to) || lock.start > next {
            break;
        }
        let Some(end) = lock.end else { return true };
        next = next.max(end.saturating_add(1));
    }
    to.is_some_and(|to| next >= to)
}

/// The commands of fcntl(2) on record locks: those of [`LOCK_COMMANDS`], with the arguments `type` and `range`.
pub(super) fn fcntl_lock(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let cmd = performer.int("cmd", 0);
    let Some(command) = LockCommand::from_number(cmd as i32) else {
        return Err(Refusal::new(format!("{cmd} is no command on locks")));
    };
    if !performer.has("type") {
        return Err(
            Refusal::new("a lock has a type: F_RDLCK, F_WRLCK or F_UNLCK").help("fcntl f F_SETLK F_WRLCK 0..100")
        );
    }
    let fd = performer.fd("fd");
    let kind = performer.int("type", 0);
    let (start, len) = extent(performer.given("range"))?;
    let asks = matches!(command, LockCommand::Get | LockCommand::OfdGet);
    let answer = std::cell::Cell::new(RecordLock::new(kind as i32, start, len));
    let made = performer.call_then(
        Making::new([fd.into(), cmd, kind, start, len, 0]),
        || lock::fcntl_lock(fd, command, answer.get()).map(|got| answer.set(got)).map(|()| 0),
        |record| {
            if asks {
                let RecordLock { kind, start, len, pid, .. } = answer.get();
                record.args = [fd.into(), cmd, kind.into(), start, len, pid.into()];
            }
        },
    );
    if asks && made.is_ok() {
        let RecordLock { kind, start, len, .. } = answer.get();
        let kind = show::constant(kind.into(), LOCK_TYPES);
        let text = match len {
            _ if kind == "F_UNLCK" => kind,
            0 => format!("{kind} {start}.."),
            len => format!("{kind} {start}..{}", start + len),
        };
        performer.deliver(Data::Bytes(text.into_bytes()));
    }
    Ok(())
}

/// l_start and l_len of a half-open range; the whole file if none was given.
fn extent(range: Option<&Given>) -> Result<(i64, i64), Refusal> {
    match range {
        Some(&Given::Range(start, None)) => Ok((start, 0)),
        Some(&Given::Range(start, Some(end))) if end > start => Ok((start, end.saturating_sub(start))),
        Some(&Given::Range(start, Some(end))) => Err(Refusal::new(format!("{start}..{end} holds no byte"))
            .help(format!("an l_len of 0 would mean to the end of the file: {start}.."))),
        _ => Ok((0, 0)),
    }
}

/// What the error of a command on locks, leases or seals means.
pub(super) fn means_fcntl(record: &Record) -> Option<&'static str> {
    let [_, cmd, kind, start, len, pid] = record.args;
    let lock_call =
        [libc::F_GETLK, libc::F_SETLK, libc::F_SETLKW, libc::F_OFD_GETLK, libc::F_OFD_SETLK, libc::F_OFD_SETLKW];
    let of_range = lock_call.contains(&(cmd as i32));
    let unlocks = kind == i64::from(libc::F_UNLCK);
    Some(match (cmd as i32, record.errno) {
        (_, libc::EINVAL) if of_range && (start < 0 || start.saturating_add(len) < 0) => {
            "the range would begin before the file does"
        }
        (_, libc::EOVERFLOW) if of_range => "the range would end beyond what an off_t can count",
        (libc::F_GETLK | libc::F_OFD_GETLK, 0) if show::returned(record) && unlocks => "nothing would be in the way",
        (libc::F_GETLK | libc::F_OFD_GETLK, 0) if show::returned(record) && pid == -1 => {
            "this lock belongs to an open file description and so to no process, which is what -1 says"
        }
        (libc::F_SETLK | libc::F_OFD_SETLK, libc::EAGAIN | libc::EACCES) => "a lock of another owner is in the way",
        (libc::F_SETLKW, libc::EDEADLK) => {
            "the owner of that lock waits for the caller already: both would sleep for ever"
        }
        (libc::F_SETLK | libc::F_SETLKW | libc::F_OFD_SETLK | libc::F_OFD_SETLKW, libc::EBADF) => {
            "this is no open descriptor, or a read lock was asked for and it may not be read, or a write lock and it may \
             not be written"
        }
        (libc::F_SETLEASE, libc::EAGAIN) if unlocks => "there is no lease of this open file to give up",
        (libc::F_SETLEASE, libc::EAGAIN) => "somebody has it open in a way that the lease would exclude",
        (libc::F_SETLEASE, libc::EINVAL) => "only regular files can be leased",
        (libc::F_SETLEASE, libc::EACCES) => "only the owner of the file may lease it",
        (libc::F_ADD_SEALS, libc::EPERM) => "it was made without MFD_ALLOW_SEALING, or is sealed against more seals",
        (libc::F_ADD_SEALS, libc::EBUSY) => "somebody has it mapped so that it can be written",
        _ => return None,
    })
}

/// How a call of [`fcntl_lock`] reads.
pub(super) fn show_lock(record: &Record) -> Shown {
    let [fd, cmd, kind, start, len, pid] = record.args;
    let asks = cmd == c(libc::F_GETLK) || cmd == c(libc::F_OFD_GETLK);
    let kind = show::constant(kind, LOCK_TYPES);
    let answered = asks && show::returned(record) && record.errno == 0;
    let pid = if answered && kind != "F_UNLCK" { format!(", l_pid={}", show::pid(pid)) } else { String::new() };
    Shown::args(format!(
        "{fd}, {}, {{l_type={kind}, l_whence=SEEK_SET, l_start={start}, l_len={len}{pid}}}",
        show::constant(cmd, LOCK_COMMANDS)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Expr;

    #[test]
    fn reads_like_strace() {
        let record = |args| Record { args, returned_ns: 1, ..Record::default() };
        let flock = record([3, c(libc::LOCK_EX | libc::LOCK_NB), 0, 0, 0, 0]);
        assert_eq!(FileLock.show("flock", &flock).args, "3, LOCK_EX|LOCK_NB");
        let set = record([3, c(libc::F_SETLKW), 1, 0, 100, 0]);
        assert_eq!(show_lock(&set).args, "3, F_SETLKW, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=0, l_len=100}");
        let got = record([3, c(libc::F_OFD_GETLK), 0, 5, 0, -1]);
        assert_eq!(
            show_lock(&got).args,
            "3, F_OFD_GETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=5, l_len=0, l_pid=-1}"
        );
        let free = record([3, c(libc::F_GETLK), 2, 0, 0, 0]);
        assert_eq!(show_lock(&free).args, "3, F_GETLK, {l_type=F_UNLCK, l_whence=SEEK_SET, l_start=0, l_len=0}");
    }

    #[test]
    fn answers_and_bad_ranges_are_explained() {
        let said = |cmd: i32, kind: i64, [start, len, pid]: [i64; 3], errno| {
            means_fcntl(&Record {
                args: [3, c(cmd), kind, start, len, pid],
                errno,
                returned_ns: 1,
                ..Record::default()
            })
        };
        assert!(said(libc::F_GETLK, 2, [0, 0, 0], 0).is_some_and(|said| said.starts_with("nothing would")));
        assert!(said(libc::F_GETLK, 1, [20, 10, -1], 0).is_some_and(|said| said.contains("to no process")));
        assert_eq!(said(libc::F_GETLK, 1, [0, 10, 4], 0), None);
        assert!(said(libc::F_SETLK, 1, [-5, 15, 0], libc::EINVAL).is_some_and(|said| said.contains("before the file")));
        assert!(said(libc::F_OFD_SETLK, 1, [9, 9, 0], libc::EOVERFLOW).is_some_and(|said| said.contains("off_t")));
    }

    #[test]
    fn ranges_become_start_and_length() {
        let of = |start, end| extent(Some(&Given::Range(start, end)));
        assert_eq!(of(0, Some(100)), Ok((0, 100)));
        assert_eq!(of(100, None), Ok((100, 0)));
        assert_eq!(extent(None), Ok((0, 0)));
        assert!(of(5, Some(5)).is_err(), "its l_len would be 0, which is to the end");
        assert!(of(5, Some(4)).is_err());
    }

    fn held(write: bool, start: u64, end: Option<u64>, owner: &str) -> Lock {
        Lock {
            kind: LockKind::Posix,
            write,
            start,
            end,
            owners: vec![owner.to_owned()],
            waits: Vec::new(),
            breaking: "",
        }
    }

    fn claim(from: i64, to: Option<i64>, by: Option<&str>) -> Vec<ArgValue> {
        let range = ArgValue::Range(Expr::int(from), to.map(Expr::int));
        std::iter::once(range).chain(by.map(|by| ArgValue::By(by.to_owned()))).collect()
    }

    #[test]
    fn claims_about_ranges() {
        let locks = [
            held(true, 0, Some(49), "alice"),
            held(false, 20, Some(29), "carol"),
            held(true, 50, Some(99), "alice"),
            held(true, 200, None, "bob"),
        ];
        let cases = [
            ("write-locked", claim(0, Some(100), Some("alice")), true),
            ("write-locked", claim(0, Some(100), None), true),
            ("write-locked", claim(0, Some(101), None), false),
            ("write-locked", claim(10, Some(60), Some("bob")), false),
            ("write-locked", claim(300, None, Some("bob")), true),
            ("write-locked", claim(99, None, None), false),
            ("read-locked", claim(20, Some(30), Some("carol")), true),
            ("read-locked", claim(0, Some(30), None), false),
            ("write-locked", vec![ArgValue::By("bob".to_owned())], true),
            ("read-locked", vec![ArgValue::By("alice".to_owned())], false),
            ("locked", Vec::new(), true),
            ("unlocked", Vec::new(), false),
        ];
        for (word, args, met) in cases {
            assert_eq!(judged(word, &args, &locks), Ok(met), "{word} {args:?}");
        }
        assert_eq!(judged("unlocked", &[], &[]), Ok(true));
        assert!(judged("write-locked", &[ArgValue::Name("x".to_owned())], &locks).is_err());
    }

    fn file(locks: &[Lock]) -> Object {
        let values = locks.iter().map(Lock::value).collect();
        Object {
            name: "f".to_owned(),
            key: key(1, 2),
            identifier: "notes".to_owned(),
            fields: vec![Field::new("locks", Value::List(values), Evidence::Kernel)],
            holders: Vec::new(),
            waiters: Vec::new(),
        }
    }

    #[test]
    fn who_could_let_a_waiter_go() {
        let wait = Wait {
            actor: "carol".to_owned(),
            kind: LockKind::Posix,
            write: true,
            start: 5,
            end: Some(70),
            behind: String::new(),
        };
        let first = Lock { waits: vec![wait], ..held(true, 0, Some(49), "alice") };
        let object = file(&[first, held(false, 60, Some(69), "bob"), held(true, 80, None, "dora")]);
        let wakers = |waiter: &str| FileLock.wakers(&object, waiter, "lock", &Snapshot::empty());
        assert_eq!(wakers("carol"), ["alice", "bob"]);
        assert_eq!(wakers("dora"), Vec::<String>::new());
    }

    #[test]
    fn what_lies_in_the_stages_directory() {
        let ground = Ground { directory: std::path::Path::new("/stage"), shm_dev: 25 };
        let descriptor = |link: &str, mode: u32| Handle {
            pid: 2,
            dev: 40,
            ino: 3,
            link: link.to_owned(),
            kind: HandleKind::Descriptor { fd: 3, mode, flags: 0, offset: 0 },
        };
        let regular = libc::S_IFREG | 0o644;
        assert_eq!(FileLock.claim(&descriptor("/stage/notes", regular), &ground), Some(key(40, 3)));
        assert_eq!(FileLock.claim(&descriptor("/stage/notes (deleted)", regular), &ground), Some(key(40, 3)));
        assert_eq!(FileLock.claim(&descriptor("/stage/fifo", libc::S_IFIFO | 0o644), &ground), None);
        assert_eq!(FileLock.claim(&descriptor("/stagehand/notes", regular), &ground), None);
        assert_eq!(FileLock.claim(&descriptor("/usr/lib/x", regular), &ground), None);
    }
}

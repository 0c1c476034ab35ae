//! POSIX message queues: whole messages, the highest priority first.
//!
//! The kernel lets nobody look at a queue's messages without taking them out, so its contents are a mirror: rebuilt
//! from what actors report, in the order that mq_overview(7) promises, and checked against the kernel's two counters
//! (`mq_curmsgs`, and QSIZE of what the descriptor reads as).

mod means;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::statfs::statfs;

use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, HandleKind, Look, Reported};
use super::perform::{Bound, Making, Performer, Refusal};
use super::process::duration;
use super::show::{self, Shown, returned};
use super::table::{self, CALL, keyed, open_flags, optional, required};
use super::{Card, ChangedBy, Facility, Judged, Reading, judge, mirror, pipe, signal_name};
use crate::kernel::arena::Record;
use crate::kernel::{SysError, SysResultExt, fd, mq};
use crate::model::{Evidence, Field, Object, ObjectKey, Snapshot, Value};
use crate::script::{
    ArgKind, ArgSpec, ArgValue, CallSpec, Cmp, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn, Wants,
};

/// The POSIX message queue.
#[derive(Debug)]
pub(super) struct MessageQueue;

static CARD: Card = Card {
    id: "mq",
    title: "POSIX message queues",
    family: "communication / data transfer / message",
    what: "A queue of whole messages, each with a priority: the highest goes first, equals in order of arrival.",
    identifier: "name",
    handle: "descriptor",
    persistence: "kernel",
    access: "permissions of the queue",
    blocking: "mq_receive while it is empty; mq_send while it holds as many messages as it may",
    boundaries: "kept: one receive takes one message",
    manual: &["mq_overview(7)", "mq_open(3)", "mq_send(3)", "mq_receive(3)", "mq_getattr(3)", "mq_notify(3)"],
};

const OPEN_FLAGS: &[(&str, i64)] = &[
    ("O_RDONLY", libc::O_RDONLY as i64),
    ("O_WRONLY", libc::O_WRONLY as i64),
    ("O_RDWR", libc::O_RDWR as i64),
    ("O_CREAT", libc::O_CREAT as i64),
    ("O_EXCL", libc::O_EXCL as i64),
    ("O_NONBLOCK", libc::O_NONBLOCK as i64),
    ("O_CLOEXEC", libc::O_CLOEXEC as i64),
];
const SET_FLAGS: &[(&str, i64)] = &[("O_NONBLOCK", libc::O_NONBLOCK as i64)];

/// NULL is not one of C's; it stands for the null pointer that takes a registration back.
const NOTIFY: &[(&str, i64)] = &[
    ("SIGEV_SIGNAL", libc::SIGEV_SIGNAL as i64),
    ("SIGEV_NONE", libc::SIGEV_NONE as i64),
    ("SIGEV_THREAD", libc::SIGEV_THREAD as i64),
    ("NULL", -1),
];

const SENDS: &[Sleeps] = &[Sleeps { syscall: libc::SYS_mq_timedsend, on: WaitsOn::Descriptor(0), direction: "send" }];
const RECEIVES: &[Sleeps] =
    &[Sleeps { syscall: libc::SYS_mq_timedreceive, on: WaitsOn::Descriptor(0), direction: "receive" }];

const NAME: ArgSpec =
    required("name", ArgKind::ObjectName, "its name, without the slash; the variable is called so too");
const INTO: ArgSpec = required("mqdes", ArgKind::Descriptor(Wants::Write), "which queue");
const FROM: ArgSpec = required("mqdes", ArgKind::Descriptor(Wants::Read), "which queue");
const ANY: ArgSpec = required("mqdes", ArgKind::Descriptor(Wants::Any), "which queue");
const MESSAGE: ArgSpec = required("msg_ptr", ArgKind::Data, "the message");
const LENGTH: ArgSpec = optional("msg_len", ArgKind::Count, "size of the buffer; the queue's mq_msgsize if not given");
const TIMEOUT: ArgSpec =
    required("timeout", ArgKind::Duration, "how long to wait at most, from now; C counts from 1970");

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "mq_open",
        args: &[
            NAME,
            required("oflag", ArgKind::Flags(OPEN_FLAGS), "one of O_RDONLY, O_WRONLY, O_RDWR, and more"),
            optional("mode", ArgKind::Mode, "permissions of a new queue, less the umask; 0600 if not given"),
            keyed("maxmsg", ArgKind::Count, "how many messages a new queue may hold"),
            keyed("msgsize", ArgKind::Count, "how many bytes a message of a new queue may have"),
        ],
        doc: "Opens a queue, or makes it",
        man: "mq_open(3)",
        c: "{name} = mq_open(\"/{name}\", {oflag}, {mode}, \
            {?maxmsg &(struct mq_attr){ .mq_maxmsg = {maxmsg}, .mq_msgsize = {msgsize=8192} }?})",
        makes: Makes::Descriptor,
        example: "alice: mq_open q O_RDWR|O_CREAT 0600 maxmsg=4 msgsize=64",
        ..CALL
    },
    CallSpec {
        name: "mq_send",
        args: &[
            INTO,
            MESSAGE,
            optional("msg_prio", ArgKind::Int, "its priority, the higher the earlier; 0 if not given"),
        ],
        doc: "Sends a message; waits while the queue is full",
        man: "mq_send(3)",
        c: "mq_send({mqdes}, {msg_ptr}, {msg_ptr.len}, {msg_prio=0})",
        sleeps: SENDS,
        example: "alice: mq_send q \"urgent\" 9",
        ..CALL
    },
    CallSpec {
        name: "mq_timedsend",
        args: &[INTO, MESSAGE, required("msg_prio", ArgKind::Int, "its priority, the higher the earlier"), TIMEOUT],
        doc: "Sends a message; waits while the queue is full, but not for ever",
        man: "mq_send(3)",
        c: "mq_timedsend({mqdes}, {msg_ptr}, {msg_ptr.len}, {msg_prio=0}, &deadline /* now + {timeout} */)",
        sleeps: SENDS,
        example: "alice: mq_timedsend q \"late\" 0 500ms",
        ..CALL
    },
    CallSpec {
        name: "mq_receive",
        args: &[FROM, LENGTH],
        doc: "Takes the oldest message of the highest priority; waits while there is none",
        man: "mq_receive(3)",
        c: "mq_receive({mqdes}, buf, {msg_len=sizeof buf}, &priority)",
        gives: true,
        sleeps: RECEIVES,
        example: "bob: mq_receive q -> $buf",
        ..CALL
    },
    CallSpec {
        name: "mq_timedreceive",
        args: &[FROM, TIMEOUT, LENGTH],
        doc: "Takes the oldest message of the highest priority; waits while there is none, but not for ever",
        man: "mq_receive(3)",
        c: "mq_timedreceive({mqdes}, buf, {msg_len=sizeof buf}, &priority, &deadline /* now + {timeout} */)",
        gives: true,
        sleeps: RECEIVES,
        example: "bob: mq_timedreceive q 500ms",
        ..CALL
    },
    CallSpec {
        name: "mq_getattr",
        args: &[ANY],
        doc: "Tells flags, limits and the number of messages; gives that number",
        man: "mq_getattr(3)",
        c: "mq_getattr({mqdes}, &attr)",
        gives: true,
        example: "alice: mq_getattr q -> $messages",
        ..CALL
    },
    CallSpec {
        name: "mq_setattr",
        args: &[ANY, required("mq_flags", ArgKind::Flags(SET_FLAGS), "O_NONBLOCK or 0: nothing else can be changed")],
        doc: "Sets or clears O_NONBLOCK of the open queue description",
        man: "mq_getattr(3)",
        c: "mq_setattr({mqdes}, &(struct mq_attr){ .mq_flags = {mq_flags} }, &old)",
        example: "alice: mq_setattr q O_NONBLOCK",
        ..CALL
    },
    CallSpec {
        name: "mq_notify",
        args: &[
            ANY,
            required("sigev_notify", ArgKind::Constant(NOTIFY), "how to be told; NULL takes it back"),
            keyed("signo", ArgKind::Signal, "by which signal; SIGEV_SIGNAL needs it"),
            keyed("value", ArgKind::Int, "what is told with it; 0 if not given"),
        ],
        doc: "Asks to be told once, when a message comes into the empty queue and nobody waits to receive it",
        man: "mq_notify(3)",
        c: "mq_notify({mqdes}, {sigev_notify}{?signo : {signo}?}{?value , {value}?})",
        example: "bob: mq_notify q SIGEV_SIGNAL signo=SIGUSR1 value=5",
        ..CALL
    },
    CallSpec {
        name: "mq_close",
        args: &[ANY],
        doc: "Closes the descriptor; queue and messages stay",
        man: "mq_close(3)",
        c: "mq_close({mqdes})",
        example: "alice: mq_close q",
        ..CALL
    },
    CallSpec {
        name: "mq_unlink",
        args: &[NAME],
        doc: "Takes the name away; the queue goes when its last descriptor is closed",
        man: "mq_unlink(3)",
        c: "mq_unlink(\"/{name}\")",
        example: "alice: mq_unlink q",
        ..CALL
    },
];

static PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "messages",
        args: &[PredicateArg::Number],
        doc: "How many messages are in it",
        example: "expect q messages 2",
    },
    PredicateSpec {
        word: "maxmsg",
        args: &[PredicateArg::Number],
        doc: "How many messages it can hold at most",
        example: "expect q maxmsg 10",
    },
    PredicateSpec {
        word: "msgsize",
        args: &[PredicateArg::Number],
        doc: "How many bytes a message can have at most",
        example: "expect q msgsize 8192",
    },
    PredicateSpec {
        word: "bytes",
        args: &[PredicateArg::Number],
        doc: "How many bytes of messages are in it",
        example: "expect q bytes 12",
    },
    PredicateSpec {
        word: "notifies",
        args: &[PredicateArg::Actors],
        doc: "This actor is told when a message comes into the empty queue",
        example: "expect q notifies bob",
    },
    PredicateSpec {
        word: "next",
        args: &[PredicateArg::Data],
        doc: "The message that the next receive takes is exactly this",
        example: "expect q next \"urgent\"",
    },
    PredicateSpec {
        word: "holds",
        args: &[PredicateArg::Data],
        doc: "One of its messages is exactly this",
        example: "expect q holds \"hello\"",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "posix-queue",
    handle: "{o}",
    ways: &[
        (Op::Make, &["{a}: mq_open {h} O_RDWR|O_CREAT 0600 maxmsg=8 msgsize=64"]),
        (Op::Join, &["{a}: mq_open {h} O_RDWR"]),
        (Op::Send, &["{a}: mq_send {h} {data} 0"]),
        (Op::Receive, &["{a}: mq_receive {h} {n}"]),
        (Op::TryReceive, &["{a}: mq_timedreceive {h} 0s {n}"]),
        (Op::Watch, &["{a}: poll {h}:POLLIN"]),
        (Op::Remove, &["{a}: mq_unlink {o}"]),
    ],
}];

impl Facility for MessageQueue {
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
            "mq_open" => return mq_open(performer),
            "mq_send" | "mq_timedsend" => send(performer),
            "mq_receive" | "mq_timedreceive" => return receive(performer),
            "mq_getattr" => getattr(performer),
            "mq_setattr" => {
                let (mqd, flags) = (performer.fd("mqdes"), performer.int("mq_flags", 0));
                let making = Making::new([mqd.into(), flags, 0, 0, 0, 0]);
                let _ = performer.call(making, || mq::mq_setattr(mqd, flags).map(|_old| 0));
            }
            "mq_notify" => return notify(performer),
            "mq_close" => {
                let mqd = performer.fd("mqdes");
                let _ = performer.call(Making::new([mqd.into(), 0, 0, 0, 0, 0]), || fd::close(mqd).map(|()| 0));
            }
            "mq_unlink" => {
                let name = performer.posix_name(performer.name("name"))?;
                let shown = format!("/{}", performer.name("name"));
                let making = Making::new([0; 6]).data(shown.as_bytes());
                let _ = performer.call(making, || mq::mq_unlink(&name).map(|()| 0));
            }
            _ => return Err(Refusal::new(format!("{verb} is no call on message queues"))),
        }
        Ok(())
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        means::means(verb, record)
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [mqd, flags, length, priority, timeout, _] = record.args;
        let done = returned(record) && record.errno == 0;
        let data = || show::data(record);
        Shown::args(match verb {
            "mq_open" if flags & i64::from(libc::O_CREAT) == 0 => format!("{}, {}", data(), open_flags(flags)),
            "mq_open" => {
                let [_, _, mode, maxmsg, msgsize, _] = record.args;
                let attr = format!("{{mq_maxmsg={maxmsg}, mq_msgsize={msgsize}}}");
                let attr = if maxmsg < 0 { "NULL" } else { &attr };
                format!("{}, {}, {}, {attr}", data(), open_flags(flags), table::mode(mode))
            }
            "mq_send" => format!("{mqd}, {}, {length}, {priority}", data()),
            "mq_timedsend" => format!("{mqd}, {}, {length}, {priority}, +{}", data(), duration(timeout)),
            "mq_receive" if done => format!("{mqd}, {}, {length}, [{priority}]", data()),
            "mq_receive" => format!("{mqd}, …, {length}, …"),
            "mq_timedreceive" if done => {
                format!("{mqd}, {}, {length}, [{priority}], +{}", data(), duration(timeout))
            }
            "mq_timedreceive" => format!("{mqd}, …, {length}, …, +{}", duration(timeout)),
            "mq_getattr" if done => {
                let [_, _, maxmsg, msgsize, curmsgs, _] = record.args;
                let flags = show::flags(flags, SET_FLAGS, None);
                format!("{mqd}, {{mq_flags={flags}, mq_maxmsg={maxmsg}, mq_msgsize={msgsize}, mq_curmsgs={curmsgs}}}")
            }
            "mq_getattr" => format!("{mqd}, …"),
            "mq_setattr" => format!("{mqd}, {{mq_flags={}}}, NULL", show::flags(flags, SET_FLAGS, None)),
            "mq_unlink" => data(),
            "mq_notify" => {
                let [mqd, how, signal, value, ..] = record.args;
                match how as i32 {
                    -1 => format!("{mqd}, NULL"),
                    libc::SIGEV_SIGNAL => {
                        let signal = signal_name(signal as i32);
                        format!("{mqd}, {{sigev_notify=SIGEV_SIGNAL, sigev_signo={signal}, sigev_value={value}}}")
                    }
                    libc::SIGEV_THREAD => format!("{mqd}, {{sigev_notify=SIGEV_THREAD, sigev_value={value}}}"),
                    _ => format!("{mqd}, {{sigev_notify={}}}", show::constant(how, NOTIFY)),
                }
            }
            _ => mqd.to_string(),
        })
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        let HandleKind::Descriptor { fd, mode, .. } = handle.kind else { return None };
        // Whether the file system is mounted or not, a queue's link is its name below a root of its own.
        let named = mode & libc::S_IFMT == libc::S_IFREG && handle.link.rfind('/') == Some(0);
        (named && is_mqueue(handle.dev, handle.pid, fd)).then(|| pipe::key(CARD.id, handle))
    }

    fn named(&self, look: &mut Look<'_>) -> Vec<Found<'_>> {
        let Some(entries) = look.mqueue.and_then(|path| std::fs::read_dir(path).ok()) else { return remembered(look) };
        let mut found: Vec<Found<'_>> = entries
            .flatten()
            .filter_map(|entry| {
                let meta = entry.metadata().ok()?;
                let full = entry.file_name().to_str()?.to_owned();
                Some(Found {
                    key: ObjectKey { facility: CARD.id.into(), dev: meta.dev(), ino: meta.ino(), offset: 0 },
                    name: full.strip_prefix(look.tag)?.to_owned(),
                    path: Some(full),
                    handles: Vec::new(),
                })
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Kind(CARD.id)
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let link = found.handles.first().map(|h| h.link.strip_suffix(" (deleted)").unwrap_or(&h.link));
        let full = found.path.as_deref().or(link).unwrap_or_default().trim_start_matches('/');
        let plain = full.strip_prefix(look.tag).unwrap_or(full);
        Reading { identifier: format!("/{plain}"), fields: fields(found, full, look), ..Reading::default() }
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        if !returned(call.record) || call.record.errno != 0 {
            return;
        }
        let priority = call.record.args[3];
        let data = Value::Bytes { bytes: call.record.bytes().to_vec(), total: call.record.data_len };
        match call.spec.name {
            "mq_send" | "mq_timedsend" => mirror::sent(note, priority, data, call.actor),
            "mq_receive" | "mq_timedreceive" => mirror::received(note, priority, &data),
            _ => {}
        }
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        check(word, args, object)
    }

    fn wakers(&self, object: &Object, _waiter: &str, direction: &str, _snapshot: &Snapshot) -> Vec<String> {
        let word = match direction {
            "receive" => "write",
            "send" => "read",
            _ => return Vec::new(),
        };
        object.holding(word).into_iter().map(str::to_owned).collect()
    }
}

fn mq_open(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let name = performer.name("name");
    let real = performer.posix_name(name)?;
    let (flags, mode) = (performer.int("oflag", 0), performer.int("mode", 0o600));
    // What is not given, where the other one is, the kernel takes from its defaults.
    let attr = (performer.has("maxmsg") || performer.has("msgsize")).then(|| mq::MqAttr {
        maxmsg: performer.int("maxmsg", limit("msg_default", 10)),
        msgsize: performer.int("msgsize", limit("msgsize_default", 8192)),
        ..mq::MqAttr::default()
    });
    let (maxmsg, msgsize) = attr.map_or((-1, -1), |attr| (attr.maxmsg, attr.msgsize));
    let shown = format!("/{name}");
    let making = Making::new([0, flags, mode, maxmsg, msgsize, 0]).data(shown.as_bytes());
    let made = performer.call(making, || mq::mq_open(&real, flags as i32, mode as u32, attr).map(i64::from));
    if let Ok(mqd) = made {
        performer.bind(name, name, Bound::Descriptor(mqd as i32));
    }
    Ok(())
}

/// One of the kernel's limits and defaults for queues; see mq_overview(7). `or` if it can't be read.
fn limit(name: &str, or: i64) -> i64 {
    let path = format!("/proc/sys/fs/mqueue/{name}");
    std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(or)
}

fn send(performer: &mut Performer<'_>) {
    let (mqd, message, priority) = (performer.fd("mqdes"), performer.bytes("msg_ptr"), performer.int("msg_prio", 0));
    let limit = performer.has("timeout").then(|| performer.int("timeout", 0).max(0));
    let args = [mqd.into(), 0, message.len() as i64, priority, limit.unwrap_or(0), 0];
    let making = timed(Making::new(args).data(message), limit);
    // A number that is no priority becomes one that the kernel refuses as well.
    let real = u32::try_from(priority).unwrap_or(u32::MAX);
    let _ = performer.call(making, || mq::mq_send(mqd, message, real, limit.map(|ns| ns as u64)).map(|()| 0));
}

fn receive(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let mqd = performer.fd("mqdes");
    let limit = performer.has("timeout").then(|| performer.int("timeout", 0).max(0));
    let length = if performer.has("msg_len") {
        performer.size("msg_len")?
    } else {
        mq::mq_getattr(mqd).map_or(8192, |attr| attr.msgsize as usize)
    };
    let priority = Cell::new(0);
    let making = timed(Making::new([mqd.into(), 0, length as i64, 0, limit.unwrap_or(0), 0]), limit);
    let _ = performer.call_into_then(
        making,
        &mut vec![0; length],
        |buffer| {
            let (length, of) = mq::mq_receive(mqd, buffer, limit.map(|ns| ns as u64))?;
            priority.set(of);
            Ok(length as i64)
        },
        |record| record.args[3] = priority.get().into(),
    );
    Ok(())
}

fn notify(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (mqd, how) = (performer.fd("mqdes"), performer.int("sigev_notify", -1));
    let (signal, value) = (performer.int("signo", 0), performer.int("value", 0));
    let asked = match how as i32 {
        -1 => None,
        libc::SIGEV_SIGNAL if !performer.has("signo") => {
            return Err(Refusal::new("SIGEV_SIGNAL needs a signal").help("say which: signo=SIGUSR1"));
        }
        libc::SIGEV_SIGNAL => Some(mq::Notify::Signal(signal as i32, value)),
        libc::SIGEV_THREAD => {
            performer.uses_signals();
            // From here on the process has a thread of the C library's, which is not asleep in a call of the actor's.
            performer.body.writer.slot().get_helpers();
            Some(mq::Notify::Thread(value))
        }
        _ => Some(mq::Notify::Nothing),
    };
    let making = Making::new([mqd.into(), how, signal, value, 0, 0]);
    let _ = performer.call(making, || mq::mq_notify(mqd, asked).map(|()| 0));
    Ok(())
}

fn timed(making: Making<'_>, limit: Option<i64>) -> Making<'_> {
    limit.map_or(making, |ns| making.within(ns))
}

fn getattr(performer: &mut Performer<'_>) {
    let mqd = performer.fd("mqdes");
    let told = Cell::new(mq::MqAttr::default());
    let result = performer.call_then(
        Making::new([mqd.into(), 0, 0, 0, 0, 0]),
        || mq::mq_getattr(mqd).map(|attr| told.set(attr)).map(|()| 0),
        |record| {
            let attr = told.get();
            record.args[1..5].copy_from_slice(&[attr.flags, attr.maxmsg, attr.msgsize, attr.curmsgs]);
        },
    );
    if result.is_ok() {
        performer.deliver(crate::script::Data::Int(told.get().curmsgs));
    }
}

/// Whether a device is the mqueue file system's, asked through a descriptor that lies on it. The answer is kept: the
/// device lives as long as the IPC namespace.
fn is_mqueue(dev: u64, pid: i32, fd: i32) -> bool {
    const MQUEUE_MAGIC: i64 = 0x1980_0202;
    static KNOWN: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.contains(&dev) {
        return true;
    }
    let is = statfs(format!("/proc/{pid}/fd/{fd}").as_str()).is_ok_and(|fs| fs.filesystem_type().0 == MQUEUE_MAGIC);
    if is {
        known.insert(dev);
    }
    is
}

/// Where the file system is not mounted nothing lists the queues; those that were seen once can still be asked for.
fn remembered(look: &Look<'_>) -> Vec<Found<'static>> {
    let mine = look.notes.iter().filter(|(key, _)| key.facility == CARD.id);
    mine.filter_map(|(key, note)| {
        let full = note.part("name")?.as_text()?;
        let stat = nix::sys::stat::fstat(open_ours(full, look).ok()?).ok()?;
        let same = (stat.st_dev, stat.st_ino) == (key.dev, key.ino);
        same.then(|| Found {
            key: key.clone(),
            name: full.strip_prefix(look.tag).unwrap_or(full).to_owned(),
            path: Some(full.to_owned()),
            handles: Vec::new(),
        })
    })
    .collect()
}

/// A descriptor of our own on a queue. It has no effect on others: a queue counts no openers.
fn open_ours(full: &str, look: &Look<'_>) -> Result<OwnedFd, SysError> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened = match look.mqueue {
        Some(path) => open(&path.join(full), flags, Mode::empty()),
        None => CString::new(format!("/{full}"))
            .map_err(|_nul| Errno::EINVAL)
            .and_then(|name| mq::mq_open(&name, flags.bits(), 0, None))
            .and_then(fd::adopt_fd),
    };
    opened.on("mq_open", full)
}

/// A descriptor on the queue, and whether it can be read: borrowed from an actor, or for a queue that nobody has open,
/// one of our own.
fn any_descriptor(found: &Found<'_>, full: &str, look: &Look<'_>) -> Result<(OwnedFd, bool), SysError> {
    let readable = found.readable();
    match readable.or_else(|| found.descriptor(|flags| flags & libc::O_PATH == 0)) {
        Some((pid, fd)) => Ok((look.borrow(pid, fd)?, readable.is_some())),
        None => Ok((open_ours(full, look)?, true)),
    }
}

fn fields(found: &Found<'_>, full: &str, look: &mut Look<'_>) -> Vec<Field> {
    let told = any_descriptor(found, full, look).and_then(|(mqd, readable)| {
        let attr = mq::mq_getattr(mqd.as_raw_fd()).map_err(|errno| SysError::new("mq_getattr", full, errno))?;
        Ok((attr, readable.then(|| mq::queue_state(mqd.as_raw_fd()).ok()).flatten()))
    });
    let (attr, state) = match told {
        Ok(told) => told,
        Err(error) => {
            let names = ["messages", "maxmsg", "msgsize", "bytes", "queue", "mode", "notify"];
            return names.iter().map(|name| Field::hidden(*name, &error.to_string())).collect();
        }
    };
    let bytes = state.map(|state| state.bytes);
    mirror::seen(look.notes.entry(found.key.clone()).or_insert(Value::Nothing), full, attr.curmsgs);
    let held = found.handles.iter().find_map(|h| match h.kind {
        HandleKind::Descriptor { mode, .. } => Some(mode),
        HandleKind::Mapping { .. } => None,
    });
    let path = look.mqueue.map(|path| path.join(full));
    let mode = held.or_else(|| path.and_then(|path| path.symlink_metadata().ok()).map(|meta| meta.mode()));
    vec![
        Field::kernel_int("messages", attr.curmsgs),
        Field::kernel_int("maxmsg", attr.maxmsg),
        Field::kernel_int("msgsize", attr.msgsize),
        match bytes {
            Some(bytes) => Field::kernel_int("bytes", bytes as i64),
            None => Field::hidden("bytes", "only descriptors for sending are open, and they tell no size"),
        },
        mirror::field(look.note(&found.key), attr.curmsgs, bytes),
        match mode {
            Some(mode) => Field::new("mode", Value::Text(table::mode(mode.into())), Evidence::Kernel),
            None => Field::hidden("mode", "its name is gone"),
        },
        match state {
            Some(state) => Field::new("notify", Value::Text(notified(state, look)), Evidence::Kernel),
            None => Field::hidden("notify", "only descriptors for sending are open, and they tell nothing of it"),
        },
    ]
}

/// Who is told of the next message, and how: `bob by SIGUSR1`.
fn notified(state: mq::QueueState, look: &Look<'_>) -> String {
    if state.pid == 0 {
        return "nobody".to_owned();
    }
    let how = match state.notify {
        libc::SIGEV_SIGNAL => format!("by {}", signal_name(state.signal)),
        libc::SIGEV_THREAD => "by a thread".to_owned(),
        _ => "of nothing".to_owned(),
    };
    format!("{} {how}", look.who(state.pid))
}

fn check(word: &str, args: &[ArgValue], object: &Object) -> Option<Judged> {
    if word == "notifies" {
        let seen = object.value("notify").as_text().unwrap_or("nobody knows whom").to_owned();
        let who = seen.split(' ').next().unwrap_or_default();
        let met = args.iter().all(|arg| matches!(arg, ArgValue::Name(name) if name == who));
        return Some(Judged { met, seen: format!("it notifies {seen}"), field: "notify" });
    }
    matches!(word, "next" | "holds").then(|| judge::message(word == "next", "queue", args, object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(verb: &str, args: [i64; 6], data: &[u8]) -> String {
        let mut record = Record { args, entered_ns: 1, returned_ns: 2, ..Record::default() };
        record.set_data(data);
        MessageQueue.show(verb, &record).args
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let create = i64::from(libc::O_RDWR | libc::O_CREAT);
        let rows: &[(&str, [i64; 6], &[u8], &str)] = &[
            ("mq_open", [0, 2, 0o600, -1, -1, 0], b"/q", "\"/q\", O_RDWR"),
            ("mq_open", [0, create, 0o600, -1, -1, 0], b"/q", "\"/q\", O_RDWR|O_CREAT, 0600, NULL"),
            (
                "mq_open",
                [0, create, 0o600, 4, 64, 0],
                b"/q",
                "\"/q\", O_RDWR|O_CREAT, 0600, {mq_maxmsg=4, mq_msgsize=64}",
            ),
            ("mq_send", [3, 0, 2, 9, 0, 0], b"hi", "3, \"hi\", 2, 9"),
            ("mq_timedsend", [3, 0, 2, 0, 500_000_000, 0], b"hi", "3, \"hi\", 2, 0, +500ms"),
            ("mq_receive", [3, 0, 8192, 9, 0, 0], b"hi", "3, \"hi\", 8192, [9]"),
            ("mq_timedreceive", [3, 0, 64, 0, 2_000_000_000, 0], b"", "3, \"\", 64, [0], +2s"),
            (
                "mq_getattr",
                [3, 0o4000, 4, 64, 1, 0],
                b"",
                "3, {mq_flags=O_NONBLOCK, mq_maxmsg=4, mq_msgsize=64, mq_curmsgs=1}",
            ),
            ("mq_setattr", [3, 0, 0, 0, 0, 0], b"", "3, {mq_flags=0}, NULL"),
            (
                "mq_notify",
                [3, 0, 10, 5, 0, 0],
                b"",
                "3, {sigev_notify=SIGEV_SIGNAL, sigev_signo=SIGUSR1, sigev_value=5}",
            ),
            ("mq_notify", [3, 1, 0, 0, 0, 0], b"", "3, {sigev_notify=SIGEV_NONE}"),
            ("mq_notify", [3, -1, 0, 0, 0, 0], b"", "3, NULL"),
            ("mq_close", [3, 0, 0, 0, 0, 0], b"", "3"),
            ("mq_unlink", [0; 6], b"/q", "\"/q\""),
        ];
        for (verb, args, data, expected) in rows {
            assert_eq!(shown(verb, *args, data), *expected, "{verb}");
        }
        let asleep = Record { args: [3, 0, 64, 0, 2_000_000_000, 0], entered_ns: 1, ..Record::default() };
        assert_eq!(MessageQueue.show("mq_receive", &asleep).args, "3, …, 64, …");
        assert_eq!(MessageQueue.show("mq_timedreceive", &asleep).args, "3, …, 64, …, +2s");
    }

    #[test]
    fn judges_by_the_mirror() {
        let mut note = Value::Nothing;
        let data = |text: &[u8]| Value::Bytes { bytes: text.to_vec(), total: text.len() as u64 };
        mirror::sent(&mut note, 0, data(b"low"), "alice");
        mirror::sent(&mut note, 9, data(b"high"), "alice");
        let object = Object {
            name: "q".into(),
            key: ObjectKey { facility: "mq".into(), dev: 1, ino: 2, offset: 0 },
            identifier: "/q".into(),
            fields: vec![mirror::field(&note, 2, Some(7))],
            holders: vec![],
            waiters: vec![],
        };
        let text = |text: &[u8]| [ArgValue::Expr(crate::script::Expr::Text(text.to_vec()))];
        assert!(check("next", &text(b"high"), &object).unwrap().met);
        let next = check("next", &text(b"low"), &object).unwrap();
        assert_eq!((next.met, next.seen.as_str()), (false, "\"high\""));
        assert!(check("holds", &text(b"low"), &object).unwrap().met);
        assert!(!check("holds", &text(b"lo"), &object).unwrap().met);
        assert_eq!(check("messages", &text(b"low"), &object), None);
    }

    #[test]
    fn a_file_at_the_root_is_no_queue() {
        let ground = Ground { directory: std::path::Path::new("/"), shm_dev: 0 };
        let file = crate::facility::look::Handle {
            pid: std::process::id() as i32,
            dev: 1,
            ino: 2,
            link: "/notes".into(),
            kind: HandleKind::Descriptor { fd: i32::MAX, mode: libc::S_IFREG, flags: 0, offset: 0 },
        };
        assert_eq!(MessageQueue.claim(&file, &ground), None);
    }
}

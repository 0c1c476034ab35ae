//! UNIX domain sockets: between processes of one machine, by a file, by an abstract name, or made as a pair.
//!
//! What a socket will receive is peeked at through a borrowed descriptor that is closed before anybody runs again, and
//! never while an error waits. Who is at the other end, and who waits to be accepted, unix_diag tells by inodes; see
//! unix(7), sock_diag(7), and net/unix in the kernel's sources.

use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::errno::Errno;

use super::dialect::{Dialect, Op, Parts, Tie};
use super::endpoint::{self, Borrowed, text};
use super::look::{Found, Ground, Handle, Look, Reported};
use super::{Card, ChangedBy, Facility, Judged, Reading, fifo};
use crate::kernel::SysError;
use crate::kernel::arena::Record;
use crate::kernel::netlink::diag::{Diag, UnixSocket};
use crate::kernel::socket::{self as raw, Address};
use crate::model::{Evidence, Field, Object, ObjectKey, OtherEnd, Snapshot, Value};
use crate::script::{ArgValue, Cmp, PredicateSpec};

/// The UNIX domain socket.
#[derive(Debug)]
pub(super) struct Unix;

static CARD: Card = Card {
    id: "unix",
    title: "UNIX domain sockets",
    family: "communication / data transfer / byte stream and message",
    what: "A socket between processes of one machine: a stream, datagrams, or packets in sequence; it can pass \
           descriptors and tells who is at the other end.",
    identifier: "path or abstract name",
    handle: "descriptor",
    persistence: "process; the file of a path stays until it is unlinked",
    access: "permissions of the file: connecting takes the right to write it",
    blocking: "receive while nothing has come; send while the send buffer, or the receiver's queue, is full; connect \
               while the backlog is full; accept while nobody connects",
    boundaries: "none for a stream; kept for datagrams and sequenced packets",
    manual: &["unix(7)", "socket(2)", "socketpair(2)", "bind(2)", "listen(2)", "accept(2)", "connect(2)"],
};

/// Descriptors on their way that are named; more are counted.
const CARRIED: usize = 16;

/// The state of a socket that listens, by the numbers of TCP.
const LISTEN: u8 = 10;

/// The dialect of a pair of sockets of a type.
macro_rules! pair {
    ($kind:literal, $type:literal $(, $more:expr)?) => {
        Dialect {
            kind: $kind,
            handle: "{o}",
            ways: &[
                (Op::Make, &[concat!("{a}: socketpair {h} AF_UNIX ", $type)]),
                (Op::Send, &["{a}: send {h}.0 {data}"]),
                (Op::Receive, &["{a}: recv {h}.1 {n}"]),
                (Op::TryReceive, &["{a}: recv {h}.1 {n} MSG_DONTWAIT"]),
                (Op::SendBack, &["{a}: send {h}.1 {data}"]),
                (Op::ReceiveBack, &["{a}: recv {h}.0 {n}"]),
                (Op::Watch, &["{a}: poll {h}.1:POLLIN"]),
                (Op::Notify, &["{a}: fcntl {h}.1 F_SETOWN {a}", "{a}: fcntl {h}.1 F_SETFL O_ASYNC"]),
                (Op::EndSend, &["{a}: close {h}.0"]),
                (Op::EndReceive, &["{a}: close {h}.1"]),
                $($more,)?
            ],
        }
    };
}

/// The dialect of a connection over a name in the file system.
macro_rules! named {
    ($kind:literal, $type:literal) => {
        Dialect {
            kind: $kind,
            handle: "{o}",
            ways: &[
                (
                    Op::Make,
                    &[
                        concat!("{a}: socket {o}l AF_UNIX ", $type),
                        "{a}: bind {o}l unix:{o}",
                        "{a}: listen {o}l 5",
                        concat!("{a}: socket {o}c AF_UNIX ", $type),
                        "{a}: connect {o}c unix:{o}",
                        "{a}: accept {o}l as {h}",
                        "{a}: close {o}l",
                    ],
                ),
                (Op::Send, &["{a}: send {o}c {data}"]),
                (Op::Receive, &["{a}: recv {h} {n}"]),
                (Op::TryReceive, &["{a}: recv {h} {n} MSG_DONTWAIT"]),
                (Op::SendBack, &["{a}: send {h} {data}"]),
                (Op::ReceiveBack, &["{a}: recv {o}c {n}"]),
                (Op::Watch, &["{a}: poll {h}:POLLIN"]),
                (Op::Notify, &["{a}: fcntl {h} F_SETOWN {a}", "{a}: fcntl {h} F_SETFL O_ASYNC"]),
                (Op::EndSend, &["{a}: close {o}c"]),
                (Op::HalfClose, &["{a}: shutdown {o}c SHUT_WR"]),
                (Op::EndReceive, &["{a}: close {h}"]),
                (Op::Remove, &["{a}: unlink \"{o}\""]),
            ],
        }
    };
}

/// What a scenario on another facility becomes here: a pair, or sockets that meet at a name.
static DIALECTS: &[Dialect] = &[
    pair!("unix-stream", "SOCK_STREAM", (Op::HalfClose, &["{a}: shutdown {h}.0 SHUT_WR"])),
    pair!("unix-datagram", "SOCK_DGRAM"),
    pair!("unix-seqpacket", "SOCK_SEQPACKET", (Op::HalfClose, &["{a}: shutdown {h}.0 SHUT_WR"])),
    named!("unix-stream-named", "SOCK_STREAM"),
    Dialect {
        kind: "unix-datagram-named",
        handle: "{o}",
        ways: &[
            (
                Op::Make,
                &[
                    "{a}: socket {h} AF_UNIX SOCK_DGRAM",
                    "{a}: bind {h} unix:{o}",
                    "{a}: socket {o}c AF_UNIX SOCK_DGRAM",
                    "{a}: connect {o}c unix:{o}",
                ],
            ),
            (Op::Send, &["{a}: send {o}c {data}"]),
            (Op::Receive, &["{a}: recv {h} {n}"]),
            (Op::TryReceive, &["{a}: recv {h} {n} MSG_DONTWAIT"]),
            (Op::Watch, &["{a}: poll {h}:POLLIN"]),
            (Op::Notify, &["{a}: fcntl {h} F_SETOWN {a}", "{a}: fcntl {h} F_SETFL O_ASYNC"]),
            (Op::EndSend, &["{a}: close {o}c"]),
            (Op::EndReceive, &["{a}: close {h}"]),
            (Op::Remove, &["{a}: unlink \"{o}\""]),
        ],
    },
    named!("unix-seqpacket-named", "SOCK_SEQPACKET"),
];

/// What the ends of a connection are called, and what else is done with them.
macro_rules! connected {
    ($kind:literal) => {
        Parts {
            kind: $kind,
            ends: &[("l", Tie::Own), ("c", Tie::Own)],
            also: &[
                (Op::Send, "{a}: write {o}c {data}"),
                (Op::Receive, "{a}: read {h} {n}"),
                (Op::SendBack, "{a}: write {h} {data}"),
                (Op::ReceiveBack, "{a}: read {o}c {n}"),
            ],
        }
    };
}

static PARTS: &[Parts] = &[
    connected!("unix-stream-named"),
    connected!("unix-seqpacket-named"),
    Parts {
        kind: "unix-datagram-named",
        ends: &[("c", Tie::Own)],
        also: &[
            (Op::Send, "{a}: sendto {o}c {data} unix:{o}"),
            (Op::Send, "{a}: write {o}c {data}"),
            (Op::Receive, "{a}: recvfrom {h} {n}"),
            (Op::Receive, "{a}: read {h} {n}"),
        ],
    },
];

impl Facility for Unix {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn dialects(&self) -> &'static [Dialect] {
        DIALECTS
    }

    fn parts(&self) -> &'static [Parts] {
        PARTS
    }

    fn predicates(&self) -> &'static [PredicateSpec] {
        endpoint::PREDICATES
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        endpoint::claim(CARD.id, "UNIX", handle)
    }

    fn named(&self, look: &mut Look<'_>) -> Vec<Found<'_>> {
        files(look)
    }

    fn stands_alone(&self, found: &Found<'_>, look: &mut Look<'_>) -> bool {
        // Where the kernel does not say which are in use, none is shown as stale.
        let used = look.diag().map_err(|_none| Errno::ENOENT).and_then(Diag::unix_files);
        used.is_ok_and(|used| !used.contains(&(found.key.dev, found.key.ino)))
    }

    fn means_on(&self, verb: &str, record: &Record, _handle: &Handle) -> Option<&'static str> {
        super::socket::moved(verb, record.errno)
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Kind("socket")
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let borrowed = found.descriptor(|_| true).map(|(pid, fd)| borrow(pid, fd, look));
        match borrowed {
            Some(Ok(socket)) => socket_reading(found, &socket, look),
            Some(Err(error)) => {
                let names = ["type", "state", "peer", "bytes"];
                let fields = names.iter().map(|name| Field::hidden(*name, &error.to_string())).collect();
                Reading { fields, ..Reading::default() }
            }
            None => file_reading(found),
        }
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        endpoint::learn(call, note);
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        endpoint::check(word, args, object)
    }

    fn only_they(&self, object: &Object, direction: &str, snapshot: &Snapshot) -> bool {
        endpoint::only_they(object, direction, snapshot)
    }

    fn other_end(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Option<OtherEnd> {
        // Of datagrams there is no end: each may be the last, and the next may come.
        let ends = matches!(object.value("type").as_text(), Some("stream" | "seqpacket"));
        endpoint::other_end(object, waiter, direction, snapshot, ends)
    }

    fn wakers(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<String> {
        endpoint::wakers(object, waiter, direction, snapshot)
    }
}

pub(super) fn borrow(pid: i32, fd: i32, look: &Look<'_>) -> Result<Borrowed, SysError> {
    let fd = look.borrow(pid, fd)?;
    let ready = raw::ready(&fd).map_err(|errno| SysError::new("poll", "a socket", errno))?;
    Ok(Borrowed { fd, ready })
}

/// The files of sockets. Those of living ones are part of their objects, the others stand alone.
fn files(look: &Look<'_>) -> Vec<Found<'static>> {
    let Ok(entries) = std::fs::read_dir(look.directory) else { return Vec::new() };
    let mut files: Vec<Found<'static>> = entries
        .flatten()
        .filter_map(|entry| {
            let meta = entry.metadata().ok().filter(|meta| meta.file_type().is_socket())?;
            let file = entry.file_name().to_string_lossy().into_owned();
            Some(Found {
                key: ObjectKey { facility: CARD.id.into(), dev: meta.dev(), ino: meta.ino(), offset: 0 },
                name: fifo::stage_name(file.as_bytes()),
                path: Some(file),
                handles: Vec::new(),
            })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn file_reading(found: &Found<'_>) -> Reading {
    let name = found.path.as_deref().unwrap_or_default();
    let state = text("state", "stale").noted("a file without a socket: nobody can connect, and the name is taken");
    Reading {
        identifier: Address::Path(name.as_bytes().to_vec()).to_string(),
        fields: vec![state],
        ..Reading::default()
    }
}

fn socket_reading(found: &Found<'_>, socket: &Borrowed, look: &mut Look<'_>) -> Reading {
    let told = look.diag().and_then(|diag| {
        diag.unix(found.key.ino).map_err(|errno| SysError::new("unix_diag", found.key.ino.to_string(), errno))
    });
    let identifier = raw::getsockname(socket.fd.as_raw_fd()).unwrap_or_default().without(look.tag).to_string();
    let kind = told.as_ref().map_or_else(|_| socket.option(libc::SO_TYPE).map(|n| n as i32), |told| Some(told.kind));
    let word = match kind {
        Some(libc::SOCK_STREAM) => "stream",
        Some(libc::SOCK_DGRAM) => "datagram",
        Some(libc::SOCK_SEQPACKET) => "seqpacket",
        _ => "unknown",
    };
    let mut fields = vec![text("type", word)];
    match &told {
        Ok(told) if told.state == LISTEN => listener(found, told, look, &mut fields),
        Ok(told) => {
            conversation(found, socket, told, word, look, &mut fields);
        }
        Err(error) => {
            fields.push(Field::hidden("peer", &error.to_string()));
            queue(found, socket, word, look, &mut fields);
        }
    }
    // Whoever passes a descriptor on and closes it leaves it to the kernel when it ends one that nobody can receive.
    let fleeting = fields.iter().any(|field| field.name == "descriptors" && field.value != Value::Int(0));
    Reading { identifier, fields, fleeting, ..Reading::default() }
}

fn listener(found: &Found<'_>, told: &UnixSocket, look: &Look<'_>, fields: &mut Vec<Field>) {
    fields.push(text("state", "listening"));
    fields.push(Field::kernel_int("waiting", told.receive_queue.into()));
    fields.push(Field::kernel_int("backlog", told.send_queue.into()));
    let who = told.waiting.iter().map(|ino| {
        Value::Text(match (ino, look.socket(found.key.dev, *ino)) {
            (_, Some(name)) => name.to_owned(),
            (0, None) => "closed already".to_owned(),
            (_, None) => "somebody".to_owned(),
        })
    });
    fields.push(Field::new("connecting", Value::List(who.collect()), Evidence::Kernel));
}

/// A socket that is or could be connected.
fn conversation(
    found: &Found<'_>,
    socket: &Borrowed,
    told: &UnixSocket,
    word: &str,
    look: &mut Look<'_>,
    fields: &mut Vec<Field>,
) {
    let datagram = word == "datagram";
    let peer = told.peer.filter(|ino| *ino != 0);
    let name = peer.and_then(|ino| look.socket(found.key.dev, ino)).map(str::to_owned);
    let state = match (told.peer, peer) {
        // Of datagram sockets the kernel calls connected also the one that another has connected to.
        (None, _) if told.state == 1 && !datagram => "orphaned",
        (None, _) => "unconnected",
        (Some(_), Some(_)) => "connected",
        // Its peer is no file of anybody: not yet, or not any more.
        (Some(_), None) if datagram || told.shut == 3 => "orphaned",
        (Some(_), None) => "pending",
    };
    fields.push(match state {
        "pending" => text("state", state).noted("connected, and not accepted yet"),
        "orphaned" => text("state", state).noted("its peer is gone"),
        _ => text("state", state),
    });
    if let (Some(_), name) = (peer, name) {
        fields.push(text("peer", name.unwrap_or_else(|| "a socket that nobody on stage holds".to_owned())));
    }
    queue(found, socket, word, look, fields);
    if !datagram && state != "unconnected" {
        let incoming = if socket.ready.ended || told.shut & 1 != 0 { "ended" } else { "open" };
        fields.push(text("incoming", incoming));
        let outgoing = if told.shut & 2 != 0 { "ended" } else { "open" };
        fields.push(text("outgoing", outgoing));
    }
    // Not bytes, but memory: each message costs some of its own.
    fields.push(Field::kernel_int("charged", told.charged.into()));
    fields.push(Field::kernel_int("sndbuf", told.send_buffer.into()));
    if let (false, Ok(who)) = (datagram || state == "unconnected", raw::peer_credentials(socket.fd.as_raw_fd())) {
        let actor = look.actor(who.pid).unwrap_or("somebody who is not on stage any more");
        // Who made the connection or listened, or made the pair: not who holds the other end now.
        fields.push(text("credentials", format!("{actor}, uid {}, gid {}", who.uid, who.gid)));
    }
}

/// What can be received, and which descriptors come along.
fn queue(found: &Found<'_>, socket: &Borrowed, word: &str, look: &mut Look<'_>, fields: &mut Vec<Field>) {
    if socket.ready.error {
        fields.push(text("error", "waits").noted(endpoint::ERROR_WAITS));
    }
    if word == "stream" {
        match raw::received_unread(&socket.fd) {
            Ok(total) => {
                fields.push(Field::kernel_int("bytes", total));
                fields.push(endpoint::stream(socket, total, look));
            }
            // It is not connected, and holds nothing.
            Err(_) => fields.push(Field::kernel_int("bytes", 0)),
        }
    } else {
        fields.extend(endpoint::messages(socket, &found.key, look));
    }
    let passed = found.descriptor(|_| true).and_then(|(pid, fd)| look.fdinfo(pid, fd).ok());
    let passed = passed.and_then(|info| info.others.iter().find(|(n, _)| n == "scm_fds")?.1.parse::<i64>().ok());
    match passed {
        Some(0) => {}
        Some(count) => {
            fields.push(Field::kernel_int("descriptors", count));
            fields.push(carried(socket, look));
        }
        None => fields.push(Field::hidden("descriptors", "this kernel does not tell how many are on their way")),
    }
}

/// Whether a descriptor lies in the queue of some socket, or may: whoever receives it holds what nobody seems to hold.
pub(super) fn descriptors_travel(snapshot: &Snapshot) -> bool {
    let sockets = snapshot.objects.iter().filter(|object| object.facility() == CARD.id);
    let mut fields = sockets.filter_map(|object| object.field("descriptors"));
    fields.any(|field| field.value != Value::Int(0))
}

/// What the descriptors lead to that lie in the queue.
fn carried(socket: &Borrowed, look: &Look<'_>) -> Field {
    if look.running {
        return Field::hidden("in flight", "somebody runs, and could be disturbed by a look");
    }
    match raw::carried(&socket.fd, CARRIED) {
        Ok(carried) => {
            let one = |c: raw::Carried| {
                let access = match c.flags & libc::O_ACCMODE {
                    libc::O_RDONLY => "read",
                    libc::O_WRONLY => "write",
                    _ => "read+write",
                };
                let object = look.names.iter().find(|(key, _)| (key.dev, key.ino) == (c.dev, c.ino));
                let kind = c.link.split(":[").next().unwrap_or_default().to_owned();
                let object = object.map_or(kind, |(_, name)| name.clone());
                Value::Record(vec![
                    ("to".into(), Value::Text(object)),
                    ("access".into(), Value::Text(access.to_owned())),
                ])
            };
            Field::new("in flight", Value::List(carried.into_iter().map(one).collect()), Evidence::Kernel)
        }
        Err(_) => Field::hidden("in flight", endpoint::ERROR_WAITS),
    }
}

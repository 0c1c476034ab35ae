//! UDP: datagrams between addresses, over IPv4 and IPv6 of the stage's own network; to one, to all, or to a group.
//!
//! A datagram that finds no room is dropped, and nobody is told: the kernel counts it. See udp(7), ip(7).

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use super::dialect::{Dialect, Op, Parts, Tie};
use super::endpoint::{self, Borrowed, text};
use super::look::{Found, Ground, Handle, Look, Reported};
use super::socket::{group, membership};
use super::{Card, ChangedBy, Facility, Judged, Reading, judge, unix};
use crate::kernel::arena::Record;
use crate::kernel::socket as raw;
use crate::model::{Evidence, Field, Object, ObjectKey, OtherEnd, Snapshot, Value};
use crate::script::{ArgValue, Cmp, PredicateArg, PredicateSpec};

/// The UDP socket.
#[derive(Debug)]
pub(super) struct Udp;

static CARD: Card = Card {
    id: "udp",
    title: "UDP sockets",
    family: "communication / data transfer / message",
    what: "Datagrams between addresses: each arrives whole or not at all, at one socket, at all of a network, or at the \
           members of a group.",
    identifier: "address and port",
    handle: "descriptor",
    persistence: "process",
    access: "whoever reaches the address",
    blocking: "receive while nothing has come; a sender hardly ever waits: what finds no room is dropped",
    boundaries: "kept: one receive takes one datagram",
    manual: &["udp(7)", "ip(7)", "ipv6(7)", "socket(7)"],
};

static PREDICATES: &[PredicateSpec] = &[
    endpoint::HOLDS,
    endpoint::NEXT,
    endpoint::PEER,
    endpoint::STATE,
    endpoint::ERROR,
    PredicateSpec {
        word: "dropped",
        args: &[PredicateArg::Number],
        doc: "How many datagrams were dropped since they came while there was no room",
        example: "expect u dropped > 0",
    },
    PredicateSpec {
        word: "member",
        args: &[PredicateArg::Data],
        doc: "It has joined the group with this address",
        example: "expect u member \"239.1.2.3\"",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "udp",
    handle: "{o}",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: socket {h} AF_INET SOCK_DGRAM",
                "{a}: bind {h} 127.0.0.1:{port}",
                "{a}: socket {o}c AF_INET SOCK_DGRAM",
                "{a}: connect {o}c 127.0.0.1:{port}",
            ],
        ),
        (Op::Send, &["{a}: send {o}c {data}"]),
        (Op::Receive, &["{a}: recv {h} {n}"]),
        (Op::TryReceive, &["{a}: recv {h} {n} MSG_DONTWAIT"]),
        (Op::Watch, &["{a}: poll {h}:POLLIN"]),
        (Op::Notify, &["{a}: fcntl {h} F_SETOWN {a}", "{a}: fcntl {h} F_SETFL O_ASYNC"]),
        (Op::EndSend, &["{a}: close {o}c"]),
        (Op::EndReceive, &["{a}: close {h}"]),
    ],
}];

static PARTS: &[Parts] = &[Parts {
    kind: "udp",
    ends: &[("c", Tie::Own)],
    also: &[
        (Op::Send, "{a}: sendto {o}c {data} 127.0.0.1:{port}"),
        (Op::Send, "{a}: write {o}c {data}"),
        (Op::Receive, "{a}: recvfrom {h} {n}"),
        (Op::Receive, "{a}: read {h} {n}"),
    ],
}];

impl Facility for Udp {
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
        PREDICATES
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        endpoint::claim(CARD.id, "UDP", handle)
    }

    fn moves_late(&self) -> bool {
        true
    }

    fn in_flight(&self, _found: &Found<'_>, look: &mut Look<'_>) -> bool {
        endpoint::packets_queued(look)
    }

    fn means_on(&self, verb: &str, record: &Record, _handle: &Handle) -> Option<&'static str> {
        super::socket::moved(verb, record.errno)
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Kind("socket")
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let Some((pid, fd)) = found.descriptor(|_| true) else { return Reading::default() };
        match unix::borrow(pid, fd, look) {
            Ok(socket) => reading(found, &socket, look),
            Err(error) => {
                let names = ["type", "state", "messages", "queue"];
                let fields = names.iter().map(|name| Field::hidden(*name, &error.to_string())).collect();
                Reading { fields, ..Reading::default() }
            }
        }
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        endpoint::learn(call, note);
        let [_, level, option, x, y, _] = call.record.args;
        let done = call.record.returned_ns != 0 && call.record.errno == 0;
        let (Some(joins), true) = (membership(level, option), call.spec.name == "setsockopt" && done) else { return };
        let group = group([x, y]).to_string();
        let mut groups = note.part("groups").map_or(&[][..], Value::as_list).to_vec();
        if joins {
            groups.push(Value::Text(group));
        } else {
            groups.retain(|g| g.as_text() != Some(&group));
        }
        endpoint::remember(note, "groups", (!groups.is_empty()).then_some(Value::List(groups)));
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        if word == "member" { Some(member(args, object)) } else { endpoint::check(word, args, object) }
    }

    fn other_end(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Option<OtherEnd> {
        endpoint::other_end(object, waiter, direction, snapshot, false)
    }

    fn wakers(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<String> {
        endpoint::wakers(object, waiter, direction, snapshot)
    }
}

fn member(args: &[ArgValue], object: &Object) -> Judged {
    let groups: Vec<&str> = object.value("groups").as_list().iter().filter_map(Value::as_text).collect();
    let (met, seen) = match judge::data(args, 0) {
        Ok(wanted) => (groups.iter().any(|g| g.as_bytes() == wanted), groups.join(", ")),
        Err(why) => (false, why),
    };
    let seen = if seen.is_empty() { "member of no group".to_owned() } else { seen };
    Judged { met, seen, field: endpoint::told("groups", object) }
}

fn reading(found: &Found<'_>, socket: &Borrowed, look: &mut Look<'_>) -> Reading {
    let local = raw::getsockname(socket.fd.as_raw_fd()).unwrap_or_default();
    let mut fields = vec![text("type", "datagram")];
    match raw::getpeername(socket.fd.as_raw_fd()) {
        Ok(remote) => {
            fields.push(text("state", "connected"));
            match endpoint::bound_to(&remote, libc::IPPROTO_UDP, look) {
                Ok(Some(ino)) => {
                    let name = look.socket(found.key.dev, ino).unwrap_or("a socket that nobody on stage holds");
                    fields.push(text("peer", name));
                }
                Ok(None) => {}
                Err(why) => fields.push(Field::hidden("peer", &why)),
            }
            fields.push(text("remote", remote.to_string()));
        }
        Err(_) => fields.push(text("state", "unconnected")),
    }
    if socket.ready.error {
        fields.push(text("error", "waits").noted(endpoint::ERROR_WAITS));
    }
    fields.extend(endpoint::messages(socket, &found.key, look));
    match raw::memory(&socket.fd) {
        Ok(memory) => {
            fields.push(Field::kernel_int("received", memory[0].into()));
            fields.push(Field::kernel_int("rcvbuf", memory[1].into()));
            fields.push(Field::kernel_int("dropped", memory[8].into()));
        }
        Err(_) => fields.push(Field::hidden("dropped", "this kernel does not tell it of a single socket")),
    }
    fields.extend(groups(&found.key, socket, look));
    // Only on a loopback nothing waits for a neighbour to answer.
    Reading { identifier: local.to_string(), fields, fleeting: look.place != 0, ..Reading::default() }
}

/// The groups that the socket has joined, as was reported; the kernel is asked about each, and about no others.
fn groups(key: &ObjectKey, socket: &Borrowed, look: &Look<'_>) -> Option<Field> {
    let mine = look.note(key).part("groups")?.clone();
    let left = mine.as_list().iter().filter_map(Value::as_text).find(|group| {
        let group = group.parse::<IpAddr>();
        group.is_ok_and(|group| raw::is_member(&socket.fd, group) == Ok(false))
    });
    let left = left.map(|group| format!("mirror differs from the kernel: it is no member of {group} any more"));
    let field = Field::new("groups", mine, Evidence::Mirror);
    Some(match left {
        Some(left) => field.noted(left),
        None => field,
    })
}

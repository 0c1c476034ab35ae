//! TCP: a stream between two addresses, over IPv4 and IPv6 of the stage's own network.
//!
//! What a socket will receive is peeked at through a borrowed descriptor, never while an error waits. Who is at the
//! other end is told by the addresses of all sockets of the stage's network, which inet_diag lists; see tcp(7),
//! sock_diag(7).

use std::os::fd::AsRawFd;

use super::dialect::{Dialect, Op, Parts, Tie};
use super::endpoint::{self, Borrowed, text};
use super::look::{Found, Ground, Handle, Look};
use super::{Card, ChangedBy, Facility, Judged, Reading, unix};
use crate::kernel::arena::Record;
use crate::kernel::netlink::diag::InetSocket;
use crate::kernel::socket::{self as raw, Address};
use crate::model::{Evidence, Field, Object, ObjectKey, OtherEnd, Snapshot, Value};
use crate::script::{ArgValue, Cmp, PredicateSpec};

/// The TCP socket.
#[derive(Debug)]
pub(super) struct Tcp;

static CARD: Card = Card {
    id: "tcp",
    title: "TCP sockets",
    family: "communication / data transfer / byte stream",
    what: "A stream between two addresses, on one machine or across a network: nothing is lost, doubled or out of order.",
    identifier: "address and port",
    handle: "descriptor",
    persistence: "process; what was sent is still delivered after a close",
    access: "whoever reaches the address",
    blocking: "receive while nothing has come; send while neither side has room; connect until the other side answers; \
               accept while nobody connects",
    boundaries: "none",
    manual: &["tcp(7)", "ip(7)", "ipv6(7)", "socket(7)"],
};

/// The states, by the kernel's numbers from 1 on; see include/net/tcp_states.h.
const STATES: [&str; 12] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
];
const LISTEN: u8 = 10;
const CLOSE: u8 = 7;
/// An end was sent, and is not acknowledged.
const ENDING: [u8; 3] = [4, 9, 11];

/// For how long data may be held back for the sake of larger segments before it is stuck, in ms: longer than the
/// longest delay of an acknowledgement.
const HELD_MS: u32 = 300;

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "tcp",
    handle: "{o}",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: socket {o}l AF_INET SOCK_STREAM",
                "{a}: bind {o}l 127.0.0.1:{port}",
                "{a}: listen {o}l 5",
                "{a}: socket {o}c AF_INET SOCK_STREAM",
                "{a}: connect {o}c 127.0.0.1:{port}",
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
    ],
}];

static PARTS: &[Parts] = &[Parts {
    kind: "tcp",
    ends: &[("l", Tie::Own), ("c", Tie::Own)],
    also: &[
        (Op::Send, "{a}: write {o}c {data}"),
        (Op::Receive, "{a}: read {h} {n}"),
        (Op::SendBack, "{a}: write {h} {data}"),
        (Op::ReceiveBack, "{a}: read {o}c {n}"),
    ],
}];

impl Facility for Tcp {
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
        endpoint::claim(CARD.id, "TCP", handle)
    }

    fn moves_late(&self) -> bool {
        true
    }

    fn in_flight(&self, found: &Found<'_>, look: &mut Look<'_>) -> bool {
        if endpoint::packets_queued(look) {
            return true;
        }
        let Some((pid, fd)) = found.descriptor(|_| true) else { return false };
        let Ok(socket) = look.borrow(pid, fd) else { return false };
        let Ok(told) = raw::tcp(&socket) else { return false };
        // An end is acknowledged at leisure (40 ms), and only then the state is the one that stays. Where nobody answers,
        // the clock sends it again: then nothing is waited for.
        if ENDING.contains(&told.state) && told.unacked > 0 && told.retransmits == 0 {
            return true;
        }
        // What is held back until an acknowledgement comes will go by itself.
        let waits = told.state != LISTEN && told.unacked > 0 && told.idle_ms < HELD_MS;
        waits && raw::unsent(&socket).is_ok_and(|unsent| unsent > 0)
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
                let names = ["type", "state", "peer", "bytes"];
                let fields = names.iter().map(|name| Field::hidden(*name, &error.to_string())).collect();
                Reading { fields, ..Reading::default() }
            }
        }
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        endpoint::check(word, args, object)
    }

    fn only_they(&self, object: &Object, direction: &str, snapshot: &Snapshot) -> bool {
        endpoint::only_they(object, direction, snapshot)
    }

    fn other_end(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Option<OtherEnd> {
        endpoint::other_end(object, waiter, direction, snapshot, true)
    }

    fn wakers(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<String> {
        endpoint::wakers(object, waiter, direction, snapshot)
    }
}

fn reading(found: &Found<'_>, socket: &Borrowed, look: &mut Look<'_>) -> Reading {
    let local = raw::getsockname(socket.fd.as_raw_fd()).unwrap_or_default();
    let identifier = local.to_string();
    let mut fields = vec![text("type", "stream")];
    let Ok(told) = raw::tcp(&socket.fd) else {
        fields.push(Field::hidden("state", "TCP_INFO can't be read"));
        return Reading { identifier, fields, ..Reading::default() };
    };
    let state = usize::from(told.state).checked_sub(1).and_then(|n| STATES.get(n)).copied().unwrap_or("unknown");
    fields.push(text("state", state));
    if told.state == LISTEN {
        fields.push(Field::kernel_int("waiting", told.unacked.into()));
        fields.push(Field::kernel_int("backlog", told.sacked.into()));
        fields.push(if told.unacked == 0 {
            Field::new("connecting", Value::List(Vec::new()), Evidence::Kernel)
        } else {
            connecting(found, &local, look)
        });
        // Whoever found no room tries again by the clock.
        return Reading { identifier, fields, fleeting: true, ..Reading::default() };
    }
    if let Ok(remote) = raw::getpeername(socket.fd.as_raw_fd()) {
        let peer = endpoint::peer_of(&local, &remote, look);
        match peer {
            Ok(Some(0)) => fields.push(text("peer", "not accepted yet")),
            Ok(Some(ino)) => {
                let name = look.socket(found.key.dev, ino).unwrap_or("a socket that nobody on stage holds");
                fields.push(text("peer", name));
            }
            Ok(None) => {}
            Err(why) => fields.push(Field::hidden("peer", &why)),
        }
        fields.push(text("remote", remote.to_string()));
    }
    if socket.ready.error {
        fields.push(text("error", "waits").noted(endpoint::ERROR_WAITS));
    }
    let total = raw::received_unread(&socket.fd).unwrap_or(0);
    fields.push(Field::kernel_int("bytes", total));
    fields.push(endpoint::stream(socket, total, look));
    if told.state != CLOSE {
        let incoming = if socket.ready.ended { "ended" } else { "open" };
        fields.push(text("incoming", incoming));
        let outgoing =
            if matches!(state, "ESTABLISHED" | "CLOSE_WAIT" | "SYN_SENT" | "SYN_RECV") { "open" } else { "ended" };
        fields.push(text("outgoing", outgoing));
        if let Ok(unsent) = raw::unsent(&socket.fd) {
            fields.push(Field::kernel_int("unsent", unsent));
        }
    }
    // Only on a loopback nothing is lost and sent again by the clock; and an end is on its way until it is acknowledged.
    let stable = matches!(state, "ESTABLISHED" | "CLOSE_WAIT" | "CLOSE") && told.unacked == 0 && look.place == 0;
    Reading { identifier, fields, fleeting: !stable, ..Reading::default() }
}

/// Who has connected and waits to be accepted: sockets that have no descriptor yet, by who is at their other ends.
fn connecting(found: &Found<'_>, local: &Address, look: &mut Look<'_>) -> Field {
    let all = match endpoint::inet(libc::IPPROTO_TCP, look) {
        Ok(all) => all.to_vec(),
        Err(why) => return Field::hidden("connecting", &why),
    };
    let waits = |s: &&InetSocket| s.ino == 0 && s.local.port() == local.port() && (s.state == 1 || s.state == 8);
    let mut who: Vec<Value> = all
        .iter()
        .filter(waits)
        .map(|s| {
            let client = all
                .iter()
                .find(|c| c.ino != 0 && endpoint::same(&c.local, &s.remote) && endpoint::same(&c.remote, &s.local));
            let name = client.and_then(|c| look.socket(found.key.dev, c.ino));
            Value::Text(name.map_or_else(|| s.remote.to_string(), str::to_owned))
        })
        .collect();
    // The kernel lists them in no order that means something.
    who.sort_by_key(|v| v.as_text().unwrap_or_default().to_owned());
    Field::new("connecting", Value::List(who), Evidence::Kernel)
}

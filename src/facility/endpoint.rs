//! What the sockets of all families have in common when the stage reads them.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;

use super::look::{Handle, HandleKind, Look, Reported};
use super::{Judged, judge};
use crate::kernel::netlink::diag::InetSocket;
use crate::kernel::proc;
use crate::kernel::socket::{self as raw, Address, Message, Messages};
use crate::model::{Evidence, Field, Object, ObjectKey, OtherEnd, Snapshot, Value};
use crate::script::{ArgValue, PredicateArg, PredicateSpec, process_of};

/// How much of a stream goes into a snapshot, in bytes.
const HEAD: usize = 64 << 10;
/// How much of a message.
const MESSAGE_HEAD: usize = 256;
/// How many messages from either end of a queue.
const ENDS: usize = 16;
/// How many messages are walked at most.
const WALK: usize = 1024;

/// Why a queue is not looked into though it could be.
pub(super) const ERROR_WAITS: &str = "an error waits for the next call, and a look would take it away";
const RUNNING: &str = "somebody runs, and could be disturbed by a look";

pub(super) const HOLDS: PredicateSpec = PredicateSpec {
    word: "holds",
    args: &[PredicateArg::Data],
    doc: "What waits to be received is exactly this stream, or one of the messages is exactly this",
    example: "expect b holds \"hello\"",
};
pub(super) const NEXT: PredicateSpec = PredicateSpec {
    word: "next",
    args: &[PredicateArg::Data],
    doc: "The message that the next receive takes is exactly this",
    example: "expect b next \"hello\"",
};
pub(super) const EOF: PredicateSpec = PredicateSpec {
    word: "eof",
    args: &[],
    doc: "A receive would give the end of the stream: nothing waits, and the peer sends no more",
    example: "expect b eof",
};
pub(super) const PEER: PredicateSpec = PredicateSpec {
    word: "peer",
    args: &[PredicateArg::Object],
    doc: "The socket at the other end",
    example: "expect s.0 peer s.1",
};

pub(super) const STATE: PredicateSpec = PredicateSpec {
    word: "state",
    args: &[PredicateArg::Word],
    doc: "Its state is this one: for TCP as the manual names it, for others as its pane shows it",
    example: "expect c state ESTABLISHED",
};
pub(super) const ERROR: PredicateSpec = PredicateSpec {
    word: "error",
    args: &[PredicateArg::Word],
    doc: "An error waits to be told to whoever calls next",
    example: "expect c error waits",
};
const WAITING: PredicateSpec = PredicateSpec {
    word: "waiting",
    args: &[PredicateArg::Number],
    doc: "How many connections wait to be accepted",
    example: "expect l waiting 1",
};
const BACKLOG: PredicateSpec = PredicateSpec {
    word: "backlog",
    args: &[PredicateArg::Number],
    doc: "How many connections may wait, as listen was told",
    example: "expect l backlog 5",
};

/// The predicates of sockets that may listen, and hold a stream with an end or messages.
pub(super) static PREDICATES: &[PredicateSpec] = &[HOLDS, NEXT, EOF, PEER, STATE, ERROR, WAITING, BACKLOG];

/// The key of a socket, if the kernel's name of its protocol begins so.
pub(super) fn claim(facility: &'static str, protocol: &str, handle: &Handle) -> Option<ObjectKey> {
    let HandleKind::Descriptor { fd, mode, .. } = handle.kind else { return None };
    if mode & libc::S_IFMT != libc::S_IFSOCK || !handle.link.starts_with("socket:[") {
        return None;
    }
    let name = raw::protocol(Path::new(&format!("/proc/{}/fd/{fd}", handle.pid)))?;
    name.starts_with(protocol).then(|| ObjectKey {
        facility: facility.into(),
        dev: handle.dev,
        ino: handle.ino,
        offset: 0,
    })
}

/// A socket of an actor, borrowed.
pub(super) struct Borrowed {
    pub(super) fd: OwnedFd,
    pub(super) ready: raw::Ready,
}

impl Borrowed {
    pub(super) fn option(&self, name: i32) -> Option<i64> {
        raw::get_int(self.fd.as_raw_fd(), libc::SOL_SOCKET, name).ok().map(i64::from)
    }
}

/// Texts of the kernel's own knowledge.
pub(super) fn text(name: &'static str, text: impl Into<String>) -> Field {
    Field::new(name, Value::Text(text.into()), Evidence::Kernel)
}

fn why(errno: Errno) -> String {
    if errno == Errno::EIO { ERROR_WAITS.to_owned() } else { format!("recvmsg failed: {errno:?} ({})", errno.desc()) }
}

/// What a stream's receive queue holds, of `total` bytes.
pub(super) fn stream(socket: &Borrowed, total: i64, look: &Look<'_>) -> Field {
    let most = HEAD.min(total.max(0) as usize);
    if most == 0 {
        let none = Value::Bytes { bytes: Vec::new(), total: 0 };
        // With an error waiting the kernel counts nothing that could be received.
        return if socket.ready.error && socket.ready.readable && total != 0 {
            Field::hidden("holds", ERROR_WAITS)
        } else {
            Field::new("holds", none, Evidence::Kernel)
        };
    }
    if look.running {
        return Field::hidden("holds", RUNNING);
    }
    match raw::peek_bytes(&socket.fd, most) {
        Ok(bytes) => {
            let total = (total as u64).max(bytes.len() as u64);
            Field::new("holds", Value::Bytes { bytes, total }, Evidence::Kernel)
        }
        Err(errno) => Field::hidden("holds", &why(errno)),
    }
}

/// The messages of a receive queue: how many, how many bytes, and themselves.
pub(super) fn messages(socket: &Borrowed, key: &ObjectKey, look: &mut Look<'_>) -> [Field; 3] {
    let names = ["messages", "bytes", "queue"];
    if look.running {
        return names.map(|name| Field::hidden(name, RUNNING));
    }
    let told = match raw::peek_messages(&socket.fd, WALK, ENDS, MESSAGE_HEAD) {
        Ok(told) => told,
        Err(errno) => return names.map(|name| Field::hidden(name, &why(errno))),
    };
    let tag = look.tag.to_owned();
    let note = look.notes.entry(key.clone()).or_insert(Value::Nothing);
    let whole = told.between == 0 && !told.more;
    let bytes = told.bytes as i64;
    let Messages { first, between, last, more, .. } = told;
    let mut list: Vec<Value> = first.into_iter().map(|m| message(m, &tag)).collect();
    if between > 0 {
        list.push(Value::Record(vec![("left out".into(), Value::Int(between as i64))]));
    }
    list.extend(last.into_iter().map(|m| message(m, &tag)));
    if whole {
        list = with_empty(note, list, socket.ready.readable);
    } else {
        remember(note, "seen", None);
        remember(note, "taken", None);
    }
    let count = list.len() as i64 + if between > 0 { between as i64 - 1 } else { 0 };
    let noted = |field: Field| {
        if more { field.noted(format!("more than {WALK} messages; what is behind was not looked at")) } else { field }
    };
    [
        noted(Field::kernel_int("messages", count)),
        noted(Field::kernel_int("bytes", bytes)),
        Field::new("queue", Value::List(list), Evidence::Kernel),
    ]
}

fn message(message: Message, tag: &str) -> Value {
    let mut parts = vec![("data".into(), Value::Bytes { bytes: message.bytes, total: message.length })];
    if message.from != Address::Unnamed {
        parts.push(("from".into(), Value::Text(message.from.without(tag).to_string())));
    }
    Value::Record(parts)
}

fn is_empty(message: &Value) -> bool {
    message.part("data").and_then(Value::as_bytes).is_some_and(|(_, total)| total == 0)
}

/// The kernel shows a message without bytes to the first look alone. So the queue of the last look is remembered if it
/// had one, with how many messages were received since: what is left of it comes before what is new.
fn with_empty(note: &mut Value, seen: Vec<Value>, readable: bool) -> Vec<Value> {
    let before = note.part("seen").map_or(&[][..], Value::as_list);
    let taken = note.part("taken").and_then(Value::as_int).unwrap_or(0).max(0) as usize;
    let fits = |left: &[Value]| {
        let mut solid = left.iter().filter(|m| !is_empty(m));
        let mut shown = seen.iter();
        // What is left must be the beginning of what is seen now.
        solid.all(|m| shown.next() == Some(m)).then(|| shown.len())
    };
    let left = (taken..=before.len()).find_map(|from| fits(&before[from..]).map(|fresh| (&before[from..], fresh)));
    let mut queue: Vec<Value> = match left {
        // Nothing can be received: there are no messages without bytes either.
        Some((left, fresh)) if readable => left.iter().chain(&seen[seen.len() - fresh..]).cloned().collect(),
        _ => seen,
    };
    let keeps = queue.iter().any(is_empty);
    remember(note, "seen", keeps.then(|| Value::List(queue.clone())));
    remember(note, "taken", keeps.then_some(Value::Int(0)));
    queue.shrink_to_fit();
    queue
}

/// Sets or takes away a named part of a note.
pub(super) fn remember(note: &mut Value, name: &'static str, value: Option<Value>) {
    let mut parts = if let Value::Record(parts) = std::mem::replace(note, Value::Nothing) { parts } else { Vec::new() };
    parts.retain(|(part, _)| part != name);
    parts.extend(value.map(|value| (name.into(), value)));
    if !parts.is_empty() {
        *note = Value::Record(parts);
    }
}

/// Whether packets are on their way over a loopback, asked for once a look.
pub(super) fn packets_queued(look: &mut Look<'_>) -> bool {
    *look.packets_queued.get_or_insert_with(proc::packets_queued)
}

/// All sockets of a protocol on stage, those of the place that is looked at first; asked for once a look. Another place
/// has the other end of a connection between hosts.
pub(super) fn inet<'l>(protocol: i32, look: &'l mut Look<'_>) -> Result<&'l [InetSocket], String> {
    let wanted = (look.place, protocol);
    if !look.inet.iter().any(|(p, _)| *p == wanted) {
        look.diag().map_err(|error| error.to_string())?;
        let others = (0..look.diags.len()).filter(|place| *place != look.place);
        let mut all = Vec::new();
        for place in std::iter::once(look.place).chain(others) {
            let Some(diag) = &mut look.diags[place] else { continue };
            for family in [libc::AF_INET, libc::AF_INET6] {
                let listed = diag.inet(family, protocol);
                all.extend(listed.map_err(|errno| format!("inet_diag failed: {errno:?} ({})", errno.desc()))?);
            }
        }
        look.inet.push((wanted, all));
    }
    Ok(look.inet.iter().find(|(p, _)| *p == wanted).map_or(&[], |(_, all)| all))
}

/// An IPv4 address that an IPv6 socket knows by its longer form, in the short one.
fn short(address: &Address) -> Address {
    match address {
        Address::V6(ip, port) => ip.to_ipv4_mapped().map_or_else(|| address.clone(), |ip| Address::V4(ip, *port)),
        other => other.clone(),
    }
}

pub(super) fn same(a: &Address, b: &Address) -> bool {
    short(a) == short(b)
}

/// The inode of the other end of a TCP connection: the socket with the same two addresses the other way round; 0 if no
/// descriptor leads to it yet, `None` if it is gone. It may be in the network of another place.
pub(super) fn peer_of(local: &Address, remote: &Address, look: &mut Look<'_>) -> Result<Option<u64>, String> {
    look.diag().map_err(|error| error.to_string())?;
    let (here, there) = (short(remote), short(local));
    let others = (0..look.diags.len()).filter(|place| *place != look.place);
    for place in std::iter::once(look.place).chain(others) {
        let Some(diag) = &mut look.diags[place] else { continue };
        let found = match diag.tcp(&here, &there) {
            Ok(found) => found,
            Err(Errno::ENOENT | Errno::EINVAL) => continue,
            Err(errno) => return Err(format!("inet_diag failed: {errno:?} ({})", errno.desc())),
        };
        // 1 and 8: what a close leaves behind in other states is nobody's.
        let lives = found.ino != 0 || found.state == 1 || found.state == 8;
        if lives && same(&found.local, remote) && same(&found.remote, local) {
            return Ok(Some(found.ino));
        }
    }
    Ok(None)
}

/// The inode of a socket that is bound to an address, or to any address with that port.
pub(super) fn bound_to(address: &Address, protocol: i32, look: &mut Look<'_>) -> Result<Option<u64>, String> {
    let all = inet(protocol, look)?;
    let any = |s: &&InetSocket| match short(&s.local) {
        Address::V4(ip, port) => ip.is_unspecified() && Some(port) == address.port(),
        Address::V6(ip, port) => ip.is_unspecified() && Some(port) == address.port(),
        _ => false,
    };
    Ok(all.iter().find(|s| same(&s.local, address)).or_else(|| all.iter().find(any)).map(|s| s.ino))
}

/// Counts the messages that were received since the last look.
pub(super) fn learn(call: &Reported<'_>, note: &mut Value) {
    let peeks = call.spec.name != "read" && call.record.args[2] & i64::from(libc::MSG_PEEK) != 0;
    let receives = matches!(call.spec.name, "read" | "recv" | "recvfrom" | "recvmsg");
    if !receives || peeks || call.record.errno != 0 || call.record.returned_ns == 0 {
        return;
    }
    if let Value::Record(parts) = note
        && let Some((_, Value::Int(taken))) = parts.iter_mut().find(|(name, _)| name == "taken")
    {
        *taken += 1;
    }
}

pub(super) fn check(word: &str, args: &[ArgValue], object: &Object) -> Option<Judged> {
    match word {
        "holds" if object.field("queue").is_none() => Some(judge::holds("holds", args, object)),
        "holds" | "next" => Some(judge::message(word == "next", "queue", args, object)),
        "eof" => {
            let ended = object.value("incoming").as_text() == Some("ended");
            let bytes = object.int("bytes");
            let seen = match bytes {
                Some(n) => format!("{n} bytes, and the peer {}", if ended { "sends no more" } else { "may send more" }),
                None => "an unknown number of bytes".to_owned(),
            };
            Some(Judged { met: ended && bytes == Some(0), seen, field: "incoming" })
        }
        "peer" => Some(word_is("peer", "nobody", args, object)),
        "state" => Some(word_is("state", "none", args, object)),
        "error" => Some(word_is("error", "none", args, object)),
        _ => None,
    }
}

fn word_is(field: &'static str, none: &str, args: &[ArgValue], object: &Object) -> Judged {
    let seen = object.value(field).as_text().unwrap_or(none).to_owned();
    let met = matches!(args.first(), Some(ArgValue::Name(name)) if *name == seen);
    Judged { met, seen, field: told(field, object) }
}

/// The field that tells something. One that is left out since there is nothing to tell, no peer, no error, no group, is
/// as sure as the type, which is read in the same look.
pub(super) fn told(field: &'static str, object: &Object) -> &'static str {
    if object.field(field).is_some() { field } else { "type" }
}

/// Who could end a wait: whoever holds the other end. A connection that waits for room is let in by who can accept.
pub(super) fn wakers(object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<String> {
    let holding = |other: &Object| other.holding("read").into_iter().map(str::to_owned).collect();
    other(object, waiter, direction, snapshot).map(holding).unwrap_or_default()
}

/// The other end, and whether its last close is an end of file, as it is for `ends`.
pub(super) fn other_end(
    object: &Object,
    waiter: &str,
    direction: &str,
    snapshot: &Snapshot,
    ends: bool,
) -> Option<OtherEnd> {
    let other = other(object, waiter, direction, snapshot)?;
    let connected = object.value("peer").as_text() == Some(&other.name);
    Some(OtherEnd { object: other.name.clone(), closes: ends && connected && direction != "connect" })
}

/// The socket at the other end of a wait.
fn other<'a>(object: &Object, waiter: &str, direction: &str, snapshot: &'a Snapshot) -> Option<&'a Object> {
    let args = || snapshot.actor(waiter).and_then(|a| a.sleep()).map(|s| s.args.as_str()).unwrap_or_default();
    match direction {
        "receive" | "send" | "read" | "write" => {
            let peer = object.value("peer").as_text().and_then(|name| snapshot.object(name));
            // A datagram that names its address waits for who is bound to it.
            peer.or_else(|| at(args(), object, snapshot))
        }
        "connect" => at(args(), object, snapshot),
        _ => None,
    }
}

/// Whether nobody but those who have the other end open could end a wait: the two are connected, no descriptor is on its
/// way to somebody else, and nobody but the sleepers has their own end, by which it could be shut down.
pub(super) fn only_they(object: &Object, direction: &str, snapshot: &Snapshot) -> bool {
    let Some(peer) = object.value("peer").as_text().and_then(|name| snapshot.object(name)) else { return false };
    let far = peer.holding("");
    let asleep = |holder: &str| object.waiters.iter().any(|waiter| process_of(&waiter.actor) == process_of(holder));
    let theirs = object.holding("").into_iter().all(|holder| asleep(holder) || far.contains(&holder));
    let transfers = matches!(direction, "receive" | "send" | "read" | "write");
    theirs && transfers && !super::unix::descriptors_travel(snapshot)
}

/// The socket of the same facility whose address stands last in a call's arguments.
fn at<'a>(args: &str, object: &Object, snapshot: &'a Snapshot) -> Option<&'a Object> {
    let address = args.rsplit(", ").next()?;
    let mut others = snapshot.objects.iter().filter(|o| o.facility() == object.facility() && o.name != object.name);
    let port = |text: &str| text.rsplit_once(':').map(|(_, port)| port.to_owned());
    let any = |o: &Object| ["0.0.0.0:", "[::]:"].iter().any(|any| o.identifier.starts_with(any));
    others.find(|o| o.identifier == address || any(o) && port(&o.identifier) == port(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<Value> {
        let data = |t: &&str| Message { bytes: t.as_bytes().to_vec(), length: t.len() as u64, from: Address::Unnamed };
        texts.iter().map(|t| message(data(t), "")).collect()
    }

    fn take(note: &mut Value, n: i64) {
        remember(note, "taken", Some(Value::Int(n)));
    }

    #[test]
    fn messages_without_bytes_are_remembered() {
        let mut note = Value::Nothing;
        assert_eq!(with_empty(&mut note, list(&["one", "", "two"]), true), list(&["one", "", "two"]));
        assert_eq!(with_empty(&mut note, list(&["one", "two"]), true), list(&["one", "", "two"]), "looked again");
        assert_eq!(with_empty(&mut note, list(&["one", "two", "", "x"]), true), list(&["one", "", "two", "", "x"]));
        take(&mut note, 1);
        assert_eq!(with_empty(&mut note, list(&["two", "x"]), true), list(&["", "two", "", "x"]));
        take(&mut note, 3);
        assert_eq!(with_empty(&mut note, list(&["x"]), true), list(&["x"]));
        assert_eq!(note, Value::Nothing);
        assert_eq!(with_empty(&mut note, list(&[""]), true), list(&[""]));
        assert_eq!(with_empty(&mut note, list(&[]), true), list(&[""]));
        assert_eq!(with_empty(&mut note, list(&[]), false), list(&[]), "nothing can be received");
        assert_eq!(note, Value::Nothing);
    }

    #[test]
    fn what_does_not_fit_is_forgotten() {
        let mut note = Value::Nothing;
        with_empty(&mut note, list(&["one", "", "two"]), true);
        assert_eq!(with_empty(&mut note, list(&["other"]), true), list(&["other"]));
    }
}

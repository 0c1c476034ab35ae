//! Calls on sockets of all families: see socket(7) and the pages that it names.

mod calls;
mod means;
mod shown;

pub(super) use calls::ERRNOS;
pub(super) use means::moved;

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use super::perform::{Body, Bound, Given, Making, Performer, Refusal, beneath};
use super::show::{Shown, constant, pack};
use super::table::saturated;
use super::{Card, Facility};
use crate::kernel::arena::Record;
use crate::kernel::socket::{self as raw, Address, Received};
use crate::script::{CallSpec, Data, SocketAddress};
use calls::{CALLS, options};

/// The chapter of sockets.
#[derive(Debug)]
pub(super) struct Sockets;

static CARD: Card = Card {
    id: "socket",
    title: "Sockets",
    family: "communication / data transfer",
    what: "An end of a conversation: a stream or messages, between processes of one machine or of several.",
    identifier: "path, name, or address and port",
    handle: "descriptor",
    persistence: "process",
    access: "permissions of the file for UNIX sockets; none for others",
    blocking: "receive while nothing has come; send while there is no room; accept while nobody connects",
    boundaries: "none for streams; kept for datagrams and sequenced packets",
    manual: &["socket(2)", "socket(7)", "unix(7)", "ip(7)", "tcp(7)", "udp(7)"],
};

impl Facility for Sockets {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn left_out(&self) -> &'static [(&'static str, &'static str)] {
        calls::LEFT_OUT
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "socket" => return socket(performer),
            "socketpair" => socketpair(performer),
            "bind" | "connect" => addressed(performer),
            "listen" => {
                let (fd, backlog) = (performer.fd("sockfd"), performer.int("backlog", 0));
                let making = Making::new([fd.into(), backlog, 0, 0, 0, 0]);
                let _ = performer.call(making, || raw::listen(fd, saturated(backlog)).map(|()| 0));
            }
            "accept" | "accept4" => accept(performer),
            "send" | "sendto" => send(performer),
            "recv" | "recvfrom" => return receive(performer),
            "sendmsg" => sendmsg(performer),
            "recvmsg" => return recvmsg(performer),
            "shutdown" => {
                let (fd, how) = (performer.fd("sockfd"), performer.int("how", 0));
                let making = Making::new([fd.into(), how, 0, 0, 0, 0]);
                let _ = performer.call(making, || raw::shutdown(fd, how as i32).map(|()| 0));
            }
            "getsockname" | "getpeername" => name(performer),
            "getsockopt" => getsockopt(performer),
            "setsockopt" => return setsockopt(performer),
            _ => return Err(Refusal::new(format!("{verb} is no call on sockets"))),
        }
        Ok(())
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        means::means(verb, record)
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        shown::show(verb, record)
    }
}
/// An address as the call will take it. `*` has no family yet.
pub(super) fn given(
    address: &SocketAddress,
    body: &Body,
    port: impl Fn() -> Result<i64, Refusal>,
) -> Result<Given, Refusal> {
    let port = || {
        let port = port()?;
        u16::try_from(port).map_err(|_large| Refusal::new(format!("a port is a number from 0 to 65535, not {port}")))
    };
    Ok(match address {
        SocketAddress::Path(name) => Given::Socket(Address::Path(beneath(name.as_bytes())?.into_bytes())),
        SocketAddress::Abstract(name) => {
            Given::Socket(Address::Abstract([body.tag.as_bytes(), name.as_bytes()].concat()))
        }
        SocketAddress::V4(ip, _) => Given::Socket(Address::V4(*ip, port()?)),
        SocketAddress::V6(ip, _) => Given::Socket(Address::V6(*ip, port()?)),
        SocketAddress::Host(name, _) => {
            let host = body.hosts.iter().find(|host| host.name == *name);
            let host = host.ok_or_else(|| Refusal::new(format!("no host is called {name}")))?;
            Given::HostAddress(host.clone(), port()?)
        }
        SocketAddress::Any(_) => Given::AnyAddress(port()?),
    })
}

/// The address in an argument, `*` in the socket's own family; none if it was not given.
fn address(performer: &Performer<'_>, name: &str, fd: i32) -> Address {
    match performer.given(name) {
        Some(Given::Socket(address)) => address.clone(),
        Some(Given::AnyAddress(port)) => match raw::get_int(fd, libc::SOL_SOCKET, libc::SO_DOMAIN) {
            Ok(libc::AF_INET6) => Address::V6(std::net::Ipv6Addr::UNSPECIFIED, *port),
            Ok(_) | Err(_) => Address::V4(Ipv4Addr::UNSPECIFIED, *port),
        },
        Some(Given::HostAddress(host, port)) => match raw::get_int(fd, libc::SOL_SOCKET, libc::SO_DOMAIN) {
            Ok(libc::AF_INET6) => Address::V6(host.v6, *port),
            Ok(_) | Err(_) => Address::V4(host.v4, *port),
        },
        _ => Address::Unnamed,
    }
}

/// An address in words, as numbers for a record.
fn packed(address: &Address, tag: &str) -> [i64; 3] {
    match address {
        Address::Unnamed => [0; 3],
        named => pack(&named.clone().without(tag).to_string()),
    }
}

/// Beyond the stage there is the machine's own network, which is not the learner's to play with.
fn no_network() -> Refusal {
    Refusal::new("this stage has no network of its own: it is in shared mode, and shares the machine's")
        .help("UNIX sockets work here; `ipclab doctor` says why the stage is shared")
}

fn socket(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (name, domain, kind) = (performer.name("name"), performer.int("domain", 0), performer.int("type", 0));
    if domain != i64::from(libc::AF_UNIX) && !performer.body.tag.is_empty() {
        return Err(no_network());
    }
    let making = Making::new([domain, kind, 0, 0, 0, 0]);
    let made = performer.call(making, || raw::socket(domain as i32, kind as i32, 0).map(i64::from));
    if let Ok(fd) = made {
        performer.bind(name, name, Bound::Descriptor(fd as i32));
    }
    Ok(())
}

fn socketpair(performer: &mut Performer<'_>) {
    let (name, domain, kind) = (performer.name("sv"), performer.int("domain", 0), performer.int("type", 0));
    let ends = Cell::new((0, 0));
    let made = performer.call_then(
        Making::new([domain, kind, 0, 0, 0, 0]),
        || raw::socketpair(domain as i32, kind as i32, 0).map(|made| ends.set(made)).map(|()| 0),
        |record| (record.args[3], record.args[4]) = (ends.get().0.into(), ends.get().1.into()),
    );
    if made.is_ok() {
        for (end, fd) in [("0", ends.get().0), ("1", ends.get().1)] {
            let name = format!("{name}.{end}");
            performer.bind(&name, &name, Bound::Descriptor(fd));
        }
    }
}

fn addressed(performer: &mut Performer<'_>) {
    let fd = performer.fd("sockfd");
    let address = address(performer, "addr", fd);
    let [x, y, z] = packed(&address, &performer.body.tag);
    let making = Making::new([fd.into(), x, y, z, 0, 0]);
    let _ = if performer.spec.name == "bind" {
        performer.call(making, || raw::bind(fd, &address).map(|()| 0))
    } else {
        performer.call(timed(making, fd, libc::SO_SNDTIMEO), || raw::connect(fd, &address).map(|()| 0))
    };
}

/// Whether this process may have a socket with a timeout: set by itself, by the one that it was forked by, or received.
/// As long as not, `read` and `write` need not ask, which most often are about something else.
static TIMED: AtomicBool = AtomicBool::new(false);

/// Notes that this process may have a socket with a timeout.
pub fn may_be_timed() {
    TIMED.store(true, Ordering::Relaxed);
}

/// The same call of `read` or `write` with its deadline, if the descriptor is a socket that has one.
pub(super) fn perhaps_timed(making: Making<'_>, fd: i32, option: i32) -> Making<'_> {
    if TIMED.load(Ordering::Relaxed) { timed(making, fd, option) } else { making }
}

/// The same call with its deadline, if the socket has one for this direction.
fn timed(making: Making<'_>, fd: i32, option: i32) -> Making<'_> {
    match raw::get_time(fd, option) {
        Ok(ns @ 1..) => making.within(i64::try_from(ns).unwrap_or(i64::MAX)),
        Ok(_) | Err(_) => making,
    }
}

fn accept(performer: &mut Performer<'_>) {
    let fd = performer.fd("sockfd");
    let flags = (performer.spec.name == "accept4").then(|| performer.int("flags", 0) as i32);
    let from = RefCell::new(Address::Unnamed);
    let tag = performer.body.tag.clone();
    let made = performer.call_then(
        timed(Making::new([fd.into(), flags.unwrap_or(0).into(), 0, 0, 0, 0]), fd, libc::SO_RCVTIMEO),
        || {
            let (made, peer) = raw::accept(fd, flags)?;
            from.replace(peer);
            Ok(made.into())
        },
        |record| record.args[2..5].copy_from_slice(&packed(&from.borrow(), &tag)),
    );
    if let Ok(made) = made {
        let name = performer.expr.bind.clone().unwrap_or_default();
        performer.bind("", &name, Bound::Descriptor(made as i32));
    }
}

fn send(performer: &mut Performer<'_>) {
    let (fd, data, flags) = (performer.fd("sockfd"), performer.bytes("buf"), performer.int("flags", 0));
    let to = address(performer, "dest_addr", fd);
    let [x, y, z] = packed(&to, &performer.body.tag);
    let making = Making::new([fd.into(), data.len() as i64, flags, x, y, z]).data(data);
    let making = timed(making, fd, libc::SO_SNDTIMEO);
    let _ = performer.call(making, || raw::sendto(fd, data, flags as i32, &to).map(|n| n as i64));
}

fn receive(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (fd, length, flags) = (performer.fd("sockfd"), performer.size("len")?, performer.int("flags", 0));
    let from = RefCell::new(Address::Unnamed);
    let tag = performer.body.tag.clone();
    let making = timed(Making::new([fd.into(), length as i64, flags, 0, 0, 0]), fd, libc::SO_RCVTIMEO);
    let asks = performer.spec.name == "recvfrom";
    let _ = performer.call_into_then(
        making,
        &mut vec![0; length],
        |buffer| {
            if !asks {
                return raw::recv(fd, buffer, flags as i32).map(|n| n as i64);
            }
            let (got, peer) = raw::recvfrom(fd, buffer, flags as i32)?;
            from.replace(peer);
            Ok(got as i64)
        },
        |record| record.args[3..6].copy_from_slice(&packed(&from.borrow(), &tag)),
    );
    Ok(())
}

/// A descriptor in the upper half of a record's argument: 0 is none.
const fn above(low: i64, fd: Option<i32>) -> i64 {
    let high = match fd {
        Some(fd) => fd as i64 + 1,
        None => 0,
    };
    low & 0xffff_ffff | high << 32
}

const fn low(word: i64) -> i64 {
    word & 0xffff_ffff
}

fn sendmsg(performer: &mut Performer<'_>) {
    let (fd, data, flags) = (performer.fd("sockfd"), performer.bytes("buf"), performer.int("flags", 0));
    let to = address(performer, "to", fd);
    let right = performer.has("rights").then(|| performer.fd("rights"));
    let rights: Vec<i32> = right.into_iter().collect();
    let [x, y, z] = packed(&to, &performer.body.tag);
    let making = Making::new([fd.into(), data.len() as i64, above(flags, right), x, y, z]).data(data);
    let making = timed(making, fd, libc::SO_SNDTIMEO);
    let _ = performer.call(making, || raw::sendmsg(fd, data, flags as i32, &to, &rights).map(|n| n as i64));
}

fn recvmsg(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (fd, length, flags) = (performer.fd("sockfd"), performer.size("len")?, performer.int("flags", 0));
    let told = RefCell::new(Received::default());
    let making = timed(Making::new([fd.into(), length as i64, flags, 0, 0, 0]), fd, libc::SO_RCVTIMEO);
    let made = performer.call_into_then(
        making,
        &mut vec![0; length],
        |buffer| {
            let got = raw::recvmsg(fd, buffer, flags as i32)?;
            let length = got.length as i64;
            told.replace(got);
            Ok(length)
        },
        |record| {
            let told = told.borrow();
            record.args[2] = flags & 0xffff_ffff | i64::from(told.flags) << 32;
            record.args[3] = above(told.rights.len() as i64, told.rights.first().copied());
            if let Some(who) = told.credentials {
                record.args[4] = i64::from(who.pid) + 1;
                record.args[5] = i64::from(who.uid) | i64::from(who.gid) << 32;
            }
        },
    );
    if let (Ok(_), Some(first)) = (made, told.borrow().rights.first()) {
        may_be_timed();
        // It leads to an object that is there already.
        performer.bind("", "", Bound::Descriptor(*first));
    }
    Ok(())
}

fn name(performer: &mut Performer<'_>) {
    let fd = performer.fd("sockfd");
    let told = RefCell::new(Address::Unnamed);
    let (tag, own) = (performer.body.tag.clone(), performer.spec.name == "getsockname");
    let made = performer.call_then(
        Making::new([fd.into(), 0, 0, 0, 0, 0]),
        || {
            told.replace(if own { raw::getsockname(fd) } else { raw::getpeername(fd) }?);
            Ok(0)
        },
        |record| record.args[1..4].copy_from_slice(&packed(&told.borrow(), &tag)),
    );
    if made.is_ok() {
        performer.deliver(Data::Int(told.borrow().port().unwrap_or(0).into()));
    }
}

const fn is(level: i64, option: i64, wanted_level: i32, wanted: i32) -> bool {
    level == wanted_level as i64 && option == wanted as i64
}

fn is_time(level: i64, option: i64) -> bool {
    is(level, option, libc::SOL_SOCKET, libc::SO_RCVTIMEO) || is(level, option, libc::SOL_SOCKET, libc::SO_SNDTIMEO)
}

fn is_group(level: i64, option: i64) -> bool {
    membership(level, option).is_some() || is(level, option, libc::IPPROTO_IP, libc::IP_MULTICAST_IF)
}

/// Whether an option joins a group, or leaves it.
pub(super) fn membership(level: i64, option: i64) -> Option<bool> {
    match (level as i32, option as i32) {
        (libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP) | (libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP) => Some(true),
        (libc::IPPROTO_IP, libc::IP_DROP_MEMBERSHIP) | (libc::IPPROTO_IPV6, libc::IPV6_DROP_MEMBERSHIP) => Some(false),
        _ => None,
    }
}

/// An address in the two numbers of a record: an IPv4 address has 0 as its second, and no high bits in its first.
pub(super) fn group([first, second]: [i64; 2]) -> IpAddr {
    match u32::try_from(first) {
        Ok(ip) => IpAddr::V4(ip.into()),
        Err(_) => IpAddr::V6((u128::from(first.cast_unsigned()) << 64 | u128::from(second.cast_unsigned())).into()),
    }
}

fn grouped(ip: IpAddr) -> [i64; 2] {
    match ip {
        IpAddr::V4(ip) => [u32::from(ip).into(), 0],
        IpAddr::V6(ip) => {
            let bits = u128::from(ip);
            [((bits >> 64) as u64).cast_signed(), (bits as u64).cast_signed()]
        }
    }
}

fn getsockopt(performer: &mut Performer<'_>) {
    let (fd, level, option) = (performer.fd("sockfd"), performer.int("level", 0), performer.int("optname", 0));
    let told = Cell::new([0; 3]);
    let made = performer.call_then(
        Making::new([fd.into(), level, option, 0, 0, 0]),
        || {
            told.set(if is(level, option, libc::SOL_SOCKET, libc::SO_PEERCRED) {
                let peer = raw::peer_credentials(fd)?;
                [peer.pid.into(), peer.uid.into(), peer.gid.into()]
            } else if is_time(level, option) {
                [raw::get_time(fd, option as i32)? as i64, 0, 0]
            } else if is(level, option, libc::SOL_SOCKET, libc::SO_LINGER) {
                [raw::get_linger(fd)?.map_or(-1, i64::from), 0, 0]
            } else {
                [raw::get_int(fd, level as i32, option as i32)?.into(), 0, 0]
            });
            Ok(0)
        },
        |record| record.args[3..6].copy_from_slice(&told.get()),
    );
    if made.is_ok() {
        performer.deliver(Data::Int(told.get()[0]));
    }
}

fn setsockopt(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (fd, level, option) = (performer.fd("sockfd"), performer.int("level", 0), performer.int("optname", 0));
    let text = String::from_utf8_lossy(performer.bytes("group")).into_owned();
    let value = performer.int("timeout", performer.int("optval", 0));
    let needs = |what: &str| Refusal::new(format!("{} needs {what}", constant(option, options(level))));
    if is_group(level, option) {
        let ip: Option<IpAddr> = text.parse().ok();
        let ip = match ip.filter(|ip| ip.is_ipv4() == (level == i64::from(libc::IPPROTO_IP))) {
            Some(ip) => ip,
            None if level == i64::from(libc::IPPROTO_IP) => {
                return Err(needs("an IPv4 address in text: \"239.1.2.3\""));
            }
            None => return Err(needs("an IPv6 address in text: \"ff15::1\"")),
        };
        let [x, y] = grouped(ip);
        let making = Making::new([fd.into(), level, option, x, y, 0]);
        let _ = performer.call(making, || {
            let ip = match ip {
                IpAddr::V4(ip) => ip,
                IpAddr::V6(ip) => return raw::ipv6_group(fd, option as i32, ip).map(|()| 0),
            };
            if is(level, option, libc::IPPROTO_IP, libc::IP_MULTICAST_IF) {
                raw::ip_interface(fd, ip).map(|()| 0)
            } else {
                raw::ip_group(fd, option as i32, ip, Ipv4Addr::UNSPECIFIED).map(|()| 0)
            }
        });
        return Ok(());
    }
    if performer.has("group") || !(performer.has("timeout") || performer.has("optval")) {
        return Err(needs(if is_time(level, option) { "a duration: 500ms" } else { "a number" }));
    }
    let making = Making::new([fd.into(), level, option, value, 0, 0]);
    let _ = performer.call(making, || {
        let number = saturated(value);
        if is_time(level, option) {
            may_be_timed();
            raw::set_time(fd, option as i32, value.max(0) as u64)
        } else if is(level, option, libc::SOL_SOCKET, libc::SO_LINGER) {
            raw::set_linger(fd, (value >= 0).then_some(number))
        } else {
            raw::set_int(fd, level as i32, option as i32, number)
        }
        .map(|()| 0)
    });
    Ok(())
}

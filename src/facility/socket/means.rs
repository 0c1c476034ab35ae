//! What the results of calls on sockets mean here, where the error's name alone does not say it.

use super::super::show::unpack;
use super::low;
use crate::kernel::arena::Record;

/// What a result means; see the errors of socket(7), unix(7), ip(7), tcp(7), udp(7) and of each call's own page.
pub(super) fn means(verb: &str, record: &Record) -> Option<String> {
    let [a, _, c, d, e, f] = record.args;
    let said = match (verb, record.errno) {
        ("recvmsg", 0) => return cut(c >> 32, low(d)).map(ToOwned::to_owned),
        // With MSG_TRUNC the result is the length that the message had.
        ("recv", 0) if record.ret > record.args[1] => {
            return Some(format!(
                "the message was longer than the buffer: {} bytes are gone",
                record.ret - record.args[1]
            ));
        }
        (_, 0) => return None,
        (_, libc::ENOTSOCK) => "this descriptor leads to no socket",
        (_, libc::EBADF) => {
            return (verb == "sendmsg" && c >> 32 != 0)
                .then(|| format!("one of {a} and {} is no open descriptor", (c >> 32) - 1));
        }
        ("bind" | "connect", errno) => return addressed(verb, errno, &unpack([record.args[1], c, d])),
        ("send" | "sendto" | "sendmsg", errno) => sent(errno, &unpack([d, e, f]))?,
        ("socket" | "socketpair", errno) => made(errno)?,
        ("listen", libc::EOPNOTSUPP) => "only streams and sequenced packets have connections to wait for",
        ("listen", libc::EINVAL) => "it is connected, or it is a UNIX socket that has no address yet",
        ("accept" | "accept4", libc::EINVAL) => "it does not listen",
        ("accept" | "accept4", libc::EOPNOTSUPP) => "datagrams have no connections, so there is nothing to accept",
        ("accept" | "accept4", libc::EAGAIN) => "nobody waits to be accepted, and it may not wait, or no longer",
        ("recv" | "recvfrom" | "recvmsg", errno) => received(errno)?,
        ("shutdown" | "getpeername", libc::ENOTCONN) => "it is not connected, or not any more",
        ("getsockopt" | "setsockopt", errno) => option(errno)?,
        _ => return None,
    };
    Some(said.to_owned())
}

/// What recvmsg(2) says of what it could not deliver.
fn cut(flags: i64, rights: i64) -> Option<&'static str> {
    let has = |flag: i32| flags & i64::from(flag) != 0;
    match (has(libc::MSG_TRUNC), has(libc::MSG_CTRUNC)) {
        (true, _) => Some("the message was longer than the buffer: its rest is gone"),
        (_, true) if rights == 0 => Some("something came along that found no room, and is gone"),
        _ => None,
    }
}

/// bind(2) and connect(2).
fn addressed(verb: &str, errno: i32, address: &str) -> Option<String> {
    let (unix, named) = (address.starts_with("unix:"), address.starts_with("unix:@"));
    // A record has room for the first bytes of an address.
    let long = unix && address.ends_with('…');
    Some(match (verb, errno) {
        (_, libc::EINVAL) if long => format!("{NO_ROOM}, or it has an address already"),
        ("connect", libc::EINVAL) if address.starts_with("[fe80:") => {
            "a link-local address means something on one line only, and which one (sin6_scope_id) can't be said here"
                .to_owned()
        }
        ("bind", libc::EADDRINUSE) if named => "a living socket has this name".to_owned(),
        ("bind", libc::EADDRINUSE) if unix => {
            "a file has this name, whether a socket lives behind it or not: unlink takes the name away".to_owned()
        }
        ("bind", libc::EADDRINUSE) => {
            "another socket has this port; SO_REUSEADDR of both may let them share it".to_owned()
        }
        ("bind", libc::EADDRNOTAVAIL) => "no interface of this machine has this address".to_owned(),
        ("bind", libc::EACCES) if unix => "its directory may not be written".to_owned(),
        ("bind", libc::EACCES) => "a port below 1024 takes a privilege, which no actor has".to_owned(),
        ("bind", libc::EINVAL) => "it has an address already, or this one is of another family".to_owned(),
        ("bind", libc::EAFNOSUPPORT) => "this address is of another family than the socket".to_owned(),
        ("connect", libc::ENOENT) => "no file has this name".to_owned(),
        ("connect", libc::ECONNREFUSED) if named => "no socket here has this name and listens".to_owned(),
        ("connect", libc::ECONNREFUSED) if unix => {
            "the file is there, and no socket listens behind it: it is stale, or listen has not been called".to_owned()
        }
        ("connect", libc::ECONNREFUSED) => format!("nobody listens at {address}, and that machine says so"),
        ("connect", libc::EACCES) if unix => "to connect takes the right to write the file".to_owned(),
        ("connect", libc::EACCES) => NO_BROADCAST.to_owned(),
        ("connect", libc::EPROTOTYPE) => "the socket there is of another type".to_owned(),
        ("connect", libc::EISCONN) => "it is connected already".to_owned(),
        ("connect", libc::EALREADY) => "an earlier connect has not been answered yet".to_owned(),
        ("connect", libc::EINPROGRESS) => "the connection is not made yet: it can be written once it is".to_owned(),
        ("connect", libc::EAGAIN) => "as many as the backlog allows wait already, and it may not wait".to_owned(),
        ("connect", libc::ENETUNREACH) => NO_WAY.to_owned(),
        ("connect", libc::EHOSTUNREACH) => NOBODY_ANSWERS.to_owned(),
        ("connect", libc::ETIMEDOUT) => "no answer came, though it was asked for again and again".to_owned(),
        ("connect", libc::EADDRNOTAVAIL) => "no port of its own is free, or the address is nobody's".to_owned(),
        ("connect", libc::EINVAL) => "it listens, or this address is of another family".to_owned(),
        ("connect", libc::EAFNOSUPPORT) => "this address is of another family than the socket".to_owned(),
        ("connect", libc::ECONNABORTED) => "an earlier connect has failed".to_owned(),
        _ => return None,
    })
}

const NO_ROOM: &str = "the name of a UNIX socket has room for 107 bytes (sun_path), and this one may be longer";
const NO_BROADCAST: &str = "this address is everybody's, and SO_BROADCAST is not set";
const NO_WAY: &str = "no line leads there: a stage reaches its loopback and its own hosts, and nothing else";
const NOBODY_ANSWERS: &str = "no machine answers to this address";

/// send(2), sendto(2), sendmsg(2).
fn sent(errno: i32, to: &str) -> Option<&'static str> {
    let unix = to.starts_with("unix:");
    Some(match errno {
        libc::EPIPE => "this direction has ended: the peer is gone, or somebody has shut it down",
        libc::ENOTCONN => "it is not connected, and no address was given",
        libc::EDESTADDRREQ => "it is not connected, and no address was given",
        libc::EISCONN => "it is connected: an address can't be given any more",
        libc::EMSGSIZE => "a message goes whole or not at all, and this one is larger than can be sent at once",
        libc::ECONNREFUSED if unix => "no socket lives behind this name any more",
        libc::ECONNREFUSED => "the answer to an earlier datagram: at that port nobody lives",
        libc::ECONNRESET => "the peer has gone, and had not received all",
        libc::ENOENT => "no file has this name",
        libc::EACCES if unix => "to send takes the right to write the file",
        libc::EACCES => NO_BROADCAST,
        libc::EPROTOTYPE => "the socket there is of another type",
        libc::EAFNOSUPPORT => "this address is of another family than the socket",
        libc::EAGAIN => "there is no room, and it may not wait, or no longer",
        libc::ENETUNREACH => NO_WAY,
        libc::EHOSTUNREACH => NOBODY_ANSWERS,
        libc::EOPNOTSUPP => "this type of socket takes no address here, or not this flag",
        libc::EPERM => "the socket there talks with another one",
        libc::ETOOMANYREFS => "as many descriptors are on their way as this user may have open",
        libc::EINVAL if unix && to.ends_with('…') => NO_ROOM,
        libc::EINVAL => "what came along, or the address, makes no sense for this socket",
        _ => return None,
    })
}

/// socket(2) and socketpair(2).
const fn made(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT => "this family has no sockets of this type",
        libc::EAFNOSUPPORT => "this kernel does not know the family",
        libc::EOPNOTSUPP => "only UNIX sockets come in pairs",
        libc::EINVAL => "a socket has one type: stream, datagram or sequenced packets",
        libc::EMFILE => "this process has as many descriptors open as it may",
        _ => return None,
    })
}

/// recv(2) and its kin.
const fn received(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EAGAIN => "nothing has come, and it may not wait, or no longer",
        libc::ENOTCONN => "a stream must be connected before anything can come",
        libc::ECONNRESET => "the peer has gone, and had not received all; this is said once",
        libc::ECONNREFUSED => "the answer to an earlier datagram: at that port nobody lives; this is said once",
        libc::EINVAL => "a stream must be connected before anything can come, and one that listens gets connections",
        libc::EOPNOTSUPP => "this type of socket does not know this flag",
        libc::ETIMEDOUT => "no answer has come from the peer for too long",
        _ => return None,
    })
}

/// read(2) and write(2) of a socket.
pub(in crate::facility) fn moved(verb: &str, errno: i32) -> Option<&'static str> {
    match verb {
        "read" => received(errno),
        "write" => sent(errno, ""),
        _ => None,
    }
}

/// getsockopt(2) and setsockopt(2).
const fn option(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::ENOPROTOOPT => "at this level this kind of socket has no such option, or it can't be set",
        libc::EOPNOTSUPP => "this family has nothing at this level",
        libc::EPROTO => "a stream has one peer: it can't join a group",
        libc::EADDRINUSE => "it is a member of this group already",
        libc::EADDRNOTAVAIL => "it is no member of this group, or no interface has this address",
        libc::ENODEV => "no interface leads to this group",
        libc::EINVAL => "this value makes no sense for the option, or comes too late for it",
        libc::EDOM => "such a long time can't be set",
        libc::EPERM => "this takes a privilege, which no actor has",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::show::pack;
    use super::*;

    fn failed(args: [i64; 6], errno: i32) -> Record {
        Record { ret: -1, errno, args, entered_ns: 1, returned_ns: 2, ..Record::default() }
    }

    #[test]
    fn the_same_error_means_what_the_address_makes_of_it() {
        let rows: &[(&str, &str, i32, &str)] = &[
            ("bind", "unix:srv", libc::EADDRINUSE, "unlink"),
            ("bind", "unix:@srv", libc::EADDRINUSE, "living"),
            ("bind", "unix:a-name-that-no-record-holds", libc::EINVAL, "107 bytes"),
            ("connect", "[fe80::1]:80", libc::EINVAL, "sin6_scope_id"),
            ("bind", "127.0.0.1:5000", libc::EADDRINUSE, "port"),
            ("connect", "unix:srv", libc::ECONNREFUSED, "stale"),
            ("connect", "unix:@srv", libc::ECONNREFUSED, "name"),
            ("connect", "127.0.0.1:5000", libc::ECONNREFUSED, "127.0.0.1:5000"),
            ("connect", "192.0.2.1:80", libc::ENETUNREACH, "own hosts"),
        ];
        for (verb, address, errno, word) in rows {
            let [x, y, z] = pack(address);
            let said = means(verb, &failed([3, x, y, z, 0, 0], *errno));
            assert!(said.as_ref().is_some_and(|said| said.contains(word)), "{verb} {address}: {said:?}");
        }
        let [x, y, z] = pack("10.0.0.255:5000");
        let said = means("sendto", &failed([3, 1, 0, x, y, z], libc::EACCES));
        assert!(said.is_some_and(|said| said.contains("SO_BROADCAST")));
        assert_eq!(means("send", &failed([3, 1, 0, 0, 0, 0], libc::EBADF)), None);
        let said = means("sendmsg", &failed([3, 1, 8 << 32, 0, 0, 0], libc::EBADF));
        assert_eq!(said.as_deref(), Some("one of 3 and 7 is no open descriptor"));
    }

    #[test]
    fn what_was_cut_off_is_told() {
        let got =
            |flags: i32| Record { returned_ns: 2, args: [3, 2, i64::from(flags) << 32, 0, 0, 0], ..Record::default() };
        let whole =
            Record { ret: 9, returned_ns: 1, args: [3, 4, i64::from(libc::MSG_TRUNC), 0, 0, 0], ..Record::default() };
        assert!(means("recv", &whole).is_some_and(|said| said.contains("5 bytes are gone")));
        assert_eq!(means("recv", &Record { ret: 4, ..whole }), None);
        assert!(means("recvmsg", &got(libc::MSG_TRUNC)).is_some_and(|said| said.contains("rest is gone")));
        assert!(means("recvmsg", &got(libc::MSG_CTRUNC)).is_some_and(|said| said.contains("no room")));
        assert_eq!(means("recvmsg", &got(0)), None);
    }
}

//! How calls on sockets read, in the manner of strace; addresses read as the language writes them.

use nix::errno::Errno;

use super::super::process::duration;
use super::super::show::{self, Shown, constant, returned, unpack};
use super::calls::{ACCEPT_FLAGS, DOMAINS, HOW, LEVELS, RECEIVE_FLAGS, SEND_FLAGS, TYPES, options};
use super::{is, is_group, is_time, low};
use crate::kernel::arena::Record;

fn flags(value: i64, table: &[(&str, i64)]) -> String {
    show::flags(value, table, None)
}

/// The type of a socket, which is a number in its lowest bits, with its flags.
fn kind(value: i64) -> String {
    let name = constant(value & 0xf, &TYPES[..3]);
    match value & !0xf {
        0 => name,
        rest => format!("{name}|{}", flags(rest, ACCEPT_FLAGS)),
    }
}

/// An address that a record holds; `NULL` where none was given.
fn told(words: [i64; 3]) -> String {
    let text = unpack(words);
    if text.is_empty() { "NULL".to_owned() } else { text }
}

pub(super) fn show(verb: &str, record: &Record) -> Shown {
    let [a, b, c, d, e, f] = record.args;
    let done = returned(record) && record.errno == 0;
    let data = || show::data(record);
    let delivered = || if done { data() } else { "…".to_owned() };
    // What the kernel writes is not there before the call has returned.
    let filled = |text: String| if done { text } else { "…".to_owned() };
    Shown::args(match verb {
        "socket" => format!("{}, {}, 0", constant(a, DOMAINS), kind(b)),
        "socketpair" => format!("{}, {}, 0, {}", constant(a, DOMAINS), kind(b), filled(format!("[{d}, {e}]"))),
        "bind" | "connect" => format!("{a}, {}", told([b, c, d])),
        "listen" => format!("{a}, {b}"),
        "accept" => format!("{a}, {}", filled(from([c, d, e]))),
        "accept4" => format!("{a}, {}, {}", filled(from([c, d, e])), flags(b, ACCEPT_FLAGS)),
        "send" => format!("{a}, {}, {b}, {}", data(), flags(c, SEND_FLAGS)),
        "sendto" => format!("{a}, {}, {b}, {}, {}", data(), flags(c, SEND_FLAGS), told([d, e, f])),
        "recv" => format!("{a}, {}, {b}, {}", delivered(), flags(c, RECEIVE_FLAGS)),
        "recvfrom" => {
            format!("{a}, {}, {b}, {}, {}", delivered(), flags(c, RECEIVE_FLAGS), filled(from([d, e, f])))
        }
        "sendmsg" => {
            let to = unpack([d, e, f]);
            let to = if to.is_empty() { String::new() } else { format!("{to}, ") };
            let rights = if c >> 32 == 0 { String::new() } else { format!(", SCM_RIGHTS=[{}]", (c >> 32) - 1) };
            format!("{a}, {{{to}{}, {b}{rights}}}, {}", data(), flags(low(c), SEND_FLAGS))
        }
        "recvmsg" if done => {
            let out = c >> 32 & !i64::from(libc::MSG_CMSG_CLOEXEC);
            let mut text = format!("{a}, {{{}, {b}", data());
            match (low(d), (d >> 32) - 1) {
                (0, _) => {}
                (1, first) => text += &format!(", SCM_RIGHTS=[{first}]"),
                (many, first) => text += &format!(", SCM_RIGHTS=[{first}, … {many} in all]"),
            }
            if e > 0 {
                let (uid, gid) = (low(f), f >> 32);
                text += &format!(", SCM_CREDENTIALS={{pid={}<>, uid={uid}, gid={gid}}}", e - 1);
            }
            if out != 0 {
                text += &format!(", msg_flags={}", flags(out, RECEIVE_FLAGS));
            }
            format!("{text}}}, {}", flags(low(c), RECEIVE_FLAGS))
        }
        "recvmsg" => format!("{a}, {{…, {b}}}, {}", flags(low(c), RECEIVE_FLAGS)),
        "shutdown" => format!("{a}, {}", constant(b, HOW)),
        "getsockname" | "getpeername" => format!("{a}, {}", filled(from([b, c, d]))),
        "getsockopt" | "setsockopt" => {
            let value = option_value(b, c, [d, e, f]);
            let value = if verb == "setsockopt" { value } else { filled(value) };
            format!("{a}, {}, {}, {value}", constant(b, LEVELS), constant(c, options(b)))
        }
        _ => a.to_string(),
    })
}

/// An address that the kernel told: a UNIX socket may have none.
fn from(words: [i64; 3]) -> String {
    let text = unpack(words);
    if text.is_empty() { "none".to_owned() } else { text }
}

fn option_value(level: i64, option: i64, value: [i64; 3]) -> String {
    let [first, uid, gid] = value;
    if is(level, option, libc::SOL_SOCKET, libc::SO_PEERCRED) {
        format!("{{pid={first}<>, uid={uid}, gid={gid}}}")
    } else if is_time(level, option) {
        duration(first)
    } else if is(level, option, libc::SOL_SOCKET, libc::SO_LINGER) {
        let on = i64::from(first >= 0);
        format!("{{l_onoff={on}, l_linger={}}}", first.max(0))
    } else if is_group(level, option) {
        super::group([first, uid]).to_string()
    } else if is(level, option, libc::SOL_SOCKET, libc::SO_ERROR) && first != 0 {
        format!("{:?}", Errno::from_raw(first as i32))
    } else if is(level, option, libc::SOL_SOCKET, libc::SO_TYPE) {
        kind(first)
    } else if is(level, option, libc::SOL_SOCKET, libc::SO_DOMAIN) {
        constant(first, DOMAINS)
    } else {
        first.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sockets, above, pack};
    use super::*;
    use crate::facility::Facility;

    const fn c(value: i32) -> i64 {
        value as i64
    }

    fn shown(verb: &str, args: [i64; 6], data: &[u8]) -> String {
        let mut record = Record { args, entered_ns: 1, returned_ns: 2, ..Record::default() };
        record.set_data(data);
        Sockets.show(verb, &record).args
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let [x, y, z] = pack("127.0.0.1:5000");
        let [p, q, r] = pack("unix:@srv");
        let socket = c(libc::SOL_SOCKET);
        let rows: &[(&str, [i64; 6], &[u8], &str)] = &[
            ("socket", [1, 1 | c(libc::SOCK_NONBLOCK), 0, 0, 0, 0], b"", "AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0"),
            ("socketpair", [1, 5, 0, 3, 4, 0], b"", "AF_UNIX, SOCK_SEQPACKET, 0, [3, 4]"),
            ("bind", [3, p, q, r, 0, 0], b"", "3, unix:@srv"),
            ("connect", [3, x, y, z, 0, 0], b"", "3, 127.0.0.1:5000"),
            ("accept", [3, 0, x, y, z, 0], b"", "3, 127.0.0.1:5000"),
            ("accept", [3, 0, 0, 0, 0, 0], b"", "3, none"),
            ("send", [3, 2, c(libc::MSG_NOSIGNAL), 0, 0, 0], b"hi", "3, \"hi\", 2, MSG_NOSIGNAL"),
            ("sendto", [3, 2, 0, x, y, z], b"hi", "3, \"hi\", 2, 0, 127.0.0.1:5000"),
            ("recv", [3, 100, 0, 0, 0, 0], b"hi", "3, \"hi\", 100, 0"),
            ("recvfrom", [3, 100, 2, x, y, z], b"hi", "3, \"hi\", 100, MSG_PEEK, 127.0.0.1:5000"),
            ("sendmsg", [3, 2, above(0, Some(5)), 0, 0, 0], b"hi", "3, {\"hi\", 2, SCM_RIGHTS=[5]}, 0"),
            ("recvmsg", [3, 9, 0, above(1, Some(6)), 0, 0], b"hi", "3, {\"hi\", 9, SCM_RIGHTS=[6]}, 0"),
            (
                "recvmsg",
                [3, 9, c(libc::MSG_TRUNC) << 32, 0, 3, 7 | 8 << 32],
                b"hi",
                "3, {\"hi\", 9, SCM_CREDENTIALS={pid=2<>, uid=7, gid=8}, msg_flags=MSG_TRUNC}, 0",
            ),
            ("shutdown", [3, 1, 0, 0, 0, 0], b"", "3, SHUT_WR"),
            ("getsockopt", [3, socket, c(libc::SO_TYPE), 2, 0, 0], b"", "3, SOL_SOCKET, SO_TYPE, SOCK_DGRAM"),
            (
                "setsockopt",
                [3, socket, c(libc::SO_RCVTIMEO), 500_000_000, 0, 0],
                b"",
                "3, SOL_SOCKET, SO_RCVTIMEO, 500ms",
            ),
            (
                "setsockopt",
                [3, 0, c(libc::IP_ADD_MEMBERSHIP), 0xef01_0203, 0, 0],
                b"",
                "3, IPPROTO_IP, IP_ADD_MEMBERSHIP, 239.1.2.3",
            ),
            (
                "setsockopt",
                [3, c(libc::IPPROTO_IPV6), c(libc::IPV6_ADD_MEMBERSHIP), 0xff15_u64.cast_signed() << 48, 1, 0],
                b"",
                "3, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, ff15::1",
            ),
        ];
        for (verb, args, data, expected) in rows {
            assert_eq!(shown(verb, *args, data), *expected, "{verb}");
        }
        let asleep = Record { args: [3, 100, 0, 0, 0, 0], entered_ns: 1, ..Record::default() };
        assert_eq!(Sockets.show("recvfrom", &asleep).args, "3, …, 100, 0, …");
        assert_eq!(Sockets.show("accept", &asleep).args, "3, …");
    }

    #[test]
    fn options_belong_to_their_levels() {
        for (level, first, last) in [
            (libc::SOL_SOCKET, "SO_SNDBUF", "SO_ACCEPTCONN"),
            (libc::IPPROTO_IP, "IP_ADD_MEMBERSHIP", "IP_TTL"),
            (libc::IPPROTO_IPV6, "IPV6_ADD_MEMBERSHIP", "IPV6_V6ONLY"),
            (libc::IPPROTO_TCP, "TCP_NODELAY", "TCP_QUICKACK"),
        ] {
            let names: Vec<&str> = options(level.into()).iter().map(|(n, _)| *n).collect();
            assert_eq!((names.first(), names.last()), (Some(&first), Some(&last)));
        }
    }
}

//! The table of calls on sockets, with their constants.

use super::super::table::{CALL, c, keyed, optional, required};
use crate::script::{ArgKind, ArgSpec, CallSpec, Makes, Sleeps, WaitsOn, Wants};

pub(super) const DOMAINS: &[(&str, i64)] =
    &[("AF_UNIX", c(libc::AF_UNIX)), ("AF_INET", c(libc::AF_INET)), ("AF_INET6", c(libc::AF_INET6))];
pub(super) const TYPES: &[(&str, i64)] = &[
    ("SOCK_STREAM", c(libc::SOCK_STREAM)),
    ("SOCK_DGRAM", c(libc::SOCK_DGRAM)),
    ("SOCK_SEQPACKET", c(libc::SOCK_SEQPACKET)),
    ("SOCK_NONBLOCK", c(libc::SOCK_NONBLOCK)),
    ("SOCK_CLOEXEC", c(libc::SOCK_CLOEXEC)),
];
pub(super) const ACCEPT_FLAGS: &[(&str, i64)] = &[TYPES[3], TYPES[4]];
pub(super) const HOW: &[(&str, i64)] =
    &[("SHUT_RD", c(libc::SHUT_RD)), ("SHUT_WR", c(libc::SHUT_WR)), ("SHUT_RDWR", c(libc::SHUT_RDWR))];
pub(super) const SEND_FLAGS: &[(&str, i64)] = &[
    ("MSG_DONTWAIT", c(libc::MSG_DONTWAIT)),
    ("MSG_NOSIGNAL", c(libc::MSG_NOSIGNAL)),
    ("MSG_MORE", c(libc::MSG_MORE)),
    ("MSG_EOR", c(libc::MSG_EOR)),
];
pub(super) const RECEIVE_FLAGS: &[(&str, i64)] = &[
    ("MSG_PEEK", c(libc::MSG_PEEK)),
    ("MSG_DONTWAIT", c(libc::MSG_DONTWAIT)),
    ("MSG_TRUNC", c(libc::MSG_TRUNC)),
    ("MSG_WAITALL", c(libc::MSG_WAITALL)),
    ("MSG_CMSG_CLOEXEC", c(libc::MSG_CMSG_CLOEXEC)),
    ("MSG_CTRUNC", c(libc::MSG_CTRUNC)),
    ("MSG_EOR", c(libc::MSG_EOR)),
];
/// Urgent data.
pub(super) const LEFT_OUT: &[(&str, &str)] = &[("MSG_OOB", NO_URGENT), ("SO_OOBINLINE", NO_URGENT)];
const NO_URGENT: &str = "no pane could show what waits behind urgent data without taking them, \
                         and RFC 6093 asks new programs not to use any";

pub(super) const LEVELS: &[(&str, i64)] = &[
    ("SOL_SOCKET", c(libc::SOL_SOCKET)),
    ("IPPROTO_IP", c(libc::IPPROTO_IP)),
    ("IPPROTO_IPV6", c(libc::IPPROTO_IPV6)),
    ("IPPROTO_TCP", c(libc::IPPROTO_TCP)),
];
/// Of linux/in.h.
const IP_MULTICAST_ALL: i64 = 49;

/// The options, those of one level together: SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP.
const OPTIONS: &[(&str, i64)] = &[
    ("SO_SNDBUF", c(libc::SO_SNDBUF)),
    ("SO_RCVBUF", c(libc::SO_RCVBUF)),
    ("SO_BROADCAST", c(libc::SO_BROADCAST)),
    ("SO_REUSEADDR", c(libc::SO_REUSEADDR)),
    ("SO_REUSEPORT", c(libc::SO_REUSEPORT)),
    ("SO_PASSCRED", c(libc::SO_PASSCRED)),
    ("SO_PEERCRED", c(libc::SO_PEERCRED)),
    ("SO_ERROR", c(libc::SO_ERROR)),
    ("SO_LINGER", c(libc::SO_LINGER)),
    ("SO_RCVTIMEO", c(libc::SO_RCVTIMEO)),
    ("SO_SNDTIMEO", c(libc::SO_SNDTIMEO)),
    ("SO_RCVLOWAT", c(libc::SO_RCVLOWAT)),
    ("SO_KEEPALIVE", c(libc::SO_KEEPALIVE)),
    ("SO_TYPE", c(libc::SO_TYPE)),
    ("SO_DOMAIN", c(libc::SO_DOMAIN)),
    ("SO_ACCEPTCONN", c(libc::SO_ACCEPTCONN)),
    ("IP_ADD_MEMBERSHIP", c(libc::IP_ADD_MEMBERSHIP)),
    ("IP_DROP_MEMBERSHIP", c(libc::IP_DROP_MEMBERSHIP)),
    ("IP_MULTICAST_LOOP", c(libc::IP_MULTICAST_LOOP)),
    ("IP_MULTICAST_IF", c(libc::IP_MULTICAST_IF)),
    ("IP_MULTICAST_TTL", c(libc::IP_MULTICAST_TTL)),
    ("IP_MULTICAST_ALL", IP_MULTICAST_ALL),
    ("IP_TTL", c(libc::IP_TTL)),
    ("IPV6_ADD_MEMBERSHIP", c(libc::IPV6_ADD_MEMBERSHIP)),
    ("IPV6_DROP_MEMBERSHIP", c(libc::IPV6_DROP_MEMBERSHIP)),
    // The same by POSIX, netinet/in.h(0p).
    ("IPV6_JOIN_GROUP", c(libc::IPV6_ADD_MEMBERSHIP)),
    ("IPV6_LEAVE_GROUP", c(libc::IPV6_DROP_MEMBERSHIP)),
    ("IPV6_MULTICAST_LOOP", c(libc::IPV6_MULTICAST_LOOP)),
    ("IPV6_MULTICAST_HOPS", c(libc::IPV6_MULTICAST_HOPS)),
    ("IPV6_UNICAST_HOPS", c(libc::IPV6_UNICAST_HOPS)),
    ("IPV6_V6ONLY", c(libc::IPV6_V6ONLY)),
    ("TCP_NODELAY", c(libc::TCP_NODELAY)),
    ("TCP_CORK", c(libc::TCP_CORK)),
    ("TCP_QUICKACK", c(libc::TCP_QUICKACK)),
];

/// The options of a level.
pub(super) fn options(level: i64) -> &'static [(&'static str, i64)] {
    match level as i32 {
        libc::SOL_SOCKET => &OPTIONS[..16],
        libc::IPPROTO_IP => &OPTIONS[16..23],
        libc::IPPROTO_IPV6 => &OPTIONS[23..31],
        libc::IPPROTO_TCP => &OPTIONS[31..],
        _ => &[],
    }
}

/// The errno constants that calls on sockets return beside those of others.
pub(in crate::facility) const ERRNOS: &[(&str, i32)] = &[
    ("ENOTSOCK", libc::ENOTSOCK),
    ("EDESTADDRREQ", libc::EDESTADDRREQ),
    ("EPROTOTYPE", libc::EPROTOTYPE),
    ("ENOPROTOOPT", libc::ENOPROTOOPT),
    ("EPROTONOSUPPORT", libc::EPROTONOSUPPORT),
    ("ESOCKTNOSUPPORT", libc::ESOCKTNOSUPPORT),
    ("EAFNOSUPPORT", libc::EAFNOSUPPORT),
    ("EADDRINUSE", libc::EADDRINUSE),
    ("EADDRNOTAVAIL", libc::EADDRNOTAVAIL),
    ("ENETDOWN", libc::ENETDOWN),
    ("ENETUNREACH", libc::ENETUNREACH),
    ("ECONNABORTED", libc::ECONNABORTED),
    ("ECONNRESET", libc::ECONNRESET),
    ("ENOBUFS", libc::ENOBUFS),
    ("EISCONN", libc::EISCONN),
    ("ENOTCONN", libc::ENOTCONN),
    ("ESHUTDOWN", libc::ESHUTDOWN),
    ("ETOOMANYREFS", libc::ETOOMANYREFS),
    ("ECONNREFUSED", libc::ECONNREFUSED),
    ("EHOSTUNREACH", libc::EHOSTUNREACH),
    ("EALREADY", libc::EALREADY),
    ("EINPROGRESS", libc::EINPROGRESS),
];

const fn sleeps(syscall: libc::c_long, direction: &'static str) -> Sleeps {
    Sleeps { syscall, on: WaitsOn::Descriptor(0), direction }
}

const SOCKET: ArgSpec = required("sockfd", ArgKind::Descriptor(Wants::Any), "which socket");
const READS: ArgSpec = required("sockfd", ArgKind::Descriptor(Wants::Read), "which socket");
const WRITES: ArgSpec = required("sockfd", ArgKind::Descriptor(Wants::Write), "which socket");
const NEW: ArgSpec = required("name", ArgKind::NewName, "what the socket shall be called");
const DOMAIN: ArgSpec = required("domain", ArgKind::Constant(DOMAINS), "the family of addresses");
const TYPE: ArgSpec = required("type", ArgKind::Flags(TYPES), "stream, datagrams or sequenced packets, and flags");
const BUF: ArgSpec = required("buf", ArgKind::Data, "what");
const LEN: ArgSpec = required("len", ArgKind::Count, "size of the buffer");
const SENDS: ArgSpec = optional("flags", ArgKind::Flags(SEND_FLAGS), "MSG_DONTWAIT: don't wait; and others");
const RECEIVES: ArgSpec = optional("flags", ArgKind::Flags(RECEIVE_FLAGS), "MSG_PEEK: leave it there; and others");
const LEVEL: ArgSpec = required("level", ArgKind::Constant(LEVELS), "whose option it is");
const OPTION: ArgSpec = required("optname", ArgKind::Constant(OPTIONS), "which option");

pub(super) static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "socket",
        args: &[NEW, DOMAIN, TYPE],
        doc: "Makes a socket",
        man: "socket(2)",
        c: "{name} = socket({domain}, {type}, 0)",
        makes: Makes::Descriptor,
        example: "alice: socket l AF_UNIX SOCK_STREAM",
        ..CALL
    },
    CallSpec {
        name: "socketpair",
        args: &[
            required("sv", ArgKind::NewName, "what the pair shall be called: its ends are NAME.0 and NAME.1"),
            DOMAIN,
            TYPE,
        ],
        doc: "Makes two sockets that are connected with each other",
        man: "socketpair(2)",
        c: "socketpair({domain}, {type}, 0, {sv})",
        makes: Makes::Ends("0", "1"),
        example: "alice: socketpair s AF_UNIX SOCK_STREAM",
        ..CALL
    },
    CallSpec {
        name: "bind",
        args: &[SOCKET, required("addr", ArgKind::SocketAddress, "its own address")],
        doc: "Gives a socket its address",
        man: "bind(2)",
        c: "bind({sockfd}, (struct sockaddr *){addr}, {addr.len})",
        example: "alice: bind l unix:srv",
        ..CALL
    },
    CallSpec {
        name: "listen",
        args: &[SOCKET, required("backlog", ArgKind::Int, "how many connections may wait to be accepted")],
        doc: "Lets others connect to a socket",
        man: "listen(2)",
        c: "listen({sockfd}, {backlog})",
        example: "alice: listen l 5",
        ..CALL
    },
    CallSpec {
        name: "accept",
        args: &[READS],
        doc: "Takes the first connection that waits, as a new socket; waits while there is none",
        man: "accept(2)",
        c: "accept({sockfd}, NULL, NULL)",
        makes: Makes::Descriptor,
        sleeps: &[sleeps(libc::SYS_accept, "accept"), sleeps(libc::SYS_accept4, "accept")],
        example: "alice: accept l as c",
        ..CALL
    },
    CallSpec {
        name: "accept4",
        args: &[READS, required("flags", ArgKind::Flags(ACCEPT_FLAGS), "flags of the new socket")],
        doc: "Takes the first connection that waits, as a new socket with flags; waits while there is none",
        man: "accept(2)",
        c: "accept4({sockfd}, NULL, NULL, {flags})",
        makes: Makes::Descriptor,
        sleeps: &[sleeps(libc::SYS_accept4, "accept")],
        example: "alice: accept4 l SOCK_CLOEXEC as c",
        ..CALL
    },
    CallSpec {
        name: "connect",
        args: &[SOCKET, required("addr", ArgKind::SocketAddress, "to whom")],
        doc: "Connects a socket; for datagrams, sets where they go and from whom they come",
        man: "connect(2)",
        c: "connect({sockfd}, (struct sockaddr *){addr}, {addr.len})",
        sleeps: &[sleeps(libc::SYS_connect, "connect")],
        example: "bob: connect s unix:srv",
        ..CALL
    },
    CallSpec {
        name: "send",
        args: &[WRITES, BUF, SENDS],
        doc: "Sends to the peer; waits while there is no room",
        man: "send(2)",
        c: "send({sockfd}, {buf}, {buf.len}, {flags=0})",
        sleeps: &[sleeps(libc::SYS_sendto, "send")],
        example: "alice: send s.0 \"hello\" MSG_DONTWAIT",
        ..CALL
    },
    CallSpec {
        name: "recv",
        args: &[READS, LEN, RECEIVES],
        doc: "Receives; waits while nothing has come; 0 is the end of a stream",
        man: "recv(2)",
        c: "recv({sockfd}, buf, {len}, {flags=0})",
        gives: true,
        sleeps: &[sleeps(libc::SYS_recvfrom, "receive")],
        example: "bob: recv s.1 100 MSG_PEEK -> $buf",
        ..CALL
    },
    CallSpec {
        name: "sendto",
        args: &[WRITES, BUF, SENDS, required("dest_addr", ArgKind::SocketAddress, "to whom")],
        doc: "Sends a datagram to an address",
        man: "send(2)",
        c: "sendto({sockfd}, {buf}, {buf.len}, {flags=0}, (struct sockaddr *){dest_addr}, {dest_addr.len})",
        sleeps: &[sleeps(libc::SYS_sendto, "send")],
        example: "alice: sendto s \"hello\" unix:srv",
        ..CALL
    },
    CallSpec {
        name: "recvfrom",
        args: &[READS, LEN, RECEIVES],
        doc: "Receives, and tells from whom; waits while nothing has come",
        man: "recv(2)",
        c: "recvfrom({sockfd}, buf, {len}, {flags=0}, (struct sockaddr *)&addr, &addrlen)",
        gives: true,
        sleeps: &[sleeps(libc::SYS_recvfrom, "receive")],
        example: "bob: recvfrom s 100 -> $buf",
        ..CALL
    },
    CallSpec {
        name: "sendmsg",
        args: &[
            WRITES,
            BUF,
            SENDS,
            keyed("rights", ArgKind::Descriptor(Wants::Any), "a descriptor to pass along, as SCM_RIGHTS"),
            keyed("to", ArgKind::SocketAddress, "to whom; the peer if not given"),
        ],
        doc: "Sends, and passes a descriptor along",
        man: "send(2)",
        c: "sendmsg({sockfd}, &(struct msghdr){ .msg_iov = &(struct iovec){ {buf}, {buf.len} }, .msg_iovlen = \
            1{?to , .msg_name = {to}, .msg_namelen = {to.len}?}{?rights , .msg_control = cmsg /* SCM_RIGHTS: \
            {rights} */?} }, {flags=0})",
        sleeps: &[sleeps(libc::SYS_sendmsg, "send")],
        example: "alice: sendmsg s.0 \"take it\" rights=p.w",
        ..CALL
    },
    CallSpec {
        name: "recvmsg",
        args: &[READS, LEN, RECEIVES],
        doc: "Receives with what was passed along: a descriptor, which `as` names, and credentials",
        man: "recv(2)",
        c: "recvmsg({sockfd}, &msg /* with a buffer of {len} bytes */, {flags=0})",
        makes: Makes::Descriptor,
        gives: true,
        sleeps: &[sleeps(libc::SYS_recvmsg, "receive")],
        example: "bob: recvmsg s.1 100 as w",
        ..CALL
    },
    CallSpec {
        name: "shutdown",
        args: &[SOCKET, required("how", ArgKind::Constant(HOW), "which direction ends")],
        doc: "Ends one direction of a connection, or both, for all who hold the socket",
        man: "shutdown(2)",
        c: "shutdown({sockfd}, {how})",
        example: "alice: shutdown s.0 SHUT_WR",
        ..CALL
    },
    CallSpec {
        name: "getsockname",
        args: &[SOCKET],
        doc: "Tells the socket's own address; gives the port",
        man: "getsockname(2)",
        c: "getsockname({sockfd}, (struct sockaddr *)&addr, &addrlen)",
        gives: true,
        example: "alice: getsockname l -> $port",
        ..CALL
    },
    CallSpec {
        name: "getpeername",
        args: &[SOCKET],
        doc: "Tells the address that the socket is connected to; gives the port",
        man: "getpeername(2)",
        c: "getpeername({sockfd}, (struct sockaddr *)&addr, &addrlen)",
        gives: true,
        example: "alice: getpeername c",
        ..CALL
    },
    CallSpec {
        name: "getsockopt",
        args: &[SOCKET, LEVEL, OPTION],
        doc: "Tells an option; gives its value",
        man: "getsockopt(2)",
        c: "getsockopt({sockfd}, {level}, {optname}, &value, &(socklen_t){ sizeof value })",
        gives: true,
        example: "alice: getsockopt s.0 SOL_SOCKET SO_SNDBUF -> $size",
        ..CALL
    },
    CallSpec {
        name: "setsockopt",
        args: &[
            SOCKET,
            LEVEL,
            OPTION,
            optional("optval", ArgKind::Int, "a number; for SO_LINGER seconds, and -1 for off"),
            optional("timeout", ArgKind::Duration, "for SO_RCVTIMEO and SO_SNDTIMEO"),
            optional("group", ArgKind::Data, "an address in text: of a group, or of an interface"),
        ],
        doc: "Sets an option",
        man: "setsockopt(2)",
        c: "setsockopt({sockfd}, {level}, {optname}, {?optval &(int){ {optval} }, sizeof(int)?}{?timeout &(struct \
            timeval){ {timeout.timeval} }, sizeof(struct timeval)?}{?group {group.mreq}?})",
        example: "alice: setsockopt s.0 SOL_SOCKET SO_SNDBUF 4096",
        ..CALL
    },
];

//! Sockets on real stages.

mod common;

use common::{Play, both};
use ipclab::model::{Evidence, Value};

/// The texts of the messages in a queue.
fn queue(play: &Play, name: &str) -> Vec<String> {
    let object = play.object(name);
    let data = |m: &Value| {
        let (bytes, _) = m.part("data")?.as_bytes()?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    object.value("queue").as_list().iter().filter_map(data).collect()
}

#[test]
fn a_pair_of_streams_shows_both_directions() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: socketpair s AF_UNIX SOCK_STREAM
alice: fork bob
alice: send s.0 "hello "
alice: send s.0 "bob"
bob: write s.1 "hi"
expect s.1 holds "hello bob"
expect s.0 holds "hi"
expect s.0 peer s.1
expect s.1 bytes 9
expect s.0 state connected
bob: recv s.1 5 MSG_PEEK
expect bob got "hello"
bob: read s.1 100
expect bob got "hello bob"
bob: recv s.1 10
expect bob blocked in recv on s.1
"#,
        );
        assert_eq!(play.last("alice"), "send(3, \"bob\", 3, 0) = 3");
        let s = play.object("s.0");
        assert_eq!((s.evidence("holds"), s.value("type").as_text()), (Evidence::Kernel, Some("stream")));
        assert!(s.value("credentials").as_text().unwrap().starts_with("alice, uid "));
        // The blocked receiver waits for anybody who holds the other end: both, after the fork.
        play.run("alice: close s.1\nalice: shutdown s.0 SHUT_WR\nexpect bob returned 0 from recv\nexpect s.1 eof");
        play.run("bob: send s.1 \"still\"\nexpect s.0 holds \"histill\"");
        assert_eq!(play.object("s.0").value("outgoing").as_text(), Some("ended"));
    });
}

#[test]
fn boundaries_are_kept_or_not() {
    both(|play| {
        for (name, kind) in [("s", "SOCK_STREAM"), ("d", "SOCK_DGRAM"), ("q", "SOCK_SEQPACKET")] {
            let actor = format!("x{name}");
            play.run(&format!(
                "spawn {actor}\n{actor}: socketpair {name} AF_UNIX {kind}\n{actor}: send {name}.0 \"one\"\n\
                 {actor}: send {name}.0 \"two\"\n{actor}: send {name}.0 \"three\"\nexpect {name}.1 holds \"{}\"",
                if name == "s" { "onetwothree" } else { "two" }
            ));
        }
        assert_eq!(queue(play, "d.1"), ["one", "two", "three"]);
        assert_eq!(queue(play, "q.1"), ["one", "two", "three"]);
        play.run("xs: recv s.1 2\nexpect xs got \"on\"\nexpect s.1 holds \"etwothree\"");
        play.run("xd: recv d.1 2\nexpect xd got \"on\"\nexpect d.1 messages 2\nexpect d.1 next \"two\"");
        play.run("xq: recv q.1 2 MSG_TRUNC\nexpect xq returned 3 from recv\nexpect q.1 next \"two\"");
        play.run("xq: recvmsg q.1 2\nexpect xq returned 2");
        assert!(play.last("xq").contains("msg_flags=MSG_TRUNC"), "{}", play.last("xq"));
    });
}

#[test]
fn a_message_without_bytes_is_a_message() {
    both(|play| {
        play.run(
            "spawn a\na: socketpair d AF_UNIX SOCK_DGRAM\na: send d.0 \"one\"\na: send d.0 \"\"\na: send d.0 \"two\"",
        );
        assert_eq!(queue(play, "d.1"), ["one", "", "two"]);
        play.run("a: getpid\nexpect d.1 messages 3");
        assert_eq!(queue(play, "d.1"), ["one", "", "two"], "looked at again");
        play.run("a: recv d.1 9\na: recv d.1 9\nexpect a returned 0 from recv\na: recv d.1 9\nexpect a got \"two\"");
        play.run("a: send d.0 \"\"\na: recv d.1 9 MSG_PEEK\nexpect a returned 0 from recv\nexpect d.1 messages 1");
        play.run("a: recv d.1 9\nexpect d.1 messages 0\na: recv d.1 9 MSG_DONTWAIT\nexpect a failed EAGAIN");
    });
}

#[test]
fn a_listener_shows_who_waits_to_be_accepted() {
    both(|play| {
        play.run(
            r#"
spawn srv
spawn cli
srv: socket l AF_UNIX SOCK_STREAM
srv: bind l unix:door
srv: listen l 1
cli: socket c AF_UNIX SOCK_STREAM
cli: connect c unix:door
expect cli returned 0 from connect
cli: send c "early"
expect l waiting 1
expect l backlog 1
"#,
        );
        assert_eq!(play.last("cli"), "send(3, \"early\", 5, 0) = 5");
        let l = play.object("l");
        assert_eq!(l.identifier, "unix:door");
        assert_eq!(l.value("connecting"), &Value::List(vec![Value::Text("c".into())]));
        assert_eq!(play.object("c").value("state").as_text(), Some("pending"));
        play.run("srv: accept l as a\nexpect a holds \"early\"\nexpect a peer c\nexpect c peer a\nexpect l waiting 0");
        play.run("srv: accept l as b\nexpect srv blocked in accept on l");
        // A child of the client connects in its name.
        play.run("cli: fork kid\nkid: socket k AF_UNIX SOCK_STREAM\nkid: connect k unix:door\nexpect b peer k");
    });
}

#[test]
fn a_full_backlog_makes_a_connection_wait() {
    both(|play| {
        play.run(
            "spawn srv\nspawn a\nspawn b\nsrv: socket l AF_UNIX SOCK_STREAM\nsrv: bind l unix:@door\nsrv: listen l 0\n\
             a: socket x AF_UNIX SOCK_STREAM\na: connect x unix:@door\nexpect a returned 0 from connect\n\
             b: socket y AF_UNIX SOCK_STREAM\nb: connect y unix:@door\nexpect b blocked in connect on y",
        );
        assert_eq!(play.object("l").identifier, "unix:@door");
        play.run("srv: accept l as p\nexpect b returned 0 from connect\nexpect p peer x");
    });
}

#[test]
fn a_name_outlives_its_socket() {
    both(|play| {
        play.run(
            r"
spawn a
spawn b
a: socket l AF_UNIX SOCK_STREAM
a: bind l unix:srv
a: listen l 5
b: socket c AF_UNIX SOCK_STREAM
b: bind c unix:srv
expect b failed EADDRINUSE
a: exit 0
expect gone l
expect srv state stale
b: bind c unix:srv
expect b failed EADDRINUSE
b: connect c unix:srv
expect b failed ECONNREFUSED
b: unlink srv
expect gone srv
b: bind c unix:srv
expect b returned 0 from bind
b: connect c unix:none
expect b failed ENOENT
b: socket d AF_UNIX SOCK_DGRAM
b: bind d unix:@srv
b: close d
b: socket e AF_UNIX SOCK_DGRAM
b: bind e unix:@srv
expect b returned 0 from bind
",
        );
        assert_eq!(play.object("e").identifier, "unix:@srv");
        assert!(play.refused("b: connect c unix:\"../x\"").contains("outside the stage"));
        assert!(play.refused("b: connect c unix:\"/tmp/x\"").contains("outside the stage"));
    });
}

#[test]
fn a_descriptor_is_passed_and_shown_on_its_way() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: socketpair s AF_UNIX SOCK_STREAM
alice: fork bob
bob: close p.r
bob: close p.w
alice: sendmsg s.0 "take it" rights=p.w
alice: close p.w
expect p writers 0
"#,
        );
        assert_eq!(play.last("alice"), "close(4) = 0");
        let s = play.object("s.1");
        assert_eq!((s.int("descriptors"), s.evidence("in flight")), (Some(1), Evidence::Kernel));
        let carried = &s.value("in flight").as_list()[0];
        assert_eq!(carried.part("to").and_then(Value::as_text), Some("p"));
        assert_eq!(carried.part("access").and_then(Value::as_text), Some("write"));
        // The only write end is in a queue: still no end of file.
        play.run("alice: read p 10\nexpect alice blocked in read on p");
        play.run("bob: recvmsg s.1 100 as w\nexpect bob returned 7\nexpect p writers 1\nbob: write w \"hi\"");
        play.run("expect alice returned 2 from read");
        assert!(play.object("s.1").field("in flight").is_none());
    });
}

#[test]
fn credentials_come_along_if_they_are_asked_for() {
    both(|play| {
        play.run(
            "spawn a\na: socketpair d AF_UNIX SOCK_DGRAM\na: fork b\nb: setsockopt d.1 SOL_SOCKET SO_PASSCRED 1\n\
             a: send d.0 \"who\"\nb: recvmsg d.1 10\nexpect b returned 3",
        );
        let last = play.last("b");
        assert!(last.contains("SCM_CREDENTIALS={pid=") && last.contains("<a>"), "{last}");
        play.run("b: getsockopt d.0 SOL_SOCKET SO_PEERCRED -> $who");
        assert!(play.last("b").contains("<a>"), "a pair's credentials are its maker's: {}", play.last("b"));
        play.run("b: getsockopt d.0 SOL_SOCKET SO_TYPE");
        assert!(play.last("b").ends_with("SO_TYPE, SOCK_DGRAM) = 0"), "{}", play.last("b"));
    });
}

#[test]
fn two_who_send_and_never_receive_are_deadlocked() {
    both(|play| {
        play.run(
            "spawn a\na: socketpair s AF_UNIX SOCK_STREAM\na: fork b\na: close s.1\nb: close s.0\n\
             a: send s.0 'x' * 1000000\nb: send s.1 'x' * 1000000\nexpect deadlock a b",
        );
    });
}

#[test]
fn a_timeout_ends_a_receive() {
    both(|play| {
        play.run(
            "spawn a\na: socketpair s AF_UNIX SOCK_STREAM\na: setsockopt s.0 SOL_SOCKET SO_RCVTIMEO 50ms\na: recv s.0 1",
        );
        let deadline = play.snapshot().actor("a").unwrap().sleep().map(|s| s.deadline_ns.is_some());
        assert_ne!(deadline, Some(false));
        play.run("await a\nexpect a failed EAGAIN from recv");
    });
}

#[test]
fn wrong_states_get_the_kernels_errors() {
    both(|play| {
        play.run(
            r#"
spawn a
a: socket s AF_UNIX SOCK_STREAM
a: send s "x"
expect a failed ENOTCONN
a: accept s
expect a failed EINVAL
a: listen s 1
expect a failed EINVAL
a: setsockopt s SOL_SOCKET SO_ERROR 1
expect a failed ENOPROTOOPT
a: pipe p
a: send p.w "x"
expect a failed ENOTSOCK
a: socket d AF_UNIX SOCK_DGRAM
a: send d "x"
expect a failed ENOTCONN
a: listen d 1
expect a failed EOPNOTSUPP
a: bind d unix:d
a: connect s unix:d
expect a failed EPROTOTYPE
a: socketpair t AF_UNIX SOCK_STREAM
a: close t.1
a: send t.0 "x" MSG_NOSIGNAL
expect a failed EPIPE
a: send t.0 "x"
expect a killed by SIGPIPE
spawn b
b: socketpair t AF_UNIX SOCK_STREAM
"#,
        );
        assert!(play.refused("b: pipe t").contains("t is taken by an object"));
        assert!(play.refused("b: setsockopt t.0 SOL_SOCKET SO_RCVTIMEO \"x\"").contains("needs a duration"));
    });
}

#[test]
fn thousands_of_messages_show_their_ends() {
    both(|play| {
        play.run(
            "spawn a\na: socketpair d AF_UNIX SOCK_DGRAM\na: setsockopt d.0 SOL_SOCKET SO_SNDBUF 200000\n\
             repeat 200 a: send d.0 \"x\" MSG_DONTWAIT\na: send d.0 \"last\"\nexpect d.1 messages 201",
        );
        let list = play.object("d.1").value("queue").as_list();
        let left: Vec<_> = list.iter().filter_map(|m| m.part("left out")?.as_int()).collect();
        assert_eq!((list.len(), left), (33, vec![169]));
        assert_eq!(queue(play, "d.1").last().map(String::as_str), Some("last"));
    });
}

/// A stage with a network of its own, where this machine lets us have one.
fn network() -> Option<Play> {
    let mut play = Play::open(false);
    let own = play.mode() == ipclab::model::Mode::Isolated;
    play.run("spawn a\nspawn b\nspawn c");
    own.then_some(play)
}

#[test]
fn a_shared_stage_makes_no_internet_sockets() {
    let mut play = Play::open(true);
    play.run("spawn a");
    for domain in ["AF_INET", "AF_INET6"] {
        let why = play.refused(&format!("a: socket s {domain} SOCK_STREAM"));
        assert!(why.contains("no network of its own"), "{why}");
    }
}

#[test]
fn tcp_is_a_stream_between_two_addresses() {
    for (domain, ip) in [("AF_INET", "127.0.0.1"), ("AF_INET6", "[::1]")] {
        let Some(mut play) = network() else { return };
        play.run(&format!(
            r#"
a: socket l {domain} SOCK_STREAM
a: bind l {ip}:5000
a: listen l 3
b: socket s {domain} SOCK_STREAM
b: connect s {ip}:5000
expect b returned 0 from connect
expect l waiting 1
expect l backlog 3
b: send s "one"
b: send s "two"
a: accept l as c
expect c holds "onetwo"
expect c peer s
expect s peer c
expect c state ESTABLISHED
a: recv c 100
expect a got "onetwo"
a: send c "reply"
expect s holds "reply"
b: shutdown s SHUT_WR
expect c eof
a: recv c 10
expect a returned 0 from recv
a: send c "!"
expect s holds "reply!"
a: recv c 10
expect a returned 0
"#
        ));
        assert_eq!(play.object("l").identifier, format!("{ip}:5000"));
        assert_eq!(play.object("c").value("state").as_text(), Some("CLOSE_WAIT"));
        assert_eq!(play.object("s").value("state").as_text(), Some("FIN_WAIT2"));
        play.run("a: getsockname c -> $port\nexpect a $port == 5000\nb: recv s 100\nb: recv s 100");
        assert_eq!(play.snapshot().actor("b").unwrap().sleep().unwrap().object.as_deref(), Some("s"));
        play.run("a: close c\nexpect b returned 0 from recv");
    }
}

#[test]
fn port_zero_is_bound_and_then_shown() {
    let Some(mut play) = network() else { return };
    play.run(
        "a: socket l AF_INET SOCK_STREAM\na: bind l *:0\na: listen l 1\na: getsockname l -> $port\na: fork k\n\
         k: socket s AF_INET SOCK_STREAM\nk: connect s 127.0.0.1:$port\nexpect k returned 0 from connect\n\
         expect l waiting 1",
    );
    let l = play.object("l");
    assert_eq!(l.value("connecting"), &Value::List(vec![Value::Text("s".into())]));
    assert!(l.identifier.starts_with("0.0.0.0:") && l.identifier != "0.0.0.0:0", "{}", l.identifier);
}

#[test]
fn a_send_after_the_peer_has_closed_succeeds_once() {
    let Some(mut play) = network() else { return };
    play.run(
        r#"
a: socket l AF_INET SOCK_STREAM
a: bind l 127.0.0.1:5000
a: listen l 1
b: socket s AF_INET SOCK_STREAM
b: connect s 127.0.0.1:5000
a: accept l as c
a: close c
b: send s "first" MSG_NOSIGNAL
expect b returned 5 from send
b: send s "second" MSG_NOSIGNAL
expect b failed EPIPE
"#,
    );
    // A connection that is reset: the other side gets the error, once.
    play.run(
        r"
c: socket t AF_INET SOCK_STREAM
c: connect t 127.0.0.1:5000
a: accept l as d
a: setsockopt d SOL_SOCKET SO_LINGER 0
a: close d
expect t error waits
c: recv t 10
expect c failed ECONNRESET
expect not t error waits
expect not t peer d
c: recv t 10
expect c returned 0 from recv
c: socket u AF_INET SOCK_STREAM
c: connect u 127.0.0.1:5999
expect c failed ECONNREFUSED
",
    );
}

#[test]
fn what_tcp_has_not_sent_and_not_delivered_adds_up() {
    let Some(mut play) = network() else { return };
    play.run(
        "a: socket l AF_INET SOCK_STREAM\na: bind l 127.0.0.1:5000\na: listen l 1\nb: socket s AF_INET SOCK_STREAM\n\
         b: connect s 127.0.0.1:5000\na: accept l as c\nb: fcntl s F_SETFL O_RDWR|O_NONBLOCK",
    );
    let mut sent = 0;
    loop {
        let report = play.line("b: send s 'x' * 1000000");
        let last = report.snapshot.actor("b").unwrap().last.as_ref().unwrap();
        match last.ret() {
            Some(n @ 1..) => sent += n,
            _ => break assert_eq!(last.errno(), Some(libc::EAGAIN)),
        }
    }
    assert_eq!(play.int("s", "unsent") + play.int("c", "bytes"), sent);
    play.run("b: fcntl s F_SETFL O_RDWR\nb: send s 'x' * 1000000\nexpect b blocked in send on s");
}

#[test]
fn a_tcp_backlog_is_one_more_than_it_says() {
    let Some(mut play) = network() else { return };
    play.run("a: socket l AF_INET SOCK_STREAM\na: bind l 127.0.0.1:5000\na: listen l 1");
    for n in 0..2 {
        play.run(&format!(
            "b: socket s{n} AF_INET SOCK_STREAM\nb: connect s{n} 127.0.0.1:5000\nexpect b returned 0 from connect"
        ));
    }
    play.run("expect l waiting 2\nc: socket t AF_INET SOCK_STREAM\nc: connect t 127.0.0.1:5000\nexpect c blocked in connect on t");
    assert_eq!(play.object("t").value("state").as_text(), Some("SYN_SENT"));
}

#[test]
fn udp_drops_what_finds_no_room_and_counts_it() {
    let Some(mut play) = network() else { return };
    play.run(
        r#"
a: socket r AF_INET SOCK_DGRAM
a: setsockopt r SOL_SOCKET SO_RCVBUF 0
a: bind r 127.0.0.1:5000
b: socket s AF_INET SOCK_DGRAM
repeat 1000 b: sendto s "x" 127.0.0.1:5000
expect b returned 1 from sendto
expect r dropped > 900
"#,
    );
    assert_eq!(play.int("r", "messages") + play.int("r", "dropped"), 1000);
    let first = &play.object("r").value("queue").as_list()[0];
    let from = first.part("from").and_then(Value::as_text).unwrap();
    assert_eq!(from, play.object("s").identifier.replace("0.0.0.0", "127.0.0.1"));
    play.run("a: recvfrom r 10\nexpect a got \"x\"");
    assert!(play.last("a").ends_with(&format!(", {}) = 1", from_of(&play))), "{}", play.last("a"));
}

fn from_of(play: &Play) -> String {
    play.object("s").identifier.replace("0.0.0.0", "127.0.0.1")
}

#[test]
fn a_closed_port_is_told_to_the_connected_one_send_late() {
    let Some(mut play) = network() else { return };
    play.run(
        r#"
a: socket u AF_INET SOCK_DGRAM
a: sendto u "x" 127.0.0.1:5999
expect a returned 1 from sendto
a: sendto u "x" 127.0.0.1:5999
expect a returned 1 from sendto
b: socket v AF_INET SOCK_DGRAM
b: connect v 127.0.0.1:5999
b: send v "x"
expect b returned 1 from send
expect v error waits
b: send v "x"
expect b failed ECONNREFUSED
c: socket w AF_INET SOCK_DGRAM
c: connect w 127.0.0.1:5999
c: send w "x"
c: recv w 10 MSG_DONTWAIT
expect c failed ECONNREFUSED
"#,
    );
    assert_eq!(play.object("v").evidence("queue"), Evidence::Kernel, "the error is told, the queue is open again");
}

#[test]
fn broadcast_needs_leave_and_reaches_all() {
    let Some(mut play) = network() else { return };
    play.run("a: socket s AF_INET SOCK_DGRAM\nb: socket r AF_INET SOCK_DGRAM\nc: socket t AF_INET SOCK_DGRAM");
    for (who, name) in [("b", "r"), ("c", "t")] {
        play.run(&format!("{who}: setsockopt {name} SOL_SOCKET SO_REUSEADDR 1\n{who}: bind {name} *:5000"));
    }
    play.run(
        r#"
a: sendto s "all" 127.255.255.255:5000
expect a failed EACCES
a: setsockopt s SOL_SOCKET SO_BROADCAST 1
a: sendto s "all" 127.255.255.255:5000
expect r messages 1
expect t messages 1
a: sendto s "one" 127.0.0.1:5000
expect r messages 1
expect t messages 2
"#,
    );
}

#[test]
fn multicast_reaches_the_members_of_a_group() {
    let Some(mut play) = network() else { return };
    play.run("a: socket s AF_INET SOCK_DGRAM\nb: socket r AF_INET SOCK_DGRAM\nc: socket t AF_INET SOCK_DGRAM");
    for (who, name) in [("b", "r"), ("c", "t")] {
        play.run(&format!(
            "{who}: setsockopt {name} SOL_SOCKET SO_REUSEADDR 1\n{who}: bind {name} *:5000\n\
             {who}: setsockopt {name} IPPROTO_IP IP_ADD_MEMBERSHIP \"239.1.2.3\"\nexpect {who} returned 0 from setsockopt"
        ));
    }
    play.run("a: sendto s \"group\" 239.1.2.3:5000\nexpect r messages 1\nexpect t messages 1");
    let r = play.object("r");
    assert_eq!((r.evidence("groups"), r.field("groups").unwrap().note.as_deref()), (Evidence::Mirror, None));
    assert_eq!(r.value("groups"), &Value::List(vec![Value::Text("239.1.2.3".into())]));
    play.run(
        "c: setsockopt t IPPROTO_IP IP_DROP_MEMBERSHIP \"239.1.2.3\"\na: sendto s \"x\" 239.1.2.3:5000\nexpect r messages 2",
    );
    // Who is bound to any address gets what others have joined for, unless it says that it does not want it.
    play.run("expect t messages 2");
    assert!(play.object("t").field("groups").is_none());
}

#[test]
fn groups_of_ipv6_have_members_too() {
    let Some(mut play) = network() else { return };
    play.run("a: socket s AF_INET6 SOCK_DGRAM\nb: socket r AF_INET6 SOCK_DGRAM\nc: socket t AF_INET6 SOCK_DGRAM");
    for (who, name) in [("b", "r"), ("c", "t")] {
        play.run(&format!("{who}: setsockopt {name} SOL_SOCKET SO_REUSEADDR 1\n{who}: bind {name} *:5000"));
    }
    play.run(
        r#"
b: setsockopt r IPPROTO_IPV6 IPV6_ADD_MEMBERSHIP "ff15::1"
expect b returned 0 from setsockopt
expect r member "ff15::1"
a: sendto s "group" [ff15::1]:5000
expect a returned 5 from sendto
expect r messages 1
expect r next "group"
b: setsockopt r IPPROTO_IPV6 IPV6_ADD_MEMBERSHIP "ff15::1"
expect b failed EADDRINUSE
b: setsockopt r IPPROTO_IPV6 IPV6_DROP_MEMBERSHIP "ff15::1"
expect not r member "ff15::1"
"#,
    );
    assert!(play.refused("b: setsockopt r IPPROTO_IPV6 IPV6_ADD_MEMBERSHIP \"239.1.2.3\"").contains("IPv6"));
    assert!(play.refused("b: setsockopt r IPPROTO_IP IP_ADD_MEMBERSHIP \"ff15::1\"").contains("IPv4"));
}

#[test]
fn nothing_beyond_the_stage_is_reached() {
    let Some(mut play) = network() else { return };
    play.run(
        r#"
a: socket s AF_INET SOCK_STREAM
a: connect s 192.0.2.1:80
expect a failed ENETUNREACH
b: socket u AF_INET SOCK_DGRAM
b: sendto u "x" 192.0.2.1:53
expect b failed ENETUNREACH
c: socket v AF_INET6 SOCK_DGRAM
c: sendto v "x" [2001:db8::1]:53
expect c failed ENETUNREACH
c: socket w AF_INET6 SOCK_DGRAM
c: bind w [2001:db8::1]:5300
expect c failed EADDRNOTAVAIL
a: bind s unix:x
expect a failed EINVAL
"#,
    );
}

/// Addresses of every kind that lead elsewhere on a machine with a network.
#[test]
fn no_address_leads_out_of_an_isolated_stage() {
    let Some(mut play) = network() else { return };
    play.run(
        "a: socket t AF_INET SOCK_STREAM\na: socket u AF_INET SOCK_DGRAM\na: socket v AF_INET6 SOCK_STREAM\n\
              a: socket w AF_INET6 SOCK_DGRAM\na: setsockopt u SOL_SOCKET SO_BROADCAST 1",
    );
    for (line, errno) in [
        ("connect t 8.8.8.8:53", "ENETUNREACH"),
        ("connect t 10.0.0.1:80", "ENETUNREACH"),
        ("connect t 169.254.169.254:80", "ENETUNREACH"),
        ("connect t 172.17.0.1:80", "ENETUNREACH"),
        ("sendto u \"x\" 255.255.255.255:53", "ENETUNREACH"),
        ("connect v [2001:4860:4860::8888]:53", "ENETUNREACH"),
        ("connect v [::ffff:8.8.8.8]:53", "ENETUNREACH"),
        ("connect v [fe80::1]:80", "EINVAL"),
        ("sendto w \"x\" [fe80::1]:53", "ENETUNREACH"),
        ("sendto w \"x\" [::ffff:8.8.8.8]:53", "ENETUNREACH"),
    ] {
        play.run(&format!("a: {line}\nexpect a failed {errno}"));
        let call = play.snapshot().actor("a").and_then(|a| a.last.clone()).unwrap();
        assert!(call.meaning.is_some(), "{line}");
    }
    // A stage with no host has one interface, and what is sent to everybody goes there.
    play.run(
        "a: sendto u \"x\" 239.1.2.3:53\nexpect a returned 1\na: sendto w \"x\" [ff02::1]:53\nexpect a returned 1",
    );
}

/// Who listens on the machine beside the stage hears nothing.
#[test]
fn who_listens_beside_the_stage_is_not_reached() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let name = format!("beside-{}", std::process::id());
    let named = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let numbered = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    named.set_nonblocking(true).unwrap();
    numbered.set_nonblocking(true).unwrap();
    let port = numbered.local_addr().unwrap().port();
    common::both(|play| {
        play.run("spawn a\na: socket s AF_UNIX SOCK_STREAM");
        play.run(&format!("a: connect s unix:@{name}\nexpect a failed ECONNREFUSED"));
        if play.mode() == ipclab::model::Mode::Shared {
            assert!(play.refused("a: socket t AF_INET SOCK_STREAM").contains("no network of its own"));
            assert!(play.refused("a: socket t AF_INET6 SOCK_DGRAM").contains("no network of its own"));
        } else {
            play.run("a: socket t AF_INET SOCK_STREAM");
            play.run(&format!("a: connect t 127.0.0.1:{port}\nexpect a failed ECONNREFUSED"));
            play.run("a: socket v AF_INET6 SOCK_STREAM");
            play.run(&format!("a: connect v [::ffff:127.0.0.1]:{port}\nexpect a failed ECONNREFUSED"));
        }
        assert!(named.accept().is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock));
        assert!(numbered.accept().is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock));
    });
}

#[test]
fn ports_that_the_kernel_chose_make_no_difference() {
    let Some(play) = network() else { return };
    drop(play);
    let script = "spawn a\na: socket l AF_INET SOCK_STREAM\na: bind l 127.0.0.1:0\na: listen l 1\n\
                  a: getsockname l -> $port\na: socket s AF_INET SOCK_STREAM\na: connect s 127.0.0.1:$port\n\
                  a: accept l as c\na: send s \"x\"\na: socket u AF_INET6 SOCK_DGRAM\na: socket v AF_INET6 SOCK_DGRAM\n\
                  a: bind v [::1]:6000\na: sendto u \"hi\" [::1]:6000";
    let seen: Vec<_> = (0..2)
        .map(|_| {
            let mut play = Play::open(false);
            play.run(script);
            play.snapshot().normal()
        })
        .collect();
    assert_eq!(seen[0].objects, seen[1].objects);
    assert_eq!(seen[0].actors, seen[1].actors);
}

#[test]
fn the_end_of_a_pipe_that_is_in_flight_counts() {
    both(|play| {
        play.run(
            r#"
spawn a
a: pipe p
a: pipe q
a: socketpair s AF_UNIX SOCK_STREAM
spawn b
a: sendmsg s.0 "x" rights=p.w
a: sendmsg s.0 "y" rights=q.r
a: fork holder
a: close p.w
a: close q.r
holder: close p.w
holder: close p.r
holder: close q.r
holder: close q.w
expect p writers 0
expect not p eof
a: write q.w "no signal"
expect a returned 9 from write
"#,
        );
        let flies = |play: &Play, name: &str| play.object(name).value("in flight").as_text().map(str::to_owned);
        assert_eq!(
            (flies(play, "p").as_deref(), flies(play, "q").as_deref()),
            (Some("a write end"), Some("a read end"))
        );
        // Whoever takes them off the queue and holds no end may change that.
        play.run("a: close s.0\na: close s.1\nholder: close s.0\nholder: close s.1\nexpect p eof");
        assert_eq!((flies(play, "p"), flies(play, "q")), (None, None));
        play.run("a: read p.r 1\nexpect a returned 0 from read\na: write q.w \"x\"\nexpect a killed by SIGPIPE");
    });
}

#[test]
fn an_end_that_is_sent_has_arrived_when_the_statement_ends() {
    let Some(mut play) = network() else { return };
    play.run(
        r#"
a: socket l AF_INET SOCK_STREAM
a: bind l 127.0.0.1:5000
a: listen l 2
b: socket x AF_INET SOCK_STREAM
b: connect x 127.0.0.1:5000
b: send x "early"
a: accept l as y
a: send y "hi there"
b: recv x 2
b: shutdown x SHUT_WR
expect y state CLOSE_WAIT
expect x state FIN_WAIT2
a: recv y 5
a: shutdown y SHUT_WR
expect y state CLOSE
"#,
    );
}

#[test]
fn one_who_is_connected_to_is_no_orphan() {
    both(|play| {
        play.run(
            r#"
spawn a
spawn b
a: socket d AF_UNIX SOCK_DGRAM
a: bind d unix:box
b: socket e AF_UNIX SOCK_DGRAM
b: connect e unix:box
expect d state unconnected
expect e state connected
a: close d
expect e state orphaned
b: send e "x"
expect b failed ECONNREFUSED
expect e state unconnected
"#,
        );
    });
}

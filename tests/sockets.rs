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
        assert_eq!(play.object("c").value("state").as_text(), Some("not accepted yet"));
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
fn each_way_to_sleep_in_a_socket_is_named() {
    const SLEEPS: &[(&str, &str, &str, &str, &str)] = &[
        ("a: socketpair s AF_UNIX SOCK_STREAM\na: recv s.0 1", "a", "recv", "s.0", "receive"),
        ("a: socketpair s AF_UNIX SOCK_STREAM\na: read s.0 1", "a", "read", "s.0", "read"),
        ("a: socketpair s AF_UNIX SOCK_DGRAM\na: recvfrom s.0 1", "a", "recvfrom", "s.0", "receive"),
        ("a: socketpair s AF_UNIX SOCK_SEQPACKET\na: recvmsg s.0 1", "a", "recvmsg", "s.0", "receive"),
        ("a: socketpair s AF_UNIX SOCK_STREAM\na: send s.0 'x' * 1000000", "a", "send", "s.0", "send"),
        ("a: socketpair s AF_UNIX SOCK_STREAM\na: write s.0 'x' * 1000000", "a", "write", "s.0", "write"),
        ("a: socketpair s AF_UNIX SOCK_STREAM\na: sendmsg s.0 'x' * 1000000", "a", "sendmsg", "s.0", "send"),
        (
            "a: socketpair s AF_UNIX SOCK_DGRAM\na: setsockopt s.0 SOL_SOCKET SO_SNDBUF 0\nrepeat 100 a: send s.0 'x' * 1000",
            "a",
            "send",
            "s.0",
            "send",
        ),
        (
            "a: socket l AF_UNIX SOCK_STREAM\na: bind l unix:@l\na: listen l 1\na: accept l",
            "a",
            "accept",
            "l",
            "accept",
        ),
        (
            "a: socket l AF_UNIX SOCK_SEQPACKET\na: bind l unix:@l\na: listen l 1\na: accept4 l SOCK_CLOEXEC",
            "a",
            "accept4",
            "l",
            "accept",
        ),
        (
            "a: socket r AF_UNIX SOCK_DGRAM\na: bind r unix:r\na: socket t AF_UNIX SOCK_DGRAM\n\
             repeat 1000 a: sendto t \"x\" unix:r",
            "a",
            "sendto",
            "t",
            "send",
        ),
    ];
    for shared in [false, true] {
        for (script, who, verb, object, direction) in SLEEPS {
            let mut play = Play::open(shared);
            play.run("spawn a");
            for line in script.lines() {
                play.line(line);
            }
            let actor = play.snapshot().actor(who).unwrap();
            let sleep = actor.sleep().unwrap_or_else(|| panic!("{script}\n{:?}", actor));
            let seen = (sleep.verb.as_str(), sleep.object.as_deref(), sleep.direction.as_str());
            assert_eq!(seen, (*verb, Some(*object), *direction), "{script}");
            let waiters: Vec<_> = play.object(object).waiters.iter().map(|w| w.actor.as_str()).collect();
            assert_eq!(waiters, [*who], "{script}");
        }
    }
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

//! Each way to sleep that data transfer has: object, direction and time as the stage names them, held against the
//! system call, its arguments and the descriptors that are seen from outside.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;
#[expect(dead_code, unused_imports, reason = "only descriptors, memory and system calls are looked at here")]
mod outside;

use std::time::{Duration, Instant};

use common::Play;
use ipclab::model::{Mode, Object, Sleep};

/// What of a system call's arguments leads to the objects that it sleeps on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The first is a descriptor.
    Fd,
    /// The first is an id.
    Id,
    /// The first is a list of `struct pollfd`, the second says how many.
    Polled,
    /// The first three sets of descriptors, of so many as the first argument says.
    Sets,
    /// Nothing: no object is named.
    Nothing,
}

/// The lines that lead to a sleep, who sleeps in which call, on which objects, in which direction.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str, By);

const UNIX: &[Row] = &[
    ("a: socketpair s AF_UNIX SOCK_STREAM\na: recv s.0 1", "a", "recv", &["s.0"], "receive", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_STREAM\na: recvfrom s.0 1", "a", "recvfrom", &["s.0"], "receive", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_STREAM\na: read s.0 1", "a", "read", &["s.0"], "read", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_DGRAM\na: recvfrom s.0 1", "a", "recvfrom", &["s.0"], "receive", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_DGRAM\na: read s.0 1", "a", "read", &["s.0"], "read", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_SEQPACKET\na: recvmsg s.0 1", "a", "recvmsg", &["s.0"], "receive", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_SEQPACKET\na: recv s.0 1", "a", "recv", &["s.0"], "receive", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_STREAM\na: send s.0 'x' * 1000000", "a", "send", &["s.0"], "send", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_STREAM\na: write s.0 'x' * 1000000", "a", "write", &["s.0"], "write", By::Fd),
    ("a: socketpair s AF_UNIX SOCK_STREAM\na: sendmsg s.0 'x' * 1000000", "a", "sendmsg", &["s.0"], "send", By::Fd),
    (
        "a: socketpair s AF_UNIX SOCK_SEQPACKET\nrepeat 1000 a: send s.0 'x' * 1000",
        "a",
        "send",
        &["s.0"],
        "send",
        By::Fd,
    ),
    (
        "a: socketpair s AF_UNIX SOCK_DGRAM\na: setsockopt s.0 SOL_SOCKET SO_SNDBUF 0\nrepeat 100 a: send s.0 'x' * 1000",
        "a",
        "send",
        &["s.0"],
        "send",
        By::Fd,
    ),
    (
        "a: socket r AF_UNIX SOCK_DGRAM\na: bind r unix:r\na: socket t AF_UNIX SOCK_DGRAM\n\
         repeat 1000 a: sendto t \"x\" unix:r",
        "a",
        "sendto",
        &["t"],
        "send",
        By::Fd,
    ),
    (
        "a: socket r AF_UNIX SOCK_DGRAM\na: bind r unix:@r\na: socket t AF_UNIX SOCK_DGRAM\n\
         repeat 1000 a: sendmsg t \"x\" to=unix:@r",
        "a",
        "sendmsg",
        &["t"],
        "send",
        By::Fd,
    ),
    (
        "a: socket l AF_UNIX SOCK_STREAM\na: bind l unix:@l\na: listen l 1\na: accept l",
        "a",
        "accept",
        &["l"],
        "accept",
        By::Fd,
    ),
    (
        "a: socket l AF_UNIX SOCK_SEQPACKET\na: bind l unix:l\na: listen l 1\na: accept4 l SOCK_CLOEXEC",
        "a",
        "accept4",
        &["l"],
        "accept",
        By::Fd,
    ),
    (
        "a: socket l AF_UNIX SOCK_STREAM\na: bind l unix:l\na: listen l 0\na: socket x AF_UNIX SOCK_STREAM\n\
         a: connect x unix:l\na: socket y AF_UNIX SOCK_STREAM\na: connect y unix:l",
        "a",
        "connect",
        &["y"],
        "connect",
        By::Fd,
    ),
];

const PAIR: &str = "a: socket l AF_INET SOCK_STREAM\na: bind l 127.0.0.1:5000\na: listen l 0\n\
                    b: socket s AF_INET SOCK_STREAM\nb: connect s 127.0.0.1:5000\na: accept l as p\n";

const INTERNET: &[Row] = &[
    ("a: recv p 1", "a", "recv", &["p"], "receive", By::Fd),
    ("a: recvfrom p 1", "a", "recvfrom", &["p"], "receive", By::Fd),
    ("a: recvmsg p 1", "a", "recvmsg", &["p"], "receive", By::Fd),
    ("a: read p 1", "a", "read", &["p"], "read", By::Fd),
    ("a: send p 'x' * 10000000", "a", "send", &["p"], "send", By::Fd),
    ("a: write p 'x' * 10000000", "a", "write", &["p"], "write", By::Fd),
    ("a: sendmsg p 'x' * 10000000", "a", "sendmsg", &["p"], "send", By::Fd),
    ("a: accept l", "a", "accept", &["l"], "accept", By::Fd),
    ("a: accept4 l SOCK_CLOEXEC", "a", "accept4", &["l"], "accept", By::Fd),
    (
        "b: socket x AF_INET SOCK_STREAM\nb: connect x 127.0.0.1:5000\na: socket y AF_INET SOCK_STREAM\n\
         a: connect y 127.0.0.1:5000",
        "a",
        "connect",
        &["y"],
        "connect",
        By::Fd,
    ),
    ("a: socket u AF_INET SOCK_DGRAM\na: bind u *:5000\na: recvfrom u 1", "a", "recvfrom", &["u"], "receive", By::Fd),
    ("a: socket u AF_INET SOCK_DGRAM\na: bind u *:5000\na: recvmsg u 1", "a", "recvmsg", &["u"], "receive", By::Fd),
    ("a: socket u AF_INET SOCK_DGRAM\na: bind u *:5000\na: read u 1", "a", "read", &["u"], "read", By::Fd),
    ("a: socket u AF_INET6 SOCK_DGRAM\na: bind u [::1]:5000\na: recv u 1", "a", "recv", &["u"], "receive", By::Fd),
];

const QUEUES: &[Row] = &[
    ("a: msgget q IPC_CREAT\na: msgrcv q 100", "a", "msgrcv", &["q"], "receive", By::Id),
    (
        "a: msgget q IPC_CREAT\na: msgsnd q type=2 \"x\"\na: msgrcv q 100 type=1",
        "a",
        "msgrcv",
        &["q"],
        "receive",
        By::Id,
    ),
    (
        "a: msgget q IPC_CREAT\na: msgsnd q type=2 \"x\"\na: msgrcv q 100 type=-1",
        "a",
        "msgrcv",
        &["q"],
        "receive",
        By::Id,
    ),
    (
        "a: msgget q IPC_CREAT key=IPC_PRIVATE\na: msgsnd q type=2 \"x\"\na: msgrcv q 100 type=2 MSG_EXCEPT",
        "a",
        "msgrcv",
        &["q"],
        "receive",
        By::Id,
    ),
    (
        "a: msgget q IPC_CREAT\na: msgctl q IPC_SET qbytes=10\na: msgsnd q 'x' * 10\na: msgsnd q \"x\"",
        "a",
        "msgsnd",
        &["q"],
        "send",
        By::Id,
    ),
];

const TERMINAL: &str = "a: posix_openpt t O_RDWR|O_NOCTTY\na: unlockpt t.m\na: ioctl t.m TIOCGPTPEER O_RDWR|O_NOCTTY\n\
                        a: fork c\n";

const TERMINALS: &[Row] = &[
    ("c: read t.s 10", "c", "read", &["t"], "read", By::Fd),
    ("c: read t.m 10", "c", "read", &["t"], "read", By::Fd),
    ("c: write t.s 'x' * 30000", "c", "write", &["t"], "write", By::Fd),
    ("a: tcsetattr t.s TCSANOW clear=ICANON|ECHO\nc: write t.m 'x' * 30000", "c", "write", &["t"], "write", By::Fd),
    // Stopped by Ctrl-S.
    ("a: write t.m \"\\x13\"\nc: write t.s \"x\"", "c", "write", &["t"], "write", By::Fd),
    ("c: dup2 t.s fd 1\na: write t.m \"\\x13\"\nc: printf \"x\\n\"", "c", "printf", &["t"], "write", By::Fd),
    ("c: poll t.s:POLLIN t.m:POLLIN", "c", "poll", &["t"], "be told", By::Polled),
];

const BOTH: &str = "a: pipe p\na: socketpair s AF_UNIX SOCK_STREAM\n";

const MANY: &[Row] = &[
    ("a: poll p.r:POLLIN s.0:POLLIN", "a", "poll", &["p", "s.0"], "be told", By::Polled),
    ("a: ppoll s.0:POLLIN p.r:POLLIN timeout=60s sigmask=SIGUSR1", "a", "ppoll", &["s.0", "p"], "be told", By::Polled),
    ("a: select p.r:readfds s.1:readfds", "a", "select", &["p", "s.1"], "be told", By::Sets),
    ("a: pselect p.r:readfds s.1:exceptfds timeout=60s", "a", "pselect", &["p", "s.1"], "be told", By::Sets),
    ("a: epoll_create1 ep\na: epoll_wait ep", "a", "epoll_wait", &["ep"], "be told", By::Fd),
    (
        "a: epoll_create1 ep\na: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN\na: epoll_pwait ep timeout=60s sigmask=SIGUSR1",
        "a",
        "epoll_pwait",
        &["ep"],
        "be told",
        By::Fd,
    ),
    ("a: eventfd e 0\na: eventfd_read e", "a", "eventfd_read", &["e"], "read", By::Fd),
    ("a: eventfd e 0 EFD_SEMAPHORE\na: read e 8", "a", "read", &["e"], "read", By::Fd),
    ("a: eventfd e 1\na: eventfd_write e -2", "a", "eventfd_write", &["e"], "write", By::Fd),
    ("a: timerfd_create t CLOCK_MONOTONIC\na: read t 8", "a", "read", &["t"], "read", By::Fd),
    ("a: sigprocmask SIG_BLOCK SIGUSR1\na: signalfd g SIGUSR1\na: read g 128", "a", "read", &["g"], "read", By::Fd),
    ("a: sigprocmask SIG_BLOCK SIGUSR1\na: sigwaitinfo SIGUSR1", "a", "sigwaitinfo", &[], "signal", By::Nothing),
    ("a: sigtimedwait SIGUSR1 60s", "a", "sigtimedwait", &[], "signal", By::Nothing),
    ("a: sigsuspend 0", "a", "sigsuspend", &[], "signal", By::Nothing),
    ("a: pause", "a", "pause", &[], "signal", By::Nothing),
];

/// Sleeps that end by themselves after a minute.
const TIMED: &[Row] = &[
    ("a: setsockopt s.0 SOL_SOCKET SO_RCVTIMEO 60s\na: recv s.0 1", "a", "recv", &["s.0"], "receive", By::Fd),
    ("a: setsockopt s.0 SOL_SOCKET SO_RCVTIMEO 60s\na: read s.0 1", "a", "read", &["s.0"], "read", By::Fd),
    (
        "a: setsockopt s.0 SOL_SOCKET SO_SNDTIMEO 60s\na: write s.0 'x' * 1000000",
        "a",
        "write",
        &["s.0"],
        "write",
        By::Fd,
    ),
    ("a: poll p.r:POLLIN timeout=60s", "a", "poll", &["p"], "be told", By::Polled),
    ("a: ppoll p.r:POLLIN timeout=60s", "a", "ppoll", &["p"], "be told", By::Polled),
    ("a: select p.r:readfds timeout=60s", "a", "select", &["p"], "be told", By::Sets),
    ("a: pselect p.r:readfds timeout=60s", "a", "pselect", &["p"], "be told", By::Sets),
    ("a: epoll_create1 ep\na: epoll_wait ep timeout=60s", "a", "epoll_wait", &["ep"], "be told", By::Fd),
    ("a: sigtimedwait SIGUSR1 60s", "a", "sigtimedwait", &[], "signal", By::Nothing),
];

/// The system calls that a call of the C library may be seen as.
fn numbers(verb: &str) -> &'static [i64] {
    match verb {
        "read" | "eventfd_read" => &[libc::SYS_read],
        "write" | "eventfd_write" | "printf" => &[libc::SYS_write],
        "recv" | "recvfrom" => &[libc::SYS_recvfrom],
        "recvmsg" => &[libc::SYS_recvmsg],
        "send" | "sendto" => &[libc::SYS_sendto],
        "sendmsg" => &[libc::SYS_sendmsg],
        "accept" | "accept4" => &[libc::SYS_accept, libc::SYS_accept4],
        "connect" => &[libc::SYS_connect],
        "msgrcv" => &[libc::SYS_msgrcv],
        "msgsnd" => &[libc::SYS_msgsnd],
        "poll" | "ppoll" | "pause" => &[libc::SYS_ppoll],
        "select" | "pselect" => &[libc::SYS_pselect6],
        "epoll_wait" | "epoll_pwait" => &[libc::SYS_epoll_pwait],
        "open" => &[libc::SYS_openat, libc::SYS_openat2],
        "sigwaitinfo" | "sigtimedwait" => &[libc::SYS_rt_sigtimedwait],
        "sigsuspend" => &[libc::SYS_rt_sigsuspend],
        other => panic!("{other} is not compared"),
    }
}

/// The same where the machine has calls that newer ones lack.
fn of_old(verb: &str) -> Option<i64> {
    #[cfg(target_arch = "x86_64")]
    match verb {
        "poll" => return Some(libc::SYS_poll),
        "select" => return Some(libc::SYS_select),
        "epoll_wait" => return Some(libc::SYS_epoll_wait),
        "pause" => return Some(libc::SYS_pause),
        _ => {}
    }
    let _ = verb;
    None
}

/// The descriptors that a call waits for, read from its arguments and the sleeper's memory.
fn descriptors(pid: i32, by: By, args: &[u64; 6]) -> Vec<i32> {
    let int = |bytes: &[u8]| i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    match by {
        By::Fd => vec![args[0] as i32],
        By::Polled => outside::memory(pid, args[0], args[1] as usize * 8).chunks(8).map(int).collect(),
        By::Sets => {
            let sets: Vec<_> = args[1..4].iter().filter(|a| **a != 0).map(|a| outside::memory(pid, *a, 128)).collect();
            let is_in = |fd: &i32| sets.iter().any(|set| set[*fd as usize / 8] >> (fd % 8) & 1 == 1);
            (0..args[0] as i32).filter(is_in).collect()
        }
        By::Id | By::Nothing => Vec::new(),
    }
}

/// Whether a descriptor leads to an object. What has no inode of its own is known by what /proc calls it.
fn leads(found: &outside::Descriptor, object: &Object) -> bool {
    match object.facility() {
        nameless @ ("eventfd" | "timerfd" | "signalfd") => found.link == format!("anon_inode:[{nameless}]"),
        "epoll" => found.link == "anon_inode:[eventpoll]",
        "pty" => found.link.starts_with("/dev/pt"),
        _ => (found.dev, found.ino) == (object.key.dev, object.key.ino),
    }
}

/// Puts somebody to sleep and compares what the stage says with what is seen from outside.
fn is_true(play: &mut Play, before: &str, row: &Row) -> Sleep {
    let (script, who, verb, objects, direction, by) = row;
    play.run("spawn a\nspawn b");
    play.run(before);
    let mut since = 0;
    for line in script.lines() {
        since = play.snapshot().at_ns;
        play.run(line);
    }
    let told = format!("{:?} {script}", play.mode());
    let seen = play.snapshot();
    let actor = seen.actor(who).unwrap_or_else(|| panic!("{told}: nobody is called {who}"));
    let sleep = actor.sleep().unwrap_or_else(|| panic!("{told}: {actor:?}"));
    assert!(seen.settled, "{told}");
    let named: Vec<&str> = sleep.object.iter().chain(&sleep.also).map(String::as_str).collect();
    assert_eq!((sleep.verb.as_ref(), &named[..], sleep.direction.as_ref()), (*verb, *objects, *direction), "{told}");
    assert!((since..seen.at_ns).contains(&sleep.since_ns), "{told}: {since} {} {}", sleep.since_ns, seen.at_ns);

    let pid = outside::descendants(play.stage().process())[&actor.pid].pid;
    // The stage's look at a queue of datagrams wakes who waits for room in it, which finds none and sleeps on.
    let limit = Instant::now() + Duration::from_secs(20);
    let (nr, args) = loop {
        match outside::syscall(pid) {
            Some(found) => break found,
            None => assert!(Instant::now() < limit, "{told}: it runs"),
        }
        std::thread::yield_now();
    };
    let fits = numbers(verb).contains(&nr) || of_old(verb) == Some(nr);
    assert!(fits && nr == sleep.syscall, "{told}: {nr}, {}", sleep.syscall);
    let held = outside::descriptors(pid);
    for name in *objects {
        let object = play.object(name);
        let waits: Vec<_> = object.waiters.iter().map(|w| (w.actor.as_ref(), w.direction.as_ref())).collect();
        // Of several ways to be ready, those that were asked for.
        let asked = if *direction == "be told" && *by != By::Fd { "read" } else { direction };
        assert_eq!(waits, [(*who, asked)], "{told}: {name}");
        if *by == By::Id {
            assert_eq!(object.key.ino, args[0], "{told}: {name}");
        } else if *by != By::Nothing {
            let fds = descriptors(pid, *by, &args);
            let leading = held.iter().filter(|d| fds.contains(&d.fd) && leads(d, object));
            assert!(leading.count() > 0, "{told}: {fds:?} do not lead to {name}: {held:#?}");
        }
    }
    // It is the same sleep, and began when it began, however often one looks.
    let sleep = sleep.clone();
    let again = play.look_again();
    assert_eq!(again.actor(who).and_then(|a| a.sleep()), Some(&sleep), "{told}");
    sleep
}

/// All rows on stages of both kinds; in shared mode there is no network.
fn all(before: &str, rows: &[Row], network: bool) {
    for shared in [false, true] {
        for row in rows {
            let mut play = Play::open(shared);
            if !network || play.mode() == Mode::Isolated {
                is_true(&mut play, before, row);
            } else if !shared {
                common::left_out("sleeps on sockets of the Internet: no stage has a network of its own here");
            }
        }
    }
}

#[test]
fn on_unix_sockets() {
    all("", UNIX, false);
}

#[test]
fn on_internet_sockets() {
    let (stream, datagram) = INTERNET.split_at(10);
    all(PAIR, stream, true);
    all("", datagram, true);
}

#[test]
fn on_system_v_queues() {
    all("", QUEUES, false);
}

#[test]
fn on_terminals() {
    all(TERMINAL, TERMINALS, false);
}

#[test]
fn on_many_descriptors() {
    all(BOTH, MANY, false);
}

#[test]
fn with_an_end_by_themselves() {
    for shared in [false, true] {
        for row in TIMED {
            let sleep = is_true(&mut Play::open(shared), BOTH, row);
            let takes = sleep.deadline_ns.map(|end| end.abs_diff(sleep.since_ns + 60_000_000_000));
            assert!(takes.is_some_and(|off| off < 2_000_000_000), "{row:?}: {sleep:?}");
        }
    }
}

#[test]
fn on_another_machine() {
    let rows: &[Row] = &[
        (
            "c: mkfifo box 0600\nd: mkfifo box 0600\nd: open f box O_RDONLY",
            "d",
            "open",
            &["box#2"],
            "open",
            By::Nothing,
        ),
        ("d: msgget q IPC_CREAT\nd: msgrcv q 10", "d", "msgrcv", &["q"], "receive", By::Id),
        (
            "c: socket l AF_INET SOCK_STREAM\nc: bind l *:5000\nc: listen l 1\nd: socket s AF_INET SOCK_STREAM\n\
             d: connect s east:5000\nd: recv s 1",
            "d",
            "recv",
            &["s"],
            "receive",
            By::Fd,
        ),
        (
            "d: socket u AF_INET6 SOCK_DGRAM\nd: bind u *:5000\nd: recvfrom u 1",
            "d",
            "recvfrom",
            &["u"],
            "receive",
            By::Fd,
        ),
    ];
    for row in rows {
        let mut play = Play::open(false);
        if play.stage().info().capabilities.iter().any(|c| c == "hosts") {
            is_true(&mut play, "host east\nhost west\nspawn c @east\nspawn d @west\n", row);
        }
    }
}

//! Hosts on real stages: what reaches from one machine to another, and what does not.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test says where it can not go on, and what it skips")]

mod common;
#[expect(dead_code, unused_imports, reason = "only the tree of processes is looked at here")]
mod outside;

use common::Play;
use ipclab::model::{Evidence, Mode, Snapshot, Value};

/// An isolated stage; `None`, said aloud, where none is to be had or the kernel has no bridges.
fn isolated() -> Option<Play> {
    let play = Play::open(false);
    let able = play.stage().info().capabilities.iter().any(|word| word == "hosts");
    if !able {
        println!("skipped: no hosts here: {:?}", play.stage().info());
    }
    able.then_some(play)
}

/// A stage with two hosts and an actor on each.
fn two() -> Option<Play> {
    let mut play = isolated()?;
    play.run("host east\nhost west\nspawn dora @east\nspawn emil @west");
    Some(play)
}

fn told(seen: &Snapshot, host: &str, field: &str) -> Vec<String> {
    seen.host(host).unwrap().texts(field).map(ToOwned::to_owned).collect()
}

#[test]
fn names_of_files_queues_and_memory_do_not_reach_across() {
    let Some(mut play) = two() else { return };
    play.run(
        r#"
dora: mkfifo box 0666
emil: open f "box" O_WRONLY|O_NONBLOCK
expect emil failed ENOENT
dora: mq_open q O_CREAT|O_RDWR 0666
dora: mq_send q "hello" 3
emil: mq_open q O_RDWR
expect emil failed ENOENT
dora: shm_open board O_CREAT|O_RDWR 0666
dora: ftruncate board 4096
emil: shm_open board O_RDWR
expect emil failed ENOENT
dora: msgget m IPC_CREAT 0666
dora: msgsnd m type=3 "urgent"
emil: msgget m
expect emil failed ENOENT
dora: open notes "notes" O_RDWR|O_CREAT 0666
emil: open notes "notes" O_RDWR
expect emil failed ENOENT
"#,
    );
    // All of them lead to something on the machine on which they were made, and are read there.
    play.run(
        r#"
spawn frida @east
frida: mq_open q O_RDWR
frida: mq_receive q 9000
expect frida got "hello"
frida: msgget m
frida: msgrcv m 100
expect frida got "urgent"
expect q messages 0
expect m messages 0
frida: shm_open board O_RDWR
"#,
    );
    // Nobody but the file system leads there now.
    play.run("dora: kill frida SIGKILL\ndora: mq_close q");
    assert_eq!(play.object("q").int("messages"), Some(0));
    assert_eq!(play.object("box").identifier, "box");
}

#[test]
fn the_same_names_and_ids_are_others_elsewhere() {
    let Some(mut play) = two() else { return };
    play.run("spawn alice");
    for (actor, text) in [("dora", "east"), ("emil", "west"), ("alice", "none")] {
        play.run(&format!(
            "{actor}: mq_open q O_CREAT|O_RDWR\n{actor}: mq_send q \"{text}\" 0\n\
             {actor}: msgget m IPC_CREAT 0600\n{actor}: msgsnd m type=1 \"{text}\""
        ));
    }
    let texts = |facility: &str, part: &str| {
        let of = play.snapshot().objects.iter().filter(|o| o.facility() == facility);
        let first = of.filter_map(|o| o.value("queue").as_list().first()?.part(part)?.as_bytes());
        first.map(|(bytes, _)| String::from_utf8_lossy(bytes).into_owned()).collect::<Vec<_>>()
    };
    let (posix, sysv) = (texts("mq", "data"), texts("sysv-mq", "data"));
    assert_eq!(
        (posix, sysv),
        (vec!["east".to_owned(), "west".into(), "none".into()], vec!["east".into(), "west".into(), "none".into()]),
        "{:#?}",
        play.snapshot().objects
    );
}

#[test]
fn sleepers_on_a_host_are_found() {
    let Some(mut play) = two() else { return };
    play.run(
        r#"
dora: mkfifo box 0666
emil: mkfifo box 0666
emil: open f "box" O_RDONLY
expect emil blocked in open
dora: msgget m IPC_CREAT 0600
dora: msgrcv m 100
expect dora blocked in msgrcv on m
"#,
    );
    let sleeps = |name: &str| play.snapshot().actor(name).and_then(|a| a.sleep()).and_then(|s| s.object.clone());
    let object = sleeps("emil").unwrap();
    let waiters = &play.object(&object).waiters;
    assert_eq!(waiters.len(), 1, "{object}: {waiters:?}");
    // Two FIFOs are called box: the second of them is his.
    assert_eq!(object, "box#2");
    play.run("expect emil blocked in open on box#2\nexpect box#2 waiters emil\nexpect m waiters dora");
}

#[test]
fn unix_sockets_stay_on_their_machine() {
    let Some(mut play) = two() else { return };
    play.run(
        r"
dora: socket s AF_UNIX SOCK_STREAM
dora: bind s unix:srv
dora: listen s 5
dora: socket t AF_UNIX SOCK_STREAM
dora: bind t unix:@srv
dora: listen t 5
emil: socket s2 AF_UNIX SOCK_STREAM
emil: connect s2 unix:srv
expect emil failed ENOENT
emil: connect s2 unix:@srv
expect emil failed ECONNREFUSED
spawn frida @east
frida: socket s3 AF_UNIX SOCK_STREAM
frida: connect s3 unix:srv
expect frida returned 0 from connect
dora: accept s as conn
expect s3 peer conn
",
    );
}

#[test]
fn internet_addresses_reach_across() {
    let Some(mut play) = two() else { return };
    for (family, port) in [("AF_INET", 5000), ("AF_INET6", 6000)] {
        let (l, c, d) = (format!("l{family}"), format!("c{family}"), format!("d{family}"));
        play.run(&format!(
            r#"
dora: socket {l} {family} SOCK_STREAM
dora: bind {l} *:{port}
dora: listen {l} 5
emil: socket {c} {family} SOCK_STREAM
emil: connect {c} east:{port}
expect emil returned 0 from connect
dora: accept {l} as conn{family}
emil: send {c} "over the line"
dora: recv conn{family} 100
expect dora got "over the line"
dora: close {l}
dora: close conn{family}
dora: socket {d} {family} SOCK_DGRAM
dora: bind {d} *:{port}
emil: socket e{d} {family} SOCK_DGRAM
emil: sendto e{d} "a datagram" east:{port}
dora: recv {d} 100
expect dora got "a datagram"
emil: sendto e{d} "to nobody" west:{port}
dora: close {d}
"#
        ));
    }
    // An actor on no host is on no network but its own.
    play.run("spawn alice\nalice: socket s AF_INET SOCK_DGRAM\nalice: sendto s \"x\" east:5001");
    play.run("expect alice failed ENETUNREACH");
    play.run("dora: socket b AF_INET SOCK_DGRAM\ndora: setsockopt b SOL_SOCKET SO_BROADCAST 1\ndora: sendto b \"to all\" 10.0.0.255:5001\nexpect dora returned 6");
}

#[test]
fn one_datagram_reaches_all_hosts_or_the_members_of_a_group() {
    let Some(mut play) = two() else { return };
    play.run("host north\nspawn nora @north");
    for (who, name) in [("emil", "r"), ("nora", "t")] {
        play.run(&format!("{who}: socket {name} AF_INET SOCK_DGRAM\n{who}: bind {name} *:5000"));
    }
    play.run(
        r#"
dora: socket s AF_INET SOCK_DGRAM
dora: sendto s "to all" 10.0.0.255:5000
expect dora failed EACCES
dora: setsockopt s SOL_SOCKET SO_BROADCAST 1
dora: sendto s "to all" 10.0.0.255:5000
expect r next "to all"
expect t next "to all"
emil: setsockopt r IPPROTO_IP IP_ADD_MEMBERSHIP "239.1.2.3"
expect r member "239.1.2.3"
dora: sendto s "to a group" 239.1.2.3:5000
expect r messages 2
expect t messages 1
link east west down
dora: sendto s "lost" 255.255.255.255:5000
expect r messages 2
expect t messages 2
emil: recvfrom r 100
expect emil got "to all"
"#,
    );
    // What the kernel of that very host says, not the stage's own.
    let groups = play.object("r").field("groups").unwrap();
    assert_eq!((groups.evidence, groups.note.as_deref()), (Evidence::Mirror, None));
    assert!(play.last("emil").contains("10.0.0.1:"), "{}", play.last("emil"));
    play.run(
        r#"
link east west up
dora: socket s6 AF_INET6 SOCK_DGRAM
emil: socket r6 AF_INET6 SOCK_DGRAM
emil: bind r6 *:6000
nora: socket t6 AF_INET6 SOCK_DGRAM
nora: bind t6 *:6000
nora: setsockopt t6 IPPROTO_IPV6 IPV6_ADD_MEMBERSHIP "ff15::1"
expect nora returned 0 from setsockopt
dora: sendto s6 "six" [ff15::1]:6000
expect dora returned 3 from sendto
expect t6 next "six"
expect r6 messages 0
expect t6 member "ff15::1"
"#,
    );
}

#[test]
fn a_line_that_is_cut_carries_nothing_and_tells_nobody() {
    let Some(mut play) = two() else { return };
    play.run("host north\nspawn nora @north");
    assert_eq!(told(play.snapshot(), "east", "up"), ["west", "north"]);
    play.run(
        r#"
dora: socket d AF_INET SOCK_DGRAM
dora: bind d *:5001
emil: socket e AF_INET SOCK_DGRAM
emil: sendto e "one" east:5001
dora: recv d 100
expect dora got "one"
link east west down
"#,
    );
    assert_eq!(
        (told(play.snapshot(), "east", "up"), told(play.snapshot(), "east", "down")),
        (vec!["north".to_owned()], vec!["west".to_owned()])
    );
    assert_eq!(told(play.snapshot(), "west", "down"), ["east"]);
    play.run("expect east up north\nexpect east down west\nexpect not east up west north\nexpect not west down north");
    play.run(
        r#"
emil: sendto e "two" east:5001
expect emil returned 3 from sendto
dora: recv d 100 MSG_DONTWAIT
expect dora failed EAGAIN
nora: socket n AF_INET SOCK_DGRAM
nora: sendto n "three" east:5001
dora: recv d 100
expect dora got "three"
nora: sendto n "four" west:5009
link west east up
emil: sendto e "five" east:5001
dora: recv d 100
expect dora got "five"
"#,
    );
    assert_eq!(told(play.snapshot(), "west", "up"), ["east", "north"]);
}

#[test]
fn a_stream_goes_on_when_the_line_does() {
    let Some(mut play) = two() else { return };
    play.run(
        r#"
dora: socket l AF_INET SOCK_STREAM
dora: bind l *:5000
dora: listen l 5
emil: socket c AF_INET SOCK_STREAM
emil: connect c east:5000
dora: accept l as conn
link east west down
emil: send c "patience"
expect emil returned 8
dora: recv conn 100
expect dora blocked in recv
link east west up
await dora
expect dora got "patience"
"#,
    );
}

#[test]
fn a_host_shows_its_addresses_and_who_lives_there() {
    let Some(mut play) = two() else { return };
    play.run("dora: fork fred");
    let seen = play.snapshot();
    let none = |name: &str| seen.actor(name).unwrap().descriptors.is_empty();
    assert!(none("dora") && none("fred"), "what is the stage's own does not show: {:#?}", seen.actors);
    assert_eq!(told(seen, "east", "addresses"), ["10.0.0.1/24", "fd00::1/64"]);
    assert_eq!(told(seen, "west", "addresses"), ["10.0.0.2/24", "fd00::2/64"]);
    let east = seen.host("east").unwrap().clone();
    assert!(east.fields.iter().all(|field| field.evidence == Evidence::Kernel));
    assert_eq!(east.fields[1].value, Value::List(vec![Value::Text("west".into())]));
    for (name, host) in [("dora", Some("east")), ("fred", Some("east")), ("emil", Some("west"))] {
        assert_eq!(seen.actor(name).unwrap().host.as_deref(), host);
    }
    play.run("expect east addresses \"10.0.0.1\"\nexpect east addresses \"fd00::1/64\"\nexpect not east addresses \"10.0.0.2\"");
    let verdict = play.line("expect east rooms 3");
    assert!(!verdict.ok() && format!("{:?}", verdict.outcome).contains("it has addresses, up, down"), "{verdict:?}");
    play.run("fred: mkfifo box 0600\ndora: open f \"box\" O_RDONLY|O_NONBLOCK\nexpect dora returned 3 from open");
    play.run("fred: execve self\nfred: open g \"box\" O_WRONLY|O_NONBLOCK\nexpect fred returned 3 from open");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let Some(mut play) = two() else { return };
    for (statement, why) in [
        ("host east", "taken by a host"),
        ("host dora", "taken by an actor"),
        ("spawn east", "taken by a host"),
        ("spawn zoe @north", "no host on stage is called north"),
        ("link east north down", "no host on stage is called north"),
        ("dora: kill emil SIGTERM", "emil lives on west"),
        ("dora: pipe west", "taken by a host"),
    ] {
        let refused = play.refused(statement);
        assert!(refused.contains(why), "{statement}: {refused}");
    }
    play.run("dora: socket d AF_INET SOCK_DGRAM");
    assert!(play.refused("dora: sendto d \"x\" weest:1").contains("no host on stage"));
    for n in 3..=8 {
        play.run(&format!("host h{n}"));
    }
    assert!(play.refused("host h9").contains("HOSTS_MAX"));
    assert_eq!(told(play.snapshot(), "h8", "up").len(), 7);
}

#[test]
fn nothing_is_left_behind() {
    let spaces = |pid: i32| ["net", "ipc", "mnt"].map(|kind| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok());
    let cards = || {
        let mut names: Vec<_> = std::fs::read_dir("/sys/class/net").unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = cards();
    let Some(mut play) = two() else { return };
    play.run("dora: mq_open q O_CREAT|O_RDWR\ndora: mkfifo box 0600\nlink east west down");
    assert_eq!(cards(), before, "nothing of a host shows outside");
    let processes = outside::descendants(play.stage().process());
    let on_hosts = ["dora", "emil"].map(|name| {
        let pid = play.snapshot().actor(name).unwrap().pid;
        spaces(processes[&pid].pid).map(Option::unwrap)
    });
    let [dora, emil] = &on_hosts;
    for ((dora, emil), director) in dora.iter().zip(emil).zip(spaces(processes[&1].pid)) {
        assert_ne!(dora, emil);
        assert_ne!(Some(dora), director.as_ref());
    }
    drop(play);
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let left = pids.flat_map(spaces).flatten().filter(|space| on_hosts.iter().flatten().any(|one| one == space));
    assert_eq!(left.count(), 0);
    assert_eq!(cards(), before);
}

#[test]
fn a_shared_stage_has_no_hosts_and_says_why() {
    let mut play = Play::open(true);
    assert_eq!(play.stage().info().mode, Mode::Shared);
    assert!(!play.stage().info().capabilities.iter().any(|word| word == "hosts"));
    let why = play.refused("host east");
    assert!(why.contains("isolated stage") && why.contains("shared mode was asked for"), "{why}");
    assert!(play.refused("spawn dora @east").contains("no host"));
}

/// What is sent while a line is cut does not come when it is mended, be it the only one, and what is sent then comes at once.
#[test]
fn what_a_cut_line_has_lost_stays_lost() {
    for (family, address) in [("AF_INET", "0.0.0.0"), ("AF_INET6", "[::]")] {
        let Some(mut play) = two() else { return };
        play.run(&format!(
            r#"
dora: socket d {family} SOCK_DGRAM
dora: bind d {address}:5001
emil: socket e {family} SOCK_DGRAM
link east west down
emil: sendto e "lost" east:5001
expect emil returned 4 from sendto
link east west up
expect d messages 0
emil: sendto e "back" east:5001
expect d messages 1
dora: recv d 100 MSG_DONTWAIT
expect dora got "back"
"#
        ));
    }
}

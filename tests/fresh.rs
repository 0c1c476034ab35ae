//! A look does not read again what nobody can have changed. These tests hold that it never shows what was: what others
//! did to a shared object is seen, and a cheap look says the same as one that reads everything anew.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;

use std::time::{Duration, Instant};

use common::{Play, both};
use ipclab::kernel::proc::{Task, children};
use ipclab::model::{Snapshot, Value};
use ipclab::script::parse;

/// Flags and offset of an actor's descriptor.
#[track_caller]
fn descriptor(play: &Play, actor: &str, fd: i32) -> (Vec<String>, u64) {
    let actor = play.snapshot().actor(actor).unwrap();
    let found = actor.descriptors.iter().find(|d| d.fd == fd).unwrap_or_else(|| panic!("{:#?}", actor.descriptors));
    (found.flags.clone(), found.offset)
}

#[test]
fn what_a_sharer_does_to_a_description_shows() {
    both(|play| {
        play.run(
            "spawn alice\nalice: open f \"f\" O_CREAT|O_RDWR 0600\nalice: fork bob\nalice: pipe p\nalice: fork carol",
        );
        assert_eq!(descriptor(play, "bob", 3), (vec![], 0));
        play.run("alice: write f \"hello\"");
        assert_eq!(descriptor(play, "bob", 3).1, 5, "the offset is one for both");
        play.run("bob: lseek f 2 SEEK_SET");
        assert_eq!((descriptor(play, "alice", 3).1, descriptor(play, "carol", 3).1), (2, 2));
        play.run("carol: fcntl p.r F_SETFL O_NONBLOCK");
        assert_eq!(descriptor(play, "alice", 4).0, ["O_NONBLOCK"], "status flags are one for both");
        play.run("carol: fcntl p.r F_SETFD FD_CLOEXEC");
        assert_eq!(descriptor(play, "alice", 4).0, ["O_NONBLOCK"], "this one is the descriptor's own");
        assert_eq!(descriptor(play, "carol", 4).0, ["O_NONBLOCK", "FD_CLOEXEC"]);
    });
}

#[test]
fn what_a_sharer_does_before_it_dies_shows() {
    both(|play| {
        play.run(
            "spawn alice\nalice: open f \"f\" O_CREAT|O_RDWR 0600\nalice: fork bob\n\
             program bob\nwrite f \"last words\"\nexit 3\nend\ngo bob",
        );
        assert_eq!(descriptor(play, "alice", 3).1, 10);
        play.run("expect f holds \"last words\"");
    });
}

#[test]
fn a_pipe_resized_filled_and_left_by_others_is_seen_so() {
    both(|play| {
        play.run("spawn alice\nalice: pipe p\nalice: fork bob\nalice: fork carol\nalice: close p.w\nbob: close p.r");
        assert_eq!((play.int("p", "capacity"), play.int("p", "writers")), (65536, 2));
        play.run("bob: fcntl p.w F_SETPIPE_SZ 8192");
        assert_eq!(play.int("p", "capacity"), 8192);
        play.run("carol: write p \"more\"\nexpect p holds \"more\"\nbob: write p \"!\"\nexpect p holds \"more!\"");
        play.run("alice: read p 2\nexpect p holds \"re!\"\nalice: kill carol SIGKILL");
        assert_eq!((play.int("p", "writers"), play.int("p", "bytes")), (1, 3));
        play.run("bob: close p.w\nalice: read p 9\nexpect p eof");
    });
}

#[test]
fn names_and_modes_that_others_change_are_seen() {
    both(|play| {
        play.run(
            "spawn alice\nspawn bob\nalice: open f \"f\" O_CREAT|O_RDWR 0600\nalice: mkfifo \"box\" 0600\n\
             alice: open b \"box\" O_RDWR\nalice: shm_open m O_CREAT|O_RDWR 0600\nalice: ftruncate m 4096\n\
             alice: mmap m 4096 PROT_READ|PROT_WRITE MAP_SHARED as mem\nalice: close m\nalice: sem_open s O_CREAT 0600 value=1",
        );
        let mode = |play: &Play, name: &str| play.object(name).value("mode").clone();
        let before = mode(play, "box");
        play.run("bob: chmod \"box\" 0640\nbob: chmod \"f\" 0644");
        assert_ne!(mode(play, "box"), before, "alice holds it and slept all the time");
        assert_eq!(mode(play, "f"), Value::Text("0644".to_owned()));
        play.run("bob: unlink \"f\"\nbob: unlink \"box\"\nbob: shm_unlink m\nbob: sem_unlink s");
        let again = play.look_again();
        for object in &play.snapshot().objects {
            assert_eq!(Some(object), again.object(&object.name));
        }
        play.run("alice: close f\nalice: close b\nalice: munmap mem\nalice: sem_close s");
        assert!(play.snapshot().objects.is_empty(), "{:#?}", play.snapshot().objects);
    });
}

#[test]
fn what_is_done_between_an_open_and_a_close_is_seen() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "f" O_CREAT|O_RDWR 0600
alice: shm_open m O_CREAT|O_RDWR 0600
alice: sem_open s O_CREAT 0600 value=1
alice: mq_open q O_CREAT|O_RDWR 0600
spawn bob
program bob
  open g "f" O_RDWR
  write g "new"
  close g
  shm_open m O_RDWR
  ftruncate m 8192
  close m
  sem_open s
  sem_post s
  sem_close s
  mq_open q O_WRONLY
  mq_send q "hi" 1
  mq_close q
end
go bob
expect f holds "new"
expect m size 8192
expect s value 2
expect q messages 1
"#,
        );
    });
}

#[test]
fn names_that_nobody_holds_come_and_go() {
    both(|play| {
        play.run("spawn alice\nalice: mkfifo \"box\" 0600\nalice: mq_open q O_CREAT|O_RDWR 0600\nalice: mq_close q");
        play.run("expect box bytes 0\nexpect q messages 0");
        play.run("alice: unlink \"box\"\nexpect gone box\nalice: mq_unlink q\nexpect gone q");
        play.run("alice: mkfifo \"box\" 0600\nexpect box bytes 0");
    });
}

#[test]
fn locks_of_the_killed_are_gone() {
    both(|play| {
        play.run(
            "spawn alice\nspawn bob\nalice: open f \"f\" O_CREAT|O_RDWR 0600\nbob: open g \"f\" O_RDWR\n\
             bob: flock g LOCK_EX\nbob: fcntl g F_SETLK F_WRLCK 0..10\nexpect f write-locked\nbob: fork carol",
        );
        play.run("alice: kill bob SIGKILL");
        let locks = play.object("f").value("locks").clone();
        assert_eq!(locks.as_list().len(), 1, "carol has the flock: {locks:?}");
        play.run("alice: kill carol SIGKILL\nexpect f unlocked");
    });
}

/// Time goes on; all else must be the same.
fn timeless(mut snapshot: Snapshot) -> Snapshot {
    snapshot.at_ns = 0;
    snapshot
}

/// Both say the same; if they don't, the lines that differ.
#[track_caller]
fn assert_same(cheap: &Snapshot, full: &Snapshot, after: &str) {
    let (cheap, full) = (format!("{cheap:#?}"), format!("{full:#?}"));
    let differ = cheap.lines().zip(full.lines()).enumerate().filter(|(_, (a, b))| a != b);
    let differ: Vec<String> = differ.take(8).map(|(n, (a, b))| format!("{n}: {a} | {b}")).collect();
    assert!(cheap == full, "after {after}:\n{}", differ.join("\n"));
}

#[test]
fn a_cheap_look_says_what_a_full_one_says() {
    let script = r#"
spawn alice
alice: pipe p
alice: fork bob
bob: read p 100
alice: write p "hello"
bob: read p 100
alice: write p "x"
alice: dup p.w as copy
alice: close p.w
bob: close p.w
alice: close copy
spawn carol
carol: mkfifo "box" 0600
carol: open inbox "box" O_RDONLY
alice: open outbox "box" O_WRONLY
alice: write outbox "to carol"
carol: mq_open q O_CREAT|O_RDWR 0600 maxmsg=3 msgsize=16
carol: fork dave
dave: mq_send q "one" 1
carol: mq_receive q
carol: mq_receive q
dave: mq_send q "two" 2
carol: shm_open m O_CREAT|O_RDWR 0600
carol: ftruncate m 4096
carol: mmap m 4096 PROT_READ|PROT_WRITE MAP_SHARED as mem
carol: fork erin
erin: store mem[0] 7
carol: sem_init mem+64 1 0 as s
erin: sem_wait mem+64
carol: sem_post mem+64
carol: sem_open named O_CREAT 0600 value=2
carol: sem_wait named
carol: open f "f" O_CREAT|O_RDWR 0600
erin: open g "f" O_RDWR
carol: flock f LOCK_EX
erin: flock g LOCK_EX
carol: flock f LOCK_UN
erin: write g "text"
carol: lseek f 2 SEEK_SET
carol: mmap f 4096 PROT_READ|PROT_WRITE MAP_SHARED as page
alice: unlink "f"
alice: unlink "box"
carol: kill erin SIGSTOP
carol: kill erin SIGCONT
repeat 100 carol: write f "again"
carol: kill dave SIGKILL
erin: exit 0
carol: execve self
carol: waitpid erin
"#;
    both(|play| all_looks_are_the_same(play, script));
}

/// Plays a script; the look at the end of each statement says what one says that reads everything anew.
#[track_caller]
fn all_looks_are_the_same(play: &mut Play, script: &str) {
    let (statements, diagnostics) = parse(script, ipclab::facility::registry());
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    for statement in &statements {
        let report = play.line(&statement.to_string());
        assert!(report.ok(), "{statement}: {:?}\n{:#?}", report.outcome, report.snapshot);
        let full = play.look_again();
        assert_same(&timeless(report.snapshot), &timeless(full), &statement.to_string());
    }
}

/// What one actor does shows in objects that only others hold: the other end of a connection, a queue known by its id.
#[test]
fn a_cheap_look_at_both_ends_says_what_a_full_one_says() {
    let script = r#"
spawn alice
alice: socketpair s AF_UNIX SOCK_STREAM
alice: fork bob
alice: close s.1
bob: close s.0
spawn idler
alice: send s.0 "hello"
bob: recv s.1 2
alice: shutdown s.0 SHUT_WR
bob: write s.1 "back"
bob: read s.1 100
bob: close s.1
spawn carol
spawn dave
carol: socket l AF_UNIX SOCK_STREAM
carol: bind l unix:door
carol: listen l 2
program dave
  socket c AF_UNIX SOCK_STREAM
  connect c unix:door
  send c "and gone"
  close c
end
go dave
carol: accept l as first
carol: recv first 100
dave: socket c AF_UNIX SOCK_STREAM
dave: connect c unix:door
carol: socket box AF_UNIX SOCK_DGRAM
carol: bind box unix:box
program dave
  socket d AF_UNIX SOCK_DGRAM
  sendto d "letter" unix:box
  close d
end
go dave
carol: recv box 3
carol: accept l as second
dave: pipe p
dave: sendmsg c "take" rights=p.r
dave: close p.r
carol: recvmsg second 100 as given
carol: close given
carol: unlink "door"
carol: msgget q IPC_CREAT 0600
dave: msgget q IPC_CREAT 0600
dave: msgsnd q "one" type=1
carol: msgsnd q "two" type=2
dave: msgrcv q 100 type=2
dave: msgctl q IPC_RMID
carol: mq_open m O_CREAT|O_RDWR 0600 maxmsg=3 msgsize=16
program dave
  mq_open m O_RDWR
  mq_send m "one" 1
  mq_close m
end
go dave
carol: mq_notify m SIGEV_NONE
dave: mq_open m O_RDWR
dave: mq_send m "two" 2
carol: mq_receive m
carol: mq_receive m
dave: mq_send m "three" 3
carol: mq_notify m SIGEV_NONE
carol: kill carol SIGKILL
spawn erin
erin: posix_openpt t O_RDWR|O_NOCTTY
erin: unlockpt t.m
erin: ioctl t.m TIOCGPTPEER O_RDWR|O_NOCTTY
erin: fork frank
erin: close t.s
erin: write t.m "line\n"
frank: read t.s 2
frank: write t.s "out\n"
erin: read t.m 3
frank: setsid
frank: ioctl t.s TIOCSCTTY 0
frank: fork grace
grace: setpgid grace grace
frank: kill grace SIGKILL
frank: waitpid grace
erin: close t.m
idler: getpid
"#;
    both(|play| all_looks_are_the_same(play, script));
}

/// The same over the Internet's loopback, which only an isolated stage has for itself.
#[test]
fn a_cheap_look_at_the_internet_says_what_a_full_one_says() {
    let script = r#"
spawn alice
spawn bob
spawn idler
alice: socket l AF_INET SOCK_STREAM
alice: bind l 127.0.0.1:5000
alice: listen l 2
bob: socket c AF_INET SOCK_STREAM
bob: connect c 127.0.0.1:5000
idler: getpid
alice: accept l as a
bob: send c "hello"
alice: recv a 2
bob: shutdown c SHUT_WR
alice: send a "answer"
alice: close a
bob: recv c 3
bob: close c
alice: socket u AF_INET SOCK_DGRAM
alice: bind u 127.0.0.1:6000
program bob
  socket v AF_INET SOCK_DGRAM
  sendto v "one" 127.0.0.1:6000
  sendto v "two" 127.0.0.1:6000
  close v
end
go bob
alice: recv u 100
program bob
  socket c AF_INET SOCK_STREAM
  connect c 127.0.0.1:5000
  write c "last words"
  exit 0
end
go bob
alice: accept l as b
alice: recv b 4
alice: close l
idler: kill alice SIGKILL
"#;
    let mut play = Play::open(false);
    if play.mode() == ipclab::model::Mode::Isolated {
        all_looks_are_the_same(&mut play, script);
    } else {
        println!("left out: no stage has an Internet of its own here");
    }
}

#[test]
fn at_rest_nobody_runs() {
    both(|play| {
        play.run("spawn alice\nalice: pipe p\nalice: fork bob\nbob: read p 1\nspawn carol\ncarol: mq_open q O_CREAT|O_RDWR 0600");
        play.run("carol: mq_receive q");
        let mut all = vec![play.stage().process()];
        let mut next = 0;
        while let Some(pid) = all.get(next) {
            all.extend(children(*pid).unwrap());
            next += 1;
        }
        assert_eq!(all.len(), 5, "between, director, three actors: {all:?}");
        let tasks: Vec<Task> = all.iter().map(|pid| Task::open(*pid).unwrap()).collect();
        let switches = || tasks.iter().map(|task| task.switches().unwrap_or(0)).sum::<u64>();
        // The director has sent its snapshot and now goes to sleep.
        let deadline = Instant::now() + Duration::from_secs(20);
        while tasks.iter().any(|task| task.state() != 'S') {
            assert!(Instant::now() < deadline, "somebody runs");
            std::thread::yield_now();
        }
        let before = switches();
        let event = play.next_event(Duration::from_secs(2));
        let woken = switches() - before;
        assert!(event.is_none(), "{event:?}");
        assert!(woken <= 4, "{woken} wake-ups in 2 s");
    });
}

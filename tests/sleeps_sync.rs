//! Each way to sleep that semaphores, locks and leases have: object, direction and time as the stage names them, held
//! against the system call, its arguments and the memory that are seen from outside. And that looking changes nothing.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;
#[expect(dead_code, unused_imports, reason = "only descriptors, memory and system calls are looked at here")]
mod outside;

use common::Play;
use ipclab::model::Sleep;

/// What of a system call's arguments leads to the object, and what it asks for there.
#[derive(Debug, Clone, Copy)]
enum Asks {
    /// The first is an id, the second a list of `struct sembuf`: the first semaphore that is in the way, and what to add.
    Operation(u16, i16),
    /// The first is the address of a word, which lies in the object.
    Word,
    /// The first is a descriptor, the second the operation of flock(2).
    Flock(i32),
    /// The first is a descriptor, the second a command, the third a `struct flock` with this type, start and length.
    Record(i32, i16, i64, i64),
    /// The second is a path.
    Path(&'static str),
}

/// The lines that lead to a sleep, who sleeps in which call, on which object, in which direction, for how long at most.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, Asks, Option<u64>);

const MINUTE: Option<u64> = Some(60_000_000_000);
const WRITE: i16 = libc::F_WRLCK as i16;
const READ: i16 = libc::F_RDLCK as i16;

const ROWS: &[Row] = &[
    ("a: semop s 1:-3", "a", "semop", "s", "decrease", Asks::Operation(1, -3), None),
    ("a: semop s 0:0", "a", "semop", "s", "see zero", Asks::Operation(0, 0), None),
    ("a: semtimedop s 1:-3:SEM_UNDO 60s", "a", "semtimedop", "s", "decrease", Asks::Operation(1, -3), MINUTE),
    ("a: semtimedop s 0:0 60s", "a", "semtimedop", "s", "see zero", Asks::Operation(0, 0), MINUTE),
    ("b: sem_wait named", "b", "sem_wait", "named", "decrease", Asks::Word, None),
    ("b: sem_timedwait named 60s", "b", "sem_timedwait", "named", "decrease", Asks::Word, MINUTE),
    ("b: sem_wait inside", "b", "sem_wait", "inside", "decrease", Asks::Word, None),
    ("a: flock f LOCK_EX\nc: flock g LOCK_EX", "c", "flock", "f", "lock", Asks::Flock(libc::LOCK_EX), None),
    ("a: flock f LOCK_EX\nc: flock g LOCK_SH", "c", "flock", "f", "lock", Asks::Flock(libc::LOCK_SH), None),
    (
        "a: fcntl f F_SETLK F_WRLCK 0..100\nb: fcntl f F_SETLKW F_RDLCK 20..30",
        "b",
        "fcntl",
        "f",
        "lock",
        Asks::Record(libc::F_SETLKW, READ, 20, 10),
        None,
    ),
    (
        "a: fcntl f F_OFD_SETLK F_RDLCK 0..100\nc: fcntl g F_OFD_SETLKW F_WRLCK 50..",
        "c",
        "fcntl",
        "f",
        "lock",
        Asks::Record(libc::F_OFD_SETLKW, WRITE, 50, 0),
        None,
    ),
    (
        "a: fcntl f F_SETLK F_WRLCK 0..100\nc: fcntl g F_OFD_SETLKW F_WRLCK 99..101",
        "c",
        "fcntl",
        "f",
        "lock",
        Asks::Record(libc::F_OFD_SETLKW, WRITE, 99, 2),
        None,
    ),
    (LEASE_WRITE, "c", "open", "l", "open", Asks::Path("lease"), None),
    (LEASE_READ, "c", "open", "l", "open", Asks::Path("lease"), None),
];

const LEASE_WRITE: &str = "a: sigprocmask SIG_BLOCK SIGIO\na: open l \"lease\" O_RDWR|O_CREAT 0666\na: fcntl l F_SETLEASE F_WRLCK\nc: open k \"lease\" O_RDWR";
const LEASE_READ: &str = "a: sigprocmask SIG_BLOCK SIGIO\na: open l \"lease\" O_RDWR|O_CREAT 0666\na: fcntl l F_SETLEASE F_WRLCK\nc: open k \"lease\" O_RDONLY";

/// Two relatives and a stranger, with one of each.
const BEFORE: &str = r#"
spawn a
a: umask 0
a: semget s 2 IPC_CREAT 0666
a: semctl s SETALL 1 2
a: sem_open named O_CREAT 0666 value=0
a: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
a: sem_init m+64 1 0 as inside
a: open f "notes" O_RDWR|O_CREAT 0666
a: fork b
spawn c
c: open g "notes" O_RDWR
"#;

fn numbers(verb: &str) -> &'static [i64] {
    match verb {
        "semop" | "semtimedop" => &[libc::SYS_semop, libc::SYS_semtimedop],
        "sem_wait" | "sem_timedwait" => &[libc::SYS_futex],
        "flock" => &[libc::SYS_flock],
        "fcntl" => &[libc::SYS_fcntl],
        "open" => &[libc::SYS_openat, libc::SYS_openat2],
        other => panic!("{other} is not compared"),
    }
}

fn asked(pid: i32, args: &[u64; 6], asks: Asks, key: (u64, u64), about: &str) {
    let behind = || {
        let found = outside::descriptors(pid).into_iter().find(|d| d.fd as u64 == args[0]);
        found.map(|d| (d.dev, d.ino))
    };
    let long = |bytes: &[u8]| i64::from_ne_bytes(bytes.try_into().unwrap());
    let short = |bytes: &[u8]| i16::from_ne_bytes(bytes.try_into().unwrap());
    match asks {
        Asks::Operation(number, amount) => {
            assert_eq!(args[0], key.1, "{about}: the id");
            let first = outside::memory(pid, args[1], 6);
            assert_eq!((short(&first[..2]) as u16, short(&first[2..4])), (number, amount), "{about}");
        }
        Asks::Word => {
            let maps = outside::maps(pid);
            let map = maps.iter().find(|map| (map.start..map.end).contains(&args[0])).unwrap();
            assert_eq!((map.dev, map.ino), key, "{about}");
        }
        Asks::Flock(operation) => {
            assert_eq!((behind(), args[1] as i32), (Some(key), operation), "{about}");
        }
        Asks::Record(command, kind, start, len) => {
            assert_eq!((behind(), args[1] as i32), (Some(key), command), "{about}");
            let lock = outside::memory(pid, args[2], 24);
            assert_eq!((short(&lock[..2]), long(&lock[8..16]), long(&lock[16..24])), (kind, start, len), "{about}");
        }
        Asks::Path(path) => assert_eq!(outside::string(pid, args[1]), path, "{about}"),
    }
}

/// Puts somebody to sleep and compares what the stage says with what is seen from outside.
fn is_true(play: &mut Play, row: &Row) -> Sleep {
    let (script, who, verb, name, direction, asks, limit) = row;
    play.run(BEFORE);
    let mut since = 0;
    for line in script.lines() {
        since = play.snapshot().at_ns;
        play.run(line);
    }
    let about = format!("{:?} {script}", play.mode());
    let seen = play.snapshot();
    let actor = seen.actor(who).unwrap();
    let sleep = actor.sleep().unwrap_or_else(|| panic!("{about}: {actor:?}")).clone();
    assert!(seen.settled, "{about}");
    assert_eq!(
        (sleep.verb.as_ref(), sleep.object.as_deref(), sleep.direction.as_ref()),
        (*verb, Some(*name), *direction)
    );
    assert!((since..seen.at_ns).contains(&sleep.since_ns), "{about}: {sleep:?}");
    let takes = sleep.deadline_ns.map(|end| end - sleep.since_ns);
    let fits = |takes: u64| limit.is_some_and(|limit| takes.abs_diff(limit) < 2_000_000_000);
    assert!(takes.is_none_or(fits) && takes.is_some() == limit.is_some(), "{about}: {sleep:?}");
    let object = play.object(name);
    let waiters: Vec<_> = object.waiters.iter().map(|w| (w.actor.as_str(), w.direction.as_ref())).collect();
    assert_eq!(waiters, [(*who, *direction)], "{about}");

    let pid = outside::descendants(play.stage().process())[&actor.pid].pid;
    // The kernel itself takes up the wait for a lease at each tick where it is only to let others read.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let (nr, args) = loop {
        match outside::syscall(pid) {
            Some(found) => break found,
            None => assert!(std::time::Instant::now() < end, "{about}: it runs"),
        }
        std::thread::yield_now();
    };
    assert!(numbers(verb).contains(&nr) && nr == sleep.syscall, "{about}: {nr}, {sleep:?}");
    asked(pid, &args, *asks, (object.key.dev, object.key.ino), &about);
    sleep
}

#[test]
fn each_sleep_is_told_as_it_is() {
    for shared in [false, true] {
        for row in ROWS {
            is_true(&mut Play::open(shared), row);
        }
    }
}

#[test]
fn what_is_removed_wakes_with_its_error() {
    common::both(|play| {
        play.run(BEFORE);
        play.run(
            r"
b: semop s 1:-3
c: semget s
c: semtimedop s 0:0 60s
a: semctl s IPC_RMID
expect b failed EIDRM from semop
expect c failed EIDRM from semtimedop
a: semop s 0:1
expect a failed EINVAL
b: sem_wait named
a: sem_unlink named
expect b blocked in sem_wait on named
a: sem_post named
expect b returned 0 from sem_wait
a: semget t 1 IPC_CREAT
a: semop t 0:1 9:1
expect a failed EFBIG
a: semctl t 7 SETVAL 1
expect a failed EINVAL
a: semctl t 0 SETVAL 40000
expect a failed ERANGE
a: semop t 0:32767
a: semop t 0:1
expect a failed ERANGE
a: semget u 100000 IPC_CREAT
expect a failed EINVAL
a: sem_open big O_CREAT 0600 value=3000000000
expect a failed EINVAL
a: getpid
",
        );
    });
}

/// The same results, with everything read after each statement and never.
#[test]
fn looking_leaves_no_trace() {
    let script = r#"
spawn a
a: open f "notes" O_RDWR|O_CREAT 0644
a: write f "hello world"
a: mmap f 4096 PROT_READ|PROT_WRITE MAP_SHARED as m
a: mmap f 4096 PROT_READ|PROT_WRITE MAP_PRIVATE as mine
a: mmap 4096 PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as own
a: store own[0] 1
a: fork b
b: store mine[6..11] "there"
b: store own[0] 2
a: load $x mine[0..11]
b: load $x mine[0..11]
a: load $x own[0]
a: memfd_create board MFD_ALLOW_SEALING
a: ftruncate board 4096
a: fcntl board F_ADD_SEALS F_SEAL_WRITE
a: fcntl board F_GET_SEALS
a: fcntl f F_SETLK F_WRLCK 0..10
b: fcntl f F_GETLK F_WRLCK
b: fcntl f F_SETLKW F_RDLCK 5..6
a: close f
b: flock f LOCK_EX
a: open w "lease" O_WRONLY|O_CREAT 0644
a: fcntl w F_SETLEASE F_WRLCK
a: fcntl w F_GETLEASE
a: getpid
a: fcntl w F_GETLEASE
a: sigprocmask SIG_BLOCK SIGIO
b: open x "lease" O_RDONLY|O_NONBLOCK
a: sigpending
a: fcntl w F_SETLEASE F_UNLCK
b: open x "lease" O_RDONLY
a: sem_open s O_CREAT 0600 value=1
a: sem_wait s
a: sem_trywait s
a: sem_getvalue s
"#;
    let (statements, diagnostics) = ipclab::script::parse(script, ipclab::facility::registry());
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    for shared in [false, true] {
        let runs: Vec<Vec<String>> = [true, false]
            .into_iter()
            .map(|observed| {
                let options = ipclab::stage::Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared };
                let mut stage = ipclab::stage::Stage::open(&options).unwrap();
                stage.observe(observed);
                let calls = |report: ipclab::stage::Report| {
                    report.calls.iter().map(|call| format!("{:?}", call.normal())).collect::<Vec<_>>()
                };
                statements.iter().flat_map(|statement| calls(stage.run(statement).unwrap())).collect()
            })
            .collect();
        assert_eq!(runs[0], runs[1], "shared: {shared}");
    }
}

//! Memory, shared memory, semaphores and file locks on real stages.

mod common;

use common::both;
use ipclab::model::{Evidence, Value};

#[test]
fn a_lost_update_step_by_step() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: shm_open board O_CREAT|O_RDWR
alice: ftruncate board 4096
alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: fork bob
program alice
  load $x m[0]
  add $x 1
  store m[0] $x
end
program bob
  load $x m[0]
  add $x 1
  store m[0] $x
end
step alice
step bob
step alice
step bob
step alice
expect board[0] == 1
step bob
expect board[0] == 1
expect alice $x == 1
expect bob m[0] == 1
expect board size 4096
expect board mapped 2
",
        );
        let board = play.object("board");
        assert_eq!(board.evidence("memory"), Evidence::Kernel);
        assert_eq!(board.identifier, "/board");
        assert_eq!(board.value("mode").as_text(), Some("0600"));
        assert_eq!(play.last("bob"), "store(m[0], 1) = 1");
    });
}

#[test]
fn atomic_additions_are_never_lost() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
alice: fork bob
program alice
  atomic_fetch_add m[0] 1
end
program bob
  atomic_fetch_add m[0] 1
end
go alice bob times=5000
expect m[0] == 10000
alice: atomic_fetch_add m[0] -1 -> $old
expect alice $old == 10000
expect bob m[0] == 9999
",
        );
        let m = play.object("m");
        assert_eq!((m.facility(), m.identifier.as_str()), ("shm", "anonymous"));
        assert_eq!(m.holding("map"), ["alice", "bob"]);
    });
}

#[test]
fn what_a_slice_holds_and_what_an_integer_holds() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: shm_open board O_CREAT|O_RDWR
alice: ftruncate board 8192
alice: mmap board 8192 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: store m[0..5] "hello"
expect board holds "hello"
expect board[1..3] == "el"
alice: load $text m[0..5]
expect alice $text == "hello"
alice: store m:u8[0] 0x148
expect board:u8[0] == 0x48
expect board holds "Hello"
alice: store m:i64[512] -2
alice: load $low m[1024]
expect alice $low == -2
alice: load $byte m:u8[4096]
expect alice $byte == 254
"#,
        );
        assert_eq!(play.refused("alice: store m[0..2] \"abc\""), "3 bytes do not fit in a slice of 2");
        assert!(play.refused("alice: store m[0] \"abc\"").contains("a number"));
        assert!(play.refused("alice: munmap m 1000000").contains("the mapping has 8192"));
    });
}

#[test]
fn private_memory_stays_private() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: shm_open board O_CREAT|O_RDWR
alice: ftruncate board 4096
alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: store m[0] 7
alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_PRIVATE as mine
alice: store mine[0] 8
expect board[0] == 7
expect alice mine[0] == 8
expect alice m[0] == 7
expect board mapped 2
",
        );
    });
}

#[test]
fn bad_addresses_are_the_machines_business() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: shm_open board O_CREAT|O_RDWR
alice: ftruncate board 4096
alice: mmap board 8192 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: fork beyond
beyond: store m[2048] 1
expect beyond killed by SIGSEGV
alice: fork past
past: load $x m[1024]
expect past killed by SIGBUS
alice: fork late
late: munmap m
late: load $x m[0]
expect late killed by SIGSEGV
alice: fork guarded
guarded: mprotect m 4096 PROT_READ
guarded: load $x m[0]
guarded: store m[0] 1
expect guarded killed by SIGSEGV
alice: ftruncate board 0
expect board size 0
alice: store m[0] 1
expect alice killed by SIGBUS
",
        );
    });
}

#[test]
fn a_segment_lives_without_its_name_and_without_holders() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: shm_open board O_CREAT|O_RDWR 0640
alice: ftruncate board 100
alice: mmap board 100 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: store m[0..2] "hi"
alice: munmap m
alice: close board
expect board holds "hi"
expect board mapped 0
bob: shm_open board O_RDWR
bob: shm_open board O_CREAT|O_EXCL|O_RDWR
expect bob failed EEXIST
bob: mmap board 100 PROT_READ|PROT_WRITE MAP_SHARED as n
bob: shm_unlink board
bob: close board
expect board[0..2] == "hi"
expect board mapped 1
alice: shm_open board O_RDWR
expect alice failed ENOENT
bob: munmap n
expect gone board
"#,
        );
    });
}

#[test]
fn a_named_semaphore_counts_and_queues() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
spawn carol
alice: sem_open s O_CREAT 0600 value=1
bob: sem_open s
carol: sem_open s
expect s value 1
bob: sem_wait s
expect s value 0
carol: sem_wait s
expect carol blocked in sem_wait on s
expect s waiters carol
expect s waiting 1
alice: sem_trywait s
expect alice failed EAGAIN
bob: sem_post s
expect carol returned 0 from sem_wait
expect s waiting 0
alice: sem_getvalue s -> $value
expect alice $value == 0
",
        );
        let s = play.object("s");
        assert_eq!((s.identifier.as_str(), s.value("named").as_text()), ("/s", Some("yes")));
        assert_eq!(s.evidence("value"), Evidence::Kernel);
        assert_eq!(s.value("mode").as_text(), Some("0600"));
        play.run(
            r"
alice: sem_unlink s
bob: sem_post s
expect s value 1
alice: sem_open s
expect alice failed ENOENT
",
        );
        assert_eq!(play.object("s").identifier, "unlinked");
        assert_eq!(play.last("alice"), "sem_open(\"/s\", 0, 0600, 0) = -1 ENOENT (No such file or directory)");
        play.run("alice: sem_close s\nbob: sem_close s\ncarol: sem_close s\nexpect gone s");
    });
}

#[test]
fn an_unnamed_semaphore_lies_in_shared_memory() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: shm_open board O_CREAT|O_RDWR
alice: ftruncate board 4096
alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: sem_init m+64 1 1 as s
expect s value 1
alice: fork bob
bob: sem_wait s
expect s value 0
alice: sem_wait s
expect alice blocked in sem_wait on s
spawn dora
dora: shm_open board O_RDWR
dora: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as mine
expect s waiting 1
dora: sem_post mine+64
expect alice returned 0 from sem_wait
dora: sem_wait mine+64
expect dora blocked in sem_wait on s
",
        );
        assert_eq!(play.object("s").identifier, "/board+64");
        assert_eq!(play.object("s").value("named").as_text(), Some("no"));
        assert_eq!(play.last("alice"), "sem_wait(s) = 0");
        // The count of glibc does not notice that a waiter has gone; the tasks tell.
        play.run("alice: kill dora SIGKILL\nexpect s waiting 0\nexpect s nwaiters 1");
        play.run("alice: sem_destroy s");
        assert!(play.snapshot().object("s").is_none());
        assert!(play.refused("alice: sem_post m+65").contains("multiple of 8"));
    });
}

#[test]
fn a_timed_wait_gives_up() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: sem_open s O_CREAT 0600 value=0
alice: sem_timedwait s 300ms
expect alice blocked in sem_timedwait on s
",
        );
        let sleep = play.snapshot().actor("alice").unwrap().sleep().unwrap().clone();
        let deadline = sleep.deadline_ns.unwrap();
        assert!((299_000_000..400_000_000).contains(&(deadline - sleep.since_ns)), "{sleep:?}");
        play.run("await alice\nexpect alice failed ETIMEDOUT from sem_timedwait\nexpect s value 0");
    });
}

#[test]
fn semaphores_can_lock_each_other_out() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: sem_open a O_CREAT 0600 value=1
alice: sem_open b O_CREAT 0600 value=1
alice: fork bob
alice: sem_wait a
bob: sem_wait b
alice: sem_wait b
bob: sem_wait a
expect deadlock alice bob
",
        );
    });
}

#[test]
fn a_flock_belongs_to_the_open_file_description() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: flock f LOCK_EX
expect f write-locked by alice
alice: fork bob
expect f write-locked by bob
alice: dup f as copy
alice: close f
alice: open g "notes" O_RDWR
alice: flock g LOCK_EX|LOCK_NB
expect alice failed EWOULDBLOCK
bob: flock f LOCK_UN
expect f unlocked
alice: flock g LOCK_SH
spawn carol
carol: open h "notes" O_RDONLY
carol: flock h LOCK_SH
expect f read-locked by carol
expect f read-locked by alice
bob: flock f LOCK_EX
expect bob blocked in flock on f
alice: flock g LOCK_UN
expect bob blocked in flock on f
carol: close h
expect bob returned 0 from flock
expect f write-locked by alice
"#,
        );
    });
}

#[test]
fn a_flock_outlives_its_maker() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn dora
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: flock f LOCK_EX
alice: fork bob
alice: exit 0
expect alice exited 0
expect f write-locked by bob
dora: open d "notes" O_RDWR
dora: flock d LOCK_EX
expect dora blocked in flock on f
expect f waiters dora
"#,
        );
        let locks = play.object("f").value("locks").as_list().to_vec();
        let [lock] = &locks[..] else { panic!("{locks:#?}") };
        assert_eq!(lock.part("owner"), Some(&Value::Text("bob".to_owned())));
        assert_eq!(lock.part("waits").unwrap().as_list().len(), 1, "{lock:#?}");
        play.run("bob: close f\nexpect dora returned 0 from flock");
    });
}

#[test]
fn record_locks_have_ranges_owners_and_queues() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
spawn carol
alice: open f "notes" O_RDWR|O_CREAT 0644
bob: open b "notes" O_RDWR
carol: open c "notes" O_RDWR
alice: fcntl f F_SETLK F_WRLCK 0..100
expect f write-locked 0..100 by alice
expect f write-locked 20..30 by alice
expect not f write-locked 0..101 by alice
bob: fcntl b F_SETLK F_RDLCK 99..200
expect bob failed EAGAIN
bob: fcntl b F_SETLK F_RDLCK 100..
expect f read-locked 100.. by bob
bob: fcntl b F_GETLK F_WRLCK 0..10 -> $other
expect bob $other == "F_WRLCK 0..100"
bob: fcntl b F_OFD_GETLK F_RDLCK 200..300 -> $other
expect bob $other == "F_UNLCK"
bob: fcntl b F_SETLKW F_WRLCK 50..60
expect bob blocked in fcntl on f
carol: fcntl c F_SETLKW F_WRLCK 50..55
expect carol blocked in fcntl on f
expect f waiters bob carol
alice: fcntl f F_SETLK F_UNLCK 50..100
expect bob returned 0 from fcntl
expect f write-locked 0..50 by alice
expect f write-locked 50..60 by bob
expect carol blocked in fcntl on f
expect f waiters carol
bob: close b
expect carol returned 0 from fcntl
expect f write-locked 50..55 by carol
"#,
        );
        assert!(play.refused("alice: fcntl f F_SETLK F_WRLCK 5..5").contains("holds no byte"));
        assert!(play.refused("alice: fcntl f F_SETLK").contains("a lock has a type"));
    });
}

#[test]
fn the_kernel_refuses_a_cycle_of_record_locks_only() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: open f "notes" O_RDWR|O_CREAT 0644
bob: open g "notes" O_RDWR
alice: fcntl f F_SETLK F_WRLCK 0..1
bob: fcntl g F_SETLK F_WRLCK 1..2
alice: fcntl f F_SETLKW F_WRLCK 1..2
expect alice blocked in fcntl on f
bob: fcntl g F_SETLKW F_WRLCK 0..1
expect bob failed EDEADLK
bob: fcntl g F_SETLK F_UNLCK
expect alice returned 0 from fcntl
alice: fcntl f F_SETLK F_UNLCK 0..
expect f unlocked
alice: fcntl f F_OFD_SETLK F_WRLCK 0..1
bob: fcntl g F_OFD_SETLK F_WRLCK 1..2
expect f write-locked 0..1 by alice
expect f write-locked 1..2 by bob
alice: fcntl f F_OFD_SETLKW F_WRLCK 1..2
bob: fcntl g F_OFD_SETLKW F_WRLCK 0..1
expect alice blocked in fcntl on f
expect deadlock alice bob
"#,
        );
    });
}

#[test]
fn closing_another_descriptor_drops_record_locks_but_no_others() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: fcntl f F_SETLK F_WRLCK 0..10
alice: open other "notes" O_RDONLY
expect f locked
alice: close other
expect f unlocked
alice: fcntl f F_OFD_SETLK F_WRLCK 0..10
alice: flock f LOCK_EX
alice: open other "notes" O_RDONLY
alice: close other
expect f write-locked 0..10 by alice
"#,
        );
        let kinds: Vec<String> = play
            .object("f")
            .value("locks")
            .as_list()
            .iter()
            .filter_map(|lock| lock.part("kind")?.as_text().map(str::to_owned))
            .collect();
        assert_eq!(kinds, ["ofd", "flock"]);
        assert_eq!(play.object("f").holding("lock"), ["alice"]);
    });
}

#[test]
fn a_file_is_read_whoever_holds_it() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_WRONLY|O_CREAT 0640
alice: write f "hello"
expect f size 5
expect f holds "hello"
alice: unlink "notes"
expect f size 5
"#,
        );
        assert_eq!(play.object("f").evidence("holds"), Evidence::Hidden, "no name, and nobody may read it");
        assert_eq!(play.object("f").value("mode").as_text(), Some("0640"));
        play.run("alice: close f\nexpect gone f");
    });
}

/// Addresses and pids differ from run to run; what the stage shows of them in normal form must not.
#[test]
fn a_second_run_shows_the_same() {
    let script = r#"
spawn alice
alice: shm_open board O_CREAT|O_RDWR
alice: ftruncate board 4096
alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: store m[0] 7
alice: sem_init m+64 1 0 as s
alice: sem_open named O_CREAT 0600 value=0
alice: fork bob
bob: sem_wait named
bob: kill alice 0
alice: sem_post named
alice: sem_close named
bob: sem_wait s
alice: munmap m
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: fcntl f F_SETLK F_WRLCK 0..10
spawn dora
dora: open f "notes" O_RDWR
dora: fcntl f F_GETLK F_WRLCK 0..10 -> $held
dora: fcntl f F_SETLKW F_WRLCK 0..10
"#;
    let (statements, diagnostics) = ipclab::script::parse(script, ipclab::facility::registry());
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    for shared in [false, true] {
        let options = ipclab::stage::Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared };
        let mut timeline = ipclab::stage::Timeline::default();
        let mut first = ipclab::stage::Stage::open(&options).unwrap();
        for statement in &statements {
            let report = first.run(statement).unwrap();
            timeline.note(statement, &report);
        }
        let mut second = ipclab::stage::Stage::open(&options).unwrap();
        let rerun = timeline.rerun(&mut second, timeline.len()).unwrap();
        assert_eq!(rerun.differences, [], "shared: {shared}");
    }
}

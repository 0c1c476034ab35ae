//! Threads as actors, on real stages.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;
#[expect(dead_code, unused_imports, reason = "only the processes of a stage are looked for here")]
mod outside;

use common::{Play, both};
use ipclab::model::{ActorState, Death, Sleep};

#[track_caller]
fn sleep<'a>(play: &'a Play, who: &str) -> &'a Sleep {
    let actor = play.snapshot().actor(who).unwrap_or_else(|| panic!("no {who}"));
    actor.sleep().unwrap_or_else(|| panic!("{actor:#?}"))
}

#[test]
fn threads_share_what_a_process_has_and_sleep_for_themselves() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: set $x 1
alice: pthread_create t1
alice.t1: read p 10
expect alice.t1 blocked in read on p
expect alice idle
expect p waiters alice.t1
alice: write p "hi"
expect alice.t1 got "hi"
# What one opens or maps all know by its name.
alice.t1: pipe q
alice: write q "x"
alice.t1: pthread_create t2
alice.t2: read q 1
expect alice.t2 got "x"
alice: mmap 4096 PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as m
alice.t1: store m[0] 42
alice.t2: load $seen m[0]
expect alice.t2 $seen == 42
alice.t2: close q.w
alice: write q "x"
expect alice failed EBADF
# One at a time may change the names that all know.
alice.t2: read p 1
alice: pipe r
alice.t1: write p "y"
alice.t2: write r "z"
expect r bytes 1
# Variables are a thread's own.
alice.t1: set $x 7
expect alice $x == 1
"#,
        );
        let snapshot = play.snapshot();
        let (alice, thread) = (snapshot.actor("alice").unwrap(), snapshot.actor("alice.t1").unwrap());
        assert_eq!((thread.pid, thread.thread_of.as_deref()), (alice.pid, Some("alice")));
        assert!(thread.tid != thread.pid && alice.tid == alice.pid && alice.thread_of.is_none());
        assert!(thread.descriptors.is_empty() && alice.descriptors.len() == 5, "{alice:#?}");
        let names: Vec<&str> = snapshot.actors.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["alice", "alice.t1", "alice.t2"]);
        assert_eq!(play.object("p").holders.iter().filter(|h| h.role == "read").count(), 1, "a process holds it once");
        assert_eq!(play.snapshot().normal(), play.look_again().normal());
    });
}

#[test]
fn a_thread_is_joined_with_what_it_left() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pthread_create t1
alice: pthread_join alice.t1 -> $left
expect alice blocked in pthread_join
",
        );
        assert_eq!(sleep(play, "alice").direction, "join");
        assert!(sleep(play, "alice").args.contains("<alice.t1>"), "{:?}", sleep(play, "alice"));
        play.run(
            r"
alice.t1: pthread_exit 5
expect alice returned 0 from pthread_join
expect alice $left == 5
expect alice.t1 exited 5
# Its name is free, and so is its place.
alice: pthread_create t1
alice.t1: pthread_exit
",
        );
        let state = &play.snapshot().actor("alice.t1").unwrap().state;
        assert_eq!(*state, ActorState::Zombie(Death::Left(0)), "nobody has joined it");
        assert!(play.refused("alice: pthread_create t1").contains("taken"));
        play.run("alice: pthread_join alice.t1");
        assert_eq!(play.snapshot().actor("alice.t1").unwrap().state, ActorState::Dead(Death::Left(0)));
        play.run(
            r"
alice: pthread_join alice
expect alice failed EDEADLK
alice: pthread_create t2 PTHREAD_CREATE_DETACHED
alice: pthread_join alice.t2
expect alice failed EINVAL
alice: pthread_create t3
alice: pthread_detach alice.t3
alice.t3: pthread_exit 3
alice.t2: pthread_exit
expect alice.t3 exited 3
spawn bob
",
        );
        assert_eq!(play.snapshot().actor("alice.t3").unwrap().state, ActorState::Dead(Death::Left(3)));
        assert!(play.refused("bob: pthread_join alice").contains("no thread of this process"));
        assert!(play.refused("repeat 2 bob: pthread_create t").contains("can't pthread_create"));
    });
}

#[test]
fn a_process_goes_on_without_its_first_thread_and_ends_with_its_last() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: pthread_create t1
alice.t1: pthread_join alice -> $left
alice: pthread_exit 9
expect alice.t1 $left == 9
expect alice exited 9
alice.t1: write p "on"
alice.t1: read p 10
expect alice.t1 got "on"
alice.t1: pipe q
expect q bytes 0
alice.t1: pthread_exit
expect alice.t1 exited 0
expect alice exited 0
expect gone p
"#,
        );
    });
}

#[test]
fn what_ends_a_process_ends_all_its_threads() {
    both(|play| {
        play.run(
            r"
spawn bob
spawn alice
alice: pipe p
alice: pthread_create t1
alice: pthread_create t2
alice.t1: read p 1
alice.t2: pause
bob: kill alice SIGTERM
expect alice killed by SIGTERM
expect alice.t1 killed by SIGTERM
expect alice.t2 killed by SIGTERM
expect gone p
spawn alice
alice: pthread_create t1
alice: pause
alice.t1: exit_group 3
expect alice exited 3
expect alice.t1 exited 3
",
        );
    });
}

#[test]
fn a_fork_takes_one_thread_along_and_execve_leaves_one() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: pthread_create t1
alice: pthread_create t2
alice.t2: read p 1
alice.t1: set $x 3
alice.t1: fork bob
expect bob $x == 3
bob: write p "x"
expect alice.t2 got "x"
alice: waitpid bob
bob: pthread_create t1
bob.t1: exit_group 4
"#,
        );
        assert_eq!(play.snapshot().actor("bob").unwrap().parent.as_deref(), Some("alice"));
        assert!(play.last("alice").contains("WEXITSTATUS == 4"), "{}", play.last("alice"));
        play.run(
            r#"
alice.t2: read p 1
alice: nanosleep 60s
alice.t1: execve self
expect alice idle
alice: write p "y"
alice: read p 1
expect alice got "y"
"#,
        );
        let state = |play: &Play, who: &str| play.snapshot().actor(who).unwrap().state.clone();
        assert_eq!(state(play, "alice.t1"), ActorState::Dead(Death::Replaced));
        assert_eq!(state(play, "alice.t2"), ActorState::Dead(Death::Replaced));
        play.run(
            r#"
alice: pthread_create t1
alice.t1: read p 1
alice: execve self
alice: pthread_create t2
alice.t2: write p "z"
expect p bytes 1
"#,
        );
        assert_eq!(state(play, "alice.t1"), ActorState::Dead(Death::Replaced));
        assert_eq!(play.snapshot().normal(), play.look_again().normal());
    });
}

#[test]
fn masks_are_each_threads_own_and_dispositions_are_all_theirs() {
    both(|play| {
        play.run(
            r"
spawn bob
spawn alice
alice: sigaction SIGUSR1 handler
alice: pthread_create t1
alice: sigprocmask SIG_BLOCK SIGUSR1
expect alice blocks SIGUSR1
expect not alice.t1 blocks SIGUSR1
expect alice.t1 catches SIGUSR1
alice.t1: pause
bob: kill alice SIGUSR1
expect alice.t1 failed EINTR
expect alice.t1 handled SIGUSR1 1
expect not alice handled SIGUSR1
",
        );
    });
}

#[test]
fn threads_run_freely_side_by_side() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: mmap 4096 PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as m
alice: pthread_create t1
program alice
  atomic_fetch_add m[0] 1
end
program alice.t1
  atomic_fetch_add m[0] 1
end
go alice alice.t1 times=1000
expect alice m[0] == 2000
repeat forever alice.t1: sched_yield
alice: fork bob
bob: exit 0
alice: waitpid bob
cancel alice.t1
expect alice.t1 idle
",
        );
    });
}

#[test]
fn a_thread_that_is_awake_could_use_what_its_process_holds() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: pipe q
alice: fork bob
alice: close p.r
bob: close p.w
alice: close q.w
bob: close q.r
alice: pthread_create t1
bob: read p 1
alice: read q 1
# Its other thread can still write.
expect not deadlock alice bob
alice.t1: pthread_join alice
expect deadlock alice bob alice.t1
",
        );
    });
}

/// Lines that lead to a sleep of `alice.t1`, its call, object and direction.
type Row = (&'static str, &'static str, Option<&'static str>, &'static str);

const SLEEPS: &[Row] = &[
    ("alice: pipe p\nalice.t1: read p 1", "read", Some("p"), "read"),
    ("alice: pipe p\nalice.t1: write p 'x' * 100000", "write", Some("p"), "write"),
    ("alice.t1: msgget q IPC_CREAT\nalice.t1: msgrcv q 10", "msgrcv", Some("q"), "receive"),
    (
        "alice: semget s 1 IPC_CREAT\nalice: semctl s SETALL 0\nalice.t1: semget s 1\nalice.t1: semop s 0:-1",
        "semop",
        Some("s"),
        "decrease",
    ),
    ("alice: sem_open s O_CREAT 0600 value=0\nalice.t1: sem_wait s", "sem_wait", Some("s"), "decrease"),
    ("alice.t1: pthread_join alice", "pthread_join", None, "join"),
    ("alice.t1: nanosleep 60s", "nanosleep", None, "time"),
    // A lock of fcntl is the process' own, and no thread of it waits for it; one of flock is the open file's.
    (
        "alice: open f \"f\" O_RDWR|O_CREAT 0600\nalice: fcntl f F_SETLKW F_WRLCK 0..10\nalice.t1: fcntl f F_SETLKW F_WRLCK 0..10\n\
         expect alice.t1 returned 0\nalice: flock f LOCK_EX\nalice.t1: flock f LOCK_EX\nexpect alice.t1 returned 0\n\
         alice.t1: open f \"f\" O_RDWR as g\nalice.t1: flock g LOCK_EX",
        "flock",
        Some("f"),
        "lock",
    ),
];

/// The task of a stage that has this id inside it, as procfs shows it to us outside: its directory.
fn task_outside(play: &Play, pid: i32, tid: i32) -> String {
    let process = outside::descendants(play.stage().process()).get(&pid).map_or(0, |process| process.pid);
    let tasks = ipclab::kernel::proc::tasks(process).unwrap_or_default();
    let inner = |task: i32| ipclab::kernel::proc::thread_status(process, task).ok()?.namespace_pids.last().copied();
    let task =
        tasks.into_iter().find(|task| inner(*task) == Some(tid)).unwrap_or_else(|| panic!("no task {tid} of {pid}"));
    format!("/proc/{process}/task/{task}")
}

#[test]
fn each_sleep_of_a_thread_is_named_as_the_kernel_tells_it() {
    for shared in [false, true] {
        for (lines, verb, object, direction) in SLEEPS {
            let mut play = Play::open(shared);
            play.run("spawn alice\nalice: pthread_create t1");
            play.run(lines);
            let told = sleep(&play, "alice.t1").clone();
            let seen = (told.verb.as_ref(), told.object.as_deref(), told.direction.as_ref());
            assert_eq!(seen, (*verb, *object, *direction), "{lines}");
            assert!(told.since_ns > 0 && told.since_ns <= play.snapshot().at_ns, "{told:?}");
            let actor = play.snapshot().actor("alice.t1").map(|actor| (actor.pid, actor.tid));
            let (pid, tid) = actor.unwrap_or_default();
            let directory = task_outside(&play, pid, tid);
            let line = std::fs::read_to_string(format!("{directory}/syscall")).unwrap_or_default();
            assert!(line.starts_with(&format!("{} ", told.syscall)), "{lines}: {line}");
            if let Some(object) = object {
                let waiters: Vec<&str> = play.object(object).waiters.iter().map(|w| w.actor.as_str()).collect();
                assert_eq!(waiters, ["alice.t1"], "{lines}");
            }
            assert_eq!(play.snapshot().normal(), play.look_again().normal(), "{lines}");
        }
    }
}

#[test]
fn threads_do_the_same_whether_or_not_they_are_observed() {
    let outcome = |observed: bool| {
        let mut play = Play::open(false);
        if !observed {
            play.stage().observe(false);
        }
        let script = "spawn alice\nalice: pipe p\nalice: pthread_create t1\nalice: pthread_create t2\nalice.t1: read p 5\n\
                      alice.t2: read p 5\nalice: write p \"one\"\nalice: write p \"two\"\nalice: close p.w\nalice.t1: read p 5\n\
                      alice.t2: fork bob\nbob: read p 5\nalice.t2: pthread_exit 3\nalice: pthread_join alice.t2\n\
                      alice.t1: write p \"late\"\nalice.t1: pthread_exit\nalice: pthread_join alice.t1\nalice: exit 1";
        let calls = script.lines().flat_map(|line| play.line(line).calls);
        // A pid on a shared stage is one of the machine's, and another each time.
        let ret =
            |call: &ipclab::model::Call| call.ret().map(|ret| if call.verb == "fork" { ret.signum() } else { ret });
        calls.map(|call| (call.actor.clone(), call.verb.clone(), ret(&call), call.errno())).collect::<Vec<_>>()
    };
    // Which of two readers is woken first is the kernel's choice, and the same each time: the one that came first.
    assert_eq!(outcome(true), outcome(false));
}

/// What a process has in its memory is read through another of its threads when the first one has ended.
#[test]
fn memory_outlives_the_first_thread() {
    both(|play| {
        play.run(
            "spawn alice\nalice: mmap 4096 PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as q\nalice: store q[0] 77\n\
             alice: pthread_mutex_init q+64 as l\nalice: pthread_create t1\nalice: pthread_exit 0\n\
             alice.t1: pthread_mutex_lock l\nexpect l owner alice.t1",
        );
        let mapping = play.snapshot().actor("alice").unwrap().mappings[0].clone();
        assert_eq!(mapping.contents.map(|bytes| bytes[..4].to_vec()), Some(77_u32.to_ne_bytes().to_vec()));
        assert_eq!(mapping.copies, Some(ipclab::model::Copies::Counted { own: 1, inherited: 0, of_first: None }));
    });
}

//! The stage itself: settling, orders and their refusal, deaths, free runs, replay, and that looking changes nothing.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;

use std::time::Duration;

use common::{Play, both};
use ipclab::facility;
use ipclab::model::{ActorState, Death, Mode};
use ipclab::script::{Statement, parse, parse_line};
use ipclab::stage::{Options, Outcome, Stage, StageEvent, Timeline};

const PATIENCE: Duration = Duration::from_secs(20);

fn options(shared: bool) -> Options {
    Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared }
}

fn statements(text: &str) -> Vec<Statement> {
    let (statements, diagnostics) = parse(text, facility::registry());
    assert!(diagnostics.is_empty(), "{text}\n{diagnostics:#?}");
    statements
}

/// Each way to sleep that pipes, POSIX queues, semaphores and locks have; `sleeps.rs` has the others: the lines that lead to it, who sleeps, and what must be said of it.
const SLEEPS: &[(&str, &str, &str, Option<&str>, &str)] = &[
    ("spawn a\na: pipe p\na: fork b\nb: read p 10", "b", "read", Some("p"), "read"),
    ("spawn a\na: pipe p\na: fork b\na: write p 'x' * 70000", "a", "write", Some("p"), "write"),
    ("spawn a\na: mkfifo f 0600\na: open r f O_RDONLY", "a", "open", Some("f"), "open"),
    ("spawn a\na: mkfifo f 0600\na: open w f O_WRONLY", "a", "open", Some("f"), "open"),
    (
        "spawn a\nspawn b\na: mkfifo f 0600\na: open r f O_RDONLY|O_NONBLOCK\nb: open w f O_WRONLY\n\
         b: write w 'x' * 70000",
        "b",
        "write",
        Some("f"),
        "write",
    ),
    (
        "spawn a\na: mq_open q O_RDWR|O_CREAT 0600 maxmsg=1 msgsize=8\na: mq_receive q",
        "a",
        "mq_receive",
        Some("q"),
        "receive",
    ),
    (
        "spawn a\na: mq_open q O_RDWR|O_CREAT 0600 maxmsg=1 msgsize=8\na: mq_send q \"1\" 0\na: mq_send q \"2\" 0",
        "a",
        "mq_send",
        Some("q"),
        "send",
    ),
    ("spawn a\na: sem_open s O_CREAT 0600 value=0\na: sem_wait s", "a", "sem_wait", Some("s"), "decrease"),
    (
        "spawn a\na: sem_open s O_CREAT 0600 value=0\na: sem_timedwait s 60s",
        "a",
        "sem_timedwait",
        Some("s"),
        "decrease",
    ),
    (
        "spawn a\nspawn b\na: open f \"notes\" O_RDWR|O_CREAT 0666\nb: open g \"notes\" O_RDWR\na: flock f LOCK_EX\n\
         b: flock g LOCK_SH",
        "b",
        "flock",
        Some("f"),
        "lock",
    ),
    (
        "spawn a\nspawn b\na: umask 0\na: open f \"notes\" O_RDWR|O_CREAT 0666\nb: open g \"notes\" O_RDWR\n\
         a: fcntl f F_SETLK F_WRLCK 0..100\nb: fcntl g F_SETLKW F_WRLCK 50..60",
        "b",
        "fcntl",
        Some("f"),
        "lock",
    ),
    ("spawn a\na: nanosleep 60s", "a", "nanosleep", None, "time"),
    ("spawn a\na: fork b\na: waitpid b", "a", "waitpid", None, "child"),
];

#[test]
fn each_sleep_is_named_with_its_call_object_and_direction() {
    both(|_| ());
    for shared in [false, true] {
        for (script, who, verb, object, direction) in SLEEPS {
            let mut play = Play::open(shared);
            play.run(script);
            let actor = play.snapshot().actor(who).unwrap();
            let sleep = actor.sleep().unwrap_or_else(|| panic!("{script}\n{:?}", actor.state));
            let seen = (sleep.verb.as_ref(), sleep.object.as_deref(), sleep.direction.as_ref());
            assert_eq!(seen, (*verb, *object, *direction), "{script}");
            assert!(sleep.since_ns > 0 && sleep.since_ns < play.snapshot().at_ns, "{script}");
            assert!(play.snapshot().settled, "{script}");
            if let Some(object) = object {
                let waiters: Vec<_> = play.object(object).waiters.iter().map(|w| w.actor.as_str()).collect();
                assert_eq!(waiters, [*who], "{script}");
            }
        }
    }
}

#[test]
fn a_sleep_is_not_said_of_who_runs() {
    both(|play| {
        play.run("spawn a");
        let report = play.line("repeat forever a: getpid");
        assert_eq!(report.outcome, Outcome::Running(vec!["a".to_owned()]));
        assert!(matches!(report.snapshot.actor("a").unwrap().state, ActorState::Running { progress: Some((_, None)) }));
        assert!(!report.snapshot.settled);
        assert!(play.refused("a: getpid").contains("running"));
        play.run("spawn b\nb: getpid\nexpect a running\nexpect not a blocked\ncancel a\nexpect a idle");
    });
}

#[test]
fn orders_that_nobody_can_take_are_refused_with_the_reason() {
    both(|play| {
        play.run("spawn alice\nalice: pipe p\nalice: fork bob\nbob: read p 1");
        assert!(play.refused("bob: getpid").starts_with("bob is asleep in read(3, …, 1) on p, for 0."));
        assert!(play.refused("bbo: getpid").contains("nobody on stage is called bbo"));
        assert!(play.refused("spawn alice").contains("alice is taken by an actor"));
        assert!(play.refused("spawn p").contains("p is taken by an object"));
        assert!(play.refused("alice: pipe p").contains("p is taken by an object"));
        assert!(play.refused("alice: write q \"x\"").contains("no descriptor called q"));
        assert!(play.refused("alice: open f \"../out\" O_RDONLY").contains("outside the stage"));
        assert!(play.refused("alice: open f \"/etc/passwd\" O_RDONLY").contains("outside the stage"));
        assert!(play.refused("step alice").contains("no program"));
        assert!(play.refused("cancel alice").contains("nothing that could be cancelled"));
        play.run("alice: kill bob SIGSTOP\nexpect bob stopped");
        assert!(play.refused("bob: getpid").contains("stopped by a signal"));
        play.run("alice: kill bob SIGKILL\nexpect bob killed by SIGKILL");
        assert!(play.refused("bob: getpid").contains("was killed by SIGKILL"));
        play.run("alice: waitpid bob");
        // Where pids are the stage's own, nobody else can have the number yet.
        if play.stage().info().capabilities.iter().any(|c| c == "isolated") {
            play.run("alice: kill bob SIGTERM\nexpect alice failed ESRCH from kill");
        } else {
            assert!(play.refused("alice: kill bob SIGTERM").contains("dead and gone"));
        }
        play.run("spawn bob\nbob: getpid");
    });
}

#[test]
fn limits_have_names() {
    let mut play = Play::open(false);
    let mut refused = String::new();
    for n in 0..1000 {
        let report = play.line(&format!("spawn a{n}"));
        if let Outcome::Refused { why, .. } = report.outcome {
            refused = why;
            break;
        }
    }
    assert!(refused.contains("ACTORS_MAX"), "{refused}");
    play.run("a1: pipe p");
    assert_eq!(
        play.line("a1: fcntl p.w F_SETPIPE_SZ 10000000000").snapshot.actor("a1").unwrap().last.as_ref().unwrap().ret(),
        Some(-1)
    );
    assert!(play.refused("a1: read p 10000000000").contains("DATA_MAX"));
}

#[test]
fn fork_inherits_and_execve_closes_what_is_close_on_exec() {
    both(|play| {
        play.run(
            "spawn a\na: pipe2 p O_CLOEXEC\na: pipe k\na: set $x 7\na: mmap 4096 PROT_READ|PROT_WRITE \
             MAP_SHARED|MAP_ANONYMOUS as m\na: store m[0] 5\na: fork b\nexpect b $x == 7\nb: load $y m[0]\n\
             expect b $y == 5\nb: execve self\nexpect b returned 0 from execve",
        );
        let b = play.snapshot().actor("b").unwrap();
        let open: Vec<_> = b.descriptors.iter().filter_map(|d| d.object.as_deref()).collect();
        assert_eq!(open, ["k", "k"]);
        assert!(b.mappings.is_empty(), "{:?}", b.mappings);
        play.run("b: write p \"x\"\nexpect b failed EBADF\nb: write k \"x\"\nexpect b returned 1 from write");
        assert!(play.refused("b: load $y m[0]").contains("no memory called m"));
    });
}

#[test]
fn programs_are_stepped_and_go_releases_them_together() {
    both(|play| {
        play.run(
            "spawn a\na: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\na: fork b\n\
             program a\natomic_fetch_add m[0] 1\nend\nprogram b\natomic_fetch_add m[0] 1\nend\n\
             step a\nexpect a m[0] == 1\nexpect b m[0] == 1",
        );
        assert!(play.refused("step a").contains("no further line"));
        play.run("go a b times=5000\nexpect a m[0] == 10001\nexpect a idle\nexpect b idle");
    });
}

#[test]
fn calls_are_numbered_and_told_once_entered_and_once_returned() {
    both(|play| {
        let mut told: Vec<(String, u64, bool)> = Vec::new();
        for line in [
            "spawn a",
            "a: pipe p",
            "a: fork b",
            "b: read p 5",
            "spawn c",
            "a: write p \"x\"",
            "b: read p 5",
            "b: execve self",
        ] {
            let report = play.line(line);
            told.extend(report.calls.iter().map(|c| (c.actor.clone(), c.seq, c.ret().is_some())));
        }
        play.run("a: write p \"y\"");
        let b: Vec<(u64, bool)> =
            told.iter().filter(|(who, ..)| who == "b").map(|(_, seq, done)| (*seq, *done)).collect();
        assert_eq!(b, [(0, true), (1, false), (1, true), (2, false)]);
        let a: Vec<u64> = told.iter().filter(|(who, ..)| who == "a").map(|(_, seq, _)| *seq).collect();
        assert_eq!(a, [0, 1, 2]);
    });
}

#[test]
fn timed_calls_end_by_themselves() {
    both(|play| {
        play.run("spawn a\na: sem_open s O_CREAT 0600 value=0\na: sem_timedwait s 50ms");
        let deadline = play.snapshot().actor("a").unwrap().sleep().map(|s| s.deadline_ns.is_some());
        // It may have ended already on a busy machine; if not, its deadline is told.
        assert_ne!(deadline, Some(false));
        play.run("await a\nexpect a failed ETIMEDOUT from sem_timedwait");
        play.run("a: nanosleep 60s");
        let report = play.line("await a limit=10ms");
        assert!(matches!(report.outcome, Outcome::TimedOut(_)), "{:?}", report.outcome);
    });
}

#[test]
fn who_runs_is_told_before_the_statement_ends() {
    let mut stage = Stage::open(&options(false)).unwrap();
    let submit = |stage: &Stage, line: &str| stage.submit(&parse_line(line, facility::registry()).unwrap());
    for line in [
        "spawn alice",
        "alice: shm_open board O_CREAT|O_RDWR 0600",
        "alice: ftruncate board 4096",
        "alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m",
        "alice: pthread_spin_init m PTHREAD_PROCESS_SHARED as s",
        "alice: fork bob",
        "alice: pthread_spin_lock s",
    ] {
        submit(&stage, line);
    }
    let spinning = submit(&stage, "bob: pthread_spin_lock s");
    let meanwhile = loop {
        match stage.next_event(PATIENCE).expect("nothing was told") {
            StageEvent::Meanwhile(snapshot) => break snapshot,
            StageEvent::Ended(report) => assert_ne!(report.id, spinning, "it ended, and nothing was told before"),
            other => panic!("{other:?}"),
        }
    };
    let state = &meanwhile.actor("bob").unwrap().state;
    assert!(matches!(state, ActorState::Running { .. }) && !meanwhile.settled, "{state:?}");
}

#[test]
fn cancelling_answers_every_statement() {
    let mut stage = Stage::open(&options(false)).unwrap();
    let submit = |stage: &Stage, line: &str| stage.submit(&parse_line(line, facility::registry()).unwrap());
    let waited = ["spawn a", "a: nanosleep 60s", "await a limit=60s", "spawn b"].map(|line| submit(&stage, line));
    let ended = |stage: &mut Stage, wanted: u64| loop {
        match stage.next_event(PATIENCE).expect("nothing was told") {
            StageEvent::Ended(report) if report.id == wanted => return report.outcome,
            StageEvent::Lost(why) => panic!("{why}"),
            StageEvent::Ended(_) | StageEvent::Refreshed { .. } | StageEvent::Meanwhile(_) => {}
        }
    };
    assert_eq!(ended(&mut stage, waited[1]), Outcome::Settled);
    stage.cancel();
    // The one in the queue is told first: it ends at once, the other when all is still.
    let mut outcomes = Vec::new();
    while outcomes.len() < 2 {
        if let Some(StageEvent::Ended(report)) = stage.next_event(PATIENCE) {
            outcomes.push((report.id, report.outcome));
        }
    }
    outcomes.sort_by_key(|(id, _)| *id);
    assert_eq!(outcomes[0], (waited[2], Outcome::TimedOut("cancelled".to_owned())));
    assert_eq!(outcomes[1].0, waited[3]);
    assert!(matches!(outcomes[1].1, Outcome::TimedOut(_) | Outcome::Settled), "{:?}", outcomes[1]);
}

#[test]
fn a_go_whose_actor_dies_ends_all_the_same() {
    let mut play = Play::open(false);
    play.run("spawn a\na: fork b\nprogram a\nkill b SIGKILL\nend\nprogram b\npause\nend\ngo a b");
    play.run("expect b killed by SIGKILL\nexpect a idle\na: waitpid b");
}

/// The pid by which we can reach an actor of this stage from here.
fn outer_pid(stage: &Stage, inner: i32) -> i32 {
    let parent_of = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat[stat.rfind(')')? + 1..].split_whitespace().nth(1)?.parse::<i32>().ok()
    };
    let ours = |mut pid: i32| {
        while pid > 1 {
            if pid == stage.process() {
                return true;
            }
            pid = parent_of(pid).unwrap_or(0);
        }
        false
    };
    let numbers = std::fs::read_dir("/proc").unwrap().flatten();
    let mut pids = numbers.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.find(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let innermost = status.lines().find_map(|l| l.strip_prefix("NSpid:")?.split_whitespace().last()?.parse().ok());
        innermost == Some(inner) && ours(*pid)
    })
    .unwrap_or_else(|| panic!("{inner} can't be seen from here"))
}

fn kill(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[test]
fn an_actor_killed_from_outside_is_an_event() {
    for shared in [false, true] {
        let mut stage = Stage::open(&options(shared)).unwrap();
        let mut last = None;
        for statement in statements("spawn a\na: pipe p\na: fork b\nb: read p 1") {
            last = Some(stage.run(&statement).unwrap());
        }
        let inner = last.unwrap().snapshot.actor("b").unwrap().pid;
        kill(outer_pid(&stage, inner));
        let told = std::iter::from_fn(|| stage.next_event(PATIENCE)).find_map(|event| match event {
            StageEvent::Refreshed { snapshot, news, .. } if !news.is_empty() => Some((snapshot, news)),
            _ => None,
        });
        let (snapshot, news) = told.expect("nothing was told");
        assert_eq!(news, ["b was killed by SIGKILL"]);
        assert_eq!(snapshot.actor("b").unwrap().state, ActorState::Zombie(Death::Killed("SIGKILL".to_owned())));
        let next = parse_line("a: waitpid b", facility::registry()).unwrap();
        assert!(stage.run(&next).unwrap().ok());
    }
}

#[test]
fn losing_the_director_ends_the_stage_with_its_reason() {
    for shared in [false, true] {
        let mut stage = Stage::open(&options(shared)).unwrap();
        let spawn = parse_line("spawn a", facility::registry()).unwrap();
        stage.run(&spawn).unwrap();
        kill(stage.process());
        let lost = std::iter::from_fn(|| stage.next_event(PATIENCE)).any(|e| matches!(e, StageEvent::Lost(_)));
        assert!(lost, "nothing was told");
        assert!(stage.run(&spawn).is_err());
    }
}

const REPLAYED: &str = r#"
spawn alice
alice: pipe p
alice: fork bob
bob: close p.w
bob: read p 100
alice: write p "hello"
alice: write p 'x' * 5000
alice: mq_open q O_RDWR|O_CREAT 0600 maxmsg=4 msgsize=16
alice: mq_send q "low" 1
alice: mq_send q "high" 5
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: write f "text"
alice: flock f LOCK_EX
alice: sem_open s O_CREAT 0600 value=1
alice: sem_wait s
alice: shm_open board O_RDWR|O_CREAT 0600
alice: ftruncate board 4096
alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: store m[3] 42
alice: socketpair d AF_UNIX SOCK_DGRAM
alice: send d.0 ""
alice: sendmsg d.0 "take it" rights=p.w
alice: socket l AF_UNIX SOCK_STREAM
alice: bind l unix:srv
alice: listen l 1
bob: read p 100
alice: fork carol
carol: eventfd e 3
carol: epoll_create1 ep
carol: epoll_ctl ep EPOLL_CTL_ADD e EPOLLIN|EPOLLET
carol: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN
carol: epoll_wait ep
carol: sigaction SIGUSR2 handler SA_SIGINFO
carol: sigprocmask SIG_BLOCK SIGUSR1
carol: signalfd sig SIGUSR1
alice: kill carol SIGUSR2
alice: sigqueue carol SIGUSR1 7
carol: sigtimedwait SIGUSR1 0s
carol: fcntl p.r F_SETOWN carol
carol: timerfd_create t CLOCK_MONOTONIC
carol: timerfd_settime t 60s interval=1s
carol: mq_notify q SIGEV_SIGNAL signo=SIGUSR1
carol: poll t:POLLIN sig:POLLIN
alice: kill bob SIGKILL
alice: waitpid bob
spawn term
term: posix_openpt pt O_RDWR|O_NOCTTY
term: unlockpt pt.m
term: ptsname pt.m -> $path
term: open tty $path O_RDWR|O_NOCTTY
term: write pt.m "one\ntwo"
term: read tty 100
term: printf "held back"
"#;

#[test]
fn stepping_back_anywhere_shows_what_was_seen_there_first() {
    for shared in [false, true] {
        let mut timeline = Timeline::default();
        let mut stage = Stage::open(&options(shared)).unwrap();
        for statement in &statements(REPLAYED) {
            let report = stage.run(statement).unwrap();
            assert!(report.ok(), "{statement}: {:?}", report.outcome);
            timeline.note(statement, &report);
        }
        for length in (0..=timeline.len()).rev() {
            let mut again = Stage::open(&options(shared)).unwrap();
            let rerun = timeline.rerun(&mut again, length).unwrap();
            assert_eq!(rerun.differences, [], "back to {length}");
        }
    }
}

#[test]
fn a_rerun_that_differs_is_told() {
    let mut timeline = Timeline::default();
    let mut stage = Stage::open(&options(false)).unwrap();
    for statement in &statements("spawn a\na: pipe p") {
        let mut report = stage.run(statement).unwrap();
        for object in &mut report.snapshot.objects {
            object.fields[0].value = ipclab::model::Value::Int(99);
        }
        timeline.note(statement, &report);
    }
    let rerun = timeline.rerun(&mut Stage::open(&options(false)).unwrap(), 2).unwrap();
    assert_eq!(rerun.differences.len(), 1, "{:?}", rerun.differences);
    assert!(rerun.differences[0].1.contains("99 the first time"), "{:?}", rerun.differences);
}

/// Scenarios in which a held descriptor, a reopened FIFO or a stopped actor would show.
const DELICATE: &[&str] = &[
    // A write after the last reader has gone: SIGPIPE, or EPIPE were it ignored.
    "spawn a\na: pipe p\na: fork b\na: close p.r\nb: close p.r\na: write p \"x\"",
    // The last slave of a terminal closes: EIO, and the hangup that a closed master is.
    "spawn a\na: posix_openpt t O_RDWR|O_NOCTTY\na: unlockpt t.m\na: fork b\nb: setsid\n\
     b: ioctl t.m TIOCGPTPEER O_RDWR\nb: close t.m\na: read t.m 10\nb: write t.s \"x\"\na: read t.m 10\n\
     b: exit 0\na: read t.m 10",
    "spawn a\na: posix_openpt t O_RDWR|O_NOCTTY\na: unlockpt t.m\na: fork b\nb: setsid\n\
     b: ioctl t.m TIOCGPTPEER O_RDWR\nb: close t.m\nb: read t.s 10\na: write t.m \"hi\\n\"\nb: read t.s 10\n\
     a: write t.m \"\\x04\"\nb: close t.s\na: close t.m",
    // The hangup of a closed master ends a read. Were SIGHUP not ignored, it would be chance whether the read returns first.
    "spawn a\na: posix_openpt t O_RDWR|O_NOCTTY\na: unlockpt t.m\na: fork b\nb: setsid\n\
     b: ioctl t.m TIOCGPTPEER O_RDWR\nb: close t.m\nb: sigaction SIGHUP SIG_IGN\nb: read t.s 10\na: close t.m",
    // Keys that are signals, and a line that is not finished.
    "spawn a\na: posix_openpt t O_RDWR|O_NOCTTY\na: unlockpt t.m\na: fork b\nb: setsid\n\
     b: ioctl t.m TIOCGPTPEER O_RDWR\nb: close t.m\nb: read t.s 10\na: write t.m \"abc\"\na: write t.m \"\\x03\"\n\
     a: read t.m 10\na: read t.m 10",
    // A blocked writer whose last reader goes.
    "spawn a\na: pipe p\na: fork b\nb: close p.w\na: close p.r\na: write p 'x' * 100000\nb: exit 0",
    // End of file when the last writer closes, with the reader asleep.
    "spawn a\na: pipe p\na: fork b\nb: close p.w\nb: read p 10\na: close p.w",
    // A big write goes on page by page as it is read.
    "spawn a\na: pipe p\na: fork b\na: write p 'x' * 200000\nb: read p 65536\nb: read p 65536\nb: read p 65536\nb: read p 65536",
    // Both ends of a FIFO meet; the second opener alone releases the first.
    "spawn a\nspawn b\na: mkfifo f 0600\na: open w f O_WRONLY\nb: open r f O_RDONLY\na: close w\nb: read r 10",
    "spawn a\nspawn b\nspawn c\na: mkfifo f 0600\na: open r f O_RDONLY\nb: open x f O_RDONLY\nc: open w f O_WRONLY|O_NONBLOCK",
    // A lock is free the moment its last holder closes.
    "spawn a\nspawn b\na: open f \"n\" O_RDWR|O_CREAT 0666\nb: open f2 \"n\" O_RDONLY\na: flock f LOCK_EX\nb: flock f2 LOCK_EX\na: close f",
    "spawn a\nspawn b\na: open f \"n\" O_RDWR|O_CREAT 0666\na: flock f LOCK_EX\na: fork c\nb: open f2 \"n\" O_RDONLY\nb: flock f2 LOCK_SH\na: exit 0\nc: flock f LOCK_UN",
    // Timed and untimed sleeps that a stop would end early.
    "spawn a\nspawn b\na: sem_open s O_CREAT 0600 value=0\nb: sem_open s\na: sem_wait s\nb: sem_post s\nb: sem_getvalue s",
    "spawn a\na: mq_open q O_RDWR|O_CREAT 0600 maxmsg=2 msgsize=8\na: fork b\nb: mq_receive q\na: mq_send q \"hi\" 3\na: mq_send q \"x\" 1\na: mq_send q \"y\" 2\na: mq_send q \"z\" 2\nb: mq_receive q\nb: mq_receive q",
    "spawn a\na: fork b\na: waitpid b\nb: exit 7",
    // A UNIX stream whose peer goes with something unread: ECONNRESET once, then the end of the stream.
    "spawn a\na: socketpair s AF_UNIX SOCK_STREAM\na: fork b\na: close s.1\nb: close s.0\na: send s.0 \"unread\"\nb: send s.1 \"kept\"\nb: close s.1\na: recv s.0 10\na: recv s.0 10\na: recv s.0 10",
    // The end of a stream when the last holder of the peer goes, with the receiver asleep.
    "spawn a\na: socketpair s AF_UNIX SOCK_STREAM\na: fork b\nb: close s.0\na: close s.1\na: recv s.0 10\nb: exit 0",
    "spawn a\na: socketpair s AF_UNIX SOCK_SEQPACKET\na: fork b\nb: close s.0\na: close s.1\nb: send s.1 \"\"\nb: send s.1 \"x\"\nb: send s.1 \"\"\nb: close s.1\na: recv s.0 10\na: recv s.0 10\na: recv s.0 10\na: recv s.0 10",
    // Messages without bytes, and peeks of the actor's own.
    "spawn a\na: socketpair d AF_UNIX SOCK_DGRAM\na: send d.0 \"\"\na: send d.0 \"x\"\na: recv d.1 10 MSG_PEEK\na: recv d.1 10 MSG_PEEK\na: recv d.1 10\na: recv d.1 10 MSG_PEEK\na: recv d.1 10\na: recv d.1 10 MSG_DONTWAIT",
    "spawn a\na: socketpair s AF_UNIX SOCK_STREAM\na: send s.0 \"one\"\na: send s.0 \"two\"\na: recv s.1 4 MSG_PEEK\na: recv s.1 4\na: recv s.1 4 MSG_PEEK|MSG_DONTWAIT\na: recv s.1 4",
    // A descriptor on its way is the pipe's only write end, until it is received, or its carrier goes.
    "spawn a\na: pipe p\na: socketpair s AF_UNIX SOCK_STREAM\na: fork b\nb: close p.w\na: sendmsg s.0 \"w\" rights=p.w\na: close p.w\nb: read p 10\na: recvmsg s.1 10 as w\na: write w \"x\"",
    "spawn a\na: pipe p\na: socketpair s AF_UNIX SOCK_DGRAM\na: fork b\nb: close p.w\nb: close s.0\nb: close s.1\na: sendmsg s.0 \"w\" rights=p.w\na: close p.w\nb: read p 10\na: close s.0\na: close s.1",
    // A look at a full queue of datagrams wakes who waits for room: it finds none, and an edge is no edge.
    "spawn a\nspawn b\na: socket r AF_UNIX SOCK_DGRAM\na: bind r unix:@r\nb: socket t AF_UNIX SOCK_DGRAM\n\
     b: connect t unix:@r\nb: epoll_create1 ep\nb: epoll_ctl ep EPOLL_CTL_ADD t EPOLLOUT|EPOLLET\n\
     b: epoll_wait ep timeout=0s\nb: fcntl t F_SETFL O_RDWR|O_NONBLOCK\nrepeat 20 b: send t \"x\"\n\
     b: epoll_wait ep timeout=0s\nb: epoll_wait ep timeout=0s\na: recv r 1\nb: epoll_wait ep timeout=0s\n\
     b: epoll_wait ep timeout=0s",
    "spawn a\nspawn b\na: socket r AF_UNIX SOCK_DGRAM\na: bind r unix:@r\nb: socket t AF_UNIX SOCK_DGRAM\n\
     repeat 12 b: sendto t \"x\" unix:@r\na: recv r 1\na: recv r 1\na: recv r 1",
    // A connection that closes before it is accepted.
    "spawn a\nspawn b\na: socket l AF_UNIX SOCK_STREAM\na: bind l unix:@l\na: listen l 2\nb: socket c AF_UNIX SOCK_STREAM\nb: connect c unix:@l\nb: send c \"x\"\nb: close c\na: accept l as p\na: recv p 10\na: recv p 10\na: send p \"y\"",
    // An edge, a one-shot and a counter that a look must not take.
    "spawn a\na: pipe p\na: epoll_create1 ep\na: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN|EPOLLET\na: write p \"xy\"\na: epoll_wait ep\na: read p 1\na: epoll_wait ep timeout=0s\na: write p \"z\"\na: epoll_wait ep",
    "spawn a\na: pipe p\na: epoll_create1 ep\na: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN|EPOLLONESHOT\na: fork b\nb: epoll_wait ep\na: write p \"x\"\na: epoll_wait ep timeout=0s\na: close p.w\nb: close p.w\na: read p 9\na: read p 9",
    "spawn a\na: eventfd e 0\na: fork b\nb: eventfd_read e\na: eventfd_write e 3\na: eventfd_write e 4\nb: eventfd_read e\na: timerfd_create t CLOCK_MONOTONIC\na: timerfd_settime t 1ns\na: read t 8",
    // Signals behind a descriptor, in an edge-triggered list.
    "spawn a\nspawn b\nb: sigprocmask SIG_BLOCK SIGUSR1\nb: signalfd s SIGUSR1\nb: epoll_create1 ep\nb: epoll_ctl ep EPOLL_CTL_ADD s EPOLLIN|EPOLLET\na: kill b SIGUSR1\nb: epoll_wait ep timeout=0s\nb: epoll_wait ep timeout=0s\nb: read s 64\nb: signalfd s SIGUSR2 fd=s",
    // A mutex handed on, and the deaths of owners.
    "spawn a\na: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\na: pthread_mutexattr_init m+512 as attr\na: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED\na: pthread_mutex_init m+64 attr as l\na: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_ROBUST\na: pthread_mutex_init m+128 attr as k\na: fork b\na: fork c\na: pthread_mutex_lock l\nb: pthread_mutex_lock m+64\nc: pthread_mutex_lock m+128\na: pthread_mutex_unlock l\nb: pthread_mutex_lock m+128\na: pthread_mutex_timedlock l 60s\nc: exit 0\nb: pthread_mutex_unlock m+128\nb: pthread_mutex_lock m+128\nb: exit 0",
    // Signals that are held, queued and taken; a call that is started again, and calls that are not.
    "spawn a\nspawn b\nb: sigaction SIGUSR1 handler SA_SIGINFO\nb: sigprocmask SIG_BLOCK SIGUSR1|SIGRTMIN\nrepeat 3 a: kill b SIGUSR1\na: sigqueue b SIGRTMIN 1\na: sigqueue b SIGRTMIN 2\nb: sigtimedwait SIGRTMIN 0s\nb: sigsuspend SIGRTMIN\nb: sigwaitinfo SIGRTMIN\nb: sigtimedwait SIGRTMIN 0s\nb: sigtimedwait SIGRTMIN 60s\na: sigqueue b SIGRTMIN 3",
    "spawn a\nspawn b\nb: sigaction SIGUSR1 handler SA_RESTART\nb: pipe p\nb: read p 1\na: kill b SIGUSR1\na: kill b SIGUSR1\na: kill b SIGSTOP\na: kill b SIGUSR1\na: kill b SIGCONT",
    "spawn a\nspawn b\nb: sigaction SIGUSR1 handler SA_RESTART\nb: pipe p\nb: poll p.r:POLLIN\na: kill b SIGUSR1\nb: nanosleep 60s\na: kill b SIGUSR1\nb: pause\na: kill b SIGUSR1\nb: close p.r\nb: write p.w \"x\"",
    "spawn a\na: sigaction SIGCHLD handler SA_RESTART|SA_SIGINFO\na: fork b\na: fork c\na: waitpid b\nc: exit 1\nb: exit 2\na: waitpid any\na: sigaction SIGCHLD SIG_DFL SA_NOCLDWAIT\na: fork d\na: waitpid any\nd: exit 3",
    // Signals and broadcasts, readers and a writer, a barrier, and a word that is slept on.
    "spawn a\na: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\na: pthread_mutexattr_init m+512 as attr\na: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED\na: pthread_mutex_init m+64 attr as l\na: pthread_condattr_init m+520 as cattr\na: pthread_condattr_setpshared cattr PTHREAD_PROCESS_SHARED\na: pthread_cond_init m+128 cattr as c\na: fork b\na: pthread_cond_signal c\nb: pthread_mutex_lock l\nb: pthread_cond_wait c l\na: pthread_mutex_lock l\na: pthread_cond_broadcast c\na: pthread_mutex_unlock l\nb: pthread_cond_timedwait c l 60s\na: pthread_cond_signal c\na: futex m+384 FUTEX_WAKE 1\na: futex m+384 FUTEX_WAIT 0 timeout=60s\nb: futex m+384 FUTEX_WAKE 9",
    "spawn a\na: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\na: pthread_rwlockattr_init m+528 as rattr\na: pthread_rwlockattr_setpshared rattr PTHREAD_PROCESS_SHARED\na: pthread_rwlock_init m+192 rattr as r\na: pthread_barrierattr_init m+536 as battr\na: pthread_barrierattr_setpshared battr PTHREAD_PROCESS_SHARED\na: pthread_barrier_init m+256 2 battr as w\na: fork b\na: pthread_rwlock_rdlock r\nb: pthread_rwlock_timedwrlock r 60s\na: pthread_rwlock_unlock r\na: pthread_rwlock_rdlock r\nb: pthread_rwlock_unlock r\na: pthread_rwlock_unlock r\nb: pthread_barrier_wait w",
    // Sleeps of several descriptors, ended by a writer that goes.
    "spawn a\na: pipe p\na: pipe q\na: fork b\nb: close p.w\nb: close q.w\nb: poll p.r:POLLIN q.r:POLLIN\na: close p.w\nb: select q.r:readfds\na: close q.w",
    "spawn a\na: pipe p\na: fork b\nb: sigaction SIGIO handler SA_SIGINFO\nb: fcntl p.r F_SETOWN b\nb: fcntl p.r F_SETFL O_ASYNC\na: write p \"x\"\na: close p.w\nb: close p.w\nb: read p 9",
];

/// The same for a stage with a network of its own.
const DELICATE_NETWORK: &[&str] = &[
    // A closed port is told to a connected UDP socket: by the next call, whichever that is, and once.
    "spawn a\na: socket u AF_INET SOCK_DGRAM\na: connect u 127.0.0.1:5999\na: send u \"x\"\na: recv u 10\na: recv u 10 MSG_DONTWAIT",
    "spawn a\na: socket u AF_INET6 SOCK_DGRAM\na: connect u [::1]:5999\na: send u \"x\"\na: send u \"x\"\na: send u \"x\"\na: getsockopt u SOL_SOCKET SO_ERROR",
    // A reset is told once, then the stream has ended.
    "spawn a\nspawn b\na: socket l AF_INET SOCK_STREAM\na: bind l 127.0.0.1:5000\na: listen l 1\nb: socket s AF_INET SOCK_STREAM\nb: connect s 127.0.0.1:5000\na: accept l as c\na: setsockopt c SOL_SOCKET SO_LINGER 0\na: close c\nb: recv s 10\nb: recv s 10\nb: send s \"x\"",
    // Closing with something unread is a reset too.
    "spawn a\nspawn b\na: socket l AF_INET SOCK_STREAM\na: bind l 127.0.0.1:5000\na: listen l 1\nb: socket s AF_INET SOCK_STREAM\nb: connect s 127.0.0.1:5000\na: accept l as c\nb: send s \"unread\"\na: close c\nb: recv s 10\nb: recv s 10",
    // The end of a stream, with the receiver asleep, and the other direction still open.
    "spawn a\nspawn b\na: socket l AF_INET SOCK_STREAM\na: bind l 127.0.0.1:5000\na: listen l 1\nb: socket s AF_INET SOCK_STREAM\nb: connect s 127.0.0.1:5000\na: accept l as c\na: recv c 10\nb: shutdown s SHUT_WR\na: send c \"last\"\nb: recv s 10 MSG_PEEK\nb: recv s 10\na: exit 0\nb: recv s 10",
    // Datagrams without bytes, peeks of the actor's own, and what finds no room.
    "spawn a\na: socket r AF_INET SOCK_DGRAM\na: bind r 127.0.0.1:5000\na: socket s AF_INET SOCK_DGRAM\na: sendto s \"\" 127.0.0.1:5000\na: sendto s \"x\" 127.0.0.1:5000\na: recv r 10 MSG_PEEK\na: recv r 10 MSG_PEEK\na: recv r 10\na: recv r 10\na: recv r 10 MSG_DONTWAIT",
];

#[test]
fn looking_changes_nothing() {
    fn play(script: &str, shared: bool, observing: bool) -> Vec<String> {
        let mut stage = Stage::open(&options(shared)).unwrap();
        stage.observe(observing);
        let mut seen: Vec<String> = Vec::new();
        for statement in &statements(script) {
            let report = stage.run(statement).unwrap();
            assert!(report.ok(), "{statement}: {:?}", report.outcome);
            let mut calls: Vec<String> = report
                .calls
                .iter()
                .map(|c| {
                    // What differs from run to run: pids and addresses. The rest must be the same to the letter.
                    format!(
                        "{} {} {:?} {:?}",
                        c.actor,
                        c.verb,
                        c.errno(),
                        (!["fork", "waitpid", "sem_open", "setsid"].contains(&c.verb.as_str())).then(|| c.ret())
                    )
                })
                .collect();
            calls.sort();
            seen.extend(calls);
            seen.extend(report.snapshot.actors.iter().map(|a| match &a.state {
                ActorState::Asleep(sleep) => format!("{} asleep in {} to {}", a.name, sleep.verb, sleep.direction),
                state => format!("{} {state:?}", a.name),
            }));
        }
        seen
    }
    let rounds: usize = std::env::var("IPCLAB_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let network = Stage::open(&options(false)).unwrap().info().mode == Mode::Isolated;
    let of_network = DELICATE_NETWORK.iter().filter(|_| network).map(|script| (script, &[false][..]));
    for (script, modes) in DELICATE.iter().map(|script| (script, &[false, true][..])).chain(of_network) {
        for &shared in modes {
            let blind = play(script, shared, false);
            for _ in 0..rounds {
                assert_eq!(play(script, shared, true), blind, "{script}");
            }
        }
    }
}

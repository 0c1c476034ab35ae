//! What is wrong, found on real stages: each kind of finding, and what looks like it and is not.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{Play, both};
use ipclab::diagnosis::{Looks, graph};
use ipclab::model::{Certainty, Evidence, Finding, Plight};

/// What two looks find.
fn findings(play: &mut Play) -> Vec<Finding> {
    let mut looks = Looks::default();
    looks.take(play.snapshot());
    looks.take(&play.look_again());
    assert!(looks.agree(), "{:#?}", looks.findings());
    looks.findings()
}

#[track_caller]
fn only(play: &mut Play, kind: &str) -> Finding {
    let mut all: Vec<Finding> = findings(play).into_iter().filter(|f| f.kind.word == kind).collect();
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

#[test]
fn a_reader_that_holds_its_own_write_end() {
    both(|play| {
        play.run(
            r"
spawn parent
parent: pipe p
parent: fork child
child: read p.r 10
expect not certain own-write-end
expect not suspicious own-write-end
parent: close p.w
expect certain own-write-end child
expect deadlock child
expect not certain own-write-end parent
expect not certain deadlock
",
        );
        let finding = only(play, "own-write-end");
        assert_eq!((finding.certainty, &finding.on[..]), (Certainty::Certain, &["p".to_owned()][..]));
        assert!(finding.next.contains("close p.w (descriptor 4)"), "{}", finding.next);
        assert!(finding.known.iter().all(|known| known.evidence == Evidence::Kernel));
        // Ending the child is a way out.
        play.run("parent: kill child SIGKILL\nparent: waitpid child\nexpect not certain own-write-end\n");
    });
}

#[test]
fn a_reader_whose_writer_lives_is_normal() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: fork bob
bob: close p.w
bob: read p 10
expect not certain own-write-end
expect not suspicious own-write-end
expect not deadlock bob
",
        );
        assert_eq!(findings(play), []);
        assert_eq!(graph(play.snapshot()).plight("bob"), Some(Plight::Waits));
    });
}

#[test]
fn a_write_end_on_its_way_to_somebody_is_not_overlooked() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: socketpair s AF_UNIX SOCK_STREAM
alice: pipe p
alice: fork bob
alice: sendmsg s.0 "x" rights=p.w
alice: close p.w
bob: read p.r 10
expect not certain own-write-end
expect suspicious own-write-end bob
"#,
        );
    });
}

#[test]
fn a_full_pipe_that_nobody_reads() {
    both(|play| {
        play.run(
            r"
spawn parent
parent: pipe p
parent: fork child
parent: close p.w
child: close p.r
child: write p 'x' * 65537
expect not certain nobody-reads
expect not suspicious nobody-reads
parent: waitpid child
expect certain nobody-reads child parent
expect certain deadlock parent child
",
        );
        let finding = only(play, "nobody-reads");
        assert!(
            finding.next.starts_with("parent should read from p to the end of file before it waits"),
            "{}",
            finding.next
        );
        assert!(finding.known.iter().any(|known| known.words.contains("65536 of at most 65536")), "{finding:#?}");
    });
}

#[test]
fn two_pipes_of_which_the_wrong_one_is_read() {
    both(|play| {
        play.run(
            r"
spawn parent
parent: pipe out
parent: pipe err
parent: fork child
parent: close out.w
parent: close err.w
child: close out.r
child: close err.r
parent: read out 100
expect not suspicious nobody-reads
child: write err 'x' * 65537
expect certain nobody-reads child parent
expect deadlock parent child
",
        );
        assert_eq!(graph(play.snapshot()).cycles, [["parent", "child"]]);
    });
}

#[test]
fn locks_in_opposite_orders() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: open f "f" O_RDWR|O_CREAT 0666
alice: open g "g" O_RDWR|O_CREAT 0666
bob: open f "f" O_RDWR as f
bob: open g "g" O_RDWR as g
alice: flock f LOCK_EX
bob: flock g LOCK_EX
alice: flock g LOCK_EX
expect not certain lock-order
expect not suspicious deadlock
bob: flock f LOCK_EX
expect certain lock-order alice bob
expect certain deadlock alice bob
"#,
        );
        let finding = only(play, "lock-order");
        assert!(finding.known.iter().any(|known| known.evidence == Evidence::Reported), "{finding:#?}");
        play.run("spawn eve\neve: kill bob SIGKILL\n");
        play.run("expect not deadlock alice bob\nexpect alice returned 0 from flock\n");
    });
}

#[test]
fn orders_that_have_not_met_yet_come_from_our_records() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "f" O_RDWR|O_CREAT 0666
spawn bob
bob: open f "f" O_RDWR as f
alice: fcntl f F_SETLK F_WRLCK 0..10
alice: fcntl f F_SETLK F_WRLCK 10..20
alice: fcntl f F_SETLK F_UNLCK 0..20
bob: fcntl f F_SETLK F_WRLCK 0..10
bob: fcntl f F_SETLK F_WRLCK 10..20
bob: fcntl f F_SETLK F_UNLCK 0..20
expect not suspicious lock-order
bob: fcntl f F_SETLK F_WRLCK 10..20
bob: fcntl f F_SETLK F_WRLCK 0..10
expect suspicious lock-order alice bob
expect not certain lock-order
"#,
        );
        let finding = only(play, "lock-order");
        assert!(finding.known.iter().all(|known| known.evidence == Evidence::Reported), "{finding:#?}");
        assert!(finding.next.contains("f 0..10 before f 10..20"), "{}", finding.next);
    });
}

#[test]
fn a_lock_lost_by_an_unrelated_close() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "f" O_RDWR|O_CREAT 0666
alice: open g "f" O_RDONLY
alice: fcntl f F_SETLK F_WRLCK 0..10
expect f write-locked 0..10 by alice
alice: close g
expect f unlocked
expect certain lost-lock alice
"#,
        );
        let finding = only(play, "lost-lock");
        assert!(finding.words.contains("close(4)") && finding.next.contains("F_OFD_SETLK"), "{finding:#?}");
        let sources: Vec<Evidence> = finding.known.iter().map(|known| known.evidence).collect();
        assert_eq!(sources, [Evidence::Reported, Evidence::Reported, Evidence::Kernel]);
        play.run("alice: fcntl f F_SETLK F_WRLCK 0..10\nexpect not certain lost-lock\n");
    });
}

#[test]
fn what_a_close_may_end_is_not_lost() {
    both(|play| {
        // Through the descriptor of the lock itself; given back before; and locks that go with the description.
        play.run(
            r#"
spawn alice
alice: open f "f" O_RDWR|O_CREAT 0666
alice: fcntl f F_SETLK F_WRLCK 0..10
alice: close f
expect not certain lost-lock
alice: open f "f" O_RDWR as f
alice: open g "f" O_RDONLY as g
alice: fcntl f F_SETLK F_WRLCK 0..10
alice: fcntl f F_SETLK F_UNLCK 0..10
alice: close g
expect not certain lost-lock
alice: open g "f" O_RDONLY as g
alice: fcntl f F_OFD_SETLK F_WRLCK 0..10
alice: flock f LOCK_EX
alice: close g
expect f locked
expect not certain lost-lock
"#,
        );
    });
}

#[test]
fn a_lock_that_outlives_who_took_it() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "f" O_RDWR|O_CREAT 0666
alice: fork bob
spawn carol
carol: open f "f" O_RDWR as f
alice: flock f LOCK_EX
expect not certain orphaned-lock
carol: flock f LOCK_EX
alice: exit 0
expect carol blocked in flock on f
expect certain orphaned-lock alice bob
bob: flock f LOCK_UN
expect carol returned 0 from flock
expect not certain orphaned-lock
"#,
        );
    });
}

#[test]
fn a_semaphore_whose_last_holder_is_dead() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: sem_open s O_CREAT 0666 value=1
alice: fork bob
alice: fork carol
alice: sem_wait s
bob: sem_wait s
expect not suspicious dead-holder
carol: kill alice SIGKILL
expect suspicious dead-holder bob alice
expect not certain dead-holder
",
        );
        let finding = only(play, "dead-holder");
        assert!(finding.known.iter().any(|known| known.evidence == Evidence::Reported), "{finding:#?}");
        play.run("carol: sem_post s\nexpect bob returned 0 from sem_wait\nexpect not suspicious dead-holder\n");
    });
}

#[test]
fn a_worker_owes_nothing_for_the_jobs_that_it_took() {
    both(|play| {
        play.run(
            r"
spawn maker
maker: sem_open jobs O_CREAT 0666 value=0
maker: fork worker
maker: fork other
maker: sem_post jobs
worker: sem_wait jobs
worker: exit 0
other: sem_wait jobs
expect other blocked in sem_wait on jobs
expect not suspicious dead-holder
",
        );
    });
}

#[test]
fn a_set_of_system_v_semaphores_remembers_with_undo_only() {
    let play = &mut Play::open(false);
    if !play.stage().info().capabilities.iter().any(|c| c == "sysv") {
        common::left_out("this kernel has no System V IPC");
        return;
    }
    play.run(
        r"
spawn alice
alice: semget s 1 IPC_CREAT
alice: semctl s 0 SETVAL 1
alice: fork bob
spawn carol
alice: semop s 0:-1
bob: semop s 0:-1
carol: kill alice SIGKILL
expect suspicious dead-holder bob alice
carol: kill bob SIGKILL
spawn dora
dora: semget s
dora: semctl s 0 SETVAL 1
dora: fork eve
dora: semop s 0:-1:SEM_UNDO
eve: semop s 0:-1
expect not suspicious dead-holder
carol: kill dora SIGKILL
expect eve returned 0 from semop
",
    );
}

#[test]
fn a_zombie_and_one_who_was_waited_for() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: fork bob
bob: exit 3
expect certain zombie bob alice
alice: waitpid bob
expect not certain zombie
",
        );
        assert_eq!(findings(play), []);
    });
}

#[test]
fn signals_that_merge_and_signals_that_queue() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: fork bob
bob: sigaction SIGUSR1 handler
bob: sigprocmask SIG_BLOCK SIGUSR1|SIGRTMIN
alice: kill bob SIGUSR1
expect not certain merged-signal
alice: kill bob SIGUSR1
expect certain merged-signal bob
alice: kill bob SIGUSR1
",
        );
        let finding = only(play, "merged-signal");
        assert!(
            finding.words.contains("2 more times") && finding.known[0].evidence == Evidence::Reported,
            "{finding:#?}"
        );
        play.run(
            "bob: sigprocmask SIG_UNBLOCK SIGUSR1\nexpect bob handled SIGUSR1 1\nexpect certain merged-signal bob\n",
        );
        // What came of the next ones is added.
        play.run("bob: sigprocmask SIG_BLOCK SIGUSR1\nalice: kill bob SIGUSR1\nalice: kill bob SIGUSR1");
        assert!(only(play, "merged-signal").words.contains("3 more times"), "{:#?}", only(play, "merged-signal"));
    });
    // What is sent to a thread is the thread's.
    both(|play| {
        play.run("spawn alice\nalice: pthread_create t1\nalice.t1: pthread_sigmask SIG_BLOCK SIGUSR1");
        play.run("alice: pthread_kill alice.t1 SIGUSR1\nalice: pthread_kill alice.t1 SIGUSR1");
        play.run("expect certain merged-signal alice.t1");
    });
    both(|play| {
        play.run(
            r"
spawn alice
alice: fork bob
bob: sigprocmask SIG_BLOCK SIGUSR1|SIGRTMIN
alice: sigqueue bob SIGRTMIN 1
alice: sigqueue bob SIGRTMIN 2
alice: kill bob SIGUSR1
bob: sigwaitinfo SIGUSR1
alice: kill bob SIGUSR1
expect not certain merged-signal
",
        );
    });
    both(|play| {
        play.run(
            r"
spawn alice
alice: fork bob
bob: sigprocmask SIG_BLOCK SIGUSR1
repeat 5 alice: kill bob SIGUSR1
expect certain merged-signal bob
",
        );
        let finding = only(play, "merged-signal");
        assert!(finding.words.contains("4 more times"), "{finding:#?}");
    });
}

#[test]
fn a_lock_and_a_pipe_in_one_cycle() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: open f "f" O_RDWR|O_CREAT 0666
alice: fork bob
alice: close p.w
bob: close p.r
bob: open g "f" O_RDWR as g
alice: flock f LOCK_EX
alice: read p 10
expect not certain deadlock
bob: flock g LOCK_EX
expect certain deadlock alice bob
expect not certain lock-order
"#,
        );
        let finding = only(play, "deadlock");
        assert!(finding.next.starts_with("alice should not sleep while it holds a lock"), "{}", finding.next);
    });
}

#[test]
fn a_timeout_a_signal_and_a_name_are_ways_out() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: mkfifo box 0666
alice: open b box O_RDWR
alice: read b 1
expect suspicious own-write-end alice
expect not certain own-write-end
spawn bob
bob: pause
expect not deadlock bob
",
        );
        assert_eq!(graph(play.snapshot()).plight("bob"), Some(Plight::Waits));
    });
}

#[test]
fn a_deadlock_beside_one_who_runs_is_named() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: read p.r 1
spawn carol
repeat forever carol: getpid
expect certain own-write-end alice
cancel carol
",
        );
    });
}

/// Alice and bob with two mutexes that processes share, robust or not.
fn mutexes(robust: bool) -> String {
    let robust = if robust { "alice: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_ROBUST\n" } else { "" };
    format!(
        "spawn alice\nalice: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\n\
         alice: pthread_mutexattr_init m+512 as attr\n\
         alice: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED\n{robust}\
         alice: pthread_mutex_init m+64 attr as k\nalice: pthread_mutex_init m+128 attr as l\nalice: fork bob\nspawn eve\n"
    )
}

#[test]
fn mutexes_in_opposite_orders() {
    both(|play| {
        play.run(&mutexes(false));
        play.run(
            r"
alice: pthread_mutex_lock k
alice: pthread_mutex_lock l
alice: pthread_mutex_unlock l
alice: pthread_mutex_unlock k
expect not suspicious lock-order
bob: pthread_mutex_lock l
bob: pthread_mutex_lock k
expect suspicious lock-order alice bob
expect not certain deadlock
bob: pthread_mutex_unlock k
alice: pthread_mutex_lock k
alice: pthread_mutex_lock l
bob: pthread_mutex_lock k
expect certain deadlock alice bob
expect certain lock-order alice bob
",
        );
    });
}

#[test]
fn a_mutex_of_the_dead_and_a_robust_one() {
    both(|play| {
        play.run(&mutexes(false));
        play.run(
            r"
alice: pthread_mutex_lock l
bob: pthread_mutex_lock l
expect not certain orphaned-lock
eve: kill alice SIGKILL
expect certain orphaned-lock bob alice
expect deadlock bob
",
        );
    });
    both(|play| {
        play.run(&mutexes(true));
        play.run(
            r"
alice: pthread_mutex_lock l
bob: pthread_mutex_lock l
eve: kill alice SIGKILL
expect bob failed EOWNERDEAD
expect not certain orphaned-lock
",
        );
    });
}

const STUCK: &str = "spawn alice\nalice: pipe p\nalice: read p.r 1\n";

fn told(args: &[&str], script: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ipclab"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}"));
    child
        .stdin
        .take()
        .unwrap_or_else(|| panic!("no stdin"))
        .write_all(script.as_bytes())
        .unwrap_or_else(|e| panic!("{e}"));
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn lines_of_text_tell_it_once_and_all_on_request() {
    let text = told(&["--plain", "play"], &format!("{STUCK}spawn bob\n/waits\n"));
    assert_eq!(text.matches("  Reader holds its own write end, certain: alice waits").count(), 1, "{text}");
    assert!(text.contains("The kernel says: alice has p.w (descriptor 4) open."), "{text}");
    assert!(text.contains("Cycle 1:\n  alice waits in read on p, for itself."), "{text}");
}

#[test]
fn lines_of_json_have_the_graph_and_what_is_wrong() {
    let text = told(&["run", "--json", "-"], STUCK);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    let [diagnosis] = of("diagnosis")[..] else { panic!("{text}") };
    assert_eq!(diagnosis["two_looks_agree"], true);
    let finding = &diagnosis["findings"][0];
    assert_eq!((&finding["kind"], &finding["certainty"]), (&"own-write-end".into(), &"certain".into()));
    assert_eq!(finding["known"][0]["evidence"], "kernel");
    let ended = of("ended");
    let snapshot = &ended.last().unwrap_or_else(|| panic!("{text}"))["snapshot"];
    assert_eq!(snapshot["waits"][0]["needs"], serde_json::json!([["alice"]]));
    assert_eq!((&snapshot["waits"][0]["plight"], &snapshot["cycles"][0][0]), (&"cycle".into(), &"alice".into()));
}

#[test]
fn a_thread_can_write_what_another_reads() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: pthread_create t1
alice: read p.r 1
expect not deadlock alice
expect not certain own-write-end
alice.t1: write p.w "x"
expect alice returned 1 from read
alice.t1: read p.r 1
expect not certain own-write-end
alice: read p.r 1
expect certain own-write-end alice alice.t1
"#,
        );
    });
}

/// A record lock and a child are the process', whichever of its threads took the one and made the other.
#[test]
fn what_is_the_process_is_not_the_threads() {
    both(|play| {
        play.run(
            "spawn alice\nalice: open f x O_RDWR|O_CREAT\nalice: open g x O_RDWR\nalice: pthread_create t1\n\
             alice.t1: fcntl f F_SETLK F_WRLCK 0..10\nalice: close g\nexpect certain lost-lock alice.t1",
        );
        let finding = only(play, "lost-lock");
        assert!(finding.words.contains("alice's close(4)"), "{finding:#?}");
        play.run("alice: fcntl f F_SETLK F_WRLCK 0..10\nexpect not certain lost-lock");
        play.run("alice.t1: fork bob\nalice: waitpid bob\nexpect alice blocked in waitpid");
        assert!(findings(play).is_empty(), "{:#?}", findings(play));
        play.run("bob: exit 3\nexpect alice idle\nalice.t1: fork carol\nalice.t1: pthread_exit 0");
        play.run("carol: exit 0\nexpect certain zombie carol alice");
    });
}

/// A read-write lock that alice, bob and carol share.
const SHARED_LOCK: &str = r"
spawn alice
alice: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
alice: pthread_rwlockattr_init m+512 as a
alice: pthread_rwlockattr_setpshared a PTHREAD_PROCESS_SHARED
alice: pthread_rwlock_init m+64 a as r
alice: fork bob
alice: fork carol
";

#[test]
fn a_read_write_lock_of_the_dead() {
    both(|play| {
        play.run(SHARED_LOCK);
        play.run("bob: pthread_rwlock_wrlock r\nalice: kill bob SIGKILL\nalice: waitpid bob\ncarol: pthread_rwlock_rdlock r\n");
        let finding = only(play, "orphaned-lock");
        assert_eq!(
            (finding.certainty, &finding.who[..]),
            (Certainty::Certain, &["carol".to_owned(), "bob".to_owned()][..])
        );
        assert!(finding.next.contains("no read-write lock can be robust"), "{}", finding.next);
    });
    both(|play| {
        play.run(SHARED_LOCK);
        play.run("alice: pthread_rwlock_rdlock r\nbob: pthread_rwlock_rdlock r\nalice: kill bob SIGKILL\n");
        play.run("alice: waitpid bob\ncarol: pthread_rwlock_wrlock r\nexpect suspicious orphaned-lock carol bob\n");
        // That alice gives hers back does not help.
        play.run("alice: pthread_rwlock_unlock r\nexpect carol blocked in pthread_rwlock_wrlock on r\n");
        let finding = only(play, "orphaned-lock");
        assert_eq!(finding.certainty, Certainty::Suspicious, "who reads is known by our records alone");
        assert!(finding.known.iter().any(|known| known.evidence == Evidence::Mirror), "{finding:#?}");
    });
}

#[test]
fn who_is_stopped_holds_others_up() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: fork bob
alice: fork carol
bob: close p.r
carol: close p.r
carol: close p.w
alice: close p.w
alice: open f "f" O_RDWR|O_CREAT 0644
bob: open f "f" O_RDWR
bob: flock f LOCK_EX
alice: kill bob SIGSTOP
carol: kill bob 0
alice: flock f LOCK_EX
expect suspicious waits-for-stopped alice bob
carol: kill bob SIGCONT
expect not suspicious waits-for-stopped
bob: flock f LOCK_UN
alice: read p.r 10
carol: kill bob SIGSTOP
expect suspicious waits-for-stopped alice bob
expect not suspicious held-write-end
"#,
        );
        let finding = only(play, "waits-for-stopped");
        assert!(finding.words.contains("bob, who could write to p, is stopped by SIGSTOP"), "{}", finding.words);
        // The advice, followed.
        play.run("carol: kill bob SIGCONT\nbob: write p.w \"x\"\nexpect alice returned 1 from read\n");
        assert!(findings(play).is_empty());
    });
}

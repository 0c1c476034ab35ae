//! Signals on real stages: what is sent, held, handled, and what it interrupts.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;

use common::{Play, both};
use ipclab::model::{ActorState, Call, CallState, Death, Evidence};

/// What an actor's card says of its signals, each with how it is known.
fn lines(play: &Play, who: &str) -> Vec<String> {
    let signals = play.snapshot().actor(who).unwrap().signals.clone().unwrap();
    signals.lines().iter().map(|line| format!("{} {} [{}]", line.word, line.text, line.evidence.word())).collect()
}

/// The last call of an actor, and what it is said to mean.
fn meaning(play: &Play, who: &str) -> String {
    play.snapshot().actor(who).unwrap().last.as_ref().unwrap().meaning.clone().unwrap_or_default()
}

/// The calls of one statement as lines, runs of handlers among them.
fn told(play: &mut Play, line: &str) -> Vec<String> {
    let report = play.line(line);
    assert!(report.ok(), "{line}: {:?}", report.outcome);
    let shown = |call: &Call| match &call.state {
        CallState::Returned { shown, .. } => format!("{}({}) = {shown}", call.verb, call.args),
        CallState::Entered => format!("{}({})", call.verb, call.args),
    };
    report.calls.iter().map(shown).collect()
}

#[test]
fn each_refusal_of_the_kernel_says_what_it_means() {
    both(|play| {
        play.run("spawn alice\nspawn bob\nalice: fork kid");
        let rows = [
            ("bob: sigaction SIGKILL handler", "bob", "EINVAL", "can't be caught"),
            ("bob: sigaction SIGSTOP SIG_IGN", "bob", "EINVAL", "can't be caught"),
            ("bob: sigaction 65 handler", "bob", "EINVAL", "from 1 to 64"),
            ("bob: sigaction 32 handler", "bob", "EINVAL", "C library"),
            ("alice: kill bob 65", "alice", "EINVAL", "from 1 to 64"),
            ("alice: sigqueue bob 99 7", "alice", "EINVAL", "from 1 to 64"),
            ("alice: tgkill bob alice SIGUSR1", "alice", "ESRCH", "no such thread"),
            ("alice: killpg kid SIGTERM", "alice", "ESRCH", "no process in that group"),
            ("alice: waitpid bob", "alice", "ECHILD", "not a child"),
            ("bob: waitpid any", "bob", "ECHILD", "no child is left"),
            ("bob: setpgid alice bob", "bob", "ESRCH", "neither the caller nor a child"),
            ("bob: setsid", "bob", "EPERM", "leads a process group"),
            ("bob: sigtimedwait SIGUSR1 0s", "bob", "EAGAIN", "time is up"),
        ];
        for (line, who, errno, words) in rows {
            play.run(&format!("{line}\nexpect {who} failed {errno}"));
            assert!(meaning(play, who).contains(words), "{line}: {}", meaning(play, who));
        }
        for (line, who, words) in [
            ("alice: kill bob 0", "alice", "nothing was sent"),
            ("alice: waitpid kid WNOHANG", "alice", "none has changed"),
            ("bob: sigprocmask SIG_BLOCK SIGKILL|SIGUSR1", "bob", "left out"),
        ] {
            play.run(&format!("{line}\nexpect {who} returned 0"));
            assert!(meaning(play, who).contains(words), "{line}: {}", meaning(play, who));
        }
        play.run("expect bob blocks SIGUSR1\nexpect not bob blocks SIGKILL");
    });
}

#[test]
fn a_handler_says_what_is_blocked_while_it_runs() {
    both(|play| {
        play.run("spawn alice\nspawn bob\nbob: sigaction SIGUSR1 handler SA_SIGINFO sa_mask=SIGUSR2");
        let lines = told(play, "bob: raise SIGUSR1");
        let pid = play.snapshot().actor("bob").unwrap().pid;
        let run = format!(
            "handler(SIGUSR1, {{si_code=SI_TKILL, si_pid={pid}<bob>}}) = void, [SIGUSR1 SIGUSR2] blocked meanwhile"
        );
        assert!(lines.contains(&run), "{lines:?}");
        play.run("bob: sigaction SIGUSR1 handler SA_NODEFER");
        let lines = told(play, "alice: tgkill bob bob SIGUSR1");
        assert!(lines.contains(&"handler(SIGUSR1) = void, [] blocked meanwhile".to_owned()), "{lines:?}");
        let lines = told(play, "bob: sigaction SIGUSR1");
        assert_eq!(lines, ["sigaction(SIGUSR1, NULL, {sa_handler=handler, sa_flags=SA_NODEFER}) = 0"]);
        // One run, and it is as if it had never been set.
        play.run("bob: sigaction SIGUSR2 handler SA_RESETHAND\nexpect bob catches SIGUSR2\nalice: kill bob SIGUSR2");
        play.run("expect bob handled SIGUSR2 1\nexpect not bob catches SIGUSR2");
        play.run("alice: kill bob SIGUSR2\nexpect bob killed by SIGUSR2");
    });
}

#[test]
fn a_child_tells_how_it_ended() {
    both(|play| {
        play.run("spawn alice\nalice: sigaction SIGCHLD handler SA_SIGINFO\nalice: fork bob");
        let pid = play.snapshot().actor("bob").unwrap().pid;
        let lines = told(play, "bob: exit 3");
        let run = format!("handler(SIGCHLD, {{si_code=CLD_EXITED, si_pid={pid}<bob>, si_status=3}}) = void");
        assert!(lines.contains(&run), "{lines:?}");
        play.run("alice: waitpid bob\nalice: fork carol");
        // Again and again: who stops shows as stopped a moment before its parent is told.
        for round in 0..60 {
            let lines = told(play, "alice: kill carol SIGSTOP");
            let stopped = |l: &String| l.contains("CLD_STOPPED") && l.contains("si_status=SIGSTOP");
            assert!(lines.iter().any(stopped), "round {round}: {lines:?}");
            let lines = told(play, "alice: kill carol SIGCONT");
            assert!(lines.iter().any(|l| l.contains("CLD_CONTINUED")), "round {round}: {lines:?}");
        }
        // Told of ends only, and then of nothing that could be waited for.
        play.run("alice: sigaction SIGCHLD handler SA_SIGINFO|SA_NOCLDSTOP");
        let lines = told(play, "alice: kill carol SIGSTOP");
        assert!(!lines.iter().any(|l| l.starts_with("handler")), "{lines:?}");
        play.run("alice: sigaction SIGCHLD SIG_DFL SA_NOCLDWAIT\nspawn eve\nalice: waitpid carol");
        play.run("expect alice blocked in waitpid\neve: kill carol SIGKILL\nexpect alice failed ECHILD");
    });
}

#[test]
fn what_is_held_of_what_was_sent() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
bob: sigaction SIGUSR1 handler SA_SIGINFO
bob: sigaction SIGRTMIN handler SA_SIGINFO
bob: sigaction SIGRTMIN+1 handler SA_SIGINFO
bob: sigprocmask SIG_BLOCK SIGUSR1|SIGRTMIN|SIGRTMIN+1
alice: kill bob SIGUSR1
expect bob pending SIGUSR1 1
expect bob lost SIGUSR1 0
",
        );
        assert_eq!(meaning(play, "alice"), "bob blocks it: it stays pending");
        play.run("alice: sigqueue bob SIGUSR1 7");
        assert!(meaning(play, "alice").contains("leaves no trace"), "{}", meaning(play, "alice"));
        play.run(
            r"
repeat 3 alice: kill bob SIGUSR1
expect bob pending SIGUSR1 1
expect bob lost SIGUSR1 4
alice: sigqueue bob SIGRTMIN+1 10
alice: sigqueue bob SIGRTMIN 1
alice: sigqueue bob SIGRTMIN 2
alice: sigqueue bob SIGRTMIN 3
alice: tgkill bob bob SIGRTMIN+1
expect bob pending SIGRTMIN 3
expect bob pending SIGRTMIN+1 2
expect bob lost SIGRTMIN 0
",
        );
        let isolated = play.mode() == ipclab::model::Mode::Isolated;
        let counted = if isolated { Evidence::Mirror } else { Evidence::Reported };
        let said: Vec<String> = lines(play, "bob");
        let expected = [
            "pending SIGUSR1 SIGRTMIN SIGRTMIN+1 [kernel]".to_owned(),
            "pending for this thread SIGRTMIN+1 [kernel]".to_owned(),
            "sent SIGUSR1 5 times, held once [reported]".to_owned(),
            format!("queue SIGRTMIN: 1 2 3 [{}]", counted.word()),
            format!("queue SIGRTMIN+1: from alice [{}]", counted.word()),
            format!("queue SIGRTMIN+1: 10 [{}]", counted.word()),
        ];
        assert_eq!(said[..6], expected);
        // One taken: the queue is shorter, and its head another.
        play.run("bob: sigtimedwait SIGRTMIN 0s -> $v\nexpect bob $v == 1\nexpect bob pending SIGRTMIN 2");
        play.run("bob: signalfd s SIGRTMIN\nbob: read s 128\nexpect bob pending SIGRTMIN 1");
        assert!(lines(play, "bob").contains(&format!("queue SIGRTMIN: 3 [{}]", counted.word())));
        // Two at once, one of each number: which is more than the record of a read tells.
        play.run("bob: signalfd s SIGRTMIN|SIGRTMIN+1 fd=s\nbob: read s 256\nexpect bob pending SIGRTMIN+1");
        assert!(!play.line("expect bob pending SIGRTMIN+1 1").ok(), "it is hidden how many are held");
        play.run("bob: sigprocmask SIG_SETMASK 0\nexpect bob handled SIGUSR1 1\nexpect bob handled SIGRTMIN+1 1");
        play.run("expect not bob pending SIGUSR1\nexpect not bob pending SIGRTMIN+1");
        // What is counted begins anew with the next that is pending.
        play.run("bob: sigprocmask SIG_BLOCK SIGUSR1|SIGRTMIN\nalice: kill bob SIGUSR1\nexpect bob lost SIGUSR1 0");
        play.run("alice: sigqueue bob SIGRTMIN 4\nexpect bob pending SIGRTMIN 1");
    });
}

#[test]
fn standard_signals_come_first_and_the_lowest_number_first() {
    both(|play| {
        play.run("spawn alice\nspawn bob");
        for signal in ["SIGUSR1", "SIGUSR2", "SIGRTMIN", "SIGRTMIN+1"] {
            play.run(&format!(
                "bob: sigaction {signal} handler SA_SIGINFO sa_mask=SIGUSR1|SIGUSR2|SIGRTMIN|SIGRTMIN+1"
            ));
        }
        play.run(
            r"
bob: sigprocmask SIG_BLOCK SIGUSR1|SIGUSR2|SIGRTMIN|SIGRTMIN+1
repeat 5 alice: kill bob SIGUSR1
alice: sigqueue bob SIGRTMIN+1 100
alice: sigqueue bob SIGRTMIN 1
alice: sigqueue bob SIGRTMIN 2
alice: sigqueue bob SIGRTMIN 3
alice: sigqueue bob SIGRTMIN+1 200
alice: kill bob SIGUSR2
",
        );
        let came: Vec<String> = told(play, "bob: sigprocmask SIG_SETMASK 0")
            .iter()
            .filter_map(|line| line.strip_prefix("handler("))
            .map(|line| {
                let name = line.split(',').next().unwrap();
                let value = line.split("si_value=").nth(1).map(|v| v.split('}').next().unwrap());
                value.map_or_else(|| name.to_owned(), |value| format!("{name} {value}"))
            })
            .collect();
        let expected =
            ["SIGUSR1", "SIGUSR2", "SIGRTMIN 1", "SIGRTMIN 2", "SIGRTMIN 3", "SIGRTMIN+1 100", "SIGRTMIN+1 200"];
        assert_eq!(came, expected);
    });
}

#[test]
fn an_interrupted_call_fails_or_is_started_again() {
    const CALLS: &[(&str, &str, bool)] = &[
        ("bob: pipe p", "bob: read p 1", true),
        (
            "bob: open f \"f\" O_RDWR|O_CREAT 0600\nalice: open g \"f\" O_RDWR\nalice: flock g LOCK_EX",
            "bob: flock f LOCK_EX",
            true,
        ),
        ("bob: fork kid", "bob: waitpid kid", true),
        ("bob: mq_open q O_RDWR|O_CREAT 0600 maxmsg=1 msgsize=8", "bob: mq_receive q", true),
        ("bob: sem_open s O_CREAT 0600 value=0", "bob: sem_wait s", true),
        ("bob: pipe p", "bob: poll p.r:POLLIN", false),
        ("bob: epoll_create1 e", "bob: epoll_wait e", false),
        ("", "bob: nanosleep 60s", false),
        ("", "bob: pause", false),
        ("", "bob: sigsuspend 0", false),
        ("", "bob: sigtimedwait SIGUSR2 60s", false),
        ("bob: semget v 1 IPC_CREAT", "bob: semop v 0:-1", false),
        ("bob: msgget m IPC_CREAT", "bob: msgrcv m 10", false),
    ];
    both(|play| {
        play.run("spawn alice");
        for (before, call, restarts) in CALLS {
            let verb = call.split(' ').nth(1).unwrap();
            for flags in ["SA_RESTART", "SA_SIGINFO"] {
                play.run(&format!("spawn bob\nbob: sigaction SIGUSR1 handler {flags}\n{before}\n{call}"));
                play.run(&format!("expect bob blocked in {verb}"));
                let report = play.line("alice: kill bob SIGUSR1");
                let run = report.calls.iter().find(|call| call.verb == "handler").unwrap();
                if *restarts && flags == "SA_RESTART" {
                    assert_eq!(run.meaning.clone(), Some(format!("{verb} was interrupted, and started again")));
                    let sleep = play.snapshot().actor("bob").unwrap().sleep().unwrap();
                    assert_eq!((sleep.verb.as_ref(), sleep.restarts), (verb, 1), "{call}");
                } else {
                    play.run("expect bob failed EINTR");
                    let why = if verb == "pause" || verb.starts_with("sig") {
                        "a handler"
                    } else if *restarts {
                        "no SA_RESTART"
                    } else {
                        "not even with SA_RESTART"
                    };
                    assert!(meaning(play, "bob").contains(why), "{call}: {}", meaning(play, "bob"));
                    assert_eq!(run.meaning, None, "{call}");
                }
                play.run("alice: kill bob SIGKILL\nexpect bob killed by SIGKILL");
                if play.snapshot().actor("kid").is_some_and(ipclab::model::Actor::alive) {
                    play.run("alice: kill kid SIGKILL");
                }
                if before.contains("flock") {
                    play.run("alice: close g");
                }
                for (name, remove) in [("q", "mq_unlink q"), ("s", "sem_unlink s")] {
                    if play.snapshot().object(name).is_some() {
                        play.run(&format!("alice: {remove}"));
                    }
                }
                for (name, remove) in
                    [("v", "semget v 1\nalice: semctl v IPC_RMID"), ("m", "msgget m\nalice: msgctl m IPC_RMID")]
                {
                    if play.snapshot().object(name).is_some() {
                        play.run(&format!("alice: {remove}"));
                    }
                }
            }
        }
    });
}

#[test]
fn jobs_are_stopped_and_continued() {
    both(|play| {
        play.run(
            r"
spawn shell
shell: sigaction SIGTTOU SIG_IGN
shell: fork job
expect job pgid shell
expect job sid shell
job: setpgid job job
job: fork helper
expect helper pgid job
expect helper sid shell
job: pause
helper: pause
shell: killpg job SIGTSTP
expect job stopped
expect helper stopped
shell: waitpid job WUNTRACED
shell: sigqueue job SIGUSR1 5
",
        );
        assert_eq!(meaning(play, "shell"), "job is stopped: it takes this when it goes on");
        play.run("expect job pending SIGUSR1 1\nshell: sigtimedwait SIGCHLD 0s\nshell: killpg job SIGCONT");
        play.run("expect job killed by SIGUSR1\nexpect helper blocked in pause\nshell: waitpid job WCONTINUED");
        play.run("shell: killpg job 0\nexpect shell returned 0\nexpect helper pgid job");
        assert!(play.last("shell").starts_with("killpg"), "{}", play.last("shell"));
        // The group's leader is gone, and its parent with it: nobody of the session outside could continue it.
        play.run("shell: killpg job SIGTSTP\nexpect helper blocked in pause");
        assert!(meaning(play, "shell").contains("orphaned"), "{}", meaning(play, "shell"));
        play.run("shell: fork kid\nkid: exit 0\nexpect kid exited 0\nshell: kill kid SIGTERM\nexpect shell returned 0");
        assert!(meaning(play, "shell").contains("zombie"), "{}", meaning(play, "shell"));
        play.run("shell: sigaction SIGHUP SIG_IGN\nshell: kill shell SIGHUP");
        assert!(meaning(play, "shell").contains("ignores it"), "{}", meaning(play, "shell"));
        play.run("shell: kill shell SIGWINCH");
        assert!(meaning(play, "shell").contains("default action"), "{}", meaning(play, "shell"));
    });
}

#[test]
fn threads_are_signalled_one_by_one_or_all_at_once() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
alice: pthread_create t1
alice.t1: sigaction SIGUSR1 handler SA_SIGINFO|SA_RESTART
alice.t1: sigaction SIGRTMIN handler SA_SIGINFO
alice.t1: pthread_sigmask SIG_BLOCK SIGUSR1|SIGRTMIN
bob: kill alice SIGUSR1
expect alice handled SIGUSR1 1
bob: tgkill alice alice.t1 SIGUSR1
bob: tgkill alice alice.t1 SIGUSR1
expect alice.t1 pending SIGUSR1 1
expect alice.t1 lost SIGUSR1 1
expect not alice pending SIGUSR1
alice: sigprocmask SIG_BLOCK SIGRTMIN
bob: sigqueue alice SIGRTMIN 5
bob: sigqueue alice SIGRTMIN 6
expect alice pending SIGRTMIN 2
alice.t1: sigtimedwait SIGRTMIN 0s -> $value
expect alice.t1 $value == 5
expect alice pending SIGRTMIN 1
alice.t1: pthread_sigmask SIG_SETMASK 0
expect alice.t1 handled SIGRTMIN 1
expect alice.t1 handled SIGUSR1 1
alice.t1: pipe p
alice.t1: read p 1
alice: pthread_kill alice.t1 SIGUSR1
expect alice.t1 handled SIGUSR1 2
expect alice.t1 blocked in read on p
expect alice idle
alice: pthread_kill alice.t1 65
expect alice failed EINVAL
bob: tgkill bob alice.t1 SIGUSR1
expect bob failed ESRCH
",
        );
        assert!(play.refused("bob: pthread_kill alice.t1 SIGUSR1").contains("no thread of this process"));
    });
}

/// On its way out of the wait for an order one that was killed shows as asleep for a moment.
#[test]
fn who_was_killed_while_idle_is_never_shown_as_idle() {
    both(|play| {
        play.run("spawn alice");
        for round in 0..150 {
            play.run("alice: fork bob\nalice: kill bob SIGKILL");
            let bob = play.snapshot().actor("bob").unwrap();
            assert!(matches!(bob.state, ActorState::Zombie(Death::Killed(_))), "round {round}: {:?}", bob.state);
            play.run("alice: waitpid bob");
        }
    });
}

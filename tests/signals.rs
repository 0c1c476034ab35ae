//! Signals on real stages: what is sent, held, handled, and what it interrupts.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;

use common::{Play, both};
use ipclab::model::{Call, CallState};

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
        let lines = told(play, "alice: kill carol SIGSTOP");
        assert!(lines.iter().any(|l| l.contains("CLD_STOPPED") && l.contains("si_status=SIGSTOP")), "{lines:?}");
        let lines = told(play, "alice: kill carol SIGCONT");
        assert!(lines.iter().any(|l| l.contains("CLD_CONTINUED")), "{lines:?}");
        // Told of ends only, and then of nothing that could be waited for.
        play.run("alice: sigaction SIGCHLD handler SA_SIGINFO|SA_NOCLDSTOP");
        let lines = told(play, "alice: kill carol SIGSTOP");
        assert!(!lines.iter().any(|l| l.starts_with("handler")), "{lines:?}");
        play.run("alice: sigaction SIGCHLD SIG_DFL SA_NOCLDWAIT\nspawn eve\nalice: waitpid carol");
        play.run("expect alice blocked in waitpid\neve: kill carol SIGKILL\nexpect alice failed ECHILD");
    });
}

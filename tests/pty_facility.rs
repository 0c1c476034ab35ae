//! Pseudoterminals, sessions and process groups, and standard output, on real stages.

mod common;

use common::both;

#[test]
fn standard_output_is_copied_by_fork_and_written_twice() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: dup2 p.w fd 1
alice: printf "hello\n"
expect p bytes 0
alice: __fpending -> $n
expect alice $n == 6
alice: fork bob
"#,
        );
        let stdout = play.snapshot().actor("bob").unwrap().stdout.clone().unwrap();
        assert_eq!((stdout.holds.as_slice(), stdout.buffering.as_str()), (b"hello\n".as_slice(), "block"));
        play.run("bob: exit 0\nexpect bob exited 0\nexpect p holds \"hello\\n\"");
        play.run("alice: waitpid bob\nalice: fflush\nexpect p holds \"hello\\nhello\\n\"");
        assert!(play.snapshot().actor("alice").unwrap().stdout.as_ref().unwrap().holds.is_empty());
        // _exit(2) throws away what the buffer holds.
        play.run("alice: printf \"lost\"\nalice: fork carol\ncarol: _exit 3\nexpect carol exited 3\nexpect p bytes 12");
    });
}

#[test]
fn a_flush_sleeps_as_its_write_does() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: fcntl p.w F_SETPIPE_SZ pagesize
alice: write p 'x' * pagesize
alice: dup2 p.w fd 1
alice: fork bob
bob: printf "y"
bob: fflush
expect bob blocked in fflush on p
alice: read p pagesize
expect bob returned 0 from fflush
bob: printf "z"
bob: setvbuf _IONBF
"#,
        );
        assert_eq!(play.last("bob"), "setvbuf(stdout, NULL, _IONBF, BUFSIZ) = 0");
        play.run("bob: exit 4\nexpect bob exited 4");
    });
}

#[test]
fn sessions_and_groups_are_told_and_signalled_by_their_leaders() {
    both(|play| {
        play.run(
            r"
spawn shell
shell: fork one
shell: fork two
shell: setpgid one one
shell: setpgid two one
one: getpgrp
",
        );
        assert!(
            play.last("one").starts_with("getpgrp() = ") && play.last("one").ends_with("<one>"),
            "{}",
            play.last("one")
        );
        play.run("two: getpgid two");
        assert!(play.last("two").ends_with("<one>"), "{}", play.last("two"));
        play.run("two: getsid one");
        assert!(play.last("two").ends_with("<shell>"), "{}", play.last("two"));
        // A leader of a group can't leave it for a session of its own, and its member can.
        play.run("one: setsid\nexpect one failed EPERM from setsid\ntwo: setsid");
        assert!(play.last("two").ends_with("<two>"), "{}", play.last("two"));
        play.run("shell: fork three\nshell: setpgid three one");
        play.run("shell: killpg one SIGTERM\nexpect one killed by SIGTERM\nexpect three killed by SIGTERM");
        play.run("expect shell idle\nexpect two idle\nshell: killpg shell 0\nexpect shell returned 0 from killpg");
        play.run("shell: fork four\nshell: setpgid four four\nshell: killpg four SIGTSTP\nexpect four stopped");
        let report = play.line("expect four idle");
        let ipclab::stage::Outcome::Checked(verdict) = report.outcome else { panic!("{report:?}") };
        assert!(
            ["four is stopped by SIGTSTP", "four is stopped by a signal"].contains(&verdict.seen.as_str()),
            "{verdict:?}"
        );
        play.run("shell: killpg four SIGCONT\nexpect four idle\nshell: setpgid two shell\nexpect shell failed EPERM");
        // Zombies still make a group.
        play.run("shell: killpg one SIGTERM\nexpect shell returned 0\nshell: waitpid one\nshell: waitpid three");
        assert!(play.refused("shell: killpg one SIGTERM").contains("dead"));
    });
}

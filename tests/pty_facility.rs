//! Pseudoterminals, sessions and process groups, and standard output, on real stages.

mod common;

use common::both;
use ipclab::model::{ActorState, Evidence, Mode};

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
        // Where the number can't be anybody's the call is made.
        if play.mode() == Mode::Isolated {
            play.run("shell: killpg one SIGTERM\nexpect shell failed ESRCH from killpg");
        } else {
            assert!(play.refused("shell: killpg one SIGTERM").contains("dead"));
        }
    });
}

/// A pseudoterminal whose master is with `term`, and whose slave controls the session of its child `shell`.
const SHELL: &str = r"
spawn term
term: posix_openpt t O_RDWR|O_NOCTTY
term: grantpt t.m
term: unlockpt t.m
term: fork shell
shell: setsid
shell: ioctl t.m TIOCGPTPEER O_RDWR|O_NOCTTY
shell: close t.m
shell: ioctl t.s TIOCSCTTY
";

#[test]
fn a_line_is_edited_echoed_and_read_as_a_whole() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r#"
expect t session shell
expect t foreground shell
expect t canonical
expect t masters 1
expect t slaves 1
shell: read t.s 100
expect shell blocked in read on t
term: write t.m "helo"
expect t editing "helo"
expect t input 0
expect t shows "helo"
expect shell blocked in read on t
term: write t.m "\x7flo\n"
expect shell got "hello\n"
expect t shows "helo\x08 \x08lo\r\n"
expect t output 11
expect t editing ""
shell: write t.s "a\nb"
expect t shows "helo\x08 \x08lo\r\na\r\nb"
term: read t.m 5
expect t shows " \x08lo\r\na\r\nb"
term: write t.m "one\ntwo\nthr"
expect t holds "one\ntwo\n"
expect t input 8
shell: read t.s 100
expect shell got "one\n"
shell: read t.s 2
expect t holds "o\n"
expect t editing "thr"
"#,
        );
        let t = play.object("t");
        assert_eq!((t.evidence("holds"), t.evidence("input")), (Evidence::Mirror, Evidence::Kernel));
        assert!(t.identifier.starts_with("/dev/pts/"));
        let roles: Vec<_> = t.holders.iter().map(|h| (h.actor.as_ref(), h.role.as_ref())).collect();
        assert_eq!(roles, [("term", "master"), ("shell", "slave")]);
        let waits: Vec<_> = t.waiters.iter().map(|w| w.direction.as_ref()).collect();
        assert!(waits.is_empty());
    });
}

#[test]
fn keys_are_signals_to_the_foreground_group() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r#"
shell: fork job
shell: setpgid job job
shell: tcsetpgrp t.s job
expect t foreground job
job: read t.s 10
term: write t.m "abc"
term: write t.m "\x03"
expect job killed by SIGINT
expect shell idle
expect t editing ""
expect t shows "abc^C"
"#,
        );
        // A group in the background that reads is stopped, and so is one that SIGTSTP reaches.
        play.run("shell: waitpid job\nshell: tcgetpgrp t.s");
        play.run(
            r"
term: kill shell SIGCONT
shell: fork job
shell: setpgid job job
shell: fork fg
shell: setpgid fg fg
",
        );
        let report = play.line("job: read t.s 10");
        let job = report.snapshot.actor("job").unwrap();
        assert!(
            matches!(&job.state, ActorState::Stopped { signal } if ["SIGTTIN", "a signal"].contains(&signal.as_str())),
            "{job:?}"
        );
        // Without a terminal's meaning, the byte is a byte.
        play.run(
            r#"
spawn alice
alice: pipe p
alice: write p "\x03"
expect p holds "\x03"
expect alice idle
"#,
        );
    });
}

#[test]
fn signals_off_make_bytes_of_keys() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r#"
shell: tcsetattr t.s TCSANOW clear=ISIG
expect not t signals
term: write t.m "\x03\n"
expect t holds "\x03\n"
shell: tcsetattr t.s TCSAFLUSH set=ISIG clear=ECHO VINTR=7
expect t input 0
expect not t echo
term: write t.m "a\x03b"
expect t editing "a\x03b"
expect shell idle
term: write t.m "\x07"
expect shell killed by SIGINT
"#,
        );
    });
}

#[test]
fn an_end_of_file_is_typed_and_does_not_stick() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r#"
shell: read t.s 100
term: write t.m "\x04"
expect shell returned 0 from read
term: write t.m "\x04"
expect t input 0
shell: read t.s 100
expect shell returned 0 from read
shell: read t.s 100
expect shell blocked in read on t
term: write t.m "hi\x04"
expect shell got "hi"
term: write t.m "rest\n"
shell: read t.s 4
shell: read t.s 100
expect shell got "\n"
"#,
        );
    });
}

#[test]
fn raw_mode_passes_bytes_as_they_are() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r#"
shell: tcgetattr t.s -> $t
shell: set $old $t
shell: cfmakeraw $t
shell: tcsetattr t.s TCSANOW $t
expect not t canonical
expect not t echo
shell: read t.s 100
term: write t.m "\x03\x04\n\x7f"
expect shell got "\x03\x04\n\x7f"
shell: write t.s "x\n"
expect t shows "x\n"
term: write t.m "pending"
expect t holds "pending"
shell: tcsetattr t.s TCSANOW $old
expect t canonical
expect t holds "pending"
shell: tcsetattr t.s TCSANOW clear=ICANON VMIN=3 VTIME=0
shell: tcflush t.s TCIFLUSH
expect t input 0
shell: read t.s 100
term: write t.m "ab"
expect shell blocked in read on t
expect t input 0
expect t holds ""
term: write t.m "c"
expect shell got "abc"
"#,
        );
        assert!(play.refused("shell: tcsetattr t.s TCSANOW \"short\"").contains("no struct termios"));
        assert!(play.refused("shell: cfmakeraw $nothing").contains("no struct termios"));
    });
}

#[test]
fn a_closed_slave_is_an_error_and_a_closed_master_a_hangup() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r#"
term: read t.m 10
expect term blocked in read on t
shell: write t.s "bye"
expect term got "bye"
shell: ioctl t.s TIOCNOTTY
"#,
        );
        // Giving up the terminal sends SIGHUP to the foreground group, which is the leader's own.
        play.run("expect shell killed by SIGHUP\nterm: read t.m 10\nexpect term failed EIO from read");
        assert_eq!(play.object("t").value("state").as_text(), Some("the slave is closed"));
        play.run(SHELL.replace("spawn term", "term: waitpid shell").replace(" t ", " u ").replace("t.", "u.").as_str());
        play.run("shell: fork quiet\nshell: setpgid quiet quiet\nterm: write u.m \"gone\\nhalf\"\nexpect u holds \"gone\\n\"");
        play.run("term: close u.m\nexpect shell killed by SIGHUP");
        // What nobody can read any more is not shown as if it could be.
        play.run("expect u holds \"\"\nexpect u editing \"\"\nexpect u shows \"\"");
        assert_eq!(play.object("u").value("next").as_text(), Some("end of file"));
        assert!(play.object("u").field("input").unwrap().note.as_ref().unwrap().contains("hung up"));
        play.run(
            "quiet: read u.s 10\nexpect quiet returned 0 from read\nquiet: write u.s \"x\"\nexpect quiet failed EIO",
        );
        assert!(play.object("u").value("state").as_text().unwrap().starts_with("hung up"));
    });
}

#[test]
fn a_slave_is_opened_by_its_name() {
    both(|play| {
        play.run(
            r"
spawn term
term: posix_openpt t O_RDWR|O_NOCTTY
term: ioctl t.m TIOCGPTPEER O_RDWR|O_NOCTTY
expect term failed EIO from ioctl
term: unlockpt t.m
term: ptsname t.m -> $path
term: open s $path O_RDWR|O_NOCTTY
term: isatty s
expect term returned 1 from isatty
expect t slaves 1
expect t session none
term: ioctl t.m TIOCSWINSZ ws_row=24 ws_col=80
expect t rows 24
expect t columns 80
term: ioctl s TIOCGWINSZ
",
        );
        assert!(play.last("term").ends_with("TIOCGWINSZ, {ws_row=24, ws_col=80}) = 0"), "{}", play.last("term"));
        assert_eq!(play.object("t").holders.len(), 2);
        // A leader without a terminal that opens one gets it as its own.
        play.run("spawn other\nother: getpid");
        let text =
            play.snapshot().actor("term").unwrap().variables.iter().find(|(n, _)| n == "path").unwrap().1.clone();
        let shared = play.mode() == Mode::Shared;
        let open = format!("other: open s2 {text} O_RDWR");
        if shared {
            assert!(play.refused(&open).contains("holds none of its sides"));
        } else {
            play.run(&format!("{open}\nexpect other returned 3\nexpect t session other"));
        }
        assert!(play.refused("term: open x \"/dev/ptmx\" O_RDWR").contains("outside"));
        assert!(play.refused("term: open x \"/dev/pts/../null\" O_RDWR").contains("outside"));
    });
}

#[test]
fn packets_tell_of_flushes() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r#"
term: ioctl t.m TIOCPKT 1
shell: write t.s "hi"
term: read t.m 100
expect term got "\0hi"
expect t output 0
shell: tcflush t.s TCIFLUSH
term: read t.m 100
expect term returned 1
shell: write t.s "more"
expect t shows "more"
"#,
        );
    });
}

#[test]
fn each_sleep_on_a_terminal_is_named() {
    both(|play| {
        play.run(SHELL);
        play.run("shell: read t.s 1\nexpect shell blocked in read on t\nterm: read t.m 1");
        let t = play.object("t");
        let waits: Vec<_> =
            t.waiters.iter().map(|w| (w.actor.as_ref(), w.verb.as_ref(), w.direction.as_ref())).collect();
        assert_eq!(waits, [("shell", "read", "read"), ("term", "read", "read")]);
        play.run("expect deadlock shell term");
    });
    both(|play| {
        play.run(SHELL);
        play.run("shell: tcgetattr t.s -> $t\nshell: cfmakeraw $t\nshell: tcsetattr t.s TCSANOW $t");
        play.run("term: write t.m 'x' * 30000\nexpect term blocked in write on t");
        assert_eq!(play.object("t").waiters[0].direction, "write");
        play.run(
            "repeat 20 shell: read t.s 4096\nexpect shell blocked in read on t\nexpect term returned 30000 from write",
        );
        play.run("term: kill shell SIGKILL");
    });
    both(|play| {
        play.run(SHELL);
        play.run("shell: write t.s 'x' * 30000\nexpect shell blocked in write on t");
        // What is in of a write that sleeps is shown as far as the kernel counts, and followed to its end.
        let shows = play.object("t").field("shows").unwrap().clone();
        assert_eq!(shows.evidence, ipclab::model::Evidence::Mirror, "{shows:?}");
        assert!(shows.note.as_ref().unwrap().contains("shell's write of 30000 bytes"), "{shows:?}");
        let asleep = |play: &common::Play| play.snapshot().actor("shell").unwrap().sleep().is_some();
        for _ in 0..60 {
            if asleep(play) {
                play.run("term: read t.m 1000");
            }
        }
        let t = play.object("t");
        let (shows, output) = (t.field("shows").unwrap(), t.int("output").unwrap());
        assert!(!asleep(play) && output > 1000, "{t:?}");
        assert_eq!((shows.evidence, &shows.note), (ipclab::model::Evidence::Mirror, &None));
        play.run("term: tcflush t.m TCIFLUSH\nshell: write t.s 'x' * 30000\nexpect shell blocked in write on t");
        play.run("term: write t.m \"\\x13\"\nterm: read t.m 10\nexpect shell blocked in write on t");
    });
}

#[test]
fn lines_go_out_at_once_on_a_terminal_and_in_blocks_into_a_pipe() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r#"
shell: dup2 t.s fd 1
shell: printf "one\ntwo"
expect t shows "one\r\n"
shell: fork child
child: exit 0
shell: waitpid child
expect t shows "one\r\ntwo"
shell: printf "!\n"
expect t shows "one\r\ntwotwo!\r\n"
"#,
        );
        let shell = play.snapshot().actor("shell").unwrap();
        assert_eq!(shell.stdout.as_ref().unwrap().buffering, "line");
    });
}

#[test]
fn more_than_reports_carry_is_counted() {
    both(|play| {
        play.run(SHELL);
        play.run("shell: write t.s 'x' * 200\nexpect t output 200");
        let (head, total) = play.object("t").value("shows").as_bytes().unwrap();
        assert_eq!((head.len(), total), (64, 200));
        play.run("term: read t.m 150\nexpect t output 50\nterm: read t.m 100\nshell: write t.s \"y\"\nexpect t shows \"y\"\nterm: read t.m 1");
        play.run("repeat 300 shell: write t.s \"ab\"\nexpect t output 600");
        assert_eq!(play.object("t").evidence("shows"), Evidence::Mirror);
    });
}

#[test]
fn two_terminals_of_one_actor_are_two_objects() {
    both(|play| {
        play.run(
            r#"
spawn term
term: posix_openpt a O_RDWR|O_NOCTTY
term: posix_openpt b O_RDWR|O_NOCTTY
term: unlockpt a.m
term: unlockpt b.m
term: ioctl a.m TIOCGPTPEER O_RDWR|O_NOCTTY
term: ioctl b.m TIOCGPTPEER O_RDWR|O_NOCTTY
term: write b.m "x\n"
expect b holds "x\n"
expect a input 0
term: close b.m
term: close b.s
term: posix_openpt c O_RDWR|O_NOCTTY
expect gone b
expect c masters 1
expect c output 0
"#,
        );
    });
}

#[test]
fn a_window_that_changes_is_told_to_the_foreground() {
    both(|play| {
        play.run(SHELL);
        play.run(
            r"
shell: sigprocmask SIG_BLOCK SIGWINCH
shell: fork job
shell: setpgid job job
shell: tcsetpgrp t.s job
term: ioctl t.m TIOCSWINSZ ws_row=24 ws_col=80
expect t rows 24
expect t columns 80
job: sigtimedwait SIGWINCH 0
expect job returned 28
shell: sigtimedwait SIGWINCH 0
expect shell failed EAGAIN
term: ioctl t.m TIOCSWINSZ ws_row=24 ws_col=80
job: sigtimedwait SIGWINCH 0
expect job failed EAGAIN
",
        );
    });
}

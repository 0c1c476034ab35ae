//! Values of terminals, sockets and counters against what can be seen from outside the stage, by other means.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;
#[expect(dead_code, unused_imports, reason = "only descriptors are looked at here")]
mod outside;

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};

use common::{Play, both};
use ipclab::model::{Object, Value};

/// A copy of an actor's descriptor that is called so, and the actor's pid as we see it.
fn borrowed(play: &Play, actor: &str, name: &str) -> (OwnedFd, i32, i32) {
    let seen = play.snapshot().actor(actor).unwrap();
    let fd = seen.descriptors.iter().find(|d| d.names.iter().any(|n| n == name)).unwrap().fd;
    let pid = outside::descendants(play.stage().process())[&seen.pid].pid;
    (outside::borrow(pid, fd), pid, fd)
}

#[expect(unsafe_code, reason = "system calls for which there is no safe wrapper")]
fn window(fd: &OwnedFd) -> (i64, i64) {
    // SAFETY: all zero is a winsize.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ writes a winsize.
    assert_eq!(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) }, 0);
    (size.ws_row.into(), size.ws_col.into())
}

#[expect(unsafe_code, reason = "system calls for which there is no safe wrapper")]
fn local_flags(fd: &OwnedFd) -> libc::tcflag_t {
    // SAFETY: all zero is a termios.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: it writes a termios.
    assert_eq!(unsafe { libc::tcgetattr(fd.as_raw_fd(), &raw mut settings) }, 0);
    settings.c_lflag
}

fn has_flag(object: &Object, name: &str) -> bool {
    object.value("lflag").as_text().unwrap().split('|').any(|flag| flag == name)
}

/// Compares what is shown of the terminal `t` with the kernel's answers to us.
fn terminal_is_true(play: &Play, line: &str) {
    let t = play.object("t");
    let (master, ..) = borrowed(play, "term", "t.m");
    let (slave, ..) = borrowed(play, "shell", "t.s");
    let counts = (t.int("input"), t.int("output"));
    assert_eq!(counts, (Some(outside::bytes_in(&slave)), Some(outside::bytes_in(&master))), "{line}");
    let flags = local_flags(&slave);
    for (name, bit) in [("ICANON", libc::ICANON), ("ECHO", libc::ECHO), ("ISIG", libc::ISIG)] {
        assert_eq!(has_flag(t, name), flags & bit != 0, "{line}: {name}");
    }
    assert_eq!((t.int("rows").unwrap_or(0), t.int("columns").unwrap_or(0)), window(&master), "{line}");
    // The kernel tells the group in the pid namespace of who asks: by /proc it is the last of the words.
    let processes = outside::descendants(play.stage().process());
    let outer = |name: &str| processes[&play.snapshot().actor(name).unwrap().pid].pid;
    let group: i32 = outside::stat(outer("shell")).unwrap()[5].parse().unwrap();
    let in_front = |name: &str| outside::stat(outer(name)).unwrap()[2].parse::<i32>().unwrap() == group;
    let living = play.snapshot().actors.iter().filter(|a| a.alive()).map(|a| a.name.as_str());
    let members: Vec<&str> = living.filter(|name| *name != "term" && in_front(name)).collect();
    let shown: Vec<&str> = t.value("foreground").as_list().iter().filter_map(Value::as_text).collect();
    assert_eq!(shown, members, "{line}");
    assert_eq!(t.value("session").as_text(), Some("shell"), "{line}");
    // Contents are a mirror; where it is complete it has as many bytes as the kernel counts.
    for (contents, count) in [("holds", "input"), ("shows", "output")] {
        if let Some((_, total)) = t.value(contents).as_bytes() {
            assert_eq!(Some(total as i64), t.int(count), "{line}: {contents}");
        }
    }
}

#[test]
fn terminals() {
    both(|play| {
        play.run(
            "spawn term\nterm: posix_openpt t O_RDWR|O_NOCTTY\nterm: unlockpt t.m\nterm: fork shell\nshell: setsid\n\
             shell: ioctl t.m TIOCGPTPEER O_RDWR\nshell: close t.m",
        );
        for line in [
            "term: write t.m \"hello\\n\"",
            "term: write t.m \"half\"",
            "shell: read t.s 100",
            "shell: write t.s \"one\\ntwo\\n\"",
            "term: read t.m 3",
            "term: ioctl t.m TIOCSWINSZ ws_row=24 ws_col=80",
            "shell: tcsetattr t.s TCSANOW clear=ICANON|ECHO",
            "shell: sigaction SIGINT SIG_IGN",
            "term: write t.m \"raw\\x03\"",
            "shell: tcsetattr t.s TCSANOW clear=ISIG",
            "term: write t.m \"\\x03\\x04\"",
            "shell: read t.s 2",
            "shell: sigaction SIGTTOU SIG_IGN",
            "shell: fork job",
            "shell: setpgid job job",
            "shell: tcsetpgrp t.s job",
            "shell: tcsetpgrp t.s shell",
        ] {
            play.run(line);
            terminal_is_true(play, line);
        }
    });
}

#[test]
fn sockets_and_counters() {
    both(|play| {
        play.run(
            "spawn a\na: socketpair s AF_UNIX SOCK_STREAM\na: socketpair q AF_UNIX SOCK_SEQPACKET\na: eventfd e 3",
        );
        for line in [
            "a: send s.0 \"hello\"",
            "a: sendmsg s.1 \"with\" rights=e",
            "a: recv s.1 2",
            "a: send q.0 \"one\"",
            "a: send q.0 \"two and\"",
            "a: recv q.1 1",
            "a: eventfd_write e 39",
            "a: shutdown s.0 SHUT_WR",
        ] {
            play.run(line);
            for name in ["s.0", "s.1", "q.1"] {
                let (socket, pid, fd) = borrowed(play, "a", name);
                assert_eq!(play.int(name, "bytes"), outside::bytes_in(&socket), "{line}: {name}");
                let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap();
                let passed = info.lines().find_map(|l| l.strip_prefix("scm_fds:")?.trim().parse::<i64>().ok());
                assert_eq!(play.object(name).int("descriptors").unwrap_or(0), passed.unwrap_or(0), "{line}: {name}");
            }
            let (_e, pid, fd) = borrowed(play, "a", "e");
            let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap();
            let count = info.lines().find_map(|l| l.strip_prefix("eventfd-count:")).unwrap();
            assert_eq!(play.int("e", "count"), i64::from_str_radix(count.trim(), 16).unwrap(), "{line}");
        }
    });
}

//! What a failed call means here: said in a sentence, on a real stage.

mod common;

use common::{Play, both};

/// Runs a statement and gives the sentence on its call, with the errno before it.
#[track_caller]
fn said(play: &mut Play, line: &str) -> String {
    let report = play.line(line);
    let call = report.calls.iter().rev().find(|call| call.errno().is_some());
    let call = call.unwrap_or_else(|| panic!("{line} did not fail: {report:#?}"));
    let name = nix::errno::Errno::from_raw(call.errno().unwrap_or(0));
    format!("{name:?}: {}", call.meaning.as_deref().unwrap_or("nothing is said"))
}

#[track_caller]
fn table(play: &mut Play, rows: &[(&str, &str, &str)]) {
    for (line, errno, words) in rows {
        let got = said(play, line);
        assert!(got.starts_with(errno) && got.contains(words), "{line}\n{got}");
    }
}

#[test]
fn of_queues() {
    both(|play| {
        play.run("spawn alice\nalice: mq_open q O_RDWR|O_CREAT|O_NONBLOCK 0600 maxmsg=1 msgsize=8");
        table(
            play,
            &[
                ("alice: mq_receive q", "EAGAIN", "empty"),
                ("alice: mq_receive q 7", "EMSGSIZE", "mq_msgsize"),
                ("alice: mq_send q \"more than it takes\"", "EMSGSIZE", "18 bytes"),
                ("alice: mq_send q \"x\" 32768", "EINVAL", "0 to 32767"),
                ("alice: mq_send q \"x\" -1", "EINVAL", "0 to 32767"),
                ("alice: mq_open r O_RDONLY", "ENOENT", "O_CREAT"),
                ("alice: mq_open r O_RDWR|O_CREAT 0600 maxmsg=0", "EINVAL", "1 to"),
                ("alice: mq_open r O_RDWR|O_CREAT 0600 maxmsg=9223372036854775807", "EINVAL", "1 to"),
                ("alice: mq_unlink r", "ENOENT", "no queue"),
                ("alice: mq_send fd 77 \"x\"", "EBADF", "no queue that is open for writing"),
                ("alice: sem_open turn", "ENOENT", "no semaphore has this name, and O_CREAT"),
                ("alice: sem_unlink turn", "ENOENT", "no semaphore has this name"),
                ("alice: shm_open board O_RDWR", "ENOENT", "no memory has this name, and O_CREAT"),
                ("alice: shm_unlink board", "ENOENT", "no memory has this name"),
            ],
        );
        play.run("alice: mq_send q \"x\"\nalice: msgget v IPC_CREAT");
        table(
            play,
            &[
                ("alice: mq_send q \"x\"", "EAGAIN", "full"),
                ("alice: msgget v IPC_CREAT|IPC_EXCL", "EEXIST", "IPC_EXCL"),
                ("alice: msgget w", "ENOENT", "IPC_CREAT"),
                ("alice: msgsnd v \"x\" type=0", "EINVAL", "at least 1"),
                ("alice: msgsnd v 'x' * 8193", "EINVAL", "MSGMAX"),
                ("alice: msgrcv v 10 IPC_NOWAIT", "ENOMSG", "does not wait"),
                ("alice: msgrcv v 10 MSG_COPY", "EINVAL", "IPC_NOWAIT"),
                ("alice: msgctl v IPC_SET qbytes=99999999", "EPERM", "msgmnb"),
                ("alice: ftok \"nothing\" 1", "ENOENT", "inode"),
            ],
        );
        play.run("alice: msgsnd v \"long\"");
        table(play, &[("alice: msgrcv v 2", "E2BIG", "MSG_NOERROR")]);
        play.run("alice: msgctl v IPC_RMID");
        table(play, &[("alice: msgsnd v \"x\"", "EINVAL", "no queue has this id")]);
    });
}

#[test]
fn of_many_descriptors() {
    both(|play| {
        play.run(
            "spawn alice\nalice: epoll_create1 ep\nalice: epoll_create1 fp\nalice: pipe p\nalice: open f \"notes\" O_RDWR|O_CREAT\n\
             alice: eventfd e 0 EFD_NONBLOCK\nalice: timerfd_create t CLOCK_MONOTONIC TFD_NONBLOCK\n\
             alice: signalfd s SIGUSR1 SFD_NONBLOCK\nalice: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN",
        );
        table(
            play,
            &[
                ("alice: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN", "EEXIST", "EPOLL_CTL_MOD"),
                ("alice: epoll_ctl ep EPOLL_CTL_MOD p.w EPOLLOUT", "ENOENT", "EPOLL_CTL_ADD"),
                ("alice: epoll_ctl ep EPOLL_CTL_ADD f EPOLLIN", "EPERM", "always ready"),
                ("alice: epoll_ctl ep EPOLL_CTL_ADD ep EPOLLIN", "EINVAL", "own list"),
                ("alice: epoll_ctl ep EPOLL_CTL_ADD p.w", "EFAULT", "events"),
                ("alice: epoll_ctl ep EPOLL_CTL_ADD fd 77 EPOLLIN", "EBADF", "one of the two"),
                ("alice: epoll_ctl p.r EPOLL_CTL_ADD p.w EPOLLIN", "EINVAL", "no epoll instance"),
                ("alice: epoll_ctl ep EPOLL_CTL_ADD p.w EPOLLOUT|EPOLLEXCLUSIVE|EPOLLONESHOT", "EINVAL", "goes with"),
                ("alice: epoll_wait ep 0", "EINVAL", "at least 1"),
                ("alice: epoll_wait ep -1", "EINVAL", "at least 1"),
                ("alice: epoll_wait p.r", "EINVAL", "no epoll instance"),
                ("alice: select fd 77:readfds", "EBADF", "POLLNVAL"),
                ("alice: eventfd_read e", "EAGAIN", "count is 0"),
                ("alice: eventfd_write e -1", "EINVAL", "2^64 - 1"),
                ("alice: read e 4", "EINVAL", "8 bytes"),
                ("alice: read t 8", "EAGAIN", "gone off"),
                ("alice: read t 4", "EINVAL", "8 bytes"),
                ("alice: write t \"12345678\"", "EINVAL", "timerfd_settime"),
                ("alice: timerfd_gettime e", "EINVAL", "no timer"),
                ("alice: read s 128", "EAGAIN", "pending"),
                ("alice: read s 8", "EINVAL", "128 bytes"),
                ("alice: write p.r \"x\"", "EBADF", "not open for writing"),
            ],
        );
        play.run("alice: epoll_ctl fp EPOLL_CTL_ADD ep EPOLLIN");
        table(play, &[("alice: epoll_ctl ep EPOLL_CTL_ADD fp EPOLLIN", "ELOOP", "circle")]);
        // Not an error of the call.
        let report = play.line("alice: poll fd 77:POLLIN p.r:POLLIN timeout=0");
        let call = report.calls.last().unwrap();
        assert!(call.meaning.as_ref().is_some_and(|words| words.contains("77 is no open descriptor")), "{call:?}");
    });
}

#[test]
fn of_terminals() {
    both(|play| {
        play.run("spawn alice\nalice: pipe p\nalice: posix_openpt t O_RDWR|O_NOCTTY");
        table(
            play,
            &[
                ("alice: ioctl t.m TIOCGPTPEER flags=O_RDWR", "EIO", "unlockpt"),
                ("alice: unlockpt p.r", "EINVAL", "no master"),
                ("alice: ptsname p.r", "ENOTTY", "no master"),
                ("alice: isatty p.r", "ENOTTY", "no terminal"),
                ("alice: tcgetattr fd 77", "EBADF", "no descriptor"),
            ],
        );
        play.run(
            "alice: grantpt t.m\nalice: unlockpt t.m\nalice: ioctl t.m TIOCGPTPEER flags=O_RDWR|O_NOCTTY|O_NONBLOCK",
        );
        table(
            play,
            &[
                ("alice: read t.s 10", "EAGAIN", "no line is finished"),
                ("alice: tcgetpgrp t.s", "ENOTTY", "controls the caller's session"),
                ("alice: ioctl t.s TIOCGPTN", "ENOTTY", "only the master"),
            ],
        );
        play.run("alice: close t.s");
        table(play, &[("alice: read t.m 10", "EIO", "closed the slave")]);
    });
}

#[test]
fn of_what_threads_synchronize_by() {
    both(|play| {
        play.run(
            "spawn alice\nalice: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\n\
             alice: pthread_mutex_init m+64 as l\nalice: pthread_mutex_destroy l",
        );
        table(
            play,
            &[
                ("alice: pthread_mutex_lock l", "EINVAL", "it was destroyed"),
                ("alice: pthread_barrier_init m+256 0 as b", "EINVAL", "1 thread at least"),
                ("alice: semget s 0 IPC_CREAT", "EINVAL", "1 semaphore at least"),
                ("alice: sem_init m+440 1 2147483648 as sm", "EINVAL", "SEM_VALUE_MAX"),
            ],
        );
        // What was destroyed, or never made, is said to be undefined before it is used.
        for (line, why) in [
            ("alice: pthread_mutex_lock l", Some("no mutex was initialized at l")),
            ("alice: sem_wait m+440", Some("no semaphore was initialized at m+440")),
            ("alice: sem_init m+440 1 1 as sm", None),
        ] {
            let statement =
                ipclab::script::parse_line(line, ipclab::facility::registry()).unwrap_or_else(|d| panic!("{d:?}"));
            let said = ipclab::facility::undefined(&statement, play.snapshot());
            assert_eq!(said.is_some(), why.is_some(), "{line}: {said:?}");
            assert!(said.unwrap_or_default().contains(why.unwrap_or_default()), "{line}");
        }
        play.run("alice: sem_init m+440 1 1 as sm\nalice: sem_wait sm");
    });
}

//! What the result of a call means, in a sentence: what the facility has to say, else what holds for all calls.

use super::look::Handle;
use crate::kernel::arena::Record;

/// What the result of a recorded call means here, where that is not plain.
pub(crate) fn meaning(verb: &str, record: &Record) -> Option<String> {
    if record.returned_ns == 0 {
        return None;
    }
    let own = super::of_verb(verb).and_then(|facility| facility.means(verb, record));
    own.or_else(|| of_all(verb, record.errno).map(ToOwned::to_owned))
}

/// The same where a descriptor leads to an object of `facility`, which has the last word on calls of other facilities.
pub(crate) fn meaning_on(facility: &str, verb: &str, record: &Record, handle: &Handle) -> Option<&'static str> {
    let foreign = super::of_verb(verb).is_none_or(|owner| owner.card().id != facility);
    let failed = record.returned_ns != 0 && record.errno != 0;
    super::by_id(facility).filter(|_| foreign && failed)?.means_on(verb, record, handle)
}

fn of_all(verb: &str, errno: i32) -> Option<&'static str> {
    Some(match (verb, errno) {
        (verb, libc::EINTR) if NEVER_RESTARTED.contains(&verb) => {
            "interrupted: this call is never started again, not even with SA_RESTART"
        }
        (_, libc::EINTR) => "a handler ran meanwhile, and its action has no SA_RESTART",
        ("write" | "pwrite", errno) => written(errno)?,
        ("read" | "pread", libc::EAGAIN) => "nothing is there to read, and with O_NONBLOCK the call does not wait",
        ("read" | "pread", libc::EISDIR) => "it leads to a directory, which is not read so",
        ("read" | "pread", libc::EINVAL) => "what it leads to is not read, or not in such a piece",
        ("read" | "pread", libc::EIO) => "the device can't give what was asked for",
        ("pread" | "lseek", libc::ESPIPE) => NO_PLACES,
        ("read" | "pread", libc::EBADF) => "this is no open descriptor, or it was not opened for reading",
        ("open", errno) => opened(errno)?,
        (_, errno) => anywhere(errno)?,
    })
}

/// What holds wherever it comes from.
const fn anywhere(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EBADF => "no descriptor of this number is open, or it is not open for this",
        libc::EFAULT => "an address that was given lies in no memory that the caller may use so",
        libc::EMFILE => "the caller has as many descriptors open as it may (RLIMIT_NOFILE)",
        libc::ENFILE => "all processes of the machine together have as many files open as there may be",
        libc::ENODEV => "the kernel has not made its own file system for this kind of descriptor",
        libc::ENOMEM => "the kernel has no memory for it",
        libc::EXDEV => "the path leads out of the stage's directory, and no statement goes there",
        _ => return None,
    })
}

const NO_PLACES: &str = "it is a stream: it has no places to go to";

/// write(2) and pwrite(2).
const fn written(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EPIPE => "nobody is left who could read; SIGPIPE came with it, and did not kill",
        libc::EAGAIN => "there is no room, and with O_NONBLOCK the call does not wait",
        libc::EBADF => "this is no open descriptor, or it was not opened for writing",
        libc::EDESTADDRREQ => "it is a socket that is connected to nobody",
        libc::EDQUOT => "this user may not have more on this file system",
        libc::EFBIG => "the file would become larger than it may (RLIMIT_FSIZE)",
        libc::EINVAL => "what it leads to is not written, or not in such a piece",
        libc::EIO => "the device can't take it",
        libc::ENOSPC => "the file system is full",
        libc::ESPIPE => NO_PLACES,
        errno => return anywhere(errno),
    })
}

/// open(2).
const fn opened(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EACCES => "the permissions of the file, or of a directory on the way, do not allow it",
        libc::EBUSY => "its terminal was made exclusive by TIOCEXCL: nobody else may open it",
        libc::EEXIST => "there is a file of this name already, and O_EXCL wants a new one",
        libc::EINVAL => "these flags do not go together",
        libc::EIO => "it is a terminal that is locked until unlockpt, or whose master is closed",
        libc::EISDIR => "it is a directory, which can't be opened for writing",
        libc::ELOOP => "symbolic links lead in a circle, or one stands at the end where O_NOFOLLOW forbids it",
        libc::ENAMETOOLONG => "the path, or a part of it, is longer than it may be",
        libc::ENOENT => "no file has this name, and O_CREAT was not asked for",
        libc::ENOTDIR => "a part of the path is no directory",
        libc::ENXIO => "it is a FIFO that nobody has open for reading, or a socket, which is reached by connect",
        errno => return anywhere(errno),
    })
}

/// Calls that a handler ends in any case, see signal(7), "Interruption of system calls".
const NEVER_RESTARTED: &[&str] = &[
    "epoll_pwait",
    "epoll_wait",
    "msgrcv",
    "msgsnd",
    "nanosleep",
    "pause",
    "poll",
    "ppoll",
    "pselect",
    "select",
    "semop",
    "semtimedop",
    "sigsuspend",
    "sigtimedwait",
    "sigwaitinfo",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_who_restarts() {
        let failed = |errno: i32| Record { ret: -1, errno, entered_ns: 1, returned_ns: 2, ..Record::default() };
        let rows = [
            ("read", libc::EINTR, Some("SA_RESTART")),
            ("poll", libc::EINTR, Some("never")),
            ("write", libc::EPIPE, Some("SIGPIPE")),
            ("read", libc::EAGAIN, Some("O_NONBLOCK")),
            ("read", libc::ENOTTY, None),
            ("semop", libc::EIDRM, Some("removed")),
            ("semop", libc::EFBIG, Some("no semaphore")),
            ("semctl", libc::ERANGE, Some("32767")),
            ("shmdt", libc::EINVAL, Some("no attachment")),
            ("sem_timedwait", libc::ETIMEDOUT, Some("nobody has posted")),
            ("flock", libc::EWOULDBLOCK, Some("another open file")),
            ("mmap", libc::EACCES, Some("not opened")),
            ("msync", libc::ENOMEM, Some("nothing is mapped")),
            ("ftruncate", libc::EPERM, Some("seal")),
        ];
        for (verb, errno, words) in rows {
            let said = meaning(verb, &failed(errno));
            assert_eq!(said.is_some(), words.is_some(), "{verb} {said:?}");
            assert!(words.is_none_or(|words| said.unwrap().contains(words)), "{verb}");
        }
        assert_eq!(meaning("read", &Record { errno: libc::EINTR, entered_ns: 1, ..Record::default() }), None);
    }

    /// Each call on queues, terminals and descriptors by the many, with the errors that its manual page lists.
    #[test]
    fn no_error_of_a_manual_page_goes_without_a_sentence() {
        use libc::*;
        let made = [EMFILE, ENFILE, ENODEV, ENOMEM, EINVAL];
        let pages: &[(&str, &[i32])] = &[
            ("mq_open", &[EACCES, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM, ENOSPC]),
            ("mq_send", &[EAGAIN, EBADF, EINTR, EMSGSIZE]),
            ("mq_timedsend", &[EAGAIN, EBADF, EINTR, EINVAL, EMSGSIZE, ETIMEDOUT]),
            ("mq_receive", &[EAGAIN, EBADF, EINTR, EMSGSIZE]),
            ("mq_timedreceive", &[EAGAIN, EBADF, EINTR, EINVAL, EMSGSIZE, ETIMEDOUT]),
            ("mq_getattr", &[EBADF]),
            ("mq_setattr", &[EBADF, EINVAL]),
            ("mq_notify", &[EBADF, EBUSY, EINVAL, ENOMEM]),
            ("mq_close", &[EBADF]),
            ("mq_unlink", &[EACCES, ENAMETOOLONG, ENOENT]),
            ("sem_open", &[EACCES, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM]),
            ("sem_unlink", &[EACCES, ENAMETOOLONG, ENOENT]),
            ("shm_open", &[EACCES, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT]),
            ("shm_unlink", &[EACCES, ENAMETOOLONG, ENOENT]),
            ("msgget", &[EACCES, EEXIST, ENOENT, ENOMEM, ENOSPC]),
            ("msgsnd", &[EACCES, EAGAIN, EFAULT, EIDRM, EINTR, EINVAL, ENOMEM]),
            ("msgrcv", &[E2BIG, EACCES, EFAULT, EIDRM, EINTR, EINVAL, ENOMSG, ENOSYS]),
            ("msgctl", &[EACCES, EFAULT, EIDRM, EINVAL, EPERM]),
            ("ftok", &[EACCES, EFAULT, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR]),
            ("epoll_create1", &[EINVAL, EMFILE, ENFILE, ENOMEM]),
            ("epoll_ctl", &[EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM]),
            ("epoll_wait", &[EBADF, EFAULT, EINTR, EINVAL]),
            ("epoll_pwait", &[EBADF, EFAULT, EINTR, EINVAL]),
            ("poll", &[EFAULT, EINTR, EINVAL, ENOMEM]),
            ("ppoll", &[EFAULT, EINTR, EINVAL, ENOMEM]),
            ("select", &[EBADF, EINTR, EINVAL, ENOMEM]),
            ("pselect", &[EBADF, EINTR, EINVAL, ENOMEM]),
            ("eventfd", &made),
            ("eventfd_read", &[EAGAIN, EBADF, EINTR, EINVAL]),
            ("eventfd_write", &[EAGAIN, EBADF, EINTR, EINVAL]),
            ("timerfd_create", &made),
            ("timerfd_create", &[EPERM]),
            ("timerfd_settime", &[EBADF, ECANCELED, EFAULT, EINVAL]),
            ("timerfd_gettime", &[EBADF, EFAULT, EINVAL]),
            ("signalfd", &made),
            ("signalfd", &[EBADF]),
            ("posix_openpt", &[EACCES, EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSPC]),
            ("grantpt", &[EACCES, EBADF, EINVAL]),
            ("unlockpt", &[EBADF, EINVAL]),
            ("ptsname", &[EBADF, ENOTTY]),
            ("isatty", &[EBADF, ENOTTY]),
            ("tcgetattr", &[EBADF, ENOTTY]),
            ("tcsetattr", &[EBADF, EINTR, EINVAL, EIO, ENOTTY]),
            ("tcflush", &[EBADF, EINVAL, EIO, ENOTTY]),
            ("tcgetpgrp", &[EBADF, EIO, ENOTTY]),
            ("tcsetpgrp", &[EBADF, EINVAL, EIO, ENOTTY, EPERM]),
            ("tcgetsid", &[EBADF, EIO, ENOTTY]),
            ("ioctl", &[EBADF, EFAULT, EINVAL, EIO, ENOTTY, EPERM]),
            ("read", &[EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR]),
            ("write", &[EAGAIN, EBADF, EDESTADDRREQ, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, EIO, ENOSPC, EPERM, EPIPE]),
        ];
        for (verb, errors) in pages {
            assert!(super::super::of_verb(verb).is_some(), "{verb}");
            for &errno in *errors {
                let failed = Record { ret: -1, errno, entered_ns: 1, returned_ns: 2, ..Record::default() };
                let said = meaning(verb, &failed).unwrap_or_default();
                let name = nix::errno::Errno::from_raw(errno);
                assert!(said.len() > 10 && !said.ends_with('.'), "{verb} {name:?}: {said:?}");
            }
        }
    }

    /// The same error of the same call by what was asked.
    #[test]
    fn an_error_of_several_reasons_names_the_one() {
        use libc::*;
        let n = |flag: i32| i64::from(flag);
        let rows: &[(&str, [i64; 6], i32, &str)] = &[
            ("mq_open", [0, 0, 0, 0, 100, 0], EINVAL, "may hold 1 to"),
            ("mq_send", [3, 0, 5, 40_000, 0, 0], EINVAL, "0 to 32767"),
            ("mq_timedsend", [3, 0, 5, 0, -1, 0], EINVAL, "time"),
            ("mq_receive", [3, 0, 5, 0, 0, 0], EMSGSIZE, "5 bytes"),
            ("msgsnd", [3, 5, 0, 0, 0, 0], EINVAL, "at least 1"),
            ("msgsnd", [3, 1 << 30, 1, 0, 0, 0], EINVAL, "MSGMAX"),
            ("msgsnd", [3, 5, 1, 0, 0, 0], EINVAL, "no queue"),
            ("msgrcv", [3, 5, 0, n(MSG_COPY), 0, 0], EINVAL, "IPC_NOWAIT"),
            ("msgrcv", [3, 5, 0, n(MSG_COPY | MSG_EXCEPT | IPC_NOWAIT), 0, 0], EINVAL, "MSG_EXCEPT"),
            ("msgrcv", [3, 5, 9, n(MSG_COPY | IPC_NOWAIT), 0, 0], ENOMSG, "place"),
            ("msgrcv", [3, 5, 9, n(IPC_NOWAIT), 0, 0], ENOMSG, "type"),
            ("msgctl", [3, n(IPC_SET), 1 << 30, 0, 0, 0], EPERM, "msgmnb"),
            ("msgctl", [3, n(IPC_RMID), 0, 0, 0, 0], EPERM, "remove it"),
            ("epoll_ctl", [3, n(EPOLL_CTL_ADD), 3, 1, 3, 1], EINVAL, "own list"),
            ("epoll_ctl", [3, n(EPOLL_CTL_MOD), 4, 1, 3, 1], EINVAL, "EPOLLEXCLUSIVE and"),
            ("epoll_ctl", [3, n(EPOLL_CTL_MOD), 4, n(EPOLLEXCLUSIVE), 3, 1], EINVAL, "add it anew"),
            ("epoll_ctl", [3, n(EPOLL_CTL_ADD), 4, n(EPOLLEXCLUSIVE | EPOLLONESHOT), 3, 1], EINVAL, "goes with"),
            ("epoll_ctl", [3, n(EPOLL_CTL_ADD), 4, 1, 3, 1], EINVAL, "no epoll instance"),
            ("epoll_ctl", [3, n(EPOLL_CTL_ADD), 4, 0, 3, 0], EFAULT, "events"),
            ("epoll_wait", [3, 0, 0, 0, 0, 0], EINVAL, "at least 1"),
            ("epoll_wait", [3, 0, 8, 0, 0, 0], EINVAL, "no epoll instance"),
            ("ioctl", [3, TIOCGPTPEER as i64, 0, 0, 0, 0], EIO, "locked"),
            ("ioctl", [3, TIOCSCTTY as i64, 0, 0, 0, 0], EPERM, "leader"),
            ("ioctl", [3, TIOCGPTN as i64, 0, 0, 0, 0], ENOTTY, "master"),
            ("ioctl", [3, TIOCGWINSZ as i64, 0, 0, 0, 0], ENOTTY, "no terminal"),
        ];
        for (verb, args, errno, words) in rows {
            let failed = Record { ret: -1, args: *args, errno: *errno, returned_ns: 2, ..Record::default() };
            let said = meaning(verb, &failed).unwrap_or_default();
            assert!(said.contains(words), "{verb} {args:?}: {said:?}");
        }
    }

    #[test]
    fn what_a_descriptor_leads_to_has_the_last_word() {
        let handle = |link: &str, mode: u32| Handle {
            pid: 1,
            dev: 0,
            ino: 0,
            link: link.to_owned(),
            kind: crate::facility::look::HandleKind::Descriptor { fd: 3, mode, flags: libc::O_RDWR, offset: 0 },
        };
        let master = handle("/dev/ptmx", libc::S_IFCHR);
        let slave = handle("/dev/pts/0", libc::S_IFCHR);
        let other = handle("anything", libc::S_IFIFO);
        let rows = [
            ("pty", "read", &master, libc::EIO, "closed the slave"),
            ("pty", "read", &slave, libc::EIO, "background"),
            ("pty", "read", &slave, libc::EAGAIN, "line"),
            ("pipe", "read", &other, libc::EAGAIN, "has a writer"),
            ("fifo", "write", &other, libc::EAGAIN, "PIPE_BUF"),
            ("eventfd", "read", &other, libc::EINVAL, "8 bytes"),
            ("eventfd", "write", &other, libc::EAGAIN, "2^64 - 2"),
            ("timerfd", "read", &other, libc::ECANCELED, "set the clock"),
            ("signalfd", "read", &other, libc::EINVAL, "128 bytes"),
            ("unix", "read", &other, libc::ECONNRESET, "peer has gone"),
            ("tcp", "write", &other, libc::ENOTCONN, "not connected"),
            ("udp", "read", &other, libc::ECONNREFUSED, "earlier datagram"),
        ];
        for (facility, verb, handle, errno, words) in rows {
            let failed = Record { ret: -1, errno, returned_ns: 2, ..Record::default() };
            let said = meaning_on(facility, verb, &failed, handle).unwrap_or_default();
            assert!(said.contains(words), "{facility} {verb}: {said:?}");
        }
        let own = Record { ret: -1, errno: libc::EAGAIN, returned_ns: 2, ..Record::default() };
        assert_eq!(meaning_on("eventfd", "eventfd_read", &own, &other), None, "its own calls are told by means");
        assert_eq!(meaning_on("pty", "read", &Record::default(), &master), None, "it has not failed");
    }
}

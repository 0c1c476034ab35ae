//! What the result of a call means, in a sentence: what the facility has to say, else what holds for all calls.

use crate::kernel::arena::Record;

/// What the result of a recorded call means here, where that is not plain.
pub(crate) fn meaning(verb: &str, record: &Record) -> Option<String> {
    if record.returned_ns == 0 {
        return None;
    }
    let own = super::of_verb(verb).and_then(|facility| facility.means(verb, record));
    own.or_else(|| of_all(verb, record.errno).map(ToOwned::to_owned))
}

fn of_all(verb: &str, errno: i32) -> Option<&'static str> {
    match errno {
        libc::EINTR if NEVER_RESTARTED.contains(&verb) => {
            Some("interrupted: this call is never started again, not even with SA_RESTART")
        }
        libc::EINTR => Some("a handler ran meanwhile, and its action has no SA_RESTART"),
        libc::EPIPE if verb == "write" => Some("nobody is left who could read; SIGPIPE came with it, and did not kill"),
        _ => None,
    }
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
            ("read", libc::EAGAIN, None),
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
}

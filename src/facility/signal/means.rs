//! What the results of calls on signals mean.

use crate::kernel::arena::Record;

/// Those that nobody can catch, ignore or block.
const UNSTOPPABLE: [i32; 2] = [libc::SIGKILL, libc::SIGSTOP];

/// The set of them.
const UNSTOPPABLE_SET: u64 = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);

/// What the result of a recorded call means, where that is not plain.
pub(super) fn means(verb: &str, record: &Record) -> Option<String> {
    let [a, b, c, ..] = record.args;
    let words = match (verb, record.errno) {
        ("sigqueue", errno) => return sent(verb, b, errno).map(ToOwned::to_owned),
        ("raise", errno) => return sent(verb, a, errno).map(ToOwned::to_owned),
        ("pthread_kill", errno) => return sent(verb, b, errno).map(ToOwned::to_owned),
        ("tgkill", errno) => return sent(verb, c, errno).map(ToOwned::to_owned),
        ("sigaction", libc::EINVAL) if UNSTOPPABLE.contains(&(a as i32)) => {
            "SIGKILL and SIGSTOP can't be caught, ignored or blocked"
        }
        ("sigaction", libc::EINVAL) if (32..libc::SIGRTMIN()).contains(&(a as i32)) => {
            "the C library keeps this signal to itself"
        }
        ("sigaction", libc::EINVAL) => NO_SUCH_SIGNAL,
        ("sigprocmask" | "pthread_sigmask", 0)
            if a != i64::from(libc::SIG_UNBLOCK) && b as u64 & UNSTOPPABLE_SET != 0 =>
        {
            "SIGKILL and SIGSTOP can't be blocked: they are left out, and that is no error"
        }
        ("sigsuspend", libc::EINTR) => "a handler has run: in no other way does it return; the mask is as before",
        ("sigtimedwait", libc::EAGAIN) => "the time is up, and none of these has come",
        ("sigwaitinfo" | "sigtimedwait", libc::EINTR) => "a handler ran, for a signal that is not waited for",
        _ => return None,
    };
    Some(words.to_owned())
}

const NO_SUCH_SIGNAL: &str = "no signal has this number: they go from 1 to 64";

/// The same for a call that sends a signal.
pub(in crate::facility) fn sent(verb: &str, signal: i64, errno: i32) -> Option<&'static str> {
    Some(match errno {
        0 if signal == 0 => "nothing was sent: it exists, and may be sent signals",
        libc::ESRCH if verb == "killpg" => "there is no process in that group",
        libc::ESRCH if matches!(verb, "tgkill" | "pthread_kill") => "that process has no such thread",
        libc::ESRCH => "no process has this pid: it was waited for, and is gone",
        libc::EPERM => "it belongs to another user, and the caller is not privileged",
        libc::EINVAL => NO_SUCH_SIGNAL,
        libc::EAGAIN => {
            "RLIMIT_SIGPENDING: so many are queued for this user already, and a queue loses nothing silently"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_the_errors_mean() {
        let kill = i64::from(libc::SIGKILL);
        let rows: &[(&str, [i64; 3], i32, &str)] = &[
            ("sigaction", [kill, 2, 0], libc::EINVAL, "can't be caught"),
            ("sigaction", [65, 2, 0], libc::EINVAL, "1 to 64"),
            ("sigaction", [32, 2, 0], libc::EINVAL, "C library"),
            ("sigprocmask", [0, 1 << (kill - 1), 0], 0, "left out"),
            ("sigprocmask", [0, 1, 0], 0, ""),
            ("sigqueue", [7, 0, 0], 0, "nothing was sent"),
            ("sigqueue", [7, 34, 0], libc::EAGAIN, "RLIMIT_SIGPENDING"),
            ("sigqueue", [7, 10, 0], libc::ESRCH, "gone"),
            ("tgkill", [7, 8, 10], libc::ESRCH, "thread"),
            ("raise", [65, 0, 0], libc::EINVAL, "1 to 64"),
            ("sigtimedwait", [1, 0, 0], libc::EAGAIN, "time is up"),
        ];
        for (verb, [a, b, c], errno, words) in rows {
            let record = Record { args: [*a, *b, *c, 0, 0, 0], errno: *errno, ..Record::default() };
            let said = means(verb, &record).unwrap_or_default();
            assert!(said.contains(words) && said.is_empty() == words.is_empty(), "{verb} {a}: {said}");
        }
    }
}

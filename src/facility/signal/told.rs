//! What came with a signal, in words, and how the run of a handler reads.

use crate::facility::show::{self, Shown};
use crate::facility::{poll, signal_name};
use crate::kernel::arena::Handled;

/// The int in a sigval: what was sent, in the width that C's sival_int has.
pub(super) const fn value_of(words: [u64; 2]) -> i64 {
    words[1] as u32 as i32 as i64
}

/// The names of the signals in a set, in order of their numbers.
pub(crate) fn set_names(set: u64) -> Vec<String> {
    (1..=64).filter(|n| set & 1 << (n - 1) != 0).map(signal_name).collect()
}

/// A set as strace writes it: `[SIGUSR1 SIGUSR2]`.
pub(in crate::facility) fn set(set: u64) -> String {
    format!("[{}]", set_names(set).join(" "))
}

/// The name of an si_code. Positive ones mean something else with each signal.
pub(in crate::facility) fn code_name(signal: i32, code: i32) -> String {
    const ANY: [(&str, i32); 6] = [
        ("SI_USER", libc::SI_USER),
        ("SI_QUEUE", libc::SI_QUEUE),
        ("SI_MESGQ", libc::SI_MESGQ),
        ("SI_SIGIO", libc::SI_SIGIO),
        ("SI_TKILL", libc::SI_TKILL),
        ("SI_KERNEL", 0x80),
    ];
    const CHILD: [&str; 6] = ["CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"];
    const IO: [&str; 6] = ["POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"];
    let of = |names: [&'static str; 6]| names.get((code - 1) as usize).map(|name| (*name).to_owned());
    if let Some((name, _)) = ANY.iter().find(|(_, value)| *value == code) {
        return (*name).to_owned();
    }
    let named = match signal {
        _ if code <= 0 => None,
        libc::SIGCHLD => of(CHILD),
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP => None,
        _ => of(IO),
    };
    named.unwrap_or_else(|| code.to_string())
}

/// Where a signal came from, as strace writes it: `{si_code=SI_USER, si_pid=7<>}`. The name behind a pid is for
/// [`show::named`] to fill in.
pub(super) fn origin(signal: i32, code: i32, words: [u64; 2]) -> String {
    let name = code_name(signal, code);
    if code > 0 && code != 0x80 && signal != libc::SIGCHLD {
        return format!("{{si_code={name}, si_fd={}, si_band={}}}", words[1] as i32, poll::events(words[0] as i64));
    }
    let pid = show::pid((words[0] as u32).into());
    match code {
        libc::SI_QUEUE | libc::SI_MESGQ => {
            format!("{{si_code={name}, si_pid={pid}, si_value={}}}", value_of(words))
        }
        0x80 => format!("{{si_code={name}}}"),
        _ if signal == libc::SIGCHLD && code > 0 => {
            let status = words[1] as u32 as i32;
            let status = if code == libc::CLD_EXITED { status.to_string() } else { signal_name(status) };
            format!("{{si_code={name}, si_pid={pid}, si_status={status}}}")
        }
        _ => format!("{{si_code={name}, si_pid={pid}}}"),
    }
}

/// A run of an actor's handler, as a call reads: its name, its arguments, and what stands behind `=`.
pub(crate) fn handled(run: &Handled) -> (&'static str, Shown) {
    // Told where it is not only the signal itself.
    let mask = if run.signal > 0 && run.blocked != 1 << (run.signal - 1) {
        format!(", {} blocked meanwhile", set(run.blocked))
    } else {
        String::new()
    };
    let result = Some(format!("void{mask}"));
    if run.thread {
        let value = value_of(run.info.map_or([0; 2], |(_, words)| words));
        return ("sigev_notify_function", Shown { args: value.to_string(), result });
    }
    let name = signal_name(run.signal);
    let args = match run.info {
        Some((code, words)) => format!("{name}, {}", origin(run.signal, code, words)),
        None => name,
    };
    ("handler", Shown { args, result })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_blocked_meanwhile() {
        let run = |signal: i32, blocked| handled(&Handled { signal, blocked, ..Handled::default() }).1.result;
        let usr1 = 1 << (libc::SIGUSR1 - 1);
        assert_eq!(run(libc::SIGUSR1, usr1).as_deref(), Some("void"));
        assert_eq!(run(libc::SIGUSR1, 0).as_deref(), Some("void, [] blocked meanwhile"));
        assert_eq!(run(libc::SIGUSR2, usr1).as_deref(), Some("void, [SIGUSR1] blocked meanwhile"));
    }

    #[test]
    fn tells_where_a_signal_came_from() {
        let run = |signal, info, thread| {
            let (verb, shown) = handled(&Handled { signal, info, at_ns: 1, thread, blocked: 0 });
            format!("{verb}({})", shown.args)
        };
        assert_eq!(run(libc::SIGUSR1, None, false), "handler(SIGUSR1)");
        assert_eq!(run(libc::SIGUSR1, Some((0, [7, 0])), false), "handler(SIGUSR1, {si_code=SI_USER, si_pid=7<>})");
        assert_eq!(
            run(libc::SIGUSR1, Some((libc::SI_MESGQ, [7, 5])), false),
            "handler(SIGUSR1, {si_code=SI_MESGQ, si_pid=7<>, si_value=5})"
        );
        let band = libc::POLLIN as u64;
        assert_eq!(
            run(libc::SIGRTMIN(), Some((1, [band, 3])), false),
            "handler(SIGRTMIN, {si_code=POLL_IN, si_fd=3, si_band=POLLIN})"
        );
        assert_eq!(
            run(libc::SIGCHLD, Some((1, [7, 0])), false),
            "handler(SIGCHLD, {si_code=CLD_EXITED, si_pid=7<>, si_status=0})"
        );
        assert_eq!(
            run(libc::SIGCHLD, Some((2, [7, 9])), false),
            "handler(SIGCHLD, {si_code=CLD_KILLED, si_pid=7<>, si_status=SIGKILL})"
        );
        assert_eq!(run(0, Some((libc::SI_MESGQ, [0, 9])), true), "sigev_notify_function(9)");
    }
}

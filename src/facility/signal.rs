//! Signals: which are blocked, what happens when one comes, and waiting for them.
//!
//! An actor has one handler, which notes that it ran. The director turns that into a line of the transcript.

use std::cell::Cell;

use super::perform::{Making, Performer, Refusal};
use super::process::duration;
use super::show::{self, Shown, constant, returned};
use super::table::{CALL, keyed, optional, required};
use super::{Card, Facility, signal_name};
use crate::kernel::arena::{Handled, Record};
use crate::kernel::signal::{self, Disposition, SigInfo};
use crate::script::{ArgKind, ArgSpec, CallSpec, Data, Sleeps, WaitsOn};

/// The chapter of signals.
#[derive(Debug)]
pub(super) struct Signals;

static CARD: Card = Card {
    id: "signal",
    title: "Signals",
    family: "signal",
    what: "A number that the kernel delivers to a process, which takes its default, ignores it, handles it or waits for \
           it; a blocked one stays pending.",
    identifier: "number",
    handle: "pid of the target",
    persistence: "process: pending signals go with it",
    access: "the same user",
    blocking: "sigwaitinfo, sigsuspend and pause until a signal comes",
    boundaries: "kept for realtime signals, which queue; a standard one is pending once, however often it was sent",
    manual: &["signal(7)", "sigaction(2)", "sigprocmask(2)", "sigwaitinfo(2)", "sigqueue(3)"],
};

const HOW: &[(&str, i64)] = &[
    ("SIG_BLOCK", libc::SIG_BLOCK as i64),
    ("SIG_UNBLOCK", libc::SIG_UNBLOCK as i64),
    ("SIG_SETMASK", libc::SIG_SETMASK as i64),
];
const HANDLERS: &[(&str, i64)] = &[("SIG_DFL", 0), ("SIG_IGN", 1), ("handler", 2)];
const ACTION_FLAGS: &[(&str, i64)] = &[
    ("SA_RESTART", libc::SA_RESTART as i64),
    ("SA_SIGINFO", libc::SA_SIGINFO as i64),
    ("SA_NODEFER", libc::SA_NODEFER as i64),
    ("SA_RESETHAND", libc::SA_RESETHAND as i64),
    ("SA_NOCLDSTOP", libc::SA_NOCLDSTOP as i64),
    ("SA_NOCLDWAIT", libc::SA_NOCLDWAIT as i64),
];

const SET: ArgSpec = required("set", ArgKind::Signals, "which signals");

const fn sleeps(syscall: libc::c_long) -> Sleeps {
    Sleeps { syscall, on: WaitsOn::Nothing, direction: "signal" }
}

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "sigaction",
        args: &[
            required("signum", ArgKind::Signal, "which signal"),
            required("sa_handler", ArgKind::Constant(HANDLERS), "handler notes that it ran, and does nothing else"),
            optional("sa_flags", ArgKind::Flags(ACTION_FLAGS), "with SA_SIGINFO the handler is told who sent it"),
            keyed("sa_mask", ArgKind::Signals, "what else is blocked while the handler runs"),
        ],
        doc: "Sets what happens when a signal comes",
        man: "sigaction(2)",
        c: "sigaction({signum}, &(struct sigaction){ .sa_handler = {sa_handler}, .sa_flags = {sa_flags=0} \
            {?sa_mask /* .sa_mask: {sa_mask} */ ?}}, NULL)",
        example: "bob: sigaction SIGUSR1 handler SA_RESTART|SA_SIGINFO",
        ..CALL
    },
    CallSpec {
        name: "sigprocmask",
        args: &[required("how", ArgKind::Constant(HOW), "whether the set is added, taken off, or all"), SET],
        doc: "Changes which signals are blocked: they stay pending until they are not",
        man: "sigprocmask(2)",
        c: "sigprocmask({how}, &set /* {set} */, NULL)",
        example: "bob: sigprocmask SIG_BLOCK SIGUSR1|SIGRTMIN+1",
        ..CALL
    },
    CallSpec {
        name: "sigpending",
        doc: "Tells which blocked signals have come; their number goes to a variable",
        man: "sigpending(2)",
        c: "sigpending(&set)",
        gives: true,
        example: "bob: sigpending",
        ..CALL
    },
    CallSpec {
        name: "sigsuspend",
        args: &[required("mask", ArgKind::Signals, "what is blocked meanwhile, in place of the present mask")],
        doc: "Sleeps with another mask until a handler has run",
        man: "sigsuspend(2)",
        c: "sigsuspend(&mask /* {mask} */)",
        sleeps: &[sleeps(libc::SYS_rt_sigsuspend)],
        example: "bob: sigsuspend SIGUSR2",
        ..CALL
    },
    CallSpec {
        name: "sigwaitinfo",
        args: &[SET],
        doc: "Waits for a blocked signal and takes it; gives the value that was sent with it",
        man: "sigwaitinfo(2)",
        c: "sigwaitinfo(&set /* {set} */, &info)",
        gives: true,
        sleeps: &[sleeps(libc::SYS_rt_sigtimedwait)],
        example: "bob: sigwaitinfo SIGUSR1 -> $value",
        ..CALL
    },
    CallSpec {
        name: "sigtimedwait",
        args: &[SET, required("timeout", ArgKind::Duration, "how long at most; 0 only takes what has come")],
        doc: "Waits for a blocked signal and takes it, but not for ever; gives the value that was sent with it",
        man: "sigtimedwait(2)",
        c: "sigtimedwait(&set /* {set} */, &info, &(struct timespec){ {timeout.timespec} })",
        gives: true,
        sleeps: &[sleeps(libc::SYS_rt_sigtimedwait)],
        example: "bob: sigtimedwait SIGUSR1 500ms",
        ..CALL
    },
    CallSpec {
        name: "sigqueue",
        args: &[
            required("pid", ArgKind::Actor, "whom"),
            required("sig", ArgKind::Signal, "which; 0 only asks whether the target exists"),
            required("value", ArgKind::Int, "a number that goes with it"),
        ],
        doc: "Sends a signal with a value to a process",
        man: "sigqueue(3)",
        c: "sigqueue({pid}, {sig}, (union sigval){ {value} })",
        example: "alice: sigqueue bob SIGRTMIN+1 42",
        ..CALL
    },
];

impl Facility for Signals {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "sigaction" => return sigaction(performer),
            "sigprocmask" => {
                performer.uses_signals();
                let (how, set) = (performer.int("how", 0), performer.int("set", 0));
                let making = Making::new([how, set, 0, 0, 0, 0]);
                let _ = performer.call(making, || signal::sigprocmask(how as i32, Some(set as u64)).map(|_old| 0));
            }
            "sigpending" => {
                let set = Cell::new(0_u64);
                let result = performer.call_then(
                    Making::new([0; 6]),
                    || signal::sigpending().map(|pending| set.set(pending)).map(|()| 0),
                    |record| record.args[0] = set.get() as i64,
                );
                if result.is_ok() {
                    performer.deliver(Data::Int(set.get().count_ones().into()));
                }
            }
            "sigsuspend" => {
                let mask = performer.int("mask", 0);
                let _ = performer.call(Making::new([mask, 0, 0, 0, 0, 0]), || Err(signal::sigsuspend(mask as u64)));
            }
            "sigwaitinfo" | "sigtimedwait" => return wait(performer),
            "sigqueue" => return sigqueue(performer),
            _ => return Err(Refusal::new(format!("{verb} is no call on signals"))),
        }
        Ok(())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [a, b, c, d, ..] = record.args;
        let done = returned(record) && record.errno == 0;
        match verb {
            "sigaction" => {
                let mask = if d == 0 { String::new() } else { format!(", sa_mask={}", set(d as u64)) };
                let flags = show::flags(c, ACTION_FLAGS, None);
                let handler = constant(b, HANDLERS);
                Shown::args(format!(
                    "{}, {{sa_handler={handler}, sa_flags={flags}{mask}}}, NULL",
                    signal_name(a as i32)
                ))
            }
            "sigprocmask" => Shown::args(format!("{}, {}, NULL", constant(a, HOW), set(b as u64))),
            "sigpending" if done => Shown::args(set(a as u64)),
            "sigpending" => Shown::args("…".to_owned()),
            "sigsuspend" => Shown::args(set(a as u64)),
            "sigqueue" => Shown::args(format!("{}, {}, {c}", show::pid(a), number_or_name(b))),
            _ => {
                let [wanted, signal, code, first, second, timeout] = record.args;
                let came = SigInfo { signal: signal as i32, code: code as i32, words: [first as u64, second as u64] };
                let info = if done { origin(came.signal, came.code, came.words) } else { "…".to_owned() };
                let limit = if verb == "sigtimedwait" { format!(", {}", duration(timeout)) } else { String::new() };
                let result = done.then(|| format!("{} ({})", record.ret, signal_name(record.ret as i32)));
                Shown { args: format!("{}, {info}{limit}", set(wanted as u64)), result }
            }
        }
    }
}

fn number_or_name(signal: i64) -> String {
    if signal == 0 { "0".to_owned() } else { signal_name(signal as i32) }
}

fn sigaction(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (signal, flags, mask) = (performer.int("signum", 0), performer.int("sa_flags", 0), performer.int("sa_mask", 0));
    let handler = performer.int("sa_handler", 0);
    let disposition = match handler {
        0 => Disposition::Default,
        1 => Disposition::Ignore,
        _ => Disposition::Handle,
    };
    // A handler that returns to the access that caused these would run for ever.
    if disposition == Disposition::Handle
        && matches!(signal as i32, libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE)
    {
        return Err(Refusal::new(format!("{} can't be handled here", signal_name(signal as i32)))
            .help("the handler would return to the same access, which would fail again, for ever"));
    }
    performer.uses_signals();
    let making = Making::new([signal, handler, flags, mask, 0, 0]);
    let _ =
        performer.call(making, || signal::sigaction(signal as i32, disposition, flags as i32, mask as u64).map(|()| 0));
    Ok(())
}

fn wait(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let set = performer.int("set", 0);
    let limit = performer.has("timeout").then(|| performer.int("timeout", 0));
    if limit.is_some_and(|ns| ns < 0) {
        return Err(Refusal::new("a time to wait can't be negative"));
    }
    let making = Making::new([set, 0, 0, 0, 0, limit.unwrap_or(0)]);
    let making = limit.map_or(making, |ns| making.within(ns));
    let came = Cell::new(SigInfo::default());
    let result = performer.call_then(
        making,
        || {
            let info = signal::sigwaitinfo(set as u64, limit.map(|ns| ns as u64))?;
            came.set(info);
            Ok(info.signal.into())
        },
        |record| {
            let SigInfo { signal, code, words } = came.get();
            record.args[1..5].copy_from_slice(&[signal.into(), code.into(), words[0] as i64, words[1] as i64]);
        },
    );
    if result.is_ok() {
        performer.deliver(Data::Int(value_of(came.get().words)));
    }
    Ok(())
}

/// Only ever one process that was named.
fn sigqueue(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (pid, signal, value) = (performer.int("pid", -1), performer.int("sig", 0), performer.int("value", 0));
    if pid <= 0 {
        return Err(Refusal::new("a signal goes to one actor at a time"));
    }
    let making = Making::new([pid, signal, value, 0, 0, 0]);
    let _ = performer.call(making, || signal::sigqueue(pid as i32, signal as i32, value).map(|()| 0));
    Ok(())
}

/// The int in a sigval: what was sent, in the width that C's sival_int has.
const fn value_of(words: [u64; 2]) -> i64 {
    words[1] as u32 as i32 as i64
}

/// The names of the signals in a set, in order of their numbers.
pub(crate) fn set_names(set: u64) -> Vec<String> {
    (1..=64).filter(|n| set & 1 << (n - 1) != 0).map(signal_name).collect()
}

/// A set as strace writes it: `[SIGUSR1 SIGUSR2]`.
pub(super) fn set(set: u64) -> String {
    format!("[{}]", set_names(set).join(" "))
}

/// The name of an si_code. Positive ones mean something else with each signal.
pub(super) fn code_name(signal: i32, code: i32) -> String {
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
fn origin(signal: i32, code: i32, words: [u64; 2]) -> String {
    let name = code_name(signal, code);
    if code > 0 && code != 0x80 && signal != libc::SIGCHLD {
        return format!(
            "{{si_code={name}, si_fd={}, si_band={}}}",
            words[1] as i32,
            super::poll::events(words[0] as i64)
        );
    }
    let pid = show::pid((words[0] as u32).into());
    match code {
        libc::SI_QUEUE | libc::SI_MESGQ => {
            format!("{{si_code={name}, si_pid={pid}, si_value={}}}", value_of(words))
        }
        0x80 => format!("{{si_code={name}}}"),
        _ => format!("{{si_code={name}, si_pid={pid}}}"),
    }
}

/// A run of an actor's handler, as a call reads: its name, its arguments, and what stands behind `=`.
pub(crate) fn handled(run: &Handled) -> (&'static str, Shown) {
    let result = Some("void".to_owned());
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
    fn shows_calls_as_strace_does() {
        let usr1 = i64::from(libc::SIGUSR1);
        let bit = 1 << (libc::SIGUSR1 - 1);
        let flags = i64::from(libc::SA_RESTART | libc::SA_SIGINFO);
        let rows: &[(&str, [i64; 6], i64, &str)] = &[
            (
                "sigaction",
                [usr1, 2, flags, 0, 0, 0],
                0,
                "SIGUSR1, {sa_handler=handler, sa_flags=SA_RESTART|SA_SIGINFO}, NULL",
            ),
            (
                "sigaction",
                [usr1, 1, 0, bit, 0, 0],
                0,
                "SIGUSR1, {sa_handler=SIG_IGN, sa_flags=0, sa_mask=[SIGUSR1]}, NULL",
            ),
            ("sigprocmask", [0, bit, 0, 0, 0, 0], 0, "SIG_BLOCK, [SIGUSR1], NULL"),
            ("sigpending", [bit, 0, 0, 0, 0, 0], 0, "[SIGUSR1]"),
            ("sigsuspend", [0; 6], -1, "[]"),
            ("sigqueue", [7, usr1, 42, 0, 0, 0], 0, "7<>, SIGUSR1, 42"),
            (
                "sigwaitinfo",
                [bit, usr1, libc::SI_QUEUE.into(), 7, 42, 0],
                usr1,
                "[SIGUSR1], {si_code=SI_QUEUE, si_pid=7<>, si_value=42}",
            ),
            (
                "sigtimedwait",
                [bit, usr1, 0, 7, 0, 500_000_000],
                usr1,
                "[SIGUSR1], {si_code=SI_USER, si_pid=7<>}, 500ms",
            ),
        ];
        for (verb, args, ret, expected) in rows {
            let record = Record { args: *args, ret: *ret, entered_ns: 1, returned_ns: 2, ..Record::default() };
            assert_eq!(Signals.show(verb, &record).args, *expected, "{verb}");
        }
        let asleep = Record { args: [bit, 0, 0, 0, 0, 0], entered_ns: 1, ..Record::default() };
        assert_eq!(Signals.show("sigwaitinfo", &asleep).args, "[SIGUSR1], …");
    }

    #[test]
    fn tells_where_a_signal_came_from() {
        let run = |signal, info, thread| {
            let (verb, shown) = handled(&Handled { signal, info, at_ns: 1, thread });
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
        assert_eq!(run(libc::SIGCHLD, Some((1, [7, 0])), false), "handler(SIGCHLD, {si_code=CLD_EXITED, si_pid=7<>})");
        assert_eq!(run(0, Some((libc::SI_MESGQ, [0, 9])), true), "sigev_notify_function(9)");
    }
}

//! The calls on signals, and the constants that they take.

use crate::facility::table::{CALL, keyed, optional, required};
use crate::script::{ArgKind, ArgSpec, CallSpec, Sleeps, WaitsOn};

pub(super) const HOW: &[(&str, i64)] = &[
    ("SIG_BLOCK", libc::SIG_BLOCK as i64),
    ("SIG_UNBLOCK", libc::SIG_UNBLOCK as i64),
    ("SIG_SETMASK", libc::SIG_SETMASK as i64),
];
pub(super) const HANDLERS: &[(&str, i64)] = &[("SIG_DFL", 0), ("SIG_IGN", 1), ("handler", 2)];
pub(super) const ACTION_FLAGS: &[(&str, i64)] = &[
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

pub(super) static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "sigaction",
        args: &[
            required("signum", ArgKind::Signal, "which signal"),
            optional(
                "sa_handler",
                ArgKind::Constant(HANDLERS),
                "handler notes that it ran, and does nothing else; without it the action is only asked for",
            ),
            optional("sa_flags", ArgKind::Flags(ACTION_FLAGS), "with SA_SIGINFO the handler is told who sent it"),
            keyed("sa_mask", ArgKind::Signals, "what else is blocked while the handler runs"),
        ],
        doc: "Sets what happens when a signal comes, or asks for it",
        man: "sigaction(2)",
        c: "sigaction({signum}, {?sa_handler &(struct sigaction){ .sa_handler = {sa_handler}, .sa_flags = {sa_flags=0} }, \
            NULL?}{?sa_mask  /* .sa_mask: {sa_mask} */?}{!sa_handler NULL, &old!})",
        example: "bob: sigaction SIGUSR1 handler SA_RESTART|SA_SIGINFO",
        ..CALL
    },
    CallSpec {
        name: "raise",
        args: &[required("sig", ArgKind::Signal, "which")],
        doc: "Sends a signal to the caller itself, which has taken it when this returns, unless it blocks it",
        man: "raise(3)",
        c: "raise({sig})",
        example: "bob: raise SIGUSR1",
        ..CALL
    },
    CallSpec {
        name: "tgkill",
        args: &[
            required("tgid", ArgKind::Actor, "the process"),
            required("tid", ArgKind::Actor, "which of its threads; the process itself for its first one"),
            required("sig", ArgKind::Signal, "which; 0 only asks whether the target exists"),
        ],
        doc: "Sends a signal to one thread: only that one can take it",
        man: "tgkill(2)",
        c: "tgkill({tgid}, {tid}, {sig})",
        example: "alice: tgkill bob bob SIGUSR1",
        ..CALL
    },
    CallSpec {
        name: "pthread_kill",
        args: &[
            required("thread", ArgKind::Actor, "a thread of the caller's own process"),
            required("sig", ArgKind::Signal, "which; 0 only asks whether the thread exists"),
        ],
        doc: "Sends a signal to a thread of the same process: only that one can take it",
        man: "pthread_kill(3)",
        c: "pthread_kill({thread}, {sig})",
        example: "alice: pthread_kill alice.t1 SIGUSR1",
        ..CALL
    },
    CallSpec {
        name: "pthread_sigmask",
        args: &[required("how", ArgKind::Constant(HOW), "whether the set is added, taken off, or all"), SET],
        doc: "Changes which signals the calling thread blocks; each thread has a mask of its own",
        man: "pthread_sigmask(3)",
        c: "pthread_sigmask({how}, &set /* {set} */, NULL)",
        example: "alice.t1: pthread_sigmask SIG_BLOCK SIGUSR1",
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

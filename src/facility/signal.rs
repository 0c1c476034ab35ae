//! Signals: which are blocked, what happens when one comes, and waiting for them.
//!
//! An actor has one handler, which notes that it ran. The director turns that into a line of the transcript.

mod calls;
mod did;
mod means;
mod told;

use std::cell::Cell;

use self::calls::{ACTION_FLAGS, CALLS, HANDLERS, HOW};
use self::told::{origin, value_of};
use super::perform::{Making, Performer, Refusal};
use super::process::duration;
use super::show::{self, Shown, constant, returned};
use super::thread;
use super::{Card, Facility, signal_name};
use crate::kernel::arena::Record;
use crate::kernel::signal::{self, Disposition, SigInfo};
use crate::kernel::thread as kernel_thread;
use crate::script::{CallSpec, Data};

pub use self::did::{SignalDeed, Target};
pub(super) use self::means::sent;
pub(super) use self::told::{code_name, set};
pub(crate) use self::told::{handled, set_names};

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
    manual: &["signal(7)", "sigaction(2)", "sigprocmask(2)", "sigwaitinfo(2)", "sigqueue(3)", "kill(2)", "tgkill(2)"],
};

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
            "sigprocmask" | "pthread_sigmask" => {
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
            "raise" => {
                let signal = performer.int("sig", 0);
                let making = Making::new([signal, 0, 0, 0, 0, 0]);
                let _ = performer.call(making, || signal::raise(signal as i32).map(|()| 0));
            }
            "tgkill" => return tgkill(performer),
            "pthread_kill" => return pthread_kill(performer),
            _ => return Err(Refusal::new(format!("{verb} is no call on signals"))),
        }
        Ok(())
    }

    fn signal_calls(&self) -> &'static [&'static str] {
        &["pthread_kill", "raise", "sigaction", "sigqueue", "sigtimedwait", "sigwaitinfo", "tgkill"]
    }

    fn signal_deed(&self, verb: &str, record: &Record) -> Option<SignalDeed> {
        did::did(verb, record)
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        means::means(verb, record)
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [a, b, c, d, ..] = record.args;
        let done = returned(record) && record.errno == 0;
        match verb {
            "sigaction" if record.args[4] == ASKED => {
                let flags = show::flags(c, ACTION_FLAGS, None);
                let mask = if d == 0 { String::new() } else { format!(", sa_mask={}", set(d as u64)) };
                let old = format!("{{sa_handler={}, sa_flags={flags}{mask}}}", constant(b, HANDLERS));
                Shown::args(format!("{}, NULL, {}", signal_name(a as i32), if done { &old } else { "…" }))
            }
            "sigaction" => {
                let mask = if d == 0 { String::new() } else { format!(", sa_mask={}", set(d as u64)) };
                let flags = show::flags(c, ACTION_FLAGS, None);
                let handler = constant(b, HANDLERS);
                Shown::args(format!(
                    "{}, {{sa_handler={handler}, sa_flags={flags}{mask}}}, NULL",
                    signal_name(a as i32)
                ))
            }
            "sigprocmask" | "pthread_sigmask" => Shown::args(format!("{}, {}, NULL", constant(a, HOW), set(b as u64))),
            "sigpending" if done => Shown::args(set(a as u64)),
            "sigpending" => Shown::args("…".to_owned()),
            "sigsuspend" => Shown::args(set(a as u64)),
            "raise" => Shown::args(number_or_name(a)),
            "pthread_kill" => {
                let args = format!("{}, {}", show::pid(a), number_or_name(b));
                Shown { args, result: thread::result_or_error(record) }
            }
            "tgkill" => Shown::args(format!("{}, {}, {}", show::pid(a), show::pid(b), number_or_name(c))),
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

/// The fifth number in the record of a sigaction that only asks.
const ASKED: i64 = 1;

fn number_or_name(signal: i64) -> String {
    if signal == 0 { "0".to_owned() } else { signal_name(signal as i32) }
}

fn sigaction(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    if !performer.has("sa_handler") {
        ask_action(performer);
        return Ok(());
    }
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
    if signal as i32 == libc::SIGSYS {
        performer.body.writer.slot().want_sigsys();
    }
    let making = Making::new([signal, handler, flags, mask, 0, 0]);
    let _ =
        performer.call(making, || signal::sigaction(signal as i32, disposition, flags as i32, mask as u64).map(|()| 0));
    Ok(())
}

fn ask_action(performer: &mut Performer<'_>) {
    let signal = performer.int("signum", 0);
    let old = Cell::new([0; 3]);
    let _ = performer.call_then(
        Making::new([signal, 0, 0, 0, ASKED, 0]),
        || {
            let (disposition, flags, mask) = signal::action(signal as i32)?;
            let handler = match disposition {
                Disposition::Default => 0,
                Disposition::Ignore => 1,
                Disposition::Handle => 2,
            };
            old.set([handler, flags.into(), mask as i64]);
            Ok(0)
        },
        |record| record.args[1..4].copy_from_slice(&old.get()),
    );
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

/// Process and thread are both named, and the kernel checks that the one is the other's.
fn tgkill(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (tgid, signal) = (performer.int("tgid", -1), performer.int("sig", 0));
    let tid = performer.peer("tid").map_or(-1, |peer| i64::from(peer.thread.tid));
    if tgid <= 0 || tid <= 0 {
        return Err(Refusal::new("a signal goes to one actor at a time"));
    }
    let making = Making::new([tgid, tid, signal, 0, 0, 0]);
    let _ = performer.call(making, || signal::tgkill(tgid as i32, tid as i32, signal as i32).map(|()| 0));
    Ok(())
}

/// Recorded with the thread's id, by which the kernel knows it.
fn pthread_kill(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let peer = thread::of_process(performer, "thread")?;
    if peer.thread.detached {
        return Err(Refusal::new(format!("{} is detached: its pthread_t may mean nothing any more", peer.name))
            .help("tgkill goes by the thread's id"));
    }
    let signal = performer.int("sig", 0);
    let making = Making::new([peer.thread.tid.into(), signal, 0, 0, 0, 0]);
    let call = || kernel_thread::kill(peer.thread.handle, signal as i32).map(|()| 0);
    let _ = performer.call_then(making, call, thread::error_is_result);
    Ok(())
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
            ("sigaction", [usr1, 0, 0, 0, 1, 0], 0, "SIGUSR1, NULL, {sa_handler=SIG_DFL, sa_flags=0}"),
            ("raise", [usr1, 0, 0, 0, 0, 0], 0, "SIGUSR1"),
            ("tgkill", [7, 8, 65, 0, 0, 0], -1, "7<>, 8<>, signal 65"),
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
}

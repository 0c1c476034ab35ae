//! What calls do about signals that the kernel tells nobody afterwards: who sent how many, with what.

use super::calls::{ACTION_FLAGS, HANDLERS};
use crate::facility::show;
use crate::kernel::arena::Record;

/// What a call that succeeded has done about signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalDeed {
    /// It has sent one.
    Sent {
        /// To whom.
        to: Target,
        /// Which.
        signal: i32,
        /// The value that goes with it.
        value: Option<i64>,
    },
    /// The caller has taken one of its own that was pending.
    Took(i32),
    /// The caller has taken several of its own, and the record does not tell which.
    TookSeveral,
    /// The caller has set what happens when this one comes; the flags by their names, empty for none.
    Set {
        /// Which.
        signal: i32,
        /// The flags of its action.
        flags: String,
    },
}

/// To whom a signal was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The process of this pid.
    Process(i32),
    /// This thread alone.
    Thread(i32),
    /// All processes of the group that this pid leads.
    Group(i32),
    /// The thread that makes the call.
    Caller,
}

/// What a recorded call on signals has done.
pub(super) fn did(verb: &str, record: &Record) -> Option<SignalDeed> {
    let [a, b, c, _, asked, _] = record.args;
    let sent = |to, signal: i64, value| SignalDeed::Sent { to, signal: signal as i32, value };
    Some(match verb {
        "sigqueue" => sent(Target::Process(a as i32), b, Some(i64::from(c as i32))),
        "pthread_kill" => sent(Target::Thread(a as i32), b, None),
        "tgkill" => sent(Target::Thread(b as i32), c, None),
        "raise" => sent(Target::Caller, a, None),
        "sigwaitinfo" | "sigtimedwait" => SignalDeed::Took(record.ret as i32),
        "sigaction" if asked != super::ASKED => {
            let handler = HANDLERS.iter().any(|(name, number)| *number == b && *name == "handler");
            let shown = handler && c != 0;
            let flags = if shown { show::flags(c, ACTION_FLAGS, None) } else { String::new() };
            SignalDeed::Set { signal: a as i32, flags }
        }
        _ => return None,
    })
}

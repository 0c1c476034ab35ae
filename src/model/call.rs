//! One system call or library call of an actor: entered, perhaps blocked, returned.

use serde::{Deserialize, Serialize};

/// The [`seq`](Call::seq) of what stands among an actor's calls and is none.
pub const UNNUMBERED: u64 = u64::MAX;

/// A call as the transcript shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Who made it.
    pub actor: String,
    /// Number of the order that led to it, counted over the stage.
    pub order: u32,
    /// Position in the actor's own sequence of calls, from 0; a gap means that the ring dropped some. [`UNNUMBERED`]
    /// for what is no call: the run of a signal handler.
    pub seq: u64,
    /// The manual's name, such as `mq_send`.
    pub verb: String,
    /// Its arguments in the manner of strace, without the parentheses: `3, "hello", 100`.
    /// What an entered call has not filled yet stands as `…`.
    pub args: String,
    /// Names of the objects that its arguments name, if known: `p.w` for `write(4, …)`.
    pub on: Option<String>,
    /// CLOCK_MONOTONIC at entry, in ns since the stage opened.
    pub entered_ns: u64,
    /// Whether it has returned.
    pub state: CallState,
    /// Whether it enters the kernel. A plain load or store does not.
    pub syscall: bool,
    /// What its result means here, where that is not plain: a sentence without a full stop.
    pub meaning: Option<String>,
}

/// Where a call stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallState {
    /// It has been entered and has not returned.
    Entered,
    /// It has returned.
    Returned {
        /// Its result, -1 where it failed.
        ret: i64,
        /// The errno of a failed call, as its number.
        errno: Option<i32>,
        /// What stands behind `=`: `5`, `-1 EAGAIN (Resource temporarily unavailable)`, `3`.
        shown: String,
        /// The bytes that it delivered (`read`, `mq_receive`), at most the first 64; `total` are in all.
        data: Option<(Vec<u8>, u64)>,
        /// CLOCK_MONOTONIC at return, in ns since the stage opened.
        at_ns: u64,
    },
}

impl Call {
    /// The result, if the call has returned.
    pub const fn ret(&self) -> Option<i64> {
        if let CallState::Returned { ret, .. } = self.state { Some(ret) } else { None }
    }

    /// The errno, if the call has failed.
    pub const fn errno(&self) -> Option<i32> {
        if let CallState::Returned { errno, .. } = self.state { errno } else { None }
    }
}

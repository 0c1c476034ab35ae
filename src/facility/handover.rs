//! How an actor that executes the program anew tells its new image who it is.

use std::ffi::CString;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::perform::Names;
use crate::kernel::fd;

/// The length of one argument: the kernel allows 32 pages (execve(2), MAX_ARG_STRLEN).
const ARGUMENT: usize = 64 << 10;

/// What an actor's new program must know to be that actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Its control socket.
    pub socket: i32,
    /// The arena's memory file.
    pub arena: i32,
    /// The stage's directory.
    pub directory: i32,
    /// Its slot.
    pub slot: u32,
    /// The order that led here.
    pub order: u32,
    /// The id of `execve`.
    pub verb: u16,
    /// Its sequence number.
    pub seq: u64,
    /// When it was entered.
    pub entered_ns: u64,
    /// Whether it ignores SIGPIPE: the start of a Rust program would leave it ignored in any case.
    pub ignores_pipe: bool,
    /// What stands before POSIX names.
    pub tag: String,
    /// Its names: those of descriptors still mean something, those of memory do not.
    pub names: Names,
}

/// Whether a descriptor of ours survives execve(2).
pub fn keep_over_exec(number: i32, keep: bool) -> Result<(), Errno> {
    fd::fcntl_int(number, libc::F_SETFD, if keep { 0 } else { libc::FD_CLOEXEC }).map(drop)
}

impl Handover {
    /// As arguments of a command line, each short enough for execve(2).
    pub fn pack(&self) -> Vec<CString> {
        let bytes = postcard::to_stdvec(self).unwrap_or_default();
        let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| b"0123456789abcdef"[usize::from(d)]);
        let digits: Vec<u8> = digits.collect();
        digits.chunks(ARGUMENT).map(|chunk| CString::new(chunk).unwrap_or_default()).collect()
    }

    /// Back from the arguments; `None` if they are not ours.
    pub fn unpack<'a>(arguments: impl Iterator<Item = &'a str>) -> Option<Self> {
        let text: String = arguments.collect();
        let bytes: Option<Vec<u8>> = (0..text.len() / 2)
            .map(|i| text.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        postcard::from_bytes(&bytes?).ok()
    }
}

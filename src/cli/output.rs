//! Standard output, and what becomes of us when nobody reads it any more.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use libc::SIGPIPE;

use crate::kernel::signal::{Disposition, raise, sigaction};

/// The status that a shell gives for a program which SIGPIPE has killed.
const KILLED_BY_SIGPIPE: u8 = 128 + SIGPIPE as u8;

/// Standard output. It notes when its reader has gone, whoever gets the error and whatever they make of it.
pub(super) struct Output {
    stdout: io::Stdout,
    /// Whether nobody is there to read.
    pub(super) abandoned: bool,
}

impl Output {
    /// Standard output.
    pub(super) fn new() -> Self {
        Self { stdout: io::stdout(), abandoned: false }
    }

    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.abandoned |= matches!(&result, Err(error) if error.kind() == ErrorKind::BrokenPipe);
        result
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stdout.write(bytes);
        self.noted(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.stdout.flush();
        self.noted(flushed)
    }
}

/// Ends as programs do whose output nobody reads any more: by SIGPIPE, which the start of a Rust program ignores. All
/// stages must be closed. Where the signal is blocked, the status says the same.
pub(super) fn die_of_sigpipe() -> ExitCode {
    let default = sigaction(SIGPIPE, Disposition::Default, 0, 0);
    let _ = default.and_then(|()| raise(SIGPIPE));
    ExitCode::from(KILLED_BY_SIGPIPE)
}

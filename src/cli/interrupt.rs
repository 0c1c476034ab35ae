//! Ctrl-C: the first one asks for an end, the second one is one.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGINT;
use signal_hook::{flag, low_level};

/// Has Ctrl-C set the flag and write a byte to the stream; with the flag set it ends the process as usual, and the
/// stage with it.
pub(super) fn catch() -> io::Result<(Arc<AtomicBool>, UnixStream)> {
    let asked = Arc::new(AtomicBool::new(false));
    let (ours, theirs) = UnixStream::pair()?;
    // In this order: the first one must not find the flag that it sets itself.
    flag::register_conditional_default(SIGINT, Arc::clone(&asked))?;
    flag::register(SIGINT, Arc::clone(&asked))?;
    low_level::pipe::register(SIGINT, theirs)?;
    Ok((asked, ours))
}

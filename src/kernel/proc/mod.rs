//! Readers of procfs: what the kernel says of processes, see proc(5).
//!
//! A process may end at any moment, between two lines of a reader too. A reader of one fact then returns its absence;
//! a reader of a list leaves out what went; only a process that was not there to begin with is an error (ENOENT or
//! ESRCH).
//!
//! Files that are read again and again are kept open and read at offset 0, which costs a third of opening them.

mod descriptors;
mod locks;
mod maps;
mod net;
mod pagemap;
mod status;
mod task;

pub use descriptors::{Brief, FdDir, FdEntry, FdInfo, KeptInfo, descriptors, fdinfo};
pub use locks::{LockEntry, LockKind, locks};
pub(super) use maps::query_works;
pub use maps::{MapEntry, Maps, mapping_at, maps};
pub use net::packets_queued;
pub use pagemap::{PrivatePage, private_pages};
pub use status::{KeptStatus, Status, children, processes, status, tasks, thread_status};
pub use task::{Scheduling, Stat, Syscall, Task};

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

/// Reads all of a procfs file that is kept open, from its start, into `buffer`.
fn read_again<'b>(file: &File, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
    use std::os::unix::fs::FileExt;
    buffer.resize(buffer.capacity().max(4096), 0);
    let mut filled = 0;
    loop {
        match file.read_at(&mut buffer[filled..], filled as u64) {
            Ok(0) => return Ok(&buffer[..filled]),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
    }
}

/// Reads all of a procfs file that the kernel writes in one go (single_open in fs/seq_file.c), from its start, into
/// `buffer`. A read that leaves room has brought all of it.
fn read_single<'b>(file: &File, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
    use std::os::unix::fs::FileExt;
    buffer.resize(buffer.capacity().max(4096), 0);
    loop {
        match file.read_at(buffer, 0) {
            Ok(length) if length < buffer.len() => return Ok(&buffer[..length]),
            Ok(length) => buffer.resize(2 * length, 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads a procfs file of one line that fits in `N` bytes; one read, so all of it is of one moment.
fn read_line<const N: usize>(file: &File) -> Result<([u8; N], usize), nix::errno::Errno> {
    let mut buffer = [0; N];
    let length = nix::sys::uio::pread(file.as_fd(), &mut buffer, 0)?;
    Ok((buffer, length))
}

/// The number in decimal or octal or hexadecimal digits.
fn number(digits: &str, radix: u32) -> Option<u64> {
    u64::from_str_radix(digits, radix).ok()
}

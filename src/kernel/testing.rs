//! What tests of this room share.

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::process::{Fork, How, exit_now, fork, waitpid};

/// An open file without a name.
pub(super) fn scratch_file(name: &str) -> std::fs::File {
    memfd_create(name, MFdFlags::MFD_CLOEXEC).unwrap().into()
}

/// Starts `child` in a process of its own; its result is the exit status, 101 if it panics.
pub(super) fn start(child: impl FnOnce() -> i32) -> i32 {
    match fork().unwrap() {
        Fork::Child => exit_now(std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(101)),
        Fork::Parent(pid) => pid,
    }
}

/// The same to its end.
pub(super) fn in_child(child: impl FnOnce() -> i32) -> How {
    let pid = start(child);
    waitpid(pid, 0).unwrap().unwrap().1
}

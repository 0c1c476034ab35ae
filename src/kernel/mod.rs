//! The kernel as this program sees it: typed wrappers of what `nix` lacks, and readers of procfs.
//!
//! This is the only room with `unsafe` code and raw calls; everything public in it is safe to call. Where nix has a
//! safe wrapper, upper layers call nix. Names are those of the manual pages.
//!
//! Calls that an actor makes on a learner's behalf take plain numbers (a descriptor that may be closed, an address
//! that may lead nowhere) and return `Result<_, Errno>`: what the kernel answers is what the learner shall see.
//! Everything else returns [`SysError`], which names the call and the object.

#![expect(unsafe_code, reason = "this room wraps raw system calls; every other room is denied unsafe code")]

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("ipclab reads the Linux kernel, and knows the system call numbers of x86-64 and aarch64 only");

pub mod apart;
pub mod arena;
pub mod atomic;
pub mod borrow;
pub mod clock;
pub mod counted;
pub mod credentials;
mod error;
pub mod fd;
pub mod futex;
pub mod landlock;
pub mod letter;
pub mod lock;
pub mod memory;
pub mod mq;
pub mod netlink;
pub mod path;
pub mod pipe;
pub mod probe;
pub mod proc;
pub mod process;
pub mod pthread;
pub mod pty;
pub mod ready;
mod ring;
pub mod sched;
pub mod sem;
pub mod shared;
pub mod signal;
pub mod socket;
pub mod stdio;
pub mod sysv;
#[cfg(test)]
mod testing;
pub mod thread;
pub mod trap;
pub mod watch;

pub use error::{Result, SysError, SysResultExt};
pub use nix::errno::Errno;

//! What eventfd, timerfd, signalfd and epoll have in common: descriptors without an inode of their own.
//!
//! The kernel gives all of them one inode, so that device and inode prove nothing. What stands behind such a descriptor
//! is an open file description, and which ones are the same the stage has asked the kernel (kcmp(2)): its number stands
//! in [`Handle::ino`].

use nix::errno::Errno;

use super::look::{Found, Handle, HandleKind, Look};
use super::perform::{Bound, Making, Performer};
use super::pipe;
use crate::model::ObjectKey;

/// How /proc names all that has no inode of its own.
pub(super) const LINK: &str = "anon_inode:";

/// The key of a handle on such a file of this kind: `eventfd`, `eventpoll`.
pub(super) fn claim(handle: &Handle, facility: &'static str, kind: &str) -> Option<ObjectKey> {
    let is_kind = handle.link.strip_prefix(LINK)?.trim_matches(['[', ']']) == kind;
    (is_kind && matches!(handle.kind, HandleKind::Descriptor { .. })).then(|| pipe::key(facility, handle))
}

/// The lines of fdinfo that are this kind's own; the reason if it can't be read.
pub(super) fn fdinfo(found: &Found<'_>, look: &Look<'_>) -> Result<Vec<(String, String)>, String> {
    let (pid, fd) = found.descriptor(|_| true).ok_or("nobody holds it")?;
    look.fdinfo(pid, fd).map(|info| info.others).map_err(|error| error.to_string())
}

/// Makes a call that makes a descriptor, and binds the name that its first argument gives.
pub(super) fn make(performer: &mut Performer<'_>, making: Making<'_>, call: impl FnOnce() -> Result<i32, Errno>) {
    if let Ok(fd) = performer.call(making, || call().map(i64::from)) {
        let name = performer.name("name");
        performer.bind(name, name, Bound::Descriptor(fd as i32));
    }
}

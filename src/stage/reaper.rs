//! The reaper of a stage in shared mode: it stands above the director, outlives the face, and leaves nothing behind.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::session;
use crate::facility;
use crate::kernel::{Result, SysResultExt, proc};

/// The signals that ask a process to end. The reaper must not die of them before its work is done.
pub(super) fn endings() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect()
}

/// Waits until the director or the face has ended, or somebody asks us to end.
pub(super) fn wait_for_an_end(director: &OwnedFd, face: &OwnedFd) -> Result<()> {
    let asked = SignalFd::with_flags(&endings(), SfdFlags::SFD_CLOEXEC).on("signalfd", "")?;
    let mut fds = [director.as_fd(), face.as_fd(), asked.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    loop {
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            done => return done.on("poll", "").map(drop),
        }
    }
}

/// Kills all descendants of this process, which must be their subreaper, and waits until there is none. The exit status
/// of `director` if it was among them and exited.
pub(super) fn reap(director: i32) -> Option<i32> {
    let mut status = None;
    loop {
        // Children only: what they leave becomes ours before we are told of their end, and has its turn then.
        for child in proc::children(std::process::id() as i32).unwrap_or_default() {
            // It can't be another process by now, for nobody but us reaps it.
            let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
        }
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw() == director => status = Some(code),
            Err(Errno::ECHILD) => return status,
            _ => {}
        }
    }
}

/// Removes all of a session that whose processes are gone: its names, then its directory. Says how many names there
/// were.
pub(super) fn remove(directory: &Path, id: &session::Id) -> usize {
    let tag = id.tag();
    let memory = names_with(Path::new("/dev/shm"), &[&tag, &format!("sem.{tag}")]);
    let mut removed = memory.iter().filter(|name| fs::remove_file(Path::new("/dev/shm").join(name)).is_ok()).count();
    let left = session::left(&directory.join(session::JOURNAL), tag.clone());
    let mut queues: BTreeSet<String> = left.names.iter().map(|name| format!("/{tag}{name}")).collect();
    if let Some(mounted) = mqueue_mount() {
        queues.extend(names_with(&mounted, &[&tag]).into_iter().map(|name| format!("/{name}")));
    }
    removed += facility::ALL.iter().map(|facility| facility.remove_left(&left)).sum::<usize>();
    removed += queues.iter().filter(|name| nix::mqueue::mq_unlink(name.as_str()).is_ok()).count();
    // The journal goes last: while it is there, the next start finds what is left.
    let stage = directory.join("stage");
    if fs::remove_dir_all(&stage).is_ok() || !stage.exists() {
        let _ = fs::remove_dir_all(directory);
    }
    removed
}

fn names_with(directory: &Path, prefixes: &[&str]) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))).collect()
}

/// Where the mqueue file system is mounted, if it is.
pub(super) fn mqueue_mount() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let of_queues = |line: &&str| line.split(' ').nth(2) == Some("mqueue");
    mounts.lines().filter(of_queues).filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from).find(|at| at.is_dir())
}

//! Sweeping up after sessions in shared mode whose reaper was killed too.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::session::{self, Id};
use super::{actor, launch, reaper};
use crate::facility::perform::Handover;
use crate::kernel::{borrow, proc};

/// How long a killed process may take to end before its session is left to a later sweep.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a sweep has found and removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Dead sessions.
    pub sessions: usize,
    /// Processes that had outlived their session.
    pub processes: usize,
    /// Names of shared memory, semaphores and queues.
    pub names: usize,
}

/// Removes what dead sessions of this user have left behind: their processes, names and directories. Living sessions
/// are not touched.
pub fn sweep() -> Swept {
    let mut swept = Swept::default();
    for room in session::rooms() {
        sweep_room(&room, &mut swept);
    }
    swept
}

fn sweep_room(room: &Path, swept: &mut Swept) {
    let uid = nix::unistd::geteuid().as_raw();
    let Ok(entries) = fs::read_dir(room) else { return };
    for entry in entries.flatten() {
        let Some(id) = Id::of_directory(&entry.file_name(), uid) else { continue };
        let path = entry.path();
        let ours = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir() && meta.uid() == uid);
        if !ours {
            continue;
        }
        // Held until the end, so that two sweeps do not meet over one session.
        let _lock = match File::open(path.join(session::JOURNAL)) {
            Ok(journal) if session::lock(&journal).is_ok() => Some(journal),
            Ok(_living) => continue,
            // Not yet: whoever makes it has the session's id on its command line.
            Err(_missing) if !members(&id).is_empty() => continue,
            Err(_missing) => None,
        };
        let Some(processes) = kill_all(&id) else { continue };
        swept.sessions += 1;
        swept.processes += processes;
        swept.names += reaper::remove(&path, &id);
    }
}

/// Kills the processes of a session until there are none, and says how many there were; `None` if some do not end.
fn kill_all(id: &Id) -> Option<usize> {
    let mut killed = 0;
    loop {
        let members = members(id);
        if members.is_empty() {
            return Some(killed);
        }
        for pid in members {
            let Ok(pidfd) = borrow::pidfd_open(pid) else { continue };
            // Only now is it certain who is behind the number.
            if is_member(pid, id) {
                let _ = borrow::pidfd_send_signal(&pidfd, Signal::SIGKILL);
                if !borrow::ends_within(&pidfd, PATIENCE) {
                    return None;
                }
                killed += 1;
            }
        }
    }
}

fn members(id: &Id) -> Vec<i32> {
    let mut all = proc::processes().unwrap_or_default();
    all.retain(|pid| is_member(*pid, id));
    all
}

/// Whether a process was started for this session, or forked from one that was: forks keep the command line, and an
/// actor that executes the program anew carries the tag on its own. A zombie has none.
fn is_member(pid: i32, id: &Id) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0).skip(1).filter_map(|word| std::str::from_utf8(word).ok());
    match words.next() {
        Some(launch::HIDDEN) => words.any(|word| word == id.as_str()),
        Some(actor::HIDDEN) => Handover::unpack(words).is_some_and(|actor| actor.tag == id.tag()),
        _ => false,
    }
}

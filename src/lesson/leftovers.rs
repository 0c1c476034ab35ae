//! What a stage may have left on the machine and in this process: a difference of two looks, never a list, since others leave things too.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::kernel::proc;

/// What of ours can be found outside a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Traces(BTreeSet<String>);

impl Traces {
    /// Looks: processes below this one, its descriptors, names and directories that carry its pid.
    pub(super) fn look() -> Self {
        let pid = std::process::id();
        let mut found: BTreeSet<String> = proc::children(pid as i32)
            .unwrap_or_default()
            .into_iter()
            .map(|child| format!("process {child}"))
            .collect();
        // Descriptors of ours: that of the look itself is gone by the next one, and has no fixed number.
        for entry in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
            if let Ok(to) = std::fs::read_link(entry.path())
                && !to.starts_with("/proc")
            {
                found.insert(format!("descriptor {} of {}", entry.file_name().to_string_lossy(), to.display()));
            }
        }
        let uid = nix::unistd::geteuid();
        let tag = format!("ipclab-{pid}-");
        let directory = format!("ipclab-{uid}-{pid}-");
        let mut rooms = vec![PathBuf::from("/dev/shm"), PathBuf::from("/dev/mqueue"), PathBuf::from("/tmp")];
        rooms.extend(["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from));
        for room in rooms {
            let Ok(entries) = std::fs::read_dir(&room) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.contains(&tag) || name.starts_with(&directory) {
                    found.insert(room.join(name).display().to_string());
                }
            }
        }
        Self(found)
    }

    /// What is there now and was not there before.
    pub(super) fn since(&self, before: &Self) -> Vec<String> {
        self.0.difference(&before.0).cloned().collect()
    }
}

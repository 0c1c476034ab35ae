//! Why a stage can't be isolated here, and what to do about it.

use std::fs;
use std::io::Read;
use std::path::Path;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::launch::{self, OpenError, Purpose};
use crate::kernel::SysError;

/// The step of isolating a stage that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What was tried, in words: `mount a proc file system`.
    pub step: String,
    /// What the kernel said: `EPERM (Operation not permitted)`.
    pub errno: String,
    /// The likely reason: lower case, no full stop.
    pub why: String,
    /// What to do about it, likewise.
    pub help: String,
}

impl Refused {
    /// The refusal in one sentence.
    pub fn sentence(&self) -> String {
        format!("this machine refused to {} with {}: {}", self.step, self.errno, self.why)
    }

    /// Works out the reason from what the system says of itself. Call it where the step was refused, in the
    /// namespaces from which it was tried.
    pub(super) fn diagnose(step: &str, errno: Errno) -> Self {
        let (why, help) = reason(step, errno, &Facts::gather());
        Self { step: step.to_owned(), errno: format!("{errno:?} ({})", errno.desc()), why, help }
    }

    /// The same for an error that names its call.
    pub(super) fn because(step: &str, error: &SysError) -> Self {
        Self::diagnose(step, error.errno)
    }
}

/// Tries the whole sequence of isolating a stage, and tells the step that fails; an outer error means that not even
/// the attempt could be started.
pub fn isolation(launcher: &Path) -> Result<Result<(), Refused>, OpenError> {
    let mut launched = launch::start(launcher, Purpose::Probe)?;
    let mut answer = String::new();
    let read = launched.wire.read_to_string(&mut answer);
    launched.child.end();
    read.map_err(|error| OpenError::Ended(error.to_string()))?;
    serde_json::from_str(&answer).map_err(|_not_an_answer| {
        OpenError::Ended(launched.child.last_words().unwrap_or_else(|| "it said nothing".to_owned()))
    })
}

/// The steps, in the words of [`Refused::step`].
pub(super) mod step {
    pub(in crate::stage) const CLONE: &str = "make new namespaces";
    pub(in crate::stage) const MAP: &str = "map the user";
    pub(in crate::stage) const ROOT: &str = "mount a root of the stage's own";
    pub(in crate::stage) const PROC: &str = "mount a proc file system";
    pub(in crate::stage) const MOUNT: &str = "mount what the stage needs";
    pub(in crate::stage) const BIND: &str = "bind the program and its libraries";
    pub(in crate::stage) const LOOPBACK: &str = "take the loopback interface up";
    pub(in crate::stage) const START: &str = "start the first process";
}

/// What the system says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Facts {
    root: bool,
    /// `kernel.apparmor_restrict_unprivileged_userns`.
    apparmor: Option<u64>,
    /// `kernel.unprivileged_userns_clone`.
    debian: Option<u64>,
    /// Kinds of namespaces of which there may be none.
    forbidden: Vec<String>,
    /// Whether there are user namespaces at all.
    user_namespaces: bool,
    /// Whether a seccomp filter is in force.
    seccomp: bool,
    /// Whether parts of /proc are covered by other mounts.
    masked_proc: bool,
}

impl Facts {
    fn gather() -> Self {
        let sysctl = |path: &str| fs::read_to_string(format!("/proc/sys/{path}")).ok()?.trim().parse().ok();
        let forbidden = ["user", "pid", "ipc", "mnt", "net", "uts", "cgroup"]
            .into_iter()
            .filter(|kind| sysctl(&format!("user/max_{kind}_namespaces")) == Some(0_u64))
            .map(str::to_owned)
            .collect();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        Self {
            root: nix::unistd::geteuid().is_root(),
            apparmor: sysctl("kernel/apparmor_restrict_unprivileged_userns"),
            debian: sysctl("kernel/unprivileged_userns_clone"),
            forbidden,
            user_namespaces: Path::new("/proc/self/ns/user").exists(),
            seccomp: status.lines().any(|line| line.starts_with("Seccomp:") && line.ends_with('2')),
            masked_proc: mounts.lines().any(|line| line.split(' ').nth(1).is_some_and(|at| at.starts_with("/proc/"))),
        }
    }
}

fn reason(at: &str, errno: Errno, facts: &Facts) -> (String, String) {
    let said = |why: &str, help: &str| (why.to_owned(), help.to_owned());
    let denied = matches!(errno, Errno::EPERM | Errno::EACCES);
    if at == step::CLONE && errno == Errno::ENOSPC {
        let kinds = &facts.forbidden;
        return match kinds.first() {
            Some(kind) => (
                format!("user.max_{kind}_namespaces is 0"),
                format!("as root: sysctl user.max_{kind}_namespaces=10000"),
            ),
            None => said(
                "the limit of namespaces is reached, or they are nested too deep",
                "end programs that hold namespaces, or raise the limits in /proc/sys/user",
            ),
        };
    }
    if at == step::CLONE && (errno == Errno::EINVAL || !facts.user_namespaces) {
        return said(
            "the kernel was built without a kind of namespace",
            "use a kernel with all namespaces (CONFIG_USER_NS)",
        );
    }
    if denied && !facts.root && facts.debian == Some(0) {
        return said("kernel.unprivileged_userns_clone is 0", "as root: sysctl kernel.unprivileged_userns_clone=1");
    }
    if denied && !facts.root && facts.apparmor == Some(1) {
        return said(
            "AppArmor takes all rights from user namespaces of ordinary users (kernel.apparmor_restrict_unprivileged_userns is 1)",
            "give the program a profile in /etc/apparmor.d/ipclab with the text `abi <abi/4.0>, profile ipclab /path/to/ipclab \
             flags=(unconfined) { userns, }` and load it with apparmor_parser -r, or as root: sysctl \
             kernel.apparmor_restrict_unprivileged_userns=0",
        );
    }
    if at == step::PROC && denied && facts.masked_proc {
        return said(
            "parts of /proc are covered, as containers do, and then no new one may be mounted",
            "start the container with --security-opt systempaths=unconfined (Docker) or unmask=ALL (Podman)",
        );
    }
    if denied && facts.seccomp {
        return said(
            "a seccomp filter is in force, as in containers",
            "start the container with --security-opt seccomp=unconfined, or with a profile that allows clone and mount",
        );
    }
    if at == step::CLONE && denied {
        return said(
            "this process may not make user namespaces: it runs in a chroot, or a security module forbids them",
            "start it outside of the chroot, or ask the administrator which policy forbids user namespaces",
        );
    }
    if denied {
        return said(
            "a security module or the surrounding container forbids it",
            "look for the refusal in the kernel's log (dmesg), or try outside of the container",
        );
    }
    said("the kernel gave no further reason", "run `ipclab doctor` again on another kernel or outside of containers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_reason() {
        let open = Facts { user_namespaces: true, ..Facts::default() };
        let ubuntu = Facts { apparmor: Some(1), ..open.clone() };
        let table = [
            (step::MAP, Errno::EPERM, ubuntu.clone(), "AppArmor"),
            (step::ROOT, Errno::EACCES, ubuntu.clone(), "AppArmor"),
            // Root is not restricted by it, so it is not the reason.
            (step::ROOT, Errno::EACCES, Facts { root: true, ..ubuntu }, "security module"),
            (step::CLONE, Errno::EPERM, Facts { debian: Some(0), ..open.clone() }, "unprivileged_userns_clone"),
            (
                step::CLONE,
                Errno::ENOSPC,
                Facts { forbidden: vec!["user".into()], ..open.clone() },
                "max_user_namespaces",
            ),
            (step::CLONE, Errno::ENOSPC, Facts { forbidden: vec!["net".into()], ..open.clone() }, "max_net_namespaces"),
            (step::CLONE, Errno::ENOSPC, open.clone(), "limit"),
            (step::CLONE, Errno::EPERM, Facts { seccomp: true, root: true, ..open.clone() }, "seccomp"),
            (step::PROC, Errno::EPERM, Facts { masked_proc: true, seccomp: true, ..open.clone() }, "/proc are covered"),
            (step::CLONE, Errno::EINVAL, open.clone(), "built without"),
            (step::CLONE, Errno::EPERM, open, "chroot"),
        ];
        for (at, errno, facts, word) in table {
            let (why, help) = reason(at, errno, &facts);
            assert!(why.contains(word) && !help.is_empty(), "{at} {errno}: {why}");
        }
    }
}

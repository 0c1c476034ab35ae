//! Who the actors are: the user who started the program, or nobody if that was root.

use std::fs;

use nix::unistd::{getegid, geteuid};

use crate::kernel::credentials::{CAP_SETGID, CAP_SETUID, has_capability};
use crate::kernel::{Result, SysResultExt};

/// The user and group that actors get when root has started the program: nobody's.
const NOBODY: u32 = 65534;
/// A uid beside it, of which a stranger can be.
const STRANGER: u32 = 65533;

/// Who actors are, and who they could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The uid that actors get.
    pub(super) uid: u32,
    /// Their gid.
    pub(super) gid: u32,
    /// Whether they can be given another uid.
    pub(super) strangers: bool,
    uid_map: String,
    gid_map: String,
    /// Whether the kernel lets us map groups without giving up setgroups(2).
    setgroups: bool,
}

impl Identity {
    /// That of this process.
    pub(super) fn own() -> Self {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let privileged = uid == 0 && has_capability(CAP_SETUID) && has_capability(CAP_SETGID);
        if !privileged {
            let one = |id: u32| format!("{id} {id} 1\n");
            return Self { uid, gid, strangers: false, uid_map: one(uid), gid_map: one(gid), setgroups: false };
        }
        let uids = Mapped::read("uid_map");
        let gids = Mapped::read("gid_map");
        let nobody = uids.holds(NOBODY) && gids.holds(NOBODY) && uids.holds(STRANGER) && gids.holds(STRANGER);
        let (uid, gid) = if nobody { (NOBODY, NOBODY) } else { (uid, gid) };
        Self { uid, gid, strangers: nobody, uid_map: uids.identity(), gid_map: gids.identity(), setgroups: true }
    }

    /// Gives the user namespace of process `pid` the same ids as ours.
    pub(super) fn write_maps(&self, pid: i32) -> Result<()> {
        let write = |file: &str, text: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::write(&path, text).on("write", path)
        };
        if !self.setgroups {
            write("setgroups", "deny")?;
        }
        write("uid_map", &self.uid_map)?;
        write("gid_map", &self.gid_map)
    }
}

/// The ids that a user namespace has: first ids and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapped(Vec<(u32, u32)>);

impl Mapped {
    fn read(file: &str) -> Self {
        Self::parse(&fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let extent = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            let first = words.next()?.parse().ok()?;
            Some((first, words.nth(1)?.parse().ok()?))
        };
        Self(text.lines().filter_map(extent).collect())
    }

    fn holds(&self, id: u32) -> bool {
        self.0.iter().any(|(first, count)| id >= *first && id - first < *count)
    }

    /// A map of each of them onto itself.
    fn identity(&self) -> String {
        use std::fmt::Write;
        self.0.iter().fold(String::new(), |mut text, (first, count)| {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{first} {first} {count}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_maps() {
        let whole = Mapped::parse("         0          0 4294967295\n");
        assert!(whole.holds(0) && whole.holds(NOBODY) && !whole.holds(u32::MAX));
        assert_eq!(whole.identity(), "0 0 4294967295\n");
        let subordinate = Mapped::parse("0 1000 1\n1 100000 65536\n");
        assert!(subordinate.holds(NOBODY) && !subordinate.holds(65537));
        assert_eq!(subordinate.identity(), "0 0 1\n1 1 65536\n");
        assert!(!Mapped::parse("0 65534 1\n").holds(NOBODY));
    }
}

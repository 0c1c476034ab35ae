//! Landlock: a process gives up rights for itself and all its descendants, see landlock(7).

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};

use super::{Result, SysResultExt};

/// Rights on files and directories, as LANDLOCK_ACCESS_FS_* of the kernel's landlock.h.
pub mod access {
    /// Executing a file.
    pub const EXECUTE: u64 = 1;
    /// Opening a file for writing.
    pub const WRITE_FILE: u64 = 1 << 1;
    /// Opening a file for reading.
    pub const READ_FILE: u64 = 1 << 2;
    /// Listing a directory.
    pub const READ_DIR: u64 = 1 << 3;
    /// Removing a file.
    pub const REMOVE_FILE: u64 = 1 << 5;
    /// Making a regular file.
    pub const MAKE_REG: u64 = 1 << 8;
    /// Truncating a file; ABI 3.
    pub const TRUNCATE: u64 = 1 << 14;
    /// Device-specific ioctls; ABI 5.
    pub const IOCTL_DEV: u64 = 1 << 15;
    /// Opening a file.
    pub const OPEN: u64 = READ_FILE | WRITE_FILE | TRUNCATE;
    /// Reading, listing and executing.
    pub const USE: u64 = EXECUTE | READ_FILE | READ_DIR;
    /// All that there is.
    pub const ALL: u64 = (1 << 16) - 1;
    /// Those that mean something on what is not a directory.
    pub(super) const ON_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
}

/// The version of Landlock's interface that this kernel has; `None` if it has none or it is switched off.
pub fn abi() -> Option<u32> {
    const CREATE_RULESET_VERSION: u32 = 1;
    let none = std::ptr::null::<u8>();
    // SAFETY: with this flag the kernel reads no memory.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, CREATE_RULESET_VERSION) };
    u32::try_from(abi).ok().filter(|abi| *abi > 0)
}

/// A set of rules in the making.
#[derive(Debug)]
pub struct Ruleset {
    fd: OwnedFd,
    handled: u64,
}

impl Ruleset {
    /// A set that takes those rights on files which no rule gives, as far as the kernel knows them; and that forbids
    /// signals and abstract sockets to reach outside, where the kernel can do that (ABI 6).
    ///
    /// # Errors
    /// ENOSYS, EOPNOTSUPP if there is no Landlock; ENOMSG if nothing that was asked for can be forbidden.
    pub fn new(rights: u64) -> Result<Self> {
        #[repr(C)]
        struct Attr {
            access_fs: u64,
            access_net: u64,
            scoped: u64,
        }
        const SCOPE_ABSTRACT_AND_SIGNAL: u64 = 1 | 2;
        let abi = abi().unwrap_or(0);
        let known = match abi {
            0 | 1 => (1 << 13) - 1,
            2 => (1 << 14) - 1,
            3 | 4 => (1 << 15) - 1,
            _ => access::ALL,
        };
        let handled = rights & known;
        let scoped = if abi >= 6 { SCOPE_ABSTRACT_AND_SIGNAL } else { 0 };
        let size: usize = match abi {
            0..=3 => 8,
            4 | 5 => 16,
            _ => size_of::<Attr>(),
        };
        let attr = Attr { access_fs: handled, access_net: 0, scoped };
        // SAFETY: the kernel reads `size` bytes of `attr`, which has at least as many.
        let fd = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attr, size, 0) };
        let fd = Errno::result(fd).on("landlock_create_ruleset", "")?;
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd as i32) }, handled })
    }

    /// Gives rights on a file, or on a directory and all below it. What this kernel can't tell apart is left out.
    ///
    /// # Errors
    /// Those of opening the path.
    pub fn allow(&self, path: &Path, rights: u64) -> Result<()> {
        #[repr(C, packed)]
        struct PathBeneath {
            allowed: u64,
            parent_fd: i32,
        }
        const RULE_PATH_BENEATH: i32 = 1;
        let name = path.display().to_string();
        let parent = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).on("open", name.clone())?;
        let mode = fstat(&parent).on("fstat", name.clone())?.st_mode;
        let directory = mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits();
        let allowed = rights & self.handled & if directory { access::ALL } else { access::ON_FILES };
        let rule = PathBeneath { allowed, parent_fd: parent.as_raw_fd() };
        let fd = self.fd.as_raw_fd();
        // SAFETY: the kernel reads one rule of this kind.
        let added = unsafe { libc::syscall(libc::SYS_landlock_add_rule, fd, RULE_PATH_BENEATH, &raw const rule, 0) };
        Errno::result(added).on("landlock_add_rule", name).map(drop)
    }

    /// Enters the domain of these rules, for good. It needs no_new_privs.
    ///
    /// # Errors
    /// EPERM without no_new_privs; E2BIG in the sixteenth domain.
    pub fn enter(self) -> Result<()> {
        // SAFETY: takes two integers.
        let entered = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.fd.as_raw_fd(), 0) };
        Errno::result(entered).on("landlock_restrict_self", "").map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::kernel::process::{self, How};
    use crate::kernel::testing::in_child;

    #[test]
    fn only_what_rules_give_is_left() {
        let Some(abi) = abi() else { return };
        let dir = std::env::temp_dir().join(format!("ipclab-landlock-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let outside = dir.with_extension("outside");
        fs::write(&outside, "x").unwrap();
        let parent = std::process::id() as i32;
        // In a process of its own, since there is no way back.
        let how = in_child(|| {
            let entered = nix::sys::prctl::set_no_new_privs().is_ok()
                && Ruleset::new(access::ALL)
                    .and_then(|rules| rules.allow(&dir, access::ALL).and(rules.enter()))
                    .is_ok();
            let inside = fs::write(dir.join("f"), "x").is_ok() && fs::read(dir.join("f")).is_ok();
            let denied = [fs::read(&outside).map(drop), fs::write(&outside, "y"), fs::remove_file(&outside)];
            let kept = denied.iter().all(|done| done.as_ref().is_err_and(|e| e.raw_os_error() == Some(libc::EACCES)));
            let signal = process::kill(parent, 0) == if abi >= 6 { Err(Errno::EPERM) } else { Ok(()) };
            i32::from(!entered) | i32::from(!inside) << 1 | i32::from(!kept) << 2 | i32::from(!signal) << 3
        });
        let left = fs::read(&outside);
        fs::remove_dir_all(&dir).unwrap();
        fs::remove_file(&outside).unwrap();
        assert_eq!((how, left.unwrap().as_slice()), (How::Exited(0), &b"x"[..]));
    }

    #[test]
    fn rights_that_are_not_taken_stay() {
        if abi().is_none() {
            return;
        }
        let how = in_child(|| {
            let entered = nix::sys::prctl::set_no_new_privs().is_ok()
                && Ruleset::new(access::ALL & !access::OPEN).and_then(Ruleset::enter).is_ok();
            i32::from(!entered || fs::read("/proc/self/status").is_err() || fs::read_dir("/").is_ok())
        });
        assert_eq!(how, How::Exited(0));
    }
}

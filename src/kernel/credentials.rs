//! What a process may do: user, groups, capabilities, see credentials(7) and capabilities(7).

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::{Result, SysResultExt};

/// `_LINUX_CAPABILITY_VERSION_3`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Default, Clone, Copy)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Gives up every privilege for good: all capabilities of all five sets, and any that execve(2) could give back. With
/// `identity` also becomes that user and group, without supplementary groups (this needs CAP_SETUID and CAP_SETGID);
/// without it, user and groups stay as they are.
///
/// Afterwards the process may be looked at as before (PR_SET_DUMPABLE, which a change of user takes away), but
/// PR_SET_PDEATHSIG must be asked for again.
pub fn drop_privileges(identity: Option<(u32, u32)>) -> Result<()> {
    drop_bounding_set()?;
    if let Some((uid, gid)) = identity {
        let (user, group) = (Uid::from_raw(uid), Gid::from_raw(gid));
        setgroups(&[]).on("setgroups", "none")?;
        setresgid(group, group, group).on("setresgid", gid.to_string())?;
        setresuid(user, user, user).on("setresuid", uid.to_string())?;
    }
    clear_capabilities().on("capset", "none")?;
    prctl::set_no_new_privs().on("prctl", "PR_SET_NO_NEW_PRIVS")?;
    prctl::set_dumpable(true).on("prctl", "PR_SET_DUMPABLE")
}

/// The bounding set only limits what could be gained; who has no CAP_SETPCAP has nothing to gain from it, as
/// no_new_privs follows.
fn drop_bounding_set() -> Result<()> {
    for capability in 0..64 {
        // SAFETY: takes integers only.
        match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }) {
            // Behind the last one that this kernel knows.
            Err(Errno::EINVAL) => break,
            Ok(_) | Err(Errno::EPERM) => {}
            Err(errno) => return Err(errno).on("prctl", format!("PR_CAPBSET_DROP {capability}")),
        }
    }
    Ok(())
}

fn clear_capabilities() -> Result<(), Errno> {
    // SAFETY: takes integers only.
    Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) })?;
    let header = Header { version: CAPABILITY_VERSION, pid: 0 };
    let data = [Data::default(); 2];
    // SAFETY: header and two data structures, as version 3 takes them.
    let ret = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    Errno::result(ret).map(drop)
}

/// Whether this process has a capability (its number) in its effective set.
pub fn has_capability(number: u32) -> bool {
    let header = Header { version: CAPABILITY_VERSION, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: header and two data structures, as version 3 takes them.
    let ret = unsafe { libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr()) };
    ret == 0 && data.get(number as usize / 32).is_some_and(|data| data.effective & (1 << (number % 32)) != 0)
}

/// CAP_SETUID of linux/capability.h.
pub const CAP_SETUID: u32 = 7;
/// CAP_SETGID.
pub const CAP_SETGID: u32 = 6;
/// CAP_SYS_PTRACE.
pub const CAP_SYS_PTRACE: u32 = 19;
/// CAP_SYS_ADMIN.
pub const CAP_SYS_ADMIN: u32 = 21;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc;
    use crate::kernel::process::How;
    use crate::kernel::testing::in_child;

    /// In a process of its own, since there is no way back.
    fn dropped(identity: Option<(u32, u32)>) -> How {
        in_child(|| {
            let uid = identity.map_or_else(|| nix::unistd::geteuid().as_raw(), |(uid, _)| uid);
            if drop_privileges(identity).is_err() {
                return 100;
            }
            let text = std::fs::read_to_string("/proc/self/status").unwrap();
            let sets = text.lines().filter(|line| line.starts_with("Cap") && !line.starts_with("CapBnd"));
            let empty = sets.clone().count() == 4 && sets.clone().all(|line| line.ends_with("\t0000000000000000"));
            let status = proc::status(std::process::id() as i32).unwrap();
            let fine = empty
                && status.no_new_privs
                && status.uid == [uid; 4]
                && prctl::get_dumpable() == Ok(true)
                && !has_capability(CAP_SETUID)
                && setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_err() == (uid != 0)
                && (identity.is_none() || nix::unistd::getgroups().is_ok_and(|groups| groups.is_empty()));
            i32::from(!fine)
        })
    }

    #[test]
    fn nothing_is_left_and_nothing_comes_back() {
        assert_eq!(dropped(None), How::Exited(0));
        // In a user namespace of one user there is nobody else to become, whatever the capabilities say.
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
        let mapped = map.lines().any(|line| {
            let words: Vec<u64> = line.split_ascii_whitespace().map(|word| word.parse().unwrap()).collect();
            (words[0]..words[0] + words[2]).contains(&65534)
        });
        if has_capability(CAP_SETUID) && mapped {
            assert_eq!(dropped(Some((65534, 65534))), How::Exited(0));
        } else {
            assert_eq!(dropped(Some((65533, 65533))), How::Exited(100));
        }
    }
}

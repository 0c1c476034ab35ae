//! Setting a process apart: forking into new namespaces, and what is needed inside them.

use std::os::fd::AsRawFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::process::Fork;
use super::{Result, SysError, SysResultExt, proc};

/// fork(2), the child in new namespaces (`CLONE_NEWUSER | CLONE_NEWPID | ...`), see clone(2). With a new user namespace
/// the child has all capabilities within it, and no mapping yet.
///
/// # Errors
/// Those of clone(2). EBUSY if this process has more than one thread.
pub fn fork_into(namespaces: CloneFlags) -> Result<Fork> {
    let threads = proc::tasks(std::process::id() as i32)?.len();
    if threads != 1 {
        return Err(SysError::new("clone", format!("with {threads} threads"), Errno::EBUSY));
    }
    // As fork does it: the kernel writes the child's id where the C library keeps it. Where that is, is asked of the
    // kernel; if it does not tell, the library works with a stale id.
    const PR_GET_TID_ADDRESS: i32 = 40;
    let mut kept: *mut i32 = std::ptr::null_mut();
    // SAFETY: the kernel writes one pointer to `kept`.
    unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut kept) };
    let keeping = if kept.is_null() { 0 } else { libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID };
    let flags = i64::from(namespaces.bits() | keeping | libc::SIGCHLD);
    let none = std::ptr::null_mut::<i32>();
    // The last two arguments stand the other way round on aarch64.
    let last = if cfg!(target_arch = "aarch64") { [none, kept] } else { [kept, none] };
    // SAFETY: without CLONE_VM and with no stack given this is a fork, and there is no other thread that could hold a
    // lock. `kept` is where the C library keeps this thread's id, as it has told the kernel itself.
    let forked = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, last[0], last[1]) };
    match Errno::result(forked).on("clone", format!("{namespaces:?}"))? {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid as i32)),
    }
}

/// Takes the loopback interface of our network namespace up, for groups too: they are reached through it where no other
/// way is known, as a machine with a network reaches them through that.
///
/// # Errors
/// EPERM without `CAP_NET_ADMIN` in it.
pub fn loopback_up() -> Result<()> {
    let any = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).on("socket", "AF_INET")?;
    // SAFETY: ifreq is plain data, and zero is a value of it.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes_with_nul()) {
        *to = *from as libc::c_char;
    }
    // SAFETY: SIOCGIFFLAGS reads the name in `request` and writes its flags.
    let got = unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) };
    Errno::result(got).on("ioctl", "SIOCGIFFLAGS of lo")?;
    // SAFETY: SIOCGIFFLAGS has written this member.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | (libc::IFF_UP | libc::IFF_RUNNING | libc::IFF_MULTICAST) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads the name and the flags in `request`.
    let set = unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) };
    Errno::result(set).on("ioctl", "SIOCSIFFLAGS of lo")?;
    // All but groups works without it.
    let _ = super::netlink::route::groups_through_loopback();
    Ok(())
}

/// Makes a mount and all mounts below it read-only, without devices and without set-user-id programs, see
/// mount_setattr(2).
///
/// # Errors
/// ENOSYS before Linux 5.12.
pub fn make_readonly(mount: &Path) -> Result<()> {
    #[repr(C)]
    struct MountAttr {
        set: u64,
        clear: u64,
        propagation: u64,
        userns_fd: u64,
    }
    const RDONLY_NOSUID_NODEV: u64 = 1 | 2 | 4;
    let path = std::ffi::CString::new(mount.as_os_str().as_encoded_bytes())
        .map_err(|_nul| SysError::new("mount_setattr", mount.display().to_string(), Errno::EINVAL))?;
    let attr = MountAttr { set: RDONLY_NOSUID_NODEV, clear: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path ends with nul; the kernel reads as many bytes of `attr` as we say that it has.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    Errno::result(set).on("mount_setattr", mount.display().to_string()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_to_fork_beside_other_threads() {
        // The test harness has at least its main thread beside this one.
        assert_eq!(fork_into(CloneFlags::CLONE_NEWUTS).unwrap_err().errno, Errno::EBUSY);
    }
}

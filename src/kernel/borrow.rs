//! Looking into another process without disturbing it: its descriptors, its memory.
//!
//! A borrowed descriptor is a real holder of the object: while it is open, readers get no end of file and writers no
//! EPIPE. Borrow, look and close before any actor runs again.

use std::cmp::Ordering;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::uio::RemoteIoVec;
use nix::unistd::Pid;

use super::{Result, SysResultExt};

/// A descriptor that stands for a process, see pidfd_open(2); it is readable once the process has ended, reaped or not.
///
/// # Errors
/// ESRCH if there is none; ENOSYS before Linux 5.3.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd> {
    open_pidfd(pid, 0)
}

/// The same for a thread: it tells of the thread's own end, and its descriptors can be borrowed though the first thread
/// of the process has ended.
///
/// # Errors
/// ESRCH if there is none; EINVAL before Linux 6.9.
pub fn pidfd_open_thread(tid: i32) -> Result<OwnedFd> {
    const PIDFD_THREAD: i32 = libc::O_EXCL;
    open_pidfd(tid, PIDFD_THREAD)
}

fn open_pidfd(pid: i32, flags: i32) -> Result<OwnedFd> {
    // SAFETY: takes two integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
    let fd = Errno::result(fd).on("pidfd_open", pid.to_string())?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Whether the process behind a pidfd has ended.
pub fn has_ended(pidfd: impl AsFd) -> bool {
    ends_within(pidfd, Duration::ZERO)
}

/// Waits until the process behind a pidfd has ended, at most for `limit`, and says whether it has.
pub fn ends_within(pidfd: impl AsFd, limit: Duration) -> bool {
    let deadline = std::time::Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if std::time::Instant::now() < deadline => {}
            Ok(ready) => return ready > 0,
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}

/// Sends a signal to the process behind a pidfd; it can't hit another one that has got the same pid since.
///
/// # Errors
/// ESRCH if it has been reaped; EPERM.
pub fn pidfd_send_signal(pidfd: impl AsFd, signal: Signal) -> Result<(), Errno> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo asks for the one that kill(2) would send.
    let ret = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_fd().as_raw_fd(), signal as i32, info, 0) };
    Errno::result(ret).map(drop)
}

/// A duplicate of another process' descriptor, close-on-exec, see pidfd_getfd(2).
///
/// # Errors
/// EBADF if it is not open there, ESRCH if the process has ended, EPERM if we may not look at it.
pub fn borrow(pidfd: impl AsFd, fd: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: takes three integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_fd().as_raw_fd(), fd, 0) };
    let fd = Errno::result(fd)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// What stands behind a descriptor of another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Device of the file.
    pub dev: u64,
    /// Inode of the file.
    pub ino: u64,
    /// Type and permissions of the file, as in stat(2).
    pub mode: u32,
    /// Access mode and status flags, as in open(2). O_CLOEXEC is not among them: it belongs to the descriptor.
    pub flags: i32,
    /// The file offset in bytes; `None` where there is none, as for a pipe.
    pub offset: Option<u64>,
}

/// Looks at a descriptor of another process by borrowing it for a moment: a fifth of what procfs takes for the same.
/// Only while nobody runs who would notice a holder more.
///
/// # Errors
/// Those of [`borrow`].
pub fn describe(pidfd: impl AsFd, fd: i32) -> Result<Description, Errno> {
    let borrowed = borrow(pidfd, fd)?;
    let stat = nix::sys::stat::fstat(&borrowed)?;
    let flags = nix::fcntl::fcntl(&borrowed, nix::fcntl::FcntlArg::F_GETFL)?;
    let offset = nix::unistd::lseek(&borrowed, 0, nix::unistd::Whence::SeekCur).ok().map(|offset| offset as u64);
    Ok(Description { dev: stat.st_dev, ino: stat.st_ino, mode: stat.st_mode, flags, offset })
}

/// Who is told by a signal when something can be read or written there, and by which (0 is SIGIO): F_GETOWN and
/// F_GETSIG of a descriptor that is borrowed for a moment. The pid is that of our pid namespace, 0 for nobody.
///
/// # Errors
/// Those of [`borrow`].
pub fn owner(pidfd: impl AsFd, fd: i32) -> Result<(i32, i32), Errno> {
    let borrowed = borrow(pidfd, fd)?;
    let ask = |command| super::fd::fcntl_int(borrowed.as_raw_fd(), command, 0);
    Ok((ask(libc::F_GETOWN)?, ask(super::fd::F_GETSIG)?))
}

/// Copies another process' memory from `address` on, and says how much: less than asked for where a mapping ends.
///
/// # Errors
/// EFAULT if nothing is mapped there, ESRCH, EPERM.
pub fn read_memory(pid: i32, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    let remote = RemoteIoVec { base: address as usize, len: buffer.len() };
    let mut read = |tid: i32| {
        nix::sys::uio::process_vm_readv(Pid::from_raw(tid), &mut [std::io::IoSliceMut::new(buffer)], &[remote])
    };
    match read(pid) {
        Err(Errno::ESRCH) => through_others(pid, read),
        done => done,
    }
}

/// Reads memory through another thread of a process whose first one has ended and has none any more, though the process
/// goes on.
fn through_others(pid: i32, mut read: impl FnMut(i32) -> Result<usize, Errno>) -> Result<usize, Errno> {
    let others = super::proc::tasks(pid).map_err(|error| error.errno)?.into_iter().filter(|tid| *tid != pid);
    let mut told = others.map(&mut read).skip_while(|told| matches!(told, Err(Errno::ESRCH | Errno::ENOENT) | Ok(0)));
    told.next().unwrap_or(Err(Errno::ESRCH))
}

/// The same for private memory. process_vm_readv(2) pins the pages that it reads, and the kernel gives a process a copy of
/// its own of a page that it shares with relatives before it lets anybody pin it: to look would part them. Reading
/// /proc/PID/mem pins nothing. It also reads where the process itself may not.
///
/// # Errors
/// EIO if nothing is mapped there, ESRCH, EACCES.
pub fn read_private(pid: i32, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    use std::os::unix::fs::FileExt;
    let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
    let wanted = buffer.len();
    let mut read = |tid: i32| {
        let memory = std::fs::File::open(format!("/proc/{pid}/task/{tid}/mem")).map_err(errno)?;
        memory.read_at(buffer, address).map_err(errno)
    };
    match read(pid) {
        // A task without memory reads as an empty file, or as none; who is not root may not even open it.
        Ok(0) | Err(Errno::ESRCH | Errno::EACCES) if wanted > 0 => through_others(pid, read),
        done => done,
    }
}

/// Compares the open file descriptions behind two descriptors of two processes, see kcmp(2): equal means that they
/// share offset, flags and locks. The order otherwise is the kernel's own, and stable.
///
/// # Errors
/// EBADF, ESRCH, EPERM; ENOSYS where the kernel was built without it.
pub fn kcmp_file(one: (i32, i32), other: (i32, i32)) -> Result<Ordering, Errno> {
    const KCMP_FILE: i32 = 0;
    // SAFETY: takes five integers.
    let ret = unsafe { libc::syscall(libc::SYS_kcmp, one.0, other.0, KCMP_FILE, one.1 as u64, other.1 as u64) };
    match Errno::result(ret)? {
        0 => Ok(Ordering::Equal),
        1 => Ok(Ordering::Less),
        _ => Ok(Ordering::Greater),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn cat() -> (Child, OwnedFd) {
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pidfd = pidfd_open(child.id() as i32).unwrap();
        (child, pidfd)
    }

    #[test]
    fn follows_a_process_to_its_end() {
        let (mut child, pidfd) = cat();
        let early = has_ended(&pidfd);
        pidfd_send_signal(&pidfd, Signal::SIGKILL).unwrap();
        let ended = ends_within(&pidfd, Duration::from_secs(20));
        child.wait().unwrap();
        assert!(!early && ended);
        assert_eq!(pidfd_send_signal(&pidfd, Signal::SIGKILL), Err(Errno::ESRCH));
        assert_eq!(pidfd_open(child.id() as i32).unwrap_err().errno, Errno::ESRCH);
    }

    #[test]
    fn borrows_a_childs_descriptor() {
        let (mut child, pidfd) = cat();
        let (pipe, null, none) = (describe(&pidfd, 0), describe(&pidfd, 1), describe(&pidfd, 77));
        let (borrowed, missing) = (borrow(&pidfd, 0), borrow(&pidfd, 77));
        let ours = (std::process::id() as i32, child.stdin.as_ref().unwrap().as_raw_fd());
        let theirs = (child.id() as i32, 0);
        let same = borrowed.as_ref().map(|fd| kcmp_file(theirs, (ours.0, fd.as_raw_fd())));
        let different = kcmp_file(theirs, ours);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(missing.unwrap_err(), Errno::EBADF);
        let (pipe, null) = (pipe.unwrap(), null.unwrap());
        assert_eq!((pipe.mode & libc::S_IFMT, pipe.flags, pipe.offset), (libc::S_IFIFO, libc::O_RDONLY, None));
        let stat = nix::sys::stat::fstat(borrowed.as_ref().unwrap()).unwrap();
        assert_eq!((pipe.dev, pipe.ino), (stat.st_dev, stat.st_ino));
        assert_eq!(null.offset, Some(0));
        assert_eq!(null.flags & libc::O_ACCMODE, libc::O_WRONLY);
        assert_eq!(none, Err(Errno::EBADF));
        match same.unwrap() {
            Err(Errno::ENOSYS) => {}
            same => {
                assert_eq!(same, Ok(Ordering::Equal));
                assert_ne!(different, Ok(Ordering::Equal));
            }
        }
        let flags = nix::fcntl::fcntl(borrowed.unwrap(), nix::fcntl::FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags, libc::FD_CLOEXEC);
    }

    #[test]
    fn reads_memory_and_says_where_there_is_none() {
        let text = *b"as it lies there";
        let mut copy = [0; 16];
        let pid = std::process::id() as i32;
        assert_eq!(read_memory(pid, text.as_ptr() as u64, &mut copy), Ok(16));
        assert_eq!(copy, text);
        assert_eq!(read_memory(pid, 0, &mut copy), Err(Errno::EFAULT));
    }

    #[test]
    fn memory_outlives_the_first_thread() {
        use crate::kernel::process::{How, waitpid};
        use crate::kernel::testing::start;
        use std::sync::atomic::AtomicU32;
        // The page is there before the fork, so it has the same address on both sides.
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = crate::kernel::memory::mmap(0, 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0).unwrap();
        static GO: AtomicU32 = AtomicU32::new(0);
        let pid = start(|| {
            crate::kernel::memory::store(page, crate::kernel::memory::Width::W32, 77);
            let rest = || while crate::kernel::futex::wait(&GO, 0, None).is_ok() {};
            std::thread::Builder::new().spawn(rest).unwrap();
            // SAFETY: ends this thread alone, and nothing on its stack is needed any more.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
            0
        });
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        while !stat().contains(") Z ") && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        let mut seen = [0; 4];
        let by_call = read_memory(pid, page, &mut seen);
        let (word, by_file) = (seen, read_private(pid, page, &mut seen));
        let pidfd = pidfd_open(pid).unwrap();
        pidfd_send_signal(&pidfd, Signal::SIGKILL).unwrap();
        let ended = waitpid(pid, 0);
        assert_eq!((by_call, by_file, word, seen), (Ok(4), Ok(4), 77_u32.to_ne_bytes(), 77_u32.to_ne_bytes()));
        assert!(matches!(ended, Ok(Some((_, How::Killed(_))))), "{ended:?}");
    }
}

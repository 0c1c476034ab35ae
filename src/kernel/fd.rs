//! Descriptors: by number, as a learner's actor uses them, and our own, which must keep out of its way.
//!
//! The calls by number give the kernel's own answer, EBADF included. A number that belongs to an owned descriptor of
//! ours would be closed under it; an actor keeps its own out of a learner's reach (1000 and up, beyond its
//! RLIMIT_NOFILE).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use super::{Result, SysResultExt};

/// Reads into `buffer`, see read(2).
pub fn read(fd: i32, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most the buffer's length into the buffer.
    let ret = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    Errno::result(ret).map(|count| count as usize)
}

/// Writes `bytes`, see write(2).
pub fn write(fd: i32, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads at most the slice's length from the slice.
    let ret = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    Errno::result(ret).map(|count| count as usize)
}

/// Reads at an offset and leaves the file's own offset, see pread(2).
pub fn pread(fd: i32, buffer: &mut [u8], offset: i64) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most the buffer's length into the buffer.
    let ret = unsafe { libc::pread(fd, buffer.as_mut_ptr().cast(), buffer.len(), offset) };
    Errno::result(ret).map(|count| count as usize)
}

/// Writes at an offset and leaves the file's own offset, see pwrite(2).
pub fn pwrite(fd: i32, bytes: &[u8], offset: i64) -> Result<usize, Errno> {
    // SAFETY: the kernel reads at most the slice's length from the slice.
    let ret = unsafe { libc::pwrite(fd, bytes.as_ptr().cast(), bytes.len(), offset) };
    Errno::result(ret).map(|count| count as usize)
}

/// What a number leads to, see fstat(2).
pub fn fstat(fd: i32) -> Result<libc::stat, Errno> {
    // SAFETY: all zero is a stat.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills the structure, which is ours.
    Errno::result(unsafe { libc::fstat(fd, &raw mut stat) })?;
    Ok(stat)
}

/// Reads into memory that the learner chose; EFAULT where there is none.
pub fn read_into(fd: i32, address: u64, length: u64) -> Result<usize, Errno> {
    // SAFETY: the kernel checks the address itself; what it overwrites is the actor's own memory.
    let ret = unsafe { libc::read(fd, address as *mut libc::c_void, length as usize) };
    Errno::result(ret).map(|count| count as usize)
}

/// Writes memory that the learner chose; EFAULT where there is none.
pub fn write_from(fd: i32, address: u64, length: u64) -> Result<usize, Errno> {
    // SAFETY: the kernel checks the address itself, and only reads.
    let ret = unsafe { libc::write(fd, address as *const libc::c_void, length as usize) };
    Errno::result(ret).map(|count| count as usize)
}

/// Moves the file offset and gives the new one, see lseek(2).
pub fn lseek(fd: i32, offset: i64, whence: i32) -> Result<i64, Errno> {
    // SAFETY: takes three integers.
    Errno::result(unsafe { libc::lseek(fd, offset, whence) })
}

/// Closes a number, see close(2).
pub fn close(fd: i32) -> Result<(), Errno> {
    // SAFETY: the learner's number; see the head of this file for ours.
    Errno::result(unsafe { libc::close(fd) }).map(drop)
}

/// The lowest free number for the same open file description, see dup(2).
pub fn dup(fd: i32) -> Result<i32, Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::dup(fd) })
}

/// Makes `new` stand for what `old` does, closing what it stood for, see dup2(2).
pub fn dup2(old: i32, new: i32) -> Result<i32, Errno> {
    // SAFETY: takes two integers; see the head of this file for numbers of ours.
    Errno::result(unsafe { libc::dup2(old, new) })
}

/// dup2 with flags (O_CLOEXEC), and EINVAL where both are the same number, see dup(2).
pub fn dup3(old: i32, new: i32, flags: i32) -> Result<i32, Errno> {
    // SAFETY: takes three integers; see the head of this file for numbers of ours.
    Errno::result(unsafe { libc::dup3(old, new, flags) })
}

/// The command of fcntl(2) that sets which signal tells of input or output; libc lacks it.
pub const F_SETSIG: i32 = 10;
/// The command that asks for it.
pub const F_GETSIG: i32 = 11;

/// A command of fcntl(2) that takes an integer or nothing: F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD, F_GETPIPE_SZ,
/// F_SETPIPE_SZ, F_GET_SEALS, F_SETOWN, ... EINVAL for those that take a pointer.
pub fn fcntl_int(fd: i32, command: i32, argument: i32) -> Result<i32, Errno> {
    match command {
        libc::F_DUPFD
        | libc::F_DUPFD_CLOEXEC
        | libc::F_GETFD
        | libc::F_SETFD
        | libc::F_GETFL
        | libc::F_SETFL
        | libc::F_GETPIPE_SZ
        | libc::F_SETPIPE_SZ
        | libc::F_ADD_SEALS
        | libc::F_GET_SEALS
        | libc::F_GETOWN
        | libc::F_SETOWN
        | F_GETSIG
        | F_SETSIG
        | libc::F_SETLEASE
        | libc::F_GETLEASE => {
            // SAFETY: these commands take an integer at most.
            Errno::result(unsafe { libc::fcntl(fd, command, argument) })
        }
        _ => Err(Errno::EINVAL),
    }
}

/// A pipe's two numbers, read end first, see pipe2(2).
pub fn pipe2(flags: i32) -> Result<(i32, i32), Errno> {
    let mut ends = [-1; 2];
    // SAFETY: the kernel writes two ints.
    Errno::result(unsafe { libc::pipe2(ends.as_mut_ptr(), flags) })?;
    Ok((ends[0], ends[1]))
}

/// Sets a file's length, see ftruncate(2).
pub fn ftruncate(fd: i32, length: i64) -> Result<(), Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::ftruncate(fd, length) }).map(drop)
}

/// Changes a file's permissions, see fchmod(2).
pub fn fchmod(fd: i32, mode: u32) -> Result<(), Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::fchmod(fd, mode) }).map(drop)
}

/// Moves a descriptor of ours to the lowest free number from `at_least` on, close-on-exec.
pub fn move_fd(fd: OwnedFd, at_least: i32) -> Result<OwnedFd> {
    if fd.as_raw_fd() >= at_least {
        return Ok(fd);
    }
    let moved = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(at_least)).on("fcntl", format!("F_DUPFD_CLOEXEC {at_least}"))?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}

/// Makes `number` stand for what `fd` does, closing what it stood for: how a child gets its stdio, and how a
/// descriptor gets the number by which it is handed over execve(2).
pub fn place_fd(fd: BorrowedFd<'_>, number: i32, close_on_exec: bool) -> Result<(), Errno> {
    if fd.as_raw_fd() == number {
        let flag = if close_on_exec { libc::FD_CLOEXEC } else { 0 };
        return fcntl_int(number, libc::F_SETFD, flag).map(drop);
    }
    dup3(fd.as_raw_fd(), number, if close_on_exec { libc::O_CLOEXEC } else { 0 }).map(drop)
}

/// Takes over a descriptor that came by number over fork(2) or execve(2), and makes it close-on-exec. Only once for
/// each number: the result closes it.
///
/// # Errors
/// EBADF if it is not open.
pub fn adopt_fd(number: i32) -> Result<OwnedFd, Errno> {
    fcntl_int(number, libc::F_SETFD, libc::FD_CLOEXEC)?;
    // SAFETY: it is open, and by the contract above nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes every descriptor except those of these numbers. For the child of a fork, which then takes over its own by
/// [`adopt_fd`]; whatever object of ours still names a closed one must not be used or dropped.
pub fn close_all_except(keep: &[i32]) -> Result<()> {
    close_from_except(0, keep)
}

/// The same for those from a number on.
pub fn close_from_except(first: i32, keep: &[i32]) -> Result<()> {
    let mut keep: Vec<u32> = keep.iter().filter_map(|&fd| u32::try_from(fd).ok()).collect();
    keep.sort_unstable();
    let mut first = first.max(0) as u32;
    for fd in keep {
        if fd > first {
            close_from(first, fd - 1)?;
        }
        first = fd + 1;
    }
    close_from(first, u32::MAX)
}

fn close_from(first: u32, last: u32) -> Result<()> {
    // SAFETY: takes three integers; whose descriptors they are is the contract of the caller.
    let ret = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    match Errno::result(ret) {
        // Before Linux 5.9, or under an older seccomp filter.
        Err(Errno::ENOSYS | Errno::EPERM) => {
            for fd in super::proc::FdDir::open(std::process::id() as i32)?.numbers() {
                if (first..=last).contains(&(fd as u32)) {
                    let _ = close(fd);
                }
            }
            Ok(())
        }
        result => result.map(drop).on("close_range", format!("{first}..={last}")),
    }
}

/// Whether the kernel has close_range(2).
pub(super) fn close_range_works() -> Result<(), Errno> {
    // SAFETY: takes three integers, of which the range holds no descriptor that could be open.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, u32::MAX - 1, u32::MAX, 0) }).map(drop)
}

/// Whether two descriptors of ours lead to the same file.
pub fn same_file(one: impl AsFd, other: impl AsFd) -> Result<bool, Errno> {
    let (one, other) = (nix::sys::stat::fstat(one)?, nix::sys::stat::fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;

    use super::*;
    use crate::kernel::process::How;
    use crate::kernel::testing::in_child;

    #[test]
    fn numbers_get_the_kernels_answers() {
        let (r, w) = pipe2(libc::O_CLOEXEC | libc::O_NONBLOCK).unwrap();
        assert_eq!(write(w, b"hello"), Ok(5));
        let mut buffer = [0; 8];
        assert_eq!((read(r, &mut buffer), &buffer[..5]), (Ok(5), b"hello".as_slice()));
        assert_eq!(read(r, &mut buffer), Err(Errno::EAGAIN));
        assert_eq!(read(w, &mut buffer), Err(Errno::EBADF));
        assert_eq!(write_from(w, 8, 1), Err(Errno::EFAULT));
        assert_eq!(write_from(w, buffer.as_ptr() as u64, 2), Ok(2));
        assert_eq!(read_into(r, buffer.as_mut_ptr() as u64 + 6, 2), Ok(2));
        assert_eq!(&buffer, b"hello\0he");
        assert_eq!(lseek(r, 0, libc::SEEK_SET), Err(Errno::ESPIPE));
        assert_eq!(pread(r, &mut buffer, 0), Err(Errno::ESPIPE));
        assert_eq!(fstat(r).map(|stat| stat.st_mode & libc::S_IFMT), Ok(libc::S_IFIFO));
        assert_eq!(fstat(-1).map(|_| ()), Err(Errno::EBADF));
        assert_eq!(fcntl_int(w, libc::F_GETFL, 0), Ok(libc::O_WRONLY | libc::O_NONBLOCK));
        assert_eq!(fcntl_int(w, libc::F_SETLK, 0), Err(Errno::EINVAL));
        assert_eq!(dup3(w, w, 0), Err(Errno::EINVAL));
        let copy = dup(w).unwrap();
        assert_eq!(dup2(r, copy), Ok(copy));
        assert_eq!(write(copy, b"x"), Err(Errno::EBADF));
        for fd in [r, w, copy] {
            assert_eq!(close(fd), Ok(()));
        }
        assert_eq!(close(i32::MAX), Err(Errno::EBADF));
        assert_eq!(ftruncate(-1, 0), Err(Errno::EBADF));
        assert_eq!(pipe2(1), Err(Errno::EINVAL));
    }

    #[test]
    fn offsets_are_of_the_description_or_of_the_call() {
        let file = crate::kernel::testing::scratch_file("offsets");
        let fd = file.as_raw_fd();
        assert_eq!(write(fd, b"0123456789"), Ok(10));
        assert_eq!(pwrite(fd, b"ab", 4), Ok(2));
        assert_eq!(lseek(fd, 0, libc::SEEK_CUR), Ok(10));
        let mut buffer = [0; 4];
        assert_eq!((pread(fd, &mut buffer, 3), &buffer), (Ok(4), b"3ab6"));
        assert_eq!(lseek(fd, -3, libc::SEEK_END), Ok(7));
        assert_eq!((read(fd, &mut buffer), &buffer[..3]), (Ok(3), b"789".as_slice()));
    }

    #[test]
    fn ours_move_out_of_the_way() {
        let file: OwnedFd = crate::kernel::testing::scratch_file("moves").into();
        let before = file.as_raw_fd();
        let inode = nix::sys::stat::fstat(&file).unwrap().st_ino;
        let moved = move_fd(file, 500).unwrap();
        assert!(moved.as_raw_fd() >= 500 && before < 500);
        assert_eq!(nix::sys::stat::fstat(&moved).unwrap().st_ino, inode);
        assert_eq!(move_fd(moved.try_clone().unwrap(), 3).map(|fd| fd.as_raw_fd() >= 3), Ok(true));
        let number = moved.into_raw_fd();
        assert_eq!(adopt_fd(number).unwrap().as_raw_fd(), number);
        assert_eq!(adopt_fd(i32::MAX).unwrap_err(), Errno::EBADF);
    }

    #[test]
    fn all_but_the_kept_are_closed() {
        let (r, w) = pipe2(0).unwrap();
        let how = in_child(|| {
            let closed = close_all_except(&[w, 0, -1, 700]);
            let open = super::super::proc::descriptors(std::process::id() as i32).unwrap();
            // Those of the directories that were read are closed again by now.
            let still = |fd: &i32| fcntl_int(*fd, libc::F_GETFD, 0).is_ok();
            let open: Vec<i32> = open.iter().map(|entry| entry.fd).filter(still).collect();
            i32::from(closed.is_err() || open != [0, w])
        });
        for fd in [r, w] {
            close(fd).unwrap();
        }
        assert_eq!(how, How::Exited(0));
    }

    #[test]
    fn places_and_flags() {
        let file = crate::kernel::testing::scratch_file("placed");
        let number = 900;
        place_fd(file.as_fd(), number, false).unwrap();
        assert_eq!(fcntl_int(number, libc::F_GETFD, 0), Ok(0));
        let placed = adopt_fd(number).unwrap();
        assert_eq!(fcntl_int(number, libc::F_GETFD, 0), Ok(libc::FD_CLOEXEC));
        assert_eq!(same_file(&placed, &file), Ok(true));
        place_fd(placed.as_fd(), number, false).unwrap();
        assert_eq!(fcntl_int(number, libc::F_GETFD, 0), Ok(0));
    }
}

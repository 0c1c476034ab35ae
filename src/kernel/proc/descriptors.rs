//! The descriptors of a process: what each leads to, and what its open file description holds.

use std::fs::File;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{Mode, fstatat};

use super::locks::{LockEntry, parse_lock};
use super::{number, read_line, read_single};
use crate::kernel::{Result, SysResultExt};

/// One open descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FdEntry {
    /// Its number.
    pub fd: i32,
    /// Device of the file that it leads to. An inode number alone names nothing.
    pub dev: u64,
    /// Inode of that file.
    pub ino: u64,
    /// Its type and permissions, as in stat(2).
    pub mode: u32,
    /// How the kernel names it: `pipe:[123]`, `/dev/null`, `/queue`.
    pub link: String,
}

/// What /proc/PID/fdinfo/FD says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FdInfo {
    /// The file offset, in bytes.
    pub pos: u64,
    /// Status flags of the description and O_CLOEXEC of the descriptor, as in open(2).
    pub flags: i32,
    /// Inode, where the kernel says it (5.14 and later).
    pub ino: Option<u64>,
    /// Locks held through this description.
    pub locks: Vec<LockEntry>,
    /// The other lines, such as `eventfd-count` and its value.
    pub others: Vec<(String, String)>,
}

/// /proc/PID/fdinfo/FD, kept open: a fifth of what it takes to open it each time. It belongs to the number, and tells of
/// whatever is open there when it is read.
#[derive(Debug)]
pub struct KeptInfo(File);

/// What identifies the file behind a descriptor, and what may change while it stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brief {
    /// The file offset, in bytes.
    pub pos: u64,
    /// Status flags of the description and O_CLOEXEC of the descriptor, as in open(2).
    pub flags: i32,
    /// Mount and inode of the file; `None` where the kernel does not say them (before 5.14).
    pub file: Option<(u64, u64)>,
}

impl KeptInfo {
    /// What it says now; `None` if nothing is open at that number.
    pub fn read(&self) -> Option<Brief> {
        // These lines come first, whatever follows.
        let (text, length) = read_line::<256>(&self.0).ok()?;
        parse_brief(std::str::from_utf8(&text[..length]).ok()?)
    }

    /// All that it says now; `None` if nothing is open at that number.
    pub fn read_whole(&self) -> Option<FdInfo> {
        let mut buffer = Vec::new();
        let text = read_single(&self.0, &mut buffer).ok()?;
        (!text.is_empty()).then(|| parse_fdinfo(&String::from_utf8_lossy(text)))
    }
}

fn parse_brief(text: &str) -> Option<Brief> {
    let (mut pos, mut flags, mut mount, mut ino) = (None, None, None, None);
    for line in text.lines() {
        let (key, value) = line.split_once(':')?;
        let value = value.trim();
        match key {
            "pos" => pos = number(value, 10),
            "flags" => flags = number(value, 8),
            "mnt_id" => mount = number(value, 10),
            "ino" => ino = number(value, 10),
            _ => break,
        }
    }
    Some(Brief { pos: pos?, flags: flags? as i32, file: mount.zip(ino) })
}

/// The descriptor directory of a process, kept open.
#[derive(Debug)]
pub struct FdDir {
    pid: i32,
    dir: OwnedFd,
    info: OwnedFd,
}

impl FdDir {
    /// That of process `pid`.
    ///
    /// # Errors
    /// ENOENT if there is none; EACCES if we may not look at it.
    pub fn open(pid: i32) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let open = |path: String| open(path.as_str(), flags, Mode::empty()).on("open", path);
        Ok(Self { pid, dir: open(format!("/proc/{pid}/fd"))?, info: open(format!("/proc/{pid}/fdinfo"))? })
    }

    /// The process.
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// The numbers of its open descriptors, lowest first; none once it has ended.
    pub fn numbers(&self) -> Vec<i32> {
        let mut numbers = Vec::new();
        directory_numbers(&self.dir, |number| numbers.push(number));
        numbers.sort_unstable();
        numbers
    }

    /// Device, inode and mode of the file behind a descriptor; `None` if it is not open.
    pub fn stat(&self, fd: i32) -> Option<(u64, u64, u32)> {
        let stat = fstatat(&self.dir, fd.to_string().as_str(), AtFlags::empty()).ok()?;
        Some((stat.st_dev, stat.st_ino, stat.st_mode))
    }

    /// How the kernel names the file behind a descriptor; `None` if it is not open.
    pub fn link(&self, fd: i32) -> Option<String> {
        let link = readlinkat(&self.dir, fd.to_string().as_str()).ok()?;
        Some(link.to_string_lossy().into_owned())
    }

    /// Offset, flags and locks of a descriptor; `None` if it is not open.
    pub fn info(&self, fd: i32) -> Option<FdInfo> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let file = openat(&self.info, fd.to_string().as_str(), flags, Mode::empty()).ok()?;
        let mut buffer = Vec::new();
        let text = read_single(&file.into(), &mut buffer).ok()?;
        Some(parse_fdinfo(&String::from_utf8_lossy(text)))
    }

    /// How many descriptors are open; `None` where the kernel does not say it (before 6.2).
    pub fn count(&self) -> Option<usize> {
        let size = nix::sys::stat::fstat(&self.dir).ok()?.st_size;
        usize::try_from(size).ok().filter(|count| *count > 0)
    }

    /// The file that tells of a number, to be read again and again; `None` if nothing is open there.
    pub fn keep(&self, fd: i32) -> Option<KeptInfo> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        openat(&self.info, fd.to_string().as_str(), flags, Mode::empty()).ok().map(|file| KeptInfo(file.into()))
    }

    /// All of one descriptor; `None` if it is not open.
    pub fn entry(&self, fd: i32) -> Option<FdEntry> {
        let (dev, ino, mode) = self.stat(fd)?;
        Some(FdEntry { fd, dev, ino, mode, link: self.link(fd)? })
    }

    /// All descriptors, lowest first.
    pub fn entries(&self) -> Vec<FdEntry> {
        self.numbers().into_iter().filter_map(|fd| self.entry(fd)).collect()
    }
}

/// All open descriptors of a process, lowest first.
pub fn descriptors(pid: i32) -> Result<Vec<FdEntry>> {
    Ok(FdDir::open(pid)?.entries())
}

/// Offset, flags and locks of one descriptor.
pub fn fdinfo(pid: i32, fd: i32) -> Result<FdInfo> {
    let path = format!("/proc/{pid}/fdinfo/{fd}");
    let mut buffer = Vec::new();
    let read =
        File::open(&path).and_then(|file| read_single(&file, &mut buffer).map(|text| String::from_utf8_lossy(text)));
    Ok(parse_fdinfo(&read.on("read", path)?))
}

fn parse_fdinfo(text: &str) -> FdInfo {
    let mut info = FdInfo::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key {
            "pos" => info.pos = number(value, 10).unwrap_or(0),
            "flags" => info.flags = number(value, 8).unwrap_or(0) as i32,
            "ino" => info.ino = number(value, 10),
            "lock" => info.locks.extend(parse_lock(value)),
            _ => info.others.push((key.trim().to_owned(), value.to_owned())),
        }
    }
    info
}

/// Calls `each` with every entry of a procfs directory that is a number. nix's `Dir` would take the descriptor.
pub(super) fn directory_numbers(dir: &OwnedFd, mut each: impl FnMut(i32)) {
    use std::os::fd::AsRawFd;
    if nix::unistd::lseek(dir, 0, nix::unistd::Whence::SeekSet).is_err() {
        return;
    }
    let mut buffer = [0_u8; 8192];
    loop {
        // SAFETY: the kernel writes at most `buffer.len()` bytes into the buffer.
        let read = unsafe { libc::syscall(libc::SYS_getdents64, dir.as_raw_fd(), buffer.as_mut_ptr(), buffer.len()) };
        let Ok(read) = Errno::result(read) else { return };
        if read == 0 {
            return;
        }
        let mut entries = &buffer[..read as usize];
        // struct linux_dirent64: u64 inode, i64 offset, u16 length of the entry, u8 type, the name with its NUL.
        while entries.len() > 19 {
            let length = usize::from(u16::from_ne_bytes([entries[16], entries[17]]));
            let Some(entry) = entries.get(19..length) else { return };
            let name = entry.split(|&byte| byte == 0).next().unwrap_or_default();
            if let Some(number) = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok()) {
                each(number);
            }
            entries = &entries[length..];
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn reads_fdinfo() {
        let text = "pos:\t7\nflags:\t0100002\nmnt_id:\t15\nino:\t99\n\
                    lock:\t1: POSIX  ADVISORY  WRITE 6066 00:2e:2 0 99\nbroken\neventfd-count:                3\n";
        let info = parse_fdinfo(text);
        assert_eq!((info.pos, info.flags, info.ino), (7, libc::O_RDWR | 0o100_000, Some(99)));
        assert_eq!(info.locks.len(), 1);
        assert_eq!(info.locks[0].pid, 6066);
        assert_eq!(info.others, [("mnt_id".to_owned(), "15".to_owned()), ("eventfd-count".to_owned(), "3".to_owned())]);
        assert_eq!(parse_fdinfo(""), FdInfo::default());
    }

    #[test]
    fn a_kept_file_tells_of_whatever_has_the_number() {
        let text = "pos:\t7\nflags:\t0100002\nmnt_id:\t15\nino:\t99\nlock:\t1: POSIX  ADVISORY  WRI";
        assert_eq!(parse_brief(text), Some(Brief { pos: 7, flags: libc::O_RDWR | 0o100_000, file: Some((15, 99)) }));
        assert_eq!(parse_brief("pos:\t7\nflags:\t02\nmnt_id:\t15\n").unwrap().file, None);
        assert_eq!(parse_brief(""), None);

        let dir = FdDir::open(std::process::id() as i32).unwrap();
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
        let kept = dir.keep(write.as_raw_fd()).unwrap();
        let before = kept.read().unwrap();
        assert_eq!(before.flags, libc::O_WRONLY | libc::O_CLOEXEC);
        nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let after = kept.read().unwrap();
        assert_eq!((after.flags, after.file), (before.flags | libc::O_NONBLOCK, before.file));
        if let Some((_, ino)) = before.file {
            assert_eq!(ino, nix::sys::stat::fstat(&read).unwrap().st_ino);
        }
        assert!(dir.keep(i32::MAX).is_none());
    }

    /// In a process of its own: other tests open and close all the time.
    #[test]
    fn a_count_tells_that_something_was_opened_or_closed() {
        let child = crate::kernel::testing::start(|| {
            let Ok(dir) = FdDir::open(std::process::id() as i32) else { return 1 };
            let Some(before) = dir.count() else { return 0 };
            let Ok(file) = File::open("/dev/null") else { return 2 };
            let kept = dir.keep(file.as_raw_fd());
            let more = dir.count();
            drop(file);
            let gone = kept.is_some_and(|kept| kept.read().is_none());
            // The kept file is a descriptor itself, and so is gone with the other by now.
            i32::from(
                !(gone && more == Some(before + 2) && dir.count() == Some(before) && dir.numbers().len() == before),
            ) * 3
        });
        use crate::kernel::process::{How, waitpid};
        assert_eq!(waitpid(child, 0), Ok(Some((child, How::Exited(0)))));
    }

    #[test]
    fn finds_our_own_descriptors() {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap();
        let pid = std::process::id() as i32;
        let dir = FdDir::open(pid).unwrap();
        let stat = nix::sys::stat::fstat(&read).unwrap();
        for end in [&read, &write] {
            let entry = dir.entry(end.as_raw_fd()).unwrap();
            assert_eq!((entry.dev, entry.ino), (stat.st_dev, stat.st_ino));
            assert_eq!(entry.link, format!("pipe:[{}]", stat.st_ino));
            assert_eq!(entry.mode & libc::S_IFMT, libc::S_IFIFO);
            assert!(dir.numbers().contains(&end.as_raw_fd()));
        }
        let info = fdinfo(pid, write.as_raw_fd()).unwrap();
        assert_eq!(info.flags, libc::O_WRONLY | libc::O_NONBLOCK | libc::O_CLOEXEC);
        assert_eq!(dir.info(write.as_raw_fd()), Some(info));
        assert_eq!(dir.info(i32::MAX), None);
        assert!(descriptors(pid).unwrap().iter().any(|entry| entry.fd == read.as_raw_fd()));
        assert_eq!(dir.entry(i32::MAX), None);
        assert_eq!(fdinfo(pid, i32::MAX).unwrap_err().errno, Errno::ENOENT);
    }

    #[test]
    fn a_directory_longer_than_one_read_is_read_whole() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let many: Vec<_> = (0..500).map(|_| null.try_clone().unwrap()).collect();
        let numbers = FdDir::open(std::process::id() as i32).unwrap().numbers();
        assert!(many.iter().all(|file| numbers.contains(&file.as_raw_fd())));
    }
}

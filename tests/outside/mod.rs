//! A second pair of eyes: the state of a stage's processes and objects, read from outside with nothing of the program
//! but the pid of its first process.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};

/// A process as /proc shows it to us, outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    /// Its pid for us.
    pub(crate) pid: i32,
    /// For us, its parent's.
    pub(crate) parent: i32,
}

/// The descendants of a process, by the pid that each has in its innermost namespace.
pub(crate) fn descendants(of: i32) -> BTreeMap<i32, Process> {
    let mut parents: BTreeMap<i32, i32> = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        if let Some(parent) = stat(pid).and_then(|stat| stat.get(1)?.parse().ok()) {
            parents.insert(pid, parent);
        }
    }
    let under = |mut pid: i32| {
        while let Some(parent) = parents.get(&pid) {
            if *parent == of {
                return true;
            }
            pid = *parent;
        }
        false
    };
    let mut found = BTreeMap::new();
    for (&pid, &parent) in parents.iter().filter(|(pid, _)| under(**pid)) {
        if let Some(inner) = status(pid, "NSpid").and_then(|all| all.split_whitespace().last()?.parse().ok()) {
            found.insert(inner, Process { pid, parent });
        }
    }
    found
}

/// The words of /proc/PID/stat behind the command's name: state, ppid, …
pub(crate) fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text[text.rfind(')')? + 1..].split_whitespace().map(str::to_owned).collect())
}

/// A line of /proc/PID/status.
pub(crate) fn status(pid: i32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim().to_owned()))
}

/// Number and arguments of the system call in which a process sleeps; `None` if it runs.
pub(crate) fn syscall(pid: i32) -> Option<(i64, [u64; 6])> {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    let nr = words.next()?.parse().ok()?;
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some((nr, args))
}

/// A descriptor as /proc/PID/fd and fdinfo show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) fd: i32,
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) link: String,
    pub(crate) flags: i32,
    pub(crate) pos: u64,
    /// The `lock:` lines.
    pub(crate) locks: Vec<Lock>,
}

/// The descriptors of a process that a program would call its own: not standard input to error, and below 1000.
pub(crate) fn descriptors(pid: i32) -> Vec<Descriptor> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let fd: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
        let meta = fs::metadata(entry.path()).unwrap();
        let link = fs::read_link(entry.path()).unwrap().to_str().unwrap().to_owned();
        if fd >= 1000 || fd < 3 && link == "/dev/null" {
            continue;
        }
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap();
        let value = |key: &str| info.lines().find_map(|l| l.strip_prefix(key)).map(str::trim).unwrap();
        found.push(Descriptor {
            fd,
            dev: meta.dev(),
            ino: meta.ino(),
            link,
            flags: i32::from_str_radix(value("flags:"), 8).unwrap(),
            pos: value("pos:").parse().unwrap(),
            locks: info.lines().filter_map(|l| Lock::parse(l.strip_prefix("lock:")?)).collect(),
        });
    }
    found.sort_by_key(|d| d.fd);
    found
}

/// A line of /proc/PID/maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) perms: String,
    pub(crate) offset: u64,
    pub(crate) ino: u64,
    pub(crate) dev: u64,
    pub(crate) path: String,
}

pub(crate) fn maps(pid: i32) -> Vec<Map> {
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let text = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    text.lines()
        .map(|line| {
            let words: Vec<&str> = line.splitn(6, ' ').collect();
            let (start, end) = words[0].split_once('-').unwrap();
            Map {
                start: hex(start),
                end: hex(end),
                perms: words[1].to_owned(),
                offset: hex(words[2]),
                dev: device(words[3]),
                ino: words[4].parse().unwrap(),
                path: words.get(5).map_or("", |p| p.trim()).to_owned(),
            }
        })
        .collect()
}

/// A device as /proc writes it, `00:2b`, as stat(2) has it.
fn device(text: &str) -> u64 {
    let (major, minor) = text.split_once(':').unwrap();
    nix::sys::stat::makedev(u64::from_str_radix(major, 16).unwrap(), u64::from_str_radix(minor, 16).unwrap())
}

/// Bytes of a process' memory.
pub(crate) fn memory(pid: i32, at: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fs::File::open(format!("/proc/{pid}/mem")).unwrap().read_exact_at(&mut bytes, at).unwrap();
    bytes
}

/// The bytes up to the first 0, of a path.
pub(crate) fn string(pid: i32, at: u64) -> String {
    let longest = at + libc::PATH_MAX as u64;
    let bytes = (at..longest).map(|at| memory(pid, at, 1)[0]).take_while(|b| *b != 0).collect();
    String::from_utf8(bytes).unwrap()
}

/// A line of /proc/locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    /// Whether it waits.
    pub(crate) waits: bool,
    pub(crate) kind: String,
    pub(crate) write: bool,
    pub(crate) pid: i32,
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) start: u64,
    /// Last byte; `None` is to the end.
    pub(crate) end: Option<u64>,
}

impl Lock {
    fn parse(line: &str) -> Option<Self> {
        let mut words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let waits = words.first() == Some(&"->");
        words.retain(|w| *w != "->");
        let (device_text, ino) = words.get(4)?.rsplit_once(':')?;
        Some(Self {
            waits,
            kind: words[0].to_owned(),
            write: words[2] == "WRITE",
            pid: words[3].parse().ok()?,
            dev: device(device_text),
            ino: ino.parse().ok()?,
            start: words[5].parse().ok()?,
            end: words.get(6)?.parse().ok(),
        })
    }

    /// What makes two locks look alike.
    pub(crate) fn shape(&self) -> (String, bool, u64, Option<u64>) {
        (self.kind.clone(), self.write, self.start, self.end)
    }
}

/// All locks of the machine.
pub(crate) fn locks() -> Vec<Lock> {
    fs::read_to_string("/proc/locks").unwrap().lines().filter_map(Lock::parse).collect()
}

#[expect(unsafe_code, reason = "system calls for which there is no safe wrapper")]
mod raw {
    use super::*;

    nix::ioctl_read_bad!(fionread, libc::FIONREAD, libc::c_int);

    /// A copy of another process' descriptor; it must be dropped before the stage goes on.
    pub(crate) fn borrow(pid: i32, fd: i32) -> OwnedFd {
        let made = |n: libc::c_long| {
            assert!(n >= 0, "{}", std::io::Error::last_os_error());
            // SAFETY: the kernel has just made this descriptor for us.
            unsafe { OwnedFd::from_raw_fd(n as i32) }
        };
        // SAFETY: no memory is passed.
        let process = made(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) });
        // SAFETY: no memory is passed.
        made(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0) })
    }

    pub(crate) fn bytes_in(pipe: &OwnedFd) -> i64 {
        let mut n = 0;
        // SAFETY: FIONREAD writes one int, for which there is room.
        unsafe { fionread(pipe.as_raw_fd(), &raw mut n) }.unwrap();
        n.into()
    }

    /// mq_maxmsg, mq_msgsize and mq_curmsgs.
    pub(crate) fn queue(mqd: &OwnedFd) -> [i64; 3] {
        // SAFETY: all zeros is a struct of integers.
        let mut attr: libc::mq_attr = unsafe { std::mem::zeroed() };
        // SAFETY: it is written to, and lives until the call is over.
        assert_eq!(unsafe { libc::mq_getattr(mqd.as_raw_fd(), &raw mut attr) }, 0);
        [attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs]
    }
}
pub(crate) use raw::{borrow, bytes_in, queue};

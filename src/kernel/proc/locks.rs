//! File locks: /proc/locks, and the `lock:` lines of fdinfo, which have the same form.

use std::os::unix::fs::FileExt;

use super::{number, read_again};
use crate::kernel::{Result, SysResultExt};

/// Which sort of lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// A record lock of fcntl(2) F_SETLK, owned by a process.
    Posix,
    /// A record lock of F_OFD_SETLK, owned by an open file description.
    Ofd,
    /// A lock of flock(2), owned by an open file description.
    Flock,
    /// A lease of fcntl(2) F_SETLEASE.
    Lease,
    /// Something else: a delegation, a lock of a network server.
    Other,
}

/// One lock, or one waiter for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockEntry {
    /// Number of the lock in the file as it was read; waiters share that of the lock that they wait for.
    pub id: u64,
    /// 0 for a lock that is held. A waiter has 1 more than the entry that it stands behind: waiters form a tree,
    /// and each stands behind the nearest entry above that has a lesser depth.
    pub depth: usize,
    /// Which sort.
    pub kind: LockKind,
    /// `ADVISORY`, or the state of a lease: `ACTIVE`, `BREAKING`, `BREAKER`.
    pub mode: String,
    /// `READ`, `WRITE` or `UNLCK`.
    pub access: String,
    /// Who locked: for a record lock its owner, for flock who *made* it, though others may hold it now, and -1 for
    /// [`LockKind::Ofd`].
    pub pid: i32,
    /// Major number of the file's device.
    pub dev_major: u32,
    /// Minor number of the file's device.
    pub dev_minor: u32,
    /// The file's inode.
    pub ino: u64,
    /// First byte that is locked.
    pub start: u64,
    /// Last byte that is locked; `None` means to the end, however far that moves.
    pub end: Option<u64>,
}

impl LockEntry {
    /// The file's device, in the form of stat(2).
    pub fn dev(&self) -> u64 {
        nix::sys::stat::makedev(self.dev_major.into(), self.dev_minor.into())
    }
}

/// The longest line that the table has, in bytes, with a waiter far down a tree.
const LINE_MAX: usize = 256;
/// How often a table of several pages is read before two readings in a row must have been the same.
const READINGS_MAX: usize = 64;

/// The table of locks. In a pid namespace those of processes outside are left out, except OFD locks.
///
/// One read brings as many lines as fit into a page, all of one moment (`seq_read_iter` in fs/seq_file.c, `locks_start` in
/// fs/locks.c); the next goes on by count, so where a lock has come or gone in between it tells one twice or leaves one
/// out. So no second read is made where the first has ended before the page did; a longer table counts once two readings
/// agree, and after many that do not, as it was read last.
pub fn locks() -> Result<Vec<LockEntry>> {
    let file = std::fs::File::open("/proc/locks").on("open", "/proc/locks")?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as usize;
    let mut buffer = vec![0; page];
    let length = file.read_at(&mut buffer, 0).on("read", "/proc/locks")?;
    if length + LINE_MAX <= page {
        return Ok(parse_locks(&String::from_utf8_lossy(&buffer[..length])));
    }
    let mut before = Vec::new();
    for _ in 0..READINGS_MAX {
        let text = read_again(&file, &mut buffer).on("read", "/proc/locks")?;
        if text == before {
            break;
        }
        before = text.to_vec();
    }
    Ok(parse_locks(&String::from_utf8_lossy(&before)))
}

fn parse_locks(text: &str) -> Vec<LockEntry> {
    text.lines().filter_map(parse_lock).collect()
}

/// One line; waiters stand after an arrow, one more blank before it for each step down the tree.
pub(super) fn parse_lock(line: &str) -> Option<LockEntry> {
    let (id, rest) = line.split_once(':')?;
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    let rest = &rest[blanks..];
    let (depth, rest) = rest.strip_prefix("->").map_or((0, rest), |rest| (blanks.max(1), rest));
    let mut words = rest.split_ascii_whitespace();
    let kind = match words.next()? {
        "POSIX" => LockKind::Posix,
        "OFDLCK" => LockKind::Ofd,
        "FLOCK" => LockKind::Flock,
        "LEASE" => LockKind::Lease,
        _ => LockKind::Other,
    };
    let mode = words.next()?.to_owned();
    let access = words.next()?.to_owned();
    let pid = words.next()?.parse().ok()?;
    let mut file = words.next()?.split(':');
    let dev_major = number(file.next()?, 16)? as u32;
    let dev_minor = number(file.next()?, 16)? as u32;
    let ino = number(file.next()?, 10)?;
    let start = number(words.next()?, 10)?;
    let end = match words.next()? {
        "EOF" => None,
        word => Some(number(word, 10)?),
    };
    Some(LockEntry {
        id: number(id.trim(), 10)?,
        depth,
        kind,
        mode,
        access,
        pid,
        dev_major,
        dev_minor,
        ino,
        start,
        end,
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn reads_the_table_with_its_tree() {
        let text = "\
1: POSIX  ADVISORY  WRITE 6066 00:2e:2 0 99
1: -> POSIX  ADVISORY  WRITE 6067 00:2e:2 0 99
1:  -> POSIX  ADVISORY  READ 6068 00:2e:2 50 EOF
2: FLOCK  ADVISORY  WRITE 510 fe:00:393229 0 EOF
3: OFDLCK ADVISORY  READ  -1 08:1a:7 100 199
4: LEASE  BREAKING  READ 99 fe:01:4 0 EOF
5: FLOCK  ADVISORY  WRITE 1 <none>:0 0 EOF
garbage
";
        let entries = parse_locks(text);
        let short: Vec<_> =
            entries.iter().map(|e| (e.id, e.depth, e.kind, e.access.as_str(), e.pid, e.start, e.end)).collect();
        assert_eq!(
            short,
            [
                (1, 0, LockKind::Posix, "WRITE", 6066, 0, Some(99)),
                (1, 1, LockKind::Posix, "WRITE", 6067, 0, Some(99)),
                (1, 2, LockKind::Posix, "READ", 6068, 50, None),
                (2, 0, LockKind::Flock, "WRITE", 510, 0, None),
                (3, 0, LockKind::Ofd, "READ", -1, 100, Some(199)),
                (4, 0, LockKind::Lease, "READ", 99, 0, None),
            ]
        );
        assert_eq!((entries[3].dev_major, entries[3].dev_minor, entries[3].ino), (0xfe, 0, 393_229));
        assert_eq!(entries[5].mode, "BREAKING");
    }

    #[test]
    fn tells_each_lock_once_while_others_come_and_go() {
        use nix::fcntl::{Flock, FlockArg};
        use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
        const LOOKS: u32 = 3000;
        let ours: Vec<_> = (0..3).map(|n| crate::kernel::testing::scratch_file(&format!("held-{n}"))).collect();
        let held: Vec<_> =
            ours.iter().map(|file| Flock::lock(file.try_clone().unwrap(), FlockArg::LockExclusive).unwrap()).collect();
        let inodes: Vec<u64> = ours.iter().map(|file| nix::sys::stat::fstat(file).unwrap().st_ino).collect();
        let other = crate::kernel::testing::scratch_file("other");
        let over = AtomicBool::new(false);
        let wrong = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut other = other;
                while !over.load(Relaxed) {
                    let Ok(lock) = Flock::lock(other, FlockArg::LockExclusive) else { panic!("flock") };
                    other = lock.unlock().unwrap_or_else(|_| panic!("unlock"));
                }
            });
            let count = |entries: &[LockEntry], ino: u64| entries.iter().filter(|entry| entry.ino == ino).count();
            let wrong = (0..LOOKS)
                .filter(|_| {
                    let entries = locks().unwrap();
                    inodes.iter().any(|ino| count(&entries, *ino) != 1)
                })
                .count();
            over.store(true, Relaxed);
            wrong
        });
        drop(held);
        assert_eq!(wrong, 0, "of {LOOKS} looks");
    }

    #[test]
    fn finds_a_lock_of_ours() {
        let file = crate::kernel::testing::scratch_file("locks");
        let stat = nix::sys::stat::fstat(&file).unwrap();
        nix::fcntl::Flock::lock(file.try_clone().unwrap(), nix::fcntl::FlockArg::LockExclusive).map_or_else(
            |(_, errno)| panic!("{errno}"),
            |held| {
                let table = locks().unwrap();
                let found = table.iter().find(|lock| lock.ino == stat.st_ino && lock.dev() == stat.st_dev);
                let found = found.unwrap();
                assert_eq!((found.kind, found.depth, found.access.as_str()), (LockKind::Flock, 0, "WRITE"));
                assert_eq!(found.pid, std::process::id() as i32);
                let info = super::super::fdinfo(std::process::id() as i32, file.as_raw_fd()).unwrap();
                assert_eq!(info.locks.len(), 1);
                assert_eq!(info.locks[0].ino, stat.st_ino);
                drop(held);
            },
        );
    }
}

//! The mappings of a process.

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;

use super::{number, read_again};
use crate::kernel::{Result, SysResultExt};

/// One mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapEntry {
    /// Its first address.
    pub start: u64,
    /// The address behind its last.
    pub end: u64,
    /// `rw-s`: read, write, execute, and shared or private.
    pub perms: [u8; 4],
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// Device of the file, in the form of stat(2); 0 for anonymous private memory.
    pub dev: u64,
    /// Inode of the file; 0 for anonymous private memory.
    pub ino: u64,
    /// How the kernel names it: a path (that may be wrong by now), `[stack]`, or nothing.
    pub path: String,
}

impl MapEntry {
    /// `perms` as text.
    pub fn perms(&self) -> &str {
        std::str::from_utf8(&self.perms).unwrap_or("----")
    }

    /// Whether other processes see what is written to it.
    pub const fn shared(&self) -> bool {
        self.perms[3] == b's'
    }

    /// Whether the address lies within.
    pub const fn contains(&self, address: u64) -> bool {
        self.start <= address && address < self.end
    }

    /// What the kernel keys a word at `address` by: device, inode, and offset in the file.
    pub const fn key_at(&self, address: u64) -> (u64, u64, u64) {
        (self.dev, self.ino, self.offset + (address - self.start))
    }
}

/// The mappings of a process, kept open. They belong to the program that it runs at that moment: once it has executed
/// another (or itself again) they are empty, and must be opened anew.
#[derive(Debug)]
pub struct Maps {
    pid: i32,
    file: File,
}

impl Maps {
    /// Those of process `pid`.
    ///
    /// # Errors
    /// ENOENT if there is none; EACCES if we may not look at it.
    pub fn open(pid: i32) -> Result<Self> {
        let path = format!("/proc/{pid}/maps");
        let file = File::open(&path).on("open", path)?;
        Ok(Self { pid, file })
    }

    /// The process.
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// All mappings, lowest first; none once the process has ended or executed.
    pub fn all(&self) -> Result<Vec<MapEntry>> {
        let mut buffer = Vec::new();
        let text = read_again(&self.file, &mut buffer).on("read", format!("/proc/{}/maps", self.pid))?;
        Ok(parse_maps(&String::from_utf8_lossy(text)))
    }

    /// The shared mappings alone, lowest first: where the kernel can search for them (6.11), this costs a question for
    /// each of them instead of a line for every mapping that there is.
    pub fn shared(&self) -> Result<Vec<MapEntry>> {
        self.search(VMA_SHARED, MapEntry::shared)
    }

    /// The mappings of files alone, at the same price.
    pub fn of_files(&self) -> Result<Vec<MapEntry>> {
        self.search(FILE_BACKED_VMA, |entry| entry.ino != 0)
    }

    fn search(&self, flag: u64, wanted: impl Fn(&MapEntry) -> bool) -> Result<Vec<MapEntry>> {
        if QUERY_WORKS.load(Ordering::Relaxed) {
            let (mut found, mut from) = (Vec::new(), 0);
            loop {
                match query(&self.file, from, flag | COVERING_OR_NEXT_VMA) {
                    Ok(entry) => {
                        from = entry.end;
                        found.push(entry);
                    }
                    // ESRCH: the process has ended.
                    Err(Errno::ENOENT | Errno::ESRCH) => return Ok(found),
                    Err(Errno::ENOTTY | Errno::EINVAL) => break QUERY_WORKS.store(false, Ordering::Relaxed),
                    Err(errno) => return Err(errno).on("ioctl", format!("PROCMAP_QUERY /proc/{}/maps", self.pid)),
                }
            }
        }
        let mut all = self.all()?;
        all.retain(wanted);
        Ok(all)
    }

    /// The mapping that holds an address, by one ioctl where the kernel has it (6.11), else by reading all of them.
    pub fn at(&self, address: u64) -> Option<MapEntry> {
        if QUERY_WORKS.load(Ordering::Relaxed) {
            match query(&self.file, address, 0) {
                Ok(entry) => return Some(entry),
                Err(Errno::ENOTTY | Errno::EINVAL) => QUERY_WORKS.store(false, Ordering::Relaxed),
                Err(_) => return None,
            }
        }
        self.all().ok()?.into_iter().find(|entry| entry.contains(address))
    }
}

static QUERY_WORKS: AtomicBool = AtomicBool::new(true);

/// All mappings of a process, lowest first.
pub fn maps(pid: i32) -> Result<Vec<MapEntry>> {
    Maps::open(pid)?.all()
}

/// The mapping of a process that holds an address.
pub fn mapping_at(pid: i32, address: u64) -> Option<MapEntry> {
    Maps::open(pid).ok()?.at(address)
}

/// Whether the kernel answers PROCMAP_QUERY.
pub(in crate::kernel) fn query_works() -> Result<(), Errno> {
    let file = File::open("/proc/self/maps").map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    query(&file, std::ptr::from_ref(&QUERY_WORKS) as u64, 0).map(drop)
}

fn parse_maps(text: &str) -> Vec<MapEntry> {
    text.lines().filter_map(parse_map).collect()
}

fn parse_map(line: &str) -> Option<MapEntry> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start_matches(' ').split_once(' ').unwrap_or((rest.trim_start_matches(' '), ""));
        rest = after;
        word
    };
    let (start, end) = word().split_once('-')?;
    let perms = word().as_bytes().try_into().ok()?;
    let offset = number(word(), 16)?;
    let (major, minor) = word().split_once(':')?;
    let ino = number(word(), 10)?;
    Some(MapEntry {
        start: number(start, 16)?,
        end: number(end, 16)?,
        perms,
        offset,
        dev: nix::sys::stat::makedev(number(major, 16)?, number(minor, 16)?),
        ino,
        path: rest.trim_start_matches(' ').to_owned(),
    })
}

/// `struct procmap_query` of linux/fs.h.
#[repr(C)]
#[derive(Default)]
struct Query {
    size: u64,
    flags: u64,
    address: u64,
    vma_start: u64,
    vma_end: u64,
    vma_flags: u64,
    vma_page_size: u64,
    vma_offset: u64,
    inode: u64,
    dev_major: u32,
    dev_minor: u32,
    vma_name_size: u32,
    build_id_size: u32,
    vma_name_addr: u64,
    build_id_addr: u64,
}

const PROCMAP_QUERY: libc::Ioctl = nix::request_code_readwrite!(b'f', 17, size_of::<Query>()) as libc::Ioctl;
const VMA_READABLE: u64 = 1;
const VMA_WRITABLE: u64 = 2;
const VMA_EXECUTABLE: u64 = 4;
const VMA_SHARED: u64 = 8;
/// With this, the flags above say what to look for, from the address upward.
const COVERING_OR_NEXT_VMA: u64 = 0x10;
/// Only those of files.
const FILE_BACKED_VMA: u64 = 0x20;

fn query(maps: &File, address: u64, flags: u64) -> Result<MapEntry, Errno> {
    let mut name = [const { MaybeUninit::<u8>::uninit() }; libc::PATH_MAX as usize];
    let mut query = Query {
        size: size_of::<Query>() as u64,
        flags,
        address,
        vma_name_size: name.len() as u32,
        vma_name_addr: name.as_mut_ptr() as u64,
        ..Query::default()
    };
    // SAFETY: the kernel fills the query, whose size it is told, and at most `vma_name_size` bytes of the name.
    let ret = unsafe { libc::ioctl(maps.as_raw_fd(), PROCMAP_QUERY, &raw mut query) };
    Errno::result(ret)?;
    let letter = |flag, letter| if query.vma_flags & flag == 0 { b'-' } else { letter };
    let length = (query.vma_name_size as usize).saturating_sub(1).min(name.len());
    // SAFETY: the kernel has written `vma_name_size` bytes, the last of them a zero, which is left out.
    let name = unsafe { std::slice::from_raw_parts(name.as_ptr().cast::<u8>(), length) };
    Ok(MapEntry {
        start: query.vma_start,
        end: query.vma_end,
        perms: [
            letter(VMA_READABLE, b'r'),
            letter(VMA_WRITABLE, b'w'),
            letter(VMA_EXECUTABLE, b'x'),
            if query.vma_flags & VMA_SHARED == 0 { b'p' } else { b's' },
        ],
        offset: query.vma_offset,
        dev: nix::sys::stat::makedev(query.dev_major.into(), query.dev_minor.into()),
        ino: query.inode,
        path: String::from_utf8_lossy(name).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_with_and_without_a_name() {
        let text = "\
7f5bf7247000-7f5bf7248000 rw-s 00001000 fe:01 10062068                   /tmp/a b (deleted)
7ffd1c000000-7ffd1c021000 rw-p 00000000 00:00 0                          [stack]
7f0000000000-7f0000001000 ---p 00000000 00:00 0 
nonsense
";
        let maps = parse_maps(text);
        assert_eq!(maps.len(), 3);
        assert_eq!(
            maps[0],
            MapEntry {
                start: 0x7f5b_f724_7000,
                end: 0x7f5b_f724_8000,
                perms: *b"rw-s",
                offset: 0x1000,
                dev: nix::sys::stat::makedev(0xfe, 1),
                ino: 10_062_068,
                path: "/tmp/a b (deleted)".to_owned(),
            }
        );
        assert!(maps[0].shared() && !maps[1].shared());
        assert_eq!(maps[0].key_at(0x7f5b_f724_7050).2, 0x1050);
        assert_eq!((maps[1].path.as_str(), maps[2].path.as_str(), maps[2].perms()), ("[stack]", "", "---p"));
    }

    #[test]
    fn an_exec_leaves_none_of_the_old() {
        use std::process::{Command, Stdio};
        let mut command = Command::new("sh");
        command.args(["-c", "read go; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let pid = child.id() as i32;
        let old = Maps::open(pid).unwrap();
        let before = old.all().unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"go\nx").unwrap();
        let mut byte = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
        let (after, at, shared, anew) = (old.all(), old.at(before[0].start), old.shared(), maps(pid));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!before.is_empty() && !anew.unwrap().is_empty());
        assert_eq!((after, at, shared), (Ok(Vec::new()), None, Ok(Vec::new())));
    }

    #[test]
    fn both_ways_find_the_same_mapping() {
        let pid = std::process::id() as i32;
        let address = std::ptr::from_ref(&QUERY_WORKS) as u64;
        let parsed = maps(pid).unwrap().into_iter().find(|entry| entry.contains(address)).unwrap();
        assert!(parsed.ino != 0 && parsed.path.starts_with('/'), "{parsed:?}");
        match query(&File::open("/proc/self/maps").unwrap(), address, 0) {
            Ok(asked) => assert_eq!(asked, parsed),
            Err(errno) => assert!(matches!(errno, Errno::ENOTTY | Errno::EINVAL), "{errno}"),
        }
        assert_eq!(mapping_at(pid, address), Some(parsed));
        assert_eq!(mapping_at(pid, 0), None);
        let opened = Maps::open(pid).unwrap();
        // Other tests map and unmap beside this one.
        let arena = crate::kernel::arena::Arena::create(1).unwrap();
        let inode = nix::sys::stat::fstat(arena.fd()).unwrap().st_ino;
        let of_arena = |maps: Vec<MapEntry>| maps.into_iter().find(|entry| entry.ino == inode);
        let (searched, parsed) = (opened.shared().unwrap(), opened.all().unwrap());
        assert!(searched.iter().all(MapEntry::shared));
        assert!(of_arena(searched.clone()).is_some() && of_arena(searched) == of_arena(parsed));
        let local = 0_u8;
        let stack = mapping_at(pid, std::ptr::from_ref(&local) as u64).unwrap();
        assert_eq!((stack.ino, stack.perms()), (0, "rw-p"));
    }
}

//! Which pages of a private mapping are the process' own by now.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;

use crate::kernel::{Result, SysResultExt};

/// Bits of an entry, see the kernel's admin-guide/mm/pagemap.rst. The number of the frame is hidden from ordinary users;
/// these are not.
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const OF_FILE_OR_SHARED: u64 = 1 << 61;
const MAPPED_ONCE: u64 = 1 << 56;

/// More pages than this are not asked for: 64 MiB where a page has 4 KiB.
const MOST: usize = 1 << 14;

/// Whose a page of a private mapping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivatePage {
    /// Nobody has stored there through this mapping: nothing is there yet, or, once it was loaded from, the one page of
    /// zeros that the kernel has for all.
    Untouched,
    /// It is the object's page: what others store there is seen here too.
    OfObject,
    /// A copy, made when this process or one that it was forked from stored there; relatives still use the same one.
    Inherited,
    /// A copy that no other process uses.
    Own,
}

impl PrivatePage {
    /// Whether it has parted from the object.
    pub const fn copied(self) -> bool {
        matches!(self, Self::Inherited | Self::Own)
    }

    const fn of(entry: u64) -> Self {
        if entry & (PRESENT | SWAPPED) == 0 {
            Self::Untouched
        } else if entry & OF_FILE_OR_SHARED != 0 {
            Self::OfObject
        } else if entry & (MAPPED_ONCE | SWAPPED) != 0 {
            Self::Own
        } else {
            Self::Inherited
        }
    }
}

/// The pages of a private mapping of process `pid` from `start` on, in order; fewer than asked for beyond 16384.
///
/// # Errors
/// ENOENT if there is no such process, or a kernel that does not tell (CONFIG_PROC_PAGE_MONITOR); EACCES if we may not
/// look at it; ESRCH if it has let go of its memory. An answer of no pages is none: it would read as "no copies".
pub fn private_pages(pid: i32, start: u64, length: u64) -> Result<Vec<PrivatePage>> {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as u64;
    let path = format!("/proc/{pid}/pagemap");
    let answered = |path: &str| match pages_of(path, page, start, length) {
        Ok(pages) if pages.is_empty() && length > 0 => Err(Errno::ESRCH).on("read", path),
        done => done,
    };
    let first = answered(&path);
    if !matches!(&first, Err(error) if matches!(error.errno, Errno::ESRCH | Errno::EACCES)) {
        return first;
    }
    // Where the first thread has ended, another one still has the memory.
    let mut others = super::tasks(pid)?.into_iter().filter(|tid| *tid != pid);
    others.find_map(|tid| answered(&format!("/proc/{pid}/task/{tid}/pagemap")).ok()).map_or(first, Ok)
}

fn pages_of(path: &str, page: u64, start: u64, length: u64) -> Result<Vec<PrivatePage>> {
    let file = File::open(path).on("open", path)?;
    let mut entries = vec![0; (length.div_ceil(page) as usize).min(MOST) * 8];
    let mut filled = 0;
    while filled < entries.len() {
        match file.read_at(&mut entries[filled..], start / page * 8 + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).on("read", path),
        }
    }
    let entry = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
    let mut pages: Vec<PrivatePage> = entries[..filled].chunks_exact(8).map(|b| PrivatePage::of(entry(b))).collect();
    if pages.contains(&PrivatePage::Inherited) {
        let end = start + pages.len() as u64 * page;
        for zeros in all_zeros(&file, start, end).on("ioctl", path)? {
            let (from, to) = ((zeros.start - start) / page, (zeros.end - start) / page);
            pages[from as usize..to as usize].fill(PrivatePage::Untouched);
        }
    }
    Ok(pages)
}

/// `struct pm_scan_arg` of linux/fs.h.
#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region` of linux/fs.h.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

const PAGEMAP_SCAN: libc::Ioctl = nix::request_code_readwrite!(b'f', 16, size_of::<Scan>()) as libc::Ioctl;
const PAGE_IS_PFNZERO: u64 = 1 << 5;

/// Where the kernel's own page of zeros stands: its entry looks like that of a page which relatives share. Nothing where
/// the kernel does not tell (before 6.7): there such a page counts as inherited.
fn all_zeros(pagemap: &File, start: u64, end: u64) -> Result<Vec<Region>, Errno> {
    let (mut all, mut from) = (Vec::new(), start);
    while from < end {
        let mut regions = [Region::default(); 64];
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            start: from,
            end,
            vec: regions.as_mut_ptr() as u64,
            vec_len: regions.len() as u64,
            category_mask: PAGE_IS_PFNZERO,
            return_mask: PAGE_IS_PFNZERO,
            ..Scan::default()
        };
        // SAFETY: the kernel fills the argument, whose size it is told, and at most `vec_len` regions.
        let found = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN, &raw mut scan) };
        match Errno::result(found) {
            Ok(found) => all.extend(&regions[..found as usize]),
            Err(Errno::ENOTTY | Errno::EINVAL) => return Ok(Vec::new()),
            Err(errno) => return Err(errno),
        }
        if scan.walk_end <= from {
            break;
        }
        from = scan.walk_end;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::borrow::read_private;
    use crate::kernel::memory::{Width, load, mmap, munmap, store};
    use crate::kernel::process::How;
    use crate::kernel::testing::{in_child, scratch_file};

    /// In a process of its own: whoever forks meanwhile, as other tests do, shares all pages with its child.
    fn alone(test: impl FnOnce()) {
        let how = in_child(|| {
            test();
            0
        });
        assert_eq!(how, How::Exited(0));
    }

    fn page() -> u64 {
        nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap() as u64
    }

    #[test]
    fn a_store_makes_a_page_the_process_own() {
        alone(|| {
            let file = scratch_file("pages");
            let page = page();
            file.set_len(3 * page).unwrap();
            let both = libc::PROT_READ | libc::PROT_WRITE;
            let start = mmap(0, 3 * page, both, libc::MAP_PRIVATE, file.as_raw_fd(), 0).unwrap();
            let pages = |pid| private_pages(pid, start, 3 * page).unwrap();
            let pid = std::process::id() as i32;
            load(start, Width::W8, false);
            store(start + page, Width::W8, 7);
            let seen = pages(pid);
            assert_eq!((seen[0], seen[1]), (PrivatePage::OfObject, PrivatePage::Own));
            assert!(!seen[2].copied(), "{seen:?}");
            let how = in_child(|| {
                let child = std::process::id() as i32;
                let inherited = pages(child)[1] == PrivatePage::Inherited;
                let mut byte = [0];
                let read = read_private(child, start + page, &mut byte) == Ok(1) && byte == [7];
                if !read || pages(child)[1] != PrivatePage::Inherited {
                    return 2;
                }
                store(start + page, Width::W8, 8);
                i32::from(!inherited || pages(child)[1] != PrivatePage::Own)
            });
            assert_eq!(how, How::Exited(0));
            assert_eq!(pages(pid)[1], PrivatePage::Own, "with the child its share in it has gone");
            munmap(start, 3 * page).unwrap();
            assert!(private_pages(pid, start, page).unwrap().iter().all(|page| *page == PrivatePage::Untouched));
        });
    }

    /// To load is not to part: what is there then is nobody's copy.
    #[test]
    fn a_page_that_was_only_loaded_is_untouched() {
        alone(|| {
            let page = page();
            let both = libc::PROT_READ | libc::PROT_WRITE;
            let start = mmap(0, 200 * page, both, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0).unwrap();
            for n in 0..200 {
                load(start + n * page, Width::W8, false);
            }
            // Every other one, so that no two of those left are one region.
            (0..100).for_each(|n| store(start + 2 * n * page, Width::W8, 7));
            let seen = private_pages(std::process::id() as i32, start, 200 * page).unwrap();
            if all_zeros(&File::open("/proc/self/pagemap").unwrap(), start, start + 200 * page).unwrap().is_empty() {
                assert!(
                    seen[1..].iter().step_by(2).all(|page| *page == PrivatePage::Inherited),
                    "an old kernel: {seen:?}"
                );
                return;
            }
            for (n, page) in seen.iter().enumerate() {
                assert_eq!(*page, if n % 2 == 0 { PrivatePage::Own } else { PrivatePage::Untouched }, "{n}");
            }
            munmap(start, 200 * page).unwrap();
        });
    }

    /// The kernel lets nobody without privilege look at a process that may not be dumped, and at no other user's.
    #[test]
    fn who_may_not_look_is_told_so() {
        /// How the looker ends that has no other user to become, in a user namespace that knows but one.
        const ALONE: i32 = 2;
        let start = mmap(0, 4096, libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0).unwrap();
        let watched = std::process::id() as i32;
        let how = in_child(|| {
            nix::sys::prctl::set_dumpable(false).unwrap();
            let seen = in_child(|| {
                let nobody = nix::unistd::Uid::from_raw(65534);
                if nix::unistd::geteuid().is_root() && nix::unistd::setresuid(nobody, nobody, nobody).is_err() {
                    return ALONE;
                }
                let parent = nix::unistd::getppid().as_raw();
                let denied = private_pages(parent, start, 4096).map_err(|error| error.errno) == Err(Errno::EACCES);
                i32::from(!denied || parent == watched)
            });
            if let How::Exited(code) = seen { code } else { 1 }
        });
        if how == How::Exited(ALONE) {
            eprintln!("left out: a root without another user to become looks at everything");
        } else {
            assert_eq!(how, How::Exited(0));
        }
        let gone = private_pages(i32::MAX, start, 4096).map_err(|error| error.errno);
        assert_eq!(gone, Err(Errno::ENOENT));
        munmap(start, 4096).unwrap();
    }
}

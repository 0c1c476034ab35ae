//! Which pages of a private mapping are the process' own by now.

use std::fs::File;
use std::os::unix::fs::FileExt;

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
    /// It is not there: nobody has touched it through this mapping.
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
/// ENOENT if there is no such process, EACCES if we may not look at it.
pub fn private_pages(pid: i32, start: u64, length: u64) -> Result<Vec<PrivatePage>> {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as u64;
    match pages_of(&format!("/proc/{pid}/pagemap"), page, start, length) {
        Ok(pages) if pages.is_empty() && length > 0 => {}
        Err(error) if matches!(error.errno, nix::errno::Errno::ESRCH | nix::errno::Errno::EACCES) => {}
        done => return done,
    }
    // Where the first thread has ended, another one still has the memory.
    let mut others = super::tasks(pid)?.into_iter().filter(|tid| *tid != pid);
    let through = |tid| pages_of(&format!("/proc/{pid}/task/{tid}/pagemap"), page, start, length).ok();
    Ok(others.find_map(|tid| through(tid).filter(|pages| !pages.is_empty())).unwrap_or_default())
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
    Ok(entries[..filled].chunks_exact(8).map(|bytes| PrivatePage::of(entry(bytes))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::borrow::read_private;
    use crate::kernel::memory::{Width, load, mmap, munmap, store};
    use crate::kernel::process::How;
    use crate::kernel::testing::{in_child, scratch_file};

    #[test]
    fn a_store_makes_a_page_the_process_own() {
        use std::os::fd::AsRawFd;
        let file = scratch_file("pages");
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap() as u64;
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
    }
}

//! The descriptor table of one process, read again and again.
//!
//! For each number its file in fdinfo is kept open, so a look costs one short read a descriptor. Only where that tells
//! of another file than before, or where the file has a path, is the rest read anew.

use super::actor::{OURS, OURS_COUNT};
use super::held::Claimed;
use crate::facility::look::{Handle, HandleKind};
use crate::kernel::proc::{Brief, FdDir, FdEntry, FdInfo, KeptInfo};

#[derive(Debug)]
pub(super) struct Table {
    pid: i32,
    dir: FdDir,
    /// How many of ours the process has above the learner's.
    ours: usize,
    /// Lowest number first.
    rows: Vec<Row>,
    /// Whether the process has made no call since the last look that can change what its standard descriptors lead to.
    /// As long as that is something of ours, nobody sees them.
    steady: bool,
}

#[derive(Debug)]
struct Row {
    fd: i32,
    kept: Option<KeptInfo>,
    /// What stood there at the last look: mount and inode.
    file: Option<(u64, u64)>,
    /// Whether it led to something of ours.
    ours: bool,
    brief: Option<Brief>,
}

impl Row {
    /// Whether it is one of those above the learner's numbers.
    const fn above(&self) -> bool {
        self.ours && self.fd >= OURS
    }

    /// Reads it; whether something is open there.
    fn look(&mut self) -> bool {
        self.brief = self.kept.as_ref().and_then(KeptInfo::read);
        self.brief.is_some()
    }
}

impl Table {
    pub(super) fn open(pid: i32) -> crate::kernel::Result<Self> {
        Self::through(pid, pid)
    }

    /// The table of a process, read through one of its threads.
    pub(super) fn through(pid: i32, tid: i32) -> crate::kernel::Result<Self> {
        Ok(Self { pid, dir: FdDir::open(tid)?, ours: OURS_COUNT + 1, rows: Vec::new(), steady: false })
    }

    /// Notes that the process may have changed what its standard descriptors lead to.
    pub(super) const fn changed(&mut self) {
        self.steady = false;
    }

    /// Says how many threads of the process take orders, each with a socket of its own.
    pub(super) const fn expect_ours(&mut self, threads: usize) {
        self.ours = OURS_COUNT + threads;
    }

    /// One descriptor, read anew.
    pub(super) fn descriptor(&self, fd: i32) -> Option<Handle> {
        let info = self.dir.info(fd)?;
        self.with(fd, Brief { pos: info.pos, flags: info.flags, file: None })
    }

    /// All that fdinfo says of a descriptor.
    pub(super) fn info(&self, fd: i32) -> Option<FdInfo> {
        self.rows.iter().find(|row| row.fd == fd)?.kept.as_ref()?.read_whole()
    }

    fn with(&self, fd: i32, brief: Brief) -> Option<Handle> {
        let FdEntry { dev, ino, mode, link, .. } = self.dir.entry(fd)?;
        let kind = HandleKind::Descriptor { fd, mode, flags: brief.flags, offset: brief.pos };
        Some(Handle { pid: self.pid, dev, ino, link, kind })
    }

    /// All descriptors that are not ours. `before` are those of the last look. `steady` tells of a path whether it leads
    /// to the same file with the same mode as then; `take` finds a new one's object, and gives nothing for one of ours.
    pub(super) fn read(
        &mut self,
        before: &[Claimed],
        steady: impl Fn(&str) -> bool,
        take: impl Fn(Handle) -> Option<Claimed>,
    ) -> Vec<Claimed> {
        if !self.is_whole() {
            self.list();
        }
        self.steady = true;
        let mut all = Vec::with_capacity(before.len());
        for index in 0..self.rows.len() {
            let Row { fd, file, ours, brief, .. } = self.rows[index];
            let same = file.is_some() && brief.is_some_and(|brief| brief.file == file);
            if ours && same {
                continue;
            }
            let known = before.iter().find(|claimed| number(&claimed.handle) == Some(fd));
            if let (true, Some(known), Some(brief)) = (same, known, brief)
                && (named_by_its_inode(&known.handle.link) || steady(&known.handle.link))
            {
                let mut claimed = known.clone();
                update(&mut claimed.handle, brief);
                all.push(claimed);
                continue;
            }
            let handle = brief.map_or_else(|| self.descriptor(fd), |brief| self.with(fd, brief));
            let row = &mut self.rows[index];
            row.file = brief.and_then(|brief| brief.file);
            let Some(handle) = handle else { continue };
            let claimed = take(handle);
            row.ours = claimed.is_none();
            all.extend(claimed);
        }
        all
    }

    /// Reads again what may change though the process did not run: offset and flags of a description that it shares,
    /// and, if names have changed, what is told of the file by its path.
    pub(super) fn read_again(&self, handle: &mut Handle, names: bool) {
        let Some(fd) = number(handle) else { return };
        if names && handle.link.starts_with('/') {
            if let Some(new) = self.descriptor(fd) {
                *handle = new;
            }
        } else if let Some(brief) =
            self.rows.iter().find(|row| row.fd == fd).and_then(|row| row.kept.as_ref()).and_then(KeptInfo::read)
        {
            update(handle, brief);
        } else if let Some(new) = self.descriptor(fd) {
            *handle = new;
        }
    }

    /// Whether the same numbers are open as at the last look: none is closed, and there are not more.
    fn is_whole(&mut self) -> bool {
        // An actor's own stay as they are while it lives: its limit and the checks on arguments keep the learner below.
        // If there are more, a child's are passing through.
        if self.rows.iter().filter(|row| row.above()).count() != self.ours {
            return false;
        }
        let known = self.steady;
        let read = |row: &&mut Row| !(row.above() || known && row.ours && row.brief.is_some());
        let whole = self.rows.iter_mut().filter(read).all(Row::look);
        whole && self.dir.count() == Some(self.rows.len())
    }

    fn list(&mut self) {
        let mut old = std::mem::take(&mut self.rows);
        for fd in self.dir.numbers() {
            let mut row = match old.iter().position(|row| row.fd == fd) {
                Some(index) => old.swap_remove(index),
                None => Row { fd, kept: self.dir.keep(fd), file: None, ours: false, brief: None },
            };
            row.look();
            self.rows.push(row);
        }
    }
}

/// The number of a descriptor.
const fn number(handle: &Handle) -> Option<i32> {
    match handle.kind {
        HandleKind::Descriptor { fd, .. } => Some(fd),
        HandleKind::Mapping { .. } => None,
    }
}

/// Whether mount and inode say all of what the link says. A path may have changed; and all nameless things of the kernel
/// such as `anon_inode:[eventfd]` share one inode.
fn named_by_its_inode(link: &str) -> bool {
    link.starts_with("pipe:[") || link.starts_with("socket:[")
}

const fn update(handle: &mut Handle, brief: Brief) {
    if let HandleKind::Descriptor { flags, offset, .. } = &mut handle.kind {
        *flags = brief.flags;
        *offset = brief.pos;
    }
}

//! The descriptor table of one process, read again and again.
//!
//! For each number its file in fdinfo is kept open, so a look costs one short read a descriptor. Only where that tells
//! of another file than before, or where the file has a path, is the rest read anew.

use super::scan::Claimed;
use crate::facility::look::{Handle, HandleKind};
use crate::kernel::proc::{Brief, FdDir, KeptInfo};

#[derive(Debug)]
pub(super) struct Table {
    dir: FdDir,
    /// Lowest number first.
    rows: Vec<Row>,
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
    /// Reads it; whether something is open there.
    fn look(&mut self) -> bool {
        self.brief = self.kept.as_ref().and_then(KeptInfo::read);
        self.brief.is_some()
    }
}

impl Table {
    pub(super) fn open(pid: i32) -> crate::kernel::Result<Self> {
        Ok(Self { dir: FdDir::open(pid)?, rows: Vec::new() })
    }

    /// One descriptor, read anew.
    pub(super) fn descriptor(&self, fd: i32) -> Option<Handle> {
        let entry = self.dir.entry(fd)?;
        let info = self.dir.info(fd)?;
        Some(Handle {
            pid: self.dir.pid(),
            dev: entry.dev,
            ino: entry.ino,
            link: entry.link,
            kind: HandleKind::Descriptor { fd, mode: entry.mode, flags: info.flags, offset: info.pos },
        })
    }

    /// All descriptors that are not ours. `before` are those of the last look; `take` finds a new one's object, and
    /// gives nothing for one of ours.
    pub(super) fn read(&mut self, before: &[Claimed], take: impl Fn(Handle) -> Option<Claimed>) -> Vec<Claimed> {
        if !self.is_whole() {
            self.list();
        }
        let mut all = Vec::with_capacity(before.len());
        for index in 0..self.rows.len() {
            let Row { fd, file, ours, brief, .. } = self.rows[index];
            let same = file.is_some() && brief.is_some_and(|brief| brief.file == file);
            if ours && same {
                continue;
            }
            let known = before.iter().find(|claimed| number(&claimed.handle) == Some(fd));
            if let (true, Some(known), Some(brief)) = (same, known, brief)
                && named_by_its_inode(&known.handle.link)
            {
                let mut claimed = known.clone();
                update(&mut claimed.handle, brief);
                all.push(claimed);
                continue;
            }
            let handle = self.descriptor(fd);
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
        !self.rows.is_empty() && self.rows.iter_mut().all(Row::look) && self.dir.count() == Some(self.rows.len())
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

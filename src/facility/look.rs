//! The stage's side: what was found in the tasks of the stage, and how to look further without disturbing.
//!
//! Looking happens only while the stage is settled, or is marked as a look at running things. A borrowed descriptor
//! is closed before the facility's `read` returns: held longer it would hide an end of file, a broken pipe, the
//! release of a lock.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::kernel::arena::Record;
use crate::kernel::borrow;
use crate::kernel::netlink::diag::{Diag, InetSocket};
use crate::kernel::pipe::Scratch;
use crate::kernel::proc::{self, FdInfo, LockEntry, Status};
use crate::kernel::{SysError, SysResultExt};
use crate::model::{ObjectKey, Value};
use crate::script::CallSpec;

/// Where the stage lies: what tells its objects from those of the rest of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The stage's directory, without a slash at its end.
    pub directory: &'a Path,
    /// Device number of /dev/shm, 0 if there is none.
    pub shm_dev: u64,
}

impl Ground<'_> {
    /// The path within the stage's directory of a file that /proc calls `link`, also when its name is gone.
    pub fn within<'l>(&self, link: &'l str) -> Option<&'l str> {
        let rest = link.strip_prefix(self.directory.to_str()?)?.strip_prefix('/')?;
        Some(rest.strip_suffix(" (deleted)").unwrap_or(rest))
    }
}

/// A handle that some actor holds, as /proc shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    /// The process.
    pub pid: i32,
    /// Device number of what it leads to.
    pub dev: u64,
    /// Inode number of what it leads to. What has no inode of its own (`anon_inode:[eventfd]`) has a number of the
    /// stage's here, one for each open file description.
    pub ino: u64,
    /// Where /proc says that it leads: `pipe:[123]`, `/dev/shm/board`, with ` (deleted)` behind an unlinked name.
    pub link: String,
    /// What kind of handle it is.
    pub kind: HandleKind,
}

/// A descriptor or a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandleKind {
    /// An open descriptor.
    Descriptor {
        /// Its number.
        fd: i32,
        /// st_mode of what it leads to.
        mode: u32,
        /// Access mode and status flags of the open file description, O_CLOEXEC for the descriptor's.
        flags: i32,
        /// File offset.
        offset: u64,
    },
    /// A mapping.
    Mapping {
        /// First address.
        start: u64,
        /// One past the last address.
        end: u64,
        /// Offset in the file at `start`, in bytes.
        offset: u64,
        /// The four letters of /proc: `rw-s`.
        perms: String,
    },
}

/// An object that was found, with all handles on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// What the kernel knows it by.
    pub key: ObjectKey,
    /// Our name for it.
    pub name: String,
    /// A path that leads to it, if one is known: for those that nobody holds.
    pub path: Option<String>,
    /// The handles on it.
    pub handles: Vec<&'a Handle>,
}

impl Found<'_> {
    /// The first descriptor that satisfies `wanted(flags)`: pid and number.
    pub fn descriptor(&self, wanted: impl Fn(i32) -> bool) -> Option<(i32, i32)> {
        self.handles.iter().find_map(|h| match h.kind {
            HandleKind::Descriptor { fd, flags, .. } if wanted(flags) => Some((h.pid, fd)),
            _ => None,
        })
    }

    /// The first readable descriptor.
    pub fn readable(&self) -> Option<(i32, i32)> {
        self.descriptor(|flags| flags & libc::O_ACCMODE != libc::O_WRONLY && flags & libc::O_PATH == 0)
    }

    /// Where an object that lies inside memory can be read: pid and address.
    pub fn place(&self) -> Option<(i32, u64)> {
        let ObjectKey { dev, ino, offset, .. } = self.key;
        self.mapped_at(offset).filter(|_| self.handles.iter().any(|h| (h.dev, h.ino) == (dev, ino))).or_else(|| {
            let own = self.handles.iter().any(|h| h.pid as u64 == dev && (h.dev, h.ino) != (dev, ino));
            own.then_some((dev as i32, ino))
        })
    }

    /// The first mapping that covers `offset` of the object: pid, and the address of that offset.
    pub fn mapped_at(&self, offset: u64) -> Option<(i32, u64)> {
        self.handles.iter().find_map(|h| match &h.kind {
            HandleKind::Mapping { start, end, offset: from, perms }
                if perms.starts_with('r') && *from <= offset && offset < from + (end - start) =>
            {
                Some((h.pid, start + (offset - from)))
            }
            _ => None,
        })
    }
}

/// A finished call, for facilities that must remember.
#[derive(Debug)]
pub struct Reported<'a> {
    /// Who made it.
    pub actor: &'a str,
    /// Its record.
    pub record: &'a Record,
    /// Its specification.
    pub spec: &'static CallSpec,
    /// The object that its first descriptor leads to.
    pub object: &'a ObjectKey,
    /// That descriptor, if it was one.
    pub handle: Option<&'a Handle>,
}

/// A task that sleeps in a system call, as the stage has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asleep {
    /// Our name of the actor.
    pub actor: String,
    /// Its process.
    pub pid: i32,
    /// The number of the system call; for a restarted one that of the call that was restarted.
    pub nr: i64,
    /// The call's arguments.
    pub args: [u64; 6],
}

/// The descriptors of the stage's processes, whose files in fdinfo are kept open.
pub trait Kept: std::fmt::Debug {
    /// What fdinfo says of one of them now; `None` if it is not known.
    fn fdinfo(&self, pid: i32, fd: i32) -> Option<FdInfo>;

    /// What /proc tells in this look of a process' first thread and its signals.
    fn status(&self, pid: i32) -> Option<Status>;
}

/// How to look further.
#[derive(Debug)]
pub struct Look<'a> {
    /// The stage's directory.
    pub directory: &'a Path,
    /// What stands before POSIX names in shared mode; empty when isolated.
    pub tag: &'a str,
    /// Device number of /dev/shm, 0 if there is none.
    pub shm_dev: u64,
    /// Where the mqueue file system is mounted, if it is.
    pub mqueue: Option<&'a Path>,
    /// Our names of the processes.
    pub actors: &'a [(i32, String)],
    /// The same with those of the dead, youngest first: the kernel goes on naming who did something last.
    pub everyone: &'a [(i32, String)],
    /// The ids that were made on stage and are not known to be gone.
    pub ids: &'a [ObjectKey],
    /// What living actors know by an id: the object, the actor and its name for it.
    pub knowers: &'a [(ObjectKey, String, String)],
    /// Who sleeps in which system call, in order of entry.
    pub asleep: &'a [Asleep],
    /// A pidfd of each process.
    pub pidfds: &'a BTreeMap<i32, OwnedFd>,
    /// Their descriptors.
    pub kept: &'a dyn Kept,
    /// The pipe into which contents are duplicated.
    pub scratch: &'a mut Scratch,
    /// What facilities remember of their objects.
    pub notes: &'a mut BTreeMap<ObjectKey, Value>,
    /// Our names of the objects that were found.
    pub names: &'a [(ObjectKey, String)],
    /// Whether somebody runs: what only a look at a settled stage may do is left out then.
    pub running: bool,
    /// The Internet sockets of all networks by place and protocol, those of the place first, once asked for.
    pub inet: Vec<((usize, i32), Vec<InetSocket>)>,
    /// Whether packets are on their way over a loopback, once asked for.
    pub packets_queued: Option<bool>,
    /// For questions about sockets: a socket of each place, the stage's own ground first, once opened.
    pub diags: &'a mut Vec<Option<Diag>>,
    /// Which place we look at: 0 the stage's own ground, else a host. Paths and ids mean what they mean there.
    pub place: usize,
    /// The machine's table of file locks, once read.
    pub lock_table: Option<Vec<LockEntry>>,
    /// All that was found, with names: for what leads to other objects. Empty while names are still being given.
    pub on_stage: &'a [Found<'a>],
}

impl Look<'_> {
    /// A duplicate of an actor's descriptor. Drop it before `read` returns.
    pub fn borrow(&self, pid: i32, fd: i32) -> Result<OwnedFd, SysError> {
        let pidfd = self
            .pidfds
            .get(&pid)
            .ok_or_else(|| SysError::new("pidfd_getfd", pid.to_string(), nix::errno::Errno::ESRCH))?;
        borrow::borrow(pidfd, fd).on("pidfd_getfd", format!("{fd} of {pid}"))
    }

    /// Bytes of an actor's memory; fewer than asked for where the mapping ends.
    pub fn memory(&self, pid: i32, address: u64, length: usize) -> Result<Vec<u8>, SysError> {
        let mut buffer = vec![0; length];
        let n = borrow::read_memory(pid, address, &mut buffer).on("process_vm_readv", pid.to_string())?;
        buffer.truncate(n);
        Ok(buffer)
    }

    /// The same where the mapping is private: see [`borrow::read_private`].
    pub fn private_memory(&self, pid: i32, address: u64, length: usize) -> Result<Vec<u8>, SysError> {
        let mut buffer = vec![0; length];
        let n = borrow::read_private(pid, address, &mut buffer).on("read", format!("/proc/{pid}/mem"))?;
        buffer.truncate(n);
        Ok(buffer)
    }

    /// Our name of a process.
    pub fn actor(&self, pid: i32) -> Option<&str> {
        self.actors.iter().find(|(p, _)| *p == pid).map(|(_, n)| n.as_str())
    }

    /// Our name of a process that the kernel says has done something, be it dead; `nobody` for 0.
    pub fn who(&self, pid: i32) -> String {
        let name = self.everyone.iter().find(|(p, _)| *p == pid).map(|(_, name)| name.clone());
        name.unwrap_or_else(|| if pid == 0 { "nobody".to_owned() } else { format!("pid {pid}") })
    }

    /// The way to ask the kernel about sockets; opened once a stage.
    pub fn diag(&mut self) -> Result<&mut Diag, SysError> {
        if self.diags.len() <= self.place {
            self.diags.resize_with(self.place + 1, || None);
        }
        match &mut self.diags[self.place] {
            Some(diag) => Ok(diag),
            none => Ok(none.insert(Diag::open()?)),
        }
    }

    /// Our name of a socket by its inode. All sockets of a machine lie on one device.
    pub fn socket(&self, dev: u64, ino: u64) -> Option<&str> {
        self.names.iter().find(|(key, _)| (key.dev, key.ino) == (dev, ino)).map(|(_, name)| name.as_str())
    }

    /// The machine's table of file locks, read once a look.
    pub fn locks(&mut self) -> &[LockEntry] {
        self.lock_table.get_or_insert_with(|| proc::locks().unwrap_or_default())
    }

    /// fdinfo of an actor's descriptor.
    pub fn fdinfo(&self, pid: i32, fd: i32) -> Result<FdInfo, SysError> {
        self.kept.fdinfo(pid, fd).map_or_else(|| proc::fdinfo(pid, fd), Ok)
    }

    /// What /proc tells of a process' first thread and its signals.
    pub fn status(&self, pid: i32) -> Option<Status> {
        self.kept.status(pid)
    }

    /// What the facility remembers of an object.
    pub fn note(&self, key: &ObjectKey) -> &Value {
        self.notes.get(key).unwrap_or(&Value::Nothing)
    }
}

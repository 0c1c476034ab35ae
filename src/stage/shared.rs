//! The stage in shared mode: in a directory of its own, with names that carry a tag, beneath a reaper.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{chdir, getppid, setsid};

use super::identity::Identity;
use super::isolate::{SYSTEM, libraries};
use super::reaper;
use super::session::{Directory, Id, Journal};
use crate::kernel::landlock::{Ruleset, access};
use crate::kernel::mq::{MqAttr, mq_open, mq_unlink};
use crate::kernel::process::{self, Fork};
use crate::kernel::{SysResultExt, borrow, fd};

/// What no object of a learner's can be called.
const PROBE: &str = "-";

/// Which process we are once the stage stands.
pub(super) enum Side {
    /// The reaper, its work done: the director's exit status, if it exited.
    Reaper(Option<i32>),
    /// The director, in its stage.
    Director {
        /// The session's directory.
        directory: PathBuf,
        /// For names that can't be found again.
        journal: Journal,
    },
}

/// Opens a stage in shared mode; this process becomes its reaper. `wire` is called in the reaper to let go of the wire.
///
/// # Errors
/// No room has a place for the directory, or the kernel lacks pidfds.
pub(super) fn open(id: &Id, face: i32, identity: &Identity, let_go: impl FnOnce()) -> io::Result<Side> {
    let to_io = |error: crate::kernel::SysError| io::Error::other(error.to_string());
    // The reaper must outlive the face, to clean up after it.
    prctl::set_pdeathsig(None)?;
    let face_fd = borrow::pidfd_open(face).map_err(to_io)?;
    if getppid().as_raw() != face {
        return Err(io::Error::other("the face has ended"));
    }
    prctl::set_child_subreaper(true)?;
    reaper::endings().thread_block()?;
    let directory = Directory::make(id, identity)?;
    let journal = directory.journal();
    let reaper = std::process::id() as i32;
    let forked = match process::fork() {
        Ok(forked) => forked,
        Err(error) => {
            reaper::remove(&directory.path, id);
            return Err(error.into());
        }
    };
    match forked {
        Fork::Child => {
            if !process::die_with_parent(Signal::SIGKILL, reaper)? {
                return Err(io::Error::other("the reaper has ended"));
            }
            reaper::endings().thread_unblock()?;
            setsid()?;
            let stage = directory.stage();
            chdir(&stage)?;
            Ok(Side::Director { directory: stage, journal: journal? })
        }
        Fork::Parent(director) => {
            let_go();
            drop(journal);
            let ended = borrow::pidfd_open(director).and_then(|fd| reaper::wait_for_an_end(&fd, &face_fd));
            let status = reaper::reap(director);
            reaper::remove(&directory.path, id);
            ended.map_err(to_io)?;
            Ok(Side::Reaper(status))
        }
    }
}

/// Takes all rights on files that the stage does not need, and forbids signals and abstract sockets to reach outside.
/// Without Landlock the stage works as well, and less is kept from what should not happen anyway.
pub(super) fn enclose(directory: &Path, queues: Option<&Path>) {
    // Nothing depends on it.
    let _ = restrict(directory, queues);
}

fn restrict(directory: &Path, queues: Option<&Path>) -> crate::kernel::Result<()> {
    const DEVICE: u64 = access::OPEN | access::IOCTL_DEV;
    const NAMES: u64 = access::OPEN | access::READ_DIR | access::MAKE_REG | access::REMOVE_FILE;
    prctl::set_no_new_privs().on("prctl", "PR_SET_NO_NEW_PRIVS")?;
    // Queues are files below a root of their own. Where that is mounted nowhere no rule can be made for it, so opening
    // must stay free.
    let rules = Ruleset::new(if queues.is_some() { access::ALL } else { access::ALL & !access::OPEN })?;
    rules.allow(directory, access::ALL)?;
    let libraries = libraries().unwrap_or_default();
    let fixed = [
        ("/dev/shm", NAMES),
        ("/dev/null", DEVICE),
        ("/dev/ptmx", DEVICE),
        ("/dev/pts", DEVICE | access::READ_DIR),
        ("/proc", access::READ_FILE | access::READ_DIR),
        ("/etc/ld.so.cache", access::READ_FILE),
        // Through the link: the file that runs, even if another one has its name by now.
        ("/proc/self/exe", access::USE),
    ];
    let fixed = fixed.iter().map(|(path, rights)| (Path::new(path), *rights));
    let system = SYSTEM.iter().map(|path| (Path::new(path), access::USE));
    let libraries = libraries.iter().map(|path| (path.as_path(), access::USE));
    for (path, rights) in fixed.chain(system).chain(libraries).chain(queues.map(|path| (path, NAMES))) {
        // What is not there needs no right.
        let _ = rules.allow(path, rights);
    }
    rules.enter()
}

/// Where the mqueue file system of this process is mounted, found by a queue that is made for it; `None` if nowhere.
/// A mount of the right kind can be of another IPC namespace.
pub(super) fn queues(tag: &str, journal: &mut Journal) -> Option<PathBuf> {
    let mounted = reaper::mqueue_mount()?;
    journal.note(PROBE).ok()?;
    let name = CString::new(format!("/{tag}{PROBE}")).ok()?;
    let attr = MqAttr { maxmsg: 1, msgsize: 1, ..MqAttr::default() };
    let queue = mq_open(&name, libc::O_RDONLY | libc::O_CREAT | libc::O_EXCL, 0o600, Some(attr)).ok()?;
    let device = fs::metadata(format!("/proc/self/fd/{queue}")).map(|meta| meta.dev());
    let _ = (fd::close(queue), mq_unlink(&name));
    let here = fs::metadata(&mounted).map(|meta| meta.dev());
    (device.ok()? == here.ok()?).then_some(mounted)
}

/// Replaces standard input by /dev/null, so that the wire it was closes.
pub(super) fn close_stdin() {
    if let Ok(null) = std::fs::File::open("/dev/null") {
        let _ = fd::place_fd(null.as_fd(), 0, false);
    }
}

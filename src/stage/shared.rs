//! The stage in shared mode: in a directory of its own, with names that carry a tag, beneath a reaper.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{chdir, getppid, setsid};

use super::identity::Identity;
use super::isolate::{SYSTEM, libraries};
use super::reaper;
use super::session::{Directory, Id, Journal};
use crate::kernel::landlock::{Ruleset, access};
use crate::kernel::process::{self, Fork};
use crate::kernel::{SysResultExt, borrow, fd};

/// Which process we are once the stage stands.
pub(super) enum Side {
    /// The reaper, its work done: the director's exit status, if it exited.
    Reaper(Option<i32>),
    /// The director, in its stage.
    Director {
        /// The session's directory.
        directory: std::path::PathBuf,
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
pub(super) fn enclose(directory: &Path) {
    let libraries = libraries().unwrap_or_default();
    let enter = || {
        prctl::set_no_new_privs().on("prctl", "PR_SET_NO_NEW_PRIVS")?;
        let mqueue = reaper::mqueue_mount();
        // Message queues lie on a file system of their own. Where it is not mounted no rule can name it, and mq_open(3)
        // would be refused: there opening and writing files can't be forbidden, but all else still is.
        let opening = access::READ_FILE | access::WRITE_FILE | access::TRUNCATE;
        let rules = Ruleset::new(if mqueue.is_some() { access::ALL } else { access::ALL & !opening })?;
        rules.allow(directory, access::ALL)?;
        let memory = access::READ_DIR
            | access::READ_FILE
            | access::WRITE_FILE
            | access::TRUNCATE
            | access::MAKE_REG
            | access::REMOVE_FILE;
        let device = access::READ_FILE | access::WRITE_FILE | access::IOCTL_DEV;
        let mut paths = vec![
            (Path::new("/dev/shm"), memory),
            (Path::new("/proc"), access::READ_FILE | access::READ_DIR),
            (Path::new("/dev/null"), device),
            (Path::new("/dev/ptmx"), device),
            (Path::new("/dev/pts"), device | access::READ_DIR),
            (Path::new("/etc/ld.so.cache"), access::READ_FILE),
        ];
        let queues = access::READ_FILE | access::WRITE_FILE | access::READ_DIR;
        paths.extend(mqueue.iter().map(|at| (at.as_path(), queues)));
        paths.extend(SYSTEM.iter().map(|at| (Path::new(at), access::USE)));
        // Through the link: the file that runs, even if another one has its name by now.
        paths.push((Path::new("/proc/self/exe"), access::USE));
        paths.extend(libraries.iter().map(|at| (at.as_path(), access::USE)));
        for (path, rights) in paths {
            // What is not there needs no right.
            let _ = rules.allow(path, rights);
        }
        rules.enter()
    };
    let _: crate::kernel::Result<()> = enter();
}

/// Replaces standard input by /dev/null, so that the wire it was closes.
pub(super) fn close_stdin() {
    if let Ok(null) = std::fs::File::open("/dev/null") {
        let _ = fd::place_fd(null.as_fd(), 0, false);
    }
}

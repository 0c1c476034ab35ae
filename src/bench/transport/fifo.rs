//! Two FIFOs, one for each direction. Their names are gone before anything is measured.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::ends::{Ends, through_ends};
use super::{On, Setup, Transport, Trouble};

pub(super) struct Fifo(Ends);

/// Both ends of a new FIFO: what is read from, and what is written to.
fn fifo() -> Result<(OwnedFd, OwnedFd), Trouble> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("ipclab-bench-{}-{number}", std::process::id()));
    mkfifo(&path, Mode::from_bits_truncate(0o600)).on("mkfifo")?;
    let opened = ends(&path);
    let _ = std::fs::remove_file(&path);
    let (read, write) = opened.on("open")?;
    Ok((read.into(), write.into()))
}

/// Opened for both, a FIFO opens at once, and then its other end does. That the reading end may write as well changes
/// nothing: whoever waits is ended by the keeper, not by an end of file.
fn ends(path: &Path) -> std::io::Result<(File, File)> {
    let read = OpenOptions::new().read(true).write(true).open(path)?;
    Ok((read, OpenOptions::new().write(true).open(path)?))
}

impl Transport for Fifo {
    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        Ok(Self(Ends::lines(fifo()?, fifo()?)))
    }

    through_ends!(write_all);
}

//! What the launcher has prepared for the director.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::session::Journal;
use crate::model::Mode;

/// The place in which a director finds itself when it starts.
#[derive(Debug)]
pub struct Setting {
    /// The director's end of the wire to the face: a stream socket.
    pub wire: OwnedFd,
    /// How far the stage is apart.
    pub mode: Mode,
    /// In shared mode, why; a sentence.
    pub why_shared: Option<String>,
    /// The stage's directory, already the working directory.
    pub directory: PathBuf,
    /// What stands before POSIX names in shared mode, `ipclab-PID-RANDOM-`; empty when isolated.
    pub tag: String,
    /// The uid that actors get if nothing else is asked for.
    pub uid: u32,
    /// The gid that they get.
    pub gid: u32,
    /// Whether actors can be given another uid.
    pub strangers: bool,
    /// Where the mqueue file system is mounted, if it is.
    pub mqueue: Option<PathBuf>,
    /// In shared mode, where names are noted before objects are made by them.
    pub journal: Option<Journal>,
}

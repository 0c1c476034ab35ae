//! `ipclab lesson check --watch`: checks again whenever a file is saved.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use super::check::Check;
use super::{BAD_INPUT, CANCELLED};
use crate::lesson::is_lesson_file;

/// Clears the screen and what has scrolled off it.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Checks, and again at each save, until Ctrl-C, of which `interrupts` gets a byte.
pub(super) fn run(
    check: &Check<'_>,
    interrupts: &UnixStream,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let saves = match Saves::new(check.paths) {
        Ok(saves) => saves,
        Err(why) => {
            writeln!(err, "error: {why}")?;
            return Ok(BAD_INPUT.into());
        }
    };
    let clear = !check.json && io::stdout().is_terminal();
    loop {
        if clear {
            // At once: what comes on standard error first would be cleared with the rest.
            write!(out, "{CLEAR}")?;
            out.flush()?;
        }
        check.run(out, err)?;
        if check.cancelled.load(Ordering::Relaxed) {
            return Ok(CANCELLED.into());
        }
        if !check.json {
            writeln!(out, "\nwatching {}; Ctrl-C ends", saves.what)?;
        }
        out.flush()?;
        match saves.wait(interrupts)? {
            Next::Saved => {}
            Next::Interrupted => {
                if !check.json {
                    writeln!(out)?;
                }
                return Ok(CANCELLED.into());
            }
            Next::FolderGone => {
                writeln!(err, "error: the folder is gone or was moved, so nothing can be watched there any more")?;
                return Ok(BAD_INPUT.into());
            }
        }
    }
}

/// What ends the waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// One of the files was written, taken away, or came back.
    Saved,
    Interrupted,
    /// A folder that is watched went, and what comes to its place would not be seen.
    FolderGone,
}

/// What is watched: directories, for editors often write a new file and give it the old one's name.
struct Saves {
    inotify: Inotify,
    /// The names that count in each directory; `None`: all lessons, and the list of a pack.
    names: BTreeMap<WatchDescriptor, Option<Vec<OsString>>>,
    what: String,
}

impl Saves {
    fn new(paths: &[&Path]) -> Result<Self, String> {
        if paths.is_empty() {
            return Err("the lessons of the program do not change: name the files or folders to watch".to_owned());
        }
        let failed = |path: &Path, error: Errno| format!("{} can't be watched: {}", path.display(), error.desc());
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
            .map_err(|e| format!("nothing can be watched: {}", e.desc()))?;
        let mut names: BTreeMap<WatchDescriptor, Option<Vec<OsString>>> = BTreeMap::new();
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        let mut watched = Vec::new();
        for path in paths {
            // Behind a symbolic link the file itself is saved elsewhere.
            let target = path.canonicalize().map_err(|_absent| {
                format!("{} is neither a file nor a folder, so it can't be watched", path.display())
            })?;
            watched.push(path.to_path_buf());
            if path.is_symlink() {
                watched.push(target);
            }
        }
        for path in &watched {
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
            let folder = if path.is_dir() { path } else { parent };
            let of = names.entry(inotify.add_watch(folder, flags).map_err(|e| failed(folder, e))?);
            match (of.or_insert_with(|| Some(Vec::new())), path.is_dir()) {
                (all, true) => *all = None,
                (Some(names), false) => names.extend(path.file_name().map(OsStr::to_owned)),
                (None, false) => {}
            }
        }
        let what = match paths {
            [one] => one.display().to_string(),
            many => format!("{} files and folders", many.len()),
        };
        Ok(Self { inotify, names, what })
    }

    fn wait(&self, interrupts: &UnixStream) -> io::Result<Next> {
        loop {
            let mut ready = [
                PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN),
                PollFd::new(interrupts.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut ready, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            if ready[1].any().unwrap_or(false) {
                return Ok(Next::Interrupted);
            }
            if let Some(next) = self.news()? {
                return Ok(next);
            }
        }
    }

    /// What happened since the last time, as far as it counts.
    fn news(&self) -> io::Result<Option<Next>> {
        const SELF: AddWatchFlags = AddWatchFlags::IN_DELETE_SELF.union(AddWatchFlags::IN_MOVE_SELF);
        let mut next = None;
        loop {
            match self.inotify.read_events() {
                Ok(events) => {
                    for event in events {
                        let lost = event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
                        if event.mask.intersects(SELF) {
                            return Ok(Some(Next::FolderGone));
                        } else if lost || self.counts(event.wd, event.name.as_deref()) {
                            next = Some(Next::Saved);
                        }
                    }
                }
                Err(Errno::EAGAIN) => return Ok(next),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn counts(&self, watch: WatchDescriptor, name: Option<&OsStr>) -> bool {
        let (Some(names), Some(name)) = (self.names.get(&watch), name) else { return false };
        let lesson = is_lesson_file(name.as_ref()) || name == "pack.toml";
        names.as_ref().map_or(lesson, |names| names.iter().any(|n| n == name))
    }
}

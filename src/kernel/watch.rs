//! Watching directories for what is done to their files by name, see inotify(7).
//!
//! The kernel queues an event before the call returns that made, took or opened a name, so a director that finds none
//! needs not list the directory again. A time stamp would not do: it may stay the same over several changes.
//!
//! Writing is not watched: it would slow the writers down, and whoever writes has the file open.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// Some directories, all watched, or not watched at all.
#[derive(Debug)]
pub struct Watch(Option<Inotify>);

/// What was done since the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether a name may have come or gone, or a mode changed.
    pub names: bool,
    /// The files that were opened by their names, in any of the directories.
    opened: HashSet<OsString>,
    /// Whether any may have been: the kernel has lost count, or nothing is watched.
    any: bool,
}

impl Changes {
    const UNKNOWN: fn() -> Self = || Self { names: true, opened: HashSet::new(), any: true };

    /// Whether a file of this name may have been opened by its name.
    pub fn opened(&self, name: &OsStr) -> bool {
        self.any || self.opened.contains(name)
    }
}

impl Watch {
    /// Watches these directories. Where that can't be had (a user has a limited number of watches), anything may have
    /// changed each time.
    pub fn new<'p>(directories: impl IntoIterator<Item = &'p Path>) -> Self {
        let watch = || {
            let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
            for directory in directories {
                inotify.add_watch(directory, watched())?;
            }
            Ok::<_, Errno>(inotify)
        };
        Self(watch().ok())
    }

    /// Watches more directories. If one can't be had, anything may have changed each time from now on.
    pub fn add<'p>(&mut self, directories: impl IntoIterator<Item = &'p Path>) {
        let watched = self.0.as_ref().is_some_and(|inotify| {
            directories.into_iter().all(|directory| inotify.add_watch(directory, watched()).is_ok())
        });
        if !watched {
            self.0 = None;
        }
    }

    /// What has changed since the last time. Ask before you list and read.
    pub fn changes(&self) -> Changes {
        let Some(inotify) = &self.0 else { return Changes::UNKNOWN() };
        let mut changes = Changes::default();
        loop {
            match inotify.read_events() {
                Ok(events) => {
                    for event in events {
                        changes.any |= event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
                        changes.names |= event.mask != AddWatchFlags::IN_OPEN && event.mask.intersects(names());
                        // That the directory itself was opened, to be listed, has no name.
                        changes.opened.extend(event.name);
                    }
                }
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(_) => return Changes::UNKNOWN(),
            }
        }
        changes.names |= changes.any;
        changes
    }
}

fn watched() -> AddWatchFlags {
    names() | AddWatchFlags::IN_OPEN | AddWatchFlags::IN_ONLYDIR
}

/// Names that come and go; IN_ATTRIB for the modes of files; and what ends the watch.
const fn names() -> AddWatchFlags {
    AddWatchFlags::IN_ATTRIB
        .union(AddWatchFlags::IN_CREATE)
        .union(AddWatchFlags::IN_DELETE)
        .union(AddWatchFlags::IN_MOVE)
        .union(AddWatchFlags::IN_DELETE_SELF)
        .union(AddWatchFlags::IN_MOVE_SELF)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What it does, whether names change by it, the file that it opens, and how.
    type Step<'a> = (&'a str, bool, &'a str, &'a dyn Fn() -> std::io::Result<()>);

    #[test]
    fn tells_of_names_that_come_and_go_and_of_what_is_opened() {
        let directory = std::env::temp_dir().join(format!("watch-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let watch = Watch::new([directory.as_path()]);
        let file = directory.join("one");
        let (two, three, four) = (directory.join("two"), directory.join("three"), directory.join("four"));
        let steps: [Step<'_>; 8] = [
            ("made", true, "one", &|| fs::write(&file, "text")),
            ("opened", false, "one", &|| fs::read(&file).map(drop)),
            ("changed in mode", true, "one", &|| fs::set_permissions(&file, fs::Permissions::from_mode(0o640))),
            ("linked", true, "two", &|| fs::hard_link(&file, &two)),
            ("renamed", true, "three", &|| fs::rename(&two, &three)),
            ("unlinked", true, "three", &|| fs::remove_file(&three)),
            ("FIFO", true, "four", &|| nix::unistd::mkfifo(&four, nix::sys::stat::Mode::S_IRWXU).map_err(Into::into)),
            ("listed", false, "none", &|| fs::read_dir(&directory).map(drop)),
        ];
        let mut seen = vec![watch.changes() == Changes::default()];
        for (what, names, name, step) in steps {
            let done = step();
            let changes = watch.changes();
            let opened = changes.opened(OsStr::new(name)) == (name != "none") && !changes.opened(OsStr::new("five"));
            seen.push(done.is_ok() && changes.names == names && opened && watch.changes() == Changes::default());
            if seen.last() == Some(&false) {
                println!("{what}: {done:?} {changes:?}");
            }
        }
        fs::remove_dir_all(&directory).unwrap();
        assert!(watch.0.is_none() || !seen.contains(&false), "{seen:?}");
        let nothing = Watch::new([directory.as_path()]).changes();
        assert!(nothing.names && nothing.opened(OsStr::new("one")), "what can't be watched may have changed");
    }
}

//! Watching directories for names that come and go, see inotify(7).
//!
//! The kernel queues an event before the call that made or took the name returns, so a director that finds none needs not
//! list the directory again. A time stamp would not do: it may stay the same over several changes.

use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// Some directories, all watched, or not watched at all.
#[derive(Debug)]
pub struct Watch(Option<Inotify>);

impl Watch {
    /// Watches these directories. Where that can't be had (a user has a limited number of watches), [`Self::changed`]
    /// is always true.
    pub fn new<'p>(directories: impl IntoIterator<Item = &'p Path>) -> Self {
        let watch = || {
            let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
            // And IN_ATTRIB: the mode of a file, and whether it still has a name.
            let names =
                AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE;
            let itself = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
            for directory in directories {
                inotify.add_watch(directory, names | itself | AddWatchFlags::IN_ONLYDIR)?;
            }
            Ok::<_, Errno>(inotify)
        };
        Self(watch().ok())
    }

    /// Whether a name may have come or gone, or a mode changed, since the last time. Ask before you list.
    pub fn changed(&self) -> bool {
        let Some(inotify) = &self.0 else { return true };
        let mut changed = false;
        loop {
            match inotify.read_events() {
                Ok(_) => changed = true,
                Err(Errno::EAGAIN) => return changed,
                Err(Errno::EINTR) => {}
                Err(_) => return true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tells_of_names_that_come_and_go() {
        let directory = std::env::temp_dir().join(format!("watch-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let watch = Watch::new([directory.as_path()]);
        let file = directory.join("one");
        let mode = || fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640));
        let steps: [(&str, &dyn Fn() -> std::io::Result<()>); 6] = [
            ("made", &|| fs::write(&file, "text")),
            ("changed in mode", &mode),
            ("linked", &|| fs::hard_link(&file, directory.join("two"))),
            ("renamed", &|| fs::rename(directory.join("two"), directory.join("three"))),
            ("unlinked", &|| fs::remove_file(directory.join("three"))),
            ("FIFO", &|| {
                nix::unistd::mkfifo(&directory.join("four"), nix::sys::stat::Mode::S_IRWXU).map_err(Into::into)
            }),
        ];
        let mut wrong = vec![];
        let quiet = !watch.changed();
        for (what, step) in steps {
            let done = step();
            if done.is_err() || !watch.changed() || watch.changed() && watch.0.is_some() {
                wrong.push((what, done));
            }
        }
        let read = fs::read(&file);
        let quiet = quiet && !watch.changed();
        fs::remove_dir_all(&directory).unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!(read.is_ok() && (quiet || watch.0.is_none()), "a look changes nothing");
        assert!(Watch::new([directory.as_path()]).changed(), "what can't be watched may have changed");
    }
}

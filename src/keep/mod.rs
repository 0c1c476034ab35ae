//! What outlives the program: the directory of its state, and files in it that are whole after a crash at any moment.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// So many files of a kind are kept beside the one in use.
const BESIDE_MAX: u32 = 1000;

/// Where state is kept: `$XDG_STATE_HOME/ipclab`, else `$HOME/.local/state/ipclab`; `None` where neither is set to an
/// absolute path.
pub fn directory() -> Option<PathBuf> {
    told(|name| std::env::var_os(name).map(PathBuf::from))
}

/// The same with these variables. A relative path does not count, as the base directory specification says.
fn told(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("ipclab"))
}

/// The directory in which a file stands.
fn room(file: &Path) -> &Path {
    file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Fails where no file can be made in the directory.
///
/// # Errors
/// What open(2) or unlink(2) says.
pub fn writable(directory: &Path) -> io::Result<()> {
    let probe = directory.join(format!(".probe-{}", std::process::id()));
    fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
    fs::remove_file(&probe)
}

/// Keeps another ipclab from writing beside this file at the same time, as long as the result lives: a lock on its
/// directory, since the file itself is another one after each change.
///
/// # Errors
/// What open(2) or flock(2) says.
pub fn lock(file: &Path) -> io::Result<Flock<File>> {
    Flock::lock(File::open(room(file))?, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
}

/// Puts these bytes in the place of what the file holds: a new file is written beside it, is made sure to be on disk, and
/// takes its name. Whoever reads meanwhile finds the old one or the new one, and so does whoever comes after a crash.
///
/// # Errors
/// What the calls say; the file is then as it was.
pub fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = named(file, &format!("new-{}", std::process::id()));
    let written = File::create(&new)
        .and_then(|mut out| out.write_all(bytes).and_then(|()| out.sync_all()))
        .and_then(|()| fs::rename(&new, file))
        .and_then(|()| File::open(room(file))?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Gives a file a name that is not taken, in place of its own: `progress.toml.unreadable-1`.
///
/// # Errors
/// What link(2) or unlink(2) says; the file has its name still.
pub fn set_aside(file: &Path, kind: &str) -> io::Result<PathBuf> {
    let aside = keep_aside(file, kind)?;
    fs::remove_file(file).map(|()| aside)
}

/// Gives a file a name that is not taken, besides its own: it stays as it is there when [`replace`] has put another in its
/// place.
///
/// # Errors
/// What link(2) says.
pub fn keep_aside(file: &Path, kind: &str) -> io::Result<PathBuf> {
    for number in 1..BESIDE_MAX {
        let aside = named(file, &format!("{kind}-{number}"));
        // Unlike rename, link never replaces what stands there.
        match fs::hard_link(file, &aside) {
            Ok(()) => return Ok(aside),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// The last file of that kind that was put aside, if there is one.
pub fn last_aside(file: &Path, kind: &str) -> Option<PathBuf> {
    (1..BESIDE_MAX).map(|number| named(file, &format!("{kind}-{number}"))).take_while(|path| path.exists()).last()
}

/// A name beside a file's own.
fn named(file: &Path, what: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that goes with the test.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ipclab-keep-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn files(&self) -> Vec<String> {
            let mut names: Vec<String> =
                fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn only_absolute_paths_count() {
        let cases: [(Option<&str>, Option<&str>, Option<&str>); 5] = [
            (Some("/s"), Some("/h"), Some("/s/ipclab")),
            (None, Some("/h"), Some("/h/.local/state/ipclab")),
            (Some("s"), Some("/h"), Some("/h/.local/state/ipclab")),
            (Some(""), None, None),
            (None, Some("h"), None),
        ];
        for (state, home, expected) in cases {
            let found = told(|name| if name == "HOME" { home } else { state }.map(PathBuf::from));
            assert_eq!(found, expected.map(PathBuf::from), "{state:?} {home:?}");
        }
    }

    #[test]
    fn what_takes_a_files_place_leaves_nothing_beside_it() {
        let dir = Dir::new("replace");
        let file = dir.0.join("a.toml");
        replace(&file, b"one").unwrap();
        let old = File::open(&file).unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(io::read_to_string(old).unwrap(), "one", "whoever reads the old one reads all of it");
        assert_eq!(dir.files(), ["a.toml"]);
    }

    #[test]
    fn what_cannot_take_a_files_place_leaves_it_as_it_was() {
        let dir = Dir::new("refused");
        let file = dir.0.join("a.toml");
        // A directory's place is not taken by a file.
        fs::create_dir(&file).unwrap();
        assert!(replace(&file, b"two").is_err());
        assert_eq!(dir.files(), ["a.toml"]);
        assert!(file.is_dir());
    }

    #[test]
    fn what_was_put_aside_is_never_replaced() {
        let dir = Dir::new("aside");
        let file = dir.0.join("a.toml");
        assert_eq!(last_aside(&file, "before"), None);
        for text in ["one", "two"] {
            replace(&file, text.as_bytes()).unwrap();
            keep_aside(&file, "before").unwrap();
        }
        replace(&file, b"three").unwrap();
        assert_eq!(last_aside(&file, "before"), Some(dir.0.join("a.toml.before-2")));
        assert_eq!(set_aside(&file, "bad").unwrap(), dir.0.join("a.toml.bad-1"));
        let texts = dir.files().iter().map(|name| fs::read_to_string(dir.0.join(name)).unwrap()).collect::<Vec<_>>();
        assert_eq!(dir.files(), ["a.toml.bad-1", "a.toml.before-1", "a.toml.before-2"]);
        assert_eq!(texts, ["three", "one", "two"]);
        assert!(set_aside(&file, "bad").is_err(), "what is not there can't be put anywhere");
    }

    #[test]
    fn two_write_one_after_the_other() {
        let dir = Dir::new("lock");
        let file = dir.0.join("a.toml");
        let held = lock(&file).unwrap();
        let other = Flock::lock(File::open(&dir.0).unwrap(), FlockArg::LockExclusiveNonblock);
        assert!(other.is_err());
        drop(held);
        assert!(lock(&file).is_ok());
    }
}

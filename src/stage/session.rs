//! What a stage in shared mode leaves on the machine: its directory, its journal, and names with its tag.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::identity::Identity;
use crate::facility::{self, Left};
use crate::script::{ArgKind, ArgValue, CallExpr};

/// The name of the journal in a session's directory.
pub(super) const JOURNAL: &str = "journal";
/// What the names of all sessions' directories and objects begin with.
const PREFIX: &str = "ipclab-";

/// Where sessions of this user may lie: in the first of these that can be written, so all are looked at for dead ones.
pub(super) fn rooms() -> Vec<PathBuf> {
    let named = ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let mut rooms: Vec<PathBuf> = Vec::new();
    for room in named.filter(|room| room.is_absolute()).chain([PathBuf::from("/tmp")]) {
        // As /proc will name it: files on stage are known by the path of the stage's directory.
        let room = room.canonicalize().unwrap_or(room);
        if !rooms.contains(&room) {
            rooms.push(room);
        }
    }
    rooms
}

/// The part that tells a session's names from all others, `1234-89abcdef01234567`: the face's pid and a random number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id(String);

impl Id {
    /// A new one.
    pub(super) fn new() -> Self {
        use std::hash::{BuildHasher, Hasher};
        // The standard library keys its hashes from the system's source of randomness.
        let random = std::hash::RandomState::new().build_hasher().finish();
        Self(format!("{}-{random:016x}", std::process::id()))
    }

    /// One that was written before; `None` if it does not look like one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (pid, random) = text.split_once('-')?;
        let fits = !pid.is_empty()
            && pid.bytes().all(|b| b.is_ascii_digit())
            && random.len() == 16
            && random.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
    }

    /// The id of the session whose directory has this name, if it is one of user `uid`.
    pub(super) fn of_directory(name: &OsStr, uid: u32) -> Option<Self> {
        Self::parse(name.to_str()?.strip_prefix(PREFIX)?.strip_prefix(&uid.to_string())?.strip_prefix('-')?)
    }

    /// The name of its directory.
    fn directory(&self, uid: u32) -> String {
        format!("{PREFIX}{uid}-{}", self.0)
    }

    /// What its POSIX names begin with: `ipclab-1234-89abcdef01234567-`.
    pub(super) fn tag(&self) -> String {
        format!("{PREFIX}{}-", self.0)
    }

    /// As it is handed on.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The list of names that actors may have made objects by, and of ids that they were told. POSIX queues can't be found
/// by looking where no file system lists them, and objects of System V tell not whose they are. It outlives its session
/// if that is killed, and tells the next one what to remove.
#[derive(Debug)]
pub struct Journal {
    file: File,
    noted: BTreeSet<String>,
    ids: BTreeSet<(String, i32)>,
}

impl Journal {
    /// Notes the names that calls mention. Call it before they are made.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn note_all(&mut self, calls: &[CallExpr]) -> io::Result<()> {
        for call in calls {
            let Some((_, spec)) = facility::registry().call(&call.verb) else { continue };
            for arg in &call.args {
                let kind = spec.args.iter().find(|known| known.name == arg.name).map(|known| known.kind);
                if let (Some(ArgKind::ObjectName), ArgValue::Name(name)) = (kind, &arg.value) {
                    self.note(name)?;
                }
            }
        }
        Ok(())
    }

    /// Notes an id that a facility has made: no name leads to it.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn note_id(&mut self, facility: &str, id: i32) -> io::Result<()> {
        if self.ids.insert((facility.to_owned(), id)) {
            self.file.write_all(format!("id {facility} {id}\n").as_bytes())?;
        }
        Ok(())
    }

    /// Notes a name, as the learner says it: `q` for `/ipclab-1234-89abcdef01234567-q`.
    pub(super) fn note(&mut self, name: &str) -> io::Result<()> {
        if !self.noted.contains(name) {
            self.file.write_all(format!("name {name}\n").as_bytes())?;
            self.noted.insert(name.to_owned());
        }
        Ok(())
    }
}

/// What a journal holds.
pub(super) fn left(journal: &Path, tag: String) -> Left {
    let text = fs::read(journal).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let names = text.lines().filter_map(|line| line.strip_prefix("name ")).filter(|name| !name.contains('/'));
    let ids = text.lines().filter_map(|line| {
        let (facility, id) = line.strip_prefix("id ")?.split_once(' ')?;
        Some((facility.to_owned(), id.parse().ok()?))
    });
    Left { tag, names: names.map(str::to_owned).collect(), ids: ids.collect() }
}

/// A session's directory. The session lives as long as the lock on its journal is held: by this value, and by what
/// forks have copied of it. Dropping it closes the journal.
#[derive(Debug)]
pub(super) struct Directory {
    /// The directory.
    pub(super) path: PathBuf,
    _locked: File,
}

/// Takes the lock of a journal; not if somebody else has it.
pub(super) fn lock(journal: &File) -> io::Result<()> {
    // Not nix's guard: it unlocks when it is dropped, and a forked child would take the lock from its parent.
    #[expect(deprecated)]
    let locked = nix::fcntl::flock(journal.as_raw_fd(), nix::fcntl::FlockArg::LockExclusiveNonblock);
    locked.map_err(io::Error::from)
}

impl Directory {
    /// Makes the directory in the first room that takes it, its journal locked from the moment it can be seen, and the
    /// stage's directory within.
    pub(super) fn make(id: &Id, identity: &Identity) -> io::Result<Self> {
        let uid = nix::unistd::geteuid().as_raw();
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for room in rooms() {
            let path = room.join(id.directory(uid));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Self::furnish(path.clone(), identity).inspect_err(|_| drop(fs::remove_dir_all(path))),
                Err(error) => refused = io::Error::new(error.kind(), format!("{}: {error}", room.display())),
            }
        }
        Err(refused)
    }

    fn furnish(path: PathBuf, identity: &Identity) -> io::Result<Self> {
        let new = path.join("journal.new");
        let journal = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&new)?;
        lock(&journal)?;
        fs::rename(&new, path.join(JOURNAL))?;
        let made = Self { path, _locked: journal };
        let stage = made.stage();
        DirBuilder::new().mode(0o700).create(&stage)?;
        if identity.strangers {
            // The directory above lets nobody else in, and actors come in by their working directory.
            chown(&stage, Some(identity.uid), Some(identity.gid))?;
            fs::set_permissions(&stage, fs::Permissions::from_mode(0o777))?;
        }
        Ok(made)
    }

    /// The stage's directory.
    pub(super) fn stage(&self) -> PathBuf {
        self.path.join("stage")
    }

    /// The journal, opened once more: this one does not hold the lock.
    pub(super) fn journal(&self) -> io::Result<Journal> {
        let file = OpenOptions::new().append(true).open(self.path.join(JOURNAL))?;
        Ok(Journal { file, noted: BTreeSet::new(), ids: BTreeSet::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_sessions_from_other_names() {
        let id = Id::parse("1234-89abcdef01234567").unwrap();
        assert_eq!(id.tag(), "ipclab-1234-89abcdef01234567-");
        assert_eq!(Id::of_directory(OsStr::new(&id.directory(1000)), 1000), Some(id));
        for other in [
            "ipclab-1000-1234",
            "ipclab-1001-1234-89abcdef01234567",
            "ipclab-1000-1234-89abcdef0123456",
            "ipclab-1000--89abcdef01234567",
            "ipclab-1000-12x4-89abcdef01234567",
            "ipclab-1000-1234-89abcdef01234567x",
            "x-ipclab-1000-1234-89abcdef01234567",
        ] {
            assert_eq!(Id::of_directory(OsStr::new(other), 1000), None, "{other}");
        }
        let fresh = Id::new();
        assert_eq!(Id::parse(fresh.as_str()), Some(fresh));
    }

    #[test]
    fn a_journal_gives_back_its_names() {
        let path = std::env::temp_dir().join(format!("journal-{}", Id::new().as_str()));
        let file = File::create_new(&path).unwrap();
        let mut journal = Journal { file, noted: BTreeSet::new(), ids: BTreeSet::new() };
        for name in ["q", "r", "q", "../x"] {
            journal.note(name).unwrap();
        }
        for id in [5, 32773, 5] {
            journal.note_id("queues", id).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let found = left(&path, "ipclab-1-0123456789abcdef-".to_owned());
        fs::remove_file(&path).unwrap();
        assert_eq!(text, "name q\nname r\nname ../x\nid queues 5\nid queues 32773\n");
        assert_eq!(found.names, ["q", "r"]);
        assert_eq!(found.ids, [("queues".to_owned(), 5), ("queues".to_owned(), 32773)]);
        assert_eq!(left(&path, String::new()), Left::default());
    }
}

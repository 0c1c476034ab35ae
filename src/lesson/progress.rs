//! What a learner has done: kept under the XDG state directory, whole after a crash at any moment.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

/// The version of the file that this program reads and writes.
pub const VERSION: u32 = 1;

/// The file's name.
const FILE: &str = "progress.toml";

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    version: u32,
    /// By the lesson's id.
    #[serde(default)]
    lessons: BTreeMap<String, LessonRecord>,
}

/// What is kept of one lesson.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonRecord {
    /// The id of the step at which the learner was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Whether it was once gone through to its end.
    #[serde(default)]
    pub done: bool,
    /// Ids of the goals that were met.
    #[serde(default)]
    pub goals: Vec<String>,
    /// Answers by the prediction's id, the last one of each.
    #[serde(default)]
    pub predictions: BTreeMap<String, Answer>,
    /// How many rungs of help were taken, by the step's id.
    #[serde(default)]
    pub hints: BTreeMap<String, u32>,
}

/// An answer to a prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The letter of the choice.
    pub choice: char,
    /// The words of the choice, in case the lesson changes.
    pub text: String,
    /// Whether the kernel agreed.
    pub right: bool,
}

/// The learner's progress, and where it is kept.
#[derive(Debug)]
pub struct Progress {
    record: Record,
    /// `None`: nothing is kept.
    file: Option<PathBuf>,
    notice: Option<String>,
}

impl Progress {
    /// Reads it from the directory that the environment tells: `$XDG_STATE_HOME/ipclab`, else
    /// `$HOME/.local/state/ipclab`.
    pub fn load() -> Self {
        match directory(|name| std::env::var_os(name).map(PathBuf::from)) {
            Some(directory) => Self::load_from(&directory),
            None => Self::off("progress is off: neither XDG_STATE_HOME nor HOME is set to an absolute path".to_owned()),
        }
    }

    /// Reads it from a directory, which is made if need be. What can't be used is said by [`Self::notice`]; the file
    /// is then set aside or left alone, never overwritten.
    pub fn load_from(directory: &Path) -> Self {
        let file = directory.join(FILE);
        if let Err(error) = std::fs::create_dir_all(directory).and_then(|()| writable(directory)) {
            return Self::off(format!("progress is off: {} can't be written: {error}", directory.display()));
        }
        let text = match std::fs::read(&file) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_not_text| "it is not text".to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Self { record: Record::new(), file: Some(file), notice: None };
            }
            Err(error) => Err(error.to_string()),
        };
        match text.and_then(|text| read(&text)) {
            Ok(record) if record.version > VERSION => Self::off(format!(
                "progress is off: {} was written by a newer ipclab (version {}, this one knows {VERSION}) and is left alone",
                file.display(),
                record.version
            )),
            Ok(record) => Self { record, file: Some(file), notice: None },
            Err(why) => match set_aside(&file) {
                Ok(aside) => {
                    let notice = format!("{} can't be read: {why}; it is kept as {}", file.display(), aside.display());
                    Self { record: Record::new(), file: Some(file), notice: Some(notice) }
                }
                Err(error) => Self::off(format!(
                    "progress is off: {} can't be read: {why}; and can't be set aside: {error}",
                    file.display()
                )),
            },
        }
    }

    /// Progress that is kept nowhere, with the reason.
    pub const fn off(why: String) -> Self {
        Self { record: Record::new(), file: None, notice: Some(why) }
    }

    /// What the learner must be told about it, once: that it is off, or that a file was set aside.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Whether it is kept.
    pub const fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// What is known of a lesson.
    pub fn lesson(&self, id: &str) -> Option<&LessonRecord> {
        self.record.lessons.get(id)
    }

    /// Changes what is known of a lesson and writes it down. When that fails, progress is off from then on, and
    /// the reason is returned.
    pub fn update(&mut self, id: &str, change: impl FnOnce(&mut LessonRecord)) -> Result<(), String> {
        let entry = self.record.lessons.entry(id.to_owned()).or_default();
        let before = entry.clone();
        change(entry);
        if *entry == before {
            return Ok(());
        }
        let Some(file) = self.file.clone() else { return Ok(()) };
        let kept = entry.clone();
        self.keep(&file, id, kept).inspect_err(|why| {
            self.file = None;
            self.notice = Some(why.clone());
        })
    }

    /// Writes one lesson down, beside what another ipclab may have written since.
    fn keep(&mut self, file: &Path, id: &str, lesson: LessonRecord) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("progress is off: {} can't be written: {error}", file.display());
        let _alone = lock(file).map_err(failed)?;
        match std::fs::read_to_string(file).map_err(|e| (e.kind(), e.to_string())).map(|text| read(&text)) {
            Ok(Ok(now)) if now.version > VERSION => {
                return Err(format!("progress is off: {} was written by a newer ipclab meanwhile", file.display()));
            }
            Ok(Ok(now)) => self.record = now,
            Err((ErrorKind::NotFound, _)) => {}
            Ok(Err(why)) | Err((_, why)) => {
                let aside = set_aside(file).map_err(failed)?;
                self.notice =
                    Some(format!("{} can't be read: {why}; it is kept as {}", file.display(), aside.display()));
            }
        }
        self.record.lessons.insert(id.to_owned(), lesson);
        write(file, &self.record).map_err(failed)
    }
}

impl Record {
    const fn new() -> Self {
        Self { version: VERSION, lessons: BTreeMap::new() }
    }
}

/// Where progress is kept. A relative path in XDG_STATE_HOME does not count, as the base directory specification says.
fn directory(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("ipclab"))
}

fn read(text: &str) -> Result<Record, String> {
    /// The one key that every version has.
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let wrong = |error: toml::de::Error| {
        let line = error.span().map_or(1, |s| text.bytes().take(s.start).filter(|b| *b == b'\n').count() + 1);
        format!("line {line}: {}", super::front::lower(error.message()))
    };
    let Version { version } = toml::from_str(text).map_err(wrong)?;
    if version > VERSION {
        return Ok(Record { version, lessons: BTreeMap::new() });
    }
    toml::from_str(text).map_err(wrong)
}

/// Fails where no file can be made in the directory.
fn writable(directory: &Path) -> std::io::Result<()> {
    let probe = directory.join(format!(".probe-{}", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
    std::fs::remove_file(&probe)
}

/// Keeps another ipclab from writing at the same time, as long as the result lives.
fn lock(file: &Path) -> std::io::Result<Flock<std::fs::File>> {
    let directory = std::fs::File::open(file.parent().unwrap_or_else(|| Path::new(".")))?;
    Flock::lock(directory, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
}

/// Moves a file to a name that is not taken.
fn set_aside(file: &Path) -> std::io::Result<PathBuf> {
    for number in 1..1000 {
        let aside = file.with_extension(format!("toml.unreadable-{number}"));
        // Unlike rename, link never replaces what stands there.
        match std::fs::hard_link(file, &aside) {
            Ok(()) => {
                std::fs::remove_file(file)?;
                return Ok(aside);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Writes a new file beside the old one, makes sure that it is on disk, and puts it in the old one's place.
fn write(file: &Path, record: &Record) -> std::io::Result<()> {
    let text = toml::to_string(record).map_err(|e| std::io::Error::new(ErrorKind::InvalidData, e))?;
    let new = file.with_extension(format!("toml.new-{}", std::process::id()));
    let mut out = std::fs::File::create(&new)?;
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.sync_all())
        .and_then(|()| std::fs::rename(&new, file))
        .and_then(|()| std::fs::File::open(file.parent().unwrap_or_else(|| Path::new(".")))?.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that goes with the test.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ipclab-progress-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn files(&self) -> Vec<String> {
            let mut names: Vec<String> =
                std::fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_done_is_there_the_next_time() {
        let dir = Dir::new("kept");
        let mut progress = Progress::load_from(&dir.0);
        assert_eq!(progress.notice(), None);
        let answer = Answer { choice: 'b', text: "it \"sleeps\"".into(), right: true };
        progress
            .update("pipe-eof", |l| {
                l.step = Some("two".into());
                l.goals.push("eof".into());
                l.predictions.insert("eof".into(), answer.clone());
                l.hints.insert("two".into(), 2);
            })
            .unwrap();
        let again = Progress::load_from(&dir.0);
        assert_eq!(again.lesson("pipe-eof"), progress.lesson("pipe-eof"));
        assert_eq!(again.lesson("pipe-eof").unwrap().predictions["eof"], answer);
        assert_eq!(again.lesson("other"), None);
        assert_eq!(dir.files(), ["progress.toml"], "nothing is left beside it");
    }

    #[test]
    fn what_cannot_be_read_is_set_aside_and_never_overwritten() {
        let half = "version = 1\n[lessons.pipe-eof]\nstep = \"tw";
        let wrong = "version = 1\n[lessons.pipe-eof]\ndone = \"yes\"\n";
        for (name, bad, place) in [
            ("empty", &b""[..], "line 1"),
            ("half", half.as_bytes(), "line 3"),
            ("wrong", wrong.as_bytes(), "line 3"),
            ("binary", &[0xff, 0xfe, 0], "not text"),
            ("other", b"hello\n", "line 1"),
        ] {
            let dir = Dir::new(name);
            std::fs::write(dir.0.join(FILE), bad).unwrap();
            let mut progress = Progress::load_from(&dir.0);
            let notice = progress.notice().expect(name).to_owned();
            assert!(notice.contains(place) && notice.contains("unreadable-1"), "{name}: {notice}");
            progress.update("a", |l| l.done = true).unwrap();
            assert_eq!(std::fs::read(dir.0.join("progress.toml.unreadable-1")).unwrap(), bad, "{name}");
            assert!(Progress::load_from(&dir.0).lesson("a").unwrap().done, "{name}");
            std::fs::write(dir.0.join(FILE), "also bad").unwrap();
            Progress::load_from(&dir.0);
            assert_eq!(std::fs::read(dir.0.join("progress.toml.unreadable-1")).unwrap(), bad, "{name}");
            assert_eq!(std::fs::read(dir.0.join("progress.toml.unreadable-2")).unwrap(), b"also bad", "{name}");
        }
    }

    #[test]
    fn two_at_once_keep_what_each_has_done() {
        let dir = Dir::new("two");
        let (mut one, mut two) = (Progress::load_from(&dir.0), Progress::load_from(&dir.0));
        one.update("a", |l| l.done = true).unwrap();
        two.update("b", |l| l.done = true).unwrap();
        one.update("c", |l| l.done = true).unwrap();
        let all = Progress::load_from(&dir.0);
        assert!(["a", "b", "c"].iter().all(|id| all.lesson(id).is_some()));
        std::fs::write(dir.0.join(FILE), "torn by somebody").unwrap();
        one.update("d", |l| l.done = true).unwrap();
        assert!(one.notice().unwrap().contains("unreadable-1"));
        assert!(Progress::load_from(&dir.0).lesson("c").is_some());
    }

    #[test]
    fn a_newer_version_is_left_alone() {
        let dir = Dir::new("newer");
        let newer = "version = 2\nsomething = \"else\"\n";
        std::fs::write(dir.0.join(FILE), newer).unwrap();
        let mut progress = Progress::load_from(&dir.0);
        assert!(progress.notice().unwrap().contains("newer ipclab"));
        assert!(!progress.is_kept());
        progress.update("a", |l| l.done = true).unwrap();
        assert_eq!(std::fs::read_to_string(dir.0.join(FILE)).unwrap(), newer);
        assert!(progress.lesson("a").unwrap().done, "it still serves the running program");
    }

    #[test]
    fn a_place_that_cannot_be_written_turns_it_off() {
        let dir = Dir::new("off");
        let file = dir.0.join("file");
        std::fs::write(&file, "").unwrap();
        let mut progress = Progress::load_from(&file.join("below"));
        assert!(progress.notice().unwrap().starts_with("progress is off"));
        assert_eq!(progress.update("a", |l| l.done = true), Ok(()));
        assert_eq!(dir.files(), ["file"]);
    }

    #[test]
    fn a_place_that_goes_away_is_said_once() {
        let dir = Dir::new("gone");
        let mut progress = Progress::load_from(&dir.0);
        std::fs::remove_dir_all(&dir.0).unwrap();
        assert!(progress.update("a", |l| l.done = true).unwrap_err().starts_with("progress is off"));
        assert_eq!(progress.update("b", |l| l.done = true), Ok(()));
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
            let found = directory(|name| if name == "HOME" { home } else { state }.map(PathBuf::from));
            assert_eq!(found, expected.map(PathBuf::from), "{state:?} {home:?}");
        }
    }
}

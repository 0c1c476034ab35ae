//! What a learner has done: kept under the XDG state directory, whole after a crash at any moment.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::day::Moment;
use super::record::{self, First, LessonRecord, Lessons};
use crate::keep;

/// The version of the file that this program writes. It reads the first one too. Exports count on: theirs are greater, and
/// so must be the next one here ([`super::transfer::VERSION`]).
pub const VERSION: u32 = 2;

/// The file's name.
const FILE: &str = "progress.toml";

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct File<L> {
    /// [`VERSION`].
    version: u32,
    /// By the lesson's id.
    #[serde(default)]
    lessons: L,
}

/// The learner's progress, and where it is kept.
#[derive(Debug)]
pub struct Progress {
    lessons: Lessons,
    /// `None`: nothing is kept.
    file: Option<PathBuf>,
    notice: Option<String>,
    clock: fn() -> Moment,
}

/// What was forgotten, so that it can be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// What was known.
    pub lessons: Lessons,
    /// The file as it was before, if one is kept.
    pub backup: Option<PathBuf>,
}

impl Progress {
    /// Reads it from the directory that the environment tells: `$XDG_STATE_HOME/ipclab`, else
    /// `$HOME/.local/state/ipclab`.
    pub fn load() -> Self {
        match keep::directory() {
            Some(directory) => Self::load_from(&directory),
            None => Self::off("progress is off: neither XDG_STATE_HOME nor HOME is set to an absolute path".to_owned()),
        }
    }

    /// Reads it from a directory, which is made if need be. What can't be used is said by [`Self::notice`]; the file
    /// is then set aside or left alone, never overwritten.
    pub fn load_from(directory: &Path) -> Self {
        let file = directory.join(FILE);
        if let Err(error) = std::fs::create_dir_all(directory).and_then(|()| keep::writable(directory)) {
            return Self::off(format!("progress is off: {} can't be written: {error}", directory.display()));
        }
        let kept = |lessons, notice| Self { lessons, file: Some(file.clone()), notice, clock: Moment::now };
        match read_file(&file) {
            Ok(lessons) => kept(lessons, None),
            Err(Unread::Missing) => kept(Lessons::new(), None),
            Err(Unread::Newer(version)) => Self::off(format!(
                "progress is off: {} was written by a newer ipclab (version {version}, this one knows {VERSION}) and is \
                 left alone",
                file.display(),
            )),
            Err(Unread::Bad(why)) => match keep::set_aside(&file, "unreadable") {
                Ok(aside) => {
                    let words = format!("{} can't be read: {why}; it is kept as {}", file.display(), aside.display());
                    kept(Lessons::new(), Some(words))
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
        Self { lessons: Lessons::new(), file: None, notice: Some(why), clock: Moment::now }
    }

    /// Progress that is kept nowhere, with these lessons and this clock: of somebody who is made up.
    pub const fn of(lessons: Lessons, clock: fn() -> Moment) -> Self {
        Self { lessons, file: None, notice: None, clock }
    }

    /// What the learner must be told about it, once: that it is off, or that a file was set aside.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Whether it is kept.
    pub const fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// The file in which it is kept.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The present, by the learner's wall clock.
    pub fn now(&self) -> Moment {
        (self.clock)()
    }

    /// What is known of a lesson.
    pub fn lesson(&self, id: &str) -> Option<&LessonRecord> {
        self.lessons.get(id)
    }

    /// All that is known.
    pub const fn lessons(&self) -> &Lessons {
        &self.lessons
    }

    /// Changes what is known of a lesson and writes it down, on top of what another ipclab may have written since.
    /// When that fails, progress is off from then on, and the reason is returned.
    pub fn update(&mut self, id: &str, change: impl Fn(&mut LessonRecord)) -> Result<(), String> {
        self.put(id, true, change)
    }

    /// The same for what is done in a review: the learner is still where they were.
    pub fn update_aside(&mut self, id: &str, change: impl Fn(&mut LessonRecord)) -> Result<(), String> {
        self.put(id, false, change)
    }

    fn put(&mut self, id: &str, here: bool, change: impl Fn(&mut LessonRecord)) -> Result<(), String> {
        let mut wanted = self.lessons.get(id).cloned().unwrap_or_default();
        change(&mut wanted);
        if self.lessons.get(id).is_some_and(|known| *known == wanted) || wanted == LessonRecord::default() {
            return Ok(());
        }
        let now = self.now();
        self.change(|lessons| {
            let entry = lessons.entry(id.to_owned()).or_default();
            change(entry);
            if here {
                entry.at = Some(now);
            }
        })
    }

    /// Lays what somebody else has done beside what is known; nothing is lost.
    pub fn merge(&mut self, other: &Lessons) -> Result<(), String> {
        self.change(|lessons| record::merge(lessons, other))
    }

    /// Forgets these lessons, or all of them where none is named. The file is kept as it was before, beside it.
    pub fn forget(&mut self, ids: &[&str]) -> Result<Forgotten, String> {
        let mut gone = Lessons::new();
        let mut backup = None;
        let file = self.file.clone();
        let mut kept = Ok(());
        self.change(|lessons| {
            if let Some(file) = file.filter(|file| file.exists()) {
                match keep::keep_aside(&file, "before") {
                    Ok(path) => backup = Some(path),
                    Err(error) => {
                        kept = Err(format!("nothing is forgotten: {} can't be kept: {error}", file.display()));
                        return;
                    }
                }
            }
            let forget = |id: &String| ids.is_empty() || ids.contains(&id.as_str());
            gone = lessons.iter().filter(|(id, _)| forget(id)).map(|(id, l)| (id.clone(), l.clone())).collect();
            lessons.retain(|id, _| !forget(id));
        })?;
        kept.map(|()| Forgotten { lessons: gone, backup })
    }

    /// Brings back what the last [`Self::forget`] took, of this run or an earlier one: the ids of the lessons. `None`
    /// if there is nothing to bring back.
    pub fn take_back(&mut self) -> Result<Option<Vec<String>>, String> {
        let Some(file) = self.file.clone() else { return Ok(None) };
        let Some(backup) = keep::last_aside(&file, "before") else { return Ok(None) };
        let old = match read_file(&backup) {
            Ok(old) => old,
            Err(why) => return Err(format!("{} can't be read: {}", backup.display(), why.words())),
        };
        let back = old.iter().filter(|(id, l)| self.lessons.get(*id) != Some(*l)).map(|(id, _)| id.clone()).collect();
        self.merge(&old)?;
        std::fs::remove_file(&backup).map_err(|e| format!("{} can't be removed: {e}", backup.display()))?;
        Ok(Some(back))
    }

    /// Changes all that is known and writes it down. Nobody else writes meanwhile, and what they have written before is
    /// read first.
    fn change(&mut self, change: impl FnOnce(&mut Lessons)) -> Result<(), String> {
        let Some(file) = self.file.clone() else {
            change(&mut self.lessons);
            return Ok(());
        };
        let failed = |error: std::io::Error| format!("progress is off: {} can't be written: {error}", file.display());
        let alone = keep::lock(&file).map_err(failed);
        let ready = alone.as_ref().map_err(Clone::clone).and_then(|_| self.read_again(&file));
        change(&mut self.lessons);
        ready.and_then(|()| write(&file, &self.lessons).map_err(failed)).inspect_err(|why| {
            self.file = None;
            self.notice = Some(why.clone());
        })
    }

    fn read_again(&mut self, file: &Path) -> Result<(), String> {
        match read_file(file) {
            Ok(lessons) => self.lessons = lessons,
            Err(Unread::Missing) => {}
            Err(Unread::Newer(_)) => {
                return Err(format!("progress is off: {} was written by a newer ipclab meanwhile", file.display()));
            }
            Err(Unread::Bad(why)) => {
                let aside = keep::set_aside(file, "unreadable")
                    .map_err(|error| format!("progress is off: {} can't be written: {error}", file.display()))?;
                self.notice =
                    Some(format!("{} can't be read: {why}; it is kept as {}", file.display(), aside.display()));
            }
        }
        Ok(())
    }
}

/// Why a file could not be read.
enum Unread {
    Missing,
    /// Its version.
    Newer(u32),
    /// In words, with the line.
    Bad(String),
}

impl Unread {
    fn words(&self) -> String {
        match self {
            Self::Missing => "it is not there".to_owned(),
            Self::Newer(version) => format!("a newer ipclab has written it (version {version})"),
            Self::Bad(why) => why.clone(),
        }
    }
}

fn read_file(file: &Path) -> Result<Lessons, Unread> {
    match std::fs::read(file) {
        Ok(bytes) => read(&String::from_utf8(bytes).map_err(|_not_text| Unread::Bad("it is not text".to_owned()))?),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Unread::Missing),
        Err(error) => Err(Unread::Bad(error.to_string())),
    }
}

fn read(text: &str) -> Result<Lessons, Unread> {
    /// The one key that every version has.
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let wrong = |error: toml::de::Error| {
        let line = error.span().map_or(1, |s| text.bytes().take(s.start).filter(|b| *b == b'\n').count() + 1);
        Unread::Bad(format!("line {line}: {}", super::front::lower(error.message())))
    };
    let Version { version } = toml::from_str(text).map_err(wrong)?;
    match version {
        1 => {
            let old: File<std::collections::BTreeMap<String, First>> = toml::from_str(text).map_err(wrong)?;
            Ok(old.lessons.into_iter().map(|(id, first)| (id, first.into())).collect())
        }
        VERSION => toml::from_str::<File<Lessons>>(text).map(|file| file.lessons).map_err(wrong),
        0 => Err(Unread::Bad("there has never been a version 0".to_owned())),
        newer => Err(Unread::Newer(newer)),
    }
}

/// What an earlier version of the file holds, or what is wrong with it.
pub(super) fn read_old(text: &str) -> Result<Lessons, String> {
    read(text).map_err(|unread| unread.words())
}

/// Progress as the text of a file.
fn text(lessons: &Lessons) -> Result<String, toml::ser::Error> {
    toml::to_string(&File { version: VERSION, lessons })
}

fn write(file: &Path, lessons: &Lessons) -> std::io::Result<()> {
    let text = text(lessons).map_err(|e| std::io::Error::new(ErrorKind::InvalidData, e))?;
    keep::replace(file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::record::{Answer, Outcome};
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
        let at = Some("2026-11-24 12:10:34 +0100".parse().unwrap());
        let answer = Answer { at, choice: 'b', text: "it \"sleeps\"".into(), outcome: Outcome::Right, review: true };
        progress
            .update("pipe-eof", |l| {
                l.step = Some("two".into());
                l.goals.push("eof".into());
                l.predictions.entry("eof".into()).or_default().push(answer.clone());
                l.hints.insert("two".into(), 2);
                l.solved.insert("two".into(), vec!["spawn a\na: write p \"'''\"\n".into()]);
            })
            .unwrap();
        let again = Progress::load_from(&dir.0);
        assert_eq!(again.lesson("pipe-eof"), progress.lesson("pipe-eof"));
        assert_eq!(again.lesson("pipe-eof").unwrap().predictions["eof"], [answer]);
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
            ("moment", b"version = 2\n[lessons.a]\ndone = true\nat = \"yesterday\"\n", "line 4"),
            ("zero", b"version = 0\n", "version 0"),
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
    fn two_at_once_in_one_lesson_keep_what_each_has_done() {
        let dir = Dir::new("same");
        let (mut one, mut two) = (Progress::load_from(&dir.0), Progress::load_from(&dir.0));
        one.update("a", |l| l.goals.push("first".into())).unwrap();
        two.update("a", |l| l.goals.push("second".into())).unwrap();
        one.update("a", |l| l.done = true).unwrap();
        let all = Progress::load_from(&dir.0);
        let record = all.lesson("a").unwrap();
        assert_eq!((record.goals.len(), record.done), (2, true));
    }

    #[test]
    fn what_the_first_version_kept_is_read() {
        let dir = Dir::new("first");
        let old = "version = 1\n[lessons.pipe-eof]\nstep = \"two\"\ndone = false\ngoals = [\"end\"]\n\
                   [lessons.pipe-eof.predictions.eof]\nchoice = \"a\"\ntext = \"0\"\nright = false\n";
        std::fs::write(dir.0.join(FILE), old).unwrap();
        let mut progress = Progress::load_from(&dir.0);
        assert_eq!(progress.notice(), None);
        let record = progress.lesson("pipe-eof").unwrap().clone();
        assert_eq!((record.step.as_deref(), record.goals.len()), (Some("two"), 1));
        assert_eq!(record.predictions["eof"][0].outcome, Outcome::Wrong);
        progress.update("pipe-eof", |l| l.done = true).unwrap();
        let again = Progress::load_from(&dir.0);
        assert_eq!(again.lesson("pipe-eof").unwrap().predictions, record.predictions);
    }

    #[test]
    fn what_is_forgotten_can_be_brought_back() {
        let dir = Dir::new("forget");
        let mut progress = Progress::load_from(&dir.0);
        for id in ["a", "b", "c"] {
            progress.update(id, |l| l.goals.push(id.into())).unwrap();
        }
        let full = progress.lessons().clone();
        let gone = progress.forget(&["b"]).unwrap();
        assert_eq!(gone.lessons.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(Progress::load_from(&dir.0).lessons().keys().collect::<Vec<_>>(), ["a", "c"]);
        progress.forget(&[]).unwrap();
        assert!(Progress::load_from(&dir.0).lessons().is_empty());
        assert_eq!(dir.files(), ["progress.toml", "progress.toml.before-1", "progress.toml.before-2"]);
        let mut other = Progress::load_from(&dir.0);
        other.update("d", |l| l.done = true).unwrap();
        assert_eq!(other.take_back(), Ok(Some(vec!["a".to_owned(), "c".to_owned()])));
        assert_eq!(other.take_back(), Ok(Some(vec!["b".to_owned()])));
        assert_eq!(other.take_back(), Ok(None));
        let mut all = Progress::load_from(&dir.0).lessons().clone();
        assert!(all.remove("d").is_some_and(|d| d.done), "what was done since stays");
        assert_eq!(all, full);
        assert_eq!(dir.files(), ["progress.toml"]);
    }

    #[test]
    fn a_newer_version_is_left_alone() {
        let dir = Dir::new("newer");
        let newer = "version = 3\nsomething = \"else\"\n";
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
}

//! What was measured on this machine before: kept under the XDG state directory, whole after a crash at any moment.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::figures::{Limit, Load, Outcome, Run};
use super::machine::Machine;
use super::plan::Step;
use crate::keep;

/// The version of the file that this program reads and writes.
const VERSION: u32 = 1;
/// The file's name.
const FILE: &str = "measurements.json";
/// How many times are kept; the oldest go.
const ENTRIES_MAX: usize = 20;

/// What was measured at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// On what, and when.
    pub machine: Machine,
    /// What else it did.
    pub load: Load,
    /// Its limits; none if they were not measured.
    pub limits: Vec<Limit>,
    /// What was measured.
    pub runs: Vec<Run>,
}

impl Entry {
    /// What came of a step.
    pub fn outcome(&self, step: &Step) -> Option<&Outcome> {
        self.runs.iter().find(|run| run.step == *step).map(|run| &run.outcome)
    }

    /// A limit by its id.
    pub fn limit(&self, id: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.id == id)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    entries: Vec<Entry>,
}

/// The history of this machine, and where it is kept.
#[derive(Debug)]
pub struct History {
    entries: Vec<Entry>,
    /// `None`: nothing is kept.
    file: Option<PathBuf>,
    notice: Option<String>,
}

impl History {
    /// Reads it from the directory that the environment tells, as progress is.
    pub fn load() -> Self {
        match keep::directory() {
            Some(directory) => Self::load_from(&directory),
            None => Self::off("neither XDG_STATE_HOME nor HOME is set to an absolute path"),
        }
    }

    /// Reads it from a directory. What can't be used is said by [`Self::notice`]; the file is then set aside when
    /// something is added, or left alone.
    pub fn load_from(directory: &Path) -> Self {
        let file = directory.join(FILE);
        match read(&file) {
            Read::Entries(entries) => Self { entries, file: Some(file), notice: None },
            Read::Newer(version) => Self::off(&newer(&file, version)),
            Read::Unreadable(why) => {
                let notice = format!("{} can't be read: {why}", file.display());
                Self { entries: Vec::new(), file: Some(file), notice: Some(notice) }
            }
        }
    }

    /// What such a file holds, which is kept nowhere; nothing if it can't be read.
    pub fn of(text: &[u8]) -> Self {
        let entries = serde_json::from_slice::<Kept>(text).map_or_else(|_| Vec::new(), |kept| kept.entries);
        Self { entries, file: None, notice: None }
    }

    fn off(why: &str) -> Self {
        Self { entries: Vec::new(), file: None, notice: Some(format!("no history is kept: {why}")) }
    }

    /// What must be told about it.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// What was measured, the oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last time that this step came to figures.
    pub fn last(&self, step: &Step) -> Option<(&Entry, &Outcome)> {
        self.entries.iter().rev().find_map(|entry| {
            let outcome = entry.outcome(step).filter(|outcome| !matches!(outcome, Outcome::Not(_)))?;
            Some((entry, outcome))
        })
    }

    /// Adds what was measured, and writes it down.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn add(&mut self, entry: Entry) -> Result<(), String> {
        self.entries.push(entry.clone());
        let Some(file) = self.file.clone() else { return Ok(()) };
        let failed = |error: std::io::Error| format!("it is not kept: {} can't be written: {error}", file.display());
        let directory = file.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(directory).map_err(failed)?;
        let _lock = keep::lock(&file).map_err(failed)?;
        // Another one may have written meanwhile.
        match read(&file) {
            Read::Entries(mut entries) => {
                entries.push(entry);
                self.entries = entries;
            }
            Read::Newer(version) => {
                self.file = None;
                return Err(newer(&file, version));
            }
            Read::Unreadable(why) => {
                let aside = keep::set_aside(&file, "unreadable").map_err(failed)?;
                self.notice =
                    Some(format!("{} can't be read: {why}; it is kept as {}", file.display(), aside.display()));
            }
        }
        let surplus = self.entries.len().saturating_sub(ENTRIES_MAX);
        self.entries.drain(..surplus);
        let kept = Kept { version: VERSION, entries: self.entries.clone() };
        serde_json::to_vec(&kept).map_err(Into::into).and_then(|text| keep::replace(&file, &text)).map_err(failed)
    }
}

fn newer(file: &Path, version: u32) -> String {
    let file = file.display();
    format!("{file} was written by a newer ipclab (version {version}, this one knows {VERSION}) and is left alone")
}

enum Read {
    Entries(Vec<Entry>),
    Newer(u32),
    Unreadable(String),
}

fn read(file: &Path) -> Read {
    /// The one key that every version has.
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Read::Entries(Vec::new()),
        Err(error) => return Read::Unreadable(error.to_string()),
    };
    let version = match serde_json::from_slice(&text) {
        Ok(Version { version }) if version > VERSION => return Read::Newer(version),
        Ok(_) => serde_json::from_slice::<Kept>(&text),
        Err(error) => Err(error),
    };
    version.map_or_else(|error| Read::Unreadable(error.to_string()), |kept| Read::Entries(kept.entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Kind, Placement, Throughput};

    /// A directory that goes with the test.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ipclab-history-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
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

    fn step() -> Step {
        Step { facility: "pipe".into(), kind: Kind::Throughput, placement: Placement::Across, size: 64 }
    }

    fn entry(median: f64) -> Entry {
        let through = Throughput { messages: 5, low: 1.5, median, high: 9.0, lost: 0, switches: 0.25 };
        let run = |outcome| Run { step: step(), outcome, load: Load { foreign: Some(0.1), steal: None } };
        Entry {
            machine: Machine::here(),
            load: Load::default(),
            limits: vec![Limit { id: "x".into(), title: "X".into(), rate: false, figures: Err("no".into()) }],
            runs: vec![run(Outcome::Throughput(through))],
        }
    }

    #[test]
    fn what_was_measured_is_there_the_next_time() {
        let dir = Dir::new("kept");
        let mut history = History::load_from(&dir.0.join("below"));
        assert_eq!((history.notice(), history.entries().len()), (None, 0));
        history.add(entry(2.0)).unwrap();
        history.add(entry(3.0)).unwrap();
        let mut refused = entry(4.0);
        refused.runs[0].outcome = Outcome::Not("no".into());
        history.add(refused).unwrap();
        let again = History::load_from(&dir.0.join("below"));
        assert_eq!(again.entries(), history.entries());
        let (_, Outcome::Throughput(last)) = again.last(&step()).unwrap() else { panic!() };
        assert!((last.median - 3.0).abs() < 1e-9, "what came to no figures does not count");
        assert_eq!(again.last(&Step { size: 1, ..step() }), None);
    }

    #[test]
    fn the_oldest_go() {
        let dir = Dir::new("many");
        let mut history = History::load_from(&dir.0);
        for number in 0..ENTRIES_MAX + 3 {
            history.add(entry(number as f64)).unwrap();
        }
        let again = History::load_from(&dir.0);
        assert_eq!(again.entries().len(), ENTRIES_MAX);
        assert_eq!(again.entries()[0], Entry { machine: again.entries()[0].machine.clone(), ..entry(3.0) });
        assert_eq!(dir.files(), [FILE], "nothing is left beside it");
    }

    #[test]
    fn two_at_once_keep_what_each_has_measured() {
        let dir = Dir::new("two");
        let (mut one, mut two) = (History::load_from(&dir.0), History::load_from(&dir.0));
        one.add(entry(1.0)).unwrap();
        two.add(entry(2.0)).unwrap();
        one.add(entry(3.0)).unwrap();
        assert_eq!(History::load_from(&dir.0).entries().len(), 3);
    }

    #[test]
    fn a_newer_version_is_left_alone_and_said() {
        let dir = Dir::new("newer");
        std::fs::create_dir_all(&dir.0).unwrap();
        let newer = "{\"version\": 2, \"other\": []}";
        let file = dir.0.join(FILE);
        std::fs::write(&file, newer).unwrap();
        let mut history = History::load_from(&dir.0);
        assert!(history.notice().unwrap().contains("newer ipclab"));
        history.add(entry(1.0)).unwrap();
        assert_eq!(history.entries().len(), 1, "it still serves the running program");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), newer);
        // It came while we ran.
        std::fs::remove_file(&file).unwrap();
        let mut history = History::load_from(&dir.0);
        std::fs::write(&file, newer).unwrap();
        assert!(history.add(entry(1.0)).unwrap_err().contains("newer ipclab"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), newer);
        assert_eq!(dir.files(), [FILE]);
    }

    #[test]
    fn what_cannot_be_read_is_set_aside_and_never_overwritten() {
        for (name, bad) in [("empty", ""), ("half", "{\"version\": 1, \"entr"), ("other", "hello")] {
            let dir = Dir::new(name);
            std::fs::create_dir_all(&dir.0).unwrap();
            std::fs::write(dir.0.join(FILE), bad).unwrap();
            let mut history = History::load_from(&dir.0);
            assert!(history.notice().unwrap().contains("can't be read"), "{name}");
            assert_eq!(dir.files(), [FILE], "{name}: looking changes nothing");
            history.add(entry(1.0)).unwrap();
            assert!(history.notice().unwrap().contains("unreadable-1"), "{name}");
            assert_eq!(std::fs::read_to_string(dir.0.join("measurements.json.unreadable-1")).unwrap(), bad);
            assert_eq!(History::load_from(&dir.0).entries().len(), 1, "{name}");
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_said() {
        let dir = Dir::new("off");
        std::fs::create_dir_all(&dir.0).unwrap();
        std::fs::write(dir.0.join("file"), "").unwrap();
        let mut history = History::load_from(&dir.0.join("file"));
        assert!(history.add(entry(1.0)).unwrap_err().contains("can't be written"));
    }
}

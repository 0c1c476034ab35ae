//! What a learner has shown on a machine of their own: a line each, appended to a file beside the progress.
//!
//! ```text
//! 1 pipe/boundaries 6.18.0
//! ```
//!
//! The version of the line, what was shown, and the release of the kernel that showed it. A line that was cut by a
//! crash, or written by a newer program, is left as it is and counts for nothing.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The version of the lines that this program writes, and the newest that it reads.
const VERSION: &str = "1";
/// The file's name.
const FILE: &str = "proofs.txt";

/// The kernels that have shown something, by the name of what was shown: their releases, the last one last.
pub type Shown = BTreeMap<String, Vec<String>>;

/// What was shown, and where that is kept.
#[derive(Debug, Default)]
pub struct Proofs {
    known: Shown,
    file: Option<PathBuf>,
    notice: Option<String>,
}

impl Proofs {
    /// Reads them from where progress is kept.
    pub fn load() -> Self {
        match crate::keep::directory() {
            Some(directory) => Self::load_from(&directory),
            None => Self {
                notice: Some("what you prove is not kept: neither XDG_STATE_HOME nor HOME is set".to_owned()),
                ..Self::default()
            },
        }
    }

    /// Reads them from a directory.
    pub fn load_from(directory: &Path) -> Self {
        let file = directory.join(FILE);
        match std::fs::read(&file) {
            Ok(bytes) => {
                let mut proofs = Self { file: Some(file), ..Self::default() };
                let text = String::from_utf8_lossy(&bytes);
                // A line without its end was cut short.
                for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
                    if let [VERSION, what, kernel] = line.split(' ').collect::<Vec<_>>()[..] {
                        note(&mut proofs.known, what, kernel);
                    }
                }
                proofs
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Self { file: Some(file), ..Self::default() },
            Err(error) => {
                let notice = Some(format!("what you prove is not kept: {} can't be read: {error}", file.display()));
                Self { notice, ..Self::default() }
            }
        }
    }

    /// What the learner must be told: why nothing is kept.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// The release of the kernel that has shown it: the running one if it has, else the last one that did.
    pub fn kernel(&self, what: &str) -> Option<&str> {
        let here = kernel();
        let kernels = self.known.get(what)?;
        kernels.iter().find(|kernel| **kernel == here).or_else(|| kernels.last()).map(String::as_str)
    }

    /// All that was shown.
    pub const fn shown(&self) -> &Shown {
        &self.known
    }

    /// Of what somebody has shown, what is not known here.
    pub fn news(&self, other: &Shown) -> Shown {
        let new = |(what, kernels): (&String, &Vec<String>)| {
            let known = self.known.get(what);
            let new: Vec<String> =
                kernels.iter().filter(|kernel| known.is_none_or(|known| !known.contains(kernel))).cloned().collect();
            (!new.is_empty()).then(|| (what.clone(), new))
        };
        other.iter().filter_map(new).collect()
    }

    /// Notes that this kernel has shown it. When that can't be written down nothing is kept from then on, and the
    /// reason is returned.
    ///
    /// # Errors
    /// Why nothing is kept.
    pub fn add(&mut self, what: &str) -> Result<(), String> {
        self.merge(&Shown::from([(what.to_owned(), vec![kernel()])]))
    }

    /// Lays what somebody else has shown beside what is known; nothing is lost, and what is known already is not written
    /// again.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn merge(&mut self, other: &Shown) -> Result<(), String> {
        let news = self.news(other);
        let mut lines = String::new();
        for (what, kernel) in news.iter().flat_map(|(what, kernels)| kernels.iter().map(move |kernel| (what, kernel))) {
            lines.push_str(&format!("{VERSION} {what} {kernel}\n"));
            note(&mut self.known, what, kernel);
        }
        let Some(file) = self.file.clone().filter(|_| !lines.is_empty()) else { return Ok(()) };
        append(&file, &lines).map_err(|error| {
            let why = format!("what you prove is not kept: {} can't be written: {error}", file.display());
            self.file = None;
            self.notice = Some(why.clone());
            why
        })
    }
}

fn note(known: &mut Shown, what: &str, kernel: &str) {
    let kernels = known.entry(what.to_owned()).or_default();
    kernels.retain(|other| other != kernel);
    kernels.push(kernel.to_owned());
}

/// One write at the end of the file, which the kernel does as a whole.
fn append(file: &Path, lines: &str) -> std::io::Result<()> {
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = std::fs::OpenOptions::new().create(true).append(true).read(true).open(file)?;
    // What a crash has cut short must not swallow the first of these too.
    let cut = {
        use std::io::{Read, Seek, SeekFrom};
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        last != [b'\n']
    };
    file.write_all(format!("{}{lines}", if cut { "\n" } else { "" }).as_bytes())
}

/// The release of the running kernel.
pub fn kernel() -> String {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
    release.unwrap_or_default().replace(char::is_whitespace, "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ipclab-proofs-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_shown_is_known_the_next_time_with_its_kernel() {
        let dir = Dir::new("kept");
        let mut proofs = Proofs::load_from(&dir.0);
        assert_eq!((proofs.kernel("pipe/boundaries"), proofs.notice()), (None, None));
        proofs.add("pipe/boundaries").unwrap();
        proofs.add("pipe/boundaries").unwrap();
        let text = std::fs::read_to_string(dir.0.join(FILE)).unwrap();
        assert_eq!(text, format!("1 pipe/boundaries {}\n", kernel()), "once is enough");
        assert_eq!(Proofs::load_from(&dir.0).kernel("pipe/boundaries"), Some(kernel().as_str()));
    }

    #[test]
    fn lines_that_were_cut_or_are_newer_are_left_alone() {
        let dir = Dir::new("cut");
        std::fs::create_dir(&dir.0).unwrap();
        let before = "2 pipe/order 9.0.0 more\n1 pipe/order 5.6.0\n1 fifo/order 5.6";
        std::fs::write(dir.0.join(FILE), before).unwrap();
        let mut proofs = Proofs::load_from(&dir.0);
        assert_eq!((proofs.kernel("pipe/order"), proofs.kernel("fifo/order")), (Some("5.6.0"), None));
        proofs.add("tcp/order").unwrap();
        let text = std::fs::read_to_string(dir.0.join(FILE)).unwrap();
        assert_eq!(text, format!("{before}\n1 tcp/order {}\n", kernel()));
        assert!(Proofs::load_from(&dir.0).kernel("tcp/order").is_some());
    }

    #[test]
    fn what_others_have_shown_is_laid_beside_ones_own() {
        let dir = Dir::new("merged");
        std::fs::create_dir(&dir.0).unwrap();
        std::fs::write(dir.0.join(FILE), format!("1 pipe/order {}\n1 pipe/order 5.6.0\n", kernel())).unwrap();
        let mut proofs = Proofs::load_from(&dir.0);
        assert_eq!(proofs.kernel("pipe/order"), Some(kernel().as_str()), "this one has shown it, though not last");
        let kernels = |all: &[&str]| all.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        let theirs = Shown::from([
            ("pipe/order".to_owned(), kernels(&["5.6.0", "9.0.0"])),
            ("fifo/order".to_owned(), kernels(&["9.0.0"])),
        ]);
        let news = proofs.news(&theirs);
        assert_eq!(news.values().flatten().collect::<Vec<_>>(), ["9.0.0", "9.0.0"]);
        proofs.merge(&theirs).unwrap();
        proofs.merge(&theirs).unwrap();
        let again = Proofs::load_from(&dir.0);
        assert_eq!(again.shown(), proofs.shown());
        assert_eq!(again.shown()["pipe/order"], kernels(&[&kernel(), "5.6.0", "9.0.0"]));
        assert_eq!(std::fs::read_to_string(dir.0.join(FILE)).unwrap().lines().count(), 4, "once is enough");
        assert!(again.news(&theirs).is_empty());
    }

    #[test]
    fn what_cannot_be_kept_is_said_once_and_still_known() {
        let dir = Dir::new("unwritable");
        std::fs::write(&dir.0, "a file where a directory should be").unwrap();
        let mut proofs = Proofs { file: Some(dir.0.join(FILE)), ..Proofs::default() };
        assert!(proofs.add("tcp/order").unwrap_err().contains("is not kept"));
        assert!(proofs.kernel("tcp/order").is_some() && proofs.add("udp/order").is_ok());
        std::fs::remove_file(&dir.0).unwrap();
    }
}

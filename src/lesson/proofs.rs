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

/// What was shown, and where that is kept.
#[derive(Debug, Default)]
pub struct Proofs {
    /// The kernel that showed it last, by the name of what was shown.
    known: BTreeMap<String, String>,
    file: Option<PathBuf>,
    notice: Option<String>,
}

impl Proofs {
    /// Reads them from where progress is kept.
    pub fn load() -> Self {
        match super::progress::directory(|name| std::env::var_os(name).map(PathBuf::from)) {
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
                        proofs.known.insert(what.to_owned(), kernel.to_owned());
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

    /// The release of the kernel on which it was shown last, if it was.
    pub fn kernel(&self, what: &str) -> Option<&str> {
        self.known.get(what).map(String::as_str)
    }

    /// Notes that this kernel has shown it. When that can't be written down nothing is kept from then on, and the
    /// reason is returned.
    pub fn add(&mut self, what: &str) -> Result<(), String> {
        let kernel = kernel();
        if self.kernel(what) == Some(kernel.as_str()) {
            return Ok(());
        }
        let line = format!("{VERSION} {what} {kernel}\n");
        self.known.insert(what.to_owned(), kernel);
        let Some(file) = self.file.clone() else { return Ok(()) };
        append(&file, &line).map_err(|error| {
            let why = format!("what you prove is not kept: {} can't be written: {error}", file.display());
            self.file = None;
            self.notice = Some(why.clone());
            why
        })
    }
}

/// One write at the end of the file, which the kernel does as a whole.
fn append(file: &Path, line: &str) -> std::io::Result<()> {
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = std::fs::OpenOptions::new().create(true).append(true).read(true).open(file)?;
    // What a crash has cut short must not swallow this line too.
    let cut = {
        use std::io::{Read, Seek, SeekFrom};
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        last != [b'\n']
    };
    file.write_all(format!("{}{line}", if cut { "\n" } else { "" }).as_bytes())
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
    fn what_cannot_be_kept_is_said_once_and_still_known() {
        let dir = Dir::new("unwritable");
        std::fs::write(&dir.0, "a file where a directory should be").unwrap();
        let mut proofs = Proofs { file: Some(dir.0.join(FILE)), ..Proofs::default() };
        assert!(proofs.add("tcp/order").unwrap_err().contains("is not kept"));
        assert!(proofs.kernel("tcp/order").is_some() && proofs.add("udp/order").is_ok());
        std::fs::remove_file(&dir.0).unwrap();
    }
}

//! A pack: the order of lessons and their units, from the binary or from a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::text::span;
use super::{Lesson, embedded, front};
use crate::script::{Diagnostic, Registry, Severity, nearest};

/// The version of `pack.toml` that this program reads.
pub const FORMAT_VERSION: u32 = 1;

/// Lessons in order, and those that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Where it comes from: a folder, or `None` for the one in the binary.
    pub folder: Option<PathBuf>,
    /// Its units, in order.
    pub units: Vec<Unit>,
    /// Its lessons, in the order of the units.
    pub lessons: Vec<Lesson>,
    /// The file of each lesson by id: its path, or its name for one in the binary.
    files: BTreeMap<String, String>,
    /// Files that could not be used, with the reasons; the others are not touched by it.
    pub bad: Vec<BadLesson>,
    /// What its author may want to know, though all of it can be used: files that no unit lists.
    pub notes: Vec<BadLesson>,
}

/// A part of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The ids of its lessons, in order; also of those that could not be read.
    pub lessons: Vec<String>,
}

/// A file of a pack that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLesson {
    /// Its path, or its name for one in the binary.
    pub file: String,
    /// Its text, empty if there is none.
    pub source: String,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Its folder or file can't be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Neither `pack.toml` nor any lesson stands there.
    #[error("{0} holds no lessons: expected pack.toml, or files that end in .md")]
    Empty(String),
    /// Its `pack.toml` is wrong.
    #[error("{} can't be used", .0.file)]
    Wrong(BadLesson),
}

/// Whether a file's name is that of a lesson.
pub fn is_lesson_file(file: &Path) -> bool {
    file.extension().is_some_and(|e| e == "md")
}

/// Writes a text to a file that is not there yet; what stands there is never overwritten.
pub fn write_new(file: &Path, text: &str) -> Result<(), String> {
    let new = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    new.and_then(|mut new| new.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => format!("{} stands there already, and is not overwritten", file.display()),
        _ => format!("{} can't be written: {error}", file.display()),
    })
}

/// The files of lessons in a folder, by name.
fn lesson_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.filter_map(|entry| entry.ok().map(|e| e.path()));
    let mut files: Vec<PathBuf> = entries.filter(|path| is_lesson_file(path)).collect();
    files.sort();
    Ok(files)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    format_version: Spanned<u32>,
    units: Vec<UnitTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitTable {
    id: String,
    title: String,
    lessons: Vec<Spanned<String>>,
}

impl Pack {
    /// The pack in the binary.
    pub fn embedded(registry: &Registry) -> Result<Self, PackError> {
        let file = |name: &str| {
            let text = embedded::FILES.iter().find(|(n, _)| *n == name).map(|(_, text)| (*text).to_owned());
            text.ok_or_else(|| "not in the binary".to_owned())
        };
        Self::build("pack.toml", embedded::PACK, &|name| name.to_owned(), &file, registry)
    }

    /// The pack in a folder. Without a `pack.toml`, all files in it that end in `.md`, by name.
    pub fn open(folder: &Path, registry: &Registry) -> Result<Self, PackError> {
        let unreadable = |path: &Path, error| PackError::Unreadable { path: path.display().to_string(), error };
        let list = folder.join("pack.toml");
        let full = |name: &str| folder.join(name).display().to_string();
        let mut pack = match std::fs::read_to_string(&list) {
            Ok(text) => {
                let file = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| e.to_string());
                let mut pack = Self::build(&full("pack.toml"), &text, &full, &file, registry)?;
                let files = lesson_files(folder).map_err(|e| unreadable(folder, e))?;
                pack.unlisted(&full("pack.toml"), &files);
                pack
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let files = lesson_files(folder).map_err(|e| unreadable(folder, e))?;
                if files.is_empty() {
                    return Err(PackError::Empty(folder.display().to_string()));
                }
                let mut pack = Self::none();
                for file in files {
                    let source = std::fs::read_to_string(&file).map_err(|e| unreadable(&file, e))?;
                    pack.add(file.display().to_string(), source, registry);
                }
                pack.derive_units();
                pack
            }
            Err(error) => return Err(unreadable(&list, error)),
        };
        pack.folder = Some(folder.to_owned());
        Ok(pack)
    }

    /// A pack of one lesson file.
    pub fn single(file: &Path, registry: &Registry) -> Result<Self, PackError> {
        let source = std::fs::read_to_string(file)
            .map_err(|error| PackError::Unreadable { path: file.display().to_string(), error })?;
        let mut pack = Self::none();
        pack.add(file.display().to_string(), source, registry);
        pack.derive_units();
        pack.folder = file.parent().map(Path::to_owned);
        Ok(pack)
    }

    /// A lesson by id.
    pub fn lesson(&self, id: &str) -> Option<&Lesson> {
        self.lessons.iter().find(|l| l.id() == id)
    }

    /// The file of a lesson, as messages name it.
    pub fn file(&self, id: &str) -> String {
        match (self.files.get(id), &self.folder) {
            (Some(file), Some(_)) => file.clone(),
            _ => format!("lessons/{id}.md"),
        }
    }

    /// The id nearest to a word that is none.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        let ids = || self.lessons.iter().map(Lesson::id);
        nearest(word, ids()).or_else(|| ids().find(|id| word.len() > 2 && id.contains(word)))
    }

    /// The lesson that comes after one.
    pub fn after(&self, id: &str) -> Option<&Lesson> {
        let at = self.lessons.iter().position(|l| l.id() == id)?;
        self.lessons.get(at + 1)
    }

    /// Says which of the folder's lessons the list leaves out. A file that does not begin as a lesson is none.
    fn unlisted(&mut self, list: &str, files: &[PathBuf]) {
        let listed: BTreeSet<String> =
            self.units.iter().flat_map(|unit| &unit.lessons).map(|id| format!("{id}.md")).collect();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Ok(source) = std::fs::read_to_string(file) else { continue };
            if listed.contains(&name) || !source.starts_with("+++") {
                continue;
            }
            let message = format!("{list} does not list it, so it is no part of the pack");
            let help = format!("`lessons = [\"{}\"]` in one of its units", name.trim_end_matches(".md"));
            let note =
                Diagnostic { severity: Severity::Warning, ..Diagnostic::error(span(&(0..3)), message).help(help) };
            let file = file.display().to_string();
            self.notes.push(BadLesson { file, source, diagnostics: vec![note] });
        }
    }

    const fn none() -> Self {
        Self {
            folder: None,
            units: Vec::new(),
            lessons: Vec::new(),
            files: BTreeMap::new(),
            bad: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn build(
        list: &str,
        source: &str,
        full: &dyn Fn(&str) -> String,
        file: &dyn Fn(&str) -> Result<String, String>,
        registry: &Registry,
    ) -> Result<Self, PackError> {
        let wrong = |at: Range<usize>, message: String, help: Option<String>| {
            let diagnostic = Diagnostic { span: span(&at), message, help, severity: Severity::Error };
            BadLesson { file: list.to_owned(), source: source.to_owned(), diagnostics: vec![diagnostic] }
        };
        let table: Table = toml::from_str(source)
            .map_err(|e| PackError::Wrong(wrong(e.span().unwrap_or(0..0), front::lower(e.message()), None)))?;
        let version = *table.format_version.get_ref();
        if version != FORMAT_VERSION {
            let help = (version > FORMAT_VERSION).then(|| "a newer ipclab may read it".to_owned());
            let message = format!("expected format_version {FORMAT_VERSION}, found {version}");
            return Err(PackError::Wrong(wrong(table.format_version.span(), message, help)));
        }
        let mut pack = Self::none();
        let mut seen = BTreeSet::new();
        for unit in table.units {
            for id in &unit.lessons {
                let name = format!("{}.md", id.get_ref());
                if !seen.insert(name.clone()) {
                    pack.bad.push(wrong(id.span(), format!("`{}` stands in the pack twice", id.get_ref()), None));
                    continue;
                }
                if !super::text::is_id(id.get_ref()) {
                    pack.bad.push(wrong(id.span(), format!("`{}` can't be an id", id.get_ref()), None));
                    continue;
                }
                match file(&name) {
                    Ok(text) => pack.add_as(full(&name), text, registry, Some((id.get_ref(), &unit.id))),
                    Err(why) => pack.bad.push(wrong(id.span(), format!("{} can't be read: {why}", full(&name)), None)),
                }
            }
            let lessons = unit.lessons.into_iter().map(Spanned::into_inner).collect();
            pack.units.push(Unit { id: unit.id, title: unit.title, lessons });
        }
        Ok(pack)
    }

    fn add(&mut self, file: String, source: String, registry: &Registry) {
        self.add_as(file, source, registry, None);
    }

    fn add_as(&mut self, file: String, source: String, registry: &Registry, listed: Option<(&str, &str)>) {
        let (lesson, mut diagnostics) = super::parse(&source, registry);
        if let Some(lesson) = lesson {
            let mut differs = |key: &str, value: &str, wanted: &str| {
                let at = source.find(&format!("\n{key} ")).map_or(0..3, |n| n + 1..n + 1 + key.len());
                let message = format!("expected {key} `{wanted}`, as pack.toml has it, found `{value}`");
                diagnostics.push(Diagnostic::error(span(&at), message));
            };
            if let Some((id, unit)) = listed {
                if lesson.id() != id {
                    differs("id", lesson.id(), id);
                }
                if lesson.front.unit != unit {
                    differs("unit", &lesson.front.unit, unit);
                }
            } else if let Some(first) = self.files.get(lesson.id()) {
                let at = source.find("\nid").map_or(0..3, |n| n + 1..n + 3);
                let message = format!("a second lesson has the id `{}`, the first is {first}", lesson.id());
                let help = "progress is kept by it: one lesson, one id".to_owned();
                diagnostics.push(Diagnostic::error(span(&at), message).help(help));
            }
            if diagnostics.iter().all(|d| d.severity != Severity::Error) {
                self.files.insert(lesson.id().to_owned(), file);
                self.lessons.push(lesson);
                return;
            }
        }
        self.bad.push(BadLesson { file, source, diagnostics });
    }

    fn derive_units(&mut self) {
        for lesson in &self.lessons {
            let id = lesson.id().to_owned();
            if let Some(unit) = self.units.iter_mut().find(|u| u.id == lesson.front.unit) {
                unit.lessons.push(id);
            } else {
                let unit = lesson.front.unit.clone();
                self.units.push(Unit { title: unit.clone(), id: unit, lessons: vec![id] });
            }
        }
    }
}

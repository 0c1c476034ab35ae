//! Progress as a text that goes from one machine to another: what was done, and the statements behind it, so that
//! whoever has the text can run it again without having the lessons.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::progress::{self, Progress};
use super::proofs::{Proofs, Shown};
use super::record::{LessonRecord, Lessons, Outcome};
use super::{Choice, Item, Lesson, Pack, Prediction, account};
use crate::facility::registry;
use crate::script::{self, Body, Expectation, Severity, Statement, nearest};

/// The version of the file that this program writes. Before proofs were part of it, it had that of the file of progress,
/// which is still read.
pub const VERSION: u32 = 3;

/// The largest file that is read, in bytes.
pub const TRANSFER_MAX: u64 = 16 << 20;

const HEAD: &str = "\
# What somebody has done with ipclab.
# `ipclab progress import FILE` lays it beside your own; `ipclab replay FILE` runs it on your kernel and compares.

";

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// [`VERSION`], or that of the file of progress whose records it holds.
    pub version: u32,
    /// What was done, by the lesson's id.
    #[serde(default)]
    pub lessons: Lessons,
    /// The statements behind the predictions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Asked>,
    /// What was to be reached where a learner found a way of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Reached>,
    /// The cells of the comparison that were proved, each with the kernels that have shown it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub proved: BTreeMap<String, Spanned<Vec<String>>>,
}

impl Transfer {
    fn of(version: u32, lessons: Lessons) -> Self {
        Self { version, lessons, questions: Vec::new(), goals: Vec::new(), proved: BTreeMap::new() }
    }

    /// What was proved, without the places in the file.
    pub fn shown(&self) -> Shown {
        self.proved.iter().map(|(cell, kernels)| (cell.clone(), kernels.get_ref().clone())).collect()
    }
}

/// A prediction as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The lesson's id.
    pub lesson: String,
    /// The prediction's id.
    pub prediction: String,
    /// What was asked, in plain words.
    pub question: String,
    /// What a stage must be capable of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// All statements from an empty stage to the one that decides, a line each.
    pub statements: Spanned<String>,
    /// The choices, in the lesson's order.
    pub choices: Vec<Possible>,
}

/// A choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Possible {
    /// In plain words.
    pub text: String,
    /// What must hold afterwards if it is right: what stands behind `expect`.
    pub claim: Spanned<String>,
}

/// The goals of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    /// The lesson's id.
    pub lesson: String,
    /// The step's id.
    pub step: String,
    /// What the learner was told to reach.
    pub goal: String,
    /// What a stage must be capable of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What must hold at the same moment: what stands behind `expect`.
    pub claims: Vec<Spanned<String>>,
}

/// What is wrong with a file: its line, from 1, and what was expected; lower case, no full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// The nearest right thing.
    pub help: Option<String>,
}

/// All that was done, as a text.
pub fn export(pack: &Pack, progress: &Progress, proofs: &Proofs) -> String {
    let mut transfer = Transfer::of(VERSION, progress.lessons().clone());
    let proved = proofs.shown().iter().map(|(cell, kernels)| (cell.clone(), Spanned::new(0..0, kernels.clone())));
    transfer.proved = proved.collect();
    for lesson in account::order(pack) {
        let Some(record) = progress.lesson(lesson.id()) else { continue };
        for (at, step) in lesson.steps.iter().enumerate() {
            for (item, asked) in step.items.iter().enumerate() {
                let Item::Predict(prediction) = asked else { continue };
                if record.predictions.contains_key(&prediction.id) {
                    transfer.questions.push(question(lesson, at, item, prediction));
                }
            }
            if record.solved.contains_key(&step.id) {
                transfer.goals.extend(step.goals.iter().map(|goal| Reached {
                    lesson: lesson.id().to_owned(),
                    step: step.id.clone(),
                    goal: goal.text.clone(),
                    requires: lesson.requires(at),
                    claims: goal.claims.iter().map(|c| spanned(c.claim.to_string())).collect(),
                }));
            }
        }
    }
    // Strings, numbers and tables of them can always be written.
    let text = toml::to_string_pretty(&transfer).unwrap_or_default();
    format!("{HEAD}{text}")
}

fn question(lesson: &Lesson, at: usize, item: usize, prediction: &Prediction) -> Asked {
    let mut statements = lesson.course(at, item);
    if let Some(run) = lesson.steps[at].items[item..].iter().find_map(Item::run) {
        if run.fresh {
            statements.clear();
        }
        statements.extend(run.statements.iter().cloned());
    }
    statements.retain(|statement| !matches!(statement.body, Body::Expect(_)));
    let lines: Vec<String> = statements.iter().map(ToString::to_string).collect();
    let choice = |c: &Choice| Possible { text: c.plain(), claim: spanned(c.predicate.claim.to_string()) };
    Asked {
        lesson: lesson.id().to_owned(),
        prediction: prediction.id.clone(),
        question: account::question(prediction),
        requires: lesson.requires(at),
        statements: spanned(lines.join("\n") + "\n"),
        choices: prediction.choices.iter().map(choice).collect(),
    }
}

fn spanned(text: String) -> Spanned<String> {
    Spanned::new(0..0, text)
}

/// Reads a file that was exported, or a file of progress itself.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn read(text: &str) -> Result<Transfer, Wrong> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let wrong = |error: &toml::de::Error| explain(text, error);
    let Version { version } = toml::from_str(text).map_err(|e| wrong(&e))?;
    if version > VERSION {
        let message = format!("written by a newer ipclab (version {version}, this one knows {VERSION})");
        return Err(Wrong { line: line_of(text, text.find("version").unwrap_or(0)), message, help: None });
    }
    if version < progress::VERSION {
        let lessons = progress::read_old(text).map_err(|message| Wrong { line: 1, message, help: None })?;
        return Ok(Transfer::of(version, lessons));
    }
    let transfer: Transfer = toml::from_str(text).map_err(|e| wrong(&e))?;
    for asked in &transfer.questions {
        statements(text, &asked.statements)?;
        for choice in &asked.choices {
            claim(text, &choice.claim)?;
        }
    }
    for reached in &transfer.goals {
        for of in &reached.claims {
            claim(text, of)?;
        }
    }
    for (cell, kernels) in &transfer.proved {
        proof(cell, kernels.get_ref()).map_err(|(message, help)| {
            let line = line_of(text, kernels.span().start);
            Wrong { line, message, help }
        })?;
    }
    Ok(transfer)
}

/// Whether a cell and the kernels that have shown it are such as a line of proof could name. Cells that this program has
/// not got are those of another one, and are kept.
fn proof(cell: &str, kernels: &[String]) -> Result<(), (String, Option<String>)> {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !cell.split_once('/').is_some_and(|(row, column)| is_word(row) && is_word(column)) {
        let cells: Vec<String> = crate::atlas::cells().map(|cell| cell.key()).collect();
        let help = nearest(cell, cells.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        return Err((format!("expected a cell such as `pipe/boundaries`, found `{cell}`"), help));
    }
    match kernels.iter().find(|kernel| kernel.is_empty() || kernel.contains(char::is_whitespace)) {
        Some(kernel) => Err((format!("expected the release of a kernel such as `6.1.0`, found `{kernel}`"), None)),
        None if kernels.is_empty() => Err(("expected the kernels that have shown it, found none".to_owned(), None)),
        None => Ok(()),
    }
}

/// The statements of a text within the file.
pub fn statements(file: &str, text: &Spanned<String>) -> Result<Vec<Statement>, Wrong> {
    let (statements, diagnostics) = script::parse(text.get_ref(), registry());
    match diagnostics.into_iter().find(|d| d.severity == Severity::Error) {
        None => Ok(statements),
        Some(d) => Err(Wrong { line: inside(file, text, d.span.start), message: d.message, help: d.help }),
    }
}

/// What is claimed by a text within the file.
pub fn claim(file: &str, text: &Spanned<String>) -> Result<Expectation, Wrong> {
    let wrong = |message: String, help| Wrong { line: inside(file, text, 0), message, help };
    match script::parse_line(&format!("expect {}", text.get_ref()), registry()).map(|s| s.body) {
        Ok(Body::Expect(expectation)) => Ok(expectation),
        Ok(_) => Err(wrong(format!("expected a claim, found `{}`", text.get_ref()), None)),
        Err(mut all) if !all.is_empty() => {
            let first = all.remove(0);
            Err(wrong(first.message, first.help))
        }
        Err(_) => Err(wrong("expected a claim".to_owned(), None)),
    }
}

/// The line of a place in a string of the file; the text of one in three quotes begins behind its first line.
fn inside(file: &str, text: &Spanned<String>, at: usize) -> usize {
    let span = text.span();
    let written = file.get(span.clone()).unwrap_or_default();
    let opening = written.starts_with("'''\n") || written.starts_with("\"\"\"\n");
    let before = text.get_ref().bytes().take(at).filter(|b| *b == b'\n').count();
    line_of(file, span.start) + usize::from(opening) + if opening { before } else { 0 }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

/// What the reader of TOML says, with the nearest right word where it lists those that it knows.
fn explain(text: &str, error: &toml::de::Error) -> Wrong {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    let message = super::front::lower(error.message());
    let mut words = message.split('`').skip(1).step_by(2);
    let found = words.next().unwrap_or_default().to_owned();
    let help = nearest(&found, words).map(|near| format!("did you mean `{near}`?"));
    Wrong { line, message, help }
}

/// What importing would change of one lesson, in words; `None` if nothing.
fn change(own: Option<&LessonRecord>, other: &LessonRecord) -> Option<String> {
    let nothing = LessonRecord::default();
    let before = own.unwrap_or(&nothing);
    let mut after = before.clone();
    after.merge(other);
    if own.is_some() && after == *before {
        return None;
    }
    let count = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let answers = |r: &LessonRecord| r.predictions.values().map(Vec::len).sum::<usize>();
    let wrong = |r: &LessonRecord| r.predictions.values().flatten().filter(|a| a.outcome == Outcome::Wrong).count();
    let ways = |r: &LessonRecord| r.solved.values().map(Vec::len).sum::<usize>();
    let mut parts = Vec::new();
    parts.extend(own.is_none().then(|| "new".to_owned()));
    parts.extend((after.done && !before.done).then(|| "done".to_owned()));
    if after.step != before.step
        && let Some(step) = &after.step
    {
        parts.push(format!("now at {step}"));
    }
    let more = answers(&after) - answers(before);
    let of_them = wrong(&after) - wrong(before);
    parts.extend(count(more, "answer more", "answers more").map(|words| match of_them {
        0 => words,
        n => format!("{words} ({n} wrong)"),
    }));
    parts.extend(count(after.goals.len() - before.goals.len(), "goal more", "goals more"));
    parts.extend(count(ways(&after) - ways(before), "way to a goal more", "ways to goals more"));
    if parts.is_empty() {
        parts.push("done later than here".to_owned());
    }
    Some(parts.join(", "))
}

/// Reads a file that was exported.
///
/// # Errors
/// What is wrong with it, with its name and line.
pub fn open(file: &Path) -> Result<Transfer, String> {
    let name = file.display();
    let told = std::fs::metadata(file).map_err(|error| format!("{name}: {error}"))?;
    // Whoever reads a pipe waits for its writer.
    if !told.is_file() {
        return Err(format!("{name} is no regular file"));
    }
    if told.len() > TRANSFER_MAX {
        return Err(format!("{name}: longer than TRANSFER_MAX, {TRANSFER_MAX} bytes"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    read(&text).map_err(|Wrong { line, message, help }| {
        format!("{name}:{line}: {message}{}", help.map(|help| format!("; {help}")).unwrap_or_default())
    })
}

/// What there is to export, in words: `3 answers in 2 lessons, and 1 cell of the comparison`.
pub fn summary(progress: &Progress, proofs: &Proofs) -> String {
    let plural = |n: usize, of: &str| format!("{n} {of}{}", if n == 1 { "" } else { "s" });
    let answers = progress.lessons().values().flat_map(|l| l.predictions.values()).map(Vec::len).sum();
    let lessons = format!("{} in {}", plural(answers, "answer"), plural(progress.lessons().len(), "lesson"));
    match proofs.shown().len() {
        0 => lessons,
        n => format!("{lessons}, and {} of the comparison", plural(n, "cell")),
    }
}

/// What importing would change, a line each; nothing if all of it is known.
pub fn changes(progress: &Progress, proofs: &Proofs, transfer: &Transfer) -> Vec<String> {
    let of = |(id, other): (&String, &LessonRecord)| Some(format!("{id}: {}", change(progress.lesson(id), other)?));
    let mut changes: Vec<String> = transfer.lessons.iter().filter_map(of).collect();
    changes.extend(proved(proofs, &transfer.shown()).map(|words| format!("the comparison: {words}")));
    changes
}

/// Lays what was read beside what is known; nothing is lost.
///
/// # Errors
/// Why it is not kept.
pub fn lay(progress: &mut Progress, proofs: &mut Proofs, transfer: &Transfer) -> Result<(), String> {
    if !progress.is_kept() {
        return Err("progress is off, so nothing can be imported".to_owned());
    }
    progress.merge(&transfer.lessons)?;
    proofs.merge(&transfer.shown())
}

/// What importing would add to what was proved, in words; `None` if nothing.
fn proved(own: &Proofs, other: &Shown) -> Option<String> {
    let news = own.news(other);
    let new = news.keys().filter(|cell| own.kernel(cell).is_none()).count();
    let cells = |n: usize| format!("{n} cell{}", if n == 1 { "" } else { "s" });
    let strange = news.keys().filter(|key| !crate::atlas::cells().any(|cell| cell.key() == **key)).count();
    let mut parts = Vec::new();
    parts.extend((new > 0).then(|| format!("{} more proved", cells(new))));
    parts.extend((news.len() > new).then(|| format!("{} on other kernels too", cells(news.len() - new))));
    parts.extend((strange > 0).then(|| format!("{strange} of them this ipclab does not ask")));
    (!parts.is_empty()).then(|| parts.join(", "))
}

//! Writing down what was played: into the script that it began with, or into a new file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::keep;
use crate::lesson::{capture, is_lesson_file, write_new};
use crate::script::Statement;
use crate::stage::Timeline;

/// The script that a play began with, or was saved to.
#[derive(Debug, Clone)]
pub struct Script {
    /// Where it is.
    pub file: PathBuf,
    /// What is in it.
    pub source: String,
    /// What was run of it.
    pub ran: Vec<Statement>,
}

/// Writes down what was played. Without a name it goes into the script that it began with: what was run since is put at its
/// end, and where some of it was taken back, or the file has changed meanwhile, the file as it was is kept beside it. What
/// stands in another file is never overwritten. `script` is the one for the next time.
///
/// # Errors
/// What is missing, or why it can't be written.
pub fn save(name: &str, timeline: &Timeline, script: &mut Option<Script>) -> Result<String, String> {
    let ran: Vec<Statement> = timeline.statements().collect();
    if ran.is_empty() && script.is_none() {
        return Err("nothing was run yet, so there is nothing to save".to_owned());
    }
    if !name.is_empty() && is_lesson_file(name.as_ref()) {
        return capture::save(timeline, name.as_ref())
            .map(|()| format!("recorded as the lesson {name}; write what is marked TODO in it, a goal too"));
    }
    match script.as_mut().filter(|script| name.is_empty() || script.file == Path::new(name)) {
        Some(script) => script.take(ran),
        None if name.is_empty() => {
            Err("it needs a name, such as `/save play.ipc`; one that ends in .md makes it a lesson".to_owned())
        }
        None => {
            let source = lines(&ran);
            write_new(name.as_ref(), &source)?;
            *script = Some(Script { file: name.into(), source, ran });
            Ok(format!("written to {name}"))
        }
    }
}

fn lines(statements: &[Statement]) -> String {
    statements.iter().fold(String::new(), |text, statement| text + &statement.to_string() + "\n")
}

impl Script {
    /// Takes what was run into the file.
    fn take(&mut self, ran: Vec<Statement>) -> Result<String, String> {
        let name = self.file.display();
        let failed = |error: std::io::Error| format!("{name} can't be written: {error}");
        let goes_on = ran.starts_with(&self.ran);
        let source = match ran.get(self.ran.len()..).filter(|_| goes_on) {
            Some([]) => return Ok(format!("{name} holds all of it already")),
            Some(more) => {
                let end = if self.source.is_empty() || self.source.ends_with('\n') { "" } else { "\n" };
                format!("{}{end}{}", self.source, lines(more))
            }
            None => lines(&ran),
        };
        // The place of a link stays one.
        let file = fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let before = fs::read(&file).ok();
        let lost = before.is_some_and(|before| !goes_on || before != self.source.as_bytes());
        let aside = if lost { Some(keep::keep_aside(&file, "before").map_err(failed)?) } else { None };
        let mode = fs::metadata(&file).map(|m| m.permissions());
        keep::replace(&file, source.as_bytes()).map_err(failed)?;
        if let Ok(mode) = mode {
            fs::set_permissions(&file, mode).map_err(failed)?;
        }
        (self.source, self.ran) = (source, ran);
        Ok(match aside {
            Some(aside) => format!("written to {name}; as it was it is kept in {}", aside.display()),
            None => format!("written to {name}"),
        })
    }
}

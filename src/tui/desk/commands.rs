//! Commands at the prompt, behind a slash: what keys do elsewhere, for those who type.

use super::{Action, Asks, Candidate, Desk, Editor, Notice, Out};
use crate::plain::commands::PROMPT;
use crate::script::{Diagnostic, Span};
use crate::tui::app::Asked;

/// What each command does, for completion.
const DOCS: &[(&str, &str)] = &[
    ("/help", "shows the keys; with a word, what the reference has on it"),
    ("/waits", "shows who waits for whom, and what is wrong"),
    ("/undo", "steps back"),
    ("/reset", "begins again on a fresh stage"),
    ("/open", "opens a script in the editor"),
    ("/save", "saves the script, or the session as a script"),
    ("/quit", "leaves the program"),
];

impl Desk {
    /// Carries out a command; false where the line is none.
    pub(super) fn command(&mut self, line: &str, out: &mut Out) -> bool {
        let Some(read) = PROMPT.read(line) else { return false };
        let (word, rest) = match read {
            Ok((word, rest)) => (word, rest.to_owned()),
            Err(why) => {
                let start = line.len() - line.trim_start().len();
                let end = line.trim_end().len();
                self.prompt.offer = None;
                self.prompt.errors = vec![Diagnostic::error(Span::new(start, end), why)];
                return true;
            }
        };
        self.prompt.remember(line);
        self.prompt.clear();
        match word {
            "/quit" => out.asked = Some(Asked::Quit),
            "/help" => out.asked = Some(Asked::Help(rest)),
            "/waits" => out.asked = Some(Asked::Waits),
            "/undo" => self.step_back(out),
            "/reset" => _ = self.act(Action::Reset, false, false, out),
            "/open" if rest.is_empty() => self.ask(Asks::Open, ""),
            "/open" => match Editor::open(rest.into()) {
                Ok(editor) => self.edit(editor),
                Err(why) => out.notice(Notice::error(why)),
            },
            // The only one that is left.
            _ => match (rest.as_str(), self.editor.path.clone()) {
                ("", None) => self.ask_where_to_save(),
                ("", Some(path)) => self.save_as(&path.display().to_string(), out),
                (name, _) => self.save_as(name, out),
            },
        }
        true
    }

    /// Completes a command; false where the line begins none.
    pub(super) fn complete_command(&mut self) -> bool {
        let line = self.prompt.line.text();
        if !line.starts_with('/') || line.contains(' ') || !self.prompt.block.is_empty() {
            return false;
        }
        let fits = |(word, _): &&(&str, &str)| word.starts_with(line);
        let candidate = |(word, doc): &(&str, &str)| Candidate { text: (*word).to_owned(), doc: (*doc).to_owned() };
        let candidates = DOCS.iter().filter(fits).map(candidate).collect();
        let whole = 0..line.len();
        self.prompt.offer(whole, candidates);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_told() {
        assert_eq!(DOCS.iter().map(|(word, _)| *word).collect::<Vec<_>>(), PROMPT.0);
    }
}

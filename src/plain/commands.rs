//! What can be typed besides statements: commands to the face, behind a slash. And what those meant who left it out.

use crate::facility::registry;
use crate::script::{Diagnostic, STAGE_WORDS, did_you_mean, nearest, stage_word};

/// The commands of one face, each with its slash.
#[derive(Debug, Clone, Copy)]
pub struct Commands(pub &'static [&'static str]);

/// In play, in lines.
pub const PLAY: Commands = Commands(&["/help", "/words", "/show", "/waits", "/undo", "/reset", "/save", "/quit"]);

/// In a lesson, in lines.
pub const LEARN: Commands =
    Commands(&["/help", "/hint", "/skip", "/solve", "/back", "/restore", "/show", "/waits", "/quit"]);

/// At the prompt of the terminal program.
pub const PROMPT: Commands = Commands(&["/help", "/waits", "/undo", "/reset", "/open", "/save", "/quit"]);

/// Words of other programs, and the command that does the same.
const ELSEWHERE: &[(&str, &str)] = &[
    ("exit", "/quit"),
    ("/exit", "/quit"),
    ("/q", "/quit"),
    ("q", "/quit"),
    (":q", "/quit"),
    (":q!", "/quit"),
    ("bye", "/quit"),
    ("logout", "/quit"),
    (":wq", "/save"),
    (":w", "/save"),
    ("h", "/help"),
    ("?", "/help"),
    ("/?", "/help"),
    ("man", "/help"),
];

impl Commands {
    /// The command that a line begins with, its slash included, and what stands behind it; `None` for a line that is no
    /// command.
    ///
    /// # Errors
    /// That there is no such command, with the nearest.
    pub fn read(self, line: &str) -> Option<Result<(&'static str, &str), String>> {
        let line = line.trim();
        if !line.starts_with('/') {
            return None;
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let known = self.0.iter().find(|known| **known == word).copied();
        Some(match known.or_else(|| self.elsewhere(word)) {
            Some(command) => Ok((command, rest.trim())),
            None => {
                let help = did_you_mean(word, self.0.iter().copied());
                Err(format!(
                    "unknown command {word}; {}",
                    help.unwrap_or_else(|| format!("there are {}", self.listed()))
                ))
            }
        })
    }

    /// All of them, for a message.
    pub fn listed(self) -> String {
        self.0.join(" ")
    }

    fn elsewhere(self, word: &str) -> Option<&'static str> {
        let (_, command) = ELSEWHERE.iter().find(|(other, _)| *other == word)?;
        self.0.contains(command).then_some(command)
    }

    /// Where a line can't be read as a statement and its first word is a command without its slash, or nearly: says so in
    /// the help of what is wrong. A word of the stage stays one, and a call keeps its help.
    pub fn amend(self, source: &str, diagnostics: &mut [Diagnostic]) {
        let line = source.trim();
        let start = source.len() - source.trim_start().len();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let Some(wrong) = diagnostics.first_mut().filter(|d| d.span.start == start && !word.is_empty()) else { return };
        if line.contains('\n') || stage_word(word).is_some() {
            return;
        }
        let bare = || self.0.iter().map(|command| command.trim_start_matches('/'));
        let near = || nearest(word, STAGE_WORDS.iter().map(|w| w.word).chain(bare()));
        let is_call = registry().call(word).is_some();
        let meant = self.elsewhere(word).or_else(|| {
            let near = near().filter(|near| !is_call || *near == word)?;
            self.0.iter().find(|command| command.strip_prefix('/') == Some(near)).copied()
        });
        let Some(command) = meant else { return };
        if is_call {
            // The call is as likely.
            let help = wrong.help.take().map_or_else(String::new, |help| format!("{help}; "));
            wrong.help = Some(format!("{help}here `{command}` is what you may mean"));
            return;
        }
        let rest = rest.trim();
        let takes = matches!(command, "/help" | "/save" | "/open") && !rest.is_empty();
        wrong.help = Some(if takes {
            format!("did you mean `{command} {rest}`?")
        } else {
            format!("did you mean `{command}`?")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::parse;

    fn help(line: &str) -> String {
        let (_, mut wrong) = parse(line, registry());
        PLAY.amend(line, &mut wrong);
        wrong.first().and_then(|d| d.help.clone()).unwrap_or_default()
    }

    #[test]
    fn a_command_without_its_slash_is_understood() {
        for (line, meant) in [
            ("quit", "did you mean `/quit`?"),
            ("  quit\n", "did you mean `/quit`?"),
            ("quti", "did you mean `/quit`?"),
            ("help", "did you mean `/help`?"),
            ("help mq_open", "did you mean `/help mq_open`?"),
            ("?", "did you mean `/help`?"),
            (":q", "did you mean `/quit`?"),
            ("save play.ipc", "did you mean `/save play.ipc`?"),
            ("undo", "did you mean `/undo`?"),
            ("exit", "write `ACTOR: exit …`; here `/quit` is what you may mean"),
            ("exit 0", "write `ACTOR: exit …`; here `/quit` is what you may mean"),
            // What is nearer to a statement stays one.
            ("spwan bob", "did you mean `spawn`?"),
            ("read p 1", "write `ACTOR: read …`"),
            ("blurb", "an order to an actor is written `ACTOR: CALL`"),
            ("alice: exit", ""),
            ("alice: quit", "calls have the names of the manual pages: read, write, mq_open"),
        ] {
            let said = help(line);
            assert!(said == meant || meant.is_empty() && !said.contains("/quit"), "{line}: {said:?}");
        }
    }

    #[test]
    fn commands_are_read_with_what_stands_behind_them() {
        assert_eq!(PLAY.read("spawn alice"), None);
        assert_eq!(PLAY.read(" /save  a b.ipc "), Some(Ok(("/save", "a b.ipc"))));
        assert_eq!(PLAY.read("/exit"), Some(Ok(("/quit", ""))));
        assert_eq!(PLAY.read("/hlep"), Some(Err("unknown command /hlep; did you mean `/help`?".to_owned())));
        let none = LEARN.read("/zzz").and_then(Result::err).unwrap_or_default();
        assert!(none.contains("there are /help /hint"), "{none}");
        assert_eq!(LEARN.read("/save").map(|read| read.is_err()), Some(true), "no command of a lesson");
    }
}

//! The words behind the ticks of a fence, and the choices of a prediction.

use std::ops::Range;

use super::text::{Text, is_id, lines, span, trimmed};
use super::{Choice, Prediction, prose};
use crate::script::{Expectation, did_you_mean};

/// Fences with a meaning, and how each is written.
const KINDS: [(&str, &str); 7] = [
    ("run", "run, run fresh, run for=CHOICE"),
    ("predict", "predict id=NAME"),
    ("goal", "goal, goal id=NAME"),
    ("hint", "hint, hint when=PREDICATE"),
    ("solve", "solve"),
    ("explain", "explain"),
    ("measure", "measure"),
];

/// Fences that are only shown.
const SHOWN: [&str; 6] = ["", "text", "c", "sh", "console", "ipclab"];

/// What a fence is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fence {
    /// Statements to run, perhaps on an empty stage.
    Run { fresh: bool },
    /// Statements that refute a choice, as written.
    Refute { choice: String, at: Range<usize> },
    /// A question.
    Predict { id: String },
    /// A goal, with its id if one is given.
    Goal { id: Option<String> },
    /// A rung of help.
    Hint { when: Option<Expectation> },
    /// The last rung.
    Solve,
    /// What is said afterwards.
    Explain,
    /// What is measured on the learner's machine.
    Measure,
    /// A block of code to look at.
    Shown,
}

/// Reads the words behind the ticks; `at` is where they stand. `None`: they make no sense, and it has been said.
pub(super) fn read(text: &mut Text<'_>, at: Range<usize>) -> Option<Fence> {
    let at = trimmed(text.source, at);
    let info = &text.source[at.clone()];
    let (word, rest) = info.split_once(char::is_whitespace).unwrap_or((info, ""));
    let rest_at = trimmed(text.source, at.end - rest.len()..at.end);
    let rest = rest.trim();
    let word_at = at.start..at.start + word.len();
    if SHOWN.contains(&word) {
        return Some(Fence::Shown);
    }
    let Some((_, usage)) = KINDS.iter().find(|(kind, _)| *kind == word) else {
        let help = did_you_mean(word, KINDS.iter().map(|(k, _)| *k).chain(SHOWN)).unwrap_or_else(|| {
            "a fence is run, predict, goal, hint, solve, explain, measure, or text to look at".to_owned()
        });
        text.error(&word_at, format!("unknown fence `{word}`"), Some(help));
        return None;
    };
    let fence = match (word, rest.split_once('=')) {
        ("run", None) if rest.is_empty() => Fence::Run { fresh: false },
        ("run", None) if rest == "fresh" => Fence::Run { fresh: true },
        ("run", Some(("for", choice))) if !choice.is_empty() => {
            Fence::Refute { choice: choice.to_owned(), at: rest_at.end - choice.len()..rest_at.end }
        }
        ("predict", Some(("id", id))) => Fence::Predict { id: checked(text, id, &rest_at)? },
        ("predict", None) if rest.is_empty() => {
            text.error(&word_at, "a prediction needs an id", Some("`predict id=eof`".to_owned()));
            return None;
        }
        ("goal", None) if rest.is_empty() => Fence::Goal { id: None },
        ("goal", Some(("id", id))) => Fence::Goal { id: Some(checked(text, id, &rest_at)?) },
        ("hint", None) if rest.is_empty() => Fence::Hint { when: None },
        ("hint", Some(("when", when))) => {
            let start = rest_at.end - when.len();
            Fence::Hint { when: Some(text.expectation(&trimmed(text.source, start..rest_at.end))?) }
        }
        ("solve", None) if rest.is_empty() => Fence::Solve,
        ("explain", None) if rest.is_empty() => Fence::Explain,
        ("measure", None) if rest.is_empty() => Fence::Measure,
        _ => {
            text.error(
                &rest_at,
                format!("`{rest}` means nothing to a {word} fence"),
                Some(format!("it is written: {usage}")),
            );
            return None;
        }
    };
    Some(fence)
}

fn checked(text: &mut Text<'_>, id: &str, at: &Range<usize>) -> Option<String> {
    if is_id(id) {
        return Some(id.to_owned());
    }
    text.error(
        at,
        format!("`{id}` can't be an id"),
        Some("small letters, digits and hyphens, a letter first".to_owned()),
    );
    None
}

/// A fence that is still open where the next one begins, or where the text ends: its word, the place of its first line, and
/// that line's number. What stands behind it would be read as part of it, and all else that is said would be about that.
pub(super) fn unclosed(source: &str) -> Vec<(String, Range<usize>, usize)> {
    let mut open: Option<(u8, usize, String, Range<usize>, usize)> = None;
    let mut found = Vec::new();
    for (number, (at, line)) in lines(source, 0..source.len()).enumerate() {
        let text = line.trim_start();
        let Some(mark) = text.bytes().next().filter(|b| matches!(b, b'`' | b'~') && line.len() - text.len() < 4) else {
            continue;
        };
        let ticks = text.bytes().take_while(|b| *b == mark).count();
        let info = text[ticks..].trim();
        let word = info.split_whitespace().next().unwrap_or_default();
        if ticks < 3 || info.contains('`') {
            continue;
        }
        let begins = KINDS.iter().any(|(kind, _)| *kind == word) || !word.is_empty() && SHOWN.contains(&word);
        match &open {
            None => {}
            Some((by, least, ..)) if *by != mark || ticks < *least => continue,
            Some(_) if word.is_empty() => {
                open = None;
                continue;
            }
            Some(_) if !begins => continue,
            Some(_) => found.extend(open.take().map(|(.., word, at, number)| (word, at, number))),
        }
        open = Some((mark, ticks, word.to_owned(), at, number + 1));
    }
    found.extend(open.map(|(.., word, at, number)| (word, at, number)));
    found
}

const FORM: &str = "- [ ] 0, end of file {bob returned 0} -> what that belief overlooks";

/// Reads the question and the choices of a prediction.
pub(super) fn prediction(text: &mut Text<'_>, id: String, range: Range<usize>) -> Prediction {
    let source = text.source;
    let mut starts: Vec<usize> = Vec::new();
    for (at, line) in lines(source, range.clone()) {
        if line.trim_start().starts_with("- [") {
            starts.push(at.start);
        }
    }
    let first = starts.first().copied().unwrap_or(range.end);
    let question = prose::blocks(&source[range.start..first]);
    if question.is_empty() {
        text.error(
            &first_line(source, &range),
            "a prediction needs a question",
            Some("it stands before the choices".to_owned()),
        );
    }
    let mut choices = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(range.end);
        choices.extend(choice(text, trimmed(source, *start..end)));
    }
    if starts.len() < 2 {
        text.error(
            &first_line(source, &range),
            "a prediction needs two choices or more",
            Some(format!("such as `{FORM}`")),
        );
    } else if choices.len() == starts.len() {
        let right: Vec<&Choice> = choices.iter().filter(|c| c.right).collect();
        let (message, at) = match right[..] {
            [] => ("no choice is marked as right", span(&first_line(source, &range))),
            [_] => return Prediction { id, span: span(&range), question, choices },
            [_, second, ..] => ("a second choice is marked as right", second.span),
        };
        text.error(&(at.start..at.end), message, Some("exactly one has `[x]`".to_owned()));
    }
    Prediction { id, span: span(&range), question, choices }
}

pub(super) fn first_line(source: &str, range: &Range<usize>) -> Range<usize> {
    let range = trimmed(source, range.clone());
    let end = source[range.clone()].find('\n').map_or(range.end, |n| range.start + n);
    trimmed(source, range.start..end)
}

/// Reads one choice: `- [x] TEXT {PREDICATE} -> ANSWER`.
fn choice(text: &mut Text<'_>, range: Range<usize>) -> Option<Choice> {
    let source = text.source;
    let all = &source[range.clone()];
    let right = match all.get(..5) {
        Some("- [ ]") => false,
        Some("- [x]") => true,
        _ => {
            let end = range.start + all.find(']').map_or(3, |n| n + 1);
            text.error(&(range.start..end), "expected `[ ]` or `[x]`", Some(format!("such as `{FORM}`")));
            return None;
        }
    };
    let Some(open) = all.find('{') else {
        let help = Some(format!("such as `{FORM}`"));
        text.error(&range, "a choice needs the predicate that decides it, in braces", help);
        return None;
    };
    let Some(close) = closing(all, open) else {
        text.error(&(range.start + open..range.end), "this brace is never closed", None);
        return None;
    };
    let shown = prose::inlines(&all[5..open]);
    if shown.is_empty() {
        text.error(&range, "a choice needs words before its predicate", None);
        return None;
    }
    let predicate = text.expectation(&trimmed(source, range.start + open + 1..range.start + close))?;
    let rest = all[close + 1..].trim_start();
    let answer = rest.strip_prefix("->").map(prose::inlines).unwrap_or_default();
    if answer.is_empty() {
        let at = range.start + close..range.end;
        text.error(&at, "a choice needs an answer to its belief", Some("it stands behind `->`".to_owned()));
        return None;
    }
    Some(Choice { span: span(&range), text: shown, predicate, right, answer })
}

/// The brace that closes the one at `open`; braces in quoted text do not count.
fn closing(text: &str, open: usize) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(open + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

//! The text of a lesson file while it is read: where things stand in it, and what is wrong with it.

use std::ops::Range;

use crate::script::{self, Body, Diagnostic, Expectation, Registry, Span, Statement};

/// A file's text with the diagnostics gathered so far.
pub(super) struct Text<'a> {
    /// The whole text.
    pub(super) source: &'a str,
    /// What the language knows of calls.
    pub(super) registry: &'a Registry,
    /// What is wrong.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'a> Text<'a> {
    pub(super) const fn new(source: &'a str, registry: &'a Registry) -> Self {
        Self { source, registry, diagnostics: Vec::new() }
    }

    /// Notes an error.
    pub(super) fn error(&mut self, range: &Range<usize>, message: impl Into<String>, help: Option<String>) {
        let error = Diagnostic::error(span(range), message);
        self.diagnostics.push(match help {
            Some(help) => error.help(help),
            None => error,
        });
    }

    /// The statements that stand in `range`, with spans of the whole text.
    pub(super) fn statements(&mut self, range: &Range<usize>) -> Vec<Statement> {
        // What comes before is blanked out rather than cut off, so that all spans, also deep inside, are right.
        let (statements, diagnostics) = script::parse(&self.blank("", range), self.registry);
        self.diagnostics.extend(diagnostics);
        statements
    }

    /// The expectation that stands in `range` without its first word.
    pub(super) fn expectation(&mut self, range: &Range<usize>) -> Option<Expectation> {
        let (statements, diagnostics) = script::parse(&self.blank("expect ", range), self.registry);
        let bad = !diagnostics.is_empty();
        self.diagnostics.extend(diagnostics);
        match statements.into_iter().next().map(|s| s.body) {
            Some(Body::Expect(mut expectation)) => {
                expectation.span = span(range);
                Some(expectation)
            }
            _ if bad => None,
            _ => {
                self.error(range, "expected a predicate", Some("such as `bob blocked in read on p`".to_owned()));
                None
            }
        }
    }

    fn blank(&self, lead: &str, range: &Range<usize>) -> String {
        let mut text = " ".repeat(range.start.saturating_sub(lead.len()));
        text.push_str(lead);
        text.push_str(&self.source[range.clone()]);
        text
    }
}

/// A range as the language's spans have it.
pub(super) const fn span(range: &Range<usize>) -> Span {
    Span::new(range.start, range.end)
}

/// The part of `range` without white space at both ends.
pub(super) fn trimmed(source: &str, range: Range<usize>) -> Range<usize> {
    let text = &source[range.clone()];
    let start = range.start + (text.len() - text.trim_start().len());
    start..start + text.trim().len()
}

/// The lines of `range` with their places, line ends left out.
pub(super) fn lines(source: &str, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = range.start;
    source[range].split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        (start..start + line.len(), line)
    })
}

/// Whether a word can be an id: small letters, digits and hyphens, a letter first.
pub fn is_id(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && !word.ends_with('-')
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What could stand for words that are no id.
pub fn as_id(words: &str) -> String {
    let mut id = String::new();
    for c in words.to_lowercase().chars() {
        match c {
            'a'..='z' => id.push(c),
            '0'..='9' if !id.is_empty() => id.push(c),
            _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
            _ => {}
        }
    }
    id.trim_end_matches('-').to_owned()
}

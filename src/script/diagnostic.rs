//! What is wrong with a text, and where.

use serde::{Deserialize, Serialize};

/// A range of bytes in the source text.
///
/// Two spans are always equal: trees are compared by what they mean, not by where they stood.
#[derive(Debug, Clone, Copy, Default, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Span {
    /// The bytes from `start` up to `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// Whether a text can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Severity {
    /// It can't.
    Error,
    /// It can, and may not do what was meant.
    Warning,
}

/// One thing wrong with a text: where, what, and the nearest right thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Where.
    pub span: Span,
    /// What is wrong and what was expected; lower case, no full stop.
    pub message: String,
    /// The nearest right thing, or what to do; lower case, no full stop.
    pub help: Option<String>,
    /// Whether the text can still be used.
    pub severity: Severity,
}

impl Diagnostic {
    /// An error without help.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None, severity: Severity::Error }
    }

    /// The same with help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

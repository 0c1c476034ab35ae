//! Text to trees, by recursive descent. It never stops at the first error: a line that can't be read costs that line.

mod call;
mod claim;
mod expr;
mod statement;
mod value;

use super::limits::{DIAGNOSTICS_MAX, NAME_MAX};
use super::token::{Token, TokenKind, tokenize};
use super::words::is_reserved;
use super::{Diagnostic, Expectation, Expr, Registry, Severity, Span, Statement};

pub(super) use call::{Progress, names_by_as, open_places, usage, usage_arg};
pub use statement::incomplete;
pub(super) use statement::open_block;
pub(super) use value::describe;

/// All statements of a text that could be understood, and all that is wrong with the rest, in order of place.
///
/// A statement with an error in it is left out; a block keeps those of its calls that were understood.
pub fn parse(text: &str, registry: &Registry) -> (Vec<Statement>, Vec<Diagnostic>) {
    let mut parser = Parser::new(text, registry);
    let statements = parser.statements();
    (statements, parser.finish())
}

/// The only statement of a text: one line, or one block of several.
///
/// # Errors
/// All that is wrong with it, never an empty list.
pub fn parse_line(text: &str, registry: &Registry) -> Result<Statement, Vec<Diagnostic>> {
    let (mut statements, mut diagnostics) = parse(text, registry);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(diagnostics);
    }
    if let Some(second) = statements.get(1) {
        diagnostics.push(Diagnostic::error(second.span, "one statement was expected, this is a second"));
        return Err(diagnostics);
    }
    statements.pop().ok_or_else(|| vec![Diagnostic::error(Span::new(0, text.len()), "a statement was expected")])
}

/// What stands behind `expect` in a statement: `child blocked in read on p`.
///
/// # Errors
/// All that is wrong with it, never an empty list.
pub fn parse_expectation(text: &str, registry: &Registry) -> Result<Expectation, Vec<Diagnostic>> {
    whole(text, registry, Parser::expectation)
}

/// An expression that stands alone.
///
/// # Errors
/// All that is wrong with it, never an empty list.
pub fn parse_expr(text: &str, registry: &Registry) -> Result<Expr, Vec<Diagnostic>> {
    whole(text, registry, Parser::expr)
}

fn whole<'a, T>(
    text: &'a str,
    registry: &'a Registry,
    read: impl Fn(&mut Parser<'a>) -> Parsed<T>,
) -> Result<T, Vec<Diagnostic>> {
    let mut parser = Parser::new(text, registry);
    parser.skip_newlines();
    let result = parser.fits_statement().and_then(|()| read(&mut parser)).and_then(|value| {
        parser.skip_newlines();
        parser.nothing_more()?;
        Ok(value)
    });
    let value = result.map_err(|e| parser.report(e)).ok();
    let diagnostics = parser.finish();
    match value {
        Some(value) if !diagnostics.iter().any(|d| d.severity == Severity::Error) => Ok(value),
        _ => Err(diagnostics),
    }
}

/// `PIPE_BUF-1` is one name to the tokenizer, as `write-locked` is: what begins with a quantity is a difference.
fn split_differences(tokens: Vec<Token>, registry: &Registry, found: &mut Vec<Diagnostic>) -> Vec<Token> {
    let mut split = Vec::with_capacity(tokens.len());
    for token in tokens {
        let parts = match &token.kind {
            TokenKind::Name(name) => name.split_once('-').filter(|(head, _)| registry.quantity(head).is_some()),
            _ => None,
        };
        let Some((head, tail)) = parts else {
            split.push(token);
            continue;
        };
        let start = token.span.start;
        let dash = start + head.len();
        let moved = |span: Span| Span::new(span.start + dash + 1, span.end + dash + 1);
        split.push(Token { kind: TokenKind::Name(head.to_owned()), span: Span::new(start, dash) });
        split.push(Token { kind: TokenKind::Mark("-"), span: Span::new(dash, dash + 1) });
        let (rest, mistakes) = tokenize(tail);
        let rest = rest.into_iter().filter(|t| t.kind != TokenKind::End);
        split.extend(rest.map(|t| Token { kind: t.kind, span: moved(t.span) }));
        found.extend(mistakes.into_iter().map(|m| Diagnostic { span: moved(m.span), ..m }));
    }
    split
}

/// What was read, or why it could not be.
pub(super) type Parsed<T> = Result<T, Diagnostic>;

/// Where in the tokens of a text we are, and what was wrong so far.
pub(super) struct Parser<'a> {
    text: &'a str,
    registry: &'a Registry,
    tokens: Vec<Token>,
    pos: usize,
    /// How many parentheses and brackets are open.
    nesting: usize,
    diagnostics: Vec<Diagnostic>,
    /// How many errors were reported, also those beyond the limit.
    errors: usize,
    /// Where the tokenizer found mistakes, in order.
    mistakes: Vec<usize>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, registry: &'a Registry) -> Self {
        let (tokens, mut found) = tokenize(text);
        let tokens = split_differences(tokens, registry, &mut found);
        found.sort_by_key(|d| d.span.start);
        let mistakes: Vec<usize> = found.iter().map(|d| d.span.start).collect();
        found.truncate(DIAGNOSTICS_MAX + 1);
        Self { text, registry, tokens, pos: 0, nesting: 0, errors: found.len(), diagnostics: found, mistakes }
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|d| d.span.start);
        if self.diagnostics.len() > DIAGNOSTICS_MAX {
            self.diagnostics.truncate(DIAGNOSTICS_MAX);
            let span = self.diagnostics[DIAGNOSTICS_MAX - 1].span;
            self.diagnostics.push(Diagnostic::error(span, "more errors follow, beyond DIAGNOSTICS_MAX"));
        }
        self.diagnostics
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.errors += 1;
        if !self.has_enough() {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether no further error would be told. The tokenizer's share is bounded on its own, so there are never more
    /// than twice the limit.
    fn has_enough(&self) -> bool {
        self.diagnostics.len() > 2 * DIAGNOSTICS_MAX
    }

    /// Whether the tokenizer found a mistake in these bytes.
    fn mistaken(&self, span: Span) -> bool {
        let next = self.mistakes.partition_point(|at| *at < span.start);
        self.mistakes.get(next).is_some_and(|at| *at <= span.end)
    }

    pub(super) fn peek(&self) -> &TokenKind {
        &self.tokens[self.pos].kind
    }

    fn peek_next(&self) -> &TokenKind {
        &self.tokens[(self.pos + 1).min(self.tokens.len() - 1)].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.pos].span
    }

    /// One past the last byte that was read.
    fn end(&self) -> usize {
        if self.pos == 0 { 0 } else { self.tokens[self.pos - 1].span.end }
    }

    fn span_from(&self, start: usize) -> Span {
        Span::new(start, self.end().max(start))
    }

    pub(super) fn bump(&mut self) {
        if self.pos + 1 < self.tokens.len() {
            self.pos += 1;
        }
    }

    /// Whether this token follows the last one without a blank.
    fn adjacent(&self) -> bool {
        self.pos > 0 && self.tokens[self.pos].span.start == self.end()
    }

    fn next_adjacent(&self) -> bool {
        self.tokens.get(self.pos + 1).is_some_and(|t| t.span.start == self.tokens[self.pos].span.end)
    }

    pub(super) fn at_line_end(&self) -> bool {
        matches!(self.peek(), TokenKind::Newline | TokenKind::End)
    }

    fn at_end(&self) -> bool {
        matches!(self.peek(), TokenKind::End)
    }

    fn at_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), TokenKind::Mark(m) if *m == mark)
    }

    fn eat_mark(&mut self, mark: &str) -> bool {
        let here = self.at_mark(mark);
        if here {
            self.bump();
        }
        here
    }

    fn next_is_mark(&self, mark: &str) -> bool {
        matches!(self.peek_next(), TokenKind::Mark(m) if *m == mark)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), TokenKind::Name(n) if n == word)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let here = self.at_word(word);
        if here {
            self.bump();
        }
        here
    }

    fn skip_newlines(&mut self) {
        while matches!(self.peek(), TokenKind::Newline) {
            self.bump();
        }
    }

    fn skip_line(&mut self) {
        while !self.at_line_end() {
            self.bump();
        }
    }

    /// What stands here, for a message: `` `raed` ``, or the line's end.
    fn here(&self) -> String {
        if self.at_line_end() {
            return "the line's end".to_owned();
        }
        let span = self.span();
        let text = &self.text[span.start..span.end];
        let short: String = text.chars().take(24).collect();
        if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
    }

    /// An error that says what was expected here and what stands here.
    fn expected(&self, what: impl std::fmt::Display) -> Diagnostic {
        let span = if self.at_line_end() { Span::new(self.end(), self.end()) } else { self.span() };
        Diagnostic::error(span, format!("expected {what}, found {}", self.here()))
    }

    fn nothing_more(&self) -> Parsed<()> {
        if self.at_line_end() { Ok(()) } else { Err(self.expected("nothing more")) }
    }

    /// A name without dots: `alice`, `p`.
    fn name(&mut self, what: &str) -> Parsed<String> {
        let TokenKind::Name(name) = self.peek() else {
            let error = self.expected(what);
            return Err(match self.meant_name() {
                Some(help) => error.help(help),
                None => error,
            });
        };
        let name = name.clone();
        self.usable(&name, what)?;
        self.bump();
        Ok(name)
    }

    /// What to write where a name is expected and stands here as C writes it: `"/turn"`, or `/turn`.
    fn meant_name(&self) -> Option<String> {
        let name_of = |kind: &TokenKind| match kind {
            TokenKind::Name(name) => Some(name.clone()),
            _ => None,
        };
        match self.peek() {
            TokenKind::Text(bytes) => {
                let text = std::str::from_utf8(bytes).ok()?;
                let bare = text.strip_prefix('/').unwrap_or(text);
                let name = match tokenize(bare).0.as_slice() {
                    [only, _] if only.span == Span::new(0, bare.len()) => name_of(&only.kind).filter(|n| n == bare)?,
                    _ => return None,
                };
                let slash = if text == bare { "" } else { " and without the slash" };
                Some(format!("a name stands without quotes{slash}: `{name}`"))
            }
            TokenKind::Mark("/") if self.next_adjacent() => {
                name_of(self.peek_next()).map(|name| format!("a name stands without the slash: `{name}`"))
            }
            _ => None,
        }
    }

    /// A name, perhaps with a part behind a dot: `p`, `p.r`, `s.0`, `alice.t1`. The stage counts objects of one name,
    /// `q#2`.
    fn dotted(&mut self, what: &str) -> Parsed<String> {
        let mut name = self.name(what)?;
        if self.at_mark(".") && self.adjacent() && self.next_adjacent() {
            let (TokenKind::Name(_) | TokenKind::Int(..)) = self.peek_next() else { return Ok(name) };
            self.bump();
            let span = self.span();
            let part = self.text[span.start..span.end].to_owned();
            self.usable(&part, what)?;
            self.bump();
            name.push('.');
            name.push_str(&part);
        }
        if self.at_mark("#") && self.adjacent() {
            self.bump();
            let span = self.span();
            name.push('#');
            name.push_str(&self.text[span.start..span.end]);
            self.bump();
        }
        Ok(name)
    }

    fn usable(&self, name: &str, what: &str) -> Parsed<()> {
        if is_reserved(name) {
            let message = format!("expected {what}, and `{name}` is a word of the language");
            return Err(Diagnostic::error(self.span(), message).help("choose another name"));
        }
        if name.len() > NAME_MAX {
            let message = format!("this name is longer than NAME_MAX, {NAME_MAX} bytes");
            return Err(Diagnostic::error(self.span(), message));
        }
        Ok(())
    }

    /// Tries to read something; if it can't be read, all is as before.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let (pos, nesting, kept, errors) = (self.pos, self.nesting, self.diagnostics.len(), self.errors);
        let result = read(self)
            .and_then(|value| if self.errors > errors { Err(self.expected("something else")) } else { Ok(value) });
        if result.is_err() {
            self.pos = pos;
            self.nesting = nesting;
            self.diagnostics.truncate(kept);
            self.errors = errors;
        }
        result
    }
}

#[cfg(test)]
mod tests;

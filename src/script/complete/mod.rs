//! What may stand at the cursor of a half-typed text, and what the call there takes.

mod offer;
mod place;

use super::parse::{Parser, Progress, describe, open_block, open_places, usage, usage_arg};
use super::token::{TokenKind, tokenize};
use super::words::Word;
use super::{CallSpec, Form, Registry, Scene};
use offer::Offer;

/// What can be done at the cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// Where the word at the cursor begins: a candidate replaces the bytes from here to the cursor.
    pub start: usize,
    /// What may stand there, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// The call or order that is being typed.
    pub signature: Option<Signature>,
}

/// One thing that may stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What to put in, with the blank or mark that follows it.
    pub insert: String,
    /// What to show.
    pub label: String,
    /// One line about it.
    pub doc: String,
    /// What it is.
    pub kind: CandidateKind,
}

/// What a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// An actor.
    Actor,
    /// A word of the stage or of the language.
    Word,
    /// A call.
    Call,
    /// A descriptor variable, mapping or object.
    Name,
    /// A C constant.
    Constant,
    /// A `$` variable.
    Variable,
    /// A `name=` of an argument.
    Key,
    /// What can be claimed of an actor or object.
    Claim,
}

/// What the call, order or claim at the cursor takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name of the call or the word.
    pub name: String,
    /// How it is written as a whole: `read fd count [-> $VAR]`.
    pub usage: String,
    /// The arguments of a call, as they stand in `usage`, each with its line of doc.
    pub args: Vec<SignatureArg>,
    /// The argument at the cursor, if it is at one.
    pub active_arg: Option<usize>,
    /// One line: what it does.
    pub doc: String,
    /// The manual page; empty for words of the language.
    pub man: String,
    /// An example, a whole statement.
    pub example: String,
}

/// One argument in a [`Signature`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureArg {
    /// As it stands in the usage: `count`, `[flags]`, `[type=…]`.
    pub text: String,
    /// What it is for.
    pub doc: String,
    /// What it may be: "a number that is not negative".
    pub takes: String,
}

impl Signature {
    fn of_call(call: &CallSpec, active_arg: Option<usize>) -> Self {
        let args = call.args.iter().map(|arg| SignatureArg {
            text: usage_arg(arg),
            doc: arg.doc.to_owned(),
            takes: describe(arg.kind),
        });
        Self {
            name: call.name.to_owned(),
            usage: usage(call),
            args: args.collect(),
            active_arg,
            doc: call.doc.to_owned(),
            man: call.man.to_owned(),
            example: call.example.to_owned(),
        }
    }

    fn of_word(word: &Word) -> Self {
        Self {
            name: word.word.to_owned(),
            usage: word.usage.to_owned(),
            args: Vec::new(),
            active_arg: None,
            doc: word.doc.to_owned(),
            man: String::new(),
            example: word.example.to_owned(),
        }
    }
}

/// What may stand at byte `cursor` of `text`, which may have several lines and an open block, and be wrong anywhere.
/// A cursor behind the end or inside a character is moved back to the next place where one can be.
pub fn complete(text: &str, cursor: usize, registry: &Registry, scene: &Scene) -> Completion {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let line_start = text[..cursor].rfind('\n').map_or(0, |i| i + 1);
    let head = &text[line_start..cursor];
    let behind_last = |stop: &dyn Fn(char) -> bool| {
        head.rfind(stop).map_or(0, |i| i + head[i..].chars().next().map_or(1, char::len_utf8))
    };
    let blank = behind_last(&char::is_whitespace);
    let start = if blank > 0 && is_address(&head[blank..]) {
        blank
    } else {
        behind_last(&|c: char| !(c.is_alphanumeric() || "_-.$".contains(c)))
    };
    let (before, word) = head.split_at(start);
    let mut offer = Offer::new(registry, scene, word);
    let block = open_block(&text[..line_start]);
    let place = readable(head);
    match place {
        Readable::Comment => {}
        Readable::Text(open) => place::look(&head[..open], block.as_deref(), &mut offer),
        Readable::Free => place::look(before, block.as_deref(), &mut offer),
    }
    let mut signature = offer.signature.take();
    if signature.is_none() {
        signature = under_cursor(text, line_start + start, registry);
    }
    let candidates = if place == Readable::Free { offer.finish() } else { Vec::new() };
    Completion { start: line_start + start, candidates, signature }
}

/// The call, order or claim under the cursor: what help in place shows.
pub fn help_for(text: &str, cursor: usize, registry: &Registry) -> Option<Signature> {
    complete(text, cursor, registry, &Scene::default()).signature
}

/// Whether a word has begun as the address of a socket: its marks are part of it then.
fn is_address(word: &str) -> bool {
    let v4 = || word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().filter(|b| *b == b'.').count() == 3;
    word.starts_with("unix:") || word.starts_with("*:") || word.starts_with('[') || v4()
}

/// What the end of a line lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readable {
    /// A comment.
    Comment,
    /// A text that began at this byte and is not closed.
    Text(usize),
    /// Neither.
    Free,
}

fn readable(head: &str) -> Readable {
    let (tokens, mistakes) = tokenize(head);
    let Some(last) = tokens.iter().rev().find(|t| t.kind != TokenKind::End) else {
        return if head.contains('#') { Readable::Comment } else { Readable::Free };
    };
    if head[last.span.end..].contains('#') {
        return Readable::Comment;
    }
    let text = matches!(last.kind, TokenKind::Text(_) | TokenKind::Byte(_));
    let whole = |m: &super::Diagnostic| m.span.start == last.span.start && m.span.end == last.span.end;
    if text && last.span.end == head.len() && mistakes.iter().any(whole) {
        return Readable::Text(last.span.start);
    }
    Readable::Free
}

/// The call or word of the stage that stands, whole, where the word at the cursor begins.
fn under_cursor(text: &str, start: usize, registry: &Registry) -> Option<Signature> {
    let rest = &text[start..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let word = &rest[..end];
    if let Some((_, call)) = registry.call(word) {
        return Some(Signature::of_call(call, None));
    }
    super::stage_word(word).map(Signature::of_word)
}

/// How far the arguments have come in text that ends before the word at the cursor.
fn progress<'r>(parser: &mut Parser<'r>, call: &'r CallSpec) -> (Progress, Vec<usize>) {
    let mut progress = Progress::default();
    parser.arguments(call, &mut progress);
    let open = open_places(call, &progress);
    (progress, open)
}

/// Whether all that must be given is given.
fn all_given(call: &CallSpec, progress: &Progress) -> bool {
    call.args
        .iter()
        .enumerate()
        .all(|(place, arg)| arg.form != Form::Required || progress.given.iter().any(|(p, _)| *p == place))
}

#[cfg(test)]
mod tests;

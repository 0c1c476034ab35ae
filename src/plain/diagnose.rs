//! What is wrong with a text, as text: the place in its line, what was expected, the nearest right thing.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::script::{Diagnostic, Severity, Span};

/// All diagnostics of a text, each with a blank line behind it. `path` is what the reader knows the text by.
pub fn diagnose(path: &str, source: &str, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    let mut places = Places::new(path, source);
    for diagnostic in diagnostics {
        let line = places.at(diagnostic.span.start).line;
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let notes: Vec<String> = diagnostic.help.iter().cloned().collect();
        let at = Place { path, source, line, span: diagnostic.span };
        out.push_str(&report(level, at, &diagnostic.message, &Level::HELP, &notes));
    }
    out
}

/// Something that came out otherwise than a text says, with remarks.
pub fn failure(path: &str, source: &str, span: Span, what: &str, notes: &[String]) -> String {
    let line = 1 + newlines(&source[..within(source, span).start]);
    report(Level::ERROR, Place { path, source, line, span }, what, &Level::NOTE, notes)
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count()
}

#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    source: &'a str,
    /// The number of the line in which the span begins.
    line: usize,
    span: Span,
}

/// Only the line of the place is given to the renderer, which looks at all that it is given.
fn report(level: Level<'_>, at: Place<'_>, title: &str, kind: &Level<'_>, notes: &[String]) -> String {
    let Place { path, source, line, span } = at;
    let span = within(source, span);
    let start = source[..span.start].rfind('\n').map_or(0, |n| n + 1);
    let shown = &source[start..shown_end(source, &span)];
    let mut group: Group<'_> = if shown.is_empty() {
        level.primary_title(title).element(annotate_snippets::Origin::path(path).line(line))
    } else {
        let marked = AnnotationKind::Primary.span(span.start - start..span.end - start);
        let snippet = Snippet::source(shown).path(path).line_start(line).annotation(marked);
        level.primary_title(title).element(snippet)
    };
    for note in notes {
        group = group.element(kind.clone().message(note.as_str()));
    }
    let mut text = Renderer::plain().render(&[group]);
    text.push_str("\n\n");
    text
}

/// Where to stop showing the line of a span: at its end, or where it goes on for too long.
fn shown_end(source: &str, span: &std::ops::Range<usize>) -> usize {
    const MORE: usize = 1000;
    let line = source[span.end..].find('\n').map_or(source.len(), |n| span.end + n);
    let mut end = line.min(span.end + MORE);
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// The span within the text, on borders of characters, and not beyond the end of its first line: a whole block would
/// be shown otherwise.
fn within(source: &str, span: Span) -> std::ops::Range<usize> {
    let border = |mut at: usize| {
        at = at.min(source.len());
        while !source.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = border(span.start);
    let line = source[start..].find('\n').map_or(source.len(), |n| start + n);
    start..border(span.end).clamp(start, line.max(start))
}

/// Where something stands: in a text that its reader knows by a name, at a line and a column from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Where {
    /// The name of the text.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl std::fmt::Display for Where {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, line, column } = self;
        write!(f, "{file}:{line}:{column}")
    }
}

/// Finds places in a text; one behind the other, each is found without counting all lines again.
#[derive(Debug)]
pub struct Places<'a> {
    file: &'a str,
    source: &'a str,
    line: usize,
    counted: usize,
}

impl<'a> Places<'a> {
    /// Of a text that its reader knows by the name `file`.
    pub const fn new(file: &'a str, source: &'a str) -> Self {
        Self { file, source, line: 1, counted: 0 }
    }

    /// Where the byte `at` stands.
    pub fn at(&mut self, at: usize) -> Where {
        let at = within(self.source, Span::new(at, at)).start;
        if at < self.counted {
            (self.line, self.counted) = (1, 0);
        }
        self.line += newlines(&self.source[self.counted..at]);
        self.counted = at;
        let start = self.source[..at].rfind('\n').map_or(0, |n| n + 1);
        let column = self.source[start..at].chars().count() + 1;
        Where { file: self.file.to_owned(), line: self.line, column }
    }
}

/// The line and column of a place, from 1; the column counts characters.
pub fn place(source: &str, at: usize) -> (usize, usize) {
    let at = within(source, Span::new(at, at)).start;
    let before = &source[..at];
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place_and_the_nearest_right_thing() {
        let source = "spawn alice\nalice: wirte p \"ü\"\n";
        let wrong = Diagnostic::error(Span::new(19, 24), "unknown call `wirte`").help("did you mean `write`?");
        let text = diagnose("a.ipc", source, &[wrong]);
        for part in
            ["error: unknown call `wirte`", "a.ipc:2:8", "alice: wirte p", "^^^^^", "help: did you mean `write`?"]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn any_span_can_be_shown() {
        for (source, start, end) in [("", 0, 5), ("ü", 1, 1), ("a\nb", 0, 3), ("a", 7, 9), ("a\n", 2, 2), ("x", 1, 0)]
        {
            let text = diagnose("f", source, &[Diagnostic::error(Span { start, end }, "wrong")]);
            assert!(text.contains("wrong"), "{source:?}");
        }
    }

    #[test]
    fn lines_are_counted_and_long_ones_cut() {
        let source = format!("a\n\n{}\nb\n", "x".repeat(5 << 20));
        let at = |start, end| Diagnostic::error(Span { start, end }, "wrong");
        let last = source.len() - 2;
        let text = diagnose("f", &source, &[at(0, 1), at(2, 2), at(3, 4), at(last, last + 1)]);
        let places: Vec<&str> = text.lines().filter_map(|l| l.trim().strip_prefix("--> ")).collect();
        assert_eq!(places, ["f:1:1", "f:2", "f:3:1", "f:4:1"]);
        assert!(text.len() < 10_000, "{}", text.len());
    }

    #[test]
    fn places_count_from_one() {
        assert_eq!(place("a\nüb", 4), (2, 2));
        assert_eq!(place("", 9), (1, 1));
        let mut places = Places::new("f", "a\nüb\nc");
        let found = [4, 0, 6, 99].map(|at| places.at(at).to_string());
        assert_eq!(found, ["f:2:2", "f:1:1", "f:3:1", "f:3:2"]);
    }
}

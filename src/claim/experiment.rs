//! The format of an experiment.
//!
//! ```text
//! == what this part shows
//! counter: what is different in the counter-run
//! requires: hosts
//! spawn alice
//! - a statement of the experiment alone
//! + a statement of the counter-run alone
//! expect ...
//! ```

use crate::script::{self, Diagnostic, Registry, Severity, Span, Statement};

/// What shows a claim: parts, each on a stage of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// The parts; all of them must come out.
    pub parts: Vec<Part>,
}

/// One part of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it shows, in words.
    pub shows: String,
    /// What the counter-run does otherwise, in words.
    pub counter_is: String,
    /// What a stage must be capable of, in the words of [`StageInfo`](crate::stage::StageInfo).
    pub requires: Vec<String>,
    /// The statements.
    pub run: Vec<Statement>,
    /// Those of the counter-run.
    pub counter: Vec<Statement>,
}

/// What is wrong with an experiment's text: never empty.
pub type Wrong = Vec<Diagnostic>;

/// Which of the two runs a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Both,
    Run,
    Counter,
}

/// A part while it is read.
#[derive(Debug, Default)]
struct Raw<'a> {
    head: Span,
    shows: &'a str,
    counter_is: &'a str,
    requires: Vec<String>,
    lines: Vec<(Side, usize, &'a str)>,
}

/// Reads an experiment.
///
/// # Errors
/// All that is wrong with it.
pub fn parse(text: &str, registry: &Registry) -> Result<Experiment, Wrong> {
    let mut wrong = Vec::new();
    let mut raws: Vec<Raw<'_>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let (start, line) = (at, line.trim_end());
        at = start + line.len() + text[start + line.len()..].find('\n').map_or(0, |n| n + 1);
        let span = Span::new(start, start + line.len());
        if let Some(shows) = line.strip_prefix("== ") {
            raws.push(Raw { head: span, shows: shows.trim(), ..Raw::default() });
            continue;
        }
        let Some(raw) = raws.last_mut() else {
            if !line.is_empty() && !line.starts_with('#') {
                let error = Diagnostic::error(span, "this stands before the first part");
                wrong.push(error.help("a part begins with a line such as `== the reader sees the end`"));
            }
            continue;
        };
        if let Some(words) = line.strip_prefix("counter:") {
            raw.counter_is = words.trim();
        } else if let Some(words) = line.strip_prefix("requires:") {
            raw.requires.extend(words.split_whitespace().map(ToOwned::to_owned));
        } else if let Some(rest) = line.strip_prefix("- ") {
            raw.lines.push((Side::Run, start + 2, rest));
        } else if let Some(rest) = line.strip_prefix("+ ") {
            raw.lines.push((Side::Counter, start + 2, rest));
        } else {
            raw.lines.push((Side::Both, start, line));
        }
    }
    if raws.is_empty() {
        wrong.push(Diagnostic::error(Span::new(0, text.len()), "expected at least one part, `== what it shows`"));
    }
    let mut parts = Vec::new();
    for raw in raws {
        if raw.counter_is.is_empty() {
            wrong.push(Diagnostic::error(raw.head, "this part has no line `counter: what is different in it`"));
        }
        let mut statements = |side| {
            let (statements, diagnostics) = script::parse(&only(&raw.lines, side), registry);
            wrong.extend(diagnostics.into_iter().filter(|d| d.severity == Severity::Error));
            statements
        };
        let (run, counter) = (statements(Side::Run), statements(Side::Counter));
        let (shows, counter_is) = (raw.shows.to_owned(), raw.counter_is.to_owned());
        parts.push(Part { shows, counter_is, requires: raw.requires, run, counter });
    }
    // What is common to both runs is complained of once.
    let mut seen = Vec::new();
    wrong.retain(|d| {
        let place = (d.span.start, d.span.end, d.message.clone());
        let new = !seen.contains(&place);
        seen.push(place);
        new
    });
    if wrong.is_empty() { Ok(Experiment { parts }) } else { Err(wrong) }
}

/// The lines of one side, where they stand in the whole text; the rest is blank.
fn only(lines: &[(Side, usize, &str)], side: Side) -> String {
    let mut text = String::new();
    for (_, start, line) in lines.iter().filter(|(of, ..)| *of == side || *of == Side::Both) {
        text.extend(std::iter::repeat_n(' ', (start - text.len()).saturating_sub(1)));
        if !text.is_empty() {
            text.push('\n');
        }
        text.extend(std::iter::repeat_n(' ', start - text.len()));
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# A comment.
== bob sleeps
counter: bob has closed his write end
requires: isolated
spawn alice
alice: pipe p
+ alice: close p.w
alice: read p 1
expect alice blocked
";

    #[test]
    fn a_part_has_two_runs_that_differ_where_it_says() {
        let parsed = parse(TEXT, crate::facility::registry()).unwrap();
        let [part] = &parsed.parts[..] else { panic!("{parsed:?}") };
        assert_eq!((part.shows.as_str(), part.requires.as_slice()), ("bob sleeps", &["isolated".to_owned()][..]));
        let lines =
            |statements: &[Statement]| statements.iter().map(|s| &TEXT[s.span.start..s.span.end]).collect::<Vec<_>>();
        assert_eq!(lines(&part.run), ["spawn alice", "alice: pipe p", "alice: read p 1", "expect alice blocked"]);
        assert_eq!(lines(&part.counter).len(), 5);
        assert_eq!(lines(&part.counter)[2], "alice: close p.w");
    }

    #[test]
    fn what_is_wrong_is_named_at_its_place() {
        let wrong = |text: &str| parse(text, crate::facility::registry()).unwrap_err();
        assert_eq!(wrong("spawn alice\n").len(), 2);
        assert_eq!(wrong("== it holds\nspawn alice\n")[0].span.end, 11);
        let text = "== it holds\ncounter: not\nspawn alice\nalice: pip p\n";
        let errors = wrong(text);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(&text[errors[0].span.start..errors[0].span.end], "pip");
    }
}

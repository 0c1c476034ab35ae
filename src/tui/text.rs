//! Pieces of text for panes: widths, clipping, bytes and times.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::theme::{Role, Theme};

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// How many columns a line takes.
pub(super) fn line_width(spans: &[Span<'_>]) -> usize {
    spans.iter().map(|s| s.content.width()).sum()
}

/// The text cut to `columns`, with the mark for what is left out.
pub(super) fn clip(text: &str, columns: usize, more: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 0);
    let room = columns.saturating_sub(more.width());
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w > room {
            break;
        }
        used += w;
        out.push(c);
    }
    if columns >= more.width() {
        out.push_str(more);
    }
    out
}

/// The spans cut to `columns`, with the mark for what is left out.
pub(super) fn clip_spans<'a>(spans: Vec<Span<'a>>, columns: usize, more: &'static str) -> Vec<Span<'a>> {
    if line_width(&spans) <= columns {
        return spans;
    }
    let (mut out, mut left) = (Vec::new(), columns);
    for span in spans {
        let w = span.content.width();
        if w < left {
            left -= w;
            out.push(span);
        } else {
            // Something follows for sure, for the whole is too wide.
            let mut text = clip(&span.content, left.saturating_sub(more.width()), "");
            if left >= more.width() {
                text.push_str(more);
            }
            out.push(Span::styled(text, span.style));
            break;
        }
    }
    out
}

/// The text in lines of at most `columns`, broken between words where that can be; no line for an empty text.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word.to_owned();
        while line.width() + word.width() + usize::from(!line.is_empty()) > columns {
            if line.is_empty() {
                let head = clip(&word, columns, "");
                if head.is_empty() {
                    word.clear();
                    break;
                }
                word.drain(..head.len());
                lines.push(head);
            } else {
                lines.push(std::mem::take(&mut line));
            }
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The spans in lines of at most `columns`, broken between words where that can be; no line for no text.
pub(super) fn wrap_spans(spans: &[Span<'_>], columns: usize) -> Vec<Vec<Span<'static>>> {
    let columns = columns.max(1);
    let cells: Vec<(char, Style)> = spans.iter().flat_map(|s| s.content.chars().map(|c| (c, s.style))).collect();
    let (mut rest, mut lines) = (cells.as_slice(), Vec::new());
    while !rest.is_empty() {
        let mut used = 0;
        let over = rest.iter().position(|(c, _)| {
            used += c.width().unwrap_or(0);
            used > columns
        });
        let Some(over) = over else {
            lines.push(joined(rest));
            break;
        };
        // Not within what the line is indented by.
        let first = rest.iter().position(|(c, _)| *c != ' ').unwrap_or(rest.len());
        let blank = rest.iter().take(over + 1).rposition(|(c, _)| *c == ' ').filter(|at| *at > first);
        let (head, tail) = rest.split_at(blank.unwrap_or_else(|| over.max(1)));
        lines.push(joined(head));
        rest = &tail[tail.iter().position(|(c, _)| *c != ' ').unwrap_or(tail.len())..];
    }
    lines
}

/// Characters as spans, one for each stretch in one style.
fn joined(cells: &[(char, Style)]) -> Vec<Span<'static>> {
    cells
        .chunk_by(|a, b| a.1 == b.1)
        .map(|run| Span::styled(run.iter().map(|(c, _)| *c).collect::<String>(), run[0].1))
        .collect()
}

/// At most `rows` of these lines; the last one says that there are more.
pub(super) fn cut(
    mut lines: Vec<Vec<Span<'static>>>,
    rows: usize,
    columns: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    if lines.len() > rows {
        lines.truncate(rows);
        if let Some(last) = lines.last_mut() {
            *last = clip_spans(std::mem::take(last), columns.saturating_sub(1), theme.glyphs.more);
            last.push(Span::styled(theme.glyphs.more, theme.style(Role::Dim)));
        }
    }
    lines.into_iter().map(Line::from).collect()
}

/// A byte as C writes it within quotes.
pub(super) fn escape(byte: u8) -> String {
    match byte {
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\r' => "\\r".to_owned(),
        0 => "\\0".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b'"' => "\\\"".to_owned(),
        0x20..=0x7e => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

/// Bytes as spans: printable ones plain, escapes in the colour of code, cut to `columns`. Also says how many bytes
/// fitted.
pub(super) fn bytes<'a>(data: &[u8], columns: usize, style: Style, theme: &Theme) -> (Vec<Span<'a>>, usize) {
    let mut spans: Vec<Span<'a>> = Vec::new();
    let (mut used, mut shown) = (0, 0);
    let mut plain = String::new();
    for &byte in data {
        let text = escape(byte);
        if used + text.len() > columns {
            break;
        }
        used += text.len();
        shown += 1;
        if text.len() == 1 {
            plain.push_str(&text);
        } else {
            if !plain.is_empty() {
                spans.push(Span::styled(std::mem::take(&mut plain), style));
            }
            spans.push(Span::styled(text, theme.style(Role::Dim)));
        }
    }
    if !plain.is_empty() {
        spans.push(Span::styled(plain, style));
    }
    (spans, shown)
}

/// Nanoseconds since the stage opened as seconds, milliseconds and microseconds: `1.002 345`.
pub(super) fn clock(ns: u64) -> String {
    let us = ns / 1000;
    format!("{}.{:03} {:03}", us / 1_000_000, us / 1000 % 1000, us % 1000)
}

/// A moment on the stage's clock, to the millisecond: `1.002`.
pub(super) fn moment(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000_000, ns / 1_000_000 % 1000)
}

/// A length of time in the unit that suits it: `2.1 s`, `350 ms`, `12 us`.
pub(super) fn age(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{} us", ns / 1000),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        1_000_000_000..60_000_000_000 => format!("{}.{} s", ns / 1_000_000_000, ns / 100_000_000 % 10),
        _ => format!("{} min {} s", ns / 60_000_000_000, ns / 1_000_000_000 % 60),
    }
}

/// The spans put against the left edge and the others against the right, with blanks between; the left is cut first.
pub(super) fn spread<'a>(left: Vec<Span<'a>>, right: Vec<Span<'a>>, columns: usize, more: &'static str) -> Line<'a> {
    let taken = line_width(&right);
    if taken > columns {
        return Line::from(clip_spans(right, columns, more));
    }
    let gap = usize::from(taken > 0);
    let mut spans = clip_spans(left, columns.saturating_sub(taken + gap), more);
    let blank = columns.saturating_sub(line_width(&spans) + taken);
    spans.push(Span::raw(" ".repeat(blank)));
    spans.extend(right);
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_break_between_words_and_keep_their_styles() {
        let style = Style::new().add_modifier(ratatui::style::Modifier::BOLD);
        let spans = [Span::raw("  a word and "), Span::styled("bold ones", style), Span::raw(" abcdefghijklmnop")];
        let lines = wrap_spans(&spans, 11);
        let words: Vec<String> = lines.iter().map(|l| l.iter().map(|s| s.content.to_string()).collect()).collect();
        assert_eq!(words, ["  a word", "and bold", "ones", "abcdefghijk", "lmnop"]);
        assert_eq!((lines[1][1].content.as_ref(), lines[1][1].style), ("bold", style));
        assert!(wrap_spans(&[], 11).is_empty());
    }

    #[test]
    fn clipping_never_exceeds_the_columns() {
        for text in ["", "a", "hello", "häß — ∞", "漢字漢字", "a\u{301}bc"] {
            for columns in 0..12 {
                assert!(clip(text, columns, "…").width() <= columns, "{text} {columns}");
                let spans = vec![Span::raw(text.to_owned()), Span::raw(text.to_owned())];
                assert!(line_width(&clip_spans(spans.clone(), columns, "…")) <= columns, "{text} {columns}");
                assert!(line_width(&spread(spans.clone(), spans, columns, "…").spans) <= columns);
            }
        }
        assert_eq!(clip("hello", 4, "…"), "hel…");
        assert_eq!(clip("hello", 5, "…"), "hello");
    }

    #[test]
    fn wrapping_keeps_every_word() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("漢字", 1), Vec::<String>::new());
        assert_eq!(wrap("", 5), Vec::<String>::new());
    }

    #[test]
    fn times_read_as_on_the_stage() {
        assert_eq!(clock(290_000), "0.000 290");
        assert_eq!(clock(61_002_345_678), "61.002 345");
        assert_eq!(moment(2_100_000_000), "2.100");
        assert_eq!(
            [age(5_000), age(350_000_000), age(2_149_000_000), age(61_000_000_000)],
            ["5 us", "350 ms", "2.1 s", "1 min 1 s"]
        );
    }

    #[test]
    fn bytes_are_escaped_and_cut_at_whole_bytes() {
        let theme = Theme::new(super::super::theme::Palette::Mono, true);
        let text = |data: &[u8], columns| {
            let (spans, shown) = bytes(data, columns, Style::new(), &theme);
            (spans.iter().map(|s| s.content.as_ref()).collect::<String>(), shown)
        };
        assert_eq!(text(b"hi\n", 10), ("hi\\n".to_owned(), 3));
        assert_eq!(text(b"hi\n", 3), ("hi".to_owned(), 2));
        assert_eq!(text(&[0xff], 4), ("\\xff".to_owned(), 1));
    }
}

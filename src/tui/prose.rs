//! The words of a lesson as lines.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::text::{self, clip_spans};
use super::theme::{Role, Theme};
use crate::lesson::prose::{Align, Block, Inline, Table};

/// Blocks as lines of at most `width` columns, with a blank line between blocks.
pub(super) fn blocks(blocks: &[Block], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for block in blocks {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(one(block, width, theme));
    }
    lines
}

fn one(block: &Block, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    match block {
        Block::Paragraph(words) => inlines(words, width, theme, theme.style(Role::Text)),
        Block::Heading(_, words) => inlines(words, width, theme, theme.style(Role::Heading)),
        Block::List(from, items) => list(*from, items, width, theme),
        Block::Table(table) => self::table(table, width, theme),
        Block::Code(_, code) => code
            .lines()
            .map(|line| {
                let spans = vec![Span::raw("  "), Span::styled(line.to_owned(), theme.style(Role::Code))];
                Line::from(clip_spans(spans, width, theme.glyphs.more))
            })
            .collect(),
        Block::Quote(inner) => blocks(inner, width.saturating_sub(2), theme)
            .into_iter()
            .map(|line| prefixed(Span::styled(format!("{} ", theme.glyphs.wire[5]), theme.style(Role::Dim)), line))
            .collect(),
        Block::Rule => vec![Line::from(Span::styled(theme.glyphs.rule.repeat(width), theme.style(Role::Border)))],
    }
}

fn prefixed(prefix: Span<'static>, line: Line<'static>) -> Line<'static> {
    let mut spans = vec![prefix];
    spans.extend(line.spans);
    Line::from(spans)
}

fn list(from: Option<u64>, items: &[Vec<Block>], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let mark = from.map_or_else(|| format!("{} ", theme.glyphs.dot), |n| format!("{}. ", n + i as u64));
        let indent = mark.width();
        for (y, line) in blocks(item, width.saturating_sub(indent), theme).into_iter().enumerate() {
            let prefix = if y == 0 { mark.clone() } else { " ".repeat(indent) };
            lines.push(prefixed(Span::styled(prefix, theme.style(Role::Dim)), line));
        }
    }
    lines
}

fn style_of(inline: &Inline, base: Style, theme: &Theme) -> Style {
    let mut style = if inline.code { theme.style(Role::Code) } else { base };
    if inline.strong {
        style = style.add_modifier(Modifier::BOLD);
    }
    if inline.emphasis {
        style = style.add_modifier(Modifier::ITALIC);
    }
    if inline.link.is_some() {
        style = style.add_modifier(Modifier::UNDERLINED);
    }
    style
}

/// Inlines broken between words.
pub(super) fn inlines(words: &[Inline], width: usize, theme: &Theme, base: Style) -> Vec<Line<'static>> {
    let width = width.max(1);
    let mut lines: Vec<Vec<Span<'static>>> = vec![Vec::new()];
    let mut used = 0;
    for (atom, glued) in atoms(words, theme, base) {
        let Some(atom) = atom else {
            lines.push(Vec::new());
            used = 0;
            continue;
        };
        let wide: usize = text::line_width(&atom);
        let blank = usize::from(used > 0 && glued);
        if used > 0 && used + blank + wide > width {
            lines.push(Vec::new());
            used = 0;
        } else if blank > 0 {
            let style = atom.first().map_or(base, |s| s.style).remove_modifier(Modifier::UNDERLINED);
            if let Some(line) = lines.last_mut() {
                line.push(Span::styled(" ", style));
            }
            used += 1;
        }
        if let Some(line) = lines.last_mut() {
            // A word that is wider than the line is broken where the line ends.
            for span in atom {
                for piece in text::wrap(&span.content, width) {
                    let w = piece.width();
                    if used > 0 && used + w > width {
                        used = 0;
                        line.push(Span::raw("\n"));
                    }
                    used += w;
                    line.push(Span::styled(piece, span.style));
                }
            }
        }
    }
    let mut out = Vec::new();
    for line in lines {
        for part in line.split(|s| s.content == "\n") {
            out.push(Line::from(part.to_vec()));
        }
    }
    out
}

/// A word may change its style in the middle: `**a**b` is one.
type Atom = Vec<Span<'static>>;

/// Words that must not be broken, each with whether a blank stood before it; `None` is a line break that must stay.
fn atoms(words: &[Inline], theme: &Theme, base: Style) -> Vec<(Option<Atom>, bool)> {
    let mut out: Vec<(Option<Atom>, bool)> = Vec::new();
    let mut open = false;
    let mut blank = false;
    for inline in words {
        let style = style_of(inline, base, theme);
        for (i, line) in inline.text.split('\n').enumerate() {
            if i > 0 {
                out.push((None, false));
                (open, blank) = (false, false);
            }
            for (j, word) in line.split(' ').enumerate() {
                if j > 0 {
                    (open, blank) = (false, true);
                }
                if word.is_empty() {
                    continue;
                }
                let span = Span::styled(word.to_owned(), style);
                match out.last_mut() {
                    Some((Some(atom), _)) if open => atom.push(span),
                    _ => out.push((Some(vec![span]), blank)),
                }
                (open, blank) = (true, false);
            }
        }
    }
    out
}

fn table(table: &Table, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let cell = |words: &[Inline], base| -> Vec<Span<'static>> {
        inlines(words, 200, theme, base).into_iter().flat_map(|l| l.spans).collect()
    };
    let text = theme.style(Role::Text);
    let mut rows: Vec<Vec<Vec<Span<'static>>>> =
        vec![table.head.iter().map(|c| cell(c, theme.style(Role::Title))).collect()];
    rows.extend(table.rows.iter().map(|r| r.iter().map(|c| cell(c, text)).collect()));
    let columns = table.head.len();
    let mut widths: Vec<usize> = (0..columns)
        .map(|i| rows.iter().filter_map(|r| r.get(i)).map(|c| text::line_width(c)).max().unwrap_or(0))
        .collect();
    // The widest column gives way until the table fits.
    while widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1) > width {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 3 => *widest -= 1,
            _ => break,
        }
    }
    // What does not fit goes on below, and then rows need air between them.
    let wrapped =
        |words: &[Inline], i: usize, base| inlines(words, widths.get(i).copied().unwrap_or(1).max(1), theme, base);
    let titles = theme.style(Role::Title);
    let mut tall: Vec<Vec<Vec<Line<'static>>>> =
        vec![table.head.iter().enumerate().map(|(i, c)| wrapped(c, i, titles)).collect()];
    tall.extend(table.rows.iter().map(|r| r.iter().enumerate().map(|(i, c)| wrapped(c, i, text)).collect()));
    let height = |row: &[Vec<Line<'static>>]| row.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let airy = tall.iter().skip(1).any(|row| height(row) > 1);
    let mut lines = Vec::new();
    for (y, row) in tall.into_iter().enumerate() {
        if airy && y > 1 {
            lines.push(Line::default());
        }
        for x in 0..height(&row) {
            let mut spans: Vec<Span<'static>> = Vec::new();
            for (i, cell) in row.iter().enumerate() {
                let own = widths.get(i).copied().unwrap_or(0);
                let part = cell.get(x).map(|line| line.spans.clone()).unwrap_or_default();
                let part = clip_spans(part, own, theme.glyphs.more);
                let left = own - text::line_width(&part);
                let before = match table.columns.get(i) {
                    Some(Align::Right) => left,
                    Some(Align::Center) => left / 2,
                    _ => 0,
                };
                if i > 0 {
                    spans.push(Span::raw("  "));
                }
                spans.push(Span::raw(" ".repeat(before)));
                spans.extend(part);
                spans.push(Span::raw(" ".repeat(left - before)));
            }
            lines.push(Line::from(clip_spans(spans, width, theme.glyphs.more)));
        }
        if y == 0 {
            let rule = widths.iter().map(|w| theme.glyphs.rule.repeat(*w)).collect::<Vec<_>>().join("  ");
            let rule = text::clip(&rule, width, theme.glyphs.more);
            lines.push(Line::from(Span::styled(rule, theme.style(Role::Border))));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::theme::Palette;
    use super::*;
    use crate::lesson::prose::blocks as read;

    const TEXT: &str = "A `pipe` is **strong**er than *it* looks, veryveryveryverylongword.\n\n\
        | who | reads |\n| --- | ----: |\n| parent | `p.r` |\n\n1. one\n2. two\n\n> said\n\n```\ncode  here\n```\n\n---\n";

    #[test]
    fn every_width_is_kept() {
        let theme = Theme::new(Palette::Mono, true);
        for width in 1..60 {
            for line in blocks(&read(TEXT), width, &theme) {
                // A list's mark and a quotation's bar need their columns.
                assert!(text::line_width(&line.spans) <= width.max(4), "{width}: {line}");
            }
        }
    }

    #[test]
    fn words_keep_together_across_styles() {
        let theme = Theme::new(Palette::Mono, true);
        let lines: Vec<String> =
            blocks(&read("x **strong**er y"), 10, &theme).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["x stronger", "y"]);
    }

    #[test]
    fn a_cell_that_does_not_fit_goes_on_below() {
        let theme = Theme::new(Palette::Mono, true);
        let text =
            "| how long | what |\n| --- | --- |\n| as long as a process has it | pipes |\n| for ever | files |\n";
        let lines: Vec<String> =
            blocks(&read(text), 24, &theme).iter().map(|l| l.to_string().trim_end().to_owned()).collect();
        let expected = [
            "how long           what",
            "-----------------  -----",
            "as long as a       pipes",
            "process has it",
            "",
            "for ever           files",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_table_is_aligned() {
        let theme = Theme::new(Palette::Mono, true);
        let lines: Vec<String> =
            blocks(&read("| a | b |\n|---|--:|\n| xx | 1 |"), 20, &theme).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["a   b", "--  -", "xx  1"]);
    }
}

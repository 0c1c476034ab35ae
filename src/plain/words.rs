//! Prose as lines of text: no boxes, nothing that needs a cursor, tables as sentences.

use std::fmt::Write as _;

use crate::lesson::prose::{Block, Inline, Table};

/// How wide a line may get. A word that is longer stands alone.
pub const WIDTH: usize = 80;

/// Blocks as text, a blank line between two.
pub fn blocks(blocks: &[Block]) -> String {
    led("", blocks)
}

/// Blocks as text, the first line behind `first`.
pub fn led(first: &str, blocks: &[Block]) -> String {
    let mut out = String::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        write(&mut out, block, if index == 0 { first } else { "" }, "");
    }
    out
}

/// Inlines as text: code stands in backquotes, strong words in asterisks.
pub fn inlines(inlines: &[Inline]) -> String {
    let mut out = String::new();
    for inline in inlines {
        let mark = match inline {
            Inline { code: true, .. } => "`",
            Inline { strong: true, .. } => "**",
            Inline { emphasis: true, .. } => "*",
            _ => "",
        };
        out.push_str(mark);
        out.push_str(&inline.text);
        out.push_str(mark);
        if let Some(link) = &inline.link {
            let _ = write!(out, " ({link})");
        }
    }
    out
}

/// The same text in ASCII: what has no twin there becomes a question mark.
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '–' | '—' => out.push('-'),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            c if c.is_ascii() => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

/// Text folded to [`WIDTH`], the first line behind `first`, the others behind `rest`.
pub fn fold(text: &str, first: &str, rest: &str) -> String {
    let mut out = String::new();
    let mut lead = first;
    for paragraph in text.split('\n') {
        let mut line = String::from(lead);
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                out.push_str(line.trim_end());
                out.push('\n');
                line = String::from(rest);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        out.push_str(line.trim_end());
        out.push('\n');
        lead = rest;
    }
    out
}

fn write(out: &mut String, block: &Block, first: &str, rest: &str) {
    match block {
        Block::Paragraph(text) => out.push_str(&fold(&inlines(text), first, rest)),
        Block::Heading(_, text) => out.push_str(&fold(&inlines(text), first, rest)),
        Block::List(from, items) => {
            for (index, item) in items.iter().enumerate() {
                let mark = from.map_or_else(|| "- ".to_owned(), |n| format!("{}. ", n + index as u64));
                let lead = if index == 0 { first } else { rest };
                let inner = format!("{rest}{}", " ".repeat(mark.len()));
                for (at, block) in item.iter().enumerate() {
                    let start = if at == 0 { format!("{lead}{mark}") } else { inner.clone() };
                    write(out, block, &start, &inner);
                }
            }
        }
        Block::Table(table) => rows(out, table, first, rest),
        Block::Code(_, text) => {
            for (index, line) in text.lines().enumerate() {
                let lead = if index == 0 { first } else { rest };
                out.push_str(format!("{lead}    {line}").trim_end());
                out.push('\n');
            }
        }
        Block::Quote(blocks) => {
            for (index, block) in blocks.iter().enumerate() {
                let lead = if index == 0 { first } else { rest };
                write(out, block, &format!("{lead}> "), &format!("{rest}> "));
            }
        }
        Block::Rule => {}
    }
}

/// One line a row: `parent: reads p.r; writes p.w`.
fn rows(out: &mut String, table: &Table, first: &str, rest: &str) {
    let head: Vec<String> = table.head.iter().map(|cell| inlines(cell)).collect();
    let mut above = String::new();
    for (index, row) in table.rows.iter().enumerate() {
        let mut cells = row.iter().map(|cell| inlines(cell));
        // An empty first cell goes on with the one above it.
        let name = cells.next().filter(|name| !name.is_empty()).unwrap_or(above);
        above = name.clone();
        let said: Vec<String> = cells
            .enumerate()
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(column, cell)| match head.get(column + 1).filter(|h| !h.is_empty()) {
                Some(head) => format!("{head} {cell}"),
                None => cell,
            })
            .collect();
        let line = if said.is_empty() { name } else { format!("{name}: {}", said.join("; ")) };
        let lead = if index == 0 { first } else { rest };
        out.push_str(&fold(&line, &format!("{lead}- "), &format!("{rest}  ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::prose;

    #[test]
    fn prose_becomes_lines() {
        let text = "Some `code` and **more**\nof it.\n\n1. one\n2. two\n   - deep\n\n|  | reads | writes |\n|--|--|--|\n| parent | `p.r` | `p.w` |\n| child | `p.r` |  |\n|  | `p.x` |  |\n\n```text\n a\n\n  b\n```\n\n> said\n";
        assert_eq!(
            blocks(&prose::blocks(text)),
            "Some `code` and **more** of it.\n\n1. one\n2. two\n   - deep\n\n- parent: reads `p.r`; writes `p.w`\n- child: reads `p.r`\n- child: reads `p.x`\n\n     a\n\n      b\n\n> said\n"
        );
    }

    #[test]
    fn ascii_has_twins() {
        assert_eq!(ascii("read(3, …) → “ü”"), "read(3, ...) -> \"?\"");
    }

    #[test]
    fn lines_are_folded_at_words() {
        let folded = fold(&"word ".repeat(40), "- ", "  ");
        assert!(folded.lines().all(|l| l.chars().count() <= WIDTH));
        assert!(folded.lines().skip(1).all(|l| l.starts_with("  word")));
        let long = "x".repeat(200);
        assert_eq!(fold(&long, "", ""), format!("{long}\n"));
        assert_eq!(fold("", "", ""), "\n");
    }
}

//! The words of a lesson as blocks and inlines that any face can draw.

use std::ops::Range;

use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// A block of prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A heading without an id, which makes no step; its level from 1.
    Heading(u8, Vec<Inline>),
    /// A list, numbered from the number if there is one.
    List(Option<u64>, Vec<Vec<Self>>),
    /// A table.
    Table(Table),
    /// A block of code or a diagram: the language behind the fence, and the text.
    Code(String, String),
    /// A quotation.
    Quote(Vec<Self>),
    /// A line between two parts.
    Rule,
}

/// A table; each row has as many cells as the head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// How each column is aligned.
    pub columns: Vec<Align>,
    /// The cells of the head.
    pub head: Vec<Vec<Inline>>,
    /// The cells of each row.
    pub rows: Vec<Vec<Vec<Inline>>>,
}

/// How a column of a table is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// To the left, also if nothing is said.
    Left,
    /// In the middle.
    Center,
    /// To the right.
    Right,
}

/// A stretch of text in one style. A line break that must stay is a `\n`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inline {
    /// The text.
    pub text: String,
    /// `**strong**`.
    pub strong: bool,
    /// `*emphasis*`.
    pub emphasis: bool,
    /// `` `code` ``.
    pub code: bool,
    /// Where it links to.
    pub link: Option<String>,
}

/// Where the blocks link to.
pub(super) fn links(blocks: &[Block], found: &mut Vec<String>) {
    for block in blocks {
        match block {
            Block::Paragraph(inlines) | Block::Heading(_, inlines) => {
                found.extend(inlines.iter().filter_map(|i| i.link.clone()));
            }
            Block::List(_, entries) => entries.iter().for_each(|entry| links(entry, found)),
            Block::Quote(blocks) => links(blocks, found),
            Block::Table(table) => {
                let cells = table.head.iter().chain(table.rows.iter().flatten());
                found.extend(cells.flatten().filter_map(|i| i.link.clone()));
            }
            Block::Code(..) | Block::Rule => {}
        }
    }
}

impl Inline {
    /// Text without a style.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// The text of inlines without their style.
pub fn plain(inlines: &[Inline]) -> String {
    inlines.iter().map(|i| i.text.as_str()).collect()
}

/// A piece of a document at the top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A block.
    Block(Block),
    /// A heading with an id, and what else stands in its braces, `requires=hosts`.
    Step(String, Vec<Inline>, Vec<(String, String)>),
    /// A fence: what stands behind the ticks, and where the text between the fences stands.
    Fence(String, Range<usize>),
}

/// Reads Markdown into blocks. Fences and headings with ids stand in it as any others.
pub fn blocks(text: &str) -> Vec<Block> {
    pieces(text)
        .into_iter()
        .map(|(piece, _)| match piece {
            Piece::Block(block) => block,
            Piece::Step(_, title, _) => Block::Heading(2, title),
            Piece::Fence(info, range) => Block::Code(info, text[range].to_owned()),
        })
        .collect()
}

/// Reads one paragraph's worth of Markdown.
pub fn inlines(text: &str) -> Vec<Inline> {
    match blocks(text).into_iter().next() {
        Some(Block::Paragraph(inlines)) => inlines,
        None => Vec::new(),
        Some(_) => vec![Inline::text(text.trim())],
    }
}

/// Reads Markdown into pieces, each with the bytes of `text` that it takes.
pub(super) fn pieces(text: &str) -> Vec<(Piece, Range<usize>)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES | Options::ENABLE_STRIKETHROUGH;
    let mut reader = Reader { events: Parser::new_ext(text, options).into_offset_iter(), text };
    let mut pieces = Vec::new();
    while let Some((event, range)) = reader.events.next() {
        let piece = match event {
            Event::Start(Tag::Heading { level, id, attrs, .. }) => {
                let title = reader.inlines(TagEnd::Heading(level));
                let attrs = attrs.into_iter().map(|(key, value)| {
                    (key.into_string(), value.map_or_else(String::new, pulldown_cmark::CowStr::into_string))
                });
                match id {
                    Some(id) => Piece::Step(id.into_string(), title, attrs.collect()),
                    None => Piece::Block(Block::Heading(number(level), title)),
                }
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                reader.skip(TagEnd::CodeBlock);
                Piece::Fence(info.into_string(), body(text, &range))
            }
            other => match reader.block(other) {
                Some(block) => Piece::Block(block),
                None => continue,
            },
        };
        pieces.push((piece, range));
    }
    pieces
}

/// The lines between the fences of a code block that takes `range`.
fn body(text: &str, range: &Range<usize>) -> Range<usize> {
    let block = &text[range.clone()];
    let start = block.find('\n').map_or(block.len(), |n| n + 1);
    let opening = block.trim_start();
    let ticks = opening.bytes().take_while(|b| Some(*b) == opening.bytes().next()).count();
    let fence = &opening[..ticks];
    let last = block.trim_end().rfind('\n').map_or(0, |n| n + 1);
    let closed = last >= start && block[last..].trim_start().starts_with(fence);
    let end = if closed { last } else { block.len() };
    range.start + start.min(end)..range.start + end
}

const fn number(level: HeadingLevel) -> u8 {
    level as u8
}

struct Reader<'a> {
    events: pulldown_cmark::OffsetIter<'a>,
    text: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self, end: TagEnd) {
        for (event, _) in self.events.by_ref() {
            if matches!(&event, Event::End(e) if *e == end) {
                return;
            }
        }
    }

    fn block(&mut self, event: Event<'_>) -> Option<Block> {
        match event {
            Event::Start(Tag::Paragraph) => Some(Block::Paragraph(self.inlines(TagEnd::Paragraph))),
            Event::Start(Tag::Heading { level, .. }) => {
                Some(Block::Heading(number(level), self.inlines(TagEnd::Heading(level))))
            }
            Event::Start(Tag::BlockQuote(kind)) => Some(Block::Quote(self.until(TagEnd::BlockQuote(kind)))),
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = if let CodeBlockKind::Fenced(info) = kind { info.into_string() } else { String::new() };
                let code = plain(&self.inlines(TagEnd::CodeBlock));
                Some(Block::Code(language, code))
            }
            Event::Start(Tag::List(first)) => {
                let mut items = Vec::new();
                while let Some((event, _)) = self.events.next() {
                    match event {
                        Event::Start(Tag::Item) => items.push(self.until(TagEnd::Item)),
                        Event::End(TagEnd::List(_)) => break,
                        _ => {}
                    }
                }
                Some(Block::List(first, items))
            }
            Event::Start(Tag::Table(columns)) => Some(Block::Table(self.table(&columns))),
            Event::Start(Tag::HtmlBlock) => {
                self.skip(TagEnd::HtmlBlock);
                None
            }
            Event::Rule => Some(Block::Rule),
            _ => None,
        }
    }

    /// Blocks up to `end`; the text of a tight list item becomes a paragraph.
    fn until(&mut self, end: TagEnd) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut loose = Vec::new();
        let mut style = Style::default();
        while let Some((event, range)) = self.events.next() {
            if matches!(&event, Event::End(e) if *e == end) {
                break;
            }
            if style.inline(&event, self.text.get(range).unwrap_or_default(), &mut loose) {
                continue;
            }
            if !loose.is_empty() {
                blocks.push(Block::Paragraph(std::mem::take(&mut loose)));
            }
            blocks.extend(self.block(event));
        }
        if !loose.is_empty() {
            blocks.push(Block::Paragraph(loose));
        }
        blocks
    }

    fn inlines(&mut self, end: TagEnd) -> Vec<Inline> {
        let mut inlines = Vec::new();
        let mut style = Style::default();
        for (event, range) in self.events.by_ref() {
            if matches!(&event, Event::End(e) if *e == end) {
                break;
            }
            style.inline(&event, self.text.get(range).unwrap_or_default(), &mut inlines);
        }
        inlines
    }

    fn table(&mut self, columns: &[Alignment]) -> Table {
        let columns = columns
            .iter()
            .map(|a| match a {
                Alignment::Center => Align::Center,
                Alignment::Right => Align::Right,
                Alignment::Left | Alignment::None => Align::Left,
            })
            .collect();
        let mut table = Table { columns, ..Table::default() };
        let mut row = Vec::new();
        while let Some((event, _)) = self.events.next() {
            match event {
                Event::Start(Tag::TableCell) => row.push(self.inlines(TagEnd::TableCell)),
                Event::End(TagEnd::TableHead) => table.head = std::mem::take(&mut row),
                Event::End(TagEnd::TableRow) => table.rows.push(std::mem::take(&mut row)),
                Event::End(TagEnd::Table) => break,
                _ => {}
            }
        }
        table
    }
}

#[derive(Default)]
struct Style {
    strong: usize,
    emphasis: usize,
    link: Option<String>,
}

impl Style {
    /// Takes an event that belongs to a line of text; false if it does not.
    fn inline(&mut self, event: &Event<'_>, source: &str, out: &mut Vec<Inline>) -> bool {
        match event {
            Event::Text(text) => self.push(text, false, out),
            Event::Code(text) => self.push(text, true, out),
            Event::SoftBreak => self.push(" ", false, out),
            Event::HardBreak => self.push("\n", false, out),
            Event::InlineHtml(_) | Event::FootnoteReference(_) => self.push(source, false, out),
            Event::Start(Tag::Strong) => self.strong += 1,
            Event::End(TagEnd::Strong) => self.strong = self.strong.saturating_sub(1),
            Event::Start(Tag::Emphasis) => self.emphasis += 1,
            Event::End(TagEnd::Emphasis) => self.emphasis = self.emphasis.saturating_sub(1),
            Event::Start(Tag::Strikethrough) | Event::End(TagEnd::Strikethrough | TagEnd::Image) => {}
            Event::Start(Tag::Link { dest_url, .. }) => self.link = Some(dest_url.to_string()),
            Event::End(TagEnd::Link) => self.link = None,
            _ => return false,
        }
        true
    }

    fn push(&self, text: &str, code: bool, out: &mut Vec<Inline>) {
        let inline = Inline {
            text: String::new(),
            strong: self.strong > 0,
            emphasis: self.emphasis > 0,
            code,
            link: self.link.clone(),
        };
        match out.last_mut() {
            Some(last) if Inline { text: String::new(), ..last.clone() } == inline && !code => {
                last.text.push_str(text);
            }
            _ => out.push(Inline { text: text.to_owned(), ..inline }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Inline {
        Inline { code: true, ..Inline::text(text) }
    }

    #[test]
    fn styles_and_breaks() {
        let expected = vec![
            Inline::text("A "),
            Inline { strong: true, ..Inline::text("bold") },
            Inline::text(" word and "),
            code("read(2)"),
            Inline::text(" on two lines"),
        ];
        assert_eq!(blocks("A **bold** word and `read(2)`\non two lines\n"), [Block::Paragraph(expected)]);
    }

    #[test]
    fn lists_tables_and_quotes() {
        let text = "1. one\n2. two\n\n   - deep\n\n| a | b |\n|--|--:|\n| 1 | `2` |\n\n> said\n\n---\n";
        let paragraph = |t: &str| Block::Paragraph(vec![Inline::text(t)]);
        let table = Table {
            columns: vec![Align::Left, Align::Right],
            head: vec![vec![Inline::text("a")], vec![Inline::text("b")]],
            rows: vec![vec![vec![Inline::text("1")], vec![code("2")]]],
        };
        assert_eq!(
            blocks(text),
            [
                Block::List(
                    Some(1),
                    vec![
                        vec![paragraph("one")],
                        vec![paragraph("two"), Block::List(None, vec![vec![paragraph("deep")]])]
                    ]
                ),
                Block::Table(table),
                Block::Quote(vec![paragraph("said")]),
                Block::Rule,
            ]
        );
    }

    #[test]
    fn a_fence_tells_where_its_text_stands() {
        for (text, expected) in [
            ("```run\na\nb\n```\n", "a\nb\n"),
            ("```run\n```\n", ""),
            ("~~~ run for=a\na\n~~~", "a\n"),
            ("```run\na\n", "a\n"),
            ("```run", ""),
            ("````run\n```\n````\n", "```\n"),
            ("```run\r\na\r\n```\r\n", "a\r\n"),
        ] {
            let pieces = pieces(text);
            let Some((Piece::Fence(_, range), _)) = pieces.first() else { panic!("{text:?}: {pieces:?}") };
            assert_eq!(&text[range.clone()], expected, "{text:?}");
        }
    }

    #[test]
    fn a_heading_with_an_id_is_a_step() {
        let pieces = pieces("## One `pipe` {#one requires=hosts}\n\n### Small\n");
        let title = vec![Inline::text("One "), code("pipe")];
        assert_eq!(pieces[0].0, Piece::Step("one".into(), title, vec![("requires".into(), "hosts".into())]));
        assert_eq!(pieces[1].0, Piece::Block(Block::Heading(3, vec![Inline::text("Small")])));
    }
}

//! Shared memory: a grid of bytes and text, with what has changed since the last look.

use ratatui::text::Span;

use super::{Painter, Pane, views};
use crate::model::Object;
use crate::tui::text;
use crate::tui::theme::Role;

const FIELDS: &[&str] = &["memory", "size", "mapped by", "kind", "mapped", "mode", "views", "seals"];

pub(super) static PANE: Pane = Pane { facility: "shm", fields: FIELDS, draw, brief, roles: &[] };

fn brief(object: &Object) -> String {
    let size = object.int("size").map_or_else(|| "?".to_owned(), |n| n.to_string());
    let first = object.value("memory").as_bytes().and_then(|(b, _)| b.first_chunk::<4>());
    let first = first.map_or_else(String::new, |b| format!(" · [0] {}", i32::from_ne_bytes(*b)));
    format!("{size} bytes{first}")
}

/// Rows of the grid; more are counted.
const ROWS: usize = 8;

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    let mut spans = vec![painter.int("size"), painter.dim(" bytes")];
    if let Some(kind) = object.value("kind").as_text() {
        spans.extend([painter.between(), painter.dim(kind)]);
    }
    spans.extend(painter.mode());
    painter.row(spans, Some(object.evidence("size")));
    painter.note("size");
    if let Some(seals) = object.value("seals").as_text().filter(|seals| *seals != "none") {
        let spans = vec![painter.dim("sealed "), Span::styled(seals.to_owned(), painter.value_style("seals"))];
        painter.row(spans, Some(object.evidence("seals")));
    }
    contents(painter);
    views::draw(painter);
}

/// The bytes, or that they are hidden.
pub(super) fn contents(painter: &mut Painter<'_>) {
    let object = painter.object;
    match object.value("memory").as_bytes() {
        Some((memory, total)) => {
            ints(painter, memory);
            grid(painter, memory, total);
        }
        None if object.field("memory").is_some() => {
            let spans = vec![Span::styled("contents hidden", painter.style(Role::Hidden))];
            painter.row(spans, Some(object.evidence("memory")));
        }
        None => {}
    }
    painter.note("memory");
}

fn was<'a>(painter: &Painter<'a>) -> Option<&'a [u8]> {
    painter.before.and_then(|b| b.value("memory").as_bytes()).map(|(bytes, _)| bytes)
}

/// The first words as C's `int`s, for that is how programs mostly use them.
fn ints(painter: &mut Painter<'_>, memory: &[u8]) {
    let before = was(painter);
    let mut spans = vec![painter.dim("int ")];
    for (i, word) in memory.chunks_exact(4).take(4).enumerate() {
        let Some(word) = word.first_chunk::<4>() else { continue };
        let changed = before.is_some_and(|b| b.get(i * 4..i * 4 + 4) != Some(word.as_slice()));
        let style = painter.style(if changed { Role::Changed } else { Role::Value });
        let blank = Span::raw(if i > 0 { "  " } else { "" });
        let next = [blank, painter.dim(format!("[{i}] ")), Span::styled(i32::from_ne_bytes(*word).to_string(), style)];
        if text::line_width(&spans) + text::line_width(&next) > painter.room() {
            break;
        }
        spans.extend(next);
    }
    if spans.len() > 1 {
        painter.row(spans, Some(painter.object.evidence("memory")));
    }
}

fn grid(painter: &mut Painter<'_>, memory: &[u8], total: u64) {
    let room = painter.room();
    // Offset, three columns a byte, one a character.
    let Some(across) = [16, 8, 4].into_iter().find(|n| 6 + n * 4 <= room) else { return };
    let before = was(painter);
    let changed = |at: usize, byte: u8| before.is_some_and(|b| b.get(at) != Some(&byte));
    let evidence = painter.object.evidence("memory");
    let (mut at, mut rows) = (0, 0);
    while at < memory.len() {
        if rows == ROWS {
            let spans = vec![painter.dim(format!("{} {} bytes more", painter.more(), total - at as u64))];
            painter.row(spans, Some(evidence));
            return;
        }
        rows += 1;
        // A run of rows that hold only zeros, and did before, is one line.
        let empty = |row: &[u8], at: usize| row.iter().enumerate().all(|(i, b)| *b == 0 && !changed(at + i, 0));
        let mut until = at;
        while until < memory.len() {
            let end = (until + across).min(memory.len());
            if !empty(&memory[until..end], until) {
                break;
            }
            until = end;
        }
        if until > at {
            let zeros = if until == memory.len() { total - at as u64 } else { (until - at) as u64 };
            let spans = vec![painter.dim(format!("{at:04x}  {zeros} bytes of 0"))];
            painter.row(spans, Some(evidence));
            at = until;
            continue;
        }
        let row = &memory[at..(at + across).min(memory.len())];
        let mut spans = vec![painter.dim(format!("{at:04x}  "))];
        for (i, &byte) in row.iter().enumerate() {
            let role = match (changed(at + i, byte), byte) {
                (true, _) => Role::Changed,
                (false, 0) => Role::Hole,
                _ => Role::Value,
            };
            spans.push(Span::styled(format!("{byte:02x}"), painter.style(role)));
            spans.push(Span::raw(" "));
        }
        spans.push(Span::raw("   ".repeat(across - row.len())));
        for (i, &byte) in row.iter().enumerate() {
            let printable = (0x20..0x7f).contains(&byte);
            let role = match (changed(at + i, byte), printable) {
                (true, _) => Role::Changed,
                (false, true) => Role::Code,
                _ => Role::Hole,
            };
            let text =
                if printable { char::from(byte).to_string() } else { painter.sight.theme.glyphs.byte.to_owned() };
            spans.push(Span::styled(text, painter.style(role)));
        }
        painter.row(spans, Some(evidence));
        at += row.len();
    }
    if total > memory.len() as u64 {
        let spans = vec![painter.dim(format!("{} {} bytes more", painter.more(), total - memory.len() as u64))];
        painter.row(spans, Some(evidence));
    }
}

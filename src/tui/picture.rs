//! A screen as an SVG picture: each cell at its exact place, whatever font shows it.
//!
//! Text is placed word by word, so that a font of another width can't push what follows; lines, corners and bars are
//! drawn as shapes, so that they meet.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Size of a cell in pixels.
const CELL: (u32, u32) = (9, 20);
const FONT: u32 = 15;
/// Space around the screen.
const MARGIN: u32 = 14;

/// Colours for what is the terminal's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    /// Behind everything.
    pub(super) ground: (u8, u8, u8),
    /// Text without a colour.
    pub(super) text: (u8, u8, u8),
}

/// What a terminal with a dark ground has.
pub(super) const DARK: Own = Own { ground: (0x16, 0x18, 0x22), text: (0xd5, 0xd8, 0xe4) };
/// What a terminal with a light ground has.
pub(super) const LIGHT: Own = Own { ground: (0xfb, 0xfa, 0xf7), text: (0x28, 0x2c, 0x3a) };

/// Draws the buffer.
pub(super) fn svg(buffer: &Buffer, own: Own, title: &str) -> String {
    let (columns, rows) = (u32::from(buffer.area.width), u32::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2 * MARGIN, rows * CELL.1 + 2 * MARGIN);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"'DejaVu Sans Mono','Liberation Mono','SF Mono',Menlo,Consolas,monospace\" \
         font-size=\"{FONT}\" xml:space=\"preserve\">"
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(title));
    let _ = writeln!(out, "<rect width=\"{width}\" height=\"{height}\" rx=\"10\" fill=\"{}\"/>", hex(own.ground));
    for y in 0..buffer.area.height {
        grounds(buffer, y, own, &mut out);
    }
    for y in 0..buffer.area.height {
        row(buffer, y, own, &mut out);
    }
    out.push_str("</svg>\n");
    out
}

fn hex((r, g, b): (u8, u8, u8)) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The ink and the ground of a cell.
fn colors(cell: &Cell, own: Own) -> ((u8, u8, u8), (u8, u8, u8)) {
    let mut ink = rgb(cell.fg).unwrap_or(own.text);
    let mut ground = rgb(cell.bg).unwrap_or(own.ground);
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut ink, &mut ground);
    }
    if cell.modifier.contains(Modifier::DIM) {
        let mix = |a: u8, b: u8| ((u16::from(a) * 3 + u16::from(b) * 2) / 5) as u8;
        ink = (mix(ink.0, ground.0), mix(ink.1, ground.1), mix(ink.2, ground.2));
    }
    (ink, ground)
}

const fn rgb(color: Color) -> Option<(u8, u8, u8)> {
    Some(match color {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Black => (0x2e, 0x34, 0x36),
        Color::Red => (0xcc, 0x3b, 0x3b),
        Color::Green => (0x4e, 0x9a, 0x06),
        Color::Yellow => (0xc4, 0xa0, 0x00),
        Color::Blue => (0x34, 0x65, 0xa4),
        Color::Magenta => (0x9a, 0x60, 0xa3),
        Color::Cyan => (0x06, 0x98, 0x9a),
        Color::Gray => (0xd3, 0xd7, 0xcf),
        Color::White => (0xee, 0xee, 0xec),
        _ => return None,
    })
}

/// What lies behind the cells of a row, where it is not the ground of all.
fn grounds(buffer: &Buffer, y: u16, own: Own, out: &mut String) {
    let mut x = 0;
    while x < buffer.area.width {
        let ground = colors(&buffer[(x, y)], own).1;
        let start = x;
        while x < buffer.area.width && colors(&buffer[(x, y)], own).1 == ground {
            x += 1;
        }
        if ground != own.ground {
            let (left, top) = place(start, y);
            let width = u32::from(x - start) * CELL.0;
            let _ = writeln!(
                out,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{}\" fill=\"{}\"/>",
                CELL.1,
                hex(ground)
            );
        }
    }
}

fn place(x: u16, y: u16) -> (u32, u32) {
    (MARGIN + u32::from(x) * CELL.0, MARGIN + u32::from(y) * CELL.1)
}

/// How a run of cells is written.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Pen {
    ink: (u8, u8, u8),
    bold: bool,
    italic: bool,
    underlined: bool,
    crossed: bool,
}

fn pen(cell: &Cell, own: Own) -> Pen {
    let has = |m| cell.modifier.contains(m);
    Pen {
        ink: colors(cell, own).0,
        bold: has(Modifier::BOLD),
        italic: has(Modifier::ITALIC),
        underlined: has(Modifier::UNDERLINED),
        crossed: has(Modifier::CROSSED_OUT),
    }
}

fn row(buffer: &Buffer, y: u16, own: Own, out: &mut String) {
    let mut x = 0;
    let (mut path, mut path_ink) = (String::new(), None);
    while x < buffer.area.width {
        let cell = &buffer[(x, y)];
        let symbol = cell.symbol();
        let (left, top) = place(x, y);
        if symbol.trim().is_empty() && !cell.modifier.contains(Modifier::UNDERLINED) {
            x += 1;
        } else if let Some(shape) = shape(symbol, left, top) {
            let ink = colors(cell, own).0;
            if path_ink != Some(ink) {
                close(&mut path, path_ink, out);
                path_ink = Some(ink);
            }
            path.push_str(&shape);
            x += 1;
        } else {
            let own_pen = pen(cell, own);
            let mut text = String::new();
            while x < buffer.area.width {
                let cell = &buffer[(x, y)];
                let blank = cell.symbol().trim().is_empty() && !own_pen.underlined;
                if pen(cell, own) != own_pen || blank || shape(cell.symbol(), 0, 0).is_some() {
                    break;
                }
                text.push_str(cell.symbol());
                x += 1;
            }
            write_text(&text, left, top, own_pen, out);
        }
    }
    close(&mut path, path_ink, out);
}

fn write_text(text: &str, left: u32, top: u32, pen: Pen, out: &mut String) {
    let mut style = String::new();
    if pen.bold {
        style.push_str(" font-weight=\"bold\"");
    }
    if pen.italic {
        style.push_str(" font-style=\"italic\"");
    }
    if pen.underlined {
        style.push_str(" text-decoration=\"underline\"");
    } else if pen.crossed {
        style.push_str(" text-decoration=\"line-through\"");
    }
    let y = top + CELL.1 * 3 / 4;
    let _ = writeln!(out, "<text x=\"{left}\" y=\"{y}\" fill=\"{}\"{style}>{}</text>", hex(pen.ink), escaped(text));
}

fn close(path: &mut String, ink: Option<(u8, u8, u8)>, out: &mut String) {
    if let Some(ink) = ink
        && !path.is_empty()
    {
        let ink = hex(ink);
        // Areas are filled; lines have no area, and are drawn by the stroke.
        let (areas, lines): (Vec<&str>, Vec<&str>) = path.lines().partition(|l| l.ends_with('Z'));
        if !lines.is_empty() {
            let _ =
                writeln!(out, "<path d=\"{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"1.4\"/>", lines.join(""));
        }
        if !areas.is_empty() {
            let _ = writeln!(out, "<path d=\"{}\" fill=\"{ink}\"/>", areas.join(""));
        }
        path.clear();
    }
}

/// Lines, corners, bars and heads of arrows as shapes; one line of the answer a shape.
fn shape(symbol: &str, left: u32, top: u32) -> Option<String> {
    let (w, h) = CELL;
    let (mx, my) = (f64::from(left) + f64::from(w) / 2.0, top + h / 2);
    let (right, bottom) = (left + w, top + h);
    let round = |dx: i32, dy: i32| {
        // From the side's middle to the end's middle, around the cell's middle.
        let (x, y) = (if dx > 0 { right } else { left }, if dy > 0 { bottom } else { top });
        let (cx, cy) = (mx + f64::from(dx) * 4.0, f64::from(my) + f64::from(dy) * 5.0);
        format!("M{x} {my}L{cx} {my}Q{mx} {my} {mx} {cy}L{mx} {y}\n")
    };
    let line = |up: bool, right_side: bool, down: bool, left_side: bool| {
        let mut out = String::new();
        let (y0, y1) = (if up { top } else { my }, if down { bottom } else { my });
        if up || down {
            let _ = writeln!(out, "M{mx} {y0}V{y1}");
        }
        let x0 = if left_side { f64::from(left) } else { mx };
        let x1 = if right_side { f64::from(right) } else { mx };
        if left_side || right_side {
            let _ = writeln!(out, "M{x0} {my}H{x1}");
        }
        out
    };
    let eighths = |n: u32| {
        let tall = h * n / 8;
        format!("M{left} {}H{right}V{bottom}H{left}Z\n", bottom - tall)
    };
    Some(match symbol {
        "─" => line(false, true, false, true),
        "│" => line(true, false, true, false),
        "├" => line(true, true, true, false),
        "┤" => line(true, false, true, true),
        "┬" => line(false, true, true, true),
        "┴" => line(true, true, false, true),
        "┼" => line(true, true, true, true),
        "╭" => round(1, 1),
        "╮" => round(-1, 1),
        "╰" => round(1, -1),
        "╯" => round(-1, -1),
        "┄" => {
            let step = f64::from(w) / 3.0;
            (0..3).map(|i| f64::from(left) + step * f64::from(i)).fold(String::new(), |mut out, x| {
                let _ = writeln!(out, "M{:.1} {my}h1.8", x + 0.6);
                out
            })
        }
        "┊" => (0..4).fold(String::new(), |mut out, i| {
            let _ = writeln!(out, "M{mx} {}v3", top + i * h / 4 + 1);
            out
        }),
        "█" => eighths(8),
        "▁" => eighths(1),
        "▂" => eighths(2),
        "▃" => eighths(3),
        "▄" => eighths(4),
        "▅" => eighths(5),
        "▆" => eighths(6),
        "▇" => eighths(7),
        "▒" | "░" => {
            let step = if symbol == "▒" { 3 } else { 5 };
            let mut out = String::new();
            for y in (top..bottom).step_by(step) {
                let _ = writeln!(out, "M{left} {y}h{w}v1.4h-{w}Z");
            }
            out
        }
        "▶" => format!("M{left} {}L{right} {my}L{left} {}Z\n", my - 5, my + 5),
        "◀" => format!("M{right} {}L{left} {my}L{right} {}Z\n", my - 5, my + 5),
        "●" => format!("M{:.1} {my}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z\n", mx - 4.0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn words_stand_at_their_cells_and_styles_are_kept() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "a <b", Style::new().fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::BOLD));
        buffer.set_string(0, 1, "x─╮", Style::new().add_modifier(Modifier::REVERSED));
        let svg = svg(&buffer, DARK, "t");
        assert!(svg.contains("<text x=\"14\" y=\"29\" fill=\"#010203\" font-weight=\"bold\">a</text>"), "{svg}");
        assert!(svg.contains("<text x=\"32\" y=\"29\" fill=\"#010203\" font-weight=\"bold\">&lt;b</text>"), "{svg}");
        assert!(svg.contains("<rect x=\"14\" y=\"34\" width=\"27\" height=\"20\" fill=\"#d5d8e4\"/>"), "{svg}");
        assert!(svg.contains("stroke=\"#161822\""), "{svg}");
        assert_eq!(svg.matches("<path").count(), 1);
    }
}

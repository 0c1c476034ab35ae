//! Wires between cards and panes: straight where both have a free row at one height, else over a lane of their own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::theme::{Role, Theme};

/// A wire that is to be drawn.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    /// The card at one end.
    pub(super) card: Rect,
    /// The pane at the other.
    pub(super) pane: Rect,
    /// One word on what it is for.
    pub(super) label: String,
    /// Whether data may flow from the card to the pane.
    pub(super) to_pane: bool,
    /// Whether data may flow from the pane to the card.
    pub(super) to_card: bool,
    /// Whether the actor sleeps on the object.
    pub(super) waits: bool,
    /// In which style: that of the actor's name.
    pub(super) style: Style,
}

/// A wire with its two ends chosen.
struct Route<'a> {
    wire: &'a Wire,
    /// The row at the card's edge.
    from: u16,
    /// The row at the pane's edge.
    to: u16,
    /// The column next to the left frame, and the one next to the right frame.
    left: u16,
    right: u16,
    /// Whether the card is left of the pane.
    card_left: bool,
    lane: u16,
}

/// Draws all wires on the canvas; frames are there already.
pub(super) fn draw_wires(wires: &[Wire], canvas: &mut Buffer, theme: &Theme) {
    for side in [true, false] {
        let mut own: Vec<&Wire> = wires.iter().filter(|w| (w.card.x < w.pane.x) == side).collect();
        own.sort_by_key(|w| (w.card.y, w.pane.y));
        let mut routes: Vec<Route<'_>> = Vec::new();
        for wire in own {
            if let Some(route) = ends(wire, &routes, side) {
                routes.push(route);
            }
        }
        lanes(&mut routes);
        // Those with a lane first, so that straight ones stay whole where they cross.
        routes.sort_by_key(|r| r.from == r.to);
        for route in &routes {
            draw(route, canvas, theme);
        }
        for route in &routes {
            joints(route, canvas, theme);
            label(route, canvas, theme);
        }
    }
}

/// The rows within a frame.
fn rows(area: Rect) -> std::ops::Range<u16> {
    area.y + 1..area.bottom().saturating_sub(1).max(area.y + 2)
}

fn ends<'a>(wire: &'a Wire, taken: &[Route<'a>], card_left: bool) -> Option<Route<'a>> {
    let (left, right) = if card_left {
        (wire.card.right(), wire.pane.x.checked_sub(1)?)
    } else {
        (wire.pane.right(), wire.card.x.checked_sub(1)?)
    };
    if left > right {
        return None;
    }
    let free_card = |y: &u16| !taken.iter().any(|r| r.wire.card == wire.card && r.from == *y);
    let free_pane = |y: &u16| !taken.iter().any(|r| r.wire.pane == wire.pane && r.to == *y);
    let cards: Vec<u16> = rows(wire.card).filter(free_card).collect();
    let panes: Vec<u16> = rows(wire.pane).filter(free_pane).collect();
    // Where all rows are taken, the last is shared.
    let last = |area: Rect| rows(area).next_back();
    let straight = cards.iter().copied().find(|y| panes.contains(y));
    let (from, to) = if let Some(y) = straight {
        (y, y)
    } else {
        let from = cards.iter().copied().min_by_key(|y| y.abs_diff(wire.pane.y + wire.pane.height / 2));
        let from = from.or_else(|| last(wire.card))?;
        let to = panes.iter().copied().min_by_key(|y| y.abs_diff(from)).or_else(|| last(wire.pane))?;
        (from, to)
    };
    Some(Route { wire, from, to, left, right, card_left, lane: left })
}

/// Spreads the wires that bend over the gap, so that those which reach farther down turn first where they would cross.
fn lanes(routes: &mut [Route<'_>]) {
    let mut bent: Vec<usize> = (0..routes.len()).filter(|&i| routes[i].from != routes[i].to).collect();
    let Some(&first) = bent.first() else { return };
    let (left, right) = (routes[first].left, routes[first].right);
    let room = (right - left).saturating_sub(1).max(1);
    // Downward wires turn the later the higher they start; upward ones the other way round.
    bent.sort_by_key(|&i| {
        let r = &routes[i];
        let down = (r.to > r.from) == r.card_left;
        (down, if down { u16::MAX - r.from.min(r.to) } else { r.from.min(r.to) })
    });
    let count = bent.len() as u16;
    for (n, &i) in bent.iter().enumerate() {
        routes[i].lane = left + 1 + (n as u16 * room / count).min(room.saturating_sub(1));
    }
}

const UP: u8 = 1;
const RIGHT: u8 = 2;
const DOWN: u8 = 4;
const LEFT: u8 = 8;

fn draw(route: &Route<'_>, canvas: &mut Buffer, theme: &Theme) {
    let glyphs = theme.glyphs;
    let wire = route.wire;
    let style = style(route, theme);
    let (start, end) = ends_of(route);
    let put = |canvas: &mut Buffer, x: u16, y: u16, directions: u8| {
        let Some(cell) = canvas.cell_mut((x, y)) else { return };
        let dashed = match directions {
            10 if wire.waits => Some(glyphs.waiting[0]),
            5 if wire.waits => Some(glyphs.waiting[1]),
            _ => None,
        };
        let there = glyphs.wire.iter().rposition(|g| *g == cell.symbol()).unwrap_or(0) as u8;
        let crossing = there != 0 && cell.symbol() != " ";
        let glyph =
            if crossing { glyphs.wire[usize::from(there | directions)] } else { glyphs.wire[usize::from(directions)] };
        cell.set_symbol(if crossing { glyph } else { dashed.unwrap_or(glyph) }).set_style(style);
    };
    if start == end {
        for x in route.left..=route.right {
            put(canvas, x, start, LEFT | RIGHT);
        }
    } else {
        for x in route.left..route.lane {
            put(canvas, x, start, LEFT | RIGHT);
        }
        for x in route.lane + 1..=route.right {
            put(canvas, x, end, LEFT | RIGHT);
        }
        let (top, bottom) = (start.min(end), start.max(end));
        for y in top + 1..bottom {
            put(canvas, route.lane, y, UP | DOWN);
        }
        let down = end > start;
        put(canvas, route.lane, start, LEFT | if down { DOWN } else { UP });
        put(canvas, route.lane, end, RIGHT | if down { UP } else { DOWN });
    }
}

fn style(route: &Route<'_>, theme: &Theme) -> Style {
    if route.wire.waits { theme.style(Role::Asleep) } else { route.wire.style }
}

/// The rows at the left and at the right end.
const fn ends_of(route: &Route<'_>) -> (u16, u16) {
    if route.card_left { (route.from, route.to) } else { (route.to, route.from) }
}

/// Where the wire meets the frames, and the heads that tell in which direction data flows.
fn joints(route: &Route<'_>, canvas: &mut Buffer, theme: &Theme) {
    let glyphs = theme.glyphs;
    let style = style(route, theme);
    let mut set = |x: u16, y: u16, glyph: &str| {
        if let Some(cell) = canvas.cell_mut((x, y)) {
            cell.set_symbol(glyph).set_style(style);
        }
    };
    let (card, pane) = if route.card_left {
        ((route.left, route.from), (route.right, route.to))
    } else {
        ((route.right, route.from), (route.left, route.to))
    };
    if let Some(x) = route.left.checked_sub(1) {
        set(x, if route.card_left { card.1 } else { pane.1 }, glyphs.joint[0]);
    }
    set(route.right + 1, if route.card_left { pane.1 } else { card.1 }, glyphs.joint[1]);
    if route.left == route.right || route.wire.waits && !route.wire.to_pane && !route.wire.to_card {
        return;
    }
    let toward_right = |is: bool| glyphs.heads[usize::from(!is)];
    if route.wire.to_pane {
        set(pane.0, pane.1, toward_right(route.card_left));
    }
    if route.wire.to_card {
        set(card.0, card.1, toward_right(!route.card_left));
    }
}

/// The word on the longest level stretch, if there is room.
fn label(route: &Route<'_>, canvas: &mut Buffer, theme: &Theme) {
    let (start, end) = ends_of(route);
    let len = route.wire.label.len() as u16;
    let (from, until, y) = if start == end {
        (route.left, route.right, start)
    } else if route.lane - route.left >= route.right - route.lane {
        (route.left, route.lane, start)
    } else {
        (route.lane, route.right, end)
    };
    // A stretch keeps its ends, so that the word stands on a line and not in the air.
    if len == 0 || until.saturating_sub(from) < len + 2 {
        return;
    }
    let x = from + (until - from + 1 - len).div_ceil(2);
    let level = [theme.glyphs.wire[10], theme.glyphs.waiting[0]];
    // A word over a crossing would hide which wire goes where.
    if (x..x + len).all(|x| canvas.cell((x, y)).is_some_and(|c| level.contains(&c.symbol()))) {
        canvas.set_string(x, y, &route.wire.label, style(route, theme));
    }
}

//! The stage as a picture: cards of actors, panes of objects, and wires between them.
//!
//! It is laid out on a canvas as tall as it needs to be, and the area shows a window of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Widget};

use super::panes::{self, Sight};
use super::text;
use super::theme::Role;
use super::wires::{Wire, draw_wires};
use crate::model::{Actor, Holder, Host, Object, ObjectKey};

/// What on the stage has the focus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Focus {
    /// An actor, by name.
    Actor(String),
    /// An object, by name.
    Object(String),
}

/// What the view remembers between frames.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StageState {
    /// The card or pane with the focus.
    pub(super) focus: Option<Focus>,
    /// The first line of the canvas that is shown, as far as there are so many.
    pub(super) scroll: u16,
}

/// The tallest canvas; what would lie below is not drawn.
const TALLEST: u16 = 600;

/// One card or pane at its place.
struct Node {
    focus: Focus,
    title: Vec<Span<'static>>,
    lines: Vec<Line<'static>>,
    frame: Style,
    column: Column,
    area: Rect,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Left,
    Middle,
    Right,
}

/// Widths of the columns.
#[derive(Clone, Copy)]
struct Plan {
    actors: u16,
    gap: u16,
    objects: u16,
    columns: u8,
}

fn plan(width: u16, actors: usize, objects: usize) -> Plan {
    let spare = |used: u16| width.saturating_sub(used);
    if objects == 0 || width < 54 {
        return Plan { actors: width.min(60), gap: 0, objects: width, columns: 1 };
    }
    if width >= 100 && actors > 1 {
        let actors = (width * 27 / 100).clamp(26, 44);
        let gap = if width >= 130 { 10 } else { 8 };
        let objects = spare(2 * (actors + gap)).min(84);
        // What is left over goes to the gaps, evenly.
        let gap = gap + (spare(2 * (actors + gap) + objects) / 2).min(6);
        return Plan { actors, gap, objects, columns: 3 };
    }
    let actors = (width * 2 / 5).clamp(22, 34);
    let gap = if width >= 76 { 9 } else { 4 };
    Plan { actors, gap, objects: spare(actors + gap).min(72), columns: 2 }
}

/// Draws the stage; gives what of it can be seen where.
pub(super) fn render(area: Rect, buffer: &mut Buffer, sight: Sight<'_>, state: &StageState) -> Vec<(Rect, Focus)> {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return Vec::new();
    }
    if sight.now.actors.is_empty() && sight.now.objects.is_empty() {
        let words = "nobody is on stage";
        let x = area.x + area.width.saturating_sub(words.len() as u16) / 2;
        let words = text::clip(words, usize::from(area.width), sight.theme.glyphs.more);
        buffer.set_string(x, area.y + area.height / 2, words, sight.theme.style(Role::Dim));
        return Vec::new();
    }
    // A row of air on top, where there is one to spare.
    let area = if needed(area.width, sight, state) < area.height {
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    } else {
        area
    };
    let plan = plan(area.width, sight.now.actors.len(), sight.now.objects.len() + sight.now.hosts.len());
    let mut nodes = nodes(sight, state, plan, false);
    let mut height = place(&mut nodes, plan, area, 1);
    if height > area.height {
        height = place(&mut nodes, plan, area, 0);
    }
    let mut small = self::nodes(sight, state, plan, true);
    let mut whole: Vec<Option<Vec<Line<'static>>>> = nodes.iter().map(|_| None).collect();
    while height > area.height {
        let Some(i) = shrinkable(&nodes, &small, sight, state) else { break };
        whole[i] = Some(std::mem::replace(&mut nodes[i].lines, std::mem::take(&mut small[i].lines)));
        height = place(&mut nodes, plan, area, 0);
    }
    if plan.columns > 1 && whole.iter().any(Option::is_some) {
        // The last row says what lies below, if anything does.
        let rows = area.height.saturating_sub(u16::from(height > area.height));
        grow(&mut nodes, &mut whole, rows, sight);
        height = place(&mut nodes, plan, area, 0);
    }
    let mut canvas = Buffer::empty(Rect::new(0, 0, area.width, height.clamp(1, TALLEST)));
    canvas.set_style(canvas.area, sight.theme.ground);
    for node in &nodes {
        frame(node, &mut canvas, sight);
    }
    if plan.columns > 1 {
        draw_wires(&wires(&nodes, sight), &mut canvas, sight.theme);
    }
    let top = scroll(&nodes, state, area.height, canvas.area.height);
    show(&canvas, area, buffer, top, sight);
    let visible = |node: Node| {
        let first = node.area.y.max(top);
        let rows = node.area.bottom().saturating_sub(first);
        let seen = Rect::new(area.x + node.area.x, area.y + first - top, node.area.width, rows);
        let seen = seen.intersection(area);
        (!seen.is_empty()).then_some((seen, node.focus))
    };
    nodes.into_iter().filter_map(visible).collect()
}

/// How many rows the stage would like to have at that width.
pub(super) fn needed(width: u16, sight: Sight<'_>, state: &StageState) -> u16 {
    let plan = plan(width, sight.now.actors.len(), sight.now.objects.len() + sight.now.hosts.len());
    let area = Rect::new(0, 0, width, TALLEST);
    place(&mut nodes(sight, state, plan, false), plan, area, 1)
}

/// The card or pane that had best be drawn in its short form: of those in the tallest column that lose lines by it, not
/// the one with the focus, and rather one that has not changed.
fn shrinkable(nodes: &[Node], small: &[Node], sight: Sight<'_>, state: &StageState) -> Option<usize> {
    let tall = |column: Column| nodes.iter().filter(|n| n.column == column).map(|n| n.area.height).sum::<u16>();
    let calm = |node: &Node| {
        sight.before.is_some_and(|before| match &node.focus {
            Focus::Actor(name) => before.actor(name) == sight.now.actor(name),
            Focus::Object(name) => before.object(name) == sight.now.object(name),
        })
    };
    (0..nodes.len())
        .filter(|&i| !small[i].lines.is_empty() && small[i].lines.len() < nodes[i].lines.len())
        .filter(|&i| state.focus.as_ref() != Some(&nodes[i].focus))
        .min_by_key(|&i| (u16::MAX - tall(nodes[i].column), !calm(&nodes[i]), i))
}

/// Gives panes in their short form as much of the long one as there is room for in their column: its first lines, how many
/// are left out, and behind that who waits.
fn grow(nodes: &mut [Node], whole: &mut [Option<Vec<Line<'static>>>], rows: u16, sight: Sight<'_>) {
    let used: usize = nodes.iter().filter(|n| n.column == Column::Middle).map(|n| n.lines.len() + 2).sum();
    let mut spare = usize::from(rows).saturating_sub(used);
    // First those that somebody waits for: their short form is more than a line.
    let mut order: Vec<usize> = (0..nodes.len()).filter(|&i| nodes[i].column == Column::Middle).collect();
    order.sort_by_key(|&i| nodes[i].lines.len() < 2);
    for i in order {
        let node = &mut nodes[i];
        let Some(long) = whole[i].take() else { continue };
        // The first line of the short form is said by the long one.
        let waiters = node.lines.split_off(node.lines.len().min(1));
        let room = spare + 1 + waiters.len();
        let heads = if long.len() <= room { long.len() } else { room.saturating_sub(1 + waiters.len()) };
        if heads < 2 {
            node.lines.extend(waiters);
            continue;
        }
        let before = 1 + waiters.len();
        let left = long.len() - heads;
        node.lines = long;
        if left > 0 {
            node.lines.truncate(heads);
            let words = format!("{} {} lines more", sight.theme.glyphs.more, left - waiters.len().min(left));
            node.lines.push(Line::from(Span::styled(words, sight.theme.style(Role::Dim))));
            node.lines.extend(waiters);
        }
        spare = spare.saturating_sub(node.lines.len() - before);
    }
}

/// A host as what its pane shows: it has fields as objects have, and nobody holds it, but some live there.
fn pane_of(host: &Host, actors: &[Actor]) -> Object {
    let here = actors.iter().filter(|a| a.alive() && a.host.as_ref() == Some(&host.name));
    let home = |actor: &Actor| Holder { actor: actor.name.clone(), handle: String::new(), role: panes::HOME.into() };
    Object {
        name: host.name.clone(),
        key: ObjectKey { facility: "host".into(), dev: 0, ino: 0, offset: 0 },
        identifier: "none".to_owned(),
        fields: host.fields.clone(),
        holders: here.map(home).collect(),
        waiters: Vec::new(),
    }
}

fn nodes(sight: Sight<'_>, state: &StageState, plan: Plan, compact: bool) -> Vec<Node> {
    let stuck = |focus: &Focus| matches!(focus, Focus::Actor(name) if sight.stuck.contains(name));
    let frame = |focus: &Focus| {
        sight.theme.style(match focus {
            _ if state.focus.as_ref() == Some(focus) => Role::Focus,
            _ if stuck(focus) => Role::Error,
            _ => Role::Border,
        })
    };
    let inner = |width: u16| usize::from(width.saturating_sub(4));
    let actor = |(i, actor): (usize, &Actor)| {
        let focus = Focus::Actor(actor.name.clone());
        Node {
            frame: frame(&focus),
            focus,
            title: {
                let mut title = panes::card_title(actor, sight);
                if sight.stuck.contains(&actor.name) {
                    let words = format!(" {} in a cycle", sight.theme.glyphs.no);
                    title.insert(1, Span::styled(words, sight.theme.style(Role::Error)));
                }
                title
            },
            lines: panes::card(actor, sight, inner(plan.actors), compact),
            column: if plan.columns == 3 && right(sight, i) { Column::Right } else { Column::Left },
            area: Rect::ZERO,
        }
    };
    let object = |object: &Object| {
        let focus = Focus::Object(object.name.clone());
        Node {
            frame: frame(&focus),
            focus,
            title: panes::title(object, sight.theme),
            lines: panes::lines(object, sight, inner(plan.objects), compact),
            column: Column::Middle,
            area: Rect::ZERO,
        }
    };
    let hosts: Vec<Object> = sight.now.hosts.iter().map(|host| pane_of(host, &sight.now.actors)).collect();
    let actors = sight.now.actors.iter().enumerate().map(actor);
    actors.chain(hosts.iter().chain(&sight.now.objects).map(object)).collect()
}

/// Whether an actor's card stands on the right: one by one they go left and right, and threads stay with their process
/// where there are several processes.
fn right(sight: Sight<'_>, i: usize) -> bool {
    let actors = &sight.now.actors;
    let processes = |upto: usize| actors.iter().take(upto).filter(|a| a.thread_of.is_none()).count();
    if processes(actors.len()) < 2 { i % 2 == 1 } else { processes(i + 1) % 2 == 0 }
}

/// Gives each node its area on the canvas and tells how tall the canvas must be.
fn place(nodes: &mut [Node], plan: Plan, area: Rect, between: u16) -> u16 {
    if plan.columns == 1 {
        return stack(nodes, plan, area, between);
    }
    let tops = [0, plan.actors + plan.gap, plan.actors + plan.gap + plan.objects + plan.gap];
    let mut heights = [0u16; 3];
    for node in nodes.iter_mut() {
        let column = node.column as usize;
        let width = if column == 1 { plan.objects } else { plan.actors };
        let tall = node.lines.len() as u16 + 2;
        node.area = Rect::new(tops[column], heights[column], width, tall);
        heights[column] = heights[column].saturating_add(tall + between).min(TALLEST);
    }
    let tallest = heights.into_iter().max().unwrap_or(0);
    // A column that is much shorter than its neighbours stands in the middle of them, where wires are short.
    for node in nodes.iter_mut() {
        let own = heights[node.column as usize];
        // Nor does it go further down than can be seen.
        node.area.y += ((tallest - own) / 2).min(area.height.saturating_sub(own));
    }
    tallest.saturating_sub(between)
}

/// One below the other; cards side by side where there is room for several.
fn stack(nodes: &mut [Node], plan: Plan, area: Rect, between: u16) -> u16 {
    let across = if nodes.iter().all(|n| n.column != Column::Middle) { (area.width / 30).max(1) } else { 1 };
    let width = (area.width / across).min(if across > 1 { 44 } else { plan.objects });
    let (mut y, mut row) = (0u16, 0u16);
    for (i, node) in nodes.iter_mut().enumerate() {
        let column = i as u16 % across;
        if column == 0 {
            y = y.saturating_add(row).min(TALLEST);
            row = 0;
        }
        let tall = node.lines.len() as u16 + 2;
        let own = if node.column == Column::Middle { plan.objects } else { width.min(plan.actors.max(width)) };
        node.area = Rect::new(column * width, y, own.saturating_sub(u16::from(across > 1)), tall);
        row = row.max(tall + between);
    }
    y.saturating_add(row).saturating_sub(between).min(TALLEST)
}

fn frame(node: &Node, canvas: &mut Buffer, sight: Sight<'_>) {
    let area = node.area.intersection(canvas.area);
    if area.width < 4 || area.height < 2 {
        return;
    }
    let glyphs = sight.theme.glyphs;
    let mut block =
        Block::bordered().border_type(BorderType::Rounded).border_set(glyphs.frame).border_style(node.frame);
    let mut title = vec![Span::raw(" ")];
    title.extend(text::clip_spans(node.title.clone(), usize::from(area.width - 4).saturating_sub(2), glyphs.more));
    title.push(Span::raw(" "));
    block = block.title(Line::from(title));
    let inner = block.inner(area);
    block.render(area, canvas);
    for (i, line) in node.lines.iter().enumerate() {
        let y = inner.y + i as u16;
        if y >= inner.bottom() {
            break;
        }
        canvas.set_line(inner.x + 1, y, line, inner.width.saturating_sub(2));
    }
}

/// The wires between cards and the objects that they hold or wait for.
fn wires(nodes: &[Node], sight: Sight<'_>) -> Vec<Wire> {
    let mut wires = Vec::new();
    let find = |focus: &Focus| nodes.iter().find(|n| n.focus == *focus);
    for object in &sight.now.objects {
        let Some(pane) = find(&Focus::Object(object.name.clone())) else { continue };
        for actor in &sight.now.actors {
            let Some(card) = find(&Focus::Actor(actor.name.clone())) else { continue };
            let roles: Vec<&str> =
                object.holders.iter().filter(|h| h.actor == actor.name).map(|h| h.role.as_ref()).collect();
            let waits = object.waiters.iter().any(|w| w.actor == actor.name);
            if roles.is_empty() && !waits {
                continue;
            }
            let reads = roles.iter().any(|r| r.contains("read"));
            let writes = roles.iter().any(|r| r.contains("write"));
            let label = match (waits, reads, writes) {
                (true, ..) => "waits",
                (_, true, true) => "r+w",
                (_, true, false) => "read",
                (_, false, true) => "write",
                _ => roles.first().copied().unwrap_or_default(),
            };
            // One who sleeps is served in one direction only, whatever else its descriptors allow.
            let direction = object.waiters.iter().find(|w| w.actor == actor.name).map(|w| w.direction.as_ref());
            let (reads, writes) = match direction {
                Some("read") => (true, false),
                Some("write") => (false, true),
                Some(_) => (false, false),
                None => (reads, writes),
            };
            wires.push(Wire {
                card: card.area,
                pane: pane.area,
                label: label.to_owned(),
                to_pane: writes,
                to_card: reads,
                waits,
                style: sight.hue(&actor.name),
            });
        }
    }
    wires
}

/// Where the window begins, so that what has the focus is in it.
fn scroll(nodes: &[Node], state: &StageState, window: u16, canvas: u16) -> u16 {
    let most = canvas.saturating_sub(window);
    let mut top = state.scroll.min(most);
    if let Some(node) = nodes.iter().find(|n| Some(&n.focus) == state.focus.as_ref()) {
        top = top.max(node.area.bottom().saturating_sub(window)).min(node.area.y).min(most);
    }
    top
}

/// Copies a window of the canvas, and says how much lies outside it.
fn show(canvas: &Buffer, area: Rect, buffer: &mut Buffer, top: u16, sight: Sight<'_>) {
    let rows = area.height.min(canvas.area.height.saturating_sub(top));
    for y in 0..rows {
        for x in 0..area.width.min(canvas.area.width) {
            let to = (area.x + x, area.y + y);
            if let (Some(cell), Some(target)) = (canvas.cell((x, top + y)), buffer.cell_mut(to)) {
                *target = cell.clone();
            }
        }
    }
    let (above, below) = (top, canvas.area.height.saturating_sub(top + rows));
    let mut tell = |y: u16, count: u16, word: &str| {
        if count > 0 && area.width >= 20 {
            let words = format!(" {count} lines {word} ");
            let x = area.right() - words.len() as u16;
            buffer.set_string(x, y, words, sight.theme.style(Role::Warning));
        }
    };
    tell(area.y, above, "above");
    tell(area.bottom() - 1, below, "below");
}

/// The order in which the focus goes from one to the next.
pub(super) fn focusable(sight: &crate::model::Snapshot) -> Vec<Focus> {
    let actors = sight.actors.iter().map(|a| Focus::Actor(a.name.clone()));
    actors.chain(sight.objects.iter().map(|o| Focus::Object(o.name.clone()))).collect()
}

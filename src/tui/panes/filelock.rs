//! Files: their bytes, and their locks as bars over the range, with waiters behind the owner for whom they wait.

use ratatui::text::Span;

use super::{Painter, Pane, views};
use crate::model::{Evidence, Object, Value};
use crate::tui::text;
use crate::tui::theme::Role;

pub(super) static PANE: Pane =
    Pane { facility: "file", fields: &["holds", "size", "locks", "mode", "views"], draw, brief, roles: &[] };

fn brief(object: &Object) -> String {
    let size = object.int("size").map_or_else(|| "?".to_owned(), |n| n.to_string());
    match object.value("locks").as_list().iter().filter(|lock| text_of(lock, "kind") != "lease").count() {
        0 if !object.value("locks").as_list().is_empty() => format!("{size} bytes · leased"),
        0 => format!("{size} bytes · no locks"),
        1 => format!("{size} bytes · 1 lock"),
        n => format!("{size} bytes · {n} locks"),
    }
}

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    if object.int("size").is_some_and(|n| n > 0) {
        painter.tape("holds", false);
    }
    if object.field("size").is_some() {
        let mut spans = vec![painter.int("size"), painter.dim(" bytes")];
        spans.extend(painter.mode());
        painter.row(spans, Some(object.evidence("size")));
    }
    views::draw(painter);
    let Some(field) = object.field("locks") else { return };
    let locks = field.value.as_list();
    if locks.is_empty() {
        let spans = vec![painter.dim("no locks")];
        painter.row(spans, Some(field.evidence));
        return;
    }
    let scale = Scale::of(locks, painter);
    let before = painter.before.map(|b| b.value("locks").as_list());
    for lock in locks {
        let new = before.is_some_and(|b| !b.contains(lock));
        bar(painter, lock, &scale, new, field.evidence);
        let all = waiters(lock);
        for waiter in all {
            waits(painter, (waiter, depth(waiter, all)), &scale, field.evidence);
        }
    }
    painter.note("locks");
}

/// How ranges are laid on columns.
struct Scale {
    name: usize,
    bar: usize,
    /// Whether the bar has a line of its own, below the words.
    below: bool,
    from: i64,
    span: i64,
}

fn int(lock: &Value, part: &str) -> Option<i64> {
    lock.part(part).and_then(Value::as_int)
}

fn text_of(lock: &Value, part: &str) -> String {
    lock.part(part).and_then(Value::as_text).unwrap_or_default().to_owned()
}

impl Scale {
    fn of(locks: &[Value], painter: &Painter<'_>) -> Self {
        let waits = locks.iter().flat_map(waiters);
        let all: Vec<&Value> = locks.iter().chain(waits).collect();
        let from = all.iter().filter_map(|l| int(l, "start")).min().unwrap_or(0);
        let mut until = all.iter().filter_map(|l| int(l, "end")).max().unwrap_or(0);
        until = until.max(all.iter().filter_map(|l| int(l, "start")).max().unwrap_or(0));
        // Some room to the right, so that a range without end is seen to go on.
        let open = all.iter().any(|l| int(l, "end").is_none());
        let span = (until - from).max(1).saturating_add(if open { (until - from).max(8) / 4 } else { 0 });
        let deepest = locks.iter().flat_map(|l| waiters(l).iter().map(|w| depth(w, waiters(l)))).max().unwrap_or(0);
        let name = all.iter().map(|l| text::width(&who(l))).max().unwrap_or(0).clamp(3, 9) + 3 + 2 * deepest.min(4);
        let words = all.iter().map(|l| text::width(&range(l)) + 13).max().unwrap_or(0);
        let below = painter.room() < name + words + 24;
        let bar = painter.room().saturating_sub(name + if below { 0 } else { words + 1 });
        Self { name, bar, below, from, span }
    }

    /// First and last column but one of a range.
    fn columns(&self, lock: &Value) -> (usize, usize) {
        let at = |n: i64| {
            let offset = (n - self.from).clamp(0, self.span) as i128 * self.bar as i128;
            usize::try_from(offset / i128::from(self.span)).unwrap_or(0)
        };
        let start = at(int(lock, "start").unwrap_or(0)).min(self.bar.saturating_sub(1));
        let end = int(lock, "end").map_or(self.bar, at);
        (start, end.clamp((start + 1).min(self.bar), self.bar))
    }
}

fn waiters(lock: &Value) -> &[Value] {
    lock.part("waits").map(Value::as_list).unwrap_or_default()
}

/// How many other waiters it stands behind, one behind the other.
fn depth(waiter: &Value, all: &[Value]) -> usize {
    let front =
        |w: &Value| all.iter().find(|other| w.part("behind").is_some() && w.part("behind") == other.part("actor"));
    std::iter::successors(front(waiter), |w| front(w)).take(all.len()).count()
}

fn range(lock: &Value) -> String {
    let start = int(lock, "start").unwrap_or(0);
    match int(lock, "end") {
        Some(end) => format!("{start}..{end}"),
        None if start == 0 => "whole".to_owned(),
        None => format!("{start}.."),
    }
}

/// Who holds the lock, or waits for it.
fn who(lock: &Value) -> String {
    match lock {
        Value::Text(name) => name.clone(),
        record if record.part("actor").is_some() => text_of(record, "actor"),
        record => text_of(record, "owner"),
    }
}

/// One range: name, words and bar, on one line where there is room for it.
fn draw_range(
    painter: &mut Painter<'_>,
    lock: &Value,
    scale: &Scale,
    (before, ink): (&str, &'static str),
    words: Vec<Span<'static>>,
    evidence: Evidence,
) {
    let glyphs = painter.sight.theme.glyphs;
    let name = text::clip(&who(lock), scale.name.saturating_sub(text::width(before).max(2)), glyphs.more);
    // Several may own an open file description; the first lends its hue.
    let hue = painter.sight.hue(name.split(", ").next().unwrap_or_default());
    let pad = scale.name.saturating_sub(text::width(&name) + text::width(before));
    let mut head = vec![painter.dim(before.to_owned()), Span::styled(name, hue), Span::raw(" ".repeat(pad))];
    let (start, end) = scale.columns(lock);
    let hole = |n: usize| Span::styled(glyphs.hole.repeat(n), painter.style(Role::Hole));
    let bar = [hole(start), Span::styled(ink.repeat(end - start), hue), hole(scale.bar - end)];
    if scale.below {
        head.extend(words);
        painter.row(head, Some(evidence));
        let mut below = vec![Span::raw(" ".repeat(scale.name))];
        below.extend(bar);
        painter.line(below);
    } else {
        head.extend(bar);
        head.push(Span::raw(" "));
        head.extend(words);
        painter.row(head, Some(evidence));
    }
}

fn bar(painter: &mut Painter<'_>, lock: &Value, scale: &Scale, new: bool, evidence: Evidence) {
    let glyphs = painter.sight.theme.glyphs;
    let mode = text_of(lock, "mode");
    let ink = if mode == "write" { glyphs.full } else { glyphs.shade };
    let word = painter.style(if new { Role::Changed } else { Role::Value });
    let words =
        vec![Span::styled(format!("{mode} {}", range(lock)), word), painter.dim(format!(" {}", text_of(lock, "kind")))];
    draw_range(painter, lock, scale, ("", ink), words, evidence);
    if let Some(asked) = lock.part("breaking").and_then(Value::as_text) {
        let spans = vec![Span::styled(format!("  asked to {asked}"), painter.style(Role::Changed))];
        painter.row(spans, Some(evidence));
    }
}

fn waits(painter: &mut Painter<'_>, (waiter, depth): (&Value, usize), scale: &Scale, evidence: Evidence) {
    let glyphs = painter.sight.theme.glyphs;
    let asleep = painter.style(Role::Asleep);
    if text_of(waiter, "kind") == "lease" {
        let name = who(waiter);
        let hue = painter.sight.hue(&name);
        let spans =
            vec![painter.dim(glyphs.behind), Span::styled(name, hue), Span::styled(" waits to open it", asleep)];
        painter.row(spans, Some(evidence));
    } else if int(waiter, "start").is_some() {
        let words = vec![Span::styled(format!("waits {} {}", text_of(waiter, "mode"), range(waiter)), asleep)];
        // Deeper in the tree stands who would clash with another waiter as well.
        let before = format!("{}{}", "  ".repeat(depth.min(4)), glyphs.behind);
        draw_range(painter, waiter, scale, (&before, glyphs.wanted), words, evidence);
    } else {
        let name = who(waiter);
        let hue = painter.sight.hue(&name);
        let spans = vec![painter.dim(glyphs.behind), Span::styled(name, hue), Span::styled(" waits behind it", asleep)];
        painter.row(spans, Some(evidence));
    }
}

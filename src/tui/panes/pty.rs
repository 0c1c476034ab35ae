//! Pseudoterminals: both sides of the line discipline. What is typed at the master goes down to the slave, what is
//! echoed and printed goes up to the master.

use ratatui::text::Span;

use super::{Painter, Pane, Typed};
use crate::model::{ActorState, Evidence, Object, Snapshot, Value};
use crate::script::Expr;
use crate::tui::text;
use crate::tui::theme::Role;

pub(super) static PANE: Pane = Pane {
    facility: "pty",
    fields: &[
        "input",
        "holds",
        "editing",
        "output",
        "shows",
        "next",
        "iflag",
        "oflag",
        "lflag",
        "characters",
        "rows",
        "columns",
        "session",
        "foreground",
        "state",
        "masters",
        "slaves",
        "packet",
    ],
    draw,
    brief,
    roles: &["master", "slave"],
};

fn brief(object: &Object) -> String {
    let int = |name| object.int(name).map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("slave can read {} · master {}", int("input"), int("output"))
}

fn draw(painter: &mut Painter<'_>) {
    let object = painter.object;
    stream(painter, ("slave can read", "input", "holds"));
    if object.value("next").as_text().is_some() {
        let spans = vec![painter.dim("its next read is "), Span::styled("0, end of file", painter.value_style("next"))];
        painter.row(spans, Some(object.evidence("next")));
    }
    let editing = object.value("editing").as_bytes().is_some_and(|(_, total)| total > 0);
    if editing || painter.changed("editing") || object.evidence("editing") == Evidence::Hidden {
        bytes(painter, "editing", "line being typed ");
    }
    stream(painter, ("master can read", "output", "shows"));
    settings(painter);
    control(painter);
    if let Some(state) = object.value("state").as_text().filter(|state| *state != "open") {
        let spans = vec![Span::styled(state.to_owned(), painter.style(Role::Warning))];
        painter.row(spans, Some(object.evidence("state")));
    }
    if object.value("packet").as_text() == Some("yes") {
        let spans = vec![painter.dim("packet mode: a read of the master begins with a byte of its own")];
        painter.row(spans, Some(object.evidence("packet")));
    }
}

/// One direction: how many bytes the kernel counts, and which they are.
fn stream(painter: &mut Painter<'_>, (words, count, contents): (&str, &str, &str)) {
    let object = painter.object;
    let spans = vec![painter.dim(format!("{words} ")), painter.int(count), painter.dim(" bytes")];
    painter.row(spans, Some(object.evidence(count)));
    if object.int(count).is_none() {
        painter.note(count);
    }
    if object.value(contents).as_bytes().is_none_or(|(_, total)| total > 0) {
        bytes(painter, contents, "");
    }
}

/// Bytes between quotes, behind a word.
fn bytes(painter: &mut Painter<'_>, field: &str, word: &str) {
    let object = painter.object;
    let mut spans = vec![Span::raw("  "), painter.dim(word.to_owned())];
    match object.value(field).as_bytes() {
        Some((data, total)) => {
            let room = painter.room().saturating_sub(text::line_width(&spans) + 2);
            let (style, theme) = (painter.value_style(field), painter.sight.theme);
            let tail = |left: u64| format!("\"{}+{left}", painter.more());
            let (mut shown, mut count) = text::bytes(data, room, style, theme);
            let mut end = "\"".to_owned();
            if (count as u64) < total {
                let reserve = text::width(&tail(total));
                (shown, count) = text::bytes(data, room.saturating_sub(reserve), style, theme);
                end = tail(total - count as u64);
            }
            spans.push(painter.dim("\""));
            spans.extend(shown);
            spans.push(painter.dim(end));
        }
        None => spans.push(Span::styled("hidden", painter.style(Role::Hidden))),
    }
    painter.row(spans, Some(object.evidence(field)));
    painter.note(field);
}

/// What the line discipline does: the three things that one must know, by word, and the rest of the flags in detail.
fn settings(painter: &mut Painter<'_>) {
    let object = painter.object;
    let Some(lflag) = object.value("lflag").as_text() else { return };
    let set = |name: &str| lflag.split('|').any(|flag| flag == name);
    let mut spans = Vec::new();
    let words = [
        (set("ICANON"), "lines", "no lines"),
        (set("ECHO"), "echo", "no echo"),
        (set("ISIG"), "signals", "no signals"),
    ];
    for (on, yes, no) in words {
        if !spans.is_empty() {
            spans.push(painter.between());
        }
        spans.push(Span::styled(if on { yes } else { no }, painter.value_style("lflag")));
    }
    if let (Some(rows), Some(columns)) = (object.int("rows"), object.int("columns"))
        && (rows, columns) != (0, 0)
    {
        spans.push(painter.between());
        let role = if painter.changed("rows") || painter.changed("columns") { Role::Changed } else { Role::Value };
        spans.push(Span::styled(format!("{columns}x{rows}"), painter.style(role)));
    }
    painter.row(spans, Some(object.evidence("lflag")));
    // The keys are told where they are not the usual ones, and where bytes are counted instead.
    let unusual = object
        .value("characters")
        .as_text()
        .filter(|keys| !set("ICANON") || !keys.contains("VEOF ^D") || set("ISIG") && !keys.contains("VINTR ^C"));
    if let Some(keys) = unusual.filter(|keys| !keys.is_empty()) {
        let spans = vec![painter.dim(keys.to_owned())];
        painter.row(spans, Some(object.evidence("characters")));
    }
}

/// Whose terminal it is, and whom its keys reach.
fn control(painter: &mut Painter<'_>) {
    let object = painter.object;
    let Some(session) = object.value("session").as_text() else { return };
    let mut spans = vec![painter.dim("session ")];
    if session == "none" {
        spans.push(Span::styled("none", painter.value_style("session")));
    } else {
        spans.push(Span::styled(session.to_owned(), painter.sight.hue(session)));
        spans.extend([painter.between(), painter.dim("keys reach")]);
        let group = object.value("foreground").as_list();
        for name in group.iter().filter_map(Value::as_text) {
            spans.push(Span::raw(" "));
            spans.push(Span::styled(name.to_owned(), painter.sight.hue(name)));
        }
        if group.is_empty() {
            spans.push(painter.dim(" nobody"));
        }
    }
    painter.row(spans, Some(object.evidence("session")));
}

/// How a terminal is typed into.
pub(super) static TYPED: Typed = Typed {
    statement: typed,
    line: keys,
    at_once: |object| {
        object.value("lflag").as_text().is_some_and(|flags| !flags.split('|').any(|flag| flag == "ICANON"))
    },
};

/// The statement by which somebody who holds the master types these bytes.
fn typed(object: &Object, now: &Snapshot, keys: &[u8]) -> Result<String, String> {
    let masters = || object.holders.iter().filter(|holder| holder.role == "master");
    let ready = masters().find_map(|holder| {
        let actor = now.actor(&holder.actor).filter(|actor| actor.state == ActorState::Idle)?;
        let descriptor = actor.descriptors.iter().find(|d| d.fd.to_string() == holder.handle)?;
        let named = descriptor.names.first().cloned();
        Some((&actor.name, named.unwrap_or_else(|| format!("fd {}", descriptor.fd))))
    });
    match (ready, masters().next()) {
        (Some((actor, descriptor)), _) => Ok(format!("{actor}: write {descriptor} {}", Expr::Text(keys.to_vec()))),
        (None, Some(holder)) => Err(format!("{} has the master, and takes no orders now", holder.actor)),
        (None, None) => Err(format!("nobody has the master of {} open", object.name)),
    }
}

/// The bytes of a typed line. `^C` and the like stand for their keys; a line that ends with one has no newline behind it.
fn keys(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut finished = false;
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let key = behind.first().filter(|key| byte == b'^' && matches!(key, b'@'..=b'_' | b'?'));
        finished = key.is_some();
        bytes.push(key.map_or(byte, |key| key ^ 0x40));
        rest = if finished { &behind[1..] } else { behind };
    }
    if !finished {
        bytes.push(b'\n');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixtures;

    #[test]
    fn keys_have_their_bytes() {
        for (text, bytes) in [
            ("hi", &b"hi\n"[..]),
            ("", b"\n"),
            ("^C", b"\x03"),
            ("ab^D", b"ab\x04"),
            ("^?x", b"\x7fx\n"),
            ("2^x", b"2^x\n"),
            ("^", b"^\n"),
            ("^[A", b"\x1bA\n"),
        ] {
            assert_eq!(keys(text), bytes, "{text}");
        }
    }

    #[test]
    fn who_holds_the_master_and_is_idle_types() {
        let mut now = fixtures::everything();
        let terminal = now.objects.iter().find(|o| o.facility() == "pty").unwrap().clone();
        let alice = now.actors.iter_mut().find(|a| a.name == "alice").unwrap();
        alice.state = ActorState::Idle;
        let fd = alice.descriptors[0].fd.to_string();
        let name = alice.descriptors[0].names[0].clone();
        let mut held = terminal.clone();
        held.holders[0].handle = fd;
        assert_eq!(typed(&held, &now, b"a\"b\x03"), Ok(format!("alice: write {name} \"a\\\"b\\x03\"")));
        held.holders[0].actor = "bob".to_owned();
        assert!(typed(&held, &now, b"a").unwrap_err().contains("bob has the master"));
        held.holders.clear();
        assert!(typed(&held, &now, b"a").unwrap_err().contains("nobody has the master"));
    }
}

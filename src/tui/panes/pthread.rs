//! Condition variables, read-write locks, barriers, spin locks and bare futexes: small objects of few words.

use ratatui::text::Span;

use super::{Painter, Pane};
use crate::model::{Object, Value};
use crate::tui::theme::Role;

pub(super) static COND: Pane = Pane {
    facility: "cond",
    fields: &["nwaiters", "pshared", "clock", "maker"],
    draw: cond,
    brief: |object| sleepers(object, "waits", "wait"),
    roles: &[],
};

pub(super) static RWLOCK: Pane = Pane {
    facility: "rwlock",
    fields: &["state", "owner", "readers", "reading", "kind", "pshared", "word", "maker"],
    draw: rwlock,
    brief: |object| state_in_words(object).unwrap_or_else(|| "words hidden".to_owned()),
    roles: &[],
};

pub(super) static BARRIER: Pane = Pane {
    facility: "barrier",
    fields: &["arrived", "needed", "pshared", "maker"],
    draw: barrier,
    brief: |object| match (object.int("arrived"), object.int("needed")) {
        (Some(arrived), Some(needed)) => format!("{arrived} of {needed} have come"),
        _ => "words hidden".to_owned(),
    },
    roles: &[],
};

pub(super) static SPIN: Pane = Pane {
    facility: "spin",
    fields: &["state", "owner", "word", "maker"],
    draw: spin,
    brief: |object| state_in_words(object).unwrap_or_else(|| "words hidden".to_owned()),
    roles: &[],
};

pub(super) static FUTEX: Pane = Pane {
    facility: "futex",
    fields: &["word"],
    draw: futex,
    brief: |object| format!("word {}", object.int("word").map_or_else(|| "?".to_owned(), |n| n.to_string())),
    roles: &[],
};

fn sleepers(object: &Object, one: &str, several: &str) -> String {
    match object.waiters.len() {
        0 => "nobody waits".to_owned(),
        1 => format!("1 {one}"),
        n => format!("{n} {several}"),
    }
}

fn state_in_words(object: &Object) -> Option<String> {
    let state = object.value("state").as_text()?;
    let owner = object.value("owner").as_text().filter(|owner| *owner != "nobody");
    Some(match (owner, object.int("readers")) {
        (Some(owner), _) => format!("{state} by {owner}"),
        (None, Some(readers)) if readers > 1 => format!("{state}, {readers} times"),
        _ => state.to_owned(),
    })
}

/// For whom it is, at the end of a row.
fn shared(painter: &mut Painter<'_>, mut words: Vec<String>, field: &str) {
    let object = painter.object;
    words.extend(object.int("pshared").map(|n| if n == 0 { "for one process" } else { "process-shared" }.to_owned()));
    if !words.is_empty() {
        let spans = vec![painter.dim(words.join(", "))];
        painter.row(spans, Some(object.evidence(field)));
    }
}

fn cond(painter: &mut Painter<'_>) {
    let object = painter.object;
    let glyphs = painter.sight.theme.glyphs;
    let said = sleepers(object, "sleeps until it is signalled", "sleep until it is signalled");
    let mut spans = vec![Span::styled(said, painter.value_style("nwaiters"))];
    if object.waiters.is_empty() {
        spans = vec![painter.dim(format!("{} nobody waits: a signal would be lost", glyphs.open))];
    }
    painter.row(spans, Some(object.evidence("pshared")));
    let monotonic = object.value("clock").as_text().filter(|clock| *clock != "CLOCK_REALTIME");
    shared(painter, monotonic.map(str::to_owned).into_iter().collect(), "pshared");
    // The count has those in it who are gone, so it is told only where it differs.
    match object.int("nwaiters") {
        None => painter.note("nwaiters"),
        Some(n) if n != object.waiters.len() as i64 => {
            let spans = vec![painter.dim("nwaiters "), painter.int("nwaiters"), painter.dim(" in its words")];
            painter.row(spans, Some(object.evidence("nwaiters")));
            painter.note("nwaiters");
        }
        Some(_) => {}
    }
}

/// The state, with a mark, and who has it locked.
fn state(painter: &mut Painter<'_>) {
    let object = painter.object;
    let glyphs = painter.sight.theme.glyphs;
    let owner = object.value("owner").as_text().filter(|owner| *owner != "nobody");
    let mut spans = match object.value("state").as_text() {
        None => vec![Span::styled("state hidden", painter.style(Role::Hidden))],
        Some("free") => {
            vec![painter.dim(format!("{} ", glyphs.open)), Span::styled("free", painter.value_style("state"))]
        }
        Some(state) => vec![
            Span::styled(format!("{} ", glyphs.token), painter.style(Role::Bar)),
            Span::styled(state.replace('-', " "), painter.value_style("state")),
        ],
    };
    if let Some(owner) = owner {
        spans.extend([painter.dim(" by "), Span::styled(owner.to_owned(), painter.sight.hue(owner))]);
    }
    painter.row(spans, Some(object.evidence("state")));
    painter.note("state");
}

fn rwlock(painter: &mut Painter<'_>) {
    let object = painter.object;
    state(painter);
    if object.int("readers").is_some_and(|n| n > 0) {
        let mut spans = vec![painter.int("readers"), painter.dim(" for reading")];
        for name in object.value("reading").as_list().iter().filter_map(Value::as_text) {
            spans.extend([Span::raw(" "), Span::styled(name.to_owned(), painter.sight.hue(name))]);
        }
        painter.row(spans, Some(object.evidence("reading")));
        painter.note("reading");
    }
    let kind = object.value("kind").as_text().map(|kind| match kind {
        "PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP" => "writers go first",
        "PTHREAD_RWLOCK_PREFER_WRITER_NP" => "readers go first, though the kind says writers",
        _ => "readers go first",
    });
    shared(painter, kind.map(str::to_owned).into_iter().collect(), "kind");
    if let Some(word) = object.value("word").as_text() {
        let spans = vec![painter.dim("word "), Span::styled(word.to_owned(), painter.value_style("word"))];
        painter.row(spans, Some(object.evidence("word")));
    }
}

/// Places of a barrier that are drawn; more are only counted.
const PLACES: i64 = 12;

fn barrier(painter: &mut Painter<'_>) {
    let object = painter.object;
    let glyphs = painter.sight.theme.glyphs;
    let mut spans =
        vec![painter.int("arrived"), painter.dim(" of "), painter.int("needed"), painter.dim(" have come ")];
    if let (Some(arrived), Some(needed)) = (object.int("arrived"), object.int("needed")) {
        let shown = needed.clamp(0, PLACES);
        let come = arrived.clamp(0, shown);
        spans.push(Span::styled(glyphs.token.repeat(come as usize), painter.style(Role::Bar)));
        spans.push(painter.dim(glyphs.open.repeat((shown - come) as usize)));
        if needed > PLACES {
            spans.push(painter.dim(format!(" {}", glyphs.more)));
        }
    }
    painter.row(spans, Some(object.evidence("arrived")));
    painter.note("arrived");
    shared(painter, Vec::new(), "pshared");
}

fn spin(painter: &mut Painter<'_>) {
    let object = painter.object;
    state(painter);
    if object.field("owner").is_some_and(|owner| owner.value == Value::Nothing) {
        let spans = vec![Span::styled("owner hidden", painter.style(Role::Hidden))];
        painter.row(spans, Some(object.evidence("owner")));
        painter.note("owner");
    }
    if let Some(word) = object.value("word").as_text() {
        let mut spans = vec![painter.dim("word "), Span::styled(word.to_owned(), painter.value_style("word"))];
        spans.push(painter.dim(": who waits for it runs"));
        painter.row(spans, Some(object.evidence("word")));
    }
}

fn futex(painter: &mut Painter<'_>) {
    let object = painter.object;
    let spans = vec![painter.dim("word "), painter.int("word")];
    painter.row(spans, Some(object.evidence("word")));
    painter.note("word");
    if object.waiters.is_empty() {
        let spans = vec![painter.dim("nobody sleeps on it: the kernel knows nothing of it")];
        painter.row(spans, Some(object.evidence("word")));
    }
}

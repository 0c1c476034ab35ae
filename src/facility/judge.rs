//! How predicates are judged: what was written is evaluated, and compared with what was read.

use super::{Judged, Machine, show};
use crate::model::{Object, Value};
use crate::script::{ArgValue, Expr};

/// The data that stands at `index` behind a predicate's word; the reason if there is none.
pub(super) fn data(args: &[ArgValue], index: usize) -> Result<Vec<u8>, String> {
    match args.get(index) {
        Some(ArgValue::Expr(expr)) => expr.eval_bytes(&Machine).map_err(|error| error.to_string()),
        _ => Err("data was expected".to_owned()),
    }
}

/// What a number in a claim comes to; the reason if it is none.
pub(super) fn int(expr: &Expr) -> Result<i64, String> {
    expr.eval_int(&Machine).map_err(|error| error.to_string())
}

/// Whether a field of bytes holds exactly the data at `args[0]`. A field of which only the head is known can't be
/// said to hold anything longer.
pub(super) fn holds(field: &'static str, args: &[ArgValue], object: &Object) -> Judged {
    let wanted = match data(args, 0) {
        Ok(wanted) => wanted,
        Err(why) => return Judged { met: false, seen: why, field },
    };
    let Value::Bytes { bytes, total } = object.value(field) else {
        let why = object.field(field).and_then(|f| f.note.clone());
        return Judged { met: false, seen: why.unwrap_or_else(|| "nothing that could be read".to_owned()), field };
    };
    let seen = if *total == 0 { "nothing in it".to_owned() } else { shown(bytes, *total) };
    Judged { met: wanted.len() as u64 == *total && *bytes == wanted, seen, field }
}

/// Whether one message of a list, or with `first` the one at its head, is exactly the data at `args[0]`.
pub(super) fn message(first: bool, field: &'static str, args: &[ArgValue], object: &Object) -> Judged {
    let wanted = match data(args, 0) {
        Ok(wanted) => wanted,
        Err(why) => return Judged { met: false, seen: why, field },
    };
    let Value::List(all) = object.value(field) else {
        let why = object.field(field).and_then(|f| f.note.clone());
        return Judged { met: false, seen: why.unwrap_or_else(|| "nothing that could be read".to_owned()), field };
    };
    let asked = if first { &all[..all.len().min(1)] } else { &all[..] };
    let mut messages = asked.iter().filter_map(|m| m.part("data")?.as_bytes());
    let met = messages.clone().any(|(bytes, total)| bytes == wanted && total == bytes.len() as u64);
    let shown: Vec<String> = messages.by_ref().take(8).map(|(bytes, total)| shown(bytes, total)).collect();
    let more = if messages.next().is_some() { ", …" } else { "" };
    let seen = if shown.is_empty() { "no message".to_owned() } else { shown.join(", ") + more };
    // It may be one of those that were not read: then nobody can say.
    let unread = !met && asked.iter().any(|m| m.part("left out").is_some());
    Judged { met, seen, field: if unread { "left out" } else { field } }
}

/// Bytes in words: the head as a C literal, and how many there are where that is not plain.
pub(super) fn shown(bytes: &[u8], total: u64) -> String {
    let text = show::text(bytes, total, 32);
    if total > 32 { format!("{text} of {total} bytes") } else { text }
}

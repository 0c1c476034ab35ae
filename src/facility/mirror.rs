//! The mirror of a message queue: what it must hold, by what was reported.
//!
//! Reports come in the order of their returns, and a receiver that was asleep may return before the sender that woke
//! it. So a message that was received before it was sent is remembered as owed, and taken off when its sending is
//! told: the order of the reports makes no difference.

use crate::model::{Evidence, Field, Value};

/// How many messages a mirror keeps: more than `mq_maxmsg` may be anywhere by default.
const MOST: usize = 65_536;

/// What a note is made of: what is in the queue, first to go first; what was taken before it was told; the queue's name.
struct Parts<'a> {
    queue: &'a mut Vec<Value>,
    owed: &'a mut Vec<Value>,
    name: &'a mut Value,
}

fn parts(note: &mut Value) -> Parts<'_> {
    if !matches!(note, Value::Record(_)) {
        let empty = || Value::List(Vec::new());
        let parts = [("queue", empty()), ("owed", empty()), ("name", Value::Nothing)];
        *note = Value::Record(parts.map(|(name, value)| (name.into(), value)).to_vec());
    }
    if let Value::Record(parts) = note
        && let [(_, Value::List(queue)), (_, Value::List(owed)), (_, name)] = parts.as_mut_slice()
    {
        return Parts { queue, owed, name };
    }
    unreachable!("a note is a record of three, as made above")
}

/// Remembers the queue's name, and forgets messages where the kernel says that it holds none.
pub(super) fn seen(note: &mut Value, full: &str, messages: i64) {
    let Parts { queue, owed, name } = parts(note);
    if name.as_text() != Some(full) {
        *name = Value::Text(full.to_owned());
    }
    if messages == 0 {
        queue.clear();
        owed.clear();
    }
}

/// A message with the number that goes with it: its priority or type, by that word.
fn message(word: &'static str, number: i64, data: Value, from: &str) -> Value {
    Value::Record(vec![
        (word.into(), Value::Int(number)),
        ("data".into(), data),
        ("from".into(), Value::Text(from.to_owned())),
    ])
}

fn number_of(message: &Value) -> i64 {
    if let Value::Record(parts) = message
        && let Some((_, Value::Int(number))) = parts.first()
    {
        return *number;
    }
    0
}

/// Takes out the first message with this number and data, and says whether there was one.
fn take(messages: &mut Vec<Value>, number: i64, data: &Value) -> bool {
    let same = |m: &Value| number_of(m) == number && m.part("data") == Some(data);
    messages.iter().position(same).map(|at| messages.remove(at)).is_some()
}

/// A message was sent: it stands behind all of its priority or a higher one.
pub(super) fn sent(note: &mut Value, priority: i64, data: Value, from: &str) {
    let Parts { queue, owed, .. } = parts(note);
    if take(owed, priority, &data) || queue.len() >= MOST {
        return;
    }
    let at = queue.iter().position(|m| number_of(m) < priority).unwrap_or(queue.len());
    queue.insert(at, message("priority", priority, data, from));
}

/// A message of a type was sent: it stands behind all others.
pub(super) fn appended(note: &mut Value, kind: i64, data: Value, from: &str) {
    let Parts { queue, owed, .. } = parts(note);
    if !take(owed, kind, &data) && queue.len() < MOST {
        queue.push(message("type", kind, data, from));
    }
}

/// The first message of a type was received, and cut: what is known of its data does not tell it.
pub(super) fn received_cut(note: &mut Value, kind: i64) {
    let Parts { queue, .. } = parts(note);
    if let Some(at) = queue.iter().position(|m| number_of(m) == kind) {
        queue.remove(at);
    }
}

/// A message was received.
pub(super) fn received(note: &mut Value, number: i64, data: &Value) {
    let Parts { queue, owed, .. } = parts(note);
    if !take(queue, number, data) && owed.len() < MOST {
        owed.push(message("owed", number, data.clone(), ""));
    }
}

/// What the queue holds as far as the mirror knows, checked against the kernel's count of messages and, where it is
/// known, of bytes.
pub(super) fn field(note: &Value, messages: i64, bytes: Option<u64>) -> Field {
    let queue = note.part("queue").map_or(&[][..], Value::as_list).to_vec();
    let total: u64 = queue.iter().filter_map(|m| m.part("data")?.as_bytes()).map(|(_, total)| total).sum();
    let agrees = queue.len() as i64 == messages && bytes.is_none_or(|bytes| bytes == total);
    let here = format!("{} messages of {total} bytes here", queue.len());
    let field = Field::new("queue", Value::List(queue), Evidence::Mirror);
    if agrees {
        return field;
    }
    let there = bytes.map_or_else(|| format!("{messages} there"), |bytes| format!("{messages} of {bytes} bytes there"));
    field.noted(format!("mirror differs from the kernel's counter: {here}, {there}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facility::judge::shown;

    fn data(text: &str) -> Value {
        Value::Bytes { bytes: text.as_bytes().to_vec(), total: text.len() as u64 }
    }

    fn held(note: &Value) -> Vec<String> {
        let list = note.part("queue").unwrap().as_list();
        list.iter().map(|m| shown(m.part("data").unwrap().as_bytes().unwrap().0, 1)).collect()
    }

    #[test]
    fn the_highest_priority_goes_first_and_equals_in_order_of_arrival() {
        let mut note = Value::Nothing;
        for (priority, text) in [(5, "b"), (0, "d"), (5, "c"), (9, "a")] {
            sent(&mut note, priority, data(text), "alice");
        }
        assert_eq!(held(&note), ["\"a\"", "\"b\"", "\"c\"", "\"d\""]);
        received(&mut note, 9, &data("a"));
        assert_eq!(held(&note), ["\"b\"", "\"c\"", "\"d\""]);
    }

    #[test]
    fn types_do_not_change_the_order_in_the_queue() {
        let mut note = Value::Nothing;
        for (kind, text) in [(3, "a"), (5, "b"), (3, "c"), (1, "d")] {
            appended(&mut note, kind, data(text), "alice");
        }
        received(&mut note, 5, &data("b"));
        received_cut(&mut note, 3);
        assert_eq!(held(&note), ["\"c\"", "\"d\""]);
        received(&mut note, 9, &data("late"));
        appended(&mut note, 9, data("late"), "bob");
        assert_eq!(held(&note), ["\"c\"", "\"d\""]);
        assert_eq!(note.part("queue").unwrap().as_list()[0].part("type"), Some(&Value::Int(3)));
    }

    #[test]
    fn the_order_of_reports_makes_no_difference() {
        let mut note = Value::Nothing;
        received(&mut note, 3, &data("x"));
        sent(&mut note, 3, data("y"), "alice");
        sent(&mut note, 3, data("x"), "alice");
        assert_eq!(held(&note), ["\"y\""]);
        sent(&mut note, 3, data("x"), "alice");
        assert_eq!(held(&note), ["\"y\"", "\"x\""]);
    }

    #[test]
    fn what_the_kernel_says_to_be_empty_is_empty() {
        let mut note = Value::Nothing;
        sent(&mut note, 0, data("a"), "alice");
        seen(&mut note, "q", 1);
        assert_eq!((held(&note).len(), note.part("name").and_then(Value::as_text)), (1, Some("q")));
        seen(&mut note, "q", 0);
        assert!(held(&note).is_empty());
    }

    #[test]
    fn says_when_it_disagrees_with_the_kernel() {
        let mut note = Value::Nothing;
        sent(&mut note, 0, data("hello"), "alice");
        assert_eq!(field(&note, 1, Some(5)).note, None);
        assert_eq!(field(&note, 1, None).note, None);
        let differs = |messages, bytes| field(&note, messages, bytes).note.unwrap();
        assert_eq!(
            differs(2, Some(9)),
            "mirror differs from the kernel's counter: 1 messages of 5 bytes here, 2 of 9 bytes there"
        );
        assert!(differs(0, None).ends_with("0 there"));
        assert_eq!(field(&Value::Nothing, 0, Some(0)).value, Value::List(vec![]));
    }
}

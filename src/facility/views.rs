//! The mappings of one object side by side: who sees it where, and where a private mapping has parted from it.
//!
//! Where, the kernel tells of each page (/proc/PID/pagemap): one that is no longer the object's is a copy, made when
//! somebody stored there through a private mapping. Which bytes differ is found by comparing the copy with the object.

use nix::errno::Errno;

use super::Judged;
use super::look::{Found, HandleKind, Look};
use crate::kernel::SysError;
use crate::kernel::proc::{PrivatePage, private_pages};
use crate::model::{Evidence, Field, Object, Value, Word};
use crate::script::{ArgValue, PredicateArg, PredicateSpec};

/// The name of the field.
pub(super) const FIELD: &str = "views";

/// The part of a private view that says why nobody can know what it has of its own.
pub(super) const HIDDEN: &str = "hidden";

/// Of a private view so many bytes are kept, from the first that differs on.
const SEEN: usize = 32;
/// So many stretches of differing bytes are told; more are left out.
pub(super) const STRETCHES: usize = 8;

/// Whether a mapping has parted from its object.
pub(super) const PARTED: PredicateSpec = PredicateSpec {
    word: "parted",
    args: &[PredicateArg::By],
    doc: "A private mapping of that actor has pages that are no longer the object's",
    example: "expect f parted by bob",
};

/// All mappings of an object, in order of their holders; `None` if it is mapped nowhere. `bytes` are the object's first.
pub(super) fn views(found: &Found<'_>, look: &Look<'_>, bytes: Option<&[u8]>) -> Option<Field> {
    let view = |handle: &&super::look::Handle| {
        let HandleKind::Mapping { start, end, offset, perms } = &handle.kind else { return None };
        let text = |name: &'static str, text: &str| (name.into(), Value::Text(text.to_owned()));
        let shared = perms.ends_with('s');
        let mut parts = vec![
            text("actor", look.actor(handle.pid)?),
            text("at", &format!("{start:#x}")),
            ("from".into(), Value::Int(*offset as i64)),
            ("bytes".into(), Value::Int((end - start) as i64)),
            text("access", access(perms)),
            text("kind", if shared { "shared" } else { "private" }),
        ];
        if !shared {
            parts.extend(parted(look, handle.pid, (*start, *end, *offset), bytes));
        }
        Some(Value::Record(parts))
    };
    let all: Vec<Value> = found.handles.iter().filter_map(view).collect();
    (!all.is_empty()).then(|| Field::new(FIELD, Value::List(all), Evidence::Kernel))
}

/// What may be done through a mapping, by the letters of /proc.
pub(super) fn access(perms: &str) -> &'static str {
    match perms.get(..2) {
        Some("rw") => "read+write",
        Some("r-") => "read-only",
        Some("-w") => "write-only",
        _ => "no access",
    }
}

/// What a private view has of its own: its copied pages and the differing bytes as ranges of the object, and what it
/// sees there.
fn parted(
    look: &Look<'_>,
    pid: i32,
    (start, end, offset): (u64, u64, u64),
    bytes: Option<&[u8]>,
) -> Vec<(Word, Value)> {
    let pages = match private_pages(pid, start, end - start) {
        Ok(pages) => pages,
        Err(error) => return vec![(HIDDEN.into(), Value::Text(untold_pages(&error)))],
    };
    let page = super::quantities::page_size() as u64;
    let copied = stretches(pages.iter().map(|page| page.copied()), page);
    if copied.is_empty() {
        return Vec::new();
    }
    let text = |ranges: &[(u64, u64)]| {
        let shown = ranges.iter().take(STRETCHES).map(|(from, to)| format!("{}..{}", from + offset, to + offset));
        let mut shown: Vec<String> = shown.collect();
        if ranges.len() > STRETCHES {
            shown.push("…".to_owned());
        }
        Value::Text(shown.join(", "))
    };
    let mut parts = vec![("copied".into(), text(&copied))];
    if pages.contains(&PrivatePage::Inherited) {
        parts.push(("copies".into(), Value::Text("some are still used by relatives too".to_owned())));
    }
    let object = bytes.and_then(|bytes| bytes.get(offset as usize..)).unwrap_or_default();
    let own = look.private_memory(pid, start, ((end - start) as usize).min(object.len())).unwrap_or_default();
    let differs = stretches(own.iter().zip(object).map(|(own, object)| own != object), 1);
    if let Some((first, _)) = differs.first() {
        parts.push(("differs".into(), text(&differs)));
        let from = *first as usize;
        let bytes = own[from..own.len().min(from + SEEN)].to_vec();
        let total = (own.len() - from) as u64;
        parts.push(("sees".into(), Value::Bytes { bytes, total }));
    }
    parts
}

/// The runs of `true`, each item `size` long, as half-open ranges.
pub(super) fn stretches(items: impl Iterator<Item = bool>, size: u64) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = Vec::new();
    for (index, _) in items.enumerate().filter(|(_, item)| *item) {
        let (from, to) = (index as u64 * size, (index as u64 + 1) * size);
        match all.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => all.push((from, to)),
        }
    }
    all
}

/// Why the kernel does not tell which pages are copies.
pub(crate) fn untold_pages(error: &SysError) -> String {
    let why = match error.errno {
        Errno::EACCES | Errno::EPERM => "the kernel does not let us see the pages of that process",
        Errno::ENOENT => "this kernel tells nobody of pages (CONFIG_PROC_PAGE_MONITOR)",
        Errno::ESRCH => "the process has let go of its memory",
        _ => "the kernel did not tell",
    };
    format!("{why}: {error}")
}

/// Judges [`PARTED`].
pub(super) fn check(args: &[ArgValue], object: &Object) -> Judged {
    let by = args.iter().find_map(|arg| if let ArgValue::By(actor) = arg { Some(actor.as_str()) } else { None });
    let part = |view: &Value, name: &str| view.part(name).and_then(Value::as_text).unwrap_or_default().to_owned();
    let parted: Vec<(String, String)> = object
        .value(FIELD)
        .as_list()
        .iter()
        .filter(|view| view.part("copied").is_some())
        .map(|view| (part(view, "actor"), part(view, "copied")))
        .collect();
    let met = parted.iter().any(|(actor, _)| by.is_none_or(|by| by == actor));
    let mut views = object.value(FIELD).as_list().iter();
    let untold = views.find(|view| view.part(HIDDEN).is_some() && by.is_none_or(|by| by == part(view, "actor")));
    if let (false, Some(view)) = (met, untold) {
        let seen = format!("what {} has of its own is hidden: {}", part(view, "actor"), part(view, HIDDEN));
        return Judged { met: false, seen, field: HIDDEN };
    }
    let words: Vec<String> = parted.iter().map(|(actor, pages)| format!("{actor} has copies of {pages}")).collect();
    Judged {
        met,
        seen: if words.is_empty() { "no mapping has parted from it".to_owned() } else { words.join("; ") },
        // What is mapped nowhere is known to be so as well as its size is.
        field: if object.field(FIELD).is_some() { FIELD } else { "size" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_become_ranges() {
        let of = |items: &[bool], size| stretches(items.iter().copied(), size);
        assert_eq!(of(&[false, true, true, false, true], 1), [(1, 3), (4, 5)]);
        assert_eq!(of(&[true, false, true], 4096), [(0, 4096), (8192, 12288)]);
        assert_eq!(of(&[], 1), []);
    }

    #[test]
    fn a_claim_names_who_has_parted() {
        let text = |name: &'static str, text: &str| (name.into(), Value::Text(text.to_owned()));
        let views = vec![
            Value::Record(vec![text("actor", "alice"), text("kind", "private")]),
            Value::Record(vec![text("actor", "bob"), text("kind", "private"), text("copied", "0..4096")]),
        ];
        let mut object = Object {
            name: "f".to_owned(),
            key: crate::model::ObjectKey { facility: "file".into(), dev: 1, ino: 2, offset: 0 },
            identifier: String::new(),
            fields: vec![Field::new(FIELD, Value::List(views), Evidence::Kernel)],
            holders: Vec::new(),
            waiters: Vec::new(),
        };
        let by = |name: &str| check(&[ArgValue::By(name.to_owned())], &object).met;
        assert!(by("bob") && !by("alice") && check(&[], &object).met);
        assert_eq!(check(&[], &object).seen, "bob has copies of 0..4096");
        // Of whom the kernel does not tell, neither that nor the opposite holds.
        let error = SysError::new("open", "/proc/7/pagemap", Errno::EACCES);
        let untold = Value::Text(untold_pages(&error));
        let carol = Value::Record(vec![text("actor", "carol"), (HIDDEN.into(), untold)]);
        object.fields = vec![Field::new(FIELD, Value::List(vec![carol]), Evidence::Kernel)];
        let judged = check(&[ArgValue::By("carol".to_owned())], &object);
        assert!(!judged.met && judged.seen.contains("EACCES"), "{judged:?}");
        assert_eq!(object.evidence(judged.field), Evidence::Hidden);
    }
}

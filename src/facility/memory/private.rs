//! Anonymous private memory: pages of nobody's, which a fork leaves to both until one of them stores there.
//!
//! The kernel has no name for it, and tells nobody who shares it with whom. Read are where it lies in each process
//! (/proc/PID/maps), whose each page is (/proc/PID/pagemap), and the bytes (/proc/PID/mem). That two mappings descend from
//! one is what the stage has seen of their makers' calls.

use crate::facility::look::{Found, Handle, HandleKind, Look};
use crate::facility::quantities::page_size;
use crate::facility::views::{FIELD, HIDDEN, STRETCHES, access, stretches, untold_pages};
use crate::facility::{Card, Reading};
use crate::kernel::proc::{PrivatePage, private_pages};
use crate::model::{Evidence, Field, ObjectKey, Value};

/// So many bytes from its beginning on are compared.
const HEAD: u64 = 64 << 10;
/// Of a view so many bytes are kept, from the first that differs on.
const SEEN: u64 = 32;

/// The key of what a handle leads to, once the stage has given it a number.
pub(super) fn key(handle: &Handle, card: &Card) -> Option<ObjectKey> {
    let HandleKind::Mapping { perms, .. } = &handle.kind else { return None };
    let numbered = handle.dev == 0 && handle.ino != 0 && handle.link.is_empty() && perms.ends_with('p');
    numbered.then(|| ObjectKey { facility: card.id.into(), dev: 0, ino: handle.ino, offset: 0 })
}

/// One process' mapping of it, or a part that differs in its protection.
struct View<'a> {
    actor: &'a str,
    start: u64,
    /// Where in the whole it begins and ends.
    from: u64,
    until: u64,
    perms: &'a str,
    pages: Result<Vec<PrivatePage>, String>,
    /// The bytes of its first pages.
    bytes: Vec<u8>,
}

impl<'a> View<'a> {
    fn of(handle: &'a Handle, look: &'a Look<'_>) -> Option<Self> {
        let HandleKind::Mapping { start, end, offset, perms } = &handle.kind else { return None };
        let actor = look.actor(handle.pid)?;
        let pages = private_pages(handle.pid, *start, end - start).map_err(|error| untold_pages(&error));
        let (from, until) = (*offset, offset + (end - start));
        let mut bytes = vec![0; HEAD.saturating_sub(from).min(end - start) as usize];
        let page = page_size() as usize;
        for (index, chunk) in bytes.chunks_mut(page).enumerate() {
            // To read what nobody has stored to would bring a page of zeros there.
            let untouched = pages.as_ref().is_ok_and(|pages| pages.get(index) == Some(&PrivatePage::Untouched));
            if let (false, Ok(read)) = (untouched, look.private_memory(handle.pid, start + (index * page) as u64, page))
            {
                chunk[..read.len()].copy_from_slice(&read);
            }
        }
        Some(Self { actor, start: *start, from, until, perms, pages, bytes })
    }

    fn covers(&self, at: u64) -> bool {
        (self.from..self.until).contains(&at)
    }

    fn byte(&self, at: u64) -> Option<u8> {
        self.bytes.get(at.checked_sub(self.from)? as usize).copied()
    }

    fn page(&self, at: u64) -> Option<PrivatePage> {
        let pages = self.pages.as_ref().ok()?;
        pages.get((at.checked_sub(self.from)? / page_size() as u64) as usize).copied()
    }

    /// Its pages that are so, as ranges of the whole.
    fn ranges(&self, wanted: impl Fn(u64, PrivatePage) -> bool) -> Vec<(u64, u64)> {
        let page = page_size() as u64;
        let pages = self.pages.as_deref().unwrap_or_default().iter().enumerate();
        let all = stretches(pages.map(|(index, kind)| wanted(self.from + index as u64 * page, *kind)), page);
        all.into_iter().map(|(from, until)| (from + self.from, until + self.from)).collect()
    }
}

/// What is known of it.
pub(super) fn read(found: &Found<'_>, look: &Look<'_>) -> Reading {
    let views: Vec<View<'_>> = found.handles.iter().filter_map(|handle| View::of(handle, look)).collect();
    let extent = views.iter().map(|view| view.until).max().unwrap_or(0);
    let differs = differing(&views, extent.min(HEAD));
    let all = views.iter().map(|view| record(view, &views, &differs)).collect();
    let fields = vec![
        Field::kernel_int("size", extent as i64),
        Field::kernel_int("mapped", views.len() as i64),
        descent(look.note(&found.key), &views, found, look),
        Field::new(FIELD, Value::List(all), Evidence::Kernel),
    ];
    Reading { identifier: "private".to_owned(), fields, ..Reading::default() }
}

/// Where two views see different bytes.
fn differing(views: &[View<'_>], until: u64) -> Vec<(u64, u64)> {
    let page = page_size() as u64;
    let mut all = Vec::new();
    for at in (0..until).step_by(page as usize) {
        let here: Vec<&View<'_>> = views.iter().filter(|view| view.covers(at)).collect();
        let untouched = |view: &&View<'_>| view.page(at) == Some(PrivatePage::Untouched);
        if here.len() < 2 || here.iter().all(untouched) {
            continue;
        }
        let unequal = |at: u64| here[1..].iter().any(|view| view.byte(at) != here[0].byte(at));
        all.extend(stretches((at..(at + page).min(until)).map(unequal), 1).into_iter().map(|(a, b)| (a + at, b + at)));
    }
    all
}

fn text(ranges: &[(u64, u64)]) -> String {
    let mut shown: Vec<String> =
        ranges.iter().take(STRETCHES).map(|(from, until)| format!("{from}..{until}")).collect();
    shown.extend((ranges.len() > STRETCHES).then(|| "…".to_owned()));
    shown.join(", ")
}

fn record(view: &View<'_>, views: &[View<'_>], differs: &[(u64, u64)]) -> Value {
    let mut parts = Vec::new();
    let mut put = |name: &'static str, value: Value| parts.push((name.into(), value));
    let word = |word: &str| Value::Text(word.to_owned());
    put("actor", word(view.actor));
    put("at", Value::Text(format!("{:#x}", view.start)));
    put("from", Value::Int(view.from as i64));
    put("bytes", Value::Int((view.until - view.from) as i64));
    put("access", word(access(view.perms)));
    put("kind", word("private"));
    let others = |at: u64| views.iter().any(|other| !std::ptr::eq(other, view) && other.covers(at));
    match &view.pages {
        Ok(_) => {
            for (name, ranges) in [
                ("own", view.ranges(|_, page| page == PrivatePage::Own)),
                ("shared", view.ranges(|_, page| page == PrivatePage::Inherited)),
                ("copied", view.ranges(|at, page| page == PrivatePage::Own && others(at))),
            ] {
                if !ranges.is_empty() {
                    put(name, Value::Text(text(&ranges)));
                }
            }
        }
        Err(why) => put(HIDDEN, word(why)),
    }
    let here: Vec<(u64, u64)> = differs.iter().copied().filter(|(from, _)| view.covers(*from)).collect();
    if !here.is_empty() {
        put("differs", Value::Text(text(&here)));
    }
    let first = here.first().map_or(view.from, |(from, _)| *from);
    let at = (first - view.from) as usize;
    if let Some(bytes) = view.bytes.get(at..).filter(|bytes| !bytes.is_empty()) {
        let bytes = bytes[..bytes.len().min(SEEN as usize)].to_vec();
        put("sees from", Value::Int(first as i64));
        put("sees", Value::Bytes { bytes, total: view.until - first });
    }
    Value::Record(parts)
}

/// Who made it, and to whom forks have left it.
fn descent(told: &Value, views: &[View<'_>], found: &Found<'_>, look: &Look<'_>) -> Field {
    let maker = told.part("maker").and_then(Value::as_text).unwrap_or_default();
    if maker.is_empty() {
        return Field::hidden("descent", "the call that made it was not seen, and the kernel does not tell");
    }
    let forks = told.part("forks").map_or(&[][..], Value::as_list);
    let mut words = format!("{maker} mapped it");
    let mut said: Vec<i32> = Vec::new();
    for handle in &found.handles {
        let fork = forks.iter().find(|fork| fork.part("pid").and_then(Value::as_int) == Some(handle.pid.into()));
        let from = fork.and_then(|fork| fork.part("from")).and_then(Value::as_text);
        if let (Some(actor), Some(from), false) = (look.actor(handle.pid), from, said.contains(&handle.pid)) {
            words += &format!(", {actor} has it by a fork of {from}");
            said.push(handle.pid);
        }
    }
    if !views.iter().any(|view| view.actor == maker) {
        words += &format!("; {maker} has it no more");
    }
    Field::new("descent", Value::Text(words), Evidence::Reported)
        .noted("from the calls that were seen: the kernel tells nobody which private mappings descend from one")
}

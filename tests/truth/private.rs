//! Anonymous private memory from outside: whose each page is, told by the frames in which they lie. Only root sees those.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileExt;

use ipclab::model::{Object, Value};

use super::{Moment, outside, page};

/// What /proc/PID/pagemap says of each page: its frame, 0 where there is none or we may not know.
fn frames(pid: i32, start: u64, pages: u64) -> Vec<u64> {
    let mut bytes = vec![0; pages as usize * 8];
    let file = fs::File::open(format!("/proc/{pid}/pagemap")).unwrap();
    file.read_exact_at(&mut bytes, start / page() as u64 * 8).unwrap();
    let entries = bytes.chunks_exact(8).map(|entry| u64::from_ne_bytes(entry.try_into().unwrap()));
    entries.map(|entry| if entry >> 63 == 1 { entry & ((1 << 55) - 1) } else { 0 }).collect()
}

/// The pages in a list of ranges: `0..4096, 8192..12288`.
fn pages(view: &Value, part: &str) -> BTreeSet<u64> {
    let ranges = view.part(part).and_then(Value::as_text).unwrap_or_default();
    let mut all = BTreeSet::new();
    for range in ranges.split(", ").filter(|range| !range.is_empty()) {
        let (from, until) = range.split_once("..").unwrap();
        let page = page() as u64;
        all.extend(from.parse::<u64>().unwrap() / page..until.parse::<u64>().unwrap() / page);
    }
    all
}

/// A page of a view: whether it is told to be its own or shared, by object and page.
type Told<'a> = (&'a str, u64, &'a str);

impl Moment<'_> {
    /// All private memory at once: no frame lies in two objects, nor in two views of which one says that it is its own.
    pub(super) fn private(&self) {
        let mut by_frame: BTreeMap<u64, Vec<Told<'_>>> = BTreeMap::new();
        for object in self.seen.objects.iter().filter(|object| object.facility() == "memory") {
            self.private_views(object, &mut by_frame);
        }
        for (frame, there) in by_frame {
            let (object, at, _) = there[0];
            assert!(there.iter().all(|(o, n, _)| (*o, *n) == (object, at)), "frame {frame:x} is in several: {there:?}");
            assert!(there.len() == 1 || there.iter().all(|(.., whose)| *whose == "shared"), "{there:?}");
        }
    }

    fn private_views<'a>(&self, object: &'a Object, by_frame: &mut BTreeMap<u64, Vec<Told<'a>>>) {
        let views = object.value("views").as_list();
        assert_eq!(object.int("mapped"), Some(views.len() as i64), "{object:?}");
        let mut seen: Vec<(u64, Vec<u8>)> = Vec::new();
        for view in views {
            let text = |name: &str| view.part(name).unwrap().as_text().unwrap();
            let int = |name: &str| view.part(name).unwrap().as_int().unwrap() as u64;
            let start = u64::from_str_radix(text("at").trim_start_matches("0x"), 16).unwrap();
            let map = self.maps[text("actor")].iter().find(|m| m.start == start).unwrap_or_else(|| panic!("{view:?}"));
            assert_eq!((map.ino, map.end - map.start, &map.perms[3..]), (0, int("bytes"), "p"), "{view:?}");
            let pid = self.pid(text("actor"));
            let (own, shared) = (pages(view, "own"), pages(view, "shared"));
            assert!(own.is_disjoint(&shared), "{view:?}");
            let first = int("from") / page() as u64;
            for (index, frame) in frames(pid, start, int("bytes") / page() as u64).into_iter().enumerate() {
                let at = first + index as u64;
                let whose = match (own.contains(&at), shared.contains(&at)) {
                    (true, _) => "own",
                    (_, true) => "shared",
                    // The kernel's page of zeros lies in all that have only loaded.
                    _ => continue,
                };
                if frame != 0 {
                    by_frame.entry(frame).or_default().push((&object.name, at, whose));
                }
            }
            if map.perms.starts_with('r') {
                seen.push((int("from"), outside::memory(pid, start, int("bytes") as usize)));
            }
        }
        let byte = |(from, bytes): &(u64, Vec<u8>), at: u64| bytes.get(at.checked_sub(*from)? as usize).copied();
        let size = object.int("size").unwrap() as u64;
        let unequal = |at: &u64| seen.iter().filter_map(|view| byte(view, *at)).collect::<BTreeSet<u8>>().len() > 1;
        let first = (0..size).find(unequal);
        let told =
            views.iter().filter_map(|view| view.part("differs")?.as_text()?.split("..").next()?.parse().ok()).min();
        if seen.len() == views.len() {
            assert_eq!(told, first, "{object:?}");
        }
    }
}

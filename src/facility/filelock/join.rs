//! Who holds which lock of a file and who waits behind it, put together from what the kernel tells in three places.
//!
//! - /proc/locks has held locks and, behind each, its waiters as a tree. But the owner of an OFD lock is -1 there, that
//!   of a flock is the process that *made* it, and in a pid namespace a flock is missing whose maker is gone.
//! - The `lock:` lines of fdinfo tell which descriptors hold a flock or an OFD lock now: the real owners.
//! - The calls that tasks sleep in tell who waits for an OFD lock, and for a lock that the table leaves out.

use crate::kernel::lock::RecordLock;
use crate::kernel::proc::{LockEntry, LockKind};
use crate::model::{Value, Word};

/// A lock that is held, with those who wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) kind: LockKind,
    pub(super) write: bool,
    /// First byte.
    pub(super) start: u64,
    /// Last byte; `None` is to the end of the file, however far that moves.
    pub(super) end: Option<u64>,
    /// Who holds it, each once, by name.
    pub(super) owners: Vec<String>,
    /// Who waits, in the kernel's order.
    pub(super) waits: Vec<Wait>,
    /// For a lease that is being broken, what its owner has been asked for; else empty.
    pub(super) breaking: &'static str,
}

/// A lock that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) actor: String,
    pub(super) kind: LockKind,
    pub(super) write: bool,
    pub(super) start: u64,
    pub(super) end: Option<u64>,
    /// Behind whom it stands in the kernel's tree: another waiter, whose lock it would clash with too. Empty if nobody
    /// but the lock's owner is in its way.
    pub(super) behind: String,
}

/// One `lock:` line of a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whose descriptor it is.
    pub(super) owner: String,
    /// Which open file description it belongs to: equal numbers are the same one.
    pub(super) description: usize,
    /// What it says.
    pub(super) line: LockEntry,
}

/// What the owner of a lease that is being broken has been asked for.
const GIVE_UP: &str = "give it up";
const DOWNGRADE: &str = "let others read";

impl Lock {
    fn new(line: &LockEntry, owners: Vec<String>) -> Self {
        let LockEntry { kind, start, end, .. } = *line;
        let breaking = match (line.mode.as_str(), line.access.as_str()) {
            ("BREAKING", "READ") => DOWNGRADE,
            ("BREAKING", _) => GIVE_UP,
            _ => "",
        };
        Self { kind, write: writes(line), start, end, owners, waits: Vec::new(), breaking }
    }

    /// Whether a wait has to do with this lock: its owner would have to let go.
    pub(super) fn stops(&self, wait: &Wait) -> bool {
        if self.kind == LockKind::Lease {
            return wait.kind == LockKind::Lease && !self.breaking.is_empty();
        }
        same_class(self.kind, wait.kind)
            && (self.write || wait.write)
            && overlap((self.start, self.end), (wait.start, wait.end))
    }

    /// As the value of a field. There `end` is one past the last byte, as in the ranges of the language.
    pub(super) fn value(&self) -> Value {
        let waits = self.waits.iter().map(|wait| {
            let actor = ("actor".into(), Value::Text(wait.actor.clone()));
            let behind = (!wait.behind.is_empty()).then(|| ("behind".into(), Value::Text(wait.behind.clone())));
            let parts = parts(wait.write, wait.start, wait.end);
            Value::Record([vec![actor, kind(wait.kind)], parts, behind.into_iter().collect()].concat())
        });
        let breaking = Value::Text(self.breaking.to_owned());
        let breaking = (!self.breaking.is_empty()).then(|| ("breaking".into(), breaking));
        let owner = ("owner".into(), Value::Text(self.owners.join(", ")));
        let waits = ("waits".into(), Value::List(waits.collect()));
        Value::Record(
            [
                vec![kind(self.kind)],
                parts(self.write, self.start, self.end),
                vec![owner, waits],
                breaking.into_iter().collect(),
            ]
            .concat(),
        )
    }

    /// Back from the value of a field.
    pub(super) fn from_value(value: &Value) -> Option<Self> {
        let text = |value: &Value, part: &str| value.part(part)?.as_text().map(str::to_owned);
        let kind = |value: &Value| {
            Some(match value.part("kind")?.as_text()? {
                "flock" => LockKind::Flock,
                "ofd" => LockKind::Ofd,
                "lease" => LockKind::Lease,
                _ => LockKind::Posix,
            })
        };
        let span = |value: &Value| {
            let start = value.part("start")?.as_int()? as u64;
            let end = value.part("end")?.as_int().map(|end| (end as u64).saturating_sub(1));
            Some((value.part("mode")?.as_text()? == "write", start, end))
        };
        let wait = |value: &Value| {
            let (write, start, end) = span(value)?;
            let behind = text(value, "behind").unwrap_or_default();
            Some(Wait { actor: text(value, "actor")?, kind: kind(value)?, write, start, end, behind })
        };
        let (write, start, end) = span(value)?;
        let owners = text(value, "owner")?.split(", ").map(str::to_owned).collect();
        let waits = value.part("waits")?.as_list().iter().filter_map(wait).collect();
        let breaking = text(value, "breaking").unwrap_or_default();
        let breaking = [GIVE_UP, DOWNGRADE].into_iter().find(|words| *words == breaking).unwrap_or("");
        Some(Self { kind: kind(value)?, write, start, end, owners, waits, breaking })
    }

    /// In words: `write 0..100 by alice (posix)`.
    pub(super) fn in_words(&self) -> String {
        let owners = self.owners.join(", ");
        match self.breaking {
            "" => {}
            asked => return format!("a lease of {owners}, asked to {asked}"),
        }
        let mode = if self.write { "write" } else { "read" };
        let range = range(self.start, self.end);
        format!("{mode} {range} by {} ({})", owners, kind_word(self.kind))
    }
}

fn kind(kind: LockKind) -> (Word, Value) {
    ("kind".into(), Value::Text(kind_word(kind).to_owned()))
}

fn parts(write: bool, start: u64, end: Option<u64>) -> Vec<(Word, Value)> {
    vec![
        ("mode".into(), Value::Text(if write { "write" } else { "read" }.to_owned())),
        ("start".into(), Value::Int(start as i64)),
        ("end".into(), end.map_or(Value::Nothing, |end| Value::Int((end as i64).saturating_add(1)))),
    ]
}

/// The kind as the field has it.
pub(super) const fn kind_word(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Flock => "flock",
        LockKind::Ofd => "ofd",
        LockKind::Posix => "posix",
        LockKind::Lease => "lease",
        LockKind::Other => "other",
    }
}

/// As the language writes a range: half-open.
pub(super) fn range(start: u64, end: Option<u64>) -> String {
    end.map_or_else(|| format!("{start}.."), |end| format!("{start}..{}", end.saturating_add(1)))
}

fn writes(line: &LockEntry) -> bool {
    line.access == "WRITE"
}

/// Record locks know each other, whoever owns them; they and flock do not.
const fn same_class(one: LockKind, other: LockKind) -> bool {
    matches!(
        (one, other),
        (LockKind::Flock, LockKind::Flock) | (LockKind::Posix | LockKind::Ofd, LockKind::Posix | LockKind::Ofd)
    )
}

fn overlap(one: (u64, Option<u64>), other: (u64, Option<u64>)) -> bool {
    one.1.is_none_or(|end| other.0 <= end) && other.1.is_none_or(|end| one.0 <= end)
}

impl Wait {
    /// What fcntl(2) was asked for.
    pub(super) fn record(actor: &str, kind: LockKind, lock: RecordLock) -> Self {
        let start = lock.start as u64;
        let end = (lock.len > 0).then(|| start.saturating_add(lock.len as u64 - 1));
        let write = lock.kind == i32::from(libc::F_WRLCK as i16);
        Self { actor: actor.to_owned(), kind, write, start, end, behind: String::new() }
    }

    /// What flock(2) was asked for.
    pub(super) fn flock(actor: &str, write: bool) -> Self {
        let behind = String::new();
        Self { actor: actor.to_owned(), kind: LockKind::Flock, write, start: 0, end: None, behind }
    }

    /// An open(2) that waits for a lease to be given up.
    pub(super) fn opener(actor: &str) -> Self {
        Self { kind: LockKind::Lease, ..Self::flock(actor, false) }
    }

    fn is(&self, line: &LockEntry) -> bool {
        (self.kind, self.write, self.start, self.end) == (line.kind, writes(line), line.start, line.end)
    }
}

/// The locks of one file, in order of their bytes. `table` are its lines of /proc/locks in their order, `seen` its
/// lines in fdinfo, `asleep` who sleeps in a call that locks it, by time of entry; `name` is our name of a process.
pub(super) fn join(table: &[LockEntry], seen: &[Seen], asleep: &[Wait], name: impl Fn(i32) -> String) -> Vec<Lock> {
    let mut held = descriptions(seen);
    let mut left: Vec<&Wait> = asleep.iter().collect();
    let mut above: Vec<String> = Vec::new();
    let mut locks: Vec<(Option<u64>, Lock)> = Vec::new();
    for line in table.iter().filter(|line| line.kind != LockKind::Other) {
        if line.depth == 0 {
            // Those who sleep in open(2) are told by their call, where the table has them at all.
            if line.mode == "BREAKER" {
                continue;
            }
            above.clear();
            let place = held.iter().position(|(at, _)| same_lock(at, line));
            let owners = match place {
                Some(place) => held.remove(place).1,
                None if line.pid > 0 => vec![name(line.pid)],
                None => vec!["somebody".to_owned()],
            };
            locks.push((Some(line.id), Lock::new(line, owners)));
            continue;
        }
        let by_name = |wait: &&Wait| wait.is(line) && (line.pid < 0 || wait.actor == name(line.pid));
        let mut wait = if let Some(place) = left.iter().position(by_name) {
            left.remove(place).clone()
        } else {
            let actor = if line.pid > 0 { name(line.pid) } else { "somebody".to_owned() };
            let behind = String::new();
            Wait { actor, kind: line.kind, write: writes(line), start: line.start, end: line.end, behind }
        };
        // The nearest entry above that is less deep; the lock itself has the depth 0.
        above.truncate(line.depth - 1);
        wait.behind = above.last().cloned().unwrap_or_default();
        above.push(wait.actor.clone());
        if let Some((_, lock)) = locks.iter_mut().rfind(|(id, _)| *id == Some(line.id)) {
            lock.waits.push(wait);
        }
    }
    locks.extend(held.into_iter().map(|(line, owners)| (None, Lock::new(line, owners))));
    let mut locks: Vec<Lock> = locks.into_iter().map(|(_, lock)| lock).collect();
    locks.sort_by(|a, b| {
        let order = |lock: &Lock| (lock.start, lock.end.unwrap_or(u64::MAX), kind_word(lock.kind), lock.write);
        order(a).cmp(&order(b)).then_with(|| a.owners.cmp(&b.owners))
    });
    for wait in left {
        if let Some(lock) = locks.iter_mut().find(|lock| lock.stops(wait)) {
            lock.waits.push(wait.clone());
        }
    }
    locks
}

/// The locks that open file descriptions hold, each with all who share the description.
fn descriptions(seen: &[Seen]) -> Vec<(&LockEntry, Vec<String>)> {
    let mut held: Vec<(usize, &LockEntry, Vec<String>)> = Vec::new();
    for Seen { owner, description, line } in seen {
        if !matches!(line.kind, LockKind::Flock | LockKind::Ofd | LockKind::Lease) {
            continue;
        }
        match held.iter_mut().find(|(at, held, _)| at == description && same_lock(held, line)) {
            Some((_, _, owners)) if owners.contains(owner) => {}
            Some((_, _, owners)) => owners.push(owner.clone()),
            None => held.push((*description, line, vec![owner.clone()])),
        }
    }
    held.into_iter().map(|(_, line, owners)| (line, owners)).collect()
}

/// Whether two lines tell of the same lock. A flock's maker tells two apart that are alike, where it is known.
fn same_lock(one: &LockEntry, other: &LockEntry) -> bool {
    let of = |line: &LockEntry| (line.kind, writes(line), line.start, line.end);
    of(one) == of(other) && (one.pid == other.pid || one.pid == 0 || other.pid == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LockEntry {
        let mut words = text.split_whitespace();
        let mut next = || words.next().unwrap();
        let (id, depth) = (next().parse().unwrap(), next().parse().unwrap());
        let kind = match next() {
            "P" => LockKind::Posix,
            "O" => LockKind::Ofd,
            _ => LockKind::Flock,
        };
        LockEntry {
            id,
            depth,
            kind,
            mode: "ADVISORY".to_owned(),
            access: next().to_owned(),
            pid: next().parse().unwrap(),
            dev_major: 0,
            dev_minor: 46,
            ino: 2,
            start: next().parse().unwrap(),
            end: next().parse().ok(),
        }
    }

    fn lines(text: &str) -> Vec<LockEntry> {
        text.lines().map(line).collect()
    }

    fn seen(owner: &str, description: usize, text: &str) -> Seen {
        Seen { owner: owner.to_owned(), description, line: line(text) }
    }

    fn wait(actor: &str, kind: LockKind, write: bool, start: u64, end: Option<u64>) -> Wait {
        Wait { actor: actor.to_owned(), kind, write, start, end, behind: String::new() }
    }

    fn name(pid: i32) -> String {
        ["", "", "alice", "bob", "carol"].get(pid as usize).map_or_else(|| format!("pid {pid}"), ToString::to_string)
    }

    fn words(locks: &[Lock]) -> Vec<String> {
        let words = |lock: &Lock| {
            let behind =
                |wait: &Wait| if wait.behind.is_empty() { String::new() } else { format!(" (behind {})", wait.behind) };
            let waits = lock.waits.iter().map(|wait| wait.actor.clone() + &behind(wait));
            std::iter::once(lock.in_words()).chain(waits).collect::<Vec<_>>().join(" < ")
        };
        locks.iter().map(words).collect()
    }

    #[test]
    fn posix_locks_and_their_tree() {
        let table = lines(
            "9 0 P READ 4 200 299\n\
             7 0 P WRITE 2 0 99\n\
             7 1 P WRITE 3 50 EOF\n\
             7 2 P READ 4 60 69\n\
             8 0 P READ 77 500 EOF",
        );
        let expected = [
            "write 0..100 by alice (posix) < bob < carol (behind bob)",
            "read 200..300 by carol (posix)",
            "read 500.. by pid 77 (posix)",
        ];
        assert_eq!(words(&join(&table, &[], &[], name)), expected);
        // Those who are known to sleep are the same ones, not more.
        let asleep =
            [wait("bob", LockKind::Posix, true, 50, None), wait("carol", LockKind::Posix, false, 60, Some(69))];
        assert_eq!(words(&join(&table, &[], &asleep, name)), expected);
    }

    #[test]
    fn a_flock_belongs_to_all_who_share_the_description() {
        let table = lines("1 0 F WRITE 2 0 EOF\n1 1 F WRITE 4 0 EOF");
        let held = [
            seen("alice", 0, "1 0 F WRITE 2 0 EOF"),
            seen("alice", 0, "1 0 F WRITE 2 0 EOF"),
            seen("bob", 0, "1 0 F WRITE 2 0 EOF"),
        ];
        let asleep = [wait("carol", LockKind::Flock, true, 0, None)];
        assert_eq!(words(&join(&table, &held, &asleep, name)), ["write 0.. by alice, bob (flock) < carol"]);
    }

    #[test]
    fn a_flock_outlives_its_maker_and_the_table() {
        let held = [seen("bob", 0, "1 0 F WRITE 0 0 EOF")];
        let asleep = [wait("carol", LockKind::Flock, false, 0, None), wait("alice", LockKind::Flock, true, 0, None)];
        assert_eq!(words(&join(&[], &held, &asleep, name)), ["write 0.. by bob (flock) < carol < alice"]);
        // Where the table has it, the maker that is gone is not its owner.
        let table = lines("1 0 F WRITE 77 0 EOF\n1 1 F READ 4 0 EOF");
        let held = [seen("bob", 0, "1 0 F WRITE 77 0 EOF")];
        assert_eq!(words(&join(&table, &held, &asleep, name)), ["write 0.. by bob (flock) < carol < alice"]);
    }

    #[test]
    fn two_descriptions_of_one_process_are_two_locks() {
        let table = lines("1 0 F READ 2 0 EOF\n2 0 F READ 2 0 EOF");
        let held = [
            seen("alice", 0, "1 0 F READ 2 0 EOF"),
            seen("alice", 1, "1 0 F READ 2 0 EOF"),
            seen("bob", 1, "1 0 F READ 2 0 EOF"),
        ];
        assert_eq!(
            words(&join(&table, &held, &[], name)),
            ["read 0.. by alice (flock)", "read 0.. by alice, bob (flock)"]
        );
    }

    #[test]
    fn ofd_locks_have_no_pid_on_either_side() {
        let table = lines("1 0 O WRITE -1 0 9\n1 1 O WRITE -1 5 9\n2 0 O READ -1 50 59");
        let held = [seen("alice", 0, "1 0 O WRITE -1 0 9")];
        let asleep = [wait("bob", LockKind::Ofd, true, 5, Some(9))];
        assert_eq!(
            words(&join(&table, &held, &asleep, name)),
            ["write 0..10 by alice (ofd) < bob", "read 50..60 by somebody (ofd)"]
        );
    }

    #[test]
    fn what_stops_what() {
        let lock = |kind, write| Lock {
            kind,
            write,
            start: 10,
            end: Some(19),
            owners: Vec::new(),
            waits: Vec::new(),
            breaking: "",
        };
        let posix = lock(LockKind::Posix, true);
        for (wait, stopped) in [
            (wait("b", LockKind::Posix, false, 0, Some(9)), false),
            (wait("b", LockKind::Posix, false, 0, Some(10)), true),
            (wait("b", LockKind::Ofd, true, 19, None), true),
            (wait("b", LockKind::Ofd, true, 20, None), false),
            (wait("b", LockKind::Flock, true, 0, None), false),
        ] {
            assert_eq!(posix.stops(&wait), stopped, "{wait:?}");
        }
        assert!(!lock(LockKind::Posix, false).stops(&wait("b", LockKind::Posix, false, 10, None)), "readers share");
    }

    #[test]
    fn fields_and_requests_tell_the_same() {
        let lock = Lock {
            kind: LockKind::Ofd,
            write: false,
            start: 4,
            end: None,
            owners: vec!["alice".to_owned(), "bob".to_owned()],
            // A record lock of either kind waits behind one of the other.
            waits: vec![
                wait("carol", LockKind::Ofd, true, 0, Some(9)),
                Wait { behind: "carol".to_owned(), ..wait("dora", LockKind::Posix, true, 5, None) },
            ],
            breaking: "",
        };
        let lease = Lock { kind: LockKind::Lease, breaking: GIVE_UP, waits: vec![Wait::opener("bob")], ..lock.clone() };
        assert_eq!(Lock::from_value(&lease.value()), Some(lease.clone()));
        assert!(lease.stops(&lease.waits[0]) && !lease.stops(&lock.waits[0]));
        assert!(!Lock { breaking: "", ..lease }.stops(&Wait::opener("bob")), "it has not been asked for");
        assert_eq!(Lock::from_value(&lock.value()), Some(lock.clone()));
        assert_eq!(lock.value().part("end"), Some(&Value::Nothing));
        assert_eq!(lock.value().part("waits").unwrap().as_list()[0].part("end"), Some(&Value::Int(10)));
        assert_eq!(Lock::from_value(&Value::Nothing), None);
        let asked = RecordLock::new(i32::from(libc::F_WRLCK as i16), 0, 10);
        assert_eq!(Wait::record("carol", LockKind::Ofd, asked), lock.waits[0]);
        assert_eq!(Wait::record("carol", LockKind::Ofd, RecordLock::new(0, 7, 0)).end, None);
        assert_eq!((range(0, Some(99)), range(5, None)), ("0..100".to_owned(), "5..".to_owned()));
    }
}

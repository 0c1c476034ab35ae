//! Pseudoterminals: a byte stream with a terminal in between, which edits lines, echoes, and turns keys into signals.
//!
//! A master and its slave are one object, known by the number that the kernel gives them in their devpts. What either
//! side can read is a mirror of what was reported: the kernel only counts it. Bytes go through a kernel worker, so the
//! stage asks here whether any are still under way. See pty(7), termios(3), ioctl_tty(2).

mod calls;
#[cfg(test)]
mod kernel_test;
mod line;
mod means;
mod mirror;
mod perform;
mod termios;

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use nix::poll::PollFlags;

use self::line::Settings;
use self::mirror::{Counters, Event, Mirror, Side, What};
pub(super) use self::perform::open_slave;
use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, HandleKind, Look, Reported};
use super::perform::{Performer, Refusal};
use super::show::{Shown, returned};
use super::{Card, ChangedBy, Facility, Judged, Reading, judge, stdio};
use crate::kernel::arena::Record;
use crate::kernel::proc;
use crate::kernel::pty::{self, Termios};
use crate::model::{Evidence, Field, Object, ObjectKey, Snapshot, Value};
use crate::script::{ArgValue, CallSpec, Cmp, PredicateSpec};

/// The pseudoterminal.
#[derive(Debug)]
pub(super) struct Pty;

static CARD: Card = Card {
    id: "pty",
    title: "Pseudoterminals",
    family: "communication / data transfer / pseudoterminal",
    what: "Two streams with a terminal between them: what is written to the master is typed, what a program writes to \
           the slave appears on the master.",
    identifier: "path",
    handle: "descriptor",
    persistence: "process",
    access: "permissions of the slave's file, which belongs to who opened the master",
    blocking: "read of the slave until a line is finished, of the master until something is printed; write while the \
               other side's buffers are full, or VSTOP was typed",
    boundaries: "lines, while the terminal edits them",
    manual: &["pty(7)", "posix_openpt(3)", "termios(3)", "ioctl_tty(2)", "tcsetpgrp(3)", "credentials(7)"],
};

/// So many of the bytes that a sleeper writes are looked at; what comes behind them is counted.
const HEAD: usize = 1 << 14;

/// Where slaves are named.
const DEVPTS: &str = "/dev/pts";

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "pty",
    handle: "{o}",
    ways: &[
        (
            Op::Make,
            &[
                "{a}: posix_openpt {h} O_RDWR|O_NOCTTY",
                "{a}: unlockpt {h}.m",
                "{a}: ioctl {h}.m TIOCGPTPEER O_RDWR|O_NOCTTY",
            ],
        ),
        (Op::Send, &["{a}: write {h}.m {data}"]),
        (Op::Receive, &["{a}: read {h}.s {n}"]),
        (Op::SendBack, &["{a}: write {h}.s {data}"]),
        (Op::ReceiveBack, &["{a}: read {h}.m {n}"]),
        (Op::Watch, &["{a}: poll {h}.s:POLLIN"]),
        (Op::Notify, &["{a}: fcntl {h}.s F_SETOWN {a}", "{a}: fcntl {h}.s F_SETFL O_ASYNC"]),
        (Op::EndSend, &["{a}: close {h}.m"]),
        (Op::EndReceive, &["{a}: close {h}.s"]),
    ],
}];

impl Facility for Pty {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn dialects(&self) -> &'static [Dialect] {
        DIALECTS
    }

    fn calls(&self) -> &'static [CallSpec] {
        calls::CALLS
    }

    fn predicates(&self) -> &'static [PredicateSpec] {
        calls::PREDICATES
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        perform::perform(verb, performer)
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        means::means(verb, record)
    }

    fn means_on(&self, verb: &str, record: &Record, handle: &Handle) -> Option<&'static str> {
        means::of_side(verb, record.errno, side(handle)?)
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        calls::show(verb, record)
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        let (dev, index) = identity(handle)?;
        Some(ObjectKey { facility: CARD.id.into(), dev, ino: index, offset: 0 })
    }

    fn role(&self, handle: &Handle) -> Option<&'static str> {
        Some(match side(handle)? {
            Side::Master => "master",
            Side::Slave => "slave",
        })
    }

    fn moves_late(&self) -> bool {
        true
    }

    fn in_flight(&self, found: &Found<'_>, look: &mut Look<'_>) -> bool {
        let Some(note) = look.notes.get_mut(&found.key) else { return false };
        let mirror = mirror::catch_up(note);
        let ends = Ends::borrow(found, look);
        !mirror.agrees(&ends.counters())
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Kind(CARD.id)
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let ends = Ends::borrow(found, look);
        let counters = ends.counters();
        let settled = !look.running;
        let writers = if settled { sleeping_writers(found, look) } else { Vec::new() };
        let note = look.notes.entry(found.key.clone()).or_insert(Value::Nothing);
        let mut mirror = mirror::catch_up(note);
        if settled {
            mirror.promise(&writers);
            mirror.reconcile(&counters);
            mirror::keep(note, &mirror);
        }
        let identifier = format!("{DEVPTS}/{}", found.key.ino);
        Reading { identifier, fields: fields(found, look, &ends, &counters, &mirror), ..Reading::default() }
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        if let Some(event) = event(call) {
            mirror::note_event(note, &event);
        }
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        check(word, args, object)
    }

    fn wakers(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<String> {
        wakers(object, waiter, direction, snapshot)
    }
}

/// Which side of a pseudoterminal a handle is.
fn side(handle: &Handle) -> Option<Side> {
    let HandleKind::Descriptor { mode, .. } = handle.kind else { return None };
    if mode & libc::S_IFMT != libc::S_IFCHR {
        return None;
    }
    match handle.link.as_str() {
        "/dev/ptmx" | "/dev/pts/ptmx" => Some(Side::Master),
        link => slave_number(link).map(|_| Side::Slave),
    }
}

/// The number in a slave's path, also when that is gone.
fn slave_number(link: &str) -> Option<u64> {
    let digits = link.strip_prefix(DEVPTS)?.strip_prefix('/')?;
    digits.strip_suffix(" (deleted)").unwrap_or(digits).parse().ok()
}

/// The device of the devpts that a handle belongs to, and the number in it.
fn identity(handle: &Handle) -> Option<(u64, u64)> {
    match side(handle)? {
        Side::Slave => Some((handle.dev, slave_number(&handle.link)?)),
        Side::Master => {
            let HandleKind::Descriptor { fd, .. } = handle.kind else { return None };
            let info = proc::fdinfo(handle.pid, fd).ok()?;
            let (_, index) = info.others.iter().find(|(name, _)| name == "tty-index")?;
            // A device node of its own stands for the devpts beside it, see Documentation/filesystems/devpts.rst.
            let dev = if handle.link == "/dev/ptmx" { std::fs::metadata(DEVPTS).ok()?.dev() } else { handle.dev };
            Some((dev, index.parse().ok()?))
        }
    }
}

/// A borrowed descriptor of each side, if there is one.
struct Ends {
    master: Option<OwnedFd>,
    slave: Option<OwnedFd>,
}

impl Ends {
    fn borrow(found: &Found<'_>, look: &Look<'_>) -> Self {
        let of = |wanted: Side| {
            found.handles.iter().filter(|handle| side(handle) == Some(wanted)).find_map(|handle| {
                let HandleKind::Descriptor { fd, flags, .. } = handle.kind else { return None };
                if flags & libc::O_PATH != 0 {
                    return None;
                }
                let end = look.borrow(handle.pid, fd).ok()?;
                // The number may stand for something else by now.
                let same = match wanted {
                    Side::Master => pty::ioctl_get(end.as_raw_fd(), libc::TIOCGPTN).ok().map(|n| n as u64),
                    Side::Slave => nix::sys::stat::fstat(&end).ok().map(|stat| stat.st_ino.wrapping_sub(3)),
                };
                (same == Some(found.key.ino)).then_some(end)
            })
        };
        Self { master: of(Side::Master), slave: of(Side::Slave) }
    }

    /// The slave first: what comes to it is echoed to the master.
    fn counters(&self) -> Counters {
        let ready = |end: &Option<OwnedFd>| end.as_ref().and_then(|end| pty::ready(end).ok());
        let readable = |end: &Option<OwnedFd>| end.as_ref().and_then(|end| pty::readable(end).ok());
        let slave = ready(&self.slave);
        ready(&self.master);
        let any = self.master.as_ref().or(self.slave.as_ref());
        Counters {
            settings: any.and_then(|end| pty::tcgetattr(end.as_raw_fd()).ok()).as_ref().map(settings),
            packets: self.ask(libc::TIOCGPKT).map(|on| on != 0),
            input: readable(&self.slave),
            ready: slave.is_some_and(|events| events.contains(PollFlags::POLLIN)),
            output: readable(&self.master),
            hung_up: slave.is_some_and(|events| events.contains(PollFlags::POLLHUP)),
        }
    }
}

/// Who sleeps in write(2) on the slave: a name, the first bytes, and how many there are.
fn sleeping_writers(found: &Found<'_>, look: &Look<'_>) -> Vec<(String, Vec<u8>, u64)> {
    let slave = |pid: i32, number: u64| {
        let here = |handle: &&&Handle| handle.pid == pid && side(handle) == Some(Side::Slave);
        let mut numbers = found.handles.iter().filter(here).map(|handle| &handle.kind);
        numbers.any(|kind| matches!(kind, HandleKind::Descriptor { fd, .. } if *fd as u64 == number))
    };
    let writes = look.asleep.iter().filter(|asleep| asleep.nr == libc::SYS_write && slave(asleep.pid, asleep.args[0]));
    writes
        .map(|asleep| {
            let [_, address, total, ..] = asleep.args;
            let head = look.memory(asleep.pid, address, (total as usize).min(HEAD)).unwrap_or_default();
            (asleep.actor.clone(), head, total)
        })
        .collect()
}

impl Ends {
    /// A number that only the master tells.
    fn ask(&self, request: libc::Ioctl) -> Option<i32> {
        pty::ioctl_get(self.master.as_ref()?.as_raw_fd(), request).ok()
    }
}

fn settings(of: &Termios) -> Settings {
    Settings { iflag: of.iflag, oflag: of.oflag, lflag: of.lflag, characters: of.characters }
}

/// What a finished call tells of the buffers.
fn event(call: &Reported<'_>) -> Option<Event> {
    let (record, verb) = (call.record, call.spec.name);
    let side = side(call.handle?)?;
    // What printf and fflush write they may have written before they failed.
    let wrote = stdio::written(verb, record);
    if !returned(record) || record.errno != 0 && wrote.is_none() {
        return None;
    }
    let what = match (verb, wrote) {
        (_, Some((bytes, total))) => What::Wrote(side, bytes, total),
        ("write", None) => {
            let total = record.ret.max(0) as u64;
            let bytes = record.bytes();
            What::Wrote(side, bytes[..bytes.len().min(total as usize)].to_vec(), total)
        }
        // A read that asks for nothing leaves even an end of file where it is.
        ("read", None) if record.args[2] == 0 => return None,
        ("read", None) => What::Read(side, record.ret.max(0) as u64, record.bytes().first().copied()),
        ("tcsetattr", None) => {
            let [_, action, iflag, oflag, lflag, _] = record.args;
            let mut characters = [0; pty::CHARACTERS];
            let told = record.bytes();
            let length = told.len().min(characters.len());
            characters[..length].copy_from_slice(&told[..length]);
            let flags = |word: i64| word as u32;
            let settings = Settings { iflag: flags(iflag), oflag: flags(oflag), lflag: flags(lflag), characters };
            What::Set(settings, action == i64::from(libc::TCSAFLUSH))
        }
        ("ioctl", None) if record.args[1] == libc::TIOCPKT as i64 => What::Packets(record.args[2] != 0),
        ("tcflush", None) if record.args[1] != i64::from(libc::TCOFLUSH) => What::Flushed(side),
        _ => return None,
    };
    // What was written is there from its entry on: who waited for it may return first.
    let at_ns = if matches!(what, What::Wrote(..)) { record.entered_ns } else { record.returned_ns };
    Some(Event { at_ns, by: call.actor.to_owned(), what })
}

/// Everything that is shown, the kernel's own word first.
fn fields(found: &Found<'_>, look: &Look<'_>, ends: &Ends, counters: &Counters, mirror: &Mirror) -> Vec<Field> {
    let text = |name: &'static str, value: String| Field::new(name, Value::Text(value), Evidence::Kernel);
    let count = |side_: Side| found.handles.iter().filter(|handle| side(handle) == Some(side_)).count() as i64;
    let closed = |side: &str| format!("no {side} is open through which it could be asked");
    let number = |name: &'static str, told: Option<i64>, side: &str| match told {
        Some(n) => Field::kernel_int(name, n),
        None => Field::hidden(name, &closed(side)),
    };
    let [holds, editing, shows] = mirror.fields(counters);
    let input = if counters.hung_up {
        Field::hidden("input", "the terminal has hung up, and counts nothing any more")
    } else {
        number("input", counters.input.map(|n| n as i64), "slave")
    };
    let mut fields = vec![input, holds, editing, number("output", counters.output.map(|n| n as i64), "master"), shows];
    if counters.hung_up || counters.ready && counters.input == Some(0) && mirror.line.at_end() {
        fields.push(text("next", "end of file".to_owned()));
    }
    let any = ends.master.as_ref().or(ends.slave.as_ref()).map(AsRawFd::as_raw_fd);
    if let Some(settings) = any.and_then(|fd| pty::tcgetattr(fd).ok()) {
        let [iflag, oflag, lflag] = termios::words(&settings);
        fields.extend([text("iflag", iflag), text("oflag", oflag), text("lflag", lflag)]);
        fields.push(text("characters", termios::characters(&settings)));
    }
    if let Some((rows, columns)) = any.and_then(|fd| pty::window_size(fd).ok()) {
        fields.extend([Field::kernel_int("rows", rows.into()), Field::kernel_int("columns", columns.into())]);
    }
    fields.extend(control(ends.master.as_ref(), look));
    fields.push(text("state", state(ends, count(Side::Slave))));
    fields.extend([Field::kernel_int("masters", count(Side::Master)), Field::kernel_int("slaves", count(Side::Slave))]);
    if counters.packets == Some(true) {
        fields.push(text("packet", "yes".to_owned()));
    }
    fields
}

/// The session that the terminal controls, and its foreground process group.
fn control(master: Option<&OwnedFd>, look: &Look<'_>) -> [Field; 2] {
    let Some(master) = master.map(AsRawFd::as_raw_fd) else {
        return ["session", "foreground"].map(|name| Field::hidden(name, "no master is open, and only it tells"));
    };
    let named = |pid: i32| look.actor(pid).unwrap_or("one that has ended").to_owned();
    let leader = pty::tcgetsid(master).ok().map_or_else(|| "none".to_owned(), named);
    let group = pty::tcgetpgrp(master).unwrap_or(0);
    let of_group =
        |pid: i32| nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid))).is_ok_and(|g| g.as_raw() == group);
    let members = look.actors.iter().filter(|(pid, _)| group > 0 && of_group(*pid));
    let members = members.map(|(_, name)| Value::Text(name.clone())).collect();
    [
        Field::new("session", Value::Text(leader), Evidence::Kernel),
        Field::new("foreground", Value::List(members), Evidence::Kernel),
    ]
}

/// Whether both sides are there, and what it means where one is not.
fn state(ends: &Ends, slaves: i64) -> String {
    let events = |end: &Option<OwnedFd>| end.as_ref().and_then(|end| pty::ready(end).ok());
    let hung_up = |end| events(end).is_some_and(|e| e.contains(PollFlags::POLLHUP));
    match (&ends.master, slaves) {
        (None, _) => "hung up: the master is closed",
        (Some(_), 0) if hung_up(&ends.master) => "the slave is closed",
        (Some(_), 0) if ends.ask(libc::TIOCGPTLCK) == Some(1) => "locked",
        (Some(_), 0) => "no slave is open yet",
        _ => "open",
    }
    .to_owned()
}

fn check(word: &str, args: &[ArgValue], object: &Object) -> Option<Judged> {
    let flag = |name: &str| {
        let set = object.value("lflag").as_text().is_some_and(|flags| flags.split('|').any(|f| f == name));
        Some(Judged { met: set, seen: format!("{name} is {}", if set { "set" } else { "not set" }), field: "lflag" })
    };
    let names =
        || args.iter().filter_map(|arg| if let ArgValue::Name(name) = arg { Some(name.as_str()) } else { None });
    match word {
        "holds" => Some(judge::holds("holds", args, object)),
        "shows" => Some(judge::holds("shows", args, object)),
        "editing" => Some(judge::holds("editing", args, object)),
        "canonical" => flag("ICANON"),
        "echo" => flag("ECHO"),
        "signals" => flag("ISIG"),
        "foreground" => {
            let mut seen: Vec<&str> = object.value("foreground").as_list().iter().filter_map(Value::as_text).collect();
            let mut wanted: Vec<&str> = names().collect();
            seen.sort_unstable();
            wanted.sort_unstable();
            let shown = if seen.is_empty() { "nobody".to_owned() } else { seen.join(", ") };
            Some(Judged { met: seen == wanted, seen: format!("{shown} in the foreground"), field: "foreground" })
        }
        "session" => {
            let leader = object.value("session").as_text().unwrap_or("nobody that could be told");
            Some(Judged {
                met: names().eq([leader]),
                seen: format!("its session is led by {leader}"),
                field: "session",
            })
        }
        _ => None,
    }
}

/// Who sleeps on which side: told by the descriptor that its call names, 1 for those on standard output.
fn side_of(object: &Object, waiter: &str, snapshot: &Snapshot) -> Option<&'static str> {
    let args = &snapshot.actor(waiter)?.sleep()?.args;
    let digits: String = args.chars().take_while(char::is_ascii_digit).collect();
    let fd = if digits.is_empty() { "1" } else { digits.as_str() };
    let holder = object.holders.iter().find(|h| h.actor == waiter && h.handle == fd)?;
    ["master", "slave"].into_iter().find(|side| holder.role == *side)
}

/// A reader of the slave is woken by who types, a reader of the master by who prints, or by who types where that is
/// echoed; a writer by who reads on the other side.
fn wakers(object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<String> {
    let Some(side) = side_of(object, waiter, snapshot) else { return Vec::new() };
    let other = if side == "master" { "slave" } else { "master" };
    let mut wakers = object.holding(other);
    let echoed = object.value("lflag").as_text().is_some_and(|flags| flags.split('|').any(|f| f == "ECHO"));
    if direction == "read" && side == "master" && echoed {
        wakers.extend(object.holding("master"));
    }
    wakers.sort_unstable();
    wakers.dedup();
    wakers.into_iter().map(str::to_owned).collect()
}

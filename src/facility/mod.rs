//! The facilities: one file each, with its card, its calls, how an actor performs them and how the stage reads it.
//!
//! Adding one takes a file here, a line in [`ALL`], a file in `tui/panes` and a line in its registry. Nothing else
//! asks which facility something is: everybody else goes through [`Facility`].

mod atomic;
mod barrier;
mod body;
mod cond;
pub mod deed;
mod descriptor;
pub mod dialect;
mod endpoint;
mod epoll;
mod eventfd;
mod fifo;
mod filelock;
mod futex;
mod handover;
mod judge;
pub mod look;
mod machine;
mod meaning;
mod memory;
mod mirror;
mod mq;
mod mutex;
mod nameless;
mod names;
pub mod perform;
mod pipe;
mod poll;
mod process;
mod pthread;
mod pty;
mod quantities;
mod rwlock;
pub(crate) mod schedule;
mod semaphore;
mod shm;
pub mod show;
mod signal;
mod signalfd;
mod socket;
mod spin;
mod stdio;
mod sysv;
mod sysv_mq;
mod sysv_sem;
mod sysv_shm;
mod table;
mod tcp;
mod thread;
mod timerfd;
mod udp;
mod undefined;
mod unix;
mod views;

pub use socket::may_be_timed;
pub use sysv::key_of;
pub use undefined::{Intent, undefined};
pub(crate) use views::untold_pages;

use std::sync::OnceLock;

use crate::kernel::arena::Record;
use crate::model::{Actor, Field, Holder, Object, ObjectKey, OtherEnd, Sleep, Snapshot, Value};
use crate::script::{ArgValue, CallSpec, Chapter, Cmp, PredicateSpec, Registry};
use deed::Deed;
use dialect::{Dialect, Parts};
use look::{Found, Ground, Handle, Look, Reported};
pub(crate) use meaning::{meaning, meaning_on};
pub(crate) use memory::{Mapped, mapped};
use perform::{Performer, Refusal};
pub(crate) use quantities::page_size;
use show::Shown;
pub use signal::{SignalDeed, Target};
pub(crate) use signal::{handled, set_names};

/// A facility: what it is, how it is used, and how it is read without disturbing it.
pub trait Facility: Sync {
    /// What it is, in words.
    fn card(&self) -> &'static Card;

    /// Its calls, under their manual names. None where other facilities bring all that it is used by, as sockets do for
    /// each family.
    fn calls(&self) -> &'static [CallSpec] {
        &[]
    }

    /// How what others can do is done with it, one for each of its kinds.
    fn dialects(&self) -> &'static [Dialect] {
        &[]
    }

    /// How scenarios speak of those of its kinds that are made of several parts.
    fn parts(&self) -> &'static [Parts] {
        &[]
    }

    /// Its predicates for `expect`, beside the names of its fields, which are predicates as they are.
    fn predicates(&self) -> &'static [PredicateSpec] {
        &[]
    }

    /// Names of its manual pages that its calls leave out, and why: what stands behind a colon.
    fn left_out(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Makes a call inside the actor's process. Every call goes through [`Performer::call`] or its kin, which record
    /// it. A `Refusal` means that no call was made, since a name or value does not fit.
    fn perform(&self, verb: &str, _performer: &mut Performer<'_>) -> Result<(), Refusal> {
        Err(Refusal::new(format!("{verb} is no call of {}", self.card().title)))
    }

    /// How a recorded call reads, in the manner of strace. An entered one has `returned_ns == 0`.
    fn show(&self, _verb: &str, _record: &Record) -> Shown {
        Shown::args(String::new())
    }

    /// What the result of a recorded call means here, where that is not plain: why it failed, or that it did less than
    /// one would think. A sentence without a full stop; a pid in it as [`show::pid`] writes it.
    fn means(&self, _verb: &str, _record: &Record) -> Option<String> {
        None
    }

    /// Why a call that never returned has ended its caller by this signal: what its library does there. An access to
    /// memory is explained by what its address leads to. A sentence without a full stop.
    fn killed_in(&self, _verb: &str, _signal: &str) -> Option<&'static str> {
        None
    }

    /// What [`means`](Self::means) tells, of a call of another facility on a descriptor of one of its objects: read(2),
    /// write(2).
    fn means_on(&self, _verb: &str, _record: &Record, _handle: &Handle) -> Option<&'static str> {
        None
    }

    /// The calls of which [`Facility::signal_deed`] can tell something: its own, or others on descriptors of its objects.
    fn signal_calls(&self) -> &'static [&'static str] {
        &[]
    }

    /// What a recorded call that has succeeded did about signals.
    fn signal_deed(&self, _verb: &str, _record: &Record) -> Option<SignalDeed> {
        None
    }

    /// Whether a descriptor or mapping that was found is a handle on an object of this facility, and the object's key.
    fn claim(&self, _handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        None
    }

    /// What a call does to objects that lie inside a mapping, where no descriptor and no /proc file tells of them. The
    /// memory it named is in its [`Made`](perform::Made), and resolves to device, inode and offset: the object's key.
    fn inside(&self, _verb: &str) -> Inside {
        Inside::Nothing
    }

    /// How many bytes such an object takes; 0 where none of this facility lies inside memory.
    fn size(&self) -> u64 {
        0
    }

    /// What whoever sleeps on an object of this facility waits to do, in a call of another one.
    fn waits_to(&self) -> Option<&'static str> {
        None
    }

    /// Why POSIX leaves it undefined what this call will do: a clause about what is on stage. Asked before it is made.
    fn undefined(&self, _verb: &str, _intent: &Intent<'_>) -> Option<String> {
        None
    }

    /// Objects that exist by name though nobody may hold them: FIFOs in the stage's directory, queues, segments. The
    /// stage asks again when a name has come or gone in its directory, in /dev/shm or among the queues.
    fn named(&self, _look: &mut Look<'_>) -> Vec<Found<'_>> {
        Vec::new()
    }

    /// Objects that the kernel knows by an id, and no handle leads to: on an isolated stage all that exist, in shared
    /// mode only those that were made here ([`Look::ids`]). Asked at each look.
    fn numbered(&self, _look: &mut Look<'_>) -> Vec<ObjectKey> {
        Vec::new()
    }

    /// Whether what was found by its name alone is an object of its own, and not only the name of one that was found
    /// otherwise.
    fn stands_alone(&self, _found: &Found<'_>, _look: &mut Look<'_>) -> bool {
        true
    }

    /// Reads one object. Borrowed descriptors are closed before it returns.
    fn read(&self, _found: &Found<'_>, _look: &mut Look<'_>) -> Reading {
        Reading::default()
    }

    /// Whose doings can change what [`Facility::read`] tells. As long as none of them does anything, what was read stays
    /// true, and is not read again.
    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Anyone
    }

    /// Whether its calls can change objects of any kind: they make and end processes, and with them what these hold.
    fn changes_all(&self) -> bool {
        false
    }

    /// What for a holder has it, where that is not told by the access mode of its descriptor: one word.
    fn role(&self, _handle: &Handle) -> Option<&'static str> {
        None
    }

    /// Whether the kernel by itself moves data on in objects of this facility, after the call that sent them has
    /// returned: then a stage in which everybody sleeps may not have settled yet, and [`in_flight`](Self::in_flight)
    /// is asked.
    fn moves_late(&self) -> bool {
        false
    }

    /// Whether data are still under way inside the object. All who could have sent them are asleep or idle.
    fn in_flight(&self, _found: &Found<'_>, _look: &mut Look<'_>) -> bool {
        false
    }

    /// Whether [`Facility::learn`] has to hear of calls on objects inside memory: each costs a question to the kernel.
    fn hears_of_memory(&self) -> bool {
        false
    }

    /// Learns from a finished call what the kernel will not tell later; `note` is the facility's memory of the object.
    fn learn(&self, _call: &Reported<'_>, _note: &mut Value) {}

    /// Judges a predicate of this facility's own. `None`: it is a field's name, and the field decides.
    fn check(&self, _word: &str, _args: &[ArgValue], _cmp: Option<Cmp>, _object: &Object) -> Option<Judged> {
        None
    }

    /// What a recorded call in which an actor sleeps waits to do, where its arguments, or the kernel, tell it better than
    /// its specification. Asked at the actor's place.
    fn direction(&self, _record: &Record) -> Option<&'static str> {
        None
    }

    /// Removes what dead actors of a stage in shared mode have left on the machine and neither a file system nor the
    /// last process takes away; says how many objects there were.
    fn remove_left(&self, _left: &Left) -> usize {
        0
    }

    /// Who could end the wait of `waiter`, which sleeps on `object` in `direction`: any one of them could.
    fn wakers(&self, _object: &Object, _waiter: &str, _direction: &str, _snapshot: &Snapshot) -> Vec<String> {
        Vec::new()
    }

    /// The same where one alone may not be enough: of each group somebody must act. Locks of several owners may be in
    /// the way of one.
    fn groups(&self, object: &Object, waiter: &str, direction: &str, snapshot: &Snapshot) -> Vec<Vec<String>> {
        let wakers = self.wakers(object, waiter, direction, snapshot);
        if wakers.is_empty() { Vec::new() } else { vec![wakers] }
    }

    /// Whether those are all who could: nobody else can come to the object, by its name or otherwise, and end a wait in
    /// that direction. If not, a cycle of such waits is suspicious and no more.
    fn only_they(&self, _object: &Object, direction: &str, _snapshot: &Snapshot) -> bool {
        direction == "lock"
    }

    /// The end by which others would end such a wait, for what has two ends.
    fn other_end(&self, _object: &Object, _waiter: &str, _direction: &str, _snapshot: &Snapshot) -> Option<OtherEnd> {
        None
    }

    /// Whether its calls wait for any of several things, of which one may come from anywhere.
    fn waits_for_any(&self) -> bool {
        false
    }

    /// Who could end a sleep in a call of this facility that is on no object: any one of them could.
    fn wakers_of_call(&self, _sleep: &Sleep, _sleeper: &Actor, _snapshot: &Snapshot) -> Vec<String> {
        Vec::new()
    }

    /// Its calls of which [`Facility::deed`] can tell something.
    fn accounted(&self) -> &'static [&'static str] {
        &[]
    }

    /// What a finished call did that the kernel keeps no account of. `record.errno` tells whether it succeeded.
    fn deed(&self, _verb: &str, _record: &Record) -> Option<Deed> {
        None
    }
}

/// What a call does to objects inside memory; see [`Facility::inside`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// Nothing: what it made can be found by [`Facility::claim`].
    Nothing,
    /// Such an object begins at the address that it made.
    Begins,
    /// The object at that address has ended.
    Ends,
    /// It is the word at that address, from when somebody sleeps there on.
    Word,
}

/// What is known of a session that has ended; see [`Facility::remove_left`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// What its names begin with.
    pub tag: String,
    /// The names that its actors have used, as they were written.
    pub names: Vec<String>,
    /// The ids that were made, each with its facility.
    pub ids: Vec<(String, i32)>,
}

/// What [`Facility::read`] found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Path or name as the manual means it; empty if it has none.
    pub identifier: String,
    /// What was read, in the order in which it is shown.
    pub fields: Vec<Field>,
    /// Holders beyond those of descriptors and mappings: owners of locks.
    pub holders: Vec<Holder>,
    /// The order in which waiters stand, where the kernel tells it.
    pub queue: Option<Vec<String>>,
    /// Whether it may change though no holder runs, in a facility where that is the exception.
    pub fleeting: bool,
}

/// Whose doings can change what is read of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedBy {
    /// Anybody's, or a clock.
    Anyone,
    /// Those of a process that holds it, or that opens it by its name in one of the directories that are watched: `read`
    /// goes by no notes.
    Holders,
    /// Those of a process that holds any object of the same kind, or makes a call on one: the two ends of a connection
    /// are two objects, and an id can be used by whoever knows it. The kind is named by the facility that has the calls.
    /// On a stage that has the names of such objects in common with the rest of the machine it may be anybody's.
    Kind(&'static str),
}

/// A judged predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whether it holds.
    pub met: bool,
    /// What was seen, in words.
    pub seen: String,
    /// The field that tells it, for its evidence.
    pub field: &'static str,
}

/// What a facility is, in words: the card of the map and of the help.
#[derive(Debug)]
pub struct Card {
    /// Its id, one word: `pipe`.
    pub id: &'static str,
    /// Its title: `Pipe`.
    pub title: &'static str,
    /// Where it stands in the taxonomy: `communication / data transfer / byte stream`.
    pub family: &'static str,
    /// One sentence.
    pub what: &'static str,
    /// What identifies it between processes: `none`, `path`, `name`.
    pub identifier: &'static str,
    /// What a process holds: `descriptor`, `address`.
    pub handle: &'static str,
    /// How long it lives: `process`, `kernel`, `file system`.
    pub persistence: &'static str,
    /// Who may use it.
    pub access: &'static str,
    /// When it blocks.
    pub blocking: &'static str,
    /// Whether it keeps message boundaries.
    pub boundaries: &'static str,
    /// Manual pages to read on.
    pub manual: &'static [&'static str],
}

/// All facilities, in the order of the reference. The first six are not facilities of IPC: they bring the calls
/// on processes, threads, scheduling, descriptors, memory and standard output that all others need.
pub static ALL: &[&dyn Facility] = &[
    &process::Process,
    &thread::Threads,
    &schedule::Scheduling,
    &descriptor::Descriptors,
    &memory::Memory,
    &stdio::Stdio,
    &pipe::Pipe,
    &fifo::Fifo,
    &socket::Sockets,
    &unix::Unix,
    &tcp::Tcp,
    &udp::Udp,
    &mq::MessageQueue,
    &sysv_mq::SysvQueue,
    &shm::Shm,
    &sysv_shm::SysvSegment,
    &semaphore::Semaphore,
    &sysv_sem::SysvSet,
    &mutex::Mutex,
    &cond::Cond,
    &rwlock::RwLock,
    &barrier::Barrier,
    &spin::Spin,
    &futex::Futex,
    &atomic::Atomic,
    &filelock::FileLock,
    &pty::Pty,
    &signal::Signals,
    &poll::Polling,
    &epoll::Epoll,
    &eventfd::EventFd,
    &timerfd::TimerFd,
    &signalfd::SignalFd,
];

/// What a finished call did that the kernel keeps no account of, if its facility can tell.
pub fn deed(record: &Record) -> Option<Deed> {
    static ACCOUNTED: OnceLock<Vec<Option<(&dyn Facility, &str)>>> = OnceLock::new();
    let all = ACCOUNTED.get_or_init(|| {
        let of = |f: &'static dyn Facility, verb: &'static str| f.accounted().contains(&verb).then_some((f, verb));
        ALL.iter().flat_map(|f| f.calls().iter().map(move |call| of(*f, call.name))).collect()
    });
    let (facility, verb) = (*all.get(usize::from(record.verb))?)?;
    facility.deed(verb, record)
}

/// What a finished call did about signals, told by the facility that knows; `behind` gives the facility of what a
/// descriptor of the caller leads to.
pub fn signal_deed(record: &Record, behind: impl FnOnce(i32) -> Option<String>) -> Option<SignalDeed> {
    /// Who tells, under which name of the call, and whether it is one of its own.
    type Teller = (&'static dyn Facility, &'static str, bool);
    static TELLERS: OnceLock<Vec<Option<Teller>>> = OnceLock::new();
    let all = TELLERS.get_or_init(|| {
        let teller = |owner: &'static dyn Facility, verb: &'static str| {
            let found = ALL.iter().copied().find(|f| f.signal_calls().contains(&verb))?;
            Some((found, verb, found.card().id == owner.card().id))
        };
        ALL.iter().flat_map(|f| f.calls().iter().map(move |call| teller(*f, call.name))).collect()
    });
    let (facility, verb, own) = (*all.get(usize::from(record.verb))?)?;
    if record.errno != 0 || !own && behind(record.args[0] as i32)? != facility.card().id {
        return None;
    }
    facility.signal_deed(verb, record)
}

/// The facility of that id.
pub fn by_id(id: &str) -> Option<&'static dyn Facility> {
    ALL.iter().copied().find(|f| f.card().id == id)
}

/// The facility that owns a verb.
pub fn of_verb(verb: &str) -> Option<&'static dyn Facility> {
    ALL.iter().copied().find(|f| f.calls().iter().any(|c| c.name == verb))
}

/// The place in [`ALL`] of the facility that owns a verb: what tells ids of different facilities apart.
pub fn place_of_verb(verb: &str) -> Option<u8> {
    ALL.iter().position(|f| f.calls().iter().any(|c| c.name == verb)).map(|place| place as u8)
}

/// All that the language knows of calls, made once.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry {
        chapters: ALL
            .iter()
            .map(|f| Chapter { id: f.card().id, title: f.card().title, calls: f.calls(), predicates: f.predicates() })
            .collect(),
        quantities: quantities::quantities(),
        left_out: ALL.iter().flat_map(|f| f.left_out()).copied().collect(),
    })
}

/// What an expression can refer to outside any actor: the machine's quantities, and no variables.
#[derive(Debug, Clone, Copy)]
pub struct Machine;

impl crate::script::Env for Machine {
    fn var(&self, _: &str) -> Option<crate::script::Data> {
        None
    }

    fn quantity(&self, name: &str) -> Option<i64> {
        registry().quantity(name)
    }
}

/// The number of a signal by its C name: `SIGUSR1`, `SIGRTMIN+2`, `SIGRTMAX-1`.
pub fn signal_number(name: &str) -> Result<i32, Refusal> {
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let realtime =
        |rest: &str, sign: char| if rest.is_empty() { Some(0) } else { rest.strip_prefix(sign)?.parse().ok() };
    let up = name.strip_prefix("SIGRTMIN").and_then(|rest| realtime(rest, '+')).map(|n: i32| first.saturating_add(n));
    let down = name.strip_prefix("SIGRTMAX").and_then(|rest| realtime(rest, '-')).map(|n: i32| last.saturating_sub(n));
    if let Some(number) = up.or(down).filter(|n| (first..=last).contains(n)) {
        return Ok(number);
    }
    name.parse::<nix::sys::signal::Signal>().map(|s| s as i32).map_err(|_unknown| {
        let names: Vec<&str> = nix::sys::signal::Signal::iterator().map(nix::sys::signal::Signal::as_str).collect();
        let refusal = Refusal::new(format!("{name} is not a signal"));
        match crate::script::nearest(name, names.iter().copied()) {
            Some(near) => refusal.help(format!("did you mean {near}?")),
            None => refusal.help("signals have their C names: SIGUSR1"),
        }
    })
}

/// The C name of a signal: `SIGKILL`, `SIGRTMIN+2`.
pub fn signal_name(number: i32) -> String {
    if let Ok(signal) = nix::sys::signal::Signal::try_from(number) {
        return signal.as_str().to_owned();
    }
    match number - libc::SIGRTMIN() {
        0 => "SIGRTMIN".to_owned(),
        n @ 1.. if number <= libc::SIGRTMAX() => format!("SIGRTMIN+{n}"),
        _ => format!("signal {number}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::script::{ArgKind, Form, Makes, parse};

    /// What a line says, parsed and printed; its errors if it does not parse.
    fn printed(line: &str) -> Result<String, String> {
        let (statements, diagnostics) = parse(line, registry());
        match &statements[..] {
            [one] if diagnostics.is_empty() => Ok(one.to_string()),
            _ => Err(format!("{line}: {diagnostics:#?}")),
        }
    }

    #[test]
    fn every_example_parses_and_prints_as_it_was_written() {
        let mut wrong = Vec::new();
        for chapter in &registry().chapters {
            let calls = chapter.calls.iter().map(|c| (c.name, c.example));
            let predicates = chapter.predicates.iter().map(|p| (p.word, p.example));
            for (word, example) in calls.chain(predicates) {
                match printed(example) {
                    Ok(text) if text == example && example.contains(word) => {}
                    other => wrong.push(format!("{}: {word}: {other:?}", chapter.id)),
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_call_is_fully_described() {
        let mut names = BTreeSet::new();
        for call in registry().calls() {
            let name = call.name;
            assert!(names.insert(name), "{name} stands in two chapters");
            assert!(!call.doc.is_empty() && !call.doc.ends_with('.'), "{name}: {}", call.doc);
            assert!(!call.c.is_empty(), "{name}");
            assert!(!call.syscall || call.man.ends_with(')'), "{name} has a manual page");
            let args: BTreeSet<&str> = call.args.iter().map(|a| a.name).collect();
            assert_eq!(args.len(), call.args.len(), "{name}: two arguments of one name");
            for arg in call.args {
                assert!(!arg.doc.is_empty() && !arg.doc.ends_with('.'), "{name} {}: {}", arg.name, arg.doc);
            }
            let keyed = call.args.iter().position(|a| a.form == Form::Keyed).unwrap_or(call.args.len());
            assert!(call.args[keyed..].iter().all(|a| a.form == Form::Keyed), "{name}: keyed arguments come last");
            let named = call.args.iter().any(|a| matches!(a.kind, ArgKind::NewName | ArgKind::NewActor));
            assert!(!named || call.makes != Makes::Nothing, "{name} names what it does not make");
        }
    }

    #[test]
    fn templates_name_their_arguments() {
        for call in registry().calls() {
            for part in call.c.split('{').skip(1) {
                let Some((word, _)) = part.split_once('}') else { continue };
                let plain = word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
                let known = matches!(word, "as" | "into") || call.args.iter().any(|a| a.name == word);
                assert!(!plain || known, "{}: {{{word}}} is no argument", call.name);
            }
        }
    }

    #[test]
    fn facilities_are_found_by_id_and_verb() {
        let ids: BTreeSet<&str> = ALL.iter().map(|f| f.card().id).collect();
        assert_eq!(ids.len(), ALL.len());
        for facility in ALL {
            assert!(by_id(facility.card().id).is_some() && facility.card().what.ends_with('.'));
            for call in facility.calls() {
                assert_eq!(of_verb(call.name).map(|f| f.card().id), Some(facility.card().id), "{}", call.name);
            }
        }
        assert!(by_id("nonesuch").is_none() && of_verb("nonesuch").is_none());
    }

    #[test]
    fn what_is_left_out_is_said_where_it_is_written() {
        for line in [
            "alice: send s \"x\" MSG_OOB",
            "alice: recv s 1 MSG_DONTWAIT|MSG_OOB",
            "alice: setsockopt s SOL_SOCKET SO_OOBINLINE 1",
        ] {
            let (_, diagnostics) = parse(line, registry());
            let help: Vec<&str> = diagnostics.iter().filter_map(|d| d.help.as_deref()).collect();
            assert!(matches!(help[..], [help] if help.contains("is left out: no pane")), "{line}: {diagnostics:?}");
        }
    }

    #[test]
    fn accounted_calls_are_calls() {
        for facility in ALL {
            let calls: Vec<&str> = facility.calls().iter().map(|c| c.name).collect();
            for verb in facility.accounted() {
                assert!(calls.contains(verb), "{} accounts for {verb}, which is no call of its", facility.card().id);
            }
        }
        assert_eq!(deed(&Record { verb: u16::MAX, ..Record::default() }), None);
    }

    #[test]
    fn signals_have_names_and_numbers() {
        for name in crate::script::SIGNALS {
            let number = signal_number(name).unwrap();
            assert_eq!(signal_number(&signal_name(number)), Ok(number), "{name}");
        }
        assert_eq!(signal_name(libc::SIGRTMIN() + 2), "SIGRTMIN+2");
        assert_eq!(signal_number("SIGRTMAX-1"), Ok(libc::SIGRTMAX() - 1));
        for name in ["SIGRTMIN+99", "SIGRTMIN-1", "SIGRTMAX+1", "SIGRTMIN+", "12"] {
            assert!(signal_number(name).is_err(), "{name}");
        }
        assert_eq!(signal_number("SIGKIL").unwrap_err().help.as_deref(), Some("did you mean SIGKILL?"));
    }
}

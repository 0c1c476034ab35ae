//! What mutexes, condition variables, read-write locks, barriers and spin locks have in common: each is some words of
//! memory that a C library works on. What these mean is glibc's own business, so they are read as it reads them only
//! for those of its versions whose words were checked.

use std::ops::RangeInclusive;
use std::sync::OnceLock;

use nix::errno::Errno;

use super::deed::{self, Deed, Through};
use super::look::{Found, Look};
use super::perform::{Bound, Making, Performer, Refusal};
use super::shm;
use super::show::{self, Shown};
use super::table::saturated;
use super::undefined::{Intent, Place};
use super::{Facility, Inside};
use crate::kernel::arena::Record;
use crate::kernel::pthread;
use crate::model::{Actor, Evidence, Field, Holder, Object, ObjectKey, Snapshot, Value};
use crate::script::{ArgKind, ArgSpec, ArgValue, Expr, Form};

/// Whether processes share it; of each kind of attributes.
pub(super) const PSHARED: &[(&str, i64)] = &[
    ("PTHREAD_PROCESS_PRIVATE", pthread::PTHREAD_PROCESS_PRIVATE as i64),
    ("PTHREAD_PROCESS_SHARED", pthread::PTHREAD_PROCESS_SHARED as i64),
];

/// The versions whose words were checked: in glibc's sources for 64-bit machines, and where the tests run by them.
const CHECKED: RangeInclusive<(u32, u32)> = (2, 34)..=(2, 42);

/// The version of glibc, if its words are known; else why not.
pub(super) fn version() -> Result<(u32, u32), &'static str> {
    static VERSION: OnceLock<Result<(u32, u32), String>> = OnceLock::new();
    let known = VERSION.get_or_init(|| known(pthread::glibc_version()));
    known.as_ref().copied().map_err(String::as_str)
}

fn known(version: Option<(u32, u32)>) -> Result<(u32, u32), String> {
    match version {
        Some(version) if CHECKED.contains(&version) => Ok(version),
        Some((major, minor)) => Err(format!(
            "what the words mean is the C library's own, and was not checked for glibc {major}.{minor} \
             (it was for {}.{} to {}.{})",
            CHECKED.start().0,
            CHECKED.start().1,
            CHECKED.end().0,
            CHECKED.end().1
        )),
        None => Err("what the words mean is the C library's own, and is known for glibc only".to_owned()),
    }
}

/// The words of an object, as they are in memory, whatever they mean.
pub(super) fn raw<const N: usize>(found: &Found<'_>, look: &Look<'_>) -> Result<[u32; N], &'static str> {
    let in_memory = found.place().and_then(|(pid, address)| look.memory(pid, address, N * 4).ok());
    let in_file = || {
        let file = shm::open(found, look)?;
        let from = found.key.offset as usize;
        shm::head(&file, from as u64 + N as u64 * 4)?.get(from..).map(<[u8]>::to_vec)
    };
    let bytes =
        in_memory.or_else(in_file).filter(|bytes| bytes.len() == N * 4).ok_or("no actor has it mapped for reading")?;
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    Ok(words)
}

/// The words of an object, if it is known what they mean.
pub(super) fn words<const N: usize>(found: &Found<'_>, look: &Look<'_>) -> Result<[u32; N], &'static str> {
    version()?;
    raw(found, look)
}

/// Where it lies: the object whose memory it is, and the offset there.
pub(super) fn identifier(found: &Found<'_>, look: &Look<'_>) -> String {
    if found.handles.iter().any(|h| (h.dev, h.ino) == (found.key.dev, found.key.ino)) {
        format!("{}+{}", shm::identifier(found, look.tag), found.key.offset)
    } else {
        format!("private memory at {:#x}", found.key.ino)
    }
}

/// A field that is a word.
pub(super) fn word(name: &'static str, word: impl Into<String>) -> Field {
    Field::new(name, Value::Text(word.into()), Evidence::Kernel)
}

/// Whom a word names by the number of a task, and whether that one lives; nobody for 0.
pub(super) struct Owner {
    pub name: String,
    pub alive: bool,
}

impl Owner {
    pub(super) fn of(tid: u32, look: &Look<'_>) -> Self {
        let tid = tid as i32;
        Self { name: look.who(tid), alive: look.actor(tid).is_some() }
    }

    /// As a holder of the object, as long as it lives.
    pub(super) fn holder(&self) -> Option<Holder> {
        let holder = || Holder { actor: self.name.clone(), role: "lock".into(), handle: "owner".to_owned() };
        self.alive.then(holder)
    }
}

/// Those who have the object in their memory and could work on it, but for the one who waits.
pub(super) fn others(object: &Object, waiter: &str, snapshot: &Snapshot) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for holder in &object.holders {
        let alive = snapshot.actor(&holder.actor).is_none_or(Actor::alive);
        if alive && holder.actor != waiter && !names.contains(&holder.actor) {
            names.push(holder.actor.clone());
        }
    }
    names
}

/// An actor, if it is alive: the only one who could end a wait.
pub(super) fn alone(name: Option<&str>, snapshot: &Snapshot) -> Vec<String> {
    name.filter(|name| snapshot.actor(name).is_some_and(Actor::alive)).map(str::to_owned).into_iter().collect()
}

/// An address at a multiple of `step` bytes, as the type in C demands.
pub(super) fn aligned(performer: &Performer<'_>, arg: &str, step: u64, what: &str) -> Result<u64, Refusal> {
    let address = performer.int(arg, 0) as u64;
    if address.is_multiple_of(step) {
        return Ok(address);
    }
    Err(Refusal::new(format!("{what} lies at a multiple of {step} bytes")).help("such as m+64"))
}

/// Makes a call that gives its error as a number, and records it with its arguments as they were written. `args` are
/// the first ones as numbers, an address first; a timed call has a `limit`.
pub(super) fn make(
    performer: &mut Performer<'_>,
    args: [i64; 3],
    limit: Option<i64>,
    call: impl FnOnce() -> Result<i64, Errno>,
) -> Result<i64, Errno> {
    let text = written(performer);
    let [first, second, third] = args;
    let making = Making::new([first, second, third, 0, 0, 0]).data(text.as_bytes());
    let making = limit.map_or(making, |ns| making.within(ns));
    performer.call_then(making, call, |record| {
        if record.errno != 0 {
            record.ret = record.errno.into();
        }
    })
}

/// Tells the stage of an object that a call of `facility` has begun or ended at an address, if it has.
pub(super) fn begun_or_ended(facility: &dyn Facility, verb: &str, performer: &mut Performer<'_>, address: u64) {
    if facility.inside(verb) != Inside::Nothing {
        let name = performer.expr.bind.clone().unwrap_or_default();
        performer.made_inside(&name, Bound::Memory(address, facility.size()));
    }
}

/// Makes or changes attributes at an address, by the constant that is the call's second argument if it has one.
pub(super) fn attribute(performer: &mut Performer<'_>, address: u64, set: fn(u64, i32) -> Result<(), Errno>) {
    let value = performer.spec.args.get(1).map_or(0, |arg| performer.int(arg.name, 0));
    let real = saturated(value);
    let made = make(performer, [address as i64, value, 0], None, || set(address, real).map(|()| 0));
    if made.is_ok() {
        // Attributes are no object: whoever made them has a name for them.
        performer.bind("", "", Bound::Memory(address, pthread::ATTR_SIZE as u64));
    }
}

fn written(performer: &Performer<'_>) -> String {
    let given = |spec: &&ArgSpec| performer.expr.args.iter().find(|arg| arg.name == spec.name).map(|arg| &arg.value);
    let one = |spec: &ArgSpec| match given(&spec) {
        Some(ArgValue::Expr(e @ Expr::Duration(_))) => format!("now + {e}"),
        Some(value) => value.to_string(),
        None => "NULL".to_owned(),
    };
    let shown = |spec: &&ArgSpec| spec.form != Form::Keyed || given(spec).is_some();
    performer.spec.args.iter().filter(shown).map(one).collect::<Vec<_>>().join(", ")
}

/// What a finished call on a lock in memory did, by its verb; `undo` is the one that lets it go.
pub(super) fn lock_deed(verb: &str, undo: &str, record: &Record) -> Option<Deed> {
    let (on, owner, extent) = (Through::Address(record.args[0] as u64), deed::Owner::Task, (0, None));
    if verb == undo {
        return (record.errno == 0).then_some(Deed::Unlock { on, owner, extent });
    }
    Some(Deed::Lock { on, owner, extent, what: String::new() })
}

/// How such a call reads.
pub(super) fn show(record: &Record) -> Shown {
    let mut args = String::from_utf8_lossy(record.bytes()).into_owned();
    if record.data_len as usize > record.bytes().len() {
        args.push('…');
    }
    let failed = show::returned(record) && record.errno != 0;
    let error = || {
        let errno = Errno::from_raw(record.errno);
        format!("{} {errno:?} ({})", record.ret, errno.desc())
    };
    Shown { args, result: failed.then(error) }
}

/// The argument of a call on attributes.
pub(super) const ATTR: ArgSpec =
    ArgSpec { name: "attr", kind: ArgKind::Address, form: Form::Required, doc: "the attributes, at a multiple of 4" };

/// The same where it may be left out.
pub(super) const NO_ATTR: ArgSpec = ArgSpec {
    name: "attr",
    kind: ArgKind::Address,
    form: Form::Optional,
    doc: "its attributes; left out, the defaults",
};

/// What is undefined for all of them: to make one where one is, to use none, and to use one of another process.
/// `what` it is, as a word; `begins`: whether the call makes it.
pub(super) fn misused(intent: &Intent<'_>, arg: &str, facility: &str, what: &str, begins: bool) -> Option<String> {
    match (intent.place(arg, facility), begins) {
        (Place::Object(object), true) => Some(format!("{} is there already, and was not destroyed", object.name)),
        (Place::Object(object), false) => {
            let maker = object.value("maker").as_text()?;
            let stranger = object.int("pshared") == Some(0) && process(maker) != process(intent.actor);
            stranger.then(|| format!("{} is private to the process of {maker} (PTHREAD_PROCESS_PRIVATE)", object.name))
        }
        (Place::Nothing(at), false) => Some(format!("no {what} was initialized at {at}, or it was destroyed")),
        (Place::Nothing(_), true) | (Place::Unknown, _) => None,
    }
}

/// The process of an actor that may be one of its threads: `alice` for `alice.t1`.
fn process(actor: &str) -> &str {
    actor.split('.').next().unwrap_or(actor)
}

/// Who made an object, as far as it was reported; see [`learn_maker`].
pub(super) fn maker(key: &ObjectKey, look: &Look<'_>) -> Option<Field> {
    let maker = look.note(key).part("maker")?.as_text()?.to_owned();
    Some(Field::new("maker", Value::Text(maker), Evidence::Reported))
}

/// A note on an object that an actor has just made.
pub(super) fn made_by(actor: &str) -> Value {
    Value::Record(vec![("maker".into(), Value::Text(actor.to_owned()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_checked_versions_are_read() {
        assert_eq!(known(Some((2, 36))), Ok((2, 36)));
        for version in [(2, 33), (2, 43), (3, 0), (1, 99)] {
            let why = known(Some(version)).unwrap_err();
            assert!(why.contains(&format!("glibc {}.{} ", version.0, version.1)), "{why}");
        }
        assert!(known(None).unwrap_err().contains("glibc only"));
    }

    #[test]
    fn errors_are_numbers() {
        let mut record = Record { ret: 35, errno: libc::EDEADLK, returned_ns: 1, ..Record::default() };
        record.set_data(b"m+64, now + 500ms");
        let shown = show(&record);
        assert_eq!(shown.args, "m+64, now + 500ms");
        assert_eq!(shown.result.as_deref(), Some("35 EDEADLK (Resource deadlock would occur)"));
        assert_eq!(show(&Record { ret: 0, errno: 0, ..record }).result, None);
        record.set_data(&[b'x'; 100]);
        assert!(show(&record).args.ends_with("x…"));
    }

    #[test]
    fn a_thread_belongs_to_its_process() {
        assert_eq!(process("alice.t1"), "alice");
        assert_eq!(process("alice"), "alice");
    }
}

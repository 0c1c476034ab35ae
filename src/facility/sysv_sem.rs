//! System V semaphores: sets of numbers that are changed together or not at all.

use std::cell::Cell;

use super::deed::{Deed, Through};
use super::dialect::{Dialect, Op};
use super::look::{Found, Look, Reported};
use super::perform::{DELIVERED, Making, Performer, Refusal};
use super::process::duration;
use super::show::{self, Shown, returned};
use super::sysv::{self as common, GET_FLAGS, KEY, MODE, NAME, SET_GID, SET_MODE, SET_UID};
use super::table::{self, CALL, c, number, optional, required};
use super::{Card, Facility, Judged, Left, Reading, judge};
use crate::kernel::arena::Record;
use crate::kernel::sysv::{self, Kind, Operation, Set};
use crate::model::{Evidence, Field, Object, ObjectKey, Snapshot, Value};
use crate::script::{
    ArgKind, ArgSpec, ArgValue, CallSpec, Cmp, Data, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn,
};

/// The set of System V semaphores.
#[derive(Debug)]
pub(super) struct SysvSet;

static CARD: Card = Card {
    id: "sysv-sem",
    title: "System V semaphores",
    family: "synchronization / semaphore",
    what: "A set of numbers, none ever below 0, which one call changes together: all of its operations or none.",
    identifier: "key",
    handle: "id",
    persistence: "kernel",
    access: "permissions of the set, checked at each call",
    blocking: "semop while an operation would take a number below 0, or waits for it to be 0",
    boundaries: "none: it carries counts, no data",
    manual: &["sysvipc(7)", "semget(2)", "semop(2)", "semctl(2)"],
};

const OPERATION_FLAGS: &[(&str, i64)] = &[("IPC_NOWAIT", c(libc::IPC_NOWAIT)), ("SEM_UNDO", c(libc::SEM_UNDO))];
const COMMANDS: &[(&str, i64)] = &[
    ("GETVAL", c(libc::GETVAL)),
    ("SETVAL", c(libc::SETVAL)),
    ("GETALL", c(libc::GETALL)),
    ("SETALL", c(libc::SETALL)),
    ("GETPID", c(libc::GETPID)),
    ("GETNCNT", c(libc::GETNCNT)),
    ("GETZCNT", c(libc::GETZCNT)),
    ("IPC_STAT", c(libc::IPC_STAT)),
    ("IPC_SET", c(libc::IPC_SET)),
    ("IPC_RMID", c(libc::IPC_RMID)),
];

const ID: ArgSpec = required("semid", ArgKind::Id, "which set");
const OPERATIONS: ArgSpec = required(
    "sops",
    ArgKind::Tuples(2, OPERATION_FLAGS),
    "what to do at once: number of a semaphore and what to add, or 0 to wait for 0; flags behind a second colon",
);

/// One and the same call of the C library may be either system call.
const SLEEPS: &[Sleeps] = &[
    Sleeps { syscall: libc::SYS_semop, on: WaitsOn::Id(0), direction: DECREASE },
    Sleeps { syscall: libc::SYS_semtimedop, on: WaitsOn::Id(0), direction: DECREASE },
];
const DECREASE: &str = "decrease";
const SEE_ZERO: &str = "see zero";

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "semget",
        args: &[
            NAME,
            optional("nsems", ArgKind::Count, "how many semaphores a new set has; 0 will do for one that exists"),
            optional("semflg", ArgKind::Flags(GET_FLAGS), "whether to make it"),
            MODE,
            KEY,
        ],
        doc: "Gets the id of a set by its key, or makes the set",
        man: "semget(2)",
        c: "{name} = semget({?key {key}?}{!key key_{name}!}, {nsems=0}, \
            {?semflg {semflg}|{mode=0600}?}{!semflg {mode=0}!})",
        makes: Makes::Id,
        example: "alice: semget s 2 IPC_CREAT 0600",
        ..CALL
    },
    CallSpec {
        name: "semop",
        args: &[ID, OPERATIONS],
        doc: "Changes semaphores, all operations or none; waits while they can't all be done",
        man: "semop(2)",
        c: "semop({semid}, (struct sembuf[]){ {sops} }, {sops.len})",
        sleeps: SLEEPS,
        example: "alice: semop s 0:-1:SEM_UNDO 1:2",
        ..CALL
    },
    CallSpec {
        name: "semtimedop",
        args: &[ID, OPERATIONS, required("timeout", ArgKind::Duration, "how long to wait at most, from now")],
        doc: "Changes semaphores, all operations or none; waits while they can't all be done, but not for ever",
        man: "semop(2)",
        c: "semtimedop({semid}, (struct sembuf[]){ {sops} }, {sops.len}, &(struct timespec){ {timeout.timespec} })",
        sleeps: SLEEPS,
        example: "alice: semtimedop s 0:-1 500ms",
        ..CALL
    },
    CallSpec {
        name: "semctl",
        args: &[
            ID,
            optional("semnum", ArgKind::Count, "which semaphore of the set, for commands on one; left out, 0"),
            required("cmd", ArgKind::Constant(COMMANDS), "what to do"),
            optional("arg", ArgKind::Tuples(1, &[]), "SETVAL: the value; SETALL: that of each semaphore"),
            SET_MODE,
            SET_UID,
            SET_GID,
        ],
        doc: "Tells values, waiters and last callers, sets values, changes the set, or removes it and wakes all who wait",
        man: "semctl(2)",
        c: "{?mode ds.sem_perm.mode = {mode}; ?}{?uid ds.sem_perm.uid = {uid}; ?}{?gid ds.sem_perm.gid = {gid}; ?}\
            semctl({semid}, {semnum=0}, {cmd}, {arg})",
        gives: true,
        example: "alice: semctl s 0 SETVAL 3",
        ..CALL
    },
];

const fn numbers(word: &'static str, doc: &'static str, example: &'static str) -> PredicateSpec {
    PredicateSpec { word, args: &[PredicateArg::Data], doc, example }
}

static PREDICATES: &[PredicateSpec] = &[
    number("value", "What the number of its first semaphore is", "expect s value 0"),
    number("nsems", "How many semaphores it has", "expect s nsems 2"),
    number("otime", "When semop succeeded last, in seconds since 1970; 0 for never", "expect s otime 0"),
    numbers("values", "What the numbers of its semaphores are", "expect s values \"1 0\""),
    numbers("semncnt", "How many wait at each semaphore for it to be more", "expect s semncnt \"0 1\""),
    numbers("semzcnt", "How many wait at each semaphore for it to be 0", "expect s semzcnt \"0 1\""),
    PredicateSpec {
        word: "sempid",
        args: &[PredicateArg::Actors],
        doc: "Who changed its first semaphore last",
        example: "expect s sempid alice",
    },
    PredicateSpec {
        word: "undoes",
        args: &[PredicateArg::Actors],
        doc: "A death of one of these would undo something here",
        example: "expect s undoes alice",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "sysv-semaphore",
    handle: "{o}",
    ways: &[
        (Op::Make, &["{a}: semget {h} 1 IPC_CREAT", "{a}: semctl {h} SETALL 1"]),
        (Op::Join, &["{a}: semget {h} 1"]),
        (Op::Take, &["{a}: semop {h} 0:-1"]),
        (Op::TryTake, &["{a}: semop {h} 0:-1:IPC_NOWAIT"]),
        (Op::Give, &["{a}: semop {h} 0:1"]),
        (Op::Remove, &["{a}: semctl {h} IPC_RMID"]),
    ],
}];

impl Facility for SysvSet {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn dialects(&self) -> &'static [Dialect] {
        DIALECTS
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn predicates(&self) -> &'static [PredicateSpec] {
        PREDICATES
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "semget" => {
                let count = performer.int("nsems", 0);
                // What does not fit in an int is too large for the kernel in any case.
                let real = i32::try_from(count).unwrap_or(i32::MAX);
                common::get(performer, "semflg", count, |key, flags| sysv::semget(key, real, flags))
            }
            "semop" | "semtimedop" => operate(performer),
            "semctl" => control(performer),
            _ => Err(Refusal::new(format!("{verb} is no call on System V semaphores"))),
        }
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("semop" | "semtimedop", libc::EIDRM) => "the set was removed while the call waited; nothing was changed",
            ("semtimedop", libc::EAGAIN) if record.args[2] > 0 => {
                "the time is up, or IPC_NOWAIT was asked for; nothing was changed"
            }
            ("semop" | "semtimedop", libc::EAGAIN) => "not all operations can be done now, so none was",
            ("semop" | "semtimedop", libc::EFBIG) => "the set has no semaphore of that number; nothing was changed",
            ("semop" | "semtimedop" | "semctl", libc::ERANGE) => {
                "a number would leave the range from 0 to SEMVMX, 32767; nothing was changed"
            }
            ("semget", libc::EINVAL) => {
                "a new set has 1 semaphore at least and SEMMSL at most; one that is there has no more than it was made with"
            }
            (_, libc::EINVAL) => {
                "no set has this id (it may have been removed), or it has no semaphore of that number, or that many are too many"
            }
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [id, second, third, ..] = record.args;
        let s = common::shown_id(id);
        match verb {
            "semget" => common::show_get(record, true),
            "semop" => Shown::args(format!("{s}, [{}], {second}", shown_operations(record))),
            "semtimedop" => Shown::args(format!("{s}, [{}], {second}, {}", shown_operations(record), duration(third))),
            _ => show_control(&s, record),
        }
    }

    fn numbered(&self, look: &mut Look<'_>) -> Vec<ObjectKey> {
        let all = || sysv::sets().into_iter().map(|set| set.id).collect();
        common::numbered(CARD.id, look, all, |id| sysv::set_of(id).is_some())
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let id = common::id_of(&found.key);
        let Some(set) = sysv::set_of(id) else {
            return Reading { identifier: format!("id {id}"), ..Reading::default() };
        };
        let mut fields = values(&set, look);
        fields.extend([
            Field::kernel_int("nsems", set.nsems as i64),
            waits(id, look),
            undo(found, look),
            Field::kernel_int("otime", set.otime),
            Field::kernel_int("ctime", set.ctime),
        ]);
        fields.extend(common::permission_fields(&set.permissions));
        Reading { identifier: common::identifier(&set.permissions, id), fields, ..Reading::default() }
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        if !returned(call.record) || call.record.errno != 0 {
            return;
        }
        let [_, number, command, ..] = call.record.args;
        match (call.spec.name, command as i32) {
            ("semop" | "semtimedop", _) => learn_undo(note, call),
            ("semctl", libc::SETVAL) => forget_undo(note, |at| at == number),
            ("semctl", libc::SETALL) => forget_undo(note, |_| true),
            _ => {}
        }
    }

    fn direction(&self, record: &Record) -> Option<&'static str> {
        let (operations, cut) = operations(record);
        let (takes, sees) = (operations.iter().any(|o| o.amount < 0), operations.iter().any(|o| o.amount == 0));
        match (takes, sees) {
            (false, true) if !cut => Some(SEE_ZERO),
            (_, true) => {
                let id = record.args[0] as i32;
                let count = |number: u16, command| sysv::semaphore(id, number.into(), command).unwrap_or(0) > 0;
                halted_at(&operations, &sysv::values(id).unwrap_or_default(), count)
            }
            (_, false) => None,
        }
    }

    fn remove_left(&self, left: &Left) -> usize {
        common::remove_left(Kind::Semaphores, CARD.id, left)
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        check(word, args, object)
    }

    fn accounted(&self) -> &'static [&'static str] {
        &["semop", "semtimedop", "semctl"]
    }

    fn deed(&self, verb: &str, record: &Record) -> Option<Deed> {
        if verb == "semctl" {
            let sets = matches!(record.args[2] as i32, libc::SETVAL | libc::SETALL | libc::IPC_RMID);
            return (record.errno == 0 && sets).then_some(Deed::Reset(Through::Id(record.args[0] as i32)));
        }
        let (operations, cut) = operations(record);
        if record.errno != 0 || cut {
            return None;
        }
        // What a death undoes need not be given back.
        let lasting = operations.iter().filter(|o| i32::from(o.flags) & libc::SEM_UNDO == 0);
        let units: i64 = lasting.map(|o| -i64::from(o.amount)).sum();
        (units != 0).then_some(Deed::Units(Through::Id(record.args[0] as i32), units))
    }

    fn wakers(&self, object: &Object, waiter: &str, _direction: &str, _snapshot: &Snapshot) -> Vec<String> {
        common::knowers(object, waiter)
    }
}

/// The operations that a record keeps, and whether there were more.
fn operations(record: &Record) -> (Vec<Operation>, bool) {
    let kept: Vec<Operation> = record.bytes().chunks_exact(Operation::SIZE).filter_map(Operation::from_bytes).collect();
    let cut = record.data_len as usize > kept.len() * Operation::SIZE;
    (kept, cut)
}

/// For what a call with these operations waits. The kernel does them in turn and counts the sleeper at the first that
/// can't be done, under GETNCNT or GETZCNT of that semaphore alone: `counted` asks it. `None` if it does not say.
fn halted_at(operations: &[Operation], values: &[u16], counted: impl Fn(u16, i32) -> bool) -> Option<&'static str> {
    let way = |amount: i16| if amount == 0 { (libc::GETZCNT, SEE_ZERO) } else { (libc::GETNCNT, DECREASE) };
    let mut values: Vec<i64> = values.iter().map(|value| i64::from(*value)).collect();
    let halts = operations.iter().find(|o| {
        let Some(value) = values.get_mut(usize::from(o.number)) else { return false };
        let before = *value;
        *value += i64::from(o.amount);
        if o.amount == 0 { before != 0 } else { *value < 0 }
    });
    let waits = operations.iter().filter(|o| o.amount <= 0);
    halts.into_iter().chain(waits).find_map(|o| {
        let (command, direction) = way(o.amount);
        counted(o.number, command).then_some(direction)
    })
}

fn written(operation: Operation) -> String {
    let flags = show::flags(i64::from(operation.flags as u16), OPERATION_FLAGS, None);
    format!("{{{}, {}, {flags}}}", operation.number, operation.amount)
}

fn shown_operations(record: &Record) -> String {
    let (operations, cut) = operations(record);
    let mut shown: Vec<String> = operations.into_iter().map(written).collect();
    if cut {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

fn operate(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let id = performer.int("semid", -1);
    let mut operations = Vec::new();
    for (numbers, flags) in performer.tuples("sops") {
        let [number, amount] = numbers[..] else { return Err(Refusal::new("an operation has two numbers")) };
        let number = u16::try_from(number).map_err(|_beyond| {
            Refusal::new(format!("sem_num is {number}; in C it is an unsigned short, from 0 to {}", u16::MAX))
        })?;
        let amount = i16::try_from(amount).map_err(|_beyond| {
            Refusal::new(format!("sem_op is {amount}; in C it is a short, from {} to {}", i16::MIN, i16::MAX))
        })?;
        operations.push(Operation { number, amount, flags: *flags as i16 });
    }
    let bytes: Vec<u8> = operations.iter().flat_map(|o| o.to_bytes()).collect();
    let limit = performer.has("timeout").then(|| performer.int("timeout", 0).max(0));
    let making = Making::new([id, operations.len() as i64, limit.unwrap_or(0), 0, 0, 0]).data(&bytes);
    let making = limit.map_or(making, |ns| making.within(ns));
    let _ = performer.call(making, || {
        match limit {
            Some(ns) => sysv::semtimedop(id as i32, &operations, ns as u64),
            None => sysv::semop(id as i32, &operations),
        }
        .map(|()| 0)
    });
    Ok(())
}

/// What a command gave beside its result.
#[derive(Debug, Default)]
enum Told {
    #[default]
    Nothing,
    Values(Vec<u16>),
    Set(Set),
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn control(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (id, number) = (performer.int("semid", -1) as i32, performer.int("semnum", 0));
    let command = performer.int("cmd", 0) as i32;
    let given: Vec<i64> = performer.tuples("arg").iter().filter_map(|(numbers, _)| numbers.first().copied()).collect();
    let values = match command {
        libc::SETVAL if given.len() != 1 => {
            return Err(Refusal::new("SETVAL takes one value").help("semctl s 0 SETVAL 3"));
        }
        libc::SETALL => all_values(id, &given)?,
        libc::SETVAL => Vec::new(),
        _ if !given.is_empty() => return Err(Refusal::new("only SETVAL and SETALL take values")),
        _ => Vec::new(),
    };
    let change = common::change(performer);
    let first = given.first().copied().unwrap_or(0);
    let mut args = [id.into(), number, command.into(), first, 0, 0];
    if command == libc::IPC_SET {
        let [_, mode, uid, gid] = common::recorded(change);
        args[3..].copy_from_slice(&[mode, uid, gid]);
    }
    let text = joined(&values);
    let told = Cell::new(Told::Nothing);
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    let mut delivered = None;
    let result = performer.call_then(
        Making::new(args).data(text.as_bytes()),
        || {
            let none = |()| 0;
            match command {
                libc::SETVAL => sysv::semaphore_set(id, number, i32::try_from(first).unwrap_or(-1)).map(none),
                libc::SETALL => sysv::values_set(id, &values).map(none),
                libc::GETALL => sysv::values(id).map(|values| told.set(Told::Values(values))).map(none),
                libc::IPC_STAT => sysv::set_stat(id).map(|set| told.set(Told::Set(set))).map(none),
                libc::IPC_SET => sysv::set_set(id, change).map(none),
                libc::IPC_RMID => sysv::remove(Kind::Semaphores, id).map(none),
                _ => sysv::semaphore(id, number, command).map(i64::from),
            }
        },
        |record| match told.take() {
            Told::Nothing => {}
            Told::Values(values) => {
                let text = joined(&values);
                record.set_data(text.as_bytes());
                record.flags |= DELIVERED;
                delivered = Some(Data::Bytes(text.into_bytes()));
            }
            Told::Set(set) => {
                let mode = i64::from(set.permissions.mode & 0o777);
                record.args[3..].copy_from_slice(&[set.nsems as i64, i64::from(set.otime != 0), mode]);
                delivered = Some(Data::Int(set.nsems as i64));
            }
        },
    );
    if let Ok(value) = result {
        performer.deliver(delivered.unwrap_or(Data::Int(value)));
    }
    Ok(())
}

/// The values of SETALL: in C an array as long as the set, of which nobody checks the length.
fn all_values(id: i32, given: &[i64]) -> Result<Vec<u16>, Refusal> {
    if let Ok(set) = sysv::set_stat(id)
        && set.nsems != given.len() as u64
    {
        let (has, are) = (set.nsems, given.len());
        return Err(Refusal::new(format!("the set has {has} semaphores, and {are} values are given"))
            .help("in C the call would read beyond the array, or leave its end out"));
    }
    let value = |n: &i64| {
        u16::try_from(*n)
            .map_err(|_beyond| Refusal::new(format!("{n} is no value; in C it is an unsigned short, from 0 to 65535")))
    };
    given.iter().map(value).collect()
}

fn show_control(s: &str, record: &Record) -> Shown {
    let [_, number, command, fourth, fifth, sixth] = record.args;
    let done = returned(record) && record.errno == 0;
    let name = show::constant(command, COMMANDS);
    let rest = match command as i32 {
        libc::SETVAL => format!(", {fourth}"),
        libc::GETALL if !done => ", …".to_owned(),
        libc::SETALL | libc::GETALL => {
            let text = String::from_utf8_lossy(record.bytes()).replace(' ', ", ");
            let more = if record.data_len as usize > record.bytes().len() { "…" } else { "" };
            format!(", [{text}{more}]")
        }
        libc::IPC_STAT if done => {
            let otime = if fifth == 0 { "sem_otime=0" } else { "sem_otime>0" };
            format!(", {{sem_nsems={fourth}, {otime}, mode={}}}", table::mode(sixth))
        }
        libc::IPC_STAT => ", …".to_owned(),
        libc::IPC_SET => format!(", {}", common::show_change([-1, fourth, fifth, sixth])),
        _ => String::new(),
    };
    let result = (done && command as i32 == libc::GETPID).then(|| show::pid(record.ret));
    Shown { args: format!("{s}, {number}, {name}{rest}"), result }
}

/// Of a larger set so many semaphores are shown.
const SHOWN: u64 = 64;

fn values(set: &Set, look: &Look<'_>) -> Vec<Field> {
    let shown = set.nsems.min(SHOWN) as i32;
    let list = |values: Vec<i64>| Value::List(values.into_iter().map(Value::Int).collect());
    let each =
        |command| (0..shown).map(|n| sysv::semaphore(set.id, n, command).map(i64::from)).collect::<Result<Vec<_>, _>>();
    let told = sysv::values(set.id).and_then(|mut values| {
        values.truncate(SHOWN as usize);
        let values: Vec<i64> = values.into_iter().map(i64::from).collect();
        Ok((values, each(libc::GETNCNT)?, each(libc::GETZCNT)?, each(libc::GETPID)?))
    });
    let (values, more, zero, pids) = match told {
        Ok(told) => told,
        Err(errno) => {
            let why = format!("the set may not be read: {}", errno.desc());
            return ["values", "value", "semncnt", "semzcnt", "sempid"].map(|name| Field::hidden(name, &why)).to_vec();
        }
    };
    let first = values.first().copied().unwrap_or(0);
    let pids = pids.into_iter().map(|pid| Value::Text(look.who(pid as i32))).collect();
    let all = Field::new("values", list(values), Evidence::Kernel);
    let left_out = set.nsems.saturating_sub(SHOWN);
    vec![
        if left_out > 0 { all.noted(format!("{left_out} more semaphores are left out")) } else { all },
        Field::kernel_int("value", first),
        Field::new("semncnt", list(more), Evidence::Kernel),
        Field::new("semzcnt", list(zero), Evidence::Kernel),
        Field::new("sempid", Value::List(pids), Evidence::Kernel),
    ]
}

/// What each sleeper waits to do, read from its memory.
fn waits(id: i32, look: &Look<'_>) -> Field {
    /// No call has more operations by default, see SEMOPM in semop(2).
    const MOST: u64 = 500;
    let of_set =
        |nr: i64, args: &[u64; 6]| matches!(nr, libc::SYS_semop | libc::SYS_semtimedop) && args[0] as i32 == id;
    let wait = |asleep: &super::look::Asleep| {
        let [_, address, count, ..] = asleep.args;
        let length = count.min(MOST) as usize * Operation::SIZE;
        let bytes = look.memory(asleep.pid, address, length).ok()?;
        let all: Vec<String> =
            bytes.chunks_exact(Operation::SIZE).filter_map(Operation::from_bytes).map(written).collect();
        Some(Value::Record(vec![
            ("actor".into(), Value::Text(asleep.actor.clone())),
            ("operations".into(), Value::Text(all.join(", "))),
        ]))
    };
    let waits = look.asleep.iter().filter(|a| of_set(a.nr, &a.args)).filter_map(wait).collect();
    Field::new("waits", Value::List(waits), Evidence::Kernel)
}

/// A note is a list of what was done under SEM_UNDO and not undone: actor, semaphore, and what the kernel would add.
/// A record of one part says that something is missing from it.
fn learn_undo(note: &mut Value, call: &Reported<'_>) {
    let (operations, cut) = operations(call.record);
    let undone = operations.iter().filter(|o| i32::from(o.flags) & libc::SEM_UNDO != 0 && o.amount != 0);
    if !matches!(note, Value::List(_)) {
        *note = Value::List(Vec::new());
    }
    let Value::List(list) = note else { return };
    if cut {
        list.push(Value::Record(vec![("missing".into(), Value::Nothing)]));
    }
    for operation in undone {
        let (number, adjust) = (i64::from(operation.number), -i64::from(operation.amount));
        let same = |entry: &&mut Value| {
            entry.part("actor").and_then(Value::as_text) == Some(call.actor)
                && entry.part("semaphore").and_then(Value::as_int) == Some(number)
        };
        if let Some(Value::Record(parts)) = list.iter_mut().find(same) {
            if let Some((_, Value::Int(sum))) = parts.last_mut() {
                *sum += adjust;
            }
        } else {
            list.push(Value::Record(vec![
                ("actor".into(), Value::Text(call.actor.to_owned())),
                ("semaphore".into(), Value::Int(number)),
                ("adds".into(), Value::Int(adjust)),
            ]));
        }
    }
}

/// SETVAL and SETALL take away what deaths would undo.
fn forget_undo(note: &mut Value, of: impl Fn(i64) -> bool) {
    if let Value::List(list) = note {
        list.retain(|entry| entry.part("semaphore").and_then(Value::as_int).is_none_or(|number| !of(number)));
    }
}

/// What the deaths of actors would undo, as far as they have said.
fn undo(found: &Found<'_>, look: &mut Look<'_>) -> Field {
    let actors = look.actors;
    let living = |entry: &Value| {
        let actor = entry.part("actor").and_then(Value::as_text);
        actor.is_none_or(|actor| actors.iter().any(|(_, name)| name == actor))
    };
    let Some(Value::List(list)) = look.notes.get_mut(&found.key) else {
        return Field::new("undo", Value::List(Vec::new()), Evidence::Reported);
    };
    list.retain(living);
    if list.iter().any(|entry| entry.part("missing").is_some()) {
        return Field::hidden("undo", "the kernel tells nobody, and a report was too long to be kept whole");
    }
    let nothing = |entry: &&Value| entry.part("adds").and_then(Value::as_int) != Some(0);
    let list: Vec<Value> = list.iter().filter(nothing).cloned().collect();
    Field::new("undo", Value::List(list), Evidence::Reported)
}

fn check(word: &str, args: &[ArgValue], object: &Object) -> Option<Judged> {
    let hidden = |field: &'static str| {
        let note = object.field(field).and_then(|f| f.note.clone());
        Some(Judged { met: false, seen: note.unwrap_or_else(|| "nothing that could be read".to_owned()), field })
    };
    let is = |name: &str| args.iter().any(|arg| matches!(arg, ArgValue::Name(n) if n == name));
    let field = match word {
        "values" => "values",
        "semncnt" => "semncnt",
        "semzcnt" => "semzcnt",
        "sempid" => "sempid",
        "undoes" => "undo",
        _ => return None,
    };
    let Value::List(list) = object.value(field) else { return hidden(field) };
    if field == "undo" {
        let who: Vec<&str> = list.iter().filter_map(|entry| entry.part("actor")?.as_text()).collect();
        let seen =
            if who.is_empty() { "nobody's death".to_owned() } else { format!("the death of {}", who.join(", ")) };
        return Some(Judged {
            met: who.iter().any(|name| is(name)),
            seen: format!("{seen} would undo something"),
            field,
        });
    }
    if field == "sempid" {
        let seen = list.first().and_then(Value::as_text).unwrap_or("nobody").to_owned();
        return Some(Judged { met: is(&seen), seen, field });
    }
    let seen = joined(&list.iter().filter_map(Value::as_int).collect::<Vec<_>>());
    Some(match judge::data(args, 0) {
        Ok(wanted) => Judged { met: wanted == seen.as_bytes(), seen, field },
        Err(why) => Judged { met: false, seen: why, field },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(args: [i64; 6], ops: &[(u16, i16, i32)]) -> Record {
        let mut record = Record { args, entered_ns: 1, returned_ns: 2, ..Record::default() };
        let bytes: Vec<u8> = ops
            .iter()
            .flat_map(|(number, amount, flags)| {
                Operation { number: *number, amount: *amount, flags: *flags as i16 }.to_bytes()
            })
            .collect();
        record.set_data(&bytes);
        record
    }

    #[test]
    fn shows_operations_as_strace_does() {
        let shown = |verb, args, ops: &[_]| SysvSet.show(verb, &record(args, ops)).args;
        let both = libc::SEM_UNDO | libc::IPC_NOWAIT;
        assert_eq!(
            shown("semop", [5, 2, 0, 0, 0, 0], &[(0, -1, both), (1, 2, 0)]),
            "5<id>, [{0, -1, IPC_NOWAIT|SEM_UNDO}, {1, 2, 0}], 2"
        );
        assert_eq!(shown("semtimedop", [5, 1, 500_000_000, 0, 0, 0], &[(0, 0, 0)]), "5<id>, [{0, 0, 0}], 1, 500ms");
        assert!(shown("semop", [5, 11, 0, 0, 0, 0], &[(0, 1, 0); 11]).ends_with("{0, 1, 0}, …], 11"));
    }

    #[test]
    fn shows_commands_as_strace_does() {
        type Row<'a> = (&'a [i64], &'a [u8], i64, &'a str, Option<&'a str>);
        let rows: &[Row<'_>] = &[
            (&[5, 1, c(libc::SETVAL), 3], b"", 0, "5<id>, 1, SETVAL, 3", None),
            (&[5, 0, c(libc::GETALL)], b"1 0", 0, "5<id>, 0, GETALL, [1, 0]", None),
            (&[5, 0, c(libc::SETALL), 7], b"7 8", 0, "5<id>, 0, SETALL, [7, 8]", None),
            (&[5, 2, c(libc::GETPID)], b"", 7, "5<id>, 2, GETPID", Some("7<>")),
            (&[5, 0, c(libc::GETVAL)], b"", 7, "5<id>, 0, GETVAL", None),
            (
                &[5, 0, c(libc::IPC_STAT), 2, 0, 0o600],
                b"",
                0,
                "5<id>, 0, IPC_STAT, {sem_nsems=2, sem_otime=0, mode=0600}",
                None,
            ),
            (&[5, 0, c(libc::IPC_SET), 0o640, -1, -1], b"", 0, "5<id>, 0, IPC_SET, {mode=0640}", None),
            (&[5, 0, c(libc::IPC_RMID)], b"", 0, "5<id>, 0, IPC_RMID", None),
        ];
        for (head, data, ret, args, result) in rows {
            let mut six = [0; 6];
            six[..head.len()].copy_from_slice(head);
            let mut record = Record { ret: *ret, ..record(six, &[]) };
            record.set_data(data);
            let shown = SysvSet.show("semctl", &record);
            assert_eq!((shown.args.as_str(), shown.result.as_deref()), (*args, *result));
        }
    }

    #[test]
    fn tells_who_waits_for_zero() {
        let direction = |ops: &[_]| SysvSet.direction(&record([0; 6], ops)).unwrap_or(DECREASE);
        assert_eq!(direction(&[(0, 0, 0)]), SEE_ZERO);
        assert_eq!(direction(&[(0, 0, 0), (0, 1, 0)]), SEE_ZERO);
        assert_eq!(direction(&[(0, -1, 0), (1, 2, 0)]), DECREASE);
    }

    #[test]
    fn of_both_the_one_at_which_the_kernel_counts_the_sleeper() {
        let of = |number, amount| Operation { number, amount, flags: 0 };
        let both = [of(0, 0), of(1, -1)];
        let all = |_, _| true;
        assert_eq!(halted_at(&both, &[1, 0], all), Some(SEE_ZERO));
        assert_eq!(halted_at(&both, &[0, 0], all), Some(DECREASE));
        assert_eq!(halted_at(&[of(1, -1), of(0, 0)], &[1, 0], all), Some(DECREASE));
        // What goes before counts: the first operation leaves something behind.
        assert_eq!(halted_at(&[of(0, 2), of(0, 0), of(1, -1)], &[0, 0], all), Some(SEE_ZERO));
        // The values have changed since: what the kernel counts is what holds.
        assert_eq!(halted_at(&both, &[1, 0], |number, _| number == 1), Some(DECREASE));
        assert_eq!(halted_at(&both, &[1, 0], |_, _| false), None);
    }

    #[test]
    fn remembers_what_a_death_would_undo() {
        let key = ObjectKey::of_id(CARD.id, 5);
        let spec = |name: &str| CALLS.iter().find(|call| call.name == name).unwrap();
        let mut note = Value::Nothing;
        let mut tell = |actor: &str, verb: &str, args: [i64; 6], ops: &[_]| {
            let record = record(args, ops);
            SysvSet
                .learn(&Reported { actor, record: &record, spec: spec(verb), object: &key, handle: None }, &mut note);
            let Value::List(list) = &note else { return String::new() };
            let part = |(name, value): &(crate::model::Word, Value)| match value {
                Value::Text(text) => format!("{name} {text}"),
                Value::Int(n) => format!("{name} {n}"),
                _ => name.to_string(),
            };
            let entry = |entry: &Value| match entry {
                Value::Record(parts) => parts.iter().map(part).collect::<Vec<_>>().join(" "),
                _ => String::new(),
            };
            list.iter().map(entry).collect::<Vec<_>>().join("; ")
        };
        let undo = libc::SEM_UNDO;
        tell("alice", "semop", [5, 2, 0, 0, 0, 0], &[(0, -1, undo), (1, -2, 0)]);
        tell("alice", "semop", [5, 1, 0, 0, 0, 0], &[(0, -2, undo)]);
        let both = tell("bob", "semop", [5, 1, 0, 0, 0, 0], &[(1, 1, undo)]);
        assert_eq!(both, "actor alice semaphore 0 adds 3; actor bob semaphore 1 adds -1");
        let one = tell("bob", "semctl", [5, 0, c(libc::SETVAL), 0, 0, 0], &[]);
        assert_eq!(one, "actor bob semaphore 1 adds -1");
        assert_eq!(tell("bob", "semctl", [5, 0, c(libc::SETALL), 0, 0, 0], &[]), "");
    }
}

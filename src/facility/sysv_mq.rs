//! System V message queues: whole messages, each with a type that the receiver can choose by.
//!
//! The kernel copies messages for whoever may read the queue and asks for it (MSG_COPY), and keeps no trace of that. A
//! kernel that was built without it leaves a mirror, rebuilt from what actors report and checked against the kernel's
//! counters.

mod means;

use std::cell::Cell;

use nix::errno::Errno;

use super::dialect::{Dialect, Op};
use super::look::{Found, Look, Reported};
use super::perform::{Making, Performer, Refusal};
use super::show::{self, Shown, returned};
use super::sysv::{self as common, GET_FLAGS, KEY, MODE, NAME, SET_GID, SET_MODE, SET_UID};
use super::table::{self, CALL, c, keyed, number, optional, required};
use super::{Card, ChangedBy, Facility, Judged, Left, Reading, judge, mirror};
use crate::kernel::arena::Record;
use crate::kernel::sysv::{self, Kind, Queue};
use crate::model::{Evidence, Field, Object, ObjectKey, Snapshot, Value};
use crate::script::{
    ArgKind, ArgSpec, ArgValue, CallSpec, Cmp, Data, Makes, PredicateArg, PredicateSpec, Sleeps, WaitsOn,
};

/// The System V message queue.
#[derive(Debug)]
pub(super) struct SysvQueue;

static CARD: Card = Card {
    id: "sysv-mq",
    title: "System V message queues",
    family: "communication / data transfer / message",
    what: "A queue of whole messages, each with a type: a receiver takes the first of all, of one type, or of the lowest.",
    identifier: "key",
    handle: "id",
    persistence: "kernel",
    access: "permissions of the queue, checked at each call",
    blocking: "msgrcv while no message fits; msgsnd while the queue is full",
    boundaries: "kept: one msgrcv takes one message",
    manual: &["sysvipc(7)", "msgget(2)", "msgsnd(2)", "msgctl(2)", "ftok(3)"],
};

const SEND_FLAGS: &[(&str, i64)] = &[("IPC_NOWAIT", c(libc::IPC_NOWAIT))];
const RECEIVE_FLAGS: &[(&str, i64)] = &[
    ("IPC_NOWAIT", c(libc::IPC_NOWAIT)),
    ("MSG_NOERROR", c(libc::MSG_NOERROR)),
    ("MSG_EXCEPT", c(libc::MSG_EXCEPT)),
    ("MSG_COPY", c(libc::MSG_COPY)),
];
const COMMANDS: &[(&str, i64)] =
    &[("IPC_STAT", c(libc::IPC_STAT)), ("IPC_SET", c(libc::IPC_SET)), ("IPC_RMID", c(libc::IPC_RMID))];

const ID: ArgSpec = required("msqid", ArgKind::Id, "which queue");

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "msgget",
        args: &[NAME, optional("msgflg", ArgKind::Flags(GET_FLAGS), "whether to make it"), MODE, KEY],
        doc: "Gets the id of a queue by its key, or makes the queue",
        man: "msgget(2)",
        c: "{name} = msgget({?key {key}?}{!key key_{name}!}, {?msgflg {msgflg}|{mode=0600}?}{!msgflg {mode=0}!})",
        makes: Makes::Id,
        example: "alice: msgget q IPC_CREAT 0600",
        ..CALL
    },
    CallSpec {
        name: "msgsnd",
        args: &[
            ID,
            required("msgp", ArgKind::Data, "the message"),
            optional("msgflg", ArgKind::Flags(SEND_FLAGS), "whether to wait"),
            keyed("type", ArgKind::Int, "its type, at least 1; 1 if not given"),
        ],
        doc: "Sends a message; waits while the queue is full",
        man: "msgsnd(2)",
        c: "msgsnd({msqid}, &(struct msgbuf){ {type=1}, {msgp} }, {msgp.len}, {msgflg=0})",
        sleeps: &[Sleeps { syscall: libc::SYS_msgsnd, on: WaitsOn::Id(0), direction: "send" }],
        example: "alice: msgsnd q \"urgent\" type=3",
        ..CALL
    },
    CallSpec {
        name: "msgrcv",
        args: &[
            ID,
            required("msgsz", ArgKind::Count, "how many bytes of text there is room for"),
            optional("msgflg", ArgKind::Flags(RECEIVE_FLAGS), "whether to wait, and for what"),
            keyed(
                "type",
                ArgKind::Int,
                "0 for the first message; N for the first of type N; -N for the first of the lowest type up to N",
            ),
        ],
        doc: "Takes a message by its type; waits while none fits",
        man: "msgrcv(2)",
        c: "msgrcv({msqid}, &buf, {msgsz}, {type=0}, {msgflg=0})",
        gives: true,
        sleeps: &[Sleeps { syscall: libc::SYS_msgrcv, on: WaitsOn::Id(0), direction: "receive" }],
        example: "bob: msgrcv q 100 IPC_NOWAIT type=-5",
        ..CALL
    },
    CallSpec {
        name: "msgctl",
        args: &[
            ID,
            required("cmd", ArgKind::Constant(COMMANDS), "tell about it, change it or remove it"),
            keyed("qbytes", ArgKind::Count, "with IPC_SET: how many bytes it may hold"),
            SET_MODE,
            SET_UID,
            SET_GID,
        ],
        doc: "Tells about a queue (and gives the number of messages), changes it, or removes it and wakes all who wait",
        man: "msgctl(2)",
        c: "{?qbytes ds.msg_qbytes = {qbytes}; ?}{?mode ds.msg_perm.mode = {mode}; ?}\
            {?uid ds.msg_perm.uid = {uid}; ?}{?gid ds.msg_perm.gid = {gid}; ?}msgctl({msqid}, {cmd}, &ds)",
        gives: true,
        example: "alice: msgctl q IPC_RMID",
        ..CALL
    },
    CallSpec {
        name: "ftok",
        args: &[
            required("pathname", ArgKind::Path, "a file that exists"),
            required("proj_id", ArgKind::Int, "a number, of which 8 bits count"),
        ],
        doc: "Makes a key of a file and a number: the same for everybody who names the same file",
        man: "ftok(3)",
        c: "ftok({pathname}, {proj_id})",
        gives: true,
        example: "alice: ftok \"notes\" 65 -> $key",
        ..CALL
    },
];

static PREDICATES: &[PredicateSpec] = &[
    number("messages", "How many messages are in it", "expect q messages 2"),
    number("bytes", "How many bytes of messages are in it", "expect q bytes 12"),
    number("qbytes", "How many bytes it may hold", "expect q qbytes 16384"),
    number("stime", "When something was sent last, in seconds since 1970; 0 for never", "expect q stime > 0"),
    number("rtime", "When something was received last, in seconds since 1970; 0 for never", "expect q rtime 0"),
    PredicateSpec {
        word: "next",
        args: &[PredicateArg::Data],
        doc: "The message at its head is exactly this",
        example: "expect q next \"urgent\"",
    },
    PredicateSpec {
        word: "holds",
        args: &[PredicateArg::Data],
        doc: "One of its messages is exactly this",
        example: "expect q holds \"hello\"",
    },
    PredicateSpec {
        word: "types",
        args: &[PredicateArg::Data],
        doc: "The types of its messages, in order of arrival",
        example: "expect q types \"3 5 1\"",
    },
    PredicateSpec {
        word: "lspid",
        args: &[PredicateArg::Actors],
        doc: "Who sent last",
        example: "expect q lspid alice",
    },
    PredicateSpec {
        word: "lrpid",
        args: &[PredicateArg::Actors],
        doc: "Who received last",
        example: "expect q lrpid bob",
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "sysv-queue",
    handle: "{o}",
    ways: &[
        (Op::Make, &["{a}: msgget {h} IPC_CREAT"]),
        (Op::Join, &["{a}: msgget {h}"]),
        (Op::Send, &["{a}: msgsnd {h} {data}"]),
        (Op::Receive, &["{a}: msgrcv {h} {n}"]),
        (Op::TryReceive, &["{a}: msgrcv {h} {n} IPC_NOWAIT"]),
        (Op::Remove, &["{a}: msgctl {h} IPC_RMID"]),
    ],
}];

impl Facility for SysvQueue {
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
            "msgget" => return common::get(performer, "msgflg", 0, sysv::msgget),
            "msgsnd" => send(performer),
            "msgrcv" => return receive(performer),
            "msgctl" => control(performer),
            "ftok" => return common::ftok(performer),
            _ => return Err(Refusal::new(format!("{verb} is no call on System V queues"))),
        }
        Ok(())
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        means::means(verb, record)
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [id, second, third, fourth, fifth, sixth] = record.args;
        let done = returned(record) && record.errno == 0;
        let q = common::shown_id(id);
        Shown::args(match verb {
            "msgget" => return common::show_get(record, false),
            "ftok" => return common::show_ftok(record),
            "msgsnd" => {
                let flags = show::flags(fourth, SEND_FLAGS, None);
                format!("{q}, {{mtype={third}, {}}}, {second}, {flags}", show::data(record))
            }
            "msgrcv" => {
                let message =
                    if done { format!("{{mtype={fifth}, {}}}", show::data(record)) } else { "…".to_owned() };
                format!("{q}, {message}, {second}, {third}, {}", show::flags(fourth, RECEIVE_FLAGS, None))
            }
            _ => match second as i32 {
                libc::IPC_STAT if done => {
                    let mode = table::mode(sixth);
                    format!("{q}, IPC_STAT, {{msg_qnum={third}, msg_cbytes={fourth}, msg_qbytes={fifth}, mode={mode}}}")
                }
                libc::IPC_STAT => format!("{q}, IPC_STAT, …"),
                libc::IPC_SET => format!("{q}, IPC_SET, {}", common::show_change([third, fourth, fifth, sixth])),
                _ => format!("{q}, {}, NULL", show::constant(second, COMMANDS)),
            },
        })
    }

    fn numbered(&self, look: &mut Look<'_>) -> Vec<ObjectKey> {
        let all = || sysv::queues().into_iter().map(|queue| queue.id).collect();
        common::numbered(CARD.id, look, all, |id| sysv::queue_of(id).is_some())
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Kind(CARD.id)
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let id = common::id_of(&found.key);
        let Some(queue) = sysv::queue_of(id) else {
            return Reading { identifier: format!("id {id}"), ..Reading::default() };
        };
        let note = look.notes.entry(found.key.clone()).or_insert(Value::Nothing);
        mirror::seen(note, "", queue.qnum as i64);
        let mut fields = vec![
            contents(queue, note),
            Field::kernel_int("messages", queue.qnum as i64),
            Field::kernel_int("bytes", queue.cbytes as i64),
            Field::kernel_int("qbytes", queue.qbytes as i64),
            Field::new("lspid", Value::Text(look.who(queue.lspid)), Evidence::Kernel),
            Field::new("lrpid", Value::Text(look.who(queue.lrpid)), Evidence::Kernel),
            Field::kernel_int("stime", queue.stime),
            Field::kernel_int("rtime", queue.rtime),
            Field::kernel_int("ctime", queue.ctime),
        ];
        fields.extend(common::permission_fields(&queue.permissions));
        Reading { identifier: common::identifier(&queue.permissions, id), fields, ..Reading::default() }
    }

    fn learn(&self, call: &Reported<'_>, note: &mut Value) {
        let [_, _, kind, flags, got, _] = call.record.args;
        if !returned(call.record) || call.record.errno != 0 {
            return;
        }
        let data = Value::Bytes { bytes: call.record.bytes().to_vec(), total: call.record.data_len };
        match call.spec.name {
            "msgsnd" => mirror::appended(note, kind, data, call.actor),
            "msgrcv" if flags & c(libc::MSG_COPY) != 0 => {}
            "msgrcv" if flags & c(libc::MSG_NOERROR) != 0 => mirror::received_cut(note, got),
            "msgrcv" => mirror::received(note, got, &data),
            _ => {}
        }
    }

    fn remove_left(&self, left: &Left) -> usize {
        common::remove_left(Kind::Queues, CARD.id, left)
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        check(word, args, object)
    }

    fn wakers(&self, object: &Object, waiter: &str, _direction: &str, _snapshot: &Snapshot) -> Vec<String> {
        common::knowers(object, waiter)
    }
}

fn send(performer: &mut Performer<'_>) {
    let (id, text) = (performer.int("msqid", -1), performer.bytes("msgp"));
    let (kind, flags) = (performer.int("type", 1), performer.int("msgflg", 0));
    let making = Making::new([id, text.len() as i64, kind, flags, 0, 0]).data(text);
    let _ = performer.call(making, || sysv::msgsnd(id as i32, kind, text, flags as i32).map(|()| 0));
}

fn receive(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (id, size) = (performer.int("msqid", -1), performer.size("msgsz")?);
    let (kind, flags) = (performer.int("type", 0), performer.int("msgflg", 0));
    let got = Cell::new(0);
    let _ = performer.call_into_then(
        Making::new([id, size as i64, kind, flags, 0, 0]),
        &mut vec![0; size],
        |buffer| {
            let (length, of) = sysv::msgrcv(id as i32, buffer, kind, flags as i32)?;
            got.set(of);
            Ok(length as i64)
        },
        |record| record.args[4] = got.get(),
    );
    Ok(())
}

fn control(performer: &mut Performer<'_>) {
    let (id, command) = (performer.int("msqid", -1), performer.int("cmd", 0));
    let change = common::change(performer);
    let told = Cell::new(Queue::default());
    let [a, b, c, d] = if command as i32 == libc::IPC_SET { common::recorded(change) } else { [0; 4] };
    let result = performer.call_then(
        Making::new([id, command, a, b, c, d]),
        || {
            let id = id as i32;
            match command as i32 {
                libc::IPC_STAT => sysv::queue_stat(id).map(|queue| told.set(queue)),
                libc::IPC_SET => sysv::queue_set(id, change),
                _ => sysv::remove(Kind::Queues, id),
            }
            .map(|()| 0)
        },
        |record| {
            if command as i32 == libc::IPC_STAT {
                let queue = told.get();
                let mode = queue.permissions.mode & 0o777;
                record.args[2..].copy_from_slice(&[
                    queue.qnum as i64,
                    queue.cbytes as i64,
                    queue.qbytes as i64,
                    mode.into(),
                ]);
            }
        },
    );
    if result.is_ok() && command as i32 == libc::IPC_STAT {
        performer.deliver(Data::Int(told.get().qnum as i64));
    }
}

/// Of a queue of more than twice as many, so many messages of its head are shown.
const ENDS: usize = 16;
/// And so many of its tail: for each the kernel walks the whole queue.
const TAIL: usize = 4;
/// So many bytes of a message are shown.
const TEXT: usize = 2048;
/// How often a queue is read anew that changes while it is read.
const TRIES: usize = 3;

/// The messages in the queue, in order of arrival.
fn contents(queue: Queue, note: &Value) -> Field {
    let mut changed = false;
    let mut now = queue;
    for _ in 0..TRIES {
        let copied = copies(&now);
        let after = sysv::queue_of(queue.id).unwrap_or(now);
        changed = after != now;
        now = after;
        match copied {
            Ok(list) if !changed => return Field::new("queue", Value::List(list), Evidence::Kernel),
            Err(Errno::ENOSYS) => return mirror::field(note, queue.qnum as i64, Some(queue.cbytes)),
            Err(Errno::EACCES) => return Field::hidden("queue", "its mode lets nobody here read it"),
            // A message came or went in between.
            Ok(_) | Err(_) => {}
        }
    }
    let why = if changed { "it changes while it is read" } else { "the kernel gives no copy of its messages" };
    Field::hidden("queue", why)
}

fn copies(queue: &Queue) -> Result<Vec<Value>, Errno> {
    let count = queue.qnum as usize;
    // No message is larger than all together; most are small.
    let largest = queue.cbytes as usize;
    let mut room = vec![0; largest.min(TEXT)];
    let mut copy = |place: usize| {
        let copied = match sysv::copy_message(queue.id, place, &mut room) {
            Err(Errno::E2BIG) if room.len() < largest => {
                room.resize(largest, 0);
                sysv::copy_message(queue.id, place, &mut room)
            }
            copied => copied,
        };
        copied.map(|(length, kind)| {
            let data = Value::Bytes { bytes: room[..length.min(TEXT)].to_vec(), total: length as u64 };
            Value::Record(vec![("type".into(), Value::Int(kind)), ("data".into(), data)])
        })
    };
    if count <= 2 * ENDS {
        return (0..count).map(copy).collect();
    }
    let mut list: Vec<Value> = (0..ENDS).map(&mut copy).collect::<Result<_, _>>()?;
    list.push(Value::Record(vec![("left out".into(), Value::Int((count - ENDS - TAIL) as i64))]));
    for place in count - TAIL..count {
        list.push(copy(place)?);
    }
    Ok(list)
}

fn check(word: &str, args: &[ArgValue], object: &Object) -> Option<Judged> {
    if word == "types" {
        let judged = |met, seen| Some(Judged { met, seen, field: "queue" });
        let wanted = match judge::data(args, 0) {
            Ok(wanted) => wanted,
            Err(why) => return judged(false, why),
        };
        let kind =
            |message: &Value| message.part("type").and_then(Value::as_int).map_or("…".to_owned(), |n| n.to_string());
        let seen = object.value("queue").as_list().iter().map(kind).collect::<Vec<_>>().join(" ");
        return judged(seen.as_bytes() == wanted, if seen.is_empty() { "no message".to_owned() } else { seen });
    }
    matches!(word, "next" | "holds").then(|| judge::message(word == "next", "queue", args, object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_calls_as_strace_does() {
        let nowait = c(libc::IPC_NOWAIT);
        let rows: &[(&str, [i64; 6], &[u8], &str)] = &[
            ("msgsnd", [5, 6, 3, 0, 0, 0], b"urgent", "5<id>, {mtype=3, \"urgent\"}, 6, 0"),
            ("msgrcv", [5, 100, -5, nowait, 2, 0], b"hi", "5<id>, {mtype=2, \"hi\"}, 100, -5, IPC_NOWAIT"),
            ("msgctl", [5, 0, 0, 0, 0, 0], b"", "5<id>, IPC_RMID, NULL"),
            ("msgctl", [5, 1, 100, -1, -1, -1], b"", "5<id>, IPC_SET, {msg_qbytes=100}"),
            (
                "msgctl",
                [5, 2, 1, 6, 16384, 0o600],
                b"",
                "5<id>, IPC_STAT, {msg_qnum=1, msg_cbytes=6, msg_qbytes=16384, mode=0600}",
            ),
            ("ftok", [0, 65, 0, 0, 0, 0], b"notes", "\"notes\", 65"),
        ];
        for (verb, args, data, expected) in rows {
            let mut record = Record { args: *args, entered_ns: 1, returned_ns: 2, ..Record::default() };
            record.set_data(data);
            assert_eq!(SysvQueue.show(verb, &record).args, *expected, "{verb}");
        }
        let asleep = Record { args: [5, 100, 0, 0, 0, 0], entered_ns: 1, ..Record::default() };
        assert_eq!(SysvQueue.show("msgrcv", &asleep).args, "5<id>, …, 100, 0, 0");
    }

    #[test]
    fn a_long_queue_shows_its_ends() {
        let id = sysv::msgget(libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600).unwrap();
        for n in 1..=100 {
            sysv::msgsnd(id, n, format!("{n}").as_bytes(), 0).unwrap();
        }
        sysv::msgsnd(id, 7, &[b'x'; 5000], 0).unwrap();
        let queue = sysv::queue_of(id).unwrap();
        let copied = copies(&queue);
        let field = contents(queue, &Value::Nothing);
        let _ = sysv::remove(Kind::Queues, id);
        let Ok(list) = copied else {
            assert_eq!((copied, field.evidence), (Err(Errno::ENOSYS), Evidence::Mirror));
            return;
        };
        assert_eq!(list.len(), 21);
        assert_eq!(list[16].part("left out"), Some(&Value::Int(81)));
        assert_eq!((list[0].part("type"), list[17].part("type")), (Some(&Value::Int(1)), Some(&Value::Int(98))));
        let (head, total) = list[20].part("data").unwrap().as_bytes().unwrap();
        assert_eq!((head.len(), total), (TEXT, 5000));
        assert_eq!((field.evidence, field.value), (Evidence::Kernel, Value::List(list)));
    }

    #[test]
    fn the_mirror_follows_what_is_reported() {
        let key = ObjectKey::of_id(CARD.id, 5);
        let spec = |name: &str| CALLS.iter().find(|call| call.name == name).unwrap();
        let mut note = Value::Nothing;
        let mut tell = |name: &'static str, args: [i64; 6], text: &[u8]| {
            let mut record = Record { args, returned_ns: 1, ..Record::default() };
            record.set_data(text);
            let reported = Reported { actor: "alice", record: &record, spec: spec(name), object: &key, handle: None };
            SysvQueue.learn(&reported, &mut note);
        };
        for (kind, text) in [(3, "three"), (5, "five"), (1, "one"), (3, "three again")] {
            tell("msgsnd", [5, text.len() as i64, kind, 0, 0, 0], text.as_bytes());
        }
        tell("msgrcv", [5, 100, 2, c(libc::MSG_COPY), 1, 0], b"one");
        tell("msgrcv", [5, 100, -4, 0, 1, 0], b"one");
        tell("msgrcv", [5, 2, 3, c(libc::MSG_NOERROR), 3, 0], b"th");
        let field = mirror::field(&note, 2, Some(15));
        assert_eq!((field.evidence, field.note), (Evidence::Mirror, None));
        let kinds: Vec<_> = field.value.as_list().iter().filter_map(|m| m.part("type")?.as_int()).collect();
        assert_eq!(kinds, [5, 3]);
    }

    #[test]
    fn judges_by_what_is_in_it() {
        let message = |kind, text: &str| {
            let data = Value::Bytes { bytes: text.as_bytes().to_vec(), total: text.len() as u64 };
            Value::Record(vec![("type".into(), Value::Int(kind)), ("data".into(), data)])
        };
        let object = Object {
            name: "q".into(),
            key: ObjectKey::of_id(CARD.id, 5),
            identifier: String::new(),
            fields: vec![Field::new("queue", Value::List(vec![message(3, "a"), message(1, "b")]), Evidence::Kernel)],
            holders: vec![],
            waiters: vec![],
        };
        let met = |word, text: &str| {
            check(word, &[ArgValue::Expr(crate::script::Expr::Text(text.into()))], &object).map(|judged| judged.met)
        };
        assert_eq!([met("next", "a"), met("next", "b"), met("holds", "b")], [Some(true), Some(false), Some(true)]);
        assert_eq!([met("types", "3 1"), met("types", "3"), met("messages", "2")], [Some(true), Some(false), None]);
    }
}

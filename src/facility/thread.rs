//! Threads: actors that live in another actor's process and share all that a process has.

use std::cell::Cell;

use nix::errno::Errno;

use super::perform::{Body, Making, Names, Peer, Performer, Refusal};
use super::show::{self, Shown, constant, returned};
use super::table::{CALL, optional, required};
use super::{Card, Facility};
use crate::kernel::arena::Record;
use crate::kernel::{fd, thread};
use crate::model::{Actor, Sleep, Snapshot};
use crate::script::{ArgKind, ArgSpec, CallSpec, Data, Makes, Sleeps, WaitsOn};

/// The chapter of threads.
#[derive(Debug)]
pub(super) struct Threads;

static CARD: Card = Card {
    id: "thread",
    title: "Threads",
    family: "what all facilities stand on",
    what: "A thread is a task of its own with a stack, a signal mask and a call to sleep in; memory, descriptors and what \
           happens at signals are its process'.",
    identifier: "tid",
    handle: "pthread_t",
    persistence: "process: all threads go with it",
    access: "the process itself",
    blocking: "pthread_join until the thread has ended",
    boundaries: "none",
    manual: &[
        "pthreads(7)",
        "pthread_create(3)",
        "pthread_join(3)",
        "pthread_exit(3)",
        "pthread_detach(3)",
        "gettid(2)",
    ],
};

const STATES: &[(&str, i64)] = &[
    ("PTHREAD_CREATE_JOINABLE", libc::PTHREAD_CREATE_JOINABLE as i64),
    ("PTHREAD_CREATE_DETACHED", libc::PTHREAD_CREATE_DETACHED as i64),
];

const OF_PROCESS: &str = "a thread of the same process; the actor that was there first is one too";

const fn thread_arg(doc: &'static str) -> ArgSpec {
    required("thread", ArgKind::Actor, doc)
}

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "pthread_create",
        args: &[
            required("thread", ArgKind::NewActor, "what the thread shall be called behind its process' name: t1"),
            optional("detachstate", ArgKind::Constant(STATES), "whether another thread can join it"),
        ],
        doc: "Makes a thread that takes orders: it shares memory, descriptors and names, and has variables of its own",
        man: "pthread_create(3)",
        c: "pthread_create(&{thread}, {?detachstate &attr /* {detachstate} */?}{!detachstate NULL!}, start, NULL)",
        makes: Makes::Thread,
        example: "alice: pthread_create t1",
        ..CALL
    },
    CallSpec {
        name: "pthread_join",
        args: &[thread_arg(OF_PROCESS)],
        doc: "Waits until a thread has ended, and takes what it left",
        man: "pthread_join(3)",
        c: "pthread_join({thread}, &value)",
        gives: true,
        sleeps: &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Nothing, direction: "join" }],
        example: "alice: pthread_join alice.t1 -> $value",
        ..CALL
    },
    CallSpec {
        name: "pthread_exit",
        args: &[optional("value", ArgKind::Int, "what pthread_join tells; NULL if left out")],
        doc: "Ends the calling thread only; the last one ends the process, with status 0",
        man: "pthread_exit(3)",
        c: "pthread_exit({value=NULL})",
        example: "alice.t1: pthread_exit 5",
        ..CALL
    },
    CallSpec {
        name: "pthread_detach",
        args: &[thread_arg(OF_PROCESS)],
        doc: "Lets what a thread leaves go with it: nobody will join it",
        man: "pthread_detach(3)",
        c: "pthread_detach({thread})",
        syscall: false,
        example: "alice: pthread_detach alice.t1",
        ..CALL
    },
    CallSpec {
        name: "gettid",
        doc: "Tells its own id as a task: that of the process for the first thread",
        man: "gettid(2)",
        c: "gettid()",
        gives: true,
        example: "alice.t1: gettid -> $tid",
        ..CALL
    },
];

impl Facility for Threads {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "pthread_create" => create(performer),
            "pthread_join" => join(performer),
            "pthread_exit" => {
                let value = performer.int("value", 0);
                // It does not return: its record stays in flight, and tells the stage what the thread has left.
                performer.enter(Making::new([value, 0, 0, 0, 0, 0]));
                performer.body.leaves = Some(value as u64);
                Ok(())
            }
            "pthread_detach" => {
                let peer = of_process(performer, "thread")?;
                let making = Making::new([peer.thread.tid.into(), 0, 0, 0, 0, 0]);
                let _ = performer.call_then(making, || thread::detach(peer.thread.handle).map(|()| 0), error_is_result);
                Ok(())
            }
            "gettid" => {
                let tid = performer.call(Making::new([0; 6]), || Ok(nix::unistd::gettid().as_raw().into()));
                performer.deliver(Data::Int(tid.unwrap_or(0)));
                Ok(())
            }
            _ => Err(Refusal::new(format!("{verb} is no call on threads"))),
        }
    }

    fn wakers_of_call(&self, sleep: &Sleep, _actor: &Actor, snapshot: &Snapshot) -> Vec<String> {
        // `7<alice.t1>, …`: the thread that is joined.
        let named = sleep.args.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(name, _)| name);
        named.filter(|name| snapshot.actor(name).is_some_and(Actor::alive)).map(str::to_owned).into_iter().collect()
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [a, b, ..] = record.args;
        let args = match verb {
            "pthread_create" => {
                let attributes = if b == 0 { "NULL".to_owned() } else { format!("{{{}}}", constant(b, STATES)) };
                format!("&{}, {attributes}, start, NULL", String::from_utf8_lossy(record.bytes()))
            }
            "pthread_join" if returned(record) && record.errno == 0 => format!("{}, [{}]", show::pid(a), pointer(b)),
            "pthread_join" => format!("{}, …", show::pid(a)),
            "pthread_exit" => return Shown { args: pointer(a), result: Some("?".to_owned()) },
            "pthread_detach" => show::pid(a),
            _ => {
                let result = (returned(record) && record.errno == 0).then(|| show::pid(record.ret));
                return Shown { args: String::new(), result };
            }
        };
        Shown { args, result: result_or_error(record) }
    }
}

/// What stands behind `=` of a function whose error is its result, and leaves errno as it was.
pub(super) fn result_or_error(record: &Record) -> Option<String> {
    (returned(record) && record.errno != 0).then(|| {
        let errno = Errno::from_raw(record.errno);
        format!("{} {errno:?} ({})", record.ret, errno.desc())
    })
}

/// These functions give their error as their result.
pub(super) fn error_is_result(record: &mut Record) {
    if record.errno != 0 {
        record.ret = record.errno.into();
    }
}

/// What a thread leaves is a pointer in C, in which a small number may stand.
fn pointer(value: i64) -> String {
    if value == 0 { "NULL".to_owned() } else { value.to_string() }
}

/// The thread that an argument names.
pub(super) fn of_process(performer: &Performer<'_>, argument: &str) -> Result<Peer, Refusal> {
    let peer = performer.peer(argument).ok_or_else(|| Refusal::new("this names no thread"))?;
    if peer.same_process {
        return Ok(peer);
    }
    Err(Refusal::new(format!("{} is no thread of this process: its pthread_t means nothing here", peer.name))
        .help("waitpid waits for another process, tgkill reaches its threads"))
}

fn create(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let Some((socket, slot)) = performer.body.seat.take() else {
        return Err(Refusal::new("a thread needs a seat").help("give it a name: pthread_create t1"));
    };
    let Some(seat) = performer.body.arena.slot(slot as usize) else {
        return Err(Refusal::new("the thread's slot does not exist"));
    };
    let state = performer.int("detachstate", libc::PTHREAD_CREATE_JOINABLE.into());
    let detached = state == i64::from(libc::PTHREAD_CREATE_DETACHED);
    if performer.body.writer.slot().uses_signals() {
        seat.use_signals();
    }
    let own = &*performer.body;
    let body = Body {
        // Variables are a thread's own: they stand for what lies on its stack.
        names: Names { bound: own.names.bound.clone(), stdout: own.names.stdout.clone(), ..Names::default() },
        arena: own.arena.clone(),
        slot,
        writer: seat.writer(),
        socket,
        seat: None,
        directory: own.directory,
        tag: own.tag.clone(),
        order: 0,
        calls: 0,
        made: Vec::new(),
        peers: Vec::new(),
        result: None,
        hosts: Vec::new(),
        forked: false,
        leaves: None,
        detached,
        life: own.life,
    };
    let name = performer.name("thread").as_bytes();
    let life = own.life;
    let making = Making::new([0, state, 0, 0, 0, 0]).data(name);
    let run = Box::new(move || life(body));
    if performer.call_then(making, || thread::create(detached, run).map(|_handle| 0), error_is_result).is_err() {
        let _ = fd::close(socket);
    }
    Ok(())
}

fn join(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let peer = of_process(performer, "thread")?;
    let left = Cell::new(0_u64);
    let making = Making::new([peer.thread.tid.into(), 0, 0, 0, 0, 0]);
    let joined = performer.call_then(
        making,
        || thread::join(peer.thread.handle).map(|value| left.set(value)).map(|()| 0),
        |record| {
            record.args[1] = left.get() as i64;
            error_is_result(record);
        },
    );
    if joined.is_ok() {
        performer.deliver(Data::Int(left.get() as i64));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_calls_as_c_writes_them() {
        let shown = |verb: &str, args: [i64; 6], errno: i32, data: &[u8]| {
            let mut record =
                Record { args, ret: errno.into(), errno, entered_ns: 1, returned_ns: 2, ..Record::default() };
            record.set_data(data);
            let Shown { args, result } = Threads.show(verb, &record);
            format!("{verb}({args}) = {}", result.unwrap_or_else(|| show::result(&record)))
        };
        assert_eq!(shown("pthread_create", [0; 6], 0, b"t1"), "pthread_create(&t1, NULL, start, NULL) = 0");
        assert_eq!(
            shown("pthread_create", [0, 1, 0, 0, 0, 0], libc::EAGAIN, b"t1"),
            "pthread_create(&t1, {PTHREAD_CREATE_DETACHED}, start, NULL) = 11 EAGAIN (Try again)"
        );
        assert_eq!(shown("pthread_join", [8, 5, 0, 0, 0, 0], 0, b""), "pthread_join(8<>, [5]) = 0");
        assert_eq!(
            shown("pthread_join", [8, 0, 0, 0, 0, 0], libc::EDEADLK, b""),
            "pthread_join(8<>, …) = 35 EDEADLK (Resource deadlock would occur)"
        );
        assert_eq!(shown("pthread_exit", [0; 6], 0, b""), "pthread_exit(NULL) = ?");
        assert_eq!(shown("pthread_detach", [8, 0, 0, 0, 0, 0], 0, b""), "pthread_detach(8<>) = 0");
    }
}

//! An actor's life: wait for an order, make its calls, say what came of it.
//!
//! It runs in a process forked by the director or by another actor, or executed anew by `execve self`. Nothing here
//! touches the terminal, and no call waits for whoever observes it.

use std::os::fd::{AsFd, IntoRawFd, OwnedFd};

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::MsgFlags;

use super::wire::{self, ORDER_MAX, Order, Reply};
use crate::facility::perform::{
    Arguments, Body, Bound, Handover, Names, Performer, Refusal, Thread, is_constant, keep_over_exec,
};
use crate::facility::{self, Facility};
use crate::kernel::arena::{Arena, Record};
use crate::kernel::{clock, credentials, fd, process, signal, thread};
use crate::script::{CallExpr, CallSpec};

/// The lowest number of a descriptor that is ours in an actor; the learner's stay below, by the actor's own limit.
pub(super) const OURS: i32 = 1000;

/// How many those are beside the control socket of each thread: the stage's directory and the arena. They stay open as
/// long as the process lives.
pub(super) const OURS_COUNT: usize = 2;

/// The hidden subcommand that `execve self` starts.
pub(super) const HIDDEN: &str = "__actor";

/// One call, looked up once for all rounds.
struct Prepared {
    expr: CallExpr,
    facility: &'static dyn Facility,
    spec: &'static CallSpec,
    verb: u16,
    /// Its arguments, once evaluated, if no round can change them.
    arguments: Option<Arguments>,
    constant: bool,
}

/// Lives the life of a process' first thread.
fn live(body: Body) -> ! {
    thread::alone();
    signal::note_in(body.writer.slot());
    let left = take_orders(body);
    thread::exit(left)
}

/// The life of another thread: gives what it leaves.
fn live_as_thread(body: Body) -> u64 {
    signal::note_in_thread(body.writer.slot());
    let name = format!("thread {}", body.slot);
    let _ = std::ffi::CString::new(name).map(|name| nix::sys::prctl::set_name(&name));
    take_orders(body)
}

/// Takes orders until the thread shall end. When the control socket closes, the process ends. Never returns into the
/// director's frames.
fn take_orders(mut body: Body) -> u64 {
    thread::disable_cancel();
    let mut buffer = vec![0; ORDER_MAX];
    let mut told = Names::default();
    let mut say = hello(&body);
    loop {
        if let Reply::Hello { names, .. } | Reply::Done { names: Some(names), .. } = &say {
            told = names.clone();
        }
        if let Some(slot) = body.arena.slot(body.slot as usize) {
            slot.enter_idle();
        }
        if wire::send(body.socket, &say, None).is_err() {
            process::exit_now(0);
        }
        let Ok(Some((order, descriptor))) = receive_order(&body, &mut buffer) else {
            process::exit_now(0);
        };
        body.order = order.number;
        body.peers.clone_from(&order.peers);
        body.hosts.clone_from(&order.hosts);
        body.made.clear();
        if let Some(shared) = &order.names {
            body.names.bound.clone_from(&shared.bound);
            body.names.stdout.clone_from(&shared.stdout);
            told = body.names.clone();
        }
        body.seat = order.seat.and_then(|slot| Some((descriptor?, slot)));
        let refusal = carry_out(&mut body, &order).err();
        if let Some(left) = body.leaves {
            // The stage hears the end of it, and sees the task go.
            let _ = fd::close(body.socket);
            return left;
        }
        body.settle_result();
        if let Some((socket, _)) = body.seat.take() {
            let _ = fd::close(socket);
        }
        say = if std::mem::take(&mut body.forked) {
            hello(&body)
        } else {
            let names = (body.names != told).then(|| body.names.clone());
            Reply::Done { number: order.number, made: std::mem::take(&mut body.made), names, refusal }
        };
    }
}

fn hello(body: &Body) -> Reply {
    let tid = nix::unistd::gettid().as_raw();
    let thread = Thread { tid, handle: thread::this(), detached: body.detached };
    Reply::Hello { pid: std::process::id() as i32, thread, names: body.names.clone() }
}

/// Receives an order and, out of the learner's reach, the control socket that may come with it. The limit that keeps the
/// learner's numbers low is lifted only for that: the socket finds room even when the learner has used up all of these,
/// and other threads meet their limit meanwhile.
fn receive_order(body: &Body, buffer: &mut [u8]) -> Result<Option<(Order, Option<i32>)>, nix::errno::Errno> {
    let Some(order) = wire::peek::<Order>(body.socket, buffer)? else { return Ok(None) };
    if order.seat.is_none() {
        wire::take_away(body.socket);
        return Ok(Some((order, None)));
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let received = wire::receive(body.socket, buffer, MsgFlags::empty())
        .map(|message| message.map(|(order, descriptor)| (order, descriptor.and_then(out_of_reach))));
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
    received
}

fn out_of_reach(descriptor: i32) -> Option<i32> {
    let moved = fd::fcntl_int(descriptor, libc::F_DUPFD_CLOEXEC, OURS);
    let _ = fd::close(descriptor);
    moved.ok()
}

fn carry_out(body: &mut Body, order: &Order) -> Result<(), Refusal> {
    let mut calls = order.body.iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
    let slot = body.arena.slot(body.slot as usize).ok_or_else(|| Refusal::new("this actor has lost its slot"))?;
    if let Some(ticket) = order.gate {
        let arena = body.arena.clone();
        arena.gate().wait(ticket, None).map_err(|errno| Refusal::new(format!("the gate failed: {errno}")))?;
    }
    let mut round = 0;
    while order.rounds.is_none_or(|rounds| round < rounds) {
        // Here too: a block may be empty.
        if order.free && slot.cancelled() {
            return Ok(());
        }
        for call in &mut calls {
            if order.free && slot.cancelled() {
                return Ok(());
            }
            one(body, call)?;
            if body.forked || body.leaves.is_some() {
                return Ok(());
            }
        }
        round += 1;
        if order.free {
            slot.set_progress(round);
        }
    }
    Ok(())
}

fn prepare(expr: &CallExpr) -> Result<Prepared, Refusal> {
    let unknown = || Refusal::new(format!("unknown call {}", expr.verb));
    let (verb, spec) = facility::registry().call(&expr.verb).ok_or_else(unknown)?;
    let facility = facility::of_verb(&expr.verb).ok_or_else(unknown)?;
    Ok(Prepared { expr: expr.clone(), facility, spec, verb, arguments: None, constant: is_constant(expr) })
}

fn one(body: &mut Body, call: &mut Prepared) -> Result<(), Refusal> {
    if call.spec.makes != crate::script::Makes::Nothing || call.expr.bind.is_some() {
        body.names.another()?;
    }
    let arguments = match call.arguments.take() {
        Some(arguments) => arguments,
        None => {
            body.settle_result();
            Arguments::evaluate(&call.expr, call.spec, body, facility::registry())?
        }
    };
    let mut performer = Performer { body, expr: &call.expr, spec: call.spec, verb: call.verb, arguments: &arguments };
    call.facility.perform(call.spec.name, &mut performer)?;
    // A call that makes something binds its name anew, and others may mean it.
    if call.constant && call.spec.makes == crate::script::Makes::Nothing {
        call.arguments = Some(arguments);
    }
    Ok(())
}

/// The program that `execve self` starts: the same actor, in a new image.
pub(super) fn reborn<'a>(packed: impl Iterator<Item = &'a str>) -> ! {
    let Some(handover) = Handover::unpack(packed) else { process::exit_now(2) };
    process::keep_signals_over_exec(handover.ignores_pipe);
    facility::may_be_timed();
    let arena = fd::adopt_fd(handover.arena).ok().and_then(|fd| Arena::from_fd(fd).ok());
    let Some(arena) = arena else { process::exit_now(2) };
    let Some(slot) = arena.slot(handover.slot as usize) else { process::exit_now(2) };
    let mut writer = slot.writer();
    let mut names = handover.names;
    names.stdout = None;
    names.bound.retain(|_, bound| matches!(bound, Bound::Descriptor(_) | Bound::Id(..)));
    writer.finish(&Record {
        order: handover.order,
        verb: handover.verb,
        seq: handover.seq,
        entered_ns: handover.entered_ns,
        returned_ns: clock::monotonic_ns(),
        ..Record::default()
    });
    for fd in [handover.socket, handover.directory] {
        if keep_over_exec(fd, false).is_err() {
            process::exit_now(2);
        }
    }
    live(Body {
        names,
        arena,
        slot: handover.slot,
        writer,
        socket: handover.socket,
        seat: None,
        directory: handover.directory,
        tag: handover.tag,
        order: handover.order,
        calls: handover.seq + 1,
        made: Vec::new(),
        peers: Vec::new(),
        result: None,
        hosts: Vec::new(),
        forked: false,
        leaves: None,
        detached: false,
        life: live_as_thread,
    })
}

/// What a new actor is made of.
#[derive(Debug)]
pub(super) struct Birth {
    /// Its control socket, in the director's numbering.
    pub socket: OwnedFd,
    /// The stage's directory.
    pub directory: OwnedFd,
    pub arena: Arena,
    pub slot: u32,
    pub tag: String,
    pub uid: u32,
    pub gid: u32,
    /// How late its timers may be, in ns: as for any program, not as for the director.
    pub timer_slack: u64,
    /// Whether uid and gid must be set: the director has the right to.
    pub set_ids: bool,
    pub name: String,
}

/// Turns the process that the director has just forked into an actor, and lives its life.
pub(super) fn begin(birth: Birth) -> ! {
    match become_actor(birth) {
        Ok(body) => live(body),
        Err(_) => process::exit_now(127),
    }
}

fn become_actor(birth: Birth) -> anyhow::Result<Body> {
    // A session of its own: no terminal reaches it, and it leads no group of ours.
    nix::unistd::setsid().ok();
    let socket = fd::move_fd(birth.socket, OURS)?.into_raw_fd();
    let directory = fd::move_fd(birth.directory, OURS)?.into_raw_fd();
    let arena_fd = fd::move_fd(birth.arena.fd().try_clone_to_owned()?, OURS)?.into_raw_fd();
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    for number in 0..3 {
        fd::place_fd(null.as_fd(), number, false)?;
    }
    // The director's objects still name numbers that are closed now: they are neither used nor dropped.
    std::mem::forget((null, birth.arena));
    fd::close_all_except(&[0, 1, 2, socket, directory, arena_fd])?;
    let arena = Arena::from_fd(fd::adopt_fd(arena_fd)?)?;
    let slot = arena.slot(birth.slot as usize).context("the slot does not exist")?;
    let writer = slot.writer();
    credentials::drop_privileges(birth.set_ids.then_some((birth.uid, birth.gid)))?;
    process::reset_signals();
    let name = std::ffi::CString::new(birth.name.as_bytes())?;
    nix::sys::prctl::set_name(&name)?;
    nix::sys::prctl::set_timerslack(birth.timer_slack)?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, (OURS as u64).min(hard), hard)?;
    Ok(Body {
        names: Names::default(),
        arena,
        slot: birth.slot,
        writer,
        socket,
        seat: None,
        directory,
        tag: birth.tag,
        order: 0,
        calls: 0,
        made: Vec::new(),
        peers: Vec::new(),
        result: None,
        hosts: Vec::new(),
        forked: false,
        leaves: None,
        detached: false,
        life: live_as_thread,
    })
}

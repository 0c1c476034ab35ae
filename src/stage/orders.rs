//! From statements to orders: who may be told what, and why not.

use nix::sys::resource::{Resource, getrlimit};

use super::actor::OURS;
use super::director::{Director, MEANWHILE_NS, Nursling, Pending, seqpacket_pair};
use super::hosts::HOSTS_MAX;
use super::member::{Busy, Fate, Held, Member, Posture};
use super::wire::Order;
use super::{Outcome, expect, snapshot};
use crate::facility::perform::{HostAddress, Peer, Refusal};
use crate::facility::{self, Machine};
use crate::kernel::arena::{Entered, SLOTS_DEFAULT};
use crate::kernel::clock;
use crate::model::{Mode, Snapshot};
use crate::script::{ArgKind, ArgValue, Body, CallExpr, Expr, Form, Makes, SocketAddress, Statement};

/// How long a check waits for those who have been awake for a moment.
const CHECK_LIMIT_NS: u64 = 50_000_000;

/// How long an `await` waits unless told otherwise.
const AWAIT_LIMIT_NS: i64 = 5_000_000_000;

/// How many descriptors of the stage an actor has at most, one of them on its way to a child.
const OURS_NEEDED: u64 = 5;

/// How a statement goes on after it was understood.
enum Next {
    /// Wait until the stage has settled.
    Settle { forever: bool },
    /// Wait until an actor's call has returned, at most so long.
    Await(String, i64),
    /// Wait until so many are at the gate, open it, then settle.
    Gate(u32),
    /// It is a check, of what is there now.
    Check(super::Verdict),
}

impl Director {
    /// Begins a statement. It ends when `advance` finds the stage settled.
    pub(super) fn start(&mut self, id: u64, statement: &Statement) {
        let text = statement.to_string();
        let (next, refused) = match self.understand(&statement.body) {
            Ok(Next::Check(verdict)) => {
                // A face that is gone is noticed by the poll loop.
                let _ = self.finish(id, text, Outcome::Checked(verdict));
                return;
            }
            Ok(next) => (next, None),
            Err(refusal) => (Next::Settle { forever: false }, Some((refusal.why, refusal.help))),
        };
        let mut pending = Pending {
            id,
            text,
            deadline_ns: Self::deadline(false),
            meanwhile_ns: crate::kernel::clock::monotonic_ns() + MEANWHILE_NS,
            awaited: None,
            gate: None,
            flight_until_ns: None,
            cancelled: false,
            refused,
        };
        match next {
            Next::Settle { forever } => pending.deadline_ns = Self::deadline(forever),
            Next::Await(who, limit) => {
                pending.deadline_ns = crate::kernel::clock::monotonic_ns().saturating_add_signed(limit);
                pending.awaited = Some(who);
            }
            Next::Gate(count) => pending.gate = Some(count),
            Next::Check(_) => {}
        }
        self.pending = Some(pending);
    }

    fn understand(&mut self, body: &Body) -> Result<Next, Refusal> {
        match body {
            Body::Host { name } => self.add_host(name),
            Body::Link { first, second, up } => self.link(first, second, *up),
            Body::Spawn { name, host, uid } => {
                let place = host.as_ref().map_or(Ok(0), |host| self.place(host))?;
                self.spawn_actor(name, place, *uid)
            }
            Body::Order { actor, call } => {
                let index = self.ready(actor)?;
                self.single(index, call)
            }
            Body::Program { actor, body } => {
                let index = self.living(actor)?;
                for call in body {
                    known(call)?;
                }
                self.members[index].program = Some(Held { body: body.clone(), next: 0 });
                Ok(Next::Settle { forever: false })
            }
            Body::Step { actor } => {
                let index = self.ready(actor)?;
                let program = self.members[index].program.as_ref();
                let program = program.ok_or_else(|| {
                    Refusal::new(format!("{actor} holds no program"))
                        .help(format!("give it one: program {actor} … end"))
                })?;
                let call = program.body.get(program.next).cloned().ok_or_else(|| {
                    Refusal::new(format!("{actor}'s program has no further line"))
                        .help(format!("give it a new one: program {actor} … end"))
                })?;
                let next = self.single(index, &call)?;
                if let Some(program) = &mut self.members[index].program {
                    program.next += 1;
                }
                Ok(next)
            }
            Body::Go { actors, times } => self.go(actors, times.as_ref()),
            Body::Repeat { times, actor, body, .. } => {
                let index = self.ready(actor)?;
                let rounds = times.as_ref().map(count).transpose()?;
                if let Some(fork) = body.iter().find(|call| new_actor(call).is_some()) {
                    return Err(Refusal::new(format!(
                        "a repeat can't {}: each new actor needs a name and a seat of its own",
                        fork.verb
                    ))
                    .help(format!("make them one by one: {actor}: {fork}")));
                }
                for call in body {
                    self.fits(index, call)?;
                }
                let (peers, hosts) = (self.peers(index, body)?, self.host_addresses(body)?);
                let order = Order {
                    number: 0,
                    body: body.clone(),
                    rounds,
                    free: true,
                    gate: None,
                    peers,
                    hosts,
                    seat: None,
                    names: None,
                };
                self.order(index, order, None).map_err(Refusal::new)?;
                Ok(Next::Settle { forever: rounds.is_none() })
            }
            Body::Await { actor, limit } => {
                let index = self.living(actor)?;
                let limit = limit.as_ref().map(int).transpose()?.unwrap_or(AWAIT_LIMIT_NS);
                if let Some(Busy { let_go, .. }) = &mut self.members[index].busy {
                    *let_go = false;
                }
                Ok(Next::Await(actor.clone(), limit.max(0)))
            }
            Body::Cancel { actor } => {
                let index = self.living(actor)?;
                match &mut self.members[index].busy {
                    Some(busy) if busy.free || busy.spins => {
                        busy.let_go = false;
                        self.members[index].slot.set_cancel(true);
                        Ok(Next::Settle { forever: false })
                    }
                    _ => Err(Refusal::new(format!("{actor} runs nothing that could be cancelled"))
                        .help("cancel ends a repeat or a go before its next call, and a spin, never a call itself")),
                }
            }
            Body::Mark => {
                self.drain_all();
                self.since_mark = Some(Entered::default());
                self.members.iter_mut().for_each(Member::mark);
                Ok(Next::Settle { forever: false })
            }
            Body::Expect(expectation) => {
                // The statement before has settled, but the kernel itself takes up some waits at each tick: that of an open
                // for reading while somebody has a write lease.
                let until = clock::monotonic_ns() + CHECK_LIMIT_NS;
                while !super::settle::settled(&mut self.members) && clock::monotonic_ns() < until {
                    std::thread::yield_now();
                }
                let seen = self.look();
                let mut verdict = expect::judge(expectation, &seen);
                if verdict.met && expect::wants_two_looks(&expectation.claim) {
                    // The same sleeps, seen by a second look that takes nothing from the first.
                    self.scene.forget();
                    super::settle::settled(&mut self.members);
                    let again = self.look();
                    let knot = |seen: &Snapshot| {
                        let graph = crate::diagnosis::graph(seen);
                        graph.knot().into_iter().map(|(name, since)| (name.to_owned(), since)).collect::<Vec<_>>()
                    };
                    if knot(&seen) != knot(&again) {
                        verdict.met = false;
                        verdict.seen = "two looks did not agree".to_owned();
                    }
                }
                Ok(Next::Check(verdict))
            }
        }
    }

    fn spawn_actor(&mut self, name: &str, place: usize, uid: Option<u32>) -> Result<Next, Refusal> {
        self.free(name)?;
        if let Some(uid) = uid
            && uid != self.setting.uid
            && !self.setting.strangers
        {
            return Err(Refusal::new(format!("uid {uid} can't be had: this stage maps only uid {}", self.setting.uid))
                .help("a stage started by root has more than one uid"));
        }
        if uid == Some(0) && self.setting.uid != 0 {
            return Err(Refusal::new("an actor can't be root").help("a stranger is anybody else: uid=65533"));
        }
        let slot = self.seat()?;
        let (_, files) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|e| Refusal::new(e.desc()))?;
        if files < OURS as u64 + OURS_NEEDED {
            return Err(Refusal::new(format!(
                "an actor keeps descriptors of the stage from {OURS} on, and the limit of open files is {files}"
            ))
            .help("raise it before you start ipclab: ulimit -n 4096"));
        }
        self.spawn(name, place, uid, slot).map_err(Refusal::new)?;
        Ok(Next::Settle { forever: false })
    }

    fn add_host(&mut self, name: &str) -> Result<Next, Refusal> {
        self.free(name)?;
        if self.setting.mode == Mode::Shared {
            let why = self.setting.why_shared.as_deref().unwrap_or("it could not be isolated");
            return Err(Refusal::new(format!(
                "a host can only be made on an isolated stage, and this one is shared: {why}"
            ))
            .help("`ipclab doctor` says what an isolated stage needs"));
        }
        if self.scene.hosts.names().count() >= HOSTS_MAX {
            return Err(Refusal::new(format!("a stage has room for {HOSTS_MAX} hosts (HOSTS_MAX)")));
        }
        self.scene.add_host(name).map_err(|why| Refusal::new(format!("no host can be made here: {why}")))?;
        Ok(Next::Settle { forever: false })
    }

    fn link(&mut self, first: &str, second: &str, up: bool) -> Result<Next, Refusal> {
        let (first, second) = (self.place(first)?, self.place(second)?);
        self.scene.network_changed();
        match self.scene.hosts.link(first, second, up) {
            Ok(true) => Ok(Next::Settle { forever: false }),
            Ok(false) => Err(Refusal::new("the kernel has not told in time that the line is so")),
            Err(error) => Err(Refusal::new(error.to_string())),
        }
    }

    /// The place of a host that is on stage.
    fn place(&self, name: &str) -> Result<usize, Refusal> {
        let hosts = &self.scene.hosts;
        hosts.place(name).ok_or_else(|| {
            let refusal = Refusal::new(format!("no host on stage is called {name}"));
            match crate::script::nearest(name, hosts.names()) {
                Some(near) => refusal.help(format!("did you mean {near}?")),
                None => refusal.help(format!("make it: host {name}")),
            }
        })
    }

    /// Where the hosts are that calls name in addresses.
    fn host_addresses(&self, body: &[CallExpr]) -> Result<Vec<HostAddress>, Refusal> {
        let mut hosts: Vec<HostAddress> = Vec::new();
        for arg in body.iter().flat_map(|call| &call.args) {
            let ArgValue::Socket(SocketAddress::Host(name, _)) = &arg.value else { continue };
            self.place(name)?;
            hosts.extend(self.scene.hosts.address(name).filter(|host| !hosts.contains(host)));
        }
        Ok(hosts)
    }

    fn seat(&self) -> Result<u32, Refusal> {
        self.free_slot()
            .ok_or_else(|| Refusal::new(format!("a stage has room for {SLOTS_DEFAULT} actors (ACTORS_MAX)")))
    }

    fn single(&mut self, index: usize, call: &CallExpr) -> Result<Next, Refusal> {
        self.fits(index, call)?;
        let body = vec![call.clone()];
        let (peers, hosts) = (self.peers(index, &body)?, self.host_addresses(&body)?);
        let mut order =
            Order { number: 0, body, rounds: Some(1), free: false, gate: None, peers, hosts, seat: None, names: None };
        let Some(child) = new_actor(call) else {
            self.order(index, order, None).map_err(Refusal::new)?;
            return Ok(Next::Settle { forever: spins(call) });
        };
        let (child, thread) = (self.full_name(index, child, call), makes_thread(call));
        let slot = self.seat()?;
        let (ours, theirs) = seqpacket_pair().map_err(|e| Refusal::new(format!("socketpair failed: {}", e.desc())))?;
        if let Some(seat) = self.arena.slot(slot as usize) {
            seat.reset();
        }
        order.seat = Some(slot);
        self.order(index, order, Some(theirs)).map_err(Refusal::new)?;
        let parent = &self.members[index];
        self.nursery = Some(Nursling {
            name: child,
            parent: parent.process().to_owned(),
            thread,
            uid: parent.uid,
            place: parent.place,
            slot,
            socket: ours,
        });
        Ok(Next::Settle { forever: false })
    }

    fn go(&mut self, actors: &[String], times: Option<&Expr>) -> Result<Next, Refusal> {
        let rounds = times.map(count).transpose()?;
        let mut ready = Vec::new();
        for actor in actors {
            let index = self.ready(actor)?;
            let program = self.members[index].program.as_ref().ok_or_else(|| {
                Refusal::new(format!("{actor} holds no program")).help(format!("give it one: program {actor} … end"))
            })?;
            // Without a number of rounds, what `step` has left is run once.
            let body = if rounds.is_some() {
                &program.body[..]
            } else {
                &program.body[program.next.min(program.body.len())..]
            };
            if body.iter().any(|call| new_actor(call).is_some()) {
                return Err(
                    Refusal::new("a program that forks can only be stepped through").help(format!("step {actor}"))
                );
            }
            for call in body {
                self.fits(index, call)?;
            }
            ready.push((index, body.to_vec()));
        }
        let gate = self.arena.gate().ticket();
        let count = ready.len() as u32;
        for (index, body) in ready {
            let (peers, hosts) = (self.peers(index, &body)?, self.host_addresses(&body)?);
            if let Some(program) = &mut self.members[index].program {
                program.next = program.body.len();
            }
            let rounds = Some(rounds.unwrap_or(1));
            let order =
                Order { number: 0, body, rounds, free: true, gate: Some(gate), peers, hosts, seat: None, names: None };
            self.order(index, order, None).map_err(Refusal::new)?;
        }
        Ok(Next::Gate(count))
    }

    /// An actor that is on stage and has not ended.
    fn living(&self, name: &str) -> Result<usize, Refusal> {
        let Some(index) = self.members.iter().position(|m| m.name == name) else {
            let names: Vec<&str> = self.members.iter().filter(|m| m.alive()).map(|m| m.name.as_str()).collect();
            let refusal = Refusal::new(format!("nobody on stage is called {name}"));
            return Err(match crate::script::nearest(name, names.iter().copied()) {
                Some(near) => refusal.help(format!("did you mean {near}?")),
                None => refusal.help(format!("bring it on stage: spawn {name}")),
            });
        };
        match &self.members[index].fate {
            Fate::Alive => Ok(index),
            Fate::Zombie(death) | Fate::Dead(death) => Err(Refusal::new(format!(
                "{} and takes no orders",
                snapshot::obituary(name, death)
            ))
            .help(match self.members[index].thread_of.as_deref().and(name.split_once('.')) {
                Some((process, thread)) => format!("a new one can have its name: {process}: pthread_create {thread}"),
                None => format!("a new one can have its name: spawn {name}"),
            })),
        }
    }

    /// An actor that takes orders now: a blocked process takes none.
    fn ready(&mut self, name: &str) -> Result<usize, Refusal> {
        let index = self.living(name)?;
        if self.members[index].busy.is_some() {
            super::settle::settled(&mut self.members);
        }
        let member = &self.members[index];
        if member.posture == Posture::Stopped || member.task.state() == 'T' {
            return Err(Refusal::new(format!("{name} is stopped by a signal and takes no orders"))
                .help(format!("let it go on: OTHER: kill {name} SIGCONT")));
        }
        let Some(busy) = &member.busy else { return Ok(index) };
        let free = busy.free || busy.spins;
        let why = self.why_busy(index);
        let help = if free {
            format!("end its run first: cancel {name}")
        } else {
            format!("a blocked process takes no orders; signals reach it: OTHER: kill {name} SIGTERM")
        };
        Err(Refusal::new(why).help(help))
    }

    fn why_busy(&mut self, index: usize) -> String {
        let seen = self.look();
        let member: &Member = &self.members[index];
        let name = &member.name;
        match seen.actor(name).and_then(|a| a.sleep()) {
            Some(sleep) => {
                let on = sleep.on().map(|o| format!(" on {o}")).unwrap_or_default();
                let age = seen.at_ns.saturating_sub(sleep.since_ns) as f64 / 1e9;
                format!("{name} is asleep in {}({}){on}, for {age:.1} s now", sleep.verb, sleep.args)
            }
            None => format!("{name} is running"),
        }
    }

    /// Checks what only the stage knows of a call: that new names are free.
    fn fits(&self, index: usize, call: &CallExpr) -> Result<(), Refusal> {
        let spec = known(call)?;
        for arg in &call.args {
            let kind = spec.args.iter().find(|a| a.name == arg.name).map(|a| a.kind);
            match (kind, &arg.value) {
                (Some(ArgKind::NewName), ArgValue::Name(name)) => self.free(name)?,
                (Some(ArgKind::NewActor), ArgValue::Name(name)) => {
                    self.free(&self.full_name(index, name.clone(), call))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What an actor that a call makes is called: a thread has the name of its process in front.
    fn full_name(&self, index: usize, name: String, call: &CallExpr) -> String {
        if makes_thread(call) { format!("{}.{name}", self.members[index].process()) } else { name }
    }

    /// A name that nothing on stage has; the dead give theirs away.
    fn free(&self, name: &str) -> Result<(), Refusal> {
        let taken = |by: &str| {
            let used = |n: &str| {
                self.scene.has(n) || self.scene.hosts.place(n).is_some() || self.members.iter().any(|m| m.name == n)
            };
            let mut number = 2;
            while used(&format!("{name}{number}")) {
                number += 1;
            }
            let fresh = format!("{name}{number}");
            Refusal::new(format!("{name} is taken by {by} on stage")).help(format!("{fresh} is free"))
        };
        if self.scene.hosts.place(name).is_some() {
            return Err(taken("a host"));
        }
        if self.members.iter().any(|m| m.name == name && !matches!(m.fate, Fate::Dead(_))) {
            return Err(taken("an actor"));
        }
        if self.scene.has(name) || self.scene.has_end(name) {
            return Err(taken("an object"));
        }
        Ok(())
    }

    /// Whether a pid that was a dead actor's is nobody's now, and stays so for a while: on an isolated stage the numbers
    /// of its own namespace are given out in turn; and nobody gets one that a process group or session still has.
    fn is_nobodys(&self, pid: i32) -> bool {
        let kept = |stat: crate::kernel::proc::Stat| stat.pgrp == pid || stat.session == pid;
        let mut living = self.members.iter().filter(|m| m.alive());
        living.all(|m| m.pid != pid) && self.members.iter().any(|m| m.alive() && m.task.stat().is_some_and(kept))
            || self.setting.mode == Mode::Isolated && crate::kernel::proc::status(pid).is_err()
    }

    /// Pids of the actors that calls of a member name. Those of other hosts have none: that the stage's processes have
    /// one set of numbers is not as on machines. Nor have the dead where their number may be another's by now.
    fn peers(&self, index: usize, body: &[CallExpr]) -> Result<Vec<Peer>, Refusal> {
        let mut peers: Vec<Peer> = Vec::new();
        let pid = self.members[index].pid;
        let peer = |m: &Member| Peer { name: m.name.clone(), pid: m.pid, thread: m.thread, same_process: m.pid == pid };
        for call in body {
            let spec = known(call)?;
            for arg in &call.args {
                let Some(wanted) = spec.args.iter().find(|a| a.name == arg.name) else { continue };
                let (ArgKind::Actor, ArgValue::Name(name)) = (wanted.kind, &arg.value) else { continue };
                if name == "any" && wanted.form == Form::Optional {
                    continue;
                }
                let place = self.members[index].place;
                match self.members.iter().find(|m| m.name == *name) {
                    Some(member) if member.place != place => {
                        let hosts = &self.scene.hosts;
                        let there = hosts.name(member.place);
                        let on = there.map_or_else(|| "on no host".to_owned(), |host| format!("on {host}"));
                        let at = there.map(|host| format!(" @{host}")).unwrap_or_default();
                        return Err(Refusal::new(format!(
                            "{name} lives {on}, and no process is known beyond its machine"
                        ))
                        .help(format!("somebody there can make the call: spawn NAME{at}")));
                    }
                    Some(member) if !matches!(member.fate, Fate::Dead(_)) => peers.push(peer(member)),
                    Some(member) if self.is_nobodys(member.pid) => peers.push(peer(member)),
                    Some(_) => {
                        return Err(Refusal::new(format!(
                            "{name} is dead and gone; its pid could be somebody else's by now"
                        ))
                        .help("were it nobody's, the call would fail with ESRCH"));
                    }
                    None => {
                        self.living(name)?;
                    }
                }
            }
        }
        Ok(peers)
    }
}

fn int(expr: &Expr) -> Result<i64, Refusal> {
    expr.eval_int(&Machine).map_err(|e| Refusal::new(e.to_string()))
}

fn count(expr: &Expr) -> Result<u64, Refusal> {
    let n = int(expr)?;
    u64::try_from(n).map_err(|_negative| Refusal::new(format!("a number of rounds can't be {n}")))
}

fn known(call: &CallExpr) -> Result<&'static crate::script::CallSpec, Refusal> {
    facility::registry()
        .call(&call.verb)
        .map(|(_, spec)| spec)
        .ok_or_else(|| Refusal::new(format!("unknown call {}", call.verb)))
}

/// Whether a call keeps a processor busy.
pub(super) fn spins(call: &CallExpr) -> bool {
    known(call).is_ok_and(|spec| spec.spins)
}

/// Whether the actor that a call makes is a thread.
fn makes_thread(call: &CallExpr) -> bool {
    known(call).is_ok_and(|spec| spec.makes == Makes::Thread)
}

/// The name of the actor that a call makes, behind that of its process if it is a thread.
fn new_actor(call: &CallExpr) -> Option<String> {
    let spec = known(call).ok()?;
    call.args.iter().find_map(|arg| {
        let kind = spec.args.iter().find(|a| a.name == arg.name)?.kind;
        match (kind, &arg.value) {
            (ArgKind::NewActor, ArgValue::Name(name)) => Some(name.clone()),
            _ => None,
        }
    })
}

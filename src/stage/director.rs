//! The director: pid 1 of an isolated stage. One thread, one poll loop: requests of the face, replies of actors,
//! deaths. It is the only process that reads the kernel on the face's behalf.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, socketpair};
use nix::sys::time::TimeSpec;
use nix::unistd::fchdir;

use super::hosts::Hosts;
use super::ledger::Ledger;
use super::member::{Busy, Fate, Member, Posture};
use super::scan::Scene;
use super::wire::{self, Answer, Framer, Frames, ORDER_MAX, Order, Reply, Request};
use super::{Outcome, Report, Setting, StageEvent, StageInfo, actor, chronicle, orders, settle, snapshot};
use crate::facility;
use crate::facility::perform::{Bound, Made};
use crate::kernel::arena::{Arena, Entered, SLOTS_DEFAULT};
use crate::kernel::process::{self, Fork};
use crate::kernel::{borrow, clock};
use crate::model::{Call, Mode, Snapshot};
use crate::script::{CallExpr, Makes, Statement};

/// How long a statement may take to settle before it ends as running.
const SETTLE_LIMIT: Duration = Duration::from_secs(5);
/// The same for what will never settle by itself.
const FOREVER_LIMIT: Duration = Duration::from_millis(100);
/// How long data that the kernel moves by itself are waited for. What is still not where it should be then is not
/// under way: a mirror is wrong.
const FLIGHT_LIMIT: Duration = Duration::from_millis(200);
/// How often the stage refreshes while something runs freely.
const REFRESH: Duration = Duration::from_millis(33);
/// Between two looks at tasks that are about to fall asleep: doubled each time, from the first to the last.
const LOOK_FIRST: Duration = Duration::from_micros(10);
const LOOK_LAST: Duration = Duration::from_millis(2);
/// How long after an order the director stays awake to hear of it, leaving the processor to whoever wants it. Most calls
/// are done by then, and to be woken would take as long as the call: most of all where a processor that nobody used has to
/// be woken with it.
const AWAKE: Duration = Duration::from_micros(100);
/// Between two looks at a stage on which a statement has somebody run.
pub(super) const MEANWHILE_NS: u64 = 300_000_000;
/// Most calls that one event carries; what is older is left out, and the sequence numbers show it.
const CALLS_MAX: usize = 2000;
/// What is called realtime has at least so many priorities: lessons put no more tasks above each other.
const REALTIME_LEVELS: u64 = 4;

/// The stage, from inside.
#[derive(Debug)]
pub(super) struct Director {
    pub setting: Setting,
    pub arena: Arena,
    /// In order of birth. The dead stay until their name is used again.
    pub members: Vec<Member>,
    pub scene: Scene,
    pub ledger: Ledger,
    pub pending: Option<Pending>,
    /// The control socket of a child that has not said hello, with its name, slot and parent.
    pub nursery: Option<Nursling>,
    pub opened_ns: u64,
    /// What the director's timer slack was.
    timer_slack: u64,
    pub order: u32,
    /// What was counted since `mark`; `None` before it.
    pub since_mark: Option<Entered>,
    /// Since the last event, each with its time: of return, if the face knew it as entered, else of entry.
    calls: Vec<(u64, Call)>,
    /// Whether objects are read. Only tests turn it off, to see that reading them changes nothing.
    pub observing: bool,
    pub news: Vec<String>,
    /// Until when it stays awake to hear of the last order.
    awake_ns: u64,
    /// Whether a free run has ended and no event has told yet that its actor is idle.
    run_ended: bool,
    face: UnixStream,
    frames: Frames,
    framer: Framer,
    queue: VecDeque<(u64, Statement)>,
    buffer: Vec<u8>,
}

/// A statement that has not ended.
#[derive(Debug)]
pub(super) struct Pending {
    pub id: u64,
    pub text: String,
    pub deadline_ns: u64,
    /// When the face is told next what the stage is like meanwhile, if somebody runs.
    pub meanwhile_ns: u64,
    /// An `await`: whose call must have returned.
    pub awaited: Option<String>,
    /// A `go`: how many must be at the gate before it opens.
    pub gate: Option<u32>,
    /// An `await` that was given up.
    pub cancelled: bool,
    /// Since data were first seen under way while all were still: how long that is believed.
    pub flight_until_ns: Option<u64>,
    /// Already known outcome, told once the stage has settled.
    pub refused: Option<(String, Option<String>)>,
}

/// A child between its fork and its first word.
#[derive(Debug)]
pub(super) struct Nursling {
    pub name: String,
    pub parent: String,
    /// Whether it is a thread of its parent, not a process of its own.
    pub thread: bool,
    pub uid: u32,
    pub place: usize,
    pub slot: u32,
    pub socket: OwnedFd,
}

/// Runs a stage in the place that the launcher has prepared, until its face goes.
pub(super) fn run(setting: Setting) -> ExitCode {
    match Director::new(setting) {
        Ok(mut director) => match director.serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(_) => ExitCode::FAILURE,
    }
}

/// Waits for any of them; awake until `awake_ns`.
fn wait_any(fds: &mut [PollFd<'_>], timeout: Option<Duration>, awake_ns: u64) -> Result<i32, Errno> {
    let begun_ns = clock::monotonic_ns();
    let end_ns = timeout.map_or(u64::MAX, |timeout| begun_ns + timeout.as_nanos() as u64);
    let mut now_ns = begun_ns;
    while now_ns < awake_ns {
        let ready = poll(fds, PollTimeout::ZERO)?;
        now_ns = clock::monotonic_ns();
        if ready > 0 || now_ns >= end_ns {
            return Ok(ready);
        }
        std::thread::yield_now();
    }
    let left = timeout.map(|timeout| timeout.saturating_sub(Duration::from_nanos(now_ns - begun_ns)));
    ppoll(fds, left.map(TimeSpec::from_duration), None)
}

/// Both ends of a socket that keeps messages apart, close-on-exec.
pub(super) fn seqpacket_pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

impl Director {
    fn new(setting: Setting) -> anyhow::Result<Self> {
        let face = UnixStream::from(setting.wire.try_clone()?);
        if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
        let _ = nix::sys::prctl::set_child_subreaper(true);
        // A look in ten microseconds shall be that, not fifty later.
        let timer_slack = nix::sys::prctl::get_timerslack().map_or(50_000, |ns| ns.max(1) as u64);
        let _ = nix::sys::prctl::set_timerslack(1);
        let arena = Arena::create(SLOTS_DEFAULT)?;
        let id = |fd: &dyn AsFd| nix::sys::stat::fstat(fd.as_fd()).map(|s| (s.st_dev, s.st_ino));
        let directory = nix::sys::stat::stat(&setting.directory)?;
        let ours = vec![id(&arena.fd())?, (directory.st_dev, directory.st_ino)];
        let scene = Scene::new(setting.directory.clone(), setting.tag.clone(), setting.mqueue.clone(), ours);
        Ok(Self {
            setting,
            arena,
            members: Vec::new(),
            scene,
            ledger: Ledger::default(),
            pending: None,
            nursery: None,
            opened_ns: clock::monotonic_ns(),
            timer_slack,
            order: 0,
            since_mark: None,
            calls: Vec::new(),
            observing: true,
            news: Vec::new(),
            awake_ns: 0,
            run_ended: false,
            face,
            frames: Frames::default(),
            framer: Framer::default(),
            queue: VecDeque::new(),
            buffer: vec![0; ORDER_MAX],
        })
    }

    fn info(&self) -> StageInfo {
        let setting = &self.setting;
        let mut capabilities = Vec::new();
        if setting.mode == Mode::Isolated {
            capabilities.push("isolated".to_owned());
        }
        if setting.strangers {
            capabilities.push("stranger".to_owned());
        }
        if setting.mode == Mode::Isolated && Hosts::possible() {
            capabilities.push("hosts".to_owned());
        }
        // Queues work without the file system that lists them.
        if std::path::Path::new("/proc/sys/fs/mqueue").exists() {
            capabilities.push("mqueue".to_owned());
        }
        if std::path::Path::new("/dev/ptmx").exists() {
            capabilities.push("pty".to_owned());
        }
        if crate::kernel::sched::realtime_reach() >= REALTIME_LEVELS {
            capabilities.push("realtime".to_owned());
        }
        // A kernel built without System V has none of its files.
        if std::path::Path::new("/proc/sysvipc").exists() {
            capabilities.push("sysv".to_owned());
        }
        StageInfo {
            mode: setting.mode,
            why_shared: setting.why_shared.clone(),
            kernel: nix::sys::utsname::uname()
                .map_or_else(|_| "?".to_owned(), |u| u.release().to_string_lossy().into_owned()),
            capabilities,
            uid: setting.uid,
        }
    }

    fn serve(&mut self) -> anyhow::Result<()> {
        self.tell(&Answer::Open(Box::new(self.info())))?;
        let mut pause = LOOK_FIRST;
        loop {
            let heard = self.wait(self.timeout(pause))?;
            let Some(heard) = heard else { return Ok(()) };
            pause = if heard { LOOK_FIRST } else { (pause * 2).min(LOOK_LAST) };
            self.advance()?;
            while self.pending.is_none() {
                let Some((id, statement)) = self.queue.pop_front() else { break };
                self.start(id, &statement);
                pause = LOOK_FIRST;
                // Whoever was given an order this moment has not begun.
                if !self.members.iter().any(|m| m.busy.as_ref().is_some_and(|busy| busy.order == self.order)) {
                    self.advance()?;
                }
            }
            self.tell_meanwhile()?;
            if self.pending.is_none()
                && (self.run_ended || self.anybody_free() || !self.calls.is_empty() || !self.news.is_empty())
            {
                self.refresh()?;
            }
        }
    }

    /// How long to wait for news: not at all longer than the next look at those who are about to settle.
    fn timeout(&self, pause: Duration) -> Option<Duration> {
        if self.pending.is_some() || self.run_ended || self.anybody_leaves() {
            Some(pause)
        } else if self.anybody_free() {
            Some(REFRESH)
        } else {
            None
        }
    }

    fn anybody_free(&self) -> bool {
        self.members.iter().any(|m| m.alive() && m.let_go() && m.posture == Posture::Running)
    }

    /// Waits for something to happen and takes it in. `None`: the face is gone. `false`: the time is up.
    fn wait(&mut self, timeout: Option<Duration>) -> anyhow::Result<Option<bool>> {
        let mut sockets: Vec<usize> = Vec::new();
        let mut pidfds: Vec<i32> = Vec::new();
        let ready: Vec<bool> = {
            let mut fds = vec![PollFd::new(self.face.as_fd(), PollFlags::POLLIN)];
            for (index, member) in self.members.iter().enumerate() {
                if let Some(socket) = &member.socket {
                    fds.push(PollFd::new(socket.as_fd(), PollFlags::POLLIN));
                    sockets.push(index);
                }
            }
            for (pid, pidfd) in self.scene.processes() {
                fds.push(PollFd::new(pidfd.as_fd(), PollFlags::POLLIN));
                pidfds.push(pid);
            }
            if let Some(nursling) = &self.nursery {
                fds.push(PollFd::new(nursling.socket.as_fd(), PollFlags::POLLIN));
            }
            match wait_any(&mut fds, timeout, self.awake_ns) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            fds.iter().map(|fd| fd.any().unwrap_or(false)).collect()
        };
        let heard = ready.iter().any(|r| *r);
        let (face, rest) = ready.split_at(1);
        for (position, index) in sockets.iter().enumerate() {
            if rest[position] {
                self.hear(*index);
            }
        }
        for (position, pid) in pidfds.iter().enumerate() {
            if rest[sockets.len() + position] {
                self.ended(*pid);
            }
        }
        if rest.get(sockets.len() + pidfds.len()) == Some(&true) {
            self.hear_nursling();
        }
        if face[0] && !self.hear_face()? {
            return Ok(None);
        }
        Ok(Some(heard))
    }

    fn hear_face(&mut self) -> anyhow::Result<bool> {
        if !self.frames.fill(&mut self.face)? {
            return Ok(false);
        }
        while let Some(request) = self.frames.next::<Request>()? {
            match request {
                Request::Run { id, statement } => self.queue.push_back((id, statement)),
                Request::Cancel => self.cancel_all()?,
                Request::Refresh => {
                    self.scene.forget();
                    self.refresh()?;
                }
                Request::Observe(observing) => self.observing = observing,
            }
        }
        Ok(true)
    }

    fn cancel_all(&mut self) -> anyhow::Result<()> {
        for member in self.members.iter().filter(|m| m.busy.as_ref().is_some_and(|b| b.free || b.spins)) {
            member.slot.set_cancel(true);
        }
        if let Some(pending) = &mut self.pending
            && pending.awaited.take().is_some()
        {
            pending.cancelled = true;
            pending.deadline_ns = Self::deadline(false);
        }
        for (id, statement) in std::mem::take(&mut self.queue) {
            self.finish(id, statement.to_string(), Outcome::TimedOut("cancelled before it began".to_owned()))?;
        }
        Ok(())
    }

    /// Takes in one thing that an actor says, if it has said any.
    pub(super) fn hear(&mut self, index: usize) -> bool {
        let Some(socket) = self.members[index].socket.as_ref().map(AsRawFd::as_raw_fd) else { return false };
        let mut buffer = std::mem::take(&mut self.buffer);
        let message = wire::receive::<Reply>(socket, &mut buffer, MsgFlags::MSG_DONTWAIT);
        self.buffer = buffer;
        match message {
            Ok(Some((reply, _))) => self.take_in(index, reply),
            Err(Errno::EAGAIN) => return false,
            Ok(None) | Err(_) => {
                self.members[index].socket = None;
                return false;
            }
        }
        true
    }

    fn take_in(&mut self, index: usize, reply: Reply) {
        self.drain(index);
        let member = &mut self.members[index];
        self.run_ended |= member.busy.take().is_some_and(|b| b.free || b.spins);
        match reply {
            Reply::Hello { names, thread, .. } => self.greet(index, thread, names),
            Reply::Done { made, names, refusal, .. } => {
                if let Some(names) = names {
                    self.learn_names(index, names);
                }
                let member = &self.members[index];
                let (pid, name) = (member.pid, member.name.clone());
                for made in &made {
                    self.note_id(made);
                    self.scene.made(pid, made);
                }
                if let Some(refusal) = refusal {
                    match &mut self.pending {
                        Some(pending) if pending.refused.is_none() => {
                            pending.refused = Some((refusal.why, refusal.help));
                        }
                        _ => self.news.push(format!("{name}: {}", refusal.why)),
                    }
                }
            }
        }
    }

    /// In shared mode, writes down an id that was made: nothing else could find the object again.
    fn note_id(&mut self, made: &Made) {
        let facility = facility::registry().call_by_id(made.verb).and_then(|spec| facility::of_verb(spec.name));
        if let (Some(journal), Bound::Id(_, id), Some(facility)) = (&mut self.setting.journal, made.handle, facility)
            && let Err(error) = journal.note_id(facility.card().id, id)
        {
            self.news.push(format!("the stage's journal can't be written: {error}"));
        }
    }

    /// A forked child speaks for the first time, or its parent could not fork.
    fn hear_nursling(&mut self) {
        let Some(nursling) = self.nursery.take() else { return };
        let mut buffer = std::mem::take(&mut self.buffer);
        let message = wire::receive::<Reply>(nursling.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT);
        self.buffer = buffer;
        match message {
            Ok(Some((Reply::Hello { pid, thread, names }, _))) => self.born(nursling, (pid, thread), names),
            Err(Errno::EAGAIN) => self.nursery = Some(nursling),
            Ok(_) | Err(_) => {}
        }
    }

    /// Takes in the reports of all who live; a dead one's slot may be another's by now.
    pub(super) fn drain_all(&mut self) {
        for index in 0..self.members.len() {
            if self.members[index].alive() {
                self.drain(index);
            }
        }
    }

    /// Moves what the actor reported from its slot into the chronicle.
    pub(super) fn drain(&mut self, index: usize) {
        let mut records = Vec::new();
        let member = &mut self.members[index];
        member.reader.drain(usize::MAX, |record| records.push(record));
        let entered = member.slot.entered();
        if let Some(since) = &mut self.since_mark {
            *since += entered - member.entered;
        }
        member.entered = entered;
        let dropped = member.reader.dropped();
        if dropped != member.dropped {
            member.dropped = dropped;
            // What was dropped may have changed its mappings; and its last call is among it, unless the ring has a
            // later one.
            self.scene.records_lost(member.pid);
            let newest = records.last().map(|record| record.seq).or(member.last.as_ref().map(|call| call.seq));
            records.extend(member.reader.last_dropped().filter(|last| newest.is_none_or(|newest| last.seq > newest)));
        }
        self.hear_handlers(index);
        if records.is_empty() {
            return;
        }
        let mut actors = self.pids();
        for record in records {
            let Some(spec) = facility::registry().call_by_id(record.verb) else { continue };
            if let (Makes::Actor, 1.., Some(child)) = (spec.makes, record.ret, &self.nursery) {
                actors.push((record.ret as i32, child.name.clone()));
            }
            let member = &mut self.members[index];
            let mut call = chronicle::call(&member.name, &member.names, &record, spec, self.opened_ns, &actors);
            if let Some(words) = chronicle::means_on(self.scene.handles(member.pid), &record, spec) {
                call.meaning = Some(words.to_owned());
            }
            if let Some(words) = self.post(index, &record) {
                call.meaning = Some(words);
            }
            self.members[index].last = Some(call.clone());
            if spec.makes == Makes::Memory
                || matches!(spec.name, "munmap" | "mprotect" | "sem_close" | "shmdt" | "execve")
            {
                self.scene.mappings_changed(self.members[index].pid);
            }
            if spec.makes == Makes::Descriptor || matches!(spec.name, "close" | "execve") {
                self.scene.descriptors_changed(self.members[index].pid);
            }
            self.scene.learn(&self.members[index], &record, spec);
            self.ledger.note(&self.members[index], &record, spec.name, &self.scene);
            self.learn_of_threads(index, &record, spec.name);
            let known = self.members[index].told_entered == Some(record.seq);
            let at = if known { record.returned_ns } else { record.entered_ns };
            self.push_call(at.saturating_sub(self.opened_ns), call);
        }
    }

    /// Our names of all processes, those of the dead too: they are spoken of when they are waited for.
    pub(super) fn pids(&self) -> Vec<(i32, String)> {
        self.members.iter().rev().map(|m| (m.thread.tid, m.name.clone())).collect()
    }

    pub(super) fn push_call(&mut self, at_ns: u64, call: Call) {
        if self.calls.len() >= CALLS_MAX {
            self.calls.drain(..CALLS_MAX / 2);
        }
        self.calls.push((at_ns, call));
    }

    /// The calls since the last event, in order of time.
    fn take_calls(&mut self) -> Vec<Call> {
        let mut calls = std::mem::take(&mut self.calls);
        calls.sort_by_key(|(at_ns, _)| *at_ns);
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// Looks whether the statement under way has come to its end.
    fn advance(&mut self) -> anyhow::Result<()> {
        self.let_leave();
        let Some(pending) = &self.pending else { return Ok(()) };
        let late = clock::monotonic_ns() >= pending.deadline_ns;
        if let Some(expected) = pending.gate {
            // Who has died on the way there is not waited for.
            if self.arena.gate().arrived() < expected && !late {
                return Ok(());
            }
            self.arena.gate().open();
            if let Some(pending) = &mut self.pending {
                pending.gate = None;
            }
        }
        let Some(pending) = &self.pending else { return Ok(()) };
        let awaiting = pending
            .awaited
            .as_ref()
            .is_some_and(|name| self.members.iter().any(|m| m.alive() && m.name == *name && m.busy.is_some()));
        let still = self.all_still() && !self.in_flight();
        if !late && (awaiting || !still) {
            return Ok(());
        }
        let Some(pending) = self.pending.take() else { return Ok(()) };
        if !still {
            for member in self.members.iter_mut().filter(|m| m.alive() && m.posture == Posture::Running) {
                if let Some(busy) = &mut member.busy {
                    busy.let_go = true;
                }
            }
        }
        let outcome = if let Some((why, help)) = pending.refused {
            Outcome::Refused { why, help }
        } else if pending.cancelled {
            Outcome::TimedOut("cancelled".to_owned())
        } else if awaiting {
            let who = pending.awaited.unwrap_or_default();
            Outcome::TimedOut(format!("{who} has not returned within the limit"))
        } else if still && !self.anybody_free() {
            Outcome::Settled
        } else {
            Outcome::Running(self.running())
        };
        self.finish(pending.id, pending.text, outcome)
    }

    /// Whether nobody runs or has anything to tell.
    fn all_still(&mut self) -> bool {
        self.nursery.is_none() && settle::settled(&mut self.members) && !self.anything_unheard()
    }

    /// Whether data are under way though all are still, or have just arrived and woken somebody.
    fn in_flight(&mut self) -> bool {
        self.drain_all();
        if !self.scene.moves(&self.members) {
            return false;
        }
        let now = clock::monotonic_ns();
        if self.scene.in_flight() {
            let Some(pending) = &mut self.pending else { return true };
            let until = *pending.flight_until_ns.get_or_insert(now + FLIGHT_LIMIT.as_nanos() as u64);
            if now < until {
                return true;
            }
        }
        !self.all_still()
    }

    fn running(&self) -> Vec<String> {
        let running = |m: &&Member| m.alive() && m.posture == Posture::Running;
        self.members.iter().filter(running).map(|m| m.name.clone()).collect()
    }

    /// Whether a reply or a death waits to be taken in. A look at tasks is only whole if none does.
    fn anything_unheard(&self) -> bool {
        let mut fds: Vec<PollFd<'_>> = self
            .members
            .iter()
            .filter_map(|m| m.socket.as_ref().map(AsFd::as_fd))
            .chain(self.scene.processes().map(|(_, pidfd)| pidfd.as_fd()))
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|n| n > 0)
    }

    /// Ends a statement.
    pub(super) fn finish(&mut self, id: u64, statement: String, outcome: Outcome) -> anyhow::Result<()> {
        self.awake_ns = 0;
        let snapshot = self.look();
        let mut calls = self.take_calls();
        self.tell_restarts(&mut calls);
        let report = Report { id, statement, calls, outcome, snapshot };
        self.tell(&Answer::Event(Box::new(StageEvent::Ended(Box::new(report)))))
    }

    fn refresh(&mut self) -> anyhow::Result<()> {
        // Who has just reported its end may still be on its way to sleep: it is looked at until it has got there.
        self.run_ended &= !settle::settled(&mut self.members);
        let snapshot = Box::new(self.look());
        let mut calls = self.take_calls();
        self.tell_restarts(&mut calls);
        let news = std::mem::take(&mut self.news);
        self.tell(&Answer::Event(Box::new(StageEvent::Refreshed { calls, snapshot, news })))
    }

    /// Tells what the stage is like while a statement has somebody run, now and then.
    fn tell_meanwhile(&mut self) -> anyhow::Result<()> {
        let now = clock::monotonic_ns();
        let due = self.pending.as_mut().filter(|pending| pending.gate.is_none() && pending.meanwhile_ns <= now);
        let Some(pending) = due else { return Ok(()) };
        pending.meanwhile_ns = now + MEANWHILE_NS;
        if self.running().is_empty() {
            return Ok(());
        }
        let snapshot = Box::new(self.look());
        self.tell(&Answer::Event(Box::new(StageEvent::Meanwhile(snapshot))))
    }

    /// Reads everything.
    pub(super) fn look(&mut self) -> Snapshot {
        self.drain_all();
        self.scene.rescan(&self.members);
        let mut snapshot = snapshot::take(self);
        for member in &mut self.members {
            member.stat = None;
        }
        self.ledger.complete(&mut snapshot, &self.scene);
        let actors = self.pids();
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            if !member.alive() || !matches!(member.posture, Posture::Asleep(_)) {
                continue;
            }
            let Some(call) = snapshot::in_flight(member, self.opened_ns, &actors) else { continue };
            if member.told_entered.replace(call.seq) != Some(call.seq) {
                self.push_call(call.entered_ns, call);
            }
        }
        snapshot
    }

    pub(super) fn tell(&mut self, answer: &Answer) -> anyhow::Result<()> {
        Ok(self.framer.write(&mut self.face, answer)?)
    }

    /// Gives an order to an actor and marks it busy.
    pub(super) fn order(&mut self, index: usize, mut order: Order, seat: Option<OwnedFd>) -> Result<(), String> {
        if let Some(journal) = &mut self.setting.journal {
            let nameless = |call: &CallExpr| {
                facility::registry().call(&call.verb).is_some_and(|(_, spec)| spec.makes_nameless(call))
            };
            if order.free && order.body.iter().any(nameless) {
                return Err("in shared mode an object that only its id leads to is made one at a time: \
                            a stage that is killed must be able to find them all"
                    .to_owned());
            }
            journal.note_all(&order.body).map_err(|error| format!("the stage's journal can't be written: {error}"))?;
        }
        let spins = order.body.iter().any(orders::spins);
        self.order += 1;
        order.number = self.order;
        order.names = self.news_for(index);
        let member = &mut self.members[index];
        member.slot.set_cancel(false);
        if order.free {
            member.slot.start_progress(order.rounds);
        }
        let Some(socket) = &member.socket else { return Err(format!("{} has no control socket", member.name)) };
        match wire::send(socket.as_raw_fd(), &order, seat.as_ref().map(AsRawFd::as_raw_fd)) {
            Ok(()) => {
                member.orders += 1;
                self.awake_ns = clock::monotonic_ns() + AWAKE.as_nanos() as u64;
                member.busy = Some(Busy { order: order.number, free: order.free, spins, let_go: false });
                member.posture = Posture::Running;
                member.stirred = true;
                Ok(())
            }
            Err(Errno::EMSGSIZE) => Err(format!("an order may have {ORDER_MAX} bytes (ORDER_MAX), this one has more")),
            Err(errno) => Err(format!("{} did not take the order: {}", member.name, errno.desc())),
        }
    }

    /// When a statement that starts now must have settled.
    pub(super) fn deadline(forever: bool) -> u64 {
        let limit = if forever { FOREVER_LIMIT } else { SETTLE_LIMIT };
        clock::monotonic_ns() + limit.as_nanos() as u64
    }

    /// A member for a process that has come to life, with its slot and the place where it lives.
    pub(super) fn member(
        &mut self,
        name: &str,
        pid: i32,
        uid: u32,
        (slot, place): (u32, usize),
        socket: OwnedFd,
    ) -> Option<Member> {
        self.members.retain(|m| m.name != name && m.thread_of.as_deref() != Some(name));
        let slot = self.arena.slot(slot as usize)?;
        let pidfd = borrow::pidfd_open(pid).ok()?;
        let task = crate::kernel::proc::Task::open(pid).ok()?;
        self.scene.enter(pid, pidfd, place);
        Some(Member::new(name, pid, uid, place, socket, task, slot))
    }

    /// A slot that nobody living uses.
    pub(super) fn free_slot(&self) -> Option<u32> {
        (0..self.arena.slots()).map(|n| n as u32).find(|n| {
            !self.members.iter().any(|m| !matches!(m.fate, Fate::Dead(_)) && m.slot.index() == *n as usize)
                && self.nursery.as_ref().is_none_or(|x| x.slot != *n)
        })
    }

    /// Forks a new actor, at a place.
    pub(super) fn spawn(&mut self, name: &str, place: usize, uid: Option<u32>, slot: u32) -> Result<(), String> {
        let (ours, theirs) = seqpacket_pair().map_err(|e| format!("socketpair failed: {}", e.desc()))?;
        let Some(seat) = self.arena.slot(slot as usize) else { return Err("no slot is free".to_owned()) };
        seat.reset();
        let uid = uid.unwrap_or(self.setting.uid);
        let open = || std::fs::File::open(&self.setting.directory);
        let directory = self.scene.hosts.visit(place, open).map_err(|e| e.to_string())?;
        let birth = actor::Birth {
            socket: theirs,
            directory: directory.into(),
            arena: self.arena.clone(),
            slot,
            tag: self.setting.tag.clone(),
            uid,
            gid: self.setting.gid,
            timer_slack: self.timer_slack,
            set_ids: self.setting.strangers,
            name: name.to_owned(),
        };
        match process::fork() {
            Ok(Fork::Child) => {
                // The director itself has none that means anything once it has visited a host.
                let settled = self.scene.hosts.settle_down(place).and_then(|()| fchdir(&birth.directory));
                match settled {
                    Ok(()) => actor::begin(birth),
                    Err(_) => process::exit_now(127),
                }
            }
            Ok(Fork::Parent(pid)) => {
                drop(birth);
                let Some(mut member) = self.member(name, pid, uid, (slot, place), ours) else {
                    return Err(format!("{name} was gone before it could be seen"));
                };
                member.busy = Some(Busy { order: 0, free: false, spins: false, let_go: false });
                self.members.push(member);
                Ok(())
            }
            Err(errno) => Err(format!("fork failed: {errno:?} ({})", errno.desc())),
        }
    }
}

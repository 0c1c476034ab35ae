//! Threads as actors: how they are born and end, and what those of one process have in common.

use super::director::{Director, Nursling};
use super::member::{Fate, Member};
use super::{fatal, post, snapshot};
use crate::facility;
use crate::facility::perform::{Bound, Names, Shared, Thread};
use crate::kernel::arena::Record;
use crate::kernel::proc::{self, Task};
use crate::kernel::process;
use crate::model::{Death, Scheduling};

impl Director {
    /// The places of the members that belong to a process, but for one.
    fn others(&self, index: usize) -> Vec<usize> {
        let pid = self.members[index].pid;
        let theirs = |m: &Member| m.pid == pid && (m.alive() || m.leads() && self.scene.holds(m));
        (0..self.members.len()).filter(|i| *i != index && theirs(&self.members[*i])).collect()
    }

    /// An actor that was forked, or a thread, speaks for the first time.
    pub(super) fn born(&mut self, nursling: Nursling, (pid, thread): (i32, Thread), names: Names) {
        let Nursling { name, parent, thread: is_thread, uid, place, slot, socket } = nursling;
        if !is_thread {
            if let Some(mut member) = self.member(&name, pid, uid, (slot, place), socket) {
                member.actions = post::inherited(self.members.iter().find(|m| m.name == parent));
                member.parent = Some(parent);
                member.thread = thread;
                member.names = names;
                self.members.push(member);
            }
            return;
        }
        let (Some(slot), Ok(task)) = (self.arena.slot(slot as usize), Task::thread(pid, thread.tid)) else { return };
        self.members.retain(|m| m.name != name);
        // From now on several know the names, and each may know some before the others do.
        for member in self.members.iter_mut().filter(|m| m.pid == pid && m.own.is_none()) {
            member.own = Some(member.names.shared());
        }
        let own = Some(names.shared());
        let process = self.members.iter().find(|m| m.leads() && m.pid == pid).map_or(parent, |m| m.name.clone());
        let behind = self.members.iter().rposition(|m| m.process() == process).map_or(self.members.len(), |i| i + 1);
        let mut member = Member::new(&name, pid, uid, place, socket, task, slot);
        member.thread_of = Some(process);
        member.thread = thread;
        member.names = names;
        member.own = own;
        member.actions = post::inherited(self.members.iter().find(|m| m.pid == pid));
        self.members.insert(behind, member);
    }

    /// Takes in the names and variables that an actor tells of. What it has changed of that which all threads of its
    /// process have in common, the others know as well.
    pub(super) fn learn_names(&mut self, index: usize, names: Names) {
        let Some(own) = self.members[index].own.replace(names.shared()) else {
            self.members[index].own = None;
            self.members[index].names = names;
            return;
        };
        let changed: Vec<(String, Bound)> = names
            .bound
            .iter()
            .filter(|(name, bound)| own.bound.get(*name) != Some(bound))
            .map(|(n, b)| (n.clone(), *b))
            .collect();
        let stdout = (names.stdout != own.stdout).then_some(names.stdout);
        for other in self.others(index).into_iter().chain([index]) {
            let known = &mut self.members[other].names;
            known.bound.extend(changed.iter().cloned());
            if let Some(stdout) = &stdout {
                known.stdout.clone_from(stdout);
            }
        }
        self.members[index].names.variables = names.variables;
    }

    /// What other threads of its process have changed since an actor was last told.
    pub(super) fn news_for(&mut self, index: usize) -> Option<Shared> {
        let member = &mut self.members[index];
        let own = member.own.as_ref()?;
        if own.bound == member.names.bound && own.stdout == member.names.stdout {
            return None;
        }
        member.own = Some(member.names.shared());
        member.own.clone()
    }

    /// An actor that is known already is there anew: it was just spawned, or a new program has begun in its process, in
    /// which no other thread is left. A thread that has started it goes on as the first one, under the number and the
    /// name of the process.
    pub(super) fn greet(&mut self, index: usize, thread: Thread, names: Names) {
        let pid = self.members[index].pid;
        let mut first = index;
        if !self.members[index].leads()
            && let Some(leader) = self.members.iter().position(|m| m.leads() && m.pid == pid)
        {
            first = leader;
            let (low, high) = self.members.split_at_mut(index.max(leader));
            let (thread, leader) =
                if leader < index { (&mut high[0], &mut low[leader]) } else { (&mut low[index], &mut high[0]) };
            std::mem::swap(&mut thread.slot, &mut leader.slot);
            std::mem::swap(&mut thread.reader, &mut leader.reader);
            leader.socket = thread.socket.take();
            leader.last = thread.last.take();
            leader.told_entered = thread.told_entered.take();
            leader.entered = thread.entered;
            leader.dropped = thread.dropped;
            leader.tally = None;
            leader.busy = None;
            leader.fate = Fate::Alive;
            if let Ok(task) = Task::open(pid) {
                leader.task = task;
            }
        }
        for other in self.others(first) {
            self.end(other, &Death::Replaced);
        }
        let member = &mut self.members[first];
        member.thread = thread;
        member.names = names;
        member.own = None;
        self.scene.reborn(pid);
    }

    /// Learns from a finished call what became of another thread.
    pub(super) fn learn_of_threads(&mut self, index: usize, record: &Record, verb: &str) {
        if let Some(tid) = facility::schedule::touched(verb, record) {
            let tid = if tid == 0 { self.members[index].thread.tid } else { tid };
            for member in self.members.iter_mut().filter(|m| m.alive() && m.thread.tid == tid) {
                member.scheduled = true;
            }
        }
        if record.errno != 0 || !matches!(verb, "pthread_join" | "pthread_detach") {
            return;
        }
        let (pid, tid) = (self.members[index].pid, record.args[0] as i32);
        for member in self.members.iter_mut().filter(|m| m.pid == pid && m.thread.tid == tid) {
            if verb == "pthread_join" {
                member.joined = true;
            } else {
                member.thread.detached = true;
            }
            if let (false, Fate::Zombie(death @ Death::Left(_))) = (member.leads(), member.fate.clone()) {
                member.fate = Fate::Dead(death);
            }
        }
    }

    /// Whether a thread is on its way out of a process that goes on.
    pub(super) fn anybody_leaves(&self) -> bool {
        self.members.iter().any(|m| leaves(m).is_some())
    }

    /// Takes leave of the threads that have ended. What they have left waits to be joined, but for those detached.
    pub(super) fn let_leave(&mut self) {
        for index in 0..self.members.len() {
            let member = &self.members[index];
            let Some(left) = leaves(member) else { continue };
            if !matches!(member.task.state(), 'X' | 'Z') {
                continue;
            }
            let pid = member.pid;
            self.end(index, &Death::Left(left));
            let another = self.members.iter().find(|m| m.alive() && m.pid == pid).map(|m| m.thread.tid);
            let alone = !self.members.iter().any(|m| m.alive() && m.leads() && m.pid == pid);
            if let (true, Some(tid)) = (alone, another) {
                self.scene.look_through(pid, tid);
            }
        }
    }

    /// Ends a member: its call never returns.
    fn end(&mut self, index: usize, death: &Death) {
        self.drain(index);
        if let Some(mut call) = snapshot::in_flight(&self.members[index], self.opened_ns, &self.pids()) {
            call.meaning = fatal::why(&self.members[index], &self.scene, death);
            // What was told as asleep is told again only where there is something to say of its end.
            if call.meaning.is_some() || self.members[index].told_entered != Some(call.seq) {
                self.push_call(call.entered_ns, call);
            }
        }
        let member = &mut self.members[index];
        if member.alive() {
            member.tally = Some((member.reader.finished(), member.reader.dropped()));
            member.ended_ns = Some(crate::kernel::clock::monotonic_ns());
        }
        member.busy = None;
        member.socket = None;
        member.program = None;
        let waited_for = matches!(death, Death::Left(_)) && !member.joined && !member.thread.detached;
        let zombie = if member.leads() { member.task.state() == 'Z' } else { waited_for };
        member.fate = if zombie { Fate::Zombie(death.clone()) } else { Fate::Dead(death.clone()) };
        // Within a statement it is what the statement did; the snapshot tells it.
        if self.pending.is_none() {
            self.news.push(snapshot::obituary(&member.name, death));
        }
    }

    /// A process has ended, with all its threads: it is a zombie, or gone.
    pub(super) fn ended(&mut self, pid: i32) {
        let Some(leader) =
            self.members.iter().position(|m| m.leads() && m.pid == pid && !matches!(m.fate, Fate::Dead(_)))
        else {
            self.scene.leave(pid);
            return;
        };
        let theirs: Vec<usize> = (0..self.members.len())
            .filter(|i| {
                self.members[*i].pid == pid
                    && self.members[*i].thread_of.as_deref().is_none_or(|of| of == self.members[leader].name)
            })
            .collect();
        for index in &theirs {
            if self.members[*index].alive() {
                while self.hear(*index) {}
            }
        }
        self.let_leave();
        self.drain(leader);
        let pidfd = self.scene.processes().find(|(of, _)| *of == pid).map(|(_, pidfd)| pidfd);
        let death = snapshot::death(&self.members[leader], pidfd);
        // What its own process is the parent of ends as our child.
        while matches!(process::waitpid(-1, libc::WNOHANG), Ok(Some(_))) {}
        for index in theirs {
            match self.members[index].fate.clone() {
                Fate::Alive => self.end(index, &death),
                // Nobody is left who could join it.
                Fate::Zombie(left) if index != leader => self.members[index].fate = Fate::Dead(left),
                Fate::Zombie(_) => self.end(index, &death),
                Fate::Dead(_) => {}
            }
        }
        self.scene.leave(pid);
        self.ledger.left(pid);
    }
}

/// How a member is scheduled, once anybody has asked.
pub(super) fn scheduling(member: &Member) -> Option<Scheduling> {
    if !member.scheduled || !member.alive() {
        return None;
    }
    let status = proc::thread_status(member.pid, member.thread.tid).ok()?;
    let proc::Scheduling { policy, priority, nice, cpu_ns } = member.task.scheduling()?;
    let name = facility::schedule::POLICIES.iter().find(|(_, number)| *number == i64::from(policy));
    Some(Scheduling {
        policy: name.map_or_else(|| policy.to_string(), |(name, _)| (*name).to_owned()),
        priority,
        nice,
        cpus: status.cpus,
        cpu_ns,
        voluntary: status.switches.0,
        involuntary: status.switches.1,
    })
}

/// What a thread has left that has said goodbye, while it has not gone.
fn leaves(member: &Member) -> Option<i64> {
    if !member.alive() || member.socket.is_some() {
        return None;
    }
    let record = member.reader.in_flight()?;
    let spec = facility::registry().call_by_id(record.verb)?;
    (spec.name == "pthread_exit").then_some(record.args[0])
}

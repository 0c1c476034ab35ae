//! Signals between actors: what senders report, what handlers note, and what became of it.

use super::chronicle;
use super::director::Director;
use super::mail::{Letter, queues};
use super::member::{Fate, Member, Posture};
use crate::facility::{self, SignalDeed, Target};
use crate::kernel::arena::Record;
use crate::kernel::proc::{self, Status};
use crate::model::{Call, Evidence, Job, Mode, PendingSignal, Signals, UNNUMBERED};

/// Most values of a queue that are shown.
const QUEUE_SHOWN: usize = 16;

/// Most runs of handlers of which a member's times are kept.
const RUNS_KEPT: usize = 1024;

/// Those whose default action is to do nothing.
const IGNORED_BY_DEFAULT: [i32; 3] = [libc::SIGCHLD, libc::SIGURG, libc::SIGWINCH];

/// Those that stop a process unless its group is orphaned.
const STOPS_A_JOB: [i32; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

impl Director {
    /// Takes in what a finished call did about signals. Gives a sentence on what became of one that was sent, where
    /// that is not to be seen by itself.
    pub(super) fn post(&mut self, index: usize, record: &Record) -> Option<String> {
        let pid = self.members[index].pid;
        let behind = |fd: i32| self.scene.behind(pid, fd).map(|object| object.facility.to_string());
        match facility::signal_deed(record, behind)? {
            SignalDeed::Sent { signal: 0, .. } => None,
            SignalDeed::Sent { to, signal, value } => {
                let sender = &self.members[index];
                let what = value.map_or_else(|| format!("from {}", sender.name), |n| n.to_string());
                let free = sender.busy.as_ref().is_some_and(|busy| busy.free);
                let targets = self.targets(index, to);
                let thread = matches!(to, Target::Thread(_) | Target::Caller);
                let mut words = None;
                for &target in &targets {
                    let letter = Letter { what: what.clone(), at_ns: record.entered_ns };
                    let before = self.members[target].mail.post(signal, thread, letter);
                    if targets.len() == 1 && !free {
                        words = self.came_of(target, record, signal, before, thread);
                    }
                }
                words
            }
            SignalDeed::Took(signal) => {
                self.took(index, signal, record.returned_ns);
                None
            }
            SignalDeed::TookSeveral => {
                self.members[index].mail.took_several();
                None
            }
            SignalDeed::Set { signal, flags } => {
                // All threads of a process have the same.
                for member in self.members.iter_mut().filter(|m| m.pid == pid) {
                    member.actions.retain(|(which, _)| *which != signal);
                    member.actions.push((signal, flags.clone()));
                    member.actions.sort_unstable();
                }
                None
            }
        }
    }

    /// One has taken a signal: one of its own, else one of its process, which lies with the first actor of that.
    fn took(&mut self, index: usize, signal: i32, at_ns: u64) {
        let pid = self.members[index].pid;
        let own = self.members[index].mail.pile(signal, true).is_some_and(|pile| pile.sent() != Some(0));
        let first = self.members.iter().position(|m| m.leads() && m.pid == pid);
        let whose = if own { index } else { first.unwrap_or(index) };
        self.members[whose].mail.took(signal, at_ns);
    }

    /// The places of those whom a signal reaches.
    fn targets(&self, caller: usize, to: Target) -> Vec<usize> {
        let fits = |member: &Member| match to {
            // What is sent to a process lies with its first actor, whichever thread takes it.
            Target::Process(pid) => member.leads() && member.pid == pid,
            Target::Thread(tid) => member.thread.tid == tid,
            Target::Group(leader) => member.leads() && member.task.stat().is_some_and(|stat| stat.pgrp == leader),
            Target::Caller => false,
        };
        let there = |(_, member): &(usize, &Member)| !matches!(member.fate, Fate::Dead(_)) && fits(member);
        let others = self.members.iter().enumerate().filter(there).map(|(index, _)| index);
        if to == Target::Caller { vec![caller] } else { others.collect() }
    }

    /// What became of a signal that a call sent to one, of which so many had been sent since it was pending.
    fn came_of(&self, target: usize, call: &Record, signal: i32, before: u64, thread: bool) -> Option<String> {
        let member = &self.members[target];
        let name = &member.name;
        if matches!(member.fate, Fate::Zombie(_)) {
            // Its end may be noticed before the call that brought it.
            if member.ended_ns.is_none_or(|ended_ns| ended_ns > call.entered_ns) {
                return None;
            }
            return Some(format!("{name} is a zombie: that is no error, and nobody is left to take it"));
        }
        let mut status = proc::thread_status(member.pid, member.thread.tid).ok()?;
        if !thread {
            // What is sent to a process any thread may take that does not block it.
            let others = self.members.iter().filter(|m| m.alive() && m.pid == member.pid);
            for other in others.filter_map(|m| proc::thread_status(m.pid, m.thread.tid).ok()) {
                status.blocked &= other.blocked;
            }
        }
        let in_set = |set: u64| set & bit(signal) != 0;
        if member.posture == Posture::Stopped && in_set(status.pending | status.shared_pending) && before == 0 {
            return Some(format!("{name} is stopped: it takes this when it goes on"));
        }
        if in_set(status.blocked) && in_set(status.pending | status.shared_pending) {
            return Some(match before {
                0 => format!("{name} blocks it: it stays pending"),
                _ if queues(signal) => format!("{name} blocks it: it queues behind {before} of its kind"),
                _ => "it was pending already, and a standard signal is held once: this one leaves no trace".to_owned(),
            });
        }
        if in_set(status.blocked) || in_set(status.caught) {
            return None;
        }
        if in_set(status.ignored) {
            return Some(format!("{name} ignores it: nothing is left of it"));
        }
        if IGNORED_BY_DEFAULT.contains(&signal) {
            return Some("its default action is to do nothing: nothing is left of it".to_owned());
        }
        (STOPS_A_JOB.contains(&signal) && self.is_orphaned(member)).then(|| {
            format!("{name}'s process group is orphaned: nobody outside it could continue it, so this does not stop it")
        })
    }

    /// Whether nobody in a member's process group has a parent in another group of the same session, see setpgid(2).
    fn is_orphaned(&self, member: &Member) -> bool {
        let living = |pid: i32| self.members.iter().find(|m| m.alive() && m.pid == pid);
        let Some(own) = member.task.stat() else { return false };
        let kin = self.members.iter().filter(|m| m.alive()).filter_map(|m| m.task.stat());
        !kin.filter(|stat| stat.pgrp == own.pgrp).any(|stat| {
            let parent = living(stat.ppid).and_then(|parent| parent.task.stat());
            parent.is_some_and(|parent| parent.pgrp != own.pgrp && parent.session == own.session)
        })
    }

    /// Puts what an actor's handlers have noted among its calls.
    pub(super) fn hear_handlers(&mut self, index: usize) {
        let mut runs = Vec::new();
        let lost = self.members[index].reader.handled(|run| runs.push(run));
        if lost > 0 {
            self.news
                .push(format!("{}'s handlers ran {lost} more times than could be noted", self.members[index].name));
        }
        if runs.is_empty() {
            return;
        }
        let actors = self.pids();
        for run in runs {
            let member = &mut self.members[index];
            if !run.thread {
                let name = facility::signal_name(run.signal);
                match member.handled.iter_mut().find(|(signal, _)| *signal == name) {
                    Some((_, times)) => *times += 1,
                    None => member.handled.push((name, 1)),
                }
                if member.ran.len() == RUNS_KEPT {
                    member.ran.pop_front();
                }
                member.ran.push_back(run.at_ns);
                self.took(index, run.signal, run.at_ns);
            }
            let call = chronicle::handled(&self.members[index].name, &run, self.opened_ns, &actors);
            self.push_call(call.entered_ns, call);
        }
    }

    /// Says of runs of handlers which call they interrupted that was started again.
    pub(super) fn tell_restarts(&self, calls: &mut [Call]) {
        for call in calls.iter_mut().filter(|call| call.seq == UNNUMBERED && call.meaning.is_none()) {
            let Some(member) = self.members.iter().find(|m| m.alive() && m.name == call.actor) else { continue };
            let asleep = matches!(member.posture, Posture::Asleep(_));
            let Some(record) = member.reader.in_flight().filter(|_| asleep) else { continue };
            let spec = facility::registry().call_by_id(record.verb);
            if let Some(spec) = spec.filter(|_| record.entered_ns.saturating_sub(self.opened_ns) < call.entered_ns) {
                call.meaning = Some(format!("{} was interrupted, and started again", spec.name));
            }
        }
    }

    /// Holds what was sent against what the kernel calls pending.
    pub(super) fn settle_mail(&mut self) {
        for member in self.members.iter_mut().filter(|m| !m.mail.is_empty()) {
            let status = proc::thread_status(member.pid, member.thread.tid).unwrap_or_default();
            member.mail.settle(status.pending, status.shared_pending);
        }
    }

    /// How the queues of a user's realtime signals are known: the kernel counts all that are queued for it, which on an
    /// isolated stage are those of the stage's processes. `None` if that does not come out right.
    fn queues_known(&self, uid: u32, queued: u64) -> Option<Evidence> {
        if self.setting.mode != Mode::Isolated {
            return Some(Evidence::Reported);
        }
        let ours = nix::unistd::getpid().as_raw();
        let mut held = 0;
        let tasks = self.members.iter().filter(|m| m.alive() && m.uid == uid).map(|m| (m.pid, m.thread.tid));
        for (pid, tid) in tasks.chain([(ours, ours)]) {
            let status = proc::thread_status(pid, tid).ok()?;
            if status.uid[0] != uid {
                continue;
            }
            let mail = self.members.iter().find(|m| m.alive() && m.thread.tid == tid).map(|m| &m.mail);
            // What is pending for a process is its first thread's to tell.
            let shared = if pid == tid { status.shared_pending } else { 0 };
            for (set, thread) in [(status.pending, true), (shared, false)] {
                for signal in (1..=64).filter(|signal| set & bit(*signal) != 0) {
                    let pile = mail.and_then(|mail| mail.pile(signal, thread));
                    held += pile.map_or(Some(1), super::mail::Pile::held)?;
                }
            }
        }
        (held == queued).then_some(Evidence::Mirror)
    }
}

/// Mask, dispositions and pending signals, where they can differ from those of a fresh process: a call of the actor's
/// has touched them, or it is stopped, so that what comes stays pending.
pub(super) fn signals(director: &Director, member: &Member) -> Option<Signals> {
    // What happens at a signal is the whole process' business.
    let used = || {
        let others = || director.members.iter().any(|m| m.alive() && m.pid == member.pid && m.slot.uses_signals());
        member.slot.uses_signals() || !director.scene.is_alone(member) && others()
    };
    if !member.alive() || member.posture != Posture::Stopped && !used() {
        return None;
    }
    let read = || proc::thread_status(member.pid, member.thread.tid).ok();
    let status = if member.leads() { director.scene.status(member.pid).or_else(read) } else { read() }?;
    // The two that glibc keeps to itself are no business of the learner's.
    let names = |set: u64| facility::set_names(set & !(0b11 << 31));
    let caught = |signal: &i32| status.caught & bit(*signal) != 0;
    let flags = member.actions.iter().filter(|(signal, flags)| caught(signal) && !flags.is_empty());
    let signals = Signals {
        pending: pending(director, member, &status),
        blocked: names(status.blocked),
        ignored: names(status.ignored),
        caught: names(status.caught & if member.slot.wants_sigsys() { !0 } else { !bit(libc::SIGSYS) }),
        flags: flags.map(|(signal, flags)| (facility::signal_name(*signal), flags.clone())).collect(),
        handled: member.handled.clone(),
    };
    (signals != Signals::default()).then_some(signals)
}

fn pending(director: &Director, member: &Member, status: &Status) -> Vec<PendingSignal> {
    let mut all = Vec::new();
    let shared = if member.leads() { status.shared_pending } else { 0 };
    for signal in 1..=64 {
        for (set, thread) in [(status.pending, true), (shared, false)] {
            if set & bit(signal) == 0 {
                continue;
            }
            let pile = member.mail.pile(signal, thread);
            let (known, held) = match pile.map(|pile| (pile, pile.held())) {
                Some((_, Some(_))) if queues(signal) => {
                    (director.queues_known(member.uid, status.queued), pile.and_then(super::mail::Pile::held))
                }
                Some((_, None)) => (None, None),
                None if queues(signal) => (None, None),
                _ => (Some(Evidence::Kernel), Some(1)),
            };
            all.push(PendingSignal {
                signal: facility::signal_name(signal),
                thread,
                queues: queues(signal),
                sent: pile.and_then(super::mail::Pile::sent).unwrap_or(0),
                held: held.unwrap_or(1),
                queue: pile.map(|pile| pile.queue(QUEUE_SHOWN)).unwrap_or_default(),
                evidence: known.unwrap_or(Evidence::Hidden),
            });
        }
    }
    all
}

/// The process group and session of a member, by their leaders' names.
pub(super) fn job(director: &Director, member: &Member) -> Job {
    let Some(stat) = member.stat.or_else(|| member.task.stat()).filter(|_| !matches!(member.fate, Fate::Dead(_)))
    else {
        return Job::default();
    };
    let name = |pid: i32| {
        if pid == member.thread.tid {
            return member.name.clone();
        }
        let leader = director.members.iter().rev().find(|m| m.thread.tid == pid);
        leader.map_or_else(|| "nobody on stage".to_owned(), |m| m.name.clone())
    };
    Job { group: name(stat.pgrp), session: name(stat.session) }
}

/// How often a handler has run since a call was entered that is still asleep.
pub(super) fn restarts(member: &Member, entered_ns: u64) -> u64 {
    member.ran.iter().filter(|at| **at > entered_ns).count() as u64
}

/// The actions that a child begins with: its parent's.
pub(super) fn inherited(parent: Option<&Member>) -> Vec<(i32, String)> {
    parent.map(|parent| parent.actions.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn signals_are_bits() {
        assert_eq!((super::bit(1), super::bit(64)), (1, 1 << 63));
    }
}

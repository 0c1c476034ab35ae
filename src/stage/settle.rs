//! Whether the stage has settled: every task waits for our order, is asleep in a call that belongs to its verb, is
//! stopped, or is dead, and the kernel confirms it twice with an unchanged switch count in between.

use super::member::{Asleep, Member, Posture};
use crate::facility;
use crate::kernel::proc::{self, Syscall, Task};

/// Looks at everyone twice. `true` if all are settled; those whose statement ended while they ran are not waited for.
pub(super) fn settled(members: &mut [Member]) -> bool {
    // Threads that take orders themselves are looked at for themselves.
    let helped = members.iter().any(|m| m.slot.has_helpers());
    let actors: Vec<i32> = if helped { members.iter().map(|m| m.thread.tid).collect() } else { Vec::new() };
    for member in members.iter_mut() {
        member.stat = None;
    }
    // First those who have an order: as long as one of them runs, nobody else needs to be looked at. Then those who have
    // had one: they have most likely run.
    let turn = |m: &Member| (m.busy.is_none(), !m.stirred);
    let mut looked: Vec<usize> = Vec::with_capacity(members.len());
    // How many had been looked at before the last one who had run.
    let mut before_runner = 0;
    for now in [(false, false), (false, true), (true, false), (true, true)] {
        for (place, member) in members.iter_mut().enumerate().filter(|(_, m)| m.alive() && turn(m) == now) {
            let rested = member.rested;
            member.posture = look(member, &actors);
            if member.posture != Posture::Stopped {
                member.stopped_by = None;
            } else if let Some(stat) = member.stat.filter(|stat| stat.exit_status != 0) {
                member.stopped_by = Some(stat.exit_status);
            }
            if member.posture == Posture::Running && (!member.let_go() || signalled(member)) {
                return false;
            }
            if member.rested != rested {
                before_runner = looked.len();
            }
            looked.push(place);
        }
    }
    // Whoever was woken by another in between shows itself at the second look: its switch count or its call differ. Of
    // those at rest only who was looked at before somebody who has run can have been.
    let still = |member: &Member| match &member.posture {
        Posture::Asleep(asleep) => sleeps_on(member, asleep),
        Posture::Idle | Posture::Stopped | Posture::Running => true,
    };
    let settled = members.iter().filter(|m| m.alive()).all(still)
        && looked[..before_runner].iter().all(|place| rests_on(&members[*place]));
    if settled {
        for member in members.iter_mut() {
            member.stirred = false;
        }
    }
    settled
}

/// Whether one who was found at rest has not been woken since.
fn rests_on(member: &Member) -> bool {
    let state = match member.posture {
        Posture::Idle => 'S',
        Posture::Stopped => 'T',
        Posture::Asleep(_) | Posture::Running => return true,
    };
    member.task.state() == state && member.task.switches() == member.rested
}

/// Whether a signal that one who runs has been sent is still to take effect, or is about to end it: the statement that
/// sent it has not come to its end either.
fn signalled(member: &Member) -> bool {
    // In this order: a stop shows as soon as its signal is no longer pending.
    let pending = proc::thread_status(member.pid, member.thread.tid)
        .is_ok_and(|s| (s.pending | s.shared_pending) & !s.blocked & !s.ignored != 0);
    // Of one that a signal ends the kernel tells the status before it has ended.
    pending || member.task.stat().is_none_or(|stat| matches!(stat.state, 'T' | 'Z' | 'X') || stat.exit_status != 0)
}

fn look(member: &mut Member, actors: &[i32]) -> Posture {
    // Read before the state: whoever has run since, to be stopped for one, is not taken for asleep below.
    let switches = member.busy.as_ref().and_then(|_| member.task.switches());
    member.stat = member.task.stat();
    match (member.stat.map_or('X', |stat| stat.state), member.busy.is_some()) {
        ('T', _) if member.task.stands(&mut member.rested) => Posture::Stopped,
        // Asleep in the wait for its next order. One that was sent a signal just now is awake, until it has died,
        // stopped or gone on.
        ('S', false) if member.task.rests(&mut member.rested) && helpers_rest(member, actors) => Posture::Idle,
        ('S', true) => switches.and_then(|n| asleep(member, n)).map_or(Posture::Running, Posture::Asleep),
        _ => Posture::Running,
    }
}

fn asleep(member: &Member, switches: u64) -> Option<Asleep> {
    let record = member.reader.in_flight()?;
    let spec = facility::registry().call_by_id(record.verb)?;
    let Syscall::Blocked { nr, args, .. } = member.task.syscall() else { return None };
    let syscall = if nr == libc::SYS_restart_syscall { member.slept_in? } else { nr };
    let way = spec.sleeps.iter().position(|s| s.syscall == syscall)?;
    (member.task.switches() == Some(switches)).then_some(Asleep {
        syscall,
        args,
        way,
        verb: record.verb,
        seq: record.seq,
        switches,
    })
}

/// Whether all threads that the C library has made in the actor's process are asleep: one that was woken a moment ago
/// will run on the actor's behalf. Who has none need not be asked.
fn helpers_rest(member: &Member, actors: &[i32]) -> bool {
    let rests = |tid: &i32| Task::thread(member.pid, *tid).is_ok_and(|task| matches!(task.state(), 'S' | 'X'));
    !member.slot.has_helpers()
        || proc::tasks(member.pid).is_ok_and(|tids| tids.iter().filter(|tid| !actors.contains(tid)).all(rests))
}

/// Whether it has not run since, nor been woken to run.
fn sleeps_on(member: &Member, asleep: &Asleep) -> bool {
    let Syscall::Blocked { args, .. } = member.task.syscall() else { return false };
    args == asleep.args && member.task.switches() == Some(asleep.switches)
}

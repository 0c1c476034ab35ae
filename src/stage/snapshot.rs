//! From members and objects to a snapshot.

use std::os::fd::OwnedFd;

use super::director::Director;
use super::member::{Asleep, Fate, Member, Posture};
use super::{chronicle, held, post, threads};
use crate::facility::look::HandleKind;
use crate::facility::perform::Bound;
use crate::facility::{self, Facility, Inside};
use crate::kernel::arena::Record;
use crate::kernel::proc::{PrivatePage, private_pages};
use crate::kernel::process::{self, How};
use crate::kernel::{borrow, futex};
use crate::model::{
    Access, Actor, ActorState, Call, Copies, Death, Descriptor, Mapping, ObjectKey, Program, Sleep, Snapshot, Waiter,
};
use crate::script::{ArgKind, CallSpec, WaitsOn};

/// Most bytes of a private mapping that an actor's card shows.
const PRIVATE_SHOWN: usize = 64;

/// Takes a snapshot of what `settle` and `rescan` have found.
pub(super) fn take(director: &mut Director) -> Snapshot {
    director.settle_mail();
    note_words(director);
    let sleeps: Vec<Option<(Sleep, Vec<On>)>> = director.members.iter().map(|m| sleep(director, m)).collect();
    let mut waiters: Vec<(ObjectKey, Waiter)> = Vec::new();
    for (member, (sleep, on)) in director.members.iter().zip(&sleeps).filter_map(|(m, s)| Some((m, s.as_ref()?))) {
        waiters.extend(on.iter().map(|(key, direction)| {
            let waiter = Waiter {
                actor: member.name.clone(),
                verb: sleep.verb.clone(),
                direction: (*direction).into(),
                since_ns: sleep.since_ns,
            };
            (key.clone(), waiter)
        }));
    }
    for member in &mut director.members {
        if let Posture::Asleep(asleep) = &member.posture {
            member.slept_in = Some(asleep.syscall);
        }
        let gone = matches!(&member.fate, Fate::Zombie(_)) && member.task.state() != 'Z';
        if let (true, Fate::Zombie(death @ (Death::Exited(_) | Death::Killed(_)))) = (gone, member.fate.clone()) {
            member.fate = Fate::Dead(death);
        }
    }
    let objects = if director.observing { director.scene.objects(&director.members, &waiters) } else { Vec::new() };
    let actors = director
        .members
        .iter()
        .zip(sleeps)
        .map(|(member, sleep)| {
            let sleep = sleep.map(|(mut sleep, on)| {
                let mut names: Vec<String> =
                    on.iter().filter_map(|(key, _)| director.scene.name_of(key)).map(ToOwned::to_owned).collect();
                names.dedup();
                if !names.is_empty() {
                    sleep.object = Some(names.remove(0));
                }
                sleep.also = names;
                sleep
            });
            actor(director, member, sleep)
        })
        .collect();
    Snapshot {
        at_ns: crate::kernel::clock::monotonic_ns().saturating_sub(director.opened_ns),
        settled: director.members.iter().all(|m| !m.alive() || m.posture != Posture::Running),
        actors,
        objects,
        hosts: director.scene.hosts.shown(),
        facts: Vec::new(),
        syscalls_since_mark: director.since_mark.map(|since| since.calls),
        vouched_since_mark: director.since_mark.filter(|since| since.unvouched == 0).map_or(0, |since| since.vouched),
        woken_since_mark: director
            .since_mark
            .map(|_| director.members.iter().filter(|m| m.woken_since_mark()).map(|m| m.name.clone()).collect()),
    }
}

/// Takes into view the words on which actors sleep by calls of that kind: the kernel knows them only as long as they do.
fn note_words(director: &mut Director) {
    for member in &director.members {
        let Posture::Asleep(asleep) = &member.posture else { continue };
        let Some(spec) = facility::registry().call_by_id(asleep.verb) else { continue };
        let Some(owner) = facility::of_verb(spec.name).filter(|owner| owner.inside(spec.name) == Inside::Word) else {
            continue;
        };
        for address in words(member.pid, asleep, spec) {
            director.scene.word(member.pid, address, owner.card().id);
        }
    }
}

/// The addresses of the futex words on which a call sleeps.
fn words(pid: i32, asleep: &Asleep, spec: &CallSpec) -> Vec<u64> {
    match spec.sleeps.get(asleep.way).map(|way| way.on) {
        Some(WaitsOn::Futex(n)) => asleep.args.get(n).copied().into_iter().collect(),
        Some(WaitsOn::Words) => {
            let [list, count, ..] = asleep.args;
            let bytes = memory(pid, list, (count as usize).min(futex::WAITV_MAX) * futex::Waiter::SIZE);
            let entries = bytes.chunks_exact(futex::Waiter::SIZE).filter_map(futex::Waiter::from_bytes);
            entries.map(|entry| entry.uaddr).collect()
        }
        _ => Vec::new(),
    }
}

/// What a sleeper has at an address, as far as it can be read.
fn memory(pid: i32, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let read = if address == 0 { 0 } else { borrow::read_memory(pid, address, &mut bytes).unwrap_or(0) };
    bytes.truncate(read);
    bytes
}

/// The call that an actor has entered and not returned from.
pub(super) fn in_flight(member: &Member, opened_ns: u64, actors: &[(i32, String)]) -> Option<Call> {
    let record = member.reader.in_flight()?;
    let spec = facility::registry().call_by_id(record.verb)?;
    Some(chronicle::call(&member.name, &member.names, &record, spec, opened_ns, actors))
}

/// What a call sleeps on: an object, and what it waits to do there.
type On = (ObjectKey, &'static str);

fn sleep(director: &Director, member: &Member) -> Option<(Sleep, Vec<On>)> {
    let Posture::Asleep(asleep) = &member.posture else { return None };
    if !member.alive() {
        return None;
    }
    let spec = facility::registry().call_by_id(asleep.verb)?;
    let way = spec.sleeps.get(asleep.way)?;
    let record = member.reader.in_flight()?;
    let facility = facility::of_verb(spec.name)?;
    let told = director.scene.hosts.visit(member.place, || facility.direction(&record));
    let direction = told.unwrap_or(way.direction);
    let on = match way.on {
        WaitsOn::Id(n) => {
            vec![(ObjectKey::of_id(facility.card().id, *asleep.args.get(n)? as i32).at(member.place), direction)]
        }
        WaitsOn::Polled | WaitsOn::Selected => several(director, member, asleep, way.on),
        WaitsOn::Words => {
            let places = words(member.pid, asleep, spec).into_iter();
            places
                .filter_map(|address| director.scene.at_address(member.pid, address))
                .map(|key| (key, direction))
                .collect()
        }
        on => {
            let key =
                object(director, member, asleep, on, record.bytes()).or_else(|| named(director, member, &record, spec));
            // A call may sleep on what belongs to another facility: pthread_cond_wait on the mutex, to lock it again.
            let of_object = |key: &ObjectKey| facility::by_id(&key.facility).and_then(Facility::waits_to);
            let own = |key: &ObjectKey| key.facility == facility.card().id;
            key.map(|key| (of_object(&key).filter(|_| !own(&key)).unwrap_or(direction), key))
                .map(|(direction, key)| (key, direction))
                .into_iter()
                .collect()
        }
    };
    let several = matches!(way.on, WaitsOn::Polled | WaitsOn::Selected);
    let direction = on.first().filter(|_| !several).map_or(direction, |(_, direction)| direction);
    let call = chronicle::call(&member.name, &member.names, &record, spec, director.opened_ns, &director.pids());
    let since = |ns: u64| ns.saturating_sub(director.opened_ns);
    let sleep = Sleep {
        verb: spec.name.into(),
        args: call.args,
        object: None,
        also: Vec::new(),
        direction: direction.into(),
        since_ns: since(record.entered_ns),
        deadline_ns: (record.deadline_ns != 0).then(|| since(record.deadline_ns)),
        syscall: asleep.syscall,
        restarts: post::restarts(member, record.entered_ns),
    };
    Some((sleep, on))
}

fn object(director: &Director, member: &Member, asleep: &Asleep, on: WaitsOn, data: &[u8]) -> Option<ObjectKey> {
    match on {
        WaitsOn::Descriptor(n) => director.scene.behind(member.pid, *asleep.args.get(n)? as i32).cloned(),
        WaitsOn::Futex(n) => director.scene.at_address(member.pid, *asleep.args.get(n)?),
        WaitsOn::Path => director.scene.at_path(member.pid, std::str::from_utf8(data).ok()?),
        WaitsOn::Id(_) | WaitsOn::Polled | WaitsOn::Selected | WaitsOn::Words | WaitsOn::Nothing => None,
    }
}

/// The object whose address the call was given, where the futex on which it sleeps is none of anybody's objects: glibc
/// parks a thread that would wait for ever on a word of its own stack.
fn named(director: &Director, member: &Member, record: &Record, spec: &CallSpec) -> Option<ObjectKey> {
    let by_address = spec.args.first().is_some_and(|arg| arg.kind == ArgKind::Address);
    director.scene.at_address(member.pid, record.args[0] as u64).filter(|_| by_address)
}

/// The objects behind the descriptors that a call waits for any of, and what it asks of each. The lists lie in the
/// sleeper's memory, where the kernel has read them; it does not run, so nobody changes them.
fn several(director: &Director, member: &Member, asleep: &Asleep, on: WaitsOn) -> Vec<On> {
    let memory = |address: u64, length: usize| memory(member.pid, address, length);
    let [first, second, third, fourth, ..] = asleep.args;
    let asked: Vec<(i32, bool, bool)> = if on == WaitsOn::Polled {
        let read = libc::POLLIN | libc::POLLPRI | libc::POLLRDHUP;
        let entry = |b: &[u8]| {
            let events = i16::from_ne_bytes([b[4], b[5]]);
            (i32::from_ne_bytes([b[0], b[1], b[2], b[3]]), events & read != 0, events & libc::POLLOUT != 0)
        };
        memory(first, second.min(1024) as usize * 8).chunks_exact(8).map(entry).collect()
    } else {
        let count = first.min(libc::FD_SETSIZE as u64) as usize;
        let sets = [second, third, fourth].map(|address| memory(address, count.div_ceil(64) * 8));
        // A set is an array of longs.
        let has = |set: &[u8], fd: usize| {
            let long =
                set.get(fd / 64 * 8..fd / 64 * 8 + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_ne_bytes);
            long & 1 << (fd % 64) != 0
        };
        (0..count)
            .map(|fd| (fd as i32, has(&sets[0], fd) || has(&sets[2], fd), has(&sets[1], fd)))
            .filter(|(_, reads, writes)| *reads || *writes)
            .collect()
    };
    let mut all: Vec<On> = Vec::new();
    for (fd, reads, writes) in asked {
        let Some(key) = director.scene.behind(member.pid, fd) else { continue };
        for (wanted, direction) in [(reads, "read"), (writes, "write")] {
            if wanted && !all.iter().any(|(k, d)| k == key && *d == direction) {
                all.push((key.clone(), direction));
            }
        }
    }
    all
}

fn actor(director: &Director, member: &Member, sleep: Option<Sleep>) -> Actor {
    let state = match (&member.fate, &member.posture, sleep) {
        (Fate::Zombie(death), ..) => ActorState::Zombie(death.clone()),
        (Fate::Dead(death), ..) => ActorState::Dead(death.clone()),
        (Fate::Alive, Posture::Idle, _) => ActorState::Idle,
        (Fate::Alive, Posture::Asleep(_), Some(sleep)) => ActorState::Asleep(sleep),
        (Fate::Alive, Posture::Stopped, _) => ActorState::Stopped { signal: stopped_by(member) },
        (Fate::Alive, Posture::Asleep(_) | Posture::Running, _) => {
            let free = member.busy.as_ref().is_some_and(|b| b.free);
            ActorState::Running { progress: free.then(|| member.slot.progress()) }
        }
    };
    let handles = if director.scene.holds(member) { director.scene.handles(member.pid) } else { &[] };
    let named = |wanted: Bound| {
        let fits = |bound: &Bound| match (wanted, bound) {
            (Bound::Descriptor(a), Bound::Descriptor(b)) => a == *b,
            (Bound::Memory(start, length), Bound::Memory(at, _)) => (start..start + length).contains(at),
            _ => false,
        };
        let mut names: Vec<(&String, &Bound)> = member.names.bound.iter().filter(|(_, b)| fits(b)).collect();
        // That of a mapping stands before those of what lies in it.
        names.sort_by_key(|(_, bound)| match bound {
            Bound::Memory(start, length) => (*start, u64::MAX - length),
            Bound::Descriptor(_) | Bound::Id(..) => (0, 0),
        });
        names.into_iter().map(|(name, _)| name.clone()).collect::<Vec<String>>()
    };
    let object = |claimed: &held::Claimed| {
        claimed.key.as_ref().and_then(|key| director.scene.name_of(key)).map(ToOwned::to_owned)
    };
    let mut descriptors = Vec::new();
    let mut mappings = Vec::new();
    for claimed in handles {
        match &claimed.handle.kind {
            HandleKind::Descriptor { fd, flags, offset, .. } => descriptors.push(Descriptor {
                fd: *fd,
                names: named(Bound::Descriptor(*fd)),
                object: object(claimed),
                access: match flags & libc::O_ACCMODE {
                    libc::O_RDONLY => Access::Read,
                    libc::O_WRONLY => Access::Write,
                    _ => Access::Both,
                },
                flags: if flags & libc::O_ASYNC == 0 {
                    flag_names(*flags)
                } else {
                    [flag_names(*flags), owner(director, member.pid, *fd)].concat()
                },
                offset: *offset,
            }),
            HandleKind::Mapping { start, end, offset, perms } => {
                let shared = perms.ends_with('s');
                mappings.push(Mapping {
                    names: named(Bound::Memory(*start, end - start)),
                    start: *start,
                    length: end - start,
                    offset: *offset,
                    protection: perms.get(..3).unwrap_or_default().to_owned(),
                    shared,
                    object: object(claimed),
                    contents: if shared { None } else { contents(member.pid, *start, end - start) },
                    copies: (!shared).then(|| copies(member.pid, *start, end - start)),
                });
            }
        }
    }
    mappings.sort_by_key(|m| m.start);
    Actor {
        name: member.name.clone(),
        pid: member.pid,
        tid: member.thread.tid,
        thread_of: member.thread_of.clone(),
        uid: member.uid,
        parent: member.parent.clone(),
        host: director.scene.hosts.name(member.place).map(ToOwned::to_owned),
        state,
        descriptors,
        mappings,
        variables: member.names.variables.iter().map(|(n, v)| (n.clone(), v.to_string())).collect(),
        stdout: member.names.stdout.clone(),
        job: post::job(director, member),
        signals: post::signals(director, member),
        scheduling: threads::scheduling(member),
        program: member
            .program
            .as_ref()
            .map(|p| Program { lines: p.body.iter().map(ToString::to_string).collect(), next: p.next }),
        last: member.last.clone(),
        finished: member.tally().0,
        dropped: member.tally().1,
    }
}

fn copies(pid: i32, start: u64, length: u64) -> Copies {
    match private_pages(pid, start, length) {
        Ok(pages) => {
            let wanted = (length / facility::page_size() as u64) as usize;
            let count = |kind| pages.iter().filter(|page| **page == kind).count() as u64;
            let (own, inherited) = (count(PrivatePage::Own), count(PrivatePage::Inherited));
            Copies::Counted { own, inherited, of_first: (pages.len() < wanted).then_some(pages.len() as u64) }
        }
        Err(error) => Copies::Hidden(facility::untold_pages(&error)),
    }
}

fn contents(pid: i32, start: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; PRIVATE_SHOWN.min(length as usize)];
    let n = borrow::read_private(pid, start, &mut bytes).ok()?;
    bytes.truncate(n);
    Some(bytes)
}

/// Whom a descriptor with O_ASYNC tells, and how; asked through a descriptor borrowed for a moment.
fn owner(director: &Director, pid: i32, fd: i32) -> Vec<String> {
    let told = director.scene.pidfd(pid).and_then(|pidfd| borrow::owner(pidfd, fd).ok());
    let Some((owner, signal)) = told else { return Vec::new() };
    let name = director.members.iter().find(|m| m.alive() && m.thread.tid == owner).map(|m| m.name.clone());
    let mut words = vec![format!("owner {}", name.unwrap_or_else(|| "nobody".to_owned()))];
    if signal != 0 {
        words.push(facility::signal_name(signal));
    }
    words
}

fn flag_names(flags: i32) -> Vec<String> {
    const SHOWN: [(&str, i32); 7] = [
        ("O_APPEND", libc::O_APPEND),
        ("O_NONBLOCK", libc::O_NONBLOCK),
        ("O_ASYNC", libc::O_ASYNC),
        ("O_DIRECT", libc::O_DIRECT),
        ("O_SYNC", libc::O_SYNC),
        ("O_PATH", libc::O_PATH),
        ("FD_CLOEXEC", libc::O_CLOEXEC),
    ];
    SHOWN.iter().filter(|(_, bit)| flags & bit == *bit).map(|(name, _)| (*name).to_owned()).collect()
}

/// How a process ended: the pidfd tells, else its zombie, else its own last call.
pub(super) fn death(member: &Member, pidfd: Option<&OwnedFd>) -> Death {
    let how = pidfd.and_then(process::pidfd_exit).or_else(|| zombie(member));
    match how {
        Some(How::Killed(signal)) => Death::Killed(facility::signal_name(signal)),
        Some(How::Exited(code)) => Death::Exited(code),
        // Reaped before we could look, on a kernel that does not keep the status.
        Some(How::Stopped(_) | How::Continued) | None => {
            Death::Exited(member.reader.in_flight().map_or(0, |record| (record.args[0] & 0xff) as i32))
        }
    }
}

fn zombie(member: &Member) -> Option<How> {
    let stat = member.task.stat()?;
    (stat.state == 'Z').then(|| How::from_status(stat.exit_status))
}

/// The signal that has stopped it: what the kernel tells of a stop that no parent has waited for yet.
fn stopped_by(member: &Member) -> String {
    member.stopped_by.map_or_else(|| "a signal".to_owned(), facility::signal_name)
}

/// A death in one line.
pub(super) fn obituary(name: &str, death: &Death) -> String {
    match death {
        Death::Exited(code) => format!("{name} exited with {code}"),
        Death::Killed(signal) => format!("{name} was killed by {signal}"),
        Death::Left(value) => format!("{name} has ended and left {value}"),
        Death::Replaced => format!("{name} was ended by an execve of its process"),
    }
}

//! What is on stage, found from the kernel: the handles of every actor, the objects that they lead to, and our names
//! laid over them. What an actor holds without our knowing shows up like the rest.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::actor::OURS;
use super::handles::{covers, is_device, mapping, same_file};
use super::held::{self, Activity, Claimed, Held, Mappings};
use super::hosts::{Hosts, Visit};
use super::inside::{self, Inside};
use super::known::{Known, numbered};
use super::member::{Member, Posture, known_ids, sleeper};
use super::nameless::{self, Nameless};
use super::origins::{Origins, is_private};
use super::readings::{Readings, object};
use super::table::Table;
use crate::facility::look::{Asleep, Found, Ground, Handle, HandleKind, Look, Reported};
use crate::facility::perform::{Bound, Made};
use crate::facility::{self, Inside as Calls};
use crate::kernel::arena::Record;
use crate::kernel::borrow;
use crate::kernel::netlink::diag::Diag;
use crate::kernel::pipe::Scratch;
use crate::kernel::proc::{KeptStatus, Maps, Status};
use crate::kernel::watch::Watch;
use crate::model::{Object, ObjectKey, Value, Waiter};
use crate::script::{ArgKind, CallSpec, Makes};

mod late;

/// Where terminals have their names, which nobody but the kernel gives and takes.
const TERMINALS: &str = "/dev/pts/";

/// The objects of a stage, and what must be remembered of them from one look to the next.
#[derive(Debug)]
pub(super) struct Scene {
    directory: PathBuf,
    tag: String,
    shm_dev: u64,
    mqueue: Option<PathBuf>,
    /// Files that are ours: device and inode of the arena and of the stage's directory, on each of its places.
    ours: Vec<(u64, u64)>,
    null: (u64, u64),
    known: Known,
    inside: Inside,
    /// Objects that were made by an id: nothing in /proc tells which process knows one.
    ids: Vec<ObjectKey>,
    notes: BTreeMap<ObjectKey, Value>,
    scratch: Option<Scratch>,
    held: BTreeMap<i32, Held>,
    pidfds: BTreeMap<i32, OwnedFd>,
    /// That which tells of the end of a process whose first thread has ended before, where another stands for it above.
    ends: BTreeMap<i32, OwnedFd>,
    /// For questions about sockets: a socket of each place, once there were any there.
    diags: Vec<Option<Diag>>,
    pub(super) hosts: Hosts,
    /// The place of each process.
    places: BTreeMap<i32, usize>,
    nameless: Nameless,
    origins: Origins,
    /// The directories that are listed.
    watch: Watch,
    /// What was found by listing them, until a name comes or goes.
    listed: Option<Vec<Listed>>,
    readings: Readings,
    /// Whether the last look at those objects in which the kernel moves data by itself found none under way, while
    /// nobody ran.
    at_rest: bool,
    /// Files that the dead held at the last look: what they did to them before they died shows with other holders.
    bequeathed: Vec<(u64, u64)>,
}

/// An object that exists by its name.
#[derive(Debug)]
struct Listed {
    place: usize,
    key: ObjectKey,
    name: String,
    path: Option<String>,
}

impl Scene {
    pub(super) fn new(directory: PathBuf, tag: String, mqueue: Option<PathBuf>, ours: Vec<(u64, u64)>) -> Self {
        let id = |path: &str| nix::sys::stat::stat(path).map(|s| (s.st_dev, s.st_ino));
        let watch = Watch::new([directory.as_path(), Path::new("/dev/shm")].into_iter().chain(mqueue.as_deref()));
        Self {
            directory,
            tag,
            shm_dev: id("/dev/shm").map_or(0, |(dev, _)| dev),
            mqueue,
            ours,
            null: id("/dev/null").unwrap_or((0, 0)),
            known: Known::default(),
            inside: Inside::default(),
            ids: Vec::new(),
            notes: BTreeMap::new(),
            scratch: Scratch::new().ok(),
            held: BTreeMap::new(),
            pidfds: BTreeMap::new(),
            ends: BTreeMap::new(),
            diags: Vec::new(),
            hosts: Hosts::default(),
            places: BTreeMap::new(),
            nameless: Nameless::default(),
            origins: Origins::default(),
            watch,
            listed: None,
            readings: Readings::default(),
            at_rest: false,
            bequeathed: Vec::new(),
        }
    }

    /// Takes a new process into view.
    pub(super) fn enter(&mut self, pid: i32, pidfd: OwnedFd, place: usize) {
        self.readings.stir_all();
        self.pidfds.insert(pid, pidfd);
        self.places.insert(pid, place);
        if let (Ok(table), Ok(maps)) = (Table::open(pid), Maps::open(pid)) {
            let held = Held {
                table,
                maps,
                seen: None,
                again: false,
                handles: Vec::new(),
                mappings: Mappings::Stale,
                status_file: KeptStatus::open(pid).ok(),
                status: RefCell::default(),
            };
            self.held.insert(pid, held);
        }
    }

    /// Makes a host.
    pub(super) fn add_host(&mut self, name: &str) -> Result<(), String> {
        let diag = self.hosts.make(name, self.mqueue.is_some())?;
        if let Some(place) = self.hosts.place(name) {
            self.diags.resize_with(place, || None);
            self.diags.push(Some(diag));
            let Self { hosts, watch, directory, mqueue, ours, .. } = self;
            hosts.visit(place, || {
                ours.extend(nix::sys::stat::stat(directory.as_path()).map(|stat| (stat.st_dev, stat.st_ino)));
                watch.add([directory.as_path(), Path::new("/dev/shm")].into_iter().chain(mqueue.as_deref()));
            });
        }
        self.listed = None;
        Ok(())
    }

    fn ground(&self, pid: i32) -> Ground<'_> {
        let shm_dev = self.hosts.shm_dev(self.place(pid)).unwrap_or(self.shm_dev);
        Ground { directory: &self.directory, shm_dev }
    }

    fn place(&self, pid: i32) -> usize {
        self.places.get(&pid).copied().unwrap_or(0)
    }

    /// Lets a process go that has ended.
    pub(super) fn leave(&mut self, pid: i32) {
        self.readings.stir_all();
        self.pidfds.remove(&pid);
        self.ends.remove(&pid);
        self.nameless.leave(pid);
        self.origins.leave(pid);
        self.places.remove(&pid);
        if let Some(held) = self.held.remove(&pid) {
            self.bequeathed.extend(held.handles.iter().map(|c| (c.handle.dev, c.handle.ino)));
        }
    }

    /// The processes on stage that have not ended.
    pub(super) fn processes(&self) -> impl Iterator<Item = (i32, &OwnedFd)> {
        self.pidfds.iter().map(|(pid, pidfd)| (*pid, self.ends.get(pid).unwrap_or(pidfd)))
    }

    pub(super) fn pidfd(&self, pid: i32) -> Option<&OwnedFd> {
        self.pidfds.get(&pid)
    }

    /// Forgets what was known of a process' mappings: a new program has replaced them.
    pub(super) fn reborn(&mut self, pid: i32) {
        self.origins.leave(pid);
        if let Some(held) = self.held.get_mut(&pid) {
            held.seen = None;
            held.mappings = Mappings::Stale;
            held.table.changed();
            if let Ok(maps) = Maps::open(pid) {
                held.maps = maps;
            }
        }
    }

    /// Reads what a process holds through another of its threads: the first one has ended, and has let go of all of it.
    pub(super) fn look_through(&mut self, pid: i32, tid: i32) {
        if let (Some(held), Ok(table), Ok(maps)) = (self.held.get_mut(&pid), Table::through(pid, tid), Maps::open(tid))
        {
            (held.table, held.maps, held.seen) = (table, maps, None);
        }
        if let Ok(pidfd) = borrow::pidfd_open_thread(tid)
            && let Some(process) = self.pidfds.insert(pid, pidfd)
        {
            self.ends.entry(pid).or_insert(process);
        }
    }

    /// Whether a member was the only living thread of its process at the last look.
    pub(super) fn is_alone(&self, member: &Member) -> bool {
        member.leads()
            && self.held.get(&member.pid).and_then(|held| held.seen.as_ref()).is_some_and(Activity::is_of_one)
    }

    /// What /proc tells in this look of a process' first thread and its signals.
    pub(super) fn status(&self, pid: i32) -> Option<Status> {
        self.held.get(&pid)?.status()
    }

    /// Our name of an object, if it is known.
    pub(super) fn name_of(&self, key: &ObjectKey) -> Option<&str> {
        self.known.name_of(key)
    }

    /// Whether an object on stage has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.known.has(name)
    }

    /// Whether an object on stage is an end of something with this name.
    pub(super) fn has_end(&self, name: &str) -> bool {
        self.known.has_end(name)
    }

    /// Lays the learner's name over what a call made.
    pub(super) fn made(&mut self, pid: i32, made: &Made) {
        let Some(spec) = facility::registry().call_by_id(made.verb) else { return };
        let Some(owner) = facility::of_verb(spec.name) else { return };
        let key = match (made.handle, owner.inside(spec.name)) {
            (Bound::Memory(address, _), Calls::Begins) => self.begins(pid, address, owner.card().id),
            (Bound::Memory(address, _), Calls::Word) => self.word(pid, address, owner.card().id),
            (Bound::Memory(address, _), Calls::Ends) => {
                if let Some((place, _)) = self.leads_to(pid, address) {
                    self.inside.ends(&place.key(owner.card().id));
                }
                return;
            }
            (Bound::Id(_, id), _) => {
                let key = ObjectKey::of_id(owner.card().id, id).at(self.place(pid));
                if !self.ids.contains(&key) {
                    self.ids.push(key.clone());
                }
                Some(key)
            }
            (handle, Calls::Nothing | Calls::Begins | Calls::Ends | Calls::Word) => self.claimed_by(pid, handle),
        };
        let Some(key) = key.filter(|_| !made.object.is_empty()) else { return };
        if self.known.name_of(&key).is_none_or(is_ours) {
            let name = self.free_name(&made.object);
            self.known.name(key, name);
        }
    }

    fn begins(&mut self, pid: i32, address: u64, facility: &'static str) -> Option<ObjectKey> {
        let (place, private) = self.leads_to(pid, address)?;
        let key = place.key(facility);
        self.inside.begins(&key, private);
        Some(key)
    }

    /// A word on which somebody sleeps, unless it is part of another object.
    pub(super) fn word(&mut self, pid: i32, address: u64, facility: &'static str) -> Option<ObjectKey> {
        let (place, private) = self.leads_to(pid, address)?;
        if let Some(key) = self.inside.at(place, private) {
            return Some(key.clone()).filter(|key| key.facility == facility);
        }
        self.begins(pid, address, facility)
    }

    /// Where an address leads, and whether that is memory of this process alone.
    fn leads_to(&self, pid: i32, address: u64) -> Option<(inside::Place, bool)> {
        let (dev, ino, offset) = self.held.get(&pid)?.maps.at(address)?.key_at(address);
        // A segment of System V may have the inode 0 as well, on a device.
        let private = (dev, ino) == (0, 0);
        let place = inside::Place { dev, ino, offset };
        Some((if private { inside::Place { dev: pid as u64, ino: address, offset: 0 } } else { place }, private))
    }

    fn claimed_by(&mut self, pid: i32, handle: Bound) -> Option<ObjectKey> {
        let held = self.held.get(&pid)?;
        let mut found = match handle {
            Bound::Descriptor(fd) => held.table.descriptor(fd)?,
            Bound::Memory(address, _) => mapping(pid, &held.maps.at(address)?),
            Bound::Id(..) => return None,
        };
        if let Some(place) = nameless::place(&found) {
            found.ino = self.nameless.identify(place, &found.link);
        }
        if is_private(&found) {
            self.origins.number(&mut found);
        }
        self.claim(&found)
    }

    fn claim(&self, handle: &Handle) -> Option<ObjectKey> {
        claim(handle, &self.ground(handle.pid)).map(|key| key.at(self.place(handle.pid)))
    }

    /// `name`, or `name#2` and so on if an object has it.
    fn free_name(&self, name: &str) -> String {
        if !self.has(name) {
            return name.to_owned();
        }
        numbered(name, 2, |candidate| self.has(candidate))
    }

    /// Notes that an actor has made a call which may have changed what its numbers lead to.
    pub(super) fn descriptors_changed(&mut self, pid: i32) {
        if let Some(held) = self.held.get_mut(&pid) {
            held.table.changed();
        }
    }

    /// Notes that an actor has made calls whose records are lost.
    pub(super) fn records_lost(&mut self, pid: i32) {
        self.readings.stir_all();
        self.origins.leave(pid);
        self.descriptors_changed(pid);
        self.mappings_changed(pid);
    }

    /// Notes that something was done to the networks of the stage.
    pub(super) const fn network_changed(&mut self) {
        self.readings.stir_all();
    }

    /// Notes that an actor has made calls which may have changed its mappings.
    pub(super) fn mappings_changed(&mut self, pid: i32) {
        if let Some(held) = self.held.get_mut(&pid) {
            held.mappings = Mappings::Stale;
        }
    }

    /// Reads the handles of everyone who ran since the last time, and those on objects that they share with others.
    pub(super) fn rescan(&mut self, members: &[Member]) {
        // Before the listing, so that what comes later is listed at the next look.
        let changes = self.watch.changes();
        let names = changes.names;
        // Queues that no file system lists are asked for by their names.
        if names || self.mqueue.is_none() {
            self.listed = None;
        }
        let mut touched: HashSet<(u64, u64)> = self.bequeathed.drain(..).collect();
        let mut fresh: HashSet<i32> = HashSet::new();
        let threads = held::by_process(members);
        for member in members.iter().filter(|m| m.leads()) {
            let Some(mut held) = self.held.remove(&member.pid) else { continue };
            held.status.take();
            let threads = threads.get(&member.pid).map_or(&[][..], Vec::as_slice);
            let seen = Activity::of(threads);
            let rested = held.seen.is_some() && held.seen == seen;
            if std::mem::take(&mut held.again) || !rested {
                held.table.expect_ours(threads.iter().filter(|m| m.socket.is_some()).count());
                let handles = self.read_handles(member, &mut held, names, rested);
                for Claimed { handle, key } in held.handles.iter().chain(&handles) {
                    touched.insert((handle.dev, handle.ino));
                    self.readings.stir_kind(key.as_ref().and_then(|key| facility::by_id(&key.facility)));
                }
                held.handles = handles;
                held.seen = seen.filter(|_| !Activity::runs(threads));
                held.mappings = Mappings::Known;
                fresh.insert(member.pid);
            }
            self.held.insert(member.pid, held);
        }
        touched.extend(self.tell_apart(&fresh));
        touched.extend(self.tell_origins(&fresh));
        if names {
            self.readings.clear();
        }
        self.readings.settle(&touched, &changes);
        self.at_rest &= members.iter().all(|m| !m.alive() || m.posture != Posture::Running);
        // An open file description may be shared: its offset and flags change though this process did not run. So do
        // the path and the mode of a file.
        for (pid, held) in self.held.iter_mut().filter(|(pid, _)| !fresh.contains(pid)) {
            let Held { table, handles, maps, .. } = held;
            for claimed in handles {
                let handle = &mut claimed.handle;
                let named = names && handle.link.starts_with('/');
                match handle.kind {
                    HandleKind::Descriptor { .. } if named || touched.contains(&(handle.dev, handle.ino)) => {
                        let ino = handle.ino;
                        table.read_again(handle, named);
                        if nameless::place(handle).is_some() {
                            handle.ino = ino;
                        }
                    }
                    HandleKind::Mapping { start, .. } if named => {
                        if let Some(map) = maps.at(start) {
                            *handle = mapping(*pid, &map);
                        }
                    }
                    HandleKind::Descriptor { .. } | HandleKind::Mapping { .. } => {}
                }
            }
        }
    }

    /// Gives what has no inode of its own a number in its place. Says which of it `fresh` processes hold, who have run.
    fn tell_apart(&mut self, fresh: &HashSet<i32>) -> Vec<(u64, u64)> {
        let ground = Ground { directory: &self.directory, shm_dev: self.shm_dev };
        let mut all: Vec<(bool, &mut Claimed)> = self
            .held
            .iter_mut()
            .flat_map(|(pid, held)| held.handles.iter_mut().map(|claimed| (fresh.contains(pid), claimed)))
            .filter(|(_, claimed)| nameless::place(&claimed.handle).is_some())
            .collect();
        let places: Vec<(nameless::Place, &str, bool)> = all
            .iter()
            .filter_map(|(fresh, c)| Some((nameless::place(&c.handle)?, c.handle.link.as_str(), *fresh)))
            .collect();
        let numbers = self.nameless.tell_apart(&places);
        let mut held_by_fresh = Vec::new();
        for ((fresh, claimed), number) in all.iter_mut().zip(numbers) {
            claimed.handle.ino = number;
            if *fresh {
                claimed.key = claim(&claimed.handle, &ground);
                held_by_fresh.push((claimed.handle.dev, number));
            }
        }
        held_by_fresh
    }

    /// Gives private memory a number in the place of an inode. Says which of it `fresh` processes have.
    fn tell_origins(&mut self, fresh: &HashSet<i32>) -> Vec<(u64, u64)> {
        let ground = Ground { directory: &self.directory, shm_dev: self.shm_dev };
        let mut of_fresh = Vec::new();
        for (pid, held) in &mut self.held {
            for claimed in held.handles.iter_mut().filter(|claimed| is_private(&claimed.handle)) {
                self.origins.number(&mut claimed.handle);
                claimed.key = claim(&claimed.handle, &ground);
                if let Some(key) = &claimed.key {
                    self.notes.insert(key.clone(), self.origins.told(claimed.handle.ino));
                }
                of_fresh.extend(fresh.contains(pid).then_some((claimed.handle.dev, claimed.handle.ino)));
            }
        }
        of_fresh
    }

    /// The handles of a process; `rested`: it has not run since they were read last, so its numbers lead where they led.
    fn read_handles(&self, member: &Member, held: &mut Held, names: bool, rested: bool) -> Vec<Claimed> {
        let pid = member.pid;
        let Held { table, maps, handles: before, mappings, .. } = held;
        let claimed = |handle: Handle| {
            if self.is_ours(&handle) {
                return None;
            }
            let same = |c: &&Claimed| c.handle.link == handle.link && same_file(&c.handle, &handle);
            // A character device makes a new object each time that it is opened: /dev/ptmx a terminal.
            let known = if is_device(&handle) { None } else { before.iter().find(same) };
            let key = known.map_or_else(|| self.claim(&handle), |c| c.key.clone());
            Some(Claimed { handle, key })
        };
        let mut all = table.read(
            before,
            |link| {
                rested && (link.starts_with(nameless::LINK) || link.starts_with(TERMINALS))
                    || !names && self.watches(link)
            },
            claimed,
        );
        let known = before.iter().filter(|c| matches!(c.handle.kind, HandleKind::Mapping { .. }));
        match *mappings {
            Mappings::Known => all.extend(known.cloned()),
            Mappings::Again => all.extend(known.filter_map(|c| {
                let HandleKind::Mapping { start, .. } = c.handle.kind else { return None };
                claimed(mapping(pid, &maps.at(start)?))
            })),
            Mappings::Stale => {
                let mut found = maps.shared().unwrap_or_default();
                // A private mapping of an object is a handle on it too, whether or not a name is bound to it any more.
                let private = maps.of_files().unwrap_or_default().into_iter().filter(|map| !map.shared());
                found.extend(private.filter(|map| self.claim(&mapping(pid, map)).is_some()));
                for bound in member.names.bound.values() {
                    if let Bound::Memory(address, _) = bound
                        && !found.iter().any(|map| map.contains(*address))
                    {
                        found.extend(maps.at(*address));
                    }
                }
                // Of private memory the parts that mprotect has split off, and what has lost its name.
                for (start, end) in self.origins.ranges(pid) {
                    let mut at = start;
                    while let Some(map) = maps.at(at).filter(|map| at < end && map.end > at) {
                        at = map.end;
                        if !found.contains(&map) {
                            found.push(map);
                        }
                    }
                }
                found.sort_by_key(|map| map.start);
                all.extend(found.iter().map(|map| mapping(pid, map)).filter_map(claimed));
            }
        }
        all
    }

    /// Whether a path leads to a file in one of the watched directories, not below another one in it.
    fn watches(&self, link: &str) -> bool {
        [self.directory.to_str(), Some("/dev/shm")].into_iter().flatten().any(|directory| {
            let rest = link.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some_and(|file| !file.contains('/'))
        })
    }

    /// Ours are known by what they lead to, not by their number; so are the standard descriptors on /dev/null.
    fn is_ours(&self, handle: &Handle) -> bool {
        let file = (handle.dev, handle.ino);
        let is_null = |fd: i32| fd <= 2 && file == self.null;
        match handle.kind {
            HandleKind::Descriptor { fd, .. } => {
                self.ours.contains(&file) || is_null(fd) || (fd >= OURS && handle.link.starts_with("socket:"))
            }
            HandleKind::Mapping { .. } => self.ours.contains(&file),
        }
    }

    /// Has everything read again at the next look, whoever has run. Only directories in which no name has come or gone
    /// are not listed again.
    pub(super) fn forget(&mut self) {
        self.readings.clear();
        for held in self.held.values_mut() {
            held.again = true;
            if held.mappings == Mappings::Known {
                held.mappings = Mappings::Again;
            }
        }
    }

    /// Whether it stands for a process that lives: what a process holds is its first actor's.
    pub(super) fn holds(&self, member: &Member) -> bool {
        member.leads() && self.held.contains_key(&member.pid)
    }

    /// The handles of a process, as last read.
    pub(super) fn handles(&self, pid: i32) -> &[Claimed] {
        self.held.get(&pid).map_or(&[], |h| &h.handles)
    }

    /// The object that a descriptor leads to, as last read.
    pub(super) fn behind(&self, pid: i32, fd: i32) -> Option<&ObjectKey> {
        self.claimed(pid, fd)?.key.as_ref()
    }

    fn claimed(&self, pid: i32, fd: i32) -> Option<&Claimed> {
        let of = |c: &&Claimed| matches!(c.handle.kind, HandleKind::Descriptor { fd: number, .. } if number == fd);
        self.handles(pid).iter().find(of)
    }

    /// The object at an address: one inside memory if there is one, else what is mapped there.
    pub(super) fn at_address(&self, pid: i32, address: u64) -> Option<ObjectKey> {
        let (place, private) = self.leads_to(pid, address)?;
        if let Some(key) = self.inside.at(place, private) {
            return Some(key.clone());
        }
        self.claim(&mapping(pid, &self.held.get(&pid)?.maps.at(address)?))
    }

    /// The object at a path of the stage's directory, as this process sees it.
    pub(super) fn at_path(&self, pid: i32, path: &str) -> Option<ObjectKey> {
        let path = self.directory.join(path);
        let stat = self.hosts.visit(self.place(pid), || nix::sys::stat::stat(&path)).ok()?;
        self.known.keys().find(|k| (k.dev, k.ino) == (stat.st_dev, stat.st_ino)).cloned()
    }

    /// Tells the facility of the object that a finished call was made on.
    pub(super) fn learn(&mut self, member: &Member, record: &Record, spec: &'static CallSpec) {
        self.readings.stir(spec);
        self.origins.learn(member.pid, &member.name, record, spec);
        // A number that a call has given out means something new, unless the call only changed what stood there.
        if spec.makes == Makes::Descriptor && record.errno == 0 && record.ret != record.args[0] {
            self.nameless.forget((member.pid, record.ret as i32));
        }
        let key = match spec.args.first().map(|arg| arg.kind) {
            Some(ArgKind::Id) => {
                let facility = facility::of_verb(spec.name);
                facility.map(|f| ObjectKey::of_id(f.card().id, record.args[0] as i32).at(member.place))
            }
            Some(ArgKind::Address) => self.in_memory(member.pid, record, spec),
            _ => self.behind(member.pid, record.args[0] as i32).cloned(),
        };
        let Some(key) = key else { return };
        let Some(facility) = facility::by_id(&key.facility) else { return };
        let mut note = self.notes.remove(&key).unwrap_or(Value::Nothing);
        let handle = self.claimed(member.pid, record.args[0] as i32).map(|c| &c.handle);
        facility.learn(&Reported { actor: &member.name, record, spec, object: &key, handle }, &mut note);
        if note != Value::Nothing {
            self.notes.insert(key, note);
        }
    }

    /// The object inside memory that a finished call was made on, or that it made.
    fn in_memory(&mut self, pid: i32, record: &Record, spec: &CallSpec) -> Option<ObjectKey> {
        let owner = facility::of_verb(spec.name).filter(|owner| owner.hears_of_memory() && record.errno == 0)?;
        let address = record.args[0] as u64;
        if owner.inside(spec.name) == Calls::Begins {
            return self.begins(pid, address, owner.card().id);
        }
        self.at_address(pid, address)
    }

    /// Goes to a place, to look at it.
    fn turn(&self, visit: &mut Visit<'_>, look: &mut Look<'_>, place: usize) {
        visit.go(place);
        look.place = place;
        look.shm_dev = self.hosts.shm_dev(place).unwrap_or(self.shm_dev);
    }

    /// Reads all objects. `waiters` tells who sleeps on which.
    pub(super) fn objects(&mut self, members: &[Member], waiters: &[(ObjectKey, Waiter)]) -> Vec<Object> {
        let Some(mut scratch) = self.scratch.take().or_else(|| Scratch::new().ok()) else { return Vec::new() };
        let actors: Vec<(i32, String)> =
            members.iter().filter(|m| m.alive() || self.holds(m)).map(|m| (m.thread.tid, m.name.clone())).collect();
        let everyone: Vec<(i32, String)> = members.iter().rev().map(|m| (m.thread.tid, m.name.clone())).collect();
        let knowers: Vec<(ObjectKey, String, String)> =
            members.iter().filter(|m| self.holds(m)).flat_map(known_ids).collect();
        let mut asleep: Vec<(u64, Asleep)> = members.iter().filter(|m| m.alive()).filter_map(sleeper).collect();
        asleep.sort_by_key(|(since, _)| *since);
        let asleep: Vec<Asleep> = asleep.into_iter().map(|(_, a)| a).collect();
        let mut notes = std::mem::take(&mut self.notes);
        let mut diags = std::mem::take(&mut self.diags);
        let mut known = std::mem::take(&mut self.known);
        let mut visit = self.hosts.visitor();
        let mut look = Look {
            directory: &self.directory,
            tag: &self.tag,
            shm_dev: self.shm_dev,
            mqueue: self.mqueue.as_deref(),
            actors: &actors,
            everyone: &everyone,
            ids: &self.ids,
            knowers: &knowers,
            asleep: &asleep,
            pidfds: &self.pidfds,
            kept: &self.held,
            scratch: &mut scratch,
            notes: &mut notes,
            names: &[],
            running: members.iter().any(|m| m.alive() && m.posture == Posture::Running),
            inet: Vec::new(),
            packets_queued: None,
            diags: &mut diags,
            place: 0,
            lock_table: None,
            on_stage: &[],
        };
        if self.listed.is_none() {
            let mut listed = Vec::new();
            for place in 0..=self.hosts.names().count() {
                self.turn(&mut visit, &mut look, place);
                for facility in facility::ALL {
                    let all = facility.named(&mut look).into_iter();
                    listed.extend(all.map(|Found { key, name, path, .. }| Listed { place, key, name, path }));
                }
            }
            self.listed = Some(listed);
        }
        let mut by_id: Vec<ObjectKey> = Vec::new();
        for place in 0..=self.hosts.names().count() {
            self.turn(&mut visit, &mut look, place);
            let here = facility::ALL.iter().flat_map(|facility| facility.numbered(&mut look));
            by_id.extend(here.map(|key| key.at(place)));
        }
        let mut all = All::default();
        let held = |pid: &i32| self.held.get(pid).map_or(&[][..], |h| &h.handles);
        for claimed in actors.iter().flat_map(|(pid, _)| held(pid)) {
            let Some(key) = &claimed.key else { continue };
            all.item(key).handles.push(&claimed.handle);
        }
        let inside = std::mem::take(&mut self.inside);
        for key in inside.keys() {
            for claimed in actors.iter().flat_map(|(pid, _)| held(pid)).filter(|c| covers(&c.handle, key)) {
                all.item(key).handles.push(&claimed.handle);
            }
        }
        for Listed { key, name, path, .. } in self.listed.iter().flatten() {
            let item = all.item(key);
            item.name.clone_from(name);
            item.path.clone_from(path);
        }
        for key in &by_id {
            all.item(key);
        }
        let All { mut found, places } = all;
        let mut readings = std::mem::take(&mut self.readings);
        let place_of = |item: &Found<'_>| match item.handles.first() {
            Some(handle) => self.place(handle.pid),
            None => {
                let listed = self.listed.iter().flatten().find(|listed| listed.key == item.key);
                listed.map_or(item.key.dev as usize, |listed| listed.place)
            }
        };
        found.retain(|item| {
            self.turn(&mut visit, &mut look, place_of(item));
            let facility = facility::by_id(&item.key.facility);
            !item.handles.is_empty() || facility.is_none_or(|f| f.stands_alone(item, &mut look))
        });
        // Names: the learner's, else the one in the file system, else a made-up one. The gone are forgotten.
        known.retain(|key| places.contains_key(key));
        for item in &mut found {
            if let Some(name) = known.name_of(&item.key) {
                name.clone_into(&mut item.name);
                continue;
            }
            if item.name.is_empty() || known.has(&item.name) {
                let unnamed = item.name.is_empty();
                let (stem, from) = if unnamed { (item.key.facility.as_ref(), 1) } else { (item.name.as_str(), 2) };
                item.name = numbered(stem, from, |name| known.has(name));
            }
            known.name(item.key.clone(), item.name.clone());
        }
        found.sort_by_key(|item| known.place(&item.key));
        look.names = known.all();
        look.on_stage = &found;
        readings.retain(|key| places.contains_key(key));
        let objects = found
            .iter()
            .map(|item| {
                self.turn(&mut visit, &mut look, place_of(item));
                object(item, &mut look, &mut readings, waiters)
            })
            .collect();
        drop(visit);
        self.readings = readings;
        let gone: Vec<ObjectKey> = inside.keys().iter().filter(|key| !places.contains_key(key)).cloned().collect();
        notes.retain(|key, _| places.contains_key(key));
        self.ids.retain(|key| places.contains_key(key));
        self.inside = inside;
        self.inside.retain(|key| !gone.contains(key));
        self.known = known;
        self.diags = diags;
        self.notes = notes;
        self.scratch = Some(scratch);
        objects
    }
}

/// The object that a handle leads to.
fn claim(handle: &Handle, ground: &Ground<'_>) -> Option<ObjectKey> {
    facility::ALL.iter().find_map(|f| f.claim(handle, ground))
}

/// Names that we made up have a mark that no learner's has.
fn is_ours(name: &str) -> bool {
    name.contains('#')
}

/// Objects as they are found, in order of first sight.
#[derive(Default)]
struct All<'a> {
    found: Vec<Found<'a>>,
    places: HashMap<&'a ObjectKey, usize>,
}

impl<'a> All<'a> {
    fn item(&mut self, key: &'a ObjectKey) -> &mut Found<'a> {
        let place = *self.places.entry(key).or_insert_with(|| {
            self.found.push(Found { key: key.clone(), name: String::new(), path: None, handles: Vec::new() });
            self.found.len() - 1
        });
        &mut self.found[place]
    }
}

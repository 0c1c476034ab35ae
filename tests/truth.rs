//! Every value of a snapshot against what can be seen from outside the stage, by other means.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;
mod outside;
#[path = "truth/private.rs"]
mod private;
mod scripts;
#[path = "outside/signals.rs"]
mod signal_sets;
#[path = "truth/steps.rs"]
mod steps;
#[path = "truth/threads.rs"]
mod threads;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileExt, MetadataExt};

use common::Play;
use ipclab::model::{Access, Actor, ActorState, Death, Evidence, Field, Object, Snapshot, Value};
use outside::{Descriptor, Map, Process};

/// One moment of a stage, from both sides.
struct Moment<'a> {
    seen: &'a Snapshot,
    /// The stage's first process but one, which has the stage's directory and root.
    director: i32,
    processes: BTreeMap<i32, Process>,
    /// Handles of the living, by name.
    descriptors: BTreeMap<&'a str, Vec<Descriptor>>,
    maps: BTreeMap<&'a str, Vec<Map>>,
}

impl<'a> Moment<'a> {
    fn look(stage: i32, seen: &'a Snapshot) -> Self {
        let processes = outside::descendants(stage);
        let living = || seen.actors.iter().filter(|a| a.alive());
        let pid = |actor: &Actor| processes.get(&actor.pid).unwrap_or_else(|| panic!("no process {actor:?}")).pid;
        let descriptors = living().map(|a| (a.name.as_str(), outside::descriptors(pid(a)))).collect();
        let maps = living().map(|a| (a.name.as_str(), outside::maps(pid(a)))).collect();
        let director = processes.values().find(|p| p.parent == stage).unwrap().pid;
        Self { seen, director, processes, descriptors, maps }
    }

    fn pid(&self, name: &str) -> i32 {
        let inner = self.seen.actor(name).unwrap().pid;
        self.processes[&inner].pid
    }

    /// The actor that has this pid, for us.
    fn name(&self, pid: i32) -> String {
        let living = |a: &&Actor| a.alive() && self.pid(&a.name) == pid;
        self.seen.actors.iter().find(living).map_or_else(|| format!("pid {pid}"), |a| a.name.clone())
    }

    fn check(&self) {
        for actor in &self.seen.actors {
            self.actor(actor);
        }
        for object in self.seen.objects.iter().filter(|object| object.facility() != "memory") {
            self.object(object);
        }
        self.private();
        self.nothing_is_missing();
    }

    fn actor(&self, actor: &Actor) {
        let who = &actor.name;
        if let ActorState::Dead(_) = actor.state {
            let same = self.processes.get(&actor.pid).is_none_or(|p| p.parent == 0);
            assert!(same || self.seen.actors.iter().any(|a| a.alive() && a.pid == actor.pid), "{who} is there");
            return;
        }
        let pid = self.pid(who);
        let words = outside::stat(pid).unwrap();
        let uids = outside::status(pid, "Uid").unwrap();
        assert!(uids.split_whitespace().all(|uid| uid == actor.uid.to_string()), "{who}: {uids}");
        signal_sets::compare(actor, pid);
        for (word, of) in [(2, &actor.job.group), (3, &actor.job.session)] {
            let leader: i32 = words[word].parse().unwrap();
            let known = self.processes.iter().find(|(_, p)| p.pid == leader).map(|(inner, _)| *inner);
            let name = known.and_then(|pid| self.seen.actors.iter().rev().find(|a| a.pid == pid)).map(|a| &a.name);
            assert!(name.is_none_or(|name| name == of), "{who}: {:?} and {name:?}", actor.job);
        }
        let parent = actor.parent.as_ref().and_then(|p| self.seen.actor(p)).filter(|p| p.alive());
        if let Some(parent) = parent {
            assert_eq!(self.processes[&actor.pid].parent, self.pid(&parent.name), "{who}'s parent");
        }
        match &actor.state {
            ActorState::Idle => assert_eq!(words[0], "S", "{who}"),
            ActorState::Running { .. } => {}
            ActorState::Stopped { signal } => {
                assert_eq!(words[0], "T", "{who}");
                let number: i32 = words[49].parse().unwrap();
                // The word is 0 once a parent was told of the stop.
                assert!(number == 0 || signal_name(number) == *signal, "{who} {signal} {number}");
            }
            ActorState::Zombie(death) => {
                assert_eq!(words[0], "Z", "{who}");
                let status: i32 = words[49].parse().unwrap();
                let said = match death {
                    Death::Exited(code) => code << 8,
                    Death::Killed(signal) => (1..64).find(|n| signal_name(*n) == *signal).unwrap(),
                    Death::Left(_) | Death::Replaced => panic!("{who} is no thread"),
                };
                assert_eq!(status & !0x80, said, "{who}");
                assert!(actor.descriptors.is_empty() && actor.mappings.is_empty(), "{actor:?}");
            }
            ActorState::Asleep(_) => self.sleep(actor, pid, &words),
            ActorState::Dead(_) => unreachable!(),
        }
        if actor.alive() {
            self.handles(actor, pid);
        }
    }

    fn sleep(&self, actor: &Actor, pid: i32, words: &[String]) {
        let (who, sleep) = (&actor.name, actor.sleep().unwrap());
        let (nr, args) = outside::syscall(pid).unwrap_or_else(|| panic!("{who} runs"));
        assert_eq!(words[0], "S", "{who}");
        assert!(nr == sleep.syscall || nr == libc::SYS_restart_syscall, "{who}: {nr}, {sleep:?}");
        let numbers: Vec<&str> = sleep.args.split(", ").collect();
        let number = |at: usize| numbers[at].parse::<u64>().unwrap_or_else(|_| panic!("{who}: {sleep:?}"));
        let last = numbers.len() - 1;
        let on = sleep.object.as_ref().map(|o| self.seen.object(o).unwrap());
        let behind = || self.descriptors[who.as_str()].iter().find(|d| d.fd as u64 == args[0]).map(|d| (d.dev, d.ino));
        if let Some(object) = on
            && !matches!(sleep.verb.as_ref(), "open" | "sem_wait" | "sem_timedwait")
        {
            assert_eq!((number(0), behind()), (args[0], Some((object.key.dev, object.key.ino))), "{who}: {sleep:?}");
        }
        match sleep.verb.as_ref() {
            "read" | "write" => assert_eq!(number(last), args[2], "{who}: {sleep:?}"),
            "mq_receive" | "mq_send" => assert_eq!(number(2), args[2], "{who}: {sleep:?}"),
            "flock" => {
                let wanted = if sleep.args.contains("LOCK_EX") { libc::LOCK_EX } else { libc::LOCK_SH };
                assert_eq!(args[1] as i32, wanted, "{who}: {sleep:?}");
            }
            "fcntl" => {
                let command = if sleep.args.contains("OFD") { libc::F_OFD_SETLKW } else { libc::F_SETLKW };
                assert_eq!(args[1] as i32, command, "{who}: {sleep:?}");
                let asked = outside::memory(pid, args[2], 24);
                let kind = i16::from_ne_bytes(asked[..2].try_into().unwrap());
                let word = if kind == libc::F_WRLCK as i16 { "F_WRLCK" } else { "F_RDLCK" };
                assert!(sleep.args.contains(word), "{who}: {sleep:?}");
            }
            "sem_wait" | "sem_timedwait" => {
                let object = on.unwrap_or_else(|| panic!("{who}: {sleep:?}"));
                let map = self.maps[who.as_str()].iter().find(|m| (m.start..m.end).contains(&args[0])).unwrap();
                assert_eq!((map.dev, map.ino), (object.key.dev, object.key.ino), "{who}: {sleep:?}");
                assert_eq!(map.offset + args[0] - map.start, object.key.offset, "{who}: {sleep:?}");
            }
            "open" => {
                let path = outside::string(pid, args[1]);
                assert!(sleep.args.starts_with(&format!("\"{path}\"")), "{who}: {path} {sleep:?}");
                let meta = fs::metadata(format!("/proc/{pid}/cwd/{path}")).unwrap();
                let key = &on.unwrap_or_else(|| panic!("{who}: {sleep:?}")).key;
                assert_eq!((meta.dev(), meta.ino()), (key.dev, key.ino), "{who}: {sleep:?}");
            }
            "waitpid" => {
                let child = args[0] as i32;
                if child > 0 {
                    let named = self.seen.actors.iter().find(|a| a.pid == child).unwrap();
                    assert!(sleep.args.contains(&named.name), "{who}: {sleep:?}");
                }
            }
            "nanosleep" => assert!(sleep.deadline_ns.is_some(), "{who}: {sleep:?}"),
            "pause" | "sigtimedwait" | "sigsuspend" | "sigwaitinfo" => {
                let numbers: [(&str, i64); 3] = [
                    ("sigtimedwait", libc::SYS_rt_sigtimedwait),
                    ("sigwaitinfo", libc::SYS_rt_sigtimedwait),
                    ("sigsuspend", libc::SYS_rt_sigsuspend),
                ];
                let expected = numbers.iter().find(|(verb, _)| *verb == sleep.verb).map(|(_, number)| *number);
                assert!(expected.is_none_or(|number| number == sleep.syscall), "{who}: {sleep:?}");
                assert_eq!(sleep.direction, "signal", "{who}");
                if sleep.verb != "pause" {
                    let set = u64::from_ne_bytes(outside::memory(pid, args[0], 8).try_into().unwrap());
                    let names: Vec<_> =
                        (1..=64).filter(|n| set & 1 << (n - 1) != 0).map(ipclab::facility::signal_name).collect();
                    assert!(sleep.args.starts_with(&format!("[{}]", names.join(" "))), "{who}: {sleep:?}");
                }
            }
            other => panic!("{other} is not compared"),
        }
    }

    fn handles(&self, actor: &Actor, pid: i32) {
        let who = actor.name.as_str();
        let there: Vec<_> = self.descriptors[who]
            .iter()
            .map(|d| {
                let access = match d.flags & libc::O_ACCMODE {
                    libc::O_RDONLY => Access::Read,
                    libc::O_WRONLY => Access::Write,
                    _ => Access::Both,
                };
                let flag = |bit: i32, name: &str| (d.flags & bit == bit).then(|| name.to_owned());
                let flags: Vec<String> = [
                    flag(libc::O_APPEND, "O_APPEND"),
                    flag(libc::O_NONBLOCK, "O_NONBLOCK"),
                    flag(libc::O_DIRECT, "O_DIRECT"),
                    flag(libc::O_SYNC, "O_SYNC"),
                    flag(libc::O_PATH, "O_PATH"),
                    flag(libc::O_CLOEXEC, "FD_CLOEXEC"),
                ]
                .into_iter()
                .flatten()
                .collect();
                (d.fd, access, flags, d.pos, Some((d.dev, d.ino)))
            })
            .collect();
        let key = |name: &Option<String>| {
            let object = self.seen.object(name.as_ref()?).unwrap_or_else(|| panic!("{who}: no {name:?}"));
            Some((object.key.dev, object.key.ino))
        };
        let said: Vec<_> =
            actor.descriptors.iter().map(|d| (d.fd, d.access, d.flags.clone(), d.offset, key(&d.object))).collect();
        let nameless = |fd: i32| actor.descriptors.iter().any(|d| d.fd == fd && d.object.is_none());
        let there: Vec<_> =
            there.into_iter().map(|(fd, a, f, p, k)| (fd, a, f, p, k.filter(|_| !nameless(fd)))).collect();
        assert_eq!(said, there, "{who}'s descriptors");

        for mapping in &actor.mappings {
            let found = self.maps[who].iter().find(|m| m.start == mapping.start);
            let map = found.unwrap_or_else(|| panic!("{who}: {mapping:?}"));
            // Anonymous private memory has neither an offset nor an inode for the kernel: ours are not to be seen outside.
            let (anonymous, offset) = (!mapping.shared && map.ino == 0, mapping.offset);
            let said =
                (mapping.length, if anonymous { 0 } else { offset }, mapping.protection.as_str(), mapping.shared);
            assert_eq!(said, (map.end - map.start, map.offset, &map.perms[..3], map.perms.ends_with('s')), "{who}");
            if let Some(at) = key(&mapping.object).filter(|_| !anonymous) {
                assert_eq!(at, (map.dev, map.ino), "{who}: {mapping:?}");
            }
            if let Some(contents) = &mapping.contents {
                assert_eq!(*contents, outside::memory(pid, map.start, contents.len()), "{who}: {mapping:?}");
            }
        }
        let arena = |m: &Map| m.path.starts_with("/memfd:ipclab");
        let shared = self.maps[who].iter().filter(|m| m.perms.ends_with('s') && !arena(m));
        for map in shared {
            assert!(actor.mappings.iter().any(|m| m.start == map.start), "{who} has {map:?}, which is not shown");
        }
    }

    /// All descriptors and mappings that lead to an object.
    fn holders(&self, object: &Object) -> Vec<(&'a str, &Descriptor)> {
        let here = |d: &&Descriptor| (d.dev, d.ino) == (object.key.dev, object.key.ino);
        self.descriptors.iter().flat_map(|(who, all)| all.iter().filter(here).map(|d| (*who, d))).collect()
    }

    fn mapped(&self, object: &Object) -> Vec<(&'a str, &Map)> {
        let here = |m: &&Map| {
            let length = if object.facility() == "semaphore" { m.offset..m.offset + (m.end - m.start) } else { 0..1 };
            (m.dev, m.ino) == (object.key.dev, object.key.ino) && length.contains(&object.key.offset)
        };
        self.maps.iter().flat_map(|(who, all)| all.iter().filter(here).map(|m| (*who, m))).collect()
    }

    fn object(&self, object: &Object) {
        let held: BTreeSet<(&str, String)> =
            self.holders(object).iter().map(|(who, d)| (*who, d.fd.to_string())).collect();
        let mapped: BTreeSet<(&str, String)> =
            self.mapped(object).iter().map(|(who, m)| (*who, format!("{:#x}", m.start))).collect();
        let said: BTreeSet<(&str, String)> =
            object.holders.iter().filter(|h| h.role != "lock").map(|h| (h.actor.as_str(), h.handle.clone())).collect();
        let is_inside = object.key.offset > 0 || object.value("named").as_text() == Some("no");
        if is_inside {
            assert_eq!(said, mapped, "{} is held", object.name);
        } else {
            assert_eq!(said, held.union(&mapped).cloned().collect(), "{} is held", object.name);
        }
        let waiters: BTreeSet<&str> = object.waiters.iter().map(|w| w.actor.as_str()).collect();
        let sleepers =
            self.seen.actors.iter().filter(|a| a.sleep().is_some_and(|s| s.object.as_ref() == Some(&object.name)));
        assert_eq!(waiters, sleepers.map(|a| a.name.as_str()).collect(), "{} is waited for", object.name);
        for field in &object.fields {
            if field.evidence == Evidence::Hidden {
                continue;
            }
            match object.facility() {
                "pipe" | "fifo" => self.pipe(object, field),
                "mq" => self.queue(object, field),
                "shm" => self.memory(object, field),
                "semaphore" => self.semaphore(object, field),
                "file" => self.file(object, field),
                other => panic!("{other} is not compared"),
            }
        }
    }

    fn pipe(&self, object: &Object, field: &Field) {
        let ends = self.holders(object);
        let with = |access: i32| {
            let fits = |d: &Descriptor| d.flags & libc::O_ACCMODE != access && d.flags & libc::O_PATH == 0;
            ends.iter().filter(|(_, d)| fits(d)).copied().collect::<Vec<_>>()
        };
        let (readers, writers) = (with(libc::O_WRONLY), with(libc::O_RDONLY));
        let end = readers.first().or(writers.first()).map(|(who, d)| outside::borrow(self.pid(who), d.fd));
        let bytes = end.as_ref().map_or(0, outside::bytes_in);
        let capacity =
            end.as_ref().map_or(0, |e| nix::fcntl::fcntl(e, nix::fcntl::FcntlArg::F_GETPIPE_SZ).unwrap() as i64);
        let about = format!("{} {field:?}", object.name);
        match field.name.as_ref() {
            "bytes" => assert_eq!(field.value, Value::Int(bytes), "{about}"),
            "capacity" => assert_eq!(field.value, Value::Int(capacity), "{about}"),
            "slots" => assert_eq!(field.value, Value::Int(capacity / page()), "{about}"),
            "slots used" => {
                assert_eq!(field.value, Value::Int(object.value("slot bytes").as_list().len() as i64), "{about}");
            }
            "slot bytes" => {
                let sum: i64 = field.value.as_list().iter().filter_map(Value::as_int).sum();
                assert_eq!(sum, bytes, "{about}");
                assert!(field.value.as_list().len() as i64 * page() <= capacity, "{about}");
            }
            "holds" => {
                let (head, total) = field.value.as_bytes().unwrap();
                assert_eq!(total as i64, bytes, "{about}");
                if bytes > 0 {
                    let copy = tee(end.as_ref().unwrap(), capacity);
                    assert_eq!(head, &copy[..head.len()], "{about}");
                    assert_eq!(copy.len() as i64, bytes, "{about}");
                }
            }
            "readers" => assert_eq!(field.value, Value::Int(readers.len() as i64), "{about}"),
            "writers" => assert_eq!(field.value, Value::Int(writers.len() as i64), "{about}"),
            "packet" => {
                let packets = writers.iter().any(|(_, d)| d.flags & libc::O_DIRECT != 0);
                assert_eq!(field.value.as_text(), Some(if packets { "yes" } else { "no" }), "{about}");
            }
            "mode" => self.mode(object, field, &self.beneath(&object.identifier)),
            _ => panic!("{about} is not compared"),
        }
    }

    /// A path of the stage's directory, from outside.
    fn beneath(&self, path: &str) -> String {
        format!("/proc/{}/cwd/{path}", self.director)
    }

    /// The file of /dev/shm that is the object.
    fn in_shm(&self, object: &Object) -> Option<String> {
        let root = format!("/proc/{}/root/dev/shm", self.director);
        let here = |entry: &fs::DirEntry| {
            let meta = entry.metadata().unwrap();
            (meta.dev(), meta.ino()) == (object.key.dev, object.key.ino)
        };
        fs::read_dir(root).unwrap().flatten().find(here).map(|e| e.path().to_str().unwrap().to_owned())
    }

    fn mode(&self, object: &Object, field: &Field, path: &str) {
        // Another file may have the name by now.
        let same = |m: &fs::Metadata| (m.dev(), m.ino()) == (object.key.dev, object.key.ino);
        let held = || {
            let (who, d) = *self.holders(object).first().unwrap_or_else(|| panic!("{object:?}"));
            fs::metadata(format!("/proc/{}/fd/{}", self.pid(who), d.fd)).unwrap()
        };
        let mode = fs::metadata(path).ok().filter(same).unwrap_or_else(held).mode();
        assert_eq!(field.value.as_text(), Some(format!("{:04o}", mode & 0o7777).as_str()), "{}", object.name);
    }

    fn queue(&self, object: &Object, field: &Field) {
        // Without a holder only its name leads to it, and that is beyond our reach.
        let Some((who, d)) = self.holders(object).first().copied() else { return };
        let mqd = outside::borrow(self.pid(who), d.fd);
        let [maxmsg, msgsize, messages] = outside::queue(&mqd);
        let text = fs::read_to_string(format!("/proc/{}/fd/{}", self.pid(who), d.fd)).unwrap();
        let bytes: i64 = text.split_whitespace().find_map(|w| w.strip_prefix("QSIZE:")).unwrap().parse().unwrap();
        let about = format!("{} {field:?}", object.name);
        match field.name.as_ref() {
            "messages" => assert_eq!(field.value, Value::Int(messages), "{about}"),
            "maxmsg" => assert_eq!(field.value, Value::Int(maxmsg), "{about}"),
            "msgsize" => assert_eq!(field.value, Value::Int(msgsize), "{about}"),
            "bytes" => assert_eq!(field.value, Value::Int(bytes), "{about}"),
            "notify" => {
                let owner: i32 =
                    text.split_whitespace().find_map(|w| w.strip_prefix("NOTIFY_PID:")).unwrap().parse().unwrap();
                let word = field.value.as_text().unwrap().split(' ').next().unwrap();
                assert_eq!(
                    word,
                    self.seen
                        .actors
                        .iter()
                        .find(|a| a.alive() && self.pid(&a.name) == owner)
                        .map_or("nobody", |a| &a.name)
                );
            }
            "queue" => {
                assert_eq!((field.evidence, &field.note), (Evidence::Mirror, &None), "{about}");
                let sizes = field.value.as_list().iter().map(|m| m.part("data").unwrap().as_bytes().unwrap().1);
                assert_eq!((sizes.len() as i64, sizes.sum::<u64>() as i64), (messages, bytes), "{about}");
            }
            "mode" => {
                let meta = fs::metadata(format!("/proc/{}/fd/{}", self.pid(who), d.fd)).unwrap();
                assert_eq!(field.value.as_text(), Some(format!("{:04o}", meta.mode() & 0o7777).as_str()), "{about}");
            }
            _ => panic!("{about} is not compared"),
        }
    }

    /// A file that is the object, if one leads there from outside.
    fn file_of(&self, object: &Object) -> Option<fs::File> {
        let shm = self.in_shm(object);
        let held = || self.holders(object).first().map(|(who, d)| format!("/proc/{}/fd/{}", self.pid(who), d.fd));
        fs::File::open(shm.or_else(held)?).ok()
    }

    fn memory(&self, object: &Object, field: &Field) {
        let about = format!("{} {field:?}", object.name);
        let file = self.file_of(object);
        let maps = self.mapped(object);
        match field.name.as_ref() {
            "size" => match &file {
                Some(file) => assert_eq!(field.value, Value::Int(file.metadata().unwrap().len() as i64), "{about}"),
                None => assert!(field.note.is_some(), "{about}"),
            },
            "memory" => {
                let (head, total) = field.value.as_bytes().unwrap();
                if let Some(file) = &file {
                    assert_eq!(total, file.metadata().unwrap().len(), "{about}");
                    let mut bytes = vec![0; head.len()];
                    file.read_exact_at(&mut bytes, 0).unwrap();
                    assert_eq!(head, bytes, "{about}");
                } else if let Some((who, map)) = maps.iter().find(|(_, m)| m.offset == 0 && m.perms.starts_with('r')) {
                    let length = head.len().min((map.end - map.start) as usize);
                    assert_eq!(head[..length], outside::memory(self.pid(who), map.start, length), "{about}");
                }
            }
            "views" => self.views(object, field),
            "mapped" => {
                let all = self.maps.values().flatten();
                let n = all.filter(|m| (m.dev, m.ino) == (object.key.dev, object.key.ino)).count();
                assert_eq!(field.value, Value::Int(n as i64), "{about}");
            }
            "kind" => {
                let word = if self.in_shm(object).is_some() { "POSIX" } else { field.value.as_text().unwrap() };
                assert_eq!(field.value.as_text(), Some(word), "{about}");
            }
            "mode" => {
                let mode = file.unwrap().metadata().unwrap().mode() & 0o7777;
                assert_eq!(field.value.as_text(), Some(format!("{mode:04o}").as_str()), "{about}");
            }
            _ => panic!("{about} is not compared"),
        }
    }

    /// Each mapping is told once, as it is.
    fn views(&self, object: &Object, field: &Field) {
        let mut there: Vec<String> = self
            .mapped(object)
            .iter()
            .map(|(who, m)| format!("{who} {:#x} {} {} {}", m.start, m.offset, m.end - m.start, m.perms.ends_with('s')))
            .collect();
        there.sort_unstable();
        let text = |view: &Value, name: &str| view.part(name).unwrap().as_text().unwrap().to_owned();
        let int = |view: &Value, name: &str| view.part(name).unwrap().as_int().unwrap();
        let told = |view: &Value| {
            let shared = text(view, "kind") == "shared";
            let (from, bytes) = (int(view, "from"), int(view, "bytes"));
            format!("{} {} {from} {bytes} {shared}", text(view, "actor"), text(view, "at"))
        };
        let mut said: Vec<String> = field.value.as_list().iter().map(told).collect();
        said.sort_unstable();
        assert_eq!(said, there, "{} {field:?}", object.name);
    }

    fn semaphore(&self, object: &Object, field: &Field) {
        let about = format!("{} {field:?}", object.name);
        let words = match (self.in_shm(object).map(fs::File::open), self.mapped(object).first()) {
            (Some(Ok(file)), _) => {
                let mut words = vec![0; 16];
                file.read_exact_at(&mut words, object.key.offset).unwrap();
                words
            }
            (_, Some((who, map))) => outside::memory(self.pid(who), map.start + object.key.offset - map.offset, 16),
            (_, None) => Vec::new(),
        };
        let word = |at: usize| Value::Int(i32::from_ne_bytes(words[at..at + 4].try_into().unwrap()).into());
        match field.name.as_ref() {
            // The value and the number of waiters are the halves of one word of 64 bits (glibc, little-endian).
            "value" => assert_eq!(field.value, word(0), "{about}"),
            "nwaiters" => assert_eq!(field.value, word(4), "{about}"),
            "pshared" => assert_eq!(field.value, Value::Int(i64::from(word(8) != Value::Int(0))), "{about}"),
            "waiting" => {
                let sleeps = |who: &str| {
                    let Some((nr, args)) = outside::syscall(self.pid(who)) else { return false };
                    let here =
                        |(name, m): &(&str, &Map)| *name == who && m.start + object.key.offset - m.offset == args[0];
                    nr == libc::SYS_futex && self.mapped(object).iter().any(here)
                };
                let n = self.seen.actors.iter().filter(|a| a.alive() && sleeps(&a.name)).count();
                assert_eq!(field.value, Value::Int(n as i64), "{about}");
            }
            "named" => {
                let name = self.in_shm(object).is_some_and(|path| path.contains("/sem."));
                assert!(!name || field.value.as_text() == Some("yes"), "{about}");
            }
            "mode" => self.mode(object, field, &self.in_shm(object).unwrap()),
            _ => panic!("{about} is not compared"),
        }
    }

    fn file(&self, object: &Object, field: &Field) {
        let about = format!("{} {field:?}", object.name);
        let named = fs::File::open(self.beneath(&object.identifier)).ok();
        let same = |f: &fs::File| f.metadata().is_ok_and(|m| (m.dev(), m.ino()) == (object.key.dev, object.key.ino));
        let file = named.filter(same).or_else(|| self.file_of(object));
        match field.name.as_ref() {
            "size" => assert_eq!(field.value, Value::Int(file.unwrap().metadata().unwrap().len() as i64), "{about}"),
            "holds" => {
                let (head, total) = field.value.as_bytes().unwrap();
                let mut bytes = vec![0; head.len()];
                let file = file.unwrap();
                file.read_exact_at(&mut bytes, 0).unwrap();
                assert_eq!((head, total), (&bytes[..], file.metadata().unwrap().len()), "{about}");
            }
            "mode" => self.mode(object, field, &self.beneath(&object.identifier)),
            "locks" => self.locks(object, field),
            "views" => self.views(object, field),
            _ => panic!("{about} is not compared"),
        }
    }

    fn locks(&self, object: &Object, field: &Field) {
        type Shape = (String, bool, u64, Option<u64>);
        let here = |l: &outside::Lock| (l.dev, l.ino) == (object.key.dev, object.key.ino);
        let table: Vec<outside::Lock> = outside::locks().into_iter().filter(here).collect();
        let mut held: BTreeMap<Shape, (usize, BTreeSet<String>)> = BTreeMap::new();
        for lock in table.iter().filter(|l| !l.waits) {
            let (count, owners) = held.entry(lock.shape()).or_default();
            *count += 1;
            if lock.kind == "POSIX" {
                owners.insert(self.name(lock.pid));
            }
        }
        for (who, d) in self.holders(object) {
            for lock in d.locks.iter().filter(|l| l.kind != "POSIX") {
                held.get_mut(&lock.shape()).unwrap().1.insert(who.to_owned());
            }
        }
        let mut waits: Vec<(Shape, Option<String>)> = Vec::new();
        for lock in table.iter().filter(|l| l.waits) {
            waits.push((lock.shape(), (lock.pid > 0).then(|| self.name(lock.pid))));
        }
        let part = |value: &Value, kind: &str| {
            let int = |p: &str| value.part(p).unwrap().as_int();
            let write = value.part("mode").unwrap().as_text() == Some("write");
            let kind = match kind {
                "posix" => "POSIX",
                "ofd" => "OFDLCK",
                _ => "FLOCK",
            };
            (kind.to_owned(), write, int("start").unwrap() as u64, int("end").map(|end| end as u64 - 1))
        };
        let mut said: BTreeMap<Shape, (usize, BTreeSet<String>)> = BTreeMap::new();
        let mut waiting = Vec::new();
        for lock in field.value.as_list() {
            let kind = lock.part("kind").unwrap().as_text().unwrap();
            let (count, owners) = said.entry(part(lock, kind)).or_default();
            *count += 1;
            owners.extend(lock.part("owner").unwrap().as_text().unwrap().split(", ").map(str::to_owned));
            for wait in lock.part("waits").unwrap().as_list() {
                let actor = wait.part("actor").unwrap().as_text().unwrap().to_owned();
                let kind = wait.part("kind").unwrap().as_text().unwrap();
                waiting.push((part(wait, kind), actor));
            }
        }
        assert_eq!(said, held, "{}", object.name);
        for (shape, who) in waits {
            let fits = |(s, w): &(Shape, String)| *s == shape && who.as_ref().is_none_or(|who| who == w);
            let at =
                waiting.iter().position(fits).unwrap_or_else(|| panic!("{shape:?} {who:?} is not shown: {waiting:?}"));
            waiting.remove(at);
        }
        assert!(waiting.is_empty(), "only shown: {waiting:?}");
    }

    /// Whatever the actors hold, and what has a name in the stage's directories, is an object on stage.
    fn nothing_is_missing(&self) {
        let known = |dev: u64, ino: u64| self.seen.objects.iter().any(|o| (o.key.dev, o.key.ino) == (dev, ino));
        for (who, d) in self.descriptors.iter().flat_map(|(who, all)| all.iter().map(move |d| (who, d))) {
            assert!(known(d.dev, d.ino), "{who} has {d:?}, which is not on stage");
        }
        for entry in fs::read_dir(self.beneath(".")).unwrap().flatten() {
            let meta = entry.metadata().unwrap();
            assert!(meta.is_dir() || known(meta.dev(), meta.ino()), "{entry:?} is not on stage");
        }
    }
}

fn page() -> i64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap()
}

fn signal_name(number: i32) -> String {
    nix::sys::signal::Signal::try_from(number).map_or_else(|_| number.to_string(), |s| s.as_str().to_owned())
}

/// A copy of what a pipe holds.
fn tee(from: &std::os::fd::OwnedFd, capacity: i64) -> Vec<u8> {
    let (mut out, into) = std::io::pipe().unwrap();
    nix::fcntl::fcntl(&into, nix::fcntl::FcntlArg::F_SETPIPE_SZ(capacity as i32)).unwrap();
    let flags = nix::fcntl::SpliceFFlags::SPLICE_F_NONBLOCK;
    let n = nix::fcntl::tee(from, &into, capacity as usize, flags).unwrap();
    let mut bytes = vec![0; n];
    out.read_exact(&mut bytes).unwrap();
    bytes
}

/// Plays a script and compares after each statement.
fn compare(name: &str) {
    for shared in [false, true] {
        let mut play = Play::open(shared);
        let stage = play.stage().process();
        for line in scripts::statements(name) {
            let report = play.line(&line);
            assert!(report.ok(), "{line}: {:?}", report.outcome);
            Moment::look(stage, &report.snapshot).check();
        }
    }
}

#[test]
fn pipes_and_processes() {
    compare("pipes_and_processes");
}

#[test]
fn fifos() {
    compare("fifos");
}

#[test]
fn queues() {
    compare("queues");
}

#[test]
fn memory() {
    compare("memory");
}

#[test]
fn semaphores() {
    compare("semaphores");
}

#[test]
fn locks() {
    compare("locks");
}

#[test]
fn signals() {
    compare("signals");
}

#[test]
fn in_and_out_within_one_order() {
    compare("in_and_out_within_one_order");
}

#[test]
fn strangers() {
    let play = Play::open(false);
    if !play.stage().info().capabilities.iter().any(|c| c == "stranger") {
        common::left_out("this stage lacks strangers");
        return;
    }
    compare("strangers");
}

/// A walk of so many steps from a seed, with a comparison after each.
fn walk(seed: u64, steps: usize, shared: bool) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut pick = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % n
    };
    let mut play = Play::open(shared);
    let begin = "spawn a\nspawn b\nspawn c\na: umask 0\nb: umask 0\nc: umask 0";
    play.run(begin);
    let mut told = vec![begin.to_owned()];
    for _ in 0..steps {
        let mut line = String::new();
        let mut rest = steps::STEPS[pick(steps::STEPS.len())];
        while let Some(at) = rest.find(['@', '$']) {
            line.push_str(&rest[..at]);
            let (all, length): (&[&str], usize) = match &rest[at..] {
                r if r.starts_with('@') => (&["a", "b", "c", "d"], 1),
                r if r.starts_with("$f") => (&["f", "g"], 2),
                r if r.starts_with("$n") => (&["notes", "book", "box"], 2),
                r if r.starts_with("$h") => (&["f", "g", "f", "p.r", "p.w", "k.r", "k.w"], 2),
                r if r.starts_with("$p") => (&["p", "k"], 2),
                r if r.starts_with("$q") => (&["q", "qq"], 2),
                r if r.starts_with("$b") => (&["board", "desk"], 2),
                r if r.starts_with("$m") => (&["m", "n"], 2),
                r if r.starts_with("$v") => (&["v", "w"], 2),
                r if r.starts_with("$x") => (&["$x"], 2),
                r if r.starts_with("$s") => (&["s", "t"], 2),
                r => panic!("{r}"),
            };
            line.push_str(all[pick(all.len())]);
            rest = &rest[at + length..];
        }
        line.push_str(rest);
        told.push(line.clone());
        let stage = play.stage().process();
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let report = play.line(&line);
            Moment::look(stage, &report.snapshot).check();
        }));
        assert!(checked.is_ok(), "seed {seed}, shared {shared}:\n{}", told.join("\n"));
    }
}

#[test]
fn random_walks() {
    let rounds: u64 = std::env::var("IPCLAB_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let first: u64 = std::env::var("IPCLAB_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for seed in first..first + rounds {
        walk(seed, 60, seed % 2 == 0);
    }
}

//! Actors: kernel tasks that take our orders.

use serde::{Deserialize, Serialize};

use super::{Call, Job, Signals, Word};

/// An actor at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Our name for it: `alice`.
    pub name: String,
    /// Its process id, in the stage's pid namespace where it has one.
    pub pid: i32,
    /// Its own id as a task: that of the process, unless it is a further thread.
    pub tid: i32,
    /// The actor that was the first of its process, if it is a further thread: descriptors, mappings and dispositions
    /// stand on that one's card alone.
    pub thread_of: Option<String>,
    /// Its effective user id.
    pub uid: u32,
    /// Our name of the actor that forked it; `None` if the director did.
    pub parent: Option<String>,
    /// The host on which it lives; `None`: on the stage's own ground.
    pub host: Option<String>,
    /// What it is doing.
    pub state: ActorState,
    /// Its open descriptors, lowest first, without those that are ours.
    pub descriptors: Vec<Descriptor>,
    /// The mappings that the learner made, lowest address first.
    pub mappings: Vec<Mapping>,
    /// Its `$` variables as the actor said them, by name; values as the language prints them.
    pub variables: Vec<(String, String)>,
    /// What the C library keeps of its standard output, as the actor said it; `None` before it printed anything.
    pub stdout: Option<Stdout>,
    /// Its process group and session.
    pub job: Job,
    /// Its signals; `None` as long as all of that is as in a fresh process.
    pub signals: Option<Signals>,
    /// How it is scheduled; `None` as long as no call has asked about that.
    pub scheduling: Option<Scheduling>,
    /// The program that it holds back, if any.
    pub program: Option<Program>,
    /// Its last finished call.
    pub last: Option<Call>,
    /// How many calls it has finished.
    pub finished: u64,
    /// How many records its ring had to drop.
    pub dropped: u64,
}

/// The C library's buffer of standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stdout {
    /// What was printed and not written yet, oldest first.
    pub holds: Vec<u8>,
    /// When it is written: `line` with each line, `block` when the buffer is full, `unbuffered` at once.
    pub buffering: String,
}

impl Stdout {
    /// When it writes, in words.
    pub fn words(&self) -> &'static str {
        match self.buffering.as_str() {
            "line" => "buffered by lines",
            "block" => "buffered by blocks",
            _ => "unbuffered",
        }
    }
}

/// How the kernel schedules an actor. All of it was read from the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduling {
    /// The policy's C name: `SCHED_OTHER`.
    pub policy: String,
    /// The realtime priority; 0 where the policy has none.
    pub priority: i64,
    /// The niceness.
    pub nice: i64,
    /// The processors that it may run on, as the kernel lists them: `0-1`.
    pub cpus: String,
    /// The processor time that it has used, in ns.
    pub cpu_ns: u64,
    /// How often it gave its processor up by itself, to sleep.
    pub voluntary: u64,
    /// How often its processor was taken away.
    pub involuntary: u64,
}

/// What an actor is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorState {
    /// It waits for our order.
    Idle,
    /// It is asleep in a call, and the kernel confirms it.
    Asleep(Sleep),
    /// It runs: in a call that has not been seen asleep, or freely.
    Running {
        /// How many rounds of a `repeat` or `go` are done, and of how many (`None`: forever).
        progress: Option<(u64, Option<u64>)>,
    },
    /// A signal has stopped it.
    Stopped {
        /// The signal's name, such as `SIGSTOP`.
        signal: String,
    },
    /// It has ended; its parent has not waited for it.
    Zombie(Death),
    /// It has ended and is gone.
    Dead(Death),
}

/// How an actor ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Death {
    /// It called exit with this status.
    Exited(i32),
    /// A signal of this name killed it.
    Killed(String),
    /// It was a thread, and has left this to whoever joins it; its process goes on.
    Left(i64),
    /// It was a thread, and its process has started a program afresh.
    Replaced,
}

/// A call in which an actor sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sleep {
    /// The manual's name of the call: `read`, `sem_wait`.
    pub verb: Word,
    /// Its arguments in the manner of strace: `3, …, 100`.
    pub args: String,
    /// The name of the object on which it sleeps, if it sleeps on one.
    pub object: Option<String>,
    /// Further objects, where any one of several can end the sleep.
    pub also: Vec<String>,
    /// What it waits to do: `read`, `write`, `open`, `lock`, `decrease`, `time`, `child`.
    pub direction: Word,
    /// CLOCK_MONOTONIC at the call's entry, in ns since the stage opened.
    pub since_ns: u64,
    /// When a timed call gives up, on the same clock.
    pub deadline_ns: Option<u64>,
    /// The number of the system call that the kernel reports.
    pub syscall: i64,
    /// How often a handler has run meanwhile, after which the call was started again.
    pub restarts: u64,
}

/// One open descriptor of an actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Its number.
    pub fd: i32,
    /// The actor's variables that stand for this number: `p.r`.
    pub names: Vec<String>,
    /// The object that it leads to, by its name on stage.
    pub object: Option<String>,
    /// What it may be used for.
    pub access: Access,
    /// Status and descriptor flags that are set, by their C names: `O_NONBLOCK`, `FD_CLOEXEC`.
    pub flags: Vec<String>,
    /// The file offset of its open file description.
    pub offset: u64,
}

/// The access mode of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// O_RDONLY.
    Read,
    /// O_WRONLY.
    Write,
    /// O_RDWR.
    Both,
}

impl Access {
    /// Whether it may be read from.
    pub const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Both)
    }

    /// Whether it may be written to.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }
}

/// One mapping of an actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The actor's variables that stand for its address.
    pub names: Vec<String>,
    /// Where it begins in the actor's address space.
    pub start: u64,
    /// Its length in bytes, a multiple of the page size.
    pub length: u64,
    /// Where in the object it begins, in bytes.
    pub offset: u64,
    /// Protection as /proc shows it, without the last letter: `rw-`.
    pub protection: String,
    /// MAP_SHARED rather than MAP_PRIVATE.
    pub shared: bool,
    /// The object that it shows, by its name on stage; `None` for private anonymous memory.
    pub object: Option<String>,
    /// For a private mapping, the first bytes as this actor sees them.
    pub contents: Option<Vec<u8>>,
    /// For a private mapping, which of its pages are copies.
    pub copies: Option<Copies>,
}

/// How many pages of a private mapping are copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Copies {
    /// The kernel tells of each page.
    Counted {
        /// Copies that no other process uses.
        own: u64,
        /// Copies that relatives use too, until one of them stores there.
        inherited: u64,
        /// Where a mapping is too long to look at all of it: how many pages were looked at, from the first on.
        of_first: Option<u64>,
    },
    /// It does not tell us, for this reason.
    Hidden(String),
}

/// A program that an actor holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its lines, as printed.
    pub lines: Vec<String>,
    /// The line that `step` gives next, from 0; equal to the length when all are given.
    pub next: usize,
}

impl Sleep {
    /// The objects on which it sleeps: `p`, or `p, q` where any of them can end it.
    pub fn on(&self) -> Option<String> {
        let mut on = self.object.clone()?;
        for name in &self.also {
            on.push_str(", ");
            on.push_str(name);
        }
        Some(on)
    }

    /// Whether it sleeps on this object, be it among others.
    pub fn sleeps_on(&self, object: &str) -> bool {
        self.object.iter().chain(&self.also).any(|name| name == object)
    }
}

impl Scheduling {
    /// The numbers of the processors that it may run on.
    pub fn processors(&self) -> Vec<i64> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse::<i64>().ok()?..=last.trim().parse::<i64>().ok()?)
        };
        self.cpus.split(',').filter_map(range).flatten().collect()
    }

    /// Its parts in words.
    pub fn parts(&self) -> Vec<String> {
        let policy = match self.priority {
            0 => self.policy.clone(),
            n => format!("{} priority {n}", self.policy),
        };
        let nice = (self.nice != 0).then(|| format!("nice {}", self.nice));
        let rest = [
            format!("processors {}", self.cpus),
            format!("ran {}.{:03} s", self.cpu_ns / 1_000_000_000, self.cpu_ns / 1_000_000 % 1000),
            format!("gave up its processor {} times", self.voluntary),
            format!("lost it {} times", self.involuntary),
        ];
        [policy].into_iter().chain(nice).chain(rest).collect()
    }
}

impl Actor {
    /// The call in which it sleeps, if it does.
    pub const fn sleep(&self) -> Option<&Sleep> {
        if let ActorState::Asleep(sleep) = &self.state { Some(sleep) } else { None }
    }

    /// Whether it has not ended.
    pub const fn alive(&self) -> bool {
        !matches!(self.state, ActorState::Zombie(_) | ActorState::Dead(_))
    }
}

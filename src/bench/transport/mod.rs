//! The facilities as ways to carry messages from one process to another: one file a facility, each a [`Transport`].

mod ends;
mod eventfd;
mod fifo;
mod futex;
mod mq;
mod pipe;
mod pty;
mod ring;
mod semaphore;
mod signal;
mod spin;
mod sysv_mq;
mod sysv_sem;
mod tcp;
mod udp;
mod unix;

use std::fmt;

use super::control::Control;
use super::plan::{Kind, Placement, Step};
use super::rounds;
use crate::kernel::Errno;
use crate::kernel::letter::Letter;

/// Which of the two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The one that begins, and reads the clock.
    Asks,
    /// The one that answers, or takes what comes.
    Answers,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Asks, Self::Answers];

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// What a transport is opened for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    /// Bytes of a message.
    pub(super) size: usize,
    /// Whether messages follow each other without answers, so that somebody must see to it that none is overwritten.
    pub(super) flow: bool,
    /// Where the processes run.
    pub(super) placement: Placement,
}

impl Setup {
    fn of(step: &Step) -> Self {
        Self { size: step.size as usize, flow: step.kind == Kind::Throughput, placement: step.placement }
    }
}

/// Why a measurement came to no figures, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble(pub(super) String);

impl Trouble {
    pub(super) fn new(call: &str, errno: Errno) -> Self {
        Self(format!("{call} failed: {errno:?} ({})", errno.desc()))
    }

    /// The same with what the size has to do with it, if that can be the reason.
    pub(super) fn limited(call: &str, errno: Errno, limit: impl fmt::Display) -> Self {
        let Self(words) = Self::new(call, errno);
        if matches!(errno, Errno::EMSGSIZE | Errno::EINVAL) { Self(format!("{words}: {limit}")) } else { Self(words) }
    }
}

type Result<T, E = Trouble> = std::result::Result<T, E>;

/// A call that failed, so that it can be named.
trait On<T> {
    fn on(self, call: &str) -> Result<T>;
}

impl<T> On<T> for std::result::Result<T, Errno> {
    fn on(self, call: &str) -> Result<T> {
        self.map_err(|errno| Trouble::new(call, errno))
    }
}

impl<T> On<T> for std::io::Result<T> {
    fn on(self, call: &str) -> Result<T> {
        self.map_err(|error| Trouble(format!("{call} failed: {error}")))
    }
}

/// A facility that carries messages both ways between two processes.
///
/// Objects are made before the processes are forked, and lose their names at once, so that nothing is left of them when
/// the processes are gone, however they go. What has no descriptor is removed when the keeper drops it.
pub(super) trait Transport: Sized {
    /// Whether a message may be lost without anybody being told.
    const LOSSY: bool = false;
    /// The call that sends, for messages.
    const SENDS: &'static str;
    /// The call that receives.
    const RECEIVES: &'static str;

    /// Makes the objects, all ends of them.
    fn open(setup: &Setup) -> Result<Self>;

    /// Called in each process: from now on this one is that side, and `peer` the other's pid.
    fn take(&mut self, side: Side, peer: i32);

    /// Sends a whole message, and waits while there is no room for it.
    fn send(&mut self, letter: &mut Letter) -> Result<(), Errno>;

    /// Receives what there is, but no more than is left of the letter behind its first `from` bytes, which were received
    /// before; waits while there is nothing. Gives how many bytes; what keeps boundaries gives a whole message.
    fn receive(&mut self, letter: &mut Letter, from: usize) -> Result<usize, Errno>;

    /// What limits the size of a message, for when one is refused.
    fn limit() -> String {
        "the facility takes no message of this size".to_owned()
    }
}

/// What the two processes live for.
pub(super) type Life<'a> = Box<dyn FnMut(Side, i32) -> Result<()> + 'a>;

/// A facility that can be measured.
pub struct Subject {
    /// Its id on the command line and in all that is kept.
    pub id: &'static str,
    /// Its name.
    pub title: &'static str,
    /// What stands between the processes: a few words for the table.
    pub about: &'static str,
    /// Whether data passes through the kernel: two copies and two system calls each way.
    pub copies: bool,
    prepare: for<'a> fn(&Step, &'a Control, u64) -> Result<Life<'a>>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Subject {
    /// Makes the objects, and gives the life of the two processes. Dropping that removes what they don't.
    pub(super) fn prepare<'a>(&self, step: &Step, control: &'a Control, budget_ns: u64) -> Result<Life<'a>> {
        (self.prepare)(step, control, budget_ns)
    }
}

fn prepare<'a, T: Transport + 'static>(step: &Step, control: &'a Control, budget_ns: u64) -> Result<Life<'a>> {
    let mut transport = T::open(&Setup::of(step))?;
    let (kind, size) = (step.kind, step.size as usize);
    Ok(Box::new(move |side, peer| {
        transport.take(side, peer);
        rounds::live(&mut transport, kind, size, side, control, budget_ns)
    }))
}

const fn copied<T: Transport + 'static>(id: &'static str, title: &'static str, about: &'static str) -> Subject {
    Subject { id, title, about, copies: true, prepare: prepare::<T> }
}

const fn shared<T: Transport + 'static>(id: &'static str, title: &'static str, about: &'static str) -> Subject {
    Subject { id, title, about, copies: false, prepare: prepare::<T> }
}

/// All of them, in the order of tables.
pub const ALL: &[Subject] = &[
    copied::<pipe::Pipe>("pipe", "pipe", "write and read; 16 pages of buffer"),
    copied::<fifo::Fifo>("fifo", "FIFO", "a pipe with a name"),
    copied::<unix::Stream>("unix-stream", "UNIX stream", "a socket pair, bytes"),
    copied::<unix::Datagram>("unix-datagram", "UNIX datagram", "a socket pair, messages"),
    copied::<unix::Seqpacket>("unix-seqpacket", "UNIX seqpacket", "a socket pair, messages, connected"),
    copied::<tcp::Tcp>("tcp", "TCP", "loopback, TCP_NODELAY"),
    copied::<udp::Udp>("udp", "UDP", "loopback; what finds no room is lost"),
    copied::<mq::Queue>("mq", "POSIX queue", "mq_send and mq_receive; 10 messages"),
    copied::<sysv_mq::Queue>("sysv-mq", "System V queue", "msgsnd and msgrcv, by type"),
    copied::<pty::Pty>("pty", "pseudoterminal", "master and slave, raw"),
    shared::<spin::Spin>("shm-spin", "shared memory, spinning", "nobody sleeps; on one core with sched_yield"),
    shared::<ring::Ring<semaphore::Bells>>(
        "shm-semaphore",
        "shared memory, semaphore",
        "POSIX semaphores tell of news",
    ),
    shared::<ring::Ring<futex::Bells>>("shm-futex", "shared memory, futex", "a word, and a futex where one must sleep"),
    shared::<ring::Ring<eventfd::Bells>>(
        "shm-eventfd",
        "shared memory, eventfd",
        "a counter in the kernel tells of news",
    ),
    shared::<ring::Ring<sysv_sem::Bells>>("shm-sysv-sem", "shared memory, System V semaphore", "semop tells of news"),
    shared::<ring::Ring<signal::Bells>>("shm-signal", "shared memory, signal", "kill and sigwaitinfo tell of news"),
];

/// The facility with this id.
pub fn subject(id: &str) -> Option<&'static Subject> {
    ALL.iter().find(|subject| subject.id == id)
}

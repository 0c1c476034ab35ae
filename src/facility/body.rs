//! The lasting part of an actor, which all its calls work on.

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::perform::Made;
use crate::kernel::arena::{Arena, Writer};

/// How many things that one order made are told; the stage finds the others by itself.
const MADE_MAX: usize = 500;

/// The lasting part of an actor that its calls work on.
#[derive(Debug)]
pub struct Body {
    /// Its names and variables.
    pub names: Names,
    /// The shared arena.
    pub arena: Arena,
    /// The number of its slot there.
    pub slot: u32,
    /// The writing end of that slot.
    pub writer: Writer,
    /// Its control socket, above all of the learner's descriptors.
    pub socket: i32,
    /// What a child that this order forks will live with: its control socket and its slot.
    pub seat: Option<(i32, u32)>,
    /// A descriptor, above all of the learner's, of the stage's directory: paths are resolved beneath it.
    pub directory: i32,
    /// What stands before POSIX names in shared mode: `ipclab-1234-`; empty when isolated.
    pub tag: String,
    /// The number of the order that is being carried out.
    pub order: u32,
    /// How many calls it has entered: the next one's sequence number.
    pub calls: u64,
    /// What the calls of this order made.
    pub made: Vec<Made>,
    /// The actors that the order names.
    pub peers: Vec<Peer>,
    /// Result and errno of the last call, not yet in `$ret` and `$errno`: a free run has no use for them each round.
    pub result: Option<(i64, i32)>,
    /// The addresses of the hosts that the order names.
    pub hosts: Vec<HostAddress>,
    /// Set when the process has become another one by fork, for the loop to notice.
    pub forked: bool,
    /// Set when the thread shall end, with what it leaves, for the loop to notice.
    pub leaves: Option<u64>,
    /// Whether nobody can join the thread.
    pub detached: bool,
    /// What a thread that it makes does: it takes orders like any actor until it ends, and gives what it leaves.
    pub life: fn(Self) -> u64,
}

impl Body {
    /// Remembers what a call made. Rounds of a repeat make the same again, and only the last one can be there.
    pub(super) fn made(&mut self, made: Made) {
        self.made.retain(|before| *before != made);
        if self.made.len() >= MADE_MAX {
            self.made.remove(0);
        }
        self.made.push(made);
    }
}

impl Body {
    /// Brings `$ret` and `$errno` up to date, before anybody asks for them.
    pub fn settle_result(&mut self) {
        if let Some((ret, errno)) = self.result.take() {
            self.names.set_result(ret, errno);
        }
    }
}

/// A host's name, and where in the network it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAddress {
    /// Its name.
    pub name: String,
    /// Its address of IPv4.
    pub v4: std::net::Ipv4Addr,
    /// Its address of IPv6.
    pub v6: std::net::Ipv6Addr,
}

/// Another actor, as the kernel and the C library know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its name on stage.
    pub name: String,
    /// Its process.
    pub pid: i32,
    /// Its thread.
    pub thread: Thread,
    /// Whether it is a thread of the process that the order is given to.
    pub same_process: bool,
}

/// A thread, as the kernel and its own process know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Thread {
    /// Its id: that of the process for its first thread.
    pub tid: i32,
    /// Its `pthread_t`, which means something inside its process only.
    pub handle: u64,
    /// Whether nobody can join it.
    pub detached: bool,
}

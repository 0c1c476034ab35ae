//! Realtime signals, blocked and waited for. Each is queued, so none is lost as standard ones would be.

use super::ring::{self, BELLS};
use super::{On, Trouble};
use crate::kernel::Errno;
use crate::kernel::process::kill;
use crate::kernel::signal::{sigprocmask, sigwaitinfo};

pub(super) struct Bells {
    peer: i32,
    first: i32,
}

impl ring::Bells for Bells {
    const RINGS: &'static str = "kill";
    const WAITS: &'static str = "sigwaitinfo";

    fn new() -> Result<Self, Trouble> {
        let first = libc::SIGRTMIN();
        let all = (0..BELLS as i32).fold(0, |set, bell| set | bit(first + bell));
        // Before the fork: a signal that comes before its receiver is ready must wait, not kill.
        sigprocmask(libc::SIG_BLOCK, Some(all)).on("sigprocmask")?;
        Ok(Self { peer: 0, first })
    }

    fn take(&mut self, peer: i32) {
        self.peer = peer;
    }

    #[inline]
    fn ring(&mut self, bell: usize) -> Result<(), Errno> {
        kill(self.peer, self.first + bell as i32)
    }

    #[inline]
    fn wait(&mut self, bell: usize) -> Result<u64, Errno> {
        sigwaitinfo(bit(self.first + bell as i32), None).map(|_| 1)
    }
}

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

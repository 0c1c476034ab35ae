//! Words in shared memory, and a futex for whoever finds nothing in them: a system call only where somebody sleeps.

use std::sync::atomic::Ordering;

use super::ring::{self, BELLS};
use super::{On, Trouble};
use crate::kernel::shared::Shared;
use crate::kernel::{Errno, futex};

/// Each bell has a line of the cache for how often it was rung, and the next for whether somebody sleeps.
const APART: usize = 128;
const SLEEPER: usize = 64;

pub(super) struct Bells(Shared);

impl ring::Bells for Bells {
    const RINGS: &'static str = "futex";
    const WAITS: &'static str = "futex";

    fn new() -> Result<Self, Trouble> {
        Shared::new(BELLS * APART).on("mmap").map(Self)
    }

    #[inline]
    fn ring(&mut self, bell: usize) -> Result<(), Errno> {
        let rung = self.0.word32(bell * APART);
        // All accesses are in one order, so that either we see the sleeper or it sees the ring.
        rung.fetch_add(1, Ordering::SeqCst);
        if self.0.word32(bell * APART + SLEEPER).load(Ordering::SeqCst) != 0 {
            futex::wake(rung, 1);
        }
        Ok(())
    }

    #[inline]
    fn wait(&mut self, bell: usize) -> Result<u64, Errno> {
        let (rung, sleeper) = (self.0.word32(bell * APART), self.0.word32(bell * APART + SLEEPER));
        let taken = rung.swap(0, Ordering::SeqCst);
        if taken != 0 {
            return Ok(taken.into());
        }
        sleeper.store(1, Ordering::SeqCst);
        loop {
            let taken = rung.swap(0, Ordering::SeqCst);
            if taken != 0 {
                sleeper.store(0, Ordering::SeqCst);
                return Ok(taken.into());
            }
            match futex::wait(rung, 0, None) {
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

//! Counters in the kernel: each ring and each wait is a system call, but a wait takes all that was rung.

use std::os::fd::{AsRawFd, OwnedFd};

use super::ring::{self, BELLS};
use super::{On, Trouble};
use crate::kernel::counted::eventfd;
use crate::kernel::{Errno, fd};

pub(super) struct Bells([OwnedFd; BELLS]);

impl ring::Bells for Bells {
    const RINGS: &'static str = "write";
    const WAITS: &'static str = "read";

    fn new() -> Result<Self, Trouble> {
        let counter = || fd::adopt_fd(eventfd(0, libc::EFD_CLOEXEC).on("eventfd")?).on("eventfd");
        Ok(Self([counter()?, counter()?, counter()?, counter()?]))
    }

    #[inline]
    fn ring(&mut self, bell: usize) -> Result<(), Errno> {
        fd::write(self.0[bell].as_raw_fd(), &1_u64.to_ne_bytes()).map(drop)
    }

    #[inline]
    fn wait(&mut self, bell: usize) -> Result<u64, Errno> {
        let mut count = [0; 8];
        fd::read(self.0[bell].as_raw_fd(), &mut count)?;
        Ok(u64::from_ne_bytes(count))
    }
}

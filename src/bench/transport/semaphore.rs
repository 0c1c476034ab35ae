//! POSIX semaphores in shared memory: a system call only where somebody sleeps.

use super::ring::{self, BELLS};
use super::{On, Trouble};
use crate::kernel::Errno;
use crate::kernel::sem::{SEM_SIZE, sem_init, sem_post, sem_wait};
use crate::kernel::shared::Shared;

/// Far enough apart to lie in cache lines of their own.
const APART: usize = 128;

pub(super) struct Bells {
    _area: Shared,
    addresses: [u64; BELLS],
}

impl ring::Bells for Bells {
    const RINGS: &'static str = "sem_post";
    const WAITS: &'static str = "sem_wait";

    fn new() -> Result<Self, Trouble> {
        let area = Shared::new(BELLS * APART).on("mmap")?;
        let mut addresses = [0; BELLS];
        for (bell, address) in addresses.iter_mut().enumerate() {
            *address = area.address(bell * APART, SEM_SIZE);
            sem_init(*address, true, 0).on("sem_init")?;
        }
        Ok(Self { _area: area, addresses })
    }

    #[inline]
    fn ring(&mut self, bell: usize) -> Result<(), Errno> {
        sem_post(self.addresses[bell])
    }

    #[inline]
    fn wait(&mut self, bell: usize) -> Result<u64, Errno> {
        sem_wait(self.addresses[bell]).map(|()| 1)
    }
}

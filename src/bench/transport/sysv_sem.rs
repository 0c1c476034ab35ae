//! A set of System V semaphores: each ring and each wait is a system call. The keeper removes it.

use super::ring::{self, BELLS};
use super::{On, Trouble};
use crate::kernel::Errno;
use crate::kernel::sysv::{Kind, Operation, remove, semget, semop_one};

pub(super) struct Bells(i32);

const fn add(bell: usize, amount: i16) -> Operation {
    Operation { number: bell as u16, amount, flags: 0 }
}

impl ring::Bells for Bells {
    const RINGS: &'static str = "semop";
    const WAITS: &'static str = "semop";

    fn new() -> Result<Self, Trouble> {
        semget(libc::IPC_PRIVATE, BELLS as i32, 0o600).on("semget").map(Self)
    }

    #[inline]
    fn ring(&mut self, bell: usize) -> Result<(), Errno> {
        semop_one(self.0, add(bell, 1))
    }

    #[inline]
    fn wait(&mut self, bell: usize) -> Result<u64, Errno> {
        semop_one(self.0, add(bell, -1)).map(|()| 1)
    }
}

impl Drop for Bells {
    /// In the keeper only: the two processes end without dropping anything.
    fn drop(&mut self) {
        let _ = remove(Kind::Semaphores, self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::ring::Bells as _;
    use super::*;
    use crate::kernel::sysv::set_of;

    #[test]
    fn nothing_is_left() {
        let bells = Bells::new().unwrap();
        let id = bells.0;
        assert!(set_of(id).is_some());
        drop(bells);
        assert_eq!(set_of(id), None);
    }
}

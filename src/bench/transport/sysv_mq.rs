//! One System V message queue; the type says for whom a message is. It has no descriptor and no name, and outlives
//! everybody: the keeper removes it.

use super::{On, Setup, Side, Transport, Trouble};
use crate::kernel::Errno;
use crate::kernel::letter::Letter;
use crate::kernel::sysv::{Kind, msgget, remove};

pub(super) struct Queue {
    id: i32,
    sends: i64,
    takes: i64,
}

impl Transport for Queue {
    const SENDS: &'static str = "msgsnd";
    const RECEIVES: &'static str = "msgrcv";

    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        Ok(Self { id: msgget(libc::IPC_PRIVATE, 0o600).on("msgget")?, sends: 1, takes: 1 })
    }

    fn take(&mut self, side: Side, _peer: i32) {
        (self.sends, self.takes) = match side {
            Side::Asks => (1, 2),
            Side::Answers => (2, 1),
        };
    }

    #[inline]
    fn send(&mut self, letter: &mut Letter) -> Result<(), Errno> {
        letter.msgsnd(self.id, self.sends)
    }

    #[inline]
    fn receive(&mut self, letter: &mut Letter, _from: usize) -> Result<usize, Errno> {
        letter.msgrcv(self.id, self.takes)
    }

    fn limit() -> String {
        let most = std::fs::read_to_string("/proc/sys/kernel/msgmax").unwrap_or_default();
        format!("a message has at most so many bytes (kernel.msgmax is {})", most.trim())
    }
}

impl Drop for Queue {
    /// In the keeper only: the two processes end without dropping anything.
    fn drop(&mut self) {
        let _ = remove(Kind::Queues, self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plan::Placement;
    use crate::kernel::sysv::queue_of;

    #[test]
    fn nothing_is_left() {
        let queue = Queue::open(&Setup { size: 1, flow: false, placement: Placement::SameCore }).unwrap();
        let id = queue.id;
        assert!(queue_of(id).is_some());
        drop(queue);
        assert_eq!(queue_of(id), None);
    }
}

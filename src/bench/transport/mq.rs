//! Two POSIX message queues, one for each direction. Their names are gone before anything is measured.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{On, Setup, Side, Transport, Trouble};
use crate::kernel::letter::Letter;
use crate::kernel::mq::{MqAttr, mq_open, mq_receive, mq_send, mq_unlink};
use crate::kernel::{Errno, fd};

/// As many messages as an ordinary user may let a queue hold.
const MESSAGES: i64 = 10;

pub(super) struct Queue {
    queues: [OwnedFd; 2],
    input: i32,
    output: i32,
}

fn queue(size: usize) -> Result<OwnedFd, Trouble> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = CString::new(format!("/ipclab-bench-{}-{number}", std::process::id())).unwrap_or_default();
    let attr = MqAttr { maxmsg: MESSAGES, msgsize: size as i64, ..MqAttr::default() };
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC;
    let opened = mq_open(&name, flags, 0o600, Some(attr));
    let _ = mq_unlink(&name);
    let opened = opened.map_err(|errno| Trouble::limited("mq_open", errno, Queue::limit()))?;
    fd::adopt_fd(opened).on("mq_open")
}

impl Transport for Queue {
    const SENDS: &'static str = "mq_send";
    const RECEIVES: &'static str = "mq_receive";

    fn open(setup: &Setup) -> Result<Self, Trouble> {
        Ok(Self { queues: [queue(setup.size)?, queue(setup.size)?], input: -1, output: -1 })
    }

    fn take(&mut self, side: Side, _peer: i32) {
        self.output = self.queues[side.index()].as_raw_fd();
        self.input = self.queues[1 - side.index()].as_raw_fd();
    }

    #[inline]
    fn send(&mut self, letter: &mut Letter) -> Result<(), Errno> {
        mq_send(self.output, letter.text(), 0, None)
    }

    #[inline]
    fn receive(&mut self, letter: &mut Letter, _from: usize) -> Result<usize, Errno> {
        mq_receive(self.input, letter.text_mut(), None).map(|(length, _priority)| length)
    }

    fn limit() -> String {
        let most = std::fs::read_to_string("/proc/sys/fs/mqueue/msgsize_max").unwrap_or_default();
        format!("a queue's messages have at most so many bytes (fs.mqueue.msgsize_max is {})", most.trim())
    }
}

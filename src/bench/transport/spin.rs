//! Shared memory, and nobody ever sleeps: who waits looks again and again. No system call, no copy by the kernel, and a
//! processor that does nothing else. Two that spin on one processor would wait for each other's time slice to end, so
//! there they give it up with sched_yield.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sched::sched_yield;

use super::{On, Setup, Side, Transport, Trouble};
use crate::bench::plan::Placement;
use crate::kernel::Errno;
use crate::kernel::letter::Letter;
use crate::kernel::shared::Shared;

/// How much memory the messages of one direction take where they follow each other.
const BYTES: usize = 4 << 20;
/// Where the counters of a direction lie: how many messages were written, and how many were read.
const WRITTEN: [usize; 2] = [0, 256];
const READ: [usize; 2] = [128, 384];
/// Where the messages begin.
const DATA: usize = 4096;
/// How often to look before giving up the processor.
const LOOKS: u32 = 100;

pub(super) struct Spin {
    area: Shared,
    size: usize,
    places: u64,
    /// Whether room must be watched; where each waits for an answer, the answer says that there is some.
    flow: bool,
    yields: bool,
    side: usize,
    sent: u64,
    /// Messages that the other side is known to have read; it may have read more.
    read_there: u64,
    received: u64,
    /// Messages that the other side is known to have written.
    written_there: u64,
    out: usize,
    back: usize,
}

impl Spin {
    const fn offset(&self, direction: usize, place: usize) -> usize {
        DATA + direction * self.places as usize * self.size + place
    }

    const fn after(&self, place: usize) -> usize {
        let next = place + self.size;
        if next == self.places as usize * self.size { 0 } else { next }
    }
}

/// Looks at a counter until it is not `known` any more.
#[inline]
fn beyond(counter: &AtomicU64, known: u64, yields: bool) -> u64 {
    let mut looks = 0;
    loop {
        let now = counter.load(Ordering::Acquire);
        if now != known {
            return now;
        }
        looks += 1;
        if yields && looks > LOOKS {
            let _ = sched_yield();
            looks = 0;
        } else {
            spin_loop();
        }
    }
}

impl Transport for Spin {
    const SENDS: &'static str = "store";
    const RECEIVES: &'static str = "load";

    fn open(setup: &Setup) -> Result<Self, Trouble> {
        let places = if setup.flow { (BYTES / setup.size).max(4) } else { 1 };
        Ok(Self {
            area: Shared::new(DATA + 2 * places * setup.size).on("mmap")?,
            size: setup.size,
            places: places as u64,
            flow: setup.flow,
            yields: setup.placement == Placement::SameCore,
            side: 0,
            sent: 0,
            read_there: 0,
            received: 0,
            written_there: 0,
            out: 0,
            back: 0,
        })
    }

    fn take(&mut self, side: Side, _peer: i32) {
        self.side = side.index();
    }

    #[inline]
    fn send(&mut self, letter: &mut Letter) -> Result<(), Errno> {
        if self.flow && self.sent - self.read_there == self.places {
            self.read_there = beyond(self.area.word64(READ[self.side]), self.read_there, self.yields);
        }
        self.area.copy_in(self.offset(self.side, self.out), letter.text());
        self.out = self.after(self.out);
        self.sent += 1;
        self.area.word64(WRITTEN[self.side]).store(self.sent, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn receive(&mut self, letter: &mut Letter, _from: usize) -> Result<usize, Errno> {
        let theirs = 1 - self.side;
        if self.received == self.written_there {
            self.written_there = beyond(self.area.word64(WRITTEN[theirs]), self.written_there, self.yields);
        }
        self.area.copy_out(self.offset(theirs, self.back), letter.text_mut());
        self.back = self.after(self.back);
        self.received += 1;
        if self.flow {
            self.area.word64(READ[theirs]).store(self.received, Ordering::Release);
        }
        Ok(self.size)
    }
}

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
/// How long to wait between two looks where messages follow each other, in turns of an empty loop. Who looks all the
/// time takes the line of the cache away from who is about to write, and each message moves it to and fro.
const TURNS: u32 = 32;

/// How to wait.
#[derive(Clone, Copy)]
enum Wait {
    /// Look at once.
    Look,
    /// Let the other one get on first.
    Pause,
    /// Give up the processor, on which the other one is to run.
    Yield,
}

pub(super) struct Spin {
    area: Shared,
    size: usize,
    places: u64,
    /// Whether room must be watched; where each waits for an answer, the answer says that there is some.
    flow: bool,
    wait: Wait,
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
fn beyond(counter: &AtomicU64, known: u64, wait: Wait) -> u64 {
    loop {
        let now = counter.load(Ordering::Acquire);
        if now != known {
            return now;
        }
        match wait {
            Wait::Look => spin_loop(),
            Wait::Pause => (0..TURNS).for_each(|_| spin_loop()),
            Wait::Yield => _ = sched_yield(),
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
            wait: match setup.placement {
                Placement::SameCore => Wait::Yield,
                Placement::Across if setup.flow => Wait::Pause,
                Placement::Across => Wait::Look,
            },
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
            self.read_there = beyond(self.area.word64(READ[self.side]), self.read_there, self.wait);
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
            self.written_there = beyond(self.area.word64(WRITTEN[theirs]), self.written_there, self.wait);
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

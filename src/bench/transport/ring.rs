//! Shared memory in which messages lie, and something beside it that tells of them, so that nobody has to spin.
//!
//! Where messages follow each other without answers, room must be told of too: the receiver gives it back in halves of the
//! ring. Where each waits for the other's answer, that is the answer's business.

use super::{On, Setup, Side, Transport, Trouble};
use crate::kernel::Errno;
use crate::kernel::letter::Letter;
use crate::kernel::shared::Shared;

/// How much memory the messages of one direction may take.
const BYTES: usize = 4 << 20;
/// More places are of no use, and signals are queued for each user only up to a limit.
const PLACES_MAX: usize = 64;
/// How many bells there are: of news and of room, each in both directions.
pub(super) const BELLS: usize = 4;

/// What tells a process that something has happened, and lets it sleep until then. A bell counts: that it was rung is not
/// lost if nobody waits.
pub(super) trait Bells: Sized + 'static {
    /// The call that rings, for messages.
    const RINGS: &'static str;
    /// The call that waits.
    const WAITS: &'static str;

    /// [`BELLS`] of them, not rung.
    fn new() -> Result<Self, Trouble>;

    /// Called in each process: `peer` is the other's pid.
    fn take(&mut self, _peer: i32) {}

    /// Rings one.
    fn ring(&mut self, bell: usize) -> Result<(), Errno>;

    /// Waits until one is rung, and takes at least one ring: how many.
    fn wait(&mut self, bell: usize) -> Result<u64, Errno>;
}

/// A side's place in the ring of one direction.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The next place to write or read.
    next: usize,
    /// How many messages may be written, or read, before a bell must be waited for.
    credit: u64,
}

pub(super) struct Ring<B> {
    area: Shared,
    size: usize,
    places: usize,
    flow: bool,
    side: usize,
    out: Place,
    back: Place,
    /// Messages read since room was last given back.
    read: u64,
    bells: B,
}

impl<B: Bells> Ring<B> {
    const fn offset(&self, direction: usize, place: usize) -> usize {
        (direction * self.places + place) * self.size
    }

    const fn half(&self) -> u64 {
        self.places as u64 / 2
    }

    fn after(&self, place: usize) -> usize {
        if place + 1 == self.places { 0 } else { place + 1 }
    }
}

impl<B: Bells> Transport for Ring<B> {
    const SENDS: &'static str = B::RINGS;
    const RECEIVES: &'static str = B::WAITS;

    fn open(setup: &Setup) -> Result<Self, Trouble> {
        let places = if setup.flow { (BYTES / setup.size / 2 * 2).clamp(2, PLACES_MAX) } else { 1 };
        Ok(Self {
            area: Shared::new(2 * places * setup.size).on("mmap")?,
            size: setup.size,
            places,
            flow: setup.flow,
            side: 0,
            out: Place { next: 0, credit: places as u64 },
            back: Place::default(),
            read: 0,
            bells: B::new()?,
        })
    }

    fn take(&mut self, side: Side, peer: i32) {
        self.side = side.index();
        self.bells.take(peer);
    }

    #[inline]
    fn send(&mut self, letter: &mut Letter) -> Result<(), Errno> {
        if self.flow {
            while self.out.credit == 0 {
                self.out.credit += self.bells.wait(2 + self.side)? * self.half();
            }
            self.out.credit -= 1;
        }
        self.area.copy_in(self.offset(self.side, self.out.next), letter.text());
        self.out.next = self.after(self.out.next);
        self.bells.ring(self.side)
    }

    #[inline]
    fn receive(&mut self, letter: &mut Letter, _from: usize) -> Result<usize, Errno> {
        let theirs = 1 - self.side;
        while self.back.credit == 0 {
            self.back.credit += self.bells.wait(theirs)?;
        }
        self.back.credit -= 1;
        self.area.copy_out(self.offset(theirs, self.back.next), letter.text_mut());
        self.back.next = self.after(self.back.next);
        if self.flow {
            self.read += 1;
            if self.read == self.half() {
                self.read = 0;
                self.bells.ring(2 + theirs)?;
            }
        }
        Ok(self.size)
    }
}

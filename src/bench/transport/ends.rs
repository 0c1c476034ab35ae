//! Transports made of descriptors.

use std::os::fd::{AsRawFd, OwnedFd};

use super::Side;
use crate::kernel::letter::Letter;
use crate::kernel::{Errno, fd};

/// The descriptors of both sides: what a side reads from, and what it writes to where that is another one.
pub(super) struct Ends {
    sides: [Option<(OwnedFd, Option<OwnedFd>)>; 2],
    input: i32,
    output: i32,
}

impl Ends {
    /// Each side has one descriptor for both directions.
    pub(super) fn both(asks: OwnedFd, answers: OwnedFd) -> Self {
        Self { sides: [Some((asks, None)), Some((answers, None))], input: -1, output: -1 }
    }

    /// Each direction has a descriptor on either side: first what it is read from, then what it is written to.
    pub(super) fn lines(there: (OwnedFd, OwnedFd), back: (OwnedFd, OwnedFd)) -> Self {
        Self { sides: [Some((back.0, Some(there.1))), Some((there.0, Some(back.1)))], input: -1, output: -1 }
    }

    /// Closes what is the other side's.
    pub(super) fn take(&mut self, side: Side) {
        self.sides[1 - side.index()] = None;
        if let Some((input, output)) = &self.sides[side.index()] {
            self.input = input.as_raw_fd();
            self.output = output.as_ref().map_or(self.input, AsRawFd::as_raw_fd);
        }
    }

    /// Writes a letter whole, with as many calls as that takes.
    #[inline]
    pub(super) fn write_all(&self, letter: &Letter) -> Result<(), Errno> {
        let mut left = letter.text();
        while !left.is_empty() {
            left = &left[fd::write(self.output, left)?..];
        }
        Ok(())
    }

    /// Writes a letter with one call, as one message.
    #[inline]
    pub(super) fn write_message(&self, letter: &Letter) -> Result<(), Errno> {
        let sent = fd::write(self.output, letter.text())?;
        if sent == letter.text().len() { Ok(()) } else { Err(Errno::EMSGSIZE) }
    }

    /// Reads what there is, as much as fits. An end of file is EPIPE: the other side is gone.
    #[inline]
    pub(super) fn read(&self, letter: &mut Letter, from: usize) -> Result<usize, Errno> {
        match fd::read(self.input, &mut letter.text_mut()[from..])? {
            0 => Err(Errno::EPIPE),
            got => Ok(got),
        }
    }
}

/// The parts of a transport that writes and reads descriptors, but for how it is opened.
macro_rules! through_ends {
    ($send:ident) => {
        const SENDS: &'static str = "write";
        const RECEIVES: &'static str = "read";

        fn take(&mut self, side: super::Side, _peer: i32) {
            self.0.take(side);
        }

        #[inline]
        fn send(&mut self, letter: &mut crate::kernel::letter::Letter) -> Result<(), crate::kernel::Errno> {
            self.0.$send(letter)
        }

        #[inline]
        fn receive(
            &mut self,
            letter: &mut crate::kernel::letter::Letter,
            from: usize,
        ) -> Result<usize, crate::kernel::Errno> {
            self.0.read(letter, from)
        }
    };
}
pub(super) use through_ends;

//! What the two processes do: rounds of question and answer, or bursts of messages.
//!
//! Both begin and end with a proof: messages each byte of which the receiver compares. They pass through the same code as
//! those that are timed, so a copy that nobody makes does not go unnoticed. Between, the first part is warm-up, from which
//! the number of rounds is worked out, and is not counted: pages are touched, buffers grown, the processor at its pace.

use std::sync::atomic::Ordering;

use super::control::{Control, FIGURES, SAMPLES};
use super::plan::Kind;
use super::transport::{Side, Transport, Trouble};
use crate::kernel::Errno;
use crate::kernel::clock::monotonic_ns;
use crate::kernel::letter::Letter;
use crate::kernel::proc::packets_queued;

/// Rounds, or messages, of a proof.
const PROOF: u64 = 4;
/// How many rounds are timed at the least, and how many before them are not.
const ROUNDS_MIN: u64 = 32;
const WARM_MIN: u64 = 8;
/// How many messages a burst has at the least.
const MESSAGES_MIN: u64 = 4;
/// In how many bursts throughput is measured.
pub(super) const BURSTS: usize = 5;
/// Which part of the time goes to warm-up, besides.
const WARM_UP: u64 = 5;
/// Where in the figures the number of samples, of bursts, and what was lost stand, and from where on bursts do.
pub(super) const TIMED: usize = 0;
pub(super) const LOST: usize = 1;
pub(super) const BURST: usize = 2;
const _: () = assert!(BURST + 2 * BURSTS <= FIGURES);

/// Lives as one of the two processes of a measurement.
pub(super) fn live<T: Transport>(
    transport: &mut T,
    kind: Kind,
    size: usize,
    side: Side,
    control: &Control,
    budget_ns: u64,
) -> Result<(), Trouble> {
    let letter = Letter::new(size).map_err(|errno| Trouble::new("mmap", errno))?;
    let mut one = Process { transport, letter, control, budget_ns };
    // The other side's number says nothing: it may take bytes as they come.
    let rounds = match (kind, side) {
        (Kind::RoundTrip, Side::Asks) => one.asks(false),
        (Kind::OneWay, Side::Asks) => one.asks(true),
        (Kind::RoundTrip, Side::Answers) => one.answers(false),
        (Kind::OneWay, Side::Answers) => one.answers(true),
        (Kind::Throughput, Side::Asks) => one.sends(),
        (Kind::Throughput, Side::Answers) => one.takes(),
    }?;
    control.count(side, rounds);
    Ok(())
}

struct Process<'a, T> {
    transport: &'a mut T,
    letter: Letter,
    control: &'a Control,
    budget_ns: u64,
}

/// The byte at a place of all that one side ever sends as proof: places near each other differ, and so do the same places
/// of messages and pages.
const fn byte_at(place: u64) -> u8 {
    (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

fn fill(bytes: &mut [u8], from: u64) {
    (from..).zip(bytes).for_each(|(place, byte)| *byte = byte_at(place));
}

fn compare(bytes: &[u8], from: u64) -> Result<(), Trouble> {
    match (from..).zip(bytes).find(|(place, byte)| **byte != byte_at(*place)) {
        None => Ok(()),
        Some((place, _)) => Err(Trouble(format!("byte {place} of what was sent came out as another"))),
    }
}

impl<T: Transport> Process<'_, T> {
    #[inline]
    fn send(&mut self) -> Result<(), Trouble> {
        self.transport.send(&mut self.letter).map_err(|errno| Trouble::limited(T::SENDS, errno, T::limit()))
    }

    /// Receives a whole message, in however many pieces it comes.
    #[inline]
    fn receive_all(&mut self) -> Result<(), Trouble> {
        let mut got = 0;
        while got < self.letter.text().len() {
            got += match self.transport.receive(&mut self.letter, got) {
                Ok(more) => more,
                // Only where messages may be lost does a receiver give up waiting; with one under way none is.
                Err(Errno::EAGAIN) if T::LOSSY => 0,
                Err(errno) => return Err(Trouble::limited(T::RECEIVES, errno, T::limit())),
            };
        }
        Ok(())
    }

    fn round(&mut self) -> Result<(), Trouble> {
        self.send()?;
        self.receive_all()
    }

    /// A round whose bytes are compared: the answer must be other than the question, else an untouched letter would do.
    fn proof(&mut self, number: u64) -> Result<(), Trouble> {
        let from = 2 * number * self.letter.text().len() as u64;
        fill(self.letter.text_mut(), from);
        self.send()?;
        self.receive_all()?;
        compare(self.letter.text(), from + self.letter.text().len() as u64)
    }

    fn asks(&mut self, one_way: bool) -> Result<u64, Trouble> {
        for number in 0..PROOF {
            self.proof(number)?;
        }
        let begin = monotonic_ns();
        let mut warm = 0;
        let each = loop {
            self.round()?;
            warm += 1;
            let took = monotonic_ns() - begin;
            if warm >= WARM_MIN && took >= self.budget_ns / WARM_UP {
                break (took / warm).max(1);
            }
        };
        let timed = (self.budget_ns / each).clamp(ROUNDS_MIN, SAMPLES as u64);
        let first = PROOF + warm;
        self.control.first().store(first, Ordering::Relaxed);
        self.control.last().store(first + timed + PROOF, Ordering::Release);
        self.control.figure(TIMED).store(timed, Ordering::Relaxed);
        if one_way {
            for _ in 0..timed {
                self.control.sent_ns().store(monotonic_ns(), Ordering::Release);
                self.round()?;
            }
        } else {
            let samples = &self.control.samples()[..timed as usize];
            let mut before = monotonic_ns();
            for sample in samples {
                self.round()?;
                let now = monotonic_ns();
                sample.store(u32::try_from(now - before).unwrap_or(u32::MAX), Ordering::Relaxed);
                before = now;
            }
        }
        for number in 0..PROOF {
            self.proof(PROOF + number)?;
        }
        Ok(first + timed + PROOF)
    }

    fn answers(&mut self, one_way: bool) -> Result<u64, Trouble> {
        let size = self.letter.text().len() as u64;
        let samples = self.control.samples();
        let mut number = 0;
        loop {
            self.receive_all()?;
            let now = if one_way { monotonic_ns() } else { 0 };
            let last = self.control.last().load(Ordering::Acquire);
            if number < PROOF || number.saturating_add(PROOF) >= last {
                let proof = if number < PROOF { number } else { number + 2 * PROOF - last };
                compare(self.letter.text(), 2 * proof * size)?;
                fill(self.letter.text_mut(), (2 * proof + 1) * size);
            } else if one_way
                && let Some(index) = number.checked_sub(self.control.first().load(Ordering::Relaxed))
                && last != u64::MAX
            {
                let took = now.saturating_sub(self.control.sent_ns().load(Ordering::Acquire));
                samples[index as usize].store(u32::try_from(took).unwrap_or(u32::MAX), Ordering::Relaxed);
            }
            self.send()?;
            number += 1;
            if number == last {
                return Ok(number);
            }
        }
    }

    /// One burst: until the receiver says that it has it all. In ns; where messages may be lost, until the last one came.
    fn burst(&mut self, number: &mut u32, messages: u64) -> Result<u64, Trouble> {
        let control = self.control;
        let until = control.target().load(Ordering::Relaxed) + messages * self.letter.text().len() as u64;
        control.target().store(until, Ordering::Release);
        *number += 1;
        let begin = monotonic_ns();
        for _ in 0..messages {
            self.send()?;
        }
        control.sent_all().store(until, Ordering::Release);
        control.answered(*number)?;
        let end = if T::LOSSY { control.came_ns().load(Ordering::Relaxed) } else { monotonic_ns() };
        Ok(end.saturating_sub(begin).max(1))
    }

    /// A few messages that are compared, each in a burst of its own: so none can be lost for want of room.
    fn proofs(&mut self, number: &mut u32) -> Result<(), Trouble> {
        self.control.proof().store(1, Ordering::Release);
        for _ in 0..PROOF {
            let from = self.control.target().load(Ordering::Relaxed);
            fill(self.letter.text_mut(), from);
            self.burst(number, 1)?;
        }
        self.control.proof().store(0, Ordering::Release);
        Ok(())
    }

    fn sends(&mut self) -> Result<u64, Trouble> {
        let size = self.letter.text().len() as u64;
        let mut number = 0;
        self.proofs(&mut number)?;
        let (mut messages, begin) = (MESSAGES_MIN, monotonic_ns());
        let mut total = 2 * PROOF;
        let each = loop {
            let took = self.burst(&mut number, messages)?;
            total += messages;
            if monotonic_ns() - begin >= self.budget_ns / WARM_UP {
                // In tenths of a ns: small messages take few.
                break (10 * took / messages).max(1);
            }
            messages *= 2;
        };
        let messages = (10 * self.budget_ns / BURSTS as u64 / each).max(MESSAGES_MIN);
        let (mut timed, mut lost) = (0, 0);
        for burst in 0..BURSTS {
            let took = self.burst(&mut number, messages)?;
            total += messages;
            let came = if T::LOSSY { self.control.came().load(Ordering::Relaxed) } else { messages * size };
            self.control.figure(BURST + 2 * burst).store(came, Ordering::Relaxed);
            self.control.figure(BURST + 2 * burst + 1).store(took, Ordering::Relaxed);
            timed += 1;
            lost += messages.saturating_sub(came / size);
        }
        self.control.figure(TIMED).store(timed, Ordering::Relaxed);
        self.control.figure(LOST).store(lost, Ordering::Relaxed);
        self.control.first().store(u64::from(number) + PROOF, Ordering::Release);
        self.proofs(&mut number)?;
        Ok(total)
    }

    /// Takes bursts until the last proof. Bytes that keep no boundaries are taken as they come.
    fn takes(&mut self) -> Result<u64, Trouble> {
        let control = self.control;
        let (mut got, mut bursts) = (0_u64, 0);
        loop {
            let begin = got;
            // Before the first message has come, what the sender says is about the burst before.
            let mut target = u64::MAX;
            let mut proof = false;
            while got < target {
                match self.transport.receive(&mut self.letter, 0) {
                    Ok(more) => {
                        if T::LOSSY {
                            control.came_ns().store(monotonic_ns(), Ordering::Relaxed);
                        }
                        if target == u64::MAX {
                            target = control.target().load(Ordering::Acquire);
                            proof = control.proof().load(Ordering::Acquire) != 0;
                        }
                        if proof {
                            compare(&self.letter.text()[..more], got)?;
                        }
                        got += more as u64;
                    }
                    Err(Errno::EAGAIN) if T::LOSSY => {
                        let sent = control.sent_all().load(Ordering::Acquire);
                        let over = sent > begin && sent == control.target().load(Ordering::Acquire);
                        if over && !packets_queued() {
                            target = got;
                            control.came().store(got - begin, Ordering::Relaxed);
                            got = sent;
                        }
                    }
                    Err(errno) => return Err(Trouble::limited(T::RECEIVES, errno, T::limit())),
                }
            }
            if T::LOSSY && target == got {
                control.came().store(got - begin, Ordering::Relaxed);
            }
            bursts += 1;
            let last = control.first().load(Ordering::Acquire);
            control.answer();
            if last != 0 && bursts == last {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_byte_is_noticed() {
        let mut bytes = [0; 5000];
        fill(&mut bytes, 77);
        assert_eq!(compare(&bytes, 77), Ok(()));
        assert!(compare(&bytes, 78).is_err(), "a byte further on");
        assert!(compare(&bytes[1..], 77).is_err(), "one missing");
        bytes[4999] ^= 1;
        assert!(compare(&bytes, 77).unwrap_err().0.contains("byte 5076"));
        assert!(compare(&[0; 4], 0).is_err(), "nothing at all");
        let same = (0..4096).filter(|place| byte_at(*place) == byte_at(place + 4096)).count();
        assert!(same < 100, "pages differ: {same}");
    }
}

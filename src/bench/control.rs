//! What the two processes and their keeper tell each other: words of shared memory, and room for samples.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::sys::resource::{Usage, UsageWho, getrusage};

use super::transport::{Side, Trouble};
use crate::kernel::shared::Shared;
use crate::kernel::{Errno, futex};

/// How many samples one measurement may have.
pub(super) const SAMPLES: usize = 1 << 17;
/// How many figures, of bursts or limits.
pub(super) const FIGURES: usize = 64;

// What is written by one side and read by the other in the course of a round lies in cache lines of its own.
const TARGET: usize = 0;
const PROOF: usize = 128;
const ANSWERED: usize = 256;
const FIRST: usize = 384;
const LAST: usize = 392;
const SENT_NS: usize = 512;
const SENT_ALL: usize = 640;
const CAME: usize = 768;
const CAME_NS: usize = 776;
const PRESENT: usize = 896;
const PIDS: usize = 900;
const SWITCHES: usize = 912;
const COUNT: usize = 928;
const COMPLAINT_LENGTH: usize = 936;
const COMPLAINT: usize = 940;
const COMPLAINT_MAX: usize = 512;
const FIGURE: usize = 2048;
const SAMPLE: usize = 4096;

/// The words, mapped before the processes are forked.
pub(super) struct Control(Shared);

impl Control {
    pub(super) fn new() -> Result<Self, Trouble> {
        Shared::new(SAMPLE + 4 * SAMPLES).map(Self).map_err(|errno| Trouble::new("mmap", errno))
    }

    /// As before anything was measured.
    pub(super) fn clear(&self) {
        self.0.words32(0, SAMPLE / 4).iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.last().store(u64::MAX, Ordering::Release);
    }

    /// Bytes that will have been sent when the present burst is over.
    pub(super) fn target(&self) -> &AtomicU64 {
        self.0.word64(TARGET)
    }

    /// Not 0 while what is sent shall be looked through by the receiver.
    pub(super) fn proof(&self) -> &AtomicU32 {
        self.0.word32(PROOF)
    }

    /// The round at which samples begin.
    pub(super) fn first(&self) -> &AtomicU64 {
        self.0.word64(FIRST)
    }

    /// The number of rounds, once it is known.
    pub(super) fn last(&self) -> &AtomicU64 {
        self.0.word64(LAST)
    }

    /// When the present message was sent.
    pub(super) fn sent_ns(&self) -> &AtomicU64 {
        self.0.word64(SENT_NS)
    }

    /// Bytes up to which all has been sent: nothing more comes before the next burst.
    pub(super) fn sent_all(&self) -> &AtomicU64 {
        self.0.word64(SENT_ALL)
    }

    /// Bytes of the present burst that came, where some may be lost.
    pub(super) fn came(&self) -> &AtomicU64 {
        self.0.word64(CAME)
    }

    /// When the last of them came.
    pub(super) fn came_ns(&self) -> &AtomicU64 {
        self.0.word64(CAME_NS)
    }

    /// Says that a burst is over.
    pub(super) fn answer(&self) {
        let answered = self.0.word32(ANSWERED);
        answered.fetch_add(1, Ordering::Release);
        futex::wake(answered, 1);
    }

    /// Waits until so many bursts are over.
    pub(super) fn answered(&self, bursts: u32) -> Result<(), Trouble> {
        wait_for(self.0.word32(ANSWERED), bursts)
    }

    /// Tells the other side who we are, waits for it to do the same, and gives its pid.
    pub(super) fn meet(&self, side: Side) -> Result<i32, Trouble> {
        let pid = |side: Side| self.0.word32(PIDS + 4 * side.index());
        pid(side).store(std::process::id(), Ordering::Relaxed);
        self.assemble(1)?;
        Ok(pid(Side::BOTH[1 - side.index()]).load(Ordering::Relaxed) as i32)
    }

    /// Waits until both have come here for the `time`th time, counted from 1.
    pub(super) fn assemble(&self, time: u32) -> Result<(), Trouble> {
        let present = self.0.word32(PRESENT);
        present.fetch_add(1, Ordering::AcqRel);
        futex::wake(present, 2);
        wait_for(present, 2 * time)
    }

    /// Writes down how often this process gave up its processor, or had it taken away; of the one that asks, in so many rounds or messages.
    pub(super) fn count(&self, side: Side, rounds: u64) {
        let both = |usage: Usage| usage.voluntary_context_switches() + usage.involuntary_context_switches();
        let switches = getrusage(UsageWho::RUSAGE_SELF).map_or(0, both);
        self.0.word64(SWITCHES + 8 * side.index()).store(switches as u64, Ordering::Relaxed);
        if side == Side::Asks {
            self.0.word64(COUNT).store(rounds, Ordering::Relaxed);
        }
    }

    /// How often either lost its processor, for each round or message.
    pub(super) fn switches(&self) -> f64 {
        let of = |side: Side| self.0.word64(SWITCHES + 8 * side.index()).load(Ordering::Relaxed);
        Side::BOTH.map(of).iter().sum::<u64>() as f64 / self.0.word64(COUNT).load(Ordering::Relaxed).max(1) as f64
    }

    /// One of the figures.
    ///
    /// # Panics
    /// Beyond [`FIGURES`].
    pub(super) fn figure(&self, index: usize) -> &AtomicU64 {
        assert!(index < FIGURES, "figures are few");
        self.0.word64(FIGURE + 8 * index)
    }

    /// Where samples are written.
    pub(super) fn samples(&self) -> &[AtomicU32] {
        self.0.words32(SAMPLE, SAMPLES)
    }

    /// Leaves a reason for the keeper. The first one counts.
    pub(super) fn complain(&self, trouble: &Trouble) {
        let bytes = &trouble.0.as_bytes()[..trouble.0.len().min(COMPLAINT_MAX)];
        let length = self.0.word32(COMPLAINT_LENGTH);
        if length.compare_exchange(0, bytes.len() as u32, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.0.copy_in(COMPLAINT, bytes);
        }
    }

    /// The reason that was left.
    pub(super) fn complaint(&self) -> Option<Trouble> {
        let length = self.0.word32(COMPLAINT_LENGTH).load(Ordering::Acquire) as usize;
        let mut bytes = vec![0; length.min(COMPLAINT_MAX)];
        self.0.copy_out(COMPLAINT, &mut bytes);
        (length > 0).then(|| Trouble(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn wait_for(word: &AtomicU32, least: u32) -> Result<(), Trouble> {
    loop {
        let now = word.load(Ordering::Acquire);
        if now >= least {
            return Ok(());
        }
        match futex::wait(word, now, None) {
            Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(Trouble::new("futex", errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_lie_apart() {
        let control = Control::new().unwrap();
        control.clear();
        control.target().store(1, Ordering::Relaxed);
        control.figure(FIGURES - 1).store(u64::MAX, Ordering::Relaxed);
        control.complain(&Trouble("x".repeat(2 * COMPLAINT_MAX)));
        control.complain(&Trouble("second".into()));
        assert_eq!(control.complaint().unwrap().0, "x".repeat(COMPLAINT_MAX));
        assert_eq!(control.samples()[0].load(Ordering::Relaxed), 0);
        assert_eq!(control.last().load(Ordering::Relaxed), u64::MAX);
        control.clear();
        assert_eq!(control.complaint(), None);
        assert_eq!(control.figure(FIGURES - 1).load(Ordering::Relaxed), 0);
    }

    #[test]
    fn bursts_are_answered() {
        let control = Control::new().unwrap();
        control.clear();
        control.answer();
        control.answer();
        assert_eq!(control.answered(2), Ok(()));
    }
}

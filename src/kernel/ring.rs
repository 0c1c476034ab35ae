//! One slot of the arena: the call in flight, and the ring of finished calls.
//!
//! The slot is written by one actor and read by the director, each in a process of its own. All of it is atomic
//! words, so whatever either side does (or a learner's stray store does to it), the other reads numbers that may be
//! wrong but never runs into undefined behaviour. Nobody waits for anybody: a full ring drops and counts.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::arena::Slot;

/// How many finished calls a slot holds until the director has read them.
pub const RING_CAPACITY: usize = 512;
/// How many bytes of a call's data a record carries.
pub const DATA_MAX: usize = 64;

/// Words of a record in the arena: three cache lines, the last two only touched where there are data.
const WORDS: usize = 24;
const WORDS_FIXED: usize = 14;
const WRITING: u64 = 1;
const PRESENT: u64 = 2;
const STEP: u64 = 4;

/// What an actor reports of one call: at its entry, and again with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Number of the order that led to it.
    pub order: u32,
    /// The call; the registry of calls gives it its meaning.
    pub verb: u16,
    /// Bits whose meaning is the reporter's.
    pub flags: u16,
    /// Position in the actor's sequence of calls.
    pub seq: u64,
    /// Arguments as numbers, in the order of the call's specification.
    pub args: [i64; 6],
    /// The result; 0 while in flight.
    pub ret: i64,
    /// Errno of a failed call, else 0.
    pub errno: i32,
    /// CLOCK_MONOTONIC at entry, in ns.
    pub entered_ns: u64,
    /// CLOCK_MONOTONIC at return, in ns; 0 while in flight.
    pub returned_ns: u64,
    /// CLOCK_MONOTONIC when a timed call gives up, in ns; 0 if it does not.
    pub deadline_ns: u64,
    /// True length of the data, in bytes; more than [`DATA_MAX`] if `data` is only their head.
    pub data_len: u64,
    /// The first bytes that the call takes or delivers.
    pub data: [u8; DATA_MAX],
}

impl Default for Record {
    fn default() -> Self {
        Self {
            order: 0,
            verb: 0,
            flags: 0,
            seq: 0,
            args: [0; 6],
            ret: 0,
            errno: 0,
            entered_ns: 0,
            returned_ns: 0,
            deadline_ns: 0,
            data_len: 0,
            data: [0; DATA_MAX],
        }
    }
}

impl Record {
    /// Takes the head of `data` and its length.
    pub fn set_data(&mut self, data: &[u8]) {
        let head = data.len().min(DATA_MAX);
        self.data[..head].copy_from_slice(&data[..head]);
        self.data_len = data.len() as u64;
    }

    /// The data that it carries: all of them, or the first [`DATA_MAX`] bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data[..(self.data_len as usize).min(DATA_MAX)]
    }
}

/// A record as words. 14 fixed ones, then as many of data as `data_len` asks for.
#[repr(C, align(64))]
struct Cell([AtomicU64; WORDS]);

impl Cell {
    #[inline]
    fn store(&self, record: &Record) {
        let fixed: [u64; WORDS_FIXED] = [
            u64::from(record.order) | u64::from(record.verb) << 32 | u64::from(record.flags) << 48,
            record.seq,
            record.args[0] as u64,
            record.args[1] as u64,
            record.args[2] as u64,
            record.args[3] as u64,
            record.args[4] as u64,
            record.args[5] as u64,
            record.ret as u64,
            u64::from(record.errno as u32),
            record.entered_ns,
            record.returned_ns,
            record.deadline_ns,
            record.data_len,
        ];
        for (word, value) in self.0.iter().zip(fixed) {
            word.store(value, Ordering::Relaxed);
        }
        if record.data_len != 0 {
            let used = record.bytes().len().div_ceil(8);
            for (word, chunk) in self.0[WORDS_FIXED..].iter().zip(record.data.chunks_exact(8)).take(used) {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(chunk);
                word.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
            }
        }
    }

    fn load(&self) -> Record {
        let word = |index: usize| self.0[index].load(Ordering::Relaxed);
        let mut record = Record {
            order: word(0) as u32,
            verb: (word(0) >> 32) as u16,
            flags: (word(0) >> 48) as u16,
            seq: word(1),
            args: std::array::from_fn(|i| word(2 + i) as i64),
            ret: word(8) as i64,
            errno: word(9) as u32 as i32,
            entered_ns: word(10),
            returned_ns: word(11),
            deadline_ns: word(12),
            data_len: word(13),
            data: [0; DATA_MAX],
        };
        let used = record.bytes().len();
        for (index, chunk) in record.data.chunks_exact_mut(8).enumerate().take(used.div_ceil(8)) {
            chunk.copy_from_slice(&word(WORDS_FIXED + index).to_ne_bytes());
        }
        record.data[used..].fill(0);
        record
    }
}

/// A record that one side rewrites while the other reads it: readers see all of one writing, or nothing.
#[repr(C, align(64))]
struct Sequenced {
    version: AtomicU64,
    cell: Cell,
}

impl Sequenced {
    #[inline]
    fn publish(&self, record: &Record) {
        let version = self.version.load(Ordering::Relaxed) & !(WRITING | PRESENT);
        self.version.store(version | WRITING, Ordering::Relaxed);
        fence(Ordering::Release);
        self.cell.store(record);
        self.version.store((version + STEP) | PRESENT, Ordering::Release);
    }

    #[inline]
    fn clear(&self) {
        let version = self.version.load(Ordering::Relaxed) & !(WRITING | PRESENT);
        self.version.store(version + STEP, Ordering::Release);
    }

    /// Gives up after some tries: a writer that is rewriting all the time has no call in flight worth showing, and
    /// one that was killed amid a writing never ends it.
    fn read(&self) -> Option<Record> {
        for _ in 0..16 {
            let before = self.version.load(Ordering::Acquire);
            if before & WRITING == 0 {
                if before & PRESENT == 0 {
                    return None;
                }
                let record = self.cell.load();
                fence(Ordering::Acquire);
                if self.version.load(Ordering::Relaxed) == before {
                    return Some(record);
                }
            }
            std::hint::spin_loop();
        }
        None
    }
}

/// One slot as it lies in the arena. All zero is a slot ready for use.
#[repr(C, align(4096))]
pub(super) struct SlotMemory {
    in_flight: Sequenced,
    counts: Counts,
    director: Director,
    last: Sequenced,
    handling: Handling,
    ring: [Cell; RING_CAPACITY],
}

/// How many runs of handlers a slot holds until the director has read them.
const HANDLED_CAPACITY: u64 = 64;

/// One run of a signal handler, or of a function that a thread was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Handled {
    /// The signal; 0 for a thread.
    pub signal: i32,
    /// si_code, and the two words behind it: pid (and uid) with the value that was sent; or for a signal of a descriptor
    /// its band and number. `None` if the handler was not told (no SA_SIGINFO).
    pub info: Option<(i32, [u64; 2])>,
    /// CLOCK_MONOTONIC when it ran, in ns.
    pub at_ns: u64,
    /// The signals that were blocked while it ran.
    pub blocked: u64,
    /// Whether it ran in a thread of its own, as SIGEV_THREAD asks.
    pub thread: bool,
}

/// What handlers write: they may interrupt each other, and run in several threads.
#[repr(C, align(64))]
pub(super) struct Handling {
    head: AtomicU64,
    /// The director's.
    tail: AtomicU64,
    /// What the actor does with signals, as [`Slot::uses_signals`] and [`Slot::has_helpers`] tell.
    marks: AtomicU32,
    cells: [[AtomicU64; 6]; HANDLED_CAPACITY as usize],
}

const USES_SIGNALS: u32 = 1;
const HAS_HELPERS: u32 = 2;
const WANTS_SIGSYS: u32 = 4;

impl Handling {
    /// Notes a run. Only atomics, so it may be called from a signal handler.
    pub(super) fn push(&self, handled: &Handled) {
        let place = self.head.fetch_add(1, Ordering::AcqRel);
        let [stamp, what, first, second, at, blocked] = &self.cells[(place % HANDLED_CAPACITY) as usize];
        let (code, words) = handled.info.unwrap_or_default();
        let bits = u64::from(handled.info.is_some()) << 16 | u64::from(handled.thread) << 17;
        stamp.store(0, Ordering::Release);
        what.store(u64::from(handled.signal as u16) | bits | u64::from(code as u32) << 32, Ordering::Relaxed);
        first.store(words[0], Ordering::Relaxed);
        second.store(words[1], Ordering::Relaxed);
        at.store(handled.at_ns, Ordering::Relaxed);
        blocked.store(handled.blocked, Ordering::Relaxed);
        stamp.store(place + 1, Ordering::Release);
    }

    /// The run at a place; `None` if it is being written, or has been written over.
    fn read(&self, place: u64) -> Option<Handled> {
        let [stamp, what, first, second, at, blocked] = &self.cells[(place % HANDLED_CAPACITY) as usize];
        if stamp.load(Ordering::Acquire) != place + 1 {
            return None;
        }
        let [what, first, second, at_ns, blocked] =
            [what, first, second, at, blocked].map(|word| word.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        (stamp.load(Ordering::Relaxed) == place + 1).then(|| Handled {
            signal: i32::from(what as u16),
            info: (what & 1 << 16 != 0).then_some(((what >> 32) as u32 as i32, [first, second])),
            at_ns,
            blocked,
            thread: what & 1 << 17 != 0,
        })
    }
}

/// What the actor writes.
#[repr(C, align(64))]
struct Counts {
    head: AtomicU64,
    finished: AtomicU64,
    dropped: AtomicU64,
    idle: AtomicU64,
    progress: AtomicU64,
    total: AtomicU64,
    entered: [AtomicU64; 3],
}

/// How often an actor has entered the kernel, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entered {
    /// System calls that it has made, as it says.
    pub calls: u64,
    /// Accesses to memory during which the kernel would have stopped a system call, and there was none.
    pub vouched: u64,
    /// Other things that were done between, for which only the actor's word stands.
    pub unvouched: u64,
}

impl std::ops::Sub for Entered {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            vouched: self.vouched.saturating_sub(before.vouched),
            unvouched: self.unvouched.saturating_sub(before.unvouched),
        }
    }
}

impl std::ops::AddAssign for Entered {
    fn add_assign(&mut self, more: Self) {
        self.calls += more.calls;
        self.vouched += more.vouched;
        self.unvouched += more.unvouched;
    }
}

/// What the director writes; on a line of its own, so that reading does not slow the actor.
#[repr(C, align(64))]
struct Director {
    tail: AtomicU64,
    cancel: AtomicU32,
}

impl SlotMemory {
    pub(super) fn reset(&self) {
        self.in_flight.clear();
        self.last.clear();
        for word in [
            &self.counts.head,
            &self.counts.finished,
            &self.counts.dropped,
            &self.counts.idle,
            &self.counts.progress,
            &self.counts.total,
            &self.counts.entered[0],
            &self.counts.entered[1],
            &self.counts.entered[2],
            &self.director.tail,
            &self.handling.head,
            &self.handling.tail,
        ] {
            word.store(0, Ordering::Relaxed);
        }
        self.handling.marks.store(0, Ordering::Relaxed);
        self.director.cancel.store(0, Ordering::Release);
    }
}

impl Slot {
    /// Makes the slot as new, for another actor. Only for the director, while no actor uses it.
    pub fn reset(&self) {
        self.memory().reset();
    }

    /// The end of this slot that an actor writes. One at a time: two writers would garble each other's records.
    pub fn writer(&self) -> Writer {
        let memory = self.memory();
        Writer {
            head: memory.counts.head.load(Ordering::Relaxed),
            tail_seen: memory.director.tail.load(Ordering::Acquire),
            slot: self.clone(),
        }
    }

    /// The end of this slot that the director reads. One at a time: two would share the records between them.
    pub fn reader(&self) -> Reader {
        Reader { slot: self.clone() }
    }

    /// Asks a freely running actor to stop before its next call, or takes that back.
    pub fn set_cancel(&self, cancel: bool) {
        self.memory().director.cancel.store(u32::from(cancel), Ordering::Release);
    }

    /// Whether the actor shall stop before its next call.
    #[inline]
    pub fn cancelled(&self) -> bool {
        self.memory().director.cancel.load(Ordering::Relaxed) != 0
    }

    /// Says that `done` rounds of a free run are done.
    #[inline]
    pub fn set_progress(&self, done: u64) {
        self.memory().counts.progress.store(done, Ordering::Relaxed);
    }

    /// Says that a free run begins, of `total` rounds; `None` means without end.
    pub fn start_progress(&self, total: Option<u64>) {
        let counts = &self.memory().counts;
        counts.progress.store(0, Ordering::Relaxed);
        counts.total.store(total.map_or(u64::MAX, |n| n.min(u64::MAX - 1)), Ordering::Relaxed);
    }

    /// Rounds that are done, and of how many; `None` means without end.
    pub fn progress(&self) -> (u64, Option<u64>) {
        let counts = &self.memory().counts;
        let total = counts.total.load(Ordering::Relaxed);
        (counts.progress.load(Ordering::Relaxed), (total != u64::MAX).then_some(total))
    }

    /// Says that the actor begins to wait for its next order.
    #[inline]
    pub fn enter_idle(&self) {
        self.memory().counts.idle.fetch_add(1, Ordering::Release);
    }

    /// Counts what an actor has just done, which it alone does.
    #[inline]
    pub fn count_entered(&self, more: Entered) {
        let all = &self.memory().counts.entered;
        for (word, more) in all.iter().zip([more.calls, more.vouched, more.unvouched]).filter(|(_, more)| *more > 0) {
            word.store(word.load(Ordering::Relaxed) + more, Ordering::Release);
        }
    }

    /// All that was counted since the slot was made as new.
    pub fn entered(&self) -> Entered {
        let [calls, vouched, unvouched] = &self.memory().counts.entered;
        let [calls, vouched, unvouched] = [calls, vouched, unvouched].map(|word| word.load(Ordering::Acquire));
        Entered { calls, vouched, unvouched }
    }

    pub(super) fn handling(&self) -> &Handling {
        &self.memory().handling
    }

    /// Says that the actor's mask or dispositions may not be those of a fresh process any more.
    pub fn use_signals(&self) {
        self.handling().marks.fetch_or(USES_SIGNALS, Ordering::Release);
    }

    /// Says that what is done at SIGSYS is the learner's own choice; else it is caught by [`super::trap`].
    pub fn want_sigsys(&self) {
        self.handling().marks.fetch_or(WANTS_SIGSYS, Ordering::Release);
    }

    /// Whether what is done at SIGSYS is the learner's own choice.
    pub fn wants_sigsys(&self) -> bool {
        self.handling().marks.load(Ordering::Acquire) & WANTS_SIGSYS != 0
    }

    /// Whether its mask or dispositions may not be those of a fresh process.
    pub fn uses_signals(&self) -> bool {
        self.handling().marks.load(Ordering::Acquire) & USES_SIGNALS != 0
    }

    /// Says that the actor's process has threads that the C library has made for it.
    pub fn get_helpers(&self) {
        self.handling().marks.fetch_or(HAS_HELPERS, Ordering::Release);
    }

    /// Whether the actor's process has threads that the C library has made for it.
    pub fn has_helpers(&self) -> bool {
        self.handling().marks.load(Ordering::Acquire) & HAS_HELPERS != 0
    }

    /// How often the actor has begun to wait for an order.
    pub fn idle(&self) -> u64 {
        self.memory().counts.idle.load(Ordering::Acquire)
    }
}

/// The end that an actor writes.
#[derive(Debug)]
pub struct Writer {
    slot: Slot,
    head: u64,
    tail_seen: u64,
}

impl Writer {
    /// Publishes the call that is about to be made.
    #[inline]
    pub fn enter(&mut self, record: &Record) {
        self.slot.memory().in_flight.publish(record);
    }

    /// Publishes the call that has returned: first in the ring, then out of the in-flight cell, so a reader may see
    /// it in both for a moment, and never in neither.
    #[inline]
    pub fn finish(&mut self, record: &Record) {
        let memory = self.slot.memory();
        if self.head.wrapping_sub(self.tail_seen) >= RING_CAPACITY as u64 {
            self.tail_seen = memory.director.tail.load(Ordering::Acquire);
        }
        if self.head.wrapping_sub(self.tail_seen) < RING_CAPACITY as u64 {
            memory.ring[self.head as usize % RING_CAPACITY].store(record);
            self.head = self.head.wrapping_add(1);
            memory.counts.head.store(self.head, Ordering::Release);
        } else {
            memory.last.publish(record);
            bump(&memory.counts.dropped);
        }
        bump(&memory.counts.finished);
        memory.in_flight.clear();
    }

    /// The slot it belongs to.
    pub const fn slot(&self) -> &Slot {
        &self.slot
    }
}

/// Adds 1 to a counter that only this side writes.
#[inline]
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
}

/// The end that the director reads.
#[derive(Debug)]
pub struct Reader {
    slot: Slot,
}

impl Reader {
    /// The call in flight, whole; `None` if there is none, or if it changed all the time while it was read.
    pub fn in_flight(&self) -> Option<Record> {
        self.slot.memory().in_flight.read()
    }

    /// Takes up to `max` finished calls out of the ring, oldest first, and says how many.
    pub fn drain(&mut self, max: usize, mut each: impl FnMut(Record)) -> usize {
        let memory = self.slot.memory();
        let tail = memory.director.tail.load(Ordering::Relaxed);
        let ready = memory.counts.head.load(Ordering::Acquire).wrapping_sub(tail);
        // More than the capacity can only be there if somebody has scribbled over the counters.
        let count = ready.min(RING_CAPACITY as u64).min(max as u64);
        for index in 0..count {
            each(memory.ring[tail.wrapping_add(index) as usize % RING_CAPACITY].load());
        }
        memory.director.tail.store(tail.wrapping_add(count), Ordering::Release);
        count as usize
    }

    /// Takes what handlers have noted, oldest first, and says how many runs were lost because there were too many.
    pub fn handled(&mut self, mut each: impl FnMut(Handled)) -> u64 {
        let handling = self.slot.handling();
        let head = handling.head.load(Ordering::Acquire);
        let mut tail = handling.tail.load(Ordering::Relaxed);
        let kept = head.saturating_sub(HANDLED_CAPACITY).max(tail);
        let mut lost = kept - tail;
        tail = kept;
        while tail < head {
            match handling.read(tail) {
                Some(handled) => each(handled),
                // Not yet written: it comes at the next look. Written over meanwhile: it is lost.
                None if handling.head.load(Ordering::Acquire) - tail <= HANDLED_CAPACITY => break,
                None => lost += 1,
            }
            tail += 1;
        }
        handling.tail.store(tail, Ordering::Release);
        lost
    }

    /// How many finished calls wait in the ring.
    pub fn pending(&self) -> usize {
        let memory = self.slot.memory();
        let head = memory.counts.head.load(Ordering::Acquire);
        head.wrapping_sub(memory.director.tail.load(Ordering::Relaxed)).min(RING_CAPACITY as u64) as usize
    }

    /// The newest finished call among those that the full ring had to drop.
    pub fn last_dropped(&self) -> Option<Record> {
        self.slot.memory().last.read()
    }

    /// How many calls the actor has finished, those dropped included.
    pub fn finished(&self) -> u64 {
        self.slot.memory().counts.finished.load(Ordering::Acquire)
    }

    /// How many finished calls the full ring had to drop.
    pub fn dropped(&self) -> u64 {
        self.slot.memory().counts.dropped.load(Ordering::Acquire)
    }

    /// The slot it belongs to.
    pub const fn slot(&self) -> &Slot {
        &self.slot
    }
}

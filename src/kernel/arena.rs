//! The shared arena: memory in which actors report, mapped before the first fork and inherited by all.

use std::fmt;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

use super::ring::SlotMemory;
pub use super::ring::{DATA_MAX, Entered, Handled, RING_CAPACITY, Reader, Record, Writer};
use super::{Result, SysResultExt, futex};

/// How many actors an arena serves unless told otherwise.
pub const SLOTS_DEFAULT: usize = 256;

const MAGIC: u64 = u64::from_ne_bytes(*b"ipclab\x00\x01");
const SEALS: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_SEAL);

/// The first page of the arena.
#[repr(C, align(4096))]
struct Header {
    magic: AtomicU64,
    slots: AtomicU64,
    gate: AtomicU32,
    /// The ticket in the upper half, how many have come with it in the lower.
    arrived: AtomicU64,
}

/// The memory itself; it goes with the last of its users in this process.
struct Map {
    start: NonNull<Header>,
    length: NonZeroUsize,
    slots: usize,
    fd: OwnedFd,
}

// SAFETY: the memory behind `start` is only ever used as atomics.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    fn new(fd: OwnedFd, slots: usize) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(length(slots)).ok_or(Errno::EINVAL)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice; `fd` is `length` bytes and sealed against change.
        let start = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, &fd, 0) }?;
        Ok(Self { start: start.cast(), length, slots, fd })
    }

    fn header(&self) -> &Header {
        // SAFETY: the mapping begins with a header, lives as long as `self`, is page-aligned, and any bytes are
        // valid for atomic integers.
        unsafe { self.start.as_ref() }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody borrows from it any longer.
        let _ = unsafe { munmap(self.start.cast(), self.length.get()) };
    }
}

const fn length(slots: usize) -> usize {
    size_of::<Header>() + slots * size_of::<SlotMemory>()
}

/// The arena, as one process sees it. Clones share the mapping; forks inherit it.
#[derive(Clone)]
pub struct Arena(Arc<Map>);

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("slots", &self.0.slots).field("fd", &self.0.fd).finish_non_exhaustive()
    }
}

impl Arena {
    /// A new arena, all slots ready for use. Its memory file is close-on-exec and can't change its size.
    pub fn create(slots: usize) -> Result<Self> {
        let fd = memfd_create("ipclab-arena", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)
            .on("memfd_create", "arena")?;
        ftruncate(&fd, length(slots) as i64).on("ftruncate", "arena")?;
        fcntl(&fd, FcntlArg::F_ADD_SEALS(SEALS)).on("fcntl", "F_ADD_SEALS arena")?;
        let map = Map::new(fd, slots).on("mmap", "arena")?;
        map.header().slots.store(slots as u64, Ordering::Relaxed);
        map.header().magic.store(MAGIC, Ordering::Release);
        Ok(Self(Arc::new(map)))
    }

    /// The arena behind a descriptor that came through execve(2). EINVAL if it is none.
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        let sealed = fcntl(&fd, FcntlArg::F_GET_SEALS).on("fcntl", "F_GET_SEALS arena")?;
        let size = fstat(&fd).on("fstat", "arena")?.st_size as usize;
        let slots = size.saturating_sub(size_of::<Header>()) / size_of::<SlotMemory>();
        if sealed & SEALS.bits() != SEALS.bits() || length(slots) != size {
            return Err(Errno::EINVAL).on("mmap", "arena");
        }
        let map = Map::new(fd, slots).on("mmap", "arena")?;
        let header = map.header();
        if header.magic.load(Ordering::Acquire) != MAGIC || header.slots.load(Ordering::Relaxed) != slots as u64 {
            return Err(Errno::EINVAL).on("mmap", "arena");
        }
        Ok(Self(Arc::new(map)))
    }

    /// Its memory file: what to hand over an execve(2).
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }

    /// How many slots it has.
    pub fn slots(&self) -> usize {
        self.0.slots
    }

    /// The slot of this number, from 0; `None` if there are not that many.
    pub fn slot(&self, index: usize) -> Option<Slot> {
        (index < self.0.slots).then(|| Slot { arena: self.clone(), index })
    }

    /// The gate at which actors of a `go` wait for each other.
    pub fn gate(&self) -> Gate<'_> {
        Gate { header: self.0.header() }
    }
}

/// One actor's part of the arena.
#[derive(Debug, Clone)]
pub struct Slot {
    arena: Arena,
    index: usize,
}

impl Slot {
    /// Its number.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The arena that it belongs to.
    pub const fn arena(&self) -> &Arena {
        &self.arena
    }

    #[inline]
    pub(super) fn memory(&self) -> &SlotMemory {
        // SAFETY: one past the header lies the array of slots, inside the mapping.
        let first = unsafe { self.arena.0.start.add(1) }.cast::<SlotMemory>();
        // SAFETY: `index` is below the number of slots, by construction.
        let mine = unsafe { first.add(self.index) };
        // SAFETY: the memory lives as long as the arena, is page-aligned, and any bytes are valid for atomics.
        unsafe { mine.as_ref() }
    }
}

/// A barrier between processes: everyone who waits goes on at the same moment.
#[derive(Clone, Copy)]
pub struct Gate<'a> {
    header: &'a Header,
}

impl fmt::Debug for Gate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("ticket", &self.ticket()).field("arrived", &self.arrived()).finish()
    }
}

impl Gate<'_> {
    /// What the director hands to those who shall wait for the next opening.
    pub fn ticket(self) -> u32 {
        self.header.gate.load(Ordering::Acquire)
    }

    /// Waits until the gate opens; at once if it has opened since the ticket was drawn. Signals don't end the wait.
    ///
    /// # Errors
    /// ETIMEDOUT when it has not opened within `limit`.
    pub fn wait(self, ticket: u32, limit: Option<Duration>) -> Result<(), Errno> {
        // Who comes late, with a ticket of old, must not count for the next opening.
        let _ = self.header.arrived.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |arrived| {
            ((arrived >> 32) as u32 == ticket).then_some(arrived + 1)
        });
        let deadline = limit.map(|limit| std::time::Instant::now() + limit);
        while self.ticket() == ticket {
            let left = deadline.map(|d| d.saturating_duration_since(std::time::Instant::now()));
            match futex::wait(&self.header.gate, ticket, left) {
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// How many have come to the gate since it last opened.
    pub fn arrived(self) -> u32 {
        self.header.arrived.load(Ordering::Acquire) as u32
    }

    /// Lets everyone go who waits with the present ticket, and says how many were asleep. Only the director opens.
    pub fn open(self) -> usize {
        let next = self.ticket().wrapping_add(1);
        self.header.arrived.store(u64::from(next) << 32, Ordering::Release);
        self.header.gate.store(next, Ordering::Release);
        futex::wake(&self.header.gate, i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::kernel::process::{How, waitpid};
    use crate::kernel::testing::start;

    fn record(seq: u64) -> Record {
        let mut record = Record {
            order: 7,
            verb: 3,
            flags: 0x8001,
            seq,
            args: [seq as i64, -1, i64::MIN, i64::MAX, 4, 5],
            ret: -1,
            errno: Errno::EAGAIN as i32,
            entered_ns: seq,
            returned_ns: seq + 1,
            deadline_ns: if seq.is_multiple_of(2) { 0 } else { seq },
            ..Record::default()
        };
        record.set_data(&vec![seq as u8; (seq as usize * 7) % (2 * DATA_MAX)]);
        record
    }

    #[test]
    fn a_record_comes_back_whole() {
        let arena = Arena::create(2).unwrap();
        let slot = arena.slot(1).unwrap();
        let (mut writer, mut reader) = (slot.writer(), slot.reader());
        assert_eq!(reader.in_flight(), None);
        for seq in 0..200 {
            writer.enter(&record(seq));
            assert_eq!(reader.in_flight(), Some(record(seq)));
            writer.finish(&record(seq));
            assert_eq!(reader.in_flight(), None);
            let mut seen = Vec::new();
            assert_eq!(reader.drain(10, |r| seen.push(r)), 1);
            assert_eq!(seen, [record(seq)]);
        }
        assert_eq!((reader.finished(), reader.dropped()), (200, 0));
        assert_eq!(arena.slot(0).unwrap().reader().finished(), 0, "slots are apart");
        assert!(arena.slot(2).is_none());
    }

    #[test]
    fn a_full_ring_drops_the_newest_and_counts() {
        let arena = Arena::create(1).unwrap();
        let slot = arena.slot(0).unwrap();
        let (mut writer, mut reader) = (slot.writer(), slot.reader());
        let more = RING_CAPACITY as u64 + 5;
        for seq in 0..more {
            writer.finish(&record(seq));
        }
        assert_eq!((reader.finished(), reader.dropped(), reader.pending()), (more, 5, RING_CAPACITY));
        assert_eq!(reader.last_dropped(), Some(record(more - 1)));
        let mut seqs = Vec::new();
        assert_eq!(reader.drain(3, |r| seqs.push(r.seq)), 3);
        writer.finish(&record(more));
        assert_eq!(reader.drain(usize::MAX, |r| seqs.push(r.seq)), RING_CAPACITY - 2);
        assert_eq!(seqs[..3], [0, 1, 2]);
        assert_eq!(seqs.last(), Some(&more));

        slot.reset();
        assert_eq!((reader.finished(), reader.dropped(), reader.pending()), (0, 0, 0));
        assert_eq!(reader.last_dropped(), None);
        let mut writer = slot.writer();
        writer.finish(&record(1));
        assert_eq!(reader.drain(9, |r| assert_eq!(r, record(1))), 1);
    }

    /// A reader that spins against a writer must see each call whole, never words of two.
    #[test]
    fn the_call_in_flight_is_read_whole_or_not_at_all() {
        let arena = Arena::create(1).unwrap();
        let slot = arena.slot(0).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let handle = std::thread::Builder::new()
                .spawn_scoped(scope, || {
                    let mut writer = slot.writer();
                    for seq in 0..200_000_u64 {
                        let record = record(seq);
                        writer.enter(&record);
                        writer.finish(&record);
                    }
                    done.store(true, Ordering::Release);
                })
                .unwrap();
            let mut reader = slot.reader();
            let (mut seen, mut taken, mut next) = (0_u64, 0_u64, 0);
            while !done.load(Ordering::Acquire) {
                if let Some(found) = reader.in_flight() {
                    assert_eq!(found, record(found.seq));
                    seen += 1;
                }
                taken += reader.drain(100, |found| {
                    assert_eq!(found, record(found.seq));
                    assert!(found.seq >= next, "out of order");
                    next = found.seq + 1;
                }) as u64;
            }
            handle.join().unwrap();
            taken += reader.drain(usize::MAX, |_| ()) as u64;
            assert_eq!(reader.finished(), 200_000);
            assert_eq!(taken + reader.dropped(), 200_000);
            assert!(seen > 0);
        });
    }

    #[test]
    fn a_child_reports_and_waits_at_the_gate() {
        let arena = Arena::create(2).unwrap();
        let slot = arena.slot(1).unwrap();
        let ticket = arena.gate().ticket();
        let child = start(|| {
            let again = Arena::from_fd(arena.fd().try_clone_to_owned().unwrap()).unwrap();
            let slot = again.slot(1).unwrap();
            let mut writer = slot.writer();
            slot.start_progress(Some(9));
            slot.enter_idle();
            writer.enter(&record(1));
            let opened = again.gate().wait(ticket, Some(Duration::from_secs(20)));
            writer.finish(&record(1));
            writer.enter(&record(2));
            slot.set_progress(4);
            i32::from(opened.is_err())
        });
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while arena.gate().arrived() == 0 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        let mut reader = slot.reader();
        let (before, finished) = (reader.in_flight(), reader.finished());
        arena.gate().open();
        assert_eq!(waitpid(child, 0), Ok(Some((child, How::Exited(0)))));
        assert_eq!((before, finished), (Some(record(1)), 0));
        assert_eq!(reader.in_flight(), Some(record(2)));
        assert_eq!(reader.drain(9, |r| assert_eq!(r, record(1))), 1);
        assert_eq!((slot.progress(), slot.idle()), ((4, Some(9)), 1));
        assert_eq!(arena.gate().wait(ticket, None), Ok(()), "an old ticket does not wait");
        assert_eq!(arena.gate().arrived(), 0, "nor does it count");
        let limit = Some(Duration::from_millis(1));
        assert_eq!(arena.gate().wait(arena.gate().ticket(), limit), Err(Errno::ETIMEDOUT));
        assert_eq!(arena.gate().arrived(), 1);
    }

    #[test]
    fn flags_and_progress() {
        let slot = Arena::create(1).unwrap().slot(0).unwrap();
        assert!(!slot.cancelled());
        slot.set_cancel(true);
        assert!(slot.cancelled());
        slot.start_progress(None);
        slot.set_progress(3);
        assert_eq!(slot.progress(), (3, None));
        slot.reset();
        assert!(!slot.cancelled());
        assert_eq!(slot.progress(), (0, Some(0)));
    }

    #[test]
    fn only_an_arena_is_taken_for_one() {
        let arena = Arena::create(3).unwrap();
        let again = Arena::from_fd(arena.fd().try_clone_to_owned().unwrap()).unwrap();
        assert_eq!(again.slots(), 3);
        assert_eq!(ftruncate(arena.fd(), 4096), Err(Errno::EPERM), "nobody may cut it under the director");
        let other = memfd_create("other", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
        assert_eq!(Arena::from_fd(other).unwrap_err().errno, Errno::EINVAL);
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(Arena::from_fd(null.into()).is_err());
    }

    /// What a report costs; run it alone with `--release -- --ignored --nocapture`.
    #[test]
    #[ignore = "prints a time"]
    fn cost_of_a_report() {
        let slot = Arena::create(1).unwrap().slot(0).unwrap();
        let (mut writer, mut reader) = (slot.writer(), slot.reader());
        let rounds = 1_000_000_u64;
        let mut record = Record::default();
        let start = std::time::Instant::now();
        for seq in 0..rounds {
            record.seq = seq;
            record.entered_ns = super::super::clock::monotonic_ns();
            writer.enter(&record);
            record.returned_ns = super::super::clock::monotonic_ns();
            writer.finish(&record);
            if seq % 256 == 0 {
                reader.drain(usize::MAX, |_| ());
            }
        }
        println!("{} ns", start.elapsed().as_nanos() as u64 / rounds);
    }
}

//! Memory that this process shares with those that it forks, for measuring: words by their offsets, and copies in and
//! out as memcpy(3) makes them.

use std::fmt;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, compiler_fence};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Anonymous memory, mapped with MAP_SHARED.
pub struct Shared {
    start: NonNull<u8>,
    length: NonZeroUsize,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Shared {
    /// So many zero bytes, all pages there before they are touched.
    ///
    /// # Errors
    /// ENOMEM; EINVAL for none.
    pub fn new(length: usize) -> Result<Self, Errno> {
        Self::map(length, MapFlags::MAP_POPULATE)
    }

    /// The same, but its pages come only when they are touched.
    ///
    /// # Errors
    /// As above.
    pub fn untouched(length: usize) -> Result<Self, Errno> {
        Self::map(length, MapFlags::empty())
    }

    fn map(length: usize, how: MapFlags) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(length).ok_or(Errno::EINVAL)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | how;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap_anonymous(None, length, protection, flags) }?.cast::<u8>();
        Ok(Self { start, length })
    }

    /// Where `count` things of `size` bytes begin.
    ///
    /// # Panics
    /// If they don't lie in the memory, or not at a multiple of their size.
    #[inline]
    fn at(&self, offset: usize, count: usize, size: usize) -> *mut u8 {
        let end = count.checked_mul(size).and_then(|length| offset.checked_add(length));
        assert!(
            end.is_some_and(|end| end <= self.length.get()) && offset.is_multiple_of(size),
            "outside the shared memory"
        );
        self.start.as_ptr().wrapping_add(offset)
    }

    /// The address of `length` bytes at an offset, for calls that want one.
    ///
    /// # Panics
    /// If they don't lie in the memory.
    pub fn address(&self, offset: usize, length: usize) -> u64 {
        self.at(offset, length, 1) as u64
    }

    /// The 32-bit word at an offset.
    ///
    /// # Panics
    /// If it does not lie in the memory, or not at a multiple of 4.
    #[inline]
    pub fn word32(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: inside the mapping, aligned, and only ever used as an atomic; any bytes are valid for one.
        unsafe { &*self.at(offset, 1, 4).cast() }
    }

    /// The 64-bit word at an offset.
    ///
    /// # Panics
    /// If it does not lie in the memory, or not at a multiple of 8.
    #[inline]
    pub fn word64(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: as above.
        unsafe { &*self.at(offset, 1, 8).cast() }
    }

    /// `count` 32-bit words from an offset on.
    ///
    /// # Panics
    /// If they don't lie in the memory, or not at a multiple of 4.
    pub fn words32(&self, offset: usize, count: usize) -> &[AtomicU32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.at(offset, count, 4).cast(), count) }
    }

    /// Copies bytes in at an offset. The optimizer can't take it out. Whoever reads them at the same time may see some
    /// of them old and some new: that is what synchronization is for.
    ///
    /// # Panics
    /// If they don't fit.
    #[inline]
    pub fn copy_in(&self, offset: usize, bytes: &[u8]) {
        let to = self.at(offset, bytes.len(), 1);
        // SAFETY: `to` has room for them inside the mapping, which no slice of this program lies in.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        // Unlike black_box this costs nothing, and what lies before it can't be taken for overwritten unseen.
        compiler_fence(Ordering::SeqCst);
    }

    /// Copies bytes out from an offset on. The optimizer can't take it out.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline]
    pub fn copy_out(&self, offset: usize, to: &mut [u8]) {
        let from = self.at(offset, to.len(), 1);
        // SAFETY: as many bytes lie there inside the mapping, which no slice of this program lies in.
        unsafe { std::ptr::copy_nonoverlapping(from, to.as_mut_ptr(), to.len()) };
        compiler_fence(Ordering::SeqCst);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody borrows from it any longer.
        let _ = unsafe { munmap(self.start.cast(), self.length.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::process::How;
    use crate::kernel::testing::in_child;

    #[test]
    fn a_child_shares_it() {
        let shared = Shared::new(8192).unwrap();
        shared.copy_in(4000, b"from the parent");
        let how = in_child(|| {
            let mut seen = [0; 15];
            shared.copy_out(4000, &mut seen);
            shared.word32(64).store(7, Ordering::Release);
            shared.word64(128).store(u64::MAX, Ordering::Release);
            i32::from(&seen != b"from the parent")
        });
        assert_eq!(how, How::Exited(0));
        assert_eq!(shared.word32(64).load(Ordering::Acquire), 7);
        assert_eq!(shared.words32(64, 2)[0].load(Ordering::Acquire), 7);
        assert_eq!(shared.word64(128).load(Ordering::Acquire), u64::MAX);
    }

    #[test]
    fn nothing_outside_is_reached() {
        let shared = Shared::new(64).unwrap();
        let panics = |what: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(what)).is_err();
        assert!(panics(&|| shared.word32(64).store(1, Ordering::Relaxed)));
        assert!(panics(&|| shared.word64(4).store(1, Ordering::Relaxed)));
        assert!(panics(&|| shared.copy_in(60, b"12345")));
        assert!(panics(&|| shared.words32(0, 17)[0].store(1, Ordering::Relaxed)));
        assert!(panics(&|| assert_ne!(shared.address(usize::MAX, 2), 0)));
        shared.copy_in(59, b"12345");
        assert_eq!(Shared::new(0).unwrap_err(), Errno::EINVAL);
    }
}

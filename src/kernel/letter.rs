//! Messages for measuring: memory of whole pages that is there before it is first touched, with room for the type of a
//! System V message in front of the text, so that no call needs a copy of ours.

use std::fmt;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Where the text begins; the type lies in the eight bytes before it.
const TEXT: usize = 4096;
const KIND: usize = TEXT - size_of::<i64>();

/// A message of a fixed size.
pub struct Letter {
    start: NonNull<u8>,
    length: NonZeroUsize,
    size: usize,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Letter {
    /// A message of `size` zero bytes, its text at the beginning of a page.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new(size: usize) -> Result<Self, Errno> {
        let length = size.checked_add(TEXT).and_then(NonZeroUsize::new).ok_or(Errno::ENOMEM)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap_anonymous(None, length, protection, flags) }?.cast::<u8>();
        let mut letter = Self { start, length, size };
        // Pages that were only populated may still all be the one zero page, of which a write makes a copy.
        letter.text_mut().fill(0);
        Ok(letter)
    }

    /// The text.
    #[inline]
    pub fn text(&self) -> &[u8] {
        // SAFETY: `size` bytes of the mapping behind its first page, which is ours alone.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().wrapping_add(TEXT), self.size) }
    }

    /// The text, to be written.
    #[inline]
    pub fn text_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed for as long as the slice lives.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().wrapping_add(TEXT), self.size) }
    }

    /// Copies another's text of the same size over this one's. The optimizer can't take it out.
    pub fn copy_from(&mut self, other: &Self) {
        let size = self.size.min(other.size);
        self.text_mut()[..size].copy_from_slice(black_box(&other.text()[..size]));
        black_box(self.start);
    }

    fn message(&self) -> *mut u8 {
        self.start.as_ptr().wrapping_add(KIND)
    }

    /// Sends it into a System V queue under a type, see msgsnd(2).
    #[inline]
    pub fn msgsnd(&mut self, id: i32, kind: i64) -> Result<(), Errno> {
        // SAFETY: the eight bytes before the text are ours.
        unsafe { self.message().cast::<[u8; 8]>().write(kind.to_ne_bytes()) };
        // SAFETY: behind the type lie as many bytes as the text has.
        Errno::result(unsafe { libc::msgsnd(id, self.message().cast(), self.size, 0) }).map(drop)
    }

    /// Takes a message of a type out of a System V queue, see msgrcv(2), and gives its length.
    #[inline]
    pub fn msgrcv(&mut self, id: i32, kind: i64) -> Result<usize, Errno> {
        // SAFETY: behind the type there is room for as many bytes as are asked for.
        let ret = unsafe { libc::msgrcv(id, self.message().cast(), self.size, kind, 0) };
        Errno::result(ret).map(|length| length as usize)
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody borrows from it any longer.
        let _ = unsafe { munmap(self.start.cast(), self.length.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sysv::{Kind, msgget, remove};

    #[test]
    fn a_text_begins_a_page_and_is_copied() {
        let mut one = Letter::new(10_000).unwrap();
        assert_eq!(one.text().as_ptr() as usize % 4096, 0);
        assert!(one.text().iter().all(|byte| *byte == 0));
        one.text_mut().fill(7);
        let mut other = Letter::new(10_000).unwrap();
        other.copy_from(&one);
        assert_eq!(one.text(), other.text());
        assert_eq!(Letter::new(0).unwrap().text(), b"");
        assert_eq!(Letter::new(usize::MAX).unwrap_err(), Errno::ENOMEM);
    }

    #[test]
    fn a_message_goes_through_a_queue_with_its_type() {
        let id = msgget(libc::IPC_PRIVATE, 0o600).unwrap();
        let (mut out, mut back) = (Letter::new(100).unwrap(), Letter::new(100).unwrap());
        out.text_mut().copy_from_slice(&[5; 100]);
        let sent = out.msgsnd(id, 2);
        let received = back.msgrcv(id, 2);
        let wrong = out.msgsnd(id, 0);
        remove(Kind::Queues, id).unwrap();
        assert_eq!((sent, received, wrong), (Ok(()), Ok(100), Err(Errno::EINVAL)));
        assert_eq!(back.text(), [5; 100]);
        assert_eq!(back.msgrcv(id, 2), Err(Errno::EINVAL));
    }
}

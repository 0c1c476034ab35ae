//! What a pipe holds, seen without taking it out.
//!
//! tee(2) duplicates the references to the pipe's pages into a scratch pipe in one atomic step; what is then read is
//! the scratch pipe. Moving the duplicates on through a pipe of one slot tells the length of each slot.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice, tee};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{pipe2, read};

use super::{Result, SysResultExt};

/// What a pipe holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// All bytes, oldest first.
    pub bytes: Vec<u8>,
    /// How many bytes lie in each of its occupied slots, oldest first. In packet mode each is one packet.
    pub slots: Vec<usize>,
    /// Whether anybody could still write: without a writer, a reader of the empty pipe gets end of file.
    pub has_writer: bool,
}

/// The pipes through which a [`Contents`] is read. One for each director: pipes are charged to the user, and too many
/// pages shrink everybody's.
#[derive(Debug)]
pub struct Scratch {
    whole: Pipe,
    slot: Pipe,
    capacity: usize,
}

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    fn new() -> Result<Self> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).on("pipe2", "scratch")?;
        Ok(Self { read, write })
    }

    /// Appends `length` bytes to `into`. In packet mode one read gives one packet at most, so it takes several.
    fn take(&self, mut length: usize, into: &mut Vec<u8>) -> Result<(), Errno> {
        let mut filled = into.len();
        into.resize(filled + length, 0);
        while length > 0 {
            match read(&self.read, &mut into[filled..]) {
                Ok(0) => return Err(Errno::EPIPE),
                Ok(count) => {
                    filled += count;
                    length -= count;
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

impl Scratch {
    /// A scratch as large as a pipe of default size.
    ///
    /// # Errors
    /// EMFILE, ENFILE.
    pub fn new() -> Result<Self> {
        let (whole, slot) = (Pipe::new()?, Pipe::new()?);
        fcntl(&slot.write, FcntlArg::F_SETPIPE_SZ(1)).on("fcntl", "F_SETPIPE_SZ 1")?;
        let capacity = capacity(&whole.write).on("fcntl", "F_GETPIPE_SZ")?;
        Ok(Self { whole, slot, capacity })
    }

    /// Grows it to look into pipes of `bytes`. Call it while the stage is settled: for a moment it takes pages that an
    /// actor's F_SETPIPE_SZ might miss.
    ///
    /// # Errors
    /// EPERM beyond /proc/sys/fs/pipe-max-size or the user's share of pipe pages.
    pub fn fit(&mut self, bytes: usize) -> Result<(), Errno> {
        if bytes > self.capacity {
            let bytes = i32::try_from(bytes).map_err(|_overflow| Errno::EPERM)?;
            self.capacity = fcntl(&self.whole.write, FcntlArg::F_SETPIPE_SZ(bytes))? as usize;
        }
        Ok(())
    }

    /// How large a pipe it can look into, in bytes.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Reads what a pipe holds, through a descriptor that may read it. The pipe itself stays as it is.
    ///
    /// # Errors
    /// EBADF through an end that may only write; EINVAL if it is no pipe; ENOBUFS if the pipe is larger than this
    /// scratch, see [`Self::fit`]: contents are never given in part.
    pub fn contents(&mut self, pipe: impl AsFd) -> Result<Contents, Errno> {
        let pipe = pipe.as_fd();
        match capacity(pipe) {
            Ok(size) if size > self.capacity => return Err(Errno::ENOBUFS),
            Ok(_) => {}
            Err(Errno::EBADF) => return Err(Errno::EINVAL),
            Err(errno) => return Err(errno),
        }
        let everything = i32::MAX as usize;
        let total = match tee(pipe, &self.whole.write, everything, SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(0) => return Ok(Contents::default()),
            Ok(total) => total,
            Err(Errno::EAGAIN) => return Ok(Contents { has_writer: true, ..Contents::default() }),
            Err(errno) => return Err(errno),
        };
        let read = self.read_out(total);
        if read.is_err() {
            // Whatever lies in the scratch now would be taken for the next pipe's contents.
            let capacity = self.capacity;
            *self = Self::new().map_err(|error| error.errno)?;
            self.fit(capacity)?;
        }
        let (bytes, slots) = read?;
        Ok(Contents { bytes, slots, has_writer: has_writer(pipe) })
    }

    fn read_out(&self, total: usize) -> Result<(Vec<u8>, Vec<usize>), Errno> {
        let (mut bytes, mut slots) = (Vec::with_capacity(total), Vec::new());
        while bytes.len() < total {
            let flags = SpliceFFlags::SPLICE_F_NONBLOCK | SpliceFFlags::SPLICE_F_MOVE;
            let length = splice(&self.whole.read, None, &self.slot.write, None, total, flags)?;
            if length == 0 {
                return Err(Errno::EPIPE);
            }
            self.slot.take(length, &mut bytes)?;
            slots.push(length);
        }
        Ok((bytes, slots))
    }
}

/// The size of a pipe in bytes: its slots times the page size.
///
/// # Errors
/// EBADF if it is no pipe.
pub fn capacity(pipe: impl AsFd) -> Result<usize, Errno> {
    fcntl(pipe, FcntlArg::F_GETPIPE_SZ).map(|size| size as usize)
}

/// How many bytes could be read now, see FIONREAD in ioctl(2). Works on either end of a pipe.
pub fn fionread(fd: impl AsFd) -> Result<usize, Errno> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int to the address given.
    let ret = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut count) };
    Errno::result(ret).map(|_| count as usize)
}

/// Whether a pipe has a writer, asked through a descriptor that may read it.
fn has_writer(pipe: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(pipe, PollFlags::empty())];
    let asked = poll(&mut fds, PollTimeout::ZERO);
    !(asked.is_ok() && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)))
}

#[cfg(test)]
mod tests {
    use nix::unistd::write;

    use super::*;

    fn pipe(flags: OFlag) -> (OwnedFd, OwnedFd) {
        pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | flags).unwrap()
    }

    fn read_all(read_end: &OwnedFd) -> Vec<u8> {
        let (mut all, mut part) = (Vec::new(), vec![0; 1 << 20]);
        while let Ok(count @ 1..) = read(read_end, &mut part) {
            all.extend_from_slice(&part[..count]);
        }
        all
    }

    #[test]
    fn looks_without_taking() {
        let (r, w) = pipe(OFlag::empty());
        let mut scratch = Scratch::new().unwrap();
        assert_eq!(scratch.contents(&r), Ok(Contents { has_writer: true, ..Contents::default() }));
        write(&w, b"hello ").unwrap();
        write(&w, b"world").unwrap();
        let expected = Contents { bytes: b"hello world".to_vec(), slots: vec![11], has_writer: true };
        for _ in 0..3 {
            assert_eq!(scratch.contents(&r), Ok(expected.clone()));
        }
        assert_eq!((fionread(&r), fionread(&w)), (Ok(11), Ok(11)));
        // A look must not end the merging of small writes into one slot.
        write(&w, b"!").unwrap();
        assert_eq!(scratch.contents(&r).unwrap().slots, [12]);
        assert_eq!(scratch.contents(&w), Err(Errno::EBADF));
        drop(w);
        let after = scratch.contents(&r).unwrap();
        assert!(!after.has_writer && after.bytes == b"hello world!");
        assert_eq!(read_all(&r), b"hello world!");
        assert_eq!(scratch.contents(&r), Ok(Contents::default()), "end of file");
    }

    #[test]
    fn slots_are_the_kernels_pages() {
        let (r, w) = pipe(OFlag::empty());
        let mut scratch = Scratch::new().unwrap();
        while write(&w, &[b'x'; 4000]).is_ok() {}
        while write(&w, b"y").is_ok() {}
        let seen = scratch.contents(&r).unwrap();
        assert_eq!(seen.slots.iter().sum::<usize>(), seen.bytes.len());
        assert_eq!(seen.slots.len(), capacity(&r).unwrap() / page_size());
        assert_eq!(Ok(seen.bytes.len()), fionread(&r));
        assert_eq!(read_all(&r), seen.bytes);
    }

    #[test]
    fn packets_stay_apart() {
        let (r, w) = pipe(OFlag::O_DIRECT);
        let mut scratch = Scratch::new().unwrap();
        for packet in ["one", "two!", "three"] {
            write(&w, packet.as_bytes()).unwrap();
        }
        let seen = scratch.contents(&r).unwrap();
        assert_eq!((seen.bytes.as_slice(), seen.slots), (b"onetwo!three".as_slice(), vec![3, 4, 5]));
        let mut part = [0; 100];
        assert_eq!(read(&r, &mut part), Ok(3), "packets of the real pipe are still packets");
    }

    #[test]
    fn a_larger_pipe_is_refused_until_the_scratch_fits() {
        let (r, w) = pipe(OFlag::empty());
        let large = fcntl(&w, FcntlArg::F_SETPIPE_SZ(1 << 18)).unwrap() as usize;
        let data: Vec<u8> = (0..large).map(|i| (i / 7) as u8).collect();
        assert_eq!(write(&w, &data), Ok(large));
        let mut scratch = Scratch::new().unwrap();
        assert_eq!(scratch.contents(&r), Err(Errno::ENOBUFS));
        scratch.fit(large).unwrap();
        let seen = scratch.contents(&r).unwrap();
        assert!(seen.bytes == data && seen.slots.len() == large / page_size());
        assert!(read_all(&r) == data);
        assert_eq!(scratch.fit(usize::MAX), Err(Errno::EPERM));
    }

    #[test]
    fn what_is_no_pipe_is_refused() {
        let file = crate::kernel::testing::scratch_file("no pipe");
        assert_eq!(Scratch::new().unwrap().contents(file), Err(Errno::EINVAL));
    }

    fn page_size() -> usize {
        nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap() as usize
    }
}

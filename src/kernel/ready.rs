//! Waiting for many descriptors: poll(2), select(2), epoll(7); by number, as an actor uses them. And which
//! descriptors of an epoll instance are which, for whoever looks at one.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

use super::clock::timespec;
use super::signal::raw_set;

/// One descriptor and what is asked of it, see poll(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Polled {
    /// Its number.
    pub fd: i32,
    /// What is asked: POLLIN, POLLOUT, ...
    pub events: i16,
    /// What the kernel answered.
    pub revents: i16,
}

/// Waits until one of several descriptors is ready, at most for `timeout_ms`, for ever if that is negative; see poll(2).
pub fn poll(fds: &mut [Polled], timeout_ms: i32) -> Result<i64, Errno> {
    let (pointer, count) = (fds.as_mut_ptr().cast::<libc::pollfd>(), fds.len() as libc::nfds_t);
    // SAFETY: Polled has the layout of pollfd, and the kernel writes into that many of them.
    Errno::result(unsafe { libc::poll(pointer, count, timeout_ms) }).map(i64::from)
}

/// The same with a timeout in ns, and a set of signals that are blocked meanwhile in place of the present one; see
/// ppoll(2).
pub fn ppoll(fds: &mut [Polled], timeout_ns: Option<u64>, mask: Option<u64>) -> Result<i64, Errno> {
    let (timeout, mask) = (timeout_ns.map(timespec), mask.map(raw_set));
    let (pointer, count) = (fds.as_mut_ptr().cast::<libc::pollfd>(), fds.len() as libc::nfds_t);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mask = mask.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: as in poll; time and set are null or live in this frame.
    Errno::result(unsafe { libc::ppoll(pointer, count, timeout, mask) }).map(i64::from)
}

/// A set of descriptors below FD_SETSIZE, see select(2).
#[derive(Clone, Copy)]
pub struct FdSet(libc::fd_set);

impl Default for FdSet {
    fn default() -> Self {
        // SAFETY: all zero is the empty set.
        Self(unsafe { std::mem::zeroed() })
    }
}

impl FdSet {
    /// Adds a number; `false` if no set has room for it, where C would write beyond the set.
    pub fn add(&mut self, fd: i32) -> bool {
        let fits = (0..libc::FD_SETSIZE as i32).contains(&fd);
        if fits {
            // SAFETY: the number is within the set.
            unsafe { libc::FD_SET(fd, &raw mut self.0) };
        }
        fits
    }

    /// Whether it holds a number.
    pub fn has(&self, fd: i32) -> bool {
        // SAFETY: the number is within the set.
        (0..libc::FD_SETSIZE as i32).contains(&fd) && unsafe { libc::FD_ISSET(fd, &raw const self.0) }
    }
}

/// The three sets of a select: to read, to write, exceptional.
pub type FdSets = [Option<FdSet>; 3];

/// Waits until one of the descriptors in the sets is ready; each set then holds those that are. See select(2).
pub fn select(nfds: i32, sets: &mut FdSets, timeout_ns: Option<u64>) -> Result<i64, Errno> {
    let mut timeout = timeout_ns.map(|ns| {
        let t = timespec(ns);
        libc::timeval { tv_sec: t.tv_sec, tv_usec: t.tv_nsec / 1000 }
    });
    let [read, write, except] = pointers(sets);
    let timeout = timeout.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: the sets are null or ours, and hold every number below FD_SETSIZE, of which the caller's is not more.
    Errno::result(unsafe { libc::select(nfds, read, write, except, timeout) }).map(i64::from)
}

/// The same with a timeout in ns, and a set of signals that are blocked meanwhile; see pselect(2).
pub fn pselect(nfds: i32, sets: &mut FdSets, timeout_ns: Option<u64>, mask: Option<u64>) -> Result<i64, Errno> {
    let (timeout, mask) = (timeout_ns.map(timespec), mask.map(raw_set));
    let [read, write, except] = pointers(sets);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mask = mask.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: as in select; the mask is null or lives in this frame.
    Errno::result(unsafe { libc::pselect(nfds, read, write, except, timeout, mask) }).map(i64::from)
}

fn pointers(sets: &mut FdSets) -> [*mut libc::fd_set; 3] {
    sets.each_mut().map(|set| set.as_mut().map_or(std::ptr::null_mut(), |set| &raw mut set.0))
}

/// A new epoll instance, see epoll_create1(2).
pub fn epoll_create1(flags: i32) -> Result<i32, Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::epoll_create1(flags) })
}

/// Adds, changes or removes a descriptor of the interest list; `event` is what is asked and what is given back with an
/// event. See epoll_ctl(2).
pub fn epoll_ctl(epfd: i32, op: i32, fd: i32, event: Option<(u32, u64)>) -> Result<(), Errno> {
    let mut event = event.map(|(events, data)| libc::epoll_event { events, u64: data });
    let event = event.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: the event is null or lives in this frame.
    Errno::result(unsafe { libc::epoll_ctl(epfd, op, fd, event) }).map(drop)
}

/// Waits for events, at most `max` of them: what happened, and the data given with the descriptor. A mask makes it
/// epoll_pwait(2).
pub fn epoll_wait(epfd: i32, max: i32, timeout_ms: i32, mask: Option<u64>) -> Result<Vec<(u32, u64)>, Errno> {
    let room = max.clamp(0, 4096);
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; room as usize];
    // What is no number of events, or more than there can be (EP_MAX_EVENTS of fs/eventpoll.c), is refused by the kernel
    // before it touches the buffer.
    let most = i32::MAX / size_of::<libc::epoll_event>() as i32;
    let asked = if (1..=most).contains(&max) { room } else { max };
    let mask = mask.map(raw_set);
    let ret = match &mask {
        // SAFETY: the kernel writes at most `asked` events into the buffer.
        None => unsafe { libc::epoll_wait(epfd, events.as_mut_ptr(), asked, timeout_ms) },
        // SAFETY: as above; the set is ours.
        Some(mask) => unsafe {
            libc::epoll_pwait(epfd, events.as_mut_ptr(), asked, timeout_ms, std::ptr::from_ref(mask))
        },
    };
    let count = Errno::result(ret)? as usize;
    Ok(events[..count].iter().map(|event| (event.events, event.u64)).collect())
}

/// Which of `events` a descriptor of ours is ready for, with POLLERR, POLLHUP and POLLNVAL, which nobody need ask for.
/// Takes nothing out and waits for nothing.
pub fn readiness(fd: impl AsFd, events: i16) -> Result<i16, Errno> {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::from_bits_retain(events))];
    loop {
        match nix::poll::poll(&mut fds, PollTimeout::ZERO) {
            Ok(_) => return Ok(fds[0].revents().map_or(0, |ready| ready.bits())),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether descriptor `candidate` (of a process, by its number there) is the file that an epoll instance watches as
/// number `watched`; `nth` counts those that it watches under the same number, from 0. See kcmp(2).
///
/// # Errors
/// ENOENT if the instance watches nothing there, EBADF, ESRCH, EPERM; ENOSYS where the kernel was built without it.
pub fn epoll_watches(epoll: (i32, i32), watched: i32, nth: u32, candidate: (i32, i32)) -> Result<bool, Errno> {
    /// `struct kcmp_epoll_slot` of linux/kcmp.h.
    #[repr(C)]
    struct Slot {
        efd: u32,
        tfd: u32,
        toff: u32,
    }
    const KCMP_EPOLL_TFD: i32 = 7;
    let slot = Slot { efd: epoll.1 as u32, tfd: watched as u32, toff: nth };
    // SAFETY: four integers and the address of a slot of ours, which the kernel reads.
    let ret = unsafe {
        libc::syscall(libc::SYS_kcmp, candidate.0, epoll.0, KCMP_EPOLL_TFD, candidate.1 as u64, &raw const slot)
    };
    Errno::result(ret).map(|order| order == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fd;

    #[test]
    fn one_of_several_is_ready() {
        let (r, w) = fd::pipe2(libc::O_CLOEXEC).unwrap();
        let ask = |fd, events| Polled { fd, events, revents: 0 };
        let mut fds = [ask(r, libc::POLLIN), ask(w, libc::POLLOUT), ask(-1, libc::POLLIN)];
        assert_eq!(poll(&mut fds, 0), Ok(1));
        assert_eq!(fds.map(|f| f.revents), [0, libc::POLLOUT, 0]);
        fd::write(w, b"x").unwrap();
        assert_eq!(ppoll(&mut fds, Some(0), Some(0)), Ok(2));
        assert_eq!(fds[0].revents, libc::POLLIN);
        let mut sets: FdSets = [Some(FdSet::default()), Some(FdSet::default()), None];
        for (set, fd) in [(0, r), (1, w)] {
            assert!(sets[set].as_mut().unwrap().add(fd));
        }
        let all = sets;
        assert_eq!(select(r.max(w) + 1, &mut sets, Some(0)), Ok(2));
        assert!(sets[0].unwrap().has(r) && sets[1].unwrap().has(w) && !sets[1].unwrap().has(r));
        let mut byte = [0];
        fd::read(r, &mut byte).unwrap();
        sets = all;
        assert_eq!(pselect(r.max(w) + 1, &mut sets, Some(0), Some(0)), Ok(1));
        assert!(!sets[0].unwrap().has(r));
        assert!(!FdSet::default().add(-1) && !FdSet::default().add(libc::FD_SETSIZE as i32));
        for end in [r, w] {
            fd::close(end).unwrap();
        }
        fds[0].events = libc::POLLIN;
        assert_eq!(poll(&mut fds[..1], 0), Ok(1));
        assert_eq!(fds[0].revents, libc::POLLNVAL);
    }

    #[test]
    fn an_edge_is_told_once_and_a_level_again() {
        let (r, w) = fd::pipe2(libc::O_CLOEXEC).unwrap();
        let ep = epoll_create1(libc::EPOLL_CLOEXEC).unwrap();
        let (level, edge) = (libc::EPOLLIN as u32, (libc::EPOLLIN | libc::EPOLLET) as u32);
        epoll_ctl(ep, libc::EPOLL_CTL_ADD, r, Some((level, 7))).unwrap();
        assert_eq!(epoll_wait(ep, 8, 0, None), Ok(vec![]));
        fd::write(w, b"xy").unwrap();
        assert_eq!(epoll_wait(ep, 8, 0, None), Ok(vec![(level, 7)]));
        assert_eq!(epoll_wait(ep, 8, 0, Some(0)), Ok(vec![(level, 7)]));
        epoll_ctl(ep, libc::EPOLL_CTL_MOD, r, Some((edge, 7))).unwrap();
        assert_eq!(epoll_wait(ep, 8, 0, None), Ok(vec![(level, 7)]));
        assert_eq!(epoll_wait(ep, 8, 0, None), Ok(vec![]));
        assert_eq!(epoll_wait(ep, 0, 0, None), Err(Errno::EINVAL));
        assert_eq!(epoll_ctl(ep, libc::EPOLL_CTL_ADD, r, Some((level, 7))), Err(Errno::EEXIST));
        let us = std::process::id() as i32;
        match epoll_watches((us, ep), r, 0, (us, r)) {
            Err(Errno::ENOSYS) => {}
            same => {
                assert_eq!(same, Ok(true));
                assert_eq!(epoll_watches((us, ep), r, 0, (us, w)), Ok(false));
                assert_eq!(epoll_watches((us, ep), w, 0, (us, w)), Err(Errno::ENOENT));
            }
        }
        epoll_ctl(ep, libc::EPOLL_CTL_DEL, r, None).unwrap();
        for fd in [r, w, ep] {
            fd::close(fd).unwrap();
        }
    }
}

//! A stage's events, read from its wire by whoever waits for one: no thread between, whose wake-up would cost as much
//! as a statement's own.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::StageEvent;
use super::wire::{Answer, Frames};

/// What has arrived, and where more comes from.
#[derive(Debug)]
pub(super) struct Inbox {
    wire: UnixStream,
    frames: Frames,
    lost: bool,
}

impl Inbox {
    pub(super) const fn new(wire: UnixStream, frames: Frames) -> Self {
        Self { wire, frames, lost: false }
    }

    /// The next event, waited for at most so long, or for ever; after [`StageEvent::Lost`] there is none.
    pub(super) fn next(&mut self, timeout: Option<Duration>) -> Option<StageEvent> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            if self.lost {
                return None;
            }
            match self.frames.next::<Answer>() {
                Ok(Some(Answer::Event(event))) => return Some(*event),
                Ok(Some(Answer::Open(_))) => continue,
                Ok(None) => {}
                Err(error) => return Some(self.lose(error.to_string())),
            }
            // A blocking read is the wait, where nothing limits it.
            if let Some(until) = until
                && !self.ready(PollFlags::POLLIN, Some(until)).contains(PollFlags::POLLIN)
            {
                return None;
            }
            match self.frames.fill(&mut self.wire) {
                Ok(true) => {}
                Ok(false) => return Some(self.lose("its director has ended".to_owned())),
                Err(error) => return Some(self.lose(error.to_string())),
            }
        }
    }

    /// Waits until a request can go out, taking in what arrives meanwhile: the director may be held up by events that
    /// nobody has read, and would not read the request.
    pub(super) fn make_room(&mut self) -> io::Result<()> {
        loop {
            let ready = self.ready(PollFlags::POLLIN | PollFlags::POLLOUT, None);
            if ready.contains(PollFlags::POLLOUT) {
                return Ok(());
            }
            if !self.frames.fill(&mut self.wire)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// What of `wanted` is so, or else an end that a read will tell of; nothing when it is `until`.
    fn ready(&self, wanted: PollFlags, until: Option<Instant>) -> PollFlags {
        loop {
            let timeout = until.map_or(PollTimeout::NONE, |until| {
                let left = until.saturating_duration_since(Instant::now());
                // Rounded up: no turns without waiting at the end.
                PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
            });
            let mut fds = [PollFd::new(self.wire.as_fd(), wanted)];
            match poll(&mut fds, timeout) {
                Ok(0) if until.is_none_or(|until| until > Instant::now()) => {}
                Err(Errno::EINTR) => {}
                Ok(0) => return PollFlags::empty(),
                Ok(_) => {
                    let ready = fds[0].revents().unwrap_or(PollFlags::empty());
                    // At an end there is room for nothing, and a read does not block.
                    return if ready.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) {
                        PollFlags::POLLIN
                    } else {
                        ready
                    };
                }
                Err(_) => return wanted,
            }
        }
    }

    fn lose(&mut self, why: String) -> StageEvent {
        self.lost = true;
        StageEvent::Lost(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::wire::Framer;

    fn event(text: &str) -> Answer {
        Answer::Event(Box::new(StageEvent::Lost(text.to_owned())))
    }

    fn words(event: Option<StageEvent>) -> Option<String> {
        match event {
            Some(StageEvent::Lost(words)) => Some(words),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    #[test]
    fn events_come_in_order_and_then_the_end() {
        let (mut director, face) = UnixStream::pair().unwrap();
        let mut inbox = Inbox::new(face, Frames::default());
        assert_eq!(words(inbox.next(Some(Duration::ZERO))), None);
        for text in ["one", "two"] {
            Framer::default().write(&mut director, &event(text)).unwrap();
        }
        assert_eq!(words(inbox.next(None)).as_deref(), Some("one"));
        assert_eq!(words(inbox.next(Some(Duration::from_secs(1)))).as_deref(), Some("two"));
        drop(director);
        assert_eq!(words(inbox.next(None)).as_deref(), Some("its director has ended"));
        assert_eq!(words(inbox.next(None)), None);
    }

    #[test]
    fn a_request_waits_for_a_director_that_waits_for_us() {
        let (mut director, face) = UnixStream::pair().unwrap();
        let mut out = face.try_clone().unwrap();
        let mut inbox = Inbox::new(face, Frames::default());
        let long = "x".repeat(100_000);
        let write = move || {
            for _ in 0..20 {
                Framer::default().write(&mut director, &event(&long)).unwrap();
            }
            // Only now does it read.
            let (mut frames, mut read) = (Frames::default(), 0);
            while read < 200_000 {
                read += frames.next::<String>().unwrap().map_or(0, |text| text.len());
                assert!(read == 200_000 || frames.fill(&mut director).unwrap());
            }
            read
        };
        let wrote = std::thread::Builder::new().spawn(write).unwrap();
        for _ in 0..2 {
            inbox.make_room().unwrap();
            Framer::default().write(&mut out, &"y".repeat(100_000)).unwrap();
        }
        assert_eq!((0..20).filter_map(|_| words(inbox.next(None))).map(|words| words.len()).sum::<usize>(), 2_000_000);
        assert_eq!(wrote.join().unwrap(), 200_000);
    }
}

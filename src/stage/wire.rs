//! What travels between the processes of a stage: requests and events between face and director, orders and replies
//! between director and actor. Both ends are the same binary, so the format needs no version.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use postcard::ser_flavors::Flavor;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{StageEvent, StageInfo};
use crate::facility::perform::{HostAddress, Made, Names, Peer, Refusal, Shared, Thread};
use crate::script::{CallExpr, Statement};

/// What a face asks of a director.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
    /// Carry out a statement; exactly one [`StageEvent::Ended`] with this id answers.
    Run { id: u64, statement: Statement },
    /// Stop what runs freely before its next call, and give up an `await`.
    Cancel,
    /// Look again; a [`StageEvent::Refreshed`] answers.
    Refresh,
    /// Read objects from now on, or leave them alone.
    Observe(bool),
}

/// What a director tells its face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The stage stands. The first word of every director.
    Open(Box<StageInfo>),
    /// Something happened.
    Event(Box<StageEvent>),
}

/// What an actor is to do. One at a time; a [`Reply::Done`] answers each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// Counted over the stage.
    pub number: u32,
    /// The calls of one round.
    pub body: Vec<CallExpr>,
    /// How many rounds; `None` until cancelled.
    pub rounds: Option<u64>,
    /// Whether it is a free run: shown with its progress, ended by `cancel`.
    pub free: bool,
    /// The gate's ticket, if all shall start together.
    pub gate: Option<u32>,
    /// The actors that the calls name.
    pub peers: Vec<Peer>,
    /// The addresses of the hosts that the calls name.
    pub hosts: Vec<HostAddress>,
    /// The slot of the child or thread that the order makes, if it does; its control socket travels with the order.
    pub seat: Option<u32>,
    /// What names stand for, and what standard output holds back, if other threads of the process have changed it.
    pub names: Option<Shared>,
}

/// What an actor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// It is there and waits for orders: after a spawn, a fork, an execve.
    Hello { pid: i32, thread: Thread, names: Names },
    /// An order is done.
    Done {
        number: u32,
        made: Vec<Made>,
        /// Names and variables, if any changed.
        names: Option<Names>,
        /// Why a call was not made, if one was not.
        refusal: Option<Refusal>,
    },
}

/// The longest frame between face and director. A snapshot of a full stage stays far below.
const FRAME_MAX: usize = 64 << 20;
/// What a buffer for frames keeps after a longer one.
const KEPT_MAX: usize = 1 << 20;
/// The longest order or reply; what is longer is refused before it is sent. Names and variables at their limits fit,
/// and so does it into a socket's buffer, by the kernel's default 208 KiB.
pub(super) const ORDER_MAX: usize = 160 << 10;

/// Writes frames: the length of each in four bytes, then its bytes. They are put together in a buffer that is kept.
#[derive(Debug, Default)]
pub(super) struct Framer {
    buffer: Vec<u8>,
}

impl Framer {
    pub(super) fn write(&mut self, stream: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.extend([0; 4]);
        postcard::serialize_with_flavor(message, Appended(&mut self.buffer)).map_err(io::Error::other)?;
        let length = (self.buffer.len() - 4) as u32;
        self.buffer[..4].copy_from_slice(&length.to_le_bytes());
        let written = stream.write_all(&self.buffer);
        self.buffer.shrink_to(KEPT_MAX);
        written
    }
}

/// What postcard writes, behind what is there.
struct Appended<'a>(&'a mut Vec<u8>);

impl Flavor for Appended<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Takes whole frames out of bytes that arrive in pieces.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
}

impl Frames {
    /// Reads once; `false` at the end of the stream.
    pub(super) fn fill(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        let mut chunk = [0; 16 << 10];
        match stream.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                Ok(true)
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => Ok(true),
            Err(e) => Err(e),
        }
    }

    /// The next whole frame.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(head) = self.buffer.get(..4) else { return Ok(None) };
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length > FRAME_MAX {
            return Err(io::Error::other("a frame longer than FRAME_MAX"));
        }
        if self.buffer.len() < 4 + length {
            return Ok(None);
        }
        let message = postcard::from_bytes(&self.buffer[4..4 + length]).map_err(io::Error::other)?;
        self.buffer.drain(..4 + length);
        Ok(Some(message))
    }
}

/// Sends one message over a sequenced-packet socket, with a descriptor if there is one.
pub(super) fn send(socket: RawFd, message: &impl Serialize, descriptor: Option<RawFd>) -> Result<(), Errno> {
    let bytes = postcard::to_stdvec(message).map_err(|_large| Errno::EMSGSIZE)?;
    if bytes.len() > ORDER_MAX {
        return Err(Errno::EMSGSIZE);
    }
    let rights = descriptor.map(|fd| [fd]);
    let control: Vec<ControlMessage<'_>> = rights.iter().map(|fds| ControlMessage::ScmRights(fds)).collect();
    loop {
        match sendmsg::<()>(socket, &[IoSlice::new(&bytes)], &control, MsgFlags::MSG_NOSIGNAL, None) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Waits for a message and reads it, but leaves it where it is, with the descriptor that may come with it; `None` when
/// the other end is closed. A signal does not end the wait.
pub(super) fn peek<T: DeserializeOwned>(socket: RawFd, buffer: &mut [u8]) -> Result<Option<T>, Errno> {
    loop {
        let mut slices = [IoSliceMut::new(buffer)];
        match recvmsg::<()>(socket, &mut slices, None, MsgFlags::MSG_PEEK).map(|message| message.bytes) {
            Ok(0) => return Ok(None),
            Ok(length) => return postcard::from_bytes(&buffer[..length]).map(Some).map_err(|_garbled| Errno::EBADMSG),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Takes the message away that was peeked at. One that carries a descriptor is for [`receive`].
pub(super) fn take_away(socket: RawFd) {
    let mut none = [];
    while recvmsg::<()>(socket, &mut [IoSliceMut::new(&mut none)], None, MsgFlags::empty()) == Err(Errno::EINTR) {}
}

/// Receives one message; `None` when the other end is closed. A signal does not end the wait.
pub(super) fn receive<T: DeserializeOwned>(
    socket: RawFd,
    buffer: &mut [u8],
    flags: MsgFlags,
) -> Result<Option<(T, Option<RawFd>)>, Errno> {
    let mut space = nix::cmsg_space!(RawFd);
    loop {
        let mut slices = [IoSliceMut::new(buffer)];
        let received = recvmsg::<()>(socket, &mut slices, Some(&mut space), flags | MsgFlags::MSG_CMSG_CLOEXEC);
        let (length, descriptor) = match received {
            Ok(message) => {
                let rights = message.cmsgs().ok().and_then(|mut all| {
                    all.find_map(
                        |c| if let ControlMessageOwned::ScmRights(fds) = c { fds.first().copied() } else { None },
                    )
                });
                (message.bytes, rights)
            }
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        if length == 0 {
            return Ok(None);
        }
        let message = postcard::from_bytes(&buffer[..length]).map_err(|_garbled| Errno::EBADMSG)?;
        return Ok(Some((message, descriptor)));
    }
}

//! Netlink: requests to the kernel over a socket, and answers in parts, see netlink(7).

pub mod diag;
pub mod route;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};
use nix::sys::time::TimeSpec;

use super::{Result, SysResultExt};

const HEADER: usize = 16;

/// A netlink socket of the network namespace in which it was opened.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    /// Opens one of a family of netlink.
    pub fn open(family: SockProtocol) -> Result<Self> {
        let socket =
            socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, family).on("socket", "AF_NETLINK")?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; 32 << 10] })
    }

    /// Has the kernel send what happens in these groups, see netlink(7).
    pub(super) fn join(&self, groups: u32) -> Result<()> {
        bind(self.socket.as_raw_fd(), &NetlinkAddr::new(0, groups)).on("bind", "AF_NETLINK")
    }

    /// Waits until something has happened in a joined group, at most so long, and takes it off. `false`: nothing has.
    /// EINTR is for the caller, who knows how long is left.
    ///
    /// # Errors
    /// Those of ppoll(2).
    pub fn happened(&mut self, within: Duration) -> Result<bool, Errno> {
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        if ppoll(&mut fds, Some(TimeSpec::from_duration(within)), None)? == 0 {
            return Ok(false);
        }
        loop {
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
                // More than there was room for: it has happened, whatever it was.
                Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR) => {}
                Err(_) => return Ok(true),
            }
        }
    }

    /// Sends a request and calls `each` with kind and payload of every message of the answer. NLM_F_REQUEST is added
    /// to the flags; NLM_F_DUMP or NLM_F_ACK tell where an answer of several parts ends.
    ///
    /// # Errors
    /// What the kernel answers, such as ENOENT.
    pub fn request(
        &mut self,
        kind: u16,
        flags: u16,
        payload: &[u8],
        mut each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = HEADER + payload.len();
        let mut message = Vec::with_capacity(length);
        message.extend((length as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend((flags | libc::NLM_F_REQUEST as u16).to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend(0_u32.to_ne_bytes());
        message.extend(payload);
        restarted(|| send(self.socket.as_raw_fd(), &message, MsgFlags::empty()))?;
        let single = flags & (libc::NLM_F_DUMP | libc::NLM_F_ACK) as u16 == 0;
        loop {
            let length = restarted(|| recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()))?;
            let mut rest = &self.buffer[..length];
            while let Some((kind, sequence, body, behind)) = split(rest) {
                rest = behind;
                if sequence != self.sequence {
                    continue;
                }
                match i32::from(kind) {
                    libc::NLMSG_DONE => return Ok(()),
                    libc::NLMSG_ERROR => {
                        let code = body.first_chunk().map_or(0, |b| i32::from_ne_bytes(*b));
                        return if code == 0 { Ok(()) } else { Err(Errno::from_raw(-code)) };
                    }
                    _ => each(kind, body),
                }
                if single {
                    return Ok(());
                }
            }
        }
    }
}

/// A call that is made again where a signal ended it before anything was done.
fn restarted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

/// The first message of some bytes: kind, sequence number, payload, and what is behind it.
fn split(bytes: &[u8]) -> Option<(u16, u32, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let sequence = u32::from_ne_bytes(*bytes.get(8..)?.first_chunk()?);
    let body = bytes.get(HEADER..length)?;
    Some((kind, sequence, body, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// The attributes of a message: kind and data.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?);
        let data = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind & 0x3fff, data))
    })
}

//! Sockets by number, as a learner's actor uses them, and how the director looks at them; see socket(7), unix(7),
//! ip(7), tcp(7), udp(7).

mod address;
mod option;
mod peek;

use std::mem::{size_of, zeroed};
use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;

pub use address::Address;
pub use option::{Credentials, Tcp};
pub use option::{
    get_int, get_linger, get_time, ip_group, ip_interface, ipv6_group, is_member, memory, peer_credentials,
    received_unread, set_int, set_linger, set_time, tcp, unsent,
};
pub use peek::{Carried, Message, Messages, Ready, carried, peek_bytes, peek_messages, protocol, ready};

/// Makes a socket, see socket(2).
pub fn socket(domain: i32, kind: i32, protocol: i32) -> Result<i32, Errno> {
    // SAFETY: takes three integers.
    Errno::result(unsafe { libc::socket(domain, kind, protocol) })
}

/// Makes two that are connected, see socketpair(2).
pub fn socketpair(domain: i32, kind: i32, protocol: i32) -> Result<(i32, i32), Errno> {
    let mut ends = [-1; 2];
    // SAFETY: the kernel writes two ints.
    Errno::result(unsafe { libc::socketpair(domain, kind, protocol, ends.as_mut_ptr()) })?;
    Ok((ends[0], ends[1]))
}

/// Gives it an address, see bind(2).
pub fn bind(fd: i32, address: &Address) -> Result<(), Errno> {
    let (raw, length) = address.raw();
    // SAFETY: the kernel reads `length` bytes, which is at most what there is.
    Errno::result(unsafe { libc::bind(fd, (&raw const raw).cast(), length) }).map(drop)
}

/// Connects it, see connect(2).
pub fn connect(fd: i32, address: &Address) -> Result<(), Errno> {
    let (raw, length) = address.raw();
    // SAFETY: the kernel reads `length` bytes, which is at most what there is.
    Errno::result(unsafe { libc::connect(fd, (&raw const raw).cast(), length) }).map(drop)
}

/// Lets others connect to it, see listen(2).
pub fn listen(fd: i32, backlog: i32) -> Result<(), Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::listen(fd, backlog) }).map(drop)
}

/// An address that the kernel is to write.
struct Told {
    raw: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl Told {
    fn new() -> Self {
        // SAFETY: all zero is a sockaddr_storage.
        Self { raw: unsafe { zeroed() }, length: size_of::<libc::sockaddr_storage>() as libc::socklen_t }
    }

    fn address(&self) -> Address {
        Address::from_raw(&self.raw, self.length)
    }
}

/// Takes the first connection that waits, see accept(2); with flags it is accept4.
pub fn accept(fd: i32, flags: Option<i32>) -> Result<(i32, Address), Errno> {
    let mut told = Told::new();
    let (raw, length) = ((&raw mut told.raw).cast(), &raw mut told.length);
    let made = match flags {
        // SAFETY: the kernel writes at most `length` bytes of an address, and how many it has.
        None => unsafe { libc::accept(fd, raw, length) },
        // SAFETY: the same.
        Some(flags) => unsafe { libc::accept4(fd, raw, length, flags) },
    };
    Errno::result(made).map(|made| (made, told.address()))
}

/// Its own address, see getsockname(2).
pub fn getsockname(fd: i32) -> Result<Address, Errno> {
    let mut told = Told::new();
    // SAFETY: the kernel writes at most `length` bytes of an address, and how many it has.
    let result = unsafe { libc::getsockname(fd, (&raw mut told.raw).cast(), &raw mut told.length) };
    Errno::result(result).map(|_| told.address())
}

/// The address that it is connected to, see getpeername(2).
pub fn getpeername(fd: i32) -> Result<Address, Errno> {
    let mut told = Told::new();
    // SAFETY: the kernel writes at most `length` bytes of an address, and how many it has.
    let result = unsafe { libc::getpeername(fd, (&raw mut told.raw).cast(), &raw mut told.length) };
    Errno::result(result).map(|_| told.address())
}

/// Sends to an address, or to the peer if there is none, see send(2).
pub fn sendto(fd: i32, bytes: &[u8], flags: i32, to: &Address) -> Result<usize, Errno> {
    let (raw, length) = to.raw();
    let to = if length == 0 { std::ptr::null() } else { (&raw const raw).cast() };
    // SAFETY: the kernel reads the bytes and the address, as long as told.
    let sent = unsafe { libc::sendto(fd, bytes.as_ptr().cast(), bytes.len(), flags, to, length) };
    Errno::result(sent).map(|n| n as usize)
}

/// Receives, see recv(2). With MSG_TRUNC the length may be more than the buffer has.
pub fn recv(fd: i32, buffer: &mut [u8], flags: i32) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most the buffer's length into the buffer.
    let got = unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), flags) };
    Errno::result(got).map(|n| n as usize)
}

/// Receives, and tells from whom, see recv(2).
pub fn recvfrom(fd: i32, buffer: &mut [u8], flags: i32) -> Result<(usize, Address), Errno> {
    let mut told = Told::new();
    // SAFETY: the kernel writes at most the lengths of buffer and address into them.
    let got = unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            flags,
            (&raw mut told.raw).cast(),
            &raw mut told.length,
        )
    };
    Errno::result(got).map(|n| (n as usize, told.address()))
}

/// Ends one direction or both, see shutdown(2).
pub fn shutdown(fd: i32, how: i32) -> Result<(), Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::shutdown(fd, how) }).map(drop)
}

/// Most descriptors that one message of ours carries: SCM_MAX_FD of the kernel.
const FDS_MAX: usize = 253;

/// Room for control messages, aligned as they must be.
#[repr(C, align(8))]
struct Control([u8; 2048]);

/// Sends with descriptors, see sendmsg(2) and SCM_RIGHTS in unix(7).
///
/// # Errors
/// Those of sendmsg; EINVAL for more descriptors than a message can carry.
pub fn sendmsg(fd: i32, bytes: &[u8], flags: i32, to: &Address, rights: &[i32]) -> Result<usize, Errno> {
    let (raw, length) = to.raw();
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 2048]);
    // SAFETY: all zero is a msghdr; its padding can't be named.
    let mut message: libc::msghdr = unsafe { zeroed() };
    if length > 0 {
        message.msg_name = (&raw const raw).cast_mut().cast();
        message.msg_namelen = length;
    }
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if !rights.is_empty() {
        if rights.len() > FDS_MAX {
            return Err(Errno::EINVAL);
        }
        let head = size_of::<libc::cmsghdr>();
        let size = head + size_of_val(rights);
        control.0[..size_of::<usize>()].copy_from_slice(&size.to_ne_bytes());
        control.0[size_of::<usize>()..][..4].copy_from_slice(&libc::SOL_SOCKET.to_ne_bytes());
        control.0[size_of::<usize>() + 4..][..4].copy_from_slice(&libc::SCM_RIGHTS.to_ne_bytes());
        for (place, right) in control.0[head..].chunks_exact_mut(4).zip(rights) {
            place.copy_from_slice(&right.to_ne_bytes());
        }
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size.next_multiple_of(size_of::<usize>()) as _;
    }
    // SAFETY: the kernel reads what the header names: address, bytes and control, all of which live until it returns.
    let sent = unsafe { libc::sendmsg(fd, &raw const message, flags) };
    Errno::result(sent).map(|n| n as usize)
}

/// What recvmsg(2) told beside the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Received {
    /// How many bytes; with MSG_TRUNC of the caller, how many there were.
    pub length: usize,
    /// Flags that came out: MSG_TRUNC, MSG_CTRUNC, MSG_EOR.
    pub flags: i32,
    /// From whom.
    pub from: Address,
    /// Descriptors that came along, open in this process now.
    pub rights: Vec<i32>,
    /// Credentials of the sender, if the socket asks for them: SO_PASSCRED.
    pub credentials: Option<Credentials>,
}

/// Receives with all that comes along, see recvmsg(2).
pub fn recvmsg(fd: i32, buffer: &mut [u8], flags: i32) -> Result<Received, Errno> {
    receive(fd, buffer, flags, true)
}

/// The same; without control nothing that came along is taken into this process, and MSG_CTRUNC says that there was
/// something.
fn receive(fd: i32, buffer: &mut [u8], flags: i32, with_control: bool) -> Result<Received, Errno> {
    let mut told = Told::new();
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control([0; 2048]);
    // SAFETY: all zero is a msghdr; its padding can't be named.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut told.raw).cast();
    message.msg_namelen = told.length;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if with_control {
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of::<Control>() as _;
    }
    // SAFETY: the kernel writes at most the lengths of the header into what it names, all of which live until then.
    let got = Errno::result(unsafe { libc::recvmsg(fd, &raw mut message, flags) })?;
    told.length = message.msg_namelen;
    let mut received =
        Received { length: got as usize, flags: message.msg_flags, from: told.address(), ..Received::default() };
    let filled = if with_control { message.msg_controllen as usize } else { 0 };
    let mut rest = &control.0[..filled.min(control.0.len())];
    let head = size_of::<libc::cmsghdr>();
    while let Some(length) = rest.first_chunk().map(|b| usize::from_ne_bytes(*b)) {
        if length < head || length > rest.len() {
            break;
        }
        let int = |at: usize| rest[at..].first_chunk().map_or(0, |b| i32::from_ne_bytes(*b));
        let data = &rest[head..length];
        match (int(size_of::<usize>()), int(size_of::<usize>() + 4)) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                received
                    .rights
                    .extend(data.chunks_exact(4).filter_map(<[u8]>::first_chunk).map(|b| i32::from_ne_bytes(*b)));
            }
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if data.len() >= 12 => {
                let (pid, uid, gid) = (int(head), int(head + 4) as u32, int(head + 8) as u32);
                received.credentials = Some(Credentials { pid, uid, gid });
            }
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(size_of::<usize>())..).unwrap_or_default();
    }
    Ok(received)
}

/// Takes descriptors that came with a peek into our own hands, so that they are closed.
fn own(rights: &[i32]) -> Vec<OwnedFd> {
    // SAFETY: the kernel has just made these descriptors for us, and nobody else knows their numbers.
    rights.iter().map(|fd| unsafe { OwnedFd::from_raw_fd(*fd) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fd::close;

    #[test]
    fn messages_carry_descriptors_and_credentials() {
        let (a, b) = socketpair(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0).unwrap();
        set_int(b, libc::SOL_SOCKET, libc::SO_PASSCRED, 1).unwrap();
        assert_eq!(sendmsg(a, b"hi", 0, &Address::Unnamed, &[a, b]), Ok(2));
        let mut buffer = [0; 8];
        let got = recvmsg(b, &mut buffer, libc::MSG_CMSG_CLOEXEC).unwrap();
        assert_eq!((got.length, got.rights.len(), &buffer[..2]), (2, 2, b"hi".as_slice()));
        assert_eq!(got.credentials.map(|c| c.pid), Some(std::process::id() as i32));
        assert_eq!(sendmsg(a, b"hi", 0, &Address::Unnamed, &[-1]), Err(Errno::EBADF));
        assert_eq!(sendmsg(a, b"hi", 0, &Address::Unnamed, &[a; 300]), Err(Errno::EINVAL));
        assert_eq!(recv(b, &mut buffer, libc::MSG_DONTWAIT), Err(Errno::EAGAIN));
        for fd in got.rights.into_iter().chain([a, b]) {
            close(fd).unwrap();
        }
        assert_eq!(sendto(a, b"x", 0, &Address::Unnamed), Err(Errno::EBADF));
        assert_eq!(socket(libc::AF_UNIX, 77, 0), Err(Errno::EINVAL));
    }
}

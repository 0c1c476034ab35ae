//! What lies in a socket's receive queue, without taking it out and without taking an error away.
//!
//! A peek takes a waiting error as a receive would: so poll comes first, and a socket with an error is left alone. The
//! offset of peeks belongs to the socket and is put back before anybody runs.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;

use super::{Address, get_int, own, receive, received_unread, set_int};

/// What poll(2) says of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Something can be received, an end of file included.
    pub readable: bool,
    /// Something can be sent.
    pub writable: bool,
    /// An error waits to be told to whoever calls next: don't peek.
    pub error: bool,
    /// The other side sends no more.
    pub ended: bool,
}

/// Asks poll(2) what a socket is ready for.
pub fn ready(fd: impl AsFd) -> Result<Ready, Errno> {
    let events = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP;
    let mut asked = libc::pollfd { fd: fd.as_fd().as_raw_fd(), events, revents: 0 };
    // SAFETY: the kernel reads and writes one pollfd.
    Errno::result(unsafe { libc::poll(&raw mut asked, 1, 0) })?;
    let is = |flag: libc::c_short| asked.revents & flag != 0;
    Ok(Ready {
        readable: is(libc::POLLIN),
        writable: is(libc::POLLOUT),
        error: is(libc::POLLERR),
        ended: is(libc::POLLRDHUP | libc::POLLHUP),
    })
}

/// How the kernel names a socket's protocol, by a path in /proc: `UNIX`, `UNIX-STREAM`, `TCP`, `UDPv6`.
pub fn protocol(path: &Path) -> Option<String> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).ok()?;
    let mut name = [0_u8; 32];
    let key = c"system.sockprotoname";
    // SAFETY: path and key end with NUL; the kernel writes at most the array's length into it.
    let length = unsafe { libc::getxattr(path.as_ptr(), key.as_ptr(), name.as_mut_ptr().cast(), name.len()) };
    let name = name.get(..usize::try_from(length).ok()?)?;
    Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned())
}

/// The socket's peek offset, put back when this goes.
struct Offset<'a> {
    socket: BorrowedFd<'a>,
    before: i32,
}

impl<'a> Offset<'a> {
    fn zero(socket: BorrowedFd<'a>) -> Result<Self, Errno> {
        let before = get_int(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEEK_OFF)?;
        let offset = Self { socket, before };
        offset.set(0)?;
        Ok(offset)
    }

    fn set(&self, to: i32) -> Result<(), Errno> {
        set_int(self.socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEEK_OFF, to)
    }
}

impl Drop for Offset<'_> {
    fn drop(&mut self) {
        // It was set a moment ago by the same call.
        let _ = self.set(self.before);
    }
}

const LOOK: i32 = libc::MSG_PEEK | libc::MSG_DONTWAIT;

/// The first bytes of a stream's queue, at most so many. For TCP one peek is enough; a UNIX stream stops where
/// descriptors came along, and goes on by the offset.
///
/// # Errors
/// EIO if an error waits to be told; those of recv(2).
pub fn peek_bytes(socket: impl AsFd, most: usize) -> Result<Vec<u8>, Errno> {
    let socket = socket.as_fd();
    if ready(socket)?.error {
        return Err(Errno::EIO);
    }
    let unix = get_int(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_DOMAIN)? == libc::AF_UNIX;
    let _offset = if unix { Some(Offset::zero(socket)?) } else { None };
    let mut bytes = vec![0; most];
    let mut filled = 0;
    while filled < most {
        match receive(socket.as_raw_fd(), &mut bytes[filled..], LOOK, false) {
            Ok(got) if got.length > 0 => filled += got.length,
            Ok(_) | Err(Errno::EAGAIN | Errno::ENOTCONN | Errno::EINVAL) => break,
            Err(errno) => return Err(errno),
        }
        if !unix {
            break;
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// One message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// How many it has.
    pub length: u64,
    /// From whom.
    pub from: Address,
}

/// The messages of a queue: its ends, and how many lie between.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Messages {
    /// The first ones.
    pub first: Vec<Message>,
    /// How many are between those and the last ones.
    pub between: usize,
    /// The last ones, if there are more than the first.
    pub last: Vec<Message>,
    /// How many bytes they have in all.
    pub bytes: u64,
    /// Whether the walk ended before the queue did.
    pub more: bool,
}

/// Walks the messages of a queue, at most `most` of them; keeps the first and the last `ends`, of each `head` bytes.
/// A message without bytes shows only at the first look, see [`Message`]; the kernel passes over it afterwards.
///
/// # Errors
/// EIO if an error waits to be told; those of recv(2).
pub fn peek_messages(socket: impl AsFd, most: usize, ends: usize, head: usize) -> Result<Messages, Errno> {
    let socket = socket.as_fd();
    let ready_for = ready(socket)?;
    if ready_for.error {
        return Err(Errno::EIO);
    }
    let mut messages = Messages::default();
    if !ready_for.readable {
        return Ok(messages);
    }
    let offset = Offset::zero(socket)?;
    let mut last = std::collections::VecDeque::new();
    let mut buffer = vec![0; head];
    let mut walked = 0;
    loop {
        let got = match receive(socket.as_raw_fd(), &mut buffer, LOOK | libc::MSG_TRUNC, false) {
            Ok(got) => got,
            Err(Errno::EAGAIN | Errno::ENOTCONN) => break,
            Err(errno) => return Err(errno),
        };
        // Behind the last message an end of file comes again and again, and looks like a message without bytes.
        if got.length == 0 && ready(socket)?.ended && received_unread(socket)? as u64 <= messages.bytes {
            break;
        }
        if walked == most {
            messages.more = true;
            break;
        }
        walked += 1;
        messages.bytes += got.length as u64;
        let message =
            Message { bytes: buffer[..got.length.min(head)].to_vec(), length: got.length as u64, from: got.from };
        if messages.first.len() < ends {
            messages.first.push(message);
        } else {
            last.push_back(message);
            if last.len() > ends {
                last.pop_front();
                messages.between += 1;
            }
        }
        // A peek moves the offset on by what it has copied; of some sockets by all of the message.
        if got.length > head {
            offset.set(i32::try_from(messages.bytes).map_err(|_huge| Errno::EOVERFLOW)?)?;
        }
    }
    messages.last = last.into();
    Ok(messages)
}

/// A descriptor on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Device of what it leads to.
    pub dev: u64,
    /// Inode of it.
    pub ino: u64,
    /// Access mode and status flags.
    pub flags: i32,
    /// How the kernel names what it leads to: `pipe:[123]`.
    pub link: String,
}

/// The descriptors that lie in a UNIX socket's queue. Each is opened in this process for the moment that it takes to
/// see what it leads to.
///
/// # Errors
/// EIO if an error waits to be told; those of recvmsg(2).
pub fn carried(socket: impl AsFd, most: usize) -> Result<Vec<Carried>, Errno> {
    let socket = socket.as_fd();
    if ready(socket)?.error {
        return Err(Errno::EIO);
    }
    let offset = Offset::zero(socket)?;
    let mut carried = Vec::new();
    let mut at = 0;
    while carried.len() < most {
        let mut byte = [0; 4096];
        let flags = LOOK | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
        let got = match receive(socket.as_raw_fd(), &mut byte, flags, true) {
            Ok(got) if got.length > 0 || !got.rights.is_empty() => got,
            Ok(_) | Err(Errno::EAGAIN | Errno::ENOTCONN) => break,
            Err(errno) => return Err(errno),
        };
        for file in own(&got.rights) {
            let stat = nix::sys::stat::fstat(&file)?;
            let flags = crate::kernel::fd::fcntl_int(file.as_raw_fd(), libc::F_GETFL, 0)?;
            let link = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap_or_default();
            let link = link.to_string_lossy().into_owned();
            carried.push(Carried { dev: stat.st_dev, ino: stat.st_ino, flags, link });
        }
        if got.length == 0 {
            break;
        }
        at += got.length as i32;
        if got.length > byte.len() {
            offset.set(at)?;
        }
    }
    Ok(carried)
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, OwnedFd};

    use super::*;
    use crate::kernel::fd::adopt_fd;
    use crate::kernel::socket::{recv, sendmsg, sendto, socketpair};

    fn pair(kind: i32) -> (OwnedFd, OwnedFd) {
        let (a, b) = socketpair(libc::AF_UNIX, kind, 0).unwrap();
        (adopt_fd(a).unwrap(), adopt_fd(b).unwrap())
    }

    fn send(fd: &OwnedFd, bytes: &[u8]) {
        assert_eq!(sendto(fd.as_raw_fd(), bytes, 0, &Address::Unnamed), Ok(bytes.len()));
    }

    #[test]
    fn a_peek_takes_nothing_and_leaves_no_trace() {
        let (a, b) = pair(libc::SOCK_STREAM);
        send(&a, b"one");
        sendmsg(a.as_raw_fd(), b"two", 0, &Address::Unnamed, &[a.as_raw_fd()]).unwrap();
        send(&a, b"three");
        assert_eq!(peek_bytes(&b, 100).unwrap(), b"onetwothree");
        assert_eq!(peek_bytes(&b, 5).unwrap(), b"onetw");
        assert_eq!(get_int(b.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEEK_OFF), Ok(-1));
        let carried = carried(&b, 10).unwrap();
        assert!(carried.len() == 1 && carried[0].link.starts_with("socket:["), "{carried:?}");
        let mut buffer = [0; 16];
        assert_eq!(recv(b.as_raw_fd(), &mut buffer, 0), Ok(6), "up to where the descriptor came along");
    }

    #[test]
    fn messages_show_their_ends() {
        for kind in [libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
            let (a, b) = pair(kind);
            for n in 0..20_u8 {
                send(&a, &[b'a' + n; 7][..=usize::from(n % 7)]);
            }
            let messages = peek_messages(&b, 100, 3, 4).unwrap();
            let heads = |list: &[Message]| list.iter().map(|m| (m.bytes.clone(), m.length)).collect::<Vec<_>>();
            assert_eq!(heads(&messages.first), [(b"a".to_vec(), 1), (b"bb".to_vec(), 2), (b"ccc".to_vec(), 3)]);
            assert_eq!(heads(&messages.last)[0], (b"rrrr".to_vec(), 4));
            assert_eq!((messages.between, messages.more, messages.last.len()), (14, false, 3));
            let few = peek_messages(&b, 5, 3, 4).unwrap();
            assert!(few.more && few.first.len() + few.between + few.last.len() == 5);
            let mut buffer = [0; 16];
            assert_eq!(recv(b.as_raw_fd(), &mut buffer, 0), Ok(1), "the first is still there");
            drop(a);
            let rest = peek_messages(&b, 100, 3, 4).unwrap();
            assert_eq!(rest.first.len() + rest.between + rest.last.len(), 19);
        }
    }

    #[test]
    fn a_socket_with_an_error_is_left_alone() {
        let (a, b) = pair(libc::SOCK_STREAM);
        send(&a, b"unread");
        drop(b);
        assert_eq!(peek_bytes(&a, 10), Err(Errno::EIO));
        let mut buffer = [0; 4];
        assert_eq!(recv(a.as_raw_fd(), &mut buffer, 0), Err(Errno::ECONNRESET), "the error is still there");
    }

    #[test]
    fn the_kernel_names_protocols() {
        let (a, _b) = pair(libc::SOCK_STREAM);
        let name = protocol(Path::new(&format!("/proc/self/fd/{}", a.as_raw_fd()))).unwrap();
        assert!(name.starts_with("UNIX"), "{name}");
        assert_eq!(protocol(Path::new("/proc/self/fd/999")), None);
    }
}

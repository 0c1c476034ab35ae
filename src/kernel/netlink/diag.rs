//! What the kernel tells of sockets by their inodes, see sock_diag(7).

use std::net::{Ipv4Addr, Ipv6Addr};

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use super::{Netlink, attributes};
use crate::kernel::Result;
use crate::kernel::socket::Address;

const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// The director's way to ask, kept open.
#[derive(Debug)]
pub struct Diag(Netlink);

/// A UNIX socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnixSocket {
    /// SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
    pub kind: i32,
    /// 1 connected, 7 not, 10 listening: the numbers of TCP.
    pub state: u8,
    /// Inode of the socket that it is connected to; 0 if that has none any more.
    pub peer: Option<u64>,
    /// Of a listener: the inodes of those who have connected and wait to be accepted, 0 where one has closed already.
    pub waiting: Vec<u64>,
    /// Bytes in its receive queue; of a listener, connections that wait.
    pub receive_queue: u32,
    /// What its send queue is charged with; of a listener, its backlog.
    pub send_queue: u32,
    /// 1 receives no more, 2 sends no more, 3 neither.
    pub shut: u8,
    /// Bytes of memory that what it has sent is charged with until it is received: TIOCOUTQ tells the same.
    pub charged: u32,
    /// Bytes that it may be charged with: SO_SNDBUF.
    pub send_buffer: u32,
}

/// An Internet socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InetSocket {
    /// The state, by the numbers of TCP.
    pub state: u8,
    /// Its own address.
    pub local: Address,
    /// Its peer's.
    pub remote: Address,
    /// Inode; 0 where no descriptor leads to it.
    pub ino: u64,
    /// Bytes to be received; of a listener, connections that wait.
    pub receive_queue: u32,
    /// Bytes that the peer has not acknowledged; of a listener, its backlog.
    pub send_queue: u32,
}

fn int<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    int(bytes, at).map_or(0, u32::from_ne_bytes)
}

impl Diag {
    /// Opens the socket, in the network namespace of this process.
    pub fn open() -> Result<Self> {
        Netlink::open(SockProtocol::NetlinkSockDiag).map(Self)
    }

    /// The UNIX socket with that inode.
    ///
    /// # Errors
    /// ENOENT if there is none in this network namespace, or the kernel was built without the means to ask.
    pub fn unix(&mut self, ino: u64) -> Result<UnixSocket, Errno> {
        const SHOW_PEER_ICONS_RQLEN_MEMINFO: u32 = 4 | 8 | 16 | 32;
        let mut request = Vec::with_capacity(24);
        request.extend([libc::AF_UNIX as u8, 0, 0, 0]);
        request.extend(u32::MAX.to_ne_bytes());
        request.extend((ino as u32).to_ne_bytes());
        request.extend(SHOW_PEER_ICONS_RQLEN_MEMINFO.to_ne_bytes());
        request.extend([0xff; 8]);
        let mut found = None;
        self.0.request(SOCK_DIAG_BY_FAMILY, 0, &request, |_, body| found = unix(body))?;
        found.ok_or(Errno::ENOENT)
    }

    /// The files of all UNIX sockets that have one: device and inode, as stat(2) tells them.
    ///
    /// # Errors
    /// ENOENT if the kernel was built without the means to ask.
    pub fn unix_files(&mut self) -> Result<Vec<(u64, u64)>, Errno> {
        const SHOW_FILE: u32 = 2;
        let mut request = Vec::with_capacity(24);
        request.extend([libc::AF_UNIX as u8, 0, 0, 0]);
        request.extend(u32::MAX.to_ne_bytes());
        request.extend(0_u32.to_ne_bytes());
        request.extend(SHOW_FILE.to_ne_bytes());
        request.extend([0; 8]);
        let mut files = Vec::new();
        self.0.request(SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP as u16, &request, |_, body| {
            for (kind, data) in attributes(body.get(16..).unwrap_or_default()) {
                if kind == 1 {
                    // The kernel's own form of a device number.
                    let dev = u32_at(data, 4);
                    files.push((libc::makedev(dev >> 20, dev & 0xf_ffff), u32_at(data, 0).into()));
                }
            }
        })?;
        Ok(files)
    }

    /// All Internet sockets of a family (AF_INET, AF_INET6) and protocol (IPPROTO_TCP, IPPROTO_UDP).
    ///
    /// # Errors
    /// ENOENT if the kernel was built without the means to ask.
    pub fn inet(&mut self, family: i32, protocol: i32) -> Result<Vec<InetSocket>, Errno> {
        let mut request = Vec::with_capacity(56);
        request.extend([family as u8, protocol as u8, 0, 0]);
        request.extend(u32::MAX.to_ne_bytes());
        request.extend([0; 48]);
        let mut found = Vec::new();
        self.0.request(SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP as u16, &request, |_, body| found.extend(inet(body)))?;
        Ok(found)
    }

    /// The TCP socket with these two addresses, of one family: a lookup, where the list takes a walk through a table as
    /// large as the machine's memory suggests. One that listens at the first of them may be found instead.
    ///
    /// # Errors
    /// ENOENT if there is none, EINVAL for other addresses.
    pub fn tcp(&mut self, local: &Address, remote: &Address) -> Result<InetSocket, Errno> {
        let parts = |address: &Address| {
            let mut bytes = [0; 16];
            match address {
                Address::V4(ip, port) => {
                    bytes[..4].copy_from_slice(&ip.octets());
                    Some((libc::AF_INET, bytes, *port))
                }
                Address::V6(ip, port) => Some((libc::AF_INET6, ip.octets(), *port)),
                _ => None,
            }
        };
        let (Some((family, here, port)), Some((same, there, other))) = (parts(local), parts(remote)) else {
            return Err(Errno::EINVAL);
        };
        if family != same {
            return Err(Errno::EINVAL);
        }
        let mut request = Vec::with_capacity(56);
        request.extend([family as u8, libc::IPPROTO_TCP as u8, 0, 0]);
        request.extend(u32::MAX.to_ne_bytes());
        request.extend(port.to_be_bytes());
        request.extend(other.to_be_bytes());
        request.extend(here);
        request.extend(there);
        request.extend(0_u32.to_ne_bytes());
        // INET_DIAG_NOCOOKIE: whichever socket that is.
        request.extend([0xff; 8]);
        let mut found = None;
        self.0.request(SOCK_DIAG_BY_FAMILY, 0, &request, |_, body| found = inet(body))?;
        found.ok_or(Errno::ENOENT)
    }
}

fn unix(body: &[u8]) -> Option<UnixSocket> {
    let mut socket = UnixSocket { kind: i32::from(*body.get(1)?), state: *body.get(2)?, ..UnixSocket::default() };
    for (kind, data) in attributes(body.get(16..)?) {
        match kind {
            2 => socket.peer = Some(u32_at(data, 0).into()),
            3 => socket.waiting = data.chunks_exact(4).map(|b| u32_at(b, 0).into()).collect(),
            4 => (socket.receive_queue, socket.send_queue) = (u32_at(data, 0), u32_at(data, 4)),
            5 => (socket.charged, socket.send_buffer) = (u32_at(data, 8), u32_at(data, 12)),
            6 => socket.shut = data.first().copied().unwrap_or(0),
            _ => {}
        }
    }
    Some(socket)
}

fn inet(body: &[u8]) -> Option<InetSocket> {
    let family = i32::from(*body.first()?);
    let address = |ip: usize, port: usize| {
        let port = int(body, port).map(u16::from_be_bytes)?;
        Some(if family == libc::AF_INET6 {
            Address::V6(Ipv6Addr::from(int::<16>(body, ip)?), port)
        } else {
            Address::V4(Ipv4Addr::from(int::<4>(body, ip)?), port)
        })
    };
    Some(InetSocket {
        state: *body.get(1)?,
        local: address(8, 4)?,
        remote: address(24, 6)?,
        receive_queue: u32_at(body, 56),
        send_queue: u32_at(body, 60),
        ino: u32_at(body, 68).into(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, AsRawFd};

    use super::*;

    fn inode(fd: impl AsFd) -> u64 {
        nix::sys::stat::fstat(fd).unwrap().st_ino
    }

    #[test]
    fn unix_sockets_know_their_peers() {
        use std::io::Write;
        use std::os::unix::net::UnixStream;
        let mut diag = Diag::open().unwrap();
        let (mut a, b) = UnixStream::pair().unwrap();
        let told = diag.unix(inode(&a)).unwrap();
        assert_eq!((told.state, told.peer, told.shut), (1, Some(inode(&b)), 0));
        a.write_all(b"hello").unwrap();
        a.shutdown(std::net::Shutdown::Write).unwrap();
        let told = diag.unix(inode(&b)).unwrap();
        assert_eq!((told.kind, told.receive_queue, told.shut), (libc::SOCK_STREAM, 5, 1));
        let told = diag.unix(inode(&a)).unwrap();
        let mut charged: libc::c_int = 0;
        // SAFETY: the kernel writes one int.
        Errno::result(unsafe { libc::ioctl(a.as_raw_fd(), libc::TIOCOUTQ, &raw mut charged) }).unwrap();
        assert!(told.charged > 5 && told.charged == charged as u32, "a charge, not a number of bytes: {told:?}");
        let room = crate::kernel::socket::get_int(a.as_raw_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF).unwrap();
        assert_eq!(told.send_buffer, room as u32);
        drop(b);
        assert!(diag.unix(inode(&a)).unwrap().peer.unwrap_or(0) == 0);
        assert_eq!(diag.unix(1), Err(Errno::ENOENT));
    }

    #[test]
    fn a_connection_is_found_by_its_addresses() {
        use std::net::{TcpListener, TcpStream};
        let mut diag = Diag::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let address = |a: std::net::SocketAddr| Address::V4(Ipv4Addr::LOCALHOST, a.port());
        let (here, there) = (address(stream.local_addr().unwrap()), address(stream.peer_addr().unwrap()));
        let found = diag.tcp(&here, &there).unwrap();
        assert_eq!((found.ino, &found.local, &found.remote), (inode(&stream), &here, &there));
        // Its other end is nobody's yet.
        assert_eq!(diag.tcp(&there, &here).unwrap().ino, 0);
        let nowhere = Address::V4(Ipv4Addr::LOCALHOST, 1);
        assert!(diag.tcp(&nowhere, &nowhere).is_err());
    }

    #[test]
    fn inet_sockets_are_listed() {
        let mut diag = Diag::open().unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let found = diag.inet(libc::AF_INET, libc::IPPROTO_UDP).unwrap();
        let mine = found.iter().find(|s| s.ino == inode(&socket)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(mine.local, Address::V4(Ipv4Addr::LOCALHOST, port));
    }
}

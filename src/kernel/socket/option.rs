//! Options and counters of sockets, see socket(7), unix(7), ip(7), tcp(7).

use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// Who is at the other end, as it was when the connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// The process, in the pid namespace of the reader; 0 if it is none of it.
    pub pid: i32,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
}

fn get<T: Copy>(fd: i32, level: i32, name: i32, value: &mut T) -> Result<usize, Errno> {
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into the value, which is as long and plain data.
    let result = unsafe { libc::getsockopt(fd, level, name, (&raw mut *value).cast(), &raw mut length) };
    Errno::result(result).map(|_| length as usize)
}

fn set<T: Copy>(fd: i32, level: i32, name: i32, value: &T) -> Result<(), Errno> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of the value, which is as long.
    let result = unsafe { libc::setsockopt(fd, level, name, (&raw const *value).cast(), length) };
    Errno::result(result).map(drop)
}

/// An option that is an int, see getsockopt(2). SO_ERROR is taken away by being read.
pub fn get_int(fd: i32, level: i32, name: i32) -> Result<i32, Errno> {
    let mut value = 0_i32;
    get(fd, level, name, &mut value).map(|_| value)
}

/// Sets an option that is an int, see setsockopt(2).
pub fn set_int(fd: i32, level: i32, name: i32, value: i32) -> Result<(), Errno> {
    set(fd, level, name, &value)
}

/// SO_RCVTIMEO or SO_SNDTIMEO in ns; 0 is none.
pub fn get_time(fd: i32, name: i32) -> Result<u64, Errno> {
    let mut value = libc::timeval { tv_sec: 0, tv_usec: 0 };
    get(fd, libc::SOL_SOCKET, name, &mut value)?;
    Ok((value.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(value.tv_usec as u64 * 1000))
}

/// Sets SO_RCVTIMEO or SO_SNDTIMEO, in ns; less than 1 µs is 1 µs, since 0 is none.
pub fn set_time(fd: i32, name: i32, ns: u64) -> Result<(), Errno> {
    let us = ns.div_ceil(1000);
    let value = libc::timeval { tv_sec: (us / 1_000_000) as _, tv_usec: (us % 1_000_000) as _ };
    set(fd, libc::SOL_SOCKET, name, &value)
}

/// SO_LINGER: the seconds, if it is on.
pub fn get_linger(fd: i32) -> Result<Option<i32>, Errno> {
    let mut value = libc::linger { l_onoff: 0, l_linger: 0 };
    get(fd, libc::SOL_SOCKET, libc::SO_LINGER, &mut value)?;
    Ok((value.l_onoff != 0).then_some(value.l_linger))
}

/// Sets SO_LINGER: on with so many seconds, or off.
pub fn set_linger(fd: i32, seconds: Option<i32>) -> Result<(), Errno> {
    let value = libc::linger { l_onoff: i32::from(seconds.is_some()), l_linger: seconds.unwrap_or(0) };
    set(fd, libc::SOL_SOCKET, libc::SO_LINGER, &value)
}

/// IP_ADD_MEMBERSHIP or IP_DROP_MEMBERSHIP of a group, on the interface that the routing table has for it, or on that
/// with an address.
pub fn ip_group(fd: i32, name: i32, group: Ipv4Addr, interface: Ipv4Addr) -> Result<(), Errno> {
    let raw = |ip: Ipv4Addr| libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
    let value = libc::ip_mreq { imr_multiaddr: raw(group), imr_interface: raw(interface) };
    set(fd, libc::IPPROTO_IP, name, &value)
}

/// IPV6_ADD_MEMBERSHIP or IPV6_DROP_MEMBERSHIP of a group, on the interface that the routing table has for it.
pub fn ipv6_group(fd: i32, name: i32, group: Ipv6Addr) -> Result<(), Errno> {
    let address = libc::in6_addr { s6_addr: group.octets() };
    let value = libc::ipv6_mreq { ipv6mr_multiaddr: address, ipv6mr_interface: 0 };
    set(fd, libc::IPPROTO_IPV6, name, &value)
}

/// Of linux/in.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct GroupFilter {
    interface: u32,
    group: libc::sockaddr_storage,
    mode: u32,
    sources: u32,
    first: libc::sockaddr_storage,
}

/// Interfaces that are asked for, by number: a stage has at most a loopback, a bridge and its ports.
const INTERFACES: std::ops::RangeInclusive<u32> = 1..=32;

/// Whether a socket is a member of a group, on whatever interface: MCAST_MSFILTER, see ip(7), RFC 3678.
///
/// # Errors
/// Those of getsockopt(2), but EADDRNOTAVAIL, which is how the kernel says no.
pub fn is_member(fd: impl AsFd, group: IpAddr) -> Result<bool, Errno> {
    const MCAST_MSFILTER: i32 = 48;
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    let address = match group {
        IpAddr::V4(ip) => super::Address::V4(ip, 0),
        IpAddr::V6(ip) => super::Address::V6(ip, 0),
    };
    for interface in INTERFACES {
        let (raw, _) = address.raw();
        let mut asked = GroupFilter { interface, group: raw, mode: 0, sources: 0, first: raw };
        match get(fd.as_fd().as_raw_fd(), level, MCAST_MSFILTER, &mut asked) {
            Ok(_) => return Ok(true),
            Err(Errno::EADDRNOTAVAIL) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(false)
}

/// IP_MULTICAST_IF: through the interface with this address.
pub fn ip_interface(fd: i32, address: Ipv4Addr) -> Result<(), Errno> {
    set(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &u32::from_ne_bytes(address.octets()))
}

/// SO_PEERCRED: who made the connection, see unix(7).
pub fn peer_credentials(fd: i32) -> Result<Credentials, Errno> {
    let mut value = libc::ucred { pid: 0, uid: 0, gid: 0 };
    get(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut value)?;
    Ok(Credentials { pid: value.pid, uid: value.uid, gid: value.gid })
}

fn ioctl_int(fd: impl AsFd, request: libc::c_ulong) -> Result<i64, Errno> {
    let mut value: libc::c_int = 0;
    // SAFETY: these requests write one int.
    let result = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), request as _, &raw mut value) };
    Errno::result(result).map(|_| i64::from(value))
}

/// SIOCINQ: bytes that can be received; of the first message alone for datagrams.
pub fn received_unread(fd: impl AsFd) -> Result<i64, Errno> {
    ioctl_int(fd, libc::FIONREAD)
}

/// SIOCOUTQNSD: bytes that TCP has not sent yet.
pub fn unsent(fd: impl AsFd) -> Result<i64, Errno> {
    const SIOCOUTQNSD: libc::c_ulong = 0x894B;
    ioctl_int(fd, SIOCOUTQNSD)
}

/// SO_MEMINFO: receive queue and its limit, send queue and its limit, ..., and at 8 how many were dropped.
pub fn memory(fd: impl AsFd) -> Result<[u32; 9], Errno> {
    const SO_MEMINFO: i32 = 55;
    let mut value = [0_u32; 9];
    get(fd.as_fd().as_raw_fd(), libc::SOL_SOCKET, SO_MEMINFO, &mut value).map(|_| value)
}

/// What TCP_INFO says, as far as it is shown; see tcp(7) and linux/tcp.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// The state: 1 is ESTABLISHED, 10 LISTEN.
    pub state: u8,
    /// Segments on their way; of a listener, connections that wait to be accepted.
    pub unacked: u32,
    /// Of a listener, its backlog.
    pub sacked: u32,
    /// For how long nothing new was sent, in ms.
    pub idle_ms: u32,
    /// How often in a row something was sent again by the clock, since no acknowledgement came.
    pub retransmits: u8,
}

/// TCP_INFO.
pub fn tcp(fd: impl AsFd) -> Result<Tcp, Errno> {
    let mut info: MaybeUninit<libc::tcp_info> = MaybeUninit::uninit();
    // SAFETY: all zero is a tcp_info.
    let info = info.write(unsafe { zeroed() });
    get(fd.as_fd().as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, info)?;
    Ok(Tcp {
        state: info.tcpi_state,
        unacked: info.tcpi_unacked,
        sacked: info.tcpi_sacked,
        idle_ms: info.tcpi_last_data_sent,
        retransmits: info.tcpi_retransmits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fd::{adopt_fd, close};
    use crate::kernel::socket::{sendto, socket, socketpair};

    #[test]
    fn options_go_in_and_come_out() {
        let fd = socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0).unwrap();
        set_int(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, 8192).unwrap();
        assert_eq!(get_int(fd, libc::SOL_SOCKET, libc::SO_SNDBUF), Ok(16384), "the kernel doubles it");
        assert_eq!((get_time(fd, libc::SO_RCVTIMEO), get_linger(fd)), (Ok(0), Ok(None)));
        set_time(fd, libc::SO_RCVTIMEO, 1_500_000_000).unwrap();
        set_linger(fd, Some(0)).unwrap();
        assert_eq!((get_time(fd, libc::SO_RCVTIMEO), get_linger(fd)), (Ok(1_500_000_000), Ok(Some(0))));
        assert_eq!(get_int(fd, libc::SOL_SOCKET, 9999), Err(Errno::ENOPROTOOPT));
        close(fd).unwrap();
        assert_eq!(set_int(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, 1), Err(Errno::EBADF));
    }

    #[test]
    fn members_are_known() {
        for (domain, group) in [(libc::AF_INET, "239.1.2.3"), (libc::AF_INET6, "ff15::1")] {
            let socket = adopt_fd(socket(domain, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0).unwrap()).unwrap();
            let ip: IpAddr = group.parse().unwrap();
            assert_eq!(is_member(&socket, ip), Ok(false), "{group}");
            let join = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip_group(socket.as_raw_fd(), libc::IP_ADD_MEMBERSHIP, ip, Ipv4Addr::LOCALHOST),
                IpAddr::V6(ip) => ipv6_group(socket.as_raw_fd(), libc::IPV6_ADD_MEMBERSHIP, ip),
            };
            // The machine may have no way to groups of IPv6.
            if join(ip).is_ok() {
                assert_eq!(is_member(&socket, ip), Ok(true), "{group}");
            }
        }
    }

    #[test]
    fn counters_tell_what_waits() {
        let (a, b) = socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0).unwrap();
        sendto(a, b"hello", 0, &super::super::Address::Unnamed).unwrap();
        let (a, b) = (adopt_fd(a).unwrap(), adopt_fd(b).unwrap());
        assert_eq!(received_unread(&b), Ok(5));
        assert!(memory(&a).unwrap()[2] > 5);
        assert_eq!(peer_credentials(a.as_raw_fd()).unwrap().pid, std::process::id() as i32);
    }
}

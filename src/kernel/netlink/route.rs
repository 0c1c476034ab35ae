//! Network interfaces and their addresses, see rtnetlink(7); attributes as in linux/if_link.h and linux/if_bridge.h.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use super::{Netlink, attributes};
use crate::kernel::{Result, SysResultExt};

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_PROTINFO: u16 = 12;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_BR_STP_STATE: u16 = 5;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_BRPORT_ISOLATED: u16 = 33;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;
/// Usable at once: without it an address of IPv6 is tried out for a second first, in which nothing can be sent from it.
const IFA_F_NODAD: u32 = 2;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
/// Mark of an attribute that holds attributes.
const NESTED: u16 = 1 << 15;

const MAKE: u16 = (libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
const CHANGE: u16 = libc::NLM_F_ACK as u16;
const ALL: u16 = libc::NLM_F_DUMP as u16;

/// A way to make and change network interfaces, in the network namespace in which it was opened.
#[derive(Debug)]
pub struct Route(Netlink);

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is up and carries: its operational state (RFC 2863) is up.
    pub carries: bool,
    /// Whether it is a port of a bridge.
    pub port: bool,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The interface's number.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// How many bits of it name the network.
    pub prefix: u8,
}

/// Has groups, 224.0.0.0/4 and ff00::/8, reached through the loopback interface.
///
/// # Errors
/// EPERM without `CAP_NET_ADMIN`; EEXIST if there is a way already; those of a kernel without IPv6 for the second.
pub(in crate::kernel) fn groups_through_loopback() -> Result<()> {
    /// In a new network namespace the loopback is the first interface.
    const LOOPBACK: u32 = 1;
    let mut route = Route::open()?;
    route.add_route(LOOPBACK, Ipv4Addr::new(224, 0, 0, 0).into(), 4).on("RTM_NEWROUTE", "224.0.0.0/4")?;
    // IPv6 sends nothing out on a loopback: what is for these addresses is for this machine.
    let local = [libc::RT_SCOPE_HOST, libc::RTN_LOCAL];
    let groups = Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0).into();
    route.add_route_of(LOOPBACK, groups, 8, local).on("RTM_NEWROUTE", "ff00::/8")
}

fn attribute(out: &mut Vec<u8>, kind: u16, data: &[u8]) {
    out.extend((data.len() as u16 + 4).to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(data);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn nested(out: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    attribute(out, kind | NESTED, &inner);
}

fn text(out: &mut Vec<u8>, kind: u16, text: &str) {
    attribute(out, kind, &[text.as_bytes(), &[0]].concat());
}

/// `struct ifinfomsg`, with the flags to set among those of `mask`.
fn link(family: i32, index: u32, flags: i32, mask: i32) -> Vec<u8> {
    let mut out = vec![family as u8, 0, 0, 0];
    out.extend(index.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend(mask.to_ne_bytes());
    out
}

impl Route {
    /// Opens it, in the network namespace of this process.
    ///
    /// # Errors
    /// Those of socket(2).
    pub fn open() -> Result<Self> {
        Netlink::open(SockProtocol::NetlinkRoute).map(Self)
    }

    /// Opens a socket that becomes readable when an interface changes, in the network namespace of this process.
    ///
    /// # Errors
    /// Those of socket(2) and bind(2).
    pub fn watch() -> Result<Netlink> {
        let watch = Netlink::open(SockProtocol::NetlinkRoute)?;
        watch.join(libc::RTMGRP_LINK as u32)?;
        Ok(watch)
    }

    /// Whether the kernel can make interfaces of this kind. Nothing is made: the request has an address that none can
    /// have, of which only the kind itself knows.
    pub fn knows(&mut self, kind: &str) -> bool {
        let mut request = link(libc::AF_UNSPEC, 0, 0, 0);
        attribute(&mut request, IFLA_ADDRESS, &[0; 6]);
        nested(&mut request, IFLA_LINKINFO, |info| text(info, IFLA_INFO_KIND, kind));
        self.0.request(libc::RTM_NEWLINK, MAKE, &request, |_, _| {}) == Err(Errno::EADDRNOTAVAIL)
    }

    /// Makes a bridge that forwards from its first moment, to all its ports what is for many.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN, EOPNOTSUPP where the kernel has no bridges.
    pub fn make_bridge(&mut self, name: &str, mac: [u8; 6]) -> Result<(), Errno> {
        let mut request = link(libc::AF_UNSPEC, 0, 0, 0);
        text(&mut request, IFLA_IFNAME, name);
        attribute(&mut request, IFLA_ADDRESS, &mac);
        nested(&mut request, IFLA_LINKINFO, |info| {
            text(info, IFLA_INFO_KIND, "bridge");
            nested(info, IFLA_INFO_DATA, |data| {
                attribute(data, IFLA_BR_FORWARD_DELAY, &0_u32.to_ne_bytes());
                attribute(data, IFLA_BR_STP_STATE, &0_u32.to_ne_bytes());
                attribute(data, IFLA_BR_MCAST_SNOOPING, &[0]);
            });
        });
        self.0.request(libc::RTM_NEWLINK, MAKE, &request, |_, _| {})
    }

    /// Makes a cable, see veth(4): one end here, the other in the network namespace of `there`.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN in both, EOPNOTSUPP where the kernel has no such cables.
    pub fn make_veth(&mut self, here: &str, name_there: &str, there: BorrowedFd<'_>) -> Result<(), Errno> {
        let mut request = link(libc::AF_UNSPEC, 0, 0, 0);
        text(&mut request, IFLA_IFNAME, here);
        nested(&mut request, IFLA_LINKINFO, |info| {
            text(info, IFLA_INFO_KIND, "veth");
            nested(info, IFLA_INFO_DATA, |data| {
                nested(data, VETH_INFO_PEER, |peer| {
                    peer.extend(link(libc::AF_UNSPEC, 0, 0, 0));
                    text(peer, IFLA_IFNAME, name_there);
                    attribute(peer, IFLA_NET_NS_FD, &there.as_raw_fd().to_ne_bytes());
                });
            });
        });
        self.0.request(libc::RTM_NEWLINK, MAKE, &request, |_, _| {})
    }

    /// Makes an interface a port of a bridge, one that passes nothing on to other such ports.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN, ENODEV.
    pub fn plug(&mut self, port: u32, bridge: u32) -> Result<(), Errno> {
        let mut request = link(libc::AF_UNSPEC, port, 0, 0);
        attribute(&mut request, IFLA_MASTER, &bridge.to_ne_bytes());
        self.0.request(libc::RTM_NEWLINK, CHANGE, &request, |_, _| {})?;
        let mut request = link(libc::AF_BRIDGE, port, 0, 0);
        nested(&mut request, IFLA_PROTINFO, |info| attribute(info, IFLA_BRPORT_ISOLATED, &[1]));
        self.0.request(libc::RTM_SETLINK, CHANGE, &request, |_, _| {})
    }

    /// Has an interface make up no address of IPv6 by itself. Without IPv6 there is nothing to do.
    pub fn no_own_addresses(&mut self, index: u32) {
        const NONE: u8 = 1;
        let mut request = link(libc::AF_UNSPEC, index, 0, 0);
        nested(&mut request, IFLA_AF_SPEC, |spec| {
            nested(spec, libc::AF_INET6 as u16, |inet6| attribute(inet6, IFLA_INET6_ADDR_GEN_MODE, &[NONE]));
        });
        let _ = self.0.request(libc::RTM_NEWLINK, CHANGE, &request, |_, _| {});
    }

    /// Takes an interface up or down.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN, ENODEV.
    pub fn set_up(&mut self, index: u32, up: bool) -> Result<(), Errno> {
        let request = link(libc::AF_UNSPEC, index, if up { libc::IFF_UP } else { 0 }, libc::IFF_UP);
        self.0.request(libc::RTM_NEWLINK, CHANGE, &request, |_, _| {})
    }

    /// Gives an interface an address, usable at once.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN, ENODEV, EEXIST; EOPNOTSUPP or EACCES for IPv6 where that is not to be had.
    pub fn add_address(&mut self, index: u32, ip: IpAddr, prefix: u8) -> Result<(), Errno> {
        let family = if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let mut request = vec![family as u8, prefix, IFA_F_NODAD as u8, 0];
        request.extend(index.to_ne_bytes());
        match ip {
            IpAddr::V4(ip) => {
                attribute(&mut request, IFA_LOCAL, &ip.octets());
                attribute(&mut request, IFA_ADDRESS, &ip.octets());
                let rest = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                attribute(&mut request, IFA_BROADCAST, &(u32::from(ip) | rest).to_be_bytes());
            }
            IpAddr::V6(ip) => attribute(&mut request, IFA_ADDRESS, &ip.octets()),
        }
        attribute(&mut request, IFA_FLAGS, &IFA_F_NODAD.to_ne_bytes());
        self.0.request(libc::RTM_NEWADDR, MAKE, &request, |_, _| {})
    }

    /// Tells for good which hardware address a neighbour has: nobody needs to ask for it, see arp(7).
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN, ENODEV, EEXIST; EAFNOSUPPORT for IPv6 where that is not to be had.
    pub fn add_neighbour(&mut self, index: u32, ip: IpAddr, mac: [u8; 6]) -> Result<(), Errno> {
        const NUD_PERMANENT: u16 = 0x80;
        let family = if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        // `struct ndmsg`.
        let mut request = vec![family as u8, 0, 0, 0];
        request.extend(index.to_ne_bytes());
        request.extend(NUD_PERMANENT.to_ne_bytes());
        request.extend([0, 0]);
        match ip {
            IpAddr::V4(ip) => attribute(&mut request, NDA_DST, &ip.octets()),
            IpAddr::V6(ip) => attribute(&mut request, NDA_DST, &ip.octets()),
        }
        attribute(&mut request, NDA_LLADDR, &mac);
        self.0.request(libc::RTM_NEWNEIGH, MAKE, &request, |_, _| {})
    }

    /// Sends what is for these addresses out on an interface.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN, ENETDOWN, EEXIST.
    pub fn add_route(&mut self, index: u32, to: IpAddr, prefix: u8) -> Result<(), Errno> {
        self.add_route_of(index, to, prefix, [libc::RT_SCOPE_LINK, libc::RTN_UNICAST])
    }

    fn add_route_of(&mut self, index: u32, to: IpAddr, prefix: u8, [scope, kind]: [u8; 2]) -> Result<(), Errno> {
        const BOOT: u8 = 3;
        let table = libc::RT_TABLE_MAIN;
        let family = if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let mut request = vec![family as u8, prefix, 0, 0, table, BOOT, scope, kind, 0, 0, 0, 0];
        match to {
            IpAddr::V4(to) => attribute(&mut request, RTA_DST, &to.octets()),
            IpAddr::V6(to) => attribute(&mut request, RTA_DST, &to.octets()),
        }
        attribute(&mut request, RTA_OIF, &index.to_ne_bytes());
        self.0.request(libc::RTM_NEWROUTE, MAKE, &request, |_, _| {})
    }

    /// All interfaces.
    ///
    /// # Errors
    /// Those of recv(2).
    pub fn links(&mut self) -> Result<Vec<Link>, Errno> {
        let mut found = Vec::new();
        let request = link(libc::AF_UNSPEC, 0, 0, 0);
        self.0.request(libc::RTM_GETLINK, ALL, &request, |_, body| found.extend(told(body)))?;
        Ok(found)
    }

    /// One interface. Newer kernels bring its state up to date for this, which they otherwise do once a second.
    ///
    /// # Errors
    /// ENODEV if there is none of that number.
    pub fn link(&mut self, index: u32) -> Result<Link, Errno> {
        let mut found = None;
        let request = link(libc::AF_UNSPEC, index, 0, 0);
        self.0.request(libc::RTM_GETLINK, 0, &request, |_, body| found = told(body))?;
        found.ok_or(Errno::ENODEV)
    }

    /// The number of an interface.
    ///
    /// # Errors
    /// ENODEV if there is none of that name.
    pub fn index(&mut self, name: &str) -> Result<u32, Errno> {
        self.links()?.into_iter().find(|link| link.name == name).map(|link| link.index).ok_or(Errno::ENODEV)
    }

    /// All addresses, IPv4 first.
    ///
    /// # Errors
    /// Those of recv(2).
    pub fn addresses(&mut self) -> Result<Vec<Assigned>, Errno> {
        let mut found = Vec::new();
        self.0.request(libc::RTM_GETADDR, ALL, &[0; 8], |_, body| found.extend(assigned(body)))?;
        found.sort_by_key(|assigned| assigned.ip.is_ipv6());
        Ok(found)
    }
}

fn told(body: &[u8]) -> Option<Link> {
    const UP: u8 = 6;
    let index = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let mut link = Link { index, name: String::new(), carries: false, port: false };
    for (kind, data) in attributes(body.get(16..)?) {
        match kind {
            IFLA_IFNAME => String::from_utf8_lossy(data).trim_end_matches('\0').clone_into(&mut link.name),
            IFLA_OPERSTATE => link.carries = data.first() == Some(&UP),
            IFLA_MASTER => link.port = true,
            _ => {}
        }
    }
    Some(link)
}

fn assigned(body: &[u8]) -> Option<Assigned> {
    let prefix = *body.get(1)?;
    let index = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let data = attributes(body.get(8..)?).find(|(kind, _)| *kind == IFA_ADDRESS).map(|(_, data)| data)?;
    let ip = match data.len() {
        4 => IpAddr::from(*data.first_chunk::<4>()?),
        16 => IpAddr::from(*data.first_chunk::<16>()?),
        _ => return None,
    };
    Some(Assigned { index, ip, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_of_loopback() {
        let mut route = Route::open().unwrap();
        let index = route.index("lo").unwrap();
        assert_eq!(route.links().unwrap().iter().filter(|l| l.name == "lo" && !l.port).count(), 1);
        let mine: Vec<Assigned> = route.addresses().unwrap().into_iter().filter(|a| a.index == index).collect();
        assert!(
            mine.is_empty() || mine[0] == Assigned { index, ip: Ipv4Addr::LOCALHOST.into(), prefix: 8 },
            "{mine:?}"
        );
        assert_eq!(route.index("no such"), Err(Errno::ENODEV));
    }

    #[test]
    fn knows_no_kind_that_does_not_exist() {
        assert!(!Route::open().unwrap().knows("no such kind"));
    }

    #[test]
    fn attributes_are_padded_and_nest() {
        let mut out = Vec::new();
        nested(&mut out, 7, |inner| text(inner, 3, "ab"));
        let (kind, data) = attributes(&out).next().unwrap();
        assert_eq!((kind, attributes(data).next()), (7, Some((3, &b"ab\0"[..]))));
        assert_eq!((out.len(), out[0]), (12, 12));
    }
}

//! The ways out of a network namespace, see rtnetlink(7).

use nix::sys::socket::SockProtocol;

use super::Netlink;
use crate::kernel::{Result, SysResultExt};

const RTM_NEWROUTE: u16 = 24;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
/// In a new network namespace the loopback is the first interface.
const LOOPBACK: u32 = 1;

fn attribute(message: &mut Vec<u8>, kind: u16, data: [u8; 4]) {
    message.extend(8_u16.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(data);
}

/// Has the groups of IPv4, 224.0.0.0/4, reached through the loopback interface.
///
/// # Errors
/// EPERM without `CAP_NET_ADMIN`; EEXIST if there is a way already.
pub(in crate::kernel) fn groups_through_loopback() -> Result<()> {
    const TABLE_MAIN: u8 = 254;
    const BOOT: u8 = 3;
    const LINK: u8 = 253;
    const UNICAST: u8 = 1;
    let mut message = vec![libc::AF_INET as u8, 4, 0, 0, TABLE_MAIN, BOOT, LINK, UNICAST, 0, 0, 0, 0];
    attribute(&mut message, RTA_DST, [224, 0, 0, 0]);
    attribute(&mut message, RTA_OIF, LOOPBACK.to_ne_bytes());
    let flags = (libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
    let mut netlink = Netlink::open(SockProtocol::NetlinkRoute)?;
    netlink.request(RTM_NEWROUTE, flags, &message, |_, _| {}).on("RTM_NEWROUTE", "224.0.0.0/4")
}

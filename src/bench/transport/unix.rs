//! Pairs of UNIX domain sockets.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use super::ends::{Ends, through_ends};
use super::{On, Setup, Transport, Trouble};

fn pair(kind: SockType) -> Result<Ends, Trouble> {
    let (asks, answers) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).on("socketpair")?;
    Ok(Ends::both(asks, answers))
}

fn limit() -> String {
    let room = std::fs::read_to_string("/proc/sys/net/core/wmem_default").unwrap_or_default();
    format!("a message must fit into the send buffer (net.core.wmem_default is {})", room.trim())
}

pub(super) struct Stream(Ends);

impl Transport for Stream {
    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        pair(SockType::Stream).map(Self)
    }

    through_ends!(write_all);
}

pub(super) struct Datagram(Ends);

impl Transport for Datagram {
    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        pair(SockType::Datagram).map(Self)
    }

    fn limit() -> String {
        limit()
    }

    through_ends!(write_message);
}

pub(super) struct Seqpacket(Ends);

impl Transport for Seqpacket {
    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        pair(SockType::SeqPacket).map(Self)
    }

    fn limit() -> String {
        limit()
    }

    through_ends!(write_message);
}

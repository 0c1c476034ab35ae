//! Two connected UDP sockets on the loopback interface. A datagram that finds no room in the receiver's buffer is lost:
//! what came is counted, and what was lost is said.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use super::ends::Ends;
use super::{On, Setup, Side, Transport, Trouble};
use crate::kernel::Errno;
use crate::kernel::letter::Letter;

/// After how long without a datagram the receiver looks whether the sender has ended.
const PATIENCE: Duration = Duration::from_millis(20);

pub(super) struct Udp(Ends);

impl Transport for Udp {
    const LOSSY: bool = true;
    const SENDS: &'static str = "send";
    const RECEIVES: &'static str = "recv";

    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).on("bind");
        let (asks, answers) = (socket()?, socket()?);
        for (one, other) in [(&asks, &answers), (&answers, &asks)] {
            one.connect(other.local_addr().on("getsockname")?).on("connect")?;
            one.set_read_timeout(Some(PATIENCE)).on("setsockopt")?;
        }
        Ok(Self(Ends::both(asks.into(), answers.into())))
    }

    fn take(&mut self, side: Side, _peer: i32) {
        self.0.take(side);
    }

    #[inline]
    fn send(&mut self, letter: &mut Letter) -> Result<(), Errno> {
        loop {
            match self.0.write_message(letter) {
                // No room for packets just now.
                Err(Errno::ENOBUFS | Errno::EAGAIN) => {}
                other => return other,
            }
        }
    }

    #[inline]
    fn receive(&mut self, letter: &mut Letter, from: usize) -> Result<usize, Errno> {
        self.0.read(letter, from)
    }

    fn limit() -> String {
        "a datagram carries at most 65507 bytes".to_owned()
    }
}

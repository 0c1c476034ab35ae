//! A TCP connection over the loopback interface. Without TCP_NODELAY a small message might wait for the acknowledgement
//! of the one before, and that would be measured.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::ends::{Ends, through_ends};
use super::{On, Setup, Transport, Trouble};

pub(super) struct Tcp(Ends);

impl Transport for Tcp {
    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).on("bind")?;
        let asks = TcpStream::connect(listener.local_addr().on("getsockname")?).on("connect")?;
        let ours = asks.local_addr().on("getsockname")?;
        // Somebody else might connect to the port.
        let answers = loop {
            let (stream, from) = listener.accept().on("accept")?;
            if from == ours {
                break stream;
            }
        };
        for stream in [&asks, &answers] {
            stream.set_nodelay(true).on("setsockopt")?;
        }
        Ok(Self(Ends::both(asks.into(), answers.into())))
    }

    through_ends!(write_all);
}

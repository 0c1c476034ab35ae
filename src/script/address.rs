//! Addresses of sockets, as they are written: `unix:srv`, `unix:@srv`, `127.0.0.1:5000`, `[::1]:5000`, `east:5000`, `*:5000`.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt::{self, Display, Formatter, Write};

use serde::{Deserialize, Serialize};

use super::Expr;
use super::print::quote;

/// The address of a socket. Ports are computed when the call is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SocketAddress {
    /// `unix:srv`: a file beneath the stage's directory.
    Path(String),
    /// `unix:@srv`: an abstract name, which is no file.
    Abstract(String),
    /// `127.0.0.1:5000`
    V4(Ipv4Addr, Expr),
    /// `[::1]:5000`
    V6(Ipv6Addr, Expr),
    /// `east:5000`: that host, by its address of the socket's own family.
    Host(String, Expr),
    /// `*:5000`: any address of the socket's own family.
    Any(Expr),
}

impl SocketAddress {
    /// The port, if the address has one.
    pub const fn port(&self) -> Option<&Expr> {
        match self {
            Self::Path(_) | Self::Abstract(_) => None,
            Self::V4(_, port) | Self::V6(_, port) | Self::Host(_, port) | Self::Any(port) => Some(port),
        }
    }
}

impl Display for SocketAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(name) => {
                f.write_str("unix:")?;
                word(f, name)
            }
            Self::Abstract(name) => {
                f.write_str("unix:@")?;
                word(f, name)
            }
            Self::V4(ip, at) => {
                write!(f, "{ip}:")?;
                port(f, at)
            }
            Self::V6(ip, at) => {
                write!(f, "[{ip}]:")?;
                port(f, at)
            }
            Self::Host(name, at) => {
                write!(f, "{name}:")?;
                port(f, at)
            }
            Self::Any(at) => {
                f.write_str("*:")?;
                port(f, at)
            }
        }
    }
}

/// A name as it is, or in quotes where its characters mean something else.
fn word(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    if name.split(['/', '.', '-']).all(plain) { f.write_str(name) } else { quote(f, name.as_bytes()) }
}

fn port(f: &mut Formatter<'_>, port: &Expr) -> fmt::Result {
    if !matches!(port, Expr::Binary(..)) {
        return port.fmt(f);
    }
    f.write_char('(')?;
    port.fmt(f)?;
    f.write_char(')')
}

//! Addresses of sockets, as the kernel takes and tells them.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Where the name of a `sockaddr_un` begins.
const NAME_AT: usize = std::mem::offset_of!(libc::sockaddr_un, sun_path);

/// The address of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Address {
    /// None: a UNIX socket that is not bound, or no address was told.
    #[default]
    Unnamed,
    /// A UNIX socket's file.
    Path(Vec<u8>),
    /// A UNIX socket's abstract name, without the NUL in front.
    Abstract(Vec<u8>),
    /// IPv4 and port.
    V4(Ipv4Addr, u16),
    /// IPv6 and port.
    V6(Ipv6Addr, u16),
    /// Of a family that we don't know, by its number.
    Other(u16),
}

impl Address {
    /// As the kernel takes it, with its length.
    pub(super) fn raw(&self) -> (libc::sockaddr_storage, libc::socklen_t) {
        let mut bytes = [0; size_of::<libc::sockaddr_storage>()];
        let family = |bytes: &mut [u8], family: i32| bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        let length = match self {
            Self::Unnamed => 0,
            Self::Path(name) | Self::Abstract(name) => {
                family(&mut bytes, libc::AF_UNIX);
                let is_abstract = usize::from(matches!(self, Self::Abstract(_)));
                let start = NAME_AT + is_abstract;
                // What is too long is cut one byte beyond what the kernel takes: it says EINVAL as it should.
                let most = size_of::<libc::sockaddr_un>() + 1 - start;
                let name = &name[..name.len().min(most)];
                bytes[start..start + name.len()].copy_from_slice(name);
                start + name.len() + 1 - is_abstract
            }
            Self::V4(ip, port) => {
                family(&mut bytes, libc::AF_INET);
                bytes[2..4].copy_from_slice(&port.to_be_bytes());
                bytes[4..8].copy_from_slice(&ip.octets());
                size_of::<libc::sockaddr_in>()
            }
            Self::V6(ip, port) => {
                family(&mut bytes, libc::AF_INET6);
                bytes[2..4].copy_from_slice(&port.to_be_bytes());
                bytes[8..24].copy_from_slice(&ip.octets());
                size_of::<libc::sockaddr_in6>()
            }
            Self::Other(number) => {
                family(&mut bytes, i32::from(*number));
                2
            }
        };
        // SAFETY: any bytes are a sockaddr_storage, and there are as many.
        let storage =
            unsafe { std::mem::transmute::<[u8; size_of::<libc::sockaddr_storage>()], libc::sockaddr_storage>(bytes) };
        (storage, length as libc::socklen_t)
    }

    /// From what the kernel wrote.
    pub(super) fn from_raw(storage: &libc::sockaddr_storage, length: libc::socklen_t) -> Self {
        let start: *const u8 = (&raw const *storage).cast();
        let length = (length as usize).min(size_of::<libc::sockaddr_storage>());
        // SAFETY: the structure is as long, was zeroed before the kernel wrote into it, and is borrowed meanwhile.
        let bytes = unsafe { std::slice::from_raw_parts(start, length) };
        Self::from_bytes(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let Some(family) = bytes.first_chunk::<2>().map(|b| u16::from_ne_bytes(*b)) else { return Self::Unnamed };
        let port = || bytes.get(2..4).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
        match i32::from(family) {
            libc::AF_UNIX => match bytes.get(NAME_AT..) {
                None | Some([]) => Self::Unnamed,
                Some([0, name @ ..]) if !name.is_empty() => Self::Abstract(name.to_vec()),
                Some(name) => {
                    let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
                    if end == 0 { Self::Unnamed } else { Self::Path(name[..end].to_vec()) }
                }
            },
            libc::AF_INET => match bytes.get(4..8).and_then(<[u8]>::first_chunk::<4>) {
                Some(ip) => Self::V4(Ipv4Addr::from(*ip), port()),
                None => Self::Unnamed,
            },
            libc::AF_INET6 => match bytes.get(8..24).and_then(<[u8]>::first_chunk::<16>) {
                Some(ip) => Self::V6(Ipv6Addr::from(*ip), port()),
                None => Self::Unnamed,
            },
            libc::AF_UNSPEC => Self::Unnamed,
            _ => Self::Other(family),
        }
    }

    /// The port; `None` for a UNIX socket.
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::V4(_, port) | Self::V6(_, port) => Some(*port),
            _ => None,
        }
    }

    /// The same without what stands before abstract names in shared mode.
    #[must_use]
    pub fn without(self, tag: &str) -> Self {
        match self {
            Self::Abstract(name) => {
                Self::Abstract(name.strip_prefix(tag.as_bytes()).map_or_else(|| name.clone(), <[u8]>::to_vec))
            }
            other => other,
        }
    }
}

/// As the language writes it; `none` where there is no address.
impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => f.write_str("none"),
            Self::Path(name) => write!(f, "unix:{}", name.escape_ascii()),
            Self::Abstract(name) => write!(f, "unix:@{}", name.escape_ascii()),
            Self::V4(ip, port) => write!(f, "{ip}:{port}"),
            Self::V6(ip, port) => write!(f, "[{ip}]:{port}"),
            Self::Other(family) => write!(f, "family {family}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let all = [
            (Address::Unnamed, "none", 0),
            (Address::Path(b"srv".to_vec()), "unix:srv", 6),
            (Address::Abstract(b"srv".to_vec()), "unix:@srv", 6),
            (Address::V4(Ipv4Addr::LOCALHOST, 5000), "127.0.0.1:5000", 16),
            (Address::V6(Ipv6Addr::LOCALHOST, 5000), "[::1]:5000", 28),
            (Address::Other(38), "family 38", 2),
        ];
        for (address, text, size) in all {
            let (raw, length) = address.raw();
            assert_eq!((address.to_string().as_str(), length), (text, size));
            assert_eq!(Address::from_raw(&raw, length), address);
        }
        let long = Address::Path(vec![b'x'; 500]);
        assert_eq!(long.raw().1 as usize, size_of::<libc::sockaddr_un>() + 2);
        assert_eq!(Address::Abstract(b"tag-srv".to_vec()).without("tag-"), Address::Abstract(b"srv".to_vec()));
    }
}

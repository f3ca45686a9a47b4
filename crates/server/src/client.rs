//! The client that a limit applies to: an address, or an IPv6 /64, as one household gets. Pure.

use std::net::{IpAddr, Ipv6Addr};

/// The holder of a per-client limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Whoever can open the socket for the local command line.
    Owner,
    /// An IPv4 address, or the first 64 bits of an IPv6 address: a client chooses the rest freely.
    Address(IpAddr),
}

impl Client {
    /// The address, or the network that stands for it.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Owner => None,
            Self::Address(address) => Some(address),
        }
    }

    /// The holder of the limits of a client at this address; `None` is the local command line.
    pub(crate) fn at(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Owner, |address| Self::Address(network(address.to_canonical())))
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> String {
        match Client::at(address.parse().ok()) {
            Client::Owner => "owner".to_owned(),
            Client::Address(address) => address.to_string(),
        }
    }

    #[test]
    fn an_address_or_its_network() {
        assert_eq!(client(""), "owner");
        assert_eq!(client("10.0.0.7"), "10.0.0.7");
        assert_eq!(client("::ffff:10.0.0.7"), "10.0.0.7");
        assert_eq!(client("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
    }
}

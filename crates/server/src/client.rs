//! The client that a limit applies to: an address, or an IPv6 /64, as one household gets. Pure.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

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

    /// Returns the client at the other end. If that is a proxy on this machine, returns the last address in its
    /// `X-Forwarded-For`; the header is not trusted from elsewhere.
    pub(crate) fn of(address: Option<IpAddr>, headers: &HeaderMap) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Owner,
            Some(address) if address.is_loopback() => {
                Self::Address(network(forwarded_for(headers).unwrap_or(address)))
            }
            Some(address) => Self::Address(network(address)),
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let address: IpAddr = last.rsplit(',').next()?.trim().parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(address: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        match Client::of(address.parse().ok(), &headers) {
            Client::Owner => "owner".to_owned(),
            Client::Address(address) => address.to_string(),
        }
    }

    #[test]
    fn an_address_or_its_network() {
        assert_eq!(client("", &[]), "owner");
        assert_eq!(client("10.0.0.7", &[]), "10.0.0.7");
        assert_eq!(client("::ffff:10.0.0.7", &[]), "10.0.0.7");
        assert_eq!(client("2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
        assert_eq!(client("2001:db8:1:2::1", &[]), client("2001:db8:1:2:ffff::9", &[]));
        assert_ne!(client("2001:db8:1:2::1", &[]), client("2001:db8:1:3::1", &[]));
    }

    #[test]
    fn only_a_proxy_on_this_machine_speaks_for_others() {
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["6.6.6.6, 10.0.0.8"]), "10.0.0.8");
        assert_eq!(client("127.0.0.1", &["6.6.6.6", "10.0.0.8"]), "10.0.0.8");
        assert_eq!(client("::1", &["2001:db8::5"]), "2001:db8::");
        assert_eq!(client("127.0.0.1", &["unknown"]), "127.0.0.1");
        assert_eq!(client("10.0.0.7", &["6.6.6.6"]), "10.0.0.7");
    }
}

//! Lists of networks, as the configuration has them. Pure.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// Networks and single addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Box<[IpNet]>);

/// The text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not an address or a network, such as `10.0.0.7`, `10.0.0.0/8` or `fd00::/8`")]
pub struct NetworkError;

impl Networks {
    /// The addresses of the machine itself: `127.0.0.0/8` and `::1`.
    pub fn loopback() -> Self {
        let v4 = IpNet::new_assert([127, 0, 0, 0].into(), 8);
        Self([v4, IpNet::from(IpAddr::from(std::net::Ipv6Addr::LOCALHOST))].into())
    }

    /// True if one of them has this address. An IPv4 address that is written as IPv6 is the IPv4 address.
    pub fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if one of them is all addresses.
    pub fn are_everywhere(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }

    /// The networks as text.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|network| match network.prefix_len() == network.max_prefix_len() {
            true => network.addr().to_string(),
            false => network.to_string(),
        })
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// Reads an address or a network.
///
/// # Errors
/// It is neither.
pub(crate) fn network(text: &str) -> Result<IpNet, NetworkError> {
    if let Ok(address) = IpAddr::from_str(text) {
        return Ok(address.to_canonical().into());
    }
    let network = text.parse::<IpNet>().map_err(|_| NetworkError)?;
    Ok(network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        texts.iter().map(|text| network(text).unwrap()).collect()
    }

    #[test]
    fn an_address_is_in_a_network_or_not() {
        let some = networks(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.1"]);
        for (address, expected) in [
            ("10.255.0.1", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
            ("198.51.100.1", true),
        ] {
            assert_eq!(some.include(address.parse().unwrap()), expected, "{address}");
        }
        assert!(!Networks::default().include("127.0.0.1".parse().unwrap()));
        let loopback = Networks::loopback();
        assert!(
            ["127.9.9.9", "::1", "::ffff:127.0.0.1"].iter().all(|own| loopback.include(own.parse().unwrap()))
        );
        assert!(!loopback.include("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "*", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.1:80", "fd00::/129", " 10.0.0.1"] {
            assert_eq!(network(bad), Err(NetworkError), "{bad}");
        }
        assert!(
            networks(&["0.0.0.0/0"]).are_everywhere() && networks(&["10.0.0.1", "::/0"]).are_everywhere()
        );
        assert!(!networks(&["10.0.0.0/8"]).are_everywhere());
        assert_eq!(networks(&["10.1.2.3/8", "::1"]).iter().collect::<Vec<_>>(), ["10.0.0.0/8", "::1"]);
    }
}

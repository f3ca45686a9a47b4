//! What the checks make exceptions for: hosts that an operator configured, and proxies.

use std::{collections::HashSet, net::IpAddr};

use url::{Host, Url};

use crate::name;

/// The hosts that may be at private addresses because an operator configured them, and the proxies in use.
///
/// The default exempts nothing.
#[derive(Debug, Default)]
pub struct Exemptions {
    private_network: bool,
    names: HashSet<String>,
    addresses: HashSet<(IpAddr, u16)>,
    // Connections go to a proxy in place of every other host. A proxy is never requested itself.
    proxies: HashSet<String>,
}

impl Exemptions {
    /// Exempts the hosts of `configured` URLs: a name at any port, an IP address only at the port of its URL.
    pub fn new(configured: &[Url]) -> Self {
        let mut exemptions = Self::default();
        for url in configured {
            exemptions.add(url);
        }
        exemptions
    }

    /// Exempts every private address if `allowed` is true.
    #[must_use]
    pub fn with_private_network(self, allowed: bool) -> Self {
        Self { private_network: allowed, ..self }
    }

    /// Takes note of the proxies that requests go through. Connections to them are allowed, requests for them are not,
    /// unless their host is exempt for another reason.
    #[must_use]
    pub fn with_proxies(self, proxies: impl IntoIterator<Item = Url>) -> Self {
        let hosts = proxies
            .into_iter()
            .filter_map(|proxy| proxy.host_str().map(|host| name::without_root(host).to_ascii_lowercase()));
        Self { proxies: hosts.collect(), ..self }
    }

    fn add(&mut self, url: &Url) {
        let port = url.port_or_known_default().unwrap_or_default();
        match url.host() {
            Some(Host::Domain(host)) => drop(self.names.insert(name::without_root(host).to_owned())),
            Some(Host::Ipv4(address)) => drop(self.addresses.insert((address.into(), port))),
            Some(Host::Ipv6(address)) => drop(self.addresses.insert((address.into(), port))),
            None => {}
        }
    }

    /// Whether the addresses of `host` may be connected to even if they are private.
    pub(crate) fn allows_connection(&self, host: &str) -> bool {
        self.allows_name(host) || self.is_proxy(host)
    }

    /// Whether URLs with the name `host` are exempt.
    pub(crate) fn allows_name(&self, host: &str) -> bool {
        self.private_network || self.names.contains(name::without_root(host))
    }

    /// Whether URLs with this IP address and port are exempt.
    pub(crate) fn allows_address(&self, address: IpAddr, port: u16) -> bool {
        self.private_network || self.addresses.contains(&(address, port))
    }

    /// Whether `host` is one of the proxies.
    pub(crate) fn is_proxy(&self, host: &str) -> bool {
        self.proxies.contains(name::without_root(host))
    }
}

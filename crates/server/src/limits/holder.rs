//! Whose a limit is. Pure.

use std::{fmt, net::IpAddr};

use entrepot_access::{Identity, Principal};
use entrepot_policy::PullLimits;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::client::Client;

/// How many times the bucket of a /24 and of a /48 is as large as that of an address.
const IPV4_NETWORK: u32 = 16;
const IPV6_NETWORK: u32 = 8;

/// Who asks, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitedClient<'a> {
    pub(crate) principal: &'a Principal,
    /// The client's address; `None` is the local command line.
    pub(crate) address: Option<IpAddr>,
}

/// Whose a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BucketOwner {
    /// An account.
    Account(i64),
    /// An IPv4 address, the /64 of an IPv6 address, or a single IPv6 address where those count alone.
    Address(IpNet),
    /// The /24 or /48 around an address.
    Network(IpNet),
    /// All clients together.
    Everybody,
}

/// True for whoever is not limited: the server's owner, programs on its machine, and accounts that are exempt.
pub(super) fn is_exempt(principal: &Principal, limits: &PullLimits) -> bool {
    match &principal.identity {
        Identity::Owner | Identity::Local => true,
        Identity::Account(account) => limits.exempt.contains(account.name.as_str()),
        Identity::SyncToken | Identity::Workload(_) | Identity::Anonymous => false,
    }
}

impl LimitedClient<'_> {
    /// Whose the limits are. `None` for who is exempt, and where the client has no address.
    pub(super) fn holder(&self, limits: &PullLimits) -> Option<BucketOwner> {
        if is_exempt(self.principal, limits) {
            return None;
        }
        match &self.principal.identity {
            Identity::Owner | Identity::Local => None,
            Identity::Account(account) => Some(BucketOwner::Account(account.id)),
            Identity::SyncToken | Identity::Workload(_) | Identity::Anonymous => {
                self.address.map(|address| BucketOwner::of(address.to_canonical(), limits))
            }
        }
    }

    /// As people are told: the account's name, or what of the address counts.
    pub(super) fn label(&self, owner: BucketOwner) -> String {
        match (owner, self.principal.account()) {
            (BucketOwner::Account(_), Some(account)) => format!("account:{}", account.name),
            (owner, _) => owner.to_string(),
        }
    }
}

impl BucketOwner {
    fn of(address: IpAddr, limits: &PullLimits) -> Self {
        if address.is_ipv6() && limits.is_single(address) {
            return Self::Address(address.into());
        }
        Self::Address(match Client::at(Some(address)).address() {
            Some(IpAddr::V6(first)) => Ipv6Net::new(first, 64).map_or(IpNet::from(address), IpNet::from),
            Some(IpAddr::V4(_)) | None => address.into(),
        })
    }

    /// The network around an address, and how many times as much it may have. Nobody gets more by changing addresses.
    pub(super) fn network(self) -> Option<(Self, u32)> {
        match self {
            Self::Address(IpNet::V4(of)) => {
                let network = Ipv4Net::new(of.addr(), 24).ok()?.trunc();
                Some((Self::Network(network.into()), IPV4_NETWORK))
            }
            Self::Address(IpNet::V6(of)) if of.prefix_len() <= 64 => {
                let network = Ipv6Net::new(of.addr(), 48).ok()?.trunc();
                Some((Self::Network(network.into()), IPV6_NETWORK))
            }
            Self::Address(_) | Self::Account(_) | Self::Network(_) | Self::Everybody => None,
        }
    }

    /// Who does what a refusal says.
    pub(super) fn subject(self) -> String {
        match self {
            Self::Account(_) => "this account".to_owned(),
            Self::Address(_) => "this address".to_owned(),
            Self::Network(network) => format!("the network {network}"),
            Self::Everybody => "all clients together".to_owned(),
        }
    }

    /// True if whoever logs in has more.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Address(_) | Self::Network(_))
    }
}

impl fmt::Display for BucketOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account {id}"),
            Self::Address(net) | Self::Network(net) if net.prefix_len() == net.max_prefix_len() => {
                net.addr().fmt(f)
            }
            Self::Address(net) | Self::Network(net) => net.fmt(f),
            Self::Everybody => f.write_str("everybody"),
        }
    }
}

#[cfg(test)]
pub(super) fn address(text: &str) -> BucketOwner {
    BucketOwner::of(text.parse().unwrap_or(IpAddr::from([0; 4])), &PullLimits::default())
}

#[cfg(test)]
mod tests {
    use entrepot_policy::LimitsSection;

    use super::*;

    // operate.md rows 14, 15, 16
    #[test]
    fn addresses_and_the_networks_around_them() {
        let seen = |text: &str, limits: &PullLimits| {
            let holder = BucketOwner::of(text.parse::<IpAddr>().unwrap().to_canonical(), limits);
            let network = holder.network().map(|(network, times)| format!("{network} x{times}"));
            (holder.to_string(), network.unwrap_or_default())
        };
        let usual = PullLimits::default();
        for (address, expected, network) in [
            ("203.0.113.9", "203.0.113.9", "203.0.113.0/24 x16"),
            ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.0/24 x16"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48 x8"),
        ] {
            assert_eq!(seen(address, &usual), (expected.to_owned(), network.to_owned()));
        }
        let single = LimitsSection {
            single_addresses: vec!["2001:db8::/32".parse().unwrap()],
            ..LimitsSection::default()
        };
        let listed = seen("2001:db8:1:2:3::4", &PullLimits::of(&single));
        assert_eq!(listed, ("2001:db8:1:2:3::4".to_owned(), String::new()));
    }
}

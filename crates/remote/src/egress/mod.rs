//! The gate: where a registry may send us.
//!
//! [`Gate::redirect`] and [`Gate::realm`] turn what an answer says into an address that may be asked, or refuse it
//! before any request; [`Resolver`] does the same for the addresses behind names, at the moment of connecting. Where a
//! proxy connects in our place there is no such moment: then the gate, which judges names too, is all there is.

mod address;
pub(crate) mod names;
mod resolver;

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use url::{Host, Url};

pub(crate) use resolver::Resolver;

/// How many redirects are followed for one request.
pub const MAX_REDIRECTS: usize = 5;

/// Why an address was not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// Not an address at all.
    #[error("the registry led to something that is not an address")]
    Malformed,
    /// Something other than `http` and `https`, such as `file:`.
    #[error("the registry led to a `{scheme}:` address")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// A user name or password in the address.
    #[error("the registry led to an address with a user name in it")]
    Userinfo,
    /// From `https` to `http`.
    #[error("the registry led from https to http, at `{host}`")]
    Downgrade {
        /// Where to.
        host: String,
    },
    /// An address that is not on the public internet, of a host that is not an endpoint.
    #[error(
        "`{host}` is at a private address (hint: name it under `endpoints`, or set `private_network: true` for \
         this registry)"
    )]
    PrivateAddress {
        /// Which host.
        host: String,
    },
    /// The proxy that requests go through.
    #[error("the registry led to the proxy, `{host}`, itself")]
    Proxy {
        /// Which host.
        host: String,
    },
    /// One redirect after another.
    #[error("the registry redirected more than {MAX_REDIRECTS} times")]
    TooManyRedirects,
    /// A token server that the registry's passwords are not for.
    #[error("the registry wants the password to be sent to `{host}`")]
    ForeignRealm {
        /// Where.
        host: String,
    },
    /// An endpoint that does not have the registry's name, and so is not shown its passwords.
    #[error("the password is for the registry itself, and not for its endpoint `{host}`")]
    ForeignEndpoint {
        /// Where.
        host: String,
    },
    /// The next page of a listing is said to be at another place.
    #[error("the next page of the listing is said to be at `{host}`")]
    ForeignPage {
        /// Where.
        host: String,
    },
}

/// What may be at a private address, because the operator named it.
#[derive(Debug, Default)]
pub(crate) struct Exempt {
    all: bool,
    names: HashSet<String>,
    addresses: HashSet<(IpAddr, u16)>,
    // What is connected to in the place of everything else, and never asked for itself.
    proxies: HashSet<String>,
}

impl Exempt {
    /// Exempts the hosts of `endpoints`: a name at any port, an address only at the endpoint's own.
    pub(crate) fn of(endpoints: &[Url], all: bool) -> Self {
        let mut exempt = Self { all, ..Self::default() };
        for endpoint in endpoints {
            exempt.add(endpoint);
        }
        exempt
    }

    /// The same where requests go through `proxies`.
    pub(crate) fn behind(self, proxies: impl Iterator<Item = Url>) -> Self {
        let hosts = proxies.filter_map(|proxy| proxy.host_str().map(|host| bare(host).to_ascii_lowercase()));
        Self { proxies: hosts.collect(), ..self }
    }

    fn add(&mut self, url: &Url) {
        let port = url.port_or_known_default().unwrap_or_default();
        match url.host() {
            Some(Host::Domain(name)) => drop(self.names.insert(bare(name).to_owned())),
            Some(Host::Ipv4(address)) => drop(self.addresses.insert((address.into(), port))),
            Some(Host::Ipv6(address)) => drop(self.addresses.insert((address.into(), port))),
            None => {}
        }
    }

    // Whether a name may be connected to wherever it leads.
    fn connects(&self, name: &str) -> bool {
        self.names(name) || self.proxies.contains(bare(name))
    }

    fn names(&self, name: &str) -> bool {
        self.all || self.names.contains(bare(name))
    }

    fn addresses(&self, address: IpAddr, port: u16) -> bool {
        self.all || self.addresses.contains(&(address, port))
    }
}

// `a.example.` and `a.example` are one host.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The checks before a request.
pub(crate) struct Gate(pub(crate) Arc<Exempt>);

impl Gate {
    /// Where the `Location` of an answer from `from` leads.
    pub(crate) fn redirect(&self, from: &Url, location: &str) -> Result<Url, EgressError> {
        let mut target = from.join(location).map_err(|_| EgressError::Malformed)?;
        target.set_fragment(None);
        self.check(from, &target)?;
        Ok(target)
    }

    /// Where the token server named in a challenge from `from` is.
    pub(crate) fn realm(&self, from: &Url, realm: &str) -> Result<Url, EgressError> {
        let realm: Url = realm.parse().map_err(|_| EgressError::Malformed)?;
        self.check(from, &realm)?;
        Ok(realm)
    }

    /// Where the next page of a listing is that came from `from`: nowhere else.
    pub(crate) fn page(&self, from: &Url, target: &str) -> Result<Url, EgressError> {
        let target = self.redirect(from, target)?;
        if target.origin() == from.origin() {
            return Ok(target);
        }
        Err(EgressError::ForeignPage { host: target.host_str().unwrap_or_default().to_owned() })
    }

    /// Whether an address may be asked that `from` led to. Names are looked at again when they are connected to.
    pub(crate) fn check(&self, from: &Url, target: &Url) -> Result<(), EgressError> {
        if !matches!(target.scheme(), "http" | "https") {
            return Err(EgressError::Scheme { scheme: target.scheme().to_owned() });
        }
        if !target.username().is_empty() || target.password().is_some() {
            return Err(EgressError::Userinfo);
        }
        let host = || target.host_str().unwrap_or_default().to_owned();
        if from.scheme() == "https" && target.scheme() == "http" {
            return Err(EgressError::Downgrade { host: host() });
        }
        self.is_open(target)
    }

    // `Url` has already read octal, hexadecimal and shortened forms of IPv4 as what they are.
    fn is_open(&self, target: &Url) -> Result<(), EgressError> {
        let port = target.port_or_known_default().unwrap_or_default();
        let (is_named, is_public) = match target.host() {
            None => return Err(EgressError::Malformed),
            Some(Host::Domain(name)) => (self.0.names(name), names::is_public(name)),
            Some(Host::Ipv4(ip)) => (self.0.addresses(ip.into(), port), address::is_public(ip.into())),
            Some(Host::Ipv6(ip)) => (self.0.addresses(ip.into(), port), address::is_public(ip.into())),
        };
        let host = target.host_str().unwrap_or_default().to_owned();
        if is_named {
            Ok(())
        } else if self.0.proxies.contains(bare(&host)) {
            Err(EgressError::Proxy { host })
        } else if is_public {
            Ok(())
        } else {
            Err(EgressError::PrivateAddress { host })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(endpoints: &[&str]) -> Gate {
        let endpoints: Vec<Url> = endpoints.iter().map(|text| text.parse().unwrap()).collect();
        Gate(Arc::new(Exempt::of(&endpoints, false)))
    }

    fn from(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn private_literals_are_refused_in_every_spelling() {
        let (gate, home) = (gate(&[]), from("https://registry.example"));
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "017700000001",
            "2130706433",
            "127.0.0.1.",
            "169.254.169.254",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[fe80::1]",
            "10.0.0.1",
            "0",
        ] {
            let refused = gate.redirect(&home, &format!("https://{host}/x"));
            assert!(matches!(refused, Err(EgressError::PrivateAddress { .. })), "{host}: {refused:?}");
        }
        assert!(gate.redirect(&home, "https://1.1.1.1/x").is_ok());
    }

    #[test]
    fn endpoints_may_be_private_at_their_own_port() {
        let gate = gate(&["http://127.0.0.1:5000", "http://[::1]:5000", "http://lan.example:80"]);
        let home = from("http://lan.example");
        assert!(gate.redirect(&home, "http://127.0.0.1:5000/x").is_ok());
        assert!(gate.redirect(&home, "http://127.0.0.1:5001/x").is_err());
        assert!(gate.redirect(&home, "http://[::1]:5000/x").is_ok());
        assert!(gate.redirect(&home, "http://[::1]/x").is_err());
        assert!(gate.0.connects("lan.example.") && !gate.0.connects("wan.example"));
    }

    // Nobody here looks them up where there is a proxy, so they are judged by what they say.
    #[test]
    fn private_names_and_the_proxy_itself_are_refused() {
        let proxies = ["http://proxy.example:3128", "http://9.9.9.9:3128", "http://10.0.0.9:3128"];
        let behind = |endpoints: &[&str], all| {
            let endpoints: Vec<Url> = endpoints.iter().map(|text| text.parse().unwrap()).collect();
            let proxies = proxies.iter().map(|text| text.parse().unwrap());
            Gate(Arc::new(Exempt::of(&endpoints, all).behind(proxies)))
        };
        let home = from("http://registry.example/v2/");
        let refused = |gate: &Gate, host: &str| {
            let target = format!("http://{host}/x");
            let (redirect, realm) = (gate.redirect(&home, &target), gate.realm(&home, &target));
            assert_eq!(redirect, realm, "{host}");
            redirect.err()
        };
        let closed = behind(&[], false);
        for host in
            ["LOCALHOST:81", "a.localhost", "metadata.google.internal.", "vm", "%6cocalhost", "nas.local"]
        {
            let told = refused(&closed, host);
            assert!(matches!(told, Some(EgressError::PrivateAddress { .. })), "{host}: {told:?}");
        }
        for host in ["proxy.example:3128", "proxy.example.", "9.9.9.9", "0x09.9.2313:3128"] {
            let told = refused(&closed, host);
            assert!(matches!(told, Some(EgressError::Proxy { .. })), "{host}: {told:?}");
        }
        assert!(refused(&closed, "10.0.0.9:3128").is_some());
        // It has to be connected to all the same.
        assert!(closed.0.connects("proxy.example") && !closed.0.connects("vm"));
        assert_eq!(refused(&closed, "other.example"), None);
        let named = behind(&["http://vm:80", "http://10.0.0.9:3128", "http://proxy.example"], false);
        for host in ["vm", "10.0.0.9:3128", "proxy.example"] {
            assert_eq!(refused(&named, host), None, "{host}");
        }
        let open = behind(&[], true);
        for host in ["localhost", "proxy.example", "10.0.0.9:3128", "metadata.google.internal"] {
            assert_eq!(refused(&open, host), None, "{host}");
        }
    }

    #[test]
    fn only_web_addresses_without_names_and_never_less_secure() {
        let (gate, home) = (gate(&[]), from("https://registry.example/v2/a/blobs/x"));
        for (location, refusal) in [
            ("file:///etc/passwd", EgressError::Scheme { scheme: "file".into() }),
            ("gopher://a.example", EgressError::Scheme { scheme: "gopher".into() }),
            ("https://me@a.example/", EgressError::Userinfo),
            ("https://:pw@a.example/", EgressError::Userinfo),
            ("http://a.example/", EgressError::Downgrade { host: "a.example".into() }),
            ("https://", EgressError::Malformed),
        ] {
            assert_eq!(gate.redirect(&home, location), Err(refusal), "{location}");
        }
        assert_eq!(gate.redirect(&home, "../y#z").unwrap().as_str(), "https://registry.example/v2/a/y");
        assert_eq!(gate.realm(&home, "/token"), Err(EgressError::Malformed));
        assert!(gate.redirect(&from("http://a.example"), "https://b.example").is_ok());
    }

    #[test]
    fn pages_stay_where_they_are() {
        let (gate, home) = (gate(&[]), from("https://registry.example/v2/a/tags/list"));
        assert!(gate.page(&home, "/v2/a/tags/list?last=b").is_ok());
        for foreign in ["https://other.example/", "https://registry.example:8443/"] {
            assert!(matches!(gate.page(&home, foreign), Err(EgressError::ForeignPage { .. })), "{foreign}");
        }
    }
}

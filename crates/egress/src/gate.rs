//! The check of a URL before a request.

use std::sync::Arc;

use url::{Host, Url};

use crate::{address, error::Error, exemptions::Exemptions, name, resolver::Resolver};

/// Checks URLs that somebody else supplied. Cheap to clone.
///
/// A URL is refused if it is not `http` or `https`, holds a user name or password, drops TLS, names a proxy, or has a
/// host that is private and not exempt. Names pass here by what they say; the addresses behind them are checked by
/// [`Gate::resolver`], which the HTTP client must use.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Exemptions>);

impl Gate {
    /// A gate with these exemptions.
    pub fn new(exemptions: Exemptions) -> Self {
        Self(Arc::new(exemptions))
    }

    /// A resolver with the same exemptions, for the HTTP client that sends the requests.
    pub fn resolver(&self) -> Resolver {
        Resolver::new(Arc::clone(&self.0))
    }

    /// Resolves the `Location` of a response from `from`, which may be relative, and checks it. A fragment is removed.
    ///
    /// # Errors
    /// The URL is refused.
    pub fn redirect(&self, from: &Url, location: &str) -> Result<Url, Error> {
        let mut target = from.join(location).map_err(|_| Error::Malformed)?;
        target.set_fragment(None);
        self.check(from, &target)?;
        Ok(target)
    }

    /// Checks an absolute URL that a response from `from` named, such as the realm of a challenge.
    ///
    /// # Errors
    /// The URL is refused, or is relative.
    pub fn absolute(&self, from: &Url, url: &str) -> Result<Url, Error> {
        let target: Url = url.parse().map_err(|_| Error::Malformed)?;
        self.check(from, &target)?;
        Ok(target)
    }

    /// Resolves a link in a response from `from` that must stay at the same origin, such as the next page of a listing.
    ///
    /// # Errors
    /// The URL is refused, or has another origin ([`Error::CrossOrigin`]).
    pub fn same_origin(&self, from: &Url, link: &str) -> Result<Url, Error> {
        let target = self.redirect(from, link)?;
        if target.origin() == from.origin() {
            return Ok(target);
        }
        Err(Error::CrossOrigin { host: host(&target) })
    }

    fn check(&self, from: &Url, target: &Url) -> Result<(), Error> {
        if !matches!(target.scheme(), "http" | "https") {
            return Err(Error::Scheme { scheme: target.scheme().to_owned() });
        }
        if !target.username().is_empty() || target.password().is_some() {
            return Err(Error::Userinfo);
        }
        if from.scheme() == "https" && target.scheme() == "http" {
            return Err(Error::Downgrade { host: host(target) });
        }
        self.check_host(target)
    }

    // `Url` has already normalized octal, hexadecimal and shortened forms of IPv4.
    fn check_host(&self, target: &Url) -> Result<(), Error> {
        let port = target.port_or_known_default().unwrap_or_default();
        let (is_exempt, is_public) = match target.host() {
            None => return Err(Error::Malformed),
            Some(Host::Domain(host)) => (self.0.allows_name(host), name::is_public_name(host)),
            Some(Host::Ipv4(ip)) => (self.0.allows_address(ip.into(), port), address::is_public(ip.into())),
            Some(Host::Ipv6(ip)) => (self.0.allows_address(ip.into(), port), address::is_public(ip.into())),
        };
        let host = host(target);
        if is_exempt {
            Ok(())
        } else if self.0.is_proxy(&host) {
            Err(Error::Proxy { host })
        } else if is_public {
            Ok(())
        } else {
            Err(Error::PrivateAddress { host })
        }
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(endpoints: &[&str]) -> Gate {
        let endpoints: Vec<Url> = endpoints.iter().map(|text| text.parse().unwrap()).collect();
        Gate::new(Exemptions::new(&endpoints))
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
            assert!(matches!(refused, Err(Error::PrivateAddress { .. })), "{host}: {refused:?}");
        }
        assert!(gate.redirect(&home, "https://1.1.1.1/x").is_ok());
    }

    #[test]
    fn configured_hosts_may_be_private_at_their_own_port() {
        let gate = gate(&["http://127.0.0.1:5000", "http://[::1]:5000", "http://lan.example:80"]);
        let home = from("http://lan.example");
        assert!(gate.redirect(&home, "http://127.0.0.1:5000/x").is_ok());
        assert!(gate.redirect(&home, "http://127.0.0.1:5001/x").is_err());
        assert!(gate.redirect(&home, "http://[::1]:5000/x").is_ok());
        assert!(gate.redirect(&home, "http://[::1]/x").is_err());
        assert!(gate.0.allows_connection("lan.example.") && !gate.0.allows_connection("wan.example"));
    }

    // A proxy looks names up itself, so they are judged by what they say.
    #[test]
    fn private_names_and_the_proxy_itself_are_refused() {
        let proxies = ["http://proxy.example:3128", "http://9.9.9.9:3128", "http://10.0.0.9:3128"];
        let behind = |endpoints: &[&str], all| {
            let endpoints: Vec<Url> = endpoints.iter().map(|text| text.parse().unwrap()).collect();
            let proxies = proxies.iter().map(|text| text.parse().unwrap());
            Gate::new(Exemptions::new(&endpoints).with_private_network(all).with_proxies(proxies))
        };
        let home = from("http://registry.example/v2/");
        let refused = |gate: &Gate, host: &str| {
            let target = format!("http://{host}/x");
            let (redirect, absolute) = (gate.redirect(&home, &target), gate.absolute(&home, &target));
            assert_eq!(redirect, absolute, "{host}");
            redirect.err()
        };
        let closed = behind(&[], false);
        for host in
            ["LOCALHOST:81", "a.localhost", "metadata.google.internal.", "vm", "%6cocalhost", "nas.local"]
        {
            let told = refused(&closed, host);
            assert!(matches!(told, Some(Error::PrivateAddress { .. })), "{host}: {told:?}");
        }
        for host in ["proxy.example:3128", "proxy.example.", "9.9.9.9", "0x09.9.2313:3128"] {
            let told = refused(&closed, host);
            assert!(matches!(told, Some(Error::Proxy { .. })), "{host}: {told:?}");
        }
        assert!(refused(&closed, "10.0.0.9:3128").is_some());
        // The proxy itself must still be connected to.
        assert!(closed.0.allows_connection("proxy.example") && !closed.0.allows_connection("vm"));
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
            ("file:///etc/passwd", Error::Scheme { scheme: "file".into() }),
            ("gopher://a.example", Error::Scheme { scheme: "gopher".into() }),
            ("https://me@a.example/", Error::Userinfo),
            ("https://:pw@a.example/", Error::Userinfo),
            ("http://a.example/", Error::Downgrade { host: "a.example".into() }),
            ("https://", Error::Malformed),
        ] {
            assert_eq!(gate.redirect(&home, location), Err(refusal), "{location}");
        }
        assert_eq!(gate.redirect(&home, "../y#z").unwrap().as_str(), "https://registry.example/v2/a/y");
        assert_eq!(gate.absolute(&home, "/token"), Err(Error::Malformed));
        assert!(gate.redirect(&from("http://a.example"), "https://b.example").is_ok());
    }

    #[test]
    fn pages_stay_where_they_are() {
        let (gate, home) = (gate(&[]), from("https://registry.example/v2/a/tags/list"));
        assert!(gate.same_origin(&home, "/v2/a/tags/list?last=b").is_ok());
        for foreign in ["https://other.example/", "https://registry.example:8443/"] {
            assert!(matches!(gate.same_origin(&home, foreign), Err(Error::CrossOrigin { .. })), "{foreign}");
        }
    }
}

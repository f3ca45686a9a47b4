//! The proxies that the environment configures, read as Go's clients read them (`golang.org/x/net/http/httpproxy`), because
//! docker, containerd and crane on the same machine have the same variables.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use crate::name;

/// Which proxy a request goes through.
///
/// No `Debug`: the URL of a proxy may hold a password.
#[derive(Default)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    exceptions: Vec<Exception>,
}

/// Hosts that need no proxy: one entry of `NO_PROXY`.
#[derive(Debug, PartialEq, Eq)]
enum Exception {
    /// `*`: every host.
    All,
    /// `10.0.0.0/8`: every address in it, by number.
    Network(IpNet),
    /// `10.0.0.1` or `10.0.0.1:5000`.
    Address(IpAddr, Option<u16>),
    /// `example.com`, with the names below it; `.example.com` or `*.example.com`, only the names below it.
    Domain { name: String, only_below: bool, port: Option<u16> },
}

impl Proxies {
    /// What the variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in upper or lower case. Proxies
    /// that are not URLs are left out.
    pub fn from_environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// The same from other variables than the environment's.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| {
            let of = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
            of(name).or_else(|| of(&name.to_ascii_lowercase()))
        };
        let proxy = |name| value(name).or_else(|| value("ALL_PROXY")).and_then(|text| proxy(text.trim()));
        let exceptions = value("NO_PROXY").unwrap_or_default();
        let exceptions = exceptions.split(|c: char| c == ',' || c.is_whitespace());
        Self {
            http: proxy("HTTP_PROXY"),
            https: proxy("HTTPS_PROXY"),
            exceptions: exceptions.filter_map(exception).collect(),
        }
    }

    /// The proxy for a request to `url`. This machine itself is never asked through one.
    pub fn of(&self, url: &Url) -> Option<&Url> {
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !is_this_machine(url) && !self.exceptions.iter().any(|one| one.covers(url)))
    }

    /// All proxies that requests may go through.
    pub fn urls(&self) -> impl Iterator<Item = &Url> {
        self.http.iter().chain(&self.https)
    }
}

impl Exception {
    fn covers(&self, url: &Url) -> bool {
        let is_at = |port: &Option<u16>| port.is_none() || *port == url.port_or_known_default();
        match (self, url.host()) {
            (Self::All, _) => true,
            (Self::Network(network), host) => address(host).is_some_and(|ip| network.contains(&ip)),
            (Self::Address(one, port), host) => address(host) == Some(*one) && is_at(port),
            (Self::Domain { name, only_below, port }, Some(Host::Domain(host))) => {
                let host = name::without_root(host);
                let is_below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                (is_below || (!only_below && host == name)) && is_at(port)
            }
            (Self::Domain { .. }, _) => false,
        }
    }
}

fn proxy(text: &str) -> Option<Url> {
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    full.parse().ok().filter(Url::has_host)
}

fn exception(text: &str) -> Option<Exception> {
    let text = text.trim().to_ascii_lowercase();
    if text == "*" {
        return Some(Exception::All);
    }
    if let Ok(network) = text.parse() {
        return Some(Exception::Network(network));
    }
    let (host, port) = with_port(&text);
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse() {
        return Some(Exception::Address(ip, port));
    }
    let below = host.strip_prefix('*').unwrap_or(host).strip_prefix('.');
    let name = name::without_root(below.unwrap_or(host));
    let exception = Exception::Domain { name: name.to_owned(), only_below: below.is_some(), port };
    (!name.is_empty()).then_some(exception)
}

// An IPv6 address has colons of its own, and a port only behind brackets.
fn with_port(text: &str) -> (&str, Option<u16>) {
    let split = text.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match split.map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host, Some(port)),
        _ => (text, None),
    }
}

fn address(host: Option<Host<&str>>) -> Option<IpAddr> {
    match host? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => name::without_root(host) == "localhost",
        host => address(host).is_some_and(|ip| ip.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::new(|name| {
            let found = variables.iter().find(|(one, _)| *one == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn of(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.of(&url.parse().unwrap()).map(|proxy| proxy.host_str().unwrap().to_owned())
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let both = proxies(&[("HTTPS_PROXY", "http://s.example:3128"), ("http_proxy", "h.example:3128")]);
        assert_eq!(of(&both, "https://quay.io").as_deref(), Some("s.example"));
        assert_eq!(of(&both, "http://quay.io").as_deref(), Some("h.example"));
        assert_eq!(both.urls().count(), 2);
        let one = proxies(&[("HTTP_PROXY", "h.example")]);
        assert_eq!(of(&one, "https://quay.io"), None);
        let all =
            proxies(&[("ALL_PROXY", "socks5://a.example"), ("HTTP_PROXY", " "), ("http_proxy", "h.example")]);
        assert_eq!(of(&all, "https://quay.io").as_deref(), Some("a.example"));
        assert_eq!(of(&all, "http://quay.io").as_deref(), Some("h.example"));
        assert!(proxies(&[("HTTPS_PROXY", "http://")]).urls().next().is_none());
    }

    // The cases of httpproxy's own table of what `NO_PROXY` means.
    #[test]
    fn exceptions_are_read_as_go_reads_them() {
        for (exceptions, direct, proxied) in [
            (
                "example.com",
                &["example.com", "a.example.com", "EXAMPLE.com.", "example.com:8080"][..],
                &["myexample.com"][..],
            ),
            (".example.com", &["a.example.com"], &["example.com"]),
            ("*.example.com", &["a.example.com", "a.b.example.com:5000"], &["example.com", "aexample.com"]),
            ("example.com:5000", &["example.com:5000", "a.example.com:5000"], &["example.com"]),
            ("example.com:80", &["example.com"], &["example.com:81"]),
            ("10.0.0.0/8, 192.0.2.7", &["10.1.2.3:5000", "192.0.2.7:1"], &["11.0.0.1", "192.0.2.8"]),
            ("192.0.2.7:5000", &["192.0.2.7:5000"], &["192.0.2.7"]),
            (
                "fd00::/8 [2001:db8::1]:5000,2001:db8::2",
                &["[fd00::1]", "[2001:db8::1]:5000", "[2001:db8::2]:9"],
                &["[2001:db8::1]"],
            ),
            ("a,*", &["example.com", "192.0.2.7"], &[]),
            ("", &[], &["example.com"]),
            (" , .", &[], &["example.com"]),
            ("10.0.0.0/8", &[], &["example.com", "11.0.0.1"]),
        ] {
            let proxies = proxies(&[("HTTP_PROXY", "proxy.example:3128"), ("NO_PROXY", exceptions)]);
            for host in direct {
                assert_eq!(of(&proxies, &format!("http://{host}")), None, "{exceptions}: {host}");
            }
            for host in proxied {
                assert!(of(&proxies, &format!("http://{host}")).is_some(), "{exceptions}: {host}");
            }
        }
    }

    #[test]
    fn this_machine_needs_none() {
        let proxies = proxies(&[("HTTP_PROXY", "proxy.example"), ("HTTPS_PROXY", "proxy.example")]);
        for host in ["localhost", "localhost.", "127.0.0.1:5000", "127.3.2.1", "[::1]:5000"] {
            assert_eq!(of(&proxies, &format!("http://{host}")), None, "{host}");
            assert_eq!(of(&proxies, &format!("https://{host}")), None, "{host}");
        }
        assert!(of(&proxies, "http://localhost.example").is_some());
    }
}

//! The address of this server as the sender of a request has it, and the sender's own. Pure.
//!
//! Proxies say what their clients sent. That counts if the proxy is one of ours, whatever else a header says.

use std::net::IpAddr;

use entrepot_access::Networks;
use http::HeaderMap;

use crate::{
    forwarded,
    public_url::{PublicUrl, is_plain, scheme, without_usual_port},
};

/// What stands in front of this server, by the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// True if this server speaks TLS itself.
    pub(crate) has_tls: bool,
    /// The proxies whose word counts.
    pub(crate) proxies: Networks,
    /// The address that everybody is told.
    pub(crate) public_url: Option<PublicUrl>,
}

/// The address of this server as its client sees it, without path: `https://m.example.com`. Nearly no request needs it, so
/// it is worked out only where it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) front: &'a Front,
    /// The address of the other end; `None` for the local command line.
    pub(crate) address: Option<IpAddr>,
    /// Those of the request.
    pub(crate) headers: &'a HeaderMap,
    /// The host that the request names.
    pub(crate) host: Option<&'a str>,
}

impl Origin<'_> {
    /// The address of the client: that of the other end, or what our proxies say. Of several addresses it is the last one
    /// that is not a proxy of ours; those before it could be anything.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        let mut client = self.address?.to_canonical();
        // Each request asks several times, and nearly none comes from a proxy.
        if !forwarded::says_anything(self.headers) || !self.front.proxies.include(client) {
            return Some(client);
        }
        for hop in forwarded::hops(self.headers) {
            client = hop;
            if !self.front.proxies.include(client) {
                break;
            }
        }
        Some(client)
    }

    /// The other end, if it passes on what others ask for and is not one of our proxies.
    pub(crate) fn passed_on_by(&self) -> Option<IpAddr> {
        self.address.filter(|_| self.headers.contains_key("x-forwarded-for") && !self.is_proxied())
    }

    fn is_proxied(&self) -> bool {
        self.address.is_some_and(|address| self.front.proxies.include(address))
    }

    /// True if the client speaks TLS: with a proxy of ours that says so, or with us.
    pub(crate) fn is_https(&self) -> bool {
        if let Some(told) = self.is_proxied().then(|| forwarded::is_https(self.headers)).flatten() {
            return told;
        }
        let is_public = |public: &&PublicUrl| public.is_https() && self.named(true) == public.authority();
        self.front.has_tls || self.front.public_url.as_ref().filter(is_public).is_some()
    }

    /// The host that the client asked for, with its port unless that is the usual one. One with other characters than
    /// names, addresses and ports have is not repeated; then it is `localhost`.
    pub(crate) fn asked(&self) -> String {
        self.named(self.is_https())
    }

    /// True if the client named a host.
    pub(crate) fn is_named(&self) -> bool {
        self.told_host().or(self.host).is_some_and(is_plain)
    }

    fn told_host(&self) -> Option<&str> {
        self.is_proxied().then(|| forwarded::host(self.headers)).flatten()
    }

    fn named(&self, is_https: bool) -> String {
        let host = self.told_host().or(self.host).filter(|host| is_plain(host)).unwrap_or("localhost");
        let host = host.to_ascii_lowercase();
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let port = if has_port || !self.is_proxied() { None } else { forwarded::port(self.headers) };
        let host = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        without_usual_port(&host, is_https).to_owned()
    }

    /// The host that everybody is told: that of `public_url`, or else the one that the client asked for.
    pub(crate) fn authority(&self) -> String {
        match &self.front.public_url {
            Some(public) => public.authority().to_owned(),
            None => self.asked(),
        }
    }

    /// The address that everybody is told.
    pub(crate) fn url(&self) -> String {
        match &self.front.public_url {
            Some(public) => public.text(),
            None => format!("{}://{}", scheme(self.is_https()), self.asked()),
        }
    }

    /// True if a page at `origin`, as browsers send it in `Origin`, is one of this server. The scheme is compared too where
    /// `is_strict`.
    pub(crate) fn is_ours(&self, origin: &str, is_strict: bool) -> bool {
        let Some((told, authority)) = origin.split_once("://") else { return false };
        let is_https = told.eq_ignore_ascii_case("https");
        let authority = without_usual_port(authority, is_https);
        let is_public = self.front.public_url.as_ref().is_some_and(|public| {
            authority.eq_ignore_ascii_case(public.authority()) && is_https == public.is_https()
        });
        let is_asked = (self.is_named() && authority.eq_ignore_ascii_case(&self.named(is_https)))
            || self
                .host
                .is_some_and(|host| authority.eq_ignore_ascii_case(without_usual_port(host, is_https)));
        is_public || is_asked && (!is_strict || is_https == self.is_https())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn front(has_tls: bool, public_url: Option<&str>) -> Front {
        let proxies = "10.0.0.0/8 127.0.0.1 fd00::/8";
        let proxies = proxies.split(' ').map(|text| {
            text.parse().unwrap_or_else(|_| {
                let address: IpAddr = text.parse().unwrap();
                address.into()
            })
        });
        Front { has_tls, proxies: proxies.collect(), public_url: public_url.map(|url| url.parse().unwrap()) }
    }

    type List = &'static [(&'static str, &'static str)];

    fn client(address: &str, list: List) -> Option<String> {
        let (front, headers) = (front(false, None), headers(list));
        let origin = Origin { front: &front, address: address.parse().ok(), headers: &headers, host: None };
        origin.client().map(|client| client.to_string())
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxy_of_ours() {
        const FOR: &str = "x-forwarded-for";
        for (address, list, expected) in [
            ("", [].as_slice(), None),
            ("192.0.2.1", &[], Some("192.0.2.1")),
            ("::ffff:192.0.2.1", &[], Some("192.0.2.1")),
            ("192.0.2.1", &[(FOR, "6.6.6.6")], Some("192.0.2.1")),
            ("192.0.2.1", &[("forwarded", "for=6.6.6.6")], Some("192.0.2.1")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &[(FOR, "6.6.6.6, 192.0.2.1")], Some("192.0.2.1")),
            ("10.0.0.1", &[(FOR, "192.0.2.1, 10.0.0.2")], Some("192.0.2.1")),
            ("10.0.0.1", &[(FOR, "6.6.6.6"), (FOR, "192.0.2.1, 10.0.0.2")], Some("192.0.2.1")),
            ("10.0.0.1", &[(FOR, "10.0.0.3, 10.0.0.2")], Some("10.0.0.3")),
            ("10.0.0.1", &[(FOR, "6.6.6.6, garbage")], Some("10.0.0.1")),
            ("10.0.0.1", &[(FOR, "6.6.6.6, garbage, 10.0.0.2")], Some("10.0.0.2")),
            ("fd00::1", &[(FOR, "2001:db8::7")], Some("2001:db8::7")),
            ("::ffff:10.0.0.1", &[("forwarded", "for=\"[2001:db8::7]:99\"")], Some("2001:db8::7")),
        ] {
            assert_eq!(client(address, list).as_deref(), expected, "{address} {list:?}");
        }
    }

    struct Case {
        host: &'static str,
        from: &'static str,
        headers: List,
        url: &'static str,
    }

    const PROXY: &str = "10.0.0.1";
    const STRANGER: &str = "192.0.2.1";

    const CASES: &[Case] = &[
        Case { host: "m.test", from: STRANGER, headers: &[], url: "http://m.test" },
        Case { host: "M.test:5000", from: STRANGER, headers: &[], url: "http://m.test:5000" },
        Case { host: "m.test:80", from: STRANGER, headers: &[], url: "http://m.test" },
        Case { host: "[2001:db8::1]", from: STRANGER, headers: &[], url: "http://[2001:db8::1]" },
        Case { host: "[2001:DB8::1]:5000", from: STRANGER, headers: &[], url: "http://[2001:db8::1]:5000" },
        // A stranger's headers count for nothing.
        Case {
            host: "m.test",
            from: STRANGER,
            headers: &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "evil.test"),
                ("x-forwarded-port", "99"),
                ("forwarded", "proto=https;host=evil.test"),
            ],
            url: "http://m.test",
        },
        Case {
            host: "m.test",
            from: PROXY,
            headers: &[("x-forwarded-proto", "https")],
            url: "https://m.test",
        },
        Case { host: "m.test", from: PROXY, headers: &[("forwarded", "proto=https")], url: "https://m.test" },
        Case {
            host: "m.test:443",
            from: PROXY,
            headers: &[("x-forwarded-proto", "https")],
            url: "https://m.test",
        },
        Case {
            host: "m.test",
            from: PROXY,
            headers: &[("x-forwarded-proto", "gopher")],
            url: "http://m.test",
        },
        // The port is neither dropped nor doubled.
        Case {
            host: "backend:5000",
            from: PROXY,
            headers: &[("x-forwarded-proto", "https"), ("x-forwarded-host", "m.test")],
            url: "https://m.test",
        },
        Case {
            host: "backend:5000",
            from: PROXY,
            headers: &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "m.test"),
                ("x-forwarded-port", "8443"),
            ],
            url: "https://m.test:8443",
        },
        Case {
            host: "backend:5000",
            from: PROXY,
            headers: &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "m.test:8443"),
                ("x-forwarded-port", "8443"),
            ],
            url: "https://m.test:8443",
        },
        Case {
            host: "m.test",
            from: PROXY,
            headers: &[("x-forwarded-proto", "https"), ("x-forwarded-port", "8443")],
            url: "https://m.test:8443",
        },
        Case {
            host: "m.test",
            from: PROXY,
            headers: &[("x-forwarded-proto", "https"), ("x-forwarded-port", "443")],
            url: "https://m.test",
        },
        Case {
            host: "backend",
            from: PROXY,
            headers: &[("x-forwarded-host", "[2001:db8::2]"), ("x-forwarded-port", "5000")],
            url: "http://[2001:db8::2]:5000",
        },
        Case {
            host: "backend",
            from: PROXY,
            headers: &[("forwarded", "host=\"[2001:db8::2]:5000\";proto=https")],
            url: "https://[2001:db8::2]:5000",
        },
        Case {
            host: "m.test",
            from: PROXY,
            headers: &[("x-forwarded-host", "a b\"c")],
            url: "http://localhost",
        },
        Case { host: "m.test", from: PROXY, headers: &[("x-forwarded-host", "")], url: "http://m.test" },
    ];

    #[test]
    fn host_and_scheme_are_what_the_client_asked_for() {
        for Case { host, from, headers: list, url } in CASES {
            let headers = headers(list);
            let told = |front: &Front| {
                let address = from.parse().ok();
                Origin { front, address, headers: &headers, host: Some(host) }.url()
            };
            assert_eq!(told(&front(false, None)), *url, "{host} {from} {list:?}");
            let public = front(false, Some("https://public.test"));
            assert_eq!(told(&public), "https://public.test", "a configured address counts alone");
        }
    }

    #[test]
    fn tls_is_that_of_the_client() {
        let https = |front: &Front, from: &str, list: List| {
            let headers = headers(list);
            let address = from.parse().ok();
            Origin { front, address, headers: &headers, host: Some("m.test") }.is_https()
        };
        assert!(https(&front(true, None), STRANGER, &[]));
        assert!(!https(&front(false, None), STRANGER, &[("x-forwarded-proto", "https")]));
        assert!(
            !https(&front(true, None), PROXY, &[("x-forwarded-proto", "http")]),
            "the proxy's client does not"
        );
        // A proxy that says nothing, in front of the configured address.
        assert!(https(&front(false, Some("https://m.test")), PROXY, &[]));
        assert!(!https(&front(false, Some("https://other.test")), PROXY, &[]), "another name of this server");
        assert!(!https(&front(false, Some("http://m.test")), PROXY, &[]));
    }

    #[test]
    fn our_own_pages_are_told_by_their_origin() {
        let ours = |front: &Front, list: List, told: &str, is_strict| {
            let headers = headers(list);
            let address = Some([10, 0, 0, 1].into());
            Origin { front, address, headers: &headers, host: Some("m.test:5000") }.is_ours(told, is_strict)
        };
        let plain = front(false, None);
        assert!(ours(&plain, &[], "http://M.test:5000", true));
        assert!(ours(&plain, &[], "https://m.test:5000", false), "the scheme before a proxy is not known");
        assert!(!ours(&plain, &[], "https://m.test:5000", true));
        for foreign in [
            "null",
            "",
            "http://m.test",
            "http://evil.test:5000",
            "http://m.test:5000.evil.test",
            "m.test:5000",
        ] {
            assert!(!ours(&plain, &[], foreign, false), "{foreign}");
        }
        const BEHIND: List = &[("x-forwarded-host", "public.test"), ("x-forwarded-proto", "https")];
        assert!(ours(&plain, BEHIND, "https://public.test", true));
        assert!(!ours(&plain, BEHIND, "http://public.test", true), "a page without TLS is not ours");
        let public = front(false, Some("https://public.test"));
        assert!(ours(&public, &[], "https://public.test", true));
        assert!(!ours(&public, &[], "http://public.test", true));
    }
}

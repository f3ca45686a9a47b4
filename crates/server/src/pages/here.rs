//! The address of this server as its reader sees it. Pure.

use entrepot_mirror::NameResolver;
use entrepot_oci::Host;
use http::header;

use crate::{host, origin::Origin};

/// Stands for the host in requests that name none.
const UNNAMED: &str = "this-host";

/// Where the reader's browser found this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnAddress {
    host: String,
    is_secure: bool,
}

impl OwnAddress {
    /// The address that `origin` has for the sender of a request. Without a proxy of ours that says so, the page that the
    /// reader comes from may say that TLS ends in front of us: that is shown, and decides nothing.
    ///
    /// Below the mirror's domain a name stands for one upstream, so the domain is used instead.
    pub(crate) fn of(origin: &Origin<'_>, names: &NameResolver) -> Self {
        // It comes from the client, so it is shown only if it is valid.
        let is_told = origin.front.public_url.is_some() || origin.is_named();
        let asked: Option<Host> =
            Some(origin.authority()).filter(|_| is_told).and_then(|host| host.parse().ok());
        let host = asked.as_ref().map_or(UNNAMED, Host::as_str);
        let referer = origin.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
        let is_secure = match &origin.front.public_url {
            Some(public) => public.is_https(),
            None => origin.is_https() || referer.is_some_and(|from| is_at(from, host)),
        };
        let domain = asked.as_ref().and_then(|host| below(host, names.domain()?));
        Self { host: domain.unwrap_or_else(|| host.to_owned()), is_secure }
    }

    /// What stands in front of image names: a host, with its port unless that is the usual one.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The address with its scheme.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.is_secure { "https" } else { "http" }, self.host)
    }

    /// True if clients have to be told that this server speaks plain HTTP.
    pub(crate) fn is_plain(&self) -> bool {
        !self.is_secure
    }

    /// True for an address that is of the reader's machine and of no other.
    pub(crate) fn is_loopback(&self) -> bool {
        host::is_loopback(self.host())
    }

    /// The name of an upstream below the mirror's domain, at the same port.
    pub(crate) fn labelled(&self, label: &str, domain: &str) -> String {
        let port = self.host.rsplit_once(':').map(|(_, port)| format!(":{port}"));
        format!("{label}.{domain}{}", port.unwrap_or_default())
    }
}

// True for a page with TLS of this host.
fn is_at(url: &str, host: &str) -> bool {
    let rest = url.strip_prefix("https://").and_then(|rest| rest.split('/').next());
    rest.is_some_and(|of| of.eq_ignore_ascii_case(host))
}

// The domain itself, at the same port, if `host` is below it.
fn below(host: &Host, domain: &str) -> Option<String> {
    let label = host.name().strip_suffix(domain)?;
    let port = host.as_str().strip_prefix(host.name())?;
    label.ends_with('.').then(|| format!("{domain}{port}"))
}

#[cfg(test)]
mod tests {
    use entrepot_access::Networks;
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::origin::Front;

    fn here(host: &str, headers: &[(&'static str, &'static str)]) -> OwnAddress {
        let names = NameResolver::new(Host::docker_hub(), vec![]).with_domain(Some("m.example.com"));
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let front = Front { has_tls: false, proxies: Networks::loopback(), public_url: None };
        let address = Some([127, 0, 0, 1].into());
        OwnAddress::of(&Origin { front: &front, address, headers: &headers, host: Some(host) }, &names)
    }

    #[test]
    fn is_what_the_browser_was_given() {
        assert_eq!(here("127.0.0.1:5000", &[]).url(), "http://127.0.0.1:5000");
        assert!(here("127.0.0.1:5000", &[]).is_loopback() && here("127.0.0.1:5000", &[]).is_plain());
        assert_eq!(here("Mirror.lan", &[("x-forwarded-proto", "https")]).url(), "https://mirror.lan");
        assert_eq!(
            here("mirror.lan", &[("referer", "https://mirror.lan/?lang=zh")]).url(),
            "https://mirror.lan"
        );
        assert_eq!(here("mirror.lan", &[("referer", "https://elsewhere.lan/")]).url(), "http://mirror.lan");
    }

    #[test]
    fn a_name_below_the_domain_is_of_one_upstream() {
        assert_eq!(here("docker.m.example.com:5000", &[]).host(), "m.example.com:5000");
        assert_eq!(here("m.example.com", &[]).host(), "m.example.com");
        assert_eq!(here("xm.example.com", &[]).host(), "xm.example.com");
        assert_eq!(
            here("m.example.com:5000", &[]).labelled("quay", "m.example.com"),
            "quay.m.example.com:5000"
        );
    }
}

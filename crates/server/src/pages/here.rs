//! The address of this server as its reader sees it. Pure.

use entrepot_mirror::Names;
use entrepot_oci::Host;
use http::{HeaderMap, header};

use crate::host;

/// The header in which a proxy says how it was asked.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Stands for the host in requests that name none.
const UNNAMED: &str = "this-host";

/// Where the reader's browser found this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Here {
    host: String,
    is_secure: bool,
}

impl Here {
    /// The address in a request: `host` is what it names, `has_tls` says whether this server speaks TLS itself. Both the
    /// proxy's header and the page that the reader comes from may say that TLS ends in front of us.
    ///
    /// Below the mirror's domain a name stands for one upstream, so the domain is used instead.
    pub(super) fn of(host: Option<&str>, has_tls: bool, headers: &HeaderMap, names: &Names) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // It comes from the client, so it is shown only if it is valid.
        let asked: Option<Host> = host.and_then(|host| host.parse().ok());
        let host = asked.as_ref().map_or(UNNAMED, Host::as_str);
        let came_from = text(header::REFERER.as_str());
        let is_secure = has_tls
            || text(FORWARDED_PROTO).eq_ignore_ascii_case("https")
            || came_from
                .strip_prefix("https://")
                .is_some_and(|rest| rest.split('/').next().is_some_and(|of| of.eq_ignore_ascii_case(host)));
        let domain = asked.as_ref().and_then(|host| below(host, names.domain()?));
        Self { host: domain.unwrap_or_else(|| host.to_owned()), is_secure }
    }

    /// What stands in front of image names: a host, with its port unless that is the usual one.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The address with its scheme.
    pub(super) fn url(&self) -> String {
        format!("{}://{}", if self.is_secure { "https" } else { "http" }, self.host)
    }

    /// True if clients have to be told that this server speaks plain HTTP.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_secure
    }

    /// True for an address that is of the reader's machine and of no other.
    pub(super) fn is_loopback(&self) -> bool {
        host::is_loopback(self.host())
    }

    /// The name of an upstream below the mirror's domain, at the same port.
    pub(super) fn labelled(&self, label: &str, domain: &str) -> String {
        let port = self.host.rsplit_once(':').map(|(_, port)| format!(":{port}"));
        format!("{label}.{domain}{}", port.unwrap_or_default())
    }
}

// The domain itself, at the same port, if `host` is below it.
fn below(host: &Host, domain: &str) -> Option<String> {
    let label = host.name().strip_suffix(domain)?;
    let port = host.as_str().strip_prefix(host.name())?;
    label.ends_with('.').then(|| format!("{domain}{port}"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn here(host: &str, headers: &[(&'static str, &'static str)]) -> Here {
        let names = Names::new(Host::docker_hub(), vec![]).with_domain(Some("m.example.com"));
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        Here::of(Some(host), false, &headers, &names)
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

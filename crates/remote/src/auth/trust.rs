//! Which token server may see the password of which registry.

use url::{Host, Url};

/// Whether the token server at `realm` may be told the credentials meant for `endpoint`.
///
/// Yes on the same host and port. Between domain names also within one registrable domain (`registry-1.docker.io` and
/// `auth.docker.io`). Never between addresses, or names of one label such as `localhost`: those have no owner in
/// common. An endpoint that is configured as plain http may have its token server on another port of its host.
pub(crate) fn may_know(endpoint: &Url, realm: &Url) -> bool {
    if endpoint.scheme() == "https" && realm.scheme() != "https" {
        return false;
    }
    let same_host = endpoint.host().is_some() && endpoint.host() == realm.host();
    let same_port = endpoint.port_or_known_default() == realm.port_or_known_default();
    if same_host && (same_port || endpoint.scheme() == "http") {
        return true;
    }
    match (endpoint.host(), realm.host()) {
        (Some(Host::Domain(one)), Some(Host::Domain(other))) => {
            registrable(one).is_some_and(|domain| registrable(other) == Some(domain))
        }
        _ => false,
    }
}

// The domain that somebody registered: the last two labels, or three below suffixes such as `com.cn` and `co.uk`.
fn registrable(name: &str) -> Option<&str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let labels: Vec<&str> = name.rsplit('.').collect();
    let shared = ["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"];
    let wanted = match labels.as_slice() {
        [top, second, ..] if top.len() == 2 && shared.contains(second) => 3,
        _ => 2,
    };
    if labels.len() < wanted || labels.iter().any(|label| label.is_empty()) {
        return None;
    }
    let length = labels.iter().take(wanted).map(|label| label.len() + 1).sum::<usize>() - 1;
    name.get(name.len() - length..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(endpoint: &str, realm: &str) -> bool {
        may_know(&endpoint.parse().unwrap(), &realm.parse().unwrap())
    }

    #[test]
    fn the_same_owner_may_know() {
        for (endpoint, realm) in [
            ("https://ghcr.io", "https://ghcr.io/token"),
            ("https://registry-1.docker.io", "https://auth.docker.io/token"),
            ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            ("https://a.com.cn", "https://auth.a.com.cn"),
            ("https://localhost:5000", "https://localhost:5000/token"),
            ("https://10.0.0.1", "https://10.0.0.1:443/token"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token"),
            ("http://localhost:5000", "http://localhost:5001/token"),
            ("http://lan.example", "https://auth.lan.example"),
        ] {
            assert!(known(endpoint, realm), "{endpoint} {realm}");
        }
    }

    #[test]
    fn strangers_may_not() {
        for (endpoint, realm) in [
            ("https://ghcr.io", "https://ghcr.io.evil.example/token"),
            ("https://ghcr.io", "http://ghcr.io/token"),
            ("https://a.com.cn", "https://evil.com.cn"),
            ("https://a.co.uk", "https://b.co.uk"),
            ("https://com.cn", "https://b.com.cn"),
            ("https://localhost", "https://registry"),
            ("https://one", "https://two"),
            ("https://localhost:5000", "https://localhost:5001"),
            ("https://10.0.0.1", "https://10.0.0.2"),
            ("https://10.0.0.1", "https://10.0.0.1:8443"),
            ("http://127.0.0.1:5000", "http://127.0.0.2:5000"),
            ("https://[::1]", "https://[::1]:8443"),
        ] {
            assert!(!known(endpoint, realm), "{endpoint} {realm}");
        }
    }
}

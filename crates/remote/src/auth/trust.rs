//! Which token server may see the password of which registry.

use url::{Host, Url};

/// Whether the token server at `realm` may be told the credentials meant for `endpoint`.
///
/// Yes on the same host and port. Between domain names also within one registrable domain (`registry-1.docker.io` and
/// `auth.docker.io`), as the public suffix list has it. Never between addresses, or names of one label such as `localhost`: those have no owner in
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

/// Domains whose names each belong to another customer, and which the list does not have.
const SHARED: [&str; 1] = ["azurecr.io"];

// The domain that somebody registered: one label more than the suffix that the public suffix list has for it, its private
// section included (`github.io` and the like, where everybody may have a name).
fn registrable(name: &str) -> Option<&str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.split('.').any(str::is_empty) {
        return None;
    }
    let domain = psl::domain_str(name)?;
    if SHARED.contains(&domain) { below(name, domain) } else { Some(domain) }
}

// `suffix` with the one label of `name` before it.
fn below<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let rest = name.strip_suffix(suffix)?.strip_suffix('.')?;
    let start = rest.rfind('.').map_or(0, |dot| dot + 1);
    name.get(start..)
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
            ("https://registry.cn-hangzhou.aliyuncs.com", "https://dockerauth.cn-hangzhou.aliyuncs.com/auth"),
            ("https://a.co.uk", "https://auth.a.co.uk."),
            ("https://me.github.io", "https://auth.me.github.io"),
            ("https://me.azurecr.io", "https://me.azurecr.io/oauth2/token"),
            ("https://me.azurecr.io", "https://eastus.data.me.azurecr.io"),
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
            // Everybody may have a name there.
            ("https://me.github.io", "https://you.github.io"),
            ("https://github.io", "https://you.github.io"),
            ("https://me.azurecr.io", "https://you.azurecr.io"),
            ("https://azurecr.io", "https://you.azurecr.io"),
            ("https://amazonaws.com", "https://you.s3.amazonaws.com"),
            ("https://1.dkr.ecr.us-east-1.amazonaws.com", "https://you.execute-api.us-east-1.amazonaws.com"),
            ("https://me.pages.dev", "https://you.pages.dev"),
            ("https://a.kawasaki.jp", "https://b.kawasaki.jp"),
            ("https://a..example", "https://b..example"),
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

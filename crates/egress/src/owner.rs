//! Which server may see credentials that are meant for another.

use url::{Host, Url};

use crate::name;

/// Whether credentials meant for the server at `owner` may be sent to `other`, which it named.
///
/// They may on the same host and port. Between domain names they also may within one registrable domain
/// (`registry-1.docker.io` and `auth.docker.io`), as the public suffix list has it. They may not between IP addresses or
/// names of one label such as `localhost`, which do not say who owns them. For an `http` server another port of the same
/// host is allowed. TLS is never dropped.
pub fn may_forward_credentials(owner: &Url, other: &Url) -> bool {
    if owner.scheme() == "https" && other.scheme() != "https" {
        return false;
    }
    let same_host = owner.host().is_some() && owner.host() == other.host();
    let same_port = owner.port_or_known_default() == other.port_or_known_default();
    if same_host && (same_port || owner.scheme() == "http") {
        return true;
    }
    match (owner.host(), other.host()) {
        (Some(Host::Domain(one)), Some(Host::Domain(two))) => {
            registrable(one).is_some_and(|domain| registrable(two) == Some(domain))
        }
        _ => false,
    }
}

/// Domains below which every name belongs to another customer, and which the public suffix list does not have.
const SHARED: [&str; 1] = ["azurecr.io"];

// The domain that somebody registered: the public suffix and one more label. Private suffixes such as `github.io`, below
// which everybody may have a name, count as public suffixes.
fn registrable(name: &str) -> Option<&str> {
    let name = name::without_root(name);
    if name.split('.').any(str::is_empty) {
        return None;
    }
    let domain = psl::domain_str(name)?;
    if SHARED.contains(&domain) { below(name, domain) } else { Some(domain) }
}

// `suffix` with the label that precedes it in `name`.
fn below<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let rest = name.strip_suffix(suffix)?.strip_suffix('.')?;
    let start = rest.rfind('.').map_or(0, |dot| dot + 1);
    name.get(start..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(owner: &str, other: &str) -> bool {
        may_forward_credentials(&owner.parse().unwrap(), &other.parse().unwrap())
    }

    #[test]
    fn the_same_owner_gets_credentials() {
        for (owner, other) in [
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
            assert!(may(owner, other), "{owner} {other}");
        }
    }

    #[test]
    fn other_owners_do_not() {
        for (owner, other) in [
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
            assert!(!may(owner, other), "{owner} {other}");
        }
    }
}

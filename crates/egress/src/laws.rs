//! What holds for any address that somebody else supplies, as functions that panic where it does not.
//!
//! The property tests below call them with inputs made for the purpose, the targets in `fuzz/` with generated ones. They
//! are built only for tests and fuzzing.

use url::{Host, Url};

use crate::{Exemptions, Gate, may_forward_credentials, name};

/// Any `Location` of a response from `from`: the target is on the web, keeps TLS, and is not a private address or name.
pub fn redirect(from: &Url, location: &str) {
    let Ok(target) = Gate::default().redirect(from, location) else { return };
    on_the_web(from, &target);
    assert!(target.fragment().is_none() && target.domain().is_none_or(name::is_public_name), "{target}");
    if let Some(Host::Ipv4(address)) = target.host() {
        assert!(!address.is_loopback() && !address.is_private() && !address.is_link_local(), "{target}");
        assert!(!address.is_unspecified() && !address.is_broadcast() && !address.is_multicast(), "{target}");
    }
    if let Some(Host::Ipv6(address)) = target.host() {
        assert!(!address.is_loopback() && !address.is_unspecified() && !address.is_multicast(), "{target}");
        assert!(address.to_ipv4_mapped().is_none() && !address.is_unique_local(), "{target}");
    }
}

/// Any link in a response from `from`, which an operator configured: it stays on the web, and at its origin if it must.
pub fn link(from: &Url, link: &str) {
    let gate = Gate::new(Exemptions::new(std::slice::from_ref(from)));
    if let Ok(target) = gate.same_origin(from, link) {
        on_the_web(from, &target);
        assert_eq!(target.origin(), from.origin(), "{link:?}");
    }
    if let Ok(target) = gate.absolute(from, link) {
        on_the_web(from, &target);
    }
}

/// Any server that one at `from` names: credentials go only to the same host, or to a name that shares more than its
/// top-level domain.
pub fn credentials(from: &Url, other: &Url) {
    if !may_forward_credentials(from, other) {
        return;
    }
    if from.domain().is_none() {
        assert_eq!(other.host(), from.host(), "a password leaves {from}");
    }
    let labels = |url: &Url| -> Vec<String> {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        host.rsplit('.').map(str::to_owned).collect()
    };
    let (ours, theirs) = (labels(from), labels(other));
    let shared = ours.iter().zip(&theirs).take_while(|(one, two)| one == two).count();
    assert!(shared >= 2 || ours == theirs, "{from} and {other}");
}

fn on_the_web(from: &Url, target: &Url) {
    assert!(matches!(target.scheme(), "http" | "https"), "{target}");
    assert!(from.scheme() == "http" || target.scheme() == "https", "{target}");
    assert!(target.username().is_empty() && target.password().is_none() && target.has_host(), "{target}");
}

#[cfg(test)]
mod tests {
    use entrepot_testkit::addresses::{HOSTS, PATHS, SCHEMES, SERVERS};
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn address() -> impl Strategy<Value = String> {
        let pieces = (select(SCHEMES.as_slice()), select(HOSTS.as_slice()), select(PATHS.as_slice()));
        pieces.prop_map(|(scheme, host, path)| format!("{scheme}{host}{path}"))
    }

    fn server() -> impl Strategy<Value = Url> {
        select(SERVERS.as_slice()).prop_filter_map("a URL", |text| text.parse().ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn of_redirects(from in server(), location in address()) {
            redirect(&from, &location);
        }

        #[test]
        fn of_links(from in server(), text in address()) {
            link(&from, &text);
        }

        #[test]
        fn of_credentials(from in server(), other in address()) {
            if let Ok(other) = other.parse() {
                credentials(&from, &other);
            }
        }
    }
}

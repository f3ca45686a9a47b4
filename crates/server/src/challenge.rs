//! The challenge that tells a client how to log in (RFC 6750 §3, distribution's token specification). Pure.
//!
//! Real clients are strict about it: exactly one challenge on one line, every value quoted, no empty parameter, and the
//! same realm and service in every answer for one host.

use entrepot_access::Verbs;
use entrepot_oci::Name;
use http::HeaderValue;

use crate::{headers, origin::Origin};

/// What is wrong with a bearer token (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// It is damaged, expired or revoked: get another.
    Invalid,
    /// It does not allow this: ask for more.
    Insufficient,
}

impl Origin<'_> {
    /// What a registry token is for: the host.
    pub(crate) fn service(&self) -> String {
        self.authority()
    }

    /// The value of `WWW-Authenticate`. `scope` is what is needed; there is none at `/v2/` itself.
    pub(crate) fn challenge(&self, scope: Option<(&Name, Verbs)>, fault: Option<TokenFault>) -> HeaderValue {
        let mut text = format!("Bearer realm=\"{}/token\",service=\"{}\"", self.url(), self.service());
        if let Some((name, verbs)) = scope {
            text.push_str(&format!(",scope=\"repository:{name}:{verbs}\""));
        }
        match fault {
            Some(TokenFault::Invalid) => text.push_str(",error=\"invalid_token\""),
            Some(TokenFault::Insufficient) => text.push_str(",error=\"insufficient_scope\""),
            None => {}
        }
        headers::value(text)
    }
}

#[cfg(test)]
mod tests {
    use entrepot_access::Networks;
    use http::HeaderMap;

    use super::*;
    use crate::origin::Front;

    fn challenge(host: Option<&str>, scope: Option<(&str, &str)>, fault: Option<TokenFault>) -> String {
        let scope = scope.map(|(name, verbs)| (name.parse::<Name>().unwrap(), verbs.parse().unwrap()));
        let scope = scope.as_ref().map(|(name, verbs)| (name, *verbs));
        let front = Front { has_tls: true, proxies: Networks::default(), public_url: None };
        let origin = Origin { front: &front, address: None, headers: &HeaderMap::new(), host };
        origin.challenge(scope, fault).to_str().unwrap().to_owned()
    }

    #[test]
    fn it_has_the_form_that_every_client_reads() {
        assert_eq!(
            challenge(Some("m.example.com"), None, None),
            r#"Bearer realm="https://m.example.com/token",service="m.example.com""#
        );
        assert_eq!(
            challenge(
                Some("M.example.com:8443"),
                Some(("local/app", "pull,push")),
                Some(TokenFault::Insufficient)
            ),
            r#"Bearer realm="https://m.example.com:8443/token",service="m.example.com:8443",scope="repository:local/app:pull,push",error="insufficient_scope""#
        );
        assert!(
            challenge(Some("[::1]:5000"), None, Some(TokenFault::Invalid))
                .ends_with(r#",error="invalid_token""#)
        );
    }

    #[test]
    fn a_configured_address_is_the_same_for_every_host() {
        let public_url = Some("https://public.test:8443".parse().unwrap());
        let front = Front { has_tls: false, proxies: Networks::loopback(), public_url };
        for host in ["m.test", "localhost:5000", "[::1]:5000"] {
            let address = Some([127, 0, 0, 1].into());
            let origin = Origin { front: &front, address, headers: &HeaderMap::new(), host: Some(host) };
            assert_eq!(
                origin.challenge(None, None),
                r#"Bearer realm="https://public.test:8443/token",service="public.test:8443""#,
                "{host}"
            );
        }
    }

    #[test]
    fn nothing_of_a_request_breaks_out_of_it() {
        for host in [None, Some(""), Some("a\"b"), Some("a b"), Some("a,b"), Some("é"), Some("a/b?c")] {
            assert!(challenge(host, None, None).contains("service=\"localhost\""), "{host:?}");
        }
    }
}

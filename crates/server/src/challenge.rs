//! The challenge that tells a client how to log in (RFC 6750 §3, distribution's token specification). Pure.
//!
//! Real clients are strict about it: exactly one challenge on one line, every value quoted, no empty parameter, and the
//! same realm and service in every answer for one host.

use std::net::IpAddr;

use entrepot_access::Verbs;
use entrepot_oci::Name;
use http::{HeaderMap, HeaderValue};

use crate::headers;

/// The address of this server as its client sees it, without path: `https://m.example.com`. Nearly no request needs it, so
/// it is worked out only where it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// True if this server speaks TLS itself.
    pub(crate) has_tls: bool,
    /// The address of the other end.
    pub(crate) address: Option<IpAddr>,
    /// Those of the request.
    pub(crate) headers: &'a HeaderMap,
    /// The host that the request names.
    pub(crate) host: Option<&'a str>,
}

/// What is wrong with a bearer token (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// It is damaged, expired or revoked: get another.
    Invalid,
    /// It does not allow this: ask for more.
    Insufficient,
}

impl Origin<'_> {
    /// What a registry token is for: the host. One with other characters than names, addresses and ports have is not
    /// repeated in a header; then it is `localhost`.
    pub(crate) fn service(&self) -> String {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
        let host = self.host.filter(|host| !host.is_empty() && host.bytes().all(is_plain));
        host.unwrap_or("localhost").to_ascii_lowercase()
    }

    // True if the client speaks TLS: with us, or with a proxy on this machine that says so.
    fn is_https(&self) -> bool {
        let is_proxied = self.address.is_some_and(|address| address.to_canonical().is_loopback());
        let proto = self.headers.get("x-forwarded-proto").filter(|_| is_proxied);
        self.has_tls || proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
    }

    /// The value of `WWW-Authenticate`. `scope` is what is needed; there is none at `/v2/` itself.
    pub(crate) fn challenge(&self, scope: Option<(&Name, Verbs)>, fault: Option<TokenFault>) -> HeaderValue {
        let host = self.service();
        let scheme = if self.is_https() { "https" } else { "http" };
        let mut text = format!("Bearer realm=\"{scheme}://{host}/token\",service=\"{host}\"");
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
    use super::*;

    fn challenge(host: Option<&str>, scope: Option<(&str, &str)>, fault: Option<TokenFault>) -> String {
        let scope = scope.map(|(name, verbs)| (name.parse::<Name>().unwrap(), verbs.parse().unwrap()));
        let scope = scope.as_ref().map(|(name, verbs)| (name, *verbs));
        let origin = Origin { has_tls: true, address: None, headers: &HeaderMap::new(), host };
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
    fn nothing_of_a_request_breaks_out_of_it() {
        for host in [None, Some(""), Some("a\"b"), Some("a b"), Some("a,b"), Some("é"), Some("a/b?c")] {
            assert!(challenge(host, None, None).contains("service=\"localhost\""), "{host:?}");
        }
    }
}

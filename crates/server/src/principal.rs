//! The sender of a request. Pure.
//!
//! There are no accounts yet. An address proves nothing about clients behind a proxy; `local` tells when it does.

use std::net::IpAddr;

use entrepot_oci::Digest;
use http::{HeaderMap, header};

use crate::{host, peer::Door};

/// The sender of a request. Determined once, before the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Whoever can open the socket for the local command line, and so owns the data directory.
    Owner,
    /// A program on the server's machine, if a local address proves anything.
    Local,
    /// A sender with the API token.
    Token,
    /// Any other sender.
    Anonymous {
        /// The other end of the connection, which may be a proxy.
        address: Option<IpAddr>,
    },
}

/// The secret that authorizes changes from elsewhere than the server's machine (`api_token`).
#[derive(Clone, Debug)]
// Only the hash is kept: it reveals nothing, and comparing it takes the same time for any input.
pub struct ApiToken(Digest);

impl ApiToken {
    /// Makes a token from its text in the configuration.
    pub fn new(secret: &str) -> Self {
        Self(Digest::of(secret.as_bytes()))
    }

    fn is(&self, sent: &[u8]) -> bool {
        Digest::of(sent) == self.0
    }
}

/// The facts about a request's sender.
pub(crate) struct Evidence<'a> {
    pub(crate) door: Door,
    /// The address of the other end; `None` for the local command line.
    pub(crate) address: Option<IpAddr>,
    /// The requested host.
    pub(crate) host: Option<&'a str>,
    /// True if a local address proves anything.
    pub(crate) local_counts: bool,
    pub(crate) headers: &'a HeaderMap,
    /// The configured token, if any.
    pub(crate) token: Option<&'a ApiToken>,
}

impl Principal {
    /// Returns the sender, as far as the request proves it. Invalid credentials count as none.
    pub(crate) fn of(evidence: &Evidence<'_>) -> Self {
        match evidence.door {
            Door::Control => Self::Owner,
            Door::Public if evidence.has_token() => Self::Token,
            Door::Public if evidence.is_local() => Self::Local,
            Door::Public => Self::Anonymous { address: evidence.address },
        }
    }
}

impl Evidence<'_> {
    fn has_token(&self) -> bool {
        let Some(token) = self.token else { return false };
        bearer(self.headers).is_some_and(|sent| token.is(sent))
    }

    fn is_local(&self) -> bool {
        self.local_counts
            && self.address.is_some_and(|address| address.to_canonical().is_loopback())
            && self.host.is_some_and(host::is_loopback)
    }
}

/// Returns the bearer token of a request (RFC 6750 §2.1), unchecked.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn who(door: Door, address: &str, sent: Option<&'static str>, token: Option<&ApiToken>) -> Principal {
        let headers =
            HeaderMap::from_iter(sent.map(|sent| (header::AUTHORIZATION, HeaderValue::from_static(sent))));
        let (address, host) = (address.parse().ok(), Some("localhost:5000"));
        Principal::of(&Evidence { door, address, host, local_counts: true, headers: &headers, token })
    }

    #[test]
    fn the_best_proof_counts() {
        let token = ApiToken::new("t");
        let elsewhere = Principal::Anonymous { address: "10.0.0.7".parse().ok() };
        for (door, address, sent, token, principal) in [
            (Door::Control, "", None, None, Principal::Owner),
            (Door::Control, "", Some("Bearer u"), Some(&token), Principal::Owner),
            (Door::Public, "10.0.0.7", Some("bearer t "), Some(&token), Principal::Token),
            (Door::Public, "127.0.0.1", Some("Bearer t"), Some(&token), Principal::Token),
            (Door::Public, "127.0.0.1", None, Some(&token), Principal::Local),
            (Door::Public, "127.0.0.1", Some("Bearer t"), None, Principal::Local),
            (Door::Public, "10.0.0.7", None, Some(&token), elsewhere),
            (Door::Public, "10.0.0.7", Some("Bearer u"), Some(&token), elsewhere),
            (Door::Public, "10.0.0.7", Some("Bearer t"), None, elsewhere),
            (Door::Public, "", None, None, Principal::Anonymous { address: None }),
        ] {
            assert_eq!(who(door, address, sent, token), principal, "{door:?} {address} {sent:?}");
        }
    }
}

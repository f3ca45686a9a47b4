//! Who sends a request. Pure.
//!
//! There are no accounts yet. An address proves nothing about whoever comes through a proxy; see `local` for when it does.

use std::net::IpAddr;

use entrepot_oci::Digest;
use http::{HeaderMap, header};

use crate::{host, peer::Door};

/// Who sends a request. Made once for each, before its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Whoever can open the socket for the local command line, and so owns the data directory.
    Owner,
    /// A program on the server's machine, where being there proves something.
    Local,
    /// Whoever sent the API token.
    Token,
    /// Anybody else.
    Anonymous {
        /// The other end of the connection, which may be a proxy.
        address: Option<IpAddr>,
    },
}

/// The secret that lets others than programs on the server's machine change something (`api_token`).
#[derive(Clone, Debug)]
// Only its hash, which tells nothing and takes the same time to compare whatever was sent.
pub struct ApiToken(Digest);

impl ApiToken {
    /// A token as it is written in the configuration.
    pub fn new(secret: &str) -> Self {
        Self(Digest::of(secret.as_bytes()))
    }

    fn is(&self, sent: &[u8]) -> bool {
        Digest::of(sent) == self.0
    }
}

/// What a request shows of who sends it.
pub(crate) struct Evidence<'a> {
    pub(crate) door: Door,
    /// The address of the other end; the socket for the local command line has none.
    pub(crate) address: Option<IpAddr>,
    /// The host that was asked for.
    pub(crate) host: Option<&'a str>,
    /// Whether being on this machine proves anything.
    pub(crate) local_counts: bool,
    pub(crate) headers: &'a HeaderMap,
    /// The token that is asked for, where there is one.
    pub(crate) token: Option<&'a ApiToken>,
}

impl Principal {
    /// Who it is, as far as the request proves it. Credentials that prove nothing are as good as none.
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

/// The token that a request sends (RFC 6750 §2.1), whatever it is worth.
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

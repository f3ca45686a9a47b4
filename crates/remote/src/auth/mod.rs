//! Proving who we are to a registry: tokens and passwords, kept until they expire.
//!
//! [`Grant`] is what goes into `Authorization`; [`Grants`] keeps one per origin, scope and account, and lets one task
//! fetch what many wait for; `challenge` reads what a server wants, `scope` says what for, `token` gets it, `claim` looks
//! into it.

pub(crate) mod challenge;
pub(crate) mod claim;
pub(crate) mod scope;
pub(crate) mod token;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header};
use moka::{Expiry, future::Cache};
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    error::{Error, InvalidAnswer},
    remote::Remote,
    settings::Credential,
};
use challenge::Challenge;
use scope::Scope;
use token::TokenAsk;

// Enough for every repository of a busy registry: a token is a few kilobytes.
const GRANT_BYTES: u64 = 8 << 20;

// What an entry takes besides its texts, roughly.
const ENTRY_BYTES: usize = 256;

// A password does not expire, but asking once an hour whether it is wanted at all costs nothing.
const BASIC_LIFETIME: Duration = Duration::from_secs(3600);

/// One value of `Authorization` and how long it is good for.
pub(crate) struct Grant {
    pub(crate) header: HeaderValue,
    pub(crate) lifetime: Duration,
}

impl Grant {
    fn new(mut header: HeaderValue, lifetime: Duration) -> Self {
        // Sensitive values are not shown by `Debug` and not indexed by HTTP/2 header compression.
        header.set_sensitive(true);
        Self { header, lifetime }
    }
}

/// For whom, where and for what a grant is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    origin: String,
    scope: String,
    credential: Option<usize>,
}

impl Key {
    /// The key for `scope` at the origin of `url`, as the account of that number or as anyone.
    pub(crate) fn of(url: &Url, scope: &Scope, credential: Option<usize>) -> Self {
        Self { origin: url.origin().ascii_serialization(), scope: scope.texts().join(" "), credential }
    }
}

/// The grants in use.
pub(crate) struct Grants(Cache<Key, Arc<Grant>>);

impl Grants {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().weigher(weight).max_capacity(GRANT_BYTES).expire_after(Lifetime).build())
    }

    pub(crate) async fn get(&self, key: &Key) -> Option<Arc<Grant>> {
        self.0.get(key).await
    }

    /// Drops a grant that was turned down, unless another task has replaced it already.
    pub(crate) async fn forget(&self, key: &Key, stale: &Arc<Grant>) {
        if self.0.get(key).await.is_some_and(|kept| Arc::ptr_eq(&kept, stale)) {
            self.0.invalidate(key).await;
        }
    }
}

// In bytes: token servers are strangers, and decide how long their tokens are.
fn weight(key: &Key, grant: &Arc<Grant>) -> u32 {
    let texts = key.origin.len() + key.scope.len() + grant.header.len();
    u32::try_from(texts + ENTRY_BYTES).unwrap_or(u32::MAX)
}

struct Lifetime;

impl Expiry<Key, Arc<Grant>> for Lifetime {
    fn expire_after_create(&self, _: &Key, grant: &Arc<Grant>, _: Instant) -> Option<Duration> {
        // A little early, so that it does not expire on its way.
        Some(grant.lifetime * 9 / 10)
    }
}

/// What a 401 offers, as far as we can take it up.
pub(crate) enum Offer {
    Bearer(Challenge),
    Basic,
}

/// Reads the challenges of a 401. A token is preferred to a password on each request.
pub(crate) fn offer(headers: &HeaderMap, has_credential: bool) -> Option<Offer> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenges: Vec<Challenge> = values.flat_map(challenge::parse).collect();
    let bearer = |one: &&Challenge| one.scheme == "bearer" && one.parameter("realm").is_some();
    if let Some(bearer) = challenges.iter().find(bearer) {
        return Some(Offer::Bearer(bearer.clone()));
    }
    let basic = has_credential && challenges.iter().any(|one| one.scheme == "basic");
    basic.then_some(Offer::Basic)
}

impl Remote {
    /// Takes up an offer made by the server at `from`. Tasks that want the same wait for one request.
    pub(crate) async fn obtain(
        &self,
        (key, scope): (&Key, &Scope),
        offer: Offer,
        from: &Url,
    ) -> Result<Arc<Grant>, Error> {
        let credential = key.credential.and_then(|index| self.credential(index));
        let fetch = async {
            Ok(Arc::new(match (offer, credential) {
                (Offer::Bearer(challenge), credential) => {
                    self.token(TokenAsk { from, challenge: &challenge, scope, credential }).await?
                }
                (Offer::Basic, Some(credential)) => Grant::new(basic(credential)?, BASIC_LIFETIME),
                (Offer::Basic, None) => return Err(Error::Invalid(InvalidAnswer::NoToken)),
            }))
        };
        self.grants().0.try_get_with(key.clone(), fetch).await.map_err(|error: Arc<Error>| (*error).clone())
    }
}

/// The password as a header.
pub(crate) fn basic(credential: &Credential) -> Result<HeaderValue, Error> {
    let pair = format!("{}:{}", credential.username, credential.password.expose_secret());
    let mut header = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair)))
        .map_err(|_| InvalidAnswer::NoToken)?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A05
    #[tokio::test]
    async fn tokens_are_counted_in_bytes() {
        let grants = Grants::new();
        let header = HeaderValue::try_from("x".repeat(16 << 10)).unwrap();
        for scope in 0..2000 {
            let key = Key { origin: String::new(), scope: scope.to_string(), credential: None };
            grants.0.insert(key, Arc::new(Grant::new(header.clone(), BASIC_LIFETIME))).await;
        }
        grants.0.run_pending_tasks().await;
        let kept = grants.0.entry_count();
        assert!(kept > 0 && kept * (16 << 10) <= GRANT_BYTES, "{kept}");
    }

    #[test]
    fn a_token_is_preferred_and_a_password_needs_one() {
        let mut headers = HeaderMap::new();
        assert!(offer(&headers, true).is_none());
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=x"));
        assert!(matches!(offer(&headers, true), Some(Offer::Basic)));
        assert!(offer(&headers, false).is_none());
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"https://a.b\""));
        assert!(matches!(offer(&headers, true), Some(Offer::Bearer(_))));
    }
}

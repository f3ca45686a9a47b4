//! The value of `Authorization`, and a cache of such values.
//!
//! [`Grants`] has one [`Grant`] for each origin, scope and account, until it expires. [`offer`] picks the challenge of a
//! `401` response that can be answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use moka::{Expiry, future::Cache};
use secrecy::ExposeSecret;

use super::{
    challenge::{self, Challenge},
    scope::Scope,
};
use crate::{
    credential::Credential,
    destination::Destination,
    error::{Error, InvalidResponse},
};

// Enough for every repository of a busy registry: a token is a few kilobytes.
const GRANT_BYTES: u64 = 8 << 20;

// Roughly the bytes that an entry takes besides its texts.
const ENTRY_BYTES: usize = 256;

/// How long a password is sent without asking whether the registry still wants it.
pub(crate) const BASIC_LIFETIME: Duration = Duration::from_secs(3600);

/// A value of `Authorization`, and how long it may be used.
pub(crate) struct Grant {
    pub(crate) header: HeaderValue,
    pub(crate) lifetime: Duration,
    was_accepted: AtomicBool,
}

impl Grant {
    pub(crate) fn new(mut header: HeaderValue, lifetime: Duration) -> Self {
        // `Debug` does not show sensitive values, and HTTP/2 header compression does not index them.
        header.set_sensitive(true);
        Self { header, lifetime, was_accepted: AtomicBool::new(false) }
    }

    /// Records the status of a response to a request with this grant.
    pub(crate) fn record(&self, status: StatusCode) {
        if !is_refusal(status) {
            self.was_accepted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether this is a token that was good for something before and is refused now. It may have died before its time:
    /// ECR answers that with 403, and ECR Public with 400. A token that was never good for anything lacks a right.
    pub(crate) fn may_have_died(&self, status: StatusCode) -> bool {
        let is_token = self.header.as_bytes().starts_with(b"Bearer ");
        is_token && is_refusal(status) && self.was_accepted.load(Ordering::Relaxed)
    }
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// The link, origin, scope and account that a grant is for. A token server may give a token for the address that it sees.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct GrantKey {
    link: usize,
    origin: String,
    scope: String,
    pub(crate) credential: Option<usize>,
}

impl GrantKey {
    /// The key for `scope` at a destination, with its account or for anonymous requests.
    pub(crate) fn of(destination: &Destination, scope: &Scope) -> Self {
        let Destination { endpoint, url, account } = destination;
        Self {
            link: endpoint.link,
            origin: url.origin().ascii_serialization(),
            scope: scope.texts().join(" "),
            credential: *account,
        }
    }
}

/// The cache of grants, bounded in bytes.
pub(crate) struct Grants(Cache<GrantKey, Arc<Grant>>);

impl Grants {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().weigher(weight).max_capacity(GRANT_BYTES).expire_after(Lifetime).build())
    }

    pub(crate) async fn get(&self, key: &GrantKey) -> Option<Arc<Grant>> {
        self.0.get(key).await
    }

    /// Returns the grant under `key`, or runs `fetch` for it. Tasks that want the same grant wait for one fetch.
    pub(crate) async fn get_or_fetch(
        &self,
        key: &GrantKey,
        fetch: impl Future<Output = Result<Grant, Error>>,
    ) -> Result<Arc<Grant>, Error> {
        let fetch = async { fetch.await.map(Arc::new) };
        self.0.try_get_with(key.clone(), fetch).await.map_err(|error: Arc<Error>| (*error).clone())
    }

    /// Drops a grant that the registry rejected, unless another task has replaced it already.
    pub(crate) async fn forget(&self, key: &GrantKey, stale: &Arc<Grant>) {
        if self.0.get(key).await.is_some_and(|kept| Arc::ptr_eq(&kept, stale)) {
            self.0.invalidate(key).await;
        }
    }
}

// In bytes, because token servers decide how long their tokens are.
fn weight(key: &GrantKey, grant: &Arc<Grant>) -> u32 {
    let texts = key.origin.len() + key.scope.len() + grant.header.len();
    u32::try_from(texts + ENTRY_BYTES).unwrap_or(u32::MAX)
}

struct Lifetime;

impl Expiry<GrantKey, Arc<Grant>> for Lifetime {
    fn expire_after_create(&self, _: &GrantKey, grant: &Arc<Grant>, _: Instant) -> Option<Duration> {
        // A little early, so that it does not expire in transit.
        Some(grant.lifetime * 9 / 10)
    }
}

/// A challenge of a `401` response that can be answered.
pub(crate) enum SupportedChallenge {
    Bearer(Challenge),
    Basic,
}

/// Picks a challenge of a `401` response. A token is preferred to sending the password with every request.
pub(crate) fn offer(headers: &HeaderMap, has_credential: bool) -> Option<SupportedChallenge> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenges: Vec<Challenge> = values.flat_map(challenge::parse).collect();
    let bearer = |one: &&Challenge| one.scheme == "bearer" && one.parameter("realm").is_some();
    if let Some(bearer) = challenges.iter().find(bearer) {
        return Some(SupportedChallenge::Bearer(bearer.clone()));
    }
    let basic = has_credential && challenges.iter().any(|one| one.scheme == "basic");
    basic.then_some(SupportedChallenge::Basic)
}

/// The value of `Authorization` for a password.
pub(crate) fn basic(credential: &Credential) -> Result<HeaderValue, Error> {
    let pair = format!("{}:{}", credential.username, credential.password.expose_secret());
    let mut header = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair)))
        .map_err(|_| InvalidResponse::NoToken)?;
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
            let (origin, scope) = (String::new(), scope.to_string());
            let key = GrantKey { link: 0, origin, scope, credential: None };
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
        assert!(matches!(offer(&headers, true), Some(SupportedChallenge::Basic)));
        assert!(offer(&headers, false).is_none());
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"https://a.b\""));
        assert!(matches!(offer(&headers, true), Some(SupportedChallenge::Bearer(_))));
    }
}

//! The value of `Authorization`, and a cache of such values.
//!
//! [`Grants`] has one [`Grant`] for each origin, scope and account, until it expires. [`offer`] picks the challenge of a
//! `401` response that can be answered.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use entrepot_bounded_cache::{BoundedCache, Change};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

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

// The size of a usual entry, in bytes.
const GRANT: u64 = 2 << 10;

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

/// The grants that are known, bounded in bytes, and those that are being fetched.
pub(crate) struct Grants {
    known: BoundedCache<GrantKey, Arc<Grant>>,
    fetches: Mutex<HashMap<GrantKey, Weak<Fetch>>>,
}

/// One question to a token server, and its answer for all who wait for it.
type Fetch = OnceCell<Result<Arc<Grant>, Error>>;

impl Grants {
    pub(crate) fn new() -> Self {
        Self { known: BoundedCache::of_bytes(GRANT_BYTES, GRANT, size), fetches: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &GrantKey) -> Option<Arc<Grant>> {
        self.known.get(key)
    }

    /// Returns the grant under `key`, or runs `fetch` for it. Tasks that want the same grant wait for one fetch, and share
    /// its error.
    pub(crate) async fn get_or_fetch(
        &self,
        key: &GrantKey,
        fetch: impl Future<Output = Result<Grant, Error>>,
    ) -> Result<Arc<Grant>, Error> {
        // Boxed because it is large, and rarely runs.
        let fetch = Box::pin(async {
            // Another fetch may have ended just now.
            if let Some(known) = self.known.get(key) {
                return Ok(known);
            }
            let grant = Arc::new(fetch.await?);
            // A little early, so that it does not expire in transit.
            self.known.insert_for(key.clone(), Arc::clone(&grant), grant.lifetime * 9 / 10);
            Ok(grant)
        });
        self.fetch(key).get_or_init(|| fetch).await.clone()
    }

    fn fetch(&self, key: &GrantKey) -> Arc<Fetch> {
        // Nothing is done under the lock that could leave the map half changed.
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetch) = fetches.get(key).and_then(Weak::upgrade) {
            return fetch;
        }
        fetches.retain(|_, fetch| fetch.strong_count() > 0);
        let fetch = Arc::default();
        fetches.insert(key.clone(), Arc::downgrade(&fetch));
        fetch
    }

    /// Drops a grant that the registry rejected, unless another task has replaced it already.
    pub(crate) fn forget(&self, key: &GrantKey, stale: &Arc<Grant>) {
        self.known.change(key, |known| match known {
            Some(known) if Arc::ptr_eq(known, stale) => Change::Remove,
            _ => Change::Keep,
        });
    }
}

// In bytes, because token servers decide how long their tokens are.
fn size(key: &GrantKey, grant: &Arc<Grant>) -> u64 {
    (key.origin.len() + key.scope.len() + grant.header.len() + ENTRY_BYTES) as u64
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
    #[test]
    fn tokens_are_counted_in_bytes() {
        let grants = Grants::new();
        let header = HeaderValue::try_from("x".repeat(16 << 10)).unwrap();
        for scope in 0..2000 {
            let (origin, scope) = (String::new(), scope.to_string());
            let key = GrantKey { link: 0, origin, scope, credential: None };
            grants.known.insert(key, Arc::new(Grant::new(header.clone(), BASIC_LIFETIME)));
        }
        let kept = grants.known.len() as u64;
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

//! Where the next page of a listing is, as its registry said, by the name that it follows.
//!
//! Clients that list page by page say which name they got last. Quay and ECR Public do not know pages by names: each
//! page has a cursor to the next one. An entry is a hint: without it, the page is looked for from the first one on.

use std::time::Duration;

use entrepot_bounded_cache::BoundedCache;
use entrepot_oci::Repository;
use url::Url;

use crate::endpoint::Endpoint;

const BYTES: u64 = 1 << 20;
const ENTRY_BYTES: u64 = 256;

// Registries accept a cursor for some minutes to some hours.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);

/// The name that a page follows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct CursorKey {
    pub(crate) endpoint: Endpoint,
    pub(crate) repository: Repository,
    pub(crate) after: String,
}

/// A cache of next pages, bounded in bytes.
pub(crate) struct Cursors(BoundedCache<CursorKey, Url>);

impl Cursors {
    pub(crate) fn new() -> Self {
        Self(BoundedCache::of_bytes(BYTES, ENTRY_BYTES, size).with_lifetime(KEPT_FOR))
    }

    /// The page after a name.
    pub(crate) fn get(&self, key: &CursorKey) -> Option<Url> {
        self.0.get(key)
    }

    pub(crate) fn remember(&self, key: CursorKey, url: Url) {
        self.0.insert(key, url);
    }
}

fn size(key: &CursorKey, url: &Url) -> u64 {
    let texts = key.repository.as_str().len() + key.after.len() + url.as_str().len();
    texts as u64 + ENTRY_BYTES
}

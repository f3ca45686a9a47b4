//! Where the next page of a listing is, as its registry said, by the name that it follows.
//!
//! Clients that list page by page say which name they got last. Quay and ECR Public do not know pages by names: each
//! page has a cursor to the next one. An entry is a hint: without it, the page is looked for from the first one on.

use std::time::Duration;

use entrepot_oci::Repository;
use moka::future::Cache;
use url::Url;

use crate::endpoint::Endpoint;

const BYTES: u64 = 1 << 20;
const ENTRY_BYTES: usize = 256;

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
pub(crate) struct Cursors(Cache<CursorKey, Url>);

impl Cursors {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().weigher(weight).max_capacity(BYTES).time_to_live(KEPT_FOR).build())
    }

    /// The page after a name.
    pub(crate) async fn get(&self, key: &CursorKey) -> Option<Url> {
        self.0.get(key).await
    }

    pub(crate) async fn remember(&self, key: CursorKey, url: Url) {
        self.0.insert(key, url).await;
    }
}

fn weight(key: &CursorKey, url: &Url) -> u32 {
    let texts = key.repository.as_str().len() + key.after.len() + url.as_str().len();
    u32::try_from(texts + ENTRY_BYTES).unwrap_or(u32::MAX)
}

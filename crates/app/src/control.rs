//! Asks the server that uses a data directory, over its socket there.

use std::path::{Path, PathBuf};

use entrepot_api::{
    CacheEviction, CacheEvictionPlan, CacheEvictionQuery, CacheImageList, CachePinList, CachePinQuery,
    CacheRemoval, CacheRepositoryList, CacheSavings, CacheScrub, CacheScrubQuery, CacheTotals, CacheUnpinned,
    CacheVerification, ImageListQuery, ImageQuery, NewCachePin, RepositoryListQuery, VerificationQuery,
};
use entrepot_oci::{Digest, Name, Page, Reference};

use crate::{
    client::{ApiError, Client},
    failure::Failure,
};

/// The hint if the requested image is not held.
pub(crate) const SEE_WHAT_IS_HELD: &str = "see what is held: `entrepot cache ls`";

/// A query without parameters.
const NOTHING: [(&str, &str); 0] = [];

/// A running server.
pub(crate) struct Control {
    client: Client,
    data: PathBuf,
}

impl Control {
    /// Connects to the server behind a socket.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub(crate) fn new(socket: PathBuf) -> Result<Self, Failure> {
        let data = socket.parent().unwrap_or(&socket).to_owned();
        Ok(Self { client: Client::over(socket)?, data })
    }

    /// Counts of everything held.
    pub(crate) async fn totals(&self) -> Result<CacheTotals, Failure> {
        self.told(self.client.get(&["cache", "totals"], &NOTHING).await)
    }

    /// A page of its repositories.
    pub(crate) async fn repositories(
        &self,
        prefix: Option<&str>,
        page: &Page,
    ) -> Result<CacheRepositoryList, Failure> {
        let query = RepositoryListQuery {
            prefix: prefix.map(str::to_owned),
            n: Some(page.limit()),
            last: page.after().map(str::to_owned),
        };
        self.told(self.client.get(&["cache", "repositories"], &query).await)
    }

    /// A page of a repository's images.
    pub(crate) async fn images(&self, name: &Name, page: &Page) -> Result<CacheImageList, Failure> {
        let last = page.after().map(str::to_owned);
        let query = ImageListQuery { name: name.to_string(), n: Some(page.limit()), last };
        self.told(self.client.get(&["cache", "images"], &query).await)
    }

    /// Removes a repository, or one image of it.
    pub(crate) async fn remove(
        &self,
        name: &Name,
        reference: Option<&Reference>,
    ) -> Result<CacheRemoval, Failure> {
        let query = ImageQuery { name: name.to_string(), reference: reference.map(ToString::to_string) };
        self.told(self.client.delete(&["cache", "images"], &query).await)
    }

    /// Compares bytes and records of a part, and repairs them if that is wanted.
    pub(crate) async fn verify(
        &self,
        after: Option<Digest>,
        repair: bool,
    ) -> Result<CacheVerification, Failure> {
        let query = VerificationQuery { last: after.map(|after| after.to_string()) };
        let path = ["cache", "verification"];
        self.told(if repair {
            self.client.act(&path, &query).await
        } else {
            self.client.get(&path, &query).await
        })
    }

    /// A page of pins.
    pub(crate) async fn pins(&self, query: &CachePinQuery) -> Result<CachePinList, Failure> {
        self.told(self.client.get(&["cache", "pins"], query).await)
    }

    /// Pins an image. Returns its pins.
    pub(crate) async fn pin(&self, new: &NewCachePin) -> Result<CachePinList, Failure> {
        self.told(self.client.post(&["cache", "pins"], new).await)
    }

    /// Ends pins.
    pub(crate) async fn unpin(&self, query: &CachePinQuery) -> Result<CacheUnpinned, Failure> {
        self.told(self.client.delete(&["cache", "pins"], query).await)
    }

    /// What would be evicted.
    pub(crate) async fn eviction_plan(&self, free: Option<u64>) -> Result<CacheEvictionPlan, Failure> {
        let query = CacheEvictionQuery { plan: None, free };
        self.told(self.client.get(&["cache", "eviction", "plan"], &query).await)
    }

    /// Begins an eviction.
    pub(crate) async fn begin_eviction(
        &self,
        plan: Option<Digest>,
        free: Option<u64>,
    ) -> Result<CacheEviction, Failure> {
        let query = CacheEvictionQuery { plan: plan.map(|plan| plan.to_string()), free };
        self.told(self.client.work(&["cache", "eviction"], &query).await)
    }

    /// How evictions stand.
    pub(crate) async fn eviction(&self) -> Result<CacheEviction, Failure> {
        self.told(self.client.get(&["cache", "eviction"], &NOTHING).await)
    }

    /// Cancels the eviction under way.
    pub(crate) async fn cancel_eviction(&self) -> Result<CacheEviction, Failure> {
        self.told(self.client.delete(&["cache", "eviction"], &NOTHING).await)
    }

    /// What a larger disk would have saved.
    pub(crate) async fn savings(&self) -> Result<CacheSavings, Failure> {
        self.told(self.client.get(&["cache", "savings"], &NOTHING).await)
    }

    /// Begins a scrub.
    pub(crate) async fn begin_scrub(&self, rate: Option<u64>) -> Result<CacheScrub, Failure> {
        self.told(self.client.act(&["cache", "scrub"], &CacheScrubQuery { rate }).await)
    }

    /// How scrubs stand.
    pub(crate) async fn scrub(&self) -> Result<CacheScrub, Failure> {
        self.told(self.client.get(&["cache", "scrub"], &NOTHING).await)
    }

    /// Cancels the scrub under way.
    pub(crate) async fn cancel_scrub(&self) -> Result<CacheScrub, Failure> {
        self.told(self.client.delete(&["cache", "scrub"], &NOTHING).await)
    }

    fn told<T>(&self, answer: Result<T, ApiError>) -> Result<T, Failure> {
        answer.map_err(|fault| match fault {
            // Pass on the server's own message and hint.
            ApiError::Refused { problem: Some(problem), .. } => {
                let failure = Failure::new(problem.detail);
                match problem.hint {
                    Some(hint) => failure.with_hint(hint),
                    None => failure,
                }
            }
            ApiError::Connect(_) => {
                Failure::new(format!("{}: {fault}: {}", in_use(&self.data), fault.root()))
                    .with_hint("if it is a server, it may be starting or stopping: try again")
            }
            _ => Failure::because(in_use(&self.data), &fault).with_hint("the log of the server may say more"),
        })
    }
}

fn in_use(data: &Path) -> String {
    format!("the data directory `{}` is in use, and its server cannot be asked", data.display())
}

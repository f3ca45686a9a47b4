//! Pins, evictions and scrubs of the mirror a cache command works on.

use std::time::{Duration, UNIX_EPOCH};

use entrepot_api::{
    CacheEviction, CacheEvictionPlan, CachePin, CachePinList, CachePinQuery, CacheSavings, CacheScrub,
    CacheUnpinned, NewCachePin,
};
use entrepot_mirror::{Mirror, NewPin, PinFilter, PinSource};
use entrepot_oci::{Digest, DigestError, Name, Reference, ReferenceError, RepositoryError};
use entrepot_server::held_work;

use super::holder::{CacheBackend, into_failure, located, page_after};
use crate::failure::Failure;

/// Who holds what is pinned on this machine without a server.
const OWNER: &str = "owner";

impl CacheBackend {
    /// All pins that are meant.
    pub(super) async fn pins(&self, query: &CachePinQuery) -> Result<Vec<CachePin>, Failure> {
        let mut all: Vec<CachePin> = Vec::new();
        loop {
            let last = all.last().map(|pin| pin.id.clone());
            let CachePinList { pins, more } = match self {
                Self::Here(assembly) => {
                    let (mirror, page) = (&assembly.mirror, page_after(last.as_deref())?);
                    let pins = mirror.pins(&filter(mirror, query)?, &page).await;
                    held_work::pins(pins.map_err(into_failure)?)
                }
                Self::Server(control) => control.pins(&CachePinQuery { last, ..query.clone() }).await?,
            };
            let is_last = !more || pins.is_empty();
            all.extend(pins);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Pins an image. Returns its pins.
    pub(super) async fn pin(&self, new: &NewCachePin) -> Result<Vec<CachePin>, Failure> {
        let mirror = match self {
            Self::Here(assembly) => &assembly.mirror,
            Self::Server(control) => return Ok(control.pin(new).await?.pins),
        };
        let key = located(mirror, &name(&new.name)?)?;
        let reference: Result<Reference, ReferenceError> = new.reference.parse();
        let digest = match reference.map_err(|error| Failure::because_of(&error))? {
            Reference::Digest(digest) => digest,
            Reference::Tag(tag) => mirror.held_digest(&key, &tag).await.map_err(into_failure)?,
        };
        let pin = NewPin {
            key,
            digest,
            source: PinSource::Hand,
            held_by: OWNER.to_owned(),
            reason: new.reason.clone(),
            expires: new.expires.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
        };
        mirror.pin(&[pin]).await.map_err(into_failure)?;
        let (name, digest) = (Some(new.name.clone()), Some(digest.to_string()));
        self.pins(&CachePinQuery { name, digest, ..CachePinQuery::default() }).await
    }

    /// Ends pins.
    pub(super) async fn unpin(&self, query: &CachePinQuery) -> Result<CacheUnpinned, Failure> {
        match self {
            Self::Here(assembly) => {
                let filter = filter(&assembly.mirror, query)?;
                let pins = assembly.mirror.unpin(&filter).await.map_err(into_failure)?;
                Ok(CacheUnpinned { pins })
            }
            Self::Server(control) => control.unpin(query).await,
        }
    }

    /// What would be evicted.
    pub(super) async fn eviction_plan(&self, free: Option<u64>) -> Result<CacheEvictionPlan, Failure> {
        match self {
            Self::Here(assembly) => {
                let plan = assembly.mirror.eviction_plan(free).await.map_err(into_failure)?;
                Ok(held_work::plan(&plan))
            }
            Self::Server(control) => control.eviction_plan(free).await,
        }
    }

    /// Begins an eviction.
    pub(super) async fn begin_eviction(
        &self,
        plan: Option<Digest>,
        free: Option<u64>,
    ) -> Result<(), Failure> {
        match self {
            Self::Here(assembly) => {
                assembly.mirror.begin_eviction(plan.as_ref(), free).await.map_err(into_failure)
            }
            Self::Server(control) => control.begin_eviction(plan, free).await.map(drop),
        }
    }

    /// How evictions stand.
    pub(super) async fn eviction(&self) -> Result<CacheEviction, Failure> {
        match self {
            Self::Here(assembly) => Ok(held_work::eviction(assembly.mirror.eviction())),
            Self::Server(control) => control.eviction().await,
        }
    }

    /// Cancels the eviction under way.
    pub(super) async fn cancel_eviction(&self) -> Result<CacheEviction, Failure> {
        match self {
            // Nothing is under way in a process that has just begun.
            Self::Here(_) => Ok(CacheEviction::default()),
            Self::Server(control) => control.cancel_eviction().await,
        }
    }

    /// What a larger disk would have saved.
    pub(super) async fn savings(&self) -> Result<CacheSavings, Failure> {
        match self {
            Self::Here(assembly) => {
                assembly.mirror.savings().await.map(held_work::savings).map_err(into_failure)
            }
            Self::Server(control) => control.savings().await,
        }
    }

    /// Begins a scrub.
    pub(super) async fn begin_scrub(&self, rate: Option<u64>) -> Result<(), Failure> {
        match self {
            Self::Here(assembly) => assembly.mirror.begin_scrub(rate).await.map_err(into_failure),
            Self::Server(control) => control.begin_scrub(rate).await.map(drop),
        }
    }

    /// How scrubs stand.
    pub(super) async fn scrub(&self) -> Result<CacheScrub, Failure> {
        match self {
            Self::Here(assembly) => Ok(held_work::scrub(assembly.mirror.scrub())),
            Self::Server(control) => control.scrub().await,
        }
    }

    /// Cancels the scrub under way.
    pub(super) async fn cancel_scrub(&self) -> Result<CacheScrub, Failure> {
        match self {
            Self::Here(_) => Ok(CacheScrub::default()),
            Self::Server(control) => control.cancel_scrub().await,
        }
    }
}

fn name(text: &str) -> Result<Name, Failure> {
    text.parse().map_err(|error: RepositoryError| Failure::because_of(&error))
}

fn filter(mirror: &Mirror, query: &CachePinQuery) -> Result<PinFilter, Failure> {
    let key = query.name.as_ref().map(|text| located(mirror, &name(text)?)).transpose()?;
    let digest = query.digest.as_ref().map(|digest| digest.parse::<Digest>()).transpose();
    Ok(PinFilter {
        key,
        digest: digest.map_err(|error: DigestError| Failure::because_of(&error))?,
        source: query.source.as_deref().and_then(held_work::pin_source),
        held_by: query.held_by.clone(),
    })
}

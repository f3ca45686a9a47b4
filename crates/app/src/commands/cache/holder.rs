//! The mirror a cache command works on: opened in this process, or a running server's.
//!
//! The lock on the data directory decides. Both offer the same operations with the same types.

use std::time::Duration;

use entrepot_api::{
    CacheImage, CacheImageList, CacheRemoval, CacheRepository, CacheRepositoryList, CacheTotals,
    CacheVerification,
};
use entrepot_mirror::{Check, Error, Mirror, RepoKey};
use entrepot_oci::{Name, Page, Reference};
use entrepot_server::held;

use crate::{
    assembly::{self, Assembly},
    config::Config,
    control::{self, Control},
    data::{DataDir, LockAttempt},
    failure::Failure,
};

/// How long bytes without a record are left alone without a server: one on another machine may work with the same database
/// and be about to record them.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// The process that holds the images.
pub(super) enum CacheBackend {
    /// This one.
    Here(Box<Assembly>),
    /// A running server.
    Server(Control),
}

impl CacheBackend {
    /// Locks the directory and opens the mirror, or connects to the server that holds the lock.
    pub(super) async fn open(config: &Config, data: &DataDir) -> Result<Self, Failure> {
        match data.lock()? {
            LockAttempt::Ours(lock) => {
                Ok(Self::Here(Box::new(assembly::assemble(config, data, lock).await?)))
            }
            LockAttempt::Taken => Ok(Self::Server(Control::new(data.control())?)),
        }
    }

    /// Closes the mirror, if it is ours.
    pub(super) async fn close(self) {
        match self {
            Self::Here(assembly) => assembly.mirror.shutdown().await,
            Self::Server(_) => {}
        }
    }

    /// Counts of everything held.
    pub(super) async fn totals(&self) -> Result<CacheTotals, Failure> {
        match self {
            Self::Here(assembly) => assembly.mirror.holdings().await.map(held::totals).map_err(into_failure),
            Self::Server(control) => control.totals().await,
        }
    }

    /// All repositories whose names start with `prefix`.
    pub(super) async fn repositories(&self, prefix: Option<&str>) -> Result<Vec<CacheRepository>, Failure> {
        let mut all: Vec<CacheRepository> = Vec::new();
        loop {
            let page = page_after(all.last().map(|repository| repository.name.as_str()))?;
            let CacheRepositoryList { repositories, more } = match self {
                Self::Here(assembly) => {
                    let page = assembly.mirror.repositories(prefix, &page).await;
                    page.map(held::repositories).map_err(into_failure)?
                }
                Self::Server(control) => control.repositories(prefix, &page).await?,
            };
            let is_last = !more || repositories.is_empty();
            all.extend(repositories);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// All images of a repository.
    pub(super) async fn images(&self, name: &Name) -> Result<Vec<CacheImage>, Failure> {
        let mut all: Vec<CacheImage> = Vec::new();
        loop {
            let last = all.last().map(|image| image.digest.to_string());
            let page = page_after(last.as_deref())?;
            let CacheImageList { images, more } = match self {
                Self::Here(assembly) => {
                    let page = assembly.mirror.images(&located(&assembly.mirror, name)?, &page).await;
                    page.map(held::images).map_err(into_failure)?
                }
                Self::Server(control) => control.images(name, &page).await?,
            };
            let is_last = !more || images.is_empty();
            all.extend(images);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Compares all bytes and records, and repairs them if that is wanted.
    pub(super) async fn verify(&self, repair: bool) -> Result<CacheVerification, Failure> {
        let mut all = CacheVerification::default();
        loop {
            let part = match self {
                Self::Here(assembly) => {
                    let check = Check { repair, patience: PATIENCE };
                    let found =
                        assembly.mirror.verify(all.last.as_ref(), check).await.map_err(into_failure)?;
                    held::verification(found)
                }
                Self::Server(control) => control.verify(all.last, repair).await?,
            };
            all.records += part.records;
            all.stored += part.stored;
            all.findings.extend(part.findings);
            all.last = part.last;
            if all.last.is_none() {
                return Ok(all);
            }
        }
    }

    /// Removes a repository, or one image of it.
    pub(super) async fn remove(
        &self,
        name: &Name,
        reference: Option<&Reference>,
    ) -> Result<CacheRemoval, Failure> {
        match self {
            Self::Here(assembly) => {
                let removal = assembly.mirror.remove(&located(&assembly.mirror, name)?, reference).await;
                removal.map(held::removal).map_err(into_failure)
            }
            Self::Server(control) => control.remove(name, reference).await,
        }
    }
}

pub(super) fn located(mirror: &Mirror, name: &Name) -> Result<RepoKey, Failure> {
    mirror.held_as(name).map_err(into_failure)
}

pub(super) fn page_after(last: Option<&str>) -> Result<Page, Failure> {
    Page::parse(None, last).map_err(|error| Failure::because("cannot list on", &error))
}

pub(super) fn into_failure(error: Error) -> Failure {
    let failure = Failure::because_of(&error);
    match error {
        Error::NotAnUpstream { .. } => failure.with_hint("add it under `registries` with `mirror: true`"),
        Error::RepositoryUnknown { .. } | Error::ManifestUnknown { .. } => {
            failure.with_hint(control::SEE_WHAT_IS_HELD)
        }
        Error::EvictionRuns | Error::ScrubRuns => {
            failure.with_hint("wait for it, or cancel it with `--cancel`")
        }
        Error::PlanChanged => failure.with_hint("look at what would go now: `entrepot cache gc --dry-run`"),
        _ => failure,
    }
}

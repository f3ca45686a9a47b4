//! Converts the mirror's holdings to API types. Pure.
//!
//! The command line uses this too when no server runs and it reads the holdings itself.

use entrepot_api::{
    CacheFault, CacheFinding, CacheImage, CacheImageList, CacheRemoval, CacheRepository, CacheRepositoryList,
    CacheTotals, CacheVerification,
};
use entrepot_mirror::{
    Discrepancy, Finding, HeldImage, HeldRepository, ImagePage, Removal, RepositoryPage, Totals, Verification,
};

/// Totals of all holdings.
pub fn totals(holdings: Totals) -> CacheTotals {
    let Totals { repositories, tags, manifests, blobs, bytes } = holdings;
    CacheTotals { repositories, tags, manifests, blobs, bytes }
}

/// A page of repositories.
pub fn repositories(page: RepositoryPage) -> CacheRepositoryList {
    CacheRepositoryList {
        repositories: page.repositories.into_iter().map(repository).collect(),
        more: page.more,
    }
}

fn repository(held: HeldRepository) -> CacheRepository {
    let HeldRepository { name, tags, manifests, blobs, bytes, pulls, last_pulled } = held;
    CacheRepository { name, tags, manifests, blobs, bytes, pulls, last_pulled }
}

/// A page of images.
pub fn images(page: ImagePage) -> CacheImageList {
    CacheImageList { images: page.images.into_iter().map(image).collect(), more: page.more }
}

fn image(held: HeldImage) -> CacheImage {
    let HeldImage { digest, media_type, tags, bytes, pulls, last_pulled, since } = held;
    CacheImage { digest, media_type, tags, bytes, pulls, last_pulled, since }
}

/// The result of a removal.
pub fn removal(removal: Removal) -> CacheRemoval {
    let Removal { manifests, blobs, freed } = removal;
    CacheRemoval { manifests, blobs, freed }
}

/// The result of verifying a part.
pub fn verification(found: Verification) -> CacheVerification {
    let Verification { records, stored, findings, last } = found;
    CacheVerification { records, stored, findings: findings.into_iter().map(finding).collect(), last }
}

fn finding(found: Finding) -> CacheFinding {
    let Finding { digest, size, discrepancy: fault, repositories, repaired } = found;
    let fault = match fault {
        Discrepancy::MissingBytes => CacheFault::MissingBytes,
        Discrepancy::MissingRecord => CacheFault::MissingRecord,
    };
    CacheFinding { digest, size, fault, repositories, repaired }
}

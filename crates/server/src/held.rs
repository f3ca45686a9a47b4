//! What the mirror holds, as the API writes it. Pure.
//!
//! The command line shows the same where no server runs and it looks for itself.

use entrepot_api::{
    CacheImage, CacheImageList, CacheRemoval, CacheRepository, CacheRepositoryList, CacheTotals,
};
use entrepot_mirror::{HeldImage, HeldRepository, Holdings, ImagePage, Removal, RepositoryPage};

/// Everything that is held, counted.
pub fn totals(holdings: Holdings) -> CacheTotals {
    let Holdings { repositories, tags, manifests, blobs, bytes } = holdings;
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

/// What a removal took away.
pub fn removal(removal: Removal) -> CacheRemoval {
    let Removal { manifests, blobs, freed } = removal;
    CacheRemoval { manifests, blobs, freed }
}

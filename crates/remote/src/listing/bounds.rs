//! When a listing is too long. Pure: the caller keeps the time.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use url::Url;

use crate::error::UnboundedListing;

/// The most names that are accepted in one listing of tags or repositories.
pub const MAX_NAMES: usize = 1_000_000;

/// The most bytes that those names may have together.
pub const MAX_NAME_BYTES: usize = 16 << 20;

/// The most pages of names that are requested: a million names at a hundred per page.
pub const MAX_NAME_PAGES: usize = 10_000;

/// The most referrers of one manifest that are accepted.
pub const MAX_REFERRERS: usize = 10_000;

/// The most bytes of memory that those referrers may take.
pub const MAX_REFERRER_BYTES: usize = 8 << 20;

/// The most pages of referrers that are requested.
pub const MAX_REFERRER_PAGES: usize = 100;

/// The longest time from the first page of a listing to its last.
pub const LISTING_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The longest time to look for the page that has a name.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(2 * 60);

/// The bounds of one listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) pages: usize,
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
    /// The most bytes that are held before the listing counts as large and needs a permit.
    pub(crate) free: usize,
}

impl Bounds {
    pub(crate) const NAMES: Self = Self {
        pages: MAX_NAME_PAGES,
        entries: MAX_NAMES,
        bytes: MAX_NAME_BYTES,
        time: LISTING_TIMEOUT,
        free: 1 << 20,
    };
    pub(crate) const REFERRERS: Self = Self {
        pages: MAX_REFERRER_PAGES,
        entries: MAX_REFERRERS,
        bytes: MAX_REFERRER_BYTES,
        time: LISTING_TIMEOUT,
        // Clients ask for these, as many at once as they like.
        free: 64 << 10,
    };

    /// To find the page that has a name, page after page. A client waits for it.
    pub(crate) const SEARCH: Self = Self { pages: 1000, time: SEARCH_TIMEOUT, ..Self::NAMES };

    /// Checks the number of entries and their bytes.
    pub(crate) fn check(&self, entries: usize, bytes: usize) -> Result<(), UnboundedListing> {
        if entries > self.entries {
            Err(UnboundedListing::Entries { limit: self.entries })
        } else if bytes > self.bytes {
            Err(UnboundedListing::Bytes { limit: self.bytes })
        } else {
            Ok(())
        }
    }
}

/// The pages that were requested so far.
pub(crate) struct ListingProgress {
    pages: usize,
    limit: usize,
    // Hashes, because URLs may be long. A collision ends the listing with an error and never shortens it.
    requested: HashSet<u64>,
    hasher: RandomState,
    was_barren: bool,
}

impl ListingProgress {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let (requested, hasher) = (HashSet::new(), RandomState::new());
        Self { pages: 0, limit: bounds.pages, requested, hasher, was_barren: false }
    }

    /// Whether the last requested page was the first one.
    pub(super) fn is_first(&self) -> bool {
        self.pages == 1
    }

    /// Checks whether a page may be requested, and records it.
    pub(crate) fn request(&mut self, url: &Url) -> Result<(), UnboundedListing> {
        self.pages += 1;
        if self.pages > self.limit {
            Err(UnboundedListing::Pages { limit: self.limit })
        } else if !self.requested.insert(self.hasher.hash_one(url)) {
            Err(UnboundedListing::Circle)
        } else {
            Ok(())
        }
    }

    /// Records the number of new entries of a page. Two pages without any are an error.
    pub(crate) fn record(&mut self, new: usize) -> Result<(), UnboundedListing> {
        let is_barren = new == 0;
        if std::mem::replace(&mut self.was_barren, is_barren) && is_barren {
            return Err(UnboundedListing::NothingNew);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(page: usize) -> Url {
        format!("http://a.example/?page={page}").parse().unwrap()
    }

    #[test]
    fn pages_are_counted_and_none_comes_twice() {
        let mut progress = ListingProgress::new(Bounds { pages: 3, ..Bounds::NAMES });
        assert!((1..=3).all(|page| progress.request(&url(page)).is_ok()));
        assert_eq!(progress.request(&url(4)), Err(UnboundedListing::Pages { limit: 3 }));
        let mut progress = ListingProgress::new(Bounds::NAMES);
        assert!((1..=3).all(|page| progress.request(&url(page)).is_ok()));
        assert_eq!(progress.request(&url(2)), Err(UnboundedListing::Circle));
    }

    #[test]
    fn two_pages_in_a_row_without_anything_new_are_too_many() {
        let mut progress = ListingProgress::new(Bounds::NAMES);
        for new in [1, 0, 2, 0, 1, 0] {
            assert_eq!(progress.record(new), Ok(()));
        }
        assert_eq!(progress.record(0), Err(UnboundedListing::NothingNew));
    }
}

//! When a listing goes on for too long. Pure: whoever reads it keeps the time.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use url::Url;

use crate::error::Endless;

/// The most names of one listing that are taken: of tags, or of repositories.
pub const MAX_NAMES: usize = 1_000_000;

/// The most bytes that those names have together.
pub const MAX_NAME_BYTES: usize = 16 << 20;

/// The most pages of them that are asked for: a million names a hundred at a time.
pub const MAX_NAME_PAGES: usize = 10_000;

/// The most referrers of one manifest that are taken.
pub const MAX_REFERRERS: usize = 10_000;

/// The most bytes that they come to together, as they are held.
pub const MAX_REFERRER_BYTES: usize = 8 << 20;

/// The most pages of them that are asked for.
pub const MAX_REFERRER_PAGES: usize = 100;

/// The longest that one listing may take from its first page to its last.
pub const LISTING_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How much one listing may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) pages: usize,
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
    /// What may be held of it without a turn, in bytes.
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

    /// Whether so much may be held.
    pub(crate) fn hold(&self, entries: usize, bytes: usize) -> Result<(), Endless> {
        if entries > self.entries {
            Err(Endless::Entries { limit: self.entries })
        } else if bytes > self.bytes {
            Err(Endless::Bytes { limit: self.bytes })
        } else {
            Ok(())
        }
    }
}

/// The pages so far.
pub(super) struct Progress {
    pages: usize,
    limit: usize,
    // Hashes, because addresses may be long. Two that are the same by chance end a listing, and do not cut it short.
    asked: HashSet<u64>,
    hasher: RandomState,
    was_barren: bool,
}

impl Progress {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (asked, hasher) = (HashSet::new(), RandomState::new());
        Self { pages: 0, limit: bounds.pages, asked, hasher, was_barren: false }
    }

    /// Whether the page that was asked for last was the first.
    pub(super) fn is_first(&self) -> bool {
        self.pages == 1
    }

    /// Whether another page may be asked for, at this address.
    pub(super) fn ask(&mut self, url: &Url) -> Result<(), Endless> {
        self.pages += 1;
        if self.pages > self.limit {
            Err(Endless::Pages { limit: self.limit })
        } else if !self.asked.insert(self.hasher.hash_one(url)) {
            Err(Endless::Circle)
        } else {
            Ok(())
        }
    }

    /// Whether it makes sense to go on behind a page with so many new entries.
    pub(super) fn came(&mut self, new: usize) -> Result<(), Endless> {
        let is_barren = new == 0;
        if std::mem::replace(&mut self.was_barren, is_barren) && is_barren {
            return Err(Endless::NothingNew);
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
        let mut progress = Progress::new(Bounds { pages: 3, ..Bounds::NAMES });
        assert!((1..=3).all(|page| progress.ask(&url(page)).is_ok()));
        assert_eq!(progress.ask(&url(4)), Err(Endless::Pages { limit: 3 }));
        let mut progress = Progress::new(Bounds::NAMES);
        assert!((1..=3).all(|page| progress.ask(&url(page)).is_ok()));
        assert_eq!(progress.ask(&url(2)), Err(Endless::Circle));
    }

    #[test]
    fn two_pages_in_a_row_without_anything_new_are_too_many() {
        let mut progress = Progress::new(Bounds::NAMES);
        for new in [1, 0, 2, 0, 1, 0] {
            assert_eq!(progress.came(new), Ok(()));
        }
        assert_eq!(progress.came(0), Err(Endless::NothingNew));
    }
}

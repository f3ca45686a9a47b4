//! Where bytes and records disagree, and what may be done about it. Pure.

use std::{collections::HashMap, time::SystemTime};

use entrepot_blobs::{BlobPage, StoredBlob};
use entrepot_catalog::Listing;
use entrepot_oci::Digest;

/// The way in which bytes and records of a digest disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discrepancy {
    /// It is recorded, and its bytes are gone. Mirrored content is repaired by forgetting the records: it is fetched again
    /// when somebody asks for it. Hosted content has to be pushed again.
    MissingBytes,
    /// Its bytes are stored, and nothing records them: nobody can ask for them. Repaired by deleting them.
    MissingRecord,
}

/// A digest whose bytes and records disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The digest.
    pub digest: Digest,
    /// Its size in bytes, as recorded or as stored.
    pub size: u64,
    /// What is wrong.
    pub discrepancy: Discrepancy,
    /// The repositories that record it.
    pub repositories: Vec<String>,
    /// It has been repaired.
    pub repaired: bool,
}

/// The comparison of a part of all digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// The number of digests that are recorded.
    pub records: u64,
    /// The number of digests whose bytes are stored.
    pub stored: u64,
    /// Where they disagree.
    pub findings: Vec<Finding>,
    /// The last digest of this part, if another one follows it.
    pub last: Option<Digest>,
}

/// The digests of one part of all, on both sides, and where the next part begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DigestBatch {
    pub(crate) recorded: Vec<Digest>,
    pub(crate) stored: Vec<StoredBlob>,
    /// The last digest of this part, if another one follows.
    pub(crate) last: Option<Digest>,
}

impl DigestBatch {
    /// A part of two pages that begin alike: as far as both reach.
    pub(crate) fn of(recorded: Listing<(Digest, u64)>, stored: BlobPage) -> Self {
        let recorded_until = recorded.rows.last().filter(|_| recorded.more).map(|(digest, _)| *digest);
        let stored_until = stored.blobs.last().filter(|_| stored.more).map(|blob| blob.digest);
        let last = recorded_until.into_iter().chain(stored_until).min();
        let within = |digest: &Digest| last.is_none_or(|last| *digest <= last);
        Self {
            recorded: recorded.rows.into_iter().map(|(digest, _)| digest).filter(within).collect(),
            stored: stored.blobs.into_iter().filter(|blob| within(&blob.digest)).collect(),
            last,
        }
    }

    /// The digests to look at again: those that are only recorded, and those that are only stored, since before `until`.
    pub(crate) fn suspects(&self, until: SystemTime) -> Vec<Digest> {
        let mut only_stored: HashMap<_, _> =
            self.stored.iter().map(|blob| (blob.digest, blob.modified)).collect();
        let mut suspects = self.recorded.clone();
        suspects.retain(|digest| only_stored.remove(digest).is_none());
        only_stored.retain(|_, modified| *modified <= until);
        suspects.extend(only_stored.into_keys());
        suspects.sort_unstable();
        suspects
    }
}

/// Whether what is missing on one side may be repaired without asking anybody. If it is much, one of the two may be the
/// wrong one: a new database, a bucket that is empty, a disk that is not mounted.
pub(crate) fn are_few(missing: u64, all: u64) -> bool {
    missing <= (all / 10).max(100)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn stored(digest: Digest, seconds: u64) -> StoredBlob {
        StoredBlob { digest, size: 1, modified: at(seconds) }
    }

    fn digests() -> [Digest; 4] {
        let mut all = [b"a", b"b", b"c", b"d"].map(|bytes| Digest::of(bytes));
        all.sort_unstable();
        all
    }

    #[test]
    fn what_is_on_one_side_only_is_looked_at() {
        let [a, b, c, d] = digests();
        let stored = vec![stored(b, 1), stored(c, 5), stored(d, 6)];
        let part = DigestBatch { recorded: vec![a, b], stored, last: None };
        assert_eq!(part.suspects(at(5)), [a, c]);
        assert_eq!(part.suspects(at(9)), [a, c, d]);
    }

    #[test]
    fn a_part_ends_where_the_shorter_page_does() {
        let [a, b, c, d] = digests();
        let recorded = |digests: &[Digest], more| Listing {
            rows: digests.iter().map(|digest| (*digest, 1)).collect(),
            more,
        };
        let page = |digests: &[Digest], more| BlobPage {
            blobs: digests.iter().map(|digest| stored(*digest, 0)).collect(),
            more,
        };
        let part = DigestBatch::of(recorded(&[a, b], true), page(&[a, b, c, d], false));
        assert_eq!((part.last, part.suspects(at(0))), (Some(b), vec![]));
        let part = DigestBatch::of(recorded(&[b, d], false), page(&[a, b, c], true));
        assert_eq!((part.last, part.suspects(at(0))), (Some(c), vec![a, c]));
        let part = DigestBatch::of(recorded(&[b, c], true), page(&[a, b, d], true));
        assert_eq!((part.last, part.suspects(at(0))), (Some(c), vec![a, c]));
        let part = DigestBatch::of(recorded(&[], false), page(&[], false));
        assert_eq!((part.last, part.suspects(at(0))), (None, vec![]));
    }

    #[test]
    fn a_wrong_catalog_or_an_empty_store_changes_nothing() {
        assert!(are_few(0, 0) && are_few(100, 100) && are_few(200, 2000));
        assert!(!are_few(101, 101) && !are_few(201, 2000));
    }
}

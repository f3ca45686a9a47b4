//! The note beside a partial file that lets a download go on after a restart.

use entrepot_catalog::{Origin, RepoKey};
use serde::{Deserialize, Serialize};

use super::written_ranges::WrittenRanges;

/// Whose blob a partial file is, and how far it is. A note that lags behind costs bytes, never correctness: all bytes are
/// hashed before the commit.
#[derive(Serialize, Deserialize)]
pub(super) struct ProgressNote {
    upstream: String,
    repository: String,
    size: u64,
    written: Vec<(u64, u64)>,
}

impl ProgressNote {
    pub(super) fn new(key: &RepoKey, size: u64, ranges: &WrittenRanges) -> Self {
        let upstream = match &key.origin {
            Origin::Upstream(host) => host.to_string(),
            Origin::Hosted => String::new(),
        };
        let written = ranges.iter().map(|range| (range.start, range.end)).collect();
        Self { upstream, repository: key.repository.to_string(), size, written }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The repository that the blob was downloaded for.
    pub(super) fn key(&self) -> Option<RepoKey> {
        let origin = Origin::Upstream(self.upstream.parse().ok()?);
        Some(RepoKey { origin, repository: self.repository.parse().ok()? })
    }

    /// The size of the whole blob and the ranges written; `None` if the note contradicts itself.
    pub(super) fn progress(&self) -> Option<(u64, WrittenRanges)> {
        let mut ranges = WrittenRanges::default();
        for (start, end) in &self.written {
            if start > end || *end > self.size {
                return None;
            }
            ranges.add(*start..*end);
        }
        Some((self.size, ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_round_trips() {
        let key = RepoKey {
            origin: Origin::Upstream("quay.io".parse().unwrap()),
            repository: "a/b".parse().unwrap(),
        };
        let mut ranges = WrittenRanges::default();
        ranges.add(0..5);
        ranges.add(8..9);
        let note = ProgressNote::read(&ProgressNote::new(&key, 10, &ranges).to_bytes()).unwrap();
        assert_eq!(note.key(), Some(key));
        assert_eq!(note.progress(), Some((10, ranges)));
        assert!(ProgressNote::read(b"{}").is_none());
        let lying = br#"{"upstream":"a.io","repository":"a","size":3,"written":[[0,9]]}"#;
        assert!(ProgressNote::read(lying).unwrap().progress().is_none());
    }
}

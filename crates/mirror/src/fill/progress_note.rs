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

/// How far a download is, as its note has it.
pub(super) struct FillProgress {
    /// The repository that it was begun for.
    pub(super) key: RepoKey,
    /// The size of the whole blob in bytes.
    pub(super) size: u64,
    /// What is there of it.
    pub(super) written: WrittenRanges,
}

impl FillProgress {
    /// True if all bytes are there. Whether they are the right ones is another question.
    pub(super) fn is_complete(&self) -> bool {
        self.written.total() == self.size
    }
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

    /// What the note says; `None` if it contradicts itself.
    pub(super) fn progress(&self) -> Option<FillProgress> {
        let mut ranges = WrittenRanges::default();
        for (start, end) in &self.written {
            if start > end || *end > self.size {
                return None;
            }
            ranges.add(*start..*end);
        }
        Some(FillProgress { key: self.key()?, size: self.size, written: ranges })
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
        let progress = note.progress().unwrap();
        assert!(progress.key == key && progress.size == 10 && progress.written == ranges);
        assert!(!progress.is_complete());
        assert!(ProgressNote::read(b"{}").is_none());
        for (written, is_possible) in [("[0,9]", false), ("[2,1]", false), ("[0,3]", true), ("[1,1]", true)] {
            let note = format!(r#"{{"upstream":"a.io","repository":"a","size":3,"written":[{written}]}}"#);
            let progress = ProgressNote::read(note.as_bytes()).unwrap().progress();
            assert_eq!(progress.is_some(), is_possible, "{written}");
        }
    }
}

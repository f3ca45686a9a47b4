//! Which bytes of a download are there, and the note that lets a restart go on from them.

use std::ops::Range;

use entrepot_catalog::{Origin, RepoKey};
use serde::{Deserialize, Serialize};

/// The ranges written so far: sorted, apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger(Vec<Range<u64>>);

impl Ledger {
    /// Adds a range that was written.
    pub(super) fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let from = self.0.partition_point(|known| known.end < range.start);
        let to = self.0.partition_point(|known| known.start <= range.end);
        let merged = self.0[from..to]
            .iter()
            .fold(range, |all, known| all.start.min(known.start)..all.end.max(known.end));
        self.0.splice(from..to, [merged]);
    }

    /// How many bytes from the start are there without a gap.
    pub(super) fn contiguous(&self) -> u64 {
        self.0.first().filter(|first| first.start == 0).map_or(0, |first| first.end)
    }

    /// How many bytes are there.
    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// What is missing of `size` bytes.
    pub(super) fn gaps(&self, size: u64) -> Vec<Range<u64>> {
        let starts = std::iter::once(0).chain(self.0.iter().map(|range| range.end));
        let ends = self.0.iter().map(|range| range.start).chain([size]);
        starts.zip(ends).filter(|(start, end)| start < end).map(|(start, end)| start..end).collect()
    }
}

/// What is written beside a partial file.
#[derive(Serialize, Deserialize)]
pub(super) struct Note {
    upstream: String,
    repository: String,
    size: u64,
    written: Vec<(u64, u64)>,
}

impl Note {
    pub(super) fn new(key: &RepoKey, size: u64, ledger: &Ledger) -> Self {
        let upstream = match &key.origin {
            Origin::Upstream(host) => host.to_string(),
            Origin::Hosted => String::new(),
        };
        let written = ledger.0.iter().map(|range| (range.start, range.end)).collect();
        Self { upstream, repository: key.repository.to_string(), size, written }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The repository it was being fetched for.
    pub(super) fn key(&self) -> Option<RepoKey> {
        let origin = Origin::Upstream(self.upstream.parse().ok()?);
        Some(RepoKey { origin, repository: self.repository.parse().ok()? })
    }

    /// The whole blob's size and what is there of it; a note that contradicts itself says nothing.
    pub(super) fn progress(&self) -> Option<(u64, Ledger)> {
        let mut ledger = Ledger::default();
        for (start, end) in &self.written {
            if start > end || *end > self.size {
                return None;
            }
            ledger.add(*start..*end);
        }
        Some((self.size, ledger))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_set_of_bytes(ranges in prop::collection::vec((0u64..60, 0u64..20), 0..12)) {
            let mut ledger = Ledger::default();
            let mut bytes = [false; 100];
            for (start, length) in ranges {
                ledger.add(start..start + length);
                (start..start + length).for_each(|at| bytes[at as usize] = true);
            }
            let contiguous = bytes.iter().take_while(|there| **there).count() as u64;
            prop_assert_eq!(ledger.contiguous(), contiguous);
            prop_assert_eq!(ledger.total(), bytes.iter().filter(|there| **there).count() as u64);
            let gaps = ledger.gaps(100);
            for at in 0..100u64 {
                prop_assert_eq!(gaps.iter().any(|gap| gap.contains(&at)), !bytes[at as usize]);
            }
        }
    }

    #[test]
    fn a_note_round_trips() {
        let key = RepoKey {
            origin: Origin::Upstream("quay.io".parse().unwrap()),
            repository: "a/b".parse().unwrap(),
        };
        let mut ledger = Ledger::default();
        ledger.add(0..5);
        ledger.add(8..9);
        let note = Note::read(&Note::new(&key, 10, &ledger).to_bytes()).unwrap();
        assert_eq!(note.key(), Some(key));
        assert_eq!(note.progress(), Some((10, ledger)));
        assert!(Note::read(b"{}").is_none());
        let lying = br#"{"upstream":"a.io","repository":"a","size":3,"written":[[0,9]]}"#;
        assert!(Note::read(lying).unwrap().progress().is_none());
    }
}

//! Tags that lead to something that their upstream does not have any more.
//!
//! A tag is fresh for an hour. If it moves meanwhile and what it pointed at is deleted, every pull of it would fail for the
//! rest of that hour. So an upstream that says that it has no such manifest or blob puts the tags in doubt that lead to it:
//! they are checked when they are asked for next, once a minute at most.

use entrepot_catalog::RepoKey;
use entrepot_oci::{Digest, Reference};

use crate::{
    error::Error,
    memory::{TagState, Wanted},
    mirror::Mirror,
};

/// From a layer to its image, and from an image to its index.
const LEVELS: usize = 2;

impl Mirror {
    /// Remembers what an upstream refused, and returns the refusal.
    pub(crate) async fn refused(&self, key: &RepoKey, wanted: &Wanted, refusal: Error) -> Error {
        if let Wanted::Blob(digest) | Wanted::Manifest(Reference::Digest(digest)) = wanted
            && refusal.is_absence()
        {
            self.doubt(key, digest).await;
        }
        self.0.memory.set_refusal(key, wanted, refusal)
    }

    /// Puts the tags in doubt that lead to `digest`.
    pub(crate) async fn doubt(&self, key: &RepoKey, digest: &Digest) {
        let (now, mut level) = (self.0.clock.now(), vec![*digest]);
        for nth in 0..=LEVELS {
            let mut above = Vec::new();
            for digest in &level {
                // Not anew while it is remembered, so that a tag is not checked with each request.
                self.0.memory.gone.insert_new(&(key.clone(), *digest), now);
                if nth < LEVELS {
                    above.extend(self.0.holdings.named_by(key, digest).await);
                }
            }
            level = above;
        }
    }

    /// Whether something that a tag leads to has gone since the tag was last checked.
    pub(crate) fn is_doubted(&self, key: &RepoKey, state: &TagState) -> bool {
        self.0.memory.gone.get(&(key.clone(), state.digest)).is_some_and(|since| since > state.checked)
    }
}

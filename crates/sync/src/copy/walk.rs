//! Walks through an image: everything below its digest that any target wants, and its referrers.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use entrepot_oci::{Digest, Manifest, ManifestError, Platform, Reference};
use futures_util::{FutureExt as _, future::BoxFuture, future::try_join_all};

use crate::{
    Shape,
    endpoints::{EndpointError, ImageSource, SourceManifest},
    shape::{self, ManifestNode},
};

/// Limits for one image with its referrers: the most manifests, their total bytes, and the depth of nested indexes and
/// of referrers of referrers.
const MAX_MANIFESTS: usize = 2000;
const MAX_BYTES: usize = 16 << 20;
const MAX_DEPTH: usize = 8;

/// The reason a walk failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum WalkError {
    /// The source failed to provide the image itself.
    #[error(transparent)]
    Root(EndpointError),
    /// The source failed to provide something the image names.
    #[error("{0}: {1}")]
    Below(Digest, EndpointError),
    /// The source lacks manifests that an index names.
    #[error("{} not there", .0.missing.join(", "))]
    Sparse(Sparse),
    /// A document is not a valid manifest.
    #[error("{0} is not a manifest: {1}")]
    Manifest(Digest, Arc<ManifestError>),
    /// It is not known which blobs belong to a manifest, so a copy would be hollow.
    #[error("{0} cannot be copied: {1}")]
    UnknownContent(Digest, Arc<ManifestError>),
    /// The image exceeds the limits.
    #[error(
        "with all that refers to it, it has more than {MAX_MANIFESTS} manifests or {} MiB of them, or they lead more than \
         {MAX_DEPTH} steps away from it",
        MAX_BYTES >> 20
    )]
    TooMuch,
}

/// An index of which the source has only a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sparse {
    /// Each missing manifest, with its platform where the index says it.
    pub(super) missing: Vec<String>,
    /// The platforms that are there.
    pub(super) there: Vec<Platform>,
}

impl Sparse {
    fn of(index: &Manifest, looked: &[Result<Option<Arc<ManifestNode>>, WalkError>]) -> Self {
        let entries = || index.manifests().iter().zip(looked);
        let missing =
            entries().filter(|(_, looked)| looked.is_err()).map(|(entry, _)| match &entry.platform {
                Some(platform) => format!("{platform} ({})", entry.digest),
                None => entry.digest.to_string(),
            });
        let there = entries().filter(|(_, looked)| matches!(looked, Ok(Some(_))));
        let there =
            there.filter_map(|(entry, _)| entry.platform.clone()).filter(|there| there.os != "unknown");
        Self { missing: missing.collect(), there: there.collect() }
    }
}

impl WalkError {
    fn is_missing(&self) -> bool {
        matches!(self, Self::Below(_, error) if error.is_not_found())
    }

    /// The error of the source, if it was one.
    pub(super) fn end(&self) -> Option<&EndpointError> {
        match self {
            Self::Root(error) | Self::Below(_, error) => Some(error),
            Self::Sparse(_) | Self::Manifest(..) | Self::UnknownContent(..) | Self::TooMuch => None,
        }
    }
}

/// A walk through one image.
pub(super) struct Walk<'a> {
    source: &'a ImageSource,
    shapes: Vec<&'a Shape>,
    attached: Option<&'a HashSet<Digest>>,
    manifests: AtomicUsize,
    bytes: AtomicUsize,
}

/// Referrers of an image's manifests, by the digest of their subject.
pub(super) type Referrers = HashMap<Digest, Vec<Arc<ManifestNode>>>;

// Whether one manifest more goes beyond the limits: so many were read before it, with so many bytes.
fn is_too_much(manifests: usize, bytes: usize, depth: usize) -> bool {
    manifests >= MAX_MANIFESTS || bytes > MAX_BYTES || depth > MAX_DEPTH
}

impl<'a> Walk<'a> {
    /// A walk that covers all these shapes. `attached`: as [`crate::CopyJob::attached`].
    pub(super) fn new(
        source: &'a ImageSource,
        shapes: Vec<&'a Shape>,
        attached: Option<&'a HashSet<Digest>>,
    ) -> Self {
        Self { source, shapes, attached, manifests: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    /// The image, with everything below it that is wanted.
    pub(super) async fn image(&self, reference: &Reference) -> Result<Arc<ManifestNode>, WalkError> {
        let fetched = self.source.manifest(reference).await.map_err(WalkError::Root)?;
        self.node(fetched, 0).await
    }

    fn node(
        &self,
        fetched: SourceManifest,
        depth: usize,
    ) -> BoxFuture<'_, Result<Arc<ManifestNode>, WalkError>> {
        async move {
            let SourceManifest { digest, media_type, bytes } = fetched;
            let manifests = self.manifests.fetch_add(1, Ordering::Relaxed);
            let held = self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
            if is_too_much(manifests, held, depth) {
                return Err(WalkError::TooMuch);
            }
            let parsed = ManifestNode::parse(digest, &media_type, bytes);
            let mut node = parsed.map_err(|error| WalkError::Manifest(digest, Arc::new(error)))?;
            let known = node.manifest.require_known_content();
            known.map_err(|error| WalkError::UnknownContent(digest, Arc::new(error)))?;
            let wanted = self.wanted(&node);
            let entries = node.manifest.manifests().iter().zip(wanted);
            let below = entries.map(|(entry, is_wanted)| self.looked(entry.digest, is_wanted, depth));
            let looked = try_join_all(below).await?;
            if looked.iter().any(Result::is_err) {
                return Err(WalkError::Sparse(Sparse::of(&node.manifest, &looked)));
            }
            node.children = looked.into_iter().map(Result::ok).map(Option::flatten).collect();
            Ok(Arc::new(node))
        }
        .boxed()
    }

    fn wanted(&self, node: &ManifestNode) -> Vec<bool> {
        let mut wanted = vec![false; node.manifest.manifests().len()];
        for shape in &self.shapes {
            for (wanted, selected) in wanted.iter_mut().zip(shape::select(&node.manifest, shape)) {
                *wanted |= selected;
            }
        }
        wanted
    }

    // All that is missing is told at once; any other error ends the walk.
    async fn looked(
        &self,
        digest: Digest,
        is_wanted: bool,
        depth: usize,
    ) -> Result<Result<Option<Arc<ManifestNode>>, WalkError>, WalkError> {
        match self.below(digest, is_wanted, depth).await {
            Err(error) if error.is_missing() => Ok(Err(error)),
            other => other.map(Ok),
        }
    }

    async fn below(
        &self,
        digest: Digest,
        is_wanted: bool,
        depth: usize,
    ) -> Result<Option<Arc<ManifestNode>>, WalkError> {
        if !is_wanted {
            return Ok(None);
        }
        let fetched = self.source.manifest(&Reference::Digest(digest)).await;
        let fetched = fetched.map_err(|error| WalkError::Below(digest, error))?;
        self.node(fetched, depth + 1).await.map(Some)
    }

    /// Referrers of the image's manifests, and referrers of those. Too many are an error, since a copy without some
    /// would look complete.
    pub(super) async fn referrers(&self, root: &Arc<ManifestNode>) -> Result<Referrers, WalkError> {
        let mut subjects: Vec<Digest> = root.documents().iter().map(|document| document.digest).collect();
        let mut seen: HashSet<Digest> = subjects.iter().copied().collect();
        let mut found = Referrers::new();
        for depth in 0.. {
            if subjects.is_empty() {
                break;
            }
            if depth > MAX_DEPTH {
                return Err(WalkError::TooMuch);
            }
            let listed = try_join_all(subjects.iter().map(|subject| self.about(*subject, &seen))).await?;
            let mut next = Vec::new();
            for (subject, referrers) in subjects.iter().zip(listed) {
                for referrer in referrers {
                    if seen.insert(referrer.digest) {
                        next.push(referrer.digest);
                        found.entry(*subject).or_default().push(referrer);
                    }
                }
            }
            subjects = next;
        }
        Ok(found)
    }

    // The referrers of `subject`. Each is fetched and checked, since a listing may be wrong.
    async fn about(
        &self,
        subject: Digest,
        seen: &HashSet<Digest>,
    ) -> Result<Vec<Arc<ManifestNode>>, WalkError> {
        let may_be_tagged = self.attached.is_none_or(|attached| attached.contains(&subject));
        let listed = self.source.referrers(&subject, may_be_tagged).await;
        let listed = listed.map_err(|error| WalkError::Below(subject, error))?;
        if listed.len() > MAX_MANIFESTS {
            return Err(WalkError::TooMuch);
        }
        let strange = listed.into_iter().filter(|entry| !seen.contains(&entry.digest));
        let fetched = try_join_all(strange.map(|entry| self.below_if_there(entry.digest))).await?;
        let is_about =
            |node: &Arc<ManifestNode>| node.manifest.subject().is_some_and(|about| about.digest == subject);
        Ok(fetched.into_iter().flatten().filter(is_about).collect())
    }

    // A listing may name manifests that are gone.
    async fn below_if_there(&self, digest: Digest) -> Result<Option<Arc<ManifestNode>>, WalkError> {
        match self.below(digest, true, 0).await {
            Err(WalkError::Below(_, error)) if error.is_not_found() => Ok(None),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_ends_a_walk_by_itself() {
        assert!(!is_too_much(MAX_MANIFESTS - 1, MAX_BYTES, MAX_DEPTH));
        assert!(is_too_much(MAX_MANIFESTS, 0, 0));
        assert!(is_too_much(0, MAX_BYTES + 1, 0));
        assert!(is_too_much(0, 0, MAX_DEPTH + 1));
    }
}

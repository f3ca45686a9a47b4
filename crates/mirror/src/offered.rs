//! What is on offer now: pulls that want more of an upstream are refused at once.

use std::{sync::Arc, time::SystemTime};

use arc_swap::Guard;
use entrepot_catalog::RepoKey;
use entrepot_oci::{Digest, Reference, Tag};
use entrepot_policy::{Mode, Offer, Percent, Withheld};

use crate::{
    error::{Error, NotOffered},
    freshness::Age,
    manifests::{Fetched, fresh},
    metrics::ContentKind,
    mirror::Mirror,
    purpose::{Purpose, Reach},
    served::ServedManifest,
    size_limit::SizeLimit,
    upstream::{Upstream, UpstreamBudget, UpstreamState},
};

impl Mirror {
    /// The same mirror, asked for something else than a client's pull.
    #[must_use]
    pub fn on_behalf_of(&self, purpose: Purpose) -> Self {
        Self(Arc::clone(&self.0), purpose)
    }

    /// What is on offer.
    pub fn offer(&self) -> Guard<Arc<Offer>> {
        self.0.offer.load()
    }

    /// Puts an offer into force. It counts for what is asked from now on.
    pub fn set_offer(&self, offer: Offer) {
        self.0.offer.store(Arc::new(offer));
    }

    /// The refusal of what is not on offer, which is counted.
    pub fn not_offered(&self, what: Withheld<'_>) -> Error {
        let offer = self.offer();
        self.0.metrics.not_offered(offer.mode);
        let left = |until: SystemTime| until.duration_since(self.0.clock.now()).unwrap_or_default();
        let retry_after = offer.until.map(left);
        Error::NotOffered(Arc::new(NotOffered { message: offer.refusal(what), retry_after }))
    }

    /// Refuses everything while the mirror is closed.
    ///
    /// # Errors
    /// [`Error::NotOffered`]
    pub fn check_open(&self, name: &str) -> Result<(), Error> {
        if self.offer().mode == Mode::Closed {
            return Err(self.not_offered(Withheld::Anything(name)));
        }
        Ok(())
    }

    /// What each upstream allows us, account by account.
    pub fn budgets(&self) -> Vec<UpstreamBudget> {
        let mut all: Vec<_> = self.0.upstreams.all().map(|upstream| upstream.budget()).collect();
        all.sort_by(|one, other| one.upstream.cmp(&other.upstream));
        all
    }

    /// How each upstream stands.
    pub fn upstream_states(&self) -> Vec<UpstreamState> {
        let mut all: Vec<_> = self.0.upstreams.all().map(|upstream| upstream.state()).collect();
        all.sort_by(|one, other| one.upstream.cmp(&other.upstream));
        all
    }

    /// A manifest of an upstream for background work, which never takes the last pulls that the upstream allows.
    pub(crate) async fn in_background(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<ServedManifest, Error> {
        let is_held = match reference {
            Reference::Digest(digest) => matches!(self.0.holdings.manifest(key, digest).await, Ok(Some(_))),
            Reference::Tag(_) => false,
        };
        if !is_held {
            self.leaves_reserve(upstream)?;
        }
        self.upstream_manifest(upstream, key, reference).await
    }

    /// Refuses background work what an upstream allows no more than clients need.
    pub(crate) fn leaves_reserve(&self, upstream: &Upstream) -> Result<(), Error> {
        if upstream.is_at_reserve() {
            self.0.metrics.postponed(upstream.host());
            return Err(Error::Reserved { host: upstream.host().clone() });
        }
        Ok(())
    }

    /// The least part that an upstream has left of the pulls that it allows; `None` if none says so.
    pub fn least_budget(&self) -> Option<Percent> {
        self.0.upstreams.all().filter_map(|upstream| upstream.state().budget).min()
    }

    /// How far to go for what is not held.
    pub(crate) fn reach(&self) -> Reach {
        let offer = self.offer();
        self.1.reach(offer.mode, offer.small)
    }

    pub(crate) fn not_held(&self, key: &RepoKey, reference: &Reference) -> Error {
        self.not_offered(Withheld::NotHeld(&named(key, reference)))
    }

    /// A manifest of an upstream, without asking it: a tag leads where it led last, however long ago that was.
    pub(crate) async fn held_only(
        &self,
        upstream: &Upstream,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<ServedManifest, Error> {
        match reference {
            Reference::Digest(digest) => self.held_by_digest(key, digest, reference).await.map(fresh),
            Reference::Tag(tag) => self.held_tag(upstream, key, tag).await,
        }
    }

    async fn held_tag(&self, upstream: &Upstream, key: &RepoKey, tag: &Tag) -> Result<ServedManifest, Error> {
        let reference = Reference::Tag(tag.clone());
        let state = self.0.holdings.tag(key, tag, self.0.clock.now()).await?;
        let state = state.ok_or_else(|| self.not_held(key, &reference))?;
        let manifest = self.held_by_digest(key, &state.digest, &reference).await?;
        let stale = self.age(upstream, key, tag, &state) != Age::Fresh;
        if stale {
            self.0.metrics.stale_served.inc();
        }
        Ok(ServedManifest { manifest, stale })
    }

    async fn held_by_digest(&self, key: &RepoKey, digest: &Digest, reference: &Reference) -> Fetched {
        let held = self.0.holdings.manifest(key, digest).await?;
        let held = held.ok_or_else(|| self.not_held(key, reference))?;
        self.0.metrics.hit(ContentKind::Manifest);
        Ok(held)
    }

    /// Lets a blob that is not held be fetched, if that is on offer. One that is being fetched anyway may be read, and so
    /// may one that has arrived since it was looked for.
    pub(crate) async fn may_fetch(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<(), Error> {
        let reach = self.reach();
        if reach == Reach::Upstream || self.0.fills.running(digest).is_some_and(|one| one.fill.is_for(key)) {
            return Ok(());
        }
        // A fill ends after its blob is recorded.
        if self.0.holdings.blob(key, digest).await?.is_some() {
            return Ok(());
        }
        let name = named(key, &Reference::Digest(*digest));
        let Reach::Small(small) = reach else {
            return Err(self.not_offered(Withheld::NotHeld(&name)));
        };
        let size = match self.0.fills.size_limit(key, digest).await {
            SizeLimit::Stated(size) => Some(size),
            // No manifest says it, so the upstream is asked.
            SizeLimit::Configured(_) => self.upstream_blob_head(upstream, key, digest).await?.size,
        };
        match size {
            Some(size) if size > small => Err(self.not_offered(Withheld::Large(&name, size))),
            Some(_) | None => Ok(()),
        }
    }
}

fn named(key: &RepoKey, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{key}:{tag}"),
        Reference::Digest(digest) => format!("{key}@{digest}"),
    }
}

//! Pulls of manifests: from memory, from the store, from the upstream, in this order.
//!
//! A digest never changes its content, so what is held is never asked for again. A tag is checked when it is no longer fresh
//! (`freshness`): one `HEAD`, and a `GET` by digest only if it has moved.

use std::sync::Arc;

use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Digest, Manifest, Reference, Tag};
use entrepot_remote::{FetchedManifest, FoundManifest};

use crate::{
    error::Error,
    freshness::{Age, BACK_OFF, STALE_AFTER},
    memory::{TagState, Wanted},
    metrics::ContentKind,
    mirror::Mirror,
    names::ResolvedRepository,
    purpose::{Purpose, Reach},
    served::{HeldManifest, ManifestHead, ServedManifest},
    upstream::Upstream,
};

pub(crate) type Fetched = Result<Arc<HeldManifest>, Error>;

impl Mirror {
    /// A manifest with its bytes, by tag or digest.
    ///
    /// # Errors
    /// It is not known, or the upstream did not give it and nothing that is held may be served instead.
    pub async fn manifest(
        &self,
        target: &ResolvedRepository,
        reference: &Reference,
    ) -> Result<ServedManifest, Error> {
        self.manifest_for(target, reference, 0).await
    }

    /// The same for one of many clients, who are told apart by `by`: what one of them pulls again and again is worth no more
    /// to others.
    ///
    /// # Errors
    /// As [`Mirror::manifest`].
    pub async fn manifest_for(
        &self,
        target: &ResolvedRepository,
        reference: &Reference,
        by: u64,
    ) -> Result<ServedManifest, Error> {
        let served = self.seen_manifest(&target.key, reference).await?;
        self.0.pulls.count(&target.key, served.manifest.digest, by, self.0.clock.now());
        Ok(served)
    }

    /// A manifest that this server itself looks into: it is found and kept as by a pull, and counts as none.
    ///
    /// # Errors
    /// As [`Mirror::manifest`].
    pub async fn seen_manifest(&self, key: &RepoKey, reference: &Reference) -> Result<ServedManifest, Error> {
        match (&key.origin, reference) {
            (Origin::Hosted, Reference::Tag(tag)) => self.hosted_tag(key, tag).await.map(fresh),
            (Origin::Hosted, Reference::Digest(digest)) => self.hosted_manifest(key, digest).await.map(fresh),
            (Origin::Upstream(host), _) if self.reach() == Reach::Held => {
                self.held_only(self.0.upstreams.get(host)?, key, reference).await
            }
            (Origin::Upstream(host), _) if self.1 == Purpose::Background => {
                Box::pin(self.in_background(self.0.upstreams.get(host)?, key, reference)).await
            }
            (Origin::Upstream(host), _) => {
                self.upstream_manifest(self.0.upstreams.get(host)?, key, reference).await
            }
        }
    }

    /// A manifest of an upstream, which is asked for what is not held or overdue.
    pub(crate) async fn upstream_manifest(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<ServedManifest, Error> {
        match reference {
            Reference::Digest(digest) => self.by_digest(upstream, key, digest).await.map(fresh),
            Reference::Tag(tag) => self.by_tag(upstream, key, tag).await,
        }
    }

    /// The same, by a tag as its upstream has it now, however fresh it is here.
    ///
    /// # Errors
    /// As [`Mirror::manifest`], also if something is held that might be served instead.
    pub(crate) async fn current_manifest(&self, key: &RepoKey, reference: &Reference) -> Fetched {
        let (Origin::Upstream(host), Reference::Tag(tag)) = (&key.origin, reference) else {
            return Ok(self.seen_manifest(key, reference).await?.manifest);
        };
        let wanted = Wanted::Manifest(reference.clone());
        if let Some(refused) = self.0.memory.refusals.get(&(key.clone(), wanted)) {
            return Err(refused);
        }
        let upstream = self.0.upstreams.get(host)?;
        if self.1 == Purpose::Background {
            self.leaves_reserve(upstream)?;
        }
        self.check(upstream, key, tag).await
    }

    /// A manifest's digest, type and size. Nothing is downloaded unless the upstream's `HEAD` does not say enough.
    ///
    /// # Errors
    /// As [`Mirror::manifest`].
    pub async fn manifest_head(
        &self,
        target: &ResolvedRepository,
        reference: &Reference,
    ) -> Result<ManifestHead, Error> {
        let key = &target.key;
        let Origin::Upstream(host) = &key.origin else {
            let held = match reference {
                Reference::Tag(tag) => self.hosted_tag(key, tag).await,
                Reference::Digest(digest) => self.hosted_manifest(key, digest).await,
            };
            return held.map(|manifest| head_of(&manifest, false));
        };
        let upstream = self.0.upstreams.get(host)?;
        if self.reach() == Reach::Held {
            let served = self.held_only(upstream, key, reference).await?;
            return Ok(head_of(&served.manifest, served.stale));
        }
        let (held, age) = self.held_for(upstream, key, reference).await;
        match (held, age, reference) {
            (Some(manifest), Age::Fresh, _) | (Some(manifest), _, Reference::Digest(_)) => {
                Ok(head_of(&manifest, false))
            }
            // Since it is held, one check refreshes the tag for everybody.
            (Some(_), _, Reference::Tag(tag)) => {
                let served = self.by_tag(upstream, key, tag).await?;
                Ok(head_of(&served.manifest, served.stale))
            }
            (None, ..) => self.upstream_head(upstream, key, reference).await,
        }
    }

    async fn by_tag(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        tag: &Tag,
    ) -> Result<ServedManifest, Error> {
        // A catalog that cannot be read must not stop a pull that the upstream can answer.
        let state = self.0.holdings.tag(key, tag, self.0.clock.now()).await.unwrap_or_default();
        let mut age = state.as_ref().map_or(Age::Expired, |state| self.age(upstream, key, tag, state));
        if let (Some(state), Age::Fresh) = (&state, age) {
            match self.by_digest(upstream, key, &state.digest).await {
                // The tag may have moved, so it is checked after all.
                Err(gone) if gone.is_absence() && self.is_doubted(key, state) => age = Age::Stale,
                found => {
                    let manifest = found?;
                    if !state.recorded {
                        self.keep(key, &manifest, Some(tag));
                    }
                    return Ok(fresh(manifest));
                }
            }
        }
        let held = match &state {
            Some(state) => self.0.holdings.manifest(key, &state.digest).await.unwrap_or_default(),
            None => None,
        };
        let held = held.filter(|_| age == Age::Stale);
        let wanted = Wanted::Manifest(Reference::Tag(tag.clone()));
        let refused = self.0.memory.refusals.get(&(key.clone(), wanted));
        let held = match (held, refused) {
            (Some(held), Some(refused)) if !refused.is_an_answer() => return Ok(self.stale(held)),
            (_, Some(refused)) => return Err(refused),
            (None, None) => return self.check(upstream, key, tag).await.map(fresh),
            (Some(held), None) => held,
        };
        let now = self.0.clock.now();
        if state.is_some_and(|state| state.not_before.is_some_and(|until| now < until)) {
            return Ok(self.stale(held));
        }
        match tokio::time::timeout(STALE_AFTER, self.check(upstream, key, tag)).await {
            Ok(Ok(manifest)) => Ok(fresh(manifest)),
            Ok(Err(answer)) if answer.is_an_answer() => Err(answer),
            Ok(Err(_)) => Ok(self.stale(held)),
            Err(_) => {
                self.back_off(key, tag);
                Ok(self.stale(held))
            }
        }
    }

    fn stale(&self, manifest: Arc<HeldManifest>) -> ServedManifest {
        self.0.metrics.stale_served.inc();
        self.0.metrics.hit(ContentKind::Manifest);
        ServedManifest { manifest, stale: true }
    }

    async fn by_digest(&self, upstream: &Arc<Upstream>, key: &RepoKey, digest: &Digest) -> Fetched {
        // A catalog that cannot be read must not stop a pull that the upstream can answer.
        if let Some(held) = self.0.holdings.manifest(key, digest).await.unwrap_or_default() {
            self.0.metrics.hit(ContentKind::Manifest);
            return Ok(held);
        }
        let reference = Reference::Digest(*digest);
        let wanted = Wanted::Manifest(reference.clone());
        if let Some(refused) = self.0.memory.refusals.get(&(key.clone(), wanted.clone())) {
            return Err(refused);
        }
        let (mirror, upstream, key2) = (self.clone(), Arc::clone(upstream), key.clone());
        let waiter = self.0.manifests.join((key.clone(), reference.clone()), || async move {
            match mirror.fetch(&upstream, &key2, &reference).await {
                Ok(manifest) => {
                    mirror.keep(&key2, &manifest, None);
                    Ok(manifest)
                }
                Err(refused) => Err(mirror.refused(&key2, &wanted, refused).await),
            }
        });
        waiter.result().await.unwrap_or(Err(Error::Store))
    }

    /// Asks the upstream where the tag points now, once for all who ask at this moment.
    async fn check(&self, upstream: &Arc<Upstream>, key: &RepoKey, tag: &Tag) -> Fetched {
        let reference = Reference::Tag(tag.clone());
        let (mirror, upstream, key2, tag) = (self.clone(), Arc::clone(upstream), key.clone(), tag.clone());
        let waiter = self.0.manifests.join((key.clone(), reference.clone()), || async move {
            let checked = mirror.check_now(&upstream, &key2, &tag).await;
            if checked.as_ref().is_err_and(|error| !error.is_an_answer()) {
                mirror.back_off(&key2, &tag);
            }
            checked
                .map_err(|refused| mirror.0.memory.set_refusal(&key2, &Wanted::Manifest(reference), refused))
        });
        waiter.result().await.unwrap_or(Err(Error::Store))
    }

    async fn check_now(&self, upstream: &Upstream, key: &RepoKey, tag: &Tag) -> Fetched {
        let reference = Reference::Tag(tag.clone());
        let digest = match upstream.find_manifest(key, &reference).await? {
            FoundManifest::Head(head) => head.digest,
            FoundManifest::Whole(fetched) => {
                let manifest = self.held(fetched)?;
                self.keep(key, &manifest, Some(tag));
                return Ok(manifest);
            }
        };
        let held = match &digest {
            Some(digest) => self.0.holdings.manifest(key, digest).await.unwrap_or_default(),
            None => None,
        };
        let before = self.0.memory.tags.get(&(key.clone(), tag.clone()));
        let manifest = match (held, digest) {
            (Some(held), _) if before.is_some_and(|state| state.recorded && state.digest == held.digest) => {
                self.confirm_tag(key, tag, held.digest);
                return Ok(held);
            }
            (Some(held), _) => held,
            (None, Some(digest)) => match self.fetch(upstream, key, &digest.into()).await {
                // It moved in between, and its former manifest is gone; or `HEAD` and `GET` disagree.
                Err(Error::ManifestUnknown { .. }) => self.fetch(upstream, key, &reference).await?,
                fetched => fetched?,
            },
            (None, None) => self.fetch(upstream, key, &reference).await?,
        };
        self.keep(key, &manifest, Some(tag));
        Ok(manifest)
    }

    /// Notes that the tag still points where it did.
    fn confirm_tag(&self, key: &RepoKey, tag: &Tag, digest: Digest) {
        let now = self.0.clock.now();
        let state = TagState { digest, checked: now, not_before: None, recorded: true };
        self.0.memory.tags.insert((key.clone(), tag.clone()), state);
        let (mirror, key, tag) = (self.clone(), key.clone(), tag.clone());
        self.0.tasks.spawn(async move { mirror.0.holdings.tag_checked(&key, &tag, now).await });
    }

    async fn fetch(&self, upstream: &Upstream, key: &RepoKey, reference: &Reference) -> Fetched {
        self.0.metrics.miss(ContentKind::Manifest);
        self.held(upstream.manifest(key, reference).await?)
    }

    /// Fetches a manifest again whose bytes are lost, and stores it.
    ///
    /// # Errors
    /// The upstream did not give it, or the store failed.
    pub(crate) async fn restore_manifest(&self, key: &RepoKey, reference: &Reference) -> Result<(), Error> {
        let Origin::Upstream(host) = &key.origin else { return Err(Error::Store) };
        let manifest = self.fetch(self.0.upstreams.get(host)?, key, reference).await?;
        let content = Manifest::parse(&manifest.bytes, Some(&manifest.media_type));
        let content = Arc::new(content.map_err(|error| Error::ManifestInvalid(Arc::new(error)))?);
        self.0.holdings.put_manifest(key, &manifest, &content, &[]).await
    }

    fn held(&self, fetched: FetchedManifest) -> Fetched {
        let FetchedManifest { digest, media_type, bytes } = fetched;
        Ok(Arc::new(HeldManifest { digest, media_type, bytes: self.0.memory.charge(bytes)? }))
    }

    /// Does not ask the upstream about a tag again for a while.
    fn back_off(&self, key: &RepoKey, tag: &Tag) {
        let entry = (key.clone(), tag.clone());
        if let Some(state) = self.0.memory.tags.get(&entry) {
            let not_before = Some(self.0.clock.now() + BACK_OFF);
            self.0.memory.tags.insert(entry, TagState { not_before, ..state });
        }
    }

    /// Keeps a manifest of an upstream: in memory at once, in the store soon. Clients need not wait for that; what could not
    /// be stored is fetched again.
    fn keep(&self, key: &RepoKey, manifest: &Arc<HeldManifest>, tag: Option<&Tag>) {
        self.0.memory.set_manifest(key, manifest, tag.cloned().as_slice(), self.0.clock.now());
        let parsed = Manifest::parse(&manifest.bytes, Some(&manifest.media_type));
        if let Ok(content) = &parsed {
            // A blob may be asked for before the record is written.
            self.0.memory.set_sizes(key, &manifest.digest, content);
        }
        // The store has bytes under their own digest; a signed schema 1 manifest has another, and stays in memory only.
        if !manifest.digest.matches(&manifest.bytes) {
            return;
        }
        let (mirror, key, manifest, tag) = (self.clone(), key.clone(), Arc::clone(manifest), tag.cloned());
        self.0.tasks.spawn(async move {
            let stored = match parsed.map_err(|error| Error::ManifestInvalid(Arc::new(error))) {
                Ok(content) => {
                    mirror.0.holdings.put_manifest(&key, &manifest, &Arc::new(content), tag.as_slice()).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = stored {
                tracing::warn!(%key, digest = %manifest.digest, %error, "a manifest is served but could not be stored");
            }
        });
    }

    async fn hosted_tag(&self, key: &RepoKey, tag: &Tag) -> Fetched {
        match self.0.holdings.tag(key, tag, self.0.clock.now()).await? {
            Some(state) => self.hosted_manifest(key, &state.digest).await,
            None => Err(Error::ManifestUnknown { name: key.to_string(), reference: tag.to_string() }),
        }
    }

    async fn hosted_manifest(&self, key: &RepoKey, digest: &Digest) -> Fetched {
        let unknown = || Error::ManifestUnknown { name: key.to_string(), reference: digest.to_string() };
        let manifest = self.0.holdings.manifest(key, digest).await?.ok_or_else(unknown)?;
        self.0.metrics.hit(ContentKind::Manifest);
        Ok(manifest)
    }

    pub(crate) fn age(&self, upstream: &Upstream, key: &RepoKey, tag: &Tag, state: &TagState) -> Age {
        match upstream.freshness().age(&key.repository, tag, state.checked, self.0.clock.now()) {
            Age::Fresh if self.is_doubted(key, state) => Age::Stale,
            age => age,
        }
    }

    async fn held_for(
        &self,
        upstream: &Upstream,
        key: &RepoKey,
        reference: &Reference,
    ) -> (Option<Arc<HeldManifest>>, Age) {
        let (digest, age) = match reference {
            Reference::Digest(digest) => (*digest, Age::Fresh),
            Reference::Tag(tag) => {
                match self.0.holdings.tag(key, tag, self.0.clock.now()).await.unwrap_or_default() {
                    Some(state) => (state.digest, self.age(upstream, key, tag, &state)),
                    None => return (None, Age::Expired),
                }
            }
        };
        (self.0.holdings.manifest(key, &digest).await.unwrap_or_default(), age)
    }

    async fn upstream_head(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<ManifestHead, Error> {
        let entry = (key.clone(), reference.clone());
        let wanted = Wanted::Manifest(reference.clone());
        if let Some(refused) = self.0.memory.refusals.get(&(key.clone(), wanted.clone())) {
            return Err(refused);
        }
        let is_doubted = |tag: &Tag| {
            let state = self.0.memory.tags.get(&(key.clone(), tag.clone()));
            state.is_some_and(|state| self.is_doubted(key, &state))
        };
        if let Some(head) = self.0.memory.heads.get(&entry)
            && !matches!(reference, Reference::Tag(tag) if is_doubted(tag))
        {
            return Ok(head);
        }
        let (mirror, upstream, entry2) = (self.clone(), Arc::clone(upstream), entry.clone());
        let waiter = self.0.heads.join(entry, || async move {
            let (key, reference) = &entry2;
            match mirror.head_now(&upstream, key, reference).await {
                Ok(head) => {
                    mirror.0.memory.heads.insert(entry2, head.clone());
                    Ok(head)
                }
                Err(refused) => Err(mirror.refused(key, &wanted, refused).await),
            }
        });
        waiter.result().await.unwrap_or(Err(Error::Store))
    }

    async fn head_now(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<ManifestHead, Error> {
        let head = match upstream.find_manifest(key, reference).await? {
            FoundManifest::Head(head) => head,
            FoundManifest::Whole(fetched) => return self.keep_whole(key, reference, fetched),
        };
        let (Some(digest), Some(media_type)) = (head.digest, head.media_type) else {
            let fetched = upstream.manifest(key, reference).await?;
            return self.keep_whole(key, reference, fetched);
        };
        if let Reference::Tag(tag) = reference {
            // The `GET` that usually follows need not ask where the tag points once more.
            let state = TagState { digest, checked: self.0.clock.now(), not_before: None, recorded: false };
            self.0.memory.tags.insert((key.clone(), tag.clone()), state);
        }
        let size = match head.size {
            // An upstream that does not say is asked for the manifest; if it does not give it, its `HEAD` still counts.
            None => self.by_digest(upstream, key, &digest).await.ok().map(|held| held.bytes.len() as u64),
            said => said,
        };
        Ok(ManifestHead { digest, media_type, size, stale: false })
    }

    fn keep_whole(
        &self,
        key: &RepoKey,
        reference: &Reference,
        fetched: FetchedManifest,
    ) -> Result<ManifestHead, Error> {
        self.0.metrics.miss(ContentKind::Manifest);
        let manifest = self.held(fetched)?;
        let tag = if let Reference::Tag(tag) = reference { Some(tag) } else { None };
        self.keep(key, &manifest, tag);
        Ok(head_of(&manifest, false))
    }
}

pub(crate) fn fresh(manifest: Arc<HeldManifest>) -> ServedManifest {
    ServedManifest { manifest, stale: false }
}

fn head_of(manifest: &HeldManifest, stale: bool) -> ManifestHead {
    ManifestHead {
        digest: manifest.digest,
        media_type: manifest.media_type.clone(),
        size: Some(manifest.bytes.len() as u64),
        stale,
    }
}

//! Pulling manifests: from memory, from the store, from upstream, in this order.
//!
//! Content by digest never changes, so once held it is never asked for again. A tag is asked for when its time is
//! up ([`crate::freshness`]): one `HEAD`, and a `GET` by digest only if it moved.

use std::{sync::Arc, time::Duration};

use entrepot_catalog::{NewManifest, Origin, RepoKey};
use entrepot_oci::{Digest, Host, MAX_MANIFEST_BYTES, Manifest, Reference, Tag};
use entrepot_remote::FetchedManifest;
use moka::ops::compute::Op;

use crate::{
    Error, HeldManifest, ManifestHead, Mirror, ServedManifest, Target,
    freshness::{Age, is_hosted_fresh},
    memory::TagState,
    metrics::Kind,
    store::{blobs_failed, store_failed},
    upstream::manifest_refused,
};

/// How long a client waits for an upstream when there is something to serve meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long an upstream that failed is left alone about the same tag.
const PAUSE: Duration = Duration::from_secs(10);

type Fetched = Result<Arc<HeldManifest>, Error>;

impl Mirror {
    /// A manifest with its bytes.
    ///
    /// # Errors
    /// It is not known, or the upstream did not give it and nothing held may stand in.
    pub async fn manifest(&self, target: &Target, reference: &Reference) -> Result<ServedManifest, Error> {
        let key = &target.key;
        let served = match (&key.origin, reference) {
            (Origin::Hosted, Reference::Tag(tag)) => self.hosted_tag(key, tag).await.map(fresh),
            (Origin::Hosted, Reference::Digest(digest)) => self.hosted_manifest(key, digest).await.map(fresh),
            (Origin::Upstream(host), Reference::Digest(digest)) => {
                self.by_digest(host, key, digest).await.map(fresh)
            }
            (Origin::Upstream(host), Reference::Tag(tag)) => self.by_tag(host, key, tag).await,
        }?;
        self.0.uses.note(key, served.manifest.digest, self.0.clock.now());
        Ok(served)
    }

    /// What a manifest is, without its bytes. Nothing is downloaded for it.
    ///
    /// # Errors
    /// As [`Mirror::manifest`].
    pub async fn manifest_head(&self, target: &Target, reference: &Reference) -> Result<ManifestHead, Error> {
        let key = &target.key;
        let Origin::Upstream(host) = &key.origin else {
            let held = match reference {
                Reference::Tag(tag) => self.hosted_tag(key, tag).await,
                Reference::Digest(digest) => self.hosted_manifest(key, digest).await,
            };
            return held.map(|manifest| head_of(&manifest, false));
        };
        let (held, age) = self.held_for(host, key, reference).await;
        match (held, age, reference) {
            (Some(manifest), Age::Fresh, _) | (Some(manifest), _, Reference::Digest(_)) => {
                Ok(head_of(&manifest, false))
            }
            // With it in hand, one check refreshes the tag for everybody.
            (Some(_), _, Reference::Tag(tag)) => {
                let served = self.by_tag(host, key, tag).await?;
                Ok(head_of(&served.manifest, served.stale))
            }
            (None, ..) => self.upstream_head(host, key, reference).await,
        }
    }

    async fn by_tag(&self, host: &Host, key: &RepoKey, tag: &Tag) -> Result<ServedManifest, Error> {
        let reference = Reference::Tag(tag.clone());
        let state = self.tag_state(key, tag).await;
        let now = self.0.clock.now();
        let age = state.map_or(Ok(Age::Expired), |state| self.age(host, key, tag, &state))?;
        if let (Some(state), Age::Fresh) = (&state, age) {
            let manifest = self.by_digest(host, key, &state.digest).await?;
            if !state.recorded {
                self.keep(key, &manifest, Some(tag));
            }
            return Ok(fresh(manifest));
        }
        let held = match &state {
            Some(state) => self.held_manifest(key, &state.digest).await.unwrap_or_default(),
            None => None,
        };
        let held = held.filter(|_| age == Age::Stale);
        let refused = self.0.memory.absent.get(&(key.clone(), reference));
        let held = match (held, refused) {
            (Some(held), Some(refused)) if !refused.is_an_answer() => return Ok(self.stale(held)),
            (_, Some(refused)) => return Err(refused),
            (None, None) => return self.check(host, key, tag).await.map(fresh),
            (Some(held), None) => held,
        };
        let left_alone = state.is_some_and(|state| state.not_before.is_some_and(|until| now < until));
        if left_alone {
            return Ok(self.stale(held));
        }
        match tokio::time::timeout(PATIENCE, self.check(host, key, tag)).await {
            Ok(Ok(manifest)) => Ok(fresh(manifest)),
            Ok(Err(answer)) if answer.is_an_answer() => Err(answer),
            Ok(Err(_)) => Ok(self.stale(held)),
            Err(_) => {
                self.leave_alone(key, tag);
                Ok(self.stale(held))
            }
        }
    }

    fn stale(&self, manifest: Arc<HeldManifest>) -> ServedManifest {
        self.0.metrics.stale_served.inc();
        self.0.metrics.hit(Kind::Manifest);
        ServedManifest { manifest, stale: true }
    }

    pub(crate) async fn by_digest(&self, host: &Host, key: &RepoKey, digest: &Digest) -> Fetched {
        // A catalog that cannot be read must not stop a pull that the upstream can answer.
        if let Some(held) = self.held_manifest(key, digest).await.unwrap_or_default() {
            self.0.metrics.hit(Kind::Manifest);
            return Ok(held);
        }
        let reference = Reference::Digest(*digest);
        if let Some(refused) = self.0.memory.absent.get(&(key.clone(), reference.clone())) {
            return Err(refused);
        }
        let (mirror, host, key2) = (self.clone(), host.clone(), key.clone());
        let flight = self.0.fetches.join((key.clone(), reference.clone()), || async move {
            let fetched = mirror.fetch(&host, &key2, &reference).await;
            let manifest = fetched.map_err(|refused| mirror.remember(&key2, &reference, refused))?;
            mirror.keep(&key2, &manifest, None);
            Ok(manifest)
        });
        flight.land().await.unwrap_or(Err(Error::Store))
    }

    /// Asks the upstream what the tag is now, once for all who ask at this moment.
    async fn check(&self, host: &Host, key: &RepoKey, tag: &Tag) -> Fetched {
        let reference = Reference::Tag(tag.clone());
        let (mirror, host, key2, tag) = (self.clone(), host.clone(), key.clone(), tag.clone());
        let flight = self.0.fetches.join((key.clone(), reference.clone()), || async move {
            let checked = mirror.check_now(&host, &key2, &tag).await;
            if checked.as_ref().is_err_and(|error| !error.is_an_answer()) {
                mirror.leave_alone(&key2, &tag);
            }
            checked.map_err(|refused| mirror.remember(&key2, &reference, refused))
        });
        flight.land().await.unwrap_or(Err(Error::Store))
    }

    async fn check_now(&self, host: &Host, key: &RepoKey, tag: &Tag) -> Fetched {
        let reference = Reference::Tag(tag.clone());
        let head = self.source(host)?.remote.head_manifest(&key.repository, &reference).await;
        let digest = match head {
            Ok(head) => head.digest,
            // Some registries have no HEAD; what they say to a GET counts.
            Err(entrepot_remote::Error::Invalid(_)) => None,
            Err(error) => return Err(manifest_refused(host, key, &reference, error)),
        };
        let held = match &digest {
            Some(digest) => self.held_manifest(key, digest).await.unwrap_or_default(),
            None => None,
        };
        let before = self.0.memory.tags.get(&(key.clone(), tag.clone()));
        match (held, digest) {
            (Some(held), _) if before.is_some_and(|state| state.recorded && state.digest == held.digest) => {
                self.still(key, tag, held.digest);
                Ok(held)
            }
            (Some(held), _) => Ok(self.kept(key, held, tag)),
            (None, Some(digest)) => match self.fetch(host, key, &digest.into()).await {
                // It moved in between, and what it was is gone; or `HEAD` does not know what `GET` would give.
                Err(Error::ManifestUnknown { .. }) => {
                    Ok(self.kept(key, self.fetch(host, key, &reference).await?, tag))
                }
                fetched => Ok(self.kept(key, fetched?, tag)),
            },
            (None, None) => Ok(self.kept(key, self.fetch(host, key, &reference).await?, tag)),
        }
    }

    fn kept(&self, key: &RepoKey, manifest: Arc<HeldManifest>, tag: &Tag) -> Arc<HeldManifest> {
        self.keep(key, &manifest, Some(tag));
        manifest
    }

    /// Notes that the upstream still has the tag where it was.
    fn still(&self, key: &RepoKey, tag: &Tag, digest: Digest) {
        let now = self.0.clock.now();
        let state = TagState { digest, checked: now, not_before: None, recorded: true };
        self.0.memory.tags.insert((key.clone(), tag.clone()), state);
        let (mirror, key, tag) = (self.clone(), key.clone(), tag.clone());
        self.0.tasks.spawn(async move {
            if let Err(error) = mirror.0.catalog.tag_checked(&key, &tag, now).await {
                tracing::warn!(%key, %tag, %error, "a tag's freshness could not be recorded");
            }
        });
    }

    async fn fetch(&self, host: &Host, key: &RepoKey, reference: &Reference) -> Fetched {
        self.0.metrics.miss(Kind::Manifest);
        let fetched = self.source(host)?.remote.manifest(&key.repository, reference).await;
        let FetchedManifest { digest, media_type, bytes } =
            fetched.map_err(|error| manifest_refused(host, key, reference, error))?;
        Ok(Arc::new(HeldManifest { digest, media_type, bytes: self.0.memory.hold(bytes)? }))
    }

    /// Keeps a refusal for a while.
    pub(crate) fn remember(&self, key: &RepoKey, reference: &Reference, refused: Error) -> Error {
        if refused.is_an_answer() {
            self.0.memory.absent.insert((key.clone(), reference.clone()), refused.clone());
        }
        refused
    }

    fn leave_alone(&self, key: &RepoKey, tag: &Tag) {
        let entry = (key.clone(), tag.clone());
        if let Some(state) = self.0.memory.tags.get(&entry) {
            let not_before = Some(self.0.clock.now() + PAUSE);
            self.0.memory.tags.insert(entry, TagState { not_before, ..state });
        }
    }

    /// Holds a manifest that came from upstream: in memory at once, on disk and in the catalog soon. Clients need
    /// not wait for that; what is not written is fetched again.
    fn keep(&self, key: &RepoKey, manifest: &Arc<HeldManifest>, tag: Option<&Tag>) {
        let now = self.0.clock.now();
        self.0.memory.manifests.insert((key.clone(), manifest.digest), Arc::clone(manifest));
        if let Some(tag) = tag {
            let state = TagState { digest: manifest.digest, checked: now, not_before: None, recorded: true };
            self.0.memory.tags.insert((key.clone(), tag.clone()), state);
        }
        let parsed = Manifest::parse(&manifest.bytes, Some(&manifest.media_type));
        if let Ok(content) = &parsed {
            // A blob may be asked for before the record is made.
            self.0.memory.expect(key, content);
        }
        let (mirror, key, manifest, tag) = (self.clone(), key.clone(), Arc::clone(manifest), tag.cloned());
        self.0.tasks.spawn(async move {
            let written = match parsed.map_err(|error| Error::ManifestInvalid(Arc::new(error))) {
                Ok(content) => mirror.write_down(&key, &manifest, &content, tag.as_slice()).await,
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                tracing::warn!(%key, digest = %manifest.digest, %error, "a manifest is served but could not be stored");
            }
        });
    }

    /// Makes a manifest durable: its bytes, then its record and tags in one transaction.
    pub(crate) async fn write_down(
        &self,
        key: &RepoKey,
        manifest: &HeldManifest,
        content: &Manifest,
        tags: &[Tag],
    ) -> Result<(), Error> {
        let _guard = self.0.stripes.lock(&manifest.digest).await;
        self.0.blobs.put(&manifest.digest, manifest.bytes.clone()).await.map_err(blobs_failed)?;
        let record = NewManifest {
            digest: &manifest.digest,
            size: manifest.bytes.len() as u64,
            content,
            tags,
            // What is pushed must be whole; what is mirrored comes in parts.
            require_blobs: key.origin == Origin::Hosted,
        };
        let recorded = match self.0.catalog.put_manifest(key, &record, self.0.clock.now()).await {
            Err(entrepot_catalog::Error::MissingBlob { digest }) => Err(Error::ManifestBlobUnknown(digest)),
            Err(entrepot_catalog::Error::WrongSize { .. }) => Err(Error::SizeInvalid),
            other => other.map_err(store_failed),
        };
        if recorded.is_err() {
            self.take_back(&manifest.digest).await;
        }
        recorded
    }

    /// A manifest of this repository that is held: in memory, else by the catalog's word in the store.
    pub(crate) async fn held_manifest(
        &self,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<Arc<HeldManifest>>, Error> {
        let entry = (key.clone(), *digest);
        if let Some(manifest) = self.0.memory.manifests.get(&entry) {
            return Ok(Some(manifest));
        }
        let Some(record) = self.0.catalog.manifest(key, digest).await.map_err(store_failed)? else {
            return Ok(None);
        };
        let Some(bytes) = self.0.blobs.read(digest, MAX_MANIFEST_BYTES as u64).await.map_err(blobs_failed)?
        else {
            return Ok(None);
        };
        let bytes = self.0.memory.hold(bytes)?;
        let manifest = Arc::new(HeldManifest { digest: *digest, media_type: record.media_type, bytes });
        self.0.memory.manifests.insert(entry, Arc::clone(&manifest));
        Ok(Some(manifest))
    }

    async fn hosted_tag(&self, key: &RepoKey, tag: &Tag) -> Fetched {
        match self.tag_state(key, tag).await {
            Some(state) => self.hosted_manifest(key, &state.digest).await,
            None => Err(Error::ManifestUnknown { name: key.to_string(), reference: tag.to_string() }),
        }
    }

    async fn hosted_manifest(&self, key: &RepoKey, digest: &Digest) -> Fetched {
        let unknown = || Error::ManifestUnknown { name: key.to_string(), reference: digest.to_string() };
        let manifest = self.held_manifest(key, digest).await?.ok_or_else(unknown)?;
        self.0.metrics.hit(Kind::Manifest);
        Ok(manifest)
    }

    pub(crate) async fn tag_state(&self, key: &RepoKey, tag: &Tag) -> Option<TagState> {
        let (entry, now) = ((key.clone(), tag.clone()), self.0.clock.now());
        let known = self.0.memory.tags.get(&entry);
        let is_hosted = key.origin == Origin::Hosted;
        if known.is_some_and(|state| !is_hosted || is_hosted_fresh(state.checked, now)) {
            return known;
        }
        // A failure is logged; what is in memory still counts, and the upstream may still answer.
        let Ok(record) = self.0.catalog.tag(key, tag).await.map_err(store_failed) else { return known };
        let read = record.map(|record| {
            let checked = if is_hosted { now } else { record.checked };
            TagState { digest: record.digest, checked, not_before: None, recorded: true }
        });
        // A push that came in between knows better.
        self.0.memory.tags.entry(entry).and_compute_with(|current| {
            let is_as_before = current.map(|entry| entry.value().checked) == known.map(|state| state.checked);
            match read {
                _ if !is_as_before => Op::Nop,
                Some(state) => Op::Put(state),
                None => Op::Remove,
            }
        });
        read
    }

    fn age(&self, host: &Host, key: &RepoKey, tag: &Tag, state: &TagState) -> Result<Age, Error> {
        Ok(self.source(host)?.policy.age(&key.repository, tag, state.checked, self.0.clock.now()))
    }

    async fn held_for(
        &self,
        host: &Host,
        key: &RepoKey,
        reference: &Reference,
    ) -> (Option<Arc<HeldManifest>>, Age) {
        let (digest, age) = match reference {
            Reference::Digest(digest) => (*digest, Age::Fresh),
            Reference::Tag(tag) => match self.tag_state(key, tag).await {
                Some(state) => (state.digest, self.age(host, key, tag, &state).unwrap_or(Age::Expired)),
                None => return (None, Age::Expired),
            },
        };
        (self.held_manifest(key, &digest).await.unwrap_or_default(), age)
    }

    async fn upstream_head(
        &self,
        host: &Host,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<ManifestHead, Error> {
        let entry = (key.clone(), reference.clone());
        if let Some(refused) = self.0.memory.absent.get(&entry) {
            return Err(refused);
        }
        if let Some(head) = self.0.memory.heads.get(&entry) {
            return Ok(head);
        }
        let (mirror, host, entry2) = (self.clone(), host.clone(), entry.clone());
        let flight = self.0.heads.join(entry, || async move {
            let (key, reference) = &entry2;
            let head = mirror.head_now(&host, key, reference).await;
            let head = head.map_err(|refused| mirror.remember(key, reference, refused))?;
            mirror.0.memory.heads.insert(entry2, head.clone());
            Ok(head)
        });
        flight.land().await.unwrap_or(Err(Error::Store))
    }

    async fn head_now(
        &self,
        host: &Host,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<ManifestHead, Error> {
        let head = self.source(host)?.remote.head_manifest(&key.repository, reference).await;
        let head = match head {
            Ok(head) => Some(head),
            Err(entrepot_remote::Error::Invalid(_)) => None,
            Err(error) => return Err(manifest_refused(host, key, reference, error)),
        };
        let said = head.and_then(|head| Some((head.digest?, head.media_type?, head.size)));
        let Some((digest, media_type, size)) = said else {
            // An upstream that does not say enough is asked for the whole.
            let manifest = match reference {
                Reference::Tag(tag) => self.check(host, key, tag).await?,
                Reference::Digest(digest) => self.by_digest(host, key, digest).await?,
            };
            return Ok(head_of(&manifest, false));
        };
        if let Reference::Tag(tag) = reference {
            // The GET that usually follows need not ask what the tag is once more.
            let state = TagState { digest, checked: self.0.clock.now(), not_before: None, recorded: false };
            self.0.memory.tags.insert((key.clone(), tag.clone()), state);
        }
        Ok(ManifestHead { digest, media_type, size, stale: false })
    }
}

fn fresh(manifest: Arc<HeldManifest>) -> ServedManifest {
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

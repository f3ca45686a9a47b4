//! Asks the rules whether something may be pulled from an upstream.
//!
//! Most repositories are allowed or refused as a whole, and each connection remembers the last one that was allowed. Where
//! only some images of a repository are allowed, the catalog knows which tags and manifests lead to a digest; for what was
//! served a moment ago and is not recorded yet, it is remembered what an allowed manifest names.

use std::sync::Mutex;

use entrepot_mirror::{HeldManifest, Mirror, Origin, RepoKey};
use entrepot_oci::{Digest, ErrorCode, Manifest, Reference};
use entrepot_policy::{
    Decision, FullName, ImagePart, Lineage, ManifestLineage, PullSubject, RepositoryRules, RuleRefusal,
    Ruling, digest_of_tag,
};
use http::StatusCode;

use crate::{
    action::{Action, ContentRef},
    error::Refusal,
    rules_in_force::{CurrentRules, RulesInForce},
};

/// The most referrers of an allowed image that are remembered as allowed.
const MOST_REFERRERS: usize = 1000;

/// The last repository that a connection was allowed as a whole, and by which rules. Whoever meets another request here does
/// not wait for it.
#[derive(Default)]
pub(crate) struct RuledRepository(Mutex<Option<(u64, RepoKey)>>);

/// A request for something of a repository.
pub(crate) struct PullCheck<'a> {
    pub(crate) action: &'a Action<'a>,
    pub(crate) key: &'a RepoKey,
    pub(crate) ruled: &'a RuledRepository,
}

/// A repository that something is served of.
pub(crate) struct PulledRepository<'a> {
    pub(crate) key: &'a RepoKey,
    pub(crate) ruled: &'a RuledRepository,
}

/// What of a repository somebody wants.
enum PulledPart<'a> {
    Whole,
    Image(&'a Reference),
    Manifest(&'a Digest),
    Blob(&'a Digest),
}

impl RuledRepository {
    fn has(&self, generation: u64, key: &RepoKey) -> bool {
        let Ok(last) = self.0.try_lock() else { return false };
        last.as_ref().is_some_and(|(of, last)| *of == generation && last == key)
    }

    fn set(&self, generation: u64, key: &RepoKey) {
        if let Ok(mut last) = self.0.try_lock() {
            *last = Some((generation, key.clone()));
        }
    }
}

impl RulesInForce {
    /// Lets a request pass unless the rules refuse it.
    pub(crate) async fn admit(&self, mirror: &Mirror, check: &PullCheck<'_>) -> Result<(), Refusal> {
        let (Some(name), Some(of)) = (full_name(check.key), wanted(check.action)) else { return Ok(()) };
        if self.is_allowed_whole(check, PullSubject { name, reference: of.reference() })? {
            return Ok(());
        }
        // Boxed because it is large, and rarely runs.
        Box::pin(self.by_image(mirror, check.key, of)).await
    }

    /// True if the rules still let a blob of an upstream be fetched that somebody asked for before.
    pub async fn may_go_on(&self, mirror: &Mirror, key: &RepoKey, digest: &Digest) -> bool {
        let (action, ruled) = (Action::Pull(ContentRef::Blob(digest)), RuledRepository::default());
        self.admit(mirror, &PullCheck { action: &action, key, ruled: &ruled }).await.is_ok()
    }

    // False if that depends on the image.
    fn is_allowed_whole(
        &self,
        PullCheck { key, ruled, .. }: &PullCheck<'_>,
        subject: PullSubject<'_>,
    ) -> Result<bool, Refusal> {
        let current = self.current();
        if current.rules.is_empty() || ruled.has(current.generation, key) {
            return Ok(true);
        }
        match current.rules.ruling(subject.name) {
            Ruling::Allowed(_) => {
                ruled.set(current.generation, key);
                Ok(true)
            }
            Ruling::Refused(refused) => Err(self.refuse(&current, &refused, subject)),
            Ruling::ByImage => Ok(false),
        }
    }

    async fn by_image(&self, mirror: &Mirror, key: &RepoKey, of: PulledPart<'_>) -> Result<(), Refusal> {
        let Some(name) = full_name(key) else { return Ok(()) };
        let digest = match &of {
            PulledPart::Whole => return Ok(()),
            PulledPart::Image(reference @ Reference::Tag(tag)) => match digest_of_tag(tag) {
                Some(digest) => digest,
                None => {
                    let current = self.current();
                    let wanted = PullSubject { name, reference: Some(reference) };
                    return self.decided(&current, &current.rules.of(name).tag(tag), wanted);
                }
            },
            PulledPart::Image(Reference::Digest(digest)) => *digest,
            PulledPart::Manifest(digest) | PulledPart::Blob(digest) => **digest,
        };
        if self.knows(key, name, &digest) {
            return Ok(());
        }
        let ancestors = mirror.lineage(key, &digest).await?;
        let named_by = ancestors.first().map(|one| one.parents.clone()).unwrap_or_default();
        let known = ancestors
            .into_iter()
            .map(|one| (one.digest, ManifestLineage { tags: one.tags, parents: one.parents }));
        let lineage = Lineage { manifests: known.collect() };
        let part = match of {
            PulledPart::Blob(digest) => ImagePart::Blob(digest, &named_by),
            PulledPart::Whole | PulledPart::Image(_) | PulledPart::Manifest(_) => {
                ImagePart::Manifest(&digest)
            }
        };
        let (current, reference) = (self.current(), Reference::Digest(digest));
        let decision = current.rules.of(name).part(part, &lineage);
        self.decided(&current, &decision, PullSubject { name, reference: Some(&reference) })?;
        self.note_admitted(current.generation, key, digest);
        Ok(())
    }

    // True for what was allowed before, and is not denied by itself.
    fn knows(&self, key: &RepoKey, name: FullName<'_>, digest: &Digest) -> bool {
        let current = self.current();
        self.is_admitted(current.generation, key, digest)
            && current.rules.of(name).denied_digest(digest).is_none()
    }

    fn decided(
        &self,
        current: &CurrentRules,
        decision: &Decision<'_>,
        subject: PullSubject<'_>,
    ) -> Result<(), Refusal> {
        match decision {
            Decision::Allowed(_) => Ok(()),
            Decision::Refused(refused) => Err(self.refuse(current, refused, subject)),
        }
    }

    /// What somebody is told whose pull is refused. It is counted.
    pub(crate) fn refuse(
        &self,
        current: &CurrentRules,
        refused: &RuleRefusal<'_>,
        subject: PullSubject<'_>,
    ) -> Refusal {
        self.count_refusal(current.rules.refusing_list(refused), refused.reason());
        let status = if refused.is_legal() {
            StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS
        } else {
            StatusCode::FORBIDDEN
        };
        Refusal::new(status, ErrorCode::Denied, current.rules.message(refused, subject))
    }

    /// A manifest is about to be served, which was allowed by a tag or digest. It may still be denied by its digest. What it
    /// names is allowed with it.
    pub(crate) fn leads_to(
        &self,
        pulled: &PulledRepository<'_>,
        digest: &Digest,
        manifest: Option<&HeldManifest>,
    ) -> Result<(), Refusal> {
        let Some(name) = full_name(pulled.key) else { return Ok(()) };
        let current = self.current();
        let Some(of) = some_of(&current, pulled, name) else { return Ok(()) };
        if let Some(rule) = of.denied_digest(digest) {
            let reference = Reference::Digest(*digest);
            let wanted = PullSubject { name, reference: Some(&reference) };
            return Err(self.refuse(&current, &RuleRefusal::Denied(rule), wanted));
        }
        self.note_admitted(current.generation, pulled.key, *digest);
        let content = manifest.and_then(|held| Manifest::parse(&held.bytes, Some(&held.media_type)).ok());
        if let Some(content) = content {
            let named = content.blobs().chain(content.manifests());
            named.for_each(|one| self.note_admitted(current.generation, pulled.key, one.digest));
        }
        Ok(())
    }

    /// These refer to an allowed manifest, and are allowed with it: its signatures and attestations.
    pub(crate) fn refers(&self, pulled: &PulledRepository<'_>, referrers: impl Iterator<Item = Digest>) {
        let Some(name) = full_name(pulled.key) else { return };
        let current = self.current();
        if some_of(&current, pulled, name).is_some() {
            let few = referrers.take(MOST_REFERRERS);
            few.for_each(|digest| self.note_admitted(current.generation, pulled.key, digest));
        }
    }
}

// The rules, where only some images of a repository may be pulled.
fn some_of<'a>(
    current: &'a CurrentRules,
    pulled: &PulledRepository<'_>,
    name: FullName<'_>,
) -> Option<RepositoryRules<'a>> {
    if current.rules.is_empty() || pulled.ruled.has(current.generation, pulled.key) {
        return None;
    }
    Some(current.rules.of(name)).filter(|of| matches!(of.ruling(), Ruling::ByImage))
}

impl<'a> PulledPart<'a> {
    fn reference(&self) -> Option<&'a Reference> {
        match self {
            Self::Image(reference) => Some(*reference),
            Self::Whole | Self::Manifest(_) | Self::Blob(_) => None,
        }
    }
}

// What was pushed here is no matter of rules.
fn full_name(key: &RepoKey) -> Option<FullName<'_>> {
    match &key.origin {
        Origin::Upstream(host) => Some(FullName { host, repository: &key.repository }),
        Origin::Hosted => None,
    }
}

// `None` for what takes nothing from an upstream.
fn wanted<'a>(action: &'a Action<'_>) -> Option<PulledPart<'a>> {
    match action {
        Action::Pull(ContentRef::Manifest(reference)) => Some(PulledPart::Image(reference)),
        Action::Pull(ContentRef::Blob(digest)) => Some(PulledPart::Blob(digest)),
        Action::ListReferrers(subject) => Some(PulledPart::Manifest(subject)),
        Action::ListTags => Some(PulledPart::Whole),
        Action::Ping | Action::Push | Action::Delete(_) | Action::Mount { .. } | Action::ListRepositories => {
            None
        }
    }
}

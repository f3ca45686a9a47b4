//! Questions to other registries: one verb for everything that the mirror asks of an upstream.
//!
//! - [`Upstream`] owns its `Remote`, and nothing else in this crate speaks to a registry. Whatever limits, counts or
//!   redirects requests to an upstream wraps these verbs.
//! - Refusals come back as [`Error`]. Only [`Upstream::open_blob`] gives the client's own error, because a download
//!   decides by it whether to try again.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use entrepot_catalog::RepoKey;
use entrepot_oci::{Descriptor, Digest, Host, Page, Reference, Repository};
use entrepot_policy::Percent;
use entrepot_remote::{
    AccountQuota, BlobRequest, BlobStream, Endpoint, EndpointHealth, Error as RemoteError, FetchedManifest,
    FoundManifest, LinkStatus, NetworkFault, NetworkFaultKind, Patience, PublicView, PullQuota, Remote,
    TagPage,
};
use foldhash::quality::RandomState;

use crate::{
    error::{Error, UpstreamFault},
    freshness::Policy,
    rule_error::RuleError,
    settings::{MirrorSettings, UpstreamParts},
};

/// The size of a download that says something about the link.
const TELLING: u64 = 1 << 20;
/// What the last download counts against those before it.
const LATELY: f64 = 0.2;

/// What an upstream allows us, account by account.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamBudget {
    /// The upstream.
    pub upstream: Host,
    /// The pulls that background work leaves to clients.
    pub reserve: u64,
    /// Our accounts; one without a name if there are none.
    pub accounts: Vec<AccountQuota>,
}

/// How an upstream stands, for everybody.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamState {
    /// The upstream.
    pub upstream: Host,
    /// How it was when it was asked last.
    pub health: EndpointHealth,
    /// The part of our pulls that is left, if it says so.
    pub budget: Option<Percent>,
}

/// The registries that are mirrored, by name.
pub(crate) struct Upstreams(HashMap<Host, Arc<Upstream>, RandomState>);

/// A registry that is mirrored.
pub(crate) struct Upstream {
    remote: Remote,
    freshness: Policy,
    /// The namespaces that accounts were ever used for; `None` is all of it.
    former_accounts: ArcSwap<Vec<Option<Repository>>>,
    /// Blob bytes that all downloads from it have received.
    received: AtomicU64,
    /// The rate that its downloads had lately, in bytes a second; 0 while none is known.
    rate: AtomicU64,
}

impl Upstreams {
    /// Takes over `parts`; freshness that they leave open is that of `settings`.
    ///
    /// # Errors
    /// A freshness rule that is not a glob.
    pub(crate) fn new(settings: &MirrorSettings, parts: Vec<UpstreamParts>) -> Result<Self, RuleError> {
        let upstreams = parts.into_iter().map(|parts| {
            let host = parts.remote.host().clone();
            let freshness = Policy::new(settings, &parts.freshness);
            let freshness = freshness.map_err(|source| RuleError { host: host.clone(), source })?;
            let former_accounts = ArcSwap::default();
            let (received, rate) = (AtomicU64::new(0), AtomicU64::new(0));
            let upstream = Upstream { remote: parts.remote, freshness, former_accounts, received, rate };
            Ok((host, Arc::new(upstream)))
        });
        upstreams.collect::<Result<_, _>>().map(Self)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.0.values()
    }

    /// The links that they are reached over, each once, as far as the configuration names any.
    pub(crate) fn links(&self) -> Vec<LinkStatus> {
        let mut links: Vec<LinkStatus> = Vec::new();
        for status in self.0.values().flat_map(|upstream| upstream.remote.link_statuses()) {
            if !links.iter().any(|known| known.name == status.name) {
                links.push(status);
            }
        }
        links
    }

    /// The upstream of that name.
    ///
    /// # Errors
    /// [`Error::NotAnUpstream`]. Names that were read by this mirror's rules never lead to it.
    pub(crate) fn get(&self, host: &Host) -> Result<&Arc<Upstream>, Error> {
        self.0.get(host).ok_or_else(|| Error::NotAnUpstream { host: host.clone() })
    }
}

impl Upstream {
    /// The registry's name.
    pub(crate) fn host(&self) -> &Host {
        self.remote.host()
    }

    /// The rate that its downloads had lately, in bytes a second; `None` while none is known.
    pub(crate) fn rate(&self) -> Option<f64> {
        Some(self.rate.load(Ordering::Relaxed)).filter(|rate| *rate > 0).map(|rate| rate as f64)
    }

    /// Takes a download into account. Small ones say nothing about the link.
    pub(crate) fn note_rate(&self, bytes: u64, took: Duration) {
        if bytes < TELLING {
            return;
        }
        let shown = bytes as f64 / took.as_secs_f64().max(0.001);
        let rate = self.rate().map_or(shown, |before| before + (shown - before) * LATELY);
        self.rate.store((rate as u64).max(1), Ordering::Relaxed);
    }

    /// The rules that say how old its tags may be.
    pub(crate) fn freshness(&self) -> &Policy {
        &self.freshness
    }

    /// What the registry says about a manifest to a `HEAD`, or the manifest if that does not decide whether it has it.
    ///
    /// # Errors
    /// The manifest is not known there, or the registry did not answer.
    pub(crate) async fn find_manifest(
        &self,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<FoundManifest, Error> {
        let found = self.remote.find_manifest(&key.repository, reference).await;
        found.map_err(|error| self.manifest_refused(key, reference, error))
    }

    /// Whether the registry is known to have a manifest of this digest, by its media type: some answer with 200 to everything.
    pub(crate) async fn has_manifest(&self, key: &RepoKey, digest: &Digest) -> bool {
        let head = self.remote.head_manifest(&key.repository, &Reference::Digest(*digest)).await;
        let media_type = head.ok().and_then(|head| head.media_type);
        media_type.is_some_and(|media_type| media_type.is_index() || media_type.is_image())
    }

    /// A manifest, verified against its digest.
    ///
    /// # Errors
    /// As [`Upstream::find_manifest`].
    pub(crate) async fn manifest(
        &self,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<FetchedManifest, Error> {
        let fetched = self.remote.manifest(&key.repository, reference).await;
        fetched.map_err(|error| self.manifest_refused(key, reference, error))
    }

    /// Asks whether the repository has a blob. Returns its size if the registry gives it.
    ///
    /// # Errors
    /// The blob is not known there, or the registry did not answer.
    pub(crate) async fn find_blob(&self, key: &RepoKey, digest: &Digest) -> Result<Option<u64>, Error> {
        let found = self.remote.find_blob(&key.repository, digest).await;
        Ok(found.map_err(|error| self.blob_refused(key, digest, error))?.size)
    }

    /// The size of a blob that the repository has, by its first byte.
    pub(crate) async fn probe_blob(&self, key: &RepoKey, digest: &Digest) -> Option<u64> {
        self.remote.probe_blob(&key.repository, digest).await.ok()?.size
    }

    /// Opens a blob, whole or from an offset on. Its bytes are not verified.
    ///
    /// # Errors
    /// The client's own error; [`Upstream::blob_refused`] translates it.
    pub(crate) async fn open_blob(
        &self,
        key: &RepoKey,
        digest: &Digest,
        ask: BlobRequest,
    ) -> Result<BlobStream, RemoteError> {
        self.remote.blob(&key.repository, digest, ask).await
    }

    /// A page of a repository's tags.
    ///
    /// # Errors
    /// The repository is not known there, or the registry did not answer.
    pub(crate) async fn tags(&self, key: &RepoKey, page: &Page) -> Result<TagPage, Error> {
        let listed = self.remote.tags(&key.repository, page).await;
        listed.map_err(|error| self.list_refused(key, error))
    }

    /// Everything that refers to a manifest.
    ///
    /// # Errors
    /// As [`Upstream::tags`].
    pub(crate) async fn referrers(&self, key: &RepoKey, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let listed = self.remote.referrers(&key.repository, subject).await;
        listed.map_err(|error| self.list_refused(key, error))
    }

    /// Whether what it gives us of a repository may be private: an account is or was used for it.
    pub(crate) fn may_be_private(&self, repository: &Repository) -> bool {
        let is_below = |namespace: &Repository| {
            let rest = repository.as_str().strip_prefix(namespace.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.former_accounts.load().iter().any(|one| one.as_ref().is_none_or(is_below))
            || self.remote.has_account_for(repository)
    }

    /// The namespaces that accounts are used for; `None` is all of it.
    pub(crate) fn accounts(&self) -> Vec<Option<Repository>> {
        self.remote.account_namespaces()
    }

    /// Takes note of the namespaces that accounts were ever used for.
    pub(crate) fn set_former_accounts(&self, namespaces: Vec<Option<Repository>>) {
        self.former_accounts.store(Arc::new(namespaces));
    }

    /// What the registry gives of a repository to everybody: the manifest of that name, or its list of tags.
    ///
    /// # Errors
    /// [`Error::VisibilityUnknown`]: it did not answer.
    pub(crate) async fn public_view(
        &self,
        key: &RepoKey,
        reference: Option<&Reference>,
    ) -> Result<PublicView, Error> {
        let seen = self.remote.public_view(&key.repository, reference).await;
        seen.map_err(|error| Error::VisibilityUnknown {
            name: key.to_string(),
            host: self.host().clone(),
            fault: self.fault_of(error),
        })
    }

    /// The pulls that the registry allows us, by the account that has most left.
    pub(crate) fn pull_quota(&self) -> Option<PullQuota> {
        self.remote.pull_quota()
    }

    /// What each of our accounts has left of its pulls.
    pub(crate) fn budget(&self) -> UpstreamBudget {
        UpstreamBudget {
            upstream: self.host().clone(),
            reserve: self.remote.pull_reserve(),
            accounts: self.remote.account_quotas(),
        }
    }

    /// How it stands.
    pub(crate) fn state(&self) -> UpstreamState {
        let left = self.pull_quota().and_then(|quota| Percent::of(quota.remaining, quota.limit));
        UpstreamState { upstream: self.host().clone(), health: self.remote.standing(), budget: left }
    }

    /// True if no more than the reserve is left, which is for clients.
    pub(crate) fn is_at_reserve(&self) -> bool {
        self.remote.is_at_pull_reserve()
    }

    /// Has an endpoint that sent wrong bytes asked last for a while.
    pub(crate) fn distrust(&self, endpoint: Endpoint) {
        self.remote.distrust(endpoint);
    }

    /// The number of ways to it: one, or its links.
    pub(crate) fn links(&self) -> usize {
        self.remote.link_count()
    }

    /// How long a download may go without progress: long enough for every endpoint to be tried.
    pub(crate) fn give_up_after(&self) -> Duration {
        let endpoints = u32::try_from(self.remote.endpoint_count()).unwrap_or(u32::MAX);
        self.remote.patience().give_up.saturating_mul(endpoints)
    }

    /// The fewest bytes that count as progress.
    pub(crate) fn least_progress(&self) -> u64 {
        Patience::enough(self.remote.patience().idle)
    }

    /// Counts blob bytes that a download received.
    pub(crate) fn add_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Blob bytes that all downloads from this upstream have received since the start.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The answer to a client whose blob this upstream did not give.
    pub(crate) fn blob_refused(&self, key: &RepoKey, digest: &Digest, error: RemoteError) -> Error {
        match error {
            RemoteError::NotFound => Error::BlobUnknown { name: key.to_string(), digest: *digest },
            other => self.fault(other),
        }
    }

    /// The answer to a client whose content this upstream gave, but not as the protocol has it.
    pub(crate) fn invalid(&self, why: &str) -> Error {
        Error::Upstream { host: self.host().clone(), fault: UpstreamFault::Invalid(why.to_owned()) }
    }

    fn manifest_refused(&self, key: &RepoKey, reference: &Reference, error: RemoteError) -> Error {
        match error {
            RemoteError::NotFound => {
                Error::ManifestUnknown { name: key.to_string(), reference: reference.to_string() }
            }
            other => self.fault(other),
        }
    }

    fn list_refused(&self, key: &RepoKey, error: RemoteError) -> Error {
        match error {
            RemoteError::NotFound => Error::RepositoryUnknown { name: key.to_string() },
            other => self.fault(other),
        }
    }

    fn fault(&self, error: RemoteError) -> Error {
        Error::Upstream { host: self.host().clone(), fault: self.fault_of(error) }
    }

    fn fault_of(&self, error: RemoteError) -> UpstreamFault {
        let host = self.host();
        tracing::info!(%host, error = error.whole(), hint = error.hint(), "upstream");
        match error {
            RemoteError::Denied { status: status @ (401 | 403), reason } if reason.is_empty() => {
                UpstreamFault::Denied(format!("status {status}"))
            }
            RemoteError::Denied { status: 401 | 403, reason } => UpstreamFault::Denied(reason),
            RemoteError::Denied { status, reason } => UpstreamFault::Rejected { status, reason },
            RemoteError::Limited { retry_after } => UpstreamFault::Limited { retry_after },
            RemoteError::Failing { status, .. } => UpstreamFault::Failing(status),
            RemoteError::Unreachable { fault, .. } => UpstreamFault::Unreachable(fault),
            RemoteError::Cut { .. } => UpstreamFault::Unreachable(NetworkFault::new(NetworkFaultKind::Cut)),
            RemoteError::TimedOut => UpstreamFault::TimedOut,
            other => UpstreamFault::Invalid(other.to_string()),
        }
    }
}

//! Whether the repositories of upstreams are public: what an upstream gives only to our account is not for everybody.
//!
//! - An upstream is asked without an account ([`Upstream::public_view`]), and only where accounts are or were used for the
//!   repository: everything else that it gives us is public.
//! - A verdict is remembered in memory and in the catalog. How long it counts is decided in `freshness`.
//! - An upstream that does not answer changes nothing: its last verdict counts for as long as content does, and while only what is held
//!   is on offer, for as long as that is so.

use std::sync::Arc;

use entrepot_bounded_cache::Change;
use entrepot_catalog::{Origin, RepoKey, VisibilityRecord};
use entrepot_oci::Reference;
use entrepot_policy::Withheld;
use entrepot_remote::PublicView;

use crate::{
    error::Error,
    freshness::{BACK_OFF, STALE_AFTER, VerdictAge},
    mirror::Mirror,
    purpose::Reach,
    single_flight::Waiter,
    upstream::Upstream,
    verdict::{AnonymousAccess, Probe, Question, VerdictState},
};

/// The most repositories that are remembered as not public in the catalog: anybody can ask for names that do not exist.
const MOST_PRIVATE: usize = 10_000;

impl Mirror {
    /// Whether a repository is public, as far as that is known without waiting. One look into memory at most; a verdict
    /// that is due is renewed in the background, by way of `probe`.
    pub fn known_verdict(&self, key: &RepoKey, probe: Probe<'_>) -> Option<AnonymousAccess> {
        let Some(upstream) = self.careful(key) else { return Some(AnonymousAccess::Public) };
        let known = self.0.memory.verdicts.get(key)?;
        if self.reach() == Reach::Held {
            return Some(known.verdict);
        }
        let now = self.0.clock.now();
        let may_ask = known.not_before.is_none_or(|until| now >= until);
        match upstream.freshness().verdict_age(&known, now) {
            VerdictAge::Fresh => {}
            VerdictAge::Due if may_ask => {
                self.put_off(key);
                drop(self.ask_whether_public(upstream, key, probe));
            }
            VerdictAge::Stale if may_ask => return None,
            VerdictAge::Due | VerdictAge::Stale => {}
            VerdictAge::Expired => return None,
        }
        Some(known.verdict)
    }

    /// Whether a repository is public. Where that is not known, the upstream is asked, once for all who want to know.
    ///
    /// # Errors
    /// [`Error::VisibilityUnknown`]: the upstream does not say, and has not said lately.
    pub async fn verdict(&self, key: &RepoKey, probe: Probe<'_>) -> Result<AnonymousAccess, Error> {
        if self.0.memory.verdicts.get(key).is_none()
            && let Some(recorded) = self.0.holdings.visibility(key).await
        {
            // A newer one may have come meanwhile.
            self.0.memory.verdicts.insert_new(key, recorded.into());
        }
        if let Some(known) = self.known_verdict(key, probe) {
            return Ok(known);
        }
        let Some(upstream) = self.careful(key) else { return Ok(AnonymousAccess::Public) };
        let counts = |known: &VerdictState| {
            upstream.freshness().verdict_age(known, self.0.clock.now()) != VerdictAge::Expired
        };
        let last = self.0.memory.verdicts.get(key).filter(counts).map(|known| known.verdict);
        let answer = self.ask_whether_public(upstream, key, probe);
        let answer = async { answer.result().await.unwrap_or(Err(Error::Store)) };
        let Some(last) = last else {
            if self.reach() != Reach::Held {
                return answer.await;
            }
            let answer = tokio::time::timeout(STALE_AFTER, answer).await;
            let unknown = || self.not_offered(Withheld::NotHeld(&key.to_string()));
            return answer.ok().and_then(Result::ok).ok_or_else(unknown);
        };
        match tokio::time::timeout(STALE_AFTER, answer).await {
            Ok(answer) => Ok(answer.unwrap_or(last)),
            Err(_) => {
                self.put_off(key);
                Ok(last)
            }
        }
    }

    /// The upstream of a repository that may be private there.
    fn careful(&self, key: &RepoKey) -> Option<&Arc<Upstream>> {
        let Origin::Upstream(host) = &key.origin else { return None };
        self.0.upstreams.get(host).ok().filter(|upstream| upstream.may_be_private(&key.repository))
    }

    fn ask_whether_public(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        probe: Probe<'_>,
    ) -> Waiter<Result<AnonymousAccess, Error>> {
        let question = Question { key: key.clone(), reference: probe.reference(), named_by: probe.blob() };
        let (mirror, upstream, asked) = (self.clone(), Arc::clone(upstream), question.clone());
        self.0.questions.join(question, || async move { mirror.ask_now(&upstream, asked).await })
    }

    async fn ask_now(&self, upstream: &Upstream, question: Question) -> Result<AnonymousAccess, Error> {
        let Question { key, mut reference, named_by } = question;
        if let Some(blob) = named_by {
            reference = self.0.holdings.named_by(&key, &blob).await.first().copied().map(Reference::Digest);
        }
        match upstream.public_view(&key, reference.as_ref()).await {
            Ok(PublicView::Given) => Ok(self.keep_verdict(key, AnonymousAccess::Public)),
            Ok(PublicView::Refused) => Ok(self.keep_verdict(key, AnonymousAccess::Private)),
            // Not for everybody, but others may ask for something that is there.
            Ok(PublicView::Missing) => Ok(AnonymousAccess::Private),
            Err(error) => {
                self.put_off(&key);
                Err(error)
            }
        }
    }

    fn keep_verdict(&self, key: RepoKey, verdict: AnonymousAccess) -> AnonymousAccess {
        let checked = self.0.clock.now();
        let before = self.0.memory.verdicts.get(&key);
        match verdict {
            AnonymousAccess::Private if before.is_none_or(|before| before.verdict != verdict) => {
                tracing::info!(
                    %key,
                    "an upstream gives this to nobody without an account: only those who were granted it get it here; \
                     hint: `access.grants`"
                )
            }
            AnonymousAccess::Public if before.is_some_and(|before| before.verdict != verdict) => {
                tracing::info!(%key, "an upstream gives this to everybody now");
            }
            AnonymousAccess::Private | AnonymousAccess::Public => {}
        }
        self.0.memory.verdicts.insert(key.clone(), VerdictState { verdict, checked, not_before: None });
        let mirror = self.clone();
        self.0.tasks.spawn(async move {
            let record = VisibilityRecord { is_public: verdict == AnonymousAccess::Public, checked };
            mirror.0.holdings.set_visibility(&key, record).await;
        });
        verdict
    }

    // Does not ask the upstream about a repository again for a while.
    fn put_off(&self, key: &RepoKey) {
        let not_before = Some(self.0.clock.now() + BACK_OFF);
        // A newer verdict must not be overwritten.
        self.0.memory.verdicts.change(key, |known| match known {
            Some(known) => Change::Set(VerdictState { not_before, ..*known }),
            None => Change::Keep,
        });
    }

    /// Remembers which repositories accounts are used for: what they brought may be private also when they are gone.
    pub(crate) async fn note_accounts(&self) {
        for upstream in self.0.upstreams.all() {
            let known = self.0.holdings.upstream_accounts(upstream.host(), &upstream.accounts()).await;
            upstream.set_former_accounts(known);
        }
    }

    /// Forgets verdicts that do not count any more.
    pub(crate) async fn trim_verdicts(&self) {
        // They count until upstreams are asked again.
        if self.reach() == Reach::Held {
            return;
        }
        let before = self.0.clock.now().checked_sub(self.0.stale_for).unwrap_or(std::time::UNIX_EPOCH);
        self.0.holdings.trim_visibility(before, MOST_PRIVATE).await;
    }
}

//! Names that an upstream does not have. Anybody can make them up, and an upstream counts our questions.
//!
//! A question about something that is not known here is paid for before it is asked, and the price is given back if the upstream
//! has it. What it does not have is remembered: when nothing is left to ask with, that is answered from memory.
//!
//! A flood of names must not keep others from what is there and not yet known here. So clients that ask for one unknown name
//! after the other, and the networks of such clients, leave half of what all together may ask to the others, who also wait for
//! it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use entrepot_mirror::{Error as MirrorError, Familiarity, Mirror, RepoKey};
use entrepot_oci::Method;
use entrepot_policy::{Mode, PullLimits};
use http::StatusCode;
use tokio::time::Instant;

use super::{
    holder::{BucketOwner, LimitedClient},
    in_force::LimitsInForce,
    ledger::{BucketCharge, BucketKey, CountedKind, counted},
    misses::WaitGuard,
    refusals::MetLimit,
};
use crate::{
    action::{Action, ContentRef},
    error::Refusal,
};

/// How long a question waits for its turn. Those who make up names are known by their next one: the shorter, the sooner.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is wanted of a repository.
#[derive(Clone, Copy)]
pub(crate) struct UpstreamInquiry<'a> {
    pub(crate) key: &'a RepoKey,
    pub(crate) action: &'a Action<'a>,
    pub(crate) method: Method,
}

/// A question that is paid for. Dropped without [`Inquiry::answered`], it stays so.
pub(crate) struct Inquiry {
    limits: LimitsInForce,
    owner: BucketOwner,
    paid: Vec<BucketCharge>,
    price: u64,
    name: u64,
}

/// Which bucket lacks what a question costs, and for how long; `None` is forever.
type LackingBucket = (BucketKey, Option<Duration>);

impl LimitsInForce {
    /// Lets a request ask an upstream, or says why not. `None` if it costs nothing.
    pub(crate) async fn inquire(
        &self,
        mirror: &Mirror,
        client: &LimitedClient<'_>,
        inquiry: UpstreamInquiry<'_>,
    ) -> Result<Option<Inquiry>, Refusal> {
        let limits = Arc::clone(&self.limits());
        let (Some(holder), Some(price)) = (client.holder(&limits), price(&inquiry)) else { return Ok(None) };
        // In the other modes no upstream is asked.
        let is_asked = matches!(mirror.offer().mode, Mode::Normal | Mode::SmallOnly);
        if !is_asked || mirror.familiarity(inquiry.key, inquiry.action.probe()).await == Familiarity::Known {
            return Ok(None);
        }
        let name = self.0.ledger.number((inquiry.key, name_of(&inquiry)));
        around(holder).for_each(|whose| self.0.ledger.holder(whose, |held| held.unknown.add(name)));
        match self.pay(price, &limits, holder).await {
            Ok(paid) => {
                self.0.misses.asking.fetch_add(1, Ordering::Relaxed);
                Ok(Some(Inquiry { limits: self.clone(), owner: holder, paid, price, name }))
            }
            Err(_) if self.0.misses.absent.contains_key(&name) => Err(unknown(&inquiry)),
            Err(lacking) => Err(self.too_many_misses(client, &limits, (holder, lacking))),
        }
    }

    // Others who have paid may be given it back in a moment, and more comes by and by; for the latter, whoever asks for many names
    // does not wait. Whoever has nothing left of their own does not wait at all.
    async fn pay(
        &self,
        price: u64,
        limits: &PullLimits,
        owner: BucketOwner,
    ) -> Result<Vec<BucketCharge>, LackingBucket> {
        let (misses, until) = (&self.0.misses, Instant::now() + limits.per_client.queue().min(PATIENCE));
        let allowances = (limits.per_client.misses, limits.total.misses);
        loop {
            let answered = misses.answered.notified();
            let asks_for_many =
                around(owner).any(|whose| self.0.ledger.holder(whose, |held| held.unknown.are_many()));
            let mut buckets = counted(allowances, owner, CountedKind::Misses);
            for of_all in buckets.iter_mut().filter(|of| asks_for_many && is_of_all(of.key)) {
                of_all.bucket = of_all.bucket.upper_half();
            }
            let lacking = match self.0.ledger.take(price, &buckets, self.0.ledger.now()) {
                Err(lacking) => lacking,
                Ok(()) => return Ok(buckets),
            };
            let comes = !asks_for_many || misses.asking.load(Ordering::Relaxed) > 0;
            if !is_of_all(lacking.0) || !comes || Instant::now() >= until {
                return Err(lacking);
            }
            let Some(_waiting) = WaitGuard::begin(&misses.waiting) else { return Err(lacking) };
            let wait = lacking.1.map_or(until, |wait| until.min(Instant::now() + wait));
            tokio::select! {
                () = answered => {}
                () = tokio::time::sleep_until(wait) => {}
            }
        }
    }

    fn too_many_misses(
        &self,
        client: &LimitedClient<'_>,
        limits: &PullLimits,
        (holder, (place, wait)): (BucketOwner, LackingBucket),
    ) -> Refusal {
        let (limit, holder, of) = match place {
            BucketKey::Total(_) => ("total_misses", BucketOwner::Everybody, limits.total.misses),
            BucketKey::Of(whose @ BucketOwner::Network(_), _) => ("network_misses", whose, None),
            _ => ("client_misses", holder, limits.per_client.misses),
        };
        let subject = holder.subject();
        let fact = match (of, holder) {
            (Some(of), BucketOwner::Everybody) => {
                format!("{subject} ask for more names that nobody has than {of}")
            }
            (Some(of), _) => format!("{subject} asks for more names that nobody has than {of}"),
            (None, _) => format!("{subject} asks for too many names that nobody has"),
        };
        self.0.refusals.refuse(MetLimit { limit, owner: holder, fact, wait, asker: client })
    }
}

impl Inquiry {
    /// The upstream has answered: what it has costs nothing, and what it does not have is remembered. Only that somebody has
    /// asked in vain costs something, and not that a server failed.
    pub(crate) fn answered(self, status: StatusCode) {
        let is_absent =
            matches!(status, StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let (ledger, misses) = (&self.limits.0.ledger, &self.limits.0.misses);
        if status == StatusCode::NOT_FOUND {
            misses.absent.insert(self.name, ());
        }
        if !is_absent {
            ledger.give_back(self.price, &self.paid);
        }
        if status.is_success() {
            around(self.owner).for_each(|whose| ledger.holder(whose, |held| held.unknown.found()));
        }
    }
}

impl Drop for Inquiry {
    fn drop(&mut self) {
        let misses = &self.limits.0.misses;
        misses.asking.fetch_sub(1, Ordering::Relaxed);
        misses.answered.notify_one();
    }
}

fn is_of_all(key: BucketKey) -> bool {
    matches!(key, BucketKey::Total(_))
}

// A client, and the network around it.
fn around(owner: BucketOwner) -> impl Iterator<Item = BucketOwner> {
    [Some(owner), owner.network().map(|(network, _)| network)].into_iter().flatten()
}

// How many requests an upstream gets for something that it does not have. `None` for what asks nothing.
fn price(inquiry: &UpstreamInquiry<'_>) -> Option<u64> {
    match inquiry.action {
        // Some registries deny to `HEAD` what they give to `GET`, and some give manifests out as blobs: both is asked.
        Action::Pull(_) | Action::ListReferrers(_) => Some(2),
        Action::ListTags => Some(1),
        Action::Ping | Action::Push | Action::Delete(_) | Action::Mount { .. } | Action::ListRepositories => {
            None
        }
    }
}

fn name_of(inquiry: &UpstreamInquiry<'_>) -> Option<(bool, String)> {
    match inquiry.action {
        Action::Pull(ContentRef::Manifest(reference)) => Some((true, reference.to_string())),
        Action::Pull(ContentRef::Blob(digest)) => Some((false, digest.to_string())),
        _ => None,
    }
}

// The answer that the upstream gave before.
fn unknown(inquiry: &UpstreamInquiry<'_>) -> Refusal {
    let name = inquiry.key.to_string();
    match inquiry.action {
        Action::Pull(ContentRef::Manifest(reference)) => {
            MirrorError::ManifestUnknown { name, reference: reference.to_string() }.into()
        }
        Action::Pull(ContentRef::Blob(digest)) => MirrorError::BlobUnknown { name, digest: **digest }.into(),
        _ => MirrorError::RepositoryUnknown { name }.into(),
    }
}

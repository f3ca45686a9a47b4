//! Has a certificate at all times: orders what is due, and again after a failure.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    time::{Duration, SystemTime},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    answers::Challenges,
    certificate::Certificate,
    name::Name,
    order::{OrderContext, Proof},
    problem::OrderFailure,
    schedule::{LeftOut, NextOrder, due, pause},
    settings::AcmeSettings,
    store::Store,
};

/// The longest sleep: clocks are set, and computers wake up.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// After how many failures in a row it is news: one or two are often the internet's.
const NEWS_AFTER: u32 = 3;
/// How long one order may take in all.
const LONGEST_ORDER: Duration = Duration::from_secs(600);

/// What has come of the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateNews {
    /// There is another certificate.
    Replaced,
    /// Several tries in a row brought none. More follow, without news.
    Failing {
        /// Why, at the last try.
        problem: String,
        /// How long the certificate in use is good; `None` if there is none of an authority.
        good_for: Option<Duration>,
    },
}

/// Orders certificates for as long as it runs. What it gets, [`Store::certificate_file`] has.
pub struct Keeper {
    settings: AcmeSettings,
    store: Store,
    challenges: Challenges,
    names: watch::Receiver<Vec<Name>>,
}

/// What came of the tries since the last certificate.
#[derive(Default)]
struct Tries {
    failures: u32,
    left_out: LeftOut,
}

impl Keeper {
    /// A keeper for `names`, which may change while it runs.
    pub fn new(
        settings: AcmeSettings,
        store: Store,
        challenges: Challenges,
        names: watch::Receiver<Vec<Name>>,
    ) -> Self {
        Self { settings, store, challenges, names }
    }

    /// Works until `stop`, and tells what comes of it.
    pub async fn work(mut self, stop: CancellationToken, told: impl Fn(CertificateNews)) {
        let (jitter, mut tries) = (jitter(), Tries::default());
        loop {
            let wait = tokio::select! {
                wait = self.look(jitter, &mut tries, &told) => wait,
                () = stop.cancelled() => return,
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                Ok(()) = self.names.changed() => tries = Tries::default(),
                () = stop.cancelled() => return,
            }
        }
    }

    /// Orders what is due. Returns how long nothing is to be done.
    async fn look(&mut self, jitter: f64, tries: &mut Tries, told: &impl Fn(CertificateNews)) -> Duration {
        let (wanted, now) = (self.names.borrow_and_update().clone(), SystemTime::now());
        let names = tries.left_out.of(&wanted, now);
        let why = match self.due(&names, jitter) {
            NextOrder::Now(why) => why,
            NextOrder::At(at) => {
                let next = tries.left_out.ends(now).map_or(at, |again| at.min(again));
                return next.duration_since(now).unwrap_or_default().min(LONGEST_SLEEP);
            }
        };
        tracing::info!(?why, names = %list(&names), "a certificate is ordered");
        let fault = match self.order(&names, tries.failures).await {
            Ok(()) => {
                told(CertificateNews::Replaced);
                match self.due(&names, jitter) {
                    NextOrder::At(_) => {
                        tries.failures = 0;
                        return Duration::ZERO;
                    }
                    // Asking for the same again at once would go on for ever.
                    NextOrder::Now(why) => OrderFailure::new(
                        format!("the new certificate would have to be replaced already ({why:?})"),
                        "look at the clock of this machine",
                    ),
                }
            }
            Err(fault) => fault,
        };
        if tries.left_out.add(&fault.names, &names, self.held().as_ref(), now) {
            let without = list(&fault.names);
            tracing::warn!(hint = fault.hint, %without, "names are left out for a day: {}", fault.what);
            return Duration::ZERO;
        }
        tries.failures += 1;
        self.failed(&fault, tries.failures, told)
    }

    fn held(&self) -> Option<Certificate> {
        self.store.certificate().unwrap_or_else(|error| {
            tracing::warn!(%error, "the certificate in use cannot be read");
            None
        })
    }

    fn due(&self, names: &[Name], jitter: f64) -> NextOrder {
        due(self.held().as_ref(), names, SystemTime::now(), jitter)
    }

    async fn order(&self, names: &[Name], failures: u32) -> Result<(), OrderFailure> {
        let Self { settings, store, challenges, .. } = self;
        let proof = Proof::of_try(failures, settings.http.is_some());
        let desk = OrderContext { settings, store, challenges };
        let pem = tokio::time::timeout(LONGEST_ORDER, desk.order(names, proof)).await.map_err(|_| {
            OrderFailure::new(
                "the ACME server does not answer",
                "see whether this machine can reach `tls.acme.directory`",
            )
        })??;
        let kept = store.put_certificate(&pem);
        kept.map_err(|error| {
            OrderFailure::new(error.to_string(), "look at the data directory: it must have room")
        })
    }

    // Says what is wrong, and what clients see meanwhile. Returns the pause.
    fn failed(&self, fault: &OrderFailure, failures: u32, told: impl Fn(CertificateNews)) -> Duration {
        let now = SystemTime::now();
        let held = self.held().filter(|held| !held.is_self_signed);
        let good_for = held.map(|held| held.not_after.duration_since(now).unwrap_or_default());
        if failures == NEWS_AFTER {
            told(CertificateNews::Failing { problem: fault.what.clone(), good_for });
        }
        let pause = pause(failures, fault.wait(now), good_for);
        let (what, hint, again_in) = (&fault.what, fault.hint, pause.as_secs());
        match good_for.map(|left| left.as_secs()) {
            Some(good_for) => {
                tracing::error!(hint, again_in, good_for, "no new certificate: {what}; the one in use stays");
            }
            None => {
                let until = "until there is one, clients see a certificate that nobody trusts";
                tracing::error!(hint, again_in, "no certificate: {what}; {until}");
            }
        }
        pause
    }
}

fn list(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

// A number between 0 and 1 that other servers do not have. Every hasher of a process has keys of its own.
#[expect(clippy::cast_precision_loss, reason = "a part of one needs no 64 bits")]
fn jitter() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

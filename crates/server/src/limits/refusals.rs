//! What somebody is told whom a limit refuses: the limit, when to come again, and an id by which others can look it up.

use std::{
    hash::BuildHasher as _,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use entrepot_oci::ErrorCode;
use entrepot_policy::RecentTable;
use foldhash::quality::RandomState;
use http::{StatusCode, header};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::{
    holder::{BucketOwner, LimitedClient},
    ledger::lock,
};
use crate::error::Refusal;

/// When to ask again for whom there is never anything.
pub(super) const NEVER: Duration = Duration::from_secs(60 * 60);
/// How many refusals are remembered: of one client by one limit there is one.
const MOST: usize = 10_000;
/// The letters of an id: none that is taken for another one.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// How long an id is.
const LENGTH: usize = 8;

/// Counts refusals, and remembers those of late.
pub(super) struct Refusals {
    refused: AtomicU64,
    counters: Family<LimitLabels, Counter>,
    hasher: RandomState,
    told: Mutex<RecentTable<u64, Option<RefusalRecord>>>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            refused: AtomicU64::new(0),
            counters: Family::default(),
            hasher: RandomState::default(),
            told: Mutex::new(RecentTable::new(MOST)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

/// A refusal, or several of the same client by the same limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusalRecord {
    /// The id, as it was told.
    pub(crate) id: String,
    /// Who was refused: an account, an address or a network.
    pub(crate) client: String,
    /// The limit, as metrics have it.
    pub(crate) limit: &'static str,
    /// The fact.
    pub(crate) fact: String,
    /// How often.
    pub(crate) count: u64,
    /// When it was first and last.
    pub(crate) first: SystemTime,
    pub(crate) last: SystemTime,
    /// When there is more again.
    pub(crate) until: SystemTime,
}

/// A limit that was met.
pub(super) struct MetLimit<'a> {
    pub(super) limit: &'static str,
    /// Whose the limit is.
    pub(super) owner: BucketOwner,
    pub(super) fact: String,
    /// `None`: there is never anything.
    pub(super) wait: Option<Duration>,
    pub(super) asker: &'a LimitedClient<'a>,
}

impl Refusals {
    /// Registers the counters on `registry`.
    pub(super) fn register(&self, registry: &mut Registry) {
        let refusals = "Requests that a limit refused";
        registry.register("entrepot_limits_refusals", refusals, self.counters.clone());
    }

    /// The refusal of a request.
    pub(super) fn refuse(&self, met: MetLimit<'_>) -> Refusal {
        self.count(met.limit);
        let nth = self.refused.fetch_add(1, Ordering::Relaxed);
        let seconds = scattered(met.wait.unwrap_or(NEVER), nth);
        let alone = if met.owner.is_shared() { "; whoever logs in is counted alone" } else { "" };
        let id = self.note(&met, Duration::from_secs(seconds), SystemTime::now());
        let message = format!("{}; hint: try again in {seconds} s{alone} (refusal {id})", met.fact);
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
            .with(header::RETRY_AFTER, seconds)
    }

    /// Counts a refusal for the metrics.
    pub(super) fn count(&self, limit: &'static str) {
        self.counters.get_or_create(&LimitLabels { limit }).inc();
    }

    /// The refusal with this id, if it is remembered.
    pub(super) fn find(&self, id: &str) -> Option<RefusalRecord> {
        lock(&self.told).get(&number(id)?).and_then(Clone::clone)
    }

    // One entry for a client and a limit, so that nobody fills the table alone.
    fn note(&self, met: &MetLimit<'_>, wait: Duration, now: SystemTime) -> String {
        let client = met.asker.label(met.owner);
        let key = self.hasher.hash_one((met.owner, &client, met.limit)) >> (64 - 5 * LENGTH);
        let mut told = lock(&self.told);
        let entry = told.entry(key).get_or_insert_with(|| RefusalRecord {
            id: text(key),
            client,
            limit: met.limit,
            fact: String::new(),
            count: 0,
            first: now,
            last: now,
            until: now,
        });
        entry.fact.clone_from(&met.fact);
        (entry.count, entry.last, entry.until) = (entry.count + 1, now, now + wait);
        entry.id.clone()
    }
}

/// The last bits of a number as an id, five a letter.
pub(super) fn text(number: u64) -> String {
    let letter = |nth: usize| char::from(LETTERS[(number >> (5 * nth)) as usize % LETTERS.len()]);
    (0..LENGTH).rev().map(letter).collect()
}

fn number(text: &str) -> Option<u64> {
    if text.len() != LENGTH {
        return None;
    }
    let digit = |byte: u8| LETTERS.iter().position(|letter| *letter == byte.to_ascii_lowercase());
    text.bytes().try_fold(0, |number, byte| Some(number << 5 | digit(byte)? as u64))
}

/// Whole seconds: never too early, and not all at the same moment. A thousand nodes that are refused together come back one
/// after the other.
fn scattered(wait: Duration, nth: u64) -> u64 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let seconds = seconds.max(1);
    seconds + nth % (1 + seconds / 4)
}

#[cfg(test)]
mod tests {
    use entrepot_access::Principal;

    use super::{super::holder::address, *};

    fn met<'a>(client: &'a LimitedClient<'a>, at: &str) -> MetLimit<'a> {
        let (holder, wait) = (address(at), Some(Duration::from_secs(8)));
        MetLimit {
            limit: "client_manifests",
            owner: holder,
            fact: "too many".to_owned(),
            wait,
            asker: client,
        }
    }

    // operate.md rows 27, 28
    #[test]
    fn the_wait_is_whole_seconds_never_too_short_and_scattered() {
        let waits: Vec<u64> = (0..100).map(|nth| scattered(Duration::from_millis(20_001), nth)).collect();
        assert_eq!((waits.iter().min(), waits.iter().max()), (Some(&21), Some(&26)));
        assert_eq!(scattered(Duration::ZERO, 3), 1);
    }

    // operate.md row 20
    #[test]
    fn a_refusal_has_an_id_that_is_found_again() {
        let (refusals, asker) =
            (Refusals::default(), LimitedClient { principal: &Principal::ANONYMOUS, address: None });
        for _ in 0..3 {
            let refusal = refusals.refuse(met(&asker, "192.0.2.1"));
            assert!(refusal.message.contains("too many; hint: try again in "), "{}", refusal.message);
        }
        let message = refusals.refuse(met(&asker, "192.0.2.1")).message;
        let (_, id) = message.trim_end_matches(')').rsplit_once("(refusal ").unwrap();
        let told = refusals.find(&id.to_uppercase()).unwrap();
        assert_eq!((told.client.as_str(), told.limit, told.count), ("192.0.2.1", "client_manifests", 4));
        assert!(told.until >= told.last + Duration::from_secs(8));
        let other = refusals.refuse(met(&asker, "192.0.2.2")).message;
        assert!(!other.contains(id));
        for unknown in ["", "zzzz", "not-an-id", "ilouilou"] {
            assert!(refusals.find(unknown).is_none(), "{unknown}");
        }
        for bits in [0, 1, 0xff_ffff_ffff, 0x12_3456_789a] {
            assert_eq!(number(&text(bits)), Some(bits));
        }
    }
}

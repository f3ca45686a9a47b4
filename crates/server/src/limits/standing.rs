//! What somebody has left of each limit, for themselves and for those who help them.

use std::{sync::Arc, time::SystemTime};

use entrepot_policy::{Bucket, PullLimits, rate_bucket};

use super::{
    ban::Ban,
    holder::{BucketOwner, LimitedClient},
    in_force::LimitsInForce,
    ledger::{BucketCharge, BucketKey, BucketKind},
    refusals::RefusalRecord,
};
/// How somebody stands.
pub(crate) struct ClientStanding {
    /// As what they are counted.
    pub(crate) client: String,
    /// False for who is not limited.
    pub(crate) is_limited: bool,
    pub(crate) left: Vec<LimitBalance>,
    pub(crate) ban: Option<Arc<Ban>>,
}

/// What is left of a limit.
pub(crate) struct LimitBalance {
    /// Its key in the configuration.
    pub(crate) key: &'static str,
    /// As it is written.
    pub(crate) allowed: String,
    pub(crate) unit: Unit,
    /// `None` for what is not used up.
    pub(crate) left: Option<u64>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Requests,
    Bytes,
    BytesPerSecond,
    Blobs,
}

impl LimitsInForce {
    /// All limits, by their keys in the configuration.
    pub(crate) fn entries(&self) -> Vec<(&'static str, String)> {
        self.limits().entries()
    }

    /// How many clients and networks are known.
    pub(crate) fn clients(&self) -> usize {
        self.0.ledger.len()
    }

    /// The refusal with this id, if it is remembered.
    pub(crate) fn refusal(&self, id: &str) -> Option<RefusalRecord> {
        self.0.refusals.find(id)
    }

    /// How somebody stands.
    pub(crate) fn standing(&self, asker: &LimitedClient<'_>) -> ClientStanding {
        let (limits, ban) = (self.limits(), self.ban_of(asker, SystemTime::now()));
        match asker.holder(&limits) {
            Some(holder) => {
                let left = self.left(&limits, holder);
                ClientStanding { client: asker.label(holder), is_limited: !limits.are_none(), left, ban }
            }
            None => {
                let client = asker.principal.label();
                ClientStanding { client, is_limited: false, left: Vec::new(), ban }
            }
        }
    }

    fn left(&self, limits: &PullLimits, owner: BucketOwner) -> Vec<LimitBalance> {
        let (own, now) = (&limits.per_client, self.0.ledger.now());
        let of = |kind: BucketKind, bucket: Bucket| {
            self.0.ledger.left(BucketCharge { key: BucketKey::Of(owner, kind), bucket }, now)
        };
        let counted =
            |key, allowed: String, unit, left| LimitBalance { key, allowed, unit, left: Some(left) };
        let requests = [
            ("per_client.manifests", own.manifests, BucketKind::Manifests),
            ("per_client.misses", own.misses, BucketKind::Misses),
        ];
        let requests = requests.into_iter().filter_map(|(key, most, kind)| {
            most.map(|most| counted(key, most.to_string(), Unit::Requests, of(kind, most.bucket())))
        });
        let bytes =
            [("per_client.cold", own.cold, BucketKind::Cold), ("per_client.hot", own.hot, BucketKind::Hot)];
        let bytes = bytes.into_iter().filter_map(|(key, most, kind)| {
            most.map(|most| counted(key, most.to_string(), Unit::Bytes, of(kind, most.bucket())))
        });
        let rate = own.rate.map(|rate| {
            let left = of(BucketKind::Rate, rate_bucket(rate));
            counted("per_client.rate", rate.to_string(), Unit::BytesPerSecond, left)
        });
        let blobs = own.blobs.map(|most| {
            let free = self.0.ledger.holder(owner, |held| {
                held.blobs.as_ref().map_or(most as usize, |(_, blobs)| blobs.available_permits())
            });
            counted("per_client.blobs", most.to_string(), Unit::Blobs, free as u64)
        });
        let repeats = own.repeats.map(|most| LimitBalance {
            key: "per_client.repeats",
            allowed: most.to_string(),
            unit: Unit::Requests,
            left: None,
        });
        requests.chain(bytes).chain(rate).chain(blobs).chain(repeats).collect()
    }
}

//! Requests: for manifests, and for blobs at a time.

use std::{sync::Arc, time::Duration};

use entrepot_oci::Method;
use entrepot_policy::{Allowance, PullLimits};
use tokio::sync::Semaphore;

use super::{
    holder::{BucketOwner, LimitedClient},
    in_force::LimitsInForce,
    ledger::{BucketKey, CountedKind, counted},
    refusals::MetLimit,
};
use crate::{
    action::{Action, ContentRef},
    error::Refusal,
    permit::Permit,
};

/// When to ask again for whoever has too many blobs open.
const BLOBS_WAIT: Duration = Duration::from_secs(5);

impl LimitsInForce {
    /// Lets a request pass, with what it holds until it has been answered, or says when to ask again.
    pub(crate) async fn admit(
        &self,
        client: &LimitedClient<'_>,
        wants: (&Action<'_>, Method),
    ) -> Result<Permit, Refusal> {
        let limits = self.limits();
        let Some(holder) = client.holder(&limits) else { return Ok(Permit::free()) };
        match wants {
            (Action::Pull(ContentRef::Manifest(_)), _) => {
                self.manifest(client, &limits, holder).map(|()| Permit::free())
            }
            (Action::Pull(ContentRef::Blob(_)), Method::Get) => {
                let (most, queue) = (limits.per_client.blobs, limits.per_client.queue());
                drop(limits);
                match most {
                    Some(most) => self.blob(client, (holder, most), queue).await,
                    None => Ok(Permit::free()),
                }
            }
            _ => Ok(Permit::free()),
        }
    }

    fn manifest(
        &self,
        client: &LimitedClient<'_>,
        limits: &PullLimits,
        owner: BucketOwner,
    ) -> Result<(), Refusal> {
        let buckets =
            counted((limits.per_client.manifests, limits.total.manifests), owner, CountedKind::Manifests);
        let taken = self.0.ledger.take(1, &buckets, self.0.ledger.now());
        taken.map_err(|(place, wait)| self.too_many(client, limits, (place, owner), wait))
    }

    fn too_many(
        &self,
        client: &LimitedClient<'_>,
        limits: &PullLimits,
        (place, holder): (BucketKey, BucketOwner),
        wait: Option<Duration>,
    ) -> Refusal {
        let said = |of: Option<Allowance>| of.map(|of| of.to_string()).unwrap_or_default();
        let (limit, holder, fact) = match place {
            BucketKey::Total(_) => {
                let of = said(limits.total.manifests);
                let fact = format!("all clients together ask for more manifests than {of}");
                ("total_manifests", BucketOwner::Everybody, fact)
            }
            BucketKey::Of(network @ BucketOwner::Network(_), _) => {
                let fact = format!("{} asks for too many manifests", network.subject());
                ("network_manifests", network, fact)
            }
            _ => {
                let of = said(limits.per_client.manifests);
                let fact = format!("{} asks for more manifests than {of}", holder.subject());
                self.met(client, &fact);
                ("client_manifests", holder, fact)
            }
        };
        self.0.refusals.refuse(MetLimit { limit, owner: holder, fact, wait, asker: client })
    }

    async fn blob(
        &self,
        client: &LimitedClient<'_>,
        (holder, most): (BucketOwner, u32),
        queue: Duration,
    ) -> Result<Permit, Refusal> {
        let blobs = self.0.ledger.holder(holder, |held| {
            let known = held.blobs.as_ref().filter(|(of, _)| *of == most);
            let blobs =
                known.map_or_else(|| Arc::new(Semaphore::new(most as usize)), |(_, known)| Arc::clone(known));
            held.blobs = Some((most, Arc::clone(&blobs)));
            blobs
        });
        if let Ok(one) = Arc::clone(&blobs).try_acquire_owned() {
            return Ok(Permit::holding(one));
        }
        let waited = match most {
            0 => None,
            _ => tokio::time::timeout(queue, blobs.acquire_owned()).await.ok(),
        };
        if let Some(Ok(one)) = waited {
            return Ok(Permit::holding(one));
        }
        let fact = format!("{} reads {most} blobs at a time", holder.subject());
        let wait = (most > 0).then_some(BLOBS_WAIT);
        Err(self.0.refusals.refuse(MetLimit {
            limit: "client_blobs",
            owner: holder,
            fact,
            wait,
            asker: client,
        }))
    }
}

#[cfg(test)]
mod tests {
    use entrepot_access::Principal;
    use entrepot_policy::{ClientLimits, LimitsSection, TotalLimits};
    use http::{StatusCode, header};

    use super::*;

    fn limits(manifests: &str) -> LimitsInForce {
        let per_client = ClientLimits { manifests: manifests.parse().ok(), ..ClientLimits::default() };
        LimitsInForce::new(PullLimits::of(&LimitsSection { per_client, ..LimitsSection::default() }))
    }

    fn ask(limits: &LimitsInForce, from: &str) -> Result<(), Refusal> {
        let asker = LimitedClient { principal: &Principal::ANONYMOUS, address: from.parse().ok() };
        let in_force = limits.limits();
        let holder = asker.holder(&in_force).unwrap();
        limits.manifest(&asker, &in_force, holder)
    }

    // operate.md rows 14, 15, 23
    #[test]
    fn whoever_changes_addresses_meets_the_bucket_of_the_network() {
        let of_v6 = limits("5/h");
        let rotating = (0..1000).filter(|nth| ask(&of_v6, &format!("2001:db8:1:2::{nth:x}")).is_ok());
        assert_eq!(rotating.count(), 5, "a /64 is one client");
        let of_48 = limits("5/h");
        let nets = (0..1000).filter(|nth| ask(&of_48, &format!("2001:db8:7:{nth:x}::1")).is_ok());
        assert_eq!(nets.count(), 5 * 8, "and a /48 has eight times as much");
        let of_v4 = limits("5/h");
        let all = (0..=255).flat_map(|nth| [nth; 10]);
        let given = all.filter(|nth| ask(&of_v4, &format!("10.0.0.{nth}")).is_ok()).count();
        assert_eq!(given, 5 * 16);
        let refused = ask(&of_v4, "10.0.0.99").unwrap_err();
        assert!(refused.message.starts_with("the network 10.0.0.0/24 asks for too many manifests"));
        assert!(ask(&of_v4, "10.0.1.99").is_ok());
    }

    // operate.md row 11
    #[test]
    fn none_is_none_from_the_first_request_on() {
        let none = ask(&limits("0/m"), "10.0.0.1").unwrap_err();
        let wait = none.headers.iter().find(|(name, _)| *name == header::RETRY_AFTER).unwrap();
        assert_eq!(none.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(wait.1.to_str().unwrap().parse::<u64>().unwrap() >= 3600);
    }

    #[test]
    fn other_limits_count_at_once_and_begin_with_full_buckets() {
        let changing = limits("2/h");
        assert!(ask(&changing, "10.0.0.1").is_ok() && ask(&changing, "10.0.0.1").is_ok());
        assert!(ask(&changing, "10.0.0.1").is_err());
        let more = ClientLimits { manifests: "4/h".parse().ok(), ..ClientLimits::default() };
        let more = LimitsSection { per_client: more, ..LimitsSection::default() };
        changing.take(PullLimits::of(&more));
        let given = (0..9).filter(|_| ask(&changing, "10.0.0.1").is_ok()).count();
        assert_eq!(given, 4);
        changing.take(PullLimits::default());
        assert!(changing.are_none() && ask(&changing, "10.0.0.1").is_ok());
        let all = TotalLimits { manifests: "0/h".parse().ok(), ..TotalLimits::default() };
        changing.take(PullLimits::of(&LimitsSection { total: all, ..LimitsSection::default() }));
        assert!(ask(&changing, "10.0.0.1").is_err());
    }
}

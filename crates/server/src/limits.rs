//! How much clients may have: requests for manifests, and blobs at a time.
//!
//! A client is an account, or else an address; an IPv6 /64 is one. The networks around an address have a bucket of their own,
//! which is several times as large: a provider hands out many addresses at once. What is kept of clients is bounded.

use std::{
    hash::{BuildHasher as _, Hash},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use entrepot_access::{Identity, Principal};
use entrepot_oci::{ErrorCode, Method};
use entrepot_policy::{Allowance, Limits, RecentTable, Taken};
use foldhash::quality::RandomState;
use http::{StatusCode, header};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tokio::sync::Semaphore;

use crate::{
    action::{Action, Content},
    client::Client,
    error::Refusal,
    permit::Permit,
};

/// The most clients and networks that are known at a time.
const MOST: usize = 100_000;
/// The table is in parts, so that threads do not wait for each other.
const PARTS: usize = 16;
/// How many times the bucket of a /24 and of a /48 is as large as that of an address.
const IPV4_NETWORK: u32 = 16;
const IPV6_NETWORK: u32 = 8;
/// When to ask again for whom there is never anything, and for whoever has too many blobs open.
const NEVER: Duration = Duration::from_secs(60 * 60);
const BLOBS_WAIT: Duration = Duration::from_secs(5);

/// The limits in force. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct LimitsInForce(Arc<Shared>);

struct Shared {
    limits: Limits,
    start: Instant,
    parts: Vec<Mutex<RecentTable<Whose, Held>>>,
    hasher: RandomState,
    total: Mutex<Duration>,
    refused: AtomicU64,
    refusals: Family<Labels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    limit: &'static str,
}

/// Whose a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Account(i64),
    Address(IpAddr),
    /// A /24 or /48, by its first address.
    Network(IpAddr),
}

/// What somebody has.
#[derive(Default)]
struct Held {
    /// When the bucket of manifests is full again, since the start.
    manifests: Duration,
    blobs: Option<Arc<Semaphore>>,
}

impl Default for LimitsInForce {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl LimitsInForce {
    /// Puts limits into force.
    pub fn new(limits: Limits) -> Self {
        let part = || Mutex::new(RecentTable::new(MOST / PARTS));
        Self(Arc::new(Shared {
            limits,
            start: Instant::now(),
            parts: (0..PARTS).map(|_| part()).collect(),
            hasher: RandomState::default(),
            total: Mutex::default(),
            refused: AtomicU64::new(0),
            refusals: Family::default(),
        }))
    }

    /// Registers the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let refusals = "Requests that a limit refused";
        registry.register("entrepot_limits_refusals", refusals, self.0.refusals.clone());
    }

    /// True if nothing is limited.
    pub(crate) fn are_none(&self) -> bool {
        self.0.limits.are_none()
    }

    /// True for whoever is not limited: the server's owner, programs on its machine, and accounts that are exempt.
    pub(crate) fn exempts(&self, principal: &Principal) -> bool {
        match &principal.identity {
            Identity::Owner | Identity::Local => true,
            Identity::Account(account) => {
                self.0.limits.exempt.iter().any(|name| *name == account.name.as_str())
            }
            Identity::SyncToken | Identity::Workload(_) | Identity::Anonymous => false,
        }
    }

    /// Lets a request pass, with what it holds until it has been answered, or says when to ask again.
    pub(crate) async fn admit(
        &self,
        principal: &Principal,
        client: Client,
        wants: (&Action<'_>, Method),
    ) -> Result<Permit, Refusal> {
        let Some(whose) = self.whose(principal, client) else { return Ok(Permit::free()) };
        match wants {
            (Action::Pull(Content::Manifest(_)), _) => self.manifest(whose).map(|()| Permit::free()),
            (Action::Pull(Content::Blob(_)), Method::Get) => self.blob(whose).await,
            _ => Ok(Permit::free()),
        }
    }

    // `None` for who is not limited: the server's owner, programs on its machine, and accounts that are exempt.
    fn whose(&self, principal: &Principal, client: Client) -> Option<Whose> {
        match &principal.identity {
            Identity::Owner | Identity::Local => None,
            Identity::Account(account) => {
                let is_exempt = self.0.limits.exempt.iter().any(|name| *name == account.name.as_str());
                (!is_exempt).then_some(Whose::Account(account.id))
            }
            Identity::SyncToken | Identity::Workload(_) | Identity::Anonymous => {
                client.address().map(Whose::Address)
            }
        }
    }

    fn manifest(&self, whose: Whose) -> Result<(), Refusal> {
        let now = self.0.start.elapsed();
        let limits = &self.0.limits;
        if let Some(own) = limits.per_client.manifests {
            self.check(whose, (own, 1), now).map_err(|wait| self.too_many_manifests(whose, own, wait))?;
            if let Some((network, times)) = network_of(whose) {
                self.check(network, (own, times), now)
                    .map_err(|wait| self.too_many_manifests(network, own, wait))?;
            }
        }
        if let Some(total) = limits.total.manifests {
            let mut full = lock(&self.0.total);
            match total.take(*full, now) {
                Taken::Yes(then) => *full = then,
                Taken::After(wait) => return Err(self.all_too_many(total, wait)),
                Taken::Never => return Err(self.all_too_many(total, NEVER)),
            }
        }
        // Only now, so that whoever is refused pays for nothing.
        if let Some(own) = limits.per_client.manifests {
            self.take(whose, (own, 1), now);
            if let Some((network, times)) = network_of(whose) {
                self.take(network, (own, times), now);
            }
        }
        Ok(())
    }

    fn check(&self, whose: Whose, (of, times): (Allowance, u32), now: Duration) -> Result<(), Duration> {
        match of.take_times(times, lock(self.part(whose)).entry(whose).manifests, now) {
            Taken::Yes(_) => Ok(()),
            Taken::After(wait) => Err(wait),
            Taken::Never => Err(NEVER),
        }
    }

    fn take(&self, whose: Whose, (of, times): (Allowance, u32), now: Duration) {
        let mut part = lock(self.part(whose));
        let held = part.entry(whose);
        if let Taken::Yes(then) = of.take_times(times, held.manifests, now) {
            held.manifests = then;
        }
    }

    async fn blob(&self, whose: Whose) -> Result<Permit, Refusal> {
        let Some(most) = self.0.limits.per_client.blobs else { return Ok(Permit::free()) };
        let blobs = {
            let mut part = lock(self.part(whose));
            let new = || Arc::new(Semaphore::new(most as usize));
            Arc::clone(part.entry(whose).blobs.get_or_insert_with(new))
        };
        if let Ok(one) = Arc::clone(&blobs).try_acquire_owned() {
            return Ok(Permit::holding(one));
        }
        let queue = self.0.limits.per_client.queue();
        let wait = (most > 0).then(|| tokio::time::timeout(queue, blobs.acquire_owned()));
        match wait {
            Some(waiting) => match waiting.await {
                Ok(Ok(one)) => Ok(Permit::holding(one)),
                Ok(Err(_)) | Err(_) => Err(self.too_many_blobs(whose, most)),
            },
            None => Err(self.too_many_blobs(whose, most)),
        }
    }

    fn part(&self, whose: Whose) -> &Mutex<RecentTable<Whose, Held>> {
        &self.0.parts[self.0.hasher.hash_one(whose) as usize % PARTS]
    }

    fn too_many_manifests(&self, whose: Whose, of: Allowance, wait: Duration) -> Refusal {
        let (limit, fact) = match whose {
            Whose::Network(network) => {
                ("network_manifests", format!("the network {} asks for too many manifests", prefix(network)))
            }
            _ => ("client_manifests", format!("{whose} asks for more manifests than {of}")),
        };
        self.refusal(limit, &fact, (whose, wait))
    }

    fn all_too_many(&self, of: Allowance, wait: Duration) -> Refusal {
        let fact = format!("all clients together ask for more manifests than {of}");
        self.refusal("total_manifests", &fact, (Whose::Account(0), wait))
    }

    fn too_many_blobs(&self, whose: Whose, most: u32) -> Refusal {
        self.refusal("client_blobs", &format!("{whose} reads {most} blobs at a time"), (whose, BLOBS_WAIT))
    }

    fn refusal(&self, limit: &'static str, fact: &str, (whose, wait): (Whose, Duration)) -> Refusal {
        self.0.refusals.get_or_create(&Labels { limit }).inc();
        let nth = self.0.refused.fetch_add(1, Ordering::Relaxed);
        let seconds = scattered(wait, nth);
        let alone = match whose {
            Whose::Account(_) => "",
            Whose::Address(_) | Whose::Network(_) => "; whoever logs in is counted alone",
        };
        let message = format!("{fact}; hint: try again in {seconds} s{alone}");
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
            .with(header::RETRY_AFTER, seconds)
    }
}

impl std::fmt::Display for Whose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(_) => f.write_str("this account"),
            Self::Address(_) | Self::Network(_) => f.write_str("this address"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// Never too early, and not all at the same moment: a thousand nodes that are refused together come back together.
fn scattered(wait: Duration, nth: u64) -> u64 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let seconds = seconds.max(1);
    seconds + nth % (1 + seconds / 4)
}

fn network_of(whose: Whose) -> Option<(Whose, u32)> {
    match whose {
        Whose::Address(IpAddr::V4(address)) => {
            let network = Ipv4Addr::from_bits(address.to_bits() & !0xff);
            Some((Whose::Network(network.into()), IPV4_NETWORK))
        }
        Whose::Address(IpAddr::V6(address)) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 80 << 80);
            Some((Whose::Network(network.into()), IPV6_NETWORK))
        }
        Whose::Account(_) | Whose::Network(_) => None,
    }
}

fn prefix(network: IpAddr) -> String {
    format!("{network}/{}", if network.is_ipv4() { 24 } else { 48 })
}

#[cfg(test)]
mod tests {
    use entrepot_policy::ClientLimits;

    use super::*;

    fn limits(manifests: &str) -> LimitsInForce {
        let per_client =
            ClientLimits { manifests: Some(manifests.parse().unwrap()), ..ClientLimits::default() };
        LimitsInForce::new(Limits { per_client, ..Limits::default() })
    }

    fn address(text: &str) -> Whose {
        Whose::Address(Client::at(Some(text.parse().unwrap())).address().unwrap())
    }

    // operate.md rows 14, 15, 23
    #[test]
    fn whoever_changes_addresses_meets_the_bucket_of_the_network() {
        let of_v6 = limits("5/h");
        let rotating =
            (0..1000).filter(|nth| of_v6.manifest(address(&format!("2001:db8:1:2::{nth:x}"))).is_ok());
        assert_eq!(rotating.count(), 5, "a /64 is one client");
        let of_48 = limits("5/h");
        let nets = (0..1000).filter(|nth| of_48.manifest(address(&format!("2001:db8:7:{nth:x}::1"))).is_ok());
        assert_eq!(nets.count(), 5 * IPV6_NETWORK as usize, "and a /48 has eight times as much");
        let of_v4 = limits("5/h");
        let all = (0..=255).flat_map(|nth| [nth; 10]);
        let given = all.filter(|nth| of_v4.manifest(address(&format!("10.0.0.{nth}"))).is_ok()).count();
        assert_eq!(given, 5 * IPV4_NETWORK as usize);
        let refused = of_v4.manifest(address("10.0.0.99")).unwrap_err();
        assert!(refused.message.starts_with("the network 10.0.0.0/24 asks for too many manifests"));
        assert!(of_v4.manifest(address("10.0.1.99")).is_ok());
    }

    // operate.md rows 11, 27, 28
    #[test]
    fn the_wait_is_whole_seconds_never_too_short_and_scattered() {
        let waits: Vec<_> = (0..20).map(|nth| scattered(Duration::from_millis(39_001), nth)).collect();
        assert!(waits.iter().all(|wait| (40..=50).contains(wait)), "{waits:?}");
        assert!(waits.iter().collect::<std::collections::BTreeSet<_>>().len() > 5, "{waits:?}");
        assert_eq!(scattered(Duration::from_millis(10), 7), 1);
        let none = limits("0/m").manifest(address("10.0.0.1")).unwrap_err();
        let waits = none.headers.iter().find(|(name, _)| *name == header::RETRY_AFTER).unwrap();
        assert_eq!(none.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(waits.1.to_str().unwrap().parse::<u64>().unwrap() >= 3600);
    }

    // M01
    #[test]
    fn what_is_kept_of_clients_is_bounded() {
        let limits = limits("5/h");
        for nth in 0..150_000_u32 {
            let _ = limits.manifest(address(&Ipv4Addr::from_bits(0x0a00_0000 + nth * 256).to_string()));
        }
        let kept: usize = limits.0.parts.iter().map(|part| lock(part).len()).sum();
        assert!(kept <= MOST, "{kept}");
    }
}

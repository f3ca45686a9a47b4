//! What has been taken from the buckets: of clients and the networks around them, of images, of blobs that somebody reads again
//! and again, and of all together. It is bounded, and whoever was not seen for longest is forgotten. It decides nothing.

use std::{
    hash::{BuildHasher as _, Hash},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entrepot_policy::{Allowance, Bucket, RecentTable, Strikes, TakeOutcome};
use foldhash::quality::RandomState;
use tokio::{sync::Semaphore, time::Instant};

use super::holder::BucketOwner;

/// The most clients and networks that are known at a time.
pub(super) const MOST: usize = 100_000;
/// The most images, and the most pairs of a client and a blob.
const MOST_IMAGES: usize = 20_000;
const MOST_REPEATS: usize = 100_000;
/// A pull asks for one name that is not known here. Whoever asks for another one before that one is found may be guessing.
const FEW_NAMES: u8 = 1;
/// Tables are in parts, so that threads do not wait for each other.
const PARTS: usize = 16;

/// What is counted for a client or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BucketKind {
    Manifests,
    Misses,
    Cold,
    Hot,
    Rate,
}

/// What is counted for all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Total {
    Manifests,
    Misses,
    Rate,
    ColdRate,
}

/// Which bucket is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BucketKey {
    Of(BucketOwner, BucketKind),
    Total(Total),
    /// The bytes of an image, by the hash of its name.
    Image(u64),
    /// The downloads of a blob by a client, by the hash of both.
    Downloads(u64),
    /// How fast that goes.
    Repeat(u64),
}

/// A bucket, and what is in it: see [`Bucket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BucketCharge {
    pub(super) key: BucketKey,
    pub(super) bucket: Bucket,
}

/// What is counted one by one.
#[derive(Clone, Copy)]
pub(super) enum CountedKind {
    Manifests,
    Misses,
}

/// The buckets that stand for an allowance of a client and one of all together: its own, that of the network around it, and
/// theirs.
pub(super) fn counted(
    (own, all): (Option<Allowance>, Option<Allowance>),
    owner: BucketOwner,
    counts: CountedKind,
) -> Vec<BucketCharge> {
    let (kind, total) = match counts {
        CountedKind::Manifests => (BucketKind::Manifests, Total::Manifests),
        CountedKind::Misses => (BucketKind::Misses, Total::Misses),
    };
    let mut buckets = Vec::with_capacity(3);
    if let Some(of) = own {
        buckets.push(BucketCharge { key: BucketKey::Of(owner, kind), bucket: of.bucket() });
        if let Some((network, times)) = owner.network() {
            buckets
                .push(BucketCharge { key: BucketKey::Of(network, kind), bucket: of.bucket().times(times) });
        }
    }
    buckets.extend(all.map(|of| BucketCharge { key: BucketKey::Total(total), bucket: of.bucket() }));
    buckets
}

/// What somebody has taken. Each number says when a bucket is full again, since the start.
#[derive(Default)]
pub(super) struct Consumption {
    full: [Duration; 5],
    /// How many blobs may be read at a time, and who reads them.
    pub(super) blobs: Option<(u32, Arc<Semaphore>)>,
    pub(super) strikes: Strikes,
    pub(super) unknown: Unknown,
}

/// Names that are not known here and were asked for one after the other, since an upstream had one.
#[derive(Default)]
pub(super) struct Unknown {
    count: u8,
    last: u64,
}

impl Unknown {
    /// Notes a name, by its hash. The same again is a client that tries again.
    pub(super) fn add(&mut self, name: u64) {
        if self.count == 0 || self.last != name {
            (self.count, self.last) = (self.count.saturating_add(1), name);
        }
    }

    /// An upstream had it.
    pub(super) fn found(&mut self) {
        self.count = 0;
    }

    /// True if so many names are more likely to be made up.
    pub(super) fn are_many(&self) -> bool {
        self.count > FEW_NAMES
    }
}

/// How often a blob was downloaded, and how fast that goes.
#[derive(Default)]
struct Repeats {
    downloads: Duration,
    rate: Duration,
}

/// See the module.
pub(super) struct Ledger {
    start: Instant,
    hasher: RandomState,
    holders: ShardedTable<BucketOwner, Consumption>,
    images: ShardedTable<u64, Duration>,
    repeats: ShardedTable<u64, Repeats>,
    totals: [Mutex<Duration>; 4],
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            hasher: RandomState::default(),
            holders: ShardedTable::new(MOST),
            images: ShardedTable::new(MOST_IMAGES),
            repeats: ShardedTable::new(MOST_REPEATS),
            totals: Default::default(),
        }
    }
}

impl Ledger {
    /// Forgets what was taken.
    pub(super) fn clear(&self) {
        self.holders.clear(MOST);
        self.images.clear(MOST_IMAGES);
        self.repeats.clear(MOST_REPEATS);
        self.totals.iter().for_each(|total| *lock(total) = Duration::ZERO);
    }

    /// The time since the start.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// A number that stands for something here.
    pub(super) fn number(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }

    /// Takes so many from all of these buckets, or from none, and says which one lacks them and when it has them.
    pub(super) fn take(
        &self,
        many: u64,
        of: &[BucketCharge],
        now: Duration,
    ) -> Result<(), (BucketKey, Option<Duration>)> {
        for (nth, BucketCharge { key: place, bucket }) in of.iter().enumerate() {
            let taken = self.change(*place, |full| {
                let taken = bucket.take(many, *full, now);
                if let TakeOutcome::Yes(then) = taken {
                    *full = then;
                }
                taken
            });
            let wait = match taken {
                TakeOutcome::Yes(_) => continue,
                TakeOutcome::After(wait) => Some(wait),
                TakeOutcome::Never => None,
            };
            self.give_back(many, &of[..nth]);
            return Err((*place, wait));
        }
        Ok(())
    }

    /// Gives back what was taken and not used.
    pub(super) fn give_back(&self, many: u64, of: &[BucketCharge]) {
        for BucketCharge { key: place, bucket } in of {
            self.change(*place, |full| *full = bucket.give_back(many, *full));
        }
    }

    /// Takes so many in any case. Returns how long the bucket owes them.
    pub(super) fn charge(
        &self,
        many: u64,
        BucketCharge { key: place, bucket }: BucketCharge,
        now: Duration,
    ) -> Duration {
        self.change(place, |full| {
            *full = bucket.charge(many, *full, now);
            bucket.debt(*full, now)
        })
    }

    /// Takes so many, unless the bucket owes something for longer than `most` already. Returns how long it did; `None` if
    /// there is never anything in it.
    pub(super) fn charge_within(
        &self,
        many: u64,
        BucketCharge { key: place, bucket }: BucketCharge,
        now: Duration,
        most: Duration,
    ) -> Option<Duration> {
        if bucket.is_none() {
            return None;
        }
        self.change(place, |full| {
            let owed = bucket.debt(*full, now);
            if owed <= most {
                *full = bucket.charge(many, *full, now);
            }
            Some(owed)
        })
    }

    /// How long the bucket owes something.
    pub(super) fn debt(&self, BucketCharge { key: place, bucket }: BucketCharge, now: Duration) -> Duration {
        self.change(place, |full| bucket.debt(*full, now))
    }

    /// How many are in the bucket.
    pub(super) fn left(&self, BucketCharge { key: place, bucket }: BucketCharge, now: Duration) -> u64 {
        self.change(place, |full| bucket.left(*full, now))
    }

    /// What somebody has taken.
    pub(super) fn holder<R>(&self, owner: BucketOwner, change: impl FnOnce(&mut Consumption) -> R) -> R {
        self.holders.change(&self.hasher, owner, change)
    }

    /// How many clients and networks are known.
    pub(super) fn len(&self) -> usize {
        self.holders.len()
    }

    fn change<R>(&self, key: BucketKey, change: impl FnOnce(&mut Duration) -> R) -> R {
        match key {
            BucketKey::Of(holder, kind) => self.holder(holder, |held| change(&mut held.full[kind as usize])),
            BucketKey::Total(total) => change(&mut lock(&self.totals[total as usize])),
            BucketKey::Image(image) => self.images.change(&self.hasher, image, change),
            BucketKey::Downloads(of) => {
                self.repeats.change(&self.hasher, of, |repeats| change(&mut repeats.downloads))
            }
            BucketKey::Repeat(of) => {
                self.repeats.change(&self.hasher, of, |repeats| change(&mut repeats.rate))
            }
        }
    }
}

/// A table in parts.
struct ShardedTable<K, V>(Vec<Mutex<RecentTable<K, V>>>);

impl<K: Hash + Eq + Copy, V: Default> ShardedTable<K, V> {
    fn new(most: usize) -> Self {
        Self((0..PARTS).map(|_| Mutex::new(RecentTable::new(most / PARTS))).collect())
    }

    fn change<R>(&self, hasher: &RandomState, key: K, change: impl FnOnce(&mut V) -> R) -> R {
        let part = &self.0[hasher.hash_one(key) as usize % PARTS];
        change(lock(part).entry(key))
    }

    fn clear(&self, most: usize) {
        self.0.iter().for_each(|part| *lock(part) = RecentTable::new(most / PARTS));
    }

    fn len(&self) -> usize {
        self.0.iter().map(|part| lock(part).len()).sum()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{super::holder::address, *};

    fn counted(key: BucketKey, amount: u64) -> BucketCharge {
        BucketCharge { key, bucket: Bucket::new(amount, Duration::from_secs(3600), amount) }
    }

    #[test]
    fn all_or_nothing_is_taken() {
        let (ledger, now) = (Ledger::default(), Duration::ZERO);
        let own = counted(BucketKey::Of(address("192.0.2.1"), BucketKind::Manifests), 5);
        let all = counted(BucketKey::Total(Total::Manifests), 2);
        assert_eq!(ledger.take(1, &[own, all], now), Ok(()));
        assert_eq!(ledger.take(1, &[own, all], now), Ok(()));
        let refused = ledger.take(1, &[own, all], now);
        assert_eq!(refused, Err((all.key, Some(Duration::from_secs(1800)))));
        assert_eq!((ledger.left(own, now), ledger.left(all, now)), (3, 0), "in vain costs nothing");
        ledger.give_back(1, &[own, all]);
        assert_eq!((ledger.left(own, now), ledger.left(all, now)), (4, 1));
        ledger.clear();
        assert_eq!((ledger.left(own, now), ledger.left(all, now)), (5, 2));
        let none = counted(all.key, 0);
        assert_eq!(ledger.take(1, &[own, none], now), Err((all.key, None)));
    }

    #[test]
    fn each_bucket_is_its_own() {
        let (ledger, now) = (Ledger::default(), Duration::ZERO);
        let holder = address("192.0.2.1");
        let places =
            [BucketKind::Manifests, BucketKind::Misses, BucketKind::Cold, BucketKind::Hot, BucketKind::Rate]
                .map(|kind| BucketKey::Of(holder, kind));
        let others = [Total::Manifests, Total::Misses, Total::Rate, Total::ColdRate].map(BucketKey::Total);
        let places: Vec<_> = places
            .into_iter()
            .chain(others)
            .chain([BucketKey::Image(7), BucketKey::Downloads(7), BucketKey::Repeat(7)])
            .collect();
        for (nth, place) in places.iter().enumerate() {
            let many = nth as u64 + 1;
            assert_eq!(ledger.charge(many, counted(*place, 100), now), Duration::ZERO);
        }
        for (nth, place) in places.iter().enumerate() {
            assert_eq!(ledger.left(counted(*place, 100), now), 99 - nth as u64, "{place:?}");
        }
        let owed = ledger.charge(100, counted(places[0], 100), now);
        assert_eq!((owed, ledger.debt(counted(places[0], 100), now)), (Duration::from_secs(36), owed));
    }

    // M01
    #[test]
    fn what_is_kept_is_bounded() {
        let (ledger, now) = (Ledger::default(), Duration::ZERO);
        for nth in 0..150_000_u32 {
            let holder = address(&std::net::Ipv4Addr::from_bits(0x0a00_0000 + nth * 256).to_string());
            for place in [
                BucketKey::Of(holder, BucketKind::Hot),
                BucketKey::Image(nth.into()),
                BucketKey::Downloads(nth.into()),
            ] {
                ledger.charge(1, counted(place, 9), now);
            }
        }
        assert!(
            ledger.len() <= MOST
                && ledger.images.len() <= MOST_IMAGES
                && ledger.repeats.len() <= MOST_REPEATS
        );
    }
}

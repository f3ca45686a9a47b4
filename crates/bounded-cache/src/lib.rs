//! A cache in memory that never grows beyond its bound.
//!
//! Clients and other servers decide how much is put into a cache, so each is bounded: in entries, or in the bytes that they
//! take. The bound holds at every moment. What has not been asked for goes first, so a new entry is always taken in. Keys
//! are hashed with a seed of this process: nobody can choose keys that collide.

#![forbid(unsafe_code)]

use std::{
    hash::Hash,
    time::{Duration, Instant},
};

use foldhash::quality::RandomState;
use quick_cache::{
    OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle, EntryAction, EntryResult},
};

/// Each part has a lock of its own and an equal share of the bound.
const PARTS: u64 = 4;

/// A cache of at most so many entries or bytes. An entry is a hint: it can go at any time.
///
/// ```
/// use entrepot_bounded_cache::BoundedCache;
///
/// let cache = BoundedCache::of_entries(1000);
/// cache.insert("docker.io", 1);
/// assert_eq!(cache.get(&"docker.io"), Some(1));
/// ```
pub struct BoundedCache<K, V> {
    entries: Cache<K, Entry<V>, Size<K, V>, RandomState>,
    lifetime: Option<Duration>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    until: Option<Instant>,
}

struct Size<K, V>(fn(&K, &V) -> u64);

impl<K, V> Clone for Size<K, V> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<K, V> Weighter<K, Entry<V>> for Size<K, V> {
    fn weight(&self, key: &K, entry: &Entry<V>) -> u64 {
        (self.0)(key, &entry.value)
    }
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug)]
pub enum Change<V> {
    /// It stays as it is, or stays absent.
    Keep,
    /// It has this value from now on.
    Set(V),
    /// It goes.
    Remove,
}

impl<K: Hash + Eq + Clone, V: Clone> BoundedCache<K, V> {
    /// A cache of at most `most` entries.
    pub fn of_entries(most: u64) -> Self {
        Self::new(most, most, |_, _| 1)
    }

    /// A cache of at most `most` bytes by `size`, of which a usual entry has `usual`. An entry that is larger than a quarter of the
    /// bound is not kept.
    pub fn of_bytes(most: u64, usual: u64, size: fn(&K, &V) -> u64) -> Self {
        Self::new(most, most / usual.max(1), size)
    }

    fn new(most: u64, entries: u64, size: fn(&K, &V) -> u64) -> Self {
        let mut options = OptionsBuilder::new();
        options.shards(PARTS as usize).weight_capacity(most);
        options.estimated_items_capacity(usize::try_from(entries).unwrap_or(usize::MAX));
        // Both capacities are given, which is all that it asks for.
        let options = options.build().unwrap_or_else(|error| unreachable!("{error}"));
        let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        Self { entries: Cache::with_options(options, Size(size), hasher, lifecycle), lifetime: None }
    }

    /// Entries count for `lifetime` after they were set.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }

    /// The value of `key`, if it has one here.
    pub fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key).filter(Entry::counts).map(|entry| entry.value)
    }

    /// True if `key` has a value here.
    pub fn contains_key(&self, key: &K) -> bool {
        self.entries.get(key).as_ref().is_some_and(Entry::counts)
    }

    /// Gives `key` a value.
    pub fn insert(&self, key: K, value: V) {
        self.entries.insert(key, self.entry(value));
    }

    /// Gives `key` a value that counts for `lifetime`.
    pub fn insert_for(&self, key: K, value: V, lifetime: Duration) {
        self.entries.insert(key, Entry { value, until: Some(Instant::now() + lifetime) });
    }

    /// Gives `key` a value unless it has one. Returns true if it had none.
    pub fn insert_new(&self, key: &K, value: V) -> bool {
        let mut is_new = false;
        self.change(key, |known| {
            is_new = known.is_none();
            if is_new { Change::Set(value) } else { Change::Keep }
        });
        is_new
    }

    /// Forgets `key`.
    pub fn remove(&self, key: &K) {
        self.entries.remove(key);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.entries.clear();
    }

    /// Forgets all but what `is_kept` says. It looks at every entry.
    pub fn retain(&self, is_kept: impl Fn(&K, &V) -> bool) {
        self.entries.retain(|key, entry| is_kept(key, &entry.value));
    }

    /// Decides by the value that `key` has now; nobody changes it meanwhile. `decide` must not use the cache.
    pub fn change(&self, key: &K, decide: impl FnOnce(Option<&V>) -> Change<V>) {
        let mut decide = Some(decide);
        let result = self.entries.entry(key, None, |_, entry| {
            let known = Some(&*entry).filter(|entry| entry.counts()).map(|entry| &entry.value);
            match decide.take().map_or(Change::Keep, |decide| decide(known)) {
                Change::Keep => {}
                Change::Set(value) => *entry = self.entry(value),
                Change::Remove => return EntryAction::Remove,
            }
            EntryAction::Retain(())
        });
        if let EntryResult::Vacant(place) = result
            && let Some(Change::Set(value)) = decide.map(|decide| decide(None))
        {
            // It fails if somebody has set or forgotten the key meanwhile, who knows better.
            let _ = place.insert(self.entry(value));
        }
    }

    /// What the entries take of the bound.
    pub fn size(&self) -> u64 {
        self.entries.weight()
    }

    /// The number of entries, those included whose lifetime is over.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn entry(&self, value: V) -> Entry<V> {
        Entry { value, until: self.lifetime.map(|lifetime| Instant::now() + lifetime) }
    }
}

impl<V> Entry<V> {
    fn counts(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(most: u64) -> BoundedCache<u32, String> {
        BoundedCache::of_bytes(most, 100, |_, text| text.len() as u64)
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let cache = texts(10_000);
        for number in 0..1000 {
            cache.insert(number, "x".repeat(number as usize % 300));
            assert!(cache.size() <= 10_000, "{}", cache.size());
        }
        assert!(cache.len() > 20);
        let few = BoundedCache::of_entries(10);
        (0..100).for_each(|number| few.insert(number, ()));
        assert!(few.len() <= 10 && few.contains_key(&99));
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let cache = texts(40_000);
        cache.insert(1, "x".repeat(9000));
        assert_eq!(cache.get(&1).map(|text| text.len()), Some(9000));
        cache.insert(1, "x".repeat(11_000));
        assert_eq!((cache.get(&1), cache.size()), (None, 0), "nor is what it replaced");
    }

    #[test]
    fn what_is_asked_for_stays() {
        let cache = texts(40_000);
        cache.insert(u32::MAX, "x".repeat(100));
        for number in 0..10_000 {
            cache.insert(number, "x".repeat(100));
            assert!(cache.contains_key(&u32::MAX), "{number}");
        }
    }

    #[test]
    fn what_is_too_old_does_not_count() {
        let cache = BoundedCache::of_entries(100).with_lifetime(Duration::ZERO);
        cache.insert(1, "a");
        assert_eq!((cache.get(&1), cache.contains_key(&1)), (None, false));
        cache.insert_for(1, "b", Duration::from_secs(1000));
        assert_eq!(cache.get(&1), Some("b"));
        assert!(!cache.insert_new(&1, "c"));
        cache.insert(1, "d");
        assert!(cache.insert_new(&1, "e"), "it is over");
        cache.change(&1, |known| {
            assert_eq!(known, None);
            Change::Keep
        });
    }

    #[test]
    fn a_change_sees_what_is_there() {
        let cache = texts(10_000);
        let change = |expected: Option<&str>, change: Change<String>| {
            cache.change(&1, |known| {
                assert_eq!(known.map(String::as_str), expected);
                change
            });
            cache.get(&1)
        };
        assert_eq!(change(None, Change::Keep), None);
        assert_eq!(change(None, Change::Remove), None);
        assert_eq!(change(None, Change::Set("a".to_owned())).as_deref(), Some("a"));
        assert_eq!(change(Some("a"), Change::Set("bc".to_owned())).as_deref(), Some("bc"));
        assert_eq!(cache.size(), 2);
        assert_eq!(change(Some("bc"), Change::Keep).as_deref(), Some("bc"));
        assert_eq!((change(Some("bc"), Change::Remove), cache.len()), (None, 0));
    }

    #[test]
    fn only_one_of_many_is_new() {
        let cache = BoundedCache::of_entries(100);
        let new = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| cache.insert_new(&1, ()))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|new| *new).count()
        });
        assert_eq!(new, 1);
    }

    // quick-cache#40: whoever set a key beside another one that changed it.
    #[test]
    fn many_can_do_everything_at_once() {
        let cache = BoundedCache::of_entries(64);
        std::thread::scope(|scope| {
            for thread in 0_u64..8 {
                let cache = &cache;
                scope.spawn(move || {
                    for step in 0..20_000 {
                        let key = (step * 7 + thread) % 3;
                        match (step + thread) % 6 {
                            0 => cache.insert(key, step),
                            1 => cache.remove(&key),
                            2 => drop(cache.insert_new(&key, step)),
                            3 => cache.change(&key, |known| match known {
                                Some(known) if known % 2 == 0 => Change::Remove,
                                Some(_) => Change::Keep,
                                None => Change::Set(step),
                            }),
                            4 => cache.retain(|_, value| value % 3 != 0),
                            _ => assert!(cache.get(&key).is_none_or(|value| value < 20_000)),
                        }
                    }
                });
            }
        });
        assert!(cache.len() <= 3);
        cache.insert(1, 1);
        assert_eq!(cache.get(&1), Some(1));
    }

    #[test]
    fn what_is_not_kept_is_forgotten() {
        let cache = texts(10_000);
        (0..10).for_each(|number| cache.insert(number, "x".to_owned()));
        cache.retain(|number, _| number % 2 == 0);
        cache.remove(&2);
        assert_eq!((cache.len(), cache.get(&3), cache.get(&4).is_some()), (4, None, true));
        cache.clear();
        assert!(cache.is_empty());
    }
}

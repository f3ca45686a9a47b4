//! A table of bounded size that forgets who was not seen for longest.

use std::{collections::HashMap, hash::Hash};

use foldhash::quality::RandomState;

/// A table of at most `most` entries. It keeps two halves: whoever is seen comes into the younger one, and when that is full,
/// the older one is forgotten. So an entry is kept at least until half as many others were seen after it, and each look-up
/// takes the same short time.
#[derive(Debug)]
pub struct RecentTable<K, V> {
    half: usize,
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
}

impl<K: Hash + Eq, V: Default> RecentTable<K, V> {
    /// An empty table.
    pub fn new(most: usize) -> Self {
        Self { half: (most / 2).max(1), young: HashMap::default(), old: HashMap::default() }
    }

    /// The entry of `key`, a new one if there is none.
    pub fn entry(&mut self, key: K) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        let known = old.remove(&key);
        self.young.entry(key).or_insert_with(|| known.unwrap_or_default())
    }

    /// The entry of `key`, if there is one. To look at it is not to see it.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_who_comes_often() {
        let mut table = RecentTable::<u32, u32>::new(1000);
        assert!(table.is_empty());
        for stranger in 0..100_000 {
            *table.entry(stranger + 10) += 1;
            if stranger % 100 == 0 {
                *table.entry(7) += 1;
            }
            assert!(table.len() <= 1000);
        }
        assert_eq!((table.get(&7), table.get(&10)), (Some(&1000), None));
        assert_eq!(*table.entry(7), 1000, "nothing was forgotten of who came often");
        assert_eq!(*table.entry(10), 0, "who came once, long ago, was");
        assert_eq!(*table.entry(99_999 + 10), 1);
    }
}

//! Blobs that are held, for policies that look at some of them by chance.

use super::random::Random;

/// A set of blobs of which some can be drawn.
pub(super) struct Pool {
    held: Vec<u32>,
    /// Where each blob is in `held`.
    places: Vec<usize>,
    random: Random,
}

impl Pool {
    pub(super) fn new(blobs: usize) -> Self {
        Self { held: Vec::new(), places: vec![usize::MAX; blobs], random: Random::new(1) }
    }

    pub(super) fn insert(&mut self, blob: u32) {
        self.places[blob as usize] = self.held.len();
        self.held.push(blob);
    }

    pub(super) fn remove(&mut self, blob: u32) {
        let place = std::mem::replace(&mut self.places[blob as usize], usize::MAX);
        self.held.swap_remove(place);
        if let Some(moved) = self.held.get(place) {
            self.places[*moved as usize] = place;
        }
    }

    /// The one with the greatest rank among `draws` that are drawn, or among all if they are fewer.
    pub(super) fn greatest(&mut self, draws: usize, rank: impl Fn(u32) -> f64) -> Option<u32> {
        let all = self.held.len() <= draws;
        let count = if all { self.held.len() } else { draws };
        let drawn = (0..count).map(|nth| if all { nth } else { self.random.below(self.held.len()) });
        let ranked = drawn.map(|place| (rank(self.held[place]), self.held[place]));
        ranked.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, blob)| blob)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_drawn_no_more() {
        let mut pool = Pool::new(100);
        (0..100).for_each(|blob| pool.insert(blob));
        (50..100).for_each(|blob| pool.remove(blob));
        assert_eq!(pool.greatest(1000, f64::from), Some(49));
        for _ in 0..20 {
            assert!(pool.greatest(5, f64::from).is_some_and(|blob| blob < 50));
        }
        (0..50).for_each(|blob| pool.remove(blob));
        assert_eq!(pool.greatest(5, f64::from), None);
    }
}

//! Chooses the images that go: whole ones, the least worth for the bytes they free first.
//!
//! Images that were pulled once are on probation: while they take more than a fiftieth of everything, they go before others. What
//! an image frees changes as its neighbours go, so those that share with few others are looked at anew.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap},
    time::SystemTime,
};

use foldhash::quality::RandomState;

use crate::{
    stock::{Holders, Item, Retention, Stock, Unit},
    worth::{FetchCost, share, worth},
};

/// The part of all bytes that images on probation may take before they go first.
const PROBATION: f64 = 0.02;
/// An image is on probation until it was worth more pulls than this.
const PROVEN: f64 = 1.25;
/// A unit that more images share changes none of them much when one goes.
const FEW: u32 = 8;

/// What has to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvictionGoal {
    /// How many bytes to free.
    pub free: u64,
    /// What was not used since then goes in any case.
    pub unused_since: Option<SystemTime>,
}

/// Why an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nobody has pulled it for as long as images are kept.
    Expired,
    /// Room is needed, and it is worth least.
    Room,
}

/// An image that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its number in the stock.
    pub item: usize,
    /// The bytes that are freed by it, after those before it have gone.
    pub frees: u64,
    /// Why.
    pub reason: Reason,
}

/// Chooses images until the goal is reached, or until none is left that may go. The price of an image's upstream is the one at
/// its [`Item::source`].
pub fn plan(stock: &Stock, prices: &[FetchCost], goal: &EvictionGoal) -> Vec<Choice> {
    let mut planner = Planner::new(stock, prices);
    if let Some(since) = goal.unused_since {
        planner.expire(since);
    }
    planner.make_room(goal.free);
    planner.chosen
}

/// A worth that can be ordered; none is ever `NaN`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rank(f64);

impl Eq for Rank {}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Images by rank, the least first; of equal ones the one that was used longest ago.
type Queue = BinaryHeap<Reverse<(Rank, SystemTime, usize)>>;

struct Planner<'a> {
    stock: &'a Stock,
    prices: &'a [FetchCost],
    holders: Holders,
    /// Who has a unit that few share.
    sharers: HashMap<Unit, Vec<u32>, RandomState>,
    /// The rank of each item as it is queued; `None` once it is gone, or if it stays.
    ranks: Vec<Option<f64>>,
    probation: Queue,
    proven: Queue,
    /// What the images of each queue share.
    probation_bytes: f64,
    bytes: f64,
    chosen: Vec<Choice>,
    freed: u64,
}

impl<'a> Planner<'a> {
    fn new(stock: &'a Stock, prices: &'a [FetchCost]) -> Self {
        let mut planner = Self {
            stock,
            prices,
            holders: stock.holders(),
            sharers: HashMap::default(),
            ranks: vec![None; stock.items().len()],
            probation: Queue::new(),
            proven: Queue::new(),
            probation_bytes: 0.0,
            bytes: stock.bytes() as f64,
            chosen: Vec::new(),
            freed: 0,
        };
        for (number, item) in stock.items().iter().enumerate() {
            if item.retention == Retention::MayGo {
                planner.note_sharers(number, item);
                if is_on_probation(item) {
                    planner.probation_bytes += share(stock, &planner.holders, item);
                }
                planner.rank(number, item);
            }
        }
        planner
    }

    fn note_sharers(&mut self, number: usize, item: &Item) {
        for unit in &item.units {
            if (2..=FEW).contains(&self.holders.of(*unit)) && !self.stock.is_kept(*unit) {
                self.sharers.entry(*unit).or_default().push(u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
    }

    /// Queues an item by what it is worth now.
    fn rank(&mut self, number: usize, item: &Item) {
        let rank = worth(item, share(self.stock, &self.holders, item), &self.prices[item.source]);
        self.ranks[number] = Some(rank);
        if rank.is_finite() {
            let queue = if is_on_probation(item) { &mut self.probation } else { &mut self.proven };
            queue.push(Reverse((Rank(rank), item.last_used, number)));
        }
    }

    fn expire(&mut self, since: SystemTime) {
        let items = self.stock.items();
        let mut old: Vec<_> = (0..items.len())
            .filter(|number| items[*number].retention == Retention::MayGo && items[*number].last_used < since)
            .collect();
        old.sort_by_key(|number| (items[*number].last_used, *number));
        for number in old {
            self.take(number, Reason::Expired);
        }
    }

    fn make_room(&mut self, free: u64) {
        while self.freed < free {
            let Some(number) = self.least() else { return };
            self.take(number, Reason::Room);
        }
    }

    /// The item that goes next.
    fn least(&mut self) -> Option<usize> {
        skip_stale(&mut self.probation, &self.ranks);
        skip_stale(&mut self.proven, &self.ranks);
        let is_crowded = self.probation_bytes > PROBATION * self.bytes;
        let queue = match (self.probation.peek(), self.proven.peek()) {
            (Some(_), _) if is_crowded => &mut self.probation,
            (Some(Reverse(once)), Some(Reverse(proven))) if once < proven => &mut self.probation,
            (Some(_), None) => &mut self.probation,
            _ => &mut self.proven,
        };
        queue.pop().map(|Reverse((_, _, number))| number)
    }

    fn take(&mut self, number: usize, reason: Reason) {
        let item = &self.stock.items()[number];
        self.ranks[number] = None;
        if is_on_probation(item) {
            self.probation_bytes -= share(self.stock, &self.holders, item);
        }
        let mut frees = 0;
        for unit in item.units.iter().filter(|unit| !self.stock.is_kept(**unit)) {
            if self.holders.leave(*unit) == 0 {
                frees += self.stock.size(*unit);
            }
        }
        self.freed += frees;
        self.bytes -= frees as f64;
        self.chosen.push(Choice { item: number, frees, reason });
        for unit in &item.units {
            for neighbour in self.sharers.get(unit).cloned().unwrap_or_default() {
                self.rank_again(neighbour as usize);
            }
        }
    }

    fn rank_again(&mut self, number: usize) {
        if self.ranks[number].is_some() {
            self.rank(number, &self.stock.items()[number]);
        }
    }
}

fn is_on_probation(item: &Item) -> bool {
    item.heat < PROVEN
}

/// Drops entries of items that are gone or that were queued anew.
fn skip_stale(queue: &mut Queue, ranks: &[Option<f64>]) {
    while let Some(Reverse((rank, _, number))) = queue.peek()
        && ranks[*number] != Some(rank.0)
    {
        queue.pop();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const PRICE: FetchCost = FetchCost { per_byte: 1e-6, per_image: 0.1 };

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Images as `heat` and the names of their units, which are as long as the name says.
    fn stock(images: &[(f64, &[u64])]) -> Stock {
        let mut stock = Stock::default();
        for (nth, (heat, sizes)) in images.iter().enumerate() {
            let units = sizes.iter().map(|size| stock.unit(*size, *size)).collect();
            let (standing, last_used) = (Retention::MayGo, at(nth as u64));
            stock.add(Item { units, retention: standing, heat: *heat, last_used, source: 0 });
        }
        stock
    }

    fn chosen(stock: &Stock, free: u64) -> Vec<(usize, u64)> {
        let goal = EvictionGoal { free, unused_since: None };
        plan(stock, &[PRICE], &goal).iter().map(|choice| (choice.item, choice.frees)).collect()
    }

    #[test]
    fn the_least_wanted_goes_and_no_more_than_needed() {
        let stock = stock(&[(9.0, &[1000]), (2.0, &[1001]), (5.0, &[1002])]);
        assert_eq!(chosen(&stock, 1), [(1, 1001)]);
        assert_eq!(chosen(&stock, 1002), [(1, 1001), (2, 1002)]);
        assert_eq!(chosen(&stock, 0), []);
        assert_eq!(chosen(&stock, u64::MAX).len(), 3, "all that may go");
    }

    #[test]
    fn only_bytes_that_nobody_else_needs_are_freed() {
        let stock = stock(&[(2.0, &[5000, 100]), (90.0, &[5000, 101]), (3.0, &[700])]);
        assert_eq!(chosen(&stock, 100), [(0, 100)]);
        assert_eq!(chosen(&stock, 6000), [(0, 100), (2, 700), (1, 5101)]);
    }

    #[test]
    fn one_that_is_left_alone_with_shared_bytes_is_worth_less_for_each() {
        // Together the twins' bytes are worth little to each; after one has gone, the other stands for all of them.
        let stock = stock(&[(2.0, &[9000]), (2.0, &[9000]), (2.0, &[8000]), (4.0, &[1])]);
        let order: Vec<_> = chosen(&stock, u64::MAX).iter().map(|(item, _)| *item).collect();
        assert_eq!(order, [2, 0, 1, 3]);
    }

    #[test]
    fn images_on_probation_go_first_while_they_are_many() {
        let stock = stock(&[(1.0, &[500]), (1.0, &[501]), (1.3, &[4_000_000]), (1.0, &[502])]);
        assert_eq!(chosen(&stock, 1), [(2, 4_000_000)], "they take less than a tenth");
        let stock = self::stock(&[(1.2, &[500]), (1.1, &[501]), (1.3, &[4000])]);
        assert_eq!(chosen(&stock, 1), [(1, 501)]);
    }

    #[test]
    fn what_stays_is_not_touched_and_neither_are_its_bytes() {
        let mut stock = stock(&[(1.0, &[100]), (2.0, &[200, 7])]);
        let units = vec![stock.unit(100, 100), stock.unit(200, 200)];
        stock.add(Item { units, retention: Retention::Stays, heat: 0.0, last_used: at(0), source: 0 });
        assert_eq!(chosen(&stock, u64::MAX), [(1, 7)], "the first one would free nothing");
        assert_eq!(stock.bytes_that_stay(), 300);
    }

    // Row 64
    #[test]
    fn what_nobody_used_goes_whatever_it_is_worth_and_the_oldest_first() {
        let stock = stock(&[(9.0, &[10]), (8.0, &[11]), (1.0, &[12])]);
        let goal = EvictionGoal { free: 15, unused_since: Some(at(2)) };
        let chosen: Vec<_> = plan(&stock, &[PRICE], &goal).iter().map(|one| (one.item, one.reason)).collect();
        assert_eq!(chosen, [(0, Reason::Expired), (1, Reason::Expired)]);
        let goal = EvictionGoal { free: 30, unused_since: Some(at(1)) };
        let chosen: Vec<_> = plan(&stock, &[PRICE], &goal).iter().map(|one| one.reason).collect();
        assert_eq!(chosen, [Reason::Expired, Reason::Room, Reason::Room]);
    }

    #[test]
    fn what_is_dear_to_fetch_stays_longer() {
        let mut stock = Stock::default();
        for source in [1, 0] {
            let units = vec![stock.unit(source, 1000)];
            let source = usize::try_from(source).unwrap();
            stock.add(Item { units, retention: Retention::MayGo, heat: 2.0, last_used: at(0), source });
        }
        let dear = FetchCost { per_image: 100.0, ..PRICE };
        let goal = EvictionGoal { free: 1, unused_since: None };
        assert_eq!(plan(&stock, &[PRICE, dear], &goal)[0].item, 1);
        assert_eq!(plan(&stock, &[dear, PRICE], &goal)[0].item, 0);
    }
}

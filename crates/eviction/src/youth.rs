//! What is too young to go: a client may be about to ask for the rest of it.

use std::time::{Duration, SystemTime};

use crate::stock::{Item, Retention, Stock};

/// What came or was pulled more recently stays in any case.
const NEWBORN: Duration = Duration::from_secs(3 * 60);
/// What came or was pulled more recently stays as long as all such images together take no more than [`NURSERY`].
const YOUNG: Duration = Duration::from_secs(60 * 60);
/// The part of all bytes that young images may take and stay. In a small cache, what came within an hour may be most of it.
const NURSERY: f64 = 0.02;

/// Has young images stay, the latest first, in a cache that may hold `of` bytes.
pub fn spare_young(stock: &Stock, items: &mut [Item], now: SystemTime, of: u64) {
    let is_since = |item: &Item, age: Duration| item.last_used + age > now;
    let mut young: Vec<usize> = (0..items.len()).filter(|at| is_since(&items[*at], YOUNG)).collect();
    young.sort_by_key(|at| std::cmp::Reverse((items[*at].last_used, *at)));
    let mut room = of as f64 * NURSERY;
    for at in young {
        let item = &mut items[at];
        room -= item.units.iter().map(|unit| stock.size(*unit) as f64).sum::<f64>();
        if room < 0.0 && !is_since(item, NEWBORN) {
            return;
        }
        item.retention = Retention::Stays;
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// Which of images of 10 bytes, pulled so many minutes ago, stay in a cache of `of` bytes.
    fn staying(ages: &[u64], of: u64) -> Vec<bool> {
        let now = UNIX_EPOCH + 100 * YOUNG;
        let mut stock = Stock::default();
        let item = |(nth, age): (usize, &u64)| Item {
            units: vec![stock.unit(nth as u64, 10)],
            retention: Retention::MayGo,
            heat: 1.0,
            last_used: now - Duration::from_secs(age * 60),
            source: 0,
        };
        let mut items: Vec<_> = ages.iter().enumerate().map(item).collect();
        spare_young(&stock, &mut items, now, of);
        items.iter().map(|item| item.retention == Retention::Stays).collect()
    }

    #[test]
    fn what_came_within_the_hour_stays_while_there_is_room_for_it() {
        assert_eq!(staying(&[2, 59, 60, 61], 1000), [true, true, false, false]);
        assert_eq!(staying(&[50, 20, 30], 1000), [false, true, true], "the latest first");
        assert_eq!(staying(&[0, 1, 2, 30], 10), [true, true, true, false], "a client may be at it");
        assert_eq!(staying(&[], 10), [false; 0]);
    }
}

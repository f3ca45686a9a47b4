//! What is held, as the planner sees it: images made of units, which several images may share.

use std::{collections::HashMap, time::SystemTime};

use foldhash::quality::RandomState;

/// A piece of content: a blob or a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit(u32);

/// Whether an image may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// It is pinned, young, hosted, or something that stays leads to it.
    Stays,
    /// Nothing speaks for it but what it is worth.
    MayGo,
}

/// An image.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is made of.
    pub units: Vec<Unit>,
    /// Whether it may go.
    pub retention: Retention,
    /// How many pulls it is worth now: see [`Heat`](crate::Heat).
    pub heat: f64,
    /// When it was last pulled, or came.
    pub last_used: SystemTime,
    /// Where it comes from: an index into the prices that the planner is given.
    pub source: usize,
}

/// Everything that is held.
#[derive(Debug, Default)]
pub struct Stock {
    sizes: Vec<u64>,
    /// How many items have each unit.
    holders: Vec<u32>,
    /// Units that an item which stays has: nobody frees them.
    kept: Vec<bool>,
    items: Vec<Item>,
    units: HashMap<u64, Unit, RandomState>,
}

impl Stock {
    /// The unit of a name; it is `size` bytes long. Names are hashes: two contents with one hash would be taken for one, so
    /// whoever acts on a plan has to look again.
    pub fn unit(&mut self, name: u64, size: u64) -> Unit {
        if let Some(known) = self.units.get(&name) {
            return *known;
        }
        let unit = Unit(u32::try_from(self.sizes.len()).unwrap_or(u32::MAX));
        self.sizes.push(size);
        self.holders.push(0);
        self.kept.push(false);
        self.units.insert(name, unit);
        unit
    }

    /// Adds an image. Returns its number.
    pub fn add(&mut self, mut item: Item) -> usize {
        item.units.sort_unstable();
        item.units.dedup();
        item.units.shrink_to_fit();
        for unit in &item.units {
            let at = unit.0 as usize;
            self.holders[at] += 1;
            self.kept[at] |= item.retention == Retention::Stays;
        }
        self.items.push(item);
        self.items.len() - 1
    }

    /// The images, by their numbers.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The length of all units that an image has.
    pub fn bytes(&self) -> u64 {
        let held = self.sizes.iter().zip(&self.holders).filter(|(_, holders)| **holders > 0);
        held.map(|(size, _)| size).sum()
    }

    /// The length of what stays.
    pub fn bytes_that_stay(&self) -> u64 {
        self.sizes.iter().zip(&self.kept).filter(|(_, kept)| **kept).map(|(size, _)| size).sum()
    }

    pub(crate) fn size(&self, unit: Unit) -> u64 {
        self.sizes[unit.0 as usize]
    }

    pub(crate) fn is_kept(&self, unit: Unit) -> bool {
        self.kept[unit.0 as usize]
    }

    /// How many items have each unit, to be counted down while items go.
    pub(crate) fn holders(&self) -> Holders {
        Holders(self.holders.clone())
    }
}

/// How many items are left that have each unit.
pub(crate) struct Holders(Vec<u32>);

impl Holders {
    pub(crate) fn of(&self, unit: Unit) -> u32 {
        self.0[unit.0 as usize]
    }

    /// One item less has it. Returns how many are left.
    pub(crate) fn leave(&mut self, unit: Unit) -> u32 {
        let left = &mut self.0[unit.0 as usize];
        *left = left.saturating_sub(1);
        *left
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn each_unit_counts_once() {
        let mut stock = Stock::default();
        let (a, b) = (stock.unit(1, 10), stock.unit(2, 5));
        assert_eq!(stock.unit(1, 99), a);
        stock.unit(3, 1000);
        let item = |units, standing| Item {
            units,
            retention: standing,
            heat: 1.0,
            last_used: UNIX_EPOCH,
            source: 0,
        };
        assert_eq!(stock.add(item(vec![a, b, a], Retention::MayGo)), 0);
        assert_eq!(stock.add(item(vec![b], Retention::Stays)), 1);
        assert_eq!((stock.bytes(), stock.bytes_that_stay(), stock.items().len()), (15, 5, 2));
        let mut holders = stock.holders();
        assert_eq!((holders.of(a), holders.leave(b), holders.leave(b), holders.leave(b)), (1, 1, 0, 0));
    }
}

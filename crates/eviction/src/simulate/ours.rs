//! The planner of this crate, on a cache of whole images as the mirror keeps them.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use foldhash::quality::RandomState;

use super::{
    cache::{Cache, MissedContent},
    trace::{Trace, TracePull},
};
use crate::{Admission, CacheLimits, EvictionGoal, Heat, Item, Retention, Space, Stock, plan, spare_young};

/// How long evicted images are remembered.
const GHOSTS_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// One client's pulls of one image count once in this time, in seconds.
const COUNTED_EVERY: u64 = 60 * 60;

pub(super) struct PlannerCache<'a> {
    trace: &'a Trace,
    limits: CacheLimits,
    held: BTreeMap<u32, CachedImage>,
    /// How many held images have each blob.
    holders: Vec<u32>,
    bytes: u64,
    ghosts: HashMap<u32, Heat, RandomState>,
    ghost_order: VecDeque<(SystemTime, u32)>,
    counted: HashSet<(u32, u32), RandomState>,
    hour: u64,
}

struct CachedImage {
    heat: Heat,
    last_used: SystemTime,
}

impl<'a> PlannerCache<'a> {
    pub(super) fn new(trace: &'a Trace, cap: u64) -> Self {
        Self {
            trace,
            limits: CacheLimits::new(Some(cap.max(1)), None, None).unwrap_or_default(),
            held: BTreeMap::new(),
            holders: vec![0; trace.blobs()],
            bytes: 0,
            ghosts: HashMap::default(),
            ghost_order: VecDeque::new(),
            counted: HashSet::default(),
            hour: 0,
        }
    }

    fn count(&mut self, pull: &TracePull) -> u64 {
        if pull.at / COUNTED_EVERY != self.hour {
            self.hour = pull.at / COUNTED_EVERY;
            self.counted.clear();
        }
        u64::from(self.counted.insert((pull.image, pull.client)))
    }

    fn missing(&self, image: u32) -> MissedContent {
        let blobs = &self.trace.image(image).blobs;
        let missing = blobs.iter().filter(|blob| self.holders[**blob as usize] == 0);
        missing.fold(MissedContent::default(), |sum, blob| MissedContent {
            blobs: sum.blobs + 1,
            bytes: sum.bytes + self.trace.size(*blob),
        })
    }

    fn make_room(&mut self, bytes: u64, now: SystemTime) {
        let demand = self.limits.demand(Space { held: self.bytes + bytes, free: None });
        if demand.free == 0 {
            return;
        }
        let (stock, images) = self.stock(now);
        let goal = EvictionGoal { free: demand.free, unused_since: None };
        for choice in plan(&stock, self.trace.prices(), &goal) {
            self.evict(images[choice.item], now);
        }
        while let Some((since, image)) = self.ghost_order.front()
            && *since + GHOSTS_FOR < now
        {
            self.ghosts.remove(image);
            self.ghost_order.pop_front();
        }
    }

    fn stock(&self, now: SystemTime) -> (Stock, Vec<u32>) {
        let mut stock = Stock::default();
        let mut images = Vec::with_capacity(self.held.len());
        let mut items = Vec::with_capacity(self.held.len());
        for (number, held) in &self.held {
            let image = self.trace.image(*number);
            let unit = |blob: &u32| stock.unit(u64::from(*blob), self.trace.size(*blob));
            let units = image.blobs.iter().map(unit).collect();
            items.push(Item {
                units,
                retention: Retention::MayGo,
                heat: held.heat.since_use(held.last_used, now),
                last_used: held.last_used,
                source: image.source,
            });
            images.push(*number);
        }
        spare_young(&stock, &mut items, now, self.limits.max_size().unwrap_or(u64::MAX));
        for item in items {
            stock.add(item);
        }
        (stock, images)
    }

    fn evict(&mut self, image: u32, now: SystemTime) {
        let Some(held) = self.held.remove(&image) else { return };
        for blob in &self.trace.image(image).blobs {
            let holders = &mut self.holders[*blob as usize];
            *holders -= 1;
            if *holders == 0 {
                self.bytes -= self.trace.size(*blob);
            }
        }
        self.ghosts.insert(image, held.heat);
        self.ghost_order.push_back((now, image));
    }

    fn keep(&mut self, image: u32, heat: Heat, now: SystemTime) {
        for blob in &self.trace.image(image).blobs {
            let holders = &mut self.holders[*blob as usize];
            if *holders == 0 {
                self.bytes += self.trace.size(*blob);
            }
            *holders += 1;
        }
        let heat = self.ghosts.remove(&image).map_or(heat, |before| heat.with(before));
        self.held.insert(image, CachedImage { heat, last_used: now });
    }
}

impl Cache for PlannerCache<'_> {
    fn pull(&mut self, pull: &TracePull) -> MissedContent {
        let now = UNIX_EPOCH + Duration::from_secs(pull.at);
        let heat = Heat::of_pulls(self.count(pull), now);
        if let Some(held) = self.held.get_mut(&pull.image) {
            held.heat = held.heat.with(heat);
            held.last_used = now;
            return MissedContent::default();
        }
        let image = Some(self.trace.image_size(pull.image));
        let before = self.missing(pull.image);
        if self.limits.admit(Space::default(), before.bytes, image) != Admission::TooLarge {
            self.make_room(before.bytes, now);
            // What it shared may have gone meanwhile.
            let space = Space { held: self.bytes, free: None };
            if self.limits.admit(space, self.missing(pull.image).bytes, image) == Admission::Kept {
                self.keep(pull.image, heat, now);
            }
        }
        before
    }
}

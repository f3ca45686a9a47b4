//! Generated pulls with the quantiles that were published for real registries.
//!
//! - layers: half are below 15 KB, 67 % below 1 MB, 80 % below 11 MB, 90 % below 31 MB, 99 % below 130 MB; of 20 images one has
//!   layers of 2 to 10 GB besides
//! - 60 families of images share base layers; popularity follows Zipf's law with an exponent between 0.8 and 1.1, by the seed
//! - 45 % of the pulls are of images that nobody pulls again; each day 5 % of the tags move to a new image, which keeps about
//!   half of its own layers
//! - by day there are more pulls than by night; crowds come for one image, a crawler for all, and one client pulls the same
//!   huge image again and again
//!
//! Names that do not exist never reach a cache, and are not here.

use super::{
    random::Random,
    trace::{Trace, TracePull},
};
use crate::worth::FetchCost;

const DAY: u64 = 24 * 60 * 60;
const DAYS: u64 = 30;
const PULLS_A_DAY: u64 = 1300;
const TAGS: usize = 1321;
const FAMILIES: usize = 60;
const CLIENTS: usize = 400;
const ONCE: f64 = 0.45;
const MOVED_DAILY: f64 = 0.05;
const HUGE: f64 = 0.05;
/// Sizes of layers, by the part of all layers that is smaller.
const SIZES: [(f64, f64); 7] =
    [(0.0, 150.0), (0.5, 15e3), (0.67, 1e6), (0.8, 11e6), (0.9, 31e6), (0.99, 130e6), (1.0, 600e6)];
/// A registry far away, one in between, one nearby; the first allows few pulls.
const PRICES: [FetchCost; 3] = [
    FetchCost { per_byte: 1.0 / 3.75e6, per_image: 20.0 },
    FetchCost { per_byte: 1.0 / 10e6, per_image: 1.5 },
    FetchCost { per_byte: 1.0 / 40e6, per_image: 0.5 },
];
const CRAWLER: u32 = CLIENTS as u32;
const LOOPER: u32 = CRAWLER + 1;

/// Pulls of thirty days. The same seed gives the same pulls.
pub fn generate(seed: u64) -> Trace {
    let mut world = TraceGenerator::new(seed);
    for day in 0..DAYS {
        world.tags_move();
        world.ordinary_day(day);
        if day % 3 == 1 {
            world.crowd(day);
        }
        if day % 7 == 3 {
            world.crawl(day);
        }
        if day % 10 == 6 {
            world.the_same_again(day);
        }
    }
    world.trace.in_order()
}

struct TraceGenerator {
    random: Random,
    trace: Trace,
    /// The base layers of each family.
    families: Vec<Vec<u32>>,
    /// Where each tag points, the most popular first.
    tags: Vec<GeneratedTag>,
    /// The sum of the popularity of all tags up to each.
    popularity: Vec<f64>,
}

#[derive(Clone)]
struct GeneratedTag {
    image: u32,
    family: usize,
    own: Vec<u32>,
    source: usize,
}

impl TraceGenerator {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let exponent = 0.8 + 0.3 * random.part();
        let mut sum = 0.0;
        let popularity = (1..=TAGS).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        let popularity = popularity.collect();
        let trace = Trace::new(PRICES.to_vec());
        let mut world = Self { random, trace, families: Vec::new(), tags: Vec::new(), popularity };
        for _ in 0..FAMILIES {
            let base = 1 + world.random.below(3);
            let layers = (0..base).map(|_| world.layer_above(0.8)).collect();
            world.families.push(layers);
        }
        for _ in 0..TAGS {
            let tagged = world.new_image();
            world.tags.push(tagged);
        }
        world
    }

    /// A layer of a size that this part of all layers is smaller than, or a larger one.
    fn layer_above(&mut self, part: f64) -> u32 {
        let chance = part + (1.0 - part) * self.random.part();
        self.trace.add_blob(size_at(chance))
    }

    fn new_image(&mut self) -> GeneratedTag {
        // The first families are the most common ones.
        let family = (self.random.part().powi(2) * FAMILIES as f64) as usize;
        let mut own: Vec<u32> = Vec::new();
        // Its configuration, and on average five layers.
        while own.is_empty() || own.len() < 20 && self.random.happens(5.0 / 6.0) {
            own.push(self.layer_above(0.0));
        }
        if self.random.happens(HUGE) {
            for _ in 0..=self.random.below(3) {
                let size = 2e9 + 8e9 * self.random.part();
                own.push(self.trace.add_blob(size as u64));
            }
        }
        let source = [0, 0, 0, 1, 1, 2][self.random.below(6)];
        self.image_of(GeneratedTag { image: 0, family, own, source })
    }

    fn image_of(&mut self, mut tagged: GeneratedTag) -> GeneratedTag {
        let blobs = self.families[tagged.family].iter().chain(&tagged.own).copied().collect();
        tagged.image = self.trace.add_image(blobs, tagged.source);
        tagged
    }

    fn tags_move(&mut self) {
        for tag in 0..TAGS {
            if self.random.happens(MOVED_DAILY) {
                let mut next = self.tags[tag].clone();
                for layer in &mut next.own {
                    if self.random.happens(0.5) {
                        // A new build of the same thing is about as large.
                        let size = self.trace.size(*layer) as f64 * (0.9 + 0.2 * self.random.part());
                        *layer = self.trace.add_blob(size as u64);
                    }
                }
                self.tags[tag] = self.image_of(next);
            }
        }
    }

    fn popular(&mut self) -> usize {
        let total = self.popularity.last().copied().unwrap_or_default();
        let chance = self.random.part() * total;
        self.popularity.partition_point(|sum| *sum < chance).min(TAGS - 1)
    }

    fn pull(&mut self, at: u64, image: u32, client: u32) {
        self.trace.add_pull(TracePull { at, image, client });
    }

    fn ordinary_day(&mut self, day: u64) {
        for _ in 0..PULLS_A_DAY {
            let client = self.random.below(CLIENTS) as u32;
            let at = day * DAY + self.time_of_day();
            let image = if self.random.happens(ONCE) {
                self.new_image().image
            } else {
                let tag = self.popular();
                self.tags[tag].image
            };
            self.pull(at, image, client);
        }
    }

    /// By day there are four times as many pulls as by night.
    fn time_of_day(&mut self) -> u64 {
        loop {
            let time = self.random.part();
            let wave = 0.625 - 0.375 * (time * std::f64::consts::TAU).cos();
            if self.random.happens(wave) {
                return (time * DAY as f64) as u64;
            }
        }
    }

    /// Many pull one image within two hours.
    fn crowd(&mut self, day: u64) {
        let tag = self.random.below(TAGS);
        let (image, start) = (self.tags[tag].image, day * DAY + 10 * 3600);
        for _ in 0..200 {
            let client = self.random.below(CLIENTS) as u32;
            let at = start + self.random.below(7200) as u64;
            self.pull(at, image, client);
        }
    }

    /// One client pulls everything that has a tag.
    fn crawl(&mut self, day: u64) {
        for tag in 0..TAGS {
            let at = day * DAY + 2 * 3600 + tag as u64 * 8;
            self.pull(at, self.tags[tag].image, CRAWLER);
        }
    }

    /// One client pulls the same huge image every two minutes, for six hours.
    fn the_same_again(&mut self, day: u64) {
        let huge =
            (0..TAGS).max_by_key(|tag| self.trace.image_size(self.tags[*tag].image)).unwrap_or_default();
        for nth in 0..180 {
            self.pull(day * DAY + 14 * 3600 + nth * 120, self.tags[huge].image, LOOPER);
        }
    }
}

/// The size of a layer, by the part of all layers that is smaller; between the known ones it grows evenly in its logarithm.
fn size_at(part: f64) -> u64 {
    let above = SIZES.iter().position(|(at, _)| *at >= part).unwrap_or(SIZES.len() - 1).max(1);
    let ((from, small), (to, large)) = (SIZES[above - 1], SIZES[above]);
    let along = ((part - from) / (to - from)).clamp(0.0, 1.0);
    (small * (large / small).powf(along)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_as_large_as_published() {
        for (part, size) in SIZES {
            assert!((size_at(part) as f64 - size).abs() <= 1.0, "{part}");
        }
        assert!(size_at(0.25) > 150 && size_at(0.25) < 15_000);
    }

    #[test]
    fn the_same_seed_gives_the_same_pulls() {
        let mut world = TraceGenerator::new(7);
        world.ordinary_day(0);
        let mut again = TraceGenerator::new(7);
        again.ordinary_day(0);
        assert_eq!(world.trace, again.trace);
        assert_ne!(world.trace.pulls(), TraceGenerator::new(8).trace.pulls());
        assert_eq!(world.trace.pulls().len() as u64, PULLS_A_DAY);
        assert!(world.trace.pulls().iter().all(|pull| pull.at < DAY));
    }
}

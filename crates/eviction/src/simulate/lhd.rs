//! LHD: what is expected to be hit least for the room and time it takes goes first.
//!
//! How likely blobs of an age are to be hit, and how long they stay, is learnt as it goes, apart for blobs that were hit
//! differently often.

use super::{by_blob::ByBlobPolicy, pool::Pool, trace::Trace};

/// How many blobs are looked at for each that goes.
const DRAWS: usize = 64;
/// Blobs are told apart by how often they were hit, up to so many times.
const CLASSES: usize = 8;
/// Into how many steps the ages are divided.
const AGES: usize = 256;
/// After how many accesses densities are computed anew.
const LEARN_EVERY: u64 = 1 << 14;
/// What earlier accesses count when they are.
const FADE: f64 = 0.9;

#[derive(Clone)]
struct Class {
    hits: [f64; AGES],
    evictions: [f64; AGES],
    density: [f64; AGES],
}

pub(super) struct Lhd<'a> {
    trace: &'a Trace,
    pool: Pool,
    classes: Vec<Class>,
    /// The length of a step, in accesses.
    step: u64,
    last: Vec<u64>,
    hits: Vec<u8>,
    learnt: u64,
}

impl<'a> Lhd<'a> {
    pub(super) fn new(trace: &'a Trace) -> Self {
        // Until something is learnt, young and often hit blobs are worth most.
        let density = |class: usize| std::array::from_fn(|age| (class + 1) as f64 / (age + 1) as f64);
        let class = |class| Class { hits: [0.0; AGES], evictions: [0.0; AGES], density: density(class) };
        let length = trace.accesses().count() as u64;
        Self {
            trace,
            pool: Pool::new(trace.blobs()),
            classes: (0..CLASSES).map(class).collect(),
            step: (length / (2 * AGES as u64)).max(1),
            last: vec![0; trace.blobs()],
            hits: vec![0; trace.blobs()],
            learnt: 0,
        }
    }

    fn age(&self, blob: u32, nth: u64) -> usize {
        (((nth - self.last[blob as usize]) / self.step) as usize).min(AGES - 1)
    }

    fn class(&self, blob: u32) -> usize {
        usize::from(self.hits[blob as usize]).min(CLASSES - 1)
    }

    fn learn(&mut self, nth: u64) {
        if nth - self.learnt < LEARN_EVERY {
            return;
        }
        self.learnt = nth;
        self.classes.iter_mut().for_each(Class::learn);
    }
}

impl Class {
    /// The chance of a hit from each age on, over the time until hit or eviction.
    fn learn(&mut self) {
        let (mut hits, mut events, mut time) = (0.0, 0.0, 0.0);
        for age in (0..AGES).rev() {
            hits += self.hits[age];
            events += self.hits[age] + self.evictions[age];
            time += events;
            if time > 0.0 {
                self.density[age] = hits / time;
            }
            self.hits[age] *= FADE;
            self.evictions[age] *= FADE;
        }
    }
}

impl ByBlobPolicy for Lhd<'_> {
    fn hit(&mut self, blob: u32, nth: u64) {
        let (class, age) = (self.class(blob), self.age(blob, nth));
        self.classes[class].hits[age] += 1.0;
        self.hits[blob as usize] = self.hits[blob as usize].saturating_add(1);
        self.last[blob as usize] = nth;
        self.learn(nth);
    }

    fn insert(&mut self, blob: u32, nth: u64) {
        self.hits[blob as usize] = 0;
        self.last[blob as usize] = nth;
        self.pool.insert(blob);
        self.learn(nth);
    }

    fn victim(&mut self, nth: u64) -> Option<u32> {
        let mut pool = std::mem::replace(&mut self.pool, Pool::new(0));
        let rank = |blob: u32| {
            let density = self.classes[self.class(blob)].density[self.age(blob, nth)];
            -density / self.trace.size(blob).max(1) as f64
        };
        let victim = pool.greatest(DRAWS, rank);
        if let Some(victim) = victim {
            pool.remove(victim);
            let (class, age) = (self.class(victim), self.age(victim, nth));
            self.classes[class].evictions[age] += 1.0;
        }
        self.pool = pool;
        victim
    }
}

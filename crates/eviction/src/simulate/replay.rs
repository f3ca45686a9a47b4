//! Replays a trace and counts what was found in the cache.

use super::{
    belady::Belady, by_blob::ByBlob, cache::Cache, lhd::Lhd, lru::Lru, ours::PlannerCache, s3_fifo::S3Fifo,
    trace::Trace,
};

/// The part of the pulls that only fill the cache.
const WARM_UP: f64 = 0.2;

/// What is kept when room is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The planner of this crate.
    Ours,
    /// Least recently used.
    Lru,
    /// Three queues, the first one small (Yang et al., SOSP 2023).
    S3Fifo,
    /// Least hit density (Beckmann et al., NSDI 2018).
    Lhd,
    /// What is needed again last and is large goes first. It knows the future, and is no bound where sizes differ.
    Belady,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ours, Self::Lru, Self::S3Fifo, Self::Lhd, Self::Belady];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "entrepot",
            Self::Lru => "LRU",
            Self::S3Fifo => "S3-FIFO",
            Self::Lhd => "LHD",
            Self::Belady => "Belady",
        }
    }
}

/// The parts of what was asked for that need no upstream, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ratios {
    /// Of the pulls: those that found the whole image.
    pub pulls: f64,
    /// Of the bytes.
    pub bytes: f64,
    /// Of the seconds that fetching everything would take.
    pub seconds: f64,
}

/// What a cache of `cap` bytes saves.
pub fn replay(trace: &Trace, cap: u64, policy: Policy) -> Ratios {
    let mut cache: Box<dyn Cache + '_> = match policy {
        Policy::Ours => Box::new(PlannerCache::new(trace, cap)),
        Policy::Lru => Box::new(ByBlob::new(trace, cap, Lru::new(trace))),
        Policy::S3Fifo => Box::new(ByBlob::new(trace, cap, S3Fifo::new(trace, cap))),
        Policy::Lhd => Box::new(ByBlob::new(trace, cap, Lhd::new(trace))),
        Policy::Belady => Box::new(ByBlob::new(trace, cap, Belady::new(trace))),
    };
    let warm = warm_up(trace);
    let (mut asked, mut missed) = (SavedSums::default(), SavedSums::default());
    for (nth, pull) in trace.pulls().iter().enumerate() {
        let missing = cache.pull(pull);
        if nth < warm {
            continue;
        }
        let (size, price) = (trace.image_size(pull.image), trace.price(pull.image));
        asked.add(size, price.of(size));
        if missing.blobs > 0 {
            missed.add(missing.bytes, price.of(missing.bytes));
        }
    }
    asked.without(&missed)
}

/// How many pulls only fill the cache.
pub(super) fn warm_up(trace: &Trace) -> usize {
    (trace.pulls().len() as f64 * WARM_UP) as usize
}

#[derive(Default)]
struct SavedSums {
    pulls: f64,
    bytes: f64,
    seconds: f64,
}

impl SavedSums {
    fn add(&mut self, bytes: u64, seconds: f64) {
        self.pulls += 1.0;
        self.bytes += bytes as f64;
        self.seconds += seconds;
    }

    fn without(&self, missed: &Self) -> Ratios {
        let part = |missed: f64, all: f64| if all > 0.0 { 1.0 - missed / all } else { 0.0 };
        Ratios {
            pulls: part(missed.pulls, self.pulls),
            bytes: part(missed.bytes, self.bytes),
            seconds: part(missed.seconds, self.seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{simulate::trace::TracePull, worth::FetchCost};

    const PRICE: FetchCost = FetchCost { per_byte: 1.0, per_image: 0.0 };

    /// Images of one blob each; pulls come an hour and a half apart, each by another client.
    fn trace(sizes: &[u64], pulls: &[u32]) -> Trace {
        let mut trace = Trace::new(vec![PRICE]);
        for size in sizes {
            let blob = trace.add_blob(*size);
            trace.add_image(vec![blob], 0);
        }
        for (nth, image) in pulls.iter().enumerate() {
            let nth = u32::try_from(nth).unwrap();
            trace.add_pull(TracePull { at: u64::from(nth) * 5400, image: *image, client: nth });
        }
        trace.in_order()
    }

    #[test]
    fn with_room_for_all_each_policy_misses_once() {
        let trace = trace(&[10, 20], &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!((trace.footprint(), trace.images(), warm_up(&trace)), (30, 2, 2));
        for policy in Policy::ALL {
            let all = replay(&trace, 1000, policy);
            assert_eq!((all.pulls, all.bytes, all.seconds), (1.0, 1.0, 1.0), "{}", policy.name());
        }
        assert_eq!(super::super::most_bytes(&trace, 1000), 1.0);
    }

    #[test]
    fn what_is_pulled_again_and_again_outlives_what_is_pulled_once() {
        // One that comes back after each four that do not; a cache of four.
        let pulls: Vec<u32> = (0..200).map(|nth| if nth % 5 == 0 { 0 } else { nth }).collect();
        let trace = trace(&[10; 200], &pulls);
        let cap = 42;
        let lru = replay(&trace, cap, Policy::Lru).bytes;
        let ours = replay(&trace, cap, Policy::Ours).bytes;
        let best = replay(&trace, cap, Policy::Belady).bytes;
        assert_eq!((lru, (best * 1000.0).round()), (0.0, 200.0));
        assert!(ours > 0.19, "{ours}");
        assert!(super::super::most_bytes(&trace, cap) >= best);
    }

    // Row 62
    #[test]
    fn one_that_would_push_out_all_others_is_not_kept() {
        let trace = trace(&[10, 10, 90], &[0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
        let ours = replay(&trace, 100, Policy::Ours);
        assert_eq!(ours.pulls, 1.0 - 4.0 / 10.0, "only the large one is fetched again");
    }

    #[test]
    fn shared_blobs_are_fetched_once() {
        let mut trace = Trace::new(vec![PRICE]);
        let base = trace.add_blob(100);
        for nth in 0..10 {
            let own = trace.add_blob(1);
            trace.add_image(vec![base, own, base], 0);
            trace.add_pull(TracePull { at: nth * 5400, image: u32::try_from(nth).unwrap(), client: 0 });
        }
        let ours = replay(&trace.in_order(), 1000, Policy::Ours);
        assert_eq!(ours.pulls, 0.0);
        assert!((ours.bytes - 100.0 / 101.0).abs() < 1e-9, "{ours:?}");
    }
}

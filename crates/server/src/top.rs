//! Who is served most, without counting everybody: the heaviest of a stream in bounded memory (Metwally et al., "Efficient
//! computation of frequent and top-k elements", 2005), with weights that fade.
//!
//! A thread takes note of every so many bytes and pulls only, of whatever is served at that moment: those who are served much
//! are met often, and all others cost nothing. Names are counted only after they were served.

use std::{
    cell::Cell,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use entrepot_access::Principal;
use entrepot_mirror::RepoKey;
use foldhash::quality::RandomState;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::client::Client;

/// How many are kept, and how many are shown: four families of so many series.
const KEPT: usize = 400;
const SHOWN: usize = 50;
/// After this time, what was served counts half: about a day is seen.
const HALF_LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// How many bytes and pulls a thread lets pass between two notes.
const BYTES: u64 = 4 << 20;
const PULLS: u64 = 8;

/// The heaviest of a stream, and about how much each has.
pub(crate) struct Heaviest<K> {
    weights: HashMap<K, f64, RandomState>,
    // Weights are those at this time.
    at: Instant,
}

impl<K: Clone + Eq + Hash + Ord> Heaviest<K> {
    pub(crate) fn new(now: Instant) -> Self {
        Self { weights: HashMap::default(), at: now }
    }

    /// Adds to one. A newcomer takes the place of the lightest and its weight: nobody is underestimated, and whoever is among the
    /// heavy is there.
    pub(crate) fn add(&mut self, key: &K, weight: f64, now: Instant) {
        self.fade(now);
        if let Some(known) = self.weights.get_mut(key) {
            *known += weight;
            return;
        }
        let mut start = 0.0;
        if self.weights.len() >= KEPT {
            let lightest = self.weights.iter().min_by(|(_, one), (_, other)| one.total_cmp(other));
            if let Some((lightest, least)) = lightest.map(|(key, least)| (key.clone(), *least)) {
                self.weights.remove(&lightest);
                start = least;
            }
        }
        self.weights.insert(key.clone(), start + weight);
    }

    /// The heaviest, in order.
    pub(crate) fn top(&mut self, most: usize, now: Instant) -> Vec<(K, f64)> {
        self.fade(now);
        let mut all: Vec<_> = self.weights.iter().map(|(key, weight)| (key.clone(), *weight)).collect();
        all.sort_by(|(one, left), (other, right)| right.total_cmp(left).then_with(|| one.cmp(other)));
        all.truncate(most);
        all
    }

    // Once a minute is often enough.
    fn fade(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.at);
        if since < Duration::from_secs(60) {
            return;
        }
        let factor = 0.5_f64.powf(since.as_secs_f64() / HALF_LIFE.as_secs_f64());
        self.weights.values_mut().for_each(|weight| *weight *= factor);
        self.weights.retain(|_, weight| *weight >= 0.5);
        self.at = now;
    }
}

/// What was served to somebody.
pub(crate) struct ServedContent<'a> {
    pub(crate) key: &'a RepoKey,
    pub(crate) principal: &'a Principal,
    pub(crate) client: Client,
    /// True for a manifest.
    pub(crate) is_pull: bool,
    pub(crate) bytes: u64,
}

/// The images and clients that are served most. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Top(Arc<TopTables>);

struct TopTables {
    tables: Mutex<Tables>,
    image_pulls: Family<ImageLabels, Gauge>,
    image_bytes: Family<ImageLabels, Gauge>,
    client_pulls: Family<ClientLabels, Gauge>,
    client_bytes: Family<ClientLabels, Gauge>,
}

struct Tables {
    image_pulls: Heaviest<String>,
    image_bytes: Heaviest<String>,
    client_pulls: Heaviest<String>,
    client_bytes: Heaviest<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ImageLabels {
    image: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientLabels {
    client: String,
}

thread_local! {
    static BYTES_LEFT: Cell<u64> = const { Cell::new(BYTES) };
    static PULLS_LEFT: Cell<u64> = const { Cell::new(PULLS) };
}

impl Default for Top {
    fn default() -> Self {
        let table = || Heaviest::new(Instant::now());
        let tables = Tables {
            image_pulls: table(),
            image_bytes: table(),
            client_pulls: table(),
            client_bytes: table(),
        };
        Self(Arc::new(TopTables {
            tables: Mutex::new(tables),
            image_pulls: Family::default(),
            image_bytes: Family::default(),
            client_pulls: Family::default(),
            client_bytes: Family::default(),
        }))
    }
}

impl Top {
    /// Registers the gauges on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let shared = &self.0;
        let pulls =
            "About how many manifests of an image were served in a day, of those that were served most";
        registry.register("entrepot_top_image_pulls", pulls, shared.image_pulls.clone());
        let bytes = "About how many bytes of an image were served in a day";
        registry.register("entrepot_top_image_bytes", bytes, shared.image_bytes.clone());
        let pulls = "About how many manifests a client was served in a day, of those that were served most";
        registry.register("entrepot_top_client_pulls", pulls, shared.client_pulls.clone());
        let bytes = "About how many bytes a client was served in a day";
        registry.register("entrepot_top_client_bytes", bytes, shared.client_bytes.clone());
    }

    /// Takes note of something that is served, once in a while.
    pub(crate) fn note(&self, served: &ServedContent<'_>) {
        let pulls = if served.is_pull { passed(&PULLS_LEFT, 1, PULLS) } else { 0 };
        let bytes = passed(&BYTES_LEFT, served.bytes, BYTES);
        if pulls > 0 || bytes > 0 {
            self.add(served, (pulls, bytes), Instant::now());
        }
    }

    #[cold]
    fn add(&self, served: &ServedContent<'_>, (pulls, bytes): (u64, u64), now: Instant) {
        let (image, client) = (served.key.to_string(), client(served));
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if pulls > 0 {
            tables.image_pulls.add(&image, pulls as f64, now);
            tables.client_pulls.add(&client, pulls as f64, now);
        }
        if bytes > 0 {
            tables.image_bytes.add(&image, bytes as f64, now);
            tables.client_bytes.add(&client, bytes as f64, now);
        }
    }

    /// Puts those that are heaviest now into the gauges, for a scrape that follows.
    pub(crate) fn publish(&self) {
        let now = Instant::now();
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let image = |image| ImageLabels { image };
        let client = |client| ClientLabels { client };
        fill(&self.0.image_pulls, tables.image_pulls.top(SHOWN, now), image);
        fill(&self.0.image_bytes, tables.image_bytes.top(SHOWN, now), image);
        fill(&self.0.client_pulls, tables.client_pulls.top(SHOWN, now), client);
        fill(&self.0.client_bytes, tables.client_bytes.top(SHOWN, now), client);
    }
}

fn fill<L: Clone + Eq + Hash>(
    family: &Family<L, Gauge>,
    top: Vec<(String, f64)>,
    label: impl Fn(String) -> L,
) {
    family.clear();
    for (name, weight) in top {
        // Far below what an `i64` holds.
        family.get_or_create(&label(name)).set(weight as i64);
    }
}

// How much has passed since the last note, in whole steps, once that is a step.
fn passed(left: &'static std::thread::LocalKey<Cell<u64>>, amount: u64, step: u64) -> u64 {
    left.with(|left| match left.get().checked_sub(amount) {
        Some(rest) if rest > 0 => {
            left.set(rest);
            0
        }
        _ => {
            let over = amount - left.get();
            left.set(step - over % step);
            step + over / step * step
        }
    })
}

fn client(served: &ServedContent<'_>) -> String {
    match (&served.principal.account(), served.client.address()) {
        (Some(_), _) | (None, None) => served.principal.label(),
        (None, Some(address)) => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // operate.md row 72
    #[test]
    fn memory_is_bounded_and_the_heavy_are_found_among_a_million_names() {
        let now = Instant::now();
        let mut table = Heaviest::new(now);
        for nth in 0..200_000_u32 {
            table.add(&format!("random-{nth}"), 1.0, now);
            if nth % 100 == 0 {
                table.add(&format!("heavy-{}", nth / 100 % 3), 50.0, now);
            }
        }
        assert!(table.weights.len() <= KEPT);
        let top: Vec<_> = table.top(3, now).into_iter().map(|(name, _)| name).collect();
        assert!(top.iter().all(|name| name.starts_with("heavy-")), "{top:?}");
    }

    #[test]
    fn what_is_long_ago_fades() {
        let now = Instant::now();
        let mut table = Heaviest::new(now);
        table.add(&"a", 100.0, now);
        table.add(&"b", 60.0, now + HALF_LIFE);
        let top = table.top(9, now + HALF_LIFE);
        assert_eq!(top.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["b", "a"]);
        assert!((top[1].1 - 50.0).abs() < 1.0, "{top:?}");
        assert!(table.top(9, now + HALF_LIFE * 9).is_empty());
    }

    proptest! {
        // Nothing is lost between notes but the rest of a step.
        #[test]
        fn steps_add_up(amounts in prop::collection::vec(0_u64..10_000, 1..200)) {
            thread_local! { static LEFT: Cell<u64> = const { Cell::new(1000) }; }
            LEFT.set(1000);
            let total: u64 = amounts.iter().sum();
            let noted: u64 = amounts.into_iter().map(|amount| passed(&LEFT, amount, 1000)).sum();
            prop_assert!(noted <= total && total - noted < 1000, "{noted} of {total}");
        }

        // Nobody is underestimated, and the sum of the weights is what was added.
        #[test]
        fn nobody_is_underestimated(adds in prop::collection::vec((0_u16..600, 1_u32..50), 1..2000)) {
            let now = Instant::now();
            let (mut table, mut exact) = (Heaviest::new(now), HashMap::new());
            for (key, weight) in &adds {
                table.add(key, f64::from(*weight), now);
                *exact.entry(*key).or_insert(0.0) += f64::from(*weight);
            }
            let total: f64 = exact.values().sum();
            let kept = table.top(KEPT, now);
            let sum: f64 = kept.iter().map(|(_, weight)| weight).sum();
            prop_assert!((sum - total).abs() < 0.001);
            for (key, weight) in kept {
                prop_assert!(weight >= exact[&key] - 0.001);
            }
        }
    }
}

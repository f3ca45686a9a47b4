//! How far a pull is, by what the engine says and what the manifest promised. Pure.
//!
//! Engines name layers by the beginning of their digests, take bytes back when they try again, and say nothing or count
//! seconds while they unpack. What is shown never goes back, and ends at the total.

use std::{collections::HashSet, time::Duration};

use entrepot_engine::{LayerStep, PullEvent};
use entrepot_mirror::Rate;
use entrepot_oci::Digest;

/// The shortest name of a layer.
const SHORTEST_NAME: usize = 12;
/// What an engine may shorten a digest to, so that it still means something.
const LEAST_DIGITS: usize = 8;
/// The most layers that an engine may invent.
const MOST_LAYERS: usize = 1024;

/// What a manifest promises: the layers of an image, and how many bytes its configuration has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullPlan {
    layers: Vec<(Digest, u64)>,
    config: u64,
}

/// How far a pull is.
#[derive(Clone, Debug)]
pub(crate) struct Tracker {
    layers: Vec<Layer>,
    /// `None` without a plan: then the engine's words are all there is.
    config: Option<u64>,
    rate: Rate,
    /// When a byte or a step came last.
    last_sign: Duration,
    has_begun: bool,
}

#[derive(Clone, Debug)]
struct Layer {
    name: String,
    /// All digits, where they are known.
    hex: Option<String>,
    size: Option<u64>,
    /// The most that was ever there.
    seen: u64,
    /// What is there now.
    now: u64,
    phase: LayerPhase,
}

/// What happens to a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerPhase {
    /// Nothing yet.
    Waiting,
    /// It arrives.
    Downloading,
    /// All of it is there.
    Downloaded,
    /// It is unpacked.
    Extracting,
    /// It is in place.
    Done,
}

/// What a pull does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPhase {
    /// It is looked up what there is to pull.
    Resolving,
    /// Layers arrive.
    Downloading,
    /// All layers are there, and are unpacked.
    Extracting,
}

/// How far a layer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerProgress {
    /// The beginning of its digest, as long as it takes to tell it from the others.
    pub name: String,
    /// What happens to it.
    pub phase: LayerPhase,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of the whole, if they are known.
    pub total: Option<u64>,
}

/// How far a pull is, to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullProgress {
    /// What it does.
    pub phase: PullPhase,
    /// Its layers.
    pub layers: Vec<LayerProgress>,
    /// How many of them are in place.
    pub layers_done: u64,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of the whole, if they are known.
    pub total: Option<u64>,
    /// Bytes a second, while they arrive.
    pub rate: Option<u64>,
    /// How long it takes until all bytes are there.
    pub left: Option<Duration>,
    /// How long nothing has happened.
    pub silent: Duration,
}

impl PullPlan {
    /// The plan of an image. A layer that is in it twice arrives once.
    pub fn new(layers: impl IntoIterator<Item = (Digest, u64)>, config: u64) -> Self {
        let mut known = HashSet::new();
        let layers = layers.into_iter().filter(|(digest, _)| known.insert(*digest)).collect();
        Self { layers, config }
    }

    /// Bytes of the whole.
    pub fn total(&self) -> u64 {
        self.layers.iter().map(|(_, size)| *size).fold(self.config, u64::saturating_add)
    }
}

impl Tracker {
    /// A pull that begins; all times are since then.
    pub(crate) fn new(plan: Option<&PullPlan>) -> Self {
        let mut layers: Vec<Layer> = Vec::new();
        for (digest, size) in plan.into_iter().flat_map(|plan| &plan.layers) {
            let hex = digest.hex().to_owned();
            layers.push(Layer::new(name(&hex, plan), Some(hex), Some(*size)));
        }
        let config = plan.map(|plan| plan.config);
        Self { layers, config, rate: Rate::default(), last_sign: Duration::ZERO, has_begun: false }
    }

    /// Takes what the engine says.
    pub(crate) fn take(&mut self, event: &PullEvent, now: Duration) {
        let PullEvent::Layer { id, step } = event else { return };
        self.has_begun = true;
        let Some(layer) = self.layer(id) else { return };
        let (came, is_step) = layer.take(step);
        if came > 0 {
            self.rate.add(came, now);
        }
        if came > 0 || is_step {
            self.last_sign = now;
        }
    }

    /// The engine has the image: whatever it did not speak of was there before.
    pub(crate) fn complete(&mut self) {
        self.has_begun = true;
        for layer in &mut self.layers {
            layer.complete(LayerPhase::Done);
        }
    }

    /// Whether nothing has happened for so long.
    pub(crate) fn is_stalled(&self, now: Duration, after: Duration) -> bool {
        now.saturating_sub(self.last_sign) >= after
    }

    /// How far it is.
    pub(crate) fn progress(&mut self, now: Duration) -> PullProgress {
        let phase = self.phase();
        let is_all_there = phase == PullPhase::Extracting;
        let config = self.config.unwrap_or_default();
        let layers = self.layers.iter().map(|layer| layer.seen).fold(0, u64::saturating_add);
        let done = layers.saturating_add(if is_all_there { config } else { 0 });
        let total = self.total();
        let rate = self.rate.at(now).filter(|_| phase == PullPhase::Downloading);
        let left = match (total, rate) {
            (Some(total), Some(rate @ 1..)) => Some(Duration::from_secs(total.saturating_sub(done) / rate)),
            _ => None,
        };
        PullProgress {
            phase,
            layers: self.layers.iter().map(Layer::progress).collect(),
            layers_done: self.layers.iter().map(|layer| u64::from(layer.phase == LayerPhase::Done)).sum(),
            done,
            total,
            rate,
            left,
            silent: now.saturating_sub(self.last_sign),
        }
    }

    fn phase(&self) -> PullPhase {
        let is_there = |layer: &Layer| layer.phase >= LayerPhase::Downloaded;
        match self.has_begun {
            false => PullPhase::Resolving,
            true if !self.layers.is_empty() && self.layers.iter().all(is_there) => PullPhase::Extracting,
            true => PullPhase::Downloading,
        }
    }

    // Without a plan, only when the engine has told the size of each.
    fn total(&self) -> Option<u64> {
        if self.layers.is_empty() && self.config.is_none() {
            return None;
        }
        let mut sizes = self.layers.iter().map(|layer| layer.size);
        sizes.try_fold(self.config.unwrap_or_default(), |sum, size| Some(sum.saturating_add(size?)))
    }

    // The layer that the engine means. With a plan, others are documents that are not counted.
    fn layer(&mut self, id: &str) -> Option<&mut Layer> {
        let digits = id.strip_prefix("sha256:").unwrap_or(id);
        let means = |layer: &Layer| match &layer.hex {
            Some(hex) => digits.len() >= LEAST_DIGITS && hex.starts_with(digits),
            None => layer.name == digits,
        };
        // Of several with one beginning, that which is not there yet.
        let open = self.layers.iter().position(|layer| means(layer) && layer.phase < LayerPhase::Done);
        if let Some(at) = open.or_else(|| self.layers.iter().position(means)) {
            return self.layers.get_mut(at);
        }
        if self.config.is_some() || self.layers.len() >= MOST_LAYERS {
            return None;
        }
        self.layers.push(Layer::new(digits.to_owned(), None, None));
        self.layers.last_mut()
    }
}

impl Layer {
    fn new(name: String, hex: Option<String>, size: Option<u64>) -> Self {
        Self { name, hex, size, seen: 0, now: 0, phase: LayerPhase::Waiting }
    }

    // Returns how many bytes came, and whether it is a sign of life without any.
    fn take(&mut self, step: &LayerStep) -> (u64, bool) {
        let before = self.phase;
        let came = match step {
            LayerStep::Waiting | LayerStep::Retrying => {
                self.now = 0;
                return (0, false);
            }
            LayerStep::Downloading { current, total } => {
                if self.hex.is_none() {
                    self.size = total.or(self.size);
                }
                self.reach(LayerPhase::Downloading, *current)
            }
            LayerStep::Verifying => self.reach(LayerPhase::Downloading, self.now),
            LayerStep::Downloaded => self.complete(LayerPhase::Downloaded),
            LayerStep::Extracting => {
                self.complete(LayerPhase::Extracting);
                // Each of them tells that it goes on.
                return (0, true);
            }
            // What was there before did not come.
            LayerStep::Done | LayerStep::Existed => {
                self.complete(LayerPhase::Done);
                0
            }
        };
        (came, self.phase > before)
    }

    fn reach(&mut self, phase: LayerPhase, current: u64) -> u64 {
        let current = self.size.map_or(current, |size| current.min(size));
        let came = current.saturating_sub(self.now);
        self.now = current;
        self.seen = self.seen.max(current);
        self.phase = self.phase.max(phase);
        came
    }

    fn complete(&mut self, phase: LayerPhase) -> u64 {
        let whole = self.size.unwrap_or(self.seen);
        self.size = Some(whole);
        self.reach(phase, whole)
    }

    fn progress(&self) -> LayerProgress {
        LayerProgress { name: self.name.clone(), phase: self.phase, done: self.seen, total: self.size }
    }
}

// As many digits as tell it from the other layers.
fn name(hex: &str, plan: Option<&PullPlan>) -> String {
    let others = plan.into_iter().flat_map(|plan| &plan.layers).map(|(digest, _)| digest.hex());
    let alike = others
        .filter(|other| *other != hex)
        .map(|other| other.bytes().zip(hex.bytes()).take_while(|(one, two)| one == two).count());
    let length = alike.map(|alike| alike + 1).max().unwrap_or(0).max(SHORTEST_NAME);
    hex.get(..length).unwrap_or(hex).to_owned()
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;

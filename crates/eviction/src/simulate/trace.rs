//! Pulls of images that are made of blobs.

use crate::worth::FetchCost;

/// A pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracePull {
    /// When, in seconds.
    pub at: u64,
    /// The image.
    pub image: u32,
    /// Who.
    pub client: u32,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Its blobs, each once.
    pub(crate) blobs: Vec<u32>,
    /// Its upstream.
    pub(crate) source: usize,
}

/// Pulls in the order of their times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    sizes: Vec<u64>,
    images: Vec<Image>,
    prices: Vec<FetchCost>,
    pulls: Vec<TracePull>,
}

impl Trace {
    /// A trace without pulls, of images from upstreams with these prices.
    pub fn new(prices: Vec<FetchCost>) -> Self {
        Self { prices, ..Self::default() }
    }

    /// Adds a blob. Returns its number.
    pub fn add_blob(&mut self, size: u64) -> u32 {
        self.sizes.push(size);
        number(self.sizes.len())
    }

    /// Adds an image of blobs from an upstream. Returns its number.
    pub fn add_image(&mut self, mut blobs: Vec<u32>, source: usize) -> u32 {
        blobs.sort_unstable();
        blobs.dedup();
        self.images.push(Image { blobs, source });
        number(self.images.len())
    }

    /// Adds a pull. The pulls are put in order by [`Trace::in_order`].
    pub fn add_pull(&mut self, pull: TracePull) {
        self.pulls.push(pull);
    }

    /// The trace with its pulls in the order of their times.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.pulls.sort_by_key(|pull| pull.at);
        self
    }

    /// The pulls.
    pub fn pulls(&self) -> &[TracePull] {
        &self.pulls
    }

    /// How many images there are.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// The bytes of all blobs of images that are pulled, each once.
    pub fn footprint(&self) -> u64 {
        let mut seen = vec![false; self.sizes.len()];
        let mut total = 0;
        for pull in &self.pulls {
            for blob in &self.image(pull.image).blobs {
                if !std::mem::replace(&mut seen[*blob as usize], true) {
                    total += self.size(*blob);
                }
            }
        }
        total
    }

    pub(crate) fn image(&self, number: u32) -> &Image {
        &self.images[number as usize]
    }

    pub(crate) fn blobs(&self) -> usize {
        self.sizes.len()
    }

    pub(crate) fn size(&self, blob: u32) -> u64 {
        self.sizes[blob as usize]
    }

    pub(crate) fn image_size(&self, image: u32) -> u64 {
        self.image(image).blobs.iter().map(|blob| self.size(*blob)).sum()
    }

    pub(crate) fn prices(&self) -> &[FetchCost] {
        &self.prices
    }

    pub(crate) fn price(&self, image: u32) -> &FetchCost {
        &self.prices[self.image(image).source]
    }

    /// All accesses to blobs in their order, as a cache of blobs sees them.
    pub(crate) fn accesses(&self) -> impl Iterator<Item = u32> {
        self.pulls.iter().flat_map(|pull| self.image(pull.image).blobs.iter().copied())
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length - 1).unwrap_or(u32::MAX)
}

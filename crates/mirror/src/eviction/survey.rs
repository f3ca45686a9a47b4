//! Reads all that is held into a stock, repository by repository.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use entrepot_catalog::{Origin, RepoKey};
use entrepot_eviction::{FetchCost, Item, Retention, Stock, spare_young};
use entrepot_oci::Host;
use entrepot_remote::PullQuota;
use foldhash::quality::RandomState;

use super::{
    images::{DigestNames, EvictionCandidate, RepositoryIndex, RepositoryPart},
    state::{STRAY, before},
};
use crate::{error::Error, mirror::Mirror};

/// The rate of a link that has not shown one yet, in bytes a second.
const USUAL_RATE: f64 = 10e6;
/// What the questions before the first byte of an image take, in seconds.
const ROUND_TRIPS: f64 = 1.0;
/// How much dearer is what cannot be fetched again, because its registry is not mirrored any more.
const LOST: f64 = 100.0;

/// All that is held.
pub(super) struct Survey {
    pub(super) stock: Stock,
    /// Items that are not in the stock yet.
    items: Vec<Item>,
    pub(super) prices: Vec<FetchCost>,
    /// For each item of the stock, which one it is.
    pub(super) parts: Vec<(usize, RepositoryPart)>,
    pub(super) repositories: Vec<RepoKey>,
}

impl Survey {
    fn add(&mut self, key: &RepoKey, source: usize, candidate: EvictionCandidate) {
        if self.repositories.last() != Some(key) {
            self.repositories.push(key.clone());
        }
        let units = candidate.units.iter().map(|(name, size)| self.stock.unit(*name, *size)).collect();
        let is_hosted = key.origin == Origin::Hosted;
        self.items.push(Item {
            units,
            retention: if is_hosted { Retention::Stays } else { candidate.retention },
            heat: candidate.heat,
            last_used: candidate.last_used,
            source,
        });
        self.parts.push((self.repositories.len() - 1, candidate.part));
    }
}

/// The prices of all upstreams, and that of registries which are none any more.
struct Prices {
    all: Vec<FetchCost>,
    of: HashMap<Host, usize, RandomState>,
}

impl Prices {
    fn source(&self, origin: &Origin) -> usize {
        match origin {
            Origin::Upstream(host) => self.of.get(host).copied().unwrap_or_default(),
            Origin::Hosted => 0,
        }
    }
}

impl Mirror {
    /// Reads all that is held.
    pub(super) async fn survey(&self, now: SystemTime) -> Result<Survey, Error> {
        let prices = self.prices();
        let names = DigestNames::new();
        let mut survey = Survey {
            stock: Stock::default(),
            items: Vec::new(),
            prices: prices.all.clone(),
            parts: Vec::new(),
            repositories: Vec::new(),
        };
        let mut after = None;
        loop {
            let next = self.0.holdings.next_repositories(after).await?;
            let Some(last) = next.last() else { break };
            after = Some(last.id);
            for repository in &next {
                let mut collected = RepositoryIndex::new(&names);
                self.0.holdings.contents(repository, &mut |content| collected.add(content)).await?;
                let source = prices.source(&repository.key.origin);
                for found in collected.parts(before(now, STRAY), now) {
                    survey.add(&repository.key, source, found);
                }
            }
        }
        let of = self.0.eviction.limits.max_size().unwrap_or(u64::MAX);
        spare_young(&survey.stock, &mut survey.items, now, of);
        for item in std::mem::take(&mut survey.items) {
            survey.stock.add(item);
        }
        Ok(survey)
    }

    fn prices(&self) -> Prices {
        let usual = price(None, None);
        let lost = FetchCost { per_byte: usual.per_byte * LOST, per_image: usual.per_image * LOST };
        let mut prices = Prices { all: vec![lost], of: HashMap::default() };
        for upstream in self.0.upstreams.all() {
            prices.of.insert(upstream.host().clone(), prices.all.len());
            prices.all.push(price(upstream.rate(), upstream.pull_quota()));
        }
        prices
    }
}

/// What fetching from an upstream costs: the time on its link, which has shown a rate in bytes a second, and a share of the
/// pulls that it allows, the dearer the fewer are left.
fn price(rate: Option<f64>, quota: Option<PullQuota>) -> FetchCost {
    let scarce = quota.filter(|quota| quota.limit > 0).map_or(0.0, |quota| {
        let window = quota.window.unwrap_or(Duration::from_secs(60 * 60)).as_secs_f64();
        let used = 1.0 - (quota.remaining as f64 / quota.limit as f64).min(1.0);
        window / quota.limit as f64 * used
    });
    FetchCost { per_byte: 1.0 / rate.unwrap_or(USUAL_RATE).max(1.0), per_image: ROUND_TRIPS + scarce }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_links_and_scarce_pulls_are_dear() {
        let quota =
            |remaining| Some(PullQuota { limit: 100, remaining, window: Some(Duration::from_secs(21_600)) });
        assert_eq!(price(None, None), FetchCost { per_byte: 1e-7, per_image: 1.0 });
        assert_eq!(price(Some(1e6), quota(100)), FetchCost { per_byte: 1e-6, per_image: 1.0 });
        assert_eq!(price(Some(0.0), quota(0)), FetchCost { per_byte: 1.0, per_image: 217.0 });
        assert_eq!(price(None, quota(500)).per_image, 1.0);
        let none = PullQuota { limit: 0, remaining: 0, window: None };
        assert_eq!(price(None, Some(none)).per_image, 1.0);
    }
}

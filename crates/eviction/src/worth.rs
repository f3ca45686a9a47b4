//! What an image is worth for each byte that its going would free (greedy-dual size frequency).

use crate::stock::{Holders, Item, Stock};

/// What fetching from an upstream costs, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FetchCost {
    /// For each byte: the inverse of the rate that its link has shown.
    pub per_byte: f64,
    /// For each image: round trips, and what a pull is worth where the upstream allows few.
    pub per_image: f64,
}

impl FetchCost {
    /// What fetching an image's missing bytes costs.
    pub fn of(&self, bytes: u64) -> f64 {
        bytes as f64 * self.per_byte + self.per_image
    }
}

/// The bytes that an image's going frees: those that only it has, and its share of those that others which may go have too.
pub(crate) fn share(stock: &Stock, holders: &Holders, item: &Item) -> f64 {
    let free = item.units.iter().filter(|unit| !stock.is_kept(**unit));
    free.map(|unit| stock.size(*unit) as f64 / f64::from(holders.of(*unit).max(1))).sum()
}

/// Nearly half of all images are pulled once, and what was pulled twice will be pulled again much more often than twice as
/// likely. So pulls count more than in proportion; the exponent is the best one on generated traces.
const EAGERNESS: f64 = 2.5;

/// The seconds that a byte of it saves, weighed by how likely it is pulled again. What frees nothing is worth keeping whatever it is.
pub(crate) fn worth(item: &Item, share: f64, price: &FetchCost) -> f64 {
    if share <= 0.0 {
        return f64::INFINITY;
    }
    item.heat.powf(EAGERNESS) * (price.per_byte + price.per_image / share)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::stock::Retention;

    fn item(heat: f64) -> Item {
        Item { units: Vec::new(), retention: Retention::MayGo, heat, last_used: UNIX_EPOCH, source: 0 }
    }

    #[test]
    fn what_is_wanted_far_away_and_small_is_worth_more() {
        let near = FetchCost { per_byte: 1e-8, per_image: 1.0 };
        let far = FetchCost { per_byte: 1e-6, per_image: 1.0 };
        assert!(worth(&item(2.0), 1e6, &near) > worth(&item(1.0), 1e6, &near));
        assert!(worth(&item(1.0), 1e6, &far) > worth(&item(1.0), 1e6, &near));
        assert!(worth(&item(1.0), 1e3, &near) > worth(&item(1.0), 1e6, &near));
        assert_eq!(worth(&item(0.0), 0.0, &near), f64::INFINITY);
        assert_eq!(near.of(100_000_000), 2.0);
    }
}

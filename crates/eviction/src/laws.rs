//! What holds for every plan.

use std::{
    collections::HashSet,
    time::{Duration, UNIX_EPOCH},
};

use proptest::{collection::vec, prelude::*};

use crate::{EvictionGoal, FetchCost, Item, Reason, Retention, Stock, plan};

const PRICE: FetchCost = FetchCost { per_byte: 1e-7, per_image: 0.5 };

/// An image: its units, whether it stays, its heat and its age.
type DrawnImage = (Vec<u64>, bool, f64, u64);

fn images() -> impl Strategy<Value = Vec<DrawnImage>> {
    vec((vec(0_u64..40, 0..6), prop::bool::weighted(0.2), 0.0..20.0, 0_u64..1000), 0..40)
}

fn size(name: u64) -> u64 {
    name * name * 100
}

fn stock(images: &[DrawnImage]) -> Stock {
    let mut stock = Stock::default();
    for (names, stays, heat, used) in images {
        let units = names.iter().map(|name| stock.unit(*name, size(*name))).collect();
        let standing = if *stays { Retention::Stays } else { Retention::MayGo };
        let last_used = UNIX_EPOCH + Duration::from_secs(*used);
        stock.add(Item { units, retention: standing, heat: *heat, last_used, source: 0 });
    }
    stock
}

/// The bytes of all that is left, found the long way.
fn left(images: &[DrawnImage], gone: &HashSet<usize>) -> u64 {
    let stay = images.iter().enumerate().filter(|(number, _)| !gone.contains(number));
    let names: HashSet<u64> = stay.flat_map(|(_, (names, ..))| names.iter().copied()).collect();
    names.into_iter().map(size).sum()
}

proptest! {
    #[test]
    fn a_plan_frees_what_it_says_and_no_image_more_than_it_must(
        images in images(), free in 0_u64..2_000_000, since in prop::option::of(0_u64..1000),
    ) {
        let stock = stock(&images);
        let unused_since = since.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        let plan = plan(&stock, &[PRICE], &EvictionGoal { free, unused_since });
        let mut gone = HashSet::new();
        let mut before = left(&images, &gone);
        prop_assert_eq!(before, stock.bytes());
        for choice in &plan {
            prop_assert!(gone.insert(choice.item), "one goes once");
            prop_assert_eq!(stock.items()[choice.item].retention, Retention::MayGo);
            let after = left(&images, &gone);
            prop_assert_eq!(choice.frees, before - after);
            before = after;
        }
        let freed: u64 = plan.iter().map(|choice| choice.frees).sum();
        prop_assert!(before >= stock.bytes_that_stay());
        if freed < free {
            prop_assert_eq!(before, stock.bytes_that_stay(), "all that could be freed is");
        }
        match plan.split_last() {
            Some((last, rest)) if last.reason == Reason::Room => {
                prop_assert!(rest.iter().map(|choice| choice.frees).sum::<u64>() < free);
            }
            _ => {}
        }
        let expired = plan.iter().filter(|choice| choice.reason == Reason::Expired).count();
        let old = stock.items().iter().filter(|item| {
            item.retention == Retention::MayGo && unused_since.is_some_and(|since| item.last_used < since)
        });
        prop_assert_eq!(expired, old.count());
    }

    #[test]
    fn the_same_stock_gives_the_same_plan_however_much_later(images in images(), free in 0_u64..2_000_000) {
        let goal = EvictionGoal { free, unused_since: None };
        let first = plan(&stock(&images), &[PRICE], &goal);
        prop_assert_eq!(&first, &plan(&stock(&images), &[PRICE], &goal));
    }
}

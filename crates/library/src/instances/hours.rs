//! When accounts have used up their hours of cards, for those that have a limit.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::SystemTime,
};

use entrepot_catalog::{Catalog, Error, InstanceRecord, PeriodRecord};
use tokio::sync::Mutex;

use super::{quota, settings::QuotaSettings};
use crate::library::Library;

/// How many limits are read at a time.
const PAGE: usize = 500;

/// The limits on hours as they are now, and what is known of how far accounts are.
pub(super) struct Hours {
    catalog: Catalog,
    usual: Option<u64>,
    set: BTreeMap<i64, Option<u64>>,
    now: SystemTime,
    accounts: Mutex<BTreeMap<i64, AccountUsage>>,
}

/// How far an account is.
#[derive(Default)]
struct AccountUsage {
    /// When its hours end.
    ends: Option<SystemTime>,
    /// Its instances that use them.
    running: BTreeSet<i64>,
}

impl Library {
    /// The limits on hours as they are now.
    pub(super) async fn hours(&self, now: SystemTime) -> Result<Hours, Error> {
        let (catalog, mut set, mut after) = (self.0.catalog.clone(), BTreeMap::new(), -1);
        loop {
            let page = catalog.quotas(after, PAGE).await?;
            set.extend(page.rows.iter().map(|quota| (quota.account_id, quota.hours)));
            match page.rows.last().filter(|_| page.more) {
                Some(last) => after = last.account_id,
                None => break,
            }
        }
        let QuotaSettings { hours: usual, .. } = self.0.settings.instances.quota;
        Ok(Hours { catalog, usual, set, now, accounts: Mutex::default() })
    }
}

impl Hours {
    /// When an instance is stopped because its account has used up its hours; `None`: it is not.
    pub(super) async fn end(&self, instance: &InstanceRecord) -> Result<Option<SystemTime>, Error> {
        let account = instance.account_id;
        let Some(hours) = self.set.get(&account).copied().unwrap_or(self.usual) else { return Ok(None) };
        let mut accounts = self.accounts.lock().await;
        let used = match accounts.entry(account) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let periods = self.catalog.periods_of_month(account, self.now).await?;
                free.insert(used(&periods, hours, self.now))
            }
        };
        Ok(used.ends.filter(|_| used.running.contains(&instance.id)))
    }
}

fn used(periods: &[PeriodRecord], hours: u64, now: SystemTime) -> AccountUsage {
    let running = periods.iter().filter(|period| period.ended.is_none() && period.cards > 0);
    AccountUsage {
        ends: quota::ends(periods, hours, now),
        running: running.map(|period| period.instance_id).collect(),
    }
}

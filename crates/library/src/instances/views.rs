//! Instances as people see them.

use std::{collections::BTreeMap, time::SystemTime};

use entrepot_catalog::{
    AllocationRecord, InstanceFilter, InstanceRecord, Listing, NodeRecord, PeriodRecord, PortRecord,
    SpecFilter, VolumeRecord,
};

use super::{
    clock, ground,
    hours::Hours,
    quota,
    request::RunSettings,
    settings::QuotaSettings,
    snapshot::{Snapshot, SpecSnapshot},
};
use crate::{
    error::Error,
    ids::InstanceId,
    library::Library,
    lifecycle::{self, Period},
};

/// An instance with all that belongs to it.
#[derive(Clone, Debug)]
pub struct InstanceView {
    /// What is recorded of it.
    pub record: InstanceRecord,
    /// The entry and the spec as they were.
    pub snapshot: Snapshot,
    /// What its container is made with.
    pub asked: RunSettings,
    /// What it has of which cards.
    pub cards: Vec<AllocationRecord>,
    /// Its published ports.
    pub ports: Vec<PortRecord>,
    /// The name of its node.
    pub node: String,
    /// Where people reach its ports.
    pub host: Option<String>,
    /// When it is stopped.
    pub stop_at: Option<SystemTime>,
    /// When it is removed.
    pub release_at: Option<SystemTime>,
}

/// How often a spec fits now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Free {
    /// The spec.
    pub spec: SpecSnapshot,
    /// How many instances with it could be made now.
    pub instances: u64,
}

/// For how long a run is charged so far, and what that costs in ten-thousandths of the currency.
pub fn cost_of(period: &PeriodRecord, now: SystemTime) -> (std::time::Duration, u64) {
    let run = Period { started: period.started, ended: period.ended };
    let billable = run.billable(SystemTime::UNIX_EPOCH, now);
    (billable, lifecycle::cost(billable, period.price))
}

/// What an account may have, and has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// What it may have at most.
    pub limits: QuotaSettings,
    /// Its instances.
    pub instances: u64,
    /// The cards that it has, or parts of cards.
    pub cards: u64,
    /// For how long its cards were used in this month.
    pub used: std::time::Duration,
}

impl Library {
    /// The instances that a filter selects, the latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn instances(
        &self,
        filter: &InstanceFilter,
        limit: usize,
    ) -> Result<Listing<InstanceView>, Error> {
        let page = self.0.catalog.instances(filter, limit).await?;
        let nodes: BTreeMap<_, _> = self.all_nodes().await?.into_iter().map(|node| (node.id, node)).collect();
        let hours = self.hours(SystemTime::now()).await?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for record in page.rows {
            let node = nodes.get(&record.node_id);
            rows.push(self.view(record, node, &hours).await?);
        }
        Ok(Listing { rows, more: page.more })
    }

    /// An instance, for whom it belongs to or who sees all.
    ///
    /// # Errors
    /// There is none.
    pub async fn instance(&self, id: InstanceId, account: Option<i64>) -> Result<InstanceView, Error> {
        let record = self.own(id, account).await?;
        let node = self.0.catalog.node(record.node_id).await?;
        let hours = self.hours(SystemTime::now()).await?;
        self.view(record, node.as_ref(), &hours).await
    }

    async fn view(
        &self,
        record: InstanceRecord,
        node: Option<&NodeRecord>,
        hours: &Hours,
    ) -> Result<InstanceView, Error> {
        let quota = hours.end(&record).await?;
        Ok(InstanceView {
            snapshot: Snapshot::read(&record.snapshot)?,
            asked: RunSettings::read(&record.settings)?,
            cards: self.0.catalog.instance_cards(record.id).await?,
            ports: self.0.catalog.instance_ports(record.id).await?,
            node: node.map(|node| node.settings.name.clone()).unwrap_or_default(),
            host: node.and_then(|node| node.settings.public_host.clone()),
            stop_at: clock::stop(&record, quota).map(|(at, _)| at).or(record.stop_at),
            release_at: clock::release(&record, self.0.settings.instances.release_stopped_after),
            record,
        })
    }

    /// How often each spec on the shelf fits now, in a region or anywhere.
    ///
    /// # Errors
    /// The database failed.
    pub async fn free(&self, region: Option<&str>) -> Result<Vec<Free>, Error> {
        let ground = self.0.catalog.ground(0, SystemTime::now()).await?;
        let overhead = self.0.settings.instances.slice_overhead_mib;
        let mut filter = SpecFilter { on_shelf: Some(true), ..SpecFilter::default() };
        let mut all = Vec::new();
        loop {
            let page = self.0.catalog.specs(&filter, 500).await?;
            filter.after = page.rows.last().map(|spec| spec.fields.name.clone());
            all.extend(page.rows.iter().map(|spec| {
                let spec = SpecSnapshot::of(spec);
                Free { instances: ground::room(&ground.nodes, &spec.demand(true), region, overhead), spec }
            }));
            if !page.more {
                return Ok(all);
            }
        }
    }

    /// What an account may have, and has.
    ///
    /// # Errors
    /// The database failed.
    pub async fn allowance(&self, account: i64) -> Result<Allowance, Error> {
        let now = SystemTime::now();
        let holdings = self.0.catalog.ground(account, now).await?.holdings;
        Ok(Allowance {
            limits: quota::limits(holdings.quota, self.0.settings.instances.quota),
            instances: holdings.instances,
            cards: holdings.cards,
            used: quota::used(&holdings.periods, now),
        })
    }

    /// When an instance ran, the first run first.
    ///
    /// # Errors
    /// There is no such instance.
    pub async fn instance_periods(
        &self,
        id: InstanceId,
        account: Option<i64>,
        after: Option<SystemTime>,
        limit: usize,
    ) -> Result<Listing<PeriodRecord>, Error> {
        let instance = self.own(id, account).await?;
        Ok(self.0.catalog.periods(instance.id, after, limit).await?)
    }

    /// Volumes, of one account or all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn volumes(
        &self,
        account: Option<i64>,
        after: &str,
        limit: usize,
    ) -> Result<Listing<VolumeRecord>, Error> {
        Ok(self.0.catalog.volumes(account, after, limit).await?)
    }
}

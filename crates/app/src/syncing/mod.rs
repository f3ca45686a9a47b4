//! What `serve` does with the rules: they run when they are due, and again as they are written after a change.
//!
//! - `work`: how a run is carried out, from survey and plan to the engine
//! - `reload`: the configuration is looked at every few seconds, and taken or refused

mod reload;
mod work;

use std::{sync::Arc, time::SystemTime};

use entrepot_catalog::Catalog;
use entrepot_scheduler::{CatalogLedger, Metrics, Parts, Scheduler, Work};
use prometheus_client::registry::Registry;

pub(crate) use reload::Reload;

use crate::{
    config::{Config, Environment},
    failure::Failure,
    world::Standalone,
};

/// Makes the scheduler of a configuration; its counters are put on `registry`.
///
/// # Errors
/// What is remembered of rules cannot be looked up.
pub(crate) async fn open(
    config: &Config,
    environment: &Environment,
    catalog: &Catalog,
    registry: &mut Registry,
) -> Result<Scheduler, Failure> {
    let metrics = Metrics::default();
    metrics.register(registry);
    let parts = Parts {
        catalog: catalog.clone(),
        rules: config.rules.set.clone(),
        work: work_of(config, environment, catalog),
        metrics,
        clock: Arc::new(SystemTime::now),
    };
    let opened = Scheduler::open(parts).await;
    opened.map_err(|error| Failure::because("cannot look up what is remembered of syncs", &error))
}

/// How runs are carried out with the registries of `config`.
fn work_of(config: &Config, environment: &Environment, catalog: &Catalog) -> Work {
    let ledger = Arc::new(CatalogLedger::new(catalog.clone()));
    let world = Standalone::with_ledger(config.registries.clone(), environment, ledger);
    work::work(Arc::new(world))
}

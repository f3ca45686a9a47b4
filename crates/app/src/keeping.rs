//! Keep lists while the server runs: they yield to requests, and are read again when their files change.

use std::sync::Arc;

use entrepot_catalog::Catalog;
use entrepot_keep::{KeepList, Keeper, Parts};
use entrepot_mirror::Mirror;
use entrepot_requests::Requests;
use prometheus_client::registry::Registry;

use crate::{config::Config, failure::Failure};

/// Opens the keep lists of a configuration; their metrics are added to `registry`.
///
/// # Errors
/// What is recorded of them cannot be read.
pub(crate) async fn open(
    config: &Config,
    (catalog, mirror): (&Catalog, &Mirror),
    requests: Option<&Requests>,
    registry: &mut Registry,
) -> Result<Keeper, Failure> {
    let requests = requests.cloned();
    let parts = Parts {
        catalog: catalog.clone(),
        mirror: mirror.clone(),
        lists: config.keep.lists.clone(),
        is_busy: Arc::new(move || requests.as_ref().is_some_and(Requests::are_open)),
    };
    let keeper = Keeper::open(parts).await;
    let keeper = keeper.map_err(|error| Failure::because("cannot read how keep lists stand", &error))?;
    keeper.register(registry);
    Ok(keeper)
}

/// Puts other lists into force.
pub(crate) fn replace(keeper: &Keeper, lists: Vec<KeepList>) {
    if keeper.lists() == lists {
        return;
    }
    let keeper = keeper.clone();
    tokio::spawn(async move {
        let count = lists.len();
        match keeper.replace(lists).await {
            Ok(()) => tracing::info!(lists = count, "the keep lists were changed and are in force"),
            Err(error) => tracing::error!(%error, "the keep lists were changed and cannot be taken"),
        }
    });
}

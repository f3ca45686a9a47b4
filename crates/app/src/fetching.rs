//! What is fetched without a pull while the server runs: images that people ask for, and keep lists, which yield to them.

use std::sync::Arc;

use entrepot_catalog::Catalog;
use entrepot_events::EventSender;
use entrepot_keep::{KeepList, Keeper};
use entrepot_mirror::Mirror;
use entrepot_requests::Requests;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, failure::Failure};

/// What is fetched without a pull. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Fetching {
    /// The images that people ask for; `None` if nobody may.
    pub(crate) requests: Option<Requests>,
    /// The keep lists.
    pub(crate) keeper: Keeper,
}

impl Fetching {
    /// Takes up what an earlier server left; the metrics are added to `registry`.
    ///
    /// # Errors
    /// What is recorded cannot be read.
    pub(crate) async fn open(
        config: &Config,
        (catalog, events): (&Catalog, &EventSender),
        mirror: &Mirror,
        registry: &mut Registry,
    ) -> Result<Self, Failure> {
        let requests = requests(config, (catalog, events), mirror).await?;
        if let Some(requests) = &requests {
            requests.register(registry);
        }
        let asked = requests.clone();
        let keeper = Keeper::open(entrepot_keep::KeeperParts {
            catalog: catalog.clone(),
            mirror: mirror.clone(),
            lists: config.keep.lists.clone(),
            is_busy: Arc::new(move || asked.as_ref().is_some_and(Requests::are_open)),
        });
        let keeper =
            keeper.await.map_err(|error| Failure::because("cannot read how keep lists stand", &error))?;
        keeper.register(registry);
        Ok(Self { requests, keeper })
    }

    /// Works until `stop`.
    pub(crate) async fn work(self, stop: CancellationToken) {
        let asked_for = async {
            if let Some(requests) = &self.requests {
                requests.work(stop.clone()).await;
            }
        };
        tokio::join!(asked_for, self.keeper.work(stop.clone()));
    }
}

async fn requests(
    config: &Config,
    (catalog, events): (&Catalog, &EventSender),
    mirror: &Mirror,
) -> Result<Option<Requests>, Failure> {
    let Some(settings) = &config.requests else { return Ok(None) };
    let requests = Requests::new(entrepot_requests::RequestsParts {
        catalog: catalog.clone(),
        mirror: mirror.clone(),
        events: events.clone(),
        settings: settings.meant.clone(),
    });
    let resumed = requests.resume().await;
    resumed.map_err(|error| Failure::because("cannot read what images were asked for", &error))?;
    Ok(Some(requests))
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

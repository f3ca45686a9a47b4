//! Assembles the mirror: the only place that knows how to construct every part.

use std::sync::Arc;

use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, Location};
use entrepot_events::{EventReceiver, EventSender};
use entrepot_mirror::{
    Clock, LinkMetrics, Mirror, MirrorMetrics, MirrorParts, MirrorSettings, UpstreamParts,
};
use entrepot_oci::Host;
use entrepot_remote::{LinkTable, Quotas, Remote, RemoteSettings, RequestOutcome, StoredCredentials};
use prometheus_client::registry::Registry;

use crate::{
    config::{self, Config},
    data::{DataDir, Lock},
    failure::Failure,
};

/// A mirror whose background tasks are not started yet, with the parts it depends on.
pub(crate) struct Assembly {
    /// The mirror.
    pub(crate) mirror: Mirror,
    /// The blob store.
    pub(crate) blobs: Blobs,
    /// The catalog database.
    pub(crate) catalog: Catalog,
    /// The stored credentials that the upstreams use; there are none until somebody puts them in.
    pub(crate) stored: StoredCredentials,
    /// What accounts have left of the upstreams' pulls.
    pub(crate) quotas: Quotas,
    /// Where it is told what operators want to hear, and where that arrives.
    pub(crate) events: (EventSender, EventReceiver),
    /// The links that registries share.
    pub(crate) links: LinkTable,
    /// The registry for metrics.
    pub(crate) registry: Registry,
    /// Lock on the data directory, held as long as the mirror exists.
    pub(crate) lock: Lock,
}

/// Assembles a mirror in a locked data directory.
///
/// # Errors
/// A part cannot be opened; the message is for the operator.
pub(crate) async fn assemble(config: &Config, data: &DataDir, lock: Lock) -> Result<Assembly, Failure> {
    install_crypto();
    let blobs = Blobs::open(data.path(), config.s3.as_ref()).await;
    let blobs = blobs.map_err(|error| Failure::because("cannot open the blob store", &error))?;
    let catalog = catalog(config, data).await?;
    let metrics = MirrorMetrics::default();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let events = entrepot_events::channel(entrepot_webhooks::wanted(&config.webhooks.meant));
    let upstreams = config.registries.iter().filter(|(_, registry)| registry.mirror);
    let (stored, quotas, links) = (StoredCredentials::default(), Quotas::default(), LinkTable::default());
    registry.register_collector(Box::new(LinkMetrics::new(links.clone())));
    let shared = UpstreamContext { stored: &stored, quotas: &quotas, links: &links, metrics: &metrics };
    let upstreams = upstreams.map(|(host, registry)| upstream(host, registry, &shared));
    let parts = MirrorParts {
        settings: MirrorSettings {
            own_names: config.own_names(),
            own_addresses: config.own_addresses(),
            ..config.mirror.clone()
        },
        upstreams: upstreams.collect::<Result<_, Failure>>()?,
        hosted: config.hosted.clone(),
        blobs: blobs.clone(),
        catalog: catalog.clone(),
        metrics: metrics.clone(),
        events: events.0.clone(),
        clock: Clock::System,
    };
    let mirror = Mirror::open(parts).map_err(|error| Failure::because("cannot set up the mirror", &error))?;
    Ok(Assembly { mirror, blobs, catalog, stored, quotas, links, events, registry, lock })
}

/// Checks that the blob store takes our requests. One that does not answer may come back, and until then what is mirrored
/// goes through: that is only logged.
///
/// # Errors
/// It refuses us, or has no such bucket; the message is for the operator.
pub(crate) async fn check_store(blobs: &Blobs) -> Result<(), Failure> {
    match blobs.check().await {
        Ok(()) => Ok(()),
        Err(error) if error.is_unavailable() => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the blob store does not answer: what is mirrored is passed through until it does");
            Ok(())
        }
        Err(error) => Err(Failure::because("the blob store cannot be used", &error).with_hint(
            "look at `blobs.s3` in the configuration: the bucket must exist, and its key must be allowed to list, read and \
             write it",
        )),
    }
}

/// Installs the crypto provider, once for the whole process.
pub(crate) fn install_crypto() {
    // Fails only if a provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Opens the catalog.
///
/// # Errors
/// It cannot be opened; the message is for the operator.
pub(crate) async fn catalog(config: &Config, data: &DataDir) -> Result<Catalog, Failure> {
    let (location, hint) = match &config.database {
        Some(url) => {
            (Location::Postgres(url.clone()), "look at `database` in the configuration, and whether it runs")
        }
        None => (Location::Sqlite(data.database()), "it must be a file that this user may read and write"),
    };
    let opened = Catalog::open(&location).await;
    opened.map_err(|error| Failure::because("cannot open the catalog", &error).with_hint(hint))
}

/// What upstreams have in common.
struct UpstreamContext<'a> {
    stored: &'a StoredCredentials,
    quotas: &'a Quotas,
    links: &'a LinkTable,
    metrics: &'a MirrorMetrics,
}

fn upstream(
    host: &Host,
    registry: &config::Registry,
    shared: &UpstreamContext<'_>,
) -> Result<UpstreamParts, Failure> {
    let settings = RemoteSettings {
        stored: shared.stored.clone(),
        quotas: shared.quotas.clone(),
        link_table: shared.links.clone(),
        reserve: registry.habits.reserve.map(u64::from),
        ..registry.remote.clone()
    };
    let remote = Remote::new(host.clone(), &settings).map_err(|error| {
        Failure::because(format!("cannot set up registry `{host}`"), &error)
            .with_hint("look at its section under `registries` in the configuration")
    })?;
    let (metrics, asked) = (shared.metrics.clone(), remote.clone());
    let count = move |host: &Host, outcome: RequestOutcome| {
        metrics.upstream_request(host, outcome);
        if let Some(told) = asked.pull_quota() {
            metrics.rate_limit(host, told);
        }
        metrics.account_quotas(host, &asked.account_quotas());
    };
    Ok(UpstreamParts {
        remote: remote.on_request(Arc::new(count)),
        alias: registry.alias.clone(),
        freshness: registry.freshness.clone(),
    })
}

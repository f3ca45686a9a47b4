//! The parts of a server for unit tests: a real mirror in a directory, with an unreachable upstream.

use std::path::Path;

use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, Location};
use entrepot_events::EventSender;
use entrepot_mirror::{Clock, Freshness, Mirror, MirrorSettings, UpstreamParts};
use entrepot_oci::Host;
use entrepot_policy::ModeSettings;
use entrepot_remote::Remote;
use prometheus_client::registry::Registry;

use crate::{
    LimitsInForce, ModesInForce, Policy, RulesInForce, ServerMetrics, ServerParts, ServiceNotice, Top,
};

// Nothing listens on port 1, so requests to the upstream fail at once.
pub(crate) async fn parts(data: &Path) -> ServerParts {
    let settings = entrepot_remote::RemoteSettings {
        endpoints: vec!["http://127.0.0.1:1".parse().unwrap()],
        ..entrepot_remote::RemoteSettings::default()
    };
    let remote = Remote::new(Host::docker_hub(), &settings).unwrap();
    let parts = entrepot_mirror::MirrorParts {
        settings: MirrorSettings::default(),
        upstreams: vec![UpstreamParts { remote, alias: None, freshness: Freshness::default() }],
        hosted: vec!["local/".into()],
        blobs: Blobs::open(data, None).await.unwrap(),
        catalog: Catalog::open(&Location::Sqlite(data.join("entrepot.db"))).await.unwrap(),
        metrics: entrepot_mirror::MirrorMetrics::default(),
        events: Default::default(),
        clock: Clock::manual(),
    };
    let catalog = parts.catalog.clone();
    let mirror = Mirror::start(parts).await.unwrap();
    let modes = ModesInForce::new(ModeSettings::default(), &mirror, catalog, EventSender::default());
    let (policy, registry, metrics) = (Policy::allow_all(), Registry::default(), ServerMetrics::default());
    ServerParts {
        mirror,
        sync: None,
        token: None,
        access: None,
        vault: None,
        library: None,
        requests: None,
        keeper: None,
        webhooks: None,
        rules: RulesInForce::default(),
        modes,
        limits: LimitsInForce::default(),
        notice: ServiceNotice::default(),
        top: Top::default(),
        policy,
        registry,
        metrics,
    }
}

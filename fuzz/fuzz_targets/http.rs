//! Any bytes as what a client sends: at a whole server, with a store, a catalog and an upstream that is down.

#![no_main]

use std::cell::RefCell;

use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, Location};
use entrepot_events::EventSender;
use entrepot_mirror::{Clock, Freshness, Mirror, MirrorParts, MirrorSettings, UpstreamParts};
use entrepot_oci::Host;
use entrepot_policy::ModeSettings;
use entrepot_remote::Remote;
use entrepot_server::{
    LimitsInForce, Listen, ModesInForce, Policy, RulesInForce, Server, ServerMetrics, ServiceNotice, Top,
};
use libfuzzer_sys::fuzz_target;
use prometheus_client::registry::Registry;
use tokio::runtime::Runtime;

/// What was pushed by one input is there for the next; after so many, all of it is thrown away.
const INPUTS: usize = 2000;

type Failure = Box<dyn std::error::Error>;

struct Rig {
    // In the order in which they have to go.
    server: Server,
    mirror: Mirror,
    runtime: Runtime,
    _data: tempfile::TempDir,
    used: usize,
}

thread_local! {
    static RIG: RefCell<Option<Rig>> = const { RefCell::new(None) };
}

impl Rig {
    fn new() -> Result<Self, Failure> {
        // In memory where there is such a place: nothing is to outlive this.
        let memory = std::path::Path::new("/dev/shm");
        let data = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (server, mirror) = runtime.block_on(start(data.path()))?;
        Ok(Self { server, mirror, runtime, _data: data, used: 0 })
    }

    fn exchange(&mut self, request: &[u8]) -> Vec<u8> {
        self.used += 1;
        self.runtime.block_on(self.server.exchange(request))
    }

    fn stop(self) {
        self.runtime.block_on(self.mirror.shutdown());
    }
}

async fn start(data: &std::path::Path) -> Result<(Server, Mirror), Failure> {
    // Nobody listens at port 1, so that what has to be asked for upstream fails at once.
    let endpoints = vec!["http://127.0.0.1:1".parse()?];
    let settings =
        entrepot_remote::RemoteSettings { endpoints, ..entrepot_remote::RemoteSettings::default() };
    let remote = Remote::new(Host::docker_hub(), &settings)?;
    let parts = MirrorParts {
        settings: MirrorSettings::default(),
        upstreams: vec![UpstreamParts { remote, alias: None, freshness: Freshness::default() }],
        hosted: vec!["local/".into()],
        blobs: Blobs::open(data, None).await?,
        catalog: Catalog::open(&Location::Sqlite(data.join("entrepot.db"))).await?,
        metrics: entrepot_mirror::MirrorMetrics::default(),
        events: EventSender::default(),
        clock: Clock::manual(),
    };
    let mirror = Mirror::start(parts).await?;
    let records = Catalog::open(&Location::Sqlite(data.join("entrepot.db"))).await?;
    let modes = ModesInForce::new(ModeSettings::default(), &mirror, records, EventSender::default());
    let listen = Listen { addr: "127.0.0.1:0".to_owned(), names: vec!["x".to_owned()], ..Listen::default() };
    let parts = entrepot_server::ServerParts {
        mirror: mirror.clone(),
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
        policy: Policy::allow_all(),
        registry: Registry::default(),
        metrics: ServerMetrics::default(),
    };
    let server = Server::bind(listen, parts).await?;
    Ok((server, mirror))
}

fuzz_target!(|request: &[u8]| {
    RIG.with_borrow_mut(|rig| {
        if rig.as_ref().is_some_and(|rig| rig.used >= INPUTS) {
            rig.take().into_iter().for_each(Rig::stop);
        }
        if rig.is_none() {
            *rig = Some(Rig::new().unwrap_or_else(|failure| panic!("there is no server: {failure}")));
        }
        if let Some(rig) = rig {
            entrepot_server::laws::answer(&rig.exchange(request));
        }
    });
});

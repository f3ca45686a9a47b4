//! A library with one node, an entry and specs, and short words for what the tests are about.

use std::time::{Duration, SystemTime};

use entrepot_access::{Access, Audit, Rules};
use entrepot_blobs::Blobs;
use entrepot_catalog::{
    Catalog, DeviceState, DeviceVendor, EntryFields, EntrySave, FoundDevice, InstanceFilter, InstancePhase,
    InstanceReason, InstanceRecord, Location, NewNode, NodeCheck, NodeOffer, NodeSettings, NodeStatus,
    PullVia, SpecFields, SpecVendor,
};
use entrepot_events::EventSender;
use entrepot_library::{
    CreatedInstance, Error, InstanceSettings, InstanceTarget, Library, LibraryParts, LibrarySettings,
    PullsSettings, RunRequest, RunSettings, Tenant,
};
use entrepot_mirror::{Clock, Freshness, Mirror, UpstreamParts};
use entrepot_remote::Remote;
use entrepot_secrets::{KeyFile, SharedKeyring};
use entrepot_testkit::{
    Gate, TestRegistry,
    engine::{Dialect, PullableImage, TestEngine},
};
use entrepot_vault::Vault;

/// The image that the entry leads to.
pub(crate) const IMAGE: &str =
    "quay.io/acme/torch@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// An account.
pub(crate) const ANN: i64 = 7;

/// How long a test waits at most for what it waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is around a library.
#[derive(Default)]
struct Around {
    /// Where nodes reach this server.
    address: Option<url::Url>,
    /// What its mirror fetches from.
    upstreams: Vec<UpstreamParts>,
    /// What its mirror goes by.
    clock: Clock,
}

pub(crate) struct Yard {
    pub(crate) engine: TestEngine,
    pub(crate) catalog: Catalog,
    pub(crate) library: Library,
    /// Whose instances are made.
    pub(crate) account: i64,
    parts: LibraryParts,
    _directory: tempfile::TempDir,
}

impl Yard {
    pub(crate) async fn new(dialect: Dialect) -> Self {
        Self::with(dialect, InstanceSettings::default()).await
    }

    pub(crate) async fn with(dialect: Dialect, instances: InstanceSettings) -> Self {
        Self::of(dialect, instances, Around::default()).await
    }

    /// One whose nodes reach this server at an address.
    pub(crate) async fn with_address(dialect: Dialect, address: &str) -> Self {
        let around = Around { address: Some(address.parse().unwrap()), ..Around::default() };
        Self::of(dialect, InstanceSettings::default(), around).await
    }

    /// One whose mirror fetches from `quay`, and goes by this clock.
    pub(crate) async fn in_front_of(quay: &TestRegistry, clock: Clock) -> Self {
        let endpoints = vec![quay.url().parse().unwrap()];
        let settings = entrepot_remote::RemoteSettings { endpoints, ..Default::default() };
        let remote = Remote::new("quay.io".parse().unwrap(), &settings).unwrap();
        let upstream = UpstreamParts { remote, alias: None, freshness: Freshness::default() };
        let around = Around { upstreams: vec![upstream], clock, ..Around::default() };
        Self::of(Dialect::Docker28, InstanceSettings::default(), around).await
    }

    async fn of(dialect: Dialect, instances: InstanceSettings, around: Around) -> Self {
        let Around { address, upstreams, clock } = around;
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("entrepot.db"))).await.unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        let keys = SharedKeyring::of_file(file.open_or_create(directory.path()).unwrap().keyring, file);
        let vault = entrepot_vault::VaultParts {
            catalog: catalog.clone(),
            keys: keys.clone(),
            stored: Default::default(),
            settings: std::sync::Arc::new(|_| Default::default()),
            changed: std::sync::Arc::new(|| {}),
        };
        let mirror = entrepot_mirror::MirrorParts {
            settings: Default::default(),
            upstreams,
            hosted: vec!["local/".into()],
            blobs: Blobs::open(directory.path(), None).await.unwrap(),
            catalog: catalog.clone(),
            metrics: Default::default(),
            events: Default::default(),
            clock,
        };
        let access_keys = keys.clone();
        let pulls = PullsSettings { attempts: 1, ..PullsSettings::default() };
        let parts = LibraryParts {
            catalog: catalog.clone(),
            keys,
            vault: Vault::open(vault).await.unwrap(),
            mirror: Mirror::start(mirror).await.unwrap(),
            access: Access::open(catalog.clone(), access_keys, Rules::default()).await.unwrap(),
            address,
            events: Default::default(),
            settings: LibrarySettings { instances, pulls, ..LibrarySettings::default() },
        };
        let engine = TestEngine::start(dialect).await;
        engine.offer(IMAGE, PullableImage::of_layers(&[1000]));
        stock(&catalog, &engine.address()).await;
        let library = Library::new(parts.clone());
        Self { engine, library, catalog, account: ANN, parts, _directory: directory }
    }

    /// The accounts.
    #[allow(dead_code, reason = "the tests of crate `ssh` use it")]
    pub(crate) fn access(&self) -> &Access {
        &self.parts.access
    }

    /// The mirror of its library.
    pub(crate) fn mirror(&self) -> &Mirror {
        &self.parts.mirror
    }

    /// The same, with somebody who hears of what happens.
    pub(crate) fn with_events(mut self, events: EventSender) -> Self {
        self.parts.events = events;
        self.library = Library::new(self.parts.clone());
        self
    }

    /// Another server takes over, which knows what is in the database only.
    pub(crate) async fn restart(&mut self) {
        self.library = Library::new(self.parts.clone());
        self.library.settle_pulls().await.unwrap();
    }

    pub(crate) fn request(&self, name: &str) -> RunRequest {
        RunRequest {
            name: Some(name.to_owned()),
            entry: 1.try_into().unwrap(),
            spec: 1.try_into().unwrap(),
            node: None,
            region: None,
            request_key: None,
            settings: RunSettings::usual(),
            stop_at: None,
            release_at: None,
        }
    }

    pub(crate) async fn ask(&self, request: RunRequest) -> Result<CreatedInstance, Error> {
        self.library.create_instance(&Tenant::account(self.account, "ann"), request, by()).await
    }

    /// Creates an instance with the first spec, which has no cards, and lets it come up.
    pub(crate) async fn run(&self, name: &str) -> InstanceRecord {
        self.up(self.request(name)).await
    }

    /// Creates an instance with a whole card.
    pub(crate) async fn run_with_card(&self, name: &str) -> InstanceRecord {
        self.up(RunRequest { spec: 2.try_into().unwrap(), ..self.request(name) }).await
    }

    pub(crate) async fn up(&self, request: RunRequest) -> InstanceRecord {
        let CreatedInstance::New(made) = self.ask(request).await.unwrap() else {
            panic!("it was there already")
        };
        self.library.instances_settled().await;
        self.record(made.id).await
    }

    pub(crate) async fn record(&self, id: i64) -> InstanceRecord {
        self.catalog.instance(id).await.unwrap().unwrap()
    }

    /// Looks at all nodes, and lets what follows come to its end.
    pub(crate) async fn look(&self) {
        self.library.look_at_all(0).await.unwrap();
        self.library.instances_settled().await;
    }

    /// The phase of an instance, and why.
    pub(crate) async fn state(&self, id: i64) -> (InstancePhase, Option<InstanceReason>) {
        let state = self.record(id).await.state;
        (state.phase, state.reason)
    }

    pub(crate) async fn all(&self) -> Vec<InstanceRecord> {
        self.catalog.instances(&InstanceFilter::default(), 100).await.unwrap().rows
    }

    /// Cards that instances have now.
    pub(crate) async fn cards_taken(&self) -> u64 {
        self.catalog.ground(ANN, SystemTime::now()).await.unwrap().holdings.cards
    }

    /// When instances ran: for each run, whether it has ended.
    pub(crate) async fn runs(&self, id: i64) -> Vec<bool> {
        let runs = self.catalog.periods(id, None, 100).await.unwrap().rows;
        runs.iter().map(|run| run.ended.is_some()).collect()
    }

    /// Waits until an instance is in this phase.
    pub(crate) async fn reaches(&self, id: i64, phase: InstancePhase) {
        let reached = async {
            while self.record(id).await.state.phase != phase {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reached).await;
        assert!(waited.is_ok(), "{:?} instead of {phase:?}", self.state(id).await);
    }
}

pub(crate) fn target(id: i64) -> InstanceTarget {
    InstanceTarget { id: id.try_into().unwrap(), account: Some(ANN), revision: None }
}

/// Who does it, for the audit log.
pub(crate) fn by() -> Audit {
    Audit { actor: "account:ann".to_owned(), address: None, request_id: None }
}

pub(crate) fn gate() -> Gate {
    Gate::new()
}

async fn stock(catalog: &Catalog, address: &str) {
    let now = SystemTime::now();
    let entry = EntryFields {
        name: "torch".to_owned(),
        address: "quay.io/acme/torch:2.4".to_owned(),
        host: "quay.io".to_owned(),
        repository: "acme/torch".to_owned(),
        tag: None,
        digest: Some(IMAGE.split_once('@').unwrap().1.to_owned()),
        credential: None,
        description: String::new(),
        source: String::new(),
        remark: String::new(),
        is_on_shelf: true,
        memory_split: true,
    };
    catalog.save_entries(&[EntrySave { of: None, fields: entry }], "owner", now).await.unwrap().unwrap();
    for (name, cards, memory) in [("cpu", 0, None), ("card", 1, None), ("slice", 1, Some(8192))] {
        catalog.add_spec(&spec(name, cards, memory), "owner", now).await.unwrap().unwrap();
    }
    let id = add_node(catalog, "n1", address).await;
    let cards: Vec<_> = (0..2).map(card).collect();
    catalog.devices_found(id, &cards, now).await.unwrap();
}

/// Adds a node, which was looked at. Returns its id.
pub(crate) async fn add_node(catalog: &Catalog, name: &str, address: &str) -> i64 {
    let now = SystemTime::now();
    let id = catalog.next_node_id().await.unwrap();
    let new = NewNode { id, settings: node(name, address), secret: None, created_by: "owner".to_owned() };
    assert!(catalog.add_node(&new, now).await.unwrap());
    let check = NodeCheck {
        status: NodeStatus::Connected,
        offers: NodeOffer::Parts,
        conditions: "[]".to_owned(),
        facts: None,
        cpus: Some(64_000),
        memory_mib: Some(512_000),
    };
    let node = catalog.node(id).await.unwrap().unwrap();
    assert!(catalog.node_checked(&node, &check, now).await.unwrap());
    id
}

fn node(name: &str, address: &str) -> NodeSettings {
    NodeSettings {
        name: name.to_owned(),
        region: String::new(),
        address: address.to_owned(),
        public_host: None,
        pull_via: PullVia::Direct,
        mirror_url: None,
        hami_core: "/root/HAMi-core/build".to_owned(),
        strict_split: false,
        drained: false,
        ascend_cards: 0,
        ascend_model: String::new(),
        ascend_memory_mib: None,
        remark: String::new(),
    }
}

fn card(position: u32) -> FoundDevice {
    FoundDevice {
        uuid: format!("GPU-{position}"),
        position,
        vendor: DeviceVendor::Nvidia,
        model: "A100".to_owned(),
        cdi_name: Some(format!("nvidia.com/gpu=GPU-{position}")),
        memory_mib: Some(81_920),
        used_mib: Some(0),
        state: DeviceState::Healthy,
        detail: None,
    }
}

fn spec(name: &str, gpu_count: u32, gpu_memory_mib: Option<u64>) -> SpecFields {
    SpecFields {
        name: name.to_owned(),
        vendor: if gpu_count == 0 { SpecVendor::None } else { SpecVendor::Nvidia },
        gpu_model: (gpu_count > 0).then(|| "A100".to_owned()),
        gpu_count,
        gpu_memory_mib,
        memory_split: gpu_memory_mib.is_some(),
        core_percent: None,
        vnpu_template: None,
        cpu_milli: 1_000,
        memory_mib: 1_024,
        system_disk_gib: None,
        data_disk_gib: None,
        shm_mib: None,
        price: 10_000,
        start_seconds: None,
        on_shelf: true,
        remark: String::new(),
    }
}

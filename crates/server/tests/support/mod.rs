//! A whole server on loopback, in front of a real registry in process, and the words that the tests speak.

#![allow(dead_code, reason = "each test file uses its part of this")]

pub(crate) mod account;
pub(crate) mod content;
pub(crate) mod library;
pub(crate) mod stock;
pub(crate) mod tls;
pub(crate) mod yard;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use entrepot_access::{Access, NetworkSettings};
use entrepot_blobs::{Blobs, S3Settings};
use entrepot_catalog::{Catalog, Location};
use entrepot_events::EventSender;
use entrepot_keep::{KeepList, Keeper};
use entrepot_library::Library;
use entrepot_mirror::{Clock, Freshness, Mirror, MirrorParts, MirrorSettings, UpstreamParts};
use entrepot_oci::{Digest, Host};
use entrepot_policy::ModeSettings;
use entrepot_remote::{Credential, Remote};
use entrepot_requests::Requests;
use entrepot_secrets::SharedKeyring;
use entrepot_server::{
    ApiToken, LimitsInForce, Listen, ModesInForce, Patience, Policy, PublicUrl, RulesInForce, Server,
    ServerMetrics, ServiceNotice, SyncService, TlsFiles, Top,
};
use entrepot_testkit::{
    TestRegistry,
    client::{self, Response},
};
use entrepot_vault::Vault;
use entrepot_webhooks::Webhooks;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use prometheus_client::registry::Registry;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// How long a running response has after a drain began.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// What tests set up otherwise.
#[derive(Default)]
pub(crate) struct Setup {
    /// When clients must read.
    pub(crate) patience: Patience,
    pub(crate) tls: Option<TlsFiles>,
    /// What runs rules.
    pub(crate) sync: Option<SyncService>,
    pub(crate) token: Option<ApiToken>,
    pub(crate) access: Option<Access>,
    pub(crate) vault: Option<Vault>,
    /// Where the records of the library are, and what its secrets are sealed with; it needs the vault.
    pub(crate) library: Option<LibraryGround>,
    /// What may be asked for.
    pub(crate) requests: Option<entrepot_requests::RequestSettings>,
    /// Keep lists.
    pub(crate) keep: Vec<KeepList>,
    /// What other servers are told of.
    pub(crate) webhooks: Option<Webhooks>,
    /// The accounts that the mirror has at its upstream.
    pub(crate) accounts: Vec<UpstreamAccount>,
    /// Who may do what.
    pub(crate) policy: Policy,
    /// What may be pulled.
    pub(crate) rules: RulesInForce,
    /// What is on offer.
    pub(crate) modes: ModeSettings,
    /// What the operator says to everybody.
    pub(crate) notice: Option<String>,
    /// How much clients may have.
    pub(crate) limits: LimitsInForce,
    /// The proxies in front, and who reads the metrics.
    pub(crate) networks: NetworkSettings,
    /// The address that everybody is told.
    pub(crate) public_url: Option<PublicUrl>,
    /// Whether hosted names are listed.
    pub(crate) catalog: bool,
    /// Where blobs are, instead of on disk.
    pub(crate) s3: Option<S3Settings>,
}

/// What the library of a test stands on.
pub(crate) struct LibraryGround {
    pub(crate) catalog: Catalog,
    pub(crate) keys: SharedKeyring,
    pub(crate) settings: entrepot_library::LibrarySettings,
}

impl LibraryGround {
    fn library(self, mirror: &Mirror, vault: Option<&Vault>, access: Option<&Access>) -> Library {
        let Self { catalog, keys, settings } = self;
        let (mirror, vault, access) = (mirror.clone(), vault.unwrap().clone(), access.unwrap().clone());
        Library::new(entrepot_library::LibraryParts {
            catalog,
            keys,
            vault,
            mirror,
            access,
            address: None,
            events: Default::default(),
            settings,
        })
    }
}

/// An account at the upstream.
#[derive(Clone)]
pub(crate) struct UpstreamAccount {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    pub(crate) namespace: Option<&'static str>,
}

/// A server and what is around it.
pub(crate) struct Rig {
    pub(crate) upstream: TestRegistry,
    pub(crate) mirror: Mirror,
    pub(crate) clock: Clock,
    pub(crate) server: Arc<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: ServerMetrics,
    pub(crate) library: Option<Library>,
    pub(crate) modes: ModesInForce,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<()>,
    data: tempfile::TempDir,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    pub(crate) async fn start_with(setup: Setup) -> Self {
        let ground = Ground {
            data: tempfile::tempdir().unwrap(),
            upstream: TestRegistry::start().await,
            clock: Clock::manual(),
        };
        Self::start_on(ground, setup).await
    }

    /// Stops, and starts anew with what it holds.
    pub(crate) async fn restart(self, setup: Setup) -> Self {
        let Self { upstream, mirror, clock, stop, running, data, .. } = self;
        stop.cancel();
        running.await.unwrap();
        mirror.shutdown().await;
        Self::start_on(Ground { data, upstream, clock }, setup).await
    }

    async fn start_on(ground: Ground, setup: Setup) -> Self {
        let Ground { data, upstream, clock } = ground;
        let settings = MirrorSettings { catalog: setup.catalog, ..MirrorSettings::default() };
        let blobs = Blobs::open(data.path(), setup.s3.as_ref()).await.unwrap();
        let remote = remote(&upstream, &setup.accounts);
        let mirror = mirror(data.path(), remote, clock.clone(), (settings, blobs)).await;
        let (metrics, top, mut registry) = (ServerMetrics::default(), Top::default(), Registry::default());
        let modes = modes_in_force(data.path(), &mirror, setup.modes).await;
        metrics.register(&mut registry);
        setup.rules.register(&mut registry);
        setup.limits.register(&mut registry);
        modes.register(&mut registry);
        top.register(&mut registry);
        mirror.begin(async |key, digest| setup.rules.may_go_on(&mirror, key, digest).await).await;
        let listen = Listen {
            addr: "127.0.0.1:0".to_owned(),
            tls: setup.tls,
            control: Some(data.path().join("control.sock")),
            names: ["x", "m.test", "one.test", "two.test"].map(str::to_owned).into(),
            patience: setup.patience,
            networks: setup.networks,
            public_url: setup.public_url,
            ..Listen::default()
        };
        let library =
            setup.library.map(|ground| ground.library(&mirror, setup.vault.as_ref(), setup.access.as_ref()));
        let fetching = Fetching::open(data.path(), &mirror, setup.requests, setup.keep).await;
        let parts = entrepot_server::ServerParts {
            mirror: mirror.clone(),
            sync: setup.sync,
            token: setup.token,
            access: setup.access,
            vault: setup.vault,
            library: library.clone(),
            requests: fetching.requests.clone(),
            keeper: fetching.keeper.clone(),
            webhooks: setup.webhooks,
            rules: setup.rules.clone(),
            modes: modes.clone(),
            limits: setup.limits,
            notice: ServiceNotice::new(setup.notice),
            top,
            policy: setup.policy,
            registry,
            metrics: metrics.clone(),
        };
        let server = Arc::new(Server::bind(listen, parts).await.unwrap());
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (server, stop) = (Arc::clone(&server), stop.clone());
            async move {
                tokio::join!(server.run(stop.clone(), GRACE), fetching.work(stop.clone()));
            }
        });
        let address = server.local_addr();
        Self { upstream, mirror, clock, address, server, metrics, library, modes, stop, running, data }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many files there are in a folder of the data directory and below.
    pub(crate) fn files(&self, folder: &str) -> usize {
        count(&self.data.path().join(folder))
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.data.path().join("control.sock")
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        client::get(&self.url(path)).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        client::get_with(&self.url(path), headers).await
    }

    pub(crate) async fn head(&self, path: &str) -> Response {
        client::head(&self.url(path)).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        client::request(method, &self.url(path), headers, body).await
    }

    /// Asks over the socket for the local command line.
    pub(crate) async fn ask(&self, method: &str, path: &str) -> (u16, Bytes) {
        self.ask_with(method, path, Bytes::new()).await
    }

    /// The same with a body.
    pub(crate) async fn ask_with(&self, method: &str, path: &str, body: impl Into<Bytes>) -> (u16, Bytes) {
        let stream = UnixStream::connect(self.control()).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", "entrepot");
        let response = sender.send_request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status.as_u16(), body.collect().await.unwrap().to_bytes())
    }

    /// Pushes a blob in one request.
    pub(crate) async fn push_blob(&self, name: &str, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        let response = self.send("POST", &path, &[], bytes).await;
        assert_eq!(response.status, 201, "{}", response.text());
        digest
    }

    /// Pushes a manifest.
    pub(crate) async fn push(&self, name: &str, reference: &str, media_type: &str, bytes: &[u8]) -> Response {
        let path = format!("/v2/{name}/manifests/{reference}");
        self.send("PUT", &path, &[("content-type", media_type)], bytes.to_vec()).await
    }

    /// Opens an upload and gives its address.
    pub(crate) async fn open_upload(&self, name: &str) -> String {
        let response = self.send("POST", &format!("/v2/{name}/blobs/uploads/"), &[], "").await;
        assert_eq!(response.status, 202);
        response.header("location").unwrap().to_owned()
    }

    /// Sends bytes as they are and reads until the server closes, for at most `patience`.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        raw(self.address, request).await
    }
}

async fn modes_in_force(data: &Path, mirror: &Mirror, modes: ModeSettings) -> ModesInForce {
    let records = Catalog::open(&Location::Sqlite(data.join("entrepot.db"))).await.unwrap();
    let modes = ModesInForce::new(modes, mirror, records, EventSender::default());
    modes.restore().await.unwrap();
    modes
}

/// What fetches images before they are pulled.
struct Fetching {
    requests: Option<Requests>,
    keeper: Option<Keeper>,
}

impl Fetching {
    async fn open(
        data: &Path,
        mirror: &Mirror,
        requests: Option<entrepot_requests::RequestSettings>,
        lists: Vec<KeepList>,
    ) -> Self {
        let requests = match requests {
            Some(settings) => Some(asked_for(data, mirror, settings).await),
            None => None,
        };
        let keeper = if lists.is_empty() { None } else { Some(keeper(data, mirror, lists).await) };
        Self { requests, keeper }
    }

    async fn work(self, stop: CancellationToken) {
        let Self { requests, keeper } = self;
        let asked_for = async {
            if let Some(requests) = requests {
                requests.work(stop.clone()).await;
            }
        };
        let kept = async {
            if let Some(keeper) = keeper {
                keeper.work(stop.clone()).await;
            }
        };
        tokio::join!(asked_for, kept);
    }
}

async fn asked_for(data: &Path, mirror: &Mirror, settings: entrepot_requests::RequestSettings) -> Requests {
    let catalog = Catalog::open(&Location::Sqlite(data.join("requests.db"))).await.unwrap();
    let (mirror, events) = (mirror.clone(), EventSender::default());
    let requests = Requests::new(entrepot_requests::RequestsParts { catalog, mirror, events, settings });
    requests.resume().await.unwrap();
    requests
}

async fn keeper(data: &Path, mirror: &Mirror, lists: Vec<KeepList>) -> Keeper {
    let catalog = Catalog::open(&Location::Sqlite(data.join("keep.db"))).await.unwrap();
    let is_busy = Arc::new(|| false);
    Keeper::open(entrepot_keep::KeeperParts { catalog, mirror: mirror.clone(), lists, is_busy })
        .await
        .unwrap()
}

/// What a server stands on, and what a restart keeps.
struct Ground {
    data: tempfile::TempDir,
    upstream: TestRegistry,
    clock: Clock,
}

fn remote(upstream: &TestRegistry, accounts: &[UpstreamAccount]) -> Remote {
    let mut client = entrepot_remote::RemoteSettings {
        endpoints: vec![upstream.url().parse().unwrap()],
        ..entrepot_remote::RemoteSettings::default()
    };
    client.credentials.extend(accounts.iter().map(|account| Credential {
        username: account.user.to_owned(),
        password: account.password.into(),
        namespace: account.namespace.map(|name| name.parse().unwrap()),
        endpoint: client.endpoints.first().cloned(),
    }));
    Remote::new(Host::docker_hub(), &client).unwrap()
}

async fn mirror(
    data: &Path,
    remote: Remote,
    clock: Clock,
    (settings, blobs): (MirrorSettings, Blobs),
) -> Mirror {
    let parts = MirrorParts {
        settings,
        upstreams: vec![UpstreamParts { remote, alias: None, freshness: Freshness::default() }],
        hosted: vec!["local/".into()],
        blobs,
        catalog: Catalog::open(&Location::Sqlite(data.join("entrepot.db"))).await.unwrap(),
        metrics: entrepot_mirror::MirrorMetrics::default(),
        events: Default::default(),
        clock,
    };
    Mirror::open(parts).unwrap()
}

/// Sends bytes as they are; what comes back until the server closes, or says nothing for a while.
pub(crate) async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 8 << 10];
    while let Ok(Ok(read)) = tokio::time::timeout(Duration::from_secs(3), stream.read(&mut buffer)).await {
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn count(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
}

/// Bytes that look random and are the same every time.
pub(crate) fn noise(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// The code of an OCI error body; the empty text if it is none.
pub(crate) fn code(response: &Response) -> String {
    let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    json["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

//! A mirror in front of a real registry in process, and the words that the tests speak.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test file uses its part of this"
)]

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use entrepot_blobs::{Blobs, S3Settings};
use entrepot_catalog::{Catalog, Location};
use entrepot_mirror::{
    BlobStream, Clock, Error, Freshness, Mirror, MirrorMetrics, MirrorParts, MirrorSettings, Opened,
    RegistryHint, ResolvedRepository, ServedManifest, UpstreamParts,
};
use entrepot_oci::{Digest, Reference};
use entrepot_remote::{Observer, Patience, Remote};
use entrepot_testkit::{
    TestImage, TestRegistry, patiently,
    s3::{BUCKET, KEYS, S3Server},
    until,
};
use futures_util::StreamExt;

/// A mirror, its upstream and its data directory.
pub(crate) struct Rig {
    pub(crate) upstream: TestRegistry,
    pub(crate) mirror: Mirror,
    pub(crate) clock: Clock,
    pub(crate) data: PathBuf,
    others: Vec<TestRegistry>,
    _directory: Option<tempfile::TempDir>,
}

/// Where a mirror keeps what it holds: on disk, unless something else is said.
#[derive(Default)]
pub(crate) struct Stores {
    pub(crate) s3: Option<S3Settings>,
    /// A database, instead of a file.
    pub(crate) database: Option<Location>,
}

impl Stores {
    /// Blobs in a server's bucket. With `redirect`, clients are sent there.
    pub(crate) fn on(server: &S3Server, redirect: bool) -> Self {
        let settings = S3Settings {
            bucket: BUCKET.to_owned(),
            endpoint: server.endpoint().parse().unwrap(),
            region: "us-east-1".to_owned(),
            prefix: None,
            access_key: Some(KEYS[0].into()),
            secret_key: Some(KEYS[1].into()),
            virtual_hosted: false,
            redirect,
        };
        Self { s3: Some(settings), database: None }
    }
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_owned();
        Self { _directory: Some(directory), ..Self::start_at(data, vec![TestRegistry::start().await]).await }
    }

    /// With several endpoints of one upstream; `upstream` is the first.
    pub(crate) async fn with_endpoints(endpoints: Vec<TestRegistry>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_owned();
        Self { _directory: Some(directory), ..Self::start_at(data, endpoints).await }
    }

    /// Whose blobs have at most so many bytes.
    pub(crate) async fn with_ceiling(bytes: u64) -> Self {
        let max_blob_size = bytesize::ByteSize(bytes);
        Self::with_settings(MirrorSettings { max_blob_size, ..MirrorSettings::default() }).await
    }

    /// With other settings.
    pub(crate) async fn with_settings(settings: MirrorSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (data, upstream, clock) =
            (directory.path().to_owned(), TestRegistry::start().await, Clock::manual());
        let remotes = vec![remote("docker.io", std::slice::from_ref(&upstream), Patience::default())];
        let mirror = with_settings(&data, remotes, clock.clone(), settings).await;
        Self { upstream, mirror, clock, data, others: Vec::new(), _directory: Some(directory) }
    }

    /// With a second upstream, `quay.io`.
    pub(crate) async fn with_quay(quay: &TestRegistry) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (data, upstream) = (directory.path().to_owned(), TestRegistry::start().await);
        let upstreams =
            [("docker.io", std::slice::from_ref(&upstream)), ("quay.io", std::slice::from_ref(quay))];
        let clock = Clock::manual();
        let mirror = mirror(&data, &upstreams, clock.clone()).await;
        Self { upstream, mirror, clock, data, others: Vec::new(), _directory: Some(directory) }
    }

    /// With endpoints that are waited for as long as `patience` says, and somebody who watches every request.
    pub(crate) async fn watched(
        mut endpoints: Vec<TestRegistry>,
        patience: Patience,
        observer: Observer,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (data, clock) = (directory.path().to_owned(), Clock::manual());
        let remote = remote("docker.io", &endpoints, patience).on_request(observer);
        let mirror = of_remotes(&data, vec![remote], clock.clone()).await;
        let upstream = endpoints.remove(0);
        Self { upstream, mirror, clock, data, others: endpoints, _directory: Some(directory) }
    }

    /// With endpoints that are waited for as long as `patience` says.
    pub(crate) async fn with_patience(endpoints: Vec<TestRegistry>, patience: Patience) -> Self {
        Self::watched(endpoints, patience, Arc::new(|_, _| {})).await
    }

    /// With an upstream that is reached over these links, and no other way.
    pub(crate) async fn over_links(links: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (data, clock) = (directory.path().to_owned(), Clock::manual());
        let upstream = TestRegistry::start().await;
        let links = links.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let endpoints = vec![upstream.url().parse().unwrap()];
        let settings = entrepot_remote::RemoteSettings { endpoints, links, ..Default::default() };
        let remote = Remote::new("docker.io".parse().unwrap(), &settings).unwrap();
        let mirror = of_remotes(&data, vec![remote], clock.clone()).await;
        Self { upstream, mirror, clock, data, others: Vec::new(), _directory: Some(directory) }
    }

    pub(crate) async fn start_at(data: PathBuf, mut endpoints: Vec<TestRegistry>) -> Self {
        let clock = Clock::manual();
        let mirror = mirror(&data, &[("docker.io", &endpoints)], clock.clone()).await;
        let upstream = endpoints.remove(0);
        Self { upstream, mirror, clock, data, others: endpoints, _directory: None }
    }

    /// Which keeps what it holds in these stores. Its catalog comes along, for whoever wants to close it.
    pub(crate) async fn with_stores(stores: &Stores) -> (Self, Catalog) {
        let directory = tempfile::tempdir().unwrap();
        let (data, upstream, clock) =
            (directory.path().to_owned(), TestRegistry::start().await, Clock::manual());
        let (mirror, catalog) = in_stores(&data, &upstream, stores, clock.clone()).await;
        (Self { upstream, mirror, clock, data, others: Vec::new(), _directory: Some(directory) }, catalog)
    }

    /// [`Rig::restart`] with these stores.
    pub(crate) async fn restart_with_stores(&mut self, stores: &Stores) -> Catalog {
        self.mirror.shutdown().await;
        let (mirror, catalog) = in_stores(&self.data, &self.upstream, stores, self.clock.clone()).await;
        self.mirror = mirror;
        catalog
    }

    /// The endpoint of that number.
    pub(crate) fn endpoint(&self, index: usize) -> &TestRegistry {
        if index == 0 { &self.upstream } else { &self.others[index - 1] }
    }

    /// How many partial files and notes beside them there are.
    pub(crate) fn staged(&self) -> usize {
        std::fs::read_dir(self.data.join("staging")).unwrap().count()
    }

    /// Waits until no partial file is left.
    pub(crate) async fn until_nothing_is_staged(&self) {
        until("staged files to go", || (self.staged() == 0).then_some(())).await;
    }

    /// Waits until the note beside the partial file says that its first `bytes` bytes are there.
    pub(crate) async fn until_noted(&self, bytes: u64) {
        let noted = || noted(&self.data.join("staging")).filter(|noted| *noted >= bytes);
        until("progress to be noted", noted).await;
    }

    /// The blob, from the first download that succeeds: one that failed leaves the stage a moment after its readers know.
    pub(crate) async fn blob_in_the_end(&self, name: &str, digest: &Digest) -> Bytes {
        let succeeds = async {
            loop {
                if let Ok(opened) = self.blob(name, digest).await
                    && let Ok(bytes) = read(opened).await
                {
                    return bytes;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        patiently("a download to succeed", succeeds).await
    }

    /// Whether the store has a file for this digest.
    pub(crate) fn keeps(&self, digest: &Digest) -> bool {
        self.file(digest).exists()
    }

    /// The file of a blob.
    pub(crate) fn file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.data.join("blobs").join(digest.algorithm().name()).join(&hex[..2]).join(&hex)
    }

    /// Ends the mirror as a signal would and starts another one on the same data.
    pub(crate) async fn restart(&mut self) {
        self.mirror.shutdown().await;
        let upstream = std::slice::from_ref(&self.upstream);
        self.mirror = mirror(&self.data, &[("docker.io", upstream)], self.clock.clone()).await;
    }

    /// The same with the second upstream of [`Rig::with_quay`].
    pub(crate) async fn restart_with_quay(&mut self, quay: &TestRegistry) {
        self.mirror.shutdown().await;
        let upstreams =
            [("docker.io", std::slice::from_ref(&self.upstream)), ("quay.io", std::slice::from_ref(quay))];
        self.mirror = mirror(&self.data, &upstreams, self.clock.clone()).await;
    }

    /// Removes the file of a blob, as a failing disk may. What is in memory stays until a restart.
    pub(crate) fn lose(&self, digest: &Digest) {
        std::fs::remove_file(self.file(digest)).unwrap();
    }

    /// Turns the bits of the first byte of a blob's file, as a failing disk may.
    pub(crate) fn damage(&self, digest: &Digest) {
        let mut bytes = std::fs::read(self.file(digest)).unwrap();
        bytes[0] ^= 0xff;
        std::fs::remove_file(self.file(digest)).unwrap();
        std::fs::write(self.file(digest), bytes).unwrap();
    }

    pub(crate) fn target(&self, name: &str) -> ResolvedRepository {
        self.mirror.locate(&name.parse().unwrap(), RegistryHint::default()).unwrap()
    }

    pub(crate) async fn manifest(&self, name: &str, reference: &str) -> Result<ServedManifest, Error> {
        self.mirror.manifest(&self.target(name), &reference.parse().unwrap()).await
    }

    pub(crate) async fn blob(&self, name: &str, digest: &Digest) -> Result<Opened, Error> {
        self.mirror.blob(&self.target(name), digest).await?.open(None).await
    }

    /// A blob's bytes, or how many came before they broke off.
    pub(crate) async fn blob_bytes(&self, name: &str, digest: &Digest) -> Result<Bytes, usize> {
        match self.blob(name, digest).await {
            Ok(opened) => read(opened).await,
            // What is wrong was seen before there was anything to send.
            Err(Error::Upstream { .. }) => Err(0),
            Err(error) => panic!("{error}"),
        }
    }

    /// A blob's bytes, if the upstream has it.
    pub(crate) async fn blob_bytes_if_there(&self, name: &str, digest: &Digest) -> Option<Bytes> {
        read(self.blob(name, digest).await.ok()?).await.ok()
    }

    /// Pulls everything of an image, as a client would, and checks every byte.
    pub(crate) async fn pull(&self, name: &str, tag: &str, image: &TestImage) {
        let served = self.manifest(name, tag).await.unwrap();
        assert_eq!(served.manifest.digest, *image.digest());
        for manifest in image.manifests() {
            let reference = Reference::Digest(manifest.digest);
            let served = self.mirror.manifest(&self.target(name), &reference).await.unwrap();
            assert_eq!(served.manifest.bytes, manifest.bytes);
        }
        for (digest, bytes) in image.blobs() {
            assert_eq!(self.blob_bytes(name, digest).await.as_ref(), Ok(bytes));
        }
    }

    /// Waits until the mirror keeps a blob by itself, without its upstream.
    pub(crate) async fn until_kept(&self, digest: &Digest) {
        until("the blob to be kept", || self.keeps(digest).then_some(())).await;
    }
}

async fn mirror(data: &std::path::Path, upstreams: &[(&str, &[TestRegistry])], clock: Clock) -> Mirror {
    let remotes = upstreams.iter().map(|(host, endpoints)| remote(host, endpoints, Patience::default()));
    of_remotes(data, remotes.collect(), clock).await
}

fn remote(host: &str, endpoints: &[TestRegistry], patience: Patience) -> Remote {
    let settings = entrepot_remote::RemoteSettings {
        endpoints: endpoints.iter().map(|registry| registry.url().parse().unwrap()).collect(),
        ..entrepot_remote::RemoteSettings::default()
    };
    Remote::with_patience(host.parse().unwrap(), &settings, patience).unwrap()
}

async fn of_remotes(data: &std::path::Path, remotes: Vec<Remote>, clock: Clock) -> Mirror {
    with_settings(data, remotes, clock, MirrorSettings::default()).await
}

async fn with_settings(
    data: &std::path::Path,
    remotes: Vec<Remote>,
    clock: Clock,
    settings: MirrorSettings,
) -> Mirror {
    let parts = parts(data, remotes, clock, &Stores::default()).await;
    Mirror::start(MirrorParts { settings, ..parts }).await.unwrap()
}

async fn in_stores(
    data: &std::path::Path,
    upstream: &TestRegistry,
    stores: &Stores,
    clock: Clock,
) -> (Mirror, Catalog) {
    let remotes = vec![remote("docker.io", std::slice::from_ref(upstream), Patience::default())];
    let parts = parts(data, remotes, clock, stores).await;
    let catalog = parts.catalog.clone();
    (Mirror::start(parts).await.unwrap(), catalog)
}

async fn parts(data: &std::path::Path, remotes: Vec<Remote>, clock: Clock, stores: &Stores) -> MirrorParts {
    let upstream = |remote| UpstreamParts { remote, alias: None, freshness: Freshness::default() };
    let file = Location::Sqlite(data.join("entrepot.db"));
    MirrorParts {
        settings: MirrorSettings::default(),
        upstreams: remotes.into_iter().map(upstream).collect(),
        hosted: vec!["local/".into()],
        blobs: Blobs::open(data, stores.s3.as_ref()).await.unwrap(),
        catalog: Catalog::open(stores.database.as_ref().unwrap_or(&file)).await.unwrap(),
        metrics: MirrorMetrics::default(),
        events: Default::default(),
        clock,
    }
}

/// How much of the front of a blob is there, by the note in the directory of staged files.
pub(crate) fn noted(staging: &std::path::Path) -> Option<u64> {
    let files = std::fs::read_dir(staging).ok()?.filter_map(Result::ok);
    let notes = files.filter_map(|file| serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok());
    let front =
        |note: serde_json::Value| note["written"][0][1].as_u64().filter(|_| note["written"][0][0] == 0);
    notes.filter_map(front).max()
}

/// All bytes of what was opened, or how many came before they broke off.
pub(crate) async fn read(opened: Opened) -> Result<Bytes, usize> {
    match opened {
        Opened::Bytes(bytes) => Ok(bytes),
        Opened::Mapped(mapping, range) => Ok(mapping.bytes().slice(range.start as usize..range.end as usize)),
        Opened::Stream(stream) => drain(stream).await,
        Opened::Redirect(_) => panic!("a file is not redirected"),
    }
}

pub(crate) async fn drain(mut stream: BlobStream) -> Result<Bytes, usize> {
    let mut all = Vec::new();
    while let Some(frame) = stream.frames.next().await {
        match frame {
            Ok(bytes) => all.extend_from_slice(&bytes),
            Err(_) => return Err(all.len()),
        }
    }
    Ok(all.into())
}

/// The stream of a download under way.
pub(crate) fn streaming(opened: Opened) -> BlobStream {
    match opened {
        Opened::Stream(stream) => stream,
        _ => panic!("a download under way is a stream"),
    }
}

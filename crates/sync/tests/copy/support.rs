//! Test registries, and short words for jobs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use entrepot_oci::{Digest, Host, Reference};
use entrepot_remote::{Patience, Remote, RemoteSettings, SettingsError};
use entrepot_sync::{
    CopyEvent, CopyJob, CopyResult, CopySuccess, Format, JobOutcome, JobTarget, Place, Registries, Registry,
    RunLimits, Shape, SyncCache, perform,
};
use entrepot_testkit::{Log, Match, TestImage, TestRegistry, client};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::Method;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Registries that are spoken to without a configuration.
#[derive(Default)]
pub(crate) struct Lab {
    special: HashMap<Host, Registry>,
    pub(crate) cache: Arc<Memory>,
}

/// A cache in memory.
#[derive(Default)]
pub(crate) struct Memory(pub(crate) Mutex<HashMap<(Digest, Shape), Digest>>);

pub(crate) fn registry(host: &Host) -> Registry {
    let endpoints = vec![format!("http://{host}").parse().unwrap()];
    let settings = RemoteSettings { endpoints, ..RemoteSettings::default() };
    let patience = Patience { connect: Duration::from_secs(2), ..Patience::default() };
    let remote = Remote::with_patience(host.clone(), &settings, patience).unwrap();
    Registry { remote, format: Format::Keep, reserve: 0, chunk: None }
}

impl Lab {
    /// One of them is special.
    pub(crate) fn with(mut self, host: &Host, change: impl FnOnce(&mut Registry)) -> Self {
        let mut special = registry(host);
        change(&mut special);
        self.special.insert(host.clone(), special);
        self
    }
}

impl Registries for Lab {
    fn registry(&self, host: &Host) -> Result<Registry, SettingsError> {
        Ok(self.special.get(host).cloned().unwrap_or_else(|| registry(host)))
    }

    fn cache(&self) -> Arc<dyn SyncCache> {
        self.cache.clone()
    }
}

impl SyncCache for Memory {
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>> {
        async { self.0.lock().unwrap().get(&(*source, shape.clone())).copied() }.boxed()
    }

    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()> {
        async {
            self.0.lock().unwrap().insert((*source, shape.clone()), *converted);
        }
        .boxed()
    }

    fn verified<'a>(&'a self, _: &'a str) -> BoxFuture<'a, bool> {
        async { false }.boxed()
    }

    fn verify<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        async {}.boxed()
    }
}

pub(crate) fn place(registry: &TestRegistry, repository: &str) -> Place {
    Place::Registry { host: registry.host(), repository: repository.parse().unwrap() }
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

pub(crate) fn target(place: Place, tag: &str) -> JobTarget {
    JobTarget {
        place,
        reference: reference(tag),
        shape: Shape::default(),
        source_name: None,
        digest: None,
        referrers: false,
        before: None,
        backup: None,
    }
}

pub(crate) fn job(source: Place, image: &TestImage, tag: &str, targets: Vec<JobTarget>) -> CopyJob {
    let (rule, digest) = ("rule".to_owned(), Some(*image.digest()));
    CopyJob { rule, source, reference: reference(tag), digest, attached: None, targets }
}

/// Requests of this method to uploads.
pub(crate) fn uploads(method: Method) -> Match {
    Match::uploads().method(method)
}

/// Copies the image under `a/b:1` to `c/d:1` of each target.
pub(crate) fn to(source: &TestRegistry, image: &TestImage, targets: &[&TestRegistry]) -> CopyJob {
    let targets = targets.iter().map(|registry| target(place(registry, "c/d"), "1")).collect();
    job(place(source, "a/b"), image, "1", targets)
}

pub(crate) async fn run(lab: Lab, jobs: Vec<CopyJob>) -> Vec<CopyResult> {
    run_with(Arc::new(lab), jobs).await.0
}

pub(crate) async fn run_with(lab: Arc<Lab>, jobs: Vec<CopyJob>) -> (Vec<CopyResult>, Vec<CopyEvent>) {
    let (events, mut told) = mpsc::unbounded_channel();
    let rows = perform(lab, jobs, RunLimits::default(), CancellationToken::new(), events).await;
    let mut all = Vec::new();
    while let Ok(event) = told.try_recv() {
        all.push(event);
    }
    (rows, all)
}

pub(crate) fn done(row: &CopyResult) -> &CopySuccess {
    match &row.outcome {
        JobOutcome::Done(done) => done,
        other => panic!("{} → {}: {other:?}", row.source, row.target),
    }
}

pub(crate) fn failed(row: &CopyResult) -> (&str, Option<&str>) {
    match &row.outcome {
        JobOutcome::Failed(failure) => (&failure.what, failure.hint.as_deref()),
        other => panic!("{} → {}: {other:?}", row.source, row.target),
    }
}

/// Two platforms with different layers, one of which they share.
pub(crate) fn two_platforms(seed: u64, size: usize) -> TestImage {
    let layers = |own: u64| {
        let shared = TestImage::random(seed, 1, size).blobs()[1].1.clone();
        let own = TestImage::random(seed + own, 1, size).blobs()[1].1.clone();
        TestImage::layers([shared, own])
    };
    TestImage::index([layers(1000), layers(2000).with_platform("linux/arm64")])
}

pub(crate) fn blob_bytes(image: &TestImage) -> u64 {
    image.blobs().iter().map(|(_, bytes)| bytes.len() as u64).sum()
}

/// The tag is at the registry and all below it is right.
pub(crate) async fn assert_there(registry: &TestRegistry, repository: &str, tag: &str, image: &TestImage) {
    let pulled = client::pull(&registry.url(), repository, tag).await;
    assert_eq!((pulled.digest, pulled.blobs.len()), (*image.digest(), image.blobs().len()));
}

/// Blobs that were sent to the end, by upload or mount.
pub(crate) fn sent(log: &Log) -> Log {
    log.matching(|request| {
        request.path.contains("/blobs/uploads/")
            && request.query.contains("digest=")
            && request.method == Method::PUT
            && request.status == 201
    })
}

pub(crate) fn mounted(log: &Log) -> Log {
    log.matching(|request| request.query.contains("mount=") && request.status == 201)
}

pub(crate) fn puts(log: &Log) -> usize {
    log.count(Method::PUT, "/manifests/")
}

//! One run of a keep list: one image after the other, as long as nobody waits for another.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{KeepCounts, KeepImageRecord, KeepOutcome, KeepRunRecord, KeepState, Origin, RepoKey};
use entrepot_mirror::{BlobArrival, Error as MirrorError, UpstreamFault};
use entrepot_oci::{Digest, Host, Platform, Reference};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    expand::{Images, expand},
    keeper::Keeper,
    list::KeepList,
    pins::pin,
};

/// How often it is looked whether somebody still waits for an image.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Why an image is not kept as it is now.
struct Problem {
    state: KeepState,
    detail: String,
}

/// A run.
struct ListRun<'a> {
    keeper: &'a Keeper,
    list: &'a KeepList,
    id: i64,
    counts: KeepCounts,
    bytes: u64,
    /// Registries that allow us nothing more for now.
    limited: HashSet<Host>,
    /// The repositories of all that is on the list now; `None` if that could not be listed.
    listed: Option<HashMap<String, RepoKey>>,
}

impl Keeper {
    /// Runs a list to its end, or until it is stopped.
    pub(crate) async fn run_list(&self, list: &KeepList, cancel: &CancellationToken) -> Result<(), Error> {
        let started = SystemTime::now();
        let id = self.0.catalog.begin_keep_run(&list.name, started).await?;
        let (counts, limited) = (KeepCounts::default(), HashSet::new());
        let mut run = ListRun { keeper: self, list, id, counts, bytes: 0, limited, listed: None };
        let is_whole = tokio::select! {
            done = run.all() => { done?; true }
            () = cancel.cancelled() => false,
        };
        let outcome = match (is_whole, run.counts.failed + run.counts.postponed) {
            (false, _) => KeepOutcome::Canceled,
            (true, 0) => KeepOutcome::Done,
            (true, _) => KeepOutcome::Failed,
        };
        let record = KeepRunRecord {
            id,
            list: list.name.clone(),
            started,
            finished: Some(SystemTime::now()),
            outcome,
            counts: run.counts,
            bytes: run.bytes,
        };
        let listed = run.listed.take().filter(|_| is_whole);
        self.0.catalog.end_keep_run(&record, listed.is_some()).await?;
        if let Some(listed) = listed {
            self.pin_only(&list.name, &listed).await?;
        }
        self.0.metrics.stand(&list.name, self.0.catalog.keep_counts(&list.name).await?);
        let KeepCounts { kept, failed, postponed } = run.counts;
        tracing::info!(list = list.name, kept, failed, postponed, bytes = run.bytes, "a keep list was run");
        Ok(())
    }
}

impl ListRun<'_> {
    async fn all(&mut self) -> Result<(), Error> {
        self.turn().await;
        let Images { wanted, faults } = expand(&self.keeper.0.mirror, self.list).await;
        let total = u64::try_from(wanted.len() + faults.len()).unwrap_or(u64::MAX);
        self.keeper.progress(&self.list.name, |progress| progress.total = Some(total));
        // What a registry does not list just now is still on the list.
        let keys = || wanted.iter().map(|(name, (key, _))| (name.clone(), key.clone())).collect();
        self.listed = faults.is_empty().then(keys);
        for (item, error) in faults {
            self.settle(&item, Err(Self::problem(&error))).await?;
        }
        for (name, (key, reference)) in wanted {
            self.keeper.progress(&self.list.name, |progress| progress.image = Some(name.clone()));
            let kept = self.image(&key, &reference).await;
            self.settle(&name, kept).await?;
        }
        Ok(())
    }

    // Waits while somebody waits for an image.
    async fn turn(&self) {
        while (self.keeper.0.is_busy)() {
            self.keeper.progress(&self.list.name, |progress| progress.waits = true);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.keeper.progress(&self.list.name, |progress| progress.waits = false);
    }

    async fn image(&mut self, key: &RepoKey, reference: &Reference) -> Result<Digest, Problem> {
        if let Origin::Upstream(host) = &key.origin
            && self.limited.contains(host)
        {
            let detail = format!("upstream `{host}` limits our requests");
            return Err(Problem { state: KeepState::Postponed, detail });
        }
        self.turn().await;
        match self.fetched(key, reference).await {
            Ok(Ok(digest)) => Ok(digest),
            Ok(Err(problem)) => Err(problem),
            Err(error) => {
                self.limited.extend(limits_us(&error).cloned());
                Err(Self::problem(&error))
            }
        }
    }

    async fn fetched(
        &mut self,
        key: &RepoKey,
        reference: &Reference,
    ) -> Result<Result<Digest, Problem>, MirrorError> {
        let mirror = self.keeper.0.mirror.clone();
        let failed = |detail: String| Ok(Err(Problem { state: KeepState::Failed, detail }));
        let whole = mirror.whole_image(key, reference, &self.list.platforms).await?;
        if !self.list.platforms.is_empty() && whole.platforms.is_empty() {
            return failed(format!("it is for none of these platforms: {}", listed(&self.list.platforms)));
        }
        // What is here was verified when it came, and is by the scrub.
        for blob in mirror.missing_blobs(key, &whole).await? {
            self.turn().await;
            match mirror.keep_blob(key, &blob.digest, |_| ()).await? {
                BlobArrival::Before | BlobArrival::Now => self.came(blob.size),
                BlobArrival::NoSpace => {
                    return failed(format!("there is no space to keep `{}`", blob.digest));
                }
                BlobArrival::Damaged => {
                    return failed(format!("what is stored as `{}` has another digest", blob.digest));
                }
            }
        }
        mirror.pin(&[pin(&self.list.name, key, whole.digest)]).await?;
        mirror.keep_manifests(key, reference, &whole).await?;
        Ok(Ok(whole.digest))
    }

    fn came(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.keeper.0.metrics.bytes.inc_by(bytes);
        let all = self.bytes;
        self.keeper.progress(&self.list.name, |progress| progress.bytes = all);
    }

    fn problem(error: &MirrorError) -> Problem {
        let state = if limits_us(error).is_some() { KeepState::Postponed } else { KeepState::Failed };
        Problem { state, detail: error.to_string() }
    }

    async fn settle(&mut self, image: &str, kept: Result<Digest, Problem>) -> Result<(), Error> {
        let (state, digest, problem) = match kept {
            Ok(digest) => (KeepState::Kept, Some(digest), None),
            Err(Problem { state, detail }) => (state, None, Some(detail)),
        };
        self.counts.add(state);
        let counts = self.counts;
        self.keeper.progress(&self.list.name, |progress| progress.counts = counts);
        let record = KeepImageRecord {
            list: self.list.name.clone(),
            image: image.to_owned(),
            state,
            digest,
            problem,
            checked: SystemTime::now(),
        };
        Ok(self.keeper.0.catalog.note_keep_image(self.id, &record).await?)
    }
}

// The registry that allows us nothing more for now, or only what is for clients.
fn limits_us(error: &MirrorError) -> Option<&Host> {
    match error {
        MirrorError::Upstream { host, fault: UpstreamFault::Limited { .. } }
        | MirrorError::Reserved { host } => Some(host),
        _ => None,
    }
}

fn listed(platforms: &[Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

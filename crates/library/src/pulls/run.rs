//! Does a pull: asks the node's engine, follows it, and tries again what may succeed.

use std::time::{Duration, SystemTime};

use entrepot_access::RepositoryPass;
use entrepot_catalog::{NodeRecord, PullEnd, PullRecord, PullStatus, PullStep};
use entrepot_engine::{ImagePull, PullAuth};
use entrepot_oci::{ImageRef, Platform};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

use super::{
    fault::{PullFailure, PullFault, of_engine, of_stop},
    image::LibraryImage,
    jobs::PullState,
    progress::{PullPhase, PullPlan, PullProgress, Tracker},
    source::{is_from_here, on_node},
};
use crate::{
    error::Error,
    library::Library,
    nodes::{Facts, Link, UnreachableReason},
};

/// How often it is told how far a pull is.
const TOLD_EVERY: Duration = Duration::from_millis(250);
/// How often that is written down.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);
/// How long to wait before the first attempt after another; each further one doubles it.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a login for a pull lives, if the pull does not end before.
const PASS_LIVES: Duration = Duration::from_secs(24 * 60 * 60);

/// A pull that is being done.
pub(super) struct PullRun {
    pub(super) library: Library,
    pub(super) record: PullRecord,
    pub(super) image: LibraryImage,
    pub(super) told: watch::Sender<PullState>,
}

/// One attempt.
struct PullAttempt<'a> {
    run: &'a PullRun,
    number: u32,
    since: Instant,
    written: Option<(PullStatus, Instant)>,
}

impl PullRun {
    /// Does the pull to its end.
    pub(super) async fn to_the_end(&self) -> PullEnd {
        let settings = &self.library.0.settings.pulls;
        let turns = self.library.0.pulls.turns(self.record.node, settings.at_once);
        let Ok(_turn) = turns.acquire_owned().await else {
            return failed(PullFault::Interrupted.because("the server stops"));
        };
        let mut pause = PAUSE;
        for number in 1.. {
            let attempt = PullAttempt { run: self, number, since: Instant::now(), written: None };
            match attempt.pull().await {
                Ok(()) => return ended(PullStatus::Succeeded),
                Err(failure) if failure.fault.passes() && number < settings.attempts => {
                    tracing::info!(pull = self.record.id, why = failure.detail, "a pull is tried again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(failure) => return failed(failure),
            }
        }
        failed(PullFault::Interrupted.because("it was tried too often"))
    }
}

impl PullAttempt<'_> {
    async fn pull(mut self) -> Result<(), PullFailure> {
        let library = &self.run.library;
        self.tell(&Tracker::new(None).progress(Duration::ZERO)).await;
        let node = self.node().await?;
        let plan = self.plan(&node).await?;
        let link = self.link(&node).await?;
        let image = on_node(&self.run.image, &node.settings, library.0.address.as_ref())
            .map_err(|error| PullFault::NodeUnusable.because(error.to_string()))?;
        let pass = self.pass(&node);
        let auth = pass.as_ref().map(|pass| PullAuth {
            host: image.host().clone(),
            username: pass.username().to_owned(),
            password: pass.password().clone(),
        });
        let pulled = self.ask(&link, (&image, auth.as_ref()), plan.as_ref()).await;
        pulled.map_err(|failure| match pass {
            Some(_) => failure,
            None => PullFailure { fault: failure.fault.asked_directly(), ..failure },
        })?;
        // Some engines end the stream without a word when they fail.
        let there = link.engine().image(&image).await;
        there.map(drop).map_err(|error| of_engine(&error).because(error.to_string()))
    }

    async fn ask(
        &mut self,
        link: &Link,
        (image, auth): (&ImageRef, Option<&PullAuth>),
        plan: Option<&PullPlan>,
    ) -> Result<(), PullFailure> {
        let patience = self.run.library.0.settings.pulls.stalled_after;
        let stalled = || PullFault::Stalled.because("the engine says nothing");
        let begun = tokio::time::timeout(patience, link.engine().pull(image, None, auth)).await;
        let pull = begun.map_err(|_| stalled())?.map_err(|stop| of_stop(&stop))?;
        self.follow(pull, link, plan).await
    }

    async fn follow(
        &mut self,
        mut pull: ImagePull,
        link: &Link,
        plan: Option<&PullPlan>,
    ) -> Result<(), PullFailure> {
        let mut tracker = Tracker::new(plan);
        let after = self.run.library.0.settings.pulls.stalled_after;
        let mut ticks = tokio::time::interval(TOLD_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = pull.next() => match event {
                    Ok(Some(event)) => tracker.take(&event, self.since.elapsed()),
                    Ok(None) => {
                        tracker.complete();
                        self.tell(&tracker.progress(self.since.elapsed())).await;
                        return Ok(());
                    }
                    Err(stop) => return Err(of_stop(&stop)),
                },
                _ = ticks.tick() => {
                    let now = self.since.elapsed();
                    self.tell(&tracker.progress(now)).await;
                    if tracker.is_stalled(now, after) {
                        let seconds = after.as_secs();
                        return Err(PullFault::Stalled.because(format!("nothing has come for {seconds} s")));
                    }
                }
                () = link.closed() => {
                    return Err(PullFault::Unreachable.because("the node is reached in another way now"));
                }
            }
        }
    }

    async fn node(&self) -> Result<NodeRecord, PullFailure> {
        let gone = |_| PullFault::NodeUnusable.because("the node is gone");
        let id = self
            .run
            .record
            .node
            .try_into()
            .map_err(|_| PullFault::NodeUnusable.because("the node is gone"))?;
        self.run.library.node(id).await.map_err(gone)
    }

    // Without a plan, a pull from the registry itself goes on: our mirror may not know that registry.
    async fn plan(&self, node: &NodeRecord) -> Result<Option<PullPlan>, PullFailure> {
        let facts = Facts::read(&node.facts);
        let word = |word: &str, usual: &str| if word.is_empty() { usual.to_owned() } else { word.to_owned() };
        let platform = Platform {
            os: word(&facts.os, "linux"),
            architecture: word(&facts.architecture, "amd64"),
            variant: None,
            os_version: None,
        };
        match self.run.library.plan(&self.run.image, &platform).await {
            Ok(plan) => Ok(Some(plan)),
            Err(failure) if is_from_here(&self.run.image, &node.settings) => Err(failure),
            Err(_) => Ok(None),
        }
    }

    async fn link(&self, node: &NodeRecord) -> Result<Link, PullFailure> {
        self.run.library.link(node).await.map_err(|error| match error {
            UnreachableReason::Condition(condition) => PullFault::Unreachable.because(condition.detail),
            UnreachableReason::Catalog(error) => PullFault::Unreachable.because(error.to_string()),
        })
    }

    // A login of our own for this one repository, so that those of registries stay here.
    fn pass(&self, node: &NodeRecord) -> Option<RepositoryPass> {
        if !is_from_here(&self.run.image, &node.settings) {
            return None;
        }
        let repository = self.run.image.key().to_string().parse().ok()?;
        let holder = format!("node:{}", node.settings.name);
        Some(self.run.library.0.access.pull_pass(&holder, repository, PASS_LIVES))
    }

    async fn tell(&mut self, progress: &PullProgress) {
        let status = match progress.phase {
            PullPhase::Resolving => PullStatus::Resolving,
            PullPhase::Downloading => PullStatus::Downloading,
            PullPhase::Extracting => PullStatus::Extracting,
        };
        let step = PullStep {
            status,
            layers_total: progress.total.map(|_| u64::try_from(progress.layers.len()).unwrap_or(u64::MAX)),
            layers_done: progress.layers_done,
            bytes_total: progress.total,
            bytes_done: progress.done,
            attempt: self.number,
        };
        self.run.told.send_modify(|state| {
            state.record.step = step.clone();
            state.record.started.get_or_insert_with(SystemTime::now);
            state.progress = Some(progress.clone());
        });
        let is_due = self.written.is_none_or(|(last, at)| last != status || at.elapsed() >= WRITTEN_EVERY);
        if is_due {
            self.written = Some((status, Instant::now()));
            let id = self.run.record.id;
            if let Err(error) = self.run.library.0.catalog.pull_step(id, &step, SystemTime::now()).await {
                tracing::warn!(
                    cause = &error as &dyn std::error::Error,
                    "how far a pull is cannot be recorded"
                );
            }
        }
    }
}

impl PullRun {
    /// Records the end, and tells it.
    pub(super) async fn settle(self, end: PullEnd) -> Result<(), Error> {
        let (catalog, id, now) = (&self.library.0.catalog, self.record.id, SystemTime::now());
        let recorded = catalog.pull_ended(id, &end, now).await;
        self.told.send_modify(|state| {
            state.record.step.status = end.status;
            (state.record.error, state.record.detail) = (end.error, end.detail);
            state.record.finished = Some(now);
        });
        self.library.0.pulls.end(id);
        recorded?;
        let remembered = i64::from(self.library.0.settings.pulls.remembered);
        catalog.trim_pulls(id.saturating_sub(remembered)).await?;
        Ok(())
    }
}

/// An end without a failure.
pub(super) fn ended(status: PullStatus) -> PullEnd {
    PullEnd { status, error: None, detail: None }
}

/// The end of a pull that failed.
pub(super) fn failed(PullFailure { fault, detail }: PullFailure) -> PullEnd {
    PullEnd { status: PullStatus::Failed, error: Some(fault.as_str().to_owned()), detail: Some(detail) }
}

//! The configuration is looked at every few seconds. Where its rules or registries were changed they are taken, as a
//! whole or not at all.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use entrepot_catalog::Catalog;
use entrepot_scheduler::Scheduler;
use tokio_util::sync::CancellationToken;

use super::work_of;
use crate::config::{self, Config, Environment, Overrides};

/// How often.
const LOOK: Duration = Duration::from_secs(3);

/// What is known of a file: when it was changed and how long it is; `None` if it cannot be looked at.
type Mark = Option<(SystemTime, u64)>;

/// What to look at, and whom to tell.
pub(crate) struct Reload {
    /// The configuration file, as it was named.
    pub(crate) file: Option<PathBuf>,
    /// What goes over it.
    pub(crate) over: Overrides,
    /// The environment.
    pub(crate) environment: Environment,
    /// When the configuration in force began to be read: what was changed later was not seen.
    pub(crate) since: SystemTime,
    /// Who runs the rules.
    pub(crate) scheduler: Scheduler,
    /// Where runs are remembered.
    pub(crate) catalog: Catalog,
}

impl Reload {
    /// Looks until `stop`. `watched` are the files and directories that the rules in force came from.
    pub(crate) async fn watch(self, mut watched: Vec<PathBuf>, stop: CancellationToken) {
        let mut marks = marks(&watched);
        let mut is_unsure = marks.values().flatten().any(|(changed, _)| *changed >= self.since);
        // What is refused may be mended in a file that is not among those.
        let mut refused: Option<config::Error> = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return,
            }
            let now = self::marks(&watched);
            if now == marks && refused.is_none() && !std::mem::take(&mut is_unsure) {
                continue;
            }
            let over = self.over.clone();
            match config::load(self.file.as_deref(), &self.environment, over) {
                Ok(loaded) => {
                    refused = None;
                    watched.clone_from(&loaded.config.rules.watched);
                    self.take(loaded.config).await;
                }
                Err(error) => {
                    self.refuse(&error, refused.as_ref());
                    refused = Some(error);
                }
            }
            // As they were before the files were read: what is changed meanwhile is seen next time.
            let before = |path: &PathBuf| now.get(path).copied().unwrap_or_else(|| mark(path));
            marks = watched.iter().map(|path| (path.clone(), before(path))).collect();
        }
    }

    async fn take(&self, config: Config) {
        let rules = config.rules.set.rules().len();
        let work = work_of(&config, &self.environment, &self.catalog);
        match self.scheduler.replace(config.rules.set, work).await {
            Ok(()) => {
                tracing::info!(rules, "the configuration was changed: its rules and registries are in force");
            }
            Err(error) => tracing::error!(%error, "the rules were changed and cannot be taken"),
        }
    }

    fn refuse(&self, error: &config::Error, before: Option<&config::Error>) {
        if before != Some(error) {
            tracing::error!("the configuration was changed and cannot be used: {error}");
            self.scheduler.refuse(error.to_string(), error.hint().map(str::to_owned));
        }
    }
}

fn marks(watched: &[PathBuf]) -> BTreeMap<PathBuf, Mark> {
    watched.iter().map(|path| (path.clone(), mark(path))).collect()
}

fn mark(path: &PathBuf) -> Mark {
    let about = fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

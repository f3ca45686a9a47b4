//! Other rules while the server runs: the files that the rules came from are looked at every few seconds, and what was
//! changed is taken as a whole or refused as a whole. How files are read is up to the caller.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use entrepot_sync::rules::RuleSet;
use tokio_util::sync::CancellationToken;

use crate::{scheduler::Scheduler, task::Executor};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(3);

/// What tells whether a file was changed: its modification time and length; `None` if it cannot be looked at.
type FileStamp = Option<(SystemTime, u64)>;

/// Rules that were read again.
pub struct LoadedRules {
    /// All rules.
    pub rules: RuleSet,
    /// What executes them.
    pub executor: Executor,
    /// The files and directories that they came from.
    pub watched: Vec<PathBuf>,
}

/// Why what was read cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The fact.
    pub problem: String,
    /// The way out.
    pub hint: Option<String>,
}

/// Reads the rules. Whoever does so says in the log what cannot be used, since not only syncs come from there.
pub type Load = Box<dyn Fn() -> Result<LoadedRules, Refusal> + Send + Sync>;

/// Watches files for a scheduler.
pub struct Reload {
    /// Who gets the rules.
    pub scheduler: Scheduler,
    /// How to read them.
    pub load: Load,
    /// When the rules in force began to be read: changes after that were not seen.
    pub since: SystemTime,
}

impl Reload {
    /// Watches until `stop`. `watched` are the files and directories that the rules in force came from.
    pub async fn watch(self, mut watched: Vec<PathBuf>, stop: CancellationToken) {
        let mut stamps: BTreeMap<_, _> = watched.iter().map(|path| (path.clone(), stamp(path))).collect();
        let mut is_unsure = stamps.values().flatten().any(|(changed, _)| *changed >= self.since);
        // What is refused may be mended in a file that is not watched.
        let mut refused: Option<Refusal> = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => return,
            }
            let now: BTreeMap<_, _> = watched.iter().map(|path| (path.clone(), stamp(path))).collect();
            if now == stamps && refused.is_none() && !std::mem::take(&mut is_unsure) {
                continue;
            }
            match (self.load)() {
                Ok(loaded) => {
                    refused = None;
                    watched.clone_from(&loaded.watched);
                    self.take(loaded).await;
                }
                Err(refusal) => {
                    if refused.as_ref() != Some(&refusal) {
                        self.refuse(&refusal);
                    }
                    refused = Some(refusal);
                }
            }
            // As they were before they were read: what is changed meanwhile is seen next time.
            let before = |path: &PathBuf| now.get(path).copied().unwrap_or_else(|| stamp(path));
            stamps = watched.iter().map(|path| (path.clone(), before(path))).collect();
        }
    }

    async fn take(&self, loaded: LoadedRules) {
        let rules = loaded.rules.rules().len();
        match self.scheduler.replace(loaded.rules, loaded.executor).await {
            Ok(()) => {
                tracing::info!(rules, "the configuration was changed: its rules and registries are in force");
            }
            Err(error) => tracing::error!(%error, "the rules were changed and cannot be taken"),
        }
    }

    fn refuse(&self, Refusal { problem, hint }: &Refusal) {
        self.scheduler.refuse(problem.clone(), hint.clone());
    }
}

fn stamp(path: &Path) -> FileStamp {
    let about = fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

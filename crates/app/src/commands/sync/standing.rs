//! Results of the last run of each rule, for the guide. They are in the cache directory, keyed by rule file; losing
//! them costs two columns of a table.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use entrepot_guide::{RuleStanding, RuleStandings};
use entrepot_sync::Report;
use serde::{Deserialize, Serialize};

use crate::{
    commands::session::RegistryContext,
    replace::{FilePermissions, replace},
};

/// The file in the cache directory.
const FILE: &str = "standing.json";

type LastRuns = BTreeMap<String, BTreeMap<String, LastRun>>;

#[derive(Clone, Copy, Serialize, Deserialize)]
struct LastRun {
    /// Seconds since 1970.
    at: u64,
    in_sync: usize,
    wanted: usize,
}

/// The stored results for a session's rule file.
pub(super) fn known(context: &RegistryContext) -> RuleStandings {
    let rules = place(context).and_then(|(path, key)| read(&path).remove(&key)).unwrap_or_default();
    let standing = |seen: LastRun| RuleStanding {
        at: UNIX_EPOCH.checked_add(Duration::from_secs(seen.at)).unwrap_or(UNIX_EPOCH),
        in_sync: seen.in_sync,
        wanted: seen.wanted,
    };
    RuleStandings { rules: rules.into_iter().map(|(name, seen)| (name, standing(seen))).collect() }
}

/// Stores the results of a run.
pub(super) fn remember(context: &RegistryContext, report: &Report) {
    let Some((path, key)) = place(context) else { return };
    let mut kept = read(&path);
    let rules = kept.entry(key).or_default();
    for (name, RuleStanding { at, in_sync, wanted }) in RuleStandings::from(report).rules {
        rules.insert(name, LastRun { at: seconds(at), in_sync, wanted });
    }
    if let Err(error) = write(&path, &kept) {
        tracing::debug!(%error, path = %path.display(), "how the rules stand is not remembered");
    }
}

fn place(context: &RegistryContext) -> Option<(PathBuf, String)> {
    let file = context.file.as_deref()?;
    let whole = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    Some((context.cache.as_ref()?.join(FILE), whole.display().to_string()))
}

fn read(path: &Path) -> LastRuns {
    fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn write(path: &Path, runs: &LastRuns) -> io::Result<()> {
    replace(path, FilePermissions::Private, |file| Ok(serde_json::to_writer_pretty(file, runs)?))
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

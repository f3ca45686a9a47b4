//! Rules and runs as the API has them. Times are RFC 3339, UTC; sizes are bytes.

use std::time::SystemTime;

use entrepot_catalog::{CopyCounts, CopyState, RunCopy, RunRecord};
use entrepot_oci::Digest;
use serde::{Deserialize, Serialize};

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesView {
    /// In the order in which they were written.
    pub rules: Vec<RuleView>,
    /// Why the present configuration was not taken, if it was not; the rules are then those of the one before it.
    pub refused: Option<Refused>,
}

/// Why a changed configuration was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A rule, when it runs next, and the state of its copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// Its name.
    pub name: String,
    /// The title that readers see.
    pub title: Option<String>,
    /// The heading that readers see it under.
    pub category: Option<String>,
    /// When it runs: a cron expression or `@hourly` and the like, as it was written.
    pub schedule: Option<String>,
    /// The time zone of the schedule.
    pub time_zone: Option<String>,
    /// When it runs next, if nobody asks for it before.
    pub next: Option<String>,
    /// The repositories that it copies, and where to.
    pub sources: Vec<SourceView>,
    /// How many of its copies are in which state.
    pub copies: Counts,
    /// The last run of it that has ended.
    pub last: Option<RunView>,
    /// How far its active run is, if there is one.
    pub running: Option<ProgressView>,
}

/// A repository that is copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// The source: a host and a repository.
    pub from: String,
    /// The targets, in the same form.
    pub to: Vec<String>,
}

/// How many copies had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// Targets that have what their source has: `copied` and `equal`.
    pub in_sync: u64,
    /// Written by the run.
    pub copied: u64,
    /// Found to be equal; nothing was written.
    pub equal: u64,
    /// The target has another image under a tag that never changes, and keeps it.
    pub kept: u64,
    /// Not copied, because something went wrong.
    pub failed: u64,
    /// Left for a later run, because the source's budget is used up.
    pub postponed: u64,
    /// Not begun, because the run was told to stop.
    pub cancelled: u64,
}

impl From<CopyCounts> for Counts {
    fn from(counts: CopyCounts) -> Self {
        Self {
            total: counts.total(),
            in_sync: counts.in_sync(),
            copied: counts.copied,
            equal: counts.equal,
            kept: counts.kept,
            failed: counts.failed,
            postponed: counts.postponed,
            cancelled: counts.cancelled,
        }
    }
}

/// A page of runs, the latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsView {
    /// The runs.
    pub runs: Vec<RunView>,
    /// Whether there are more. To get them, ask again with the last one's id as `before`.
    pub more: bool,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// The name of the rule.
    pub rule: String,
    /// `schedule`, `catch-up` or `hand`.
    pub cause: String,
    /// The image it was confined to, if it was.
    pub part: Option<String>,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub ended: Option<String>,
    /// `running`, `done`, `failed`, `cancelled` or `interrupted`.
    pub outcome: String,
    /// What kept the run as a whole from its work.
    pub problem: Option<String>,
    /// How many of its copies had which outcome.
    pub copies: Counts,
    /// Bytes written.
    pub written: u64,
    /// Bytes read from sources.
    pub read: u64,
}

impl From<RunRecord> for RunView {
    fn from(run: RunRecord) -> Self {
        Self {
            id: run.id.to_string(),
            rule: run.rule,
            cause: run.cause.as_str().to_owned(),
            part: run.part,
            started: time(run.started),
            ended: run.ended.map(time),
            outcome: run.outcome.as_str().to_owned(),
            problem: run.problem,
            copies: run.counts.into(),
            written: run.written,
            read: run.read,
        }
    }
}

/// A run and what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: RunView,
    /// How far it is, if it is active.
    pub progress: Option<ProgressView>,
    /// What it did about its copies, except for those that were equal: they are only counted.
    pub changes: Vec<RunCopyView>,
    /// Whether there are more. To get them, ask again with the last one's number as `after`.
    pub more: bool,
}

/// What a run did about one copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCopyView {
    /// Its number in the run, counted from 1; 0 as long as it has none, in events.
    pub number: u64,
    /// The source: a host and a repository.
    pub source: String,
    /// The source's tag or digest.
    pub reference: String,
    /// The target: a host and a repository.
    pub target: String,
    /// The target's tag or digest.
    pub target_reference: String,
    /// The source's digest.
    pub digest: Option<String>,
    /// `copied`, `equal`, `kept`, `failed`, `postponed` or `cancelled`.
    pub outcome: String,
    /// What went wrong, if anything did.
    pub problem: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Bytes written.
    pub written: u64,
    /// Bytes that the target's registry had in another repository.
    pub mounted: u64,
    /// Bytes that the target had already.
    pub present: u64,
    /// How long it took.
    pub milliseconds: u64,
}

impl RunCopyView {
    pub(crate) fn of(number: u64, done: &RunCopy) -> Self {
        Self {
            number,
            source: done.copy.source.clone(),
            reference: done.copy.reference.clone(),
            target: done.copy.target.clone(),
            target_reference: done.copy.target_reference.clone(),
            digest: done.digest.as_ref().map(Digest::to_string),
            outcome: done.outcome.as_str().to_owned(),
            problem: done.problem.clone(),
            hint: done.hint.clone(),
            written: done.written,
            mounted: done.mounted,
            present: done.present,
            milliseconds: u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// A page of the states of copies, ordered by source tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateView {
    /// The copies.
    pub copies: Vec<CopyView>,
    /// Whether there are more. To get them, ask again with `source` and `reference` of the last one.
    pub more: bool,
}

/// The state of a copy when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyView {
    /// The source: a host and a repository.
    pub source: String,
    /// The source's tag or digest.
    pub reference: String,
    /// The target: a host and a repository.
    pub target: String,
    /// The target's tag or digest.
    pub target_reference: String,
    /// The source's digest.
    pub digest: Option<String>,
    /// `copied`, `equal`, `kept`, `failed`, `postponed` or `cancelled`.
    pub outcome: String,
    /// What went wrong, if anything did.
    pub problem: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// When it was looked at.
    pub checked: String,
    /// When it was last known to be equal to its source.
    pub synced: Option<String>,
}

impl From<CopyState> for CopyView {
    fn from(state: CopyState) -> Self {
        Self {
            source: state.copy.source,
            reference: state.copy.reference,
            target: state.copy.target,
            target_reference: state.copy.target_reference,
            digest: state.digest.as_ref().map(Digest::to_string),
            outcome: state.outcome.as_str().to_owned(),
            problem: state.problem,
            hint: state.hint,
            checked: time(state.checked),
            synced: state.synced.map(time),
        }
    }
}

/// What an active run is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It waits for its turn: enough other rules are at work.
    #[default]
    Waiting,
    /// It surveys sources and targets.
    Looking,
    /// It copies.
    Copying,
}

/// How far an active run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// Which run.
    pub run: String,
    /// The name of the rule.
    pub rule: String,
    /// `schedule`, `catch-up` or `hand`.
    pub cause: String,
    /// The image it is confined to, if it is.
    pub part: Option<String>,
    /// When it began.
    pub started: String,
    /// What it is doing.
    pub phase: Phase,
    /// How many copies there are to settle; 0 until that is known.
    pub wanted: u64,
    /// How many copies are settled, by outcome.
    pub copies: Counts,
    /// Bytes of all images whose size is known.
    pub bytes: u64,
    /// How many of those bytes are done: written, mounted or found to be there.
    pub done: u64,
    /// How many bytes were read from sources.
    pub read: u64,
    /// The images that are being copied; only some of them if there are many.
    pub images: Vec<ImageView>,
}

/// How far an image is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    /// The image at its source.
    pub image: String,
    /// Its bytes; 0 until that is known.
    pub bytes: u64,
    /// How many of those bytes are done: written, mounted or found to be there.
    pub done: u64,
}

/// As the API writes times.
pub(crate) fn time(at: SystemTime) -> String {
    entrepot_sync::timestamp(at)
}

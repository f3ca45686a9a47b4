//! What is told of rules and runs, in the words of the API. Times are RFC 3339, UTC; sizes are bytes.

use std::time::SystemTime;

use entrepot_catalog::{CopyCounts, CopyState, RunCopy, RunRecord};
use entrepot_oci::Digest;
use serde::{Deserialize, Serialize};

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesView {
    /// In the order in which they were written.
    pub rules: Vec<RuleView>,
    /// Why the configuration as it is now was not taken, if it was not; the rules are then those before it.
    pub refused: Option<Refused>,
}

/// Why a changed configuration was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: String,
    /// The fact.
    pub problem: String,
    /// The way out.
    pub hint: Option<String>,
}

/// A rule, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// What it is called.
    pub name: String,
    /// What readers see.
    pub title: Option<String>,
    /// The heading that it stands under.
    pub category: Option<String>,
    /// When it runs, as it was written.
    pub schedule: Option<String>,
    /// The time zone of that.
    pub time_zone: Option<String>,
    /// When it runs next by itself.
    pub next: Option<String>,
    /// Where it copies from, and where to.
    pub sources: Vec<SourceView>,
    /// How its copies stand.
    pub copies: Counts,
    /// Its last run that has ended.
    pub last: Option<RunView>,
    /// How far its run is, if it runs.
    pub running: Option<ProgressView>,
}

/// A repository that is copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// Which.
    pub from: String,
    /// Where to.
    pub to: Vec<String>,
}

/// How often each outcome came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All.
    pub total: u64,
    /// Those that have what their source has: copied and equal.
    pub in_sync: u64,
    /// Written.
    pub copied: u64,
    /// Found to be there.
    pub equal: u64,
    /// Something else is there, and stays.
    pub kept: u64,
    /// Not there.
    pub failed: u64,
    /// Left for a later run.
    pub postponed: u64,
    /// Not come to.
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
    /// Whether there are more: ask again with `before` as the last one's id.
    pub more: bool,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Which one.
    pub id: String,
    /// The rule.
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
    /// What kept it from its work as a whole.
    pub problem: Option<String>,
    /// How its copies ended.
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
    /// How far it is, if it goes on.
    pub progress: Option<ProgressView>,
    /// What it did about copies; those that were equal are only counted.
    pub changes: Vec<RunCopyView>,
    /// Whether there are more: ask again with `after` as the last one's number.
    pub more: bool,
}

/// What a run did about one copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCopyView {
    /// Which of the run's, counted from 1; 0 where it is not numbered yet.
    pub number: u64,
    /// Where it comes from.
    pub source: String,
    /// What it is called there.
    pub reference: String,
    /// Where it goes.
    pub target: String,
    /// What it is called there.
    pub target_reference: String,
    /// The source's digest.
    pub digest: Option<String>,
    /// `copied`, `equal`, `kept`, `failed`, `postponed` or `cancelled`.
    pub outcome: String,
    /// What went wrong.
    pub problem: Option<String>,
    /// The way out.
    pub hint: Option<String>,
    /// Bytes written.
    pub written: u64,
    /// Bytes that the target had elsewhere.
    pub mounted: u64,
    /// Bytes that were there.
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

/// A page of how copies stand, source tag by source tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateView {
    /// The copies.
    pub copies: Vec<CopyView>,
    /// Whether there are more: ask again with `source` and `reference` of the last one.
    pub more: bool,
}

/// How a copy stood when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyView {
    /// Where it comes from.
    pub source: String,
    /// What it is called there.
    pub reference: String,
    /// Where it goes.
    pub target: String,
    /// What it is called there.
    pub target_reference: String,
    /// The source's digest.
    pub digest: Option<String>,
    /// `copied`, `equal`, `kept`, `failed`, `postponed` or `cancelled`.
    pub outcome: String,
    /// What went wrong.
    pub problem: Option<String>,
    /// The way out.
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

/// What a run is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Other rules run, and it waits for one to end.
    #[default]
    Waiting,
    /// It looks at what is there.
    Looking,
    /// It copies.
    Copying,
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// Which run.
    pub run: String,
    /// The rule.
    pub rule: String,
    /// `schedule`, `catch-up` or `hand`.
    pub cause: String,
    /// The image it is confined to, if it is.
    pub part: Option<String>,
    /// When it began.
    pub started: String,
    /// What it is about.
    pub phase: Phase,
    /// How many copies there are to settle; 0 until that is known.
    pub wanted: u64,
    /// Those that are settled.
    pub copies: Counts,
    /// Bytes of all images whose size is known.
    pub bytes: u64,
    /// How many of them are dealt with.
    pub done: u64,
    /// How many bytes came over the wire.
    pub read: u64,
    /// Images in hand, some of them if there are many.
    pub images: Vec<ImageView>,
}

/// How far an image is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    /// The image, at its source.
    pub image: String,
    /// Its bytes; 0 until that is known.
    pub bytes: u64,
    /// How many of them are dealt with.
    pub done: u64,
}

/// As the API writes times.
pub(crate) fn time(at: SystemTime) -> String {
    entrepot_sync::timestamp(at)
}

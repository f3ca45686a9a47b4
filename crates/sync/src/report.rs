//! The report of a run: a line for each image at each destination, and totals.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use entrepot_oci::{Digest, Reference, Tag};
use serde::{Serialize, Serializer};

use crate::{
    CopyFailure, CopyResult, CopySuccess, JobOutcome, Place, Plan, PlanAction, PlanStep,
    plan::{as_text, maybe_text},
};

/// The report of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The result in one word.
    pub verdict: RunVerdict,
    /// The time when the run began.
    #[serde(serialize_with = "rfc3339")]
    pub started: SystemTime,
    /// The time that the run took; in milliseconds in JSON.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub took: Duration,
    /// The totals of all rules.
    pub totals: Totals,
    /// The totals of each rule, in the order of the rules.
    pub rules: Vec<RuleTotals>,
    /// A line for every image at every destination.
    pub lines: Vec<ReportLine>,
    /// Remarks that belong to no line.
    pub notes: Vec<String>,
}

/// The result of a run in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// Everything is where it should be.
    Done,
    /// Nothing failed, but some images were not copied. A later run will.
    Behind,
    /// Something failed.
    Failed,
}

impl RunVerdict {
    /// The exit code of a command with this result.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Behind | Self::Failed => 1,
        }
    }
}

/// The totals of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleTotals {
    /// The name of the rule.
    pub rule: String,
    /// Its totals.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Counts of images by result, and of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Images that were at the destination before.
    pub up_to_date: usize,
    /// Images that were copied.
    pub copied: usize,
    /// Images that differ at the destination but are immutable there.
    pub kept: usize,
    /// Tags at a destination that no rule writes.
    pub extra: usize,
    /// Such tags that were removed.
    pub removed: usize,
    /// Images that could not be copied.
    pub failed: usize,
    /// Images not attempted because the pull budget is exhausted.
    pub postponed: usize,
    /// Images not attempted because the run was stopped.
    pub cancelled: usize,
    /// Bytes written.
    pub written: u64,
    /// Bytes mounted from other repositories.
    pub mounted: u64,
    /// Bytes that were there already.
    pub present: u64,
}

/// One image at one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportLine {
    /// The rule that asked for it.
    pub rule: String,
    /// The source repository.
    #[serde(serialize_with = "as_text")]
    pub source: Place,
    /// The tag there; `None` if the line is about the whole repository.
    #[serde(serialize_with = "maybe_text")]
    pub tag: Option<Tag>,
    /// The digest of that tag, if known.
    pub digest: Option<Digest>,
    /// The destination repository.
    #[serde(serialize_with = "as_text")]
    pub target: Place,
    /// The tag there.
    #[serde(serialize_with = "maybe_text")]
    pub target_tag: Option<Tag>,
    /// The state at the end.
    #[serde(flatten)]
    pub state: ReportState,
    /// The duration.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub took: Duration,
}

/// The state of an image at a destination when the run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ReportState {
    /// It was there before.
    UpToDate,
    /// It was copied.
    Copied {
        /// The digest at the destination.
        at_target: Digest,
        /// Bytes written.
        written: u64,
        /// Bytes mounted from other repositories.
        mounted: u64,
        /// Bytes that were there already.
        present: u64,
    },
    /// A different image is there and stays, because the tag is immutable.
    Kept,
    /// No rule writes this tag.
    Extra,
    /// No rule writes this tag, and it was removed.
    Removed,
    /// It could not be copied.
    Failed {
        /// The fact.
        what: String,
        /// A hint, if one is known.
        hint: Option<String>,
        /// True if the source failed, and so all its destinations.
        at_source: bool,
    },
    /// Not attempted, because the pull budget is exhausted.
    Postponed {
        /// Seconds until the budget is renewed, if the registry says so.
        after_seconds: Option<u64>,
    },
    /// Not attempted, because the run was stopped.
    Cancelled,
}

impl ReportState {
    /// One or two words for a table.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UpToDate => "up to date",
            Self::Copied { .. } => "copied",
            Self::Kept => "kept",
            Self::Extra => "extra",
            Self::Removed => "removed",
            Self::Failed { .. } => "failed",
            Self::Postponed { .. } => "postponed",
            Self::Cancelled => "cancelled",
        }
    }

    /// True if the destination has the image as the rule wants it.
    pub fn is_in_sync(&self) -> bool {
        matches!(self, Self::UpToDate | Self::Copied { .. })
    }
}

impl From<JobOutcome> for ReportState {
    fn from(outcome: JobOutcome) -> Self {
        match outcome {
            JobOutcome::Done(CopySuccess { changed: false, .. }) => Self::UpToDate,
            JobOutcome::Done(CopySuccess { digest, written, mounted, present, .. }) => {
                Self::Copied { at_target: digest, written, mounted, present }
            }
            JobOutcome::Failed(failure) => failure.into(),
            JobOutcome::Postponed { after } => {
                Self::Postponed { after_seconds: after.map(|after| after.as_secs()) }
            }
            JobOutcome::Cancelled => Self::Cancelled,
        }
    }
}

impl From<CopyFailure> for ReportState {
    fn from(failure: CopyFailure) -> Self {
        Self::Failed { what: failure.what, hint: failure.hint, at_source: failure.at_source }
    }
}

impl Totals {
    /// The number of images the rules want.
    pub fn wanted(&self) -> usize {
        self.in_sync() + self.kept + self.failed + self.postponed + self.cancelled
    }

    /// The number of these that are in place.
    pub fn in_sync(&self) -> usize {
        self.up_to_date + self.copied
    }

    /// The verdict for these counts.
    pub fn verdict(&self) -> RunVerdict {
        if self.failed > 0 {
            RunVerdict::Failed
        } else if self.postponed + self.cancelled > 0 {
            RunVerdict::Behind
        } else {
            RunVerdict::Done
        }
    }

    fn count(&mut self, state: &ReportState) {
        let counter = match state {
            ReportState::UpToDate => &mut self.up_to_date,
            ReportState::Copied { written, mounted, present, .. } => {
                self.written += written;
                self.mounted += mounted;
                self.present += present;
                &mut self.copied
            }
            ReportState::Kept => &mut self.kept,
            ReportState::Extra => &mut self.extra,
            ReportState::Removed => &mut self.removed,
            ReportState::Failed { .. } => &mut self.failed,
            ReportState::Postponed { .. } => &mut self.postponed,
            ReportState::Cancelled => &mut self.cancelled,
        };
        *counter += 1;
    }
}

/// The results of executing a plan.
#[derive(Debug, Default)]
pub(crate) struct RunResults {
    /// The results of the jobs.
    pub(crate) rows: Vec<CopyResult>,
    /// The results of removing extra tags.
    pub(crate) removals: HashMap<(Place, Tag), Result<(), CopyFailure>>,
}

impl Report {
    /// Combines a plan with its results.
    pub(crate) fn new(plan: Plan, deeds: RunResults, (started, took): (SystemTime, Duration)) -> Self {
        let mut rows: HashMap<(Place, Reference), (JobOutcome, Duration)> = HashMap::new();
        for row in deeds.rows {
            rows.insert((row.target, row.target_reference), (row.outcome, row.took));
        }
        let lines: Vec<ReportLine> =
            plan.steps.into_iter().map(|step| line(step, &rows, &deeds.removals)).collect();
        let mut totals = Totals::default();
        let mut rules: Vec<RuleTotals> = Vec::new();
        for line in &lines {
            totals.count(&line.state);
            if rules.last().is_none_or(|last| last.rule != line.rule) {
                rules.push(RuleTotals { rule: line.rule.clone(), totals: Totals::default() });
            }
            if let Some(last) = rules.last_mut() {
                last.totals.count(&line.state);
            }
        }
        Self { verdict: totals.verdict(), started, took, totals, rules, lines, notes: plan.notes }
    }
}

type Rows = HashMap<(Place, Reference), (JobOutcome, Duration)>;

fn line(
    step: PlanStep,
    rows: &Rows,
    removals: &HashMap<(Place, Tag), Result<(), CopyFailure>>,
) -> ReportLine {
    let key = step.target_tag.clone().map(|tag| (step.target.clone(), tag));
    let row = key.clone().and_then(|(place, tag)| rows.get(&(place, Reference::Tag(tag))));
    let removal = key.and_then(|key| removals.get(&key));
    let (state, took) = match (step.action, row) {
        (action, Some((outcome, took))) if action.is_work() => (outcome.clone().into(), *took),
        (action, None) if action.is_work() => (ReportState::Cancelled, Duration::ZERO),
        (PlanAction::Extra, _) => (removal.map_or(ReportState::Extra, removed), Duration::ZERO),
        (PlanAction::Kept, _) => (ReportState::Kept, Duration::ZERO),
        (PlanAction::Failed { what, hint, at_source }, _) => {
            (ReportState::Failed { what, hint, at_source }, Duration::ZERO)
        }
        _ => (ReportState::UpToDate, Duration::ZERO),
    };
    ReportLine {
        rule: step.rule,
        source: step.source,
        tag: step.tag,
        digest: step.digest,
        target: step.target,
        target_tag: step.target_tag,
        state,
        took,
    }
}

fn removed(removal: &Result<(), CopyFailure>) -> ReportState {
    match removal {
        Ok(()) => ReportState::Removed,
        Err(failure) => failure.clone().into(),
    }
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&timestamp(*time))
}

fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// A time in RFC 3339, in UTC and whole seconds.
pub fn timestamp(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

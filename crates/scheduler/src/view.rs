//! How rules and runs stand, for whoever shows them. What is remembered is in the catalog's own types.

use std::time::SystemTime;

use entrepot_catalog::{Cause, CopyCounts, CopyState, RunCopy, RunId, RunRecord};
use entrepot_sync::Place;

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesView {
    /// In the order in which they were written.
    pub rules: Vec<RuleView>,
    /// Why the configuration as it is now was not taken, if it was not; the rules are then those before it.
    pub refused: Option<RefusedReload>,
}

/// Why a changed configuration was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedReload {
    /// When.
    pub at: SystemTime,
    /// The fact.
    pub problem: String,
    /// The way out.
    pub hint: Option<String>,
}

/// A rule, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub next: Option<SystemTime>,
    /// Where it copies from, and where to.
    pub sources: Vec<SourceView>,
    /// How its copies stand.
    pub copies: CopyCounts,
    /// Its last run that has ended.
    pub last: Option<RunRecord>,
    /// How far its run is, if it runs.
    pub running: Option<ProgressView>,
}

/// A repository that is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceView {
    /// Which.
    pub from: Place,
    /// Where to.
    pub to: Vec<Place>,
}

/// A page of runs, the latest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunsView {
    /// The runs.
    pub runs: Vec<RunRecord>,
    /// Whether there are more: ask again with `before` as the last one's id.
    pub more: bool,
}

/// A run and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDetail {
    /// The run.
    pub run: RunRecord,
    /// How far it is, if it goes on.
    pub progress: Option<ProgressView>,
    /// What it did about copies, with the number of each, counted from 1; those that were equal are only counted.
    pub changes: Vec<(u64, RunCopy)>,
    /// Whether there are more: ask again with `after` as the last one's number.
    pub more: bool,
}

/// A page of how copies stand, source tag by source tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateView {
    /// The copies.
    pub copies: Vec<CopyState>,
    /// Whether there are more: ask again with `source` and `reference` of the last one.
    pub more: bool,
}

/// What a run is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressView {
    /// Which run.
    pub run: RunId,
    /// The rule.
    pub rule: String,
    /// Why it was begun.
    pub cause: Cause,
    /// The image it is confined to, if it is.
    pub part: Option<String>,
    /// When it began.
    pub started: SystemTime,
    /// What it is about.
    pub phase: Phase,
    /// How many copies there are to settle; 0 until that is known.
    pub wanted: u64,
    /// Those that are settled.
    pub copies: CopyCounts,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageView {
    /// The image, at its source.
    pub image: String,
    /// Its bytes; 0 until that is known.
    pub bytes: u64,
    /// How many of them are dealt with.
    pub done: u64,
}

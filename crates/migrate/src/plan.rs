//! The plan of a migration: the moves, the blockers, and the manual tasks. Pure.

use std::collections::BTreeMap;

use entrepot_oci::Digest;
use entrepot_sync::{Place, Plan as Copies, PlanAction, PlanStep};
use serde::Serialize;

use crate::{
    blockers,
    facts::Facts,
    find::ListOrigin,
    image_summary::ImageSummary,
    inspect::Inspection,
    migration::Move,
    problem::{Problem, Severity},
    project_file::FileChanges,
    quota::{self, Quota},
    requirements::{self, Account, Role, Task},
    row::{PlanRow, row},
};

/// The plan of a migration.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The registry that images are copied from, optionally with a namespace.
    pub from: String,
    /// The registry that they are copied to, optionally with a namespace.
    pub to: String,
    /// True if nothing prevents the copies.
    pub ready: bool,
    /// The way the repositories were found.
    pub found_by: ListOrigin,
    /// Totals over all repositories.
    pub totals: Totals,
    /// One row for each repository.
    pub repositories: Vec<PlanRow>,
    /// Problems, the most severe first.
    pub problems: Vec<Problem>,
    /// The share of the source's pull budget that the copies take, if it has one.
    pub quota: Option<Quota>,
    /// The accounts needed.
    pub accounts: Vec<Account>,
    /// Tasks to do by hand.
    pub checklist: Vec<Task>,
    /// The changes in the project's files.
    pub documents: Vec<FileChanges>,
    /// Every tag.
    pub tags: Vec<Tag>,
}

/// Totals over all repositories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Repositories that move.
    pub repositories: usize,
    /// Their tags, without attached ones.
    pub tags: usize,
    /// The images these point at.
    pub images: usize,
    /// The number of inspected images, which the sizes refer to.
    pub read: usize,
    /// Their blobs in bytes, each counted once.
    pub bytes: u64,
    /// Their blobs in bytes, counted for every image.
    pub bytes_apart: u64,
    /// Tags to copy.
    pub to_copy: usize,
    /// Tags already at the destination.
    pub in_place: usize,
    /// Tags that differ at the destination.
    pub in_the_way: usize,
    /// Referrers of images: signatures, attestations, bills of materials.
    pub referrers: usize,
    /// Attached tags, such as cosign's.
    pub attached: usize,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// The source, with repository.
    pub source: String,
    /// The target, with repository.
    pub target: String,
    /// The digest at the source.
    pub digest: Option<Digest>,
    /// The digest at the target.
    pub there: Option<Digest>,
    /// The action.
    pub action: &'static str,
}

impl Plan {
    /// Makes a plan.
    pub fn new(facts: Facts<'_>) -> Self {
        let Facts { migration, moves, copies, inspection, .. } = &facts;
        let rows: Vec<PlanRow> = moves.moves.iter().map(|moved| row(moved, copies, inspection)).collect();
        let totals = totals(&rows, copies, inspection);
        let quota = quota::quota(copies, inspection);
        let mut problems = moves.problems.clone();
        problems.extend(blockers::blockers(&facts, &rows, quota.as_ref()));
        problems.sort_by_key(|problem| problem.severity);
        let labels: Vec<(Place, Option<String>)> =
            moves.moves.iter().filter_map(|moved| label(moved, inspection)).collect();
        Self {
            from: migration.from.to_string(),
            to: migration.to.to_string(),
            ready: !problems.iter().any(|problem| problem.severity == Severity::Stops),
            found_by: facts.origin,
            totals,
            repositories: rows,
            problems,
            quota,
            accounts: vec![
                requirements::account(migration.from.host(), Role::Read, facts.accounts.source),
                requirements::account(migration.to.host(), Role::Write, facts.accounts.target),
            ],
            checklist: requirements::checklist(migration, &moves.moves, &labels),
            tags: copies.steps.iter().filter_map(tag).collect(),
            documents: facts.documents,
        }
    }

    /// The problems that prevent the copies.
    pub fn stops(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Stops)
    }
}

fn totals(rows: &[PlanRow], copies: &Copies, inspection: &Inspection) -> Totals {
    let sum = |of: fn(&PlanRow) -> usize| rows.iter().map(of).sum::<usize>();
    let mut blobs: BTreeMap<Digest, u64> = BTreeMap::new();
    inspection.images.values().for_each(|image| blobs.extend(&image.blobs));
    let (tags, in_place) = (sum(|row| row.tags), sum(|row| row.in_place));
    let counted = |is: fn(&PlanAction) -> bool| {
        copies.steps.iter().filter(|step| tag(step).is_some() && is(&step.action)).count()
    };
    Totals {
        repositories: rows.len(),
        tags,
        images: sum(|row| row.images),
        read: inspection.images.len(),
        bytes: blobs.values().sum(),
        bytes_apart: inspection.images.values().map(ImageSummary::size).sum(),
        to_copy: counted(|action| matches!(action, PlanAction::Copy)),
        in_place,
        in_the_way: counted(|action| matches!(action, PlanAction::Update { .. })),
        referrers: sum(|row| row.referrers),
        attached: sum(|row| row.attached),
    }
}

fn tag(step: &PlanStep) -> Option<Tag> {
    let (tag, target) = (step.tag.as_ref()?, step.target_tag.as_ref()?);
    Some(Tag {
        source: format!("{}:{tag}", step.source),
        target: format!("{}:{target}", step.target),
        digest: step.digest,
        there: step.before,
        action: step.action.word(),
    })
}

fn label(moved: &Move, inspection: &Inspection) -> Option<(Place, Option<String>)> {
    let own: Vec<&ImageSummary> = inspection
        .images
        .iter()
        .filter(|((place, _), _)| *place == moved.source)
        .map(|(_, summary)| summary)
        .collect();
    let said = own.iter().find_map(|summary| summary.source.clone());
    (!own.is_empty()).then(|| (moved.source.clone(), said))
}

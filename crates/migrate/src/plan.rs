//! The plan: what moves where, what keeps it from moving, and what people have to do. Pure.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_oci::Digest;
use entrepot_sync::{Action, Format, Place, Plan as Copies, Step, belongs_to};
use serde::Serialize;

use crate::{
    Migration, Move, Moves, Origin, Study,
    advice::{self, Account, Role, Task},
    anatomy::Anatomy,
    obstacles,
    problem::{Problem, Severity},
    quota::{self, Quota},
};

/// A plan.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// From where.
    pub from: String,
    /// Where to.
    pub to: String,
    /// Whether nothing stands in the way.
    pub ready: bool,
    /// Who said which repositories there are.
    pub found_by: Origin,
    /// The sums.
    pub totals: Totals,
    /// Repository by repository.
    pub repositories: Vec<Row>,
    /// What to reckon with, the gravest first.
    pub problems: Vec<Problem>,
    /// What the copies take of the source's budget, where it has one.
    pub quota: Option<Quota>,
    /// The accounts that are needed.
    pub accounts: Vec<Account>,
    /// What is to be done by hand.
    pub checklist: Vec<Task>,
    /// What changes in the project's files.
    pub documents: Vec<Document>,
    /// Every tag.
    pub tags: Vec<Tag>,
}

/// The sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Repositories that move.
    pub repositories: usize,
    /// Their tags, without those that belong to an image.
    pub tags: usize,
    /// The images that these point at.
    pub images: usize,
    /// How many of them were looked into; sizes are theirs.
    pub read: usize,
    /// Their blobs in bytes, each counted once.
    pub bytes: u64,
    /// Their blobs in bytes, counted for every image.
    pub bytes_apart: u64,
    /// Tags to copy.
    pub to_copy: usize,
    /// Tags that are there.
    pub in_place: usize,
    /// Tags that something else has there.
    pub in_the_way: usize,
    /// What refers to images: signatures, attestations, bills of materials.
    pub referrers: usize,
    /// Tags that belong to an image, as cosign makes them.
    pub attached: usize,
}

/// A repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is called below `from`.
    pub name: String,
    /// Where it is.
    pub source: String,
    /// Where it goes.
    pub target: String,
    /// Its tags.
    pub tags: usize,
    /// The images that these point at.
    pub images: usize,
    /// What they run on.
    pub platforms: BTreeSet<String>,
    /// Their blobs in bytes, each counted once.
    pub bytes: u64,
    /// The largest of them.
    pub largest: u64,
    /// What refers to them.
    pub referrers: usize,
    /// Tags that belong to an image.
    pub attached: usize,
    /// Tags that are there already.
    pub in_place: usize,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// With its repository.
    pub source: String,
    /// The same where it goes.
    pub target: String,
    /// What it points at.
    pub digest: Option<Digest>,
    /// What it points at there.
    pub there: Option<Digest>,
    /// What is done about it.
    pub action: &'static str,
}

/// What changes in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Which.
    pub file: String,
    /// How many images get another name.
    pub images: usize,
    /// How many logins are adapted.
    pub logins: usize,
    /// How many places are left to people.
    pub left: usize,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// All that a plan is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What is wanted.
    pub migration: &'a Migration,
    /// Which repository goes where.
    pub moves: &'a Moves,
    /// Who said which there are.
    pub origin: Origin,
    /// What the engine would do.
    pub copies: &'a Copies,
    /// What is inside the images.
    pub study: &'a Study,
    /// What changes in the project's files.
    pub documents: Vec<Document>,
    /// Whether an account is known for the source, and for the destination.
    pub accounts: (bool, bool),
    /// The largest upload in one request, where it is bounded.
    pub chunk: Option<u64>,
    /// The form of documents that the destination takes.
    pub format: Format,
}

impl Plan {
    /// Makes a plan.
    pub fn new(facts: Facts<'_>) -> Self {
        let Facts { migration, moves, copies, study, .. } = &facts;
        let rows: Vec<Row> = moves.moves.iter().map(|moved| row(moved, copies, study)).collect();
        let totals = totals(&rows, copies, study);
        let quota = quota::quota(copies, study);
        let mut problems = moves.problems.clone();
        problems.extend(obstacles::obstacles(&facts, &rows, quota.as_ref()));
        problems.sort_by_key(|problem| problem.severity);
        let labels: Vec<(Place, Option<String>)> =
            moves.moves.iter().filter_map(|moved| label(moved, study)).collect();
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
                advice::account(migration.from.host(), Role::Read, facts.accounts.0),
                advice::account(migration.to.host(), Role::Write, facts.accounts.1),
            ],
            checklist: advice::checklist(migration, &moves.moves, &labels),
            tags: copies.steps.iter().filter_map(tag).collect(),
            documents: facts.documents,
        }
    }

    /// What keeps the copies from being made.
    pub fn stops(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Stops)
    }
}

/// The steps of one repository that are about images, not about what belongs to them.
pub(crate) fn images<'a>(copies: &'a Copies, source: &'a Place) -> impl Iterator<Item = &'a Step> {
    let own = copies.steps.iter().filter(move |step| step.source == *source);
    own.filter(|step| step.tag.as_ref().is_some_and(|tag| belongs_to(tag).is_none()))
}

fn row(moved: &Move, copies: &Copies, study: &Study) -> Row {
    let mut row = Row {
        name: moved.name.clone(),
        source: moved.source.to_string(),
        target: moved.target.to_string(),
        ..Row::default()
    };
    let mut digests = BTreeSet::new();
    for step in images(copies, &moved.source) {
        row.tags += 1;
        row.in_place += usize::from(step.action.is_in_sync());
        digests.extend(step.digest);
    }
    let own = copies.steps.iter().filter(|step| step.source == moved.source);
    row.attached = own.filter(|step| step.tag.as_ref().is_some_and(|tag| belongs_to(tag).is_some())).count();
    row.images = digests.len();
    let mut blobs = BTreeMap::new();
    for anatomy in digests.iter().filter_map(|digest| study.images.get(&(moved.source.clone(), *digest))) {
        row.platforms.extend(anatomy.platforms.iter().cloned());
        row.referrers += anatomy.referrers.unwrap_or_default();
        blobs.extend(anatomy.blobs.iter().map(|(digest, size)| (*digest, *size)));
    }
    row.bytes = blobs.values().sum();
    row.largest = blobs.values().copied().max().unwrap_or_default();
    row
}

fn totals(rows: &[Row], copies: &Copies, study: &Study) -> Totals {
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    let mut blobs: BTreeMap<Digest, u64> = BTreeMap::new();
    study.images.values().for_each(|image| blobs.extend(&image.blobs));
    let (tags, in_place) = (sum(|row| row.tags), sum(|row| row.in_place));
    let counted = |is: fn(&Action) -> bool| {
        copies.steps.iter().filter(|step| tag(step).is_some() && is(&step.action)).count()
    };
    Totals {
        repositories: rows.len(),
        tags,
        images: sum(|row| row.images),
        read: study.images.len(),
        bytes: blobs.values().sum(),
        bytes_apart: study.images.values().map(Anatomy::size).sum(),
        to_copy: counted(|action| matches!(action, Action::Copy)),
        in_place,
        in_the_way: counted(|action| matches!(action, Action::Update { .. })),
        referrers: sum(|row| row.referrers),
        attached: sum(|row| row.attached),
    }
}

fn tag(step: &Step) -> Option<Tag> {
    let (tag, target) = (step.tag.as_ref()?, step.target_tag.as_ref()?);
    Some(Tag {
        source: format!("{}:{tag}", step.source),
        target: format!("{}:{target}", step.target),
        digest: step.digest,
        there: step.before,
        action: step.action.word(),
    })
}

fn label(moved: &Move, study: &Study) -> Option<(Place, Option<String>)> {
    let own: Vec<&Anatomy> = study
        .images
        .iter()
        .filter(|((place, _), _)| *place == moved.source)
        .map(|(_, anatomy)| anatomy)
        .collect();
    let said = own.iter().find_map(|anatomy| anatomy.source.clone());
    (!own.is_empty()).then(|| (moved.source.clone(), said))
}

//! Groups the steps that copy something, so that every image is read once for all its destinations and tags.

use std::collections::{HashMap, HashSet};

use entrepot_oci::{Digest, Reference, Tag};

use super::{decide::DecidedStep, step::PlanAction};
use crate::{CopyJob, JobTarget, Place, rules::Referrers, survey::Survey};

/// The jobs, and how many of them copy images. Jobs for attached tags come after these.
pub(super) fn jobs(decided: &[DecidedStep<'_>], survey: &Survey) -> (Vec<CopyJob>, usize) {
    let mut images = Jobs::default();
    let mut attached = Jobs::default();
    for one in decided.iter().filter(|one| one.step.action.is_work()) {
        let belongs = one.want.as_ref().is_some_and(|want| want.attached);
        if belongs { attached.add(one, survey) } else { images.add(one, survey) }
    }
    let count = images.jobs.len();
    images.jobs.append(&mut attached.jobs);
    (images.jobs, count)
}

#[derive(Default)]
struct Jobs {
    jobs: Vec<CopyJob>,
    by_image: HashMap<(Place, Digest), usize>,
    written: HashSet<(Place, Tag)>,
}

impl Jobs {
    fn add(&mut self, decided: &DecidedStep<'_>, survey: &Survey) {
        let step = &decided.step;
        let (Some(want), Some(digest)) = (&decided.want, step.digest) else { return };
        // Two steps write the same: one is enough.
        if !self.written.insert((step.target.clone(), want.name.clone())) {
            return;
        }
        let index = *self.by_image.entry((step.source.clone(), digest)).or_insert_with(|| {
            self.jobs.push(CopyJob {
                rule: step.rule.clone(),
                source: step.source.clone(),
                reference: Reference::Tag(want.tag.clone()),
                digest: Some(digest),
                attached: survey.attached(&step.source),
                targets: Vec::new(),
            });
            self.jobs.len() - 1
        });
        let backup = match &step.action {
            PlanAction::Update { backup } => backup.clone(),
            _ => None,
        };
        self.jobs[index].targets.push(JobTarget {
            place: step.target.clone(),
            reference: Reference::Tag(want.name.clone()),
            shape: decided.shape.clone(),
            source_name: Some(Reference::Tag(want.tag.clone())),
            digest: None,
            // Attached tags are copied unchanged; nothing refers to them.
            referrers: !want.attached && want.destination.terms.referrers != Referrers::Leave,
            before: survey.digest(&step.target, &want.name),
            backup,
        });
    }
}

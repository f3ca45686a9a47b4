//! Decides what to do: a pure function of rules and a survey.
//!
//! - `decide` compares each wanted image with each destination and makes a [`PlanStep`] of it
//! - `jobs` groups the steps that copy something, so that each image is read once
//! - `extras` finds tags at destinations that no rule writes
//! - `manual` plans copies requested without a rule
//!
//! A plan is what `--dry-run` prints, and a run does exactly that.

mod decide;
mod extras;
mod jobs;
mod manual;
mod step;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use entrepot_oci::Tag;
use serde::Serialize;

use crate::{CopyJob, Place, rules::RuleSet, survey::Survey};

pub use manual::{CopyAction, CopyImage, CopyRequest, CopyTarget, JobState, TargetState, settle};
pub use step::{PlanAction, PlanStep};
pub(crate) use step::{as_text, maybe_text};

/// The steps of a run, and the jobs that carry them out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// Every image at every destination, rule by rule.
    pub steps: Vec<PlanStep>,
    /// Remarks that belong to no step: destinations whose extra tags could not be determined.
    pub notes: Vec<String>,
    /// The copies: first images, then what belongs to images, such as signatures under tags.
    #[serde(skip)]
    pub jobs: Vec<CopyJob>,
    /// The number of jobs that copy images. The others follow them.
    #[serde(skip)]
    pub(crate) images: usize,
    /// Immutable tags. Once they are right, later runs skip them.
    #[serde(skip)]
    pub(crate) lasting: HashSet<(Place, Tag)>,
}

/// Counts of images by the action needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanCounts {
    /// Images already at their destination.
    pub in_sync: usize,
    /// Images to copy.
    pub behind: usize,
    /// Images that differ at the destination but are immutable there.
    pub kept: usize,
    /// Images that cannot be copied.
    pub failed: usize,
    /// Tags at a destination that no rule writes.
    pub extra: usize,
}

impl PlanCounts {
    /// The number of images that the rules want.
    pub fn wanted(&self) -> usize {
        self.in_sync + self.behind + self.kept + self.failed
    }

    /// The share of wanted images that are in place, from 0 to 1; 1 if none is wanted.
    #[allow(
        clippy::cast_precision_loss,
        reason = "more images than a float counts exactly are not to be had"
    )]
    pub fn rate(&self) -> f64 {
        if self.wanted() == 0 { 1.0 } else { self.in_sync as f64 / self.wanted() as f64 }
    }

    /// True if there is nothing to copy and nothing failed.
    pub fn is_in_sync(&self) -> bool {
        self.behind == 0 && self.failed == 0
    }

    fn count(&mut self, action: &PlanAction) {
        let counter = match action {
            action if action.is_in_sync() => &mut self.in_sync,
            PlanAction::Kept => &mut self.kept,
            PlanAction::Failed { .. } => &mut self.failed,
            PlanAction::Extra => &mut self.extra,
            _ => &mut self.behind,
        };
        *counter += 1;
    }
}

impl Plan {
    /// The counts of all rules together.
    pub fn counts(&self) -> PlanCounts {
        let mut counts = PlanCounts::default();
        self.steps.iter().for_each(|step| counts.count(&step.action));
        counts
    }

    /// The counts of each rule, in the order of the rules.
    pub fn counts_by_rule(&self) -> Vec<(String, PlanCounts)> {
        let mut all: Vec<(String, PlanCounts)> = Vec::new();
        for step in &self.steps {
            if all.last().is_none_or(|(rule, _)| *rule != step.rule) {
                all.push((step.rule.clone(), PlanCounts::default()));
            }
            if let Some((_, counts)) = all.last_mut() {
                counts.count(&step.action);
            }
        }
        all
    }
}

/// Decides what to do.
pub fn plan(rules: &RuleSet, survey: &Survey) -> Plan {
    let mut decided = decide::decide(rules, survey);
    decide::part(&mut decided);
    let (jobs, images) = jobs::jobs(&decided, survey);
    let (extras, notes) = extras::extras(rules, survey, &decided);
    let mut steps: Vec<PlanStep> = Vec::new();
    for rule in rules.rules() {
        let of_rule = |step: &&PlanStep| step.rule == rule.name;
        steps.extend(decided.iter().map(|decided| &decided.step).filter(of_rule).cloned());
        steps.extend(extras.iter().filter(of_rule).cloned());
    }
    let lasting = decided.iter().filter_map(|one| {
        let want = one.want.as_ref()?;
        let is_new =
            one.step.action != PlanAction::Verified && want.destination.terms.is_immutable(&want.name);
        is_new.then(|| (one.step.target.clone(), want.name.clone()))
    });
    Plan { steps, notes, jobs, images, lasting: lasting.collect() }
}

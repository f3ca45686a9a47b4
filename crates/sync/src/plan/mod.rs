//! What is to be done: a pure function of rules and a survey.
//!
//! - `decide`: how every image that is wanted stands at every destination; each is a [`Step`]
//! - `jobs`: steps that have work, put together so that every image is read once
//! - `extras`: tags at destinations that no rule writes
//!
//! A plan is what `--dry-run` prints, and nothing else is done afterwards.

mod decide;
mod extras;
mod jobs;
mod step;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use entrepot_oci::Tag;
use serde::Serialize;

use crate::{Job, Place, rules::RuleSet, survey::Survey};

pub use step::{Action, Step};
pub(crate) use step::{as_text, maybe_text, places};

/// What is to be done.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// Every image at every destination, rule by rule.
    pub steps: Vec<Step>,
    /// What is to be known besides: destinations at which extra tags could not be told.
    pub notes: Vec<String>,
    /// The copies, each image once; first those of images, then those of what belongs to images.
    #[serde(skip)]
    pub jobs: Vec<Job>,
    /// How many of the jobs are copies of images.
    #[serde(skip)]
    pub(crate) images: usize,
    /// Tags that never change, which need not be looked at again once they are right.
    #[serde(skip)]
    pub(crate) lasting: HashSet<(Place, Tag)>,
}

/// How many images are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// They are at their destination.
    pub in_sync: usize,
    /// They are to be copied there.
    pub behind: usize,
    /// They differ there, and stay so.
    pub kept: usize,
    /// Nothing can be done for them.
    pub failed: usize,
    /// They are there, and no rule says so.
    pub extra: usize,
}

impl Counts {
    /// All that the rules want to be there.
    pub fn wanted(&self) -> usize {
        self.in_sync + self.behind + self.kept + self.failed
    }

    /// How much of it is, from 0 to 1; 1 where nothing is wanted.
    #[allow(
        clippy::cast_precision_loss,
        reason = "more images than a float counts exactly are not to be had"
    )]
    pub fn rate(&self) -> f64 {
        if self.wanted() == 0 { 1.0 } else { self.in_sync as f64 / self.wanted() as f64 }
    }

    /// Whether everything that can be is where it should be.
    pub fn is_in_sync(&self) -> bool {
        self.behind == 0 && self.failed == 0
    }

    fn count(&mut self, action: &Action) {
        let counter = match action {
            action if action.is_in_sync() => &mut self.in_sync,
            Action::Kept => &mut self.kept,
            Action::Failed { .. } => &mut self.failed,
            Action::Extra => &mut self.extra,
            _ => &mut self.behind,
        };
        *counter += 1;
    }
}

impl Plan {
    /// How many images are how, in all.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.steps.iter().for_each(|step| counts.count(&step.action));
        counts
    }

    /// The same for each rule, in the order of the rules.
    pub fn counts_by_rule(&self) -> Vec<(String, Counts)> {
        let mut all: Vec<(String, Counts)> = Vec::new();
        for step in &self.steps {
            if all.last().is_none_or(|(rule, _)| *rule != step.rule) {
                all.push((step.rule.clone(), Counts::default()));
            }
            if let Some((_, counts)) = all.last_mut() {
                counts.count(&step.action);
            }
        }
        all
    }
}

/// Decides what is to be done.
pub fn plan(rules: &RuleSet, survey: &Survey) -> Plan {
    let mut decided = decide::decide(rules, survey);
    decide::part(&mut decided);
    let (jobs, images) = jobs::jobs(&decided, survey);
    let (extras, notes) = extras::extras(rules, survey, &decided);
    let mut steps: Vec<Step> = Vec::new();
    for rule in rules.rules() {
        let of_rule = |step: &&Step| step.rule == rule.name;
        steps.extend(decided.iter().map(|decided| &decided.step).filter(of_rule).cloned());
        steps.extend(extras.iter().filter(of_rule).cloned());
    }
    let lasting = decided.iter().filter_map(|one| {
        let want = one.want.as_ref()?;
        let is_new = one.step.action != Action::Verified && want.destination.terms.is_immutable(&want.name);
        is_new.then(|| (one.step.target.clone(), want.name.clone()))
    });
    Plan { steps, notes, jobs, images, lasting: lasting.collect() }
}

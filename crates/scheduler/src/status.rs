//! What can be asked about rules and runs.

use entrepot_catalog::{RunId, SourceTag};
use entrepot_sync::rules::{RuleSet, RuleSource, SyncRule};

use crate::{
    error::Error,
    events::Watch,
    scheduler::{Scheduler, SchedulerState},
    view::{ProgressView, RuleView, RulesView, RunDetail, RunsView, SourceView, StateView},
};

impl Scheduler {
    /// Subscribes to events; `None` when the scheduler has stopped.
    pub fn watch(&self) -> Option<Watch> {
        self.events().watch(|| self.running())
    }

    /// The active runs, and how far they are.
    pub fn running(&self) -> Vec<ProgressView> {
        self.state().running.values().map(|run| run.view()).collect()
    }

    /// The rules in force.
    pub fn rule_set(&self) -> RuleSet {
        self.state().rules.clone()
    }

    /// The rules, when they run next, and how their copies stand.
    pub fn rules(&self) -> RulesView {
        let state = self.state();
        let rules = state.rules.rules().iter().map(|rule| rule_view(&state, rule)).collect();
        RulesView { rules, refused: state.refused.clone() }
    }

    /// A page of runs, the latest first: those before `before`, of one rule if it is named.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn runs(
        &self,
        rule: Option<&str>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<RunsView, Error> {
        let listing = self.catalog().runs(rule, before, limit).await?;
        Ok(RunsView { runs: listing.rows, more: listing.more })
    }

    /// A run, and a page of what it did: the copies after number `after`.
    ///
    /// # Errors
    /// There is no such run, or the catalog failed.
    pub async fn run(&self, id: RunId, after: u64, limit: usize) -> Result<RunDetail, Error> {
        let run = self.catalog().run(id).await?.ok_or(Error::UnknownRun(id))?;
        let listing = self.catalog().run_copies(id, after, limit).await?;
        let progress = self.state().running.values().find(|run| run.id == id).map(|run| run.view());
        Ok(RunDetail { run, progress, changes: listing.rows, more: listing.more })
    }

    /// How a rule's copies stood when they were last looked at: those of `limit` source tags after `after`.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn copies(&self, rule: &str, after: &SourceTag, limit: usize) -> Result<StateView, Error> {
        let listing = self.catalog().copies(rule, after, limit).await?;
        Ok(StateView { copies: listing.rows, more: listing.more })
    }
}

fn rule_view(state: &SchedulerState, rule: &SyncRule) -> RuleView {
    let standing = state.standing.get(&rule.name).cloned().unwrap_or_default();
    let source = |source: &RuleSource| SourceView {
        from: source.place.clone(),
        to: source.destinations.iter().map(|to| to.place.clone()).collect(),
    };
    RuleView {
        name: rule.name.clone(),
        title: rule.title.clone(),
        category: rule.category.clone(),
        schedule: rule.schedule.as_ref().map(|schedule| schedule.as_str().to_owned()),
        time_zone: rule.schedule.as_ref().map(|schedule| schedule.zone().to_owned()),
        next: state.timetable.next_of(&rule.name),
        sources: rule.sources.iter().map(source).collect(),
        copies: standing.counts,
        last: standing.last,
        running: state.running.get(&rule.name).map(|run| run.view()),
    }
}

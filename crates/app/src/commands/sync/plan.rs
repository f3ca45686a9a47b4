//! Output of a plan, as text and as JSON.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_sync::{Plan, PlanAction, PlanCounts, PlanStep};
use serde::Serialize;

use super::report::{ImageFailure, troubles};
use crate::{
    failure::told_note,
    output::{self, Column, amount, line, sentence, table, word},
};

/// The plan as JSON, for `--dry-run`.
#[derive(Serialize)]
pub(super) struct DryRunReport<'a> {
    counts: PlanCounts,
    #[serde(flatten)]
    plan: &'a Plan,
}

impl<'a> DryRunReport<'a> {
    /// Counts the steps.
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self { counts: plan.counts(), plan }
    }
}

/// The JSON output of `check`.
#[derive(Serialize)]
pub(super) struct PlanReport {
    ok: bool,
    #[serde(flatten)]
    all: SyncRate,
    rules: Vec<OfRule>,
}

#[derive(Serialize)]
struct OfRule {
    rule: String,
    #[serde(flatten)]
    rated: SyncRate,
}

#[derive(Serialize)]
struct SyncRate {
    #[serde(flatten)]
    counts: PlanCounts,
    wanted: usize,
    rate: f64,
}

impl From<PlanCounts> for SyncRate {
    fn from(counts: PlanCounts) -> Self {
        Self { counts, wanted: counts.wanted(), rate: counts.rate() }
    }
}

impl PlanReport {
    /// Counts the steps.
    pub(super) fn of(plan: &Plan) -> Self {
        let all = plan.counts();
        let rules = plan.counts_by_rule().into_iter();
        let rules = rules.map(|(rule, counts)| OfRule { rule, rated: counts.into() });
        Self { ok: all.is_in_sync(), all: all.into(), rules: rules.collect() }
    }
}

/// The plan as text: every image that needs work, then totals.
pub(super) fn text(plan: &Plan) -> String {
    let work = |step: &&PlanStep| step.target_tag.is_some() && !step.action.is_in_sync();
    let columns =
        [Column("RULE", Left), Column("SOURCE", Left), Column("TARGET", Left), Column("WOULD", Left)];
    let rows: Vec<Vec<String>> = plan.steps.iter().filter(work).map(row).collect();
    let mut text =
        if rows.is_empty() { sentence!("there is nothing to copy") + "\n" } else { table(&columns, rows) };
    text += &failures(plan);
    text.extend(plan.notes.iter().map(|note| format!("\n{}", line(&told_note(note)))));
    text + "\n" + &sums(plan)
}

/// The sync state of each rule.
pub(super) fn checked(plan: &Plan) -> String {
    let columns = [
        Column("RULE", Left),
        Column("IN SYNC", Right),
        Column("OF", Right),
        Column("RATE (in sync)", Right),
    ];
    let mut all = plan.counts_by_rule();
    if all.len() > 1 {
        all.push((word("total"), plan.counts()));
    }
    let rows = all.into_iter().map(|(rule, counts)| {
        vec![rule, counts.in_sync.to_string(), counts.wanted().to_string(), rate(&counts)]
    });
    table(&columns, rows.collect()) + &failures(plan)
}

// Rounds down, so that 100 % means that nothing is missing.
fn rate(counts: &PlanCounts) -> String {
    format!("{:.1} %", (counts.rate() * 1000.0).floor() / 10.0)
}

fn failures(plan: &Plan) -> String {
    let failed = plan.steps.iter().filter_map(|step| match &step.action {
        PlanAction::Failed { what, hint, .. } => {
            Some(ImageFailure { image: target(step), what: what.clone(), hint: hint.clone() })
        }
        _ => None,
    });
    troubles(failed)
}

fn row(step: &PlanStep) -> Vec<String> {
    let source =
        step.tag.as_ref().map_or_else(|| step.source.to_string(), |tag| format!("{}:{tag}", step.source));
    let action = match &step.action {
        PlanAction::Update { backup: Some(backup) } => {
            sentence!("update, the old one as {backup}", backup = backup)
        }
        PlanAction::Extra => sentence!("remove with --prune: extra"),
        other => word(other.word()),
    };
    vec![step.rule.clone(), source, target(step), action]
}

fn target(step: &PlanStep) -> String {
    step.target_tag.as_ref().map_or_else(|| step.target.to_string(), |tag| format!("{}:{tag}", step.target))
}

fn sums(plan: &Plan) -> String {
    let PlanCounts { in_sync, behind, kept, failed, extra } = plan.counts();
    let steps = output::sums([
        (behind, sentence!("{count} to copy", count = behind)),
        (in_sync, sentence!("{count} in sync", count = in_sync)),
        (kept, sentence!("{count} kept", count = kept)),
        (extra, sentence!("{count} extra", count = extra)),
        (failed, sentence!("{count} failed", count = failed)),
    ]);
    if steps.is_empty() {
        return sentence!("nothing is wanted") + "\n";
    }
    let images = amount(plan.jobs.len(), "image");
    let read =
        if plan.jobs.is_empty() { String::new() } else { sentence!("; {images} to read", images = images) };
    steps + &read + "\n"
}

//! Output of a plan, as text and as JSON.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_sync::{Action, Counts, Plan, Step};
use serde::Serialize;

use super::report::{Trouble, troubles};
use crate::output::{Column, counted, line, table};

/// The plan as JSON, for `--dry-run`.
#[derive(Serialize)]
pub(super) struct Planned<'a> {
    counts: Counts,
    #[serde(flatten)]
    plan: &'a Plan,
}

impl<'a> Planned<'a> {
    /// Counts the steps.
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self { counts: plan.counts(), plan }
    }
}

/// The JSON output of `check`.
#[derive(Serialize)]
pub(super) struct Checked {
    ok: bool,
    #[serde(flatten)]
    all: Rated,
    rules: Vec<OfRule>,
}

#[derive(Serialize)]
struct OfRule {
    rule: String,
    #[serde(flatten)]
    rated: Rated,
}

#[derive(Serialize)]
struct Rated {
    #[serde(flatten)]
    counts: Counts,
    wanted: usize,
    rate: f64,
}

impl From<Counts> for Rated {
    fn from(counts: Counts) -> Self {
        Self { counts, wanted: counts.wanted(), rate: counts.rate() }
    }
}

impl Checked {
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
    let work = |step: &&Step| step.target_tag.is_some() && !step.action.is_in_sync();
    let columns =
        [Column("RULE", Left), Column("SOURCE", Left), Column("TARGET", Left), Column("WOULD", Left)];
    let rows: Vec<Vec<String>> = plan.steps.iter().filter(work).map(row).collect();
    let mut text =
        if rows.is_empty() { "there is nothing to copy\n".to_owned() } else { table(&columns, rows) };
    text += &failures(plan);
    text.extend(plan.notes.iter().map(|note| format!("\n{}", line(&format!("note: {note}")))));
    text + "\n" + &sums(plan)
}

/// The sync state of each rule.
pub(super) fn checked(plan: &Plan) -> String {
    let columns =
        [Column("RULE", Left), Column("IN SYNC", Right), Column("OF", Right), Column("RATE", Right)];
    let mut all = plan.counts_by_rule();
    if all.len() > 1 {
        all.push(("total".to_owned(), plan.counts()));
    }
    let rows = all.into_iter().map(|(rule, counts)| {
        vec![rule, counts.in_sync.to_string(), counts.wanted().to_string(), rate(&counts)]
    });
    table(&columns, rows.collect()) + &failures(plan)
}

// Rounds down, so that 100 % means that nothing is missing.
fn rate(counts: &Counts) -> String {
    format!("{:.1} %", (counts.rate() * 1000.0).floor() / 10.0)
}

fn failures(plan: &Plan) -> String {
    let failed = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Failed { what, hint, .. } => {
            Some(Trouble { image: target(step), what: what.clone(), hint: hint.clone() })
        }
        _ => None,
    });
    troubles(failed)
}

fn row(step: &Step) -> Vec<String> {
    let source =
        step.tag.as_ref().map_or_else(|| step.source.to_string(), |tag| format!("{}:{tag}", step.source));
    let word = match &step.action {
        Action::Update { backup: Some(backup) } => format!("update, the old one as {backup}"),
        Action::Extra => "remove with --prune: extra".to_owned(),
        other => other.word().to_owned(),
    };
    vec![step.rule.clone(), source, target(step), word]
}

fn target(step: &Step) -> String {
    step.target_tag.as_ref().map_or_else(|| step.target.to_string(), |tag| format!("{}:{tag}", step.target))
}

fn sums(plan: &Plan) -> String {
    let Counts { in_sync, behind, kept, failed, extra } = plan.counts();
    let counts =
        [(behind, "to copy"), (in_sync, "in sync"), (kept, "kept"), (extra, "extra"), (failed, "failed")];
    let said =
        counts.into_iter().filter(|(count, _)| *count != 0).map(|(count, word)| format!("{count} {word}"));
    let said: Vec<String> = said.collect();
    let jobs = counted(plan.jobs.len() as u64, "image");
    let read = if plan.jobs.is_empty() { String::new() } else { format!("; {jobs} to read") };
    if said.is_empty() { "nothing is wanted\n".to_owned() } else { format!("{}{read}\n", said.join(", ")) }
}

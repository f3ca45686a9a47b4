//! Output of `entrepot relay`: the plan, the results, and the remaining steps.

use std::collections::HashSet;

use comfy_table::CellAlignment::Left;
use entrepot_oci::Digest;
use entrepot_relay::{Deploy, Plan, Stack, StackImage, User, steps};
use entrepot_rewrite::{Reason, Root, ValueOrigin};
use entrepot_sync::{CopyResult, CopySuccess as Copy, JobOutcome};
use serde::Serialize;

use super::{args::Relay, write::OutputNames};
use crate::{
    commands::{
        copy::render::{CopySummary, failures_and_sums},
        documents::{
            note_left,
            report::{DocumentPosition, UnchangedText},
        },
        session::Common,
    },
    failure::{Failure, told},
    log::Verbosity,
    output::{self, Column, Output, amount, counted, joined, sentence, sums, table, word},
};

/// The input of the output functions.
#[derive(Clone, Copy)]
pub(super) struct RenderContext<'a> {
    pub(super) common: &'a Common,
    pub(super) to: &'a Root,
    pub(super) stack: &'a Stack,
    pub(super) plan: &'a Plan,
    pub(super) names: &'a OutputNames,
}

/// Notes the images that are left unchanged.
pub(super) fn left(common: &Common, stack: &Stack, plan: &Plan) {
    if common.output == Output::Text && common.verbosity != Verbosity::Quiet {
        for kept in &plan.left {
            let name = &stack.sources[kept.source].file.name;
            note_left(name, kept.left.position, &kept.left.text, &kept.left.reason);
        }
    }
}

/// The plan as JSON.
#[derive(Debug, Serialize)]
pub(super) struct RelayPlanReport {
    images: Vec<PlannedImage>,
    left: Vec<UnchangedText>,
    files: Vec<NewFile>,
}

#[derive(Debug, Serialize)]
struct PlannedImage {
    source: String,
    target: String,
    named_by: Vec<VariableName>,
}

#[derive(Debug, Serialize)]
struct VariableName {
    #[serde(flatten)]
    place: DocumentPosition,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variables: Vec<Variable>,
}

#[derive(Debug, Serialize)]
struct Variable {
    name: String,
    set_in: String,
}

#[derive(Debug, Serialize)]
struct NewFile {
    file: String,
    of: String,
    changed: usize,
}

/// Builds the JSON plan.
pub(super) fn planned(context: &RenderContext<'_>) -> RelayPlanReport {
    let RenderContext { stack, plan, names, .. } = *context;
    let sources = stack.sources.iter().map(|source| &source.file).zip(&names.sources).zip(&plan.files);
    let sources = sources.map(|((file, name), written)| NewFile {
        file: name.clone(),
        of: file.name.clone(),
        changed: written.changed,
    });
    let variables = stack.variables.iter().zip(&names.variables).zip(&plan.variables);
    let variables = variables.filter_map(|((file, name), written)| {
        Some(NewFile { file: name.clone()?, of: file.name.clone(), changed: written.as_ref()?.changed })
    });
    let setters = Setters::of(stack);
    let kept =
        plan.left.iter().map(|kept| UnchangedText::of(&stack.sources[kept.source].file.name, &kept.left));
    RelayPlanReport {
        images: plan.entries.iter().map(|entry| image(&setters, entry)).collect(),
        left: kept.collect(),
        files: sources.chain(variables).collect(),
    }
}

fn image(setters: &Setters<'_>, entry: &StackImage) -> PlannedImage {
    let named_by = entry.users.iter().map(|user| {
        let file = &setters.stack.sources[user.source].file.name;
        let variables = user.variables.iter();
        let variables = variables.map(|(name, origin)| Variable {
            name: name.clone(),
            set_in: match origin {
                ValueOrigin::File => setters.file(user, name),
                ValueOrigin::Environment => "environment".to_owned(),
            },
        });
        VariableName {
            place: DocumentPosition::new(file, user.position, &user.place, &entry.source.to_string()),
            variables: variables.collect(),
        }
    });
    PlannedImage {
        source: entry.source.to_string(),
        target: entry.target.to_string(),
        named_by: named_by.collect(),
    }
}

// The variables that each variable file sets.
struct Setters<'a> {
    stack: &'a Stack,
    names: Vec<HashSet<&'a str>>,
}

impl<'a> Setters<'a> {
    fn of(stack: &'a Stack) -> Self {
        let names = stack.variables.iter().map(|file| {
            let lines = file.text.lines().filter_map(|line| line.split_once('='));
            lines.map(|(name, _)| name.trim().trim_start_matches("export ").trim()).collect()
        });
        Self { stack, names: names.collect() }
    }

    // The file that sets the variable for this user; the last one if several do.
    fn file(&self, user: &User, name: &str) -> String {
        let mut files = self.stack.sources[user.source].variables.iter().rev();
        let file = files.find(|number| self.names[**number].contains(name));
        file.map_or_else(String::new, |number| self.stack.variables[*number].name.clone())
    }
}

/// The plan as text.
pub(super) fn plan_text(context: &RenderContext<'_>) -> String {
    let RenderContext { stack, plan, to, .. } = *context;
    let columns = [Column("IMAGE", Left), Column("TARGET", Left), Column("NAMED BY", Left)];
    let setters = Setters::of(stack);
    let rows = plan.entries.iter().map(|entry| {
        let mut users: Vec<String> = entry.users.iter().map(|user| named_by(&setters, user)).collect();
        users.dedup();
        vec![entry.source.to_string(), entry.target.to_string(), users.join(", ")]
    });
    let table = if plan.entries.is_empty() { String::new() } else { table(&columns, rows.collect()) + "\n" };
    format!("{table}{}\n", counts(plan, to))
}

fn counts(plan: &Plan, to: &Root) -> String {
    let of = |is: fn(&Reason) -> bool| plan.left.iter().filter(|kept| is(&kept.left.reason)).count();
    let ignored = of(|reason| matches!(reason, Reason::Ignored));
    let built = of(|reason| matches!(reason, Reason::BuildOnly | Reason::Built));
    let already = of(|reason| matches!(reason, Reason::AlreadyThere));
    let other = plan.left.len() - ignored - built - already;
    let images = sentence!("{images} to {to}", images = amount(plan.entries.len(), "image"), to = to);
    let left = sums([
        (ignored, sentence!("{count} ignored", count = ignored)),
        (built, sentence!("{count} built here", count = built)),
        (already, sentence!("{count} there by name", count = already)),
        (other, sentence!("{count} left", count = other)),
    ]);
    if left.is_empty() { images } else { joined(&[images, left]) }
}

// A service by its name, anything else by its path.
fn named_by(setters: &Setters<'_>, user: &User) -> String {
    let place = user.place.strip_prefix("services.").and_then(|rest| rest.strip_suffix(".image"));
    let place = place.unwrap_or(&user.place);
    let variables = user.variables.iter().map(|(name, origin)| match origin {
        ValueOrigin::File => sentence!("{name} in {file}", name = name, file = setters.file(user, name)),
        ValueOrigin::Environment => sentence!("{name} in the environment", name = name),
    });
    let variables: Vec<String> = variables.collect();
    if variables.is_empty() { place.to_owned() } else { format!("{place} ({})", variables.join(", ")) }
}

/// The results of the copies.
pub(super) struct CopyResults {
    copied: CopySummary,
    lines: Vec<Vec<String>>,
    equal: usize,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    copied: &'a CopySummary,
    plan: RelayPlanReport,
    written: Vec<&'a str>,
    steps: &'a [String],
}

impl CopyResults {
    /// Counts the results. `name` returns an image's name at the target.
    pub(super) fn new(plan: &Plan, rows: &[CopyResult], name: impl Fn(&StackImage) -> String) -> Self {
        let lines = plan.entries.iter().zip(rows).map(|(entry, row)| {
            let (state, digest) = end(row);
            vec![name(entry), state, digest.map(|digest| digest.to_string()).unwrap_or_default()]
        });
        let equal = rows.iter().filter(|row| is_equal(row)).count();
        Self { copied: CopySummary::of(rows), lines: lines.collect(), equal }
    }

    /// The result of the command.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        self.copied.verdict()
    }

    /// Prints the results, the written files and the remaining steps; if no file was written, the reason.
    pub(super) fn print(
        &self,
        context: &RenderContext<'_>,
        written: &[(String, String)],
        steps: &[String],
    ) -> Result<(), Failure> {
        if context.common.output == Output::Json {
            let plan = planned(context);
            let written = written.iter().map(|(name, _)| name.as_str()).collect();
            return output::print_json(&Report { copied: &self.copied, plan, written, steps });
        }
        output::print(&self.text(written, steps))
    }

    fn text(&self, written: &[(String, String)], steps: &[String]) -> String {
        let mut text = String::new();
        if !self.lines.is_empty() {
            let columns = [Column("IMAGE", Left), Column("STATE", Left), Column("DIGEST", Left)];
            text += &table(&columns, self.lines.clone());
            text += &failures_and_sums(&self.copied);
            let (equal, all) = (self.equal, self.lines.len());
            let same =
                sentence!("{equal} of {all} have the digest of their source", equal = equal, all = all);
            text += &(same + "\n");
        }
        if self.verdict().is_err() {
            return text + &sentence!("no file was written: it would name what is not there") + "\n";
        }
        text.push('\n');
        text.extend(written.iter().map(|(name, what)| output::line(&format!("{name}: {what}"))));
        if !steps.is_empty() {
            text += &format!("\n{}\n", sentence!("what is left to do:"));
            text.extend(steps.iter().map(|step| output::line(&format!("  {}", told(step)))));
        }
        text
    }
}

/// Fails if an image that the stack pulls is not copied: the stack would still need its old registry.
pub(super) fn complete(context: &RenderContext<'_>) -> Result<(), Failure> {
    let behind: Vec<String> = context.plan.behind().map(|kept| format!("`{}`", kept.left.text)).collect();
    if behind.is_empty() {
        return Ok(());
    }
    let count = counted(behind.len() as u64, "name");
    let what = format!("{count} could not be brought to {}: {}", context.to, behind.join(", "));
    Err(Failure::new(what).with_hint(
        "set their variables in `.env` or the environment, write them out, or put them on an `--ignore` list",
    ))
}

/// The written files, each with a summary of its changes.
pub(super) fn renamed(files: Vec<(String, usize)>) -> Vec<(String, String)> {
    files
        .into_iter()
        .map(|(name, changed)| (name, sentence!("{images} renamed", images = amount(changed, "image"))))
        .collect()
}

/// The remaining steps on the machine that runs the stack.
pub(super) fn steps_of(context: &RenderContext<'_>) -> Vec<String> {
    let RenderContext { to, stack, plan, names, .. } = *context;
    steps(&Deploy { stack, plan, host: to.host(), files: &names.sources, variables: &names.variables })
}

fn is_equal(row: &CopyResult) -> bool {
    matches!(&row.outcome, JobOutcome::Done(Copy { digest, .. }) if row.digest.as_ref() == Some(digest))
}

// The state, and the digest at the target; the source's digest too if it differs.
fn end(row: &CopyResult) -> (String, Option<Digest>) {
    match &row.outcome {
        JobOutcome::Done(Copy { digest, changed, .. }) => {
            let state = if *changed { word("copied") } else { word("up to date") };
            let state = match row.digest {
                Some(source) if source != *digest => {
                    sentence!("{state}, from {source}", state = state, source = source)
                }
                _ => state,
            };
            (state, Some(*digest))
        }
        JobOutcome::Failed(_) => (word("failed"), None),
        JobOutcome::Postponed { .. } => (word("postponed"), None),
        JobOutcome::Cancelled => (word("cancelled"), None),
    }
}

/// Reports the scripts.
pub(super) fn scripts(relay: &Relay, plan: &Plan, written: &[String]) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Scripts<'a> {
        images: usize,
        written: &'a [String],
    }
    match relay.common.output {
        Output::Json => output::print_json(&Scripts { images: plan.entries.len(), written }),
        Output::Text => {
            let mut text = format!("{}\n", counts(plan, &relay.to));
            let line = |name: &String| output::line(&sentence!("{name}: written", name = name));
            text.extend(written.iter().map(line));
            output::print(&text)
        }
    }
}

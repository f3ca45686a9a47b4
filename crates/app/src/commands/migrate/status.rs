//! `entrepot migrate status`: the progress of a migration, read from the registries and files. No state is stored.

use entrepot_migrate::naming;
use entrepot_sync::{Place, PlanAction};
use serde::Serialize;

use super::{Args, MigrationContext, apply};
use crate::{
    commands::session,
    failure::Failure,
    output::{self, Output, amount, sentence, word},
};

/// The state of a migration.
#[derive(Debug, Serialize)]
struct MigrationStatus {
    from: String,
    to: String,
    /// All tags, and those already at the destination.
    tags: usize,
    in_place: usize,
    /// Tags that differ at the destination.
    in_the_way: usize,
    /// Tags that could not be checked.
    failed: usize,
    /// Files that still name the source, with counts.
    documents: Vec<DocumentCount>,
    /// True if nothing is left to do.
    done: bool,
    next: String,
}

#[derive(Debug, Serialize)]
struct DocumentCount {
    file: String,
    images: usize,
}

/// Prints the state and the next step.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let args = args.settled();
    session::run(&args.common, async |session, stop| {
        let scene = MigrationContext::of(&session, &args)?;
        let copies = apply::looked_at(&scene, &args.common, &stop).await?;
        let status = MigrationStatus::of(&scene, &copies);
        match args.common.output {
            Output::Json => output::print_json(&status)?,
            Output::Text => output::print(&status.text())?,
        }
        if status.done { Ok(()) } else { Err(Failure::new("the migration is not finished")) }
    })
}

impl MigrationStatus {
    fn of(context: &MigrationContext, copies: &entrepot_sync::Plan) -> Self {
        let count = |is: fn(&PlanAction) -> bool| copies.steps.iter().filter(|step| is(&step.action)).count();
        let sources: Vec<Place> = copies.steps.iter().map(|step| step.source.clone()).collect();
        let documents: Vec<DocumentCount> = naming(&context.files, &sources)
            .into_iter()
            .map(|(file, images)| DocumentCount { file, images })
            .collect();
        let mut status = Self {
            from: context.migration.from.to_string(),
            to: context.migration.to.to_string(),
            tags: copies.steps.len(),
            in_place: count(PlanAction::is_in_sync),
            in_the_way: count(|action| matches!(action, PlanAction::Update { .. })),
            failed: count(|action| matches!(action, PlanAction::Failed { .. })),
            documents,
            done: false,
            next: String::new(),
        };
        status.next = status.next_step();
        status.done = status.in_place == status.tags && status.documents.is_empty() && status.tags > 0;
        status
    }

    fn next_step(&self) -> String {
        let next = if self.failed > 0 || self.in_the_way > 0 || self.tags == 0 {
            "`entrepot migrate plan` says what is in the way"
        } else if self.in_place == 0 {
            "`entrepot migrate check` proves the rights, `entrepot migrate apply` copies"
        } else if self.in_place < self.tags {
            "`entrepot migrate apply` copies the rest"
        } else if !self.documents.is_empty() {
            "`entrepot migrate verify` proves the copies, `entrepot migrate rewrite` changes the documents"
        } else {
            "nothing; the images at the source can stay as long as somebody pulls them"
        };
        next.to_owned()
    }

    fn text(&self) -> String {
        let tags = amount(self.tags, "tag");
        let mut text = format!(
            "{}\n{}\n",
            sentence!("from {from} to {to}", from = self.from, to = self.to),
            sentence!("{count} of {tags} in place", count = self.in_place, tags = tags)
        );
        if self.in_the_way > 0 {
            text += &(sentence!("{tags} in the way", tags = amount(self.in_the_way, "tag")) + "\n");
        }
        if self.failed > 0 {
            text += &(sentence!("{tags} unknown", tags = amount(self.failed, "tag")) + "\n");
        }
        for DocumentCount { file, images } in &self.documents {
            text += &output::line(&match images {
                1 => sentence!("{file} names the source once", file = file),
                count => sentence!("{file} names the source {count} times", file = file, count = count),
            });
        }
        text + &sentence!("next: {step}", step = word(&self.next)) + "\n"
    }
}

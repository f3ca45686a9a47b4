//! `entrepot migrate check`: checks that the accounts have the permissions a migration needs.

use comfy_table::CellAlignment::Left;
use entrepot_migrate::{CheckOutcome, Checks, check};

use super::{Args, MigrationContext, MoveList, are};
use crate::{
    commands::session,
    failure::{Failure, told, told_hint, told_note},
    output::{self, Column, Output, amount, sentence, table, word},
};

/// Tries every operation, and undoes it.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let args = args.settled();
    session::run(&args.common, async |session, stop| {
        let scene = MigrationContext::of(&session, &args)?;
        let wait = scene.wait(&args.common);
        let checked = async {
            let MoveList { moves, .. } = scene.found().await?;
            Ok::<_, Failure>(check(&scene.registries(), &scene.migration, &moves, scene.accounts()).await)
        };
        let checks = tokio::select! {
            checks = checked => checks,
            () = stop.cancelled() => Err(Failure::new("interrupted")),
        };
        wait.end();
        print(&checks?, args.common.output)
    })
}

fn print(checks: &Checks, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => output::print_json(checks)?,
        Output::Text => output::print(&text(checks))?,
    }
    let failed =
        checks.steps.iter().filter(|check| matches!(check.result, CheckOutcome::Failed { .. })).count();
    let failed = failed + checks.problems.len();
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{} missing", are(failed, "thing")))),
    }
}

fn text(checks: &Checks) -> String {
    let rows = checks.steps.iter().map(|check| {
        let (may, how) = match &check.result {
            CheckOutcome::Passed { how } => (word("yes"), told(how)),
            CheckOutcome::Failed { what, .. } => (word("no"), told(what)),
        };
        vec![check.repository.clone(), word(check.step.word()), may, how.into_owned()]
    });
    let columns =
        [Column("REPOSITORY", Left), Column("STEP", Left), Column("MAY", Left), Column("HOW", Left)];
    let mut text = table(&columns, rows.collect());
    for (about, what, hint) in ways_out(checks) {
        text += &format!("\n{}", output::line(&format!("{about}: {}", told(&what))));
        text += &output::line(&told_hint(&hint));
    }
    text.extend(checks.notes.iter().map(|note| format!("\n{}", output::line(&told_note(note)))));
    if checks.ok {
        let left = match checks.left_to_expire {
            0 => sentence!("nothing was left behind"),
            1 => sentence!("{uploads} is left to expire", uploads = amount(1, "upload")),
            count => sentence!("{uploads} are left to expire", uploads = amount(count, "upload")),
        };
        text += &format!("\n{}\n", sentence!("everything may be done; {left}", left = left));
    }
    text
}

// Each reason once, with the repositories it affects.
fn ways_out(checks: &Checks) -> Vec<(String, String, String)> {
    let mut ways: Vec<(Vec<String>, String, String)> = Vec::new();
    let mut add = |about: &str, what: &str, hint: &str| match ways
        .iter_mut()
        .find(|(_, known, way)| known == what && way == hint)
    {
        Some((all, ..)) => all.push(about.to_owned()),
        None => ways.push((vec![about.to_owned()], what.to_owned(), hint.to_owned())),
    };
    for check in &checks.steps {
        if let CheckOutcome::Failed { what, hint } = &check.result {
            add(&check.repository, what, hint);
        }
    }
    for problem in &checks.problems {
        add(&problem.about, &problem.what, problem.hint.as_deref().unwrap_or("look at the migration"));
    }
    ways.into_iter().map(|(all, what, hint)| (all.join(", "), what, hint)).collect()
}

//! Formats one plan.

use std::fmt::Write as _;

use super::text::{counted, table};
use crate::{
    find::Origin, plan::Plan, plan::Totals, problem::Problem, problem::Severity, project_file::Document,
    quota::Quota, row::Row, size::size,
};

/// A plan in Markdown.
pub fn markdown(plan: &Plan) -> String {
    let mut text = format!("# From {} to {}\n\n", plan.from, plan.to);
    text += &sums(plan);
    section(&mut text, "Repositories", &repositories(&plan.repositories));
    section(&mut text, "In the way", &problems(plan, &[Severity::Stops]));
    section(&mut text, "To know", &problems(plan, &[Severity::Warns, Severity::Notes]));
    section(&mut text, "Accounts", &accounts(plan));
    section(&mut text, "Budget of the source", &plan.quota.as_ref().map(quota).unwrap_or_default());
    section(&mut text, "Documents", &documents(&plan.documents));
    section(&mut text, "By hand", &checklist(plan));
    section(&mut text, "Next", &next(plan));
    text
}

fn section(text: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        let _ = write!(text, "\n## {title}\n\n{body}");
    }
}

fn sums(plan: &Plan) -> String {
    let Totals { repositories, tags, images, read, bytes, bytes_apart, referrers, attached, .. } =
        plan.totals;
    let Totals { to_copy, in_place, in_the_way, .. } = plan.totals;
    let mut text = format!(
        "{} with {}, which point at {}",
        counted(repositories, "repository"),
        counted(tags, "tag"),
        counted(images, "image")
    );
    let found = match plan.found_by {
        Origin::Written => "",
        Origin::Catalog => " (as the registry lists them)",
        Origin::Documents => " (as the documents name them)",
    };
    text += found;
    let shared = bytes_apart.saturating_sub(bytes);
    let _ = write!(text, ": {}", size(bytes));
    if shared > 0 {
        let _ = write!(text, ", shared layers counted once ({} otherwise)", size(bytes_apart));
    }
    if read < images {
        let _ = write!(text, "; sizes are of the {read} that were looked into, to spare the source's budget");
    }
    let _ = write!(text, ".\n{to_copy} to copy, {in_place} in place, {in_the_way} in the way");
    if referrers + attached > 0 {
        let _ = write!(
            text,
            "; {} and {} travel along",
            counted(referrers, "referrer"),
            counted(attached, "attached tag")
        );
    }
    text + ".\n"
}

fn repositories(rows: &[Row]) -> String {
    let heads = ["From", "To", "Tags", "Images", "Platforms", "Size", "Largest layer", "In place"];
    let row = |row: &Row| {
        let platforms: Vec<&str> = row.platforms.iter().map(String::as_str).collect();
        vec![
            row.source.clone(),
            row.target.clone(),
            row.tags.to_string(),
            row.images.to_string(),
            platforms.join(", "),
            size(row.bytes),
            size(row.largest),
            row.in_place.to_string(),
        ]
    };
    table(&heads, rows.iter().map(row))
}

fn problems(plan: &Plan, severities: &[Severity]) -> String {
    let chosen = plan.problems.iter().filter(|problem| severities.contains(&problem.severity));
    chosen.map(problem).collect()
}

fn problem(problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
    format!("- {}: {}{hint}\n", problem.about, problem.what)
}

fn accounts(plan: &Plan) -> String {
    let row = |account: &crate::Account| {
        let known = if account.is_known { "known here" } else { "none known here" };
        let beware = account.beware.unwrap_or_default();
        vec![
            account.registry.clone(),
            account.role.word().to_owned(),
            account.rights.to_owned(),
            beware.to_owned(),
            known.to_owned(),
        ]
    };
    table(&["Registry", "To", "Least rights", "Beware", "Account"], plan.accounts.iter().map(row))
}

fn quota(quota: &Quota) -> String {
    let about = if quota.estimated { "about " } else { "" };
    let window = quota.window_seconds.map_or_else(String::new, |seconds| {
        let hours = seconds as f64 / 3600.0;
        format!(" in {hours} h")
    });
    let verdict = if quota.is_enough() {
        "Enough.".to_owned()
    } else {
        format!("Not enough at once: {} windows.", quota.windows())
    };
    format!(
        "The copies take {about}{} manifests; {} of {}{window} are left, {} of them for others. {verdict}\n",
        quota.needed, quota.left, quota.limit, quota.reserve
    )
}

fn documents(documents: &[Document]) -> String {
    let row = |document: &Document| match &document.error {
        Some(error) => vec![document.file.clone(), String::new(), String::new(), error.clone()],
        None => vec![
            document.file.clone(),
            document.images.to_string(),
            document.logins.to_string(),
            document.left.to_string(),
        ],
    };
    table(&["File", "Images renamed", "Logins adapted", "Left to people"], documents.iter().map(row))
}

fn checklist(plan: &Plan) -> String {
    let mut text = String::new();
    for task in &plan.checklist {
        let _ = writeln!(text, "- [ ] {}\n  why: {}", task.what, task.why);
        task.at.iter().for_each(|at| {
            let _ = writeln!(text, "  - {at}");
        });
    }
    text
}

fn next(plan: &Plan) -> String {
    if plan.ready {
        "`entrepot migrate check` proves the rights, `entrepot migrate apply` copies.\n".to_owned()
    } else {
        "Nothing is copied while something is in the way.\n".to_owned()
    }
}

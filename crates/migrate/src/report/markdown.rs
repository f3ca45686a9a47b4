//! Formats one plan.

use std::fmt::Write as _;

use super::{
    language::{ReportLanguage, sentence},
    text::table,
};
use crate::{
    find::ListOrigin, plan::Plan, plan::Totals, problem::Problem, problem::Severity,
    project_file::FileChanges, quota::Quota, row::PlanRow, size::size,
};

/// A plan in Markdown.
pub fn markdown(plan: &Plan, language: ReportLanguage) -> String {
    let title = sentence!(language, "# From {from} to {to}", from = plan.from, to = plan.to);
    let mut text = format!("{title}\n\n{}", sums(plan, language));
    let quota = plan.quota.as_ref().map(|budget| quota(budget, language)).unwrap_or_default();
    for (title, body) in [
        (sentence!(language, "Repositories"), repositories(&plan.repositories, language)),
        (sentence!(language, "In the way"), problems(plan, &[Severity::Stops], language)),
        (sentence!(language, "To know"), problems(plan, &[Severity::Warns, Severity::Notes], language)),
        (sentence!(language, "Accounts"), accounts(plan, language)),
        (sentence!(language, "Budget of the source"), quota),
        (sentence!(language, "Documents"), documents(&plan.documents, language)),
        (sentence!(language, "By hand"), checklist(plan, language)),
        (sentence!(language, "Next"), next(plan, language)),
    ] {
        if !body.is_empty() {
            let _ = write!(text, "\n## {title}\n\n{body}");
        }
    }
    text
}

fn sums(plan: &Plan, language: ReportLanguage) -> String {
    let Totals { repositories, tags, images, read, bytes, bytes_apart, referrers, attached, .. } =
        plan.totals;
    let Totals { to_copy, in_place, in_the_way, .. } = plan.totals;
    let mut text = sentence!(
        language,
        "{repositories} with {tags}, which point at {images}",
        repositories = language.amount(repositories, "repository"),
        tags = language.amount(tags, "tag"),
        images = language.amount(images, "image")
    );
    text += &match plan.found_by {
        ListOrigin::Written => String::new(),
        ListOrigin::Catalog => sentence!(language, " (as the registry lists them)"),
        ListOrigin::Documents => sentence!(language, " (as the documents name them)"),
    };
    text += &sentence!(language, ": {size}", size = size(bytes));
    let apart = size(bytes_apart);
    if bytes_apart > bytes {
        text += &sentence!(language, ", shared layers counted once ({size} otherwise)", size = apart);
    }
    if read < images {
        text += &sentence!(
            language,
            "; sizes are of the {count} that were looked into, to spare the source's budget",
            count = read
        );
    }
    let steps = sentence!(
        language,
        "{copy} to copy, {there} in place, {other} in the way",
        copy = to_copy,
        there = in_place,
        other = in_the_way
    );
    let mut lines = sentence!(language, "{what}.", what = text) + "\n" + &steps;
    if referrers + attached > 0 {
        lines += &sentence!(
            language,
            "; {referrers} and {tags} travel along",
            referrers = language.amount(referrers, "referrer"),
            tags = language.amount(attached, "attached tag")
        );
    }
    sentence!(language, "{what}.", what = lines) + "\n"
}

fn repositories(rows: &[PlanRow], language: ReportLanguage) -> String {
    let heads = [
        sentence!(language, "From"),
        sentence!(language, "To"),
        sentence!(language, "Tags"),
        sentence!(language, "Images"),
        sentence!(language, "Platforms"),
        sentence!(language, "Size"),
        sentence!(language, "Largest layer"),
        sentence!(language, "In place"),
    ];
    let row = |row: &PlanRow| {
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

fn problems(plan: &Plan, severities: &[Severity], language: ReportLanguage) -> String {
    let chosen = plan.problems.iter().filter(|problem| severities.contains(&problem.severity));
    chosen.map(|one| problem(one, language)).collect()
}

fn problem(problem: &Problem, language: ReportLanguage) -> String {
    let hint =
        problem.hint.as_ref().map(|hint| sentence!(language, "hint: {hint}", hint = language.told(hint)));
    let hint = hint.map_or_else(String::new, |hint| format!("\n  {hint}"));
    let what = language.told(&problem.what);
    sentence!(language, "- {about}: {what}", about = problem.about, what = what) + &hint + "\n"
}

fn accounts(plan: &Plan, language: ReportLanguage) -> String {
    let heads = [
        sentence!(language, "Registry"),
        sentence!(language, "To"),
        sentence!(language, "Least rights"),
        sentence!(language, "Beware"),
        sentence!(language, "Account"),
    ];
    let row = |account: &crate::Account| {
        let known = if account.is_known {
            sentence!(language, "known here")
        } else {
            sentence!(language, "none known here")
        };
        vec![
            account.registry.clone(),
            language.word(account.role.word()),
            language.told(account.rights).into_owned(),
            language.told(account.beware.unwrap_or_default()).into_owned(),
            known,
        ]
    };
    table(&heads, plan.accounts.iter().map(row))
}

fn quota(quota: &Quota, language: ReportLanguage) -> String {
    let needed = if quota.estimated {
        sentence!(language, "about {count} manifests", count = quota.needed)
    } else {
        sentence!(language, "{count} manifests", count = quota.needed)
    };
    let limit = match quota.window_seconds {
        Some(seconds) => {
            let hours = seconds as f64 / 3600.0;
            sentence!(language, "{limit} in {hours} h", limit = quota.limit, hours = hours)
        }
        None => quota.limit.to_string(),
    };
    let verdict = if quota.is_enough() {
        sentence!(language, "Enough.")
    } else {
        sentence!(language, "Not enough at once: {count} windows.", count = quota.windows())
    };
    let left = sentence!(
        language,
        "The copies take {manifests}; {left} of {limit} are left, {reserve} of them for others.",
        manifests = needed,
        left = quota.left,
        limit = limit,
        reserve = quota.reserve
    );
    format!("{left} {verdict}\n")
}

fn documents(documents: &[FileChanges], language: ReportLanguage) -> String {
    let heads = [
        sentence!(language, "File"),
        sentence!(language, "Images renamed"),
        sentence!(language, "Logins adapted"),
        sentence!(language, "Left to people"),
    ];
    let row = |document: &FileChanges| match &document.error {
        Some(error) => {
            vec![document.file.clone(), String::new(), String::new(), language.told(error).into_owned()]
        }
        None => vec![
            document.file.clone(),
            document.images.to_string(),
            document.logins.to_string(),
            document.left.to_string(),
        ],
    };
    table(&heads, documents.iter().map(row))
}

fn checklist(plan: &Plan, language: ReportLanguage) -> String {
    let mut text = String::new();
    for task in &plan.checklist {
        let why = sentence!(language, "why: {why}", why = language.told(task.why));
        let _ = writeln!(text, "- [ ] {}\n  {why}", language.told(&task.what));
        task.at.iter().for_each(|at| {
            let _ = writeln!(text, "  - {at}");
        });
    }
    text
}

fn next(plan: &Plan, language: ReportLanguage) -> String {
    let next = if plan.ready {
        sentence!(language, "`entrepot migrate check` proves the rights, `entrepot migrate apply` copies.")
    } else {
        sentence!(language, "Nothing is copied while something is in the way.")
    };
    next + "\n"
}

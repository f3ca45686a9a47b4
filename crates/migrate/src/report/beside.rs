//! Compares several plans side by side.

use std::collections::BTreeSet;

use super::{
    language::{ReportLanguage, sentence},
    text::table,
};
use crate::{
    plan::Plan,
    problem::{Problem, Severity},
    size::size,
};

/// A table of plans side by side, with their names.
pub fn beside(plans: &[(String, Plan)], language: ReportLanguage) -> String {
    let heads: Vec<String> =
        std::iter::once(String::new()).chain(plans.iter().map(|(name, _)| name.clone())).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |head: String, of: &dyn Fn(&Plan) -> String| {
        let cells = plans.iter().map(|(_, plan)| of(plan));
        rows.push(std::iter::once(head).chain(cells).collect());
    };
    add(sentence!(language, "From"), &|plan| plan.from.clone());
    add(sentence!(language, "To"), &|plan| plan.to.clone());
    add(sentence!(language, "Images"), &|plan| images(plan, language));
    for name in names(plans) {
        add(name.clone(), &|plan| {
            let row = plan.repositories.iter().find(|row| row.name == name);
            row.map_or_else(|| "-".to_owned(), |row| row.target.clone())
        });
    }
    add(sentence!(language, "To copy"), &|plan| plan.totals.to_copy.to_string());
    add(sentence!(language, "In place"), &|plan| plan.totals.in_place.to_string());
    add(sentence!(language, "In the way"), &|plan| stops(plan, language));
    add(sentence!(language, "To know"), &|plan| {
        let count = plan.problems.iter().filter(|problem| problem.severity != Severity::Stops).count();
        count.to_string()
    });
    add(sentence!(language, "Accounts"), &|plan| accounts(plan, language));
    add(sentence!(language, "By hand"), &|plan| language.amount(plan.checklist.len(), "task"));
    add(sentence!(language, "Documents"), &|plan| documents(plan, language));
    let titles: Vec<&str> = plans.iter().map(|(name, _)| name.as_str()).collect();
    let title = titles.join(&sentence!(language, " beside "));
    format!("# {title}\n\n{}{}", table(&heads, rows), tasks(plans, language))
}

fn images(plan: &Plan, language: ReportLanguage) -> String {
    sentence!(
        language,
        "{tags} in {repositories}, {size}",
        tags = plan.totals.tags,
        repositories = language.amount(plan.totals.repositories, "repository"),
        size = size(plan.totals.bytes)
    )
}

fn stops(plan: &Plan, language: ReportLanguage) -> String {
    let problem = |problem: &Problem| format!("{}: {}", problem.about, language.told(&problem.what));
    let all: Vec<String> = plan.stops().map(problem).collect();
    if all.is_empty() { sentence!(language, "nothing") } else { all.join("; ") }
}

fn accounts(plan: &Plan, language: ReportLanguage) -> String {
    let all = plan.accounts.iter().map(|account| {
        sentence!(
            language,
            "{registry} to {role}: {rights}",
            registry = account.registry,
            role = language.word(account.role.word()),
            rights = language.told(account.rights)
        )
    });
    all.collect::<Vec<_>>().join("; ")
}

fn documents(plan: &Plan, language: ReportLanguage) -> String {
    let images: usize = plan.documents.iter().map(|document| document.images).sum();
    let left: usize = plan.documents.iter().map(|document| document.left).sum();
    let changed = plan.documents.iter().filter(|document| document.images + document.logins > 0).count();
    sentence!(
        language,
        "{count} names in {files}, {left} left to people",
        count = images,
        files = language.amount(changed, "file"),
        left = left
    )
}

fn names(plans: &[(String, Plan)]) -> BTreeSet<String> {
    let rows = plans.iter().flat_map(|(_, plan)| &plan.repositories);
    rows.map(|row| row.name.clone()).collect()
}

// The manual tasks of one plan that do not apply to all.
fn tasks(plans: &[(String, Plan)], language: ReportLanguage) -> String {
    let mut text = String::new();
    for (name, plan) in plans {
        let others = plans.iter().filter(|(other, _)| other != name);
        let is_shared = |what: &str| {
            others.clone().all(|(_, other)| other.checklist.iter().any(|task| task.what == what))
        };
        let own: String = plan
            .checklist
            .iter()
            .filter(|task| !is_shared(&task.what))
            .map(|task| {
                let why = sentence!(language, "why: {why}", why = language.told(task.why));
                format!("- [ ] {}\n  {why}\n", language.told(&task.what))
            })
            .collect();
        if !own.is_empty() {
            text += &format!("\n## {}\n\n{own}", sentence!(language, "Only for {name}", name = name));
        }
    }
    text
}

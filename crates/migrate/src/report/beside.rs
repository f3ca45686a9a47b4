//! Compares several plans side by side.

use std::collections::BTreeSet;

use super::text::{counted, table};
use crate::{plan::Plan, problem::Severity, size::size};

/// A table of plans side by side, with their names.
pub fn beside(plans: &[(String, Plan)]) -> String {
    let heads: Vec<&str> = std::iter::once("").chain(plans.iter().map(|(name, _)| name.as_str())).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |head: &str, of: &dyn Fn(&Plan) -> String| {
        let cells = plans.iter().map(|(_, plan)| of(plan));
        rows.push(std::iter::once(head.to_owned()).chain(cells).collect());
    };
    add("From", &|plan| plan.from.clone());
    add("To", &|plan| plan.to.clone());
    add("Images", &|plan| {
        format!(
            "{} in {}, {}",
            plan.totals.tags,
            counted(plan.totals.repositories, "repository"),
            size(plan.totals.bytes)
        )
    });
    for name in names(plans) {
        add(&name, &|plan| {
            let row = plan.repositories.iter().find(|row| row.name == name);
            row.map_or_else(|| "-".to_owned(), |row| row.target.clone())
        });
    }
    add("To copy", &|plan| plan.totals.to_copy.to_string());
    add("In place", &|plan| plan.totals.in_place.to_string());
    add("In the way", &|plan| {
        let all: Vec<String> =
            plan.stops().map(|problem| format!("{}: {}", problem.about, problem.what)).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join("; ") }
    });
    add("To know", &|plan| {
        let count = plan.problems.iter().filter(|problem| problem.severity != Severity::Stops).count();
        count.to_string()
    });
    add("Accounts", &|plan| {
        let all: Vec<String> = plan
            .accounts
            .iter()
            .map(|account| format!("{} to {}: {}", account.registry, account.role.word(), account.rights))
            .collect();
        all.join("; ")
    });
    add("By hand", &|plan| counted(plan.checklist.len(), "task"));
    add("Documents", &|plan| {
        let images: usize = plan.documents.iter().map(|document| document.images).sum();
        let left: usize = plan.documents.iter().map(|document| document.left).sum();
        let changed = plan.documents.iter().filter(|document| document.images + document.logins > 0).count();
        format!("{images} names in {}, {left} left to people", counted(changed, "file"))
    });
    let titles: Vec<&str> = plans.iter().map(|(name, _)| name.as_str()).collect();
    format!("# {}\n\n{}{}", titles.join(" beside "), table(&heads, rows), tasks(plans))
}

fn names(plans: &[(String, Plan)]) -> BTreeSet<String> {
    let rows = plans.iter().flat_map(|(_, plan)| &plan.repositories);
    rows.map(|row| row.name.clone()).collect()
}

// The manual tasks of one plan that do not apply to all.
fn tasks(plans: &[(String, Plan)]) -> String {
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
            .map(|task| format!("- [ ] {}\n  why: {}\n", task.what, task.why))
            .collect();
        if !own.is_empty() {
            text += &format!("\n## Only for {name}\n\n{own}");
        }
    }
    text
}

//! The guide for readers: every address that an image can be pulled from, in Markdown.
//!
//! - one section for each category, or for each rule that has none: addresses, tags, notes, pull commands
//! - then how everything stands, how to find tags, and questions; in 中文 or English
//!
//! Pure: made of the rules and of what is known of the last syncs.

use std::{collections::BTreeMap, time::SystemTime};

use entrepot_sync::{
    Place, Report,
    rules::{RuleSet, SyncRule},
    timestamp,
};

use crate::{
    markdown::{code, one_line, table},
    names, section,
    words::GuideLanguage,
};

/// What is known of the last syncs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleStandings {
    /// For each rule: when it was last run, and how it stood then.
    pub rules: BTreeMap<String, RuleStanding>,
}

/// How a rule stood when it was last run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleStanding {
    /// When.
    pub at: SystemTime,
    /// Images that were where they should be.
    pub in_sync: usize,
    /// Images that should be somewhere.
    pub wanted: usize,
}

impl From<&Report> for RuleStandings {
    fn from(report: &Report) -> Self {
        let at = report.started + report.took;
        let rules = report.rules.iter().map(|rule| {
            let standing = RuleStanding { at, in_sync: rule.totals.in_sync(), wanted: rule.totals.wanted() };
            (rule.rule.clone(), standing)
        });
        Self { rules: rules.collect() }
    }
}

/// The guide, as it is on the day of `now`.
pub fn guide(rules: &RuleSet, standings: &RuleStandings, language: GuideLanguage, now: SystemTime) -> String {
    let words = language.words();
    let mut lines = vec![format!("# {}", words.title), String::new(), words.intro.to_owned()];
    for (index, (heading, members)) in sections(rules, language).iter().enumerate() {
        lines.push(String::new());
        lines.push(format!("## {}. {heading}", index + 1));
        let are_many = members.len() > 1;
        for rule in members {
            let title = are_many.then(|| one_line(rule.title.as_deref().unwrap_or(&rule.name)));
            lines.extend(section::of_rule(rule, title.as_deref(), language));
        }
    }
    lines.extend(status(rules, standings, language));
    lines.extend(finding(rules, language));
    lines.extend([String::new(), format!("## {}", words.questions)]);
    for (question, answer) in [words.missing, words.request] {
        lines.extend([String::new(), format!("**Q: {question}**  "), format!("A: {answer}")]);
    }
    let day = timestamp(now).chars().take(10).collect::<String>();
    lines.extend([String::new(), "---".to_owned(), String::new(), format!("*{}: {day}*", words.updated)]);
    lines.push(String::new());
    lines.join("\n")
}

// Rules under their headings: those of one category together, in the order in which they were written.
fn sections(rules: &RuleSet, language: GuideLanguage) -> Vec<(String, Vec<&SyncRule>)> {
    let mut sections: Vec<(Option<&str>, Vec<&SyncRule>)> = Vec::new();
    for rule in rules.rules() {
        let category = rule.category.as_deref();
        match sections.iter_mut().find(|(other, _)| category.is_some() && *other == category) {
            Some((_, members)) => members.push(rule),
            None => sections.push((category, vec![rule])),
        }
    }
    sections
        .into_iter()
        .map(|(category, members)| {
            let first = members.first().map(|rule| heading(rule, language)).unwrap_or_default();
            (category.map_or(first, one_line), members)
        })
        .collect()
}

fn heading(rule: &SyncRule, language: GuideLanguage) -> String {
    if let Some(title) = &rule.title {
        return one_line(title);
    }
    let host = rule.sources.first().and_then(|source| source.place.host());
    let from = host.map(|host| language.synced_from(&names::registry(host, language))).unwrap_or_default();
    format!("{}{from}", rule.name)
}

fn status(rules: &RuleSet, standings: &RuleStandings, language: GuideLanguage) -> Vec<String> {
    let words = language.words();
    let head = [words.rule, words.schedule, words.last, words.in_sync].map(str::to_owned).to_vec();
    let mut rows = vec![head];
    for rule in rules.rules() {
        let known = standings.rules.get(&rule.name);
        let last = known.map_or_else(|| words.never.to_owned(), |known| timestamp(known.at));
        let rate = known.map_or_else(String::new, |known| format!("{}/{}", known.in_sync, known.wanted));
        rows.push(vec![code(&rule.name), often(rule, language), last, rate]);
    }
    let mut lines = vec![String::new(), format!("## {}", words.status), String::new()];
    lines.extend(table(&rows));
    lines
}

/// How often a rule runs, in words where there are any.
fn often(rule: &SyncRule, language: GuideLanguage) -> String {
    let words = language.words();
    match rule.schedule.as_ref().map(|schedule| (schedule.as_str(), schedule)) {
        None => words.by_hand.to_owned(),
        Some(("@hourly", _)) => words.hourly.to_owned(),
        Some(("@daily" | "@midnight", _)) => words.daily.to_owned(),
        Some(("@weekly", _)) => words.weekly.to_owned(),
        Some((text, schedule)) => format!("{} ({})", code(text), schedule.zone()),
    }
}

fn finding(rules: &RuleSet, language: GuideLanguage) -> Vec<String> {
    let words = language.words();
    let Some(place) = rules.rules().first().and_then(|rule| rule.sources.first()).map(|source| &source.place)
    else {
        return Vec::new();
    };
    let mut lines = vec![String::new(), format!("## {}", words.find), String::new()];
    lines.extend([
        format!("### {}", words.any_registry),
        "```bash".to_owned(),
        format!("entrepot tags {place}"),
        "```".to_owned(),
    ]);
    let mut told = Vec::new();
    for (host, link) in all_places(rules).into_iter().filter_map(|place| names::browser(place)) {
        if !told.contains(&host) {
            lines.extend([
                String::new(),
                format!("### {host}"),
                format!("{} {}", words.in_browser, code(&link)),
            ]);
            told.push(host);
        }
    }
    lines
}

fn all_places(rules: &RuleSet) -> Vec<&Place> {
    let sources = rules.rules().iter().flat_map(|rule| &rule.sources);
    sources
        .flat_map(|source| {
            std::iter::once(&source.place).chain(source.destinations.iter().map(|to| &to.place))
        })
        .collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

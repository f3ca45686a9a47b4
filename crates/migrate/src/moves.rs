//! Maps each repository to its target, finds conflicts, and makes the rules for the copies. Pure.

use std::collections::BTreeMap;

use entrepot_sync::{
    Place,
    rules::{RuleSection, RuleSet, TargetSection, TextList, refusal},
};

use crate::{
    migration::Migration,
    migration::Move,
    problem::{Problem, Severity},
};

/// The moves, and the repositories that cannot move.
#[derive(Clone, Debug, Default)]
pub struct Moves {
    /// The moves.
    pub moves: Vec<Move>,
    /// The reasons that other repositories do not move.
    pub problems: Vec<Problem>,
    /// The rules for the copies.
    pub rules: RuleSet,
}

impl Moves {
    /// The moves of these repositories.
    pub fn of(migration: &Migration, names: &[String]) -> Self {
        let (mut moves, mut problems) = (Vec::new(), Vec::new());
        for name in names {
            match migration.move_of(name) {
                Ok(moved) => match misfit(&moved) {
                    None => moves.push(moved),
                    Some(problem) => problems.push(problem),
                },
                Err(text) => problems.push(Problem {
                    severity: Severity::Stops,
                    about: name.clone(),
                    what: format!("`{text}` is not a repository"),
                    hint: Some("give it another name under `names`".to_owned()),
                }),
            }
        }
        problems.extend(collisions(&mut moves));
        let rules = match rules(migration, &moves) {
            Ok(rules) => rules,
            Err(problem) => {
                problems.push(problem);
                RuleSet::default()
            }
        };
        Self { moves, problems, rules }
    }
}

// The reason a registry cannot hold the target repository.
fn misfit(moved: &Move) -> Option<Problem> {
    let Place::Registry { host, repository } = &moved.target else { return None };
    let (what, hint) = refusal(host, repository)?;
    Some(Problem { severity: Severity::Stops, about: moved.source.to_string(), what, hint: Some(hint) })
}

// If several repositories would get the same name, none of them moves.
fn collisions(moves: &mut Vec<Move>) -> Vec<Problem> {
    let mut sources: BTreeMap<Place, Vec<String>> = BTreeMap::new();
    for moved in moves.iter() {
        sources.entry(moved.target.clone()).or_default().push(moved.source.to_string());
    }
    sources.retain(|_, sources| sources.len() > 1);
    moves.retain(|moved| !sources.contains_key(&moved.target));
    let problem = |(target, sources): (Place, Vec<String>)| {
        let names: Vec<String> = sources.iter().map(|source| format!("`{source}`")).collect();
        Problem {
            severity: Severity::Stops,
            about: target.to_string(),
            what: format!("{} would {} `{target}`", names.join(" and "), be(names.len())),
            hint: Some("give one of them a name of its own under `names`".to_owned()),
        }
    };
    sources.into_iter().map(problem).collect()
}

fn be(count: usize) -> &'static str {
    if count == 2 { "both be" } else { "all be" }
}

fn rules(migration: &Migration, moves: &[Move]) -> Result<RuleSet, Problem> {
    let sections: Vec<RuleSection> =
        moves.iter().enumerate().map(|(index, moved)| section(migration, moved, index)).collect();
    RuleSet::check(&sections).map_err(|error| Problem {
        severity: Severity::Stops,
        about: migration.to.to_string(),
        what: error.what().to_owned(),
        hint: Some(error.hint().to_owned()),
    })
}

fn section(migration: &Migration, moved: &Move, index: usize) -> RuleSection {
    let text = |text: String| TextList { items: vec![text], is_list: false };
    RuleSection {
        name: rule_name(&moved.name, index),
        title: None,
        category: None,
        notes: TextList::default(),
        usage: TextList::default(),
        from: text(moved.source.to_string()),
        tags: migration.tags.clone(),
        to: vec![TargetSection {
            repository: moved.target.to_string(),
            is_text: true,
            ..TargetSection::default()
        }],
        schedule: None,
        timezone: None,
        // The plan reports repositories without tags.
        allow_empty: true,
    }
}

// A rule is named after its repository, as far as rule names allow.
fn rule_name(name: &str, index: usize) -> String {
    let plain = name.replace('/', ".");
    if plain.len() <= 60 && !name.contains('.') { plain } else { format!("repository-{index}") }
}

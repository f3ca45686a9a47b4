//! The allowed name that is most like one that is not: a misspelt name should not read as a forbidden one.

use std::collections::HashMap;

use entrepot_oci::RepositoryPattern;
use foldhash::fast::RandomState;

use crate::{full_name::FullName, index::RuleId};

/// The most characters that differ in a misspelt name.
const MISSPELT: usize = 2;

/// Names by what can be compared fast.
#[derive(Debug, Default)]
pub(crate) struct Nearest {
    hosts: HashMap<Box<str>, OfHost, RandomState>,
}

#[derive(Debug, Default)]
struct OfHost {
    names: Vec<Spelling>,
    /// The first rule for anything of an owner: of what is in front of the first slash.
    owners: HashMap<Box<str>, RuleId, RandomState>,
}

/// A repository without `*`.
#[derive(Debug)]
struct Spelling {
    repository: Box<str>,
    letters: u64,
    rule: RuleId,
}

impl Nearest {
    pub(crate) fn add(&mut self, pattern: &RepositoryPattern, rule: RuleId) {
        let Some((host, repository)) = pattern.as_str().split_once('/') else { return };
        let of_host = self.hosts.entry(host.into()).or_default();
        if let Some((owner, _)) = repository.split_once('/').filter(|(owner, _)| !owner.contains('*')) {
            of_host.owners.entry(owner.into()).or_insert(rule);
        }
        if !repository.contains('*') {
            let letters = letters(repository);
            of_host.names.push(Spelling { repository: repository.into(), letters, rule });
        }
    }

    /// The rule for what is most like a name.
    pub(crate) fn find(&self, name: FullName<'_>) -> Option<RuleId> {
        let of_host = self.hosts.get(name.host.as_str())?;
        let repository = name.repository.as_str();
        let wanted = letters(repository);
        // Most names differ in more kinds of letters than that; comparing those one by one would take long.
        let may_be = |one: &&Spelling| {
            (one.letters ^ wanted).count_ones() as usize <= 2 * MISSPELT
                && one.repository.len().abs_diff(repository.len()) <= MISSPELT
        };
        let distance = |one: &Spelling| strsim::osa_distance(&one.repository, repository);
        let near = of_host.names.iter().filter(may_be).map(|one| (distance(one), one.rule));
        let near = near.filter(|(distance, _)| *distance <= MISSPELT).min().map(|(_, rule)| rule);
        let owner = || repository.split_once('/').and_then(|(owner, _)| of_host.owners.get(owner).copied());
        near.or_else(owner)
    }
}

// Which letters a text has.
fn letters(text: &str) -> u64 {
    text.bytes().fold(0, |set, byte| set | 1 << (byte % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(repository: &str) -> Option<RuleId> {
        let mut nearest = Nearest::default();
        let patterns = [
            "docker.io/library/nginx",
            "docker.io/library/redis",
            "docker.io/bitnami/*",
            "quay.io/a/b",
            "**",
        ];
        for (rule, pattern) in patterns.iter().enumerate() {
            nearest.add(&pattern.parse().unwrap(), rule);
        }
        nearest
            .find(FullName { host: &"docker.io".parse().unwrap(), repository: &repository.parse().unwrap() })
    }

    // operate.md row 8
    #[test]
    fn a_misspelt_name_has_one_that_is_near() {
        for (repository, rule) in [
            ("library/ngnix", Some(0)),
            ("library/redi", Some(1)),
            ("bitnami/redis/x", Some(2)),
            ("library/postgres", Some(0)),
            ("acme/web", None),
            ("nginx", None),
        ] {
            assert_eq!(nearest(repository), rule, "{repository}");
        }
    }
}

//! Finds the rules for a repository, without looking at the others: a list may have thousands.

use std::collections::HashMap;

use entrepot_oci::RepositoryPattern;
use foldhash::fast::RandomState;

use crate::full_name::FullName;

/// A rule's position.
pub(crate) type RuleId = usize;

type Map<V> = HashMap<Box<str>, V, RandomState>;

/// Rules by their registry, and there by the form of their pattern.
#[derive(Debug, Default)]
pub(crate) struct Index {
    hosts: Map<OfHost>,
    /// Patterns with a `*` in the registry.
    any_host: Vec<(RepositoryPattern, RuleId)>,
}

#[derive(Debug, Default)]
struct OfHost {
    /// Without a `*`: by the repository.
    exact: Map<Vec<RuleId>>,
    /// `…/*`: by what is in front, which is empty for `*`.
    one: Map<Vec<RuleId>>,
    /// `…/**`: by what is in front.
    rest: Map<Vec<RuleId>>,
    /// With a `*` elsewhere.
    others: Vec<(RepositoryPattern, RuleId)>,
}

impl Index {
    pub(crate) fn add(&mut self, pattern: &RepositoryPattern, rule: RuleId) {
        let Some((host, rest)) = pattern.as_str().split_once('/').filter(|(host, _)| !host.contains('*'))
        else {
            return self.any_host.push((pattern.clone(), rule));
        };
        let of_host = self.hosts.entry(host.into()).or_default();
        let (before, last) = rest.rsplit_once('/').unwrap_or(("", rest));
        let (map, key) = match last {
            _ if before.contains('*') => return of_host.others.push((pattern.clone(), rule)),
            "*" => (&mut of_host.one, before),
            "**" => (&mut of_host.rest, before),
            last if last.contains('*') => return of_host.others.push((pattern.clone(), rule)),
            _ => (&mut of_host.exact, rest),
        };
        map.entry(key.into()).or_default().push(rule);
    }

    /// Calls `each` with the rules for a repository: the exact ones first, the widest last.
    pub(crate) fn find(&self, name: FullName<'_>, mut each: impl FnMut(RuleId)) {
        if let Some(of_host) = self.hosts.get(name.host.as_str()) {
            of_host.find(name, &mut each);
        }
        those_that_match(&self.any_host, name, &mut each);
    }
}

impl OfHost {
    fn find(&self, name: FullName<'_>, each: &mut impl FnMut(RuleId)) {
        let repository = name.repository.as_str();
        all_of(self.exact.get(repository), each);
        let mut before = repository.rsplit_once('/').map_or("", |(before, _)| before);
        all_of(self.one.get(before), each);
        while !self.rest.is_empty() {
            all_of(self.rest.get(before), each);
            if before.is_empty() {
                break;
            }
            before = before.rsplit_once('/').map_or("", |(before, _)| before);
        }
        those_that_match(&self.others, name, each);
    }
}

fn all_of(rules: Option<&Vec<RuleId>>, each: &mut impl FnMut(RuleId)) {
    rules.into_iter().flatten().for_each(|rule| each(*rule));
}

fn those_that_match(
    patterns: &[(RepositoryPattern, RuleId)],
    name: FullName<'_>,
    each: &mut impl FnMut(RuleId),
) {
    if patterns.is_empty() {
        return;
    }
    let full = name.to_string();
    patterns.iter().filter(|(pattern, _)| pattern.matches(&full)).for_each(|(_, rule)| each(*rule));
}

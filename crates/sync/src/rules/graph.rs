//! Compares rules with each other: finds copy loops, and tags that two rules would write.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    error::RuleError,
    rule::{Destination, RuleSource, SyncRule},
};
use crate::Place;

// One source of one rule, with one destination.
#[derive(Clone, Copy)]
struct Edge<'a> {
    rule: usize,
    to: usize,
    of: &'a SyncRule,
    source: &'a RuleSource,
    destination: &'a Destination,
}

impl Edge<'_> {
    fn fault(&self, what: String, hint: &str) -> RuleError {
        RuleError::new(what, hint).under(self.to).under("to").under(self.rule)
    }
}

/// Rejects rules, or sources of one rule, that would undo each other.
pub(super) fn check(rules: &[SyncRule]) -> Result<(), RuleError> {
    let edges: Vec<Edge<'_>> = edges(rules).collect();
    loops(&edges)?;
    doubles(&edges)
}

fn edges(rules: &[SyncRule]) -> impl Iterator<Item = Edge<'_>> {
    rules.iter().enumerate().flat_map(|(rule, of)| {
        of.sources.iter().flat_map(move |source| {
            let destinations = source.destinations.iter().enumerate();
            destinations.map(move |(to, destination)| Edge { rule, to, of, source, destination })
        })
    })
}

// Looks for loops among the repositories. Paths already walked without a loop are not walked again.
fn loops(edges: &[Edge<'_>]) -> Result<(), RuleError> {
    let mut next: BTreeMap<&Place, Vec<Edge<'_>>> = BTreeMap::new();
    for edge in edges {
        next.entry(&edge.source.place).or_default().push(*edge);
    }
    let mut done = BTreeSet::new();
    for start in edges {
        // A path of edges, each with the edges still to try after it.
        let mut path = vec![(*start, onward(&next, start))];
        while let Some((edge, rest)) = path.last_mut() {
            let here = &edge.destination.place;
            let Some(step) = rest.pop().filter(|_| !done.contains(here)) else {
                done.insert(here);
                path.pop();
                continue;
            };
            let reached = &step.destination.place;
            if let Some(begin) = path.iter().position(|(edge, _)| edge.source.place == *reached) {
                return Err(describe(&path[begin..], &step));
            }
            path.push((step, onward(&next, &step)));
        }
    }
    Ok(())
}

fn onward<'a>(next: &BTreeMap<&Place, Vec<Edge<'a>>>, edge: &Edge<'a>) -> Vec<Edge<'a>> {
    next.get(&edge.destination.place).cloned().unwrap_or_default()
}

fn describe(path: &[(Edge<'_>, Vec<Edge<'_>>)], last: &Edge<'_>) -> RuleError {
    let mut chain: Vec<String> = path.iter().map(|(edge, _)| edge.source.place.to_string()).collect();
    chain.push(last.source.place.to_string());
    chain.push(last.destination.place.to_string());
    let what = format!("this copies in a circle: {}", chain.join(" → "));
    last.fault(what, "every repository has one source: leave out one of these steps")
}

fn doubles(edges: &[Edge<'_>]) -> Result<(), RuleError> {
    let mut seen: BTreeMap<&Place, Vec<Edge<'_>>> = BTreeMap::new();
    for edge in edges {
        let others = seen.entry(&edge.destination.place).or_default();
        if let Some(other) = others.iter().find(|other| meet(other, edge)) {
            return Err(double(other, edge));
        }
        others.push(*edge);
    }
    Ok(())
}

// True if both edges visibly write the same tag. The plan finds the other cases.
fn meet(a: &Edge<'_>, b: &Edge<'_>) -> bool {
    a.destination.terms.tag == b.destination.terms.tag
        && a.of.tags.meets(&b.of.tags)
        && a.destination.terms.tags.meets(&b.destination.terms.tags)
        && a.of.tags.meets(&b.destination.terms.tags)
        && b.of.tags.meets(&a.destination.terms.tags)
}

fn double(other: &Edge<'_>, edge: &Edge<'_>) -> RuleError {
    let place = &edge.destination.place;
    if other.rule != edge.rule {
        let what = format!("`{place}` gets the same tags from rule `{}`", other.of.name);
        return edge.fault(what, "leave out one of the two, or separate them with `tags` or `tag`");
    }
    if other.source.place == edge.source.place {
        return edge.fault(format!("`{place}` is there twice"), "leave one of them out");
    }
    let what =
        format!("`{place}` gets the same tags from `{}` and `{}`", other.source.place, edge.source.place);
    edge.fault(what, "put `{name}` or `{path}` into the destination, so that each source has its own")
}

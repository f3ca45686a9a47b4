//! The scopes of the registry's token protocol: `repository:NAME:pull,push`. Pure.
//!
//! Grammar: <https://distribution.github.io/distribution/spec/auth/scope/>. What is not understood is left out, never an
//! error: one foreign scope must not fail the others.

use entrepot_oci::Name;
use serde::{Deserialize, Serialize};

use crate::verb::{Verb, Verbs};

/// How many repositories one registry token may name.
const MAX_ENTRIES: usize = 64;

/// What a client wants to do, by repository as the client named it; also what a registry token allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
// Few enough that a search from the front is the quickest.
pub struct RegistryScopes(Vec<(Name, Verbs)>);

/// An entry of a registry token's `access` claim.
#[derive(Deserialize, Serialize)]
pub(crate) struct AccessEntry {
    r#type: String,
    name: String,
    actions: Vec<String>,
}

impl RegistryScopes {
    /// Reads the values of all `scope` parameters. One value may hold several, separated by spaces; the same repository
    /// in several of them gets the union.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all: Vec<(Name, Verbs)> = Vec::new();
        for scope in values.into_iter().flat_map(str::split_ascii_whitespace) {
            let Some((name, verbs)) = parse(scope) else { continue };
            match all.iter().position(|(known, _)| *known == name) {
                Some(at) => all[at].1 = all[at].1.union(verbs),
                None if all.len() < MAX_ENTRIES => all.push((name, verbs)),
                None => {}
            }
        }
        Self(all)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The repositories and what is wanted of each.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, Verbs)> {
        self.0.iter().map(|(name, verbs)| (name, *verbs))
    }

    /// What is allowed of a repository.
    pub fn on(&self, name: &Name) -> Verbs {
        self.iter().find(|(known, _)| *known == name).map_or(Verbs::NONE, |(_, verbs)| verbs)
    }

    pub(crate) fn entries(&self) -> Vec<AccessEntry> {
        let entry = |(name, verbs): (&Name, Verbs)| AccessEntry {
            r#type: "repository".to_owned(),
            name: name.to_string(),
            actions: verbs.iter().map(|verb| verb.as_str().to_owned()).collect(),
        };
        self.iter().map(entry).collect()
    }

    pub(crate) fn from_entries(entries: &[AccessEntry]) -> Self {
        let read = |entry: &AccessEntry| {
            let verbs = entry.actions.iter().filter_map(|verb| verb.parse::<Verb>().ok()).collect();
            (entry.r#type == "repository").then_some(())?;
            Some((entry.name.parse().ok()?, verbs))
        };
        Self(entries.iter().filter_map(read).collect())
    }
}

impl FromIterator<(Name, Verbs)> for RegistryScopes {
    fn from_iter<I: IntoIterator<Item = (Name, Verbs)>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

// The type ends at the first colon and the actions begin at the last: a name may hold `host:port`.
fn parse(scope: &str) -> Option<(Name, Verbs)> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    // `repository(plugin)` is a repository too.
    let kind = kind.split_once('(').map_or(kind, |(kind, _)| kind);
    if kind != "repository" {
        return None;
    }
    let verbs = actions.split(',').fold(Verbs::NONE, |all, action| match action {
        "*" => all.union([Verb::Pull, Verb::Push, Verb::Delete].into_iter().collect()),
        action => action.parse().map_or(all, |verb| all.with(verb)),
    });
    Some((name.parse().ok()?, verbs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Vec<String> {
        let scopes = RegistryScopes::parse(values.iter().copied());
        scopes.iter().map(|(name, verbs)| format!("{name}={verbs}")).collect()
    }

    #[test]
    fn all_shapes_give_the_union() {
        let expected = ["a=pull,push", "b=pull"];
        assert_eq!(read(&["repository:a:pull,push", "repository:b:pull"]), expected);
        assert_eq!(read(&["repository:a:pull,push repository:b:pull"]), expected);
        assert_eq!(read(&["repository:a:push", "repository:b:pull", "repository:a:pull"]), expected);
    }

    #[test]
    fn names_are_read_from_both_ends() {
        assert_eq!(read(&["repository:quay.io:8443/a/b:pull"]), ["quay.io:8443/a/b=pull"]);
        assert_eq!(read(&["repository(plugin):a/b:pull"]), ["a/b=pull"]);
        assert_eq!(read(&["repository:a:*"]), ["a=pull,push,delete"]);
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        for foreign in [
            "",
            "repository",
            "repository:a",
            "registry:catalog:*",
            "repository:A B:pull",
            "project:x:pull",
            ":::",
        ] {
            assert_eq!(read(&[foreign, "repository:b:pull"]), ["b=pull"], "{foreign}");
        }
        assert_eq!(read(&["repository:a:pull,metadata_read,"]), ["a=pull"]);
        assert_eq!(read(&["repository:a:metadata_read"]), ["a="]);
    }

    #[test]
    fn there_is_an_end() {
        let many: Vec<_> = (0..1000).map(|number| format!("repository:r{number}:pull")).collect();
        assert_eq!(RegistryScopes::parse(many.iter().map(String::as_str)).iter().count(), MAX_ENTRIES);
    }
}

//! CI jobs and other programs that their platform vouches for, by claim rules. Pure.

use std::{collections::BTreeMap, sync::Arc};

use entrepot_federation::Claims;
use entrepot_oci::{Digest, RepositoryPattern};

use crate::verb::Verbs;

/// The longest name of a workload in logs and registry tokens, in bytes.
const MAX_SUBJECT: usize = 200;

/// Which workloads may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRule {
    /// Who vouches for them.
    pub issuer: String,
    /// Whom their token must be for.
    pub audience: String,
    /// What it must say, by claim; `*` stands for any text.
    pub claims: BTreeMap<String, String>,
    /// Patterns of repositories.
    pub repositories: Vec<RepositoryPattern>,
    /// What they may do there.
    pub may: Verbs,
}

/// A workload, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    subject: String,
    rules: Vec<Arc<WorkloadRule>>,
}

impl WorkloadRule {
    /// The claims that do not say what the rule wants; none if it matches.
    pub fn mismatches(&self, claims: &Claims) -> Vec<&str> {
        let is_met = |name: &str, pattern: &str| {
            claims.values(name).is_some_and(|values| values.iter().any(|value| matches(pattern, value)))
        };
        let wrong = self.claims.iter().filter(|(name, pattern)| !is_met(name, pattern));
        wrong.map(|(name, _)| name.as_str()).collect()
    }

    /// Names the rule as it is now: another rule has another name.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = Digest::of(format!("{self:?}").as_bytes()).to_string();
        let hex = digest.rsplit(':').next().unwrap_or_default();
        hex.get(..16).unwrap_or_default().to_owned()
    }
}

impl Workload {
    /// The workload `subject`, which these rules match.
    pub(crate) fn new(subject: &str, rules: Vec<Arc<WorkloadRule>>) -> Self {
        let plain = |letter: char| if letter.is_ascii_graphic() { letter } else { '?' };
        let subject = subject.chars().take(MAX_SUBJECT).map(plain).collect();
        Self { subject, rules }
    }

    /// What its platform calls it.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What its rules let it do with a repository, named in full.
    pub fn rights(&self, repository: &str) -> Verbs {
        let covers =
            |rule: &&Arc<WorkloadRule>| rule.repositories.iter().any(|pattern| pattern.matches(repository));
        self.rules.iter().filter(covers).fold(Verbs::NONE, |all, rule| all.union(rule.may))
    }

    /// The workload in a registry token: the rules that matched, and its name.
    pub(crate) fn remembered(&self) -> String {
        let rules: Vec<_> = self.rules.iter().map(|rule| rule.fingerprint()).collect();
        format!("{}:{}", rules.join(","), self.subject)
    }
}

/// Whether a text is what a pattern says; `*` stands for any text, also none.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(begin) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_of_claims() {
        for (pattern, text, expected) in [
            ("refs/heads/main", "refs/heads/main", true),
            ("refs/heads/main", "refs/heads/main2", false),
            ("refs/heads/main", "Refs/heads/main", false),
            ("refs/heads/*", "refs/heads/feature/x", true),
            ("refs/heads/*", "refs/tags/v1", false),
            ("refs/tags/v*.*", "refs/tags/v1.2", true),
            ("refs/tags/v*.*", "refs/tags/v12", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*b*", "abc", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn without_a_star_only_the_same_text_matches(pattern in "[a-c/]{0,5}", text in "[a-c/]{0,5}") {
            prop_assert_eq!(matches(&pattern, &text), pattern == text);
        }

        #[test]
        fn whatever_stands_for_a_star_matches(a in "[ab]{0,3}", b in "[ab]{0,3}", middle in "[abc]{0,4}") {
            let pattern = format!("{a}*{b}");
            let text = format!("{a}{middle}{b}");
            prop_assert!(matches(&pattern, &text));
        }
    }

    fn rule(claims: &[(&str, &str)], repositories: &str, may: &str) -> WorkloadRule {
        WorkloadRule {
            issuer: "https://ci.example".to_owned(),
            audience: "entrepot".to_owned(),
            claims: claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            repositories: vec![repositories.parse().unwrap()],
            may: may.parse().unwrap(),
        }
    }

    #[test]
    fn every_claim_of_a_rule_must_be_there() {
        let claims =
            json!({"repository_id": 74, "ref": "refs/heads/main", "groups": ["a", "b"], "private": true});
        let claims = Claims::new(claims.as_object().unwrap().clone());
        let wrong = |of: &[(&str, &str)]| {
            let rule = rule(of, "local/app", "push");
            rule.mismatches(&claims).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(wrong(&[("repository_id", "74"), ("ref", "refs/heads/*"), ("groups", "b")]).is_empty());
        assert!(wrong(&[("private", "true")]).is_empty());
        assert_eq!(wrong(&[("repository_id", "740"), ("ref", "refs/heads/main")]), ["repository_id"]);
        assert_eq!(
            wrong(&[("environment", "*")]),
            ["environment"],
            "a claim that is missing is not any text"
        );
    }

    #[test]
    fn rights_are_those_of_the_rules_that_matched() {
        let rules = [rule(&[], "local/app/**", "pull,push"), rule(&[], "local/*", "pull")];
        let workload = Workload::new("repo:octo/app:ref:\nx", rules.map(Arc::new).to_vec());
        assert_eq!(workload.rights("local/app/web").to_string(), "pull,push");
        assert_eq!(workload.rights("local/other").to_string(), "pull");
        assert_eq!(workload.rights("docker.io/library/nginx"), Verbs::NONE);
        assert_eq!(workload.subject(), "repo:octo/app:ref:?x");
        assert_ne!(rule(&[], "local/a", "pull").fingerprint(), rule(&[], "local/a", "push").fingerprint());
    }
}

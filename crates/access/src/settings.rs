//! The configuration section `access`.

use std::time::Duration;

use entrepot_oci::RepositoryPattern;
use serde::Deserialize;

use crate::{
    grant::Grant,
    rules::{Rules, WrongCredentials},
    verb::{Verb, Verbs},
};

/// The word for reading public pages, beside the verbs.
const SEE: &str = "see";

/// The section as it is written. Every key has a default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessSection {
    /// What those without a login may do to public repositories, and `see` for the public pages.
    pub anonymous: Option<Vec<String>>,
    /// What programs on the server's machine may do; where the section exists, nothing that others may not unless it is
    /// written here.
    pub local: Option<Vec<String>>,
    /// Rights beyond those.
    pub grants: Vec<GrantSection>,
    /// Repositories that are private whatever their upstream says.
    pub private: Vec<String>,
    /// What becomes of pulls with credentials that are not accepted: `ignore` them, or `refuse`.
    pub wrong_credentials: Option<String>,
    /// The audit log.
    pub audit: AuditSection,
}

/// The keys below `audit`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// How long entries are kept.
    #[serde(with = "humantime_serde")]
    pub keep_for: Option<Duration>,
}

impl AuditSection {
    /// How long entries are kept where nothing is written. There is an end because refused attempts of strangers are among
    /// them.
    pub const KEPT_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    /// How long entries are kept.
    pub fn kept_for(self) -> Duration {
        self.keep_for.unwrap_or(Self::KEPT_FOR)
    }
}

/// A grant as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantSection {
    /// Whom.
    pub to: String,
    /// Patterns of repositories.
    pub repositories: Vec<String>,
    /// Verbs.
    pub may: Vec<String>,
}

/// A mistake in the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// The keys that lead to it, below `access`.
    pub path: Vec<String>,
    /// What is wrong.
    pub what: String,
}

impl AccessSection {
    /// What the section means.
    ///
    /// # Errors
    /// The first mistake.
    pub fn rules(&self) -> Result<Rules, SettingsFault> {
        let (anonymous, anonymous_sees) = match &self.anonymous {
            Some(words) => words_and_see(words)?,
            None => (Verbs::NONE.with(Verb::Pull), true),
        };
        let local = match &self.local {
            Some(words) => verbs(words, &["local"])?,
            None => Verbs::NONE,
        };
        let grants = self.grants.iter().enumerate().map(|(at, grant)| grant.grant(at));
        let grants = grants.collect::<Result<_, _>>()?;
        let private = patterns(&self.private, &["private"])?;
        let wrong_credentials = match self.wrong_credentials.as_deref() {
            None | Some("ignore") => WrongCredentials::Ignored,
            Some("refuse") => WrongCredentials::Refused,
            Some(_) => return Err(fault(&["wrong_credentials"], "it is not one of `ignore`, `refuse`")),
        };
        Ok(Rules { anonymous, anonymous_sees, local, grants, private, wrong_credentials })
    }
}

impl GrantSection {
    fn grant(&self, at: usize) -> Result<Grant, SettingsFault> {
        let at = at.to_string();
        let to = self.to.parse().map_err(|error| fault(&["grants", &at, "to"], error))?;
        let repositories = patterns(&self.repositories, &["grants", &at, "repositories"])?;
        let may = verbs(&self.may, &["grants", &at, "may"])?;
        Ok(Grant { to, repositories, may })
    }
}

fn words_and_see(words: &[String]) -> Result<(Verbs, bool), SettingsFault> {
    let mut may = Verbs::NONE;
    for (at, word) in words.iter().enumerate().filter(|(_, word)| *word != SEE) {
        let verb: Verb = word.parse().map_err(|_| {
            fault(
                &["anonymous", &at.to_string()],
                "it is not one of `pull`, `push`, `delete`, `request`, `see`",
            )
        })?;
        may = may.with(verb);
    }
    Ok((may, words.iter().any(|word| word == SEE)))
}

fn verbs(words: &[String], path: &[&str]) -> Result<Verbs, SettingsFault> {
    let read = |(at, word): (usize, &String)| {
        word.parse::<Verb>().map_err(|error| fault(&[path, &[&at.to_string()]].concat(), error))
    };
    words.iter().enumerate().map(read).collect()
}

fn patterns(texts: &[String], path: &[&str]) -> Result<Vec<RepositoryPattern>, SettingsFault> {
    let read = |(at, text): (usize, &String)| {
        text.parse().map_err(|error| fault(&[path, &[&at.to_string()]].concat(), error))
    };
    texts.iter().enumerate().map(read).collect()
}

fn fault(path: &[&str], what: impl ToString) -> SettingsFault {
    SettingsFault { path: path.iter().map(|key| (*key).to_owned()).collect(), what: what.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> AccessSection {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn nothing_written_means_that_anybody_may_pull() {
        let rules = AccessSection::default().rules().unwrap();
        assert_eq!((rules.anonymous.to_string(), rules.anonymous_sees), ("pull".to_owned(), true));
        assert_eq!(rules.local, Verbs::NONE, "where there is a section, local programs log in as well");
        assert!(rules.grants.is_empty() && rules.private.is_empty());
        assert_eq!(rules.wrong_credentials, WrongCredentials::Ignored);
    }

    #[test]
    fn what_is_written_counts_alone() {
        let rules = section(r#"{"anonymous": [], "local": ["pull"]}"#).rules().unwrap();
        assert_eq!(
            (rules.anonymous, rules.anonymous_sees, rules.local.to_string()),
            (Verbs::NONE, false, "pull".to_owned())
        );
        let rules = section(
            r#"{"anonymous": ["see", "pull"], "private": ["local/secret/**"],
                "grants": [{"to": "group:ml", "repositories": ["docker.io/acme/**"], "may": ["pull", "push"]}]}"#,
        )
        .rules()
        .unwrap();
        assert!(rules.anonymous_sees && rules.is_private("local/secret/x"));
        let wrong = |text: &str| section(text).rules().map(|rules| rules.wrong_credentials);
        assert_eq!(wrong(r#"{"wrong_credentials": "refuse"}"#), Ok(WrongCredentials::Refused));
        assert_eq!(wrong(r#"{"wrong_credentials": "ignore"}"#), Ok(WrongCredentials::Ignored));
        assert_eq!(rules.grants[0].may.to_string(), "pull,push");
    }

    #[test]
    fn a_mistake_is_found_where_it_is() {
        let at = |text: &str| section(text).rules().unwrap_err().path.join(".");
        assert_eq!(at(r#"{"anonymous": ["pull", "read"]}"#), "anonymous.1");
        assert_eq!(at(r#"{"local": ["see"]}"#), "local.0");
        assert_eq!(at(r#"{"private": ["a:1"]}"#), "private.0");
        assert_eq!(at(r#"{"wrong_credentials": "maybe"}"#), "wrong_credentials");
        let grant = |text: &str| at(&format!(r#"{{"grants": [{text}]}}"#));
        assert_eq!(grant(r#"{"to": "alice", "repositories": [], "may": []}"#), "grants.0.to");
        assert_eq!(
            grant(r#"{"to": "role:user", "repositories": ["A"], "may": []}"#),
            "grants.0.repositories.0"
        );
        assert_eq!(grant(r#"{"to": "role:user", "repositories": ["a"], "may": ["own"]}"#), "grants.0.may.0");
    }
}

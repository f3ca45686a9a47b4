//! The configuration section `access`.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    federation_settings::{FederationSettings, LdapSection, OidcSection, WorkloadSection},
    grant::Grant,
    networks::{Networks, network},
    rules::{Rules, WrongCredentials},
    session::SessionLimits,
    settings_fault::{SettingsFault, fault, patterns, verbs},
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
    /// The OpenID provider that people log in with.
    pub oidc: Option<OidcSection>,
    /// The LDAP directory that verifies passwords.
    pub ldap: Option<LdapSection>,
    /// Which CI jobs and other workloads may do what.
    pub workloads: Vec<WorkloadSection>,
    /// How long groups count after a provider or directory told them.
    #[serde(with = "humantime_serde")]
    pub groups_max_age: Option<Duration>,
    /// The audit log.
    pub audit: AuditSection,
    /// Networks of the proxies whose word about a client counts; where nothing is written, this machine.
    pub trusted_proxies: Option<Vec<String>>,
    /// Networks that may read `/metrics` without a login.
    pub metrics: Vec<String>,
    /// How long sessions last.
    pub sessions: SessionSection,
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

/// How long sessions last, as it is written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSection {
    /// One that is not used for this long ends.
    #[serde(with = "humantime_serde")]
    pub idle: Option<Duration>,
    /// One ends after this, however much it is used.
    #[serde(with = "humantime_serde")]
    pub max_age: Option<Duration>,
}

/// What the section says about addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    /// The proxies whose word about a client counts.
    pub trusted_proxies: Networks,
    /// Who may read `/metrics` without a login.
    pub metrics: Networks,
}

/// The shortest time after which an idle session may end: its use is written down once a minute.
const SHORTEST: Duration = Duration::from_secs(5 * 60);

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

    /// Who else says who somebody is.
    ///
    /// # Errors
    /// The first mistake.
    pub fn federation(&self) -> Result<FederationSettings, SettingsFault> {
        let mut settings = FederationSettings {
            oidc: self.oidc.as_ref().map(OidcSection::settings).transpose()?,
            ldap: self.ldap.as_ref().map(LdapSection::settings).transpose()?,
            ..FederationSettings::default()
        };
        for (at, workload) in self.workloads.iter().enumerate() {
            settings.add_workload(workload, at)?;
        }
        settings.groups_max_age = self.groups_max_age.unwrap_or(settings.groups_max_age);
        Ok(settings)
    }

    /// What it says about addresses.
    ///
    /// # Errors
    /// The first mistake.
    pub fn networks(&self) -> Result<NetworkSettings, SettingsFault> {
        let trusted_proxies = match &self.trusted_proxies {
            Some(texts) => networks(texts, "trusted_proxies")?,
            None => Networks::loopback(),
        };
        if trusted_proxies.are_everywhere() {
            let what =
                "with all addresses in it, every client could claim any address: name the proxies alone";
            return Err(fault(&["trusted_proxies"], what));
        }
        Ok(NetworkSettings { trusted_proxies, metrics: networks(&self.metrics, "metrics")? })
    }

    /// How long sessions last.
    ///
    /// # Errors
    /// The first mistake.
    pub fn session_limits(&self) -> Result<SessionLimits, SettingsFault> {
        let usual = SessionLimits::default();
        let SessionSection { idle, max_age } = self.sessions;
        let limits =
            SessionLimits { idle: idle.unwrap_or(usual.idle), max_age: max_age.unwrap_or(usual.max_age) };
        for (key, value) in [("idle", limits.idle), ("max_age", limits.max_age)] {
            if value < SHORTEST {
                return Err(fault(&["sessions", key], "this must be 5 minutes or more"));
            }
        }
        Ok(limits)
    }
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self { trusted_proxies: Networks::loopback(), metrics: Networks::default() }
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

fn networks(texts: &[String], key: &str) -> Result<Networks, SettingsFault> {
    let read =
        |(at, text): (usize, &String)| network(text).map_err(|error| fault(&[key, &at.to_string()], error));
    texts.iter().enumerate().map(read).collect()
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
    #[test]
    fn proxies_and_networks_are_named_one_by_one() {
        let usual = AccessSection::default().networks().unwrap();
        assert_eq!(usual, NetworkSettings::default());
        assert!(usual.trusted_proxies.include([127, 0, 0, 1].into()) && usual.metrics.is_empty());
        let written = section(r#"{"trusted_proxies": ["10.0.0.0/8"], "metrics": ["10.1.0.7", "::/0"]}"#);
        let written = written.networks().unwrap();
        assert!(!written.trusted_proxies.include([127, 0, 0, 1].into()), "what is written counts alone");
        assert!(written.metrics.include([10, 1, 0, 7].into()));
        let at = |text: &str| section(text).networks().unwrap_err().path.join(".");
        assert_eq!(at(r#"{"trusted_proxies": ["10.0.0.1", "*"]}"#), "trusted_proxies.1");
        assert_eq!(at(r#"{"trusted_proxies": ["0.0.0.0/0"]}"#), "trusted_proxies");
        assert_eq!(at(r#"{"metrics": ["prometheus"]}"#), "metrics.0");
    }

    #[test]
    fn sessions_last_as_long_as_is_written() {
        assert_eq!(AccessSection::default().session_limits().unwrap(), SessionLimits::default());
        let limits = section(r#"{"sessions": {"idle": "1h"}}"#).session_limits().unwrap();
        assert_eq!(limits.idle, Duration::from_secs(60 * 60));
        assert_eq!(limits.max_age, SessionLimits::default().max_age);
        let fault = section(r#"{"sessions": {"max_age": "1s"}}"#).session_limits().unwrap_err();
        assert_eq!(fault.path.join("."), "sessions.max_age");
    }
}

//! One registry's section of the configuration.
//!
//! [`Settings`] is what the operator wrote; [`Credential`] is one account of it; [`SettingsError`] says why a
//! [`crate::Remote`] cannot be made of it. Nothing here reads the environment or files, `ca` aside.

use std::{num::NonZeroUsize, path::PathBuf};

use entrepot_oci::Repository;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};
use url::Url;

use crate::{accounts::AccountFault, pacing::Rate};

/// How one registry is reached, and as whom.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the registry is, tried in order. Empty: `https://<host>`. What is named here may be plain `http://` and
    /// may be at a private address.
    pub endpoints: Vec<Url>,
    /// The accounts to use: those of the narrowest namespace first, else in this order. The first is used until it is
    /// denied or limited, then the next.
    pub credentials: Vec<Credential>,
    /// A file of PEM certificates that are trusted beside the system's.
    pub ca: Option<PathBuf>,
    /// Takes any certificate from the hosts of the endpoints. Redirect targets and token realms on other hosts stay
    /// checked.
    pub insecure: bool,
    /// Lets the registry's name, its redirects and its token realm lead to private addresses.
    pub private_network: bool,
    /// The most requests in a time, such as `20/s`. Those that are too early wait.
    pub rate: Option<Rate>,
    /// The most requests that wait for an answer at once, uploads included. A download that has begun is none of them.
    pub concurrency: Option<NonZeroUsize>,
}

/// One account at a registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The account's name.
    pub username: String,
    /// Its password or access token. Never printed.
    pub password: SecretString,
    /// The only repository it is for, with those below it; `None`: all of the registry.
    #[serde(default, deserialize_with = "namespace")]
    pub namespace: Option<Repository>,
    /// The only one of [`Settings::endpoints`] that it is shown to; `None`: the registry itself, by its own name.
    #[serde(default)]
    pub endpoint: Option<Url>,
}

impl Credential {
    /// Whether it is for `repository`.
    pub fn covers(&self, repository: &Repository) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| {
            let rest = repository.as_str().strip_prefix(namespace.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

fn namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Repository>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
}

/// Why a registry cannot be spoken to as configured.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The endpoint is not an address of a registry.
    #[error("the endpoint of `{host}` is not usable: {reason}")]
    Endpoint {
        /// The endpoint's host. Not the whole address: it may hold a password.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is not clear who may see an account.
    #[error("the account `{username}`: {fault}")]
    Account {
        /// The account's name.
        username: String,
        /// What is not clear.
        fault: AccountFault,
    },
    /// The file of certificates cannot be read.
    #[error("the certificates in `{path}` cannot be read")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file of certificates holds something else, or nothing.
    #[error("`{path}` does not hold certificates in PEM form")]
    CaForm {
        /// The file.
        path: PathBuf,
    },
    /// The HTTP client cannot be set up, for example for want of the system's certificates.
    #[error("the HTTP client cannot be set up")]
    Client {
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_default_and_unknown_ones_are_refused() {
        let empty: Settings = serde_json::from_str("{}").unwrap();
        assert!(empty.endpoints.is_empty() && !empty.insecure && !empty.private_network);
        assert!(serde_json::from_str::<Settings>(r#"{"endpoint":[]}"#).is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        let text = r#"{"credentials":[{"username":"me","password":"canary"}]}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        let shown = format!("{settings:?}");
        assert!(shown.contains("me") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn namespaces_end_at_a_slash() {
        let of = |namespace: &str| -> Credential {
            let text = format!(r#"{{"username":"u","password":"p","namespace":{namespace}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let (org, all) = (of(r#""org/team""#), of("null"));
        for (repository, covered) in [
            ("org/team", true),
            ("org/team/app", true),
            ("org/teams", false),
            ("org", false),
            ("x/org/team", false),
        ] {
            let repository = repository.parse().unwrap();
            assert_eq!((org.covers(&repository), all.covers(&repository)), (covered, true), "{repository}");
        }
        let upper = r#"{"username":"u","password":"p","namespace":"Org"}"#;
        assert!(serde_json::from_str::<Credential>(upper).is_err());
    }
}

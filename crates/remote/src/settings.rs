//! The configuration of one registry.
//!
//! [`Settings`] is what the operator writes, [`Credential`] one account in it; [`SettingsError`] says why a
//! [`crate::Remote`] cannot be made of it. Nothing here reads the environment or files.

use std::{num::NonZeroUsize, path::PathBuf};

use entrepot_oci::Repository;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};
use url::Url;

use crate::{rate::Rate, stored::StoredCredentials};

/// How to reach one registry, and with which accounts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The URLs of the registry, tried in order. If empty: `https://<host>`. The hosts named here may use plain
    /// `http://` and private addresses.
    pub endpoints: Vec<Url>,
    /// The accounts: those of the narrowest namespace first, otherwise in this order. The first is used until it is
    /// denied or limited, then the next.
    pub credentials: Vec<Credential>,
    /// Accounts that are stored elsewhere; they come after those of [`Settings::credentials`].
    #[serde(skip)]
    pub stored: StoredCredentials,
    /// Accounts that are used while there are no others.
    #[serde(skip)]
    pub logins: Vec<Credential>,
    /// A file of PEM certificates to trust in addition to the system's.
    pub ca: Option<PathBuf>,
    /// Accepts any certificate from the hosts of the endpoints. Redirect targets and token servers on other hosts are
    /// still checked.
    pub insecure: bool,
    /// Allows the registry's name, its redirects and its token server to have private addresses.
    pub private_network: bool,
    /// The highest rate of requests, such as `20/s`. Further requests wait.
    pub rate: Option<Rate>,
    /// The most requests that wait for a response at the same time, uploads included. A download in progress does not
    /// count.
    pub concurrency: Option<NonZeroUsize>,
}

/// One account at a registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The name of the account; `<token>` if `password` is an identity token, which is exchanged by OAuth2.
    pub username: String,
    /// The password or access token. `Debug` does not show it.
    pub password: SecretString,
    /// The only repository that it is for, with those below it; `None` for the whole registry.
    #[serde(default, deserialize_with = "namespace")]
    pub namespace: Option<Repository>,
    /// The only one of [`Settings::endpoints`] that sees it; `None` for the registry itself, by its own name.
    #[serde(default)]
    pub endpoint: Option<Url>,
}

impl Credential {
    /// Whether the secret is an identity token: Docker's helpers return it under this name.
    pub(crate) fn is_identity_token(&self) -> bool {
        self.username == "<token>"
    }

    /// Whether the account is for `repository`.
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

/// Why it is unclear which endpoint may see an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountFault {
    /// Some endpoints are not the registry's own, and the account does not name one in `endpoint`.
    #[error("it is not said which endpoint this account is for")]
    EndpointMissing,
    /// The account names an endpoint that is not configured.
    #[error("the `endpoint` of this account is not one of `endpoints`")]
    EndpointUnknown,
}

/// Why the settings of a registry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An endpoint is not the URL of a registry.
    #[error("the endpoint of `{host}` is not usable: {reason}")]
    Endpoint {
        /// The host of the endpoint. The whole URL may hold a password.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is unclear which endpoint may see an account.
    #[error("the account `{username}`: {fault}")]
    Account {
        /// The account's name.
        username: String,
        /// What is unclear.
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
    /// The system's certificates or those of the file cannot be used.
    #[error("TLS cannot be set up")]
    Tls {
        /// Why not.
        #[source]
        source: rustls::Error,
    },
    /// The HTTP client cannot be set up.
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

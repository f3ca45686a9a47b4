//! The configuration of one registry.
//!
//! [`RemoteSettings`] is what the operator writes; [`SettingsError`] says why a
//! [`crate::Remote`] cannot be made of it. Nothing here reads the environment or files.

use std::{num::NonZeroUsize, path::PathBuf};

use serde::Deserialize;
use url::Url;

use crate::{
    credential::Credential,
    links::{
        section::{LinkFault, LinkSettings},
        table::LinkTable,
    },
    quotas::Quotas,
    rate::Rate,
    stored::StoredCredentials,
};

/// How to reach one registry, and with which accounts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteSettings {
    /// The URLs of the registry, tried in order. If empty: `https://<host>`. The hosts named here may use plain
    /// `http://` and private addresses.
    pub endpoints: Vec<Url>,
    /// The accounts: those of the narrowest namespace first, of these the one that has most pulls left, otherwise in this
    /// order. The first is used until it is denied or limited, then the next.
    pub credentials: Vec<Credential>,
    /// Accounts that are stored elsewhere; they come after those of [`RemoteSettings::credentials`].
    #[serde(skip)]
    pub stored: StoredCredentials,
    /// Accounts that are used while there are no others.
    #[serde(skip)]
    pub logins: Vec<Credential>,
    /// What accounts have left of the registry's pulls, known to all who use them.
    #[serde(skip)]
    pub quotas: Quotas,
    /// The pulls that background work leaves to others; `None` is a fifth of what the registry allows.
    #[serde(skip)]
    pub reserve: Option<u64>,
    /// The ways to the registry. Requests are spread over them. If empty, they go the usual way, by the proxies of the
    /// environment, which do not count beside links.
    pub links: Vec<LinkSettings>,
    /// The links that registries share.
    #[serde(skip)]
    pub link_table: LinkTable,
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
    /// A link cannot be used as it is written.
    #[error("the link `{name}`: {fault}")]
    Link {
        /// What it is called.
        name: String,
        /// What is wrong with it.
        fault: LinkFault,
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
        let empty: RemoteSettings = serde_json::from_str("{}").unwrap();
        assert!(empty.endpoints.is_empty() && !empty.insecure && !empty.private_network);
        assert!(serde_json::from_str::<RemoteSettings>(r#"{"endpoint":[]}"#).is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        let text = r#"{"credentials":[{"username":"me","password":"canary"}]}"#;
        let settings: RemoteSettings = serde_json::from_str(text).unwrap();
        let shown = format!("{settings:?}");
        assert!(shown.contains("me") && !shown.contains("canary"), "{shown}");
    }
}

//! Credentials of other registries, and the keys that secrets are sealed with.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{timestamp::Timestamp, words::words};

/// A stored credential, without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    /// Its name.
    pub name: String,
    /// The registry.
    pub registry: String,
    /// The only repository that it is for, with those below it; `null` for the whole registry.
    #[schema(required = true)]
    pub namespace: Option<String>,
    /// The only endpoint of the registry that sees it; `null` for the registry itself.
    #[schema(required = true)]
    pub endpoint: Option<String>,
    /// The name of the account there.
    pub username: String,
    /// Rises with every change, for `If-Match`.
    pub revision: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was changed last.
    pub changed: Timestamp,
}

/// A page of credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialList {
    /// The credentials, in order of their names.
    pub credentials: Vec<Credential>,
    /// Whether more follow: ask again with `last` as the name of the last one.
    pub more: bool,
}

/// A new credential.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    /// Its name; that of the registry and the namespace if left out.
    pub name: Option<String>,
    /// The registry, such as `docker.io`.
    pub registry: String,
    /// The only repository that it is for, with those below it.
    pub namespace: Option<String>,
    /// The only endpoint of the registry that sees it.
    pub endpoint: Option<String>,
    /// The name of the account there.
    pub username: String,
    /// The password or access token. It is never shown again.
    pub password: String,
}

/// The name of a credential that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredCredential {
    /// Its name.
    pub name: String,
}

/// A change of a credential. What is left out stays. What it is for does not change.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialChange {
    /// The new name of the account.
    pub username: Option<String>,
    /// The new password or access token.
    pub password: Option<String>,
}

/// Parameters of the verification of a credential.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CredentialQuery {
    /// A repository of the registry that the account should see.
    pub repository: Option<String>,
}

words! {
    /// What a registry says to a credential.
    CredentialVerdict {
        /// It takes the credential.
        Accepted = "accepted",
        /// It asks nobody for a login, so the credential was not looked at.
        NotRequired = "not-required",
        /// Its name has no address, or one that may not be contacted.
        BadHost = "bad-host",
        /// It does not answer.
        Unreachable = "unreachable",
        /// There is no TLS session, or TLS is spoken at one end only.
        Tls = "tls",
        /// It refuses the credential (401).
        Unauthorized = "unauthorized",
        /// The credential lacks the right (403).
        Forbidden = "forbidden",
        /// The repository is not there, or not for this account (404).
        NotFound = "not-found",
        /// It was asked too often (429).
        Limited = "limited",
        /// It is broken or busy (5xx).
        Failing = "failing",
        /// What answers is no registry.
        NotARegistry = "not-a-registry",
    }
}

words! {
    /// What is asked of the registry, one after another.
    CredentialStep {
        /// Whether it answers, and whether it takes the credential.
        Login = "login",
        /// Whether the repository is there for the account.
        Repository = "repository",
        /// What is left of its budget.
        Budget = "budget",
    }
}

/// What a registry says to a stored credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialVerification {
    /// What it says.
    pub verdict: CredentialVerdict,
    /// The step that it came to.
    pub step: CredentialStep,
    /// The registry's words, or the system's.
    #[schema(required = true)]
    pub detail: Option<String>,
    /// What to do about it.
    #[schema(required = true)]
    pub hint: Option<String>,
    /// What is left of the pulls that the registry allows this account, if it says that.
    #[schema(required = true)]
    pub quota: Option<PullQuota>,
    /// How long the registry wants to be left alone, in seconds.
    #[schema(required = true)]
    pub retry_after: Option<u64>,
}

/// What is left of the pulls that a registry allows an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullQuota {
    /// The pulls in a window.
    pub limit: u64,
    /// Those that remain.
    pub remaining: u64,
    /// The length of the window in seconds, if the registry says it.
    #[schema(required = true)]
    pub window: Option<u64>,
}

/// The keys that secrets are sealed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretsStatus {
    /// The key file; `null` if the key is part of the configuration.
    #[schema(required = true)]
    pub key_file: Option<String>,
    /// The keys, the one that seals first.
    pub keys: Vec<SecretKey>,
}

/// A key, and what is sealed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretKey {
    /// Its id, which is not secret.
    pub id: String,
    /// Whether it seals.
    pub current: bool,
    /// Whether it is here. What is sealed with a key that is not here does not open.
    pub present: bool,
    /// How many values are sealed with it.
    pub values: u64,
}

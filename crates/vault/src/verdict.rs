//! What a registry says to a credential. Pure.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use entrepot_remote::{Credential, Error, NetworkFaultKind, PullQuota};
use secrecy::ExposeSecret;

/// The result of verifying a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// What the registry says.
    pub verdict: CredentialVerdict,
    /// The step that it came to.
    pub step: VerifyStep,
    /// The registry's words, or the system's, without secrets; none if there is nothing to add.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<&'static str>,
    /// What is left of the pulls that the registry allows this account, if it says that.
    pub quota: Option<Quota>,
    /// How long the registry wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// What a registry says to a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialVerdict {
    /// It takes the credential.
    Accepted,
    /// It asks nobody for a login, so the credential was not looked at.
    NotRequired,
    /// Its name has no address, or one that may not be contacted.
    BadHost,
    /// It does not answer.
    Unreachable,
    /// There is no TLS session, or TLS is spoken at one end only.
    Tls,
    /// It refuses the credential (401).
    Unauthorized,
    /// The credential lacks the right (403).
    Forbidden,
    /// The repository is not there, or not for this account (404).
    NotFound,
    /// It was asked too often (429).
    Limited,
    /// It is broken or busy (5xx).
    Failing,
    /// What answers is no registry.
    NotARegistry,
}

/// What is asked of the registry, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyStep {
    /// Whether it answers (`/v2/`), and whether it takes the credential for a token or for a request.
    Login,
    /// Whether the repository is there for the account.
    Repository,
    /// What is left of its budget.
    Budget,
}

/// What is left of the pulls that a registry allows an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The pulls in a window.
    pub limit: u64,
    /// Those that remain.
    pub remaining: u64,
    /// The length of the window, if the registry says it.
    pub window: Option<Duration>,
}

impl CredentialVerdict {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::Denied { status: 403, .. } => Self::Forbidden,
            Error::Denied { status: 401, .. } => Self::Unauthorized,
            Error::Denied { .. } | Error::Invalid(_) => Self::NotARegistry,
            Error::Limited { .. } => Self::Limited,
            Error::Failing { .. } => Self::Failing,
            Error::Unreachable { fault, .. } => match fault.kind() {
                NetworkFaultKind::Dns => Self::BadHost,
                NetworkFaultKind::Tls(_) | NetworkFaultKind::PlainHttp | NetworkFaultKind::NeedsTls => {
                    Self::Tls
                }
                NetworkFaultKind::NotHttp => Self::NotARegistry,
                _ => Self::Unreachable,
            },
            Error::TimedOut | Error::Cut { .. } | Error::UploadBody { .. } => Self::Unreachable,
            Error::Refused(_) => Self::BadHost,
        }
    }

    fn hint(self, step: VerifyStep) -> Option<&'static str> {
        match self {
            Self::Accepted => None,
            Self::NotRequired => {
                Some("name a private repository: `--repository NAME` shows what the account may do there")
            }
            Self::BadHost => Some(
                "look at the spelling; a registry with a private address needs `endpoints` or `private_network` under \
                 `registries` in the configuration",
            ),
            Self::Unreachable => {
                Some("look whether it runs, and whether a firewall or a proxy is in between")
            }
            Self::Tls => Some(
                "name its certificate authority as `ca` under `registries` in the configuration, or write \
                 `endpoints: [\"http://…\"]` for plain HTTP",
            ),
            Self::Unauthorized if step == VerifyStep::Repository => {
                Some("the account may not see this repository: ask its owner, or use another account")
            }
            Self::Unauthorized => Some(
                "look at user name and password; many registries want an access token instead of the password",
            ),
            Self::Forbidden => {
                Some("the account is known and lacks the right: ask the owner of the repository")
            }
            Self::NotFound => {
                Some("look at the spelling; some registries also say this of what the account may not see")
            }
            Self::Limited => Some("wait, or use an account with a higher limit"),
            Self::Failing => Some("try again later"),
            Self::NotARegistry => Some("see what answers there: it may be a login page, or a proxy"),
        }
    }
}

impl Verification {
    /// The result of a step that did not fail.
    pub(crate) fn passed(verdict: CredentialVerdict, step: VerifyStep) -> Self {
        Self { verdict, step, detail: None, hint: verdict.hint(step), quota: None, retry_after: None }
    }

    /// The result of a step that failed. Registries may repeat what they were sent: secrets are taken out.
    pub(crate) fn failed(step: VerifyStep, error: &Error, credential: &Credential) -> Self {
        let verdict = CredentialVerdict::of(error);
        let retry_after = match error {
            Error::Limited { retry_after } | Error::Failing { retry_after, .. } => *retry_after,
            _ => None,
        };
        let detail = Some(without_secrets(&error.reason(), credential));
        let hint = error.hint().or_else(|| verdict.hint(step));
        Self { verdict, step, detail, hint, quota: None, retry_after }
    }
}

impl From<PullQuota> for Quota {
    fn from(PullQuota { limit, remaining, window }: PullQuota) -> Self {
        Self { limit, remaining, window }
    }
}

fn without_secrets(text: &str, credential: &Credential) -> String {
    let password = credential.password.expose_secret();
    let basic = BASE64_STANDARD.encode(format!("{}:{password}", credential.username));
    text.replace(&basic, "***").replace(password, "***")
}

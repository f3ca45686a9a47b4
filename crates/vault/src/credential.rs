//! A credential as somebody gives it to us. Pure.

use std::{fmt, str::FromStr};

use entrepot_oci::{Host, Repository};
use entrepot_remote::{AccountFault, Credential, RemoteSettings};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The longest name, in bytes.
const MAX_NAME: usize = 200;
/// The longest user name and the longest password, in bytes. Some clouds issue tokens of several thousand.
const MAX_USERNAME: usize = 1 << 10;
const MAX_PASSWORD: usize = 64 << 10;

/// The name of a stored credential: printable ASCII without spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CredentialName(String);

/// A new credential for a registry.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Its name; `None` for that of the registry and the namespace.
    pub name: Option<CredentialName>,
    /// The registry.
    pub host: Host,
    /// The account there.
    pub credential: Credential,
}

/// A change of a credential. What is `None` stays. What it is for does not change: a stored secret is never sent anywhere
/// else than to the registry that it was given for.
#[derive(Clone, Debug, Default)]
pub struct CredentialUpdate {
    /// The new name of the account.
    pub username: Option<String>,
    /// The new password.
    pub password: Option<SecretString>,
    /// The revision that the change is for; `None` means any.
    pub revision: Option<i64>,
}

/// What is wrong with a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    /// The name has other characters than printable ones, or is too long.
    #[error("a name has 1 to {MAX_NAME} letters, digits and signs, and no spaces")]
    Name,
    /// The user name is empty or too long, or has a colon or control characters, which Basic authentication cannot send.
    #[error("a user name has 1 to {MAX_USERNAME} characters, and no `:`")]
    Username,
    /// The password is empty or too long.
    #[error("a password has 1 to {MAX_PASSWORD} bytes")]
    Password,
    /// The endpoint is not the URL of a registry, or has a user name or a password in it.
    #[error("the endpoint is not a URL such as `https://registry.example.com`")]
    Endpoint,
    /// It is unclear which endpoint of the registry may see it.
    #[error(transparent)]
    Account(#[from] AccountFault),
    /// The change changes nothing.
    #[error("there is nothing to change: give a `username` or a `password`")]
    NoChange,
    /// The repository to look for is none that the credential is for.
    #[error("the credential is for `{0}` and what is below it")]
    NotCovered(Repository),
}

impl CredentialName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CredentialName {
    type Err = CredentialFault;

    fn from_str(text: &str) -> Result<Self, CredentialFault> {
        let is_good =
            (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_good.then(|| Self(text.to_owned())).ok_or(CredentialFault::Name)
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NewCredential {
    /// Its name, as given or made of the registry and the namespace.
    ///
    /// # Errors
    /// The registry and the namespace are too long for one.
    pub fn name(&self) -> Result<CredentialName, CredentialFault> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        match &self.credential.namespace {
            Some(namespace) => format!("{}/{namespace}", self.host).parse(),
            None => self.host.as_str().parse(),
        }
    }

    /// Checks it beside the settings of its registry.
    pub(crate) fn check(&self, settings: &RemoteSettings) -> Result<(), CredentialFault> {
        let Credential { username, password, endpoint, .. } = &self.credential;
        check_username(username)?;
        check_password(password)?;
        if endpoint.as_ref().is_some_and(|endpoint| !is_endpoint(endpoint)) {
            return Err(CredentialFault::Endpoint);
        }
        settings.fault_of(&self.host, &self.credential).map_or(Ok(()), |fault| Err(fault.into()))
    }
}

impl CredentialUpdate {
    pub(crate) fn check(&self) -> Result<(), CredentialFault> {
        if self.username.is_none() && self.password.is_none() {
            return Err(CredentialFault::NoChange);
        }
        self.username.as_deref().map_or(Ok(()), check_username)?;
        self.password.as_ref().map_or(Ok(()), check_password)
    }
}

fn check_username(text: &str) -> Result<(), CredentialFault> {
    let is_good = (1..=MAX_USERNAME).contains(&text.len())
        && !text.chars().any(|character| character == ':' || character.is_control());
    if is_good { Ok(()) } else { Err(CredentialFault::Username) }
}

fn check_password(password: &SecretString) -> Result<(), CredentialFault> {
    let length = password.expose_secret().len();
    if (1..=MAX_PASSWORD).contains(&length) { Ok(()) } else { Err(CredentialFault::Password) }
}

fn is_endpoint(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(username: &str, password: &str, namespace: Option<&str>, endpoint: Option<&str>) -> NewCredential {
        let credential = Credential {
            username: username.to_owned(),
            password: password.into(),
            namespace: namespace.map(|text| text.parse().unwrap()),
            endpoint: endpoint.map(|text| text.parse().unwrap()),
        };
        NewCredential { name: None, host: "quay.io".parse().unwrap(), credential }
    }

    #[test]
    fn it_is_named_after_what_it_is_for() {
        assert_eq!(new("u", "p", None, None).name().unwrap().as_str(), "quay.io");
        assert_eq!(new("u", "p", Some("a/b"), None).name().unwrap().as_str(), "quay.io/a/b");
        for bad in ["", "a b", "ä", "a\n", &"x".repeat(201)] {
            assert_eq!(bad.parse::<CredentialName>(), Err(CredentialFault::Name), "{bad}");
        }
    }

    // `:` ends the user name in Basic authentication (row 56).
    #[test]
    fn what_no_registry_could_read_is_refused() {
        let here = RemoteSettings {
            endpoints: vec!["https://quay.io".parse().unwrap()],
            ..RemoteSettings::default()
        };
        let mirror = RemoteSettings {
            endpoints: vec!["https://m.test".parse().unwrap()],
            ..RemoteSettings::default()
        };
        for (credential, settings, fault) in [
            (new("u", "p", None, None), &here, None),
            (new("u", "%&\"ö:", None, None), &here, None),
            (new("<token>", "p", None, Some("https://quay.io")), &here, None),
            (new("a:b", "p", None, None), &here, Some(CredentialFault::Username)),
            (new("", "p", None, None), &here, Some(CredentialFault::Username)),
            (new("u", "", None, None), &here, Some(CredentialFault::Password)),
            (new("u", "p", None, Some("https://x:y@quay.io")), &here, Some(CredentialFault::Endpoint)),
            (new("u", "p", None, None), &mirror, Some(AccountFault::EndpointMissing.into())),
            (
                new("u", "p", None, Some("https://o.test")),
                &mirror,
                Some(AccountFault::EndpointUnknown.into()),
            ),
        ] {
            assert_eq!(credential.check(settings).err(), fault, "{credential:?}");
        }
        assert_eq!(CredentialUpdate::default().check(), Err(CredentialFault::NoChange));
    }
}

//! A user name and its secret.

use secrecy::{ExposeSecret as _, SecretString};

/// The user name of a credential whose secret is an identity token, as helpers return it (docker-credential-helpers,
/// README). Such a token is exchanged for others by OAuth2, and is no password.
pub(crate) const IDENTITY_TOKEN: &str = "<token>";

/// An account at a registry and its secret.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The name of the account; `<token>` where the secret is an identity token.
    pub username: String,
    /// Its password or access token. `Debug` does not show it.
    pub password: SecretString,
}

impl Credential {
    /// True if there is neither a name nor a secret: some helpers say in this way that they have none.
    pub(crate) fn is_empty(&self) -> bool {
        self.username.is_empty() && self.password.expose_secret().is_empty()
    }
}

//! A user name and its secret.

use secrecy::SecretString;

// The user name under which helpers return identity tokens.
const IDENTITY_TOKEN: &str = "<token>";

/// An account at a registry and its secret.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The name of the account.
    pub username: String,
    /// Its password or access token. `Debug` does not show it.
    pub password: SecretString,
}

impl Credential {
    /// Whether the secret is an identity token, which only OAuth2 takes.
    pub(crate) fn is_identity_token(&self) -> bool {
        self.username == IDENTITY_TOKEN
    }
}

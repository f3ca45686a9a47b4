//! The secret of a session: id (12) + secret (32), letters and digits.
//!
//! Like that of an API token it is random, so its SHA-256 is all that is stored.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use entrepot_oci::Digest;
use secrecy::{ExposeSecret, SecretString};

use crate::api_token::random;

const ID: usize = 12;
const SECRET: usize = 32;

/// The public part of a session, which names it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Box<str>);

/// What a browser proves a session with. Printing it shows the id only.
pub struct SessionSecret {
    id: SessionId,
    text: SecretString,
}

/// Where and with what a session begins.
#[derive(Clone, Debug, Default)]
pub struct SessionOrigin {
    /// The client's address; `None` if it is not known.
    pub address: Option<IpAddr>,
    /// What the program says that it is (`User-Agent`).
    pub agent: Option<String>,
    /// The request's id, for the audit log.
    pub request_id: Option<String>,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// One that is not used for this long ends.
    pub idle: Duration,
    /// One ends after this, however much it is used.
    pub max_age: Duration,
}

/// The text is not the secret of a session, or the id of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a session")]
pub struct SessionFormError;

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle: Duration::from_secs(12 * 60 * 60), max_age: Duration::from_secs(30 * 24 * 60 * 60) }
    }
}

impl SessionId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = SessionFormError;

    fn from_str(text: &str) -> Result<Self, SessionFormError> {
        let is_id = text.len() == ID && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_id.then(|| Self(text.into())).ok_or(SessionFormError)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl SessionSecret {
    /// A new random one.
    pub(crate) fn generate() -> Self {
        let id = random(ID);
        Self { text: format!("{id}{}", random(SECRET)).into(), id: SessionId(id.into()) }
    }

    /// The id of its session.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The whole text, for the cookie.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// What is stored of it.
    pub(crate) fn hash(&self) -> Digest {
        Digest::of(self.expose().as_bytes())
    }
}

impl FromStr for SessionSecret {
    type Err = SessionFormError;

    fn from_str(text: &str) -> Result<Self, SessionFormError> {
        let is_secret = text.len() == ID + SECRET && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let id = text.get(..ID).filter(|_| is_secret).ok_or(SessionFormError)?;
        Ok(Self { id: SessionId(id.into()), text: text.into() })
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SessionSecret({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_back_and_not_printed() {
        let secret = SessionSecret::generate();
        let read: SessionSecret = secret.expose().parse().unwrap();
        assert_eq!((read.id(), read.hash()), (secret.id(), secret.hash()));
        assert_eq!(format!("{secret:?}"), format!("SessionSecret({})", secret.id()));
        assert_ne!(SessionSecret::generate().hash(), secret.hash());
    }

    #[test]
    fn what_is_no_secret_is_not_looked_up() {
        let secret = SessionSecret::generate();
        let text = secret.expose();
        for bad in ["", &text[..ID], &text[1..], &format!("{text}0"), &"-".repeat(44), &"é".repeat(22)] {
            assert_eq!(bad.parse::<SessionSecret>().unwrap_err(), SessionFormError, "{bad}");
        }
        for bad in ["", "short", text, "0123456789a-"] {
            assert_eq!(bad.parse::<SessionId>(), Err(SessionFormError), "{bad}");
        }
    }
}

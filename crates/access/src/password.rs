//! Passwords: argon2id, on threads of their own.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::hashers::Hashers;
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use secrecy::{ExposeSecret, SecretString};

/// How long a login waits for its hash. Docker gives up after 15 seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The shortest password.
const MIN_LENGTH: usize = 8;
/// The longest password, in bytes: hashing must not become a way to keep the server busy.
const MAX_LENGTH: usize = 1024;

/// Hashes and verifies passwords. Cheap to clone; clones share the threads.
#[derive(Clone)]
pub struct Passwords {
    hashers: Hashers,
    // Verified when an account does not exist, so that the answer takes as long. Hashed with the first login, so that the
    // start does not wait for it.
    nobody: Arc<OnceLock<String>>,
    /// How many passwords were compared with a hash.
    #[cfg(test)]
    pub(crate) comparisons: Arc<std::sync::atomic::AtomicUsize>,
}

/// Why a password is not accepted as a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("a password has at least {MIN_LENGTH} characters")]
    Short,
    /// It is too long.
    #[error("a password has at most {MAX_LENGTH} bytes")]
    Long,
    /// It is the account's name.
    #[error("a password is not the name of its account")]
    Name,
    /// It looks like an API token, which is verified in another way.
    #[error("a password does not begin with `ep_`: API tokens do")]
    Token,
}

/// Too many logins wait for their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many logins at once")]
pub struct Busy;

impl Passwords {
    /// Ready to hash.
    pub fn new() -> Self {
        Self {
            hashers: Hashers::default(),
            nobody: Arc::default(),
            #[cfg(test)]
            comparisons: Arc::default(),
        }
    }

    /// Says whether this may be the new password of the account `name`.
    ///
    /// # Errors
    /// It may not.
    pub fn check(password: &SecretString, name: &str) -> Result<(), PasswordError> {
        let password = password.expose_secret();
        if password.chars().count() < MIN_LENGTH {
            return Err(PasswordError::Short);
        }
        if password.len() > MAX_LENGTH {
            return Err(PasswordError::Long);
        }
        if password.eq_ignore_ascii_case(name) {
            return Err(PasswordError::Name);
        }
        if crate::api_token::ApiToken::is_meant(password) {
            return Err(PasswordError::Token);
        }
        Ok(())
    }

    /// Hashes a new password, as a PHC string.
    ///
    /// # Errors
    /// Too many wait for their turn.
    pub async fn hash(&self, password: SecretString) -> Result<String, Busy> {
        self.in_turn(move || hash(password.expose_secret())).await
    }

    /// True if the password is the one of `stored`, a PHC string. Takes the same time if there is no such account
    /// (`None`).
    ///
    /// # Errors
    /// Too many wait for their turn.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool, Busy> {
        if password.expose_secret().len() > MAX_LENGTH {
            return Ok(false);
        }
        #[cfg(test)]
        self.comparisons.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let nobody = Arc::clone(&self.nobody);
        self.in_turn(move || {
            let nobody = nobody.get_or_init(|| hash("the password of nobody"));
            let exists = stored.is_some();
            let is_right = verify(password.expose_secret(), stored.as_ref().unwrap_or(nobody));
            is_right && exists
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let done = tokio::time::timeout(PATIENCE, self.hashers.run(work)).await;
        done.ok().and_then(Result::ok).ok_or(Busy)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

/// The parameters that OWASP recommends for argon2id: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

fn hash(password: &str) -> String {
    // The parameters and the length are right, so it cannot fail; an empty hash matches no password.
    argon2().hash_password(password.as_bytes()).map(|hash| hash.to_string()).unwrap_or_default()
}

fn verify(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.into()
    }

    #[tokio::test]
    async fn the_right_password_is_the_right_one() {
        let passwords = Passwords::new();
        let stored = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let verify = async |password: &str, stored: Option<&str>| {
            passwords.verify(secret(password), stored.map(str::to_owned)).await.unwrap()
        };
        assert!(verify("correct horse", Some(&stored)).await);
        assert!(!verify("correct horsf", Some(&stored)).await);
        assert!(!verify("", Some(&stored)).await);
        assert!(!verify("correct horse", Some("")).await);
        assert!(!verify("the password of nobody", None).await);
        assert!(!verify(&"x".repeat(MAX_LENGTH + 1), Some(&stored)).await);
        assert_ne!(passwords.hash(secret("correct horse")).await.unwrap(), stored, "salted");
    }

    #[test]
    fn what_may_be_a_password() {
        let check = |password: &str| Passwords::check(&secret(password), "administrator");
        assert_eq!(check("short"), Err(PasswordError::Short));
        assert_eq!(check("密码密码密码密码"), Ok(()));
        assert_eq!(check("Administrator"), Err(PasswordError::Name));
        assert_eq!(check("ep_0123456789"), Err(PasswordError::Token));
        assert_eq!(check(&"a".repeat(MAX_LENGTH + 1)), Err(PasswordError::Long));
    }
}

//! A login that is under way at a provider, bound to the browser that began it.
//!
//! Everything is derived from a random cookie under a key of this process: nothing is kept for logins that nobody
//! finishes. `state` and `nonce` (OpenID Connect Core §3.1.2.1) and the verifier of PKCE (RFC 7636) are three uses of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    constant_time, digest, hmac,
    rand::{SecureRandom, SystemRandom},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entrepot_bounded_cache::BoundedCache;

/// How long a login may take.
const TIME: Duration = Duration::from_secs(600);
/// How many finished logins are remembered, so that none is finished twice.
const REMEMBERED: u64 = 10_000;
/// The longest address to return to, in bytes.
const MAX_RETURN: usize = 256;

/// Begins and finishes logins. The key is random: a restart ends logins that are under way.
pub struct Attempts {
    key: hmac::Key,
    finished: BoundedCache<String, ()>,
}

/// A login that is under way.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingLogin {
    /// What the browser keeps until the login is finished.
    pub cookie: String,
    /// What the provider returns to us.
    pub state: String,
    /// What the ID token must contain.
    pub nonce: String,
    /// What proves to the provider that the same server redeems the code.
    pub verifier: String,
    /// The address here that the browser goes to afterwards, beginning with `/`.
    pub return_to: String,
}

/// Why a login cannot be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttemptError {
    /// Another browser began it, or nobody.
    #[error("this browser did not begin the login")]
    Foreign,
    /// It took too long.
    #[error("the login took too long")]
    Expired,
    /// It was finished before.
    #[error("the login was finished before")]
    Again,
}

impl Attempts {
    /// With a new random key.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?;
        let finished = BoundedCache::of_entries(REMEMBERED).with_lifetime(TIME);
        Ok(Self { key, finished })
    }

    /// Begins a login. An address to return to that is not on this server is left out.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn begin(
        &self,
        return_to: &str,
        now: SystemTime,
    ) -> Result<PendingLogin, aws_lc_rs::error::Unspecified> {
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random)?;
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let random = BASE64_URL_SAFE_NO_PAD.encode(random);
        let return_to = if is_here(return_to) { return_to } else { "/" };
        let cookie = format!("{seconds}.{random}.{}", BASE64_URL_SAFE_NO_PAD.encode(return_to));
        Ok(self.of(cookie, return_to.to_owned()))
    }

    /// Finishes a login, once.
    ///
    /// # Errors
    /// It was not begun by this browser, took too long, or was finished before.
    pub fn finish(&self, cookie: &str, state: &str, now: SystemTime) -> Result<PendingLogin, AttemptError> {
        let expected = self.derived("state", cookie);
        constant_time::verify_slices_are_equal(expected.as_bytes(), state.as_bytes())
            .map_err(|_| AttemptError::Foreign)?;
        // Whoever knows the state has a cookie that we made, so its form is ours.
        let mut parts = cookie.split('.');
        let began = parts.next().and_then(|seconds| seconds.parse().ok()).ok_or(AttemptError::Foreign)?;
        let return_to = parts.nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
        let return_to = return_to.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let age = now.duration_since(UNIX_EPOCH + Duration::from_secs(began)).unwrap_or_default();
        if age > TIME {
            return Err(AttemptError::Expired);
        }
        if !self.finished.insert_new(&state.to_owned(), ()) {
            return Err(AttemptError::Again);
        }
        Ok(self.of(cookie.to_owned(), return_to))
    }

    fn of(&self, cookie: String, return_to: String) -> PendingLogin {
        let [state, nonce, verifier] = ["state", "nonce", "verifier"].map(|use_| self.derived(use_, &cookie));
        PendingLogin { cookie, state, nonce, verifier, return_to }
    }

    fn derived(&self, purpose: &str, cookie: &str) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(purpose.as_bytes());
        context.update(b"\0");
        context.update(cookie.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(context.sign())
    }
}

impl PendingLogin {
    /// What the provider is told of the verifier (RFC 7636 §4.2, `S256`).
    pub(crate) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.verifier.as_bytes()))
    }
}

impl std::fmt::Debug for PendingLogin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Attempt({})", self.return_to)
    }
}

// `//host` and `/\host` lead elsewhere in a browser.
fn is_here(address: &str) -> bool {
    address.len() <= MAX_RETURN
        && address.starts_with('/')
        && !address[1..].starts_with(['/', '\\'])
        && address.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(attempts: &Attempts, return_to: &str) -> PendingLogin {
        attempts.begin(return_to, SystemTime::now()).unwrap()
    }

    // Row 79: a replayed state is refused, and so is one of another browser.
    #[test]
    fn a_login_is_finished_once_by_the_browser_that_began_it() {
        let attempts = Attempts::new().unwrap();
        let (mine, other) = (begun(&attempts, "/login/device?code=X"), begun(&attempts, "/"));
        let finish = |cookie: &str, state: &str, at| {
            attempts.finish(cookie, state, at).map(|attempt| attempt.return_to)
        };
        let now = SystemTime::now();
        assert_eq!(finish(&mine.cookie, &other.state, now), Err(AttemptError::Foreign));
        assert_eq!(finish("", "", now), Err(AttemptError::Foreign));
        assert_eq!(finish(&mine.cookie, &mine.state, now + TIME * 2), Err(AttemptError::Expired));
        assert_eq!(finish(&mine.cookie, &mine.state, now), Ok("/login/device?code=X".to_owned()));
        assert_eq!(finish(&mine.cookie, &mine.state, now), Err(AttemptError::Again));
        let restarted = Attempts::new().unwrap();
        assert_eq!(restarted.finish(&other.cookie, &other.state, now), Err(AttemptError::Foreign));
    }

    #[test]
    fn what_is_derived_differs_and_is_the_same_at_the_end() {
        let attempts = Attempts::new().unwrap();
        let begun = begun(&attempts, "/");
        assert!(begun.state != begun.nonce && begun.nonce != begun.verifier);
        assert!((43..=128).contains(&begun.verifier.len()), "RFC 7636 §4.1");
        assert_eq!(attempts.finish(&begun.cookie, &begun.state, SystemTime::now()), Ok(begun));
    }

    #[test]
    fn nobody_is_sent_elsewhere_afterwards() {
        let attempts = Attempts::new().unwrap();
        for elsewhere in
            ["https://evil.example/", "//evil.example", "/\\evil.example", "", "x", "/a b", "/\r\nx"]
        {
            assert_eq!(begun(&attempts, elsewhere).return_to, "/", "{elsewhere:?}");
        }
        assert_eq!(begun(&attempts, "/sync?x=1").return_to, "/sync?x=1");
    }
}

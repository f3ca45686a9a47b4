//! Logins of programs that have no browser (RFC 8628): the program shows a code, and a person who is logged in confirms it.
//!
//! Kept in memory: a restart ends logins that nobody has confirmed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use entrepot_bounded_cache::BoundedCache;
use entrepot_oci::Digest;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{api_token::random, name::AccountName};

/// How long a login may take.
pub(crate) const TIME: Duration = Duration::from_secs(600);
/// How often a program may ask.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
/// How many logins are under way at most; the oldest give way.
const MANY: u64 = 1_000;
/// No vowels, so no words; nothing that looks like something else (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Length of the code that people compare.
const CODE: usize = 8;
/// Length of the code that the program keeps.
const DEVICE_CODE: usize = 40;
/// The longest name of a program, in characters.
const MAX_CLIENT: usize = 64;

/// What a program is told.
#[derive(Debug)]
pub struct DeviceLogin {
    /// What it asks with. Secret.
    pub device_code: SecretString,
    /// What it shows.
    pub user_code: String,
    /// How long there is to confirm it.
    pub expires_in: Duration,
    /// How often it may ask.
    pub interval: Duration,
}

/// What a person is shown before they confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRequest {
    /// What the program calls itself.
    pub client: String,
    /// The address that it asked from.
    pub address: Option<String>,
}

/// Why a program has no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Nobody has confirmed it yet.
    #[error("nobody has confirmed the login yet")]
    Pending,
    /// It asks too often.
    #[error("ask less often")]
    SlowDown,
    /// Somebody refused it.
    #[error("the login was refused")]
    Denied,
    /// It took too long, was used up, or there never was one.
    #[error("the login is over: begin again")]
    Expired,
}

/// The logins that are under way.
pub(crate) struct DeviceLogins {
    by_code: BoundedCache<Digest, Arc<Pending>>,
    by_user_code: BoundedCache<String, Digest>,
}

struct Pending {
    user_code: String,
    request: DeviceRequest,
    state: Mutex<AuthorizationState>,
}

struct AuthorizationState {
    decision: Option<Decision>,
    asked: Option<Instant>,
}

/// What a person decided.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    Approved(AccountName),
    Denied,
}

impl DeviceLogins {
    pub(crate) fn new() -> Self {
        Self {
            by_code: BoundedCache::of_entries(MANY).with_lifetime(TIME),
            by_user_code: BoundedCache::of_entries(MANY).with_lifetime(TIME),
        }
    }

    /// Begins a login; `None` if the system has no random bytes.
    pub(crate) fn begin(&self, client: &str, address: Option<String>) -> Option<DeviceLogin> {
        let device_code = SecretString::from(random(DEVICE_CODE));
        let user_code = user_code()?;
        let hash = Digest::of(device_code.expose_secret().as_bytes());
        let plain = |letter: char| if letter.is_control() { '?' } else { letter };
        let client: String = client.chars().take(MAX_CLIENT).map(plain).collect();
        let pending = Pending {
            user_code: user_code.clone(),
            request: DeviceRequest { client, address },
            state: Mutex::new(AuthorizationState { decision: None, asked: None }),
        };
        self.by_user_code.insert(user_code.clone(), hash);
        self.by_code.insert(hash, Arc::new(pending));
        Some(DeviceLogin { device_code, user_code: shown(&user_code), expires_in: TIME, interval: INTERVAL })
    }

    /// The login with the code that a person typed.
    pub(crate) fn request(&self, typed: &str) -> Option<DeviceRequest> {
        let pending = self.pending(typed)?;
        let is_open = locked(&pending.state).decision.is_none();
        is_open.then(|| pending.request.clone())
    }

    /// Decides about a login, once.
    pub(crate) fn decide(&self, typed: &str, decision: Decision) -> Result<DeviceRequest, DeviceError> {
        let pending = self.pending(typed).ok_or(DeviceError::Expired)?;
        let mut state = locked(&pending.state);
        if state.decision.is_some() {
            return Err(DeviceError::Expired);
        }
        state.decision = Some(decision);
        Ok(pending.request.clone())
    }

    /// Asks for what was decided. What was decided is told once.
    pub(crate) fn poll(
        &self,
        device_code: &SecretString,
        now: Instant,
    ) -> Result<ApprovedLogin, DeviceError> {
        let hash = Digest::of(device_code.expose_secret().as_bytes());
        let pending = self.by_code.get(&hash).ok_or(DeviceError::Expired)?;
        let mut state = locked(&pending.state);
        match state.decision.clone() {
            None => {
                let is_early = state.asked.is_some_and(|at| now.duration_since(at) < INTERVAL);
                state.asked = Some(now);
                Err(if is_early { DeviceError::SlowDown } else { DeviceError::Pending })
            }
            Some(decision) => {
                self.by_code.remove(&hash);
                self.by_user_code.remove(&pending.user_code);
                match decision {
                    Decision::Denied => Err(DeviceError::Denied),
                    Decision::Approved(account) => {
                        Ok(ApprovedLogin { account, client: pending.request.client.clone() })
                    }
                }
            }
        }
    }

    fn pending(&self, typed: &str) -> Option<Arc<Pending>> {
        let letters = typed.bytes().filter(u8::is_ascii_alphabetic).map(|byte| byte.to_ascii_uppercase());
        let code: String = letters.map(char::from).collect();
        self.by_code.get(&self.by_user_code.get(&code)?)
    }
}

/// A login that somebody approved.
#[derive(Debug)]
pub(crate) struct ApprovedLogin {
    pub(crate) account: AccountName,
    pub(crate) client: String,
}

// A panic elsewhere does not take the lock away.
fn locked(state: &Mutex<AuthorizationState>) -> MutexGuard<'_, AuthorizationState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn user_code() -> Option<String> {
    let mut code = String::with_capacity(CODE);
    let mut byte = [0];
    while code.len() < CODE {
        SystemRandom::new().fill(&mut byte).ok()?;
        // 240 is the largest multiple of 20 in a byte.
        if byte[0] < 240 {
            code.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
        }
    }
    Some(code)
}

/// `BCDFGHJK` as `BCDF-GHJK`.
fn shown(code: &str) -> String {
    let (first, second) = code.split_at(CODE / 2);
    format!("{first}-{second}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(logins: &DeviceLogins) -> DeviceLogin {
        logins.begin("entrepot on\nlaptop", Some("10.0.0.7".to_owned())).unwrap()
    }

    fn alice() -> Decision {
        Decision::Approved("alice".parse().unwrap())
    }

    #[test]
    fn a_login_is_confirmed_by_its_code_and_told_once() {
        let (logins, now) = (DeviceLogins::new(), Instant::now());
        let (mine, other) = (begun(&logins), begun(&logins));
        let poll = |login: &DeviceLogin, at| {
            logins.poll(&login.device_code, at).map(|approved| approved.account.to_string())
        };
        assert_eq!(poll(&mine, now), Err(DeviceError::Pending));
        assert_eq!(poll(&mine, now), Err(DeviceError::SlowDown));
        assert_eq!(poll(&mine, now + INTERVAL), Err(DeviceError::Pending));
        let typed = mine.user_code.to_lowercase().replace('-', " ");
        let request = logins.request(&typed).unwrap();
        assert_eq!(
            (request.client.as_str(), request.address.as_deref()),
            ("entrepot on?laptop", Some("10.0.0.7"))
        );
        logins.decide(&typed, alice()).unwrap();
        assert_eq!(logins.decide(&typed, Decision::Denied), Err(DeviceError::Expired), "decided already");
        assert_eq!(logins.request(&typed), None);
        assert_eq!(poll(&mine, now), Ok("alice".to_owned()));
        assert_eq!(poll(&mine, now), Err(DeviceError::Expired));
        assert_eq!(poll(&other, now), Err(DeviceError::Pending), "the other one is not confirmed");
    }

    #[test]
    fn a_refusal_ends_it() {
        let (logins, now) = (DeviceLogins::new(), Instant::now());
        let login = begun(&logins);
        logins.decide(&login.user_code, Decision::Denied).unwrap();
        assert_eq!(logins.poll(&login.device_code, now).unwrap_err(), DeviceError::Denied);
        assert_eq!(logins.poll(&login.device_code, now).unwrap_err(), DeviceError::Expired);
        for wrong in ["", "BCDF-GHJ", "0000-0000"] {
            assert_eq!(logins.decide(wrong, alice()).unwrap_err(), DeviceError::Expired, "{wrong}");
        }
        assert_eq!(logins.poll(&"x".into(), now).unwrap_err(), DeviceError::Expired);
    }
}

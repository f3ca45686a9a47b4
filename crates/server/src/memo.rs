//! The credentials that a connection sent last, and what came of them.
//!
//! Clients send the same ones with every request of a connection. Finding out again whose they are, with a signature or a
//! look-up, would cost more than a warm answer.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use http::HeaderValue;

use crate::sender::Sender;

/// The longest time that an outcome counts: what expires by the clock must do so, and last uses are to be written down.
const LONGEST: Duration = Duration::from_secs(60);

/// The last credentials of one connection. It is nearly always used by one request at a time; whoever meets another one
/// here does not wait for it.
#[derive(Default)]
pub(crate) struct Memo(Mutex<Option<Known>>);

struct Known {
    sent: HeaderValue,
    /// That of the accounts when this was found out.
    generation: u64,
    ends: Instant,
    sender: Sender,
}

/// When something is known.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// The generation of the accounts.
    pub(crate) generation: u64,
    pub(crate) now: Instant,
}

impl Memo {
    /// Who sent these credentials, if that is known and nothing has changed since.
    pub(crate) fn recall(&self, sent: &HeaderValue, at: Moment) -> Option<Sender> {
        let known = self.0.try_lock().ok()?;
        let known = known.as_ref()?;
        let counts = known.generation == at.generation && at.now < known.ends && known.sent == *sent;
        counts.then(|| known.sender.clone())
    }

    /// Remembers who sent these credentials, for `lifetime` at most. `at` is before that was looked up.
    pub(crate) fn remember(
        &self,
        sent: &HeaderValue,
        sender: &Sender,
        at: Moment,
        lifetime: Option<Duration>,
    ) {
        let Ok(mut known) = self.0.try_lock() else { return };
        let ends = at.now + lifetime.unwrap_or(LONGEST).min(LONGEST);
        // What a warm request counts references to belongs to this connection alone.
        let sender = Sender { principal: sender.principal.apart(), credentials: sender.credentials.clone() };
        *known = Some(Known { sent: sent.clone(), generation: at.generation, ends, sender });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use entrepot_access::{Account, Carries, Identity, Principal, Role};

    use super::*;

    #[test]
    fn connections_share_no_account() {
        let account = Account { id: 1, name: "alice".parse().unwrap(), role: Role::User, groups: Vec::new() };
        let shared = Arc::new(account);
        let principal = Principal { identity: Identity::Account(Arc::clone(&shared)), carries: Carries::All };
        let (memo, sent) = (Memo::default(), HeaderValue::from_static("Bearer 1"));
        let at = Moment { generation: 0, now: Instant::now() };
        memo.remember(&sent, &Sender::accepted(principal.clone()), at, None);
        let known = memo.recall(&sent, at).unwrap();
        assert_eq!(known.principal, principal);
        drop(principal);
        assert_eq!(Arc::strong_count(&shared), 1, "nothing that is kept refers to it");
    }

    #[test]
    fn it_knows_the_last_credentials_until_something_changes() {
        let (memo, now) = (Memo::default(), Instant::now());
        let at = |generation, seconds| Moment { generation, now: now + Duration::from_secs(seconds) };
        let (one, two) = (HeaderValue::from_static("Bearer 1"), HeaderValue::from_static("Bearer 2"));
        let sender = Sender::accepted(Principal::OWNER);
        assert!(memo.recall(&one, at(0, 0)).is_none());
        memo.remember(&one, &sender, at(0, 0), None);
        assert_eq!(memo.recall(&one, at(0, 59)).unwrap().principal, Principal::OWNER);
        assert!(memo.recall(&one, at(0, 60)).is_none(), "last uses are written down");
        assert!(memo.recall(&one, at(1, 0)).is_none(), "an account has changed");
        assert!(memo.recall(&two, at(0, 0)).is_none());
        memo.remember(&two, &sender, at(1, 0), Some(Duration::from_secs(5)));
        assert!(memo.recall(&two, at(1, 4)).is_some());
        assert!(memo.recall(&two, at(1, 5)).is_none(), "the token has expired");
        assert!(memo.recall(&one, at(1, 0)).is_none(), "one is enough");
        memo.remember(&one, &sender, at(1, 0), Some(Duration::from_secs(500)));
        assert!(memo.recall(&one, at(1, 60)).is_none());
    }
}

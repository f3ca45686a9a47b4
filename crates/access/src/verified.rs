//! Passwords that were verified a short time ago, so that a client that sends Basic credentials with every request costs
//! one hash and not hundreds.

use std::time::Duration;

use aws_lc_rs::hmac;
use entrepot_bounded_cache::BoundedCache;
use uuid::Uuid;

/// How long a verified password counts without being hashed again.
const FOR: Duration = Duration::from_secs(120);
/// How many are remembered.
const MANY: u64 = 10_000;

/// Verified pairs of account and password. Only successes are remembered, under a key of this process, and bound to the
/// hash in the catalog: after a change of the password the entry fits no more.
pub(crate) struct VerifiedPasswords {
    key: hmac::Key,
    known: BoundedCache<Vec<u8>, ()>,
}

impl VerifiedPasswords {
    pub(crate) fn new() -> Self {
        // 244 random bits of the system. The source of random bytes of aws-lc measures jitter at its first use, which was
        // two thirds of the work of a start.
        let random = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random);
        Self { key, known: BoundedCache::of_entries(MANY).with_lifetime(FOR) }
    }

    pub(crate) fn knows(&self, stored: &str, password: &str) -> bool {
        self.known.contains_key(&self.tag(stored, password))
    }

    pub(crate) fn add(&self, stored: &str, password: &str) {
        self.known.insert(self.tag(stored, password), ());
    }

    pub(crate) fn forget_all(&self) {
        self.known.clear();
    }

    // A stored hash has its salt, so it stands for one account.
    pub(crate) fn tag(&self, stored: &str, password: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(stored.len() as u64).to_le_bytes());
        context.update(stored.as_bytes());
        context.update(password.as_bytes());
        context.sign().as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_known_as_it_was_verified() {
        let verified = VerifiedPasswords::new();
        verified.add("$argon2id$a", "secret");
        assert!(verified.knows("$argon2id$a", "secret"));
        assert!(!verified.knows("$argon2id$b", "secret"), "changed since");
        assert!(!verified.knows("$argon2id$a", "secre"));
        assert!(!verified.knows("$argon2id$as", "ecret"));
        verified.forget_all();
        assert!(!verified.knows("$argon2id$a", "secret"));
    }
}

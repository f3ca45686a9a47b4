//! What is answered to an ACME server that looks whether a name is ours.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use crate::name::Name;

/// A certificate that answers TLS-ALPN-01, and its key, both DER.
#[derive(Clone, PartialEq, Eq)]
pub struct AlpnCertificate {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// Its private key, in PKCS #8.
    pub key: Vec<u8>,
}

/// The answers to the challenges of an order in progress; without one there are none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Challenges(Arc<RwLock<Answers>>);

impl fmt::Debug for Challenges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Challenges").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Answers {
    http: HashMap<String, String>,
    tls: HashMap<Name, AlpnCertificate>,
}

impl Challenges {
    /// The certificate for a client that asks for `name` with the protocol `acme-tls/1`.
    pub fn tls(&self, name: &str) -> Option<AlpnCertificate> {
        let name = Name::parse(name)?;
        self.0.read().unwrap_or_else(PoisonError::into_inner).tls.get(&name).cloned()
    }

    /// The answer at `/.well-known/acme-challenge/TOKEN`.
    pub(crate) fn http(&self, token: &str) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).http.get(token).cloned()
    }

    pub(crate) fn answer_http(&self, token: String, answer: String) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).http.insert(token, answer);
    }

    pub(crate) fn answer_tls(&self, name: Name, answer: AlpnCertificate) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).tls.insert(name, answer);
    }

    /// Takes all answers back when the order has ended, however it ends.
    pub(crate) fn for_one_order(&self) -> OneOrder<'_> {
        OneOrder(self)
    }
}

/// Takes all answers back when it is dropped.
pub(crate) struct OneOrder<'a>(&'a Challenges);

impl Drop for OneOrder<'_> {
    fn drop(&mut self) {
        *self.0.0.write().unwrap_or_else(PoisonError::into_inner) = Answers::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_live_as_long_as_their_order() {
        let challenges = Challenges::default();
        let answer = AlpnCertificate { certificate: vec![1], key: vec![2] };
        let order = challenges.for_one_order();
        challenges.answer_http("token".to_owned(), "token.thumb".to_owned());
        challenges.answer_tls(Name::parse("a.example.com").unwrap(), answer.clone());
        assert_eq!(challenges.http("token").as_deref(), Some("token.thumb"));
        assert!(challenges.tls("A.example.com") == Some(answer));
        assert!(challenges.tls("b.example.com").is_none() && challenges.http("other").is_none());
        drop(order);
        assert!(challenges.tls("a.example.com").is_none() && challenges.http("token").is_none());
    }
}

//! A request of the registry API whose name leads somewhere, as its handlers see it.

use entrepot_mirror::{Asked, Mirror, Target};
use entrepot_oci::Name;
use http::HeaderMap;

use crate::{policy::Policy, principal::Principal, wire::lending::Lending};

/// A request whose name leads somewhere.
pub(super) struct Ask<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a str,
    /// The name as it was asked for; addresses in the answer are made with it.
    pub(super) name: &'a Name,
    pub(super) target: &'a Target,
    pub(super) asked: Asked<'a>,
    pub(super) principal: Principal,
    pub(super) policy: &'a Policy,
    pub(super) lending: Option<&'a Lending>,
}

impl Ask<'_> {
    /// An address below the name.
    pub(super) fn address(&self, rest: std::fmt::Arguments<'_>) -> String {
        format!("/v2/{}/{rest}", self.name)
    }
}

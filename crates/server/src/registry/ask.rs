//! A registry API request with its resolved name, as handlers see it.

use entrepot_mirror::{Asked, Mirror, Target};
use entrepot_oci::Name;
use http::HeaderMap;

use crate::{origin::Origin, sender::Sender, state::State, wire::lending::Lending};

/// A request with its resolved name.
pub(super) struct Ask<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a str,
    /// The name as the client wrote it; used for addresses in the response.
    pub(super) name: &'a Name,
    pub(super) target: &'a Target,
    pub(super) asked: Asked<'a>,
    pub(super) sender: &'a Sender,
    pub(super) state: &'a State,
    pub(super) origin: &'a Origin<'a>,
    pub(super) lending: Option<&'a Lending>,
}

impl Ask<'_> {
    /// Makes an address below the name.
    pub(super) fn address(&self, rest: std::fmt::Arguments<'_>) -> String {
        format!("/v2/{}/{rest}", self.name)
    }
}

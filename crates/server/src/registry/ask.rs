//! A registry API request with its resolved name, as handlers see it.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use entrepot_mirror::{Asked, Mirror, Target};
use entrepot_oci::Name;
use http::HeaderMap;

use crate::{
    client::Client,
    origin::Origin,
    rule_admission::{Pulled, Ruled},
    sender::Sender,
    state::State,
    wire::lending::Lending,
};

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
    pub(super) ruled: &'a Ruled,
}

impl Ask<'_> {
    /// The repository that is pulled, for the rules.
    pub(super) fn pulled(&self) -> Pulled<'_> {
        Pulled { key: &self.target.key, ruled: self.ruled }
    }

    /// Tells clients apart, to count whether many want an image or one wants it many times.
    pub(super) fn puller(&self) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(Client::at(self.origin.client()))
    }

    /// Makes an address below the name.
    pub(super) fn address(&self, rest: std::fmt::Arguments<'_>) -> String {
        format!("/v2/{}/{rest}", self.name)
    }
}

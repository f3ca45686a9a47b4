//! A registry API request with its resolved name, as handlers see it.

use std::hash::BuildHasher as _;

use entrepot_access::{Principal, Verb, Visibility};
use entrepot_mirror::{AnonymousAccess, Mirror, Probe, RegistryHint, ResolvedRepository};
use entrepot_oci::Name;
use foldhash::fast::FixedState;
use http::HeaderMap;

use crate::{
    client::Client,
    limits::LimitedClient,
    origin::Origin,
    pullers::Puller,
    rule_admission::{PulledRepository, RuledRepository},
    sender::Sender,
    state::ServerState,
    wire::lending::Lending,
};

/// A request with its resolved name.
pub(super) struct Ask<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a str,
    /// The name as the client wrote it; used for addresses in the response.
    pub(super) name: &'a Name,
    pub(super) target: &'a ResolvedRepository,
    pub(super) asked: RegistryHint<'a>,
    pub(super) sender: &'a Sender,
    pub(super) state: &'a ServerState,
    pub(super) origin: &'a Origin<'a>,
    pub(super) lending: Option<&'a Lending>,
    pub(super) ruled: &'a RuledRepository,
}

impl Ask<'_> {
    /// The repository that is pulled, for the rules.
    pub(super) fn pulled(&self) -> PulledRepository<'_> {
        PulledRepository { key: &self.target.key, ruled: self.ruled }
    }

    /// Whom limits are asked about.
    pub(super) fn asker(&self) -> LimitedClient<'_> {
        LimitedClient { principal: &self.sender.principal, address: self.origin.client() }
    }

    /// Who pulls.
    pub(super) fn puller(&self) -> Puller<'_> {
        Puller { principal: &self.sender.principal, address: self.origin.client() }
    }

    /// True if anybody may pull from the repository, as far as is known without asking.
    pub(super) fn is_for_anybody(&self, probe: Probe<'_>) -> bool {
        let Some(access) = &self.state.access else { return true };
        let (key, rules) = (&self.target.key, access.rules());
        let full = key.to_string();
        let visibility = match self.mirror.known_verdict(key, probe) {
            Some(AnonymousAccess::Public) => rules.visibility(&full),
            Some(AnonymousAccess::Private) | None => Visibility::Private,
        };
        rules.rights(&Principal::ANONYMOUS, &full, visibility).has(Verb::Pull)
    }

    /// Tells clients apart, to count whether many want an image or one wants it many times.
    pub(super) fn client_key(&self) -> u64 {
        FixedState::default().hash_one(Client::at(self.origin.client()))
    }

    /// Makes an address below the name.
    pub(super) fn address(&self, rest: std::fmt::Arguments<'_>) -> String {
        format!("/v2/{}/{rest}", self.name)
    }
}

//! A request as handlers see it.

use http::request::Parts;

use crate::{
    host::Unclear, ids::RequestId, incoming::Upload, metrics::RouteKind, origin::Origin, peer::Peer,
    rule_admission::RuledRepository, sender::Sender, state::ServerState,
};

/// A request as handlers see it.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a ServerState,
    pub(crate) peer: &'a Peer,
    pub(crate) head: &'a Parts,
    /// The host that the request names.
    pub(crate) host: Result<Option<&'a str>, Unclear>,
    /// The sender.
    pub(crate) sender: &'a Sender,
    pub(crate) body: &'a mut Upload,
    /// The kind of address, set once it is known.
    pub(crate) kind: &'a mut RouteKind,
    pub(crate) id: &'a RequestId,
    /// What the rules allowed last to this connection.
    pub(crate) ruled: &'a RuledRepository,
}

impl<'a> Call<'a> {
    pub(crate) fn path(&self) -> &'a str {
        self.head.uri.path()
    }

    pub(crate) fn query(&self) -> &'a str {
        self.head.uri.query().unwrap_or_default()
    }

    /// The address of this server as the client sees it.
    pub(crate) fn origin(&self) -> Origin<'a> {
        let (address, headers) = (self.peer.address(), &self.head.headers);
        Origin { front: &self.state.front, address, headers, host: self.host() }
    }

    /// The host that the request names. Ambiguous requests were not admitted.
    pub(crate) fn host(&self) -> Option<&'a str> {
        self.host.ok().flatten()
    }
}

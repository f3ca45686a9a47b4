//! State shared by all requests. All of it is given when the server is bound.

use entrepot_mirror::Mirror;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::{
    answers::Answers,
    host::Hosts,
    local::Local,
    metrics::Metrics,
    patience::{Patience, Shortage},
    policy::Policy,
    principal::ApiToken,
    sync::service::SyncService,
};

/// What a server is put together from.
pub struct Parts {
    /// What answers pulls and takes pushes.
    pub mirror: Mirror,
    /// What runs rules. Without it there are no pages, API and events of syncs.
    pub sync: Option<SyncService>,
    /// What lets others than programs on this machine change something.
    pub token: Option<ApiToken>,
    /// Who may do what below `/v2/`.
    pub policy: Policy,
    /// What `/metrics` shows.
    pub registry: Registry,
    /// What the server counts; it should be on `registry`.
    pub metrics: Metrics,
}

/// What every request needs.
pub(crate) struct State {
    pub(crate) mirror: Mirror,
    /// What runs rules, where there is such a thing.
    pub(crate) sync: Option<SyncService>,
    pub(crate) token: Option<ApiToken>,
    pub(crate) policy: Policy,
    pub(crate) registry: Registry,
    /// The hosts that we answer to.
    pub(crate) hosts: Hosts,
    /// Whether this machine counts as its owner.
    pub(crate) local: Local,
    /// What is short at the moment.
    pub(crate) shortage: Shortage,
    /// The answers on their way to clients.
    pub(crate) answers: Answers,
    pub(crate) metrics: Metrics,
    /// Cancelled when no more requests are wanted.
    pub(crate) draining: CancellationToken,
}

/// Whom to believe and how long to wait, which follows from where we listen.
pub(crate) struct Terms {
    pub(crate) hosts: Hosts,
    pub(crate) local: Local,
    pub(crate) patience: Patience,
}

impl State {
    pub(crate) fn new(parts: Parts, terms: Terms) -> Self {
        let Parts { mirror, sync, token, policy, registry, metrics } = parts;
        let Terms { hosts, local, patience } = terms;
        let (answers, shortage) = (Answers::new(mirror.budget().clone()), Shortage::none(patience));
        let draining = CancellationToken::new();
        Self { mirror, sync, token, policy, registry, hosts, local, shortage, answers, metrics, draining }
    }
}

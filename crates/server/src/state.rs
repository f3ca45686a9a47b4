//! State shared by all requests. All of it is given when the server is bound.

use entrepot_access::{Access, Networks};
use entrepot_keep::Keeper;
use entrepot_library::Library;
use entrepot_mirror::Mirror;
use entrepot_requests::Requests;
use entrepot_vault::Vault;
use entrepot_webhooks::Webhooks;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::{
    answers::Answers,
    host::Hosts,
    limits::LimitsInForce,
    local::Local,
    login_provider::LoginProvider,
    metrics::ServerMetrics,
    modes_in_force::ModesInForce,
    origin::Front,
    patience::{Patience, ResourceShortage},
    policy::Policy,
    rules_in_force::RulesInForce,
    sender::ApiToken,
    service_notice::ServiceNotice,
    sync::{listeners::Listeners, service::SyncService},
    top::Top,
};

/// The parts of a server.
pub struct ServerParts {
    /// Answers pulls and takes pushes.
    pub mirror: Mirror,
    /// Runs sync rules. Without it there are no sync pages, API or events.
    pub sync: Option<SyncService>,
    /// The secret that authorizes changes from elsewhere than this machine.
    pub token: Option<ApiToken>,
    /// Accounts and their rights. Without it, everybody may do everything below `/v2/`.
    pub access: Option<Access>,
    /// The stored credentials of other registries.
    pub vault: Option<Vault>,
    /// The image library.
    pub library: Option<Library>,
    /// Images that people ask for. Without it nobody can.
    pub requests: Option<Requests>,
    /// Runs keep lists. Without it there are none.
    pub keeper: Option<Keeper>,
    /// What other servers are told of.
    pub webhooks: Option<Webhooks>,
    /// What may be pulled from upstreams.
    pub rules: RulesInForce,
    /// What is on offer.
    pub modes: ModesInForce,
    /// How much clients may have.
    pub limits: LimitsInForce,
    /// What the operator says to everybody.
    pub notice: ServiceNotice,
    /// The images and clients that are served most; its gauges should be on `registry`.
    pub top: Top,
    /// Refuses what is allowed below `/v2/`, such as by limits.
    pub policy: Policy,
    /// The registry behind `/metrics`.
    pub registry: Registry,
    /// The server's counters; they should be on `registry`.
    pub metrics: ServerMetrics,
}

/// State shared by all requests.
pub(crate) struct ServerState {
    pub(crate) mirror: Mirror,
    /// Runs sync rules, if configured.
    pub(crate) sync: Option<SyncService>,
    pub(crate) token: Option<ApiToken>,
    pub(crate) access: Option<Access>,
    pub(crate) vault: Option<Vault>,
    pub(crate) library: Option<Library>,
    pub(crate) requests: Option<Requests>,
    pub(crate) keeper: Option<Keeper>,
    pub(crate) webhooks: Option<Webhooks>,
    pub(crate) rules: RulesInForce,
    pub(crate) modes: ModesInForce,
    pub(crate) limits: LimitsInForce,
    pub(crate) notice: ServiceNotice,
    pub(crate) top: Top,
    pub(crate) policy: Policy,
    pub(crate) registry: Registry,
    /// The hosts that we serve.
    pub(crate) hosts: Hosts,
    /// Tracks whether a local address counts as proof.
    pub(crate) local: Local,
    /// What stands in front of this server.
    pub(crate) front: Front,
    /// Who may read the metrics without a login.
    pub(crate) metrics_readers: Networks,
    /// Ways to log in besides a password.
    pub(crate) login_providers: Vec<LoginProvider>,
    /// The resources that are short at the moment.
    pub(crate) shortage: ResourceShortage,
    /// The response bodies in flight.
    pub(crate) answers: Answers,
    pub(crate) metrics: ServerMetrics,
    /// Who follows pulls.
    pub(crate) listeners: Listeners,
    /// Cancelled when the server takes no more requests.
    pub(crate) draining: CancellationToken,
}

/// Trust settings and timeouts, derived from the listen address.
pub(crate) struct ServerTerms {
    pub(crate) hosts: Hosts,
    pub(crate) local: Local,
    pub(crate) patience: Patience,
    pub(crate) front: Front,
    pub(crate) metrics_readers: Networks,
    pub(crate) login_providers: Vec<LoginProvider>,
}

impl ServerState {
    pub(crate) fn new(parts: ServerParts, terms: ServerTerms) -> Self {
        let ServerParts {
            mirror,
            sync,
            token,
            access,
            vault,
            library,
            requests,
            keeper,
            webhooks,
            rules,
            modes,
            limits,
            notice,
            top,
            policy,
            registry,
            metrics,
        } = parts;
        let ServerTerms { hosts, local, patience, front, metrics_readers, login_providers } = terms;
        let (answers, shortage) = (Answers::new(mirror.budget().clone()), ResourceShortage::none(patience));
        let draining = CancellationToken::new();
        Self {
            mirror,
            sync,
            token,
            access,
            vault,
            library,
            requests,
            keeper,
            webhooks,
            rules,
            modes,
            limits,
            notice,
            top,
            policy,
            registry,
            hosts,
            local,
            front,
            metrics_readers,
            login_providers,
            shortage,
            answers,
            metrics,
            listeners: Listeners::default(),
            draining,
        }
    }
}

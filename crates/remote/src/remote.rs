//! [`Remote`]: one registry and what its requests share: links, connections, accounts, tokens, health and limits.
//!
//! Its operations are in the modules named after them.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entrepot_egress::{Exemptions, Gate, Proxies};
use entrepot_oci::Host;
use tokio::sync::Semaphore;
use url::Url;

use crate::{
    accounts::{Account, Accounts},
    auth::{grant::Grants, refused::RefusedAccounts},
    backoff::Backoff,
    client::{Clients, ConnectionRoute, Route},
    credential::Credential,
    endpoint::Endpoint,
    health::Health,
    last_accounts::LastAccounts,
    links::{link::Link, status::LinkStatus, table::LinkTable},
    listing::cursors::Cursors,
    outcome::Observer,
    patience::Patience,
    quotas::Quotas,
    settings::{RemoteSettings, SettingsError},
    throttle::Throttle,
};

/// A client for one registry. Cheap to clone; clones share connections, tokens and the health of endpoints.
#[derive(Clone)]
pub struct Remote {
    inner: Arc<RemoteInner>,
    observer: Option<Observer>,
}

pub(crate) struct RemoteInner {
    host: Host,
    endpoints: Vec<Url>,
    accounts: Accounts,
    /// At least one.
    lanes: Vec<LinkClients>,
    link_table: LinkTable,
    gate: Gate,
    grants: Grants,
    pub(crate) refused: RefusedAccounts,
    pub(crate) health: Mutex<Health>,
    backoff: Mutex<Backoff>,
    pub(crate) quotas: Quotas,
    /// The pulls that background work leaves to others, as configured.
    pub(crate) reserve: Option<u64>,
    pub(crate) last_accounts: LastAccounts,
    throttle: Throttle,
    large: Semaphore,
    cursors: Cursors,
    patience: Patience,
}

/// A link, and the connections over it.
pub(crate) struct LinkClients {
    pub(crate) link: Arc<Link>,
    pub(crate) clients: Clients,
}

impl Remote {
    /// A client for `host`. Without configured endpoints it uses `https://<host>`, and for Docker Hub
    /// `https://registry-1.docker.io`; such an endpoint, unlike a configured one, must be on the public internet
    /// unless [`RemoteSettings::private_network`] is set.
    ///
    /// # Errors
    /// An endpoint is not the URL of a registry, the endpoint of an account is unclear, or the certificates cannot be
    /// read.
    pub fn new(host: Host, settings: &RemoteSettings) -> Result<Self, SettingsError> {
        Self::with_patience(host, settings, Patience::default())
    }

    /// Like [`Remote::new`], with other timeouts than the default.
    ///
    /// # Errors
    /// As [`Remote::new`].
    pub fn with_patience(
        host: Host,
        settings: &RemoteSettings,
        patience: Patience,
    ) -> Result<Self, SettingsError> {
        let endpoints = endpoints(&host, settings)?;
        for link in &settings.links {
            if let Some(fault) = link.fault() {
                return Err(SettingsError::Link { name: link.name(), fault });
            }
        }
        if let Some((index, fault)) = settings.unclear_account(&host) {
            let username = settings.credentials[index].username.clone();
            return Err(SettingsError::Account { username, fault });
        }
        let proxies = Arc::new(Proxies::from_environment());
        let gate = gate(settings, &proxies);
        let lanes: Result<Vec<LinkClients>, SettingsError> = settings
            .link_table
            .links(&host, &settings.links)
            .into_iter()
            .map(|link| {
                let is_usual = settings.links.is_empty();
                let usual = || ConnectionRoute::Usual(Arc::clone(&proxies));
                let way = if is_usual { usual() } else { ConnectionRoute::Link(link.settings().clone()) };
                let route = Route { gate: gate.clone(), way };
                Ok(LinkClients { clients: Clients::new(&endpoints, settings, route, patience)?, link })
            })
            .collect();
        let lanes = lanes?;
        let inner = RemoteInner {
            accounts: Accounts::new(&host, settings, &endpoints),
            host,
            health: Mutex::new(Health::new(endpoints.len(), lanes.len())),
            backoff: Mutex::default(),
            quotas: settings.quotas.clone(),
            reserve: settings.reserve,
            last_accounts: LastAccounts::new(),
            throttle: Throttle::new(settings),
            large: Semaphore::new(1),
            cursors: Cursors::new(),
            endpoints,
            lanes,
            link_table: settings.link_table.clone(),
            gate,
            grants: Grants::new(),
            refused: RefusedAccounts::new(),
            patience,
        };
        Ok(Self { inner: Arc::new(inner), observer: None })
    }

    /// The registry.
    pub fn host(&self) -> &Host {
        &self.inner.host
    }

    /// Calls `observer` once for each HTTP request sent through this value and its future clones.
    #[must_use]
    pub fn on_request(self, observer: Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    pub(crate) fn inner(&self) -> &RemoteInner {
        &self.inner
    }

    pub(crate) fn observer(&self) -> Option<Observer> {
        self.observer.clone()
    }

    pub(crate) fn endpoint(&self, endpoint: Endpoint) -> &Url {
        // An `Endpoint` of another registry is a mistake that need not panic.
        self.inner.endpoints.get(endpoint.index).unwrap_or(&self.inner.endpoints[0])
    }

    /// The links, at least one.
    pub(crate) fn lanes(&self) -> &[LinkClients] {
        &self.inner.lanes
    }

    /// The link of that number.
    pub(crate) fn lane(&self, link: usize) -> &LinkClients {
        // As for an endpoint of another registry.
        self.inner.lanes.get(link).unwrap_or(&self.inner.lanes[0])
    }

    /// The accounts as they are now.
    pub(crate) fn accounts(&self) -> Arc<[Account]> {
        self.inner.accounts.now()
    }

    /// The account of that id, unless it is gone.
    pub(crate) fn credential(&self, id: usize) -> Option<Credential> {
        self.accounts().iter().find(|account| account.id == id).map(|account| account.credential.clone())
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.inner.gate
    }

    pub(crate) fn grants(&self) -> &Grants {
        &self.inner.grants
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.inner.throttle
    }

    /// The permit that a listing needs to become large.
    pub(crate) fn large_listings(&self) -> &Semaphore {
        &self.inner.large
    }

    pub(crate) fn cursors(&self) -> &Cursors {
        &self.inner.cursors
    }

    /// The timeouts in use.
    pub fn patience(&self) -> Patience {
        self.inner.patience
    }

    /// The number of endpoints, at least one.
    pub fn endpoint_count(&self) -> usize {
        self.inner.endpoints.len()
    }

    /// The number of links, at least one: a registry without any has the usual way.
    pub fn link_count(&self) -> usize {
        self.inner.lanes.len()
    }

    /// How the links are that this registry shares with others, and theirs.
    pub fn link_statuses(&self) -> Vec<LinkStatus> {
        self.inner.link_table.statuses()
    }

    pub(crate) fn backoff(&self) -> MutexGuard<'_, Backoff> {
        // Its methods leave it consistent.
        self.inner.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.inner.host).finish()
    }
}

// A proxy may be at a private address, and is never asked for anything itself.
fn gate(settings: &RemoteSettings, proxies: &Proxies) -> Gate {
    let of_links = settings.links.iter().filter_map(|link| link.proxy.clone());
    let of_environment = proxies.urls().filter(|_| settings.links.is_empty()).cloned();
    let exemptions = Exemptions::new(&settings.endpoints)
        .with_private_network(settings.private_network)
        .with_proxies(of_links.chain(of_environment));
    Gate::new(exemptions)
}

fn endpoints(host: &Host, settings: &RemoteSettings) -> Result<Vec<Url>, SettingsError> {
    if settings.endpoints.is_empty() {
        let name = if host.is_docker_hub() { "registry-1.docker.io" } else { host.as_str() };
        let reason = "the registry's name does not make an address";
        let url = format!("https://{name}").parse();
        return Ok(vec![url.map_err(|_| SettingsError::Endpoint { host: host.to_string(), reason })?]);
    }
    settings.endpoints.iter().map(|url| usable(url).map(|()| url.clone())).collect()
}

fn usable(endpoint: &Url) -> Result<(), SettingsError> {
    let reason = if !matches!(endpoint.scheme(), "http" | "https") || !endpoint.has_host() {
        "it must start with `https://` or `http://`"
    } else if !endpoint.username().is_empty() || endpoint.password().is_some() {
        "user name and password belong under `credentials`"
    } else if endpoint.query().is_some() || endpoint.fragment().is_some() {
        "it must not have a `?` or `#` part"
    } else {
        return Ok(());
    };
    Err(SettingsError::Endpoint { host: endpoint.host_str().unwrap_or_default().to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str, endpoints: &[&str]) -> Result<Remote, SettingsError> {
        let endpoints = endpoints.iter().map(|url| url.parse().unwrap()).collect();
        Remote::new(host.parse().unwrap(), &RemoteSettings { endpoints, ..RemoteSettings::default() })
    }

    #[test]
    fn a_registry_is_where_its_name_says() {
        for (host, endpoint) in [
            ("quay.io", "https://quay.io/"),
            ("docker.io", "https://registry-1.docker.io/"),
            ("lab.test:5000", "https://lab.test:5000/"),
            ("[::1]:5000", "https://[::1]:5000/"),
        ] {
            assert_eq!(of(host, &[]).unwrap().endpoint(Endpoint::first_link(0)).as_str(), endpoint);
        }
    }

    #[test]
    fn endpoints_are_looked_at() {
        for (bad, shown) in [
            ("ftp://a.example", "a.example"),
            ("https://me:canary@a.example", "credentials"),
            ("https://a.example/?x=canary", "`?`"),
        ] {
            let refused = of("a.example", &[bad]).unwrap_err().to_string();
            assert!(refused.contains(shown) && !refused.contains("canary"), "{refused}");
        }
        assert!(of("a.example", &["http://127.0.0.1:5601/prefix/"]).is_ok());
    }

    #[test]
    fn certificates_must_be_some() {
        let of = |path: &str| {
            let settings = RemoteSettings { ca: Some(path.into()), ..RemoteSettings::default() };
            Remote::new("a.example".parse().unwrap(), &settings)
        };
        assert!(matches!(of("/nowhere/ca.pem"), Err(SettingsError::CaFile { .. })));
        assert!(matches!(
            of(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
            Err(SettingsError::CaForm { .. })
        ));
    }
}

//! The HTTP clients of one registry over one link.
//!
//! There are two, because [`RemoteSettings::insecure`] applies to the registry's own hosts and not to hosts that it
//! redirects to.

use std::{collections::HashSet, sync::Arc, time::Duration};

use entrepot_egress::{Gate, Proxies};
use reqwest::{Client, ClientBuilder, Proxy, header, redirect};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::{
    certificates,
    connections::Pool,
    links::section::{self, LinkSettings},
    network_fault::ProxyUsed,
    patience::Patience,
    settings::{RemoteSettings, SettingsError},
};

// With the default of 64 KiB a stream with a latency of 100 ms carries less than a megabyte per second.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

// Finds dead connections while a response is awaited.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

// How long the peer's system may leave what was sent unacknowledged. A connection that a firewall has forgotten shows by
// that well before the response is overdue, and a registry that is merely slow does not.
#[cfg(target_os = "linux")]
const UNHEARD: Duration = Duration::from_secs(15);

// Idle connections per host: as many as a run with many images uses at a time, so that it does not reconnect for each
// request.
const POOLED: usize = 64;
const POOLED_FOR: Duration = Duration::from_secs(60);

/// The clients for the registry's own hosts and for all others.
pub(crate) struct Clients {
    own: Arc<Pool>,
    foreign: Arc<Pool>,
    own_hosts: HashSet<String>,
    way: ConnectionRoute,
}

impl Clients {
    pub(crate) fn new(
        endpoints: &[Url],
        settings: &RemoteSettings,
        route: Route,
        patience: Patience,
    ) -> Result<Self, SettingsError> {
        let tls = certificates::checked(settings.ca.as_deref())?;
        let way = route.way.clone();
        let foreign = {
            let route = route.clone();
            pool(move || builder(&route, patience)?.tls_backend_preconfigured(tls.clone()).build())?
        };
        let own = if settings.insecure {
            pool(move || builder(&route, patience)?.tls_danger_accept_invalid_certs(true).build())?
        } else {
            Arc::clone(&foreign)
        };
        let own_hosts = endpoints.iter().filter_map(Url::host_str).map(str::to_owned).collect();
        Ok(Self { own, foreign, own_hosts, way })
    }

    /// The connections for `url`.
    pub(crate) fn of(&self, url: &Url) -> &Pool {
        if self.owns(url) { &self.own } else { &self.foreign }
    }

    /// Whether the host of `url` is one of the registry's own.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.own_hosts.contains(host))
    }

    /// The proxy for `url`.
    pub(crate) fn proxy(&self, url: &Url) -> Option<ProxyUsed> {
        let (proxy, is_of_link) = match &self.way {
            ConnectionRoute::Usual(proxies) => (proxies.of(url)?, false),
            ConnectionRoute::Link(link) => (link.proxy.as_ref()?, true),
        };
        Some(ProxyUsed { host: section::host(proxy).to_owned(), is_of_link })
    }
}

/// How requests leave this machine.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) gate: Gate,
    pub(crate) way: ConnectionRoute,
}

/// The way that they take.
#[derive(Clone)]
pub(crate) enum ConnectionRoute {
    /// By the proxies of the environment.
    Usual(Arc<Proxies>),
    /// Over a link that the operator wrote.
    Link(LinkSettings),
}

impl ConnectionRoute {
    // A proxy that somebody wrote for this registry is asked for every host, this machine included.
    fn apply(&self, builder: ClientBuilder) -> reqwest::Result<ClientBuilder> {
        let link = match self {
            Self::Usual(proxies) => {
                let proxies = Arc::clone(proxies);
                return Ok(builder.proxy(Proxy::custom(move |url| proxies.of(url).cloned())));
            }
            Self::Link(link) => link,
        };
        let builder = builder.local_address(link.source);
        let Some(url) = &link.proxy else { return Ok(builder) };
        let mut proxy = Proxy::all(url.clone())?;
        if let (Some(username), Some(password)) = (&link.username, &link.password) {
            proxy = proxy.basic_auth(username, password.expose_secret());
        }
        Ok(builder.proxy(proxy))
    }
}

fn pool(
    build: impl Fn() -> reqwest::Result<Client> + Send + Sync + 'static,
) -> Result<Arc<Pool>, SettingsError> {
    Pool::new(build).map(Arc::new).map_err(|source| SettingsError::Client { source })
}

fn builder(route: &Route, patience: Patience) -> reqwest::Result<ClientBuilder> {
    // Content that is encoded in transit has another digest.
    let identity = (header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
    let builder = route.way.apply(Client::builder().no_proxy())?;
    // Only Linux can be told.
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(UNHEARD);
    let builder = builder
        .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
        .default_headers([identity].into_iter().collect())
        .redirect(redirect::Policy::none())
        .referer(false)
        .dns_resolver(route.gate.resolver())
        .connect_timeout(patience.connect)
        .tcp_nodelay(true)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .pool_max_idle_per_host(POOLED)
        .pool_idle_timeout(POOLED_FOR);
    Ok(builder)
}

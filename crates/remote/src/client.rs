//! The HTTP clients of one registry.
//!
//! There are two, because [`Settings::insecure`] applies to the registry's own hosts and not to hosts that it
//! redirects to.

use std::{collections::HashSet, fs, time::Duration};

use entrepot_egress::Gate;
use reqwest::{Certificate, Client, ClientBuilder, header, redirect};
use url::Url;

use crate::{
    patience::Patience,
    settings::{Settings, SettingsError},
};

// With the default of 64 KiB a stream with a latency of 100 ms carries less than a megabyte per second.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

// Finds dead connections while a response is awaited.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

// Idle connections per host: as many as a run with many images uses at a time, so that it does not reconnect for each
// request.
const POOLED: usize = 64;
const POOLED_FOR: Duration = Duration::from_secs(60);

/// The clients for the registry's own hosts and for all others.
pub(crate) struct Clients {
    own: Client,
    foreign: Client,
    own_hosts: HashSet<String>,
}

impl Clients {
    pub(crate) fn new(
        endpoints: &[Url],
        settings: &Settings,
        gate: &Gate,
        patience: Patience,
    ) -> Result<Self, SettingsError> {
        let certificates = certificates(settings)?;
        let build = |insecure| {
            builder(gate, patience)
                .tls_certs_merge(certificates.clone())
                .tls_danger_accept_invalid_certs(insecure)
                .build()
                .map_err(|source| SettingsError::Client { source })
        };
        let foreign = build(false)?;
        let own = if settings.insecure { build(true)? } else { foreign.clone() };
        let own_hosts = endpoints.iter().filter_map(Url::host_str).map(str::to_owned).collect();
        Ok(Self { own, foreign, own_hosts })
    }

    /// The client for `url`.
    pub(crate) fn of(&self, url: &Url) -> &Client {
        if self.owns(url) { &self.own } else { &self.foreign }
    }

    /// Whether the host of `url` is one of the registry's own.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.own_hosts.contains(host))
    }
}

fn builder(gate: &Gate, patience: Patience) -> ClientBuilder {
    // Content that is encoded in transit has another digest.
    let identity = (header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
    Client::builder()
        .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
        .default_headers([identity].into_iter().collect())
        .redirect(redirect::Policy::none())
        .referer(false)
        .dns_resolver(gate.resolver())
        .connect_timeout(patience.connect)
        .tcp_nodelay(true)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .pool_max_idle_per_host(POOLED)
        .pool_idle_timeout(POOLED_FOR)
}

fn certificates(settings: &Settings) -> Result<Vec<Certificate>, SettingsError> {
    let Some(path) = &settings.ca else { return Ok(Vec::new()) };
    let pem = fs::read(path).map_err(|source| SettingsError::CaFile { path: path.clone(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(SettingsError::CaForm { path: path.clone() }),
    }
}

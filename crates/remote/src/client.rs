//! The HTTP clients of one registry, and how patient they are.
//!
//! Two clients, because `insecure` is said of the registry's own hosts and not of whom they redirect to.

use std::{collections::HashSet, fs, time::Duration};

use entrepot_egress::Gate;
use reqwest::{Certificate, Client, ClientBuilder, header, redirect};
use url::Url;

use crate::settings::{Settings, SettingsError};

/// The longest a connection may take to stand, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest from sending a request to the headers of its answer, connecting included.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest silence within a body, while its bytes are waited for. There is no limit on a blob as a whole.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The least that a blob's body must bring while it is waited for, in bytes per second, over [`IDLE_TIMEOUT`]. What
/// brings less is as good as silent.
pub const FLOOR: u64 = 1 << 10;

/// The longest that a download goes on below [`FLOOR`], for each endpoint that could bring it. It leaves a connection
/// that takes the place of a silent one some seconds to do better, and a client its answer within 35 s.
pub const GIVE_UP: Duration = Duration::from_secs(34);

/// The longest that a manifest, a listing or a token may take as a whole, behind its headers.
pub const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(60);

// With the usual 64 KiB a stream over 100 ms carries less than a megabyte per second.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

// A connection that died without a word is found out while an answer is waited for.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

// Idle connections kept for the next request, per host: as many as a run with many images has under way, so that it
// does not connect anew for each request.
const POOLED: usize = 64;
const POOLED_FOR: Duration = Duration::from_secs(60);

/// The longest from the last byte of a blob or a manifest to the answer that it is kept: some storages move or hash
/// it all once more.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a [`crate::Remote`] waits for what. The default is for everybody; tests are in more of a hurry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// See [`CONNECT_TIMEOUT`].
    pub connect: Duration,
    /// See [`HEADER_TIMEOUT`].
    pub headers: Duration,
    /// See [`IDLE_TIMEOUT`].
    pub idle: Duration,
    /// See [`DOCUMENT_TIMEOUT`].
    pub document: Duration,
    /// See [`GIVE_UP`].
    pub give_up: Duration,
    /// See [`COMMIT_TIMEOUT`].
    pub commit: Duration,
}

impl Patience {
    /// What [`FLOOR`] comes to within a time, in bytes.
    pub fn enough(within: Duration) -> u64 {
        // Minutes at most.
        FLOOR.saturating_mul(u64::try_from(within.as_millis()).unwrap_or(u64::MAX)) / 1000
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: CONNECT_TIMEOUT,
            headers: HEADER_TIMEOUT,
            idle: IDLE_TIMEOUT,
            document: DOCUMENT_TIMEOUT,
            give_up: GIVE_UP,
            commit: COMMIT_TIMEOUT,
        }
    }
}

/// The two clients.
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

    /// The client for an address.
    pub(crate) fn of(&self, url: &Url) -> &Client {
        if self.owns(url) { &self.own } else { &self.foreign }
    }

    /// Whether an address is one of the registry's own.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.own_hosts.contains(host))
    }
}

fn builder(gate: &Gate, patience: Patience) -> ClientBuilder {
    // Bytes that are encoded in transit have another digest.
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

//! The server as a value: bind, run, drain.

use std::{
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entrepot_access::NetworkSettings;
use entrepot_acme::Challenges;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accept,
    connection::Connections,
    host::Hosts,
    local::Local,
    login_provider::LoginProvider,
    origin::Front,
    patience::Patience,
    public_url::PublicUrl,
    service::Service,
    state::{ServerParts, ServerState, ServerTerms},
    tls::{self, CertificateError, Certificates, TlsFiles},
    web::site::WebService,
    workers::Workers,
};

/// The addresses to listen on, and their settings.
#[derive(Clone, Debug, Default)]
pub struct Listen {
    /// `host:port`; port 0 picks a free one.
    pub addr: String,
    /// Certificate and key, to serve TLS.
    pub tls: Option<TlsFiles>,
    /// The challenges of the ACME server that the certificate comes from.
    pub challenges: Option<Challenges>,
    /// Path of the socket for the local command line; only its owner can open it.
    pub control: Option<PathBuf>,
    /// Host names that a loopback listener serves besides those of loopback. Other listeners serve any.
    pub names: Vec<String>,
    /// The address that everybody is told; without it, the one that they asked for.
    pub public_url: Option<PublicUrl>,
    /// The networks of proxies in front, and of those who read the metrics.
    pub networks: NetworkSettings,
    /// Ways to log in besides a password.
    pub login_providers: Vec<LoginProvider>,
    /// True if other settings imply clients elsewhere; a local address then proves nothing.
    pub is_shared: bool,
    /// Time limits for clients that do not read their responses.
    pub patience: Patience,
}

/// Startup errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on `{addr}`")]
    Listen {
        /// The address as it was given.
        addr: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The socket for the local command line cannot be created.
    #[error("cannot make the socket `{}`", path.display())]
    Control {
        /// Path of the socket.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The threads that serve connections cannot be started.
    #[error("cannot start threads")]
    Threads {
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// A server that has bound its addresses and is ready to run.
pub struct Server {
    // Taken by `run`, so that they close when the drain begins.
    listeners: Mutex<Option<Listeners>>,
    address: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    connections: Arc<Connections>,
    workers: Workers,
}

struct Listeners {
    clients: TcpListener,
    commands: Option<UnixListener>,
}

impl Server {
    /// Binds the addresses and reads the certificate. `parts` is everything that requests will need.
    ///
    /// # Errors
    /// The address is in use or not ours, or the certificate cannot be used.
    pub async fn bind(listen: Listen, parts: ServerParts) -> Result<Self, Error> {
        let certificates = match listen.tls {
            Some(files) => {
                Some(Arc::new(Certificates::open(files, listen.challenges, parts.metrics.clone()).await?))
            }
            None => None,
        };
        let failed = |source| Error::Listen { addr: listen.addr.clone(), source };
        let listener = TcpListener::bind(&listen.addr).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let commands = listen.control.as_deref().map(control).transpose()?;
        let listeners = Mutex::new(Some(Listeners { clients: listener, commands }));
        let local = address.ip().to_canonical().is_loopback() && !listen.is_shared && certificates.is_none();
        let terms = ServerTerms {
            hosts: Hosts::of(address.ip(), listen.names),
            local: Local::new(local),
            patience: listen.patience,
            front: Front {
                has_tls: certificates.is_some(),
                proxies: listen.networks.trusted_proxies,
                public_url: listen.public_url,
            },
            metrics_readers: listen.networks.metrics,
            login_providers: listen.login_providers,
        };
        let state = Arc::new(ServerState::new(parts, terms));
        let site = WebService::new(&state);
        let connections = Arc::new(Connections::new(Service::new(state, site), certificates.clone()));
        let workers = Workers::start().map_err(|source| Error::Threads { source })?;
        Ok(Self { listeners, address, certificates, connections, workers })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// True if programs on this machine need no login, as far as that is allowed to them.
    pub fn local_counts(&self) -> bool {
        self.connections.state().local.counts()
    }

    /// Returns what a client gets that sends `request` and nothing more. It uses no socket, so hostile input is cheap
    /// to test.
    #[cfg(any(test, fuzzing))]
    #[doc(hidden)]
    pub async fn exchange(&self, request: &[u8]) -> Vec<u8> {
        crate::script::exchange(&self.connections, request).await
    }

    /// Reloads the certificate. If the new one cannot be used, logs that and keeps the old one.
    pub fn reload(&self) {
        if let Some(certificates) = &self.certificates {
            tls::report(certificates.reload());
        }
    }

    /// Serves until `shutdown`, then lets running requests finish for at most `grace`, then cuts them. Call it once.
    pub async fn run(&self, shutdown: CancellationToken, grace: Duration) {
        let Some(listeners) = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let tasks = TaskTracker::new();
        let shared = &self.connections;
        let Listeners { clients, commands } = &listeners;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = accept::clients(clients, &self.workers, shared, &tasks) => {}
            () = accept::commands(commands.as_ref(), shared, &tasks) => {}
            () = self.watch() => {}
        }
        drop(listeners);
        shared.draining.cancel();
        tasks.close();
        shared.open.close();
        // An upgraded connection has no task here any more.
        let drained = async { tokio::join!(tasks.wait(), shared.open.wait()) };
        if tokio::time::timeout(grace, drained).await.is_err() {
            tracing::warn!(
                connections = shared.open.len(),
                "connections are cut that did not finish in time"
            );
            shared.cut.cancel();
            tasks.wait().await;
        }
    }

    async fn watch(&self) {
        match &self.certificates {
            Some(certificates) => certificates.watch().await,
            None => std::future::pending().await,
        }
    }
}

// A leftover socket refuses connections; whoever holds the data directory may replace it.
fn control(path: &Path) -> Result<UnixListener, Error> {
    let failed = |source| Error::Control { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

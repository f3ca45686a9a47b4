//! The server as a value: bind, run, drain.

use std::{
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::net::{TcpListener, UnixListener};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accept,
    connection::Connections,
    host::Hosts,
    local::Local,
    patience::Patience,
    service::Service,
    state::{Parts, State, Terms},
    tls::{self, CertificateError, Certificates, TlsFiles},
    web::site::Site,
    workers::Workers,
};

/// Where to listen, and how.
#[derive(Clone, Debug, Default)]
pub struct Listen {
    /// `host:port`; port 0 takes a free one.
    pub addr: String,
    /// TLS, if it is to be spoken.
    pub tls: Option<TlsFiles>,
    /// Where to put the socket for the local command line, readable by its owner only.
    pub control: Option<PathBuf>,
    /// The host names, besides those of loopback, that a listener on loopback answers to. Others answer to any.
    pub names: Vec<String>,
    /// Whether others come too, by what else is configured; then being on this machine proves nothing.
    pub is_shared: bool,
    /// How long clients may leave their answers unread.
    pub patience: Patience,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on `{addr}`")]
    Listen {
        /// The address as it was given.
        addr: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The socket for the local command line cannot be made.
    #[error("cannot make the socket `{}`", path.display())]
    Control {
        /// Where it was to be.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There are no threads to serve connections on.
    #[error("cannot start threads")]
    Threads {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The certificate is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// A server that has its addresses and waits to be run.
pub struct Server {
    // Taken by `run`, so that they are closed when the drain begins.
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
    /// Takes the addresses and reads the certificate. All that a request will need is in `parts`.
    ///
    /// # Errors
    /// An address that is taken or not ours, or a certificate that is not good.
    pub async fn bind(listen: Listen, parts: Parts) -> Result<Self, Error> {
        let certificates = match listen.tls {
            Some(files) => Some(Arc::new(Certificates::open(files).await?)),
            None => None,
        };
        let failed = |source| Error::Listen { addr: listen.addr.clone(), source };
        let listener = TcpListener::bind(&listen.addr).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let commands = listen.control.as_deref().map(control).transpose()?;
        let listeners = Mutex::new(Some(Listeners { clients: listener, commands }));
        let local = address.ip().to_canonical().is_loopback() && !listen.is_shared && certificates.is_none();
        let terms = Terms {
            hosts: Hosts::of(address.ip(), listen.names),
            local: Local::new(local),
            patience: listen.patience,
        };
        let state = Arc::new(State::new(parts, terms));
        let site = Site::new(&state);
        let connections = Arc::new(Connections::new(Service::new(state, site), certificates.clone()));
        let workers = Workers::start().map_err(|source| Error::Threads { source })?;
        Ok(Self { listeners, address, certificates, connections, workers })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What a client gets who sends `request` and nothing more. No socket is used, so that hostile ones are cheap.
    #[cfg(any(test, fuzzing))]
    #[doc(hidden)]
    pub async fn exchange(&self, request: &[u8]) -> Vec<u8> {
        crate::script::exchange(&self.connections, request).await
    }

    /// Reads the certificate again; if the new one is not good, the log says so and the old one stays.
    pub fn reload(&self) {
        if let Some(certificates) = &self.certificates {
            tls::report(certificates.reload());
        }
    }

    /// Serves until `shutdown`, then finishes what is running for at most `grace`, then cuts it. To be called once.
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
        // A connection that was upgraded has no task here any more.
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

// A socket that is left over refuses connections; whoever holds the data directory may replace it.
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

//! Listens, and serves connections until it is to stop.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use entrepot_access::Access;
use entrepot_library::Library;
use russh::{
    Disconnect, MethodKind, MethodSet, Preferred, SshId,
    server::{Config, run_stream},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    connection::Connection,
    host_key::HostKey,
    waiting::{WaitingClients, WaitingSlot},
};

/// How long a client has to show its key.
const LOGIN: Duration = Duration::from_secs(30);
/// How many keys a client may show in vain.
const ATTEMPTS: usize = 10;
/// How long a refusal takes, whatever the reason.
const REFUSAL: Duration = Duration::from_millis(300);
/// How often a client is asked whether it is there, and how often in vain.
const ALIVE_EVERY: Duration = Duration::from_secs(30);
const ALIVE_TRIES: usize = 4;
/// How many bytes of a client may be on their way to a program.
const WINDOW: u32 = 256 << 10;
/// How long to wait after a connection could not be accepted: there may be too many files.
const PAUSE: Duration = Duration::from_millis(100);

/// What a server is made of.
pub struct SshParts {
    /// Who has which key.
    pub access: Access,
    /// What runs programs.
    pub library: Library,
    /// What clients know it by.
    pub key: HostKey,
}

/// A server of SSH that listens.
pub struct SshServer {
    listener: TcpListener,
    access: Access,
    library: Library,
    config: Arc<Config>,
    waiting: WaitingClients,
}

impl SshServer {
    /// Listens at an address.
    ///
    /// # Errors
    /// That cannot be.
    pub async fn bind(address: &str, parts: SshParts) -> io::Result<Self> {
        let SshParts { access, library, key } = parts;
        let listener = TcpListener::bind(address).await?;
        let config = Arc::new(config(&key));
        Ok(Self { listener, access, library, config, waiting: WaitingClients::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves connections until `stop`; then those that are open end too.
    pub async fn run(&self, stop: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    if let Some(place) = self.waiting.enter(address.ip()) {
                        connections.spawn(self.serve(stream, address, place, stop.child_token()));
                    } else {
                        tracing::info!(%address, "too many clients of SSH have not shown a key");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection of SSH cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        connections.close();
        connections.wait().await;
    }

    fn serve(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        slot: WaitingSlot,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (is_known, gone, conversations) =
            (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let connection = Connection {
            access: self.access.clone(),
            library: self.library.clone(),
            address: address.ip().to_canonical().to_string(),
            conversations: conversations.clone(),
            is_known: is_known.clone(),
            gone: gone.drop_guard(),
            who: None,
        };
        let config = Arc::clone(&self.config);
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection of SSH gathers what it sends");
            }
            let served = serve(AcceptedConnection { config, stream, connection, is_known, slot }, stop);
            if let Err(error) = served.await {
                tracing::debug!(%address, %error, "a connection of SSH has ended");
            }
            conversations.close();
            conversations.wait().await;
        }
    }
}

/// A connection that was accepted.
struct AcceptedConnection {
    config: Arc<Config>,
    stream: TcpStream,
    connection: Connection,
    is_known: CancellationToken,
    slot: WaitingSlot,
}

async fn serve(arrived: AcceptedConnection, stop: CancellationToken) -> Result<(), russh::Error> {
    let AcceptedConnection { config, stream, connection, is_known, slot: place } = arrived;
    let late = tokio::time::sleep(LOGIN);
    tokio::pin!(late);
    let mut session = tokio::select! {
        () = &mut late => return Err(russh::Error::ConnectionTimeout),
        () = stop.cancelled() => return Ok(()),
        session = run_stream(config, stream, connection) => session?,
    };
    let handle = session.handle();
    let said = tokio::select! {
        ended = &mut session => return ended,
        () = stop.cancelled() => "the server shuts down",
        () = &mut late => "no key was shown in time",
        () = is_known.cancelled() => {
            drop(place);
            tokio::select! {
                ended = &mut session => return ended,
                () = stop.cancelled() => "the server shuts down",
            }
        }
    };
    handle.disconnect(Disconnect::ByApplication, said.to_owned(), String::new()).await?;
    // A client that does not read is not waited for.
    timeout(ALIVE_EVERY, session).await.unwrap_or(Ok(()))
}

fn config(key: &HostKey) -> Config {
    Config {
        server_id: SshId::Standard("SSH-2.0-entrepot".into()),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: REFUSAL,
        // Every client asks without a key first, to hear what there is.
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: ATTEMPTS,
        keys: vec![key.private()],
        window_size: WINDOW,
        inactivity_timeout: None,
        keepalive_interval: Some(ALIVE_EVERY),
        keepalive_max: ALIVE_TRIES,
        nodelay: true,
        preferred: Preferred {
            compression: (&[russh::compression::NONE][..]).into(),
            ..Preferred::default()
        },
        ..Config::default()
    }
}

//! One connection, from handshake to close: protocol limits, idle timeout, drain.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use hyper::{
    rt::{Read, Write},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpStream, UnixStream},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    memo::Memo,
    patience::{ClientSilence, ResourceShortage},
    peer::{ListenerKind, Peer},
    rule_admission::RuledRepository,
    service::{self, Connected, Service},
    state::ServerState,
    tls::Certificates,
    wire::{lending::Lending, linger::Linger, open::CountedConnection},
};

/// Time limit for a request head, and for a TLS handshake.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);
/// Idle time before a connection is told to close, and the time it then has to do so.
const IDLE: Duration = Duration::from_secs(30);
/// Limit of the request head buffer, in bytes. Heads over [`service::MAX_HEAD`] get an error response.
const MAX_BUFFERED: usize = 96 << 10;
const MAX_STREAMS: u32 = 250;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// State shared by all connections.
pub(crate) struct Connections {
    builder: Builder<TokioExecutor>,
    service: Arc<Service>,
    tls: Option<Arc<Certificates>>,
    /// Cancelled to finish running requests and take no new ones.
    pub(crate) draining: CancellationToken,
    /// Cancelled to stop at once.
    pub(crate) cut: CancellationToken,
    /// All open connections, including upgraded ones that belong to a handler.
    pub(crate) open: TaskTracker,
}

impl Connections {
    pub(crate) fn new(service: Service, tls: Option<Arc<Certificates>>) -> Self {
        let draining = service.state.draining.clone();
        let (cut, open) = (CancellationToken::new(), TaskTracker::new());
        Self { builder: builder(), service: Arc::new(service), tls, draining, cut, open }
    }

    /// The state that every request needs.
    pub(crate) fn state(&self) -> &ServerState {
        &self.service.state
    }

    /// Serves a client.
    pub(crate) async fn tcp(&self, stream: TcpStream, address: IpAddr) {
        let _open = self.state().metrics.connection();
        if let Err(error) = tune(&stream) {
            tracing::debug!(%error, "a connection was gone before it was served");
            return;
        }
        let Some(tls) = &self.tls else { return self.plain(stream, address).await };
        let handshake = tokio::time::timeout(HEAD_TIME, tls.accept(stream));
        let result = tokio::select! {
            result = handshake => result,
            () = self.draining.cancelled() => return,
        };
        match result {
            Ok(Ok(stream)) => {
                let peer = Peer::new(Some(address), ListenerKind::Public, None);
                let io = Linger::new(TokioIo::new(stream), peer.line());
                self.serve(io, peer).await;
            }
            Ok(Err(error)) => tracing::debug!(%address, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "a TLS handshake took too long"),
        }
    }

    #[cfg(target_os = "linux")]
    async fn plain(&self, stream: TcpStream, address: IpAddr) {
        let lending = Lending::default();
        let peer = Peer::new(Some(address), ListenerKind::Public, Some(lending.clone()));
        let io = crate::wire::socket::Socket::new(stream, lending, self.state().metrics.clone());
        self.serve(Linger::new(io, peer.line()), peer).await;
    }

    #[cfg(not(target_os = "linux"))]
    async fn plain(&self, stream: TcpStream, address: IpAddr) {
        let peer = Peer::new(Some(address), ListenerKind::Public, None);
        let io = Linger::new(TokioIo::new(stream), peer.line());
        self.serve(io, peer).await;
    }

    /// Serves the local command line.
    pub(crate) async fn control(&self, stream: UnixStream) {
        self.serve(TokioIo::new(stream), Peer::new(None, ListenerKind::Control, None)).await;
    }

    /// Serves one connection until it closes.
    pub(crate) async fn serve<I: Read + Write + Unpin + Send + 'static>(&self, io: I, peer: Arc<Peer>) {
        let service = {
            let service = Arc::clone(&self.service);
            let caller = Arc::new(Connected {
                peer: Arc::clone(&peer),
                memo: Memo::default(),
                ruled: RuledRepository::default(),
            });
            service_fn(move |request| {
                let (service, caller) = (Arc::clone(&service), Arc::clone(&caller));
                async move { Ok::<_, Infallible>(service.serve(&caller, request).await) }
            })
        };
        let io = CountedConnection::new(io, self.open.token());
        let mut connection = std::pin::pin!(self.builder.serve_connection_with_upgrades(io, service));
        // Child tokens: polling a token takes its lock, and all connections would contend for the same one.
        let (draining, cut) = (self.draining.child_token(), self.cut.child_token());
        let mut check = tokio::time::interval(self.state().shortage.check());
        let (mut look, mut closing) = (Look::new(), false);
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    return;
                }
                () = cut.cancelled() => return,
                () = draining.cancelled(), if !closing => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = check.tick() => match look.at(&peer, &self.state().shortage) {
                    Seen::Alive => {}
                    // It was told to close and is still open.
                    Seen::Idle if closing => return,
                    Seen::Idle => {
                        closing = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    Seen::Silent => {
                        tracing::debug!(address = ?peer.address(), "a client is cut that does not read its answers");
                        return;
                    }
                },
            }
        }
    }
}

/// The result of checking a connection.
enum Seen {
    /// Nothing to do.
    Alive,
    /// No request is running: close it.
    Idle,
    /// The client reads nothing: cut it.
    Silent,
}

/// State kept between checks of one connection.
struct Look {
    begun: Option<usize>,
    since: Instant,
    silence: ClientSilence,
}

impl Look {
    fn new() -> Self {
        Self { begun: None, since: Instant::now(), silence: ClientSilence::none() }
    }

    fn at(&mut self, peer: &Peer, shortage: &ResourceShortage) -> Seen {
        let (now, begun) = (Instant::now(), peer.idle_since());
        let silent = self.silence.look(peer.is_waiting_for_client(), peer.taken(), now);
        if silent >= shortage.patience(peer.holds_memory(), now) {
            return Seen::Silent;
        }
        if begun.is_none() || begun != self.begun {
            (self.begun, self.since) = (begun, now);
            return Seen::Alive;
        }
        if now - self.since < IDLE {
            return Seen::Alive;
        }
        self.since = now;
        Seen::Idle
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        // Keep hyper's default limit on the number of headers: setting it, even to the same value, slows every request.
        .max_buf_size(MAX_BUFFERED);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(service::MAX_HEAD).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

// Keep-alive probes detect peers that vanished, which would otherwise hold a response forever.
fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_keepalive(stream, true)?;
    #[cfg(target_os = "linux")]
    {
        rustix::net::sockopt::set_tcp_keepidle(stream, Duration::from_secs(60))?;
        rustix::net::sockopt::set_tcp_keepintvl(stream, Duration::from_secs(15))?;
    }
    Ok(())
}

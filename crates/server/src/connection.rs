//! One connection, from handshake to close: protocol limits, idleness, drain.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Version;
use hyper::{
    rt::{Read, Write},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::Metrics,
    service::{self, Door, State},
    tls::Certificates,
    wire::{Lending, Linger},
};

/// How long the head of a request, or a TLS handshake, may take.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a connection may have no request: checked this often, closed when two checks in a row see nothing.
const IDLE_CHECK: Duration = Duration::from_secs(30);
/// The most of a request head that is ever buffered; what is more than [`service::MAX_HEAD`] is refused with words.
const MAX_BUFFERED: usize = 96 << 10;
const MAX_STREAMS: u32 = 250;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Who is at the other end, and what the connection is doing.
pub(crate) struct Peer {
    address: Option<IpAddr>,
    door: Door,
    // Only where the connection can do something with it.
    lending: Option<Lending>,
    running: AtomicUsize,
    begun: AtomicUsize,
    unread: Arc<AtomicBool>,
}

impl Peer {
    pub(crate) fn new(address: Option<IpAddr>, door: Door, lending: Option<Lending>) -> Arc<Self> {
        Arc::new(Self {
            address,
            door,
            lending,
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            unread: Arc::default(),
        })
    }

    /// The client's address; the local command line has none.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    pub(crate) fn door(&self) -> Door {
        self.door
    }

    /// The files that this connection sends from, if it can leave that to the kernel. HTTP/2 cuts everything into
    /// frames so small that it would not be worth a system call for each.
    pub(crate) fn lending(&self, version: Version) -> Option<&Lending> {
        self.lending.as_ref().filter(|_| version < Version::HTTP_2)
    }

    pub(crate) fn request_began(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request_ended(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// The client may be sending when we are done: nobody read all of its request, or it speaks HTTP/2.
    pub(crate) fn leaves_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// What two looks have to agree in, for the connection to be idle.
    pub(crate) fn idle_since(&self) -> Option<usize> {
        let begun = self.begun.load(Ordering::Relaxed);
        (self.running.load(Ordering::Relaxed) == 0).then_some(begun)
    }
}

/// What all connections share.
pub(crate) struct Connections {
    builder: Builder<TokioExecutor>,
    state: Arc<State>,
    metrics: Metrics,
    tls: Option<Arc<Certificates>>,
    /// Finish what is running, take nothing new.
    pub(crate) draining: CancellationToken,
    /// Stop at once.
    pub(crate) cut: CancellationToken,
}

impl Connections {
    pub(crate) fn new(state: Arc<State>, metrics: Metrics, tls: Option<Arc<Certificates>>) -> Self {
        let draining = state.draining().clone();
        Self { builder: builder(), state, metrics, tls, draining, cut: CancellationToken::new() }
    }

    /// What every request needs.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Serves a client.
    pub(crate) async fn tcp(&self, stream: TcpStream, address: IpAddr) {
        let _open = self.metrics.connection();
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
                let peer = Peer::new(Some(address), Door::Public, None);
                let io = Linger::new(TokioIo::new(stream), Arc::clone(&peer.unread));
                self.serve(io, peer).await;
            }
            Ok(Err(error)) => tracing::debug!(%address, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "a TLS handshake took too long"),
        }
    }

    #[cfg(target_os = "linux")]
    async fn plain(&self, stream: TcpStream, address: IpAddr) {
        let lending = Lending::default();
        let peer = Peer::new(Some(address), Door::Public, Some(lending.clone()));
        let io = crate::wire::Socket::new(stream, lending, self.metrics.clone());
        self.serve(Linger::new(io, Arc::clone(&peer.unread)), peer).await;
    }

    #[cfg(not(target_os = "linux"))]
    async fn plain(&self, stream: TcpStream, address: IpAddr) {
        let peer = Peer::new(Some(address), Door::Public, None);
        let io = Linger::new(TokioIo::new(stream), Arc::clone(&peer.unread));
        self.serve(io, peer).await;
    }

    /// Serves the local command line.
    pub(crate) async fn control(&self, stream: UnixStream) {
        self.serve(TokioIo::new(stream), Peer::new(None, Door::Control, None)).await;
    }

    /// Serves one connection until it closes.
    pub(crate) async fn serve<I: Read + Write + Unpin + Send + 'static>(&self, io: I, peer: Arc<Peer>) {
        let service = {
            let (state, peer) = (Arc::clone(&self.state), Arc::clone(&peer));
            service_fn(move |request| {
                let (state, peer) = (Arc::clone(&state), Arc::clone(&peer));
                async move { Ok::<_, Infallible>(service::serve(&state, &peer, request).await) }
            })
        };
        let mut connection = std::pin::pin!(self.builder.serve_connection(io, service));
        // Children, since every look at a token takes its lock, and all connections would take the same.
        let (draining, cut) = (self.draining.child_token(), self.cut.child_token());
        let mut check = tokio::time::interval(IDLE_CHECK);
        let (mut last, mut closing) = (None, false);
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
                _ = check.tick() => {
                    let now = peer.idle_since();
                    match (closing, now.is_some() && now == last) {
                        // It was told and has not gone.
                        (true, true) => return,
                        (false, true) => {
                            closing = true;
                            connection.as_mut().graceful_shutdown();
                        }
                        (_, false) => {}
                    }
                    last = now;
                }
            }
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        // As many headers as hyper takes where it is not told: telling it the same number costs each request dearly.
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

// Keep-alive probes find peers that went without a word, which would else hold a response forever.
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

//! Handles connections and requests.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    call::EngineCall,
    context::Context,
    exec,
    fault::Misbehaviour,
    reply::{Chunks, Reply, ReplyBody},
    routes,
    state::EngineShared,
};

/// How long a connection that is cut has to send what came before.
const FLUSH: Duration = Duration::from_millis(20);
/// How many bytes an endless answer sends at once.
const PIECE: usize = 64 << 10;

/// Where connections come from.
pub(crate) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
    Tls(TcpListener, TlsAcceptor),
}

pub(crate) trait ClientStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ClientStream for T {}

impl Listener {
    async fn accept(&self) -> io::Result<AcceptedStream> {
        Ok(match self {
            Self::Unix(listener) => AcceptedStream::Plain(Box::new(listener.accept().await?.0)),
            Self::Tcp(listener) => AcceptedStream::Plain(Box::new(listener.accept().await?.0)),
            Self::Tls(listener, acceptor) => {
                AcceptedStream::Tls(Box::new(acceptor.accept(listener.accept().await?.0)))
            }
        })
    }
}

enum AcceptedStream {
    Plain(Box<dyn ClientStream>),
    Tls(Box<tokio_rustls::Accept<tokio::net::TcpStream>>),
}

/// Accepts connections until told to stop, then drops them all.
pub(crate) async fn accept(
    listener: Listener,
    shared: Arc<EngineShared>,
    mut stop: oneshot::Receiver<Infallible>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            accepted = listener.accept() => {
                if let Ok(accepted) = accepted {
                    connections.spawn(connection(accepted, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(accepted: AcceptedStream, shared: Arc<EngineShared>) {
    let _open = shared.opened();
    let wire: Box<dyn ClientStream> = match accepted {
        AcceptedStream::Plain(wire) => wire,
        AcceptedStream::Tls(handshake) => match handshake.await {
            Ok(stream) => Box::new(stream),
            // A client that is not trusted, or does not trust.
            Err(_) => return,
        },
    };
    let service = service_fn(|request| serve(request, Arc::clone(&shared)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(wire), service).with_upgrades();
    // An error is a client that left, or a fault that cut the connection.
    drop(connection.await);
}

/// Handles a request; an error closes the connection without an answer.
async fn serve(mut request: Request<Incoming>, shared: Arc<EngineShared>) -> io::Result<Response<ReplyBody>> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let call = EngineCall::new(&parts, &body);
    let faults = {
        let mut state = shared.state();
        state.calls.push(call.clone());
        state.misbehaviours(&call)
    };
    before(&faults).await?;
    if faults.is_empty() && call.is("POST", "exec/*/start") {
        let response = exec::start(&shared, &call, upgrade);
        shared.changed();
        return Ok(response);
    }
    let mut reply = answer(&shared, &call, &faults);
    shared.changed();
    for fault in &faults {
        match fault {
            Misbehaviour::LoseAnswer => return Err(io::Error::other("the answer is lost")),
            Misbehaviour::HoldAnswer(gate) => gate.pass().await,
            Misbehaviour::CutAfter(bytes) => {
                let status = reply.status;
                reply =
                    Reply { status, ..Reply::stream(reply.content_type, cut(reply.into_chunks(), *bytes)) };
            }
            _ => {}
        }
    }
    Ok(reply.ready().await.into_response())
}

// What happens instead of anything, or before it.
async fn before(faults: &[Misbehaviour]) -> io::Result<()> {
    for fault in faults {
        match fault {
            Misbehaviour::Hangup => return Err(io::Error::other("hung up by a fault")),
            Misbehaviour::Hold(gate) => gate.pass().await,
            Misbehaviour::Delay(time) => tokio::time::sleep(*time).await,
            _ => {}
        }
    }
    Ok(())
}

fn answer(shared: &Arc<EngineShared>, call: &EngineCall, faults: &[Misbehaviour]) -> Reply {
    for fault in faults {
        match fault {
            Misbehaviour::Status(status, message) => return Reply::error(shared.dialect, *status, message),
            Misbehaviour::Body(bytes) => return Reply::new(200, "application/json", bytes.clone()),
            Misbehaviour::Endless => return Reply::stream("application/json", endless(Arc::clone(shared))),
            _ => {}
        }
    }
    let mut state = shared.state();
    routes::answer(&mut Context { shared, state: &mut state, call })
}

/// The same letter for ever, as fast as it is read.
fn endless(shared: Arc<EngineShared>) -> Chunks {
    let piece = Bytes::from_static(&[b'x'; PIECE]);
    Box::pin(stream::repeat(()).map(move |()| {
        shared.count(PIECE);
        Ok(piece.clone())
    }))
}

fn cut(mut chunks: Chunks, bytes: usize) -> Chunks {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut left = bytes;
        while let Some(Ok(chunk)) = chunks.next().await
            && left > 0
        {
            let kept = chunk.slice(..chunk.len().min(left));
            left -= kept.len();
            if sender.send(Ok(kept)).await.is_err() {
                return;
            }
        }
        // What was sent so far goes out first.
        sender.reserve().await.ok();
        tokio::time::sleep(FLUSH).await;
        drop(sender.send(Err(io::Error::other("cut by a fault"))).await);
    });
    Box::pin(stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))))
}

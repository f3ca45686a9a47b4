//! A scripted client: it sends a fixed list of bytes and keeps what it receives.
//!
//! It hangs up once the server has read everything and is idle; hanging up earlier would abort a running request. For
//! tests and fuzzing only, never in a server build.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    connection::Connections,
    peer::{ListenerKind, Peer},
};

/// Time a request may wait for more bytes, or for anything else, before the client hangs up.
const PATIENCE: Duration = Duration::from_millis(20);

// Consecutive reads by an idle server that prove it is done. One is not enough: a request just read may not have
// started.
const SURE: u32 = 3;

struct Script {
    request: Vec<u8>,
    read: usize,
    idle: u32,
    peer: Arc<Peer>,
    heard: Arc<ReceivedBytes>,
}

#[derive(Default)]
struct ReceivedBytes {
    bytes: Mutex<Vec<u8>>,
    hung_up: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

/// Serves one client and returns the bytes it was sent.
pub(crate) async fn exchange(connections: &Connections, request: &[u8]) -> Vec<u8> {
    let peer = Peer::new(None, ListenerKind::Public, None);
    let heard = Arc::new(ReceivedBytes::default());
    let (to, from) = (Arc::clone(&heard), Arc::clone(&peer));
    let script = Script { request: request.to_vec(), read: 0, idle: 0, peer: from, heard: to };
    let hang_up = async {
        tokio::time::sleep(PATIENCE).await;
        heard.hung_up.store(true, Ordering::Release);
        if let Some(reader) = heard.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader.wake();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = connections.serve(TokioIo::new(script), peer) => {}
        () = hang_up => {}
    }
    std::mem::take(&mut heard.bytes.lock().unwrap_or_else(PoisonError::into_inner))
}

impl AsyncRead for Script {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let rest = &this.request[this.read..];
        if !rest.is_empty() {
            let count = rest.len().min(into.remaining());
            into.put_slice(&rest[..count]);
            this.read += count;
            return Poll::Ready(Ok(()));
        }
        let is_idle = this.peer.idle_since().is_some();
        this.idle = if is_idle { this.idle + 1 } else { 0 };
        if this.idle > SURE || this.heard.hung_up.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        *this.heard.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        if is_idle {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.heard.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

//! The connection below hyper, so that a fault can cut it at an exact byte.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
};

/// A stream that reports when everything written has gone to the kernel, and can end with a reset.
#[derive(Debug)]
pub(crate) struct FaultyStream {
    stream: TcpStream,
    signal: Arc<Signal>,
}

/// A body's handle to its connection.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    flushed: watch::Sender<()>,
    is_reset: AtomicBool,
}

impl Signal {
    /// Waits until everything handed to hyper so far has been sent.
    pub(crate) async fn drained(&self) {
        let mut flushed = self.flushed.subscribe();
        // On HTTP/2 another task flushes, perhaps just before this one started waiting.
        drop(tokio::time::timeout(Duration::from_millis(100), flushed.changed()).await);
    }

    /// Makes the connection end with a reset when it is dropped.
    pub(crate) fn reset(&self) {
        self.is_reset.store(true, Ordering::Relaxed);
    }
}

impl FaultyStream {
    pub(crate) fn new(stream: TcpStream) -> (Self, Arc<Signal>) {
        let signal = Arc::new(Signal::default());
        (Self { stream, signal: signal.clone() }, signal)
    }
}

impl Drop for FaultyStream {
    fn drop(&mut self) {
        if self.signal.is_reset.load(Ordering::Relaxed) {
            self.stream.set_zero_linger().unwrap();
        }
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.signal.flushed.send_replace(());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

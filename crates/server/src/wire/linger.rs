//! Closes connections gracefully: keeps reading for a moment after the last write. Also tracks the state of the line:
//! whether it needs this, and how much the client has taken.
//!
//! Closing a socket with unread input resets it, and a reset discards data that the client has not read yet: a response
//! sent before its request ended, or the end of an HTTP/2 stream whose window it still updates.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::time::Sleep;

/// Limits of that reading in time and bytes: enough for what many clients still send when the disk is full.
const TIME: Duration = Duration::from_secs(2);
const BYTES: usize = 16 << 20;

/// The state of a connection's line, shared with those who watch it.
#[derive(Default)]
pub(crate) struct SocketState {
    unread: AtomicBool,
    blocked: AtomicBool,
    taken: AtomicU64,
}

impl SocketState {
    /// Records that the client may still be sending at the end.
    pub(crate) fn leaves_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// True if the client does not take data that is ready to be written.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Bytes the client has taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    // Only one task writes, so load and store lose nothing, and cores need not synchronize.
    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.blocked.store(written.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(bytes)) = &written {
            self.taken.store(self.taken() + *bytes as u64, Ordering::Relaxed);
        }
        written
    }

    fn flushed(&self, flushed: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        self.blocked.store(flushed.is_pending(), Ordering::Relaxed);
        flushed
    }
}

/// A connection that closes gracefully if its line asks for it by then.
pub(crate) struct Linger<I> {
    io: I,
    line: Arc<SocketState>,
    closing: Option<ClosingState>,
}

struct ClosingState {
    timer: Pin<Box<Sleep>>,
    left: usize,
}

impl<I: Read + Unpin> Linger<I> {
    pub(crate) fn new(io: I, socket: Arc<SocketState>) -> Self {
        Self { io, line: socket, closing: None }
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let new = || ClosingState { timer: Box::pin(tokio::time::sleep(TIME)), left: BYTES };
        let closing = self.closing.get_or_insert_with(new);
        let mut scratch = [0; 8 << 10];
        loop {
            if closing.left == 0 || closing.timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.io).poll_read(cx, buffer.unfilled())) {
                Ok(()) if !buffer.filled().is_empty() => {
                    closing.left = closing.left.saturating_sub(buffer.filled().len());
                }
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl<I: Read + Unpin> Read for Linger<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: Read + Write + Unpin> Write for Linger<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.line.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.line.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.line.flushed(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        }
        if self.line.unread.load(Ordering::Relaxed) {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

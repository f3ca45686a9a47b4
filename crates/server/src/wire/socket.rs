//! A TCP socket that sends slices of lent files with `sendfile(2)`, so their bytes never pass through the process.
//!
//! hyper queues response bytes without reading them if the connection supports vectored writes. A slice of a file's
//! mapping stands for the file and an offset, and those are passed to the kernel.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use tokio::{io::Interest, net::TcpStream};

use super::lending::Lending;
use crate::metrics::ServerMetrics;

/// A socket that uses `sendfile`; see the module.
pub(crate) struct Socket {
    stream: TokioIo<TcpStream>,
    lending: Lending,
    metrics: ServerMetrics,
}

/// The input of the next system call.
enum SendStep<'a> {
    Nothing,
    File(entrepot_mirror::Mapping, u64, usize),
    /// Slices of memory; true if a file follows.
    Memory(&'a [IoSlice<'a>], bool),
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, lending: Lending, metrics: ServerMetrics) -> Self {
        Self { stream: TokioIo::new(stream), lending, metrics }
    }

    fn next<'a>(&self, slices: &'a [IoSlice<'a>]) -> SendStep<'a> {
        let Some(first) = slices.iter().position(|slice| !slice.is_empty()) else { return SendStep::Nothing };
        let slices = &slices[first..];
        if let Some((mapping, offset)) = self.lending.find(&slices[0]) {
            return SendStep::File(mapping, offset, slices[0].len());
        }
        let file = slices.iter().position(|slice| self.lending.find(slice).is_some());
        SendStep::Memory(&slices[..file.unwrap_or(slices.len())], file.is_some())
    }

    fn send(&self, step: &SendStep<'_>) -> io::Result<usize> {
        let socket = self.stream.inner();
        match step {
            SendStep::Nothing => Ok(0),
            SendStep::File(mapping, offset, count) => {
                let sent = rustix::fs::sendfile(socket, mapping.file(), Some(&mut offset.clone()), *count);
                let sent = sent.inspect_err(|error| {
                    // This is an error of the disk, not of the client.
                    if *error == rustix::io::Errno::IO {
                        mapping.suspect();
                    }
                })?;
                if sent == 0 {
                    mapping.suspect();
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
                }
                self.metrics.sent_file(sent);
                Ok(sent)
            }
            SendStep::Memory(slices, file_follows) => {
                // Lets the response head and the start of its file share a packet.
                let more = if *file_follows { SendFlags::MORE } else { SendFlags::empty() };
                let mut no_control = SendAncillaryBuffer::default();
                Ok(rustix::net::sendmsg(socket, slices, &mut no_control, SendFlags::NOSIGNAL | more)?)
            }
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.lending.is_empty() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        }
        let step = self.next(slices);
        loop {
            ready!(self.stream.inner().poll_write_ready(cx))?;
            // `try_io` clears the readiness if the kernel would block, so this does not spin.
            match self.stream.inner().try_io(Interest::WRITABLE, || self.send(&step)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when its own queue is empty; the kernel's needs no flush.
        self.lending.all_written();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

//! The other end of a connection, and the state of the connection.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::Version;

use crate::wire::{lending::Lending, linger::SocketState};

/// The listener that accepted a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListenerKind {
    /// The network.
    Public,
    /// The socket for the local command line.
    Control,
}

/// The other end, and the state of the connection.
pub(crate) struct Peer {
    address: Option<IpAddr>,
    door: ListenerKind,
    // Only if the connection can use it.
    lending: Option<Lending>,
    running: AtomicUsize,
    begun: AtomicUsize,
    // HTTP/2 responses with data that waits for the client.
    offered: AtomicUsize,
    // Bytes of responses made for it that it has not taken.
    held: AtomicUsize,
    line: Arc<SocketState>,
}

impl Peer {
    pub(crate) fn new(
        address: Option<IpAddr>,
        listener: ListenerKind,
        lending: Option<Lending>,
    ) -> Arc<Self> {
        Arc::new(Self {
            address,
            door: listener,
            lending,
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            offered: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            line: Arc::default(),
        })
    }

    /// The client's address; `None` for the local command line.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    pub(crate) fn door(&self) -> ListenerKind {
        self.door
    }

    /// The files that this connection sends from, if it can let the kernel send them. HTTP/2 splits data into frames
    /// too small to be worth a system call each.
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

    /// Records that the client may still be sending at the end: its request was not read fully, or it speaks HTTP/2.
    pub(crate) fn leaves_unread(&self) {
        self.line.leaves_unread();
    }

    /// Records that an HTTP/2 response has data for the client (`more`), or has none, or that the client waits for us.
    pub(crate) fn offers(&self, more: bool) {
        if more {
            self.offered.fetch_add(1, Ordering::Relaxed);
        } else {
            self.offered.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts `bytes` of a response. Returns false, and counts nothing, if that exceeds the client's share.
    pub(crate) fn hold(&self, bytes: usize, share: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= share);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    pub(crate) fn let_go(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Returns a value that stays the same over all checks while the connection is idle; `None` if it is busy.
    pub(crate) fn idle_since(&self) -> Option<usize> {
        let begun = self.begun.load(Ordering::Relaxed);
        (self.running.load(Ordering::Relaxed) == 0 && !self.line.is_blocked()).then_some(begun)
    }

    /// True if responses made for it occupy memory.
    pub(crate) fn holds_memory(&self) -> bool {
        self.held.load(Ordering::Relaxed) > 0
    }

    /// Bytes the client has taken so far; the counter may wrap.
    pub(crate) fn taken(&self) -> u64 {
        self.line.taken()
    }

    /// The state of the wire.
    pub(crate) fn line(&self) -> Arc<SocketState> {
        Arc::clone(&self.line)
    }

    /// True if we wait for the client.
    // Over HTTP/1, unread data blocks the line. Over HTTP/2 the line is free but the client's window is full.
    pub(crate) fn is_waiting_for_client(&self) -> bool {
        self.line.is_blocked() || self.offered.load(Ordering::Relaxed) > 0
    }
}

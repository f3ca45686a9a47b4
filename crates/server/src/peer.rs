//! Who is at the other end of a connection, and what the connection is doing.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::Version;

use crate::wire::{lending::Lending, linger::Line};

/// Which of our two doors a connection came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The network.
    Public,
    /// The socket for the local command line.
    Control,
}

/// Who is at the other end, and what the connection is doing.
pub(crate) struct Peer {
    address: Option<IpAddr>,
    door: Door,
    // Only where the connection can do something with it.
    lending: Option<Lending>,
    running: AtomicUsize,
    begun: AtomicUsize,
    // Answers over HTTP/2 of which there is more for the client to take.
    offered: AtomicUsize,
    // Bytes of answers that were made for it and that it has not taken.
    held: AtomicUsize,
    line: Arc<Line>,
}

impl Peer {
    pub(crate) fn new(address: Option<IpAddr>, door: Door, lending: Option<Lending>) -> Arc<Self> {
        Arc::new(Self {
            address,
            door,
            lending,
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            offered: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            line: Arc::default(),
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
        self.line.leaves_unread();
    }

    /// Of an answer over HTTP/2 there is more for the client, or no more, or it is we who are waited for.
    pub(crate) fn offers(&self, more: bool) {
        if more {
            self.offered.fetch_add(1, Ordering::Relaxed);
        } else {
            self.offered.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts `bytes` of an answer, unless the client then has more than its share.
    pub(crate) fn hold(&self, bytes: usize, share: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= share);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    pub(crate) fn let_go(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What all looks have to agree in, for the connection to be idle.
    pub(crate) fn idle_since(&self) -> Option<usize> {
        let begun = self.begun.load(Ordering::Relaxed);
        (self.running.load(Ordering::Relaxed) == 0 && !self.line.is_blocked()).then_some(begun)
    }

    /// Whether answers that were made for it take memory.
    pub(crate) fn holds_memory(&self) -> bool {
        self.held.load(Ordering::Relaxed) > 0
    }

    /// How many bytes the client took so far, modulo what a counter holds.
    pub(crate) fn taken(&self) -> u64 {
        self.line.taken()
    }

    /// What the connection's end of the wire tells about it.
    pub(crate) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    /// Whether it is the client that is waited for.
    // Over HTTP/1 what the client does not take blocks the line; over HTTP/2 the line is free, and its window is not.
    pub(crate) fn is_waiting_for_client(&self) -> bool {
        self.line.is_blocked() || self.offered.load(Ordering::Relaxed) > 0
    }
}

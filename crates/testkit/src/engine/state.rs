//! What the engine keeps, all in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use entrepot_oci::Digest;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    call::EngineCall,
    dialect::Dialect,
    event,
    fault::{EngineFault, Misbehaviour},
    offer::{PullableImage, Refusal},
    program::{Exec, ExecAnswer},
    record::Record,
};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct EngineShared {
    pub(crate) dialect: Dialect,
    state: Mutex<EngineState>,
    /// Bytes of endless streams that went out.
    pub(crate) sent: AtomicU64,
    changes: watch::Sender<()>,
    /// Connections that are open.
    pub(crate) connections: AtomicUsize,
}

impl EngineShared {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            state: Mutex::new(EngineState::default()),
            sent: AtomicU64::new(0),
            changes: watch::Sender::new(()),
            connections: AtomicUsize::new(0),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, EngineState> {
        self.state.lock().unwrap()
    }

    /// Says that something changed.
    pub(crate) fn changed(&self) {
        self.changes.send_replace(());
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Counts a connection until it is dropped.
    pub(crate) fn opened(self: &Arc<Self>) -> ConnectionGuard {
        self.connections.fetch_add(1, Ordering::Relaxed);
        ConnectionGuard(Arc::clone(self))
    }

    pub(crate) fn count(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A connection that is open.
pub(crate) struct ConnectionGuard(Arc<EngineShared>);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the engine keeps.
#[derive(Debug, Default)]
pub(crate) struct EngineState {
    pub(crate) containers: Vec<Record>,
    /// By full reference.
    pub(crate) images: BTreeMap<String, PullableImage>,
    pub(crate) offers: BTreeMap<String, Result<PullableImage, Refusal>>,
    /// Name and labels.
    pub(crate) volumes: BTreeMap<String, Value>,
    pub(crate) calls: Vec<EngineCall>,
    pub(crate) faults: Vec<EngineFault>,
    pub(crate) execs: Vec<Exec>,
    /// Containers have no shell.
    pub(crate) has_no_shell: bool,
    /// What programs answer, by a part of their command.
    pub(crate) answers: Vec<(String, ExecAnswer)>,
    pub(crate) events: Vec<Value>,
    /// Fields of the answer to `info`.
    pub(crate) info: BTreeMap<String, Value>,
    /// Paths of the machine that are not there.
    pub(crate) missing_paths: BTreeSet<String>,
    /// Directories that were made because something wanted to mount them.
    pub(crate) made_paths: BTreeSet<String>,
    /// Cards are forgotten when a container starts.
    pub(crate) drops_devices: bool,
    /// Limits are forgotten when a container is made.
    pub(crate) drops_limits: bool,
    /// How far its clock is ahead.
    pub(crate) ahead_ms: i64,
    numbers: u64,
}

impl EngineState {
    pub(crate) fn now_ms(&self) -> i64 {
        Timestamp::now().as_millisecond() + self.ahead_ms
    }

    /// An id that no other thing has.
    pub(crate) fn next_id(&mut self) -> String {
        self.numbers += 1;
        Digest::of(&self.numbers.to_be_bytes()).hex()
    }

    /// What goes wrong with this request, and uses it up.
    pub(crate) fn misbehaviours(&mut self, call: &EngineCall) -> Vec<Misbehaviour> {
        let due = self.faults.iter_mut().filter(|fault| fault.is_about(call));
        due.map(|fault| {
            fault.times -= 1;
            fault.what.clone()
        })
        .collect()
    }

    /// Tells whoever listens what happened to a container.
    pub(crate) fn tell(&mut self, name: &str, action: &str, dialect: Dialect) {
        let now_ms = self.now_ms();
        let told = self.container(name).map(|record| event::about(record, action, now_ms, dialect));
        self.events.extend(told);
    }

    pub(crate) fn container(&mut self, name: &str) -> Option<&mut Record> {
        self.containers.iter_mut().find(|record| record.is_called(name))
    }
}

/// A time as the engine writes it; the year 1 is "never".
pub(crate) fn written(time_ms: Option<i64>, dialect: Dialect) -> String {
    let Some(time_ms) = time_ms else { return "0001-01-01T00:00:00Z".to_owned() };
    let text = Timestamp::from_millisecond(time_ms).unwrap().to_string();
    if dialect.is_podman() { text.replace('Z', "+00:00") } else { text }
}

/// The id of an image, by its reference.
pub(crate) fn image_id(reference: &str) -> String {
    Digest::of(reference.as_bytes()).to_string()
}

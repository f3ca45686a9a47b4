//! What a registry holds, and what its connections share of it.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
};

use crate::{
    answer::CorrectResponse,
    auth::Auth,
    capabilities::Capabilities,
    fault::{self, Action, Fault},
    log::Journal,
    request::{Call, ResourceKind},
    rush::Rush,
    store::Store,
};

/// What its connections share.
#[derive(Debug)]
pub(crate) struct RegistryShared {
    pub(crate) addr: SocketAddr,
    state: Mutex<RegistryState>,
    pub(crate) journal: Journal,
}

/// What a test can change while it runs.
#[derive(Debug, Default)]
pub(crate) struct RegistryState {
    pub(crate) store: Store,
    pub(crate) auth: Auth,
    /// The repositories that only those who log in may read.
    pub(crate) private: BTreeSet<String>,
    pub(crate) capabilities: Capabilities,
    pub(crate) rush: Rush,
    pub(crate) faults: Vec<Fault>,
    pub(crate) pace: Option<u64>,
}

impl RegistryShared {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, state: Mutex::default(), journal: Journal::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, RegistryState> {
        self.state.lock().unwrap()
    }

    pub(crate) fn pace(&self) -> Option<u64> {
        self.state().pace
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn select(&self, call: &Call) -> Vec<Action> {
        let mut state = self.state();
        let is_refused = state.refuse(call, &self.url()).is_some();
        fault::select(&mut state.faults, call, is_refused)
    }
}

impl RegistryState {
    /// The refusal of whoever has not logged in.
    pub(crate) fn refuse(&self, call: &Call, url: &str) -> Option<CorrectResponse> {
        if call.kind == ResourceKind::Token { None } else { self.auth.refuse(call, url, &self.private) }
    }
}

//! A run that is at work, or waits for its turn.

use std::{
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use entrepot_catalog::{Cause, RunId};
use tokio_util::sync::CancellationToken;

use crate::{part::RunScope, progress::RunProgress, view::ProgressView};

/// A run that is at work, or waits for its turn.
#[derive(Debug)]
pub(crate) struct ActiveRun {
    pub(crate) id: RunId,
    pub(crate) rule: String,
    pub(crate) cause: Cause,
    pub(crate) part: RunScope,
    pub(crate) started: SystemTime,
    pub(crate) cancel: CancellationToken,
    progress: Mutex<RunProgress>,
}

impl ActiveRun {
    pub(crate) fn new(id: RunId, rule: String, cause: Cause, scope: RunScope, started: SystemTime) -> Self {
        let cancel = CancellationToken::new();
        Self { id, rule, cause, part: scope, started, cancel, progress: Mutex::default() }
    }

    /// How far it is.
    pub(crate) fn view(&self) -> ProgressView {
        self.progress(|progress| ProgressView {
            run: self.id,
            rule: self.rule.clone(),
            cause: self.cause,
            part: (!self.part.is_whole()).then(|| self.part.to_string()),
            started: self.started,
            phase: progress.phase(),
            wanted: progress.wanted(),
            copies: progress.counts(),
            bytes: progress.bytes(),
            done: progress.done(),
            read: progress.read(),
            images: progress.images(),
        })
    }

    /// Reads or changes its progress.
    pub(crate) fn progress<T>(&self, with: impl FnOnce(&mut RunProgress) -> T) -> T {
        with(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

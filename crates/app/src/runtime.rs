//! Process setup: threads and the open file limit.

use std::thread;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

/// Builds a runtime with one worker per core.
pub(crate) fn build() -> Result<Runtime, Failure> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let built =
        Builder::new_multi_thread().worker_threads(workers).thread_name("entrepot").enable_all().build();
    built.map_err(|error| Failure::because("cannot start threads", &error))
}

/// Raises the open file limit to the maximum: every client and every mapping needs a file.
pub(crate) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the number of open files stays limited");
        }
    }
}

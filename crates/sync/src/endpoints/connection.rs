//! Connections to registries: requests are retried while an error may be temporary, and limited in number.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use entrepot_oci::{Page, Repository};
use entrepot_remote::{Error as RemoteError, Remote};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::EndpointError;
use crate::Registry;

/// The number of tries for a temporary error, and for a 5xx status. Overloaded registries answer with the latter.
const TRIES: u32 = 5;
const TRIES_FAILING: u32 = 7;

/// The number of times that a registry may ask us to wait before we give up.
const TURNS: u32 = 60;

/// After a registry could not be reached, it gets a single try for this long.
const DOWN_FOR: Duration = Duration::from_secs(30);

/// The most requests of a run that one registry answers at once.
const LINES: usize = 64;

/// After so many refused mounts, and none that worked, a registry is taken not to mount.
const REFUSALS: u32 = 3;

/// A registry during a run.
pub(crate) struct RegistryConn {
    registry: Registry,
    lines: Semaphore,
    /// The last time that it could not be reached.
    down: Mutex<Option<Instant>>,
    /// Manifests that are being pulled, which its budget does not show yet.
    pulling: AtomicU64,
    refusals: AtomicU32,
    mounts: AtomicU32,
}

/// A repository at a registry.
#[derive(Clone, Debug)]
pub(crate) struct RepositoryRef {
    pub(crate) conn: std::sync::Arc<RegistryConn>,
    pub(crate) repository: Repository,
}

impl RepositoryRef {
    /// Whether the repository certainly does not exist. `false` only costs requests.
    pub(crate) async fn is_new(&self) -> bool {
        let one = Page::parse(Some("1"), None).unwrap_or_default();
        let line = self.conn.line().await;
        let listed = self.conn.remote().tags(&self.repository, &one).await;
        drop(line);
        listed.is_err_and(|error| EndpointError::from(error).is_not_found())
    }
}

/// The right to pull one manifest.
#[derive(Debug)]
pub(crate) struct Pull<'a>(&'a AtomicU64);

impl Drop for Pull<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for RegistryConn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryConn({})", self.registry.remote.host())
    }
}

impl RegistryConn {
    /// A connection without history.
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            lines: Semaphore::new(LINES),
            down: Mutex::default(),
            pulling: AtomicU64::new(0),
            refusals: AtomicU32::new(0),
            mounts: AtomicU32::new(0),
        }
    }

    /// The client.
    pub(crate) fn remote(&self) -> &Remote {
        &self.registry.remote
    }

    /// The chunk size for a blob of this size, if it has to be sent in chunks from the start.
    pub(crate) fn chunk(&self, size: u64) -> Option<u64> {
        self.registry.chunk.filter(|chunk| size > *chunk).map(|chunk| chunk.max(1))
    }

    /// Whether it is worth trying to mount a blob from another repository.
    pub(crate) fn may_mount(&self) -> bool {
        self.mounts.load(Ordering::Relaxed) > 0 || self.refusals.load(Ordering::Relaxed) < REFUSALS
    }

    /// Records whether a mount worked.
    pub(crate) fn mounted(&self, done: bool) {
        let counter = if done { &self.mounts } else { &self.refusals };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// One of the slots for requests, held until it is dropped.
    pub(crate) async fn line(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.lines.acquire().await.ok()
    }

    /// Permission to pull a manifest, if enough of the budget is left for others.
    pub(crate) fn pull(&self) -> Result<Pull<'_>, EndpointError> {
        let pulling = self.pulling.fetch_add(1, Ordering::Relaxed);
        let pull = Pull(&self.pulling);
        match self.remote().pull_quota() {
            Some(limit) if self.registry.reserve > 0 => {
                let left = limit.remaining.saturating_sub(pulling);
                if left > u64::from(self.registry.reserve) {
                    Ok(pull)
                } else {
                    Err(EndpointError::Budget(limit.window))
                }
            }
            _ => Ok(pull),
        }
    }

    /// Retries a request until it succeeds or fails for good.
    pub(crate) async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, EndpointError>
    where
        F: Future<Output = Result<T, RemoteError>>,
    {
        self.until(ask, |_| false).await
    }

    /// Retries the request for a manifest, but does not wait for a budget that is used up.
    pub(crate) async fn pulling<T, F>(&self, ask: impl Fn() -> F) -> Result<T, EndpointError>
    where
        F: Future<Output = Result<T, RemoteError>>,
    {
        let _pull = self.pull()?;
        let is_used_up = || self.remote().pull_quota().is_some_and(|limit| limit.remaining == 0);
        let answer = self.until(ask, |error| error.wait().is_some() && is_used_up()).await;
        answer.map_err(|error| match error {
            EndpointError::Registry(RemoteError::Limited { .. }) if is_used_up() => {
                EndpointError::Budget(self.remote().pull_quota().and_then(|limit| limit.window))
            }
            other => other,
        })
    }

    async fn until<T, F>(
        &self,
        ask: impl Fn() -> F,
        is_enough: impl Fn(&EndpointError) -> bool,
    ) -> Result<T, EndpointError>
    where
        F: Future<Output = Result<T, RemoteError>>,
    {
        let (mut tries, mut turns) = (0, 0);
        loop {
            let line = self.line().await;
            let error = match ask().await {
                Ok(answer) => {
                    self.reached(true);
                    return Ok(answer);
                }
                Err(error) => EndpointError::from(error),
            };
            drop(line);
            if !error.may_pass() || is_enough(&error) {
                return Err(error);
            }
            let wait = match error.wait() {
                Some(asked) => {
                    turns += 1;
                    asked + backoff(0) / 4
                }
                None => {
                    tries += 1;
                    backoff(tries)
                }
            };
            if turns > TURNS || tries >= self.tries(&error) {
                self.reached(!error.is_silence());
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    // One that was just found to be down is not waited for by everybody in turn.
    fn tries(&self, error: &EndpointError) -> u32 {
        let down = *self.down.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            EndpointError::Registry(RemoteError::Failing { .. }) => TRIES_FAILING,
            error if error.is_silence() && down.is_some_and(|since| since.elapsed() < DOWN_FOR) => 1,
            _ => TRIES,
        }
    }

    fn reached(&self, reached: bool) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = (!reached).then(Instant::now);
    }
}

/// The wait before a retry, counted from 1. It doubles each time, and has jitter so that clients that were turned away
/// together do not come back together.
pub(crate) fn backoff(tries: u32) -> Duration {
    let wait = Duration::from_millis(250) * 2u32.saturating_pow(tries.min(7));
    let chance = RandomState::new().hash_one(tries) % 100;
    wait / 2 + wait / 200 * u32::try_from(chance).unwrap_or_default()
}

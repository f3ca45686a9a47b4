//! Connections to registries: retries temporary errors, and limits the number of concurrent requests.

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

/// The number of attempts for a temporary error, and for a 5xx status, which overloaded registries send.
const TRIES: u32 = 5;
const TRIES_FAILING: u32 = 7;

/// The number of times a registry may ask us to wait before we give up.
const TURNS: u32 = 60;

/// The time for which an unreachable registry gets only a single attempt.
const DOWN_FOR: Duration = Duration::from_secs(30);

/// The most concurrent requests of a run to one registry.
const LINES: usize = 64;

/// After this many refused mounts without success, no more are tried.
const REFUSALS: u32 = 3;

/// A registry during a run.
pub(crate) struct RegistryConn {
    registry: Registry,
    lines: Semaphore,
    /// The last time it was unreachable.
    down: Mutex<Option<Instant>>,
    /// Manifest requests in progress, which its budget does not reflect yet.
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
    /// True if the repository certainly does not exist. `false` only costs requests.
    pub(crate) async fn is_new(&self) -> bool {
        let one = Page::parse(Some("1"), None).unwrap_or_default();
        let line = self.conn.line().await;
        let listed = self.conn.remote().tags(&self.repository, &one).await;
        drop(line);
        listed.is_err_and(|error| EndpointError::from(error).is_not_found())
    }
}

/// Permission to pull one manifest.
#[derive(Debug)]
pub(crate) struct PullPermit<'a>(&'a AtomicU64);

impl Drop for PullPermit<'_> {
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

    /// The chunk size for a blob of this size; `None` if a single request will do.
    pub(crate) fn chunk(&self, size: u64) -> Option<u64> {
        self.registry.chunk.filter(|chunk| size > *chunk).map(|chunk| chunk.max(1))
    }

    /// True if it is worth trying to mount a blob from another repository.
    pub(crate) fn may_mount(&self) -> bool {
        self.mounts.load(Ordering::Relaxed) > 0 || self.refusals.load(Ordering::Relaxed) < REFUSALS
    }

    /// Records whether a mount succeeded.
    pub(crate) fn mounted(&self, done: bool) {
        let counter = if done { &self.mounts } else { &self.refusals };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Acquires a request slot, held until dropped.
    pub(crate) async fn line(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.lines.acquire().await.ok()
    }

    /// Permission to pull a manifest, if that leaves the reserve of the budget untouched.
    pub(crate) fn pull(&self) -> Result<PullPermit<'_>, EndpointError> {
        let pulling = self.pulling.fetch_add(1, Ordering::Relaxed);
        let pull = PullPermit(&self.pulling);
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

    /// Retries a manifest request, but does not wait for an exhausted budget.
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

    // If the registry was just found to be down, other requests do not all wait for it again.
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

/// The wait before a retry, counted from 1. Doubles each time, with jitter so that clients refused together do not
/// return together.
pub(crate) fn backoff(tries: u32) -> Duration {
    let wait = Duration::from_millis(250) * 2u32.saturating_pow(tries.min(7));
    let chance = RandomState::new().hash_one(tries) % 100;
    wait / 2 + wait / 200 * u32::try_from(chance).unwrap_or_default()
}

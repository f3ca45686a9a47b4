//! Registries, asked patiently: what may pass is asked again, and nobody is asked more at once than is good for him.

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

use super::EndError;
use crate::Registry;

/// How often something is tried that may pass, and how often where a registry answers that it cannot: so do those that are
/// asked more than they like.
const TRIES: u32 = 5;
const TRIES_FAILING: u32 = 7;

/// How often a registry may ask us to wait before we believe that it will never be our turn.
const TURNS: u32 = 60;

/// How long a registry that could not be reached is not waited for again.
const DOWN_FOR: Duration = Duration::from_secs(30);

/// The most requests of a run that one registry answers at once.
const LINES: usize = 64;

/// How many refused mounts it takes to believe that a registry does not mount.
const REFUSALS: u32 = 3;

/// A registry during a run.
pub(crate) struct Station {
    registry: Registry,
    lines: Semaphore,
    /// When it was last found out that it cannot be reached.
    down: Mutex<Option<Instant>>,
    /// Manifests being pulled, which its budget does not show yet.
    pulling: AtomicU64,
    refusals: AtomicU32,
    mounts: AtomicU32,
}

/// A repository at a registry.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) station: std::sync::Arc<Station>,
    pub(crate) repository: Repository,
}

impl At {
    /// Whether it is known that nothing is there. Not knowing costs requests.
    pub(crate) async fn is_new(&self) -> bool {
        let one = Page::parse(Some("1"), None).unwrap_or_default();
        let line = self.station.line().await;
        let listed = self.station.remote().tags(&self.repository, &one).await;
        drop(line);
        listed.is_err_and(|error| EndError::from(error).is_not_found())
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

impl fmt::Debug for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Station({})", self.registry.remote.host())
    }
}

impl Station {
    /// A registry that nobody has asked yet.
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

    /// How to speak to it.
    pub(crate) fn remote(&self) -> &Remote {
        &self.registry.remote
    }

    /// The size of the chunks in which a blob has to go from the start, if it has to.
    pub(crate) fn chunk(&self, size: u64) -> Option<u64> {
        self.registry.chunk.filter(|chunk| size > *chunk).map(|chunk| chunk.max(1))
    }

    /// Whether it is worth asking for a blob of another repository.
    pub(crate) fn may_mount(&self) -> bool {
        self.mounts.load(Ordering::Relaxed) > 0 || self.refusals.load(Ordering::Relaxed) < REFUSALS
    }

    /// Learns from a mount.
    pub(crate) fn mounted(&self, done: bool) {
        let counter = if done { &self.mounts } else { &self.refusals };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// One of the lines to it, for as long as a request takes.
    pub(crate) async fn line(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.lines.acquire().await.ok()
    }

    /// The right to pull a manifest, if that leaves as much of the budget as is to be left.
    pub(crate) fn pull(&self) -> Result<Pull<'_>, EndError> {
        let pulling = self.pulling.fetch_add(1, Ordering::Relaxed);
        let pull = Pull(&self.pulling);
        match self.remote().pull_quota() {
            Some(limit) if self.registry.reserve > 0 => {
                let left = limit.remaining.saturating_sub(pulling);
                if left > u64::from(self.registry.reserve) {
                    Ok(pull)
                } else {
                    Err(EndError::Budget(limit.window))
                }
            }
            _ => Ok(pull),
        }
    }

    /// Asks until there is an answer that will not change by asking again.
    pub(crate) async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, EndError>
    where
        F: Future<Output = Result<T, RemoteError>>,
    {
        self.until(ask, |_| false).await
    }

    /// The same for a manifest, where a budget that is used up is not waited for.
    pub(crate) async fn pulling<T, F>(&self, ask: impl Fn() -> F) -> Result<T, EndError>
    where
        F: Future<Output = Result<T, RemoteError>>,
    {
        let _pull = self.pull()?;
        let is_used_up = || self.remote().pull_quota().is_some_and(|limit| limit.remaining == 0);
        let answer = self.until(ask, |error| error.wait().is_some() && is_used_up()).await;
        answer.map_err(|error| match error {
            EndError::Registry(RemoteError::Limited { .. }) if is_used_up() => {
                EndError::Budget(self.remote().pull_quota().and_then(|limit| limit.window))
            }
            other => other,
        })
    }

    async fn until<T, F>(
        &self,
        ask: impl Fn() -> F,
        is_enough: impl Fn(&EndError) -> bool,
    ) -> Result<T, EndError>
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
                Err(error) => EndError::from(error),
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
    fn tries(&self, error: &EndError) -> u32 {
        let down = *self.down.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            EndError::Registry(RemoteError::Failing { .. }) => TRIES_FAILING,
            error if error.is_silence() && down.is_some_and(|since| since.elapsed() < DOWN_FOR) => 1,
            _ => TRIES,
        }
    }

    fn reached(&self, reached: bool) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = (!reached).then(Instant::now);
    }
}

/// How long to wait before a try, the first of which is number 1: twice as long each time, and scattered, so that those
/// who were turned away together do not come back together.
pub(crate) fn backoff(tries: u32) -> Duration {
    let wait = Duration::from_millis(250) * 2u32.saturating_pow(tries.min(7));
    let chance = RandomState::new().hash_one(tries) % 100;
    wait / 2 + wait / 200 * u32::try_from(chance).unwrap_or_default()
}

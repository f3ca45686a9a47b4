//! The connections that a client keeps, and giving them up together.
//!
//! Load balancers, firewalls and NAT forget connections without a word. All that were kept from before are then equally
//! suspect, so the first that turns out dead takes the others with it: nobody else has to try them one by one.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use reqwest::Client;

type Build = Box<dyn Fn() -> reqwest::Result<Client> + Send + Sync>;

/// A client whose kept connections can be given up.
pub(crate) struct Pool {
    build: Build,
    current: Mutex<ConnectionGeneration>,
}

/// The connections that were made since others were last given up. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConnectionGeneration {
    client: Client,
    has_answered: Arc<AtomicBool>,
}

impl ConnectionGeneration {
    fn new(client: Client) -> Self {
        Self { client, has_answered: Arc::default() }
    }

    /// The HTTP client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Records a response: its connection is kept from now on.
    pub(crate) fn answered(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    /// Whether a request may have met a connection of an earlier one.
    pub(crate) fn may_be_kept(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }
}

impl Pool {
    /// A pool of the clients that `build` makes.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(crate) fn new(
        build: impl Fn() -> reqwest::Result<Client> + Send + Sync + 'static,
    ) -> reqwest::Result<Self> {
        let current = Mutex::new(ConnectionGeneration::new(build()?));
        Ok(Self { build: Box::new(build), current })
    }

    /// The connections for the next request.
    pub(crate) fn connections(&self) -> ConnectionGeneration {
        self.lock().clone()
    }

    /// Gives up `dead` and returns the connections to use instead. Requests that are under way are not affected.
    pub(crate) fn renew(&self, dead: &ConnectionGeneration) -> ConnectionGeneration {
        let mut current = self.lock();
        // Another request may have done it already.
        if Arc::ptr_eq(&current.has_answered, &dead.has_answered) {
            match (self.build)() {
                Ok(client) => *current = ConnectionGeneration::new(client),
                Err(error) => tracing::warn!(%error, "an HTTP client could not be made anew"),
            }
        }
        current.clone()
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionGeneration> {
        // The value is replaced as a whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

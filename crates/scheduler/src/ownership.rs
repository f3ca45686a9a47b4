//! Keeps this server the only one that works with its database, and tells the database that its runs are alive.
//!
//! The lock can be lost: PostgreSQL restarts, a network breaks. Then no run begins until the lock is taken again. If
//! another server has it by then, this one has to end.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{Catalog, Claim, Error, Instance, LockHolder, Orphans, ServerLock};

/// How often the lock is checked and a heartbeat is written.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(10);

/// A run whose owner was silent for this long has no owner any more. The clocks of two servers that follow each other
/// may differ by less than this.
const SILENCE: Duration = Duration::from_secs(60);

/// Who works with the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This server: runs may begin.
    Us,
    /// Nobody that is known of: no run may begin until the lock is taken again.
    Nobody,
    /// Another server: this one has to end.
    Other(LockHolder),
}

/// The lock on a database, and the instance that holds it.
#[derive(Debug)]
pub(crate) struct Ownership {
    catalog: Catalog,
    instance: Instance,
    // `None` after it was lost.
    lock: Option<ServerLock>,
    checked: SystemTime,
}

impl Ownership {
    /// With a lock that was just taken.
    pub(crate) fn new(catalog: Catalog, instance: Instance, lock: ServerLock, now: SystemTime) -> Self {
        Self { catalog, instance, lock: Some(lock), checked: now }
    }

    /// Whether it is time for another [`Ownership::check`].
    pub(crate) fn is_due(&self, now: SystemTime) -> bool {
        // A clock that was set back makes it due as well.
        now.duration_since(self.checked).map_or(true, |passed| passed >= HEARTBEAT)
    }

    /// Checks the lock, and takes it again where it was lost.
    pub(crate) async fn check(&mut self, now: SystemTime) -> Owner {
        self.checked = now;
        if let Some(lock) = &mut self.lock {
            if lock.is_held().await {
                return Owner::Us;
            }
            self.lock = None;
            tracing::error!("the lock on the database is lost: no sync begins until it is taken again");
        }
        match self.catalog.claim(&self.instance).await {
            Ok(Claim::Ours(lock)) => {
                tracing::info!("the lock on the database is taken again");
                self.lock = Some(lock);
                Owner::Us
            }
            Ok(Claim::Held(holder)) => Owner::Other(holder),
            Err(error) => {
                tracing::debug!(%error, "the lock on the database cannot be taken");
                Owner::Nobody
            }
        }
    }

    /// Says that our runs are alive, and marks those as interrupted that nobody carries out any more.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn beat(&mut self, has_runs: bool, now: SystemTime) -> Result<(), Error> {
        if has_runs {
            self.catalog.heartbeat(self.instance.id, now).await?;
        }
        let orphans = Orphans {
            not_of: self.instance.id,
            predecessor: self.lock.as_ref().and_then(ServerLock::predecessor),
            silent_since: now.checked_sub(SILENCE).unwrap_or(SystemTime::UNIX_EPOCH),
        };
        let interrupted = self.catalog.interrupt_runs(&orphans, now).await?;
        if interrupted > 0 {
            tracing::info!(runs = interrupted, "syncs were interrupted when their server ended");
        }
        Ok(())
    }
}

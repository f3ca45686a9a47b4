//! The handle to the database, and how a change is made.
//!
//! SQLite has one connection that writes and four that read, so that writers of one process wait for each other in a
//! queue and never meet a lock; PostgreSQL has one pool for both.

use std::{fmt, future::Future, path::PathBuf, time::Duration};

use sqlx::{Any, AnyConnection, AnyPool, Connection, Transaction};

use crate::{dialect::Dialect, error::Error};

/// How often a transaction is tried again when others get in its way.
const RETRIES: u32 = 20;

/// How long [`Catalog::is_reachable`] waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// What PostgreSQL answers when it runs, but has no room for one more.
const TOO_MANY_CONNECTIONS: &str = "53300";

/// The catalog, in SQLite or PostgreSQL. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Catalog {
    pub(crate) dialect: &'static Dialect,
    pub(crate) reader: AnyPool,
    pub(crate) writer: AnyPool,
    /// The file that a server locks beside a SQLite database; `None` for PostgreSQL, which has advisory locks.
    pub(crate) lock_file: Option<PathBuf>,
}

/// Without the address, which may hold a password.
impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Catalog")
    }
}

impl Catalog {
    /// Closes every connection, after their work in hand. Later calls fail.
    pub async fn close(&self) {
        // The writer goes last: the last connection to leave tidies SQLite's log away, and readers may not.
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT id FROM repository LIMIT 1").fetch_optional(&self.reader).await?;
        Ok(())
    }

    /// Whether the database lets us in. It is asked over a connection of its own, since those of the pool may all be busy;
    /// SQLite, a file, always does.
    pub async fn is_reachable(&self) -> bool {
        if self.lock_file.is_some() {
            return true;
        }
        let options = self.writer.connect_options();
        match tokio::time::timeout(PATIENCE, AnyConnection::connect_with(&options)).await {
            Ok(Ok(connection)) => {
                // It has answered; how this ends is of no interest.
                let _ = connection.close().await;
                true
            }
            Ok(Err(sqlx::Error::Database(error))) => error.code().as_deref() == Some(TOO_MANY_CONNECTIONS),
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Starts a transaction. Dropped before its commit, it leaves nothing behind.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        Ok(self.writer.begin_with(self.dialect.begin).await?)
    }
}

/// Does `once`, which is one transaction, again as long as others got in its way, at most [`RETRIES`] times.
pub(crate) async fn retried<T, F>(mut once: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for attempt in 0..RETRIES {
        match once().await {
            Err(error) if error.is_conflict() => tokio::time::sleep(pause(attempt)).await,
            outcome => return outcome,
        }
    }
    tracing::warn!(retries = RETRIES, "other transactions keep getting in the way");
    once().await
}

/// A random pause, longer with each attempt up to 128 ms: whoever collided should not meet again.
fn pause(attempt: u32) -> Duration {
    let random = uuid::Uuid::new_v4().as_u64_pair().1;
    Duration::from_micros(random % (1000 << attempt.min(7)))
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::SystemTime};

    use entrepot_oci::Digest;

    use super::*;
    use crate::{
        key::{Origin, RepoKey},
        open::Location,
    };

    // As SQLite does when the disk is full or fails in the middle of a transaction.
    const ROLLS_BACK: &str =
        "CREATE TRIGGER no BEFORE INSERT ON blob BEGIN SELECT RAISE(ROLLBACK, 'no'); END";

    #[tokio::test]
    async fn it_goes_on_after_the_database_has_rolled_back_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("catalog.db"));
        let catalog = Catalog::open(&location).await.unwrap();
        let key = RepoKey { origin: Origin::Hosted, repository: "local/app".parse().unwrap() };
        let blobs = [(Digest::of(b"x"), 1)];
        sqlx::raw_sql(ROLLS_BACK).execute(&catalog.writer).await.unwrap();
        assert!(catalog.link_blobs(&key, &blobs, SystemTime::now()).await.is_err());
        sqlx::raw_sql("DROP TRIGGER no").execute(&catalog.writer).await.unwrap();
        assert_eq!(catalog.blob(&key, &blobs[0].0).await.unwrap(), None);
        catalog.link_blobs(&key, &blobs, SystemTime::now()).await.unwrap();
        assert_eq!(catalog.blob(&key, &blobs[0].0).await.unwrap(), Some(1));
    }

    #[tokio::test]
    async fn other_failures_are_not_tried_again() {
        let tries = Cell::new(0);
        let outcome: Result<(), _> = retried(|| {
            tries.set(tries.get() + 1);
            async { Err(Error::Database(sqlx::Error::PoolTimedOut)) }
        })
        .await;
        assert!(outcome.is_err());
        assert_eq!(tries.get(), 1);
    }
}

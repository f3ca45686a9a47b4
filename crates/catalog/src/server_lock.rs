//! The lock that lets one server at a time work with a database.
//!
//! - PostgreSQL: an advisory lock of a session that does nothing else. It ends with the session, however that ends.
//! - SQLite: a lock on the file `<database>.lock`. It ends with the process.
//!
//! What else reads the database, such as `entrepot cache ls`, does not take it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sqlx::AnyConnection;

use crate::{
    database::Catalog,
    error::Error,
    instance::{Instance, InstanceId},
    sql::{from_ms, to_ms},
};

/// How long the session that holds the lock may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

const HOLDER: &str = "SELECT instance, name, started_ms FROM server_lock WHERE slot = 0";
const SET_HOLDER: &str = "INSERT INTO server_lock (slot, instance, name, started_ms) VALUES (0, $1, $2, $3) \
     ON CONFLICT (slot) DO UPDATE SET instance = excluded.instance, name = excluded.name, \
     started_ms = excluded.started_ms";

/// If the machine of the server disappears, PostgreSQL ends the session, and frees the lock, after about 30 seconds.
const KEEP_ALIVE: &str =
    "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";
// Advisory locks are for a whole database. The second number is our table's, which differs from schema to schema; the
// first one is "entr" in ASCII and keeps us apart from other programs.
const LOCK: &str = "SELECT pg_try_advisory_lock(1701737586, 'server_lock'::regclass::oid::int4)";
const SESSION: &str = "SELECT pid::int8 FROM pg_locks WHERE locktype = 'advisory' AND classid = 1701737586 \
     AND objid = 'server_lock'::regclass AND objsubid = 2 AND granted \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// What came of asking for the lock.
#[derive(Debug)]
pub enum Claim {
    /// It is ours until it is dropped. Check it from time to time: [`ServerLock::is_held`].
    Ours(ServerLock),
    /// Another server has it: do not work with this database.
    Held(LockHolder),
}

/// The server that holds a lock, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockHolder {
    /// Its machine and process.
    pub name: Option<String>,
    /// When it was started.
    pub started: Option<SystemTime>,
    /// The process of PostgreSQL that serves its session, as `pg_terminate_backend` takes it.
    pub session: Option<i64>,
}

/// The right to be the only server that works with a database. Dropping it gives it back.
#[derive(Debug)]
pub struct ServerLock {
    hold: LockGuard,
    predecessor: Option<InstanceId>,
}

#[derive(Debug)]
enum LockGuard {
    File { file: File, path: PathBuf },
    Session(Box<AnyConnection>),
}

impl Catalog {
    /// Takes the lock for `instance`, if no other server has it.
    ///
    /// # Errors
    /// The database failed, or the lock file cannot be made or locked.
    pub async fn claim(&self, instance: &Instance) -> Result<Claim, Error> {
        let hold = match &self.lock_file {
            Some(path) => lock_file(path).map_err(Error::LockFile)?,
            None => self.lock_session().await?,
        };
        let Some(hold) = hold else { return Ok(Claim::Held(self.holder().await?)) };
        let before = sqlx::query_as::<_, (i64, String, i64)>(HOLDER).fetch_optional(&self.writer).await?;
        let query = sqlx::query(SET_HOLDER).bind(instance.id.0).bind(instance.name.clone());
        query.bind(to_ms(instance.started)).execute(&self.writer).await?;
        Ok(Claim::Ours(ServerLock { hold, predecessor: before.map(|(id, ..)| InstanceId(id)) }))
    }

    async fn lock_session(&self) -> Result<Option<LockGuard>, Error> {
        // Out of the pool: a pool closes connections that are idle or old.
        let mut session = self.writer.acquire().await?.detach();
        sqlx::raw_sql(KEEP_ALIVE).execute(&mut session).await?;
        let (is_ours,) = sqlx::query_as::<_, (bool,)>(LOCK).fetch_one(&mut session).await?;
        Ok(is_ours.then(|| LockGuard::Session(Box::new(session))))
    }

    async fn holder(&self) -> Result<LockHolder, Error> {
        let known = sqlx::query_as::<_, (i64, String, i64)>(HOLDER).fetch_optional(&self.reader).await?;
        let session = match self.lock_file {
            Some(_) => None,
            None => sqlx::query_as::<_, (i64,)>(SESSION).fetch_optional(&self.reader).await?,
        };
        let (name, started) = known.map(|(_, name, started)| (name, from_ms(started))).unzip();
        Ok(LockHolder { name, started, session: session.map(|(pid,)| pid) })
    }
}

impl ServerLock {
    /// The server that held the lock before. It is not at work any more, so its runs are nobody's.
    pub fn predecessor(&self) -> Option<InstanceId> {
        self.predecessor
    }

    /// Whether the lock is still ours: the session lives, or the locked file is where it was. If not, drop it and ask
    /// for it again.
    pub async fn is_held(&mut self) -> bool {
        match &mut self.hold {
            LockGuard::File { file, path } => is_same(file, path),
            LockGuard::Session(session) => {
                let answer = sqlx::query("SELECT 1").execute(&mut **session);
                tokio::time::timeout(PATIENCE, answer).await.is_ok_and(|answer| answer.is_ok())
            }
        }
    }
}

fn lock_file(path: &Path) -> io::Result<Option<LockGuard>> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(LockGuard::File { file, path: path.to_owned() })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

// A lock on a file that was removed, or replaced, keeps nobody away.
fn is_same(file: &File, path: &Path) -> bool {
    let id = |about: io::Result<std::fs::Metadata>| about.ok().map(|about| (about.dev(), about.ino()));
    id(path.metadata()).is_some_and(|found| Some(found) == id(file.metadata()))
}

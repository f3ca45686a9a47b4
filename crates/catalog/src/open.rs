//! Opening the catalog: connect, check, bring the tables up to date.
//!
//! A SQLite path travels percent-encoded inside a URL, because the driver takes nothing else; a PostgreSQL URL is
//! checked for parameters first, because the driver would log those it does not know, values included.

use std::{
    fmt,
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    AnyConnection, Connection,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{MigrateError, Migrator},
};

use crate::{
    database::{Catalog, retried},
    dialect::{Dialect, POSTGRES, SQLITE},
    error::{Error, FileProblem},
};

static TABLES: Migrator = sqlx::migrate!();

const VERSION: &str = "SELECT version FROM _sqlx_migrations ORDER BY version DESC LIMIT 1";

/// SQLite connections that only read.
const READERS: u32 = 4;

/// How long to wait for PostgreSQL to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// The parameters that the PostgreSQL driver understands in a URL.
const PARAMETERS: [&str; 19] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "options[search_path]",
];

/// Where the catalog is kept.
#[derive(Clone)]
pub enum Location {
    /// A file, made if it is missing; its directory must exist.
    Sqlite(PathBuf),
    /// A `postgres://` URL. With a password in it, so it is never printed.
    Postgres(SecretString),
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres"),
        }
    }
}

impl Catalog {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    /// The file is none of ours, broken or closed to us; PostgreSQL is out of reach; or the tables are newer than this
    /// program, [`Error::Newer`].
    pub async fn open(location: &Location) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let opened = match location {
            Location::Sqlite(path) => open_sqlite(path).await,
            Location::Postgres(url) => open_postgres(url.expose_secret()).await,
        };
        opened.map_err(|error| at(location, error))
    }

    /// Opens a catalog that exists, to read beside a server that is at work with it. Nothing is changed or made. `None` if
    /// there is none, or its tables are not those of this version.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn open_to_read(location: &Location) -> Result<Option<Self>, Error> {
        sqlx::any::install_default_drivers();
        let (dialect, options) = match location {
            Location::Sqlite(path) if !path.exists() => return Ok(None),
            Location::Sqlite(path) => (&SQLITE, sqlite_options(path, "ro")?),
            Location::Postgres(url) => (&POSTGRES, postgres_options(url.expose_secret())?),
        };
        let reader = pool(dialect, dialect.reader, 1).acquire_timeout(PATIENCE).connect_lazy_with(options);
        let catalog = Self { dialect, writer: reader.clone(), reader, lock_file: None };
        let version = sqlx::query_as::<_, (i64,)>(VERSION).fetch_optional(&catalog.reader).await;
        let (found,) = version.map_err(|error| at(location, error.into()))?.unwrap_or_default();
        let known = TABLES.iter().map(|migration| migration.version).max();
        Ok(Some(catalog).filter(|_| known == Some(found)))
    }

    async fn make_tables(self) -> Result<Self, Error> {
        retried(|| self.try_make_tables()).await?;
        Ok(self)
    }

    async fn try_make_tables(&self) -> Result<(), Error> {
        sqlx::raw_sql(self.dialect.before_tables).execute(&self.writer).await?;
        let Some(begin) = self.dialect.begin_tables else {
            return TABLES.run(&self.writer).await.map_err(migration);
        };
        let mut tx = self.writer.begin_with(begin).await?;
        TABLES.run(&mut *tx).await.map_err(migration)?;
        Ok(tx.commit().await?)
    }
}

// What SQLite makes beside the file, its log and the index of that, gets the mode of the file. One that is there is not
// opened: to close it would give up the locks that this process may hold on it. What cannot be done is no reason to
// stay away: the file may be another user's who lets us write.
fn make_private(path: &Path) {
    // Where it cannot be made, SQLite says so in a moment.
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let Ok(about) = fs::metadata(&name) else { continue };
        let mode = about.permissions().mode();
        if about.is_file()
            && mode & 0o077 != 0
            && let Err(error) = fs::set_permissions(&name, Permissions::from_mode(mode & 0o600))
        {
            tracing::warn!(%error, file = %Path::new(&name).display(), "others may read what is remembered");
        }
    }
}

async fn open_sqlite(path: &Path) -> Result<Catalog, Error> {
    make_private(path);
    // Whatever names lead to the file, there is one lock for it.
    let mut lock_file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
    lock_file.push(".lock");
    let options = sqlite_options(path, "rwc")?;
    try_out(&options, &SQLITE).await?;
    let writer = pool(&SQLITE, SQLITE.writer, SQLITE.writers).connect_lazy_with(options.clone());
    let reader = pool(&SQLITE, SQLITE.reader, READERS).connect_lazy_with(options);
    let catalog = Catalog { dialect: &SQLITE, reader, writer, lock_file: Some(lock_file.into()) };
    let catalog = catalog.make_tables().await?;
    // From now on there is a connection that has read and stays: the last one to go would take SQLite's index of its log along, and
    // whoever came next could not make it anew on a full disk.
    catalog.ping().await?;
    Ok(catalog)
}

async fn open_postgres(url: &str) -> Result<Catalog, Error> {
    let options = postgres_options(url)?;
    let tried = tokio::time::timeout(PATIENCE, try_out(&options, &POSTGRES)).await;
    tried.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(Error::Connect)?;
    let pool = pool(&POSTGRES, POSTGRES.writer, POSTGRES.writers).acquire_timeout(PATIENCE);
    let writer = pool.connect_lazy_with(options);
    let catalog = Catalog { dialect: &POSTGRES, reader: writer.clone(), writer, lock_file: None };
    catalog.make_tables().await
}

/// Connects once by hand: a pool would try again and again, and in the end only say that it took too long.
async fn try_out(options: &AnyConnectOptions, dialect: &Dialect) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    sqlx::raw_sql(dialect.writer).execute(&mut connection).await?;
    connection.close().await
}

fn sqlite_options(path: &Path, mode: &str) -> Result<AnyConnectOptions, Error> {
    let path = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
    Ok(format!("sqlite://{path}?mode={mode}").parse()?)
}

fn postgres_options(url: &str) -> Result<AnyConnectOptions, Error> {
    let options: AnyConnectOptions = url.parse().map_err(|_| Error::Address)?;
    let url = &options.database_url;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(Error::Address);
    }
    let unknown = url.query_pairs().position(|(name, _)| !PARAMETERS.contains(&&*name));
    match unknown {
        Some(before) => Err(Error::Parameter { position: before + 1 }),
        None => Ok(options),
    }
}

fn pool(dialect: &'static Dialect, hello: &'static str, most: u32) -> AnyPoolOptions {
    let is_file = dialect.writers == 1;
    let options = AnyPoolOptions::new().max_connections(most).after_connect(move |connection, _| {
        Box::pin(async move { sqlx::raw_sql(hello).execute(connection).await.map(drop) })
    });
    if !is_file {
        return options;
    }
    // A connection to a file does not wear out or break down.
    options
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_settled(connection)))
}

/// Whether a connection has left its transaction. On a full disk SQLite rolls back by itself, which the driver does not
/// notice: its own rollback fails, and it would believe itself in that transaction for ever. A new one takes its place.
async fn is_settled(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // The driver's rollback may be in the queue: it was tried when this is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn migration(error: MigrateError) -> Error {
    let known = TABLES.iter().map(|migration| migration.version).max().unwrap_or(0);
    match error {
        MigrateError::VersionMissing(found) if found > known => Error::Newer { found, known },
        other => Error::Migrate(other),
    }
}

/// Adds the path to a failure of SQLite.
fn at(location: &Location, error: Error) -> Error {
    let Location::Sqlite(path) = location else { return error };
    let source = match error {
        Error::Database(source)
        | Error::Migrate(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => source,
        other => return other,
    };
    Error::File { path: path.clone(), problem: FileProblem::of(&source), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_never_told() {
        for (url, message) in [
            ("s3cret", "the address of the database is not of the form `postgres://user@host/name`"),
            (
                "mysql://u:s3cret@h/d",
                "the address of the database is not of the form `postgres://user@host/name`",
            ),
            (
                "postgres://u:s3cret/x@h:port",
                "the address of the database is not of the form `postgres://user@host/name`",
            ),
            (
                "postgres://h/d?sslmode=require&s3cret",
                "parameter 2 in the address of the database is not known",
            ),
        ] {
            let error = postgres_options(url).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(!format!("{error:?}").contains("s3cret"));
        }
        assert!(postgres_options("postgresql://u:p@h/d?options[search_path]=x").is_ok());
        let location = Location::Postgres("postgres://u:s3cret@h/d".into());
        assert_eq!(format!("{location:?}"), "Postgres");
    }
}

//! The key that secrets are sealed with, and what it opens: the accounts' keys, and the stored credentials.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use entrepot_access::{Access, AccessSettings, OpenError as AccessError};
use entrepot_catalog::{Catalog, Location, SealedTable};
use entrepot_mirror::Mirror;
use entrepot_remote::StoredCredentials;
use entrepot_secrets::{FileError, KeyFile, Keyring, SharedKeyring, Warning};
use entrepot_vault::{OpenError, Vault, VaultParts};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{self, Config, KeySource},
    data::DataDir,
    failure::{self, Failure},
    syncing::ReloadSource,
};

/// How often it is looked whether the key that signs registry tokens is to be replaced.
const TENDED_EVERY: Duration = Duration::from_secs(60 * 60);

/// Opens the key. The first start makes it, unless the configuration has one.
///
/// # Errors
/// The key file is missing, broken, or open to others; or the catalog failed.
pub(crate) async fn open_keys(
    config: &Config,
    data: &DataDir,
    catalog: &Catalog,
) -> Result<SharedKeyring, Failure> {
    let file = match place(&config.key, data) {
        KeyLocation::File(file) => file,
        KeyLocation::Here(keyring) => return Ok(keyring.into()),
    };
    file.remove_leftovers(data.path());
    // What is sealed needs the key that it was sealed with.
    let is_new = !is_anything_sealed(catalog).await.map_err(|error| unopened(&error))?;
    let opened = if is_new { file.open_or_create(data.path()) } else { file.open(data.path()) };
    let opened = opened.map_err(|error| no_key(&error))?;
    if let Some(Warning::ReadableByOthers) = opened.warning {
        tracing::warn!(
            "the key file `{0}` can be read by other users; hint: `chmod 600 {0}`, or mount it with mode 0400",
            file.path().display()
        );
    }
    if opened.is_new {
        tracing::info!("made the key file `{}`: keep a copy in a safe place", file.path().display());
    }
    Ok(SharedKeyring::of_file(opened.keyring, file))
}

/// Opens the accounts. The first start makes the account `admin`.
///
/// # Errors
/// The keys are not the right ones, or the catalog failed.
pub(crate) async fn open_access(
    config: &Config,
    catalog: &Catalog,
    keyring: &SharedKeyring,
) -> Result<Access, Failure> {
    let settings = AccessSettings {
        rules: config.access.clone(),
        sessions: config.sessions,
        federation: config.federation.meant.clone(),
    };
    let access = Access::open(catalog.clone(), keyring.clone(), settings).await;
    let access = access.map_err(|error| {
        let failure = Failure::because("cannot open the accounts", &error);
        match error {
            AccessError::WrongKey(_) => failure.with_hint(other_key(keyring.file())),
            AccessError::Federation(_) => {
                failure.with_hint("look at `ca` in the section `access` of the configuration")
            }
            AccessError::Catalog(_) | AccessError::Damaged | AccessError::Random | AccessError::Key(_) => {
                failure
            }
        }
    })?;
    let made = access.make_first_admin().await;
    made.map_err(|error| Failure::because("cannot open the accounts", &error))?;
    Ok(access)
}

/// Opens the stored credentials, so that they are in use.
///
/// # Errors
/// The key is not the one that they are sealed with, or the catalog failed.
pub(crate) async fn open_vault(
    source: &ReloadSource,
    mirror: &Mirror,
    keyring: SharedKeyring,
) -> Result<Vault, Failure> {
    let (file, mirror) = (keyring.file().map(Path::to_owned), mirror.clone());
    let parts = VaultParts {
        catalog: source.catalog.clone(),
        keys: keyring,
        stored: source.stored.clone(),
        settings: source.registries.settings(),
        changed: Arc::new(move || mirror.accounts_changed()),
    };
    Vault::open(parts).await.map_err(|error| {
        let failure = Failure::because("cannot open the stored credentials", &error);
        match error {
            OpenError::NoKey { .. } => failure.with_hint(other_key(file.as_deref())),
            OpenError::Catalog(_) => failure,
        }
    })
}

/// Reads the stored credentials for a command that works beside a server, or without one, if there are any that this user
/// may read: whoever owns the data directory and the key. What cannot be read is said, and is no reason to stop.
pub(crate) async fn read_stored(sealed: &SecretSources, stored: &StoredCredentials) {
    if let Err(failure) = sealed.read(stored).await {
        failure::warn(&[config::Warning {
            what: format!("stored credentials are not used: {}", failure.what()),
            hint: failure.hint().unwrap_or("run this as the user that the server runs as").to_owned(),
        }]);
    }
}

/// Where the database and the key of a configuration are.
pub(crate) struct SecretSources {
    data: PathBuf,
    database: Option<SecretString>,
    key: KeySource,
}

impl From<&Config> for SecretSources {
    fn from(config: &Config) -> Self {
        Self { data: config.data.clone(), database: config.database.clone(), key: config.key.clone() }
    }
}

impl SecretSources {
    async fn read(&self, stored: &StoredCredentials) -> Result<(), Failure> {
        let Ok(data) = DataDir::existing(&self.data) else { return Ok(()) };
        let location = match &self.database {
            Some(url) => Location::Postgres(url.clone()),
            None => Location::Sqlite(data.database()),
        };
        let opened = Catalog::open_to_read(&location).await;
        let Some(catalog) = opened.map_err(|error| unopened(&error))? else { return Ok(()) };
        let has_any = !catalog.credentials("", 1).await.map_err(|error| unopened(&error))?.rows.is_empty();
        if has_any {
            self.read_all(&catalog, &data, stored).await?;
        }
        catalog.close().await;
        Ok(())
    }

    // A rotation may come in between: then the file has the key at the second look.
    async fn read_all(
        &self,
        catalog: &Catalog,
        data: &DataDir,
        stored: &StoredCredentials,
    ) -> Result<(), Failure> {
        let first = entrepot_vault::read(catalog, &self.keys(data)?, stored).await;
        let read = match first {
            Err(OpenError::NoKey { .. }) => entrepot_vault::read(catalog, &self.keys(data)?, stored).await,
            read => read,
        };
        read.map_err(|error| Failure::because_of(&error))
    }

    fn keys(&self, data: &DataDir) -> Result<SharedKeyring, Failure> {
        match place(&self.key, data) {
            KeyLocation::Here(keyring) => Ok(keyring.into()),
            KeyLocation::File(file) => {
                Ok(file.open(data.path()).map_err(|error| no_key(&error))?.keyring.into())
            }
        }
    }
}

/// What to do if the key does not fit the database.
fn other_key(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!(
            "`{}` belongs to another installation: put back the key file that this database was used with",
            file.display()
        ),
        None => "the key in the configuration belongs to another installation: give the one that this database was used \
                 with, also as a second line"
            .to_owned(),
    }
}

/// Replaces the key that signs registry tokens when its time is up, until `stop`.
pub(crate) async fn tend(access: Access, stop: CancellationToken) {
    loop {
        if let Err(error) = access.tend_signing_keys(SystemTime::now()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the keys that sign registry tokens are not looked after"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(TENDED_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Where the key is.
enum KeyLocation {
    File(KeyFile),
    Here(Keyring),
}

fn place(key: &KeySource, data: &DataDir) -> KeyLocation {
    match key {
        KeySource::Given(keyring) => KeyLocation::Here(keyring.clone()),
        KeySource::File(file) => KeyLocation::File(KeyFile::new(file)),
        KeySource::Usual => KeyLocation::File(KeyFile::new(data.key_file())),
    }
}

async fn is_anything_sealed(catalog: &Catalog) -> Result<bool, entrepot_catalog::Error> {
    for table in SealedTable::ALL {
        if !catalog.sealed(table, "", 1).await?.rows.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unopened(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::because("cannot look for what is sealed", error)
}

fn no_key(error: &FileError) -> Failure {
    let failure = Failure::because("cannot use the key file", error);
    match error {
        FileError::Missing(_) => failure.with_hint(
            "the database holds secrets that were sealed with it: put it back from your copy, or say where it is: \
             `secrets: {key_file: PATH}`; if it is lost, `entrepot secrets reset`",
        ),
        FileError::Content { .. } => {
            failure.with_hint("put it back from your copy: what was sealed with another key does not open")
        }
        FileError::Io { .. } => failure.with_hint("the user that the server runs as must be able to read it"),
        FileError::ReadableByOthers(_) | FileError::Changed(_) => failure,
    }
}

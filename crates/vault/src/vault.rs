//! The handle that everything else uses, and the credentials as they are managed.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use entrepot_access::{Audit, AuditAction, to_the_end};
use entrepot_catalog::{
    AuditOutcome, Catalog, CredentialRecord, Error as CatalogError, Listing, NewCredential as NewRecord,
};
use entrepot_oci::Host;
use entrepot_remote::{Credential, RemoteSettings, StoredCredentials};
use entrepot_secrets::{HeldKeys, OpenError as SealError, SharedKeyring};
use tokio::sync::Mutex;

use crate::{
    credential::{CredentialName, CredentialUpdate, NewCredential},
    document::{self, CredentialIdentity},
    error::{Error, OpenError},
};

/// How many credentials are read at once.
const PAGE: usize = 500;

/// Finds the settings of a registry, without accounts that are stored here.
pub type SettingsOf = Arc<dyn Fn(&Host) -> RemoteSettings + Send + Sync>;

/// Called after the credentials that are in use have changed.
pub type ChangeHook = Arc<dyn Fn() + Send + Sync>;

/// The stored credentials. Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Vault(pub(crate) Arc<VaultInner>);

/// What a vault is made of.
pub struct VaultParts {
    /// Where the credentials are.
    pub catalog: Catalog,
    /// What they are sealed with.
    pub keys: SharedKeyring,
    /// Who uses them: holds them opened, for all clients of registries.
    pub stored: StoredCredentials,
    /// The settings of registries, to verify a credential with.
    pub settings: SettingsOf,
    /// Called after each change.
    pub changed: ChangeHook,
}

pub(crate) struct VaultInner {
    pub(crate) catalog: Catalog,
    pub(crate) keys: SharedKeyring,
    pub(crate) settings: SettingsOf,
    /// Held by the one rotation that runs.
    pub(crate) rotating: Mutex<()>,
    stored: StoredCredentials,
    changed: ChangeHook,
    /// Held while the credentials are read again, so that what was read last counts.
    loading: Mutex<()>,
}

impl Vault {
    pub(crate) fn new(VaultParts { catalog, keys, stored, settings, changed }: VaultParts) -> Self {
        let (rotating, loading) = (Mutex::default(), Mutex::default());
        Self(Arc::new(VaultInner { catalog, keys, settings, rotating, stored, changed, loading }))
    }

    /// Credentials after `after`, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn credentials(&self, after: &str, limit: usize) -> Result<Listing<CredentialRecord>, Error> {
        Ok(self.0.catalog.credentials(after, limit).await?)
    }

    /// Stores a credential. It is in use when this returns.
    ///
    /// # Errors
    /// It is not accepted, its name is taken, or the database failed; then nothing is stored.
    pub async fn add(&self, new: NewCredential, by: Audit) -> Result<CredentialName, Error> {
        let (vault, name) = (self.clone(), new.name()?);
        to_the_end(async move {
            let detail = Some(format!("registry: {}, username: {}", new.host, new.credential.username));
            let deed = AuditAction { action: "credential.create", object: name.as_str(), detail };
            vault.changed(&by, deed, vault.try_add(&name, &new)).await?;
            Ok(name)
        })
        .await
    }

    async fn try_add(&self, name: &CredentialName, new: &NewCredential) -> Result<(), Error> {
        new.check(&(self.0.settings)(&new.host))?;
        let id = uuid::Uuid::new_v4().simple().to_string();
        let NewCredential { host, credential, .. } = new;
        // Held until it is stored.
        let keys = self.0.keys.hold().await;
        let sealed = CredentialIdentity { id: &id, host, credential }.seal(&keys);
        let record = NewRecord {
            id,
            name: name.to_string(),
            host: host.to_string(),
            namespace: credential.namespace.as_ref().map(ToString::to_string),
            endpoint: credential.endpoint.as_ref().map(ToString::to_string),
            username: credential.username.clone(),
            sealed,
        };
        let is_new = self.0.catalog.add_credential(&record, SystemTime::now()).await?;
        if is_new { Ok(()) } else { Err(Error::Exists(name.to_string())) }
    }

    /// Changes the account of a credential. The change counts when this returns.
    ///
    /// # Errors
    /// There is no such credential, the change is not accepted, or the database failed; then nothing is changed.
    pub async fn change(
        &self,
        name: CredentialName,
        update: CredentialUpdate,
        by: Audit,
    ) -> Result<(), Error> {
        let vault = self.clone();
        to_the_end(async move {
            let what = match (&update.username, &update.password) {
                (Some(name), Some(_)) => format!("username: {name}, password"),
                (Some(name), None) => format!("username: {name}"),
                (None, _) => "password".to_owned(),
            };
            let deed = AuditAction { action: "credential.change", object: name.as_str(), detail: Some(what) };
            vault.changed(&by, deed, vault.try_change(&name, update)).await
        })
        .await
    }

    async fn try_change(&self, name: &CredentialName, update: CredentialUpdate) -> Result<(), Error> {
        update.check()?;
        // Held until it is stored.
        let keys = self.0.keys.hold().await;
        let record = self.credential(name).await?;
        if update.revision.is_some_and(|seen| seen != record.revision) {
            return Err(Error::Stale);
        }
        // Only what opens: what it is for may have been changed in the database.
        let (host, before) = opened(&record, &keys)?;
        let username = update.username.unwrap_or(before.username);
        let password = update.password.unwrap_or(before.password);
        let credential = Credential { username, password, ..before };
        let sealed = CredentialIdentity { id: &record.id, host: &host, credential: &credential }.seal(&keys);
        let (username, now) = (&credential.username, SystemTime::now());
        let is_done = self.0.catalog.change_credential(&record, username, &sealed, now).await?;
        if is_done { Ok(()) } else { Err(Error::Conflict) }
    }

    /// Removes a credential, if it has this revision where one is given. It is not used any more when this returns.
    ///
    /// # Errors
    /// There is no such credential, it was changed since, or the database failed.
    pub async fn remove(&self, name: CredentialName, revision: Option<i64>, by: Audit) -> Result<(), Error> {
        let vault = self.clone();
        to_the_end(async move {
            let deed = AuditAction { action: "credential.remove", object: name.as_str(), detail: None };
            vault
                .changed(&by, deed, async {
                    let record = vault.credential(&name).await?;
                    let is_done = vault.0.catalog.remove_credential(&record.name, revision).await?;
                    if is_done { Ok(()) } else { Err(Error::Stale) }
                })
                .await
        })
        .await
    }

    /// The credential with this name, sealed.
    ///
    /// # Errors
    /// There is no such credential, or the database failed.
    pub async fn credential(&self, name: &CredentialName) -> Result<CredentialRecord, Error> {
        let found = self.0.catalog.credential(name.as_str()).await?;
        found.ok_or_else(|| Error::Unknown(name.to_string()))
    }

    /// A credential, and the registry it is for.
    pub(crate) async fn opened(&self, name: &CredentialName) -> Result<(Host, Credential), Error> {
        let keys = self.0.keys.hold().await;
        opened(&self.credential(name).await?, &keys)
    }

    /// Opens all credentials for those who use them.
    pub(crate) async fn load(&self) -> Result<(), OpenError> {
        let _one = self.0.loading.lock().await;
        read(&self.0.catalog, &self.0.keys, &self.0.stored).await?;
        (self.0.changed)();
        Ok(())
    }

    // The change is in use before the answer is given, and in the audit log whatever came of it.
    async fn changed<T>(
        &self,
        by: &Audit,
        action: AuditAction<'_>,
        change: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = change.await;
        let loaded = match self.load().await {
            Err(OpenError::Catalog(error)) => Err(Error::Catalog(error)),
            Err(OpenError::NoKey { name, key }) => Err(Error::Sealed { name, source: SealError::NoKey(key) }),
            Ok(()) => Ok(()),
        };
        self.recorded(by, action, done.as_ref().err()).await?;
        let value = done?;
        loaded?;
        Ok(value)
    }

    pub(crate) async fn recorded(
        &self,
        by: &Audit,
        action: AuditAction<'_>,
        error: Option<&Error>,
    ) -> Result<(), CatalogError> {
        let outcome = match error {
            None => AuditOutcome::Done,
            Some(Error::Catalog(_) | Error::Sealed { .. } | Error::Settings(_)) => AuditOutcome::Failed,
            Some(Error::Fault(_) | Error::Exists(_) | Error::Unknown(_) | Error::Conflict | Error::Stale) => {
                AuditOutcome::Refused
            }
        };
        self.record(by, action, outcome).await
    }

    pub(crate) async fn record(
        &self,
        by: &Audit,
        action: AuditAction<'_>,
        outcome: AuditOutcome,
    ) -> Result<(), CatalogError> {
        self.0.catalog.add_audit(&by.entry(action, outcome), SystemTime::now()).await
    }
}

/// Opens a credential that was read while the keys were held.
fn opened(record: &CredentialRecord, keys: &HeldKeys<'_>) -> Result<(Host, Credential), Error> {
    document::open(record, keys).map_err(|source| Error::Sealed { name: record.name.clone(), source })
}

/// Opens all credentials of a catalog for those who use them. One that was damaged is left out, and said.
///
/// # Errors
/// The key that sealed one is not here, or the database failed.
pub async fn read(
    catalog: &Catalog,
    keyring: &SharedKeyring,
    stored: &StoredCredentials,
) -> Result<(), OpenError> {
    let (mut all, mut after) = (BTreeMap::<Host, Vec<Credential>>::new(), String::new());
    // What was read must still open: a rotation that ends in between has dropped the key of it.
    let keyring = keyring.hold().await;
    loop {
        let page = catalog.credentials(&after, PAGE).await?;
        for record in page.rows {
            match document::open(&record, &keyring) {
                Ok((host, credential)) => all.entry(host).or_default().push(credential),
                Err(SealError::NoKey(key)) => return Err(OpenError::NoKey { name: record.name, key }),
                Err(SealError::Damaged) => tracing::error!(
                    name = record.name,
                    "a stored credential is damaged and is not used; hint: remove it and add it again: `entrepot credentials`"
                ),
            }
            after = record.name;
        }
        if !page.more {
            break;
        }
    }
    stored.replace(all);
    Ok(())
}

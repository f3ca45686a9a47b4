//! A new key for everything that is sealed, while it is in use.
//!
//! 1. The key file gets a new key, and keeps those so far. From here on the new one seals.
//! 2. Every sealed value of every table is sealed again.
//! 3. The key file has the new key only.
//!
//! At each point in between, the keys of the file open everything that is in the database. [`Vault::open`] goes on where a
//! rotation was cut off.

use std::collections::BTreeMap;

use entrepot_access::{Audit, AuditAction, to_the_end};
use entrepot_catalog::{AuditOutcome, SealedRow, SealedTable};
use entrepot_secrets::{HeldKeys, KeyId, OpenError as SealError, SealedLocation, SealedValue};
use zeroize::Zeroizing;

use crate::{
    error::{OpenError, RotateError},
    status::{KeyStatus, KeysStatus},
    vault::{Vault, VaultParts},
};

/// How many values are read at once.
const PAGE: usize = 100;

impl Vault {
    /// Opens the credentials of a catalog, after the end of a rotation that was cut off.
    ///
    /// # Errors
    /// The key that sealed a credential is not here, or the database failed.
    pub async fn open(parts: VaultParts) -> Result<Self, OpenError> {
        let vault = Self::new(parts);
        if !vault.0.keys.older().await.is_empty() {
            match vault.finish_rotation().await {
                Ok(()) => tracing::info!("everything that is sealed is sealed with the current key"),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the older keys stay; hint: `entrepot secrets status` shows what is sealed with them"
                ),
            }
        }
        vault.load().await?;
        Ok(vault)
    }

    /// Makes a new key, seals everything with it, and drops the older ones. Runs to its end whoever leaves.
    ///
    /// # Errors
    /// Something does not open, the key file cannot be replaced, or the database failed. The keys that are needed stay.
    pub async fn rotate(&self, by: Audit) -> Result<KeysStatus, RotateError> {
        let vault = self.clone();
        to_the_end(async move {
            let rotated = vault.rotate_keys().await;
            let deed = AuditAction { action: "secrets.rotate", object: "key", detail: None };
            let outcome = if rotated.is_ok() { AuditOutcome::Done } else { AuditOutcome::Failed };
            vault.record(&by, deed, outcome).await?;
            rotated?;
            Ok(vault.status().await?)
        })
        .await
    }

    /// Which keys there are, and what they sealed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn status(&self) -> Result<KeysStatus, entrepot_catalog::Error> {
        let mut counts = BTreeMap::<KeyId, u64>::new();
        for table in SealedTable::ALL {
            for row in self.all(table).await? {
                // What is no sealed value has no key.
                if let Ok(sealed) = row.sealed.parse::<SealedValue>() {
                    *counts.entry(sealed.key().clone()).or_default() += 1;
                }
            }
        }
        let (current, older) = (self.0.keys.current().await, self.0.keys.older().await);
        let mut keys = Vec::new();
        for (id, is_current) in [(current, true)].into_iter().chain(older.into_iter().map(|id| (id, false))) {
            let values = counts.remove(&id).unwrap_or_default();
            keys.push(KeyStatus { id, is_current, is_here: true, values });
        }
        let missing = |(id, values)| KeyStatus { id, is_current: false, is_here: false, values };
        keys.extend(counts.into_iter().map(missing));
        Ok(KeysStatus { file: self.0.keys.file().map(Into::into), keys })
    }

    async fn rotate_keys(&self) -> Result<(), RotateError> {
        let _one = self.0.rotating.lock().await;
        // A value that does not open would stop it half-way.
        for table in SealedTable::ALL {
            for row in self.all(table).await? {
                unsealed(table, &row, &self.0.keys.hold().await)?;
            }
        }
        self.0.keys.add().await?;
        self.reseal_all().await?;
        Ok(self.0.keys.drop_older().await?)
    }

    // A key in the configuration stays until somebody takes it out.
    async fn finish_rotation(&self) -> Result<(), RotateError> {
        let _one = self.0.rotating.lock().await;
        self.reseal_all().await?;
        if self.0.keys.file().is_some() { Ok(self.0.keys.drop_older().await?) } else { Ok(()) }
    }

    async fn reseal_all(&self) -> Result<(), RotateError> {
        for table in SealedTable::ALL {
            for row in self.all(table).await? {
                self.reseal(table, row).await?;
            }
        }
        Ok(())
    }

    async fn reseal(&self, table: SealedTable, row: SealedRow) -> Result<(), RotateError> {
        // Held until it is stored.
        let keys = self.0.keys.hold().await;
        if row.sealed.parse::<SealedValue>().is_ok_and(|sealed| sealed.key() == keys.current()) {
            return Ok(());
        }
        let value = unsealed(table, &row, &keys)?;
        let sealed = keys.seal(place(table, &row.id), &value).to_string();
        Ok(self.0.catalog.reseal(table, &row, &sealed).await?)
    }

    // Every sealed value of a table. Those that come in meanwhile are sealed with the current key.
    async fn all(&self, table: SealedTable) -> Result<Vec<SealedRow>, entrepot_catalog::Error> {
        let mut all: Vec<SealedRow> = Vec::new();
        loop {
            let after = all.last().map(|row| row.id.clone()).unwrap_or_default();
            let page = self.0.catalog.sealed(table, &after, PAGE).await?;
            all.extend(page.rows);
            if !page.more {
                return Ok(all);
            }
        }
    }
}

fn unsealed(
    table: SealedTable,
    row: &SealedRow,
    keys: &HeldKeys<'_>,
) -> Result<Zeroizing<Vec<u8>>, RotateError> {
    let failed = |source| RotateError::Sealed { table: table.name(), row: row.id.clone(), source };
    let sealed: SealedValue = row.sealed.parse().map_err(|_| failed(SealError::Damaged))?;
    keys.open(place(table, &row.id), &sealed).map_err(failed)
}

fn place(table: SealedTable, row: &str) -> SealedLocation<'_> {
    SealedLocation { table: table.name(), column: "sealed", row }
}

//! What can be done with entries.

use std::{collections::BTreeSet, time::SystemTime};

use entrepot_access::{Audit, AuditAction, to_the_end};
use entrepot_catalog::{
    AuditOutcome, EntryCursor, EntryFilter, EntryOrder, EntryRecord, EntryRemoval, EntrySave, Listing,
};

use super::{
    error::EntryError,
    fields::{CheckedEntry, EntryChange, NewEntry},
};
use crate::{ids::EntryId, library::Library, pins::PinHolder};

/// How often a change is tried again when somebody else changes the same entry at that moment.
const TRIES: usize = 5;
/// How many entries of one name are told apart by their ids.
const NAMED: usize = 10;

impl Library {
    /// The entry with this id.
    ///
    /// # Errors
    /// There is none, or the database failed.
    pub async fn entry(&self, id: EntryId) -> Result<EntryRecord, EntryError> {
        let found = self.0.catalog.entry(id.into()).await?;
        found.ok_or_else(|| EntryError::Unknown(id.to_string()))
    }

    /// The entry that people call so: by its id, or by its name if no other has it.
    ///
    /// # Errors
    /// There is none, there are several, or the database failed.
    pub async fn entry_called(&self, text: &str) -> Result<EntryRecord, EntryError> {
        if let Ok(id) = text.parse::<EntryId>()
            && let Some(found) = self.0.catalog.entry(id.into()).await?
        {
            return Ok(found);
        }
        let mut named = self.0.catalog.entries_named(text, NAMED).await?.rows;
        match named.len() {
            0 => Err(EntryError::Unknown(text.to_owned())),
            1 => Ok(named.remove(0)),
            _ => Err(EntryError::Several {
                name: text.to_owned(),
                ids: named.into_iter().map(|record| record.id).collect(),
            }),
        }
    }

    /// The entries that a filter selects, in an order, behind `after`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entries(
        &self,
        filter: &EntryFilter,
        order: EntryOrder,
        after: Option<&EntryCursor>,
        limit: usize,
    ) -> Result<Listing<EntryRecord>, EntryError> {
        Ok(self.0.catalog.find_entries(filter, order, after, limit).await?)
    }

    /// So many of the entries that a filter selects, the newest first, behind the first `skipped`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entry_page(
        &self,
        filter: &EntryFilter,
        limit: usize,
        skipped: u64,
    ) -> Result<Vec<EntryRecord>, EntryError> {
        Ok(self.0.catalog.entry_page(filter, limit, skipped).await?)
    }

    /// How many entries a filter selects.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_entries(&self, filter: &EntryFilter) -> Result<u64, EntryError> {
        Ok(self.0.catalog.count_entries(filter).await?)
    }

    /// Adds an entry. Its image is looked at soon afterwards.
    ///
    /// # Errors
    /// It is not accepted, or the database failed; then there is no entry.
    pub async fn add_entry(&self, new: NewEntry, by: Audit) -> Result<EntryRecord, EntryError> {
        let library = self.clone();
        to_the_end(async move {
            let (object, told) = (new.name.clone(), told_of(&new, &library));
            let deed = AuditAction { action: "entry.create", object: &object, detail: told };
            let added = library.entry_deed(&by, deed, library.try_add(new, &by)).await?;
            library.check_soon(vec![added.id]);
            Ok(added)
        })
        .await
    }

    async fn try_add(&self, new: NewEntry, by: &Audit) -> Result<EntryRecord, EntryError> {
        let checked = new.check(self.0.mirror.names()).map_err(EntryError::Faults)?;
        let ids = self.store(vec![(None, checked)], by).await?;
        self.read_back(&ids).await
    }

    /// Changes an entry if it has this revision, or any if `revision` is `None`. Instances that run from it keep what they
    /// were made of. An image that is new is looked at soon afterwards.
    ///
    /// # Errors
    /// There is none, it is not as it was seen, the change is not accepted, or the database failed; then nothing has changed.
    pub async fn change_entry(
        &self,
        id: EntryId,
        revision: Option<i64>,
        change: EntryChange,
        by: Audit,
    ) -> Result<EntryRecord, EntryError> {
        let library = self.clone();
        to_the_end(async move {
            let (object, detail) = (id.to_string(), change.told());
            let deed = AuditAction { action: "entry.change", object: &object, detail };
            let changed =
                library.entry_deed(&by, deed, library.try_change(id, revision, change, &by)).await?;
            // It leads to another image now.
            if changed.check.checked.is_none() {
                library.check_soon(vec![changed.id]);
            }
            Ok(changed)
        })
        .await
    }

    async fn try_change(
        &self,
        id: EntryId,
        revision: Option<i64>,
        change: EntryChange,
        by: &Audit,
    ) -> Result<EntryRecord, EntryError> {
        for _ in 0..TRIES {
            let seen = self.entry(id).await?;
            if revision.is_some_and(|revision| revision != seen.revision) {
                return Err(EntryError::Stale);
            }
            let checked =
                change.clone().of(&seen).check(self.0.mirror.names()).map_err(EntryError::Faults)?;
            match self.store(vec![(Some(seen), checked)], by).await {
                Err(EntryError::Stale) if revision.is_none() => {}
                stored => return self.read_back(&stored?).await,
            }
        }
        Err(EntryError::Stale)
    }

    /// Removes entries, all of them or none. Those that are not there are passed over.
    ///
    /// # Errors
    /// An instance uses one, one is not as it was seen, or the database failed; then nothing has changed.
    pub async fn remove_entries(
        &self,
        ids: Vec<EntryId>,
        revision: Option<i64>,
        by: Audit,
    ) -> Result<Vec<EntryRecord>, EntryError> {
        let library = self.clone();
        to_the_end(async move {
            let object = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let deed = AuditAction { action: "entry.remove", object: &object, detail: None };
            library.entry_deed(&by, deed, library.try_remove(&ids, revision, &by)).await
        })
        .await
    }

    async fn try_remove(
        &self,
        ids: &[EntryId],
        revision: Option<i64>,
        by: &Audit,
    ) -> Result<Vec<EntryRecord>, EntryError> {
        let _one = self.0.logins.lock().await;
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        match self.0.catalog.remove_entries(&ids, revision).await? {
            EntryRemoval::Removed(removed) => {
                let logins: BTreeSet<_> =
                    removed.iter().filter_map(|one| one.fields.credential.clone()).collect();
                self.repin_entries(&ids).await;
                self.drop_unused_logins(logins, by).await?;
                Ok(removed)
            }
            EntryRemoval::Stale => Err(EntryError::Stale),
            EntryRemoval::InUse { entry, by } => Err(EntryError::InUse { entry, by }),
        }
    }

    /// Stores entries that were checked, all of them or none, with the logins that came with them.
    pub(crate) async fn store(
        &self,
        all: Vec<(Option<EntryRecord>, CheckedEntry)>,
        by: &Audit,
    ) -> Result<Vec<i64>, EntryError> {
        // Held until the entries stand on their logins, so that none is removed in between.
        let _one = self.0.logins.lock().await;
        let (mut saves, mut before, mut new) =
            (Vec::with_capacity(all.len()), BTreeSet::new(), BTreeSet::new());
        for (of, CheckedEntry { mut fields, address, login }) in all {
            before.extend(of.as_ref().and_then(|seen| seen.fields.credential.clone()));
            match self.credential_of(&address, login, by).await {
                Ok(credential) => fields.credential = credential,
                Err(error) => {
                    self.drop_unused_logins(new, by).await?;
                    return Err(error);
                }
            }
            new.extend(fields.credential.clone());
            saves.push(EntrySave { of, fields });
        }
        let stored = self.0.catalog.save_entries(&saves, &by.actor, SystemTime::now()).await;
        before.extend(new);
        self.drop_unused_logins(before, by).await?;
        let ids = stored?.map_err(|_| EntryError::Stale)?;
        self.repin_entries(&ids).await;
        Ok(ids)
    }

    async fn repin_entries(&self, ids: &[i64]) {
        for id in ids {
            self.repin(PinHolder::Entry(*id)).await;
        }
    }

    async fn read_back(&self, ids: &[i64]) -> Result<EntryRecord, EntryError> {
        let id = ids.first().copied().unwrap_or_default();
        let found = self.0.catalog.entry(id).await?;
        found.ok_or_else(|| EntryError::Unknown(id.to_string()))
    }

    /// Writes down what was done or refused.
    pub(crate) async fn entry_deed<T>(
        &self,
        by: &Audit,
        action: AuditAction<'_>,
        work: impl Future<Output = Result<T, EntryError>>,
    ) -> Result<T, EntryError> {
        let done = work.await;
        let outcome = match &done {
            Ok(_) => AuditOutcome::Done,
            Err(EntryError::Catalog(_) | EntryError::Mirror(_)) => AuditOutcome::Failed,
            Err(_) => AuditOutcome::Refused,
        };
        self.0.catalog.add_audit(&by.entry(action, outcome), SystemTime::now()).await?;
        done
    }
}

// The address without its login, or nothing if it is none.
fn told_of(new: &NewEntry, library: &Library) -> Option<String> {
    let (address, login) =
        crate::address::ImageAddress::parse(&new.address, library.0.mirror.names()).ok()?;
    let login = login.map_or("", |_| ", with a login");
    Some(format!("address: {}{login}", address.as_str()))
}

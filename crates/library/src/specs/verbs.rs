//! What can be done with specs.

use std::time::SystemTime;

use entrepot_access::{Audit, AuditAction, to_the_end};
use entrepot_catalog::{Listing, SpecFields, SpecFilter, SpecRecord, SpecRemoval};

use super::checked::CheckedSpec;
use crate::{error::Error, ids::SpecId, library::Library};

/// How often a change that names no revision is tried again when somebody else's comes first.
const ATTEMPTS: usize = 5;

impl Library {
    /// The specs that a filter selects, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn specs(&self, filter: &SpecFilter, limit: usize) -> Result<Listing<SpecRecord>, Error> {
        Ok(self.0.catalog.specs(filter, limit).await?)
    }

    /// A spec.
    ///
    /// # Errors
    /// There is none with this id, or the database failed.
    pub async fn spec(&self, id: SpecId) -> Result<SpecRecord, Error> {
        self.0.catalog.spec(id.into()).await?.ok_or_else(|| unknown(id))
    }

    /// Adds a spec.
    ///
    /// # Errors
    /// Something is wrong with it, its name is taken, or the database failed; then there is no spec.
    pub async fn add_spec(&self, fields: SpecFields, by: Audit) -> Result<SpecRecord, Error> {
        let library = self.clone();
        to_the_end(async move {
            let name = fields.name.clone();
            let added = library.try_add_spec(fields, &by).await;
            let deed = AuditAction { action: "spec.create", object: &name, detail: None };
            library.recorded(&by, deed, added).await
        })
        .await
    }

    async fn try_add_spec(&self, fields: SpecFields, by: &Audit) -> Result<SpecRecord, Error> {
        let spec = CheckedSpec::new(fields)?;
        let (fields, now) = (spec.fields(), SystemTime::now());
        let id = self.0.catalog.add_spec(fields, &by.actor, now).await?;
        let id = id.ok_or_else(|| taken(&fields.name))?;
        self.0.catalog.spec(id).await?.ok_or(Error::Stale)
    }

    /// Changes a spec: `change` makes the new one out of the one that is there. With a revision, only if it still has that.
    ///
    /// # Errors
    /// There is no such spec, it was changed since, something is wrong with the new one, its name is taken, or the database
    /// failed; then nothing has changed.
    pub async fn change_spec(
        &self,
        id: SpecId,
        revision: Option<i64>,
        change: impl Fn(SpecFields) -> SpecFields + Send + Sync + 'static,
        by: Audit,
    ) -> Result<SpecRecord, Error> {
        let library = self.clone();
        to_the_end(async move {
            let changed = library.try_change_spec(id, revision, change).await;
            let object = id.to_string();
            let detail = changed.as_ref().ok().map(|spec| format!("name: {}", spec.fields.name));
            library
                .recorded(&by, AuditAction { action: "spec.change", object: &object, detail }, changed)
                .await
        })
        .await
    }

    async fn try_change_spec(
        &self,
        id: SpecId,
        revision: Option<i64>,
        change: impl Fn(SpecFields) -> SpecFields,
    ) -> Result<SpecRecord, Error> {
        for _ in 0..ATTEMPTS {
            let before = self.spec(id).await?;
            if revision.is_some_and(|revision| revision != before.revision) {
                return Err(Error::Stale);
            }
            let spec = CheckedSpec::new(change(before.fields.clone()))?;
            if self.0.catalog.change_spec(&before, spec.fields(), SystemTime::now()).await? {
                return self.spec(id).await;
            }
            let other = self.0.catalog.spec_by_name(&spec.fields().name).await?;
            if other.is_some_and(|other| other.id != before.id) {
                return Err(taken(&spec.fields().name));
            }
        }
        Err(Error::Stale)
    }

    /// Removes a spec that no instance uses. With a revision, only if it still has that.
    ///
    /// # Errors
    /// There is no such spec, it was changed since, instances use it, or the database failed; then it is still there.
    pub async fn remove_spec(&self, id: SpecId, revision: Option<i64>, by: Audit) -> Result<(), Error> {
        let library = self.clone();
        to_the_end(async move {
            let removed = library.try_remove_spec(id, revision).await;
            let (object, detail) = (id.to_string(), removed.as_ref().ok().cloned());
            let deed = AuditAction { action: "spec.remove", object: &object, detail };
            library.recorded(&by, deed, removed.map(drop)).await
        })
        .await
    }

    // Returns what the audit log says about it.
    async fn try_remove_spec(&self, id: SpecId, revision: Option<i64>) -> Result<String, Error> {
        let name = self.spec(id).await?.fields.name;
        match self.0.catalog.remove_spec(id.into(), revision).await? {
            SpecRemoval::Done => Ok(format!("name: {name}")),
            SpecRemoval::Stale => Err(Error::Stale),
            SpecRemoval::InUse(instances) => Err(Error::InUse { kind: "spec", name, instances }),
        }
    }
}

fn unknown(id: SpecId) -> Error {
    Error::Unknown { kind: "spec", id: id.to_string() }
}

fn taken(name: &str) -> Error {
    Error::Exists { kind: "spec", name: name.to_owned() }
}

//! Who waits until a card is free, and telling operators when one is.

use std::{collections::BTreeMap, time::SystemTime};

use entrepot_access::{Audit, AuditAction};
use entrepot_catalog::SpecWait;
use entrepot_events::{CardFree, Event, EventKind};

use crate::{error::Error, ids::SpecId, library::Library, tenant::Tenant};

impl Library {
    /// Somebody waits until an instance of a spec could be made: operators are told then, once, that they do.
    ///
    /// # Errors
    /// There is no such spec on the shelf, nobody would be told, or the database failed.
    pub async fn wait_for_spec(&self, id: SpecId, tenant: &Tenant, by: &Audit) -> Result<(), Error> {
        let object = id.to_string();
        let deed = AuditAction { action: "spec.wait", object: &object, detail: None };
        let waits = self.try_wait_for_spec(id, tenant).await;
        self.recorded(by, deed, waits).await
    }

    async fn try_wait_for_spec(&self, id: SpecId, tenant: &Tenant) -> Result<(), Error> {
        let spec = self.spec(id).await?;
        if !spec.fields.on_shelf {
            return Err(Error::Unknown { kind: "spec", id: id.to_string() });
        }
        if !self.0.events.wants(EventKind::CardFree) {
            return Err(Error::NobodyListens);
        }
        let wait = SpecWait {
            spec: spec.id,
            account_id: tenant.id(),
            account: tenant.name().to_owned(),
            since: SystemTime::now(),
        };
        Ok(self.0.catalog.wait_for_spec(&wait).await?)
    }

    /// Somebody waits no longer; it is no fault if they did not.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_spec_wait(&self, id: SpecId, tenant: &Tenant) -> Result<(), Error> {
        self.0.catalog.end_spec_wait(id.into(), tenant.id()).await?;
        Ok(())
    }

    /// Tells operators of the specs that somebody waits for, and of which an instance could be made now.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tell_of_free_cards(&self) -> Result<(), Error> {
        if !self.0.events.wants(EventKind::CardFree) {
            return Ok(());
        }
        let waits = self.0.catalog.spec_waits().await?;
        if waits.is_empty() {
            return Ok(());
        }
        let mut waiting: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        waits.into_iter().for_each(|wait| waiting.entry(wait.spec).or_default().push(wait.account));
        for free in self.free(None).await?.into_iter().filter(|free| free.instances > 0) {
            let Some(accounts) = waiting.remove(&free.spec.id) else { continue };
            self.0.catalog.end_spec_waits(free.spec.id).await?;
            let card = CardFree { spec: free.spec.name, free: free.instances, accounts };
            self.0.events.raise(Event::CardFree(card));
        }
        Ok(())
    }
}

//! The audit log: every change is in it, also one that is refused, and attempts that were refused before.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{AuditEntry, AuditFilter, AuditOutcome, AuditRecord, Error as CatalogError, Listing};

use crate::{access::Access, error::ChangeError, refusals::AttemptKey};

/// The longest name or address of a stranger that is written down, in characters.
const LONGEST: usize = 200;

/// Who changes something, and from where; for the audit log.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Who.
    pub actor: String,
    /// The client's address; `None` for the local socket.
    pub address: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
}

/// Something that was done or refused, for the audit log.
#[derive(Clone, Debug)]
pub struct AuditAction<'a> {
    /// What, such as `login` or `manifest.delete`.
    pub action: &'a str,
    /// To what.
    pub object: &'a str,
    /// What there is to say about it, without secrets.
    pub detail: Option<String>,
}

impl Audit {
    /// The entry about something that they did or tried.
    pub fn entry(&self, deed: AuditAction<'_>, outcome: AuditOutcome) -> AuditEntry {
        AuditEntry {
            actor: self.actor.clone(),
            action: deed.action.to_owned(),
            object: deed.object.to_owned(),
            address: self.address.clone(),
            outcome,
            request_id: self.request_id.clone(),
            detail: deed.detail,
        }
    }
}

impl Access {
    /// The audit log, the latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        limit: usize,
    ) -> Result<Listing<AuditRecord>, ChangeError> {
        Ok(self.0.catalog.audit(filter, limit).await?)
    }

    /// Writes down that something was done.
    ///
    /// # Errors
    /// The database failed.
    pub async fn record_done(&self, action: AuditAction<'_>, by: &Audit) -> Result<(), CatalogError> {
        self.record(action, by, AuditOutcome::Done).await
    }

    /// Writes down that something was tried and failed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn record_failed(&self, action: AuditAction<'_>, by: &Audit) -> Result<(), CatalogError> {
        self.record(action, by, AuditOutcome::Failed).await
    }

    /// Writes down an attempt that was refused. The same one counts once a minute, and strangers fill no more than a bounded
    /// part of the log.
    ///
    /// # Errors
    /// The database failed.
    pub async fn record_refused(&self, deed: AuditAction<'_>, by: &Audit) -> Result<(), CatalogError> {
        let attempt = AttemptKey {
            actor: &by.actor,
            action: deed.action,
            object: deed.object,
            address: by.address.as_deref(),
        };
        let is_stranger = !by.actor.starts_with("account:");
        if self.0.refusals.count(&attempt, is_stranger) {
            self.record(deed, by, AuditOutcome::Refused).await?;
        }
        Ok(())
    }

    /// Removes what is older than `keep_for` from the audit log. Returns how many entries.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trim_audit(&self, keep_for: Duration) -> Result<u64, CatalogError> {
        match SystemTime::now().checked_sub(keep_for) {
            Some(before) => self.0.catalog.trim_audit(before).await,
            None => Ok(0),
        }
    }

    pub(crate) async fn record(
        &self,
        action: AuditAction<'_>,
        by: &Audit,
        outcome: AuditOutcome,
    ) -> Result<(), CatalogError> {
        let entry = by.entry(AuditAction { object: &clipped(action.object), ..action }, outcome);
        self.0.catalog.add_audit(&entry, SystemTime::now()).await
    }

    // What others remember ends before the answer is given, and the change is in the audit log whatever came of it.
    pub(crate) async fn audited<T>(
        &self,
        by: &Audit,
        action: AuditAction<'_>,
        change: impl Future<Output = Result<T, ChangeError>>,
    ) -> Result<T, ChangeError> {
        let done = change.await;
        self.0.changed();
        let looked = self.0.find_use().await;
        let outcome = match &done {
            Ok(_) => AuditOutcome::Done,
            Err(ChangeError::Catalog(_) | ChangeError::Busy(_)) => AuditOutcome::Failed,
            Err(_) => AuditOutcome::Refused,
        };
        let recorded = self.record(action, by, outcome).await;
        let value = done?;
        recorded?;
        looked?;
        Ok(value)
    }
}

// A stranger chooses the name that they try.
fn clipped(text: &str) -> String {
    text.chars().take(LONGEST).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

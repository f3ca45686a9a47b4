//! What is written into the audit log.

use std::time::SystemTime;

use entrepot_access::{Audit, AuditAction};
use entrepot_catalog::AuditOutcome;

use crate::{error::Error, library::Library};

impl Library {
    /// Writes down what came of a change, and gives that back.
    pub(crate) async fn recorded<T>(
        &self,
        by: &Audit,
        action: AuditAction<'_>,
        done: Result<T, Error>,
    ) -> Result<T, Error> {
        let outcome = match &done {
            Ok(_) => AuditOutcome::Done,
            Err(error) if error.is_refusal() => AuditOutcome::Refused,
            Err(_) => AuditOutcome::Failed,
        };
        self.0.catalog.add_audit(&by.entry(action, outcome), SystemTime::now()).await?;
        done
    }
}

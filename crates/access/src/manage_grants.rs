//! Grants as they are managed by API. Those of the configuration are listed beside them, and changed in the file.

use std::time::SystemTime;

use entrepot_catalog::{Error as CatalogError, NewGrant};
use entrepot_oci::RepositoryPattern;

use crate::{
    access::{Access, AccessInner},
    audit::{Audit, AuditAction},
    error::ChangeError,
    grant::Grant,
    grants::{GrantOrigin, InForce, MOST},
};

impl Access {
    /// All grants in force, those of the configuration first.
    pub fn grants(&self) -> Vec<(Grant, GrantOrigin)> {
        let rules = self.rules();
        let all = rules.grants.iter().enumerate();
        all.map(|(at, grant)| (grant.clone(), rules.origin(at))).collect()
    }

    /// Adds a grant, which counts at once. Returns its id.
    ///
    /// # Errors
    /// It grants nothing, there are too many, or the database failed; then nothing has changed.
    pub async fn add_grant(&self, grant: &Grant, by: &Audit) -> Result<i64, ChangeError> {
        let (to, told) = (grant.to.to_string(), told(grant));
        let deed = AuditAction { action: "grant.add", object: &to, detail: Some(told.clone()) };
        self.audited(by, deed, async {
            if grant.repositories.is_empty() || grant.may.is_empty() {
                return Err(ChangeError::EmptyGrant);
            }
            if self.0.in_force.load().count_stored() >= MOST {
                return Err(ChangeError::TooManyGrants);
            }
            let new = NewGrant {
                subject: to.clone(),
                repositories: patterns(grant),
                may: grant.may.to_string(),
                created_by: by.actor.clone(),
            };
            let id = self.0.catalog.add_grant(&new, SystemTime::now()).await?;
            self.0.read_grants().await?;
            Ok(id)
        })
        .await
    }

    /// Removes a grant that was made by API. It ends at once.
    ///
    /// # Errors
    /// There is no such grant, it is in the configuration, or the database failed.
    pub async fn remove_grant(&self, id: &str, by: &Audit) -> Result<(), ChangeError> {
        let known = self.grants().into_iter().find(|(_, origin)| origin.id() == id);
        let detail = known.as_ref().map(|(grant, _)| format!("to: {}, {}", grant.to, told(grant)));
        let deed = AuditAction { action: "grant.remove", object: id, detail };
        self.audited(by, deed, async {
            let stored = match known.map(|(_, origin)| origin) {
                None => return Err(ChangeError::NoGrant(id.to_owned())),
                Some(GrantOrigin::Configuration(_)) => return Err(ChangeError::GrantOfFile(id.to_owned())),
                Some(GrantOrigin::Api(record)) => record.id,
            };
            let is_gone = self.0.catalog.remove_grant(stored).await?;
            self.0.read_grants().await?;
            if is_gone { Ok(()) } else { Err(ChangeError::NoGrant(id.to_owned())) }
        })
        .await
    }
}

impl AccessInner {
    /// Puts the grants that the catalog has in force.
    pub(crate) async fn read_grants(&self) -> Result<(), CatalogError> {
        let stored = self.catalog.grants().await?;
        self.in_force.store(std::sync::Arc::new(InForce::new(&self.configured, stored)?));
        Ok(())
    }
}

impl GrantOrigin {
    /// The grant's id: the number of one that was made by API, `config.0` for the first one of the configuration.
    pub fn id(&self) -> String {
        match self {
            Self::Configuration(at) => format!("config.{at}"),
            Self::Api(record) => record.id.to_string(),
        }
    }
}

fn patterns(grant: &Grant) -> String {
    grant.repositories.iter().map(RepositoryPattern::as_str).collect::<Vec<_>>().join(" ")
}

fn told(grant: &Grant) -> String {
    format!("repositories: {}, may: {}", patterns(grant), grant.may)
}

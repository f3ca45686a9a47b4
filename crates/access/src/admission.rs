//! The account of somebody whom a provider or directory knows: made at the first login, refreshed at every other.
//!
//! Such an account belongs to what the provider calls its subject, for ever. Names and e-mail addresses can be chosen, and
//! link nothing.

use std::{sync::Arc, time::SystemTime};

use entrepot_catalog::{
    AccountChange, AccountKind, AccountRecord, AuditOutcome, Error as CatalogError, NewAccount,
};
use entrepot_federation::ExternalUser;

use crate::{
    access::{AccessInner, KnownAccount},
    audit::{Audit, AuditAction},
    name::AccountName,
    role::Role,
};

/// How many accounts may want one name.
const MAX_NAMESAKES: u32 = 1000;
/// The longest name, so that a number fits behind it.
const MAX_NAME: usize = 56;

/// Somebody who wants in, by the word of a provider or directory.
pub(crate) struct NewMember<'a> {
    pub(crate) kind: AccountKind,
    pub(crate) person: &'a ExternalUser,
    /// The role that their groups give; `None` is no access.
    pub(crate) role: Option<Role>,
    pub(crate) address: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdmissionError {
    #[error("none of the groups gives a role")]
    NoRole,
    #[error("the account is disabled")]
    Disabled,
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl AccessInner {
    /// The account of somebody, with the role and groups that they have now.
    pub(crate) async fn admit(&self, newcomer: &NewMember<'_>) -> Result<Arc<KnownAccount>, AdmissionError> {
        let person = newcomer.person;
        let record = self.catalog.account_by_subject(newcomer.kind, &person.subject).await?;
        let Some(role) = newcomer.role else {
            if let Some(record) = record {
                self.withdraw(&record).await?;
            }
            self.note(newcomer, "login", AuditOutcome::Refused, "no group of theirs gives a role").await?;
            return Err(AdmissionError::NoRole);
        };
        if record.as_ref().is_some_and(|record| record.is_disabled) {
            self.note(newcomer, "login", AuditOutcome::Refused, "the account is disabled").await?;
            return Err(AdmissionError::Disabled);
        }
        let groups = person.groups.clone().unwrap_or_default();
        let id = match record {
            Some(record) => self.refresh(newcomer, record, role, groups).await?,
            None => self.create(newcomer, role, groups).await?,
        };
        let known = self.account(id).await?.filter(|known| known.is_usable());
        known.ok_or(AdmissionError::Disabled)
    }

    // What they had stops at once, on tokens and sessions too, until a login that gives a role.
    async fn withdraw(&self, record: &AccountRecord) -> Result<(), CatalogError> {
        let change = AccountChange { groups: Some(Vec::new()), ..AccountChange::default() };
        self.catalog.change_account(record.id, None, &change, SystemTime::now()).await?;
        self.catalog.account_unconfirmed(record.id).await?;
        self.changed();
        Ok(())
    }

    async fn refresh(
        &self,
        newcomer: &NewMember<'_>,
        record: AccountRecord,
        role: Role,
        groups: Vec<String>,
    ) -> Result<i64, CatalogError> {
        let (now, id) = (SystemTime::now(), record.id);
        let was = KnownAccount::of(record.clone(), self.federation.max_age())?;
        let is_same = record.role == role.as_str() && record.groups == groups;
        if !is_same {
            let change = AccountChange {
                role: Some(role.to_string()),
                groups: Some(groups),
                ..AccountChange::default()
            };
            self.catalog.change_account(id, None, &change, now).await?;
            let detail = format!("role: {role}, by the groups of {}", newcomer.kind.as_str());
            self.note(newcomer, "account.change", AuditOutcome::Done, &detail).await?;
        }
        self.catalog.account_logged_in(id, now).await?;
        if !is_same || !was.is_usable() {
            self.changed();
        }
        Ok(id)
    }

    async fn create(
        &self,
        newcomer: &NewMember<'_>,
        role: Role,
        groups: Vec<String>,
    ) -> Result<i64, CatalogError> {
        let (base, now) = (name_for(&newcomer.person.name), SystemTime::now());
        for number in 1..MAX_NAMESAKES {
            let name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
            let new = NewAccount {
                name: name.clone(),
                kind: newcomer.kind,
                subject: Some(newcomer.person.subject.clone()),
                role: role.to_string(),
                password: None,
                groups: groups.clone(),
            };
            let id = match self.catalog.add_account(&new, now).await {
                Ok(Some(id)) => id,
                Ok(None) => continue,
                // The same person logged in twice at once.
                Err(error) => {
                    match self.catalog.account_by_subject(newcomer.kind, &newcomer.person.subject).await? {
                        Some(record) => record.id,
                        None => return Err(error),
                    }
                }
            };
            self.catalog.account_logged_in(id, now).await?;
            self.changed();
            let detail = format!("name: {name}, role: {role}, by the groups of {}", newcomer.kind.as_str());
            self.note(newcomer, "account.create", AuditOutcome::Done, &detail).await?;
            return Ok(id);
        }
        Err(CatalogError::Content { what: "free account name" })
    }

    async fn note(
        &self,
        newcomer: &NewMember<'_>,
        action: &str,
        outcome: AuditOutcome,
        detail: &str,
    ) -> Result<(), CatalogError> {
        let by = Audit {
            actor: newcomer.kind.as_str().to_owned(),
            address: newcomer.address.clone(),
            request_id: newcomer.request_id.clone(),
        };
        let deed = AuditAction { action, object: &newcomer.person.subject, detail: Some(detail.to_owned()) };
        self.catalog.add_audit(&by.entry(deed, outcome), SystemTime::now()).await
    }
}

/// An account name for somebody who is called something else elsewhere: an e-mail address without its domain, and without
/// what account names cannot have.
fn name_for(called: &str) -> String {
    let local = called.split('@').next().unwrap_or_default().to_lowercase();
    let plain = |letter: char| match letter {
        'a'..='z' | '0'..='9' | '.' | '_' => letter,
        _ => '-',
    };
    let name: String = local.chars().map(plain).collect();
    let name = name.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let name = name.get(..MAX_NAME).unwrap_or(name);
    if name.parse::<AccountName>().is_ok() { name.to_owned() } else { "user".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_elsewhere_become_account_names() {
        for (called, expected) in [
            ("alice", "alice"),
            ("Alice@Corp.example", "alice"),
            ("CORP\\Bob Smith", "corp-bob-smith"),
            ("小明", "user"),
            ("", "user"),
            ("@", "user"),
            ("-_x_-", "x"),
            ("robot$ci", "robot-ci"),
        ] {
            assert_eq!(name_for(called), expected, "{called}");
            assert!(expected.parse::<AccountName>().is_ok());
        }
        assert_eq!(name_for(&"a".repeat(200)).len(), MAX_NAME);
    }
}

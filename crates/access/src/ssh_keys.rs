//! Public keys of accounts: one for each, with which its holder reaches instances by SSH.

use std::time::SystemTime;

use entrepot_catalog::{SshKeyRecord, SshKeySet};

use crate::{
    access::Access,
    audit::{Audit, AuditAction},
    error::{ChangeError, LoginError},
    name::AccountName,
    principal::Principal,
    ssh_key::SshKey,
};

/// The public key that an account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSshKey {
    /// The key.
    pub key: SshKey,
    /// Since when.
    pub since: SystemTime,
}

impl Access {
    /// The public key of an account.
    ///
    /// # Errors
    /// There is no such account, it has none, or the database failed.
    pub async fn ssh_key(&self, account: &AccountName) -> Result<HeldSshKey, ChangeError> {
        let id = self.account(account).await?.id;
        let none = || ChangeError::NoSshKey(account.to_string());
        let record = self.0.catalog.ssh_key(id).await?.ok_or_else(none)?;
        let damaged = entrepot_catalog::Error::Content { what: "public key" };
        let key = record.line.parse().map_err(|_| damaged)?;
        Ok(HeldSshKey { key, since: record.created })
    }

    /// Gives an account a public key, in place of the one that it has: what goes on by that one ends.
    ///
    /// # Errors
    /// There is no such account, another one has the key, or the database failed; then nothing has changed.
    pub async fn set_ssh_key(
        &self,
        account: &AccountName,
        key: &SshKey,
        by: &Audit,
    ) -> Result<(), ChangeError> {
        let fingerprint = key.fingerprint();
        let detail = Some(format!("{} {fingerprint}", key.algorithm()));
        let deed = AuditAction { action: "account.key", object: account.as_str(), detail };
        self.audited(by, deed, async {
            let id = self.account(account).await?.id;
            let (line, created) = (key.to_string(), SystemTime::now());
            let record = SshKeyRecord { account: id, line, fingerprint, created };
            match self.0.catalog.set_ssh_key(&record).await? {
                SshKeySet::Done => Ok(()),
                SshKeySet::Taken => Err(ChangeError::SshKeyTaken),
            }
        })
        .await
    }

    /// Takes the public key of an account away: what goes on by it ends.
    ///
    /// # Errors
    /// There is no such account, it has none, or the database failed.
    pub async fn remove_ssh_key(&self, account: &AccountName, by: &Audit) -> Result<(), ChangeError> {
        let deed = AuditAction { action: "account.key-remove", object: account.as_str(), detail: None };
        self.audited(by, deed, async {
            let id = self.account(account).await?.id;
            let had_one = self.0.catalog.remove_ssh_key(id).await?;
            if had_one { Ok(()) } else { Err(ChangeError::NoSshKey(account.to_string())) }
        })
        .await
    }

    /// The account whose public key has this fingerprint, if it may be used. That somebody holds the private key is for the
    /// caller to find out.
    ///
    /// # Errors
    /// The database failed.
    pub async fn holder_of_ssh_key(&self, fingerprint: &str) -> Result<Option<Principal>, LoginError> {
        let Some(record) = self.0.catalog.ssh_key_with(fingerprint).await? else { return Ok(None) };
        let known = self.0.account(record.account).await?.filter(|known| known.is_usable());
        Ok(known.map(|known| known.principal()))
    }
}

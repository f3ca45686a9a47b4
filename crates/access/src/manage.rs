//! Accounts and API tokens as they are managed. Every change is in the audit log, also one that is refused.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{
    AccountChange, AccountFilter, AccountKind, AccountRecord, ApiTokenFilter, ApiTokenRecord, Listing,
    NewAccount, NewApiToken, RenewedSecret,
};
use secrecy::SecretString;

use crate::{
    access::Access,
    api_token::{ApiToken, TokenId},
    audit::{Audit, AuditAction},
    error::ChangeError,
    name::AccountName,
    password::Passwords,
    role::Role,
    scope::Scopes,
};

/// How long the previous secret of an API token works after it was renewed.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// A change of an account. What is `None` stays.
#[derive(Debug, Default)]
pub struct AccountUpdate {
    /// The new role.
    pub role: Option<Role>,
    /// The new password.
    pub password: Option<SecretString>,
    /// Whether it is disabled.
    pub is_disabled: Option<bool>,
    /// The revision that the change is for; `None` means any.
    pub revision: Option<i64>,
}

/// A new API token.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The account that it belongs to.
    pub account: AccountName,
    /// Its name, for people.
    pub name: String,
    /// What it carries.
    pub scopes: Scopes,
    /// When it ends; `None` means never.
    pub expires: Option<SystemTime>,
}

impl AccountUpdate {
    /// The name of the change in the audit log.
    fn action(&self) -> &'static str {
        match (self.role, &self.password, self.is_disabled) {
            (None, Some(_), None) => "account.password",
            (Some(_), None, None) => "account.role",
            (None, None, Some(true)) => "account.disable",
            (None, None, Some(false)) => "account.enable",
            _ => "account.change",
        }
    }

    /// What changes, from what to what, without the password.
    fn difference(&self, before: Option<&AccountRecord>) -> Option<String> {
        let from = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
        let role = self
            .role
            .map(|role| format!("role: {} → {role}", from(before.map(|before| before.role.clone()))));
        let state = |is_disabled| if is_disabled { "disabled" } else { "enabled" };
        let disabled = self.is_disabled.map(|is_disabled| {
            let before = before.map(|before| state(before.is_disabled).to_owned());
            format!("state: {} → {}", from(before), state(is_disabled))
        });
        let password = self.password.as_ref().map(|_| "password: changed".to_owned());
        let all: Vec<_> = [role, disabled, password].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

impl Access {
    /// Accounts after `after`, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn accounts(&self, after: &str, limit: usize) -> Result<Listing<AccountRecord>, ChangeError> {
        Ok(self.0.catalog.accounts(after, limit).await?)
    }

    /// The accounts that a filter selects, in its order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_accounts(
        &self,
        filter: &AccountFilter,
        limit: usize,
    ) -> Result<Listing<AccountRecord>, ChangeError> {
        Ok(self.0.catalog.find_accounts(filter, limit).await?)
    }

    /// The account with this name.
    ///
    /// # Errors
    /// There is no such account, or the database failed.
    pub async fn account(&self, name: &AccountName) -> Result<AccountRecord, ChangeError> {
        self.account_record(name).await
    }

    /// Creates an account with a password, or a robot without one.
    ///
    /// # Errors
    /// The name is taken, the password is not accepted, or the database failed; then there is no account.
    pub async fn create_account(
        &self,
        name: &AccountName,
        role: Role,
        password: Option<SecretString>,
        by: &Audit,
    ) -> Result<(), ChangeError> {
        let detail = Some(format!("role: {role}"));
        let deed = AuditAction { action: "account.create", object: name.as_str(), detail };
        self.audited(by, deed, async {
            let kind = if password.is_some() { AccountKind::Local } else { AccountKind::Robot };
            let password = match password {
                Some(password) => Some(self.hashed(name, password).await?),
                None => None,
            };
            let new = NewAccount {
                name: name.to_string(),
                kind,
                subject: None,
                role: role.to_string(),
                password,
                groups: Vec::new(),
            };
            let added = self.0.catalog.add_account(&new, SystemTime::now()).await?;
            added.map(drop).ok_or_else(|| ChangeError::Exists(name.to_string()))
        })
        .await
    }

    /// Changes an account: all of it, or nothing. What it no longer allows stops at once, on tokens too. Its
    /// sessions end with another password, and when it is disabled.
    ///
    /// # Errors
    /// There is no such account, it is the last admin, it has no password to set, the new one is not accepted, or the
    /// database failed.
    pub async fn change_account(
        &self,
        name: &AccountName,
        update: AccountUpdate,
        by: &Audit,
    ) -> Result<(), ChangeError> {
        let before = self.0.catalog.account_by_name(name.as_str()).await?;
        let detail = update.difference(before.as_ref());
        let deed = AuditAction { action: update.action(), object: name.as_str(), detail };
        self.audited(by, deed, async {
            let record = self.account_record(name).await?;
            if update.revision.is_some_and(|seen| seen != record.revision) {
                return Err(ChangeError::Stale);
            }
            if update.is_disabled == Some(true) || update.role.is_some_and(|role| role != Role::Admin) {
                self.keep_an_admin(&record).await?;
            }
            let password = match update.password {
                Some(_) if record.kind != AccountKind::Local => {
                    return Err(ChangeError::NoPassword(name.to_string()));
                }
                Some(password) => Some(self.hashed(name, password).await?),
                None => None,
            };
            let AccountUpdate { role, is_disabled, .. } = update;
            let role = role.map(|role| role.to_string());
            let update = AccountChange { role, password, is_disabled, ..AccountChange::default() };
            let (revision, now) = (Some(record.revision), SystemTime::now());
            let is_done = self.0.catalog.change_account(record.id, revision, &update, now).await?;
            if is_done { Ok(()) } else { Err(ChangeError::Conflict) }
        })
        .await
    }

    /// Removes an account with all its tokens and sessions.
    ///
    /// # Errors
    /// There is no such account, it is the last admin, or the database failed.
    pub async fn remove_account(&self, name: &AccountName, by: &Audit) -> Result<(), ChangeError> {
        self.remove_account_as_seen(name, None, by).await
    }

    /// Removes an account as [`Access::remove_account`] does, if it still has this revision.
    ///
    /// # Errors
    /// Those, and that it was changed since.
    pub async fn remove_account_as_seen(
        &self,
        name: &AccountName,
        revision: Option<i64>,
        by: &Audit,
    ) -> Result<(), ChangeError> {
        let deed = AuditAction { action: "account.remove", object: name.as_str(), detail: None };
        self.audited(by, deed, async {
            let record = self.account_record(name).await?;
            if revision.is_some_and(|seen| seen != record.revision) {
                return Err(ChangeError::Stale);
            }
            self.keep_an_admin(&record).await?;
            if !self.0.catalog.remove_account(record.id, revision).await? {
                return Err(ChangeError::Stale);
            }
            // What was granted to it by API is gone with it.
            self.0.read_grants().await?;
            Ok(())
        })
        .await
    }

    /// API tokens after `after`, by id: those of one account, or all.
    ///
    /// # Errors
    /// There is no such account, or the database failed.
    pub async fn tokens(
        &self,
        account: Option<&AccountName>,
        after: &str,
        limit: usize,
    ) -> Result<Listing<ApiTokenRecord>, ChangeError> {
        let account = match account {
            Some(name) => Some(self.account_record(name).await?.id),
            None => None,
        };
        Ok(self.0.catalog.api_tokens(account, after, limit).await?)
    }

    /// The API tokens that a filter selects.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_tokens(
        &self,
        filter: &ApiTokenFilter,
        limit: usize,
    ) -> Result<Listing<ApiTokenRecord>, ChangeError> {
        Ok(self.0.catalog.find_api_tokens(filter, limit).await?)
    }

    /// How many API tokens end between `from` and `until`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_ending_tokens(&self, from: SystemTime, until: SystemTime) -> Result<u64, ChangeError> {
        Ok(self.0.catalog.count_ending_tokens(from, until).await?)
    }

    /// Creates an API token. The value is the only place where its secret ever is.
    ///
    /// # Errors
    /// There is no such account, the token would have ended already, or the database failed.
    pub async fn create_token(&self, new: &NewToken, by: &Audit) -> Result<ApiToken, ChangeError> {
        let token = ApiToken::generate();
        let ends = new
            .expires
            .map_or_else(|| "never".to_owned(), |end| humantime::format_rfc3339_seconds(end).to_string());
        let detail = Some(format!(
            "name: {}, account: {}, scopes: {}, ends: {ends}",
            new.name, new.account, new.scopes
        ));
        let deed = AuditAction { action: "token.create", object: token.id().as_str(), detail };
        self.audited(by, deed, async {
            let now = SystemTime::now();
            if new.expires.is_some_and(|end| end <= now) {
                return Err(ChangeError::Past);
            }
            let record = NewApiToken {
                id: token.id().to_string(),
                account: self.account_record(&new.account).await?.id,
                name: new.name.clone(),
                scopes: new.scopes.to_string(),
                hash: token.hash(),
                expires: new.expires,
            };
            Ok(self.0.catalog.add_api_token(&record, now).await?)
        })
        .await?;
        Ok(token)
    }

    /// The API token with this id.
    ///
    /// # Errors
    /// There is no such token, or the database failed.
    pub async fn token(&self, id: &TokenId) -> Result<ApiTokenRecord, ChangeError> {
        let found = self.0.catalog.api_token(id.as_str()).await?;
        found.ok_or_else(|| ChangeError::NoToken(id.to_string()))
    }

    /// Gives an API token a new secret, if it has this revision where one is given. The secret so far works for another 24
    /// hours.
    ///
    /// # Errors
    /// There is no such token, it was changed since, or the database failed.
    pub async fn renew_token(
        &self,
        id: &TokenId,
        revision: Option<i64>,
        by: &Audit,
    ) -> Result<ApiToken, ChangeError> {
        let token = ApiToken::renew(id);
        let deed = AuditAction { action: "token.renew", object: id.as_str(), detail: None };
        self.audited(by, deed, async {
            let now = SystemTime::now();
            let record = self.token(id).await?;
            let new = RenewedSecret { hash: token.hash(), former_ends: now + GRACE };
            let is_done = self.0.catalog.renew_api_token(&record.id, revision, &new, now).await?;
            if is_done { Ok(()) } else { Err(ChangeError::Stale) }
        })
        .await?;
        Ok(token)
    }

    /// Removes an API token, if it has this revision where one is given. It stops working at once.
    ///
    /// # Errors
    /// There is no such token, it was changed since, or the database failed.
    pub async fn remove_token(
        &self,
        id: &TokenId,
        revision: Option<i64>,
        by: &Audit,
    ) -> Result<(), ChangeError> {
        let deed = AuditAction { action: "token.remove", object: id.as_str(), detail: None };
        self.audited(by, deed, async {
            let record = self.token(id).await?;
            let is_done = self.0.catalog.remove_api_token(&record.id, revision).await?;
            if is_done { Ok(()) } else { Err(ChangeError::Stale) }
        })
        .await
    }

    /// Makes the account `admin`, without a password, if there is no account at all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn make_first_admin(&self) -> Result<(), ChangeError> {
        if !self.0.catalog.accounts("", 1).await?.rows.is_empty() {
            return Ok(());
        }
        let new = NewAccount {
            name: "admin".to_owned(),
            kind: AccountKind::Local,
            subject: None,
            role: Role::Admin.to_string(),
            password: None,
            groups: Vec::new(),
        };
        self.0.catalog.add_account(&new, SystemTime::now()).await?;
        Ok(())
    }

    /// Sets the password of the account `admin` if no account has one. Returns whether it did.
    ///
    /// # Errors
    /// There is no such account, the password is not accepted, or the database failed.
    pub async fn set_first_password(&self, password: SecretString) -> Result<bool, ChangeError> {
        if self.0.catalog.has_passwords().await? {
            return Ok(false);
        }
        let by = Audit { actor: "owner".to_owned(), address: None, request_id: None };
        let change = AccountUpdate { password: Some(password), ..AccountUpdate::default() };
        self.change_account(&AccountName::normalized("admin")?, change, &by).await?;
        Ok(true)
    }

    async fn hashed(&self, name: &AccountName, password: SecretString) -> Result<String, ChangeError> {
        Passwords::check(&password, name.as_str())?;
        Ok(self.0.passwords.hash(password).await?)
    }

    async fn account_record(&self, name: &AccountName) -> Result<AccountRecord, ChangeError> {
        let found = self.0.catalog.account_by_name(name.as_str()).await?;
        found.ok_or_else(|| ChangeError::NoAccount(name.to_string()))
    }

    // Refuses to take away the last account that can manage accounts.
    async fn keep_an_admin(&self, record: &AccountRecord) -> Result<(), ChangeError> {
        let is_admin = |record: &AccountRecord| record.role == Role::Admin.as_str() && !record.is_disabled;
        if !is_admin(record) {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let page = self.0.catalog.accounts(&after, 500).await?;
            if page.rows.iter().any(|other| other.id != record.id && is_admin(other)) {
                return Ok(());
            }
            match page.rows.last() {
                Some(last) if page.more => after.clone_from(&last.name),
                _ => return Err(ChangeError::LastAdmin(record.name.clone())),
            }
        }
    }
}

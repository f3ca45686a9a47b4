//! Accounts.

use std::time::SystemTime;

use sqlx::FromRow;

use super::{
    grants::REMOVE_OF,
    records::{AccountChange, AccountFilter, AccountKind, AccountOrder, AccountRecord, NewAccount},
    sessions::REMOVE_OF as REMOVE_SESSIONS,
};
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{containing, fetch_page, from_ms, new_id, to_ms},
};

macro_rules! columns {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, name, kind, subject, role, password, member_of, disabled, revision, created_ms, changed_ms, \
             last_login_ms FROM account WHERE ",
            $($rest),+
        )
    };
}

pub(crate) const ACCOUNT: &str = columns!("id = $1");
pub(crate) const BY_NAME: &str = columns!("name = $1");
pub(crate) const BY_SUBJECT: &str = columns!("kind = $1 AND subject = $2");
pub(crate) const ACCOUNTS: &str = columns!("name > $1 ORDER BY name LIMIT $2");
// What each order adds to the common conditions.
macro_rules! listed {
    ($after:literal) => {
        columns!(
            "role = COALESCE($2, role) AND kind = COALESCE($3, kind) AND disabled = COALESCE($4, disabled) \
             AND name LIKE $5 ESCAPE '!' AND ",
            $after
        )
    };
}
pub(crate) const BY_NAME_UP: &str = listed!("name > $1 ORDER BY name LIMIT $6");
pub(crate) const BY_NAME_BACK: &str = listed!("name < $1 ORDER BY name DESC LIMIT $6");
pub(crate) const BY_AGE: &str = listed!("id > $1 ORDER BY id LIMIT $6");
pub(crate) const BY_AGE_BACK: &str = listed!("id < $1 ORDER BY id DESC LIMIT $6");
const ADD: &str = "INSERT INTO account (id, name, kind, subject, role, password, member_of, created_ms, changed_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (name) DO NOTHING";
const CHANGE: &str = "UPDATE account SET role = COALESCE($3, role), password = COALESCE($4, password), \
     member_of = COALESCE($5, member_of), disabled = COALESCE($6, disabled), revision = revision + 1, \
     changed_ms = $7 WHERE id = $1 AND revision = COALESCE($2, revision)";
pub(crate) const REMOVE: &str = "DELETE FROM account WHERE id = $1 AND revision = COALESCE($2, revision)";
const LOGGED_IN: &str = "UPDATE account SET last_login_ms = $2 WHERE id = $1";
const UNCONFIRMED: &str = "UPDATE account SET last_login_ms = NULL WHERE id = $1";
const ANY_WITH_PASSWORD: &str = "SELECT id FROM account WHERE password IS NOT NULL AND disabled = 0 LIMIT 1";

impl Catalog {
    /// The account with this key.
    ///
    /// # Errors
    /// The database failed.
    pub async fn account(&self, id: i64) -> Result<Option<AccountRecord>, Error> {
        let row = sqlx::query_as::<_, Raw>(ACCOUNT).bind(id).fetch_optional(&self.reader).await?;
        row.map(Raw::read).transpose()
    }

    /// The account with this name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<AccountRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(BY_NAME).bind(name.to_owned());
        query.fetch_optional(&self.reader).await?.map(Raw::read).transpose()
    }

    /// The account that somebody has who comes from elsewhere.
    ///
    /// # Errors
    /// The database failed.
    pub async fn account_by_subject(
        &self,
        kind: AccountKind,
        subject: &str,
    ) -> Result<Option<AccountRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(BY_SUBJECT).bind(kind.as_str()).bind(subject.to_owned());
        query.fetch_optional(&self.reader).await?.map(Raw::read).transpose()
    }

    /// Accounts after `after`, in bytewise order of names.
    ///
    /// # Errors
    /// The database failed.
    pub async fn accounts(&self, after: &str, limit: usize) -> Result<Listing<AccountRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(ACCOUNTS).bind(after.to_owned());
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// The accounts that a filter selects, in its order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_accounts(
        &self,
        filter: &AccountFilter,
        limit: usize,
    ) -> Result<Listing<AccountRecord>, Error> {
        let after = filter.after.clone();
        let by_age = |last: i64| after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(last);
        let query = match filter.order {
            AccountOrder::Name => sqlx::query_as::<_, Raw>(BY_NAME_UP).bind(after.unwrap_or_default()),
            // Behind every name: they have lower-case letters, digits and `._-`.
            AccountOrder::NameBack => {
                sqlx::query_as::<_, Raw>(BY_NAME_BACK).bind(after.unwrap_or_else(|| "~".to_owned()))
            }
            AccountOrder::Age => sqlx::query_as::<_, Raw>(BY_AGE).bind(by_age(0)),
            AccountOrder::AgeBack => sqlx::query_as::<_, Raw>(BY_AGE_BACK).bind(by_age(i64::MAX)),
        };
        let query = query.bind(filter.role.clone()).bind(filter.kind.map(AccountKind::as_str));
        let query = query.bind(filter.is_disabled.map(i64::from)).bind(containing(filter.search.as_deref()));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// Creates an account. Returns its key, or `None` if the name is taken.
    ///
    /// # Errors
    /// The database failed; then there is no account.
    pub async fn add_account(&self, new: &NewAccount, at: SystemTime) -> Result<Option<i64>, Error> {
        let groups = groups_text(&new.groups);
        retried(|| async {
            let id = new_id();
            let query = sqlx::query(ADD).bind(id).bind(new.name.clone()).bind(new.kind.as_str());
            let query = query.bind(new.subject.clone()).bind(new.role.clone()).bind(new.password.clone());
            let done = query.bind(groups.clone()).bind(to_ms(at)).execute(&self.writer).await?;
            Ok((done.rows_affected() > 0).then_some(id))
        })
        .await
    }

    /// Changes an account if it has this revision, or any if `revision` is `None`. Its sessions end with another password,
    /// and when it is disabled. Returns whether it did.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn change_account(
        &self,
        id: i64,
        revision: Option<i64>,
        change: &AccountChange,
        at: SystemTime,
    ) -> Result<bool, Error> {
        let ends_sessions = change.password.is_some() || change.is_disabled == Some(true);
        retried(|| async {
            let mut tx = self.begin().await?;
            let query = sqlx::query(CHANGE).bind(id).bind(revision);
            let query = query.bind(change.role.clone()).bind(change.password.clone());
            let query = query.bind(change.groups.as_deref().map(groups_text));
            let query = query.bind(change.is_disabled.map(i64::from)).bind(to_ms(at));
            let is_done = query.execute(&mut *tx).await?.rows_affected() > 0;
            if is_done && ends_sessions {
                sqlx::query(REMOVE_SESSIONS).bind(id).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(is_done)
        })
        .await
    }

    /// Removes an account with all its tokens and sessions and the grants that were made to it by API, if it has this
    /// revision, or any if `revision` is `None`. Returns whether it did. Who gets its name later starts with nothing.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn remove_account(&self, id: i64, revision: Option<i64>) -> Result<bool, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let known = sqlx::query_as::<_, Raw>(ACCOUNT).bind(id).fetch_optional(&mut *tx).await?;
            let Some(known) = known else { return Ok(false) };
            let done = sqlx::query(REMOVE).bind(id).bind(revision).execute(&mut *tx).await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(REMOVE_OF).bind(format!("account:{}", known.name)).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Records a login.
    ///
    /// # Errors
    /// The database failed.
    pub async fn account_logged_in(&self, id: i64, at: SystemTime) -> Result<(), Error> {
        sqlx::query(LOGGED_IN).bind(id).bind(to_ms(at)).execute(&self.writer).await?;
        Ok(())
    }

    /// Records that the provider or directory of an account gives it no role any more: the login that it had does not count.
    ///
    /// # Errors
    /// The database failed.
    pub async fn account_unconfirmed(&self, id: i64) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(UNCONFIRMED).bind(id).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Whether anybody can log in with a password.
    ///
    /// # Errors
    /// The database failed.
    pub async fn has_passwords(&self) -> Result<bool, Error> {
        let found = sqlx::query_as::<_, (i64,)>(ANY_WITH_PASSWORD).fetch_optional(&self.reader).await?;
        Ok(found.is_some())
    }
}

fn groups_text(groups: &[String]) -> String {
    // Texts always serialize.
    serde_json::to_string(groups).unwrap_or_default()
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    name: String,
    kind: String,
    subject: Option<String>,
    role: String,
    password: Option<String>,
    member_of: String,
    disabled: i64,
    revision: i64,
    created_ms: i64,
    changed_ms: i64,
    last_login_ms: Option<i64>,
}

impl Raw {
    fn read(self) -> Result<AccountRecord, Error> {
        let groups = serde_json::from_str(&self.member_of);
        Ok(AccountRecord {
            id: self.id,
            name: self.name,
            kind: AccountKind::read(&self.kind)?,
            subject: self.subject,
            role: self.role,
            password: self.password,
            groups: groups.map_err(|_| Error::Content { what: "list of groups" })?,
            is_disabled: self.disabled != 0,
            revision: self.revision,
            created: from_ms(self.created_ms),
            changed: from_ms(self.changed_ms),
            last_login: self.last_login_ms.map(from_ms),
        })
    }
}

//! API tokens and their secrets.

use std::{collections::BTreeMap, time::SystemTime};

use entrepot_oci::Digest;
use sqlx::FromRow;

use super::records::{ApiTokenFilter, ApiTokenRecord, ApiTokenSecret, NewApiToken, RenewedSecret};
use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{Ask, count, digest, fetch_page, from_ms, number, to_ms, with_list},
};

pub(crate) const TOKEN: &str =
    "SELECT id, account_id, name, scopes, created_ms, expires_ms, revision FROM api_token WHERE id = $1";
pub(crate) const TOKENS_OF: &str = "SELECT id, account_id, name, scopes, created_ms, expires_ms, revision FROM api_token \
     WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3";
const TOKENS: &str = "SELECT id, account_id, name, scopes, created_ms, expires_ms, revision FROM api_token \
     WHERE id > $1 ORDER BY id LIMIT $2";
pub(crate) const SECRETS: &str = "SELECT token_id, hash, created_ms, ends_ms, used_ms FROM api_token_secret \
     WHERE token_id = $1 ORDER BY created_ms DESC, hash";
const SECRETS_OF_MANY: &str = "SELECT token_id, hash, created_ms, ends_ms, used_ms FROM api_token_secret \
     WHERE token_id >= $1 AND token_id IN {} ORDER BY created_ms DESC, hash";
pub(crate) const ENDING: &str = "SELECT id, account_id, name, scopes, created_ms, expires_ms, revision FROM api_token \
     WHERE expires_ms < $1 AND (expires_ms, id) > ($2, $3) AND account_id = COALESCE($4, account_id) \
     ORDER BY expires_ms, id LIMIT $5";
const NAMED: &str = "SELECT id, account_id, name, scopes, created_ms, expires_ms, revision FROM api_token \
     WHERE name = $1 ORDER BY id LIMIT $2";
const COUNT_ENDING: &str = "SELECT COUNT(*) FROM api_token WHERE expires_ms >= $1 AND expires_ms < $2";
const ADD: &str = "INSERT INTO api_token (id, account_id, name, scopes, created_ms, expires_ms) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const ADD_SECRET: &str = "INSERT INTO api_token_secret (token_id, hash, created_ms) VALUES ($1, $2, $3)";
const END_SECRETS: &str = "UPDATE api_token_secret SET ends_ms = $2 WHERE token_id = $1 AND ends_ms IS NULL";
const DROP_ENDED: &str = "DELETE FROM api_token_secret WHERE token_id = $1 AND ends_ms IS NOT NULL";
const RAISE: &str =
    "UPDATE api_token SET revision = revision + 1 WHERE id = $1 AND revision = COALESCE($2, revision)";
const REMOVE: &str = "DELETE FROM api_token WHERE id = $1 AND revision = COALESCE($2, revision)";
const USED: &str = "UPDATE api_token_secret SET used_ms = $3 WHERE token_id = $1 AND hash = $2";

impl Catalog {
    /// The API token with this id, and its secrets.
    ///
    /// # Errors
    /// The database failed.
    pub async fn api_token(&self, id: &str) -> Result<Option<ApiTokenRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(TOKEN).bind(id.to_owned());
        let Some(token) = query.fetch_optional(&self.reader).await? else { return Ok(None) };
        let secrets =
            sqlx::query_as::<_, RawSecret>(SECRETS).bind(id.to_owned()).fetch_all(&self.reader).await?;
        let secrets = secrets.into_iter().map(RawSecret::read).collect::<Result<_, _>>()?;
        Ok(Some(token.read(secrets)))
    }

    /// API tokens after `after`, by id: those of one account, or all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn api_tokens(
        &self,
        account: Option<i64>,
        after: &str,
        limit: usize,
    ) -> Result<Listing<ApiTokenRecord>, Error> {
        let query = match account {
            Some(account) => sqlx::query_as::<_, Raw>(TOKENS_OF).bind(account).bind(after.to_owned()),
            None => sqlx::query_as::<_, Raw>(TOKENS).bind(after.to_owned()),
        };
        self.with_secrets(query, limit).await
    }

    /// The API tokens that a filter selects.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_api_tokens(
        &self,
        filter: &ApiTokenFilter,
        limit: usize,
    ) -> Result<Listing<ApiTokenRecord>, Error> {
        let after = filter.after.as_deref().unwrap_or_default();
        let Some(before) = filter.ends_before else {
            return self.api_tokens(filter.account, after, limit).await;
        };
        let (from, id) = after.split_once('.').unwrap_or(("0", ""));
        let query = sqlx::query_as::<_, Raw>(ENDING).bind(to_ms(before));
        let query = query.bind(from.parse().unwrap_or(0_i64)).bind(id.to_owned()).bind(filter.account);
        self.with_secrets(query, limit).await
    }

    /// API tokens with this name, without their secrets; at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn api_tokens_named(&self, name: &str, limit: usize) -> Result<Vec<ApiTokenRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(NAMED).bind(name.to_owned()).bind(number(limit));
        let rows = query.fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|row| row.read(Vec::new())).collect())
    }

    /// How many API tokens end at `from` or later, and before `until`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_ending_tokens(&self, from: SystemTime, until: SystemTime) -> Result<u64, Error> {
        let query = sqlx::query_as::<_, (i64,)>(COUNT_ENDING).bind(to_ms(from)).bind(to_ms(until));
        Ok(count(query.fetch_one(&self.reader).await?.0))
    }

    async fn with_secrets(
        &self,
        query: Ask<'_, Raw>,
        limit: usize,
    ) -> Result<Listing<ApiTokenRecord>, Error> {
        let (tokens, more) = fetch_page(query, &self.reader, limit).await?;
        let mut secrets = self.secrets_of(&tokens).await?;
        let rows = tokens.into_iter().map(|token| {
            let secrets = secrets.remove(&token.id).unwrap_or_default();
            token.read(secrets)
        });
        Ok(Listing { rows: rows.collect(), more })
    }

    async fn secrets_of(&self, tokens: &[Raw]) -> Result<BTreeMap<String, Vec<ApiTokenSecret>>, Error> {
        let mut all = BTreeMap::<_, Vec<_>>::new();
        let Some(first) = tokens.iter().min_by(|one, other| one.id.cmp(&other.id)) else { return Ok(all) };
        let query =
            sqlx::query_as::<_, RawSecret>(with_list(SECRETS_OF_MANY, tokens.len())).bind(first.id.clone());
        let query = tokens.iter().fold(query, |query, token| query.bind(token.id.clone()));
        for secret in query.fetch_all(&self.reader).await? {
            all.entry(secret.token_id.clone()).or_default().push(secret.read()?);
        }
        Ok(all)
    }

    /// Creates an API token.
    ///
    /// # Errors
    /// The database failed, or the account is gone; then there is no token.
    pub async fn add_api_token(&self, new: &NewApiToken, at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let query = sqlx::query(ADD).bind(new.id.clone()).bind(new.account).bind(new.name.clone());
            let query = query.bind(new.scopes.clone()).bind(to_ms(at)).bind(new.expires.map(to_ms));
            query.execute(&mut *tx).await?;
            let query = sqlx::query(ADD_SECRET).bind(new.id.clone()).bind(new.hash.to_string());
            query.bind(to_ms(at)).execute(&mut *tx).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Gives a token a new secret. The newest one so far goes on working for a while; older ones are gone. Returns whether
    /// the token was there, with this revision if one is given.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn renew_api_token(
        &self,
        id: &str,
        revision: Option<i64>,
        new: &RenewedSecret,
        at: SystemTime,
    ) -> Result<bool, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let raised = sqlx::query(RAISE).bind(id.to_owned()).bind(revision).execute(&mut *tx).await?;
            if raised.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(DROP_ENDED).bind(id.to_owned()).execute(&mut *tx).await?;
            sqlx::query(END_SECRETS)
                .bind(id.to_owned())
                .bind(to_ms(new.former_ends))
                .execute(&mut *tx)
                .await?;
            let query = sqlx::query(ADD_SECRET).bind(id.to_owned()).bind(new.hash.to_string());
            query.bind(to_ms(at)).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Removes an API token. Returns whether it was there, with this revision if one is given.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_api_token(&self, id: &str, revision: Option<i64>) -> Result<bool, Error> {
        retried(|| async {
            let done = sqlx::query(REMOVE).bind(id.to_owned()).bind(revision).execute(&self.writer).await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }

    /// Records that a secret of a token was used.
    ///
    /// # Errors
    /// The database failed.
    pub async fn api_token_used(&self, id: &str, hash: &Digest, at: SystemTime) -> Result<(), Error> {
        let query = sqlx::query(USED).bind(id.to_owned()).bind(hash.to_string());
        query.bind(to_ms(at)).execute(&self.writer).await?;
        Ok(())
    }
}

#[derive(FromRow)]
struct Raw {
    id: String,
    account_id: i64,
    name: String,
    scopes: String,
    created_ms: i64,
    expires_ms: Option<i64>,
    revision: i64,
}

#[derive(FromRow)]
struct RawSecret {
    token_id: String,
    hash: String,
    created_ms: i64,
    ends_ms: Option<i64>,
    used_ms: Option<i64>,
}

impl Raw {
    fn read(self, secrets: Vec<ApiTokenSecret>) -> ApiTokenRecord {
        ApiTokenRecord {
            id: self.id,
            account: self.account_id,
            name: self.name,
            scopes: self.scopes,
            created: from_ms(self.created_ms),
            expires: self.expires_ms.map(from_ms),
            revision: self.revision,
            secrets,
        }
    }
}

impl RawSecret {
    fn read(self) -> Result<ApiTokenSecret, Error> {
        Ok(ApiTokenSecret {
            hash: digest(&self.hash)?,
            created: from_ms(self.created_ms),
            ends: self.ends_ms.map(from_ms),
            used: self.used_ms.map(from_ms),
        })
    }
}

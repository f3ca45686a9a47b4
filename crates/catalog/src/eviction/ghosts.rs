//! Ghosts: what was evicted, remembered for some days, so that what comes back is known.

use std::time::SystemTime;

use entrepot_eviction::Heat;
use sqlx::AnyConnection;

use super::records::{ReturnedImage, ReturnedImages};
use crate::{
    database::{Catalog, retried},
    error::Error,
    key::RepoKey,
    sql::{count, from_ms, number, to_ms},
};

const ADD: &str = "INSERT INTO ghost (path, origin, digest, bytes, heat, heat_ms, evicted_ms, evicted_bytes) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (path, origin, digest, evicted_ms) DO NOTHING";
pub(crate) const EVICTED_BYTES: &str = "SELECT evicted_bytes FROM ghost WHERE evicted_ms >= 0 ORDER BY evicted_ms DESC, evicted_bytes DESC LIMIT 1";
pub(crate) const GHOST: &str = "SELECT bytes, heat, heat_ms, evicted_ms, evicted_bytes FROM ghost \
     WHERE path = $1 AND origin = $2 AND digest = $3 AND returned_ms IS NULL ORDER BY evicted_ms DESC LIMIT 1";
pub(crate) const RETURNED: &str = "UPDATE ghost SET returned_ms = $5, larger_by = $6 \
     WHERE path = $1 AND origin = $2 AND digest = $3 AND evicted_ms = $4";
pub(crate) const TRIM: &str = "DELETE FROM ghost WHERE evicted_ms < $1";
pub(crate) const TRIM_MANY: &str = "DELETE FROM ghost WHERE evicted_ms < \
     (SELECT evicted_ms FROM ghost WHERE evicted_ms >= 0 ORDER BY evicted_ms DESC LIMIT 1 OFFSET $1)";
pub(crate) const SAVINGS: &str =
    "SELECT bytes, larger_by FROM ghost WHERE evicted_ms >= $1 AND returned_ms IS NOT NULL";

/// An image as it was when it went.
pub(super) struct Ghost<'a> {
    pub(super) key: &'a RepoKey,
    pub(super) digest: String,
    /// What its eviction freed.
    pub(super) bytes: u64,
    pub(super) heat: Heat,
}

/// Remembers an image that goes.
pub(super) async fn add(on: &mut AnyConnection, ghost: &Ghost<'_>, now: SystemTime) -> Result<(), Error> {
    let before = evicted_bytes(on).await?;
    sqlx::query(ADD)
        .bind(ghost.key.to_string())
        .bind(ghost.key.origin_text().to_owned())
        .bind(ghost.digest.clone())
        .bind(number(ghost.bytes))
        .bind(number(ghost.heat.thousandths()))
        .bind(to_ms(ghost.heat.as_of()))
        .bind(to_ms(now))
        .bind(number(before.saturating_add(ghost.bytes)))
        .execute(on)
        .await?;
    Ok(())
}

/// The heat that an image had when it was evicted, if it was, and what that had freed. It has come back now.
pub(crate) async fn welcome_back(
    on: &mut AnyConnection,
    key: &RepoKey,
    digest: &str,
    now: SystemTime,
) -> Result<Option<(Heat, ReturnedImages)>, Error> {
    let query = sqlx::query_as::<_, (i64, i64, i64, i64, i64)>(GHOST).bind(key.to_string());
    let query = query.bind(key.origin_text().to_owned()).bind(digest.to_owned());
    // All rows: a statement that is left halfway may not be done.
    let Some((bytes, heat, heat_ms, evicted_ms, at)) = query.fetch_all(&mut *on).await?.pop() else {
        return Ok(None);
    };
    let (bytes, at) = (count(bytes), count(at));
    // To keep it, there must have been room for itself and for what went after it.
    let larger_by = evicted_bytes(on).await?.saturating_sub(at).saturating_add(bytes);
    sqlx::query(RETURNED)
        .bind(key.to_string())
        .bind(key.origin_text().to_owned())
        .bind(digest.to_owned())
        .bind(evicted_ms)
        .bind(to_ms(now))
        .bind(number(larger_by))
        .execute(on)
        .await?;
    Ok(Some((Heat::new(count(heat), from_ms(heat_ms)), ReturnedImages { images: 1, bytes })))
}

async fn evicted_bytes(on: &mut AnyConnection) -> Result<u64, Error> {
    let last = sqlx::query_as::<_, (i64,)>(EVICTED_BYTES).fetch_all(on).await?.pop();
    Ok(last.map_or(0, |(bytes,)| count(bytes)))
}

impl Catalog {
    /// Forgets what was evicted before a time, and all but the latest `most`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trim_ghosts(&self, before: SystemTime, most: usize) -> Result<(), Error> {
        retried(|| async {
            sqlx::query(TRIM).bind(to_ms(before)).execute(&self.writer).await?;
            let last = number(most).saturating_sub(1);
            sqlx::query(TRIM_MANY).bind(last).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// The images that were evicted since a time and were pulled again.
    ///
    /// # Errors
    /// The database failed.
    pub async fn returned_images(&self, since: SystemTime) -> Result<Vec<ReturnedImage>, Error> {
        let query = sqlx::query_as::<_, (i64, Option<i64>)>(SAVINGS).bind(to_ms(since));
        let rows = query.fetch_all(&self.reader).await?;
        let read = |(bytes, larger_by): (i64, Option<i64>)| ReturnedImage {
            bytes: count(bytes),
            larger_by: count(larger_by.unwrap_or(bytes)),
        };
        Ok(rows.into_iter().map(read).collect())
    }
}

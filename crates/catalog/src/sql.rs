//! Pieces that the queries are made of.
//!
//! Every query about one repository takes its path as `$1` and its origin as `$2`; what follows is its own.
//! "Is there none" is written `(SELECT 1 … LIMIT 1) IS NULL`: PostgreSQL turns `NOT EXISTS` into a join, for which it
//! may read all rows of a repository that is much larger than most.
//! Times cross this border as milliseconds, sizes and counts as `i64`.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use entrepot_oci::{Digest, MediaType};
use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe,
    any::{AnyArguments, AnyRow},
    query::{Query, QueryAs},
};

use crate::{error::Error, key::RepoKey};

/// The id of the repository in `$1` and `$2`, for use within a query.
macro_rules! here {
    () => {
        "(SELECT id FROM repository WHERE path = $1 AND origin = $2)"
    };
}
pub(crate) use here;

/// The most rows written by one statement: SQLite takes 32,766 parameters.
pub(crate) const BATCH: usize = 100;

pub(crate) type SqlQuery<'q> = Query<'q, Any, AnyArguments>;
pub(crate) type Ask<'q, T> = QueryAs<'q, Any, T, AnyArguments>;

/// A change of the repository `key`.
pub(crate) fn tell(sql: &'static str, key: &RepoKey) -> SqlQuery<'static> {
    sqlx::query(sql).bind(key.to_string()).bind(key.origin_text().to_owned())
}

/// A question about the repository `key`.
pub(crate) fn ask<T>(sql: &'static str, key: &RepoKey) -> Ask<'static, T>
where
    T: for<'r> sqlx::FromRow<'r, AnyRow>,
{
    sqlx::query_as(sql).bind(key.to_string()).bind(key.origin_text().to_owned())
}

/// The rows of one statement, in parameters.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    /// How many rows.
    pub(crate) count: usize,
    /// With how many parameters each row begins; these are the same for all of them.
    pub(crate) shared: usize,
    /// How many parameters of its own follow in each row.
    pub(crate) own: usize,
}

/// `head`, then the rows as `$` parameters, then `tail`.
pub(crate) fn insert(head: &str, rows: Rows, tail: &str) -> AssertSqlSafe<String> {
    let Rows { count, shared, own } = rows;
    let row = |row: usize| {
        let own = (1..=own).map(|column| shared + row * own + column);
        let all: Vec<_> = (1..=shared).chain(own).map(|number| format!("${number}")).collect();
        format!("({})", all.join(", "))
    };
    let rows: Vec<_> = (0..count).map(row).collect();
    // Nothing but numbers goes into the text.
    AssertSqlSafe(format!("{head} {} {tail}", rows.join(", ")))
}

/// `text` with each `{}` in it a list of the parameters after the first: `($2, $3, …)`.
pub(crate) fn with_list(text: &str, length: usize) -> AssertSqlSafe<String> {
    let all: Vec<_> = (0..length).map(|at| format!("${}", at + 2)).collect();
    AssertSqlSafe(text.replace("{}", &format!("({})", all.join(", "))))
}

/// `text` with `{}` in it a list of numbers: `(1, 2, …)`.
pub(crate) fn with_numbers(text: &str, numbers: &BTreeSet<i64>) -> AssertSqlSafe<String> {
    let all: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    AssertSqlSafe(text.replace("{}", &format!("({})", all.join(", "))))
}

/// The id of the repository, where anything of it is held.
pub(crate) async fn find_repository(on: &mut AnyConnection, key: &RepoKey) -> Result<Option<i64>, Error> {
    Ok(ask::<(i64,)>(FIND_REPOSITORY, key).fetch_optional(on).await?.map(|(id,)| id))
}

/// The id of the repository, which gets a row if it has none.
pub(crate) async fn make_repository(on: &mut AnyConnection, key: &RepoKey) -> Result<i64, Error> {
    if let Some(id) = find_repository(on, key).await? {
        return Ok(id);
    }
    let id = new_id();
    tell(MAKE_REPOSITORY, key).bind(id).execute(on).await?;
    Ok(id)
}

/// Removes the repository's row if nothing of it is held any more.
pub(crate) async fn drop_if_empty(on: &mut AnyConnection, id: i64) -> Result<(), Error> {
    sqlx::query(DROP_IF_EMPTY).bind(id).execute(on).await?;
    Ok(())
}

/// Whether the digest is linked as a blob or known as a manifest, in any repository.
pub(crate) async fn is_held(on: &mut AnyConnection, digest: &Digest) -> Result<bool, Error> {
    let found = sqlx::query_as::<_, (i64,)>(IS_HELD).bind(digest.to_string()).fetch_optional(on).await?;
    Ok(found.is_some())
}

pub(crate) const FIND_REPOSITORY: &str = "SELECT id FROM repository WHERE path = $1 AND origin = $2";
const MAKE_REPOSITORY: &str = "INSERT INTO repository (path, origin, id) VALUES ($1, $2, $3)";
pub(crate) const DROP_IF_EMPTY: &str = "DELETE FROM repository WHERE id = $1 \
     AND NOT EXISTS (SELECT 1 FROM manifest WHERE repository_id = $1) \
     AND NOT EXISTS (SELECT 1 FROM blob WHERE repository_id = $1)";
pub(crate) const IS_HELD: &str = "SELECT repository_id FROM blob WHERE digest = $1 \
     UNION ALL SELECT repository_id FROM manifest WHERE digest = $1 LIMIT 1";

/// Milliseconds since 1970 (42 bits last until 2109), then 21 random bits: 8 bytes that rise with time, so that new
/// rows share pages. Two that meet by chance break the primary key, and the transaction is tried again.
pub(crate) fn new_id() -> i64 {
    let bits = uuid::Uuid::now_v7().as_u128();
    let id = (bits >> 80) << 21 | bits & ((1 << 21) - 1);
    i64::try_from(id & u128::from(i64::MAX.unsigned_abs())).unwrap_or(i64::MAX)
}

/// The smallest key that a row made at this time may have.
pub(crate) fn first_id(at: SystemTime) -> i64 {
    to_ms(at).min(i64::MAX >> 21) << 21
}

pub(crate) fn to_ms(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn from_ms(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(count(ms))
}

/// A count, size or time out of the database; those are never negative.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A count, size or limit on its way into the database.
pub(crate) fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

pub(crate) fn digest(text: &str) -> Result<Digest, Error> {
    text.parse().map_err(|_| Error::Content { what: "digest" })
}

pub(crate) fn media_type(text: &str) -> Result<MediaType, Error> {
    MediaType::parse(text).ok_or(Error::Content { what: "media type" })
}

/// The pattern of everything that has the text in it, with `ESCAPE '!'`; without a text, everything.
pub(crate) fn containing(search: Option<&str>) -> String {
    let escape = |letter: char| match letter {
        '%' | '_' | '!' => format!("!{letter}"),
        letter => letter.to_string(),
    };
    format!("%{}%", search.unwrap_or_default().chars().map(escape).collect::<String>())
}

/// Reads one row more than the page has, to know whether there is more.
pub(crate) async fn fetch_page<T>(
    query: Ask<'_, T>,
    pool: &AnyPool,
    limit: usize,
) -> Result<(Vec<T>, bool), Error>
where
    T: for<'r> sqlx::FromRow<'r, AnyRow> + Send + Unpin,
{
    if limit == 0 {
        return Ok((Vec::new(), false));
    }
    let mut rows = query.bind(number(limit).saturating_add(1)).fetch_all(pool).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_rows() {
        let text =
            insert("INSERT INTO t VALUES", Rows { count: 2, shared: 1, own: 2 }, "ON CONFLICT DO NOTHING").0;
        assert_eq!(text, "INSERT INTO t VALUES ($1, $2, $3), ($1, $4, $5) ON CONFLICT DO NOTHING");
        let text = with_list("a IN {} OR b IN {}", 2).0;
        assert_eq!(text, "a IN ($2, $3) OR b IN ($2, $3)");
        assert_eq!(with_numbers("a IN {}", &BTreeSet::from([7, -1])).0, "a IN (-1, 7)");
    }

    #[test]
    fn times_and_ids_fit() {
        assert_eq!(from_ms(to_ms(from_ms(1_700_000_000_123))), from_ms(1_700_000_000_123));
        assert_eq!(to_ms(UNIX_EPOCH - Duration::from_secs(1)), 0);
        let ids: std::collections::HashSet<_> = (0..100).map(|_| new_id()).collect();
        assert!(ids.len() > 98 && ids.iter().all(|id| *id > 0));
    }
}

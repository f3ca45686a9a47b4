//! When instances ran: what is billed, and what counts towards an account's hours.

use std::time::{Duration, SystemTime};

use sqlx::{AnyConnection, FromRow};

use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{count, fetch_page, from_ms, number, to_ms},
};

macro_rules! periods {
    ($($rest:literal),+) => {
        concat!(
            "SELECT instance_id, started_ms, ended_ms, account_id, spec_id, cards, price, unknown_ms FROM instance_period \
             WHERE ",
            $($rest),+
        )
    };
}

pub(crate) const OF_INSTANCE: &str =
    periods!("instance_id = $1 AND started_ms > $2 ORDER BY started_ms LIMIT $3");
pub(crate) const OPEN: &str =
    periods!("instance_id = $1 AND ended_ms IS NULL ORDER BY started_ms DESC LIMIT 1");
// A run that began earlier and still goes on, or ended within the month, counts too; none is longer than a year unseen.
pub(crate) const OF_MONTH: &str =
    periods!("account_id = $1 AND started_ms > $2 AND cards > 0 AND (ended_ms IS NULL OR ended_ms > $3)");
const BEGIN: &str = "INSERT INTO instance_period (instance_id, started_ms, account_id, spec_id, cards, price) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const END: &str = "UPDATE instance_period SET ended_ms = $3, unknown_ms = $4 \
     WHERE instance_id = $1 AND started_ms = $2 AND ended_ms IS NULL";

const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
const MONTH: Duration = Duration::from_secs(31 * 24 * 3600);

/// A run of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodRecord {
    /// The instance.
    pub instance_id: i64,
    /// When it began, by the engine's clock.
    pub started: SystemTime,
    /// When it ended; `None`: it goes on.
    pub ended: Option<SystemTime>,
    /// Whose it was.
    pub account_id: i64,
    /// With which spec.
    pub spec_id: i64,
    /// How many cards it had.
    pub cards: u64,
    /// The price for an hour, in ten-thousandths.
    pub price: u64,
    /// For how long after its end nobody could say whether it went on.
    pub unknown: Duration,
}

impl Catalog {
    /// The runs of an instance after `after`, the first one first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn periods(
        &self,
        instance_id: i64,
        after: Option<SystemTime>,
        limit: usize,
    ) -> Result<Listing<PeriodRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(OF_INSTANCE).bind(instance_id).bind(after.map_or(0, to_ms));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect(), more })
    }

    /// The run of an instance that goes on.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open_period(&self, instance_id: i64) -> Result<Option<PeriodRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(OPEN).bind(instance_id);
        Ok(query.fetch_optional(&self.reader).await?.map(Raw::read))
    }

    /// The runs of an account with cards that may count in the month of this time.
    ///
    /// # Errors
    /// The database failed.
    pub async fn periods_of_month(
        &self,
        account_id: i64,
        at: SystemTime,
    ) -> Result<Vec<PeriodRecord>, Error> {
        let mut connection = self.reader.acquire().await?;
        of_month(&mut connection, account_id, at).await
    }

    /// Records that a run has begun. One that is recorded already stays as it is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn begin_period(&self, period: &PeriodRecord) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(BEGIN).bind(period.instance_id).bind(to_ms(period.started));
            let query = query.bind(period.account_id).bind(period.spec_id).bind(number(period.cards));
            query.bind(number(period.price)).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Records that the run of an instance that began at a time has ended, and for how long after that nobody could say
    /// whether it went on. One that has ended already stays as it is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_period(
        &self,
        instance_id: i64,
        started: SystemTime,
        ended: SystemTime,
        unknown: Duration,
    ) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(END).bind(instance_id).bind(to_ms(started)).bind(to_ms(ended));
            query.bind(number(unknown.as_millis())).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }
}

/// The runs of an account with cards that may count in the month of this time.
pub(super) async fn of_month(
    on: &mut AnyConnection,
    account_id: i64,
    at: SystemTime,
) -> Result<Vec<PeriodRecord>, Error> {
    let before = |age| to_ms(at.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH));
    let query = sqlx::query_as::<_, Raw>(OF_MONTH).bind(account_id).bind(before(YEAR)).bind(before(MONTH));
    Ok(query.fetch_all(on).await?.into_iter().map(Raw::read).collect())
}

#[derive(FromRow)]
struct Raw {
    instance_id: i64,
    started_ms: i64,
    ended_ms: Option<i64>,
    account_id: i64,
    spec_id: i64,
    cards: i64,
    price: i64,
    unknown_ms: i64,
}

impl Raw {
    fn read(self) -> PeriodRecord {
        PeriodRecord {
            instance_id: self.instance_id,
            started: from_ms(self.started_ms),
            ended: self.ended_ms.map(from_ms),
            account_id: self.account_id,
            spec_id: self.spec_id,
            cards: count(self.cards),
            price: count(self.price),
            unknown: Duration::from_millis(count(self.unknown_ms)),
        }
    }
}

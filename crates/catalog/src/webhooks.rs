//! Deliveries of events to webhooks: a queue for each webhook, and the log of what came of it.

use std::{collections::BTreeSet, time::SystemTime};

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::{self, count, fetch_page, from_ms, number, to_ms},
    words::words,
};

/// How many deliveries of each webhook are kept.
pub const KEPT_DELIVERIES: usize = 1000;

words! {
    /// What came of a delivery.
    DeliveryStatus "status of a delivery" {
        /// It is tried, or tried again, when its time comes.
        Waiting = "waiting",
        /// The other side has taken it.
        Delivered = "delivered",
        /// The other side has not taken it, and it is not tried any more.
        Failed = "failed",
    }
}

/// A delivery to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// The webhook.
    pub webhook: String,
    /// The event's id.
    pub event: String,
    /// The event's name.
    pub kind: String,
    /// The event, as JSON.
    pub body: String,
    /// When the event was raised.
    pub raised: SystemTime,
    /// When it is tried; `None` for one that is tried by whoever records it.
    pub next: Option<SystemTime>,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id.
    pub id: i64,
    /// The webhook.
    pub webhook: String,
    /// The event's id.
    pub event: String,
    /// The event's name.
    pub kind: String,
    /// The event, as JSON.
    pub body: String,
    /// When the event was raised.
    pub raised: SystemTime,
    /// What came of it.
    pub status: DeliveryStatus,
    /// How often it was tried since it was recorded, or since somebody asked for it once more.
    pub attempts: u32,
    /// When it is tried, while it waits.
    pub next: SystemTime,
    /// When it was tried last.
    pub tried: Option<SystemTime>,
    /// The HTTP status of the last answer.
    pub answer: Option<u16>,
    /// Why the last attempt failed.
    pub problem: Option<String>,
}

/// An attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// When.
    pub at: SystemTime,
    /// The HTTP status of the answer, if there was one.
    pub answer: Option<u16>,
    /// Why it failed.
    pub problem: Option<String>,
    /// What becomes of the delivery.
    pub status: DeliveryStatus,
    /// When it is tried again, if it waits.
    pub next: SystemTime,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those to this webhook.
    pub webhook: Option<String>,
    /// Only those of which this came.
    pub status: Option<DeliveryStatus>,
    /// Only those before this one.
    pub before: Option<i64>,
}

macro_rules! deliveries_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, webhook, event, kind, body, raised_ms, status, attempts, next_ms, tried_ms, answer, problem \
             FROM webhook_delivery WHERE ",
            $condition
        )
    };
}
pub(crate) const NEXT: &str =
    deliveries_where!("webhook = $1 AND status = 'waiting' ORDER BY next_ms, id LIMIT 1");
pub(crate) const DELIVERY: &str = deliveries_where!("id = $1");
pub(crate) const DELIVERIES: &str =
    deliveries_where!("status = COALESCE($1, status) AND id < $2 ORDER BY id DESC LIMIT $3");
pub(crate) const DELIVERIES_OF: &str =
    deliveries_where!("webhook = $1 AND status = COALESCE($2, status) AND id < $3 ORDER BY id DESC LIMIT $4");
pub(crate) const TRIM: &str = "DELETE FROM webhook_delivery WHERE webhook = $1 AND id <= \
     (SELECT id FROM webhook_delivery WHERE webhook = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
pub(crate) const TRIM_WAITING: &str = "DELETE FROM webhook_delivery WHERE webhook = $1 AND status = 'waiting' \
     AND id <= (SELECT id FROM webhook_delivery WHERE webhook = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
pub(crate) const WAITING: &str =
    "SELECT COUNT(*) FROM webhook_delivery WHERE webhook = $1 AND status = 'waiting'";
pub(crate) const FORGET: &str = "DELETE FROM webhook_delivery WHERE webhook = $1";
const NAMES: &str = "SELECT DISTINCT webhook FROM webhook_delivery";
const ADD: &str = "INSERT INTO webhook_delivery (id, webhook, event, kind, body, raised_ms, status, next_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const TRIED: &str = "UPDATE webhook_delivery SET attempts = attempts + 1, tried_ms = $2, answer = $3, \
     problem = $4, status = $5, next_ms = $6 WHERE id = $1";
const AGAIN: &str =
    "UPDATE webhook_delivery SET status = 'waiting', attempts = 0, next_ms = $2 WHERE id = $1";

impl Catalog {
    /// Records deliveries, and removes the oldest of each webhook beyond [`KEPT_DELIVERIES`]. Returns their ids, and how
    /// many of those that were removed had waited to be tried.
    ///
    /// # Errors
    /// The database failed; then nothing is recorded.
    pub async fn add_deliveries(&self, new: &[NewDelivery]) -> Result<(Vec<i64>, u64), Error> {
        retried(|| self.try_add_deliveries(new)).await
    }

    async fn try_add_deliveries(&self, new: &[NewDelivery]) -> Result<(Vec<i64>, u64), Error> {
        let mut tx = self.begin().await?;
        let (mut ids, mut lost) = (Vec::new(), 0);
        for delivery in new {
            let id = sql::new_id();
            let status = delivery.next.map_or(DeliveryStatus::Failed, |_| DeliveryStatus::Waiting);
            let query = sqlx::query(ADD).bind(id).bind(delivery.webhook.clone());
            let query = query.bind(delivery.event.clone()).bind(delivery.kind.clone());
            let query = query.bind(delivery.body.clone()).bind(to_ms(delivery.raised));
            let next = to_ms(delivery.next.unwrap_or(delivery.raised));
            query.bind(status.as_str()).bind(next).execute(&mut *tx).await?;
            ids.push(id);
        }
        let webhooks: BTreeSet<&str> = new.iter().map(|delivery| delivery.webhook.as_str()).collect();
        for webhook in webhooks {
            let trim = |text| sqlx::query(text).bind(webhook.to_owned()).bind(number(KEPT_DELIVERIES));
            lost += trim(TRIM_WAITING).execute(&mut *tx).await?.rows_affected();
            trim(TRIM).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok((ids, lost))
    }

    /// The delivery to a webhook whose time comes first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next_delivery(&self, webhook: &str) -> Result<Option<DeliveryRecord>, Error> {
        let query = sqlx::query_as::<_, Raw>(NEXT).bind(webhook.to_owned());
        query.fetch_optional(&self.reader).await?.map(Raw::read).transpose()
    }

    /// A delivery; `None` if there is none with this id, or it was removed because of its age.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delivery(&self, id: i64) -> Result<Option<DeliveryRecord>, Error> {
        let row = sqlx::query_as::<_, Raw>(DELIVERY).bind(id).fetch_optional(&self.reader).await?;
        row.map(Raw::read).transpose()
    }

    /// Deliveries, the latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<Listing<DeliveryRecord>, Error> {
        let query = match &filter.webhook {
            Some(webhook) => sqlx::query_as::<_, Raw>(DELIVERIES_OF).bind(webhook.clone()),
            None => sqlx::query_as(DELIVERIES),
        };
        let query = query.bind(filter.status.map(DeliveryStatus::as_str));
        let query = query.bind(filter.before.unwrap_or(i64::MAX));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// How many deliveries to a webhook wait.
    ///
    /// # Errors
    /// The database failed.
    pub async fn waiting_deliveries(&self, webhook: &str) -> Result<u64, Error> {
        let query = sqlx::query_as::<_, (i64,)>(WAITING).bind(webhook.to_owned());
        Ok(count(query.fetch_one(&self.reader).await?.0))
    }

    /// Records an attempt.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tried_delivery(&self, id: i64, attempt: &DeliveryAttempt) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(TRIED).bind(id).bind(to_ms(attempt.at));
            let query = query.bind(attempt.answer.map(i64::from)).bind(attempt.problem.clone());
            let query = query.bind(attempt.status.as_str()).bind(to_ms(attempt.next));
            query.execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Has a delivery tried once more from `at` on, whatever came of it so far. Returns false if there is none with this id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn deliver_again(&self, id: i64, at: SystemTime) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(AGAIN).bind(id).bind(to_ms(at));
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Removes the deliveries to webhooks that are not among `names`. Returns how many of them had waited.
    ///
    /// # Errors
    /// The database failed.
    pub async fn keep_deliveries_to(&self, names: &[&str]) -> Result<u64, Error> {
        let known = sqlx::query_as::<_, (String,)>(NAMES).fetch_all(&self.reader).await?;
        let mut waiting = 0;
        for (webhook,) in known.into_iter().filter(|(known,)| !names.contains(&known.as_str())) {
            waiting += self.waiting_deliveries(&webhook).await?;
            retried(|| async {
                sqlx::query(FORGET).bind(webhook.clone()).execute(&self.writer).await?;
                Ok(())
            })
            .await?;
        }
        Ok(waiting)
    }
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    webhook: String,
    event: String,
    kind: String,
    body: String,
    raised_ms: i64,
    status: String,
    attempts: i64,
    next_ms: i64,
    tried_ms: Option<i64>,
    answer: Option<i64>,
    problem: Option<String>,
}

impl Raw {
    fn read(self) -> Result<DeliveryRecord, Error> {
        Ok(DeliveryRecord {
            id: self.id,
            webhook: self.webhook,
            event: self.event,
            kind: self.kind,
            body: self.body,
            raised: from_ms(self.raised_ms),
            status: DeliveryStatus::read(&self.status)?,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            next: from_ms(self.next_ms),
            tried: self.tried_ms.map(from_ms),
            answer: self.answer.and_then(|answer| u16::try_from(answer).ok()),
            problem: self.problem,
        })
    }
}

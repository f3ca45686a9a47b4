//! Images that people asked for, and who did.

use std::time::SystemTime;

use entrepot_oci::Digest;
use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    library::Sequence,
    records::Listing,
    sql::{count, digest, fetch_page, from_ms, number, to_ms},
    words::words,
};

macro_rules! columns {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, image, platforms, status, digest, bytes_total, bytes_done, error, error_detail, created_ms, \
             started_ms, finished_ms, (SELECT COUNT(*) FROM image_request_asker \
             WHERE request_id = image_request.id AND left_ms IS NULL) AS askers FROM image_request WHERE ",
            $($rest),+
        )
    };
}

pub(crate) const REQUEST: &str = columns!("id = $1");
pub(crate) const OPEN: &str = columns!("image = $1 AND platforms = $2 AND finished_ms IS NULL");
pub(crate) const UNFINISHED: &str = columns!("finished_ms IS NULL AND image > '' ORDER BY image, platforms");
pub(crate) const REQUESTS: &str =
    columns!("id < $1 AND status = COALESCE($2, status) ORDER BY id DESC LIMIT $3");
pub(crate) const REQUESTS_OF: &str = columns!(
    "id IN (SELECT request_id FROM image_request_asker WHERE client = $1 AND request_id < $2) \
     AND status = COALESCE($3, status) ORDER BY id DESC LIMIT $4"
);
const ADD: &str = "INSERT INTO image_request (id, image, platforms, status, digest, bytes_total, created_ms) \
     VALUES ($1, $2, $3, 'queued', $4, $5, $6)";
const ASK: &str = "INSERT INTO image_request_asker (request_id, client, asked_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (request_id, client) DO UPDATE SET left_ms = NULL";
pub(crate) const LEAVE: &str = "UPDATE image_request_asker SET left_ms = $3 \
     WHERE request_id = $1 AND client = $2 AND left_ms IS NULL";
const STEP: &str = "UPDATE image_request SET status = $2, digest = $3, bytes_total = $4, bytes_done = $5, \
     started_ms = COALESCE(started_ms, $6) WHERE id = $1 AND finished_ms IS NULL";
const END: &str = "UPDATE image_request SET status = $2, error = $3, error_detail = $4, finished_ms = $5 \
     WHERE id = $1 AND finished_ms IS NULL";
pub(crate) const OPEN_OF: &str = "SELECT COUNT(*) FROM image_request_asker, image_request \
     WHERE client = $1 AND left_ms IS NULL AND image_request.id = request_id AND finished_ms IS NULL";
pub(crate) const ASKED_SINCE: &str =
    "SELECT COUNT(*), MIN(asked_ms) FROM image_request_asker WHERE client = $1 AND asked_ms > $2";
pub(crate) const HAS_ASKED: &str =
    "SELECT request_id FROM image_request_asker WHERE request_id = $1 AND client = $2";
pub(crate) const TRIM: &str = "DELETE FROM image_request WHERE id < $1 AND finished_ms < $2";

words! {
    /// How far a request for an image is.
    ImageRequestStatus "status of a request" {
        /// It waits for its turn.
        Queued = "queued",
        /// What is missing comes.
        Running = "running",
        /// All of it is here.
        Done = "done",
        /// It failed.
        Failed = "failed",
        /// Everybody who asked has taken it back, or it waited too long.
        Canceled = "canceled",
    }
}

/// An image that somebody asks for.
#[derive(Clone, Debug)]
pub struct NewImageRequest {
    /// The image in full.
    pub image: String,
    /// The platforms, separated by commas.
    pub platforms: String,
    /// What its reference leads to.
    pub digest: Digest,
    /// How many bytes its blobs have.
    pub size: u64,
    /// Who asks, as limits know them.
    pub client: String,
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRequestStep {
    /// What becomes of it.
    pub status: ImageRequestStatus,
    /// What its reference leads to.
    pub digest: Option<Digest>,
    /// How many bytes there are.
    pub bytes_total: Option<u64>,
    /// How many of them are here.
    pub bytes_done: u64,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRequestEnd {
    /// [`ImageRequestStatus::Done`], `Failed` or `Canceled`.
    pub status: ImageRequestStatus,
    /// Why it failed, as a code.
    pub error: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
}

/// A request for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRequestRecord {
    /// Its id.
    pub id: i64,
    /// The image in full.
    pub image: String,
    /// The platforms, separated by commas.
    pub platforms: String,
    /// How far it is.
    pub step: ImageRequestStep,
    /// Why it failed, as a code.
    pub error: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
    /// How many ask for it.
    pub askers: u64,
    /// When it was asked for.
    pub created: SystemTime,
    /// When its turn came.
    pub started: Option<SystemTime>,
    /// When it ended.
    pub finished: Option<SystemTime>,
}

/// Which requests to list.
#[derive(Clone, Debug, Default)]
pub struct ImageRequestFilter {
    /// Only those of this client.
    pub client: Option<String>,
    /// Only those of this status.
    pub status: Option<ImageRequestStatus>,
    /// The id of the last one of the page before.
    pub before: Option<i64>,
}

/// What a client has asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageRequestCounts {
    /// Requests that have not ended.
    pub open: u64,
    /// Requests since a moment, whatever became of them.
    pub recent: u64,
    /// When the first of those was made.
    pub first_recent: Option<SystemTime>,
}

impl Catalog {
    /// The request with this id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn image_request(&self, id: i64) -> Result<Option<ImageRequestRecord>, Error> {
        let row = sqlx::query_as::<_, Raw>(REQUEST).bind(id).fetch_optional(&self.reader).await?;
        row.map(Raw::read).transpose()
    }

    /// The requests that a filter selects, the latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn image_requests(
        &self,
        filter: &ImageRequestFilter,
        limit: usize,
    ) -> Result<Listing<ImageRequestRecord>, Error> {
        let before = filter.before.unwrap_or(i64::MAX);
        let query = match &filter.client {
            Some(client) => sqlx::query_as::<_, Raw>(REQUESTS_OF).bind(client.clone()),
            None => sqlx::query_as::<_, Raw>(REQUESTS),
        };
        let query = query.bind(before).bind(filter.status.map(ImageRequestStatus::as_str));
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }

    /// The requests that have not ended, the oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn unfinished_image_requests(&self) -> Result<Vec<ImageRequestRecord>, Error> {
        let rows = sqlx::query_as::<_, Raw>(UNFINISHED).fetch_all(&self.reader).await?;
        let mut all: Vec<_> = rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?;
        all.sort_by_key(|request| request.id);
        Ok(all)
    }

    /// Records that a client asks for an image, or for one that was asked for already and has not ended. Returns the
    /// request, and whether it is new.
    ///
    /// # Errors
    /// The database failed; then nothing is recorded.
    pub async fn ask_for_image(
        &self,
        new: &NewImageRequest,
        at: SystemTime,
    ) -> Result<(ImageRequestRecord, bool), Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let open = || sqlx::query_as::<_, Raw>(OPEN).bind(new.image.clone()).bind(new.platforms.clone());
            let known = open().fetch_optional(&mut *tx).await?;
            let id = match &known {
                Some(known) => known.id,
                None => Sequence::Request.next(&mut tx).await?,
            };
            if known.is_none() {
                let query = sqlx::query(ADD).bind(id).bind(new.image.clone()).bind(new.platforms.clone());
                let query = query.bind(new.digest.to_string()).bind(number(new.size)).bind(to_ms(at));
                query.execute(&mut *tx).await?;
            }
            sqlx::query(ASK).bind(id).bind(new.client.clone()).bind(to_ms(at)).execute(&mut *tx).await?;
            let record = open().fetch_one(&mut *tx).await?.read()?;
            tx.commit().await?;
            Ok((record, known.is_none()))
        })
        .await
    }

    /// Records that a client no longer asks for an image. Returns how many still do; `None` if this one did not.
    ///
    /// # Errors
    /// The database failed.
    pub async fn leave_image_request(
        &self,
        id: i64,
        client: &str,
        at: SystemTime,
    ) -> Result<Option<u64>, Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let query = sqlx::query(LEAVE).bind(id).bind(client.to_owned()).bind(to_ms(at));
            let has_left = query.execute(&mut *tx).await?.rows_affected() > 0;
            let left = sqlx::query_as::<_, Raw>(REQUEST).bind(id).fetch_optional(&mut *tx).await?;
            tx.commit().await?;
            Ok(left.filter(|_| has_left).map(|row| count(row.askers)))
        })
        .await
    }

    /// What a client has asked for, in all and since a moment.
    ///
    /// # Errors
    /// The database failed.
    pub async fn image_request_counts(
        &self,
        client: &str,
        since: SystemTime,
    ) -> Result<ImageRequestCounts, Error> {
        let open = sqlx::query_as::<_, (i64,)>(OPEN_OF).bind(client.to_owned());
        let recent = sqlx::query_as::<_, (i64, Option<i64>)>(ASKED_SINCE);
        let recent = recent.bind(client.to_owned()).bind(to_ms(since));
        let (open,) = open.fetch_one(&self.reader).await?;
        let (recent, first) = recent.fetch_one(&self.reader).await?;
        Ok(ImageRequestCounts { open: count(open), recent: count(recent), first_recent: first.map(from_ms) })
    }

    /// True if a client has asked for this.
    ///
    /// # Errors
    /// The database failed.
    pub async fn has_asked(&self, id: i64, client: &str) -> Result<bool, Error> {
        let query = sqlx::query_as::<_, (i64,)>(HAS_ASKED).bind(id).bind(client.to_owned());
        Ok(query.fetch_optional(&self.reader).await?.is_some())
    }

    /// Records how far a request is. One that has ended stays as it is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn image_request_step(
        &self,
        id: i64,
        step: &ImageRequestStep,
        at: SystemTime,
    ) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(STEP).bind(id).bind(step.status.as_str());
            let query = query.bind(step.digest.map(|digest| digest.to_string()));
            let query = query.bind(step.bytes_total.map(number)).bind(number(step.bytes_done));
            let started = (step.status == ImageRequestStatus::Running).then(|| to_ms(at));
            query.bind(started).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Records the end of a request. Returns false if it had ended before.
    ///
    /// # Errors
    /// The database failed.
    pub async fn image_request_ended(
        &self,
        id: i64,
        end: &ImageRequestEnd,
        at: SystemTime,
    ) -> Result<bool, Error> {
        retried(|| async {
            let query = sqlx::query(END).bind(id).bind(end.status.as_str()).bind(end.error.clone());
            let query = query.bind(end.detail.clone()).bind(to_ms(at));
            Ok(query.execute(&self.writer).await?.rows_affected() > 0)
        })
        .await
    }

    /// Forgets requests whose ids are smaller than `before_id`, and that ended before a moment.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trim_image_requests(&self, before_id: i64, ended_before: SystemTime) -> Result<u64, Error> {
        retried(|| async {
            let query = sqlx::query(TRIM).bind(before_id).bind(to_ms(ended_before));
            Ok(query.execute(&self.writer).await?.rows_affected())
        })
        .await
    }
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    image: String,
    platforms: String,
    status: String,
    digest: Option<String>,
    bytes_total: Option<i64>,
    bytes_done: i64,
    error: Option<String>,
    error_detail: Option<String>,
    created_ms: i64,
    started_ms: Option<i64>,
    finished_ms: Option<i64>,
    askers: i64,
}

impl Raw {
    fn read(self) -> Result<ImageRequestRecord, Error> {
        let step = ImageRequestStep {
            status: ImageRequestStatus::read(&self.status)?,
            digest: self.digest.as_deref().map(digest).transpose()?,
            bytes_total: self.bytes_total.map(count),
            bytes_done: count(self.bytes_done),
        };
        Ok(ImageRequestRecord {
            id: self.id,
            image: self.image,
            platforms: self.platforms,
            step,
            error: self.error,
            detail: self.error_detail,
            askers: count(self.askers),
            created: from_ms(self.created_ms),
            started: self.started_ms.map(from_ms),
            finished: self.finished_ms.map(from_ms),
        })
    }
}
